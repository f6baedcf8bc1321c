/*
 * plugin/window_tests.h - what a task gives, and whether a patch gives it.
 *
 * A task is run on a column of tests: telling values (ends of ranges, powers
 * of two and their neighbours, equal and neighbouring inputs) and random ones.
 * Every input on which a patch was found to differ joins them and stays, the
 * latest first. A patch that agrees on all of them has yet to agree on many
 * states drawn anew, all pairs of telling values first.
 */
#ifndef FLUX_PLUGIN_WINDOW_TESTS_H
#define FLUX_PLUGIN_WINDOW_TESTS_H

#include "plugin/window_menu.h"

#define FSE_COUNTERS_MAX 256u  /* kept of a task */
#define FSE_PROVING_STATES (1u << 17)  /* drawn for a patch that is found */

/* The values of a task's inputs on one test. */
struct fse_point {
  int32_t in[FSE_WINDOW_INS];
};

/* What a region gave, where it was run: all that is known of it. */
struct fse_seen {
  uint32_t count;              /* at least one */
  struct fse_point *point;     /* [count], distinct */
  int32_t (*out)[FSE_WINDOW_OUTS];
};

struct fse_tests {
  const struct fse_task *task;
  const struct fse_seen *seen; /* NULL: the task's form tells what it gives */
  uint64_t seed;
  unsigned counter_count;
  struct fse_point counter[FSE_COUNTERS_MAX];  /* the latest last */
  struct fse_column in[FSE_WINDOW_INS];        /* of the first column */
  struct fse_column out[FSE_WINDOW_OUTS];      /* what the task gives there */
};

/* Makes the first column, of counters and drawn tests. Keeps the counters.
 * `seen` is set before, and stays. */
void fse_tests_make(struct fse_tests *t, const struct fse_task *task,
                    uint64_t seed);

/* One more input that told a patch from the task; the column is made anew.
 * False: it is one of them already. */
bool fse_tests_add(struct fse_tests *t, const struct fse_point *p);

/* What a form gives on a column of inputs. */
void fse_form_eval(const struct fse_wform *f, const struct fse_column *in,
                   struct fse_column *out);

/*
 * Runs a patch on columns held by roles: role[i] of the task's roles holds
 * what is there before, and after. Loaded inputs are in the roles the patch
 * says. -1: it names a row the menu has not.
 */
int fse_patch_eval(const struct fse_menu *m, const struct fse_task *t,
                   const struct fse_patch *p, struct fse_column *role);

/*
 * Whether a patch gives what the task gives, on the counters and on `states`
 * states drawn from the seed, or on all that was seen. If not, *counter is an
 * input on which it does not.
 */
bool fse_tests_agree(const struct fse_tests *t, const struct fse_menu *m,
                     const struct fse_patch *p, uint32_t states,
                     struct fse_point *counter);

/* Columns of values as they are drawn for the tests of a task, for as many
 * inputs as a task may have, whatever number it has. */
void fse_tests_sample(const struct fse_tests *t, uint64_t number,
                      struct fse_column in[FSE_WINDOW_INS]);

/* Whether a patch gives something else than the task on one point. */
bool fse_tests_tell(const struct fse_task *t, const struct fse_menu *m,
                    const struct fse_patch *p, const struct fse_point *point);

#endif /* FLUX_PLUGIN_WINDOW_TESTS_H */
