/*
 * plugin/kinds_shape.c - rows of the mutation table that change shape:
 * jumps, sequences, memory slots, constants of loops.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/kinds.h"

bool fse_is_jump(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_JUMP_REL || row->flow == FISA_FLOW_JUMP_ABS;
}

bool fse_is_branch(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_COND_REL || row->flow == FISA_FLOW_COND_ABS;
}

/* The instruction that follows i in the code, or UINT32_MAX. */
uint32_t fse_follower(const struct fse_view *v, uint32_t i) {
  uint32_t pc = v->facts->insn[i].pc + v->facts->insn[i].length;
  return pc < v->program->size ? v->facts->index[pc] : UINT32_MAX;
}

/* Whether some instruction jumps to node i. */
bool fse_jumped_to(const struct fse_view *v, uint32_t i) {
  for (uint32_t k = 0; k < v->draft->count; k++)
    if (v->draft->nodes[k].target == i) return true;
  return false;
}

/* ---- PatchJump ---------------------------------------------------------- */

#define JUMP_WAYS 3u
#define ROTATE_MAX 8u

uint32_t fse_jump_sites(const struct fse_view *v) {
  return v->facts->count * JUMP_WAYS;
}

unsigned fse_inverse(unsigned op) {
  switch (op) {
    case FLUX_OP_BR_EQZ: return FLUX_OP_BR_NEZ;
    case FLUX_OP_BR_NEZ: return FLUX_OP_BR_EQZ;
    case FLUX_OP_BR_LTZ: return FLUX_OP_BR_GEZ;
    case FLUX_OP_BR_GEZ: return FLUX_OP_BR_LTZ;
    case FLUX_OP_BR_LEZ: return FLUX_OP_BR_GTZ;
    case FLUX_OP_BR_GTZ: return FLUX_OP_BR_LEZ;
    default: return FLUX_OP_NOP;
  }
}

/* A jump to a jump goes where that goes; a jump to its follower goes out. */
static int thread_jump(const struct fse_view *v, uint32_t i,
                       struct fse_draft *d, struct fse_proposal *out) {
  struct fse_node *n = &d->nodes[i];
  uint32_t t = n->target;
  if (t == FSE_NO_NODE || d->nodes[t].dead) return -1;
  if (fse_is_jump(n->insn.row) && fse_draft_next(d, i) == d->nodes[t].lead) {
    if (fse_draft_remove(d, i) != 0) return -1;
  } else if (fse_is_jump(d->nodes[t].insn.row) &&
             d->nodes[t].target != FSE_NO_NODE && d->nodes[t].target != t) {
    n->target = d->nodes[t].target;
  } else {
    return -1;
  }
  return fse_propose(d, v, out, 0, v->facts->insn[i].pc);
}

/* br X, over; jmp L; over: becomes br not-X, L. */
static int invert_over(const struct fse_view *v, uint32_t i,
                       struct fse_draft *d, struct fse_proposal *out) {
  uint32_t j = fse_follower(v, i), target;
  struct fse_want w;
  if (j == UINT32_MAX || !fse_is_branch(d->nodes[i].insn.row) ||
      !fse_is_jump(d->nodes[j].insn.row) || d->nodes[j].dead ||
      j == v->draft->entry ||
      fse_jumped_to(v, j) || d->nodes[i].target != fse_draft_next(d, j) ||
      !fse_meaning(v->lexicon, &d->nodes[i].insn, &w) ||
      fse_inverse(w.op) == FLUX_OP_NOP)
    return -1;
  target = d->nodes[j].target;
  w.op = fse_inverse(w.op);
  if (target == FSE_NO_NODE || fse_rewrite(v, d, i, &w, target) != 0 ||
      fse_draft_remove(d, j) != 0)
    return -1;
  return fse_propose(d, v, out, 1, v->facts->insn[i].pc);
}

/* Finds the test at the head of the loop that jump j closes: instructions
 * h..c with a branch out of the loop at c. */
static uint32_t head_test(const struct fse_view *v, uint32_t h) {
  for (uint32_t k = 0, c = h; k < ROTATE_MAX && c != UINT32_MAX; k++) {
    const struct fisa_row *row = v->facts->insn[c].row;
    if (fse_is_branch(row)) return c;
    if (row->flow != FISA_FLOW_NEXT || v->draft->nodes[c].pinned)
      return UINT32_MAX;
    c = fse_follower(v, c);
  }
  return UINT32_MAX;
}

/* The jump back to a test becomes that test, inverted. */
static int rotate(const struct fse_view *v, uint32_t j, struct fse_draft *d,
                  struct fse_proposal *out) {
  uint32_t h = d->nodes[j].target, c, body, leave;
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_row *row;
  struct fse_want w;
  if (!fse_is_jump(d->nodes[j].insn.row) || h == FSE_NO_NODE ||
      h >= v->facts->count)
    return -1;
  c = head_test(v, h);
  if (c == UINT32_MAX || !fse_meaning(v->lexicon, &d->nodes[c].insn, &w) ||
      fse_inverse(w.op) == FLUX_OP_NOP)
    return -1;
  w.op = fse_inverse(w.op);
  row = fse_select(v->lexicon, &w, value);
  body = fse_follower(v, c);
  leave = d->nodes[c].target;
  if (row == NULL || body == UINT32_MAX || leave == FSE_NO_NODE) return -1;
  for (uint32_t i = h; i != c; i = fse_follower(v, i)) {
    struct fse_node copy = d->nodes[i];
    if (copy.dead) continue;
    if (v->lexicon->denied[copy.insn.row->opcode]) return -1;
    if (fse_draft_insert(d, j, true, copy.insn.row, copy.insn.value,
                         copy.target) == FSE_NO_NODE)
      return -1;
  }
  if (fse_draft_insert(d, j, true, row, value, body) == FSE_NO_NODE)
    return -1;
  if (fse_draft_next(d, j) == d->nodes[leave].lead) {
    if (fse_draft_remove(d, j) != 0) return -1;
  } else {
    d->nodes[j].target = leave;
  }
  return fse_propose(d, v, out, 2, v->facts->insn[j].pc);
}

int fse_jump_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / JUMP_WAYS;
  if (!fse_plain(v, i) || d->nodes[i].dead) return -1;
  switch (site % JUMP_WAYS) {
    case 0: return thread_jump(v, i, d, out);
    case 1: return invert_over(v, i, d, out);
    default: return rotate(v, i, d, out);
  }
}

bool fse_jump_available(const struct fse_lexicon *l) {
  return fse_can(l, FLUX_OP_JUMP) || fse_can(l, FLUX_OP_BR_EQZ) ||
         fse_can(l, FLUX_OP_BR_NEZ);
}

void fse_jump_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  static const char *const ways[JUMP_WAYS] = {
      "the jump at %u leads to a jump or to what follows",
      "the branch at %u inverted over a jump",
      "the loop test moved to the jump at %u"};
  snprintf(out, FSE_REASON, ways[p->way % JUMP_WAYS], p->pc);
}

/* ---- ReplaceSequence ---------------------------------------------------- */

#define SEQUENCE_WAYS 4u
#define COALESCE_MAX 16u

uint32_t fse_sequence_sites(const struct fse_view *v) {
  return v->facts->count * SEQUENCE_WAYS;
}

bool fse_same_register(const struct fse_arg *a, const struct fse_arg *b) {
  return !a->constant && !b->constant && a->file == b->file &&
         a->value == b->value;
}

/* d = d - 1; branch on d: one counting branch. */
static int fuse_count(const struct fse_view *v, uint32_t i, uint32_t j,
                      struct fse_draft *d, struct fse_proposal *out) {
  struct fse_want x, y, w = {.op = FLUX_OP_BR_DEC_GTZ};
  if (!fse_meaning(v->lexicon, &d->nodes[i].insn, &x) ||
      !fse_meaning(v->lexicon, &d->nodes[j].insn, &y) ||
      !fse_same_register(&x.d, &x.a) || !fse_same_register(&x.d, &y.a) ||
      !x.b.constant ||
      !((x.op == FLUX_OP_SUB && x.b.value == 1) ||
        (x.op == FLUX_OP_ADD && x.b.value == -1)) ||
      (y.op != FLUX_OP_BR_NEZ && y.op != FLUX_OP_BR_GTZ))
    return -1;
  w.d = w.a = x.d;
  if (fse_rewrite(v, d, j, &w, d->nodes[j].target) != 0 ||
      fse_draft_remove(d, i) != 0)
    return -1;
  return fse_propose(d, v, out, 0, v->facts->insn[j].pc);
}

/* The branch on `a cmp b` being true, if a is compared with (nearly) 0. */
static unsigned branch_of(unsigned op, int32_t b) {
  switch (op) {
    case FLUX_OP_EQ: return b == 0 ? FLUX_OP_BR_EQZ : FLUX_OP_NOP;
    case FLUX_OP_NE: return b == 0 ? FLUX_OP_BR_NEZ : FLUX_OP_NOP;
    case FLUX_OP_LT:
      return b == 0 ? FLUX_OP_BR_LTZ : b == 1 ? FLUX_OP_BR_LEZ : FLUX_OP_NOP;
    case FLUX_OP_GE:
      return b == 0 ? FLUX_OP_BR_GEZ : b == 1 ? FLUX_OP_BR_GTZ : FLUX_OP_NOP;
    case FLUX_OP_GT:
      return b == 0 ? FLUX_OP_BR_GTZ : b == -1 ? FLUX_OP_BR_GEZ : FLUX_OP_NOP;
    case FLUX_OP_LE:
      return b == 0 ? FLUX_OP_BR_LEZ : b == -1 ? FLUX_OP_BR_LTZ : FLUX_OP_NOP;
    default: return FLUX_OP_NOP;
  }
}

/* b cmp a, said as a cmp' b. */
static unsigned mirrored(unsigned op) {
  switch (op) {
    case FLUX_OP_LT: return FLUX_OP_GT;
    case FLUX_OP_GT: return FLUX_OP_LT;
    case FLUX_OP_LE: return FLUX_OP_GE;
    case FLUX_OP_GE: return FLUX_OP_LE;
    default: return op;
  }
}

/* The value an argument always has at instruction i. */
bool fse_known_value(const struct fse_view *v, uint32_t i,
                     const struct fse_arg *a, int32_t *value) {
  const struct fisa_insn *in = &v->facts->insn[i];
  const struct fse_usage *u = &v->lexicon->usage[in->row->opcode];
  if (a->constant) {
    *value = a->value;
    return true;
  }
  for (unsigned k = 0; k < in->row->operand_count; k++) {
    const struct fse_fact *f = &v->profile->operand[i][k];
    if (!(u->reads >> k & 1u) || u->file[k] != a->file ||
        in->value[k] != a->value)
      continue;
    *value = f->value;
    return f->constant && v->profile->runs[i] > 0;
  }
  return false;
}

/* t = a cmp 0; branch on t: branch on a. */
static int fuse_compare(const struct fse_view *v, uint32_t i, uint32_t j,
                        struct fse_draft *d, struct fse_proposal *out) {
  struct fse_want x, y, w = {.op = FLUX_OP_NOP};
  int32_t k;
  if (!fse_meaning(v->lexicon, &d->nodes[i].insn, &x) ||
      !fse_meaning(v->lexicon, &d->nodes[j].insn, &y) ||
      !fse_same_register(&x.d, &y.a) ||
      (y.op != FLUX_OP_BR_NEZ && y.op != FLUX_OP_BR_EQZ))
    return -1;
  if (fse_known_value(v, i, &x.b, &k)) {
    w.op = branch_of(x.op, k);
    w.a = x.a;
  }
  if (w.op == FLUX_OP_NOP && fse_known_value(v, i, &x.a, &k)) {
    w.op = branch_of(mirrored(x.op), k);
    w.a = x.b;
  }
  if (w.op == FLUX_OP_NOP) return -1;
  if (y.op == FLUX_OP_BR_EQZ) w.op = fse_inverse(w.op);
  if (fse_rewrite(v, d, j, &w, d->nodes[j].target) != 0) return -1;
  return fse_propose(d, v, out, 1, v->facts->insn[j].pc);
}

/* t = p + q; load or store at t: at p + q. */
static bool fuse_address(const struct fse_want *x, struct fse_want *y) {
  bool stores = fisa_semop_use(y->op, 0) == 'R';
  if (!fse_reaches_memory(y->op) || !fse_same_register(&x->d, &y->a) ||
      !y->b.constant || y->b.value != 0 ||
      (stores && fse_same_register(&x->d, &y->d)))
    return false;
  if (x->op == FLUX_OP_SUB && x->b.constant)
    y->imm = (int32_t)((uint32_t)y->imm - (uint32_t)x->b.value);
  else if (x->op == FLUX_OP_ADD)
    y->b = x->b;
  else
    return false;
  y->a = x->a;
  fse_displace(y);
  return true;
}

/* A copy and what reads it. */
static bool fuse_move(const struct fse_want *x, struct fse_want *y) {
  bool d = fisa_semop_use(y->op, 0) == 'R' && fse_same_register(&x->d, &y->d);
  bool a = fse_same_register(&x->d, &y->a), b = fse_same_register(&x->d, &y->b);
  if (x->op != FLUX_OP_MOV || (!a && !b && !d)) return false;
  if (d) y->d = x->a;
  if (a) y->a = x->a;
  if (b) y->b = x->a;
  return true;
}

/* (x + k) + m: x + (k + m). */
static bool fuse_sum(const struct fse_want *x, struct fse_want *y) {
  uint32_t k = (uint32_t)x->b.value, m = (uint32_t)y->b.value;
  if ((x->op != FLUX_OP_ADD && x->op != FLUX_OP_SUB) ||
      (y->op != FLUX_OP_ADD && y->op != FLUX_OP_SUB) ||
      !fse_same_register(&x->d, &y->a) || !x->b.constant || !y->b.constant)
    return false;
  y->b.value = (int32_t)((x->op == FLUX_OP_ADD ? k : 0 - k) +
                         (y->op == FLUX_OP_ADD ? m : 0 - m));
  y->op = FLUX_OP_ADD;
  y->a = x->a;
  return true;
}

/* d = x; d = d op b: d = x op b; and the like. */
static int fuse_copy(const struct fse_view *v, uint32_t i, uint32_t j,
                     struct fse_draft *d, struct fse_proposal *out) {
  struct fse_want x, y;
  bool over;
  if (v->facts->insn[j].row->flow != FISA_FLOW_NEXT ||
      !fse_meaning(v->lexicon, &d->nodes[i].insn, &x) ||
      !fse_meaning(v->lexicon, &d->nodes[j].insn, &y))
    return -1;
  /* Where the first overwrites what the second will read, it has to go;
   * elsewhere the sweep decides. */
  over = x.op != FLUX_OP_MOV &&
         (fse_same_register(&x.d, &x.a) || fse_same_register(&x.d, &x.b));
  if (!fuse_move(&x, &y) && !fuse_address(&x, &y) && !fuse_sum(&x, &y))
    return -1;
  if (fse_rewrite(v, d, j, &y, FSE_NO_NODE) != 0 ||
      (over && fse_draft_remove(d, i) != 0))
    return -1;
  return fse_propose(d, v, out, 2, v->facts->insn[j].pc);
}

/*
 * One step back of a coalescing: names `from` as `to` in node i. Returns 1
 * where the value is made (done), 0 to go on, -1 where it cannot be.
 */
static int coalesce_step(const struct fse_view *v, struct fse_draft *d,
                         uint32_t i, const struct fse_rename *r) {
  struct fse_node *n = &d->nodes[i];
  const struct fse_usage *u = &v->lexicon->usage[n->insn.row->opcode];
  bool reads = false, writes = false;
  if (n->dead) return 0;
  for (unsigned k = 0; k < n->insn.row->operand_count; k++) {
    if (n->insn.row->operands[k].kind != FISA_OPERAND_REG ||
        u->file[k] != r->file)
      continue;
    if (n->insn.value[k] != r->from) continue;
    if (n->pinned || (u->shared >> k & 1u)) return -1;
    if ((u->writes & ~u->reads) >> k & 1u) {
      n->insn.value[k] = r->to;
      return 1;
    }
    reads |= (u->reads >> k & 1u) != 0;
    writes |= (u->writes >> k & 1u) != 0;
    n->insn.value[k] = r->to;
  }
  return writes && !reads;
}

/* ... op s ...; d = s: the value is made in d. */
static int coalesce(const struct fse_view *v, uint32_t j, struct fse_draft *d,
                    struct fse_proposal *out) {
  struct fse_want w;
  struct fse_rename r;
  uint32_t i = j;
  if (!fse_meaning(v->lexicon, &d->nodes[j].insn, &w) ||
      w.op != FLUX_OP_MOV || w.a.constant || w.d.file != w.a.file ||
      (w.d.value == 0 && v->program->dialect->files[w.d.file].zero))
    return -1;
  r = (struct fse_rename){w.d.file, w.a.value, w.d.value};
  for (unsigned k = 0; k < COALESCE_MAX; k++) {
    int step;
    if (i == 0 || v->facts->is_head[i]) return -1;
    if (v->facts->insn[i - 1].row->flow != FISA_FLOW_NEXT) return -1;
    i--;
    step = coalesce_step(v, d, i, &r);
    if (step < 0) return -1;
    if (step > 0) break;
    if (k + 1 == COALESCE_MAX) return -1;
  }
  fse_rename_uses(v, d, j, &r);
  if (fse_draft_remove(d, j) != 0) return -1;
  if (fse_meaning(v->lexicon, &d->nodes[i].insn, &w) &&
      w.op == FLUX_OP_MOV && fse_same_register(&w.d, &w.a) &&
      fse_draft_remove(d, i) != 0)
    return -1;
  return fse_propose(d, v, out, 3, v->facts->insn[j].pc);
}

int fse_fuse(const struct fse_view *v, uint32_t i, uint32_t j, unsigned way,
             struct fse_draft *d, struct fse_proposal *out) {
  assert(way < FSE_FUSE_WAYS);
  switch (way) {
    case 0: return fuse_count(v, i, j, d, out);
    case 1: return fuse_compare(v, i, j, d, out);
    default: return fuse_copy(v, i, j, d, out);
  }
}

int fse_sequence_apply(const struct fse_view *v, uint32_t site,
                       struct fse_draft *d, struct fse_proposal *out) {
  uint32_t j = site / SEQUENCE_WAYS, i;
  unsigned way = site % SEQUENCE_WAYS;
  if (!fse_plain(v, j) || d->nodes[j].dead || j == 0) return -1;
  if (way == 3) return coalesce(v, j, d, out);
  if (v->facts->is_head[j]) return -1;
  for (i = j - 1; i > 0 && d->nodes[i].dead; i--)
    if (v->facts->is_head[i]) return -1;
  if (!fse_plain(v, i) || d->nodes[i].dead ||
      v->facts->insn[i].row->flow != FISA_FLOW_NEXT)
    return -1;
  return fse_fuse(v, i, j, way, d, out);
}

bool fse_sequence_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

void fse_sequence_describe(const struct fse_proposal *p,
                           char out[FSE_REASON]) {
  static const char *const ways[SEQUENCE_WAYS] = {
      "count and branch in one at %u", "compare and branch in one at %u",
      "two rows in one at %u", "the copy at %u made where it is wanted"};
  snprintf(out, FSE_REASON, ways[p->way % SEQUENCE_WAYS], p->pc);
}

/* ---- PromoteSlot -------------------------------------------------------- */

/* The word a load or store always reaches. */
static bool slot_of(const struct fse_view *v, uint32_t i, uint32_t *address) {
  const struct fisa_insn *in = &v->facts->insn[i];
  struct fse_want w;
  int32_t a, b;
  if (!fse_meaning(v->lexicon, in, &w) ||
      (w.op != FLUX_OP_LOAD32 && w.op != FLUX_OP_STORE32) ||
      !fse_known_value(v, i, &w.a, &a) || !fse_known_value(v, i, &w.b, &b))
    return false;
  *address = ((uint32_t)a + (uint32_t)b + (uint32_t)w.imm) &
             (v->program->dialect->mem_size - 1);
  return true;
}

/* A site is the first access to each slot. */
uint32_t fse_slot_sites(const struct fse_view *v) {
  return v->program->dialect->mem_size ? v->facts->count : 0;
}

int fse_slot_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out) {
  uint32_t slot, address;
  struct fse_want w;
  int32_t reg;
  if (!fse_plain(v, site) || !slot_of(v, site, &slot)) return -1;
  for (uint32_t i = 0; i < site; i++)
    if (slot_of(v, i, &address) && address == slot) return -1;
  fse_meaning(v->lexicon, &v->facts->insn[site], &w);
  reg = fse_unused_register(v, d, w.d.file);
  if (reg < 0) return -1;
  for (uint32_t i = site; i < v->facts->count; i++) {
    struct fse_want move = {.op = FLUX_OP_MOV};
    if (!slot_of(v, i, &address) || address != slot || d->nodes[i].dead)
      continue;
    if (!fse_meaning(v->lexicon, &d->nodes[i].insn, &w)) return -1;
    move.d = move.a = (struct fse_arg){false, w.d.file, reg};
    if (w.op == FLUX_OP_LOAD32) move.d = w.d;
    else move.a = w.d;
    if (fse_rewrite(v, d, i, &move, FSE_NO_NODE) != 0) return -1;
  }
  out->value = reg;
  return fse_propose(d, v, out, 0, v->facts->insn[site].pc);
}

void fse_slot_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the memory word of %u in register %d", p->pc,
           p->value);
}

bool fse_slot_available(const struct fse_lexicon *l) {
  return fse_can(l, FLUX_OP_MOV) &&
         (fse_does(l, FLUX_OP_LOAD32) || fse_does(l, FLUX_OP_STORE32));
}

/* ---- HoistConstant ------------------------------------------------------ */

#define HOIST_WAYS 2u

uint32_t fse_hoist_sites(const struct fse_view *v) {
  return v->facts->count * HOIST_WAYS;
}

/* Whether an instruction runs more often than the program begins. */
static bool in_loop(const struct fse_view *v, uint32_t i) {
  uint32_t entry = v->facts->index[v->program->entry];
  return entry != UINT32_MAX &&
         (v->profile->runs[i] > v->profile->runs[entry] ||
          (v->profile->runs[i] > 0 && fse_jumped_to(v, entry)));
}

/* Loads a constant into a register where the program begins. 0 or -1. */
static int load_first(const struct fse_view *v, struct fse_draft *d,
                      const struct fse_arg *reg, int32_t constant) {
  const struct fse_want w = {.op = FLUX_OP_MOV,
                             .d = *reg,
                             .a = {.constant = true, .value = constant}};
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_row *row = fse_select(v->lexicon, &w, value);
  uint32_t fresh = row == NULL ? FSE_NO_NODE
                               : fse_draft_insert(d, d->entry, false, row,
                                                  value, FSE_NO_NODE);
  if (fresh == FSE_NO_NODE) return -1;
  d->entry = fresh;
  return 0;
}

/* A register loaded with a constant, read everywhere instead. */
static int hoist_load(const struct fse_view *v, uint32_t i,
                      struct fse_draft *d, struct fse_proposal *out) {
  struct fse_want w;
  struct fse_rename r;
  if (!fse_meaning(v->lexicon, &d->nodes[i].insn, &w) ||
      w.op != FLUX_OP_MOV || !w.a.constant)
    return -1;
  r = (struct fse_rename){w.d.file, w.d.value,
                          fse_unused_register(v, d, w.d.file)};
  if (r.to < 0 || fse_rename_uses(v, d, i, &r) <= 0) return -1;
  w.d.value = r.to;
  if (load_first(v, d, &w.d, w.a.value) != 0) return -1;
  return fse_propose(d, v, out, 0, v->facts->insn[i].pc);
}

/* d = s; d = d op k: d = s op r, where r holds k. */
static int hoist_operand(const struct fse_view *v, uint32_t j,
                         struct fse_draft *d, struct fse_proposal *out) {
  struct fse_want x, y;
  int32_t k, reg;
  if (j == 0 || v->facts->is_head[j] || !fse_plain(v, j - 1) ||
      v->facts->insn[j].row->flow != FISA_FLOW_NEXT ||
      !fse_meaning(v->lexicon, &d->nodes[j - 1].insn, &x) ||
      !fse_meaning(v->lexicon, &d->nodes[j].insn, &y) ||
      x.op != FLUX_OP_MOV || x.a.constant || !fse_same_register(&x.d, &y.d) ||
      !fse_same_register(&y.d, &y.a) || !y.b.constant)
    return -1;
  k = y.b.value;
  reg = fse_unused_register(v, d, y.d.file);
  if (reg < 0) return -1;
  y.a = x.a;
  y.b = (struct fse_arg){.file = y.d.file, .value = reg};
  if (fse_rewrite(v, d, j, &y, FSE_NO_NODE) != 0 ||
      fse_draft_remove(d, j - 1) != 0 || load_first(v, d, &y.b, k) != 0)
    return -1;
  return fse_propose(d, v, out, 1, v->facts->insn[j].pc);
}

int fse_hoist_apply(const struct fse_view *v, uint32_t site,
                    struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / HOIST_WAYS;
  if (!fse_plain(v, i) || d->nodes[i].dead || !in_loop(v, i)) return -1;
  return site % HOIST_WAYS == 0 ? hoist_load(v, i, d, out)
                                : hoist_operand(v, i, d, out);
}

bool fse_hoist_available(const struct fse_lexicon *l) {
  return fse_can(l, FLUX_OP_MOV);
}

void fse_hoist_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the %s of %u loaded once",
           p->way == 0 ? "constant" : "operand", p->pc);
}
