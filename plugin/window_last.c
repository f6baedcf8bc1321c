/*
 * plugin/window_last.c - the last row of a sequence, or rows that give results.
 *
 * Nine of ten sequences are told from the task by a few tests, so only the
 * first lanes are computed: of rows of one op by scans, of others by putting
 * several sets of operands side by side in one column.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_enum_impl.h"

/* The values of one file in a level, their first lanes one after another. */
struct list {
  unsigned count;
  uint8_t id[FSE_ENUM_VALUES];
  struct fse_glance glance[FSE_ENUM_VALUES];
};

struct last {
  struct fse_enum *e;
  const struct fse_level *level;
  uint32_t left;            /* cost */
  unsigned missing;         /* results */
  unsigned result;          /* of those, the one to be given */
  uint32_t unused;          /* what the row has to read, a bit a value */
  unsigned unused_count;
  struct list any[FISA_MAX_FILES];   /* by file: what may be read, */
  struct list yields[FISA_MAX_FILES]; /* what the result may overwrite */
  uint32_t files;           /* those that are filled, a bit each */
  const struct fse_glance *target;
};

/* Whether a destroying row may have value `id` in its place: its register must
 * be where the result may be, and no other result may go with it. */
static bool may_yield(const struct last *x, uint8_t id) {
  const struct fse_evalue *v = &x->e->value[id];
  return !v->kept && v->where != FSE_WHERE_ZERO &&
         fse_enum_fits(x->e->task, x->result, v->where) &&
         (x->e->task->form.out_count == 1 ||
          fse_enum_missing(x->e, x->level, id) == x->missing);
}

static void list_add(struct list *l, uint8_t id, const struct fse_column *c) {
  assert(l->count < FSE_ENUM_VALUES);
  l->id[l->count] = id;
  memcpy(&l->glance[l->count++], c, sizeof l->glance[0]);
}

static void make_lists(struct last *x) {
  const struct fse_level *l = x->level;
  for (unsigned i = 0; i < l->count; i++) {
    const struct fse_evalue *v = &x->e->value[l->id[i]];
    if (!(x->files >> v->file & 1)) {
      x->any[v->file].count = x->yields[v->file].count = 0;
      x->files |= 1u << v->file;
    }
    list_add(&x->any[v->file], l->id[i], &v->col);
    if (may_yield(x, l->id[i]))
      list_add(&x->yields[v->file], l->id[i], &v->col);
  }
}

static const struct list *list_of(const struct last *x,
                                  const struct fse_menu_row *r, unsigned k) {
  uint8_t file = r->read_file[k];
  static const struct list none;
  if (!(x->files >> file & 1)) return &none;
  return k == 0 && r->destroys ? &x->yields[file] : &x->any[file];
}

void fse_enum_try(struct fse_enum *e, const struct fse_menu_row *r,
                  const uint8_t *read, uint8_t pool, unsigned k) {
  struct fse_evalue *v = &e->value[e->base + e->depth];
  struct fse_menu_args args = {.pool = pool};
  struct fse_erow *s = &e->seq[e->depth];
  assert(e->depth < FSE_ENUM_DEPTH && k < e->task->form.out_count);
  for (unsigned i = 0; i < r->read_count; i++)
    args.read[i] = &e->value[read[i]].col;
  fse_menu_eval(e->menu, r, &args, &v->col, fse_all_lanes(0));
  if (memcmp(&v->col, &e->target[k].col, sizeof v->col) != 0) return;
  *s = (struct fse_erow){.row = r, .pool = pool,
                         .made = (uint8_t)(e->base + e->depth)};
  memcpy(s->read, read, r->read_count);
  v->hash = e->target[k].hash;
  v->file = r->result_file;
  v->where = r->destroys ? e->value[read[0]].where : FSE_WHERE_FREE;
  v->kept = false;
  e->depth++;
  fse_enum_complete(e);
  e->depth--;
}

/* A row whose first lanes give the result: the last, or one of several that
 * have to give one each. */
static void try_row(struct last *x, const struct fse_menu_row *r,
                    const uint8_t *read, uint8_t pool) {
  struct fse_erow row = {.row = r, .pool = pool};
  assert(x->missing > 0);
  if (x->missing == 1) {
    fse_enum_try(x->e, r, read, pool, x->result);
    return;
  }
  memcpy(row.read, read, r->read_count);
  fse_enum_forward(x->e, x->level, &row, x->left, x->result);
}

/* ---- rows of one op ----------------------------------------------------- */

/* Scans rows a[from, count) x b[...]: offsets tell hits back as values. */
struct part {
  const struct list *a, *b;
  unsigned a_from, a_count, b_from, b_count;
};

static void scan_part(struct last *x, const struct fse_menu_row *r,
                      const struct part *p) {
  const struct fse_menu_step *s = &r->step[0];
  bool constant = p->b == NULL;
  struct fse_scan scan = {.a = &p->a->glance[p->a_from],
                          .b = constant ? r->imm_glance
                                        : &p->b->glance[p->b_from],
                          .target = x->target, .a_count = p->a_count,
                          .b_count = p->b_count, .imm = s->imm};
  struct fse_hit hit[FSE_HITS];
  unsigned n;
  x->e->work += (uint64_t)p->a_count * p->b_count;
  assert(p->a_from + p->a_count <= p->a->count);
  n = x->e->menu->kernels->scan[s->op](&scan, hit);
  for (unsigned i = 0; i < n && !fse_enum_over(x->e); i++) {
    uint8_t read[FSE_MENU_READS] = {p->a->id[p->a_from + hit[i].a]};
    uint8_t pool = 0;
    if (!constant) read[1] = p->b->id[p->b_from + hit[i].b];
    else if (r->imm != FSE_NOTHING) pool = r->imm_pool[hit[i].b];
    try_row(x, r, read, pool);
  }
}

static bool is_unused(const struct last *x, uint8_t id) {
  return x->unused >> id & 1;
}

/* One operand (and a constant): it must use up what is unused. */
static void scan_one(struct last *x, const struct fse_menu_row *r) {
  struct part p = {.a = list_of(x, r, 0), .b_count = 1};
  if (r->imm != FSE_NOTHING) p.b_count = r->imm_count;
  if (x->unused_count > 1) return;
  if (x->unused_count == 0) {
    p.a_count = p.a->count;
    if (p.a_count > 0) scan_part(x, r, &p);
    return;
  }
  p.a_count = 1;
  for (p.a_from = 0; p.a_from < p.a->count; p.a_from++)
    if (is_unused(x, p.a->id[p.a_from])) scan_part(x, r, &p);
}

static void scan_two(struct last *x, const struct fse_menu_row *r) {
  struct part p = {.a = list_of(x, r, 0), .b = list_of(x, r, 1)};
  if (x->unused_count > 2 || p.a->count == 0 || p.b->count == 0) return;
  if (x->unused_count == 0) {
    p.a_count = p.a->count;
    p.b_count = p.b->count;
    scan_part(x, r, &p);
    return;
  }
  for (unsigned i = 0; i < p.a->count; i++) {
    bool first = is_unused(x, p.a->id[i]);
    if (x->unused_count == 2 && !first) continue;
    p.a_from = i;
    p.a_count = 1;
    p.b_from = 0;
    p.b_count = p.b->count;
    if (x->unused_count == 1 && first) {
      scan_part(x, r, &p);
      continue;
    }
    if (x->unused_count == 1 && r->commutes) continue;
    p.b_count = 1;
    for (p.b_from = 0; p.b_from < p.b->count; p.b_from++)
      if (is_unused(x, p.b->id[p.b_from]) && p.b->id[p.b_from] != p.a->id[i])
        scan_part(x, r, &p);
  }
}

/* ---- other rows --------------------------------------------------------- */

/* Sets of operands of one row side by side in columns, as many as there is
 * room for. */
enum { PACK = FSE_LANES / FSE_GLANCE };
struct pack {
  const struct fse_menu_row *row;
  uint8_t pool;            /* the constant, the same for all */
  unsigned count;
  uint8_t read[PACK][FSE_MENU_READS];
  struct fse_column col[FSE_MENU_READS];
};

/* What the row gives for all of a pack. It is work. */
static void pack_eval(struct fse_enum *e, struct pack *p,
                      struct fse_column *out) {
  const struct fse_menu_row *row = p->row;
  struct fse_menu_args args = {.pool = p->pool};
  unsigned lanes = p->count * FSE_GLANCE;
  assert(p->count > 0 && p->count <= PACK);
  for (unsigned i = 0; i < FSE_MENU_READS; i++) args.read[i] = &p->col[i];
  /* Ops work by stripes: half a stripe of nothing in particular is given. */
  if (p->count % 2 == 1)
    for (unsigned i = 0; i < row->read_count; i++)
      memset(&p->col[i].lane[lanes], 0, sizeof(struct fse_glance));
  lanes = (lanes + FSE_STRIPE - 1) / FSE_STRIPE * FSE_STRIPE;
  fse_menu_eval(e->menu, row, &args, out, (struct fse_stretch){0, lanes, 0});
  e->work += p->count;
}

static void pack_run(struct last *x, struct pack *p) {
  struct fse_column out;
  if (p->count == 0) return;
  pack_eval(x->e, p, &out);
  for (unsigned i = 0; i < p->count && !fse_enum_over(x->e); i++)
    if (memcmp(&out.lane[i * FSE_GLANCE], x->target, sizeof *x->target) == 0)
      try_row(x, p->row, p->read[i], p->pool);
  p->count = 0;
}

/* Chooses operand k and those behind it, which have to read what is `left`. */
static void pack_operands(struct last *x, struct pack *p, unsigned k,
                          uint8_t read[FSE_MENU_READS], uint32_t left) {
  const struct list *l;
  if ((unsigned)__builtin_popcount(left) > p->row->read_count - k) return;
  if (k == p->row->read_count) {
    for (unsigned i = 0; i < k; i++)
      memcpy(&p->col[i].lane[p->count * FSE_GLANCE],
             &x->e->value[read[i]].col, sizeof(struct fse_glance));
    memcpy(p->read[p->count++], read, FSE_MENU_READS);
    if (p->count == PACK) pack_run(x, p);
    return;
  }
  l = list_of(x, p->row, k);
  for (unsigned i = 0; i < l->count; i++) {
    read[k] = l->id[i];
    pack_operands(x, p, k + 1, read, left & ~(1u << read[k]));
  }
}

static void pack_row(struct last *x, struct pack *p,
                     const struct fse_menu_row *r) {
  unsigned constants = r->imm == FSE_NOTHING ? 1 : r->imm_count;
  uint8_t read[FSE_MENU_READS] = {0};
  if (x->unused_count > r->read_count) return;
  p->row = r;
  for (unsigned c = 0; c < constants; c++) {
    p->pool = r->imm == FSE_NOTHING ? 0 : r->imm_pool[c];
    pack_operands(x, p, 0, read, x->unused);
    pack_run(x, p);
  }
}

/* All rows for one result. */
static void give_one(struct last *x) {
  struct fse_enum *e = x->e;
  const uint32_t rest = (x->missing - 1) * e->menu->cost_min;
  struct pack pack;
  x->files = 0;
  x->target = (const struct fse_glance *)&e->target[x->result].col;
  make_lists(x);
  pack.count = 0;
  for (unsigned i = 0; i < e->menu->row_count && !fse_enum_over(e); i++) {
    const struct fse_menu_row *r = &e->menu->row[i];
    if ((rest == 0 ? r->cost != x->left : r->cost + rest > x->left) ||
        !fse_enum_uses(e, r) || r->result_file != e->target[x->result].file)
      continue;
    if (!r->simple) pack_row(x, &pack, r);
    else if (r->read_count == 1) scan_one(x, r);
    else scan_two(x, r);
  }
}

void fse_enum_give(struct fse_enum *e, const struct fse_level *l,
                   uint32_t left) {
  struct last x = {.e = e, .level = l, .left = left};
  x.missing = fse_enum_missing(e, l, FSE_NOTHING);
  if (x.missing == 0 || e->depth == FSE_ENUM_DEPTH) return;
  if (x.missing == 1) {
    if (left > e->menu->cost_max) return;
    x.unused = l->unused;
    x.unused_count = (unsigned)__builtin_popcount(l->unused);
    if (x.unused_count > e->reads_max) return;
  }
  for (x.result = 0; x.result < e->task->form.out_count; x.result++)
    if (fse_enum_lacks(e, l, x.result)) give_one(&x);
}
