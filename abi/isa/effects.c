/*
 * isa/effects.c - what one instruction reads, writes and may do, from its
 * row's template. Nothing here knows a row by name or number.
 */
#include <assert.h>
#include <string.h>

#include "isa/flow.h"

int fisa_reg_cell(const struct fisa_dialect *d, unsigned file, int32_t raw) {
  const struct fisa_file *f;

  assert(file < d->file_count);
  f = &d->files[file];
  if (f->kind != FISA_FILE_REGS || f->count == 0)
    return -1;
  if (f->zero && raw == 0)
    return -1;
  return f->first +
         (int)(((uint32_t)raw & (fisa_registers(f) - 1u)) * f->width);
}

int fisa__ref_cell(const struct fisa_dialect *d, const struct fisa_insn *in,
                   const struct fisa_ref *ref) {
  const struct fisa_file *f;

  assert(ref->operand < FISA_MAX_OPERANDS);
  switch (ref->kind) {
  case FISA_REF_REG: {
    int cell = fisa_reg_cell(d, ref->file, in->value[ref->operand]);
    return cell < 0 ? cell : cell + ref->value;
  }
  case FISA_REF_RAW:
    f = &d->files[ref->file];
    if (in->value[ref->operand] < 0 || in->value[ref->operand] >= f->count)
      return -1; /* the register_range guard ends the run before */
    return f->first + in->value[ref->operand];
  case FISA_REF_FIXED: /* a number of a cell, whatever the width */
    f = &d->files[ref->file];
    return f->zero && ref->value == 0 ? -1 : f->first + ref->value;
  case FISA_REF_CELL:
    f = &d->files[ref->file];
    return f->kind == FISA_FILE_STACK ? d->sp_cell : f->first;
  default:
    return -1;
  }
}

bool fisa__ref_const(const struct fisa_dialect *d, const struct fisa_insn *in,
                     const struct fisa_ref *ref, int32_t *value) {
  switch (ref->kind) {
  case FISA_REF_CONST:
    *value = ref->value;
    return true;
  case FISA_REF_IMM:
  case FISA_REF_RAWNUM:
    *value = in->value[ref->operand];
    return true;
  case FISA_REF_NEXT:
    *value = (int32_t)(in->pc + in->length);
    return true;
  case FISA_REF_REG:
  case FISA_REF_FIXED:
    if (fisa__ref_cell(d, in, ref) >= 0)
      return false;
    *value = 0;
    return true;
  default:
    return false;
  }
}

/* The file that a FILE op works on, or NULL. */
static const struct fisa_file *step_file(const struct fisa_dialect *d,
                                         const struct fisa_step *s) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};

  for (int i = 0; i < 4; i++)
    if (refs[i]->kind == FISA_REF_FILE)
      return &d->files[refs[i]->file];
  /* diffuse names its file by the register it reads */
  for (int i = 0; i < 4; i++)
    if (refs[i]->kind == FISA_REF_REG)
      return &d->files[refs[i]->file];
  return NULL;
}

/* A run of cells that a FILE op reads or writes. */
struct cell_run {
  uint32_t first, count;
};

/* What a FILE op touches: `all` is read and written, `own` written. */
static void file_step(const struct fisa_dialect *d, const struct fisa_insn *in,
                      const struct fisa_step *s, struct cell_run *all,
                      int *own) {
  const struct fisa_file *f = step_file(d, s);
  int32_t n = 0;

  assert(fisa_semop_effect(s->op) == FISA_EFFECT_FILE);
  *own = -1;
  all->first = all->count = 0;
  if (!f)
    return;
  switch (s->op) {
  case FLUX_OP_FILE_ZERO:
    all->first = f->first;
    all->count = f->count;
    break;
  case FLUX_OP_CONVERGE:
    if (!fisa__ref_const(d, in, &s->imm, &n) || n <= 0 || n >= f->count)
      break;
    *own = f->first + n;
    all->first = f->first + ((uint32_t)n & ~7u);
    all->count = f->count < 8 ? f->count : 8;
    break;
  default: /* diffuse */
    (void)fisa__ref_const(d, in, &s->imm, &n);
    all->first = f->first + 1u;
    if (n > 0 && f->count > 1)
      all->count = n < f->count ? (uint32_t)n : f->count - 1u;
    if (fisa__ref_const(d, in, &s->b, &n) && n != 0)
      *own = f->first + (int)((uint32_t)n & (f->count - 1u));
    break;
  }
}

static void read_cell(struct fisa_effects *e, int cell) {
  if (cell < 0)
    return;
  if (cell >= FISA_SET_WORDS * 64) {
    e->pinned = true;
    return;
  }
  /* A cell that the row itself has set before is not read from outside. */
  if (!fisa__set_has(&e->kills, (uint32_t)cell))
    fisa__set_add(&e->reads, (uint32_t)cell);
}

static void write_cell(struct fisa_effects *e, int cell, bool sure) {
  if (cell < 0)
    return;
  if (cell >= FISA_SET_WORDS * 64) {
    e->pinned = true;
    return;
  }
  fisa__set_add(&e->writes, (uint32_t)cell);
  if (sure)
    fisa__set_add(&e->kills, (uint32_t)cell);
}

static void step_file_effects(const struct fisa_dialect *d,
                              const struct fisa_insn *in,
                              const struct fisa_step *s,
                              struct fisa_effects *e) {
  struct cell_run run;
  int own;
  bool zero = s->op == FLUX_OP_FILE_ZERO;

  file_step(d, in, s, &run, &own);
  for (uint32_t i = 0; i < run.count; i++) {
    int cell = (int)(run.first + i);
    if (!zero)
      read_cell(e, cell);
    if (s->op != FLUX_OP_CONVERGE)
      write_cell(e, cell, zero);
  }
  if (own >= 0) {
    if (s->op == FLUX_OP_CONVERGE)
      read_cell(e, own);
    write_cell(e, own, s->op != FLUX_OP_CONVERGE);
  }
}

/* What an op touches besides its operands. */
static void step_effect(const struct fisa_dialect *d,
                        const struct fisa_insn *in, const struct fisa_step *s,
                        struct fisa_effects *e) {
  assert(s->op < FLUX_OP_COUNT);
  switch (fisa_semop_effect(s->op)) {
  case FISA_EFFECT_LOAD:
    e->mem_read = true;
    break;
  case FISA_EFFECT_STORE:
    e->mem_write = true;
    break;
  case FISA_EFFECT_COPY:
    e->mem_read = e->mem_write = true;
    break;
  case FISA_EFFECT_STACK:
    e->stack_read |= s->op == FLUX_OP_POP || s->op == FLUX_OP_POPZ;
    e->stack_write = true;
    read_cell(e, d->sp_cell);
    write_cell(e, d->sp_cell, false);
    break;
  case FISA_EFFECT_IN:
    e->input = true;
    e->mem_read |= s->op == FLUX_OP_DRAW_W;
    break;
  case FISA_EFFECT_OUT:
    e->output = true;
    break;
  case FISA_EFFECT_FILE:
    step_file_effects(d, in, s, e);
    break;
  case FISA_EFFECT_FLOW:
    if (s->op == FLUX_OP_CALL || s->op == FLUX_OP_RET) {
      uint16_t index = fisa_links_apart(d) ? d->calls_cell : d->sp_cell;
      e->stack_write = true;
      e->stack_read |= s->op == FLUX_OP_RET;
      read_cell(e, index);
      write_cell(e, index, false);
    }
    break;
  default:
    break;
  }
}

static bool step_may_fault(const struct fisa_dialect *d,
                           const struct fisa_insn *in,
                           const struct fisa_step *s) {
  int32_t v;

  switch (s->op) {
  case FLUX_OP_DIV:
    return !fisa__ref_const(d, in, &s->b, &v) || v == 0;
  case FLUX_OP_CHECK:
    return !fisa__ref_const(d, in, &s->a, &v) || v != 0;
  case FLUX_OP_TRAP:
  case FLUX_OP_RET: /* what is popped may lie below address 0 */
    return true;
  default:
    return false;
  }
}

bool fisa_past_file(const struct fisa_dialect *d, const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;

  for (unsigned i = 0; i < row->operand_count; i++)
    for (unsigned left = row->operands[i].files; left; left &= left - 1) {
      const struct fisa_file *f = &d->files[__builtin_ctz(left)];
      if (f->checked && in->value[i] >= (int32_t)fisa_registers(f))
        return true;
    }
  return false;
}

static bool insn_may_fault(const struct fisa_dialect *d,
                           const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;
  const struct fisa__guard_view view = {d, fisa__range_const, d};

  if (row->opaque || row->flow == FISA_FLOW_TRAP || fisa_past_file(d, in))
    return true;
  for (unsigned i = 0; i < row->guard_count; i++)
    if (fisa__guard(&view, in, &row->guards[i]) != FISA__GUARD_NEVER)
      return true;
  for (unsigned i = 0; i < row->step_count; i++)
    if (step_may_fault(d, in, &row->steps[i]))
      return true;
  if (row->target_reg < row->operand_count && in->target == FISA_NO_TARGET)
    return true;
  return in->target != FISA_NO_TARGET && in->target < 0;
}

static void opaque_effects(const struct fisa_dialect *d,
                           struct fisa_effects *e) {
  for (uint32_t f = 0; f < d->file_count; f++) {
    if (d->files[f].kind == FISA_FILE_STACK)
      continue;
    for (uint32_t i = 0; i < d->files[f].count; i++) {
      fisa__set_add(&e->reads, d->files[f].first + i);
      fisa__set_add(&e->writes, d->files[f].first + i);
    }
  }
  if (d->stack_file < d->file_count) {
    fisa__set_add(&e->reads, d->sp_cell);
    fisa__set_add(&e->writes, d->sp_cell);
  }
  e->mem_read = e->mem_write = e->stack_read = e->stack_write = true;
  e->input = e->output = e->may_fault = e->pinned = true;
}

static void read_ref(const struct fisa_dialect *d, const struct fisa_insn *in,
                     const struct fisa_ref *ref, struct fisa_effects *out) {
  read_cell(out, fisa__ref_cell(d, in, ref));
  if (ref->kind == FISA_REF_STACK) {
    out->stack_read = true;
    read_cell(out, d->sp_cell);
  }
}

/* A test looks at cells, too. */
static void guard_effects(const struct fisa_dialect *d,
                          const struct fisa_insn *in,
                          struct fisa_effects *out) {
  for (unsigned i = 0; i < in->row->guard_count; i++) {
    const struct fisa_guard *g = &in->row->guards[i];
    read_ref(d, in, &g->a, out);
    read_ref(d, in, &g->b, out);
    if (g->lethal == FLUX_LETHAL_STACK_FULL ||
        g->lethal == FLUX_LETHAL_STACK_EMPTY ||
        g->lethal == FLUX_LETHAL_STACK_FEW)
      read_cell(out, d->sp_cell);
    if (g->lethal == FLUX_LETHAL_CALLS_FULL ||
        g->lethal == FLUX_LETHAL_CALLS_EMPTY)
      read_cell(out, d->calls_cell);
  }
}

void fisa_effects(const struct fisa_dialect *d, const struct fisa_insn *in,
                  struct fisa_effects *out) {
  const struct fisa_row *row = in->row;

  assert(d && in && out);
  memset(out, 0, sizeof(*out));
  if (!row || !row->defined) {
    out->may_fault = out->pinned = true;
    return;
  }
  if (row->opaque) {
    opaque_effects(d, out);
    return;
  }
  out->pinned = row->keep || row->sensitive != 0;
  /* Setting a counter of instructions is sensitive, whatever the table says:
   * what stands behind the row may not move. */
  for (unsigned i = 0; i < row->step_count; i++)
    if (row->steps[i].d.kind == FISA_REF_CELL &&
        d->files[row->steps[i].d.file].tick)
      out->pinned = true;
  out->may_fault = insn_may_fault(d, in);
  /* A register-held target is read even where no op names it. */
  if (row->target_reg < row->operand_count)
    read_cell(out,
              fisa_reg_cell(d, fisa_operand_file(
                                   &row->operands[row->target_reg]),
                            in->value[row->target_reg]));
  guard_effects(d, in, out);
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
    for (unsigned k = 0; k < 4; k++) {
      char use = fisa_semop_use(s->op, k);
      if (use == 'R' || use == 'M')
        read_ref(d, in, refs[k], out);
    }
    step_effect(d, in, s, out);
    for (unsigned k = 0; k < 4; k++) {
      char use = fisa_semop_use(s->op, k);
      if (use == 'W' || use == 'M')
        write_cell(out, fisa__ref_cell(d, in, refs[k]), use == 'W');
    }
  }
}

static bool file_step_writes(const struct fisa_dialect *d,
                             const struct fisa_insn *in,
                             const struct fisa_step *s, int cell) {
  struct cell_run run;
  int own;

  file_step(d, in, s, &run, &own);
  if (own == cell)
    return true;
  return s->op != FLUX_OP_CONVERGE && (uint32_t)cell >= run.first &&
         (uint32_t)cell - run.first < run.count;
}

bool fisa__writes_cell(const struct fisa_dialect *d, const struct fisa_insn *in,
                       int cell) {
  const struct fisa_row *row = in->row;

  assert(cell >= 0);
  if (row->opaque)
    return true;
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if (fisa__ref_cell(d, in, &s->d) == cell &&
        fisa_semop_use(s->op, 0) != 'R')
      return true;
    if (s->op == FLUX_OP_SWAP && fisa__ref_cell(d, in, &s->a) == cell)
      return true;
    if (s->op >= FLUX_OP_FILE_ZERO && s->op <= FLUX_OP_DIFFUSE &&
        file_step_writes(d, in, s, cell))
      return true;
    if (cell == d->sp_cell && fisa_semop_effect(s->op) == FISA_EFFECT_STACK)
      return true;
    if (cell == (fisa_links_apart(d) ? d->calls_cell : d->sp_cell) &&
        (s->op == FLUX_OP_CALL || s->op == FLUX_OP_RET))
      return true;
  }
  return false;
}

bool fisa__branch_taken(unsigned op, int32_t v) {
  switch (op) {
  case FLUX_OP_BR_EQZ:
    return v == 0;
  case FLUX_OP_BR_NEZ:
    return v != 0;
  case FLUX_OP_BR_LTZ:
    return v < 0;
  case FLUX_OP_BR_LEZ:
    return v <= 0;
  case FLUX_OP_BR_GTZ:
  case FLUX_OP_BR_GTZ_DEC:
    return v > 0;
  case FLUX_OP_BR_GEZ:
    return v >= 0;
  case FLUX_OP_BR_DEC_GTZ:
    return (int32_t)((uint32_t)v - 1u) > 0;
  default:
    return true;
  }
}

int fisa__branch_fixed(const struct fisa_dialect *d,
                       const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;
  const struct fisa_step *last;
  int32_t v;

  assert(row && row->step_count <= FISA_MAX_TEMPLATE);
  if (row->step_count == 0 || row->opaque)
    return -1;
  last = &row->steps[row->step_count - 1];
  if (last->op < FLUX_OP_BR_EQZ || last->op > FLUX_OP_BR_GTZ_DEC)
    return last->op == FLUX_OP_JUMP || last->op == FLUX_OP_CALL ? 1 : -1;
  if (!fisa__ref_const(d, in, &last->a, &v))
    return -1;
  return fisa__branch_taken(last->op, v);
}
