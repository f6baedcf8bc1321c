/*
 * gpu/set.c - episode sets: what a root did, kept for comparison.
 *
 * An episode is kept as what distinguishes its begin from the dialect's
 * initial state: few cells and few pages. Expected values come from a run of
 * the root, never from what a recording claims.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial_impl.h"

/* ---- sets --------------------------------------------------------------- */

static void stored_free(struct ftrial_stored *e) {
  if (!e)
    return;
  free(e->cells);
  free(e->values);
  free(e->pages);
  free(e->bytes);
  free(e->events);
  free(e);
}

void ftrial_set_free(struct ftrial_set *set) {
  if (!set)
    return;
  ftrial__cache_drop(&set->cache);
  ftrial__packs_done(&set->packs[0]);
  ftrial__packs_done(&set->packs[1]);
  for (uint32_t i = 0; i < set->count; i++)
    stored_free(set->episodes[i]);
  for (uint32_t i = 0; i < set->view_count; i++)
    ftrial__view_free(set->views[i]);
  free(set->episodes);
  free(set->recorded);
  free(set->views);
  free(set->seen);
  stored_free(set->start);
  fisa_state_free(set->initial);
  fir_lane_free(set->lane);
  fisa_facts_free(set->facts);
  fir_free(set->ir);
  free(set);
}

void ftrial__cache_drop(struct ftrial_cache *cache) {
  free(cache->states);
  fisa_trace_done(&cache->events);
  ftrial__packs_done(&cache->packs);
  memset(cache, 0, sizeof(*cache));
}

/* ---- views -------------------------------------------------------------- */

/* The cells live where the root goes on, or all where that is not known. */
static void live_at(const struct ftrial_set *set, uint32_t pc,
                    struct fisa_set *live) {
  const struct fisa_facts *f = set->facts;

  memset(live, 0xFF, sizeof(*live));
  if (pc <= set->root->size && f->index[pc] < f->count)
    *live = f->live_in[f->index[pc]];
}

static const struct ftrial_view *view_at(struct ftrial_set *set, uint32_t pc) {
  struct ftrial_view **grown;
  struct ftrial_view *v;
  struct fisa_set live;

  for (uint32_t i = 0; i < set->view_count; i++)
    if (set->views[i]->pc == pc)
      return set->views[i];
  if (set->view_count == set->view_capacity) {
    uint32_t capacity = set->view_capacity ? set->view_capacity * 2 : 4;
    grown = realloc(set->views, capacity * sizeof(struct ftrial_view *));
    if (!grown)
      return NULL;
    set->views = grown;
    set->view_capacity = capacity;
  }
  if (pc != FTRIAL_FRESH)
    live_at(set, pc, &live);
  v = ftrial__view_new(set->root, pc, pc == FTRIAL_FRESH ? NULL : &live);
  if (!v)
    return NULL;
  for (uint32_t i = 0; i < v->pack.cell_count; i++) {
    uint32_t cell = v->pack.cell[i];
    if (cell < FISA_SET_WORDS * 64u)
      set->ends.w[cell / 64] |= UINT64_C(1) << cell % 64;
  }
  return set->views[set->view_count++] = v;
}

/* ---- begins ------------------------------------------------------------- */

/* Whether a page has to be kept: one that is not all zero. */
static bool page_counts(const struct fisa_state *s, uint32_t page) {
  const uint8_t *p = s->mem + (size_t)page * FISA_PAGE;

  if (!(s->dirty[page / 64] >> page % 64 & 1))
    return false;
  for (uint32_t i = 0; i < FISA_PAGE; i++)
    if (p[i])
      return true;
  return false;
}

static bool store_cells(const struct ftrial_set *set, struct ftrial_stored *e,
                        const struct fisa_state *s) {
  const int32_t *initial = set->initial->cells;

  for (uint32_t i = 0; i < s->cell_count; i++)
    e->cell_count += s->cells[i] != initial[i];
  e->cells = malloc((e->cell_count + 1u) * sizeof(*e->cells));
  e->values = malloc((e->cell_count + 1u) * sizeof(*e->values));
  if (!e->cells || !e->values)
    return false;
  for (uint32_t i = 0, n = 0; i < s->cell_count; i++)
    if (s->cells[i] != initial[i]) {
      e->cells[n] = (uint16_t)i;
      e->values[n++] = s->cells[i];
    }
  return true;
}

static bool store_pages(struct ftrial_stored *e, const struct fisa_state *s) {
  uint32_t pages = s->mem_size / FISA_PAGE;

  for (uint32_t i = 0; i < pages; i++)
    e->page_count += page_counts(s, i);
  e->pages = malloc((e->page_count + 1u) * sizeof(*e->pages));
  e->bytes = malloc((e->page_count + 1u) * (size_t)FISA_PAGE);
  if (!e->pages || !e->bytes)
    return false;
  for (uint32_t i = 0, n = 0; i < pages; i++)
    if (page_counts(s, i)) {
      memcpy(e->bytes + (size_t)n * FISA_PAGE, s->mem + (size_t)i * FISA_PAGE,
             FISA_PAGE);
      e->pages[n++] = i;
    }
  return true;
}

/* As fisa_state_reset, from a copy: trials are short and this is in each. */
static void clear(const struct ftrial_set *set, struct fisa_state *s) {
  uint32_t pages = s->mem_size / FISA_PAGE;

  for (uint32_t w = 0; w * 64 < pages; w++) {
    for (uint64_t bits = s->dirty[w]; bits; bits &= bits - 1) {
      uint32_t page = w * 64 + (uint32_t)__builtin_ctzll(bits);
      memset(s->mem + (size_t)page * FISA_PAGE, 0, FISA_PAGE);
      memset(s->written + (size_t)page * (FISA_PAGE / 64), 0, FISA_PAGE / 8);
    }
    s->dirty[w] = 0;
  }
  memcpy(s->cells, set->initial->cells, s->cell_count * sizeof(*s->cells));
}

void ftrial__load(const struct ftrial_set *set, const struct ftrial_stored *e,
                  struct fisa_state *s) {
  assert(s->cell_count == set->initial->cell_count);
  assert(s->mem_size == set->initial->mem_size);
  clear(set, s);
  for (uint32_t i = 0; i < e->cell_count; i++)
    s->cells[e->cells[i]] = e->values[i];
  for (uint32_t i = 0; i < e->page_count; i++) {
    uint32_t page = e->pages[i];
    memcpy(s->mem + (size_t)page * FISA_PAGE, e->bytes + (size_t)i * FISA_PAGE,
           FISA_PAGE);
    s->dirty[page / 64] |= UINT64_C(1) << page % 64;
  }
  s->pc = e->pc;
  s->cycles = e->cycles;
  s->status = FISA_RUN_HALT;
  s->fault = 0;
}

/* Keeps the declared begin, which most fuzz states are made from. */
static bool note_start(struct ftrial_set *set) {
  struct fisa_state *s = fir_lane_state(set->lane, set->root->dialect);

  if (!s)
    return false;
  fisa_state_start(set->root, s);
  set->start->pc = s->pc;
  return store_cells(set, set->start, s) && store_pages(set->start, s);
}

struct ftrial_set *ftrial_set_new(const struct fisa_program *root,
                                  uint64_t max_fuel, struct fisa_error *err) {
  struct ftrial_set *set = calloc(1, sizeof(*set));

  assert(root && max_fuel > 0);
  if (!set) {
    fisa_fail(err, "trials: out of memory");
    return NULL;
  }
  set->root = root;
  set->max_fuel = max_fuel;
  if (fir_lower(root, &set->ir, err) || fisa_facts_make(root, &set->facts, err))
    goto fail;
  if (set->ir->opaque) {
    fisa_fail(err, "trials: the program holds a row without offline meaning");
    goto fail;
  }
  set->lane = fir_lane_new();
  set->initial = fisa_state_new(root->dialect);
  set->start = calloc(1, sizeof(*set->start));
  set->seen = calloc(root->dialect->source_count + 1u, sizeof(*set->seen));
  if (!set->lane || !set->initial || !set->seen || !set->start ||
      !fir_lane_reserve(set->lane, set->ir) || !note_start(set)) {
    fisa_fail(err, "trials: out of memory");
    goto fail;
  }
  return set;
fail:
  ftrial_set_free(set);
  return NULL;
}

/* ---- the root ----------------------------------------------------------- */

bool ftrial__asks_for(const struct fisa_event *e, uint16_t source,
                      const int32_t *arg, unsigned argc) {
  if (e->name != source || e->argc != argc)
    return false;
  for (unsigned i = 0; i < argc; i++)
    if (e->arg[i] != arg[i])
      return false;
  return true;
}

int ftrial__recorded_input(uint16_t source, const int32_t *arg, unsigned argc,
                           int32_t *value, void *user) {
  struct ftrial_recording *r = user;

  while (r->used < r->in_count && r->in[r->used].out)
    r->used++;
  if (r->used == r->in_count ||
      !ftrial__asks_for(&r->in[r->used], source, arg, argc))
    return -1;
  *value = r->in[r->used++].value;
  r->taken++;
  return 0;
}

static int recorded_output(uint16_t channel, const int32_t *arg, unsigned argc,
                           void *user) {
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  struct ftrial_recording *r = user;

  assert(argc <= FISA_MAX_ARGS);
  e.value = (int32_t)r->taken;
  memcpy(e.arg, arg, argc * sizeof(*arg));
  r->no_memory = fisa_trace_add(&r->out, &e) != 0;
  return r->no_memory;
}

/* Digest of outputs, for whoever wants to compare sets. */
static struct fisa_digest output_digest(const struct fisa_event *out,
                                        uint32_t count) {
  struct fisa_digest d = {{count, 0}};

  for (uint32_t i = 0; i < count; i++) {
    d.w[0] = ftrial_random(d.w[0], out[i].name, out[i].argc, i);
    for (unsigned k = 0; k < out[i].argc; k++)
      d.w[1] = ftrial_random(d.w[1], d.w[0], (uint32_t)out[i].arg[k], k);
  }
  return d;
}

/* Whether the run came to something that cannot be told here: a row without
 * offline meaning, or a value that the machine has and we have not (the
 * fault of `always`, under which a table puts those too). */
static bool is_untold(const struct fisa_dialect *d,
                      const struct fisa_state *s) {
  return s->status == FISA_RUN_FAULT &&
         (s->fault == d->lethal_code[FLUX_LETHAL_OPAQUE] ||
          s->fault == d->lethal_code[FLUX_LETHAL_ALWAYS]);
}

int ftrial__expect(struct ftrial_set *set, struct fisa_state *s,
                   const struct fir_io *io, uint64_t fuel,
                   struct ftrial_expect *expect,
                   const struct ftrial_view **view) {
  const struct fisa_dialect *d = set->root->dialect;
  struct fir_limits limits = {fuel, true};
  uint64_t begin = s->cycles;
  struct fir_result r;

  r = fir_run(set->ir, set->lane, s, io, limits);
  if (s->status == FISA_RUN_FUEL || is_untold(d, s))
    return 1;
  *view = view_at(set, s->status == FISA_RUN_YIELD ? s->pc : FTRIAL_FRESH);
  if (!*view)
    return -1;
  expect->status = s->status;
  expect->fault = s->fault;
  expect->cycles = s->cycles - begin;
  expect->cost = r.cost;
  expect->instructions = r.instructions;
  expect->end_pc = s->pc;
  expect->digest = ftrial__view_digest(*view, s);
  return 0;
}

/* ---- adding ------------------------------------------------------------- */

static bool note_room(struct ftrial_set *set) {
  uint32_t capacity = set->capacity ? set->capacity * 2 : 16;
  struct ftrial_stored **all, **recorded;

  if (set->count < set->capacity)
    return true;
  all = realloc(set->episodes, capacity * sizeof(struct ftrial_stored *));
  if (all)
    set->episodes = all;
  recorded = realloc(set->recorded, capacity * sizeof(struct ftrial_stored *));
  if (recorded)
    set->recorded = recorded;
  if (!all || !recorded)
    return false;
  set->capacity = capacity;
  return true;
}

static void note_seen(struct ftrial_set *set, const struct fisa_event *e) {
  struct ftrial_seen *seen;

  if (e->name >= set->root->dialect->source_count)
    return;
  seen = &set->seen[e->name];
  for (uint32_t i = 0; i < seen->count; i++)
    if (seen->values[i] == e->value)
      return;
  if (seen->count < sizeof(seen->values) / sizeof(seen->values[0]))
    seen->values[seen->count++] = e->value;
}

/* Takes a complete episode in; counterexamples stand before all others. */
static void link_stored(struct ftrial_set *set, struct ftrial_stored *e) {
  uint32_t at = set->count;

  if (e->origin == FTRIAL_COUNTER) {
    at = set->counters++;
    memmove(set->episodes + at + 1, set->episodes + at,
            (set->count - at) * sizeof(struct ftrial_stored *));
  }
  set->episodes[at] = e;
  set->count++;
  if (e->origin != FTRIAL_RECORDED)
    return;
  set->recorded[set->recorded_count++] = e;
  set->continues |= e->pc != set->root->entry;
  if (e->expect.instructions > set->longest)
    set->longest = e->expect.instructions;
  for (uint32_t i = 0; i < e->in_count; i++)
    note_seen(set, &e->events[i]);
  /* Fuzz states are made from what was recorded. */
  ftrial__cache_drop(&set->cache);
}

/* Keeps the inputs that the root used and the outputs it gave, in one list. */
static bool store_events(struct ftrial_stored *e,
                         const struct ftrial_recording *r) {
  uint32_t n = 0;

  e->events = malloc((r->used + r->out.count + 1u) * sizeof(*e->events));
  if (!e->events)
    return false;
  for (uint32_t i = 0; i < r->used; i++)
    if (!r->in[i].out)
      e->events[n++] = r->in[i];
  e->in_count = n;
  e->out_count = r->out.count;
  if (r->out.count > 0)
    memcpy(e->events + n, r->out.events, r->out.count * sizeof(*e->events));
  e->expect.inputs_used = n;
  e->expect.outputs = output_digest(e->events + n, e->out_count);
  return true;
}

/* Packs an episode that is stored; the lane's work state is the root's end. */
static bool pack_stored(struct ftrial_set *set, struct ftrial_stored *e) {
  struct fisa_state *begin = fir_lane_other(set->lane);
  const struct ftrial_want want = {e->events,   e->events + e->in_count,
                                   e->in_count, e->out_count,
                                   &e->expect,  e->view};
  struct fpk_episode packed;

  if (set->narrow)
    return true;
  if (!begin)
    return false;
  ftrial__load(set, e, begin);
  packed = ftrial__episode(&want, begin, set->lane->work,
                           e->origin == FTRIAL_RECORDED);
  return ftrial__packs_add(&set->packs[e->origin != FTRIAL_COUNTER],
                           set->root->dialect, &packed) == 0;
}

enum ftrial_add ftrial_set_add(struct ftrial_set *set,
                               const struct ftrial_episode *episode) {
  struct ftrial_recording r = {.in = episode->events,
                               .in_count = episode->event_count};
  const struct fir_io io = {ftrial__recorded_input, recorded_output, &r};
  struct fisa_state *s = fir_lane_state(set->lane, set->root->dialect);
  struct ftrial_stored *e = calloc(1, sizeof(*e));
  enum ftrial_add answer = FTRIAL_NO_MEMORY;
  int rc;

  assert(episode->begin && (episode->events || episode->event_count == 0));
  if (!s || !e || !note_room(set))
    goto done;
  e->origin = episode->origin;
  e->pc = episode->begin->pc;
  e->cycles = episode->begin->cycles;
  e->confidence = episode->confidence;
  if (!store_cells(set, e, episode->begin) || !store_pages(e, episode->begin))
    goto done;
  ftrial__load(set, e, s);
  rc = ftrial__expect(set, s, &io, set->max_fuel, &e->expect, &e->view);
  if (rc < 0 || r.no_memory)
    goto done;
  answer = FTRIAL_REFUSED;
  if (rc > 0)
    goto done;
  answer = FTRIAL_NO_MEMORY;
  if (!store_events(e, &r) || !pack_stored(set, e))
    goto done;
  link_stored(set, e);
  e = NULL;
  answer = FTRIAL_ADDED;
done:
  stored_free(e);
  fisa_trace_done(&r.out);
  return answer;
}

/* ---- the order ---------------------------------------------------------- */

/* Of episodes first.. of those that are no counterexamples, which lie in one
 * batch. */
static void lay_part(struct ftrial_set *set, uint32_t first, uint32_t count) {
  struct ftrial_stored **to = set->episodes + set->counters + first;
  struct ftrial_stored *was[FPK_WIDTH];
  struct ftrial_length length[FPK_WIDTH];
  uint32_t from[FPK_WIDTH];

  assert(count <= FPK_WIDTH && first % FPK_WIDTH == 0);
  for (uint32_t i = 0; i < count; i++) {
    was[i] = to[i];
    length[i].instructions = to[i]->expect.instructions;
  }
  ftrial__by_length(length, count, from);
  ftrial__sample_first(from, count);
  for (uint32_t i = 0; i < count; i++)
    to[i] = was[from[i]];
  if (!set->narrow)
    fpk_batch_lay(set->packs[1].batch[first / FPK_WIDTH], 0, count, from);
}

void ftrial_set_lay(struct ftrial_set *set) {
  uint32_t all = set->count - set->counters;

  for (uint32_t i = 0; i + FTRIAL_FIRST < all; i += FPK_WIDTH)
    lay_part(set, i, all - i < FPK_WIDTH ? all - i : FPK_WIDTH);
}

uint32_t ftrial_set_count(const struct ftrial_set *set) { return set->count; }

uint32_t ftrial_set_counters(const struct ftrial_set *set) {
  assert(set->counters <= set->count);
  return set->counters;
}

void ftrial_set_backend(struct ftrial_set *set, struct fbackend *backend) {
  set->backend = backend;
}

void ftrial_set_stop(struct ftrial_set *set, const atomic_bool *stop) {
  set->stop = stop;
}

void ftrial_set_ask(struct ftrial_set *set, bool (*ask)(void *user),
                    void *user) {
  set->ask = ask;
  set->ask_user = user;
}

uint32_t ftrial_set_recorded(const struct ftrial_set *set) {
  return set->recorded_count;
}

const struct ftrial_expect *ftrial_set_expect(const struct ftrial_set *set,
                                              uint32_t i) {
  assert(i < set->count);
  return &set->episodes[i]->expect;
}

void ftrial_set_get(const struct ftrial_set *set, uint32_t i,
                    struct fisa_state *begin, const struct fisa_event **events,
                    uint32_t *count) {
  assert(i < set->count);
  ftrial__load(set, set->episodes[i], begin);
  *events = set->episodes[i]->events;
  *count = set->episodes[i]->in_count;
}

uint64_t ftrial_root_cost(const struct ftrial_set *set, uint32_t first,
                          uint32_t count) {
  uint64_t cost = 0;

  for (uint32_t i = first; i < set->count && i - first < count; i++)
    if (set->episodes[i]->origin == FTRIAL_RECORDED)
      cost += set->episodes[i]->expect.cost;
  return cost;
}
