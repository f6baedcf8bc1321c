/*
 * plugin/tuning.c - an agent's scenes and scores, and the search for something
 * better to do.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

#define PATIENT 10u    /* times as long may a call take behind everybody else */
#define REHEARSED 16u  /* episodes the winner runs on the host's own VM */

/* ---- life --------------------------------------------------------------- */

void fse_tuning_open(struct flux_evolved *a) {
  const struct fse_instance *in = a->instance;
  struct fse_tuning *t = &a->tuning;
  uint32_t offers = 0;
  if (in->judge == NULL || !in->policy.tuning) return;
  offers = in->judge->offers(a->id, in->host->ctx);
  t->scores = (offers & FLUX_JUDGE_SCORES) != 0;
  t->models = (offers & FLUX_JUDGE_MODELS) != 0;
  t->on = t->scores || a->confidence_cell >= 0;
}

/* Courses that a call which did not come back may still look at. */
struct left {
  struct left *next;
  flux_course *course;
};
static _Atomic(struct left *) all_left;

static void leave_behind(flux_course *course) {
  struct left *l = malloc(sizeof *l);
  if (l == NULL) return;
  l->course = course;
  l->next = atomic_load(&all_left);
  while (!atomic_compare_exchange_weak(&all_left, &l->next, l)) {
  }
}

void fse_tuning_course_done(struct flux_evolved *a, flux_course **course) {
  assert(a->instance->judge != NULL);
  if (*course != NULL && a->tuning.hung) leave_behind(*course);
  else a->instance->judge->close(*course);
  *course = NULL;
}

void fse_tuning_forget(struct flux_evolved *a) {
  struct fse_tuning *t = &a->tuning;
  for (uint32_t i = 0; i < FSE_SCENES && a->instance->judge != NULL; i++) {
    fse_tuning_course_done(a, &t->scenes[i].course);
    fse_scene_done(&t->scenes[i]);
  }
  t->recorded = t->tried_at = 0;
}

void fse_tuning_close(struct flux_evolved *a) {
  struct fse_tuning *t = &a->tuning;
  if (a->instance->judge == NULL) return;
  fse_tuning_forget(a);
  fse_tuning_course_done(a, &t->course);
  fse_errand_free(t->errand);
  fse_made_done(&t->gift);
}

void fse_tuning_end(struct flux_evolved *a, bool hung) {
  struct fse_tuning *t = &a->tuning;
  const char *why = hung ? "its scorer or model did not come back"
                         : "its scorer or model gives no number";
  if (hung) atomic_store(&t->hung, true);
  atomic_store(&t->on, false);
  fse_explain(a, "not %s: %s", hung ? "evolved" : "tuned", why);
  fse_say(a->instance, FLUX_LOG_WARNING, "agent \"%s\" is not %s any more: %s",
          a->name, hung ? "evolved" : "tuned", why);
}

/* ---- errands of the watcher --------------------------------------------- */

struct opening {
  struct flux_evolved *a;
  flux_course *course;
};

static void open_job(struct fse_errand *e, void *arg) {
  struct opening *o = arg;
  flux_status (*open)(uint64_t, flux_course **, void *) =
      o->a->instance->judge->open;
  void *ctx = o->a->instance->host->ctx;
  flux_course *course = NULL;
  flux_status rc;
  uint64_t id = o->a->id;
  fse_errand_away(e);
  rc = open(id, &course, ctx);
  fse_errand_back(e);
  o->course = rc == FLUX_OK ? course : NULL;
}

/* Runs a job; false: it did not come back, and the agent is evolved no more. */
static bool run_job(struct flux_evolved *a,
                    void (*job)(struct fse_errand *e, void *arg), void *arg) {
  struct fse_tuning *t = &a->tuning;
  if (t->errand == NULL) t->errand = fse_errand_new();
  if (t->errand == NULL) return false;
  if (fse_errand_run(t->errand, a->instance->policy.scorer_ms, job, arg) == 0)
    return true;
  t->errand = NULL;
  fse_tuning_end(a, true);
  return false;
}

flux_course *fse_tuning_course_new(struct flux_evolved *a) {
  struct opening o = {a, NULL};
  return run_job(a, open_job, &o) ? o.course : NULL;
}

void fse_tuning_course(struct flux_evolved *a) {
  if (!a->tuning.on) return;
  fse_tuning_course_done(a, &a->tuning.course);
  a->tuning.course = fse_tuning_course_new(a);
}

void fse_tuning_scene(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_tuning *t = &a->tuning;
  struct fse_scene *s = &t->scenes[t->recorded % FSE_SCENES];
  bool fresh = (slot->task.flags & FLUX_TASK_FRESH) != 0;
  uint32_t pc = fse_root_pc(&a->live, slot->begin.pc, fresh);
  flux_course *course;
  assert(slot->whole);
  if (!t->on || pc >= a->root->size) return;
  course = fse_tuning_course_new(a);
  if (course == NULL) return;
  fse_recorded_get(&slot->begin, a->dialect, a->begin);
  a->begin->pc = pc;
  fse_tuning_course_done(a, &s->course);
  s->course = course;
  if (fse_scene_fill(s, a->dialect, a->begin, slot->events,
                     slot->event_count) == 0)
    t->recorded++;
}

struct scoring {
  const struct fse_instance *in;
  const struct fse_slot *slot;
  flux_course *course;
  double score;
  flux_status rc;
};

static void score_job(struct fse_errand *e, void *arg) {
  struct scoring *s = arg;
  const flux_judge *judge = s->in->judge;
  flux_status (*end)(flux_course *, double *) = judge->end;
  flux_course *course = s->course;
  double score = 0;
  flux_status rc;
  for (uint32_t i = 0; i < s->slot->event_count; i++)
    judge->event(course,
                 (const flux_event *)(const void *)&s->slot->events[i]);
  fse_errand_away(e);
  rc = end(course, &score);
  fse_errand_back(e);
  s->rc = rc;
  s->score = score;
}

bool fse_tuning_score(struct flux_evolved *a, const struct fse_slot *slot,
                      double *score) {
  struct fse_tuning *t = &a->tuning;
  struct scoring s = {.in = a->instance, .slot = slot, .course = t->course};
  if (!t->on) return false;
  *score = slot->task.confidence;
  if (!t->scores) return *score >= 0 && *score <= 1;
  if (t->course == NULL) fse_tuning_course(a);
  s.course = t->course;
  if (s.course == NULL || !run_job(a, score_job, &s)) return false;
  *score = s.score;
  if (s.rc == FLUX_OK) return true;
  fse_tuning_end(a, false);
  return false;
}

/* ---- the search --------------------------------------------------------- */

bool fse_tuning_due(const struct flux_evolved *a) {
  const struct fse_tuning *t = &a->tuning;
  if (!t->on ||
      atomic_load(&a->generation) >= a->instance->policy.max_generations)
    return false;
  /* What another agent found comes first. */
  return t->gift.program != NULL ? fse_gift_due(a)
                                 : t->recorded - t->tried_at >= FSE_SCENES;
}

struct search {
  struct fse_made gift;         /* what is tried; program NULL: one is found */
  struct fse_tune_request q;
  struct fse_tune_result result;
  struct fisa_error err;
  int rc;
};

static void search_job(struct fse_errand *e, void *arg) {
  struct search *s = arg;
  s->rc = s->gift.program != NULL
              ? fse_tune_given(e, &s->q, &s->gift, &s->result, &s->err)
              : fse_tune_search(e, &s->q, &s->result, &s->err);
}

void fse_tuning_request(struct flux_evolved *a, struct fse_tune_request *q) {
  const struct fse_instance *in = a->instance;
  struct fse_tuning *t = &a->tuning;
  *q = (struct fse_tune_request){
      .root = a->root, .root_facts = a->root_facts,
      .parent = fse_live_program(a), .parent_places = a->live.places,
      .parent_place_count = a->live.place_count, .policy = &in->policy,
      .scenes = t->scenes,
      .scene_count = t->recorded < FSE_SCENES ? t->recorded : FSE_SCENES,
      .judge = in->judge,
      .scores = t->scores, .models = t->models,
      .confidence_cell = a->confidence_cell,
      .confidence_scale = a->confidence_scale,
      .trust = atomic_load(&a->trust), .fuel = a->fuel, .set = a->set,
      .cancel = &a->cancel};
}

/* A find becomes the patch to be tried, once the host's own VM agrees. */
static bool promote(struct flux_evolved *a, struct fse_tune_result *r) {
  struct fse_trialled *next = &a->next_patch;
  struct fse_record *rec = &next->record;
  char what[128] = "";
  int rc = fse_live_make(a, r->best, r->places, r->place_count,
                         a->patches + 1, &next->live);
  r->best = NULL;
  r->places = NULL;
  if (rc != 0) return false;
  a->patches++;
  next->tuning = true;
  next->tasks = 0;
  memset(rec, 0, sizeof *rec);
  snprintf(rec->agent, sizeof rec->agent, "%s", a->name);
  snprintf(rec->kind, sizeof rec->kind, "%s%s%s", r->kinds,
           r->what[0] ? ": " : "", r->what);
  rec->patch = a->patches;
  rec->generation = a->generation + 1;
  rec->cost_before = r->cost_before;
  rec->cost_after = r->cost_after;
  rec->fitness_before = r->fitness_before;
  rec->fitness_after = r->fitness_after;
  memcpy(rec->parent, fse_live_program(a)->hash, 32);
  memcpy(rec->child, next->live.program->hash, 32);
  if (fse_rehearse_tuning(a, &next->live, REHEARSED, what)) return true;
  fse_say(a->instance, FLUX_LOG_WARNING,
          "agent \"%s\": patch %llu is not offered: %s", a->name,
          (unsigned long long)a->patches, what);
  fse_ban(a, next->live.program);
  fse_live_done(&next->live);
  next->tuning = false;
  return false;
}

/* Whether a find was no better, live, not long ago. */
static bool refused(struct fse_tuning *t, const struct fisa_program *p) {
  if (t->refused_for == 0) return false;
  t->refused_for--;
  return memcmp(t->refused, p->hash, 32) == 0;
}

/* What came of looking for something better. */
static bool conclude(struct flux_evolved *a, struct search *s) {
  fse_say(a->instance, FLUX_LOG_DEBUG,
          "%s: %llu edits of what it does were tried, score %.4f -> %.4f",
          a->name, (unsigned long long)s->result.variants,
          s->result.score_before, s->result.score_after);
  if (s->rc != 0) fse_explain(a, "not tuned: %s", s->err.text);
  return s->rc == 0 && s->result.improved &&
         !fse_banned(a, s->result.best) &&
         !refused(&a->tuning, s->result.best) && promote(a, &s->result);
}

/* And of a gift. What cannot be used here is not tried again; what goes live
 * stays given until it is the root, since it may be taken back by no fault of
 * its own. */
static bool receive(struct flux_evolved *a, struct search *s) {
  struct fse_trialled *next = &a->next_patch;
  if (s->rc == 0 && fse_banned(a, s->result.best))
    s->rc = fisa_fail(&s->err, "it was tried here before");
  if (s->rc != 0) {
    fse_say(a->instance, FLUX_LOG_WARNING,
            "agent \"%s\": what another agent of the program was tuned to is "
            "not offered: %s", a->name, s->err.text);
    return false;
  }
  if (!promote(a, &s->result)) return false;
  next->gift = true;
  next->gift_score = s->result.score_before;
  snprintf(next->record.reason, sizeof next->record.reason,
           "as another agent of the program: score %.3f -> %.3f on its own "
           "tasks", s->result.score_before, s->result.score_after);
  return true;
}

bool fse_tune(struct flux_evolved *a) {
  struct search s = {.err = {""}};
  struct fse_errand *e = fse_errand_new();
  uint8_t hash[32];
  bool found = false, gift;
  if (e == NULL) return false;
  gift = fse_gift_copy(a, &s.gift);
  if (gift) memcpy(hash, s.gift.program->hash, 32);
  else a->tuning.tried_at = a->tuning.recorded;
  fse_tuning_request(a, &s.q);
  if (fse_errand_run(e, a->instance->policy.scorer_ms * PATIENT, search_job,
                     &s) != 0) {
    fse_tuning_end(a, true);
    return false;
  }
  fse_errand_free(e);
  if (s.result.no_number) fse_tuning_end(a, false);
  else if (!gift) found = conclude(a, &s);
  else if (!atomic_load(&a->cancel)) found = receive(a, &s);
  if (gift && !found && !atomic_load(&a->cancel)) fse_gift_drop(a, hash);
  fse_made_done(&s.gift);
  fse_tune_result_done(&s.result);
  return found && !atomic_load(&a->cancel);
}
