/*
 * tests/cudawork.h - work for the CUDA back end, and what has to come back.
 */
#ifndef FLUX_TESTS_CUDAWORK_H
#define FLUX_TESTS_CUDAWORK_H

#include "gpu/cuda.h"
#include "tests/widerig.h"

/* Work that runs each variant `times` over, with bounds that let all, some or
 * none of it pass. */
struct cuda_work {
  struct fcuda_work work;
  struct fpk_verdict *want, *got;
};
bool cuda_work_open(struct cuda_work *w, const struct wide_case *c,
                   uint32_t times, uint32_t first, uint32_t count);
/* Holds those that are DONE against ir; returns how many are. */
uint32_t cuda_work_check(const struct cuda_work *w, const char *who);
void cuda_work_close(struct cuda_work *w);

#endif /* FLUX_TESTS_CUDAWORK_H */
