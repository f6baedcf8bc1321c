/*
 * plugin/window_column.h - semantic ops on columns of test values.
 *
 * A column holds one cell of a machine on many tests at once, a lane a test.
 * What the ops compute is gpu/semantics.h's alone: its table of values is
 * expanded into loops over lanes, once for any processor and once for those
 * with AVX2, between which is chosen at run time. The results are the same.
 */
#ifndef FLUX_PLUGIN_WINDOW_COLUMN_H
#define FLUX_PLUGIN_WINDOW_COLUMN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <flux/semops.h>

#define FSE_LANES 64u   /* tests of a column */
#define FSE_STRIPE 16u  /* lanes computed at a time; divides FSE_LANES */
#define FSE_GLANCE 8u   /* lanes that a scan looks at */

/* A column; 32 bytes are what the widest loads want. */
struct fse_column {
  int32_t lane[FSE_LANES];
} __attribute__((aligned(32)));

/* The first lanes of a column, for scans. */
struct fse_glance {
  int32_t lane[FSE_GLANCE];
} __attribute__((aligned(32)));

/* d = op(a, b, c), or of the old d too, on lanes from..to-1, both multiples of
 * FSE_STRIPE. d may be one of the others. */
struct fse_stretch {
  unsigned from, to;
  int32_t imm;
};
typedef void (*fse_kernel)(struct fse_column *d, const struct fse_column *a,
                           const struct fse_column *b,
                           const struct fse_column *c, struct fse_stretch s);

/* All pairs (a[i], b[j]) put through an op: which give the target? */
struct fse_scan {
  const struct fse_glance *a, *b, *target;
  unsigned a_count, b_count;
  int32_t imm;
  bool diagonal;  /* a[i] with itself alone; b is not looked at */
};
struct fse_hit {
  uint8_t a, b;
};
#define FSE_HITS 1536u
/* Returns how many hits there are, at most FSE_HITS. Ops that read the old d
 * have none. */
typedef unsigned (*fse_scanner)(const struct fse_scan *s,
                                struct fse_hit hits[FSE_HITS]);

/*
 * Many sequences at once: a lane is one of them, a column a test, and tests
 * stand one behind the other. Which lanes give the target on all tests? Most
 * are told by the first, so that no more is looked at.
 */
#define FSE_SIFTED 16u  /* tests that are looked at; divides FSE_LANES */
struct fse_block {
  struct fse_column test[FSE_SIFTED];
};
struct fse_sift {
  const struct fse_column *a, *b;  /* of the first test */
  unsigned a_step, b_step;         /* columns to the next: 1, 0 if the same */
  unsigned lanes;                  /* rounded up to whole stripes */
  int32_t imm;
  const int32_t *target;           /* by test */
};
/* Returns the lanes, a bit each. Ops that read the old d have none. */
typedef uint64_t (*fse_sifter)(const struct fse_sift *s);

/* d = op(a, b, c) on stripes, one behind the other; operands go on by steps of
 * their own, in lanes: 0 if they are the same for all. Ops that read the old d
 * have nothing to read there. */
struct fse_stripes {
  int32_t *d;
  const int32_t *a, *b, *c;
  unsigned a_step, b_step, c_step;
  unsigned count;
  int32_t imm;
};
typedef void (*fse_striper)(const struct fse_stripes *s);

/* In how many bits a number of lanes, whole stripes, differ; half as many as
 * there are lanes more if the first is always the same and they are not
 * equal. */
typedef uint32_t (*fse_differ)(const int32_t *a, const int32_t *b,
                               unsigned lanes);
/* The same of stripes, one behind the other, each and the same other one. */
typedef void (*fse_differ_each)(uint16_t *bits, const int32_t *a,
                                const int32_t *b, unsigned count);

/* What this processor runs, by op; NULL where an op is no value. */
struct fse_kernels {
  fse_kernel run[FLUX_OP_COUNT];
  fse_scanner scan[FLUX_OP_COUNT];
  fse_sifter sift[FLUX_OP_COUNT];
  fse_striper stripe[FLUX_OP_COUNT];
  fse_differ bits;
  fse_differ_each bits_each;
};
const struct fse_kernels *fse_kernels(void);
/* The portable ones, for tests. */
const struct fse_kernels *fse_kernels_plain(void);

/* Zeroed memory for what holds columns; free() frees it. NULL: none left. */
static inline void *fse_column_alloc(size_t size) {
  size_t whole = (size + 63) / 64 * 64;
  void *p = aligned_alloc(64, whole);
  if (p != NULL) memset(p, 0, whole);
  return p;
}

/* All lanes of a column. */
static inline struct fse_stretch fse_all_lanes(int32_t imm) {
  return (struct fse_stretch){0, FSE_LANES, imm};
}

#endif /* FLUX_PLUGIN_WINDOW_COLUMN_H */
