/*
 * plugin/probation.c - a patch that runs, task by task beside its root, until
 * it has earned its place or goes.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

#define LATE_MOST 3u  /* times a patch may be too late before it is banned */

void fse_probation_begin(struct flux_evolved *a) {
  struct fse_trialled *t = &a->next_patch;
  assert(t->live.program != NULL);
  t->tasks = 0;
  t->cost = t->root_cost = t->base_cost = 0;
  t->confidence = t->root_confidence = 0;
  t->drop = t->drop_squares = 0;
  t->unmeasured = false;
  if (t->tuning) fse_canary_begin(a);
}

/* ---- out ---------------------------------------------------------------- */

/* Asks the host to take the patch back; it goes with a task that says so. */
void fse_take_back(struct flux_evolved *a, uint32_t how, const char *why) {
  struct fse_instance *in = a->instance;
  fse_complete(a, how == FLUX_RECOVER ? FSE_RECOVERED : FSE_REVERTED, why);
  /* The phase comes first: the last task may come before the call returns. */
  fse_phase_set(a, FSE_LEAVING);
  (void)in->live->take_back(a->id, a->next_patch.live.id, how, in->host->ctx);
  fse_tell(a);
  (void)fse_remember(a, NULL);
}

void fse_forgive(struct flux_evolved *a) {
  if (++a->late >= LATE_MOST) fse_ban(a, a->next_patch.live.program);
}

void fse_taken_back(struct flux_evolved *a) {
  fse_forgive(a);
  fse_part(a, FSE_RECOVERED, "the host took it back: no verdict in time");
  a->next_patch.tuning = a->next_patch.gift = false;
  fse_canary_part(a);
  fse_phase_set(a, FSE_OBSERVING);
}

/* ---- in ----------------------------------------------------------------- */

/* Accepted = committed, and the host still has it. */
static void accept_patch(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct fse_live *next = &a->next_patch.live;
  const struct fse_version v = {.program = next->program,
                                .root = a->root,
                                .places = next->places,
                                .place_count = next->place_count,
                                .uses = &next->uses};
  fse_complete(a, FSE_ACCEPTED, NULL);
  if (fse_remember(a, &v) != 0) {
    fse_complete(a, FSE_REVERTED, "it could not be written to the journal");
    fse_phase_set(a, FSE_LEAVING);
    (void)in->live->take_back(a->id, next->id, FLUX_REVERT, in->host->ctx);
    fse_tell(a);
    return;
  }
  if (in->live->accept(a->id, next->id, in->host->ctx) != FLUX_OK) {
    fse_unaccept(a, "the host took it back before it was accepted");
    fse_phase_set(a, FSE_LEAVING);
    return;
  }
  fse_tell(a);
  fse_bandit_accepted(&a->learned, a->next_patch.record.kind);
  fse_history_note(a, a->next_patch.record.fitness_after);
  a->generation++;
  fse_live_done(&a->live);
  a->live = *next;
  memset(next, 0, sizeof *next);
  a->late = 0;
  fse_phase_set(a, FSE_OBSERVING);
}

/* Whether confidence fell below its share of the root's by more than chance:
 * the mean of the paired differences lies two standard errors below 0. */
static bool confidence_fell(const struct fse_trialled *t) {
  double n = t->tasks, mean = t->drop / n, variance = 0;
  if (t->tasks > 1)
    variance = (t->drop_squares - n * mean * mean) / (n - 1);
  return mean + 2 * sqrt(variance > 0 ? variance / n : 0) < 0;
}

/* K tasks agreed: has it earned its place? If not, why. */
static bool deserves(const struct flux_evolved *a, char why[160]) {
  const struct fse_policy *p = &a->instance->policy;
  const struct fse_trialled *t = &a->next_patch;
  bool of_base = t->base_cost < t->root_cost;
  double cost = of_base ? t->base_cost : t->root_cost;
  assert(t->tasks > 0);
  if (t->unmeasured)
    snprintf(why, 160, "a task came without confidence or cycles");
  else if (t->cost > cost * p->rollback_fraction)
    snprintf(why, 160, "dearer than %s: %.1f against %.1f a task",
             of_base ? "the version before it" : "its root",
             t->cost / t->tasks, cost / t->tasks);
  else if (confidence_fell(t))
    snprintf(why, 160, "confidence fell: %.3f against %.3f",
             t->confidence / t->tasks, t->root_confidence / t->tasks);
  else
    return true;
  return false;
}

/* Adds a task that agreed to the sums. */
static void count_task(struct flux_evolved *a, const struct fse_slot *slot,
                       const struct fse_shadow *s) {
  struct fse_trialled *t = &a->next_patch;
  double c = slot->task.confidence, base = s->cost;
  double drop = c - s->confidence * a->instance->policy.confidence_drop;
  if (a->live.program != NULL &&
      !fse_shadow_cost(a, slot, &t->live, &a->live, &base))
    base = s->cost;
  if (!(c >= 0 && c <= 1) || slot->task.cycles == 0) t->unmeasured = true;
  t->cost += (double)slot->task.cycles;
  t->root_cost += s->cost;
  t->base_cost += base;
  t->confidence += c;
  t->root_confidence += s->confidence;
  t->drop += drop;
  t->drop_squares += drop * drop;
  t->tasks++;
}

enum finding { SAME, UNSEEN, WRONG };

/* The shadow of a task; what is not right with it is told in `why`. */
static enum finding look(struct flux_evolved *a, const struct fse_slot *slot,
                         struct fse_shadow *s, char why[160]) {
  assert(slot->task.version == a->next_patch.live.id);
  if (slot->lost > 0) {
    snprintf(why, 160, "%u tasks went by unseen", slot->lost);
    return UNSEEN;
  }
  if (!slot->whole) {
    snprintf(why, 160, "a probation task could not be recorded");
    return UNSEEN;
  }
  fse_shadow_run(a, slot, &a->next_patch.live, s);
  if (s->same) return SAME;
  snprintf(why, 160, "task %llu: %s", (unsigned long long)slot->task.number,
           s->what);
  /* Whatever looks like this one is not to be found again. */
  fse_episode_add(a, slot, &a->next_patch.live, FTRIAL_COUNTER);
  fse_ban(a, a->next_patch.live.program);
  fse_rules_doubt(a, &a->next_patch.live.uses, &a->live.uses);
  return WRONG;
}

static void agree(struct flux_evolved *a, const struct fse_slot *slot) {
  const struct fse_instance *in = a->instance;
  (void)in->live->agree(a->id, slot->task.number, in->host->ctx);
}

void fse_probe(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_shadow s;
  char why[160];
  enum finding found;
  if (a->next_patch.tuning) {
    fse_canary_probe(a, slot);
    return;
  }
  found = look(a, slot, &s, why);
  if (found != SAME) {
    if (found == UNSEEN) fse_forgive(a);
    fse_take_back(a, FLUX_RECOVER, why);
    return;
  }
  count_task(a, slot, &s);
  if (a->next_patch.tasks >= a->instance->policy.probation_tasks &&
      fse_trusted(a) && deserves(a, why)) {
    /* First accepted, so that no other task needs a verdict. */
    accept_patch(a);
    agree(a, slot);
    return;
  }
  agree(a, slot);
  if (!fse_trusted(a)) {
    fse_take_back(a, FLUX_REVERT, "trust fell below policy.min_trust");
  } else if (a->next_patch.tasks >= a->instance->policy.probation_tasks) {
    fse_ban(a, a->next_patch.live.program);
    fse_take_back(a, FLUX_REVERT, why);
  }
}

void fse_probe_leaving(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_instance *in = a->instance;
  struct fse_shadow s;
  char why[160] = "it faulted";
  bool good = a->next_patch.tuning
                  ? slot->task.status != FLUX_RUN_FAULT &&
                        slot->task.status != FLUX_RUN_FUEL
                  : look(a, slot, &s, why) == SAME;
  if (good) {
    agree(a, slot);
    return;
  }
  (void)in->live->take_back(a->id, a->next_patch.live.id, FLUX_RECOVER,
                            in->host->ctx);
  fse_say(in, FLUX_LOG_WARNING, "%s: patch %llu on its way out: %s", a->name,
          (unsigned long long)a->next_patch.live.id, why);
}
