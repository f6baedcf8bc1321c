/*
 * gpu/cuda_arena.h - private to the CUDA back end: one stretch of memory of
 * the device, and what lies where in it.
 *
 * The driver is asked for memory once. It does not take or give any behind
 * that, which on a device is slow and waits for all that runs. First fit
 * among a few dozen spans.
 */
#ifndef FLUX_GPU_CUDA_ARENA_H
#define FLUX_GPU_CUDA_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#define FCU_ALIGN 256u           /* of every span */
#define FCU_NOWHERE UINT64_MAX

struct fcu_span {
  uint64_t at, size;             /* from the begin of the arena */
};

/* Zero-initialised it is one without room. */
struct fcu_arena {
  uint64_t size;
  uint32_t count, capacity;
  struct fcu_span *span;         /* those in use, ascending */
};

/* Takes `size` bytes, at least one. FCU_NOWHERE: there is no such room, or no
 * memory to note it in. */
uint64_t fcu_arena_take(struct fcu_arena *a, uint64_t size);

/* Gives back what fcu_arena_take gave. */
void fcu_arena_give(struct fcu_arena *a, uint64_t at);

/* The most that fcu_arena_take could take now. */
uint64_t fcu_arena_room(const struct fcu_arena *a);

/* Forgets everything; it is one without room again. */
void fcu_arena_done(struct fcu_arena *a);

#endif /* FLUX_GPU_CUDA_ARENA_H */
