/*
 * hostsdk/run.c - the threads that run agents.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostsdk/runtime_internal.h"

/* ---- workers ------------------------------------------------------------ */

#define HELD_NS 50000  /* a worker whose agents are all held looks again */

struct worker {
  struct fhost_runtime *rt;
  const struct fhost_run_options *o;
  atomic_int *abandon;  /* not all workers could be started */
  unsigned index;
};

static void rest(uint64_t ns) {
  const struct timespec t = {(time_t)(ns / 1000000000u),
                             (long)(ns % 1000000000u)};
  nanosleep(&t, NULL);
}

/* Whether an agent has done what it was asked to do. What is held, or was
 * taken back, is brought to its end first: its outside values are consumed. */
static bool is_done(const struct worker *w, const struct fhost_agent *a) {
  if (a->held || (a->replay.log != NULL && !a->stopped)) return false;
  return (w->o->stop != NULL && atomic_load(w->o->stop)) ||
         (w->o->tasks > 0 && a->task >= w->o->tasks);
}

/* One task of every agent of this worker. Returns how many ran; *waiting is
 * set if any waits for a verdict. */
static unsigned round_of_tasks(const struct worker *w, bool *waiting) {
  unsigned ran = 0, i = 0;
  for (struct fhost_agent *a = w->rt->agents; a != NULL; a = a->next, i++) {
    unsigned worker = a->o.worker > 0 ? a->o.worker - 1 : i;
    if (worker % w->o->threads != w->index || is_done(w, a)) continue;
    switch (fhost_agent_task(a)) {
      case FHOST_RAN: ran++; break;
      case FHOST_HELD:
      case FHOST_RESOLVED: *waiting = true; break;
      case FHOST_STOPPED: break;
    }
  }
  return ran;
}

static void *work(void *arg) {
  const struct worker *w = arg;
  assert(w->index < w->o->threads);
  while (!atomic_load(w->abandon)) {
    bool waiting = false;
    unsigned ran = round_of_tasks(w, &waiting);
    if (ran == 0 && !waiting) break;
    if (ran == 0) rest(HELD_NS);
    else if (w->o->pace_us > 0) rest((uint64_t)w->o->pace_us * 1000);
  }
  return NULL;
}

int fhost_runtime_run(struct fhost_runtime *rt,
                      const struct fhost_run_options *o,
                      struct fisa_error *err) {
  struct fhost_run_options options = *o;
  struct worker *workers;
  pthread_t *threads;
  atomic_int abandon = 0;
  unsigned started = 0;
  int rc = 0;
  assert(rt != NULL);
  if (options.threads == 0) options.threads = 1;
  workers = calloc(options.threads, sizeof *workers);
  threads = calloc(options.threads, sizeof *threads);
  if (workers == NULL || threads == NULL) {
    free(workers);
    free(threads);
    return fisa_fail(err, "out of memory");
  }
  while (rc == 0 && started < options.threads) {
    struct worker *w = &workers[started];
    int error;
    *w = (struct worker){rt, &options, &abandon, started};
    error = pthread_create(&threads[started], NULL, work, w);
    if (error == 0) {
      started++;
      continue;
    }
    rc = fisa_fail(err, "cannot start a worker thread: %s", strerror(error));
    atomic_store(&abandon, 1);
  }
  while (started > 0) pthread_join(threads[--started], NULL);
  free(workers);
  free(threads);
  return rc;
}
