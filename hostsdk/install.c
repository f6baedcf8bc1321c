/*
 * hostsdk/install.c - what is due at a task boundary: patches in, patches
 * out. All on the agent's thread: no lock, no allocation, no system call
 * (the clock is read only while a task is held).
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "hostsdk/runtime_internal.h"

/* ---- letting go --------------------------------------------------------- */

/* Leaves a version to be freed by another thread. */
static void retire(struct fhost_agent *a, struct fhost_version *v) {
  struct fhost_version *head;
  if (v == NULL || v == a->original) return;
  head = atomic_load_explicit(&a->retired, memory_order_relaxed);
  do {
    v->next = head;
  } while (!atomic_compare_exchange_weak_explicit(
      &a->retired, &head, v, memory_order_release, memory_order_relaxed));
}

void fhost_log_retire(struct fhost_agent *a, struct fhost_log *log) {
  struct fhost_log *head;
  if (log == NULL) return;
  head = atomic_load_explicit(&a->retired_log, memory_order_relaxed);
  do {
    log->next = head;
  } while (!atomic_compare_exchange_weak_explicit(
      &a->retired_log, &head, log, memory_order_release,
      memory_order_relaxed));
}

static void probation_over(struct fhost_agent *a) {
  fhost_log_retire(a, a->log);
  a->log = NULL;
  a->base = NULL;
  a->probation = 0;
  atomic_store_explicit(&a->verdict, 0, memory_order_release);
}

static struct fhost_version *live(const struct fhost_agent *a) {
  return atomic_load_explicit(&a->live, memory_order_relaxed);
}

static void make_live(struct fhost_agent *a, struct fhost_version *v) {
  atomic_store_explicit(&a->live, v, memory_order_release);
  atomic_store_explicit(&a->live_id, v->id, memory_order_release);
  /* A pc in the original's code is in the live version's again. */
  if (v == a->original) a->suspended = false;
}

/* ---- in ----------------------------------------------------------------- */

/* Version check, map, one pointer store. */
static void install(struct fhost_agent *a, struct fhost_offer *o,
                    uint32_t pc) {
  struct fhost_version *old = live(a);
  assert(a->probation == 0 && a->log == NULL && o->version != NULL);
  a->base_pc = a->state->pc;
  a->state->pc = pc;
  make_live(a, o->version);
  o->version = NULL;
  a->swapped = true;
  fhost_add(&a->n_installed, 1);
  if (o->flags & FLUX_PATCH_TUNING &&
      atomic_load_explicit(&a->tuned_from, memory_order_relaxed) == UINT64_MAX)
    atomic_store_explicit(&a->tuned_from, a->task, memory_order_relaxed);
  if (o->flags & FLUX_PATCH_ACCEPTED) {
    retire(a, old);
  } else {
    a->base = old;
    a->probation = live(a)->id;
    a->probation_flags = o->flags;
    a->hold_ms = o->hold_ms;
    a->log = o->log;
    o->log = NULL;
    atomic_store_explicit(&a->verdict,
                          fhost_verdict_word(a->probation, FHOST_OPEN),
                          memory_order_release);
  }
}

/* Takes the offer if it fits here; withdraws it when it waited too long. */
static void look_at_offer(struct fhost_agent *a) {
  struct fhost_offer *o = &a->offer;
  int ready = FHOST_OFFER_READY, after = FHOST_OFFER_EMPTY;
  uint32_t pc = a->state->pc;
  if (atomic_load_explicit(&o->state, memory_order_relaxed) != ready ||
      !atomic_compare_exchange_strong_explicit(
          &o->state, &ready, FHOST_OFFER_TAKEN, memory_order_acquire,
          memory_order_relaxed))
    return;
  if (o->base == live(a)->id && !a->suspended &&
      fhost_map_pc(&o->version->transfer, &pc)) {
    install(a, o, pc);
  } else if (o->base != live(a)->id || ++o->waited >= o->deadline) {
    retire(a, o->version);
    o->version = NULL;
    a->withdrawn = true;
    fhost_add(&a->n_withdrawn, 1);
  } else {
    after = FHOST_OFFER_READY;
  }
  atomic_store_explicit(&o->state, after, memory_order_release);
}

/* ---- the log ------------------------------------------------------------ */

/* Whether the base can go on where the agent stands, and at which pc. */
static bool way_back(const struct fhost_agent *a, uint32_t *pc) {
  const struct fhost_version *v = live(a);
  *pc = a->state->pc;
  if (a->fresh) {
    *pc = a->base->program->entry;
    return true;
  }
  return a->suspended || fhost_map_pc(&v->back, pc);
}

void fhost_note_way_back(struct fhost_agent *a) {
  assert(a->probation != 0);
  a->base_suspended = a->suspended;
  /* Behind its install the base's pc is known without a pair. */
  if (a->swapped && !a->fresh) a->way_back = true;
  else a->way_back = way_back(a, &a->base_pc);
}

void fhost_log_task(struct fhost_agent *a, const struct fhost_version *by) {
  struct fhost_log *l = a->log;
  struct fhost_logged *t;
  assert(l->count < l->capacity && (l->count > 0 || a->way_back));
  t = fhost_logged_at(l, l->count++);
  fisa_state_copy(t->begin, a->begin);
  t->own_pc = t->begin->pc;
  t->way_back = a->way_back;
  if (t->way_back) t->begin->pc = a->base_pc;
  t->number = a->number;
  t->task = a->task;
  t->fresh = a->fresh;
  t->suspended = a->base_suspended;
  t->patched = by == live(a);
  t->released = !a->holding;
  t->counted = false;
  t->unseen = a->unseen;
  t->event_count = a->event_count;
  memcpy(t->events, a->events, a->event_count * sizeof *t->events);
}

static bool is_agreed(const struct fhost_agent *a,
                      const struct fhost_logged *t) {
  return !t->patched ||
         t->number < atomic_load_explicit(&a->agreed, memory_order_acquire);
}

/* Drops tasks that agreed from the log, as far as the way back allows. */
static void forget_agreed(struct fhost_agent *a) {
  struct fhost_log *l = a->log;
  uint32_t pc;
  while (l->count > 0 && is_agreed(a, fhost_logged_at(l, 0)) &&
         (l->count > 1 ? fhost_logged_at(l, 1)->way_back
                       : way_back(a, &pc))) {
    l->first = (l->first + 1) % l->capacity;
    l->count--;
  }
}

/* ---- out ---------------------------------------------------------------- */

static unsigned verdict(const struct fhost_agent *a) {
  uint64_t word = atomic_load_explicit(&a->verdict, memory_order_acquire);
  assert(word >> 2 == a->probation);
  return (unsigned)word & 3u;
}

bool fhost_give_up(struct fhost_agent *a) {
  uint64_t word = atomic_load_explicit(&a->verdict, memory_order_acquire);
  do {
    if ((word & 3u) == FHOST_ACCEPTED) return false;
  } while (!atomic_compare_exchange_weak_explicit(
      &a->verdict, &word, fhost_verdict_word(a->probation, FHOST_RECOVERED),
      memory_order_acq_rel, memory_order_acquire));
  return true;
}

static void accept(struct fhost_agent *a) {
  retire(a, a->base);
  fhost_add(&a->n_accepted, 1);
  probation_over(a);
}

/* The base is live again, its state and pc are laid. */
static void leave(struct fhost_agent *a, _Atomic uint64_t *counter) {
  struct fhost_version *bad = live(a);
  assert(a->base != NULL && bad->id == a->probation);
  make_live(a, a->base);
  retire(a, bad);
  a->taken_back = a->swapped = true;
  fhost_add(counter, 1);
  probation_over(a);
}

/* Code only, state kept, where the old code can go on. */
static void revert(struct fhost_agent *a, _Atomic uint64_t *counter) {
  uint32_t pc;
  if (!way_back(a, &pc)) return; /* a later boundary */
  a->state->pc = pc;
  leave(a, counter);
}

/* Lays the begin of the oldest task in the log, for the base; all in the log
 * is due again. */
static void rewind_log(struct fhost_agent *a) {
  struct fhost_log *log = a->log;
  const struct fhost_logged *first = fhost_logged_at(log, 0);
  assert(log->count > 0 && first->way_back);
  for (uint32_t i = 0; i < log->count; i++) {
    const struct fhost_logged *t = fhost_logged_at(log, i);
    if (!t->counted) continue;
    fhost_add(&a->n_tasks, UINT64_MAX);
    fhost_add(&a->n_cycles, 0 - t->cycles);
    if (t->result) fhost_add(&a->n_results, UINT64_MAX);
  }
  a->log = NULL;
  fhost_replay_start(a, log);
  fisa_state_copy(a->state, first->begin);
  a->task = first->task;
  a->fresh = first->fresh;
  a->suspended = first->suspended;
  a->held = a->holding = a->stopped = false;
}

/* Back to the begin of the oldest task that was not agreed. */
static void recover(struct fhost_agent *a, _Atomic uint64_t *counter) {
  if (a->log->count == 0) {
    revert(a, counter);
    assert(a->probation == 0);
    return;
  }
  rewind_log(a);
  leave(a, counter);
}

/* A task of an accepted patch whose outputs were not all kept: once more. */
static void redo(struct fhost_agent *a) {
  const struct fhost_logged first = *fhost_logged_at(a->log, 0);
  rewind_log(a);
  a->state->pc = first.own_pc;
  a->suspended = !first.patched;
  accept(a);
}

/* What was said of the patch on probation is done, if it can be done here. */
static void obey_verdict(struct fhost_agent *a) {
  switch (verdict(a)) {
    case FHOST_ACCEPTED: accept(a); break;
    case FHOST_REVERTED: revert(a, &a->n_reverted); break;
    case FHOST_RECOVERED: recover(a, &a->n_recovered); break;
    default: break;
  }
}

void fhost_boundary(struct fhost_agent *a) {
  assert(!a->held);
  if (a->probation != 0) {
    forget_agreed(a);
    obey_verdict(a);
  }
  if (a->probation != 0 && a->log->count == a->log->capacity) {
    /* Agreed, but without a way back for too long. */
    (void)fhost_give_up(a);
    obey_verdict(a);
  }
  if (a->probation == 0 && a->replay.log == NULL) look_at_offer(a);
}

/* ---- held tasks --------------------------------------------------------- */

/* The held task stands: its outputs go now, under its number. */
static void stand(struct fhost_agent *a) {
  assert(!a->holding || !a->spoiled);
  if (a->holding) {
    for (uint32_t i = 0; i < a->event_count; i++)
      if (a->events[i].out) fhost_release(a, &a->events[i]);
    fhost_logged_at(a->log, a->log->count - 1)->released = true;
  }
  a->held = a->holding = false;
  fhost_settle(a);
  forget_agreed(a);
}

static bool timed_out(struct fhost_agent *a) {
  struct timespec t;
  uint64_t now;
  clock_gettime(CLOCK_MONOTONIC, &t);
  now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
  if (a->held_since == 0) a->held_since = now;
  return now - a->held_since > (uint64_t)a->hold_ms * 1000000u;
}

bool fhost_held_poll(struct fhost_agent *a) {
  const struct fhost_log *l = a->log;
  unsigned what = verdict(a);
  bool good;
  assert(a->held && l->count > 0);
  if (what == FHOST_ACCEPTED) {
    if (a->spoiled && a->holding) redo(a);
    else stand(a);
    return true;
  }
  good = !a->spoiled &&
         is_agreed(a, fhost_logged_at(l, a->waiting ? l->count - 1 : 0));
  /* Only the log is full: the next boundary does what was asked. */
  if (good || (what == FHOST_REVERTED && !a->waiting && !a->spoiled)) {
    stand(a);
    return true;
  }
  if (what == FHOST_OPEN && (!timed_out(a) || !fhost_give_up(a)))
    return false;
  recover(a, what == FHOST_REVERTED ? &a->n_reverted : &a->n_recovered);
  return true;
}
