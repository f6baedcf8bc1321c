/*
 * gpu/cuda_arena.c - one stretch of memory, and what lies where in it.
 */
#include "gpu/cuda_arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Where the gap before span i begins, and where it ends. */
static uint64_t gap_begin(const struct fcu_arena *a, uint32_t i) {
  return i == 0 ? 0 : a->span[i - 1].at + a->span[i - 1].size;
}

static uint64_t gap_end(const struct fcu_arena *a, uint32_t i) {
  return i == a->count ? a->size : a->span[i].at;
}

static bool have_place(struct fcu_arena *a) {
  uint32_t capacity = a->capacity ? a->capacity * 2 : 16;
  struct fcu_span *span;

  if (a->count < a->capacity)
    return true;
  span = realloc(a->span, capacity * sizeof(*span));
  if (!span)
    return false;
  a->span = span;
  a->capacity = capacity;
  return true;
}

uint64_t fcu_arena_take(struct fcu_arena *a, uint64_t size) {
  uint64_t at;
  uint32_t i = 0;

  assert(a && size > 0);
  if (size > a->size || !have_place(a))
    return FCU_NOWHERE;
  size = (size + FCU_ALIGN - 1) / FCU_ALIGN * FCU_ALIGN;
  while (i <= a->count && gap_end(a, i) - gap_begin(a, i) < size)
    i++;
  if (i > a->count)
    return FCU_NOWHERE;
  at = gap_begin(a, i);
  memmove(a->span + i + 1, a->span + i, (a->count - i) * sizeof(*a->span));
  a->span[i] = (struct fcu_span){at, size};
  a->count++;
  assert(at % FCU_ALIGN == 0 && at + size <= a->size);
  return at;
}

void fcu_arena_give(struct fcu_arena *a, uint64_t at) {
  uint32_t i = 0;

  assert(a);
  while (i < a->count && a->span[i].at != at)
    i++;
  assert(i < a->count);
  a->count--;
  memmove(a->span + i, a->span + i + 1, (a->count - i) * sizeof(*a->span));
}

uint64_t fcu_arena_room(const struct fcu_arena *a) {
  uint64_t room = 0;

  assert(a);
  for (uint32_t i = 0; i <= a->count; i++) {
    uint64_t gap = gap_end(a, i) - gap_begin(a, i);

    if (gap > room)
      room = gap;
  }
  return room / FCU_ALIGN * FCU_ALIGN;
}

void fcu_arena_done(struct fcu_arena *a) {
  assert(a);
  free(a->span);
  memset(a, 0, sizeof(*a));
}
