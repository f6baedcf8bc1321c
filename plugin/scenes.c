/*
 * plugin/scenes.c - the scenes on which a tuning was found, kept with it: after
 * a restart it is tried on them again.
 *
 * A blob is a row of words: its form, the hash of the tuned program, and
 * counted tasks, which begin at places of what the host attaches. An agent has
 * one, that of its last tuning.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/bytes.h"
#include "plugin/instance.h"

#define FORM 1u
#define BYTES_MOST (1u << 20)  /* of a blob: agents may have much memory */
#define PATIENT 10u            /* times scorer_ms, as in any search */

static void key_of(const struct flux_evolved *a, uint8_t key[32]) {
  fisa_sha256((const uint8_t *)a->name, strlen(a->name), key);
}

/* ---- there -------------------------------------------------------------- */

static void put_scene(struct fse_writer *w, const struct fse_scene *s,
                      struct fisa_state *begin, uint32_t pc,
                      const struct fisa_state *initial) {
  const struct ftrial_episode e = {.begin = begin, .events = s->events,
                                   .event_count = s->event_count};
  fisa_state_copy(begin, s->begin);
  begin->pc = pc;
  fse_put_task(w, &e, initial);
}

/* All scenes that begin where the origin has a place. */
static void put_scenes(const struct flux_evolved *a, struct fse_writer *w,
                       struct fisa_state *begin,
                       const struct fisa_state *initial) {
  const struct fse_tuning *t = &a->tuning;
  uint32_t n = t->recorded < FSE_SCENES ? t->recorded : FSE_SCENES, count = 0;
  for (uint32_t i = 0; i < n; i++)
    count += fse_origin_pc(a, t->scenes[i].begin->pc) != UINT32_MAX;
  fse_put(w, count);
  for (uint32_t i = 0; i < n && w->size <= BYTES_MOST; i++) {
    uint32_t pc = fse_origin_pc(a, t->scenes[i].begin->pc);
    if (pc != UINT32_MAX) put_scene(w, &t->scenes[i], begin, pc, initial);
  }
}

void fse_scenes_save(const struct flux_evolved *a,
                     const struct fisa_program *tuned) {
  struct fse_journal *j = a->instance->journal;
  struct fisa_state *begin, *initial;
  struct fse_writer w = {0};
  uint8_t key[32];
  if (j == NULL) return;
  begin = fisa_state_new(a->dialect);
  initial = fisa_state_new(a->dialect);
  key_of(a, key);
  fse_put(&w, FORM);
  fse_put_bytes(&w, tuned->hash, sizeof tuned->hash);
  if (begin != NULL && initial != NULL) put_scenes(a, &w, begin, initial);
  /* Without them it is tried on less. */
  if (begin == NULL || initial == NULL || w.failed || w.size > BYTES_MOST)
    (void)fse_journal_take(j, FSE_SHELF_SCENES, key, NULL);
  else
    (void)fse_journal_put(j, FSE_SHELF_SCENES, key, w.bytes, w.size, NULL);
  free(w.bytes);
  fisa_state_free(begin);
  fisa_state_free(initial);
}

/* ---- and back ----------------------------------------------------------- */

/* One scene, with a course of its own; false: no more can be had. */
static bool get_scene(struct flux_evolved *a, struct fse_reader *r,
                      struct fse_scene *s) {
  struct fisa_trace events = {0};
  bool good;
  fse_get_task(r, a->dialect, a->begin, &events);
  good = !r->failed && a->begin->pc < a->root->size &&
         a->root_facts->index[a->begin->pc] != UINT32_MAX &&
         fse_scene_fill(s, a->dialect, a->begin, events.events,
                        events.count) == 0;
  fisa_trace_done(&events);
  if (good) s->course = fse_tuning_course_new(a);
  if (good && s->course == NULL) fse_scene_done(s);
  return good && s->course != NULL;
}

/* The scenes kept with that program. Returns how many. */
static uint32_t get_scenes(struct flux_evolved *a,
                           const struct fisa_program *tuned,
                           struct fse_scene scene[FSE_SCENES]) {
  struct fse_reader r = {NULL, NULL, false};
  uint8_t key[32], hash[32], *blob = NULL;
  uint32_t count, n = 0;
  size_t size = 0;
  key_of(a, key);
  if (!a->tuning.on ||
      fse_journal_get(a->instance->journal, FSE_SHELF_SCENES, key, &blob,
                      &size, NULL) <= 0)
    return 0;
  r.at = blob;
  r.end = blob + size;
  if (fse_get(&r) != FORM) r.failed = true;
  fse_get_bytes(&r, hash, sizeof hash);
  count = fse_get_count(&r, 1);
  if (!r.failed && memcmp(hash, tuned->hash, 32) == 0)
    while (n < count && n < FSE_SCENES && get_scene(a, &r, &scene[n])) n++;
  free(blob);
  return n;
}

/* ---- the trial ---------------------------------------------------------- */

struct trial {
  struct fse_tune_request q;
  struct fse_made *given;
  struct fse_tune_result *out;
  struct fisa_error *err;
  int rc;
};

static void try_job(struct fse_errand *e, void *arg) {
  struct trial *t = arg;
  t->rc = fse_tune_given(e, &t->q, t->given, t->out, t->err);
}

/* With calls of the judge, which may not come back. */
static int try_on_errand(struct flux_evolved *a, struct trial *t) {
  struct fse_errand *e = fse_errand_new();
  if (e == NULL) return fisa_fail(t->err, "out of memory");
  if (fse_errand_run(e, a->instance->policy.scorer_ms * PATIENT, try_job,
                     t) != 0) {
    fse_tuning_end(a, true);
    return fisa_fail(t->err, "its scorer or model did not come back");
  }
  fse_errand_free(e);
  if (!t->out->no_number) return t->rc;
  fse_tuning_end(a, false);
  return fisa_fail(t->err, "its scorer or model gives no number");
}

int fse_scenes_try(struct flux_evolved *a, struct fse_made *given,
                   struct fse_tune_result *out, struct fisa_error *err) {
  struct fse_scene scene[FSE_SCENES];
  struct trial t = {.given = given, .out = out, .err = err};
  uint32_t n;
  int rc;
  assert(given->program != NULL && a->origin == NULL);
  memset(scene, 0, sizeof scene);
  memset(out, 0, sizeof *out);
  n = get_scenes(a, given->program, scene);
  fse_tuning_request(a, &t.q);
  t.q.scenes = scene;
  t.q.scene_count = n < FSE_SCENES_LEAST ? 0 : n;
  if (t.q.scene_count > 0) {
    rc = try_on_errand(a, &t);
  } else {
    try_job(NULL, &t);
    rc = t.rc;
  }
  for (uint32_t i = 0; i < n; i++) {
    fse_tuning_course_done(a, &scene[i].course);
    fse_scene_done(&scene[i]);
  }
  return rc;
}
