/*
 * tests/bench_set.c - episodes for benchmarks.
 */
#include "tests/bench_set.h"

#include <stdio.h>
#include <stdlib.h>

void bench_fail(const struct fisa_error *err) {
  fprintf(stderr, "bench: %s\n", err->text);
  exit(1);
}

struct ftrial_set *bench_set(const struct fisa_program *root, uint32_t n) {
  struct fisa_error err = {""};
  struct fisa_trace trace = {0};
  struct fisa_state *s = fisa_state_new(root->dialect);
  struct ftrial_set *set = ftrial_set_new(root, 1000000, &err);
  if (s == NULL || set == NULL) bench_fail(&err);
  for (uint32_t i = 0; i < n; i++) {
    if (ftrial_fuzz_state(set, 7, i, s, &trace) != 0) bench_fail(&err);
    struct ftrial_episode e = {.origin = FTRIAL_RECORDED,
                               .begin = s,
                               .events = trace.events,
                               .event_count = trace.count,
                               .confidence = 1};
    (void)ftrial_set_add(set, &e);
  }
  fisa_trace_done(&trace);
  fisa_state_free(s);
  return set;
}
