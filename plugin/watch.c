/*
 * plugin/watch.c - the watcher: what each task of each agent means.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/instance.h"

#define IDLE_NS 500000  /* between two looks at empty rings */
#define UNFIT_MOST 3u   /* tasks in a row of which nothing can be learned */

/* ---- after acceptance --------------------------------------------------- */

/* The version accepted earlier did what its root does not: back to the root,
 * never to return. Called where the set and the patch are the watcher's. */
static void contradict(struct flux_evolved *a) {
  assert(a->live.program != NULL && a->contradiction[0] != '\0');
  static const struct fse_uses none;
  if (!a->demoted) {
    /* What goes for another's fault is no witness against its other rules. */
    if (!fse_rules_tainted(a->instance->rules, &a->live.uses))
      fse_rules_doubt(a, &a->live.uses, &none);
    fse_ban(a, a->live.program);
    fse_demote(a, a->contradiction);
    a->demoted = true;
  }
  /* If the host cannot take it now, then at another task. */
  if (!fse_offer_root(a)) return;
  a->contradiction[0] = '\0';
  a->demoted = false;
}

/* The live version was wrong. It goes as soon as no search looks at it. */
static void note_contradiction(struct flux_evolved *a,
                               const struct fse_slot *slot,
                               enum fse_phase phase, const char *what) {
  snprintf(a->contradiction, sizeof a->contradiction, "%s", what);
  if (phase == FSE_SEARCHING)
    atomic_store(&a->cancel, true);
  else if (phase != FSE_READY)
    fse_episode_add(a, slot, &a->live, FTRIAL_COUNTER);
}

/* ---- agents that are not evolved ---------------------------------------- */

/* Nothing can be learned of such tasks; a few in a row, and the operator is
 * told. */
static void settle_unfit(struct flux_evolved *a, const char *why) {
  if (a->unevolved || ++a->unfit < UNFIT_MOST) return;
  if (!fse_phase_move(a, FSE_OBSERVING, FSE_SETTLED)) return;
  a->unevolved = true;
  fse_explain(a, "not evolved: %s", why);
}

/* The host's VM does otherwise than the dialect's table says: no trial of a
 * variant would mean anything. */
static void settle_foreign(struct flux_evolved *a, const char *what) {
  if (a->unevolved) return;
  a->unevolved = true;
  fse_explain(a, "not evolved: the host's VM is not as the dialect's table "
                 "says: %s", what);
  fse_say(a->instance, FLUX_LOG_WARNING, "agent \"%s\" is not evolved: the "
          "host's VM is not as the dialect's table says: %s", a->name, what);
  (void)fse_phase_move(a, FSE_OBSERVING, FSE_SETTLED);
}

/* A task fit to learn from came after all. */
static void thaw_unfit(struct flux_evolved *a) {
  if (a->unfit >= UNFIT_MOST && a->unevolved) {
    a->unevolved = false;
    fse_explain(a, NULL);
    (void)fse_phase_move(a, FSE_SETTLED, FSE_OBSERVING);
  }
  a->unfit = 0;
}

/* Whether a task says anything. One of an accepted version that ran out of
 * fuel does: of the version. */
static bool fit(struct flux_evolved *a, const struct fse_slot *slot) {
  uint64_t most = a->instance->policy.max_task_cycles;
  bool starved = slot->task.status == FLUX_RUN_FUEL;
  char why[96];
  if (starved && a->live.program != NULL) return slot->whole;
  if (starved || slot->task.cycles > most) {
    snprintf(why, sizeof why, "no task boundary within "
             "policy.max_task_cycles (%llu)", (unsigned long long)most);
    if (starved) a->unfit = UNFIT_MOST; /* there is no other task */
    settle_unfit(a, why);
    return false;
  }
  if (slot->whole) {
    thaw_unfit(a);
    return true;
  }
  settle_unfit(a, "its tasks are too large to be recorded");
  return false;
}

/* ---- tasks of the live version ------------------------------------------ */

/* What comes next once there are episodes enough. */
static void go_on(struct flux_evolved *a) {
  const struct fse_policy *p = &a->instance->policy;
  bool settled = a->generation >= p->max_generations || a->dry >= 2;
  bool ready = !settled || fse_tuning_due(a);
  (void)fse_phase_move(a, FSE_OBSERVING, ready ? FSE_READY : FSE_SETTLED);
}

/* Whether the live version did as its root; the root as its table says. */
static bool sound(struct flux_evolved *a, const struct fse_slot *slot,
                  enum fse_phase phase) {
  struct fse_shadow s;
  bool is_root = a->live.program == NULL;
  if (is_root && phase != FSE_OBSERVING) return true;
  fse_shadow_run(a, slot, &a->live, &s);
  if (is_root && !s.same) {
    settle_foreign(a, s.what);
  } else if (is_root && (double)slot->task.cycles != s.cost) {
    settle_foreign(a, "cycles are counted otherwise");
    return false;
  } else if (!s.same) {
    note_contradiction(a, slot, phase, s.what);
  }
  return s.same;
}

/* Nothing preserving is to be had; but the world may ask for something else. */
static void settled_on(struct flux_evolved *a) {
  if (!a->unevolved && fse_tuning_due(a))
    (void)fse_phase_move(a, FSE_SETTLED, FSE_READY);
}

/* A task of the version that is live for good: checked like any other, and
 * an episode for the next search. */
static void sample(struct flux_evolved *a, const struct fse_slot *slot,
                   enum fse_phase phase) {
  /* Whoever waits for a search goes on to note what the world is like. */
  if (phase == FSE_READY && a->tuning.on &&
      fse_phase_move(a, FSE_READY, FSE_OBSERVING))
    phase = FSE_OBSERVING;
  if (slot->task.version != a->live.id ||
      (slot->task.flags & (FLUX_TASK_SWAPPED | FLUX_TASK_TAKEN_BACK)) ||
      !fit(a, slot) || !sound(a, slot, phase) ||
      (phase != FSE_OBSERVING && phase != FSE_SETTLED))
    return;
  fse_tuning_scene(a, slot);
  if (a->tuning.hung)
    (void)fse_phase_move(a, phase, FSE_FROZEN);
  else if (phase == FSE_SETTLED)
    settled_on(a);
  else if (ftrial_set_recorded(a->set) < a->instance->policy.episodes)
    fse_episode_add(a, slot, &a->live, FTRIAL_RECORDED);
  else
    go_on(a);
}

/* ---- trust -------------------------------------------------------------- */

/* Takes back an offer that is not installed yet. */
static bool withdraw(struct flux_evolved *a, const char *why) {
  struct fse_instance *in = a->instance;
  if (a->next_patch.to_root ||
      in->live->withdraw(a->id, a->next_patch.live.id, in->host->ctx) !=
          FLUX_OK)
    return false;
  fse_part(a, FSE_WITHDRAWN, why);
  a->next_patch.tuning = a->next_patch.gift = false;
  fse_canary_part(a);
  return true;
}

static void freeze(struct flux_evolved *a) {
  fse_explain(a, "not evolved: trust is below policy.min_trust");
}

/* Below the threshold nothing changes: what is on its way goes back. What is
 * on probation goes with its next task (probation.c). */
static void mind_trust(struct flux_evolved *a, double trust) {
  /* What is no number is none. */
  atomic_store(&a->trust, trust >= 0 ? trust : 0);
  if (fse_trusted(a)) {
    if (!atomic_load(&a->declined) && !a->tuning.hung &&
        fse_phase_move(a, FSE_FROZEN, FSE_OBSERVING))
      fse_explain(a, NULL);
    return;
  }
  if (fse_phase_move(a, FSE_OBSERVING, FSE_FROZEN) ||
      fse_phase_move(a, FSE_READY, FSE_FROZEN)) {
    freeze(a);
    return;
  }
  if (fse_phase_get(a) == FSE_CONTROL) return; /* its next task ends that */
  if (fse_phase_get(a) == FSE_SEARCHING) atomic_store(&a->cancel, true);
  if (fse_phase_get(a) == FSE_OFFERED &&
      withdraw(a, "trust fell below policy.min_trust")) {
    fse_phase_set(a, FSE_FROZEN);
    freeze(a);
  }
}

/* ---- one task ----------------------------------------------------------- */

/* The way back to the root is gone: agents run what they should. */
static void at_root(struct flux_evolved *a) {
  uint64_t id = a->next_patch.live.id;
  fse_live_done(&a->live);
  a->live.id = id;
  memset(&a->next_patch.live, 0, sizeof a->next_patch.live);
  a->next_patch.to_root = false;
  a->generation = 0;
  a->dry = 0;
  fse_phase_set(a, FSE_OBSERVING);
}

static void on_offered(struct flux_evolved *a, const struct fse_slot *slot) {
  uint32_t flags = slot->task.flags | slot->lost_flags;
  bool installed = slot->task.version == a->next_patch.live.id;
  if (installed && a->next_patch.to_root) {
    at_root(a);
  } else if (installed) {
    fse_probation_begin(a);
    fse_phase_set(a, FSE_PROBATION);
    fse_probe(a, slot);
  } else if (a->next_patch.to_root) {
    if (flags & FLUX_TASK_WITHDRAWN) (void)fse_offer_root(a);
  } else if (flags & FLUX_TASK_TAKEN_BACK) {
    fse_taken_back(a);
  } else if (flags & FLUX_TASK_WITHDRAWN) {
    char why[160];
    snprintf(why, sizeof why, "no place to install it came in %u boundaries; "
             "the last was at %u", a->instance->policy.deadline_tasks,
             slot->task.begin_pc);
    fse_ban(a, a->next_patch.live.program);
    fse_explain(a, "patch %llu: %s",
                (unsigned long long)a->next_patch.live.id, why);
    fse_part(a, FSE_WITHDRAWN, why);
    a->next_patch.tuning = a->next_patch.gift = false;
    fse_canary_part(a);
    fse_phase_set(a, FSE_OBSERVING);
  }
}

/* Whether a task shows that the patch is gone from the agent. A task of the
 * original may also be one that the patch was not meant for. */
static bool is_gone(const struct flux_evolved *a,
                    const struct fse_slot *slot) {
  uint32_t flags = slot->task.flags | slot->lost_flags;
  return slot->task.version != a->next_patch.live.id &&
         ((flags & FLUX_TASK_TAKEN_BACK) || slot->task.version != 0);
}

static void on_leaving(struct flux_evolved *a, const struct fse_slot *slot) {
  if (slot->task.version == a->next_patch.live.id) {
    fse_probe_leaving(a, slot);
  } else if (is_gone(a, slot)) {
    fse_live_done(&a->next_patch.live);
    a->next_patch.tuning = a->next_patch.gift = false;
    fse_phase_set(a, a->tuning.hung ? FSE_FROZEN : FSE_OBSERVING);
  }
}

static void on_task(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_instance *in = a->instance;
  enum fse_phase phase;
  mind_trust(a, slot->task.trust);
  phase = fse_phase_get(a);
  if (slot->task.status == FLUX_RUN_FAULT && in->journal != NULL)
    (void)fse_journal_fault(in->journal, a->name, slot->task.version,
                            slot->task.fault, slot->task.end_pc, NULL);
  switch (phase) {
    case FSE_OFFERED:
      on_offered(a, slot);
      break;
    case FSE_PROBATION:
      if (slot->task.version == a->next_patch.live.id) fse_probe(a, slot);
      else if (is_gone(a, slot)) fse_taken_back(a);
      break;
    case FSE_LEAVING:
      on_leaving(a, slot);
      break;
    case FSE_CONTROL:
      fse_control_task(a, slot);
      break;
    default:
      sample(a, slot, phase);
      break;
  }
}

/* ---- the thread --------------------------------------------------------- */

/* A rule that the live version owes something to was contradicted by another
 * version. */
static void mind_rules(struct flux_evolved *a) {
  if (a->live.program != NULL && a->contradiction[0] == '\0' &&
      fse_rules_tainted(a->instance->rules, &a->live.uses))
    snprintf(a->contradiction, sizeof a->contradiction,
             "it owes something to a rule that was contradicted elsewhere");
}

/* What is due behind tasks. */
static void upkeep(struct flux_evolved *a) {
  enum fse_phase phase = fse_phase_get(a);
  bool ours = phase == FSE_OBSERVING || phase == FSE_SETTLED ||
              phase == FSE_FROZEN;
  if (ours && a->refuted[0] != '\0' && a->live.program != NULL) {
    snprintf(a->contradiction, sizeof a->contradiction, "%s", a->refuted);
    a->refuted[0] = '\0';
  }
  if (ours || phase == FSE_READY) mind_rules(a);
  if (a->contradiction[0] != '\0' && a->live.program != NULL &&
      (ours || fse_phase_move(a, FSE_READY, FSE_OBSERVING)))
    contradict(a);
  if (a->demote_due) fse_demote_again(a);
  fse_mind_gift(a);
  fse_mind_decline(a);
}

/* The next agent after `last` that may be looked at; marks it busy. */
static struct flux_evolved *next_agent(struct fse_instance *in,
                                       struct flux_evolved *last) {
  struct flux_evolved *a;
  pthread_mutex_lock(&in->lock);
  a = last == NULL ? in->agents : last->next;
  while (a != NULL && atomic_load(&a->leaving)) a = a->next;
  if (a != NULL) a->busy++;
  if (last != NULL && --last->busy == 0) pthread_cond_broadcast(&in->changed);
  pthread_mutex_unlock(&in->lock);
  return a;
}

/* Serves an agent's tasks, but not for ever: others wait for verdicts. */
static bool visit(struct flux_evolved *a) {
  const struct fse_slot *slot;
  unsigned n = 0;
  if (atomic_load(&a->instance->paused) &&
      fse_phase_get(a) == FSE_OFFERED && withdraw(a, "evolution is paused"))
    fse_phase_set(a, FSE_OBSERVING);
  while (n < FSE_RING_SLOTS && !atomic_load(&a->leaving) &&
         (slot = fse_ring_peek(&a->ring)) != NULL) {
    on_task(a, slot);
    fse_ring_drop(&a->ring);
    n++;
  }
  if (n > 0) upkeep(a);
  return n > 0;
}

void *fse_watcher(void *instance) {
  struct fse_instance *in = instance;
  const struct timespec idle = {0, IDLE_NS};
  while (!atomic_load(&in->stop)) {
    bool any = false;
    struct flux_evolved *a = NULL;
    while ((a = next_agent(in, a)) != NULL) any |= visit(a);
    if (!any) nanosleep(&idle, NULL);
  }
  return NULL;
}
