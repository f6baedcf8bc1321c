/*
 * gpu/ir.c - the `ir` engine: one lane.
 *
 * Dispatch is by computed goto, or by a switch when built with
 * FIR_SWITCH_DISPATCH. Whatever a run may do besides computing (to call a
 * visitor, to sum costs that are not cycles, to count down where no tick ops
 * were lowered) hangs on a second table that leads every op through one
 * place, so that a plain run pays nothing for it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lane.h"
#include "gpu/lanes.h"
#include "gpu/semantics.h"

/* A run. */
struct engine {
  const struct fir_program *p;
  int32_t *cells;
  struct fsem_memory mem;
  const struct fir_io *io;
  bool stop_at_yield;
  bool ticking;          /* tick cells count down outside the program */
  fir_visit visit;
  void *user;

  uint32_t sp;           /* cell of the stack index */
  uint32_t stack_first;
  int32_t stack_size;
  bool down;
  uint32_t calls_sp;     /* the same of the links, which may be the same */
  uint32_t calls_first;
  int32_t calls_size;
  bool calls_down;

  int64_t fuel;
  uint64_t cycles, cost;
  uint32_t pc;           /* in: where to begin */
  uint16_t channel;      /* of the payload being given */
  int32_t status, fault;
  bool starved;
};

/* ---- the outside -------------------------------------------------------- */

/* Returns 0, or non-zero if the run has to end. */
static int take(struct engine *e, uint32_t source, const struct fir_ins *ins,
                int32_t *value) {
  int32_t arg[1] = {e->cells[ins->a]};
  const struct fir_io *io = e->io;

  if (io && io->input)
    e->starved = io->input((uint16_t)source, arg, source >> 16, value,
                           io->user) != 0;
  else
    e->starved = true;
  return e->starved;
}

static int give(struct engine *e, const struct fir_ins *ins) {
  int32_t arg[FISA_MAX_ARGS] = {e->cells[ins->a], e->cells[ins->b],
                                e->cells[ins->c]};
  uint32_t what = (uint32_t)ins->imm;
  const struct fir_io *io = e->io;

  assert(what >> 16 <= FISA_MAX_ARGS);
  if (io && io->output)
    e->starved =
        io->output((uint16_t)what, arg, what >> 16, io->user) != 0;
  return e->starved;
}

static int give_chunk(const int32_t *arg, unsigned argc, void *user) {
  const struct engine *e = user;

  return e->io->output(e->channel, arg, argc, e->io->user);
}

/* The payload behind the three bytes of the row's head. */
static int give_payload(struct engine *e, const struct fir_ins *ins) {
  const struct fisa_program *p = e->p->source;
  uint32_t pc = ins->row & ~FIR_FIRST;
  uint32_t size = p->code[pc + 1] | (uint32_t)p->code[pc + 2] << 8;

  assert(pc + 3 + size <= p->size);
  e->channel = (uint16_t)ins->imm;
  if (e->io && e->io->output)
    e->starved = fisa_payload_outputs(p->code + pc + 3, size, give_chunk,
                                      e) != 0;
  return e->starved;
}

/* A draw with weights in memory. */
static int draw_weighted(struct engine *e, const struct fir_ins *ins) {
  uint64_t size = (uint64_t)e->mem.mask + 1;
  int32_t at = e->cells[ins->a];
  int32_t n = e->cells[ins->b];
  int32_t sum = fsem_wrap((uint32_t)fsem_weights(&e->mem, size, at, n));
  int32_t value;

  assert(e->p->dialect->mem_size == size);
  if (sum <= 0)
    return 0;
  if (take(e, (uint16_t)ins->imm, ins, &value))
    return 1;
  e->cells[ins->d] = fsem_pick(&e->mem, size, at, value % sum);
  return 0;
}

/* ---- the rare path ------------------------------------------------------ */

/* What stands before the first op of a row, when anything does. */
static void watch(struct engine *e, const struct fir_ins *ins) {
  const struct fir_program *p = e->p;
  const struct fisa_dialect *d = p->dialect;

  if (!(ins->row & FIR_FIRST) || ins->op == FIR_END)
    return;
  if (p->cost)
    e->cost += p->cost[ins - p->ins];
  if (e->visit)
    e->visit(ins->row & ~FIR_FIRST, e->cells, e->user);
  if (!e->ticking || ins->op == FIR_FAULT)
    return;
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].tick && e->cells[d->files[f].first] > 0)
      e->cells[d->files[f].first]--;
}

/* ---- the loop ----------------------------------------------------------- */

#define FA (cells[ip->a])
#define FB (cells[ip->b])
#define FC (cells[ip->c])
#define FD (cells[ip->d])
#define FIMM (ip->imm)
#define FMEM (&e->mem)

#ifdef FIR_SWITCH_DISPATCH
#define OP(ID) case FLUX_OP_##ID
#define ENGINE_OP(ID) case FIR_##ID
#define DISPATCH() goto dispatch
#else
#define OP(ID) op_##ID
#define ENGINE_OP(ID) engine_##ID
#define DISPATCH() goto *table[ip->op]
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

/* Fuel is tested before fetch; only the first op of a row is one. */
#define FETCH() \
  do { \
    fuel -= ip->row >> 31; \
    if (fuel < 0) \
      goto out_of_fuel; \
    cycles += ip->cycles; \
    DISPATCH(); \
  } while (0)
#define NEXT() \
  do { \
    ip++; \
    FETCH(); \
  } while (0)
#define GO(index) \
  do { \
    ip = ins + (index); \
    FETCH(); \
  } while (0)
#define STOP(how, where) \
  do { \
    e->status = (how); \
    e->pc = (where); \
    goto stopped; \
  } while (0)
#define ROW_PC (ip->row & ~FIR_FIRST)
#define FAULT(code, where) \
  do { \
    e->fault = (code); \
    STOP(FISA_RUN_FAULT, where); \
  } while (0)

/* Lethal: the instruction; the machine's own test: what is behind it. */
#define GUARD_PC (ip->target == FIR_NONE ? ROW_PC : ip->target)

#define VALUE_OP(ID, expression) \
  OP(ID) : FD = (expression); \
  NEXT();
#define STORE_OP(ID, statement) \
  OP(ID) : statement; \
  NEXT();
#define BRANCH_OP(ID, condition) \
  OP(ID) : if (condition) GO(ip->target); \
  NEXT();
#define GUARD_OP(ID, condition) \
  ENGINE_OP(G_##ID) : if (condition) FAULT(FIMM, GUARD_PC); \
  NEXT();

static void execute(struct engine *e, uint32_t start) {
#ifndef FIR_SWITCH_DISPATCH
  static const void *const plain[FIR_OP_COUNT] = {
#define LABEL(ID, name, d, a, b, c, effect) [FLUX_OP_##ID] = &&op_##ID,
#define ENGINE_LABEL(ID, name) [FIR_##ID] = &&engine_##ID,
#define WATCH_LABEL(ID, name, d, a, b, c, effect) [FLUX_OP_##ID] = &&watched,
#define ENGINE_WATCH_LABEL(ID, name) [FIR_##ID] = &&watched,
      FLUX_SEMOPS(LABEL) FIR_OPS(ENGINE_LABEL)};
  static const void *const watching[FIR_OP_COUNT] = {
      FLUX_SEMOPS(WATCH_LABEL) FIR_OPS(ENGINE_WATCH_LABEL)};
#endif
  const struct fir_ins *const ins = e->p->ins;
  const struct fir_ins *ip = ins + start;
  const bool watched_run = e->visit || e->ticking || e->p->cost;
  int32_t *const cells = e->cells;
  int32_t *const sp = &cells[e->sp];
  int32_t *const stack = &cells[e->stack_first];
  const int32_t size = e->stack_size;
  const bool down = e->down;
  int32_t *const csp = &cells[e->calls_sp];
  int32_t *const calls = &cells[e->calls_first];
  const int32_t csize = e->calls_size;
  const bool cdown = e->calls_down;
  int64_t fuel = e->fuel;
  uint64_t cycles = e->cycles;
  int32_t value;
#ifndef FIR_SWITCH_DISPATCH
  const void *const *const table = watched_run ? watching : plain;

  FETCH();
watched:
  watch(e, ip);
  goto *plain[ip->op];
#else
  FETCH();
dispatch:
  if (watched_run)
    watch(e, ip);
  switch (ip->op) {
  default:
    assert(!"an op of the tables");
#endif

  FSEM_VALUES(VALUE_OP)
  FSEM_LOADS(VALUE_OP)
  FSEM_STORES(STORE_OP)
  FSEM_BRANCHES(BRANCH_OP)
  FSEM_GUARDS(GUARD_OP)

  OP(NOP) : NEXT();
  OP(SWAP) : {
    int32_t second = FC;
    FD = FB;
    FA = second;
    NEXT();
  }
  ENGINE_OP(SIGNS) : {
    value = FA;
    FD = value == 0;
    FC = value < 0;
    NEXT();
  }
  ENGINE_OP(ADD_SIGNS) : {
    value = fsem_add(FA, FB);
  signs:
    FD = value;
    FC = value == 0;
    cells[FIMM] = value < 0;
    NEXT();
  }
  ENGINE_OP(SUB_SIGNS) : {
    value = fsem_sub(FA, FB);
    goto signs;
  }
  OP(DIV) : {
    if (FB == 0)
      FAULT(FIMM, ip->target);
    FD = fsem_quo(FA, FB);
    NEXT();
  }

  OP(CHECK) : {
    if (FA != 0)
      FAULT(FIMM, ip->target);
    NEXT();
  }

  OP(PUSH) : {
    value = FA;
  push:
    if (!fsem_full(*sp, size, down)) {
      stack[down ? *sp - 1 : *sp] = value;
      *sp += down ? -1 : 1;
    }
    NEXT();
  }
  OP(FOLD) : {
    value = FA;
    fsem_drop(sp, size, down, FIMM);
    goto push;
  }
  OP(DROP) : {
    fsem_drop(sp, size, down, FIMM);
    NEXT();
  }
  OP(POPZ) : {
    value = 0;
    if (!fsem_empty(*sp, size, down)) {
      value = stack[down ? *sp : *sp - 1];
      *sp += down ? 1 : -1;
    }
    FD = value;
    NEXT();
  }
  ENGINE_OP(PEEK) : {
    value = FIMM;
    value = fsem_few(*sp, size, down, value + 1) ? 0
            : stack[down ? *sp + value : *sp - 1 - value];
    FD = value;
    NEXT();
  }
  OP(CALL) : {
    if (!fsem_full(*csp, csize, cdown)) {
      calls[cdown ? *csp - 1 : *csp] = FA;
      *csp += cdown ? -1 : 1;
    }
    GO(ip->target);
  }
  OP(POP) : {
    if (!fsem_empty(*sp, size, down)) {
      value = stack[down ? *sp : *sp - 1];
      *sp += down ? 1 : -1;
      FD = value;
    }
    NEXT();
  }
  OP(RET) : {
    if (fsem_empty(*csp, csize, cdown))
      NEXT();
    value = fsem_add(calls[cdown ? *csp : *csp - 1], FA);
    if (value < 0)
      FAULT(FIMM, ROW_PC);
    *csp += cdown ? 1 : -1;
    goto dynamic;
  }

  OP(FILE_ZERO) : {
    memset(&FD, 0, (size_t)FIMM * sizeof(FD));
    NEXT();
  }
  OP(CONVERGE) : {
    fsem_converge(&FD, 1, ip->b, FIMM);
    NEXT();
  }
  OP(DIFFUSE) : {
    value = fsem_diffuse(&FD, 1, ip->c, FA, FIMM);
    FB = value;
    NEXT();
  }

  OP(INPUT) : {
    if (take(e, (uint32_t)FIMM, ip, &value))
      STOP(FISA_RUN_FUEL, ROW_PC);
    FD = value;
    NEXT();
  }
  OP(DRAW) : {
    int32_t modulus = FA;
    value = 0;
    if (modulus > 0 && take(e, (uint16_t)FIMM, ip, &value))
      STOP(FISA_RUN_FUEL, ROW_PC);
    FD = modulus > 0 ? value % modulus : 0;
    NEXT();
  }
  OP(DRAW_W) : {
    if (draw_weighted(e, ip))
      STOP(FISA_RUN_FUEL, ROW_PC);
    NEXT();
  }
  OP(EMIT) : {
    if (give(e, ip))
      STOP(FISA_RUN_FUEL, ROW_PC);
    NEXT();
  }
  OP(EMIT_PAYLOAD) : {
    if (give_payload(e, ip))
      STOP(FISA_RUN_FUEL, ROW_PC);
    NEXT();
  }
  OP(CYCLE) : {
    FD = fsem_wrap((uint32_t)cycles);
    NEXT();
  }

  OP(JUMP) : GO(ip->target);
  ENGINE_OP(GOTO) : GO(ip->target);
  OP(BR_DEC_GTZ) : {
    value = fsem_sub(FA, 1);
    FD = value;
    if (value > 0)
      GO(ip->target);
    NEXT();
  }
  OP(BR_GTZ_DEC) : {
    value = FA;
    if (value > 0) {
      FD = value - 1;
      GO(ip->target);
    }
    NEXT();
  }
  ENGINE_OP(JUMP_REG) : value = FA;
dynamic:
  if ((uint32_t)value < e->p->source->size)
    GO(e->p->at[value]);
  if (fuel == 0)
    STOP(FISA_RUN_FUEL, (uint32_t)value);
  STOP(FISA_RUN_END, (uint32_t)value);

  OP(HALT) : {
    e->fault = FIMM;
    STOP(FISA_RUN_HALT, ip->target);
  }
  OP(YIELD) : {
    if (e->stop_at_yield)
      STOP(FISA_RUN_YIELD, ip->target);
    NEXT();
  }
  ENGINE_OP(BOUNDARY) : {
    if (e->stop_at_yield)
      STOP(FISA_RUN_YIELD, ip->target);
    NEXT();
  }
  OP(TRAP) : FAULT(FIMM, ROW_PC);
  ENGINE_OP(FAULT) : {
    fuel += ip->cycles == 0; /* it was no instruction yet */
    FAULT(FIMM, ROW_PC);
  }
  ENGINE_OP(END) : {
    fuel++;
    STOP(FISA_RUN_END, ROW_PC);
  }
  ENGINE_OP(TICK) : {
    FD -= FD > 0;
    NEXT();
  }
  ENGINE_OP(G_STACK_FULL) : {
    if (fsem_full(*sp, size, down))
      FAULT(FIMM, GUARD_PC);
    NEXT();
  }
  ENGINE_OP(G_STACK_EMPTY) : {
    if (fsem_empty(*sp, size, down))
      FAULT(FIMM, GUARD_PC);
    NEXT();
  }
  ENGINE_OP(G_STACK_FEW) : {
    if (fsem_few(*sp, size, down, ip->c))
      FAULT(FIMM, GUARD_PC);
    NEXT();
  }
  ENGINE_OP(G_CALLS_FULL) : {
    if (fsem_full(*csp, csize, cdown))
      FAULT(FIMM, GUARD_PC);
    NEXT();
  }
  ENGINE_OP(G_CALLS_EMPTY) : {
    if (fsem_empty(*csp, csize, cdown))
      FAULT(FIMM, GUARD_PC);
    NEXT();
  }
#ifdef FIR_SWITCH_DISPATCH
  }
#endif

out_of_fuel:
  fuel = 0;
  e->status = FISA_RUN_FUEL;
  e->pc = ROW_PC;
stopped:
  e->fuel = fuel;
  e->cycles = cycles;
}

#ifndef FIR_SWITCH_DISPATCH
#pragma GCC diagnostic pop
#endif

/* ---- lanes -------------------------------------------------------------- */

struct fir_lane *fir_lane_new(void) {
  return calloc(1, sizeof(struct fir_lane));
}

void fir_lane_free(struct fir_lane *lane) {
  if (!lane)
    return;
  fisa_state_free(lane->work);
  fisa_state_free(lane->other);
  flanes_free(lane->wide);
  fpk_program_done(&lane->packed);
  free(lane->places);
  free(lane->cells);
  free(lane);
}

struct fisa_state *fir_lane_state(struct fir_lane *lane,
                                  const struct fisa_dialect *d) {
  struct fisa_state *s = lane->work;

  /* The shape is compared too: a dialect that was freed may have left its
   * address to another. */
  if (s && lane->dialect == d && s->cell_count == d->cell_count &&
      s->mem_size == d->mem_size)
    return s;
  fisa_state_free(s);
  fisa_state_free(lane->other);
  lane->other = NULL;
  lane->work = fisa_state_new(d);
  lane->dialect = d;
  return lane->work;
}

struct fisa_state *fir_lane_other(struct fir_lane *lane) {
  assert(lane->dialect);
  if (!lane->other)
    lane->other = fisa_state_new(lane->dialect);
  return lane->other;
}

bool fir_lane_reserve(struct fir_lane *lane, const struct fir_program *p) {
  int32_t *cells;

  if (lane->capacity >= p->cell_count)
    return true;
  cells = realloc(lane->cells, p->cell_count * sizeof(*cells));
  if (!cells)
    return false;
  lane->cells = cells;
  lane->capacity = p->cell_count;
  return true;
}

static bool lane_ready(struct fir_lane *lane, const struct fir_program *p) {
  if (!fir_lane_reserve(lane, p))
    return false;
  /* Engine cells: the zero, the sink and the temporaries begin as 0. */
  memset(lane->cells + p->zero, 0,
         (p->pool_first - p->zero) * sizeof(*lane->cells));
  if (p->pool_count > 0)
    memcpy(lane->cells + p->pool_first, p->pool,
           p->pool_count * sizeof(*lane->cells));
  return true;
}

/* Copies state cells, those of the stack only where the program uses it. */
static void copy_cells(const struct fir_program *p, int32_t *to,
                       const int32_t *from) {
  const struct fisa_dialect *d = p->dialect;
  uint32_t first = 0, behind = 0;

  if (!p->stack && d->stack_file < d->file_count) {
    first = d->files[d->stack_file].first;
    behind = first + d->files[d->stack_file].count;
  }
  memcpy(to, from, first * sizeof(*to));
  memcpy(to + behind, from + behind, (p->state_cells - behind) * sizeof(*to));
}

/* ---- running ------------------------------------------------------------ */

static bool any_ticking(const struct fir_program *p, const int32_t *cells) {
  const struct fisa_dialect *d = p->dialect;

  for (uint32_t f = 0; !p->ticks && f < d->file_count; f++)
    if (d->files[f].tick && cells[d->files[f].first] > 0)
      return true;
  return false;
}

static void engine_begin(struct engine *e, const struct fir_program *p,
                         struct fir_lane *lane, struct fisa_state *s) {
  const struct fisa_dialect *d = p->dialect;

  assert(lane->capacity >= p->cell_count);
  copy_cells(p, lane->cells, s->cells);
  e->p = p;
  e->cells = lane->cells;
  e->mem.bytes = s->mem;
  e->mem.written = s->written;
  e->mem.dirty = s->dirty;
  e->mem.mask = s->mem_size - 1;
  e->ticking = any_ticking(p, lane->cells);
  e->sp = p->zero; /* without a stack, one of no size */
  e->stack_first = p->zero;
  if (d->stack_file < d->file_count) {
    e->sp = d->sp_cell;
    e->stack_first = d->files[d->stack_file].first;
    e->stack_size = d->files[d->stack_file].count;
    e->down = d->files[d->stack_file].down;
  }
  e->calls_sp = e->sp;
  e->calls_first = e->stack_first;
  e->calls_size = e->stack_size;
  e->calls_down = e->down;
  if (fisa_links_apart(d)) {
    e->calls_sp = d->calls_cell;
    e->calls_first = d->files[d->calls_file].first;
    e->calls_size = d->files[d->calls_file].count;
    e->calls_down = false;
  }
  e->cycles = s->cycles;
}

/* The IR index at which a run from pc begins, or FIR_NONE. */
static uint32_t start_index(const struct fir_program *p, uint32_t pc) {
  uint32_t i = pc <= p->source->size ? p->at[pc] : FIR_NONE;

  if (i != FIR_NONE && p->ins[i].op == FIR_BOUNDARY)
    i++;
  return i;
}

/* Runs from an index of the IR; s and the lane are ready. */
static struct fir_result run_from(struct engine *e, const struct fir_program *p,
                                  struct fir_lane *lane, struct fisa_state *s,
                                  struct fir_limits limits, uint32_t start) {
  struct fir_result r = {0};

  engine_begin(e, p, lane, s);
  e->stop_at_yield = limits.stop_at_yield;
  e->fuel = limits.fuel < INT64_MAX ? (int64_t)limits.fuel : INT64_MAX;
  r.instructions = (uint64_t)e->fuel;
  execute(e, start);
  copy_cells(p, s->cells, lane->cells);
  r.instructions -= (uint64_t)e->fuel;
  r.cost = p->cost ? e->cost : e->cycles - s->cycles;
  r.starved = e->starved;
  s->cycles = e->cycles;
  s->status = e->status;
  s->fault = e->fault;
  s->pc = e->pc;
  return r;
}

struct fir_result fir_run_visit(const struct fir_program *p,
                                struct fir_lane *lane, struct fisa_state *s,
                                const struct fir_io *io,
                                struct fir_limits limits, fir_visit visit,
                                void *user) {
  struct engine e = {.io = io, .visit = visit, .user = user};
  struct fir_result r = {0};
  uint32_t start;

  assert(p && lane && s && s->cell_count == p->state_cells);
  assert(s->mem_size == p->dialect->mem_size);
  s->status = FISA_RUN_FUEL;
  s->fault = 0;
  start = start_index(p, s->pc);
  if (s->pc > p->source->size && limits.fuel > 0) {
    s->status = FISA_RUN_END;
    return r;
  }
  if (limits.fuel == 0 || s->pc > p->source->size)
    return r;
  if (start == FIR_NONE || !lane_ready(lane, p)) {
    r.starved = true;
    return r;
  }
  return run_from(&e, p, lane, s, limits, start);
}

struct fir_result fir_resume(const struct fir_program *p, struct fir_lane *lane,
                             struct fisa_state *s, const struct fir_io *io,
                             struct fir_limits limits,
                             const struct fir_stand *from) {
  struct engine e = {.io = io};
  struct fir_result r = {.starved = true};

  assert(from->index < p->count && s->mem_size == p->dialect->mem_size);
  s->fault = 0;
  if (!lane_ready(lane, p))
    return r;
  memcpy(lane->cells + p->temp, from->temps, sizeof(from->temps));
  return run_from(&e, p, lane, s, limits, from->index);
}

struct fir_result fir_run(const struct fir_program *p, struct fir_lane *lane,
                          struct fisa_state *s, const struct fir_io *io,
                          struct fir_limits limits) {
  return fir_run_visit(p, lane, s, io, limits, NULL, NULL);
}
