/*
 * plugin/queue.h - outside values by queue: one first-in first-out queue per
 * source and arguments, 0 when it is empty.
 *
 * So exec and given episodes tell what comes from outside. What a run takes
 * is noted in the order it took it, which is how a replay wants it.
 */
#ifndef FLUX_PLUGIN_QUEUE_H
#define FLUX_PLUGIN_QUEUE_H

#include "gpu/ir.h"

struct fse_queue {
  const struct fisa_trace *given; /* not owned */
  bool *used;                     /* [given->count] */
  uint32_t first;                 /* everything before it is used */
  struct fisa_trace taken, put;   /* what a run consumed and produced */
  bool no_memory;
};

/* 0, or -1 when out of memory. */
int fse_queue_init(struct fse_queue *q, const struct fisa_trace *given);
void fse_queue_done(struct fse_queue *q);

/* The io of a run on the queue, which has to stay where it is. */
struct fir_io fse_queue_io(struct fse_queue *q);

#endif /* FLUX_PLUGIN_QUEUE_H */
