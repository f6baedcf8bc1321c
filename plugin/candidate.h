/*
 * plugin/candidate.h - one candidate: from a proposal to a verdict.
 *
 * Private to the search. Editing, layout, verification, lowering and the
 * trial with early cut, on one thread's buffers.
 */
#ifndef FLUX_PLUGIN_CANDIDATE_H
#define FLUX_PLUGIN_CANDIDATE_H

#include "plugin/unseen.h"
#include "plugin/mutate.h"

/*
 * What a program is worth: cheaper on the set, then smaller, then with fewer
 * rows that reach memory. Only cost is an improvement; the others are steps
 * on the way to one: what is in a register can be seen by the next edit.
 */
struct fse_worth {
  uint64_t cost;
  uint32_t size;     /* bytes */
  uint32_t memory;   /* rows that reach memory */
};

/* Below 0: a is the better one. */
int fse_worth_order(const struct fse_worth *a, const struct fse_worth *b);

/* Rows of a draft that reach memory, those removed left out. */
uint32_t fse_memory_rows(const struct fse_draft *d);

/* What the candidates of a round have in common; immutable meanwhile. */
struct fse_round {
  struct fse_view view;
  const struct fisa_program *root;
  const struct fisa_facts *root_facts;
  const struct ftrial_set *set;
  struct fse_sites sites;
  uint64_t seed, number;
  const struct fse_place *places;  /* root -> view.program */
  uint32_t place_count;
  struct fse_worth worth;          /* of view.program */
  const struct fse_unseen *unseen; /* rows of the root that stay */
  /* Whether a code was judged and turned down in an earlier round. */
  bool (*known)(uint64_t code_hash, const void *user);
  const void *known_user;
};

enum fse_fate {
  FSE_FATE_NONE,      /* the proposer had nothing there */
  FSE_FATE_REFUSED,   /* layout or verifier said no */
  FSE_FATE_SAME,      /* tried: equal on all episodes */
  FSE_FATE_WRONG, FSE_FATE_DEARER
};

/* What became of a candidate. Plain data; copied in index order. */
struct fse_verdict {
  enum fse_fate fate;
  uint64_t code_hash;
  struct fse_worth worth;
  struct fse_proposal proposal;
};

/* Buffers of one thread. */
struct fse_bench {
  struct fse_draft *draft;
  struct fir_lane *lane;
  struct fisa_verify_scratch *scratch;
};
int fse_bench_init(struct fse_bench *b, const struct fse_draft *like);
void fse_bench_done(struct fse_bench *b);

/* A laid-out candidate with its map from the root. */
struct fse_made {
  struct fisa_program *program;
  struct fse_place *places;   /* root -> program */
  uint32_t place_count;
};
void fse_made_done(struct fse_made *m);

/* A candidate on its way to its trial. */
struct fse_ready {
  struct fse_verdict verdict;   /* final, unless it is to be tried */
  bool tries;
  struct fse_made made;         /* of what is to be tried: */
  struct fir_program *ir;
  struct ftrial_pc_map map;
};
void fse_ready_done(struct fse_ready *y);

/*
 * Judges a finished child: its size, whether it verifies beside the root, its
 * trial with early cut. The verdict has no code hash, and of its worth only
 * the cost. Of the round the root, its facts, set, unseen and policy are used.
 */
struct fse_verdict fse_candidate_try(const struct fse_round *r,
                                     struct fse_bench *b, uint64_t bound,
                                     const struct fse_made *m);

/* Draws proposal i of the round into b->draft, which holds `base` first. */
int fse_candidate_edit(const struct fse_round *r, struct fse_bench *b,
                       const struct fse_draft *base, uint32_t i,
                       struct fse_proposal *out);

/*
 * Lays b->draft out and judges it: layout, verifier, trial with cost bound
 * `bound`. With made != NULL the program is kept for the caller when the fate
 * is FSE_FATE_SAME.
 */
struct fse_verdict fse_candidate_judge(const struct fse_round *r,
                                       struct fse_bench *b, uint64_t bound,
                                       struct fse_made *made);

/*
 * The same in two steps, for trials of many at once: everything up to the
 * trial, which is of y->ir with y->map; and what it says. A code that the
 * round knows has FSE_FATE_NONE. The caller gives *y to fse_ready_done.
 */
void fse_candidate_prepare(const struct fse_round *r, struct fse_bench *b,
                           struct fse_ready *y);
void fse_candidate_tried(struct fse_ready *y, const struct ftrial_result *t);

/*
 * A boundary is a place where the root's state meets the child's code, and
 * the child's state the root's: nothing may be live into the child there
 * that the root does not keep alive. Pairs may come from anywhere.
 */
bool fse_boundaries_carry(const struct fisa_program *root,
                          const struct fisa_facts *root_facts,
                          const struct fisa_program *child,
                          const struct ftrial_pc_map *map);

/* The pairs (root pc, variant pc) of task boundaries, for trials and patches:
 * the entry and every place behind a yield. Returns a malloc'ed array or
 * NULL; *count pairs. */
uint32_t (*fse_boundary_pairs(const struct fisa_facts *root,
                              const struct fisa_program *root_program,
                              const struct fisa_program *variant,
                              const struct fse_place *places,
                              uint32_t place_count, uint32_t *count))[2];

/* FNV-1a, for the candidate cache of one search. */
uint64_t fse_code_hash(const struct fisa_program *p);

#endif /* FLUX_PLUGIN_CANDIDATE_H */
