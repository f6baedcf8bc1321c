/*
 * test_ir_oracle.c - the ir engine against the row oracle.
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

static void every_row(void) {
  struct fir_lane *lane = fir_lane_new();
  const struct oracle_engine ir = {"ir", ir_step, lane, true};
  struct oracle_tally tally;
  struct fisa_dialect *d = NULL;
  struct fisa_error err;

  CU_ASSERT_PTR_NOT_NULL_FATAL(lane);
  oracle_run(&ir, unit_src("tests/data/unified.oracle"), &tally);
  printf(" %u cases", tally.cases);
  fir_lane_free(lane);
  if (!UNIT_EQ(fisa_dialect_builtin("unified", true, &d, &err), 0))
    return;
  for (int i = 0; i < 256; i++)
    if (d->rows[i].defined)
      UNIT_TRUE(tally.of_opcode[i] >= CASES_A_ROW, "%s has %u cases",
                d->rows[i].name, tally.of_opcode[i]);
  fisa_dialect_free(d);
}

static const struct unit_test tests[] = {
    {"ir oracle", "every row", every_row},
};

UNIT_MAIN(tests)
