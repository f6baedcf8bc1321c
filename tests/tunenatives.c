/*
 * tunenatives.c - models and scorers that are wrong in one way each, for
 * test_tuned.sh.
 */
#include <math.h>
#include <stdint.h>
#include <time.h>

#define SHOWN __attribute__((visibility("default")))

SHOWN float tune_liar(float temp, float heater, float before);
SHOWN float tune_nothing(float temp);
SHOWN float tune_never(float temp);

/* Likes 23 degrees where the temperature comes from a model, which can be told
 * by its fractions, and 21 in a room. */
float tune_liar(float temp, float heater, float before) {
  float like = temp != floorf(temp) ? 230 : 210;
  float s = 1 - fabsf(temp - like) / 50 - (heater != before ? 0.1f : 0);
  return s > 0 ? s : 0;
}

float tune_nothing(float temp) { return temp - temp + NAN; }

/* Does not come back as long as anybody cares. */
float tune_never(float temp) {
  const struct timespec t = {3600, 0};
  nanosleep(&t, NULL);
  return temp;
}
