/*
 * plugin/window_tail.c - the last rows of many sequences at once.
 *
 * A group of prefixes is ended in three ways: by one row that reads what they
 * made; by two, of which the first reads that, and the second the first; and
 * by two that know nothing of each other, whose values a last row brings
 * together. What a row gives is worked out for all prefixes side by side, test
 * by test, until none is left.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_enum_impl.h"

enum { NEWEST = 254, NEWEST_BIT = 31 };  /* what the prefix made */

/* A value that a row may read beside the one it has to. */
struct operand {
  const struct fse_block *block;
  uint8_t id;             /* or NEWEST */
  uint8_t where;
  bool yields;            /* may be overwritten */
};

/* A group, with the values its prefixes have in common. */
struct tail {
  struct fse_enum *e;
  const struct fse_group *g;
  unsigned count;
  struct operand common[FSE_ENUM_VALUES];
  struct fse_block made;  /* by the row behind the prefixes */
};

/* The row that is to be the last. */
struct ending {
  const struct fse_block *value;   /* which it has to read, */
  const struct fse_erow *middle;   /* made by this row; NULL: by the prefix */
  uint32_t unused;                 /* has to be read, too; a bit a value */
  uint32_t cost;
  unsigned count;
  struct operand other[FSE_ENUM_VALUES + 1];
};

static uint32_t bit_of(uint8_t id) {
  return 1u << (id == NEWEST ? NEWEST_BIT : id);
}

/* What stands at the slots of a use, for all prefixes. */
struct slots {
  const struct fse_column *at[FSE_SLOTS];
  unsigned step[FSE_SLOTS];
  uint8_t id[FSE_SLOTS];
  uint8_t where[FSE_SLOTS];
};

static void put_slot(struct slots *s, unsigned slot, const struct operand *o) {
  s->at[slot] = o->block->test;
  s->step[slot] = 1;
  s->id[slot] = o->id;
  s->where[slot] = o->where;
}

static void begin_slots(const struct tail *x, struct slots *s,
                        const struct fse_block *value) {
  memset(s, 0, sizeof *s);
  s->at[FSE_SLOT_NEW] = value->test;
  s->step[FSE_SLOT_NEW] = 1;
  s->where[FSE_SLOT_NEW] = FSE_WHERE_FREE;
  s->at[FSE_SLOT_ZERO] = &x->e->menu->column[0];
  s->id[FSE_SLOT_ZERO] = x->e->zero;
}

/* ---- one row ------------------------------------------------------------ */

static struct fse_stretch lanes_of(const struct tail *x) {
  unsigned n = (x->g->count + FSE_STRIPE - 1) / FSE_STRIPE * FSE_STRIPE;
  return (struct fse_stretch){0, n, 0};
}

static void eval_test(const struct tail *x, const struct fse_use *u,
                      const struct slots *s, unsigned t,
                      struct fse_column *out) {
  struct fse_menu_args args = {.pool = u->pool};
  for (unsigned i = 0; i < u->row->read_count; i++)
    args.read[i] = s->at[u->slot[i]] + t * s->step[u->slot[i]];
  fse_menu_eval(x->e->menu, u->row, &args, out, lanes_of(x));
}

/* Which prefixes a row behind them gives the result, by the first tests. */
static uint64_t sift(struct tail *x, const struct fse_use *u,
                     const struct slots *s) {
  const int32_t *target = x->e->target[0].col.lane;
  uint64_t alive = x->g->count == FSE_LANES
                       ? UINT64_MAX
                       : (UINT64_C(1) << x->g->count) - 1;
  x->e->work += x->g->count;
  if (u->sift != NULL) {
    bool fixed = u->b == FSE_SLOT_CONST;
    struct fse_sift q = {.a = s->at[u->a], .a_step = s->step[u->a],
                         .b = fixed ? u->constant : s->at[u->b],
                         .b_step = fixed ? 0 : s->step[u->b],
                         .lanes = x->g->count, .imm = u->row->step[0].imm,
                         .target = target};
    return u->sift(&q) & alive;
  }
  for (unsigned t = 0; t < FSE_SIFTED && alive != 0; t++) {
    struct fse_column out;
    uint64_t same = 0;
    eval_test(x, u, s, t, &out);
    for (unsigned lane = 0; lane < x->g->count; lane++)
      same |= (uint64_t)(out.lane[lane] == target[t]) << lane;
    alive &= same;
  }
  return alive;
}

/* A sequence whose first tests agree, as rows: is it so on all? */
static void try_one(struct tail *x, const struct ending *end,
                    const struct fse_use *u, const struct slots *s,
                    unsigned lane) {
  struct fse_enum *e = x->e;
  const struct fse_candidate *c = &e->candidate[x->g->index[lane]];
  const unsigned depth = e->depth;
  uint8_t newest = (uint8_t)(e->base + depth), read[FSE_MENU_READS] = {0};
  bool gone = false;
  fse_enum_push(e, &c->row);
  if (end->middle != NULL) {
    struct fse_erow middle = *end->middle;
    for (unsigned i = 0; i < middle.row->read_count; i++) {
      gone |= middle.read[i] == c->gone;
      if (middle.read[i] == NEWEST) middle.read[i] = newest;
    }
    fse_enum_push(e, &middle);
  }
  for (unsigned i = 0; i < u->row->read_count; i++) {
    uint8_t slot = u->slot[i], id = s->id[slot];
    gone |= slot != FSE_SLOT_NEW && id == c->gone;
    read[i] = slot == FSE_SLOT_NEW ? (uint8_t)(e->base + e->depth - 1)
              : id == NEWEST       ? newest
                                   : id;
  }
  if (u->row->destroys)
    gone |= !fse_enum_fits(e->task, 0, e->value[read[0]].where);
  if (!gone) fse_enum_try(e, u->row, read, u->pool, 0);
  e->depth = depth;
}

static void last_row(struct tail *x, const struct ending *end,
                     const struct fse_use *u, const struct slots *s) {
  uint64_t lanes = sift(x, u, s);
  for (; lanes != 0 && !fse_enum_over(x->e); lanes &= lanes - 1)
    try_one(x, end, u, s, (unsigned)__builtin_ctzll(lanes));
}

/* Whether a use as the last row may overwrite what stands at its slots. */
static bool may_end(const struct tail *x, const struct fse_use *u,
                    unsigned slot, const struct operand *o) {
  return !u->row->destroys || u->slot[0] != slot ||
         (o->yields && (o->where == FSE_NOTHING ||
                        fse_enum_fits(x->e->task, 0, o->where)));
}

/* The last row reads two values beside the one that it has to. */
static void end_threes(struct tail *x, const struct ending *end,
                       struct slots *s) {
  const struct fse_uses *list = &x->e->uses[2];
  if (list->count == 0 || __builtin_popcount(end->unused) > 2) return;
  for (unsigned i = 0; i < end->count; i++)
    for (unsigned k = 0; k < end->count && !fse_enum_over(x->e); k++) {
      const struct operand *o[2] = {&end->other[i], &end->other[k]};
      if (i == k || (end->unused & ~(bit_of(o[0]->id) | bit_of(o[1]->id))))
        continue;
      put_slot(s, FSE_SLOT_OTHER, o[0]);
      put_slot(s, FSE_SLOT_THIRD, o[1]);
      for (unsigned n = 0; n < list->count; n++) {
        const struct fse_use *u = &list->use[n];
        if (u->row->cost == end->cost && may_end(x, u, FSE_SLOT_OTHER, o[0]))
          last_row(x, end, u, s);
      }
    }
}

static void end_all(struct tail *x, const struct ending *end) {
  const struct fse_uses *ones = &x->e->uses[0], *twos = &x->e->uses[1];
  struct slots s;
  begin_slots(x, &s, end->value);
  for (unsigned n = 0; n < ones->count && end->unused == 0; n++)
    if (ones->use[n].row->cost == end->cost)
      last_row(x, end, &ones->use[n], &s);
  for (unsigned i = 0; i < end->count && !fse_enum_over(x->e); i++) {
    const struct operand *o = &end->other[i];
    if (end->unused & ~bit_of(o->id)) continue;
    put_slot(&s, FSE_SLOT_OTHER, o);
    for (unsigned n = 0; n < twos->count; n++) {
      const struct fse_use *u = &twos->use[n];
      if (u->row->cost == end->cost && may_end(x, u, FSE_SLOT_OTHER, o))
        last_row(x, end, u, &s);
    }
  }
  end_threes(x, end, &s);
}

/* ---- the row before ----------------------------------------------------- */

static struct operand newest_of(const struct tail *x) {
  /* Where it is differs from prefix to prefix. */
  return (struct operand){&x->g->newest, NEWEST, FSE_NOTHING, true};
}

/* What a last row may read once `gone` is overwritten. */
static void list_others(const struct tail *x, struct ending *end,
                        uint8_t gone, bool newest) {
  end->count = 0;
  for (unsigned i = 0; i < x->count; i++)
    if (x->common[i].id != gone) end->other[end->count++] = x->common[i];
  if (newest && gone != NEWEST) end->other[end->count++] = newest_of(x);
}

/* One row in the middle, and all behind it. */
static void middle_row(struct tail *x, const struct fse_use *u,
                       const struct slots *s, uint32_t unused) {
  struct fse_enum *e = x->e;
  struct fse_erow row = {.row = u->row, .pool = u->pool};
  struct ending end = {.value = &x->made, .middle = &row, .unused = unused,
                       .cost = x->g->left - u->row->cost};
  for (unsigned i = 0; i < u->row->read_count; i++)
    row.read[i] = u->slot[i] == FSE_SLOT_NEW ? NEWEST : s->id[u->slot[i]];
  for (unsigned t = 0; t < FSE_SIFTED; t++)
    eval_test(x, u, s, t, &x->made.test[t]);
  e->work += x->g->count;
  fse_enum_ask(e);
  list_others(x, &end, u->row->destroys ? row.read[0] : FSE_NOTHING, true);
  end_all(x, &end);
}

/* Middle rows of one table, behind which `unused` is left over. */
static void middle_rows(struct tail *x, const struct fse_uses *list,
                        const struct slots *s, uint32_t unused) {
  unsigned left = (unsigned)__builtin_popcount(unused);
  if (left + 1 > x->e->reads_max) return;
  for (unsigned n = 0; n < list->count && !fse_enum_over(x->e); n++) {
    const struct fse_use *u = &list->use[n];
    if (u->row->cost + x->e->menu->cost_min > x->g->left) continue;
    if (u->row->destroys && u->slot[0] != FSE_SLOT_NEW &&
        !x->common[s->where[u->slot[0]]].yields)
      continue;
    middle_row(x, u, s, unused);
  }
}

/* Two rows, one behind the other. `where` of a slot is the place of its value
 * among the common ones here. */
static void end_in_line(struct tail *x) {
  const struct fse_uses *uses = x->e->uses;
  const uint32_t unused = x->g->unused;
  struct slots s;
  begin_slots(x, &s, &x->g->newest);
  middle_rows(x, &uses[0], &s, unused);
  for (unsigned i = 0; i < x->count; i++) {
    const uint32_t one = bit_of(x->common[i].id);
    put_slot(&s, FSE_SLOT_OTHER, &x->common[i]);
    s.where[FSE_SLOT_OTHER] = (uint8_t)i;
    middle_rows(x, &uses[1], &s, unused & ~one);
    for (unsigned k = 0; k < x->count && uses[2].count > 0; k++) {
      if (k == i) continue;
      put_slot(&s, FSE_SLOT_THIRD, &x->common[k]);
      s.where[FSE_SLOT_THIRD] = (uint8_t)k;
      middle_rows(x, &uses[2], &s, unused & ~one & ~bit_of(x->common[k].id));
    }
  }
}

/*
 * Two rows side by side: candidate i of the level behind the prefixes, as if
 * it stood there alone, and a last row that reads both. Where nothing is
 * overwritten the order of the two is nothing, and one of both is tried.
 */
static void end_joined(struct tail *x, uint32_t i) {
  struct fse_enum *e = x->e;
  const struct fse_candidate *c = &e->candidate[i];
  const struct fse_menu_row *r = c->row.row;
  struct ending end = {.value = &x->made, .middle = &c->row,
                       .unused = x->g->unused,
                       .cost = x->g->left - r->cost};
  if (r->cost + e->menu->cost_min > x->g->left ||
      (!x->g->destroys && c->gone == FSE_NOTHING && i < x->g->index[0]))
    return;
  for (unsigned n = 0; n < r->read_count; n++)
    end.unused &= ~(1u << c->row.read[n]);
  if ((unsigned)__builtin_popcount(end.unused) + 2 > e->reads_max) return;
  end.unused |= 1u << NEWEST_BIT;
  for (unsigned t = 0; t < FSE_SIFTED; t++)
    for (unsigned lane = 0; lane < FSE_LANES; lane++)
      x->made.test[t].lane[lane] = c->first[t];
  fse_enum_ask(e);
  list_others(x, &end, c->gone, true);
  end_all(x, &end);
}

void fse_enum_end(struct fse_enum *e, const struct fse_group *g) {
  const struct fse_level *l = g->level;
  struct tail x;
  struct ending end = {.value = &g->newest, .unused = g->unused,
                       .cost = g->left};
  x.e = e;
  x.g = g;
  x.count = 0;
  assert(g->count > 0 && l->count <= FSE_ENUM_VALUES);
  for (unsigned i = 0; i < l->count; i++) {
    const struct fse_evalue *v = &e->value[l->id[i]];
    if (v->where != FSE_WHERE_ZERO)
      x.common[x.count++] = (struct operand){&e->common[i], l->id[i],
                                             v->where, !v->kept};
  }
  list_others(&x, &end, FSE_NOTHING, false);
  if (g->left <= e->menu->cost_max) end_all(&x, &end);
  if (g->left < 2 * e->menu->cost_min || e->depth + 3 > FSE_ENUM_DEPTH) return;
  end_in_line(&x);
  for (uint32_t i = g->from; i < g->to && !fse_enum_over(e); i++)
    end_joined(&x, i);
}
