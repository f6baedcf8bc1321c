/*
 * tests/bench.h - measuring pairs.
 *
 * A figure with a time in it is a ratio: ours and theirs run in turn, many
 * times, and what is told is the median of the ratios with its 95 % interval.
 * A group is one file with a function; bench.c lists the groups.
 */
#ifndef FLUX_TESTS_BENCH_H
#define FLUX_TESTS_BENCH_H

#include <stdint.h>

struct bench_pair {
  const char *name;     /* "vm.sum" */
  const char *against;  /* what theirs is, in words */
  const char *unit;     /* of one item of work: "ns/instruction" */
  unsigned pairs;       /* runs of each; odd */
  void (*ours)(void *user);
  void (*theirs)(void *user);
  void *user;
  double items;         /* items of work in one run */
};

/*
 * Runs the pairs and tells the figure: a line of the table, and one in the
 * file that BENCH_JSON names. The ratio is theirs / ours: above 1, ours is
 * faster. Returns the median ratio.
 */
double bench_pair(const struct bench_pair *p);

/* A figure without a counterpart. */
void bench_figure(const char *name, double value, const char *unit);

/* The groups. */
void bench_vm(void);

#endif /* FLUX_TESTS_BENCH_H */
