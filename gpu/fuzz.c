/*
 * gpu/fuzz.c - a variant against states nobody recorded.
 *
 * What the root does on a state is worked out once and kept for all variants;
 * begin states are not kept but made again, which is cheaper than memory.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial_impl.h"

enum {
  FUEL_FLOOR = 10000,     /* a fuzz state's fuel at least, */
  FUEL_FACTOR = 4,        /* and times the longest recorded task */
  NUMBERS_FACTOR = 5,     /* numbers tried for each state counted so far, */
  NUMBERS_FLOOR = 1000,   /* and some more */
  CACHE_STATES = 1 << 20, /* kept at most, */
  CACHE_EVENTS = 1 << 22, /* with events at most, */
  CACHE_BYTES = 1 << 28   /* and packed in at most so much */
};

static uint64_t fuzz_fuel(const struct ftrial_set *set) {
  uint64_t fuel = set->longest * FUEL_FACTOR;

  if (fuel < FUEL_FLOOR)
    fuel = FUEL_FLOOR;
  return fuel < set->max_fuel ? fuel : set->max_fuel;
}

int ftrial_fuzz_state_on(const struct ftrial_set *set, struct fir_lane *lane,
                         uint64_t seed, uint64_t n, struct fisa_state *s,
                         struct fisa_trace *trace) {
  struct ftrial_making m = ftrial__making(set, seed, n);
  const struct fir_io io = {ftrial__made_input, NULL, &m};
  const struct fir_limits limits = {fuzz_fuel(set), true};
  struct fisa_state *run = fir_lane_state(lane, set->root->dialect);

  assert(s && trace);
  trace->count = 0;
  m.in = trace;
  ftrial__fuzz_begin(set, seed, n, s);
  if (!run)
    return -1;
  fisa_state_copy(run, s);
  fir_run(set->ir, lane, run, &io, limits);
  return m.no_memory ? -1 : 0;
}

int ftrial_fuzz_state(const struct ftrial_set *set, uint64_t seed, uint64_t n,
                      struct fisa_state *s, struct fisa_trace *trace) {
  struct fir_lane *lane = fir_lane_new();
  int rc = lane ? ftrial_fuzz_state_on(set, lane, seed, n, s, trace) : -1;

  fir_lane_free(lane);
  return rc;
}

void ftrial_set_tell(struct ftrial_set *set, const int32_t *values,
                     uint32_t count) {
  uint32_t n = count < FTRIAL_TOLD ? count : FTRIAL_TOLD;

  assert(values || count == 0);
  if (n == set->told_count &&
      (n == 0 || memcmp(set->told, values, n * sizeof(*values)) == 0))
    return;
  if (n > 0)
    memcpy(set->told, values, n * sizeof(*values));
  set->told_count = n;
  ftrial__cache_drop(&set->cache);
}

/* ---- what the root does ------------------------------------------------- */

/* A fuzz state under work: its events, and what came of it. */
struct fuzz_case {
  struct ftrial_fuzzed fuzzed;
  struct fisa_trace in, out;
  struct fisa_state *begin; /* a lane's; its end is the work state of it */
};

/* Whether somebody wants no more of it. */
static bool stopped(const struct ftrial_set *set) {
  if (set->stop && atomic_load_explicit(set->stop, memory_order_relaxed))
    return true;
  return set->ask && set->ask(set->ask_user);
}

/* Finds the next state from number on that the root brings to an end.
 * Returns 0, 1 if there is none below limit, 2 if stopped, -1 (memory). */
static int next_case(struct ftrial_set *set, uint64_t seed, uint64_t number,
                     uint64_t limit, struct fuzz_case *c) {
  struct fisa_state *s = fir_lane_state(set->lane, set->root->dialect);

  c->begin = s ? fir_lane_other(set->lane) : NULL;
  for (; c->begin && number < limit; number++) {
    struct ftrial_making m = ftrial__making(set, seed, number);
    const struct fir_io io = {ftrial__made_input, ftrial__made_output, &m};
    int rc;

    if (stopped(set))
      return 2;
    c->in.count = c->out.count = 0;
    m.in = &c->in;
    m.out = &c->out;
    ftrial__fuzz_begin(set, seed, number, s);
    fisa_state_copy(c->begin, s);
    c->fuzzed.number = number;
    rc = ftrial__expect(set, s, &io, fuzz_fuel(set), &c->fuzzed.expect,
                        &c->fuzzed.view);
    if (rc < 0 || m.no_memory)
      return -1;
    c->fuzzed.in_count = c->fuzzed.expect.inputs_used = c->in.count;
    c->fuzzed.out_count = c->out.count;
    if (rc == 0)
      return 0;
  }
  return c->begin ? 1 : -1;
}

/* Packs a state that is about to be kept. */
static bool cache_pack(struct ftrial_set *set, const struct fuzz_case *c) {
  const struct ftrial_want want = {c->in.events,   c->out.events,
                                   c->in.count,    c->out.count,
                                   &c->fuzzed.expect, c->fuzzed.view};
  struct fpk_episode e =
      ftrial__episode(&want, c->begin, set->lane->work, false);

  return set->narrow ||
         (set->cache.packs.bytes < CACHE_BYTES &&
          ftrial__packs_add(&set->cache.packs, set->root->dialect, &e) == 0);
}

/* Keeps a state; false: there is no room, it is to be made again each time. */
static bool cache_keep(struct ftrial_set *set, const struct fuzz_case *c) {
  struct ftrial_cache *cache = &set->cache;
  struct ftrial_fuzzed *states = cache->states;
  uint32_t before = cache->events.count;

  assert(cache->valid);
  if (cache->count >= CACHE_STATES ||
      before + c->in.count + c->out.count > CACHE_EVENTS)
    return false;
  if (cache->count == cache->capacity) {
    uint32_t capacity = cache->capacity ? cache->capacity * 2 : 256;
    states = realloc(states, capacity * sizeof(*states));
    if (!states)
      return false;
    cache->states = states;
    cache->capacity = capacity;
  }
  for (uint32_t i = 0; i < c->in.count + c->out.count; i++) {
    const struct fisa_event *e =
        i < c->in.count ? &c->in.events[i] : &c->out.events[i - c->in.count];
    if (fisa_trace_add(&cache->events, e)) {
      cache->events.count = before;
      return false;
    }
  }
  if (!cache_pack(set, c)) {
    cache->events.count = before;
    return false;
  }
  states[cache->count] = c->fuzzed;
  states[cache->count++].first_event = before;
  return true;
}

/* ---- fuzzing ------------------------------------------------------------ */

/* A fuzzing of one variant. */
struct fuzzing {
  struct ftrial_set *set;
  const struct fir_program *variant;
  const struct ftrial_pc_map *map;
  struct fir_lane *lane;
  uint64_t seed;
  uint64_t number; /* the next state's */
  bool caching;
  struct fuzz_case scratch;
};

/* State i with its events; NULL: none, see *rc. */
static const struct ftrial_fuzzed *state_at(struct fuzzing *z, uint32_t i,
                                            struct ftrial_want *want, int *rc) {
  struct ftrial_cache *cache = &z->set->cache;
  const struct ftrial_fuzzed *f = &z->scratch.fuzzed;

  assert(!z->caching || i <= cache->count);
  *rc = 0;
  if (i >= cache->count || !z->caching) {
    *rc = next_case(z->set, z->seed, z->number,
                    NUMBERS_FLOOR + NUMBERS_FACTOR * (uint64_t)i, &z->scratch);
    if (*rc)
      return NULL;
    z->caching = z->caching && cache_keep(z->set, &z->scratch);
  }
  if (z->caching) {
    f = &cache->states[i];
    want->in = cache->events.events + f->first_event;
    want->out = want->in + f->in_count;
  } else {
    want->in = z->scratch.in.events;
    want->out = z->scratch.out.events;
  }
  z->number = f->number + 1;
  want->in_count = f->in_count;
  want->out_count = f->out_count;
  want->expect = &f->expect;
  want->view = f->view;
  return f;
}

/* Keeps the state on which the variant was wrong, and tries it once more as
 * an episode, for what there is to say of it. */
static void keep_counter(struct fuzzing *z, const struct ftrial_fuzzed *f,
                         const struct ftrial_want *want,
                         struct ftrial_result *result) {
  struct fisa_state *begin = fisa_state_new(z->set->root->dialect);
  struct ftrial_result again;
  struct ftrial_episode e = {.origin = FTRIAL_COUNTER,
                             .begin = begin,
                             .events = want->in,
                             .event_count = want->in_count,
                             .confidence = 1};

  if (!begin)
    return;
  assert(f->in_count == want->in_count);
  ftrial__fuzz_begin(z->set, z->seed, f->number, begin);
  if (ftrial_set_add(z->set, &e) == FTRIAL_ADDED) {
    result->episode = z->set->counters - 1;
    again = ftrial_run(z->set, z->variant, z->map, z->lane, result->episode, 1,
                       UINT64_MAX);
    memcpy(result->what, again.what, sizeof(result->what));
  }
  fisa_state_free(begin);
}

/* Whether all states are one: nothing is declared or taken from outside. */
static bool never_varies(const struct ftrial_set *set,
                         const struct ftrial_fuzzed *f) {
  return set->root->manifest.in_count == 0 && !set->continues &&
         f->in_count == 0;
}

/* Why there is no state to go on with. */
static void give_up(struct ftrial_result *result, int why) {
  const char *text = "the root has no result on most states";

  assert(why != 0);
  if (why == 2)
    text = "stopped";
  else if (why < 0)
    text = "out of memory";
  result->verdict = FTRIAL_INCONCLUSIVE;
  snprintf(result->what, sizeof(result->what), "%s", text);
}

/* Tries state i alone; whether to go on. */
static bool fuzz_one(struct fuzzing *z, uint32_t i,
                     struct ftrial_result *result) {
  struct fisa_state *s = z->lane->work;
  const struct ftrial_fuzzed *f = NULL;
  struct ftrial_want want;
  struct ftrial_one one;
  int rc = 2;

  if (!stopped(z->set))
    f = state_at(z, i, &want, &rc);
  if (!f) {
    give_up(result, rc);
    return false;
  }
  ftrial__fuzz_begin(z->set, z->seed, f->number, s);
  one = ftrial__try(z->variant, z->map, z->lane, s, &want,
                    ftrial__fuel(&f->expect), result->what);
  result->verdict = one.verdict;
  if (one.verdict == FTRIAL_WRONG)
    keep_counter(z, f, &want, result);
  if (one.verdict != FTRIAL_SAME)
    return false;
  result->instructions += one.instructions;
  result->tried++;
  return true;
}

/* Sees to it that states up to `end` are kept; false: they are not, see *rc,
 * which is 0 where there is no more room. */
static bool keep_states(struct fuzzing *z, uint32_t end, int *rc) {
  const struct ftrial_cache *cache = &z->set->cache;
  struct ftrial_want want;

  *rc = 0;
  if (cache->count > 0)
    z->number = cache->states[cache->count - 1].number + 1;
  for (uint32_t i = cache->count; i < end && z->caching; i++)
    if (!state_at(z, i, &want, rc))
      return false;
  return z->caching;
}

/* Where a batch begins that is laid by length: behind what is tried first. */
static uint32_t laid_from(uint32_t batch) {
  return batch == 0 ? FTRIAL_FIRST : 0;
}

/* Lays a batch that is full. Only its lanes are: the states stay in the order
 * of their numbers, and so does what is said of them. */
static void lay_batch(struct ftrial_cache *cache) {
  uint32_t first = laid_from(cache->laid), count = FPK_WIDTH - first;
  const struct ftrial_fuzzed *f =
      cache->states + cache->laid * FPK_WIDTH + first;
  struct ftrial_length length[FPK_WIDTH];
  uint32_t from[FPK_WIDTH];

  assert(cache->count >= (cache->laid + 1) * FPK_WIDTH);
  for (uint32_t i = 0; i < count; i++)
    length[i].instructions = f[i].expect.instructions;
  ftrial__by_length(length, count, from);
  fpk_batch_lay(cache->packs.batch[cache->laid++], first, count, from);
}

/* Which of states i..i+count-1 is wrong first, of which some lane is. */
static void find_wrong(struct fuzzing *z, uint32_t i, uint32_t count,
                       struct ftrial_result *result) {
  for (uint32_t end = i + count; i < end; i++)
    if (!fuzz_one(z, i, result))
      return;
  /* A device may be broken; nobody's host ends for that. */
  result->verdict = FTRIAL_INCONCLUSIVE;
  snprintf(result->what, sizeof(result->what), "the engines do not agree");
}

/*
 * Tries states i..i+count-1, which lie in one batch, side by side. Returns 1:
 * they are good; 0: it is over; -1: the ir engine has to.
 */
static int fuzz_many(struct fuzzing *z, uint32_t i, uint32_t count,
                     struct ftrial_result *result) {
  struct ftrial_cache *cache = &z->set->cache;
  struct ftrial_part part = {NULL, i % FPK_WIDTH, count};
  uint32_t batch = i / FPK_WIDTH;
  struct fpk_verdict v;
  bool laid;
  int rc;

  assert(i % FPK_WIDTH + count <= FPK_WIDTH);
  if (stopped(z->set)) {
    give_up(result, 2);
    return 0;
  }
  if (!keep_states(z, i + count, &rc)) {
    if (rc == 0)
      return -1;
    give_up(result, rc);
    return 0;
  }
  if (batch == cache->laid && cache->count >= (batch + 1) * FPK_WIDTH)
    lay_batch(cache);
  laid = batch < cache->laid && part.first >= laid_from(batch);
  if (laid && part.first + count < FPK_WIDTH)
    return -1; /* some of these lanes, who knows which */
  part.batch = cache->packs.batch[batch];
  if (ftrial__wide_run(z->set, z->map, z->lane, part, UINT64_MAX, &v))
    return -1;
  if (!v.wrong || !laid) {
    result->tried += v.good;
    result->instructions += v.instructions;
  }
  if (!v.wrong)
    return 1;
  if (laid)
    find_wrong(z, i, count, result);
  else
    find_wrong(z, i + v.good, 1, result);
  return 0;
}

/* How many states from i on to try at once: few before many, never beyond a
 * batch. */
static uint32_t states_at_once(uint32_t i, uint32_t states) {
  uint32_t n = FPK_WIDTH - i % FPK_WIDTH;

  if (i < FTRIAL_FIRST)
    n = FTRIAL_FIRST - i;
  return n < states - i ? n : states - i;
}

static void fuzz_states(struct fuzzing *z, uint32_t states,
                        struct ftrial_result *result) {
  bool wide = ftrial__wide_begin(z->set, z->variant, z->lane) == 0;
  int rc;

  for (uint32_t i = 0; i < states;) {
    uint32_t n = states_at_once(i, states);

    rc = wide ? fuzz_many(z, i, n, result) : -1;
    if (rc == 0)
      return;
    for (uint32_t k = i; rc < 0 && k < i + n; k++)
      if (!fuzz_one(z, k, result))
        return;
    i += n;
  }
}

/* How many states there are to try: one where it stands for all, which the
 * first tells; 0: none, and result says why. */
static uint32_t states_there_are(struct fuzzing *z, uint32_t states,
                                 struct ftrial_result *result) {
  const struct ftrial_fuzzed *f = NULL;
  struct ftrial_want want;
  int rc = 2;

  if (states > 0 && !stopped(z->set))
    f = state_at(z, 0, &want, &rc);
  if (!f) {
    if (states > 0)
      give_up(result, rc);
    return 0;
  }
  z->number = f->number; /* it is yet to be tried */
  return never_varies(z->set, f) ? 1 : states;
}

struct ftrial_result ftrial_fuzz(struct ftrial_set *set,
                                 const struct fir_program *variant,
                                 const struct ftrial_pc_map *map,
                                 struct fir_lane *lane, uint64_t seed,
                                 uint32_t states) {
  struct ftrial_result result = {.verdict = FTRIAL_SAME};
  struct fuzzing z = {.set = set,
                      .variant = variant,
                      .map = map,
                      .lane = lane,
                      .seed = seed,
                      .caching = true};
  uint32_t there;

  assert(set && lane);
  if (!ftrial__ready(set, variant, lane, &result))
    return result;
  if (!set->cache.valid || set->cache.seed != seed) {
    ftrial__cache_drop(&set->cache);
    set->cache.valid = true;
    set->cache.seed = seed;
  }
  there = states_there_are(&z, states, &result);
  fuzz_states(&z, there, &result);
  if (there == 1 && result.tried == 1)
    result.tried = states;
  fisa_trace_done(&z.scratch.in);
  fisa_trace_done(&z.scratch.out);
  return result;
}
