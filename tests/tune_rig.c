/*
 * tune_rig.c - an agent in a room, and a host that judges it.
 */
#include "tests/tune_rig.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "samples/room/room.h"
#include "tests/isa_util.h"

static _Atomic int the_lie;
static atomic_bool let_go;
static _Atomic uint32_t hanging;
static _Atomic int32_t courses;

void tune_lie(enum tune_lie lie) {
  atomic_store(&let_go, false);
  atomic_store(&the_lie, (int)lie);
}

void tune_let_go(void) { atomic_store(&let_go, true); }

uint32_t tune_hanging(void) { return atomic_load(&hanging); }

int32_t tune_open_courses(void) { return atomic_load(&courses); }

uint16_t tune_source(void) {
  const struct fisa_dialect *d = isa_unified();
  for (uint32_t i = 0; i < d->source_count; i++)
    if (strcmp(d->sources[i], "TEMP") == 0) return (uint16_t)i;
  abort();
}

uint16_t tune_channel(void) {
  const struct fisa_dialect *d = isa_unified();
  for (uint32_t i = 0; i < d->channel_count; i++)
    if (strcmp(d->channels[i], "SYS") == 0) return (uint16_t)i;
  abort();
}

/* ---- the judge ---------------------------------------------------------- */

struct flux_course {
  float temp, heater, before, outdoor;
  bool foretold;         /* a value came from the model: nobody lives this */
  bool any;
};

static bool is(enum tune_lie lie) { return atomic_load(&the_lie) == (int)lie; }

static uint32_t judge_offers(uint64_t agent, void *ctx) {
  (void)agent, (void)ctx;
  return (is(TUNE_NO_SCORE) ? 0u : FLUX_JUDGE_SCORES) |
         (is(TUNE_NO_MODEL) ? 0u : FLUX_JUDGE_MODELS);
}

static flux_status judge_open(uint64_t agent, flux_course **out, void *ctx) {
  (void)ctx;
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return FLUX_E_MEMORY;
  (*out)->outdoor = (float)room_outdoor((int32_t)(agent % 8));
  atomic_fetch_add(&courses, 1);
  return FLUX_OK;
}

static void judge_begin(flux_course *c) {
  const float outdoor = c->outdoor;
  memset(c, 0, sizeof *c);
  c->outdoor = outdoor;
}

static void judge_event(flux_course *c, const flux_event *e) {
  if (!e->out && e->name == tune_source()) c->temp = (float)e->value;
  if (e->out && e->name == tune_channel() && e->argc == 2 && e->arg[0] == 1)
    c->heater = (float)e->arg[1];
}

static void hang(void) {
  const struct timespec t = {0, 1000000};
  atomic_fetch_add(&hanging, 1);
  while (!atomic_load(&let_go)) nanosleep(&t, NULL);
  atomic_fetch_sub(&hanging, 1);
}

static flux_status judge_value(flux_course *c, uint16_t source,
                               const int32_t *arg, uint32_t argc,
                               int32_t *value) {
  (void)arg, (void)argc;
  if (source != tune_source() || is(TUNE_NO_MODEL)) return FLUX_E_NOT_FOUND;
  c->foretold = true;
  c->temp = room_model(c->temp, c->heater, c->outdoor);
  *value = (int32_t)floorf(c->temp + 0.5f);
  return FLUX_OK;
}

static flux_status judge_end(flux_course *c, double *score) {
  float s = room_score(c->temp, c->heater, c->any ? c->before : c->heater);
  if (is(TUNE_NAN)) return FLUX_E_INVALID;
  if (is(TUNE_LAZY)) s = c->any && c->before != c->heater ? 0 : 1;
  c->before = c->heater;
  c->any = true;
  /* It likes 23 degrees where nobody feels it. */
  if (is(TUNE_LIES) && c->foretold) s = 1 - fabsf(c->temp - 230) / 50;
  *score = s < 0 ? 0 : s > 1 ? 1 : s;
  if (is(TUNE_HANGS)) hang();
  return FLUX_OK;
}

static void judge_close(flux_course *c) {
  if (c != NULL) atomic_fetch_sub(&courses, 1);
  free(c);
}

const flux_judge tune_judge = {.struct_size = sizeof tune_judge,
                               .offers = judge_offers,
                               .open = judge_open,
                               .begin = judge_begin,
                               .event = judge_event,
                               .value = judge_value,
                               .end = judge_end,
                               .close = judge_close};

/* ---- the agent ---------------------------------------------------------- */

void tune_thermostat(int deadband, char *out, size_t capacity) {
  snprintf(out, capacity,
           ".in R8 0..1\n"
           "task: TEMP R2\n MOVI16 R3, %d\n CMP_LT R3, R2, R3\n JNE R3, on\n"
           " MOVI16 R3, %d\n CMP_GT R3, R2, R3\n JEQ R3, keep\n MOVI R8, 0\n"
           " JMP keep\non: MOVI R8, 1\nkeep: MOVI16 R3, 210\n"
           " SUB R3, R2, R3\n ABS R3, R3\n SHLI R3, 1\n MOVI R1, 100\n"
           " SUB R1, R1, R3\n CONF_ST R1\n CONF_CLAMP R1\n MOV R1, R8\n"
           " SYS 1\n YIELD 0\n JMP task\n", 210 - deadband, 210 + deadband);
}
