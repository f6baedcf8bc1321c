/*
 * test_judge.c - scorers and models of a config: what they may say, and what
 * they are given.
 */
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/judge.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

static double seen[4];
static int32_t world = 5;

static float three(float a, float b, float c) {
  seen[0] = (double)a;
  seen[1] = (double)b;
  seen[2] = (double)c;
  return a / 4;
}

static float none(float a) { return a * 0 + NAN; }
static float huge(float a) { return a * 0 + 1e30f; }
static void nothing(int32_t a) { (void)a; }
static int32_t now(int32_t room) { return world + room; }

/* A call that comes back when it is let go. */
static sem_t arrived, go;
static float slow(float a) {
  sem_post(&arrived);
  while (sem_wait(&go) != 0) continue;
  return a * 0 + 0.5f;
}

static struct fhost_natives *natives(void) {
  struct fhost_natives *t = fhost_natives_new(NULL);
  const struct {
    const char *name, *spec;
    void (*fn)(void);
  } all[] = {{"three", "three(f32,f32,f32)->f32", (void (*)(void))three},
             {"none", "none(f32)->f32", (void (*)(void))none},
             {"huge", "huge(f32)->f32", (void (*)(void))huge},
             {"nothing", "nothing(i32)->void", (void (*)(void))nothing},
             {"slow", "slow(f32)->f32", (void (*)(void))slow},
             {"now", "now(i32)->i32", (void (*)(void))now}};
  struct fisa_error err = {""};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    UNIT_TRUE(fhost_natives_add_function(t, all[i].name, all[i].spec,
                                         all[i].fn, &err) == 0,
              "%s", err.text);
  return t;
}

static uint16_t index_of(const char names[][FISA_MAX_NAME], uint32_t count,
                         const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0) return (uint16_t)i;
  return UINT16_MAX;
}

static uint16_t source(const char *name) {
  const struct fisa_dialect *d = isa_unified();
  return index_of(d->sources, d->source_count, name);
}

static uint16_t channel(const char *name) {
  const struct fisa_dialect *d = isa_unified();
  return index_of(d->channels, d->channel_count, name);
}

/* An agent with a scorer and a model for TEMP. */
static int make(const char *scorer, const char *model,
                const struct fhost_natives *t, struct fhost_judging *out,
                struct fisa_error *err) {
  const struct fhost_binding_config b = {.name = "TEMP", .call = "now(0)",
                                         .model = model};
  const struct fhost_agent_config c = {.scorer = scorer, .sources = &b,
                                       .source_count = 1};
  return fhost_judging_make(&c, isa_unified(), t, out, err);
}

static void tell(flux_course *c, bool out, uint16_t name, int32_t first,
                 int32_t value) {
  flux_event e = {.out = out, .name = name};
  if (out) {
    e.argc = 2;
    e.arg[0] = first;
    e.arg[1] = value;
  } else {
    e.value = value;
  }
  fhost_judge_courses.event(c, &e);
}

/* ---- what is said -------------------------------------------------------- */

static void forms(void) {
  static const struct {
    const char *text, *why;
  } wrong[] = {
      {"", NULL},
      {"three(TEMP, SYS:1, before SYS:1)", NULL},
      {"three(1, -2, now(3))", NULL},
      {"three(before TEMP, TEMP, TEMP)", NULL},
      {"three", "expected \"(\""},
      {"nobody(TEMP)", "unknown native \"nobody\""},
      {"three(TEMP)", "too few arguments"},
      {"none(TEMP, TEMP)", "too many arguments"},
      {"nothing(1)", "gives no value"},
      {"none(before)", "a source or a channel"},
      {"none(SYS:x)", "a number that fits an i32"},
      {"none(now(task))", "integers only"},
      {"none(now(1)", "expected"},
      {"none(TEMP) x", "the end"},
      {"none(\"x\")", "an integer, a source or a channel"},
  };
  struct fhost_natives *t = natives();
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    struct fisa_error err = {""};
    int rc = fhost_judge_form(wrong[i].text, t, &err);
    UNIT_TRUE((rc == 0) == (wrong[i].why == NULL), "\"%s\": %s",
              wrong[i].text, err.text);
    if (wrong[i].why != NULL)
      UNIT_TRUE(strstr(err.text, wrong[i].why) != NULL, "\"%s\": %s",
                wrong[i].text, err.text);
  }
  fhost_natives_free(t);
}

static void names(void) {
  struct fhost_natives *t = natives();
  struct fisa_error err = {""};
  struct fhost_judging j;
  UNIT_EQ(make("none(NOWHERE)", "", t, &j, &err), -1);
  UNIT_TRUE(strstr(err.text, "no source or channel \"NOWHERE\"") != NULL,
            "%s", err.text);
  UNIT_EQ(make("", "", t, &j, &err), 0);
  UNIT_EQ(fhost_judging_offers(&j), 0);
  UNIT_EQ(make("none(temp)", "", t, &j, &err), 0);
  UNIT_EQ(fhost_judging_offers(&j), FLUX_JUDGE_SCORES);
  UNIT_EQ(make("", "none(TEMP)", t, &j, &err), 0);
  UNIT_EQ(fhost_judging_offers(&j), FLUX_JUDGE_MODELS);
  fhost_natives_free(t);
}

/* ---- what is given ------------------------------------------------------- */

static void courses(void) {
  struct fhost_natives *t = natives();
  struct fhost_judging j;
  struct fisa_error err = {""};
  flux_course *c;
  double score = -1;
  UNIT_TRUE(make("three(TEMP, SYS:1, before SYS:1)", "", t, &j, &err) == 0,
            "%s", err.text);
  c = fhost_course_new(&j);
  fhost_judge_courses.begin(c);
  tell(c, false, source("TEMP"), 0, 2);
  tell(c, true, channel("SYS"), 1, 7);
  tell(c, true, channel("SYS"), 2, 9); /* another one's */
  tell(c, false, source("VOLT"), 0, 99);
  UNIT_EQ(fhost_judge_courses.end(c, &score), FLUX_OK);
  UNIT_TRUE(score == 0.5 && seen[0] == 2 && seen[1] == 7 && seen[2] == 0,
            "%g of %g, %g, %g", score, seen[0], seen[1], seen[2]);
  tell(c, true, channel("SYS"), 1, 8);
  UNIT_EQ(fhost_judge_courses.end(c, &score), FLUX_OK);
  UNIT_TRUE(seen[1] == 8 && seen[2] == 7, "%g, before %g", seen[1], seen[2]);
  /* From the start again: nothing is known. */
  fhost_judge_courses.begin(c);
  tell(c, false, source("TEMP"), 0, 400);
  UNIT_EQ(fhost_judge_courses.end(c, &score), FLUX_OK);
  UNIT_TRUE(score == 1 && seen[1] == 0, "not above 1: %g", score);
  tell(c, false, source("TEMP"), 0, -4);
  UNIT_EQ(fhost_judge_courses.end(c, &score), FLUX_OK);
  UNIT_TRUE(score == 0, "nor below 0: %g", score);
  fhost_judge_courses.close(c);
  fhost_judge_courses.close(NULL);
  fhost_natives_free(t);
}

/* A model goes on from its own fractions; what it is given from outside stays
 * as it was when the course was opened. */
static void models(void) {
  struct fhost_natives *t = natives();
  struct fhost_judging j;
  struct fisa_error err = {""};
  flux_course *c;
  int32_t v = 0;
  UNIT_TRUE(make("", "three(TEMP, 3, now(1))", t, &j, &err) == 0, "%s",
            err.text);
  c = fhost_course_new(&j);
  fhost_judge_courses.begin(c);
  tell(c, false, source("TEMP"), 0, 30);
  world = 50;
  UNIT_EQ(fhost_judge_courses.value(c, source("TEMP"), NULL, 0, &v), FLUX_OK);
  UNIT_EQ(v, 8); /* 7.5 */
  UNIT_TRUE(seen[0] == 30 && seen[1] == 3 && seen[2] == 6, "%g, %g, %g",
            seen[0], seen[1], seen[2]);
  UNIT_EQ(fhost_judge_courses.value(c, source("TEMP"), NULL, 0, &v), FLUX_OK);
  UNIT_TRUE(seen[0] == 7.5 && v == 2, "%g -> %d", seen[0], (int)v);
  UNIT_EQ(fhost_judge_courses.value(c, source("VOLT"), NULL, 0, &v),
          FLUX_E_NOT_FOUND);
  fhost_judge_courses.close(c);
  world = 5;
  fhost_natives_free(t);
}

static void no_numbers(void) {
  struct fhost_natives *t = natives();
  struct fhost_judging j;
  struct fisa_error err = {""};
  flux_course *c;
  double score = 0.25;
  int32_t v = 11;
  UNIT_EQ(make("none(TEMP)", "none(TEMP)", t, &j, &err), 0);
  c = fhost_course_new(&j);
  fhost_judge_courses.begin(c);
  UNIT_EQ(fhost_judge_courses.end(c, &score), FLUX_E_INVALID);
  UNIT_EQ(fhost_judge_courses.value(c, source("TEMP"), NULL, 0, &v),
          FLUX_E_INVALID);
  UNIT_TRUE(score == 0.25 && v == 11, "nothing is written");
  fhost_judge_courses.close(c);
  UNIT_EQ(make("", "huge(TEMP)", t, &j, &err), 0);
  c = fhost_course_new(&j);
  fhost_judge_courses.begin(c);
  UNIT_EQ(fhost_judge_courses.value(c, source("TEMP"), NULL, 0, &v), FLUX_OK);
  UNIT_EQ(v, INT32_MAX);
  fhost_judge_courses.close(c);
  fhost_natives_free(t);
}

struct late {
  flux_course *c;
  bool model;
  flux_status rc;
};

static void *late(void *arg) {
  struct late *l = arg;
  double score;
  int32_t v;
  l->rc = l->model ? fhost_judge_courses.value(l->c, source("TEMP"), NULL, 0,
                                               &v)
                   : fhost_judge_courses.end(l->c, &score);
  return NULL;
}

/* While a scorer or a model is inside its native, the host can tell. */
static void away(void) {
  struct fhost_natives *t = natives();
  UNIT_EQ(sem_init(&arrived, 0, 0), 0);
  UNIT_EQ(sem_init(&go, 0, 0), 0);
  for (unsigned n = 0; n < 2; n++) {
    struct late l = {.model = n > 0};
    struct fhost_judging j;
    struct fisa_error err = {""};
    pthread_t thread;
    UNIT_TRUE(make("slow(TEMP)", "slow(TEMP)", t, &j, &err) == 0, "%s",
              err.text);
    l.c = fhost_course_new(&j);
    fhost_judge_courses.begin(l.c);
    UNIT_TRUE(!fhost_judge_is_away(), "nobody is");
    CU_ASSERT_FATAL(pthread_create(&thread, NULL, late, &l) == 0);
    while (sem_wait(&arrived) != 0) continue;
    UNIT_TRUE(fhost_judge_is_away(), "it is");
    sem_post(&go);
    pthread_join(thread, NULL);
    UNIT_EQ(l.rc, FLUX_OK);
    UNIT_TRUE(!fhost_judge_is_away(), "it came back");
    fhost_judge_courses.close(l.c);
  }
  sem_destroy(&arrived);
  sem_destroy(&go);
  fhost_natives_free(t);
}

static const struct unit_test tests[] = {
    {"said", "forms", forms},
    {"said", "names", names},
    {"given", "courses", courses},
    {"given", "models", models},
    {"given", "no numbers", no_numbers},
    {"given", "away", away},
};

UNIT_MAIN(tests)
