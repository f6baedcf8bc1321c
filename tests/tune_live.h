/*
 * tune_live.h - a host of the live loop (livehost.h) whose agent is tuned.
 */
#ifndef FLUX_TESTS_TUNE_LIVE_H
#define FLUX_TESTS_TUNE_LIVE_H

#include "tests/livehost.h"

/* Opens a host with that judge, before livehost_start. */
void tune_open(struct livehost *h, const char *text, const flux_judge *judge,
               uint32_t canary_tasks);

/* Runs tasks until a phase is reached, a few at a time. */
bool tune_run_to(struct livehost *h, enum fse_phase phase);
bool tune_is_offered(struct livehost *h);
/* Until an offer came: of a tuning that was found here, with the agent its own
 * control; or of any. */
void tune_run_to_tuning(struct livehost *h);
void tune_run_to_offer(struct livehost *h);

/* Installs what is offered; its first task. NULL: no lie. */
void tune_install(struct livehost *h, const struct livehost_lie *lie);
/* Runs tasks as long as it is on probation. */
void tune_probation(struct livehost *h);
/* All of it, and it is accepted. */
void tune_accepted(struct livehost *h);

/* Takes the patch out, as the plugin asked for. */
void tune_leave(struct livehost *h);

/* A program of the same instructions as the root is given to the agent, as if
 * another agent's trial had accepted it. */
void tune_give(struct livehost *h, const char *text);

#endif /* FLUX_TESTS_TUNE_LIVE_H */
