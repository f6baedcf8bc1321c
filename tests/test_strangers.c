/*
 * test_strangers.c - the two VMs of samples/ that know nothing of us, as
 * modules: each row against the oracle of its dialect. Random programs are
 * test_diff's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle.h"
#include "tests/unit.h"
#include "tests/vms.h"

enum { CASES_A_ROW = 6 };

static struct fisa_dialect *builtin(const char *name) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  if (fisa_dialect_builtin(name, true, &d, &err) != 0) {
    printf("%s\n", err.text);
    exit(1);
  }
  return d;
}

/* ---- the oracle --------------------------------------------------------- */

static int32_t port_input(uint16_t source, const int32_t *arg, unsigned argc,
                          void *user) {
  int32_t value;

  oracle_input(user, source, arg, argc, &value);
  return value;
}

static void port_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  oracle_output(user, channel, arg, argc);
}

static int step(const struct fisa_program *p, struct fisa_state *s,
                struct oracle_port *port, void *user) {
  const struct fhost_vm_io io = {port_input, port_output, port, NULL};
  const struct fhost_vm *vm = user;
  struct fisa_error err = {""};
  void *code = vm->load(vm, p, FHOST_LOAD_THROUGH, &err);

  if (!code) {
    printf("%s\n", err.text);
    return -1;
  }
  vm->run(code, s, &io, 1, NULL);
  vm->unload(code);
  return 0;
}

static void every_row(const char *name) {
  const struct oracle_engine vm = {
    name, step, (void *)(uintptr_t)vm_of(name), false,
  };
  struct fisa_dialect *d = builtin(name);
  struct oracle_tally tally;

  oracle_run(&vm, name, &tally);
  printf(" %u cases", tally.cases);
  for (int i = 0; i < 256; i++)
    if (d->rows[i].defined && !d->rows[i].opaque)
      UNIT_TRUE(tally.of_opcode[i] >= CASES_A_ROW, "%s has %u cases",
                d->rows[i].name, tally.of_opcode[i]);
  fisa_dialect_free(d);
}

static void classic_rows(void) {
  every_row("classic");
}

static void seed_rows(void) {
  every_row("seed");
}

static const struct unit_test tests[] = {
  {"every row", "classic", classic_rows},
  {"every row", "seed", seed_rows},
};

UNIT_MAIN(tests)
