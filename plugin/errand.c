/*
 * plugin/errand.c - work that calls what may never come back.
 */
#include "plugin/errand.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_NS 5000000  /* between two looks at a call that takes its time */

struct fse_errand {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  pthread_t thread;
  void (*job)(struct fse_errand *e, void *arg); /* NULL: nothing to do */
  void *arg;
  bool stop, given_up, away;
  uint64_t since_ns;         /* of the call, while away */
};

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void destroy(struct fse_errand *e) {
  pthread_cond_destroy(&e->changed);
  pthread_mutex_destroy(&e->lock);
  free(e);
}

static void *work(void *arg) {
  struct fse_errand *e = arg;
  pthread_mutex_lock(&e->lock);
  while (!e->stop) {
    if (e->job == NULL) {
      pthread_cond_wait(&e->changed, &e->lock);
      continue;
    }
    pthread_mutex_unlock(&e->lock);
    e->job(e, e->arg);
    pthread_mutex_lock(&e->lock);
    e->job = NULL;
    pthread_cond_broadcast(&e->changed);
  }
  pthread_mutex_unlock(&e->lock);
  return NULL;
}

static bool make_sync(struct fse_errand *e) {
  pthread_condattr_t attr;
  bool made;
  if (pthread_condattr_init(&attr) != 0) return false;
  made = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
         pthread_cond_init(&e->changed, &attr) == 0;
  pthread_condattr_destroy(&attr);
  return made && pthread_mutex_init(&e->lock, NULL) == 0;
}

struct fse_errand *fse_errand_new(void) {
  struct fse_errand *e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  if (!make_sync(e)) {
    free(e);
    return NULL;
  }
  if (pthread_create(&e->thread, NULL, work, e) == 0) return e;
  destroy(e);
  return NULL;
}

/* A thread of this object may still be somewhere else when the host unloads
 * it: from now on it stays. */
static void stay_loaded(void) {
  static const char here;
  Dl_info info;
  if (dladdr(&here, &info) != 0 && info.dli_fname != NULL)
    (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

int fse_errand_run(struct fse_errand *e, uint32_t limit_ms,
                   void (*job)(struct fse_errand *e, void *arg), void *arg) {
  const uint64_t limit = (uint64_t)limit_ms * 1000000u;
  assert(e != NULL && job != NULL && limit_ms > 0);
  pthread_mutex_lock(&e->lock);
  assert(e->job == NULL && !e->stop);
  e->arg = arg;
  e->job = job;
  pthread_cond_broadcast(&e->changed);
  while (e->job != NULL) {
    uint64_t t = now_ns() + LOOK_NS;
    const struct timespec until = {(time_t)(t / 1000000000u),
                                   (long)(t % 1000000000u)};
    if (e->away && now_ns() - e->since_ns > limit) {
      e->given_up = true;
      stay_loaded();
      (void)pthread_detach(e->thread);
      pthread_mutex_unlock(&e->lock);
      return -1;
    }
    (void)pthread_cond_timedwait(&e->changed, &e->lock, &until);
  }
  pthread_mutex_unlock(&e->lock);
  return 0;
}

void fse_errand_free(struct fse_errand *e) {
  if (e == NULL) return;
  pthread_mutex_lock(&e->lock);
  assert(e->job == NULL && !e->given_up);
  e->stop = true;
  pthread_cond_broadcast(&e->changed);
  pthread_mutex_unlock(&e->lock);
  pthread_join(e->thread, NULL);
  destroy(e);
}

void fse_errand_away(struct fse_errand *e) {
  pthread_mutex_lock(&e->lock);
  assert(!e->away);
  e->away = true;
  e->since_ns = now_ns();
  pthread_mutex_unlock(&e->lock);
}

void fse_errand_back(struct fse_errand *e) {
  bool given_up;
  pthread_mutex_lock(&e->lock);
  given_up = e->given_up;
  e->away = false;
  pthread_mutex_unlock(&e->lock);
  if (!given_up) return;
  destroy(e);
  pthread_exit(NULL);
}
