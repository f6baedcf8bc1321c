/*
 * hostsdk/adapt_impl.h - an adapted VM with a program in it. Private.
 *
 * adapt.c loads and runs, adapt_fields.c moves the state, adapt_io.c is the
 * outside, adapt_check.c says what is wrong.
 *
 * WHERE THE STATE IS. Between runs in the struct fisa_state. During a run the
 * cells are the VM object's, while memory is in both: what is stored is taken
 * over after each instruction. A part of the state that the adapter does not
 * show stays in the struct all the time.
 */
#ifndef FLUX_HOSTSDK_ADAPT_IMPL_H
#define FLUX_HOSTSDK_ADAPT_IMPL_H

#include "hostsdk/adapt.h"
#include "hostsdk/native.h"
#include "isa/lethal.h"

#pragma GCC visibility push(hidden)

#define FHOST_MAX_REGIONS 16

/* What is known of the instruction at an address before it runs. */
enum {
  FHOST_PLAN_LETHAL = 1 << 0,  /* it may be: ask */
  FHOST_PLAN_STORE = 1 << 1,   /* it may store: ask */
  FHOST_PLAN_SWEEP = 1 << 2,   /* opaque: look for what it stored */
  FHOST_PLAN_YIELD = 1 << 3,
  FHOST_PLAN_TRAP = 1 << 4,    /* a named row that only faults */
  FHOST_PLAN_FLOATS = 1 << 5   /* puts floats among integers */
};

struct fhost_plan {
  struct fisa_insn in;
  uint8_t decoded;             /* enum fisa_decode_status */
  uint8_t what;                /* FHOST_PLAN_* */
};

/* A callback of the VM that carries nothing, and its function. */
struct fhost_hooked {
  struct fhost_adapted *c;
  const struct fhost_vm_hook *hook;
  struct fhost_closure *fn;
};

struct fhost_adapted {
  struct fhost_io io;          /* first: what callbacks are handed */
  const struct fhost_adapter *a;
  const struct fisa_dialect *d;
  uint32_t how;                /* FHOST_LOAD_* */
  void *vm;
  uint8_t *code;               /* [size] */
  uint32_t size;
  struct fisa_boundary boundary;
  struct fhost_plan *plan;     /* [size] */
  uint8_t *heads;              /* [size / 8 + 1] */
  struct fhost_hooked hooked[FHOST_MAX_HOOKS];
  /* A VM that has no step: halts, but for the instruction that runs. */
  uint8_t *image;
  const struct fisa_row *filler;

  const struct fhost_vm_field *files[FISA_MAX_FILES]; /* NULL: not shown */
  uint8_t *file_of;            /* [cell_count] */
  const struct fhost_vm_field *regions[FHOST_MAX_REGIONS];
  uint32_t region_count;
  uint64_t *held;              /* pages that the VM's memory may hold */

  /* During a run. */
  struct fisa_state *s;
  const struct fhost_vm_io *out;
  const struct fisa_insn *running; /* NULL: not told */
  bool gave;                   /* on the channel that ends a task */
};

/* ---- adapt_fields.c ----------------------------------------------------- */

/* Bytes of a C type; a cell of FHOST_BYTES has 4. */
size_t fhost_ctype_size(uint8_t type);

/* A number of the VM object. */
int64_t fhost_number_get(const void *vm, const struct fhost_vm_number *n);
void fhost_number_put(void *vm, const struct fhost_vm_number *n, int64_t v);

/* Bytes that a field of memory covers. */
uint32_t fhost_region_size(const struct fhost_vm_field *f);

/* Which file of the state list a field names: its index, FHOST_IS_MEM, or
 * FHOST_IS_NOTHING. */
enum { FHOST_IS_MEM = -1, FHOST_IS_NOTHING = -2 };
int fhost_field_file(const struct fisa_dialect *d,
                     const struct fhost_vm_field *f);

/* The stack whose index a cell is, or NULL. */
const struct fisa_file *fhost_index_of(const struct fisa_dialect *d,
                                       uint32_t cell);

/* Finds places for the whole state list. 0, or -1: memory. */
int fhost_places_make(struct fhost_adapted *c);

/* The bits of a float, those of any NaN being the canonical one's. */
static inline int32_t fhost_canonical(int32_t bits) {
  return (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC00000 : bits;
}

int32_t fhost_cell_get(const struct fhost_adapted *c, uint32_t cell);
void fhost_cell_put(struct fhost_adapted *c, uint32_t cell, int32_t value);
uint8_t fhost_byte_get(const struct fhost_adapted *c, uint32_t address);

/* The state into the VM object, and back; `s` and `out` are set. */
void fhost_state_in(struct fhost_adapted *c);
void fhost_state_out(struct fhost_adapted *c);

/* Takes a run of bytes over that was stored to; addresses wrap. */
void fhost_take_over(struct fhost_adapted *c, uint32_t first, uint32_t count);

/* Takes over whatever memory differs. */
void fhost_sweep_memory(struct fhost_adapted *c);

/* ---- adapt.c ------------------------------------------------------------ */

/* The halt row of one byte that surrounds an instruction which runs alone, or
 * NULL. */
const struct fisa_row *fhost_filler(const struct fisa_dialect *d);

/* Says the first of what is wrong with an adapter. 0, or -1 with err. */
int fhost_adapter_usable(const struct fhost_adapter *a,
                         const struct fisa_dialect *d,
                         struct fisa_error *err);

/* ---- adapt_io.c --------------------------------------------------------- */

/* Which of a dialect's sources or channels has a name. */
#define FHOST_NO_NAME UINT16_MAX
uint16_t fhost_name_find(const char (*names)[FISA_MAX_NAME], uint32_t count,
                         const char *name);

/* Fills c->io and makes the functions. 0, or -1 with err. */
int fhost_io_make(struct fhost_adapted *c, struct fisa_error *err);
void fhost_io_done(struct fhost_adapted *c);
/* Connects the VM, and puts the functions where it finds them. */
void fhost_io_install(struct fhost_adapted *c);

#pragma GCC visibility pop

#endif /* FLUX_HOSTSDK_ADAPT_IMPL_H */
