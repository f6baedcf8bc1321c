/*
 * plugin/ring.h - tasks on their way from an agent's thread to the watcher.
 *
 * One producer (the agent's thread), one consumer (the watcher). All memory
 * is made when the agent attaches; putting is wait-free and never blocks: a
 * full ring drops the task, and the next one that is put says so. What is
 * put comes from outside: whatever does not fit the dialect is left out.
 */
#ifndef FLUX_PLUGIN_RING_H
#define FLUX_PLUGIN_RING_H

#include <stdatomic.h>

#include <flux/agent.h>

#include "isa/state.h"

/* A power of two. Without hold a host may be so many tasks ahead of the
 * watcher; pages that were never used take no room. */
#define FSE_RING_SLOTS 128u
#define FSE_RING_EVENTS 1024u

/* A recorded state, copied: cells and the pages that were given. */
struct fse_recorded {
  bool given;
  uint32_t pc, page_count;
  int32_t status, fault;
  uint64_t cycles;
  int32_t *cells;
  uint32_t *page;
  uint8_t *page_bytes;
};

struct fse_slot {
  flux_task task;              /* pointers cleared */
  struct fse_recorded begin, end;
  uint32_t event_count;
  struct fisa_event *events;
  bool whole;                  /* begin, end and all events are here */
  uint32_t lost;               /* tasks dropped just before this one, */
  uint32_t lost_flags;         /* and all their FLUX_TASK_* flags */
};

struct fse_ring {
  uint32_t cell_count, page_limit;
  struct fse_slot slot[FSE_RING_SLOTS];
  atomic_uint head;            /* next to put: the agent's thread */
  atomic_uint tail;            /* next to take: the watcher */
  atomic_ullong dropped;
  uint32_t lost, lost_flags;   /* since the last put; the agent's thread */
};

/* 0, or -1 when out of memory (nothing is held then). */
int fse_ring_init(struct fse_ring *r, const struct fisa_dialect *d);
void fse_ring_done(struct fse_ring *r);

/* Copies a task in. Wait-free. */
void fse_ring_put(struct fse_ring *r, const flux_task *t);

/* The oldest task, or NULL; the slot is the watcher's until fse_ring_drop. */
const struct fse_slot *fse_ring_peek(struct fse_ring *r);
void fse_ring_drop(struct fse_ring *r);

/* Lays a recorded state over *s (reset first). */
void fse_recorded_get(const struct fse_recorded *r,
                      const struct fisa_dialect *d, struct fisa_state *s);

#endif /* FLUX_PLUGIN_RING_H */
