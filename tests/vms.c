/*
 * tests/vms.c - the VM of a dialect.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hostsdk/machines.h"
#include "tests/unit.h"
#include "tests/vms.h"

static struct fhost_machines *machines;

static void unload(void) {
  fhost_machines_free(machines);
}

const struct fhost_vm *vm_of(const char *dialect) {
  struct fisa_error err = {""};
  const struct fhost_vm *vm;

  if (!machines) {
    machines = fhost_machines_new(unit_built("lib/flux"));
    atexit(unload);
  }
  vm = fhost_machines_vm(machines, dialect, &err);
  if (!vm) {
    printf("%s\n", err.text);
    exit(1);
  }
  return vm;
}
