/*
 * cli/cmd_dialect.c - dialect list, show, check.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/cli/cli.h"

static int list(void) {
  const char *name;

  for (unsigned i = 0; (name = fisa_builtin_name(i)); i++)
    puts(name);
  return CLI_OK;
}

/* NAME is a dialect, or the name of a text: "unified.bindings". */
static int show(const char *name) {
  char file[FISA_MAX_NAME + 16];
  const char *text;
  size_t length;

  snprintf(file, sizeof file, "%.30s.fluxisa", name);
  text = fisa_builtin_text(file, &length);
  if (!text)
    text = fisa_builtin_text(name, &length);
  if (!text)
    return cli_fail("no built-in dialect \"%.60s\"", name);
  fwrite(text, 1, length, stdout);
  return CLI_OK;
}

/* The first statement's words decide what a text is; a comment is none. */
static const char *first_statement(const char *text) {
  for (;;) {
    text += strspn(text, " \t\r\n");
    if (*text != '#')
      return text;
    text += strcspn(text, "\n");
  }
}

/* An overlay is checked over the built-in dialect that it names. */
static int check_bindings(const char *path, const char *text, size_t length,
                          struct fisa_error *err) {
  const char *statement = first_statement(text);
  struct fisa_dialect *d = NULL;
  char name[FISA_MAX_NAME];
  int rc;

  statement = first_statement(statement + strcspn(statement, "\n"));
  if (sscanf(statement, "dialect %23[A-Za-z0-9_-]", name) != 1)
    return fisa_fail(err, "%.120s: the second statement must be dialect NAME",
                     path);
  if (fisa_dialect_builtin(name, false, &d, err) != 0)
    return -1;
  rc = fisa_dialect_bind(d, text, length, path, err);
  fisa_dialect_free(d);
  return rc;
}

static int check(const char *path) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err;
  size_t length;
  char *text;
  int rc;

  if (fisa_read_file(path, FISA_MAX_TEXT, &text, &length, &err) != 0)
    return cli_fail("%s", err.text);
  if (strncmp(first_statement(text), "bindings", 8) == 0)
    rc = check_bindings(path, text, length, &err);
  else
    rc = fisa_dialect_parse(text, length, path, &d, &err);
  free(text);
  fisa_dialect_free(d);
  if (rc != 0)
    return cli_fail("%s", err.text);
  puts("ok");
  return CLI_OK;
}

int cli_dialect(const struct cli_options *o) {
  const char *what = o->word[0];

  assert(o->words >= 1);
  if (o->words == 1 && strcmp(what, "list") == 0)
    return list();
  if (o->words == 2 && strcmp(what, "show") == 0)
    return show(o->word[1]);
  if (o->words == 2 && strcmp(what, "check") == 0)
    return check(o->word[1]);
  cli_fail("dialect wants list, show NAME or check FILE");
  return CLI_USAGE;
}
