/*
 * isa/loops.c - cycles in the control flow: those that are no natural loop,
 * and natural loops that can never be left.
 *
 * Every edge that goes back to an ancestor in a depth-first numbering closes
 * a cycle. Its body is what reaches the edge without passing its head; if
 * that leaves the head's subtree, the cycle has a second entry. Loops are
 * looked at one back edge at a time, so that a loop whose head is polled in
 * a short way round and passes a boundary in a long one is two loops.
 *
 * A call is an edge to where it returns; functions are roots of their own, so
 * that two calls of one function make no cycle.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/verify_impl.h"

/* Blocks and instructions looked at, in all, before what is left counts as
 * undecided. Only code made to be slow comes near. */
#define WORK_MAX (8u << 20)

/* Facts of one block. */
struct vertex {
  uint32_t pre, last; /* preorder number; the last in its subtree */
  uint32_t body;      /* stamp of the loop whose body it was last in */
  uint32_t passed;    /* stamp of the search for a way round */
  bool seen, boundary;
};

struct loops {
  struct fisa__flow *g;
  struct fisa__report *report;
  struct vertex *v; /* [blocks] */
  uint32_t *body;   /* [blocks]: the loop under work, head first */
  uint32_t body_count;
  uint32_t *stack; /* [blocks] */
  uint32_t *preds, *pred_at;
  uint32_t reached, stamp, work;
  bool stops; /* a function may end the run or pass a boundary */
};

/* Successors of a block inside its function. */
static int successors(const struct fisa__flow *g, uint32_t b, uint32_t out[2]) {
  const struct fisa__block *block = &g->block[b];
  int n = 0;

  assert(b < g->block_count);
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
      v->pre = v->last = l->reached++;
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

/*
 * Collects the body of the loop that the edge from `latch` to `head` closes.
 * False: the cycle can be entered elsewhere.
 */
static bool collect(struct loops *l, uint32_t head, uint32_t latch) {
  uint32_t stamp = ++l->stamp;

  assert(is_ancestor(l, head, latch));
  l->body_count = 0;
  l->body[l->body_count++] = head;
  l->v[head].body = stamp;
  if (latch != head) {
    l->body[l->body_count++] = latch;
    l->v[latch].body = stamp;
  }
  for (uint32_t done = 1; done < l->body_count; done++) {
    uint32_t x = l->body[done];
    for (uint32_t i = l->pred_at[x]; i < l->pred_at[x + 1]; i++) {
      uint32_t u = l->preds[i];
      if (l->v[u].body == stamp)
        continue;
      if (!is_ancestor(l, head, u))
        return false;
      l->v[u].body = stamp;
      l->body[l->body_count++] = u;
    }
  }
  l->work += l->body_count;
  return true;
}

/* Whether there is a way from head to latch that meets no task boundary;
 * within the body, or anywhere if `body` is 0. */
static bool free_way(struct loops *l, uint32_t head, uint32_t latch,
                     uint32_t body) {
  uint32_t stamp = ++l->stamp, top = 0;

  assert(head < l->g->block_count);
  if (l->v[head].boundary || l->v[latch].boundary)
    return false;
  l->stack[top++] = head;
  l->v[head].passed = stamp;
  while (top > 0) {
    uint32_t to[2], b = l->stack[--top];
    if (b == latch)
      return true;
    l->work++;
    for (int k = successors(l->g, b, to); k-- > 0;) {
      struct vertex *v = &l->v[to[k]];
      if (v->passed == stamp || v->boundary || (body && v->body != body))
        continue;
      v->passed = stamp;
      l->stack[top++] = to[k];
    }
  }
  return false;
}

/* ---- can a loop be left? ------------------------------------------------ */

/* The constant that a row of one move leaves in a cell. */
static bool moves_constant(const struct fisa__flow *g,
                           const struct fisa_insn *in, int32_t *value) {
  const struct fisa_step *s = &in->row->steps[0];

  return !in->row->opaque && in->row->step_count == 1 && s->op == FLUX_OP_MOV &&
         fisa__ref_const(g->d, in, &s->a, value);
}

/* Functions are not told apart: any may be called. */
static bool functions_write(const struct fisa__flow *g, int cell) {
  for (uint32_t i = 0; i < g->count; i++)
    if (g->node[i].func != 0 && g->node[i].status == FISA_DECODED &&
        fisa__writes_cell(g->d, &g->node[i].insn, cell))
      return true;
  return false;
}

/* What the body of a loop leaves in a cell. */
enum left_in { LEFT_ALONE, LEFT_CONSTANT, LEFT_ANYTHING };

/* The same of one block of it, where others have left `left`. */
static enum left_in left_by_block(struct loops *l, uint32_t b, int cell,
                                  enum left_in left, int32_t *value) {
  const struct fisa__flow *g = l->g;
  const struct fisa__block *block = &g->block[b];

  l->work += block->last - block->first + 1;
  /* What a branch looks at is mostly set just before it. */
  for (uint32_t i = block->last + 1; i-- > block->first;) {
    const struct fisa__node *n = &g->node[i];
    if (n->status != FISA_DECODED)
      continue;
    if (n->call != FISA__NONE) {
      l->work += g->count;
      if (functions_write(g, cell))
        return LEFT_ANYTHING;
    }
    if (!fisa__writes_cell(g->d, &n->insn, cell))
      continue;
    if (left != LEFT_ALONE || !moves_constant(g, &n->insn, value))
      return LEFT_ANYTHING;
    left = LEFT_CONSTANT;
  }
  return left;
}

/* Asked by the branch at the end of block `from`. */
static enum left_in left_in_cell(struct loops *l, uint32_t from, int cell,
                                 int32_t *value) {
  enum left_in left = left_by_block(l, from, cell, LEFT_ALONE, value);

  assert(cell >= 0);
  for (uint32_t k = 0; k < l->body_count && left != LEFT_ANYTHING; k++)
    if (l->body[k] != from)
      left = left_by_block(l, l->body[k], cell, left, value);
  return left;
}

/*
 * Whether the edge of a branch that leaves the loop may ever be taken. Never:
 * its condition is a constant, or a cell that the loop leaves alone, or one
 * that only ever gets one constant in it. Everything else is undecided.
 */
static bool may_take(struct loops *l, uint32_t b, uint32_t to) {
  const struct fisa__flow *g = l->g;
  const struct fisa__node *n = &g->node[g->block[b].last];
  const struct fisa_row *row = n->insn.row;
  bool jumps = to == g->block[b].jump;
  int fixed = fisa__branch_fixed(g->d, &n->insn);
  const struct fisa_step *last;
  int32_t value = 0;
  int cell;

  if (row->step_count == 0 || row->opaque)
    return true;
  if (fixed >= 0)
    return fixed == jumps;
  last = &row->steps[row->step_count - 1];
  if (last->op < FLUX_OP_BR_EQZ || last->op > FLUX_OP_BR_GTZ_DEC)
    return true;
  cell = fisa__ref_cell(g->d, &n->insn, &last->a);
  if (cell < 0) /* a temporary: a comparison within the row */
    return true;
  switch (left_in_cell(l, b, cell, &value)) {
  case LEFT_ALONE:
    return false;
  case LEFT_CONSTANT:
    return fisa__branch_taken(last->op, value) == jumps;
  default:
    return true;
  }
}

/* Whether the collected loop has a way out that may be taken. */
static bool can_leave(struct loops *l, uint32_t stamp) {
  const struct fisa__flow *g = l->g;

  assert(l->body_count > 0);
  for (uint32_t i = 0; i < l->body_count; i++) {
    uint32_t b = l->body[i], to[2];
    const struct fisa__node *n = &g->node[g->block[b].last];
    if ((n->flags & FISA__DYNAMIC) || (n->call != FISA__NONE && l->stops))
      return true;
    for (int k = successors(g, b, to); k-- > 0;)
      if (l->v[to[k]].body != stamp && may_take(l, b, to[k]))
        return true;
  }
  return false;
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

/* One back edge. True: it is a finding. */
static bool check_edge(struct loops *l, uint32_t head, uint32_t latch) {
  struct fisa__flow *g = l->g;
  uint32_t pc = g->node[g->block[head].first].insn.pc;
  uint32_t from = g->node[g->block[latch].last].insn.pc;
  uint32_t stamp;

  if (!collect(l, head, latch)) {
    if (!free_way(l, head, latch, 0))
      return false;
    fisa__found(l->report, pc, FISA_BAD_LOOP,
                "the cycle closed at %u can be entered elsewhere", from);
    return true;
  }
  stamp = l->stamp;
  if (can_leave(l, stamp) || !free_way(l, head, latch, stamp))
    return false;
  fisa__found(l->report, pc, FISA_BAD_ENDLESS,
              "the loop closed at %u can never be left", from);
  return true;
}

/* One finding a head at most. */
static void check_heads(struct loops *l) {
  for (uint32_t h = 0; h < l->g->block_count; h++)
    for (uint32_t i = l->pred_at[h]; i < l->pred_at[h + 1]; i++) {
      if (!is_ancestor(l, h, l->preds[i]))
        continue;
      if (l->work > WORK_MAX)
        return;
      if (check_edge(l, h, l->preds[i]))
        break;
    }
}

int fisa__check_loops(struct fisa__flow *g, struct fisa__report *r) {
  uint32_t n = g->block_count;
  struct loops l = {.g = g, .report = r};
  uint32_t *words;

  if (n == 0 || !may_cycle(g))
    return 0;
  l.v = calloc(n, sizeof(*l.v));
  words = calloc(5 * (size_t)n + 1, sizeof(*words));
  if (!l.v || !words) {
    free(words);
    free(l.v);
    return -1;
  }
  l.body = words;
  l.stack = words + n;
  l.preds = words + 2 * (size_t)n;
  l.pred_at = words + 4 * (size_t)n;
  l.stops = g->func_count > 1 && functions_stop(g);
  number_blocks(&l);
  list_preds(&l);
  check_heads(&l);
  free(words);
  free(l.v);
  return 0;
}
