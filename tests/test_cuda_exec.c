/*
 * tests/test_cuda_exec.c - single runs on the double of the driver, and how
 * fast engines are.
 */
#include <stdlib.h>
#include <string.h>

#include "gpu/measure.h"
#include "isa/asm.h"
#include "tests/cudarig.h"
#include "tests/unit.h"

enum { FUEL = 3000 };

/* A program with its begin, and the outside: values that follow from how many
 * were taken, outputs that are only summed up. */
struct run {
  struct fisa_dialect *d;
  struct fisa_program *p;
  struct fir_program *ir;
  struct fisa_state *s;
  struct fir_lane *lane;
  struct fir_io io;
  uint32_t taken;
  uint64_t given;
};

static int take(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user) {
  struct run *r = user;

  (void)arg, (void)argc;
  *value = (int32_t)(ftrial_random(9, source, r->taken++, 0) % 2000) - 500;
  return 0;
}

static int give(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user) {
  struct run *r = user;

  r->given = ftrial_random(r->given, channel, argc, r->taken);
  for (unsigned i = 0; i < argc; i++)
    r->given = ftrial_random(r->given, (uint32_t)arg[i], i, 1);
  return 0;
}

static bool ready(struct run *r) {
  struct fisa_error err = {""};

  if (!UNIT_TRUE(r->p && fir_lower(r->p, &r->ir, &err) == 0, "%s", err.text))
    return false;
  r->s = fisa_state_new(r->d);
  r->lane = fir_lane_new();
  CU_ASSERT_FATAL(r->s && r->lane);
  r->io = (struct fir_io){take, give, r};
  fisa_state_start(r->p, r->s);
  return true;
}

static bool run_of(struct run *r, const char *dialect, const char *text) {
  struct fisa_error err = {""};

  memset(r, 0, sizeof(*r));
  if (!UNIT_TRUE(fisa_dialect_builtin(dialect, true, &r->d, &err) == 0 &&
                     fisa_assemble(r->d, text, strlen(text), "test", &r->p,
                                   &err) == 0,
                 "%s", err.text))
    return false;
  return ready(r);
}

static void run_done(struct run *r) {
  fir_lane_free(r->lane);
  fisa_state_free(r->s);
  fir_free(r->ir);
  fisa_program_free(r->p);
  fisa_dialect_free(r->d);
}

/* Both ways from one begin; the same end, and the same outside. */
static void both(struct fcuda *c, struct run *r, const char *who) {
  const struct fir_limits limits = {FUEL, false};
  struct fisa_state *s = fisa_state_new(r->d);
  struct fcuda_task t = {.ir = r->ir, .state = s, .io = &r->io, .fuel = FUEL};
  struct fisa_error why = {""};
  struct fir_result want;
  uint64_t given;
  char *a, *b;

  CU_ASSERT_FATAL(s != NULL);
  fisa_state_copy(s, r->s);
  want = fir_run(r->ir, r->lane, r->s, &r->io, limits);
  given = r->given;
  r->taken = 0;
  r->given = 0;
  UNIT_TRUE(fcuda_exec(c, &t, &why) == 0, "%s: %s", who, why.text);
  UNIT_EQ(t.result.instructions, want.instructions);
  UNIT_EQ(t.result.cost, want.cost);
  UNIT_EQ(r->given, given);
  a = fisa_state_to_json(r->d, r->s, NULL);
  b = fisa_state_to_json(r->d, s, NULL);
  UNIT_TRUE(a && b && strcmp(a, b) == 0, "%s: %s\n%s", who, a, b);
  free(a);
  free(b);
  fisa_state_free(s);
}

/* ---- runs --------------------------------------------------------------- */

/* More tasks than a batch has lanes, with what each took and gave. */
static const char yields[] =
    ".out none\n    MOVI R1, 0\nl:  INC R1\n    TEMP R2\n"
    "    TELL R1, R2, R0\n    YIELD 0\n    JMP l\n";

static void tasks(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c = rig_open(&o);
  struct run r;

  if (c && run_of(&r, "unified", yields)) {
    both(c, &r, "tasks");
    UNIT_EQ(r.s->status, FISA_RUN_FUEL);
    UNIT_TRUE(r.taken > FPK_WIDTH, "%u tasks", r.taken);
    UNIT_EQ(f->launches, 2);
    run_done(&r);
  }
  fcuda_free(c);
  rig_clean("tasks");
}

/* Ends of all kinds, stacks and memory. */
static void endings(void) {
  static const char *const texts[] = {
      "  HALT\n",
      "  MOVI R1, 7\n  PUSH R1\n  PUSH R1\n  STOREI R1, R0, 64\n  HALT\n",
      "  MOVI R1, 1\n  DIV R2, R1, R0\n  HALT\n",
      "  MOVI R1, 1\n",
      "  POP R1\n  HALT\n",
      "l: JMP l\n",
      ".boundary pc:here\n  MOVI R1, 3\nhere: DEC R1\n  JNE R1, here\n"
      "  HALT\n"};
  struct fcuda_options o = rig_options();
  struct fcuda *c;

  rig_fake();
  c = rig_open(&o);
  for (size_t i = 0; c && i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct run r;
    if (!run_of(&r, "unified", texts[i]))
      continue;
    both(c, &r, texts[i]);
    run_done(&r);
  }
  fcuda_free(c);
  rig_clean("endings");
}

static void agents(void) {
  static const char *const names[] = {"thermostat", "sieve", "power", "crc8",
                                      "recorder", "ones"};
  struct fcuda_options o = rig_options();
  struct fcuda *c;

  rig_fake();
  c = rig_open(&o);
  for (size_t i = 0; c && i < sizeof(names) / sizeof(names[0]); i++) {
    struct fisa_error err = {""};
    struct run r = {NULL};
    char path[64];

    snprintf(path, sizeof(path), "samples/agents/%s.flx", names[i]);
    if (!UNIT_TRUE(fisa_load(unit_src(path), NULL, NULL, &r.d, &r.p,
                             &err) == 0, "%s", err.text))
      continue;
    if (ready(&r))
      both(c, &r, names[i]);
    run_done(&r);
  }
  fcuda_free(c);
  rig_clean("agents");
}

/* What the device does not do is said, not done elsewhere. */
static void no_answer(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c = rig_open(&o);
  struct fisa_error why = {""};
  struct run r;

  if (c && run_of(&r, "unified", "  INC R1\n  HALT\n")) {
    struct fcuda_task t = {.ir = r.ir, .state = r.s, .fuel = FUEL};

    f->fail_launch = f->launches + 1;
    UNIT_EQ(fcuda_exec(c, &t, &why), -1);
    UNIT_STR_EQ(why.text, "the device failed");
    f->fail_launch = 0;
    fisa_state_start(r.p, r.s);
    UNIT_EQ(fcuda_exec(c, &t, &why), 0);
    run_done(&r);
  }
  if (c && run_of(&r, "unified", "  TEMP R1\n  HALT\n")) {
    struct fcuda_task t = {.ir = r.ir, .state = r.s, .fuel = FUEL};

    UNIT_EQ(fcuda_exec(c, &t, &why), -1);
    UNIT_TRUE(strstr(why.text, "there is none of") != NULL, "%s", why.text);
    run_done(&r);
  }
  fcuda_free(c);
  rig_clean("no answer");
}

/* ---- figures ------------------------------------------------------------ */

static void figures(void) {
  struct fisa_error err = {""};
  struct fmeasure m;
  struct ftrial_set *set;
  struct run r;

  rig_fake();
  rig_absent = true;
  if (!run_of(&r, "unified", ".in R1 1..9\n.out R2\nl: ADD R2, R2, R1\n"
                             "  DEC R1\n  JNE R1, l\n  HALT\n"))
    return;
  set = ftrial_set_new(r.p, FUEL, NULL);
  CU_ASSERT_FATAL(set != NULL);
  UNIT_EQ(fmeasure_set(set, FMEASURE_LANES, 0, &m, &err), -1);
  UNIT_STR_EQ(err.text, "there is no episode");
  for (int32_t i = 0; i < 100; i++) {
    const struct ftrial_episode e = {FTRIAL_RECORDED, r.s, NULL, 0, 1.0};
    r.s->cells[1] = 1 + i % 9;
    UNIT_EQ(ftrial_set_add(set, &e), FTRIAL_ADDED);
  }
  for (int e = FMEASURE_IR; e <= FMEASURE_LANES; e++) {
    UNIT_EQ(fmeasure_set(set, (enum fmeasure_engine)e, 0, &m, &err), 0);
    UNIT_TRUE(m.trials > 0 && m.instructions > m.trials * 15 &&
                  m.instructions < m.trials * 17,
              "%f instructions, %f trials", m.instructions, m.trials);
  }
  UNIT_EQ(fmeasure_set(set, FMEASURE_CUDA, 0, &m, &err), -1);
  UNIT_TRUE(strstr(err.text, "there is no device: ") == err.text, "%s",
            err.text);
  UNIT_EQ(fmeasure_by_word("cuda"), FMEASURE_CUDA);
  UNIT_EQ(fmeasure_by_word("ref"), -1);
  ftrial_set_free(set);
  run_done(&r);
}

static const struct unit_test tests[] = {
    {"runs", "tasks", tasks},
    {"runs", "endings", endings},
    {"runs", "agents", agents},
    {"runs", "no_answer", no_answer},
    {"figures", "engines", figures},
};

UNIT_MAIN(tests)
