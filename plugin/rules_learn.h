/*
 * plugin/rules_learn.h - rules of what a search found.
 */
#ifndef FLUX_PLUGIN_RULES_LEARN_H
#define FLUX_PLUGIN_RULES_LEARN_H

#include "plugin/window_book.h"

/* Who learns. */
struct fse_lesson {
  const struct fse_lexicon *lexicon;  /* of the find */
  struct fse_prover *prover;          /* NULL: nothing new is learned */
};

/*
 * What a proposal put in the place of a window, to be learned of if it stays;
 * NULL: nothing that can be learned of, or no memory. `after` is the draft with
 * the edit. The caller's, for free().
 */
struct fse_find *fse_find_keep(const struct fse_view *v,
                               const struct fse_draft *after,
                               const struct fse_proposal *p);

/* A find that stayed: the rule it came of, or the one that is made of it, as
 * wide as can be proved, is noted in `uses`. What is no rule is left. */
void fse_rules_learn(struct fse_rules *rs, const struct fse_lesson *l,
                     const struct fse_find *f, struct fse_uses *uses);

#endif /* FLUX_PLUGIN_RULES_LEARN_H */
