/*
 * plugin/calibrate_draw.c - a row's instructions and the states they meet.
 *
 * Everything is a pure function of opcode, number of the instruction and
 * attempt. A bug of one row shows on few states; those that most bugs show on
 * are drawn often: registers at the ends of their file and in one place with
 * another, equal values and their neighbours, the constants that the row
 * itself speaks of, addresses round the end of memory, stacks that are full or
 * empty, targets on both sides of the jump.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "plugin/calibrate_impl.h"

#define SEED UINT64_C(0x63616c6962726174)
#define LONG_RUN 256       /* bytes of memory that only one instruction uses */
#define LONGEST 10u        /* more of: this one, with the end of the range */

enum { STREAM_COMMON = 1, STREAM_OPERANDS, STREAM_STATE };

struct stream {
  uint64_t state;
};

static struct stream stream_at(uint32_t which, uint64_t a, uint64_t i) {
  return (struct stream){ftrial_random(SEED, a, which, i)};
}

static uint64_t draw(struct stream *r) {
  uint64_t v = r->state += UINT64_C(0x9E3779B97F4A7C15);
  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return v ^ v >> 31;
}

/* 0..n-1 */
static uint32_t below(struct stream *r, uint32_t n) {
  assert(n > 0);
  return (uint32_t)((draw(r) >> 32) * n >> 32);
}

/* ---- values ------------------------------------------------------------- */

static int32_t power_of_two(struct stream *r) {
  uint32_t v = (uint32_t)1 << below(r, 32);
  v += below(r, 3);
  v -= 1;
  return fsem_wrap(below(r, 2) ? v : 0u - v);
}

static int32_t edge(struct stream *r) {
  static const int32_t edges[] = {
      1, -1, 2, -2, INT32_MIN, INT32_MAX, INT32_MIN + 1, INT32_MAX - 1,
      31, 32, 33, 63, 64, 100, 101, 127, 128, -128, 255, 256, 999, 1000,
      32767, -32768, 32768, 65535};
  return edges[below(r, sizeof edges / sizeof edges[0])];
}

/* Constant number i that the row speaks of: of its meaning, then of this
 * instruction. False: there are not so many. */
static bool own_constant(const struct cal_row *row, const struct fisa_insn *in,
                         uint32_t i, int32_t *out) {
  if (i < row->own_count) {
    *out = row->own[i];
    return true;
  }
  i -= row->own_count;
  for (unsigned k = 0; k < in->row->operand_count; k++) {
    unsigned kind = in->row->operands[k].kind;
    if (kind == FISA_OPERAND_REG || kind == FISA_OPERAND_UNUSED || i-- > 0)
      continue;
    *out = in->value[k];
    return true;
  }
  return false;
}

static uint32_t own_constants(const struct cal_row *row,
                              const struct fisa_insn *in) {
  uint32_t n = 0;
  int32_t v;
  while (own_constant(row, in, n, &v)) n++;
  return n;
}

/* A constant of the row or its opposite, or next to one; without any a small
 * number. */
static int32_t own_value(const struct cal_row *row, const struct fisa_insn *in,
                         struct stream *r) {
  uint32_t n = row == NULL ? 0 : own_constants(row, in);
  int32_t v = (int32_t)below(r, 33) - 16;
  if (n == 0 || !own_constant(row, in, below(r, n), &v)) return v;
  if (below(r, 3) == 0) v = fsem_sub(0, v);
  return fsem_add(v, (int32_t)below(r, 3) - 1);
}

static int32_t whole(const struct cal_row *row, const struct fisa_insn *in,
                     struct stream *r) {
  switch (below(r, 8)) {
    case 0: return 0;
    case 1: return edge(r);
    case 2: return (int32_t)below(r, below(r, 2) ? 33 : 5) - 2;
    case 3: return power_of_two(r);
    case 4: return (int32_t)below(r, 101);
    case 5: return own_value(row, in, r);
    case 6: return fsem_wrap((uint32_t)draw(r) >> below(r, 32));
    default: return fsem_wrap((uint32_t)draw(r));
  }
}

static int32_t real(struct stream *r) {
  static const uint32_t edges[] = {
      0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000,
      0x7FC00000, 0x00000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x4F000000,
      0xCF000000, 0x4EFFFFFF, 0x4B800000, 0x3F000000, 0x3EFFFFFF, 0xBF7FFFFF};
  switch (below(r, 4)) {
    case 0: return fsem_wrap(edges[below(r, sizeof edges / sizeof edges[0])]);
    case 1: return fsem_bits((float)((int32_t)below(r, 2001) - 1000) / 8.0f);
    case 2: return fsem_bits((float)whole(NULL, NULL, r));
    default: return fsem_canon(fsem_wrap((uint32_t)draw(r)));
  }
}

/* An address where memory ends, a page does, or anywhere. */
static int32_t address(const struct fisa_dialect *d, struct stream *r) {
  uint32_t size = d->mem_size, at = below(r, size);
  switch (below(r, 6)) {
    case 0: return (int32_t)(size - below(r, 8));
    case 1: return (int32_t)below(r, 8);
    case 2: return -1 - (int32_t)below(r, 8);
    case 3: return (int32_t)(at / FISA_PAGE * FISA_PAGE) +
                   (int32_t)below(r, 9) - 4;
    case 4: return fsem_wrap(at + size * below(r, 4));
    default: return (int32_t)at;
  }
}

/* ---- what all states begin with ----------------------------------------- */

/* Single cells that no stepped row works with stay as they are: they may be
 * something that the host cannot set at all. */
static void find_fixed(struct cal_bench *b) {
  const struct fisa_dialect *d = b->d;
  for (uint32_t f = 0; f < d->file_count; f++)
    b->fixed[f] = d->files[f].kind == FISA_FILE_CELL && !d->files[f].tick;
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &d->rows[i];
    for (unsigned k = 0; cal_is_stepped(row) && k < row->step_count; k++) {
      const struct fisa_step *s = &row->steps[k];
      const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
      for (unsigned n = 0; n < 4; n++)
        if (refs[n]->kind == FISA_REF_CELL) b->fixed[refs[n]->file] = false;
    }
  }
  /* The index of a stack comes with the stack. */
  for (uint32_t f = 0; f < d->file_count; f++) {
    int32_t index = cal_index_cell(d, f);
    if (index >= 0)
      b->fixed[cal_file_of(d, (uint32_t)index) - d->files] = true;
  }
}

/* Pages that are empty, alike, anything, and nearly empty. */
static void draw_memory(struct cal_bench *b, struct stream *r) {
  for (uint32_t i = 0; i < b->d->mem_size; i++) {
    uint64_t v = draw(r);
    switch (i / FISA_PAGE % 4) {
      case 0: b->mem[i] = 0; break;
      case 1: b->mem[i] = (uint8_t)(i % 16 * 23); break;
      case 2: b->mem[i] = (uint8_t)(v >> 32); break;
      default: b->mem[i] = v % 32 == 0 ? (uint8_t)(v >> 32) : 0; break;
    }
  }
}

void cal_draw_common(struct cal_bench *b) {
  const struct fisa_dialect *d = b->d;
  struct stream r = stream_at(STREAM_COMMON, 0, 0);
  find_fixed(b);
  memcpy(b->cells, b->init, d->cell_count * sizeof *b->cells);
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    if (b->fixed[f] || file->tick) continue;
    for (uint32_t i = 0; i < file->count; i++) {
      int32_t v = file->type == FISA_F32 ? real(&r) : whole(NULL, NULL, &r);
      b->cells[file->first + i] = file->kind == FISA_FILE_FLAG ? v & 1 : v;
    }
  }
  draw_memory(b, &r);
}

/* ---- instructions ------------------------------------------------------- */

/* Register bytes of the first instructions; -1: the number of registers,
 * which reaches the first one past the zero rule, -2: the last register. */
static const int32_t patterns[][3] = {
    {3, 1, 2}, {1, 1, 1}, {-1, -1, -1}, {0, 0, 0}, {-2, -2, -2},
    {0, 1, 2}, {-1, 1, 2},   {2, -1, 0}, {1, 0, -1}, {-2, 0, 1},
    {2, 2, 1}, {2, 1, 2},    {1, 2, 2}};
#define PATTERNS (sizeof patterns / sizeof patterns[0])

/* The number of registers that a register byte chooses among. */
static int32_t registers(const struct fisa_dialect *d,
                         const struct fisa_operand *op) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (op->files >> f & 1) return (int32_t)fisa_registers(&d->files[f]);
  return 64;
}

static int32_t draw_register(const struct fisa_dialect *d,
                             const struct fisa_insn *in, unsigned i,
                             unsigned nth, uint32_t index, struct stream *r) {
  const struct fisa_operand *op = &in->row->operands[i];
  int32_t n = registers(d, op), v = (int32_t)below(r, (uint32_t)n);
  const int32_t edges[] = {1, n - 1, n, n, n + 1, 2 * n, 255, n - 2};
  unsigned how = below(r, 8);
  if (index < PATTERNS) {
    v = patterns[index][nth % 3];
    v = v == -1 ? n : v == -2 ? n - 1 : v;
  } else if (how == 0) {
    v = 0;
  } else if (how <= 2) {
    v = edges[below(r, 8)];
  } else if (how <= 4 && i > 0) {
    v = in->value[below(r, i)];
  }
  return v < op->lo || v > op->hi ? (int32_t)below(r, (uint32_t)n) : v;
}

/* Whether an immediate says how many bytes of memory are walked. */
static bool is_run(const struct fisa_row *row, unsigned operand) {
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].op >= FLUX_OP_MSET && row->steps[i].op <= FLUX_OP_MCRC &&
        row->steps[i].imm.kind == FISA_REF_IMM &&
        row->steps[i].imm.operand == operand)
      return true;
  return false;
}

static int32_t within(const struct fisa_operand *op, int64_t v) {
  int64_t span = (int64_t)op->hi - op->lo + 1;
  if (v >= op->lo && v <= op->hi) return (int32_t)v;
  v = (v - op->lo) % span;
  return (int32_t)(op->lo + (v < 0 ? v + span : v));
}

/* Ends of the range in turn, then what else tells. */
static int32_t draw_number(const struct fisa_insn *in, unsigned i,
                           uint32_t index, struct stream *r) {
  const struct fisa_operand *op = &in->row->operands[i];
  const int64_t edges[] = {op->lo, 0, 1, (int64_t)op->lo + 1, -1, op->hi,
                           2, (int64_t)op->hi - 1, 31, 32, 127, 128};
  unsigned n = sizeof edges / sizeof edges[0];
  int32_t v;
  if (op->kind == FISA_OPERAND_UNUSED) return (int32_t)below(r, 256);
  v = within(op, index % 2 == 0 ? edges[index / 2 % n] : whole(NULL, NULL, r));
  if (v > LONG_RUN && is_run(in->row, i) && index != LONGEST)
    v %= LONG_RUN;
  return v;
}

/* A target in the code, on either side, a little behind it, or far. */
static int32_t draw_target(const struct fisa_insn *in, uint32_t size,
                           uint32_t index, struct stream *r) {
  const struct fisa_row *row = in->row;
  const struct fisa_operand *op = &row->operands[row->target];
  int64_t v = (int64_t)below(r, size + 8);
  if (index % 8 == 7) return draw_number(in, row->target, index / 8 * 2, r);
  if (index % 4 == 3) return within(op, (int32_t)below(r, 48) - 16);
  if (row->flow == FISA_FLOW_JUMP_REL || row->flow == FISA_FLOW_COND_REL ||
      row->flow == FISA_FLOW_CALL_REL)
    v -= in->pc + (row->base_end ? row->length : 0u);
  return within(op, v);
}

/* Bytes of one instruction; returns how many: one where it cannot be written
 * as drawn, and what stands behind it is its operands. */
static uint32_t put_instruction(const struct fisa_dialect *d,
                                struct fisa_insn *in, uint32_t size,
                                uint32_t index, uint8_t *at) {
  const struct fisa_row *row = in->row;
  struct stream r = stream_at(STREAM_OPERANDS, row->opcode, index);
  unsigned nth = 0;
  int n;
  in->target = FISA_NO_TARGET; /* the operand is written as it stands */
  if (row->payload) {
    uint32_t bytes = index == 0 ? 0 : below(&r, 14);
    at[0] = row->opcode;
    at[1] = (uint8_t)bytes;
    at[2] = 0;
    for (uint32_t i = 0; i < bytes; i++) at[3 + i] = (uint8_t)draw(&r);
    return row->length + bytes;
  }
  for (unsigned i = 0; i < row->operand_count; i++) {
    if (row->operands[i].kind == FISA_OPERAND_REG)
      in->value[i] = draw_register(d, in, i, nth++, index, &r);
    else if (i == row->target)
      in->value[i] = draw_target(in, size, index, &r);
    else
      in->value[i] = draw_number(in, i, index, &r);
  }
  n = fisa_encode(in, at);
  at[0] = row->opcode;
  return n > 0 ? (uint32_t)n : 1;
}

static void note_own(struct cal_row *r, const struct fisa_ref *ref) {
  if (ref->kind == FISA_REF_CONST &&
      r->own_count < sizeof r->own / sizeof r->own[0])
    r->own[r->own_count++] = ref->value;
}

/* Constants of the template: the row changes its mind there. */
static void find_own(struct cal_row *r) {
  for (unsigned i = 0; i < r->row->step_count; i++) {
    const struct fisa_step *s = &r->row->steps[i];
    note_own(r, &s->a);
    note_own(r, &s->b);
    note_own(r, &s->c);
    note_own(r, &s->imm);
  }
}

int cal_row_make(const struct cal_bench *b, uint8_t opcode,
                 struct cal_row *out, struct fisa_error *err) {
  const struct fisa_row *row = &b->d->rows[opcode];
  /* The last stands at the very end: what is checked there shows. */
  uint32_t places[CAL_CASES], size = CAL_LEAD, most;
  uint8_t *code = calloc(1, CAL_LEAD + CAL_CASES * 24u);
  int rc = -1;
  memset(out, 0, sizeof *out);
  out->row = row;
  out->count = CAL_CASES;
  most = CAL_LEAD + CAL_CASES * row->length;
  if (code == NULL) return fisa_fail(err, "out of memory");
  find_own(out);
  for (uint32_t i = 0; i < CAL_CASES; i++) {
    struct fisa_insn in = {.row = row, .pc = size};
    places[i] = size;
    size += put_instruction(b->d, &in, most, i, code + size);
    assert(size <= CAL_LEAD + CAL_CASES * 24u);
  }
  if (fisa_program_from_bytes(b->d, code, size, &out->program, err) == 0 &&
      fir_lower_places(out->program, places, CAL_CASES, &out->ir, err) == 0)
    rc = 0;
  for (uint32_t i = 0; rc == 0 && i < CAL_CASES; i++)
    (void)fisa_decode(b->d, code, size, places[i], &out->in[i]);
  free(code);
  return rc;
}

void cal_row_done(struct cal_row *r) {
  fir_free(r->ir);
  fisa_program_free(r->program);
  memset(r, 0, sizeof *r);
}

/* ---- states ------------------------------------------------------------- */

/* Drawing the cells that an instruction reads. */
struct reading {
  const struct cal_bench *b;
  const struct cal_row *row;
  const struct fisa_insn *in;
  struct stream *r;
  bool addresses;   /* they may be some */
  uint32_t alike;   /* how they are alike */
  int32_t last[2];  /* by type */
  bool any[2];
  uint32_t cells;   /* so many drawn */
  uint32_t turn_at; /* the cell that is `turn` */
  int32_t turn;
  bool small;       /* and the others next to nothing */
};

/* Something about the cell drawn before: comparisons are about that. */
static int32_t about(struct reading *q, int32_t last, int32_t v) {
  int32_t near = (int32_t)below(q->r, 3) - 1;
  switch (q->alike) {
    case 0:
    case 1: return last;
    case 2: return fsem_add(last, near);
    case 3: return fsem_sub(near, last);
    case 4: return fsem_add(last, own_value(q->row, q->in, q->r));
    default: return v;
  }
}

static int32_t draw_cell(struct reading *q, bool is_real) {
  int32_t v = is_real ? real(q->r) : whole(q->row, q->in, q->r);
  if (!is_real && q->addresses && below(q->r, 2)) v = address(q->b->d, q->r);
  if (q->any[is_real] && (!is_real || q->alike <= 1))
    v = about(q, q->last[is_real], v);
  if (!is_real && q->small) v = (int32_t)below(q->r, 4);
  if (!is_real && q->cells++ == q->turn_at) v = q->turn;
  q->any[is_real] = true;
  return q->last[is_real] = v;
}

/* In some states a cell, or all, are one of the row's constants, in turn. */
static void draw_turn(struct reading *q, uint32_t index) {
  uint32_t n = own_constants(q->row, q->in), turn = index / 3;
  if (n == 0 || index % 3 != 1) return;
  (void)own_constant(q->row, q->in, turn / 9 % n, &q->turn);
  q->turn = fsem_add(q->turn, (int32_t)(turn / 3 % 3) - 1);
  q->turn_at = turn % 3;
  if (q->turn_at < 2) return;
  q->turn_at = 0;
  q->alike = 0;
}

/* In others a cell is an address a few bytes before the end of memory, by
 * itself or with the immediate; a word there goes round it. */
static void draw_end(struct reading *q, uint32_t index) {
  uint32_t turn = index / 3;
  if (!q->addresses || index % 3 != 2) return;
  q->turn = fsem_wrap(q->b->d->mem_size - 1 - turn % 5);
  q->turn_at = turn / 5 % 2;
  q->small = turn % 2;
  for (unsigned i = 0; i < q->in->row->operand_count && turn % 4 < 2; i++) {
    unsigned kind = q->in->row->operands[i].kind;
    if (kind != FISA_OPERAND_REG && kind != FISA_OPERAND_UNUSED)
      q->turn = fsem_sub(q->turn, q->in->value[i]);
  }
}

/* Other registers than those named, for a machine that mistakes one for the
 * other: the first of the file, and those half a file away. */
static void draw_mistaken(struct reading *q, int32_t *cells) {
  const struct fisa_dialect *d = q->b->d;
  const struct fisa_row *row = q->in->row;
  for (unsigned i = 0; i < row->operand_count; i++) {
    const struct fisa_operand *op = &row->operands[i];
    uint32_t f = 0, n;
    if (op->kind != FISA_OPERAND_REG || op->files == 0) continue;
    while (!(op->files >> f & 1)) f++;
    n = d->files[f].count;
    if (d->files[f].type != FISA_I32) continue;
    cells[d->files[f].first] = whole(q->row, q->in, q->r);
    cells[d->files[f].first + ((uint32_t)q->in->value[i] + n / 2) % n] =
        whole(q->row, q->in, q->r);
  }
}

/* Where cells are read, values that tell. */
static void draw_read(const struct cal_bench *b, const struct cal_row *row,
                      uint32_t index, struct stream *r, int32_t *cells) {
  const struct fisa_dialect *d = b->d;
  struct reading q = {.b = b, .row = row, .in = &row->in[index], .r = r,
                      .alike = below(r, 8), .turn_at = UINT32_MAX};
  struct fisa_effects e;
  fisa_effects(d, q.in, &e);
  q.addresses = e.mem_read || e.mem_write;
  draw_mistaken(&q, cells);
  draw_turn(&q, index);
  draw_end(&q, index);
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].kind == FISA_FILE_FLAG)
      cells[d->files[f].first] = (int32_t)below(r, 2);
  for (uint32_t i = 0; i < FISA_SET_WORDS; i++) {
    for (uint64_t bits = e.reads.w[i]; bits != 0; bits &= bits - 1) {
      uint32_t cell = i * 64 + (uint32_t)__builtin_ctzll(bits);
      const struct fisa_file *file = cal_file_of(d, cell);
      if (file == NULL || b->fixed[file - d->files] || file->tick ||
          file->kind == FISA_FILE_FLAG)
        continue;
      cells[cell] = draw_cell(&q, file->type == FISA_F32);
    }
  }
}

/* Sets a cell so that a jump whose target it is part of goes somewhere. */
static void draw_dynamic(const struct cal_bench *b, const struct cal_row *row,
                         const struct fisa_insn *in, struct stream *r,
                         int32_t *cells) {
  const struct fisa_row *w = in->row;
  uint32_t to = below(r, row->program->size + 8);
  int32_t cell;
  if (w->target_reg >= w->operand_count || below(r, 8) == 0) return;
  cell = fisa_reg_cell(b->d, fisa_operand_file(&w->operands[w->target_reg]),
                       in->value[w->target_reg]);
  if (cell < 0) return;
  cells[cell] = fsem_wrap(to - fisa_target_base(in));
}

/* Empty, full, nearly so, half full, anything; on top what may be a place. */
static void draw_stack(const struct cal_bench *b, const struct cal_row *row,
                       const struct fisa_insn *in, uint32_t file,
                       struct stream *r, int32_t *cells) {
  const struct fisa_file *f = &b->d->files[file];
  const uint32_t depths[] = {0, f->count, 1, f->count - 1u, f->count / 2u,
                             below(r, f->count + 1u)};
  uint32_t depth = depths[below(r, 6)];
  cells[cal_index_cell(b->d, file)] =
      (int32_t)(f->down ? f->count - depth : depth);
  for (uint32_t i = 0; i < depth && i < 4; i++) {
    int32_t v = f->type == FISA_F32 ? real(r) : whole(row, in, r);
    if (in->row->flow == FISA_FLOW_RET && below(r, 4) != 0)
      v = (int32_t)below(r, row->program->size + 8) - in->row->bias;
    cells[f->first + (f->down ? f->count - depth + i : depth - 1 - i)] = v;
  }
}

void cal_draw(const struct cal_bench *b, const struct cal_row *r,
              uint32_t index, uint32_t attempt, struct cal_case *out) {
  const struct fisa_dialect *d = b->d;
  const struct fisa_insn *in = &r->in[index];
  struct stream s = stream_at(STREAM_STATE,
                              (uint64_t)r->row->opcode << 32 | index, attempt);
  memcpy(out->cells, b->cells, d->cell_count * sizeof *out->cells);
  out->index = index;
  out->mem = b->mem;
  out->cycles = below(&s, 2) ? below(&s, 1u << 20) : 0;
  for (unsigned i = 0; i < CAL_INPUTS; i++)
    out->input[i] = whole(r, in, &s);
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].tick)
      out->cells[d->files[f].first] =
          below(&s, 4) == 0 ? (int32_t)below(&s, 3) : 0;
  for (uint32_t f = 0; f < d->file_count; f++)
    if (cal_index_cell(d, f) >= 0)
      draw_stack(b, r, in, f, &s, out->cells);
  draw_read(b, r, index, &s, out->cells);
  draw_dynamic(b, r, in, &s, out->cells);
}
