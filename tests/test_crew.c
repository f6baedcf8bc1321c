/*
 * test_crew.c - the candidates of a round on every back end: a search keeps
 * the same records whether its trials run on ir, on the lanes, on a device or
 * on both, with one thread or several, and on a device that fails amid it; a
 * device gets many candidates in a launch; and no more threads run than there
 * are cores for them.
 *
 * Linked with --wrap for dlopen and dlsym, see cudarig.h, and for
 * pthread_create.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/backend.h"
#include "plugin/crew.h"
#include "plugin/offline.h"
#include "plugin/search.h"
#include "tests/cudarig.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

#define FUEL 200000u
#define BUDGET 1000u

/* Who runs the trials. The lanes without a back end are FBACKEND_CHOICES. */
#define NO_BACKEND FBACKEND_CHOICES

static struct fbackend *open_backend(unsigned choice) {
  struct fbackend_options o = {.choice = (enum fbackend_choice)choice,
                               .cuda = rig_options()};
  struct fbackend *b;
  if (choice == NO_BACKEND) return NULL;
  o.cuda.device_max = 32 << 20;
  b = fbackend_new(&o);
  CU_ASSERT_FATAL(b != NULL);
  return b;
}

static const char *name_of(unsigned choice) {
  return choice == NO_BACKEND ? "no back end"
                              : fbackend_word((enum fbackend_choice)choice);
}

/* Where everything runs several times slower there is less of it. */
static bool scaled(void) {
  return unit_scale(2) < 2;
}

/* ---- one search --------------------------------------------------------- */

struct rig {
  struct fisa_program *root;
  struct fse_policy policy;
  struct ftrial_set *set;
};

static void rig_init(struct rig *r, const char *name, uint32_t episodes) {
  struct fisa_state *s;
  struct fisa_trace trace = {0};
  memset(r, 0, sizeof *r);
  r->root = isa_sample(name);
  CU_ASSERT_FATAL(r->root != NULL);
  fse_policy_init(&r->policy);
  r->policy.fuzz_states = 500;
  r->set = ftrial_set_new(r->root, FUEL, NULL);
  s = fisa_state_new(r->root->dialect);
  CU_ASSERT_FATAL(r->set != NULL && s != NULL);
  for (uint32_t n = 0; n < episodes; n++) {
    CU_ASSERT_FATAL(ftrial_fuzz_state(r->set, 5, n, s, &trace) == 0);
    struct ftrial_episode e = {FTRIAL_RECORDED, s, trace.events, trace.count,
                               1.0};
    CU_ASSERT_FATAL(ftrial_set_add(r->set, &e) >= 0);
  }
  ftrial_set_lay(r->set);
  fisa_trace_done(&trace);
  fisa_state_free(s);
}

static void rig_done(struct rig *r) {
  ftrial_set_free(r->set);
  fisa_program_free(r->root);
}

/* Every program that a search went through, as one number. */
static void note_edit(const struct fisa_program *before,
                      const struct fisa_program *behind, void *user) {
  uint64_t *path = user;
  *path = (*path ^ fse_code_hash(before)) * 0x100000001b3u;
  *path = (*path ^ fse_code_hash(behind)) * 0x100000001b3u;
}

/* What a search came to, all that is recorded of it. */
struct outcome {
  uint64_t variants, rejected, path;
  uint32_t counters;         /* that joined the set */
  double before, after;
  char kinds[FSE_KINDS_TEXT], reason[160];
  uint8_t best[32];
};

static void search(const char *agent, struct fbackend *b, uint32_t threads,
                   struct outcome *out) {
  struct fse_search_result got;
  struct fisa_error err = {""};
  struct rig r;
  memset(out, 0, sizeof *out);
  rig_init(&r, agent, 50 + (uint32_t)unit_scale(150));
  ftrial_set_backend(r.set, b);
  struct fse_search_request q = {
      .root = r.root, .parent = r.root, .set = r.set, .policy = &r.policy,
      .seed = 77, .assurance = FSE_ASSURE_FUZZ, .threads = threads,
      .budget = unit_scale(BUDGET), .once = true, .edit = note_edit,
      .user = &out->path};
  if (UNIT_TRUE(fse_search(&q, &got, &err) == 0, "%s: %s", agent, err.text)) {
    out->variants = got.variants;
    out->rejected = got.rejected;
    out->counters = ftrial_set_counters(r.set);
    out->before = got.cost_before;
    out->after = got.cost_after;
    memcpy(out->kinds, got.kinds, sizeof got.kinds);
    memcpy(out->reason, got.reason, sizeof got.reason);
    if (got.best != NULL) memcpy(out->best, got.best->hash, 32);
    fse_search_result_done(&got);
  }
  rig_done(&r);
}

static bool same_outcome(const struct outcome *got,
                         const struct outcome *want, const char *who) {
  return UNIT_TRUE(got->variants == want->variants &&
                       got->rejected == want->rejected &&
                       got->path == want->path &&
                       got->counters == want->counters,
                   "%s: %llu variants, %llu rejected, %u counterexamples, "
                   "not %llu, %llu, %u; or another way", who,
                   (unsigned long long)got->variants,
                   (unsigned long long)got->rejected, got->counters,
                   (unsigned long long)want->variants,
                   (unsigned long long)want->rejected, want->counters) &&
         UNIT_TRUE(got->before == want->before && got->after == want->after,
                   "%s: cost %f -> %f, not %f -> %f", who, got->before,
                   got->after, want->before, want->after) &&
         UNIT_STR_EQ(got->kinds, want->kinds) &&
         UNIT_STR_EQ(got->reason, want->reason) &&
         UNIT_MEM_EQ(got->best, want->best, 32);
}

/* ---- records ------------------------------------------------------------ */

static void same_search_anywhere(void) {
  static const char *const agents[] = {"sum", "crc8"};
  for (unsigned i = 0; i < unit_scale(2); i++) {
    struct outcome want, got;
    search(agents[i], NULL, 1, &want);
    UNIT_TRUE(want.after < want.before && want.variants > want.rejected &&
                  want.rejected > want.variants / 4,
              "%s: nothing to compare", agents[i]);
    for (unsigned c = 0; c < FBACKEND_CHOICES; c++)
      for (uint32_t threads = 1; threads <= 3; threads += 2) {
        struct fakecuda *f = rig_fake();
        struct fbackend *b = open_backend(c);
        char who[64];
        f->patience = 2;
        snprintf(who, sizeof who, "%s, %s, %u threads", agents[i], name_of(c),
                 threads);
        search(agents[i], b, threads, &got);
        same_outcome(&got, &want, who);
        UNIT_EQ(f->launches > 0, c == FBACKEND_AUTO || c == FBACKEND_CUDA);
        fbackend_free(b);
        rig_clean(who);
      }
  }
}

/* A record but for its time, and the rest of a run. */
static void same_run(const struct fse_offline_result *got,
                     const struct fse_offline_result *want, const char *who) {
  UNIT_TRUE(got->variants == want->variants &&
                got->episodes == want->episodes &&
                got->record_count == want->record_count,
            "%s: %llu variants, %u records, not %llu, %u", who,
            (unsigned long long)got->variants, got->record_count,
            (unsigned long long)want->variants, want->record_count);
  UNIT_MEM_EQ(got->best->hash, want->best->hash, 32);
  for (uint32_t i = 0;
       i < got->record_count && got->record_count == want->record_count; i++) {
    struct fse_record a = got->records[i], b = want->records[i];
    a.time_ms = b.time_ms = 0;
    UNIT_STR_EQ(a.kind, b.kind);
    UNIT_STR_EQ(a.reason, b.reason);
    UNIT_TRUE(a.fitness_before == b.fitness_before &&
                  a.fitness_after == b.fitness_after &&
                  a.cost_before == b.cost_before &&
                  a.cost_after == b.cost_after &&
                  a.assurance == b.assurance && a.outcome == b.outcome,
              "%s: record %u", who, i);
    UNIT_MEM_EQ(a.parent, b.parent, 32);
    UNIT_MEM_EQ(a.child, b.child, 32);
  }
}

static void run_offline(const char *agent, unsigned choice, uint32_t threads,
                        struct fse_offline_result *out) {
  struct fisa_program *p = isa_sample(agent);
  struct fbackend *b = open_backend(choice);
  struct fisa_error err = {""};
  struct fse_policy policy;
  CU_ASSERT_FATAL(p != NULL);
  fse_policy_init(&policy);
  policy.budget = unit_scale(BUDGET);
  policy.threads = threads;
  policy.fuzz_states = 500;
  struct fse_offline o = {.name = agent, .program = p, .policy = &policy,
                          .backend = b};
  CU_ASSERT_FATAL(fse_offline_run(&o, out, &err) == 0);
  fisa_program_free(p);
  fbackend_free(b);
}

/* Agents that halt, and one that continues behind a yield. */
static void same_records_anywhere(void) {
  static const char *const agents[] = {"gcd", "thermostat"};
  for (unsigned i = scaled(); i < sizeof agents / sizeof agents[0]; i++) {
    struct fse_offline_result want, got;
    run_offline(agents[i], NO_BACKEND, 1, &want);
    UNIT_TRUE(want.record_count > 0, "%s: no record", agents[i]);
    for (unsigned c = 0; c < FBACKEND_CHOICES; c++) {
      rig_fake();
      run_offline(agents[i], c, 1 + c % 2, &got);
      same_run(&got, &want, name_of(c));
      fse_offline_result_done(&got);
      rig_clean(name_of(c));
    }
    fse_offline_result_done(&want);
  }
}

/* ---- launches ----------------------------------------------------------- */

/* A round as a search makes it, without the search: every proposal of a
 * program, and some drawn ones. */
struct one_round {
  struct rig rig;
  struct fisa_facts *facts;
  struct fse_draft *draft;
  struct fse_lexicon *lexicon;
  struct fse_profile *profile;
  struct fse_unseen *unseen;
  struct fse_place *places;
  struct fse_round round;
  struct fse_crew crew;
  double weight[FSE_KINDS_MAX];
  atomic_uint left;          /* questions until it is late */
};

static bool never_late(const void *user) {
  (void)user;
  return false;
}

static bool late_soon(const void *user) {
  const struct one_round *o = user;
  atomic_uint *left = (atomic_uint *)(uintptr_t)&o->left;
  return atomic_load(left) == 0 || atomic_fetch_sub(left, 1) <= 1;
}

static void round_open(struct one_round *o, const char *agent) {
  struct fir_lane *lane = fir_lane_new();
  memset(o, 0, sizeof *o);
  rig_init(&o->rig, agent, 50 + (uint32_t)unit_scale(150));
  const struct fisa_program *p = o->rig.root;
  CU_ASSERT_FATAL(lane != NULL &&
                  fisa_facts_make(p, &o->facts, NULL) == 0 &&
                  fse_draft_make(p, o->facts, &o->draft, NULL) == 0);
  o->lexicon = fse_lexicon_new(p->dialect, &o->rig.policy);
  o->places = calloc(o->facts->count, sizeof *o->places);
  CU_ASSERT_FATAL(o->lexicon != NULL && o->places != NULL);
  for (uint32_t i = 0; i < o->facts->count; i++)
    o->places[i] = (struct fse_place){o->facts->insn[i].pc,
                                      o->facts->insn[i].pc};
  struct fse_profile_source from = {.set = o->rig.set, .episodes = 16,
                                    .lane = lane};
  uint32_t(*pair)[2] = fse_boundary_pairs(o->facts, p, p, o->places,
                                          o->facts->count, &from.map.count);
  from.map.pair = (const uint32_t(*)[2])pair;
  CU_ASSERT_FATAL(pair != NULL);
  o->profile = fse_profile_new(p, o->facts, &from);
  free(pair);
  CU_ASSERT_FATAL(o->profile != NULL &&
                  fse_unseen_make(o->rig.set, p, o->facts, 3, &o->unseen) ==
                      0);
  for (uint32_t k = 0; k < fse_kind_count; k++)
    o->weight[k] = o->rig.policy.weight[k];
  o->round = (struct fse_round){
      .view = {.program = p, .facts = o->facts, .draft = o->draft,
               .lexicon = o->lexicon, .profile = o->profile,
               .policy = &o->rig.policy, .weight = o->weight},
      .root = p, .root_facts = o->facts, .set = o->rig.set, .seed = 3,
      .places = o->places, .place_count = o->facts->count,
      .unseen = o->unseen};
  CU_ASSERT_FATAL(fse_sites_make(&o->round.view, &o->round.sites) == 0);
  o->crew = (struct fse_crew){.round = &o->round, .base = o->draft,
                              .bound = ftrial_root_cost(o->rig.set, 0,
                                                        UINT32_MAX),
                              .threads = 1, .late = never_late, .user = o};
  fir_lane_free(lane);
}

static void round_close(struct one_round *o) {
  fse_sites_done(&o->round.sites);
  fse_unseen_free(o->unseen);
  fse_profile_free(o->profile);
  fse_lexicon_free(o->lexicon);
  fse_draft_free(o->draft);
  fisa_facts_free(o->facts);
  free(o->places);
  rig_done(&o->rig);
}

static bool same_verdict(const struct fse_verdict *a,
                         const struct fse_verdict *b) {
  return a->fate == b->fate &&
         (a->fate == FSE_FATE_NONE ||
          (a->code_hash == b->code_hash && a->worth.cost == b->worth.cost &&
           a->worth.size == b->worth.size &&
           a->worth.memory == b->worth.memory &&
           a->proposal.kind == b->proposal.kind));
}

enum { CANDIDATES = 6000, FEW_CANDIDATES = 600 };

static uint32_t candidates(void) {
  return scaled() ? FEW_CANDIDATES : CANDIDATES;
}

/* Runs the round on a back end and holds each verdict against `want`; returns
 * how many were tried. */
static unsigned run_round(struct one_round *o, struct fbackend *b,
                          const struct fse_verdict *want, uint64_t most) {
  static struct fse_verdict got[CANDIDATES];
  unsigned tried = 0, differ = 0;
  int64_t judged;
  memset(got, 0, sizeof got);
  ftrial_set_backend(o->rig.set, b);
  judged = fse_crew_run(&o->crew, candidates(), most, got);
  ftrial_set_backend(o->rig.set, NULL);
  UNIT_TRUE(judged > 0 && judged <= CANDIDATES, "%lld judged",
            (long long)judged);
  for (unsigned i = 0; judged > 0 && i < (unsigned)judged; i++) {
    tried += got[i].fate >= FSE_FATE_SAME;
    differ += !same_verdict(&got[i], &want[i]);
  }
  UNIT_TRUE(differ == 0, "%u verdicts differ", differ);
  return tried;
}

static void launches_and_variants(void) {
  static struct fse_verdict want[CANDIDATES];
  struct one_round o;
  round_open(&o, "sort");
  UNIT_EQ(fse_crew_run(&o.crew, candidates(), UINT64_MAX, want), candidates());
  for (uint32_t threads = 1; threads <= 4; threads *= scaled() ? 4 : 2)
    for (unsigned c = 0; c < FBACKEND_CHOICES; c++) {
      struct fakecuda *f = rig_fake();
      struct fbackend *b;
      unsigned tried;
      f->patience = 3;
      b = open_backend(c);
      o.crew.threads = threads;
      tried = run_round(&o, b, want, UINT64_MAX);
      UNIT_TRUE(tried > (scaled() ? 20 : 300), "%u of them were tried", tried);
      if (c == FBACKEND_CUDA) {
        printf(" %u threads: %u variants, %llu launches;", threads, tried,
               (unsigned long long)f->launches);
        UNIT_TRUE(f->launches >= 2 &&
                      f->launches * (scaled() ? 1 : 20) < tried,
                  "%llu launches for %u variants",
                  (unsigned long long)f->launches, tried);
      }
      fbackend_free(b);
      rig_clean(name_of(c));
    }
  /* A budget that ends in the midst of it. */
  for (uint64_t most = 1; most < 200; most += 66) {
    struct fbackend *b;
    rig_fake();
    b = open_backend(FBACKEND_CUDA);
    run_round(&o, b, want, most);
    fbackend_free(b);
  }
  round_close(&o);
}

/* While a device is busy the next candidates are made ready for it: the longer
 * it takes, the more go in one launch. */
static void gathers_meanwhile(void) {
  static struct fse_verdict want[CANDIDATES];
  uint64_t launches[2];
  struct one_round o;
  round_open(&o, "sort");
  UNIT_EQ(fse_crew_run(&o.crew, candidates(), UINT64_MAX, want), candidates());
  for (unsigned i = 0; i < 2; i++) {
    struct fakecuda *f = rig_fake();
    struct fbackend *b = open_backend(FBACKEND_CUDA);
    f->patience = i * 400;
    run_round(&o, b, want, UINT64_MAX);
    launches[i] = f->launches;
    fbackend_free(b);
    rig_clean("meanwhile");
  }
  printf(" %llu launches, %llu if it takes long",
         (unsigned long long)launches[0], (unsigned long long)launches[1]);
  UNIT_TRUE(scaled() || launches[1] < launches[0], "it makes no difference");
  round_close(&o);
}

/* What comes too late is none, in groups as well; what was begun ends. */
static void too_late(void) {
  for (unsigned threads = 1; threads <= 3; threads += 2) {
    static struct fse_verdict got[CANDIDATES];
    struct one_round o;
    struct fbackend *b;
    unsigned judged = 0;
    rig_fake()->patience = 2;
    b = open_backend(FBACKEND_CUDA);
    round_open(&o, "sum");
    ftrial_set_backend(o.rig.set, b);
    o.crew.threads = threads;
    o.crew.late = late_soon;
    atomic_store(&o.left, 150);
    memset(got, 0, sizeof got);
    UNIT_EQ(fse_crew_run(&o.crew, candidates(), UINT64_MAX, got), candidates());
    for (unsigned i = 0; i < CANDIDATES; i++)
      judged += got[i].fate != FSE_FATE_NONE;
    UNIT_TRUE(judged > 0 && judged < 150, "%u were judged", judged);
    round_close(&o);
    fbackend_free(b);
    rig_clean("too late");
  }
}

/* ---- cores -------------------------------------------------------------- */

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg);

static unsigned created;

int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr,
                          void *(*run)(void *), void *arg) {
  created++;
  return __real_pthread_create(id, attr, run, arg);
}

/* How many threads judge where so many are wanted, this one among them. */
static unsigned threads_at_work(uint32_t wanted) {
  static struct fse_verdict got[CANDIDATES];
  struct one_round o;
  round_open(&o, "sum");
  o.crew.threads = wanted;
  created = 0;
  UNIT_EQ(fse_crew_run(&o.crew, 50, UINT64_MAX, got), 50);
  round_close(&o);
  return created + 1;
}

/* The first so many cores of a mask. */
static cpu_set_t first_cores(const cpu_set_t *from, int count) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t i = 0; i < CPU_SETSIZE && count > 0; i++)
    if (CPU_ISSET(i, from)) {
      CPU_SET(i, &set);
      count--;
    }
  return set;
}

static void no_more_threads_than_cores(void) {
  cpu_set_t whole, part;
  int cores;
  if (sched_getaffinity(0, sizeof whole, &whole) != 0) {
    unit_skip("a mask has no room for this machine's cores");
    return;
  }
  cores = CPU_COUNT(&whole);
  for (int n = 1; n <= 3 && n <= cores; n++) {
    part = first_cores(&whole, n);
    UNIT_EQ(sched_setaffinity(0, sizeof part, &part), 0);
    UNIT_EQ(fse_crew_threads(1), 1);
    UNIT_EQ(fse_crew_threads(FSE_CREW_THREADS), n);
    UNIT_EQ(fse_crew_threads(UINT32_MAX), n);
    UNIT_EQ(threads_at_work(8), n);
    UNIT_EQ(threads_at_work(1), 1);
  }
  UNIT_EQ(sched_setaffinity(0, sizeof whole, &whole), 0);
  UNIT_EQ(fse_crew_threads(UINT32_MAX),
          cores < (int)FSE_CREW_THREADS ? cores : (int)FSE_CREW_THREADS);
}

/* ---- faults ------------------------------------------------------------- */

/* A launch fails amid a search, one after another; the device goes; launches
 * do not end. The search comes to the same. After three it is used no more. */
static void faults_amid_a_search(void) {
  enum how { LAUNCH, GONE, HANG, WAYS };
  struct outcome want, got;
  search("crc8", NULL, 1, &want);
  for (unsigned how = 0; how < WAYS; how++)
    for (unsigned n = 1; n <= unit_scale(how == HANG ? 2 : 5); n++) {
      struct fakecuda *f = rig_fake();
      struct fbackend_options o = {
          .choice = n % 2 ? FBACKEND_CUDA : FBACKEND_AUTO,
          .cuda = rig_options()};
      struct fbackend *b;
      char who[64];
      f->fail_launch = how == LAUNCH ? n * n : 0;
      f->gone_call = how == GONE ? 50 + 60 * n : 0;
      f->hang = how == HANG;
      o.cuda.device_max = 8 << 20;
      o.cuda.wait_ms = how == HANG ? 1 : 5000;
      b = fbackend_new(&o);
      CU_ASSERT_FATAL(b != NULL);
      snprintf(who, sizeof who, "way %u, %u", how, n);
      search("crc8", b, 1 + n % 3, &got);
      same_outcome(&got, &want, who);
      UNIT_TRUE(rig_lines >= 1 && rig_lines <= 1 + FCUDA_ERRORS, "%s: %u lines",
                who, rig_lines);
      if (how == HANG || (how == GONE && n % 2))
        UNIT_TRUE(strstr(rig_line, "used no more") != NULL, "%s: \"%s\"", who,
                  rig_line);
      fbackend_free(b);
      UNIT_TRUE(f->wrong == 0, "%s: %s", who, f->what);
    }
  rig_fake();
}

/* Three launches that fail in three rounds: a line each, and then none. */
static void retired(void) {
  static struct fse_verdict want[CANDIDATES];
  struct fakecuda *f;
  struct one_round o;
  struct fbackend *b;
  round_open(&o, "sum");
  UNIT_EQ(fse_crew_run(&o.crew, candidates(), UINT64_MAX, want), candidates());
  f = rig_fake();
  b = open_backend(FBACKEND_CUDA);
  for (unsigned i = 1; i <= 5; i++) {
    uint64_t calls = f->calls;
    f->fail_launch = f->launches + 1;
    run_round(&o, b, want, UINT64_MAX);
    UNIT_EQ(rig_lines, 1 + (i < 3 ? i : 3));
    UNIT_EQ(rig_failures, rig_lines - 1); /* not that it was found */
    UNIT_EQ(f->calls == calls, i > 3);
    UNIT_EQ(strstr(rig_line, "used no more") != NULL, i >= 3);
  }
  fbackend_free(b);
  round_close(&o);
  rig_clean("retired");
}

static const struct unit_test tests[] = {
    {"records", "same_search_anywhere", same_search_anywhere},
    {"records", "same_records_anywhere", same_records_anywhere},
    {"rounds", "launches_and_variants", launches_and_variants},
    {"rounds", "gathers_meanwhile", gathers_meanwhile},
    {"rounds", "too_late", too_late},
    {"cores", "no_more_threads", no_more_threads_than_cores},
    {"faults", "amid_a_search", faults_amid_a_search},
    {"faults", "retired", retired},
};

UNIT_MAIN(tests)
