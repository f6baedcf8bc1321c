/*
 * tests/bench.c - runs the groups of benchmarks that its arguments name, or
 * all of them, and prints a table.
 */
#include "tests/bench.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
  const char *name;
  void (*run)(void);
} groups[] = {
  { "vm", bench_vm },
};

enum { GROUPS = sizeof groups / sizeof groups[0] };

static double now_ns(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double timed(void (*fn)(void *), void *user) {
  double begin = now_ns();

  fn(user);
  return now_ns() - begin;
}

static int ascending(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;

  return (a > b) - (a < b);
}

/* A line of the file. A ratio of 0 is none. */
static void tell_json(const char *name, double value, const char *unit,
                      double ratio, const char *against) {
  const char *path = getenv("BENCH_JSON");
  FILE *out;

  if (!path || !*path)
    return;
  out = fopen(path, "a");
  if (!out) {
    perror(path);
    exit(1);
  }
  fprintf(out, "{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",", name, value,
          unit);
  if (ratio > 0)
    fprintf(out, "\"ratio\":%.4g,\"against\":\"%s\"}\n", ratio, against);
  else
    fprintf(out, "\"ratio\":null,\"against\":null}\n");
  if (fclose(out) != 0) {
    perror(path);
    exit(1);
  }
}

void bench_figure(const char *name, double value, const char *unit) {
  printf("%-20s %12.4g %-16s\n", name, value, unit);
  tell_json(name, value, unit, 0, NULL);
}

double bench_pair(const struct bench_pair *p) {
  unsigned n = p->pairs, low, high;
  double *ours = calloc(n, sizeof *ours), *ratio = calloc(n, sizeof *ratio);
  double spread = 0.98 * sqrt(n), median, value;

  assert(n > 0 && p->items > 0);
  if (!ours || !ratio) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  timed(p->ours, p->user); /* caches and clocks */
  timed(p->theirs, p->user);
  for (unsigned i = 0; i < n; i++) {
    double theirs;

    /* Who goes first alternates: a drift then hits both. */
    if (i % 2) {
      theirs = timed(p->theirs, p->user);
      ours[i] = timed(p->ours, p->user);
    } else {
      ours[i] = timed(p->ours, p->user);
      theirs = timed(p->theirs, p->user);
    }
    ratio[i] = theirs / ours[i];
  }
  qsort(ours, n, sizeof *ours, ascending);
  qsort(ratio, n, sizeof *ratio, ascending);
  /* The order statistics that hold the median with 95 %. */
  low = n / 2.0 > spread ? (unsigned)(n / 2.0 - spread) : 0;
  high = (unsigned)ceil(n / 2.0 + spread);
  high = high < n ? high : n - 1;
  median = ratio[n / 2];
  value = ours[n / 2] / p->items;
  printf("%-20s %12.4g %-16s %7.2f x  [%.2f .. %.2f]  %s\n", p->name, value,
         p->unit, median, ratio[low], ratio[high], p->against);
  tell_json(p->name, value, p->unit, median, p->against);
  free(ratio);
  free(ours);
  return median;
}

static int run_group(const char *name) {
  for (int i = 0; i < GROUPS; i++)
    if (strcmp(groups[i].name, name) == 0) {
      groups[i].run();
      return 0;
    }
  fprintf(stderr, "no group %s; there are:", name);
  for (int i = 0; i < GROUPS; i++)
    fprintf(stderr, " %s", groups[i].name);
  fprintf(stderr, "\n");
  return 1;
}

int main(int argc, char **argv) {
  int failed = 0;

  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 1; i < argc; i++)
    failed |= run_group(argv[i]);
  for (int i = 0; i < GROUPS && argc == 1; i++)
    groups[i].run();
  return failed;
}
