/*
 * gpu/cuda_driver.h - the CUDA driver as a table of functions.
 *
 * Nothing links to it and no header of it is needed: the library is opened
 * by name where it is, and each function looked up by the name under which it
 * is exported, _v2 where a first form was too narrow. A machine without it is
 * as good as any; then there is one sentence why.
 */
#ifndef FLUX_GPU_CUDA_DRIVER_H
#define FLUX_GPU_CUDA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "isa/dialect.h"

/* The driver's types. Handles are its own. */
typedef int fcu_device;
typedef uint64_t fcu_memory;     /* an address on the device */
typedef struct fcu_context_ *fcu_context;
typedef struct fcu_module_ *fcu_module;
typedef struct fcu_function_ *fcu_function;
typedef struct fcu_stream_ *fcu_stream;
typedef struct fcu_event_ *fcu_event;

/* Results that are told apart; any other is an error like another. */
enum {
  FCU_SUCCESS = 0,
  FCU_NO_DEVICE = 100,
  FCU_NOT_READY = 600
};

/* Attributes of devices and functions, flags: numbers of the driver's ABI. */
enum {
  FCU_DEVICE_SHARED_BLOCK = 97,  /* bytes a block may opt in to */
  FCU_DEVICE_PROCESSORS = 16,
  FCU_DEVICE_COMPUTE_MODE = 20,
  FCU_DEVICE_MAJOR = 75,
  FCU_DEVICE_MINOR = 76,
  FCU_COMPUTE_PROHIBITED = 2,
  FCU_CONTEXT_BLOCKING = 4,      /* a thread that waits gives its core away */
  FCU_STREAM_NON_BLOCKING = 1
};

/*
 * X(name, parameters) of functions that there must be, and of those that
 * there may be, which are NULL in older drivers or in none. All give a result
 * as int.
 */
#define FCU_MUST(X) \
  X(cuInit, (unsigned flags)) \
  X(cuDriverGetVersion, (int *version)) \
  X(cuDeviceGetCount, (int *count)) \
  X(cuDeviceGet, (fcu_device *device, int ordinal)) \
  X(cuDeviceGetAttribute, (int *value, int attribute, fcu_device device)) \
  X(cuCtxCreate_v2, (fcu_context *context, unsigned flags, \
                     fcu_device device)) \
  X(cuCtxDestroy_v2, (fcu_context context)) \
  X(cuCtxPushCurrent_v2, (fcu_context context)) \
  X(cuCtxPopCurrent_v2, (fcu_context *context)) \
  X(cuModuleLoadData, (fcu_module *module, const void *image)) \
  X(cuModuleGetFunction, (fcu_function *function, fcu_module module, \
                          const char *name)) \
  X(cuMemGetInfo_v2, (size_t *free, size_t *total)) \
  X(cuMemAlloc_v2, (fcu_memory *at, size_t size)) \
  X(cuMemFree_v2, (fcu_memory at)) \
  X(cuMemAllocHost_v2, (void **at, size_t size)) \
  X(cuMemFreeHost, (void *at)) \
  X(cuMemcpyHtoDAsync_v2, (fcu_memory to, const void *from, size_t size, \
                           fcu_stream stream)) \
  X(cuMemcpyDtoHAsync_v2, (void *to, fcu_memory from, size_t size, \
                           fcu_stream stream)) \
  X(cuLaunchKernel, (fcu_function function, unsigned grid_x, \
                     unsigned grid_y, unsigned grid_z, unsigned block_x, \
                     unsigned block_y, unsigned block_z, unsigned shared, \
                     fcu_stream stream, void **parameters, void **extra)) \
  X(cuStreamCreate, (fcu_stream *stream, unsigned flags)) \
  X(cuStreamDestroy_v2, (fcu_stream stream)) \
  X(cuEventCreate, (fcu_event *event, unsigned flags)) \
  X(cuEventDestroy_v2, (fcu_event event)) \
  X(cuEventRecord, (fcu_event event, fcu_stream stream)) \
  X(cuEventQuery, (fcu_event event))

#define FCU_MAY(X) \
  X(cuGetErrorName, (int result, const char **name)) \
  X(cuDeviceGetName, (char *name, int capacity, fcu_device device))

struct fcu_driver {
  int version;           /* 13000: 13.0 */
#define FCU_MEMBER(name, parameters) int (*name) parameters;
  FCU_MUST(FCU_MEMBER)
  FCU_MAY(FCU_MEMBER)
#undef FCU_MEMBER
};

/*
 * Opens the library, looks up its functions and initialises it. It stays
 * loaded for good: it has threads of its own. Returns 0, or -1 with a sentence
 * in why: no library, a function that is missing, by name, a driver older than
 * `oldest` (as version), no device.
 */
int fcu_driver_open(struct fcu_driver *out, int oldest,
                    struct fisa_error *why);

/* A result in words: "CUDA_ERROR_NO_DEVICE (100)". */
void fcu_result_text(const struct fcu_driver *d, int result, char *out,
                     size_t capacity);

#endif /* FLUX_GPU_CUDA_DRIVER_H */
