/*
 * gpu/kernel.cu - the kernel for devices: what gpu/kernel_body.h asks for, in
 * CUDA's words.
 */
#include <stddef.h>
#include <stdint.h>

#include "gpu/kernel.h"

struct __align__(16) fkn_quad { uint32_t x, y, z, w; };

#define FKN_FN static __device__ __forceinline__
#define FKN_ADDRESS(u) ((void *)(size_t)(u))

extern __shared__ __align__(16) unsigned char fkn_memory_of_block[];

FKN_FN uint32_t fkn_thread() { return threadIdx.x; }
FKN_FN uint32_t fkn_threads() { return blockDim.x; }
FKN_FN uint32_t fkn_block() { return blockIdx.x; }
FKN_FN uint32_t fkn_blocks() { return gridDim.x; }
FKN_FN uint32_t fkn_warp() { return 32u; }
FKN_FN uint32_t fkn_everyone() { return 0xFFFFFFFFu; }
FKN_FN unsigned char *fkn_shared() { return fkn_memory_of_block; }
FKN_FN void fkn_sync() { __syncthreads(); }

FKN_FN uint32_t fkn_vote(uint32_t group, bool b) {
  return __ballot_sync(group, b);
}

FKN_FN uint32_t fkn_lesser(uint32_t v, int distance) {
  uint32_t other = __shfl_xor_sync(0xFFFFFFFFu, v, distance);

  return other < v ? other : v;
}

FKN_FN uint32_t fkn_least(uint32_t v) {
  v = fkn_lesser(v, 16);
  v = fkn_lesser(v, 8);
  v = fkn_lesser(v, 4);
  v = fkn_lesser(v, 2);
  return fkn_lesser(v, 1);
}

FKN_FN bool fkn_same(uint32_t group, uint32_t v) {
  int same;

  __match_all_sync(group, v, &same);
  return same != 0;
}

FKN_FN uint32_t fkn_look(const uint32_t *p) {
  return *(const volatile uint32_t *)p;
}

FKN_FN void fkn_lower(uint32_t *p, uint32_t v) { atomicMin(p, v); }

FKN_FN unsigned long long fkn_both(unsigned long long v, int distance) {
  return v + __shfl_xor_sync(0xFFFFFFFFu, v, distance);
}

FKN_FN void fkn_add(uint64_t *p, uint64_t v) {
  unsigned long long sum = fkn_both(v, 16);

  sum = fkn_both(sum, 8);
  sum = fkn_both(sum, 4);
  sum = fkn_both(sum, 2);
  sum = fkn_both(sum, 1);
  if ((threadIdx.x & 31u) == 0)
    atomicAdd((unsigned long long *)p, sum);
}

#include "gpu/kernel_body.h"

extern "C" __global__ void __launch_bounds__(128, 8)
    flux_trial(const __grid_constant__ struct fkn_launch launch) {
  fkn_main(&launch, false);
}

/* It has an address more to keep in registers, so fewer blocks. */
extern "C" __global__ void __launch_bounds__(128, 6)
    flux_trial_far(const __grid_constant__ struct fkn_launch launch) {
  fkn_main(&launch, true);
}
