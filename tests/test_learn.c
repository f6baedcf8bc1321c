/*
 * test_learn.c - tuning live where a threshold is not what matters: a decay
 * that is too fast, and an instinct that an agent lacks. Each has a judge whose
 * best needs just that, and each is accepted by its trial beside itself.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/tune_live.h"
#include "tests/unit.h"

enum { TRIAL = 64, AFTER = 120, BETTER_RATE = 90, LEVEL = 40 };

/* ---- a judge ------------------------------------------------------------ */

static _Atomic int32_t courses;
static _Atomic uint32_t judged; /* tasks */

struct flux_course {
  uint32_t tasks;
  int32_t value, before; /* last said, in this task and the one before it */
  int32_t read;          /* last */
  bool repeated;         /* what was read was said */
};

static uint32_t judge_offers(uint64_t agent, void *ctx) {
  (void)agent, (void)ctx;
  return FLUX_JUDGE_SCORES | FLUX_JUDGE_MODELS;
}

static flux_status judge_open(uint64_t agent, flux_course **out, void *ctx) {
  (void)agent, (void)ctx;
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return FLUX_E_MEMORY;
  atomic_fetch_add(&courses, 1);
  return FLUX_OK;
}

static void judge_begin(flux_course *c) { memset(c, 0, sizeof *c); }

static void judge_event(flux_course *c, const flux_event *e) {
  int32_t said = e->arg[e->argc == 2]; /* SYS has its number before it */
  if (!e->out) {
    c->read = e->value;
    return;
  }
  c->value = said;
  c->repeated |= said == c->read;
}

/* The world goes round, and stands still within a task. */
static int32_t world(uint64_t task) { return 30 + (int32_t)(task * 13 % 60); }

static flux_status judge_value(flux_course *c, uint16_t source,
                               const int32_t *arg, uint32_t argc,
                               int32_t *value) {
  (void)source, (void)arg, (void)argc;
  *value = c->read = world(c->tasks);
  return FLUX_OK;
}

static void judge_close(flux_course *c) {
  if (c != NULL) atomic_fetch_sub(&courses, 1);
  free(c);
}

/* A judge for whom a task is worth what `end` says. */
static flux_judge judge_by(flux_status (*end)(flux_course *c,
                                              double *score)) {
  return (flux_judge){.struct_size = sizeof(flux_judge),
                      .offers = judge_offers,
                      .open = judge_open,
                      .begin = judge_begin,
                      .event = judge_event,
                      .value = judge_value,
                      .end = end,
                      .close = judge_close};
}

static void next_task(flux_course *c) {
  atomic_fetch_add(&judged, 1);
  c->before = c->value;
  c->repeated = false;
  c->tasks++;
}

/* ---- a decay ------------------------------------------------------------ */

/* What is said fades by a fifth a task and begins anew below 10. */
static const char fading[] =
    ".in C2 10..100\n"
    "task: MOVI R4, 80\n CONF_DECAY R2, R4\n CONF_GET R5, C2\n"
    " MOVI R3, 10\n CMP_LT R6, R5, R3\n JEQ R6, tell\n"
    " MOVI R5, 100\n CONF_SET C2, R5\n"
    "tell: MOV R1, R5\n SYS 1\n YIELD 0\n JMP task\n";

/* What would be said if it faded by a tenth. */
static int32_t fades_to(int32_t before) {
  int32_t next = before * BETTER_RATE / 100;
  return next < 10 ? 100 : next;
}

static flux_status fading_end(flux_course *c, double *score) {
  double off = fabs((double)c->value - fades_to(c->before)) / 20;
  *score = c->tasks == 0 ? 0.5 : off < 1 ? 1 - off : 0;
  next_task(c);
  return FLUX_OK;
}

/* ---- an instinct -------------------------------------------------------- */

/* Above a level it says that it is so, and not what is so. */
static const char terse[] =
    ".out none\n"
    "task: SENSE R2\n MOVI R3, 40\n CMP_GT R4, R2, R3\n JEQ R4, quiet\n"
    " MOVI R5, 1\n TELL R5, R5, R5\n"
    "quiet: YIELD 0\n JMP task\n";

/* Whoever listens wants to hear what is above the level, and nothing else. */
static flux_status terse_end(flux_course *c, double *score) {
  *score = c->repeated == (c->read > LEVEL) ? 1 : 0.1;
  next_task(c);
  return FLUX_OK;
}

/* ---- live --------------------------------------------------------------- */

static struct livehost h;
static uint32_t said_count, repeats;
static int32_t last_said;

static int32_t sense(void) { return world(h.number); }

static void act(const int32_t *arg, unsigned argc) {
  last_said = arg[argc == 2];
  repeats += last_said == sense();
  said_count++;
}

/* A host whose agent learns, up to the acceptance: then nothing of the trial
 * stays. */
static void learn(const char *text, const flux_judge *judge) {
  const struct flux_evolved *a;
  tune_open(&h, text, judge, TRIAL);
  livehost_set(&h, "policy.max_growth", 2);
  h.continues = true;
  h.sense = sense;
  h.act = act;
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  tune_accepted(&h);
  UNIT_EQ(livehost_said(&h, "accepted patch"), 1);
  a = h.evolved;
  UNIT_TRUE(a->next_patch.live.program == NULL && !a->next_patch.tuning,
            "a patch is on its way");
  UNIT_EQ(a->tuning.beside, 0);
}

/* No course is left when the agent has gone. */
static void released(void) {
  UNIT_TRUE(!livehost_explains(&h, "not evolved"), "%s", h.explanation);
  livehost_close(&h);
  UNIT_EQ(atomic_load(&courses), 0);
}

static void a_decay(void) {
  const flux_judge judge = judge_by(fading_end);
  int32_t before;
  learn(fading, &judge);
  UNIT_TRUE(livehost_said(&h, "AdjustDecay") > 0, "it was something else");
  UNIT_EQ(h.program->size, h.root->size);
  UNIT_MEM_EQ(h.evolved->root->hash, h.program->hash, 32);
  livehost_task(&h, NULL);
  for (int n = 0; n < AFTER; n++) {
    before = last_said;
    livehost_task(&h, NULL);
    UNIT_EQ(last_said, fades_to(before));
  }
  livehost_settle(&h);
  released();
}

static void an_instinct(void) {
  const flux_judge judge = judge_by(terse_end);
  uint32_t wanted = 0;
  learn(terse, &judge);
  UNIT_TRUE(livehost_said(&h, "AddInstinct") > 0, "it was something else");
  UNIT_TRUE(h.program->size > h.root->size, "nothing was added");
  UNIT_MEM_EQ(h.evolved->root->hash, h.program->hash, 32);
  said_count = repeats = 0;
  for (int n = 0; n < AFTER; n++) {
    wanted += sense() > LEVEL;
    livehost_task(&h, NULL);
  }
  UNIT_EQ(repeats, wanted);
  UNIT_TRUE(wanted > 0 && wanted < AFTER, "%u of all", wanted);
  UNIT_EQ(said_count, 2 * wanted);
  livehost_settle(&h);
  released();
}

/* Where such an edit has no weight nothing else does as well. */
static void nothing_else_will_do(void) {
  const flux_judge judge = judge_by(fading_end);
  atomic_store(&judged, 0);
  tune_open(&h, fading, &judge, TRIAL);
  livehost_set(&h, "policy.weights.AdjustDecay", 0);
  h.continues = true;
  h.act = act;
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  for (int n = 0; n < 4 * TRIAL; n++) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_TRUE(atomic_load(&judged) > FSE_SCENES * FSE_COURSE_TASKS,
            "nothing was looked for");
  UNIT_EQ(livehost_said(&h, "score"), 0);
  livehost_close(&h);
  UNIT_EQ(atomic_load(&courses), 0);
}

static const struct unit_test tests[] = {
    {"learn", "a decay", a_decay},
    {"learn", "an instinct", an_instinct},
    {"learn", "nothing else will do", nothing_else_will_do},
};

UNIT_MAIN(tests)
