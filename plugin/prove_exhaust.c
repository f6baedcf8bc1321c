/*
 * plugin/prove_exhaust.c - every value of the one cell that is read.
 *
 * A column of values at a time goes through both pieces, op by op: loops that
 * a compiler makes vectors of, over the table that the engines run. Pieces
 * that branch, touch more than cells or may fault are left alone.
 */
/* The loops are worth their vectors, at any level of optimisation. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("tree-vectorize")
#endif

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "gpu/uses.h"
#include "plugin/prove_impl.h"

#define COLUMN 1024u
#define LOOK 16u  /* columns between two looks at whether anybody waits */
#define NO_COLUMN UINT16_MAX

struct column {
  int32_t v[COLUMN];
};

struct sweep {
  const struct fse_question *q;
  uint16_t *at[2];          /* [cells]: column of a cell, or NO_COLUMN */
  struct column *column;
  uint32_t count, capacity;
  uint16_t input;           /* the cell that is read */
  bool reads;
  int32_t halt[2];
};

/* ---- is it such a question ---------------------------------------------- */

static bool plain_op(unsigned op) {
#define VALUE(ID, expression) case FLUX_OP_##ID:
#define GUARD(ID, condition) case FIR_G_##ID:
  switch (op) {
    FSEM_VALUES(VALUE)
    FSEM_GUARDS(GUARD)
    case FLUX_OP_NOP:
    case FLUX_OP_SWAP:
    case FLUX_OP_JUMP:
    case FLUX_OP_HALT:
    case FIR_GOTO:
    case FIR_SIGNS:
    case FIR_ADD_SIGNS:
    case FIR_SUB_SIGNS:
      return true;
    default:
      return false;
  }
#undef VALUE
#undef GUARD
}

static uint16_t column_new(struct sweep *s) {
  if (s->count == s->capacity) {
    uint32_t room = s->capacity ? s->capacity * 2 : 32;
    struct column *more = realloc(s->column, room * sizeof *more);
    if (more == NULL) return NO_COLUMN;
    s->column = more;
    s->capacity = room;
  }
  memset(&s->column[s->count], 0, sizeof s->column[0]);
  return (uint16_t)s->count++;
}

/* Gives a cell that is read its column: a constant, or the one input. */
static bool reads(struct sweep *s, int side, uint32_t cell) {
  const struct fir_program *p = s->q->piece[side];
  struct column *c;
  if (s->at[side][cell] != NO_COLUMN) return true;
  if ((s->at[side][cell] = column_new(s)) == NO_COLUMN) return false;
  c = &s->column[s->at[side][cell]];
  if (cell == p->zero) return true;
  if (cell >= p->pool_first) {
    for (uint32_t i = 0; i < COLUMN; i++)
      c->v[i] = p->pool[cell - p->pool_first];
    return true;
  }
  if (cell >= p->state_cells) return false; /* whatever was left there */
  if (!prove_asked(p->dialect, &s->q->live, cell)) return false;
  if (s->reads && s->input != cell) return false;
  s->reads = true;
  s->input = (uint16_t)cell;
  return true;
}

static bool writes(struct sweep *s, int side, uint32_t cell) {
  if (s->at[side][cell] != NO_COLUMN) return true;
  s->at[side][cell] = column_new(s);
  return s->at[side][cell] != NO_COLUMN;
}

/* The cells of an op, reads first. */
static bool columns_of(struct sweep *s, int side, const struct fir_ins *i) {
  const uint16_t cell[5] = {i->d, i->a, i->b, i->c, (uint16_t)i->imm};
  const struct fir_uses u = fir_uses_of(i->op, i->imm);
  bool ok = true;
  for (unsigned n = 0; n < 5; n++)
    if (u.of[n] == 'R' || u.of[n] == 'M') ok = ok && reads(s, side, cell[n]);
  for (unsigned n = 0; n < 5; n++)
    if (u.of[n] == 'W') ok = ok && writes(s, side, cell[n]);
  return ok;
}

static bool ticks(const struct fse_question *q) {
  const struct fisa_dialect *d = q->piece[0]->dialect;
  for (uint32_t f = 0; f < d->file_count; f++) {
    bool still = !d->files[f].tick;
    for (uint32_t k = 0; k < q->known_count; k++)
      still |= q->known[k].cell == d->files[f].first && q->known[k].hi <= 0;
    if (!still) return true;
  }
  return false;
}

static bool plan(struct sweep *s, int side, uint32_t *ops) {
  const struct fir_program *p = s->q->piece[side];
  s->at[side] = malloc(p->cell_count * sizeof *s->at[side]);
  if (s->at[side] == NULL) return false;
  memset(s->at[side], 0xFF, p->cell_count * sizeof *s->at[side]);
  for (uint32_t at = 0;; (*ops)++) {
    const struct fir_ins *i = &p->ins[at];
    if (!plain_op(i->op) || !columns_of(s, side, i)) return false;
    if (i->op == FLUX_OP_HALT) {
      s->halt[side] = i->imm;
      return true;
    }
    at = i->op == FIR_GOTO || i->op == FLUX_OP_JUMP ? i->target : at + 1;
  }
}

/* Cells that have to be equal and are written by one side at least. What
 * neither writes is equal as it was; of others nothing is known. */
static bool all_known(struct sweep *s, const struct fisa_set *want) {
  const struct fisa_dialect *d = s->q->piece[0]->dialect;
  for (uint32_t i = 0; i < d->cell_count; i++) {
    bool live = prove_asked(d, &s->q->live, i);
    if (prove_stack_cell(d, i) || !prove_asked(d, want, i)) continue;
    if (s->at[0][i] == NO_COLUMN && s->at[1][i] == NO_COLUMN) {
      if (!live) return false;
      continue;
    }
    /* One side leaves it as it was: then what it was is what is read. */
    for (int side = 0; side < 2; side++)
      if (s->at[side][i] == NO_COLUMN && !reads(s, side, i)) return false;
  }
  return true;
}

/* ---- a column ----------------------------------------------------------- */

#define FA a[l]
#define FB b[l]
#define FC c[l]
#define FD d[l]
#define FIMM imm

static void flags(const struct sweep *s, int side, const struct fir_ins *i) {
  const uint16_t *at = s->at[side];
  const int32_t *a = s->column[at[i->a]].v;
  const int32_t *b = i->op == FIR_SIGNS ? a : s->column[at[i->b]].v;
  int32_t sum[COLUMN];
  int32_t *zero, *less;
  for (uint32_t l = 0; l < COLUMN; l++)
    sum[l] = i->op == FIR_SIGNS       ? FA
             : i->op == FIR_ADD_SIGNS ? fsem_add(FA, FB)
                                      : fsem_sub(FA, FB);
  if (i->op != FIR_SIGNS)
    memcpy(s->column[at[i->d]].v, sum, sizeof sum);
  zero = s->column[at[i->op == FIR_SIGNS ? i->d : i->c]].v;
  less = s->column[at[i->op == FIR_SIGNS ? i->c : (uint16_t)i->imm]].v;
  for (uint32_t l = 0; l < COLUMN; l++) zero[l] = sum[l] == 0;
  for (uint32_t l = 0; l < COLUMN; l++) less[l] = sum[l] < 0;
}

static void swap(const struct sweep *s, int side, const struct fir_ins *i) {
  const uint16_t *at = s->at[side];
  struct column first = s->column[at[i->b]], second = s->column[at[i->c]];
  s->column[at[i->d]] = first;
  s->column[at[i->a]] = second;
}

/* One op on a column; false: some value faults. */
static bool column_op(const struct sweep *s, int side,
                      const struct fir_ins *i) {
  static const int32_t none[COLUMN];
  static _Thread_local int32_t sunk[COLUMN];
  const uint16_t *at = s->at[side];
  const int32_t *a = at[i->a] == NO_COLUMN ? none : s->column[at[i->a]].v;
  const int32_t *b = at[i->b] == NO_COLUMN ? none : s->column[at[i->b]].v;
  const int32_t *c = at[i->c] == NO_COLUMN ? none : s->column[at[i->c]].v;
  int32_t *d = at[i->d] == NO_COLUMN ? sunk : s->column[at[i->d]].v;
  const int32_t imm = i->imm;
  int faults = 0;
#define VALUE(ID, expression) \
  case FLUX_OP_##ID: \
    for (uint32_t l = 0; l < COLUMN; l++) FD = (expression); \
    return true;
#define GUARD(ID, condition) \
  case FIR_G_##ID: \
    for (uint32_t l = 0; l < COLUMN; l++) faults |= (condition); \
    return !faults;
  switch (i->op) {
    FSEM_VALUES(VALUE)
    FSEM_GUARDS(GUARD)
    case FLUX_OP_SWAP: swap(s, side, i); return true;
    case FIR_SIGNS:
    case FIR_ADD_SIGNS:
    case FIR_SUB_SIGNS: flags(s, side, i); return true;
    default: (void)imm; return true;
  }
#undef VALUE
#undef GUARD
}

static bool column_piece(const struct sweep *s, int side) {
  const struct fir_program *p = s->q->piece[side];
  for (uint32_t at = 0; p->ins[at].op != FLUX_OP_HALT;) {
    const struct fir_ins *i = &p->ins[at];
    if (!column_op(s, side, i)) return false;
    at = i->op == FIR_GOTO || i->op == FLUX_OP_JUMP ? i->target : at + 1;
  }
  return true;
}

/* The first value of the column that differs, or COLUMN. */
static uint32_t compare(const struct sweep *s, const struct fisa_set *want) {
  const struct fisa_dialect *d = s->q->piece[0]->dialect;
  for (uint32_t i = 0; i < d->cell_count; i++) {
    const int32_t *a, *b;
    if (s->at[0][i] == NO_COLUMN || !prove_asked(d, want, i)) continue;
    a = s->column[s->at[0][i]].v;
    b = s->column[s->at[1][i]].v;
    for (uint32_t l = 0; l < COLUMN; l++)
      if (a[l] != b[l]) return l;
  }
  return COLUMN;
}

/* Values of the input, from `first`; past the last, the last again. Columns
 * that hold constants may not be written by what runs. */
static void fill(struct sweep *s, int64_t first, int64_t last) {
  for (int side = 0; side < 2; side++) {
    struct column *c;
    if (s->at[side][s->input] == NO_COLUMN) continue;
    c = &s->column[s->at[side][s->input]];
    for (uint32_t l = 0; l < COLUMN; l++)
      c->v[l] = (int32_t)(first + l < last ? first + l : last);
  }
}

/* The values of the input. */
static void range(const struct sweep *s, int64_t *lo, int64_t *hi) {
  *lo = INT32_MIN;
  *hi = INT32_MAX;
  for (uint32_t k = 0; k < s->q->known_count; k++)
    if (s->reads && s->q->known[k].cell == s->input) {
      *lo = s->q->known[k].lo;
      *hi = s->q->known[k].hi;
    }
  if (!s->reads) *lo = *hi;
}

static enum fse_proof sweep_all(struct sweep *s, const struct fisa_set *want,
                                const struct fse_prover_limits *limits,
                                int32_t *value) {
  uint32_t columns = 0;
  int64_t lo, hi;
  range(s, &lo, &hi);
  for (int64_t v = lo; v <= hi; v += COLUMN) {
    uint32_t l;
    if (columns++ % LOOK == 0 && prove_stopped(limits)) return FSE_UNPROVED;
    if (s->reads) fill(s, v, hi);
    if (!column_piece(s, 0) || !column_piece(s, 1)) return FSE_UNPROVED;
    l = compare(s, want);
    if (l == COLUMN) continue;
    *value = (int32_t)(v + l < hi ? v + l : hi);
    return FSE_REFUTED;
  }
  return FSE_PROVED;
}

enum fse_proof prove_exhaust(const struct fse_question *q,
                             const struct fse_prover_limits *limits,
                             uint16_t *cell, int32_t *value) {
  struct sweep s = {.q = q};
  enum fse_proof proof = FSE_UNPROVED;
  uint32_t ops = 0;
  int64_t lo, hi;
  if (ticks(q) || !plan(&s, 0, &ops) || !plan(&s, 1, &ops)) goto done;
  if (s.halt[0] != s.halt[1] || s.halt[0] < FSE_EXIT) goto done;
  const struct fisa_set *want = &q->exit_live[s.halt[0] - FSE_EXIT];
  if (!all_known(&s, want)) goto done;
  range(&s, &lo, &hi);
  if (((uint64_t)ops + 1) * ((uint64_t)(hi - lo) + 1) > limits->exhaust)
    goto done;
  *cell = s.input;
  proof = sweep_all(&s, want, limits, value);
done:
  free(s.at[0]);
  free(s.at[1]);
  free(s.column);
  return proof;
}
