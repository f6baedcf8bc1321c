/*
 * plugin/crew.c - the candidates of a round, judged by several threads.
 */
#include "plugin/crew.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  GROUPS = 3,        /* of a thread: one is filled, others are under way */
  ENOUGH = 256,      /* candidates of all threads that a device that has nothing
                        to do is given at once, */
  ENOUGH_EACH = 32   /* and of each */
};

/* What the threads share while candidates next..count-1 are judged. */
struct shift {
  const struct fse_crew *crew;
  struct fse_verdict *verdict;
  uint32_t count;
  bool groups;         /* there is a device to gather for */
  uint32_t enough;     /* candidates of a thread */
  atomic_uint next;
  atomic_int failed;
};

/* Takes the next candidate and edits it; false: there is none left. What the
 * proposer had nothing for, or what is too late, is passed over. */
static bool next_edit(struct shift *s, struct fse_bench *b, uint32_t *index) {
  const struct fse_crew *c = s->crew;
  uint32_t i;
  while ((i = atomic_fetch_add(&s->next, 1)) < s->count) {
    struct fse_proposal p = {0};
    s->verdict[i].fate = FSE_FATE_NONE;
    if (c->late(c->user) ||
        fse_candidate_edit(c->round, b, c->base, i, &p) != 0)
      continue;
    s->verdict[i].proposal = p;
    *index = i;
    return true;
  }
  return false;
}

/* Notes a verdict beside the proposal that is there. */
static void put(struct shift *s, uint32_t i, const struct fse_verdict *v) {
  struct fse_proposal p = s->verdict[i].proposal;
  s->verdict[i] = *v;
  s->verdict[i].proposal = p;
}

/* ---- one by one --------------------------------------------------------- */

static void work_singly(struct shift *s, struct fse_bench *b) {
  uint32_t i;
  while (next_edit(s, b, &i)) {
    struct fse_verdict v =
        fse_candidate_judge(s->crew->round, b, s->crew->bound, NULL);
    put(s, i, &v);
  }
}

/* ---- in groups ---------------------------------------------------------- */

/* Candidates whose trials go together: entry i is number i there. */
struct group {
  struct ftrial_many *many;
  bool begun;
  uint32_t count;
  struct entry {
    uint32_t index;
    struct fse_ready ready;
  } *entry;          /* [FTRIAL_MANY] */
};

/* Empty again; what is under way is awaited first. */
static void group_clear(struct group *g) {
  if (g->many != NULL) ftrial_many_clear(g->many);
  for (uint32_t i = 0; i < g->count; i++) fse_ready_done(&g->entry[i].ready);
  g->count = 0;
  g->begun = false;
}

static bool group_open(struct shift *s, struct fse_bench *b,
                       struct group *g) {
  if (g->many == NULL)
    g->many = ftrial_many_new(s->crew->round->set, b->lane);
  if (g->entry == NULL) g->entry = calloc(FTRIAL_MANY, sizeof *g->entry);
  return g->many != NULL && g->entry != NULL;
}

static void groups_done(struct group *g) {
  for (unsigned k = 0; k < GROUPS; k++) {
    group_clear(&g[k]);
    ftrial_many_free(g[k].many);
    free(g[k].entry);
  }
}

/* Takes a group one step on; behind the last its verdicts are there. */
static void group_step(struct shift *s, struct group *g) {
  if (!g->begun || ftrial_many_step(g->many)) return;
  for (uint32_t i = 0; i < g->count; i++) {
    struct ftrial_result t = ftrial_many_result(g->many, i);
    fse_candidate_tried(&g->entry[i].ready, &t);
    put(s, g->entry[i].index, &g->entry[i].ready.verdict);
  }
  group_clear(g);
}

/* Takes on those groups that the device is through with; whether any is still
 * under way. */
static bool tend(struct shift *s, struct group *all) {
  bool busy = false;
  for (unsigned k = 0; k < GROUPS; k++) {
    if (all[k].begun && ftrial_many_look(all[k].many)) group_step(s, &all[k]);
    busy = busy || all[k].begun;
  }
  return busy;
}

/* Makes a candidate ready; if it is to be tried it joins the group. */
static bool group_add(struct shift *s, struct fse_bench *b, struct group *g,
                      uint32_t index) {
  struct entry *e = &g->entry[g->count];
  fse_candidate_prepare(s->crew->round, b, &e->ready);
  put(s, index, &e->ready.verdict);
  if (!e->ready.tries) {
    fse_ready_done(&e->ready);
    return true;
  }
  e->index = index;
  g->count++;
  return ftrial_many_add(g->many, e->ready.ir, &e->ready.map,
                         s->crew->bound) >= 0;
}

/*
 * Fills a group while the others are under way: the longer the device has to
 * do, the more there is for it next. Once it has nothing it gets what there
 * is, if that is enough. 1; 0: there was nothing left to fill it with; or -1.
 */
static int group_fill(struct shift *s, struct fse_bench *b, struct group *g,
                      struct group *all) {
  uint32_t i;
  assert(g->count == 0 && !g->begun);
  while (!ftrial_many_full(g->many) && next_edit(s, b, &i)) {
    if (!group_add(s, b, g, i)) return -1;
    if (!tend(s, all) && g->count >= s->enough) break;
  }
  return g->count > 0;
}

/* Fills one group after another; the oldest is waited for where all are under
 * way. False: out of memory. */
static bool work_in_groups(struct shift *s, struct fse_bench *b,
                           struct group *g) {
  unsigned next = 0;
  for (;;) {
    struct group *own = &g[next++ % GROUPS];
    int filled;
    while (own->begun) group_step(s, own);
    if (!group_open(s, b, own)) return false;
    filled = group_fill(s, b, own, g);
    if (filled < 0) return false;
    if (filled == 0) break;
    own->begun = true;
    ftrial_many_begin(own->many);
  }
  for (bool busy = true; busy;) {
    busy = false;
    for (unsigned k = 0; k < GROUPS; k++) {
      group_step(s, &g[(next + k) % GROUPS]);
      busy = busy || g[(next + k) % GROUPS].begun;
    }
  }
  return true;
}

/* ---- threads ------------------------------------------------------------ */

static uint32_t count_cores(void) {
  cpu_set_t set;
  long online;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return (uint32_t)CPU_COUNT(&set);
  online = sysconf(_SC_NPROCESSORS_ONLN); /* more than a set has room for */
  return online > 0 ? (uint32_t)online : 1;
}

uint32_t fse_crew_threads(uint32_t wanted) {
  uint32_t most = count_cores();
  assert(wanted > 0 && most > 0);
  if (most > FSE_CREW_THREADS) most = FSE_CREW_THREADS;
  return wanted < most ? wanted : most;
}

static void *work(void *arg) {
  struct shift *s = arg;
  struct fse_bench bench = {0};
  struct group group[GROUPS];
  bool fine = fse_bench_init(&bench, s->crew->base) == 0;
  memset(group, 0, sizeof group);
  if (fine && s->groups)
    fine = work_in_groups(s, &bench, group);
  else if (fine)
    work_singly(s, &bench);
  if (!fine) atomic_store(&s->failed, 1);
  groups_done(group);
  fse_bench_done(&bench);
  return NULL;
}

/* Judges candidates next..count-1. */
static int run_shift(struct shift *s) {
  pthread_t id[FSE_CREW_THREADS];
  uint32_t started = 0, threads = fse_crew_threads(s->crew->threads);
  assert(atomic_load(&s->next) <= s->count);
  s->groups = ftrial_wants_many(s->crew->round->set);
  s->enough = ENOUGH / threads;
  if (s->enough < ENOUGH_EACH) s->enough = ENOUGH_EACH;
  while (started + 1 < threads &&
         pthread_create(&id[started], NULL, work, s) == 0)
    started++;
  work(s);
  while (started > 0) pthread_join(id[--started], NULL);
  return atomic_load(&s->failed) ? -1 : 0;
}

int64_t fse_crew_run(const struct fse_crew *c, uint32_t all, uint64_t most,
                     struct fse_verdict *verdict) {
  struct shift s = {.crew = c, .verdict = verdict};
  assert(c->round != NULL && c->base != NULL && c->late != NULL);
  while (s.count < all && most > 0) {
    uint32_t from = s.count;
    s.count = most < all - from ? from + (uint32_t)most : all;
    atomic_store(&s.next, from);
    if (run_shift(&s) != 0) return -1;
    for (uint32_t i = from; i < s.count; i++)
      if (verdict[i].fate != FSE_FATE_NONE) most--;
  }
  return s.count;
}
