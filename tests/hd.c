/*
 * tests/hd.c - the problems of tests/hd.h, bit by bit and by division: slowly,
 * so that none of it is the trick that the programs use.
 */
#include "tests/hd.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>

enum { BITS = 32 };

static bool bit(uint32_t v, int i) {
  return v / ((uint32_t)1 << i) % 2 == 1;
}

/* A number with one of its bits as it shall be. */
static uint32_t put(uint32_t v, int i, bool on) {
  uint32_t weight = (uint32_t)1 << i;

  if (bit(v, i) == on)
    return v;
  return on ? v + weight : v - weight;
}

/* Where the lowest bit stands that is `on`, or 32. */
static int lowest(uint32_t v, bool on) {
  int i = 0;

  while (i < BITS && bit(v, i) != on)
    i++;
  return i;
}

static int leading_zeros(uint32_t v) {
  int n = 0;

  while (n < BITS && !bit(v, BITS - 1 - n))
    n++;
  return n;
}

static int ones(uint32_t v) {
  int n = 0;

  for (; v != 0; v /= 2)
    n += v % 2 == 1;
  return n;
}

/* A number whose n lowest bits are set. */
static uint32_t low_ones(int n) {
  uint32_t v = 0;

  for (int i = 0; i < n && i < BITS; i++)
    v = put(v, i, true);
  return v;
}

static int32_t as_int(uint32_t v) {
  return v <= INT32_MAX ? (int32_t)v : (int32_t)(v - INT32_MAX - 1) + INT_MIN;
}

static uint32_t first(const int32_t *in) {
  return (uint32_t)in[0];
}

static uint32_t second(const int32_t *in) {
  return (uint32_t)in[1];
}

static int32_t clear_lowest_set(const int32_t *in) {
  int i = lowest(first(in), true);

  return as_int(i < BITS ? put(first(in), i, false) : 0);
}

static int32_t clear_trailing_ones(const int32_t *in) {
  uint32_t v = first(in);

  for (int i = 0; i < BITS && bit(v, i); i++)
    v = put(v, i, false);
  return as_int(v);
}

static int32_t isolate_lowest_set(const int32_t *in) {
  int i = lowest(first(in), true);

  return as_int(i < BITS ? put(0, i, true) : 0);
}

static int32_t mask_lowest_set(const int32_t *in) {
  return as_int(low_ones(lowest(first(in), true) + 1));
}

static int32_t propagate_lowest_set(const int32_t *in) {
  uint32_t v = first(in);

  for (int i = 0; i < BITS && !bit(first(in), i); i++)
    v = put(v, i, true);
  return as_int(v);
}

static int32_t set_lowest_clear(const int32_t *in) {
  int i = lowest(first(in), false);

  return as_int(i < BITS ? put(first(in), i, true) : first(in));
}

static int32_t isolate_lowest_clear(const int32_t *in) {
  int i = lowest(first(in), false);

  return as_int(i < BITS ? put(0, i, true) : 0);
}

static int32_t mask_trailing_zeros(const int32_t *in) {
  return as_int(low_ones(lowest(first(in), true)));
}

/* Of the least number there is none: it stays. */
static int32_t absolute(const int32_t *in) {
  if (in[0] >= 0 || in[0] == INT32_MIN)
    return in[0];
  return -in[0];
}

static int32_t nlz_equal(const int32_t *in) {
  return leading_zeros(first(in)) == leading_zeros(second(in));
}

static int32_t nlz_less(const int32_t *in) {
  return leading_zeros(first(in)) < leading_zeros(second(in));
}

static int32_t nlz_not_more(const int32_t *in) {
  return leading_zeros(first(in)) <= leading_zeros(second(in));
}

static int32_t sign(const int32_t *in) {
  if (in[0] < 0)
    return -1;
  return in[0] > 0 ? 1 : 0;
}

/* Half a sum, rounded down. */
static int64_t half(int64_t sum) {
  return sum % 2 < 0 ? sum / 2 - 1 : sum / 2;
}

static int32_t average_down(const int32_t *in) {
  return (int32_t)half((int64_t)in[0] + in[1]);
}

static int32_t average_up(const int32_t *in) {
  return (int32_t)-half(-((int64_t)in[0] + in[1]));
}

static int32_t greater(const int32_t *in) {
  return in[0] > in[1] ? in[0] : in[1];
}

static int32_t rightmost_ones_off(const int32_t *in) {
  uint32_t v = first(in);

  for (int i = lowest(v, true); i < BITS && bit(v, i); i++)
    v = put(v, i, false);
  return as_int(v);
}

static int32_t power_of_two(const int32_t *in) {
  return ones(first(in)) == 1;
}

/* Each bit i of the mask exchanges bits i and i + k. */
static int32_t exchange_fields(const int32_t *in) {
  uint32_t v = first(in);
  int k = in[2];

  for (int i = 0; i < BITS; i++)
    if (bit(second(in), i)) {
      v = put(v, i, bit(first(in), i + k));
      v = put(v, i + k, bit(first(in), i));
    }
  return as_int(v);
}

/*
 * The lowest 0 with a 1 somewhere below it becomes 1; below it stands what
 * is left of the ones there, as low as can be. (Counting up from x until the
 * number of ones is right is the definition; test_hd.c does, where it is
 * near.)
 */
static int32_t next_same_ones(const int32_t *in) {
  uint32_t v = first(in), above = 0;
  int i = lowest(v, true), below;

  while (i < BITS && bit(v, i))
    i++;
  assert(i < BITS);
  below = ones(v) - 1;
  for (int k = i + 1; k < BITS; k++) {
    below -= bit(v, k);
    above = put(above, k, bit(v, k));
  }
  return as_int(put(above, i, true) + low_ones(below));
}

/* x, a, b, c. Where c equals others, being a comes first. */
static int32_t cycle_three(const int32_t *in) {
  if (in[0] == in[1])
    return in[2];
  return in[0] == in[3] ? in[1] : in[3];
}

static int32_t parity(const int32_t *in) {
  return ones(first(in)) % 2;
}

static int32_t population(const int32_t *in) {
  return ones(first(in));
}

static int32_t power_above(const int32_t *in) {
  uint64_t power = 1;

  while (power < first(in))
    power *= 2;
  return as_int(first(in) == 0 ? 0 : (uint32_t)(power % ((uint64_t)1 << 32)));
}

static int32_t product_high(const int32_t *in) {
  return as_int((uint32_t)((uint64_t)first(in) * second(in) /
                           ((uint64_t)1 << 32)));
}

#define ANY(r) { r, INT32_MIN, INT32_MAX }

const struct hd_problem hd_problems[HD_PROBLEMS] = {
  { "p01", 1, { ANY(1) }, clear_lowest_set },
  { "p02", 1, { ANY(1) }, clear_trailing_ones },
  { "p03", 1, { ANY(1) }, isolate_lowest_set },
  { "p04", 1, { ANY(1) }, mask_lowest_set },
  { "p05", 1, { ANY(1) }, propagate_lowest_set },
  { "p06", 1, { ANY(1) }, set_lowest_clear },
  { "p07", 1, { ANY(1) }, isolate_lowest_clear },
  { "p08", 1, { ANY(1) }, mask_trailing_zeros },
  { "p09", 1, { ANY(1) }, absolute },
  { "p10", 2, { ANY(1), ANY(2) }, nlz_equal },
  { "p11", 2, { ANY(1), ANY(2) }, nlz_less },
  { "p12", 2, { ANY(1), ANY(2) }, nlz_not_more },
  { "p13", 1, { ANY(1) }, sign },
  { "p14", 2, { ANY(1), ANY(2) }, average_down },
  { "p15", 2, { ANY(1), ANY(2) }, average_up },
  { "p16", 2, { ANY(1), ANY(2) }, greater },
  { "p17", 1, { ANY(1) }, rightmost_ones_off },
  { "p18", 1, { ANY(1) }, power_of_two },
  { "p19", 3, { ANY(1), { 2, 0, 255 }, { 4, 8, 24 } }, exchange_fields },
  { "p20", 1, { { 1, 1, INT32_MAX } }, next_same_ones },
  { "p21", 4, { ANY(1), ANY(2), ANY(4), ANY(5) }, cycle_three },
  { "p22", 1, { ANY(1) }, parity },
  { "p23", 1, { ANY(1) }, population },
  { "p24", 1, { ANY(1) }, power_above },
  { "p25", 2, { ANY(1), ANY(2) }, product_high },
};

/* ---- inputs -------------------------------------------------------------- */

/* Patterns, then for each bit its power of two, what is one beside it, those
 * turned over, and two ones side by side. */
enum { PER_BIT = 6, EDGES = BITS * PER_BIT + 8 };

static uint32_t edge(unsigned n) {
  static const uint32_t odd[] = {
    0, UINT32_MAX, 0x55555555, 0xAAAAAAAA, 0x33333333, 0x0F0F0F0F,
    0x00FF00FF, 0xFFFF0000,
  };
  uint32_t power;

  if (n < 8)
    return odd[n];
  power = (uint32_t)1 << (n - 8) / PER_BIT;
  switch ((n - 8) % PER_BIT) {
  case 0: return power;
  case 1: return power - 1;
  case 2: return power + 1;
  case 3: return 0 - power;
  case 4: return ~power;
  default: return power * 3;
  }
}

/* Mixes a number well (the constants are those of splitmix64). */
static uint64_t mixed(uint64_t v) {
  v += 0x9E3779B97F4A7C15u;
  v = (v ^ v >> 30) * 0xBF58476D1CE4E5B9u;
  v = (v ^ v >> 27) * 0x94D049BB133111EBu;
  return v ^ v >> 31;
}

/* A value, often akin to one before it. */
static uint32_t random_value(uint64_t r, uint32_t before) {
  unsigned by = (unsigned)(r >> 16) % BITS;
  uint32_t v = (uint32_t)(r >> 32);

  switch (r % 8) {
  case 0: return before;
  case 1: return before ^ v >> by;
  case 2: return before + by - BITS / 2;
  case 3: return edge(v % EDGES);
  case 4: return ~(v >> by);
  case 5: return v << by;
  case 6: return v >> by;
  default: return v;
  }
}

static int32_t into_range(const struct hd_input *in, uint32_t v) {
  int64_t width = (int64_t)in->hi - in->lo + 1, off = as_int(v);

  if (off >= in->lo && off <= in->hi)
    return (int32_t)off;
  off = (off - in->lo) % width;
  return (int32_t)(in->lo + (off < 0 ? off + width : off));
}

uint64_t hd_edges(const struct hd_problem *p) {
  return p->count == 1 ? EDGES : EDGES * EDGES;
}

void hd_draw(const struct hd_problem *p, uint64_t n, int32_t in[HD_INPUTS]) {
  uint32_t v = (uint32_t)mixed(~n), before;

  assert(p->count >= 1 && p->count <= HD_INPUTS);
  for (unsigned i = 0; i < p->count; i++) {
    uint64_t r = mixed(n * HD_INPUTS + i);

    before = i == 0 ? v : (uint32_t)in[r / 8 % i];
    if (n < hd_edges(p) && i < 2)
      v = edge((unsigned)(i == 0 ? n % EDGES : n / EDGES));
    else
      v = random_value(r, before);
    in[i] = into_range(&p->in[i], v);
  }
}
