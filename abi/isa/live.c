/*
 * isa/live.c - which cells are live before each instruction: their value may
 * still reach an observable.
 *
 * A backward dataflow over blocks. A RET is followed by whatever is live
 * behind any call of its function: each function has an exit, a vertex of
 * its own, between its RETs and the places its calls return to. Where a run
 * can end, by itself or by a fault, the observed cells are live.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/verify_impl.h"

/* What a node, or a whole block, does to a live set, going backwards:
 * live = (live - kills) | uses. */
struct transfer {
  struct fisa_set uses, kills;
};

struct liveness {
  struct fisa__flow *g;
  struct fisa_set observed;
  struct transfer *block; /* [blocks] */
  struct fisa_set *in;    /* [blocks + functions] */
  uint32_t *pred_at, *preds;
  uint32_t *work;
  bool *queued;
  uint32_t work_count, vertices;
};

static void set_join(struct fisa_set *a, const struct fisa_set *b) {
  for (int w = 0; w < FISA_SET_WORDS; w++)
    a->w[w] |= b->w[w];
}

/* Puts one more instruction in front of a transfer. */
static void prepend(struct transfer *t, const struct transfer *n) {
  for (int w = 0; w < FISA_SET_WORDS; w++) {
    t->uses.w[w] = (t->uses.w[w] & ~n->kills.w[w]) | n->uses.w[w];
    t->kills.w[w] |= n->kills.w[w];
  }
}

static void apply(const struct transfer *t, struct fisa_set *live) {
  for (int w = 0; w < FISA_SET_WORDS; w++)
    live->w[w] = (live->w[w] & ~t->kills.w[w]) | t->uses.w[w];
}

/* Whether the run may end at a node. A boundary at which the agent continues
 * is no end: what is live there is what the code behind it reads. */
static bool may_end(struct fisa__flow *g, uint32_t i) {
  const struct fisa__node *n = &g->node[i];

  return n->status != FISA_DECODED || n->insn.row->flow == FISA_FLOW_HALT ||
         (n->flags & (FISA__OFF_END | FISA__BAD_JUMP)) ||
         fisa__may_fault(g, i, NULL);
}

static void node_transfer(const struct liveness *l, uint32_t i,
                          struct transfer *t) {
  const struct fisa__node *n = &l->g->node[i];
  struct fisa_effects e;

  assert(i < l->g->count);
  memset(t, 0, sizeof(*t));
  if (n->status == FISA_DECODED) {
    fisa_effects(l->g->d, &n->insn, &e);
    t->uses = e.reads;
    t->kills = e.kills;
  }
  if (may_end(l->g, i))
    set_join(&t->uses, &l->observed);
}

/* Successors of a vertex: a block or the exit of a function. */
typedef void (*edge_fn)(struct liveness *l, uint32_t from, uint32_t to);

static void each_edge(struct liveness *l, edge_fn edge) {
  struct fisa__flow *g = l->g;

  for (uint32_t b = 0; b < g->block_count; b++) {
    const struct fisa__block *block = &g->block[b];
    const struct fisa__node *n = &g->node[block->last];
    bool is_ret = n->status == FISA_DECODED && (n->row & FISA__ROW_RET);
    if (block->jump != FISA__NONE)
      edge(l, b, block->jump);
    if (block->next != FISA__NONE && n->call == FISA__NONE)
      edge(l, b, block->next);
    if (is_ret && n->func < g->func_count)
      edge(l, b, g->block_count + n->func);
  }
  for (uint32_t c = 0; c < g->call_count; c++) {
    uint32_t next = g->node[g->call[c].node].next;
    if (next != FISA__NONE)
      edge(l, g->block_count + g->call[c].func, g->block_of[next]);
  }
}

static void count_edge(struct liveness *l, uint32_t from, uint32_t to) {
  (void)from;
  l->pred_at[to]++;
}

static void list_edge(struct liveness *l, uint32_t from, uint32_t to) {
  l->preds[--l->pred_at[to]] = from;
}

/* Every edge is counted first, then listed. A vertex has at most three
 * edges, but for exits, which share theirs out of the calls. */
static int list_preds(struct liveness *l) {
  uint32_t sum = 0;

  each_edge(l, count_edge);
  for (uint32_t v = 0; v <= l->vertices; v++) {
    sum += l->pred_at[v];
    l->pred_at[v] = sum;
  }
  l->preds = malloc((sum + 1) * sizeof(*l->preds));
  if (!l->preds)
    return -1;
  each_edge(l, list_edge);
  return 0;
}

static void push(struct liveness *l, uint32_t v) {
  if (l->queued[v])
    return;
  l->queued[v] = true;
  l->work[l->work_count++] = v;
  assert(l->work_count <= l->vertices);
}

/* What is live behind a block: only its edges say, so they are folded into
 * the predecessors when a vertex changes; this is the reverse of it. */
static void pull(struct liveness *l, uint32_t v, const struct fisa_set *out) {
  struct fisa_set in = *out;
  bool changed = false;

  assert(v < l->vertices);
  if (v < l->g->block_count)
    apply(&l->block[v], &in);
  for (int w = 0; w < FISA_SET_WORDS; w++) {
    changed |= (in.w[w] & ~l->in[v].w[w]) != 0;
    l->in[v].w[w] |= in.w[w];
  }
  if (changed)
    push(l, v);
}

static void solve(struct liveness *l) {
  static const struct fisa_set empty;

  for (uint32_t b = 0; b < l->g->block_count; b++)
    pull(l, b, &empty);
  /* A RET to past the end of the code ends the run. */
  for (uint32_t c = 0; c < l->g->call_count; c++)
    if (l->g->node[l->g->call[c].node].flags & FISA__OFF_END)
      pull(l, l->g->block_count + l->g->call[c].func, &l->observed);
  while (l->work_count > 0) {
    uint32_t v = l->work[--l->work_count];
    l->queued[v] = false;
    for (uint32_t i = l->pred_at[v]; i < l->pred_at[v + 1]; i++)
      pull(l, l->preds[i], &l->in[v]);
  }
}

static void live_behind(const struct liveness *l, uint32_t b,
                        struct fisa_set *out) {
  struct fisa__flow *g = l->g;
  const struct fisa__block *block = &g->block[b];
  const struct fisa__node *n = &g->node[block->last];

  assert(b < g->block_count);
  memset(out, 0, sizeof(*out));
  if (block->jump != FISA__NONE)
    set_join(out, &l->in[block->jump]);
  if (block->next != FISA__NONE && n->call == FISA__NONE)
    set_join(out, &l->in[block->next]);
  if (n->status == FISA_DECODED && n->func < g->func_count &&
      (n->row & FISA__ROW_RET))
    set_join(out, &l->in[g->block_count + n->func]);
}

static int allocate(struct liveness *l) {
  size_t n = l->vertices + 1u;

  l->block = calloc(n, sizeof(*l->block));
  l->in = calloc(n, sizeof(*l->in));
  l->pred_at = calloc(n + 1, sizeof(*l->pred_at));
  l->work = calloc(n, sizeof(*l->work));
  l->queued = calloc(n, sizeof(*l->queued));
  return l->block && l->in && l->pred_at && l->work && l->queued ? 0 : -1;
}

static void everything(const struct fisa__flow *g, struct fisa_set *live) {
  for (uint32_t i = 0; i < g->count; i++)
    memset(&live[i], 0xFF, sizeof(live[i]));
}

int fisa__live_solve(struct fisa__flow *g, struct fisa_set *live) {
  struct liveness l = {.g = g};
  struct transfer t;
  int rc = -1;

  if (g->wild) {
    everything(g, live);
    return 0;
  }
  l.vertices = g->block_count + g->func_count;
  fisa_observed_cells(g->p, &l.observed);
  if (allocate(&l) != 0 || list_preds(&l) != 0)
    goto out;
  for (uint32_t b = 0; b < g->block_count; b++)
    for (uint32_t i = g->block[b].last + 1; i-- > g->block[b].first;) {
      node_transfer(&l, i, &t);
      prepend(&l.block[b], &t);
    }
  solve(&l);
  for (uint32_t b = 0; b < g->block_count; b++) {
    struct fisa_set at;
    live_behind(&l, b, &at);
    for (uint32_t i = g->block[b].last + 1; i-- > g->block[b].first;) {
      node_transfer(&l, i, &t);
      apply(&t, &at);
      live[i] = at;
    }
  }
  rc = 0;
out:
  free(l.preds);
  free(l.queued);
  free(l.work);
  free(l.pred_at);
  free(l.in);
  free(l.block);
  return rc;
}
