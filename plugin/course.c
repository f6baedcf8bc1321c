/*
 * plugin/course.c - programs on the courses of an agent.
 */
#include "plugin/course.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/search.h"

#define FIRST_SCENES 4u  /* who does no better there goes no further */

/* The event of the ABI and that of the state codec are one thing. */
_Static_assert(sizeof(struct fisa_event) == sizeof(flux_event), "event");

/* ---- scenes ------------------------------------------------------------- */

int fse_scene_fill(struct fse_scene *s, const struct fisa_dialect *d,
                   const struct fisa_state *begin,
                   const struct fisa_event *events, uint32_t count) {
  struct fisa_event *copy = malloc(((size_t)count + 1) * sizeof *copy);
  assert(s != NULL && begin != NULL);
  if (s->begin == NULL) s->begin = fisa_state_new(d);
  if (copy == NULL || s->begin == NULL) {
    free(copy);
    return -1;
  }
  fisa_state_copy(s->begin, begin);
  if (count > 0) memcpy(copy, events, count * sizeof *copy);
  free(s->events);
  s->events = copy;
  s->event_count = count;
  return 0;
}

void fse_scene_done(struct fse_scene *s) {
  fisa_state_free(s->begin);
  free(s->events);
  memset(s, 0, sizeof *s);
}

/* ---- marks -------------------------------------------------------------- */

double fse_mark_score(const struct fse_mark *m) {
  double sum = 0;
  for (uint32_t i = 0; i < m->count; i++) sum += m->score[i];
  return m->count > 0 ? sum / m->count : 0;
}

double fse_mark_fitness(const struct fse_mark *m, double trust) {
  return m->tasks > 0
             ? fse_fitness(m->cost / m->tasks, fse_mark_score(m), trust)
             : 0;
}

bool fse_beyond_noise(const double *difference, uint32_t n, double least) {
  double sum = 0, squares = 0, mean, variance;
  assert(n == 0 || difference != NULL);
  if (n < 2) return false;
  for (uint32_t i = 0; i < n; i++) sum += difference[i];
  mean = sum / n;
  for (uint32_t i = 0; i < n; i++)
    squares += (difference[i] - mean) * (difference[i] - mean);
  variance = squares / (n - 1);
  return mean - 2 * sqrt(variance / n) > least;
}

/* ---- one course --------------------------------------------------------- */

struct run {
  struct fse_stand *st;
  uint32_t scene, task;
  uint32_t out_at;       /* outputs of the first task so far */
  bool hearing;          /* the program that was recorded runs */
  bool apart;            /* its outputs are others by now, or a value came
                            that was not recorded */
};

static const struct fse_scene *scene_of(const struct run *r) {
  return &r->st->q->scenes[r->scene];
}

/* The first recorded value of a source that is not taken yet. */
static const struct fisa_event *recorded(struct run *r,
                                         struct fisa_event *want) {
  const struct fse_scene *s = scene_of(r);
  for (uint32_t i = 0; i < s->event_count; i++) {
    if (r->st->used[i] || s->events[i].out) continue;
    want->value = s->events[i].value;
    if (!fisa_event_equal(&s->events[i], want)) continue;
    r->st->used[i] = 1;
    return &s->events[i];
  }
  return NULL;
}

static void tell(struct run *r, const struct fisa_event *e) {
  r->st->q->judge->event(scene_of(r)->course,
                         (const flux_event *)(const void *)e);
}

static int run_input(uint16_t source, const int32_t *arg, unsigned argc,
                     int32_t *value, void *user) {
  struct run *r = user;
  struct fse_stand *st = r->st;
  struct fisa_event want = {.argc = (uint8_t)argc, .name = source};
  flux_status rc;
  for (unsigned i = 0; i < argc; i++) want.arg[i] = arg[i];
  if (r->task == 0 && !r->apart && recorded(r, &want) != NULL) {
    tell(r, &want);
    *value = want.value;
    return 0;
  }
  r->apart = true;
  /* Nothing that is not this thread's is looked at while it is away. */
  flux_status (*ask)(flux_course *, uint16_t, const int32_t *, uint32_t,
                     int32_t *) = st->q->judge->value;
  flux_course *course = scene_of(r)->course;
  fse_errand_away(st->errand);
  rc = ask(course, source, arg, argc, value);
  fse_errand_back(st->errand);
  if (rc == FLUX_E_INVALID) st->no_number = true;
  return rc == FLUX_OK ? 0 : -1;
}

static int run_output(uint16_t channel, const int32_t *arg, unsigned argc,
                      void *user) {
  struct run *r = user;
  struct fisa_trace *heard = &r->st->heard[r->scene].outputs;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  for (unsigned i = 0; i < argc; i++) e.arg[i] = arg[i];
  tell(r, &e);
  if (r->task > 0) return 0;
  if (r->hearing) return fisa_trace_add(heard, &e);
  if (r->out_at >= heard->count ||
      !fisa_event_equal(&heard->events[r->out_at++], &e))
    r->apart = true;
  return 0;
}

/* What the task that just ended was worth; false: nobody can say, or it rates
 * itself otherwise though nothing else is different. */
static bool worth(struct run *r, double *score) {
  struct fse_stand *st = r->st;
  flux_status (*end)(flux_course *, double *) = st->q->judge->end;
  flux_course *course = scene_of(r)->course;
  flux_status rc;
  fse_errand_away(st->errand);
  rc = end(course, score);
  fse_errand_back(st->errand);
  if (st->q->scores) {
    st->no_number |= rc != FLUX_OK;
    return rc == FLUX_OK;
  }
  *score = fse_confidence(st->state, st->q->confidence_cell,
                          st->q->confidence_scale);
  if (r->task > 0) return true;
  if (r->hearing) st->heard[r->scene].confidence = *score;
  return r->apart || *score == st->heard[r->scene].confidence;
}

/* A whole course; false: it came to no end. */
static bool course(struct run *r, const struct fir_program *ir,
                   const struct ftrial_pc_map *map, struct fse_mark *m) {
  struct fse_stand *st = r->st;
  const struct fse_scene *s = scene_of(r);
  const struct fir_io io = {run_input, run_output, r};
  const struct fir_limits limits = {st->q->fuel, true};
  double sum = 0, score = 0;
  uint32_t done = 0;
  memset(st->used, 0, s->event_count);
  fisa_state_copy(st->state, s->begin);
  if (!ftrial_map_pc(map, s->begin->pc, &st->state->pc)) return false;
  st->q->judge->begin(s->course);
  for (r->task = 0; r->task < st->tasks; r->task++) {
    struct fir_result res = fir_run(ir, st->lane, st->state, &io, limits);
    if (res.starved || st->state->status == FISA_RUN_FAULT ||
        st->state->status == FISA_RUN_FUEL || !worth(r, &score))
      return false;
    sum += score;
    m->cost += (double)res.cost;
    done++;
    if (st->state->status != FISA_RUN_YIELD) break;
  }
  m->tasks += done;
  m->score[m->count++] = sum / done;
  return true;
}

/* ---- the stand ---------------------------------------------------------- */

static bool cancelled(const struct fse_stand *st) {
  return st->q->cancel != NULL &&
         atomic_load_explicit(st->q->cancel, memory_order_relaxed);
}

/* Whether courses of st->tasks tasks end; what they come to. */
static void hear(struct fse_stand *st, const struct fir_program *ir,
                 const struct ftrial_pc_map *map, struct fse_mark *mark) {
  memset(mark, 0, sizeof *mark);
  for (uint32_t i = 0; i < st->q->scene_count && !cancelled(st); i++) {
    struct run r = {.st = st, .scene = i, .hearing = true};
    st->heard[i].outputs.count = 0;
    st->heard[i].usable = course(&r, ir, map, mark);
  }
}

int fse_stand_open(struct fse_stand *st, const struct fir_program *ir,
                   const struct ftrial_pc_map *map, struct fse_mark *mark,
                   struct fisa_error *err) {
  uint32_t most = 0;
  assert(st->q->scene_count <= FSE_SCENES);
  for (uint32_t i = 0; i < st->q->scene_count; i++)
    if (st->q->scenes[i].event_count > most)
      most = st->q->scenes[i].event_count;
  st->lane = fir_lane_new();
  st->state = fisa_state_new(st->q->root->dialect);
  st->used = malloc(most + 1);
  if (st->lane == NULL || st->state == NULL || st->used == NULL)
    return fisa_fail(err, "out of memory");
  st->tasks = st->q->models ? FSE_COURSE_TASKS : 1;
  hear(st, ir, map, mark);
  if (mark->count < FSE_SCENES_LEAST && st->tasks > 1 && !st->no_number) {
    /* Something that it reads has no model. */
    st->tasks = 1;
    hear(st, ir, map, mark);
  }
  return mark->count >= FSE_SCENES_LEAST
             ? 0
             : fisa_fail(err, "its recorded tasks cannot be run");
}

void fse_stand_close(struct fse_stand *st) {
  for (uint32_t i = 0; i < FSE_SCENES; i++)
    fisa_trace_done(&st->heard[i].outputs);
  fir_lane_free(st->lane);
  fisa_state_free(st->state);
  free(st->used);
}

bool fse_stand_run(struct fse_stand *st, const struct fir_program *ir,
                   const struct ftrial_pc_map *map,
                   const struct fse_mark *against, struct fse_mark *mark) {
  memset(mark, 0, sizeof *mark);
  for (uint32_t i = 0; i < st->q->scene_count; i++) {
    struct run r = {.st = st, .scene = i};
    double ahead = 0;
    if (!st->heard[i].usable) continue;
    if (cancelled(st) || !course(&r, ir, map, mark)) return false;
    if (mark->count != FIRST_SCENES || st->patient) continue;
    for (uint32_t k = 0; k < mark->count; k++)
      ahead += mark->score[k] - against->score[k];
    if (ahead <= 0) return false;
  }
  return mark->count == against->count;
}
