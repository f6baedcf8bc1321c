/*
 * plugin/remember.c - records of patches: completed, told, written.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/instance.h"
#include "plugin/recall.h"

static int64_t wall_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the record of the patch on its way --------------------------------- */

void fse_complete(struct flux_evolved *a, enum fse_outcome outcome,
                  const char *why) {
  struct fse_trialled *t = &a->next_patch;
  struct fse_record *r = &t->record;
  uint32_t n = t->tasks ? t->tasks : 1;
  double trust = atomic_load(&a->trust);
  assert(why != NULL || outcome == FSE_ACCEPTED);
  r->outcome = outcome;
  r->time_ms = wall_ms();
  if (why != NULL) snprintf(r->reason, sizeof r->reason, "%s", why);
  if (t->tasks > 0) {
    r->cost_before = t->root_cost / n;
    r->cost_after = t->cost / n;
  }
  r->fitness_before =
      fse_fitness(r->cost_before, t->root_confidence / n, trust);
  r->fitness_after = fse_fitness(r->cost_after, t->confidence / n, trust);
}

void fse_tell(struct flux_evolved *a) {
  const struct fse_record *r = &a->next_patch.record;
  if (r->outcome == FSE_ACCEPTED)
    fse_say(a->instance, FLUX_LOG_EVENT,
            "%s: accepted patch %llu: %.1f -> %.1f cycles a result (%s)",
            a->name, (unsigned long long)r->patch, r->cost_before,
            r->cost_after, r->kind);
  else
    fse_say(a->instance, FLUX_LOG_EVENT, "%s: %s patch %llu: %s (%s)",
            a->name, fse_outcome_name(r->outcome),
            (unsigned long long)r->patch, r->reason, r->kind);
}

/* One line, however much fails after it. */
static void pause_for(struct fse_instance *in, const struct fisa_error *err) {
  if (!atomic_exchange(&in->paused, true))
    fse_say(in, FLUX_LOG_ERROR, "evolution is paused: %s", err->text);
}

/* ---- answers ------------------------------------------------------------ */

static void answer_key(const struct flux_evolved *a, uint8_t key[32]) {
  const struct fse_policy *p = &a->instance->policy;
  fse_found_key(a->root, p, p->min_assurance, key);
}

bool fse_answer_known(const struct flux_evolved *a, struct fse_found *out) {
  struct fse_journal *j = a->instance->journal;
  uint8_t key[32];
  if (j == NULL || a->live.program != NULL) return false;
  answer_key(a, key);
  if (fse_found_recall(j, key, a->root, out) == 0) return false;
  if (!fse_rules_tainted(a->instance->rules, &out->how.uses)) return true;
  fse_found_done(out);
  return false;
}

void fse_answer_forget(const struct flux_evolved *a) {
  uint8_t key[32];
  if (a->instance->journal == NULL) return;
  answer_key(a, key);
  (void)fse_found_forget(a->instance->journal, key, NULL);
}

/* What was accepted is an answer for the next agent that has this root. */
static void keep_answer(struct flux_evolved *a, const struct fse_version *v) {
  const struct fse_instance *in = a->instance;
  struct fse_finding how = {.assurance = a->next_patch.record.assurance,
                            .seed = in->policy.seed,
                            .budget = in->policy.budget};
  uint8_t key[32];
  if (v->uses != NULL) how.uses = *v->uses;
  snprintf(how.kinds, sizeof how.kinds, "%s", a->next_patch.record.kind);
  answer_key(a, key);
  (void)fse_found_keep(in->journal, key, v, &how, NULL);
}

int fse_remember(struct flux_evolved *a, const struct fse_version *v) {
  struct fse_instance *in = a->instance;
  struct fisa_error err = {""};
  if (in->journal == NULL) return 0;
  if (fse_journal_record(in->journal, &a->next_patch.record, v, &err) == 0) {
    if (v != NULL && !v->tuned) keep_answer(a, v);
    return 0;
  }
  pause_for(in, &err);
  return -1;
}

void fse_part(struct flux_evolved *a, enum fse_outcome outcome,
              const char *why) {
  assert(a->next_patch.live.program != NULL);
  fse_complete(a, outcome, why);
  fse_tell(a);
  (void)fse_remember(a, NULL);
  fse_live_done(&a->next_patch.live);
}

void fse_rules_doubt(struct flux_evolved *a, const struct fse_uses *uses,
                     const struct fse_uses *before) {
  struct fse_instance *in = a->instance;
  for (uint32_t i = 0; i < uses->count; i++) {
    if (fse_uses_has(before, uses->name[i])) continue;
    fse_rules_revoke(in->rules, uses->name[i]);
    fse_say(in, FLUX_LOG_WARNING, "%s: what it owed to a rule was wrong: the "
            "rule is revoked", a->name);
  }
}

/* ---- versions that do not stay ------------------------------------------ */

/* A record of the live version and not of a patch. */
static void live_record(struct flux_evolved *a, struct fse_record *r) {
  memset(r, 0, sizeof *r);
  snprintf(r->agent, sizeof r->agent, "%s", a->name);
  snprintf(r->kind, sizeof r->kind, "version %llu",
           (unsigned long long)a->live.id);
  r->patch = a->live.id;
  r->generation = a->generation;
  memcpy(r->parent, a->root->hash, 32);
  memcpy(r->child, fse_live_program(a)->hash, 32);
}

void fse_demote_again(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct fisa_error err = {""};
  a->demote_due = in->journal != NULL &&
                  fse_journal_demote(in->journal, &a->owed, &err) != 0;
  if (a->demote_due) pause_for(in, &err);
}

void fse_demote(struct flux_evolved *a, const char *why) {
  assert(a->live.program != NULL);
  fse_answer_forget(a);
  live_record(a, &a->next_patch.record);
  a->next_patch.tasks = 0;
  fse_complete(a, FSE_REVERTED, why);
  fse_tell(a);
  a->owed = a->next_patch.record;
  fse_demote_again(a);
}

void fse_unaccept(struct flux_evolved *a, const char *why) {
  struct fse_instance *in = a->instance;
  const bool tuned = a->next_patch.tuning && a->origin != NULL;
  const struct fse_version base = {
      tuned ? a->root : a->live.program, tuned ? a->origin : a->root,
      tuned ? a->origin_places : a->live.places,
      tuned ? a->origin_place_count : a->live.place_count, tuned,
      &a->live.uses};
  struct fse_record *r = &a->next_patch.record, again;
  struct fisa_error err = {""};
  int rc;
  fse_answer_forget(a);
  fse_complete(a, FSE_RECOVERED, why);
  fse_tell(a);
  if (in->journal == NULL) return;
  if (base.program == NULL) {
    /* A demotion names the root as the parent. */
    memcpy(r->parent, a->root->hash, 32);
    a->owed = *r;
    fse_demote_again(a);
    return;
  }
  rc = fse_journal_record(in->journal, r, NULL, &err);
  live_record(a, &again);
  again.outcome = FSE_RECOVERED;
  again.time_ms = wall_ms();
  snprintf(again.reason, sizeof again.reason, "live again: %.120s", why);
  if (fse_journal_record(in->journal, &again, &base, &err) != 0) rc = -1;
  if (rc != 0) pause_for(in, &err);
}

/* ---- where it is going -------------------------------------------------- */

void fse_history_note(struct flux_evolved *a, double fitness) {
  struct fse_trend t;
  fse_history_add(&a->history, fitness);
  t = fse_trend_of(a->history.fitness, a->history.count);
  /* Status is asked for on other threads. */
  pthread_mutex_lock(&a->instance->lock);
  a->trend = t;
  pthread_mutex_unlock(&a->instance->lock);
  if (t.direction == FSE_DECLINING) atomic_store(&a->declined, true);
}

void fse_history_same(struct flux_evolved *a) {
  if (a->history.count > 0)
    fse_history_note(a, a->history.fitness[a->history.count - 1]);
}

void fse_mind_decline(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct fse_record r;
  struct fisa_error err = {""};
  if (!atomic_load(&a->declined)) {
    a->told_decline = false;
    return;
  }
  if (!fse_phase_move(a, FSE_OBSERVING, FSE_FROZEN) &&
      !fse_phase_move(a, FSE_READY, FSE_FROZEN) &&
      !fse_phase_move(a, FSE_SETTLED, FSE_FROZEN))
    return;
  if (a->told_decline) return;
  a->told_decline = true;
  live_record(a, &r);
  r.outcome = FSE_REJECTED;
  r.time_ms = wall_ms();
  snprintf(r.kind, sizeof r.kind, "trend");
  if (a->history.count > 0)
    r.fitness_before = a->history.fitness[0];
  if (a->history.count > 0)
    r.fitness_after = a->history.fitness[a->history.count - 1];
  snprintf(r.reason, sizeof r.reason,
           "frozen: fitness falls by %.3g a generation (%.3g..%.3g)",
           -a->trend.slope, -a->trend.high, -a->trend.low);
  fse_explain(a, "not evolved: %s", r.reason);
  fse_say(in, FLUX_LOG_WARNING, "agent \"%s\" is %s", a->name, r.reason);
  /* What led here has been told; who goes on begins anew. */
  a->history.count = 0;
  if (in->journal != NULL &&
      fse_journal_record(in->journal, &r, NULL, &err) != 0)
    pause_for(in, &err);
}

/* ---- programs not to be offered again ----------------------------------- */

void fse_ban(struct flux_evolved *a, const struct fisa_program *p) {
  assert(p != NULL);
  if (fse_banned(a, p)) return;
  memcpy(a->banned[a->ban_count++ % FSE_BANNED], p->hash, 32);
}

bool fse_banned(const struct flux_evolved *a, const struct fisa_program *p) {
  uint32_t n = a->ban_count < FSE_BANNED ? a->ban_count : FSE_BANNED;
  for (uint32_t i = 0; i < n; i++)
    if (memcmp(a->banned[i], p->hash, 32) == 0) return true;
  return false;
}
