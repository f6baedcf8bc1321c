/*
 * isa/verify_impl.h - private: what the parts of the verifier share.
 *
 *   verify.c      one program: form, targets, whole-program rules
 *   stackcheck.c  depth of the data stack, calls and returns
 *   loops.c       cycles: irreducible, endless
 *   ranges.c      value intervals, for lethal inputs
 *   relative.c    a child against its parent
 */
#ifndef FLUX_ISA_VERIFY_IMPL_H
#define FLUX_ISA_VERIFY_IMPL_H

#include "isa/flow.h"

/* A growing list of findings. Zero-initialise. */
struct fisa__report {
  struct fisa_finding *list;
  uint32_t count, room;
  bool failed; /* out of memory */
};

void fisa__found(struct fisa__report *r, uint32_t pc, enum fisa_verdict verdict,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* All findings of one program into an emptied report, ascending pc. The
 * flow is built, with blocks. Returns 0, or -1: memory. */
int fisa__verify_program(const struct fisa_program *p, struct fisa__flow *g,
                         struct fisa__report *r);

void fisa__check_stack(struct fisa__flow *g, struct fisa__report *r);

/* Returns 0, or -1: memory. Needs blocks. */
int fisa__check_loops(struct fisa__flow *g, struct fisa__report *r);

/* Value intervals at every node that may fault; an opaque answer machine.
 * NULL: out of memory, or nothing can be known (too large, wild). */
struct fisa__ranges;
struct fisa__ranges *fisa__ranges_make(struct fisa__flow *g);
void fisa__ranges_free(struct fisa__ranges *r);

/* The values of a cell before a node. False: no execution gets there. */
bool fisa__ranges_cell(struct fisa__ranges *r, uint32_t node, uint32_t cell,
                       struct fisa__range *out);

/* Whether a node can end in a fault of its own, as far as the intervals
 * tell. `r` may be NULL: constants and the stack's depth only. */
bool fisa__may_fault(struct fisa__flow *g, uint32_t node,
                     struct fisa__ranges *r);

#endif /* FLUX_ISA_VERIFY_IMPL_H */
