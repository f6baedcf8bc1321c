/*
 * plugin/shadow.c - the root, or another version, on a task just recorded.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

/* ---- places of versions ------------------------------------------------- */

/* pair[0] is that of the entries; the others are boundaries at which an
 * agent continues. A version's entry may be one of those, too. */
uint32_t fse_root_pc(const struct fse_live *l, uint32_t pc, bool fresh) {
  if (l->program == NULL) return pc;
  assert(l->pair_count > 0);
  for (uint32_t i = fresh ? 0 : 1; i < l->pair_count; i++)
    if (l->pair[i][1] == pc) return l->pair[i][0];
  return l->pair[0][1] == pc ? l->pair[0][0] : UINT32_MAX;
}

uint32_t fse_version_pc(const struct fse_live *l, uint32_t root_pc) {
  if (l->program == NULL) return root_pc;
  for (uint32_t i = 0; i < l->pair_count; i++)
    if (l->pair[i][0] == root_pc) return l->pair[i][1];
  return UINT32_MAX;
}

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
  assert(argc <= FISA_MAX_ARGS);
  for (unsigned i = 0; i < argc; i++) want.arg[i] = arg[i];
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

/* Runs an IR program on a slot's task from `pc`, in a->begin. True if all
 * that crossed the border did so again; *cost: cycles. */
static bool replay_task(struct flux_evolved *a, const struct fse_slot *slot,
                        const struct fir_program *ir, uint32_t pc,
                        struct replay *r, double *cost) {
  const struct fir_io io = {replay_input, replay_output, r};
  const struct fir_limits limits = {a->host_fuel, true};
  struct fir_result res;
  uint64_t before;
  *r = (struct replay){slot->events, slot->event_count, 0, false};
  fse_recorded_get(&slot->begin, a->dialect, a->begin);
  a->begin->pc = pc;
  before = a->begin->cycles;
  res = fir_run(ir, a->lane, a->begin, &io, limits);
  *cost = (double)(a->begin->cycles - before);
  return !res.starved && !r->strayed && r->at == r->count;
}

/* ---- ends --------------------------------------------------------------- */

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

/* Out of fuel is no end: what would have come is not known. */
bool fse_same_end(const struct flux_evolved *a, const struct fisa_state *root,
                  const struct fisa_state *other, const struct fse_live *by,
                  char what[128]) {
  uint32_t i;
  if (root->status != other->status || root->fault != other->fault ||
      root->status == FISA_RUN_FUEL) {
    char its[56], the_root[56];
    end_text(a, other->status, other->fault, its);
    end_text(a, root->status, root->fault, the_root);
    snprintf(what, 128, "it %s, the root %s", its, the_root);
    return false;
  }
  if (root->status != FISA_RUN_YIELD)
    return fisa_observe_equal(a->root, root, other, what, 128);
  i = root->pc < a->root->size ? a->root_facts->index[root->pc] : UINT32_MAX;
  if (i == UINT32_MAX || fse_root_pc(by, other->pc, false) != root->pc) {
    snprintf(what, 128, "it stopped at another place");
    return false;
  }
  return fisa_observe_live(a->root, &a->root_facts->live_in[i], root, other,
                           what, 128);
}

/* ---- the shadow run ----------------------------------------------------- */

static uint32_t begin_pc(const struct fse_slot *slot,
                         const struct fse_live *by) {
  return fse_root_pc(by, slot->begin.pc,
                     (slot->task.flags & FLUX_TASK_FRESH) != 0);
}

void fse_shadow_run(struct flux_evolved *a, const struct fse_slot *slot,
                    const struct fse_live *by, struct fse_shadow *out) {
  uint32_t pc = begin_pc(slot, by);
  struct replay r;
  assert(slot->whole);
  memset(out, 0, sizeof *out);
  if (pc >= a->root->size) {
    snprintf(out->what, sizeof out->what, "it began at an unknown place");
    return;
  }
  if (!replay_task(a, slot, a->root_ir, pc, &r, &out->cost)) {
    snprintf(out->what, sizeof out->what,
             "outside value or output %u is not the root's", r.at);
    return;
  }
  out->confidence = fse_confidence(a->begin, a->confidence_cell,
                                   a->confidence_scale);
  fse_recorded_get(&slot->end, a->dialect, a->end);
  out->same = fse_same_end(a, a->begin, a->end, by, out->what);
}

bool fse_shadow_cost(struct flux_evolved *a, const struct fse_slot *slot,
                     const struct fse_live *by, const struct fse_live *other,
                     double *cost) {
  uint32_t pc = begin_pc(slot, by);
  struct replay r;
  assert(other->program != NULL && other->ir != NULL);
  pc = pc < a->root->size ? fse_version_pc(other, pc) : UINT32_MAX;
  return pc < other->program->size &&
         replay_task(a, slot, other->ir, pc, &r, cost);
}

void fse_episode_add(struct flux_evolved *a, const struct fse_slot *slot,
                     const struct fse_live *by, enum ftrial_origin origin) {
  struct ftrial_episode e = {.origin = origin,
                             .begin = a->begin,
                             .events = slot->events,
                             .event_count = slot->event_count,
                             .confidence = slot->task.confidence};
  uint32_t pc = begin_pc(slot, by);
  assert(slot->whole);
  if (pc >= a->root->size) return;
  fse_recorded_get(&slot->begin, a->dialect, a->begin);
  a->begin->pc = pc;
  if (ftrial_set_add(a->set, &e) == FTRIAL_ADDED && origin == FTRIAL_COUNTER)
    fse_counters_save(a);
}
