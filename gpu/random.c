/*
 * gpu/random.c - counter-based random numbers (Philox 4x32, 10 rounds).
 */
#include "gpu/trial.h"

enum { ROUNDS = 10 };

/* Keys that differ in few bits become keys that differ in half of them. */
static uint64_t scatter(uint64_t v) {
  v += UINT64_C(0x9E3779B97F4A7C15);
  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return v ^ v >> 31;
}

uint64_t ftrial_random(uint64_t seed, uint64_t a, uint64_t b, uint64_t i) {
  uint64_t key = seed ^ scatter(b);
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  uint32_t c0 = (uint32_t)i, c1 = (uint32_t)(i >> 32);
  uint32_t c2 = (uint32_t)a, c3 = (uint32_t)(a >> 32);

  for (int round = 0; round < ROUNDS; round++) {
    uint64_t p0 = (uint64_t)c0 * 0xD2511F53u;
    uint64_t p1 = (uint64_t)c2 * 0xCD9E8D57u;

    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)p1;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return (uint64_t)c0 << 32 | c1;
}
