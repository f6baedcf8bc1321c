/*
 * test_gen.c - what the differential's programs cover, in each dialect that
 * runs: every row often, every branch both ways, loops and calls in good
 * measure.
 */
#include "tests/gen.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"

enum {
  SEED = 20260101, /* that of the differential */
  PROGRAMS = 20000,
  FUEL = 3000,
  OFTEN = 1000,    /* programs that run a row */
  LOOPS = 30,      /* per cent of programs that go round */
  CALLS = 10       /* per cent that call and come back */
};

/* What one run did, and what all did. */
struct coverage {
  struct gen_table table;
  const struct fisa_program *p;
  uint32_t last_pc;      /* of the instruction before, or UINT32_MAX */
  bool loops, called, returned;
  bool ran[256], taken[256], passed[256];
  unsigned rows[256], branches[256][2], with_loops, with_calls;
  uint32_t taken_values;
};

static bool is_branch(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_COND_REL || row->flow == FISA_FLOW_COND_ABS ||
         row->flow == FISA_FLOW_COND_REL_REG;
}

/* What the step from last_pc to pc says of the row at last_pc. */
static void note_step(struct coverage *c, uint32_t pc) {
  uint8_t opcode = c->p->code[c->last_pc];
  const struct fisa_row *row = &c->table.d->rows[opcode];
  bool on = pc == c->last_pc + row->length;

  if (is_branch(row)) {
    c->taken[opcode] |= !on;
    c->passed[opcode] |= on;
    c->loops |= pc <= c->last_pc;
  }
  c->called |= row->flow == FISA_FLOW_CALL_ABS ||
               row->flow == FISA_FLOW_CALL_REL;
  c->returned |= row->flow == FISA_FLOW_RET && !on;
}

static void visit(uint32_t pc, const int32_t *cells, void *user) {
  struct coverage *c = user;

  (void)cells;
  if (c->last_pc != UINT32_MAX)
    note_step(c, pc);
  c->ran[c->p->code[pc]] = true;
  c->last_pc = pc;
}

static int input(uint16_t source, const int32_t *arg, unsigned argc,
                 int32_t *value, void *user) {
  struct coverage *c = user;

  (void)source;
  (void)arg;
  (void)argc;
  *value = gen_input(SEED, 0, c->taken_values++);
  return 0;
}

static void run_one(struct coverage *c, struct fir_lane *lane,
                    struct fisa_state *s, uint64_t number) {
  const struct fir_io io = {input, NULL, c};
  const struct fir_limits limits = {FUEL, false};
  struct fisa_program *p = gen_program(&c->table, SEED, number);
  struct fir_program *ir = NULL;

  if (!p || fir_lower(p, &ir, NULL)) {
    UNIT_TRUE(0, "program %llu", (unsigned long long)number);
    fisa_program_free(p);
    return;
  }
  c->p = p;
  c->last_pc = UINT32_MAX;
  c->loops = c->called = c->returned = false;
  memset(c->ran, 0, sizeof(c->ran));
  memset(c->taken, 0, sizeof(c->taken));
  memset(c->passed, 0, sizeof(c->passed));
  gen_begin(&c->table, p, SEED, number, s);
  fir_run_visit(ir, lane, s, &io, limits, visit, c);
  /* Where the last instruction went shows in the pc left behind. */
  if (c->last_pc != UINT32_MAX && s->status != FISA_RUN_FAULT)
    note_step(c, s->pc);
  for (int i = 0; i < 256; i++) {
    c->rows[i] += c->ran[i];
    c->branches[i][0] += c->passed[i];
    c->branches[i][1] += c->taken[i];
  }
  c->with_loops += c->loops;
  c->with_calls += c->called && c->returned;
  fir_free(ir);
  fisa_program_free(p);
}

static void check(const struct coverage *c, unsigned long programs) {
  unsigned long often = OFTEN * programs / PROGRAMS;
  unsigned least = UINT32_MAX;

  /* A small sample has no business with exact shares. */
  often = programs == PROGRAMS ? often : often / 3;
  for (unsigned i = 0; i < c->table.any.count; i++) {
    uint8_t opcode = c->table.any.opcode[i];
    const struct fisa_row *row = &c->table.d->rows[opcode];
    UNIT_TRUE(c->rows[opcode] >= often, "%s ran in %u programs", row->name,
              c->rows[opcode]);
    if (c->rows[opcode] < least)
      least = c->rows[opcode];
    if (!is_branch(row))
      continue;
    UNIT_TRUE(c->branches[opcode][1] > often / 20, "%s was taken in %u",
              row->name, c->branches[opcode][1]);
    UNIT_TRUE(c->branches[opcode][0] > often / 20, "%s was passed in %u",
              row->name, c->branches[opcode][0]);
  }
  printf(" rarest row in %u, loops in %u, calls in %u of %lu", least,
         c->with_loops, c->with_calls, programs);
  UNIT_TRUE(c->with_loops * 100ul >= programs * LOOPS, "%u go round",
            c->with_loops);
  if (c->table.call.count > 0)
    UNIT_TRUE(c->with_calls * 100ul >= programs * CALLS, "%u call and return",
              c->with_calls);
}

static void coverage(const char *dialect) {
  struct coverage *c = calloc(1, sizeof(*c));
  struct fisa_dialect *d = NULL;
  unsigned long programs = unit_scale(PROGRAMS);
  struct fir_lane *lane = fir_lane_new();
  struct fisa_state *s;
  struct fisa_error err;

  if (!UNIT_EQ(fisa_dialect_builtin(dialect, true, &d, &err), 0))
    return;
  s = fisa_state_new(d);
  CU_ASSERT_FATAL(c && lane && s);
  gen_table_init(&c->table, d);
  for (unsigned long n = 0; n < programs; n++)
    run_one(c, lane, s, n);
  check(c, programs);
  fisa_state_free(s);
  fir_lane_free(lane);
  fisa_dialect_free(d);
  free(c);
}

static void unified(void) {
  coverage("unified");
}

static void classic(void) {
  coverage("classic");
}

static void seed(void) {
  coverage("seed");
}

static void stack(void) {
  coverage("stack");
}

/* The same number is the same program, and the same begin. */
static void repeatable(void) {
  struct gen_table t;
  struct fisa_dialect *d = NULL;
  struct fisa_error err;
  unsigned differ = 0;

  if (!UNIT_EQ(fisa_dialect_builtin("unified", true, &d, &err), 0))
    return;
  gen_table_init(&t, d);
  for (uint64_t n = 0; n < 50; n++) {
    struct fisa_program *a = gen_program(&t, SEED, n);
    struct fisa_program *b = gen_program(&t, SEED, n);
    struct fisa_program *other = gen_program(&t, SEED + 1, n);
    CU_ASSERT_FATAL(a && b && other);
    UNIT_EQ(a->size, b->size);
    UNIT_MEM_EQ(a->code, b->code, a->size);
    differ += a->size != other->size;
    fisa_program_free(a);
    fisa_program_free(b);
    fisa_program_free(other);
  }
  UNIT_TRUE(differ > 25, "seeds differ in %u of 50", differ);
  UNIT_EQ(gen_input(1, 2, 3), gen_input(1, 2, 3));
  fisa_dialect_free(d);
}

static const struct unit_test tests[] = {
    {"generator", "unified", unified},
    {"generator", "classic", classic},
    {"generator", "seed", seed},
    {"generator", "stack", stack},
    {"generator", "repeatable", repeatable},
};

UNIT_MAIN(tests)
