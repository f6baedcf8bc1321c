/*
 * stranger_test.c - every row of the stranger once, its quirks, its errors
 * and a few small programs.
 *
 * Plain main(); ends on the line "N passed, 0 failed", exit 0 then. Code is
 * run from a heap block of its exact size, so that a sanitizer sees a read
 * past its end.
 */
#include "stranger.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct stranger_vm vm;
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

static uint8_t *copy_of(const uint8_t *bytes, size_t n) {
  uint8_t *code = malloc(n);

  if (!code)
    abort();
  memcpy(code, bytes, n);
  return code;
}

/* One step of these bytes, from their first. */
static int step(const uint8_t *bytes, size_t n) {
  uint8_t *code = copy_of(bytes, n);
  int error;

  seen[code[0]] = true;
  vm.pc = 0;
  error = stranger_step(&vm, code, (uint32_t)n);
  free(code);
  return error;
}

/* The same, and whether it ran to its end and fell through. */
static bool ran(const uint8_t *bytes, size_t n) {
  return step(bytes, n) == 0 && vm.pc == n;
}

static int64_t run(const uint8_t *bytes, size_t n) {
  uint8_t *code = copy_of(bytes, n);
  int64_t result;

  vm.pc = 0;
  result = stranger_execute(&vm, code, (uint32_t)n);
  free(code);
  return result;
}

#define BYTES(...) \
  (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define STEP(...) step(BYTES(__VA_ARGS__))
#define RAN(...) ran(BYTES(__VA_ARGS__))
#define RUN(...) run(BYTES(__VA_ARGS__))

/* Where a 4-byte jump over 16 bytes leads. */
#define TAKEN 20
#define NOT_TAKEN 4

static void fresh(void) {
  stranger_free(&vm);
  if (stranger_init(&vm) != 0)
    abort();
}

static void set_flags(uint8_t z, uint8_t s) {
  vm.flag_z = z;
  vm.flag_s = s;
}

static bool flags_are(uint8_t z, uint8_t s) {
  return vm.flag_z == z && vm.flag_s == s && !vm.flag_c && !vm.flag_o;
}

static bool all_zero(const void *at, size_t n) {
  const uint8_t *p = at;

  while (n > 0 && *p == 0)
    p++, n--;
  return n == 0;
}

/* ---- life ---- */

static bool is_fresh(void) {
  return vm.gp[11] == 65536 && vm.sp == 65536 && vm.pc == 0 &&
         all_zero(vm.gp, 11 * 4) && all_zero(vm.gp + 12, 4 * 4) &&
         all_zero(vm.fp, sizeof vm.fp) && all_zero(vm.vec, sizeof vm.vec) &&
         all_zero(vm.frame, sizeof vm.frame) && flags_are(0, 0) &&
         all_zero(vm.resource, sizeof vm.resource) && vm.frame_depth == 0 &&
         vm.box_count == 0 && vm.region_count == 2 && vm.cycles == 0 &&
         vm.stack_size == 65536 && all_zero(vm.stack, 65536) &&
         vm.heap_size == 65536 && all_zero(vm.heap, 65536) &&
         !vm.halted && vm.last_error == 0;
}

static void nobody(void) {
}

static void test_life(void) {
  memset(&vm, 0xA5, sizeof vm);
  CHECK(stranger_init(&vm) == 0);
  CHECK(is_fresh());
  CHECK(vm.max_cycles == 10000000 && !vm.on_message && !vm.on_yield);
  stranger_set_yield(&vm, nobody);
  vm.max_cycles = 77;
  memset(vm.heap, 1, 65536);
  memset(vm.stack, 1, 65536);
  memset(vm.gp, 1, sizeof vm.gp);
  CHECK(RAN(0x30, 6, 0, 1, 'x', 8, 0, 0, 0));
  CHECK(vm.region_count == 3 && !is_fresh());
  CHECK(stranger_reset(&vm) == 0);
  CHECK(is_fresh());
  CHECK(vm.max_cycles == 77 && vm.on_yield == nobody);
  stranger_free(&vm);
  CHECK(!vm.heap && !vm.stack && !vm.regions);
  stranger_free(&vm);
}

static void test_error_strings(void) {
  CHECK(strcmp(stranger_error_string(3), "division by zero") == 0);
  CHECK(strcmp(stranger_error_string(99), "unknown error") == 0);
  for (int e = -1; e < 14; e++)
    CHECK(strlen(stranger_error_string(e)) > 0);
}

/* ---- integers ---- */

static void test_moves(void) {
  fresh();
  set_flags(1, 1);
  CHECK(RAN(0x00));
  CHECK(RAN(0x2B, 3, 0x34, 0x12) && vm.gp[3] == 0x1234);
  CHECK(RAN(0x2B, 4, 0xFE, 0xFF) && vm.gp[4] == -2);
  CHECK(RAN(0x2B, 0, 5, 0) && vm.gp[0] == 5); /* an ordinary register */
  CHECK(RAN(0x01, 15, 4) && vm.gp[15] == -2 && vm.gp[4] == -2);
  CHECK(RAN(0x27, 3, 0) && vm.gp[3] == 0x1239 && vm.sp == 65536);
  CHECK(RAN(0x84));
  CHECK(flags_are(1, 1) && vm.cycles == 7);
  CHECK(RAN(0x2B, 11, 0, 0) && vm.sp == 65536); /* R11 is not sp */
}

/* R1 = x op R2 = y; what R1 is then. Two-operand: R2 stays. */
static int32_t op2(uint8_t op, int32_t x, int32_t y) {
  vm.gp[1] = x;
  vm.gp[2] = y;
  if (!RAN(op, 1, 2) || vm.gp[2] != y)
    CHECK(!"the row ran and left its second register alone");
  return vm.gp[1];
}

static int32_t op1(uint8_t op, int32_t x) {
  vm.gp[7] = x;
  if (!RAN(op, 7))
    CHECK(!"the row ran");
  return vm.gp[7];
}

static void test_arithmetic_with_flags(void) {
  fresh();
  CHECK(op2(0x08, 40, 2) == 42 && flags_are(0, 0));
  CHECK(op2(0x08, INT32_MAX, 1) == INT32_MIN && flags_are(0, 1));
  CHECK(op2(0x08, 1, -1) == 0 && flags_are(1, 0));
  CHECK(op2(0x09, 5, 7) == -2 && flags_are(0, 1));
  CHECK(op2(0x09, INT32_MIN, 1) == INT32_MAX && flags_are(0, 0));
  CHECK(op2(0x09, 7, 7) == 0 && flags_are(1, 0));
  CHECK(op2(0x0A, -6, 7) == -42 && flags_are(0, 1));
  CHECK(op2(0x0A, 0x10000, 0x10000) == 0 && flags_are(1, 0));
  CHECK(op2(0x0A, 0xFFFF, 0xFFFF) == -131071 && flags_are(0, 1));
  CHECK(op1(0x0D, 5) == -5 && flags_are(0, 1));
  CHECK(op1(0x0D, 0) == 0 && flags_are(1, 0));
  CHECK(op1(0x0D, INT32_MIN) == INT32_MIN && flags_are(0, 1));
  CHECK(op1(0x0E, -1) == 0 && flags_are(1, 0));
  CHECK(op1(0x0E, INT32_MAX) == INT32_MIN && flags_are(0, 1));
  CHECK(op1(0x0F, 1) == 0 && flags_are(1, 0));
  CHECK(op1(0x0F, INT32_MIN) == INT32_MAX && flags_are(0, 0));
}

static void test_division(void) {
  static const uint8_t rows[] = {0x0B, 0x0C, 0x2C};

  fresh();
  set_flags(1, 1);
  CHECK(op2(0x0B, 7, 2) == 3);
  CHECK(op2(0x0B, -7, 2) == -3);
  CHECK(op2(0x0C, 7, 3) == 1);
  CHECK(op2(0x0C, -7, 3) == -1);
  CHECK(op2(0x2C, 7, -3) == 1);
  CHECK(op2(0x2C, -7, -3) == -1);
  for (size_t i = 0; i < sizeof rows; i++) {
    vm.gp[1] = 9;
    vm.gp[2] = 0;
    CHECK(STEP(rows[i], 1, 2) == 3 && vm.last_error == 3);
    CHECK(vm.pc == 3 && vm.gp[1] == 9 && !vm.halted);
  }
  CHECK(flags_are(1, 1) && vm.cycles == 9);
}

static void test_bits(void) {
  fresh();
  set_flags(1, 1);
  CHECK(op2(0x10, 12, 10) == 8);
  CHECK(op2(0x11, 12, 10) == 14);
  CHECK(op2(0x12, 12, 10) == 6);
  CHECK(op1(0x13, 5) == -6);
  CHECK(op2(0x14, 1, 31) == INT32_MIN);
  CHECK(op2(0x14, -3, 1) == -6);
  CHECK(op2(0x15, -8, 1) == -4);
  CHECK(op2(0x15, INT32_MIN, 31) == -1);
  CHECK(op2(0x16, (int32_t)0x80000001, 1) == 3);
  CHECK(op2(0x16, 0x12345678, 0) == 0x12345678);
  CHECK(op2(0x16, 0x12345678, 36) == 0x23456781);
  CHECK(op2(0x17, 3, 1) == (int32_t)0x80000001);
  CHECK(op2(0x17, 0x12345678, 32) == 0x12345678);
  CHECK(op2(0x17, 0x12345678, -4) == 0x23456781);
  CHECK(flags_are(1, 1));
}

static void test_compares(void) {
  static const uint8_t rows[] = {0x18, 0x2D};

  fresh();
  for (size_t i = 0; i < sizeof rows; i++) {
    CHECK(op2(rows[i], 1, 2) == 1 && flags_are(0, 1));
    CHECK(op2(rows[i], 2, 1) == 2 && flags_are(0, 0));
    CHECK(op2(rows[i], 2, 2) == 2 && flags_are(1, 0));
    /* A true compare, no sign of a difference; carry stays as it is. */
    CHECK(op2(rows[i], INT32_MIN, 1) == INT32_MIN && flags_are(0, 1));
    CHECK(op2(rows[i], INT32_MAX, -1) == INT32_MAX && flags_are(0, 0));
  }
  CHECK(op2(0x1E, 12, 3) == 12 && flags_are(1, 0));
  CHECK(op2(0x1E, -1, INT32_MIN) == -1 && flags_are(0, 1));
  CHECK(op2(0x1E, 12, 4) == 12 && flags_are(0, 0));

  set_flags(1, 1);
  CHECK(op2(0x19, 4, 4) == 1 && op2(0x19, 4, 5) == 0);
  CHECK(op2(0x1A, -1, 0) == 1 && op2(0x1A, 0, 0) == 0);
  CHECK(op2(0x1B, 0, 0) == 1 && op2(0x1B, 1, 0) == 0);
  CHECK(op2(0x1C, 1, -1) == 1 && op2(0x1C, 1, 1) == 0);
  CHECK(op2(0x1D, 1, 1) == 1 && op2(0x1D, -1, 1) == 0);
  CHECK(flags_are(1, 1));
}

static void test_setcc(void) {
  fresh();
  set_flags(1, 0);
  CHECK(RAN(0x1F, 1, 0) && vm.gp[1] == 1);
  CHECK(RAN(0x1F, 1, 1) && vm.gp[1] == 0);
  set_flags(0, 1);
  CHECK(RAN(0x1F, 1, 1) && vm.gp[1] == 1);
  CHECK(RAN(0x1F, 1, 0) && vm.gp[1] == 0);
  vm.gp[1] = 9;
  CHECK(RAN(0x1F, 1, 2) && vm.gp[1] == 0);
}

static void test_check_bounds(void) {
  fresh();
  CHECK(op2(0x3C, 3, 4) == 3 && vm.gp[0] == 1);
  CHECK(op2(0x3C, 4, 4) == 4 && vm.gp[0] == 0);
  CHECK(op2(0x3C, 0, 1) == 0 && vm.gp[0] == 1);
  CHECK(op2(0x3C, -1, 4) == -1 && vm.gp[0] == 0);
}

/* Indexes are not checked and reach what lies behind. */
static void test_wild_indexes(void) {
  fresh();
  vm.fp[2] = 1.0f;
  CHECK(RAN(0x01, 1, 18) && vm.gp[1] == 0x3F800000);
  CHECK(RAN(0x2B, 35, 7, 0) && vm.vec[0][12] == 7);
  CHECK(RAN(0x2B, 97, 0x10, 0) && vm.sp == 16);
  CHECK(STEP(0x0E, 96, 0x00) == 0 && vm.pc == 3); /* skips a byte */
}

/* ---- jumps ---- */

static uint32_t jump(uint8_t op, uint8_t z, uint8_t s) {
  set_flags(z, s);
  CHECK(STEP(op, 0xEE, 16, 0) == 0);
  CHECK(flags_are(z, s));
  return vm.pc;
}

static void test_jumps(void) {
  fresh();
  CHECK(jump(0x04, 0, 0) == TAKEN);
  CHECK(STEP(0x04, 0, 0, 0) == 0 && vm.pc == 4);
  CHECK(STEP(0x04, 0, 0xFC, 0xFF) == 0 && vm.pc == 0);
  CHECK(STEP(0x04, 0, 0xFB, 0xFF) == 0 && vm.pc == UINT32_MAX);
  CHECK(STEP(0x05, 1, 16, 0) == 0 && vm.pc == TAKEN);
  CHECK(STEP(0x06, 1, 16, 0) == 0 && vm.pc == NOT_TAKEN);
  vm.gp[1] = -1;
  CHECK(STEP(0x05, 1, 16, 0) == 0 && vm.pc == NOT_TAKEN);
  CHECK(STEP(0x06, 1, 16, 0) == 0 && vm.pc == TAKEN);
  CHECK(jump(0x2E, 1, 0) == TAKEN && jump(0x2E, 0, 1) == NOT_TAKEN);
  CHECK(jump(0x2F, 0, 1) == TAKEN && jump(0x2F, 1, 0) == NOT_TAKEN);
  CHECK(jump(0x36, 0, 1) == TAKEN && jump(0x36, 1, 0) == NOT_TAKEN);
  CHECK(jump(0x36, 0, 0) == NOT_TAKEN);
  CHECK(jump(0x37, 0, 0) == TAKEN && jump(0x37, 1, 0) == TAKEN);
  CHECK(jump(0x37, 0, 1) == NOT_TAKEN);
  CHECK(jump(0x4E, 0, 1) == TAKEN && jump(0x4E, 1, 0) == TAKEN);
  CHECK(jump(0x4E, 0, 0) == NOT_TAKEN);
  /* JG: when less, and neither when greater nor when equal. */
  CHECK(jump(0x4D, 0, 1) == TAKEN);
  CHECK(jump(0x4D, 0, 0) == NOT_TAKEN && jump(0x4D, 1, 0) == NOT_TAKEN);
  CHECK(jump(0x4D, 1, 1) == NOT_TAKEN);
}

/* O is in the conditions although nothing sets it. */
static void test_jumps_see_overflow(void) {
  fresh();
  vm.flag_o = 1;
  CHECK(STEP(0x36, 0, 16, 0) == 0 && vm.pc == TAKEN);
  CHECK(STEP(0x37, 0, 16, 0) == 0 && vm.pc == NOT_TAKEN);
  CHECK(STEP(0x4D, 0, 16, 0) == 0 && vm.pc == TAKEN);
  CHECK(STEP(0x4E, 0, 16, 0) == 0 && vm.pc == TAKEN);
  vm.flag_c = 1;
  CHECK(op2(0x08, 1, 1) == 2 && vm.flag_o == 1 && vm.flag_c == 1);
  CHECK(op2(0x18, 1, 1) == 1 && vm.flag_o == 1 && vm.flag_c == 1);
}

static void test_calls(void) {
  fresh();
  CHECK(STEP(0x07, 0xEE, 16, 0) == 0 && vm.pc == TAKEN);
  CHECK(vm.frame_depth == 1 && vm.frame[0] == 4 && vm.sp == 65536);
  vm.gp[5] = 1000;
  CHECK(STEP(0x29, 5) == 0 && vm.pc == 1000);
  CHECK(vm.frame_depth == 2 && vm.frame[1] == 2);
  CHECK(STEP(0x2A, 5) == 0 && vm.pc == 1000 && vm.frame_depth == 2);
  CHECK(STEP(0x28, 0xEE) == 0 && vm.pc == 2 && vm.frame_depth == 1);
  CHECK(STEP(0x28, 0) == 0 && vm.pc == 4 && vm.frame_depth == 0);
  CHECK(STEP(0x28, 0) == 5 && vm.pc == 2 && vm.last_error == 5);
}

static void test_frames_full(void) {
  fresh();
  vm.gp[5] = 1000;
  for (int i = 0; i < 256; i++)
    CHECK(STEP(0x07, 0, 16, 0) == 0);
  CHECK(STEP(0x07, 0, 16, 0) == 4 && vm.pc == 4 && vm.last_error == 4);
  CHECK(STEP(0x29, 5) == 4 && vm.pc == 2);
  CHECK(STEP(0x25, 3) == 4 && vm.pc == 2 && vm.sp == 65536);
  CHECK(vm.frame_depth == 256 && vm.cycles == 259);
}

/* ---- the stack ---- */

static void test_push_and_pop(void) {
  fresh();
  set_flags(1, 1);
  vm.gp[1] = 0x01020304;
  CHECK(RAN(0x20, 1) && vm.sp == 65532);
  CHECK(vm.stack[65532] == 4 && vm.stack[65535] == 1);
  vm.gp[1] = -9;
  CHECK(RAN(0x20, 1) && vm.sp == 65528);
  CHECK(RAN(0x23)); /* SWAP */
  CHECK(RAN(0x21, 2) && vm.gp[2] == 0x01020304 && vm.sp == 65532);
  CHECK(RAN(0x21, 2) && vm.gp[2] == -9 && vm.sp == 65536);
  /* No underflow: zeros, and sp goes on. */
  CHECK(RAN(0x21, 2) && vm.gp[2] == 0 && vm.sp == 65540);
  /* A store outside is lost. */
  CHECK(RAN(0x20, 1) && vm.sp == 65536);
  vm.sp = 3;
  CHECK(STEP(0x20, 1) == 4 && vm.pc == 2 && vm.sp == 3);
  vm.sp = 4;
  CHECK(RAN(0x20, 1) && vm.sp == 0 && vm.stack[0] == 0xF7);
  CHECK(STEP(0x20, 1) == 4 && vm.sp == 0 && vm.stack[0] == 0xF7);
  CHECK(flags_are(1, 1));
}

static void test_dup_and_swap(void) {
  fresh();
  vm.gp[1] = 77;
  CHECK(RAN(0x22) && vm.sp == 65532); /* on empty: one zero */
  CHECK(RAN(0x20, 1) && RAN(0x22) && vm.sp == 65524);
  CHECK(vm.stack[65524] == 77 && vm.stack[65528] == 77);
  CHECK(vm.stack[65532] == 0);
  vm.sp = 2;
  CHECK(STEP(0x22) == 4 && vm.pc == 1 && vm.sp == 2);
  vm.sp = 0xFFFFFFFFu; /* popped, and there is no room for the first push */
  CHECK(STEP(0x22) == 4 && vm.sp == 3);
  vm.sp = 65532; /* one cell: its partner is outside */
  vm.stack[65532] = 5;
  CHECK(RAN(0x23) && vm.stack[65532] == 0 && vm.sp == 65532);
  vm.sp = 70000;
  CHECK(RAN(0x23) && vm.sp == 70000);
  CHECK(RAN(0x22) && vm.sp == 69996);
}

static void test_slots(void) {
  fresh();
  vm.gp[1] = 0x11223344;
  CHECK(RAN(0x03, 255, 1)); /* the slot comes first here */
  CHECK(vm.stack[1020] == 0x44 && vm.stack[1023] == 0x11);
  CHECK(RAN(0x02, 2, 255) && vm.gp[2] == 0x11223344);
  CHECK(RAN(0x02, 2, 0) && vm.gp[2] == 0);
  vm.sp = 8; /* PUSH and the slots share memory */
  CHECK(RAN(0x20, 1) && RAN(0x02, 3, 1) && vm.gp[3] == 0x11223344);
}

static void test_enter_and_leave(void) {
  fresh();
  CHECK(RAN(0x25, 2) && vm.sp == 65528);
  CHECK(vm.frame_depth == 1 && vm.frame[0] == 65536);
  CHECK(RAN(0x26, 0) && vm.sp == 65536 && vm.frame_depth == 0);
  CHECK(RAN(0x25, 2) && RAN(0x26, 2)); /* releases too much */
  CHECK(vm.sp == 65544);
  CHECK(STEP(0x26, 2) == 5 && vm.pc == 2 && vm.sp == 65544);
  vm.sp = 4;
  CHECK(RAN(0x25, 255) && vm.sp == (uint32_t)(4 - 1020)); /* unchecked */
  vm.sp = 24;
  CHECK(RAN(0x25, 0));
  CHECK(STEP(0x28, 0) == 0 && vm.pc == 24); /* RET to a saved sp */
}

/* ---- the heap and the regions ---- */

static void test_bytes(void) {
  fresh();
  CHECK(op2(0x57, 65535, 0x1FE) == 65535 && vm.heap[65535] == 0xFE);
  vm.gp[2] = 65535;
  CHECK(RAN(0x4F, 1, 2) && vm.gp[1] == 0xFE);
  vm.gp[2] = 65536;
  CHECK(RAN(0x4F, 1, 2) && vm.gp[1] == 0);
  CHECK(op2(0x57, 65536, 7) == 65536);
  CHECK(op2(0x57, -2, 7) == -2);
  vm.gp[1] = vm.gp[2] = -2;
  CHECK(RAN(0x4F, 1, 2) && vm.gp[1] == 0);
  /* -1 slips past the check and is the byte before the heap. */
  CHECK(op2(0x57, -1, 9) == -1);
  vm.gp[2] = -1;
  CHECK(RAN(0x4F, 1, 2) && vm.gp[1] == 9);
}

static void test_memcopy(void) {
  fresh();
  memcpy(vm.heap + 100, "abcdef", 6);
  CHECK(RAN(0x33, 12, 0, 102, 0, 0, 0, 100, 0, 0, 0, 6, 0, 0, 0));
  CHECK(memcmp(vm.heap + 100, "ababcdef", 9) == 0); /* overlap is fine */
  CHECK(RAN(0x33, 12, 0, 0xFC, 0xFF, 0, 0, 100, 0, 0, 0, 4, 0, 0, 0));
  CHECK(memcmp(vm.heap + 65532, "abab", 4) == 0);
  CHECK(RAN(0x33, 12, 0, 0xFD, 0xFF, 0, 0, 102, 0, 0, 0, 4, 0, 0, 0));
  CHECK(memcmp(vm.heap + 65532, "abab", 4) == 0); /* dropped whole */
  CHECK(RAN(0x33, 12, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0));
  CHECK(vm.heap[0] == 0);
  CHECK(RAN(0x33, 12, 0, 0, 0, 0, 0, 0, 0, 1, 0, 4, 0, 0, 0));
  CHECK(memcmp(vm.heap + 100, "ababcdef", 9) == 0); /* anything at 0..3 */
  CHECK(RAN(0x33, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255));
}

static void test_memset(void) {
  fresh();
  CHECK(RAN(0x34, 9, 0, 16, 0, 0, 0, 4, 0, 0, 0, 0xAB));
  CHECK(vm.heap[15] == 0 && vm.heap[16] == 0xAB);
  CHECK(vm.heap[19] == 0xAB && vm.heap[20] == 0);
  CHECK(RAN(0x34, 9, 0, 0xFE, 0xFF, 0, 0, 255, 255, 255, 255, 1));
  CHECK(vm.heap[65533] == 0 && vm.heap[65534] == 1 && vm.heap[65535] == 1);
  CHECK(RAN(0x34, 9, 0, 0, 0, 1, 0, 4, 0, 0, 0, 1));
  CHECK(RAN(0x34, 9, 0, 0xFF, 0xFF, 0xFF, 0xFF, 4, 0, 0, 0, 1));
  CHECK(vm.heap[0] == 0);
}

static void test_memcmp(void) {
  fresh();
  vm.gp[0] = 9;
  vm.heap[0] = 1; /* differs from heap[8], but it says equal */
  CHECK(RAN(0x35, 12, 0, 0, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0));
  CHECK(vm.gp[0] == 0);
  vm.gp[0] = 9;
  CHECK(RAN(0x35, 12, 0, 0, 0, 0, 9, 8, 0, 0, 0, 4, 0, 0, 0));
  CHECK(vm.gp[0] == 0);
}

static const struct stranger_region *region(const char *name) {
  return stranger_find_region(&vm, name, (uint32_t)strlen(name));
}

static void test_regions(void) {
  fresh();
  CHECK(region("stack") && region("stack")->bytes == vm.stack);
  CHECK(region("heap") && region("heap")->bytes == vm.heap);
  CHECK(!region("hea") && !region("ab"));
  CHECK(RAN(0x30, 7, 0, 2, 'a', 'b', 16, 0, 0, 0));
  CHECK(region("ab") && region("ab")->size == 16);
  CHECK(RAN(0x30, 7, 0, 2, 'a', 'b', 32, 0, 0, 0)); /* taken: ignored */
  CHECK(vm.region_count == 3 && region("ab")->size == 16);
  CHECK(RAN(0x30, 6, 0, 1, 'c', 0, 0, 0, 0));
  CHECK(region("c") && region("c")->size == 65536);
  region("ab")->bytes[15] = 42;
  CHECK(RAN(0x32, 7, 0, 2, 'a', 'b', 3, 'd', 'e', 'f'));
  CHECK(region("def") && region("def")->size == 16);
  CHECK(region("def")->bytes[15] == 42 && region("ab")); /* a copy */
  CHECK(region("def")->bytes != region("ab")->bytes);
  CHECK(RAN(0x32, 4, 0, 1, 'x', 1, 'y') && !region("y"));
  CHECK(RAN(0x32, 5, 0, 2, 'a', 'b', 1, 'c') && vm.region_count == 5);
  CHECK(RAN(0x31, 2, 0, 'a', 'b') && !region("ab"));
  CHECK(vm.region_count == 4 && vm.regions[2].name_length == 3);
  CHECK(RAN(0x31, 2, 0, 'a', 'b') && vm.region_count == 4);
}

static void test_regions_full(void) {
  fresh();
  for (unsigned i = 2; i < 256; i++)
    CHECK(RAN(0x30, 6, 0, 1, (uint8_t)i, 4, 0, 0, 0));
  CHECK(vm.region_count == 256);
  CHECK(RAN(0x30, 6, 0, 1, 1, 4, 0, 0, 0) && vm.region_count == 256);
  CHECK(RAN(0x32, 4, 0, 1, 2, 1, 1) && vm.region_count == 256);
}

static void test_without_memory(void) {
  fresh();
  CHECK(RAN(0x31, 4, 0, 'h', 'e', 'a', 'p') && !vm.heap && !vm.heap_size);
  CHECK(RAN(0x31, 5, 0, 's', 't', 'a', 'c', 'k') && !vm.stack);
  vm.gp[0] = vm.gp[1] = 9;
  CHECK(RAN(0x4F, 0, 2) && vm.gp[0] == 0);
  CHECK(op2(0x57, -1, 1) == -1 && op2(0x57, 0, 1) == 0);
  CHECK(RAN(0x34, 9, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1));
  CHECK(RAN(0x33, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0));
  CHECK(RAN(0x50, 3, 0, 1, 0, 0) && RAN(0x51, 3, 0, 1, 0, 0));
  CHECK(RAN(0x20, 1) && vm.sp == 65532);
  CHECK(RAN(0x21, 1) && vm.gp[1] == 0 && vm.sp == 65536);
  /* A new heap of any size takes its place. */
  CHECK(RAN(0x30, 9, 0, 4, 'h', 'e', 'a', 'p', 8, 0, 0, 0));
  CHECK(vm.heap && vm.heap_size == 8);
  CHECK(op2(0x57, 7, 3) == 7 && vm.heap[7] == 3 && op2(0x57, 8, 3) == 8);
}

/* ---- boxes and resources ---- */

static void test_boxes(void) {
  fresh();
  vm.gp[0] = 99;
  CHECK(RAN(0x39, 5, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF) && vm.gp[0] == 0);
  CHECK(RAN(0x39, 5, 0, 1, 0, 0, 0x20, 0x40) && vm.gp[0] == 1); /* 2.5 */
  CHECK(RAN(0x39, 5, 0, 2, 0, 1, 0, 0) && vm.gp[0] == 2);
  CHECK(RAN(0x39, 5, 0, 9, 0, 0, 0, 0) && vm.gp[0] == 3);
  CHECK(RAN(0x3A, 1, 0, 0) && vm.gp[0] == -2);
  CHECK(RAN(0x3A, 1, 0, 1) && vm.fp[0] == 2.5f && vm.gp[0] == -2);
  CHECK(RAN(0x3A, 1, 0, 2) && vm.gp[0] == 1 && vm.fp[0] == 2.5f);
  CHECK(RAN(0x3A, 1, 0, 3) && vm.gp[0] == 0);
  vm.gp[0] = 99;
  CHECK(STEP(0x3A, 1, 0, 4) == 6 && vm.pc == 4 && vm.gp[0] == 99);
  CHECK(STEP(0x3A, 1, 0, 255) == 6 && vm.last_error == 6);
  CHECK(RAN(0x3B, 1, 1) && vm.gp[0] == 1);
  CHECK(RAN(0x3B, 1, 0) && vm.gp[0] == 0);
  CHECK(RAN(0x3B, 3, 9) && vm.gp[0] == 1);
  CHECK(RAN(0x3B, 200, 0) && vm.gp[0] == 0);
  for (int i = 4; i < 64; i++)
    CHECK(RAN(0x39, 5, 0, 0, 1, 0, 0, 0) && vm.gp[0] == i);
  CHECK(STEP(0x39, 5, 0, 0, 1, 0, 0, 0) == 12 && vm.pc == 8);
  CHECK(vm.gp[0] == 63 && vm.box_count == 64 && vm.last_error == 12);
  CHECK(RAN(0x3A, 1, 0, 63) && vm.gp[0] == 1);
}

static void test_resources(void) {
  fresh();
  CHECK(RAN(0x82, 1, 0, 200) && vm.gp[0] == 1 && vm.resource[200] == 1);
  vm.gp[0] = 9;
  CHECK(RAN(0x82, 0, 0) && vm.gp[0] == 1 && vm.resource[0] == 0);
  vm.gp[0] = 9;
  CHECK(RAN(0x83, 0, 0) && vm.resource[200] == 1);
  CHECK(RAN(0x83, 1, 0, 200) && vm.resource[200] == 0 && vm.gp[0] == 9);
}

/* ---- floats and vectors ---- */

static float fop2(uint8_t op, float x, float y) {
  vm.fp[1] = x;
  vm.fp[2] = y;
  CHECK(RAN(op, 1, 2));
  return vm.fp[1];
}

static int32_t fcompare(uint8_t op, float x, float y) {
  vm.gp[1] = 9;
  (void)fop2(op, x, y);
  return vm.gp[1];
}

static void test_floats(void) {
  fresh();
  CHECK(fop2(0x40, 1.5f, 2.0f) == 3.5f);
  CHECK(fop2(0x41, 1.5f, 2.0f) == -0.5f);
  CHECK(fop2(0x42, 1.5f, 2.0f) == 3.0f);
  CHECK(fop2(0x43, 1.5f, 2.0f) == 0.75f);
  CHECK(isinf(fop2(0x42, 3e38f, 2.0f)));
  vm.fp[1] = 0.0f;
  CHECK(RAN(0x44, 1) && vm.fp[1] == 0 && signbit(vm.fp[1]));
  CHECK(RAN(0x45, 1) && vm.fp[1] == 0 && !signbit(vm.fp[1]));
  vm.fp[1] = -2.5f;
  CHECK(RAN(0x45, 1) && vm.fp[1] == 2.5f);
  CHECK(RAN(0x44, 1) && vm.fp[1] == -2.5f);
  vm.fp[2] = -0.0f;
  CHECK(STEP(0x43, 1, 2) == 3 && vm.pc == 3 && vm.fp[1] == -2.5f);
  CHECK(flags_are(0, 0));
}

static void test_float_order(void) {
  fresh();
  CHECK(fop2(0x46, 1, 2) == 1 && fop2(0x46, 2, 1) == 1);
  CHECK(fop2(0x47, 1, 2) == 2 && fop2(0x47, 2, 1) == 2);
  CHECK(fop2(0x46, NAN, 2) == 2 && isnan(fop2(0x46, 2, NAN)));
  CHECK(fop2(0x47, NAN, 2) == 2 && isnan(fop2(0x47, 2, NAN)));
  CHECK(signbit(fop2(0x46, 0.0f, -0.0f)));  /* equal: the second */
  CHECK(!signbit(fop2(0x46, -0.0f, 0.0f)));
  CHECK(fcompare(0x48, 1, 1) == 1 && fcompare(0x48, NAN, NAN) == 0);
  CHECK(fcompare(0x49, 1, 2) == 1 && fcompare(0x49, 1, 1) == 0);
  CHECK(fcompare(0x4A, 1, 1) == 1 && fcompare(0x4A, 2, 1) == 0);
  CHECK(fcompare(0x4B, 2, 1) == 1 && fcompare(0x4B, 1, 1) == 0);
  CHECK(fcompare(0x4C, 1, 1) == 1 && fcompare(0x4C, NAN, 1) == 0);
}

static void test_casts(void) {
  fresh();
  vm.gp[3] = -7;
  CHECK(RAN(0x38, 3, 0) && vm.fp[3] == -7.0f && vm.gp[3] == -7);
  vm.fp[3] = -2.9f;
  CHECK(RAN(0x38, 3, 1) && vm.gp[3] == -2);
  vm.fp[3] = 2.9f;
  CHECK(RAN(0x38, 3, 200) && vm.gp[3] == 2 && vm.fp[3] == 2.9f);
}

static void set_lanes(uint8_t i, const int32_t lanes[4]) {
  memcpy(vm.vec[i], lanes, 16);
}

static bool lanes_are(uint8_t i, int32_t a, int32_t b, int32_t c,
                      int32_t d) {
  const int32_t lanes[4] = {a, b, c, d};

  return memcmp(vm.vec[i], lanes, 16) == 0;
}

static void test_vector_arithmetic(void) {
  const int32_t x[4] = {7, -7, INT32_MAX, 0x10000};
  const int32_t y[4] = {2, 2, 1, 0x10000};
  const int32_t z[4] = {2, 0, -1, 5};

  fresh();
  set_lanes(2, y);
  set_lanes(1, x);
  CHECK(RAN(0x52, 1, 2) && lanes_are(1, 9, -5, INT32_MIN, 0x20000));
  CHECK(RAN(0x53, 1, 2) && lanes_are(1, 7, -7, INT32_MAX, 0x10000));
  CHECK(RAN(0x54, 1, 2) && lanes_are(1, 14, -14, INT32_MAX, 0));
  CHECK(lanes_are(2, 2, 2, 1, 0x10000));
  set_lanes(15, z); /* a lane with divisor 0 stays */
  set_lanes(1, x);
  CHECK(RAN(0x55, 1, 15) && lanes_are(1, 3, -7, -INT32_MAX, 0x3333));
  CHECK(RAN(0x53, 1, 1) && lanes_are(1, 0, 0, 0, 0));
}

static void test_vector_fma(void) {
  const float x[4] = {1, 2, 3, -0.5f}, y[4] = {2, 2, 2, 2};
  const float want[4] = {5, 6, 7, 3.5f};
  const float z[4] = {2, 2, 2, 2};

  fresh();
  memcpy(vm.vec[1], x, 16);
  memcpy(vm.vec[2], y, 16);
  memcpy(vm.vec[3], z, 16);
  CHECK(RAN(0x56, 1, 2, 3) && memcmp(vm.vec[1], want, 16) == 0);
  CHECK(memcmp(vm.vec[2], y, 16) == 0);
}

static void test_vector_memory(void) {
  fresh();
  memcpy(vm.heap + 0x1234, "0123456789abcdef", 16);
  CHECK(RAN(0x50, 3, 0, 15, 0x34, 0x12));
  CHECK(memcmp(vm.vec[15], "0123456789abcdef", 16) == 0);
  CHECK(RAN(0x51, 3, 0, 15, 0xF0, 0xFF));
  CHECK(memcmp(vm.heap + 65520, "0123456789abcdef", 16) == 0);
  CHECK(RAN(0x51, 3, 0, 14, 0xF1, 0xFF)); /* out of range: dropped */
  CHECK(vm.heap[65535] == 'f');
  CHECK(RAN(0x50, 3, 0, 15, 0xFF, 0xFF));
  CHECK(vm.vec[15][0] == '0');
}

/* ---- the host ---- */

static struct {
  unsigned calls, yields;
  uint8_t opcode, first;
  uint16_t length;
  uint32_t pc;
} heard;

static void on_message(uint8_t opcode, const uint8_t *payload,
                       uint16_t length) {
  heard.calls++;
  heard.opcode = opcode;
  heard.length = length;
  heard.first = length > 0 ? payload[0] : 0;
  heard.pc = vm.pc;
}

static void on_yield(void) {
  heard.yields++;
}

static void test_messages(void) {
  unsigned calls = 0;

  fresh();
  CHECK(RAN(0x60, 2, 0, 5, 6) && heard.calls == 0); /* nobody listens */
  stranger_set_message(&vm, on_message);
  for (unsigned op = 0x60; op <= 0x7A; op++) {
    if (op > 0x6C && op < 0x70)
      continue;
    CHECK(RAN((uint8_t)op, 2, 0, (uint8_t)(op ^ 0x55), 6));
    CHECK(heard.calls == ++calls && heard.opcode == op);
    CHECK(heard.first == (op ^ 0x55) && heard.length == 2 && heard.pc == 5);
  }
  CHECK(calls == 24);
  CHECK(RAN(0x66, 0, 0) && heard.length == 0 && heard.calls == 25);
  stranger_set_message(&vm, NULL);
  CHECK(RAN(0x66, 0, 0) && heard.calls == 25);
}

static void test_long_message(void) {
  static uint8_t code[3 + 65535] = {0x66, 0xFF, 0xFF, 8};

  fresh();
  stranger_set_message(&vm, on_message);
  CHECK(ran(code, sizeof code));
  CHECK(heard.length == 65535 && heard.first == 8);
}

static void test_yield(void) {
  fresh();
  CHECK(RAN(0x81) && heard.yields == 0);
  stranger_set_yield(&vm, on_yield);
  CHECK(RAN(0x81) && heard.yields == 1 && !vm.halted);
}

/* ---- step and execute ---- */

static void test_halt(void) {
  fresh();
  CHECK(STEP(0x80) == 1 && vm.halted && vm.last_error == 1 && vm.pc == 1);
  CHECK(RAN(0x00) && !vm.halted && vm.last_error == 11);
  CHECK(STEP(0x7B) == 1 && vm.halted && vm.last_error == 1 && vm.pc == 1);
  CHECK(vm.cycles == 3);
}

static void test_execute_results(void) {
  fresh();
  CHECK(RUN(0x00, 0x00, 0x80) == 3);
  CHECK(vm.halted && vm.last_error == 1 && vm.pc == 3);
  CHECK(RUN(0x00, 0x80) == 5); /* cycles count on */
  CHECK(RUN(0x00, 0x24) == -2 && vm.last_error == 2 && !vm.halted);
  CHECK(vm.pc == 1 && vm.cycles == 7);
  CHECK(RUN(0x0B, 1, 2) == -3 && vm.pc == 3);
  CHECK(RUN(0x28, 0) == -5 && RUN(0x3A, 1, 0, 9) == -6);
}

static void test_budget(void) {
  static const uint8_t hang[] = {0x04, 0, 0xFC, 0xFF};

  fresh();
  CHECK(stranger_execute(&vm, hang, sizeof hang) == 10000000);
  CHECK(vm.last_error == 11 && !vm.halted && vm.cycles == 10000000);
  CHECK(stranger_execute(&vm, hang, sizeof hang) == 10000000);
  CHECK(stranger_step(&vm, hang, sizeof hang) == 0); /* unlimited */
  fresh();
  vm.max_cycles = 2;
  CHECK(RUN(0x00, 0x80) == 2 && vm.last_error == 1); /* exactly */
  fresh();
  vm.max_cycles = 1;
  CHECK(RUN(0x00, 0x80) == 1 && vm.last_error == 11 && vm.pc == 1);
}

/* ---- programs ---- */

static void test_sum(void) {
  fresh();
  /* R1 = 10; R2 = 0; do { R2 += R1; R1--; } while (R1) */
  CHECK(RUN(0x2B, 1, 10, 0, 0x2B, 2, 0, 0,
            0x08, 2, 1, 0x0F, 1, 0x06, 1, 0xF7, 0xFF, 0x80) == 33);
  CHECK(vm.gp[2] == 55 && vm.gp[1] == 0);
}

static void test_factorial(void) {
  /* main: R1 = 5; CALL f; HALT
   * f:    if (R1 == 0) { R2 = 1; return; }
   *       PUSH R1; R1--; CALL f; POP R1; R2 *= R1; return */
  fresh();
  CHECK(RUN(0x2B, 1, 5, 0, 0x07, 0, 1, 0, 0x80,
            0x06, 1, 6, 0, 0x2B, 2, 1, 0, 0x28, 0,
            0x20, 1, 0x0F, 1, 0x07, 0, 0xEE, 0xFF, 0x21, 1, 0x0A, 2, 1,
            0x28, 0) > 0);
  CHECK(vm.halted && vm.gp[2] == 120 && vm.gp[1] == 5);
  CHECK(vm.sp == 65536 && vm.frame_depth == 0);
}

static void test_frame_program(void) {
  /* ENTER 2; PUSH R1; POP R2; LEAVE 0; CALL +1; HALT; RET */
  fresh();
  vm.gp[1] = 31;
  CHECK(RUN(0x25, 2, 0x20, 1, 0x21, 2, 0x26, 0, 0x07, 0, 1, 0, 0x80,
            0x28, 0) == 7);
  CHECK(vm.gp[2] == 31 && vm.sp == 65536 && vm.frame_depth == 0);
}

/* Counts R1 up to 3, a message each time; CMP and JL. */
static void test_talker(void) {
  unsigned before = heard.calls;

  fresh();
  stranger_set_message(&vm, on_message);
  CHECK(RUN(0x2B, 2, 3, 0, 0x0E, 1, 0x60, 1, 0, 'm', 0x2D, 1, 2,
            0x36, 0, 0xF3, 0xFF, 0x80) == 14);
  CHECK(heard.calls == before + 3 && heard.first == 'm');
  CHECK(vm.gp[1] == 3);
}

/* What no other test has stepped is no row. Runs last. */
static void test_bad_opcodes(void) {
  unsigned rows = 0;

  fresh();
  for (unsigned op = 0; op < 256; op++) {
    uint8_t byte = (uint8_t)op;

    if (seen[op]) {
      rows++;
      continue;
    }
    CHECK(step(&byte, 1) == 2 && vm.pc == 0 && vm.last_error == 2);
  }
  CHECK(rows == 114);
  CHECK(vm.cycles == 256 - 114);
}

static void test_registers_and_memory(void) {
  test_moves();
  test_arithmetic_with_flags();
  test_division();
  test_bits();
  test_compares();
  test_setcc();
  test_check_bounds();
  test_wild_indexes();
  test_push_and_pop();
  test_dup_and_swap();
  test_slots();
  test_enter_and_leave();
  test_bytes();
  test_memcopy();
  test_memset();
  test_memcmp();
  test_regions();
  test_regions_full();
  test_without_memory();
  test_boxes();
  test_resources();
}

int main(void) {
  test_life();
  test_error_strings();
  test_registers_and_memory();
  test_jumps();
  test_jumps_see_overflow();
  test_calls();
  test_frames_full();
  test_floats();
  test_float_order();
  test_casts();
  test_vector_arithmetic();
  test_vector_fma();
  test_vector_memory();
  test_messages();
  test_long_message();
  test_yield();
  test_halt();
  test_execute_results();
  test_budget();
  test_sum();
  test_factorial();
  test_frame_program();
  test_talker();
  test_bad_opcodes();
  stranger_free(&vm);
  printf("%u passed, %u failed\n", passed, failed);
  return failed != 0;
}
