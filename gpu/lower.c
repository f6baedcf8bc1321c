/*
 * gpu/lower.c - from bytecode to IR, by the table alone.
 *
 * Two walks over the code. The first finds what control can reach: along
 * static targets with a worklist, or every offset as soon as a reached row
 * takes its target from a register or the stack. The second lowers the
 * reached offsets in ascending order, so that falling through is mostly just
 * going on; then jump targets become indexes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lower_impl.h"
#include "gpu/uses.h"

/* ---- reaching ----------------------------------------------------------- */

static void reach(struct fir_lowering *l, int64_t pc) {
  if (pc < 0 || pc >= l->p->size || l->reached[pc])
    return;
  assert(l->work_count < l->p->size); /* each offset once */
  l->reached[pc] = 1;
  l->work[l->work_count++] = (uint32_t)pc;
}

static void reach_successors(struct fir_lowering *l,
                             const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;
  int64_t next = (int64_t)in->pc + in->length;

  if (row->opaque) {
    l->f->opaque = true;
    return;
  }
  l->dynamic |= fir__is_dynamic(in);
  if (in->target != FISA_NO_TARGET)
    reach(l, in->target);
  switch (row->flow) {
  case FISA_FLOW_HALT:
  case FISA_FLOW_TRAP:
  case FISA_FLOW_JUMP_REL:
  case FISA_FLOW_JUMP_ABS:
  case FISA_FLOW_INDIRECT:
    break;
  case FISA_FLOW_CALL_REL:
  case FISA_FLOW_CALL_ABS:
    /* Where the callee comes back to, if it does. */
    reach(l, next + row->filler);
    break;
  default:
    reach(l, next);
    break;
  }
}

static void reach_all(struct fir_lowering *l, const uint32_t *from,
                      uint32_t count) {
  const struct fisa_boundary *b = &l->p->manifest.boundary;
  struct fisa_insn in;

  for (uint32_t i = 0; i < count; i++)
    reach(l, from[i]);
  if (b->kind == FISA_BOUNDARY_PC)
    reach(l, b->pc);
  while (l->work_count > 0) {
    uint32_t pc = l->work[--l->work_count];
    if (fisa_decode(l->d, l->p->code, l->p->size, pc, &in) == FISA_DECODED)
      reach_successors(l, &in);
  }
  if (l->dynamic)
    memset(l->reached, 1, l->p->size);
  l->f->all_offsets = l->dynamic;
}

/* ---- the whole ---------------------------------------------------------- */

/* A place off the end of the code. It is fetched, so fuel is asked first. */
static uint32_t emit_end(struct fir_lowering *l, uint32_t pc) {
  struct fir_ins *ins;

  l->first = false;
  ins = fir__emit(l, FIR_END);
  ins->row = FIR_FIRST | pc;
  return l->f->count - 1;
}

static void lower_rows(struct fir_lowering *l) {
  uint32_t size = l->p->size;
  uint32_t pc = 0;

  while (pc < size && !l->reached[pc])
    pc++;
  while (pc < size && !l->failed) {
    bool on = fir__lower_row(l, pc);
    uint32_t next = fir__next_pc(l);

    for (pc++; pc < size && !l->reached[pc]; pc++)
      ;
    if (on && next != pc)
      fir__emit_goto(l, next);
  }
  l->f->at[size] = emit_end(l, size);
}

/* Targets from addresses to indexes. */
static void patch(struct fir_lowering *l) {
  uint32_t count = l->f->count;

  assert(l->failed || l->f->at[l->p->size] < count);
  for (uint32_t i = 0; i < count && !l->failed; i++) {
    uint32_t target = l->f->ins[i].target;
    if (!fir_has_target(l->f->ins[i].op))
      continue;
    if (l->f->ins[i].imm == FIR_IS_INDEX) {
      l->f->ins[i].imm = 0;
      continue;
    }
    if (target > l->p->size)
      target = emit_end(l, target);
    else
      target = l->f->at[target];
    if (target == FIR_NONE)
      fir__fail(l, "a row jumps although its flow says otherwise");
    else if (!l->failed) /* emission may have moved the ops */
      l->f->ins[i].target = target;
  }
}

/* Whether a row may write a cell that counts down by itself. */
static bool writes_tick(const struct fisa_dialect *d,
                        const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
    for (unsigned k = 0; k < 4; k++)
      if (refs[k]->kind == FISA_REF_CELL && d->files[refs[k]->file].tick &&
          fisa_semop_use(s->op, k) != 'R')
        return true;
  }
  return false;
}

/* Whether a tick cell of the declared begin state may be above 0. */
static bool begins_ticking(const struct fisa_program *p) {
  const struct fisa_manifest *m = &p->manifest;

  for (uint32_t f = 0; f < p->dialect->file_count; f++) {
    const struct fisa_file *file = &p->dialect->files[f];
    if (!file->tick)
      continue;
    if (file->init > 0)
      return true;
    for (uint32_t i = 0; i < m->in_count; i++)
      if (m->in[i].kind == FISA_CELLS_FILE && m->in[i].first <= file->first &&
          file->first - m->in[i].first < m->in[i].count)
        return true;
  }
  return false;
}

static bool needs_ticks(const struct fir_lowering *l) {
  const struct fisa_program *p = l->p;

  if (begins_ticking(p))
    return true;
  for (uint32_t pc = 0; pc < p->size; pc++)
    if (l->reached[pc] && writes_tick(l->d, &l->d->rows[p->code[pc]]))
      return true;
  return false;
}

/* The least cost of a row; the costs, if they are not the cycles everywhere. */
static void note_costs(struct fir_lowering *l) {
  struct fir_program *f = l->f;
  bool equal = true;

  assert(!f->cost);
  f->cost_min = UINT16_MAX;
  for (uint32_t pc = 0; pc < l->p->size; pc++) {
    const struct fisa_row *row = &l->d->rows[l->p->code[pc]];
    if (!l->reached[pc] || !row->defined)
      continue;
    equal &= row->cost == row->cycles;
    if (row->cost < f->cost_min)
      f->cost_min = row->cost;
  }
  if (equal || l->failed)
    return;
  f->cost = calloc(f->count, sizeof(*f->cost));
  if (!f->cost) {
    fir__fail(l, "out of memory");
    return;
  }
  for (uint32_t i = 0; i < f->count; i++) {
    const struct fir_ins *ins = &f->ins[i];
    if (!(ins->row & FIR_FIRST) || ins->op == FIR_END)
      continue;
    f->cost[i] = ins->op == FIR_FAULT
                     ? ins->cycles
                     : l->d->rows[l->p->code[ins->row & ~FIR_FIRST]].cost;
  }
}

static bool lowering_begin(struct fir_lowering *l,
                           const struct fisa_program *p) {
  struct fir_program *f = calloc(1, sizeof(*f));

  l->f = f;
  if (!f)
    return false;
  l->p = f->source = p;
  l->d = f->dialect = p->dialect;
  f->state_cells = p->dialect->cell_count;
  f->zero = (uint16_t)f->state_cells;
  f->sink = (uint16_t)(f->zero + 1);
  f->temp = (uint16_t)(f->sink + 1);
  f->pool_first = f->temp + FIR_TEMPS;
  f->at = malloc((p->size + 1) * sizeof(*f->at));
  l->reached = calloc(p->size, 1);
  l->work = malloc(p->size * sizeof(*l->work));
  if (!f->at || !l->reached || !l->work)
    return false;
  memset(f->at, 0xFF, (p->size + 1) * sizeof(*f->at));
  return true;
}

int fir_lower_places(const struct fisa_program *p, const uint32_t *pc,
                     uint32_t count, struct fir_program **out,
                     struct fisa_error *err) {
  struct fir_lowering l = {.err = err};
  int rc = -1;

  assert(p && out);
  if (p->dialect->no_machine)
    return fisa_fail(err, "no engine exists for dialect %s",
                     p->dialect->name);
  if (p->size == 0 || p->size > FISA_MAX_CODE ||
      p->dialect->cell_count > FISA_MAX_CELLS)
    return fisa_fail(err, "lowering: a program of %u bytes", p->size);
  if (!lowering_begin(&l, p)) {
    fisa_fail(err, "lowering: out of memory");
    goto done;
  }
  reach_all(&l, pc, count);
  l.f->ticks = needs_ticks(&l);
  lower_rows(&l);
  patch(&l);
  note_costs(&l);
  if (l.failed)
    goto done;
  l.f->entry = l.f->at[p->entry < p->size ? p->entry : p->size];
  l.f->cell_count = l.f->pool_first + l.f->pool_count;
  *out = l.f;
  l.f = NULL;
  rc = 0;
done:
  free(l.slots);
  free(l.work);
  free(l.reached);
  fir_free(l.f);
  return rc;
}

int fir_lower_from(const struct fisa_program *p, uint32_t pc,
                   struct fir_program **out, struct fisa_error *err) {
  const uint32_t places[] = {p->entry, pc};

  return fir_lower_places(p, places, 2, out, err);
}

int fir_lower(const struct fisa_program *p, struct fir_program **out,
              struct fisa_error *err) {
  return fir_lower_places(p, &p->entry, 1, out, err);
}

void fir_free(struct fir_program *p) {
  if (!p)
    return;
  free(p->cost);
  free(p->pool);
  free(p->at);
  free(p->ins);
  free(p);
}
