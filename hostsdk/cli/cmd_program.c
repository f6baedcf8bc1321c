/*
 * cli/cmd_program.c - asm, disasm, verify.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/cli/cli.h"

enum { FINDINGS_MAX = 1024 };

/* A program with its dialect. */
struct loaded {
  struct fisa_dialect *dialect;
  struct fisa_program *program;
};

static void loaded_done(struct loaded *l) {
  fisa_program_free(l->program);
  fisa_dialect_free(l->dialect);
}

/* Loads the program of a command; prints why not. */
static int load(const struct cli_options *o, struct loaded *l) {
  struct fisa_error err;

  assert(o->words == 1);
  memset(l, 0, sizeof *l);
  if (cli_load(o, &l->dialect, &l->program, &err) == 0)
    return CLI_OK;
  return cli_fail("%s", err.text);
}

int cli_asm(const struct cli_options *o) {
  struct fisa_error err;
  struct loaded l;
  int rc = CLI_OK;
  char *hex;

  if (load(o, &l) != CLI_OK)
    return CLI_FAILED;
  if (o->output) {
    if (cli_write_file(o->output, l.program->code, l.program->size, &err)
        != 0)
      rc = cli_fail("%s", err.text);
  } else if ((hex = cli_hex(l.program->code, l.program->size))) {
    puts(hex);
    free(hex);
  } else {
    rc = cli_fail("out of memory");
  }
  loaded_done(&l);
  return rc;
}

int cli_disasm(const struct cli_options *o) {
  struct loaded l;
  int rc = CLI_OK;
  char *text;

  if (load(o, &l) != CLI_OK)
    return CLI_FAILED;
  text = fisa_disassemble(l.program);
  if (text)
    fputs(text, stdout);
  else
    rc = cli_fail("out of memory");
  free(text);
  loaded_done(&l);
  return rc;
}

int cli_verify(const struct cli_options *o) {
  struct fisa_finding *found;
  struct loaded l;
  int n, rc;

  if (load(o, &l) != CLI_OK)
    return CLI_FAILED;
  found = calloc(FINDINGS_MAX, sizeof *found);
  n = found ? fisa_verify(l.program, found, FINDINGS_MAX) : -1;
  assert(n >= -1);
  rc = n == 0 ? CLI_OK : CLI_FAILED;
  if (n == 0)
    puts("ok");
  else if (n < 0)
    cli_fail("out of memory");
  for (int i = 0; i < n && i < FINDINGS_MAX; i++)
    printf("%u: %s\n", (unsigned)found[i].pc, found[i].text);
  free(found);
  loaded_done(&l);
  return rc;
}
