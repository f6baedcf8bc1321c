/*
 * test_trial.c - episode sets, trials and fuzzing: verdicts, bounds, early
 * cuts, counterexamples, and that the same question has the same answer.
 */
#include "tests/unit.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial.h"
#include "isa/asm.h"
#include "tests/isa_util.h"

enum { FUEL = 100000, STATES = 2000 };

/* A root with its set, a lane, and a state to make episodes from. */
struct rig {
  struct fisa_program *root;
  struct ftrial_set *set;
  struct fir_lane *lane;
  struct fisa_state *s;
};

static struct rig rig_of(const char *text) {
  struct rig r = {.root = isa_program(isa_unified(), text)};
  struct fisa_error err = {""};

  CU_ASSERT_FATAL(r.root != NULL);
  r.set = ftrial_set_new(r.root, FUEL, &err);
  if (!r.set)
    UNIT_TRUE(0, "%s", err.text);
  CU_ASSERT_FATAL(r.set != NULL);
  r.lane = fir_lane_new();
  r.s = fisa_state_new(isa_unified());
  CU_ASSERT_FATAL(r.lane && r.s);
  fisa_state_start(r.root, r.s);
  return r;
}

static void rig_done(struct rig *r) {
  ftrial_set_free(r->set);
  fisa_state_free(r->s);
  fir_lane_free(r->lane);
  fisa_program_free(r->root);
}

static enum ftrial_add add_events(struct rig *r, enum ftrial_origin origin,
                                  const struct fisa_event *events,
                                  uint32_t count) {
  const struct ftrial_episode e = {origin, r->s, events, count, 1.0};

  return ftrial_set_add(r->set, &e);
}

/* A recorded episode that begins with R1 = v. */
static void add_r1(struct rig *r, int32_t v) {
  r->s->cells[1] = v;
  UNIT_EQ(add_events(r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED);
}

/* A variant with the root's manifest, which its text repeats. */
struct variant {
  struct fisa_program *p;
  struct fir_program *ir;
};

static struct variant variant_of(const char *text) {
  struct variant v = {.p = isa_program(isa_unified(), text)};

  CU_ASSERT_FATAL(v.p != NULL);
  CU_ASSERT_FATAL(fir_lower(v.p, &v.ir, NULL) == 0);
  return v;
}

static void variant_done(struct variant *v) {
  fir_free(v->ir);
  fisa_program_free(v->p);
}

static struct ftrial_result try_text(struct rig *r, const char *text,
                                     uint64_t bound) {
  struct variant v = variant_of(text);
  struct ftrial_result result =
      ftrial_run(r->set, v.ir, NULL, r->lane, 0, UINT32_MAX, bound);

  variant_done(&v);
  return result;
}

static struct ftrial_result fuzz_text(struct rig *r, const char *text,
                                      uint64_t seed, uint32_t states) {
  struct variant v = variant_of(text);
  struct ftrial_result result =
      ftrial_fuzz(r->set, v.ir, NULL, r->lane, seed, states);

  variant_done(&v);
  return result;
}

static struct fisa_event in_event(const char *source, int32_t value) {
  struct fisa_event e = {.value = value};
  const struct fisa_dialect *d = isa_unified();

  while (e.name < d->source_count && strcmp(d->sources[e.name], source) != 0)
    e.name++;
  CU_ASSERT_FATAL(e.name < d->source_count);
  return e;
}

/* Four times R1, the long way. */
static const char four_times[] = ".in R1\n.out R3\n"
                                 "   MOVI R3, 0\n   MOVI R4, 4\n"
                                 "l: ADD R3, R3, R1\n   LOOP R4, l\n   HALT\n";
static const char shifted[] = ".in R1\n.out R3\n"
                              "   MOV R3, R1\n   SHLI R3, 2\n   HALT\n";
static const char wrong_for_7[] = ".in R1\n.out R3\n"
                                  "   MOV R3, R1\n   SUBI R1, 7\n"
                                  "   JEQ R1, end\n   SHLI R3, 2\n"
                                  "end: HALT\n";
static const char endless[] = ".in R1\n.out R3\nl: JMP l\n";

/* ---- verdicts ----------------------------------------------------------- */

static void same_and_cheaper(void) {
  struct rig r = rig_of(four_times);
  struct ftrial_result result;

  for (int32_t v = -5; v < 5; v++)
    add_r1(&r, v);
  UNIT_EQ(ftrial_set_count(r.set), 10);
  UNIT_EQ(ftrial_set_recorded(r.set), 10);
  UNIT_EQ(ftrial_root_cost(r.set, 0, 10), 110);
  UNIT_EQ(ftrial_root_cost(r.set, 2, 3), 33);
  UNIT_EQ(ftrial_root_cost(r.set, 10, 3), 0);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->instructions, 11);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->status, FISA_RUN_HALT);
  result = try_text(&r, shifted, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  UNIT_EQ(result.tried, 10);
  UNIT_EQ(result.cost, 30);
  UNIT_EQ(result.instructions, 30);
  result = try_text(&r, four_times, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  UNIT_EQ(result.cost, 110);
  rig_done(&r);
}

static void wrong_is_found(void) {
  struct rig r = rig_of(four_times);
  struct ftrial_result result;

  for (int32_t v = 0; v < 12; v++)
    add_r1(&r, v);
  result = try_text(&r, wrong_for_7, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  UNIT_EQ(result.tried, 7);
  UNIT_EQ(result.episode, 7);
  UNIT_TRUE(strstr(result.what, "R3") != NULL, "%s", result.what);
  UNIT_TRUE(strstr(result.what, "7, not 28") != NULL, "%s", result.what);
  rig_done(&r);
}

static void endings(void) {
  static const struct {
    const char *text, *what;
  } cases[] = {
      {endless, "fuel"},
      {".in R1\n.out R3\n MOV R3, R1\n SHLI R3, 2\n", "end"},
      {".in R1\n.out R3\n MOV R3, R1\n SHLI R3, 2\n APOPTOSIS\n", "99"},
      {".in R1\n.out R3\n MOV R3, R1\n SHLI R3, 2\n DIV R1, R0, R0\n",
       "fault 2"},
      {".in R1\n.out R3\n MOV R3, R1\n SHLI R3, 2\n YIELD 0\n HALT\n",
       "yield"},
      {".in R1\n.out R3\n MOV R3, R1\n SHLI R3, 2\n SYS 1\n HALT\n",
       "output 0"},
      {".in R1\n.out R3\n MOV R3, R1\n SHLI R3, 2\n TEMP R9\n HALT\n",
       "input 0"},
  };

  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct rig r = rig_of(four_times);
    struct ftrial_result result;
    add_r1(&r, 3);
    result = try_text(&r, cases[i].text, UINT64_MAX);
    UNIT_EQ(result.verdict, FTRIAL_WRONG);
    UNIT_TRUE(strstr(result.what, cases[i].what) != NULL, "%s: %s",
              cases[i].what, result.what);
    rig_done(&r);
  }
}

/* A root that faults has a result: the same fault. */
static void faults_are_results(void) {
  static const char root[] = ".in R1\n.out R3\n MOVI R3, 5\n"
                             " DIV R4, R3, R1\n HALT\n";
  struct rig r = rig_of(root);

  add_r1(&r, 0);
  add_r1(&r, 2);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->status, FISA_RUN_FAULT);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->fault, 2);
  UNIT_EQ(try_text(&r, root, UINT64_MAX).verdict, FTRIAL_SAME);
  UNIT_EQ(try_text(&r, ".in R1\n.out R3\n MOVI R3, 5\n HALT\n", UINT64_MAX)
              .verdict,
          FTRIAL_WRONG);
  UNIT_EQ(try_text(&r, ".in R1\n.out R3\n MOVI R3, 5\n POP R1\n HALT\n",
                   UINT64_MAX)
              .verdict,
          FTRIAL_WRONG); /* another fault */
  rig_done(&r);
}

static void default_observables(void) {
  static const char root[] = " MOVI R1, 5\n STI8 R1, 300\n FORK R2\n"
                             " ITOF R3, R1\n MOVI R7, 9\n PUSH R7\n HALT\n";
  static const struct {
    const char *text;
    bool same;
  } cases[] = {
      {" MOVI R1, 5\n STI8 R1, 300\n FORK R2\n ITOF R3, R1\n MOVI R7, 9\n"
       " PUSH R7\n HALT\n", true},
      {" MOVI R7, 9\n PUSH R7\n MOVI R1, 5\n STI8 R1, 300\n FORK R2\n"
       " ITOF R3, R1\n INC R8\n DEC R8\n HALT\n", true}, /* but flags */
      {" MOVI R1, 5\n STI8 R1, 301\n FORK R2\n ITOF R3, R1\n MOVI R7, 9\n"
       " PUSH R7\n HALT\n", false},
      {" MOVI R1, 5\n FORK R2\n ITOF R3, R1\n MOVI R7, 9\n PUSH R7\n HALT\n",
       false},
      {" MOVI R1, 5\n STI8 R1, 300\n FORK R2\n ITOF R4, R1\n MOVI R7, 9\n"
       " PUSH R7\n HALT\n", false},
      {" MOVI R1, 5\n STI8 R1, 300\n FORK R2\n ITOF R3, R1\n MOVI R7, 9\n"
       " HALT\n", false},
      {" MOVI R1, 5\n STI8 R1, 300\n STI8 R0, 900\n FORK R2\n ITOF R3, R1\n"
       " MOVI R7, 9\n PUSH R7\n HALT\n", true}, /* a page of zeros */
      {" MOVI R1, 5\n STI8 R1, 300\n FORK R2\n ITOF R3, R1\n MOVI R7, 9\n"
       " PUSH R7\n PUSH R7\n HALT\n", false},
      {" MOVI R1, 5\n STI8 R1, 300\n FORK R2\n ITOF R3, R1\n MOVI R7, 9\n"
       " PUSH R1\n HALT\n", false},
  };
  struct rig r = rig_of(root);

  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct ftrial_result result = try_text(&r, cases[i].text, UINT64_MAX);
    UNIT_TRUE((result.verdict == FTRIAL_SAME) == cases[i].same, "%zu: %s", i,
              result.what);
    UNIT_TRUE(cases[i].same || result.what[0] != '\0', "%zu: a reason", i);
  }
  rig_done(&r);
}

static void named_memory(void) {
  static const char head[] = ".in R1\n.out mem 0x104 4\n"
                             ".scratch mem 0x200 16\n";
  char text[256];
  struct rig r;

  snprintf(text, sizeof(text), "%s STI8 R1, 0x105\n HALT\n", head);
  r = rig_of(text);
  add_r1(&r, 77);
  snprintf(text, sizeof(text), "%s STI8 R1, 0x105\n STI8 R1, 0x109\n"
                               " STI8 R1, 0x103\n INC R9\n HALT\n", head);
  UNIT_EQ(try_text(&r, text, UINT64_MAX).verdict, FTRIAL_SAME);
  snprintf(text, sizeof(text), "%s STI8 R1, 0x106\n HALT\n", head);
  UNIT_EQ(try_text(&r, text, UINT64_MAX).verdict, FTRIAL_WRONG);
  rig_done(&r);

  r = rig_of(".in R1\n.scratch mem 0x200 16\n STI8 R1, 0x105\n HALT\n");
  add_r1(&r, 77);
  UNIT_EQ(try_text(&r, ".in R1\n.scratch mem 0x200 16\n STI8 R1, 0x105\n"
                       " STI8 R1, 0x20F\n HALT\n", UINT64_MAX).verdict,
          FTRIAL_SAME);
  UNIT_EQ(try_text(&r, ".in R1\n.scratch mem 0x200 16\n STI8 R1, 0x105\n"
                       " STI8 R1, 0x210\n HALT\n", UINT64_MAX).verdict,
          FTRIAL_WRONG);
  rig_done(&r);
}

/* What cannot be run here is no pass. */
static void inconclusive(void) {
  struct rig r = rig_of(four_times);
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};

  add_r1(&r, 1);
  UNIT_EQ(try_text(&r, ".in R1\n.out R3\n ASK R1, R2, R3\n HALT\n",
                   UINT64_MAX).verdict,
          FTRIAL_INCONCLUSIVE);
  UNIT_EQ(ftrial_run(r.set, NULL, NULL, r.lane, 0, 1, UINT64_MAX).verdict,
          FTRIAL_INCONCLUSIVE);
  UNIT_EQ(ftrial_fuzz(r.set, NULL, NULL, r.lane, 1, 1).verdict,
          FTRIAL_INCONCLUSIVE);
  rig_done(&r);
  p = isa_program(isa_unified(), " LISTEN R1, R2, R3\n HALT\n");
  UNIT_TRUE(ftrial_set_new(p, FUEL, &err) == NULL, "an opaque root");
  UNIT_TRUE(strstr(err.text, "meaning") != NULL, "%s", err.text);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* ---- cost --------------------------------------------------------------- */

static void cost_bound(void) {
  struct rig r = rig_of(four_times);
  struct ftrial_result result;

  for (int32_t v = 0; v < 10; v++)
    add_r1(&r, v);
  result = try_text(&r, four_times, 110);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  result = try_text(&r, four_times, 109);
  UNIT_EQ(result.verdict, FTRIAL_DEARER);
  UNIT_EQ(result.tried, 9); /* by the end of the last it was too much */
  UNIT_EQ(result.cost, 110);
  result = try_text(&r, four_times, 30);
  UNIT_EQ(result.verdict, FTRIAL_DEARER);
  UNIT_TRUE(result.cost > 30 && result.instructions <= 31, "cost %llu",
            (unsigned long long)result.cost);
  result = try_text(&r, shifted, 30);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  result = try_text(&r, shifted, 0);
  UNIT_EQ(result.verdict, FTRIAL_DEARER);
  UNIT_TRUE(result.instructions <= 2, "cut at once");
  /* A bound is passed within an episode: with more fuel this one is wrong. */
  result = try_text(&r, endless, 50);
  UNIT_EQ(result.verdict, FTRIAL_DEARER);
  UNIT_EQ(result.tried, 0);
  UNIT_EQ(result.cost, 51);
  result = try_text(&r, endless, 11 * 2 + 64);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  result = try_text(&r, endless, 11 * 2 + 63);
  UNIT_EQ(result.verdict, FTRIAL_DEARER);
  result = try_text(&r, endless, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  UNIT_EQ(result.instructions, 0);
  rig_done(&r);
}

/* Only what was recorded counts as cost; counterexamples come first. */
static void counterexamples_first(void) {
  struct rig r = rig_of(four_times);
  struct ftrial_result result;
  const struct fisa_event *events;
  uint32_t count;

  for (int32_t v = 20; v < 30; v++)
    add_r1(&r, v);
  r.s->cells[1] = 6;
  UNIT_EQ(add_events(&r, FTRIAL_COUNTER, NULL, 0), FTRIAL_ADDED);
  r.s->cells[1] = 7;
  UNIT_EQ(add_events(&r, FTRIAL_COUNTER, NULL, 0), FTRIAL_ADDED);
  r.s->cells[1] = 8;
  UNIT_EQ(add_events(&r, FTRIAL_FUZZED, NULL, 0), FTRIAL_ADDED);
  UNIT_EQ(ftrial_set_count(r.set), 13);
  UNIT_EQ(ftrial_set_recorded(r.set), 10);
  UNIT_EQ(ftrial_set_counters(r.set), 2);
  UNIT_EQ(ftrial_root_cost(r.set, 0, 13), 110);
  ftrial_set_get(r.set, 0, r.s, &events, &count);
  UNIT_EQ(r.s->cells[1], 6);
  ftrial_set_get(r.set, 1, r.s, &events, &count);
  UNIT_EQ(r.s->cells[1], 7);
  ftrial_set_get(r.set, 12, r.s, &events, &count);
  UNIT_EQ(r.s->cells[1], 8);
  result = try_text(&r, wrong_for_7, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  UNIT_EQ(result.episode, 1);
  UNIT_EQ(result.tried, 1);
  UNIT_EQ(result.cost, 0);
  result = try_text(&r, shifted, 30);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  UNIT_EQ(result.tried, 13);
  UNIT_EQ(result.cost, 30);
  rig_done(&r);
}

static void parts_of_a_set(void) {
  struct rig r = rig_of(four_times);
  struct variant v = variant_of(wrong_for_7);

  for (int32_t i = 0; i < 12; i++)
    add_r1(&r, i);
  UNIT_EQ(ftrial_run(r.set, v.ir, NULL, r.lane, 0, 7, UINT64_MAX).verdict,
          FTRIAL_SAME);
  UNIT_EQ(ftrial_run(r.set, v.ir, NULL, r.lane, 8, 100, UINT64_MAX).tried, 4);
  UNIT_EQ(ftrial_run(r.set, v.ir, NULL, r.lane, 5, 4, UINT64_MAX).episode, 7);
  UNIT_EQ(ftrial_run(r.set, v.ir, NULL, r.lane, 99, 4, UINT64_MAX).tried, 0);
  variant_done(&v);
  rig_done(&r);
}

/* ---- outside values ----------------------------------------------------- */

static const char sensing[] = ".out none\n TEMP R1\n VOLT R2\n"
                              " ADD R3, R1, R2\n TELL R3, R1, R0\n"
                              " SIGNAL R2, R0, R0\n HALT\n";

static void replay(void) {
  static const struct {
    const char *text, *what;
  } cases[] = {
      {".out none\n TEMP R9\n VOLT R8\n ADD R7, R8, R9\n TELL R7, R9, R0\n"
       " SIGNAL R8, R0, R0\n HALT\n", NULL},
      {".out none\n VOLT R2\n TEMP R1\n ADD R3, R1, R2\n TELL R3, R1, R0\n"
       " SIGNAL R2, R0, R0\n HALT\n", "input 0: VOLT, not TEMP"},
      {".out none\n TEMP R1\n TELL R1, R1, R0\n HALT\n", "value 0"},
      {".out none\n TEMP R1\n VOLT R2\n ADD R3, R1, R2\n SIGNAL R2, R0, R0\n"
       " TELL R3, R1, R0\n HALT\n", "output 0: SIGNAL, not TELL"},
      {".out none\n TEMP R1\n VOLT R2\n ADD R3, R1, R2\n TELL R3, R1, R0\n"
       " HALT\n", "1 outputs, not 2"},
      {".out none\n TEMP R1\n VOLT R2\n VOLT R4\n ADD R3, R1, R2\n"
       " TELL R3, R1, R0\n SIGNAL R2, R0, R0\n HALT\n", "input 2"},
      {".out none\n TEMP R1\n VOLT R2\n ADD R3, R1, R2\n TELL R3, R1, R0\n"
       " SIGNAL R2, R0, R0\n SIGNAL R2, R0, R0\n HALT\n", "output 2"},
      {".out none\n TEMP R1\n VOLT R2\n ADD R3, R1, R2\n TELL R3, R1, R0\n"
       " SIGNAL R2, R0, R1\n HALT\n", "value 2"},
  };
  const struct fisa_event events[] = {in_event("TEMP", 5), in_event("VOLT", 9)};
  struct rig r = rig_of(sensing);

  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, events, 2), FTRIAL_ADDED);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->inputs_used, 2);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct ftrial_result result = try_text(&r, cases[i].text, UINT64_MAX);
    UNIT_EQ(result.verdict, cases[i].what ? FTRIAL_WRONG : FTRIAL_SAME);
    UNIT_TRUE(!cases[i].what || strstr(result.what, cases[i].what) != NULL,
              "%s: %s", cases[i].what, result.what);
  }
  /* One input less than the root takes: an end that differs. */
  struct ftrial_result result = try_text(
      &r, ".out none\n TEMP R1\n MOVI R2, 9\n ADD R3, R1, R2\n"
          " TELL R3, R1, R0\n SIGNAL R2, R0, R0\n HALT\n", UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  UNIT_TRUE(strstr(result.what, "1 inputs, not 2") != NULL, "%s", result.what);
  rig_done(&r);
}

static void recordings(void) {
  struct fisa_event events[] = {in_event("TEMP", 5), in_event("VOLT", 9),
                                in_event("GPS", 1)};
  const struct fisa_event out = {.out = 1, .argc = 1};
  const struct fisa_event *kept;
  struct rig r = rig_of(sensing);
  uint32_t count;

  /* A root that is not fed what it asks for is no episode. */
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, events, 1), FTRIAL_REFUSED);
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_REFUSED);
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, events + 1, 2), FTRIAL_REFUSED);
  /* Outputs among the events are passed over, a rest is dropped. */
  events[2] = events[1];
  events[1] = out;
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, events, 3), FTRIAL_ADDED);
  ftrial_set_get(r.set, 0, r.s, &kept, &count);
  UNIT_EQ(count, 2);
  UNIT_EQ(kept[1].value, 9);
  events[1] = events[2];
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, events, 3), FTRIAL_ADDED);
  ftrial_set_get(r.set, 1, r.s, &kept, &count);
  UNIT_EQ(count, 2);
  UNIT_EQ(ftrial_set_count(r.set), 2);
  rig_done(&r);

  r = rig_of(".in R1\nl: LOOP R1, l\n HALT\n");
  add_r1(&r, 1000);
  r.s->cells[1] = FUEL + 1;
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_REFUSED);
  UNIT_EQ(ftrial_set_count(r.set), 1);
  rig_done(&r);
}

/* Begin states come out as they went in. */
static void begins_are_kept(void) {
  struct rig r = rig_of(".in R1\n HALT\n");
  struct fisa_state *copy = fisa_state_new(isa_unified());
  const struct fisa_event *events;
  uint32_t count, i;

  CU_ASSERT_FATAL(copy != NULL);
  for (i = 0; i < 3; i++) {
    uint64_t seed = i;
    fisa_state_start(r.root, r.s);
    for (int k = 0; k < 20; k++) {
      uint32_t at = isa_below(&seed, 65536);
      r.s->cells[isa_below(&seed, 192)] = (int32_t)isa_random(&seed);
      r.s->mem[at] = (uint8_t)k;
      r.s->dirty[at / FISA_PAGE / 64] |= UINT64_C(1) << at / FISA_PAGE % 64;
    }
    r.s->cycles = 1000 * i;
    UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED);
    ftrial_set_get(r.set, i, copy, &events, &count);
    UNIT_MEM_EQ(copy->cells, r.s->cells, r.s->cell_count * sizeof(int32_t));
    UNIT_MEM_EQ(copy->mem, r.s->mem, r.s->mem_size);
    UNIT_EQ(copy->cycles, r.s->cycles);
    UNIT_EQ(copy->pc, r.s->pc);
  }
  /* A lane's state carries nothing from one episode into the next. */
  UNIT_EQ(try_text(&r, ".in R1\n HALT\n", UINT64_MAX).verdict, FTRIAL_SAME);
  fisa_state_free(copy);
  rig_done(&r);
}

/* ---- boundaries --------------------------------------------------------- */

/* Counts in R1, tells each turn; R9 is dead behind the boundary. */
static const char counting[] = "    MOVI R1, 0\n"
                               "l:  INC R1\n    MOV R9, R1\n"
                               "    TELL R9, R0, R0\n    YIELD 0\n    JMP l\n";
static const char counting_short[] = "    MOVI R1, 0\n"
                                     "l:  INC R1\n"
                                     "    TELL R1, R0, R0\n    YIELD 0\n"
                                     "    JMP l\n";

static void continuing(void) {
  static const uint32_t pairs[][2] = {{0, 0}, {15, 11}};
  static const uint32_t partial[][2] = {{0, 0}};
  const struct ftrial_pc_map map = {2, pairs}, short_map = {1, partial};
  struct rig r = rig_of(counting);
  struct variant v = variant_of(counting_short);
  struct ftrial_result result;

  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->status, FISA_RUN_YIELD);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->end_pc, 15);
  r.s->pc = 15;
  r.s->cells[1] = 41;
  r.s->cells[9] = 123;
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED);
  result = ftrial_run(r.set, v.ir, &map, r.lane, 0, 2, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  UNIT_EQ(result.tried, 2);
  result = ftrial_run(r.set, v.ir, NULL, r.lane, 0, 2, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_WRONG); /* another boundary, as far as told */
  UNIT_TRUE(strstr(result.what, "boundary") != NULL, "%s", result.what);
  result = ftrial_run(r.set, v.ir, &short_map, r.lane, 1, 1, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_INCONCLUSIVE);
  variant_done(&v);
  /* R1 is live behind the boundary. */
  v = variant_of("    MOVI R1, 0\nl:  INC R1\n    TELL R1, R0, R0\n"
                 "    INC R1\n    YIELD 0\n    JMP l\n");
  result = ftrial_run(r.set, v.ir, &map, r.lane, 0, 1, UINT64_MAX);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  variant_done(&v);
  rig_done(&r);
}

/* ---- fuzzing ------------------------------------------------------------ */

static void random_numbers(void) {
  unsigned ones = 0;

  UNIT_TRUE(ftrial_random(1, 2, 3, 4) == ftrial_random(1, 2, 3, 4), "pure");
  UNIT_TRUE(ftrial_random(1, 2, 3, 4) != ftrial_random(2, 2, 3, 4), "seed");
  UNIT_TRUE(ftrial_random(1, 2, 3, 4) != ftrial_random(1, 3, 3, 4), "a");
  UNIT_TRUE(ftrial_random(1, 2, 3, 4) != ftrial_random(1, 2, 4, 4), "b");
  UNIT_TRUE(ftrial_random(1, 2, 3, 4) != ftrial_random(1, 2, 3, 5), "i");
  for (uint64_t i = 0; i < 1000; i++)
    ones += (unsigned)__builtin_popcountll(ftrial_random(0, 0, 0, i));
  UNIT_TRUE(ones > 31000 && ones < 33000, "%u ones of 64000", ones);
}

static void fuzz_passes_the_same(void) {
  struct rig r = rig_of(four_times);
  uint32_t n = (uint32_t)unit_scale(STATES);
  struct ftrial_result result = fuzz_text(&r, shifted, 1, n);

  UNIT_EQ(result.verdict, FTRIAL_SAME);
  UNIT_EQ(result.tried, n);
  UNIT_EQ(result.instructions, 3 * (uint64_t)n);
  UNIT_EQ(result.cost, 0);
  UNIT_EQ(ftrial_set_count(r.set), 0);
  rig_done(&r);
}

/* Wrong in few places, all of them telling ones. */
static void fuzz_finds(void) {
  static const char *const wrong[] = {
      /* INT_MIN */
      ".in R1\n.in R2\n.out R3\n ADD R3, R1, R2\n MOVI R4, 1\n SHLI R4, 31\n"
      " CMP_EQ R5, R1, R4\n ADD R3, R3, R5\n HALT\n",
      /* equal inputs */
      ".in R1\n.in R2\n.out R3\n ADD R3, R1, R2\n CMP_EQ R5, R1, R2\n"
      " ADD R3, R3, R5\n HALT\n",
      /* 256 */
      ".in R1\n.in R2\n.out R3\n ADD R3, R1, R2\n MOVI16 R4, 256\n"
      " CMP_EQ R5, R2, R4\n ADD R3, R3, R5\n HALT\n",
      /* the sum overflows */
      ".in R1\n.in R2\n.out R3\n ADD R3, R1, R2\n CMP_GT R4, R1, R0\n"
      " CMP_GT R5, R2, R0\n CMP_LT R6, R3, R0\n AND R4, R4, R5\n"
      " AND R4, R4, R6\n ADD R3, R3, R4\n HALT\n",
  };

  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    struct rig r = rig_of(".in R1\n.in R2\n.out R3\n ADD R3, R1, R2\n HALT\n");
    struct ftrial_result result = fuzz_text(&r, wrong[i], 7, 100000);
    UNIT_TRUE(result.verdict == FTRIAL_WRONG, "%zu: found", i);
    UNIT_TRUE(result.tried < 5000, "%zu: after %u states", i, result.tried);
    UNIT_TRUE(strstr(result.what, "R3") != NULL, "%zu: %s", i, result.what);
    /* It is a counterexample now, and the first thing to be tried. */
    UNIT_EQ(ftrial_set_count(r.set), 1);
    UNIT_EQ(result.episode, 0);
    result = try_text(&r, wrong[i], UINT64_MAX);
    UNIT_EQ(result.verdict, FTRIAL_WRONG);
    UNIT_EQ(result.tried, 0);
    rig_done(&r);
  }
}

static void ranges_hold(void) {
  struct rig r = rig_of(".in R1 10..20\n.in R2 -3..-3\n.in F1\n"
                        ".in mem 0x100 4\n.in stack 2\n.out R3\n"
                        ".data 0x300 byte 7\n HALT\n");
  struct fisa_trace trace = {0};
  const struct fisa_dialect *d = isa_unified();
  unsigned low = 0, high = 0, floats = 0, bytes = 0;

  for (uint64_t n = 0; n < 400; n++) {
    UNIT_EQ(ftrial_fuzz_state(r.set, 5, n, r.s, &trace), 0);
    UNIT_TRUE(r.s->cells[1] >= 10 && r.s->cells[1] <= 20, "R1 is %d",
              r.s->cells[1]);
    UNIT_EQ(r.s->cells[2], -3);
    UNIT_EQ(r.s->cells[3], 0);
    UNIT_EQ(fisa_stack_depth(d, r.s), 2);
    UNIT_EQ(r.s->mem[0x300], 7);
    UNIT_EQ(r.s->mem[0x104], 0);
    low += r.s->cells[1] == 10;
    high += r.s->cells[1] == 20;
    floats += r.s->cells[d->files[1].first + 1] != 0;
    bytes += r.s->mem[0x103] != 0;
    UNIT_EQ(trace.count, 0);
  }
  UNIT_TRUE(low > 30 && high > 30, "ends of the range: %u %u", low, high);
  UNIT_TRUE(floats > 300 && bytes > 100, "floats %u bytes %u", floats, bytes);
  fisa_trace_done(&trace);
  rig_done(&r);
}

/* Equal questions have equal answers, however they were asked before. */
static void deterministic(void) {
  struct rig a = rig_of(sensing), b = rig_of(sensing);
  struct fisa_trace ta = {0}, tb = {0};
  const struct fisa_event seen[] = {in_event("TEMP", 424242),
                                    in_event("VOLT", 9)};
  unsigned found = 0;

  UNIT_EQ(add_events(&a, FTRIAL_RECORDED, seen, 2), FTRIAL_ADDED);
  UNIT_EQ(add_events(&b, FTRIAL_RECORDED, seen, 2), FTRIAL_ADDED);
  fuzz_text(&a, sensing, 3, 50);
  for (uint64_t n = 0; n < 200; n++) {
    UNIT_EQ(ftrial_fuzz_state(a.set, 3, n, a.s, &ta), 0);
    UNIT_EQ(ftrial_fuzz_state(b.set, 3, n, b.s, &tb), 0);
    UNIT_MEM_EQ(a.s->cells, b.s->cells, a.s->cell_count * sizeof(int32_t));
    UNIT_EQ(ta.count, 2);
    UNIT_EQ(tb.count, 2);
    for (uint32_t i = 0; i < ta.count && i < tb.count; i++) {
      UNIT_TRUE(fisa_event_equal(&ta.events[i], &tb.events[i]), "event %u", i);
      found += ta.events[i].value == 424242;
    }
  }
  UNIT_TRUE(found > 20, "a value seen live comes up %u times", found);
  fisa_trace_done(&ta);
  fisa_trace_done(&tb);
  rig_done(&a);
  rig_done(&b);
}

/* A cache that has the states, in part or not at all, changes nothing. */
static void caching_changes_nothing(void) {
  static const char wrong[] = ".in R1\n.out R3\n MOV R3, R1\n SHLI R3, 2\n"
                              " MOVI R4, 100\n CMP_EQ R4, R4, R1\n"
                              " ADD R3, R3, R4\n HALT\n";
  struct rig a = rig_of(four_times), b = rig_of(four_times);
  struct ftrial_result x, y;

  UNIT_EQ(fuzz_text(&b, shifted, 9, 10).verdict, FTRIAL_SAME);
  UNIT_EQ(fuzz_text(&b, shifted, 9, 1000).verdict, FTRIAL_SAME);
  UNIT_EQ(fuzz_text(&b, shifted, 10, 20).verdict, FTRIAL_SAME);
  x = fuzz_text(&a, wrong, 9, 5000);
  y = fuzz_text(&b, wrong, 9, 5000);
  UNIT_EQ(x.verdict, FTRIAL_WRONG);
  UNIT_EQ(y.verdict, FTRIAL_WRONG);
  UNIT_EQ(x.tried, y.tried);
  UNIT_EQ(x.instructions, y.instructions);
  UNIT_STR_EQ(x.what, y.what);
  x = fuzz_text(&a, wrong, 9, 5000);
  UNIT_EQ(x.tried, y.tried);
  rig_done(&a);
  rig_done(&b);
}

/* States on which the root finds no end are replaced, up to a point. */
static void fuel_outs_are_replaced(void) {
  static const char root[] = ".in R1 0..3\n.in R2\n.out R3\n"
                             "   JNE R1, go\nl: JMP l\ngo: ADD R3, R1, R2\n"
                             "   HALT\n";
  static const char never[] = ".in R1 0..3\n.in R2\n.out R3\n"
                              "l: INC R3\n   JMP l\n";
  struct rig r = rig_of(root);
  struct ftrial_result result = fuzz_text(&r, root, 1, 200);

  UNIT_EQ(result.verdict, FTRIAL_SAME);
  UNIT_EQ(result.tried, 200);
  rig_done(&r);
  r = rig_of(never);
  result = fuzz_text(&r, never, 1, 20);
  UNIT_EQ(result.verdict, FTRIAL_INCONCLUSIVE);
  UNIT_EQ(result.tried, 0);
  UNIT_TRUE(strstr(result.what, "no result") != NULL, "%s", result.what);
  result = fuzz_text(&r, never, 1, 20); /* asked again */
  UNIT_EQ(result.verdict, FTRIAL_INCONCLUSIVE);
  rig_done(&r);
}

/* Without inputs there is one state, however many are asked for. */
static void nothing_to_fuzz(void) {
  static const char root[] = ".out R1\n MOVI16 R1, 9000\nl: NOP\n"
                             " LOOP R1, l\n HALT\n";
  struct rig r = rig_of(root);
  struct ftrial_result result = fuzz_text(&r, root, 1, 1000000);

  UNIT_EQ(result.verdict, FTRIAL_INCONCLUSIVE); /* out of fuel, as far as */
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED); /* known */
  result = fuzz_text(&r, root, 1, 1000000);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  UNIT_EQ(result.tried, 1000000);
  UNIT_EQ(result.instructions, 18002);
  result = fuzz_text(&r, ".out R1\n MOVI R1, 1\n HALT\n", 1, 1000000);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  rig_done(&r);
}

/* The variant gets twice the root's fuel and 64, and not more. */
static void fuzz_fuel_is_bounded(void) {
  struct rig r = rig_of(four_times);
  struct ftrial_result result = fuzz_text(&r, endless, 1, 10);

  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  UNIT_TRUE(strstr(result.what, "fuel") != NULL, "%s", result.what);
  rig_done(&r);
}

static void fuzz_with_inputs(void) {
  struct rig r = rig_of(sensing);
  struct ftrial_result result;

  result = fuzz_text(&r, ".out none\n TEMP R9\n VOLT R8\n ADD R7, R8, R9\n"
                         " TELL R7, R9, R0\n SIGNAL R8, R0, R0\n HALT\n",
                     11, 1000);
  UNIT_EQ(result.verdict, FTRIAL_SAME);
  /* Drops an input where the other is 0. */
  result = fuzz_text(&r, ".out none\n TEMP R1\n MOVI R2, 0\n JEQ R1, x\n"
                         " VOLT R2\nx: ADD R3, R1, R2\n TELL R3, R1, R0\n"
                         " SIGNAL R2, R0, R0\n HALT\n",
                     11, 1000);
  UNIT_EQ(result.verdict, FTRIAL_WRONG);
  UNIT_EQ(ftrial_set_count(r.set), 1);
  UNIT_EQ(ftrial_set_expect(r.set, 0)->inputs_used, 2);
  rig_done(&r);
}

/* An agent that continues is fuzzed where it was seen to stand. */
static void fuzz_boundaries(void) {
  /* Wrong for a count that the declared begin never has. */
  static const char wrong[] = "    MOVI R1, 0\n"
                              "l:  INC R1\n    MOV R9, R1\n"
                              "    TELL R9, R0, R0\n    YIELD 0\n"
                              "    JGE R1, l\n    JMP l\n";
  static const char bad[] = "    MOVI R1, 0\n"
                            "l:  INC R1\n    MOV R9, R1\n"
                            "    TELL R9, R0, R0\n    YIELD 0\n"
                            "    JGE R1, l\n    INC R1\n    JMP l\n";
  struct rig r = rig_of(counting);
  struct fisa_trace trace = {0};
  unsigned behind = 0, other = 0;

  r.s->pc = 15;
  r.s->cells[1] = 41;
  r.s->cells[9] = 5;
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED);
  for (uint64_t n = 0; n < 200; n++) {
    UNIT_EQ(ftrial_fuzz_state(r.set, 2, n, r.s, &trace), 0);
    behind += r.s->pc == 15;
    other += r.s->pc == 15 && r.s->cells[1] != 41;
    UNIT_TRUE(r.s->pc == 0 || r.s->cells[9] == 5, "dead cells are left alone");
  }
  UNIT_TRUE(behind > 140 && behind < 200, "%u at the boundary", behind);
  UNIT_TRUE(other > 100, "%u with another count", other);
  UNIT_EQ(fuzz_text(&r, wrong, 2, 2000).verdict, FTRIAL_SAME);
  UNIT_EQ(fuzz_text(&r, bad, 2, 2000).verdict, FTRIAL_WRONG);
  UNIT_EQ(ftrial_set_recorded(r.set), 1);
  UNIT_EQ(ftrial_set_count(r.set), 2);
  fisa_trace_done(&trace);
  rig_done(&r);
}

/* Memory that a task found, and cells with a range, are perturbed too, and
 * cells with a range stay within it. */
static void fuzz_boundary_memory(void) {
  struct rig r = rig_of(".in R2 5..9\n.in Z\n    MOVI R1, 0\n"
                        "l:  LDI8 R1, 0x2345\n    ADD R1, R1, R2\n"
                        "    TELL R1, R0, R0\n    YIELD 0\n    JMP l\n");
  struct fisa_trace trace = {0};
  unsigned changed = 0, others = 0;

  r.s->pc = 17;
  r.s->cells[2] = 7;
  r.s->mem[0x2345] = 40;
  fisa_state_mark(r.s, 0x2345, 1);
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, NULL, 0), FTRIAL_ADDED);
  for (uint64_t n = 0; n < 400; n++) {
    unsigned bytes = 0;
    UNIT_EQ(ftrial_fuzz_state(r.set, 3, n, r.s, &trace), 0);
    UNIT_TRUE(r.s->cells[2] >= 5 && r.s->cells[2] <= 9, "R2 is %d",
              r.s->cells[2]);
    others += r.s->cells[2] != 7;
    for (uint32_t a = 0; a < r.s->mem_size; a++)
      bytes += r.s->mem[a] != (a == 0x2345 && r.s->pc == 17 ? 40 : 0);
    UNIT_TRUE(bytes <= 2, "%u bytes changed", bytes);
    changed += bytes > 0;
  }
  UNIT_TRUE(changed > 40 && changed < 160, "memory in %u", changed);
  UNIT_TRUE(others > 150, "R2 in %u", others);
  fisa_trace_done(&trace);
  rig_done(&r);
}

/* A flag of another thread's ends a fuzzing, and not as a pass. */
static void stopping(void) {
  struct rig r = rig_of(four_times);
  atomic_bool stop = false;

  ftrial_set_stop(r.set, &stop);
  UNIT_EQ(fuzz_text(&r, shifted, 1, 50).verdict, FTRIAL_SAME);
  atomic_store(&stop, true);
  UNIT_EQ(fuzz_text(&r, shifted, 1, 50).verdict, FTRIAL_INCONCLUSIVE);
  ftrial_set_stop(r.set, NULL);
  UNIT_EQ(fuzz_text(&r, shifted, 1, 50).verdict, FTRIAL_SAME);
  rig_done(&r);
}

static bool not_twice(void *user) { return (*(unsigned *)user)++ > 0; }

/* It is asked before states that are only replaced, too: here there are no
 * others. */
static void asking(void) {
  struct rig r = rig_of(".dialect unified\n.in R1\n.out R2\n"
                        "again: JMP again\n");
  unsigned asked = 0;
  struct ftrial_result t;

  ftrial_set_ask(r.set, not_twice, &asked);
  t = fuzz_text(&r, ".dialect unified\n.in R1\n.out R2\n"
                "again: JMP again\n", 1, 50);
  UNIT_EQ(t.verdict, FTRIAL_INCONCLUSIVE);
  UNIT_STR_EQ(t.what, "stopped");
  UNIT_EQ(asked, 2);
  rig_done(&r);
}

/* New recordings change what fuzz states are made of: nothing stale stays. */
static void recording_drops_the_cache(void) {
  struct rig r = rig_of(sensing);
  const struct fisa_event seen[] = {in_event("TEMP", 1), in_event("VOLT", 2)};

  UNIT_EQ(fuzz_text(&r, sensing, 4, 500).verdict, FTRIAL_SAME);
  UNIT_EQ(add_events(&r, FTRIAL_RECORDED, seen, 2), FTRIAL_ADDED);
  UNIT_EQ(fuzz_text(&r, sensing, 4, 500).verdict, FTRIAL_SAME);
  UNIT_EQ(try_text(&r, sensing, UINT64_MAX).verdict, FTRIAL_SAME);
  rig_done(&r);
  ftrial_set_free(NULL);
}

/* ---- threads ------------------------------------------------------------ */

/* What one thread does with a set and a variant that all share. */
struct worker {
  const struct ftrial_set *set;
  const struct fir_program *ir;
  struct ftrial_result result;
  bool steady;
};

static void *work(void *user) {
  struct worker *w = user;
  struct fir_lane *lane = fir_lane_new();

  w->steady = lane != NULL;
  for (int i = 0; lane && i < 40; i++) {
    struct ftrial_result again =
        ftrial_run(w->set, w->ir, NULL, lane, 0, UINT32_MAX, UINT64_MAX);
    if (i > 0)
      w->steady &= again.verdict == w->result.verdict &&
                   again.instructions == w->result.instructions &&
                   strcmp(again.what, w->result.what) == 0;
    w->result = again;
  }
  fir_lane_free(lane);
  return NULL;
}

/* Sets and IR are shared by any number of threads, each with its lane. */
static void threads(void) {
  struct rig r = rig_of(four_times);
  struct variant good = variant_of(shifted), bad = variant_of(wrong_for_7);
  struct worker w[4];
  pthread_t id[4];

  for (int32_t v = 0; v < 20; v++)
    add_r1(&r, v);
  for (int i = 0; i < 4; i++) {
    w[i] = (struct worker){.set = r.set, .ir = i % 2 ? good.ir : bad.ir};
    CU_ASSERT_FATAL(pthread_create(&id[i], NULL, work, &w[i]) == 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(id[i], NULL);
    UNIT_TRUE(w[i].steady, "thread %d", i);
    UNIT_EQ(w[i].result.verdict, i % 2 ? FTRIAL_SAME : FTRIAL_WRONG);
    UNIT_EQ(w[i].result.tried, i % 2 ? 20 : 7);
  }
  variant_done(&good);
  variant_done(&bad);
  rig_done(&r);
}

static const struct unit_test tests[] = {
    {"verdicts", "same and cheaper", same_and_cheaper},
    {"verdicts", "wrong", wrong_is_found},
    {"verdicts", "endings", endings},
    {"verdicts", "faults", faults_are_results},
    {"verdicts", "default observables", default_observables},
    {"verdicts", "named memory", named_memory},
    {"verdicts", "inconclusive", inconclusive},
    {"cost", "bound", cost_bound},
    {"cost", "counterexamples first", counterexamples_first},
    {"cost", "parts", parts_of_a_set},
    {"outside", "replay", replay},
    {"outside", "recordings", recordings},
    {"outside", "begins", begins_are_kept},
    {"outside", "continuing", continuing},
    {"fuzzing", "random numbers", random_numbers},
    {"fuzzing", "same", fuzz_passes_the_same},
    {"fuzzing", "finds", fuzz_finds},
    {"fuzzing", "ranges", ranges_hold},
    {"fuzzing", "deterministic", deterministic},
    {"fuzzing", "cache", caching_changes_nothing},
    {"fuzzing", "fuel-outs", fuel_outs_are_replaced},
    {"fuzzing", "nothing to fuzz", nothing_to_fuzz},
    {"fuzzing", "fuel", fuzz_fuel_is_bounded},
    {"fuzzing", "inputs", fuzz_with_inputs},
    {"fuzzing", "boundaries", fuzz_boundaries},
    {"fuzzing", "boundary memory", fuzz_boundary_memory},
    {"fuzzing", "stopping", stopping},
    {"fuzzing", "asking", asking},
    {"fuzzing", "new recordings", recording_drops_the_cache},
    {"threads", "shared set", threads},
};

UNIT_MAIN(tests)
