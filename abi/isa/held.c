/*
 * isa/held.c - targets held in registers.
 *
 * A jump through a register goes to one known place if, on every path to it,
 * the register was last set by one and the same instruction and to a
 * constant. The search is optimistic: the walk starts without the edges of
 * such jumps, what is found adds edges, and every target found earlier is
 * checked again on the larger graph. A target that does not survive is given
 * up for good, so the search ends; when it does, every edge is backed by the
 * very graph it is part of, and no execution can be the first to leave it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/flow.h"

/* Programs that jump through registers do so in a few places; in more than
 * this nothing is followed. */
#define MAX_JUMPS 32
#define MAX_ROUNDS 8
#define MANY (UINT32_MAX - 2) /* more than one definition, or none */

/* Which definition of one cell reaches each node. */
struct reaching {
  struct fisa__flow *g;
  int cell;
  uint32_t *def;  /* [nodes]: NONE: not reached yet */
  uint32_t *exit; /* [functions]: at their RETs */
};

static uint32_t merge(uint32_t a, uint32_t b) {
  if (a == FISA__NONE)
    return b;
  return b == FISA__NONE || a == b ? a : MANY;
}

static void flow_into(struct reaching *r, uint32_t node, uint32_t def) {
  uint32_t merged;

  if (node == FISA__NONE)
    return;
  merged = merge(r->def[node], def);
  if (merged == r->def[node])
    return;
  r->def[node] = merged;
  if (!(r->g->node[node].flags & FISA__QUEUED)) {
    r->g->node[node].flags |= FISA__QUEUED;
    r->g->work[r->g->work_count++] = node;
  }
}

/* A RET passes its definition on to behind every call of its function. */
static void flow_return(struct reaching *r, uint32_t func, uint32_t def) {
  const struct fisa__flow *g = r->g;
  uint32_t merged = merge(r->exit[func], def);

  assert(func < g->func_count);
  if (merged == r->exit[func])
    return;
  r->exit[func] = merged;
  for (uint32_t c = g->func[func].calls; c != FISA__NONE; c = g->call[c].more)
    flow_into(r, g->node[g->call[c].node].next, merged);
}

static void flow_node(struct reaching *r, uint32_t i) {
  struct fisa__flow *g = r->g;
  const struct fisa__node *n = &g->node[i];
  uint32_t def = r->def[i];

  if (n->status != FISA_DECODED)
    return;
  if (fisa__writes_cell(g->d, &n->insn, r->cell))
    def = i;
  /* A host may change any cell while the agent stands at a boundary. */
  if (n->flags & FISA__BOUNDARY)
    def = MANY;
  flow_into(r, n->jump, def);
  if (!(n->row & FISA__ROW_CALL))
    flow_into(r, n->next, def);
  if ((n->row & FISA__ROW_RET) && n->func < g->func_count)
    flow_return(r, n->func, def);
}

static void reach_all(struct reaching *r) {
  struct fisa__flow *g = r->g;

  memset(r->def, 0xFF, g->count * sizeof(*r->def));
  memset(r->exit, 0xFF, g->func_count * sizeof(*r->exit));
  g->work_count = 0;
  flow_into(r, g->func[0].entry, MANY);
  while (g->work_count > 0) {
    uint32_t i = g->work[--g->work_count];
    g->node[i].flags &= (uint8_t)~FISA__QUEUED;
    flow_node(r, i);
  }
}

/* The constant an instruction leaves in a cell, if it is one that does
 * nothing else to it. */
static bool constant_left(const struct fisa__flow *g, uint32_t def, int cell,
                          int32_t *value) {
  const struct fisa_insn *in = &g->node[def].insn;
  bool found = false;

  assert(def < g->count && cell >= 0);
  if (in->row->opaque)
    return false;
  for (unsigned i = 0; i < in->row->step_count; i++) {
    const struct fisa_step *s = &in->row->steps[i];
    if (s->op == FLUX_OP_MOV && fisa__ref_cell(g->d, in, &s->d) == cell) {
      found = fisa__ref_const(g->d, in, &s->a, value);
      if (!found)
        return false;
    } else if (fisa__ref_cell(g->d, in, &s->d) == cell ||
               fisa_semop_effect(s->op) == FISA_EFFECT_FILE) {
      char use = fisa_semop_use(s->op, 0);
      if (use == 'W' || use == 'M' ||
          fisa_semop_effect(s->op) == FISA_EFFECT_FILE)
        return false;
    }
  }
  return found;
}

/* The cell a jump's target is held in, -1: it is no register file. */
static int target_cell(const struct fisa__flow *g, const struct fisa_insn *in) {
  unsigned reg = in->row->target_reg;

  assert(reg < in->row->operand_count);
  return fisa_reg_cell(g->d, fisa_operand_file(&in->row->operands[reg]),
                       in->value[reg]);
}

static struct fisa__held *held_of(struct fisa__flow *g, uint32_t pc) {
  for (uint32_t h = 0; h < g->held_count; h++)
    if (g->held[h].pc == pc)
      return &g->held[h];
  return NULL;
}

/* Holds a jump against what reaches it now. 1: something changed, 0: not,
 * -1: memory. */
static int update(struct fisa__flow *g, uint32_t node, uint32_t def, int cell) {
  const struct fisa_insn *in = &g->node[node].insn;
  struct fisa__held *h = held_of(g, in->pc);
  int32_t value;
  bool known = def < g->count && constant_left(g, def, cell, &value);

  assert(in->target == FISA_NO_TARGET);
  if (h && h->given_up)
    return 0;
  if (!h) {
    if (fisa__room(&g->held, &g->held_room, g->held_count + 1,
                   sizeof(*g->held)))
      return -1;
    h = &g->held[g->held_count++];
    h->pc = in->pc;
    h->given_up = !known;
    h->def_pc = known ? g->node[def].insn.pc : 0;
    h->target =
        known ? (int32_t)(fisa_target_base(in) + (uint32_t)value) : 0;
    return known;
  }
  if (known && h->def_pc == g->node[def].insn.pc)
    return 0;
  h->given_up = true;
  return 1;
}

static int resolve_round(struct fisa__flow *g, struct reaching *r) {
  int changed = 0;
  int solved = -1;

  for (uint32_t i = 0; i < g->count; i++) {
    const struct fisa_insn *in = &g->node[i].insn;
    int got, cell;
    if (g->node[i].status != FISA_DECODED ||
        in->row->target_reg >= in->row->operand_count ||
        in->target != FISA_NO_TARGET)
      continue;
    cell = target_cell(g, in);
    if (cell >= 0 && cell != solved) {
      r->cell = solved = cell;
      reach_all(r);
    }
    /* At a pc boundary the host may change the register just before. */
    if (cell < 0 || (g->node[i].flags & FISA__BOUNDARY))
      got = update(g, i, MANY, cell);
    else
      got = update(g, i, r->def[i], cell);
    if (got < 0)
      return -1;
    changed |= got;
  }
  return changed;
}

int fisa__held_resolve(struct fisa__flow *g) {
  struct reaching r = {g, -1, NULL, NULL};
  int changed = 1;

  if (g->dynamic_count > MAX_JUMPS)
    return 0;

  for (int round = 0; changed > 0 && round < MAX_ROUNDS; round++) {
    /* The walk's work list has room for every node, and each is queued at
     * most once. */
    assert(g->work_room >= g->count);
    r.def = malloc((g->count + 1) * sizeof(*r.def));
    r.exit = malloc((g->func_count + 1) * sizeof(*r.exit));
    changed = r.def && r.exit ? resolve_round(g, &r) : -1;
    free(r.exit);
    free(r.def);
    if (changed > 0 && fisa__flow_trace(g) != 0)
      return -1;
    if (g->dynamic_count > MAX_JUMPS)
      break;
  }
  if (changed > 0) { /* no end in sight: follow none of them */
    for (uint32_t h = 0; h < g->held_count; h++)
      g->held[h].given_up = true;
    return fisa__flow_trace(g);
  }
  return changed;
}
