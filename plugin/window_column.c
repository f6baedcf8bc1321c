/*
 * plugin/window_column.c - semantic ops on columns of test values.
 *
 * Each op is a function of its own whose loops have constant bounds, so that
 * a compiler makes vector code of the table's scalar expressions. A body is
 * inlined into the functions of every instruction set.
 */
#include "plugin/window_column.h"

#include <assert.h>
#include <stddef.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "gpu/semantics.h"

#define INLINE static inline __attribute__((always_inline))

#define FA (pa[i])
#define FB (pb[i])
#define FC (pc[i])
#define FD (pd[i])
#define FIMM (s.imm)

/* d may be one of the operands, lane for lane: no lane waits for another. */
#define RUN_BODY(ID, expression) \
  INLINE void run_body_##ID( \
      struct fse_column *d, const struct fse_column *a, \
      const struct fse_column *b, const struct fse_column *c, \
      struct fse_stretch s) { \
    const size_t n = (size_t)((s.to - s.from) / FSE_STRIPE) * FSE_STRIPE; \
    int32_t *pd = __builtin_assume_aligned(d->lane + s.from, 32); \
    const int32_t *pa = __builtin_assume_aligned(a->lane + s.from, 32); \
    const int32_t *pb = __builtin_assume_aligned(b->lane + s.from, 32); \
    const int32_t *pc = __builtin_assume_aligned(c->lane + s.from, 32); \
    (void)pa, (void)pb, (void)pc; \
    _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) \
        pd[i] = (expression); \
  }
FSEM_VALUES(RUN_BODY)
#undef RUN_BODY
#undef FD
#undef FIMM

static uint32_t bits_plain(const int32_t *a, const int32_t *b,
                           unsigned lanes) {
  uint64_t first, varies = 0;
  uint32_t n = 0;
  memcpy(&first, a, sizeof first);
  for (unsigned i = 0; i < lanes; i += 2) {
    uint64_t x, y;
    memcpy(&x, a + i, sizeof x);
    memcpy(&y, b + i, sizeof y);
    varies |= x ^ first;
    n += (uint32_t)__builtin_popcountll(x ^ y);
  }
  varies |= (uint32_t)a[0] ^ (uint32_t)a[1];
  return n > 0 && varies == 0 ? n + lanes / 2 : n;
}

#define FD 0
#define FIMM imm

#define STRIPE_BODY(ID, expression) \
  INLINE void stripe_body_##ID(const struct fse_stripes *s) { \
    const int32_t imm = s->imm; \
    (void)imm; \
    for (unsigned n = 0; n < s->count; n++) { \
      int32_t *pd = __builtin_assume_aligned(s->d + n * FSE_STRIPE, 32); \
      const int32_t *pa = __builtin_assume_aligned(s->a + n * s->a_step, 32); \
      const int32_t *pb = __builtin_assume_aligned(s->b + n * s->b_step, 32); \
      const int32_t *pc = __builtin_assume_aligned(s->c + n * s->c_step, 32); \
      (void)pa, (void)pb, (void)pc; \
      _Pragma("GCC ivdep") for (size_t i = 0; i < FSE_STRIPE; i++) \
          pd[i] = (expression); \
    } \
  }
FSEM_VALUES(STRIPE_BODY)
#undef STRIPE_BODY
#undef FA
#undef FB
#undef FC
#undef FD
#undef FIMM

#define FA (a->lane[i])
#define FB (b->lane[i])
#define FC 0
#define FD 0
#define FIMM (s->imm)

#define SCAN_BODY(ID, expression) \
  INLINE unsigned scan_body_##ID(const struct fse_scan *s, \
                                 struct fse_hit *hits) { \
    const struct fse_glance *t = s->target; \
    unsigned n = 0; \
    for (unsigned x = 0; x < s->a_count; x++) { \
      const struct fse_glance *a = &s->a[x]; \
      const unsigned end = s->diagonal ? x + 1 : s->b_count; \
      for (unsigned y = s->diagonal ? x : 0; y < end; y++) { \
        const struct fse_glance *b = s->diagonal ? a : &s->b[y]; \
        uint32_t differs = 0; \
        (void)a, (void)b; \
        for (unsigned i = 0; i < FSE_GLANCE; i++) \
          differs |= (uint32_t)(expression) ^ (uint32_t)t->lane[i]; \
        if (__builtin_expect(differs != 0, 1)) continue; \
        hits[n++] = (struct fse_hit){(uint8_t)x, (uint8_t)y}; \
        if (n == FSE_HITS) return n; \
      } \
    } \
    return n; \
  }
FSEM_VALUES(SCAN_BODY)
#undef SCAN_BODY
#undef FA
#undef FB
#undef FIMM

#define FA (pa[i])
#define FB (pb[i])
#define FIMM (s->imm)

/* Lanes are run by whole stripes. */
INLINE size_t whole_stripes(unsigned lanes) {
  return ((size_t)lanes + FSE_STRIPE - 1) / FSE_STRIPE * FSE_STRIPE;
}

/* The first test alone, and only then all of them. */
#define SIFT_BODY(ID, expression) \
  INLINE uint64_t sift_body_##ID(const struct fse_sift *s) { \
    const size_t n = whole_stripes(s->lanes); \
    uint32_t alive[FSE_LANES], any = 0; \
    uint64_t lanes = 0; \
    const int32_t *pa = __builtin_assume_aligned(s->a->lane, 32); \
    const int32_t *pb = __builtin_assume_aligned(s->b->lane, 32); \
    int32_t target = s->target[0]; \
    (void)pa, (void)pb; \
    for (size_t i = 0; i < n; i++) any |= (expression) == target ? 1u : 0u; \
    if (__builtin_expect(any == 0, 1)) return 0; \
    for (size_t i = 0; i < n; i++) alive[i] = 1; \
    for (unsigned t = 0; t < FSE_SIFTED; t++) { \
      pa = __builtin_assume_aligned((s->a + t * s->a_step)->lane, 32); \
      pb = __builtin_assume_aligned((s->b + t * s->b_step)->lane, 32); \
      target = s->target[t]; \
      any = 0; \
      for (size_t i = 0; i < n; i++) { \
        alive[i] = (expression) == target ? alive[i] : 0; \
        any |= alive[i]; \
      } \
      if (any == 0) return 0; \
    } \
    for (size_t i = 0; i < n; i++) lanes |= (uint64_t)alive[i] << i; \
    return lanes; \
  }
FSEM_VALUES(SIFT_BODY)
#undef SIFT_BODY

#define RUN(ID, name, attribute) \
  attribute static void run_##name##_##ID( \
      struct fse_column *d, const struct fse_column *a, \
      const struct fse_column *b, const struct fse_column *c, \
      struct fse_stretch s) { \
    run_body_##ID(d, a, b, c, s); \
  } \
  attribute static unsigned scan_##name##_##ID(const struct fse_scan *s, \
                                               struct fse_hit *hits) { \
    return scan_body_##ID(s, hits); \
  } \
  attribute static uint64_t sift_##name##_##ID(const struct fse_sift *s) { \
    return sift_body_##ID(s); \
  } \
  attribute static void stripe_##name##_##ID(const struct fse_stripes *s) { \
    stripe_body_##ID(s); \
  }

static void bits_each_plain(uint16_t *bits, const int32_t *a,
                            const int32_t *b, unsigned count) {
  for (unsigned n = 0; n < count; n++)
    bits[n] = (uint16_t)bits_plain(a + n * FSE_STRIPE, b, FSE_STRIPE);
}

#define RUN_PLAIN(ID, expression) RUN(ID, plain, )
FSEM_VALUES(RUN_PLAIN)

static const struct fse_kernels plain = {
#define ROW_RUN(ID, expression) [FLUX_OP_##ID] = run_plain_##ID,
#define ROW_SCAN(ID, expression) [FLUX_OP_##ID] = scan_plain_##ID,
#define ROW_SIFT(ID, expression) [FLUX_OP_##ID] = sift_plain_##ID,
#define ROW_STRIPE(ID, expression) [FLUX_OP_##ID] = stripe_plain_##ID,
    {FSEM_VALUES(ROW_RUN)}, {FSEM_VALUES(ROW_SCAN)},
    {FSEM_VALUES(ROW_SIFT)}, {FSEM_VALUES(ROW_STRIPE)},
    bits_plain, bits_each_plain};

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

/* Counts the bits of 8 lanes by nibbles, as four sums. */
AVX2 static inline __m256i eight_bits(__m256i x) {
  const __m256i of = _mm256_setr_epi8(
      0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
      0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i low = _mm256_and_si256(x, nibble);
  __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble);
  __m256i bytes = _mm256_add_epi8(_mm256_shuffle_epi8(of, low),
                                  _mm256_shuffle_epi8(of, high));
  return _mm256_sad_epu8(bytes, _mm256_setzero_si256());
}

AVX2 static inline uint32_t bits_avx2(const int32_t *a, const int32_t *b,
                               unsigned lanes) {
  const __m256i first = _mm256_set1_epi32(a[0]);
  __m256i sum = _mm256_setzero_si256(), varies = sum;
  uint32_t n;
  for (unsigned i = 0; i < lanes; i += FSE_STRIPE) {
    __m256i x = _mm256_loadu_si256((const void *)(a + i));
    __m256i y = _mm256_loadu_si256((const void *)(a + i + 8));
    __m256i u = _mm256_loadu_si256((const void *)(b + i));
    __m256i v = _mm256_loadu_si256((const void *)(b + i + 8));
    sum = _mm256_add_epi64(sum, eight_bits(_mm256_xor_si256(x, u)));
    sum = _mm256_add_epi64(sum, eight_bits(_mm256_xor_si256(y, v)));
    varies = _mm256_or_si256(varies, _mm256_xor_si256(x, first));
    varies = _mm256_or_si256(varies, _mm256_xor_si256(y, first));
  }
  n = (uint32_t)(_mm256_extract_epi64(sum, 0) + _mm256_extract_epi64(sum, 1) +
                 _mm256_extract_epi64(sum, 2) + _mm256_extract_epi64(sum, 3));
  return n + (n > 0 ? lanes / 2 : 0) *
                 (uint32_t)_mm256_testz_si256(varies, varies);
}

AVX2 static void bits_each_avx2(uint16_t *bits, const int32_t *a,
                                const int32_t *b, unsigned count) {
  for (unsigned n = 0; n < count; n++)
    bits[n] = (uint16_t)bits_avx2(a + n * FSE_STRIPE, b, FSE_STRIPE);
}

#define RUN_AVX2(ID, expression) RUN(ID, avx2, AVX2)
FSEM_VALUES(RUN_AVX2)

static const struct fse_kernels avx2 = {
#define ROW_RUN2(ID, expression) [FLUX_OP_##ID] = run_avx2_##ID,
#define ROW_SCAN2(ID, expression) [FLUX_OP_##ID] = scan_avx2_##ID,
#define ROW_SIFT2(ID, expression) [FLUX_OP_##ID] = sift_avx2_##ID,
#define ROW_STRIPE2(ID, expression) [FLUX_OP_##ID] = stripe_avx2_##ID,
    {FSEM_VALUES(ROW_RUN2)}, {FSEM_VALUES(ROW_SCAN2)},
    {FSEM_VALUES(ROW_SIFT2)}, {FSEM_VALUES(ROW_STRIPE2)},
    bits_avx2, bits_each_avx2};

const struct fse_kernels *fse_kernels(void) {
  return __builtin_cpu_supports("avx2") ? &avx2 : &plain;
}
#else
const struct fse_kernels *fse_kernels(void) { return &plain; }
#endif

const struct fse_kernels *fse_kernels_plain(void) { return &plain; }
