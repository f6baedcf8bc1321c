/*
 * plugin/unseen.h - what a program does that no trial has seen it do.
 *
 * Trials tell that a variant does what the root does where they went. A branch
 * that never went one way, a comparison that always came out alike, a row that
 * never ran: of these they tell nothing, and an edit that relies on what was
 * seen would be believed. So such rows stay as they are, with everything a
 * comparison's outcome goes into; and whenever one of them runs, it finds the
 * same values in the root and in the variant, as does the code behind a branch
 * that nobody saw taken. Then what was not seen is done as the root does it.
 */
#ifndef FLUX_PLUGIN_UNSEEN_H
#define FLUX_PLUGIN_UNSEEN_H

#include "plugin/edit.h"
#include "gpu/trial.h"

/* Times that a way has to be seen to count as seen. */
#define FSE_SEEN_ENOUGH 16u

struct fse_unseen {
  const struct fisa_program *root;   /* not owned */
  const struct fisa_facts *facts;    /* of the root; not owned */
  uint32_t count;                    /* rows that stay as they are */
  uint32_t *insn;                    /* [count]: of the facts, ascending */
  struct fisa_set *values;           /* [count]: cells that must agree there */
  uint8_t *memory;                   /* [count]: as enum fse_unseen_memory */
  bool *stack;                       /* [count]: so must upper stack cells */
};

enum fse_unseen_memory {
  FSE_MEMORY_NONE,
  FSE_MEMORY_OBSERVED,  /* outside .scratch */
  FSE_MEMORY_ALL
};

/*
 * Runs the root on the set's episodes and on states made from `seed`, and
 * finds what it was not seen to do. Values that its one-sided comparisons look
 * at are told to the set first, so that made states come upon the other side
 * where that is easy. Deterministic. Returns 0, or -1 (memory). A root of which
 * there is only one task has nothing unseen.
 */
int fse_unseen_make(struct ftrial_set *set, const struct fisa_program *root,
                    const struct fisa_facts *facts, uint64_t seed,
                    struct fse_unseen **out);
void fse_unseen_free(struct fse_unseen *u);

/* Whether a child has all rows that stay, as the root has them. `places` lead
 * from root to child. */
bool fse_unseen_kept(const struct fse_unseen *u,
                     const struct fisa_program *child,
                     const struct fse_place *places, uint32_t place_count);

/* A child to be held against the root where it runs. */
struct fse_unseen_child {
  const struct fisa_program *program;
  const struct fse_place *places;
  uint32_t place_count;
  struct ftrial_pc_map map;
};

/*
 * Whether root and child agree on the values of those rows, on the episodes
 * and on `states` made states: 1 they do, 0 they do not, -1 memory.
 */
int fse_unseen_agree(const struct fse_unseen *u, struct ftrial_set *set,
                     const struct fse_unseen_child *child, uint64_t seed,
                     uint32_t states);

#endif /* FLUX_PLUGIN_UNSEEN_H */
