/*
 * gpu/lower_cells.c - where lowering puts things: cells of registers,
 * constants and temporaries, and the growing list of ops.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lower_impl.h"

void fir__fail(struct fir_lowering *l, const char *why) {
  if (!l->failed)
    fisa_fail(l->err, "lowering: %s", why);
  l->failed = true;
}

/* ---- cells -------------------------------------------------------------- */

static uint32_t pool_hash(int32_t v) {
  uint32_t h = (uint32_t)v * 0x9E3779B1u;

  return h ^ h >> 15;
}

static void pool_place(struct fir_lowering *l, uint32_t entry) {
  uint32_t at = pool_hash(l->f->pool[entry]) & (l->slot_count - 1);

  assert(l->f->pool_count < l->slot_count); /* or it would not end */
  while (l->slots[at] != 0)
    at = (at + 1) & (l->slot_count - 1);
  l->slots[at] = (uint16_t)(entry + 1);
}

/* Twice the room, for pool and hash table. */
static bool pool_grow(struct fir_lowering *l) {
  struct fir_program *f = l->f;
  uint32_t count = l->slot_count ? l->slot_count * 2 : 64;
  uint16_t *slots = calloc(count, sizeof(*slots));
  int32_t *pool = realloc(f->pool, count / 2 * sizeof(*pool));

  if (pool)
    f->pool = pool;
  if (!slots || !pool) {
    free(slots);
    fir__fail(l, "out of memory");
    return false;
  }
  free(l->slots);
  l->slots = slots;
  l->slot_count = count;
  for (uint32_t i = 0; i < f->pool_count; i++)
    pool_place(l, i);
  return true;
}

uint16_t fir__constant(struct fir_lowering *l, int32_t v) {
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
    fir__fail(l, "too many constants");
    return f->zero;
  }
  f->pool[f->pool_count] = v;
  pool_place(l, f->pool_count);
  return (uint16_t)(f->pool_first + f->pool_count++);
}

uint16_t fir__target_temp(const struct fir_lowering *l) {
  return (uint16_t)(l->f->temp + FISA_TEMPS);
}

int32_t fir__number(const struct fir_lowering *l, const struct fisa_ref *r) {
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

int32_t fir__register_cell(const struct fir_lowering *l,
                           const struct fisa_ref *r) {
  const struct fisa_file *file = &l->d->files[r->file];
  int32_t raw, cell;

  assert(r->file < l->d->file_count);
  switch (r->kind) {
  case FISA_REF_REG:
    cell = fisa_reg_cell(l->d, r->file, l->in.value[r->operand]);
    return cell < 0 ? cell : cell + r->value;
  case FISA_REF_FIXED:
    return file->zero && r->value == 0 ? -1 : file->first + r->value;
  case FISA_REF_RAW:
    raw = l->in.value[r->operand];
    return raw < file->count ? file->first + raw : -1;
  case FISA_REF_CELL:
    return file->first;
  case FISA_REF_TEMP:
    assert(r->value >= 0 && r->value < FISA_TEMPS);
    return l->f->temp + r->value;
  default:
    return -1;
  }
}

/* Each op reads from places of its own, so that four are enough. */
static uint16_t peek(struct fir_lowering *l, int32_t depth) {
  uint16_t cell = (uint16_t)(l->f->temp + FISA_TEMPS + 1 +
                             l->peeks++ % FIR_PEEKS);
  struct fir_ins *ins = fir__emit(l, FIR_PEEK);

  ins->d = cell;
  ins->imm = depth;
  l->f->stack = true;
  return cell;
}

uint16_t fir__read_cell(struct fir_lowering *l, const struct fisa_ref *r) {
  int32_t cell;

  switch (r->kind) {
  case FISA_REF_STACK:
    return peek(l, r->value);
  case FISA_REF_CONST:
  case FISA_REF_IMM:
  case FISA_REF_RAWNUM:
  case FISA_REF_NEXT:
    return fir__constant(l, fir__number(l, r));
  default:
    cell = fir__register_cell(l, r);
    return cell < 0 ? l->f->zero : (uint16_t)cell;
  }
}

static uint16_t write_cell(struct fir_lowering *l, const struct fisa_ref *r) {
  int32_t cell = fir__register_cell(l, r);

  return cell < 0 ? l->f->sink : (uint16_t)cell;
}

uint16_t fir__operand_cell(struct fir_lowering *l, const struct fisa_step *s,
                           unsigned operand) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};

  switch (fisa_semop_use(s->op, operand)) {
  case 'R':
    return fir__read_cell(l, refs[operand]);
  case 'W':
  case 'M':
    return write_cell(l, refs[operand]);
  default:
    return l->f->zero;
  }
}

/* ---- emitting ----------------------------------------------------------- */

static bool ins_grow(struct fir_lowering *l) {
  uint32_t capacity = l->capacity ? l->capacity * 2 : 64;
  struct fir_ins *ins = realloc(l->f->ins, capacity * sizeof(*ins));

  if (!ins) {
    fir__fail(l, "out of memory");
    return false;
  }
  l->f->ins = ins;
  l->capacity = capacity;
  return true;
}

struct fir_ins *fir__emit(struct fir_lowering *l, unsigned op) {
  struct fir_program *f = l->f;
  struct fir_ins *ins = &l->spare;

  assert(op < FIR_OP_COUNT);
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

void fir__emit_goto(struct fir_lowering *l, uint32_t pc) {
  fir__emit(l, FIR_GOTO)->target = pc;
}
