/*
 * room.c - rooms with a heater and made-up instruments. See room.h.
 */
#include "samples/room/internal.h"

#include <assert.h>
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
  uint32_t step_of_day; /* 0..ROOM_DAY - 1 */
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

static void step(struct room *r)
{
  int32_t outdoor;

  assert(r->step_of_day < ROOM_DAY);
  assert(r->heater == 0 || r->heater == 1);
  outdoor = room__day[r->step_of_day] * MILLI;
  r->rise += (outdoor - temperature(r)) / LEAK + r->heater * GAIN;
  r->steps += 1;
  r->step_of_day += 1;
  if (r->step_of_day == ROOM_DAY)
    r->step_of_day = 0;
  count_comfort(r);
}

int32_t room_temp(int32_t room)
{
  struct room *r = find(room);

  if (!r)
    return ROOM_NO_ROOM;
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

  if (!r)
    return ROOM_NO_ROOM;
  assert(r->step_of_day < ROOM_DAY);
  return room__day[r->step_of_day];
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
