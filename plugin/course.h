/*
 * plugin/course.h - programs on the courses of an agent. Private to tuning.
 */
#ifndef FLUX_PLUGIN_COURSE_H
#define FLUX_PLUGIN_COURSE_H

#include "plugin/tune.h"

/* What a program came to, over the scenes that can be used. */
struct fse_mark {
  uint32_t count;               /* scenes */
  double score[FSE_SCENES];     /* of each: mean of a task */
  double cost, tasks;           /* sums */
};
double fse_mark_score(const struct fse_mark *m);  /* mean over scenes */
double fse_mark_fitness(const struct fse_mark *m, double trust);

/* A program that is made to be tried. */
struct fse_tried {
  struct fir_program *ir;
  uint32_t (*pair)[2];
  struct ftrial_pc_map map;
};
/* False: memory, or it has rows without a meaning. */
bool fse_tried_make(const struct fse_tune_request *q,
                    const struct fse_made *m, struct fse_tried *out);
void fse_tried_done(struct fse_tried *t);

/* The parent of a request, root -> it. 0, or -1: memory. */
int fse_parent_make(const struct fse_tune_request *q, struct fse_made *m);

/* Whether a child faults, or goes on for ever, on no generated state on which
 * the parent does not. */
bool fse_is_safe(const struct fse_tune_request *q,
                 const struct fse_made *parent, const struct fse_made *child);

/* Where programs are tried: the scenes, and what is heard of the program that
 * was recorded in the first task of each. */
struct fse_stand {
  const struct fse_tune_request *q;
  struct fse_errand *errand;
  struct fir_lane *lane;
  struct fisa_state *state;
  uint8_t *used;                /* of recorded values: taken */
  uint32_t tasks;               /* of a course */
  bool patient;                 /* no course is left out, whatever the first
                                   ones say */
  struct {
    bool usable;
    struct fisa_trace outputs;
    double confidence;
  } heard[FSE_SCENES];
  bool no_number;
};

/* Runs the program that was recorded; its mark is what others are held
 * against. 0, or -1 with err: memory, no scene can be used. */
int fse_stand_open(struct fse_stand *st, const struct fir_program *ir,
                   const struct ftrial_pc_map *map, struct fse_mark *mark,
                   struct fisa_error *err);
void fse_stand_close(struct fse_stand *st);

/*
 * Runs another. False: it is out, since it faulted, asked for a value that
 * nobody has, or rated itself otherwise; or it did no better than `against`
 * in the first scenes.
 */
bool fse_stand_run(struct fse_stand *st, const struct fir_program *ir,
                   const struct ftrial_pc_map *map,
                   const struct fse_mark *against, struct fse_mark *mark);

#endif /* FLUX_PLUGIN_COURSE_H */
