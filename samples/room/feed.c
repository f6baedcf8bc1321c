/*
 * feed.c - inputs for agents that calculate: hashes of the task number.
 *
 * A hash and not a generator with a state: the input of task 1000 can be had
 * without those before it, and again after a host was restarted.
 */
#include "samples/room/internal.h"

#include <assert.h>

uint32_t feed__mix(uint32_t hash, uint32_t word)
{
  hash ^= word + 0x9E3779B9u;
  hash ^= hash >> 16;
  hash *= 0x85EBCA6Bu;
  hash ^= hash >> 13;
  hash *= 0xC2B2AE35u;
  hash ^= hash >> 16;
  return hash;
}

int32_t feed__scale(uint32_t hash, int32_t lo, int32_t hi)
{
  uint64_t span;

  assert(lo <= hi);
  /* At most 2^32, so that the product fits in 64 bits. */
  span = (uint64_t)((int64_t)hi - lo) + 1;
  assert(span <= (uint64_t)1 << 32);
  return (int32_t)(lo + (int64_t)(hash * span >> 32));
}

int32_t feed_value(int32_t task, int32_t index, int32_t lo, int32_t hi)
{
  uint32_t hash;

  if (lo > hi)
    return lo;
  hash = feed__mix(0, (uint32_t)task);
  hash = feed__mix(hash, (uint32_t)index);
  hash = feed__mix(hash, (uint32_t)lo);
  hash = feed__mix(hash, (uint32_t)hi);
  return feed__scale(hash, lo, hi);
}

int32_t feed_range(int32_t task, int32_t lo, int32_t hi)
{
  return feed_value(task, 0, lo, hi);
}

int32_t feed_mem(int32_t task, int32_t index)
{
  return feed_value(task, index, 0, 255);
}
