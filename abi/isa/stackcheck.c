/*
 * isa/stackcheck.c - how deep the data stack is, and whether calls match.
 *
 * The walk (flow.c) has counted depth from the entry of each function. What
 * is missing is how deep the stack is when a function is entered, which is an
 * interval over its calls; a recursion widens it to the whole stack.
 */
#include <assert.h>

#include "isa/verify_impl.h"

#define ROUNDS_BEFORE_WIDENING 3

static int32_t limit(const struct fisa__flow *g, int32_t depth) {
  return depth < 0 ? 0 : depth > g->stack_size ? g->stack_size : depth;
}

struct fisa__depth fisa__depth_at(const struct fisa__flow *g,
                                  const struct fisa__node *n) {
  struct fisa__depth all = {0, g->stack_size};
  struct fisa__depth at;

  if (n->func >= g->func_count || g->func[n->func].lo < 0)
    return all;
  /* Fewer cells than none and more than the stack holds are faults, which
   * no execution survives. */
  at.lo = limit(g, g->func[n->func].lo + n->lo);
  at.hi = limit(g, g->func[n->func].hi + n->hi);
  /* A link that may be gone says nothing about what lies below it. */
  return n->flags & FISA__BROKEN ? all : at;
}

/* Depth behind the link that a call pushes. */
static struct fisa__depth depth_of_call(const struct fisa__flow *g,
                                        const struct fisa__call *c) {
  struct fisa__depth at = fisa__depth_at(g, &g->node[c->node]);

  assert(c->func < g->func_count);
  at.lo = limit(g, at.lo + !g->links_apart);
  at.hi = limit(g, at.hi + !g->links_apart);
  return at;
}

/* Joins a call into its function's entry; whether that changed it. */
static bool enter(struct fisa__func *f, struct fisa__depth at, int32_t widen) {
  assert(at.lo <= at.hi);
  if (f->lo < 0) {
    f->lo = at.lo;
    f->hi = at.hi;
    return true;
  }
  if (at.lo >= f->lo && at.hi <= f->hi)
    return false;
  if (at.lo < f->lo)
    f->lo = widen ? 0 : at.lo;
  if (at.hi > f->hi)
    f->hi = widen ? widen : at.hi;
  return true;
}

void fisa__depth_solve(struct fisa__flow *g) {
  bool changed = true;

  for (uint32_t f = 1; f < g->func_count; f++)
    g->func[f].lo = g->func[f].hi = -1;
  g->func[0].lo = g->func[0].hi = limit(g, g->start_depth);
  for (int round = 0; changed; round++) {
    int32_t widen = round >= ROUNDS_BEFORE_WIDENING ? g->stack_size : 0;
    changed = false;
    for (uint32_t c = 0; c < g->call_count; c++) {
      const struct fisa__node *n = &g->node[g->call[c].node];
      /* Calls from code that is not known to be entered yet can wait. */
      if (n->func < g->func_count && g->func[n->func].lo < 0)
        continue;
      if (enter(&g->func[g->call[c].func], depth_of_call(g, &g->call[c]),
                widen))
        changed = true;
    }
  }
}

/* A RET that surely finds something else than the link of its call. */
static void check_ret(const struct fisa__flow *g, const struct fisa__node *n,
                      struct fisa__report *r) {
  if (g->links_apart) {
    if (n->func == 0 && g->func[0].calls == FISA__NONE &&
        !(n->flags & FISA__BROKEN))
      fisa__found(r, n->insn.pc, FISA_BAD_CALL, "%s without a call",
                  n->insn.row->name);
    return;
  }
  if (n->func == 0 && g->func[0].calls == FISA__NONE) {
    if (n->lo + g->start_depth > 0)
      fisa__found(r, n->insn.pc, FISA_BAD_CALL, "%s takes data for an address",
                  n->insn.row->name);
    else if (n->hi + g->start_depth <= 0)
      fisa__found(r, n->insn.pc, FISA_BAD_CALL, "%s without a call",
                  n->insn.row->name);
    return;
  }
  if (n->func == FISA__MIXED || n->func == 0)
    return;
  if (n->lo > 0)
    fisa__found(r, n->insn.pc, FISA_BAD_CALL,
                "%s takes data for an address: at least %d pushed since the "
                "call",
                n->insn.row->name, n->lo);
  else if (n->hi < 0)
    fisa__found(r, n->insn.pc, FISA_BAD_CALL, "%s after its link was popped",
                n->insn.row->name);
}

void fisa__check_stack(struct fisa__flow *g, struct fisa__report *r) {
  for (uint32_t i = 0; i < g->count; i++) {
    const struct fisa__node *n = &g->node[i];
    struct fisa__depth at;

    if (n->status != FISA_DECODED)
      continue;
    if (n->row & FISA__ROW_RET) {
      check_ret(g, n, r);
      continue;
    }
    if (n->need == 0 && !(n->row & FISA__ROW_FULL))
      continue;
    at = fisa__depth_at(g, n);
    assert(at.lo >= 0 && at.hi <= g->stack_size);
    if (at.hi < n->need)
      fisa__found(r, n->insn.pc, FISA_BAD_STACK_LOW,
                  "%s on a stack of at most %d", n->insn.row->name, at.hi);
    else if ((n->row & FISA__ROW_FULL) && at.lo >= g->stack_size)
      fisa__found(r, n->insn.pc, FISA_BAD_STACK_HIGH, "%s on a full stack",
                  n->insn.row->name);
  }
}
