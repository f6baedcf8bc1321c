/*
 * gpu/fuzz.c - states nobody recorded.
 *
 * State number n is a pure function of the seed, n, the manifest and the
 * recorded episodes, so a counterexample can be made again anywhere. Values
 * are biased towards where programs break: the ends of ranges, powers of two
 * and their neighbours, small numbers, values seen live, equal neighbours.
 *
 * What the root does on a state is worked out once and kept for all variants;
 * begin states are not kept but made again, which is cheaper than memory.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "gpu/trial_impl.h"

enum {
  STREAM_STATE = 1, /* streams of ftrial_random */
  STREAM_INPUT = 2,
  FUEL_FLOOR = 10000,     /* a fuzz state's fuel at least, */
  FUEL_FACTOR = 4,        /* and times the longest recorded task */
  NUMBERS_FACTOR = 5,     /* numbers tried for each state counted, */
  NUMBERS_FLOOR = 1000,   /* and some more */
  CACHE_STATES = 1 << 20, /* kept at most, */
  CACHE_EVENTS = 1 << 22  /* with events at most */
};

/* ---- values ------------------------------------------------------------- */

/* A fast stream, begun by one counter-based draw. */
struct stream {
  uint64_t state;
};

static struct stream stream_at(uint64_t seed, uint64_t n, unsigned which) {
  return (struct stream){ftrial_random(seed, n, which, 0)};
}

static uint64_t draw(struct stream *r) {
  uint64_t v = r->state += UINT64_C(0x9E3779B97F4A7C15);

  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return v ^ v >> 31;
}

/* 0..n-1 */
static uint32_t below(struct stream *r, uint32_t n) {
  assert(n > 0);
  return (uint32_t)((draw(r) >> 32) * n >> 32);
}

static int32_t power_of_two(struct stream *r) {
  uint32_t v = (uint32_t)1 << below(r, 32);

  v += below(r, 3);
  v -= 1;
  return fsem_wrap(below(r, 2) ? v : 0u - v);
}

/* Any int32, mostly a telling one. */
static int32_t telling(struct stream *r) {
  static const int32_t edges[] = {0,
                                  1,
                                  -1,
                                  2,
                                  -2,
                                  INT32_MIN,
                                  INT32_MAX,
                                  INT32_MIN + 1,
                                  INT32_MAX - 1,
                                  10,
                                  100,
                                  1000,
                                  255,
                                  256,
                                  -128,
                                  127,
                                  128,
                                  32767,
                                  -32768,
                                  32768,
                                  65535};

  switch (below(r, 8)) {
  case 0:
  case 1:
    return edges[below(r, sizeof(edges) / sizeof(edges[0]))];
  case 2:
    return power_of_two(r);
  case 3:
  case 4:
    return (int32_t)below(r, 273) - 16;
  case 5:
    return (int32_t)below(r, 101);
  case 6:
    return fsem_wrap((uint32_t)draw(r) >> below(r, 32));
  default:
    return fsem_wrap((uint32_t)draw(r));
  }
}

/* Within lo..hi, its ends more often than the rest. */
static int32_t within(struct stream *r, int32_t lo, int32_t hi) {
  uint64_t span = (uint64_t)((int64_t)hi - lo) + 1;
  int64_t v;

  switch (below(r, 8)) {
  case 0:
    return below(r, 2) ? lo : hi;
  case 1:
    v = below(r, 2) ? (int64_t)lo + 1 : (int64_t)hi - 1;
    break;
  case 2:
    v = lo + (int64_t)(draw(r) % span);
    break;
  default:
    v = telling(r);
    break;
  }
  if (v < lo || v > hi)
    v = lo + (int64_t)((uint64_t)(v - INT32_MIN) % span);
  return (int32_t)v;
}

static int32_t telling_float(struct stream *r) {
  static const uint32_t edges[] = {
      0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000,
      0x7FC00000, 0x00000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x4F000000,
      0xCF000000, 0x4EFFFFFF, 0x4B800000, 0x3F000000, 0x3EFFFFFF, 0x3F800001};

  switch (below(r, 4)) {
  case 0:
    return fsem_wrap(edges[below(r, sizeof(edges) / sizeof(edges[0]))]);
  case 1:
    return fsem_bits((float)((int32_t)below(r, 2001) - 1000) / 8.0f);
  case 2:
    return fsem_bits((float)telling(r));
  default:
    return fsem_canon(fsem_wrap((uint32_t)draw(r)));
  }
}

static const struct fisa_file *file_of(const struct fisa_dialect *d,
                                       uint32_t cell) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (cell >= d->files[f].first &&
        cell - d->files[f].first < d->files[f].count)
      return &d->files[f];
  return NULL;
}

/* What a cell held in a recorded begin. */
static int32_t recorded_value(const struct ftrial_set *set, struct stream *r,
                              uint32_t cell) {
  const struct ftrial_stored *e = set->recorded[below(r, set->recorded_count)];

  for (uint32_t i = 0; i < e->cell_count; i++)
    if (e->cells[i] == cell)
      return e->values[i];
  return set->initial->cells[cell];
}

/* A new value for a cell that holds `old`. */
static int32_t cell_value(const struct ftrial_set *set, struct stream *r,
                          const struct fisa_cells *range, uint32_t cell,
                          int32_t old) {
  const struct fisa_file *file = file_of(set->root->dialect, cell);
  int32_t v;

  if (file && file->kind == FISA_FILE_FLAG)
    return (int32_t)below(r, 2);
  if (file && file->type == FISA_F32)
    return telling_float(r);
  switch (below(r, 8)) {
  case 0:
    if (set->recorded_count == 0)
      break;
    v = recorded_value(set, r, cell);
    if (v >= range->lo && v <= range->hi)
      return v;
    break;
  case 1:
    v = fsem_add(old, (int32_t)below(r, 17) - 8);
    if (v >= range->lo && v <= range->hi)
      return v;
    break;
  default:
    break;
  }
  return within(r, range->lo, range->hi);
}

/* ---- begins ------------------------------------------------------------- */

static void put_byte(struct fisa_state *s, uint32_t at, int32_t v) {
  at &= s->mem_size - 1;
  s->mem[at] = (uint8_t)v;
  s->dirty[at / FISA_PAGE / 64] |= UINT64_C(1) << at / FISA_PAGE % 64;
}

/* A run of input bytes: all alike, sparse, small, or anything. */
static void fuzz_memory(struct stream *r, const struct fisa_cells *in,
                        struct fisa_state *s) {
  uint32_t how = below(r, 5);
  int32_t same = (int32_t)below(r, 256);
  int32_t lo = in->lo > 0 && in->lo < 256 ? in->lo : 0;
  int32_t hi = in->hi >= lo && in->hi < 256 ? in->hi : 255;

  if (s->mem_size == 0)
    return;
  for (uint32_t i = 0; i < in->count; i++) {
    int32_t v = 0;
    switch (how) {
    case 0:
      v = same;
      break;
    case 1:
      v = below(r, 8) ? 0 : (int32_t)below(r, 256);
      break;
    case 2:
      v = (int32_t)below(r, 4);
      break;
    default:
      v = (int32_t)below(r, 256);
      break;
    }
    if (v < lo || v > hi)
      v = lo + v % (hi - lo + 1);
    put_byte(s, in->first + i, v);
  }
}

/* Pushes input cells; a state made by the manifest starts without any. */
static void fuzz_stack(const struct ftrial_set *set, struct stream *r,
                       const struct fisa_cells *in, struct fisa_state *s) {
  const struct fisa_dialect *d = set->root->dialect;
  const struct fisa_file *stack;
  uint32_t n = in->count;

  if (d->stack_file >= d->file_count)
    return;
  stack = &d->files[d->stack_file];
  n = n < stack->count ? n : stack->count;
  s->cells[d->sp_cell] = (int32_t)(stack->down ? stack->count - n : n);
  for (uint32_t i = 0; i < n; i++)
    *fisa_stack_cell(d, s, i) = within(r, in->lo, in->hi);
}

static void fuzz_manifest(const struct ftrial_set *set, struct stream *r,
                          struct fisa_state *s) {
  const struct fisa_manifest *m = &set->root->manifest;
  int32_t last = 0;

  ftrial__load(set, set->start, s);
  for (uint32_t i = 0; i < m->in_count; i++) {
    const struct fisa_cells *in = &m->in[i];
    if (in->kind == FISA_CELLS_MEM)
      fuzz_memory(r, in, s);
    else if (in->kind == FISA_CELLS_STACK)
      fuzz_stack(set, r, in, s);
    for (uint32_t k = 0; in->kind == FISA_CELLS_FILE && k < in->count; k++) {
      uint32_t cell = in->first + k;
      int32_t v = cell_value(set, r, in, cell, s->cells[cell]);
      /* Equal inputs are rare by chance, and what comparisons are about. */
      if (below(r, 8) == 0 && last >= in->lo && last <= in->hi)
        v = last;
      s->cells[cell] = last = v;
    }
  }
}

/* Cells that may be perturbed: live, and not the bookkeeping of the machine. */
static uint32_t live_cells(const struct ftrial_set *set, uint32_t pc,
                           uint16_t *out) {
  const struct fisa_dialect *d = set->root->dialect;
  const struct fisa_facts *f = set->facts;
  const struct fisa_set *live;
  uint32_t n = 0;

  if (pc > set->root->size || f->index[pc] >= f->count)
    return 0;
  live = &f->live_in[f->index[pc]];
  for (uint32_t cell = 0; cell < FISA_SET_WORDS * 64u; cell++) {
    const struct fisa_file *file;
    if (!(live->w[cell / 64] >> cell % 64 & 1) || cell == d->sp_cell)
      continue;
    file = file_of(d, cell);
    if (file && file->kind != FISA_FILE_STACK && !file->tick)
      out[n++] = (uint16_t)cell;
  }
  return n;
}

/* The declared range of a cell that is an input too, or any value. */
static struct fisa_cells range_of(const struct ftrial_set *set, uint32_t cell) {
  const struct fisa_manifest *m = &set->root->manifest;
  struct fisa_cells any = {.lo = INT32_MIN, .hi = INT32_MAX};

  for (uint32_t i = 0; i < m->in_count; i++)
    if (m->in[i].kind == FISA_CELLS_FILE && cell >= m->in[i].first &&
        cell - m->in[i].first < m->in[i].count)
      return m->in[i];
  return any;
}

/* A byte or two of what the task found in memory. */
static void perturb_memory(struct stream *r, const struct ftrial_stored *e,
                           struct fisa_state *s) {
  for (uint32_t n = 1 + below(r, 2); e->page_count > 0 && n > 0; n--) {
    uint32_t page = e->pages[below(r, e->page_count)];
    put_byte(s, page * FISA_PAGE + below(r, FISA_PAGE), (int32_t)below(r, 256));
  }
}

static void fuzz_boundary(const struct ftrial_set *set, struct stream *r,
                          struct fisa_state *s) {
  const struct ftrial_stored *e = set->recorded[below(r, set->recorded_count)];
  uint16_t cells[FISA_SET_WORDS * 64];
  uint32_t live, n;

  ftrial__load(set, e, s);
  live = live_cells(set, e->pc, cells);
  n = live ? 1 + below(r, live < 6 ? live : 6) : 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t cell = cells[below(r, live)];
    struct fisa_cells range = range_of(set, cell);
    s->cells[cell] = cell_value(set, r, &range, cell, s->cells[cell]);
  }
  if (below(r, 4) == 0)
    perturb_memory(r, e, s);
}

static void fuzz_begin(const struct ftrial_set *set, uint64_t seed, uint64_t n,
                       struct fisa_state *s) {
  struct stream r = stream_at(seed, n, STREAM_STATE);

  /* The declared begin happens once to an agent that continues. */
  if (set->continues && below(&r, 8) != 0)
    fuzz_boundary(set, &r, s);
  else
    fuzz_manifest(set, &r, s);
}

/* ---- outside values ----------------------------------------------------- */

/* Makes up inputs and notes them, and outputs, as they come. */
struct making {
  const struct ftrial_set *set;
  struct stream r;
  uint32_t how;
  struct fisa_trace *in, *out;
  bool no_memory;
};

static int32_t made_value(struct making *m, uint16_t source) {
  const struct ftrial_seen *seen = &m->set->seen[source];

  if (seen->count > 0 && below(&m->r, 4) >= m->how)
    return seen->values[below(&m->r, seen->count)];
  if (m->how == 0)
    return (int32_t)below(&m->r, 101);
  return within(&m->r, INT32_MIN, INT32_MAX);
}

static int made_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};
  struct making *m = user;

  assert(argc <= FISA_MAX_ARGS);
  memcpy(e.arg, arg, argc * sizeof(*arg));
  *value = e.value = made_value(m, source);
  m->no_memory = fisa_trace_add(m->in, &e) != 0;
  return m->no_memory;
}

static int made_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  struct making *m = user;

  assert(argc <= FISA_MAX_ARGS);
  memcpy(e.arg, arg, argc * sizeof(*arg));
  m->no_memory = fisa_trace_add(m->out, &e) != 0;
  return m->no_memory;
}

static struct making making_at(const struct ftrial_set *set, uint64_t seed,
                               uint64_t n) {
  struct making m = {.set = set, .r = stream_at(seed, n, STREAM_INPUT)};

  m.how = below(&m.r, 4);
  return m;
}

static uint64_t fuzz_fuel(const struct ftrial_set *set) {
  uint64_t fuel = set->longest * FUEL_FACTOR;

  if (fuel < FUEL_FLOOR)
    fuel = FUEL_FLOOR;
  return fuel < set->max_fuel ? fuel : set->max_fuel;
}

int ftrial_fuzz_state(const struct ftrial_set *set, uint64_t seed, uint64_t n,
                      struct fisa_state *s, struct fisa_trace *trace) {
  struct making m = making_at(set, seed, n);
  const struct fir_io io = {made_input, NULL, &m};
  const struct fir_limits limits = {fuzz_fuel(set), true};
  struct fir_lane *lane = fir_lane_new();
  struct fisa_state *run;
  int rc = -1;

  assert(s && trace);
  trace->count = 0;
  m.in = trace;
  fuzz_begin(set, seed, n, s);
  run = lane ? fir_lane_state(lane, set->root->dialect) : NULL;
  if (run) {
    fisa_state_copy(run, s);
    fir_run(set->ir, lane, run, &io, limits);
    rc = m.no_memory ? -1 : 0;
  }
  fir_lane_free(lane);
  return rc;
}

/* ---- what the root does ------------------------------------------------- */

/* A fuzz state under work: its events, and what came of it. */
struct fuzz_case {
  struct ftrial_fuzzed fuzzed;
  struct fisa_trace in, out;
};

/* Finds the next state from number on that the root brings to an end.
 * Returns 0, 1 if there is none below limit, -1 (memory). */
static int next_case(struct ftrial_set *set, uint64_t seed, uint64_t number,
                     uint64_t limit, struct fuzz_case *c) {
  struct fisa_state *s = fir_lane_state(set->lane, set->root->dialect);

  for (; s && number < limit; number++) {
    struct making m = making_at(set, seed, number);
    const struct fir_io io = {made_input, made_output, &m};
    int rc;

    c->in.count = c->out.count = 0;
    m.in = &c->in;
    m.out = &c->out;
    fuzz_begin(set, seed, number, s);
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
  return s ? 1 : -1;
}

/* Keeps a state; false: there is no room, it is to be made again each time. */
static bool cache_keep(struct ftrial_cache *cache, const struct fuzz_case *c) {
  struct ftrial_fuzzed *states = cache->states;
  uint32_t before = cache->events.count;

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
  uint64_t limit;  /* and where it gives up */
  bool caching;
  struct fuzz_case scratch;
};

/* State i with its events; NULL: none, see *rc. */
static const struct ftrial_fuzzed *state_at(struct fuzzing *z, uint32_t i,
                                            struct ftrial_want *want, int *rc) {
  struct ftrial_cache *cache = &z->set->cache;
  const struct ftrial_fuzzed *f = &z->scratch.fuzzed;

  *rc = 0;
  if (i >= cache->count || !z->caching) {
    *rc = next_case(z->set, z->seed, z->number, z->limit, &z->scratch);
    if (*rc)
      return NULL;
    z->caching = z->caching && cache_keep(cache, &z->scratch);
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
  fuzz_begin(z->set, z->seed, f->number, begin);
  if (ftrial_set_add(z->set, &e) == FTRIAL_ADDED) {
    result->episode = z->set->counters - 1;
    again = ftrial_run(z->set, z->variant, z->map, z->lane, result->episode, 1,
                       UINT64_MAX);
    memcpy(result->what, again.what, sizeof(result->what));
  }
  fisa_state_free(begin);
}

static void fuzz_states(struct fuzzing *z, uint32_t states,
                        struct ftrial_result *result) {
  struct fisa_state *s = z->lane->work;
  struct ftrial_want want;
  struct ftrial_one one;
  int rc;

  for (uint32_t i = 0; i < states; i++) {
    const struct ftrial_fuzzed *f = state_at(z, i, &want, &rc);
    if (!f) {
      result->verdict = FTRIAL_INCONCLUSIVE;
      snprintf(result->what, sizeof(result->what), "%s",
               rc < 0 ? "out of memory"
                      : "the root has no result on most states");
      return;
    }
    fuzz_begin(z->set, z->seed, f->number, s);
    one = ftrial__try(z->variant, z->map, z->lane, s, &want,
                      ftrial__fuel(&f->expect), result->what);
    result->instructions += one.instructions;
    result->verdict = one.verdict;
    if (one.verdict == FTRIAL_WRONG) {
      keep_counter(z, f, &want, result);
      return;
    }
    if (one.verdict != FTRIAL_SAME)
      return;
    result->tried++;
  }
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

  assert(set && lane);
  if (!variant || variant->opaque || variant->dialect != set->root->dialect ||
      !fir_lane_state(lane, set->root->dialect)) {
    result.verdict = FTRIAL_INCONCLUSIVE;
    snprintf(result.what, sizeof(result.what), "cannot be run offline");
    return result;
  }
  if (!set->cache.valid || set->cache.seed != seed) {
    ftrial__cache_drop(&set->cache);
    set->cache.valid = true;
    set->cache.seed = seed;
  }
  z.limit = (uint64_t)states * NUMBERS_FACTOR + NUMBERS_FLOOR;
  fuzz_states(&z, states, &result);
  fisa_trace_done(&z.scratch.in);
  fisa_trace_done(&z.scratch.out);
  return result;
}
