/*
 * probe.c - a shared object with functions of every shape, for test_native.c.
 */
#include <stdint.h>

#define SHOWN __attribute__((visibility("default")))

SHOWN int32_t probe_add(int32_t a, int32_t b);
SHOWN int64_t probe_add64(int64_t a, int64_t b);
SHOWN float probe_half(float a);
SHOWN double probe_mix(int32_t a, int64_t b, float c, double d);
SHOWN int32_t probe_eight(int32_t a, int32_t b, int32_t c, int32_t d,
                          int32_t e, int32_t f, int32_t g, int32_t h);
SHOWN int32_t probe_minus_one(void);
SHOWN void probe_set(int32_t v);
SHOWN int32_t probe_get(void);

static int32_t stored;

int32_t probe_add(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

int64_t probe_add64(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}

float probe_half(float a) {
  return a / 2;
}

double probe_mix(int32_t a, int64_t b, float c, double d) {
  return a + 10.0 * (double)b + 100.0 * (double)c + 1000.0 * d;
}

/* Each argument has a digit of its own, so that a wrong order shows. */
int32_t probe_eight(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e,
                    int32_t f, int32_t g, int32_t h) {
  return (((((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f) * 10 + g)
          * 10 + h);
}

int32_t probe_minus_one(void) {
  return -1;
}

void probe_set(int32_t v) {
  stored = v;
}

int32_t probe_get(void) {
  return stored;
}
