/*
 * adapt_help.h - what the tests of adapted VMs share: dialects, programs and
 * VMs by short words, which end the test program when they fail, and an
 * outside that gives numbered values and writes everything down.
 */
#ifndef FLUX_TESTS_ADAPT_HELP_H
#define FLUX_TESTS_ADAPT_HELP_H

#include "hostsdk/adapt.h"

/* The toys' own, or a built-in one with its bindings. */
struct fisa_dialect *adapt_dialect(const char *name);
struct fisa_program *adapt_program(const struct fisa_dialect *d,
                                   const char *text);
struct fhost_vm adapt_vm(const struct fhost_adapter *a);

struct adapt_outside {
  uint64_t seed, number;
  uint32_t taken;
  struct fisa_trace trace;
};

/* For a struct fhost_vm_io whose user is a struct adapt_outside. */
int32_t adapt_take(uint16_t source, const int32_t *arg, unsigned argc,
                   void *user);
void adapt_give(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user);

#endif /* FLUX_TESTS_ADAPT_HELP_H */
