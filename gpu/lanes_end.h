/*
 * gpu/lanes_end.h - lanes that come to an end, held against the root.
 *
 * Included by lanes_run.h.
 */

/* ---- the end of a task -------------------------------------------------- */

/* The lane's value of a cell at begin, and at the root's end, as columns;
 * NULL: `uniform` in every lane. */
static inline const int32_t *begin_of(const struct lanes_run *r, uint32_t c) {
  uint32_t i = r->b->begin[c];

  return i == FPK_NONE ? NULL : const_part(r, r->b->column[i].v);
}

static inline const int32_t *end_of(const struct lanes_run *r, uint32_t c) {
  uint32_t i = r->b->end[c];

  return i == FPK_NONE ? begin_of(r, c) : const_part(r, r->b->column[i].v);
}

/* A column, or where it is NULL one made of a value that is the same in all
 * lanes: loops that ask each time are no vector code. */
static const int32_t *filled(const struct lanes_run *r, const int32_t *column,
                             int32_t uniform, int32_t *room) {
  const size_t n = lane_count(r);

  if (column)
    return __builtin_assume_aligned(column, 64);
  room = __builtin_assume_aligned(room, 64);
  for (size_t i = 0; i < n; i++)
    room[i] = uniform;
  return room;
}

#define ROOM(name) int32_t name[FPK_WIDTH] __attribute__((aligned(64)))

/* bad |= where two columns differ, in the bits of a mask; not 0: somewhere.
 * The second may be NULL for a value that is the same in all lanes. */
static int32_t differ(const struct lanes_run *r, const int32_t *x,
                      const int32_t *y, int32_t uniform, uint32_t bits) {
  const size_t n = lane_count(r);
  int32_t *bad = part(r, r->e->bad), any = 0;
  ROOM(room);

  y = filled(r, y, uniform, room);
  IVDEP for (size_t i = 0; i < n; i++) {
    const int32_t d = (x[i] ^ y[i]) & (int32_t)bits;
    bad[i] |= d;
    any |= d;
  }
  return any;
}

static int32_t differ_float(const struct lanes_run *r, const int32_t *x,
                            const int32_t *y, int32_t uniform) {
  const size_t n = lane_count(r);
  int32_t *bad = part(r, r->e->bad), any = 0;
  ROOM(room);

  y = filled(r, y, uniform, room);
  IVDEP for (size_t i = 0; i < n; i++) {
    const int32_t d = fsem_canon(x[i]) ^ fsem_canon(y[i]);
    bad[i] |= d;
    any |= d;
  }
  return any;
}

/* The same of a cell of the state. */
static int32_t compare_cell(const struct lanes_run *r, uint32_t c,
                            bool is_float) {
  uint32_t slot = r->p->slot_of[c];
  int32_t uniform = r->b->uniform[c];
  const int32_t *want = end_of(r, c), *have;

  if (slot < r->p->written_count) {
    have = column(r, slot);
  } else { /* it is as it was */
    if (r->b->end[c] == FPK_NONE)
      return 0;
    have = begin_of(r, c);
    if (!have) {
      have = want;
      want = NULL;
    }
  }
  return is_float ? differ_float(r, have, want, uniform)
                  : differ(r, have, want, uniform, UINT32_MAX);
}

/* A cell of the stack, where it is live. sp: the index, already found equal
 * to the root's. */
static void compare_stack_cell(const struct lanes_run *r, uint32_t i,
                               const int32_t *sp, bool is_float) {
  const struct fisa_dialect *d = r->b->dialect;
  const struct fisa_file *f = &d->files[d->stack_file];
  const size_t n = lane_count(r);
  const int32_t uniform = r->b->uniform[f->first + i], cell = (int32_t)i;
  const int32_t *want = end_of(r, f->first + i), *have;
  int32_t *bad = part(r, r->e->bad);
  bool down = f->down;
  ROOM(have_room);
  ROOM(want_room);

  if (r->p->stack && r->e->data.touched[i])
    have = const_part(r, r->e->data.v + (size_t)i * FPK_WIDTH);
  else if (r->b->end[f->first + i] == FPK_NONE)
    return;
  else
    have = begin_of(r, f->first + i);
  have = filled(r, have, uniform, have_room);
  want = filled(r, want, uniform, want_room);
  for (size_t k = 0; k < n; k++) {
    int32_t x = is_float ? fsem_canon(have[k]) : have[k];
    int32_t y = is_float ? fsem_canon(want[k]) : want[k];
    bool live = down ? cell >= sp[k] : cell < sp[k];

    bad[k] |= live ? x ^ y : 0;
  }
}

/* The index of a stack, or the nearest that is one. */
static inline int32_t clamp_index(int32_t sp, int32_t count) {
  sp = sp < 0 ? 0 : sp;
  return sp > count ? count : sp;
}

static void compare_stack(const struct lanes_run *r) {
  const struct fisa_dialect *d = r->b->dialect;
  const size_t n = lane_count(r);
  const uint32_t sp = d->sp_cell, slot = r->p->slot_of[sp];
  const int32_t uniform = r->b->uniform[sp];
  const int32_t *now, *then;
  const struct fisa_file *f;
  int32_t *bad = part(r, r->e->bad);
  ROOM(now_room);
  ROOM(then_room);
  ROOM(index);

  if (d->stack_file >= d->file_count)
    return;
  f = &d->files[d->stack_file];
  now = slot < r->p->written_count ? column(r, slot) : begin_of(r, sp);
  now = filled(r, now, uniform, now_room);
  then = filled(r, end_of(r, sp), uniform, then_room);
  for (size_t i = 0; i < n; i++) {
    index[i] = clamp_index(then[i], f->count);
    bad[i] |= clamp_index(now[i], f->count) ^ index[i];
  }
  for (uint32_t i = 0; i < f->count; i++)
    compare_stack_cell(r, i, index, f->type == FISA_F32);
}

/* A word of memory: as it is now, or as it was at begin. */
static void compare_word(const struct lanes_run *r, uint32_t word,
                         const struct fpk_word *entry, uint32_t bits) {
  const struct lanes_image *m = &r->e->memory;
  const struct fpk_column *column = r->b->column;
  bool touched = r->p->stores && m->touched[word];
  const int32_t *have = NULL, *want = NULL;

  if (entry && entry->begin != FPK_NONE)
    have = want = const_part(r, column[entry->begin].v);
  if (entry && entry->end != FPK_NONE)
    want = const_part(r, column[entry->end].v);
  if (touched)
    have = const_part(r, m->v + (size_t)word * FPK_WIDTH);
  if (have)
    differ(r, have, want, 0, bits);
  else if (want)
    differ(r, want, NULL, 0, bits);
}

static void compare_memory(const struct lanes_run *r,
                           const struct fpk_view *v) {
  const struct lanes_image *m = &r->e->memory;
  const struct fpk_batch *b = r->b;

  for (uint32_t i = 0; i < b->word_count; i++)
    if (b->word[i].end != FPK_NONE &&
        !(r->p->stores && m->touched[b->word[i].word]))
      compare_word(r, b->word[i].word, &b->word[i],
                   fpk_view_mask(v, b->word[i].word));
  for (uint32_t i = 0; r->p->stores && i < m->touched_count; i++) {
    uint32_t bits = fpk_view_mask(v, m->list[i]);
    uint32_t entry = bits ? fpk_batch_word(b, m->list[i]) : FPK_NONE;

    if (bits)
      compare_word(r, m->list[i], entry == FPK_NONE ? NULL : &b->word[entry],
                   bits);
  }
}

/* bad |= where what a view looks at differs; false: surely nowhere. */
static bool compare_view(const struct lanes_run *r, const struct fpk_view *v) {
  bool memory = v->memory || v->range_count > 0;
  int32_t any = 0;

  for (uint32_t i = 0; i < v->cell_count; i++)
    any |= compare_cell(r, v->cell[i], v->is_float[i]);
  if (v->stack)
    compare_stack(r);
  if (memory)
    compare_memory(r, v);
  return any != 0 || v->stack || memory;
}

/* How many lanes ended as the root did. */
enum ended { ENDED_NONE, ENDED_SOME, ENDED_ALL };

/* Of a mask (NULL: all of the group), by what is bad. */
static enum ended count_ended(const struct lanes_run *r, const int32_t *mask) {
  const size_t n = lane_count(r);
  const int32_t *bad = const_part(r, r->e->bad);
  const int32_t *m = mask ? const_part(r, mask) : NULL;
  int32_t good = 0;

  if (!m)
    for (size_t i = 0; i < n; i++)
      good |= -(bad[i] == 0);
  else
    for (size_t i = 0; i < n; i++)
      good |= -(bad[i] == 0) & m[i];
  return good ? ENDED_SOME : ENDED_NONE;
}

/* bad = where the kind of end differs from the root's. */
static enum ended compare_end(const struct lanes_run *r, const int32_t *mask,
                              const struct fisa_state *end) {
  const struct fpk_batch *b = r->b;
  const size_t n = lane_count(r);
  int32_t *bad = part(r, r->e->bad);
  const int32_t *status = b->status + r->now.lo, *fault = b->fault + r->now.lo;

  if (b->alike && !r->p->outside) {
    bool same = status[0] == end->status && fault[0] == end->fault &&
                (end->status != FISA_RUN_YIELD ||
                 r->places->stop[b->stop[r->now.lo]] == end->pc);
    memset(bad, same ? 0 : 0xFF, n * sizeof(*bad));
    return same ? ENDED_ALL : ENDED_NONE;
  }
  for (size_t i = 0; i < n; i++)
    bad[i] = (status[i] ^ end->status) | (fault[i] ^ end->fault);
  if (b->event_count > 0 || r->p->outside)
    for (size_t i = 0; i < n; i++) {
      uint32_t lane = r->now.lo + (uint32_t)i;
      uint32_t used = r->p->outside ? r->e->used[lane] : 0;
      uint32_t given = r->p->outside ? r->e->given[lane] : 0;
      bad[i] |= used != b->in_count[lane] || given != b->out_count[lane];
    }
  if (end->status == FISA_RUN_YIELD)
    for (size_t i = 0; i < n; i++) {
      uint32_t stop = b->stop[r->now.lo + i];
      bad[i] |= stop == FPK_NONE || r->places->stop[stop] != end->pc;
    }
  return count_ended(r, mask);
}

/* The first lane of a mask that is bad, or r->wrong. */
static void note_wrong(struct lanes_run *r, const int32_t *mask,
                       const struct fpk_view *view) {
  const size_t n = lane_count(r);
  const int32_t *bad = const_part(r, r->e->bad);
  int32_t any = 0;

  for (size_t i = 0; i < n; i++)
    any |= bad[i];
  if (!any)
    return;
  for (uint32_t lane = r->now.lo; lane < r->now.hi && lane < r->wrong; lane++)
    if ((!mask || mask[lane]) && r->e->bad[lane] &&
        (!view || r->b->view[r->b->looks[lane]] == view)) {
      r->wrong = lane;
      return;
    }
}

/* Lanes of a mask (NULL: all) have come to an end, their counters written:
 * what became of them. Of `end` the status, the fault and the pc count. */
static void stop_lanes(struct lanes_run *r, const int32_t *mask,
                       const struct fisa_state *end) {
  enum ended ended;

  if (r->tasks) {
    for (uint32_t lane = r->now.lo; lane < r->now.hi; lane++)
      if (!mask || mask[lane])
        lanes_exec_end(r, lane, end);
    return;
  }
  ended = compare_end(r, mask, end);
  if (ended != ENDED_NONE && r->b->view_count == 1 &&
      !compare_view(r, r->b->view[0]) && ended == ENDED_ALL)
    return;
  note_wrong(r, mask, NULL);
  if (ended == ENDED_NONE || r->b->view_count == 1)
    return;
  for (uint32_t v = 0; v < r->b->view_count; v++) {
    compare_end(r, mask, end);
    compare_view(r, r->b->view[v]);
    note_wrong(r, mask, r->b->view[v]);
  }
}

/* The same of one lane of the present group: only its block is looked at. */
static void stop_lane(struct lanes_run *r, uint32_t lane,
                      const struct fisa_state *end) {
  int32_t mask[FPK_WIDTH] __attribute__((aligned(64)));
  const uint32_t lo = r->now.lo, hi = r->now.hi;

  assert(lane >= lo && lane < hi);
  r->now.lo = lane / LANES_BLOCK * LANES_BLOCK;
  r->now.hi = r->now.lo + LANES_BLOCK;
  memset(mask + r->now.lo, 0, LANES_BLOCK * sizeof(*mask));
  mask[lane] = -1;
  stop_lanes(r, mask, end);
  r->now.lo = lo;
  r->now.hi = hi;
}

/* The present group stops in o, which is counted, or END, which is not. */
static void stop_group(struct lanes_run *r, const struct fpk_op *o,
                       int32_t status, int32_t fault, uint32_t pc) {
  const struct fisa_state end = {.status = status, .fault = fault, .pc = pc};

  count_to(r, o);
  if (!r->counted && !r->now.mask && !r->tasks &&
      r->now.lo == r->lo && r->now.hi == r->hi) {
    r->uniform = true;
    r->uniform_rows = r->now.rows;
    r->uniform_cost = r->now.cost;
  } else {
    flush(r, &r->now);
  }
  stop_lanes(r, r->now.mask, &end);
  shorten(r);
}

/* Lanes of a mask stop in o with a fault; true if others go on. The mask is
 * given back. */
static bool fault_lanes(struct lanes_run *r, const struct fpk_op *o,
                        int32_t *mask, uint32_t pc) {
  const struct fisa_state end = {
      .status = FISA_RUN_FAULT, .fault = o->imm, .pc = pc};
  struct lanes_group g;
  bool on;

  count_to(r, o);
  g = r->now;
  g.mask = mask;
  flush(r, &g);
  on = leave(r, mask);
  stop_lanes(r, mask, &end);
  lanes_mask_give(r, mask);
  shorten(r);
  return on && r->now.active > 0;
}

/* Lanes of a mask are wrong, or starved, in o: what they asked for or gave is
 * not what the root did. */
static bool lose_lanes(struct lanes_run *r, const struct fpk_op *o,
                       int32_t *mask) {
  struct lanes_group g;
  bool on;

  count_to(r, o);
  g = r->now;
  g.mask = mask;
  flush(r, &g);
  on = leave(r, mask);
  for (uint32_t lane = r->now.lo; lane < r->now.hi; lane++) {
    const struct fisa_state end = {.status = FISA_RUN_FUEL,
                                   .pc = o->row & ~FIR_FIRST};
    if (!mask[lane])
      continue;
    if (r->tasks) {
      r->tasks[lane].result.starved = true;
      lanes_exec_end(r, lane, &end);
    } else if (lane < r->wrong) {
      r->wrong = lane;
    }
  }
  lanes_mask_give(r, mask);
  shorten(r);
  return on && r->now.active > 0;
}

/* ---- the verdict -------------------------------------------------------- */

/* How many of lanes lo..end-1 count. */
static uint32_t count_counting(const struct lanes_run *r, uint32_t end) {
  uint32_t counting = 0;

  if (r->b->counting == r->b->lanes)
    return end - r->lo;
  for (uint32_t i = r->lo; i < end; i++)
    counting += (uint32_t)-r->b->counts[i];
  return counting;
}

/* Cost and instructions of lanes lo..end-1. */
static void sum_lanes(const struct lanes_run *r, uint32_t end, uint64_t *cost,
                      uint64_t *rows) {
  uint64_t all_cost = 0, all_rows = 0;

  if (r->uniform) {
    *cost = (uint64_t)count_counting(r, end) * r->uniform_cost;
    *rows = (uint64_t)(end - r->lo) * r->uniform_rows;
    return;
  }
  for (uint32_t i = r->lo; i < end; i++) {
    all_cost += r->e->cost[i] & (uint32_t)r->b->counts[i];
    all_rows += r->e->rows[i];
  }
  *cost = all_cost;
  *rows = all_rows;
}

static uint32_t lane_cost(const struct lanes_run *r, uint32_t lane) {
  if (!r->b->counts[lane])
    return 0;
  return r->uniform ? r->uniform_cost : r->e->cost[lane];
}

static void reduce(const struct lanes_run *r, uint64_t bound,
                   struct fpk_verdict *out) {
  uint32_t end = r->wrong;
  uint64_t with, rows;

  memset(out, 0, sizeof(*out));
  sum_lanes(r, end, &out->cost, &out->instructions);
  with = out->cost + (end < r->end ? lane_cost(r, end) : 0);
  out->wrong = end < r->end && with <= bound;
  if (with > bound) {
    out->dear = true;
    for (with = 0, end = r->lo; with + lane_cost(r, end) <= bound; end++)
      with += lane_cost(r, end);
    sum_lanes(r, end, &out->cost, &rows);
    out->instructions = rows;
  }
  out->good = end - r->lo;
}
