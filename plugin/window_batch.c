/*
 * plugin/window_batch.c - the last row behind many prefixes at once.
 *
 * Prefixes that differ in their latest value alone are put together, so that
 * a scan has many values on one side. The latest value has to be read by the
 * last row, and so has what else was not read yet; groups are of prefixes that
 * are alike in this. For tasks of one result and one file of registers.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_enum_impl.h"


/* A group under work, with the values its prefixes have in common. */
struct ending {
  struct fse_enum *e;
  const struct fse_group *g;
  struct {
    unsigned count;
    uint8_t id[FSE_ENUM_VALUES];
    struct fse_glance glance[FSE_ENUM_VALUES];
  } list[2];               /* what may be read, what may be overwritten */
  const struct fse_menu_row *row;
};

enum { READ, YIELD, NEWEST = 254 };

/* ---- hits --------------------------------------------------------------- */

/* A row behind prefix n whose first lanes agree; NEWEST stands for the latest
 * value. */
static void try_row(struct ending *x, unsigned n, const uint8_t *read,
                    uint8_t pool) {
  struct fse_enum *e = x->e;
  const struct fse_erow *made = &x->g->row[n];
  struct fse_menu_args args = {.pool = made->pool};
  struct fse_evalue *v = &e->value[made->made];
  uint8_t id[FSE_MENU_READS] = {0};
  assert(n < x->g->count && made->row != NULL);
  for (unsigned i = 0; i < made->row->read_count; i++)
    args.read[i] = &e->value[made->read[i]].col;
  fse_menu_eval(e->menu, made->row, &args, &v->col, fse_all_lanes(0));
  v->file = x->g->file;
  v->where = x->g->where;
  v->kept = false;
  v->hash = x->g->hash[n];
  for (unsigned i = 0; i < x->row->read_count; i++)
    id[i] = read[i] == NEWEST ? made->made : read[i];
  e->seq[e->depth++] = *made;
  fse_enum_try(e, x->row, id, pool, 0);
  e->depth--;
}

/* ---- rows of one op ----------------------------------------------------- */

/* One side of a scan: prefixes, or values they have in common. */
struct side {
  const struct fse_glance *glance;
  unsigned count;
  const uint8_t *id;      /* NULL: the prefixes' latest values */
};

static void scan(struct ending *x, const struct side *a,
                 const struct side *b) {
  const struct fse_menu_row *r = x->row;
  struct fse_scan s = {.a = a->glance, .a_count = a->count,
                       .target =
                           (const struct fse_glance *)&x->e->target[0].col,
                       .imm = r->step[0].imm};
  struct fse_hit hit[FSE_HITS];
  unsigned n;
  if (b != NULL) {
    s.b = b->glance;
    s.b_count = b->count;
    s.diagonal = a->id == NULL && b->id == NULL;
  } else {
    s.b = r->imm_glance;
    s.b_count = r->imm == FSE_NOTHING ? 1 : r->imm_count;
  }
  if (s.a_count == 0 || s.b_count == 0) return;
  x->e->work += s.diagonal ? s.a_count : (uint64_t)s.a_count * s.b_count;
  n = x->e->menu->kernels->scan[r->step[0].op](&s, hit);
  for (unsigned i = 0; i < n && !x->e->found && !x->e->again; i++) {
    uint8_t read[FSE_MENU_READS] = {a->id ? a->id[hit[i].a] : NEWEST};
    uint8_t pool = 0;
    unsigned prefix = a->id ? hit[i].b : hit[i].a;
    if (b != NULL) read[1] = b->id ? b->id[hit[i].b] : NEWEST;
    else if (r->imm != FSE_NOTHING) pool = r->imm_pool[hit[i].b];
    try_row(x, prefix, read, pool);
  }
}

/* The common values that may stand at operand k beside the latest value:
 * those left over, if there are any. */
static struct side common(const struct ending *x, unsigned k) {
  unsigned which = k == 0 && x->row->destroys ? YIELD : READ;
  struct side s = {x->list[which].glance, x->list[which].count,
                   x->list[which].id};
  uint32_t left = x->g->unused;
  if (left == 0) return s;
  for (unsigned i = 0; i < s.count; i++)
    if (left == 1u << s.id[i])
      return (struct side){s.glance + i, 1, s.id + i};
  s.count = 0;
  return s;
}

static bool newest_may_be_first(const struct ending *x) {
  return !x->row->destroys || fse_enum_fits(x->e->task, 0, x->g->where);
}

static void end_simple(struct ending *x) {
  const struct fse_menu_row *r = x->row;
  struct side newest = {x->g->glance, x->g->count, NULL};
  if (r->read_count == 1) {
    if (newest_may_be_first(x) && x->g->unused == 0) scan(x, &newest, NULL);
    return;
  }
  if (newest_may_be_first(x)) {
    struct side b = common(x, 1);
    scan(x, &newest, &b);
    if (x->g->unused == 0) scan(x, &newest, &newest);
  }
  if (!r->commutes) {
    struct side a = common(x, 0);
    scan(x, &a, &newest);
  }
}

/* ---- other rows --------------------------------------------------------- */

struct pack {
  uint16_t prefix[FSE_PACK];   /* of each set */
  struct fse_pack of;
};

static void pack_run(struct ending *x, struct pack *p) {
  struct fse_pack *of = &p->of;
  struct fse_column out;
  if (of->count == 0) return;
  fse_enum_pack(x->e, x->row, of, &out);
  for (unsigned i = 0; i < of->count && !x->e->found && !x->e->again; i++)
    if (memcmp(&out.lane[i * FSE_GLANCE], &x->e->target[0].col,
               sizeof(struct fse_glance)) == 0)
      try_row(x, p->prefix[i], of->read[i], of->pool);
  of->count = 0;
}

static void pack_put(struct ending *x, struct pack *p, unsigned prefix,
                     const uint8_t *read) {
  struct fse_pack *of = &p->of;
  for (unsigned i = 0; i < x->row->read_count; i++) {
    const void *from = read[i] == NEWEST
                           ? (const void *)&x->g->glance[prefix]
                           : (const void *)&x->e->value[read[i]].col;
    memcpy(&of->col[i].lane[of->count * FSE_GLANCE], from,
           sizeof(struct fse_glance));
  }
  p->prefix[of->count] = (uint16_t)prefix;
  memcpy(of->read[of->count++], read, FSE_MENU_READS);
  if (of->count == FSE_PACK) pack_run(x, p);
}

/* Chooses operand k and those behind it for all prefixes: the latest value has
 * to be among them, and what is left over. */
static void pack_operands(struct ending *x, struct pack *p, unsigned k,
                          uint8_t read[FSE_MENU_READS], uint32_t left,
                          bool newest) {
  const struct fse_menu_row *r = x->row;
  unsigned which = k == 0 && r->destroys ? YIELD : READ;
  if ((unsigned)__builtin_popcount(left) + !newest > r->read_count - k) return;
  if (k == r->read_count) {
    for (unsigned n = 0; n < x->g->count && !x->e->found && !x->e->again; n++)
      pack_put(x, p, n, read);
    return;
  }
  if (k > 0 || newest_may_be_first(x)) {
    read[k] = NEWEST;
    pack_operands(x, p, k + 1, read, left, true);
  }
  for (unsigned i = 0; i < x->list[which].count; i++) {
    read[k] = x->list[which].id[i];
    pack_operands(x, p, k + 1, read, left & ~(1u << read[k]), newest);
  }
}

static void end_other(struct ending *x, struct pack *p) {
  const struct fse_menu_row *r = x->row;
  unsigned constants = r->imm == FSE_NOTHING ? 1 : r->imm_count;
  uint8_t read[FSE_MENU_READS] = {0};
  if (r->read_count == 0) return;
  for (unsigned c = 0; c < constants; c++) {
    p->of.pool = r->imm == FSE_NOTHING ? 0 : r->imm_pool[c];
    pack_operands(x, p, 0, read, x->g->unused, false);
    pack_run(x, p);
  }
}

/* ---- groups ------------------------------------------------------------- */

static void make_lists(struct ending *x, const struct fse_level *l) {
  x->list[READ].count = x->list[YIELD].count = 0;
  for (unsigned i = 0; i < l->count; i++) {
    const struct fse_evalue *v = &x->e->value[l->id[i]];
    bool may = !v->kept && v->where != FSE_WHERE_ZERO &&
               fse_enum_fits(x->e->task, 0, v->where);
    if (l->id[i] == x->g->gone) continue;
    for (unsigned w = READ; w <= (may ? YIELD : READ); w++) {
      unsigned n = x->list[w].count++;
      x->list[w].id[n] = l->id[i];
      memcpy(&x->list[w].glance[n], &v->col, sizeof x->list[w].glance[n]);
    }
  }
}

void fse_enum_flush(struct fse_enum *e, const struct fse_level *l,
                    struct fse_group *g) {
  struct ending x;
  struct pack pack;
  unsigned left = (unsigned)__builtin_popcount(g->unused);
  x.e = e;
  x.g = g;
  pack.of.count = 0;
  assert(e->task->form.out_count == 1);
  make_lists(&x, l);
  for (unsigned i = 0; i < e->menu->row_count && g->count > 0; i++) {
    const struct fse_menu_row *r = &e->menu->row[i];
    if (r->cost != g->cost || !fse_enum_uses(e, r) ||
        r->result_file != e->target[0].file ||
        left + 1 > r->read_count || e->found || e->again)
      continue;
    x.row = r;
    if (r->simple) end_simple(&x);
    else end_other(&x, &pack);
  }
  g->count = 0;
}

void fse_enum_gather(struct fse_enum *e, const struct fse_level *l,
                     const struct fse_level *next, const struct fse_erow *row,
                     uint32_t cost) {
  const struct fse_evalue *v = &e->value[row->made];
  uint32_t unused = next->unused & ~(1u << row->made);
  uint8_t gone = row->row->destroys ? row->read[0] : FSE_NOTHING;
  struct fse_group *g = e->group;
  assert(e->group_count <= FSE_GROUPS);
  while (g < e->group + e->group_count &&
         (g->unused != unused || g->cost != cost || g->gone != gone ||
          g->where != v->where || g->file != v->file))
    g++;
  if (g == e->group + FSE_GROUPS) {
    g = e->group;
    fse_enum_flush(e, l, g);
  } else if (g == e->group + e->group_count) {
    e->group_count++;
  }
  if (g->count == 0) {
    g->unused = unused;
    g->cost = cost;
    g->gone = gone;
    g->where = v->where;
    g->file = v->file;
  }
  memcpy(&g->glance[g->count], &v->col, sizeof g->glance[0]);
  g->hash[g->count] = v->hash;
  g->row[g->count++] = *row;
  if (g->count == FSE_GROUP_SIZE) fse_enum_flush(e, l, g);
}
