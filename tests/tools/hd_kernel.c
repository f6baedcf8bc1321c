/*
 * tests/tools/hd_kernel.c - kernels: made by lowering one instruction, run by
 * the tables of gpu/semantics.h.
 */
#include "tests/tools/hd_kernel.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "gpu/semantics.h"
#include "tests/hd_form.h"

/* Registers that stand for D, A and B where a row is lowered. */
static const int32_t stand_in[HD_REGS] = {3, 1, 2};

static void fail(const char *what) {
  fprintf(stderr, "hd_best: %s\n", what);
  exit(1);
}

/* ---- which rows ---------------------------------------------------------- */

static bool is_register(const struct fisa_dialect *d,
                        const struct fisa_ref *r) {
  return r->kind == FISA_REF_REG && strcmp(d->files[r->file].name, "R") == 0;
}

/* What a step reads: registers, temporaries, numbers. */
static bool reads_values(const struct fisa_dialect *d,
                         const struct fisa_ref *r) {
  return r->kind == FISA_REF_NONE || r->kind == FISA_REF_TEMP ||
         r->kind == FISA_REF_CONST || r->kind == FISA_REF_IMM ||
         is_register(d, r);
}

/* What it writes: those, or a flag, which no value row reads. */
static bool writes_values(const struct fisa_dialect *d,
                          const struct fisa_ref *r) {
  return reads_values(d, r) ||
         (r->kind == FISA_REF_CELL && d->files[r->file].kind == FISA_FILE_FLAG);
}

static bool step_is_value(const struct fisa_dialect *d,
                          const struct fisa_step *s) {
  enum fisa_effect effect = fisa_semop_effect(s->op);
  bool both = fisa_semop_use(s->op, 1) == 'W';

  if (effect != FISA_EFFECT_NONE && s->op != FLUX_OP_DIV)
    return false;
  return writes_values(d, &s->d) &&
         (both ? writes_values(d, &s->a) : reads_values(d, &s->a)) &&
         reads_values(d, &s->b) && reads_values(d, &s->c) &&
         reads_values(d, &s->imm);
}

static bool row_is_value(const struct fisa_dialect *d,
                         const struct fisa_row *row) {
  bool writes = false;

  if (!row->defined || row->opaque || row->payload || row->sensitive ||
      row->keep || row->flow != FISA_FLOW_NEXT || row->step_count == 0)
    return false;
  for (unsigned i = 0; i < row->step_count; i++) {
    if (!step_is_value(d, &row->steps[i]))
      return false;
    writes |= is_register(d, &row->steps[i].d) ||
              (fisa_semop_use(row->steps[i].op, 1) == 'W' &&
               is_register(d, &row->steps[i].a));
  }
  return writes;
}

/* ---- making one ---------------------------------------------------------- */

/* Where each cell of the lowered program stands now. */
struct maker {
  const struct fir_program *ir;
  struct hd_kernel *k;
  uint32_t first;                 /* cell of R0 */
  uint8_t *place;                 /* [cells], or HD_NOWHERE */
};

static uint8_t new_place(struct hd_kernel *k) {
  if (k->places == HD_PLACES)
    fail("a row of too many values");
  return (uint8_t)k->places++;
}

static uint8_t place_of(struct maker *m, uint16_t cell) {
  struct hd_kernel *k = m->k;
  uint8_t *place = &m->place[cell];

  if (*place == HD_NOWHERE) {
    uint32_t pool = m->ir->pool_first;

    *place = new_place(k);
    k->is_constant[*place] = true;
    for (int i = 0; i < HD_CHUNK; i++)
      if (cell >= pool && cell < pool + m->ir->pool_count)
        k->constant[*place][i] = m->ir->pool[cell - pool];
  }
  if (*place < HD_REGS)
    k->reads[*place] = true;
  return *place;
}

static void add_step(struct maker *m, unsigned op, const struct fir_ins *ins,
                     uint16_t d) {
  struct hd_kernel *k = m->k;
  struct hd_step *s = &k->step[k->steps++];
  bool known = op < FLUX_OP_COUNT;
  char use_d = known ? fisa_semop_use(op, 0) : 'N';

  if (k->steps == HD_STEPS)
    fail("a row of too many steps");
  s->op = (uint16_t)op;
  s->imm = ins->imm;
  /* A guard reads a and b. */
  s->a = !known || fisa_semop_use(op, 1) == 'R' ? place_of(m, ins->a) : 0;
  s->b = !known || fisa_semop_use(op, 2) == 'R' ? place_of(m, ins->b) : 0;
  s->c = known && fisa_semop_use(op, 3) == 'R' ? place_of(m, ins->c) : 0;
  s->old = use_d == 'M' ? place_of(m, d) : 0;
  if (known) {
    s->d = new_place(k);
    m->place[d] = s->d;
  }
}

/* Both writes of a swap take what was there before. */
static void add_swap(struct maker *m, const struct fir_ins *ins) {
  uint8_t b = place_of(m, ins->b), c = place_of(m, ins->c);

  m->place[ins->d] = b;
  m->place[ins->a] = c;
}

static void add_ins(struct maker *m, const struct fir_ins *ins) {
  switch (ins->op) {
  case FLUX_OP_SWAP:
    add_swap(m, ins);
    break;
  case FIR_ADD_SIGNS:
    add_step(m, FLUX_OP_ADD, ins, ins->d);
    break;
  case FIR_SUB_SIGNS:
    add_step(m, FLUX_OP_SUB, ins, ins->d);
    break;
  case FIR_SIGNS:
  case FLUX_OP_NOP:
    break;
  default:
    add_step(m, ins->op, ins, ins->d);
  }
}

static bool commutes(const struct hd_kernel *k) {
  const struct hd_step *s = &k->step[0];

  if (k->steps != 1 || k->reads[HD_D] || !k->reads[HD_A] || !k->reads[HD_B])
    return false;
  return s->op == FLUX_OP_ADD || s->op == FLUX_OP_MUL ||
         s->op == FLUX_OP_AND || s->op == FLUX_OP_OR || s->op == FLUX_OP_XOR ||
         s->op == FLUX_OP_MIN || s->op == FLUX_OP_MAX ||
         s->op == FLUX_OP_EQ || s->op == FLUX_OP_NE;
}

static void fill(struct maker *m) {
  struct hd_kernel *k = m->k;
  const struct fir_program *ir = m->ir;

  memset(m->place, HD_NOWHERE, ir->cell_count);
  k->places = HD_REGS;
  for (uint8_t r = 0; r < HD_REGS; r++)
    m->place[m->first + (uint32_t)stand_in[r]] = r;
  for (uint32_t i = ir->entry; ir->ins[i].op != FLUX_OP_HALT; i++)
    add_ins(m, &ir->ins[i]);
  for (uint8_t r = 0; r < HD_REGS; r++) {
    uint8_t now = m->place[m->first + (uint32_t)stand_in[r]];

    k->writes[r] = now == r ? HD_NOWHERE : now;
  }
  k->commutes = commutes(k);
}

/* Encodes the instruction and a HALT, and lowers them. */
static void make(const struct fisa_dialect *d, struct hd_kernel *k) {
  uint8_t code[16], *place;
  struct fisa_insn halt = {.row = fisa_row_by_name(d, "HALT", 4)};
  struct fisa_program *p = NULL;
  struct fir_program *ir = NULL;
  int n = fisa_encode(&k->insn, code);
  int file = fisa_file_by_name(d, "R", 1);
  struct maker m = {.k = k, .first = d->files[file].first};

  n += fisa_encode(&halt, code + n);
  if (fisa_program_from_bytes(d, code, (size_t)n, &p, NULL) != 0 ||
      fir_lower(p, &ir, NULL) != 0 || !(place = malloc(ir->cell_count)))
    fail("a row cannot be lowered");
  m.ir = ir;
  m.place = place;
  fill(&m);
  free(place);
  fir_free(ir);
  fisa_program_free(p);
}

static bool same(const struct hd_kernel *x, const struct hd_kernel *y) {
  return x->places == y->places && x->steps == y->steps &&
         memcmp(x->reads, y->reads, sizeof x->reads) == 0 &&
         memcmp(x->writes, y->writes, sizeof x->writes) == 0 &&
         memcmp(x->constant, y->constant, sizeof x->constant) == 0 &&
         memcmp(x->is_constant, y->is_constant, sizeof x->is_constant) == 0 &&
         memcmp(x->step, y->step, sizeof x->step) == 0;
}

static void add(struct hd_kernels *ks, const struct hd_kernel *k) {
  for (uint32_t i = 0; i < ks->count; i++)
    if (same(&ks->k[i], k))
      return;
  if (ks->count == HD_KERNELS)
    fail("too many rows");
  ks->k[ks->count++] = *k;
}

/* The row with one constant, if it fits. */
static void add_row(struct hd_kernels *ks, const struct fisa_row *row,
                    int32_t constant) {
  struct hd_kernel k;
  unsigned reg = 0;

  memset(&k, 0, sizeof k);
  memset(k.operand, HD_NOWHERE, sizeof k.operand);
  k.insn.row = row;
  k.insn.target = FISA_NO_TARGET;
  for (unsigned i = 0; i < row->operand_count; i++) {
    const struct fisa_operand *o = &row->operands[i];

    if (o->kind == FISA_OPERAND_REG) {
      /* rd is D, also in rows that name no other. */
      if (reg == HD_REGS)
        fail("a row of too many registers");
      k.operand[reg] = (uint8_t)i;
      k.insn.value[i] = stand_in[reg++];
    } else if (o->kind != FISA_OPERAND_UNUSED) {
      if (constant < o->lo || constant > o->hi)
        return;
      k.insn.value[i] = constant;
    }
  }
  make(ks->dialect, &k);
  add(ks, &k);
}

struct hd_kernels *hd_kernels_new(const char *only, const int32_t *constants,
                                  unsigned count) {
  struct hd_kernels *ks = calloc(1, sizeof *ks);

  if (!ks || fisa_dialect_builtin("unified", true, &ks->dialect, NULL) != 0)
    fail("no dialect");
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &ks->dialect->rows[i];

    if (!row_is_value(ks->dialect, row) ||
        (only && !hd_in_list(only, row->name)))
      continue;
    for (unsigned c = 0; c < count; c++)
      add_row(ks, row, constants[c]);
  }
  return ks;
}

void hd_kernels_free(struct hd_kernels *ks) {
  if (ks)
    fisa_dialect_free(ks->dialect);
  free(ks);
}

/* ---- running it ---------------------------------------------------------- */

#define FA (a[i])
#define FB (b[i])
#define FC (c[i])
#define FD (old[i])
#define FIMM (s->imm)

#define VALUE(ID, expression)             \
  case FLUX_OP_##ID:                      \
    for (int i = 0; i < HD_CHUNK; i++)    \
      d[i] = (expression);                \
    break;
#define GUARD(ID, condition)              \
  case FIR_G_##ID:                        \
    for (int i = 0; i < HD_CHUNK; i++)    \
      if (condition)                      \
        return false;                     \
    break;

/* One step; false: a fault. */
static inline bool run_step(const struct hd_step *s,
                            const int32_t *const *place, int32_t *d) {
  const int32_t *const a = place[s->a], *const b = place[s->b];
  const int32_t *const c = place[s->c], *const old = place[s->old];

  switch (s->op) {
    FSEM_VALUES(VALUE)
    FSEM_GUARDS(GUARD)
  case FLUX_OP_DIV:
    for (int i = 0; i < HD_CHUNK; i++) {
      if (FB == 0)
        return false;
      d[i] = fsem_quo(FA, FB);
    }
    break;
  default:
    fail("an op that is no value");
  }
  return true;
}

bool hd_kernel_run(const struct hd_kernel *k, const int32_t *const in[HD_REGS],
                   int32_t out[HD_REGS][HD_CHUNK]) {
  const int32_t *place[HD_PLACES];
  int32_t value[HD_PLACES][HD_CHUNK];

  for (unsigned i = 0; i < HD_REGS; i++)
    place[i] = in[i];
  for (unsigned i = HD_REGS; i < k->places; i++)
    place[i] = k->is_constant[i] ? k->constant[i] : value[i];
  for (unsigned i = 0; i < k->steps; i++)
    if (!run_step(&k->step[i], place, value[k->step[i].d]))
      return false;
  for (unsigned r = 0; r < HD_REGS; r++)
    if (k->writes[r] != HD_NOWHERE)
      memcpy(out[r], place[k->writes[r]], sizeof out[r]);
  return true;
}
