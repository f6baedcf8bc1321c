/*
 * plugin/watch.c - the watcher: episodes, probation, what comes after.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/instance.h"

#define IDLE_NS 500000  /* between two looks at empty rings */

static struct fse_live *running(struct flux_evolved *a) { return &a->live; }

/* ---- offers ------------------------------------------------------------- */

/* Pairs as the ABI wants them: from the base's boundaries to the new ones. */
static flux_transfer *transfers(const struct fse_live *from,
                                const struct fse_live *to, uint32_t *count) {
  const struct fse_live *longer = to->program != NULL ? to : from;
  flux_transfer *t = malloc((longer->pair_count + 1) * sizeof *t);
  *count = 0;
  if (t == NULL) return NULL;
  for (uint32_t i = 0; i < longer->pair_count; i++) {
    uint32_t root = longer->pair[i][0], x = root, y = root;
    for (uint32_t k = 0; k < from->pair_count; k++)
      if (from->pair[k][0] == root) x = from->pair[k][1];
    for (uint32_t k = 0; k < to->pair_count; k++)
      if (to->pair[k][0] == root) y = to->pair[k][1];
    t[(*count)++] = (flux_transfer){x, y};
  }
  return t;
}

/* Hands a version to the host. `version` may be the root (program NULL). */
static flux_status offer(struct flux_evolved *a, const struct fse_live *version,
                         uint64_t id, uint64_t base, uint32_t flags) {
  const struct fse_instance *in = a->instance;
  const struct fisa_program *p =
      version->program != NULL ? version->program : a->root;
  flux_patch patch = {.struct_size = sizeof patch,
                      .id = id,
                      .base = base,
                      .code = p->code,
                      .code_size = p->size,
                      .entry = p->entry,
                      .boundary_pc = p->manifest.boundary.pc,
                      .flags = flags,
                      .deadline_tasks = in->policy.deadline_tasks,
                      .hold_ms = in->policy.hold_ms};
  flux_transfer *there = transfers(&a->live, version, &patch.transfer_count);
  flux_transfer *back = transfers(version, &a->live, &patch.back_count);
  flux_status rc = FLUX_E_MEMORY;
  patch.transfer = there;
  patch.back = back;
  if (there != NULL && back != NULL)
    rc = in->live->offer(a->id, &patch, in->host->ctx);
  free(there);
  free(back);
  return rc;
}

/* The phase comes first: the agent may install the patch and end a task on
 * it before the offer returns, and that task is the first of the probation. */
void fse_offer(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  uint32_t flags = in->policy.probation_hold ? FLUX_PATCH_HOLD : 0;
  uint64_t id = a->next_patch.live.id;
  flux_status rc;
  assert(id != a->live.id);
  fse_phase_set(a, FSE_OFFERED);
  rc = offer(a, &a->next_patch.live, id, a->live.id, flags);
  if (rc == FLUX_OK) return;
  fse_say(in, FLUX_LOG_WARNING, "agent \"%s\": the host refused patch %llu "
          "(status %d)", a->name, (unsigned long long)id, (int)rc);
  fse_phase_set(a, FSE_SEARCHING);
  fse_live_done(&a->next_patch.live);
  fse_phase_set(a, FSE_OBSERVING);
}

void fse_offer_accepted(struct flux_evolved *a) {
  if (offer(a, &a->next_patch.live, a->next_patch.live.id, a->next_patch.base,
            FLUX_PATCH_ACCEPTED) == FLUX_OK) {
    fse_live_done(&a->live);
    a->live = a->next_patch.live;
    memset(&a->next_patch.live, 0, sizeof a->next_patch.live);
  } else {
    fse_live_done(&a->next_patch.live);
  }
}

/* ---- records ------------------------------------------------------------ */

static int64_t wall_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Completes the record of the patch on its way. */
static void complete(struct flux_evolved *a, enum fse_outcome outcome,
                     const char *why) {
  struct fse_record *r = &a->next_patch.record;
  uint32_t n = a->next_patch.tasks ? a->next_patch.tasks : 1;
  r->outcome = outcome;
  r->time_ms = wall_ms();
  if (outcome != FSE_ACCEPTED) snprintf(r->reason, sizeof r->reason, "%s", why);
  if (a->next_patch.tasks > 0) {
    r->cost_before = a->next_patch.root_cost / n;
    r->cost_after = a->next_patch.cost / n;
  }
  r->fitness_before = fse_fitness(r->cost_before,
                                  a->next_patch.root_confidence / n, a->trust);
  r->fitness_after =
      fse_fitness(r->cost_after, a->next_patch.confidence / n, a->trust);
}

/* Tells the operator what became of a patch. */
static void announce(struct flux_evolved *a) {
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

static void conclude(struct flux_evolved *a, enum fse_outcome outcome,
                     const char *why) {
  complete(a, outcome, why);
  announce(a);
}

/* Writes a record; what fails pauses evolution with one line. */
static int remember(struct flux_evolved *a, const struct fse_version *v) {
  struct fse_instance *in = a->instance;
  struct fisa_error err = {""};
  if (in->journal == NULL) return 0;
  if (fse_journal_record(in->journal, &a->next_patch.record, v, &err) == 0)
    return 0;
  in->paused = true;
  fse_say(in, FLUX_LOG_ERROR, "evolution is paused: %s", err.text);
  return -1;
}

/* ---- the end of a probation --------------------------------------------- */

static void take_back(struct flux_evolved *a, uint32_t how, const char *why) {
  struct fse_instance *in = a->instance;
  conclude(a, how == FLUX_RECOVER ? FSE_RECOVERED : FSE_REVERTED, why);
  (void)in->live->take_back(a->id, a->next_patch.live.id, how, in->host->ctx);
  (void)remember(a, NULL);
  fse_phase_set(a, FSE_LEAVING);
}

static void accept_patch(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct fse_live *next = &a->next_patch.live;
  struct fse_version v = {next->program, a->root, next->places,
                          next->place_count};
  /* Accepted is committed: nobody hears of it before. */
  complete(a, FSE_ACCEPTED, "");
  if (remember(a, &v) != 0) {
    (void)in->live->take_back(a->id, next->id, FLUX_REVERT, in->host->ctx);
    conclude(a, FSE_REVERTED, "the journal could not keep it");
    fse_phase_set(a, FSE_LEAVING);
    return;
  }
  announce(a);
  (void)in->live->accept(a->id, next->id, in->host->ctx);
  a->generation++;
  fse_live_done(&a->live);
  a->live = *next;
  memset(next, 0, sizeof *next);
  fse_phase_set(a, FSE_OBSERVING);
}

/* K tasks agreed: has it earned its place? */
static void judge(struct flux_evolved *a) {
  const struct fse_policy *p = &a->instance->policy;
  struct fse_trialled *t = &a->next_patch;
  char why[160];
  /* What is no number was not measured: neither comparison holds. */
  if (!(t->cost <= t->root_cost * p->rollback_fraction)) {
    snprintf(why, sizeof why, "dearer than its root: %.1f against %.1f a task",
             t->cost / t->tasks, t->root_cost / t->tasks);
    take_back(a, FLUX_REVERT, why);
  } else if (!(t->confidence >= t->root_confidence * p->confidence_drop)) {
    snprintf(why, sizeof why, "confidence fell: %.3f against %.3f",
             t->confidence / t->tasks, t->root_confidence / t->tasks);
    take_back(a, FLUX_REVERT, why);
  } else {
    accept_patch(a);
  }
}

/* A task the patch ran on probation. */
static void probe(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_instance *in = a->instance;
  struct fse_trialled *t = &a->next_patch;
  struct fse_shadow s;
  if (!slot->whole) {
    take_back(a, FLUX_RECOVER, "a probation task could not be recorded");
    return;
  }
  fse_shadow_run(a, slot, &t->live, &s);
  if (!s.same) {
    char why[160];
    snprintf(why, sizeof why, "task %llu: %s",
             (unsigned long long)slot->task.number, s.what);
    take_back(a, FLUX_RECOVER, why);
    return;
  }
  (void)in->live->agree(a->id, slot->task.number, in->host->ctx);
  t->cost += (double)slot->task.cycles;
  t->root_cost += s.cost;
  t->confidence += slot->task.confidence;
  t->root_confidence += s.confidence;
  if (++t->tasks >= in->policy.probation_tasks) judge(a);
}

/* ---- after acceptance --------------------------------------------------- */

/* A version accepted earlier did what its root does not: back to the root,
 * never to return. */
static void contradict(struct flux_evolved *a, const char *what) {
  struct fse_instance *in = a->instance;
  struct fse_live root = {0};
  struct fisa_error err = {""};
  struct fse_record *r = &a->next_patch.record;
  uint64_t id = ++a->patches;
  memset(&a->next_patch.record, 0, sizeof *r);
  snprintf(r->agent, sizeof r->agent, "%s", a->name);
  snprintf(r->kind, sizeof r->kind, "version %llu",
           (unsigned long long)a->live.id);
  r->patch = a->live.id;
  memcpy(r->parent, a->root->hash, 32);
  memcpy(r->child, a->live.program->hash, 32);
  a->next_patch.tasks = 0;
  conclude(a, FSE_REVERTED, what);
  if (in->journal != NULL &&
      fse_journal_demote(in->journal, r, &err) != 0)
    fse_say(in, FLUX_LOG_ERROR, "%s", err.text);
  if (offer(a, &root, id, a->live.id, FLUX_PATCH_ACCEPTED) == FLUX_OK) {
    fse_live_done(&a->live);
    a->live.id = id;
  }
  fse_phase_set(a, FSE_SETTLED);
}

/* A task of the version that is live for good: checked like any other, and
 * an episode for the next search. */
static void sample(struct flux_evolved *a, const struct fse_slot *slot) {
  const struct fse_policy *p = &a->instance->policy;
  struct fse_shadow s;
  if (!slot->whole || slot->task.version != a->live.id) return;
  if (slot->task.flags & (FLUX_TASK_SWAPPED | FLUX_TASK_TAKEN_BACK)) return;
  if (a->live.program != NULL) {
    fse_shadow_run(a, slot, running(a), &s);
    if (!s.same) {
      contradict(a, s.what);
      return;
    }
  }
  if (fse_phase_get(a) != FSE_OBSERVING) return;
  if (ftrial_set_recorded(a->set) < p->episodes)
    fse_episode_add(a, slot, running(a));
  else if (a->generation >= p->max_generations || a->dry >= 2)
    fse_phase_set(a, FSE_SETTLED);
  else
    fse_phase_set(a, FSE_READY);
}

/* ---- trust -------------------------------------------------------------- */

/* Below the threshold nothing changes: what is on its way goes back. */
static void freeze(struct flux_evolved *a, enum fse_phase phase) {
  struct fse_instance *in = a->instance;
  if (phase == FSE_OFFERED &&
      in->live->withdraw(a->id, a->next_patch.live.id, in->host->ctx) ==
          FLUX_OK) {
    fse_live_done(&a->next_patch.live);
    fse_phase_set(a, FSE_FROZEN);
  } else if (phase == FSE_PROBATION) {
    take_back(a, FLUX_REVERT, "trust fell below policy.min_trust");
  } else if (phase == FSE_OBSERVING || phase == FSE_READY) {
    fse_phase_set(a, FSE_FROZEN);
    in->live->explain(a->id, "not evolved: trust is below policy.min_trust",
                      in->host->ctx);
  }
}

static void mind_trust(struct flux_evolved *a, double trust) {
  enum fse_phase phase = fse_phase_get(a);
  a->trust = trust >= 0 ? trust : 0;  /* what is no number is none */
  if (a->trust < a->instance->policy.min_trust) {
    freeze(a, phase);
  } else if (phase == FSE_FROZEN) {
    a->instance->live->explain(a->id, NULL, a->instance->host->ctx);
    fse_phase_set(a, FSE_OBSERVING);
  }
}

/* ---- one task ----------------------------------------------------------- */

/* The patch is gone without a task that was watched. */
static void leave(struct flux_evolved *a, enum fse_outcome outcome,
                  const char *why) {
  conclude(a, outcome, why);
  (void)remember(a, NULL);
  fse_live_done(&a->next_patch.live);
  fse_phase_set(a, FSE_OBSERVING);
}

static void on_offered(struct flux_evolved *a, const struct fse_slot *slot) {
  if (slot->task.version == a->next_patch.live.id) {
    a->next_patch.tasks = 0;
    a->next_patch.cost = a->next_patch.root_cost = 0;
    a->next_patch.confidence = a->next_patch.root_confidence = 0;
    fse_phase_set(a, FSE_PROBATION);
    probe(a, slot);
  } else if (slot->task.flags & FLUX_TASK_WITHDRAWN) {
    leave(a, FSE_WITHDRAWN, "no boundary to install at was reached");
  } else if (slot->task.flags & FLUX_TASK_TAKEN_BACK) {
    leave(a, FSE_RECOVERED, "no verdict in time: its tasks were not seen");
  }
}

static void on_task(struct flux_evolved *a, const struct fse_slot *slot) {
  struct fse_instance *in = a->instance;
  mind_trust(a, slot->task.trust);
  if (slot->task.status == FLUX_RUN_FAULT && in->journal != NULL)
    (void)fse_journal_fault(in->journal, a->name, slot->task.version,
                            slot->task.fault, slot->task.end_pc, NULL);
  switch (fse_phase_get(a)) {
    case FSE_OFFERED:
      on_offered(a, slot);
      break;
    case FSE_PROBATION:
      if (slot->task.version == a->next_patch.live.id) probe(a, slot);
      else if (slot->task.flags & FLUX_TASK_TAKEN_BACK)
        take_back(a, FLUX_RECOVER, "the host took it back by itself");
      break;
    case FSE_LEAVING:
      if (slot->task.version != a->next_patch.live.id) {
        fse_live_done(&a->next_patch.live);
        fse_phase_set(a, FSE_OBSERVING);
      }
      break;
    case FSE_OBSERVING:
    case FSE_SETTLED:
      sample(a, slot);
      break;
    default: /* the set is the searcher's now; frozen: nothing is learned */
      break;
  }
}

/* ---- the thread --------------------------------------------------------- */

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

void *fse_watcher(void *instance) {
  struct fse_instance *in = instance;
  const struct timespec idle = {0, IDLE_NS};
  while (!atomic_load(&in->stop)) {
    bool any = false;
    struct flux_evolved *a = NULL;
    while ((a = next_agent(in, a)) != NULL) {
      const struct fse_slot *slot;
      while ((slot = fse_ring_peek(&a->ring)) != NULL) {
        on_task(a, slot);
        fse_ring_drop(&a->ring);
        any = true;
      }
    }
    if (!any) nanosleep(&idle, NULL);
  }
  return NULL;
}
