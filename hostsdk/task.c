/*
 * hostsdk/task.c - one task of an agent, from boundary to boundary.
 */
#include <assert.h>
#include <string.h>

#include "hostsdk/runtime_internal.h"

/* What to do with the coming task besides running it. */
struct plan {
  struct fhost_version *version;
  uint32_t flags;     /* FLUX_TASK_* of its record */
  bool count, report;
  bool log;           /* a recovery may need it */
};

static struct fhost_version *live(const struct fhost_agent *a) {
  return atomic_load_explicit(&a->live, memory_order_relaxed);
}

/* Initial state and inputs. A task that is run again finds the inputs that it
 * found the first time. */
static void begin(struct fhost_agent *a) {
  const struct fhost_logged *again = fhost_replay_task(a);
  if (!a->fresh) return;
  if (again != NULL && again->fresh) {
    fisa_state_copy(a->state, again->begin);
    return;
  }
  fisa_state_start(live(a)->program, a->state);
  if (a->o.world.begin != NULL)
    a->o.world.begin(a->task, a->state, a->o.world.user);
}

/*
 * The version this task runs on: the live one, or the original where the
 * manifest's promise is broken. A task that goes on where another stopped
 * changes sides where there is a place for it, else it stays.
 */
static struct fhost_version *choose(struct fhost_agent *a) {
  struct fhost_version *v = live(a);
  bool kept = v == a->original ||
              fhost_promise_kept(&a->promise, a->o.program, a->state,
                                 a->fresh);
  if (a->fresh) {
    a->suspended = !kept;
    a->state->pc = (kept ? v : a->original)->program->entry;
  } else if (a->suspended && kept) {
    a->suspended = !fhost_map_pc(&v->resume, &a->state->pc);
  } else if (!a->suspended && !kept) {
    a->suspended = fhost_map_pc(&v->suspend, &a->state->pc);
  }
  if (!a->suspended) return v;
  fhost_add(&a->n_suspended, 1);
  return a->original;
}

/* The part of the plan that observe() asks for. */
static void plan_observed(struct fhost_agent *a, struct plan *p) {
  uint64_t word = atomic_load_explicit(&a->observe, memory_order_relaxed);
  uint32_t what = (uint32_t)(word >> 32), period = (uint32_t)word;
  bool due = a->evolved != NULL && what != 0 && a->task % period == 0;
  assert(what == 0 || period > 0);
  p->report = due;
  p->count = due && (what & FLUX_OBSERVE_COUNT) != 0 &&
             !(a->o.vm->flags & FHOST_VM_NO_COUNTS);
  a->recording = due && (what & FLUX_OBSERVE_RECORD) != 0;
  if (p->count) p->flags |= FLUX_TASK_COUNTED;
}

/* And the part of a probation. */
static void plan_probation(struct fhost_agent *a, struct plan *p) {
  bool patched = p->version == live(a);
  assert(a->log != NULL && a->base != NULL && live(a) != a->original);
  a->holding = patched && (a->probation_flags & FLUX_PATCH_HOLD) != 0;
  if (patched) p->flags |= FLUX_TASK_PROBATION;
  if (a->holding) p->flags |= FLUX_TASK_HELD;
  p->report |= patched;
  /* What the original ran matters only behind a task that may go back. */
  p->log = patched || a->log->count > 0;
  a->recording |= p->log;
}

static struct plan make_plan(struct fhost_agent *a) {
  struct plan p = {.version = choose(a)};
  a->holding = false;
  plan_observed(a, &p);
  if (a->probation != 0) plan_probation(a, &p);
  if (a->fresh) p.flags |= FLUX_TASK_FRESH;
  if (a->swapped) p.flags |= FLUX_TASK_SWAPPED;
  if (a->taken_back) p.flags |= FLUX_TASK_TAKEN_BACK;
  if (a->withdrawn) p.flags |= FLUX_TASK_WITHDRAWN;
  p.report |= a->swapped || a->taken_back || a->withdrawn;
  a->swapped = a->taken_back = a->withdrawn = false;
  return p;
}

static bool is_result(int32_t status) {
  return status != FISA_RUN_FAULT && status != FISA_RUN_FUEL;
}

/* Runs the task that begins here. */
static void run(struct fhost_agent *a, const struct plan *plan) {
  struct fhost_version *v = plan->version;
  struct fhost_vm_io io = fhost_io;
  assert(!a->held && !a->stopped);
  io.user = a;
  a->number = atomic_load_explicit(&a->numbers, memory_order_relaxed);
  atomic_store_explicit(&a->numbers, a->number + 1, memory_order_release);
  a->begin_cycles = a->state->cycles;
  a->begin_pc = a->state->pc;
  fhost_record_begin(a);
  a->o.vm->run(v->code, a->state, &io, a->o.max_task_fuel,
               plan->count ? v->counts : NULL);
  if (a->state->status == FISA_RUN_FAULT) fhost_add(&a->n_faults, 1);
  if (plan->log) fhost_log_task(a, v);
  if (plan->report || !is_result(a->state->status))
    fhost_record_end(a, v, plan->flags);
}

/* Whether the task that just ended must wait for a verdict before it stands,
 * or before another can begin. */
static bool must_wait(struct fhost_agent *a, const struct plan *plan) {
  bool patched = plan->version == live(a);
  if (a->probation == 0) return false;
  a->spoiled = patched && a->overflow;
  a->waiting = a->holding || (patched && !is_result(a->state->status));
  /* Values of it are lost: nobody can tell whether it was right. */
  if (a->spoiled) (void)fhost_give_up(a);
  return a->spoiled || a->waiting || a->log->count == a->log->capacity;
}

static void count_task(struct fhost_agent *a) {
  uint64_t cycles = a->state->cycles - a->begin_cycles;
  bool result = is_result(a->state->status);
  struct fhost_logged *t;
  fhost_add(&a->n_tasks, 1);
  fhost_add(&a->n_cycles, cycles);
  if (result) fhost_add(&a->n_results, 1);
  if (a->probation == 0 || a->log->count == 0) return;
  t = fhost_logged_at(a->log, a->log->count - 1);
  if (t->number != a->number) return;
  t->counted = true;
  t->cycles = cycles;
  t->result = result;
}

/* Its results are out, unless they were when it ran before. */
static void release_results(struct fhost_agent *a) {
  const struct fhost_logged *before = fhost_replay_task(a);
  if (a->o.world.end != NULL && (before == NULL || !before->counted))
    a->o.world.end(a->task, a->state, a->o.world.user);
}

void fhost_settle(struct fhost_agent *a) {
  assert(!a->held);
  release_results(a);
  count_task(a);
  switch (a->state->status) {
    case FISA_RUN_YIELD:
      a->fresh = false;
      break;
    case FISA_RUN_HALT:
    case FISA_RUN_END:
      a->fresh = a->o.fresh_start;
      a->stopped = !a->o.fresh_start;
      break;
    default:
      a->stopped = true;
      break;
  }
  if (a->fresh && !a->stopped) {
    a->suspended = false;
    a->state->pc = live(a)->program->entry;
  }
  a->task++;
}

enum fhost_step fhost_agent_task(struct fhost_agent *a) {
  struct plan plan;
  if (a->held) return fhost_held_poll(a) ? FHOST_RESOLVED : FHOST_HELD;
  if (!a->stopped || a->probation != 0) fhost_boundary(a);
  if (a->stopped) return FHOST_STOPPED;
  begin(a);
  if (a->probation != 0) fhost_note_way_back(a);
  plan = make_plan(a);
  run(a, &plan);
  if (must_wait(a, &plan)) {
    a->held = true;
    a->held_since = 0;
  } else {
    fhost_settle(a);
  }
  if (a->replay.log != NULL) fhost_replay_next(a);
  return FHOST_RAN;
}
