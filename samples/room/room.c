/*
 * room.c - rooms with a heater and made-up instruments. See room.h.
 */
#include "samples/room/internal.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum {
  MILLI = 100,          /* thousandths of a degree in a tenth */
  LEAK = ROOM_TAU_S / ROOM_STEP_S,  /* a step moves T by one LEAK-th */
  GAIN = 250,           /* thousandths a step from the heater */
  COMFORT_SPAN = 5000,  /* so far from comfort a read scores 0 */
  VOLT_IDLE = 12600,
  VOLT_DROP = 350,
  VOLT_RIPPLE = 40
};

/* The constants of the integer model are those of the formula. */
_Static_assert(ROOM_TAU_S % ROOM_STEP_S == 0, "LEAK is exact");
_Static_assert((int64_t)GAIN * ROOM_CAPACITY ==
               (int64_t)1000 * ROOM_STEP_S * ROOM_POWER_W, "GAIN is exact");
_Static_assert(ROOM_DAY * ROOM_STEP_S == 86400, "a day is a day");

/* Salts, so that the instruments of a room are unlike each other. */
enum { SALT_VOLT = 1, SALT_SOUND = 2, SALT_NOISE = 3 };

/*
 * All zero is a room in its first state: the temperature is kept as what it
 * differs from ROOM_START. A cache line each: rooms belong to different
 * threads.
 */
struct room {
  _Alignas(64) int64_t comfort;  /* sum of scores, 0..COMFORT_SPAN a read */
  int32_t rise;         /* thousandths above ROOM_START */
  int32_t heater;       /* 0 or 1 */
  uint32_t steps;       /* reads of the thermometer */
  _Atomic uint32_t step_of_day; /* 0..ROOM_DAY - 1; read by anybody */
  _Atomic int32_t warmer; /* tenths, than the day's table; read likewise */
  uint32_t volts;       /* reads of the voltmeter */
  uint32_t sounds;      /* reads of the microphone */
};

static struct room rooms[ROOM_COUNT];

static struct room *find(int32_t room)
{
  if (room < 0 || room >= ROOM_COUNT)
    return NULL;
  return &rooms[room];
}

static int32_t temperature(const struct room *r)
{
  return ROOM_START * MILLI + r->rise;
}

int32_t room__tenths(int32_t milli)
{
  int32_t up = milli + MILLI / 2;
  int32_t tenths = up / MILLI;

  if (up % MILLI < 0)
    tenths -= 1;
  assert(tenths * MILLI <= up && up < (tenths + 1) * MILLI);
  return tenths;
}

static void count_comfort(struct room *r)
{
  int32_t away = temperature(r) - ROOM_COMFORT * MILLI;

  if (away < 0)
    away = -away;
  if (away < COMFORT_SPAN)
    r->comfort += COMFORT_SPAN - away;
}

/* Tenths of a degree outside, now. */
static int32_t outdoor(const struct room *r)
{
  uint32_t step = atomic_load_explicit(&r->step_of_day, memory_order_relaxed);

  assert(step < ROOM_DAY);
  return room__day[step] +
         atomic_load_explicit(&r->warmer, memory_order_relaxed);
}

static void step(struct room *r)
{
  uint32_t next = atomic_load_explicit(&r->step_of_day, memory_order_relaxed);

  assert(r->heater == 0 || r->heater == 1);
  r->rise += (outdoor(r) * MILLI - temperature(r)) / LEAK + r->heater * GAIN;
  r->steps += 1;
  next = next + 1 == ROOM_DAY ? 0 : next + 1;
  atomic_store_explicit(&r->step_of_day, next, memory_order_relaxed);
  count_comfort(r);
}

int32_t room_temp(int32_t room)
{
  return room_spring(room, 0, 0);
}

int32_t room_spring(int32_t room, int32_t reads, int32_t warmer)
{
  struct room *r = find(room);

  if (!r)
    return ROOM_NO_ROOM;
  if (reads < 0 || r->steps < (uint32_t)reads || warmer < 0)
    warmer = 0;
  if (warmer > ROOM_WARMER)
    warmer = ROOM_WARMER;
  atomic_store_explicit(&r->warmer, warmer, memory_order_relaxed);
  step(r);
  return room__tenths(temperature(r));
}

int32_t room_volt(int32_t room)
{
  struct room *r = find(room);
  uint32_t hash;

  if (!r)
    return ROOM_NO_ROOM;
  hash = feed__mix(feed__mix(SALT_VOLT, (uint32_t)room), r->volts);
  r->volts += 1;
  return VOLT_IDLE - r->heater * VOLT_DROP +
         feed__scale(hash, -VOLT_RIPPLE, VOLT_RIPPLE);
}

int32_t room_sound(int32_t room)
{
  struct room *r = find(room);
  uint32_t hash, noise;

  if (!r)
    return ROOM_NO_ROOM;
  hash = feed__mix(feed__mix(SALT_SOUND, (uint32_t)room), r->sounds);
  noise = feed__mix(hash, SALT_NOISE);
  r->sounds += 1;
  if (feed__scale(noise, 0, 5) == 0)
    return feed__scale(hash, 500, 1000);
  return feed__scale(hash, 60, 259);
}

int32_t room_outdoor(int32_t room)
{
  const struct room *r = find(room);

  return r ? outdoor(r) : ROOM_NO_ROOM;
}

int32_t room_heat(int32_t room, int32_t on)
{
  struct room *r = find(room);

  if (!r)
    return -1;
  r->heater = on != 0;
  return r->heater;
}

float room_model(float temp, float heater, float outdoor)
{
  /* Each operation rounds by itself; see -ffp-contract. */
  float leak = (outdoor - temp) / (float)LEAK;
  float gain = heater * ((float)GAIN / (float)MILLI);

  return temp + leak + gain;
}

float room_score(float temp, float heater, float before)
{
  float away = fabsf(temp - (float)ROOM_COMFORT);
  float comfort = 1.0f - away / ((float)COMFORT_SPAN / (float)MILLI);
  float wear = heater != before ? 0.2f : 0.0f;

  return (comfort > 0.0f ? comfort : 0.0f) - wear;
}

float room_comfort(int32_t room)
{
  const struct room *r = find(room);

  if (!r || r->steps == 0)
    return 0.0f;
  return (float)((double)r->comfort / COMFORT_SPAN / r->steps);
}

int32_t room_reset(int32_t room)
{
  struct room *r = find(room);

  if (!r)
    return -1;
  memset(r, 0, sizeof *r);
  assert(temperature(r) == ROOM_START * MILLI);
  return 0;
}
