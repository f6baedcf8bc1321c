/*
 * plugin/kinds_loop.c - kinds that work on loops: HoistInvariant, UnrollLoop,
 * RollLoop.
 *
 * A loop is what lies between a jump back and where it goes, in the order of
 * the code: that is how loops are written, and a proposal that takes something
 * else for one is found out.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/kinds.h"

enum { BODY_MAX = 24, COPIES_MAX = 16 };

bool fse_loop_at(const struct fse_view *v, uint32_t back,
                 struct fse_loop *out) {
  const struct fse_node *n = &v->draft->nodes[back];
  if ((!fse_is_branch(n->insn.row) && !fse_is_jump(n->insn.row)) ||
      n->target == FSE_NO_NODE || n->target > back)
    return false;
  *out = (struct fse_loop){n->target, back};
  return true;
}

/* The nth loop around instruction i, from the smallest. */
static bool loop_around(const struct fse_view *v, uint32_t i, unsigned nth,
                        struct fse_loop *out) {
  for (uint32_t k = i; k < v->facts->count; k++)
    if (fse_loop_at(v, k, out) && out->head <= i && nth-- == 0) return true;
  return false;
}

/* Puts a row before a loop: only who comes from outside passes it. */
static uint32_t put_before(struct fse_draft *d, const struct fse_loop *l,
                           const struct fisa_row *row,
                           const int32_t value[FISA_MAX_OPERANDS]) {
  uint32_t fresh =
      fse_draft_insert(d, l->head, false, row, value, FSE_NO_NODE);
  if (fresh == FSE_NO_NODE) return FSE_NO_NODE;
  for (uint32_t i = 0; i < d->base_count; i++)
    if (d->nodes[i].target == l->head && (i < l->head || i > l->back))
      d->nodes[i].target = fresh;
  if (d->entry == l->head) d->entry = fresh;
  return fresh;
}

/* ---- HoistInvariant ----------------------------------------------------- */

/* As it is, or into a register that nobody else has; from the inner loop or
 * from the one around that. */
#define INVARIANT_WAYS 4u

bool fse_invariant_available(const struct fse_lexicon *l) {
  return fse_can_edit(l) && (fse_can(l, FLUX_OP_JUMP) ||
                             fse_can(l, FLUX_OP_BR_NEZ) ||
                             fse_can(l, FLUX_OP_BR_GTZ));
}

uint32_t fse_invariant_sites(const struct fse_view *v) {
  return v->facts->count * INVARIANT_WAYS;
}

/* Whether nothing in a loop changes what instruction i reads. */
static bool invariant(const struct fse_view *v, const struct fse_loop *l,
                      uint32_t i) {
  const struct fisa_dialect *d = v->program->dialect;
  struct fisa_effects mine, other;
  fisa_effects(d, &v->facts->insn[i], &mine);
  if (mine.pinned || mine.mem_write || mine.stack_read || mine.stack_write ||
      mine.input || mine.output || mine.may_fault)
    return false;
  for (uint32_t k = l->head; k <= l->back; k++) {
    fisa_effects(d, &v->facts->insn[k], &other);
    if (mine.mem_read && other.mem_write) return false;
    for (unsigned w = 0; w < FISA_SET_WORDS; w++)
      if (mine.reads.w[w] & other.writes.w[w]) return false;
  }
  return true;
}

int fse_invariant_apply(const struct fse_view *v, uint32_t site,
                        struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / INVARIANT_WAYS, way = site % INVARIANT_WAYS;
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_insn *in = &v->facts->insn[i];
  int k = fse_def_operand(v->lexicon, in->row);
  struct fse_loop l;
  if (!fse_plain(v, i) || d->nodes[i].dead || k < 0 ||
      v->lexicon->denied[in->row->opcode] || !fse_computes(in->row) ||
      !loop_around(v, i, way / 2, &l) || !invariant(v, &l, i))
    return -1;
  memcpy(value, d->nodes[i].insn.value, sizeof value);
  if (way & 1u) {
    struct fse_rename r = {v->lexicon->usage[in->row->opcode].file[k],
                           in->value[k], -1};
    r.to = fse_unused_register(v, d, r.file);
    if (r.to < 0 || fse_rename_uses(v, d, i, &r) <= 0) return -1;
    value[k] = r.to;
  }
  if (put_before(d, &l, d->nodes[i].insn.row, value) == FSE_NO_NODE ||
      fse_draft_remove(d, i) != 0)
    return -1;
  out->value = (int32_t)v->facts->insn[l.head].pc;
  return fse_propose(d, v, out, way, in->pc);
}

void fse_invariant_describe(const struct fse_proposal *p,
                            char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the one at %u goes before the loop at %d%s",
           p->pc, p->value,
           p->way & 1u ? ", in a register of its own" : "");
}

/* ---- UnrollLoop --------------------------------------------------------- */

/* As often as it runs, or two or four times. */
#define UNROLL_WAYS 3u

bool fse_unroll_available(const struct fse_lexicon *l) {
  return fse_can(l, FLUX_OP_BR_EQZ) || fse_can(l, FLUX_OP_BR_NEZ) ||
         fse_can(l, FLUX_OP_BR_GTZ) || fse_can(l, FLUX_OP_BR_DEC_GTZ);
}

uint32_t fse_unroll_sites(const struct fse_view *v) {
  return v->facts->count * UNROLL_WAYS;
}

/* How often the body runs each time the loop is entered, where that is always
 * the same; else 0. */
static uint32_t turns(const struct fse_view *v, const struct fse_loop *l) {
  uint32_t after = fse_follower(v, l->back);
  uint64_t runs = fse_profile_count(v->profile, l->back), left;
  if (after == UINT32_MAX || fse_jumped_to(v, after)) return 0;
  left = fse_profile_count(v->profile, after);
  if (left == 0 || runs % left != 0 || runs / left > COPIES_MAX) return 0;
  return (uint32_t)(runs / left);
}

/* Whether a body may be written down once more: straight but for branches,
 * and nothing in it that is there once for a reason. */
static bool repeatable(const struct fse_view *v, const struct fse_loop *l) {
  if (l->back - l->head > BODY_MAX) return false;
  for (uint32_t i = l->head; i <= l->back; i++) {
    const struct fisa_row *row = v->facts->insn[i].row;
    if (!fse_plain(v, i) || v->lexicon->denied[row->opcode] ||
        row->payload || row->opaque || row->keep || row->sensitive ||
        (row->flow != FISA_FLOW_NEXT && !fse_is_branch(row)) ||
        (i > l->head && v->facts->insn[i - 1].pc +
                                v->facts->insn[i - 1].length !=
                            v->facts->insn[i].pc))
      return false;
  }
  return true;
}

/* The branch that closes a loop, as what it does beside branching. False: it
 * does nothing else. */
static bool counts(const struct fse_view *v, uint32_t back,
                   struct fse_want *out) {
  if (!fse_meaning(v->lexicon, &v->facts->insn[back], out) ||
      (out->op != FLUX_OP_BR_DEC_GTZ && out->op != FLUX_OP_BR_GTZ_DEC))
    return false;
  out->op = FLUX_OP_SUB;
  if (fisa_semop_use(FLUX_OP_BR_GTZ_DEC, 0) == 'M') out->d = out->a;
  out->b = (struct fse_arg){.constant = true, .value = 1};
  return true;
}

/* What a loop's branch counts, as a row of its own before node `at`. */
static int copy_count(const struct fse_view *v, struct fse_draft *d,
                      const struct fse_loop *l, uint32_t at) {
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_row *row;
  struct fse_want count;
  if (!counts(v, l->back, &count)) return 0;
  row = fse_select(v->lexicon, &count, value);
  return row != NULL && fse_draft_insert(d, at, true, row, value,
                                         FSE_NO_NODE) != FSE_NO_NODE
             ? 0
             : -1;
}

/* One more body before node `at`; what jumps within it does so in the copy.
 * One that jumps to the loop's test has none to jump to. */
static int copy_body(const struct fse_view *v, struct fse_draft *d,
                     const struct fse_loop *l, uint32_t at) {
  uint32_t fresh[BODY_MAX + 1];
  if (copy_count(v, d, l, at) != 0) return -1;
  for (uint32_t i = l->head; i < l->back; i++) {
    const struct fse_node n = d->nodes[i];
    fresh[i - l->head] = FSE_NO_NODE;
    if (n.dead) continue;
    if (n.fixed_target != FISA_NO_TARGET) return -1;
    fresh[i - l->head] = fse_draft_insert(d, at, true, n.insn.row,
                                          n.insn.value, n.target);
    if (fresh[i - l->head] == FSE_NO_NODE) return -1;
  }
  for (uint32_t i = l->head; i < l->back; i++) {
    uint32_t copy = fresh[i - l->head], to;
    if (copy == FSE_NO_NODE) continue;
    to = d->nodes[copy].target;
    if (to == FSE_NO_NODE || to < l->head || to > l->back) continue;
    if (to == l->back || fresh[to - l->head] == FSE_NO_NODE) return -1;
    d->nodes[copy].target = fresh[to - l->head];
  }
  return 0;
}

int fse_unroll_apply(const struct fse_view *v, uint32_t site,
                     struct fse_draft *d, struct fse_proposal *out) {
  uint32_t back = site / UNROLL_WAYS, way = site % UNROLL_WAYS, n, copies;
  struct fse_want count;
  struct fse_loop l;
  if (!fse_loop_at(v, back, &l) || !fse_is_branch(v->facts->insn[back].row) ||
      !repeatable(v, &l) || d->nodes[back].dead)
    return -1;
  n = turns(v, &l);
  copies = way == 0 ? n : way * 2;
  if (copies == 0 || (way > 0 && (n == copies || copies >
                                  fse_profile_count(v->profile, back))))
    return -1;
  for (uint32_t i = 1; i < copies; i++)
    if (copy_body(v, d, &l, back) != 0) return -1;
  if (way == 0) {
    if (!counts(v, back, &count)) {
      if (fse_draft_remove(d, back) != 0) return -1;
    } else if (fse_rewrite(v, d, back, &count, FSE_NO_NODE) != 0) {
      return -1;
    }
  }
  out->value = (int32_t)copies;
  return fse_propose(d, v, out, way, v->facts->insn[back].pc);
}

void fse_unroll_describe(const struct fse_proposal *p,
                         char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the body of the loop closed at %u %d times%s",
           p->pc, p->value, p->way == 0 ? ", without a test" : "");
}

/* ---- RollLoop ----------------------------------------------------------- */

bool fse_roll_available(const struct fse_lexicon *l) {
  return fse_unroll_available(l);
}

uint32_t fse_roll_sites(const struct fse_view *v) { return v->facts->count; }

/* Whether two instructions are the same, where each jumps in its own half as
 * the other does. */
static bool twins(const struct fse_view *v, uint32_t i, uint32_t j) {
  const struct fse_node *a = &v->draft->nodes[i], *b = &v->draft->nodes[j];
  if (a->insn.row != b->insn.row ||
      a->fixed_target != b->fixed_target ||
      (a->target == FSE_NO_NODE) != (b->target == FSE_NO_NODE))
    return false;
  for (unsigned k = 0; k < a->insn.row->operand_count; k++)
    if (k != a->insn.row->target && a->insn.value[k] != b->insn.value[k])
      return false;
  return a->target == FSE_NO_NODE || a->target == b->target ||
         (a->target >= i && a->target - i == b->target - j);
}

/*
 * X; leave if done; X; again unless done: X; again unless done. The test in
 * the middle is that at the end, said the other way round.
 */
int fse_roll_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out) {
  struct fse_want first, last;
  struct fse_loop l;
  uint32_t half, middle, behind;
  if (!fse_loop_at(v, site, &l) || !repeatable(v, &l)) return -1;
  half = (l.back - l.head + 1) / 2;
  middle = l.head + half - 1;
  behind = fse_follower(v, l.back);
  if ((l.back - l.head) % 2 == 0 || half == 0 || behind == UINT32_MAX ||
      v->draft->nodes[middle].target != behind ||
      !fse_meaning(v->lexicon, &v->facts->insn[middle], &first) ||
      !fse_meaning(v->lexicon, &v->facts->insn[l.back], &last) ||
      first.op != fse_inverse(last.op) || last.op == FLUX_OP_NOP ||
      !fse_same_register(&first.a, &last.a))
    return -1;
  for (uint32_t i = l.head; i < middle; i++)
    if (!twins(v, i, i + half)) return -1;
  for (uint32_t i = l.head; i <= middle; i++)
    if (fse_draft_remove(d, i) != 0) return -1;
  out->value = (int32_t)half;
  return fse_propose(d, v, out, 0, v->facts->insn[l.head].pc);
}

void fse_roll_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the loop at %u once round is %d rows", p->pc,
           p->value);
}
