/*
 * isa/interval.h - private: values as intervals, for ranges.c.
 */
#ifndef FLUX_ISA_INTERVAL_H
#define FLUX_ISA_INTERVAL_H

#include "isa/flow.h"

struct fisa__range fisa__range_full(void);

/* lo..hi, or everything if that leaves 32 bits. */
struct fisa__range fisa__range_make(int64_t lo, int64_t hi);
/* What a product lies within, before it is cut to 32 bits. */
void fisa__range_product(struct fisa__range a, struct fisa__range b,
                         int64_t *lo, int64_t *hi);
struct fisa__range fisa__range_join(struct fisa__range a, struct fisa__range b);

/* What an op works on: d is the old value of its result. */
struct fisa__args {
  struct fisa__range d, a, b, c;
  int32_t imm;
};

/* The result of an op that writes d. */
struct fisa__range fisa__range_op(unsigned op, const struct fisa__args *v);

/* Narrows the cell of a branch on one of its two ways; false: never taken. */
bool fisa__range_branch(unsigned op, bool taken, struct fisa__range *r);

#endif /* FLUX_ISA_INTERVAL_H */
