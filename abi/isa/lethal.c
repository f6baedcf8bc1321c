/*
 * isa/lethal.c - the predicates of flux/semops.h on concrete values, and the
 * bytes that a row stores to.
 */
#include "isa/lethal.h"

#include <assert.h>
#include <string.h>

#include "isa/concrete.h"
#include "isa/flow.h"

/* ---- predicates --------------------------------------------------------- */

static float as_float(int32_t bits) {
  float f;

  memcpy(&f, &bits, sizeof f);
  return f;
}

/* Whether a number, rounded towards zero, is an int32; a NaN is none. */
static bool fits_int(float f) {
  return f >= -0x1p31f && f < 0x1p31f;
}

/* Whether base ** exponent, rounded to binary32, is an int32. */
static bool power_fits(int32_t base, int32_t exponent) {
  uint64_t size = base < 0 ? 0 - (uint64_t)base : (uint64_t)base;
  uint64_t power = 1;
  float rounded;

  if (exponent < 0)
    return base != 0; /* 0 to a negative power is infinite */
  if (size <= 1)
    return true;
  /* What is past 33 bits once is past them for good. */
  for (int32_t i = 0; i < exponent && power >> 33 == 0; i++)
    power *= size;
  rounded = (float)power;
  return fits_int(base < 0 && exponent % 2 != 0 ? -rounded : rounded);
}

static bool is_int32(int64_t v) {
  return v >= INT32_MIN && v <= INT32_MAX;
}

/* Those about stacks; `n` cells are wanted. */
static bool stack_guard(const struct fisa_view *v, unsigned lethal,
                        int32_t n) {
  bool links = lethal == FLUX_LETHAL_CALLS_FULL ||
               lethal == FLUX_LETHAL_CALLS_EMPTY;
  struct fisa__stack s = links ? fisa__link_stack(v->d)
                               : fisa__data_stack(v->d);
  int32_t index;

  if (!s.file)
    return false;
  index = v->cell(s.index_cell, v->user);
  switch (lethal) {
  case FLUX_LETHAL_STACK_FULL:
  case FLUX_LETHAL_CALLS_FULL:
    return fisa__stack_full(&s, index);
  case FLUX_LETHAL_STACK_FEW:
    return fisa__stack_few(&s, index, n);
  default:
    return fisa__stack_empty(&s, index);
  }
}

/* Whether a guard's predicate holds before the row has done anything. */
static bool holds(const struct fisa__walk *w, const struct fisa_guard *g) {
  int32_t a = fisa__walk_value(w, &g->a).value;
  int32_t b = fisa__walk_value(w, &g->b).value;

  switch (g->lethal) {
  case FLUX_LETHAL_DIV_OVERFLOW:
    return a == INT32_MIN && b == -1;
  case FLUX_LETHAL_SHIFT_RANGE:
    return a < 0 || a > 31;
  case FLUX_LETHAL_FTOI_RANGE:
    return !fits_int(as_float(a));
  case FLUX_LETHAL_POW_RANGE:
    return !power_fits(a, b);
  case FLUX_LETHAL_LOG_ZERO:
  case FLUX_LETHAL_ZERO:
    return a == 0;
  case FLUX_LETHAL_STACK_FULL:
  case FLUX_LETHAL_STACK_EMPTY:
  case FLUX_LETHAL_STACK_FEW:
  case FLUX_LETHAL_CALLS_FULL:
  case FLUX_LETHAL_CALLS_EMPTY:
    return stack_guard(w->v, g->lethal, a);
  case FLUX_LETHAL_ADD_OVERFLOW:
    return !is_int32((int64_t)a + b);
  case FLUX_LETHAL_SUB_OVERFLOW:
    return !is_int32((int64_t)a - b);
  case FLUX_LETHAL_MUL_OVERFLOW:
    return !is_int32((int64_t)a * b);
  case FLUX_LETHAL_SHL_OVERFLOW:
    return !is_int32((int64_t)a * ((int64_t)1 << (b & 31)));
  case FLUX_LETHAL_CAST_RANGE:
    return b != 0 && !fits_int(as_float(a));
  case FLUX_LETHAL_BEFORE_MEMORY:
    return a == -1;
  case FLUX_LETHAL_ALWAYS:
    return true;
  case FLUX_LETHAL_REGISTER_RANGE:
    return w->in->value[g->a.operand] >= w->v->d->files[g->a.file].count;
  case FLUX_LETHAL_VARINT_NEGATIVE:
    return a < 0;
  default: /* facts of the place or of the row: the decoder's business */
    return false;
  }
}

/* ---- where a jump lands ------------------------------------------------- */

static bool has_target(const struct fisa_row *row) {
  return row->flow != FISA_FLOW_NEXT && row->flow != FISA_FLOW_HALT &&
         row->flow != FISA_FLOW_TRAP;
}

/* The target of a jump through a register, as the row finds the machine. */
static int32_t held_target(const struct fisa__walk *w) {
  const struct fisa_row *row = w->in->row;
  struct fisa_ref ref = {.kind = FISA_REF_REG, .operand = row->target_reg};

  ref.file = (uint8_t)fisa_operand_file(&row->operands[row->target_reg]);
  return (int32_t)(fisa_target_base(w->in) +
                   (uint32_t)fisa__walk_value(w, &ref).value);
}

/* Whether RET would land below address 0. */
static bool returns_below(const struct fisa__walk *w) {
  struct fisa__stack s = fisa__link_stack(w->v->d);
  struct fisa__known index, link;

  if (!s.file)
    return false;
  index = fisa__walk_cell(w, (int)s.index_cell);
  if (!index.known || fisa__stack_empty(&s, index.value))
    return false;
  link = fisa__walk_cell(w, (int)fisa__stack_at(&s, index.value, 0));
  return link.known &&
         (int32_t)((uint32_t)link.value + w->in->row->bias) < 0;
}

static bool lands_below(const struct fisa_view *v, const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;
  const struct fisa_step *last;
  struct fisa__known condition;
  struct fisa__walk w;
  bool below;

  fisa__walk_begin(&w, v, in);
  if (in->target != FISA_NO_TARGET)
    below = in->target < 0;
  else if (row->target_reg < row->operand_count)
    below = held_target(&w) < 0;
  else
    below = row->flow == FISA_FLOW_RET;
  if (!below || row->step_count == 0)
    return false;
  for (unsigned i = 0; i + 1u < row->step_count && !w.ended; i++)
    fisa__walk_step(&w, &row->steps[i]);
  if (w.ended || w.unsure)
    return false;
  last = &row->steps[row->step_count - 1];
  if (last->op == FLUX_OP_RET)
    return returns_below(&w);
  condition = fisa__walk_value(&w, &last->a);
  return condition.known && fisa__branch_taken(last->op, condition.value);
}

/* ---- lethal ------------------------------------------------------------- */

/* Whether the row's target may lie below address 0. */
static bool may_land_below(const struct fisa_insn *in) {
  if (!has_target(in->row) || in->row->opaque)
    return false;
  return in->target == FISA_NO_TARGET || in->target < 0;
}

bool fisa_may_be_lethal(const struct fisa_dialect *d,
                        const struct fisa_insn *in) {
  assert(d && in->row && in->row->defined);
  return in->row->guard_count > 0 || fisa_past_file(d, in) ||
         may_land_below(in);
}

int fisa_lethal(const struct fisa_view *v, const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;
  struct fisa__walk w;

  if (fisa_past_file(v->d, in))
    return FLUX_LETHAL_REGISTER_RANGE;
  fisa__walk_begin(&w, v, in);
  for (unsigned i = 0; i < row->guard_count; i++)
    if (holds(&w, &row->guards[i]))
      return row->guards[i].lethal;
  if (may_land_below(in) && lands_below(v, in))
    return FLUX_LETHAL_NEGATIVE_TARGET;
  return -1;
}

/* ---- stores ------------------------------------------------------------- */

bool fisa_may_store(const struct fisa_row *row) {
  if (row->opaque)
    return true;
  for (unsigned i = 0; i < row->step_count; i++) {
    enum fisa_effect effect = fisa_semop_effect(row->steps[i].op);
    if (effect == FISA_EFFECT_STORE || effect == FISA_EFFECT_COPY)
      return true;
  }
  return false;
}

/* Bytes of a LEB128; of a negative one, which rows guard, one. */
static uint32_t varint_bytes(int32_t value) {
  uint32_t n = 1;

  for (; value > 127; value >>= 7)
    n++;
  return n;
}

/* Whether a compare-and-swap finds what it wants, else it stores nothing. */
static struct fisa__known swaps(const struct fisa__walk *w, uint32_t address,
                                int32_t expected) {
  struct fisa__known k = {false, 0};

  if (w->stored || !w->v->byte)
    return k;
  k.known = true;
  k.value = w->v->byte(address & (w->v->d->mem_size - 1), w->v->user) ==
            (uint8_t)expected;
  return k;
}

/* The run of a step that stores. Returns false: it cannot be told. */
static bool run_of(const struct fisa__walk *w, const struct fisa_step *s,
                   struct fisa_store *out) {
  struct fisa__known a = fisa__walk_value(w, &s->a);
  struct fisa__known b = fisa__walk_value(w, &s->b);
  struct fisa__known imm = fisa__walk_value(w, &s->imm), k;
  uint32_t run = imm.value > 0 ? (uint32_t)imm.value : 0;
  uint32_t sum = (uint32_t)a.value + (uint32_t)b.value + (uint32_t)imm.value;

  if (!a.known || !imm.known)
    return false;
  switch (s->op) {
  case FLUX_OP_STORE32:
  case FLUX_OP_STORE8:
    *out = (struct fisa_store){sum, s->op == FLUX_OP_STORE32 ? 4 : 1};
    return b.known;
  case FLUX_OP_BSTORE32:
  case FLUX_OP_BSTORE8:
    run = s->op == FLUX_OP_BSTORE32 ? 4 : 1;
    *out = (struct fisa_store){(uint32_t)a.value + (uint32_t)b.value, run};
    if (!fisa__in_region(a.value, run, imm.value))
      out->count = 0;
    return b.known;
  case FLUX_OP_MSET:
  case FLUX_OP_MCPY:
    *out = (struct fisa_store){(uint32_t)a.value, run};
    return true;
  case FLUX_OP_VENC:
    *out = (struct fisa_store){(uint32_t)imm.value, varint_bytes(a.value)};
    return true;
  case FLUX_OP_CAS8:
    k = swaps(w, (uint32_t)a.value, b.value);
    *out = (struct fisa_store){(uint32_t)a.value, k.value ? 1 : 0};
    return b.known && k.known;
  default:
    return false;
  }
}

int fisa_stores(const struct fisa_view *v, const struct fisa_insn *in,
                struct fisa_store out[FISA_MAX_TEMPLATE]) {
  const struct fisa_row *row = in->row;
  struct fisa__walk w;
  int count = 0;

  if (row->opaque)
    return -1;
  fisa__walk_begin(&w, v, in);
  for (unsigned i = 0; i < row->step_count && !w.ended; i++) {
    enum fisa_effect effect = fisa_semop_effect(row->steps[i].op);
    struct fisa_store run = {0, 0};

    if ((effect == FISA_EFFECT_STORE || effect == FISA_EFFECT_COPY) &&
        (w.unsure || !run_of(&w, &row->steps[i], &run)))
      return -1;
    if (run.count > 0)
      out[count++] = run;
    fisa__walk_step(&w, &row->steps[i]);
  }
  return count;
}

/* ---- floats ------------------------------------------------------------- */

static bool gives_float(unsigned op) {
  switch (op) {
  case FLUX_OP_FADD: case FLUX_OP_FSUB: case FLUX_OP_FMUL: case FLUX_OP_FDIV:
  case FLUX_OP_FMIN: case FLUX_OP_FMAX: case FLUX_OP_FNEG: case FLUX_OP_FABS:
    return true;
  default:
    return false;
  }
}

int fisa_float_results(const struct fisa_dialect *d,
                       const struct fisa_insn *in,
                       uint32_t cells[FISA_MAX_TEMPLATE]) {
  const struct fisa_row *row = in->row;
  int count = 0;

  assert(d && row && row->defined);
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_ref *to = &row->steps[i].d;
    int cell;

    if (!gives_float(row->steps[i].op) || to->kind == FISA_REF_TEMP)
      continue;
    cell = fisa__ref_cell(d, in, to);
    if (cell >= 0 && d->files[to->file].type == FISA_I32)
      cells[count++] = (uint32_t)cell;
  }
  return count;
}
