/*
 * tests/gen.c - random programs from a table.
 *
 * A program is a list of items (a row, a branch over items, a loop round
 * items, a call), an end, and the functions that were called. Registers from
 * SCRATCH on are left to counters, targets and links, most of the time.
 * A row that may end the run is mostly tamed: constants are loaded into what
 * its guards look at, so that programs live long enough to matter.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gen.h"

enum {
  MAX_SIZE = 4096,
  MAX_ITEMS = 40,
  MAX_CALLS = 8,
  COMMON = 12,    /* registers that rows use mostly */
  COUNTER = 20,   /* counters of loops, by depth */
  TARGET = 24,    /* offsets and links */
  LINK = 28
};

uint64_t gen_random(uint64_t *state) {
  uint64_t v = *state += UINT64_C(0x9E3779B97F4A7C15);

  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return v ^ v >> 31;
}

uint32_t gen_below(uint64_t *state, uint32_t n) {
  assert(n > 0);
  return (uint32_t)((gen_random(state) >> 32) * n >> 32);
}

static uint64_t stream(uint64_t seed, uint64_t number, uint64_t which) {
  uint64_t s = seed ^ number * UINT64_C(0xA0761D6478BD642F) ^ which << 60;

  gen_random(&s);
  return s;
}

static int32_t telling(uint64_t *r) {
  static const int32_t edges[] = {0, 1, -1, 2, INT32_MIN, INT32_MAX, 100,
                                  -100, 255, 256, 32767, -32768, 65535};

  switch (gen_below(r, 6)) {
  case 0:
    return edges[gen_below(r, sizeof(edges) / sizeof(edges[0]))];
  case 1:
    return (int32_t)gen_random(r);
  case 2:
    return (int32_t)((uint32_t)gen_random(r) >> gen_below(r, 32));
  default:
    return (int32_t)gen_below(r, 140) - 20;
  }
}

int32_t gen_input(uint64_t seed, uint64_t number, uint32_t i) {
  uint64_t r = stream(seed, number, 3) + i;

  return telling(&r);
}

/* ---- the table ---------------------------------------------------------- */

static void add(struct gen_rows *rows, int opcode) {
  rows->opcode[rows->count++] = (uint8_t)opcode;
}

static bool is_one_step(const struct fisa_row *row, unsigned op) {
  return row->flow == FISA_FLOW_NEXT && row->step_count == 1 &&
         row->guard_count <= 1 && row->steps[0].op == op;
}

/* The rows that help others along. */
static void note_helper(struct gen_table *t, const struct fisa_row *row,
                        int opcode) {
  const struct fisa_step *s = &row->steps[0];

  if (is_one_step(row, FLUX_OP_MOV) && s->d.kind == FISA_REF_REG &&
      s->a.kind == FISA_REF_IMM && s->a.operand < row->operand_count &&
      row->operands[s->a.operand].kind == FISA_OPERAND_IMM16S && t->load < 0) {
    t->load = opcode;
    t->file = s->d.file;
  }
  if (row->flow == FISA_FLOW_NEXT && row->operand_count == 1 &&
      s->op == FLUX_OP_SUB && s->d.kind == FISA_REF_REG &&
      s->a.kind == FISA_REF_REG && s->b.kind == FISA_REF_CONST &&
      s->b.value == 1)
    t->less = opcode;
  if (is_one_step(row, FLUX_OP_PUSH) && s->a.kind == FISA_REF_REG)
    t->push = opcode;
  if (is_one_step(row, FLUX_OP_ITOF))
    t->to_float = opcode;
}

static bool pushes_link(const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].op == FLUX_OP_CALL)
      return true;
  return false;
}

static void note_row(struct gen_table *t, const struct fisa_row *row,
                     int opcode) {
  add(&t->any, opcode);
  switch (row->flow) {
  case FISA_FLOW_NEXT:
    add(&t->plain, opcode);
    note_helper(t, row, opcode);
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
    add(pushes_link(row) ? &t->call : &t->link, opcode);
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
  for (int i = 0; i < 256; i++)
    if (d->rows[i].defined && !d->rows[i].opaque && !d->rows[i].payload)
      note_row(t, &d->rows[i], i);
}

/* ---- operands ----------------------------------------------------------- */

/* A program in the making. */
struct gen {
  const struct gen_table *t;
  uint64_t r;
  uint8_t code[MAX_SIZE];
  uint32_t size;
  unsigned items, calls;
  struct fisa_insn call[MAX_CALLS]; /* whose functions are still to come */
};

static unsigned chance(struct gen *g, uint32_t in) {
  return gen_below(&g->r, in) == 0;
}

static const struct fisa_row *pick(struct gen *g,
                                   const struct gen_rows *rows) {
  return &g->t->d->rows[rows->opcode[gen_below(&g->r, rows->count)]];
}

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

static int32_t operand_value(struct gen *g, const struct fisa_row *row,
                             const struct fisa_operand *op) {
  uint64_t *r = &g->r;

  switch (op->kind) {
  case FISA_OPERAND_REG:
    if (chance(g, 12) && !guarded_by(row, FLUX_LETHAL_REGISTER_RANGE))
      return (int32_t)(gen_below(r, 2) ? gen_below(r, 4) * 64
                                       : gen_below(r, 256));
    return (int32_t)gen_below(r, chance(g, 20) ? 64 : COMMON);
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
  case FISA_OPERAND_ADDR16U:
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

/* Writes an instruction at in->pc. */
static void write_insn(struct gen *g, const struct fisa_insn *in) {
  uint8_t bytes[8];
  int n = fisa_encode(in, bytes);

  assert(n > 0 && in->pc + (uint32_t)n <= MAX_SIZE);
  memcpy(g->code + in->pc, bytes, (size_t)n);
}

static void emit(struct gen *g, struct fisa_insn *in) {
  in->pc = g->size;
  g->size += in->length;
  assert(g->size <= MAX_SIZE);
  write_insn(g, in);
}

/* Loads v into a register; *where is the instruction, to be patched. */
static void emit_load(struct gen *g, int32_t reg, int32_t v,
                      struct fisa_insn *where) {
  const struct fisa_row *row = &g->t->d->rows[g->t->load];
  struct fisa_insn in = make(g, row);

  for (unsigned i = 0; i < row->operand_count; i++)
    in.value[i] = row->operands[i].kind == FISA_OPERAND_REG ? reg : v;
  emit(g, &in);
  if (where)
    *where = in;
}

static void patch_load(struct gen *g, struct fisa_insn *in, int64_t v) {
  for (unsigned i = 0; i < in->row->operand_count; i++)
    if (in->row->operands[i].kind != FISA_OPERAND_REG)
      in->value[i] = (int32_t)v;
  write_insn(g, in);
}

/* ---- taming ------------------------------------------------------------- */

/* Puts a value between lo and hi into the register that a reference reaches
 * in an instruction to come. */
static void tame(struct gen *g, const struct fisa_insn *in,
                 const struct fisa_ref *ref, int32_t lo, int32_t hi) {
  int32_t v = lo + (int32_t)gen_below(&g->r, (uint32_t)(hi - lo) + 1);
  const struct fisa_row *row;
  struct fisa_insn make_float;

  if (ref->kind != FISA_REF_REG || g->t->load < 0 ||
      in->value[ref->operand] == 0)
    return;
  if (ref->file == g->t->file) {
    emit_load(g, in->value[ref->operand], v, NULL);
    return;
  }
  if (g->t->to_float < 0)
    return;
  row = &g->t->d->rows[g->t->to_float];
  make_float = make(g, row);
  make_float.value[row->steps[0].d.operand] = in->value[ref->operand];
  make_float.value[row->steps[0].a.operand] = TARGET;
  emit_load(g, TARGET, v, NULL);
  emit(g, &make_float);
}

static void emit_pushes(struct gen *g, int32_t n) {
  for (; g->t->push >= 0 && n > 0; n--) {
    struct fisa_insn push = make(g, &g->t->d->rows[g->t->push]);
    emit(g, &push);
  }
}

static void tame_guards(struct gen *g, const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;

  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *guard = &row->guards[i];
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
    case FLUX_LETHAL_STACK_EMPTY:
      emit_pushes(g, 1);
      break;
    case FLUX_LETHAL_STACK_FEW:
      emit_pushes(g, guard->a.value);
      break;
    case FLUX_LETHAL_STACK_FULL:
    case FLUX_LETHAL_REGISTER_RANGE:
      break;
    default:
      tame(g, in, &guard->a, 1, 2000);
      break;
    }
  }
}

/* Before an instruction: what keeps it from ending or delaying the run. */
static void prepare(struct gen *g, const struct fisa_insn *in) {
  if (!chance(g, 12))
    tame_guards(g, in);
  for (unsigned i = 0; i < in->row->step_count; i++) {
    const struct fisa_step *s = &in->row->steps[i];
    if (s->op == FLUX_OP_DIV && !chance(g, 12))
      tame(g, in, &s->b, -7, 40);
    if (s->op == FLUX_OP_DRAW_W) /* as many weights as its register says */
      tame(g, in, &s->b, -1, 40);
  }
}

/* ---- items -------------------------------------------------------------- */

static void gen_items(struct gen *g, unsigned n, unsigned depth);

static void gen_plain(struct gen *g) {
  struct fisa_insn in = make(g, pick(g, &g->t->plain));

  prepare(g, &in);
  emit(g, &in);
}

static void gen_branch(struct gen *g, unsigned depth) {
  const struct gen_table *t = g->t;
  unsigned which =
      gen_below(&g->r, t->cond.count + t->cond_reg.count + t->jump.count);
  struct fisa_insn in, load = {0};
  bool reg = false;

  if (which < t->cond.count) {
    in = make(g, &t->d->rows[t->cond.opcode[which]]);
  } else if (which < t->cond.count + t->cond_reg.count) {
    if (t->load < 0)
      return;
    in = make(g, &t->d->rows[t->cond_reg.opcode[which - t->cond.count]]);
    in.value[in.row->target_reg] = TARGET + (int32_t)depth;
    emit_load(g, TARGET + (int32_t)depth, 0, &load);
    reg = true;
  } else {
    in = make(g, pick(g, &t->jump));
  }
  in.target = reg ? FISA_NO_TARGET : 0;
  in.pc = g->size;
  g->size += in.length;
  gen_items(g, 1 + gen_below(&g->r, 3), depth + 1);
  if (reg)
    patch_load(g, &load,
               (int64_t)g->size - in.pc - (in.row->base_end ? in.length : 0));
  else
    in.target = g->size;
  write_insn(g, &in);
}

/* The register that a branch looks at, or -1. */
static int condition_operand(const struct fisa_row *row) {
  const struct fisa_step *s = &row->steps[row->step_count - 1];

  return s->a.kind == FISA_REF_REG ? s->a.operand : -1;
}

static void gen_loop(struct gen *g, unsigned depth) {
  const struct gen_table *t = g->t;
  struct fisa_insn in = make(g, pick(g, &t->cond));
  unsigned op = in.row->steps[in.row->step_count - 1].op;
  int operand = condition_operand(in.row);
  int32_t counter = COUNTER + (int32_t)depth;
  uint32_t head;

  if (t->load < 0 || t->less < 0 || operand < 0)
    return;
  emit_load(g, counter, (int32_t)gen_below(&g->r, 7), NULL);
  head = g->size;
  gen_items(g, 1 + gen_below(&g->r, 3), depth + 1);
  if (op != FLUX_OP_BR_DEC_GTZ && op != FLUX_OP_BR_GTZ_DEC) {
    struct fisa_insn less = make(g, &t->d->rows[t->less]);
    less.value[0] = counter;
    emit(g, &less);
  }
  in.value[operand] = counter;
  in.target = head;
  emit(g, &in);
}

static void gen_call(struct gen *g) {
  const struct gen_table *t = g->t;
  bool link = t->link.count > 0 && t->call.count > 0 && chance(g, 3);
  struct fisa_insn in;

  if (g->calls == MAX_CALLS || t->ret.count == 0 || t->call.count == 0)
    return;
  in = make(g, pick(g, link ? &t->link : &t->call));
  if (in.row->target_reg < in.row->operand_count)
    in.value[in.row->target_reg] = 0;
  else if (link && in.row->operands[0].kind == FISA_OPERAND_REG)
    in.value[0] = LINK;
  in.target = 0;
  emit(g, &in);
  for (unsigned i = 0; i < in.row->filler; i++)
    g->code[g->size++] = (uint8_t)gen_below(&g->r, 256);
  g->call[g->calls++] = in;
}

static void gen_item(struct gen *g, unsigned depth) {
  uint32_t what = gen_below(&g->r, 100);

  if (g->size > MAX_SIZE - 512 || ++g->items > MAX_ITEMS || depth > 3 ||
      what < 76) {
    if (g->size <= MAX_SIZE - 512)
      gen_plain(g);
  } else if (what < 88) {
    gen_branch(g, depth);
  } else if (what < 96) {
    gen_loop(g, depth);
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

  emit(g, &in);
}

/* The body of a function, behind its call. */
static void gen_function(struct gen *g, struct fisa_insn *call) {
  const struct gen_table *t = g->t;
  const struct fisa_row *last = pick(g, &t->ret);
  struct fisa_insn in;

  call->target = g->size;
  write_insn(g, call);
  gen_items(g, 1 + gen_below(&g->r, 3), 3);
  if (!pushes_link(call->row)) /* back through the link, as far as it goes */
    last = pick(g, &t->call);
  in = make(g, last);
  if (last->flow != FISA_FLOW_RET && last->target_reg < last->operand_count) {
    in.value[last->target_reg] = LINK;
    in.value[last->target] = 0;
  }
  if (last->flow != FISA_FLOW_RET && last->target_reg >= last->operand_count)
    in.target = 0;
  emit(g, &in);
}

static struct fisa_program *finish(const struct gen_table *t,
                                   const uint8_t *code, uint32_t size) {
  struct fisa_program *p = NULL;

  if (fisa_program_from_bytes(t->d, code, size, &p, NULL))
    return NULL;
  return p;
}

struct fisa_program *gen_program(const struct gen_table *t, uint64_t seed,
                                 uint64_t number) {
  struct gen *g = calloc(1, sizeof(*g));
  struct fisa_program *p;

  if (!g)
    return NULL;
  g->t = t;
  g->r = stream(seed, number, 1);
  gen_items(g, 12 + gen_below(&g->r, 24), 0);
  if (g->calls > 0 || gen_below(&g->r, 16) != 0)
    gen_stop(g);
  for (unsigned i = 0; i < g->calls; i++)
    gen_function(g, &g->call[i]);
  p = finish(t, g->code, g->size);
  free(g);
  return p;
}

struct fisa_program *gen_noise(const struct gen_table *t, uint64_t seed,
                               uint64_t number) {
  uint64_t r = stream(seed, number, 2);
  uint8_t code[96];
  uint32_t size = 1 + gen_below(&r, sizeof(code));
  uint32_t how = gen_below(&r, 3);

  for (uint32_t i = 0; i < size; i++)
    code[i] = (uint8_t)gen_random(&r);
  for (uint32_t i = 0; how > 0 && i < size;) {
    const struct fisa_row *row;
    code[i] = t->any.opcode[gen_below(&r, t->any.count)];
    row = &t->d->rows[code[i]];
    /* Targets that stay near: the high byte of a number is often 0. */
    if (how == 2 && i + row->length <= size && row->length > 2)
      code[i + row->length - 1u] = 0;
    i += row->length;
  }
  return finish(t, code, size);
}

/* ---- states ------------------------------------------------------------- */

static int32_t float_bits(uint64_t *r) {
  static const uint32_t edges[] = {0, 0x80000000, 0x3F800000, 0x7F800000,
                                   0xFF800000, 0x7FC00000, 1, 0x7F7FFFFF};
  float f = ((float)gen_below(r, 4001) - 2000) / 16;
  int32_t bits;

  memcpy(&bits, &f, sizeof(bits));
  switch (gen_below(r, 5)) {
  case 0:
    return (int32_t)edges[gen_below(r, sizeof(edges) / sizeof(edges[0]))];
  case 1:
    bits = (int32_t)gen_random(r);
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC00000 : bits;
  default:
    return bits;
  }
}

static void fill_memory(uint64_t *r, struct fisa_state *s) {
  uint32_t runs = s->mem_size ? gen_below(r, 4) : 0;

  for (; runs > 0; runs--) {
    uint32_t at = gen_below(r, gen_below(r, 2) ? s->mem_size : 256);
    uint32_t n = 1 + gen_below(r, 600);
    uint32_t mask = gen_below(r, 2) ? 255 : 3;
    for (uint32_t i = 0; i < n; i++) {
      uint32_t a = (at + i) & (s->mem_size - 1);
      s->mem[a] = (uint8_t)(gen_random(r) & mask);
      s->dirty[a / FISA_PAGE / 64] |= UINT64_C(1) << a / FISA_PAGE % 64;
    }
  }
}

void gen_begin(const struct gen_table *t, const struct fisa_program *p,
               uint64_t seed, uint64_t number, struct fisa_state *s) {
  uint64_t r = stream(seed, number, 4);
  const struct fisa_dialect *d = t->d;

  fisa_state_start(p, s);
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    for (uint32_t i = 0; i < file->count; i++) {
      int32_t *cell = &s->cells[file->first + i];
      if (file->first + i == d->sp_cell)
        continue;
      if (file->kind == FISA_FILE_FLAG)
        *cell = (int32_t)gen_below(&r, 2);
      else if (file->tick)
        *cell = gen_below(&r, 4) ? 0 : (int32_t)gen_below(&r, 9);
      else if (file->type == FISA_F32)
        *cell = float_bits(&r);
      else
        *cell = telling(&r);
    }
  }
  if (d->stack_file < d->file_count) {
    uint32_t size = d->files[d->stack_file].count;
    uint32_t depth = gen_below(&r, 8) ? gen_below(&r, 6)
                                      : size - gen_below(&r, 6);
    s->cells[d->sp_cell] =
        (int32_t)(d->files[d->stack_file].down ? size - depth : depth);
  }
  fill_memory(&r, s);
}
