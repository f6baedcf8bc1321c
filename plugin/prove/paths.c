/*
 * plugin/prove/paths.c - a piece as paths of terms: each branch both ways,
 * each place where it may fault a way of its own.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "plugin/prove/solve.h"

/* A run along one path. */
struct walk {
  struct paths *p;
  struct terms *t;
  const struct fir_program *piece;
  int side;
  uint32_t at;
  struct path now;
};

static int no(struct paths *p, const char *why) {
  assert(why[0] != '\0');
  if (p->reason[0] == '\0') snprintf(p->reason, sizeof p->reason, "%s", why);
  return -1;
}

/* ---- where it begins ---------------------------------------------------- */

static Z3_ast variable(struct paths *p, const char *what, int side,
                       uint32_t n) {
  char name[48];
  snprintf(name, sizeof name, "%s%u.%d", what, n, side);
  return Z3_mk_const(p->t.z, Z3_mk_string_symbol(p->t.z, name), p->t.word);
}

Z3_ast paths_input(struct paths *p, uint32_t n) {
  return variable(p, "input", 2, n);
}

/* What a cell of the state holds, where a single value is known: that. */
static Z3_ast state_cell(struct paths *p, int side, uint32_t cell) {
  const struct fse_question *q = p->q;
  bool both = prove_asked(q->piece[0]->dialect, &q->live, cell);
  for (uint32_t k = 0; k < q->known_count; k++)
    if (q->known[k].cell == cell && q->known[k].lo == q->known[k].hi)
      return term_word(&p->t, q->known[k].lo);
  return variable(p, "cell", both ? 2 : side, cell);
}

static int begin_cells(struct paths *p, int side) {
  const struct fir_program *f = p->q->piece[side];
  Z3_ast *cell = calloc(f->cell_count, sizeof *cell);
  if (cell == NULL) return no(p, "out of memory");
  p->begin[side] = cell;
  for (uint32_t i = 0; i < f->cell_count; i++) {
    if (i < f->state_cells)
      cell[i] = prove_stack_cell(f->dialect, i) ? NULL
                                                : state_cell(p, side, i);
    else if (i >= f->pool_first)
      cell[i] = term_word(&p->t, f->pool[i - f->pool_first]);
    else if (i == f->zero)
      cell[i] = term_word(&p->t, 0);
    else
      cell[i] = variable(p, "temp", side, i); /* whatever was left there */
  }
  return 0;
}

Z3_ast paths_in_spans(struct paths *p, const struct fse_span *span,
                      uint32_t count, Z3_ast at) {
  struct terms *t = &p->t;
  Z3_ast in = Z3_mk_false(t->z);
  for (uint32_t i = 0; i < count; i++) {
    Z3_ast off = Z3_mk_bvsub(t->z, at, term_word(t, span[i].first));
    if (span[i].count == 0) continue;
    if (span[i].first == 0 && span[i].count - 1 == t->mask)
      return Z3_mk_true(t->z);
    in = term_or(t, in, Z3_mk_bvult(t->z, off, term_word(t, span[i].count)));
  }
  return in;
}

/* Who asks for what an array held. */
struct base {
  struct paths *p;
  int side;
};

static void note(struct paths *p, Z3_ast at, Z3_ast value, bool stack,
                 int side) {
  if (p->asked_count == MOST_ASKED) return; /* a worse counterexample */
  p->asked[p->asked_count++] = (struct asked){at, value, stack, side};
}

static Z3_ast byte_base(Z3_ast at, void *user) {
  struct base *b = user;
  struct terms *t = &b->p->t;
  Z3_ast both = term_function(t, "mem", 1, &at, t->byte);
  Z3_ast own = term_function(t, b->side ? "mem.1" : "mem.0", 1, &at, t->byte);
  Z3_ast value = term_ite(
      t, paths_in_spans(b->p, b->p->q->span, b->p->q->span_count, at), both,
      own);
  note(b->p, at, value, false, b->side);
  return value;
}

static Z3_ast stack_base(Z3_ast at, void *user) {
  struct base *b = user;
  Z3_ast value = term_function(&b->p->t, "stack", 1, &at, b->p->t.word);
  note(b->p, at, value, true, 2);
  return value;
}

/* ---- the end of a way --------------------------------------------------- */

static int leave(struct walk *w, enum leave how, int32_t code) {
  struct paths *p = w->p;
  struct path *to;
  if (p->count[w->side] == FSE_PATHS_MAX) return no(p, "too many paths");
  to = &p->path[w->side][p->count[w->side]];
  *to = w->now;
  to->cell = malloc(w->piece->cell_count * sizeof *to->cell);
  if (to->cell == NULL) return no(p, "out of memory");
  p->count[w->side]++;
  memcpy(to->cell, w->now.cell, w->piece->cell_count * sizeof *to->cell);
  to->leave = how;
  to->code = code;
  if (to->inputs > p->input_count) p->input_count = to->inputs;
  return 0;
}

/* 1: surely, 0: surely not, -1: it depends. */
static int sure(struct walk *w, Z3_ast *when) {
  const struct assumed *a = w->now.assumed;
  *when = Z3_simplify(w->t->z, *when);
  switch (Z3_get_bool_value(w->t->z, *when)) {
    case Z3_L_TRUE: return 1;
    case Z3_L_FALSE: return 0;
    default: break;
  }
  for (; a != NULL; a = a->before)
    if (Z3_is_eq_ast(w->t->z, a->when, *when)) return a->holds;
  return -1;
}

/* From here on a condition holds, or does not. */
static void assume(struct walk *w, struct path *on, Z3_ast when, bool holds) {
  struct paths *p = w->p;
  struct terms *t = w->t;
  on->when = term_and(t, on->when, holds ? when : term_not(t, when));
  if (p->assumed_count == MOST_ASSUMED) return; /* a longer way to the same */
  p->assumed[p->assumed_count] =
      (struct assumed){on->assumed, when, holds};
  on->assumed = &p->assumed[p->assumed_count++];
}

/* c ? a : b, where c may be known. */
static Z3_ast either(struct walk *w, Z3_ast c, Z3_ast a, Z3_ast b) {
  int s = sure(w, &c);
  if (s >= 0) return s ? a : b;
  return Z3_simplify(w->t->z, term_ite(w->t, c, a, b));
}

/* Where `when` holds it faults; goes on where it does not. Returns 1: it
 * surely faults. */
static int may_fault(struct walk *w, Z3_ast when, int32_t code) {
  struct path before = w->now;
  int s = sure(w, &when);
  if (s == 0) return 0;
  if (s < 0) assume(w, &w->now, when, true);
  if (leave(w, LEAVE_FAULT, code) != 0) return -1;
  w->now = before;
  if (s < 0) assume(w, &w->now, when, false);
  return s == 1;
}

/* ---- stacks ------------------------------------------------------------- */

/* The data stack of the machine at hand. */
struct stack {
  uint32_t sp;
  int32_t size;
  bool down;
};

static bool stack_of(const struct fir_program *f, struct stack *s) {
  const struct fisa_dialect *d = f->dialect;
  if (d->stack_file >= d->file_count) return false;
  s->sp = d->sp_cell;
  s->size = d->files[d->stack_file].count;
  s->down = d->files[d->stack_file].down;
  return true;
}

/* Whether fewer than n cells are live; so it is where the index is none. */
static Z3_ast few(struct walk *w, const struct stack *s, int32_t n) {
  struct terms *t = w->t;
  Z3_ast sp = w->now.cell[s->sp], size = term_word(t, s->size);
  Z3_ast wild = Z3_mk_bvugt(t->z, sp, size);
  Z3_ast live = s->down ? Z3_mk_bvsub(t->z, size, sp) : sp;
  return term_or(t, wild, Z3_mk_bvslt(t->z, live, term_word(t, n)));
}

/* Whether there is no room, or no index. */
static Z3_ast full(struct walk *w, const struct stack *s) {
  struct terms *t = w->t;
  Z3_ast sp = w->now.cell[s->sp], size = term_word(t, s->size);
  if (!s->down) return Z3_mk_bvuge(t->z, sp, size);
  return term_or(t, term_eq(t, sp, term_word(t, 0)),
                 Z3_mk_bvugt(t->z, sp, size));
}

/* Moves the index by n cells where `when` holds. */
static void move_sp(struct walk *w, const struct stack *s, Z3_ast when,
                    int32_t n) {
  struct terms *t = w->t;
  Z3_ast sp = w->now.cell[s->sp];
  Z3_ast to = Z3_mk_bvadd(t->z, sp, term_word(t, s->down ? -n : n));
  w->now.cell[s->sp] = Z3_simplify(t->z, either(w, when, to, sp));
}

static int push(struct walk *w, const struct stack *s, Z3_ast v) {
  struct terms *t = w->t;
  Z3_ast none = full(w, s), room, sp = w->now.cell[s->sp];
  Z3_ast at = s->down ? Z3_mk_bvsub(t->z, sp, term_word(t, 1)) : sp;
  int is_full = sure(w, &none);
  if (is_full == 1) return 0;
  room = is_full == 0 ? NULL : term_not(t, none);
  if (term_write(t, &w->now.stack, room, Z3_simplify(t->z, at), v) != 0)
    return -1;
  move_sp(w, s, room != NULL ? room : Z3_mk_true(t->z), 1);
  return 0;
}

/* The cell n from the top. */
static Z3_ast top(struct walk *w, const struct stack *s, int32_t n) {
  struct terms *t = w->t;
  Z3_ast sp = w->now.cell[s->sp];
  Z3_ast at = Z3_mk_bvadd(t->z, sp, term_word(t, s->down ? n : -1 - n));
  return term_read(t, &w->now.stack, Z3_simplify(t->z, at));
}

/* Drops n cells, or all that there are; an index that is none stays. */
static void drop(struct walk *w, const struct stack *s, int32_t n) {
  struct terms *t = w->t;
  Z3_ast sp = w->now.cell[s->sp], size = term_word(t, s->size);
  Z3_ast wild = Z3_mk_bvugt(t->z, sp, size);
  Z3_ast none = term_word(t, s->down ? s->size : 0);
  Z3_ast less = Z3_mk_bvadd(t->z, sp, term_word(t, s->down ? n : -n));
  Z3_ast to = either(w, few(w, s, n), none, less);
  w->now.cell[s->sp] = Z3_simplify(t->z, either(w, wild, sp, to));
}

static int stack_op(struct walk *w, const struct fir_ins *n) {
  struct terms *t = w->t;
  struct stack s;
  Z3_ast empty, value, sp;
  if (!stack_of(w->piece, &s)) return no(w->p, "a stack op without a stack");
  switch (n->op) {
    case FLUX_OP_PUSH:
      return push(w, &s, w->now.cell[n->a]);
    case FLUX_OP_FOLD:
      value = w->now.cell[n->a];
      drop(w, &s, n->imm);
      return push(w, &s, value);
    case FLUX_OP_DROP:
      drop(w, &s, n->imm);
      return 0;
    case FIR_PEEK:
      value = top(w, &s, n->imm);
      w->now.cell[n->d] = either(w, few(w, &s, n->imm + 1),
                                 term_word(t, 0), value);
      return 0;
    case FIR_G_STACK_FULL:
      return may_fault(w, full(w, &s), n->imm);
    case FIR_G_STACK_EMPTY:
      return may_fault(w, few(w, &s, 1), n->imm);
    case FIR_G_STACK_FEW:
      return may_fault(w, few(w, &s, n->c), n->imm);
    default: /* POP, POPZ */
      empty = few(w, &s, 1);
      value = top(w, &s, 0);
      sp = w->now.cell[s.sp];
      move_sp(w, &s, Z3_mk_true(t->z), -1);
      w->now.cell[s.sp] = either(w, empty, sp, w->now.cell[s.sp]);
      w->now.cell[n->d] = either(
          w, empty, n->op == FLUX_OP_POP ? w->now.cell[n->d]
                                         : term_word(t, 0), value);
      return 0;
  }
}

/* ---- the outside -------------------------------------------------------- */

static int cross(struct walk *w, bool out, const struct fir_ins *n) {
  uint32_t what = (uint32_t)n->imm;
  const uint16_t cell[FISA_MAX_ARGS] = {n->a, n->b, n->c};
  struct event *e;
  if (what >> 16 > FISA_MAX_ARGS || w->p->event_count == MOST_EVENTS)
    return no(w->p, "too much crosses the border");
  e = &w->p->event[w->p->event_count++];
  *e = (struct event){w->now.events, out, (uint16_t)what, what >> 16, {NULL}};
  for (unsigned i = 0; i < e->argc; i++) e->arg[i] = w->now.cell[cell[i]];
  w->now.events = e;
  w->now.event_count++;
  if (!out) w->now.cell[n->d] = paths_input(w->p, w->now.inputs++);
  return 0;
}

/* ---- ops ---------------------------------------------------------------- */

static Z3_ast sign_bit(struct terms *t, Z3_ast v) {
  return term_bit(t, Z3_mk_bvslt(t->z, v, term_word(t, 0)));
}

static Z3_ast zero_bit(struct terms *t, Z3_ast v) {
  return term_bit(t, term_eq(t, v, term_word(t, 0)));
}

/* A cell that counts down while it is above 0. */
static void tick(struct walk *w, uint32_t cell) {
  struct terms *t = w->t;
  Z3_ast v = w->now.cell[cell];
  Z3_ast on = Z3_mk_bvsgt(t->z, v, term_word(t, 0));
  w->now.cell[cell] = Z3_simplify(
      t->z, term_ite(t, on, Z3_mk_bvsub(t->z, v, term_word(t, 1)), v));
}

/* Without ops for it, each instruction begins with a tick. */
static void fetch(struct walk *w, const struct fir_ins *n) {
  const struct fisa_dialect *d = w->piece->dialect;
  if (!(n->row & FIR_FIRST) || w->piece->ticks || n->op == FIR_END ||
      n->op == FIR_FAULT)
    return;
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].tick) tick(w, d->files[f].first);
}

static int walk(struct walk *w);

/* Both ways of a branch; `d` is a cell that the taken or both ways change. */
static int branch(struct walk *w, const struct fir_ins *n, Z3_ast when) {
  struct walk other = *w;
  int s = sure(w, &when), rc;
  uint32_t cells = w->piece->cell_count;
  if (s >= 0) {
    if (s == 1 && n->op == FLUX_OP_BR_GTZ_DEC)
      w->now.cell[n->d] = Z3_mk_bvsub(w->t->z, w->now.cell[n->a],
                                      term_word(w->t, 1));
    w->at = s == 1 ? n->target : w->at + 1;
    return 0;
  }
  other.now.cell = malloc(cells * sizeof *other.now.cell);
  if (other.now.cell == NULL) return no(w->p, "out of memory");
  memcpy(other.now.cell, w->now.cell, cells * sizeof *other.now.cell);
  if (n->op == FLUX_OP_BR_GTZ_DEC)
    other.now.cell[n->d] = Z3_mk_bvsub(w->t->z, w->now.cell[n->a],
                                       term_word(w->t, 1));
  assume(w, &other.now, when, true);
  other.at = n->target;
  rc = walk(&other);
  free(other.now.cell);
  assume(w, &w->now, when, false);
  w->at++;
  return rc;
}

/* An op of the tables: a value, a store, a guard. */
static int plain(struct walk *w, const struct fir_ins *n) {
  Z3_ast *cell = w->now.cell, out = NULL;
  struct term_in in = {cell[n->d], cell[n->a], cell[n->b], cell[n->c],
                       n->imm, &w->now.mem};
  char why[120];
  if (term_of(w->t, n->op, &in, &out) == TERM_NONE) {
    snprintf(why, sizeof why, "%s has no term here", fir_op_name(n->op));
    return no(w->p, why);
  }
  if (n->op >= FLUX_OP_COUNT) return may_fault(w, out, n->imm);
  if (out != NULL) cell[n->d] = Z3_simplify(w->t->z, out);
  return 0;
}

static int flags(struct walk *w, const struct fir_ins *n) {
  struct terms *t = w->t;
  Z3_ast *cell = w->now.cell, v = cell[n->a];
  if (n->op == FIR_SIGNS) {
    cell[n->d] = zero_bit(t, v);
    cell[n->c] = sign_bit(t, v);
    return 0;
  }
  v = n->op == FIR_ADD_SIGNS ? Z3_mk_bvadd(t->z, v, cell[n->b])
                             : Z3_mk_bvsub(t->z, v, cell[n->b]);
  cell[n->d] = v = Z3_simplify(t->z, v);
  cell[n->c] = zero_bit(t, v);
  cell[n->imm] = sign_bit(t, v);
  return 0;
}

/* One op. Returns 1: the way ends here, 0, or -1. */
static int step(struct walk *w, const struct fir_ins *n) {
  struct terms *t = w->t;
  Z3_ast *cell = w->now.cell, v, zero = term_word(t, 0);
  struct term_in in = {cell[n->d], cell[n->a], cell[n->b], cell[n->c],
                       n->imm, &w->now.mem};
  int rc;
  switch (n->op) {
    case FLUX_OP_NOP: return 0;
    case FLUX_OP_SWAP:
      v = cell[n->c];
      cell[n->d] = cell[n->b];
      cell[n->a] = v;
      return 0;
    case FIR_TICK: tick(w, n->d); return 0;
    case FIR_SIGNS:
    case FIR_ADD_SIGNS:
    case FIR_SUB_SIGNS: return flags(w, n);
    case FLUX_OP_DIV:
      rc = may_fault(w, term_eq(t, cell[n->b], zero), n->imm);
      return rc != 0 ? rc : plain(w, n);
    case FLUX_OP_CHECK:
      return may_fault(w, term_not(t, term_eq(t, cell[n->a], zero)), n->imm);
    case FLUX_OP_INPUT: return cross(w, false, n);
    case FLUX_OP_EMIT: return cross(w, true, n);
    case FLUX_OP_HALT: return leave(w, LEAVE_HALT, n->imm) != 0 ? -1 : 1;
    case FLUX_OP_TRAP:
    case FIR_FAULT: return leave(w, LEAVE_FAULT, n->imm) != 0 ? -1 : 1;
    case FIR_END: return leave(w, LEAVE_END, 0) != 0 ? -1 : 1;
    case FLUX_OP_PUSH:
    case FLUX_OP_POP:
    case FLUX_OP_POPZ:
    case FLUX_OP_DROP:
    case FLUX_OP_FOLD:
    case FIR_PEEK:
    case FIR_G_STACK_FULL:
    case FIR_G_STACK_EMPTY:
    case FIR_G_STACK_FEW: return stack_op(w, n);
    case FLUX_OP_JUMP:
    case FIR_GOTO: w->at = n->target - 1; return 0;
    case FLUX_OP_BR_DEC_GTZ:
      v = Z3_simplify(t->z, Z3_mk_bvsub(t->z, cell[n->a], term_word(t, 1)));
      cell[n->d] = v;
      rc = branch(w, n, Z3_mk_bvsgt(t->z, v, zero));
      w->at--;
      return rc;
    case FLUX_OP_BR_GTZ_DEC:
      rc = branch(w, n, Z3_mk_bvsgt(t->z, cell[n->a], zero));
      w->at--;
      return rc;
    case FLUX_OP_BR_EQZ:
    case FLUX_OP_BR_NEZ:
    case FLUX_OP_BR_LTZ:
    case FLUX_OP_BR_LEZ:
    case FLUX_OP_BR_GTZ:
    case FLUX_OP_BR_GEZ:
      if (term_of(t, n->op, &in, &v) == TERM_NONE)
        return no(w->p, "a branch without a term");
      rc = branch(w, n, v);
      w->at--;
      return rc;
    default: return plain(w, n);
  }
}

/* From w->at to where it leaves, other ways first. */
static int walk(struct walk *w) {
  int rc = 0;
  while (rc == 0) {
    assert(w->at < w->piece->count);
    const struct fir_ins *n = &w->piece->ins[w->at];
    fetch(w, n);
    rc = step(w, n);
    w->at++;
  }
  return rc < 0 ? -1 : 0;
}

static int make_side(struct paths *p, int side, struct base *base) {
  const struct fir_program *f = p->q->piece[side];
  struct walk w = {.p = p, .t = &p->t, .piece = f, .side = side};
  int rc;
  *base = (struct base){p, side};
  p->path[side] = calloc(FSE_PATHS_MAX, sizeof *p->path[side]);
  w.now.cell = malloc(f->cell_count * sizeof *w.now.cell);
  if (p->path[side] == NULL || w.now.cell == NULL || begin_cells(p, side)) {
    free(w.now.cell);
    return no(p, "out of memory");
  }
  memcpy(w.now.cell, p->begin[side], f->cell_count * sizeof *w.now.cell);
  w.now.when = Z3_mk_true(p->t.z);
  w.now.mem = (struct term_array){NULL, byte_base, base};
  w.now.stack = (struct term_array){NULL, stack_base, base};
  rc = walk(&w);
  free(w.now.cell);
  return rc;
}

int paths_make(struct paths *p, const struct fse_question *q, Z3_context z,
               bool open) {
  static struct base base[2];
  memset(p, 0, sizeof *p);
  terms_init(&p->t, z, q->piece[0]->dialect->mem_size);
  p->t.open = open;
  p->q = q;
  p->asked = calloc(MOST_ASKED, sizeof *p->asked);
  p->event = calloc(MOST_EVENTS, sizeof *p->event);
  p->assumed = calloc(MOST_ASSUMED, sizeof *p->assumed);
  if (p->asked == NULL || p->event == NULL || p->assumed == NULL)
    return no(p, "out of memory");
  if (make_side(p, 0, &base[0]) != 0) return -1;
  return make_side(p, 1, &base[1]);
}

void paths_done(struct paths *p) {
  for (int side = 0; side < 2; side++) {
    for (uint32_t i = 0; i < p->count[side]; i++) free(p->path[side][i].cell);
    free(p->path[side]);
    free(p->begin[side]);
  }
  free(p->asked);
  free(p->event);
  free(p->assumed);
  terms_done();
}
