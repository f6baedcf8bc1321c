/*
 * tests/gen_table.c - what the rows of a table are good for, by what their
 * columns and templates say.
 */
#include <assert.h>
#include <string.h>

#include "tests/gen.h"

static void add(struct gen_rows *rows, int opcode) {
  rows->opcode[rows->count++] = (uint8_t)opcode;
}

static bool is_one_step(const struct fisa_row *row, unsigned op) {
  return row->flow == FISA_FLOW_NEXT && row->step_count == 1 &&
         row->guard_count <= 1 && row->steps[0].op == op;
}

static bool is_imm(const struct fisa_row *row, const struct fisa_ref *ref) {
  return ref->kind == FISA_REF_IMM && ref->operand < row->operand_count;
}

static bool has_effect(const struct fisa_row *row, enum fisa_effect effect) {
  for (unsigned i = 0; i < row->step_count; i++)
    if (fisa_semop_effect(row->steps[i].op) == effect)
      return true;
  return false;
}

static bool takes_one_off(const struct fisa_step *s) {
  return s->op == FLUX_OP_SUB && s->b.kind == FISA_REF_CONST &&
         s->b.value == 1;
}

/* ---- registers ---------------------------------------------------------- */

/* The rows that help others along. */
static void note_helper(struct gen_table *t, const struct fisa_row *row,
                        int opcode) {
  const struct fisa_step *s = &row->steps[0];

  if (is_one_step(row, FLUX_OP_MOV) && s->d.kind == FISA_REF_REG &&
      is_imm(row, &s->a) &&
      row->operands[s->a.operand].kind == FISA_OPERAND_IMM16S && t->load < 0) {
    t->load = opcode;
    t->file = s->d.file;
  }
  if (row->flow == FISA_FLOW_NEXT && row->operand_count == 1 &&
      takes_one_off(s) && s->d.kind == FISA_REF_REG &&
      s->a.kind == FISA_REF_REG)
    t->less = opcode;
  if (is_one_step(row, FLUX_OP_PUSH) && s->a.kind == FISA_REF_REG)
    t->push = opcode;
  if (is_one_step(row, FLUX_OP_ITOF))
    t->to_float = opcode;
}

/* Registers from `common` on are left to counters, targets and links. */
static void share_out(struct gen_table *t) {
  const struct fisa_file *file = &t->d->files[t->file];
  int32_t last = (int32_t)fisa_registers(file) - 1;

  t->zero = file->zero;
  t->links = last < 28 ? last : 28;
  t->target = t->links > 4 ? t->links - 4 : 0;
  t->counter = t->target > 4 ? t->target - 4 : 0;
  t->common = t->counter < 1 ? last + 1 : t->counter < 12 ? t->counter : 12;
}

/* ---- the stack ---------------------------------------------------------- */

static const struct fisa_ref *ref_of(const struct fisa_step *s, unsigned i) {
  const struct fisa_ref *refs[] = {&s->d, &s->a, &s->b, &s->c};

  return refs[i];
}

/* What a row sees of the stack, and what it pops and pushes. */
static void note_stack(struct gen_table *t, const struct fisa_row *row,
                       int opcode) {
  int level = 0, low = 0, need = 0, down;

  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *guard = &row->guards[i];
    int few = guard->lethal == FLUX_LETHAL_STACK_FEW     ? guard->a.value
              : guard->lethal == FLUX_LETHAL_STACK_EMPTY ? 1
                                                         : 0;
    need = few > need ? few : need;
  }
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    for (unsigned k = 0; k < 4; k++)
      if (ref_of(s, k)->kind == FISA_REF_STACK) {
        t->on_stack = true;
        if (ref_of(s, k)->value + 1 - level > need)
          need = ref_of(s, k)->value + 1 - level;
      }
    down = s->op == FLUX_OP_POP || s->op == FLUX_OP_POPZ    ? 1
           : s->op == FLUX_OP_DROP || s->op == FLUX_OP_FOLD ? s->imm.value
                                                            : 0;
    level -= down;
    low = level < low ? level : low;
    level += s->op == FLUX_OP_PUSH || s->op == FLUX_OP_FOLD;
  }
  t->need[opcode] = (uint8_t)(need > -low ? need : -low);
  t->takes[opcode] = (uint8_t)-low;
  t->gives[opcode] = (uint8_t)(level - low);
}

/* Nothing but moves of the top of the stack. */
static bool copies_the_top(const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if (s->op != FLUX_OP_MOV && s->op != FLUX_OP_FOLD &&
        s->op != FLUX_OP_PUSH)
      return false;
    if (s->a.kind != FISA_REF_TEMP &&
        (s->a.kind != FISA_REF_STACK || s->a.value != 0))
      return false;
  }
  return true;
}

static bool is_stack(const struct fisa_ref *ref, int32_t n) {
  return ref->kind == FISA_REF_STACK && ref->value == n;
}

/* The same for machines that calculate on their stack. */
static void note_stack_helper(struct gen_table *t, const struct fisa_row *row,
                              int opcode) {
  const struct fisa_step *s = &row->steps[0];
  unsigned need = t->need[opcode];
  int net = t->gives[opcode] - t->takes[opcode];

  if (is_one_step(row, FLUX_OP_PUSH) && is_imm(row, &s->a))
    t->number = opcode;
  if (is_one_step(row, FLUX_OP_DROP) && s->imm.value == 1)
    t->pop = opcode;
  if (row->operand_count == 0 && need == 1 && net == 1 && copies_the_top(row))
    t->dup = opcode;
  if (row->operand_count == 0 && need == 1 && net == 0 && takes_one_off(s) &&
      is_stack(&s->a, 0))
    t->dec = opcode;
  if (row->operand_count == 0 && need == 2 && net == -1 &&
      s->op == FLUX_OP_SUB && is_stack(&s->a, 1) && is_stack(&s->b, 0))
    t->sub = opcode;
  if (row->operand_count == 1 && need == 0 && net == 1 &&
      has_effect(row, FISA_EFFECT_LOAD))
    t->fetch = opcode;
  if (row->operand_count == 1 && need == 1 && net == -1 &&
      has_effect(row, FISA_EFFECT_STORE))
    t->keep = opcode;
}

/* ---- branches and memory ------------------------------------------------ */

enum gen_looks gen_looks_at(const struct fisa_row *row) {
  assert(row->step_count > 0);
  if (row->steps[row->step_count - 1].a.kind == FISA_REF_REG)
    return GEN_LOOKS_AT_REGISTER;
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].a.kind == FISA_REF_STACK)
      return GEN_LOOKS_AT_STACK;
  return GEN_LOOKS_AT_FLAGS;
}

/* A bit for each flag that a row reads, or writes. */
static uint32_t flags_of(const struct gen_table *t, const struct fisa_row *row,
                         bool written) {
  uint32_t flags = 0;

  for (unsigned i = 0; i < row->step_count; i++)
    for (unsigned k = written ? 0 : 1; k < (written ? 1u : 4u); k++) {
      const struct fisa_ref *ref = ref_of(&row->steps[i], k);
      if (ref->kind == FISA_REF_CELL &&
          t->d->files[ref->file].kind == FISA_FILE_FLAG)
        flags |= UINT32_C(1) << ref->file;
    }
  return flags;
}

static void note_tests(struct gen_table *t) {
  uint32_t looked_at = 0;

  for (unsigned i = 0; i < t->cond.count; i++)
    looked_at |= flags_of(t, &t->d->rows[t->cond.opcode[i]], false);
  for (unsigned i = 0; i < t->plain.count; i++)
    if (flags_of(t, &t->d->rows[t->plain.opcode[i]], true) & looked_at)
      add(&t->test, t->plain.opcode[i]);
}

/* Registers of integers that rows calculate with as floats. */
static void note_floats(struct gen_table *t, const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if ((s->op == FLUX_OP_FADD || s->op == FLUX_OP_FMUL) &&
        s->a.kind == FISA_REF_REG &&
        t->d->files[s->a.file].type == FISA_I32)
      t->floats |= UINT32_C(1) << s->a.file;
  }
}

/* What loads and stores reach a region through: a cell, or registers. */
static void note_pointer(struct gen_table *t, const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if ((s->op == FLUX_OP_BLOAD8 || s->op == FLUX_OP_BLOAD32) &&
        s->a.kind == FISA_REF_REG)
      t->limit = s->imm.value;
    if ((s->op == FLUX_OP_BLOAD32 || s->op == FLUX_OP_BSTORE32) &&
        s->a.kind == FISA_REF_CELL && s->b.kind == FISA_REF_CONST) {
      t->pointer = s->a.file;
      t->region = (uint32_t)s->b.value;
      t->region_size = (uint32_t)s->imm.value;
    }
  }
}

bool gen_pushes_link(const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].op == FLUX_OP_CALL)
      return true;
  return false;
}

/* ---- all of them -------------------------------------------------------- */

static bool always_faults(const struct fisa_row *row) {
  for (unsigned i = 0; i < row->guard_count; i++)
    if (row->guards[i].lethal == FLUX_LETHAL_ALWAYS)
      return true;
  return false;
}

static void note_plain(struct gen_table *t, const struct fisa_row *row,
                       int opcode) {
  if (always_faults(row)) {
    add(&t->stop, opcode);
    return;
  }
  add(&t->plain, opcode);
  note_helper(t, row, opcode);
  note_stack_helper(t, row, opcode);
  note_pointer(t, row);
  note_floats(t, row);
  if (t->push < 0 && t->gives[opcode] == 1 && t->need[opcode] == 0)
    t->push = opcode;
}

static void note_row(struct gen_table *t, const struct fisa_row *row,
                     int opcode) {
  add(&t->any, opcode);
  note_stack(t, row, opcode);
  switch (row->flow) {
  case FISA_FLOW_NEXT:
    note_plain(t, row, opcode);
    break;
  case FISA_FLOW_HALT:
  case FISA_FLOW_TRAP:
    add(&t->stop, opcode);
    break;
  case FISA_FLOW_JUMP_REL:
  case FISA_FLOW_JUMP_ABS:
    add(&t->jump, opcode);
    break;
  case FISA_FLOW_COND_REL:
  case FISA_FLOW_COND_ABS:
    add(&t->cond, opcode);
    break;
  case FISA_FLOW_COND_REL_REG:
    add(&t->cond_reg, opcode);
    break;
  case FISA_FLOW_CALL_REL:
  case FISA_FLOW_CALL_ABS:
    add(gen_pushes_link(row) ? &t->call : &t->link, opcode);
    break;
  case FISA_FLOW_INDIRECT:
    add(gen_pushes_link(row) ? &t->call : &t->jump_reg, opcode);
    break;
  case FISA_FLOW_RET:
    add(&t->ret, opcode);
    break;
  default:
    break;
  }
}

void gen_table_init(struct gen_table *t, const struct fisa_dialect *d) {
  memset(t, 0, sizeof(*t));
  t->d = d;
  t->load = t->less = t->push = t->to_float = -1;
  t->number = t->pop = t->dup = t->dec = t->sub = t->fetch = t->keep = -1;
  t->pointer = d->file_count;
  for (int i = 0; i < 256; i++)
    if (d->rows[i].defined && !d->rows[i].opaque)
      note_row(t, &d->rows[i], i);
  share_out(t);
  note_tests(t);
}
