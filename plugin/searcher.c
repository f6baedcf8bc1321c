/*
 * plugin/searcher.c - the searcher: one agent's search at a time; and the
 * tuner, which does not wait for it: the world has changed meanwhile.
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
#include "plugin/recall.h"
#include "plugin/vain.h"

#define IDLE_NS 2000000
#define REST_NS 20000000u  /* of a rest, before cancelling is looked for */
#define REHEARSED 16u   /* episodes the winner runs on the host's own VM */
#define PATIENCE 2u     /* rounds without use that end a search */
#define POPULATION_MOST 65536u
#define WIDEST 3u       /* doublings of the population on a plateau */
#define PROBES 48u      /* generated states every candidate meets */

/* ---- the CPU share ------------------------------------------------------ */

struct pace {
  struct flux_evolved *agent;
  uint64_t worked_since;
};

/* Sleeps so long, or until there is no use in it. */
static void rest(const struct pace *p, uint64_t ns) {
  struct fse_instance *in = p->agent->instance;
  while (ns > 0 && !atomic_load(&p->agent->cancel) &&
         !atomic_load(&in->stop)) {
    uint64_t n = ns < REST_NS ? ns : REST_NS;
    const struct timespec ts = {0, (long)n};
    nanosleep(&ts, NULL);
    ns -= n;
  }
}

uint64_t fse_pause_ns(uint64_t worked, double share) {
  assert(share > 0);
  return share < 1 ? (uint64_t)((double)worked * (1 / share - 1)) : 0;
}

/* Between rounds: sleeps so that work is at most cpu_share of the time. */
static int keep_share(uint64_t variants, double now, double best, void *user) {
  struct pace *p = user;
  struct fse_instance *in = p->agent->instance;
  uint64_t t = fse_now_ns(in), worked = t - p->worked_since;
  (void)variants, (void)now, (void)best;
  rest(p, fse_pause_ns(worked, in->policy.cpu_share));
  p->worked_since = fse_now_ns(in);
  return atomic_load(&p->agent->cancel) || atomic_load(&in->stop);
}

/* ---- one agent ---------------------------------------------------------- */

/* Episodes beside the recorded ones: generated from the manifest or by
 * perturbing recorded boundaries, so that a lucky edit dies early. */
static void add_probes(struct flux_evolved *a) {
  struct fisa_trace trace = {0};
  uint32_t have = ftrial_set_count(a->set) - ftrial_set_recorded(a->set) -
                  ftrial_set_counters(a->set);
  for (uint32_t n = have; n < PROBES; n++) {
    if (ftrial_fuzz_state_on(a->set, a->search_lane,
                             a->instance->policy.seed ^ 0x9e37u, n,
                             a->search_begin, &trace) != 0)
      break;
    struct ftrial_episode e = {.origin = FTRIAL_FUZZED,
                               .begin = a->search_begin,
                               .events = trace.events,
                               .event_count = trace.count};
    if (ftrial_set_add(a->set, &e) == FTRIAL_NO_MEMORY) break;
  }
  ftrial_set_lay(a->set);
  fisa_trace_done(&trace);
}

/* The record of a find, as far as it is known before probation. */
static void begin_record(struct flux_evolved *a,
                         const struct fse_search_result *r) {
  struct fse_record *rec = &a->next_patch.record;
  a->next_patch.tasks = 0;
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
  assert(r->best != NULL);
  if (fse_live_make(a, r->best, r->places, r->place_count, a->patches + 1,
                    &a->next_patch.live) != 0) {
    r->best = NULL;
    r->places = NULL;
    return false;
  }
  r->best = NULL;
  r->places = NULL;
  a->patches++;
  a->next_patch.live.assurance = r->assurance;
  a->next_patch.live.uses = a->live.uses;
  fse_uses_add_all(&a->next_patch.live.uses, &r->uses);
  begin_record(a, r);
  if (fse_rehearse(a, &a->next_patch.live, REHEARSED, what)) return true;
  if (!atomic_load(&a->cancel)) {
    fse_say(a->instance, FLUX_LOG_WARNING,
            "agent \"%s\": patch %llu is not offered: %s", a->name,
            (unsigned long long)a->patches, what);
    fse_ban(a, a->next_patch.live.program);
  }
  fse_live_done(&a->next_patch.live);
  return false;
}

/* ---- counts ------------------------------------------------------------- */

/* Counts of block heads become those of all that follows a head. */
static void spread(uint64_t *heat, const uint8_t *heads, uint32_t size) {
  uint64_t runs = 0;
  for (uint32_t i = 0; i < size; i++) {
    if (heads[i / 8] >> (i % 8) & 1u) runs = heat[i];
    heat[i] = runs;
  }
}

/* How often the host ran what is live now, by pc; NULL: it does not say. */
static uint64_t *host_counts(const struct flux_evolved *a) {
  const struct fse_instance *in = a->instance;
  uint32_t size = fse_live_program(a)->size, given = 0;
  uint64_t *heat = calloc(size, sizeof *heat), version = 0, sum = 0;
  uint8_t *heads = calloc(size / 8 + 1, 1);
  assert(size > 0);
  if (heat == NULL || heads == NULL || in->live->counts == NULL ||
      in->live->counts(a->id, heat, heads, size, &given, &version,
                       in->host->ctx) != FLUX_OK ||
      given != size || version != a->live.id)
    goto none;
  if (!a->counts_all) spread(heat, heads, size);
  for (uint32_t i = 0; i < size; i++) sum |= heat[i];
  if (sum == 0) goto none;
  free(heads);
  return heat;
none:
  free(heads);
  free(heat);
  return NULL;
}

/* ---- one search --------------------------------------------------------- */

/* What came of a search: a patch to offer, or not. */
static bool conclude(struct flux_evolved *a, struct fse_search_result *r) {
  const struct fse_policy *p = &a->instance->policy;
  bool found = false;
  fse_counters_save(a);
  if (r->known_refuted) fse_answer_forget(a);
  if (r->parent_refuted) {
    snprintf(a->refuted, sizeof a->refuted, "%.127s", r->reason);
    return false;
  }
  if (!r->improved && r->reason[0] != '\0')
    fse_explain(a, "no patch: %s", r->reason);
  if (r->improved && r->assurance >= p->min_assurance &&
      !fse_banned(a, r->best))
    found = promote(a, r);
  if (atomic_load(&a->cancel)) return false;
  a->dry = found ? 0 : a->dry + 1;
  if (!found) fse_history_same(a);
  return found;
}

/* On a plateau, and after a search that found nothing, the next looks further:
 * more candidates a round, more rounds without use. */
static uint32_t width(const struct flux_evolved *a) {
  uint32_t wide = a->dry + (a->trend.direction == FSE_PLATEAU);
  return wide < WIDEST ? wide : WIDEST;
}

/* What searches of this agent found nothing for: none of them lasts as long as
 * it. NULL: no memory, and each search has its own. */
static struct fse_vain *vain_of(struct flux_evolved *a) {
  if (a->vain == NULL) a->vain = calloc(1, sizeof *a->vain);
  return a->vain;
}

static bool find(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct pace pace = {a, fse_now_ns(in)};
  struct fse_search_result result;
  struct fse_found earlier = {.program = NULL};
  struct fisa_error err = {""};
  uint64_t *heat = host_counts(a);
  struct fse_policy policy = in->policy;
  bool found;
  int rc;
  struct fse_search_request q = {
      .root = a->root,
      .parent = fse_live_program(a),
      .parent_places = a->live.places,
      .parent_place_count = a->live.place_count,
      .parent_assurance = a->live.assurance,
      .set = a->set,
      .policy = &policy,
      .patience = PATIENCE + width(a),
      .learned = &a->learned,
      .known = fse_answer_known(a, &earlier) ? &earlier : NULL,
      .seed = ftrial_random(in->policy.seed, a->generation, a->patches, 0),
      .assurance = in->policy.min_assurance,
      .threads = in->policy.threads,
      .budget = in->policy.budget,
      /* The first find is wanted soon; later ones may take longer. */
      .once = a->live.program == NULL && a->dry == 0,
      /* Where nothing else is found any more. */
      .deep = a->dry > 0,
      .heat = heat,
      .vain = vain_of(a),
      .rules = in->rules,
      .cancel = &a->cancel,
      .progress = keep_share,
      .user = &pace};
  policy.population <<= width(a);
  if (policy.population > POPULATION_MOST) policy.population = POPULATION_MOST;
  add_probes(a);
  rc = fse_search(&q, &result, &err);
  free(heat);
  fse_found_done(&earlier);
  if (rc != 0) {
    fse_say(in, FLUX_LOG_WARNING, "agent \"%s\" is not evolved: %s", a->name,
            err.text);
    a->dry = 2;
    return false;
  }
  found = conclude(a, &result);
  fse_search_result_done(&result);
  return found;
}

static bool settled(const struct flux_evolved *a) {
  return atomic_load(&a->generation) >=
             a->instance->policy.max_generations || a->dry >= 2;
}

static void serve(struct flux_evolved *a, bool tuning) {
  struct pace pace = {a, fse_now_ns(a->instance)};
  bool found;
  assert(fse_phase_get(a) == FSE_SEARCHING);
  if (tuning) found = fse_tune(a);
  else found = fse_plant(a) || (!settled(a) && find(a));
  if (atomic_load(&a->cancel) || atomic_load(&a->instance->paused) ||
      !fse_trusted(a) || !found) {
    fse_live_done(&a->next_patch.live);
    a->next_patch.tuning = a->next_patch.gift = false;
    fse_phase_set(a, a->tuning.hung ? FSE_FROZEN : FSE_OBSERVING);
  } else if (tuning && !a->next_patch.gift) {
    fse_canary_offer(a);
  } else {
    fse_offer(a);
  }
  /* A tuning is over soon: its share is kept behind it. */
  if (tuning) (void)keep_share(0, 0, 0, &pace);
}

/* ---- the thread --------------------------------------------------------- */

/* What a tuning has gained does not count here. */
static uint32_t gained(const struct flux_evolved *a) {
  return a->live.program == NULL ? 0 : atomic_load(&a->generation);
}

/* Who has gained least comes first; of those, who had the fewest patches. */
static bool before(const struct flux_evolved *a, const struct flux_evolved *b) {
  uint32_t x = gained(a), y = gained(b);
  return x != y ? x < y : atomic_load(&a->patches) < atomic_load(&b->patches);
}

/* The agent in READY that comes first, of those to be tuned or of all; it is
 * the caller's then. */
static struct flux_evolved *pick(struct fse_instance *in, bool tuning) {
  struct flux_evolved *best = NULL;
  pthread_mutex_lock(&in->lock);
  for (struct flux_evolved *a = in->agents; a != NULL; a = a->next)
    if (a->phase == FSE_READY && !atomic_load(&a->leaving) &&
        tuning == fse_tuning_due(a) &&
        (best == NULL || before(a, best)))
      best = a;
  if (best != NULL) {
    best->busy++;
    best->phase = FSE_SEARCHING;
    /* Who detaches sets it behind this lock. */
    atomic_store(&best->cancel, false);
    pthread_cond_broadcast(&in->changed);
  }
  pthread_mutex_unlock(&in->lock);
  return best;
}

static void put_down(struct fse_instance *in, struct flux_evolved *a) {
  pthread_mutex_lock(&in->lock);
  assert(a->busy > 0);
  if (--a->busy == 0) pthread_cond_broadcast(&in->changed);
  pthread_mutex_unlock(&in->lock);
}

static void *serve_all(struct fse_instance *in, bool tuning) {
  const struct timespec idle = {0, IDLE_NS};
  /* Threads the search starts inherit this: agents come first. */
  (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 10);
  while (!atomic_load(&in->stop)) {
    struct flux_evolved *a = atomic_load(&in->paused) ? NULL : pick(in, tuning);
    if (a == NULL) {
      nanosleep(&idle, NULL);
      continue;
    }
    serve(a, tuning);
    put_down(in, a);
  }
  return NULL;
}

void *fse_searcher(void *instance) { return serve_all(instance, false); }

void *fse_tuner(void *instance) { return serve_all(instance, true); }
