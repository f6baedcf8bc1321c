/*
 * plugin/queue.c - outside values by queue.
 */
#include "plugin/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int fse_queue_init(struct fse_queue *q, const struct fisa_trace *given) {
  assert(q != NULL && given != NULL);
  memset(q, 0, sizeof *q);
  q->given = given;
  q->used = calloc(given->count + 1u, sizeof *q->used);
  return q->used != NULL ? 0 : -1;
}

void fse_queue_done(struct fse_queue *q) {
  free(q->used);
  fisa_trace_done(&q->taken);
  fisa_trace_done(&q->put);
  memset(q, 0, sizeof *q);
}

static bool asked_for(const struct fisa_event *e, const struct fisa_event *by) {
  return !e->out && e->name == by->name && e->argc == by->argc &&
         memcmp(e->arg, by->arg, by->argc * sizeof *by->arg) == 0;
}

/* Takes the oldest unused value for `e`, which has all but the value. */
static void take(struct fse_queue *q, struct fisa_event *e) {
  while (q->first < q->given->count && q->used[q->first]) q->first++;
  for (uint32_t i = q->first; i < q->given->count; i++) {
    if (q->used[i] || !asked_for(&q->given->events[i], e)) continue;
    q->used[i] = true;
    e->value = q->given->events[i].value;
    return;
  }
}

static struct fisa_event event(uint8_t out, uint16_t name, const int32_t *arg,
                               unsigned argc) {
  struct fisa_event e = {.out = out, .argc = (uint8_t)argc, .name = name};
  assert(argc <= FISA_MAX_ARGS);
  if (argc > 0) memcpy(e.arg, arg, argc * sizeof *arg);
  return e;
}

static int queue_input(uint16_t source, const int32_t *arg, unsigned argc,
                       int32_t *value, void *user) {
  struct fse_queue *q = user;
  struct fisa_event e = event(0, source, arg, argc);
  take(q, &e);
  *value = e.value;
  q->no_memory |= fisa_trace_add(&q->taken, &e) != 0;
  return q->no_memory;
}

static int queue_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  struct fse_queue *q = user;
  struct fisa_event e = event(1, channel, arg, argc);
  q->no_memory |= fisa_trace_add(&q->put, &e) != 0;
  return q->no_memory;
}

struct fir_io fse_queue_io(struct fse_queue *q) {
  return (struct fir_io){queue_input, queue_output, q};
}
