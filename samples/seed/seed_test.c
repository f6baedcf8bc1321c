/*
 * seed_test.c - every instruction once, the faults, the missing operands.
 *
 * Plain main(); ends on the line "N passed, 0 failed", exit 0 then. Code is
 * run from a heap block of its exact size, so that a sanitizer sees a read
 * past its end.
 */
#include "seed_vm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct seed_vm vm;
static unsigned passed, failed;
static bool seen[256];

static void check(bool ok, const char *what, int line) {
  if (ok) {
    passed++;
    return;
  }
  failed++;
  printf("line %d: %s\n", line, what);
}

#define CHECK(what) check(what, #what, __LINE__)

/* One step of these bytes, from their first. */
static enum seed_event step(const uint8_t *bytes, size_t n) {
  uint8_t *code = malloc(n);
  enum seed_event event;

  if (!code)
    abort();
  memcpy(code, bytes, n);
  seen[code[0]] = true;
  vm.pc = 0;
  event = seed_step(&vm, code, (uint32_t)n);
  free(code);
  return event;
}

#define STEP(...) \
  step((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* From pc 0 until anything but an ordinary instruction; 1000 steps. */
static enum seed_event run(const uint8_t *bytes, size_t n) {
  uint8_t *code = malloc(n);
  enum seed_event event;

  if (!code)
    abort();
  memcpy(code, bytes, n);
  vm.pc = 0;
  event = seed_run(&vm, code, (uint32_t)n, 1000);
  free(code);
  return event;
}

#define RUN(...) \
  run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void stack_of(const int32_t *cells, size_t n) {
  vm.depth = (uint32_t)n;
  memcpy(vm.stack, cells, n * sizeof *cells);
}

#define STACK(...) \
  stack_of((const int32_t[]){__VA_ARGS__}, \
           sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static bool stack_is(const int32_t *cells, size_t n) {
  return vm.depth == n && memcmp(vm.stack, cells, n * sizeof *cells) == 0;
}

#define STACK_IS(...) \
  stack_is((const int32_t[]){__VA_ARGS__}, \
           sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

/* ---- instructions ---- */

static void test_start(void) {
  static const struct seed_vm zero;

  memset(&vm, 0xA5, sizeof vm);
  seed_init(&vm);
  CHECK(memcmp(&vm, &zero, sizeof vm) == 0);
}

static void test_quick_start(void) {
  seed_init(&vm);
  CHECK(RUN(0x01, 42, 0x08, 0xFF) == SEED_HALT);
  CHECK(STACK_IS(42));
  CHECK(vm.pc == 4);
  CHECK(vm.cycles == 3);
  CHECK(vm.fault == SEED_NO_FAULT);
}

static void test_stack_rows(void) {
  seed_init(&vm);
  CHECK(STEP(0x00) == SEED_RAN && vm.pc == 1 && vm.cycles == 1);
  CHECK(STEP(0x01, 7) == SEED_RAN && STACK_IS(7) && vm.pc == 2);
  CHECK(STEP(0x01, 0x80) == SEED_RAN && STACK_IS(7, -128));
  CHECK(STEP(0x04) == SEED_RAN && STACK_IS(-128, 7) && vm.pc == 1);
  CHECK(STEP(0x05) == SEED_RAN && STACK_IS(-128, 7, -128));
  CHECK(STEP(0x02) == SEED_RAN && STACK_IS(-128, 7));
  CHECK(STEP(0x03) == SEED_RAN && STACK_IS(-128, 7, 7));
}

static int32_t binary(uint8_t op, int32_t a, int32_t b) {
  STACK(5, a, b);
  if (STEP(op) != SEED_RAN || vm.depth != 2 || vm.stack[0] != 5 ||
      vm.pc != 1) {
    CHECK(!"a binary row takes two cells and leaves one");
    return -99;
  }
  return vm.stack[1];
}

static void test_arithmetic(void) {
  seed_init(&vm);
  CHECK(binary(0x08, 40, 2) == 42);
  CHECK(binary(0x08, INT32_MAX, 1) == INT32_MIN);
  CHECK(binary(0x09, 5, 7) == -2);
  CHECK(binary(0x09, INT32_MIN, 1) == INT32_MAX);
  CHECK(binary(0x0A, -6, 7) == -42);
  CHECK(binary(0x0A, 0x10001, 0x10001) == 0x20001);
  CHECK(binary(0x0A, INT32_MIN, -1) == INT32_MIN);
  CHECK(binary(0x0B, 7, 2) == 3);
  CHECK(binary(0x0B, -7, 2) == -3);
  CHECK(binary(0x0B, 7, -1) == -7);
  CHECK(binary(0x0B, INT32_MIN, -1) == INT32_MIN);
  CHECK(binary(0x0C, 7, 3) == 1);
  CHECK(binary(0x0C, -7, 3) == -1);
  CHECK(binary(0x0C, 7, -3) == 1);
  CHECK(binary(0x0C, INT32_MIN, -1) == 0);
  CHECK(vm.cycles == 15);
}

static void test_logic(void) {
  seed_init(&vm);
  CHECK(binary(0x0D, 12, 10) == 8);
  CHECK(binary(0x0E, 12, 10) == 14);
  CHECK(binary(0x0F, 12, 10) == 6);
  CHECK(binary(0x0F, -1, 10) == -11);
  CHECK(binary(0x10, 1, 2) == 1);
  CHECK(binary(0x10, 2, 2) == 0);
  CHECK(binary(0x10, INT32_MIN, INT32_MAX) == 1);
  CHECK(binary(0x11, 2, 2) == 1);
  CHECK(binary(0x11, 2, -2) == 0);
  STACK(9, 0);
  CHECK(STEP(0x12) == SEED_RAN && STACK_IS(9, 1));
  CHECK(STEP(0x12) == SEED_RAN && STACK_IS(9, 0));
}

static void test_jumps(void) {
  seed_init(&vm);
  STACK(1, 0);
  CHECK(STEP(0x18, 4, 0) == SEED_RAN && vm.pc == 7 && vm.depth == 2);
  CHECK(STEP(0x18, 0, 1) == SEED_RAN && vm.pc == 3 + 256);
  CHECK(STEP(0x18, 0xFD, 0xFF) == SEED_RAN && vm.pc == 0);
  CHECK(STEP(0x18, 0xFC, 0xFF) == SEED_RAN && vm.pc == -1);
  CHECK(STEP(0x19, 4, 0) == SEED_RAN && vm.pc == 7 && STACK_IS(1));
  CHECK(STEP(0x19, 4, 0) == SEED_RAN && vm.pc == 3 && vm.depth == 0);
  STACK(1, 0);
  CHECK(STEP(0x1A, 4, 0) == SEED_RAN && vm.pc == 3 && STACK_IS(1));
  CHECK(STEP(0x1A, 4, 0) == SEED_RAN && vm.pc == 7 && vm.depth == 0);
}

static void test_memory(void) {
  seed_init(&vm);
  STACK(1, -77);
  CHECK(STEP(0x21, 255) == SEED_RAN && STACK_IS(1) && vm.pc == 2);
  CHECK(vm.memory[255] == -77 && vm.memory[0] == 0);
  CHECK(STEP(0x20, 255) == SEED_RAN && STACK_IS(1, -77) && vm.pc == 2);
  CHECK(STEP(0x20, 0) == SEED_RAN && STACK_IS(1, -77, 0));
}

static void test_decay_and_threshold(void) {
  seed_init(&vm);
  STACK(3, 1000);
  CHECK(STEP(0x32, 128) == SEED_RAN && STACK_IS(3, 500) && vm.pc == 2);
  CHECK(STEP(0x32, 255) == SEED_RAN && STACK_IS(3, 498));
  CHECK(STEP(0x32, 0) == SEED_RAN && STACK_IS(3, 0));
  STACK(-1);
  CHECK(STEP(0x32, 255) == SEED_RAN && STACK_IS(-1));
  STACK(INT32_MIN);
  CHECK(STEP(0x32, 255) == SEED_RAN && STACK_IS(-2139095040));
  STACK(INT32_MAX);
  CHECK(STEP(0x32, 255) == SEED_RAN && STACK_IS(2139095039));
  STACK(20);
  CHECK(STEP(0x33, 20) == SEED_RAN && STACK_IS(1) && vm.pc == 2);
  STACK(19);
  CHECK(STEP(0x33, 20) == SEED_RAN && STACK_IS(0));
  STACK(-5);
  CHECK(STEP(0x33, 0xFA) == SEED_RAN && STACK_IS(1)); /* -6 */
}

/* ---- the world ---- */

struct world {
  int32_t next;
  unsigned reads, acts;
  uint8_t source, channel;
  int32_t value;
};

static int32_t sense(uint8_t source, void *user) {
  struct world *w = user;

  w->reads++;
  w->source = source;
  return w->next++;
}

static void act(uint8_t channel, int32_t value, void *user) {
  struct world *w = user;

  w->acts++;
  w->channel = channel;
  w->value = value;
}

static void test_sense_and_act(void) {
  struct world w = {.next = 20};

  seed_init(&vm);
  CHECK(STEP(0x30, 3) == SEED_RAN && STACK_IS(0) && vm.pc == 2);
  CHECK(STEP(0x31, 3) == SEED_RAN && vm.depth == 0 && vm.pc == 2);
  seed_bind(&vm, sense, act, &w);
  CHECK(STEP(0x30, 200) == SEED_RAN && STACK_IS(20) && w.source == 200);
  CHECK(STEP(0x30, 3) == SEED_RAN && STACK_IS(20, 21) && w.source == 3);
  CHECK(w.reads == 2 && w.acts == 0);
  CHECK(STEP(0x31, 9) == SEED_RAN && STACK_IS(20));
  CHECK(w.acts == 1 && w.channel == 9 && w.value == 21);
  CHECK(STEP(0x31, 255) == SEED_RAN && vm.depth == 0 && w.value == 20);
  CHECK(STEP(0x31, 1) == SEED_RAN && w.acts == 3 && w.value == 0);
  seed_bind(&vm, NULL, NULL, NULL);
  CHECK(STEP(0x30, 3) == SEED_RAN && STACK_IS(0) && w.reads == 2);
}

static void test_yield_and_halt(void) {
  seed_init(&vm);
  STACK(1);
  CHECK(STEP(0x34) == SEED_YIELD && vm.pc == 1 && STACK_IS(1));
  CHECK(STEP(0xFF) == SEED_HALT && vm.pc == 1 && STACK_IS(1));
  CHECK(vm.cycles == 2 && vm.fault == SEED_NO_FAULT);
}

/* ---- what is missing counts as 0 ---- */

static void test_missing_operands(void) {
  seed_init(&vm);
  CHECK(STEP(0x02) == SEED_RAN && vm.depth == 0 && vm.cycles == 1);
  CHECK(STEP(0x03) == SEED_RAN && STACK_IS(0, 0));
  STACK(6);
  CHECK(STEP(0x04) == SEED_RAN && STACK_IS(6, 0));
  vm.depth = 0;
  CHECK(STEP(0x04) == SEED_RAN && STACK_IS(0, 0));
  STACK(6);
  CHECK(STEP(0x05) == SEED_RAN && STACK_IS(0, 6, 0));
  vm.depth = 0;
  CHECK(STEP(0x05) == SEED_RAN && STACK_IS(0, 0, 0));
  STACK(6);
  CHECK(STEP(0x09) == SEED_RAN && STACK_IS(-6));
  vm.depth = 0;
  CHECK(STEP(0x08) == SEED_RAN && STACK_IS(0));
  STACK(6);
  CHECK(STEP(0x0B) == SEED_RAN && STACK_IS(0)); /* 0 / 6 */
  vm.depth = 0;
  CHECK(STEP(0x11) == SEED_RAN && STACK_IS(1));
  vm.depth = 0;
  CHECK(STEP(0x12) == SEED_RAN && STACK_IS(1));
  vm.depth = 0;
  CHECK(STEP(0x19, 4, 0) == SEED_RAN && vm.pc == 7 && vm.depth == 0);
  CHECK(STEP(0x1A, 4, 0) == SEED_RAN && vm.pc == 3 && vm.depth == 0);
  vm.memory[1] = 8;
  CHECK(STEP(0x21, 1) == SEED_RAN && vm.memory[1] == 0 && vm.depth == 0);
  CHECK(STEP(0x32, 9) == SEED_RAN && STACK_IS(0));
  vm.depth = 0;
  CHECK(STEP(0x33, 0) == SEED_RAN && STACK_IS(1));
}

/* ---- faults ---- */

static void test_truncated(void) {
  static const uint8_t longer[] = {0x01, 0x18, 0x19, 0x1A, 0x20, 0x21, 0x30,
                                   0x31, 0x32, 0x33};

  seed_init(&vm);
  STACK(4);
  for (size_t i = 0; i < sizeof longer; i++) {
    CHECK(step(&longer[i], 1) == SEED_FAULTED);
    CHECK(vm.fault == SEED_TRUNCATED && vm.pc == 0);
  }
  CHECK(STEP(0x18, 0) == SEED_FAULTED && vm.fault == SEED_TRUNCATED);
  CHECK(vm.cycles == 0 && STACK_IS(4));
  CHECK(STEP(0x00) == SEED_RAN && vm.fault == SEED_NO_FAULT);
}

static void test_division_by_zero(void) {
  seed_init(&vm);
  STACK(1, 9, 0);
  CHECK(STEP(0x0B) == SEED_FAULTED && vm.fault == SEED_DIV_ZERO);
  CHECK(STACK_IS(1, 9, 0) && vm.pc == 1 && vm.cycles == 1);
  CHECK(STEP(0x0C) == SEED_FAULTED && vm.fault == SEED_DIV_ZERO);
  CHECK(STACK_IS(1, 9, 0) && vm.pc == 1 && vm.cycles == 2);
  vm.depth = 0;
  CHECK(STEP(0x0B) == SEED_FAULTED && vm.fault == SEED_DIV_ZERO);
  CHECK(vm.depth == 0);
}

/* All that no other test has stepped, so this one runs last. */
static void test_unknown(void) {
  unsigned known = 0;

  seed_init(&vm);
  STACK(4);
  for (unsigned op = 0; op < 256; op++) {
    uint8_t byte = (uint8_t)op;

    if (seen[op]) {
      known++;
      continue;
    }
    CHECK(step(&byte, 1) == SEED_FAULTED && vm.fault == SEED_UNKNOWN);
    CHECK(vm.pc == 0 && STACK_IS(4));
    seen[op] = false;
  }
  CHECK(known == 28);
  CHECK(vm.cycles == 256 - 28);
}

static void fill_stack(uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    vm.stack[i] = (int32_t)i + 1;
  vm.depth = n;
}

static void test_stack_full(void) {
  struct world w = {.next = 1};

  seed_init(&vm);
  seed_bind(&vm, sense, act, &w);
  fill_stack(256);
  CHECK(STEP(0x01, 5) == SEED_FAULTED && vm.fault == SEED_STACK_FULL);
  CHECK(vm.pc == 2 && vm.depth == 256 && vm.cycles == 1);
  CHECK(STEP(0x03) == SEED_FAULTED && vm.fault == SEED_STACK_FULL);
  CHECK(STEP(0x05) == SEED_FAULTED && vm.fault == SEED_STACK_FULL);
  CHECK(vm.pc == 1 && vm.stack[254] == 255 && vm.stack[255] == 256);
  CHECK(STEP(0x20, 0) == SEED_FAULTED && vm.fault == SEED_STACK_FULL);
  CHECK(STEP(0x30, 0) == SEED_FAULTED && vm.fault == SEED_STACK_FULL);
  CHECK(w.reads == 0 && vm.depth == 256 && vm.cycles == 5);
  /* What does not grow goes on. */
  CHECK(STEP(0x04) == SEED_RAN && vm.stack[255] == 255);
  CHECK(STEP(0x12) == SEED_RAN && vm.depth == 256 && vm.stack[255] == 0);
  CHECK(STEP(0x08) == SEED_RAN && vm.depth == 255 && vm.stack[254] == 256);
  CHECK(STEP(0x05) == SEED_RAN && vm.depth == 256 && vm.stack[255] == 254);
  CHECK(STEP(0x02) == SEED_RAN && STEP(0x03) == SEED_RAN);
  CHECK(vm.depth == 256 && vm.stack[255] == 256);
}

static void test_end(void) {
  seed_init(&vm);
  CHECK(RUN(0x01, 1) == SEED_END);
  CHECK(STACK_IS(1) && vm.pc == 2 && vm.cycles == 1);
  CHECK(vm.fault == SEED_NO_FAULT);
  /* A jump past the end ends at the next step. */
  CHECK(RUN(0x18, 100, 0) == SEED_END && vm.pc == 103 && vm.cycles == 2);
  CHECK(seed_step(&vm, (const uint8_t *)"", 0) == SEED_END);
  CHECK(vm.pc == 103 && vm.cycles == 2);
}

/* ---- programs ---- */

static void test_sum(void) {
  /* m0 = 10; do { m1 += m0; m0 -= 1; } while (m0 != 0); push m1 */
  seed_init(&vm);
  CHECK(RUN(0x01, 10, 0x21, 0,
            0x20, 1, 0x20, 0, 0x08, 0x21, 1,
            0x20, 0, 0x01, 1, 0x09, 0x03, 0x21, 0,
            0x1A, 0xEE, 0xFF,
            0x20, 1, 0xFF) == SEED_HALT);
  CHECK(STACK_IS(55) && vm.memory[0] == 0 && vm.memory[1] == 55);
  CHECK(vm.cycles == 2 + 10 * 10 + 2);
}

static void test_thermostat(void) {
  static const uint8_t code[] = {0x30, 1, 0x33, 20, 0x12, 0x31, 2, 0x34,
                                 0x18, 0xF5, 0xFF};
  struct world w = {.next = 18};

  seed_init(&vm);
  seed_bind(&vm, sense, act, &w);
  for (int32_t heat = 18; heat < 23; heat++) {
    CHECK(seed_run(&vm, code, sizeof code, 100) == SEED_YIELD);
    CHECK(w.channel == 2 && w.value == (heat < 20) && vm.depth == 0);
  }
  CHECK(w.reads == 5 && w.acts == 5 && vm.cycles == 5 * 6 - 1);
}

static void test_limit(void) {
  static const uint8_t hang[] = {0x18, 0xFD, 0xFF};

  seed_init(&vm);
  CHECK(seed_run(&vm, hang, sizeof hang, 0) == SEED_RAN && vm.cycles == 0);
  CHECK(seed_run(&vm, hang, sizeof hang, 70) == SEED_RAN && vm.cycles == 70);
}

static void test_reset(void) {
  struct world w = {.next = 1};

  seed_init(&vm);
  seed_bind(&vm, sense, act, &w);
  CHECK(RUN(0x30, 0, 0x21, 4, 0x01, 3, 0xFF) == SEED_HALT);
  CHECK(vm.memory[4] == 1 && vm.depth == 1);
  seed_reset(&vm);
  CHECK(vm.memory[4] == 0 && vm.depth == 0 && vm.pc == 0 && vm.cycles == 0);
  CHECK(vm.sense == sense && vm.act == act && vm.user == &w);
}

int main(void) {
  test_start();
  test_quick_start();
  test_stack_rows();
  test_arithmetic();
  test_logic();
  test_jumps();
  test_memory();
  test_decay_and_threshold();
  test_sense_and_act();
  test_yield_and_halt();
  test_missing_operands();
  test_truncated();
  test_division_by_zero();
  test_stack_full();
  test_end();
  test_sum();
  test_thermostat();
  test_limit();
  test_reset();
  test_unknown();
  printf("%u passed, %u failed\n", passed, failed);
  return failed != 0;
}
