/*
 * tune_rig.h - an agent in a room, and a host that judges it: courses of the
 * room's model and score, which can be made to lie.
 */
#ifndef FLUX_TESTS_TUNE_RIG_H
#define FLUX_TESTS_TUNE_RIG_H

#include <stdatomic.h>

#include <flux/services.h>

#include "isa/program.h"

/* How a judge is not as it should be. */
enum tune_lie {
  TUNE_HONEST,
  TUNE_LIES,      /* courses praise what live tasks do not */
  TUNE_NAN,       /* the scorer gives no number */
  TUNE_NO_MODEL,  /* nobody foretells anything */
  TUNE_LAZY,      /* nothing counts but that the heater stays as it is */
  TUNE_NO_SCORE,  /* confidence is the score */
  TUNE_HANGS      /* a call does not come back until tune_let_go */
};

/* The judge of the room of an agent: room `agent` % 8. The lie is for all. */
extern const flux_judge tune_judge;
void tune_lie(enum tune_lie lie);
void tune_let_go(void);
/* Calls that hang now; courses that are open. */
uint32_t tune_hanging(void);
int32_t tune_open_courses(void);

/* A thermostat's text, `deadband` tenths each side of 21 degrees. */
void tune_thermostat(int deadband, char *out, size_t capacity);

/* Indexes in unified: source TEMP, channel SYS. */
uint16_t tune_source(void);
uint16_t tune_channel(void);

#endif /* FLUX_TESTS_TUNE_RIG_H */
