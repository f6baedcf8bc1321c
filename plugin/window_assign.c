/*
 * plugin/window_assign.c - registers for a sequence of values.
 *
 * Values that overwrite each other share a register: a web. Webs that are
 * live at once get different ones. There are few of both, so all ways are
 * tried, in order; and all orders of the rows.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_enum_impl.h"

/* A web: live from behind row `def` (-1: before the first) up to `last`. */
struct web {
  int def, last;
  uint8_t file;
  uint8_t role;      /* FSE_NOTHING: to be given out */
  bool fixed;
};

struct assigning {
  const struct fse_enum *e;
  struct fse_erow seq[FSE_ENUM_DEPTH];   /* in an order that may be another */
  unsigned web_count;
  struct web web[FSE_ENUM_VALUES];
  uint8_t web_of[FSE_ENUM_VALUES]; /* by value; FSE_NOTHING: zero */
};

static void open_web(struct assigning *a, unsigned value, int def) {
  const struct fse_evalue *v = &a->e->value[value];
  bool fixed = v->where < FSE_WINDOW_ROLES;
  assert(a->web_count < FSE_ENUM_VALUES);
  a->web_of[value] = (uint8_t)a->web_count;
  a->web[a->web_count++] = (struct web){
      .def = def, .last = def, .file = v->file,
      .role = fixed ? v->where : FSE_NOTHING, .fixed = fixed};
}

static void read_at(struct assigning *a, unsigned value, int row) {
  if (a->web_of[value] != FSE_NOTHING &&
      a->web[a->web_of[value]].last < row)
    a->web[a->web_of[value]].last = row;
}

/* All webs, with their lives. */
static void find_webs(struct assigning *a) {
  const struct fse_enum *e = a->e;
  int end = (int)e->depth;
  a->web_count = 0;
  memset(a->web_of, FSE_NOTHING, sizeof a->web_of);
  for (unsigned i = 0; i < e->base; i++)
    if (e->value[i].where != FSE_WHERE_ZERO) open_web(a, i, -1);
  for (int k = 0; k < end; k++) {
    const struct fse_erow *r = &a->seq[k];
    for (unsigned i = 0; i < r->row->read_count; i++) read_at(a, r->read[i], k);
    if (r->row->destroys) a->web_of[r->made] = a->web_of[r->read[0]];
    else open_web(a, r->made, k);
    if (a->web_of[r->made] != FSE_NOTHING)
      read_at(a, r->made, k);
  }
  for (unsigned i = 0; i < e->base; i++)
    if (e->value[i].kept) read_at(a, i, end);
}

static bool overlap(const struct web *x, const struct web *y) {
  int def = x->def > y->def ? x->def : y->def;
  int last = x->last < y->last ? x->last : y->last;
  return def < last || (x->def == y->def);
}

static bool clashes(const struct assigning *a, unsigned w) {
  for (unsigned i = 0; i < a->web_count; i++)
    if (i != w && a->web[i].role == a->web[w].role &&
        a->web[i].role != FSE_NOTHING && overlap(&a->web[i], &a->web[w]))
      return true;
  return false;
}

static bool give(struct assigning *a, unsigned w) {
  const struct fse_task *t = a->e->task;
  if (w == a->web_count) return true;
  assert(w < a->web_count);
  if (a->web[w].role != FSE_NOTHING)
    return !clashes(a, w) && give(a, w + 1);
  /* Free registers stand last, and are given out first. */
  for (unsigned r = t->role_count; r-- > 0;) {
    if (t->role_file[r] != a->web[w].file) continue;
    a->web[w].role = (uint8_t)r;
    if (!clashes(a, w) && give(a, w + 1)) return true;
  }
  a->web[w].role = FSE_NOTHING;
  return false;
}

/* The web that gives result k: the latest value that is it, in a place where
 * it may be. */
static int claim_result(struct assigning *a, unsigned k) {
  const struct fse_enum *e = a->e;
  const struct fse_task *t = e->task;
  for (unsigned v = e->base + e->depth; v-- > 0;) {
    struct web *w;
    bool overwritten = false;
    if (e->value[v].hash != e->target[k].hash ||
        e->value[v].file != t->out_file[k] || a->web_of[v] == FSE_NOTHING)
      continue;
    for (unsigned i = 0; i < e->depth; i++)
      overwritten |= a->seq[i].row->destroys && a->seq[i].read[0] == v;
    w = &a->web[a->web_of[v]];
    if (overwritten || (t->out_role[k] != FSE_NOTHING &&
                        w->role != FSE_NOTHING && w->role != t->out_role[k]))
      continue;
    if (t->out_role[k] != FSE_NOTHING) w->role = t->out_role[k];
    w->last = (int)e->depth;
    return a->web_of[v];
  }
  return -1;
}

static void write_rows(const struct assigning *a, struct fse_patch *p) {
  const struct fse_enum *e = a->e;
  for (unsigned k = 0; k < e->depth; k++) {
    const struct fse_erow *r = &a->seq[k];
    struct fse_winsn *in = &p->insn[k];
    memset(in, 0, sizeof *in);
    in->row = r->row->row;
    for (unsigned i = 0; i < r->row->read_count; i++) {
      uint8_t w = a->web_of[r->read[i]];
      in->value[r->row->read[i]] =
          w == FSE_NOTHING ? FSE_NOTHING : a->web[w].role;
    }
    in->value[r->row->result] = a->web[a->web_of[r->made]].role;
    if (r->row->imm != FSE_NOTHING)
      in->value[r->row->imm] = e->menu->constant[r->pool];
    p->cost += r->row->cost;
  }
  p->count = (uint8_t)e->depth;
}

/* Gives out registers to rows in this order. */
static bool assign(struct assigning *a, struct fse_patch *p) {
  const struct fse_wform *f = &a->e->task->form;
  int result[FSE_WINDOW_OUTS];
  memset(p, 0, sizeof *p);
  find_webs(a);
  assert(a->web_count <= FSE_ENUM_VALUES);
  for (unsigned k = 0; k < f->out_count; k++)
    if ((result[k] = claim_result(a, k)) < 0) return false;
  if (!give(a, 0)) return false;
  write_rows(a, p);
  for (unsigned i = 0; i < f->in_count; i++)
    p->in_role[i] = a->web[a->web_of[i]].role;
  for (unsigned k = 0; k < f->out_count; k++)
    p->out_role[k] = a->web[result[k]].role;
  return true;
}

/*
 * A result may belong where an input is: what reads the input has to come
 * first, wherever the enumeration put it. So all orders are tried in which
 * every row finds what it reads; `there` are the values that are left, `done`
 * the rows that have their place.
 */
static bool assign_from(struct assigning *a, unsigned placed, uint32_t done,
                        uint32_t there, struct fse_patch *p) {
  const struct fse_enum *e = a->e;
  if (placed == e->depth) return assign(a, p);
  for (unsigned k = 0; k < e->depth; k++) {
    const struct fse_erow *r = &e->seq[k];
    uint32_t reads = 0, gone = 0;
    for (unsigned i = 0; i < r->row->read_count; i++)
      reads |= 1u << r->read[i];
    if (r->row->destroys) gone = 1u << r->read[0];
    if ((done >> k & 1) || (reads & ~there)) continue;
    a->seq[placed] = *r;
    if (assign_from(a, placed + 1, done | 1u << k,
                    (there & ~gone) | 1u << r->made, p))
      return true;
  }
  return false;
}

int fse_enum_assign(const struct fse_enum *e, struct fse_patch *p) {
  struct assigning a = {.e = e};
  assert(e->base + e->depth <= 32 && e->depth <= FSE_ENUM_DEPTH);
  return assign_from(&a, 0, 0, (1u << e->base) - 1, p) ? 0 : -1;
}
