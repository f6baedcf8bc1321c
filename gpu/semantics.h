/*
 * gpu/semantics.h - what every semantic op computes: the one executable table.
 *
 * All engines of the trial engine expand these tables; none writes an op a
 * second time. The text is C that a CUDA compiler takes too, and the results
 * are bit-identical wherever IEEE 754 binary32 is: no libm call but sqrtf,
 * which IEEE rounds, and no float expression that could be contracted.
 *
 * The tables give an expression in the names FA FB FC (the values of cells
 * a b c), FD (the old value of cell d), FIMM (the immediate) and FMEM (the
 * memory); an engine defines these names and expands the tables into its
 * dispatch loop. Ops that move control, use the stack, a whole file or the
 * outside are the engines' own, with the helpers at the end.
 *
 * Memory is reached through fsem_get and fsem_put for a byte, fsem_load32 and
 * fsem_store32 for a word, and run forms built on the bytes. An engine that
 * keeps memory in another way defines FSEM_MEM (a type) and those four before
 * it includes this file.
 */
#ifndef FLUX_GPU_SEMANTICS_H
#define FLUX_GPU_SEMANTICS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define FSEM static __device__ __forceinline__
#else
#define FSEM static inline __attribute__((unused))
#endif

#define FSEM_NAN 0x7FC00000      /* the one NaN */
#define FSEM_INT_MIN (-2147483647 - 1)

/* ---- integers ----------------------------------------------------------- */

/* Two's complement wrapping, whatever the C standard says of int overflow. */
FSEM int32_t fsem_wrap(uint32_t v) {
  int32_t r;

  memcpy(&r, &v, sizeof(r));
  return r;
}

FSEM bool fsem_int32(int64_t v) {
  return v >= FSEM_INT_MIN && v <= 2147483647;
}

FSEM int32_t fsem_add(int32_t a, int32_t b) {
  return fsem_wrap((uint32_t)a + (uint32_t)b);
}

FSEM int32_t fsem_sub(int32_t a, int32_t b) {
  return fsem_wrap((uint32_t)a - (uint32_t)b);
}

FSEM int32_t fsem_mul(int32_t a, int32_t b) {
  return fsem_wrap((uint32_t)a * (uint32_t)b);
}

FSEM int32_t fsem_quo(int32_t a, int32_t b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return fsem_sub(0, a);
  return a / b;
}

FSEM int32_t fsem_rem(int32_t d, int32_t a, int32_t b) {
  if (b == 0)
    return d;
  return b == -1 ? 0 : a % b;
}

FSEM int32_t fsem_muldiv(int32_t a, int32_t b, int32_t by) {
  if (by == 0)
    return 0;
  return fsem_wrap((uint32_t)((int64_t)a * b / by));
}

FSEM int32_t fsem_umulh(int32_t a, int32_t b) {
  return fsem_wrap((uint32_t)((uint64_t)(uint32_t)a * (uint32_t)b >> 32));
}

FSEM int32_t fsem_mulsar(int32_t a, int32_t b, int32_t n) {
  return fsem_wrap((uint32_t)((int64_t)a * b >> (n & 31)));
}

FSEM int32_t fsem_floor_mod(int32_t a, int32_t b) {
  int32_t r;

  if (b == 0 || b == -1)
    return 0;
  r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

FSEM int32_t fsem_shl(int32_t a, int32_t b) {
  return fsem_wrap((uint32_t)a << (b & 31));
}

/* A right shift of a negative is the implementation's choice in C; all
 * compilers at hand shift in the sign, and this does not compile otherwise. */
typedef char fsem_shifts_arithmetically[(-1 >> 1) == -1 ? 1 : -1];

FSEM int32_t fsem_sar(int32_t a, int32_t b) {
  return a >> (b & 31);
}

FSEM int32_t fsem_rotl(int32_t a, int32_t b) {
  uint32_t u = (uint32_t)a;
  uint32_t n = (uint32_t)b & 31;

  return fsem_wrap(u << n | u >> ((32 - n) & 31));
}

FSEM int32_t fsem_abs(int32_t a) {
  return a < 0 ? fsem_sub(0, a) : a;
}

FSEM int32_t fsem_popcnt(int32_t a) {
  uint32_t u = (uint32_t)a;

  u -= u >> 1 & 0x55555555u;
  u = (u & 0x33333333u) + (u >> 2 & 0x33333333u);
  u = (u + (u >> 4)) & 0x0F0F0F0Fu;
  return (int32_t)(u * 0x01010101u >> 24);
}

/* Everything below the highest one bit is filled, then counted. */
FSEM int32_t fsem_clz(int32_t a) {
  uint32_t u = (uint32_t)a;

  u |= u >> 1;
  u |= u >> 2;
  u |= u >> 4;
  u |= u >> 8;
  u |= u >> 16;
  return 32 - fsem_popcnt(fsem_wrap(u));
}

FSEM int32_t fsem_bitrev(int32_t a) {
  uint32_t u = (uint32_t)a;

  u = (u >> 1 & 0x55555555u) | (u & 0x55555555u) << 1;
  u = (u >> 2 & 0x33333333u) | (u & 0x33333333u) << 2;
  u = (u >> 4 & 0x0F0F0F0Fu) | (u & 0x0F0F0F0Fu) << 4;
  u = (u >> 8 & 0x00FF00FFu) | (u & 0x00FF00FFu) << 8;
  return fsem_wrap(u >> 16 | u << 16);
}

FSEM int32_t fsem_mix(int32_t a) {
  uint32_t u = (uint32_t)a;

  u = (u >> 16 ^ u) * 0x45D9F3Bu;
  u = (u >> 16 ^ u) * 0x45D9F3Bu;
  return fsem_wrap(u >> 16 ^ u);
}

/* ---- binary32 ----------------------------------------------------------- */

FSEM float fsem_f(int32_t bits) {
  float f;

  memcpy(&f, &bits, sizeof(f));
  return f;
}

FSEM bool fsem_isnan(int32_t bits) {
  return ((uint32_t)bits & 0x7FFFFFFFu) > 0x7F800000u;
}

FSEM int32_t fsem_canon(int32_t bits) {
  return fsem_isnan(bits) ? FSEM_NAN : bits;
}

FSEM int32_t fsem_bits(float f) {
  int32_t bits;

  memcpy(&bits, &f, sizeof(bits));
  return fsem_canon(bits);
}

/* A float with sign bits flipped; there is one NaN, whatever its sign. */
FSEM int32_t fsem_fsign(int32_t a, int32_t flip) {
  return fsem_canon(a ^ flip);
}

/* The number where one operand is a NaN. Equal numbers have equal bits but
 * for the zeros, of which the negative one is the smaller. */
FSEM int32_t fsem_fmin(int32_t a, int32_t b) {
  if (fsem_isnan(a))
    return fsem_canon(b);
  if (fsem_isnan(b) || fsem_f(a) < fsem_f(b))
    return a;
  return fsem_f(b) < fsem_f(a) ? b : (a | b);
}

FSEM int32_t fsem_fmax(int32_t a, int32_t b) {
  if (fsem_isnan(a))
    return fsem_canon(b);
  if (fsem_isnan(b) || fsem_f(a) > fsem_f(b))
    return a;
  return fsem_f(b) > fsem_f(a) ? b : (a & b);
}

/* Whether a number, truncated, is an int32. False for NaN. */
FSEM bool fsem_fits(float f) {
  return f >= -2147483648.0f && f < 2147483648.0f;
}

/* C leaves the conversion of what does not fit open. */
FSEM int32_t fsem_ftoi(float f) {
  return fsem_fits(f) ? (int32_t)f : FSEM_INT_MIN;
}

FSEM int32_t fsem_isqrt(int32_t a) {
  return fsem_ftoi(sqrtf(fabsf((float)a)));
}

FSEM int32_t fsem_fscale(int32_t a, int32_t factor) {
  float product = (float)a * fsem_f(factor);

  return fsem_ftoi(product);
}

/* An integer of less than 2**40 rounded to 24 significant bits, ties to even:
 * what it becomes as a binary32. */
FSEM uint64_t fsem_round24(uint64_t m) {
  uint64_t half, rest;
  int shift = 0;

  while (m >> shift >= 1u << 24)
    shift++;
  if (shift == 0)
    return m;
  half = (uint64_t)1 << (shift - 1);
  rest = m & ((half << 1) - 1);
  m >>= shift;
  if (rest > half || (rest == half && (m & 1)))
    m++;
  return m << shift;
}

/*
 * |a ** b| rounded to binary32, saturated to 2**40 where it is far outside
 * int32; b >= 0 and |a| >= 2. At most 33 steps: by then 2**b is outside.
 */
FSEM uint64_t fsem_power(uint64_t base, int32_t b) {
  uint64_t m = 1;

  for (; b > 0; b--) {
    m *= base;
    if (m >> 33)
      return (uint64_t)1 << 40;
  }
  return fsem_round24(m);
}

/* a ** b, rounded, truncated; *fits tells whether it is an int32 at all. */
FSEM int32_t fsem_pow(int32_t a, int32_t b, bool *fits) {
  bool odd = (b & 1) != 0;
  uint64_t m;

  *fits = true;
  if (b == 0 || a == 1)
    return 1;
  if (a == -1)
    return odd ? -1 : 1;
  if (a == 0 || b < 0) {
    *fits = a != 0 || b > 0; /* 0 to a negative is infinite */
    return *fits ? 0 : FSEM_INT_MIN;
  }
  m = fsem_power(a < 0 ? 0u - (uint32_t)a : (uint32_t)a, b);
  if (a < 0 && odd) {
    *fits = m <= 2147483648u;
    return *fits ? fsem_wrap(0u - (uint32_t)m) : FSEM_INT_MIN;
  }
  *fits = m < 2147483648u;
  return *fits ? (int32_t)m : FSEM_INT_MIN;
}

FSEM int32_t fsem_ipow(int32_t a, int32_t b) {
  bool fits;

  return fsem_pow(a, b, &fits);
}

FSEM bool fsem_pow_fits(int32_t a, int32_t b) {
  bool fits;

  fsem_pow(a, b, &fits);
  return fits;
}

/*
 * Thresholds of ILOG. Entry k - 1 is the smallest binary32 x >= 1 that is an
 * integer and whose natural logarithm, rounded to binary32, is at least k:
 * ln x >= (k + the binary32 below k) / 2 (a tie is impossible, ln x being
 * transcendental), found with 60 digits. From k = 14 on this lies below e**k,
 * so that no table of e**k and no libm of another precision can replace it.
 */
#define FSEM_LOG_STEPS \
  { 3, 8, 21, 55, 149, 404, 1097, 2981, 8104, 22027, 59875, 162755, \
    442414, 1202604, 3269016, 8886107, 24154930, 65659908, 178482144, \
    485164736, 1318814592 }
#define FSEM_LOG_COUNT 21

FSEM int32_t fsem_ilog(int32_t a) {
  const uint32_t steps[FSEM_LOG_COUNT] = FSEM_LOG_STEPS;
  uint64_t x = fsem_round24(a < 0 ? 0u - (uint32_t)a : (uint32_t)a);
  int32_t k = 0;

  while (k < FSEM_LOG_COUNT && x >= steps[k])
    k++;
  return k;
}

/* ---- confidence --------------------------------------------------------- */

FSEM int32_t fsem_conf_sum(int32_t a, int32_t b) {
  int32_t sum = fsem_add(a, b);
  int32_t mean;

  if (sum <= 0)
    return 0;
  mean = fsem_mul(fsem_mul(2, a), b) / sum;
  return mean < 100 ? mean : 100;
}

FSEM int32_t fsem_conf_prod(int32_t a, int32_t b) {
  int32_t v = fsem_mul(a, b) / 100;

  return v < 100 ? v : 100;
}

FSEM int32_t fsem_conf_diff(int32_t a, int32_t b) {
  int32_t v = fsem_sub(a, b);

  return v > 0 ? v : 0;
}

/* ---- memory ------------------------------------------------------------- */

#ifndef FSEM_MEM

/* Flat memory with the marks of a state (isa/state.h). The size is a power
 * of two and at least a page. */
struct fsem_memory {
  uint8_t *bytes;
  uint64_t *written; /* bit per byte */
  uint64_t *dirty;   /* bit per page of 256 bytes */
  uint32_t mask;     /* size - 1 */
};
#define FSEM_MEM struct fsem_memory

FSEM int32_t fsem_get(const FSEM_MEM *m, uint32_t at) {
  return m->bytes[at & m->mask];
}

FSEM void fsem_put(FSEM_MEM *m, uint32_t at, int32_t v) {
  at &= m->mask;
  m->bytes[at] = (uint8_t)v;
  m->written[at >> 6] |= (uint64_t)1 << (at & 63);
  m->dirty[at >> 14] |= (uint64_t)1 << (at >> 8 & 63);
}

/* A word that does not run round the end. Compilers make one load or store of
 * the four. */
FSEM bool fsem_inside(const FSEM_MEM *m, uint32_t at) {
  return (at & m->mask) <= m->mask - 3;
}

FSEM int32_t fsem_load32(const FSEM_MEM *m, int32_t address) {
  const uint32_t at = (uint32_t)address;
  const uint8_t *p = &m->bytes[at & m->mask];

  if (!fsem_inside(m, at))
    return fsem_wrap((uint32_t)fsem_get(m, at) |
                     (uint32_t)fsem_get(m, at + 1) << 8 |
                     (uint32_t)fsem_get(m, at + 2) << 16 |
                     (uint32_t)fsem_get(m, at + 3) << 24);
  return fsem_wrap((uint32_t)p[0] | (uint32_t)p[1] << 8 |
                   (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

FSEM void fsem_store32(FSEM_MEM *m, int32_t address, int32_t value) {
  uint32_t at = (uint32_t)address;
  uint32_t v = (uint32_t)value;
  uint8_t *p = &m->bytes[at & m->mask];

  if (!fsem_inside(m, at) || (at & 63) > 60) {
    for (uint32_t i = 0; i < 4; i++)
      fsem_put(m, at + i, (int32_t)(v >> 8 * i & 255));
    return;
  }
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
  p[2] = (uint8_t)(v >> 16);
  p[3] = (uint8_t)(v >> 24);
  at &= m->mask;
  m->written[at >> 6] |= (uint64_t)15 << (at & 63);
  m->dirty[at >> 14] |= (uint64_t)1 << (at >> 8 & 63);
}

#endif /* FSEM_MEM */

/* Accesses that count only below a limit; `a` is taken as unsigned. */
FSEM bool fsem_below(int32_t a, uint32_t n, int32_t limit) {
  return (uint32_t)a < (uint32_t)limit && (uint32_t)limit - (uint32_t)a >= n;
}

FSEM int32_t fsem_bload32(const FSEM_MEM *m, int32_t a, int32_t b,
                          int32_t limit) {
  return fsem_below(a, 4, limit) ? fsem_load32(m, fsem_add(a, b)) : 0;
}

FSEM int32_t fsem_bload8(const FSEM_MEM *m, int32_t a, int32_t b,
                         int32_t limit) {
  return fsem_below(a, 1, limit) ? fsem_get(m, (uint32_t)a + (uint32_t)b) : 0;
}

FSEM void fsem_bstore32(FSEM_MEM *m, int32_t a, int32_t b, int32_t limit,
                        int32_t v) {
  if (fsem_below(a, 4, limit))
    fsem_store32(m, fsem_add(a, b), v);
}

FSEM void fsem_bstore8(FSEM_MEM *m, int32_t a, int32_t b, int32_t limit,
                       int32_t v) {
  if (fsem_below(a, 1, limit))
    fsem_put(m, (uint32_t)a + (uint32_t)b, v & 255);
}

FSEM void fsem_mset(FSEM_MEM *m, int32_t a, int32_t v, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    fsem_put(m, (uint32_t)a + (uint32_t)i, v & 255);
}

FSEM void fsem_mcpy(FSEM_MEM *m, int32_t to, int32_t from, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    fsem_put(m, (uint32_t)to + (uint32_t)i,
       fsem_get(m, (uint32_t)from + (uint32_t)i));
}

FSEM int32_t fsem_meq(const FSEM_MEM *m, int32_t a, int32_t b, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (fsem_get(m, (uint32_t)a + (uint32_t)i) !=
        fsem_get(m, (uint32_t)b + (uint32_t)i))
      return 0;
  return 1;
}

FSEM int32_t fsem_mhas(const FSEM_MEM *m, int32_t a, int32_t v, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (fsem_get(m, (uint32_t)a + (uint32_t)i) == (v & 255))
      return 1;
  return 0;
}

FSEM int32_t fsem_mfind(const FSEM_MEM *m, int32_t d, int32_t a, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (fsem_get(m, (uint32_t)a + (uint32_t)i) != 0)
      return i;
  return d;
}

FSEM int32_t fsem_msum(const FSEM_MEM *m, int32_t a, int32_t n) {
  uint32_t sum = 0;

  for (int32_t i = 0; i < n; i++)
    sum += (uint32_t)fsem_get(m, (uint32_t)a + (uint32_t)i);
  return fsem_wrap(sum);
}

FSEM int32_t fsem_mmin(const FSEM_MEM *m, int32_t a, int32_t n) {
  int32_t least = 255;

  for (int32_t i = 0; i < n; i++) {
    int32_t v = fsem_get(m, (uint32_t)a + (uint32_t)i);
    if (v < least)
      least = v;
  }
  return least;
}

FSEM int32_t fsem_mmax(const FSEM_MEM *m, int32_t a, int32_t n) {
  int32_t most = 0;

  for (int32_t i = 0; i < n; i++) {
    int32_t v = fsem_get(m, (uint32_t)a + (uint32_t)i);
    if (v > most)
      most = v;
  }
  return most;
}

FSEM int32_t fsem_mcrc(const FSEM_MEM *m, int32_t a, int32_t n) {
  uint32_t crc = 0xFFFFFFFFu;

  for (int32_t i = 0; i < n; i++) {
    crc ^= (uint32_t)fsem_get(m, (uint32_t)a + (uint32_t)i);
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1)));
  }
  return fsem_wrap(~crc);
}

FSEM int32_t fsem_venc(FSEM_MEM *m, int32_t at, int32_t a) {
  uint32_t rest = a < 0 ? 0 : (uint32_t)a;
  int32_t n = 0;

  for (; rest >= 128; rest >>= 7)
    fsem_put(m, (uint32_t)at + (uint32_t)n++,
       (int32_t)(rest & 127) | 128);
  fsem_put(m, (uint32_t)at + (uint32_t)n++, (int32_t)rest);
  return n;
}

FSEM int32_t fsem_vdec(const FSEM_MEM *m, int32_t at) {
  uint32_t v = 0;

  for (uint32_t i = 0; i < 5; i++) {
    uint32_t byte = (uint32_t)fsem_get(m, (uint32_t)at + i);
    v |= (byte & 127) << 7 * i;
    if (byte < 128)
      break;
  }
  return fsem_wrap(v);
}

FSEM int32_t fsem_cas8(FSEM_MEM *m, int32_t at, int32_t old, int32_t fresh) {
  if (fsem_get(m, (uint32_t)at) != (old & 255))
    return 0;
  fsem_put(m, (uint32_t)at, fresh & 255);
  return 1;
}

/* ---- weighted draws ----------------------------------------------------- */

/* Sum of n bytes at a; n may be far above the size of memory, round which
 * the run then goes again and again. `size` is that of memory. */
FSEM uint64_t fsem_weights(const FSEM_MEM *m, uint64_t size, int32_t a,
         int32_t n) {
  uint64_t turns = n > 0 ? (uint64_t)n / size : 0;
  uint64_t rest = n > 0 ? (uint64_t)n % size : 0;
  uint64_t all = 0, part = 0;

  for (uint64_t i = 0; i < (turns ? size : rest); i++) {
    if (i == rest)
      part = all;
    all += (uint64_t)fsem_get(m, (uint32_t)a + (uint32_t)i);
  }
  return turns ? turns * all + part : all;
}

/* First index whose running sum exceeds r; the caller knows that one does. */
FSEM int32_t fsem_pick(const FSEM_MEM *m, uint64_t size, int32_t a, int64_t r) {
  int64_t all = (int64_t)fsem_weights(m, size, a, (int32_t)size);
  int64_t turns = r > 0 && all > 0 ? r / all : 0;
  uint32_t i = 0;

  r -= turns * all;
  for (; i < size; i++) {
    r -= fsem_get(m, (uint32_t)a + i);
    if (r < 0)
      break;
  }
  return fsem_wrap((uint32_t)turns * (uint32_t)size + i);
}

/* ---- the stack ---------------------------------------------------------- */

/*
 * The index cell may hold anything (a state is given from outside), so these
 * say "full" and "empty" wherever a push or pop would leave the file.
 */
FSEM bool fsem_full(int32_t sp, int32_t size, bool down) {
  return down ? sp <= 0 || sp > size : sp < 0 || sp >= size;
}

FSEM bool fsem_empty(int32_t sp, int32_t size, bool down) {
  return down ? sp < 0 || sp >= size : sp <= 0 || sp > size;
}

/* Whether there are fewer than n live cells. */
FSEM bool fsem_few(int32_t sp, int32_t size, bool down, int32_t n) {
  if (sp < 0 || sp > size)
    return true;
  return (down ? size - sp : sp) < n;
}

/* Takes n cells off, or all there are. */
FSEM void fsem_drop(int32_t *sp, int32_t size, bool down, int32_t n) {
  if (*sp < 0 || *sp > size)
    return;
  if (fsem_few(*sp, size, down, n))
    *sp = down ? size : 0;
  else
    *sp += down ? n : -n;
}

/* ---- whole files -------------------------------------------------------- */

/* Register `raw` of a file moves a quarter towards the mean of the others of
 * its group of 8. Cell i of the file is file[i * stride]. */
FSEM void fsem_converge(int32_t *file, uint32_t stride, int32_t count,
                        int32_t raw) {
  int32_t group = raw & ~7;
  int32_t sum = 0, others = 0;
  int32_t *own;

  if (raw <= 0 || raw >= count)
    return;
  for (int32_t i = group; i < group + 8 && i < count; i++) {
    if (i == raw || i == 0)
      continue;
    sum = fsem_add(sum, file[(uint32_t)i * stride]);
    others++;
  }
  if (others == 0)
    return;
  own = &file[(uint32_t)raw * stride];
  *own = fsem_add(*own, fsem_sub(sum / others, *own) / 4);
}

/* Gives a share of `value` to registers 1..n; returns what is left. */
FSEM int32_t fsem_diffuse(int32_t *file, uint32_t stride, int32_t count,
                          int32_t value, int32_t n) {
  int32_t share = value / (n > 1 ? n : 1);

  for (int32_t i = 1; i <= n && i < count; i++) {
    int32_t *cell = &file[(uint32_t)i * stride];
    *cell = fsem_add(*cell, share);
  }
  return fsem_sub(value, fsem_mul(share, n));
}

/* ---- the tables --------------------------------------------------------- */

/* X(ID, expression): cell d becomes the value of the expression. */
#define FSEM_VALUES(X) \
  X(MOV, FA) \
  X(SELECT, FC != 0 ? FA : FB) \
  X(ADD, fsem_add(FA, FB)) \
  X(SUB, fsem_sub(FA, FB)) \
  X(MUL, fsem_mul(FA, FB)) \
  X(QUO, fsem_quo(FA, FB)) \
  X(REM, fsem_rem(FD, FA, FB)) \
  X(MULDIV, fsem_muldiv(FA, FB, FIMM)) \
  X(AND, FA & FB) \
  X(OR, FA | FB) \
  X(XOR, FA ^ FB) \
  X(NOT, ~FA) \
  X(NEG, fsem_sub(0, FA)) \
  X(ABS, fsem_abs(FA)) \
  X(SHL, fsem_shl(FA, FB)) \
  X(SAR, fsem_sar(FA, FB)) \
  X(ROTL, fsem_rotl(FA, FB)) \
  X(ROTR, fsem_rotl(FA, fsem_sub(32, FB))) \
  X(MIN, FA < FB ? FA : FB) \
  X(MAX, FA > FB ? FA : FB) \
  X(POPCNT, fsem_popcnt(FA)) \
  X(CLZ, fsem_clz(FA)) \
  X(BITREV, fsem_bitrev(FA)) \
  X(MIX, fsem_mix(FA)) \
  X(ISQRT, fsem_isqrt(FA)) \
  X(IPOW, fsem_ipow(FA, FB)) \
  X(ILOG, fsem_ilog(FA)) \
  X(FSCALE, fsem_fscale(FA, FIMM)) \
  X(EQ, FA == FB) \
  X(NE, FA != FB) \
  X(LT, FA < FB) \
  X(LE, FA <= FB) \
  X(GT, FA > FB) \
  X(GE, FA >= FB) \
  X(FADD, fsem_bits(fsem_f(FA) + fsem_f(FB))) \
  X(FSUB, fsem_bits(fsem_f(FA) - fsem_f(FB))) \
  X(FMUL, fsem_bits(fsem_f(FA) * fsem_f(FB))) \
  X(FDIV, fsem_bits(fsem_f(FA) / fsem_f(FB))) \
  X(FMIN, fsem_fmin(FA, FB)) \
  X(FMAX, fsem_fmax(FA, FB)) \
  X(FTOI, fsem_ftoi(fsem_f(FA))) \
  X(ITOF, fsem_bits((float)FA)) \
  X(LTU, (uint32_t)FA < (uint32_t)FB) \
  X(CARRY, ((uint64_t)(uint32_t)FA + (uint32_t)FB) >> 32 != 0) \
  X(UMULH, fsem_umulh(FA, FB)) \
  X(MULSAR, fsem_mulsar(FA, FB, FIMM)) \
  X(QUO_KEEP, FB == 0 ? FD : fsem_quo(FA, FB)) \
  X(FLOOR_MOD, fsem_floor_mod(FA, FB)) \
  X(FEQ, fsem_f(FA) == fsem_f(FB)) \
  X(FLT, fsem_f(FA) < fsem_f(FB)) \
  X(FLE, fsem_f(FA) <= fsem_f(FB)) \
  X(FNEG, fsem_fsign(FA, FSEM_INT_MIN)) \
  X(FABS, fsem_fsign(FA, FA & FSEM_INT_MIN)) \
  X(CONF_SUM, FC > 0 ? FD : fsem_conf_sum(FA, FB)) \
  X(CONF_DIFF, FC > 0 ? FD : fsem_conf_diff(FA, FB)) \
  X(CONF_PROD, FC > 0 ? FD : fsem_conf_prod(FA, FB)) \
  X(CONF_MEAN, FC > 0 ? FD : fsem_add(FA, FB) / 2) \
  X(CONF_QUO, FC > 0 ? FD : FB <= 0 ? 0 : FA / FB) \
  X(CONF_PCT, FC > 0 ? FD : fsem_mul(FA, FB) / 100)

/* X(ID, expression): as above, with memory. */
#define FSEM_LOADS(X) \
  X(LOAD32, fsem_load32(FMEM, fsem_add(fsem_add(FA, FB), FIMM))) \
  X(LOAD8, fsem_get(FMEM, (uint32_t)FA + (uint32_t)FB + \
        (uint32_t)FIMM)) \
  X(MEQ, fsem_meq(FMEM, FA, FB, FIMM)) \
  X(MHAS, fsem_mhas(FMEM, FA, FB, FIMM)) \
  X(MFIND, fsem_mfind(FMEM, FD, FA, FIMM)) \
  X(MSUM, fsem_msum(FMEM, FA, FIMM)) \
  X(MMIN, fsem_mmin(FMEM, FA, FIMM)) \
  X(MMAX, fsem_mmax(FMEM, FA, FIMM)) \
  X(MCRC, fsem_mcrc(FMEM, FA, FIMM)) \
  X(VENC, fsem_venc(FMEM, FIMM, FA)) \
  X(VDEC, fsem_vdec(FMEM, FIMM)) \
  X(BLOAD32, fsem_bload32(FMEM, FA, FB, FIMM)) \
  X(BLOAD8, fsem_bload8(FMEM, FA, FB, FIMM)) \
  X(CAS8, fsem_cas8(FMEM, FA, FB, FC))

/* X(ID, statement): memory alone. */
#define FSEM_STORES(X) \
  X(STORE32, fsem_store32(FMEM, fsem_add(fsem_add(FA, FB), FIMM), FD)) \
  X(STORE8, fsem_put(FMEM, (uint32_t)FA + (uint32_t)FB + \
         (uint32_t)FIMM, FD & 255)) \
  X(BSTORE32, fsem_bstore32(FMEM, FA, FB, FIMM, FD)) \
  X(BSTORE8, fsem_bstore8(FMEM, FA, FB, FIMM, FD)) \
  X(MSET, fsem_mset(FMEM, FA, FB, FIMM)) \
  X(MCPY, fsem_mcpy(FMEM, FA, FB, FIMM))

/* X(ID, condition): jump to the target if it holds. */
#define FSEM_BRANCHES(X) \
  X(BR_EQZ, FA == 0) \
  X(BR_NEZ, FA != 0) \
  X(BR_LTZ, FA < 0) \
  X(BR_LEZ, FA <= 0) \
  X(BR_GTZ, FA > 0) \
  X(BR_GEZ, FA >= 0)

/*
 * X(ID, condition): FIR_G_ID ends in fault FIMM if it holds. Those of a
 * branch hold if it would be taken and its target, in b, is below 0.
 */
#define FSEM_GUARDS(X) \
  X(DIV_OVERFLOW, FA == FSEM_INT_MIN && FB == -1) \
  X(SHIFT_RANGE, FA < 0 || FA > 31) \
  X(FTOI_RANGE, !fsem_fits(fsem_f(FA))) \
  X(POW_RANGE, !fsem_pow_fits(FA, FB)) \
  X(LOG_ZERO, FA == 0) \
  X(ADD_OVERFLOW, !fsem_int32((int64_t)FA + FB)) \
  X(SUB_OVERFLOW, !fsem_int32((int64_t)FA - FB)) \
  X(MUL_OVERFLOW, !fsem_int32((int64_t)FA * FB)) \
  X(SHL_OVERFLOW, !fsem_int32((int64_t)FA * ((int64_t)1 << (FB & 31)))) \
  X(CAST_RANGE, FB != 0 && !fsem_fits(fsem_f(FA))) \
  X(BEFORE_MEMORY, FA == -1) \
  X(ALWAYS, true) \
  X(NEGATIVE, FA < 0) \
  X(EQZ, FA == 0 && FB < 0) \
  X(NEZ, FA != 0 && FB < 0) \
  X(LTZ, FA < 0 && FB < 0) \
  X(LEZ, FA <= 0 && FB < 0) \
  X(GTZ, FA > 0 && FB < 0) \
  X(GEZ, FA >= 0 && FB < 0) \
  X(DEC_GTZ, fsem_sub(FA, 1) > 0 && FB < 0)

#endif /* FLUX_GPU_SEMANTICS_H */
