/*
 * test_many.c - many variants tried at once: each has the result that the ir
 * engine gives it by itself, on any back end, with a device that works, that
 * is late or that fails, whatever else is under way; and a device has hundreds
 * of them in a launch.
 *
 * Linked with --wrap for dlopen and dlsym, see cudarig.h.
 */
#include "tests/cudarig.h"
#include "tests/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/backend.h"
#include "gpu/trial_impl.h"
#include "isa/asm.h"

/* ---- subjects ----------------------------------------------------------- */

enum { VARIANTS = 16, FUEL = 20000 };

/* A root with episodes, and programs that are nearly it. */
struct subject {
  struct fisa_dialect *d;
  struct fisa_program *root;
  struct ftrial_set *set;
  struct fir_program *ir;
  struct fir_lane *lane;
  struct fisa_program *program[VARIANTS];
  struct fir_program *variant[VARIANTS];
  unsigned continued;        /* episodes that begin behind a yield */
  uint32_t entry[1][2];      /* a map that lacks the places behind yields */
  struct ftrial_pc_map map;
};

/* Adds the task that begins at *s, and those behind it as long as it yields;
 * one in seven is a counterexample. */
static void add_tasks(struct subject *k, struct fisa_state *s, uint32_t n) {
  struct fisa_state *begin = fisa_state_new(k->d);

  CU_ASSERT_FATAL(begin != NULL);
  for (unsigned task = 0; task < 4; task++) {
    struct gen_outside o = {.seed = 31, .number = n * 8 + task};
    const struct fir_io io = {gen_ir_take, NULL, &o};
    const struct fir_limits limits = {FUEL, true};
    enum ftrial_add added;

    fisa_state_copy(begin, s);
    fir_run(k->ir, k->lane, s, &io, limits);
    added = ftrial_set_add(
        k->set, &(struct ftrial_episode){
                    .origin = n % 7 == 3 ? FTRIAL_COUNTER : FTRIAL_RECORDED,
                    .begin = begin,
                    .events = o.trace.events,
                    .event_count = o.trace.count,
                    .confidence = 1});
    fisa_trace_done(&o.trace);
    CU_ASSERT_FATAL(added != FTRIAL_NO_MEMORY);
    if (added != FTRIAL_ADDED || s->status != FISA_RUN_YIELD)
      break;
    k->continued++;
  }
  fisa_state_free(begin);
}

static void add_episodes(struct subject *k, uint32_t count) {
  struct fisa_state *s = fisa_state_new(k->d);
  struct fisa_trace in = {NULL, 0, 0};

  CU_ASSERT_FATAL(s != NULL);
  for (uint32_t n = 0; ftrial_set_count(k->set) < count && n < 4 * count;
       n++) {
    CU_ASSERT_FATAL(ftrial_fuzz_state(k->set, 9, n, s, &in) == 0);
    add_tasks(k, s, n);
  }
  fisa_trace_done(&in);
  fisa_state_free(s);
}

/* The root with so many bytes of it changed. */
static struct fisa_program *nearly(const struct subject *k, uint64_t random,
                                   uint32_t bytes) {
  struct fisa_program *p =
      fisa_program_derive(k->root, k->root->code, k->root->size,
                          k->root->entry, k->root->manifest.boundary.pc);

  CU_ASSERT_FATAL(p != NULL);
  for (uint32_t i = 0; i < bytes; i++)
    p->code[gen_below(&random, p->size)] = (uint8_t)gen_random(&random);
  return p;
}

static void open_subject(struct subject *k, const char *agent,
                         uint32_t episodes) {
  struct fisa_error err = {""};
  char path[64];

  memset(k, 0, sizeof(*k));
  snprintf(path, sizeof(path), "samples/agents/%s.flx", agent);
  CU_ASSERT_FATAL(
      fisa_load(unit_src(path), NULL, NULL, &k->d, &k->root, &err) == 0);
  k->set = ftrial_set_new(k->root, FUEL, NULL);
  k->lane = fir_lane_new();
  CU_ASSERT_FATAL(k->set && k->lane && fir_lower(k->root, &k->ir, NULL) == 0);
  CU_ASSERT_FATAL(fir_lane_reserve(k->lane, k->ir));
  add_episodes(k, episodes);
  ftrial_set_lay(k->set);
  k->entry[0][0] = k->entry[0][1] = k->root->entry;
  k->map = (struct ftrial_pc_map){1, (const uint32_t(*)[2])k->entry};
  for (uint32_t i = 0; i < VARIANTS; i++) {
    k->program[i] = nearly(k, i + 1, i / 4);
    CU_ASSERT_FATAL(fir_lower(k->program[i], &k->variant[i], NULL) == 0);
  }
}

static void close_subject(struct subject *k) {
  for (uint32_t i = 0; i < VARIANTS; i++) {
    fir_free(k->variant[i]);
    fisa_program_free(k->program[i]);
  }
  ftrial_set_free(k->set);
  fir_lane_free(k->lane);
  fir_free(k->ir);
  fisa_program_free(k->root);
  fisa_dialect_free(k->d);
}

/* ---- what is asked, and what has to come -------------------------------- */

/* Trial i: a variant, with a bound that lets all, some or none of it pass,
 * and a map that lacks the places behind yields now and then. */
struct asked {
  const struct fir_program *variant;
  const struct ftrial_pc_map *map;
  uint64_t bound;
};

static struct asked ask(const struct subject *k, uint32_t i) {
  uint64_t all = ftrial_root_cost(k->set, 0, UINT32_MAX);
  struct asked a = {.variant = k->variant[i % VARIANTS], .bound = UINT64_MAX};

  a.map = i % 11 == 5 ? &k->map : NULL;
  if (i % 3 == 1)
    a.bound = all * (i % 13) / 13;
  else if (i % 3 == 2)
    a.bound = all;
  return a;
}

static struct ftrial_result by_ir(const struct subject *k,
                                  const struct asked *a) {
  struct ftrial_result r;

  k->set->narrow = true;
  r = ftrial_judge(k->set, a->variant, a->map, k->lane, a->bound);
  k->set->narrow = false;
  return r;
}

static bool same(const struct ftrial_result *a,
                 const struct ftrial_result *b) {
  return a->verdict == b->verdict && a->tried == b->tried &&
         a->episode == b->episode && a->cost == b->cost &&
         a->instructions == b->instructions;
}

/* So many trials, from `first` on. */
static void add_all(const struct subject *k, struct ftrial_many *m,
                    uint32_t first, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    struct asked a = ask(k, first + i);
    UNIT_EQ(ftrial_many_add(m, a.variant, a.map, a.bound), i);
  }
}

/* Holds the results of what add_all added; counts verdicts. */
static void check_all(const struct subject *k, const struct ftrial_many *m,
                      uint32_t first, uint32_t count, unsigned *seen) {
  for (uint32_t i = 0; i < count; i++) {
    struct asked a = ask(k, first + i);
    struct ftrial_result got = ftrial_many_result(m, i), want = by_ir(k, &a);

    seen[want.verdict]++;
    if (!UNIT_TRUE(same(&got, &want),
                   "trial %u: verdict %d tried %u episode %u cost %llu, not "
                   "%d %u %u %llu", first + i, got.verdict, got.tried,
                   got.episode, (unsigned long long)got.cost, want.verdict,
                   want.tried, want.episode, (unsigned long long)want.cost))
      break;
  }
}

/* With so many MiB of the device. */
static struct fbackend *open_large(enum fbackend_choice choice, unsigned mib) {
  struct fbackend_options o = {.choice = choice, .cuda = rig_options()};
  struct fbackend *b;

  o.cuda.device_max = (uint64_t)mib << 20;
  b = fbackend_new(&o);
  CU_ASSERT_FATAL(b != NULL);
  return b;
}

static struct fbackend *open_backend(enum fbackend_choice choice) {
  return open_large(choice, 32);
}

/* ---- verdicts ----------------------------------------------------------- */

enum { AGENTS = 6, TRIALS = 80 };   /* and more */
static struct subject subjects[AGENTS];

static void open_subjects(void) {
  static const char *const agents[AGENTS] = {
      "collatz", "gcd", "dimmer", "thermostat", "alarm", "hash"};
  unsigned continued = 0;

  for (unsigned i = 0; i < AGENTS; i++) {
    open_subject(&subjects[i], agents[i], (uint32_t)unit_scale(700));
    continued += subjects[i].continued;
  }
  UNIT_TRUE(continued > 50, "%u tasks begin behind a yield", continued);
}

static void close_subjects(void) {
  for (unsigned i = 0; i < AGENTS; i++)
    close_subject(&subjects[i]);
  rig_fake();
}

/* One group of a subject on a back end. */
static void one_group(struct subject *k, struct fbackend *b, uint32_t count,
                      unsigned *seen) {
  struct ftrial_many *m;

  ftrial_set_backend(k->set, b);
  m = ftrial_many_new(k->set, k->lane);
  CU_ASSERT_FATAL(m != NULL);
  for (unsigned round = 0; round < 2; round++) {
    add_all(k, m, round * 7, count);
    ftrial_many_begin(m);
    while (ftrial_many_step(m))
      ftrial_many_look(m);
    check_all(k, m, round * 7, count, seen);
    ftrial_many_clear(m);
  }
  ftrial_many_free(m);
  ftrial_set_backend(k->set, NULL);
}

static void each_back_end(void) {
  for (unsigned c = 0; c < FBACKEND_CHOICES; c++) {
    unsigned seen[FTRIAL_INCONCLUSIVE + 1] = {0};
    struct fakecuda *f = rig_fake();
    struct fbackend *b = open_backend((enum fbackend_choice)c);

    for (unsigned i = 0; i < AGENTS; i++) {
      ftrial_set_backend(subjects[i].set, b);
      UNIT_EQ(ftrial_wants_many(subjects[i].set),
              c == FBACKEND_AUTO || c == FBACKEND_CUDA);
      one_group(&subjects[i], b, TRIALS + (uint32_t)unit_scale(220), seen);
    }
    UNIT_EQ(f->launches > 0, c == FBACKEND_AUTO || c == FBACKEND_CUDA);
    UNIT_TRUE(seen[FTRIAL_SAME] > 50 && seen[FTRIAL_WRONG] > 50 &&
                  seen[FTRIAL_DEARER] > 50 && seen[FTRIAL_INCONCLUSIVE] > 2,
              "%u %u %u %u", seen[0], seen[1], seen[2], seen[3]);
    fbackend_free(b);
    rig_clean(fbackend_word((enum fbackend_choice)c));
  }
}

/* A set without a back end, one whose trials are ir's, and one of few
 * episodes: all the same, one by one. */
static void without_a_back_end(void) {
  unsigned seen[FTRIAL_INCONCLUSIVE + 1] = {0};
  struct fakecuda *f = rig_fake();
  struct fbackend *b = open_backend(FBACKEND_CUDA);
  struct subject few;

  one_group(&subjects[0], NULL, 60, seen);
  UNIT_TRUE(!ftrial_wants_many(subjects[0].set), "nobody would run them");
  open_subject(&few, "gcd", FTRIAL_FEW - 1);
  one_group(&few, b, 60, seen);
  ftrial_set_backend(few.set, b);
  UNIT_TRUE(!ftrial_wants_many(few.set), "it is not worth it");
  ftrial_set_backend(few.set, NULL);
  UNIT_EQ(f->launches, 0);
  close_subject(&few);
  fbackend_free(b);
}

/* ---- launches ----------------------------------------------------------- */

/* A full group takes one launch for each part of the set, not one for each
 * variant: two parts of each batch, none of which is divided. */
static void launches(void) {
  struct subject *k = &subjects[0];
  uint32_t count = (uint32_t)unit_scale(FTRIAL_MANY);
  unsigned seen[FTRIAL_INCONCLUSIVE + 1] = {0};
  uint32_t batches = k->set->packs[0].count + k->set->packs[1].count;
  struct fakecuda *f = rig_fake();
  struct ftrial_many *m;
  struct fbackend *b;

  f->device[0].memory = (size_t)1 << 30;
  b = open_large(FBACKEND_CUDA, 256);
  ftrial_set_backend(k->set, b);
  m = ftrial_many_new(k->set, k->lane);
  CU_ASSERT_FATAL(m != NULL);
  add_all(k, m, 0, count);
  UNIT_EQ(ftrial_many_full(m), count == FTRIAL_MANY);
  ftrial_many_begin(m);
  UNIT_EQ(f->launches, 1);
  while (ftrial_many_step(m))
    ;
  printf(" %u variants, %u batches, %llu launches", count, batches,
         (unsigned long long)f->launches);
  UNIT_TRUE(f->launches <= 2 * batches, "%llu launches for %u batches",
            (unsigned long long)f->launches, batches);
  check_all(k, m, 0, count < 200 ? count : 200, seen);
  ftrial_many_free(m);
  ftrial_set_backend(k->set, NULL);
  fbackend_free(b);
  rig_clean("launches");
}

/* Programs so long that fewer of them are gathered. */
static void full_by_bytes(void) {
  enum { LONG = 8000 };
  char *text = malloc(LONG * 16 + 100), *at = text;
  struct subject *k = &subjects[1];
  struct fisa_program *p = NULL;
  struct fir_program *ir = NULL;
  struct ftrial_many *m;
  struct fbackend *b;
  uint32_t n = 0;

  CU_ASSERT_FATAL(text != NULL);
  for (unsigned i = 0; i < LONG; i++)
    at += sprintf(at, "ADD R1, R1, R2\n");
  strcpy(at, "HALT\n");
  CU_ASSERT_FATAL(fisa_assemble(k->d, text, strlen(text), "long", &p, NULL) ==
                      0 &&
                  fir_lower(p, &ir, NULL) == 0);
  rig_fake();
  b = open_backend(FBACKEND_CUDA);
  ftrial_set_backend(k->set, b);
  m = ftrial_many_new(k->set, k->lane);
  CU_ASSERT_FATAL(m != NULL);
  while (!ftrial_many_full(m) && n < FTRIAL_MANY)
    UNIT_EQ(ftrial_many_add(m, ir, NULL, UINT64_MAX), n++);
  UNIT_TRUE(n > 1 && n < 80, "%u of them", n);
  ftrial_many_free(m);
  ftrial_set_backend(k->set, NULL);
  fbackend_free(b);
  fir_free(ir);
  fisa_program_free(p);
  free(text);
}

/* ---- several groups ----------------------------------------------------- */

/* Groups that are begun one after another and taken on in turn, on a device
 * that is late; the last is cleared while it is under way, and used again. */
static void overlapping(void) {
  enum { GROUPS = 4 };

  for (unsigned c = FBACKEND_AUTO; c <= FBACKEND_CUDA; c++) {
    unsigned seen[FTRIAL_INCONCLUSIVE + 1] = {0}, under_way = GROUPS;
    struct subject *k = &subjects[3];
    struct ftrial_many *m[GROUPS];
    struct fbackend *b;

    rig_fake()->patience = 5;
    b = open_backend((enum fbackend_choice)c);
    ftrial_set_backend(k->set, b);
    for (unsigned i = 0; i < GROUPS; i++) {
      m[i] = ftrial_many_new(k->set, k->lane);
      CU_ASSERT_FATAL(m[i] != NULL);
      add_all(k, m[i], i * 50, 50);
      ftrial_many_begin(m[i]);
    }
    ftrial_many_clear(m[GROUPS - 1]);
    add_all(k, m[GROUPS - 1], (GROUPS - 1) * 50, 50);
    ftrial_many_begin(m[GROUPS - 1]);
    while (under_way > 0) {
      under_way = 0;
      for (unsigned i = GROUPS; i-- > 0;)
        under_way += ftrial_many_step(m[i]);
    }
    for (unsigned i = 0; i < GROUPS; i++) {
      check_all(k, m[i], i * 50, 50, seen);
      ftrial_many_clear(m[i]);
      add_all(k, m[i], 3, 20);
      ftrial_many_begin(m[i]); /* and freed in mid-air */
      ftrial_many_free(m[i]);
    }
    ftrial_set_backend(k->set, NULL);
    fbackend_free(b);
    rig_clean("overlapping");
  }
}

/* Threads with lanes and groups of their own, one set, one device. */
struct thread {
  pthread_t id;
  const struct subject *k;
  struct ftrial_result *got;
  uint32_t first, count;
};

static void *run_thread(void *user) {
  struct thread *t = user;
  struct fir_lane *lane = fir_lane_new();
  struct ftrial_many *m = lane ? ftrial_many_new(t->k->set, lane) : NULL;

  if (!m)
    abort();
  for (uint32_t i = 0; i < t->count; i++) {
    struct asked a = ask(t->k, t->first + i);
    if (ftrial_many_add(m, a.variant, a.map, a.bound) < 0)
      abort();
  }
  ftrial_many_begin(m);
  while (ftrial_many_step(m))
    ;
  for (uint32_t i = 0; i < t->count; i++)
    t->got[i] = ftrial_many_result(m, i);
  ftrial_many_free(m);
  fir_lane_free(lane);
  return NULL;
}

static void threads(void) {
  enum { THREADS = 4, EACH = 80 };

  for (unsigned c = FBACKEND_AUTO; c <= FBACKEND_CUDA; c++) {
    static struct ftrial_result got[THREADS][EACH];
    struct subject *k = &subjects[4];
    struct thread t[THREADS];
    struct fbackend *b;
    unsigned wrong = 0;

    rig_fake()->patience = 3;
    b = open_backend((enum fbackend_choice)c);
    ftrial_set_backend(k->set, b);
    for (unsigned i = 0; i < THREADS; i++) {
      t[i] = (struct thread){.k = k, .got = got[i], .first = i * 9,
                             .count = EACH};
      CU_ASSERT_FATAL(pthread_create(&t[i].id, NULL, run_thread, &t[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
      pthread_join(t[i].id, NULL);
    for (unsigned i = 0; i < THREADS * EACH; i++) {
      struct asked a = ask(k, i / EACH * 9 + i % EACH);
      struct ftrial_result want = by_ir(k, &a);
      wrong += !same(&got[i / EACH][i % EACH], &want);
    }
    UNIT_TRUE(wrong == 0, "%u results are wrong", wrong);
    ftrial_set_backend(k->set, NULL);
    fbackend_free(b);
    rig_clean("threads");
  }
}

/* ---- a device that fails ------------------------------------------------ */

/* Each launch in turn fails; then three; from some call on nothing works; a
 * launch does not end. The results are the same, and it is told of. */
static void faults(void) {
  enum how { LAUNCH, GONE, HANG, WAYS };

  for (unsigned how = 0; how < WAYS; how++)
    for (unsigned n = 1; n <= unit_scale(how == HANG ? 2 : 12); n++) {
      unsigned seen[FTRIAL_INCONCLUSIVE + 1] = {0};
      struct fakecuda *f = rig_fake();
      struct fbackend_options o = {
          .choice = n % 2 ? FBACKEND_CUDA : FBACKEND_AUTO,
          .cuda = rig_options()};
      struct fbackend *b;

      f->fail_launch = how == LAUNCH ? n : 0;
      f->gone_call = how == GONE ? 30 + n * 9 : 0;
      f->hang = how == HANG;
      o.cuda.device_max = 8 << 20;
      o.cuda.wait_ms = how == HANG ? 1 : 5000;
      b = fbackend_new(&o);
      CU_ASSERT_FATAL(b != NULL);
      one_group(&subjects[n % AGENTS], b, 60, seen);
      UNIT_TRUE(how == LAUNCH ? rig_lines <= 2
                              : rig_lines >= 1 &&
                                    rig_lines <= 1 + FCUDA_ERRORS,
                "%u lines", rig_lines);
      if (how == HANG)
        UNIT_TRUE(strstr(rig_line, "does not end") != NULL, "it says \"%s\"",
                  rig_line);
      fbackend_free(b);
      UNIT_EQ(f->wrong, 0);
    }
  rig_fake();
}

static const struct unit_test tests[] = {
    {"many", "open", open_subjects},
    {"many", "each_back_end", each_back_end},
    {"many", "without_a_back_end", without_a_back_end},
    {"many", "launches", launches},
    {"many", "full_by_bytes", full_by_bytes},
    {"many", "overlapping", overlapping},
    {"many", "threads", threads},
    {"many", "faults", faults},
    {"many", "close", close_subjects},
};

UNIT_MAIN(tests)
