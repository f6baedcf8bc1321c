/*
 * plugin/window_enum.c - prefixes: sets of values, cost by cost.
 */
#include "plugin/window_enum.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/window_enum_impl.h"

enum {
  MARKS = 1 << 17,       /* of sets; what is overwritten is entered twice, no
                            more */
  MARKS_MANY = 1 << 21,
  MARKS_MANY_FROM = 5,   /* cost */
  FRESH = 2048,          /* values made at one level that are told apart */
  ASK_EVERY = 1 << 20,   /* sequences between questions */
  AGAIN_MAX = 64,        /* times the tests may change at one cost, */
  GIVEN_MAX = 4,         /* and for one sequence that is given */
  PASS_SHORT = 1 << 24,  /* sequences; what is shorter is begun anew at once */
  WRONG_MAX = 4096,      /* wrong sequences that a pass bears, */
  WRONG_NEW = 256        /* of which new ones count more */
};

/* ---- values ------------------------------------------------------------- */

static uint64_t column_hash(const struct fse_column *c) {
  uint64_t h[4] = {1, 2, 3, 4}, w[FSE_LANES / 2];
  memcpy(w, c, sizeof w);
  for (unsigned i = 0; i < FSE_LANES / 2; i += 4)
    for (unsigned k = 0; k < 4; k++)
      h[k] = (h[k] ^ w[i + k]) * UINT64_C(0xD6E8FEB86659FD93) ^ h[k] >> 32;
  return fse_mix(fse_mix(h[0], h[1]), fse_mix(h[2], h[3]));
}

static void make_base(struct fse_enum *e, struct fse_level *l) {
  const struct fse_task *t = e->task;
  e->base = 0;
  e->zero = FSE_NOTHING;
  for (unsigned i = 0; i < t->form.in_count; i++, e->base++) {
    struct fse_evalue *v = &e->value[e->base];
    v->col = e->q->tests->in[i];
    v->hash = column_hash(&v->col);
    v->file = t->in_file[i];
    v->where = t->in_role[i] == FSE_NOTHING ? FSE_WHERE_FREE : t->in_role[i];
    v->kept = t->in_kept[i];
  }
  for (uint8_t f = 0; f < FISA_MAX_FILES; f++) {
    struct fse_evalue *v = &e->value[e->base];
    if (!(t->zero_files >> f & 1)) continue;
    memset(&v->col, 0, sizeof v->col);
    v->hash = column_hash(&v->col);
    v->file = f;
    v->where = FSE_WHERE_ZERO;
    v->kept = true;
    e->zero = (uint8_t)e->base;
    e->base++;
  }
  for (unsigned k = 0; k < t->form.out_count; k++) {
    e->target[k].col = e->q->tests->out[k];
    e->target[k].hash = column_hash(&e->target[k].col);
    e->target[k].file = t->out_file[k];
  }
  l->count = e->base;
  assert(e->base <= FSE_ENUM_BASE);
  l->unused = 0;
  l->sum = 0;
  for (unsigned i = 0; i < e->base; i++) l->id[i] = (uint8_t)i;
}

static bool gives(const struct fse_enum *e, const struct fse_level *l,
                  unsigned k, unsigned gone) {
  assert(k < e->task->form.out_count);
  for (unsigned i = 0; i < l->count; i++) {
    const struct fse_evalue *v = &e->value[l->id[i]];
    if (l->id[i] != gone && v->hash == e->target[k].hash &&
        v->file == e->target[k].file && fse_enum_fits(e->task, k, v->where))
      return true;
  }
  return false;
}

unsigned fse_enum_missing(const struct fse_enum *e, const struct fse_level *l,
                          unsigned gone) {
  unsigned n = 0;
  for (unsigned k = 0; k < e->task->form.out_count; k++)
    n += !gives(e, l, k, gone);
  return n;
}

bool fse_enum_lacks(const struct fse_enum *e, const struct fse_level *l,
                    unsigned k) {
  return !gives(e, l, k, FSE_NOTHING);
}

/* ---- complete sequences ------------------------------------------------- */

void fse_enum_complete(struct fse_enum *e) {
  struct fse_point counter = {{0}};
  if (fse_enum_assign(e, &e->patch) != 0) return;
  if (fse_tests_agree(e->q->tests, e->menu, &e->patch, FSE_PROVING_STATES,
                      &counter)) {
    e->found = true;
    return;
  }
  /* The tests do not tell yet. From now on they do, and all begins anew; but a
   * pass that took long is ended first, since it may find something right. */
  if (fse_tests_add(e->q->tests, &counter)) {
    e->misled = true;
    e->wrong += WRONG_NEW;
    e->again = e->work - e->pass_from < PASS_SHORT;
  }
  e->wrong++;
  e->again |= e->misled && e->wrong >= WRONG_MAX;
}

/* ---- prefixes ----------------------------------------------------------- */

/* Values made at one level, so that each is entered once. */
struct fresh {
  uint64_t hash[FRESH];
};

static bool fresh_add(struct fresh *f, uint64_t hash) {
  uint32_t i = (uint32_t)(hash >> 32) % FRESH;
  for (unsigned n = 0; n < 8; n++, i = (i + 1) % FRESH) {
    if (f->hash[i] == hash) return false;
    if (f->hash[i] != 0) continue;
    f->hash[i] = hash;
    return true;
  }
  return true;
}

/* Sums of shares are hashes of sets, whatever their order. */
static uint64_t share_of(const struct fse_evalue *v) {
  return fse_mix(v->hash, (uint64_t)v->where << 8 | v->file);
}

/* Whether the set was entered before with as much left. */
static bool visited(struct fse_enum *e, const struct fse_level *l,
                    uint32_t left) {
  uint64_t mark = fse_mix(fse_mix(l->sum, left), e->salt);
  uint64_t *at = &e->visited[mark % e->marks];
  if (*at == mark) return true;
  *at = mark;
  return false;
}

/* A level under work: the row that is put behind it. */
struct growing {
  struct fse_enum *e;
  const struct fse_level *l;
  uint32_t left;             /* cost, this row's included */
  struct fresh *fresh;
  const struct fse_menu_row *row;
  uint8_t read[FSE_MENU_READS];
};

static void enter(struct fse_enum *e, const struct fse_level *l,
                  uint32_t left);

/* Whether an equal value is there already, where it is as good. */
static bool is_there(const struct growing *g, const struct fse_evalue *v) {
  for (unsigned i = 0; i < g->l->count; i++) {
    const struct fse_evalue *o = &g->e->value[g->l->id[i]];
    if (o->hash == v->hash && o->file == v->file &&
        (o->where == FSE_WHERE_FREE || v->where != FSE_WHERE_FREE))
      return true;
  }
  return false;
}

/* What of a level is not read yet behind the row. */
static uint32_t unused_behind(const struct growing *g) {
  uint32_t unused = g->l->unused;
  for (unsigned i = 0; i < g->row->read_count; i++)
    unused &= ~(1u << g->read[i]);
  return unused;
}

/* The level behind the row; false: it leads nowhere. */
static bool grown(const struct growing *g, uint8_t made,
                  struct fse_level *next) {
  struct fse_enum *e = g->e;
  const struct fse_menu_row *r = g->row;
  unsigned rows = (g->left - r->cost) / e->menu->cost_min;
  assert(g->left >= r->cost && e->menu->cost_min > 0);
  next->count = 0;
  next->sum = g->l->sum + e->value[made].share -
              (r->destroys ? e->value[g->read[0]].share : 0);
  next->unused = unused_behind(g);
  for (unsigned i = 0; i < g->l->count; i++)
    if (!r->destroys || g->l->id[i] != g->read[0])
      next->id[next->count++] = g->l->id[i];
  next->id[next->count++] = made;
  next->unused |= 1u << made;
  for (unsigned k = 0; k < e->task->form.out_count; k++)
    if (e->value[made].hash == e->target[k].hash) next->unused &= ~(1u << made);
  return (unsigned)__builtin_popcount(next->unused) <=
             rows * (e->reads_max - 1) + 1 &&
         fse_enum_missing(e, next, FSE_NOTHING) <= rows;
}

void fse_enum_push(struct fse_enum *e, const struct fse_erow *row) {
  const struct fse_menu_row *r = row->row;
  struct fse_evalue *v = &e->value[e->base + e->depth];
  struct fse_menu_args args = {.pool = row->pool};
  struct fse_erow *s = &e->seq[e->depth++];
  assert(e->depth <= FSE_ENUM_DEPTH);
  *s = *row;
  s->made = (uint8_t)(e->base + e->depth - 1);
  for (unsigned i = 0; i < r->read_count; i++)
    args.read[i] = &e->value[row->read[i]].col;
  fse_menu_eval(e->menu, r, &args, &v->col, fse_all_lanes(0));
  v->hash = column_hash(&v->col);
  v->file = r->result_file;
  v->where = r->destroys ? e->value[row->read[0]].where : FSE_WHERE_FREE;
  v->kept = false;
  v->share = share_of(v);
}

/* Whether the end of all sequences through a level's rows is near: see
 * fse_enum_wait. */
static bool ends_soon(const struct fse_enum *e, uint32_t left) {
  return e->gathers && left < 3 * e->menu->cost_min;
}

/* A row that leads to `next` waits, or its level is entered. */
static void go_on(struct growing *g, const struct fse_level *next,
                  bool leads) {
  struct fse_enum *e = g->e;
  const struct fse_erow *s = &e->seq[e->depth - 1];
  const uint8_t gone = g->row->destroys ? g->read[0] : FSE_NOTHING;
  uint32_t left = g->left - g->row->cost;
  bool soon = ends_soon(e, left);
  leads = leads && !visited(e, next, left);
  if (g->left < 3 * e->menu->cost_min + e->menu->cost_max && e->gathers) {
    struct fse_candidate c = {.row = *s, .unused = unused_behind(g),
                              .left = left, .gone = gone,
                              .prefix = leads && soon};
    memcpy(c.first, &e->value[s->made].col, sizeof c.first);
    fse_enum_wait(e, &c);
  }
  if (leads && !soon) enter(e, next, left);
}

static void grow_with(struct growing *g, uint8_t pool) {
  struct fse_enum *e = g->e;
  const struct fse_menu_row *r = g->row;
  struct fse_erow s = {.row = r, .pool = pool};
  struct fse_level next;
  uint8_t made = (uint8_t)(e->base + e->depth);
  const struct fse_evalue *v = &e->value[made];
  assert(made < FSE_ENUM_VALUES && e->depth < FSE_ENUM_DEPTH);
  e->work++;
  memcpy(s.read, g->read, sizeof s.read);
  fse_enum_push(e, &s);
  if (!is_there(g, v) &&
      fresh_add(g->fresh,
                fse_mix(v->hash, 1 + (r->destroys ? 1u + g->read[0] : 0u)))) {
    bool leads = grown(g, made, &next);
    go_on(g, &next, leads);
  }
  e->depth--;
}

/* Chooses operand k and those behind it. */
static void grow_operands(struct growing *g, unsigned k) {
  const struct fse_menu_row *r = g->row;
  struct fse_enum *e = g->e;
  assert(k <= r->read_count && r->read_count <= FSE_MENU_READS);
  if (k == r->read_count) {
    if (r->imm == FSE_NOTHING) {
      grow_with(g, 0);
      return;
    }
    for (unsigned i = 0; i < r->imm_count && !fse_enum_over(e); i++)
      grow_with(g, r->imm_pool[i]);
    return;
  }
  for (unsigned i = 0; i < g->l->count; i++) {
    uint8_t id = g->l->id[i];
    const struct fse_evalue *v = &e->value[id];
    if (v->file != r->read_file[k] || fse_enum_over(e)) continue;
    if (k == 0 && r->destroys && (v->kept || v->where == FSE_WHERE_ZERO))
      continue;
    if (k == 1 && r->commutes && id < g->read[0]) continue;
    g->read[k] = id;
    grow_operands(g, k + 1);
  }
}

void fse_enum_ask(struct fse_enum *e) {
  const struct fse_enum_request *q = e->q;
  if (e->work >= q->work) e->stopped = true;
  if (e->work < e->ask_at) return;
  e->ask_at = e->work + ASK_EVERY;
  if (q->stop != NULL && q->stop(q->user)) e->stopped = true;
}

static void enter(struct fse_enum *e, const struct fse_level *l,
                  uint32_t left) {
  struct fresh fresh;
  struct growing g = {.e = e, .l = l, .left = left, .fresh = &fresh};
  uint32_t waiting = e->candidate_count, missing, rows;
  if (e->work >= e->q->work) {
    e->stopped = true;
    return;
  }
  if (left < e->menu->cost_min) return;
  missing = fse_enum_missing(e, l, FSE_NOTHING);
  rows = left / e->menu->cost_min;
  if (missing <= 1 || missing == rows) fse_enum_give(e, l, left);
  if (rows < 2 || missing >= rows || e->depth + 1 >= FSE_ENUM_DEPTH) return;
  memset(&fresh, 0, sizeof fresh);
  fse_enum_ask(e);
  for (unsigned i = 0; i < e->menu->row_count; i++) {
    g.row = &e->menu->row[i];
    if (fse_enum_over(e)) break;
    if (g.row->cost + e->menu->cost_min > left || !fse_enum_uses(e, g.row))
      continue;
    grow_operands(&g, 0);
  }
  fse_enum_flush(e, l, waiting);
}

void fse_enum_forward(struct fse_enum *e, const struct fse_level *l,
                      const struct fse_erow *row, uint32_t left, unsigned k) {
  struct growing g = {.e = e, .l = l, .left = left, .row = row->row};
  struct fse_level next;
  uint8_t made = (uint8_t)(e->base + e->depth);
  memcpy(g.read, row->read, sizeof g.read);
  fse_enum_push(e, row);
  if (memcmp(&e->value[made].col, &e->target[k].col,
             sizeof e->target[k].col) == 0 &&
      grown(&g, made, &next) && !visited(e, &next, left - row->row->cost))
    enter(e, &next, left - row->row->cost);
  e->depth--;
}

/* All sequences of one cost, until the tests tell all wrong ones. */
static void run_cost(struct fse_enum *e, uint32_t cost) {
  for (unsigned n = 0; n < AGAIN_MAX; n++) {
    struct fse_level l;
    make_base(e, &l);
    e->again = e->misled = false;
    e->wrong = 0;
    e->pass_from = e->work;
    e->candidate_count = 0;
    e->depth = 0;
    e->salt = fse_mix(e->salt, cost);
    if (cost == 0) {
      if (fse_enum_missing(e, &l, FSE_NOTHING) == 0) fse_enum_complete(e);
    } else {
      enter(e, &l, cost);
    }
    if (e->found || !e->misled || e->stopped || e->failed) return;
  }
  e->stopped = true;
}

static bool prepare(struct fse_enum *e) {
  const struct fse_enum_request *q = e->q;
  e->task = q->task;
  e->menu = q->menu;
  e->zero = FSE_NOTHING;
  e->marks = q->cost_to < MARKS_MANY_FROM ? MARKS : MARKS_MANY;
  e->gathers = q->task->form.out_count == 1;
  for (unsigned i = 0; i < q->task->role_count; i++)
    e->gathers &= q->task->role_file[i] == q->task->role_file[0];
  for (unsigned i = 0; i < e->menu->row_count; i++)
    if (fse_enum_uses(e, &e->menu->row[i]) &&
        e->menu->row[i].read_count > e->reads_max)
      e->reads_max = e->menu->row[i].read_count;
  if (e->reads_max == 0) e->reads_max = 1;
  e->visited = calloc(e->marks, sizeof *e->visited);
  return e->visited != NULL;
}

static void enum_free(struct fse_enum *e) {
  free(e->visited);
  free(e->candidate);
  fse_enum_uses_done(e);
  free(e);
}

int fse_enum_run(const struct fse_enum_request *q,
                 struct fse_enum_result *out) {
  struct fse_enum *e = fse_column_alloc(sizeof *e);
  bool failed;
  assert(q->task != NULL && q->menu != NULL && q->tests != NULL);
  memset(out, 0, sizeof *out);
  if (e == NULL) return -1;
  e->q = q;
  e->failed = !prepare(e);
  out->next = q->cost_from;
  for (uint32_t c = q->cost_from; c <= q->cost_to && !fse_enum_over(e); c++) {
    run_cost(e, c);
    if (!fse_enum_over(e)) out->next = c + 1;
  }
  out->found = e->found;
  out->patch = e->patch;
  out->work = e->work;
  failed = e->failed;
  enum_free(e);
  return failed ? -1 : 0;
}

/* ---- a sequence that is given ------------------------------------------- */

bool fse_enum_may(const struct fse_task *t, const struct fse_enum_row *earlier,
                  const struct fse_enum_row *row) {
  for (unsigned k = 0; k < row->row->read_count; k++) {
    uint8_t v = row->read[k], file = row->row->read_file[k];
    bool overwritten = k == 0 && row->row->destroys;
    if (v == FSE_NOTHING) {
      if (overwritten || !(t->zero_files >> file & 1)) return false;
    } else if (v < t->form.in_count) {
      if (t->in_file[v] != file || (overwritten && t->in_kept[v]))
        return false;
    } else if (earlier[v - FSE_ENUM_MADE(0)].row->result_file != file) {
      return false;
    }
  }
  return true;
}

/* The value of an operand as it is given. */
static uint8_t given_value(const struct fse_enum *e, uint8_t v, uint8_t file) {
  if (v < e->task->form.in_count) return v;
  if (v != FSE_NOTHING) return (uint8_t)(e->base + v - FSE_ENUM_MADE(0));
  for (uint8_t i = e->task->form.in_count; i < e->base; i++)
    if (e->value[i].file == file) return i;
  return 0;
}

static void put_given(struct fse_enum *e, const struct fse_enum_row *rows,
                      unsigned count) {
  struct fse_level l;
  make_base(e, &l);
  e->depth = 0;
  for (unsigned i = 0; i < count; i++) {
    const struct fse_enum_row *r = &rows[i];
    struct fse_erow s = {.row = r->row, .pool = r->pool};
    for (unsigned k = 0; k < r->row->read_count; k++)
      s.read[k] = given_value(e, r->read[k], r->row->read_file[k]);
    fse_enum_push(e, &s);
  }
}

int fse_enum_given(const struct fse_enum_request *q,
                   const struct fse_enum_row *rows, unsigned count,
                   struct fse_patch *patch) {
  struct fse_enum *e = fse_column_alloc(sizeof *e);
  int rc;
  if (e == NULL) return -1;
  assert(count <= FSE_ENUM_DEPTH);
  e->q = q;
  e->task = q->task;
  e->menu = q->menu;
  /* Two values that the tests do not tell may be taken for each other. */
  for (unsigned n = 0; n < GIVEN_MAX && !e->found && (n == 0 || e->again);
       n++) {
    e->again = false;
    put_given(e, rows, count);
    fse_enum_complete(e);
  }
  rc = e->found;
  *patch = e->patch;
  free(e);
  return rc;
}
