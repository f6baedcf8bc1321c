/*
 * tests/kinds_rig.h - a program with all that a proposer may look at.
 */
#ifndef FLUX_TESTS_KINDS_RIG_H
#define FLUX_TESTS_KINDS_RIG_H

#include "plugin/kinds.h"

struct rig {
  struct fisa_program *p;
  struct fse_policy policy;
  struct ftrial_set *set;
  struct fir_lane *lane;
  struct fisa_facts *facts;
  struct fse_draft *draft, *work;
  struct fse_lexicon *lexicon;
  struct fse_profile *profile;
  struct fse_view view;
};

/* Of a program, which it takes over, or of text in unified or any dialect. */
void rig_take(struct rig *r, struct fisa_program *p);
void rig_text(struct rig *r, const char *text);
void rig_text_in(struct rig *r, const struct fisa_dialect *d,
                 const char *text);
void rig_done(struct rig *r);

uint32_t kind_of(const char *name);

/* Proposal `site` of a kind as a child; false: there is none. */
bool propose(struct rig *r, uint32_t kind, uint32_t site, struct fse_child *c,
             struct fse_proposal *out);

/* Whether some site of the kind makes `after` of the program. */
bool makes(struct rig *r, const char *name, const char *after);

/* Some site of the kind makes that of a unified program; no site does. */
void shows(const char *kind, const char *before, const char *after);
void never(const char *kind, const char *before, const char *after);

/* The same in another dialect. */
void shows_in(const struct fisa_dialect *d, const char *kind,
              const char *before, const char *after);

#endif /* FLUX_TESTS_KINDS_RIG_H */
