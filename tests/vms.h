/*
 * tests/vms.h - the VM of a dialect: the reference VM, or that of a module of
 * samples/ in the build's lib/flux.
 */
#ifndef FLUX_TESTS_VMS_H
#define FLUX_TESTS_VMS_H

#include "hostsdk/runtime.h"

/* It lives until the end; without it, so does nothing else. */
const struct fhost_vm *vm_of(const char *dialect);

#endif /* FLUX_TESTS_VMS_H */
