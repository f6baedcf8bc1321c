/*
 * tests/bench_set.h - a program with made episodes, for benchmarks of searches.
 */
#ifndef FLUX_TESTS_BENCH_SET_H
#define FLUX_TESTS_BENCH_SET_H

#include "gpu/trial.h"

/* Ends the program with a sentence. */
void bench_fail(const struct fisa_error *err);

/* A set with `n` made states of a root as its recorded episodes, those left
 * out on which it has no result. The caller's. */
struct ftrial_set *bench_set(const struct fisa_program *root, uint32_t n);

#endif /* FLUX_TESTS_BENCH_SET_H */
