/*
 * gpu/begins.c - begin states and outside values that nobody recorded.
 *
 * State number n is a pure function of the seed, n, the manifest and the
 * recorded episodes, so a counterexample can be made again anywhere. Values
 * are biased towards where programs break: the ends of ranges, powers of two
 * and their neighbours, small numbers, values seen live, equal neighbours.
 */
#include <assert.h>
#include <string.h>

#include "gpu/semantics.h"
#include "gpu/trial_impl.h"

enum {
  STREAM_STATE = 1, /* streams of ftrial_random */
  STREAM_INPUT = 2,
  SCRATCH_BYTES = 64 /* of a clause, made anew at once */
};

/* ---- values ------------------------------------------------------------- */

static struct ftrial_stream stream_at(const struct ftrial_set *set,
                                      uint64_t seed, uint64_t n,
                                      unsigned which) {
  return (struct ftrial_stream){.state = ftrial_random(seed, n, which, 0),
                                .own = set->ir->pool,
                                .own_count = set->ir->pool_count,
                                .told = set->told,
                                .told_count = set->told_count};
}

static uint64_t draw(struct ftrial_stream *r) {
  uint64_t v = r->state += UINT64_C(0x9E3779B97F4A7C15);

  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return v ^ v >> 31;
}

/* 0..n-1 */
static uint32_t below(struct ftrial_stream *r, uint32_t n) {
  assert(n > 0);
  return (uint32_t)((draw(r) >> 32) * n >> 32);
}

static int32_t power_of_two(struct ftrial_stream *r) {
  uint32_t v = (uint32_t)1 << below(r, 32);

  v += below(r, 3);
  v -= 1;
  return fsem_wrap(below(r, 2) ? v : 0u - v);
}

/* A constant of the program, the sum or difference of two, or a neighbour:
 * what the program compares with is where it changes its mind. */
static int32_t own_constant(struct ftrial_stream *r) {
  int32_t v;

  assert(r->own_count > 0);
  v = r->own[below(r, r->own_count)];
  switch (below(r, 3)) {
  case 0:
    v = fsem_add(v, r->own[below(r, r->own_count)]);
    break;
  case 1:
    v = fsem_sub(v, r->own[below(r, r->own_count)]);
    break;
  default:
    break;
  }
  return fsem_add(v, (int32_t)below(r, 3) - 1);
}

/* Any int32, mostly a telling one. */
static int32_t telling(struct ftrial_stream *r) {
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

  if (r->told_count > 0 && below(r, 4) == 0)
    return fsem_add(r->told[below(r, r->told_count)],
                    below(r, 2) ? 0 : (int32_t)below(r, 3) - 1);
  if (r->own_count > 0 && below(r, 4) == 0)
    return own_constant(r);
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
static int32_t within(struct ftrial_stream *r, int32_t lo, int32_t hi) {
  uint64_t span = (uint64_t)((int64_t)hi - lo) + 1;
  int64_t v;

  assert(lo <= hi);
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

static int32_t telling_float(struct ftrial_stream *r) {
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
static int32_t recorded_value(const struct ftrial_set *set,
                              struct ftrial_stream *r, uint32_t cell) {
  const struct ftrial_stored *e = set->recorded[below(r, set->recorded_count)];

  assert(cell < set->initial->cell_count);
  for (uint32_t i = 0; i < e->cell_count; i++)
    if (e->cells[i] == cell)
      return e->values[i];
  return set->initial->cells[cell];
}

/* A new value for a cell that holds `old`. */
static int32_t cell_value(const struct ftrial_set *set, struct ftrial_stream *r,
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
  assert(s->mem_size >= FISA_PAGE);
  at &= s->mem_size - 1;
  s->mem[at] = (uint8_t)v;
  s->dirty[at / FISA_PAGE / 64] |= UINT64_C(1) << at / FISA_PAGE % 64;
}

/* A byte that the program lays out or looks for, or any. */
static int32_t telling_byte(const struct ftrial_set *set,
                            struct ftrial_stream *r) {
  const struct fisa_manifest *m = &set->root->manifest;

  switch (below(r, 4)) {
  case 0:
    return m->data_size ? m->data[below(r, m->data_size)] : 0;
  case 1:
    return r->told_count ? r->told[below(r, r->told_count)] & 255 : 255;
  case 2:
    return r->own_count ? r->own[below(r, r->own_count)] & 255 : 1;
  default:
    return (int32_t)below(r, 256);
  }
}

/* A run of input bytes: all alike, sparse, small, what the program lays out,
 * what tells it something, or anything. */
static void fuzz_memory(const struct ftrial_set *set, struct ftrial_stream *r,
                        const struct fisa_cells *in, struct fisa_state *s) {
  const struct fisa_manifest *m = &set->root->manifest;
  uint32_t how = below(r, 7);
  uint32_t from = m->data_size ? below(r, m->data_size) : 0;
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
    case 3:
      v = m->data_size ? m->data[(from + i) % m->data_size] : 0;
      break;
    case 4:
      v = telling_byte(set, r);
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
static void fuzz_stack(const struct ftrial_set *set, struct ftrial_stream *r,
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

static void fuzz_manifest(const struct ftrial_set *set, struct ftrial_stream *r,
                          struct fisa_state *s) {
  const struct fisa_manifest *m = &set->root->manifest;
  int32_t last = 0;

  ftrial__load(set, set->start, s);
  for (uint32_t i = 0; i < m->in_count; i++) {
    const struct fisa_cells *in = &m->in[i];
    if (in->kind == FISA_CELLS_MEM)
      fuzz_memory(set, r, in, s);
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
    if (!(live->w[cell / 64] >> cell % 64 & 1) || cell == d->sp_cell ||
        cell == d->calls_cell)
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
static void perturb_memory(struct ftrial_stream *r,
                           const struct ftrial_stored *e,
                           struct fisa_state *s) {
  for (uint32_t n = 1 + below(r, 2); e->page_count > 0 && n > 0; n--) {
    uint32_t page = e->pages[below(r, e->page_count)];
    put_byte(s, page * FISA_PAGE + below(r, FISA_PAGE), (int32_t)below(r, 256));
  }
}

/* What a task that continues finds in memory that is nobody's: anything. */
static void fuzz_scratch(const struct ftrial_set *set, struct ftrial_stream *r,
                         struct fisa_state *s) {
  const struct fisa_manifest *m = &set->root->manifest;
  struct fisa_cells some = {.lo = 0, .hi = 255};

  for (uint32_t i = 0; i < m->scratch_count; i++) {
    uint32_t count = m->scratch[i].count;
    some.count = count < SCRATCH_BYTES ? count : SCRATCH_BYTES;
    some.first = m->scratch[i].first + below(r, count - some.count + 1);
    fuzz_memory(set, r, &some, s);
  }
}

static void fuzz_boundary(const struct ftrial_set *set, struct ftrial_stream *r,
                          struct fisa_state *s) {
  const struct ftrial_stored *e = set->recorded[below(r, set->recorded_count)];
  uint16_t cells[FISA_SET_WORDS * 64];
  uint32_t live, n;

  assert(set->recorded_count > 0);
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
  if (below(r, 4) == 0)
    fuzz_scratch(set, r, s);
}

void ftrial__fuzz_begin(const struct ftrial_set *set, uint64_t seed, uint64_t n,
                        struct fisa_state *s) {
  struct ftrial_stream r = stream_at(set, seed, n, STREAM_STATE);

  /* The declared begin happens once to an agent that continues. */
  if (set->continues && below(&r, 8) != 0)
    fuzz_boundary(set, &r, s);
  else
    fuzz_manifest(set, &r, s);
}

/* ---- outside values ----------------------------------------------------- */

static int32_t made_value(struct ftrial_making *m, uint16_t source) {
  const struct ftrial_seen *seen = &m->set->seen[source];

  assert(source < m->set->root->dialect->source_count);
  if (seen->count > 0 && below(&m->r, 4) >= m->how)
    return seen->values[below(&m->r, seen->count)];
  if (m->how == 0)
    return (int32_t)below(&m->r, 101);
  return within(&m->r, INT32_MIN, INT32_MAX);
}

int ftrial__made_input(uint16_t source, const int32_t *arg, unsigned argc,
                       int32_t *value, void *user) {
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};
  struct ftrial_making *m = user;

  assert(argc <= FISA_MAX_ARGS);
  memcpy(e.arg, arg, argc * sizeof(*arg));
  *value = e.value = made_value(m, source);
  m->no_memory = fisa_trace_add(m->in, &e) != 0;
  return m->no_memory;
}

int ftrial__made_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  struct ftrial_making *m = user;

  assert(argc <= FISA_MAX_ARGS);
  e.value = (int32_t)m->in->count;
  memcpy(e.arg, arg, argc * sizeof(*arg));
  m->no_memory = fisa_trace_add(m->out, &e) != 0;
  return m->no_memory;
}

struct ftrial_making ftrial__making(const struct ftrial_set *set, uint64_t seed,
                                    uint64_t n) {
  struct ftrial_making m = {.set = set,
                            .r = stream_at(set, seed, n, STREAM_INPUT)};

  m.how = below(&m.r, 4);
  return m;
}
