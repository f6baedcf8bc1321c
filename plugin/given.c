/*
 * plugin/given.c - programs on trial beside the parent, and one that somebody
 * else found: another agent of the program, or an earlier run.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/course.h"
#include "plugin/kinds.h"

#define SAFE_STATES 1000u  /* on which what is found must not fault */

/* ---- programs on trial -------------------------------------------------- */

void fse_tried_done(struct fse_tried *t) {
  fir_free(t->ir);
  free(t->pair);
  memset(t, 0, sizeof *t);
}

bool fse_tried_make(const struct fse_tune_request *q,
                    const struct fse_made *m, struct fse_tried *out) {
  memset(out, 0, sizeof *out);
  out->pair = fse_boundary_pairs(q->root_facts, q->root, m->program,
                                 m->places, m->place_count, &out->map.count);
  out->map.pair = (const uint32_t(*)[2])out->pair;
  if (out->pair != NULL && fir_lower(m->program, &out->ir, NULL) == 0 &&
      !out->ir->opaque)
    return true;
  fse_tried_done(out);
  return false;
}

int fse_parent_make(const struct fse_tune_request *q, struct fse_made *m) {
  const struct fisa_facts *f = q->root_facts;
  const struct fisa_program *p = q->parent;
  bool is_root = q->parent_places == NULL;
  uint32_t n = is_root ? f->count : q->parent_place_count;
  assert(!is_root || q->parent == q->root);
  m->program = fisa_program_derive(p, p->code, p->size, p->entry,
                                   p->manifest.boundary.pc);
  m->places = malloc(((size_t)n + 1) * sizeof *m->places);
  m->place_count = n;
  if (m->program == NULL || m->places == NULL) {
    fse_made_done(m);
    return -1;
  }
  for (uint32_t i = 0; i < n; i++)
    m->places[i] = is_root ? (struct fse_place){f->insn[i].pc, f->insn[i].pc}
                           : q->parent_places[i];
  return 0;
}

/* ---- is it safe --------------------------------------------------------- */

/* Runs from generated states. */
struct runs {
  const struct fse_tune_request *q;
  struct fir_lane *lane;
  struct fisa_state *begin, *state;
  struct fisa_trace inputs;
  uint32_t at;                  /* of the inputs */
};

static int next_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct runs *r = user;
  (void)source, (void)arg, (void)argc;
  while (r->at < r->inputs.count && r->inputs.events[r->at].out) r->at++;
  if (r->at == r->inputs.count) return -1;
  *value = r->inputs.events[r->at++].value;
  return 0;
}

/* How a run from the generated state ends; -1: it cannot be said. */
static int ends(struct runs *r, const struct fse_tried *p) {
  const struct fir_io io = {next_input, NULL, r};
  const struct fir_limits limits = {r->q->fuel, true};
  fisa_state_copy(r->state, r->begin);
  r->at = 0;
  if (!ftrial_map_pc(&p->map, r->begin->pc, &r->state->pc))
    return FISA_RUN_FAULT;
  return fir_run(p->ir, r->lane, r->state, &io, limits).starved
             ? -1
             : r->state->status;
}

static bool all_end(struct runs *r, const struct fse_tried *parent,
                    const struct fse_tried *child) {
  for (uint64_t n = 0; n < SAFE_STATES; n++) {
    int x, y;
    if (ftrial_fuzz_state_on(r->q->set, r->lane, r->q->policy->seed, n,
                             r->begin, &r->inputs) != 0)
      break;
    x = ends(r, parent);
    y = ends(r, child);
    if (x >= 0 && x != y && (y == FISA_RUN_FAULT || y == FISA_RUN_FUEL))
      return false;
  }
  return true;
}

bool fse_is_safe(const struct fse_tune_request *q,
                 const struct fse_made *parent,
                 const struct fse_made *child) {
  struct runs r = {.q = q,
                   .lane = fir_lane_new(),
                   .begin = fisa_state_new(q->root->dialect),
                   .state = fisa_state_new(q->root->dialect)};
  struct fse_tried a = {0}, b = {0};
  bool safe = r.lane != NULL && r.begin != NULL && r.state != NULL &&
              fse_tried_make(q, parent, &a) && fse_tried_make(q, child, &b) &&
              all_end(&r, &a, &b);
  fse_tried_done(&a);
  fse_tried_done(&b);
  fisa_trace_done(&r.inputs);
  fisa_state_free(r.begin);
  fisa_state_free(r.state);
  fir_lane_free(r.lane);
  return safe;
}

/* ---- what somebody else found ------------------------------------------- */

static bool has_row(const struct fisa_facts *f, const struct fisa_row *row) {
  for (uint32_t i = 0; i < f->count; i++)
    if (f->insn[i].row == row) return true;
  return false;
}

/* Whether all rows of a program are the root's, or might have been put there by
 * an edit: neither denied nor of a source or channel that is not its own. */
static int check_rows(const struct fse_tune_request *q,
                      const struct fisa_facts *facts, struct fisa_error *err) {
  const struct fisa_dialect *d = q->root->dialect;
  struct fse_lexicon *l = fse_lexicon_new(d, q->policy);
  int rc = 0;
  if (l == NULL) return fisa_fail(err, "out of memory");
  for (uint32_t i = 0; i < facts->count && rc == 0; i++) {
    const struct fisa_row *row = facts->insn[i].row;
    if (has_row(q->root_facts, row)) continue;
    if (l->denied[row->opcode])
      rc = fisa_fail(err, "%u: policy has no %s", facts->insn[i].pc,
                     row->name);
    else if (!fse_may_touch(q->root_facts, q->policy, d, row))
      rc = fisa_fail(err, "%u: %s is no source or channel of this agent",
                     facts->insn[i].pc, row->name);
  }
  fse_lexicon_free(l);
  return rc;
}

/* What any edit has to keep. */
static int check_form(const struct fse_tune_request *q,
                      const struct fse_made *given,
                      const struct fse_tried *tried, struct fisa_error *err) {
  const struct fisa_program *p = given->program;
  struct fisa_facts *facts = NULL;
  struct fisa_finding f;
  int rc;
  if (p->size > q->policy->max_size ||
      p->size > q->root->size * q->policy->max_growth + 0.5)
    return fisa_fail(err, "it is larger than it may be");
  if (fisa_verify_child(p, q->root, NULL, &f, 1) != 0)
    return fisa_fail(err, "%u: %s", f.pc, f.text);
  if (!fse_boundaries_carry(q->root, q->root_facts, p, &tried->map))
    return fisa_fail(err, "it does not fit its root");
  if (fisa_facts_make(p, &facts, err) != 0) return -1;
  rc = check_rows(q, facts, err);
  fisa_facts_free(facts);
  return rc;
}

/* Both on the scenes: it must not be worse than the parent beyond noise. */
static int try_scenes(struct fse_errand *e, const struct fse_tune_request *q,
                      const struct fse_tried on[2],
                      struct fse_tune_result *out, struct fisa_error *err) {
  struct fse_stand st = {.q = q, .errand = e, .patient = true};
  struct fse_mark a = {0}, b = {0};
  double d[FSE_SCENES];
  int rc = fse_stand_open(&st, on[0].ir, &on[0].map, &a, err);
  if (rc == 0 && !fse_stand_run(&st, on[1].ir, &on[1].map, &a, &b))
    rc = fisa_fail(err, "it comes to no end on the agent's own tasks");
  for (uint32_t i = 0; i < a.count && rc == 0; i++)
    d[i] = a.score[i] - b.score[i];
  if (rc == 0 && fse_beyond_noise(d, a.count, 0))
    rc = fisa_fail(err, "it is worse here: score %.3f -> %.3f a task",
                   fse_mark_score(&a), fse_mark_score(&b));
  if (rc == 0) {
    out->score_before = fse_mark_score(&a);
    out->score_after = fse_mark_score(&b);
    out->cost_before = a.cost / a.tasks;
    out->cost_after = b.cost / b.tasks;
    out->fitness_before = fse_mark_fitness(&a, q->trust);
    out->fitness_after = fse_mark_fitness(&b, q->trust);
  }
  out->no_number = st.no_number;
  fse_stand_close(&st);
  return rc;
}

int fse_tune_given(struct fse_errand *e, const struct fse_tune_request *q,
                   struct fse_made *given, struct fse_tune_result *out,
                   struct fisa_error *err) {
  struct fse_made parent = {0};
  struct fse_tried on[2] = {{0}, {0}};
  int rc;
  assert(given->program != NULL && (e != NULL || q->scene_count == 0));
  memset(out, 0, sizeof *out);
  if (fse_parent_make(q, &parent) != 0 ||
      !fse_tried_make(q, &parent, &on[0]) ||
      !fse_tried_make(q, given, &on[1]))
    rc = fisa_fail(err, "it cannot be tried");
  else
    rc = check_form(q, given, &on[1], err);
  if (rc == 0 && !fse_is_safe(q, &parent, given))
    rc = fisa_fail(err, "it faults, or does not end, where its root does not");
  if (rc == 0 && q->scene_count > 0) rc = try_scenes(e, q, on, out, err);
  fse_tried_done(&on[0]);
  fse_tried_done(&on[1]);
  fse_made_done(&parent);
  if (rc != 0) return -1;
  snprintf(out->kinds, sizeof out->kinds, "tuned");
  out->improved = true;
  out->best = given->program;
  out->places = given->places;
  out->place_count = given->place_count;
  memset(given, 0, sizeof *given);
  return 0;
}
