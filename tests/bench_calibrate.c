/*
 * tests/bench_calibrate.c - what it costs to hold the unified table against
 * the reference VM: milliseconds, in a child process as hosts have it, and
 * without one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hostsdk/services.h"
#include "plugin/calibrate.h"
#include "tests/bench.h"

enum { TIMES = 21 };

static int ascending(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static void fail(const char *why) {
  fprintf(stderr, "bench: %s\n", why);
  exit(1);
}

/* The median of some times. */
static void measure(const char *name, const struct fisa_dialect *d,
                    const flux_step *step, void *ctx) {
  struct fse_calibration *c = malloc(sizeof *c);
  struct fisa_error err = {"out of memory"};
  double ms[TIMES];
  for (int i = 0; i < TIMES; i++) {
    if (c == NULL || fse_calibrate(d, step, ctx, NULL, c, &err) != 0)
      fail(err.text);
    if (!c->proven || c->finding_count > 0)
      fail("the reference VM is not as the table says");
    ms[i] = c->ms;
  }
  qsort(ms, TIMES, sizeof ms[0], ascending);
  bench_figure(name, ms[TIMES / 2], "ms");
  free(c);
}

static void bench_calibrate(void) {
  struct fhost_services_options o = {.name = "bench", .version = "0",
                                     .vm = &fhost_vm_reference};
  struct fhost_services *s = fhost_services_new(&o);
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  const flux_host *host;
  const flux_step *step;
  flux_step here;
  if (s == NULL || fisa_dialect_builtin("unified", true, &d, &err) != 0)
    fail(err.text);
  host = fhost_services_host(s);
  step = host->extension(FLUX_EXT_STEP, host->ctx);
  here = *step;
  here.flags = 0;
  measure("calibrate", d, step, host->ctx);
  measure("calibrate.here", d, &here, host->ctx);
  fisa_dialect_free(d);
  fhost_services_free(s);
}

const struct bench_group bench_groups[] = {{"calibrate", bench_calibrate},
                                           {NULL, NULL}};
