/*
 * plugin/bandit.h - which kinds of edits are worth trying: learned from what
 * was taken.
 *
 * An arm a kind. Its share of tries that were taken, guessed high while little
 * is known, against the best arm's; never below a floor, so that no kind is
 * given up for good. The operator's weight multiplies it: 0 stays 0. All of it
 * is counting, so equal histories give equal weights.
 */
#ifndef FLUX_PLUGIN_BANDIT_H
#define FLUX_PLUGIN_BANDIT_H

#include "plugin/mutate.h"

#define FSE_BANDIT_FLOOR 0.125

struct fse_bandit {
  uint64_t tried[FSE_KINDS_MAX], taken[FSE_KINDS_MAX];
};

/* Notes a proposal that was judged, and one that was taken. */
void fse_bandit_tried(struct fse_bandit *b, uint32_t kind);
void fse_bandit_taken(struct fse_bandit *b, uint32_t kind);

/* Notes the kinds of an accepted patch, as a record names them: "RemoveDead x3,
 * PatchJump". What is no kind of ours is left out. */
void fse_bandit_accepted(struct fse_bandit *b, const char *kinds);

/* The weight of each kind: the policy's times what was learned. */
void fse_bandit_weights(const struct fse_bandit *b,
                        const struct fse_policy *policy,
                        double out[FSE_KINDS_MAX]);

#endif /* FLUX_PLUGIN_BANDIT_H */
