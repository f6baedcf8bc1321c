/*
 * gpu/lanes_run.h - one program on many lanes: the source of all builds.
 *
 * A build defines LANES_BUILD, the name of its lanes_isa, and LANES_NAME, and
 * includes this once. Loops over lanes are written so that a compiler makes
 * vector code of them: whole blocks, aligned columns, no call, no break.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lanes_impl.h"

/* Memory as gpu/semantics.h reaches it: that of one lane. */
struct lanes_memory {
  struct lanes_image *image;
  struct fisa_state *marks;  /* of flanes_exec: what is written; or NULL */
  uint32_t lane, mask;
};

#define FSEM_MEM struct lanes_memory

static inline int32_t *lanes_word(const struct lanes_memory *m, uint32_t at) {
  return &m->image->v[(size_t)((at & m->mask) / 4) * FPK_WIDTH + m->lane];
}

static inline __attribute__((unused)) int32_t
fsem_get(const struct lanes_memory *m, uint32_t at) {
  return (int32_t)((uint32_t)*lanes_word(m, at) >> 8 * (at & 3) & 255);
}

static inline __attribute__((unused)) void
fsem_put(struct lanes_memory *m, uint32_t at, int32_t v) {
  uint32_t shift = 8 * (at & 3);
  int32_t *word = lanes_word(m, at);

  *word = (int32_t)(((uint32_t)*word & ~(255u << shift)) |
                    ((uint32_t)v & 255) << shift);
  lanes_touch(m->image, (at & m->mask) / 4);
  if (m->marks)
    fisa_state_mark(m->marks, at, 1);
}

static inline __attribute__((unused)) int32_t
fsem_load32(const struct lanes_memory *m, int32_t address) {
  uint32_t at = (uint32_t)address, shift = 8 * (at & 3);
  uint64_t two = (uint32_t)*lanes_word(m, at);

  if (shift)
    two |= (uint64_t)(uint32_t)*lanes_word(m, at + 4) << 32;
  return (int32_t)(uint32_t)(two >> shift);
}

static inline __attribute__((unused)) void
fsem_store32(struct lanes_memory *m, int32_t address, int32_t value) {
  uint32_t at = (uint32_t)address;

  if (at & 3) {
    for (uint32_t i = 0; i < 4; i++)
      fsem_put(m, at + i, (int32_t)((uint32_t)value >> 8 * i & 255));
    return;
  }
  *lanes_word(m, at) = value;
  lanes_touch(m->image, (at & m->mask) / 4);
  if (m->marks)
    fisa_state_mark(m->marks, at, 4);
}

#include "gpu/semantics.h"

#include "gpu/lanes_ops.h"

/* ---- masks -------------------------------------------------------------- */

/* A part of a column of masks that belongs to a run. */
static inline int32_t *part(const struct lanes_run *r, int32_t *mask) {
  return __builtin_assume_aligned(mask + r->lo, 64);
}

static inline const int32_t *const_part(const struct lanes_run *r,
                                        const int32_t *mask) {
  return __builtin_assume_aligned(mask + r->lo, 64);
}

static uint32_t count_lanes(const struct lanes_run *r, const int32_t *mask) {
  const size_t n = lane_count(r);
  const int32_t *m = const_part(r, mask);
  int32_t count = 0;

  for (size_t i = 0; i < n; i++)
    count -= m[i];
  return (uint32_t)count;
}

/* Whether a lane is of the present group. */
static inline bool is_active(const struct lanes_run *r, uint32_t lane) {
  return !r->now.mask || r->now.mask[lane];
}

#define EACH_ACTIVE(r, lane) \
  for (uint32_t lane = (r)->lo; lane < (r)->hi; lane++) \
    if (is_active(r, lane))

static uint32_t first_active(const struct lanes_run *r) {
  uint32_t lane = r->lo;

  while (lane + 1 < r->hi && !is_active(r, lane))
    lane++;
  return lane;
}

/* ---- counters ----------------------------------------------------------- */

static void add_to(const struct lanes_run *r, uint32_t *counter,
                   const int32_t *mask, uint32_t v) {
  const size_t n = lane_count(r);
  uint32_t *c = __builtin_assume_aligned(counter + r->lo, 64);

  if (v == 0)
    return;
  if (!mask) {
    for (size_t i = 0; i < n; i++)
      c[i] += v;
    return;
  }
  mask = const_part(r, mask);
  for (size_t i = 0; i < n; i++)
    c[i] += v & (uint32_t)mask[i];
}

/* Gives a group's counts to its lanes. */
static void flush(struct lanes_run *r, struct lanes_group *g) {
  struct flanes *e = r->e;
  size_t bytes = lane_count(r) * sizeof(uint32_t);

  if (!r->counted) {
    memset(e->rows + r->lo, 0, bytes);
    memset(e->cost + r->lo, 0, bytes);
    memset(e->cycles + r->lo, 0, bytes);
    r->counted = true;
  }
  add_to(r, e->rows, g->mask, g->rows);
  add_to(r, e->cost, g->mask, g->cost);
  add_to(r, e->cycles, g->mask, g->cycles);
  g->rows = g->cost = g->cycles = 0;
}

/* A straight run begins at o. */
static inline void set_base(struct lanes_run *r, const struct fpk_op *o) {
  r->base_rows = o->rows - o->own_rows;
  r->base_cost = o->cost - o->own_cost;
  r->base_cycles = o->cycles - o->own_cycles;
}

/* Counts what was done since, up to where the sums are these. */
static inline void count_sums(struct lanes_run *r, uint32_t rows, uint32_t cost,
                              uint32_t cycles) {
  r->now.rows += rows - r->base_rows;
  r->now.left -= rows - r->base_rows;
  r->now.lone += rows - r->base_rows;
  r->now.cost += cost - r->base_cost;
  r->now.cycles += cycles - r->base_cycles;
  r->base_rows = rows;
  r->base_cost = cost;
  r->base_cycles = cycles;
}

/* Up to and with o. */
static inline void count_to(struct lanes_run *r, const struct fpk_op *o) {
  count_sums(r, o->rows, o->cost, o->cycles);
}

/* Up to o, without it. */
static inline void count_before(struct lanes_run *r, const struct fpk_op *o) {
  count_sums(r, o->rows - o->own_rows, o->cost - o->own_cost,
             o->cycles - o->own_cycles);
}

/* ---- groups ------------------------------------------------------------- */

/* The group is over; false: so is the run. */
static bool next_group(struct lanes_run *r) {
  uint32_t least = 0;

  if (r->now.mask)
    lanes_mask_give(r, r->now.mask);
  r->now.mask = NULL;
  r->now.active = 0;
  if (r->waiting_count == 0 || r->wrong == r->lo)
    return false;
  for (uint32_t i = 1; i < r->waiting_count; i++)
    if (r->waiting[i].at < r->waiting[least].at)
      least = i;
  r->now = r->waiting[least];
  r->waiting[least] = r->waiting[--r->waiting_count];
  set_base(r, &r->p->op[r->now.at]);
  return true;
}

/* Lanes of another group join the present one, at the same op. */
static void join(struct lanes_run *r, struct lanes_group *g) {
  const size_t n = lane_count(r);
  int32_t *m, *more;

  assert(r->now.mask && g->mask);
  if (g->rows != r->now.rows || g->cost != r->now.cost ||
      g->cycles != r->now.cycles) {
    flush(r, g);
    flush(r, &r->now);
  }
  m = part(r, r->now.mask);
  more = part(r, g->mask);
  for (size_t i = 0; i < n; i++)
    m[i] |= more[i];
  lanes_mask_give(r, g->mask);
  r->now.active += g->active;
  r->now.lone = 0;
  if (g->left < r->now.left)
    r->now.left = g->left;
  if (r->now.active == r->hi - r->lo) {
    lanes_mask_give(r, r->now.mask);
    r->now.mask = NULL;
  }
}

/* Joins whoever waits at the present group's op; lets whoever is less far go
 * first. */
static void settle(struct lanes_run *r) {
  uint32_t least = 0;

  for (uint32_t i = 0; i < r->waiting_count;)
    if (r->waiting[i].at == r->now.at) {
      struct lanes_group g = r->waiting[i];
      r->waiting[i] = r->waiting[--r->waiting_count];
      join(r, &g);
    } else {
      i++;
    }
  for (uint32_t i = 1; i < r->waiting_count; i++)
    if (r->waiting[i].at < r->waiting[least].at)
      least = i;
  if (r->waiting_count > 0 && r->waiting[least].at < r->now.at) {
    struct lanes_group g = r->waiting[least];
    r->waiting[least] = r->now;
    r->now = g;
    set_base(r, &r->p->op[r->now.at]);
  }
}

/* Takes lanes out of the present group; true if any are left in it. */
static bool leave(struct lanes_run *r, const int32_t *gone) {
  const size_t n = lane_count(r);
  const int32_t *out = const_part(r, gone);
  int32_t *m;

  if (!r->now.mask) {
    r->now.mask = lanes_mask_take(r);
    memset(part(r, r->now.mask), 0xFF, n * sizeof(*m));
  }
  m = part(r, r->now.mask);
  for (size_t i = 0; i < n; i++)
    m[i] &= ~out[i];
  r->now.active = count_lanes(r, r->now.mask);
  return r->now.active > 0;
}

/* From a lane that is wrong on nobody looks at the lanes behind it: the run
 * becomes shorter. */
static void shorten(struct lanes_run *r) {
  uint32_t hi = (r->wrong + LANES_BLOCK) / LANES_BLOCK * LANES_BLOCK;

  if (r->tasks || hi >= r->hi)
    return;
  r->hi = hi;
  for (uint32_t i = 0; i < r->waiting_count;) {
    struct lanes_group *g = &r->waiting[i];
    g->active = count_lanes(r, g->mask);
    if (g->active == 0) {
      lanes_mask_give(r, g->mask);
      *g = r->waiting[--r->waiting_count];
    } else {
      i++;
    }
  }
  r->now.active = r->now.mask ? count_lanes(r, r->now.mask) : hi - r->lo;
  if (r->wrong == r->lo) /* all is said */
    r->now.active = 0;
}

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

/* bad |= where two columns differ, in the bits of a mask. The second may be
 * NULL for a value that is the same in all lanes. */
static void differ(const struct lanes_run *r, const int32_t *x,
                   const int32_t *y, int32_t uniform, uint32_t bits) {
  const size_t n = lane_count(r);
  int32_t *bad = part(r, r->e->bad);

  if (!y) {
    for (size_t i = 0; i < n; i++)
      bad[i] |= (x[i] ^ uniform) & (int32_t)bits;
    return;
  }
  for (size_t i = 0; i < n; i++)
    bad[i] |= (x[i] ^ y[i]) & (int32_t)bits;
}

static void differ_float(const struct lanes_run *r, const int32_t *x,
                         const int32_t *y, int32_t uniform) {
  const size_t n = lane_count(r);
  int32_t *bad = part(r, r->e->bad);

  for (size_t i = 0; i < n; i++)
    bad[i] |= fsem_canon(x[i]) ^ fsem_canon(y ? y[i] : uniform);
}

static void compare_cell(const struct lanes_run *r, uint32_t c, bool is_float) {
  uint32_t slot = r->p->slot_of[c];
  int32_t uniform = r->b->uniform[c];
  const int32_t *want = end_of(r, c), *have;

  if (slot < r->p->written_count) {
    have = column(r, slot);
  } else { /* it is as it was */
    if (r->b->end[c] == FPK_NONE)
      return;
    have = begin_of(r, c);
    if (!have) {
      have = want;
      want = NULL;
    }
  }
  if (is_float)
    differ_float(r, have, want, uniform);
  else
    differ(r, have, want, uniform, UINT32_MAX);
}

/* A cell of the stack, where it is live. sp: the index, already found equal
 * to the root's. */
static void compare_stack_cell(const struct lanes_run *r, uint32_t i,
                               const int32_t *sp, bool is_float) {
  const struct fisa_dialect *d = r->b->dialect;
  const struct fisa_file *f = &d->files[d->stack_file];
  const size_t n = lane_count(r);
  const int32_t *want = end_of(r, f->first + i), *have = NULL;
  int32_t uniform = r->b->uniform[f->first + i];
  int32_t *bad = part(r, r->e->bad);
  bool down = f->down;

  if (r->p->stack && r->e->data.touched[i])
    have = const_part(r, r->e->data.v + (size_t)i * FPK_WIDTH);
  else if (r->b->end[f->first + i] == FPK_NONE)
    return;
  else
    have = begin_of(r, f->first + i);
  for (size_t k = 0; k < n; k++) {
    int32_t x = have ? have[k] : uniform, y = want ? want[k] : uniform;
    bool live = down ? (int32_t)i >= sp[k] : (int32_t)i < sp[k];

    if (is_float) {
      x = fsem_canon(x);
      y = fsem_canon(y);
    }
    bad[k] |= live ? x ^ y : 0;
  }
}

/* Columns of a cell now and at the root's end, filled up where it is the same
 * in all lanes. */
static void now_and_then(const struct lanes_run *r, uint32_t c, int32_t *now,
                         int32_t *then) {
  const size_t n = lane_count(r);
  uint32_t slot = r->p->slot_of[c];
  const int32_t *have = slot < r->p->written_count ? column(r, slot)
                                                   : begin_of(r, c);
  const int32_t *want = end_of(r, c);

  for (size_t i = 0; i < n; i++) {
    now[i] = have ? have[i] : r->b->uniform[c];
    then[i] = want ? want[i] : r->b->uniform[c];
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
  const struct fisa_file *f;
  int32_t *bad = part(r, r->e->bad);
  int32_t now[FPK_WIDTH] __attribute__((aligned(64)));
  int32_t then[FPK_WIDTH] __attribute__((aligned(64)));

  if (d->stack_file >= d->file_count)
    return;
  f = &d->files[d->stack_file];
  now_and_then(r, d->sp_cell, now, then);
  for (size_t i = 0; i < n; i++) {
    then[i] = clamp_index(then[i], f->count);
    bad[i] |= clamp_index(now[i], f->count) ^ then[i];
  }
  for (uint32_t i = 0; i < f->count; i++)
    compare_stack_cell(r, i, then, f->type == FISA_F32);
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

static void compare_view(const struct lanes_run *r, const struct fpk_view *v) {
  for (uint32_t i = 0; i < v->cell_count; i++)
    compare_cell(r, v->cell[i], v->is_float[i]);
  if (v->stack)
    compare_stack(r);
  if (v->memory || v->range_count > 0)
    compare_memory(r, v);
}

/* bad = where the kind of end differs from the root's. */
static void compare_end(const struct lanes_run *r,
                        const struct fisa_state *end) {
  const struct fpk_batch *b = r->b;
  const size_t n = lane_count(r);
  int32_t *bad = part(r, r->e->bad);
  const int32_t *status = b->status + r->lo, *fault = b->fault + r->lo;

  if (b->alike && !r->p->outside) {
    bool same = status[0] == end->status && fault[0] == end->fault &&
                (end->status != FISA_RUN_YIELD ||
                 r->places->stop[b->stop[r->lo]] == end->pc);
    memset(bad, same ? 0 : 0xFF, n * sizeof(*bad));
    return;
  }
  for (size_t i = 0; i < n; i++)
    bad[i] = (status[i] ^ end->status) | (fault[i] ^ end->fault);
  if (b->event_count > 0 || r->p->outside)
    for (size_t i = 0; i < n; i++) {
      uint32_t lane = r->lo + (uint32_t)i;
      uint32_t used = r->p->outside ? r->e->used[lane] : 0;
      uint32_t given = r->p->outside ? r->e->given[lane] : 0;
      bad[i] |= used != b->in_count[lane] || given != b->out_count[lane];
    }
  if (end->status == FISA_RUN_YIELD)
    for (size_t i = 0; i < n; i++) {
      uint32_t stop = b->stop[r->lo + i];
      bad[i] |= stop == FPK_NONE || r->places->stop[stop] != end->pc;
    }
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
  for (uint32_t lane = r->lo; lane < r->hi && lane < r->wrong; lane++)
    if ((!mask || mask[lane]) && r->e->bad[lane] &&
        (!view || r->b->view[r->b->looks[lane]] == view)) {
      r->wrong = lane;
      return;
    }
}

/* Whether a lane of the mask is already known to be bad. */
static bool all_bad(const struct lanes_run *r, const int32_t *mask) {
  const size_t n = lane_count(r);
  const int32_t *bad = const_part(r, r->e->bad);
  const int32_t *m = mask ? const_part(r, mask) : NULL;
  int32_t good = 0;

  for (size_t i = 0; i < n; i++)
    good |= bad[i] == 0 && (!m || m[i]);
  return !good;
}

/* Lanes of a mask (NULL: all) have come to an end, their counters written:
 * what became of them. Of `end` the status, the fault and the pc count. */
static void stop_lanes(struct lanes_run *r, const int32_t *mask,
                       const struct fisa_state *end) {
  if (r->tasks) {
    for (uint32_t lane = r->lo; lane < r->end; lane++)
      if (!mask || mask[lane])
        lanes_exec_end(r, lane, end);
    return;
  }
  compare_end(r, end);
  if (all_bad(r, mask)) {
    note_wrong(r, mask, NULL);
    return;
  }
  if (r->b->view_count == 1) {
    compare_view(r, r->b->view[0]);
    note_wrong(r, mask, NULL);
    return;
  }
  note_wrong(r, mask, NULL);
  for (uint32_t v = 0; v < r->b->view_count; v++) {
    compare_end(r, end);
    compare_view(r, r->b->view[v]);
    note_wrong(r, mask, r->b->view[v]);
  }
}

/* The present group stops in o, which is counted, or END, which is not. */
static void stop_group(struct lanes_run *r, const struct fpk_op *o,
                       int32_t status, int32_t fault, uint32_t pc) {
  const struct fisa_state end = {.status = status, .fault = fault, .pc = pc};

  count_to(r, o);
  if (!r->counted && !r->now.mask && !r->tasks) {
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
  for (uint32_t lane = r->lo; lane < r->hi; lane++) {
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

/* ---- control ------------------------------------------------------------ */

/* What an op's handler says. */
enum { ON = 1, OVER = 0 }; /* go on at r->now.at; the group is over */

static int go_to(struct lanes_run *r, const struct fpk_op *o, uint32_t target) {
  count_to(r, o);
  r->now.at = target;
  set_base(r, &r->p->op[target]);
  return ON;
}

static int go_on(struct lanes_run *r, const struct fpk_op *o) {
  r->now.at = (uint32_t)(o - r->p->op) + 1;
  return ON;
}

/* Lanes of a mask, which is theirs from now on, leave the present group for
 * a head; where too many groups wait they are finished at once. What is done
 * is counted. */
static void park(struct lanes_run *r, int32_t *mask, uint32_t target,
                 uint32_t count) {
  struct lanes_group g = r->now;

  g.mask = mask;
  g.at = target;
  g.active = count;
  leave(r, mask);
  if (r->waiting_count < LANES_GROUPS) {
    r->waiting[r->waiting_count++] = g;
    return;
  }
  flush(r, &g);
  lanes_finish(r, mask, target);
  lanes_mask_give(r, mask);
  shorten(r);
}

/* Some lanes of the group go to a target, the others on. */
static int split(struct lanes_run *r, const struct fpk_op *o, int32_t *taken,
                 uint32_t target, uint32_t count) {
  count_to(r, o);
  park(r, taken, target, count);
  return r->now.active > 0 ? go_on(r, o) : OVER;
}

/* A mask of the lanes of the group for which `taken` (0 or 1 a lane) holds,
 * or NULL if it is none or all of them, then *count says which. */
static int branch(struct lanes_run *r, const struct fpk_op *o, int32_t *taken,
                  uint32_t target) {
  uint32_t count = count_lanes(r, taken);

  if (count > 0 && count < r->now.active)
    return split(r, o, taken, target, count);
  lanes_mask_give(r, taken);
  return count ? go_to(r, o, target) : go_on(r, o);
}

/* Loops of a condition: -1 where a lane is active and it holds. */
#define CONDITION(NAME, condition) \
  static void NAME(const struct lanes_run *r, const struct fpk_op *o, \
                   int32_t *taken) { \
    OPERANDS; \
    const int32_t *m = r->now.mask ? const_part(r, r->now.mask) : NULL; \
    int32_t *t = part(r, taken); \
    (void)d; \
    if (!m) { \
      IVDEP for (size_t i = 0; i < n; i++) t[i] = -(int32_t)(condition); \
    } else { \
      IVDEP for (size_t i = 0; i < n; i++) t[i] = \
          -(int32_t)(condition) & m[i]; \
    } \
  }

#define BRANCH_CONDITION(ID, condition) CONDITION(holds_##ID, condition)
#define GUARD_CONDITION(ID, condition) CONDITION(guards_##ID, condition)
FSEM_BRANCHES(BRANCH_CONDITION)
FSEM_GUARDS(GUARD_CONDITION)
CONDITION(holds_zero_divisor, FB == 0)
CONDITION(holds_check, FA != 0)
CONDITION(holds_dec_gtz, fsem_sub(FA, 1) > 0)

typedef void (*condition_fn)(const struct lanes_run *r,
                             const struct fpk_op *o, int32_t *taken);

static const condition_fn conditions[FIR_OP_COUNT] = {
#define HOLDS(ID, condition) [FLUX_OP_##ID] = holds_##ID,
#define GUARDS(ID, condition) [FIR_G_##ID] = guards_##ID,
    FSEM_BRANCHES(HOLDS) FSEM_GUARDS(GUARDS)
    [FLUX_OP_DIV] = holds_zero_divisor,
    [FLUX_OP_CHECK] = holds_check,
    [FLUX_OP_BR_DEC_GTZ] = holds_dec_gtz,
    [FLUX_OP_BR_GTZ_DEC] = holds_BR_GTZ};

static int run_branch(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *taken = lanes_mask_take(r);

  conditions[o->op](r, o, taken);
  return branch(r, o, taken, o->target);
}

/* d = a - 1, in the lanes of a mask; NULL: in all. */
UNMASKED_LOOP(decrement, fsem_sub(FA, 1))
MASKED_LOOP(masked_decrement, fsem_sub(FA, 1))

static int run_dec_branch(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *taken = lanes_mask_take(r);
  const int32_t *where = r->now.mask;

  conditions[o->op](r, o, taken);
  if (o->op == FLUX_OP_BR_GTZ_DEC)
    where = taken;
  if (where)
    masked_decrement(r, o, where);
  else
    decrement(r, o, NULL);
  return branch(r, o, taken, o->target);
}

static uint32_t guard_pc(const struct fpk_op *o) {
  return o->target == FIR_NONE ? o->row & ~FIR_FIRST : o->target;
}

/* A condition under which lanes stop with fault imm. */
static int run_guard(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *hit = lanes_mask_take(r);

  conditions[o->op](r, o, hit);
  if (count_lanes(r, hit) == 0) {
    lanes_mask_give(r, hit);
    return go_on(r, o);
  }
  if (!fault_lanes(r, o, hit, guard_pc(o)))
    return OVER;
  return go_on(r, o);
}

/* An op of the loops, for the lanes of the group. */
static inline void compute(struct lanes_run *r, unsigned op, unsigned form,
                           const struct fpk_op *o) {
  if (r->now.mask)
    masked_ops[form][op](r, o, r->now.mask);
  else
    plain_ops[form][op](r, o, NULL);
}

static int run_div(struct lanes_run *r, const struct fpk_op *o) {
  int rc = run_guard(r, o);

  if (rc == ON)
    compute(r, FLUX_OP_QUO, 0, o);
  return rc;
}

static int run_jump(struct lanes_run *r, const struct fpk_op *o) {
  return go_to(r, o, o->target);
}

static int run_stop(struct lanes_run *r, const struct fpk_op *o) {
  uint32_t pc = o->row & ~FIR_FIRST;

  switch (o->op) {
  case FLUX_OP_HALT:
    stop_group(r, o, FISA_RUN_HALT, o->imm, o->target);
    break;
  case FIR_END:
    stop_group(r, o, FISA_RUN_END, 0, pc);
    break;
  case FLUX_OP_YIELD:
  case FIR_BOUNDARY:
    if (!r->stop_at_yield)
      return go_on(r, o);
    stop_group(r, o, FISA_RUN_YIELD, 0, o->target);
    break;
  default:
    stop_group(r, o, FISA_RUN_FAULT, o->imm, pc);
    break;
  }
  return OVER;
}

/* ---- memory ------------------------------------------------------------- */

/* Whether a column holds one value in all lanes of the group. */
static bool one_value(const struct lanes_run *r, uint32_t slot, int32_t *v) {
  const size_t n = lane_count(r);
  const int32_t *x, *m;
  int32_t first, other = 0;

  if (r->p->slot[slot].kind == FPK_SLOT_CONST) {
    *v = r->e->constant[slot];
    return true;
  }
  x = column(r, slot);
  first = r->e->col[slot][first_active(r)];
  m = r->now.mask ? const_part(r, r->now.mask) : NULL;
  if (!m)
    for (size_t i = 0; i < n; i++)
      other |= x[i] ^ first;
  else
    for (size_t i = 0; i < n; i++)
      other |= (x[i] ^ first) & m[i];
  *v = first;
  return other == 0;
}

/* Copies a column, in the lanes of the group. */
static void copy_active(const struct lanes_run *r, int32_t *to,
                        const int32_t *from) {
  const size_t n = lane_count(r);
  const int32_t *m = r->now.mask ? const_part(r, r->now.mask) : NULL;

  if (!m) {
    IVDEP for (size_t i = 0; i < n; i++) to[i] = from[i];
    return;
  }
  IVDEP for (size_t i = 0; i < n; i++) to[i] = m[i] ? from[i] : to[i];
}

/* The address of an access to memory where it is one in all lanes and counts;
 * for the forms that reach it by a word or a byte. */
static bool one_address(const struct lanes_run *r, const struct fpk_op *o,
                        uint32_t *at) {
  int32_t a, b;

  if (!one_value(r, o->a, &a) || !one_value(r, o->b, &b))
    return false;
  *at = (uint32_t)a + (uint32_t)b;
  switch (o->op) {
  case FLUX_OP_BLOAD32:
  case FLUX_OP_BSTORE32:
    if (!fsem_below(a, 4, o->imm))
      return false;
    break;
  case FLUX_OP_BLOAD8:
  case FLUX_OP_BSTORE8:
    if (!fsem_below(a, 1, o->imm))
      return false;
    break;
  default:
    *at += (uint32_t)o->imm;
    break;
  }
  *at &= r->b->dialect->mem_size - 1;
  return true;
}

static int32_t *word_column(const struct lanes_run *r, uint32_t at) {
  size_t word = at / 4;

  return part(r, r->e->memory.v + word * FPK_WIDTH);
}

/* Marks what the lanes of the group have written, where anybody asks. */
static void mark_active(struct lanes_run *r, uint32_t at, uint32_t bytes) {
  lanes_touch(&r->e->memory, at / 4);
  if (r->tasks)
    EACH_ACTIVE(r, lane)
      fisa_state_mark(r->tasks[lane].state, at, bytes);
}

/* Accesses at one address, aligned; false: it is another kind. */
static bool run_column(struct lanes_run *r, const struct fpk_op *o,
                       uint32_t at) {
  const size_t n = lane_count(r);
  const int32_t *m = r->now.mask ? const_part(r, r->now.mask) : NULL;
  uint32_t shift = 8 * (at & 3), keep = ~(255u << shift);
  int32_t *word = word_column(r, at), *d = column(r, o->d);

  switch (o->op) {
  case FLUX_OP_LOAD32:
  case FLUX_OP_BLOAD32:
    if (shift)
      return false;
    copy_active(r, d, word);
    return true;
  case FLUX_OP_STORE32:
  case FLUX_OP_BSTORE32:
    if (shift)
      return false;
    copy_active(r, word, d);
    mark_active(r, at, 4);
    return true;
  case FLUX_OP_LOAD8:
  case FLUX_OP_BLOAD8:
    IVDEP for (size_t i = 0; i < n; i++) {
      int32_t v = (int32_t)((uint32_t)word[i] >> shift & 255);
      d[i] = !m || m[i] ? v : d[i];
    }
    return true;
  case FLUX_OP_STORE8:
  case FLUX_OP_BSTORE8:
    IVDEP for (size_t i = 0; i < n; i++) {
      int32_t v = (int32_t)(((uint32_t)word[i] & keep) |
                            ((uint32_t)d[i] & 255) << shift);
      word[i] = !m || m[i] ? v : word[i];
    }
    mark_active(r, at, 1);
    return true;
  default:
    return false;
  }
}

/* What ops of the tables see, lane by lane. */
#define LANE_OPERANDS \
  struct lanes_memory mem = {&r->e->memory, NULL, 0, \
                             r->b->dialect->mem_size - 1}; \
  int32_t *const *col = r->e->col; \
  int32_t *const d = col[o->d]; \
  const int32_t *const a = col[o->a], *const b = col[o->b]; \
  const int32_t *const c = col[o->c]; \
  const int32_t imm = o->imm; \
  (void)mem, (void)d, (void)a, (void)b, (void)c, (void)imm

#define AT_LANE(lane) \
  const size_t i = lane; \
  mem.lane = lane; \
  mem.marks = r->tasks ? r->tasks[lane].state : NULL

#define FMEM (&mem)
#define LOAD_LANES(ID, expression) \
  static void lanes_##ID(struct lanes_run *r, const struct fpk_op *o) { \
    LANE_OPERANDS; \
    EACH_ACTIVE(r, lane) { \
      AT_LANE(lane); \
      FD = (expression); \
    } \
  }
#define STORE_LANES(ID, statement) \
  static void lanes_##ID(struct lanes_run *r, const struct fpk_op *o) { \
    LANE_OPERANDS; \
    EACH_ACTIVE(r, lane) { \
      AT_LANE(lane); \
      statement; \
    } \
  }
FSEM_LOADS(LOAD_LANES)
FSEM_STORES(STORE_LANES)

typedef void (*memory_fn)(struct lanes_run *r, const struct fpk_op *o);

static const memory_fn memory_ops[FLUX_OP_COUNT] = {
#define MEMORY_LANES(ID, effect) [FLUX_OP_##ID] = lanes_##ID,
    FSEM_LOADS(MEMORY_LANES) FSEM_STORES(MEMORY_LANES)};

static int run_memory(struct lanes_run *r, const struct fpk_op *o) {
  uint32_t at;

  switch (o->op) {
  case FLUX_OP_LOAD32:
  case FLUX_OP_LOAD8:
  case FLUX_OP_STORE32:
  case FLUX_OP_STORE8:
  case FLUX_OP_BLOAD32:
  case FLUX_OP_BLOAD8:
  case FLUX_OP_BSTORE32:
  case FLUX_OP_BSTORE8:
    if (one_address(r, o, &at) && run_column(r, o, at))
      return go_on(r, o);
    break;
  default:
    break;
  }
  memory_ops[o->op](r, o);
  return go_on(r, o);
}

/* ---- stacks ------------------------------------------------------------- */

static int32_t *stack_column(struct lanes_image *s, int32_t i) {
  assert(i >= 0 && (uint32_t)i < s->count);
  return s->v + (size_t)i * FPK_WIDTH;
}

/* sp += by in the lanes of the group. */
static void move_sp(const struct lanes_run *r, uint32_t slot, int32_t by) {
  const size_t n = lane_count(r);
  int32_t *sp = column(r, slot);
  const int32_t *m = r->now.mask ? const_part(r, r->now.mask) : NULL;

  for (size_t i = 0; i < n; i++)
    sp[i] += m ? by & m[i] : by;
}

/* Pushes column v where there is room. */
static void push(struct lanes_run *r, struct lanes_image *s,
                 const struct fpk_stack *f, const int32_t *v) {
  int32_t *sp = r->e->col[f->sp], size = f->count, top;
  bool down = f->down;

  if (one_value(r, f->sp, &top)) {
    if (fsem_full(top, size, down))
      return;
    top -= down;
    copy_active(r, part(r, stack_column(s, top)), v + r->lo);
    lanes_touch(s, (uint32_t)top);
    move_sp(r, f->sp, down ? -1 : 1);
    return;
  }
  EACH_ACTIVE(r, lane) {
    if (fsem_full(sp[lane], size, down))
      continue;
    top = down ? sp[lane] - 1 : sp[lane];
    stack_column(s, top)[lane] = v[lane];
    lanes_touch(s, (uint32_t)top);
    sp[lane] += down ? -1 : 1;
  }
}

/* Pops into column d; where there is nothing, `otherwise` (NULL: d stays). */
static void pop(struct lanes_run *r, struct lanes_image *s,
                const struct fpk_stack *f, int32_t *d,
                const int32_t *otherwise) {
  int32_t *sp = r->e->col[f->sp], size = f->count, top;
  bool down = f->down;

  if (one_value(r, f->sp, &top) && !fsem_empty(top, size, down)) {
    const int32_t *from = stack_column(s, down ? top : top - 1);
    move_sp(r, f->sp, down ? 1 : -1);
    copy_active(r, d + r->lo, from + r->lo);
    return;
  }
  EACH_ACTIVE(r, lane) {
    if (fsem_empty(sp[lane], size, down)) {
      if (otherwise)
        d[lane] = *otherwise;
      continue;
    }
    top = down ? sp[lane] : sp[lane] - 1;
    sp[lane] += down ? 1 : -1;
    d[lane] = stack_column(s, top)[lane];
  }
}

static int run_stack(struct lanes_run *r, const struct fpk_op *o) {
  static const int32_t zero = 0;
  const struct fpk_stack *f = &r->p->data;
  struct lanes_image *s = &r->e->data;
  int32_t *const *col = r->e->col;
  int32_t *sp = col[f->sp], size = f->count;
  bool down = f->down;

  switch (o->op) {
  case FLUX_OP_FOLD:
  case FLUX_OP_DROP:
    EACH_ACTIVE(r, lane)
      fsem_drop(&sp[lane], size, down, o->imm);
    if (o->op == FLUX_OP_FOLD)
      push(r, s, f, col[o->a]);
    break;
  case FLUX_OP_PUSH:
    push(r, s, f, col[o->a]);
    break;
  case FLUX_OP_POP:
    pop(r, s, f, col[o->d], NULL);
    break;
  case FLUX_OP_POPZ:
    pop(r, s, f, col[o->d], &zero);
    break;
  default: /* FIR_PEEK */
    EACH_ACTIVE(r, lane) {
      int32_t top = down ? sp[lane] + o->imm : sp[lane] - 1 - o->imm;
      bool none = fsem_few(sp[lane], size, down, o->imm + 1);
      col[o->d][lane] = none ? 0 : stack_column(s, top)[lane];
    }
    break;
  }
  return go_on(r, o);
}

static bool stack_guard_hits(const struct fpk_op *o, const struct fpk_stack *f,
                             int32_t sp) {
  switch (o->op) {
  case FIR_G_STACK_FULL:
  case FIR_G_CALLS_FULL:
    return fsem_full(sp, f->count, f->down);
  case FIR_G_STACK_EMPTY:
  case FIR_G_CALLS_EMPTY:
    return fsem_empty(sp, f->count, f->down);
  default:
    return fsem_few(sp, f->count, f->down, o->c);
  }
}

static int run_stack_guard(struct lanes_run *r, const struct fpk_op *o) {
  bool links = o->op == FIR_G_CALLS_FULL || o->op == FIR_G_CALLS_EMPTY;
  const struct fpk_stack *f = links ? &r->p->calls : &r->p->data;
  const int32_t *sp = r->e->col[f->sp];
  int32_t *hit, top;
  bool any = false;

  if (one_value(r, f->sp, &top) && !stack_guard_hits(o, f, top))
    return go_on(r, o);
  hit = lanes_mask_take(r);
  for (uint32_t lane = r->lo; lane < r->hi; lane++) {
    hit[lane] = -(is_active(r, lane) && stack_guard_hits(o, f, sp[lane]));
    any |= hit[lane] != 0;
  }
  if (!any) {
    lanes_mask_give(r, hit);
    return go_on(r, o);
  }
  return fault_lanes(r, o, hit, guard_pc(o)) ? go_on(r, o) : OVER;
}

/* ---- calls, and jumps to what a register holds -------------------------- */

static struct lanes_image *links_of(struct lanes_run *r) {
  return r->p->calls.first == r->p->data.first ? &r->e->data : &r->e->calls;
}

static int run_call(struct lanes_run *r, const struct fpk_op *o) {
  push(r, links_of(r), &r->p->calls, r->e->col[o->a]);
  return go_to(r, o, o->target);
}

/* Ends lanes that went to an address where there is no code. */
static void end_outside(struct lanes_run *r, const int32_t *pc,
                        int32_t *mask) {
  for (uint32_t lane = r->lo; lane < r->hi; lane++) {
    struct fisa_state end = {.status = FISA_RUN_END, .pc = (uint32_t)pc[lane]};
    int32_t one[FPK_WIDTH] __attribute__((aligned(64)));

    if (!mask[lane])
      continue;
    if (lanes_fuel(r, lane) == r->e->rows[lane])
      end.status = FISA_RUN_FUEL;
    memset(one, 0, sizeof(one));
    one[lane] = -1;
    stop_lanes(r, one, &end);
  }
}

/* Takes from the group those lanes whose entry in `pc` is not below the size
 * of the code; true if any are left. */
static bool drop_outside(struct lanes_run *r, const int32_t *pc) {
  uint32_t size = r->p->ir->source->size;
  int32_t *mask = lanes_mask_take(r);
  struct lanes_group g = r->now;
  bool any = false, on = true;

  for (uint32_t lane = r->lo; lane < r->hi; lane++) {
    mask[lane] = -(is_active(r, lane) && (uint32_t)pc[lane] >= size);
    any |= mask[lane] != 0;
  }
  if (any) {
    g.mask = mask;
    flush(r, &g);
    on = leave(r, mask);
    end_outside(r, pc, mask);
    shorten(r);
  }
  lanes_mask_give(r, mask);
  return on && r->now.active > 0;
}

/* Sends each lane of the group to its own address in `pc`. All is counted. */
static int go_to_each(struct lanes_run *r, const int32_t *pc) {
  const struct fir_program *ir = r->p->ir;

  if (!drop_outside(r, pc))
    return OVER;
  for (;;) {
    int32_t first = pc[first_active(r)];
    uint32_t target = r->p->at[ir->at[first]], same = 0;
    int32_t *mask = lanes_mask_take(r);

    for (uint32_t lane = r->lo; lane < r->hi; lane++) {
      mask[lane] = -(is_active(r, lane) && pc[lane] == first);
      same += mask[lane] != 0;
    }
    if (same == r->now.active) {
      lanes_mask_give(r, mask);
      r->now.at = target;
      set_base(r, &r->p->op[target]);
      return ON;
    }
    park(r, mask, target, same);
    if (r->now.active == 0)
      return OVER;
  }
}

static int run_jump_reg(struct lanes_run *r, const struct fpk_op *o) {
  count_to(r, o);
  return go_to_each(r, r->e->col[o->a]);
}

/* The links that lanes return by. Those without one go on behind the row;
 * those that lead below 0 are a fault. */
static int run_ret(struct lanes_run *r, const struct fpk_op *o) {
  const struct fpk_stack *f = &r->p->calls;
  struct lanes_image *s = links_of(r);
  int32_t *sp = r->e->col[f->sp], *pc = r->e->target;
  const int32_t *bias = r->e->col[o->a];
  int32_t *below = lanes_mask_take(r), *none = lanes_mask_take(r);
  uint32_t below_count = 0, none_count = 0;

  for (uint32_t lane = r->lo; lane < r->hi; lane++) {
    int32_t at = sp[lane] - !f->down;
    bool on = is_active(r, lane);
    bool empty = fsem_empty(sp[lane], f->count, f->down);

    pc[lane] = on && !empty ? fsem_add(stack_column(s, at)[lane], bias[lane])
                            : 0;
    none[lane] = -(on && empty);
    below[lane] = -(on && pc[lane] < 0);
    none_count += on && empty;
    below_count += below[lane] != 0;
  }
  count_to(r, o);
  if (none_count == 0 || none_count == r->now.active)
    lanes_mask_give(r, none);
  if (none_count == r->now.active) {
    lanes_mask_give(r, below);
    return go_on(r, o);
  }
  if (none_count > 0)
    park(r, none, (uint32_t)(o - r->p->op) + 1, none_count);
  if (below_count == 0)
    lanes_mask_give(r, below);
  else if (!fault_lanes(r, o, below, o->row & ~FIR_FIRST))
    return OVER;
  if (r->now.active == 0)
    return OVER;
  move_sp(r, f->sp, f->down ? 1 : -1);
  return go_to_each(r, pc);
}

/* ---- whole files, the outside, the counter ------------------------------ */

static int run_file(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *const *col = r->e->col;

  EACH_ACTIVE(r, lane) {
    int32_t *file = &col[o->d][lane]; /* slots side by side, so columns too */
    switch (o->op) {
    case FLUX_OP_FILE_ZERO:
      for (int32_t i = 0; i < o->imm; i++)
        file[(size_t)i * FPK_WIDTH] = 0;
      break;
    case FLUX_OP_CONVERGE:
      fsem_converge(file, FPK_WIDTH, o->b, o->imm);
      break;
    default:
      col[o->b][lane] =
          fsem_diffuse(file, FPK_WIDTH, o->c, col[o->a][lane], o->imm);
      break;
    }
  }
  return go_on(r, o);
}

static bool draw_lane(struct lanes_run *r, const struct fpk_op *o,
                      uint32_t lane) {
  int32_t *d = r->e->col[o->d], value = 0;
  int32_t modulus = r->e->col[o->a][lane];

  if (modulus > 0 && !lanes_take(r, lane, (uint16_t)o->imm, &modulus, &value))
    return false;
  d[lane] = modulus > 0 ? value % modulus : 0;
  return true;
}

static bool draw_weighted_lane(struct lanes_run *r, const struct fpk_op *o,
                               uint32_t lane) {
  uint64_t size = r->b->dialect->mem_size;
  struct lanes_memory mem = {&r->e->memory, NULL, lane, (uint32_t)size - 1};
  int32_t at = r->e->col[o->a][lane], n = r->e->col[o->b][lane], value;
  int32_t sum = fsem_wrap((uint32_t)fsem_weights(&mem, size, at, n));

  if (sum <= 0)
    return true;
  if (!lanes_take(r, lane, (uint16_t)o->imm, &at, &value))
    return false;
  r->e->col[o->d][lane] = fsem_pick(&mem, size, at, value % sum);
  return true;
}

/* One lane takes or gives; false: it is lost. */
static bool cross(struct lanes_run *r, const struct fpk_op *o, uint32_t lane) {
  int32_t *const *col = r->e->col;
  int32_t arg[FISA_MAX_ARGS] = {0};
  unsigned argc = (uint32_t)o->imm >> 16;

  switch (o->op) {
  case FLUX_OP_INPUT:
    if (argc)
      arg[0] = col[o->a][lane];
    return lanes_take(r, lane, (uint32_t)o->imm, arg, &col[o->d][lane]);
  case FLUX_OP_DRAW:
    return draw_lane(r, o, lane);
  case FLUX_OP_DRAW_W:
    return draw_weighted_lane(r, o, lane);
  case FLUX_OP_EMIT:
    if (argc > 0)
      arg[0] = col[o->a][lane];
    if (argc > 1)
      arg[1] = col[o->b][lane];
    if (argc > 2)
      arg[2] = col[o->c][lane];
    return lanes_give(r, lane, (uint16_t)o->imm, arg, argc);
  default:
    return lanes_give_payload(r, lane, o);
  }
}

static int run_outside(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *lost = lanes_mask_take(r);
  bool any = false;

  memset(part(r, lost), 0, lane_count(r) * sizeof(*lost));
  EACH_ACTIVE(r, lane)
    if (!cross(r, o, lane)) {
      lost[lane] = -1;
      any = true;
    }
  if (!any) {
    lanes_mask_give(r, lost);
    return go_on(r, o);
  }
  return lose_lanes(r, o, lost) ? go_on(r, o) : OVER;
}

static int run_cycle(struct lanes_run *r, const struct fpk_op *o) {
  uint32_t done = r->now.cycles + o->cycles - r->base_cycles;
  int32_t *d = r->e->col[o->d];

  EACH_ACTIVE(r, lane)
    d[lane] = fsem_wrap(r->b->cycles[lane] + done +
                        (r->counted ? r->e->cycles[lane] : 0));
  return go_on(r, o);
}

/* ---- the loop ----------------------------------------------------------- */

typedef int (*control_fn)(struct lanes_run *r, const struct fpk_op *o);

static const control_fn controls[FIR_OP_COUNT] = {
#define RUN_BRANCH(ID, condition) [FLUX_OP_##ID] = run_branch,
#define RUN_GUARD(ID, condition) [FIR_G_##ID] = run_guard,
#define RUN_MEMORY(ID, effect) [FLUX_OP_##ID] = run_memory,
    FSEM_BRANCHES(RUN_BRANCH) FSEM_GUARDS(RUN_GUARD) FSEM_LOADS(RUN_MEMORY)
    FSEM_STORES(RUN_MEMORY)
    [FLUX_OP_BR_DEC_GTZ] = run_dec_branch,
    [FLUX_OP_BR_GTZ_DEC] = run_dec_branch,
    [FLUX_OP_CHECK] = run_guard,
    [FLUX_OP_DIV] = run_div,
    [FLUX_OP_JUMP] = run_jump,
    [FIR_GOTO] = run_jump,
    [FIR_JUMP_REG] = run_jump_reg,
    [FLUX_OP_CALL] = run_call,
    [FLUX_OP_RET] = run_ret,
    [FLUX_OP_HALT] = run_stop,
    [FLUX_OP_YIELD] = run_stop,
    [FLUX_OP_TRAP] = run_stop,
    [FIR_END] = run_stop,
    [FIR_FAULT] = run_stop,
    [FIR_BOUNDARY] = run_stop,
    [FLUX_OP_PUSH] = run_stack,
    [FLUX_OP_POP] = run_stack,
    [FLUX_OP_POPZ] = run_stack,
    [FLUX_OP_DROP] = run_stack,
    [FLUX_OP_FOLD] = run_stack,
    [FIR_PEEK] = run_stack,
    [FIR_G_STACK_FULL] = run_stack_guard,
    [FIR_G_STACK_EMPTY] = run_stack_guard,
    [FIR_G_STACK_FEW] = run_stack_guard,
    [FIR_G_CALLS_FULL] = run_stack_guard,
    [FIR_G_CALLS_EMPTY] = run_stack_guard,
    [FLUX_OP_FILE_ZERO] = run_file,
    [FLUX_OP_CONVERGE] = run_file,
    [FLUX_OP_DIFFUSE] = run_file,
    [FLUX_OP_INPUT] = run_outside,
    [FLUX_OP_DRAW] = run_outside,
    [FLUX_OP_DRAW_W] = run_outside,
    [FLUX_OP_EMIT] = run_outside,
    [FLUX_OP_EMIT_PAYLOAD] = run_outside,
    [FLUX_OP_CYCLE] = run_cycle};

/* Finishes all lanes of the group one by one. */
static void finish_group(struct lanes_run *r) {
  int32_t *mask = r->now.mask ? r->now.mask : lanes_mask_take(r);

  flush(r, &r->now);
  if (!r->now.mask)
    memset(part(r, mask), 0xFF, lane_count(r) * sizeof(*mask));
  lanes_finish(r, mask, r->now.at);
  r->now.mask = mask;
  shorten(r);
}

/* Lanes that may run out of fuel in the block are finished one by one; how
 * much the others have is worked out anew. False: there are no others. */
static bool refuel(struct lanes_run *r, uint32_t block) {
  int32_t *dry = lanes_mask_take(r);
  uint32_t left = UINT32_MAX;
  bool any = false, on = true;

  flush(r, &r->now);
  memset(part(r, dry), 0, lane_count(r) * sizeof(*dry));
  EACH_ACTIVE(r, lane) {
    uint32_t rest = lanes_fuel(r, lane) - r->e->rows[lane];
    if (rest < block) {
      dry[lane] = -1;
      any = true;
    } else if (rest < left) {
      left = rest;
    }
  }
  r->now.left = left;
  if (any) {
    uint32_t at = r->now.at;
    on = leave(r, dry);
    lanes_finish(r, dry, at);
    shorten(r);
  }
  lanes_mask_give(r, dry);
  return on && r->now.active > 0;
}

/* The group has come to a head; false: it is over. */
static bool enter(struct lanes_run *r) {
  count_before(r, &r->p->op[r->now.at]);
  if (r->waiting_count > 0)
    settle(r);
  if (r->now.active * LANES_BLOCK >= r->hi - r->lo)
    r->now.lone = 0;
  if (r->now.lone > LANES_LONE) {
    finish_group(r);
    return false;
  }
  return r->p->op[r->now.at].block <= r->now.left ||
         refuel(r, r->p->op[r->now.at].block);
}

/* Runs the present group until it is over. */
static void run_group(struct lanes_run *r) {
  const struct fpk_op *op = r->p->op;
  const struct fpk_op *o;

  if (!enter(r))
    return;
  o = &op[r->now.at];
  for (;;) {
    const lanes_fn *table =
        r->now.mask ? masked_ops[form_of(o)] : plain_ops[form_of(o)];

    if (table[o->op]) {
      table[o->op](r, o, r->now.mask);
      o++;
    } else {
      assert(controls[o->op]);
      if (controls[o->op](r, o) == OVER)
        return;
      o = &op[r->now.at];
    }
    if (o->flags & FPK_HEAD) {
      r->now.at = (uint32_t)(o - op);
      if (!enter(r))
        return;
      o = &op[r->now.at];
    }
  }
}

static void run_lanes(struct lanes_run *r) {
  do
    run_group(r);
  while (next_group(r));
}

/* ---- the verdict -------------------------------------------------------- */

/* Cost and instructions of lanes lo..end-1. */
static void sum_lanes(const struct lanes_run *r, uint32_t end, uint64_t *cost,
                      uint64_t *rows) {
  const int32_t *counts = r->b->counts;
  uint64_t all_cost = 0, all_rows = 0;
  uint32_t counting = 0;

  if (r->uniform) {
    for (uint32_t i = r->lo; i < end; i++)
      counting += (uint32_t)-counts[i];
    *cost = (uint64_t)counting * r->uniform_cost;
    *rows = (uint64_t)(end - r->lo) * r->uniform_rows;
    return;
  }
  for (uint32_t i = r->lo; i < end; i++) {
    all_cost += r->e->cost[i] & (uint32_t)counts[i];
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

const struct lanes_isa LANES_BUILD = {LANES_NAME, run_lanes, stop_lanes,
                                      reduce};
