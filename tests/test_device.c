/*
 * test_device.c - the CUDA back end on whatever libcuda.so.1 this machine has,
 * against the ir engine: random programs and noise of each dialect and mutants
 * of them, as they are and as if all of them were long, and the sample agents.
 * Skipped where there is no device, or no image for it.
 *
 * FLUX_SOAK_PROGRAMS sets the number of programs, FLUX_SOAK_SEED the first of
 * their numbers.
 */
#include "tests/cudawork.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAMS = 400, FAILURES = 5 };

static void note(bool failed, const char *line, void *user) {
  unsigned *lines = user;

  (void)failed;
  printf("\n    %s", line);
  ++*lines;
}

/* NULL: there is none, and the test is skipped. */
static struct fcuda *open_device(unsigned *lines, bool far) {
  struct fcuda_options o = {.far = far, .log = note, .user = lines};
  struct fisa_error why = {""};
  struct fcuda *c = NULL;

  *lines = 0;
  if (fcuda_new(&o, &c, &why) == 0)
    return c;
  unit_skip("%s", why.text);
  return NULL;
}

/* What was run so far. */
struct tally {
  uint64_t programs, verdicts, refused, good, wrong, dear;
  unsigned failures;
};

static void tally_work(struct tally *t, const struct cuda_work *w) {
  for (uint32_t i = 0; i < w->work.run_count; i++) {
    t->verdicts += w->work.run[i].status == FCUDA_DONE;
    t->refused += w->work.run[i].status == FCUDA_REFUSED;
    t->wrong += w->want[i].wrong;
    t->dear += w->want[i].dear;
    t->good += !w->want[i].wrong && !w->want[i].dear;
  }
}

/* All variants of a case, with each kind of bound. */
static void run_case(struct fcuda *c, const struct wide_case *k,
                     const char *who, struct tally *t) {
  struct cuda_work w;

  if (!cuda_work_open(&w, k, 3, 0, k->wide.batch->lanes))
    return;
  t->programs += k->count;
  fcuda_submit(c, &w.work);
  fcuda_wait(c, &w.work);
  for (uint32_t i = 0; i < w.work.run_count; i++)
    if (!UNIT_TRUE(w.work.run[i].status != FCUDA_FAILED, "%s: it failed", who))
      t->failures = FAILURES;
  for (uint32_t i = 0; i < w.work.run_count && t->failures < FAILURES; i++)
    if (w.work.run[i].status == FCUDA_DONE &&
        !wide_same(&w.got[i], &w.want[i], who))
      t->failures++;
  tally_work(t, &w);
  cuda_work_close(&w);
}

static void tell(const struct fcuda *c, const struct tally *t) {
  struct fcuda_counts n = fcuda_counts(c);

  printf("\n    device: %s\n    %llu programs, %llu verdicts (%llu good, "
         "%llu wrong, %llu dear), %llu refused, %llu launches ...",
         fcuda_about(c), (unsigned long long)t->programs,
         (unsigned long long)t->verdicts, (unsigned long long)t->good,
         (unsigned long long)t->wrong, (unsigned long long)t->dear,
         (unsigned long long)t->refused, (unsigned long long)n.launches);
}

/* Up to so many programs of each dialect in turn, with noise each fourth time;
 * far: as if all of them were long. */
static void run_random(uint64_t most, bool far) {
  static const char *const dialects[] = {"unified", "classic", "seed", "stack"};
  uint64_t number = unit_number("FLUX_SOAK_SEED", 1);
  struct tally t = {0, 0, 0, 0, 0, 0, 0};
  struct wide_case k;
  unsigned lines, cases[4][2] = {{0, 0}};
  struct fcuda *c = open_device(&lines, far);
  char who[64];

  if (!c)
    return;
  for (; t.programs < most && t.failures < FAILURES; number++) {
    unsigned d = number % 4, noise = number / 4 % 4 == 0;
    uint32_t lanes = 1 + (uint32_t)(number * 7 % 70);

    if (!(noise ? wide_noise_open : wide_case_open)(&k, dialects[d], number,
                                                    lanes))
      continue;
    snprintf(who, sizeof(who), "%s%s %llu", dialects[d], noise ? " noise" : "",
             (unsigned long long)number);
    cases[d][noise]++;
    run_case(c, &k, who, &t);
    wide_case_close(&k);
  }
  tell(c, &t);
  UNIT_EQ(lines, 0);
  UNIT_TRUE(t.verdicts > t.refused * 4, "%llu verdicts, %llu refused",
            (unsigned long long)t.verdicts, (unsigned long long)t.refused);
  for (unsigned d = 0; d < 4 && most >= 400; d++)
    UNIT_TRUE(cases[d][0] > 0 && cases[d][1] > 0, "%s: %u programs, %u noise",
              dialects[d], cases[d][0], cases[d][1]);
  fcuda_free(c);
}

static uint64_t asked(void) {
  return unit_number("FLUX_SOAK_PROGRAMS", unit_scale(PROGRAMS));
}

static void programs(void) {
  run_random(asked(), false);
}

static void far_programs(void) {
  run_random(asked() / 4 + 1, true);
}

struct on_device {
  struct fcuda *cuda;
  struct tally tally;
};

static void run_agent(const struct wide_case *k, const char *path,
                      void *user) {
  struct on_device *d = user;

  run_case(d->cuda, k, path, &d->tally);
}

/* Every agent as root, with itself and mutants of it as variants. */
static void agents(void) {
  struct on_device d = {0};
  unsigned lines;

  d.cuda = open_device(&lines, false);
  if (!d.cuda)
    return;
  wide_agents((uint32_t)unit_scale(256), run_agent, &d);
  tell(d.cuda, &d.tally);
  UNIT_EQ(lines, 0);
  fcuda_free(d.cuda);
}

static const struct unit_test tests[] = {
    {"device", "programs", programs},
    {"device", "far", far_programs},
    {"device", "agents", agents},
};

UNIT_MAIN(tests)
