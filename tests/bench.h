/*
 * tests/bench.h - measuring pairs.
 *
 * A figure with a time in it is a ratio: ours and theirs run in turn, many
 * times, and what is told is the median of the ratios with its 95 % interval.
 * A group is a function; each program has a table of its groups.
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

/* A ratio measured otherwise: ours over what it is against. */
void bench_ratio(const char *name, double ratio, const char *unit,
                 const char *against);

/* A figure, and how many times that of what it is against it is. */
void bench_against(const char *name, double value, const char *unit,
                   double ratio, const char *against);

/* A group; each bench program has a table of them, ended by a NULL name. */
struct bench_group {
  const char *name;
  void (*run)(void);
};
extern const struct bench_group bench_groups[];

/* Groups of tests/bench, which knows the host; the plugin's are in
 * bench_search.c, a program of its own, and what needs both in
 * bench_calibrate.c. */
void bench_vm(void);

/* Of the group search: the search of windows. */
void bench_window(void);

#endif /* FLUX_TESTS_BENCH_H */
