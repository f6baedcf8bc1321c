/*
 * adapt_help.c - what the tests of adapted VMs share.
 */
#include "tests/adapt_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "tests/gen.h"
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

/* ---- the outside -------------------------------------------------------- */

int32_t adapt_take(uint16_t source, const int32_t *arg, unsigned argc,
                    void *user) {
  struct adapt_outside *o = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  e.value = gen_input(o->seed, o->number, o->taken++);
  if (fisa_trace_add(&o->trace, &e))
    abort();
  return e.value;
}

void adapt_give(uint16_t channel, const int32_t *arg, unsigned argc,
                 void *user) {
  struct adapt_outside *o = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  if (fisa_trace_add(&o->trace, &e))
    abort();
}
