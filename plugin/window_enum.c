/*
 * plugin/window_enum.c - prefixes: sets of values, cost by cost.
 */
#include "plugin/window_enum.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/window_enum_impl.h"

enum {
  VISITED = 1 << 17,     /* marks of sets; what is overwritten is entered
                            twice, no more */
  FRESH = 2048,          /* values made at one level that are told apart */
  ASK_EVERY = 1 << 20,   /* sequences between questions */
  AGAIN_MAX = 64,        /* times the tests may change at one cost, */
  GIVEN_MAX = 4          /* and for one sequence that is given */
};

/* ---- values ------------------------------------------------------------- */

static uint64_t mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
  return h ^ h >> 29;
}

static uint64_t column_hash(const struct fse_column *c) {
  uint64_t h[4] = {1, 2, 3, 4}, w[FSE_LANES / 2];
  memcpy(w, c, sizeof w);
  for (unsigned i = 0; i < FSE_LANES / 2; i += 4)
    for (unsigned k = 0; k < 4; k++)
      h[k] = (h[k] ^ w[i + k]) * UINT64_C(0xD6E8FEB86659FD93) ^ h[k] >> 32;
  return mix(mix(h[0], h[1]), mix(h[2], h[3]));
}

static void make_base(struct fse_enum *e, struct fse_level *l) {
  const struct fse_task *t = e->task;
  e->base = 0;
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

int fse_enum_missing(const struct fse_enum *e, const struct fse_level *l,
                     unsigned gone) {
  int missing = -2;
  for (unsigned k = 0; k < e->task->form.out_count; k++) {
    if (gives(e, l, k, gone)) continue;
    if (missing >= 0) return -1;
    missing = (int)k;
  }
  return missing;
}

static unsigned missing_count(const struct fse_enum *e,
                              const struct fse_level *l) {
  unsigned n = 0;
  for (unsigned k = 0; k < e->task->form.out_count; k++)
    n += !gives(e, l, k, FSE_NOTHING);
  return n;
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
  /* The tests do not tell yet: now they do, and all begins anew. */
  if (fse_tests_add(e->q->tests, &counter)) e->again = true;
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
  return mix(v->hash, (uint64_t)v->where << 8 | v->file);
}

/* Whether the set was entered before with as much left. */
static bool visited(struct fse_enum *e, const struct fse_level *l,
                    uint32_t left) {
  uint64_t mark = mix(mix(l->sum, left), e->salt);
  uint64_t *at = &e->visited[mark % VISITED];
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

/* Puts a row with its operands behind the others: works out what it makes. */
static struct fse_evalue *make_value(struct fse_enum *e,
                                     const struct fse_erow *s) {
  struct fse_evalue *v = &e->value[s->made];
  struct fse_menu_args args = {.pool = s->pool};
  assert(s->made < FSE_ENUM_VALUES && e->depth < FSE_ENUM_DEPTH);
  for (unsigned i = 0; i < s->row->read_count; i++)
    args.read[i] = &e->value[s->read[i]].col;
  fse_menu_eval(e->menu, s->row, &args, &v->col, fse_all_lanes(0));
  v->hash = column_hash(&v->col);
  v->file = s->row->result_file;
  v->where = s->row->destroys ? e->value[s->read[0]].where : FSE_WHERE_FREE;
  v->kept = false;
  v->share = share_of(v);
  return v;
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
  next->unused = g->l->unused;
  for (unsigned i = 0; i < r->read_count; i++)
    next->unused &= ~(1u << g->read[i]);
  for (unsigned i = 0; i < g->l->count; i++)
    if (!r->destroys || g->l->id[i] != g->read[0])
      next->id[next->count++] = g->l->id[i];
  next->id[next->count++] = made;
  next->unused |= 1u << made;
  for (unsigned k = 0; k < e->task->form.out_count; k++)
    if (e->value[made].hash == e->target[k].hash) next->unused &= ~(1u << made);
  return (unsigned)__builtin_popcount(next->unused) <=
             rows * (e->menu->reads_max - 1) + 1 &&
         missing_count(e, next) <= rows;
}

/* Whether a prefix with that much left has but its last row to come, and can
 * wait for others like it. */
static bool gathers(const struct fse_enum *e, uint32_t left) {
  return e->gathers && left < 2 * e->menu->cost_min;
}

static void grow_with(struct growing *g, uint8_t pool) {
  struct fse_enum *e = g->e;
  const struct fse_menu_row *r = g->row;
  uint8_t made = (uint8_t)(e->base + e->depth);
  struct fse_erow *s = &e->seq[e->depth];
  const struct fse_evalue *v;
  struct fse_level next;
  uint32_t left;
  e->work++;
  *s = (struct fse_erow){.row = r, .pool = pool, .made = made};
  memcpy(s->read, g->read, sizeof s->read);
  v = make_value(e, s);
  if (is_there(g, v) ||
      !fresh_add(g->fresh,
                 mix(v->hash, 1 + (r->destroys ? 1u + g->read[0] : 0u))) ||
      !grown(g, made, &next))
    return;
  e->depth++;
  left = g->left - r->cost;
  if (!visited(e, &next, left)) {
    if (gathers(e, left)) {
      e->depth--;
      fse_enum_gather(e, g->l, &next, s, left);
      return;
    }
    enter(e, &next, left);
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
    for (unsigned i = 0; i < r->imm_count && !e->found && !e->again; i++)
      grow_with(g, r->imm_pool[i]);
    return;
  }
  for (unsigned i = 0; i < g->l->count; i++) {
    uint8_t id = g->l->id[i];
    const struct fse_evalue *v = &e->value[id];
    if (v->file != r->read_file[k] || e->found || e->again || e->stopped)
      continue;
    if (k == 0 && r->destroys && (v->kept || v->where == FSE_WHERE_ZERO))
      continue;
    if (k == 1 && r->commutes && id < g->read[0]) continue;
    g->read[k] = id;
    grow_operands(g, k + 1);
  }
}

static void ask(struct fse_enum *e) {
  const struct fse_enum_request *q = e->q;
  if (e->work >= q->work) e->stopped = true;
  if (e->work < e->ask_at) return;
  e->ask_at = e->work + ASK_EVERY;
  if (q->stop != NULL && q->stop(q->user)) e->stopped = true;
}

/* Ends what prefixes of a level are still gathered. */
static void flush_all(struct fse_enum *e, const struct fse_level *l) {
  for (unsigned i = 0; i < e->group_count; i++)
    fse_enum_flush(e, l, &e->group[i]);
  e->group_count = 0;
}

static void enter(struct fse_enum *e, const struct fse_level *l,
                  uint32_t left) {
  struct fresh fresh;
  struct growing g = {.e = e, .l = l, .left = left, .fresh = &fresh};
  if (e->work >= e->q->work) {
    e->stopped = true;
    return;
  }
  fse_enum_last(e, l, left);
  if (left < 2 * e->menu->cost_min || e->depth + 1 >= FSE_ENUM_DEPTH) return;
  memset(&fresh, 0, sizeof fresh);
  ask(e);
  for (unsigned i = 0; i < e->menu->row_count; i++) {
    g.row = &e->menu->row[i];
    if (e->stopped || e->found || e->again) break;
    if (g.row->cost + e->menu->cost_min > left || !fse_enum_uses(e, g.row))
      continue;
    grow_operands(&g, 0);
  }
  flush_all(e, l);
}

/* All sequences of one cost, until the tests tell all wrong ones. */
static void run_cost(struct fse_enum *e, uint32_t cost) {
  for (unsigned n = 0; n < AGAIN_MAX; n++) {
    struct fse_level l;
    make_base(e, &l);
    e->again = false;
    e->depth = 0;
    e->salt = mix(e->salt, cost);
    if (cost == 0) {
      if (missing_count(e, &l) == 0) fse_enum_complete(e);
    } else {
      enter(e, &l, cost);
    }
    if (!e->again || e->stopped) return;
  }
  e->stopped = true;
}

int fse_enum_run(const struct fse_enum_request *q,
                 struct fse_enum_result *out) {
  struct fse_enum *e = fse_column_alloc(sizeof *e);
  assert(q->task != NULL && q->menu != NULL && q->tests != NULL);
  memset(out, 0, sizeof *out);
  if (e == NULL) return -1;
  e->q = q;
  e->task = q->task;
  e->menu = q->menu;
  e->gathers = q->task->form.out_count == 1;
  for (unsigned i = 0; i < q->task->role_count; i++)
    e->gathers &= q->task->role_file[i] == q->task->role_file[0];
  e->visited = calloc(VISITED, sizeof *e->visited);
  if (e->visited == NULL) {
    free(e);
    return -1;
  }
  out->next = q->cost_from;
  for (uint32_t c = q->cost_from;
       c <= q->cost_to && !e->found && !e->stopped; c++) {
    run_cost(e, c);
    if (!e->found && !e->stopped) out->next = c + 1;
  }
  out->found = e->found;
  out->patch = e->patch;
  out->work = e->work;
  free(e->visited);
  free(e);
  return 0;
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
  for (e->depth = 0; e->depth < count; e->depth++) {
    const struct fse_enum_row *r = &rows[e->depth];
    struct fse_erow *s = &e->seq[e->depth];
    *s = (struct fse_erow){.row = r->row, .pool = r->pool,
                           .made = (uint8_t)(e->base + e->depth)};
    for (unsigned k = 0; k < r->row->read_count; k++)
      s->read[k] = given_value(e, r->read[k], r->row->read_file[k]);
    (void)make_value(e, s);
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
