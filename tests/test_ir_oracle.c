/*
 * test_ir_oracle.c - the ir engine against the row oracles.
 */
#include "tests/oracle.h"
#include "tests/unit.h"

#include "gpu/ir.h"

#include <stdio.h>

enum { CASES_A_ROW = 6 };

static int port_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  return oracle_input(user, source, arg, argc, value);
}

static int port_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  oracle_output(user, channel, arg, argc);
  return 0;
}

static int ir_step(const struct fisa_program *p, struct fisa_state *s,
                   struct oracle_port *port, void *user) {
  const struct fir_io io = {port_input, port_output, port};
  const struct fir_limits limits = {1, false};
  struct fir_program *ir = NULL;
  struct fisa_error err;

  if (fir_lower_from(p, s->pc, &ir, &err)) {
    printf("%s\n", err.text);
    return -1;
  }
  fir_run(ir, user, s, &io, limits);
  fir_free(ir);
  return 0;
}

/* Every row that has a meaning has its cases, and every other byte one. */
static void enough_cases(const struct fisa_dialect *d,
                         const struct oracle_tally *tally) {
  for (int i = 0; i < 256; i++) {
    const struct fisa_row *row = &d->rows[i];

    if (!row->defined)
      UNIT_TRUE(tally->of_opcode[i] >= 1, "byte %02x has no case", i);
    else if (!row->opaque)
      UNIT_TRUE(tally->of_opcode[i] >= CASES_A_ROW, "%s has %u cases",
                row->name, tally->of_opcode[i]);
  }
}

static void every_row(const char *name) {
  struct fir_lane *lane = fir_lane_new();
  const struct oracle_engine ir = {"ir", ir_step, lane, true};
  struct oracle_tally tally;
  struct fisa_dialect *d = NULL;
  struct fisa_error err;

  CU_ASSERT_PTR_NOT_NULL_FATAL(lane);
  oracle_run(&ir, name, &tally);
  printf(" %u cases", tally.cases);
  fir_lane_free(lane);
  if (!UNIT_EQ(fisa_dialect_builtin(name, true, &d, &err), 0))
    return;
  enough_cases(d, &tally);
  fisa_dialect_free(d);
}

static void unified(void) { every_row("unified"); }
static void classic(void) { every_row("classic"); }
static void seed(void) { every_row("seed"); }
static void stack(void) { every_row("stack"); }

static const struct unit_test tests[] = {
    {"every row", "unified", unified},
    {"every row", "classic", classic},
    {"every row", "seed", seed},
    {"every row", "stack", stack},
};

UNIT_MAIN(tests)
