/*
 * test_stack_ops.c - the ir engine on machines unlike unified: stacks that
 * find nothing, links apart, tests of the machine's own, payloads. What it
 * does is held against a stack written as one would on paper.
 */
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "tests/gen.h"
#include "tests/ir_rig.h"
#include "tests/isa_util.h"

static struct rig rig_mill(const char *text) {
  return rig_text(isa_mill(), text);
}

static struct fir_result run(struct rig *r, const struct fir_io *io) {
  const struct fir_limits limits = {1000, false};

  return fir_run(r->ir, r->lane, r->s, io, limits);
}

static int32_t *cell(struct rig *r, const char *file, unsigned n) {
  const struct fisa_dialect *d = r->p->dialect;
  int f = fisa_file_by_name(d, file, strlen(file));

  CU_ASSERT_FATAL(f >= 0);
  return &r->s->cells[d->files[f].first + n];
}

/* ---- a stack on paper --------------------------------------------------- */

enum { SIZE = 4 };

/* Cells from the bottom; n < 0: the index is nonsense, nothing works. */
struct paper {
  int n;
  int32_t cell[SIZE];
};

static int32_t paper_peek(const struct paper *s, int depth) {
  return depth < s->n ? s->cell[s->n - 1 - depth] : 0;
}

static int32_t paper_pop(struct paper *s) {
  return s->n > 0 ? s->cell[--s->n] : 0;
}

static void paper_drop(struct paper *s, int n) {
  while (n-- > 0)
    paper_pop(s);
}

static void paper_push(struct paper *s, int32_t v) {
  if (s->n >= 0 && s->n < SIZE)
    s->cell[s->n++] = v;
}

/* ---- rows of soft ops --------------------------------------------------- */

static const char soft_rows[] =
  "file R i32 4\n"
  "fuel 100\n"
  "fault 4 few\n"
  "guard 4 stack_few\n"
  "lethal 1000 stack_full\n"
  "lethal 1001 stack_empty\n"
  "truncated 1\n"
  "unknown 3\n"
  "row 0x00 PEEK len=1 reads=STK writes=R[0];R[1];R[2];R[3] does="
  "mov R.0 STK.0 ; mov R.1 STK.1 ; mov R.2 STK.2 ; mov R.3 STK.3\n"
  "row 0x01 POPZ len=1 reads=STK writes=R[0];R[1] "
  "does=popz R.0 ; popz R.1\n"
  "row 0x02 DROP1 len=1 reads=STK does=drop #1\n"
  "row 0x03 DROP3 len=1 reads=STK does=drop #3\n"
  "row 0x04 FOLD1 len=1 reads=STK does=fold #77 #1\n"
  "row 0x05 FOLD3 len=1 reads=STK does=fold STK.1 #3\n"
  "row 0x06 SWAP len=1 reads=STK "
  "does=mov t0 STK.0 ; mov t1 STK.1 ; fold t0 #2 ; push t1\n"
  "row 0x07 SUM len=1 reads=STK writes=R[0] does=select R.0 STK.1 STK.2 "
  "STK.0\n"
  "row 0x08 PUSH len=1 writes=STK lethal=stack_full does=push #55\n"
  "row 0x09 POP len=1 reads=STK writes=R[0] lethal=stack_empty "
  "does=pop R.0\n"
  "row 0x0A TWO len=1 reads=STK writes=R[0];R[1] lethal=stack_few(#2) "
  "does=pop R.0 ; pop R.1\n"
  "row 0x0B ALL len=1 reads=STK lethal=stack_few(#4) does=drop #4\n";

enum soft_row {
  PEEK, POPZ, DROP1, DROP3, FOLD1, FOLD3, SWAP, SUM, PUSH, POP, TWO, ALL,
  SOFT_ROWS
};

static struct fisa_dialect *soft_dialect(const char *way) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  char text[4096];

  snprintf(text, sizeof text, "fluxisa 1\ndialect soft\nstack STK %d %s "
           "index TOP\n%s", SIZE, way, soft_rows);
  fisa_dialect_parse(text, strlen(text), "soft", &d, &err);
  UNIT_TRUE(d, "%s", err.text);
  CU_ASSERT_FATAL(d != NULL);
  return d;
}

/* What a row makes of a stack and four registers; returns the fault. */
static int on_paper(unsigned row, struct paper *s, int32_t reg[4]) {
  int32_t a = paper_peek(s, 0), b = paper_peek(s, 1), c = paper_peek(s, 2);

  switch (row) {
  case PEEK:
    for (int i = 0; i < 4; i++)
      reg[i] = paper_peek(s, i);
    return 0;
  case POPZ:
    reg[0] = paper_pop(s);
    reg[1] = paper_pop(s);
    return 0;
  case DROP1: case DROP3:
    paper_drop(s, row == DROP1 ? 1 : 3);
    return 0;
  case FOLD1: case FOLD3:
    paper_drop(s, row == FOLD1 ? 1 : 3);
    paper_push(s, row == FOLD1 ? 77 : b);
    return 0;
  case SWAP:
    paper_drop(s, 2);
    paper_push(s, a);
    paper_push(s, b);
    return 0;
  case SUM:
    reg[0] = a ? b : c;
    return 0;
  case PUSH:
    if (s->n < 0 || s->n == SIZE)
      return 1000;
    paper_push(s, 55);
    return 0;
  case POP:
    if (s->n < 1)
      return 1001;
    reg[0] = paper_pop(s);
    return 0;
  case TWO:
    if (s->n < 2)
      return 4;
    reg[0] = paper_pop(s);
    reg[1] = paper_pop(s);
    return 0;
  default:
    if (s->n < 4)
      return 4;
    paper_drop(s, 4);
    return 0;
  }
}

/* One row on a stack of n cells, or on an index that is none. */
static void soft_case(struct fisa_dialect *d, unsigned row, int32_t index) {
  const struct fisa_file *stack = &d->files[d->stack_file];
  uint8_t code[1] = {(uint8_t)row};
  struct fisa_program *p = NULL;
  struct paper paper = {.n = -1};
  int32_t reg[4] = {11, 12, 13, 14};
  struct rig r;
  int fault;

  fisa_program_from_bytes(d, code, 1, &p, NULL);
  r = rig_of(p);
  if (index >= 0 && index <= SIZE)
    paper.n = stack->down ? SIZE - index : index;
  for (int i = 0; i < SIZE; i++) {
    paper.cell[i] = 100 + i;
    r.s->cells[stack->first + (stack->down ? SIZE - 1 - i : i)] = 100 + i;
    *cell(&r, "R", (unsigned)i) = reg[i];
  }
  r.s->cells[d->sp_cell] = index;
  run(&r, NULL);
  fault = on_paper(row, &paper, reg);
  UNIT_EQ(r.s->fault, fault);
  UNIT_EQ(r.s->status, fault ? FISA_RUN_FAULT : FISA_RUN_END);
  UNIT_EQ(r.s->pc, fault < 1000); /* lethal: on the row */
  if (paper.n < 0)
    UNIT_EQ(r.s->cells[d->sp_cell], index);
  else
    UNIT_TRUE((int)fisa_stack_depth(d, r.s) == paper.n, "row %u on %d: %u",
              row, index, fisa_stack_depth(d, r.s));
  for (int i = 0; i < paper.n; i++)
    UNIT_EQ(*fisa_stack_cell(d, r.s, (uint32_t)i), paper.cell[i]);
  UNIT_MEM_EQ(cell(&r, "R", 0), reg, sizeof reg);
  rig_done(&r);
}

static void soft_ops(const char *way) {
  static const int32_t odd[] = {-1, SIZE + 1, INT32_MIN, INT32_MAX};
  struct fisa_dialect *d = soft_dialect(way);

  for (unsigned row = 0; row < SOFT_ROWS; row++) {
    for (int32_t index = 0; index <= SIZE; index++)
      soft_case(d, row, index);
    for (unsigned i = 0; i < 4; i++)
      soft_case(d, row, odd[i]);
  }
  fisa_dialect_free(d);
}

static void upwards(void) {
  soft_ops("up");
}

static void downwards(void) {
  soft_ops("down");
}

/* ---- links -------------------------------------------------------------- */

static void calls(void) {
  struct rig r = rig_mill("   LIT 7\n CALL f\n MOVI R2, 8\n HALT\n"
                          "f: LIT 9\n CALL g\n RET\n"
                          "g: POP R1\n RETZ\n");

  run(&r, NULL);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(*cell(&r, "R", 1), 9);
  UNIT_EQ(*cell(&r, "R", 2), 8);
  UNIT_EQ(fisa_stack_depth(isa_mill(), r.s), 1);
  UNIT_EQ(*fisa_stack_cell(isa_mill(), r.s, 0), 7);
  UNIT_EQ(*cell(&r, "CSP", 0), 0);
  UNIT_EQ(*cell(&r, "LNK", 0), 8); /* dead, and still there */
  rig_done(&r);
  /* Through a register. */
  r = rig_mill("MOVI R1, f\n CALLR R1\n HALT\n f: DEEP R2\n RET\n");
  run(&r, NULL);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(r.s->pc, 7);
  UNIT_EQ(*cell(&r, "R", 2), 16); /* a link, and no cell */
  rig_done(&r);
}

static void full_and_empty(void) {
  struct rig r = rig_mill("f: CALL f\n");

  run(&r, NULL);
  UNIT_EQ(r.s->fault, 1001);
  UNIT_EQ(r.s->pc, 0);
  UNIT_EQ(r.s->cycles, 5);
  UNIT_EQ(*cell(&r, "CSP", 0), 4);
  for (unsigned i = 0; i < 4; i++)
    UNIT_EQ(*cell(&r, "LNK", i), 3);
  rig_done(&r);
  /* The machine tests: pc has advanced. */
  r = rig_mill("NOP\n RET\n HALT\n");
  run(&r, NULL);
  UNIT_EQ(r.s->fault, 5);
  UNIT_EQ(r.s->pc, 2);
  UNIT_EQ(r.s->cycles, 2);
  rig_done(&r);
  /* It does not: the RET does nothing. */
  r = rig_mill("LIT 1\n RETZ\n HALT\n");
  run(&r, NULL);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(fisa_stack_depth(isa_mill(), r.s), 1);
  rig_done(&r);
}

/* An index from outside may be anything. */
static void nonsense_links(void) {
  static const int32_t index[] = {-1, 5, INT32_MIN, INT32_MAX};

  for (unsigned i = 0; i < 4; i++) {
    struct rig r = rig_mill("CALL a\n a: HALT\n");
    *cell(&r, "CSP", 0) = index[i];
    run(&r, NULL);
    UNIT_EQ(r.s->fault, 1001);
    UNIT_EQ(*cell(&r, "CSP", 0), index[i]);
    rig_done(&r);
    r = rig_mill("RET\n HALT\n");
    *cell(&r, "CSP", 0) = index[i];
    run(&r, NULL);
    UNIT_EQ(r.s->fault, 5);
    rig_done(&r);
    r = rig_mill("RETZ\n HALT\n");
    *cell(&r, "CSP", 0) = index[i];
    run(&r, NULL);
    UNIT_EQ(r.s->status, FISA_RUN_HALT);
    UNIT_EQ(*cell(&r, "CSP", 0), index[i]);
    rig_done(&r);
  }
}

/* Links from outside: below 0 is lethal and stays, past the end is the end. */
static void links_from_outside(void) {
  struct rig r = rig_mill("RET\n HALT\n");

  *cell(&r, "CSP", 0) = 2;
  *cell(&r, "LNK", 1) = -3;
  run(&r, NULL);
  UNIT_EQ(r.s->fault, 1002);
  UNIT_EQ(r.s->pc, 0);
  UNIT_EQ(*cell(&r, "CSP", 0), 2);
  rig_done(&r);
  r = rig_mill("RET\n HALT\n");
  *cell(&r, "CSP", 0) = 1;
  *cell(&r, "LNK", 0) = 700;
  run(&r, NULL);
  UNIT_EQ(r.s->status, FISA_RUN_END);
  UNIT_EQ(r.s->pc, 700);
  UNIT_EQ(*cell(&r, "CSP", 0), 0);
  rig_done(&r);
  /* Nothing is linked when the jump is lethal. */
  r = rig_mill("CALL -9\n");
  run(&r, NULL);
  UNIT_EQ(r.s->fault, 1002);
  UNIT_EQ(*cell(&r, "CSP", 0), 0);
  rig_done(&r);
  r = rig_mill("MOVI R1, -9\n CALLR R1\n");
  run(&r, NULL);
  UNIT_EQ(r.s->fault, 1002);
  UNIT_EQ(r.s->pc, 4);
  UNIT_EQ(*cell(&r, "CSP", 0), 0);
  rig_done(&r);
}

/* ---- faults ------------------------------------------------------------- */

/* Below 1000 the machine has read the row, and pc is behind it; from there on
 * nothing has happened, and pc is on it. */
static void faults(void) {
  static const struct {
    const char *text;
    int32_t fault;
    uint32_t pc;
    uint64_t cycles;
  } cases[] = {
    {"ADD\n", 4, 1, 1},
    {"LIT 1\n ADD\n", 4, 6, 2},
    {"LIT 1\n LIT 2\n NEED\n", 4, 11, 3},
    {"TAKE R1\n", 4, 2, 1},
    {"LIT 1\n LIT 0\n DIV\n", 2, 11, 3},
    /* Guards in their order: too few cells comes first. */
    {"LIT 0\n DIV\n", 4, 6, 2},
    {"LIT 2147483647\n LIT 1\n ADD\n", 1006, 10, 3},
    {"LIT -2147483648\n LIT 1\n SUB\n", 1006, 10, 3},
    {"ADD\n", 4, 1, 1},
    {"DIVR R1, R2\n", 2, 3, 1},
    {"EYES R1\n", 2, 2, 1},
    {"MOVI R1, -1\n BYTE R2, R1\n", 6, 7, 2},
    {"NEVER\n", 1007, 0, 1},
    {"NOP\n PUSH R32\n", 1003, 1, 2},
    {"POP R200\n", 1003, 0, 1},
    {"ADDR R200, R1\n", 1003, 0, 1},
    {"CALLR R99\n", 1003, 0, 1},
    {"JNZR R50, -99\n", 1003, 0, 1},
    {"LIT 1\n LIT 1\n LIT 1\n LIT 1\n LIT 1\n LIT 1\n LIT 1\n LIT 1\n"
     " DUP\n", 1000, 40, 9},
    {"JZ -9\n", 1002, 0, 1},
    {"JMP -9\n", 1002, 0, 1},
    {"SKIP 0\n", 1004, 0, 1},
    {"NOP\n .byte 0x32, 9, 0, 1\n", 1005, 1, 2},
    {"NOP\n .byte 0x02, 9\n", 1, 1, 1},
    {"NOP\n .byte 0xFF\n", 3, 1, 2},
    {"MOVI R1, 9\n CHK R1, 8\n", 6, 7, 2},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct rig r = rig_mill(cases[i].text);
    run(&r, NULL);
    UNIT_TRUE(r.s->status == FISA_RUN_FAULT && r.s->fault == cases[i].fault &&
                  r.s->pc == cases[i].pc && r.s->cycles == cases[i].cycles,
              "%s: status %d fault %d pc %u cycles %llu", cases[i].text,
              r.s->status, r.s->fault, r.s->pc,
              (unsigned long long)r.s->cycles);
    rig_done(&r);
  }
}

/* A guard has no effect; a check stands where it stands. */
static void before_and_behind(void) {
  struct rig r = rig_mill("LIT 5\n LIT 0\n DIV\n");

  run(&r, NULL);
  UNIT_EQ(fisa_stack_depth(isa_mill(), r.s), 2);
  UNIT_EQ(*fisa_stack_cell(isa_mill(), r.s, 1), 0);
  rig_done(&r);
  r = rig_mill("MOVI R2, 9\n CHK R2, 8\n HALT\n");
  run(&r, NULL);
  UNIT_EQ(r.s->fault, 6);
  UNIT_EQ(*cell(&r, "R", 0), 1);
  UNIT_EQ(*cell(&r, "R", 1), 0);
  rig_done(&r);
  r = rig_mill("MOVI R2, 8\n CHK R2, 8\n HALT\n");
  run(&r, NULL);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(*cell(&r, "R", 0), 1);
  UNIT_EQ(*cell(&r, "R", 1), 1);
  rig_done(&r);
  /* A branch that may not be taken takes nothing off. */
  r = rig_mill("LIT 0\n JZ -99\n");
  run(&r, NULL);
  UNIT_EQ(r.s->fault, 1002);
  UNIT_EQ(fisa_stack_depth(isa_mill(), r.s), 1);
  rig_done(&r);
  r = rig_mill("LIT 3\n JZ -99\n HALT\n");
  run(&r, NULL);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(fisa_stack_depth(isa_mill(), r.s), 0);
  rig_done(&r);
}

/* Both sides of each test of values. */
static void guarded_values(void) {
  static const struct {
    const char *row;
    int32_t a, b;
    int32_t fault;
  } cases[] = {
    {"ADDR R1, R2", INT32_MAX, 1, 1006}, {"ADDR R1, R2", INT32_MAX, 0, 0},
    {"ADDR R1, R2", INT32_MIN, -1, 1006}, {"SUBR R1, R2", -2, INT32_MAX,
     1006}, {"SUBR R1, R2", -1, INT32_MAX, 0}, {"MULR R1, R2", 65536, 32768,
     1006}, {"MULR R1, R2", -65536, 32768, 0}, {"MULR R1, R2", 46341, 46341,
     1006}, {"MULR R1, R2", 46340, 46340, 0}, {"SHLR R1, R2", 1, 31, 1006},
    {"SHLR R1, R2", -1, 31, 0}, {"SHLR R1, R2", 1, 32, 0},
    {"SHLR R1, R2", 3, 30, 1006}, {"SHLR R1, R2", 0, 31, 0},
    {"DIVR R1, R2", INT32_MIN, 0, 2}, {"DIVR R1, R2", INT32_MIN, -1, 0},
    {"BYTE R1, R2", 0, -1, 6}, {"BYTE R1, R2", 0, -2, 0},
    {"CAST R1, R2, 1", 0, 0x4F000000, 1008},
    {"CAST R1, R2, 0", 0, 0x4F000000, 0},
    {"CAST R1, R2, 1", 0, 0x4EFFFFFF, 0},
    {"CAST R1, R2, 255", 0, 0x7FC00000, 1008},
    {"CAST R1, R2, 1", 0, (int32_t)0xCF000000, 0},
    {"CAST R1, R2, 1", 0, (int32_t)0xCF000001, 1008},
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[64];
    struct rig r;
    snprintf(text, sizeof text, "%s\n HALT\n", cases[i].row);
    r = rig_mill(text);
    *cell(&r, "R", 1) = cases[i].a;
    *cell(&r, "R", 2) = cases[i].b;
    run(&r, NULL);
    UNIT_TRUE(r.s->fault == cases[i].fault, "%s of %d and %d: %d",
              cases[i].row, cases[i].a, cases[i].b, r.s->fault);
    if (cases[i].fault)
      UNIT_EQ(*cell(&r, "R", 1), cases[i].a);
    rig_done(&r);
  }
}

/* ---- registers with a width --------------------------------------------- */

static void lanes_of_registers(void) {
  struct rig r = rig_mill("MOVI R1, 5\n LANE V2, R1\n VADD V1, V2\n"
                          " VADD V1, V1\n VADD V6, V1\n PAIR 3, 255\n"
                          " HALT\n");

  for (unsigned i = 0; i < 4; i++)
    *cell(&r, "V", 4 + i) += (int32_t)i; /* V1 begins with 0x80000001 */
  run(&r, NULL);
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  UNIT_EQ(*cell(&r, "V", 4), 0);
  UNIT_EQ(*cell(&r, "V", 5), 4);  /* 2 * 0x80000002 */
  UNIT_EQ(*cell(&r, "V", 6), 4);
  UNIT_EQ(*cell(&r, "V", 7), 16);
  /* V6 is V2: register bytes are taken modulo the number of registers. */
  UNIT_EQ(*cell(&r, "V", 9), 4);
  UNIT_EQ(*cell(&r, "V", 11), 21);
  UNIT_EQ(*cell(&r, "R", 0), 3 - 255);
  rig_done(&r);
}

/* ---- the outside -------------------------------------------------------- */

struct port {
  unsigned outputs, allowed;
  uint32_t size;
  uint16_t name;
  uint8_t bytes[5462 * FLUX_PAYLOAD_CHUNK];
  bool odd;
};

static int port_out(uint16_t channel, const int32_t *arg, unsigned argc,
                    void *user) {
  struct port *p = user;
  uint32_t at = (p->outputs - 1) * FLUX_PAYLOAD_CHUNK;

  if (p->outputs == p->allowed)
    return 1;
  p->odd |= p->outputs > 0 ? argc != 3 || channel != p->name : argc != 1;
  p->name = channel;
  if (p->outputs++ == 0) {
    p->size = (uint32_t)arg[0];
    return 0;
  }
  for (uint32_t i = 0; i < FLUX_PAYLOAD_CHUNK && at + i < sizeof p->bytes; i++)
    p->bytes[at + i] = (uint8_t)((uint32_t)arg[i / 4] >> (8 * (i % 4)));
  return 0;
}

/* A payload of n bytes, and HALT if there is room for it. */
static struct rig rig_payload(uint32_t n) {
  static uint8_t code[FISA_MAX_CODE];
  struct fisa_program *p = NULL;

  memset(code, 0, sizeof code);
  code[0] = 0x32;
  code[1] = (uint8_t)n;
  code[2] = (uint8_t)(n >> 8);
  for (uint32_t i = 0; i < n && i + 3 < FISA_MAX_CODE; i++)
    code[3 + i] = (uint8_t)(i * 5 + 1);
  fisa_program_from_bytes(isa_mill(), code,
                          n + 4 < FISA_MAX_CODE ? n + 4 : FISA_MAX_CODE, &p,
                          NULL);
  return rig_of(p);
}

static void payloads(void) {
  static const uint32_t sizes[] = {0, 1, 11, 12, 13, 24, 1000, 65532, 65533};

  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    struct port *port = calloc(1, sizeof *port);
    const struct fir_io io = {NULL, port_out, port};
    struct rig r = rig_payload(sizes[k]);
    bool same = true;

    CU_ASSERT_FATAL(port != NULL);
    port->allowed = 10000;
    run(&r, &io);
    UNIT_EQ(r.s->status, sizes[k] < 65533 ? FISA_RUN_HALT : FISA_RUN_END);
    UNIT_EQ(port->size, sizes[k]);
    UNIT_EQ(port->outputs, 1 + (sizes[k] + 11) / 12);
    UNIT_TRUE(!port->odd, "one argument, then three, on one channel");
    UNIT_STR_EQ(isa_mill()->channels[port->name], "SAY");
    for (uint32_t i = 0; i < sizes[k]; i++)
      same &= port->bytes[i] == (uint8_t)(i * 5 + 1);
    for (uint32_t i = sizes[k]; i < (port->outputs - 1) * 12; i++)
      same &= port->bytes[i] == 0;
    UNIT_TRUE(same, "%u bytes, padded", sizes[k]);
    free(port);
    rig_done(&r);
  }
  /* The longest does not fit into a program. */
  struct rig r = rig_payload(65535);
  run(&r, NULL);
  UNIT_EQ(r.s->fault, 1005);
  UNIT_EQ(r.s->pc, 0);
  rig_done(&r);
}

/* A sink that refuses ends the run, wherever in a chain; none takes all. */
static void payloads_refused(void) {
  for (unsigned allowed = 0; allowed < 5; allowed++) {
    struct port *port = calloc(1, sizeof *port);
    const struct fir_io io = {NULL, port_out, port};
    struct rig r = rig_payload(40);
    struct fir_result res;

    CU_ASSERT_FATAL(port != NULL);
    port->allowed = allowed;
    res = run(&r, &io);
    UNIT_TRUE(res.starved, "refused");
    UNIT_EQ(port->outputs, allowed);
    UNIT_EQ(r.s->status, FISA_RUN_FUEL);
    UNIT_EQ(r.s->pc, 0);
    free(port);
    rig_done(&r);
  }
  struct rig r = rig_payload(40);
  UNIT_TRUE(!run(&r, NULL).starved, "nobody listens");
  UNIT_EQ(r.s->status, FISA_RUN_HALT);
  rig_done(&r);
}

static void payload_boundary(void) {
  struct rig r = rig_mill(".boundary out:SAY\n a: TELL R1\n SAY \"abc\"\n"
                          " JMP a\n");
  const struct fir_limits limits = {100, true};

  for (int i = 1; i < 4; i++) {
    fir_run(r.ir, r.lane, r.s, NULL, limits);
    UNIT_EQ(r.s->status, FISA_RUN_YIELD);
    UNIT_EQ(r.s->pc, 8);
  }
  rig_done(&r);
}

/* ---- tables and programs that nobody wrote ------------------------------ */

/* Through all that looks at a program, and a run. */
static void exercise(struct fisa_program *p, uint64_t number) {
  const struct fir_limits limits = {200, false};
  struct fir_lane *lane = fir_lane_new();
  struct fisa_state *s = fisa_state_new(p->dialect);
  struct fir_program *ir = NULL;
  struct fisa_facts *f = NULL;
  struct fisa_error err = {""};
  uint64_t seed = number;
  char *text = fisa_disassemble(p);

  CU_ASSERT_FATAL(lane && s && text);
  UNIT_TRUE(fisa_verify(p, NULL, 0) >= 0, "verify");
  UNIT_EQ(fisa_facts_make(p, &f, &err), 0);
  fisa_state_start(p, s);
  for (uint32_t c = 0; c < s->cell_count; c++)
    if (isa_below(&seed, 3) == 0)
      s->cells[c] = (int32_t)isa_random(&seed) >> isa_below(&seed, 32);
  if (fir_lower(p, &ir, &err) == 0)
    fir_run(ir, lane, s, NULL, limits);
  else
    UNIT_TRUE(err.text[0] != '\0', "a reason");
  fir_free(ir);
  free(text);
  fisa_facts_free(f);
  fisa_state_free(s);
  fir_lane_free(lane);
}

static void exercise_dialect(const struct fisa_dialect *d, uint64_t number) {
  struct gen_table t;

  gen_table_init(&t, d);
  for (uint64_t k = 0; k < 4; k++) {
    struct fisa_program *p = gen_noise(&t, number, k);
    CU_ASSERT_FATAL(p != NULL);
    exercise(p, number + k);
    fisa_program_free(p);
  }
}

static void nonsense_programs(void) {
  for (uint64_t k = 0; k < unit_scale(2000); k++)
    exercise_dialect(isa_mill(), k);
}

/* Rows of any ops on any operands: what the loader takes, engines can do. */
static void random_row(uint64_t *seed, char *out, size_t size) {
  static const char *const refs[] = {
    "R[rd]", "R[rs1]", "V[rd]+1", "V[rs1]", "STK.0", "STK.2", "t0", "t1",
    "#3", "#-1", "#imm8u", "R.1", "V.6", "Z", "P", "TOP", "CSP", "#raw:rd"
  };
  static const char *const guards[] = {
    "stack_few(#2)", "stack_full", "stack_empty", "zero(R[rd])",
    "add_overflow(STK.0,STK.1)", "shl_overflow(R[rd],R[rs1])",
    "mul_overflow(V[rd]+1,#9)", "cast_range(R[rd],#imm8u)",
    "before_memory(STK.0)", "always", "calls_full", "calls_empty"
  };
  enum { REFS = sizeof refs / sizeof refs[0] };
  size_t n = (size_t)snprintf(
      out, size, "row 0x%02X X len=4 ops=rd,rs1,imm8u reads=R[rd];R[rs1];"
      "V[rd];V[rs1];STK;R[1];V[6];Z;P;TOP;CSP;MEM;CYC writes=R[rd];R[rs1];"
      "V[rd];V[rs1];STK;R[1];V[6];Z;P;MEM;HOST;FAULT pure=no ",
      1 + isa_below(seed, 250));
  unsigned steps = 1 + isa_below(seed, 3);

  if (isa_below(seed, 2))
    n += (size_t)snprintf(out + n, size - n, "lethal=%s%s ",
                          guards[isa_below(seed, 12)],
                          isa_below(seed, 2) ? ";stack_full" : "");
  n += (size_t)snprintf(out + n, size - n, "does=mov t0 #2 ; mov t1 STK.1");
  while (steps-- > 0) {
    unsigned op = isa_below(seed, FLUX_OP_COUNT);
    n += (size_t)snprintf(out + n, size - n, " ; %s", fisa_semop_name(op));
    for (unsigned i = 0; i < 4; i++)
      if (fisa_semop_use(op, i) != 'N')
        n += (size_t)snprintf(out + n, size - n, " %s",
                              refs[isa_below(seed, REFS)]);
    if (fisa_semop_effect(op) == FISA_EFFECT_STACK || isa_below(seed, 2))
      n += (size_t)snprintf(out + n, size - n, " #%u", isa_below(seed, 9));
  }
  snprintf(out + n, size - n, "\n");
}

static void nonsense_tables(void) {
  static const char head[] =
    "fluxisa 1\ndialect x\nmem 256\ncalls LNK 2\nfile R i32 16 checked\n"
    "file V i32 12 width 3\nflag Z\ncell P i32 tick\n"
    "stack STK 3 %s index TOP\nguard 1 zero\nguard 2 stack_few\n"
    "guard 3 before_memory\nguard 4 calls_empty\nlethal 1000 stack_full\n"
    "lethal 1001 stack_empty\nlethal 1002 calls_full\nlethal 1003 always\n"
    "lethal 1004 add_overflow w\nlethal 1004 shl_overflow w\n"
    "lethal 1004 mul_overflow w\nlethal 1005 cast_range\n"
    "lethal 1006 register_range\ntruncated 5\nunknown 6\n"
    "row 0 HALT len=1 flow=halt writes=HALT pure=no does=halt\n";
  unsigned long rounds = unit_scale(20000), loaded = 0;
  uint64_t seed = 41;

  for (unsigned long r = 0; r < rounds; r++) {
    struct fisa_dialect *d = NULL;
    struct fisa_error err = {""};
    char text[2048];
    size_t n = (size_t)snprintf(text, sizeof text, head,
                                r % 2 ? "up" : "down");

    random_row(&seed, text + n, sizeof text - n);
    if (fisa_dialect_parse(text, strlen(text), "x", &d, &err))
      continue;
    loaded++;
    exercise_dialect(d, r);
    fisa_dialect_free(d);
  }
  UNIT_TRUE(loaded > rounds / 20, "%lu of %lu rows", loaded, rounds);
}

static const struct unit_test tests[] = {
  {"soft", "upwards", upwards},
  {"soft", "downwards", downwards},
  {"links", "calls", calls},
  {"links", "full and empty", full_and_empty},
  {"links", "nonsense", nonsense_links},
  {"links", "from outside", links_from_outside},
  {"faults", "places", faults},
  {"faults", "before and behind", before_and_behind},
  {"faults", "values", guarded_values},
  {"width", "lanes", lanes_of_registers},
  {"payloads", "sizes", payloads},
  {"payloads", "refused", payloads_refused},
  {"payloads", "boundary", payload_boundary},
  {"hostile", "programs", nonsense_programs},
  {"hostile", "tables", nonsense_tables},
};
UNIT_MAIN(tests)
