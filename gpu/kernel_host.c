/*
 * gpu/kernel_host.c - the kernel for this machine: what gpu/kernel_body.h asks
 * for, with POSIX threads. A thread of the kernel is a thread of the process;
 * those of a warp meet where they vote, those of a block at its barrier, so a
 * sanitizer sees every access that lacks one.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/kernel_host.h"

enum { WARP_MOST = 32 };

/* Where threads meet, each with a number; all leave with those of all. */
struct meeting {
  pthread_mutex_t lock;
  pthread_cond_t all_here;
  uint32_t here, turn;
  uint32_t said[WARP_MOST];
  uint32_t told[WARP_MOST]; /* what was said at the meeting before */
};

struct warp {
  struct meeting all, group; /* while a group runs the others wait in `all` */
};

struct block {
  const struct fkn_launch *launch;
  struct fkn_host_shape shape;
  uint32_t number, grid;
  unsigned char *shared;
  struct meeting everyone;
  struct warp *warp;     /* [threads / warp] */
};

/* The thread that runs. */
struct self {
  struct block *block;
  uint32_t thread;
};

static _Thread_local struct self self;

/* ---- meetings ----------------------------------------------------------- */

static void meeting_init(struct meeting *m) {
  memset(m, 0, sizeof(*m));
  pthread_mutex_init(&m->lock, NULL);
  pthread_cond_init(&m->all_here, NULL);
}

static void meeting_done(struct meeting *m) {
  pthread_cond_destroy(&m->all_here);
  pthread_mutex_destroy(&m->lock);
}

/* Waits for `count` threads; *all becomes what each of them said. */
static void meet(struct meeting *m, uint32_t count, uint32_t place,
                 uint32_t say, uint32_t all[WARP_MOST]) {
  uint32_t turn;

  pthread_mutex_lock(&m->lock);
  turn = m->turn;
  if (place < WARP_MOST)
    m->said[place] = say;
  if (++m->here == count) {
    m->here = 0;
    m->turn++;
    memcpy(m->told, m->said, sizeof(m->told));
    pthread_cond_broadcast(&m->all_here);
  } else {
    while (m->turn == turn)
      pthread_cond_wait(&m->all_here, &m->lock);
  }
  if (all)
    memcpy(all, m->told, sizeof(m->told));
  pthread_mutex_unlock(&m->lock);
}

/* ---- what the body asks for --------------------------------------------- */

struct fkn_quad {
  uint32_t x, y, z, w;
};

#define FKN_FN static inline __attribute__((unused))
#define FKN_ADDRESS(u) ((void *)(uintptr_t)(u))

FKN_FN uint32_t fkn_thread(void) { return self.thread; }
FKN_FN uint32_t fkn_threads(void) { return self.block->shape.threads; }
FKN_FN uint32_t fkn_block(void) { return self.block->number; }
FKN_FN uint32_t fkn_blocks(void) { return self.block->grid; }
FKN_FN uint32_t fkn_warp(void) { return self.block->shape.warp; }
FKN_FN unsigned char *fkn_shared(void) { return self.block->shared; }

FKN_FN uint32_t fkn_everyone(void) {
  return 0xFFFFFFFFu >> (32u - fkn_warp());
}

FKN_FN void fkn_sync(void) {
  if (fkn_threads() > 1)
    meet(&self.block->everyone, fkn_threads(), WARP_MOST, 0, NULL);
}

static struct warp *own_warp(void) {
  return &self.block->warp[self.thread / fkn_warp()];
}

/* Threads of a group meet. */
static void meet_group(uint32_t group, uint32_t say, uint32_t *all) {
  struct warp *w = own_warp();
  bool whole = group == fkn_everyone();

  assert(group >> self.thread % fkn_warp() & 1u);
  (void)whole;
  meet(&w->group, (uint32_t)__builtin_popcount(group),
       self.thread % fkn_warp(), say, all);
}

FKN_FN uint32_t fkn_vote(uint32_t group, bool b) {
  uint32_t all[WARP_MOST], votes = 0;

  if (fkn_warp() == 1)
    return b;
  meet_group(group, b, all);
  for (uint32_t i = 0; i < fkn_warp(); i++)
    if (group >> i & 1u)
      votes |= all[i] << i;
  return votes;
}

FKN_FN bool fkn_same(uint32_t group, uint32_t v) {
  uint32_t all[WARP_MOST];

  if (fkn_warp() == 1)
    return true;
  meet_group(group, v, all);
  for (uint32_t i = 0; i < fkn_warp(); i++)
    if ((group >> i & 1u) && all[i] != v)
      return false;
  return true;
}

FKN_FN uint32_t fkn_least(uint32_t v) {
  uint32_t all[WARP_MOST];

  if (fkn_warp() == 1)
    return v;
  meet(&own_warp()->all, fkn_warp(), self.thread % fkn_warp(), v, all);
  for (uint32_t i = 0; i < fkn_warp(); i++)
    v = all[i] < v ? all[i] : v;
  return v;
}

FKN_FN uint32_t fkn_look(const uint32_t *p) {
  return __atomic_load_n(p, __ATOMIC_RELAXED);
}

FKN_FN void fkn_lower(uint32_t *p, uint32_t v) {
  uint32_t old = __atomic_load_n(p, __ATOMIC_RELAXED);

  while (v < old && !__atomic_compare_exchange_n(p, &old, v, false,
                                                 __ATOMIC_RELAXED,
                                                 __ATOMIC_RELAXED))
    ;
}

FKN_FN void fkn_add(uint64_t *p, uint64_t v) {
  __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}

#include "gpu/kernel_body.h"

/* ---- blocks ------------------------------------------------------------- */

static void *run_thread(void *user) {
  self = *(struct self *)user;
  fkn_main(self.block->launch, self.block->launch->far != 0);
  return NULL;
}

/* Runs the threads of a block. */
static int run_block(struct block *b) {
  struct self all[FKN_THREADS_MOST];
  pthread_t thread[FKN_THREADS_MOST];

  for (uint32_t i = 0; i < b->shape.threads; i++)
    all[i] = (struct self){b, i};
  if (b->shape.threads == 1) {
    run_thread(&all[0]);
    return 0;
  }
  for (uint32_t i = 0; i < b->shape.threads; i++)
    if (pthread_create(&thread[i], NULL, run_thread, &all[i]) != 0)
      abort(); /* those that run wait for this one for ever */
  for (uint32_t i = 0; i < b->shape.threads; i++)
    pthread_join(thread[i], NULL);
  return 0;
}

static int with_memory(struct block *b, struct fkn_launch *launch) {
  const uint32_t threads = b->shape.threads;
  const uint32_t laid = launch->far ? launch->far : threads;
  uint32_t shared = fkn_shared_bytes(launch->records, launch->slots, laid);
  uint64_t scratch = fkn_scratch_bytes(launch->stack_cells,
                                       launch->overlay_bits, laid);
  void *s = malloc((size_t)(scratch * b->grid + 1));
  int rc = 0;

  b->shared = aligned_alloc(16, (shared + 15u) / 16u * 16u);
  b->warp = calloc(threads / b->shape.warp, sizeof(*b->warp));
  if (!s || !b->shared || !b->warp) {
    rc = -1;
    goto out;
  }
  /* What a launch finds there does not matter. */
  memset(s, 0xA5, (size_t)(scratch * b->grid));
  memset(b->shared, 0xEE, shared);
  launch->scratch = (uint64_t)(uintptr_t)s;
  for (uint32_t i = 0; i < threads / b->shape.warp; i++) {
    meeting_init(&b->warp[i].all);
    meeting_init(&b->warp[i].group);
  }
  meeting_init(&b->everyone);
  for (b->number = 0; rc == 0 && b->number < b->grid; b->number++)
    rc = run_block(b);
  meeting_done(&b->everyone);
  for (uint32_t i = 0; i < threads / b->shape.warp; i++) {
    meeting_done(&b->warp[i].all);
    meeting_done(&b->warp[i].group);
  }
out:
  free(b->warp);
  free(b->shared);
  free(s);
  return rc;
}

int fkn_host_run(const struct fkn_launch *launch, uint32_t grid,
                 struct fkn_host_shape shape) {
  struct fkn_launch own = *launch;
  struct block b = {.launch = &own, .shape = shape, .grid = grid};

  assert(shape.warp > 0 && shape.warp <= WARP_MOST);
  assert((shape.warp & (shape.warp - 1)) == 0);
  assert(shape.threads <= FKN_THREADS_MOST && shape.threads % shape.warp == 0);
  assert(launch->far == 0 || shape.threads <= launch->far);
  return with_memory(&b, &own);
}
