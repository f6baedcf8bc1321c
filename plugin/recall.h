/*
 * plugin/recall.h - what a search found, for the next that asks the same.
 *
 * A question is a root and whatever decides what a search of it may find: its
 * dialect as calibrated, manifest, policy, assurance. An answer is the best
 * program that was found. It is kept in the journal, and as such is data: the
 * search that is given one verifies it and tries it on its own episodes and on
 * a few hundred made states, as any candidate, and goes on without it if it
 * fails. What was fuzzed or proved of it counts if this very build of the
 * plugin did that; if another did, it is fuzzed and proved again.
 */
#ifndef FLUX_PLUGIN_RECALL_H
#define FLUX_PLUGIN_RECALL_H

#include "plugin/journal.h"
#include "plugin/search.h"

/* How it was found. */
struct fse_finding {
  enum fse_assurance assurance;  /* that was reached */
  uint64_t seed;                 /* of the search */
  uint64_t budget;               /* variants it might have tried */
  bool complete;                 /* it was not cut short */
  char kinds[FSE_KINDS_TEXT];    /* of its edits */
  struct fse_uses uses;          /* rules that it owes something to */
};

struct fse_found {
  struct fisa_program *program;  /* NULL: nothing better than the root */
  struct fse_place *places;      /* root -> program, ascending */
  uint32_t place_count;
  bool by_this_build;
  struct fse_finding how;
};
void fse_found_done(struct fse_found *a);

/* The key of a question. */
void fse_found_key(const struct fisa_program *root,
                   const struct fse_policy *policy,
                   enum fse_assurance assurance, uint8_t key[32]);

/*
 * An answer from the journal: 1; 0 if there is none, what is there is none
 * for this root, or it cannot be read. The memory is the caller's.
 */
int fse_found_recall(struct fse_journal *j, const uint8_t key[32],
                     const struct fisa_program *root, struct fse_found *out);

/* Keeps an answer, whose program may be NULL, or, if it was refuted, forgets
 * that there was one. Returns 0, or -1 with err: it cannot be written. */
int fse_found_keep(struct fse_journal *j, const uint8_t key[32],
                   const struct fse_version *v, const struct fse_finding *how,
                   struct fisa_error *err);
int fse_found_forget(struct fse_journal *j, const uint8_t key[32],
                     struct fisa_error *err);

#endif /* FLUX_PLUGIN_RECALL_H */
