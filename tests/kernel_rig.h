/*
 * tests/kernel_rig.h - what the kernel's tests share: random programs, each
 * with some that are nearly it, on random episodes; the verdicts of the ir
 * engine, lane by lane; and the bytes of a launch, for whatever runs it.
 */
#ifndef FLUX_TESTS_KERNEL_RIG_H
#define FLUX_TESTS_KERNEL_RIG_H

#include "gpu/flat.h"
#include "tests/gen.h"

enum {
  KRIG_LANES = 48,     /* most of a batch */
  KRIG_VARIANTS = 4,   /* of a root */
  KRIG_JOBS = KRIG_VARIANTS * 4
};

/* A launch whose buffers are here; results and costs are filled in. */
struct krig_launch {
  struct fkn_job job[KRIG_JOBS];
  struct fkn_result result[KRIG_JOBS];
  struct fkn_cost cost[KRIG_VARIANTS * KRIG_LANES];
  uint32_t job_count, cost_count;
  unsigned char *programs, *batch; /* 16-byte aligned */
  size_t programs_size, batch_size;
  uint32_t programs_used, batch_used;
  uint32_t records, slots, stack_cells, overlay_bits, threads, grid;
};

/* Runs it. Returns 0, or -1: it could not be run. */
typedef int (*krig_run)(struct krig_launch *l, void *user);

/* What was seen, to be asserted on. */
struct krig_seen {
  uint64_t programs;     /* variants that were run */
  uint64_t refused, unpacked;
  uint64_t good, wrong, dear, not_run; /* verdicts */
  uint64_t lanes, joined, parts;
  uint64_t instructions; /* of good lanes */
  uint64_t statuses[FISA_RUN_YIELD + 1];
};

/* How the programs are picked. */
struct krig_plan {
  const char *dialect;
  uint64_t seed, first, count; /* roots */
  bool noise;
  uint32_t lanes;        /* most in a batch */
  uint32_t threads;      /* of a block, at most; 0: 128 */
};

/* Compares; each difference fails a unit test with a sentence. */
void krig_compare(const struct krig_plan *plan, krig_run run, void *user,
                  struct krig_seen *seen);

/* The launch as the kernel takes it, with these addresses. */
struct fkn_launch krig_parameters(const struct krig_launch *l);

#endif /* FLUX_TESTS_KERNEL_RIG_H */
