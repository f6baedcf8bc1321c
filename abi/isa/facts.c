/*
 * isa/facts.c - what the rest of the project may know of a program: its
 * reached instructions, block heads, live cells, and whether its code may be
 * laid out anew.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/verify_impl.h"

bool fisa__observes_stack(const struct fisa_program *p) {
  const struct fisa_manifest *m = &p->manifest;

  if (m->out_none)
    return false;
  for (uint32_t i = 0; i < m->out_count; i++)
    if (m->out[i].kind == FISA_CELLS_STACK)
      return true;
  return m->out_count == 0;
}

void fisa_observed_cells(const struct fisa_program *p, struct fisa_set *out) {
  const struct fisa_manifest *m = &p->manifest;
  const struct fisa_dialect *d = p->dialect;

  memset(out, 0, sizeof(*out));
  for (uint32_t i = 0; i < m->out_count; i++)
    if (m->out[i].kind == FISA_CELLS_FILE)
      for (uint32_t k = 0; k < m->out[i].count; k++)
        fisa__set_add(out, m->out[i].first + k);
  if (m->out_count == 0 && !m->out_none)
    for (uint32_t f = 0; f < d->file_count; f++)
      if (fisa_observed_file(&d->files[f]))
        for (uint32_t k = 0; k < d->files[f].count; k++)
          fisa__set_add(out, d->files[f].first + k);
  /* How many cells are live is part of what the stack holds. */
  if (d->stack_file < d->file_count && fisa__observes_stack(p))
    fisa__set_add(out, d->sp_cell);
}

static void freeze(struct fisa_facts *f, uint32_t pc, const char *why) {
  assert(why && why[0]);
  if (f->layout_frozen)
    return;
  f->layout_frozen = true;
  snprintf(f->frozen_reason, sizeof(f->frozen_reason), "%u: %s", pc, why);
}

/* A row that puts the address behind it into a cell: where that cell is dead
 * the address goes nowhere. */
static bool link_is_live(const struct fisa__flow *g, const struct fisa_facts *f,
                         uint32_t i) {
  const struct fisa__node *n = &g->node[i];
  const struct fisa_row *row = n->insn.row;

  for (unsigned s = 0; s < row->step_count; s++) {
    const struct fisa_step *step = &row->steps[s];
    int cell;
    if (step->a.kind != FISA_REF_NEXT && step->b.kind != FISA_REF_NEXT &&
        step->c.kind != FISA_REF_NEXT)
      continue;
    if (step->op != FLUX_OP_MOV)
      return true;
    cell = fisa__ref_cell(g->d, &n->insn, &step->d);
    if (cell < 0)
      continue;
    if (n->jump == FISA__NONE && n->next == FISA__NONE)
      return true;
    if (n->jump != FISA__NONE &&
        fisa__set_has(&f->live_in[n->jump], (uint32_t)cell))
      return true;
    if (n->next != FISA__NONE &&
        fisa__set_has(&f->live_in[n->next], (uint32_t)cell))
      return true;
  }
  return false;
}

/* What one instruction says about whether addresses show. */
static void freeze_by(struct fisa__flow *g, struct fisa_facts *f, uint32_t i) {
  const struct fisa__node *n = &g->node[i];
  bool halts = n->insn.row->flow == FISA_FLOW_HALT;
  uint32_t pc = n->insn.pc;

  if (n->insn.row->target_reg < n->insn.row->operand_count &&
      n->insn.target == FISA_NO_TARGET)
    freeze(f, pc, "a jump to where a register says");
  if (n->func != 0 && g->links_apart) {
    if (n->flags & FISA__BOUNDARY)
      freeze(f, pc, "a return address is kept at a task boundary");
  } else if (n->func != 0) {
    if (n->row & FISA__ROW_STACK)
      freeze(f, pc, "a return address may be read off the stack");
    if (n->pop + n->soft + n->reach > 0 &&
        ((n->flags & FISA__BROKEN) || n->lo < n->pop + n->soft ||
         n->lo < n->reach))
      freeze(f, pc, "a return address may be popped as data");
    if (halts && fisa__observes_stack(g->p))
      freeze(f, pc, "a return address is on the stack where the run ends");
    if (n->flags & FISA__BOUNDARY)
      freeze(f, pc, "a return address is on the stack at a task boundary");
  }
  if ((n->row & FISA__ROW_LINK) && link_is_live(g, f, i))
    freeze(f, pc, "a return address is kept in a register");
}

static void look_at(struct fisa__flow *g, struct fisa_facts *f, uint32_t i) {
  const struct fisa__node *n = &g->node[i];

  assert(i < f->count);
  f->has_boundary |= (n->flags & FISA__BOUNDARY) != 0;
  if (n->status != FISA_DECODED)
    return;
  f->has_boundary |= n->insn.row->flow == FISA_FLOW_HALT;
  f->has_call |= (n->row & (FISA__ROW_CALL | FISA__ROW_RET)) != 0;
  f->count_frozen |= (n->row & FISA__ROW_CYCLE) != 0;
  freeze_by(g, f, i);
}

static int allocate(const struct fisa__flow *g, struct fisa_facts *f) {
  size_t n = g->count + 1u;

  f->insn = calloc(n, sizeof(*f->insn));
  f->index = malloc((g->p->size + 1u) * sizeof(*f->index));
  f->is_head = calloc(n, sizeof(*f->is_head));
  f->live_in = calloc(n, sizeof(*f->live_in));
  f->depth = calloc(n, sizeof(*f->depth));
  return f->insn && f->index && f->is_head && f->live_in && f->depth ? 0 : -1;
}

static int fill(struct fisa__flow *g, struct fisa_facts *f) {
  f->count = g->count;
  f->has_dynamic = g->dynamic_count > 0;
  memcpy(f->index, g->index, g->p->size * sizeof(*f->index));
  f->index[g->p->size] = FISA__NONE;
  if (fisa__live_solve(g, f->live_in) != 0)
    return -1;
  if (g->wild)
    freeze(f, g->wild_pc, g->wild_why);
  for (uint32_t i = 0; i < g->count; i++) {
    struct fisa__depth depth = fisa__depth_at(g, &g->node[i]);

    f->insn[i] = g->node[i].insn;
    f->depth[i] = (struct fisa_depth){depth.lo, depth.hi};
    /* Control that may enter anywhere makes every instruction a head. */
    f->is_head[i] = g->wild || (g->node[i].flags & FISA__HEAD);
    look_at(g, f, i);
    if (g->p->manifest.watched > 0)
      fisa__set_add(&f->live_in[i], g->p->manifest.watched - 1);
  }
  if (f->count_frozen && !f->layout_frozen)
    snprintf(f->frozen_reason, sizeof(f->frozen_reason),
             "the cycle counter is read");
  return 0;
}

int fisa_facts_make(const struct fisa_program *p, struct fisa_facts **out,
                    struct fisa_error *err) {
  struct fisa__flow g;
  struct fisa_facts *f = NULL;
  int rc = -1;

  assert(p->size > 0 && p->size <= FISA_MAX_CODE);
  memset(&g, 0, sizeof(g));
  if (fisa__flow_build(&g, p) != 0 || fisa__flow_blocks(&g) != 0)
    goto out;
  fisa__depth_solve(&g);
  f = calloc(1, sizeof(*f));
  if (!f || allocate(&g, f) != 0 || fill(&g, f) != 0)
    goto out;
  *out = f;
  f = NULL;
  rc = 0;
out:
  fisa_facts_free(f);
  fisa__flow_done(&g);
  return rc == 0 ? 0 : fisa_fail(err, "out of memory");
}

void fisa_facts_free(struct fisa_facts *f) {
  if (!f)
    return;
  free(f->depth);
  free(f->live_in);
  free(f->is_head);
  free(f->index);
  free(f->insn);
  free(f);
}
