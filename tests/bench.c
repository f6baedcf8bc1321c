/*
 * tests/bench.c - measuring, and main of the bench programs: runs the groups
 * that the arguments name, or all, and prints a table.
 */
#include "tests/bench.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

void bench_ratio(const char *name, double ratio, const char *unit,
                 const char *against) {
  printf("%-20s %12.5g %-16s %s\n", name, ratio, unit, against);
  tell_json(name, ratio, unit, ratio, against);
}

void bench_against(const char *name, double value, const char *unit,
                   double ratio, const char *against) {
  printf("%-20s %12.4g %-16s %7.2f x  %s\n", name, value, unit, ratio,
         against);
  tell_json(name, value, unit, ratio, against);
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

/* Runs the groups named, of those this program has. */
int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (const struct bench_group *g = bench_groups; g->name != NULL; g++) {
    int wanted = argc == 1;

    for (int i = 1; i < argc; i++)
      wanted |= strcmp(argv[i], g->name) == 0;
    if (wanted)
      g->run();
  }
  return 0;
}
