/*
 * plugin/searcher.c - the searcher: one agent's search at a time.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "plugin/candidate.h"
#include "plugin/instance.h"

#define IDLE_NS 2000000
#define REHEARSED 16u   /* episodes the winner runs on the host's own VM */
#define PROBES 48u      /* generated states every candidate meets */

/* ---- the CPU share ------------------------------------------------------ */

struct pace {
  struct flux_evolved *agent;
  uint64_t worked_since;
};

/* Between rounds: sleeps so that work is at most cpu_share of the time. */
static int keep_share(uint64_t variants, double now, double best, void *user) {
  struct pace *p = user;
  struct fse_instance *in = p->agent->instance;
  uint64_t t = fse_now_ns(in), worked = t - p->worked_since;
  double share = in->policy.cpu_share;
  (void)variants, (void)now, (void)best;
  if (share < 1.0 && worked > 0) {
    uint64_t rest = (uint64_t)((double)worked * (1.0 / share - 1.0));
    if (rest > 1000000000u) rest = 1000000000u;
    const struct timespec ts = {(time_t)(rest / 1000000000u),
                                (long)(rest % 1000000000u)};
    nanosleep(&ts, NULL);
  }
  p->worked_since = fse_now_ns(in);
  return atomic_load(&p->agent->leaving) || atomic_load(&in->stop);
}

/* ---- one agent ---------------------------------------------------------- */

/* Episodes beside the recorded ones: generated from the manifest or by
 * perturbing recorded boundaries, so that a lucky edit dies early. */
static void add_probes(struct flux_evolved *a) {
  struct fisa_trace trace = {0};
  uint32_t have = ftrial_set_count(a->set) - ftrial_set_recorded(a->set);
  for (uint32_t n = have; n < PROBES; n++) {
    if (ftrial_fuzz_state(a->set, a->instance->policy.seed ^ 0x9e37u, n,
                          a->begin, &trace) != 0)
      break;
    struct ftrial_episode e = {.origin = FTRIAL_FUZZED,
                               .begin = a->begin,
                               .events = trace.events,
                               .event_count = trace.count};
    if (ftrial_set_add(a->set, &e) == FTRIAL_NO_MEMORY) break;
  }
  fisa_trace_done(&trace);
}

/* The record of a find, as far as it is known before probation. */
static void begin_record(struct flux_evolved *a,
                         const struct fse_search_result *r) {
  struct fse_record *rec = &a->next_patch.record;
  memset(rec, 0, sizeof *rec);
  snprintf(rec->agent, sizeof rec->agent, "%s", a->name);
  snprintf(rec->kind, sizeof rec->kind, "%s", r->kinds);
  snprintf(rec->reason, sizeof rec->reason, "%s", r->reason);
  rec->patch = a->patches;
  rec->generation = a->generation + 1;
  rec->cost_before = r->cost_before;
  rec->cost_after = r->cost_after;
  rec->assurance = r->assurance;
  memcpy(rec->parent, fse_live_program(a)->hash, 32);
  memcpy(rec->child, a->next_patch.live.program->hash, 32);
}

/* A find becomes the patch to offer, once the host's own VM agrees. */
static bool promote(struct flux_evolved *a, struct fse_search_result *r) {
  char what[128] = "";
  if (fse_live_make(a, r->best, r->places, r->place_count, a->patches + 1,
                    &a->next_patch.live) != 0) {
    r->best = NULL;
    r->places = NULL;
    return false;
  }
  r->best = NULL;
  r->places = NULL;
  a->patches++;
  begin_record(a, r);
  if (fse_rehearse(a, &a->next_patch.live, REHEARSED, what, sizeof what))
    return true;
  fse_say(a->instance, FLUX_LOG_WARNING,
          "agent \"%s\": patch %llu is not offered: %s", a->name,
          (unsigned long long)a->patches, what);
  fse_live_done(&a->next_patch.live);
  return false;
}

static bool find(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct pace pace = {a, fse_now_ns(in)};
  struct fse_search_result result;
  struct fisa_error err = {""};
  bool found = false;
  struct fse_search_request q = {
      .root = a->root,
      .parent = fse_live_program(a),
      .parent_places = a->live.places,
      .parent_place_count = a->live.place_count,
      .set = a->set,
      .policy = &in->policy,
      .seed = ftrial_random(in->policy.seed, a->generation, a->patches, 0),
      .assurance = in->policy.min_assurance,
      .threads = in->policy.threads,
      .budget = in->policy.budget,
      .progress = keep_share,
      .user = &pace};
  add_probes(a);
  if (fse_search(&q, &result, &err) != 0) {
    fse_say(in, FLUX_LOG_WARNING, "agent \"%s\" is not evolved: %s", a->name,
            err.text);
    a->dry = 2;
    return false;
  }
  if (result.improved && result.assurance >= in->policy.min_assurance)
    found = promote(a, &result);
  a->dry = found ? 0 : a->dry + 1;
  fse_search_result_done(&result);
  return found;
}

static void serve(struct flux_evolved *a) {
  bool found;
  fse_phase_set(a, FSE_SEARCHING);
  found = fse_plant(a) || find(a);
  if (atomic_load(&a->leaving) || a->instance->paused || !found) {
    fse_live_done(&a->next_patch.live);
    fse_phase_set(a, FSE_OBSERVING);
    return;
  }
  fse_offer(a);
}

/* ---- the thread --------------------------------------------------------- */

/* The agent that has waited longest in READY; marks it busy. */
static struct flux_evolved *pick(struct fse_instance *in) {
  struct flux_evolved *best = NULL;
  pthread_mutex_lock(&in->lock);
  for (struct flux_evolved *a = in->agents; a != NULL; a = a->next)
    if (a->phase == FSE_READY && !atomic_load(&a->leaving) &&
        (best == NULL || a->patches < best->patches))
      best = a;
  if (best != NULL) best->busy++;
  pthread_mutex_unlock(&in->lock);
  return best;
}

static void put_down(struct fse_instance *in, struct flux_evolved *a) {
  pthread_mutex_lock(&in->lock);
  if (--a->busy == 0) pthread_cond_broadcast(&in->changed);
  pthread_mutex_unlock(&in->lock);
}

void *fse_searcher(void *instance) {
  struct fse_instance *in = instance;
  const struct timespec idle = {0, IDLE_NS};
  /* Threads the search starts inherit this: agents come first. */
  (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
  while (!atomic_load(&in->stop)) {
    struct flux_evolved *a = in->paused ? NULL : pick(in);
    if (a == NULL) {
      nanosleep(&idle, NULL);
      continue;
    }
    serve(a);
    put_down(in, a);
  }
  return NULL;
}
