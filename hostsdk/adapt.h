/*
 * hostsdk/adapt.h - a VM of yours as the runtime drives any VM.
 *
 * Fill one struct: which dialect the VM speaks, where its registers, stacks
 * and memory lie in its object, how it steps. The layer does the rest: task
 * boundaries, fuel, execution counts, the faults that the dialect's head
 * names, the inputs that would be lethal to a VM that checks nothing, which
 * bytes were stored to, and one callback function per agent for VMs whose
 * callbacks carry no user pointer. docs/adapt-a-vm.md goes through it all.
 *
 * The struct and all it points to are read-only and live as long as the VM
 * is used. An adapter calls nothing of libfluxhost, so that it may be a
 * shared object of its own (flux_vm_NAME.so) that links to nothing.
 */
#ifndef FLUX_HOSTSDK_ADAPT_H
#define FLUX_HOSTSDK_ADAPT_H

#include <flux/services.h>

#include "hostsdk/runtime.h"

/* ---- where things lie --------------------------------------------------- */

/* The C type of a member of the VM object. */
enum fhost_ctype {
  FHOST_NOT_THERE,
  FHOST_I8, FHOST_U8, FHOST_I16, FHOST_U16, FHOST_I32, FHOST_U32, FHOST_I64,
  FHOST_U64,
  FHOST_F32,
  FHOST_BYTES             /* memory; a register file as its bytes, cells of 4
                             in little-endian order */
};

/* What a field may say besides; bits. */
enum {
  FHOST_POINTER = 1u << 0,   /* the member is a pointer to the elements; NULL
                                while there are none */
  FHOST_BOTTOM_UP = 1u << 1, /* a stack: element 0 is the bottom, whichever
                                way the dialect's stack grows */
  FHOST_DEPTH = 1u << 2      /* the index of a stack, told as its depth */
};

/* One entry of the dialect's state list as the VM holds it, or a piece of
 * memory. */
struct fhost_vm_field {
  const char *name;       /* of the state list ("R", "SP"), or "mem" */
  size_t offset;          /* of the member in the VM object */
  void *(*where)(void *vm); /* or: gives the address of the elements; NULL
                               while there are none */
  uint8_t type;           /* enum fhost_ctype, of an element */
  uint8_t flags;          /* FHOST_POINTER, ... */
  uint32_t count;         /* elements */
  uint32_t address;       /* mem: what address the first byte has */
  uint32_t mask;          /* flags in one word: the bit of this one; else 0 */
};

/* A number that is no part of the state list: pc, cycles, ... */
struct fhost_vm_number {
  size_t offset;
  uint8_t type;           /* enum fhost_ctype; FHOST_NOT_THERE: none */
};

/* Shorthand. An array member; a single one; an array behind a pointer. */
#define FHOST_ARRAY(name_, vm, member, type_)                                 \
  {.name = (name_), .offset = offsetof(vm, member), .type = (type_),          \
   .count = sizeof(((vm *)0)->member) / sizeof(((vm *)0)->member[0])}
#define FHOST_CELL(name_, vm, member, type_)                                  \
  {.name = (name_), .offset = offsetof(vm, member), .type = (type_),          \
   .count = 1}
#define FHOST_BEHIND(name_, vm, member, type_, count_, address_)              \
  {.name = (name_), .offset = offsetof(vm, member), .type = (type_),          \
   .flags = FHOST_POINTER, .count = (count_), .address = (address_)}
#define FHOST_NUMBER(vm, member, type_) {offsetof(vm, member), (type_)}

/* ---- how it stops ------------------------------------------------------- */

/* What step and run return. Any other number is a code of the VM's own, as if
 * it stood in the member `fault`. */
#define FHOST_GOES_ON 0          /* look at the members below */
#define FHOST_HALTED (-2147483647 - 1)
#define FHOST_RAN_OFF (-2147483647)
#define FHOST_OUT_OF_BUDGET (-2147483646)

/* What a code of the VM means. One that is in no row is the fault of that
 * number. */
struct fhost_vm_code {
  int32_t code;
  int32_t status;         /* FISA_RUN_*, or FHOST_RUNS */
  int32_t fault;          /* FISA_RUN_FAULT: its number in the dialect */
};
#define FHOST_RUNS (-1)   /* it did not stop */

/* ---- the outside -------------------------------------------------------- */

/*
 * Where a VM's callbacks get values and put them. One a VM object, for all of
 * its life; to be called from inside step or run, on its thread. Names are
 * those of the dialect; NULL: of the row that runs now (with `step` alone). A
 * name that the dialect does not have gives 0, and takes nothing.
 */
struct fhost_io {
  /* The next value of a source. */
  int32_t (*take)(struct fhost_io *io, const char *source,
                  const int32_t *arg, unsigned argc);
  /* A value on a channel; FISA_MAX_ARGS arguments at most. */
  void (*give)(struct fhost_io *io, const char *channel, const int32_t *arg,
               unsigned argc);
  /* A payload on a channel, of at most 65535 bytes. */
  void (*give_payload)(struct fhost_io *io, const char *channel,
                       const uint8_t *bytes, uint32_t size);
};

enum fhost_hook_kind {
  FHOST_TAKES,            /* its result is the next value of a source */
  FHOST_GIVES             /* its arguments go out on a channel */
};

#define FHOST_MAX_HOOKS 8

/*
 * A callback of a VM that carries no user pointer: each VM object gets a
 * function of its own. Integers smaller than 32 bits are written i32, of
 * which only the low bits count; pointers i64, on machines where they are.
 */
struct fhost_vm_hook {
  const char *types;      /* as the VM calls it: "(i32,i32)->void" */
  uint8_t kind;           /* enum fhost_hook_kind */
  const char *name;       /* of the source or channel; NULL: as above */
  /* What it does; NULL: what `kind` says, with all arguments. */
  void (*handle)(struct fhost_io *io, const flux_value *args, uint32_t count,
                 flux_value *result);
  size_t offset;          /* of the function pointer in the VM object */
  void (*install)(void *vm, void (*fn)(void)); /* or: puts it there */
};

/* ---- the VM ------------------------------------------------------------- */

struct fhost_adapter {
  uint32_t struct_size;   /* sizeof(struct fhost_adapter) */
  const char *dialect;
  const char *build_id;   /* changes whenever the VM may behave otherwise */

  /* Its object: `size` zero bytes, then init; or what create makes. NULL and
   * non-zero: no memory. destroy comes before the bytes are freed; all but
   * one of size and create may be left out. Any thread. */
  size_t size;
  int (*init)(void *vm);
  void *(*create)(void);
  void (*destroy)(void *vm);
  /* Set where it must not run in a child process that was forked beside other
   * threads, as calibration would: it takes locks, or reaches something that
   * processes share. */
  bool no_fork;
  /* Before each run, on its thread: clears what the state list has no place
   * for. May be left out. */
  void (*begin)(void *vm);

  const struct fhost_vm_field *fields;
  uint32_t field_count;
  struct fhost_vm_number pc;
  struct fhost_vm_number cycles;  /* not there: counted by the table */

  /* One of the two, on the agent's thread; code is never changed. step runs
   * the one instruction at pc, which is inside the code; run runs until it
   * stops, or `budget` instructions. */
  int32_t (*step)(void *vm, const uint8_t *code, uint32_t length);
  int32_t (*run)(void *vm, const uint8_t *code, uint32_t length,
                 uint64_t budget);

  /* Members that tell of its end, cleared before each run. `faulted` given:
   * not zero, and `fault` is its code; not given: a code is an end by itself.
   * A code beside `halted` is kept, as that of a HALT. */
  struct fhost_vm_number halted, faulted, fault;
  const struct fhost_vm_code *codes;
  uint32_t code_count;

  /* Callbacks with a user pointer: hand `io` over as it. Before each run, on
   * its thread; may be left out. */
  void (*connect)(void *vm, struct fhost_io *io);
  /* And those without one. */
  const struct fhost_vm_hook *hooks;
  uint32_t hook_count;
};

/*
 * Makes a VM for the runtime, the step service and exec of an adapter, which
 * must outlive it. Returns 0, or -1 with err: what no dialect could mend.
 */
int fhost_adapt(const struct fhost_adapter *a, struct fhost_vm *out,
                struct fisa_error *err);

/*
 * Says, a sentence each, what is wrong with an adapter and what it leaves
 * out. Returns how much is wrong: then it cannot be loaded. Any thread.
 */
unsigned fhost_adapter_check(const struct fhost_adapter *a,
                             const struct fisa_dialect *d,
                             void (*say)(bool wrong, const char *text,
                                         void *user),
                             void *user);

/* What a shared object with an adapter exports, and how it does. */
#define FHOST_ADAPTER_ENTRY "flux_host_adapter"
typedef const struct fhost_adapter *(*fhost_adapter_entry_fn)(void);
__attribute__((visibility("default"))) const struct fhost_adapter *
flux_host_adapter(void);

#endif /* FLUX_HOSTSDK_ADAPT_H */
