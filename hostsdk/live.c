/*
 * hostsdk/live.c - flux.live/1: what evolution threads may ask of an agent.
 *
 * They exclude each other by the agent's lock; towards the agent's thread
 * they use the mailbox alone (runtime_internal.h says how).
 */
#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/runtime_internal.h"
#include "isa/asm.h"

#define MAX_TRANSFERS 65536u
#define MAX_HOLD_MS 60000u
#define NO_HOLD_MS 1000u  /* wait for a verdict where none was given */

static struct fhost_agent *find(uint64_t id, void *ctx) {
  return fhost_agent_find(ctx, id);
}

static flux_status live_observe(uint64_t agent, uint32_t what,
                                uint32_t period, void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  if (a == NULL) return FLUX_E_NOT_FOUND;
  if (period == 0) return FLUX_E_INVALID;
  atomic_store_explicit(&a->observe, (uint64_t)what << 32 | period,
                        memory_order_relaxed);
  return FLUX_OK;
}

static flux_status live_counts(uint64_t agent, uint64_t *slots, uint8_t *heads,
                               uint32_t capacity, uint32_t *size,
                               uint64_t *version, void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  struct fhost_version *v;
  flux_status rc = FLUX_OK;
  if (a == NULL) return FLUX_E_NOT_FOUND;
  if (a->o.vm->flags & FHOST_VM_NO_COUNTS) return FLUX_E_UNSUPPORTED;
  pthread_mutex_lock(&a->lock);
  fhost_sweep(a);
  /* What is live now is freed by nobody while the lock is held. */
  v = atomic_load_explicit(&a->live, memory_order_acquire);
  *size = v->program->size;
  *version = v->id;
  if (capacity < v->program->size) {
    rc = FLUX_E_LIMIT;
  } else {
    for (uint32_t i = 0; i < v->program->size; i++)
      slots[i] = atomic_load_explicit(&v->counts[i], memory_order_relaxed);
    memcpy(heads, a->o.vm->heads(v->code), (v->program->size + 7) / 8);
  }
  pthread_mutex_unlock(&a->lock);
  return rc;
}

/* ---- offers ------------------------------------------------------------- */

static int copy_pairs(const flux_transfer *t, uint32_t n,
                      struct fhost_pairs *out) {
  assert(t != NULL || n == 0);
  out->at = calloc((size_t)n + 1, sizeof *out->at);
  if (out->at == NULL) return -1;
  if (n > 0) memcpy(out->at, t, n * sizeof *t);
  out->count = n;
  return 0;
}

/* From where the first begin to where the second end. */
static int join_pairs(const struct fhost_pairs *first,
                      const struct fhost_pairs *second,
                      struct fhost_pairs *out) {
  assert(out->at == NULL);
  if (copy_pairs(first->at, first->count, out) != 0) return -1;
  out->count = 0;
  for (uint32_t i = 0; i < first->count; i++) {
    flux_transfer t = first->at[i];
    if (fhost_map_pc(second, &t.to_pc)) out->at[out->count++] = t;
  }
  return 0;
}

/* The four lists of a version whose base is the live one. */
static int make_pairs(const struct fhost_agent *a, const flux_patch *p,
                      struct fhost_version *v) {
  const struct fhost_version *base =
      atomic_load_explicit(&a->live, memory_order_acquire);
  if (copy_pairs(p->transfer, p->transfer_count, &v->transfer) != 0 ||
      copy_pairs(p->back, p->back_count, &v->back) != 0)
    return -1;
  if (base == a->original)
    return copy_pairs(p->transfer, p->transfer_count, &v->resume) != 0
               ? -1
               : copy_pairs(p->back, p->back_count, &v->suspend);
  return join_pairs(&base->resume, &v->transfer, &v->resume) != 0
             ? -1
             : join_pairs(&v->back, &base->suspend, &v->suspend);
}

/* What can be told of a patch without the agent. */
static flux_status check_patch(const flux_patch *p) {
  bool hold = (p->flags & FLUX_PATCH_HOLD) != 0;
  if (p->struct_size < sizeof *p || p->code == NULL || p->id == 0 ||
      p->id >= FHOST_MAX_PATCH || p->entry >= p->code_size ||
      (p->transfer == NULL && p->transfer_count > 0) ||
      (p->back == NULL && p->back_count > 0) ||
      (hold && (p->hold_ms == 0 || p->hold_ms > MAX_HOLD_MS)))
    return FLUX_E_INVALID;
  if (p->code_size > FISA_MAX_CODE || p->transfer_count > MAX_TRANSFERS ||
      p->back_count > MAX_TRANSFERS)
    return FLUX_E_LIMIT;
  for (uint32_t i = 0; i < p->transfer_count; i++)
    if (p->transfer[i].to_pc >= p->code_size) return FLUX_E_INVALID;
  return FLUX_OK;
}

/* And of one whose base is the live version. */
static flux_status check_back(struct fhost_agent *a, const flux_patch *p) {
  const struct fhost_version *base =
      atomic_load_explicit(&a->live, memory_order_acquire);
  assert(base->id == p->base);
  if (p->id == p->base) return FLUX_E_INVALID;
  for (uint32_t i = 0; i < p->back_count; i++)
    if (p->back[i].to_pc >= base->program->size) return FLUX_E_INVALID;
  return FLUX_OK;
}

/* Everything install will need, made beside the live code. */
static flux_status prepare(struct fhost_agent *a, const flux_patch *p,
                           struct fhost_version **out,
                           struct fhost_log **log) {
  bool hold = (p->flags & FLUX_PATCH_HOLD) != 0;
  bool accepted = (p->flags & FLUX_PATCH_ACCEPTED) != 0;
  struct fisa_program *program;
  struct fhost_version *v;
  program = fisa_program_derive(a->o.program, p->code, p->code_size, p->entry,
                                p->boundary_pc);
  if (program == NULL) return FLUX_E_MALFORMED;
  v = fhost_version_new(a, program, p->id, NULL);
  if (v == NULL) {
    fisa_program_free(program);
    return FLUX_E_MEMORY;
  }
  *log = accepted ? NULL : fhost_log_new(a, hold ? FHOST_LOG_HELD
                                             : FHOST_LOG_TASKS);
  if (make_pairs(a, p, v) != 0 || (*log == NULL && !accepted)) {
    fhost_version_free(a, v);
    fhost_log_free(*log);
    return FLUX_E_MEMORY;
  }
  *out = v;
  return FLUX_OK;
}

/* One patch in flight: none in the slot, none on probation that is not
 * accepted. The slot first: it is emptied behind the verdict's opening. */
static bool in_flight(const struct fhost_agent *a) {
  uint64_t word;
  if (atomic_load_explicit(&a->offer.state, memory_order_acquire) !=
      FHOST_OFFER_EMPTY)
    return true;
  word = atomic_load_explicit(&a->verdict, memory_order_acquire);
  return word != 0 && (word & 3u) != FHOST_ACCEPTED;
}

static flux_status offer_locked(struct fhost_agent *a, const flux_patch *p) {
  struct fhost_version *v = NULL;
  struct fhost_log *log = NULL;
  flux_status rc;
  fhost_sweep(a);
  if (in_flight(a)) return FLUX_E_BUSY;
  if (p->base != atomic_load_explicit(&a->live_id, memory_order_acquire))
    return FLUX_E_STALE;
  rc = check_back(a, p);
  if (rc == FLUX_OK) rc = prepare(a, p, &v, &log);
  if (rc != FLUX_OK) return rc;
  /* The slot is ours: nobody but us makes it READY. */
  assert(a->offer.version == NULL);
  fhost_log_free(a->offer.log);
  a->offer.version = v;
  a->offer.log = log;
  a->offer.base = p->base;
  a->offer.flags = p->flags;
  a->offer.deadline = p->deadline_tasks;
  a->offer.hold_ms = p->hold_ms == 0            ? NO_HOLD_MS
                     : p->hold_ms > MAX_HOLD_MS ? MAX_HOLD_MS
                                                : p->hold_ms;
  a->offer.waited = 0;
  atomic_store_explicit(&a->offer.state, FHOST_OFFER_READY,
                        memory_order_release);
  return FLUX_OK;
}

static flux_status live_offer(uint64_t agent, const flux_patch *patch,
                              void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  flux_status rc;
  if (a == NULL) return FLUX_E_NOT_FOUND;
  rc = patch == NULL ? FLUX_E_INVALID : check_patch(patch);
  if (rc != FLUX_OK) return rc;
  pthread_mutex_lock(&a->lock);
  rc = offer_locked(a, patch);
  pthread_mutex_unlock(&a->lock);
  return rc;
}

static flux_status live_withdraw(uint64_t agent, uint64_t patch, void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  flux_status rc = FLUX_E_STALE;
  if (a == NULL) return FLUX_E_NOT_FOUND;
  pthread_mutex_lock(&a->lock);
  for (;;) {
    int state = FHOST_OFFER_READY;
    if (atomic_compare_exchange_strong_explicit(
            &a->offer.state, &state, FHOST_OFFER_TAKEN, memory_order_acquire,
            memory_order_relaxed)) {
      bool ours = a->offer.version->id == patch;
      if (ours) {
        fhost_version_free(a, a->offer.version);
        a->offer.version = NULL;
        rc = FLUX_OK;
      }
      atomic_store_explicit(&a->offer.state,
                            ours ? FHOST_OFFER_EMPTY : FHOST_OFFER_READY,
                            memory_order_release);
      break;
    }
    if (state == FHOST_OFFER_EMPTY) break;
    sched_yield(); /* the agent is looking at it: a few instructions */
  }
  pthread_mutex_unlock(&a->lock);
  return rc;
}

/* ---- verdicts ----------------------------------------------------------- */

static flux_status live_agree(uint64_t agent, uint64_t task, void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  flux_status rc = FLUX_E_STALE;
  if (a == NULL) return FLUX_E_NOT_FOUND;
  if (task >= atomic_load_explicit(&a->numbers, memory_order_acquire))
    return FLUX_E_INVALID;
  pthread_mutex_lock(&a->lock);
  if (task >= atomic_load_explicit(&a->agreed, memory_order_relaxed) &&
      atomic_load_explicit(&a->verdict, memory_order_acquire) != 0) {
    atomic_store_explicit(&a->agreed, task + 1, memory_order_release);
    rc = FLUX_OK;
  }
  pthread_mutex_unlock(&a->lock);
  return rc;
}

/* Swings the verdict on a patch, if it is on probation and what was said of
 * it so far is one of the two. */
static flux_status give_verdict(struct fhost_agent *a, uint64_t patch,
                                unsigned from, unsigned or_from,
                                unsigned to) {
  uint64_t word = fhost_verdict_word(patch, from);
  assert(to != FHOST_OPEN && from != to);
  if (patch == 0 || patch >= FHOST_MAX_PATCH) return FLUX_E_STALE;
  if (atomic_compare_exchange_strong_explicit(
          &a->verdict, &word, fhost_verdict_word(patch, to),
          memory_order_acq_rel, memory_order_acquire))
    return FLUX_OK;
  word = fhost_verdict_word(patch, or_from);
  return atomic_compare_exchange_strong_explicit(
             &a->verdict, &word, fhost_verdict_word(patch, to),
             memory_order_acq_rel, memory_order_acquire)
             ? FLUX_OK
             : FLUX_E_STALE;
}

static flux_status live_accept(uint64_t agent, uint64_t patch, void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  if (a == NULL) return FLUX_E_NOT_FOUND;
  return give_verdict(a, patch, FHOST_OPEN, FHOST_OPEN, FHOST_ACCEPTED);
}

static flux_status live_take_back(uint64_t agent, uint64_t patch,
                                  uint32_t how, void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  if (a == NULL) return FLUX_E_NOT_FOUND;
  if (how > FLUX_RECOVER) return FLUX_E_INVALID;
  if (how == FLUX_REVERT)
    return give_verdict(a, patch, FHOST_OPEN, FHOST_OPEN, FHOST_REVERTED);
  /* A revert that waits for its place may become a recovery. */
  return give_verdict(a, patch, FHOST_OPEN, FHOST_REVERTED, FHOST_RECOVERED);
}

static void live_explain(uint64_t agent, const char *text, void *ctx) {
  struct fhost_agent *a = find(agent, ctx);
  if (a == NULL) return;
  pthread_mutex_lock(&a->lock);
  snprintf(a->explanation, sizeof a->explanation, "%s", text ? text : "");
  pthread_mutex_unlock(&a->lock);
}

void fhost_live_init(struct fhost_runtime *rt) {
  assert(rt != NULL);
  rt->live = (flux_live){.struct_size = sizeof rt->live,
                         .observe = live_observe,
                         .counts = live_counts,
                         .offer = live_offer,
                         .withdraw = live_withdraw,
                         .agree = live_agree,
                         .accept = live_accept,
                         .take_back = live_take_back,
                         .explain = live_explain};
}
