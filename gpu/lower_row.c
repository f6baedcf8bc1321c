/*
 * gpu/lower_row.c - one row to ops.
 *
 * The order is that of a machine's step: the tick, the lethal guards, the
 * guard of a negative target, the effects. Guards come before the first
 * effect, but behind steps that only fill temporaries, because a branch may
 * test one.
 */
#include <assert.h>

#include "gpu/lower_impl.h"

bool fir__is_dynamic(const struct fisa_insn *in) {
  assert(in->row && in->row->defined);
  switch (in->row->flow) {
  case FISA_FLOW_NEXT:
  case FISA_FLOW_HALT:
  case FISA_FLOW_TRAP:
    return false;
  default:
    return in->target == FISA_NO_TARGET;
  }
}

uint32_t fir__next_pc(const struct fir_lowering *l) {
  return l->in.pc + l->in.length;
}

/* A row that is no instruction at all. */
static void emit_broken(struct fir_lowering *l, int32_t fault,
                        uint16_t cycles) {
  struct fir_ins *ins = fir__emit(l, FIR_FAULT);

  ins->imm = fault;
  ins->cycles = cycles;
}

static void emit_ticks(struct fir_lowering *l) {
  for (uint32_t i = 0; l->f->ticks && i < l->d->file_count; i++)
    if (l->d->files[i].tick)
      fir__emit(l, FIR_TICK)->d = l->d->files[i].first;
}

/* ---- guards ------------------------------------------------------------- */

/* The guard op of a lethal predicate; FIR_OP_COUNT: decided elsewhere. */
static unsigned guard_op(unsigned lethal) {
  switch (lethal) {
  case FLUX_LETHAL_DIV_OVERFLOW:
    return FIR_G_DIV_OVERFLOW;
  case FLUX_LETHAL_SHIFT_RANGE:
    return FIR_G_SHIFT_RANGE;
  case FLUX_LETHAL_FTOI_RANGE:
    return FIR_G_FTOI_RANGE;
  case FLUX_LETHAL_POW_RANGE:
    return FIR_G_POW_RANGE;
  case FLUX_LETHAL_LOG_ZERO:
  case FLUX_LETHAL_ZERO: /* the same test under two names */
    return FIR_G_LOG_ZERO;
  case FLUX_LETHAL_STACK_FULL:
    return FIR_G_STACK_FULL;
  case FLUX_LETHAL_STACK_EMPTY:
    return FIR_G_STACK_EMPTY;
  case FLUX_LETHAL_VARINT_NEGATIVE:
    return FIR_G_NEGATIVE;
  case FLUX_LETHAL_STACK_FEW:
    return FIR_G_STACK_FEW;
  case FLUX_LETHAL_CALLS_FULL:
    return FIR_G_CALLS_FULL;
  case FLUX_LETHAL_CALLS_EMPTY:
    return FIR_G_CALLS_EMPTY;
  case FLUX_LETHAL_ADD_OVERFLOW:
    return FIR_G_ADD_OVERFLOW;
  case FLUX_LETHAL_SUB_OVERFLOW:
    return FIR_G_SUB_OVERFLOW;
  case FLUX_LETHAL_MUL_OVERFLOW:
    return FIR_G_MUL_OVERFLOW;
  case FLUX_LETHAL_SHL_OVERFLOW:
    return FIR_G_SHL_OVERFLOW;
  case FLUX_LETHAL_CAST_RANGE:
    return FIR_G_CAST_RANGE;
  case FLUX_LETHAL_BEFORE_MEMORY:
    return FIR_G_BEFORE_MEMORY;
  case FLUX_LETHAL_ALWAYS:
    return FIR_G_ALWAYS;
  default:
    return FIR_OP_COUNT;
  }
}

/* Whether a register byte lies outside its file: known when lowering. */
static bool out_of_file(const struct fir_lowering *l,
                        const struct fisa_ref *r) {
  assert(r->file < l->d->file_count);
  assert(r->operand < l->in.row->operand_count);
  return l->in.value[r->operand] >= l->d->files[r->file].count;
}

static void lower_guard(struct fir_lowering *l, const struct fisa_guard *g,
                        unsigned op) {
  bool few = g->lethal == FLUX_LETHAL_STACK_FEW;
  uint16_t a = few ? l->f->zero : fir__read_cell(l, &g->a);
  uint16_t b = fir__read_cell(l, &g->b);
  struct fir_ins *ins = fir__emit(l, op);

  ins->a = a;
  ins->b = b;
  if (few)
    ins->c = (uint16_t)fir__number(l, &g->a);
  ins->imm = l->d->lethal_code[g->lethal];
  if (ins->imm < 1000) /* the machine's own test: pc has advanced */
    ins->target = fir__next_pc(l);
  l->f->stack |= g->lethal == FLUX_LETHAL_STACK_FULL ||
                 g->lethal == FLUX_LETHAL_STACK_EMPTY || few;
}

/* Returns false if the row surely ends here. */
static bool lower_guards(struct fir_lowering *l) {
  const struct fisa_row *row = l->in.row;

  if (fisa_past_file(l->d, &l->in)) {
    fir__emit(l, FLUX_OP_TRAP)->imm =
        l->d->lethal_code[FLUX_LETHAL_REGISTER_RANGE];
    return false;
  }

  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *g = &row->guards[i];
    int32_t fault = l->d->lethal_code[g->lethal];
    unsigned op = guard_op(g->lethal);

    assert(fault > 0); /* the loader asks for it */
    if (g->lethal == FLUX_LETHAL_REGISTER_RANGE && out_of_file(l, &g->a)) {
      fir__emit(l, FLUX_OP_TRAP)->imm = fault;
      return false;
    }
    if (op != FIR_OP_COUNT)
      lower_guard(l, g, op);
  }
  return true;
}

unsigned fir__target_guard_op(unsigned op) {
  switch (op) {
  case FLUX_OP_JUMP:
  case FLUX_OP_CALL:
    return FIR_G_NEGATIVE;
  case FLUX_OP_BR_EQZ:
    return FIR_G_EQZ;
  case FLUX_OP_BR_NEZ:
    return FIR_G_NEZ;
  case FLUX_OP_BR_LTZ:
    return FIR_G_LTZ;
  case FLUX_OP_BR_LEZ:
    return FIR_G_LEZ;
  case FLUX_OP_BR_GTZ:
  case FLUX_OP_BR_GTZ_DEC:
    return FIR_G_GTZ;
  case FLUX_OP_BR_GEZ:
    return FIR_G_GEZ;
  case FLUX_OP_BR_DEC_GTZ:
    return FIR_G_DEC_GTZ;
  default:
    return FIR_OP_COUNT;
  }
}

/* Puts the dynamic target of a row into its temporary. */
static void lower_target(struct fir_lowering *l) {
  const struct fisa_row *row = l->in.row;
  struct fisa_ref ref = {.kind = FISA_REF_REG, .operand = row->target_reg};
  uint16_t reg, offset;
  struct fir_ins *ins;

  if (row->target_reg >= row->operand_count)
    return; /* RET */
  ref.file = (uint8_t)fisa_operand_file(&row->operands[row->target_reg]);
  reg = fir__read_cell(l, &ref);
  offset = fir__constant(l, (int32_t)fisa_target_base(&l->in));
  ins = fir__emit(l, FLUX_OP_ADD);
  ins->d = fir__target_temp(l);
  ins->a = reg;
  ins->b = offset;
}

static void lower_target_guard(struct fir_lowering *l,
                               const struct fisa_step *s) {
  unsigned op = fir__target_guard_op(s->op);
  bool dynamic = fir__is_dynamic(&l->in);
  uint16_t target, condition;
  struct fir_ins *ins;

  if (op == FIR_OP_COUNT || (!dynamic && l->in.target >= 0))
    return;
  target = dynamic ? fir__target_temp(l) : fir__constant(l, -1);
  condition = op == FIR_G_NEGATIVE ? target : fir__read_cell(l, &s->a);
  ins = fir__emit(l, op);
  ins->a = condition;
  ins->b = target;
  ins->imm = l->d->lethal_code[FLUX_LETHAL_NEGATIVE_TARGET];
}

/* ---- steps -------------------------------------------------------------- */

static void lower_jump(struct fir_lowering *l, const struct fisa_step *s) {
  uint16_t d = fir__operand_cell(l, s, 0);
  uint16_t a = fir__operand_cell(l, s, 1);
  struct fir_ins *ins;

  if (s->op == FLUX_OP_CALL) /* the link */
    a = fir__constant(l, (int32_t)(l->in.pc + l->in.row->link));
  if (!fir__is_dynamic(&l->in)) {
    ins = fir__emit(l, s->op);
    ins->d = d;
    ins->a = a;
    /* A target below 0 is guarded: any that exists will do. */
    ins->target = l->in.target < 0 ? l->in.pc : (uint32_t)l->in.target;
    return;
  }
  if (s->op == FLUX_OP_CALL) {
    /* To the jump behind it. */
    ins = fir__emit(l, s->op);
    ins->a = a;
    ins->target = l->f->count;
    ins->imm = FIR_IS_INDEX;
  } else if (s->op != FLUX_OP_JUMP) {
    /* Over a goto, so that no engine needs a conditional dynamic jump. */
    ins = fir__emit(l, s->op);
    ins->d = d;
    ins->a = a;
    ins->target = l->f->count + 1;
    ins->imm = FIR_IS_INDEX;
    fir__emit_goto(l, fir__next_pc(l));
  }
  fir__emit(l, FIR_JUMP_REG)->a = fir__target_temp(l);
}

static void lower_ret(struct fir_lowering *l) {
  uint16_t bias = fir__constant(l, l->in.row->bias);
  struct fir_ins *ins = fir__emit(l, FLUX_OP_RET);

  assert(l->in.row->flow == FISA_FLOW_RET);
  ins->a = bias;
  ins->imm = l->d->lethal_code[FLUX_LETHAL_NEGATIVE_TARGET];
}

static void lower_emit(struct fir_lowering *l, const struct fisa_step *s) {
  uint16_t a = fir__operand_cell(l, s, 1);
  uint16_t b = fir__operand_cell(l, s, 2);
  uint16_t c = fir__operand_cell(l, s, 3);
  int32_t argc = (s->a.kind != FISA_REF_NONE) + (s->b.kind != FISA_REF_NONE) +
                 (s->c.kind != FISA_REF_NONE);
  struct fir_ins *ins = fir__emit(l, s->op);

  assert(l->in.row->channel < l->d->channel_count);
  if (s->imm.kind != FISA_REF_NONE && fir__number(l, &s->imm) < argc)
    argc = fir__number(l, &s->imm);
  ins->a = a;
  ins->b = b;
  ins->c = c;
  ins->imm = l->in.row->channel | (argc < 0 ? 0 : argc) << 16;
}

/* The file that a step works on as a whole. */
static unsigned whole_file(const struct fisa_step *s) {
  const struct fisa_ref *refs[5] = {&s->d, &s->a, &s->b, &s->c, &s->imm};

  for (unsigned i = 0; i < 5; i++)
    if (refs[i]->kind == FISA_REF_FILE)
      return refs[i]->file;
  return s->d.file;
}

static void lower_file(struct fir_lowering *l, const struct fisa_step *s) {
  const struct fisa_file *file = &l->d->files[whole_file(s)];
  uint16_t a = fir__operand_cell(l, s, 1);
  int32_t rest = fir__register_cell(l, &s->b);
  struct fir_ins *ins = fir__emit(l, s->op);

  assert(file->kind == FISA_FILE_REGS);
  if (s->b.kind == FISA_REF_RAWNUM)
    rest = fisa_reg_cell(l->d, whole_file(s), fir__number(l, &s->b));
  ins->d = file->first;
  ins->a = a;
  ins->imm = s->op == FLUX_OP_FILE_ZERO ? file->count : fir__number(l, &s->imm);
  if (s->op == FLUX_OP_CONVERGE)
    ins->b = file->count;
  if (s->op == FLUX_OP_DIFFUSE) {
    ins->b = rest < 0 ? l->f->sink : (uint16_t)rest;
    ins->c = file->count;
  }
}

/* How many arguments a source is asked with: what the step says, or else one
 * unless a constant fills the place. */
static int32_t input_argument(const struct fir_lowering *l,
                              const struct fisa_step *s) {
  if (s->imm.kind != FISA_REF_NONE)
    return fir__number(l, &s->imm) > 0;
  return s->a.kind != FISA_REF_NONE && s->a.kind != FISA_REF_CONST;
}

static void lower_plain(struct fir_lowering *l, const struct fisa_step *s) {
  uint16_t cell[4];
  struct fir_ins *ins;

  for (unsigned i = 0; i < 4; i++)
    cell[i] = fir__operand_cell(l, s, i);
  ins = fir__emit(l, s->op);
  ins->d = cell[0];
  ins->a = cell[1];
  ins->b = cell[2];
  ins->c = cell[3];
  ins->imm = fir__number(l, &s->imm);
  switch (s->op) {
  case FLUX_OP_DIV:
  case FLUX_OP_CHECK:
  case FLUX_OP_HALT:
  case FLUX_OP_YIELD:
    ins->target = fir__next_pc(l);
    break;
  case FLUX_OP_INPUT:
    ins->imm = l->in.row->source | input_argument(l, s) << 16;
    break;
  case FLUX_OP_DRAW:
  case FLUX_OP_DRAW_W:
    ins->imm = l->in.row->source;
    break;
  default:
    break;
  }
}

static void lower_step(struct fir_lowering *l, const struct fisa_step *s) {
  enum fisa_effect effect = fisa_semop_effect(s->op);

  if (l->d->mem_size < FISA_PAGE &&
      (effect == FISA_EFFECT_LOAD || effect == FISA_EFFECT_STORE ||
       effect == FISA_EFFECT_COPY || s->op == FLUX_OP_DRAW_W))
    fir__fail(l, "a row uses memory and the dialect has none");
  if (effect == FISA_EFFECT_STACK || s->op == FLUX_OP_CALL ||
      s->op == FLUX_OP_RET)
    l->f->stack = true;
  switch (s->op) {
  case FLUX_OP_NOP:
    break;
  case FLUX_OP_RET:
    lower_ret(l);
    break;
  case FLUX_OP_EMIT:
    lower_emit(l, s);
    break;
  case FLUX_OP_EMIT_PAYLOAD:
    fir__emit(l, s->op)->imm = l->in.row->channel;
    break;
  case FLUX_OP_FILE_ZERO:
  case FLUX_OP_CONVERGE:
  case FLUX_OP_DIFFUSE:
    lower_file(l, s);
    break;
  default:
    if (fir__target_guard_op(s->op) != FIR_OP_COUNT)
      lower_jump(l, s);
    else
      lower_plain(l, s);
    break;
  }
}

/* ---- rows --------------------------------------------------------------- */

/* Whether control leaves the row at its last step and nowhere else. */
static bool ends_flow(const struct fisa_row *row) {
  if (row->opaque)
    return true;
  if (row->step_count == 0)
    return false;
  switch (row->steps[row->step_count - 1].op) {
  case FLUX_OP_JUMP:
  case FLUX_OP_CALL:
  case FLUX_OP_HALT:
  case FLUX_OP_TRAP:
    return true;
  default:
    return false;
  }
}

/*
 * Makes one op of the two that set flags from a result, and of these and the
 * sum or difference itself. The cells must be such that nothing is read that
 * the fused op has not yet, or has already, written.
 */
static void fuse_signs(struct fir_lowering *l, uint32_t first) {
  struct fir_program *f = l->f;
  struct fir_ins *sum, *eq, *lt;
  uint16_t of;

  assert(first <= f->count);
  if (f->count - first < 2)
    return;
  lt = &f->ins[f->count - 1];
  eq = lt - 1;
  of = eq->a;
  if (eq->op != FLUX_OP_EQ || lt->op != FLUX_OP_LT || lt->a != of ||
      eq->b != f->zero || lt->b != f->zero || eq->d == of)
    return;
  eq->op = FIR_SIGNS;
  eq->c = lt->d;
  f->count--;
  if (f->count - first < 2)
    return;
  sum = eq - 1;
  if ((sum->op != FLUX_OP_ADD && sum->op != FLUX_OP_SUB) || sum->d != of ||
      eq->c == of)
    return;
  sum->op = sum->op == FLUX_OP_ADD ? FIR_ADD_SIGNS : FIR_SUB_SIGNS;
  sum->c = eq->d;
  sum->imm = eq->c;
  f->count--;
}

static void lower_meaning(struct fir_lowering *l) {
  const struct fisa_row *row = l->in.row;
  uint32_t begin = l->f->count;
  bool guarded = false;

  if (row->opaque) {
    fir__emit(l, FLUX_OP_TRAP)->imm = l->d->lethal_code[FLUX_LETHAL_OPAQUE];
    return;
  }
  if (fir__is_dynamic(&l->in))
    lower_target(l);
  if (!lower_guards(l))
    return;
  assert(row->step_count <= FISA_MAX_TEMPLATE);
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if (!guarded && fisa_step_acts(s)) {
      lower_target_guard(l, &row->steps[row->step_count - 1]);
      guarded = true;
    }
    lower_step(l, s);
  }
  if (!l->failed)
    fuse_signs(l, begin);
}

/* The point behind an output that is a task boundary. */
static void lower_out_boundary(struct fir_lowering *l) {
  const struct fisa_boundary *b = &l->p->manifest.boundary;
  const struct fisa_row *row = l->in.row;

  if (b->kind != FISA_BOUNDARY_OUT || row->channel != b->channel)
    return;
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].op == FLUX_OP_EMIT ||
        row->steps[i].op == FLUX_OP_EMIT_PAYLOAD) {
      fir__emit(l, FLUX_OP_YIELD)->target = fir__next_pc(l);
      return;
    }
}

static void lower_decoded(struct fir_lowering *l) {
  const struct fisa_row *row = l->in.row;
  uint32_t next = fir__next_pc(l);

  /* A row that only traps is undefined to the machine, but has a name. */
  if (row->flow == FISA_FLOW_TRAP && row->step_count == 1 &&
      row->steps[0].op == FLUX_OP_TRAP) {
    emit_broken(l, fir__number(l, &row->steps[0].imm), row->cycles);
    return;
  }
  emit_ticks(l);
  lower_meaning(l);
  if (!ends_flow(row))
    lower_out_boundary(l);
  if (l->first) /* a row that does nothing takes its turn */
    fir__emit(l, FLUX_OP_NOP);
  if (!ends_flow(row) &&
      (next > l->p->size || (next < l->p->size && !l->reached[next])))
    fir__fail(l, "a row goes on although its flow says otherwise");
}

bool fir__lower_row(struct fir_lowering *l, uint32_t pc) {
  const struct fisa_boundary *b = &l->p->manifest.boundary;
  const struct fisa_dialect *d = l->d;
  enum fisa_decode_status status;

  assert(pc < l->p->size && l->reached[pc]);
  status = fisa_decode(d, l->p->code, l->p->size, pc, &l->in);
  l->f->at[pc] = l->f->count;
  l->first = false;
  if (b->kind == FISA_BOUNDARY_PC && b->pc == pc)
    fir__emit(l, FIR_BOUNDARY)->target = pc;
  l->first = true;
  switch (status) {
  case FISA_DECODED:
    lower_decoded(l);
    return !ends_flow(l->in.row);
  case FISA_DECODE_UNKNOWN:
    emit_broken(l, d->unknown_fault, 1);
    return false;
  case FISA_DECODE_PAST:
    emit_broken(l, d->lethal_code[FLUX_LETHAL_PAST_CODE], l->in.row->cycles);
    return false;
  default:
    emit_broken(l, d->truncated_fault, 0);
    return false;
  }
}
