/*
 * cli/main.c - fluxevolve: a host without agents, for programs.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "hostsdk/cli/cli.h"

static int dispatch(const struct cli_options *o) {
  switch (o->command) {
  case CLI_ASM:
    return cli_asm(o);
  case CLI_DISASM:
    return cli_disasm(o);
  case CLI_VERIFY:
    return cli_verify(o);
  case CLI_EXEC:
    return cli_exec(o);
  case CLI_RUN:
    return cli_run(o);
  case CLI_DIALECT:
    return cli_dialect(o);
  case CLI_POLICY:
    return cli_policy(o);
  case CLI_CALIBRATE:
    return cli_calibrate(o);
  case CLI_BENCH:
    return cli_bench(o);
  }
  assert(!"a command of the table");
  return CLI_USAGE;
}

int main(int argc, char **argv) {
  struct cli_options o;
  char message[200];
  int rc;

  if (argc < 1 || cli_parse(argc, argv, &o, message, sizeof message) != 0) {
    cli_fail("%s; try --help", argc < 1 ? "no arguments" : message);
    return CLI_USAGE;
  }
  if (o.version)
    puts("fluxevolve " PACKAGE_VERSION);
  else if (o.help)
    cli_help(&o, stdout);
  rc = o.version || o.help ? CLI_OK : dispatch(&o);
  /* A result that did not reach its reader is no success. */
  if (fflush(stdout) != 0 || ferror(stdout))
    rc = cli_fail("stdout: %s", strerror(errno));
  return rc;
}
