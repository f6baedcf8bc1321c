/*
 * isa/loops.c - cycles in the control flow: those that are no natural loop,
 * and natural loops that can never be left.
 *
 * Loops are found with a depth-first numbering and union-find, innermost
 * first (Havlak's way), which also tells the cycles with more than one entry.
 * A call is an edge to where it returns; functions are roots of their own, so
 * that two calls of one function make no cycle.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/verify_impl.h"

/* Facts of one block. */
struct vertex {
  uint32_t pre, last; /* preorder number; the last in its subtree */
  uint32_t parent;    /* union-find */
  uint32_t header;    /* header of the innermost loop around it */
  uint32_t depth;     /* headers: how many loops around, itself included */
  uint32_t mark;      /* stamp of the body walk */
  uint32_t latch;     /* headers: a block that jumps back */
  bool seen, is_header, irreducible, can_leave, boundary;
};

struct loops {
  struct fisa__flow *g;
  struct fisa__report *report;
  struct vertex *v; /* [blocks] */
  uint32_t *order;  /* preorder -> block */
  uint32_t *stack;  /* [2 * blocks] */
  uint32_t *preds, *pred_at;
  uint32_t reached;
  bool has_back_edge;
};

/* Successors of a block inside its function. */
static int successors(const struct fisa__flow *g, uint32_t b, uint32_t out[2]) {
  const struct fisa__block *block = &g->block[b];
  int n = 0;

  if (block->next != FISA__NONE)
    out[n++] = block->next;
  if (block->jump != FISA__NONE && block->jump != block->next &&
      g->node[block->last].call == FISA__NONE)
    out[n++] = block->jump;
  return n;
}

/* Any edge that does not go forward in address order? Without one there is
 * no cycle, and most code between two boundaries has none. */
static bool may_cycle(const struct fisa__flow *g) {
  for (uint32_t b = 0; b < g->block_count; b++) {
    uint32_t to[2];
    int n = successors(g, b, to);
    while (n-- > 0)
      if (to[n] <= b)
        return true;
  }
  return false;
}

/* Depth-first numbering from one root; fills `last` on the way back. */
static void number_from(struct loops *l, uint32_t root) {
  uint32_t top = 0;

  if (l->v[root].seen)
    return;
  l->stack[top++] = root;
  while (top > 0) {
    uint32_t b = l->stack[top - 1];
    struct vertex *v = &l->v[b];
    uint32_t to[2];
    int n;
    if (!v->seen) {
      v->seen = true;
      v->pre = v->last = l->reached;
      l->order[l->reached++] = b;
    }
    n = successors(l->g, b, to);
    while (n > 0 && l->v[to[n - 1]].seen)
      n--;
    if (n > 0) {
      l->stack[top++] = to[n - 1];
      continue;
    }
    top--;
    v->last = l->reached - 1;
  }
}

static bool is_ancestor(const struct loops *l, uint32_t a, uint32_t b) {
  return l->v[a].pre <= l->v[b].pre && l->v[b].pre <= l->v[a].last;
}

static void number_blocks(struct loops *l) {
  struct fisa__flow *g = l->g;

  for (uint32_t b = 0; b < g->block_count; b++) {
    l->v[b].parent = b;
    l->v[b].header = l->v[b].latch = l->v[b].mark = FISA__NONE;
    for (uint32_t i = g->block[b].first; i <= g->block[b].last; i++)
      if (g->node[i].flags & FISA__BOUNDARY)
        l->v[b].boundary = true;
  }
  for (uint32_t f = 0; f < g->func_count; f++)
    number_from(l, g->block_of[g->func[f].entry]);
  /* What only a wild edge reaches is a root too. */
  for (uint32_t b = 0; b < g->block_count; b++)
    number_from(l, b);
  assert(l->reached == g->block_count);
}

/* Predecessor lists, as one array with offsets. */
static void list_preds(struct loops *l) {
  uint32_t n = l->g->block_count, sum = 0;
  uint32_t to[2];

  for (uint32_t b = 0; b < n; b++)
    for (int k = successors(l->g, b, to); k-- > 0;)
      l->pred_at[to[k]]++;
  for (uint32_t b = 0; b <= n; b++) {
    sum += l->pred_at[b];
    l->pred_at[b] = sum;
  }
  for (uint32_t b = 0; b < n; b++)
    for (int k = successors(l->g, b, to); k-- > 0;)
      l->preds[--l->pred_at[to[k]]] = b;
}

static uint32_t find(struct loops *l, uint32_t b) {
  while (l->v[b].parent != b) {
    l->v[b].parent = l->v[l->v[b].parent].parent;
    b = l->v[b].parent;
  }
  return b;
}

/*
 * Collects the body of the loop with header h: everything that reaches a
 * back edge without passing h. Inner loops stand for their headers. A
 * predecessor outside h's subtree is a second entry.
 */
static void collect(struct loops *l, uint32_t h) {
  struct vertex *v = l->v;
  uint32_t top = 0;

  for (uint32_t i = l->pred_at[h]; i < l->pred_at[h + 1]; i++) {
    uint32_t u = l->preds[i], rep;
    if (!is_ancestor(l, h, u))
      continue;
    v[h].is_header = true;
    v[h].latch = u;
    rep = find(l, u);
    if (rep != h && v[rep].mark != h) {
      v[rep].mark = h;
      l->stack[top++] = rep;
    }
  }
  for (uint32_t done = 0; done < top; done++) {
    uint32_t x = l->stack[done];
    for (uint32_t i = l->pred_at[x]; i < l->pred_at[x + 1]; i++) {
      uint32_t u = l->preds[i], rep;
      if (is_ancestor(l, x, u))
        continue; /* x's own back edge */
      rep = find(l, u);
      if (!is_ancestor(l, h, rep)) {
        v[h].irreducible = true;
        continue;
      }
      if (rep != h && v[rep].mark != h) {
        v[rep].mark = h;
        l->stack[top++] = rep;
      }
    }
  }
  for (uint32_t i = 0; i < top; i++) {
    v[l->stack[i]].header = h;
    v[l->stack[i]].parent = h;
  }
}

/* The innermost loop that a block is in, or NONE. */
static uint32_t loop_of(const struct loops *l, uint32_t b) {
  return l->v[b].is_header ? b : l->v[b].header;
}

static bool in_loop(const struct loops *l, uint32_t b, uint32_t h) {
  for (uint32_t at = loop_of(l, b); at != FISA__NONE; at = l->v[at].header)
    if (at == h)
      return true;
  return false;
}

static void nest(struct loops *l) {
  for (uint32_t i = l->reached; i-- > 0;)
    collect(l, l->order[i]);
  for (uint32_t i = 0; i < l->reached; i++) {
    struct vertex *v = &l->v[l->order[i]];
    if (v->is_header)
      v->depth = v->header == FISA__NONE ? 1 : l->v[v->header].depth + 1;
  }
}

/* ---- can a loop be left? ------------------------------------------------ */

/* What the body of a loop does to a cell. */
struct writers {
  uint32_t count;
  const struct fisa_insn *only; /* the writer, if there is one */
};

/* Functions are not told apart: any may be called. */
static bool functions_write(const struct fisa__flow *g, int cell) {
  for (uint32_t i = 0; i < g->count; i++)
    if (g->node[i].func != 0 && g->node[i].status == FISA_DECODED &&
        fisa__writes_cell(g->d, &g->node[i].insn, cell))
      return true;
  return false;
}

static struct writers writers_in(const struct loops *l, uint32_t h, int cell) {
  const struct fisa__flow *g = l->g;
  struct writers w = {0, NULL};

  for (uint32_t k = l->v[h].pre; k <= l->v[h].last && w.count < 2; k++) {
    uint32_t b = l->order[k];
    if (!in_loop(l, b, h))
      continue;
    for (uint32_t i = g->block[b].first; i <= g->block[b].last; i++) {
      const struct fisa__node *n = &g->node[i];
      if (n->status != FISA_DECODED)
        continue;
      if (fisa__writes_cell(g->d, &n->insn, cell)) {
        w.count++;
        w.only = &n->insn;
      }
      if (n->call != FISA__NONE && functions_write(g, cell))
        w.count = 2;
    }
  }
  return w;
}

/* The constant that a row of one move leaves in a cell. */
static bool moves_constant(const struct fisa__flow *g,
                           const struct fisa_insn *in, int32_t *value) {
  const struct fisa_step *s = &in->row->steps[0];

  return !in->row->opaque && in->row->step_count == 1 && s->op == FLUX_OP_MOV &&
         fisa__ref_const(g->d, in, &s->a, value);
}

/*
 * Whether the edge of a branch that leaves loop h may ever be taken. Never:
 * its condition is a constant, or a cell that the loop leaves alone, or one
 * that only ever gets one constant in it. Everything else is undecided.
 */
static bool may_take(const struct loops *l, uint32_t b, uint32_t to,
                     uint32_t h) {
  const struct fisa__flow *g = l->g;
  const struct fisa__node *n = &g->node[g->block[b].last];
  const struct fisa_row *row = n->insn.row;
  bool jumps = to == g->block[b].jump;
  int fixed = fisa__branch_fixed(g->d, &n->insn);
  const struct fisa_step *last;
  struct writers w;
  int32_t value;
  int cell;

  if (n->flags & FISA__DYNAMIC || row->step_count == 0 || row->opaque)
    return true;
  if (fixed >= 0)
    return fixed == jumps;
  last = &row->steps[row->step_count - 1];
  if (last->op < FLUX_OP_BR_EQZ || last->op > FLUX_OP_BR_GTZ_DEC)
    return true;
  cell = fisa__ref_cell(g->d, &n->insn, &last->a);
  if (cell < 0) /* a temporary: a comparison within the row */
    return true;
  w = writers_in(l, h, cell);
  if (w.count == 0)
    return false;
  if (w.count == 1 && w.only != &n->insn && moves_constant(g, w.only, &value))
    return fisa__branch_taken(last->op, value) == jumps;
  return true;
}

/* Whether calls may end the run or pass a boundary. */
static bool functions_stop(const struct fisa__flow *g) {
  for (uint32_t i = 0; i < g->count; i++) {
    const struct fisa__node *n = &g->node[i];
    if (n->func == 0)
      continue;
    if ((n->flags & FISA__BOUNDARY) || n->status != FISA_DECODED ||
        n->insn.row->flow == FISA_FLOW_HALT)
      return true;
  }
  return false;
}

static void mark_left(struct loops *l, uint32_t h) {
  for (; h != FISA__NONE; h = l->v[h].header)
    l->v[h].can_leave = true;
}

/* Every edge marks the loops that it can leave. */
static void find_exits(struct loops *l) {
  const struct fisa__flow *g = l->g;
  bool stops = g->func_count > 1 && functions_stop(g);

  for (uint32_t b = 0; b < g->block_count; b++) {
    const struct fisa__node *n = &g->node[g->block[b].last];
    uint32_t to[2];
    if (loop_of(l, b) == FISA__NONE)
      continue;
    if ((n->flags & FISA__DYNAMIC) || (n->call != FISA__NONE && stops))
      mark_left(l, loop_of(l, b));
    for (int k = successors(g, b, to); k-- > 0;) {
      uint32_t h = loop_of(l, b);
      for (; h != FISA__NONE && !in_loop(l, to[k], h); h = l->v[h].header)
        if (!l->v[h].can_leave && may_take(l, b, to[k], h))
          l->v[h].can_leave = true;
    }
  }
}

/* Whether there is a way round from h to h that meets no task boundary;
 * inside the loop, or anywhere for a cycle that is no natural loop. */
static bool free_round(struct loops *l, uint32_t h, bool inside) {
  uint32_t top = 0;
  uint32_t stamp = h + l->g->block_count; /* another than collect's */

  if (l->v[h].boundary)
    return false;
  l->stack[top++] = h;
  while (top > 0) {
    uint32_t to[2];
    uint32_t b = l->stack[--top];
    for (int k = successors(l->g, b, to); k-- > 0;) {
      struct vertex *v = &l->v[to[k]];
      if (to[k] == h)
        return true;
      if (v->mark == stamp || v->boundary || (inside && !in_loop(l, to[k], h)))
        continue;
      v->mark = stamp;
      l->stack[top++] = to[k];
    }
  }
  return false;
}

static void report_loops(struct loops *l) {
  struct fisa__flow *g = l->g;

  for (uint32_t i = 0; i < l->reached; i++) {
    uint32_t h = l->order[i];
    uint32_t pc = g->node[g->block[h].first].insn.pc;
    uint32_t latch;
    if (!l->v[h].is_header)
      continue;
    latch = g->node[g->block[l->v[h].latch].last].insn.pc;
    if (l->v[h].irreducible) {
      if (free_round(l, h, false))
        fisa__found(l->report, pc, FISA_BAD_LOOP,
                    "the cycle closed at %u can be entered elsewhere", latch);
    } else if (!l->v[h].can_leave && free_round(l, h, true)) {
      fisa__found(l->report, pc, FISA_BAD_ENDLESS,
                  "the loop closed at %u can never be left", latch);
    }
  }
}

int fisa__check_loops(struct fisa__flow *g, struct fisa__report *r) {
  uint32_t n = g->block_count;
  struct loops l = {.g = g, .report = r};
  uint32_t *words;

  if (n == 0 || !may_cycle(g))
    return 0;
  l.v = calloc(n, sizeof(*l.v));
  words = calloc(6 * (size_t)n + 1, sizeof(*words));
  if (!l.v || !words) {
    free(words);
    free(l.v);
    return -1;
  }
  l.order = words;
  l.stack = words + n;
  l.preds = words + 3 * (size_t)n;
  l.pred_at = words + 5 * (size_t)n;
  number_blocks(&l);
  list_preds(&l);
  nest(&l);
  find_exits(&l);
  report_loops(&l);
  free(words);
  free(l.v);
  return 0;
}
