/*
 * room.h - natives for the sample agents: rooms with a heater, made-up
 * instruments, and inputs.
 *
 * Everything here has a plain C ABI of fixed-width types and no pointers, so
 * that a host can call it by name and signature alone, as in its config file:
 *
 *   "libroom.so:room_temp(i32)->i32"
 *
 * Nothing depends on a clock, on rand() or on the order of calls to different
 * rooms: the n-th read of a room always gives the same value if the same was
 * done to that room before. No function allocates, blocks or fails otherwise
 * than by the value it returns.
 *
 * THE ROOM. A first-order model of step dt:
 *
 *   T' = T + dt * ((To - T) / tau + P * h / C)
 *
 *   T    room temperature          To   outdoor temperature
 *   h    heater, 1 on, 0 off       P    its power, 4000 W
 *   tau  time constant, 36000 s    C    heat capacity, 4.8 MJ/K
 *   dt   one read, 300 s
 *
 * so that a read moves T by a 120th of its distance from To, and up by 0.25
 * degrees while the heater is on. It is calculated in whole thousandths of a
 * degree in 32 bits:
 *
 *   T = T + (To - T) / 120 + (h ? 250 : 0)
 *
 * where / truncates towards zero. Hence the same results on any machine, and
 * a heater that is off leaves a room at rest within 0.119 degrees of To.
 *
 * To comes from a table of one day, a value every five minutes, one a read;
 * the day repeats after 288 reads. The table is SYNTHETIC: a made-up day in
 * early spring, coldest about six, warmest in mid-afternoon, with small
 * disorder and the passing of a front. All rooms begin at 18.0 degrees, at
 * midnight, with the heater off.
 *
 * THREADS. A room may be used by one thread at a time; different rooms by
 * different threads at once. The functions without a room are pure.
 */
#ifndef FLUX_SAMPLES_ROOM_H
#define FLUX_SAMPLES_ROOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ROOM_API __attribute__((visibility("default")))
#else
#define ROOM_API
#endif

enum {
  ROOM_COUNT = 64,      /* rooms 0..63 */
  ROOM_STEP_S = 300,    /* dt, seconds a read */
  ROOM_DAY = 288,       /* reads a day */
  ROOM_TAU_S = 36000,   /* tau, seconds */
  ROOM_POWER_W = 4000,  /* P, watts */
  ROOM_CAPACITY = 4800000, /* C, joules per kelvin */
  ROOM_START = 180,     /* first temperature, tenths of a degree */
  ROOM_COMFORT = 210,   /* what people in the room like, tenths */
  ROOM_WARMER = 200     /* most that spring makes of the day, tenths */
};

/* What a reading gives for a room that does not exist. */
#define ROOM_NO_ROOM INT32_MIN

/* ---- sensors: each read is one step of its own instrument ---------------- */

/* Advances the room by one step and gives its temperature in tenths of a
 * degree Celsius, rounded to the nearest, halves up. */
ROOM_API int32_t room_temp(int32_t room);

/* The same, in a year: once the room was read so often, its days are `warmer`
 * tenths (0..ROOM_WARMER) above the table. */
ROOM_API int32_t room_spring(int32_t room, int32_t reads, int32_t warmer);

/* Supply voltage of the room's controller in millivolts, about 12,600, with a
 * ripple of at most 40 and a drop of 350 while the heater is on. Each read is
 * a new sample; it does not advance the room. */
ROOM_API int32_t room_volt(int32_t room);

/* Loudness 0..1000: a murmur of 60..259, and about one read in six a noise of
 * 500..1000. Each read is a new sample; it does not advance the room. */
ROOM_API int32_t room_sound(int32_t room);

/* Outdoor temperature at the room's present step, tenths of a degree. Does
 * not advance anything, and may be asked of any room by any thread. */
ROOM_API int32_t room_outdoor(int32_t room);

/* ---- actuator ------------------------------------------------------------ */

/* Heater on (any value but 0) or off from the next step on. Gives the new
 * state, 1 or 0; -1 for no such room. */
ROOM_API int32_t room_heat(int32_t room, int32_t on);

/* ---- model, score, reset ------------------------------------------------- */

/*
 * The next temperature from this one, heater 0 or 1, and the outdoor
 * temperature: the formula above in binary32, all in tenths of a degree. It
 * stands in for the sensor where a recorded trace has come to its end. Within
 * 0.01 degrees of what room_temp's state does in one step.
 */
ROOM_API float room_model(float temp, float heater, float outdoor);

/*
 * What a read was worth: 1 - |T - 21.0| / 5.0, not below 0, less 0.2 where the
 * heater is switched, which wears it. T in tenths, the heater's state now and
 * before.
 */
ROOM_API float room_score(float temp, float heater, float before);

/*
 * How well the room was kept since its reset, 0 (bad) to 1: the mean over the
 * reads of 1 - |T - 21.0| / 5.0, no read counting less than 0. Without a
 * read, 0; likewise for no such room.
 */
ROOM_API float room_comfort(int32_t room);

/* The room as it was in the beginning, its instruments too. 0, or -1 for no
 * such room. */
ROOM_API int32_t room_reset(int32_t room);

/* ---- inputs of agents that calculate ------------------------------------- */

/*
 * A value in lo..hi, inclusive, evenly spread over `task`; a pure function of
 * its arguments. Another range draws independently of this one, so that two
 * inputs of one task are unlike: feed_range(t, 0, 9), feed_range(t, 1, 9).
 * Where lo > hi, lo.
 */
ROOM_API int32_t feed_range(int32_t task, int32_t lo, int32_t hi);

/* The same for input number `index` of the task, for any number of them. */
ROOM_API int32_t feed_value(int32_t task, int32_t index, int32_t lo,
                            int32_t hi);

/* A byte, 0..255, for memory cell `index` of the task; a pure function. */
ROOM_API int32_t feed_mem(int32_t task, int32_t index);

#ifdef __cplusplus
}
#endif

#endif /* FLUX_SAMPLES_ROOM_H */
