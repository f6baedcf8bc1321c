/*
 * plugin/canary.c - a tuning patch tried live: one agent runs it, another of
 * the same program does not, and both are scored.
 *
 * An agent that is alone is its own control: it is scored first as it is and
 * then with the patch.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

#define LAG_MOST 2u     /* a control may be this many times behind */
#define REFUSED_FOR 4u  /* searches before what was no better may come again */

/* ---- a control ---------------------------------------------------------- */

static bool at_rest(const struct flux_evolved *a) {
  return a->phase == FSE_OBSERVING || a->phase == FSE_READY ||
         a->phase == FSE_SETTLED;
}

/* The agent of that id; the instance lock is held. */
static struct flux_evolved *find_locked(struct fse_instance *in, uint64_t id) {
  struct flux_evolved *a = in->agents;
  while (a != NULL && a->id != id) a = a->next;
  return a;
}

/* Another agent that does the same, and is at rest; it is in CONTROL then, and
 * this one in OFFERED. Else this one is in CONTROL. */
static uint64_t take_control(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  uint64_t id = 0;
  pthread_mutex_lock(&in->lock);
  for (struct flux_evolved *b = in->agents; b != NULL && id == 0;
       b = b->next) {
    if (b == a || !at_rest(b) || !b->tuning.on || atomic_load(&b->leaving) ||
        !fse_trusted(b) || memcmp(b->root->hash, a->root->hash, 32) != 0)
      continue;
    b->phase = FSE_CONTROL;
    b->tuning.beside = a->id;
    id = b->id;
  }
  a->tuning.beside = id != 0 ? id : a->id;
  a->phase = id != 0 ? FSE_OFFERED : FSE_CONTROL;
  pthread_cond_broadcast(&in->changed);
  pthread_mutex_unlock(&in->lock);
  return id;
}

static void observe(struct flux_evolved *a, uint64_t id, uint32_t period) {
  const struct fse_instance *in = a->instance;
  (void)in->live->observe(id, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD,
                          period, in->host->ctx);
}

void fse_control_done(struct flux_evolved *a) {
  a->tuning.beside = 0;
  observe(a, a->id, a->instance->policy.record_period);
  if (fse_phase_move(a, FSE_CONTROL, FSE_OBSERVING)) fse_mind_gift(a);
}

void fse_canary_offer(struct flux_evolved *a) {
  uint64_t other;
  assert(a->next_patch.tuning && a->next_patch.live.program != NULL);
  memset(&a->tuning.control, 0, sizeof a->tuning.control);
  other = take_control(a);
  observe(a, other != 0 ? other : a->id, 1);
  if (other != 0) fse_offer(a);
}

/* ---- scores ------------------------------------------------------------- */

static void add(const struct flux_evolved *a, struct fse_tally *t,
                double score) {
  const uint32_t most = a->instance->policy.canary_tasks;
  uint32_t batch = (uint32_t)((uint64_t)t->tasks * FSE_BATCHES / most);
  if (t->tasks >= most) return;
  t->sum[batch] += score;
  t->tasks++;
}

/* The mean of a batch, which is a part of canary_tasks. */
static double batch_mean(const struct flux_evolved *a,
                         const struct fse_tally *t, uint32_t i) {
  const uint64_t most = a->instance->policy.canary_tasks;
  uint64_t from = (i * most + FSE_BATCHES - 1) / FSE_BATCHES;
  uint64_t to = ((i + 1) * most + FSE_BATCHES - 1) / FSE_BATCHES;
  assert(to > from);
  return t->sum[i] / (double)(to - from);
}

static double tally_mean(const struct flux_evolved *a,
                         const struct fse_tally *t) {
  double sum = 0;
  for (uint32_t i = 1; i < FSE_BATCHES; i++) sum += batch_mean(a, t, i);
  return sum / (FSE_BATCHES - 1);
}

/* Of seven means: their variance over seven. */
static double error_of(const struct flux_evolved *a,
                       const struct fse_tally *t) {
  double mean = tally_mean(a, t), squares = 0;
  for (uint32_t i = 1; i < FSE_BATCHES; i++) {
    double d = batch_mean(a, t, i) - mean;
    squares += d * d;
  }
  return squares / (FSE_BATCHES - 2) / (FSE_BATCHES - 1);
}

/* Pairs where both lived the same days, else two samples. */
static bool is_better(const struct flux_evolved *a) {
  const struct fse_tuning *t = &a->tuning;
  double d[FSE_BATCHES];
  if (t->beside == a->id)
    return tally_mean(a, &t->own) - tally_mean(a, &t->control) >
           2 * sqrt(error_of(a, &t->own) + error_of(a, &t->control));
  for (uint32_t i = 1; i < FSE_BATCHES; i++)
    d[i] = batch_mean(a, &t->own, i) - batch_mean(a, &t->control, i);
  return fse_beyond_noise(d + 1, FSE_BATCHES - 1, 0);
}

/* ---- a task of a control ------------------------------------------------ */

/* The patch is ready, and what it is compared with is being found out, unless
 * another agent gets free for that. */
static void own_control(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_tuning *t = &a->tuning;
  uint64_t other;
  double score;
  if (slot->task.version != a->live.id || !slot->whole) return;
  if (atomic_load(&a->instance->paused) || !fse_trusted(a) ||
      !fse_tuning_score(a, slot, &score)) {
    fse_part(a, FSE_WITHDRAWN, "nobody can say what it is worth");
    a->next_patch.tuning = false;
    fse_control_done(a);
    return;
  }
  add(a, &t->control, score);
  other = take_control(a);
  if (other != 0) observe(a, other, 1);
  else if (t->control.tasks < a->instance->policy.canary_tasks) return;
  observe(a, a->id, a->instance->policy.record_period);
  fse_offer(a);
}

/* The canary that this one is the control of, if it is still tried. */
static struct flux_evolved *canary_locked(struct flux_evolved *a) {
  struct flux_evolved *c = find_locked(a->instance, a->tuning.beside);
  return c != NULL && c != a && c->tuning.beside == a->id &&
                 (c->phase == FSE_OFFERED || c->phase == FSE_PROBATION)
             ? c
             : NULL;
}

void fse_control_task(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_instance *in = a->instance;
  struct flux_evolved *canary;
  double score = 0;
  bool scored;
  if (a->tuning.beside == a->id) {
    own_control(a, slot);
    return;
  }
  scored = slot->task.version == a->live.id && slot->whole &&
           fse_tuning_score(a, slot, &score);
  pthread_mutex_lock(&in->lock);
  canary = canary_locked(a);
  if (canary != NULL && scored && canary->phase == FSE_PROBATION)
    add(canary, &canary->tuning.control, score);
  pthread_mutex_unlock(&in->lock);
  if (canary == NULL || !a->tuning.on) fse_control_done(a);
}

/* ---- the canary --------------------------------------------------------- */

void fse_canary_begin(struct flux_evolved *a) {
  struct fse_tuning *t = &a->tuning;
  memset(&t->own, 0, sizeof t->own);
  if (t->beside != a->id) memset(&t->control, 0, sizeof t->control);
  fse_tuning_course(a);
}

void fse_canary_part(struct flux_evolved *a) {
  pthread_mutex_lock(&a->instance->lock);
  a->tuning.beside = 0;
  pthread_mutex_unlock(&a->instance->lock);
}

static bool control_is_there(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  const struct flux_evolved *b;
  bool there;
  if (a->tuning.beside == a->id) return true;
  pthread_mutex_lock(&in->lock);
  b = find_locked(in, a->tuning.beside);
  there = b != NULL && b->phase == FSE_CONTROL && b->tuning.beside == a->id;
  pthread_mutex_unlock(&in->lock);
  return there;
}

static void out(struct flux_evolved *a, uint32_t how, const char *why) {
  fse_canary_part(a);
  fse_take_back(a, how, why);
}

/* Accepted = committed, and the host still has it; then the others get it. */
static void accept(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct fse_record *rec = &a->next_patch.record;
  const uint64_t id = a->next_patch.live.id;
  struct fse_rooting r;
  struct fse_version v;
  uint8_t old_root[32];
  bool spread;
  if (fse_rooting_make(a, &r) != 0) {
    out(a, FLUX_REVERT, "out of memory");
    return;
  }
  fse_canary_part(a);
  v = fse_rooting_version(a, &r);
  fse_complete(a, FSE_ACCEPTED, NULL);
  if (fse_remember(a, &v) != 0) {
    fse_rooting_done(&r);
    out(a, FLUX_REVERT, "it could not be written to the journal");
    return;
  }
  if (in->live->accept(a->id, id, in->host->ctx) != FLUX_OK) {
    fse_rooting_done(&r);
    fse_unaccept(a, "the host took it back before it was accepted");
    fse_phase_set(a, FSE_LEAVING);
    return;
  }
  fse_say(in, FLUX_LOG_EVENT, "%s: accepted patch %llu: %s (%s)", a->name,
          (unsigned long long)id, rec->reason, rec->kind);
  spread = !a->next_patch.gift;
  if (spread) fse_bandit_accepted(&a->learned, rec->kind);
  memcpy(old_root, a->root->hash, 32);
  fse_scenes_save(a, a->next_patch.live.program);
  fse_reroot(a, &r);
  if (spread) fse_spread(a, old_root);
  fse_phase_set(a, FSE_OBSERVING);
}

/* A gift has run its tasks: it was better where it comes from and no worse on
 * courses here. */
static void welcome(struct flux_evolved *a) {
  struct fse_trialled *next = &a->next_patch;
  next->root_confidence = next->gift_score * next->tasks;
  next->root_cost = next->record.cost_before * next->tasks;
  accept(a);
}

/* Both have run their tasks. */
static void judge(struct flux_evolved *a) {
  struct fse_trialled *next = &a->next_patch;
  const struct fse_tuning *t = &a->tuning;
  double before = tally_mean(a, &t->control), after = tally_mean(a, &t->own);
  char why[160];
  next->confidence = after * next->tasks;
  next->root_confidence = before * next->tasks;
  next->root_cost = next->record.cost_before * next->tasks;
  snprintf(why, sizeof why, "score %.3f -> %.3f a task, beside %s", before,
           after, t->beside == a->id ? "what it did before" : "a control");
  if (is_better(a)) {
    snprintf(next->record.reason, sizeof next->record.reason, "%s", why);
    accept(a);
    return;
  }
  /* Not for ever: the world may come to be another. */
  memcpy(a->tuning.refused, next->live.program->hash, 32);
  a->tuning.refused_for = REFUSED_FOR;
  snprintf(why, sizeof why, "score %.3f -> %.3f a task is no better", before,
           after);
  out(a, FLUX_REVERT, why);
}

static bool failed(const struct fse_slot *slot) {
  return slot->task.status == FLUX_RUN_FAULT ||
         slot->task.status == FLUX_RUN_FUEL;
}

/* What keeps the trial from going on; NULL: nothing. */
static const char *trouble(struct flux_evolved *a, const struct fse_slot *slot,
                           double *score) {
  const struct fse_tuning *t = &a->tuning;
  const uint32_t most = a->instance->policy.canary_tasks;
  if (slot->lost > 0 || !slot->whole) return "a task went by unseen";
  if (!fse_trusted(a)) return "trust fell below policy.min_trust";
  if (!fse_tuning_score(a, slot, score))
    return "nobody can say what it is worth";
  if (a->next_patch.gift) return NULL;
  if (!control_is_there(a)) return "its control is gone";
  if (a->next_patch.tasks > most * LAG_MOST && t->control.tasks < most)
    return "its control does not keep up";
  return NULL;
}

void fse_canary_probe(struct flux_evolved *a, const struct fse_slot *slot) {
  const struct fse_instance *in = a->instance;
  struct fse_tuning *t = &a->tuning;
  const uint32_t most = in->policy.canary_tasks;
  const char *why;
  double score = 0;
  assert(slot->task.version == a->next_patch.live.id);
  if (failed(slot)) {
    char text[64];
    snprintf(text, sizeof text, "task %llu %s",
             (unsigned long long)slot->task.number,
             slot->task.status == FLUX_RUN_FAULT ? "faulted"
                                                 : "ran out of fuel");
    fse_ban(a, a->next_patch.live.program);
    if (a->next_patch.gift)
      fse_gift_drop(a, a->next_patch.live.program->hash);
    out(a, FLUX_RECOVER, text);
    return;
  }
  why = trouble(a, slot, &score);
  if (why == NULL) {
    a->next_patch.tasks++;
    a->next_patch.cost += (double)slot->task.cycles;
    if (a->next_patch.gift) {
      a->next_patch.confidence += score;
      if (a->next_patch.tasks >= in->policy.probation_tasks) welcome(a);
    } else {
      add(a, &t->own, score);
      if (t->own.tasks >= most && t->control.tasks >= most) judge(a);
    }
  } else {
    fse_forgive(a);
    out(a, FLUX_REVERT, why);
  }
  (void)in->live->agree(a->id, slot->task.number, in->host->ctx);
}
