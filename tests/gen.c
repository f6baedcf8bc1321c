/*
 * tests/gen.c - random programs from a table.
 *
 * A program is a list of items (a row, a branch over items, a loop round
 * items, a call), an end, and the functions that were called. Some registers
 * are left to counters, targets and links, most of the time. On machines that
 * calculate on their stack, what a row takes is mostly pushed before it, and
 * what was pushed within a branch or a loop is gone behind it.
 * A row that may end the run is mostly tamed: what its guards look at is
 * given values, so that programs live long enough to matter.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gen.h"

enum {
  MAX_SIZE = 4096,
  MAX_ITEMS = 40,
  MAX_CALLS = 8,
  MAX_NEED = 8,   /* cells of the stack that a row looks at */
  MAX_PAYLOAD = 20
};

/* A call whose function is still to come. */
struct gen_called {
  struct fisa_insn call;
  struct fisa_insn load; /* of its address, where a register holds that */
  bool loaded;
};

/* A program in the making. */
struct gen {
  const struct gen_table *t;
  uint64_t r;
  uint8_t code[MAX_SIZE];
  uint32_t size;
  unsigned items, calls;
  int depth;               /* cells that it has on the stack, at least */
  uint32_t wanted;         /* bit n: cell n of it is to be want[n] */
  int32_t want[MAX_NEED];
  struct gen_called call[MAX_CALLS];
};

static unsigned chance(struct gen *g, uint32_t in) {
  return gen_below(&g->r, in) == 0;
}

static const struct fisa_row *row_of(const struct gen *g, int opcode) {
  assert(opcode >= 0);
  return &g->t->d->rows[opcode];
}

static const struct fisa_row *pick(struct gen *g,
                                   const struct gen_rows *rows) {
  return row_of(g, rows->opcode[gen_below(&g->r, rows->count)]);
}

/* ---- operands ----------------------------------------------------------- */

static bool guarded_by(const struct fisa_row *row, unsigned lethal) {
  for (unsigned i = 0; i < row->guard_count; i++)
    if (row->guards[i].lethal == lethal)
      return true;
  return false;
}

static bool runs_over_memory(const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].op >= FLUX_OP_MSET && row->steps[i].op <= FLUX_OP_MCRC)
      return true;
  return false;
}

/* The file that a register byte reaches: one that checks, if there is one. */
static const struct fisa_file *file_of(const struct gen_table *t,
                                       const struct fisa_operand *op) {
  const struct fisa_dialect *d = t->d;
  const struct fisa_file *file = NULL;

  for (uint32_t f = 0; f < d->file_count; f++)
    if (op->files >> f & 1 && (!file || d->files[f].checked))
      file = &d->files[f];
  return file ? file : &d->files[t->file];
}

/* Mostly one of the common registers; sometimes a byte past the last, rarely
 * where that is lethal. */
static int32_t register_byte(struct gen *g, const struct fisa_row *row,
                             const struct fisa_operand *op) {
  const struct fisa_file *file = file_of(g->t, op);
  uint32_t count = fisa_registers(file);
  uint64_t *r = &g->r;

  if (file->checked) {
    if (chance(g, 500))
      return (int32_t)(count + gen_below(r, 256 - count));
  } else if (chance(g, 12) &&
             !guarded_by(row, FLUX_LETHAL_REGISTER_RANGE)) {
    return (int32_t)(gen_below(r, 2) ? gen_below(r, 256 / count) * count
                                     : gen_below(r, 256));
  }
  return (int32_t)gen_below(r, chance(g, 20) ? count
                                             : (uint32_t)g->t->common);
}

static int32_t operand_value(struct gen *g, const struct fisa_row *row,
                             const struct fisa_operand *op) {
  uint64_t *r = &g->r;

  switch (op->kind) {
  case FISA_OPERAND_REG:
    return register_byte(g, row, op);
  case FISA_OPERAND_IMM8U:
    if (guarded_by(row, FLUX_LETHAL_SHIFT_RANGE) && !chance(g, 16))
      return (int32_t)gen_below(r, 32);
    return (int32_t)gen_below(r, chance(g, 2) ? 8 : 256);
  case FISA_OPERAND_IMM8S:
    return (int32_t)gen_below(r, 256) - 128;
  case FISA_OPERAND_IMM16S:
    if (runs_over_memory(row) && !chance(g, 200))
      return (int32_t)gen_below(r, 80) - 8;
    return chance(g, 2) ? (int32_t)gen_below(r, 400) - 100
                        : (int32_t)gen_below(r, 65536) - 32768;
  case FISA_OPERAND_IMM32S:
    return gen_telling(r);
  case FISA_OPERAND_ADDR16U:
    if (g->t->on_stack && chance(g, 60)) /* around the end of memory */
      return (int32_t)gen_below(r, 8) + 65528;
    return (int32_t)gen_below(r, chance(g, 4) ? 65536 : 700);
  default:
    return chance(g, 8) ? (int32_t)gen_below(r, 256) : 0;
  }
}

static struct fisa_insn make(struct gen *g, const struct fisa_row *row) {
  struct fisa_insn in = {.row = row, .length = row->length,
                         .target = FISA_NO_TARGET};

  for (unsigned i = 0; i < row->operand_count; i++)
    in.value[i] = operand_value(g, row, &row->operands[i]);
  return in;
}

/* Gives a row's immediate operands a value, or the low bits of it. */
static void set_immediate(struct fisa_insn *in, int32_t v) {
  for (unsigned i = 0; i < in->row->operand_count; i++)
    switch (in->row->operands[i].kind) {
    case FISA_OPERAND_IMM8U:
      in->value[i] = (uint8_t)v;
      break;
    case FISA_OPERAND_IMM8S:
      in->value[i] = (int8_t)v;
      break;
    case FISA_OPERAND_IMM16S:
      in->value[i] = (int16_t)v;
      break;
    case FISA_OPERAND_ADDR16U:
      in->value[i] = (uint16_t)v;
      break;
    case FISA_OPERAND_IMM32S:
      in->value[i] = v;
      break;
    default:
      break;
    }
}

/* ---- writing ------------------------------------------------------------ */

/* Writes an instruction at in->pc. */
static void write_insn(struct gen *g, const struct fisa_insn *in) {
  uint8_t bytes[8];
  int n = fisa_encode(in, bytes);

  assert(n > 0 && in->pc + (uint32_t)n <= MAX_SIZE);
  memcpy(g->code + in->pc, bytes, (size_t)n);
}

/* A row that says how long it is: opcode, length, any bytes. */
static void write_payload(struct gen *g, const struct fisa_insn *in) {
  uint32_t fixed = in->row->length, n = in->length - fixed;
  uint8_t *at = g->code + in->pc;

  assert(fixed == 3);
  at[0] = in->row->opcode;
  at[1] = (uint8_t)n;
  at[2] = 0;
  for (uint32_t i = 0; i < n; i++)
    at[fixed + i] = (uint8_t)gen_below(&g->r, chance(g, 2) ? 256 : 8);
}

/* Room for an instruction, whose effect on the stack counts from here. */
static void reserve(struct gen *g, struct fisa_insn *in) {
  uint8_t opcode = in->row->opcode;

  in->pc = g->size;
  g->size += in->length;
  assert(g->size <= MAX_SIZE);
  g->depth -= g->t->takes[opcode];
  g->depth = (g->depth < 0 ? 0 : g->depth) + g->t->gives[opcode];
}

static void emit(struct gen *g, struct fisa_insn *in) {
  if (in->row->payload)
    in->length += gen_below(&g->r, MAX_PAYLOAD + 1);
  reserve(g, in);
  if (in->row->payload)
    write_payload(g, in);
  else
    write_insn(g, in);
}

static void emit_row(struct gen *g, int opcode) {
  struct fisa_insn in = make(g, row_of(g, opcode));

  emit(g, &in);
}

/* A row whose immediate is v. */
static void emit_with(struct gen *g, int opcode, int32_t v) {
  struct fisa_insn in = make(g, row_of(g, opcode));

  set_immediate(&in, v);
  emit(g, &in);
}

/* Loads v into a register; *where is the instruction, to be patched. */
static void emit_load(struct gen *g, int32_t reg, int32_t v,
                      struct fisa_insn *where) {
  const struct fisa_row *row = row_of(g, g->t->load);
  struct fisa_insn in = make(g, row);

  in.value[row->steps[0].d.operand] = reg;
  set_immediate(&in, v);
  emit(g, &in);
  if (where)
    *where = in;
}

static void patch_load(struct gen *g, struct fisa_insn *in, int64_t v) {
  set_immediate(in, (int32_t)v);
  write_insn(g, in);
}

/* ---- taming ------------------------------------------------------------- */

/* Puts a value between lo and hi where a reference of an instruction to come
 * will find it: into the register, or onto the stack a little later. */
static void tame(struct gen *g, const struct fisa_insn *in,
                 const struct fisa_ref *ref, int32_t lo, int32_t hi) {
  int32_t v = lo + (int32_t)gen_below(&g->r, (uint32_t)(hi - lo) + 1);
  const struct fisa_row *row;
  struct fisa_insn make_float;

  if (ref->kind == FISA_REF_STACK && ref->value < MAX_NEED) {
    g->wanted |= UINT32_C(1) << ref->value;
    g->want[ref->value] = v;
  }
  if (ref->kind != FISA_REF_REG || g->t->load < 0 ||
      (g->t->zero && in->value[ref->operand] == 0))
    return;
  if (ref->file == g->t->file) {
    emit_load(g, in->value[ref->operand], v, NULL);
    return;
  }
  if (g->t->to_float < 0)
    return;
  row = row_of(g, g->t->to_float);
  make_float = make(g, row);
  make_float.value[row->steps[0].d.operand] = in->value[ref->operand];
  make_float.value[row->steps[0].a.operand] = g->t->target;
  emit_load(g, g->t->target, v, NULL);
  emit(g, &make_float);
}

/* The same for both operands of a guard. */
static void tame_both(struct gen *g, const struct fisa_insn *in,
                      const struct fisa_guard *guard, int32_t lo, int32_t hi) {
  tame(g, in, &guard->a, lo, hi);
  tame(g, in, &guard->b, lo, hi);
}

static void tame_guard(struct gen *g, struct fisa_insn *in,
                       const struct fisa_guard *guard) {
  switch (guard->lethal) {
  case FLUX_LETHAL_POW_RANGE:
    tame(g, in, &guard->a, -9, 9);
    tame(g, in, &guard->b, -1, 9);
    break;
  case FLUX_LETHAL_DIV_OVERFLOW:
    tame(g, in, &guard->b, -7, 40);
    break;
  case FLUX_LETHAL_FTOI_RANGE:
    tame(g, in, &guard->a, -1000, 1000);
    break;
  case FLUX_LETHAL_CAST_RANGE:
    tame(g, in, &guard->a, -1000, 1000);
    if (guard->b.kind == FISA_REF_IMM && !chance(g, 3))
      in->value[guard->b.operand] = 0;
    break;
  case FLUX_LETHAL_SHIFT_RANGE:
    tame(g, in, &guard->a, 0, 31);
    break;
  case FLUX_LETHAL_ADD_OVERFLOW:
  case FLUX_LETHAL_SUB_OVERFLOW:
  case FLUX_LETHAL_MUL_OVERFLOW:
    tame_both(g, in, guard, -1000, 1000);
    break;
  case FLUX_LETHAL_SHL_OVERFLOW:
    tame(g, in, &guard->a, -1000, 1000);
    tame(g, in, &guard->b, 0, 20);
    break;
  case FLUX_LETHAL_STACK_EMPTY:
    if (g->t->push >= 0 && !g->t->on_stack)
      emit_row(g, g->t->push);
    break;
  case FLUX_LETHAL_STACK_FULL:
  case FLUX_LETHAL_STACK_FEW:
  case FLUX_LETHAL_CALLS_FULL:
  case FLUX_LETHAL_CALLS_EMPTY:
  case FLUX_LETHAL_REGISTER_RANGE:
  case FLUX_LETHAL_ALWAYS:
    break;
  default:
    tame(g, in, &guard->a, 1, 2000);
    break;
  }
}

/* An address that comes from the stack. */
static void tame_address(struct gen *g, const struct fisa_insn *in,
                         const struct fisa_step *s) {
  enum fisa_effect effect = fisa_semop_effect(s->op);

  if ((effect == FISA_EFFECT_LOAD || effect == FISA_EFFECT_STORE) &&
      s->a.kind == FISA_REF_STACK)
    tame(g, in, &s->a, 0, 2000);
}

/* What a row takes from the stack. Now and then it takes what is there, if
 * anything. */
static void push_operands(struct gen *g, const struct fisa_row *row) {
  unsigned need = g->t->need[row->opcode];
  bool enough = g->depth >= (int)need && g->wanted == 0;

  if (need == 0 || g->t->number < 0 || chance(g, enough ? 2 : 16))
    return;
  assert(need <= MAX_NEED);
  while (need-- > 0)
    emit_with(g, g->t->number, g->wanted >> need & 1 ? g->want[need]
                                                     : gen_telling(&g->r));
}

/* Before an instruction: what keeps it from ending or delaying the run. */
static void prepare(struct gen *g, struct fisa_insn *in) {
  const struct fisa_row *row = in->row;

  g->wanted = 0;
  if (!chance(g, 12))
    for (unsigned i = 0; i < row->guard_count; i++)
      tame_guard(g, in, &row->guards[i]);
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if (s->op == FLUX_OP_DIV && !chance(g, 12))
      tame(g, in, &s->b, -7, 40);
    if (s->op == FLUX_OP_DRAW_W) /* as many weights as its register says */
      tame(g, in, &s->b, -1, 40);
    if (g->t->on_stack && !chance(g, 12))
      tame_address(g, in, s);
  }
  if (g->t->on_stack)
    push_operands(g, row);
}

/* As many cells as there were before. */
static void settle(struct gen *g, int depth) {
  while (g->depth > depth && g->t->pop >= 0)
    emit_row(g, g->t->pop);
  while (g->depth < depth && g->t->number >= 0)
    emit_with(g, g->t->number, gen_telling(&g->r));
}

/* ---- items -------------------------------------------------------------- */

static void gen_items(struct gen *g, unsigned n, unsigned depth);

static void gen_plain(struct gen *g, const struct gen_rows *rows) {
  struct fisa_insn in = make(g, pick(g, rows));

  prepare(g, &in);
  emit(g, &in);
}

/* What a branch looks at, if that is no register: flags or the stack. */
static void gen_condition(struct gen *g, const struct fisa_row *row) {
  enum gen_looks looks = gen_looks_at(row);

  if (looks == GEN_LOOKS_AT_FLAGS && g->t->test.count > 0 && !chance(g, 4))
    gen_plain(g, &g->t->test);
  if (looks == GEN_LOOKS_AT_STACK && g->t->number >= 0 && !chance(g, 4))
    emit_with(g, g->t->number, chance(g, 2) ? 0 : gen_telling(&g->r));
}

/* A jump through a register, which is loaded with *load. */
static struct fisa_insn make_through(struct gen *g, const struct fisa_row *row,
                                     int32_t reg, struct fisa_insn *load) {
  struct fisa_insn in = make(g, row);

  in.value[row->target_reg] = reg;
  if (row->target < row->operand_count) /* and nothing is added to it */
    in.value[row->target] = 0;
  emit_load(g, reg, 0, load);
  return in;
}

/* Whether a row goes to an address in a register, and not to an offset. */
static bool is_absolute(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_INDIRECT || row->flow == FISA_FLOW_CALL_ABS;
}

static void patch_through(struct gen *g, const struct fisa_insn *in,
                          struct fisa_insn *load) {
  int64_t base = in->pc + (in->row->base_end ? in->length : 0);

  patch_load(g, load, (int64_t)g->size - (is_absolute(in->row) ? 0 : base));
}

static void gen_branch(struct gen *g, unsigned depth) {
  const struct gen_table *t = g->t;
  unsigned through = t->cond_reg.count + t->jump_reg.count;
  unsigned which = gen_below(&g->r, t->cond.count + through + t->jump.count);
  struct fisa_insn in, load = {0};
  bool reg = false;
  int before;

  if (which < t->cond.count) {
    in = make(g, row_of(g, t->cond.opcode[which]));
    gen_condition(g, in.row);
  } else if (which < t->cond.count + through) {
    if (t->load < 0)
      return;
    which -= t->cond.count;
    reg = true;
    in = make_through(g, row_of(g, which < t->cond_reg.count
                                       ? t->cond_reg.opcode[which]
                                       : t->jump_reg.opcode[which -
                                                            t->cond_reg.count]),
                      t->target + (int32_t)depth, &load);
  } else {
    in = make(g, pick(g, &t->jump));
  }
  in.target = reg ? FISA_NO_TARGET : 0;
  reserve(g, &in);
  before = g->depth;
  gen_items(g, 1 + gen_below(&g->r, 3), depth + 1);
  settle(g, before);
  if (reg)
    patch_through(g, &in, &load);
  else
    in.target = g->size;
  write_insn(g, &in);
}

/* ---- loops -------------------------------------------------------------- */

static int32_t turns(struct gen *g) {
  return (int32_t)gen_below(&g->r, 7);
}

static bool is_test(const struct gen_table *t, int opcode) {
  for (unsigned i = 0; i < t->test.count; i++)
    if (t->test.opcode[i] == opcode)
      return true;
  return false;
}

/* The counter is a register; in is the branch. */
static void gen_loop(struct gen *g, struct fisa_insn *in, unsigned depth) {
  const struct gen_table *t = g->t;
  const struct fisa_step *last = &in->row->steps[in->row->step_count - 1];
  int32_t counter = t->counter + (int32_t)depth;
  uint32_t head;

  emit_load(g, counter, turns(g), NULL);
  head = g->size;
  gen_items(g, 1 + gen_below(&g->r, 3), depth + 1);
  if (last->op != FLUX_OP_BR_DEC_GTZ && last->op != FLUX_OP_BR_GTZ_DEC) {
    struct fisa_insn less = make(g, row_of(g, t->less));
    less.value[0] = counter;
    emit(g, &less);
  }
  if (gen_looks_at(in->row) == GEN_LOOKS_AT_REGISTER)
    in->value[last->a.operand] = counter;
  in->target = head;
  emit(g, in);
}

/* Takes one off the top of the stack. */
static void gen_less(struct gen *g) {
  if (g->t->dec >= 0) {
    emit_row(g, g->t->dec);
  } else {
    emit_with(g, g->t->number, 1);
    emit_row(g, g->t->sub);
  }
}

/* The counter is on the stack, below what the body leaves there. */
static void gen_loop_on_stack(struct gen *g, struct fisa_insn *in,
                              unsigned depth) {
  uint32_t head;
  int before;

  emit_with(g, g->t->number, turns(g));
  head = g->size;
  before = g->depth;
  gen_items(g, 1 + gen_below(&g->r, 3), depth + 1);
  settle(g, before);
  gen_less(g);
  if (gen_looks_at(in->row) == GEN_LOOKS_AT_STACK)
    emit_row(g, g->t->dup);
  in->target = head;
  emit(g, in);
  settle(g, before - 1);
}

/* The counter is in memory, where hardly anything else goes. */
static void gen_loop_in_memory(struct gen *g, struct fisa_insn *in,
                               unsigned depth) {
  const struct gen_table *t = g->t;
  const struct fisa_row *keep = row_of(g, t->keep);
  int32_t at = keep->operands[0].hi / 4 * 3 - 4 * (int32_t)depth;
  uint32_t head;
  int before = g->depth;

  emit_with(g, t->number, turns(g));
  emit_with(g, t->keep, at);
  head = g->size;
  gen_items(g, 1 + gen_below(&g->r, 3), depth + 1);
  settle(g, before);
  emit_with(g, t->fetch, at);
  gen_less(g);
  emit_with(g, t->keep, at);
  if (gen_looks_at(in->row) == GEN_LOOKS_AT_STACK)
    emit_with(g, t->fetch, at);
  in->target = head;
  emit(g, in);
}

static void gen_some_loop(struct gen *g, unsigned depth) {
  const struct gen_table *t = g->t;
  struct fisa_insn in = make(g, pick(g, &t->cond));
  enum gen_looks looks = gen_looks_at(in.row);

  if (t->on_stack && t->number >= 0 && (t->dec >= 0 || t->sub >= 0)) {
    if (t->pop >= 0 && (looks == GEN_LOOKS_AT_FLAGS || t->dup >= 0) &&
        chance(g, 2))
      gen_loop_on_stack(g, &in, depth);
    else if (t->fetch >= 0 && t->keep >= 0)
      gen_loop_in_memory(g, &in, depth);
  } else if (t->load >= 0 && t->less >= 0 &&
             (looks == GEN_LOOKS_AT_REGISTER || is_test(t, t->less))) {
    gen_loop(g, &in, depth);
  }
}

/* ---- calls -------------------------------------------------------------- */

static void gen_call(struct gen *g) {
  const struct gen_table *t = g->t;
  bool link = t->link.count > 0 && t->call.count > 0 && chance(g, 3);
  const struct fisa_row *row;
  struct gen_called *to;

  if (g->calls == MAX_CALLS || t->ret.count == 0 || t->call.count == 0)
    return;
  to = &g->call[g->calls];
  row = pick(g, link ? &t->link : &t->call);
  if (row->target_reg < row->operand_count && !t->zero && t->load >= 0) {
    to->call = make_through(g, row, t->target, &to->load);
    to->loaded = true;
  } else {
    to->call = make(g, row);
    if (row->target_reg < row->operand_count)
      to->call.value[row->target_reg] = 0;
    else if (link && row->operands[0].kind == FISA_OPERAND_REG)
      to->call.value[0] = t->links;
    to->call.target = 0;
  }
  emit(g, &to->call);
  for (unsigned i = 0; i < row->filler; i++)
    g->code[g->size++] = (uint8_t)gen_below(&g->r, 256);
  g->calls++;
}

static void gen_item(struct gen *g, unsigned depth) {
  uint32_t what = gen_below(&g->r, 100);

  if (g->size > MAX_SIZE - 512 || ++g->items > MAX_ITEMS || depth > 3 ||
      what < 76) {
    if (g->size <= MAX_SIZE - 512)
      gen_plain(g, &g->t->plain);
  } else if (what < 88) {
    gen_branch(g, depth);
  } else if (what < 96) {
    gen_some_loop(g, depth);
  } else {
    gen_call(g);
  }
}

static void gen_items(struct gen *g, unsigned n, unsigned depth) {
  for (; n > 0; n--)
    gen_item(g, depth);
}

/* ---- programs ----------------------------------------------------------- */

static void gen_stop(struct gen *g) {
  struct fisa_insn in = make(g, pick(g, &g->t->stop));

  if (g->t->on_stack)
    prepare(g, &in);
  emit(g, &in);
}

/* The body of a function, behind its call. */
static void gen_function(struct gen *g, struct gen_called *called) {
  const struct gen_table *t = g->t;
  const struct fisa_row *last = pick(g, &t->ret);
  struct fisa_insn in;

  if (called->loaded) {
    patch_through(g, &called->call, &called->load);
  } else {
    called->call.target = g->size;
    write_insn(g, &called->call);
  }
  g->depth = 0;
  gen_items(g, 1 + gen_below(&g->r, 3), 3);
  if (t->on_stack && !chance(g, 8))
    settle(g, 0);
  if (!gen_pushes_link(called->call.row)) /* back as far as the link goes */
    last = pick(g, &t->call);
  in = make(g, last);
  if (last->flow != FISA_FLOW_RET && last->target_reg < last->operand_count) {
    in.value[last->target_reg] = t->links;
    in.value[last->target] = 0;
  }
  if (last->flow != FISA_FLOW_RET && last->target_reg >= last->operand_count)
    in.target = 0;
  emit(g, &in);
}

struct fisa_program *gen_program(const struct gen_table *t, uint64_t seed,
                                 uint64_t number) {
  struct gen *g = calloc(1, sizeof(*g));
  struct fisa_program *p = NULL;

  if (!g)
    return NULL;
  g->t = t;
  g->r = gen_stream(seed, number, 1);
  gen_items(g, 12 + gen_below(&g->r, 24), 0);
  if (g->calls > 0 || gen_below(&g->r, 16) != 0)
    gen_stop(g);
  for (unsigned i = 0; i < g->calls; i++)
    gen_function(g, &g->call[i]);
  if (fisa_program_from_bytes(t->d, g->code, g->size, &p, NULL))
    p = NULL;
  free(g);
  return p;
}

/* Where a byte past the last register is lethal, most are not past it. */
static void mend_registers(const struct gen_table *t,
                           const struct fisa_row *row, uint64_t *r,
                           uint8_t *at, uint32_t left) {
  for (unsigned i = 0; i < row->operand_count; i++) {
    const struct fisa_operand *op = &row->operands[i];
    const struct fisa_file *file = file_of(t, op);
    if (op->kind == FISA_OPERAND_REG && file->checked && op->offset < left &&
        gen_below(r, 32))
      at[op->offset] &= (uint8_t)(fisa_registers(file) - 1);
  }
}

struct fisa_program *gen_noise(const struct gen_table *t, uint64_t seed,
                               uint64_t number) {
  uint64_t r = gen_stream(seed, number, 2);
  struct fisa_program *p = NULL;
  uint8_t code[96];
  uint32_t size = 1 + gen_below(&r, sizeof(code));
  uint32_t how = gen_below(&r, 3);

  for (uint32_t i = 0; i < size; i++)
    code[i] = (uint8_t)gen_random(&r);
  for (uint32_t i = 0; how > 0 && i < size;) {
    const struct fisa_row *row;
    code[i] = t->any.opcode[gen_below(&r, t->any.count)];
    row = &t->d->rows[code[i]];
    /* Targets that stay near: the high byte of a number is often 0. So are
     * both of a payload's length, which is short. */
    if (how == 2 && i + row->length <= size && row->length > 2)
      code[i + row->length - 1u] = 0;
    if (row->payload && i + 1 < size)
      code[i + 1] &= 15;
    mend_registers(t, row, &r, code + i, size - i);
    i += row->length;
  }
  if (fisa_program_from_bytes(t->d, code, size, &p, NULL))
    return NULL;
  return p;
}

void gen_boundary(const struct gen_table *t, struct fisa_program *p,
                  uint64_t number) {
  struct fisa_boundary *b = &p->manifest.boundary;

  if (number % 8 == 0) {
    b->kind = FISA_BOUNDARY_PC;
    b->pc = (uint32_t)(number / 8 % p->size);
  } else if (number % 8 == 1 && t->d->channel_count > 0) {
    b->kind = FISA_BOUNDARY_OUT;
    b->channel = (uint16_t)(number / 8 % t->d->channel_count);
  }
}
