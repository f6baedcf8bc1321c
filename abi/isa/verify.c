/*
 * isa/verify.c - is a program well-formed, by itself?
 *
 * Only what is sure is a finding; what cannot be decided is left to fuel and
 * to the engines, which check every access.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/verify_impl.h"

static const char *const verdict_names[FISA_VERDICT_COUNT] = {
    [FISA_OK] = "ok",
    [FISA_BAD_EMPTY] = "empty",
    [FISA_BAD_SIZE] = "size",
    [FISA_BAD_OPCODE] = "opcode",
    [FISA_BAD_TRUNCATED] = "truncated",
    [FISA_BAD_OPERAND] = "operand",
    [FISA_BAD_TARGET] = "target",
    [FISA_BAD_OVERLAP] = "overlap",
    [FISA_BAD_FALL_OFF] = "fall_off",
    [FISA_BAD_STACK_LOW] = "stack_low",
    [FISA_BAD_STACK_HIGH] = "stack_high",
    [FISA_BAD_CALL] = "call",
    [FISA_BAD_LOOP] = "loop",
    [FISA_BAD_ENDLESS] = "endless",
    [FISA_BAD_BOUNDARY] = "boundary",
    [FISA_BAD_OBSERVABLE] = "observable",
    [FISA_BAD_LETHAL] = "lethal",
    [FISA_BAD_FROZEN] = "frozen",
};

const char *fisa_verdict_name(enum fisa_verdict v) {
  return (unsigned)v < FISA_VERDICT_COUNT ? verdict_names[v] : "unknown";
}

void fisa__found(struct fisa__report *r, uint32_t pc, enum fisa_verdict verdict,
                 const char *format, ...) {
  struct fisa_finding *f;
  va_list ap;

  assert(verdict > FISA_OK && verdict < FISA_VERDICT_COUNT);
  if (fisa__room(&r->list, &r->room, r->count + 1, sizeof(*r->list))) {
    r->failed = true;
    return;
  }
  f = &r->list[r->count++];
  f->pc = pc;
  f->verdict = verdict;
  va_start(ap, format);
  vsnprintf(f->text, sizeof(f->text), format, ap);
  va_end(ap);
}

/* ---- single instructions ------------------------------------------------ */

static void check_decoding(const struct fisa__node *n, struct fisa__report *r) {
  const struct fisa_row *row = n->insn.row;
  uint32_t pc = n->insn.pc;

  assert(row);
  switch (n->status) {
  case FISA_DECODE_UNKNOWN:
    fisa__found(r, pc, FISA_BAD_OPCODE, "undefined opcode 0x%02X",
                (unsigned)row->opcode);
    break;
  case FISA_DECODE_TRUNCATED:
    fisa__found(r, pc, FISA_BAD_TRUNCATED,
                "%s: the machine wants %u bytes, the code ends before",
                row->defined ? row->name : "undefined opcode", row->check);
    break;
  case FISA_DECODE_PAST:
    fisa__found(r, pc, FISA_BAD_TRUNCATED,
                "%s of %u bytes ends past the code, unnoticed by the machine",
                row->name, n->insn.length);
    break;
  default:
    break;
  }
}

static void check_operands(const struct fisa__flow *g,
                           const struct fisa__node *n, struct fisa__report *r) {
  const struct fisa_row *row = n->insn.row;
  const struct fisa__guard_view view = {g->d, fisa__range_const, g->d};

  if (!(n->row & (FISA__ROW_FAULT | FISA__ROW_NARROW)))
    return;
  if (row->flow == FISA_FLOW_TRAP)
    fisa__found(r, n->insn.pc, FISA_BAD_OPCODE, "%s always faults", row->name);
  for (unsigned i = 0; i < row->operand_count; i++) {
    const struct fisa_operand *op = &row->operands[i];
    int32_t v = n->insn.value[i];
    if (op->kind == FISA_OPERAND_UNUSED || op->kind == FISA_OPERAND_PAYLOAD)
      continue;
    if (v < op->lo || v > op->hi)
      fisa__found(r, n->insn.pc, FISA_BAD_OPERAND,
                  "%s: %s is %d, not within %d..%d", row->name, op->name,
                  (int)v, (int)op->lo, (int)op->hi);
  }
  if (fisa_past_file(g->d, &n->insn))
    fisa__found(r, n->insn.pc, FISA_BAD_OPERAND,
                "%s names a register past the last", row->name);
  for (unsigned i = 0; i < row->guard_count; i++)
    if (fisa__guard(&view, &n->insn, &row->guards[i]) == FISA__GUARD_SURE)
      fisa__found(
          r, n->insn.pc, FISA_BAD_OPERAND, "%s: fault %s for sure", row->name,
          fisa_fault_name(g->d, g->d->lethal_code[row->guards[i].lethal]));
}

static void check_edges(const struct fisa__flow *g, const struct fisa__node *n,
                        struct fisa__report *r) {
  const struct fisa_row *row = n->insn.row;

  assert(n->status == FISA_DECODED);
  if (n->flags & FISA__BAD_JUMP)
    fisa__found(r, n->insn.pc, FISA_BAD_TARGET,
                "%s to %lld, outside the code of %u bytes", row->name,
                (long long)n->to, g->p->size);
  if (n->flags & FISA__OFF_END)
    fisa__found(r, n->insn.pc, FISA_BAD_FALL_OFF,
                "control can run off the end behind %s", row->name);
  if (n->jump != FISA__NONE && (g->node[n->jump].flags & FISA__INSIDE))
    fisa__found(r, n->insn.pc, FISA_BAD_OVERLAP,
                "%s to %lld, inside another instruction", row->name,
                (long long)n->to);
}

/* Instructions that overlap although no jump leads into one: the entry, or
 * the place a call returns to, lies in another. */
static void check_overlap(const struct fisa__flow *g, struct fisa__report *r) {
  const struct fisa__node *first = NULL;

  for (uint32_t i = 0; i < g->count; i++) {
    const struct fisa__node *n = &g->node[i];
    if (n->jump != FISA__NONE && (g->node[n->jump].flags & FISA__INSIDE))
      return;
    if (!first && (n->flags & FISA__INSIDE))
      first = n;
  }
  if (first)
    fisa__found(r, first->insn.pc, FISA_BAD_OVERLAP,
                "control enters inside another instruction");
}

/* ---- the whole program -------------------------------------------------- */

/* Where control is cut short by something malformed, a boundary may well have
 * been meant to follow. */
static bool is_cut(const struct fisa__node *n) {
  return n->status != FISA_DECODED || n->insn.row->flow == FISA_FLOW_TRAP ||
         (n->flags & (FISA__OFF_END | FISA__BAD_JUMP));
}

static void check_boundary(struct fisa__flow *g, struct fisa__report *r) {
  const struct fisa_boundary *b = &g->p->manifest.boundary;
  bool found = g->count == 0;

  for (uint32_t i = 0; i < g->count && !found; i++) {
    const struct fisa__node *n = &g->node[i];
    found = (n->flags & FISA__BOUNDARY) || is_cut(n) ||
            n->insn.row->flow == FISA_FLOW_HALT;
  }
  if (b->kind == FISA_BOUNDARY_PC && g->count > 0 &&
      (b->pc >= g->p->size || g->index[b->pc] == FISA__NONE))
    fisa__found(r, g->p->entry, FISA_BAD_BOUNDARY,
                "the boundary at %u is no reached instruction", b->pc);
  else if (!found && !g->wild)
    fisa__found(r, g->p->entry, FISA_BAD_BOUNDARY,
                "no task boundary can be reached");
}

static void check_observable(struct fisa__flow *g, struct fisa__report *r) {
  if (!g->p->manifest.out_none || g->wild)
    return;
  for (uint32_t i = 0; i < g->count; i++)
    if (g->node[i].row & FISA__ROW_EMIT)
      return;
  fisa__found(r, g->p->entry, FISA_BAD_OBSERVABLE,
              "`.out none` in a program without outputs");
}

static int compare_findings(const void *pa, const void *pb) {
  const struct fisa_finding *a = pa, *b = pb;

  if (a->pc != b->pc)
    return a->pc < b->pc ? -1 : 1;
  if (a->verdict != b->verdict)
    return a->verdict < b->verdict ? -1 : 1;
  return strcmp(a->text, b->text);
}

int fisa__verify_program(const struct fisa_program *p, struct fisa__flow *g,
                         struct fisa__report *r) {
  assert(p && g && r);
  r->count = 0;
  r->failed = false;
  g->count = 0;
  if (p->size == 0) {
    fisa__found(r, 0, FISA_BAD_EMPTY, "no code");
    return r->failed ? -1 : 0;
  }
  if (p->size > FISA_MAX_CODE) {
    fisa__found(r, 0, FISA_BAD_SIZE, "%u bytes of code, more than %u", p->size,
                FISA_MAX_CODE);
    return r->failed ? -1 : 0;
  }
  if (fisa__flow_build(g, p) != 0 || fisa__flow_blocks(g) != 0)
    return -1;
  fisa__depth_solve(g);
  if (p->entry >= p->size)
    fisa__found(r, p->entry, FISA_BAD_TARGET,
                "the entry lies outside the code of %u bytes", p->size);
  for (uint32_t i = 0; i < g->count; i++) {
    const struct fisa__node *n = &g->node[i];
    if (n->status != FISA_DECODED) {
      check_decoding(n, r);
      continue;
    }
    check_operands(g, n, r);
    check_edges(g, n, r);
  }
  check_overlap(g, r);
  fisa__check_stack(g, r);
  if (fisa__check_loops(g, r) != 0)
    return -1;
  check_boundary(g, r);
  check_observable(g, r);
  if (r->count > 1)
    qsort(r->list, r->count, sizeof(*r->list), compare_findings);
  return r->failed ? -1 : 0;
}

int fisa_verify(const struct fisa_program *p, struct fisa_finding *out,
                int capacity) {
  struct fisa__flow g;
  struct fisa__report r = {0};
  int rc = -1;

  memset(&g, 0, sizeof(g));
  if (fisa__verify_program(p, &g, &r) == 0) {
    rc = (int)r.count;
    for (int i = 0; i < rc && i < capacity; i++)
      out[i] = r.list[i];
  }
  fisa__flow_done(&g);
  free(r.list);
  return rc;
}
