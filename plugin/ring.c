/*
 * plugin/ring.c - tasks on their way from an agent's thread to the watcher.
 */
#include "plugin/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The event of the ABI and that of the state codec are one thing. */
_Static_assert(sizeof(struct fisa_event) == sizeof(flux_event), "event");
_Static_assert(offsetof(struct fisa_event, value) ==
                   offsetof(flux_event, value), "event");
/* Head and tail wrap. */
_Static_assert((FSE_RING_SLOTS & (FSE_RING_SLOTS - 1)) == 0, "slots");

static int recorded_init(struct fse_recorded *r, uint32_t cells,
                         uint32_t pages) {
  r->cells = calloc(cells + 1, sizeof *r->cells);
  r->page = malloc((pages + 1) * sizeof *r->page);
  r->page_bytes = malloc((pages + (size_t)1) * FLUX_PAGE_SIZE);
  return r->cells == NULL || r->page == NULL || r->page_bytes == NULL ? -1 : 0;
}

static void recorded_done(struct fse_recorded *r) {
  free(r->cells);
  free(r->page);
  free(r->page_bytes);
  memset(r, 0, sizeof *r);
}

int fse_ring_init(struct fse_ring *r, const struct fisa_dialect *d) {
  assert(d->mem_size % FLUX_PAGE_SIZE == 0);
  memset(r, 0, sizeof *r);
  r->cell_count = d->cell_count;
  r->page_limit = d->mem_size / FLUX_PAGE_SIZE;
  for (unsigned i = 0; i < FSE_RING_SLOTS; i++) {
    struct fse_slot *s = &r->slot[i];
    s->events = malloc(FSE_RING_EVENTS * sizeof *s->events);
    if (s->events == NULL ||
        recorded_init(&s->begin, r->cell_count, r->page_limit) != 0 ||
        recorded_init(&s->end, r->cell_count, r->page_limit) != 0) {
      fse_ring_done(r);
      return -1;
    }
  }
  return 0;
}

void fse_ring_done(struct fse_ring *r) {
  for (unsigned i = 0; i < FSE_RING_SLOTS; i++) {
    free(r->slot[i].events);
    r->slot[i].events = NULL;
    recorded_done(&r->slot[i].begin);
    recorded_done(&r->slot[i].end);
  }
}

/* Whether a state has all that is copied, and fits the dialect. */
static bool fits(const struct fse_ring *r, const flux_state *s) {
  if (s == NULL || !FLUX_HAS(s, page_bytes) || s->cells == NULL ||
      s->cell_count != r->cell_count || s->page_count > r->page_limit)
    return false;
  return s->page_count == 0 || (s->page != NULL && s->page_bytes != NULL);
}

/* Copies a state; false if it is missing or does not fit the dialect. */
static bool recorded_put(const struct fse_ring *r, struct fse_recorded *out,
                         const flux_state *s) {
  out->given = fits(r, s);
  if (!out->given) return false;
  for (uint32_t i = 0; i < s->page_count; i++)
    if (s->page[i] >= r->page_limit) return out->given = false;
  memcpy(out->cells, s->cells, s->cell_count * sizeof *s->cells);
  if (s->page_count > 0) {
    memcpy(out->page, s->page, s->page_count * sizeof *s->page);
    memcpy(out->page_bytes, s->page_bytes,
           (size_t)s->page_count * FLUX_PAGE_SIZE);
  }
  out->page_count = s->page_count;
  out->pc = s->pc;
  out->status = s->status;
  out->fault = s->fault;
  out->cycles = s->cycles;
  return true;
}

/* Copies the events; false if they are missing, too many or senseless. */
static bool events_put(struct fse_slot *s, const flux_task *t) {
  s->event_count = 0;
  if (t->event_count > FSE_RING_EVENTS ||
      (t->event_count > 0 && t->events == NULL))
    return false;
  for (uint32_t i = 0; i < t->event_count; i++)
    if (t->events[i].argc > FLUX_MAX_ARGS) return false;
  if (t->event_count > 0)
    memcpy(s->events, t->events, t->event_count * sizeof *s->events);
  s->event_count = t->event_count;
  return true;
}

void fse_ring_put(struct fse_ring *r, const flux_task *t) {
  unsigned head = atomic_load_explicit(&r->head, memory_order_relaxed);
  unsigned tail = atomic_load_explicit(&r->tail, memory_order_acquire);
  struct fse_slot *s = &r->slot[head % FSE_RING_SLOTS];
  size_t n = t->struct_size < sizeof s->task ? t->struct_size
                                             : sizeof s->task;
  assert(head - tail <= FSE_RING_SLOTS);
  if (head - tail == FSE_RING_SLOTS) {
    atomic_fetch_add_explicit(&r->dropped, 1, memory_order_relaxed);
    r->lost++;
    r->lost_flags |= t->flags;
    return;
  }
  n -= n % sizeof(void *);  /* half a member is none */
  memset(&s->task, 0, sizeof s->task);
  memcpy(&s->task, t, n);
  s->whole = (s->task.flags & FLUX_TASK_RECORDED) != 0 &&
             !(s->task.flags & FLUX_TASK_LOST);
  s->whole &= recorded_put(r, &s->begin, s->task.begin);
  s->whole &= recorded_put(r, &s->end, s->task.end);
  s->whole &= events_put(s, &s->task);
  s->lost = r->lost;
  s->lost_flags = r->lost_flags;
  r->lost = r->lost_flags = 0;
  s->task.events = NULL;
  s->task.begin = s->task.end = NULL;
  atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

const struct fse_slot *fse_ring_peek(struct fse_ring *r) {
  unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
  unsigned head = atomic_load_explicit(&r->head, memory_order_acquire);
  return head == tail ? NULL : &r->slot[tail % FSE_RING_SLOTS];
}

void fse_ring_drop(struct fse_ring *r) {
  unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
  assert(tail != atomic_load_explicit(&r->head, memory_order_acquire));
  atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

void fse_recorded_get(const struct fse_recorded *r,
                      const struct fisa_dialect *d, struct fisa_state *s) {
  assert(r->given);
  fisa_state_reset(d, s);
  memcpy(s->cells, r->cells, d->cell_count * sizeof *s->cells);
  for (uint32_t i = 0; i < r->page_count; i++) {
    uint32_t at = r->page[i] * FLUX_PAGE_SIZE;
    assert(at < d->mem_size);
    memcpy(s->mem + at, r->page_bytes + (size_t)i * FLUX_PAGE_SIZE,
           FLUX_PAGE_SIZE);
    fisa_state_mark(s, at, FLUX_PAGE_SIZE);
  }
  memset(s->written, 0, d->mem_size / 8);
  s->pc = r->pc;
  s->status = r->status;
  s->fault = r->fault;
  s->cycles = r->cycles;
}
