/*
 * plugin/kinds_move.c - MoveInstruction: rows that stand elsewhere.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/kinds.h"

enum {
  MOVE_FUSE = 0,                 /* to whoever reads it, and fused there; for
                                    each of its operands and ways to fuse */
  FUSE_OPERANDS = 2,
  MOVE_SINK = FUSE_OPERANDS * 3, /* behind a branch, where it is wanted */
  MOVE_SWAP,                     /* with the one behind it; drawn */
  MOVE_WAYS
};
_Static_assert(FSE_FUSE_WAYS == 3, "MOVE_SINK comes behind them");

#define DIRECTED ((uint32_t)MOVE_SINK + 1u)
#define FAR_MAX 16u  /* instructions from a value to its use */

bool fse_move_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

uint32_t fse_move_sites(const struct fse_view *v) {
  return v->facts->count * DIRECTED;
}

/* Where, above j in its block, the nth operand that j reads was made; at least
 * one row stands between. */
static uint32_t made_at(const struct fse_view *v, uint32_t j, unsigned nth) {
  const struct fisa_insn *in = &v->facts->insn[j];
  const struct fse_usage *u = &v->lexicon->usage[in->row->opcode];
  unsigned k = 0;
  for (; k < in->row->operand_count; k++)
    if ((u->reads >> k & 1u) && nth-- == 0) break;
  if (k >= in->row->operand_count || (u->shared >> k & 1u)) return UINT32_MAX;
  for (uint32_t i = j, n = 0; i > 0 && n < FAR_MAX; n++) {
    const struct fisa_insn *from;
    int m;
    if (v->facts->is_head[i]) return UINT32_MAX;
    from = &v->facts->insn[--i];
    m = fse_def_operand(v->lexicon, from->row);
    if (m < 0 || v->lexicon->usage[from->row->opcode].file[m] != u->file[k] ||
        from->value[m] != in->value[k])
      continue;
    return i + 1 < j && fse_plain(v, i) ? i : UINT32_MAX;
  }
  return UINT32_MAX;
}

/* Whether a set of cells meets another. */
static bool meet(const struct fisa_set *a, const struct fisa_set *b) {
  for (unsigned w = 0; w < FISA_SET_WORDS; w++)
    if (a->w[w] & b->w[w]) return true;
  return false;
}

/* Whether two rows in a line, i first, may change places as far as cells go.
 * What both write, such as flags, counts only where it is live behind j. */
static bool independent(const struct fse_view *v, uint32_t i, uint32_t j) {
  uint32_t behind = fse_follower(v, j);
  struct fisa_effects a, b;
  fisa_effects(v->program->dialect, &v->facts->insn[i], &a);
  fisa_effects(v->program->dialect, &v->facts->insn[j], &b);
  if (behind == UINT32_MAX || a.pinned || b.pinned ||
      meet(&a.writes, &b.reads) || meet(&a.reads, &b.writes))
    return false;
  for (unsigned w = 0; w < FISA_SET_WORDS; w++)
    if (a.writes.w[w] & b.writes.w[w] & v->facts->live_in[behind].w[w])
      return false;
  return !(a.mem_write && (b.mem_read || b.mem_write)) &&
         !(a.mem_read && b.mem_write) &&
         !((a.input || a.output) && (b.input || b.output)) &&
         !((a.stack_read || a.stack_write) &&
           (b.stack_read || b.stack_write));
}

/* A copy of node i before node j. */
static uint32_t put_before(struct fse_draft *d, uint32_t i, uint32_t j,
                           bool take_jumps) {
  const struct fse_node n = d->nodes[i];
  return fse_draft_insert(d, j, take_jumps, n.insn.row, n.insn.value,
                          FSE_NO_NODE);
}

/*
 * A value that only one side of a branch wants is made there: where the branch
 * goes, if nobody else does, or behind it.
 */
static int sink(const struct fse_view *v, uint32_t i, struct fse_draft *d,
                struct fse_proposal *out) {
  const struct fisa_insn *in = &v->facts->insn[i];
  uint32_t b = i, to, behind, at;
  struct fisa_effects fx;
  do {
    b = fse_follower(v, b);
    if (b == UINT32_MAX || v->facts->is_head[b] || b > i + FAR_MAX) return -1;
    if (v->facts->insn[b].row->flow == FISA_FLOW_NEXT &&
        !independent(v, i, b))
      return -1;
  } while (v->facts->insn[b].row->flow == FISA_FLOW_NEXT);
  if (!fse_is_branch(v->facts->insn[b].row) || !independent(v, i, b))
    return -1;
  to = d->nodes[b].target;
  behind = fse_follower(v, b);
  if (to == FSE_NO_NODE || behind == UINT32_MAX) return -1;
  fisa_effects(v->program->dialect, in, &fx);
  if (!meet(&fx.writes, &v->facts->live_in[to])) {
    at = put_before(d, i, behind, false);
  } else if (!meet(&fx.writes, &v->facts->live_in[behind])) {
    uint32_t jumps = 0;
    for (uint32_t k = 0; k < v->facts->count; k++)
      jumps += v->draft->nodes[k].target == to;
    if (jumps != 1 || to == 0 || to == v->draft->entry ||
        v->facts->insn[to - 1].row->flow == FISA_FLOW_NEXT ||
        fse_is_branch(v->facts->insn[to - 1].row))
      return -1;
    at = put_before(d, i, to, true);
  } else {
    return -1;
  }
  if (at == FSE_NO_NODE || fse_draft_remove(d, i) != 0) return -1;
  return fse_propose(d, v, out, MOVE_SINK, in->pc);
}

int fse_move_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out) {
  uint32_t j = site / DIRECTED, way = site % DIRECTED, i;
  if (!fse_plain(v, j) || d->nodes[j].dead) return -1;
  if (way == MOVE_SINK) {
    const struct fisa_row *row = v->facts->insn[j].row;
    if (!fse_computes(row) || v->lexicon->denied[row->opcode] ||
        fse_def_operand(v->lexicon, row) < 0)
      return -1;
    return sink(v, j, d, out);
  }
  i = made_at(v, j, way / FSE_FUSE_WAYS);
  if (i == UINT32_MAX || d->nodes[i].dead ||
      v->facts->insn[i].row->flow != FISA_FLOW_NEXT ||
      fse_fuse(v, i, j, way % FSE_FUSE_WAYS, d, out) != 0)
    return -1;
  out->way = MOVE_FUSE;
  out->value = (int32_t)v->facts->insn[i].pc;
  return 0;
}

/* Two rows that do not know of each other, the other way round. */
int fse_move_random(const struct fse_view *v, uint64_t seed, uint64_t round,
                    uint64_t index, struct fse_draft *d,
                    struct fse_proposal *out) {
  uint64_t x = ftrial_random(seed, round, index, 12);
  uint32_t j = (uint32_t)(x % v->facts->count), i;
  if (j == 0 || v->facts->is_head[j]) return -1;
  i = j - 1;
  if (!fse_plain(v, i) || !fse_plain(v, j) || d->nodes[i].dead ||
      d->nodes[j].dead || !fse_computes(v->facts->insn[i].row) ||
      !fse_computes(v->facts->insn[j].row) ||
      v->lexicon->denied[v->facts->insn[j].row->opcode] ||
      !independent(v, i, j) || put_before(d, j, i, true) == FSE_NO_NODE ||
      fse_draft_remove(d, j) != 0)
    return -1;
  return fse_propose(d, v, out, MOVE_SWAP, v->facts->insn[j].pc);
}

void fse_move_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  if (p->way == MOVE_FUSE)
    snprintf(out, FSE_REASON, "the one at %d moved to that at %u, and in it",
             p->value, p->pc);
  else
    snprintf(out, FSE_REASON, "the one at %u %s", p->pc,
             p->way == MOVE_SINK ? "sunk to where it is wanted"
                                 : "before the one before it");
}
