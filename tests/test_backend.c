/*
 * test_backend.c - which engine runs trials: the share that a device gets by
 * what was measured, and that verdicts are the same whatever it is: for each
 * choice, with a device that works, that fails or that is not there, from one
 * thread and from several. The arena of the device is tested here, too.
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
#include "gpu/cuda_arena.h"
#include "gpu/tune.h"

/* ---- the arena ---------------------------------------------------------- */

static void arena_edges(void) {
  struct fcu_arena a = {.size = 1024};

  UNIT_TRUE(fcu_arena_room(&a) == 1024, "room");
  UNIT_TRUE(fcu_arena_take(&a, 1025) == FCU_NOWHERE, "too much");
  UNIT_TRUE(fcu_arena_take(&a, UINT64_MAX) == FCU_NOWHERE, "far too much");
  UNIT_TRUE(fcu_arena_take(&a, 1) == 0, "the first byte");
  UNIT_TRUE(fcu_arena_take(&a, 256) == 256, "the next");
  UNIT_TRUE(fcu_arena_take(&a, 512) == 512, "the rest");
  UNIT_TRUE(fcu_arena_take(&a, 1) == FCU_NOWHERE, "it is full");
  UNIT_TRUE(fcu_arena_room(&a) == 0, "no room");
  fcu_arena_give(&a, 256);
  UNIT_TRUE(fcu_arena_take(&a, 257) == FCU_NOWHERE, "a hole too small");
  UNIT_TRUE(fcu_arena_take(&a, 255) == 256, "a hole");
  fcu_arena_give(&a, 0);
  fcu_arena_give(&a, 512);
  fcu_arena_give(&a, 256);
  UNIT_TRUE(fcu_arena_take(&a, 1024) == 0, "all of it again");
  fcu_arena_done(&a);
  UNIT_TRUE(fcu_arena_take(&a, 1) == FCU_NOWHERE, "nothing is left");
  fcu_arena_done(&a);
}

/* Held against a map of who has each stretch of FCU_ALIGN bytes. */
static void arena_random(void) {
  enum { PLACES = 64, MOST = 40 };
  struct fcu_arena a = {.size = PLACES * FCU_ALIGN};
  unsigned owner[PLACES] = {0};
  struct { uint64_t at, size; } held[MOST + 1] = {{0, 0}};
  uint64_t r = 9;
  unsigned taken = 0, refused = 0;

  for (unsigned step = 0; step < 20000; step++) {
    unsigned who = 1 + gen_below(&r, MOST);
    uint64_t n = 1 + gen_below(&r, 6 * FCU_ALIGN), at, run = 0, best = 0;

    if (held[who].size) {
      for (uint64_t i = held[who].at / FCU_ALIGN; i < PLACES; i++)
        owner[i] = owner[i] == who ? 0 : owner[i];
      fcu_arena_give(&a, held[who].at);
      held[who].size = 0;
      continue;
    }
    for (unsigned i = 0; i < PLACES; i++) {
      run = owner[i] ? 0 : run + FCU_ALIGN;
      best = run > best ? run : best;
    }
    UNIT_TRUE(fcu_arena_room(&a) == best, "room");
    at = fcu_arena_take(&a, n);
    if (!UNIT_EQ(at != FCU_NOWHERE, n <= best))
      break;
    refused += at == FCU_NOWHERE;
    if (at == FCU_NOWHERE)
      continue;
    taken++;
    held[who].at = at;
    held[who].size = n;
    for (uint64_t i = at / FCU_ALIGN; i * FCU_ALIGN < at + n; i++) {
      UNIT_TRUE(owner[i] == 0, "given twice");
      owner[i] = who;
    }
  }
  UNIT_TRUE(taken > 1000 && refused > 100, "%u taken, %u refused", taken,
            refused);
  fcu_arena_done(&a);
}

/* ---- shares ------------------------------------------------------------- */

static const struct ftune_shape shape = {512, 200};

/* A device that takes so long for the first and for each run. */
static void measure(struct ftune *t, uint32_t runs, uint64_t first,
                    uint64_t each) {
  ftune_device(t, shape, runs, first + each * runs);
}

static void not_known_yet(void) {
  static struct ftune t;

  memset(&t, 0, sizeof(t));
  UNIT_EQ(ftune_share(&t, shape, 0), 0);
  UNIT_EQ(ftune_share(&t, shape, 1), 1);
  UNIT_EQ(ftune_share(&t, shape, 100), 50);
  measure(&t, 50, 1000, 10);
  UNIT_EQ(ftune_share(&t, shape, 1), 0);   /* the lanes have to be seen, too */
  UNIT_EQ(ftune_share(&t, shape, 100), 50);
}

/* Both end at the same time, for devices of any kind. */
static void shares_balance(void) {
  static const struct { double lanes, first, each; } kinds[] = {
      {1000, 20000, 10}, {1000, 20000, 1000}, {1000, 100, 5000},
      {50, 20000, 1},    {1000, 0, 100}};

  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    static struct ftune t;
    uint32_t runs = 1000;

    memset(&t, 0, sizeof(t));
    for (unsigned k = 0; k < 20; k++) {
      uint32_t m = ftune_share(&t, shape, runs);

      ftune_lanes(&t, shape, runs - m, (uint64_t)(kinds[i].lanes * (runs - m)));
      if (m)
        measure(&t, m, (uint64_t)kinds[i].first, (uint64_t)kinds[i].each);
      if (k > 12) {
        double a = kinds[i].lanes * (runs - m);
        double b = m ? kinds[i].first + kinds[i].each * m : 0;
        double all = kinds[i].lanes * runs;

        UNIT_TRUE((a > b ? a - b : b - a) < all * 0.05, "kind %zu, question "
                  "%u: %u runs: %.0f and %.0f ns", i, k, m, a, b);
      }
    }
  }
}

/* A device that is too slow gets nothing, but is tried again some time. */
static void too_slow(void) {
  static struct ftune t;
  uint64_t lanes_ns = 0, lost_ns = 0;
  unsigned tried = 0;

  memset(&t, 0, sizeof(t));
  measure(&t, 4, 10000000, 10);
  measure(&t, 2, 10000000, 10);
  ftune_lanes(&t, shape, 4, 4000);
  /* With work enough it is worth it. */
  UNIT_TRUE(ftune_share(&t, shape, 100000) > 40000, "%u of 100000",
            ftune_share(&t, shape, 100000));
  for (unsigned i = 0; i < 1000000; i++) {
    uint32_t m = ftune_share(&t, shape, 8);

    ftune_lanes(&t, shape, 8 - m, (8 - m) * 1000);
    lanes_ns += (8 - m) * 1000;
    if (m == 0)
      continue;
    UNIT_EQ(m, 4);
    measure(&t, m, 10000000, 10);
    lost_ns += 10000000 + 10 * m;
    tried++;
  }
  UNIT_TRUE(tried > 3 && lost_ns * 100 <= lanes_ns,
            "tried %u times, %llu of %llu ns", tried,
            (unsigned long long)lost_ns, (unsigned long long)lanes_ns);
}

/* Shapes have nothing to do with each other, and none is out of range. */
static void shapes_apart(void) {
  static const struct ftune_shape odd[] = {
      {0, 0}, {1, UINT64_MAX}, {UINT32_MAX, UINT64_MAX}, {512, 1}};
  static struct ftune t;

  memset(&t, 0, sizeof(t));
  measure(&t, 8, 1, 1);
  ftune_lanes(&t, shape, 8, 800000);
  UNIT_EQ(ftune_share(&t, shape, 8), 7);
  for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
    UNIT_EQ(ftune_share(&t, odd[i], 8), 4);
    ftune_lanes(&t, odd[i], 8, 0);
    ftune_device(&t, odd[i], 8, 0);
    UNIT_TRUE(ftune_share(&t, odd[i], 8) <= 8, "more than there are");
  }
  UNIT_EQ(ftune_share(&t, shape, 8), 7);
}

/* ---- the back end ------------------------------------------------------- */

/* All variants of a case through a back end: how many verdicts are not those
 * of ir, or are none. Any thread. */
static unsigned differing(struct fbackend *b, struct flanes *lanes,
                          const struct wide_case *k) {
  struct fbackend_work w = {.batch = k->wide.batch,
                            .count = k->wide.batch->lanes,
                            .run_count = k->count * 3};
  struct fpk_verdict got[WIDE_VARIANTS * 3], want;
  struct fbackend_run run[WIDE_VARIANTS * 3];
  unsigned n = 0;

  w.run = run;
  for (uint32_t i = 0; i < w.run_count; i++)
    run[i] = (struct fbackend_run){
        &k->variant[i % k->count].packed, &k->variant[i % k->count].places,
        i % 3 == 1 ? 300 * i : UINT64_MAX, &got[i], FBACKEND_NO_MEMORY};
  fbackend_do(b, lanes, &w);
  for (uint32_t i = 0; i < w.run_count; i++) {
    want = wide_verdict(&k->wide, &k->variant[i % k->count], 0, w.count,
                        run[i].cost_bound);
    n += run[i].status == FBACKEND_NO_MEMORY ||
         (run[i].status == FBACKEND_DONE && !wide_equal(&got[i], &want));
  }
  return n;
}

enum { CASES = 8 };
static struct wide_case cases[CASES];

static void open_cases(void) {
  static const char *const agents[CASES] = {
      "collatz", "gcd", "dimmer", "power", "thermostat", "hash", "fibonacci",
      "alarm"};
  char path[64];

  for (unsigned i = 0; i < CASES; i++) {
    snprintf(path, sizeof(path), "samples/agents/%s.flx", agents[i]);
    CU_ASSERT_FATAL(wide_file_open(&cases[i], unit_src(path), 20 + 30 * i));
  }
}

static void close_cases(void) {
  for (unsigned i = 0; i < CASES; i++)
    wide_case_close(&cases[i]);
  rig_fake();
}

static struct fbackend *open_backend(enum fbackend_choice choice) {
  struct fbackend_options o = {.choice = choice, .cuda = rig_options()};

  return fbackend_new(&o);
}

/* The same of all cases, several times over. */
static unsigned all_differing(struct fbackend *b) {
  struct flanes *lanes = flanes_new(NULL);
  unsigned n = 0;

  if (!b || !lanes)
    abort();
  for (unsigned round = 0; round < 4; round++)
    for (unsigned i = 0; i < CASES; i++)
      n += differing(b, lanes, &cases[i]);
  flanes_free(lanes);
  return n;
}

static void all_cases(struct fbackend *b, const char *who) {
  unsigned n = all_differing(b);

  UNIT_TRUE(n == 0, "%s: %u verdicts differ", who, n);
}

static void each_choice(void) {
  for (unsigned i = 0; i < FBACKEND_CHOICES; i++) {
    enum fbackend_choice choice = (enum fbackend_choice)i;
    struct fakecuda *f = rig_fake();
    struct fbackend *b = open_backend(choice);
    char about[320];

    all_cases(b, fbackend_word(choice));
    fbackend_about(b, about, sizeof(about));
    switch (choice) {
    case FBACKEND_AUTO:
    case FBACKEND_CUDA:
      UNIT_TRUE(f->launches > 0, "the device did nothing");
      UNIT_STR_EQ(about, "trials: Double 0 (9.0), image sm_90");
      UNIT_EQ(rig_lines, 1);
      UNIT_EQ(rig_failures, 0);
      break;
    case FBACKEND_LANES:
      UNIT_STR_EQ(about, "trials: on the CPU");
      UNIT_EQ(f->calls, 0);
      break;
    default:
      UNIT_STR_EQ(about, "trials: on the ir engine");
      UNIT_EQ(f->calls, 0);
      break;
    }
    fbackend_free(b);
    rig_clean(fbackend_word(choice));
  }
}

static void ir_is_asked(void) {
  struct fbackend *b = open_backend(FBACKEND_IR);
  struct flanes *lanes = flanes_new(NULL);
  struct fbackend_run run = {.status = FBACKEND_DONE};
  struct fbackend_work w = {.batch = cases[0].wide.batch, .count = 16,
                            .run_count = 1, .run = &run};

  CU_ASSERT_FATAL(b && lanes);
  fbackend_do(b, lanes, &w);
  UNIT_EQ(run.status, FBACKEND_ASK_IR);
  flanes_free(lanes);
  fbackend_free(b);
}

static void by_environment(void) {
  struct fakecuda *f = rig_fake();
  struct fbackend *b;

  setenv("FLUX_TRIAL_BACKEND", "lanes", 1);
  b = open_backend(FBACKEND_CUDA);
  all_cases(b, "environment");
  UNIT_EQ(f->calls, 0);
  fbackend_free(b);
  UNIT_EQ(rig_lines, 0);
  setenv("FLUX_TRIAL_BACKEND", "nonsense", 1);
  b = open_backend(FBACKEND_CUDA);
  UNIT_EQ(rig_lines, 1);
  UNIT_EQ(rig_failures, 1);
  UNIT_STR_EQ(rig_line, "trials: FLUX_TRIAL_BACKEND=nonsense is none of auto, "
                        "lanes, cuda, ir; it stays with cuda");
  all_cases(b, "environment");
  UNIT_TRUE(f->launches > 0, "the device did nothing");
  fbackend_free(b);
  unsetenv("FLUX_TRIAL_BACKEND");
}

static void without_a_device(void) {
  struct fbackend *b;

  rig_fake();
  rig_absent = true;
  b = open_backend(FBACKEND_AUTO);
  all_cases(b, "without a device");
  UNIT_EQ(rig_lines, 1);
  UNIT_TRUE(strncmp(rig_line, "trials: on the CPU alone: no CUDA driver: ",
                    42) == 0, "it says \"%s\"", rig_line);
  fbackend_free(b);
}

static void a_device_that_fails(void) {
  unsigned long runs = unit_scale(52);

  for (unsigned long i = 0; i < runs; i++) {
    struct fakecuda *f = rig_fake();
    struct fbackend *b = open_backend(i % 2 ? FBACKEND_AUTO : FBACKEND_CUDA);

    f->gone_call = 40 + 360 * i / runs;
    all_cases(b, "a device that is gone");
    UNIT_TRUE(rig_lines <= 1 + FCUDA_ERRORS, "%u lines", rig_lines);
    fbackend_free(b);
    UNIT_EQ(f->wrong, 0);
  }
  rig_fake();
}

/* Several works of one thread under way, ended in another order. */
static void begun_apart(void) {
  enum { WORKS = 4 };

  for (unsigned choice = 0; choice < FBACKEND_CHOICES; choice++) {
    struct fbackend_run run[WORKS];
    struct fbackend_work w[WORKS];
    struct fpk_verdict got[WORKS], want;
    struct flanes *lanes = flanes_new(NULL);
    struct fbackend *b;

    rig_fake()->patience = 3;
    b = open_backend((enum fbackend_choice)choice);
    CU_ASSERT_FATAL(b && lanes);
    for (unsigned round = 0; round < 5; round++) {
      for (unsigned i = 0; i < WORKS; i++) {
        run[i] = (struct fbackend_run){
            &cases[i].variant[0].packed, &cases[i].variant[0].places,
            UINT64_MAX, &got[i], FBACKEND_NO_MEMORY};
        w[i] = (struct fbackend_work){.batch = cases[i].wide.batch,
                                      .count = cases[i].wide.batch->lanes,
                                      .run_count = 1, .run = &run[i]};
        fbackend_begin(b, &w[i]);
      }
      for (unsigned i = WORKS; i-- > 0;) {
        fbackend_end(b, lanes, &w[i]);
        UNIT_EQ(run[i].status, choice == FBACKEND_IR ? FBACKEND_ASK_IR
                                                     : FBACKEND_DONE);
        want = wide_verdict(&cases[i].wide, &cases[i].variant[0], 0,
                            w[i].count, UINT64_MAX);
        if (run[i].status == FBACKEND_DONE)
          wide_same(&got[i], &want, "begun apart");
      }
    }
    fbackend_free(b);
    flanes_free(lanes);
    rig_clean("begun apart");
  }
}

/* Threads with lanes of their own, one device among them. */
struct thread {
  pthread_t id;
  struct fbackend *b;
  unsigned differing;
};

static void *run_thread(void *user) {
  struct thread *t = user;

  t->differing = all_differing(t->b);
  return NULL;
}

static void threads(void) {
  enum { THREADS = 3 };

  for (unsigned i = 0; i < 2; i++) {
    struct thread t[THREADS];
    struct fbackend *b;

    rig_fake();
    b = open_backend(i ? FBACKEND_CUDA : FBACKEND_AUTO);
    for (unsigned k = 0; k < THREADS; k++) {
      t[k].b = b;
      UNIT_EQ(pthread_create(&t[k].id, NULL, run_thread, &t[k]), 0);
    }
    for (unsigned k = 0; k < THREADS; k++) {
      pthread_join(t[k].id, NULL);
      UNIT_EQ(t[k].differing, 0);
    }
    fbackend_free(b);
    rig_clean("threads");
  }
}

static const struct unit_test tests[] = {
    {"arena", "edges", arena_edges},
    {"arena", "random", arena_random},
    {"shares", "not_known_yet", not_known_yet},
    {"shares", "balance", shares_balance},
    {"shares", "too_slow", too_slow},
    {"shares", "apart", shapes_apart},
    {"backend", "open", open_cases},
    {"backend", "each_choice", each_choice},
    {"backend", "ir_is_asked", ir_is_asked},
    {"backend", "by_environment", by_environment},
    {"backend", "without_a_device", without_a_device},
    {"backend", "a_device_that_fails", a_device_that_fails},
    {"backend", "begun_apart", begun_apart},
    {"backend", "threads", threads},
    {"backend", "close", close_cases},
};

UNIT_MAIN(tests)
