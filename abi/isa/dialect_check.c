/*
 * isa/dialect_check.c - what must hold of a complete row, and what follows
 * from it.
 *
 * Engines trust a loaded row with their memory: every register in a template
 * is masked or guarded, the stack index is written by push and pop alone, a
 * push or a pop stands behind a guard. None of that is left to the author of
 * a table.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "isa/dialect_impl.h"

enum {
  MAX_RUN = 65535,         /* bytes of a run of memory with a fixed count */
  FLOAT_ONE = 0x3F800000,  /* bits of 1.0f */
  LAST_FAULT = 999,
  DIFFUSE_REGISTERS = 64,  /* what the op is defined on */
  CONVERGE_GROUP = 8,
  MAX_FOLD = 8             /* cells that one op takes off the stack */
};

/* What is known while the steps of a template are walked. */
struct walk {
  struct fisa_loader *l;
  struct fisa_row *row;
  unsigned temps;     /* bit: written by an earlier step */
  int live, room;     /* stack cells surely live, surely free */
  uint32_t used;      /* operands that the template speaks of */
};

static const char *op_name(const struct fisa_step *st) {
  return fisa_semop_name(st->op);
}

/* ---- declared reads and writes ------------------------------------------ */

static bool list_has(const char *list, const char *word) {
  return fisa_list_has(list, word, ";");
}

/* Whether the list speaks of a register file at all: R[all], R[1..imm8]. */
static bool list_has_file(const char *list, const char *file) {
  return fisa_list_has(list, file, "[");
}

/* The fact tables name parts of memory (MEM.heap), and a fault by another
 * word. */
static bool list_means(const char *list, const char *word) {
  if (list_has(list, word))
    return true;
  if (strcmp(word, "MEM") == 0)
    return list_has(list, "MEM.stack") || list_has(list, "MEM.heap");
  return strcmp(word, "FAULT") == 0 && list_has(list, "ERR");
}

static int need(struct walk *w, bool writes, const char *word) {
  const char *list = writes ? w->row->writes : w->row->reads;

  if (list_means(list, word))
    return 0;
  w->l->field = writes ? "writes" : "reads";
  return fisa__bad(w->l, "%s is missing, the template %s it", word,
                   writes ? "writes" : "reads");
}

/* A stack that is named at all is pushed to, popped from and looked at. */
static int need_cells(struct walk *w, bool writes, uint32_t file) {
  const char *name = w->l->d->files[file].name;

  if (list_has(w->row->reads, name) || list_has(w->row->writes, name))
    return 0;
  return need(w, writes, name);
}

/* The declared name of what a reference reaches must be in the list. */
static int need_ref(struct walk *w, bool writes, const struct fisa_ref *ref) {
  const struct fisa_file *f = &w->l->d->files[ref->file];
  const char *list = writes ? w->row->writes : w->row->reads;
  char word[2 * FISA_MAX_NAME];

  switch (ref->kind) {
  case FISA_REF_REG:
  case FISA_REF_RAW:
    snprintf(word, sizeof word, "%s[%s]", f->name,
             w->row->operands[ref->operand].name);
    return need(w, writes, word);
  case FISA_REF_FIXED:
    if (f->zero && ref->value == 0)
      return 0;
    snprintf(word, sizeof word, "%s[%d]", f->name, (int)ref->value);
    return need(w, writes, word);
  case FISA_REF_STACK:
    return need_cells(w, writes, ref->file);
  case FISA_REF_CELL:
    /* The fact tables write a flag Z as ZF. */
    snprintf(word, sizeof word, "%sF", f->name);
    if (f->kind == FISA_FILE_FLAG && list_has(list, word))
      return 0;
    return need(w, writes, f->name);
  default:
    return 0;
  }
}

static int need_outside(struct walk *w, bool writes) {
  const char *list = writes ? w->row->writes : w->row->reads;

  if (list_has(list, "HOST") || list_has(list, "CHAN") ||
      (!writes && list_has(list, "RNG")))
    return 0;
  /* A role that says so will do. */
  if (!w->row->pure &&
      (w->row->roles & (writes ? FISA_ROLE_ACT | FISA_ROLE_A2A
                               : FISA_ROLE_SENSE)))
    return 0;
  return need(w, writes, "HOST");
}

static int need_stack(struct walk *w, bool writes_cells) {
  const struct fisa_dialect *d = w->l->d;
  const struct fisa_file *index = &d->files[d->stack_file - 1];
  const char *name = d->files[d->stack_file].name;

  /* An index with a name of its own is nobody's register. */
  assert(index->first == d->sp_cell);
  if (strcmp(index->name, "SP") == 0 &&
      (need(w, false, "SP") || need(w, true, "SP") ||
       need(w, writes_cells, name)))
    return -1;
  return need_cells(w, writes_cells, d->stack_file);
}

static int need_links(struct walk *w, bool writes_cells) {
  if (fisa_links_apart(w->l->d))
    return need_cells(w, writes_cells, w->l->d->calls_file);
  return need_stack(w, writes_cells);
}

static int need_effect(struct walk *w, const struct fisa_step *st) {
  switch (fisa_semop_effect(st->op)) {
  case FISA_EFFECT_LOAD:
    return need(w, false, "MEM");
  case FISA_EFFECT_STORE:
    return need(w, true, "MEM");
  case FISA_EFFECT_COPY:
    return need(w, false, "MEM") ? -1 : need(w, true, "MEM");
  case FISA_EFFECT_IN:
    if (st->op == FLUX_OP_DRAW_W && need(w, false, "MEM"))
      return -1;
    return need_outside(w, false);
  case FISA_EFFECT_OUT:
    if (st->op == FLUX_OP_EMIT_PAYLOAD && !w->row->payload)
      return fisa__bad(w->l, "emit_payload in a row without a payload");
    return need_outside(w, true);
  case FISA_EFFECT_CYC:
    return need(w, false, "CYC");
  case FISA_EFFECT_STACK:
    return need_stack(w, st->op == FLUX_OP_PUSH || st->op == FLUX_OP_FOLD);
  default:
    break;
  }
  switch (st->op) {
  case FLUX_OP_CALL:
    return need_links(w, true);
  case FLUX_OP_RET:
    return need_links(w, false);
  case FLUX_OP_HALT:
    return need(w, true, "HALT");
  case FLUX_OP_DIV:
  case FLUX_OP_TRAP:
    return need(w, true, "FAULT");
  default:
    return 0;
  }
}

/* ---- operands of steps -------------------------------------------------- */

static bool has_guard(const struct fisa_row *row, enum flux_lethal lethal) {
  for (unsigned i = 0; i < row->guard_count; i++)
    if (row->guards[i].lethal == lethal)
      return true;
  return false;
}

static bool raw_is_guarded(const struct fisa_row *row,
                           const struct fisa_ref *ref) {
  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *g = &row->guards[i];
    if (g->lethal == FLUX_LETHAL_REGISTER_RANGE &&
        g->a.operand == ref->operand && g->a.file == ref->file)
      return true;
  }
  return false;
}

/* What any reference brings along: the operand it speaks of, and for an
 * unmasked register its guard. */
static int note_ref(struct walk *w, const struct fisa_ref *ref) {
  switch (ref->kind) {
  case FISA_REF_RAW:
    if (!raw_is_guarded(w->row, ref))
      return fisa__bad(w->l, "an unmasked register needs the guard "
                       "register_range(#raw:%s)",
                       w->row->operands[ref->operand].name);
    /* fallthrough */
  case FISA_REF_REG:
    w->row->operands[ref->operand].files |= (uint16_t)(1u << ref->file);
    /* fallthrough */
  case FISA_REF_IMM:
  case FISA_REF_RAWNUM:
    w->used |= 1u << ref->operand;
    return 0;
  default:
    return 0;
  }
}

static int check_read(struct walk *w, const struct fisa_ref *ref) {
  if (ref->kind == FISA_REF_FILE || ref->kind == FISA_REF_NONE)
    return fisa__bad(w->l, "a whole file stands where a cell is read");
  if (ref->kind == FISA_REF_TEMP && !(w->temps >> ref->value & 1))
    return fisa__bad(w->l, "t%d is read before it is written",
                     (int)ref->value);
  return note_ref(w, ref);
}

/* Ops whose result is 0 or 1, the only values of a flag. */
static bool gives_truth(const struct fisa_step *st) {
  switch (st->op) {
  case FLUX_OP_EQ: case FLUX_OP_NE: case FLUX_OP_LT: case FLUX_OP_LE:
  case FLUX_OP_GT: case FLUX_OP_GE: case FLUX_OP_MEQ: case FLUX_OP_MHAS:
  case FLUX_OP_CAS8: case FLUX_OP_LTU: case FLUX_OP_CARRY: case FLUX_OP_FEQ:
  case FLUX_OP_FLT: case FLUX_OP_FLE:
    return true;
  case FLUX_OP_MOV:
    return st->a.kind == FISA_REF_CONST && (st->a.value & ~1) == 0;
  default:
    return false;
  }
}

static int check_write(struct walk *w, const struct fisa_step *st,
                       const struct fisa_ref *ref) {
  const struct fisa_file *f = &w->l->d->files[ref->file];

  switch (ref->kind) {
  case FISA_REF_TEMP:
    w->temps |= 1u << ref->value;
    break;
  case FISA_REF_CELL:
    if (f->first == w->l->d->sp_cell || f->first == w->l->d->calls_cell)
      return fisa__bad(w->l, "%s is written by push and pop only", f->name);
    if (f->kind == FISA_FILE_FLAG && !gives_truth(st))
      return fisa__bad(w->l, "%s gives no 0 or 1 for the flag %s",
                       op_name(st), f->name);
    break;
  case FISA_REF_REG:
  case FISA_REF_RAW:
  case FISA_REF_FIXED:
    break;
  default:
    return fisa__bad(w->l, "%s writes to something that is no cell",
                     op_name(st));
  }
  return note_ref(w, ref) ? -1 : need_ref(w, true, ref);
}

static bool same_ref(const struct fisa_ref *a, const struct fisa_ref *b) {
  return a->kind == b->kind && a->file == b->file &&
         a->operand == b->operand && a->value == b->value;
}

/*
 * Reads that the fact tables do not list, since no outcome depends on what
 * was there before: an operand that is read only so that d keeps its value,
 * and one that an earlier step has just written (flags are taken from the
 * register read back).
 */
static bool is_no_input(const struct walk *w, const struct fisa_step *st,
                        const struct fisa_ref *ref) {
  if (st->op == FLUX_OP_SELECT && ref != &st->c && same_ref(ref, &st->d))
    return true;
  for (const struct fisa_step *e = w->row->steps; e < st; e++)
    if (fisa_semop_use(e->op, 0) == 'W' && same_ref(ref, &e->d))
      return true;
  return false;
}

static int check_cells(struct walk *w, const struct fisa_step *st) {
  const struct fisa_ref *refs[4] = {&st->d, &st->a, &st->b, &st->c};

  /* Reads first: t0 of `add t0 t0 t1` is not yet written by it. */
  for (unsigned i = 0; i < 4; i++) {
    char use = fisa_semop_use(st->op, i);

    if ((use == 'R' || use == 'M') && check_read(w, refs[i]))
      return -1;
    if (use == 'R' && !is_no_input(w, st, refs[i]) &&
        need_ref(w, false, refs[i]))
      return -1;
  }
  for (unsigned i = 0; i < 4; i++) {
    char use = fisa_semop_use(st->op, i);

    if ((use == 'W' || use == 'M') && check_write(w, st, refs[i]))
      return -1;
  }
  return 0;
}

static int const_within(struct walk *w, const struct fisa_step *st,
                        int32_t lo, int32_t hi) {
  if (st->imm.kind == FISA_REF_NONE)
    return 0;
  if (st->imm.kind != FISA_REF_CONST)
    return fisa__bad(w->l, "the last operand of %s is a constant",
                     op_name(st));
  if (st->imm.value < lo || st->imm.value > hi)
    return fisa__bad(w->l, "the last operand of %s, %d, is not within %d..%d",
                     op_name(st), (int)st->imm.value, (int)lo, (int)hi);
  return 0;
}

static int check_imm(struct walk *w, const struct fisa_step *st) {
  switch (st->imm.kind) {
  case FISA_REF_NONE: case FISA_REF_CONST: case FISA_REF_IMM:
  case FISA_REF_RAWNUM:
    break;
  default:
    return fisa__bad(w->l, "the last operand of %s is a #value", op_name(st));
  }
  if (note_ref(w, &st->imm))
    return -1;
  switch (st->op) {
  case FLUX_OP_DIV:
  case FLUX_OP_TRAP:
  case FLUX_OP_CHECK:
    return const_within(w, st, 1, LAST_FAULT);
  case FLUX_OP_MULSAR:
    return const_within(w, st, 0, 31);
  case FLUX_OP_BLOAD32: case FLUX_OP_BLOAD8: case FLUX_OP_BSTORE32:
  case FLUX_OP_BSTORE8:
    return const_within(w, st, 4, INT32_MAX);
  case FLUX_OP_DROP:
  case FLUX_OP_FOLD:
    return const_within(w, st, 1, MAX_FOLD);
  case FLUX_OP_HALT:
    return const_within(w, st, 0, LAST_FAULT);
  case FLUX_OP_MULDIV:
    return const_within(w, st, 1, INT32_MAX);
  case FLUX_OP_FSCALE:
    return const_within(w, st, 0, FLOAT_ONE);
  case FLUX_OP_EMIT:
    return const_within(w, st, 0, 3);
  case FLUX_OP_INPUT:
    return const_within(w, st, 0, 1);
  case FLUX_OP_MSET: case FLUX_OP_MCPY: case FLUX_OP_MEQ: case FLUX_OP_MHAS:
  case FLUX_OP_MFIND: case FLUX_OP_MSUM: case FLUX_OP_MMIN:
  case FLUX_OP_MMAX: case FLUX_OP_MCRC:
    return st->imm.kind == FISA_REF_CONST
               ? const_within(w, st, 0, MAX_RUN) : 0;
  default:
    return 0;
  }
}

static int check_whole_file(struct walk *w, const struct fisa_step *st) {
  const struct fisa_file *f = &w->l->d->files[st->d.file];

  if (st->d.kind != FISA_REF_FILE)
    return fisa__bad(w->l, "%s works on a register file", op_name(st));
  if (!list_has_file(w->row->writes, f->name) ||
      (st->op != FLUX_OP_FILE_ZERO &&
       !list_has_file(w->row->reads, f->name)))
    return fisa__bad(w->l, "reads or writes have no %s[...] for %s", f->name,
                     op_name(st));
  if (st->op == FLUX_OP_CONVERGE &&
      (f->width > 1 || f->count % CONVERGE_GROUP != 0 ||
       st->imm.kind != FISA_REF_RAWNUM))
    return fisa__bad(w->l, "converge takes #raw: and a file of groups of %d",
                     CONVERGE_GROUP);
  if (st->op == FLUX_OP_DIFFUSE &&
      (f->width > 1 || f->count != DIFFUSE_REGISTERS ||
       st->b.kind != FISA_REF_RAWNUM))
    return fisa__bad(w->l, "diffuse takes #raw: and a file of %d registers",
                     DIFFUSE_REGISTERS);
  return 0;
}

/* The register bytes of whole-file ops reach the file too. */
static void note_file(struct walk *w, const struct fisa_step *st) {
  const struct fisa_ref *refs[2] = {&st->b, &st->imm};

  for (unsigned i = 0; i < 2; i++)
    if (refs[i]->kind == FISA_REF_RAWNUM)
      w->row->operands[refs[i]->operand].files |=
          (uint16_t)(1u << st->d.file);
}

/* ---- stack and memory --------------------------------------------------- */

/* Cells that an op takes off if they are there. */
static int soft_pops(const struct fisa_step *st) {
  switch (st->op) {
  case FLUX_OP_POPZ:
    return 1;
  case FLUX_OP_DROP:
  case FLUX_OP_FOLD:
    return st->imm.kind == FISA_REF_CONST && st->imm.value > 0 &&
                   st->imm.value <= MAX_FOLD
               ? st->imm.value : 1;
  default:
    return 0;
  }
}

static int check_stack(struct walk *w, const struct fisa_step *st) {
  bool apart = fisa_links_apart(w->l->d);
  bool links = st->op == FLUX_OP_CALL || st->op == FLUX_OP_RET;
  bool pushes = st->op == FLUX_OP_PUSH || st->op == FLUX_OP_CALL;

  if (!links && fisa_semop_effect(st->op) != FISA_EFFECT_STACK)
    return 0;
  if (w->l->d->stack_file == 0xFFFF && !(apart && links))
    return fisa__bad(w->l, "%s in a dialect without a stack", op_name(st));
  if (apart && st->op == FLUX_OP_CALL &&
      !has_guard(w->row, FLUX_LETHAL_CALLS_FULL))
    return fisa__bad(w->l, "call needs the guard calls_full");
  if (st->op == FLUX_OP_RET || (apart && links))
    return 0;  /* tests by itself */
  /* Those that take what there is leave room behind them, at least as much
   * as a stack of that size has without them. */
  if (soft_pops(st) > 0) {
    int size = w->l->d->files[w->l->d->stack_file].count;
    if (soft_pops(st) > size)
      return fisa__bad(w->l, "%s of more than the stack has", op_name(st));
    w->room += soft_pops(st);
    if (w->room > size)
      w->room = size;
    w->live = st->op == FLUX_OP_FOLD;
    w->room -= w->live;
    return 0;
  }
  if (pushes && w->room == 0)
    return fisa__bad(w->l, "%s needs the guard stack_full", op_name(st));
  if (!pushes && w->live == 0)
    return fisa__bad(w->l, "%s needs the guard stack_empty", op_name(st));
  w->live += pushes ? 1 : -1;
  w->room += pushes ? -1 : 1;
  return 0;
}

static bool uses_memory(const struct fisa_step *st) {
  switch (fisa_semop_effect(st->op)) {
  case FISA_EFFECT_LOAD:
  case FISA_EFFECT_STORE:
  case FISA_EFFECT_COPY:
    return true;
  default:
    return st->op == FLUX_OP_DRAW_W;
  }
}

static int check_step(struct walk *w, const struct fisa_step *st) {
  w->l->field = "does";
  if (uses_memory(st) && w->l->d->mem_size == 0)
    return fisa__bad(w->l, "%s in a dialect without memory", op_name(st));
  if (fisa_semop_effect(st->op) == FISA_EFFECT_FILE) {
    if (check_whole_file(w, st))
      return -1;
    note_file(w, st);
  }
  if (check_stack(w, st) || check_imm(w, st) || check_cells(w, st))
    return -1;
  return need_effect(w, st);
}

static int check_guards(struct walk *w) {
  for (unsigned i = 0; i < w->row->guard_count; i++) {
    const struct fisa_guard *g = &w->row->guards[i];
    const struct fisa_ref *refs[2] = {&g->a, &g->b};

    w->l->field = "lethal";
    if (g->lethal == FLUX_LETHAL_REGISTER_RANGE &&
        g->a.kind != FISA_REF_RAWNUM)
      return fisa__bad(w->l, "register_range takes #raw:");
    if ((g->lethal == FLUX_LETHAL_STACK_FULL ||
         g->lethal == FLUX_LETHAL_STACK_EMPTY ||
         g->lethal == FLUX_LETHAL_STACK_FEW) &&
        w->l->d->stack_file == 0xFFFF)
      return fisa__bad(w->l, "the dialect has no stack");
    if ((g->lethal == FLUX_LETHAL_CALLS_FULL ||
         g->lethal == FLUX_LETHAL_CALLS_EMPTY) &&
        !fisa_links_apart(w->l->d))
      return fisa__bad(w->l, "the dialect has no stack of links");
    if (g->lethal == FLUX_LETHAL_STACK_FEW &&
        (g->a.kind != FISA_REF_CONST || g->a.value < 1 ||
         g->a.value > MAX_FOLD))
      return fisa__bad(w->l, "stack_few takes a number of 1..%d", MAX_FOLD);
    for (unsigned k = 0; k < 2; k++) {
      if (refs[k]->kind == FISA_REF_NONE)
        continue;
      if (check_read(w, refs[k]) || need_ref(w, false, refs[k]))
        return -1;
    }
  }
  return 0;
}

/* ---- flow --------------------------------------------------------------- */

static bool is_branch(unsigned op) {
  return op >= FLUX_OP_BR_EQZ && op <= FLUX_OP_BR_GTZ_DEC;
}

/* Whether the last op of a template does what the flow column says. */
static bool flow_fits(enum fisa_flow flow, unsigned op) {
  switch (flow) {
  case FISA_FLOW_NEXT:
    return fisa_semop_effect(op) != FISA_EFFECT_FLOW || op == FLUX_OP_DIV ||
           op == FLUX_OP_YIELD;
  case FISA_FLOW_HALT:
    return op == FLUX_OP_HALT;
  case FISA_FLOW_TRAP:
    return op == FLUX_OP_TRAP;
  case FISA_FLOW_JUMP_REL:
  case FISA_FLOW_JUMP_ABS:
    return op == FLUX_OP_JUMP;
  case FISA_FLOW_COND_REL:
  case FISA_FLOW_COND_ABS:
  case FISA_FLOW_COND_REL_REG:
    return is_branch(op);
  case FISA_FLOW_CALL_REL:
  case FISA_FLOW_CALL_ABS:
  case FISA_FLOW_INDIRECT:
    return op == FLUX_OP_CALL || op == FLUX_OP_JUMP;
  case FISA_FLOW_RET:
    return op == FLUX_OP_RET;
  }
  return false;
}

/* Whether a step may change what a reference reads. Two registers of a file
 * may be one. */
static bool changes(const struct fisa_dialect *d, const struct fisa_step *st,
                    const struct fisa_ref *ref) {
  const struct fisa_ref *refs[4] = {&st->d, &st->a, &st->b, &st->c};
  bool stack = fisa_semop_effect(st->op) == FISA_EFFECT_STACK;
  bool temp = ref->kind == FISA_REF_TEMP;

  if (ref->kind == FISA_REF_STACK)
    return stack;
  if (ref->kind == FISA_REF_CELL && d->files[ref->file].first == d->sp_cell)
    return stack;
  for (unsigned i = 0; i < 4; i++) {
    char use = fisa_semop_use(st->op, i);
    if (refs[i]->kind == FISA_REF_FILE && refs[i]->file == ref->file && !temp)
      return true;
    if ((use != 'W' && use != 'M') ||
        temp != (refs[i]->kind == FISA_REF_TEMP))
      continue;
    if (temp ? refs[i]->value == ref->value : refs[i]->file == ref->file)
      return true;
  }
  return false;
}

/* A branch below address 0 is refused before any effect, so what it tests has
 * to be there before any. */
static int check_condition(struct walk *w, const struct fisa_step *last) {
  const struct fisa_step *first = NULL;

  if (last->a.kind == FISA_REF_CONST || last->a.kind == FISA_REF_IMM ||
      last->a.kind == FISA_REF_RAWNUM || last->a.kind == FISA_REF_NEXT)
    return 0;
  for (const struct fisa_step *s = w->row->steps; s < last; s++) {
    if (!first && fisa_step_acts(s))
      first = s;
    if (!first || !changes(w->l->d, s, &last->a))
      continue;
    if (last->a.kind == FISA_REF_TEMP &&
        fisa_semop_effect(s->op) == FISA_EFFECT_STACK)
      return fisa__bad(w->l, "%s takes the condition off the stack; read it "
                       "there and drop it", op_name(s));
    return fisa__bad(w->l, "the condition changes behind %s, the first "
                     "effect", op_name(first));
  }
  return 0;
}

static int check_flow_ops(struct walk *w) {
  const struct fisa_row *row = w->row;

  w->l->field = "does";
  for (unsigned i = 0; i + 1 < row->step_count; i++)
    if (fisa_semop_effect(row->steps[i].op) == FISA_EFFECT_FLOW)
      return fisa__bad(w->l, "%s is not the last op",
                       op_name(&row->steps[i]));
  if (row->opaque)
    return 0;
  assert(row->step_count > 0);
  const struct fisa_step *last = &row->steps[row->step_count - 1];
  if (!flow_fits((enum fisa_flow)row->flow, last->op))
    return fisa__bad(w->l, "%s does not fit the field flow", op_name(last));
  if (last->op == FLUX_OP_CALL && row->link == 0)
    return fisa__bad(w->l, "call needs the field link");
  return is_branch(last->op) ? check_condition(w, last) : 0;
}

static bool is_immediate(const struct fisa_operand *op) {
  return op->kind != FISA_OPERAND_REG && op->kind != FISA_OPERAND_UNUSED &&
         op->kind != FISA_OPERAND_PAYLOAD;
}

/* The one operand that the template does not speak of and that is a register
 * byte (or an immediate): -1 none, -2 more than one. */
static int free_operand(const struct walk *w, bool reg) {
  int found = -1;

  for (int i = 0; i < w->row->operand_count; i++) {
    const struct fisa_operand *op = &w->row->operands[i];
    bool fits = reg ? op->kind == FISA_OPERAND_REG : is_immediate(op);

    if (fits && !(w->used >> i & 1))
      found = found == -1 ? i : -2;
  }
  return found;
}

/* A target register lies in the first register file that the row reads
 * through its operand. */
static int reach_target_reg(struct walk *w, int operand) {
  struct fisa_dialect *d = w->l->d;
  char word[2 * FISA_MAX_NAME];

  for (uint32_t f = 0; f < d->file_count; f++) {
    snprintf(word, sizeof word, "%s[%s]", d->files[f].name,
             w->row->operands[operand].name);
    if (d->files[f].kind == FISA_FILE_REGS && d->files[f].type == FISA_I32 &&
        list_has(w->row->reads, word)) {
      w->row->operands[operand].files = (uint16_t)(1u << f);
      w->row->target_reg = (uint8_t)operand;
      return 0;
    }
  }
  w->l->field = "reads";
  return fisa__bad(w->l, "no register file for the target in %s",
                   w->row->operands[operand].name);
}

static int find_target(struct walk *w) {
  struct fisa_row *row = w->row;
  bool imm = false, reg = false, reg_must = false;
  int i;

  row->target = row->target_reg = 0xFF;
  switch (row->flow) {
  case FISA_FLOW_JUMP_REL: case FISA_FLOW_COND_REL: case FISA_FLOW_CALL_REL:
  case FISA_FLOW_JUMP_ABS: case FISA_FLOW_COND_ABS:
    imm = true;
    break;
  case FISA_FLOW_CALL_ABS:
    imm = reg = true;
    break;
  case FISA_FLOW_COND_REL_REG: case FISA_FLOW_INDIRECT:
    reg = reg_must = true;
    break;
  default:
    return 0;
  }
  w->l->field = "flow";
  if (imm) {
    i = free_operand(w, false);
    if (i < 0)
      return fisa__bad(w->l, "not one immediate operand is the target");
    row->target = (uint8_t)i;
  }
  if (!reg)
    return 0;
  i = free_operand(w, true);
  if (i == -2 || (i == -1 && reg_must))
    return fisa__bad(w->l, "not one register operand is the target");
  return i < 0 ? 0 : reach_target_reg(w, i);
}

/* ---- the row ------------------------------------------------------------ */

static int check_layout(struct fisa_loader *l, const struct fisa_row *row) {
  unsigned length = 1;
  unsigned payloads = 0;

  for (unsigned i = 0; i < row->operand_count; i++) {
    length += row->operands[i].width;
    payloads += row->operands[i].kind == FISA_OPERAND_PAYLOAD;
  }
  l->field = "ops";
  if (row->payload) {
    if (row->operand_count != 1 || payloads != 1)
      return fisa__bad(l, "a row of length len16@1 has ops=payload");
    return 0;
  }
  if (payloads > 0)
    return fisa__bad(l, "a payload needs the length len16@1");
  if (length != row->length)
    return fisa__bad(l, "opcode and operands have %u bytes, len is %u",
                     length, row->length);
  return 0;
}

static int check_roles(struct fisa_loader *l, const struct fisa_row *row) {
  const unsigned acting = FISA_ROLE_SENSE | FISA_ROLE_ACT | FISA_ROLE_DECAY |
                          FISA_ROLE_THRESHOLD;

  l->field = "roles";
  if ((row->roles & acting) && row->operand_count == 0 && !row->opaque)
    return fisa__bad(l, "a role to sense, act, decay or compare without an "
                     "operand");
  if ((row->roles & FISA_ROLE_HALT) && row->flow != FISA_FLOW_HALT)
    return fisa__bad(l, "role halt without flow=halt");
  if ((row->roles & FISA_ROLE_NOP) &&
      (row->opaque || row->step_count != 1 ||
       row->steps[0].op != FLUX_OP_NOP))
    return fisa__bad(l, "role nop without does=nop");
  return 0;
}

/* pure=yes promises registers, flags, stack and pc only. */
static int check_pure(struct fisa_loader *l, const struct fisa_row *row) {
  l->field = "pure";
  for (unsigned i = 0; row->pure && i < row->step_count; i++)
    switch (fisa_semop_effect(row->steps[i].op)) {
    case FISA_EFFECT_STORE:
      /* A stack that lies in memory is a stack all the same. */
      if (list_has(row->writes, "MEM.stack"))
        break;
      return fisa__bad(l, "%s is not pure",
                       fisa_semop_name(row->steps[i].op));
    case FISA_EFFECT_COPY:
    case FISA_EFFECT_IN:
    case FISA_EFFECT_OUT:
      return fisa__bad(l, "%s is not pure",
                       fisa_semop_name(row->steps[i].op));
    default:
      if (row->steps[i].op == FLUX_OP_HALT ||
          row->steps[i].op == FLUX_OP_TRAP)
        return fisa__bad(l, "%s is not pure",
                         fisa_semop_name(row->steps[i].op));
      break;
    }
  return 0;
}

/* At most one source or channel a row: it has one name. */
static int check_outside(struct fisa_loader *l, const struct fisa_row *row) {
  bool in = false;

  for (unsigned i = 0; i < row->step_count; i++)
    in = in || fisa_semop_effect(row->steps[i].op) == FISA_EFFECT_IN;
  l->field = "source";
  if (l->source[row->opcode][0] && !in && !row->opaque)
    return fisa__bad(l, "the row takes nothing from outside");
  return 0;
}

/* Files that reads= and writes= reach through an operand count too: the
 * assembler lets their letters be written there. */
static void declared_files(struct fisa_loader *l, struct fisa_row *row) {
  char word[2 * FISA_MAX_NAME];

  for (unsigned i = 0; i < row->operand_count; i++) {
    row->operands[i].files = 0;
    if (row->operands[i].kind != FISA_OPERAND_REG)
      continue;
    for (uint32_t f = 0; f < l->d->file_count; f++) {
      if (l->d->files[f].kind != FISA_FILE_REGS)
        continue;
      snprintf(word, sizeof word, "%s[%s]", l->d->files[f].name,
               row->operands[i].name);
      if (list_has(row->reads, word) || list_has(row->writes, word))
        row->operands[i].files |= (uint16_t)(1u << f);
    }
  }
}

int fisa__check_row(struct fisa_loader *l, struct fisa_row *row) {
  struct walk w = {.l = l, .row = row};

  assert(l && row && row->length > 0);
  if (check_layout(l, row) || check_roles(l, row) || check_pure(l, row) ||
      check_outside(l, row))
    return -1;
  declared_files(l, row);
  fisa__place_guards(row);
  w.live = has_guard(row, FLUX_LETHAL_STACK_EMPTY);
  for (unsigned i = 0; i < row->guard_count; i++)
    if (row->guards[i].lethal == FLUX_LETHAL_STACK_FEW &&
        row->guards[i].a.kind == FISA_REF_CONST)
      w.live = row->guards[i].a.value;
  w.room = has_guard(row, FLUX_LETHAL_STACK_FULL);
  if (check_guards(&w) || check_flow_ops(&w))
    return -1;
  for (unsigned i = 0; i < row->step_count; i++)
    if (check_step(&w, &row->steps[i]))
      return -1;
  if (find_target(&w))
    return -1;
  l->field = NULL;
  return 0;
}

/* ---- the table ---------------------------------------------------------- */

static int intern(struct fisa_loader *l, char names[64][FISA_MAX_NAME],
                  uint32_t *count, const char *name) {
  uint32_t i;

  for (i = 0; i < *count; i++)
    if (strcmp(names[i], name) == 0)
      return (int)i;
  if (i == 64)
    return fisa__bad(l, "more than 64 sources or channels");
  memcpy(names[i], name, strlen(name) + 1);
  *count = i + 1;
  return (int)i;
}

static int number_outside(struct fisa_loader *l, struct fisa_row *row) {
  struct fisa_dialect *d = l->d;
  const char *source = l->source[row->opcode];

  row->channel = row->source = 0xFFFF;
  for (unsigned i = 0; i < row->step_count; i++) {
    enum fisa_effect e = fisa_semop_effect(row->steps[i].op);
    int n;

    if (e == FISA_EFFECT_IN) {
      n = intern(l, d->sources, &d->source_count,
                 source[0] ? source : row->name);
      row->source = (uint16_t)n;
    } else if (e == FISA_EFFECT_OUT) {
      n = intern(l, d->channels, &d->channel_count, row->name);
      row->channel = (uint16_t)n;
    } else {
      continue;
    }
    if (n < 0)
      return -1;
  }
  return 0;
}

/* Every lethal predicate that the row can meet has a number. */
static int need_lethals(struct fisa_loader *l, const struct fisa_row *row) {
  uint32_t met = 0;

  for (unsigned i = 0; i < row->guard_count; i++)
    met |= 1u << row->guards[i].lethal;
  for (unsigned i = 0; i < row->operand_count; i++)
    for (uint32_t f = 0; f < l->d->file_count; f++)
      if (row->operands[i].files >> f & 1 && l->d->files[f].checked &&
          !row->opaque)
        met |= 1u << FLUX_LETHAL_REGISTER_RANGE;
  if (row->opaque)
    met |= 1u << FLUX_LETHAL_OPAQUE;
  if (row->check < row->length || row->payload)
    met |= 1u << FLUX_LETHAL_PAST_CODE;
  if (row->flow != FISA_FLOW_NEXT && row->flow != FISA_FLOW_HALT &&
      row->flow != FISA_FLOW_TRAP)
    met |= 1u << FLUX_LETHAL_NEGATIVE_TARGET;
  for (unsigned i = 0; i < FLUX_LETHAL_COUNT; i++)
    if (met >> i & 1 && !l->d->lethal_code[i])
      return fisa__bad(l, "the head has no number for lethal %s",
                       fisa__lethal_name(i));
  return 0;
}

int fisa__finish(struct fisa_loader *l) {
  struct fisa_dialect *d = l->d;

  assert(d && d->row_count > 0 && d->row_count <= 256);
  d->channel_count = d->source_count = 0;
  for (unsigned i = 0; i < 256; i++) {
    struct fisa_row *row = &d->rows[i];

    row->opcode = (uint8_t)i;
    if (!row->defined) {
      if (!row->check)
        row->check = 1;
      row->length = row->check;
      row->flow = FISA_FLOW_TRAP;
      row->target = row->target_reg = 0xFF;
      row->channel = row->source = 0xFFFF;
      row->cycles = row->cost = 1;
      continue;
    }
    l->row = row->name;
    if (number_outside(l, row) || need_lethals(l, row))
      return -1;
  }
  l->row = l->field = NULL;
  return 0;
}
