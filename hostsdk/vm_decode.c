/*
 * hostsdk/vm_decode.c - from code bytes to slots.
 *
 * Every byte offset gets a slot, so a jump into the middle of an instruction
 * needs no lookup and no check when it is taken. All that is known before
 * the run is decided here: the bounds checks, undefined opcodes, static
 * targets, lethal immediates, register 0. Behind the slots of the code stand
 * the end slot and one slot for each static target further out, whose only
 * difference is the pc that the run ends with.
 */
#include "hostsdk/vm_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct row_map {
  uint8_t op, length, shape;
  int32_t constant;
};

/* length 0: a row that faults as unknown. */
static const struct row_map row_map[256] = {
#define ROW(name, op, length, shape, constant) \
  [UNI_##name] = { FVM_##op, length, FVM_SH_##shape, constant },
  FVM_ROWS(ROW)
#undef ROW
};

struct decoder {
  const struct fisa_program *p;
  struct fvm_code *c;
  bool with_boundary;
  uint32_t far_count; /* far ends handed out */
};

static uint16_t read_cell(uint8_t raw) {
  return raw == 0 ? FVM_CELL_ZERO : UNI_CELL_R + raw % FVM_REGS;
}

static uint16_t write_cell(uint8_t raw) {
  return raw == 0 ? FVM_CELL_SINK : UNI_CELL_R + raw % FVM_REGS;
}

static uint16_t float_cell(uint8_t raw) {
  return UNI_CELL_F + raw % FVM_REGS;
}

static uint16_t conf_cell(uint8_t raw) {
  return UNI_CELL_C + raw % FVM_REGS;
}

static int32_t signed8(uint8_t byte) {
  return byte < 128 ? byte : byte - 256;
}

static int32_t signed16(const uint8_t *at) {
  int32_t v = at[0] | at[1] << 8;

  return v < 32768 ? v : v - 65536;
}

static void make(struct fvm_slot *slot, enum fvm_op op, int32_t imm) {
  fvm_slot_bind(slot, op);
  slot->imm = imm;
}

/* ---- operands ----------------------------------------------------------- */

static void fill_immediate(struct fvm_slot *s, const uint8_t *at,
                           enum fvm_shape shape) {
  switch (shape) {
  case FVM_SH_IMM: s->imm = at[1]; break;
  case FVM_SH_I8S: s->imm = signed8(at[2]); break;
  case FVM_SH_N8S: s->imm = -signed8(at[2]); break;
  case FVM_SH_I8U: s->imm = at[2]; break;
  case FVM_SH_I16: s->imm = signed16(at + 2); break;
  case FVM_SH_N16: s->imm = -signed16(at + 2); break;
  case FVM_SH_A16: s->imm = at[2] | at[3] << 8; break;
  case FVM_SH_REL: s->imm = signed16(at + 2); break;
  case FVM_SH_ABS: s->imm = signed16(at + 2); break;
  case FVM_SH_RRI: s->imm = signed16(at + 3); break;
  /* Confidence is indexed by the bytes even where the integer is r0. */
  case FVM_SH_RRR:
    s->imm = at[1] % FVM_REGS | at[2] % FVM_REGS << 8 |
             at[3] % FVM_REGS << 16;
    break;
  default: break; /* the constant of the row */
  }
}

static void fill_registers(struct fvm_slot *s, const uint8_t *at,
                           enum fvm_shape shape, int32_t constant) {
  if (shape == FVM_SH_NONE || shape == FVM_SH_IMM)
    return;
  if (shape != FVM_SH_SYS) {
    s->d = write_cell(at[1]);
    s->r = read_cell(at[1]);
  }
  switch (shape) {
  case FVM_SH_RRR: s->a = read_cell(at[2]); s->b = read_cell(at[3]); break;
  case FVM_SH_RR: s->a = read_cell(at[2]); s->b = write_cell(at[2]); break;
  case FVM_SH_XY: s->a = read_cell(at[1]); s->b = read_cell(at[2]); break;
  case FVM_SH_RRI: s->a = read_cell(at[2]); break;
  case FVM_SH_FFF:
    s->d = float_cell(at[1]);
    s->a = float_cell(at[2]);
    s->b = float_cell(at[3]);
    break;
  case FVM_SH_RF: s->a = float_cell(at[2]); break;
  case FVM_SH_FR: s->d = float_cell(at[1]); s->a = read_cell(at[2]); break;
  case FVM_SH_RC: s->a = conf_cell(at[constant]); break;
  case FVM_SH_CR:
    s->d = s->r = conf_cell(at[1]);
    s->a = read_cell(at[constant]);
    break;
  case FVM_SH_RAW: s->d = UNI_CELL_R + at[1] % FVM_REGS; break;
  case FVM_SH_SYS: s->imm = at[1]; s->a = UNI_CELL_R + 1; break;
  default: break;
  }
}

/* ---- rows that need more than their bytes ------------------------------- */

/* A slot for a static target at or past the end. */
static const struct fvm_slot *far_end(struct decoder *de,
                                      struct fvm_slot *slots, uint32_t pc) {
  struct fvm_slot *s;

  assert(pc >= de->c->size);
  if (pc == de->c->size)
    return &slots[pc];
  s = &slots[de->c->size + 1 + de->far_count++];
  make(s, FVM_END, 0);
  s->pc = pc;
  return s;
}

static enum fvm_op bad_target_op(enum fvm_op op) {
  switch (op) {
  case FVM_JMP: case FVM_JAL: return FVM_LETHAL;
  case FVM_CALL: return FVM_CALL_BAD;
  default: return FVM_BRANCH_BAD;
  }
}

static enum fvm_op resolve_target(struct decoder *de, struct fvm_slot *slots,
                                  struct fvm_slot *s, enum fvm_op op) {
  bool relative = row_map[de->p->code[s->pc]].shape == FVM_SH_REL;
  int64_t target = s->imm + (relative ? (int64_t)s->pc : 0);

  if (op == FVM_CALL && s->r != FVM_CELL_ZERO)
    return FVM_CALL_REG;
  if (target < 0) {
    s->imm = de->c->lethal[FLUX_LETHAL_NEGATIVE_TARGET];
    s->b = (uint16_t)op;
    return bad_target_op(op);
  }
  if (target >= de->c->size)
    s->target = far_end(de, slots, (uint32_t)target);
  else
    s->target = &slots[target];
  return op;
}

/* Rows that are stubs unless the dialect is bound to an outside. */
static enum fvm_op bind_outside(const struct decoder *de,
                                const struct fisa_row *row,
                                struct fvm_slot *s, enum fvm_op op) {
  const struct fisa_manifest *m = &de->p->manifest;

  if (op == FVM_INPUT && row->source == UINT16_MAX)
    return FVM_MOVI4; /* imm is 0 */
  if (op == FVM_INPUT) {
    s->imm = row->source;
    return op;
  }
  assert(op == FVM_EMIT2 || op == FVM_EMIT4);
  if (row->channel == UINT16_MAX)
    return op == FVM_EMIT2 ? FVM_NOP2 : FVM_NOP4;
  s->d = 0;
  if (de->with_boundary && m->boundary.kind == FISA_BOUNDARY_OUT &&
      m->boundary.channel == row->channel)
    s->d = FVM_EMIT_STOPS;
  /* SYS has its number in imm: the channel goes into a free field. */
  if (op == FVM_EMIT2)
    s->b = row->channel;
  else
    s->imm = row->channel;
  return op;
}

static enum fvm_op lethal_op(const struct decoder *de, struct fvm_slot *s,
                             enum flux_lethal lethal) {
  s->imm = de->c->lethal[lethal];
  return FVM_LETHAL;
}

/* The handler of a well-formed row, its slot being filled from the bytes. */
static enum fvm_op specialise(struct decoder *de, struct fvm_slot *slots,
                              struct fvm_slot *s, enum fvm_op op) {
  const uint8_t *at = de->p->code + s->pc;
  const struct fisa_row *row = &de->p->dialect->rows[at[0]];

  switch (op) {
  case FVM_JMP: case FVM_JAL: case FVM_CALL: case FVM_LOOP: case FVM_JEQ:
  case FVM_JNE: case FVM_JLE: case FVM_JGE: case FVM_REFLEX:
    return resolve_target(de, slots, s, op);
  /* Register 0 reads back as 0: only the flags are left of the row. */
  case FVM_ADDI2: return at[1] == 0 ? FVM_FLAGS2 : op;
  case FVM_ADDI3: return at[1] == 0 ? FVM_FLAGS3 : op;
  case FVM_ADDI4: case FVM_ADD: case FVM_SUB: case FVM_MUL:
    return at[1] == 0 ? FVM_FLAGS4 : op;
  case FVM_SHLI:
    return s->imm >= 32 ? lethal_op(de, s, FLUX_LETHAL_SHIFT_RANGE) : op;
  case FVM_SHRI: s->imm &= 31; return op;
  case FVM_STACKFRAME:
    if (at[1] >= FVM_REGS)
      return lethal_op(de, s, FLUX_LETHAL_REGISTER_RANGE);
    return op;
  case FVM_SEED: if (s->imm <= 0) s->imm = 1000; return op;
  case FVM_INPUT: case FVM_EMIT2: case FVM_EMIT4:
    return bind_outside(de, row, s, op);
  case FVM_NOP1: case FVM_NOP2: case FVM_NOP4:
    if (!(row->roles & FISA_ROLE_YIELD))
      return op;
    s->imm = row->length;
    return FVM_YIELD;
  default: return op;
  }
}

/* ---- slots -------------------------------------------------------------- */

static enum fvm_op decode_slot(struct decoder *de, struct fvm_slot *slots,
                               uint32_t pc) {
  const struct fvm_code *c = de->c;
  const uint8_t *at = de->p->code + pc;
  const struct row_map *map = &row_map[at[0]];
  const struct fisa_row *row = &de->p->dialect->rows[at[0]];
  struct fvm_slot *s = &slots[pc];

  s->pc = pc;
  s->imm = map->constant;
  if (c->size - pc < row->check)
    return FVM_TRUNCATED;
  if (map->length == 0)
    return FVM_UNKNOWN;
  if (c->size - pc < map->length)
    return FVM_PAST_CODE;
  fill_immediate(s, at, map->shape);
  fill_registers(s, at, map->shape, map->constant);
  return specialise(de, slots, s, map->op);
}

static void decode_all(struct decoder *de, struct fvm_slot *slots) {
  struct fvm_code *c = de->c;

  de->far_count = 0;
  make(&slots[c->size], FVM_END, 0);
  slots[c->size].pc = c->size;
  for (uint32_t pc = 0; pc < c->size; pc++) {
    enum fvm_op op = decode_slot(de, slots, pc);

    c->real[pc] = (uint8_t)op;
    fvm_slot_bind(&slots[pc], op);
  }
}

static bool has_boundary_pc(const struct decoder *de) {
  const struct fisa_boundary *b = &de->p->manifest.boundary;

  return de->with_boundary && b->kind == FISA_BOUNDARY_PC &&
         b->pc < de->c->size;
}

static void plant(struct decoder *de) {
  struct fvm_code *c = de->c;

  for (uint32_t pc = 0; pc < c->size; pc++)
    if (c->heads[pc / 8] >> (pc % 8) & 1)
      fvm_slot_bind(&c->counting[pc], FVM_COUNT);
  /* BOUNDARY counts by itself: a task that ends there enters no block. */
  if (has_boundary_pc(de)) {
    uint32_t pc = de->p->manifest.boundary.pc;

    fvm_slot_bind(&c->plain[pc], FVM_BOUNDARY);
    fvm_slot_bind(&c->counting[pc], FVM_BOUNDARY);
  }
}

/* ---- block heads -------------------------------------------------------- */

/*
 * Heads are found by walking control flow from the entry; what stands behind
 * a call or a link counts as reached. Where a jump through a register lands
 * takes more than a walk: a program that has one is given the heads that its
 * facts have as well, which follow what registers hold.
 */
struct walk {
  const struct decoder *de;
  uint32_t *todo;
  uint32_t count;
  uint8_t *seen; /* [size]: 1 listed or walked */
  bool dynamic;
};

static void add_head(struct walk *w, int64_t pc) {
  struct fvm_code *c = w->de->c;

  if (pc < 0 || pc >= c->size)
    return;
  c->heads[pc / 8] |= (uint8_t)(1u << (pc % 8));
  if (w->seen[pc])
    return;
  w->seen[pc] = 1;
  assert(w->count < c->size);
  w->todo[w->count++] = (uint32_t)pc;
}

static bool ends_task(const struct fvm_slot *s, enum fvm_op op) {
  return op == FVM_YIELD ||
         ((op == FVM_EMIT2 || op == FVM_EMIT4) && s->d == FVM_EMIT_STOPS);
}

/* Lists where control goes from pc; returns whether it goes on behind. */
static bool walk_one(struct walk *w, uint32_t pc) {
  const struct fvm_code *c = w->de->c;
  const struct fvm_slot *s = &c->plain[pc];
  uint32_t behind = pc + row_map[w->de->p->code[pc]].length;

  switch (c->real[pc]) {
  case FVM_TRUNCATED: case FVM_UNKNOWN: case FVM_PAST_CODE: case FVM_LETHAL:
  case FVM_HALT1: case FVM_HALT4: case FVM_CALL_BAD:
    return false;
  case FVM_JMP:
    add_head(w, s->target->pc);
    return false;
  case FVM_JAL:
    add_head(w, s->target->pc);
    add_head(w, behind);
    return false;
  case FVM_CALL:
    add_head(w, s->target->pc);
    add_head(w, (int64_t)behind + 1);
    return false;
  case FVM_CALL_REG:
    w->dynamic = true;
    add_head(w, (int64_t)behind + 1);
    return false;
  case FVM_LOOP: case FVM_JEQ: case FVM_JNE: case FVM_JLE: case FVM_JGE:
  case FVM_REFLEX:
    add_head(w, s->target->pc);
    add_head(w, behind);
    return false;
  case FVM_JZ: case FVM_JNZ: case FVM_JLT: case FVM_JGT:
    w->dynamic = true;
    add_head(w, behind);
    return false;
  case FVM_RET: case FVM_BRANCH_BAD:
    add_head(w, behind);
    return false;
  default:
    if (ends_task(s, c->real[pc]))
      add_head(w, behind);
    return true;
  }
}

static int add_heads_of_facts(const struct decoder *de) {
  struct fisa_facts *facts;
  struct fisa_error err;

  if (fisa_facts_make(de->p, &facts, &err) != 0)
    return -1;
  for (uint32_t i = 0; i < facts->count; i++) {
    uint32_t pc = facts->insn[i].pc;

    assert(pc < de->c->size);
    if (facts->is_head[i])
      de->c->heads[pc / 8] |= (uint8_t)(1u << (pc % 8));
  }
  fisa_facts_free(facts);
  return 0;
}

static int find_heads(struct decoder *de) {
  struct fvm_code *c = de->c;
  struct walk w = { de, NULL, 0, NULL, false };
  int rc = -1;

  w.todo = malloc(c->size * sizeof *w.todo);
  w.seen = calloc(c->size, 1);
  if (!w.todo || !w.seen)
    goto out;
  add_head(&w, de->p->entry);
  if (has_boundary_pc(de))
    add_head(&w, de->p->manifest.boundary.pc);
  while (w.count > 0) {
    uint32_t pc = w.todo[--w.count];

    while (walk_one(&w, pc)) {
      pc += row_map[de->p->code[pc]].length;
      if (pc >= c->size || w.seen[pc])
        break;
      w.seen[pc] = 1;
    }
  }
  rc = w.dynamic ? add_heads_of_facts(de) : 0;
out:
  free(w.seen);
  free(w.todo);
  return rc;
}

/* ---- code --------------------------------------------------------------- */

/*
 * The handlers know the state by cell numbers that the build made from the
 * built-in table; a table of another layout or other lengths is not theirs.
 */
static bool is_our_dialect(const struct fisa_dialect *d) {
  if (d->cell_count != UNI_CELL_COUNT || d->mem_size != FVM_MEM ||
      d->sp_cell != UNI_CELL_SP)
    return false;
  for (int i = 0; i < 256; i++)
    if (row_map[i].length != 0 && (!d->rows[i].defined ||
                                   d->rows[i].length != row_map[i].length))
      return false;
  return true;
}

/* Static targets past the end, of which each wants a slot of its own. */
static uint32_t count_far(const struct fisa_program *p) {
  uint32_t n = 0;

  for (uint32_t pc = 0; pc + 4 <= p->size; pc++) {
    enum fvm_shape shape = row_map[p->code[pc]].shape;
    int64_t target = signed16(p->code + pc + 2);

    if (shape == FVM_SH_REL)
      target += pc;
    else if (shape != FVM_SH_ABS)
      continue;
    n += target > p->size;
  }
  return n;
}

struct fvm_code *fvm_code_new(const struct fisa_program *p,
                              bool with_boundary) {
  const struct fisa_dialect *d = p->dialect;
  struct fvm_code *c;
  struct decoder de = { p, NULL, with_boundary, 0 };
  size_t slots;

  assert(p->size > 0 && p->size <= FISA_MAX_CODE);
  if (!is_our_dialect(d))
    return NULL;
  c = calloc(1, sizeof *c);
  if (!c)
    return NULL;
  slots = (size_t)p->size + 1 + count_far(p);
  c->size = p->size;
  c->truncated = d->truncated_fault;
  c->unknown = d->unknown_fault;
  memcpy(c->lethal, d->lethal_code, sizeof c->lethal);
  c->rand_source = d->rows[UNI_RAND].source;
  c->plain = calloc(slots, sizeof *c->plain);
  c->counting = calloc(slots, sizeof *c->counting);
  c->real = calloc(p->size, 1);
  c->heads = calloc((p->size + 7) / 8, 1);
  if (!c->plain || !c->counting || !c->real || !c->heads)
    goto fail;
  de.c = c;
  decode_all(&de, c->plain);
  decode_all(&de, c->counting);
  if (find_heads(&de) != 0)
    goto fail;
  plant(&de);
  return c;
fail:
  fvm_code_free(c);
  return NULL;
}

void fvm_code_free(struct fvm_code *c) {
  if (!c)
    return;
  free(c->heads);
  free(c->real);
  free(c->counting);
  free(c->plain);
  free(c);
}

const uint8_t *fvm_code_heads(const struct fvm_code *c) {
  return c->heads;
}
