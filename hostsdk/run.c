/*
 * hostsdk/run.c - the threads that run agents.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostsdk/runtime_internal.h"

/* ---- workers ------------------------------------------------------------------- */

#define HELD_NS 50000  /* a worker whose agents are all held looks again */

struct worker {
  struct fhost_runtime *rt;
  const struct fhost_run_options *o;
  unsigned index;
};

static void rest(uint64_t ns) {
  const struct timespec t = {(time_t)(ns / 1000000000u),
                             (long)(ns % 1000000000u)};
  nanosleep(&t, NULL);
}

/* One task of every agent of this worker. Returns how many ran; *waiting is
 * set if any waits for a verdict. */
static unsigned round_of_tasks(const struct worker *w, bool *waiting) {
  unsigned ran = 0, i = 0;
  bool stop = w->o->stop != NULL && atomic_load(w->o->stop);
  for (struct fhost_agent *a = w->rt->agents; a != NULL; a = a->next, i++) {
    if (i % w->o->threads != w->index) continue;
    if (!a->held && (stop || (w->o->tasks > 0 && a->task >= w->o->tasks)))
      continue;
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
  for (;;) {
    bool waiting = false;
    unsigned ran = round_of_tasks(w, &waiting);
    if (ran == 0 && !waiting) return NULL;
    if (ran == 0) rest(HELD_NS);
    else if (w->o->pace_us > 0) rest((uint64_t)w->o->pace_us * 1000);
  }
}

int fhost_runtime_run(struct fhost_runtime *rt,
                      const struct fhost_run_options *o,
                      struct fisa_error *err) {
  struct fhost_run_options options = *o;
  struct worker *workers;
  pthread_t *threads;
  unsigned started = 0;
  int rc = 0;
  if (options.threads == 0) options.threads = 1;
  workers = calloc(options.threads, sizeof *workers);
  threads = calloc(options.threads, sizeof *threads);
  if (workers == NULL || threads == NULL) {
    free(workers);
    free(threads);
    return fisa_fail(err, "out of memory");
  }
  for (; started < options.threads; started++) {
    workers[started] = (struct worker){rt, &options, started};
    if (pthread_create(&threads[started], NULL, work, &workers[started])) {
      rc = fisa_fail(err, "cannot start a worker thread: %s",
                     strerror(errno));
      break;
    }
  }
  while (started > 0) pthread_join(threads[--started], NULL);
  free(workers);
  free(threads);
  return rc;
}
