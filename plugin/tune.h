/*
 * plugin/tune.h - edits that change what an agent does, tried on courses.
 *
 * A scene is a recorded task: where a course begins. From there the program
 * runs on, task after task, with recorded values first and the host's models
 * past them and wherever the outputs differ by then; each task gets the host's
 * score, or its confidence. Where a source has no model a course is the
 * recorded task alone, and a program that asks for a value that nobody has is
 * out.
 */
#ifndef FLUX_PLUGIN_TUNE_H
#define FLUX_PLUGIN_TUNE_H

#include <stdatomic.h>

#include "gpu/trial.h"
#include "plugin/candidate.h"
#include "plugin/errand.h"

#define FSE_SCENES 16u        /* begins that are kept, the newest */
#define FSE_SCENES_LEAST 8u   /* and tried from, at least */
#define FSE_COURSE_TASKS 192u /* tasks of a course with models */

struct fse_scene {
  struct fisa_state *begin;   /* pc: of the root */
  struct fisa_event *events;  /* as recorded */
  uint32_t event_count;
  flux_course *course;
};
/* Copies a recorded task; `course` is taken over. 0, or -1: memory. */
int fse_scene_fill(struct fse_scene *s, const struct fisa_dialect *d,
                   const struct fisa_state *begin,
                   const struct fisa_event *events, uint32_t count);
/* Frees all but the course. */
void fse_scene_done(struct fse_scene *s);

struct fse_tune_request {
  const struct fisa_program *root;   /* the truth so far */
  const struct fisa_facts *root_facts;
  const struct fisa_program *parent; /* what runs, and is edited */
  const struct fse_place *parent_places; /* root -> parent; NULL: the root */
  uint32_t parent_place_count;
  const struct fse_policy *policy;
  struct fse_scene *scenes;
  uint32_t scene_count;
  const flux_judge *judge;
  bool scores, models;               /* FLUX_JUDGE_* */
  int32_t confidence_cell;           /* where it does not score */
  double confidence_scale, trust;
  uint64_t fuel;                     /* of a task */
  struct ftrial_set *set;            /* states to see whether it faults */
  const atomic_bool *cancel;
  int (*progress)(uint64_t variants, double now, double best, void *user);
  void *user;
};

struct fse_tune_result {
  bool improved, no_number;          /* a scorer or model gave none */
  struct fisa_program *best;
  struct fse_place *places;          /* root -> best */
  uint32_t place_count;
  uint64_t variants;
  double score_before, score_after;  /* means of a task */
  double cost_before, cost_after;
  double fitness_before, fitness_after;
  char kinds[96];
  char what[96];                     /* "205 -> 208, 215 -> 212" */
};

/*
 * Searches for better behaviour, on an errand's thread: `e` is told of calls
 * into the host's judge. Deterministic as far as the judge is. 0, or -1 with
 * err: memory, or no scene can be run.
 */
int fse_tune_search(struct fse_errand *e, const struct fse_tune_request *q,
                    struct fse_tune_result *out, struct fisa_error *err);
void fse_tune_result_done(struct fse_tune_result *r);

/*
 * Tries what somebody else found (root -> it): whether it is well-formed beside
 * the root, touches nothing that is not the agent's, is as safe as the parent
 * and, where there are scenes, no worse on them. Returns 0 with the find in
 * *out, which takes it over; or -1 with err: why not. Without scenes nobody's
 * judge is called, and `e` may be NULL.
 */
int fse_tune_given(struct fse_errand *e, const struct fse_tune_request *q,
                   struct fse_made *given, struct fse_tune_result *out,
                   struct fisa_error *err);

/* Whether the mean of `n` differences lies more than two standard errors
 * above `least`. */
bool fse_beyond_noise(const double *difference, uint32_t n, double least);

#endif /* FLUX_PLUGIN_TUNE_H */
