/*
 * test_ring.c - tasks on their way from an agent's thread to the watcher.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/ring.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* ---- tasks -------------------------------------------------------------- */

enum { PAGES = 3, EVENTS = 4 };

/* A task in which everything follows from its number. */
struct made {
  flux_task t;
  flux_state begin, end;
  int32_t *cells;
  uint32_t page[PAGES];
  uint8_t bytes[PAGES * FLUX_PAGE_SIZE];
  flux_event events[EVENTS];
};

static void make(struct made *m, int32_t *cells, uint64_t number) {
  const struct fisa_dialect *d = isa_unified();
  memset(m, 0, sizeof *m);
  m->cells = cells;
  for (uint32_t i = 0; i < d->cell_count; i++)
    cells[i] = (int32_t)(number * 31 + i);
  for (uint32_t i = 0; i < PAGES; i++) {
    m->page[i] = i * 7;
    memset(m->bytes + i * FLUX_PAGE_SIZE, (int)(number + i) & 0xff,
           FLUX_PAGE_SIZE);
  }
  for (uint32_t i = 0; i < EVENTS; i++)
    m->events[i] = (flux_event){.out = i % 2, .argc = 1, .name = 0,
                                .arg = {(int32_t)i}, .value = (int32_t)number};
  m->begin = (flux_state){.struct_size = sizeof m->begin,
                          .cell_count = d->cell_count,
                          .mem_size = d->mem_size,
                          .pc = (uint32_t)number,
                          .cells = cells,
                          .page_count = PAGES,
                          .page = m->page,
                          .page_bytes = m->bytes};
  m->end = m->begin;
  m->end.status = FLUX_RUN_YIELD;
  m->t = (flux_task){.struct_size = sizeof m->t,
                     .flags = FLUX_TASK_RECORDED,
                     .number = number,
                     .event_count = EVENTS,
                     .events = m->events,
                     .begin = &m->begin,
                     .end = &m->end};
}

static int32_t *some_cells(void) {
  int32_t *cells = calloc(isa_unified()->cell_count, sizeof *cells);
  if (cells == NULL) exit(99);
  return cells;
}

static struct fse_ring *ring_new(void) {
  struct fse_ring *r = malloc(sizeof *r);
  if (r == NULL || fse_ring_init(r, isa_unified()) != 0) exit(99);
  return r;
}

static void ring_free(struct fse_ring *r) {
  fse_ring_done(r);
  free(r);
}

/* Whether a slot holds the task of that number. */
static bool holds(const struct fse_slot *s, uint64_t number) {
  if (s == NULL || !s->whole || s->task.number != number ||
      s->event_count != EVENTS || s->begin.pc != (uint32_t)number ||
      s->end.status != FLUX_RUN_YIELD || s->begin.page_count != PAGES)
    return false;
  for (uint32_t i = 0; i < EVENTS; i++)
    if (s->events[i].value != (int32_t)number) return false;
  for (uint32_t i = 0; i < isa_unified()->cell_count; i++)
    if (s->begin.cells[i] != (int32_t)(number * 31 + i)) return false;
  return s->begin.page_bytes[0] == (uint8_t)number &&
         s->end.page_bytes[PAGES * FLUX_PAGE_SIZE - 1] ==
             (uint8_t)(number + PAGES - 1);
}

/* ---- what is put is what is taken --------------------------------------- */

static void in_order(void) {
  struct fse_ring *r = ring_new();
  int32_t *cells = some_cells();
  struct made m;
  uint64_t put = 0, taken = 0;
  UNIT_TRUE(fse_ring_peek(r) == NULL, "nothing");
  while (taken < 1000) {
    for (unsigned n = 1 + put % 5; n > 0; n--) {
      make(&m, cells, put++);
      fse_ring_put(r, &m.t);
    }
    while (fse_ring_peek(r) != NULL) {
      const struct fse_slot *s = fse_ring_peek(r);
      UNIT_TRUE(holds(s, taken), "task %llu", (unsigned long long)taken);
      UNIT_TRUE(s->task.events == NULL && s->task.begin == NULL &&
                    s->task.end == NULL,
                "nothing of the host's is kept");
      UNIT_EQ(s->lost, 0);
      fse_ring_drop(r);
      taken++;
    }
  }
  UNIT_EQ(put, taken);
  free(cells);
  ring_free(r);
}

/* The numbers of a ring wrap long after it was made. */
static void numbers_wrap(void) {
  struct fse_ring *r = ring_new();
  int32_t *cells = some_cells();
  struct made m;
  atomic_store(&r->head, UINT32_MAX - 3u);
  atomic_store(&r->tail, UINT32_MAX - 3u);
  for (uint64_t i = 0; i < FSE_RING_SLOTS + 4; i++) {
    make(&m, cells, i);
    fse_ring_put(r, &m.t);
  }
  UNIT_EQ(atomic_load(&r->dropped), 4);
  for (uint64_t i = 0; i < FSE_RING_SLOTS; i++) {
    UNIT_TRUE(holds(fse_ring_peek(r), i), "task %llu", (unsigned long long)i);
    fse_ring_drop(r);
  }
  UNIT_TRUE(fse_ring_peek(r) == NULL, "no more");
  free(cells);
  ring_free(r);
}

/* A full ring drops, and the next task tells how many and what they said. */
static void drops_are_told(void) {
  struct fse_ring *r = ring_new();
  int32_t *cells = some_cells();
  const struct fse_slot *s;
  struct made m;
  for (uint64_t i = 0; i < FSE_RING_SLOTS; i++) {
    make(&m, cells, i);
    fse_ring_put(r, &m.t);
  }
  make(&m, cells, 500);
  m.t.flags |= FLUX_TASK_WITHDRAWN;
  fse_ring_put(r, &m.t);
  make(&m, cells, 501);
  m.t.flags |= FLUX_TASK_TAKEN_BACK;
  fse_ring_put(r, &m.t);
  fse_ring_drop(r);
  make(&m, cells, 502);
  fse_ring_put(r, &m.t);
  for (unsigned i = 1; i < FSE_RING_SLOTS; i++) {
    UNIT_EQ(fse_ring_peek(r)->lost, 0);
    fse_ring_drop(r);
  }
  s = fse_ring_peek(r);
  UNIT_TRUE(holds(s, 502), "the one behind them");
  UNIT_EQ(s->lost, 2);
  UNIT_TRUE(s->lost_flags & FLUX_TASK_WITHDRAWN, "withdrawn");
  UNIT_TRUE(s->lost_flags & FLUX_TASK_TAKEN_BACK, "taken back");
  fse_ring_drop(r);
  make(&m, cells, 503);
  fse_ring_put(r, &m.t);
  UNIT_EQ(fse_ring_peek(r)->lost, 0);
  UNIT_EQ(fse_ring_peek(r)->lost_flags, 0);
  free(cells);
  ring_free(r);
}

/* ---- what does not fit -------------------------------------------------- */

static void is_not_whole(const struct made *m, const char *what) {
  struct fse_ring *r = ring_new();
  fse_ring_put(r, &m->t);
  UNIT_TRUE(fse_ring_peek(r) != NULL && !fse_ring_peek(r)->whole, "%s", what);
  ring_free(r);
}

static void misfits(void) {
  const struct fisa_dialect *d = isa_unified();
  int32_t *cells = some_cells();
  struct made m;
#define WITH(what, ...)   \
  make(&m, cells, 5);     \
  __VA_ARGS__;            \
  is_not_whole(&m, what)
  WITH("no begin", m.t.begin = NULL);
  WITH("no end", m.t.end = NULL);
  WITH("not recorded", m.t.flags = 0);
  WITH("lost", m.t.flags |= FLUX_TASK_LOST);
  WITH("no events", m.t.events = NULL);
  WITH("too many events", m.t.event_count = FSE_RING_EVENTS + 1);
  WITH("far too many events", m.t.event_count = UINT32_MAX);
  WITH("arguments", m.events[1].argc = FLUX_MAX_ARGS + 1);
  WITH("few cells", m.begin.cell_count--);
  WITH("many cells", m.end.cell_count = UINT32_MAX);
  WITH("no cells", m.begin.cells = NULL);
  WITH("many pages", m.begin.page_count = d->mem_size / FLUX_PAGE_SIZE + 1);
  WITH("no page numbers", m.end.page = NULL);
  WITH("no pages", m.end.page_bytes = NULL);
  WITH("a page outside", m.page[2] = d->mem_size / FLUX_PAGE_SIZE);
  WITH("a page that wraps", m.page[2] = 1u << 24);
  WITH("an old state", m.begin.struct_size = 16);
  WITH("an old task", m.t.struct_size = offsetof(flux_task, events));
  WITH("a tiny task", m.t.struct_size = 8);
#undef WITH
  free(cells);
}

/* No pages and no events are fine; so is what a later host appends. */
static void little_is_enough(void) {
  struct fse_ring *r = ring_new();
  int32_t *cells = some_cells();
  struct made m;
  make(&m, cells, 1);
  m.t.event_count = 0;
  m.t.events = NULL;
  m.begin.page_count = m.end.page_count = 0;
  m.begin.page = m.end.page = NULL;
  m.begin.page_bytes = m.end.page_bytes = NULL;
  m.t.struct_size = UINT32_MAX;
  fse_ring_put(r, &m.t);
  UNIT_TRUE(fse_ring_peek(r)->whole, "whole");
  UNIT_EQ(fse_ring_peek(r)->event_count, 0);
  free(cells);
  ring_free(r);
}

static void states_are_laid(void) {
  const struct fisa_dialect *d = isa_unified();
  struct fisa_state *s = fisa_state_new(d);
  struct fse_ring *r = ring_new();
  int32_t *cells = some_cells();
  struct made m;
  make(&m, cells, 9);
  m.begin.cycles = 77;
  fse_ring_put(r, &m.t);
  s->mem[0x5000] = 1; /* of a state before */
  fisa_state_mark(s, 0x5000, 1);
  fse_recorded_get(&fse_ring_peek(r)->begin, d, s);
  UNIT_MEM_EQ(s->cells, cells, d->cell_count * sizeof *cells);
  UNIT_EQ(s->pc, 9);
  UNIT_EQ(s->cycles, 77);
  UNIT_EQ(s->mem[0x5000], 0);
  UNIT_EQ(s->mem[7 * FLUX_PAGE_SIZE], 10);
  UNIT_EQ(s->mem[7 * FLUX_PAGE_SIZE - 1], 0);
  UNIT_TRUE(s->dirty[0] >> 7 & 1u, "dirty");
  UNIT_EQ(s->written[7 * FLUX_PAGE_SIZE / 64], 0);
  fisa_state_free(s);
  free(cells);
  ring_free(r);
}

/* ---- threads ------------------------------------------------------------ */

struct feeder {
  struct fse_ring *r;
  uint64_t count;
  atomic_bool done;
};

static void *feed(void *arg) {
  struct feeder *f = arg;
  int32_t *cells = some_cells();
  struct made m;
  for (uint64_t i = 0; i < f->count; i++) {
    make(&m, cells, i);
    fse_ring_put(f->r, &m.t);
    if (i % 16 == 0) sched_yield();
  }
  free(cells);
  atomic_store(&f->done, true);
  return NULL;
}

/* Each task is there, or is counted as lost by the next that is. */
static void two_threads(void) {
  struct feeder f = {.r = ring_new(), .count = unit_scale(20000)};
  uint64_t next = 0, wrong = 0;
  const struct fse_slot *s;
  bool done = false;
  pthread_t id;
  UNIT_EQ(pthread_create(&id, NULL, feed, &f), 0);
  for (;;) {
    s = fse_ring_peek(f.r);
    if (s == NULL && done) break;
    if (s == NULL) {
      done = atomic_load(&f.done);
      sched_yield();
      continue;
    }
    next += s->lost;
    wrong += !holds(s, next++);
    fse_ring_drop(f.r);
  }
  pthread_join(id, NULL);
  UNIT_EQ(next + f.r->lost, f.count);
  UNIT_EQ(wrong, 0);
  ring_free(f.r);
}

static const struct unit_test tests[] = {
    {"ring", "in order", in_order},
    {"ring", "wraps", numbers_wrap},
    {"ring", "drops", drops_are_told},
    {"fits", "misfits", misfits},
    {"fits", "little", little_is_enough},
    {"fits", "laid", states_are_laid},
    {"threads", "two", two_threads},
};

UNIT_MAIN(tests)
