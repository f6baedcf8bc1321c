/*
 * hostsdk/vm_impl.h - what the parts of the reference VM share.
 *
 * vm_decode.c turns code bytes into slots, vm.c runs them, vm_mem.c holds
 * the rows that walk memory or a whole register file.
 */
#ifndef FLUX_HOSTSDK_VM_IMPL_H
#define FLUX_HOSTSDK_VM_IMPL_H

#include "hostsdk/vm.h"
#include "hostsdk/vm_ops.h"

#include "hostsdk/unified_gen.h"

/* Computed goto is a GNU extension; without it the same source is a switch. */
#if !defined(__GNUC__) && !defined(FVM_SWITCH_DISPATCH)
#define FVM_SWITCH_DISPATCH 1
#endif

enum {
  FVM_REGS = UNI_COUNT_R,
  FVM_STACK = UNI_COUNT_STK,
  FVM_MEM = UNI_MEM_SIZE,
  FVM_ADDRESS_MASK = FVM_MEM - 1,
  /* Register byte 0 reads the one and writes the other. */
  FVM_CELL_ZERO = UNI_CELL_COUNT,
  FVM_CELL_SINK = UNI_CELL_COUNT + 1
};

/*
 * One predecoded instruction, two to a cache line. Cell numbers of what rd
 * writes (d) and reads (r), and of what rs1 and rs2 read (a, b); some shapes
 * use them otherwise, see enum fvm_shape.
 */
struct fvm_slot {
  union {
    const void *label; /* computed goto */
    uintptr_t op;      /* switch */
  } go;
  const struct fvm_slot *target;
  int32_t imm;
  uint32_t pc;         /* a slot behind the end keeps the jump's target */
  uint16_t d, r, a, b;
};

/* Set in d of an emitting slot: the output ends the task. */
#define FVM_EMIT_STOPS 1

struct fvm_code {
  uint32_t size;
  int32_t truncated, unknown;
  int32_t lethal[FLUX_LETHAL_COUNT];
  uint16_t rand_source;
  struct fvm_slot *plain;    /* [size], the end slot, far ends */
  struct fvm_slot *counting; /* the same, COUNT at block heads */
  uint8_t *real;             /* [size]: handler under COUNT or BOUNDARY */
  uint8_t *heads;            /* [(size + 7) / 8] */
};

/* Points a slot at its handler. */
void fvm_slot_bind(struct fvm_slot *slot, enum fvm_op op);

/* The rows of vm_mem.c. Addresses wrap; n <= 0 means no byte. */
void fvm_mark(struct fisa_state *s, uint32_t address, uint32_t n);
uint32_t fvm_load32(const struct fisa_state *s, uint32_t address);
void fvm_store32(struct fisa_state *s, uint32_t address, uint32_t value);
void fvm_store8(struct fisa_state *s, uint32_t address, uint32_t value);
void fvm_memset(struct fisa_state *s, uint32_t address, uint8_t value,
                int32_t n);
void fvm_memcpy(struct fisa_state *s, uint32_t to, uint32_t from, int32_t n);
bool fvm_memcmp(const struct fisa_state *s, uint32_t x, uint32_t y, int32_t n);
bool fvm_memscan(const struct fisa_state *s, uint32_t address, uint8_t value,
                 int32_t n);
int32_t fvm_memindex(const struct fisa_state *s, uint32_t address, int32_t n);
int32_t fvm_memsum(const struct fisa_state *s, uint32_t address, int32_t n);
int32_t fvm_memmin(const struct fisa_state *s, uint32_t address, int32_t n);
int32_t fvm_memmax(const struct fisa_state *s, uint32_t address, int32_t n);
int32_t fvm_crc32(const struct fisa_state *s, uint32_t address, int32_t n);
int32_t fvm_varint_out(struct fisa_state *s, uint32_t address, int32_t value);
int32_t fvm_varint_in(const struct fisa_state *s, uint32_t address);
bool fvm_cas(struct fisa_state *s, uint32_t address, uint8_t expected,
             uint8_t value);
int32_t fvm_weight_sum(const struct fisa_state *s, uint32_t address,
                       int32_t n);
int32_t fvm_weight_pick(const struct fisa_state *s, uint32_t address,
                        int32_t n, int32_t r);

/* Whole-file rows. Diffusing returns what is left of the value. */
void fvm_converge(int32_t *cells, uint32_t raw);
int32_t fvm_diffuse(int32_t *cells, int32_t value, int32_t n);

/* 1 and the truncated power in *out, or 0 when it is no int32. */
int fvm_pow(int32_t base, int32_t exponent, int32_t *out);
int32_t fvm_log(int32_t x); /* x is not 0 */

#endif /* FLUX_HOSTSDK_VM_IMPL_H */
