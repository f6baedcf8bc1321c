/*
 * plugin/kinds.c - the mutation table, what its kinds share, and those that
 * change instructions in place.
 *
 * A proposal may be wrong; verifier and trials decide. Each ends with a
 * sweep, so that an edit shows what it saves at once.
 */
#include "plugin/kinds.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- what kinds share --------------------------------------------------- */

int fse_propose(struct fse_draft *d, const struct fse_view *v,
                struct fse_proposal *out, uint32_t way, uint32_t pc) {
  out->way = way;
  out->pc = pc;
  return fse_draft_sweep(d, v->policy->max_size) < 0 ? -1 : 0;
}

bool fse_can(const struct fse_lexicon *l, unsigned op) {
  for (uint32_t i = 0; i < l->form_count; i++)
    if (l->form[i].step->op == op) return true;
  return false;
}

bool fse_does(const struct fse_lexicon *l, unsigned op) {
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &l->dialect->rows[i];
    for (unsigned k = 0; row->defined && k < row->step_count; k++)
      if (row->steps[k].op == op) return true;
  }
  return false;
}

bool fse_can_edit(const struct fse_lexicon *l) {
  return l->form_count > 0 && !l->dialect->no_machine;
}

uint32_t fse_one_each(const struct fse_view *v) { return v->facts->count; }

int fse_rewrite(const struct fse_view *v, struct fse_draft *d, uint32_t node,
                const struct fse_want *w, uint32_t target) {
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_row *row = fse_select(v->lexicon, w, value);
  const struct fse_node *n = &d->nodes[node];
  if (row == NULL) return -1;
  if (row == n->insn.row && target == n->target &&
      memcmp(value, n->insn.value, sizeof value) == 0)
    return -1;
  return fse_draft_replace(d, node, row, value, target);
}

bool fse_plain(const struct fse_view *v, uint32_t node) {
  return node < v->facts->count && !v->draft->nodes[node].pinned;
}

/* ---- renaming the uses of a definition ---------------------------------- */

/* Successors of an instruction, as indexes; at most two. */
static unsigned successors(const struct fse_view *v, uint32_t i,
                           uint32_t next[2]) {
  const struct fisa_insn *in = &v->facts->insn[i];
  unsigned n = 0;
  uint8_t flow = in->row->flow;
  uint32_t behind = in->pc + in->length + in->row->filler;
  if (flow != FISA_FLOW_HALT && flow != FISA_FLOW_TRAP &&
      flow != FISA_FLOW_RET && flow != FISA_FLOW_JUMP_REL &&
      flow != FISA_FLOW_JUMP_ABS && behind < v->program->size &&
      v->facts->index[behind] != UINT32_MAX)
    next[n++] = v->facts->index[behind];
  if (in->target != FISA_NO_TARGET && in->target >= 0 &&
      in->target < v->program->size &&
      v->facts->index[in->target] != UINT32_MAX)
    next[n++] = v->facts->index[in->target];
  return n;
}

/* Where the walk along a definition's reach is. */
struct reach {
  const struct fse_view *v;
  struct fse_rename r;      /* file and `from`: the register */
  const struct fse_draft *d; /* whose rows count */
};

/* Whether operand k of a node reads the register, and only that. */
static bool reads_it(const struct reach *w, uint32_t node, unsigned k) {
  const struct fse_node *n = &w->d->nodes[node];
  const struct fse_usage *u = &w->v->lexicon->usage[n->insn.row->opcode];
  return (u->reads >> k & 1u) && !(u->shared >> k & 1u) &&
         u->file[k] == w->r.file && n->insn.value[k] == w->r.from;
}

/* Whether a node surely overwrites the register. */
static bool overwrites(const struct reach *w, uint32_t node) {
  const struct fse_node *n = &w->d->nodes[node];
  int k = fse_def_operand(w->v->lexicon, n->insn.row);
  return k >= 0 &&
         w->v->lexicon->usage[n->insn.row->opcode].file[k] == w->r.file &&
         n->insn.value[k] == w->r.from;
}

/* Calls `use` for the reads that the value behind node `def` reaches. */
static int walk(const struct reach *w, uint32_t def, fse_use use, void *user) {
  uint32_t top = 0, next[2];
  bool seen[FSE_MAX_RENAME] = {false};
  uint32_t stack[FSE_MAX_RENAME];
  if (w->v->facts->count > FSE_MAX_RENAME) return -1;
  for (unsigned k = successors(w->v, def, next); k-- > 0;) {
    if (!seen[next[k]]) stack[top++] = next[k];
    seen[next[k]] = true;
  }
  while (top > 0) {
    uint32_t i = stack[--top];
    bool over = !w->d->nodes[i].dead && overwrites(w, i);
    for (unsigned k = 0; k < w->d->nodes[i].insn.row->operand_count; k++)
      if (!w->d->nodes[i].dead && reads_it(w, i, k) && !use(i, k, user))
        return 0;
    if (over) continue;
    for (unsigned k = successors(w->v, i, next); k-- > 0;) {
      if (seen[next[k]]) continue;
      seen[next[k]] = true;
      stack[top++] = next[k];
    }
  }
  return 0;
}

int fse_each_use(const struct fse_view *v, uint32_t def, fse_use use,
                 void *user) {
  const struct fisa_insn *in = &v->facts->insn[def];
  int k = fse_def_operand(v->lexicon, in->row);
  if (k < 0) return -1;
  struct reach w = {v, {v->lexicon->usage[in->row->opcode].file[k],
                        in->value[k], 0}, v->draft};
  return walk(&w, def, use, user);
}

struct renaming {
  const struct fse_view *v;
  struct fse_draft *d;
  const struct fse_rename *r;
  int renamed;
};

/* A read and write through one operand ends the definition. */
static bool rename_use(uint32_t node, unsigned k, void *user) {
  struct renaming *x = user;
  struct fse_node *n = &x->d->nodes[node];
  const struct fse_usage *u = &x->v->lexicon->usage[n->insn.row->opcode];
  if ((u->writes >> k & 1u) || n->pinned) return true;
  n->insn.value[k] = x->r->to;
  x->renamed++;
  return true;
}

int fse_rename_uses(const struct fse_view *v, struct fse_draft *d,
                    uint32_t def, const struct fse_rename *r) {
  const struct reach w = {v, *r, d};
  struct renaming x = {v, d, r, 0};
  return walk(&w, def, rename_use, &x) != 0 ? -1 : x.renamed;
}

/* ---- OptimizeOpcode: one row by another --------------------------------- */

/* Ways to see an instruction: its result is a constant (0), it copies a
 * register (1), operand b is a constant (2), operand a is (3), cheaper by
 * algebra (4), operand a or b read from another register (5..8). */
#define OPTIMIZE_WAYS 9u

uint32_t fse_optimize_sites(const struct fse_view *v) {
  return v->facts->count * OPTIMIZE_WAYS;
}

/* The fact about the register that argument `a` of a meaning names. */
static const struct fse_fact *fact_of(const struct fse_view *v, uint32_t i,
                                      const struct fse_arg *a) {
  const struct fisa_insn *in = &v->facts->insn[i];
  const struct fse_usage *u = &v->lexicon->usage[in->row->opcode];
  for (unsigned k = 0; k < in->row->operand_count; k++)
    if ((u->reads >> k & 1u) && u->file[k] == a->file &&
        in->value[k] == a->value)
      return &v->profile->operand[i][k];
  return NULL;
}

static bool make_constant(const struct fse_view *v, uint32_t i,
                          struct fse_arg *a) {
  const struct fse_fact *f;
  if (a->constant) return false;
  f = fact_of(v, i, a);
  if (f == NULL || !f->constant) return false;
  a->constant = true;
  a->value = f->value;
  return true;
}

/* Argument `a` from the nth other register that holds the same value. */
static bool read_elsewhere(const struct fse_view *v, uint32_t i,
                           struct fse_arg *a, unsigned nth) {
  const struct fse_fact *f = a->constant ? NULL : fact_of(v, i, a);
  uint64_t equal;
  if (f == NULL) return false;
  equal = f->equal & ~(UINT64_C(1) << (a->value & 63));
  while (nth-- > 0 && equal != 0) equal &= equal - 1;
  if (equal == 0) return false;
  a->value = __builtin_ctzll(equal);
  return true;
}

/* x * 2^k as a shift, x - x and x ^ x as 0, x + 0 as a copy, ... */
static bool by_algebra(struct fse_want *w) {
  int32_t k = w->b.constant ? w->b.value : 0;
  switch (w->op) {
    case FLUX_OP_MUL:
      if (!w->b.constant || k <= 0 || (k & (k - 1)) != 0) return false;
      w->op = FLUX_OP_SHL;
      w->b.value = __builtin_ctz((unsigned)k);
      return true;
    case FLUX_OP_ADD: case FLUX_OP_SUB: case FLUX_OP_OR: case FLUX_OP_XOR:
    case FLUX_OP_SHL: case FLUX_OP_SAR:
      if (!w->b.constant || k != 0) return false;
      w->op = FLUX_OP_MOV;
      return true;
    default:
      return false;
  }
}

bool fse_reaches_memory(unsigned op) {
  return op == FLUX_OP_LOAD32 || op == FLUX_OP_LOAD8 ||
         op == FLUX_OP_STORE32 || op == FLUX_OP_STORE8;
}

void fse_displace(struct fse_want *w) {
  if (!fse_reaches_memory(w->op)) return;
  if (w->a.constant && !w->b.constant) {
    struct fse_arg a = w->a;
    w->a = w->b;
    w->b = a;
  }
  if (!w->b.constant) return;
  w->imm = (int32_t)((uint32_t)w->imm + (uint32_t)w->b.value);
  w->b.value = 0;
}

int fse_optimize_apply(const struct fse_view *v, uint32_t site,
                       struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / OPTIMIZE_WAYS, way = site % OPTIMIZE_WAYS;
  const struct fisa_insn *in = &v->facts->insn[i];
  const struct fse_fact *result = &v->profile->result[i];
  struct fse_want w;
  if (!fse_plain(v, i) || fse_profile_count(v->profile, i) == 0 ||
      in->row->flow != FISA_FLOW_NEXT || !fse_meaning(v->lexicon, in, &w) ||
      fisa_semop_use(w.op, 0) == 'N')
    return -1;
  if (way == 0) {
    if (!result->constant || fisa_semop_use(w.op, 0) == 'R') return -1;
    w.op = FLUX_OP_MOV;
    w.imm = 0;
    w.a = (struct fse_arg){.constant = true, .value = result->value};
  } else if (way == 1) {
    uint64_t equal = result->equal & ~(UINT64_C(1) << (w.d.value & 63));
    if (equal == 0 || fisa_semop_use(w.op, 0) == 'R') return -1;
    w.op = FLUX_OP_MOV;
    w.imm = 0;
    w.a = (struct fse_arg){.file = w.d.file,
                           .value = __builtin_ctzll(equal)};
  } else if (way == 2) {
    if (!make_constant(v, i, &w.b)) return -1;
  } else if (way == 3) {
    if (!make_constant(v, i, &w.a)) return -1;
  } else if (way == 4) {
    make_constant(v, i, &w.b);
    if (!by_algebra(&w)) return -1;
  } else if (!read_elsewhere(v, i, way & 1u ? &w.a : &w.b, (way - 5) / 2)) {
    return -1;
  }
  fse_displace(&w);
  if (fse_rewrite(v, d, i, &w, FSE_NO_NODE) != 0) return -1;
  return fse_propose(d, v, out, way, in->pc);
}

/* A random row in the place of another, operands from registers in use. */
int fse_optimize_random(const struct fse_view *v, uint64_t seed,
                        uint64_t round, uint64_t index, struct fse_draft *d,
                        struct fse_proposal *out) {
  const struct fse_lexicon *l = v->lexicon;
  uint64_t r = ftrial_random(seed, round, index, 1);
  uint32_t i = (uint32_t)(r % v->facts->count);
  const struct fse_form *form;
  int32_t value[FISA_MAX_OPERANDS] = {0};
  if (l->form_count == 0 || !fse_plain(v, i) ||
      v->facts->insn[i].row->flow != FISA_FLOW_NEXT)
    return -1;
  form = &l->form[(r >> 32) % l->form_count];
  if (form->row->flow != FISA_FLOW_NEXT) return -1;
  for (unsigned k = 0; k < form->row->operand_count; k++) {
    const struct fisa_operand *o = &form->row->operands[k];
    uint64_t x = ftrial_random(seed, round, index, 2 + k);
    const struct fisa_insn *from = &v->facts->insn[x % v->facts->count];
    unsigned pick = (unsigned)(x >> 32) % FISA_MAX_OPERANDS;
    if (o->kind == FISA_OPERAND_UNUSED) continue;
    value[k] = pick < from->row->operand_count ? from->value[pick] : 0;
    if (value[k] < o->lo || value[k] > o->hi) value[k] = o->lo < 0 ? 0 : o->lo;
  }
  if (fse_draft_replace(d, i, form->row, value, FSE_NO_NODE) != 0) return -1;
  return fse_propose(d, v, out, OPTIMIZE_WAYS, v->facts->insn[i].pc);
}

bool fse_optimize_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

void fse_optimize_describe(const struct fse_proposal *p,
                           char out[FSE_REASON]) {
  static const char *const ways[OPTIMIZE_WAYS + 1] = {
      "its result is a constant", "its result is in a register already",
      "its second operand is a constant", "its first operand is a constant",
      "by algebra", "its first operand is elsewhere, too",
      "its second operand is elsewhere, too",
      "its first operand is elsewhere, too",
      "its second operand is elsewhere, too", "drawn"};
  snprintf(out, FSE_REASON, "another row for the one at %u: %s", p->pc,
           ways[p->way % (OPTIMIZE_WAYS + 1)]);
}

/* ---- RemoveDead: one instruction out ------------------------------------ */

bool fse_dead_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

uint32_t fse_dead_sites(const struct fse_view *v) { return fse_one_each(v); }

void fse_dead_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "nothing needs the one at %u", p->pc);
}

int fse_dead_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out) {
  const struct fisa_row *row = v->facts->insn[site].row;
  if (!fse_plain(v, site) || (row->roles & FISA_ROLE_NOP) ||
      fse_draft_remove(d, site) != 0)
    return -1;
  return fse_propose(d, v, out, 0, v->facts->insn[site].pc);
}

/* ---- InsertNOP and RemoveNOP -------------------------------------------- */

bool fse_nop_available(const struct fse_lexicon *l) { return l->nop != NULL; }

bool fse_unnop_available(const struct fse_lexicon *l) {
  return l->nop != NULL;
}

uint32_t fse_nop_sites(const struct fse_view *v) {
  (void)v;
  return 0;
}

int fse_nop_apply(const struct fse_view *v, uint32_t site,
                  struct fse_draft *d, struct fse_proposal *out) {
  (void)v, (void)site, (void)d, (void)out;
  return -1;
}

/* A neutral edit: never an improvement, at times a step towards one. */
int fse_nop_random(const struct fse_view *v, uint64_t seed, uint64_t round,
                   uint64_t index, struct fse_draft *d,
                   struct fse_proposal *out) {
  const int32_t value[FISA_MAX_OPERANDS] = {0};
  uint32_t i =
      (uint32_t)(ftrial_random(seed, round, index, 1) % v->facts->count);
  if (v->lexicon->nop == NULL ||
      fse_draft_insert(d, i, true, v->lexicon->nop, value, FSE_NO_NODE) ==
          FSE_NO_NODE)
    return -1;
  out->pc = v->facts->insn[i].pc;
  return 0;
}

void fse_nop_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "room before %u", p->pc);
}

uint32_t fse_unnop_sites(const struct fse_view *v) { return fse_one_each(v); }

int fse_unnop_apply(const struct fse_view *v, uint32_t site,
                    struct fse_draft *d, struct fse_proposal *out) {
  if (!(v->facts->insn[site].row->roles & FISA_ROLE_NOP) ||
      fse_draft_remove(d, site) != 0)
    return -1;
  return fse_propose(d, v, out, 0, v->facts->insn[site].pc);
}

void fse_unnop_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the NOP at %u", p->pc);
}

/* ---- ForwardValue: uses read the register that has the value already ---- */

#define FORWARD_WAYS 3u  /* how many equal registers are tried */

bool fse_forward_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

uint32_t fse_forward_sites(const struct fse_view *v) {
  return v->facts->count * FORWARD_WAYS;
}

int fse_forward_apply(const struct fse_view *v, uint32_t site,
                      struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / FORWARD_WAYS, way = site % FORWARD_WAYS;
  const struct fisa_insn *in = &v->facts->insn[i];
  int k = fse_def_operand(v->lexicon, in->row);
  struct fse_rename r;
  uint64_t equal;
  if (!fse_plain(v, i) || k < 0 || fse_profile_count(v->profile, i) == 0)
    return -1;
  r.file = v->lexicon->usage[in->row->opcode].file[k];
  r.from = in->value[k];
  equal = v->profile->result[i].equal & ~(UINT64_C(1) << (r.from & 63));
  while (way-- > 0 && equal != 0) equal &= equal - 1;
  if (equal == 0) return -1;
  r.to = __builtin_ctzll(equal);
  if (fse_rename_uses(v, d, i, &r) <= 0) return -1;
  out->value = r.to;
  return fse_propose(d, v, out, 0, in->pc);
}

void fse_forward_describe(const struct fse_proposal *p,
                          char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the result of %u is in register %d already",
           p->pc, p->value);
}

/* ---- the table ---------------------------------------------------------- */

/* The families: a word that is neither stops the build. */
#define FSE_FAMILY_preserving true
#define FSE_FAMILY_tuning false

const struct fse_kind fse_kinds[] = {
#define ROW(NAME, f, family, random, summary) \
  {#NAME, #family, summary, fse_##f##_available, fse_##f##_sites, \
   fse_##f##_apply, fse_##f##_describe, fse_undo, random},
    FSE_KIND_TABLE(ROW)
#undef ROW
};

const uint32_t fse_kind_count = sizeof fse_kinds / sizeof fse_kinds[0];
_Static_assert(sizeof fse_kinds / sizeof fse_kinds[0] <= FSE_KINDS_MAX,
               "room for the weights of all kinds");

bool fse_kind_preserves(uint32_t kind) {
  static const bool preserves[] = {
#define ROW(NAME, f, family, random, summary) FSE_FAMILY_##family,
      FSE_KIND_TABLE(ROW)
#undef ROW
  };
  assert(kind < fse_kind_count);
  return preserves[kind];
}

double fse_kind_weight(const struct fse_view *v, uint32_t kind) {
  /* Nothing was found: it would be drawn in vain. */
  if (fse_kinds[kind].apply == fse_find_apply && fse_find_sites(v) == 0)
    return 0;
  if (!fse_kind_preserves(kind)) return 0;
  return v->weight != NULL ? v->weight[kind] : v->policy->weight[kind];
}
