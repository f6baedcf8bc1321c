/*
 * hostsdk/vm.h - the reference VM of the unified dialect.
 *
 * Written from the fact table alone; shares no semantic helper with the IR.
 * Code is predecoded: one slot per byte offset, so that a jump to any offset
 * runs what a byte-wise machine would run there. Every access is checked.
 * Dispatch is computed goto, or a portable switch when built with
 * FVM_SWITCH_DISPATCH; both come from the same source.
 *
 * Counting is a second slot array in which block heads carry a counting
 * handler; a VM chooses between the two at a task boundary only, so that
 * counting costs nothing while it is off.
 */
#ifndef FLUX_HOSTSDK_VM_H
#define FLUX_HOSTSDK_VM_H

#include "isa/state.h"

/* Where SENSE and RAND rows get values and messages go. Called on the
 * thread that runs the VM. */
struct fvm_io {
  int32_t (*input)(uint16_t source, const int32_t *arg, unsigned argc,
                   void *user);
  void (*output)(uint16_t channel, const int32_t *arg, unsigned argc,
                 void *user);
  void *user;
};

/* Predecoded code: immutable but for the counts; shared by agents that run
 * the same program version, counts excepted. */
struct fvm_code;

/*
 * Predecodes a program of the unified dialect. `with_boundary` plants the
 * program's boundary point (out:, pc:). Returns NULL when out of memory, and
 * for a dialect whose state list or lengths are not those of the built-in
 * table. Any bytes are accepted: malformed code runs to its fault.
 */
struct fvm_code *fvm_code_new(const struct fisa_program *p,
                              bool with_boundary);
void fvm_code_free(struct fvm_code *c);

struct fvm_run {
  uint64_t fuel;          /* in: instructions; out: what is left */
  bool stop_at_yield;     /* yield rows and planted boundaries stop the run */
  _Atomic uint64_t *counts; /* [code size], or NULL: the plain slots run */
};

/*
 * Runs from s->pc until halt, end, fault, fuel or boundary. Leaves everything
 * in *s (status, fault, pc, cycles, cells, memory, written, dirty). Fuel
 * counts instructions and is tested before fetch. Returns s->status.
 * Wait-free but for what io does; allocates nothing. The state is one that
 * fisa_state_new made: the zero cell and the sink behind its cells are used.
 * Without io, or without one of its functions, values are 0 and outputs are
 * dropped. A run that starts on a pc boundary does not stop there at once.
 */
int fvm_exec(const struct fvm_code *c, struct fisa_state *s,
             const struct fvm_io *io, struct fvm_run *run);

/* Bitmap of block heads (bit per code byte), as counted. */
const uint8_t *fvm_code_heads(const struct fvm_code *c);

/* The name of the dispatch form built in: "computed-goto" or "switch". */
const char *fvm_dispatch_name(void);

#endif /* FLUX_HOSTSDK_VM_H */
