/*
 * test_kernel_host.c - the kernel's source, compiled for this machine, against
 * the ir engine: on random programs of every dialect with one thread a block,
 * and on fewer with warps of POSIX threads, whose barriers and votes a
 * sanitizer then looks at; on programs that are hard, and on the sample agents.
 *
 * FLUX_SOAK_PROGRAMS sets the number of programs of each dialect,
 * FLUX_SOAK_SEED the seed.
 */
#include "tests/kernel_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/flat.h"
#include "gpu/kernel_host.h"
#include "tests/unit.h"

enum { PROGRAMS = 6000, NOISE = 1000, THREADED = 60, PARTS = 4 };

/* A launch whose buffers are here. */
struct launch {
  struct fkn_host_shape shape;
  struct fkn_job job[KRIG_VARIANTS * PARTS];
  struct fkn_result result[KRIG_VARIANTS * PARTS];
  struct fkn_cost cost[KRIG_VARIANTS * KRIG_LANES];
  unsigned char *programs[KRIG_VARIANTS], *batch;
  uint32_t parts, joined, far;
};

static unsigned char *bytes(uint32_t n) {
  unsigned char *p = aligned_alloc(16, n);

  CU_ASSERT_FATAL(p != NULL);
  return p;
}

/* Jobs of variant v: all lanes, or some parts of them. Their number. */
static uint32_t add_jobs(struct launch *l, struct krig_work *w, uint32_t v,
                         uint32_t at, struct fkn_job *job) {
  uint32_t lanes = w->batch->lanes;
  uint32_t parts = 1 + gen_below(&w->random, PARTS) * gen_below(&w->random, 2);
  uint32_t each = (lanes + parts - 1) / parts, n = 0;

  for (uint32_t first = 0; first < lanes; first += each)
    job[n++] = (struct fkn_job){
        .bound = w->variant[v].bound,
        .program = at,
        .first = first,
        .count = lanes - first < each ? lanes - first : each,
        .costs = v * KRIG_LANES + first};
  l->parts += n > 1;
  return n;
}

/* Joins the results of a variant's jobs. */
static void join(struct launch *l, struct krig_variant *v,
                 const struct fkn_job *job, uint32_t count) {
  const struct fkn_result *r = &l->result[job - l->job];

  v->how = KRIG_DONE;
  for (uint32_t i = 0; i < count; i++) {
    bool asks = fkn_join_asks(&v->verdict, &job[i], &r[i]);
    l->joined += asks;
    if (r[i].why == FKN_NOT_RUN && !asks) {
      v->how = KRIG_NOT_RUN;
      return;
    }
    if (!fkn_join(&v->verdict, &job[i], &r[i], l->cost + job[i].costs))
      return;
  }
}

/* One launch for each variant, so that each has the memory it needs. */
static void run_variant(struct launch *l, struct krig_work *w, uint32_t v) {
  struct fpk_program *p = &w->variant[v].packed;
  struct fkn_launch launch = {.jobs = (uint64_t)(uintptr_t)l->job,
                              .batch = (uint64_t)(uintptr_t)l->batch,
                              .results = (uint64_t)(uintptr_t)l->result,
                              .costs = (uint64_t)(uintptr_t)l->cost};
  struct fisa_error err = {""};
  struct fkn_needs needs;
  unsigned char *program;

  w->variant[v].how = KRIG_NOT_RUN;
  if (fkn_program_needs(p, w->batch, &needs, &err) != 0)
    return;
  program = bytes(needs.bytes);
  fkn_program_write(p, w->batch, &w->variant[v].places, program);
  launch.programs = (uint64_t)(uintptr_t)program;
  launch.job_count = add_jobs(l, w, v, 0, l->job);
  launch.records = needs.records;
  launch.slots = needs.slots;
  /* As a long program is run, for a block that may have more threads. */
  if (gen_below(&w->random, 3) == 0) {
    launch.records = 0;
    launch.far = l->shape.threads << gen_below(&w->random, 2);
    fkn_program_place(program, launch.far);
    l->far++;
  }
  launch.stack_cells = needs.stack_cells;
  launch.overlay_bits = needs.stores ? w->overlay_bits : 0;
  memset(l->result, 0xA5, sizeof(l->result));
  UNIT_EQ(fkn_host_run(&launch, 1 + gen_below(&w->random, 3), l->shape), 0);
  join(l, &w->variant[v], l->job, launch.job_count);
  free(program);
}

static int run_here(struct krig_work *w, void *user) {
  const struct fkn_lanes lanes = {0, w->batch->lanes};
  struct launch *l = user;
  struct fisa_error err = {""};
  uint32_t size;

  /* Of noise, now and then, more memory changes than a batch can say. */
  if (fkn_batch_size(w->batch, lanes, &size, &err) != 0) {
    for (uint32_t v = 0; v < w->count; v++)
      w->variant[v].how = KRIG_NOT_RUN;
    return 0;
  }
  l->batch = bytes(size);
  fkn_batch_write(w->batch, lanes, l->batch);
  for (uint32_t v = 0; v < w->count; v++)
    run_variant(l, w, v);
  free(l->batch);
  return 0;
}

/* The thread sanitizer has nothing to see where there is one thread. */
#ifdef __SANITIZE_THREAD__
enum { FEWER = 20 };
#else
enum { FEWER = 1 };
#endif

static struct krig_seen compare(const char *dialect, uint64_t programs,
                                bool noise, struct fkn_host_shape shape) {
  struct krig_plan plan = {.dialect = dialect,
                           .seed = unit_number("FLUX_SOAK_SEED", 20260303),
                           .count = (programs + 3) / 4,
                           .noise = noise,
                           .lanes = KRIG_LANES};
  struct launch *l = calloc(1, sizeof(*l));
  struct krig_seen seen = {0};

  CU_ASSERT_FATAL(l != NULL);
  l->shape = shape;
  krig_compare(&plan, run_here, l, &seen);
  printf(" %llu programs on %llu lanes: %llu good %llu wrong %llu dear, "
         "%llu not run, %llu not packed",
         (unsigned long long)seen.programs, (unsigned long long)seen.lanes,
         (unsigned long long)seen.good, (unsigned long long)seen.wrong,
         (unsigned long long)seen.dear, (unsigned long long)seen.not_run,
         (unsigned long long)seen.unpacked);
  UNIT_TRUE(noise || seen.programs * 2 > programs || programs < 100,
            "%llu programs of %llu were run",
            (unsigned long long)seen.programs, (unsigned long long)programs);
  UNIT_TRUE(programs < 1000 || noise || (l->parts > 100 && l->joined > 0),
            "parts are joined");
  UNIT_TRUE(programs < 1000 || l->far > programs / 8, "%u far programs",
            l->far);
  free(l);
  return seen;
}

static void programs_of(const char *dialect) {
  struct fkn_host_shape alone = {1, 1};
  uint64_t n = unit_number("FLUX_SOAK_PROGRAMS", unit_scale(PROGRAMS / FEWER));
  struct krig_seen seen = compare(dialect, n, false, alone);

  if (n < 1000)
    return;
  UNIT_TRUE(seen.good > n / 20 && seen.wrong > n / 20 && seen.dear > n / 20,
            "every verdict is met often");
  for (int i = 0; i <= FISA_RUN_YIELD; i++)
    UNIT_TRUE(i == FISA_RUN_FUEL || seen.statuses[i] > 0,
              "no root ended with status %d", i);
}

static void noise_of(const char *dialect) {
  struct fkn_host_shape alone = {1, 1};

  compare(dialect, unit_number("FLUX_SOAK_PROGRAMS", unit_scale(NOISE / FEWER)),
          true, alone);
}

static void threads_of(const char *dialect) {
  static const struct fkn_host_shape shapes[] = {{8, 4}, {32, 32}, {6, 2}};

  for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
    compare(dialect, unit_scale(THREADED), false, shapes[i]);
}

/* ---- cases -------------------------------------------------------------- */

/* What cases are run on, and what came of them. */
struct on_cases {
  struct launch launch;
  struct krig_seen seen;
};

static struct on_cases *open_cases(struct fkn_host_shape shape) {
  struct on_cases *o = calloc(1, sizeof(*o));

  CU_ASSERT_FATAL(o != NULL);
  o->launch.shape = shape;
  return o;
}

static void close_cases(struct on_cases *o) {
  printf(" %llu programs on %llu lanes", (unsigned long long)o->seen.programs,
         (unsigned long long)o->seen.lanes);
  UNIT_EQ(o->seen.not_run, 0);
  free(o);
}

/* Programs that are hard, with a thread a block, and with a warp whose threads
 * all go elsewhere. */
static void hard(void) {
  static const struct fkn_host_shape shapes[] = {{1, 1}, {32, 32}};

  for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
    struct on_cases *o = open_cases(shapes[i]);

    for (unsigned k = 0; k < WIDE_HARD; k++) {
      struct wide_case c;
      if (!wide_hard_open(&c, k, 32))
        continue;
      krig_case(&c, "hard", false, run_here, &o->launch, &o->seen);
      wide_case_close(&c);
    }
    close_cases(o);
  }
}

static void one_agent(const struct wide_case *c, const char *path,
                      void *user) {
  struct on_cases *o = user;

  krig_case(c, path, true, run_here, &o->launch, &o->seen);
}

static void agents(void) {
  struct on_cases *o = open_cases((struct fkn_host_shape){1, 1});

  wide_agents((uint32_t)unit_scale(32), one_agent, o);
  close_cases(o);
}

#define DIALECT(name) \
  static void name##_programs(void) { programs_of(#name); } \
  static void name##_noise(void) { noise_of(#name); } \
  static void name##_threads(void) { threads_of(#name); }
DIALECT(unified)
DIALECT(classic)
DIALECT(seed)
DIALECT(stack)

static const struct unit_test tests[] = {
    {"cases", "hard", hard},
    {"cases", "agents", agents},
    {"unified", "programs", unified_programs},
    {"unified", "noise", unified_noise},
    {"unified", "threads", unified_threads},
    {"classic", "programs", classic_programs},
    {"classic", "noise", classic_noise},
    {"classic", "threads", classic_threads},
    {"seed", "programs", seed_programs},
    {"seed", "noise", seed_noise},
    {"seed", "threads", seed_threads},
    {"stack", "programs", stack_programs},
    {"stack", "noise", stack_noise},
    {"stack", "threads", stack_threads},
};

UNIT_MAIN(tests)
