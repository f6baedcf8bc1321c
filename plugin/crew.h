/*
 * plugin/crew.h - the candidates of a round, judged by several threads.
 *
 * Private to the search. Each candidate has a place of its own for its
 * verdict, so whoever judges it, and when, is of no account. Where there is a
 * device, each thread gathers candidates into groups, whose trials go there
 * together (gpu/trial.h): while some run others are edited, laid out, verified
 * and lowered. Without one, each is judged as it comes.
 */
#ifndef FLUX_PLUGIN_CREW_H
#define FLUX_PLUGIN_CREW_H

#include "plugin/candidate.h"

#define FSE_CREW_THREADS 64u   /* at most */

/* How many threads run where so many are wanted: no more than cores that the
 * calling thread may use, one at least. */
uint32_t fse_crew_threads(uint32_t wanted);

/* A round as the crew has it; immutable but for the verdicts. */
struct fse_crew {
  const struct fse_round *round;
  const struct fse_draft *base;  /* of the round's program */
  uint64_t bound;                /* of costs */
  uint32_t threads;
  /* Whether it is too late; what was not judged by then is NONE. Any thread. */
  bool (*late)(const void *user);
  const void *user;
};

/*
 * Judges candidates in order until `all` are or `most` were variants; those at
 * which the proposer had nothing cost nothing. verdict[all]. Returns how many
 * were judged, or -1: out of memory.
 */
int64_t fse_crew_run(const struct fse_crew *c, uint32_t all, uint64_t most,
                     struct fse_verdict *verdict);

#endif /* FLUX_PLUGIN_CREW_H */
