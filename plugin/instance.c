/*
 * plugin/instance.c - the plugin as the host sees it: descriptor, creation,
 * destruction.
 */
#include "plugin/instance.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/control.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

#define RECORDS_KEPT 10000u  /* of the journal, beside what versions need */

/* ---- small services ----------------------------------------------------- */

void fse_say(struct fse_instance *in, uint32_t level, const char *format,
             ...) {
  char line[512];
  va_list ap;
  if (in->log == NULL || level < in->log->level) return;
  va_start(ap, format);
  vsnprintf(line, sizeof line, format, ap);
  va_end(ap);
  in->log->line(level, line, in->host->ctx);
}

void fse_phase_set(struct flux_evolved *a, enum fse_phase phase) {
  pthread_mutex_lock(&a->instance->lock);
  a->phase = phase;
  pthread_cond_broadcast(&a->instance->changed);
  pthread_mutex_unlock(&a->instance->lock);
}

enum fse_phase fse_phase_get(struct flux_evolved *a) {
  enum fse_phase phase;
  pthread_mutex_lock(&a->instance->lock);
  phase = a->phase;
  pthread_mutex_unlock(&a->instance->lock);
  return phase;
}

bool fse_phase_move(struct flux_evolved *a, enum fse_phase from,
                    enum fse_phase to) {
  bool moved;
  pthread_mutex_lock(&a->instance->lock);
  moved = a->phase == from;
  if (moved) {
    a->phase = to;
    pthread_cond_broadcast(&a->instance->changed);
  }
  pthread_mutex_unlock(&a->instance->lock);
  return moved;
}

void fse_pause(struct fse_instance *in, bool on) {
  const struct fse_policy *p = &in->policy;
  atomic_store(&in->paused, on);
  if (on || in->live == NULL) return;
  pthread_mutex_lock(&in->lock);
  for (struct flux_evolved *a = in->agents; a != NULL; a = a->next) {
    /* An agent frozen for its decline goes on, too: somebody asked for it. */
    atomic_store(&a->declined, false);
    (void)in->live->observe(a->id, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD,
                            p->record_period, in->host->ctx);
  }
  pthread_mutex_unlock(&in->lock);
}

void fse_explain(struct flux_evolved *a, const char *format, ...) {
  const struct fse_instance *in = a->instance;
  char text[256];
  va_list ap;
  if (format == NULL) {
    in->live->explain(a->id, NULL, in->host->ctx);
    return;
  }
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  in->live->explain(a->id, text, in->host->ctx);
}

uint64_t fse_now_ns(void *instance) {
  struct fse_instance *in = instance;
  struct timespec t;
  if (in->clock != NULL) return in->clock->now_ns(in->host->ctx);
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the descriptor ----------------------------------------------------- */

static uint32_t negotiate(uint32_t min, uint32_t max) {
  return min <= FLUX_ABI_VERSION && FLUX_ABI_VERSION <= max ? FLUX_ABI_VERSION
                                                             : 0;
}

/* Reads the settings of the plugin's block into a policy. */
static int read_policy(const flux_host *host, struct fse_policy *p,
                       struct fisa_error *err) {
  const flux_config *config = host->extension(FLUX_EXT_CONFIG, host->ctx);
  fse_policy_init(p);
  return config == NULL ? 0 : fse_policy_read(p, config, host->ctx, err);
}

static flux_status check(const flux_host *host, char *message,
                         size_t capacity) {
  struct fse_policy *p = malloc(sizeof *p);
  struct fisa_error err = {"out of memory"};
  int rc = p == NULL ? -1 : read_policy(host, p, &err);
  if (rc == 0 && p->journal[0] != '\0')
    rc = fse_journal_place(p->journal, &err);
  free(p);
  if (rc == 0) return FLUX_OK;
  if (capacity > 0) snprintf(message, capacity, "%s", err.text);
  return FLUX_E_CONFIG;
}

/* Fetches what the host offers. Only flux.live is needed to evolve agents. */
static void find_services(struct fse_instance *in) {
  const flux_host *h = in->host;
  in->live = h->extension(FLUX_EXT_LIVE, h->ctx);
  if (in->live != NULL && !FLUX_HAS(in->live, explain)) in->live = NULL;
  in->log = h->extension(FLUX_EXT_LOG, h->ctx);
  in->clock = h->extension(FLUX_EXT_CLOCK, h->ctx);
  in->step = h->extension(FLUX_EXT_STEP, h->ctx);
  if (in->step != NULL && !FLUX_HAS(in->step, close)) in->step = NULL;
  in->judge = h->extension(FLUX_EXT_JUDGE, h->ctx);
  if (in->judge != NULL && !FLUX_HAS(in->judge, close)) in->judge = NULL;
}

static void say_of_device(bool failed, const char *line, void *user) {
  fse_say(user, failed ? FLUX_LOG_WARNING : FLUX_LOG_INFO, "%s", line);
}

static void open_backend(struct fse_instance *in) {
  const struct fbackend_options o = {
      .choice = in->policy.backend,
      .cuda = {.log = say_of_device, .user = in}};
  in->backend = fbackend_new(&o);
}

/* A journal that cannot be used pauses evolution; agents run on. */
static void open_journal(struct fse_instance *in) {
  struct fisa_error err = {""};
  if (in->policy.journal[0] == '\0') return;
  if (fse_journal_open(in->policy.journal, &in->journal, &err) == 0 &&
      fse_journal_prune(in->journal, RECORDS_KEPT, &err) == 0)
    return;
  fse_journal_close(in->journal);
  in->journal = NULL;
  in->paused = true;
  fse_say(in, FLUX_LOG_ERROR, "agents run unevolved: %s", err.text);
}

static int start_threads(struct fse_instance *in) {
  if (in->live == NULL) return 0;  /* a tool: control requests only */
  if (pthread_create(&in->watcher, NULL, fse_watcher, in) != 0) return -1;
  if (pthread_create(&in->searcher, NULL, fse_searcher, in) != 0)
    goto no_searcher;
  if (pthread_create(&in->tuner, NULL, fse_tuner, in) != 0) goto no_tuner;
  in->threads_on = true;
  return 0;
no_tuner:
  atomic_store(&in->stop, true);
  pthread_join(in->searcher, NULL);
no_searcher:
  atomic_store(&in->stop, true);
  pthread_join(in->watcher, NULL);
  return -1;
}

static void destroy(flux_plugin *plugin) {
  struct fse_instance *in = (struct fse_instance *)plugin;
  if (in == NULL) return;
  assert(in->agents == NULL);
  atomic_store(&in->stop, true);
  if (in->threads_on) {
    pthread_join(in->tuner, NULL);
    pthread_join(in->searcher, NULL);
    pthread_join(in->watcher, NULL);
  }
  fse_plants_unmet(in);
  fse_rules_free(in->rules);
  fse_journal_close(in->journal);
  fse_known_done(in);
  fbackend_free(in->backend);
  pthread_mutex_destroy(&in->calibrating);
  pthread_cond_destroy(&in->changed);
  pthread_mutex_destroy(&in->lock);
  free(in);
}

static flux_status create(const flux_host *host, flux_plugin **out,
                          char *message, size_t capacity) {
  struct fse_instance *in;
  struct fisa_error err = {"out of memory"};
  if (host == NULL || out == NULL || !FLUX_HAS(host, extension))
    return FLUX_E_INVALID;
  in = calloc(1, sizeof *in);
  if (in == NULL) return FLUX_E_MEMORY;
  in->host = host;
  if (read_policy(host, &in->policy, &err) != 0) {
    if (capacity > 0) snprintf(message, capacity, "%s", err.text);
    free(in);
    return FLUX_E_CONFIG;
  }
  pthread_mutex_init(&in->lock, NULL);
  pthread_mutex_init(&in->calibrating, NULL);
  pthread_cond_init(&in->changed, NULL);
  in->paused = in->policy.paused;
  find_services(in);
  open_journal(in);
  open_backend(in);
  in->rules = fse_rules_new(in->journal, &err);
  if (in->rules == NULL || in->backend == NULL || start_threads(in) != 0) {
    if (capacity > 0) snprintf(message, capacity, "cannot start a thread");
    destroy((flux_plugin *)in);
    return FLUX_E_MEMORY;
  }
  *out = (flux_plugin *)in;
  return FLUX_OK;
}

static const flux_evolver evolver = {sizeof evolver, 0, fse_attach,
                                     fse_detach, fse_task_end};

static const void *extension(flux_plugin *plugin, const char *id) {
  const struct fse_instance *in = (const struct fse_instance *)plugin;
  if (strcmp(id, FLUX_EXT_EVOLVER) == 0)
    return in->live != NULL ? &evolver : NULL;
  if (strcmp(id, FLUX_EXT_CONTROL) == 0) return &fse_control;
  return NULL;
}

static const flux_plugin_descriptor descriptor = {
    .struct_size = sizeof descriptor,
    .build_signature = FLUX_BUILD_SIGNATURE,
    .id = "flux.self-evolve",
    .name = "FLUX self-evolve",
    .version = PACKAGE_VERSION,
    .negotiate = negotiate,
    .check = check,
    .create = create,
    .destroy = destroy,
    .extension = extension,
};

/* The one exported symbol; its type is flux_plugin_entry_fn. */
__attribute__((visibility("default"))) const flux_plugin_descriptor *
flux_plugin_entry(void);

const flux_plugin_descriptor *flux_plugin_entry(void) { return &descriptor; }
