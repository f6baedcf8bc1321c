/*
 * tests/window_help.h - a program as the window search sees it.
 */
#ifndef FLUX_TESTS_WINDOW_HELP_H
#define FLUX_TESTS_WINDOW_HELP_H

#include "plugin/window_enum.h"

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

/* The window that begins a program, with what a search has for it. */
struct hunt {
  struct window_rig rig;
  struct fse_window window;
  struct fse_menu *menu;
  struct fse_tests tests;
};

void hunt_make(struct hunt *h, const char *text, const char *deny,
               const char *only);
void hunt_done(struct hunt *h);

/* Enumerates up to a cost. */
struct fse_enum_result hunt_enum(struct hunt *h, uint32_t to, uint64_t work);

/* Puts a patch into the program and runs that on fresh states, by the engine
 * of trials and not by columns: whether it does the same. */
bool hunt_holds(struct hunt *h, const struct fse_patch *p, uint32_t states);

/* Add, subtract, logic, shifts, negation, compares and multiplication, with
 * what moves values and constants: the rows that bit tricks are stated for. */
extern const char window_plain_ops[];

#endif /* FLUX_TESTS_WINDOW_HELP_H */
