/*
 * plugin/window_enum.h - the cheapest replacement, by enumeration.
 *
 * Sequences are built from their first row on, cost by cost, so that the first
 * that proves right is the cheapest there is. What is enumerated are sets of
 * values, not of registers: a row adds a value (and takes away the one that it
 * overwrites), registers are given out at the end. Two values that are equal
 * on all tests are one (observational equivalence), a set of values that was
 * come to before is not entered again, and what cannot be used any more with
 * the rows that are left is left alone. The last two rows are tried for many
 * sequences at once, and only the first tests are looked at.
 *
 * Merging what is equal on the tests loses nothing: a right sequence passes
 * all tests, and so does the one that stands for it; if that one proves wrong,
 * the input that shows it joins the tests and the cost is enumerated anew.
 */
#ifndef FLUX_PLUGIN_WINDOW_ENUM_H
#define FLUX_PLUGIN_WINDOW_ENUM_H

#include "plugin/window_tests.h"

struct fse_enum_request {
  const struct fse_task *task;
  const struct fse_menu *menu;
  struct fse_tests *tests;     /* counters join */
  bool plain;                  /* with the menu's plain rows alone */
  uint32_t cost_from;          /* costs below are known to hold nothing */
  uint32_t cost_to;            /* inclusive */
  uint64_t work;               /* sequences at most */
  bool (*stop)(void *user);    /* asked now and then; may be NULL */
  void *user;
};

struct fse_enum_result {
  bool found;
  struct fse_patch patch;
  uint32_t next;               /* all costs below this hold nothing else */
  /* Sequences: each row with operands put behind a prefix counts one, whether
   * its value was worked out for all tests, for the first ones, or found to be
   * there already. */
  uint64_t work;
};

/* Returns 0, or -1 (memory). Deterministic. */
int fse_enum_run(const struct fse_enum_request *q,
                 struct fse_enum_result *out);

/* One row of a sequence that is given. Operands are inputs of the task by
 * number, what earlier rows made, or FSE_NOTHING: the zero register. */
#define FSE_ENUM_MADE(row) ((uint8_t)(64u + (row)))
struct fse_enum_row {
  const struct fse_menu_row *row;
  uint8_t read[FSE_MENU_READS];
  uint8_t pool;                /* its constant */
};

/* Whether a row may stand behind earlier ones: its operands are in files that
 * it reads, and what it overwrites may be. */
bool fse_enum_may(const struct fse_task *t, const struct fse_enum_row *earlier,
                  const struct fse_enum_row *row);

/*
 * Gives a sequence registers, and tries it as one that was enumerated; nothing
 * that a row overwrites may be read behind it. Returns 1 and the patch; 0: it
 * cannot have registers, or gives something else, on what are tests then at the
 * latest; -1: memory.
 */
int fse_enum_given(const struct fse_enum_request *q,
                   const struct fse_enum_row *rows, unsigned count,
                   struct fse_patch *patch);

#endif /* FLUX_PLUGIN_WINDOW_ENUM_H */
