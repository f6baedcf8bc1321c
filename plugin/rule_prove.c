/*
 * plugin/rule_prove.c - rules proved, and widened as far as that holds.
 *
 * Both sides are laid out as pieces of IR over the same inputs: the form's,
 * and the constants that may be anything. All other values are temporaries.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/rule_impl.h"

enum {
  CELLS = FSE_WINDOW_INS + FSE_WINDOW_CONSTS + FSE_WINDOW_OUTS,
  OPS = 2 * FSE_WINDOW_OPS + FSE_WINDOW_OUTS + 1
};

/* A question about a rule. */
struct asking {
  const struct fse_rule *r;
  const struct fisa_dialect *d;
  uint16_t cell[CELLS];   /* that it lends: inputs, constants, results */
  struct fir_program piece[2];          /* left, right */
  struct fir_ins ins[2][OPS];
  int32_t pool[2][FSE_WINDOW_CONSTS];
};

static unsigned cells_needed(const struct fse_wform *f) {
  return f->in_count + f->const_count + f->out_count;
}

/* Cells of plain registers, as many as are needed. */
static int borrow_cells(struct asking *q) {
  unsigned n = 0, all = cells_needed(&q->r->left);
  assert(all <= CELLS);
  for (uint32_t f = 0; f < q->d->file_count; f++) {
    const struct fisa_file *file = &q->d->files[f];
    if (file->kind != FISA_FILE_REGS || file->width > 1) continue;
    for (uint32_t k = 0; k < file->count && n < all; k++)
      q->cell[n++] = (uint16_t)(file->first + k);
  }
  return n == all ? 0 : -1;
}

static uint16_t any_cell(const struct asking *q, unsigned constant) {
  return q->cell[q->r->left.in_count + constant];
}

static uint16_t result_cell(const struct asking *q, unsigned k) {
  return q->cell[cells_needed(&q->r->left) - q->r->left.out_count + k];
}

/* The cell of a value of a side. */
static uint16_t cell_of(const struct asking *q, int side, uint8_t value) {
  const struct fse_wform *f = side == 0 ? &q->r->left : &q->r->right;
  const struct fir_program *p = &q->piece[side];
  unsigned c = value - f->in_count;
  if (value == FSE_NOTHING) return p->zero;
  if (value < f->in_count) return q->cell[value];
  if (c >= f->const_count)
    return (uint16_t)(p->temp + c - f->const_count);
  if (side == 1) {
    uint8_t from = q->r->from[c];
    if (from != FSE_NOTHING && (q->r->any >> from & 1))
      return any_cell(q, from);
  } else if (q->r->any >> c & 1) {
    return any_cell(q, c);
  }
  return (uint16_t)(p->pool_first + c);
}

static struct fir_ins *put(struct asking *q, int side, uint16_t op) {
  struct fir_program *p = &q->piece[side];
  struct fir_ins *n = &p->ins[p->count++];
  assert(p->count <= OPS);
  *n = (struct fir_ins){.op = op, .d = p->sink, .a = p->zero, .b = p->zero,
                        .c = p->zero, .row = FIR_FIRST};
  return n;
}

static void put_node(struct asking *q, int side, unsigned i) {
  const struct fse_wform *f = side == 0 ? &q->r->left : &q->r->right;
  const struct fse_wnode *n = &f->node[i];
  uint16_t d = (uint16_t)(q->piece[side].temp + i);
  struct fir_ins *out;
  if (n->d != FSE_NOTHING) {
    out = put(q, side, FLUX_OP_MOV);
    out->d = d;
    out->a = cell_of(q, side, n->d);
  }
  out = put(q, side, n->op);
  out->d = d;
  out->a = cell_of(q, side, n->a);
  out->b = cell_of(q, side, n->b);
  out->c = cell_of(q, side, n->c);
  out->imm = n->imm;
}

static void make_piece(struct asking *q, int side) {
  static const struct fisa_program nowhere = {.size = 1};
  static uint32_t at[2] = {0, FIR_NONE};
  const struct fse_wform *f = side == 0 ? &q->r->left : &q->r->right;
  struct fir_program *p = &q->piece[side];
  struct fir_ins *n;
  memset(p, 0, sizeof *p);
  p->source = &nowhere;
  p->dialect = q->d;
  p->at = at;
  p->ins = q->ins[side];
  p->state_cells = q->d->cell_count;
  p->zero = (uint16_t)p->state_cells;
  p->sink = p->zero + 1;
  p->temp = p->zero + 2;
  p->pool_first = p->temp + FSE_WINDOW_OPS;
  p->pool_count = f->const_count;
  p->pool = q->pool[side];
  p->cell_count = p->pool_first + p->pool_count;
  memcpy(p->pool, f->constant, f->const_count * sizeof *p->pool);
  for (unsigned i = 0; i < f->node_count; i++) put_node(q, side, i);
  for (unsigned k = 0; k < f->out_count; k++) {
    n = put(q, side, FLUX_OP_MOV);
    n->d = result_cell(q, k);
    n->a = cell_of(q, side, f->out[k]);
  }
  n = put(q, side, FLUX_OP_HALT);
  n->imm = FSE_EXIT;
}

static void add_cell(struct fisa_set *s, uint16_t cell) {
  assert(cell < FISA_SET_WORDS * 64u);
  s->w[cell / 64] |= UINT64_C(1) << cell % 64;
}

/* Asks about a rule as it stands. */
static enum fse_proof ask(struct fse_rule *r, struct fse_prover *p,
                          struct asking *q) {
  struct fisa_set exit = {{0}};
  struct fse_question question = {.piece = {&q->piece[0], &q->piece[1]},
                                  .exit_count = 1, .exit_live = &exit};
  for (int side = 0; side < 2; side++) make_piece(q, side);
  for (unsigned i = 0; i < r->left.in_count; i++)
    add_cell(&question.live, q->cell[i]);
  for (unsigned c = 0; c < r->left.const_count; c++)
    if (r->any >> c & 1) add_cell(&question.live, any_cell(q, c));
  for (unsigned k = 0; k < r->left.out_count; k++)
    add_cell(&exit, result_cell(q, k));
  return fse_prove(p, &question, NULL).proof;
}

enum fse_proof fse_rule_prove(struct fse_rule *r, struct fse_prover *p,
                              const struct fisa_dialect *d, bool widen) {
  struct asking *q = calloc(1, sizeof *q);
  enum fse_proof proof = FSE_UNPROVED;
  if (q == NULL) return proof;
  q->r = r;
  q->d = d;
  if (borrow_cells(q) == 0) proof = ask(r, p, q);
  for (unsigned c = 0;
       c < r->left.const_count && widen && proof == FSE_PROVED; c++) {
    uint16_t before = r->any;
    r->any |= (uint16_t)(1u << c);
    if (r->any != before && ask(r, p, q) != FSE_PROVED) r->any = before;
  }
  free(q);
  return proof;
}
