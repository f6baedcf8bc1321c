/*
 * gpu/lower.c - from bytecode to IR, by the table alone.
 *
 * Two walks over the code. The first finds what control can reach: along
 * static targets with a worklist, or every offset as soon as a reached row
 * takes its target from a register or the stack. The second lowers the
 * reached offsets in ascending order, so that falling through is mostly just
 * going on; then jump targets become indexes.
 *
 * Within a row the order is that of a machine's step: the tick, the lethal
 * guards, the guard of a negative target, the effects. Guards come before
 * the first effect, but behind steps that only fill temporaries, because a
 * branch may test one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"

/* In fir_ins.imm of a jump until patching: its target is an index already. */
#define IS_INDEX 1

/* A run of lowering. After a failure `failed` is set and emission idles. */
struct lowering {
  const struct fisa_program *p;
  const struct fisa_dialect *d;
  struct fir_program *f;
  struct fisa_error *err;
  bool failed;
  uint32_t capacity;    /* of f->ins */
  struct fir_ins spare; /* what emission writes to after a failure */

  uint8_t *reached; /* [size] */
  uint32_t *work;   /* [size]: offsets yet to be looked at */
  uint32_t work_count;
  bool dynamic;

  uint16_t *slots;     /* hash table of pool entries + 1 */
  uint32_t slot_count; /* a power of two, at least twice the entries */

  struct fisa_insn in; /* the row being lowered */
  bool first;          /* its first op is still to come */
};

static void fail(struct lowering *l, const char *why) {
  if (!l->failed)
    fisa_fail(l->err, "lowering: %s", why);
  l->failed = true;
}

/* ---- reaching ----------------------------------------------------------- */

static void reach(struct lowering *l, int64_t pc) {
  if (pc < 0 || pc >= l->p->size || l->reached[pc])
    return;
  l->reached[pc] = 1;
  l->work[l->work_count++] = (uint32_t)pc;
}

static bool is_dynamic(const struct fisa_insn *in) {
  switch (in->row->flow) {
  case FISA_FLOW_NEXT:
  case FISA_FLOW_HALT:
  case FISA_FLOW_TRAP:
    return false;
  default:
    return in->target == FISA_NO_TARGET;
  }
}

static void reach_successors(struct lowering *l, const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;
  int64_t next = (int64_t)in->pc + in->length;

  if (row->opaque) {
    l->f->opaque = true;
    return;
  }
  l->dynamic |= is_dynamic(in);
  if (in->target != FISA_NO_TARGET)
    reach(l, in->target);
  switch (row->flow) {
  case FISA_FLOW_HALT:
  case FISA_FLOW_TRAP:
  case FISA_FLOW_JUMP_REL:
  case FISA_FLOW_JUMP_ABS:
  case FISA_FLOW_INDIRECT:
    break;
  case FISA_FLOW_CALL_REL:
  case FISA_FLOW_CALL_ABS:
    /* Where the callee comes back to, if it does. */
    reach(l, next + row->filler);
    break;
  default:
    reach(l, next);
    break;
  }
}

static void reach_all(struct lowering *l, uint32_t from) {
  const struct fisa_boundary *b = &l->p->manifest.boundary;
  struct fisa_insn in;

  reach(l, l->p->entry);
  reach(l, from);
  if (b->kind == FISA_BOUNDARY_PC)
    reach(l, b->pc);
  while (l->work_count > 0) {
    uint32_t pc = l->work[--l->work_count];
    if (fisa_decode(l->d, l->p->code, l->p->size, pc, &in) == FISA_DECODED)
      reach_successors(l, &in);
  }
  if (l->dynamic)
    memset(l->reached, 1, l->p->size);
  l->f->all_offsets = l->dynamic;
}

/* ---- cells -------------------------------------------------------------- */

static uint32_t pool_hash(int32_t v) {
  uint32_t h = (uint32_t)v * 0x9E3779B1u;

  return h ^ h >> 15;
}

static void pool_place(struct lowering *l, uint32_t entry) {
  uint32_t at = pool_hash(l->f->pool[entry]) & (l->slot_count - 1);

  while (l->slots[at] != 0)
    at = (at + 1) & (l->slot_count - 1);
  l->slots[at] = (uint16_t)(entry + 1);
}

/* Twice the room, for pool and hash table. */
static bool pool_grow(struct lowering *l) {
  struct fir_program *f = l->f;
  uint32_t count = l->slot_count ? l->slot_count * 2 : 64;
  uint16_t *slots = calloc(count, sizeof(*slots));
  int32_t *pool = realloc(f->pool, count / 2 * sizeof(*pool));

  if (pool)
    f->pool = pool;
  if (!slots || !pool) {
    free(slots);
    fail(l, "out of memory");
    return false;
  }
  free(l->slots);
  l->slots = slots;
  l->slot_count = count;
  for (uint32_t i = 0; i < f->pool_count; i++)
    pool_place(l, i);
  return true;
}

/* The cell that holds a constant. */
static uint16_t constant(struct lowering *l, int32_t v) {
  struct fir_program *f = l->f;
  uint32_t at;

  if (v == 0 || l->failed)
    return f->zero;
  if (f->pool_count * 2 >= l->slot_count && !pool_grow(l))
    return f->zero;
  at = pool_hash(v) & (l->slot_count - 1);
  for (; l->slots[at] != 0; at = (at + 1) & (l->slot_count - 1))
    if (f->pool[l->slots[at] - 1] == v)
      return (uint16_t)(f->pool_first + l->slots[at] - 1u);
  if (f->pool_first + f->pool_count >= UINT16_MAX) {
    fail(l, "too many constants");
    return f->zero;
  }
  f->pool[f->pool_count] = v;
  pool_place(l, f->pool_count);
  return (uint16_t)(f->pool_first + f->pool_count++);
}

static uint16_t target_temp(const struct lowering *l) {
  return (uint16_t)(l->f->temp + FISA_TEMPS);
}

/* The number that a reference denotes, for those that denote one. */
static int32_t number(const struct lowering *l, const struct fisa_ref *r) {
  switch (r->kind) {
  case FISA_REF_CONST:
    return r->value;
  case FISA_REF_IMM:
  case FISA_REF_RAWNUM:
    assert(r->operand < l->in.row->operand_count);
    return l->in.value[r->operand];
  case FISA_REF_NEXT:
    return (int32_t)(l->in.pc + l->in.length);
  default:
    return 0;
  }
}

/* The cell of a reference to a register, or -1 for the zero register. */
static int32_t register_cell(const struct lowering *l,
                             const struct fisa_ref *r) {
  const struct fisa_file *file = &l->d->files[r->file];
  int32_t raw;

  switch (r->kind) {
  case FISA_REF_REG:
    return fisa_reg_cell(l->d, r->file, l->in.value[r->operand]);
  case FISA_REF_FIXED:
    return fisa_reg_cell(l->d, r->file, r->value);
  case FISA_REF_RAW:
    raw = l->in.value[r->operand];
    return raw < file->count ? file->first + raw : -1;
  case FISA_REF_CELL:
    return file->first;
  case FISA_REF_TEMP:
    return l->f->temp + r->value;
  default:
    return -1;
  }
}

static uint16_t read_cell(struct lowering *l, const struct fisa_ref *r) {
  int32_t cell;

  switch (r->kind) {
  case FISA_REF_CONST:
  case FISA_REF_IMM:
  case FISA_REF_RAWNUM:
  case FISA_REF_NEXT:
    return constant(l, number(l, r));
  default:
    cell = register_cell(l, r);
    return cell < 0 ? l->f->zero : (uint16_t)cell;
  }
}

static uint16_t write_cell(struct lowering *l, const struct fisa_ref *r) {
  int32_t cell = register_cell(l, r);

  return cell < 0 ? l->f->sink : (uint16_t)cell;
}

static uint16_t operand_cell(struct lowering *l, const struct fisa_step *s,
                             unsigned operand) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};

  switch (fisa_semop_use(s->op, operand)) {
  case 'R':
    return read_cell(l, refs[operand]);
  case 'W':
  case 'M':
    return write_cell(l, refs[operand]);
  default:
    return l->f->zero;
  }
}

/* ---- emitting ----------------------------------------------------------- */

static bool ins_grow(struct lowering *l) {
  uint32_t capacity = l->capacity ? l->capacity * 2 : 64;
  struct fir_ins *ins = realloc(l->f->ins, capacity * sizeof(*ins));

  if (!ins) {
    fail(l, "out of memory");
    return false;
  }
  l->f->ins = ins;
  l->capacity = capacity;
  return true;
}

/* A new op of the row; valid until the next one. */
static struct fir_ins *emit(struct lowering *l, unsigned op) {
  struct fir_program *f = l->f;
  struct fir_ins *ins = &l->spare;

  if (!l->failed && (f->count < l->capacity || ins_grow(l)))
    ins = &f->ins[f->count++];
  memset(ins, 0, sizeof(*ins));
  ins->op = (uint16_t)op;
  ins->d = f->sink;
  ins->a = ins->b = ins->c = f->zero;
  ins->target = FIR_NONE;
  ins->row = l->in.pc;
  if (l->first) {
    ins->row |= FIR_FIRST;
    ins->cycles = l->in.row ? l->in.row->cycles : 0;
    l->first = false;
  }
  return ins;
}

static void emit_goto(struct lowering *l, uint32_t pc) {
  emit(l, FIR_GOTO)->target = pc;
}

/* A row that is no instruction at all. */
static void emit_broken(struct lowering *l, int32_t fault, uint16_t cycles) {
  struct fir_ins *ins = emit(l, FIR_FAULT);

  ins->imm = fault;
  ins->cycles = cycles;
}

static void emit_ticks(struct lowering *l) {
  for (uint32_t i = 0; l->f->ticks && i < l->d->file_count; i++)
    if (l->d->files[i].tick)
      emit(l, FIR_TICK)->d = l->d->files[i].first;
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
    return FIR_G_LOG_ZERO;
  case FLUX_LETHAL_STACK_FULL:
    return FIR_G_STACK_FULL;
  case FLUX_LETHAL_STACK_EMPTY:
    return FIR_G_STACK_EMPTY;
  case FLUX_LETHAL_VARINT_NEGATIVE:
    return FIR_G_NEGATIVE;
  default:
    return FIR_OP_COUNT;
  }
}

/* Whether a register byte lies outside its file: known when lowering. */
static bool out_of_file(const struct lowering *l, const struct fisa_ref *r) {
  unsigned file = r->file;

  if (r->operand >= l->in.row->operand_count)
    return false;
  if (r->kind == FISA_REF_RAWNUM) {
    uint16_t files = l->in.row->operands[r->operand].files;
    for (file = 0; file < l->d->file_count; file++)
      if (files >> file & 1)
        break;
    if (file == l->d->file_count)
      return false;
  }
  return l->in.value[r->operand] >= l->d->files[file].count;
}

/* Returns false if the row surely ends here. */
static bool lower_guards(struct lowering *l) {
  const struct fisa_row *row = l->in.row;

  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *g = &row->guards[i];
    int32_t fault = l->d->lethal_code[g->lethal];
    unsigned op = guard_op(g->lethal);

    if (g->lethal == FLUX_LETHAL_REGISTER_RANGE && out_of_file(l, &g->a)) {
      emit(l, FLUX_OP_TRAP)->imm = fault;
      return false;
    }
    if (op != FIR_OP_COUNT) {
      uint16_t a = read_cell(l, &g->a);
      uint16_t b = read_cell(l, &g->b);
      struct fir_ins *ins = emit(l, op);
      ins->a = a;
      ins->b = b;
      ins->imm = fault;
    }
  }
  return true;
}

/* The guard of a jump that could go below 0; FIR_OP_COUNT: not a jump. */
static unsigned target_guard_op(unsigned op) {
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
static void lower_target(struct lowering *l) {
  const struct fisa_row *row = l->in.row;
  struct fisa_ref ref = {.kind = FISA_REF_REG, .operand = row->target_reg};
  uint32_t base = 0;
  uint16_t reg, offset;
  struct fir_ins *ins;

  if (row->target_reg >= row->operand_count)
    return; /* RET */
  while (ref.file + 1u < l->d->file_count &&
         !(row->operands[row->target_reg].files >> ref.file & 1))
    ref.file++;
  if (row->flow == FISA_FLOW_JUMP_REL || row->flow == FISA_FLOW_COND_REL ||
      row->flow == FISA_FLOW_COND_REL_REG || row->flow == FISA_FLOW_CALL_REL)
    base = l->in.pc + (row->base_end ? l->in.length : 0);
  if (row->target < row->operand_count && row->target != row->target_reg)
    base += (uint32_t)l->in.value[row->target];
  reg = read_cell(l, &ref);
  offset = constant(l, (int32_t)base);
  ins = emit(l, FLUX_OP_ADD);
  ins->d = target_temp(l);
  ins->a = reg;
  ins->b = offset;
}

static void lower_target_guard(struct lowering *l, const struct fisa_step *s) {
  unsigned op = target_guard_op(s->op);
  bool dynamic = is_dynamic(&l->in);
  uint16_t target, condition;
  struct fir_ins *ins;

  if (op == FIR_OP_COUNT || (!dynamic && l->in.target >= 0))
    return;
  target = dynamic ? target_temp(l) : constant(l, -1);
  condition = op == FIR_G_NEGATIVE ? target : read_cell(l, &s->a);
  ins = emit(l, op);
  ins->a = condition;
  ins->b = target;
  ins->imm = l->d->lethal_code[FLUX_LETHAL_NEGATIVE_TARGET];
}

/* ---- steps -------------------------------------------------------------- */

static uint32_t next_pc(const struct lowering *l) {
  return l->in.pc + l->in.length;
}

static void lower_jump(struct lowering *l, const struct fisa_step *s) {
  uint16_t d = operand_cell(l, s, 0);
  uint16_t a = operand_cell(l, s, 1);
  struct fir_ins *ins;

  if (s->op == FLUX_OP_CALL) /* the link */
    a = constant(l, (int32_t)(l->in.pc + l->in.row->link));
  if (!is_dynamic(&l->in)) {
    ins = emit(l, s->op);
    ins->d = d;
    ins->a = a;
    /* A target below 0 is guarded: any that exists will do. */
    ins->target = l->in.target < 0 ? l->in.pc : (uint32_t)l->in.target;
    return;
  }
  if (s->op == FLUX_OP_CALL) {
    emit(l, FLUX_OP_PUSH)->a = a;
  } else if (s->op != FLUX_OP_JUMP) {
    /* Over a goto, so that no engine needs a conditional dynamic jump. */
    ins = emit(l, s->op);
    ins->d = d;
    ins->a = a;
    ins->target = l->f->count + 1;
    ins->imm = IS_INDEX;
    emit_goto(l, next_pc(l));
  }
  emit(l, FIR_JUMP_REG)->a = target_temp(l);
}

static void lower_ret(struct lowering *l) {
  uint16_t bias = constant(l, l->in.row->bias);
  struct fir_ins *ins = emit(l, FLUX_OP_RET);

  ins->a = bias;
  ins->imm = l->d->lethal_code[FLUX_LETHAL_NEGATIVE_TARGET];
}

static void lower_emit(struct lowering *l, const struct fisa_step *s) {
  uint16_t a = operand_cell(l, s, 1);
  uint16_t b = operand_cell(l, s, 2);
  uint16_t c = operand_cell(l, s, 3);
  int32_t argc = (s->a.kind != FISA_REF_NONE) + (s->b.kind != FISA_REF_NONE) +
                 (s->c.kind != FISA_REF_NONE);
  struct fir_ins *ins = emit(l, s->op);

  if (s->imm.kind != FISA_REF_NONE && number(l, &s->imm) < argc)
    argc = number(l, &s->imm);
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

static void lower_file(struct lowering *l, const struct fisa_step *s) {
  const struct fisa_file *file = &l->d->files[whole_file(s)];
  uint16_t a = operand_cell(l, s, 1);
  int32_t rest = register_cell(l, &s->b);
  struct fir_ins *ins = emit(l, s->op);

  if (s->b.kind == FISA_REF_RAWNUM)
    rest = fisa_reg_cell(l->d, whole_file(s), number(l, &s->b));
  ins->d = file->first;
  ins->a = a;
  ins->imm = s->op == FLUX_OP_FILE_ZERO ? file->count : number(l, &s->imm);
  if (s->op == FLUX_OP_CONVERGE)
    ins->b = file->count;
  if (s->op == FLUX_OP_DIFFUSE) {
    ins->b = rest < 0 ? l->f->sink : (uint16_t)rest;
    ins->c = file->count;
  }
}

/* How many arguments a source is asked with: what the step says, or else one
 * unless a constant fills the place. */
static int32_t input_argument(const struct lowering *l,
                              const struct fisa_step *s) {
  if (s->imm.kind != FISA_REF_NONE)
    return number(l, &s->imm) > 0;
  return s->a.kind != FISA_REF_NONE && s->a.kind != FISA_REF_CONST;
}

static void lower_plain(struct lowering *l, const struct fisa_step *s) {
  uint16_t cell[4];
  struct fir_ins *ins;

  for (unsigned i = 0; i < 4; i++)
    cell[i] = operand_cell(l, s, i);
  ins = emit(l, s->op);
  ins->d = cell[0];
  ins->a = cell[1];
  ins->b = cell[2];
  ins->c = cell[3];
  ins->imm = number(l, &s->imm);
  switch (s->op) {
  case FLUX_OP_DIV:
  case FLUX_OP_HALT:
  case FLUX_OP_YIELD:
    ins->target = next_pc(l);
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

static void lower_step(struct lowering *l, const struct fisa_step *s) {
  enum fisa_effect effect = fisa_semop_effect(s->op);

  if (l->d->mem_size < FISA_PAGE &&
      (effect == FISA_EFFECT_LOAD || effect == FISA_EFFECT_STORE ||
       effect == FISA_EFFECT_COPY || s->op == FLUX_OP_DRAW_W))
    fail(l, "a row uses memory and the dialect has none");
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
  case FLUX_OP_FILE_ZERO:
  case FLUX_OP_CONVERGE:
  case FLUX_OP_DIFFUSE:
    lower_file(l, s);
    break;
  default:
    if (target_guard_op(s->op) != FIR_OP_COUNT)
      lower_jump(l, s);
    else
      lower_plain(l, s);
    break;
  }
}

/* Whether a step does more than to fill temporaries. */
static bool has_effect(const struct fisa_step *s) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
  enum fisa_effect effect = fisa_semop_effect(s->op);

  if (effect != FISA_EFFECT_NONE && effect != FISA_EFFECT_LOAD &&
      effect != FISA_EFFECT_CYC)
    return true;
  for (unsigned i = 0; i < 4; i++) {
    char use = fisa_semop_use(s->op, i);
    if ((use == 'W' || use == 'M') && refs[i]->kind != FISA_REF_TEMP)
      return true;
  }
  return false;
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
static void fuse_signs(struct lowering *l, uint32_t first) {
  struct fir_program *f = l->f;
  struct fir_ins *sum, *eq, *lt;
  uint16_t of;

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

static void lower_meaning(struct lowering *l) {
  const struct fisa_row *row = l->in.row;
  uint32_t begin = l->f->count;
  bool guarded = false;

  if (row->opaque) {
    emit(l, FLUX_OP_TRAP)->imm = l->d->lethal_code[FLUX_LETHAL_OPAQUE];
    return;
  }
  if (is_dynamic(&l->in))
    lower_target(l);
  if (!lower_guards(l))
    return;
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if (!guarded && has_effect(s)) {
      lower_target_guard(l, &row->steps[row->step_count - 1]);
      guarded = true;
    }
    lower_step(l, s);
  }
  if (!l->failed)
    fuse_signs(l, begin);
}

/* The point behind an output that is a task boundary. */
static void lower_out_boundary(struct lowering *l) {
  const struct fisa_boundary *b = &l->p->manifest.boundary;
  const struct fisa_row *row = l->in.row;

  if (b->kind != FISA_BOUNDARY_OUT || row->channel != b->channel)
    return;
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].op == FLUX_OP_EMIT) {
      emit(l, FLUX_OP_YIELD)->target = next_pc(l);
      return;
    }
}

static void lower_decoded(struct lowering *l) {
  const struct fisa_row *row = l->in.row;
  uint32_t next = next_pc(l);

  /* A row that only traps is undefined to the machine, but has a name. */
  if (row->flow == FISA_FLOW_TRAP && row->step_count == 1 &&
      row->steps[0].op == FLUX_OP_TRAP) {
    emit_broken(l, number(l, &row->steps[0].imm), row->cycles);
    return;
  }
  emit_ticks(l);
  lower_meaning(l);
  if (!ends_flow(row))
    lower_out_boundary(l);
  if (l->first) /* a row that does nothing takes its turn */
    emit(l, FLUX_OP_NOP);
  if (!ends_flow(row) &&
      (next > l->p->size || (next < l->p->size && !l->reached[next])))
    fail(l, "a row goes on although its flow says otherwise");
}

/* Lowers what stands at pc. Returns whether control may go on behind it. */
static bool lower_row(struct lowering *l, uint32_t pc) {
  const struct fisa_boundary *b = &l->p->manifest.boundary;
  const struct fisa_dialect *d = l->d;
  enum fisa_decode_status status;

  status = fisa_decode(d, l->p->code, l->p->size, pc, &l->in);
  l->f->at[pc] = l->f->count;
  l->first = false;
  if (b->kind == FISA_BOUNDARY_PC && b->pc == pc)
    emit(l, FIR_BOUNDARY)->target = pc;
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

/* ---- the whole ---------------------------------------------------------- */

/* A place off the end of the code. It is fetched, so fuel is asked first. */
static uint32_t emit_end(struct lowering *l, uint32_t pc) {
  struct fir_ins *ins;

  l->first = false;
  ins = emit(l, FIR_END);
  ins->row = FIR_FIRST | pc;
  return l->f->count - 1;
}

static void lower_rows(struct lowering *l) {
  uint32_t size = l->p->size;
  uint32_t pc = 0;

  while (pc < size && !l->reached[pc])
    pc++;
  while (pc < size && !l->failed) {
    bool on = lower_row(l, pc);
    uint32_t next = next_pc(l);

    for (pc++; pc < size && !l->reached[pc]; pc++)
      ;
    if (on && next != pc)
      emit_goto(l, next);
  }
  l->f->at[size] = emit_end(l, size);
}

static bool has_target(const struct fir_ins *ins) {
  return ins->op == FIR_GOTO || target_guard_op(ins->op) != FIR_OP_COUNT;
}

/* Targets from addresses to indexes. */
static void patch(struct lowering *l) {
  uint32_t count = l->f->count;

  for (uint32_t i = 0; i < count && !l->failed; i++) {
    uint32_t target = l->f->ins[i].target;
    if (!has_target(&l->f->ins[i]))
      continue;
    if (l->f->ins[i].imm == IS_INDEX) {
      l->f->ins[i].imm = 0;
      continue;
    }
    if (target > l->p->size)
      target = emit_end(l, target);
    else
      target = l->f->at[target];
    if (target == FIR_NONE)
      fail(l, "a row jumps although its flow says otherwise");
    else if (!l->failed) /* emission may have moved the ops */
      l->f->ins[i].target = target;
  }
}

/* Whether a row may write a cell that counts down by itself. */
static bool writes_tick(const struct fisa_dialect *d,
                        const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
    for (unsigned k = 0; k < 4; k++)
      if (refs[k]->kind == FISA_REF_CELL && d->files[refs[k]->file].tick &&
          fisa_semop_use(s->op, k) != 'R')
        return true;
  }
  return false;
}

/* Whether a tick cell of the declared begin state may be above 0. */
static bool begins_ticking(const struct fisa_program *p) {
  const struct fisa_manifest *m = &p->manifest;

  for (uint32_t f = 0; f < p->dialect->file_count; f++) {
    const struct fisa_file *file = &p->dialect->files[f];
    if (!file->tick)
      continue;
    if (file->init > 0)
      return true;
    for (uint32_t i = 0; i < m->in_count; i++)
      if (m->in[i].kind == FISA_CELLS_FILE && m->in[i].first <= file->first &&
          file->first - m->in[i].first < m->in[i].count)
        return true;
  }
  return false;
}

static bool needs_ticks(const struct lowering *l) {
  const struct fisa_program *p = l->p;

  if (begins_ticking(p))
    return true;
  for (uint32_t pc = 0; pc < p->size; pc++)
    if (l->reached[pc] && writes_tick(l->d, &l->d->rows[p->code[pc]]))
      return true;
  return false;
}

/* The least cost of a row; the costs, if they are not the cycles everywhere. */
static void note_costs(struct lowering *l) {
  struct fir_program *f = l->f;
  bool equal = true;

  f->cost_min = UINT16_MAX;
  for (uint32_t pc = 0; pc < l->p->size; pc++) {
    const struct fisa_row *row = &l->d->rows[l->p->code[pc]];
    if (!l->reached[pc] || !row->defined)
      continue;
    equal &= row->cost == row->cycles;
    if (row->cost < f->cost_min)
      f->cost_min = row->cost;
  }
  if (equal || l->failed)
    return;
  f->cost = calloc(f->count, sizeof(*f->cost));
  if (!f->cost) {
    fail(l, "out of memory");
    return;
  }
  for (uint32_t i = 0; i < f->count; i++) {
    const struct fir_ins *ins = &f->ins[i];
    if (!(ins->row & FIR_FIRST) || ins->op == FIR_END)
      continue;
    f->cost[i] = ins->op == FIR_FAULT
                     ? ins->cycles
                     : l->d->rows[l->p->code[ins->row & ~FIR_FIRST]].cost;
  }
}

static bool lowering_begin(struct lowering *l, const struct fisa_program *p) {
  struct fir_program *f = calloc(1, sizeof(*f));

  l->f = f;
  if (!f)
    return false;
  l->p = f->source = p;
  l->d = f->dialect = p->dialect;
  f->state_cells = p->dialect->cell_count;
  f->zero = (uint16_t)f->state_cells;
  f->sink = (uint16_t)(f->zero + 1);
  f->temp = (uint16_t)(f->sink + 1);
  f->pool_first = f->temp + FIR_TEMPS;
  f->at = malloc((p->size + 1) * sizeof(*f->at));
  l->reached = calloc(p->size, 1);
  l->work = malloc(p->size * sizeof(*l->work));
  if (!f->at || !l->reached || !l->work)
    return false;
  memset(f->at, 0xFF, (p->size + 1) * sizeof(*f->at));
  return true;
}

int fir_lower_from(const struct fisa_program *p, uint32_t pc,
                   struct fir_program **out, struct fisa_error *err) {
  struct lowering l = {.err = err};
  int rc = -1;

  assert(p && out);
  if (p->size == 0 || p->size > FISA_MAX_CODE ||
      p->dialect->cell_count > FISA_MAX_CELLS)
    return fisa_fail(err, "lowering: a program of %u bytes", p->size);
  if (!lowering_begin(&l, p)) {
    fisa_fail(err, "lowering: out of memory");
    goto done;
  }
  reach_all(&l, pc);
  l.f->ticks = needs_ticks(&l);
  lower_rows(&l);
  patch(&l);
  note_costs(&l);
  if (l.failed)
    goto done;
  l.f->entry = l.f->at[p->entry < p->size ? p->entry : p->size];
  l.f->cell_count = l.f->pool_first + l.f->pool_count;
  *out = l.f;
  l.f = NULL;
  rc = 0;
done:
  free(l.slots);
  free(l.work);
  free(l.reached);
  fir_free(l.f);
  return rc;
}

int fir_lower(const struct fisa_program *p, struct fir_program **out,
              struct fisa_error *err) {
  return fir_lower_from(p, p->entry, out, err);
}

void fir_free(struct fir_program *p) {
  if (!p)
    return;
  free(p->cost);
  free(p->pool);
  free(p->at);
  free(p->ins);
  free(p);
}
