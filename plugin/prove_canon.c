/*
 * plugin/prove_canon.c - both pieces as expressions over what they begin
 * with.
 *
 * Equal expressions get one number, so pieces agree where the numbers do.
 * Constants are folded by the table that the engines run, operands that may
 * change places are ordered. Pieces that branch or use the stack are left to
 * others; what is said here is only ever "equal".
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "plugin/lexicon.h"
#include "plugin/prove_impl.h"

#define MOST_NODES 8192u
#define SLOTS (MOST_NODES * 2)

/* What is no op of a table. */
enum leaf {
  LEAF_CONST = FIR_OP_COUNT, LEAF_BOTH, LEAF_OWN, LEAF_MEMORY, LEAF_INPUT,
  LEAF_SEEN
};

struct node {
  uint16_t op;
  int32_t imm;
  uint32_t d, a, b, c, mem;
};

struct canon {
  const struct fse_question *q;
  uint32_t count;
  struct node node[MOST_NODES];
  uint32_t slot[SLOTS];     /* node + 1 */
  bool full;
};

/* A piece on its way. */
struct side {
  const struct fir_program *piece;
  uint32_t *cell;
  uint32_t mem;
  uint32_t seen;            /* guards, inputs and outputs, in their order */
  uint32_t inputs;
  int32_t halt;             /* how it leaves */
  uint32_t memory_begin;
};

static uint32_t hash(const struct node *n) {
  const uint32_t w[7] = {n->op, (uint32_t)n->imm, n->d, n->a, n->b, n->c,
                         n->mem};
  uint32_t h = 2166136261u;
  for (int i = 0; i < 7; i++) h = (h ^ w[i] ^ (h >> 15)) * 0x9E3779B1u;
  return h ^ h >> 13;
}

static uint32_t number(struct canon *k, struct node n) {
  uint32_t at = hash(&n) % SLOTS;
  for (; k->slot[at] != 0; at = (at + 1) % SLOTS) {
    const struct node *m = &k->node[k->slot[at] - 1];
    if (m->op == n.op && m->imm == n.imm && m->d == n.d && m->a == n.a &&
        m->b == n.b && m->c == n.c && m->mem == n.mem)
      return k->slot[at] - 1;
  }
  if (k->count == MOST_NODES) {
    k->full = true;
    return 0;
  }
  k->node[k->count] = n;
  k->slot[at] = ++k->count;
  return k->count - 1;
}

static uint32_t constant(struct canon *k, int32_t v) {
  return number(k, (struct node){.op = LEAF_CONST, .imm = v});
}

static bool is_const(const struct canon *k, uint32_t n, int32_t *v) {
  *v = k->node[n].imm;
  return k->node[n].op == LEAF_CONST;
}

/* ---- values ------------------------------------------------------------- */

bool prove_fold(unsigned op, const int32_t dabc[4], int32_t imm,
                int32_t *out) {
  const int32_t FD = dabc[0], FA = dabc[1], FB = dabc[2], FC = dabc[3];
  const int32_t FIMM = imm;
#define FOLD(ID, expression) \
  case FLUX_OP_##ID: \
    *out = (expression); \
    return true;
  switch (op) {
    FSEM_VALUES(FOLD)
    default:
      return false;
  }
#undef FOLD
}

/* The value of an op whose operands are all known. */
static bool fold(const struct canon *k, const struct node *n, int32_t *out) {
  int32_t v[4];
  if (!is_const(k, n->d, &v[0]) || !is_const(k, n->a, &v[1]) ||
      !is_const(k, n->b, &v[2]) || !is_const(k, n->c, &v[3]))
    return false;
  return prove_fold(n->op, v, n->imm, out);
}

static uint32_t value(struct canon *k, struct node n) {
  int32_t v;
  if (n.op == FLUX_OP_MOV) return n.a;
  if (fse_op_commutes(n.op) && n.a > n.b) {
    uint32_t a = n.a;
    n.a = n.b;
    n.b = a;
  }
  if (fold(k, &n, &v)) return constant(k, v);
  if (n.op == FLUX_OP_ADD && is_const(k, n.a, &v) && v == 0) return n.b;
  if (n.op == FLUX_OP_ADD && is_const(k, n.b, &v) && v == 0) return n.a;
  return number(k, n);
}

/* An op's operands as numbers; those it does not use are the constant 0. */
static struct node operands(struct canon *k, const struct side *s,
                            const struct fir_ins *i) {
  uint32_t none = constant(k, 0);
  uint32_t part[4] = {none, none, none, none};
  const uint16_t cell[4] = {i->d, i->a, i->b, i->c};
  for (unsigned n = 0; n < 4 && i->op < FLUX_OP_COUNT; n++)
    if (strchr("RM", fisa_semop_use(i->op, n)) != NULL)
      part[n] = s->cell[cell[n]];
  if (i->op >= FLUX_OP_COUNT) { /* a guard */
    part[1] = s->cell[i->a];
    part[2] = s->cell[i->b];
  }
  return (struct node){i->op, i->imm, part[0], part[1], part[2], part[3],
                       none};
}

/* ---- what shows besides ------------------------------------------------- */

static void show(struct canon *k, struct side *s, struct node n) {
  n.mem = s->seen;
  s->seen = number(k, n);
}

/* What would be looked at if the run ended here. */
static void show_state(struct canon *k, struct side *s) {
  const struct fse_question *q = k->q;
  uint32_t cells = s->piece->state_cells;
  for (uint32_t i = 0; i < cells; i++)
    if (prove_in(&q->observed, i) && !prove_stack_cell(s->piece->dialect, i))
      show(k, s, (struct node){.op = LEAF_SEEN, .a = s->cell[i]});
  if (q->end_span_count > 0)
    show(k, s, (struct node){.op = LEAF_SEEN, .imm = 1, .a = s->mem});
}

/* A place where the run may end in a fault. */
static void may_fault(struct canon *k, struct side *s, struct node n) {
  show_state(k, s);
  show(k, s, n);
}

/* ---- a piece ------------------------------------------------------------ */

static void tick(struct canon *k, struct side *s, uint32_t cell) {
  uint32_t v = s->cell[cell];
  int32_t known;
  if (is_const(k, v, &known))
    s->cell[cell] = constant(k, known > 0 ? known - 1 : known);
  else
    s->cell[cell] = number(k, (struct node){.op = FIR_TICK, .a = v});
}

static void fetch(struct canon *k, struct side *s, const struct fir_ins *i) {
  const struct fisa_dialect *d = s->piece->dialect;
  if (!(i->row & FIR_FIRST) || s->piece->ticks) return;
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].tick) tick(k, s, d->files[f].first);
}

static void signs(struct canon *k, struct side *s, const struct fir_ins *i) {
  uint32_t zero = constant(k, 0), v = s->cell[i->a];
  struct node sum = {i->op == FIR_ADD_SIGNS ? FLUX_OP_ADD : FLUX_OP_SUB, 0,
                     zero, v, s->cell[i->b], zero, zero};
  struct node eq = {FLUX_OP_EQ, 0, zero, v, zero, zero, zero};
  struct node lt = {FLUX_OP_LT, 0, zero, v, zero, zero, zero};
  if (i->op != FIR_SIGNS) {
    v = value(k, sum);
    s->cell[i->d] = eq.a = lt.a = v;
  }
  s->cell[i->op == FIR_SIGNS ? i->d : i->c] = value(k, eq);
  s->cell[i->op == FIR_SIGNS ? i->c : (uint16_t)i->imm] = value(k, lt);
}

/* An op of the tables; false: not one for us. */
static bool table_op(struct canon *k, struct side *s,
                     const struct fir_ins *i) {
  struct node n = operands(k, s, i);
#define VALUE(ID, expression) case FLUX_OP_##ID:
#define GUARD(ID, condition) case FIR_G_##ID:
  switch (i->op) {
    FSEM_VALUES(VALUE)
      s->cell[i->d] = value(k, n);
      return true;
    FSEM_GUARDS(GUARD)
      may_fault(k, s, n);
      return true;
    case FLUX_OP_VENC:
    case FLUX_OP_CAS8:
      return false;
    FSEM_STORES(VALUE)
      n.mem = s->mem;
      s->mem = number(k, n);
      return true;
    default:
      if (fisa_semop_effect(i->op) != FISA_EFFECT_LOAD) return false;
      n.mem = s->mem;
      s->cell[i->d] = number(k, n);
      return true;
  }
#undef VALUE
#undef GUARD
}

/* One op. Returns 1: it leaves, 0, or -1: not one for us. */
static int step(struct canon *k, struct side *s, const struct fir_ins *i) {
  struct node n = operands(k, s, i);
  uint32_t v;
  switch (i->op) {
    case FLUX_OP_NOP:
    case FIR_GOTO:
    case FLUX_OP_JUMP: return 0;
    case FIR_TICK: tick(k, s, i->d); return 0;
    case FIR_SIGNS:
    case FIR_ADD_SIGNS:
    case FIR_SUB_SIGNS: signs(k, s, i); return 0;
    case FLUX_OP_SWAP:
      v = s->cell[i->c];
      s->cell[i->d] = s->cell[i->b];
      s->cell[i->a] = v;
      return 0;
    case FLUX_OP_CHECK: may_fault(k, s, n); return 0;
    case FLUX_OP_DIV:
      may_fault(k, s, n);
      n.op = FLUX_OP_QUO;
      n.imm = 0;
      s->cell[i->d] = value(k, n);
      return 0;
    case FLUX_OP_INPUT:
    case FLUX_OP_EMIT:
      show(k, s, n);
      if (i->op == FLUX_OP_INPUT)
        s->cell[i->d] = number(
            k, (struct node){.op = LEAF_INPUT, .imm = (int32_t)s->inputs++});
      return 0;
    case FLUX_OP_HALT: s->halt = i->imm; return 1;
    default:
      if (i->op >= FLUX_OP_COUNT && i->op < FIR_G_ADD_OVERFLOW) return -1;
      return table_op(k, s, i) ? 0 : -1;
  }
}

static uint32_t begin_cell(struct canon *k, const struct side *s, int side,
                           uint32_t i) {
  const struct fse_question *q = k->q;
  const struct fir_program *p = s->piece;
  struct node n = {.op = LEAF_OWN, .imm = side, .a = i};
  if (i == p->zero) return constant(k, 0);
  if (i >= p->pool_first) return constant(k, p->pool[i - p->pool_first]);
  if (i >= p->state_cells || prove_stack_cell(p->dialect, i))
    return number(k, n);
  for (uint32_t w = 0; w < q->known_count; w++)
    if (q->known[w].cell == i && q->known[w].lo == q->known[w].hi)
      return constant(k, q->known[w].lo);
  if (prove_asked(p->dialect, &q->live, i)) {
    n.op = LEAF_BOTH;
    n.imm = 0;
  }
  return number(k, n);
}

/* Whether all of memory is the same where they begin. */
static bool one_memory(const struct fse_question *q) {
  return q->span_count == 1 && q->span[0].first == 0 &&
         q->span[0].count == q->piece[0]->dialect->mem_size;
}

/* Returns 0, or -1: not one for us. */
static int go(struct canon *k, struct side *s, int side) {
  const struct fir_program *p = k->q->piece[side];
  int rc = 0;
  memset(s, 0, sizeof *s);
  s->piece = p;
  s->cell = calloc(p->cell_count, sizeof *s->cell);
  if (s->cell == NULL) return -1;
  for (uint32_t i = 0; i < p->cell_count; i++)
    s->cell[i] = begin_cell(k, s, side, i);
  s->mem = number(k, (struct node){.op = LEAF_MEMORY,
                                   .imm = one_memory(k->q) ? 2 : side});
  s->memory_begin = s->mem;
  s->seen = constant(k, 0);
  for (uint32_t at = 0; rc == 0;) {
    const struct fir_ins *i = &p->ins[at];
    fetch(k, s, i);
    rc = step(k, s, i);
    at = i->op == FIR_GOTO || i->op == FLUX_OP_JUMP ? i->target : at + 1;
  }
  return rc < 0 || k->full ? -1 : 0;
}

static bool equal(const struct fse_question *q, const struct side *a,
                  const struct side *b) {
  const struct fisa_dialect *d = a->piece->dialect;
  bool leaves = a->halt >= FSE_EXIT;
  const struct fisa_set *set =
      leaves ? &q->exit_live[a->halt - FSE_EXIT] : &q->observed;
  uint32_t spans = leaves ? q->span_count : q->end_span_count;
  bool untouched = leaves && a->mem == a->memory_begin &&
                   b->mem == b->memory_begin;
  if (a->halt != b->halt || a->seen != b->seen) return false;
  if (spans > 0 && a->mem != b->mem && !untouched) return false;
  for (uint32_t i = 0; i < d->cell_count; i++)
    if (!prove_stack_cell(d, i) && a->cell[i] != b->cell[i] &&
        (leaves ? prove_asked(d, set, i) : prove_in(set, i)))
      return false;
  return true;
}

int prove_canonical(const struct fse_question *q) {
  struct canon *k = calloc(1, sizeof *k);
  struct side a = {.cell = NULL}, b = {.cell = NULL};
  int same = 0;
  if (k == NULL) return 0;
  k->q = q;
  if (go(k, &a, 0) == 0 && go(k, &b, 1) == 0) same = equal(q, &a, &b);
  free(a.cell);
  free(b.cell);
  free(k);
  return same;
}
