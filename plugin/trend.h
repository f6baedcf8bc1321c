/*
 * plugin/trend.h - where an agent's fitness is going.
 *
 * A point for each committed generation, and one more of the same height for a
 * search that found nothing. The slope is the median of those of all pairs
 * (Theil 1950; Sen, "Estimates of the regression coefficient based on Kendall's
 * tau", J. Am. Stat. Assoc. 63, 1968), so that a point that is far off has no
 * say. Its interval is Sen's, from the variance of Kendall's S with a
 * correction for ties: of the N ordered slopes those of rank (N - C) / 2 and
 * (N + C) / 2 + 1, C = 1.96 x sqrt(variance): 95 per cent.
 */
#ifndef FLUX_PLUGIN_TREND_H
#define FLUX_PLUGIN_TREND_H

#include <stdint.h>

#define FSE_TREND_LEAST 5u   /* points: with fewer the interval has no ends */
#define FSE_TREND_POINTS 16u /* the newest that count */

enum fse_direction {
  FSE_UNKNOWN,    /* too few points */
  FSE_IMPROVING,  /* the whole interval lies above 0 */
  FSE_PLATEAU,    /* 0 lies in it */
  FSE_DECLINING   /* it lies below 0 */
};
const char *fse_direction_name(enum fse_direction d);

struct fse_trend {
  enum fse_direction direction;
  uint32_t points;
  double slope, low, high; /* fitness a point; 0 where unknown */
};

/* The newest points of a history, oldest first. */
struct fse_history {
  uint32_t count;
  double fitness[FSE_TREND_POINTS];
};

/* Adds a point; what is no number is left out. */
void fse_history_add(struct fse_history *h, double fitness);

/* Of `count` heights at equal distances, at most FSE_TREND_POINTS: the last. */
struct fse_trend fse_trend_of(const double *fitness, uint32_t count);

#endif /* FLUX_PLUGIN_TREND_H */
