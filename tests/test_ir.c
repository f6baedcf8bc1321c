/*
 * test_ir.c - lowering and the ir engine, where the oracle and the
 * differential do not look: the shape of the IR, boundaries, fuel, io,
 * visitors, dialects with other habits, hostile input.
 */
#include "tests/unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "tests/ir_rig.h"
#include "tests/isa_util.h"

static struct rig rig_unified(const char *text) {
  return rig_text(isa_unified(), text);
}

static struct rig rig_bytes(const uint8_t *code, size_t size) {
  struct fisa_program *p = NULL;

  fisa_program_from_bytes(isa_unified(), code, size, &p, NULL);
  return rig_of(p);
}

static struct fir_result run(struct rig *r, uint64_t fuel) {
  const struct fir_limits limits = {fuel, false};

  return fir_run(r->ir, r->lane, r->s, NULL, limits);
}

static struct fir_result task(struct rig *r, uint64_t fuel) {
  const struct fir_limits limits = {fuel, true};

  return fir_run(r->ir, r->lane, r->s, NULL, limits);
}

/* Register n of unified. */
static int32_t *reg(struct rig *r, unsigned n) {
  return &r->s->cells[isa_unified()->files[0].first + n];
}

static unsigned count_op(const struct fir_program *ir, unsigned op) {
  unsigned n = 0;

  for (uint32_t i = 0; i < ir->count; i++)
    n += ir->ins[i].op == op;
  return n;
}

/* Every index of the IR lies where an engine may use it unchecked. */
static void check_form(const struct fir_program *ir) {
  UNIT_EQ(ir->zero, ir->state_cells);
  UNIT_EQ(ir->sink, ir->zero + 1);
  UNIT_TRUE(ir->pool_first == (uint32_t)ir->temp + FIR_TEMPS, "pool");
  UNIT_EQ(ir->cell_count, ir->pool_first + ir->pool_count);
  UNIT_TRUE(ir->entry < ir->count, "entry");
  for (uint32_t i = 0; i < ir->count; i++) {
    const struct fir_ins *ins = &ir->ins[i];
    bool jump = ins->op == FIR_GOTO ||
                (ins->op >= FLUX_OP_JUMP && ins->op <= FLUX_OP_CALL);
    UNIT_TRUE(ins->op < FIR_OP_COUNT, "op %u", ins->op);
    UNIT_TRUE(ins->d < ir->cell_count && ins->a < ir->cell_count, "cells");
    UNIT_TRUE(ins->cycles == 0 || (ins->row & FIR_FIRST), "cycles");
    UNIT_TRUE(!jump || ins->target < ir->count, "target of %u", i);
  }
  UNIT_EQ(ir->ins[ir->at[ir->source->size]].op, FIR_END);
}

/* ---- lowering ----------------------------------------------------------- */

static void layout(void) {
  struct rig r = rig_unified("   MOVI R1, 3\n"
                             "l: ADD R2, R2, R1\n"
                             "   LOOP R1, l\n"
                             "   HALT\n");
  const struct fir_program *ir = r.ir;

  check_form(ir);
  UNIT_EQ(ir->at[0], 0);
  UNIT_EQ(ir->at[1], FIR_NONE);
  UNIT_TRUE(ir->at[3] == 1 && ir->at[7] == 2 && ir->at[11] == 3, "rows");
  UNIT_EQ(ir->ins[ir->at[7]].target, ir->at[3]);
  UNIT_EQ(ir->pool_count, 1);
  UNIT_EQ(ir->pool[0], 3);
  UNIT_TRUE(!ir->all_offsets && !ir->ticks && !ir->opaque && !ir->stack,
            "none of it");
  UNIT_TRUE(ir->cost == NULL, "cost is cycles");
  UNIT_EQ(ir->cost_min, 1);
  run(&r, 100);
  UNIT_EQ(*reg(&r, 2), 6);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(r.s->pc, 12);
  UNIT_EQ(r.s->cycles, 8);
  rig_done(&r);
}

static void constants_are_pooled(void) {
  struct rig r = rig_unified(" MOVI R1, 7\n MOVI16 R2, 7\n ADDI R3, 7\n"
                             " MOVI R4, 0\n MOVI R5, 8\n HALT\n");

  UNIT_EQ(r.ir->pool_count, 2);
  UNIT_EQ(r.ir->ins[r.ir->at[10]].a, r.ir->zero);
  run(&r, 100);
  UNIT_EQ(*reg(&r, 2), 7);
  UNIT_EQ(*reg(&r, 3), 7);
  UNIT_EQ(*reg(&r, 5), 8);
  rig_done(&r);
}

/* More constants than a cell index can name: refused, not wrapped. */
static void too_many_constants(void) {
  uint8_t *code = malloc(FISA_MAX_CODE);
  struct fisa_program *p = NULL;
  struct fir_program *ir = NULL;
  struct fisa_error err = {""};
  const struct fisa_row *load =
      fisa_row_by_name(isa_unified(), "MOVI16", 6);
  const struct fisa_row *ret = fisa_row_by_name(isa_unified(), "RET", 3);

  CU_ASSERT_FATAL(code && load && ret);
  for (uint32_t i = 0; i < FISA_MAX_CODE; i += 4) {
    code[i] = load->opcode;
    code[i + 1] = load->opcode; /* so that an offset of 1 loads, too */
    code[i + 2] = (uint8_t)(i >> 2);
    code[i + 3] = (uint8_t)(i >> 10);
  }
  code[FISA_MAX_CODE - 1] = ret->opcode;
  fisa_program_from_bytes(isa_unified(), code, FISA_MAX_CODE, &p, NULL);
  CU_ASSERT_FATAL(p != NULL);
  if (fir_lower(p, &ir, &err) == 0) {
    check_form(ir);
    UNIT_TRUE(ir->cell_count <= 65535, "%u cells", ir->cell_count);
  } else {
    UNIT_TRUE(err.text[0] != '\0', "a reason");
  }
  fir_free(ir);
  fisa_program_free(p);
  free(code);
}

static void dead_code_is_left_out(void) {
  struct rig r = rig_unified("   JMP end\n"
                             "   .byte 0xFF, 0xFF, 0xFF\n"
                             "end: HALT\n");

  check_form(r.ir);
  UNIT_EQ(r.ir->at[4], FIR_NONE);
  UNIT_EQ(count_op(r.ir, FIR_FAULT), 0);
  rig_done(&r);
}

/* A jump into an instruction: both readings are there, joined by a goto. */
static void overlap(void) {
  const uint8_t code[] = {0x43, 0, 6, 0,       /* JMP +6 */
                          0x40, 1, 0x01, 0x01, /* MOVI16; at 6: NOP NOP */
                          0x00};               /* HALT */
  struct rig r = rig_bytes(code, sizeof(code));

  check_form(r.ir);
  UNIT_EQ(r.ir->at[4], FIR_NONE);
  run(&r, 10);
  UNIT_EQ(r.s->cycles, 4);
  UNIT_EQ(r.s->pc, 9);
  rig_done(&r);

  const uint8_t both[] = {0x47, 0, 6, 0,       /* JEQ R0, +6 */
                          0x40, 1, 0x01, 0x01, 0x00};
  r = rig_bytes(both, sizeof(both));
  check_form(r.ir);
  UNIT_EQ(count_op(r.ir, FIR_GOTO), 1);
  run(&r, 10);
  UNIT_EQ(r.s->cycles, 4);
  rig_done(&r);
}

static void dynamic_flow_lowers_all(void) {
  struct rig r = rig_unified(" MOVI R1, 8\n JZ R0, R1\n NOP\n HALT\n"
                             " .byte 0xFF\n HALT\n");

  check_form(r.ir);
  UNIT_TRUE(r.ir->all_offsets, "all offsets");
  for (uint32_t pc = 0; pc <= r.p->size; pc++)
    UNIT_TRUE(r.ir->at[pc] < r.ir->count, "offset %u", pc);
  run(&r, 100); /* 3 + 8 = 11, past the end of 10 bytes */
  UNIT_EQ(r.s->status, FISA_RUN_END);
  UNIT_EQ(r.s->pc, 11);
  rig_done(&r);
}

/* What lies in unreached bytes is not held against a program with RET. */
static void opaque_rows(void) {
  struct rig r = rig_unified(" CALL R0, f\n NOP\n HALT\n"
                             " ASK R1, R2, R3\n"
                             "f: RET\n");

  UNIT_TRUE(r.ir->all_offsets && !r.ir->opaque, "ASK is not reached");
  run(&r, 100);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  rig_done(&r);

  r = rig_unified(" ASK R1, R2, R3\n HALT\n");
  UNIT_TRUE(r.ir->opaque, "ASK is reached");
  run(&r, 100);
  UNIT_EQ(r.s->status, FISA_RUN_FAULT);
  UNIT_STR_EQ(fisa_fault_name(isa_unified(), r.s->fault), "opaque");
  UNIT_EQ(r.s->pc, 0);
  UNIT_EQ(r.s->cycles, 1);
  rig_done(&r);
}

static void lower_from_elsewhere(void) {
  const uint8_t code[] = {0x00, 0x08, 1, 0x00}; /* HALT; INC R1; HALT */
  struct rig r = rig_bytes(code, sizeof(code));
  struct fir_program *ir = NULL;
  struct fir_result res;

  r.s->pc = 1;
  res = run(&r, 10);
  UNIT_TRUE(res.starved && res.instructions == 0, "not lowered");
  UNIT_EQ(r.s->status, FISA_RUN_FUEL);
  UNIT_EQ(fir_lower_from(r.p, 1, &ir, NULL), 0);
  fir_free(r.ir);
  r.ir = ir;
  run(&r, 10);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(*reg(&r, 1), 1);
  rig_done(&r);
}

/* Several places, none of which leads to another, and not the entry. */
static void lower_places(void) {
  const uint8_t code[] = {0x00, 0x08, 1, 0x00, 0x08, 2, 0x00, 0x01};
  const uint32_t places[] = {1, 4};
  struct rig r = rig_bytes(code, sizeof(code));
  struct fir_program *ir = NULL;

  UNIT_EQ(fir_lower_places(r.p, places, 2, &ir, NULL), 0);
  fir_free(r.ir);
  r.ir = ir;
  for (uint32_t i = 0; i < 2; i++) {
    fisa_state_start(r.p, r.s);
    r.s->pc = places[i];
    run(&r, 10);
    UNIT_EQ(r.s->status, FISA_RUN_HALT);
    UNIT_EQ(*reg(&r, 1), i == 0);
    UNIT_EQ(*reg(&r, 2), i == 1);
  }
  UNIT_EQ(ir->at[0], FIR_NONE);
  UNIT_EQ(ir->at[7], FIR_NONE);
  UNIT_EQ(ir->entry, FIR_NONE);
  rig_done(&r);
}

/* ---- faults and fuel ---------------------------------------------------- */

static void fuel(void) {
  struct rig r = rig_unified("l: INC R1\n JMP l\n");

  for (uint64_t n = 0; n < 6; n++) {
    fisa_state_start(r.p, r.s);
    struct fir_result res = run(&r, n);
    UNIT_EQ(r.s->status, FISA_RUN_FUEL);
    UNIT_EQ(res.instructions, n);
    UNIT_EQ(res.cost, n);
    UNIT_EQ(r.s->cycles, n);
    UNIT_EQ(r.s->pc, n % 2 ? 2 : 0);
    UNIT_TRUE(!res.starved, "fuel is no io");
  }
  /* And on from there. */
  run(&r, 4);
  UNIT_EQ(*reg(&r, 1), 5);
  rig_done(&r);
}

/* Off the end: fuel is asked before, and it counts as no instruction. */
static void off_the_end(void) {
  struct rig r = rig_unified(" NOP\n NOP\n");

  UNIT_EQ(run(&r, 2).instructions, 2);
  UNIT_EQ(r.s->status, FISA_RUN_FUEL);
  UNIT_EQ(r.s->pc, 2);
  UNIT_EQ(run(&r, 1).instructions, 0);
  UNIT_EQ(r.s->status, FISA_RUN_END);
  fisa_state_start(r.p, r.s);
  UNIT_EQ(run(&r, 3).instructions, 2);
  UNIT_EQ(r.s->status, FISA_RUN_END);
  UNIT_EQ(r.s->cycles, 2);
  r.s->pc = 1000; /* given from outside */
  UNIT_EQ(run(&r, 3).instructions, 0);
  UNIT_EQ(r.s->status, FISA_RUN_END);
  UNIT_EQ(r.s->pc, 1000);
  rig_done(&r);

  r = rig_unified(" JMP 100\n");
  run(&r, 9);
  UNIT_EQ(r.s->status, FISA_RUN_END);
  UNIT_EQ(r.s->pc, 100);
  rig_done(&r);
}

struct fault_case {
  const char *text;
  int32_t fault;
  uint32_t pc;
  uint64_t cycles;
};

static void faults(void) {
  static const struct fault_case cases[] = {
      {" DIV R1, R2, R3\n HALT\n", 2, 4, 1},
      {" .byte 0xFF, 1, 2, 3, 4\n", 3, 0, 1},
      {" NOP\n .byte 0x20, 1\n", 1, 1, 1},
      {" NOP\n .byte 0xEF, 1\n", 1010, 1, 2},
      {" MOVI R1, -8\n JMP -8\n", 1007, 3, 2},
      {" JEQ R0, -4\n HALT\n", 1007, 0, 1},
      {" MOVI R1, 2\n LOOP R1, -9\n HALT\n", 1007, 3, 2},
      {" MOVI R1, 1\n ISTINCT_REFLEX R1, -1\n HALT\n", 1007, 3, 2},
      {" MOVI R1, -9\n JZ R0, R1\n HALT\n", 1007, 3, 2},
      {" MOVI R1, -9\n CALL R1, 0\n HALT\n", 1007, 3, 2},
      {" JAL R5, -5\n HALT\n", 1007, 0, 1},
      {" POP R1\n HALT\n", 1006, 0, 1},
      {" POW R1, R0, R2\n LOG R1, R0\n", 1004, 4, 2},
      {" MOVI R1, -5\n ENCODE_VARINT R1, 5\n", 1009, 3, 2},
      {" STACKFRAME R100, 0\n", 1008, 0, 1},
      {" SHLI R1, 32\n", 1001, 0, 1},
      {" DUMP\n NOP\n NOP\n NOP\n", 1, 0, 0},
      {" VP_LOAD R1, R2, R3\n", 3, 0, 1},
  };

  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct rig r = rig_unified(cases[i].text);
    check_form(r.ir);
    run(&r, 100);
    UNIT_TRUE(r.s->status == FISA_RUN_FAULT && r.s->fault == cases[i].fault &&
                  r.s->pc == cases[i].pc && r.s->cycles == cases[i].cycles,
              "%s: status %d fault %d pc %u cycles %llu", cases[i].text,
              r.s->status, r.s->fault, r.s->pc,
              (unsigned long long)r.s->cycles);
    rig_done(&r);
  }
}

/* Nothing is decremented, pushed or linked when the jump is lethal. */
static void guards_before_effects(void) {
  struct rig r = rig_unified(" MOVI R1, 2\n LOOP R1, -9\n");

  run(&r, 100);
  UNIT_EQ(*reg(&r, 1), 2);
  rig_done(&r);
  r = rig_unified(" JAL R5, -5\n");
  run(&r, 100);
  UNIT_EQ(*reg(&r, 5), 0);
  rig_done(&r);
  r = rig_unified(" MOVI R1, -9\n CALL R1, 0\n");
  run(&r, 100);
  UNIT_EQ(fisa_stack_depth(isa_unified(), r.s), 0);
  rig_done(&r);
  /* A link below -1 on the stack: RET does not pop it. */
  r = rig_unified(" MOVI R1, -7\n PUSH R1\n RET\n");
  run(&r, 100);
  UNIT_EQ(r.s->fault, 1007);
  UNIT_EQ(fisa_stack_depth(isa_unified(), r.s), 1);
  rig_done(&r);
}

static void calls(void) {
  struct rig r = rig_unified("   CALL R0, f\n"
                             "   .byte 0xFF\n"
                             "   INC R2\n"
                             "   HALT\n"
                             "f: INC R1\n"
                             "   RET\n");

  run(&r, 100);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(*reg(&r, 1), 1);
  UNIT_EQ(*reg(&r, 2), 1);
  UNIT_EQ(fisa_stack_depth(isa_unified(), r.s), 0);
  UNIT_TRUE(r.ir->stack, "the stack is used");
  rig_done(&r);
  /* Without anything on the stack RET is passed by. */
  r = rig_unified(" RET\n INC R1\n HALT\n");
  run(&r, 100);
  UNIT_EQ(*reg(&r, 1), 1);
  rig_done(&r);
  /* A stack that is never emptied ends in its guard. */
  r = rig_unified("f: CALL R0, f\n");
  run(&r, 1000);
  UNIT_EQ(r.s->fault, 1005);
  UNIT_EQ(r.s->cycles, 257);
  rig_done(&r);
}

/* A state from outside may hold any index: no access leaves the stack. */
static void hostile_stack_index(void) {
  static const int32_t index[] = {-1, 257, INT32_MIN, INT32_MAX, 1 << 20};
  static const char *const text[] = {" PUSH R1\n", " POP R1\n",
                                     " STACKFRAME R1, 0\n", " RET\n HALT\n",
                                     " CALL R0, 0\n"};

  for (unsigned k = 0; k < sizeof(text) / sizeof(text[0]); k++)
    for (unsigned i = 0; i < sizeof(index) / sizeof(index[0]); i++) {
      struct rig r = rig_unified(text[k]);
      r.s->cells[isa_unified()->sp_cell] = index[i];
      run(&r, 100);
      UNIT_TRUE(r.s->status == FISA_RUN_FAULT || k == 3, "%s at %d", text[k],
                index[i]);
      UNIT_EQ(r.s->cells[isa_unified()->sp_cell], index[i]);
      rig_done(&r);
    }
}

/* ---- boundaries --------------------------------------------------------- */

static void yields(void) {
  struct rig r = rig_unified("l: INC R1\n YIELD 0\n JMP l\n");

  for (int i = 1; i < 4; i++) {
    task(&r, 100);
    UNIT_EQ(r.s->status, FISA_RUN_YIELD);
    UNIT_EQ(r.s->pc, 4);
    UNIT_EQ(*reg(&r, 1), i);
  }
  run(&r, 100); /* exec passes them */
  UNIT_EQ(r.s->status, FISA_RUN_FUEL);
  rig_done(&r);
}

static void pc_boundary(void) {
  struct rig r = rig_unified(".boundary pc:l\n"
                             "l: INC R1\n JMP l\n");

  UNIT_EQ(count_op(r.ir, FIR_BOUNDARY), 1);
  for (int i = 1; i < 4; i++) {
    struct fir_result res = task(&r, 100);
    UNIT_EQ(r.s->status, FISA_RUN_YIELD);
    UNIT_EQ(r.s->pc, 0);
    UNIT_EQ(*reg(&r, 1), i);
    UNIT_EQ(res.instructions, 2); /* the boundary is none */
  }
  UNIT_EQ(r.s->cycles, 6);
  run(&r, 10);
  UNIT_EQ(r.s->status, FISA_RUN_FUEL);
  UNIT_EQ(*reg(&r, 1), 8);
  rig_done(&r);
}

static void out_boundary(void) {
  struct rig r = rig_unified(".boundary out:TELL\n"
                             "l: INC R1\n SIGNAL R1, R1, R1\n"
                             "   TELL R1, R1, R1\n JMP l\n");

  for (int i = 1; i < 4; i++) {
    task(&r, 100);
    UNIT_EQ(r.s->status, FISA_RUN_YIELD);
    UNIT_EQ(r.s->pc, 10);
    UNIT_EQ(*reg(&r, 1), i);
  }
  rig_done(&r);
}

/* ---- the outside -------------------------------------------------------- */

struct port {
  unsigned inputs, outputs, allowed;
  uint16_t name;
  unsigned argc;
  int32_t arg[FISA_MAX_ARGS];
};

static int port_in(uint16_t source, const int32_t *arg, unsigned argc,
                   int32_t *value, void *user) {
  struct port *port = user;

  (void)arg;
  if (port->inputs == port->allowed)
    return 1;
  port->name = source;
  port->argc = argc;
  *value = 100 + (int32_t)port->inputs++;
  return 0;
}

static int port_out(uint16_t channel, const int32_t *arg, unsigned argc,
                    void *user) {
  struct port *port = user;

  if (port->outputs == port->allowed)
    return 1;
  port->outputs++;
  port->name = channel;
  port->argc = argc;
  memcpy(port->arg, arg, argc * sizeof(*arg));
  return 0;
}

static void io(void) {
  struct rig r = rig_unified(" TEMP R1\n TEMP R2\n"
                             " SYS 9\n TELL R2, R0, R1\n HALT\n");
  struct port port = {.allowed = 2};
  const struct fir_io sides = {port_in, port_out, &port};
  const struct fir_limits limits = {100, false};

  fir_run(r.ir, r.lane, r.s, &sides, limits);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(*reg(&r, 2), 101);
  UNIT_EQ(port.inputs, 2);
  UNIT_EQ(port.argc, 3);
  UNIT_STR_EQ(isa_unified()->channels[port.name], "TELL");
  UNIT_TRUE(port.arg[0] == 101 && port.arg[1] == 0 && port.arg[2] == 100,
            "arguments");
  rig_done(&r);
}

/* A source that runs dry and a sink that refuses end the run. */
static void starving(void) {
  for (unsigned allowed = 0; allowed < 3; allowed++) {
    struct rig r = rig_unified(" TEMP R1\n TEMP R2\n TEMP R3\n HALT\n");
    struct port port = {.allowed = allowed};
    const struct fir_io sides = {port_in, port_out, &port};
    const struct fir_limits limits = {100, false};
    struct fir_result res = fir_run(r.ir, r.lane, r.s, &sides, limits);
    UNIT_TRUE(res.starved, "starved");
    UNIT_EQ(r.s->status, FISA_RUN_FUEL);
    UNIT_EQ(r.s->pc, 4 * allowed);
    UNIT_EQ(res.instructions, allowed + 1);
    rig_done(&r);
  }
  struct rig r = rig_unified(" SYS 1\n TELL R1, R1, R1\n HALT\n");
  struct port port = {.allowed = 1};
  const struct fir_io sides = {port_in, port_out, &port};
  const struct fir_limits limits = {100, false};
  UNIT_TRUE(fir_run(r.ir, r.lane, r.s, &sides, limits).starved, "refused");
  UNIT_EQ(r.s->pc, 2);
  UNIT_TRUE(fir_run(r.ir, r.lane, r.s, NULL, limits).starved == false,
            "outputs without io go nowhere");
  rig_done(&r);
  r = rig_unified(" TEMP R1\n");
  UNIT_TRUE(run(&r, 10).starved, "no io, no inputs");
  rig_done(&r);
}

/* ---- visitors, ticks, costs --------------------------------------------- */

struct visited {
  unsigned count;
  uint32_t pc[16];
  int32_t r1[16];
};

static void visitor(uint32_t pc, const int32_t *cells, void *user) {
  struct visited *v = user;

  if (v->count < 16) {
    v->pc[v->count] = pc;
    v->r1[v->count] = cells[1];
  }
  v->count++;
}

static void visiting(void) {
  struct rig r = rig_unified("   MOVI R1, 2\n"
                             "l: ADD R2, R2, R1\n LOOP R1, l\n");
  static const uint32_t pcs[] = {0, 3, 7, 3, 7};
  static const int32_t r1[] = {0, 2, 2, 1, 1};
  const struct fir_limits limits = {100, false};
  struct visited v = {0};
  struct fir_result res;

  res = fir_run_visit(r.ir, r.lane, r.s, NULL, limits, visitor, &v);
  UNIT_EQ(v.count, 5); /* the end is no instruction */
  UNIT_EQ(res.instructions, 5);
  UNIT_MEM_EQ(v.pc, pcs, sizeof(pcs));
  UNIT_MEM_EQ(v.r1, r1, sizeof(r1));
  UNIT_EQ(r.s->status, FISA_RUN_END);
  rig_done(&r);
}

static int32_t *cell_named(struct rig *r, const char *name) {
  int f = fisa_file_by_name(r->p->dialect, name, strlen(name));

  CU_ASSERT_FATAL(f >= 0);
  return &r->s->cells[r->p->dialect->files[f].first];
}

/* A counter that begins above 0 counts down although no op was lowered for
 * it, and just the same as where one was. */
static void ticks(void) {
  static const char plain[] = " CONF_ADD R1, R2, R3\n CONF_ADD R4, R2, R3\n"
                              " VP_LOAD R1, R1, R1\n";
  static const char ticking[] = ".in STRIP\n CONF_ADD R1, R2, R3\n"
                                " CONF_ADD R4, R2, R3\n VP_LOAD R1, R1, R1\n";

  for (int32_t begin = 0; begin < 5; begin++) {
    struct rig a = rig_unified(plain), b = rig_unified(ticking);
    UNIT_TRUE(!a.ir->ticks && b.ir->ticks, "ticks");
    for (int i = 1; i < 5; i++)
      *(cell_named(&a, "C") + i) = *(cell_named(&b, "C") + i) = 10 * i;
    *cell_named(&a, "STRIP") = *cell_named(&b, "STRIP") = begin;
    run(&a, 100);
    run(&b, 100);
    UNIT_MEM_EQ(a.s->cells, b.s->cells,
                isa_unified()->cell_count * sizeof(int32_t));
    UNIT_EQ(*cell_named(&a, "STRIP"), begin > 2 ? begin - 2 : 0);
    UNIT_EQ(*(cell_named(&a, "C") + 1), begin > 1 ? 10 : 24);
    UNIT_EQ(a.s->cycles, 3);
    rig_done(&a);
    rig_done(&b);
  }
  struct rig r = rig_unified(" STRIPCF 3\n HALT\n");
  UNIT_TRUE(r.ir->ticks, "a row writes it");
  run(&r, 10);
  UNIT_EQ(*cell_named(&r, "STRIP"), 2);
  rig_done(&r);
}

/* ---- other dialects ----------------------------------------------------- */

/* A register machine with what unified has not: targets from the end of the
 * instruction, branches on a register to a register that count down too, an
 * unbound jump through a register, costs that are no cycles, two counters. */
static const char odd_text[] =
    "fluxisa 1\n"
    "dialect odd\n"
    "mem 256\n"
    "file A i32 8\n"
    "cell CA i32 init 2 tick\n"
    "cell CB i32 tick\n"
    "stack ST 4 up\n"
    "fuel 1000\n"
    "fault 1 truncated\n"
    "fault 3 unknown\n"
    "lethal 1000 stack_full\n"
    "lethal 1001 stack_empty\n"
    "lethal 1002 negative_target\n"
    "lethal 1003 opaque\n"
    "truncated 1\n"
    "unknown 3\n"
    "undefined 0x00..0x0F len 1\n"
    "undefined 0x20..0xFF len 1\n"
    "row 0x10 STOP len=1 flow=halt writes=HALT roles=halt pure=no does=halt\n"
    "row 0x11 LI len=3 ops=rd,imm8s writes=A[rd] cost=7 does=mov A[rd] #imm8s"
    "\n"
    "row 0x12 GO len=3 ops=imm16le_s flow=jump_rel base=end does=jump\n"
    "row 0x13 JR len=2 ops=rs1 flow=indirect reads=A[rs1] does=jump\n"
    "row 0x14 DJ len=3 ops=rd,rs1 flow=cond_rel_reg base=end "
    "reads=A[rd];A[rs1] writes=A[rd] does=br_dec_gtz A[rd] A[rd]\n"
    "row 0x15 PUSH len=2 ops=rs1 reads=A[rs1];SP writes=ST;SP "
    "lethal=stack_full does=push A[rs1]\n"
    "row 0x16 POP len=2 ops=rd reads=ST;SP writes=A[rd];SP "
    "lethal=stack_empty does=pop A[rd]\n"
    "row 0x17 XCH len=3 ops=rd,rs1 reads=A[rd];A[rs1] writes=A[rd];A[rs1] "
    "does=swap A[rd] A[rs1] A[rs1] A[rd]\n"
    "row 0x18 CMPJ len=4 ops=rd,rs1,imm8s flow=cond_rel base=end "
    "reads=A[rd];A[rs1] does=sub t0 A[rd] A[rs1] ; br_eqz t0\n"
    "row 0x19 SLOW len=1 cycles=5 cost=2 does=nop\n"
    "row 0x1A LE len=3 ops=rd,rs1 reads=A[rd];A[rs1] writes=A[rd] "
    "does=le A[rd] A[rd] A[rs1]\n"
    "row 0x1B NEZ len=2 ops=rd reads=A[rd] writes=A[rd] "
    "does=ne A[rd] A[rd] #0\n"
    "row 0x1C T2S len=2 ops=imm8u writes=CB does=mov CB #imm8u\n"
    "row 0x1D CALL len=3 ops=imm16le_s flow=call_rel base=end link=3 "
    "reads=SP writes=ST;SP lethal=stack_full does=call\n"
    "row 0x1E RET len=1 flow=ret reads=ST;SP writes=SP does=ret\n"
    "row 0x1F QUO len=3 ops=rd,rs1 reads=A[rd];A[rs1] writes=A[rd] "
    "does=quo A[rd] A[rd] A[rs1]\n";

static struct fisa_dialect *odd(void) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  if (fisa_dialect_parse(odd_text, sizeof(odd_text) - 1, "odd", &d, &err))
    UNIT_TRUE(0, "%s", err.text);
  CU_ASSERT_FATAL(d != NULL);
  return d;
}

static void branches_of_odd(void) {
  struct fisa_dialect *d = odd();
  struct rig r = rig_text(d, "   LI A1, 3\n LI A2, back-here\n"
                             "back: LI A3, 5\n"
                             "   DJ A1, A2\n"
                             "here: STOP\n");
  struct fir_result res;

  check_form(r.ir);
  res = run(&r, 100);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(r.s->cells[1], 0);
  UNIT_EQ(res.instructions, 9);
  UNIT_EQ(res.cost, 2 * 7 + 3 * 7 + 3 + 1); /* LI costs 7, others 1 */
  UNIT_EQ(r.s->cycles, 9);
  rig_done(&r);
  /* Below 0: nothing is decremented. */
  r = rig_text(d, " LI A1, 3\n LI A2, -100\n DJ A1, A2\n STOP\n");
  run(&r, 100);
  UNIT_EQ(r.s->fault, 1002);
  UNIT_EQ(r.s->cells[1], 3);
  UNIT_EQ(r.s->pc, 6);
  rig_done(&r);
  /* A condition in a temporary, a target below 0, taken and not. */
  r = rig_text(d, " CMPJ A1, A2, -100\n STOP\n");
  run(&r, 100);
  UNIT_EQ(r.s->fault, 1002);
  rig_done(&r);
  r = rig_text(d, " LI A1, 1\n CMPJ A1, A2, -100\n STOP\n");
  run(&r, 100);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  rig_done(&r);
  r = rig_text(d, " LI A1, 6\n JR A1\n STOP\n LI A2, 9\n STOP\n");
  run(&r, 100);
  UNIT_EQ(r.s->cells[2], 9);
  rig_done(&r);
  fisa_dialect_free(d);
}

static void stack_of_odd(void) {
  struct fisa_dialect *d = odd();
  struct rig r = rig_text(d, " LI A1, 5\n PUSH A1\n LI A1, 6\n PUSH A1\n"
                             " POP A2\n POP A3\n POP A4\n");

  run(&r, 100);
  UNIT_EQ(r.s->cells[2], 6);
  UNIT_EQ(r.s->cells[3], 5);
  UNIT_EQ(r.s->fault, 1001);
  UNIT_EQ(r.s->cells[d->sp_cell], 0);
  rig_done(&r);
  r = rig_text(d, "l: PUSH A1\n GO l\n");
  run(&r, 100);
  UNIT_EQ(r.s->fault, 1000);
  UNIT_EQ(fisa_stack_depth(d, r.s), 4);
  rig_done(&r);
  r = rig_text(d, " CALL f\n LI A2, 8\n STOP\nf: LI A1, 7\n RET\n");
  run(&r, 100);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(r.s->cells[1], 7);
  UNIT_EQ(r.s->cells[2], 8);
  rig_done(&r);
  fisa_dialect_free(d);
}

static void rest_of_odd(void) {
  struct fisa_dialect *d = odd();
  struct rig r = rig_text(d, " LI A1, 5\n LI A2, 6\n XCH A1, A2\n SLOW\n"
                             " XCH A1, A1\n LE A2, A1\n NEZ A1\n"
                             " LI A3, -9\n QUO A3, A0\n T2S 9\n STOP\n");
  struct fir_result res = run(&r, 100);

  UNIT_EQ(r.s->cells[1], 1);
  UNIT_EQ(r.s->cells[2], 1);
  UNIT_EQ(r.s->cells[3], 0);
  UNIT_EQ(r.s->cycles, res.instructions + 4);
  UNIT_EQ(res.cost, 3 * 7 + 2 + 7);
  UNIT_EQ(r.ir->cost_min, 1);
  UNIT_TRUE(r.ir->ticks, "a counter begins above 0");
  UNIT_EQ(*cell_named(&r, "CA"), 0);
  UNIT_EQ(*cell_named(&r, "CB"), 8);
  rig_done(&r);
  fisa_dialect_free(d);
}

static void no_stack_no_memory(void) {
  struct rig r = rig_text(isa_bare(), " NOP\n STOP\n");

  UNIT_EQ(run(&r, 10).instructions, 2);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  rig_done(&r);
  r = rig_text(isa_tiny(), " LI A1, 3\nl: PUSH A1\n GO l\n");
  run(&r, 10);
  UNIT_EQ(r.s->status, FISA_RUN_FAULT);
  rig_done(&r);
}

/* ---- dumps -------------------------------------------------------------- */

static void names(void) {
  for (unsigned i = 0; i < FIR_OP_COUNT; i++) {
    UNIT_TRUE(fir_op_name(i)[0] != '\0', "op %u", i);
    for (unsigned k = 0; k < i; k++)
      UNIT_TRUE(strcmp(fir_op_name(i), fir_op_name(k)) != 0, "%s",
                fir_op_name(i));
  }
  UNIT_STR_EQ(fir_op_name(FIR_OP_COUNT), "?");
}

static void dumps(void) {
  struct rig r = rig_unified("l: ADD R3, R4, R0\n PUSH R3\n CALL R0, l\n NOP\n"
                             " CONF_FUSE R1, R2, R3\n RET\n");
  char text[256], little[8];

  for (uint32_t i = 0; i < r.ir->count; i++) {
    memset(little, 'x', sizeof(little));
    fir_dump(r.ir, i, text, sizeof(text));
    UNIT_TRUE(strlen(text) > 10, "%s", text);
    fir_dump(r.ir, i, little, sizeof(little));
    UNIT_TRUE(memchr(little, 0, sizeof(little)) != NULL, "cut");
  }
  fir_dump(r.ir, 0, text, sizeof(text));
  UNIT_TRUE(strstr(text, "add_signs") && strstr(text, "R3"), "%s", text);
  fir_dump(r.ir, r.ir->count, text, sizeof(text));
  UNIT_TRUE(strchr(text, '?') != NULL, "past the last");
  rig_done(&r);
}

/* One lane serves programs of any size, one after the other. */
static void lanes_are_reused(void) {
  struct rig a = rig_unified(" MOVI R1, 3\n MOVI R2, 4\n MOVI R3, 5\n HALT\n");
  struct rig b = rig_unified(" MOVI R1, 9\n HALT\n");

  for (int i = 0; i < 3; i++) {
    fisa_state_start(a.p, a.s);
    run(&a, 10);
    UNIT_EQ(*reg(&a, 3), 5);
    fisa_state_start(b.p, b.s);
    fir_run(b.ir, a.lane, b.s, NULL, (struct fir_limits){10, false});
    UNIT_EQ(*reg(&b, 1), 9);
    UNIT_EQ(*reg(&b, 3), 0);
  }
  rig_done(&a);
  rig_done(&b);
  fir_lane_free(NULL);
  fir_free(NULL);
}

static const struct unit_test tests[] = {
    {"lowering", "layout", layout},
    {"lowering", "constants", constants_are_pooled},
    {"lowering", "too many constants", too_many_constants},
    {"lowering", "dead code", dead_code_is_left_out},
    {"lowering", "overlap", overlap},
    {"lowering", "dynamic flow", dynamic_flow_lowers_all},
    {"lowering", "opaque rows", opaque_rows},
    {"lowering", "from elsewhere", lower_from_elsewhere},
    {"lowering", "from places", lower_places},
    {"running", "fuel", fuel},
    {"running", "off the end", off_the_end},
    {"running", "faults", faults},
    {"running", "guards first", guards_before_effects},
    {"running", "calls", calls},
    {"running", "hostile stack index", hostile_stack_index},
    {"boundaries", "yields", yields},
    {"boundaries", "pc", pc_boundary},
    {"boundaries", "out", out_boundary},
    {"outside", "io", io},
    {"outside", "starving", starving},
    {"watching", "visits", visiting},
    {"watching", "ticks", ticks},
    {"other dialects", "branches", branches_of_odd},
    {"other dialects", "stack", stack_of_odd},
    {"other dialects", "costs and counters", rest_of_odd},
    {"other dialects", "bare", no_stack_no_memory},
    {"dumps", "names", names},
    {"dumps", "lines", dumps},
    {"lanes", "reuse", lanes_are_reused},
};

UNIT_MAIN(tests)
