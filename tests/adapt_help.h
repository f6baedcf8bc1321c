/*
 * adapt_help.h - what the tests of adapted VMs share: dialects, programs and
 * VMs by short words, which end the test program when they fail.
 */
#ifndef FLUX_TESTS_ADAPT_HELP_H
#define FLUX_TESTS_ADAPT_HELP_H

#include "hostsdk/adapt.h"

/* The toys' own, or a built-in one with its bindings. */
struct fisa_dialect *adapt_dialect(const char *name);
struct fisa_program *adapt_program(const struct fisa_dialect *d,
                                   const char *text);
struct fhost_vm adapt_vm(const struct fhost_adapter *a);

#endif /* FLUX_TESTS_ADAPT_HELP_H */
