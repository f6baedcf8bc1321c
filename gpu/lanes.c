/*
 * gpu/lanes.c - engines, what outlives a run, and lanes finished one by one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lanes_impl.h"

/* ---- builds ------------------------------------------------------------- */

/* Those that run here, best first. */
static unsigned list_builds(const struct lanes_isa *list[3]) {
  unsigned n = 0;

#ifdef FLUX_LANES_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    list[n++] = &lanes_avx512;
  if (__builtin_cpu_supports("avx2"))
    list[n++] = &lanes_avx2;
#endif
  list[n++] = &lanes_portable;
  return n;
}

const char *flanes_builds(unsigned i) {
  const struct lanes_isa *list[3];

  return i < list_builds(list) ? list[i]->name : NULL;
}

static const struct lanes_isa *find_build(const char *name) {
  const struct lanes_isa *list[3];
  unsigned n = list_builds(list);

  for (unsigned i = 0; i < n; i++)
    if (!name || strcmp(list[i]->name, name) == 0)
      return list[i];
  return NULL;
}

const char *flanes_build(const struct flanes *e) { return e->isa->name; }

bool flanes_knows(unsigned op) { return lanes_portable.knows(op); }

/* ---- engines ------------------------------------------------------------ */

static void *new_columns(size_t count) {
  size_t size = count * LANES_STRIDE * sizeof(int32_t);
  void *p = aligned_alloc(64, size);

  if (p)
    memset(p, 0, size);
  return p;
}

static void image_done(struct lanes_image *m) {
  free(m->base);
  free(m->touched);
  free(m->list);
  free(m->shown);
  memset(m, 0, sizeof(*m));
}

struct flanes *flanes_new(const char *build) {
  struct flanes *e = calloc(1, sizeof(*e));

  if (!e)
    return NULL;
  e->isa = find_build(build);
  e->lane = fir_lane_new();
  e->masks = new_columns(LANES_MASKS);
  e->every = new_columns(1);
  e->rows = new_columns(1);
  e->cost = new_columns(1);
  e->cycles = new_columns(1);
  e->used = new_columns(1);
  e->given = new_columns(1);
  e->bad = new_columns(1);
  e->target = new_columns(1);
  if (e->isa && e->lane && e->masks && e->every && e->rows && e->cost &&
      e->cycles && e->used && e->given && e->bad && e->target) {
    memset(e->every, 0xFF, FPK_WIDTH * sizeof(*e->every));
    return e;
  }
  flanes_free(e);
  return NULL;
}

void flanes_free(struct flanes *e) {
  if (!e)
    return;
  image_done(&e->memory);
  image_done(&e->data);
  image_done(&e->calls);
  fpk_batch_free(e->exec);
  fir_lane_free(e->lane);
  free(e->own);
  free(e->col);
  free(e->masks);
  free(e->every);
  free(e->rows);
  free(e->cost);
  free(e->cycles);
  free(e->used);
  free(e->given);
  free(e->bad);
  free(e->target);
  free(e);
}

/* ---- images ------------------------------------------------------------- */

/* Columns that a run may write are not cleared before their first use: pages
 * that nobody touches cost nothing. */
static bool image_size(struct lanes_image *m, uint32_t count) {
  if (m->count == count)
    return true;
  image_done(m);
  m->base = calloc((size_t)count * FPK_WIDTH + 16, sizeof(*m->v));
  m->touched = calloc(count, 1);
  m->list = calloc(count, sizeof(*m->list));
  m->shown = calloc(count, sizeof(*m->shown));
  if (!m->base || !m->touched || !m->list || !m->shown) {
    image_done(m);
    return false;
  }
  m->v = (int32_t *)(((uintptr_t)m->base + 63) & ~(uintptr_t)63);
  m->count = count;
  return true;
}

static void show_column(struct lanes_image *m, uint32_t i,
                        const struct fpk_batch *b, uint32_t column,
                        int32_t uniform) {
  int32_t *v = m->v + (size_t)i * FPK_WIDTH;

  if (column == FPK_NONE && uniform == 0)
    return;
  m->shown[m->shown_count++] = i;
  if (column != FPK_NONE) {
    memcpy(v, b->column[column].v, m->shown_lanes * sizeof(*v));
    return;
  }
  for (uint32_t k = 0; k < m->shown_lanes; k++)
    v[k] = uniform;
}

/* Nothing is shown; columns that are to be have the lanes of a batch, blocks
 * filled up. */
static void clear_shown(struct lanes_image *m, const struct fpk_batch *b) {
  for (uint32_t i = 0; i < m->shown_count; i++)
    memset(m->v + (size_t)m->shown[i] * FPK_WIDTH, 0,
           m->shown_lanes * sizeof(*m->v));
  m->shown_count = 0;
  m->shown_lanes = (b->lanes + LANES_BLOCK - 1) / LANES_BLOCK * LANES_BLOCK;
}

static bool show_memory(struct lanes_image *m, const struct fpk_batch *b) {
  if (!image_size(m, b->dialect->mem_size / 4))
    return false;
  if (m->version == b->version)
    return true;
  clear_shown(m, b);
  for (uint32_t i = 0; i < b->word_count; i++)
    show_column(m, b->word[i].word, b, b->word[i].begin, 0);
  m->version = b->version;
  return true;
}

static bool show_stack(struct lanes_image *m, const struct fpk_batch *b,
                       const struct fpk_stack *f) {
  if (!image_size(m, f->count))
    return false;
  if (m->version == b->version)
    return true;
  clear_shown(m, b);
  for (uint32_t i = 0; i < f->count; i++)
    show_column(m, i, b, b->begin[f->first + i], b->uniform[f->first + i]);
  m->version = b->version;
  return true;
}

/* Puts back what a run changed, in the lanes that it may have changed. */
static void put_back(struct lanes_image *m, uint32_t i, const int32_t *begin,
                     int32_t uniform, const struct lanes_run *r) {
  int32_t *v = m->v + (size_t)i * FPK_WIDTH;
  uint32_t hi = (r->end + LANES_BLOCK - 1) / LANES_BLOCK * LANES_BLOCK;

  if (begin)
    memcpy(v + r->lo, begin + r->lo, (hi - r->lo) * sizeof(*v));
  else
    for (uint32_t k = r->lo; k < hi; k++)
      v[k] = uniform;
  m->touched[i] = 0;
}

static void restore_memory(struct lanes_run *r) {
  struct lanes_image *m = &r->e->memory;
  const struct fpk_batch *b = r->b;

  for (uint32_t k = 0; k < m->touched_count; k++) {
    uint32_t entry = fpk_batch_word(b, m->list[k]);
    const int32_t *begin = NULL;
    if (entry != FPK_NONE && b->word[entry].begin != FPK_NONE)
      begin = b->column[b->word[entry].begin].v;
    put_back(m, m->list[k], begin, 0, r);
  }
  m->touched_count = 0;
}

static void restore_stack(struct lanes_run *r, struct lanes_image *m,
                          const struct fpk_stack *f) {
  const struct fpk_batch *b = r->b;

  for (uint32_t k = 0; k < m->touched_count; k++) {
    uint32_t cell = f->first + m->list[k];
    put_back(m, m->list[k],
             b->begin[cell] == FPK_NONE ? NULL : b->column[b->begin[cell]].v,
             b->uniform[cell], r);
  }
  m->touched_count = 0;
}

/* ---- masks -------------------------------------------------------------- */

int32_t *lanes_mask_take(struct lanes_run *r) {
  if (r->free_count > 0)
    return r->free_mask[--r->free_count];
  assert(r->fresh_masks > 0);
  return r->e->masks + (size_t)--r->fresh_masks * FPK_WIDTH;
}

void lanes_mask_give(struct lanes_run *r, int32_t *mask) {
  assert(r->free_count < LANES_MASKS);
  r->free_mask[r->free_count++] = mask;
}

/* ---- the outside -------------------------------------------------------- */

bool lanes_take(struct lanes_run *r, uint32_t lane, uint32_t source,
                const int32_t *arg, int32_t *value) {
  unsigned argc = source >> 16;
  uint32_t *used = &r->e->used[lane];
  const struct fpk_batch *b = r->b;
  const struct fisa_event *e;

  assert(argc <= 1);
  if (r->tasks) {
    const struct fir_io *io = r->tasks[lane].io;
    int32_t v;
    if (!io || !io->input ||
        io->input((uint16_t)source, arg, argc, &v, io->user) != 0)
      return false;
    *value = v;
    return true;
  }
  if (*used == b->in_count[lane])
    return false;
  e = &b->event[b->in[lane] + *used];
  if (e->name != (uint16_t)source || e->argc != argc ||
      (argc && e->arg[0] != arg[0]))
    return false;
  *value = e->value;
  ++*used;
  return true;
}

bool lanes_give(struct lanes_run *r, uint32_t lane, uint16_t channel,
                const int32_t *arg, unsigned argc) {
  uint32_t *given = &r->e->given[lane];
  const struct fpk_batch *b = r->b;
  const struct fisa_event *e;

  assert(argc <= FISA_MAX_ARGS);
  if (r->tasks) {
    const struct fir_io *io = r->tasks[lane].io;
    return !io || !io->output ||
           io->output(channel, arg, argc, io->user) == 0;
  }
  if (*given == b->out_count[lane])
    return false;
  e = &b->event[b->out[lane] + *given];
  if (e->name != channel || e->argc != argc ||
      (uint32_t)e->value != r->e->used[lane])
    return false;
  for (unsigned i = 0; i < argc; i++)
    if (e->arg[i] != arg[i])
      return false;
  ++*given;
  return true;
}

/* A lane that crosses the border. */
struct crossing {
  struct lanes_run *r;
  uint32_t lane;
  uint16_t channel;
};

static int give_chunk(const int32_t *arg, unsigned argc, void *user) {
  struct crossing *c = user;

  return !lanes_give(c->r, c->lane, c->channel, arg, argc);
}

bool lanes_give_payload(struct lanes_run *r, uint32_t lane,
                        const struct fpk_op *o) {
  const struct fisa_program *p = r->p->ir->source;
  uint32_t pc = o->row & ~FIR_FIRST;
  uint32_t size = p->code[pc + 1] | (uint32_t)p->code[pc + 2] << 8;
  struct crossing c = {r, lane, (uint16_t)o->imm};

  assert(pc + 3 + size <= p->size);
  if (r->tasks && (!r->tasks[lane].io || !r->tasks[lane].io->output))
    return true;
  return fisa_payload_outputs(p->code + pc + 3, size, give_chunk, &c) == 0;
}

static int lone_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct crossing *c = user;

  return !lanes_take(c->r, c->lane, source | (uint32_t)argc << 16, arg, value);
}

static int lone_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  struct crossing *c = user;

  return !lanes_give(c->r, c->lane, channel, arg, argc);
}

/* ---- lanes one by one --------------------------------------------------- */

/* Value of a cell of a lane at begin. */
static int32_t begin_value(const struct fpk_batch *b, uint32_t cell,
                           uint32_t lane) {
  return b->begin[cell] == FPK_NONE ? b->uniform[cell]
                                    : b->column[b->begin[cell]].v[lane];
}

static void image_to_cells(const struct lanes_image *m,
                           const struct fpk_stack *f, uint32_t lane,
                           struct fisa_state *s) {
  for (uint32_t i = 0; i < f->count; i++)
    s->cells[f->first + i] = m->v[(size_t)i * FPK_WIDTH + lane];
}

static void put_word(struct fisa_state *s, uint32_t word, int32_t value) {
  uint32_t at = word * 4, page = at / FISA_PAGE;

  for (unsigned i = 0; i < 4; i++)
    s->mem[at + i] = (uint8_t)((uint32_t)value >> 8 * i);
  s->dirty[page / 64] |= UINT64_C(1) << page % 64;
}

/* Makes *s what a lane has come to. Where the program does not reach memory
 * the state keeps none. */
static void lane_to_state(const struct lanes_run *r, uint32_t lane,
                          struct fisa_state *s) {
  const struct flanes *e = r->e;
  const struct fpk_batch *b = r->b;
  const struct fpk_program *p = r->p;

  for (uint32_t c = 0; c < s->cell_count; c++)
    s->cells[c] = begin_value(b, c, lane);
  for (uint32_t i = 0; i < p->written_count; i++)
    if (p->slot[i].kind == FPK_SLOT_CELL)
      s->cells[p->slot[i].cell] = e->col[i][lane];
  if (p->stack) {
    image_to_cells(&e->data, &p->data, lane, s);
    if (p->calls.first != p->data.first)
      image_to_cells(&e->calls, &p->calls, lane, s);
  }
  if (!p->memory)
    return;
  for (uint32_t i = 0; i < b->word_count; i++)
    put_word(s, b->word[i].word,
             e->memory.v[(size_t)b->word[i].word * FPK_WIDTH + lane]);
  for (uint32_t i = 0; i < e->memory.touched_count; i++)
    put_word(s, e->memory.list[i],
             e->memory.v[(size_t)e->memory.list[i] * FPK_WIDTH + lane]);
}

static void cells_to_image(struct lanes_image *m, const struct fpk_stack *f,
                           uint32_t lane, const struct fisa_state *s) {
  for (uint32_t i = 0; i < f->count; i++) {
    int32_t *v = &m->v[(size_t)i * FPK_WIDTH + lane];
    if (*v == s->cells[f->first + i])
      continue;
    *v = s->cells[f->first + i];
    lanes_touch(m, i);
  }
}

static void page_to_image(struct lanes_image *m, uint32_t page, uint32_t lane,
                          const struct fisa_state *s) {
  for (uint32_t w = page * (FISA_PAGE / 4); w < (page + 1) * (FISA_PAGE / 4);
       w++) {
    int32_t *v = &m->v[(size_t)w * FPK_WIDTH + lane];
    int32_t now = fpk_state_word(s, w);
    if (*v == now)
      continue;
    *v = now;
    lanes_touch(m, w);
  }
}

/* The other way round. */
static void state_to_lane(struct lanes_run *r, uint32_t lane,
                          const struct fisa_state *s) {
  struct flanes *e = r->e;
  const struct fpk_program *p = r->p;

  for (uint32_t i = 0; i < p->written_count; i++)
    if (p->slot[i].kind == FPK_SLOT_CELL)
      e->col[i][lane] = s->cells[p->slot[i].cell];
  if (p->stack) {
    cells_to_image(&e->data, &p->data, lane, s);
    if (p->calls.first != p->data.first)
      cells_to_image(&e->calls, &p->calls, lane, s);
  }
  for (uint32_t w = 0; p->stores && w * 64 < s->mem_size / FISA_PAGE; w++)
    for (uint64_t bits = s->dirty[w]; bits; bits &= bits - 1)
      page_to_image(&e->memory, w * 64 + (uint32_t)__builtin_ctzll(bits), lane,
                    s);
}

/* What was written on the lane's own state is written on the other, too. */
static void join_written(struct fisa_state *to, const struct fisa_state *from) {
  uint32_t pages = to->mem_size / FISA_PAGE;

  for (uint32_t w = 0; w < to->mem_size / 64; w++)
    to->written[w] |= from->written[w];
  for (uint32_t w = 0; w * 64 < pages; w++)
    to->dirty[w] |= from->dirty[w];
}

static void finish_lane(struct lanes_run *r, uint32_t lane, uint32_t at) {
  struct flanes *e = r->e;
  struct crossing c = {.r = r, .lane = lane};
  const struct fir_io io = {lone_input, lone_output, &c};
  struct fir_limits limits = {lanes_fuel(r, lane) - e->rows[lane],
                              r->stop_at_yield};
  struct fisa_state *s = fir_lane_state(e->lane, r->b->dialect);
  struct fir_stand from = {0};
  struct fir_result res;

  if (!s) {
    r->no_memory = true;
    return;
  }
  fisa_state_reset(r->b->dialect, s);
  lane_to_state(r, lane, s);
  s->cycles = r->b->cycles[lane] + e->cycles[lane];
  from.index = r->p->op[at].ir;
  for (uint32_t i = 0; i < r->p->written_count; i++)
    if (r->p->slot[i].kind == FPK_SLOT_WORK &&
        r->p->slot[i].cell >= r->p->ir->temp)
      from.temps[r->p->slot[i].cell - r->p->ir->temp] = e->col[i][lane];
  res = fir_resume(r->p->ir, e->lane, s, &io, limits, &from);
  e->rows[lane] += (uint32_t)res.instructions;
  e->cost[lane] += (uint32_t)res.cost;
  e->cycles[lane] = (uint32_t)s->cycles - r->b->cycles[lane];
  if (res.starved && !r->tasks) {
    if (lane < r->wrong)
      r->wrong = lane;
    return;
  }
  state_to_lane(r, lane, s);
  if (r->tasks) {
    r->tasks[lane].result.starved = res.starved;
    join_written(r->tasks[lane].state, s);
  }
  e->isa->stop(r, lane, s);
}

void lanes_finish(struct lanes_run *r, const int32_t *mask, uint32_t at) {
  for (uint32_t lane = r->now.lo; lane < r->now.hi && lane < r->wrong; lane++)
    if (mask[lane])
      finish_lane(r, lane, at);
}

/* ---- a run -------------------------------------------------------------- */

static bool room_for_slots(struct flanes *e, uint32_t count) {
  int32_t *own, **col;

  if (count <= e->slot_capacity)
    return true;
  own = new_columns(count);
  col = realloc(e->col, count * sizeof(*col));
  if (col)
    e->col = col;
  if (!own || !col) {
    free(own);
    return false;
  }
  free(e->own);
  e->own = own;
  e->slot_capacity = count;
  return true;
}

/* Makes the run's part of a column that of another one; NULL: a value. */
static void fill(const struct lanes_run *r, int32_t *to, const int32_t *from,
                 int32_t value) {
  const size_t n = (size_t)((r->hi - r->lo) / LANES_BLOCK) * LANES_BLOCK;

  to = __builtin_assume_aligned(to + r->lo, 64);
  if (!from) {
    for (size_t i = 0; i < n; i++)
      to[i] = value;
    return;
  }
  from = __builtin_assume_aligned(from + r->lo, 64);
  for (size_t i = 0; i < n; i++)
    to[i] = from[i];
}

/* Fills the column of a slot with what a state cell begins with. */
static void load_cell(const struct lanes_run *r, int32_t *to, uint32_t cell) {
  uint32_t column = r->b->begin[cell];

  fill(r, to, column == FPK_NONE ? NULL : r->b->column[column].v,
       r->b->uniform[cell]);
}

/* Where each slot begins. Inputs that are only read are used where they lie. */
static void place_slots(struct lanes_run *r) {
  const struct fpk_program *p = r->p;
  struct flanes *e = r->e;

  assert(p->written_count <= p->read_end && p->read_end <= p->slot_count);
  for (uint32_t i = 0; i < p->slot_count; i++)
    e->col[i] = e->own + (size_t)i * LANES_STRIDE;
  for (uint32_t i = p->written_count; i < p->read_end; i++) {
    uint32_t column = r->b->begin[p->slot[i].cell];
    if (column != FPK_NONE)
      e->col[i] = r->b->column[column].v;
    else
      load_cell(r, e->col[i], p->slot[i].cell);
  }
  for (uint32_t k = 0; k < p->load_count; k++) {
    const struct fpk_slot *s = &p->slot[p->load[k]];
    if (s->kind == FPK_SLOT_CELL)
      load_cell(r, e->col[p->load[k]], s->cell);
    else
      fill(r, e->col[p->load[k]], NULL, s->value);
  }
}

/* Whether a batch can be run here at all. */
static bool runs_here(const struct fpk_program *p, const struct fpk_batch *b) {
  const struct fisa_dialect *d = b->dialect;

  if (p->memory && (d->mem_size > LANES_MEMORY || d->mem_size < FISA_PAGE))
    return false;
  return !b->slow && (!b->ticking || p->ir->ticks) &&
         (uint64_t)b->most_fuel * p->most_cost <= UINT32_MAX;
}

static bool show(struct lanes_run *r) {
  struct flanes *e = r->e;
  const struct fpk_program *p = r->p;

  if (e->dialect != r->b->dialect) {
    e->memory.version = e->data.version = e->calls.version = 0;
    e->dialect = r->b->dialect;
  }
  if (p->memory && !show_memory(&e->memory, r->b))
    return false;
  if (p->stack && !show_stack(&e->data, r->b, &p->data))
    return false;
  return !p->stack || p->calls.first == p->data.first ||
         show_stack(&e->calls, r->b, &p->calls);
}

/* Groups by where lanes begin; false: some cannot begin here. */
static bool make_groups(struct lanes_run *r) {
  const struct fpk_batch *b = r->b;
  bool whole = r->hi == r->end;

  if (b->begin_count > LANES_GROUPS)
    return false;
  for (uint32_t k = 0; k < b->begin_count; k++) {
    struct lanes_group g = {.at = r->places->start[k], .lo = r->lo,
                            .hi = r->hi, .loose = true};

    g.left = b->least_fuel < r->most ? b->least_fuel : r->most;
    if (b->begin_count > 1 || !whole) {
      g.mask = lanes_mask_take(r);
      for (uint32_t lane = r->lo; lane < r->hi; lane++) {
        g.mask[lane] = -(lane < r->end && b->at[lane] == k);
        g.active += g.mask[lane] != 0;
      }
      if (g.active == 0) {
        lanes_mask_give(r, g.mask);
        continue;
      }
    } else {
      g.active = r->hi - r->lo;
    }
    if (g.at == FPK_NONE || !(r->p->op[g.at].flags & FPK_START))
      return false;
    r->waiting[r->waiting_count++] = g;
  }
  return true;
}

/* A run of lanes first..first+count-1; what is not said here is 0. The groups
 * and masks, most of it, are written before they are read. */
static void begin_run(struct lanes_run *r, uint32_t first, uint32_t count) {
  r->lo = first;
  r->end = r->wrong = first + count;
  r->hi = (r->end + LANES_BLOCK - 1) / LANES_BLOCK * LANES_BLOCK;
  r->counted = r->uniform = r->no_memory = false;
  r->now = (struct lanes_group){0}; /* none yet */
  r->waiting_count = r->free_count = r->waiting_at = 0;
  r->fresh_masks = LANES_MASKS;
  r->most = FPK_MAX_FUEL + 1;
}

/* Returns 0, 1 (not here) or -1. */
static int run(struct lanes_run *r) {
  struct flanes *e = r->e;
  size_t bytes = (r->hi - r->lo) * sizeof(uint32_t);

  if (!runs_here(r->p, r->b) || !make_groups(r))
    return 1;
  if (!room_for_slots(e, r->p->slot_count) || !show(r))
    return -1;
  place_slots(r);
  if (r->p->outside) {
    memset(e->used + r->lo, 0, bytes);
    memset(e->given + r->lo, 0, bytes);
  }
  e->isa->run(r);
  if (r->p->stores)
    restore_memory(r);
  if (r->p->stack)
    restore_stack(r, &e->data, &r->p->data);
  if (r->p->stack && r->p->calls.first != r->p->data.first)
    restore_stack(r, &e->calls, &r->p->calls);
  return r->no_memory ? -1 : 0;
}

int flanes_run(struct flanes *e, const struct fpk_program *p,
               const struct fpk_batch *b, const struct fpk_places *places,
               uint32_t first, uint32_t count, uint64_t cost_bound,
               struct fpk_verdict *out) {
  struct lanes_run r;
  uint64_t most = UINT64_MAX;
  int rc;

  assert(first % LANES_BLOCK == 0 && first + count <= b->lanes && count > 0);
  begin_run(&r, first, count);
  r.e = e;
  r.p = p;
  r.b = b;
  r.places = places;
  r.tasks = NULL;
  r.stop_at_yield = true;
  if (p->ir->cost_min)
    most = cost_bound / p->ir->cost_min;
  if (most < FPK_MAX_FUEL)
    r.most = (uint32_t)most + 1;
  rc = run(&r);
  if (rc == 0)
    e->isa->reduce(&r, cost_bound, out);
  return rc;
}

/* ---- states as they are ------------------------------------------------- */

void lanes_exec_end(struct lanes_run *r, uint32_t lane,
                    const struct fisa_state *end) {
  struct flanes_task *t = &r->tasks[lane];
  const struct flanes *e = r->e;

  for (uint32_t i = 0; i < r->p->written_count; i++)
    if (r->p->slot[i].kind == FPK_SLOT_CELL)
      t->state->cells[r->p->slot[i].cell] = e->col[i][lane];
  if (r->p->stack) {
    image_to_cells(&e->data, &r->p->data, lane, t->state);
    if (r->p->calls.first != r->p->data.first)
      image_to_cells(&e->calls, &r->p->calls, lane, t->state);
  }
  for (uint32_t i = 0; r->p->stores && i < e->memory.touched_count; i++) {
    uint32_t word = e->memory.list[i];
    int32_t v = e->memory.v[(size_t)word * FPK_WIDTH + lane];
    if (v != 0 || t->state->dirty[word / 64 / 64] >> word / 64 % 64 & 1)
      put_word(t->state, word, v);
  }
  t->result.instructions = e->rows[lane];
  t->result.cost = e->cost[lane];
  t->state->cycles += e->cycles[lane];
  t->state->status = end->status;
  t->state->fault = end->fault;
  t->state->pc = end->pc;
}

/* A batch of the states, which nobody compares with anything. */
static int exec_batch(struct flanes *e, const struct fisa_dialect *d,
                      struct flanes_task *tasks, uint32_t count,
                      uint64_t fuel) {
  static const struct fpk_view nothing;

  if (e->exec && e->exec->dialect == d) {
    fpk_batch_clear(e->exec);
  } else {
    fpk_batch_free(e->exec);
    e->exec = fpk_batch_new(d);
  }
  for (uint32_t i = 0; e->exec && i < count; i++) {
    const struct fpk_episode one = {.begin = tasks[i].state,
                                    .end = tasks[i].state,
                                    .fuel = fuel,
                                    .view = &nothing};
    if (fpk_batch_add(e->exec, &one))
      return -1;
  }
  return e->exec ? 0 : -1;
}

int flanes_exec(struct flanes *e, const struct fpk_program *p,
                struct flanes_task *tasks, uint32_t count,
                struct fir_limits limits) {
  struct lanes_run r;
  uint32_t start[FPK_WIDTH];
  struct fpk_places places = {.start = start};

  assert(count > 0 && count <= FPK_WIDTH);
  if (limits.fuel == 0 || limits.fuel > FPK_MAX_FUEL)
    return 1;
  if (exec_batch(e, p->ir->dialect, tasks, count, limits.fuel))
    return -1;
  fpk_places_start(p, e->exec->begin_pc, e->exec->begin_count, start);
  for (uint32_t i = 0; i < count; i++)
    tasks[i].result = (struct fir_result){0};
  begin_run(&r, 0, count);
  r.e = e;
  r.p = p;
  r.b = e->exec;
  r.places = &places;
  r.tasks = tasks;
  r.stop_at_yield = limits.stop_at_yield;
  return run(&r);
}
