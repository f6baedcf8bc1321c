/*
 * plugin/prove_piece.c - a piece cut out of an IR program.
 *
 * Its ops come in an order in which control only ever goes forward, so that
 * anybody can see that there is no loop in it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/prove_impl.h"

enum mark { UNSEEN, OPEN, CLOSED };

struct cut {
  const struct fir_program *ir;
  const uint32_t *exit_of;
  uint8_t *mark;            /* [count]: enum mark */
  uint32_t *order;          /* ops, those finished first first */
  uint32_t count;
  uint32_t *place;          /* [count]: index in the piece */
  struct fir_program *out;
  uint32_t exits;           /* that are left by */
  bool loops, too_long;
};

/* ---- which ops ---------------------------------------------------------- */

static void visit(struct cut *c, uint32_t at, bool first) {
  const struct fir_ins *n = &c->ir->ins[at];
  if (at >= c->ir->count || (!first && c->exit_of[at] != FIR_NONE)) return;
  if (c->mark[at] == OPEN) c->loops = true;
  if (c->mark[at] != UNSEEN || c->loops || c->too_long) return;
  /* As many ops again may be jumps that the order asks for. A fault that is
   * an exit's number would be taken for it. */
  if (c->count == FSE_PIECE_OPS / 2 ||
      (n->op == FLUX_OP_HALT && n->imm >= FSE_EXIT)) {
    c->too_long = true;
    return;
  }
  c->mark[at] = OPEN;
  c->count++;
  if (prove_jumps(n->op)) visit(c, n->target, false);
  if (prove_goes_on(n->op)) visit(c, at + 1, false);
  c->mark[at] = CLOSED;
}

/* The same walk once more, which writes the order: last finished, first. */
static void list(struct cut *c, uint32_t at, bool first) {
  const struct fir_ins *n = &c->ir->ins[at];
  if (at >= c->ir->count || (!first && c->exit_of[at] != FIR_NONE) ||
      c->mark[at] != CLOSED)
    return;
  c->mark[at] = UNSEEN;
  if (prove_jumps(n->op)) list(c, n->target, false);
  if (prove_goes_on(n->op)) list(c, at + 1, false);
  c->order[c->count++] = at;
}

/* ---- the piece ---------------------------------------------------------- */

/* The exits that are left by, as ops behind all others. */
static uint32_t exit_place(struct cut *c, uint32_t number) {
  struct fir_program *p = c->out;
  for (uint32_t i = 0; i < p->count; i++)
    if (p->ins[i].op == FLUX_OP_HALT &&
        p->ins[i].imm == (int32_t)(FSE_EXIT + number))
      return i;
  if (c->exits++ == FSE_EXITS_MAX) {
    c->exits--;
    c->too_long = true;
    return 0;
  }
  p->ins[p->count] = (struct fir_ins){
      .op = FLUX_OP_HALT, .imm = (int32_t)(FSE_EXIT + number),
      .d = p->sink, .a = p->zero, .b = p->zero, .c = p->zero};
  return p->count++;
}

static uint32_t place_of(struct cut *c, uint32_t at) {
  if (c->exit_of[at] != FIR_NONE) return exit_place(c, c->exit_of[at]);
  return c->place[at];
}

static void emit(struct cut *c) {
  struct fir_program *p = c->out;
  const struct fir_program *ir = c->ir;
  for (uint32_t k = c->count; k-- > 0;) {
    uint32_t at = c->order[k];
    bool next = k > 0 && c->order[k - 1] == at + 1 &&
                c->exit_of[at + 1] == FIR_NONE;
    c->place[at] = p->count;
    p->ins[p->count++] = ir->ins[at];
    if (prove_goes_on(ir->ins[at].op) && !next)
      p->ins[p->count++] = (struct fir_ins){
          .op = FIR_GOTO, .target = at + 1, .d = p->sink, .a = p->zero,
          .b = p->zero, .c = p->zero};
  }
  for (uint32_t i = 0, all = p->count; i < all; i++)
    if (prove_jumps(p->ins[i].op))
      p->ins[i].target = place_of(c, p->ins[i].target);
}

static int room(struct cut *c, struct fisa_error *err) {
  static const struct fisa_program nowhere = {.size = 1};
  uint32_t n = c->ir->count;
  *c->out = *c->ir;
  c->out->source = &nowhere;
  c->out->cost = NULL;
  c->out->count = 0;
  c->out->entry = 0;
  c->out->ins = calloc(FSE_PIECE_OPS + FSE_EXITS_MAX + 1,
                       sizeof *c->out->ins);
  c->out->at = malloc(2 * sizeof *c->out->at);
  c->out->pool = malloc((c->ir->pool_count + 1) * sizeof *c->out->pool);
  c->mark = calloc(n, 1);
  c->order = malloc((FSE_PIECE_OPS + 1) * sizeof *c->order);
  c->place = malloc(n * sizeof *c->place);
  if (c->out->ins == NULL || c->out->at == NULL || c->out->pool == NULL ||
      c->mark == NULL || c->order == NULL || c->place == NULL)
    return fisa_fail(err, "out of memory");
  if (c->ir->pool_count > 0)
    memcpy(c->out->pool, c->ir->pool,
           c->ir->pool_count * sizeof *c->out->pool);
  c->out->at[0] = 0;
  c->out->at[1] = FIR_NONE;
  return 0;
}

int fse_piece_make(const struct fir_program *ir, uint32_t begin,
                   const uint32_t *exit_of, struct fir_program *out,
                   struct fisa_error *err) {
  struct cut c = {.ir = ir, .exit_of = exit_of, .out = out};
  int rc = room(&c, err);
  assert(begin < ir->count);
  if (rc == 0) {
    visit(&c, begin, true);
    c.count = 0;
    if (c.loops) rc = fisa_fail(err, "a loop");
    if (c.too_long) rc = fisa_fail(err, "too many ops");
  }
  if (rc == 0) {
    list(&c, begin, true);
    emit(&c);
    if (c.too_long || out->count > FSE_PIECE_OPS)
      rc = fisa_fail(err, "too many ops");
  }
  free(c.mark);
  free(c.order);
  free(c.place);
  if (rc != 0) fse_piece_done(out);
  return rc;
}

void fse_piece_done(struct fir_program *piece) {
  free(piece->ins);
  free(piece->at);
  free(piece->pool);
  memset(piece, 0, sizeof *piece);
}
