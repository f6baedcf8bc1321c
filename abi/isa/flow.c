/*
 * isa/flow.c - the walk over a program's code.
 *
 * Nodes are visited until what holds before each (function, stack depth,
 * whether the link is whole) changes no more. Depth intervals are widened
 * after a few visits, so the walk is linear in the code for all practical
 * purposes and always ends.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/flow.h"

#define VISITS_BEFORE_WIDENING 4

/* What holds before an instruction. */
struct place {
  uint32_t func;
  int32_t lo, hi;
  bool broken;
};

int fisa__room_grow(void *array, uint32_t *room, uint32_t need, size_t item) {
  void **p = array;
  uint32_t want = *room ? *room : 16;
  void *grown;

  assert(item > 0 && need > *room);
  while (want < need)
    want *= 2;
  grown = realloc(*p, want * item);
  if (!grown)
    return -1;
  *p = grown;
  *room = want;
  return 0;
}

/* ---- rows --------------------------------------------------------------- */

/* Whether the words of an opaque row name a stack or its index: STK, STK[0],
 * SP. */
static bool names_stack(const struct fisa_dialect *d, unsigned stack,
                        const char *words) {
  for (unsigned f = stack - 1; stack < d->file_count && f <= stack; f++)
    if (fisa_list_has(words, d->files[f].name, ";[."))
      return true;
  return false;
}

static uint16_t step_flags(const struct fisa_dialect *d,
                           const struct fisa_step *s) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
  uint16_t flags = 0;

  switch (s->op) {
  case FLUX_OP_EMIT:
  case FLUX_OP_EMIT_PAYLOAD:
    flags |= FISA__ROW_EMIT;
    break;
  case FLUX_OP_CYCLE:
    flags |= FISA__ROW_CYCLE;
    break;
  case FLUX_OP_YIELD:
    flags |= FISA__ROW_YIELD;
    break;
  case FLUX_OP_CALL:
    flags |= FISA__ROW_CALL;
    break;
  case FLUX_OP_DIV:
  case FLUX_OP_TRAP:
  case FLUX_OP_CHECK:
    flags |= FISA__ROW_FAULT;
    break;
  default:
    break;
  }
  for (int i = 1; i < 4; i++)
    if (refs[i]->kind == FISA_REF_NEXT)
      flags |= FISA__ROW_LINK;
  /* Only push and pop may move the stack index. */
  for (int i = 0; i < 2; i++) {
    char use;
    if (refs[i]->kind != FISA_REF_CELL)
      continue;
    use = fisa_semop_use(s->op, (unsigned)i);
    if (use != 'W' && use != 'M')
      continue;
    if (d->stack_file < d->file_count &&
        (d->files[refs[i]->file].kind == FISA_FILE_STACK ||
         d->files[refs[i]->file].first == d->sp_cell))
      flags |= FISA__ROW_STACK;
    if (d->files[refs[i]->file].tick)
      flags |= FISA__ROW_STRIP;
  }
  return flags;
}

static uint16_t flow_flags(const struct fisa_row *row) {
  switch (row->flow) {
  case FISA_FLOW_JUMP_REL:
  case FISA_FLOW_JUMP_ABS:
  case FISA_FLOW_CALL_REL:
  case FISA_FLOW_CALL_ABS:
  case FISA_FLOW_INDIRECT:
    return FISA__ROW_JUMP;
  case FISA_FLOW_COND_REL:
  case FISA_FLOW_COND_ABS:
  case FISA_FLOW_COND_REL_REG:
    return FISA__ROW_JUMP | FISA__ROW_COND;
  case FISA_FLOW_RET:
    return FISA__ROW_RET;
  case FISA_FLOW_TRAP:
    return FISA__ROW_FAULT;
  default:
    return 0;
  }
}

static void note_reach(const struct fisa_ref *ref,
                       struct fisa__rowinfo *info) {
  if (ref->kind == FISA_REF_STACK && ref->value >= info->reach)
    info->reach = (uint8_t)(ref->value < 255 ? ref->value + 1 : 255);
}

/* What a step does to the depth of the data stack. Rows are short: nothing
 * here leaves a byte. */
static void step_depth(const struct fisa_step *s, struct fisa__rowinfo *info) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
  int soft = s->op == FLUX_OP_POPZ;

  for (int i = 0; i < 4; i++)
    note_reach(refs[i], info);
  if (s->op == FLUX_OP_DROP || s->op == FLUX_OP_FOLD)
    soft = s->imm.value;
  info->soft = (uint8_t)(info->soft + soft);
  info->keep = (uint8_t)(info->keep > soft ? info->keep - soft : 0);
  if (s->op == FLUX_OP_PUSH || s->op == FLUX_OP_FOLD) {
    info->push++;
    info->keep++;
  }
  if (s->op == FLUX_OP_POP) {
    info->pop++;
    info->keep -= info->keep > 0;
  }
}

/* What guards say of the depth: where they have seen to it that the cells are
 * there, these are popped for sure. */
static void guard_depth(const struct fisa_row *row,
                        struct fisa__rowinfo *info) {
  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *g = &row->guards[i];
    int32_t sure = g->lethal == FLUX_LETHAL_STACK_FEW ? g->a.value
                   : g->lethal == FLUX_LETHAL_STACK_EMPTY;

    note_reach(&g->a, info);
    note_reach(&g->b, info);
    if (g->lethal == FLUX_LETHAL_STACK_FULL)
      info->flags |= FISA__ROW_FULL;
    if (row->flow == FISA_FLOW_RET &&
        (g->lethal == FLUX_LETHAL_STACK_EMPTY ||
         g->lethal == FLUX_LETHAL_CALLS_EMPTY))
      info->flags |= FISA__ROW_TESTS;
    if (sure > info->need)
      info->need = (uint8_t)sure;
  }
  if (info->need + info->push >= info->keep + info->pop + info->soft) {
    info->pop = (uint8_t)(info->pop + info->soft);
    info->soft = 0;
  }
}

/* Stacks that an opaque row changes as it likes. */
static uint16_t opaque_flags(const struct fisa_dialect *d,
                             const struct fisa_row *row) {
  uint16_t flags = 0;

  if (names_stack(d, d->stack_file, row->writes))
    flags |= FISA__ROW_STACK;
  if (names_stack(d, d->calls_file, row->writes))
    flags |= FISA__ROW_LINKS;
  return flags;
}

/* Whether an operand of so many bytes can be what it may not. */
static bool is_narrow(const struct fisa_operand *op) {
  int64_t first = 0, last = (INT64_C(1) << 8 * op->width) - 1;

  if (op->kind == FISA_OPERAND_UNUSED || op->kind == FISA_OPERAND_PAYLOAD)
    return false;
  if (op->kind == FISA_OPERAND_IMM8S || op->kind == FISA_OPERAND_IMM16S ||
      op->kind == FISA_OPERAND_IMM32S) {
    first -= (last + 1) / 2;
    last += first;
  }
  return op->lo > first || op->hi < last;
}

static void fill_info(const struct fisa_dialect *d, const struct fisa_row *row,
                      struct fisa__rowinfo *info) {
  memset(info, 0, sizeof(*info));
  info->flags = FISA__ROW_READY | flow_flags(row);
  for (unsigned i = 0; i < row->operand_count; i++)
    if (is_narrow(&row->operands[i]))
      info->flags |= FISA__ROW_NARROW;
  if (row->roles & FISA_ROLE_YIELD)
    info->flags |= FISA__ROW_YIELD;
  if (row->guard_count > 0)
    info->flags |= FISA__ROW_FAULT;
  if (row->sensitive & FISA_SENS_STRIP)
    info->flags |= FISA__ROW_STRIP;
  if (row->sensitive & FISA_SENS_CYCLES)
    info->flags |= FISA__ROW_CYCLE;
  if (row->opaque || row->keep || (row->sensitive & FISA_SENS_AGENT))
    info->flags |= FISA__ROW_KEEP;
  if (row->opaque) {
    info->flags |= FISA__ROW_FAULT | FISA__ROW_EMIT;
    /* A call and a return are that, without a meaning too. */
    if (row->link > 0)
      info->flags |= FISA__ROW_CALL;
    else if (row->flow == FISA_FLOW_RET)
      info->flags |= FISA__ROW_TESTS;
    else
      info->flags |= opaque_flags(d, row);
    return;
  }
  for (unsigned i = 0; i < row->step_count; i++) {
    info->flags |= step_flags(d, &row->steps[i]);
    step_depth(&row->steps[i], info);
  }
  guard_depth(row, info);
  for (unsigned i = 0; i < row->operand_count; i++)
    for (uint32_t f = 0; row->operands[i].files >> f; f++)
      if (row->operands[i].files >> f & 1 && d->files[f].checked)
        info->flags |= FISA__ROW_FAULT;
}

static const struct fisa__rowinfo *row_info(struct fisa__flow *g,
                                            const struct fisa_row *row) {
  struct fisa__rowinfo *info = &g->info[row->opcode];

  assert(row == &g->d->rows[row->opcode]);
  if (!(info->flags & FISA__ROW_READY))
    fill_info(g->d, row, info);
  return info;
}

/* ---- the walk ----------------------------------------------------------- */

static void go_wild(struct fisa__flow *g, uint32_t pc, const char *why) {
  if (g->wild)
    return;
  g->wild = true;
  g->wild_pc = pc;
  g->wild_why = why;
}

static int32_t clamp_depth(const struct fisa__flow *g, int32_t depth) {
  int32_t limit = g->stack_size + 1;

  return depth < -limit ? -limit : depth > limit ? limit : depth;
}

static void queue(struct fisa__flow *g, uint32_t i) {
  struct fisa__node *n = &g->node[i];

  assert(i < g->count);
  if (n->flags & FISA__QUEUED)
    return;
  if (fisa__room(&g->work, &g->work_room, g->work_count + 1,
                 sizeof(*g->work)) != 0) {
    g->failed = true;
    return;
  }
  n->flags |= FISA__QUEUED;
  g->work[g->work_count++] = i;
}

/* The target of a jump that counts instructions. */
static int64_t counted_target(struct fisa__flow *g,
                              const struct fisa_insn *in) {
  const struct fisa_program *p = g->p;

  if (g->insn_count == 0) {
    if (fisa__room(&g->insn_at, &g->insn_room, p->size + 1,
                   sizeof(*g->insn_at))) {
      g->failed = true;
      return FISA_NO_TARGET;
    }
    g->insn_count = fisa__insn_list(g->d, p->code, p->size, g->insn_at);
  }
  return fisa__insn_target(g->insn_at, g->insn_count, in);
}

static uint32_t new_node(struct fisa__flow *g, uint32_t pc,
                         const struct place *at) {
  const struct fisa_program *p = g->p;
  struct fisa__node *n;

  if (fisa__room(&g->node, &g->node_room, g->count + 1, sizeof(*g->node))) {
    g->failed = true;
    return FISA__NONE;
  }
  n = &g->node[g->count];
  n->status = (uint8_t)fisa_decode(g->d, p->code, p->size, pc, &n->insn);
  n->to = n->insn.target;
  n->next = n->jump = n->entry_of = n->call = FISA__NONE;
  n->func = at->func;
  n->lo = (int16_t)clamp_depth(g, at->lo);
  n->hi = (int16_t)clamp_depth(g, at->hi);
  n->flags = at->broken ? FISA__BROKEN : 0;
  n->visits = 0;
  n->row = n->pop = n->push = n->soft = n->keep = n->need = n->reach = 0;
  if (n->status == FISA_DECODED) {
    const struct fisa__rowinfo *info = row_info(g, n->insn.row);
    n->row = info->flags;
    n->pop = info->pop;
    n->push = info->push;
    n->soft = info->soft;
    n->keep = info->keep;
    n->need = info->need;
    n->reach = info->reach;
    if (n->insn.row->base_insn)
      n->to = n->insn.target = counted_target(g, &n->insn);
  }
  g->index[pc] = g->count;
  queue(g, g->count++);
  return g->index[pc];
}

/* Joins what holds on a new path into a node; visits it again if that says
 * something new. */
static void join(struct fisa__flow *g, uint32_t i, const struct place *at) {
  struct fisa__node *n = &g->node[i];
  uint32_t func = n->func == at->func ? n->func : FISA__MIXED;
  int32_t lo = clamp_depth(g, at->lo < n->lo ? at->lo : n->lo);
  int32_t hi = clamp_depth(g, at->hi > n->hi ? at->hi : n->hi);
  uint8_t flags = n->flags | (at->broken ? FISA__BROKEN : 0);

  assert(i < g->count && at->lo <= at->hi);
  if (func == n->func && lo == n->lo && hi == n->hi && flags == n->flags)
    return;
  if (n->visits >= VISITS_BEFORE_WIDENING) {
    if (lo < n->lo)
      lo = -(g->stack_size + 1);
    if (hi > n->hi)
      hi = g->stack_size + 1;
  }
  n->func = func;
  n->lo = (int16_t)lo;
  n->hi = (int16_t)hi;
  n->flags = flags;
  queue(g, i);
}

/* The node at an address that control reaches in a state; NONE if the
 * address is outside the code. */
static uint32_t reach(struct fisa__flow *g, int64_t pc,
                      const struct place *at) {
  uint32_t i;

  assert(at->func == FISA__MIXED || at->func <= g->func_count);
  if (pc < 0 || pc >= g->p->size)
    return FISA__NONE;
  i = g->index[pc];
  if (i == FISA__NONE)
    return new_node(g, (uint32_t)pc, at);
  join(g, i, at);
  return i;
}

/* Steps to the address behind a node. */
static void fall(struct fisa__flow *g, uint32_t i, const struct place *at) {
  uint32_t pc = g->node[i].insn.pc + g->node[i].insn.length;
  uint32_t next = reach(g, pc, at);

  g->node[i].next = next;
  if (next == FISA__NONE)
    g->node[i].flags |= FISA__OFF_END;
}

/* The function that starts at a node, made at its first call. */
static uint32_t function_at(struct fisa__flow *g, uint32_t entry) {
  struct fisa__func *f;

  assert(entry < g->count);
  if (g->node[entry].entry_of != FISA__NONE)
    return g->node[entry].entry_of;
  if (fisa__room(&g->func, &g->func_room, g->func_count + 1,
                 sizeof(*g->func))) {
    g->failed = true;
    return FISA__NONE;
  }
  f = &g->func[g->func_count];
  memset(f, 0, sizeof(*f));
  f->entry = entry;
  f->calls = FISA__NONE;
  g->node[entry].entry_of = g->func_count;
  return g->func_count++;
}

/* Records that node i calls function f; once a call. */
static void record_call(struct fisa__flow *g, uint32_t i, uint32_t f) {
  struct fisa__call *c;

  assert(i < g->count && f < g->func_count);
  if (g->node[i].call != FISA__NONE)
    return;
  if (fisa__room(&g->call, &g->call_room, g->call_count + 1,
                 sizeof(*g->call))) {
    g->failed = true;
    return;
  }
  c = &g->call[g->call_count];
  c->node = i;
  c->func = f;
  c->more = g->func[f].calls;
  g->func[f].calls = g->call_count;
  g->node[i].call = g->call_count++;
}

/*
 * A call enters its function at depth 0, whoever calls; it comes back in the
 * state of the caller, once a RET of the function is known. The callee's
 * function number is only known after its entry has a node, so that node is
 * made with the number that the next new function will get.
 */
static void visit_call(struct fisa__flow *g, uint32_t i,
                       const struct place *at) {
  struct place inside = {g->func_count, 0, 0, false};
  int64_t to = g->node[i].to;
  uint32_t f, entry;

  if (to < 0 || to >= g->p->size) {
    g->node[i].flags |= FISA__BAD_JUMP;
    return;
  }
  entry = g->index[to];
  if (entry != FISA__NONE && g->node[entry].entry_of != FISA__NONE)
    inside.func = g->node[entry].entry_of;
  entry = reach(g, to, &inside);
  if (entry == FISA__NONE)
    return;
  g->node[i].jump = entry;
  f = function_at(g, entry);
  if (f == FISA__NONE)
    return;
  record_call(g, i, f);
  if (f == 0) /* its RETs meet the empty stack of the first time, too */
    go_wild(g, g->node[i].insn.pc, "a call of the program's entry");
  if (g->all_return || g->func[f].returns) {
    const struct fisa_row *row = g->node[i].insn.row;
    uint8_t bias = g->all_return ? g->all_bias : g->func[f].bias;
    int64_t site = (int64_t)g->node[i].insn.pc + row->link + bias;
    struct place behind = *at;
    uint32_t next;

    if (g->links_apart) { /* the callee may leave what it likes */
      behind.lo = -(g->stack_size + 1);
      behind.hi = g->stack_size + 1;
    }
    next = reach(g, site, &behind); /* may move the nodes */

    g->node[i].next = next;
    if (next == FISA__NONE)
      g->node[i].flags |= FISA__OFF_END;
  }
}

/* From now on function f returns; its calls are looked at again. */
static void function_returns(struct fisa__flow *g, uint32_t f, uint32_t pc,
                             uint8_t bias) {
  struct fisa__func *fn = &g->func[f];

  assert(f < g->func_count);
  if (fn->returns) {
    if (fn->bias != bias)
      go_wild(g, pc, "one function returns in two ways");
    return;
  }
  fn->returns = true;
  fn->bias = bias;
  for (uint32_t c = fn->calls; c != FISA__NONE; c = g->call[c].more)
    queue(g, g->call[c].node);
}

static void visit_ret(struct fisa__flow *g, uint32_t i,
                      const struct place *at) {
  const struct fisa_insn *in = &g->node[i].insn;
  uint8_t bias = in->row->bias;
  uint32_t pc = in->pc;

  assert(g->node[i].row & FISA__ROW_RET);
  if (at->func == 0 && g->links_apart) {
    if (at->broken)
      go_wild(g, pc, "a RET may find a link that nobody knows");
    if (!(g->node[i].row & FISA__ROW_TESTS))
      fall(g, i, at);
    return;
  }
  if (at->func == 0) {
    /* On an empty stack a RET does nothing; on any other it takes data. */
    if (at->lo + g->start_depth > 0 || at->hi + g->start_depth > 0)
      go_wild(g, pc, "a RET may take data for an address");
    if (at->lo + g->start_depth <= 0 &&
        !(g->node[i].row & FISA__ROW_TESTS))
      fall(g, i, at);
    return;
  }
  if (at->func == FISA__MIXED) {
    go_wild(g, pc, "a RET is shared by functions");
    g->all_return = true;
    g->all_bias = bias;
    for (uint32_t f = 1; f < g->func_count; f++)
      function_returns(g, f, pc, bias);
    return;
  }
  if (at->broken || (!g->links_apart && (at->lo != 0 || at->hi != 0)))
    go_wild(g, pc, "a RET may not find the link of its call");
  function_returns(g, at->func, pc, bias);
}

/* An opaque call is followed as a branch is: it may come back, or not. */
static void visit_jump(struct fisa__flow *g, uint32_t i, struct place *at) {
  struct fisa__node *n = &g->node[i];
  int fixed = fisa__branch_fixed(g->d, &n->insn);
  uint32_t target;

  assert(n->row & FISA__ROW_JUMP);
  if (n->to == FISA_NO_TARGET) {
    n->flags |= FISA__DYNAMIC;
    go_wild(g, n->insn.pc, "a jump to where a register says");
  }
  if ((n->row & FISA__ROW_COND) && fixed != 1)
    fall(g, i, at);
  else if (n->insn.row->opaque && (n->insn.row->flow == FISA_FLOW_CALL_REL ||
                                   n->insn.row->flow == FISA_FLOW_CALL_ABS))
    g->node[i].next = reach(g, (int64_t)n->insn.pc + n->insn.length, at);
  n = &g->node[i];
  if (n->to == FISA_NO_TARGET)
    return;
  target = reach(g, n->to, at);
  n = &g->node[i];
  n->jump = target;
  /* A jump that is never taken is followed all the same: it must be sound. */
  if (target == FISA__NONE)
    n->flags |= FISA__BAD_JUMP;
}

/* The state behind an instruction. Taking the link off (or reading it where
 * it lies) breaks the function. */
static void apply_stack(const struct fisa__flow *g, const struct fisa__node *n,
                        struct place *at) {
  assert(at->lo <= at->hi);
  if (n->row & FISA__ROW_STACK) {
    at->lo = -(g->stack_size + 1);
    at->hi = g->stack_size + 1;
    at->broken = true;
    return;
  }
  if (at->func != 0 && !g->links_apart &&
      (at->lo < n->pop + n->soft || at->lo < n->reach) &&
      n->pop + n->soft + n->reach > 0)
    at->broken = true;
  if (n->row & FISA__ROW_LINKS)
    at->broken = true;
  at->lo += n->push - n->pop - n->soft;
  at->hi += n->push - n->pop - n->soft;
  if (n->soft > 0) { /* the stack is never less than empty */
    int32_t least = n->keep - (at->func == 0 ? g->start_depth : 0);
    if (at->func == 0 && at->lo < least)
      at->lo = least;
    if (at->hi < least)
      at->hi = least;
  }
}

static bool is_dynamic(const struct fisa_insn *in) {
  return in->row->target_reg < in->row->operand_count &&
         in->target == FISA_NO_TARGET;
}

/* The resolved target of a jump through a register. */
static void apply_held(struct fisa__flow *g, struct fisa__node *n) {
  n->to = FISA_NO_TARGET;
  for (uint32_t h = 0; h < g->held_count; h++)
    if (g->held[h].pc == n->insn.pc && !g->held[h].given_up)
      n->to = g->held[h].target;
}

static void visit(struct fisa__flow *g, uint32_t i) {
  struct fisa__node *n = &g->node[i];
  struct place at = {n->func, n->lo, n->hi, (n->flags & FISA__BROKEN) != 0};
  const struct fisa_row *row = n->insn.row;
  unsigned flags = n->row;

  assert(n->flags & FISA__QUEUED);
  n->flags &= (uint8_t)~FISA__QUEUED;
  if (n->visits < UINT8_MAX)
    n->visits++;
  if (n->status != FISA_DECODED)
    return;
  if (is_dynamic(&n->insn)) {
    g->dynamic_count += n->visits == 1;
    apply_held(g, n);
  }
  apply_stack(g, n, &at);
  if (row->flow == FISA_FLOW_HALT || row->flow == FISA_FLOW_TRAP)
    return;
  if ((flags & FISA__ROW_CALL) && n->to != FISA_NO_TARGET)
    visit_call(g, i, &at);
  else if (flags & FISA__ROW_RET)
    visit_ret(g, i, &at);
  else if (flags & FISA__ROW_JUMP)
    visit_jump(g, i, &at);
  else
    fall(g, i, &at);
}

static int trace_begin(struct fisa__flow *g) {
  const struct fisa_program *p = g->p;
  struct place at = {0, 0, 0, false};
  uint32_t entry;

  g->count = g->work_count = g->call_count = g->func_count = 0;
  g->block_count = g->dynamic_count = 0;
  g->all_return = g->wild = g->failed = false;
  g->wild_why = "";
  if (fisa__room(&g->index, &g->index_room, p->size + 1, sizeof(*g->index)) ||
      fisa__room(&g->func, &g->func_room, 1, sizeof(*g->func)))
    return -1;
  memset(g->index, 0xFF, (p->size + 1) * sizeof(*g->index));
  memset(&g->func[0], 0, sizeof(g->func[0]));
  g->func[0].calls = FISA__NONE;
  g->func_count = 1;
  if (p->entry >= p->size)
    return 0;
  entry = reach(g, p->entry, &at);
  if (entry != FISA__NONE)
    g->node[entry].entry_of = 0;
  return g->failed ? -1 : 0;
}

/* Renumbers the nodes in the order of their addresses. */
static int sort_nodes(struct fisa__flow *g) {
  struct fisa__node *old = g->node;
  uint32_t old_room = g->node_room;
  uint32_t *map, k = 0;

  if (fisa__room(&g->spare, &g->spare_room, g->count, sizeof(*g->spare)) ||
      fisa__room(&g->work, &g->work_room, g->count + 1, sizeof(*g->work)))
    return -1;
  map = g->work;
  for (uint32_t pc = 0; pc < g->p->size; pc++) {
    if (g->index[pc] == FISA__NONE)
      continue;
    map[g->index[pc]] = k;
    g->spare[k] = old[g->index[pc]];
    g->index[pc] = k++;
  }
  assert(k == g->count);
  g->node = g->spare;
  g->node_room = g->spare_room;
  g->spare = old;
  g->spare_room = old_room;
  for (uint32_t i = 0; i < k; i++) {
    struct fisa__node *n = &g->node[i];
    if (n->next != FISA__NONE)
      n->next = map[n->next];
    if (n->jump != FISA__NONE)
      n->jump = map[n->jump];
  }
  for (uint32_t f = 0; f < g->func_count; f++)
    g->func[f].entry = k ? map[g->func[f].entry] : FISA__NONE;
  for (uint32_t c = 0; c < g->call_count; c++)
    g->call[c].node = map[g->call[c].node];
  return 0;
}

static bool is_boundary(const struct fisa__flow *g,
                        const struct fisa__node *n) {
  const struct fisa_boundary *b = &g->p->manifest.boundary;

  if (b->kind == FISA_BOUNDARY_PC && n->insn.pc == b->pc)
    return true;
  if (b->kind == FISA_BOUNDARY_OUT && (n->row & FISA__ROW_EMIT) &&
      n->insn.row->channel == b->channel)
    return true;
  return (n->row & FISA__ROW_YIELD) != 0;
}

/* Marks boundaries, block heads, and instructions inside others. */
static void mark_nodes(struct fisa__flow *g) {
  uint32_t end = 0;

  for (uint32_t i = 0; i < g->count; i++) {
    struct fisa__node *n = &g->node[i];
    bool control = n->jump != FISA__NONE || n->next != i + 1;

    if (n->insn.pc < end)
      n->flags |= FISA__INSIDE;
    if (n->insn.pc + n->insn.length > end)
      end = n->insn.pc + n->insn.length;
    if (n->entry_of != FISA__NONE)
      n->flags |= FISA__HEAD;
    if (n->jump != FISA__NONE)
      g->node[n->jump].flags |= FISA__HEAD;
    if (is_boundary(g, n)) {
      n->flags |= FISA__BOUNDARY;
      control = true;
      if (n->insn.pc == g->p->manifest.boundary.pc)
        n->flags |= FISA__HEAD;
    }
    if (control && n->next != FISA__NONE)
      g->node[n->next].flags |= FISA__HEAD;
    if (control && i + 1 < g->count)
      g->node[i + 1].flags |= FISA__HEAD;
  }
}

int fisa__flow_trace(struct fisa__flow *g) {
  if (trace_begin(g) != 0)
    return -1;
  while (g->work_count > 0 && !g->failed)
    visit(g, g->work[--g->work_count]);
  if (g->failed || sort_nodes(g) != 0)
    return -1;
  mark_nodes(g);
  return 0;
}

static int32_t manifest_depth(const struct fisa_program *p) {
  uint64_t depth = 0;

  for (uint32_t i = 0; i < p->manifest.in_count; i++)
    if (p->manifest.in[i].kind == FISA_CELLS_STACK)
      depth += p->manifest.in[i].count;
  return depth > FISA_MAX_CELLS ? FISA_MAX_CELLS : (int32_t)depth;
}

int fisa__flow_build(struct fisa__flow *g, const struct fisa_program *p) {
  const struct fisa_dialect *d = p->dialect;

  assert(p->size <= FISA_MAX_CODE);
  g->p = p;
  g->d = d;
  g->held_count = g->insn_count = 0;
  g->stack_size = 0;
  if (d->stack_file < d->file_count)
    g->stack_size = d->files[d->stack_file].count;
  g->links_apart = fisa_links_apart(d);
  g->start_depth = manifest_depth(p);
  if (g->info_of != d ||
      memcmp(g->info_hash, d->hash, sizeof(g->info_hash)) != 0) {
    memset(g->info, 0, sizeof(g->info));
    memcpy(g->info_hash, d->hash, sizeof(g->info_hash));
    g->info_of = d;
  }
  if (fisa__flow_trace(g) != 0)
    return -1;
  return g->dynamic_count > 0 ? fisa__held_resolve(g) : 0;
}

void fisa__flow_done(struct fisa__flow *g) {
  free(g->held);
  free(g->block_of);
  free(g->block);
  free(g->func);
  free(g->call);
  free(g->work);
  free(g->insn_at);
  free(g->index);
  free(g->spare);
  free(g->node);
  memset(g, 0, sizeof(*g));
}

int fisa__flow_blocks(struct fisa__flow *g) {
  if (fisa__room(&g->block_of, &g->block_of_room, g->count + 1,
                 sizeof(*g->block_of)))
    return -1;
  g->block_count = 0;
  for (uint32_t i = 0; i < g->count; i++) {
    if (i == 0 || (g->node[i].flags & FISA__HEAD)) {
      if (fisa__room(&g->block, &g->block_room, g->block_count + 1,
                     sizeof(*g->block)))
        return -1;
      g->block[g->block_count].first = i;
      g->block_count++;
    }
    g->block[g->block_count - 1].last = i;
    g->block_of[i] = g->block_count - 1;
  }
  for (uint32_t b = 0; b < g->block_count; b++) {
    const struct fisa__node *n = &g->node[g->block[b].last];
    g->block[b].next =
        n->next == FISA__NONE ? FISA__NONE : g->block_of[n->next];
    g->block[b].jump =
        n->jump == FISA__NONE ? FISA__NONE : g->block_of[n->jump];
  }
  return 0;
}
