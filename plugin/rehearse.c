/*
 * plugin/rehearse.c - a version on the host's own VM, before it is offered.
 *
 * The step service knows no manifest: it stops at yield rows, and where the
 * boundary is another one the steps are counted out one by one.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

/* Values in recorded order, outputs collected: for the root and the host's VM
 * alike (the callbacks of both have one type). */
struct stage {
  const struct fisa_event *events;
  uint32_t count, at;
  const struct fisa_boundary *boundary;
  bool at_boundary;             /* something went to its channel */
  struct fisa_trace outputs;
};

static int32_t stage_input(uint16_t source, const int32_t *arg, uint32_t argc,
                           int32_t *value, void *user) {
  struct stage *s = user;
  struct fisa_event want = {.argc = (uint8_t)argc, .name = source};
  const struct fisa_event *have;
  if (argc > FISA_MAX_ARGS) return -1;
  for (uint32_t i = 0; i < argc; i++) want.arg[i] = arg[i];
  while (s->at < s->count && s->events[s->at].out) s->at++;
  if (s->at == s->count) return -1;
  have = &s->events[s->at];
  want.value = have->value;
  if (!fisa_event_equal(have, &want)) return -1;
  *value = have->value;
  s->at++;
  return 0;
}

static int32_t stage_output(uint16_t channel, const int32_t *arg,
                            uint32_t argc, void *user) {
  struct stage *s = user;
  /* What was taken before it belongs to an output. */
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel,
                         .value = (int32_t)s->at};
  if (argc > FISA_MAX_ARGS) return -1;
  for (uint32_t i = 0; i < argc; i++) e.arg[i] = arg[i];
  if (s->boundary->kind == FISA_BOUNDARY_OUT &&
      s->boundary->channel == channel)
    s->at_boundary = true;
  return fisa_trace_add(&s->outputs, &e);
}

static bool same_outputs(const struct fisa_trace *a,
                         const struct fisa_trace *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!fisa_event_equal(&a->events[i], &b->events[i]) ||
        a->events[i].value != b->events[i].value)
      return false;
  return true;
}

static flux_status run_steps(struct flux_evolved *a, flux_stepper *stepper,
                             flux_state *s, struct stage *stage,
                             uint64_t fuel) {
  const flux_step *step = a->instance->step;
  const flux_step_io io = {sizeof io, 0, stage_input, stage_output, stage};
  const struct fisa_boundary *b = stage->boundary;
  flux_status rc = FLUX_OK;
  if (b->kind == FISA_BOUNDARY_DEFAULT)
    return step->run(stepper, s, fuel, &io);
  while (fuel-- > 0) {
    rc = step->run(stepper, s, 1, &io);
    if (rc != FLUX_OK || s->status != FLUX_RUN_FUEL) return rc;
    if (stage->at_boundary ||
        (b->kind == FISA_BOUNDARY_PC && s->pc == b->pc)) {
      s->status = FLUX_RUN_YIELD;
      return rc;
    }
    if (atomic_load_explicit(&a->cancel, memory_order_relaxed))
      return FLUX_E_CLOSED;
  }
  return rc;
}

/* A task on the host's VM: to its end, or `fuel` instructions. */
static flux_status run_task(struct flux_evolved *a, flux_stepper *stepper,
                            struct fisa_state *state, struct stage *stage,
                            uint64_t fuel) {
  flux_state s = {.struct_size = sizeof s,
                  .cell_count = state->cell_count,
                  .mem_size = state->mem_size,
                  .pc = state->pc,
                  .cycles = state->cycles,
                  .cells = state->cells,
                  .mem = state->mem};
  flux_status rc;
  /* All of it may be stored to. */
  if (state->mem_size > 0) fisa_state_mark(state, 0, state->mem_size);
  rc = run_steps(a, stepper, &s, stage, fuel);
  state->pc = s.pc;
  state->status = s.status;
  state->fault = s.fault;
  return rc;
}

/* The root in the lane and the version on the host's VM, both from the begin
 * of episode i in search_begin and search_end. */
static bool both_agree(struct flux_evolved *a, const struct fse_live *v,
                       flux_stepper *stepper, struct stage stage[2],
                       uint64_t fuel, char what[128]) {
  struct fisa_state *root = a->search_begin, *other = a->search_end;
  const struct fir_io io = {stage_input, stage_output, &stage[0]};
  const struct fir_limits limits = {fuel, true};
  fir_run(a->root_ir, a->search_lane, root, &io, limits);
  if (run_task(a, stepper, other, &stage[1], fuel) != FLUX_OK) {
    snprintf(what, 128, "the host's step service failed");
    return false;
  }
  if (!fse_same_end(a, root, other, v, what)) return false;
  if (stage[0].at == stage[1].at &&
      same_outputs(&stage[0].outputs, &stage[1].outputs))
    return true;
  snprintf(what, 128, "its outputs differ on the host's VM");
  return false;
}

/* Episode i in search_begin, and in search_end as the version begins it. */
static void stages_open(struct flux_evolved *a, const struct fse_live *v,
                        uint32_t i, struct stage stage[2]) {
  ftrial_set_get(a->set, i, a->search_begin, &stage[0].events,
                 &stage[0].count);
  stage[1].events = stage[0].events;
  stage[1].count = stage[0].count;
  fisa_state_copy(a->search_end, a->search_begin);
  a->search_end->pc = fse_version_pc(v, a->search_begin->pc);
}

static void stages_close(struct flux_evolved *a, struct stage stage[2]) {
  fisa_state_reset(a->dialect, a->search_end);
  fisa_trace_done(&stage[0].outputs);
  fisa_trace_done(&stage[1].outputs);
}

static bool rehearse_one(struct flux_evolved *a, const struct fse_live *v,
                         flux_stepper *stepper, uint32_t i, char what[128]) {
  const struct ftrial_expect *e = ftrial_set_expect(a->set, i);
  struct stage stage[2] = {
      {.boundary = &a->root->manifest.boundary},
      {.boundary = &v->program->manifest.boundary}};
  bool same = false;
  stages_open(a, v, i, stage);
  if (a->search_end->pc < v->program->size)
    same = both_agree(a, v, stepper, stage, e->instructions * 2 + 64, what);
  else
    snprintf(what, 128, "it has no place where a task begins");
  stages_close(a, stage);
  return same;
}

/* ---- a version that does other things ----------------------------------- */

/* The version in the lane and on the host's VM, from the begin of episode i.
 * A run that asks for what was not recorded says nothing. */
static bool rehearse_self(struct flux_evolved *a, const struct fse_live *v,
                          flux_stepper *stepper, uint32_t i, char what[128]) {
  const struct ftrial_expect *e = ftrial_set_expect(a->set, i);
  struct stage stage[2] = {
      {.boundary = &v->program->manifest.boundary},
      {.boundary = &v->program->manifest.boundary}};
  const struct fir_io io = {stage_input, stage_output, &stage[0]};
  const struct fir_limits limits = {e->instructions * 2 + 64, true};
  struct fisa_state *lane = a->search_begin, *host = a->search_end;
  bool same = true;
  stages_open(a, v, i, stage);
  lane->pc = host->pc;
  if (lane->pc < v->program->size &&
      !fir_run(v->ir, a->search_lane, lane, &io, limits).starved &&
      lane->status != FISA_RUN_FUEL) {
    same = run_task(a, stepper, host, &stage[1], limits.fuel) == FLUX_OK &&
           host->status == lane->status && host->fault == lane->fault &&
           host->pc == lane->pc && stage[0].at == stage[1].at &&
           same_outputs(&stage[0].outputs, &stage[1].outputs);
    if (!same) snprintf(what, 128, "it does otherwise on the host's VM");
  }
  stages_close(a, stage);
  return same;
}

/* ---- all of them -------------------------------------------------------- */

/* One episode on the host's VM; false: `what` says what is not as it should. */
typedef bool rehearsal(struct flux_evolved *a, const struct fse_live *v,
                       flux_stepper *stepper, uint32_t i, char what[128]);

/* At most so many episodes from the first on. */
static bool rehearse(struct flux_evolved *a, const struct fse_live *version,
                     rehearsal *one, uint32_t first, uint32_t most,
                     char what[128]) {
  const flux_step *step = a->instance->step;
  flux_stepper *stepper = NULL;
  uint32_t n = ftrial_set_count(a->set);
  bool same = true;
  assert(version->program != NULL);
  if (step == NULL) return true;
  if (step->open(a->dialect->name, version->program->code,
                 version->program->size, &stepper,
                 a->instance->host->ctx) != FLUX_OK) {
    snprintf(what, 128, "the host cannot step this program");
    return false;
  }
  for (uint32_t i = first; i < n && i - first < most && same; i++)
    same = one(a, version, stepper, i, what);
  step->close(stepper);
  return same;
}

bool fse_rehearse(struct flux_evolved *a, const struct fse_live *version,
                  uint32_t most, char what[128]) {
  uint32_t n = ftrial_set_count(a->set), first = n > most ? n - most : 0;
  /* Counterexamples come first in the set, and are rarely what is live. */
  if (first > ftrial_set_counters(a->set)) first = ftrial_set_counters(a->set);
  return rehearse(a, version, rehearse_one, first, most, what);
}

bool fse_rehearse_tuning(struct flux_evolved *a,
                         const struct fse_live *version, uint32_t most,
                         char what[128]) {
  uint32_t n = ftrial_set_count(a->set);
  return rehearse(a, version, rehearse_self, n > most ? n - most : 0, most,
                  what);
}
