/*
 * gpu/kernel_host.h - the kernel on this machine: the same source, compiled
 * for it. For tests of the kernel, and for a driver that has no device.
 */
#ifndef FLUX_GPU_KERNEL_HOST_H
#define FLUX_GPU_KERNEL_HOST_H

#include "gpu/kernel.h"

/* How a block is run. */
struct fkn_host_shape {
  uint32_t threads;      /* POSIX threads of a block: a multiple of warp */
  uint32_t warp;         /* threads that go in step: a power of two, up to 32 */
};

/*
 * Runs a launch to its end, its blocks one after another. Addresses are those
 * of this process. Whatever the shape is, results are the same; with one
 * thread nothing is started. Shared and scratch memory are sized by the
 * threads of the shape, or of what is far: launch->scratch is not used; of a
 * far launch the shape has no more threads than it was laid for. Returns 0, or
 * -1: out of memory or threads.
 */
int fkn_host_run(const struct fkn_launch *launch, uint32_t grid,
                 struct fkn_host_shape shape);

#endif /* FLUX_GPU_KERNEL_HOST_H */
