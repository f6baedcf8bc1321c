/*
 * tests/window_help.h - a program as the window search sees it.
 */
#ifndef FLUX_TESTS_WINDOW_HELP_H
#define FLUX_TESTS_WINDOW_HELP_H

#include "plugin/window.h"

struct window_rig {
  struct fisa_dialect *dialect;
  struct fse_policy *policy;
  struct fisa_program *program;
  struct fisa_facts *facts;
  struct fse_draft *draft;
  struct fse_lexicon *lexicon;
  struct ftrial_set *set;
  struct fir_lane *lane;
  struct fse_profile *profile;
  struct fse_slots *slots;
  struct fse_view view;
};

/* Assembles `text`; `deny` is a list of mnemonics with commas, or NULL; `only`
 * the same of what alone is allowed. Ends the program where it cannot. */
void window_rig_make(struct window_rig *r, const char *text, const char *deny,
                     const char *only);
void window_rig_done(struct window_rig *r);

/* Add, subtract, logic, shifts, negation, compares and multiplication, with
 * what moves values and constants: the rows that bit tricks are stated for. */
extern const char window_plain_ops[];

#endif /* FLUX_TESTS_WINDOW_HELP_H */
