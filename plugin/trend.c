/*
 * plugin/trend.c - where an agent's fitness is going: Theil-Sen.
 */
#include "plugin/trend.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS (FSE_TREND_POINTS * (FSE_TREND_POINTS - 1) / 2)
#define Z95 1.959963984540054

const char *fse_direction_name(enum fse_direction d) {
  static const char *const names[] = {"unknown", "improving", "plateau",
                                      "declining"};
  assert((unsigned)d < sizeof names / sizeof names[0]);
  return names[d];
}

void fse_history_add(struct fse_history *h, double fitness) {
  assert(h->count <= FSE_TREND_POINTS);
  if (!isfinite(fitness)) return;
  if (h->count == FSE_TREND_POINTS) {
    memmove(h->fitness, h->fitness + 1,
            (FSE_TREND_POINTS - 1) * sizeof *h->fitness);
    h->count--;
  }
  h->fitness[h->count++] = fitness;
}

static int ascending(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return a < b ? -1 : a > b;
}

/* Variance of Kendall's S under no trend, points of equal height counted as
 * ties: (n (n-1) (2n+5) - sum of t (t-1) (2t+5)) / 18. */
static double variance(const double *y, uint32_t n) {
  double sorted[FSE_TREND_POINTS], v = (double)n * (n - 1) * (2.0 * n + 5);
  memcpy(sorted, y, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, ascending);
  for (uint32_t i = 0, t; i < n; i += t) {
    for (t = 1; i + t < n && sorted[i + t] == sorted[i];) t++;
    v -= (double)t * (t - 1) * (2.0 * t + 5);
  }
  return v / 18;
}

struct fse_trend fse_trend_of(const double *fitness, uint32_t count) {
  uint32_t n = count < FSE_TREND_POINTS ? count : FSE_TREND_POINTS, pairs = 0;
  const double *y = fitness + (count - n);
  struct fse_trend t = {.direction = FSE_UNKNOWN, .points = n};
  double slope[PAIRS], c;
  long low, high;
  if (n < FSE_TREND_LEAST) return t;
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = i + 1; j < n; j++)
      slope[pairs++] = (y[j] - y[i]) / (double)(j - i);
  qsort(slope, pairs, sizeof *slope, ascending);
  t.slope = pairs % 2 ? slope[pairs / 2]
                      : (slope[pairs / 2 - 1] + slope[pairs / 2]) / 2;
  c = Z95 * sqrt(variance(y, n));
  /* Ranks from 1 on, rounded outwards; past the ends: the ends. */
  low = (long)floor((pairs - c) / 2);
  high = (long)ceil((pairs + c) / 2 + 1);
  t.low = slope[low < 1 ? 0 : low - 1];
  t.high = slope[high > (long)pairs ? pairs - 1 : (uint32_t)high - 1];
  t.direction = t.low > 0    ? FSE_IMPROVING
                : t.high < 0 ? FSE_DECLINING
                             : FSE_PLATEAU;
  return t;
}
