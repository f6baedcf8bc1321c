/*
 * plugin/search.h - from a root and its episodes to a better program.
 *
 * Rounds of candidates: candidate i of round r is directed site i or, past
 * those, a draw from (seed, r, i). Each is edited, laid out, verified against
 * its parent, lowered and tried with early cut; results reduce in index
 * order, so any number of threads gives the same records. The best becomes
 * the parent of the next round; neutral edits that make the code smaller are
 * stepping stones. That climb is made again, from the root, without each kind
 * of edit, since what is taken early may close the way to more; the best goes
 * on with what all climbs found, and at last, if that is wanted, its windows
 * are searched for as far as time and budget go (docs/search.md). What is left
 * at the end has passed replay, every counterexample and, if asked, the counted
 * fuzz; then each step is proved, if it can be. Where proof is asked for, no
 * step is taken that is not. Where an earlier search had the same question,
 * what it found is the first step (recall.h); if it had the same means, nothing
 * more is looked for. Windows that a rule knows of are the first to be tried,
 * and of the finds that are left at the end rules are made (rules.h).
 */
#ifndef FLUX_PLUGIN_SEARCH_H
#define FLUX_PLUGIN_SEARCH_H

#include <stdatomic.h>

#include "plugin/bandit.h"
#include "plugin/uses.h"

#define FSE_KINDS_TEXT 224u  /* bytes of the names of a search's edits */

struct fse_book;   /* window_book.h */
struct fse_vain;   /* vain.h */
struct fse_rules;  /* rules.h */
struct fse_found;  /* recall.h */

struct fse_search_request {
  const struct fisa_program *root;     /* the truth */
  const struct fisa_program *parent;   /* version that runs now; may be root */
  const struct fse_place *parent_places; /* root -> parent, unless root */
  uint32_t parent_place_count;
  enum fse_assurance parent_assurance; /* what is known of it */
  struct ftrial_set *set;              /* episodes of the root */
  const struct fse_policy *policy;
  uint64_t seed;                       /* already mixed with the agent */
  enum fse_assurance assurance;        /* to be reached */
  const char *prover;                  /* the solver's program; NULL: the one
                                          beside the plugin */
  uint32_t prover_ms;                  /* of one question, at most; 0: as the
                                          prover has it */
  uint32_t threads;
  uint64_t budget;                     /* variants */
  uint32_t patience;                   /* rounds without use that end it;
                                          0: two */
  bool once;                           /* one climb: what is found soon */
  bool deep;                           /* windows are searched for as far as
                                          time and budget go */
  uint64_t deadline_ns;                /* 0: none; may only truncate */
  uint64_t (*now_ns)(void *user);      /* for deadline; may be NULL */
  /* Runs by pc of the parent as the host counted them, for the order of
   * proposals; NULL: the profile of the episodes. */
  const uint64_t *heat;
  const struct fse_bandit *learned;    /* of kinds, earlier; NULL: nothing */
  /* What a search of the root found earlier; where the parent is the root, the
   * search begins with it. NULL: nothing. */
  const struct fse_found *known;
  struct fse_book *book;               /* what is known of windows, and will
                                          be; NULL: its own */
  struct fse_vain *vain;               /* what was sought in vain, and will be;
                                          NULL: the book's */
  struct fse_rules *rules;             /* tried first; what is proved of finds
                                          joins them. NULL: none */
  /* Set from another thread: end soon, nothing is wanted. May be NULL. */
  const atomic_bool *cancel;
  /* Called between rounds; non-zero: finish with what there is. */
  int (*progress)(uint64_t variants, double cost_now, double cost_best,
                  void *user);
  /* Asked where a proof takes long, of which progress() hears nothing: true:
   * finish without it. May be NULL. */
  bool (*enough)(void *user);
  /* Told at the end of each edit of what was found: the program before it,
   * and behind it. May be NULL. */
  void (*edit)(const struct fisa_program *before,
               const struct fisa_program *behind, void *user);
  void *user;
};

struct fse_search_result {
  bool improved;
  struct fisa_program *best;     /* owned by the caller; NULL if !improved */
  struct fse_place *places;      /* root -> best, where both have a place */
  uint32_t place_count;
  uint64_t variants;             /* tried */
  uint64_t rejected;
  double cost_before, cost_after; /* per result, on the set's recorded part */
  enum fse_assurance assurance;
  bool parent_refuted;           /* the parent itself differs from the root:
                                    `reason` says how; nothing is improved */
  bool complete;                 /* nothing cut it short but its budget */
  bool answered;                 /* what was known is the answer: nothing new
                                    was looked for */
  bool known_refuted;            /* what was known does not do what it should */
  char kinds[FSE_KINDS_TEXT];    /* "RemoveDead x3, PatchJump" */
  struct fse_uses uses;          /* rules that the edits owe something to; the
                                    parent's are not among them */
  char reason[160];
};

/* Returns 0, or -1 with err (memory, a parent that is malformed or has to be
 * tried longer than it may). */
int fse_search(const struct fse_search_request *q,
               struct fse_search_result *out, struct fisa_error *err);
void fse_search_result_done(struct fse_search_result *r);

/*
 * fitness = (1 / cycles_per_result) x confidence x trust; cost counts. No
 * result: 0. cost_per_result > 0; confidence and trust in 0..1.
 */
double fse_fitness(double cost_per_result, double confidence, double trust);

/* The confidence that a cell says, cell / scale, kept within 0..1; without a
 * cell (below 0) it is 1. */
double fse_confidence(const struct fisa_state *s, int32_t cell, double scale);

#endif /* FLUX_PLUGIN_SEARCH_H */
