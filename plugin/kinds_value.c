/*
 * plugin/kinds_value.c - kinds that work on values: ShareValue,
 * ReduceStrength, RenameRegister.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/kinds.h"

/* ---- ShareValue --------------------------------------------------------- */

/* The nearest before it that computes the same, or the next; renamed, or with
 * copies to where the values were wanted. */
#define SHARE_WAYS 4u
#define SHARE_MAX 64u   /* instructions looked back */

bool fse_share_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

uint32_t fse_share_sites(const struct fse_view *v) {
  return v->facts->count * SHARE_WAYS;
}

static bool same_arg(const struct fse_arg *a, const struct fse_arg *b) {
  return a->constant ? b->constant && a->value == b->value
                     : fse_same_register(a, b);
}

/* Whether two instructions compute the same of the same operands. What these
 * hold at either place, trials find out. */
static bool same_value(const struct fse_want *x, const struct fse_want *y) {
  return x->op == y->op && x->imm == y->imm && x->d.file == y->d.file &&
         (fisa_semop_use(x->op, 1) == 'N' || same_arg(&x->a, &y->a)) &&
         (fisa_semop_use(x->op, 2) == 'N' || same_arg(&x->b, &y->b));
}

/* The nth instruction before j that computes what j does, or UINT32_MAX. */
static uint32_t earlier(const struct fse_view *v, uint32_t j, unsigned nth,
                        const struct fse_want *y) {
  for (uint32_t n = 1; n <= j && n <= SHARE_MAX; n++) {
    const struct fisa_insn *in = &v->facts->insn[j - n];
    struct fse_want x;
    if (!fse_plain(v, j - n) || in->row->flow != FISA_FLOW_NEXT ||
        fse_def_operand(v->lexicon, in->row) < 0 ||
        !fse_meaning(v->lexicon, in, &x) || !same_value(&x, y) ||
        nth-- > 0)
      continue;
    return j - n;
  }
  return UINT32_MAX;
}

/* A copy of register r in the place of node j, or behind node i. */
static int copy_to(const struct fse_view *v, struct fse_draft *d, uint32_t i,
                   uint32_t j, const struct fse_want *move) {
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_row *row = fse_select(v->lexicon, move, value);
  uint32_t behind = fse_follower(v, i);
  if (row == NULL) return -1;
  if (j != FSE_NO_NODE)
    return fse_draft_replace(d, j, row, value, FSE_NO_NODE);
  return behind == UINT32_MAX ||
                 fse_draft_insert(d, behind, false, row, value,
                                  FSE_NO_NODE) == FSE_NO_NODE
             ? -1
             : 0;
}

/* Both places get the value from register r.to, which it is made in. */
static int share(const struct fse_view *v, struct fse_draft *d, uint32_t i,
                 uint32_t j, const struct fse_rename *r) {
  struct fse_rename again = *r;
  int k = fse_def_operand(v->lexicon, v->facts->insn[j].row);
  if (fse_rename_uses(v, d, i, r) < 0) return -1;
  again.from = v->facts->insn[j].value[k];
  return fse_rename_uses(v, d, j, &again) <= 0 ? -1 : fse_draft_remove(d, j);
}

/* The value is copied to where both want it: for rows that are dear. */
static int share_copies(const struct fse_view *v, struct fse_draft *d,
                        uint32_t i, uint32_t j, const struct fse_rename *r) {
  struct fse_want move = {.op = FLUX_OP_MOV};
  int k = fse_def_operand(v->lexicon, v->facts->insn[j].row);
  move.d.file = move.a.file = (uint8_t)r->file;
  move.a.value = r->to;
  move.d.value = r->from;
  if (copy_to(v, d, i, FSE_NO_NODE, &move) != 0) return -1;
  move.d.value = v->facts->insn[j].value[k];
  return copy_to(v, d, i, j, &move);
}

int fse_share_apply(const struct fse_view *v, uint32_t site,
                    struct fse_draft *d, struct fse_proposal *out) {
  uint32_t j = site / SHARE_WAYS, way = site % SHARE_WAYS, i;
  const struct fisa_insn *in = &v->facts->insn[j];
  struct fse_want y;
  struct fse_rename r;
  int k;
  if (!fse_plain(v, j) || in->row->flow != FISA_FLOW_NEXT ||
      !fse_computes(in->row) || fse_def_operand(v->lexicon, in->row) < 0 ||
      !fse_meaning(v->lexicon, in, &y) || y.op == FLUX_OP_MOV ||
      fisa_semop_use(y.op, 0) != 'W')
    return -1;
  i = earlier(v, j, way / 2, &y);
  if (i == UINT32_MAX || d->nodes[i].dead || d->nodes[j].dead) return -1;
  k = fse_def_operand(v->lexicon, v->facts->insn[i].row);
  r = (struct fse_rename){y.d.file, v->facts->insn[i].value[k],
                          fse_unused_register(v, d, y.d.file)};
  if (r.to < 0 ||
      (way & 1u ? share_copies(v, d, i, j, &r) : share(v, d, i, j, &r)) != 0)
    return -1;
  d->nodes[i].insn.value[k] = r.to;
  out->value = (int32_t)v->facts->insn[i].pc;
  return fse_propose(d, v, out, way, in->pc);
}

void fse_share_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "what %u computes was computed at %d already",
           p->pc, p->value);
}

/* ---- ReduceStrength ----------------------------------------------------- */

enum strength {
  STRENGTH_SHIFT,      /* x * 2^k */
  STRENGTH_SHIFT_REG,  /* the same, k in a register */
  STRENGTH_DOUBLE,     /* x * 2 */
  STRENGTH_SUM,        /* x * (2^a + 2^b) */
  STRENGTH_DIFFERENCE, /* x * (2^a - 2^b) */
  STRENGTH_NEGATE,     /* x * -1 */
  STRENGTH_QUOTIENT,   /* x / 2^k, of x that are not negative */
  STRENGTH_REMAINDER,  /* x % 2^k, of the same */
  STRENGTH_WAYS
};

#define STEPS_MAX 3u

/* Wants in the place of one. */
struct steps {
  unsigned count;
  struct fse_want want[STEPS_MAX];
};

bool fse_strength_available(const struct fse_lexicon *l) {
  return (fse_does(l, FLUX_OP_MUL) || fse_does(l, FLUX_OP_QUO) ||
          fse_does(l, FLUX_OP_DIV) || fse_does(l, FLUX_OP_REM)) &&
         (fse_can(l, FLUX_OP_SHL) || fse_can(l, FLUX_OP_SAR) ||
          fse_can(l, FLUX_OP_AND) || fse_can(l, FLUX_OP_ADD) ||
          fse_can(l, FLUX_OP_NEG));
}

uint32_t fse_strength_sites(const struct fse_view *v) {
  return v->facts->count * STRENGTH_WAYS;
}

static struct fse_arg constant(int32_t value) {
  return (struct fse_arg){.constant = true, .value = value};
}

static void step(struct steps *s, unsigned op, const struct fse_arg *d,
                 const struct fse_arg *a, const struct fse_arg *b) {
  assert(s->count < STEPS_MAX);
  s->want[s->count].op = op;
  s->want[s->count].imm = 0;
  s->want[s->count].d = *d;
  s->want[s->count].a = *a;
  s->want[s->count++].b = *b;
}

/* k = 2^hi + 2^lo or, with minus, 2^hi - 2^lo; hi > lo. */
static bool two_powers(uint32_t k, bool minus, int32_t *hi, int32_t *lo) {
  uint32_t rest;
  if (k == 0) return false;
  *lo = __builtin_ctz(k);
  rest = minus ? k + (UINT32_C(1) << *lo) : k - (UINT32_C(1) << *lo);
  if (rest == 0 || (rest & (rest - 1)) != 0) return false;
  *hi = __builtin_ctz(rest);
  return *hi > *lo;
}

/* x * k by shifts; `t` is a register that is free. */
static bool of_product(const struct fse_want *w, int32_t k, unsigned way,
                       const struct fse_arg *t, struct steps *s) {
  bool power = k > 0 && (k & (k - 1)) == 0;
  struct fse_arg hi = constant(0), lo = constant(0);
  switch (way) {
    case STRENGTH_SHIFT:
      hi.value = power ? __builtin_ctz((unsigned)k) : 0;
      step(s, FLUX_OP_SHL, &w->d, &w->a, &hi);
      return power;
    case STRENGTH_SHIFT_REG:
      hi.value = power ? __builtin_ctz((unsigned)k) : 0;
      step(s, FLUX_OP_MOV, t, &hi, &hi);
      step(s, FLUX_OP_SHL, &w->d, &w->a, t);
      return power;
    case STRENGTH_DOUBLE:
      step(s, FLUX_OP_ADD, &w->d, &w->a, &w->a);
      return k == 2;
    case STRENGTH_NEGATE:
      step(s, FLUX_OP_NEG, &w->d, &w->a, &hi);
      return k == -1;
    case STRENGTH_SUM: case STRENGTH_DIFFERENCE:
      if (!two_powers((uint32_t)k, way == STRENGTH_DIFFERENCE, &hi.value,
                      &lo.value))
        return false;
      step(s, FLUX_OP_SHL, t, &w->a, &hi);
      if (lo.value > 0) step(s, FLUX_OP_SHL, &w->d, &w->a, &lo);
      step(s, way == STRENGTH_SUM ? FLUX_OP_ADD : FLUX_OP_SUB, &w->d, t,
           lo.value > 0 ? &w->d : &w->a);
      return true;
    default:
      return false;
  }
}

static bool of_quotient(const struct fse_want *w, int32_t k, unsigned way,
                        struct steps *s) {
  struct fse_arg by;
  if (k <= 0 || (k & (k - 1)) != 0) return false;
  by = constant(way == STRENGTH_QUOTIENT ? __builtin_ctz((unsigned)k) : k - 1);
  step(s, way == STRENGTH_QUOTIENT ? FLUX_OP_SAR : FLUX_OP_AND, &w->d, &w->a,
       &by);
  return true;
}

/* The steps in the place of node i, where they cost less. */
static int put_steps(const struct fse_view *v, struct fse_draft *d, uint32_t i,
                     const struct steps *s) {
  const struct fisa_row *row[STEPS_MAX];
  int32_t value[STEPS_MAX][FISA_MAX_OPERANDS];
  uint32_t cost = 0;
  for (unsigned n = 0; n < s->count; n++) {
    row[n] = fse_select(v->lexicon, &s->want[n], value[n]);
    if (row[n] == NULL) return -1;
    cost += row[n]->cost;
  }
  if (cost >= d->nodes[i].insn.row->cost) return -1;
  for (unsigned n = 0; n + 1 < s->count; n++)
    if (fse_draft_insert(d, i, true, row[n], value[n], FSE_NO_NODE) ==
        FSE_NO_NODE)
      return -1;
  return fse_draft_replace(d, i, row[s->count - 1], value[s->count - 1],
                           FSE_NO_NODE);
}

int fse_strength_apply(const struct fse_view *v, uint32_t site,
                       struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / STRENGTH_WAYS, way = site % STRENGTH_WAYS;
  const struct fisa_insn *in = &v->facts->insn[i];
  struct steps s = {0};
  struct fse_arg t = {0};
  struct fse_want w;
  int32_t k;
  bool found = false;
  if (!fse_plain(v, i) || d->nodes[i].dead ||
      in->row->flow != FISA_FLOW_NEXT || !fse_meaning(v->lexicon, in, &w))
    return -1;
  if (w.op == FLUX_OP_MUL && !fse_known_value(v, i, &w.b, &k)) {
    struct fse_arg a = w.a;
    w.a = w.b;
    w.b = a;
  }
  if (!fse_known_value(v, i, &w.b, &k)) return -1;
  t.file = w.d.file;
  t.value = fse_unused_register(v, d, w.d.file);
  if (t.value < 0) t = w.d;
  if (w.op == FLUX_OP_MUL)
    found = of_product(&w, k, way, &t, &s);
  else if (way == (w.op == FLUX_OP_REM ? STRENGTH_REMAINDER
                                       : STRENGTH_QUOTIENT) &&
           (w.op == FLUX_OP_REM || w.op == FLUX_OP_QUO ||
            w.op == FLUX_OP_DIV))
    found = of_quotient(&w, k, way, &s);
  if (!found || put_steps(v, d, i, &s) != 0) return -1;
  out->value = k;
  return fse_propose(d, v, out, way, in->pc);
}

void fse_strength_describe(const struct fse_proposal *p,
                           char out[FSE_REASON]) {
  static const char *const ways[STRENGTH_WAYS] = {
      "a shift", "a shift by a register", "a sum with itself",
      "a sum of shifts", "a difference of shifts", "a negation", "a shift",
      "a mask"};
  snprintf(out, FSE_REASON, "%d at %u by %s", p->value, p->pc,
           ways[p->way % STRENGTH_WAYS]);
}

/* ---- RenameRegister ----------------------------------------------------- */

bool fse_rename_available(const struct fse_lexicon *l) {
  for (uint32_t i = 0; i < l->form_count; i++)
    if (fse_def_operand(l, l->form[i].row) >= 0) return true;
  return false;
}

uint32_t fse_rename_sites(const struct fse_view *v) {
  (void)v;
  return 0;
}

int fse_rename_apply(const struct fse_view *v, uint32_t site,
                     struct fse_draft *d, struct fse_proposal *out) {
  (void)v, (void)site, (void)d, (void)out;
  return -1;
}

/* Some definition and its uses, in the register of some other, or in one that
 * nobody has. */
int fse_rename_random(const struct fse_view *v, uint64_t seed, uint64_t round,
                      uint64_t index, struct fse_draft *d,
                      struct fse_proposal *out) {
  uint64_t x = ftrial_random(seed, round, index, 11);
  uint32_t i = (uint32_t)(x % v->facts->count);
  const struct fisa_insn *in = &v->facts->insn[i];
  const struct fisa_insn *other =
      &v->facts->insn[(x >> 24) % v->facts->count];
  int k = fse_def_operand(v->lexicon, in->row);
  int m = fse_def_operand(v->lexicon, other->row);
  struct fse_rename r;
  if (k < 0 || !fse_plain(v, i)) return -1;
  r.file = v->lexicon->usage[in->row->opcode].file[k];
  r.from = in->value[k];
  r.to = m >= 0 && (x >> 63) &&
                 v->lexicon->usage[other->row->opcode].file[m] == r.file
             ? other->value[m]
             : fse_unused_register(v, d, r.file);
  /* Where it reads and writes one operand its value came from before. */
  if (r.to < 0 || r.to == r.from || d->nodes[i].dead ||
      (v->lexicon->usage[in->row->opcode].reads >> k & 1u) ||
      fse_rename_uses(v, d, i, &r) < 0)
    return -1;
  d->nodes[i].insn.value[k] = r.to;
  out->value = r.to;
  return fse_propose(d, v, out, 0, in->pc);
}

void fse_rename_describe(const struct fse_proposal *p,
                         char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the result of %u in register %d", p->pc,
           p->value);
}
