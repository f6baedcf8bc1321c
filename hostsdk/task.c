/*
 * hostsdk/task.c - one task of an agent, from boundary to boundary.
 */
#include <assert.h>
#include <string.h>

#include "hostsdk/runtime_internal.h"

/* What to do with the coming task besides running it. */
struct plan {
  uint32_t flags;     /* FLUX_TASK_* of its record */
  bool count;
};

/* Whether the inputs of a fresh task are what the manifest promised. */
static bool inputs_in_range(const struct fhost_agent *a) {
  const struct fisa_manifest *m = &a->o.program->manifest;
  for (uint32_t i = 0; i < m->in_count; i++) {
    const struct fisa_cells *c = &m->in[i];
    if (c->kind != FISA_CELLS_FILE) continue;
    for (uint32_t k = 0; k < c->count; k++) {
      int32_t x = a->state->cells[c->first + k];
      if (x < c->lo || x > c->hi) return false;
    }
  }
  return true;
}

/* Initial state and inputs, unless a recovery laid them already. */
static void begin(struct fhost_agent *a) {
  const struct fhost_version *v =
      atomic_load_explicit(&a->live, memory_order_relaxed);
  if (a->begun || !a->fresh) return;
  fisa_state_start(v->program, a->state);
  if (a->o.world.begin != NULL)
    a->o.world.begin(a->task, a->state, a->o.world.user);
}

static struct plan make_plan(struct fhost_agent *a) {
  uint64_t word = atomic_load_explicit(&a->observe, memory_order_relaxed);
  uint32_t what = (uint32_t)(word >> 32), period = (uint32_t)word;
  struct plan p = {0, false};
  bool due = a->evolved != NULL && what != 0 && a->task % period == 0;
  a->recording = due && (what & FLUX_OBSERVE_RECORD);
  a->holding = false;
  p.count = due && (what & FLUX_OBSERVE_COUNT);
  if (due) p.flags |= p.count ? FLUX_TASK_COUNTED : 0u;
  if (a->probation != 0) {
    p.flags |= FLUX_TASK_PROBATION;
    a->recording = true;
    a->holding = (a->probation_flags & FLUX_PATCH_HOLD) != 0;
    if (a->holding) p.flags |= FLUX_TASK_HELD;
  }
  if (a->fresh) p.flags |= FLUX_TASK_FRESH;
  if (a->swapped) p.flags |= FLUX_TASK_SWAPPED;
  if (a->taken_back) p.flags |= FLUX_TASK_TAKEN_BACK;
  if (a->withdrawn) p.flags |= FLUX_TASK_WITHDRAWN;
  return p;
}

/* The version this task runs on: the live one, or the original where the
 * manifest's promise is broken. */
static struct fhost_version *choose(struct fhost_agent *a) {
  struct fhost_version *v =
      atomic_load_explicit(&a->live, memory_order_relaxed);
  if (v == a->original || !a->fresh || inputs_in_range(a)) return v;
  fhost_add(&a->n_suspended, 1);
  a->state->pc = a->original->program->entry;
  return a->original;
}

/* Notes a task of a probation, whose begin is in a->begin. */
static void log_task(struct fhost_agent *a) {
  struct fhost_log *l = a->log;
  struct fhost_logged *t;
  assert(l->count < l->capacity);
  t = &l->tasks[(l->first + l->count++) % l->capacity];
  fisa_state_copy(t->begin, a->begin);
  t->number = a->task;
  t->fresh = a->fresh;
  t->event_count = a->event_count;
  memcpy(t->events, a->events, a->event_count * sizeof *t->events);
}

/* Whether the agent goes on after this status, and how. */
static void settle(struct fhost_agent *a) {
  switch (a->state->status) {
    case FISA_RUN_YIELD:
      a->fresh = false;
      break;
    case FISA_RUN_HALT:
    case FISA_RUN_END:
      a->fresh = a->o.fresh_start;
      a->stopped = !a->o.fresh_start;
      if (a->fresh)
        a->state->pc = atomic_load_explicit(&a->live, memory_order_relaxed)
                           ->program->entry;
      break;
    default:
      a->stopped = true;
      break;
  }
}

static void count_task(struct fhost_agent *a) {
  int32_t status = a->state->status;
  fhost_add(&a->n_tasks, 1);
  fhost_add(&a->n_cycles, a->state->cycles - a->begin_cycles);
  if (status == FISA_RUN_FAULT) fhost_add(&a->n_faults, 1);
  if (status != FISA_RUN_FAULT && status != FISA_RUN_FUEL)
    fhost_add(&a->n_results, 1);
}

/* Runs the task that begins here. */
static void run(struct fhost_agent *a, const struct plan *plan) {
  struct fhost_version *v = choose(a);
  struct fhost_vm_io io = fhost_io;
  uint32_t flags = plan->flags;
  bool report;
  io.user = a;
  a->begin_cycles = a->state->cycles;
  a->begin_pc = a->state->pc;
  fhost_record_begin(a);
  a->o.vm->run(v->code, a->state, &io, a->o.max_task_fuel,
               plan->count ? v->counts : NULL);
  count_task(a);
  report = a->recording || plan->count || a->taken_back || a->withdrawn ||
           a->state->status == FISA_RUN_FAULT ||
           a->state->status == FISA_RUN_FUEL;
  a->swapped = a->taken_back = a->withdrawn = false;
  if (a->probation != 0) log_task(a);
  if (report) fhost_record_end(a, flags);
}

enum fhost_step fhost_agent_task(struct fhost_agent *a) {
  struct plan plan;
  if (a->held) return fhost_held_poll(a) ? FHOST_RESOLVED : FHOST_HELD;
  if (!a->stopped || a->probation != 0) fhost_boundary(a);
  if (a->stopped) return FHOST_STOPPED;
  begin(a);
  a->begun = false;
  plan = make_plan(a);
  run(a, &plan);
  if (!a->holding && a->o.world.end != NULL)
    a->o.world.end(a->task, a->state, a->o.world.user);
  settle(a);
  if (a->replay.on && a->task >= a->replay.until) fhost_replay_end(a);
  a->task++;
  if (a->probation != 0 &&
      (a->holding || a->stopped || a->log->count == a->log->capacity)) {
    a->held = true;
    a->held_since = 0;
  }
  return FHOST_RAN;
}
