/*
 * plugin/lexicon.c - a dialect's rows by meaning.
 */
#include "plugin/lexicon.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gpu/semantics.h"
#include "plugin/vain.h"

/* ---- making ------------------------------------------------------------- */

/* What the steps of a row did so far, a bit an operand. */
struct noting {
  uint8_t seen;
  uint8_t made;  /* surely written: a later read is of the row's own value */
};

static void note_ref(struct fse_usage *u, const struct fisa_ref *r, char use,
                     struct noting *n) {
  uint8_t bit;
  if (r->kind == FISA_REF_RAWNUM) {
    u->shared |= (uint8_t)(1u << r->operand);
    return;
  }
  if (r->kind != FISA_REF_REG && r->kind != FISA_REF_RAW) return;
  bit = (uint8_t)(1u << r->operand);
  if (r->kind == FISA_REF_RAW) u->shared |= bit;
  if ((n->seen & bit) && u->file[r->operand] != r->file) u->shared |= bit;
  n->seen |= bit;
  u->file[r->operand] = r->file;
  if ((use == 'R' || use == 'M') && !(n->made & bit)) u->reads |= bit;
  if (use == 'W' || use == 'M') u->writes |= bit;
}

/* An op on a whole file reaches registers its operands do not show. */
static void note_step(struct fse_usage *u, const struct fisa_step *s,
                      struct noting *n) {
  note_ref(u, &s->a, fisa_semop_use(s->op, 1), n);
  note_ref(u, &s->b, fisa_semop_use(s->op, 2), n);
  note_ref(u, &s->c, fisa_semop_use(s->op, 3), n);
  note_ref(u, &s->imm, 'R', n);
  note_ref(u, &s->d, fisa_semop_use(s->op, 0), n);
  if (fisa_semop_use(s->op, 0) == 'W' && s->d.kind == FISA_REF_REG)
    n->made |= (uint8_t)(1u << s->d.operand);
}

static bool writes_flag(const struct fisa_dialect *d,
                        const struct fisa_step *s) {
  return s->d.kind == FISA_REF_CELL &&
         d->files[s->d.file].kind == FISA_FILE_FLAG;
}

static bool is_listed(const char list[][FISA_MAX_NAME], uint32_t count,
                      const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcasecmp(list[i], name) == 0) return true;
  return false;
}

/* Denied by name, or not among those that alone are allowed. */
static bool denied(const struct fse_policy *policy, const char *name) {
  assert(policy->deny_count <= FSE_MAX_DENY);
  assert(policy->allow_count <= FSE_MAX_DENY);
  return is_listed(policy->deny, policy->deny_count, name) ||
         (policy->allow_count > 0 &&
          !is_listed(policy->allow, policy->allow_count, name));
}

/* A guard that an operand alone decides: a new instruction keeps clear. */
static bool decided(const struct fisa_guard *g) {
  return (g->lethal == FLUX_LETHAL_SHIFT_RANGE &&
          g->a.kind == FISA_REF_IMM) ||
         (g->lethal == FLUX_LETHAL_REGISTER_RANGE &&
          g->a.kind == FISA_REF_RAWNUM);
}

/* Whether new instructions may be made of a row. */
static bool usable(const struct fisa_row *row) {
  for (unsigned i = 0; i < row->guard_count; i++)
    if (!decided(&row->guards[i])) return false;
  return row->defined && !row->opaque && !row->keep && !row->payload &&
         !row->sensitive && row->step_count > 0 &&
         row->check == row->length && row->filler == 0;
}

static uint64_t key_of(const struct fse_lexicon *l) {
  uint64_t h = fse_mix_bytes(0, l->dialect->hash, sizeof l->dialect->hash);
  h = fse_mix_bytes(h, l->usable, sizeof l->usable);
  return fse_mix_bytes(h, l->denied, sizeof l->denied);
}

struct fse_lexicon *fse_lexicon_new(const struct fisa_dialect *d,
                                    const struct fse_policy *policy) {
  struct fse_lexicon *l = calloc(1, sizeof *l);
  if (l == NULL) return NULL;
  l->dialect = d;
  l->policy = policy;
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &d->rows[i];
    struct noting noting = {0, 0};
    unsigned k;
    if (!row->defined) continue;
    for (k = 0; k < row->step_count; k++)
      note_step(&l->usage[i], &row->steps[k], &noting);
    l->denied[i] = denied(policy, row->name);
    l->usable[i] = usable(row);
    if (!l->usable[i] || l->denied[i]) continue;
    if ((row->roles & FISA_ROLE_NOP) &&
        (l->nop == NULL || row->length < l->nop->length))
      l->nop = row;
    for (k = 1; k < row->step_count; k++)
      if (!writes_flag(d, &row->steps[k])) break;
    if (k < row->step_count || writes_flag(d, &row->steps[0])) continue;
    l->form[l->form_count].row = row;
    l->form[l->form_count++].step = &row->steps[0];
  }
  l->key = key_of(l);
  return l;
}

void fse_lexicon_free(struct fse_lexicon *l) { free(l); }

/* ---- selection ---------------------------------------------------------- */

struct unifier {
  const struct fse_lexicon *l;
  const struct fisa_row *row;
  int32_t *value;
  uint8_t set;
};

static bool put(struct unifier *u, unsigned operand, int32_t v) {
  const struct fisa_operand *o = &u->row->operands[operand];
  if (v < o->lo || v > o->hi) return false;
  if (u->set & 1u << operand) return u->value[operand] == v;
  u->set |= (uint8_t)(1u << operand);
  u->value[operand] = v;
  return true;
}

/* Makes a row's operand say what is wanted. */
static bool unify(struct unifier *u, const struct fisa_ref *r, char use,
                  const struct fse_arg *want) {
  const struct fisa_file *file;
  if (use == 'N') return true;
  switch (r->kind) {
    case FISA_REF_REG:
      file = &u->l->dialect->files[r->file];
      if (file->width > 1) return false;
      if (!want->constant)
        return want->file == r->file && put(u, r->operand, want->value);
      return use == 'R' && want->value == 0 && file->zero &&
             put(u, r->operand, 0);
    case FISA_REF_IMM:
      return want->constant && put(u, r->operand, want->value);
    case FISA_REF_CONST:
      return want->constant && r->value == want->value;
    case FISA_REF_FIXED:
      return !want->constant && want->file == r->file &&
             want->value == r->value;
    default:
      return false;
  }
}

/* The op's own immediate says what is wanted. */
static bool unify_imm(struct unifier *u, const struct fisa_ref *r,
                      int32_t want) {
  switch (r->kind) {
    case FISA_REF_NONE: return want == 0;
    case FISA_REF_CONST: return r->value == want;
    case FISA_REF_IMM: return put(u, r->operand, want);
    default: return false;
  }
}

/* No guard of the row can hold for the values it was given. */
static bool harmless(const struct unifier *u) {
  for (unsigned i = 0; i < u->row->guard_count; i++) {
    const struct fisa_guard *g = &u->row->guards[i];
    const struct fisa_operand *o = &u->row->operands[g->a.operand];
    int32_t v = u->value[g->a.operand];
    int32_t most = g->lethal == FLUX_LETHAL_SHIFT_RANGE ? 31 : o->hi;
    if (v < 0 || v > most) return false;
  }
  return true;
}

static bool try_form(const struct fse_lexicon *l, const struct fse_form *f,
                     const struct fse_want *w,
                     int32_t value[FISA_MAX_OPERANDS]) {
  struct unifier u = {l, f->row, value, 0};
  const struct fisa_step *s = f->step;
  bool flow = f->row->flow != FISA_FLOW_NEXT;
  memset(value, 0, FISA_MAX_OPERANDS * sizeof *value);
  if (s->op != w->op) return false;
  if (flow && (f->row->target == 0xFF || f->row->target_reg != 0xFF))
    return false;
  if (flow) u.set |= (uint8_t)(1u << f->row->target);
  return unify(&u, &s->d, fisa_semop_use(s->op, 0), &w->d) &&
         unify(&u, &s->a, fisa_semop_use(s->op, 1), &w->a) &&
         unify(&u, &s->b, fisa_semop_use(s->op, 2), &w->b) &&
         unify_imm(&u, &s->imm, w->imm) && harmless(&u) &&
         fisa_semop_use(s->op, 3) == 'N';
}

bool fse_op_commutes(unsigned op) {
  switch (op) {
    case FLUX_OP_ADD: case FLUX_OP_MUL: case FLUX_OP_AND: case FLUX_OP_OR:
    case FLUX_OP_XOR: case FLUX_OP_MIN: case FLUX_OP_MAX: case FLUX_OP_EQ:
    case FLUX_OP_NE: case FLUX_OP_UMULH: case FLUX_OP_CARRY:
    case FLUX_OP_FADD: case FLUX_OP_FMUL: case FLUX_OP_FEQ:
    case FLUX_OP_FMIN: case FLUX_OP_FMAX:
      return true;
    default:
      return false;
  }
}

/* The same operation said otherwise: way 0 is as wanted. */
static bool reword(const struct fse_want *w, unsigned way,
                   struct fse_want *out) {
  *out = *w;
  if (way == 0) return true;
  if (way & 1u) {
    if (!fse_op_commutes(w->op)) return false;
    out->a = w->b;
    out->b = w->a;
  }
  if (way & 2u) {  /* a + k is a - (-k) */
    if (!out->b.constant || out->b.value == INT32_MIN ||
        (w->op != FLUX_OP_ADD && w->op != FLUX_OP_SUB))
      return false;
    out->op = w->op == FLUX_OP_ADD ? FLUX_OP_SUB : FLUX_OP_ADD;
    out->b.value = -out->b.value;
  }
  return true;
}

const struct fisa_row *fse_select(const struct fse_lexicon *l,
                                  const struct fse_want *w,
                                  int32_t value[FISA_MAX_OPERANDS]) {
  const struct fisa_row *best = NULL;
  assert(w->op < FLUX_OP_COUNT);
  for (unsigned way = 0; way < 4; way++) {
    struct fse_want said;
    if (!reword(w, way, &said)) continue;
    for (uint32_t i = 0; i < l->form_count; i++) {
      const struct fisa_row *row = l->form[i].row;
      int32_t v[FISA_MAX_OPERANDS];
      if (best != NULL && (row->cost > best->cost ||
                           (row->cost == best->cost &&
                            row->length >= best->length)))
        continue;
      if (!try_form(l, &l->form[i], &said, v)) continue;
      best = row;
      memcpy(value, v, sizeof v);
    }
  }
  return best;
}

/* ---- reading instructions ----------------------------------------------- */

/* An instruction under reading: temporaries that its operands alone make. */
struct reading {
  const struct fse_lexicon *l;
  const struct fisa_insn *in;
  uint8_t known;                /* a bit a temporary */
  int32_t temp[FISA_TEMPS];
};

static bool arg_of(const struct reading *x, const struct fisa_ref *r, char use,
                   struct fse_arg *out) {
  const struct fisa_insn *in = x->in;
  const struct fisa_dialect *d = x->l->dialect;
  memset(out, 0, sizeof *out);
  if (use == 'N') return true;
  switch (r->kind) {
    case FISA_REF_TEMP:
      out->constant = true;
      out->value = x->temp[r->value];
      return x->known >> r->value & 1u;
    case FISA_REF_REG:
      /* A part of a register is nothing that can be named. */
      if (d->files[r->file].width > 1) return false;
      out->file = r->file;
      out->value = in->value[r->operand];
      out->constant = use == 'R' && out->value == 0 && d->files[r->file].zero;
      return true;
    case FISA_REF_FIXED:
      out->file = r->file;
      out->value = r->value;
      return true;
    case FISA_REF_IMM:
      out->constant = true;
      out->value = in->value[r->operand];
      return true;
    case FISA_REF_CONST:
      out->constant = true;
      out->value = r->value;
      return true;
    default:
      return false;
  }
}

/* A step that makes a constant of constants: it belongs to what follows. */
static bool prepares(struct reading *x, const struct fisa_step *s) {
  struct fse_arg a, b;
  int32_t v;
  if (s->d.kind != FISA_REF_TEMP || s->imm.kind != FISA_REF_NONE ||
      !arg_of(x, &s->a, fisa_semop_use(s->op, 1), &a) || !a.constant ||
      !arg_of(x, &s->b, fisa_semop_use(s->op, 2), &b))
    return false;
  switch (s->op) {
    case FLUX_OP_MOV: v = a.value; break;
    case FLUX_OP_ADD: v = fsem_add(a.value, b.value); break;
    case FLUX_OP_MUL: v = fsem_mul(a.value, b.value); break;
    case FLUX_OP_SHL: v = fsem_shl(a.value, b.value); break;
    default: return false;
  }
  if (s->op != FLUX_OP_MOV && !b.constant) return false;
  x->temp[s->d.value] = v;
  x->known |= (uint8_t)(1u << s->d.value);
  return true;
}

/* The one step of an instruction that is its meaning, or NULL. */
static const struct fisa_step *main_step(struct reading *x) {
  const struct fisa_row *row = x->in->row;
  const struct fisa_step *found = NULL;
  if (!row->defined || row->opaque) return NULL;
  for (unsigned k = 0; k < row->step_count; k++) {
    const struct fisa_step *s = &row->steps[k];
    if (found != NULL && !writes_flag(x->l->dialect, s)) return NULL;
    if (found != NULL || prepares(x, s)) continue;
    found = s;
  }
  if (found != NULL && (writes_flag(x->l->dialect, found) ||
                        fisa_semop_use(found->op, 3) != 'N'))
    return NULL;
  return found;
}

bool fse_meaning(const struct fse_lexicon *l, const struct fisa_insn *in,
                 struct fse_want *out) {
  struct reading x = {.l = l, .in = in};
  const struct fisa_step *s = main_step(&x);
  struct fse_arg imm;
  if (s == NULL ||
      !arg_of(&x, &s->imm, s->imm.kind == FISA_REF_NONE ? 'N' : 'R', &imm) ||
      (s->imm.kind != FISA_REF_NONE && !imm.constant))
    return false;
  out->op = s->op;
  out->imm = imm.value;
  return arg_of(&x, &s->d, fisa_semop_use(s->op, 0), &out->d) &&
         arg_of(&x, &s->a, fisa_semop_use(s->op, 1), &out->a) &&
         arg_of(&x, &s->b, fisa_semop_use(s->op, 2), &out->b);
}

int fse_def_operand(const struct fse_lexicon *l, const struct fisa_row *row) {
  const struct fse_usage *u = &l->usage[row->opcode];
  for (int k = 0; k < row->operand_count; k++)
    if (u->writes == 1u << k) return u->shared & u->writes ? -1 : k;
  return -1;
}

/* Registers that a step names by itself. */
static uint64_t fixed_registers(const struct fisa_step *s) {
  const struct fisa_ref *ref[] = {&s->d, &s->a, &s->b, &s->c};
  uint64_t used = 0;
  for (unsigned k = 0; k < sizeof ref / sizeof ref[0]; k++)
    if (ref[k]->kind == FISA_REF_FIXED)
      used |= UINT64_C(1) << (ref[k]->value & 63);
  return used;
}

int32_t fse_unused_register(const struct fse_view *v,
                            const struct fse_draft *d, unsigned file) {
  const struct fisa_file *f = &v->program->dialect->files[file];
  uint64_t used = f->zero ? 1 : 0;
  if (f->kind != FISA_FILE_REGS || f->count > 64 || f->width > 1) return -1;
  for (uint32_t i = 0; i < d->count; i++) {
    const struct fisa_row *row = d->nodes[i].insn.row;
    for (unsigned k = 0; k < row->operand_count; k++)
      if (row->operands[k].kind == FISA_OPERAND_REG)
        used |= UINT64_C(1) << (d->nodes[i].insn.value[k] & (f->count - 1));
    for (unsigned k = 0; k < row->step_count; k++)
      used |= fixed_registers(&row->steps[k]);
  }
  for (uint32_t i = 0; i < v->program->manifest.in_count; i++) {
    const struct fisa_cells *c = &v->program->manifest.in[i];
    if (c->kind != FISA_CELLS_FILE || c->first < f->first) continue;
    for (uint32_t k = 0; k < c->count; k++)
      if (c->first + k < (uint32_t)f->first + f->count)
        used |= UINT64_C(1) << (c->first + k - f->first);
  }
  for (int32_t r = (int32_t)f->count - 1; r >= 0; r--)
    if (!(used >> r & 1u)) return r;
  return -1;
}
