/*
 * plugin/window_uses.c - in how many ways a row can use a value.
 *
 * The last rows of a sequence have to read the value that was made before
 * them. A use is a row whose operands are that value, one or two others that
 * are chosen later, the zero register, or a constant. Uses that give the same
 * on a few hundred telling points are one: there are three ways to double, and
 * a compare has its mirror image.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/window_enum_impl.h"

enum { SAMPLES = 4 };   /* columns */

struct reading {
  struct fse_enum *e;
  struct fse_column sample[SAMPLES][FSE_WINDOW_INS];
  bool zero;            /* there is a zero register */
};

static bool add_use(struct fse_uses *list, const struct fse_use *u) {
  if (list->count == list->capacity) {
    unsigned n = list->capacity ? list->capacity * 2 : 64;
    struct fse_use *p = realloc(list->use, n * sizeof *p);
    if (p == NULL) return false;
    list->use = p;
    list->capacity = n;
  }
  list->use[list->count++] = *u;
  return true;
}

/* What a use gives on the sample: a hash, 0 where it is always the same. */
static uint64_t gives(const struct reading *x, const struct fse_use *u) {
  static const struct fse_column zero;
  uint64_t h = 1, varies = 0;
  int32_t first = 0;
  for (unsigned n = 0; n < SAMPLES; n++) {
    struct fse_menu_args args = {.pool = u->pool};
    struct fse_column out;
    for (unsigned i = 0; i < u->row->read_count; i++)
      args.read[i] = u->slot[i] == FSE_SLOT_ZERO ? &zero
                                                 : &x->sample[n][u->slot[i]];
    fse_menu_eval(x->e->menu, u->row, &args, &out, fse_all_lanes(0));
    if (n == 0) first = out.lane[0];
    for (unsigned lane = 0; lane < FSE_LANES; lane++) {
      h = fse_mix(h, (uint32_t)out.lane[lane]);
      varies |= (uint32_t)(out.lane[lane] ^ first);
    }
  }
  return varies == 0 ? 0 : h | 1;
}

/* Whether a use that is there already does the same, and destroys no more. */
static bool covered(const struct fse_uses *list, const struct fse_use *u) {
  for (unsigned i = 0; i < list->count; i++) {
    const struct fse_use *o = &list->use[i];
    if (o->gives == u->gives && o->row->cost <= u->row->cost &&
        (!o->row->destroys ||
         (u->row->destroys && o->slot[0] == u->slot[0])))
      return true;
  }
  return false;
}

/* Scans can run a row of one op: what stands at its operands. */
static void note_sifter(const struct reading *x, struct fse_use *u) {
  const struct fse_menu *m = x->e->menu;
  const struct fse_menu_step *s = &u->row->step[0];
  u->a = u->slot[0];
  u->b = FSE_SLOT_CONST;
  u->constant = &m->column[0];
  if (!u->row->simple) return;
  u->sift = m->kernels->sift[s->op];
  if (s->b == 1) u->b = u->slot[1];
  else if (s->b == FSE_PLACE_IMM) u->constant = &m->column[u->pool];
  else if (s->b >= FSE_PLACE_CONST)
    u->constant = &m->column[u->row->pool[s->b - FSE_PLACE_CONST]];
}

static bool take_use(struct reading *x, struct fse_use *u) {
  unsigned others = 0;
  bool newest = false;
  for (unsigned i = 0; i < u->row->read_count; i++) {
    newest |= u->slot[i] == FSE_SLOT_NEW;
    if (u->slot[i] == FSE_SLOT_OTHER && others < 1) others = 1;
    if (u->slot[i] == FSE_SLOT_THIRD) others = 2;
  }
  if (!newest) return true;
  u->gives = gives(x, u);
  if (u->gives == 0 || covered(&x->e->uses[others], u)) return true;
  note_sifter(x, u);
  return add_use(&x->e->uses[others], u);
}

/* Chooses what stands at operand k and those behind it; `others` have been
 * named so far. */
static bool take_slots(struct reading *x, struct fse_use *u, unsigned k,
                       unsigned others) {
  const struct fse_menu_row *r = u->row;
  if (k == r->read_count) return take_use(x, u);
  assert(k < FSE_MENU_READS && others <= 2);
  for (uint8_t s = FSE_SLOT_NEW; s <= FSE_SLOT_ZERO; s++) {
    bool named = s == FSE_SLOT_OTHER + others && s != FSE_SLOT_ZERO;
    if (s == FSE_SLOT_ZERO && (!x->zero || (k == 0 && r->destroys))) continue;
    if (s == FSE_SLOT_THIRD && others == 0) continue;
    if (k == 1 && r->commutes && s < u->slot[0]) continue;
    u->slot[k] = s;
    if (!take_slots(x, u, k + 1, others + named)) return false;
  }
  return true;
}

static bool take_row(struct reading *x, const struct fse_menu_row *r) {
  unsigned constants = r->imm == FSE_NOTHING ? 1 : r->imm_count;
  for (unsigned c = 0; c < constants; c++) {
    struct fse_use u = {.row = r,
                        .pool = r->imm == FSE_NOTHING ? 0 : r->imm_pool[c]};
    if (!take_slots(x, &u, 0, 0)) return false;
  }
  return true;
}

int fse_enum_uses_make(struct fse_enum *e) {
  struct reading *x = fse_column_alloc(sizeof *x);
  int rc = x == NULL ? -1 : 0;
  assert(e->uses[0].count == 0);
  if (x == NULL) return -1;
  x->e = e;
  x->zero = e->zero != FSE_NOTHING;
  for (unsigned n = 0; n < SAMPLES; n++)
    fse_tests_sample(e->q->tests, n, x->sample[n]);
  for (unsigned i = 0; i < e->menu->row_count && rc == 0; i++)
    if (fse_enum_uses(e, &e->menu->row[i]) &&
        !take_row(x, &e->menu->row[i]))
      rc = -1;
  free(x);
  return rc;
}

void fse_enum_uses_done(struct fse_enum *e) {
  for (unsigned i = 0; i < 3; i++) free(e->uses[i].use);
}
