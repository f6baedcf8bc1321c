/*
 * test_kernel_host.c - the kernel's source, compiled for this machine, against
 * the ir engine: on random programs of every dialect with one thread a block,
 * and on fewer with warps of POSIX threads, whose barriers and votes a
 * sanitizer then looks at.
 *
 * FLUX_SOAK_PROGRAMS sets the number of programs of each dialect,
 * FLUX_SOAK_SEED the seed.
 */
#include "tests/kernel_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "gpu/kernel_host.h"
#include "tests/unit.h"

enum { PROGRAMS = 5200, NOISE = 800, THREADED = 40 };

static int run_here(struct krig_launch *l, void *user) {
  const struct fkn_host_shape *shape = user;
  struct fkn_launch launch = krig_parameters(l);

  return fkn_host_run(&launch, l->grid, *shape);
}

static uint64_t env_number(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);

  return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static struct krig_seen compare(const char *dialect, uint64_t programs,
                                bool noise, struct fkn_host_shape shape) {
  struct krig_plan plan = {.dialect = dialect,
                           .seed = env_number("FLUX_SOAK_SEED", 20260303),
                           .count = (programs + 3) / 4,
                           .noise = noise,
                           .lanes = KRIG_LANES,
                           .threads = shape.threads};
  struct krig_seen seen = {0};

  krig_compare(&plan, run_here, &shape, &seen);
  printf(" %llu programs on %llu lanes: %llu good %llu wrong %llu dear, "
         "%llu overflowed, %llu refused",
         (unsigned long long)seen.programs, (unsigned long long)seen.lanes,
         (unsigned long long)seen.good, (unsigned long long)seen.wrong,
         (unsigned long long)seen.dear, (unsigned long long)seen.not_run,
         (unsigned long long)(seen.refused + seen.unpacked));
  UNIT_TRUE(seen.refused + seen.unpacked <= seen.programs / 2 + 4,
            "%llu programs of %llu were refused",
            (unsigned long long)(seen.refused + seen.unpacked),
            (unsigned long long)seen.programs);
  return seen;
}

static void programs_of(const char *dialect) {
  struct fkn_host_shape alone = {1, 1};
  uint64_t n = env_number("FLUX_SOAK_PROGRAMS", unit_scale(PROGRAMS));
  struct krig_seen seen = compare(dialect, n, false, alone);

  if (n < 1000)
    return;
  UNIT_TRUE(seen.good > n / 20 && seen.wrong > n / 20 && seen.dear > n / 20,
            "every verdict is met often");
  UNIT_TRUE(seen.parts > n && seen.joined > 0, "parts are joined");
  for (int i = 0; i <= FISA_RUN_YIELD; i++)
    UNIT_TRUE(i == FISA_RUN_FUEL || seen.statuses[i] > 0,
              "no root ended with status %d", i);
}

static void noise_of(const char *dialect) {
  struct fkn_host_shape alone = {1, 1};

  compare(dialect, env_number("FLUX_SOAK_PROGRAMS", unit_scale(NOISE)), true,
          alone);
}

static void threads_of(const char *dialect) {
  static const struct fkn_host_shape shapes[] = {{8, 4}, {32, 32}, {6, 2}};

  for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
    compare(dialect, unit_scale(THREADED), false, shapes[i]);
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
