/*
 * plugin/window_walk.h - longer replacements, by a random walk.
 *
 * A sequence of rows is changed at random, a row, an operand, a place at a
 * time, and the change is kept or not by what it costs: the bits by which the
 * results differ on the tests, where a result in the wrong register counts as
 * little more than one in the right. Changes that cost nothing are kept, so
 * that edits that pay only together can meet; dearer ones are with a chance
 * that falls with what they cost (Schkufza, Sharma and Aiken 2013). The bound
 * is drawn before a change is tried: it is worked out from the changed row on,
 * a few tests at a time, and given up as soon as it is passed.
 *
 * Most turns are sweeps: dozens of changes of one place are worked out at once,
 * and one of them is drawn, or none, by what they cost.
 */
#ifndef FLUX_PLUGIN_WINDOW_WALK_H
#define FLUX_PLUGIN_WINDOW_WALK_H

#include "plugin/window_tests.h"

/* What a change counts in sequences of the enumeration, for budgets. */
#define FSE_WALK_WORK 256u

struct fse_walk_request {
  const struct fse_task *task;
  const struct fse_menu *menu;
  struct fse_tests *tests;     /* counters join */
  uint32_t rows;               /* of the sequence, at most */
  uint32_t cost;               /* of its rows, at most */
  uint64_t seed;
  uint64_t work;               /* changes tried */
  bool (*stop)(void *user);    /* asked now and then; may be NULL */
  void *user;
};

struct fse_walk_result {
  bool found;
  struct fse_patch patch;
  uint64_t work, kept;         /* changes tried, those of sweeps each; kept */
};

/* Returns 0, or -1 (memory). Deterministic. */
int fse_walk_run(const struct fse_walk_request *q,
                 struct fse_walk_result *out);

#endif /* FLUX_PLUGIN_WINDOW_WALK_H */
