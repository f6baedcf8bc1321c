/*
 * test_trend.c - the slope of a history and its interval: against numbers
 * worked out by hand and by a count of all pairs, and against chance.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/trend.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

static struct fse_trend of(const double *y, uint32_t n) {
  return fse_trend_of(y, n);
}

static bool near(double a, double b) { return fabs(a - b) < 1e-9; }

static void directions(void) {
  static const double up[] = {1, 2, 3, 4, 5, 6};
  static const double down[] = {6, 5, 4, 3, 2, 1};
  static const double flat[] = {3, 3, 3, 3, 3, 3};
  static const double noise[] = {3, 5, 2, 4, 3, 5, 2, 4};
  struct fse_trend t = of(up, 6);
  UNIT_EQ(t.direction, FSE_IMPROVING);
  UNIT_TRUE(near(t.slope, 1) && near(t.low, 1) && near(t.high, 1), "%g %g %g",
            t.slope, t.low, t.high);
  t = of(down, 6);
  UNIT_EQ(t.direction, FSE_DECLINING);
  UNIT_TRUE(near(t.slope, -1), "%g", t.slope);
  t = of(flat, 6);
  UNIT_EQ(t.direction, FSE_PLATEAU);
  UNIT_TRUE(t.slope == 0 && t.low == 0 && t.high == 0, "flat");
  t = of(noise, 8);
  UNIT_EQ(t.direction, FSE_PLATEAU);
  UNIT_TRUE(t.low < 0 && t.high > 0, "%g..%g", t.low, t.high);
  UNIT_STR_EQ(fse_direction_name(FSE_DECLINING), "declining");
  UNIT_STR_EQ(fse_direction_name(FSE_UNKNOWN), "unknown");
}

/* With few points the interval has no ends. */
static void too_few(void) {
  static const double y[] = {1, 2, 3, 4, 5};
  for (uint32_t n = 0; n < FSE_TREND_LEAST; n++) {
    UNIT_EQ(of(y, n).direction, FSE_UNKNOWN);
    UNIT_EQ(of(y, n).points, n);
  }
  UNIT_EQ(of(y, 5).direction, FSE_IMPROVING);
}

/* A point far off has no say. */
static void outliers(void) {
  static const double y[] = {1, 2, 3, -1000, 5, 6, 7, 8, 9, 10};
  struct fse_trend t = of(y, 10);
  UNIT_EQ(t.direction, FSE_IMPROVING);
  UNIT_TRUE(near(t.slope, 1), "%g", t.slope);
}

/*
 * Ten points, worked out: N = 45 slopes, variance 10 x 9 x 25 / 18 = 125, C =
 * 1.96 x sqrt(125) = 21.91, ranks floor(11.54) = 11 and ceil(34.46) = 35.
 */
static void by_hand(void) {
  static const double y[] = {2, 1, 4, 3, 7, 5, 9, 6, 8, 12};
  double s[45];
  unsigned n = 0;
  struct fse_trend t = of(y, 10);
  for (unsigned i = 0; i < 10; i++)
    for (unsigned j = i + 1; j < 10; j++) s[n++] = (y[j] - y[i]) / (j - i);
  UNIT_EQ(n, 45);
  for (unsigned i = 1; i < n; i++)
    for (unsigned k = i; k > 0 && s[k] < s[k - 1]; k--) {
      double x = s[k];
      s[k] = s[k - 1];
      s[k - 1] = x;
    }
  UNIT_TRUE(near(t.slope, s[22]), "%g, not %g", t.slope, s[22]);
  UNIT_TRUE(near(t.low, s[10]), "%g, not %g", t.low, s[10]);
  UNIT_TRUE(near(t.high, s[34]), "%g, not %g", t.high, s[34]);
  UNIT_EQ(t.direction, FSE_IMPROVING);
}

/* Ties make the interval narrower: they cannot go either way. */
static void ties(void) {
  static const double y[] = {1, 1, 1, 2, 2, 2, 3, 3, 3, 4};
  UNIT_EQ(of(y, 10).direction, FSE_IMPROVING);
  static const double one[] = {1, 1, 1, 1, 1, 1, 1, 2};
  UNIT_EQ(of(one, 8).direction, FSE_PLATEAU);
}

/* The newest count; what is no number does not. */
static void history(void) {
  struct fse_history h = {0};
  fse_history_add(&h, NAN);
  fse_history_add(&h, INFINITY);
  UNIT_EQ(h.count, 0);
  for (unsigned i = 0; i < 100; i++) fse_history_add(&h, 100 - (double)i);
  UNIT_EQ(h.count, FSE_TREND_POINTS);
  UNIT_TRUE(h.fitness[FSE_TREND_POINTS - 1] == 1, "the newest");
  UNIT_EQ(of(h.fitness, h.count).direction, FSE_DECLINING);
  for (unsigned i = 0; i < FSE_TREND_POINTS; i++) fse_history_add(&h, 7);
  UNIT_EQ(of(h.fitness, h.count).direction, FSE_PLATEAU);
}

/* Where there is no trend, one is seen about as seldom as is said: in noise
 * without ties 5 of 100 at most, and the estimate is Sen's for any scale. */
static void chance(void) {
  uint64_t random = 4711;
  unsigned trials = (unsigned)unit_scale(20000), wrong = 0;
  for (unsigned k = 0; k < trials; k++) {
    double y[12], z[12];
    struct fse_trend t, u;
    for (unsigned i = 0; i < 12; i++) {
      y[i] = (double)isa_below(&random, 1000000);
      z[i] = 3 * y[i] + 5;
    }
    t = of(y, 12);
    u = of(z, 12);
    wrong += t.direction != FSE_PLATEAU;
    UNIT_TRUE(t.low <= t.slope && t.slope <= t.high, "in order");
    UNIT_TRUE(fabs(u.slope - 3 * t.slope) < 1e-6 * (1 + fabs(u.slope)),
              "%g, %g", t.slope, u.slope);
    UNIT_EQ(u.direction, t.direction);
  }
  UNIT_TRUE(wrong <= trials * 6 / 100 + 3, "%u of %u", wrong, trials);
}

static const struct unit_test tests[] = {
    {"trend", "directions", directions}, {"trend", "too few", too_few},
    {"trend", "outliers", outliers},     {"trend", "by hand", by_hand},
    {"trend", "ties", ties},             {"trend", "history", history},
    {"trend", "chance", chance},
};

UNIT_MAIN(tests)
