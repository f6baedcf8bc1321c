/*
 * test_trial_memory.c - lowering and trials when memory runs out: each
 * allocation in turn is made to fail. Nothing may crash or leak, no failure
 * may look like a pass, and what was there before must still be usable.
 *
 * Linked with --wrap for malloc, calloc and realloc.
 */
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial.h"
#include "isa/asm.h"
#include "tests/isa_util.h"

enum { MOST = 4000 };

/* Allocations until one fails; below 0: none fails. */
static long countdown = -1;
static unsigned long failed;

static int fails(void) {
  if (countdown < 0)
    return 0;
  if (countdown-- > 0)
    return 0;
  countdown = -1; /* one failure a round */
  failed++;
  return 1;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
  return fails() ? NULL : __real_realloc(p, size);
}

/* A program with many constants and a tail, and one that senses and tells. */
static const char large[] =
    "   MOVI16 R1, 1001\n MOVI16 R1, 1002\n MOVI16 R1, 1003\n"
    "   MOVI16 R1, 1004\n MOVI16 R1, 1005\n MOVI16 R1, 1006\n"
    "   MOVI16 R1, 1007\n MOVI16 R1, 1008\n MOVI16 R1, 1009\n"
    "   MOVI16 R1, 1010\n MOVI16 R1, 1011\n MOVI16 R1, 1012\n"
    "   MOVI16 R1, 1013\n MOVI16 R1, 1014\n MOVI16 R1, 1015\n"
    "   MOVI16 R1, 1016\n MOVI16 R1, 1017\n MOVI16 R1, 1018\n"
    "   MOVI16 R1, 1019\n MOVI16 R1, 1020\n MOVI16 R1, 1021\n"
    "   MOVI16 R1, 1022\n MOVI16 R1, 1023\n MOVI16 R1, 1024\n"
    "   MOVI16 R1, 1025\n MOVI16 R1, 1026\n MOVI16 R1, 1027\n"
    "   MOVI16 R1, 1028\n MOVI16 R1, 1029\n MOVI16 R1, 1030\n"
    "   MOVI16 R1, 1031\n MOVI16 R1, 1032\n MOVI16 R1, 1033\n"
    "   CALL R0, f\n   NOP\n   JMP 5000\nf: RET\n";
static const char sensing[] = ".in R1\n.in mem 0x100 600\n"
                              "l: TEMP R2\n ADD R3, R3, R2\n TELL R3, R0, R0\n"
                              "   STI8 R3, 0x234\n YIELD 0\n JMP l\n";
static const char other[] = ".in R1\n.in mem 0x100 600\n"
                            "l: TEMP R2\n SUB R3, R3, R2\n TELL R3, R0, R0\n"
                            "   STI8 R3, 0x234\n YIELD 0\n JMP l\n";

static void lowering(void) {
  struct fisa_program *p = isa_program(isa_unified(), large);
  long n = 0;
  int rc = -1;

  CU_ASSERT_FATAL(p != NULL);
  for (; n < MOST && rc != 0; n++) {
    struct fir_program *ir = NULL;
    struct fisa_error err = {""};
    countdown = n;
    rc = fir_lower(p, &ir, &err);
    UNIT_TRUE((rc == 0) == (countdown >= 0), "allocation %ld", n);
    countdown = -1;
    UNIT_TRUE(rc == 0 || strstr(err.text, "memory"), "%s", err.text);
    UNIT_TRUE((rc == 0) == (ir != NULL), "out is set on success alone");
    fir_free(ir);
  }
  UNIT_TRUE(n > 5 && n < MOST, "%ld allocations", n);
  fisa_program_free(p);
}

/* A lane that cannot grow ends the run before it begins. */
static void running(void) {
  struct fisa_program *p = isa_program(isa_unified(), large);
  struct fisa_state *s = fisa_state_new(isa_unified());
  struct fir_program *ir = NULL;
  struct fir_lane *lane;
  struct fir_result r;
  const struct fir_limits limits = {1000, false};

  CU_ASSERT_FATAL(p && s && fir_lower(p, &ir, NULL) == 0);
  countdown = 0;
  UNIT_TRUE(fir_lane_new() == NULL, "no lane");
  countdown = -1;
  lane = fir_lane_new();
  CU_ASSERT_FATAL(lane != NULL);
  fisa_state_start(p, s);
  countdown = 0;
  r = fir_run(ir, lane, s, NULL, limits);
  countdown = -1;
  UNIT_TRUE(r.starved && r.instructions == 0 && s->pc == p->entry, "no cells");
  r = fir_run(ir, lane, s, NULL, limits);
  UNIT_TRUE(!r.starved && s->status == FISA_RUN_END, "with memory again");
  fir_lane_free(lane);
  fir_free(ir);
  fisa_state_free(s);
  fisa_program_free(p);
}

/* What a whole use of a set needs. */
struct use {
  struct fisa_program *root;
  struct fir_program *same, *wrong;
  struct fisa_state *begin;
  struct fisa_event events[2];
};

/* Makes a set, fills it, tries and fuzzes. Returns whether all of it worked;
 * what did must be right. */
static bool use_set(struct use *u) {
  struct ftrial_episode e = {.origin = FTRIAL_RECORDED, .begin = u->begin,
                             .events = u->events, .event_count = 1};
  struct ftrial_set *set = ftrial_set_new(u->root, 1000, NULL);
  struct fir_lane *lane = fir_lane_new();
  struct fisa_trace trace = {0};
  struct ftrial_result r = {.verdict = FTRIAL_INCONCLUSIVE};
  bool good = false;

  if (!set || !lane)
    goto done;
  u->begin->pc = u->root->entry;
  if (ftrial_set_add(set, &e) != FTRIAL_ADDED)
    goto done;
  u->begin->pc = 18; /* behind the boundary */
  if (ftrial_set_add(set, &e) != FTRIAL_ADDED)
    goto done;
  r = ftrial_run(set, u->same, NULL, lane, 0, 9, UINT64_MAX);
  UNIT_TRUE(r.verdict == FTRIAL_SAME || r.verdict == FTRIAL_INCONCLUSIVE,
            "verdict %d, %s", r.verdict, r.what);
  if (r.verdict != FTRIAL_SAME)
    goto done;
  r = ftrial_run(set, u->wrong, NULL, lane, 0, 9, UINT64_MAX);
  UNIT_EQ(r.verdict, FTRIAL_WRONG);
  r = ftrial_fuzz(set, u->same, NULL, lane, 1, 300);
  UNIT_TRUE(r.verdict == FTRIAL_SAME || r.verdict == FTRIAL_INCONCLUSIVE,
            "fuzz verdict %d", r.verdict);
  if (r.verdict != FTRIAL_SAME)
    goto done;
  r = ftrial_fuzz(set, u->wrong, NULL, lane, 1, 300);
  UNIT_EQ(r.verdict, FTRIAL_WRONG);
  if (ftrial_fuzz_state(set, 1, 2, u->begin, &trace) != 0)
    goto done;
  good = true;
done:
  fisa_trace_done(&trace);
  fir_lane_free(lane);
  ftrial_set_free(set);
  return good;
}

static void sets(void) {
  struct use u = {.root = isa_program(isa_unified(), sensing)};
  struct fisa_program *wrong = isa_program(isa_unified(), other);
  bool good = false;
  long n = 0;

  u.begin = fisa_state_new(isa_unified());
  u.events[0].value = 7;
  while (u.events[0].name < isa_unified()->source_count &&
         strcmp(isa_unified()->sources[u.events[0].name], "TEMP") != 0)
    u.events[0].name++;
  CU_ASSERT_FATAL(u.root && wrong && u.begin);
  CU_ASSERT_FATAL(fir_lower(u.root, &u.same, NULL) == 0);
  CU_ASSERT_FATAL(fir_lower(wrong, &u.wrong, NULL) == 0);
  for (failed = 0; n < MOST; n++) {
    unsigned long before = failed;
    fisa_state_start(u.root, u.begin);
    u.begin->mem[0x123] = 9;
    fisa_state_mark(u.begin, 0x123, 1);
    countdown = n;
    good = use_set(&u);
    countdown = -1;
    /* Room that is only kept for speed may be missing without harm. */
    if (failed == before)
      break;
  }
  UNIT_TRUE(good, "the last round had all its memory");
  UNIT_TRUE(n > 30 && n < MOST, "%ld allocations", n);
  fir_free(u.same);
  fir_free(u.wrong);
  fisa_state_free(u.begin);
  fisa_program_free(u.root);
  fisa_program_free(wrong);
}

static const struct unit_test tests[] = {
    {"out of memory", "lowering", lowering},
    {"out of memory", "running", running},
    {"out of memory", "sets", sets},
};

UNIT_MAIN(tests)
