/*
 * test_templates.c - rows of any ops on any operands: a reader of templates
 * that follows the table form step by step, against lowering and engine.
 *
 * What single ops make of values is the semantic table's business and tested
 * there. Here it is which cells they are given, in which order, what comes
 * first of guards, tests and effects, and where pc is left.
 */
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "isa/dialect_impl.h"
#include "tests/isa_util.h"
#include "tests/semtable.h"

enum { MEM = 256, BEFORE = 16, CODE = 64, OUTPUTS = 8 };

static const char head[] =
  "fluxisa 1\ndialect x\nmem 256\n%s"
  "file R i32 16 checked\nfile V i32 12 width 3\nfile G i32 4 zero\n"
  "flag Z\ncell P i32\ncell K i32 tick\nstack STK 3 %s index TOP\n"
  "fault 7 seven\n"
  "guard 1 zero\nguard 2 stack_few\nguard 3 before_memory\n"
  "guard 4 calls_empty\nguard 8 stack_empty\n"
  "lethal 1000 stack_full\nlethal 1002 calls_full\nlethal 1003 always\n"
  "lethal 1004 add_overflow w\nlethal 1004 sub_overflow w\n"
  "lethal 1004 shl_overflow w\nlethal 1004 mul_overflow w\n"
  "lethal 1005 cast_range\nlethal 1006 register_range\n"
  "lethal 1007 negative_target\nlethal 1008 shift_range\n"
  "truncated 5\nunknown 6\n"
  "row 0 NOP len=1 does=nop\n";

/* ---- rows by chance ----------------------------------------------------- */

static const char *pick(uint64_t *seed, const char *const *words,
                        unsigned count) {
  return words[isa_below(seed, count)];
}

#define PICK(seed, words) pick(seed, words, sizeof words / sizeof words[0])

static const char *const read_refs[] = {
  "R[rd]", "R[rs1]", "V[rd]+1", "V[rs1]", "V[rd]+2", "STK.0", "STK.1",
  "STK.2", "t0", "t1", "#3", "#-1", "#0", "#imm8u", "R.1", "V.6", "G[rd]",
  "G.0", "G.2", "Z", "P", "K", "TOP", "#raw:rd", "#next"
};
static const char *const written_refs[] = {
  "R[rd]", "R[rs1]", "V[rd]+1", "V[rs1]", "t0", "t1", "t2", "R.1", "V.6",
  "G[rd]", "G.0", "P", "K"
};
static const char *const guard_words[] = {
  "stack_few(#1)", "stack_few(#3)", "stack_full", "stack_empty",
  "zero(R[rd])", "zero(STK.1)", "add_overflow(STK.0,STK.1)",
  "sub_overflow(R[rd],G[rs1])", "shl_overflow(R[rd],#imm8u)",
  "mul_overflow(V[rd]+1,P)", "cast_range(R[rd],Z)",
  "before_memory(STK.0)", "always", "shift_range(R[rs1])"
};

/* Ops that work alone: whole files and values from outside have tests of
 * their own. */
static bool is_fit(unsigned op) {
  switch (fisa_semop_effect(op)) {
  case FISA_EFFECT_FILE:
  case FISA_EFFECT_IN:
  case FISA_EFFECT_FLOW: /* they stand last */
    return false;
  default:
    return op != FLUX_OP_EMIT_PAYLOAD;
  }
}

/* The #value of an op that takes one. */
static unsigned last_operand(uint64_t *seed, unsigned op) {
  switch (op) {
  case FLUX_OP_BLOAD32: case FLUX_OP_BLOAD8: case FLUX_OP_BSTORE32:
  case FLUX_OP_BSTORE8:
    return 4 + isa_below(seed, 3) * 100;
  case FLUX_OP_EMIT: case FLUX_OP_PUSH: case FLUX_OP_DROP: case FLUX_OP_FOLD:
    return 1 + isa_below(seed, 3);
  default:
    return 1 + isa_below(seed, 9);
  }
}

static size_t put_step(uint64_t *seed, unsigned op, char *out, size_t size) {
  size_t n = (size_t)snprintf(out, size, " ; %s", fisa_semop_name(op));
  enum fisa_imm_rule rule = fisa__imm_rule(op);
  bool truth = (op >= FLUX_OP_EQ && op <= FLUX_OP_GE) || op == FLUX_OP_LTU ||
               op == FLUX_OP_CARRY ||
               (op >= FLUX_OP_FEQ && op <= FLUX_OP_FLE);

  for (unsigned i = 0; i < 4; i++) {
    char use = fisa_semop_use(op, i);
    const char *ref = use == 'R' ? PICK(seed, read_refs)
                                 : PICK(seed, written_refs);
    if (use == 'W' && truth && isa_below(seed, 2))
      ref = "Z";
    if (use != 'N')
      n += (size_t)snprintf(out + n, size - n, " %s", ref);
  }
  if (rule == FISA_IMM_MUST || (rule == FISA_IMM_MAY && isa_below(seed, 2)))
    n += (size_t)snprintf(out + n, size - n, " #%u", last_operand(seed, op));
  return n;
}

static size_t put_flow(uint64_t *seed, char *out, size_t size) {
  unsigned op = FLUX_OP_BR_EQZ +
                isa_below(seed, FLUX_OP_BR_GTZ_DEC + 1 - FLUX_OP_BR_EQZ);

  return put_step(seed, op, out, size);
}

/* Up to two tests, and that for room where a link is pushed. */
static size_t put_guards(uint64_t *seed, bool apart, bool calls, char *out,
                         size_t size) {
  static const char *const links[] = {"calls_full", "calls_empty"};
  const char *room = apart ? "calls_full" : "stack_full";
  size_t n = 0;

  if (isa_below(seed, 3) == 0 && !calls)
    return 0;
  n += (size_t)snprintf(out, size, "lethal=%s", calls ? room : "stack_full");
  if (isa_below(seed, 2))
    n += (size_t)snprintf(out + n, size - n, ";%s", PICK(seed, guard_words));
  if (isa_below(seed, 2))
    n += (size_t)snprintf(out + n, size - n, ";%s",
                          apart && isa_below(seed, 4) == 0
                              ? PICK(seed, links) : "stack_few(#1)");
  return n + (size_t)snprintf(out + n, size - n, " ");
}

/* What a row of such flow ends in. */
static size_t put_end(uint64_t *seed, const char *flow, char *out,
                      size_t size) {
  if (strstr(flow, "cond"))
    return put_flow(seed, out, size);
  if (strstr(flow, "link"))
    return (size_t)snprintf(out, size, " ; call");
  if (strstr(flow, "jump") || strstr(flow, "indirect"))
    return (size_t)snprintf(out, size, " ; jump");
  if (strstr(flow, "ret"))
    return (size_t)snprintf(out, size, " ; ret");
  return isa_below(seed, 8) ? 0 : put_step(seed, FLUX_OP_DIV, out, size);
}

static void random_row(uint64_t *seed, bool apart, char *out, size_t size) {
  static const char *const flows[] = {
    "next", "next", "next", "next", "cond_rel", "cond_rel base=end",
    "jump_rel", "call_rel link=5", "ret bias=2", "indirect",
    "indirect link=3", "cond_rel_reg base=end", "cond_abs"
  };
  const char *flow = PICK(seed, flows);
  bool held = strstr(flow, "indirect") || strstr(flow, "_reg");
  unsigned steps = isa_below(seed, 5);
  size_t n = (size_t)snprintf(
      out, size, "row 1 X len=5 ops=rd,rs1,%simm8u%s flow=%s reads=R[rd];"
      "R[rs1];R[rs2];V[rd];V[rs1];G[rd];G[rs1];STK;LNK;R[1];V[6];G[2];Z;P;K;"
      "TOP;MEM;CYC writes=R[rd];R[rs1];V[rd];V[rs1];G[rd];STK;LNK;R[1];V[6];"
      "Z;P;K;MEM;HOST;FAULT pure=no ", held ? "rs2," : "",
      held ? "" : ",imm8s", flow);

  n += put_guards(seed, apart, strstr(flow, "link") != NULL, out + n,
                  size - n);
  n += (size_t)snprintf(out + n, size - n,
                        "does=add t0 #raw:rd #raw:rs1 ; sub t1 STK.%u #imm8u",
                        isa_below(seed, 3));
  while (steps > 0) {
    unsigned op = isa_below(seed, FLUX_OP_COUNT);
    if (!is_fit(op))
      continue;
    n += put_step(seed, op, out + n, size - n);
    steps--;
  }
  n += put_end(seed, flow, out + n, size - n);
  snprintf(out + n, size - n, "\n");
}

/* ---- reading a template ------------------------------------------------- */

struct output {
  unsigned argc;
  int32_t arg[3];
};

/* A machine in the middle of a row. */
struct reader {
  const struct fisa_dialect *d;
  struct fisa_insn in;
  struct fisa_state *s;
  struct fsem_memory mem;
  int32_t temp[FISA_TEMPS];
  struct output output[OUTPUTS];
  unsigned outputs;
  int32_t fault;
  uint32_t pc;
  bool trial;      /* no op faults: what would a branch look at? */
  int32_t tested;  /* by the branch */
};

/* A stack and its index. */
struct stack_view {
  const struct fisa_file *file;
  int32_t *index;
};

static struct stack_view data_stack(struct reader *r) {
  return (struct stack_view){&r->d->files[r->d->stack_file],
                             &r->s->cells[r->d->sp_cell]};
}

static struct stack_view link_stack(struct reader *r) {
  if (!fisa_links_apart(r->d))
    return data_stack(r);
  return (struct stack_view){&r->d->files[r->d->calls_file],
                             &r->s->cells[r->d->calls_cell]};
}

/* Live cells; -1: the index is none. */
static int live(struct stack_view v) {
  if (*v.index < 0 || *v.index > v.file->count)
    return -1;
  return v.file->down ? v.file->count - *v.index : *v.index;
}

static int32_t *from_top(struct reader *r, struct stack_view v, int depth) {
  int at = v.file->down ? *v.index + depth : *v.index - 1 - depth;

  return &r->s->cells[v.file->first + at];
}

static void push(struct reader *r, struct stack_view v, int32_t value) {
  if (live(v) < 0 || live(v) == v.file->count)
    return;
  *v.index += v.file->down ? -1 : 1;
  *from_top(r, v, 0) = value;
}

static void take_off(struct stack_view v, int n) {
  for (; n > 0 && live(v) > 0; n--)
    *v.index += v.file->down ? 1 : -1;
}

/* The cell of a reference, NULL where it is none. */
static int32_t *place(struct reader *r, const struct fisa_ref *ref) {
  const struct fisa_file *f = &r->d->files[ref->file];
  uint32_t raw = (uint32_t)r->in.value[ref->operand];

  switch (ref->kind) {
  case FISA_REF_REG:
    if (f->zero && raw == 0)
      return NULL;
    raw %= f->count / f->width;
    return &r->s->cells[f->first + raw * f->width + (uint32_t)ref->value];
  case FISA_REF_FIXED:
    if (f->zero && ref->value == 0)
      return NULL;
    return &r->s->cells[f->first + ref->value];
  case FISA_REF_CELL:
    return &r->s->cells[f->first];
  case FISA_REF_TEMP:
    return &r->temp[ref->value];
  default:
    return NULL;
  }
}

static int32_t value(struct reader *r, const struct fisa_ref *ref) {
  const int32_t *cell = place(r, ref);

  switch (ref->kind) {
  case FISA_REF_CONST:
    return ref->value;
  case FISA_REF_IMM:
  case FISA_REF_RAWNUM:
    return r->in.value[ref->operand];
  case FISA_REF_NEXT:
    return (int32_t)(r->in.pc + r->in.length);
  case FISA_REF_STACK:
    if (ref->value >= live(data_stack(r)))
      return 0;
    return *from_top(r, data_stack(r), ref->value);
  default:
    return cell ? *cell : 0;
  }
}

static void set(struct reader *r, const struct fisa_ref *ref, int32_t v) {
  int32_t *cell = place(r, ref);

  if (cell)
    *cell = v;
}

/* ---- guards ------------------------------------------------------------- */

static bool holds(struct reader *r, const struct fisa_guard *g) {
  int32_t a = value(r, &g->a), b = value(r, &g->b);
  int cells = live(data_stack(r)), links = live(link_stack(r));

  switch (g->lethal) {
  case FLUX_LETHAL_STACK_FEW:
    return cells < a;
  case FLUX_LETHAL_STACK_EMPTY:
    return cells < 1;
  case FLUX_LETHAL_STACK_FULL:
    return cells < 0 || cells == data_stack(r).file->count;
  case FLUX_LETHAL_CALLS_FULL:
    return links < 0 || links == link_stack(r).file->count;
  case FLUX_LETHAL_CALLS_EMPTY:
    return links < 1;
  case FLUX_LETHAL_ZERO:
    return a == 0;
  case FLUX_LETHAL_SHIFT_RANGE:
    return a < 0 || a > 31;
  case FLUX_LETHAL_ADD_OVERFLOW:
    return sem_guard(FIR_G_ADD_OVERFLOW, a, b);
  case FLUX_LETHAL_SUB_OVERFLOW:
    return sem_guard(FIR_G_SUB_OVERFLOW, a, b);
  case FLUX_LETHAL_MUL_OVERFLOW:
    return sem_guard(FIR_G_MUL_OVERFLOW, a, b);
  case FLUX_LETHAL_SHL_OVERFLOW:
    return sem_guard(FIR_G_SHL_OVERFLOW, a, b);
  case FLUX_LETHAL_CAST_RANGE:
    return sem_guard(FIR_G_CAST_RANGE, a, b);
  case FLUX_LETHAL_BEFORE_MEMORY:
    return a == -1;
  default:
    return true;
  }
}

static bool end_in(struct reader *r, int32_t fault) {
  r->fault = fault;
  r->pc = r->in.pc + (fault < 1000 ? r->in.length : 0);
  return true;
}

/* Whether a test ends the row before it begins. */
static bool guarded(struct reader *r) {
  const struct fisa_row *row = r->in.row;

  for (unsigned i = 0; i < row->operand_count; i++)
    for (uint32_t f = 0; f < r->d->file_count; f++)
      if (row->operands[i].files >> f & 1 && r->d->files[f].checked &&
          r->in.value[i] >= r->d->files[f].count / r->d->files[f].width)
        return end_in(r, r->d->lethal_code[FLUX_LETHAL_REGISTER_RANGE]);
  for (unsigned i = 0; i < row->guard_count; i++)
    if (holds(r, &row->guards[i]))
      return end_in(r, r->d->lethal_code[row->guards[i].lethal]);
  return false;
}

/* ---- steps -------------------------------------------------------------- */

static bool in_table(unsigned op) {
  switch (op) {
#define IN_TABLE(ID, expression) case FLUX_OP_##ID:
    FSEM_VALUES(IN_TABLE)
    FSEM_LOADS(IN_TABLE)
    return true;
  default:
    return false;
  }
}

static bool in_stores(unsigned op) {
  switch (op) {
    FSEM_STORES(IN_TABLE)
    return true;
  default:
    return false;
  }
}

static void emit(struct reader *r, const struct sem_operands *v) {
  struct output *o = &r->output[r->outputs++ % OUTPUTS];

  o->argc = v->imm < 0 ? 0 : v->imm > 3 ? 3 : (unsigned)v->imm;
  o->arg[0] = v->a;
  o->arg[1] = v->b;
  o->arg[2] = v->c;
}

static void stack_step(struct reader *r, const struct fisa_step *st,
                       const struct sem_operands *v) {
  struct stack_view s = data_stack(r);
  int32_t top = live(s) > 0 ? *from_top(r, s, 0) : 0;

  switch (st->op) {
  case FLUX_OP_PUSH:
    push(r, s, v->a);
    break;
  case FLUX_OP_POP:
    if (live(s) > 0)
      set(r, &st->d, top);
    take_off(s, 1);
    break;
  case FLUX_OP_POPZ:
    take_off(s, 1);
    set(r, &st->d, top);
    break;
  case FLUX_OP_FOLD:
    take_off(s, v->imm);
    push(r, s, v->a);
    break;
  default:
    take_off(s, v->imm);
    break;
  }
}

/* Returns whether the row ends here. */
static bool plain_step(struct reader *r, const struct fisa_step *st) {
  const struct sem_operands v = {value(r, &st->d), value(r, &st->a),
                                 value(r, &st->b), value(r, &st->c),
                                 value(r, &st->imm), &r->mem};

  if (in_table(st->op)) {
    set(r, &st->d, sem_value(st->op, &v));
  } else if (in_stores(st->op)) {
    sem_store(st->op, &v);
  } else if (fisa_semop_effect(st->op) == FISA_EFFECT_STACK) {
    stack_step(r, st, &v);
  } else if (st->op == FLUX_OP_EMIT) {
    emit(r, &v);
  } else if (st->op == FLUX_OP_SWAP) {
    set(r, &st->d, v.b);
    set(r, &st->a, v.c);
  } else if (st->op == FLUX_OP_CYCLE) {
    set(r, &st->d, (int32_t)r->s->cycles);
  } else if (st->op == FLUX_OP_CHECK) {
    return v.a != 0 && !r->trial && end_in(r, v.imm);
  } else if (st->op == FLUX_OP_DIV) {
    if (v.b == 0)
      return !r->trial && end_in(r, v.imm);
    set(r, &st->d, fsem_quo(v.a, v.b));
  }
  return false;
}

/* ---- flow --------------------------------------------------------------- */

/* Where a jump goes, before anything has happened. */
static int64_t target_of(struct reader *r) {
  const struct fisa_row *row = r->in.row;
  uint32_t at = 0;

  if (row->flow != FISA_FLOW_COND_ABS && row->flow != FISA_FLOW_INDIRECT)
    at = r->in.pc + (row->base_end ? r->in.length : 0);
  if (row->target < row->operand_count)
    at += (uint32_t)r->in.value[row->target];
  if (row->target_reg < row->operand_count) {
    const struct fisa_ref ref = {
      .kind = FISA_REF_REG, .operand = row->target_reg,
      .file = (uint8_t)fisa_file_by_name(r->d, "R", 1)
    };
    at += (uint32_t)value(r, &ref);
  }
  return (int32_t)at;
}

static bool is_branch(unsigned op) {
  return op >= FLUX_OP_BR_EQZ && op <= FLUX_OP_BR_GTZ_DEC;
}

static bool taken(unsigned op, int32_t v) {
  switch (op) {
  case FLUX_OP_BR_EQZ:
    return v == 0;
  case FLUX_OP_BR_NEZ:
    return v != 0;
  case FLUX_OP_BR_LTZ:
    return v < 0;
  case FLUX_OP_BR_LEZ:
    return v <= 0;
  case FLUX_OP_BR_GEZ:
    return v >= 0;
  case FLUX_OP_BR_DEC_GTZ:
    return fsem_sub(v, 1) > 0;
  default:
    return v > 0;
  }
}

static void flow_step(struct reader *r, const struct fisa_step *st,
                      int64_t target) {
  struct stack_view links = link_stack(r);
  int32_t v = value(r, &st->a);

  switch (st->op) {
  case FLUX_OP_JUMP:
    r->pc = (uint32_t)target;
    return;
  case FLUX_OP_CALL:
    push(r, links, (int32_t)(r->in.pc + r->in.row->link));
    r->pc = (uint32_t)target;
    return;
  case FLUX_OP_RET:
    if (live(links) < 1)
      return;
    v = fsem_add(*from_top(r, links, 0), r->in.row->bias);
    if (v < 0) {
      end_in(r, r->d->lethal_code[FLUX_LETHAL_NEGATIVE_TARGET]);
      return;
    }
    take_off(links, 1);
    r->pc = (uint32_t)v;
    return;
  default:
    if (st->op == FLUX_OP_BR_DEC_GTZ ||
        (st->op == FLUX_OP_BR_GTZ_DEC && v > 0))
      set(r, &st->d, fsem_sub(v, 1));
    if (taken(st->op, v))
      r->pc = (uint32_t)target;
  }
}

/* All steps; with `trial` up to the branch, to see what it looks at. */
static void read_steps(struct reader *r, int64_t target) {
  const struct fisa_row *row = r->in.row;

  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *st = &row->steps[i];
    bool flow = is_branch(st->op) || st->op == FLUX_OP_JUMP ||
                st->op == FLUX_OP_CALL || st->op == FLUX_OP_RET;
    if (flow && r->trial) {
      r->tested = value(r, &st->a);
      return;
    }
    if (flow)
      flow_step(r, st, target);
    else if (plain_step(r, st))
      return;
  }
}

static void read_row(struct reader *r, struct fisa_state *scratch) {
  const struct fisa_row *row = r->in.row;
  unsigned last = row->steps[row->step_count - 1].op;
  int k = fisa_file_by_name(r->d, "K", 1);
  int64_t target;

  r->s->cycles++;
  r->s->cells[r->d->files[k].first] -= r->s->cells[r->d->files[k].first] > 0;
  target = target_of(r);
  r->pc = r->in.pc + r->in.length;
  if (guarded(r))
    return;
  if (target < 0 && row->flow != FISA_FLOW_NEXT &&
      row->flow != FISA_FLOW_RET) {
    struct reader trial = *r;
    fisa_state_copy(scratch, r->s);
    trial.s = scratch;
    trial.mem = (struct fsem_memory){scratch->mem, scratch->written,
                                     scratch->dirty, MEM - 1};
    trial.trial = true;
    read_steps(&trial, target);
    if (!is_branch(last) || taken(last, trial.tested)) {
      end_in(r, r->d->lethal_code[FLUX_LETHAL_NEGATIVE_TARGET]);
      return;
    }
  }
  read_steps(r, target);
}

/* ---- the two against each other ----------------------------------------- */

struct sink {
  struct output output[OUTPUTS];
  unsigned outputs;
};

static int output(uint16_t channel, const int32_t *arg, unsigned argc,
                  void *user) {
  struct sink *s = user;
  struct output *o = &s->output[s->outputs++ % OUTPUTS];

  (void)channel;
  o->argc = argc;
  memcpy(o->arg, arg, argc * sizeof *arg);
  return 0;
}

static int32_t any(uint64_t *seed) {
  static const int32_t edges[] = {0, 0, 1, -1, 2, 3, INT32_MAX, INT32_MIN,
                                  0x3F800000, 0x7FC00000, 40, -40, 255};

  if (isa_below(seed, 3))
    return edges[isa_below(seed, sizeof edges / sizeof edges[0])];
  return (int32_t)isa_random(seed) >> isa_below(seed, 32);
}

static void random_state(const struct fisa_dialect *d, uint64_t *seed,
                         struct fisa_state *s) {
  int z = fisa_file_by_name(d, "Z", 1);

  for (uint32_t c = 0; c < s->cell_count; c++)
    s->cells[c] = any(seed);
  s->cells[d->files[z].first] = (int32_t)isa_below(seed, 2);
  if (isa_below(seed, 8))
    s->cells[d->sp_cell] = (int32_t)isa_below(seed, 4);
  if (fisa_links_apart(d) && isa_below(seed, 8))
    s->cells[d->calls_cell] = (int32_t)isa_below(seed, 3);
  for (uint32_t i = 0; i < MEM; i++)
    s->mem[i] = (uint8_t)isa_random(seed);
  s->dirty[0] = 1;
  s->pc = BEFORE;
}

static struct fisa_program *random_code(const struct fisa_dialect *d,
                                        uint64_t *seed) {
  uint8_t code[CODE] = {0};
  struct fisa_program *p = NULL;

  code[BEFORE] = 1;
  for (int i = 1; i < 7; i++)
    code[BEFORE + i] = (uint8_t)(isa_below(seed, 4) ? isa_below(seed, 5)
                                                    : isa_random(seed));
  fisa_program_from_bytes(d, code, CODE, &p, NULL);
  CU_ASSERT_FATAL(p != NULL);
  p->entry = BEFORE;
  return p;
}

static bool same(const struct reader *r, const struct fisa_state *s,
                 const struct sink *sink) {
  int status = r->fault ? FISA_RUN_FAULT : FISA_RUN_FUEL;
  bool ok = s->fault == r->fault && s->status == status && s->pc == r->pc &&
            s->cycles == r->s->cycles && sink->outputs == r->outputs;

  ok = ok && memcmp(s->cells, r->s->cells,
                    s->cell_count * sizeof *s->cells) == 0 &&
       memcmp(s->mem, r->s->mem, MEM) == 0 &&
       memcmp(s->written, r->s->written, MEM / 8) == 0;
  for (unsigned i = 0; ok && i < r->outputs && i < OUTPUTS; i++)
    ok = sink->output[i].argc == r->output[i].argc &&
         memcmp(sink->output[i].arg, r->output[i].arg,
                r->output[i].argc * sizeof(int32_t)) == 0;
  return ok;
}

/* One row, once: by the reader and by the engine. */
static bool agree(const struct fisa_dialect *d, uint64_t *seed,
                  const char *text) {
  struct fisa_state *a = fisa_state_new(d), *b = fisa_state_new(d);
  struct fisa_state *scratch = fisa_state_new(d);
  struct fisa_program *p = random_code(d, seed);
  struct fir_lane *lane = fir_lane_new();
  struct fir_program *ir = NULL;
  struct sink sink = {.outputs = 0};
  const struct fir_io io = {NULL, output, &sink};
  struct reader r = {.d = d, .s = a};
  struct fisa_error err = {""};
  bool ok;

  CU_ASSERT_FATAL(a && b && scratch && lane);
  random_state(d, seed, a);
  fisa_state_copy(b, a);
  UNIT_EQ(fisa_decode(d, p->code, p->size, BEFORE, &r.in), FISA_DECODED);
  r.mem = (struct fsem_memory){a->mem, a->written, a->dirty, MEM - 1};
  read_row(&r, scratch);
  if (UNIT_TRUE(fir_lower(p, &ir, &err) == 0, "%s", err.text))
    fir_run(ir, lane, b, &io, (struct fir_limits){1, false});
  ok = same(&r, b, &sink);
  UNIT_TRUE(ok, "%s of %s: fault %d pc %u, not fault %d pc %u", text,
            isa_hex(p->code + BEFORE, 7), b->fault, b->pc, r.fault, r.pc);
  fir_free(ir);
  fir_lane_free(lane);
  fisa_program_free(p);
  fisa_state_free(scratch);
  fisa_state_free(b);
  fisa_state_free(a);
  return ok;
}

static void rows_agree(bool apart, const char *way, uint64_t seed) {
  unsigned long rounds = unit_scale(6000), loaded = 0;
  bool seen[FLUX_OP_COUNT] = {false};

  for (unsigned long k = 0; k < rounds; k++) {
    struct fisa_dialect *d = NULL;
    char text[3000];
    size_t n = (size_t)snprintf(text, sizeof text, head,
                                apart ? "calls LNK 2\n" : "cell LNK i32\n",
                                way);
    bool ok = true;

    random_row(&seed, apart, text + n, sizeof text - n);
    if (fisa_dialect_parse(text, strlen(text), "x", &d, NULL))
      continue;
    loaded++;
    for (unsigned i = 0; i < d->rows[1].step_count; i++)
      seen[d->rows[1].steps[i].op] = true;
    for (int i = 0; i < 12 && ok; i++)
      ok = agree(d, &seed, text + n);
    fisa_dialect_free(d);
    if (!ok)
      break;
  }
  UNIT_TRUE(loaded > rounds / 3, "%lu of %lu rows", loaded, rounds);
  for (unsigned op = 0; rounds >= 6000 && op < FLUX_OP_COUNT; op++)
    UNIT_TRUE(seen[op] || !is_fit(op), "%s was never tried",
              fisa_semop_name(op));
}

static void apart_up(void) {
  rows_agree(true, "up", 1);
}

static void apart_down(void) {
  rows_agree(true, "down", 2);
}

static void together_up(void) {
  rows_agree(false, "up", 3);
}

static void together_down(void) {
  rows_agree(false, "down", 4);
}

static const struct unit_test tests[] = {
  {"links apart", "up", apart_up},
  {"links apart", "down", apart_down},
  {"one stack", "up", together_up},
  {"one stack", "down", together_down},
};
UNIT_MAIN(tests)
