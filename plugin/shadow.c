/*
 * plugin/shadow.c - the root on a task just recorded, and a version on the
 * host's own VM.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

/* ---- replaying a recorded task ------------------------------------------ */

/* The ordered trace of a task as source of values and check of outputs. */
struct replay {
  const struct fisa_event *events;
  uint32_t count, at;
  bool strayed;
};

/* The next event, which must be of this kind, name and arguments. */
static const struct fisa_event *expect(struct replay *r, uint8_t out,
                                       uint16_t name, const int32_t *arg,
                                       unsigned argc) {
  struct fisa_event want = {.out = out, .argc = (uint8_t)argc, .name = name};
  const struct fisa_event *have;
  for (unsigned i = 0; i < argc && i < FISA_MAX_ARGS; i++) want.arg[i] = arg[i];
  if (r->at == r->count) {
    r->strayed = true;
    return NULL;
  }
  have = &r->events[r->at];
  want.value = have->value;
  if (!fisa_event_equal(have, &want)) {
    r->strayed = true;
    return NULL;
  }
  r->at++;
  return have;
}

static int replay_input(uint16_t source, const int32_t *arg, unsigned argc,
                        int32_t *value, void *user) {
  const struct fisa_event *e = expect(user, 0, source, arg, argc);
  if (e == NULL) return -1;
  *value = e->value;
  return 0;
}

static int replay_output(uint16_t channel, const int32_t *arg, unsigned argc,
                         void *user) {
  return expect(user, 1, channel, arg, argc) == NULL ? -1 : 0;
}

/* ---- the shadow run ----------------------------------------------------- */

uint32_t fse_root_pc(const struct fse_live *l, uint32_t pc) {
  if (l->program == NULL) return pc;
  for (uint32_t i = 0; i < l->pair_count; i++)
    if (l->pair[i][1] == pc) return l->pair[i][0];
  return UINT32_MAX;
}

static double confidence_of(const struct flux_evolved *a,
                            const struct fisa_state *s) {
  double c;
  if (a->confidence_cell < 0) return 1.0;
  c = s->cells[a->confidence_cell] / a->confidence_scale;
  return c < 0 ? 0 : c > 1 ? 1 : c;
}

/* "halted", "faulted: unknown_opcode". */
static void end_text(const struct flux_evolved *a, int32_t status,
                     int32_t fault, char out[56]) {
  static const char *const ends[] = {"halted", "ran off the end", "faulted",
                                     "ran out of fuel", "stopped"};
  bool known = status >= 0 && status <= FISA_RUN_YIELD;
  if (fault == 0)
    snprintf(out, 56, "%s", known ? ends[status] : "ended");
  else
    snprintf(out, 56, "%s: %.40s", known ? ends[status] : "ended",
             fisa_fault_name(a->dialect, fault));
}

/* Compares the root's end (a->begin, run on) with the recorded one. */
static bool ends_agree(struct flux_evolved *a, const struct fse_slot *slot,
                       const struct fse_live *by, struct fse_shadow *out) {
  const struct fisa_state *root = a->begin;
  uint32_t i;
  if (root->status != slot->end.status || root->fault != slot->end.fault) {
    char its[56], the_root[56];
    end_text(a, slot->end.status, slot->end.fault, its);
    end_text(a, root->status, root->fault, the_root);
    snprintf(out->what, sizeof out->what, "it %s, the root %s", its,
             the_root);
    return false;
  }
  if (root->status == FISA_RUN_FAULT || root->status == FISA_RUN_FUEL)
    return true;
  fse_recorded_get(&slot->end, a->dialect, a->end);
  if (root->status != FISA_RUN_YIELD)
    return fisa_observe_equal(a->root, root, a->end, out->what,
                              sizeof out->what);
  i = root->pc < a->root->size ? a->root_facts->index[root->pc] : UINT32_MAX;
  if (i == UINT32_MAX || fse_root_pc(by, slot->end.pc) != root->pc) {
    snprintf(out->what, sizeof out->what, "it stopped at another place");
    return false;
  }
  return fisa_observe_live(a->root, &a->root_facts->live_in[i], root, a->end,
                           out->what, sizeof out->what);
}

void fse_shadow_run(struct flux_evolved *a, const struct fse_slot *slot,
                    const struct fse_live *by, struct fse_shadow *out) {
  struct replay r = {slot->events, slot->event_count, 0, false};
  const struct fir_io io = {replay_input, replay_output, &r};
  struct fir_limits limits = {a->fuel, true};
  uint64_t before;
  memset(out, 0, sizeof *out);
  fse_recorded_get(&slot->begin, a->dialect, a->begin);
  a->begin->pc = fse_root_pc(by, slot->begin.pc);
  if (a->begin->pc == UINT32_MAX) {
    snprintf(out->what, sizeof out->what, "it began at an unknown place");
    return;
  }
  before = a->begin->cycles;
  struct fir_result res = fir_run(a->root_ir, a->lane, a->begin, &io, limits);
  out->cost = (double)(a->begin->cycles - before);
  out->confidence = confidence_of(a, a->begin);
  if (res.starved || r.strayed || r.at != r.count) {
    snprintf(out->what, sizeof out->what,
             "outside value or output %u is not the root's", r.at);
    return;
  }
  out->same = ends_agree(a, slot, by, out);
}

void fse_episode_add(struct flux_evolved *a, const struct fse_slot *slot,
                     const struct fse_live *by) {
  struct ftrial_episode e = {.origin = FTRIAL_RECORDED,
                             .begin = a->begin,
                             .events = slot->events,
                             .event_count = slot->event_count,
                             .confidence = slot->task.confidence};
  assert(slot->whole);
  fse_recorded_get(&slot->begin, a->dialect, a->begin);
  a->begin->pc = fse_root_pc(by, slot->begin.pc);
  if (a->begin->pc != UINT32_MAX) (void)ftrial_set_add(a->set, &e);
}

/* ---- rehearsal on the host's step service ------------------------------- */

/* Values in recorded order, outputs collected: for the root and the host's VM
 * alike (the callbacks of both have one type). */
struct stage {
  const struct fisa_event *events;
  uint32_t count, at;
  struct fisa_trace outputs;
};

static int32_t stage_input(uint16_t source, const int32_t *arg, uint32_t argc,
                           int32_t *value, void *user) {
  struct stage *s = user;
  (void)arg, (void)argc;
  while (s->at < s->count && s->events[s->at].out) s->at++;
  if (s->at == s->count || s->events[s->at].name != source) return -1;
  *value = s->events[s->at++].value;
  return 0;
}

static int32_t stage_output(uint16_t channel, const int32_t *arg,
                            uint32_t argc, void *user) {
  struct stage *s = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  for (uint32_t i = 0; i < argc && i < FISA_MAX_ARGS; i++) e.arg[i] = arg[i];
  return fisa_trace_add(&s->outputs, &e);
}

static bool same_outputs(const struct fisa_trace *a,
                         const struct fisa_trace *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!fisa_event_equal(&a->events[i], &b->events[i])) return false;
  return true;
}

/* One episode on the host's VM against the root in the lane. */
static bool rehearse_one(struct flux_evolved *a, const struct fse_live *v,
                         flux_stepper *stepper, uint32_t i, char *what,
                         size_t capacity) {
  const struct ftrial_expect *e = ftrial_set_expect(a->set, i);
  struct stage stage = {0};
  struct stage root = {0};
  flux_step_io io = {sizeof io, 0, stage_input, stage_output, &stage};
  const struct fir_io root_io = {stage_input, stage_output, &root};
  struct fir_limits limits = {e->instructions * 2 + 64, true};
  bool same = false;
  ftrial_set_get(a->set, i, a->begin, &stage.events, &stage.count);
  root.events = stage.events;
  root.count = stage.count;
  fisa_state_copy(a->end, a->begin);
  for (uint32_t k = 0; k < v->pair_count; k++)
    if (v->pair[k][0] == a->begin->pc) a->end->pc = v->pair[k][1];
  flux_state s = {.struct_size = sizeof s,
                  .cell_count = a->end->cell_count,
                  .mem_size = a->end->mem_size,
                  .pc = a->end->pc,
                  .cells = a->end->cells,
                  .mem = a->end->mem};
  fir_run(a->root_ir, a->lane, a->begin, &root_io, limits);
  if (a->instance->step->run(stepper, &s, limits.fuel, &io) == FLUX_OK) {
    fisa_state_mark(a->end, 0, a->end->mem_size);
    a->end->status = s.status;
    a->end->fault = s.fault;
    same = s.status == a->begin->status && s.fault == a->begin->fault &&
           same_outputs(&stage.outputs, &root.outputs);
    if (same && s.status == FISA_RUN_HALT)
      same = fisa_observe_equal(a->root, a->begin, a->end, what, capacity);
    else if (!same)
      snprintf(what, capacity, "status or outputs differ on the host's VM");
  } else {
    snprintf(what, capacity, "the host's step service failed");
  }
  fisa_state_reset(a->dialect, a->end);
  fisa_trace_done(&stage.outputs);
  fisa_trace_done(&root.outputs);
  return same;
}

bool fse_rehearse(struct flux_evolved *a, const struct fse_live *version,
                  uint32_t most, char *what, size_t capacity) {
  const flux_step *step = a->instance->step;
  flux_stepper *stepper = NULL;
  uint32_t n = ftrial_set_count(a->set);
  bool same = true;
  if (step == NULL) return true;
  if (step->open(a->dialect->name, version->program->code,
                 version->program->size, &stepper,
                 a->instance->host->ctx) != FLUX_OK) {
    snprintf(what, capacity, "the host cannot step this program");
    return false;
  }
  for (uint32_t i = 0; i < n && i < most && same; i++)
    same = rehearse_one(a, version, stepper, i, what, capacity);
  step->close(stepper);
  return same;
}
