/*
 * plugin/control_bench.c - the request "bench".
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/measure.h"
#include "plugin/control_impl.h"

#define MAX_EPISODES 4096u
#define MAX_SECONDS 3600.0

/* What is to be measured, and on what. */
struct bench {
  struct fse_control *c;
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  struct ftrial_set *set;
  int engine;
  double seconds;
};

/* ---- reading ------------------------------------------------------------ */

static flux_status read_engine(struct bench *b) {
  const char *name = "lanes";
  flux_status rc = fse_control__string(b->c, "engine", &name);
  if (rc != FLUX_OK) return rc;
  b->engine = fmeasure_by_word(name);
  if (b->engine >= 0) return FLUX_OK;
  return fse_control__fail(b->c, FLUX_E_UNSUPPORTED,
                           "engine %.40s cannot be measured", name);
}

static flux_status read_seconds(struct bench *b) {
  const json_t *seconds = json_object_get(b->c->request, "seconds");
  if (seconds == NULL) return FLUX_OK;
  b->seconds = json_number_value(seconds);
  if (json_is_number(seconds) && b->seconds > 0 && b->seconds <= MAX_SECONDS)
    return FLUX_OK;
  return fse_control__fail(b->c, FLUX_E_INVALID,
                           "\"seconds\" must be above 0, up to %.0f",
                           MAX_SECONDS);
}

/* Episodes on which the program has no end are left out. */
static flux_status add_episode(struct bench *b, const json_t *state,
                               struct fisa_state *s) {
  struct fisa_trace in = {0};
  flux_status rc;
  fisa_state_start(b->program, s);
  rc = fse_control__state(b->c, state, b->program, s, &in);
  if (rc == FLUX_OK) {
    const struct ftrial_episode e = {.origin = FTRIAL_RECORDED,
                                     .begin = s,
                                     .events = in.events,
                                     .event_count = in.count,
                                     .confidence = 1};
    if (ftrial_set_add(b->set, &e) == FTRIAL_NO_MEMORY)
      rc = fse_control__fail(b->c, FLUX_E_MEMORY, "out of memory");
  }
  fisa_trace_done(&in);
  return rc;
}

static flux_status read_episodes(struct bench *b) {
  const json_t *list = json_object_get(b->c->request, "episodes"), *item;
  size_t i, n = json_array_size(list);
  struct fisa_state *s;
  flux_status rc = FLUX_OK;
  if (!json_is_array(list) || n == 0 || n > MAX_EPISODES)
    return fse_control__fail(b->c, FLUX_E_INVALID,
                             "\"episodes\" must be a list of 1 to %u states",
                             MAX_EPISODES);
  b->set = ftrial_set_new(b->program, b->dialect->fuel, &b->c->err);
  if (b->set == NULL) return FLUX_E_INVALID;
  s = fisa_state_new(b->dialect);
  if (s == NULL)
    return fse_control__fail(b->c, FLUX_E_MEMORY, "out of memory");
  json_array_foreach(list, i, item) {
    rc = add_episode(b, item, s);
    if (rc != FLUX_OK) break;
  }
  ftrial_set_lay(b->set);
  fisa_state_free(s);
  return rc;
}

static flux_status read_bench(struct bench *b) {
  static const char *const keys[] = {"cmd",      "engine",  "program",
                                     "episodes", "seconds", NULL};
  flux_status rc = fse_control__keys(b->c, keys);
  if (rc == FLUX_OK) rc = read_engine(b);
  if (rc == FLUX_OK) rc = read_seconds(b);
  if (rc == FLUX_OK)
    rc = fse_control__program(b->c, &b->dialect, &b->program);
  return rc == FLUX_OK ? read_episodes(b) : rc;
}

/* ---- the request -------------------------------------------------------- */

static flux_status measure(struct bench *b) {
  struct fmeasure m;
  assert(b->set != NULL);
  if (fmeasure_set(b->set, (enum fmeasure_engine)b->engine, b->seconds, &m,
                   &b->c->err) != 0)
    return FLUX_E_UNSUPPORTED;
  return fse_control__send(
      b->c, json_pack("{s:f, s:f, s:I, s:f}", "instructions", m.instructions,
                      "trials", m.trials, "episodes",
                      (json_int_t)ftrial_set_count(b->set), "per_launch",
                      m.per_launch));
}

flux_status fse_control_bench(struct fse_control *c) {
  struct bench b = {.c = c, .seconds = 0.5};
  flux_status rc = read_bench(&b);
  if (rc == FLUX_OK) rc = measure(&b);
  ftrial_set_free(b.set);
  fisa_program_free(b.program);
  fisa_dialect_free(b.dialect);
  return rc;
}
