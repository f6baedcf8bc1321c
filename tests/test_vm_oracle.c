/*
 * test_vm_oracle.c - the reference VM against the row oracle.
 */
#include "tests/oracle.h"
#include "tests/unit.h"

#include "hostsdk/vm.h"

#include <stdio.h>

enum { CASES_A_ROW = 6 };

static int32_t vm_input(uint16_t source, const int32_t *arg, unsigned argc,
                        void *user) {
  int32_t value;

  oracle_input(user, source, arg, argc, &value);
  return value;
}

static void vm_output(uint16_t channel, const int32_t *arg, unsigned argc,
                      void *user) {
  oracle_output(user, channel, arg, argc);
}

static int vm_step(const struct fisa_program *p, struct fisa_state *s,
                   struct oracle_port *port, void *user) {
  struct fvm_io io = { vm_input, vm_output, port };
  struct fvm_run run = { .fuel = 1 };
  struct fvm_code *code = fvm_code_new(p, true);

  (void)user;
  if (!code)
    return -1;
  fvm_exec(code, s, &io, &run);
  fvm_code_free(code);
  return 0;
}

static void every_row(void) {
  static const struct oracle_engine vm = { "vm", vm_step, NULL, false };
  struct oracle_tally tally;
  struct fisa_dialect *d = NULL;
  struct fisa_error err;

  oracle_run(&vm, "unified", &tally);
  printf(" %u cases", tally.cases);
  if (!UNIT_EQ(fisa_dialect_builtin("unified", true, &d, &err), 0))
    return;
  UNIT_EQ(d->row_count, 186);
  for (int i = 0; i < 256; i++)
    if (d->rows[i].defined)
      UNIT_TRUE(tally.of_opcode[i] >= CASES_A_ROW, "%s has %u cases",
                d->rows[i].name, tally.of_opcode[i]);
    else
      UNIT_TRUE(tally.of_opcode[i] >= 1, "byte %02x has no case", i);
  fisa_dialect_free(d);
}

static const struct unit_test tests[] = {
  { "vm_oracle", "every_row", every_row },
};

UNIT_MAIN(tests)
