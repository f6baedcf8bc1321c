/*
 * plugin/kinds.h - what the files of the mutation table share.
 */
#ifndef FLUX_PLUGIN_KINDS_H
#define FLUX_PLUGIN_KINDS_H

#include "plugin/lexicon.h"

#define FSE_MAX_RENAME 1024u  /* instructions of a program renamed in */

/* Register byte `from` of a file becomes `to`. */
struct fse_rename {
  unsigned file;
  int32_t from, to;
};

/* Ends a proposal: the reason (format takes one pc) and the sweep. */
int fse_propose(struct fse_draft *d, const struct fse_view *v,
                struct fse_proposal *out, const char *format, uint32_t pc)
    __attribute__((format(printf, 4, 0)));

/* Overwrites a node by the best row for a want. -1: none, or no change. */
int fse_rewrite(const struct fse_view *v, struct fse_draft *d, uint32_t node,
                const struct fse_want *w, uint32_t target);

/* Whether a node is an instruction of the view that may be edited. */
bool fse_plain(const struct fse_view *v, uint32_t node);

/* Loads and stores of one value, and their address put in order: a part that
 * is a constant belongs to the displacement. */
bool fse_reaches_memory(unsigned op);
void fse_displace(struct fse_want *w);

/* Renames the reads that the definition at node `def` reaches. Returns how
 * many instructions changed, or -1. */
int fse_rename_uses(const struct fse_view *v, struct fse_draft *d,
                    uint32_t def, const struct fse_rename *r);

/* Rows of the table that change shape. */
uint32_t fse_jump_sites(const struct fse_view *v);
int fse_jump_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out);
uint32_t fse_sequence_sites(const struct fse_view *v);
int fse_sequence_apply(const struct fse_view *v, uint32_t site,
                       struct fse_draft *d, struct fse_proposal *out);
uint32_t fse_slot_sites(const struct fse_view *v);
int fse_slot_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out);
uint32_t fse_hoist_sites(const struct fse_view *v);
uint32_t fse_window_sites(const struct fse_view *v);
int fse_window_apply(const struct fse_view *v, uint32_t site,
                     struct fse_draft *d, struct fse_proposal *out);
int fse_hoist_apply(const struct fse_view *v, uint32_t site,
                    struct fse_draft *d, struct fse_proposal *out);

#endif /* FLUX_PLUGIN_KINDS_H */
