/*
 * isa/sensitive.c - rows that count or place instructions: no child may
 * change the count or the layout in their reach.
 *
 *   layout  code addresses may show: every instruction keeps its address,
 *           and every row that makes an address stays where it is
 *   cycles  the cycle counter is read: instructions may be exchanged for
 *           others of the same length, cycles and flow, no more
 *   strip   a counter of instructions is set: what runs within its reach
 *           is the same, instruction for instruction, in both
 */
#include <assert.h>
#include <string.h>

#include "isa/relative.h"

static void frozen(struct fisa_verify_scratch *s, uint32_t pc, const char *what,
                   const char *why) {
  fisa__found(&s->child.report, pc, FISA_BAD_FROZEN, "%s: %s", what, why);
}

static bool same_outline(const struct fisa_verify_scratch *s) {
  const struct fisa_program *a = s->parent.flow.p, *b = s->child.flow.p;

  return a->size == b->size && a->entry == b->entry;
}

/* ---- layout ------------------------------------------------------------- */

/* Whether an instruction covers the start of one of the other program. */
static bool straddles(const struct fisa__flow *g, const struct fisa__node *n) {
  assert(n->insn.length > 0);
  for (uint32_t k = 1; k < n->insn.length; k++)
    if (n->insn.pc + k < g->p->size && g->index[n->insn.pc + k] != FISA__NONE)
      return true;
  return false;
}

static void check_layout(struct fisa_verify_scratch *s) {
  struct fisa__flow *g = &s->child.flow;
  const struct fisa__flow *parent = &s->parent.flow;

  if (!same_outline(s)) {
    frozen(s, g->p->entry, "the layout may not change", s->frozen_reason);
    return;
  }
  for (uint32_t i = 0; i < g->count; i++) {
    const struct fisa__node *n = &g->node[i];
    unsigned flags = n->row;
    uint32_t there = parent->index[n->insn.pc];
    bool links = n->status == FISA_DECODED &&
                 (flags & (FISA__ROW_CALL | FISA__ROW_LINK));
    if (straddles(parent, n))
      frozen(s, n->insn.pc, "an instruction lost its address",
             s->frozen_reason);
    else if (links && (there == FISA__NONE ||
                       parent->node[there].insn.row != n->insn.row))
      frozen(s, n->insn.pc, "a code address is made where none was",
             s->frozen_reason);
  }
}

/* ---- cycles ------------------------------------------------------------- */

static bool same_count(const struct fisa__node *a, const struct fisa__node *b,
                       bool counter) {
  const struct fisa_row *p = a->insn.row, *q = b->insn.row;

  if (a->insn.pc != b->insn.pc || a->status != b->status ||
      a->insn.length != b->insn.length || p->cycles != q->cycles ||
      p->flow != q->flow || a->to != b->to)
    return false;
  return !counter || fisa__same_content(a, b);
}

static void check_cycles(struct fisa_verify_scratch *s) {
  struct fisa__flow *a = &s->parent.flow, *b = &s->child.flow;
  static const char why[] = "the cycle counter is read";

  if (!same_outline(s) || a->count != b->count) {
    frozen(s, b->p->entry, "no instruction may come or go", why);
    return;
  }
  for (uint32_t i = 0; i < a->count; i++) {
    unsigned flags = a->node[i].row | b->node[i].row;
    if (!same_count(&a->node[i], &b->node[i], (flags & FISA__ROW_CYCLE) != 0)) {
      frozen(s, b->node[i].insn.pc, "the count of cycles changes here", why);
      return;
    }
  }
}

/* ---- strip -------------------------------------------------------------- */

/* Two instructions that must be alike, and so must `left` behind them. */
struct pair {
  uint32_t parent, child, left;
};

/* Pairs to visit, and for each parent instruction what it was paired with. */
struct lockstep {
  struct fisa_verify_scratch *s;
  uint32_t *work;    /* [parent count] */
  uint32_t *partner; /* [parent count]: child instruction, or NONE */
  uint32_t *left;    /* [parent count]: steps already followed from it */
  uint32_t work_count;
};

/* How many instructions a row's counter reaches: its constant. */
static uint32_t reach_of(const struct fisa__flow *g,
                         const struct fisa__node *n) {
  const struct fisa_row *row = n->insn.row;
  int32_t most = 255, v;

  assert(n->row & FISA__ROW_STRIP);
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if (s->d.kind == FISA_REF_CELL && g->d->files[s->d.file].tick &&
        s->op == FLUX_OP_MOV && fisa__ref_const(g->d, &n->insn, &s->a, &v))
      most = v > 1 ? v - 1 : 0; /* it has counted once before the first */
  }
  return (uint32_t)most;
}

/* False: the two programs differ here. */
static bool meet(struct lockstep *l, struct pair p) {
  if (p.parent == FISA__NONE || p.child == FISA__NONE)
    return p.parent == p.child;
  if (l->partner[p.parent] == FISA__NONE) {
    l->partner[p.parent] = p.child;
  } else {
    if (l->partner[p.parent] != p.child)
      return false;
    if (l->left[p.parent] >= p.left)
      return true;
  }
  l->left[p.parent] = p.left;
  /* One entry an instruction and visit at most: a longer reach than before
   * is rare, and there is room for each reach once. */
  l->work[l->work_count++] = p.parent;
  return true;
}

static bool follow(struct lockstep *l, uint32_t i) {
  struct fisa__flow *g = &l->s->parent.flow;
  const struct fisa__node *a = &g->node[i];
  const struct fisa__node *b = &l->s->child.flow.node[l->partner[i]];
  struct pair next = {a->next, b->next, l->left[i] - 1};
  struct pair jump = {a->jump, b->jump, l->left[i] - 1};

  assert(l->partner[i] < l->s->child.flow.count);
  if (!fisa__same_content(a, b) || (a->flags & FISA__DYNAMIC))
    return false;
  if (l->left[i] == 0 || a->status != FISA_DECODED)
    return true;
  if (a->row & FISA__ROW_RET)
    return false; /* to which of its calls cannot be told apart */
  if (a->call != FISA__NONE)
    return meet(l, jump);
  return meet(l, next) && meet(l, jump);
}

/* Runs both programs side by side from a pair of setting rows. */
static bool alike(struct lockstep *l, uint32_t parent, uint32_t child) {
  const struct fisa__flow *g = &l->s->parent.flow;
  struct pair first = {parent, child, reach_of(g, &g->node[parent])};
  uint32_t budget = 256 * 64;

  assert(parent < g->count);
  memset(l->partner, 0xFF, g->count * sizeof(*l->partner));
  l->work_count = 0;
  if (!meet(l, first))
    return false;
  while (l->work_count > 0) {
    uint32_t i = l->work[--l->work_count];
    /* Two more entries at most; the list must hold them. */
    if (budget-- == 0 || l->work_count + 2 > g->count + 2)
      return false;
    if (!follow(l, i))
      return false;
  }
  return true;
}

static int check_strip(struct fisa_verify_scratch *s) {
  const struct fisa__keys *a = &s->parent.strips, *b = &s->child.strips;
  struct fisa__flow *g = &s->child.flow;
  struct lockstep l = {.s = s};
  uint32_t n = s->parent.flow.count;
  static const char what[] = "the instructions within its reach differ";

  if (a->count != b->count) {
    frozen(s, b->count ? g->node[b->list[0].node].insn.pc : g->p->entry,
           "a counter of instructions", "there is another number of them");
    return 0;
  }
  if (fisa__room(&s->words, &s->words_room, 3 * n + 4, sizeof(*s->words)))
    return -1;
  l.partner = s->words;
  l.left = s->words + n;
  l.work = s->words + 2 * n;
  for (uint32_t i = 0; i < a->count; i++)
    if (!alike(&l, a->list[i].node, b->list[i].node)) {
      const struct fisa_insn *in = &g->node[b->list[i].node].insn;
      frozen(s, in->pc, in->row->name, what);
    }
  return 0;
}

static bool identical(const struct fisa_verify_scratch *s) {
  return same_outline(s) &&
         memcmp(s->parent.flow.p->code, s->child.flow.p->code,
                s->child.flow.p->size) == 0;
}

int fisa__check_sensitive(struct fisa_verify_scratch *s) {
  bool cycles = s->parent.reads_cycles || s->child.reads_cycles;

  assert(s->parent.flow.count > 0 && s->child.flow.count > 0);
  if (!s->layout_frozen && !cycles && s->parent.strips.count == 0 &&
      s->child.strips.count == 0)
    return 0;
  if (identical(s))
    return 0;
  if (s->layout_frozen)
    check_layout(s);
  if (cycles)
    check_cycles(s);
  if (s->parent.strips.count > 0 || s->child.strips.count > 0)
    return check_strip(s);
  return 0;
}
