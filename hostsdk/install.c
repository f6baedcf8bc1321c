/*
 * hostsdk/install.c - what is due at a task boundary: patches in, patches
 * out. All on the agent's thread: no lock, no allocation, no system call
 * (the clock is read only while a task is held).
 */
#include <assert.h>
#include <time.h>

#include "hostsdk/runtime_internal.h"

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- letting go ------------------------------------------------------------------ */

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

/* Likewise the log of a probation that is over. */
static void probation_over(struct fhost_agent *a) {
  struct fhost_log *head =
      atomic_load_explicit(&a->retired_log, memory_order_relaxed);
  do {
    a->log->next = head;
  } while (!atomic_compare_exchange_weak_explicit(
      &a->retired_log, &head, a->log, memory_order_release,
      memory_order_relaxed));
  a->log = NULL;
  a->probation = 0;
  atomic_store_explicit(&a->take_back, 0, memory_order_release);
  atomic_store_explicit(&a->in_probation, 0, memory_order_release);
}

static struct fhost_version *live(const struct fhost_agent *a) {
  return atomic_load_explicit(&a->live, memory_order_relaxed);
}

static void make_live(struct fhost_agent *a, struct fhost_version *v) {
  atomic_store_explicit(&a->live, v, memory_order_release);
  atomic_store_explicit(&a->live_id, v->id, memory_order_release);
}

static bool map_pc(const flux_transfer *t, uint32_t count, uint32_t *pc) {
  for (uint32_t i = 0; i < count; i++) {
    if (t[i].from_pc != *pc) continue;
    *pc = t[i].to_pc;
    return true;
  }
  return false;
}

/* ---- in ------------------------------------------------------------------------------ */

/* Version check, map, one pointer store. */
static void install(struct fhost_agent *a, struct fhost_offer *o,
                    uint32_t pc) {
  struct fhost_version *old = live(a);
  a->state->pc = pc;
  make_live(a, o->version);
  o->version = NULL;
  a->swapped = true;
  fhost_add(&a->n_installed, 1);
  if (o->flags & FLUX_PATCH_ACCEPTED) {
    retire(a, old);
  } else {
    a->base = old;
    a->probation = live(a)->id;
    a->probation_flags = o->flags;
    a->hold_ms = o->hold_ms;
    a->log = o->log;
    o->log = NULL;
    atomic_store_explicit(&a->in_probation, a->probation,
                          memory_order_release);
  }
}

/* Takes the offer if it fits here; withdraws it when it waited too long. */
static void look_at_offer(struct fhost_agent *a) {
  struct fhost_offer *o = &a->offer;
  int ready = FHOST_OFFER_READY, after = FHOST_OFFER_READY;
  uint32_t pc = a->state->pc;
  if (atomic_load_explicit(&o->state, memory_order_relaxed) != ready ||
      !atomic_compare_exchange_strong_explicit(
          &o->state, &ready, FHOST_OFFER_TAKEN, memory_order_acquire,
          memory_order_relaxed))
    return;
  if (o->base != live(a)->id || o->waited >= o->deadline) {
    retire(a, o->version);
    o->version = NULL;
    a->withdrawn = true;
    fhost_add(&a->n_withdrawn, 1);
    after = FHOST_OFFER_EMPTY;
  } else if (map_pc(o->version->transfer, o->version->transfer_count, &pc)) {
    install(a, o, pc);
    after = FHOST_OFFER_EMPTY;
  } else {
    o->waited++;
  }
  atomic_store_explicit(&o->state, after, memory_order_release);
}

/* ---- out ------------------------------------------------------------------------------- */

static void accept_due(struct fhost_agent *a) {
  if (a->probation == 0 ||
      atomic_load_explicit(&a->accepted, memory_order_acquire) !=
          a->probation)
    return;
  retire(a, a->base);
  a->base = NULL;
  fhost_add(&a->n_accepted, 1);
  probation_over(a);
}

/* Code only, state kept, where the old code can go on. */
static void revert(struct fhost_agent *a) {
  struct fhost_version *bad = live(a);
  uint32_t pc = a->state->pc;
  if (!map_pc(bad->back, bad->back_count, &pc)) return; /* a later boundary */
  a->state->pc = pc;
  make_live(a, a->base);
  a->base = NULL;
  a->taken_back = a->swapped = true;
  retire(a, bad);
  fhost_add(&a->n_reverted, 1);
  probation_over(a);
}

/* Back to the begin of the oldest task that was not agreed. */
static void recover(struct fhost_agent *a) {
  struct fhost_version *bad = live(a);
  const struct fhost_logged *first;
  uint32_t pc;
  assert(a->log != NULL && a->log->count > 0);
  first = &a->log->tasks[a->log->first];
  fhost_replay_start(a);
  fisa_state_copy(a->state, first->begin);
  pc = a->state->pc;
  if (map_pc(bad->back, bad->back_count, &pc)) a->state->pc = pc;
  a->task = first->number;
  a->fresh = first->fresh;
  a->begun = true;
  a->held = false;
  a->stopped = false;
  make_live(a, a->base);
  a->base = NULL;
  a->taken_back = a->swapped = true;
  retire(a, bad);
  fhost_add(&a->n_recovered, 1);
  probation_over(a);
}

/* Drops tasks that agreed from the log. */
static void forget_agreed(struct fhost_agent *a) {
  uint64_t agreed = atomic_load_explicit(&a->agreed, memory_order_acquire);
  struct fhost_log *l = a->log;
  while (l != NULL && l->count > 0 && l->tasks[l->first].number < agreed) {
    l->first = (l->first + 1) % l->capacity;
    l->count--;
  }
}

static void take_back_due(struct fhost_agent *a) {
  uint64_t word = atomic_load_explicit(&a->take_back, memory_order_acquire);
  if (word == 0 || a->probation == 0 || word >> 1 != a->probation) return;
  if ((word & 1u) == FLUX_RECOVER && a->log->count > 0) recover(a);
  else revert(a);
}

void fhost_boundary(struct fhost_agent *a) {
  assert(!a->held);
  if (a->probation != 0) {
    forget_agreed(a);
    accept_due(a);
    take_back_due(a);
  }
  if (a->probation == 0 && !a->begun) look_at_offer(a);
}

bool fhost_held_poll(struct fhost_agent *a) {
  uint64_t agreed = atomic_load_explicit(&a->agreed, memory_order_acquire);
  uint64_t word = atomic_load_explicit(&a->take_back, memory_order_acquire);
  assert(a->held && a->log != NULL);
  if (agreed > a->task - 1) {
    /* Outputs of the held task go now, under its number. */
    a->task--;
    if (a->holding)
      for (uint32_t i = 0; i < a->event_count; i++)
        if (a->events[i].out) fhost_release(a, &a->events[i]);
    if (a->holding && a->o.world.end != NULL)
      a->o.world.end(a->task, a->state, a->o.world.user);
    a->task++;
    a->held = a->holding = false;
    forget_agreed(a);
    return true;
  }
  if (word != 0 && word >> 1 == a->probation) {
    recover(a);
    return true;
  }
  if (a->held_since == 0) a->held_since = now_ns();
  if (now_ns() - a->held_since > (uint64_t)a->hold_ms * 1000000u) {
    recover(a);
    return true;
  }
  return false;
}
