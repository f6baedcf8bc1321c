/*
 * test_room.c - the room model of the samples, its instruments and inputs.
 *
 * The model is held to a second writing of its integer formula, to the
 * physics in double precision, and to a few frozen values: configs and
 * recorded demos rely on the n-th read being what it was yesterday.
 */
#include "samples/room/internal.h"
#include "tests/unit.h"

#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS = 10, READS = DAYS * ROOM_DAY };

static const int32_t no_rooms[] = { -1, ROOM_COUNT, INT32_MIN, INT32_MAX };

enum { NO_ROOMS = sizeof no_rooms / sizeof no_rooms[0] };

/* ---- the day ------------------------------------------------------------- */

static void day_is_plausible(void)
{
  int i, low = 0, high = 0;

  for (i = 0; i < ROOM_DAY; i++) {
    int before = room__day[(i + ROOM_DAY - 1) % ROOM_DAY];

    /* Midnight included: the day repeats without a jump. */
    UNIT_TRUE(abs(room__day[i] - before) <= 5, "jump at %d", i);
    if (room__day[i] < room__day[low])
      low = i;
    if (room__day[i] > room__day[high])
      high = i;
  }
  UNIT_TRUE(low > 4 * 12 && low < 8 * 12, "coldest at %d", low);
  UNIT_TRUE(high > 13 * 12 && high < 16 * 12, "warmest at %d", high);
  UNIT_EQ(room__day[low], -33);
  UNIT_EQ(room__day[high], 64);
}

static void outdoor_follows_reads(void)
{
  int i;

  UNIT_EQ(room_reset(3), 0);
  for (i = 0; i < 2 * ROOM_DAY + 5; i++) {
    UNIT_EQ(room_outdoor(3), room__day[i % ROOM_DAY]);
    /* Only the thermometer moves the day on. */
    (void)room_volt(3);
    (void)room_sound(3);
    UNIT_EQ(room_outdoor(3), room__day[i % ROOM_DAY]);
    (void)room_temp(3);
  }
}

/* ---- the model ----------------------------------------------------------- */

static void tenths_round_half_up(void)
{
  static const struct { int32_t milli, tenths; } rows[] = {
    { 0, 0 }, { 49, 0 }, { 50, 1 }, { 149, 1 }, { 150, 2 },
    { -1, 0 }, { -50, 0 }, { -51, -1 }, { -149, -1 }, { -150, -1 },
    { -151, -2 }, { 21000, 210 }, { -3300, -33 },
  };
  size_t i;

  for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
    UNIT_TRUE(room__tenths(rows[i].milli) == rows[i].tenths,
              "%d thousandths gave %d", rows[i].milli,
              room__tenths(rows[i].milli));
  for (i = 0; i < 8000; i++) {
    int32_t milli = (int32_t)i - 4000;

    UNIT_EQ(room__tenths(milli), (int32_t)floor((milli + 50) / 100.0));
  }
}

/* The formula of room.h once more, with its own words. */
static int32_t next_milli(int32_t milli, int outdoor, int heater)
{
  return milli + (outdoor * 100 - milli) / 120 + (heater ? 250 : 0);
}

static void temp_is_the_formula(void)
{
  int32_t milli = 18000;
  int i, heater = 0;

  UNIT_EQ(room_reset(0), 0);
  for (i = 0; i < READS; i++) {
    if (feed_value(7, i, 0, 9) == 0) {
      heater = !heater;
      UNIT_EQ(room_heat(0, heater), heater);
    }
    milli = next_milli(milli, room__day[i % ROOM_DAY], heater);
    if (!UNIT_EQ(room_temp(0), (int32_t)floor((milli + 50) / 100.0)))
      return;
  }
}

/*
 * The physics: T' = T + dt ((To - T) / tau + P h / C) in doubles. Truncation
 * costs less than a thousandth a step and a step forgets a 120th of the error
 * there is, so that it never grows past 0.12 degrees.
 */
static void temp_is_near_physics(void)
{
  double t = ROOM_START / 10.0;
  int i, heater;

  UNIT_EQ(room_reset(1), 0);
  for (i = 0; i < READS; i++) {
    double to = room__day[i % ROOM_DAY] / 10.0;

    heater = i / 50 % 2;
    (void)room_heat(1, heater);
    t += ROOM_STEP_S * ((to - t) / ROOM_TAU_S +
                        (double)ROOM_POWER_W * heater / ROOM_CAPACITY);
    if (!UNIT_TRUE(fabs(room_temp(1) / 10.0 - t) < 0.12 + 0.05,
                   "read %d", i))
      return;
  }
}

static void model_predicts_one_step(void)
{
  int32_t milli = 18000;
  int i;

  for (i = 0; i < READS; i++) {
    int outdoor = room__day[i % ROOM_DAY], heater = i / 31 % 2;
    float guess = room_model((float)milli / 100.0f, (float)heater,
                             (float)outdoor);

    milli = next_milli(milli, outdoor, heater);
    if (!UNIT_TRUE(fabsf(guess - (float)milli / 100.0f) < 0.1f,
                   "read %d: %g", i, (double)guess))
      return;
  }
  UNIT_TRUE(room_model(180.0f, 0.0f, 180.0f) == 180.0f, "rest");
  UNIT_TRUE(room_model(180.0f, 1.0f, 180.0f) == 182.5f, "heated");
  UNIT_TRUE(room_model(180.0f, 0.0f, 60.0f) == 179.0f, "cooled");
  UNIT_TRUE(isnan(room_model(NAN, 0.0f, 60.0f)), "nan stays");
}

static void heated_and_unheated_stay_in_range(void)
{
  int i, on;

  for (on = 0; on <= 1; on++) {
    int32_t low = INT32_MAX, high = INT32_MIN;

    UNIT_EQ(room_reset(2), 0);
    UNIT_EQ(room_heat(2, on), on);
    for (i = 0; i < READS; i++) {
      int32_t t = room_temp(2);

      if (i > 5 * ROOM_DAY) {
        low = t < low ? t : low;
        high = t > high ? t : high;
      }
    }
    /* Days swing less indoors; a heater adds up to 30 degrees. */
    UNIT_TRUE(low >= -33 + 300 * on, "low %d", low);
    UNIT_TRUE(high <= 64 + 300 * on, "high %d", high);
    UNIT_TRUE(high - low < 64 + 33, "swing %d", high - low);
  }
}

/* The law of the sample thermostat, by hand. */
static int hold(int32_t room, int reads)
{
  int i, heater = 0, switches = 0;

  for (i = 0; i < reads; i++) {
    int32_t t = room_temp(room);
    int was = heater;

    if (t < 205)
      heater = 1;
    else if (t > 215)
      heater = 0;
    switches += heater != was;
    (void)room_heat(room, heater);
  }
  return switches;
}

static void thermostat_holds_the_room(void)
{
  int i, switches;

  UNIT_EQ(room_reset(5), 0);
  (void)hold(5, 60);
  switches = hold(5, ROOM_DAY);
  UNIT_TRUE(switches >= 10 && switches <= 60, "%d switches", switches);
  /* Within the band and what one step may overshoot it. */
  for (i = 0; i < 50; i++) {
    int32_t t;

    (void)hold(5, 1);
    t = room_temp(5);
    UNIT_TRUE(t >= 200 && t <= 220, "%d tenths", t);
  }
}

/* ---- score and reset ----------------------------------------------------- */

static void comfort_is_a_mean(void)
{
  double sum = 0;
  int32_t milli = 18000;
  int i;

  UNIT_EQ(room_reset(4), 0);
  UNIT_TRUE(room_comfort(4) == 0.0f, "no read yet");
  UNIT_EQ(room_heat(4, 1), 1);
  for (i = 0; i < 100; i++) {
    double away;

    milli = next_milli(milli, room__day[i], 1);
    away = fabs(milli - 21000.0) / 5000.0;
    sum += away < 1 ? 1 - away : 0;
    (void)room_temp(4);
    UNIT_TRUE(fabs(room_comfort(4) - sum / (i + 1)) < 1e-6, "read %d", i);
  }
  /* Asking changes nothing. */
  UNIT_TRUE(room_comfort(4) == room_comfort(4), "pure");
}

static void comfort_rewards_control(void)
{
  float kept, cold;

  UNIT_EQ(room_reset(4), 0);
  (void)hold(4, ROOM_DAY);
  kept = room_comfort(4);
  UNIT_EQ(room_reset(4), 0);
  while (room_outdoor(4) != room__day[ROOM_DAY - 1])
    (void)room_temp(4);
  cold = room_comfort(4);
  UNIT_TRUE(kept > 0.85f && kept <= 1.0f, "kept %g", (double)kept);
  UNIT_TRUE(cold >= 0.0f && cold < 0.2f, "cold %g", (double)cold);
}

static void reset_forgets_everything(void)
{
  int32_t first[3], again[3];
  int i;

  UNIT_EQ(room_reset(9), 0);
  first[0] = room_temp(9);
  first[1] = room_volt(9);
  first[2] = room_sound(9);
  (void)room_heat(9, 1);
  for (i = 0; i < 400; i++) {
    (void)room_temp(9);
    (void)room_volt(9);
    (void)room_sound(9);
  }
  UNIT_EQ(room_reset(9), 0);
  UNIT_TRUE(room_comfort(9) == 0.0f, "comfort");
  again[0] = room_temp(9);
  again[1] = room_volt(9);
  again[2] = room_sound(9);
  UNIT_MEM_EQ(again, first, sizeof first);
}

/* ---- instruments --------------------------------------------------------- */

static void heater_takes_any_int(void)
{
  UNIT_EQ(room_heat(6, 1), 1);
  UNIT_EQ(room_heat(6, 0), 0);
  UNIT_EQ(room_heat(6, -7), 1);
  UNIT_EQ(room_heat(6, INT32_MIN), 1);
  UNIT_EQ(room_heat(6, 0), 0);
}

static void volts_stay_in_range(void)
{
  int i, on;

  for (on = 0; on <= 1; on++) {
    int32_t idle = 12600 - 350 * on, low = INT32_MAX, high = INT32_MIN;

    (void)room_heat(7, on);
    for (i = 0; i < 5000; i++) {
      int32_t v = room_volt(7);

      low = v < low ? v : low;
      high = v > high ? v : high;
    }
    UNIT_EQ(low, idle - 40);
    UNIT_EQ(high, idle + 40);
  }
}

static void sound_is_murmur_and_noise(void)
{
  int i, noises = 0;

  UNIT_EQ(room_reset(8), 0);
  for (i = 0; i < 6000; i++) {
    int32_t s = room_sound(8);

    UNIT_TRUE((s >= 60 && s <= 259) || (s >= 500 && s <= 1000), "%d", s);
    noises += s >= 500;
  }
  UNIT_TRUE(noises > 850 && noises < 1150, "%d noises", noises);
}

/* ---- rooms --------------------------------------------------------------- */

static void unknown_rooms_are_refused(void)
{
  size_t i;

  for (i = 0; i < NO_ROOMS; i++) {
    int32_t room = no_rooms[i];

    UNIT_EQ(room_temp(room), ROOM_NO_ROOM);
    UNIT_EQ(room_volt(room), ROOM_NO_ROOM);
    UNIT_EQ(room_sound(room), ROOM_NO_ROOM);
    UNIT_EQ(room_outdoor(room), ROOM_NO_ROOM);
    UNIT_EQ(room_heat(room, 1), -1);
    UNIT_EQ(room_reset(room), -1);
    UNIT_TRUE(room_comfort(room) == 0.0f, "room %d", room);
  }
}

/* What `reads` rounds with a heater pattern of its own leave of a room. */
static uint32_t digest(int32_t room, int reads)
{
  uint32_t hash = 0;
  int i;

  for (i = 0; i < reads; i++) {
    (void)room_heat(room, feed_value(room, i / 20, 0, 1));
    hash = feed__mix(hash, (uint32_t)room_temp(room));
    hash = feed__mix(hash, (uint32_t)room_volt(room));
    hash = feed__mix(hash, (uint32_t)room_sound(room));
  }
  return hash;
}

static void rooms_do_not_touch_each_other(void)
{
  uint32_t alone[ROOM_COUNT], between;
  int32_t r;

  for (r = 0; r < ROOM_COUNT; r++) {
    UNIT_EQ(room_reset(r), 0);
    alone[r] = digest(r, 100);
  }
  /* Once more, with every other room busy after each of its reads. */
  for (r = 0; r < ROOM_COUNT; r++)
    UNIT_EQ(room_reset(r), 0);
  for (r = 0; r < ROOM_COUNT; r += 2)
    (void)digest(r, 33);
  for (r = 1; r < ROOM_COUNT; r += 2) {
    (void)digest(r - 1, 7);
    between = digest(r, 100);
    UNIT_EQ(between, alone[r]);
  }
}

static void rooms_begin_alike(void)
{
  int32_t r;
  int i;

  for (r = 0; r < ROOM_COUNT; r++)
    UNIT_EQ(room_reset(r), 0);
  for (i = 0; i < 20; i++) {
    int32_t t = room_temp(0);

    for (r = 1; r < ROOM_COUNT; r++)
      UNIT_EQ(room_temp(r), t);
  }
}

struct job {
  pthread_t thread;
  int32_t room;
  int reads;
  uint32_t hash;
};

static void *work(void *user)
{
  struct job *job = user;

  job->hash = digest(job->room, job->reads);
  return NULL;
}

static void rooms_of_other_threads(void)
{
  enum { THREADS = 8 };
  struct job jobs[THREADS];
  int i, reads = (int)unit_scale(20000);

  for (i = 0; i < THREADS; i++) {
    (void)room_reset(i);
    jobs[i].room = i;
    jobs[i].reads = reads;
  }
  for (i = 0; i < THREADS; i++)
    if (!UNIT_EQ(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]), 0))
      abort();
  for (i = 0; i < THREADS; i++)
    UNIT_EQ(pthread_join(jobs[i].thread, NULL), 0);
  for (i = 0; i < THREADS; i++) {
    (void)room_reset(i);
    UNIT_EQ(jobs[i].hash, digest(i, reads));
  }
}

/* ---- inputs -------------------------------------------------------------- */

static void feed_stays_in_range(void)
{
  static const struct { int32_t lo, hi; } rows[] = {
    { 0, 0 }, { 0, 1 }, { -1, 1 }, { 0, 40 }, { 0, 100000 }, { 5, 5 },
    { INT32_MIN, INT32_MIN }, { INT32_MAX, INT32_MAX },
    { INT32_MIN, INT32_MAX }, { INT32_MIN, -1 }, { 0, INT32_MAX },
  };
  size_t i;
  int32_t task;

  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    for (task = -500; task < 500; task++) {
      int32_t v = feed_range(task, rows[i].lo, rows[i].hi);

      if (!UNIT_TRUE(v >= rows[i].lo && v <= rows[i].hi,
                     "%d..%d gave %d", rows[i].lo, rows[i].hi, v))
        return;
      UNIT_EQ(v, feed_range(task, rows[i].lo, rows[i].hi));
    }
  }
  /* A range the wrong way round is its first end, never a crash. */
  UNIT_EQ(feed_range(1, 9, 3), 9);
  UNIT_EQ(feed_range(1, INT32_MAX, INT32_MIN), INT32_MAX);
}

static void scale_reaches_both_ends(void)
{
  UNIT_EQ(feed__scale(0, -40, 40), -40);
  UNIT_EQ(feed__scale(UINT32_MAX, -40, 40), 40);
  UNIT_EQ(feed__scale(0, INT32_MIN, INT32_MAX), INT32_MIN);
  UNIT_EQ(feed__scale(UINT32_MAX, INT32_MIN, INT32_MAX), INT32_MAX);
  UNIT_EQ(feed__scale(0x80000000u, INT32_MIN, INT32_MAX), 0);
  UNIT_EQ(feed__scale(0x7FFFFFFFu, 0, 1), 0);
  UNIT_EQ(feed__scale(0x80000000u, 0, 1), 1);
}

/* Chi-square over the cells; `cells` - 1 degrees of freedom, so about `cells`
 * give or take a few times its root. */
static double chi_square(const unsigned *count, int cells, double expect)
{
  double chi = 0;
  int i;

  for (i = 0; i < cells; i++)
    chi += (count[i] - expect) * (count[i] - expect) / expect;
  return chi;
}

static void feed_is_evenly_spread(void)
{
  unsigned over_tasks[41] = { 0 }, bytes[256] = { 0 };
  int i;

  for (i = 0; i < 41 * 200; i++)
    over_tasks[feed_range(i, 0, 40)]++;
  UNIT_TRUE(chi_square(over_tasks, 41, 200) < 90, "tasks");
  for (i = 0; i < 256 * 100; i++)
    bytes[feed_mem(i / 20, i % 20)]++;
  UNIT_TRUE(chi_square(bytes, 256, 100) < 350, "bytes");
}

static void feed_inputs_are_unlike(void)
{
  int i, same_range = 0, same_index = 0, same_byte = 0;

  for (i = 0; i < 1000; i++) {
    same_range += feed_range(i, 0, 99) == feed_range(i, 1, 100);
    same_index += feed_value(i, 1, 0, 99) == feed_value(i, 2, 0, 99);
    same_byte += feed_mem(i, 0) == feed_mem(i, 1);
    UNIT_EQ(feed_range(i, 0, 99), feed_value(i, 0, 0, 99));
  }
  UNIT_TRUE(same_range < 40, "%d", same_range);
  UNIT_TRUE(same_index < 40, "%d", same_index);
  UNIT_TRUE(same_byte < 20, "%d", same_byte);
}

/* ---- frozen values, and the shared object -------------------------------- */

static void first_reads_are_frozen(void)
{
  static const int32_t temps[] = { 178, 177, 175, 174, 172, 171, 169, 168 };
  static const int32_t volts[] = { 12614, 12597, 12635, 12594 };
  static const int32_t sounds[] = { 201, 251, 884, 181, 249, 115, 121, 572 };
  static const int32_t tasks[] = { 69026, 3697,  69880, 51757,
                                   17904, 86359, 21483, 63184 };
  size_t i;

  UNIT_EQ(room_reset(1), 0);
  for (i = 0; i < sizeof temps / sizeof temps[0]; i++)
    UNIT_EQ(room_temp(1), temps[i]);
  for (i = 0; i < sizeof volts / sizeof volts[0]; i++)
    UNIT_EQ(room_volt(1), volts[i]);
  for (i = 0; i < sizeof sounds / sizeof sounds[0]; i++)
    UNIT_EQ(room_sound(1), sounds[i]);
  for (i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
    UNIT_EQ(feed_range((int32_t)i, 0, 100000), tasks[i]);
}

static void shared_object_has_the_natives(void)
{
  static const char *const names[] = {
    "room_temp", "room_volt", "room_sound", "room_outdoor", "room_heat",
    "room_model", "room_comfort", "room_reset", "feed_range", "feed_value",
    "feed_mem",
  };
  static const char *const hidden[] = {
    "room__day", "room__tenths", "feed__mix", "feed__scale",
  };
  int32_t (*temp)(int32_t), (*reset)(int32_t);
  void *so = dlopen(unit_built("lib/flux/libroom.so"), RTLD_NOW | RTLD_LOCAL);
  size_t i;

  if (!so) {
    unit_skip("%s", dlerror());
    return;
  }
  for (i = 0; i < sizeof names / sizeof names[0]; i++)
    UNIT_TRUE(dlsym(so, names[i]) != NULL, "%s is missing", names[i]);
  for (i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
    UNIT_TRUE(dlsym(so, hidden[i]) == NULL, "%s is shown", hidden[i]);
  /* C has no cast from data to function pointer; POSIX says copy. */
  *(void **)&temp = dlsym(so, "room_temp");
  *(void **)&reset = dlsym(so, "room_reset");
  UNIT_EQ(reset(1), 0);
  UNIT_EQ(temp(1), 178);
  UNIT_EQ(dlclose(so), 0);
}

static const struct unit_test tests[] = {
  { "day", "plausible", day_is_plausible },
  { "day", "follows_reads", outdoor_follows_reads },
  { "model", "tenths", tenths_round_half_up },
  { "model", "formula", temp_is_the_formula },
  { "model", "physics", temp_is_near_physics },
  { "model", "prediction", model_predicts_one_step },
  { "model", "range", heated_and_unheated_stay_in_range },
  { "model", "thermostat", thermostat_holds_the_room },
  { "score", "mean", comfort_is_a_mean },
  { "score", "control", comfort_rewards_control },
  { "score", "reset", reset_forgets_everything },
  { "instruments", "heater", heater_takes_any_int },
  { "instruments", "volts", volts_stay_in_range },
  { "instruments", "sound", sound_is_murmur_and_noise },
  { "rooms", "unknown", unknown_rooms_are_refused },
  { "rooms", "apart", rooms_do_not_touch_each_other },
  { "rooms", "alike", rooms_begin_alike },
  { "rooms", "threads", rooms_of_other_threads },
  { "feed", "range", feed_stays_in_range },
  { "feed", "scale", scale_reaches_both_ends },
  { "feed", "spread", feed_is_evenly_spread },
  { "feed", "unlike", feed_inputs_are_unlike },
  { "frozen", "reads", first_reads_are_frozen },
  { "frozen", "shared_object", shared_object_has_the_natives },
};

UNIT_MAIN(tests)
