/*
 * adapt_help.c - what the tests of adapted VMs share.
 */
#include "tests/adapt_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "tests/toy_vm.h"

struct fisa_dialect *adapt_dialect(const char *name) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  int rc = strcmp(name, "toy") == 0
               ? fisa_dialect_parse(toy_dialect_text,
                                    strlen(toy_dialect_text), "toy", &d, &err)
               : fisa_dialect_builtin(name, true, &d, &err);

  if (rc != 0) {
    printf("%s\n", err.text);
    exit(1);
  }
  return d;
}

struct fisa_program *adapt_program(const struct fisa_dialect *d,
                                    const char *text) {
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};

  if (fisa_assemble(d, text, strlen(text), "t", &p, &err) != 0) {
    printf("%s in:\n%s\n", err.text, text);
    exit(1);
  }
  return p;
}

struct fhost_vm adapt_vm(const struct fhost_adapter *a) {
  struct fisa_error err = {""};
  struct fhost_vm vm;

  if (fhost_adapt(a, &vm, &err) != 0) {
    printf("%s\n", err.text);
    exit(1);
  }
  return vm;
}
