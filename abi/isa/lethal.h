/*
 * isa/lethal.h - what one instruction is about to do to a machine that holds
 * values: whether it is lethal there, and which bytes it will store to.
 *
 * Whoever runs a VM that checks nothing asks before each step. All functions
 * are pure: they read the machine through a view and change nothing. Any
 * thread that may read the machine; nothing is allocated.
 */
#ifndef FLUX_ISA_LETHAL_H
#define FLUX_ISA_LETHAL_H

#include "isa/program.h"

/* A machine that can be read. */
struct fisa_view {
  const struct fisa_dialect *d;
  /* The value of a cell of the state list, those of stacks included. */
  int32_t (*cell)(uint32_t cell, void *user);
  /* A byte of memory, address < mem_size. NULL: memory cannot be read, and
   * what depends on it cannot be told. */
  uint8_t (*byte)(uint32_t address, void *user);
  void *user;
};

/* Whether fisa_lethal can say anything but -1 of an instruction, whatever the
 * machine holds. For those who keep what they decoded. */
bool fisa_may_be_lethal(const struct fisa_dialect *d,
                        const struct fisa_insn *in);

/*
 * The predicate (enum flux_lethal) under which an instruction that decoded is
 * lethal to the machine as it stands, the first in the order of the table, or
 * -1. One whose number is below 1000 the machine tests itself, and is said
 * too. Where it lands is looked at last: NEGATIVE_TARGET is said of a jump
 * that is taken. Where the table tells too little (an opaque row; a branch on
 * a value that is not followed) the answer is -1.
 */
int fisa_lethal(const struct fisa_view *v, const struct fisa_insn *in);

/* A run of bytes; addresses wrap at the memory size. */
struct fisa_store {
  uint32_t first, count;
};

/* Whether a row can store to memory at all; an opaque one can. */
bool fisa_may_store(const struct fisa_row *row);

/*
 * The bytes that an instruction will store to, in order, runs of none left
 * out. It must decode, and not be lethal. Returns how many runs, or -1 where
 * the table does not tell.
 */
int fisa_stores(const struct fisa_view *v, const struct fisa_insn *in,
                struct fisa_store out[FISA_MAX_TEMPLATE]);

/*
 * The cells of integer files that an instruction fills with results of
 * binary32 ops. What is a NaN there is the canonical one to everybody but a
 * machine that works in its own registers. Returns how many.
 */
int fisa_float_results(const struct fisa_dialect *d,
                       const struct fisa_insn *in,
                       uint32_t cells[FISA_MAX_TEMPLATE]);

#endif /* FLUX_ISA_LETHAL_H */
