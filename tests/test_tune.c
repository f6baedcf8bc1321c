/*
 * test_tune.c - edits that change what an agent does, tried on courses.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/tune.h"
#include "samples/room/room.h"
#include "tests/isa_util.h"
#include "tests/tune_rig.h"
#include "tests/unit.h"

enum { PERIOD = 32, DAYS = 4, PROBES = 200 };

/* ---- an agent that lives in a room -------------------------------------- */

struct life {
  int32_t room;
  struct fisa_program *program;
  struct fisa_facts *facts;
  struct fir_program *ir;
  struct fir_lane *lane;
  struct fisa_state *state, *begin;
  struct fisa_trace events;
};

static int live_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct life *l = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};
  (void)arg;
  *value = e.value = room_temp(l->room);
  return fisa_trace_add(&l->events, &e);
}

static int live_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  struct life *l = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  for (unsigned i = 0; i < argc; i++) e.arg[i] = arg[i];
  if (argc == 2 && arg[0] == 1) room_heat(l->room, arg[1]);
  return fisa_trace_add(&l->events, &e);
}

static void life_open(struct life *l, struct fisa_program *p, int32_t room) {
  memset(l, 0, sizeof *l);
  l->room = room;
  room_reset(room);
  l->program = p;
  UNIT_EQ(fisa_facts_make(p, &l->facts, NULL), 0);
  UNIT_EQ(fir_lower(p, &l->ir, NULL), 0);
  l->lane = fir_lane_new();
  l->state = fisa_state_new(p->dialect);
  l->begin = fisa_state_new(p->dialect);
  fisa_state_start(p, l->state);
}

static void life_close(struct life *l) {
  fisa_trace_done(&l->events);
  fisa_state_free(l->begin);
  fisa_state_free(l->state);
  fir_lane_free(l->lane);
  fir_free(l->ir);
  fisa_facts_free(l->facts);
  fisa_program_free(l->program);
}

static void life_task(struct life *l) {
  const struct fir_io io = {live_input, live_output, l};
  const struct fir_limits limits = {1000, true};
  l->events.count = 0;
  fisa_state_copy(l->begin, l->state);
  fir_run(l->ir, l->lane, l->state, &io, limits);
  UNIT_EQ(l->state->status, FISA_RUN_YIELD);
}

/* The mean score of some days, the first of which does not count. */
static double lived(const struct fisa_program *p) {
  struct life l;
  double sum = 0;
  float before = 0;
  life_open(&l, fisa_program_derive(p, p->code, p->size, p->entry, 0), 7);
  for (int k = 0; k < DAYS * ROOM_DAY; k++) {
    float heater, temp;
    life_task(&l);
    temp = (float)l.events.events[0].value;
    heater = (float)l.state->cells[8];
    if (k >= ROOM_DAY) sum += (double)room_score(temp, heater, before);
    before = heater;
  }
  life_close(&l);
  return sum / ((DAYS - 1) * ROOM_DAY);
}

/* ---- a search ----------------------------------------------------------- */

struct bench {
  struct life life;
  struct fse_policy policy;
  struct fse_scene scenes[FSE_SCENES];
  struct ftrial_set *set;
  atomic_bool cancel;
  struct fse_tune_request q;
  struct fse_tune_result result;
  struct fisa_error err;
  int rc;
};

static void record(struct bench *b) {
  struct life *l = &b->life;
  for (uint32_t i = 0; i < FSE_SCENES; i++) {
    for (int k = 0; k < PERIOD; k++) life_task(l);
    UNIT_EQ(fse_scene_fill(&b->scenes[i], l->program->dialect, l->begin,
                           l->events.events, l->events.count), 0);
    UNIT_EQ(tune_judge.open(0, &b->scenes[i].course, NULL), FLUX_OK);
  }
}

static void bench_open(struct bench *b, int deadband) {
  const struct ftrial_episode e = {.origin = FTRIAL_RECORDED};
  struct ftrial_episode one = e;
  char text[1024];
  uint32_t offers = tune_judge.offers(0, NULL);
  memset(b, 0, sizeof *b);
  tune_thermostat(deadband, text, sizeof text);
  life_open(&b->life, isa_program(isa_unified(), text), 0);
  record(b);
  fse_policy_init(&b->policy);
  b->set = ftrial_set_new(b->life.program, 1000, &b->err);
  one.begin = b->scenes[0].begin;
  one.events = b->scenes[0].events;
  one.event_count = b->scenes[0].event_count;
  UNIT_EQ(ftrial_set_add(b->set, &one), FTRIAL_ADDED);
  b->q = (struct fse_tune_request){
      .root = b->life.program, .root_facts = b->life.facts,
      .parent = b->life.program, .policy = &b->policy, .scenes = b->scenes,
      .scene_count = FSE_SCENES, .judge = &tune_judge,
      .scores = (offers & FLUX_JUDGE_SCORES) != 0,
      .models = (offers & FLUX_JUDGE_MODELS) != 0,
      .confidence_cell = fisa_file_by_name(isa_unified(), "C", 1),
      .confidence_scale = 100, .trust = 0.9, .fuel = 1000, .set = b->set,
      .cancel = &b->cancel};
  b->q.confidence_cell =
      isa_unified()->files[b->q.confidence_cell].first + 1;
}

static void bench_job(struct fse_errand *e, void *arg) {
  struct bench *b = arg;
  b->rc = fse_tune_search(e, &b->q, &b->result, &b->err);
}

/* What the errand said. */
static int bench_run(struct bench *b, uint32_t limit_ms) {
  struct fse_errand *e = fse_errand_new();
  int rc = fse_errand_run(e, limit_ms, bench_job, b);
  if (rc == 0) fse_errand_free(e);
  return rc;
}

static void bench_close(struct bench *b) {
  for (uint32_t i = 0; i < FSE_SCENES; i++) {
    tune_judge.close(b->scenes[i].course);
    fse_scene_done(&b->scenes[i]);
  }
  fse_tune_result_done(&b->result);
  ftrial_set_free(b->set);
  life_close(&b->life);
}

/* The room likes another deadband, and it is found; what courses promise comes
 * true in a room. */
static void learns(void) {
  struct bench b, again;
  tune_lie(TUNE_HONEST);
  bench_open(&b, 5);
  UNIT_EQ(bench_run(&b, 60000), 0);
  if (UNIT_TRUE(b.rc == 0 && b.result.improved, "%s, %.4f after %llu",
                b.err.text, b.result.score_after,
                (unsigned long long)b.result.variants)) {
    double before = lived(b.life.program), after = lived(b.result.best);
    UNIT_TRUE(after > before + 0.005, "lived: %.4f -> %.4f; %s", before,
              after, b.result.what);
    UNIT_TRUE(b.result.score_after > b.result.score_before + 0.005,
              "told: %.4f -> %.4f", b.result.score_before,
              b.result.score_after);
    UNIT_TRUE(b.result.fitness_after > b.result.fitness_before, "%g",
              b.result.fitness_after);
    UNIT_TRUE(strstr(b.result.what, "->") != NULL, "%s", b.result.what);
    UNIT_TRUE(strstr(b.result.kinds, "TuneThreshold") != NULL, "%s",
              b.result.kinds);
  }
  bench_open(&again, 5);
  UNIT_EQ(bench_run(&again, 60000), 0);
  UNIT_TRUE(again.result.improved, "again");
  if (again.result.improved && b.result.improved)
    UNIT_EQ(memcmp(again.result.best->hash, b.result.best->hash, 32), 0);
  UNIT_EQ(again.result.variants, b.result.variants);
  bench_close(&again);
  bench_close(&b);
}

/* What is best already stays. */
static void contented(void) {
  struct bench b, more;
  tune_lie(TUNE_HONEST);
  bench_open(&b, 5);
  UNIT_EQ(bench_run(&b, 60000), 0);
  UNIT_TRUE(b.result.improved, "first");
  bench_open(&more, 5);
  if (b.result.improved) {
    more.q.parent = b.result.best;
    more.q.parent_places = b.result.places;
    more.q.parent_place_count = b.result.place_count;
    UNIT_EQ(bench_run(&more, 60000), 0);
    UNIT_EQ(more.rc, 0);
    UNIT_TRUE(!more.result.improved, "%s", more.result.what);
    UNIT_TRUE(more.result.variants > 0, "nothing was tried");
  }
  bench_close(&more);
  bench_close(&b);
}

/* A trial without the values it asks for is no pass. */
static void inconclusive(void) {
  struct bench b;
  tune_lie(TUNE_NO_MODEL);
  bench_open(&b, 5);
  UNIT_EQ(bench_run(&b, 60000), 0);
  UNIT_EQ(b.rc, 0);
  UNIT_TRUE(!b.result.improved, "%s", b.result.what);
  bench_close(&b);
}

static void no_number(void) {
  struct bench b;
  tune_lie(TUNE_NAN);
  bench_open(&b, 5);
  UNIT_EQ(bench_run(&b, 60000), 0);
  UNIT_TRUE(b.result.no_number && !b.result.improved, "a NaN is a score");
  bench_close(&b);
}

/* The confidence of both on one reading. */
static int32_t rating(struct life *l, const struct fir_program *ir,
                      const struct fisa_program *p, uint32_t cell,
                      int32_t temp) {
  const struct fir_limits limits = {1000, true};
  struct fisa_event e = {.value = temp};
  struct fir_io io = {NULL, NULL, &e};
  fisa_state_start(p, l->state);
  room_reset(l->room);
  io.input = live_input;
  io.user = l;
  l->events.count = 0;
  for (int k = 0; k < temp; k++) fir_run(ir, l->lane, l->state, &io, limits);
  return l->state->cells[cell];
}

/* Where its confidence is the score an agent gets better at its work, and not
 * at praising itself. */
static void modest(void) {
  struct bench b;
  struct fir_program *ir = NULL;
  tune_lie(TUNE_NO_SCORE);
  bench_open(&b, 5);
  UNIT_EQ(bench_run(&b, 60000), 0);
  if (UNIT_TRUE(b.rc == 0 && b.result.improved, "%s", b.err.text) &&
      UNIT_TRUE(fir_lower(b.result.best, &ir, NULL) == 0, "lowers")) {
    /* From a cold room both do the same until it is warm. */
    for (int32_t k = 1; k <= 20; k++)
      UNIT_EQ(rating(&b.life, ir, b.result.best,
                     (uint32_t)b.q.confidence_cell, k),
              rating(&b.life, b.life.ir, b.life.program,
                     (uint32_t)b.q.confidence_cell, k));
    UNIT_TRUE(b.result.score_after > b.result.score_before, "%.4f -> %.4f",
              b.result.score_before, b.result.score_after);
  }
  fir_free(ir);
  bench_close(&b);
}

static void cancelled(void) {
  struct bench b;
  tune_lie(TUNE_HONEST);
  bench_open(&b, 5);
  atomic_store(&b.cancel, true);
  UNIT_EQ(bench_run(&b, 60000), 0);
  UNIT_TRUE(!b.result.improved, "a search nobody wants");
  bench_close(&b);
}

/* ---- calls that do not come back ---------------------------------------- */

static void hang_job(struct fse_errand *e, void *arg) {
  flux_course *c = arg;
  double score;
  fse_errand_away(e);
  (void)tune_judge.end(c, &score);
  fse_errand_back(e);
  /* Nobody gets here. */
  abort();
}

static void given_up(void) {
  const struct timespec nap = {0, 1000000};
  struct fse_errand *e = fse_errand_new();
  flux_course *c = NULL;
  tune_lie(TUNE_HANGS);
  UNIT_EQ(tune_judge.open(0, &c, NULL), FLUX_OK);
  UNIT_EQ(fse_errand_run(e, 20, hang_job, c), -1);
  UNIT_EQ(tune_hanging(), 1);
  tune_let_go();
  while (tune_hanging() > 0) nanosleep(&nap, NULL);
  tune_judge.close(c);
  UNIT_EQ(tune_open_courses(), 0);
}

static void count_job(struct fse_errand *e, void *arg) {
  fse_errand_away(e);
  ++*(int *)arg;
  fse_errand_back(e);
}

static void many_jobs(void) {
  struct fse_errand *e = fse_errand_new();
  int n = 0;
  for (int i = 0; i < PROBES; i++)
    UNIT_EQ(fse_errand_run(e, 60000, count_job, &n), 0);
  UNIT_EQ(n, PROBES);
  fse_errand_free(e);
  fse_errand_free(NULL);
}

/* ---- noise -------------------------------------------------------------- */

static void noise(void) {
  const double sure[] = {0.01, 0.011, 0.009, 0.01};
  const double luck[] = {0.5, -0.4, 0.3, -0.2};
  const double same[] = {0, 0, 0};
  UNIT_TRUE(fse_beyond_noise(sure, 4, 0), "a small gain that is sure");
  UNIT_TRUE(!fse_beyond_noise(sure, 4, 0.01), "but no larger one");
  UNIT_TRUE(!fse_beyond_noise(luck, 4, 0), "luck");
  UNIT_TRUE(!fse_beyond_noise(same, 3, 0), "nothing");
  UNIT_TRUE(!fse_beyond_noise(sure, 1, 0), "once is never");
}

static const struct unit_test tests[] = {
    {"search", "learns", learns},
    {"search", "contented", contented},
    {"search", "inconclusive", inconclusive},
    {"search", "no number", no_number},
    {"search", "modest", modest},
    {"search", "cancelled", cancelled},
    {"errand", "given up", given_up},
    {"errand", "many jobs", many_jobs},
    {"noise", "noise", noise},
};

UNIT_MAIN(tests)
