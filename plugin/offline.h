/*
 * plugin/offline.h - evolution without a host: the search behind "run".
 *
 * The same loop as on a live agent, on episodes that were given or, if none
 * were, made up from the manifest. Where the program continues behind a
 * yield, episodes go on from what the ones before left.
 */
#ifndef FLUX_PLUGIN_OFFLINE_H
#define FLUX_PLUGIN_OFFLINE_H

#include "isa/state.h"
#include "plugin/journal.h"
#include "plugin/policy.h"

#define FSE_OFFLINE_EPISODES 64u  /* made up where none are given */

/* An episode as given: a state, and its outside values by queue. */
struct fse_given {
  struct fisa_state *begin;
  struct fisa_trace in;
};

/* How far a run is. Costs are a task's, by the mean; 0: not known yet. */
struct fse_progress {
  uint64_t variants;
  double cost_now;                   /* of what is being climbed from */
  double cost_best;
  double seconds;                    /* since the beginning */
};

struct fse_offline {
  const char *name;                  /* of the agent in records */
  const struct fisa_program *program;
  const struct fse_policy *policy;   /* seed, budget, threads, assurance ... */
  uint32_t count;                    /* of given; 0: made up */
  const struct fse_given *given;
  double time_limit;                 /* seconds; 0: none */
  struct fbackend *backend;          /* runs the trials; NULL: the lanes */
  struct fse_journal *journal;       /* keeps what is found; NULL: none */
  /* Between rounds, and four times a second in the fuzzing; non-zero: finish
   * with what there is. May be NULL. */
  int (*progress)(const struct fse_progress *p, void *user);
  void *user;
};

struct fse_offline_result {
  struct fisa_program *best;         /* the original if nothing was found */
  bool improved;
  bool recalled;                     /* it was known from an earlier run */
  uint64_t variants;
  uint32_t episodes;                 /* tasks that finished, the made ones
                                        behind given ones as well */
  uint32_t unused;                   /* given episodes that do not serve */
  char unused_reason[160];           /* which is the first, and why */
  double seconds, cycles_before, cycles_after; /* mean over them */
  uint32_t instructions_before, instructions_after;
  enum fse_assurance assurance;
  char reason[256];                  /* why nothing was changed, or what was
                                        found is not remembered; or "" */
  uint32_t record_count;
  struct fse_record *records;        /* one a generation */
};

/*
 * Evolves. A program that cannot be evolved is no error: `reason` tells.
 * Returns 0, or -1 with err (memory).
 */
int fse_offline_run(const struct fse_offline *o,
                    struct fse_offline_result *out, struct fisa_error *err);
void fse_offline_result_done(struct fse_offline_result *r);

#endif /* FLUX_PLUGIN_OFFLINE_H */
