/*
 * test_semantics.c - the executable table of semantic ops, op by op, against
 * other ways to say the same thing.
 */
#include "tests/unit.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "gpu/semantics.h"
#include "tests/gen.h"
#include "tests/semtable.h"

enum { MEM = 1024, RANDOM = 200000 };

static uint64_t state = 99;

static int32_t any(void) {
  uint32_t v = (uint32_t)gen_random(&state);

  return (int32_t)(v >> gen_below(&state, 32)) * (v & 1 ? 1 : -1);
}

/* ---- integers ----------------------------------------------------------- */

static void wrapping(void) {
  UNIT_EQ(fsem_add(INT_MAX, 1), INT_MIN);
  UNIT_EQ(fsem_sub(INT_MIN, 1), INT_MAX);
  UNIT_EQ(fsem_mul(65536, 65536), 0);
  UNIT_EQ(fsem_mul(INT_MIN, -1), INT_MIN);
  UNIT_EQ(fsem_abs(INT_MIN), INT_MIN);
  UNIT_EQ(fsem_abs(-5), 5);
  for (int i = 0; i < 1000; i++) {
    int32_t a = any(), b = any();
    UNIT_EQ(fsem_add(a, b), (int32_t)(uint32_t)((int64_t)a + b));
    UNIT_EQ(fsem_mul(a, b), (int32_t)(uint32_t)(uint64_t)((int64_t)a * b));
  }
}

static void division(void) {
  UNIT_EQ(fsem_quo(7, 0), 0);
  UNIT_EQ(fsem_quo(INT_MIN, -1), INT_MIN);
  UNIT_EQ(fsem_quo(-7, 2), -3);
  UNIT_EQ(fsem_quo(-7, -2), 3);
  UNIT_EQ(fsem_rem(42, 7, 0), 42);
  UNIT_EQ(fsem_rem(42, INT_MIN, -1), 0);
  UNIT_EQ(fsem_rem(42, -7, 2), -1);
  UNIT_EQ(fsem_rem(42, 7, -2), 1);
  UNIT_EQ(fsem_muldiv(INT_MIN, INT_MIN, 1000), (int32_t)0xD2F1A9FB);
  UNIT_EQ(fsem_muldiv(-3, 500, 1000), -1);
  UNIT_EQ(fsem_muldiv(3, 4, 0), 0);
  for (int i = 0; i < 1000; i++) {
    int32_t a = any(), b = any();
    if (b == 0 || (a == INT_MIN && b == -1))
      continue;
    UNIT_EQ(fsem_quo(a, b), a / b);
    UNIT_EQ(fsem_rem(0, a, b), a % b);
  }
}

static void shifts(void) {
  UNIT_EQ(fsem_shl(1, 31), INT_MIN);
  UNIT_EQ(fsem_shl(1, 32), 1);
  UNIT_EQ(fsem_shl(1, -1), INT_MIN);
  UNIT_EQ(fsem_sar(INT_MIN, 31), -1);
  UNIT_EQ(fsem_sar(-5, 33), -3);
  UNIT_EQ(fsem_rotl(0x12345678, 0), 0x12345678);
  UNIT_EQ(fsem_rotl(0x12345678, 8), 0x34567812);
  UNIT_EQ(fsem_rotl(0x12345678, fsem_sub(32, 8)), 0x78123456);
  UNIT_EQ(fsem_rotl(0x12345678, fsem_sub(32, 0)), 0x12345678);
  UNIT_EQ(fsem_rotl(INT_MIN, 1), 1);
}

static void bits(void) {
  UNIT_EQ(fsem_clz(0), 32);
  UNIT_EQ(fsem_clz(-1), 0);
  UNIT_EQ(fsem_bitrev(1), INT_MIN);
  for (int i = 0; i < 1000; i++) {
    uint32_t v = (uint32_t)any(), reversed = 0;
    int ones = 0, zeros = 0;
    for (int k = 0; k < 32; k++) {
      ones += v >> k & 1;
      reversed |= (v >> k & 1) << (31 - k);
    }
    while (zeros < 32 && !(v >> (31 - zeros) & 1))
      zeros++;
    UNIT_EQ(fsem_popcnt((int32_t)v), ones);
    UNIT_EQ(fsem_clz((int32_t)v), zeros);
    UNIT_EQ(fsem_bitrev((int32_t)v), (int32_t)reversed);
  }
  UNIT_EQ(fsem_mix(0), 0);
  UNIT_EQ(fsem_mix(1), 0x31251BA7);
  UNIT_EQ(fsem_mix(-1), 0x2028884F);
}

/* ---- roundings ---------------------------------------------------------- */

static void round_to_binary32(void) {
  for (int i = 0; i < RANDOM; i++) {
    uint64_t m = gen_random(&state) >> (24 + gen_below(&state, 40));
    if (!UNIT_EQ(fsem_round24(m), (uint64_t)(float)m))
      return;
  }
  UNIT_EQ(fsem_round24((1u << 24) + 1), 1u << 24);     /* tie, to even */
  UNIT_EQ(fsem_round24((1u << 24) + 3), (1u << 24) + 4);
  UNIT_EQ(fsem_round24(0xFFFFFFFF), (uint64_t)1 << 32);
}

/* a ** b exactly, while it is anywhere near an int32; the callers keep the
 * steps small enough for 64 bits. */
static bool exact_power(int64_t a, int32_t b, int64_t *out) {
  int64_t v = 1;

  for (int32_t i = 0; i < b; i++) {
    v *= a;
    if (v > (INT64_C(1) << 33) || v < -(INT64_C(1) << 33))
      return false;
  }
  *out = v;
  return true;
}

static void power_is(int32_t a, int32_t b) {
  int64_t exact;
  bool fits;
  int32_t got = fsem_pow(a, b, &fits);

  if (!exact_power(a, b, &exact)) {
    UNIT_TRUE(!fits, "%d ** %d fits", a, b);
    return;
  }
  exact = (int64_t)(float)exact;
  UNIT_TRUE(fits == (exact >= INT_MIN && exact <= INT_MAX), "%d ** %d", a, b);
  if (fits)
    UNIT_TRUE(got == exact, "%d ** %d is %d", a, b, got);
  UNIT_EQ(fsem_pow_fits(a, b), fits);
}

static void powers(void) {
  bool fits;

  for (int32_t a = -300; a <= 300; a++)
    for (int32_t b = 0; b < 12; b++)
      if (a < -1 || a > 1)
        power_is(a, b);
  for (int32_t b = 0; b < 40; b++) {
    power_is(2, b);
    power_is(-2, b);
    power_is(3, b);
    power_is(-3, b);
  }
  for (int32_t i = 0; i < 3000; i++) {
    int32_t a = any();
    if (a > 1 || a < -1) {
      power_is(a, 1);
      power_is(a / 30000, 2);
    }
  }
  UNIT_EQ(fsem_pow(0, 0, &fits), 1);
  UNIT_EQ(fsem_pow(INT_MIN, 0, &fits), 1);
  UNIT_EQ(fsem_pow(0, 5, &fits), 0);
  UNIT_TRUE(fits, "0 ** 5");
  fsem_pow(0, -1, &fits);
  UNIT_TRUE(!fits, "0 ** -1");
  UNIT_EQ(fsem_pow(1, INT_MIN, &fits), 1);
  UNIT_EQ(fsem_pow(-1, INT_MIN, &fits), 1);
  UNIT_EQ(fsem_pow(-1, -3, &fits), -1);
  UNIT_EQ(fsem_pow(-1, INT_MAX, &fits), -1);
  UNIT_EQ(fsem_pow(2, -1, &fits), 0);
  UNIT_EQ(fsem_pow(-2, INT_MIN, &fits), 0);
  UNIT_TRUE(fits, "a negative exponent gives 0");
  UNIT_EQ(fsem_pow(-2, 31, &fits), INT_MIN);
  UNIT_TRUE(fits, "-2 ** 31");
  fsem_pow(2, 31, &fits);
  UNIT_TRUE(!fits, "2 ** 31");
  fsem_pow(INT_MAX, 1, &fits); /* rounds to 2**31 */
  UNIT_TRUE(!fits, "INT_MAX ** 1");
  fsem_pow(2, INT_MAX, &fits);
  UNIT_TRUE(!fits, "2 ** INT_MAX");
  UNIT_EQ(fsem_ipow(3, 19), 1162261504);
}

/* A logarithm of 64 bits, rounded, is right but next to a rounding limit, and
 * the thresholds were chosen there with more digits. */
static int32_t other_log(int32_t a) {
  float x = fabsf((float)a);

  return (int32_t)(float)logl((long double)x);
}

static void logarithms(void) {
  static const uint32_t steps[] = FSEM_LOG_STEPS;

  for (unsigned k = 0; k < FSEM_LOG_COUNT; k++)
    for (int64_t i = -300; i <= 300; i++) {
      int64_t x = (int64_t)steps[k] + i;
      if (x < 1 || x > INT_MAX)
        continue;
      UNIT_TRUE(fsem_ilog((int32_t)x) == other_log((int32_t)x),
                "log %lld is %d, not %d", (long long)x,
                fsem_ilog((int32_t)x), other_log((int32_t)x));
      if (i < -20 || i > 20)
        continue;
      UNIT_EQ(fsem_ilog((int32_t)-x), other_log((int32_t)x));
    }
  for (int i = 0; i < RANDOM / 10; i++) {
    int32_t a = any();
    if (a && !UNIT_EQ(fsem_ilog(a), other_log(a)))
      return;
  }
  UNIT_EQ(fsem_ilog(0), 0);
  UNIT_EQ(fsem_ilog(1), 0);
  UNIT_EQ(fsem_ilog(INT_MIN), 21);
  UNIT_EQ(fsem_ilog(INT_MAX), 21);
}

static void roots(void) {
  for (int i = 0; i < RANDOM / 10; i++) {
    int32_t a = any();
    double exact = sqrt(fabs((double)(float)a));
    if (!UNIT_EQ(fsem_isqrt(a), (int32_t)(float)exact))
      return;
  }
  UNIT_EQ(fsem_isqrt(INT_MIN), 46340);
  UNIT_EQ(fsem_isqrt(-16), 4);
}

static int32_t bits_of(float f) {
  int32_t b;

  memcpy(&b, &f, sizeof(b));
  return b;
}

static void floats(void) {
  const int32_t nan = FSEM_NAN, other_nan = 0x7F800001, zero = 0,
                minus_zero = INT_MIN, one = 0x3F800000,
                infinity = 0x7F800000;

  UNIT_EQ(fsem_canon(other_nan), nan);
  UNIT_EQ(fsem_canon((int32_t)0xFFC00000), nan);
  UNIT_EQ(fsem_canon(infinity), infinity);
  UNIT_EQ(fsem_bits(fsem_f(infinity) - fsem_f(infinity)), nan);
  UNIT_EQ(fsem_bits(fsem_f(one) / fsem_f(zero)), infinity);
  UNIT_EQ(fsem_fmin(other_nan, one), one);
  UNIT_EQ(fsem_fmin(one, other_nan), one);
  UNIT_EQ(fsem_fmax(nan, other_nan), nan);
  UNIT_EQ(fsem_fmin(zero, minus_zero), minus_zero);
  UNIT_EQ(fsem_fmin(minus_zero, zero), minus_zero);
  UNIT_EQ(fsem_fmax(zero, minus_zero), zero);
  UNIT_EQ(fsem_fmax(minus_zero, zero), zero);
  UNIT_EQ(fsem_fmin(one, zero), zero);
  UNIT_EQ(fsem_fmax(one, zero), one);
  UNIT_TRUE(fsem_fits(-2147483648.0f), "INT_MIN fits");
  UNIT_TRUE(!fsem_fits(2147483648.0f), "2**31 does not fit");
  UNIT_TRUE(!fsem_fits(-2147483904.0f), "below INT_MIN does not fit");
  UNIT_TRUE(!fsem_fits(fsem_f(nan)), "NaN does not fit");
  UNIT_EQ(fsem_ftoi(-1.9f), -1);
  UNIT_EQ(fsem_ftoi(2147483520.0f), 2147483520);
  UNIT_EQ(fsem_ftoi(fsem_f(infinity)), INT_MIN);
  UNIT_EQ(fsem_fscale(100, bits_of(0.95f)), 95);
  UNIT_EQ(fsem_fscale(-1, bits_of(0.99f)), 0);
  UNIT_EQ(fsem_fscale(INT_MAX, one), INT_MIN); /* 2**31 */
  UNIT_EQ(fsem_fscale(INT_MIN, one), INT_MIN);
}

static void confidence(void) {
  UNIT_EQ(fsem_conf_sum(50, 50), 50);
  UNIT_EQ(fsem_conf_sum(0, 0), 0);
  UNIT_EQ(fsem_conf_sum(-10, 5), 0);
  UNIT_EQ(fsem_conf_sum(1000, 1000), 100);
  UNIT_EQ(fsem_conf_sum(-10, 50), -25);
  UNIT_EQ(fsem_conf_prod(50, 50), 25);
  UNIT_EQ(fsem_conf_prod(1000, 1000), 100);
  UNIT_EQ(fsem_conf_prod(-50, 50), -25);
  UNIT_EQ(fsem_conf_diff(3, 5), 0);
  UNIT_EQ(fsem_conf_diff(5, 3), 2);
}

/* ---- the tables, run as an engine would --------------------------------- */

static struct fsem_memory *fresh(void);

static int32_t value2(unsigned op, int32_t a, int32_t b) {
  const struct sem_operands v = {.d = 77, .a = a, .b = b};

  return sem_value(op, &v);
}

/* Calls for all pairs of telling values, and for many others. */
static void each_pair(const int32_t *edges, unsigned count,
                      void (*look)(int32_t a, int32_t b)) {
  for (unsigned i = 0; i < count; i++)
    for (unsigned k = 0; k < count; k++)
      look(edges[i], edges[k]);
  for (int i = 0; i < 20000; i++)
    look(any(), any());
}

static const int32_t whole_edges[] = {
    0,       1,           -1,          2,           -2,      3,
    -3,      7,           -7,          31,          32,      33,
    46340,   46341,       -46340,      -46341,      65535,   65536,
    INT_MAX, INT_MIN,     INT_MAX - 1, INT_MIN + 1, 1 << 30, -(1 << 30),
    -65536,  0x55555555};

#define EACH_WHOLE(look) \
  each_pair(whole_edges, sizeof(whole_edges) / sizeof(whole_edges[0]), look)

/* Bit by bit, with pencil and paper. */
static void added(int32_t a, int32_t b) {
  int carry = 0, less = 0;

  for (int i = 0; i < 32; i++) {
    int x = (uint32_t)a >> i & 1, y = (uint32_t)b >> i & 1;
    carry = x + y + carry > 1;
    if (x != y)
      less = y;
  }
  UNIT_EQ(value2(FLUX_OP_CARRY, a, b), carry);
  UNIT_EQ(value2(FLUX_OP_LTU, a, b), less);
}

static void multiplied(int32_t a, int32_t b) {
  uint32_t x[2] = {(uint32_t)a & 0xFFFF, (uint32_t)a >> 16};
  uint32_t y[2] = {(uint32_t)b & 0xFFFF, (uint32_t)b >> 16};
  uint32_t low = (x[0] * y[0] >> 16) + (x[1] * y[0] & 0xFFFF) +
                 (x[0] * y[1] & 0xFFFF);

  UNIT_EQ((uint32_t)value2(FLUX_OP_UMULH, a, b),
          x[1] * y[1] + (x[1] * y[0] >> 16) + (x[0] * y[1] >> 16) +
              (low >> 16));
  for (int32_t n = 0; n < 32; n++) {
    const struct sem_operands v = {.a = a, .b = b, .imm = n};
    int64_t p = (int64_t)a * b, by = INT64_C(1) << n;
    int64_t floor = p / by - (p % by < 0);
    if (!UNIT_EQ(sem_value(FLUX_OP_MULSAR, &v), (int32_t)(uint32_t)floor))
      return;
  }
}

static void divided(int32_t a, int32_t b) {
  int64_t mod = b ? ((int64_t)a % b + b) % b : 0;

  UNIT_EQ(value2(FLUX_OP_FLOOR_MOD, a, b), mod);
  UNIT_EQ(value2(FLUX_OP_QUO_KEEP, a, b),
          b ? (int32_t)(uint32_t)((int64_t)a / b) : 77);
}

static void overflowed(int32_t a, int32_t b) {
  int32_t ignored;
  int64_t shifted = a;

  for (int i = 0; i < (b & 31) && shifted >= INT_MIN && shifted <= INT_MAX;
       i++)
    shifted += shifted;
  UNIT_EQ(sem_guard(FIR_G_ADD_OVERFLOW, a, b),
          __builtin_add_overflow(a, b, &ignored));
  UNIT_EQ(sem_guard(FIR_G_SUB_OVERFLOW, a, b),
          __builtin_sub_overflow(a, b, &ignored));
  UNIT_EQ(sem_guard(FIR_G_MUL_OVERFLOW, a, b),
          __builtin_mul_overflow(a, b, &ignored));
  UNIT_EQ(sem_guard(FIR_G_SHL_OVERFLOW, a, b),
          shifted < INT_MIN || shifted > INT_MAX);
  UNIT_EQ(sem_guard(FIR_G_BEFORE_MEMORY, a, b), ~a == 0);
  UNIT_EQ(sem_guard(FIR_G_LOG_ZERO, a, b), !a);
  UNIT_TRUE(sem_guard(FIR_G_ALWAYS, a, b), "always");
}

static void unsigned_sums(void) {
  EACH_WHOLE(added);
}

static void products(void) {
  EACH_WHOLE(multiplied);
  UNIT_EQ((uint32_t)value2(FLUX_OP_UMULH, -1, -1), 0xFFFFFFFEu);
}

static void quotients(void) {
  EACH_WHOLE(divided);
  UNIT_EQ(value2(FLUX_OP_QUO_KEEP, INT_MIN, -1), INT_MIN);
  UNIT_EQ(value2(FLUX_OP_FLOOR_MOD, INT_MIN, -1), 0);
  UNIT_EQ(value2(FLUX_OP_FLOOR_MOD, -7, 3), 2);
  UNIT_EQ(value2(FLUX_OP_FLOOR_MOD, 7, -3), -2);
}

static void overflows(void) {
  EACH_WHOLE(overflowed);
}

/* ---- binary32 by its bits ----------------------------------------------- */

static const int32_t float_edges[] = {
    0,           INT_MIN,     1,           (int32_t)0x80000001, 0x3F800000,
    (int32_t)0xBF800000,      0x7F7FFFFF,  (int32_t)0xFF7FFFFF, 0x7F800000,
    (int32_t)0xFF800000,      0x7FC00000,  (int32_t)0xFFC00000, 0x7F800001,
    0x4F000000,  0x4EFFFFFF,  (int32_t)0xCF000000, (int32_t)0xCF000001,
    0x007FFFFF,  0x00800000,  0x40490FDB};

static bool no_number(int32_t bits) {
  return (bits & 0x7F800000) == 0x7F800000 && (bits & 0x7FFFFF) != 0;
}

/* Numbers in the order of what they stand for; both zeros are 0. */
static int64_t rank(int32_t bits) {
  int64_t magnitude = bits & INT_MAX;

  return bits < 0 ? -magnitude : magnitude;
}

static void compared(int32_t a, int32_t b) {
  bool odd = no_number(a) || no_number(b);

  UNIT_EQ(value2(FLUX_OP_FEQ, a, b), !odd && rank(a) == rank(b));
  UNIT_EQ(value2(FLUX_OP_FLT, a, b), !odd && rank(a) < rank(b));
  UNIT_EQ(value2(FLUX_OP_FLE, a, b), !odd && rank(a) <= rank(b));
  UNIT_EQ((uint32_t)value2(FLUX_OP_FNEG, a, b),
          no_number(a) ? 0x7FC00000u : (uint32_t)a ^ 0x80000000u);
  UNIT_EQ(value2(FLUX_OP_FABS, a, b),
          no_number(a) ? 0x7FC00000 : a & INT_MAX);
  /* 2**31 has rank 0x4F000000; -2**31 is an int32. */
  UNIT_EQ(sem_guard(FIR_G_CAST_RANGE, a, b),
          b != 0 && (no_number(a) || rank(a) >= 0x4F000000 ||
                     rank(a) < -0x4F000000));
}

static void float_order(void) {
  each_pair(float_edges, sizeof(float_edges) / sizeof(float_edges[0]),
            compared);
  for (unsigned i = 0; i < sizeof(float_edges) / sizeof(float_edges[0]); i++)
    for (int32_t b = -1; b < 2; b++)
      compared(float_edges[i], b);
}

/* ---- memory ------------------------------------------------------------- */

static struct {
  uint8_t bytes[MEM];
  uint64_t written[MEM / 64], dirty[1];
  struct fsem_memory m;
} ram;

static struct fsem_memory *fresh(void) {
  memset(&ram, 0, sizeof(ram));
  ram.m = (struct fsem_memory){ram.bytes, ram.written, ram.dirty, MEM - 1};
  return &ram.m;
}

static unsigned marks(void) {
  unsigned n = 0;

  for (int i = 0; i < MEM / 64; i++)
    n += (unsigned)__builtin_popcountll(ram.written[i]);
  return n;
}

static void words(void) {
  for (int32_t at = -8; at < 300; at++) {
    struct fsem_memory *m = fresh();
    fsem_store32(m, at, 0x04030201);
    UNIT_EQ(fsem_load32(m, at), 0x04030201);
    UNIT_EQ(fsem_load32(m, at + MEM), 0x04030201);
    for (int k = 0; k < 4; k++) {
      uint32_t a = (uint32_t)(at + k) & (MEM - 1);
      UNIT_EQ(ram.bytes[a], k + 1);
      UNIT_EQ(ram.written[a / 64] >> a % 64 & 1, 1);
      UNIT_EQ(ram.dirty[0] >> a / 256 & 1, 1);
    }
    UNIT_EQ(marks(), 4);
  }
}

static void byte_runs(void) {
  struct fsem_memory *m = fresh();

  fsem_mset(m, MEM - 2, 0x1FF, 4);
  UNIT_EQ(ram.bytes[MEM - 1], 0xFF);
  UNIT_EQ(ram.bytes[1], 0xFF);
  UNIT_EQ(ram.bytes[2], 0);
  UNIT_EQ(marks(), 4);
  fsem_mset(m, 0, 1, 0);
  fsem_mset(m, 0, 1, -5);
  UNIT_EQ(marks(), 4);
  m = fresh();
  ram.bytes[10] = 7;
  fsem_mcpy(m, 11, 10, 5); /* smears, byte by byte */
  UNIT_EQ(ram.bytes[15], 7);
  UNIT_EQ(ram.bytes[16], 0);
  UNIT_EQ(fsem_meq(m, 10, 11, 5), 1);
  UNIT_EQ(fsem_meq(m, 10, 11, 6), 0);
  UNIT_EQ(fsem_meq(m, 10, 100, 0), 1);
  UNIT_EQ(fsem_mhas(m, 0, 0x107, 11), 1);
  UNIT_EQ(fsem_mhas(m, 0, 7, 10), 0);
  UNIT_EQ(fsem_mfind(m, -9, 0, 11), 10);
  UNIT_EQ(fsem_mfind(m, -9, 0, 10), -9);
  UNIT_EQ(fsem_msum(m, 0, 100), 42);
  UNIT_EQ(fsem_mmin(m, 10, 6), 7);
  UNIT_EQ(fsem_mmin(m, 10, 0), 255);
  UNIT_EQ(fsem_mmax(m, 0, 100), 7);
  UNIT_EQ(fsem_mmax(m, 0, -1), 0);
  UNIT_EQ(fsem_cas8(m, 10, 0x107, 0x109), 1);
  UNIT_EQ(ram.bytes[10], 9);
  UNIT_EQ(fsem_cas8(m, 10, 7, 1), 0);
  UNIT_EQ(ram.bytes[10], 9);
}

static void checksums(void) {
  struct fsem_memory *m = fresh();

  memcpy(ram.bytes + 5, "123456789", 9);
  UNIT_EQ((uint32_t)fsem_mcrc(m, 5, 9), 0xCBF43926u);
  UNIT_EQ(fsem_mcrc(m, 5, 0), 0);
  UNIT_EQ(fsem_mcrc(m, 5, -1), 0);
}

static void varints(void) {
  static const int32_t values[] = {0, 1, 127, 128, 16383, 16384, INT_MAX};
  static const int32_t lengths[] = {1, 1, 1, 2, 2, 3, 5};

  for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
    struct fsem_memory *m = fresh();
    UNIT_EQ(fsem_venc(m, MEM - 1, values[i]), lengths[i]);
    UNIT_EQ(marks(), lengths[i]);
    UNIT_EQ(fsem_vdec(m, MEM - 1), values[i]);
  }
  fresh();
  UNIT_EQ(fsem_venc(&ram.m, 0, -1), 1);
  UNIT_EQ(ram.bytes[0], 0);
  memset(ram.bytes, 0xFF, 8); /* five bytes, and what they hold below 2**32 */
  UNIT_EQ(fsem_vdec(&ram.m, 0), -1);
}

/* The walk as the fact table tells it, for a few weights. */
static int32_t plain_pick(const uint8_t *bytes, int32_t a, int32_t n,
                          int32_t draw, int32_t d) {
  int32_t sum = 0, running = 0;

  for (int32_t i = 0; i < n; i++)
    sum += bytes[(a + i) & (MEM - 1)];
  if (sum <= 0)
    return d;
  draw %= sum;
  for (int32_t i = 0; i < n; i++) {
    running += bytes[(a + i) & (MEM - 1)];
    if (draw < running)
      return i;
  }
  return d;
}

static void weighted_draws(void) {
  struct fsem_memory *m = fresh();

  for (int round = 0; round < 3000; round++) {
    int32_t a = any(), draw = any(), sum;
    int32_t n = (int32_t)gen_below(&state, 3 * MEM) - 3;
    for (int i = 0; i < 40; i++)
      ram.bytes[gen_below(&state, MEM)] =
          (uint8_t)(gen_below(&state, 2) ? gen_random(&state) : 0);
    sum = fsem_wrap((uint32_t)fsem_weights(m, MEM, a, n));
    if (!UNIT_EQ(sum <= 0 ? -7 : fsem_pick(m, MEM, a, draw % sum),
                 plain_pick(ram.bytes, a, n, draw, -7)))
      return;
  }
  UNIT_EQ(fsem_weights(m, MEM, 0, 0), 0);
  UNIT_EQ(fsem_weights(m, MEM, 0, INT_MIN), 0);
}

/* An access counts if it lies in 0..limit-1 before the base is added; the sum
 * wraps round memory like any address. */
static bool counts(int32_t a, int n, int32_t limit) {
  return a >= 0 && (int64_t)a + n <= limit;
}

static void below_limit(int32_t a, int32_t base, int32_t limit) {
  struct sem_operands v = {.d = 0x0D0C0B0A, .a = a, .b = base, .imm = limit};
  int32_t word = 0, byte = 0;
  unsigned stored;

  v.m = fresh();
  for (int i = 0; i < MEM; i++)
    ram.bytes[i] = (uint8_t)(i * 7 + 1);
  for (int i = 4; i-- > 0;)
    word = (int32_t)((uint32_t)word << 8 |
                     ram.bytes[((uint32_t)a + (uint32_t)base + (uint32_t)i) &
                               (MEM - 1)]);
  byte = word & 255;
  UNIT_EQ(sem_value(FLUX_OP_BLOAD32, &v), counts(a, 4, limit) ? word : 0);
  UNIT_EQ(sem_value(FLUX_OP_BLOAD8, &v), counts(a, 1, limit) ? byte : 0);
  sem_store(FLUX_OP_BSTORE8, &v);
  stored = marks();
  UNIT_EQ(stored, counts(a, 1, limit));
  if (stored)
    UNIT_EQ(ram.bytes[((uint32_t)a + (uint32_t)base) & (MEM - 1)], 0x0A);
  sem_store(FLUX_OP_BSTORE32, &v);
  UNIT_EQ(marks(), counts(a, 4, limit) ? 4 : stored);
  if (counts(a, 4, limit))
    UNIT_EQ(fsem_load32(v.m, fsem_add(a, base)), v.d);
}

static void regions(void) {
  static const int32_t limits[] = {4, 5, 256, MEM, 65536, INT_MAX};
  static const int32_t bases[] = {0, 1, 512, MEM - 2, -1, INT_MAX};
  static const int32_t at[] = {0, 1, -1, -4, INT_MIN, INT_MAX, INT_MAX - 3};

  for (unsigned l = 0; l < 6; l++)
    for (unsigned b = 0; b < 6; b++) {
      for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
        below_limit(at[i], bases[b], limits[l]);
      for (int32_t i = -5; i < 2; i++)
        below_limit(fsem_add(limits[l], i), bases[b], limits[l]);
    }
}

/* ---- stack and files ---------------------------------------------------- */

/* A stack of a few cells as nobody would write one: by counting them. */
static int live_of(int32_t sp, int size, bool down) {
  int n = 0;

  if (sp < 0 || sp > size)
    return -1;
  for (int cell = 0; cell < size; cell++)
    n += down ? cell >= sp : cell < sp;
  return n;
}

static void soft_stack(void) {
  static const int32_t odd[] = {INT_MIN, -1, 6, INT_MAX};
  enum { SIZE = 5 };

  for (int32_t sp = 0; sp <= SIZE; sp++)
    for (int down = 0; down < 2; down++)
      for (int32_t n = 1; n <= 8; n++) {
        int live = live_of(sp, SIZE, down), left = live > n ? live - n : 0;
        int32_t moved = sp;
        UNIT_EQ(fsem_few(sp, SIZE, down, n), live < n);
        fsem_drop(&moved, SIZE, down, n);
        UNIT_EQ(live_of(moved, SIZE, down), left);
      }
  for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
    for (int down = 0; down < 2; down++) {
      int32_t sp = odd[i];
      UNIT_TRUE(fsem_few(sp, SIZE, down, 1), "index %d", sp);
      fsem_drop(&sp, SIZE, down, 1);
      UNIT_EQ(sp, odd[i]);
    }
}

static void stack_bounds(void) {
  static const int32_t nonsense[] = {INT_MIN, -1, 257, INT_MAX};

  UNIT_TRUE(fsem_full(0, 256, true) && !fsem_full(256, 256, true), "down");
  UNIT_TRUE(fsem_empty(256, 256, true) && !fsem_empty(0, 256, true), "down");
  UNIT_TRUE(fsem_full(256, 256, false) && !fsem_full(0, 256, false), "up");
  UNIT_TRUE(fsem_empty(0, 256, false) && !fsem_empty(256, 256, false), "up");
  for (unsigned i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
    for (int down = 0; down < 2; down++)
      UNIT_TRUE(fsem_full(nonsense[i], 256, down) &&
                    fsem_empty(nonsense[i], 256, down),
                "index %d", nonsense[i]);
  UNIT_TRUE(fsem_full(0, 0, true) && fsem_empty(0, 0, true), "no stack");
}

static void whole_files(void) {
  int32_t file[16] = {100, 8, 16, 24, 32, 40, 48, 56,
                      1,   1, 1,  1,  1,  1,  1,  101};

  fsem_converge(file, 1, 16, 1); /* others: 16..56, mean 36 */
  UNIT_EQ(file[1], 8 + (36 - 8) / 4);
  fsem_converge(file, 1, 16, 15);
  UNIT_EQ(file[15], 101 - 25);
  fsem_converge(file, 1, 16, 0);
  UNIT_EQ(file[0], 100);
  fsem_converge(file, 1, 16, 16);
  fsem_converge(file, 1, 2, 1); /* nobody else */
  UNIT_EQ(file[1], 15);
  UNIT_EQ(fsem_diffuse(file, 1, 16, 100, 3), 1);
  UNIT_EQ(file[1], 48);
  UNIT_EQ(file[3], 57);
  UNIT_EQ(file[4], 32);
  UNIT_EQ(fsem_diffuse(file, 1, 16, 100, 0), 100);
  UNIT_EQ(fsem_diffuse(file, 1, 16, 510, 255), 0);
  UNIT_EQ(file[15], 78);
}

static const struct unit_test tests[] = {
    {"integers", "wrapping", wrapping},
    {"integers", "division", division},
    {"integers", "shifts", shifts},
    {"integers", "bits", bits},
    {"integers", "unsigned sums", unsigned_sums},
    {"integers", "products", products},
    {"integers", "quotients", quotients},
    {"integers", "overflows", overflows},
    {"rounding", "binary32", round_to_binary32},
    {"rounding", "powers", powers},
    {"rounding", "logarithms", logarithms},
    {"rounding", "roots", roots},
    {"rounding", "floats", floats},
    {"rounding", "order of floats", float_order},
    {"confidence", "rows", confidence},
    {"memory", "words", words},
    {"memory", "byte runs", byte_runs},
    {"memory", "regions", regions},
    {"memory", "checksums", checksums},
    {"memory", "varints", varints},
    {"memory", "weighted draws", weighted_draws},
    {"stack and files", "bounds", stack_bounds},
    {"stack and files", "soft", soft_stack},
    {"stack and files", "whole files", whole_files},
};

UNIT_MAIN(tests)
