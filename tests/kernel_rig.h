/*
 * tests/kernel_rig.h - what the kernel's tests share: random programs, each
 * with some that are nearly it, on random episodes; the verdicts of the ir
 * engine, lane by lane; and packed programs and batches, for what runs them.
 */
#ifndef FLUX_TESTS_KERNEL_RIG_H
#define FLUX_TESTS_KERNEL_RIG_H

#include "tests/widerig.h"

enum {
  KRIG_LANES = 48,     /* most of a batch */
  KRIG_VARIANTS = 4    /* of a root */
};

enum krig_how {
  KRIG_NOT_RUN,        /* refused, or it needs more than there is */
  KRIG_DONE
};

/* A program that is to be run on all lanes of a batch. */
struct krig_variant {
  struct fisa_program *source;
  struct fir_program *ir;
  struct fpk_program packed;
  struct fpk_places places;
  uint32_t start[FPK_WIDTH];
  uint64_t bound;
  struct fpk_verdict want;
  /* Of whatever runs it: */
  struct fpk_verdict verdict;
  enum krig_how how;
};

struct krig_work {
  const struct fpk_batch *batch;
  uint64_t number;       /* of the root */
  uint64_t random;       /* a stream for whatever wants some */
  uint32_t overlay_bits; /* room for what a lane stores, as struct fkn_launch */
  uint32_t count;
  struct krig_variant variant[KRIG_VARIANTS];
};

/* Runs it. Returns 0, or -1: it could not be run. */
typedef int (*krig_run)(struct krig_work *w, void *user);

/* What was seen, to be asserted on. */
struct krig_seen {
  uint64_t programs;     /* variants that were run */
  uint64_t unpacked, not_run;
  uint64_t good, wrong, dear; /* verdicts */
  uint64_t lanes;
  uint64_t instructions; /* of good lanes */
  uint64_t statuses[FISA_RUN_YIELD + 1];
};

/* How the programs are picked. */
struct krig_plan {
  const char *dialect;
  uint64_t seed, first, count; /* roots */
  bool noise;
  uint32_t lanes;        /* most in a batch */
};

/* Compares; each difference fails a unit test with a sentence. */
void krig_compare(const struct krig_plan *plan, krig_run run, void *user,
                  struct krig_seen *seen);

/* The same of the variants of a case, on up to KRIG_LANES lanes: with bounds of
 * all kinds, or without. `who` tells which case it is. */
void krig_case(const struct wide_case *c, const char *who, bool bounded,
               krig_run run, void *user, struct krig_seen *seen);

#endif /* FLUX_TESTS_KERNEL_RIG_H */
