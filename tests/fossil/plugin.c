/*
 * fossil/plugin.c - the least plugin that goes round the whole loop, as it
 * was built for version 1 of the ABI, with the headers of that time.
 *
 * It watches an agent, offers it its own program again, agrees to each task
 * on probation and accepts. Today's host must still be able to load it; so
 * nothing here is brought up to date, ever.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <flux/agent.h>
#include <flux/control.h>
#include <flux/services.h>

enum { RING = 256, RECORDS_WANTED = 4, AGREED_WANTED = 4 };

/* What the agent's thread tells the plugin's. */
struct note {
  uint64_t number, version;
  uint32_t flags;
};

struct flux_evolved {
  flux_plugin *plugin;
  uint64_t id;
  uint8_t *code;
  uint32_t code_size, entry;
  char *manifest;
  struct note ring[RING];
  atomic_uint written;     /* by the agent's thread */
  atomic_uint read;        /* by the plugin's */
};

struct flux_plugin {
  const flux_live *live;
  const flux_log *log;
  const flux_clock *clock;
  void *ctx;
  pthread_t thread;
  pthread_mutex_t lock;
  flux_evolved *agent;     /* one, or NULL */
  atomic_int stop;
  /* What control tells. */
  unsigned tasks, recorded, counted, offered, installed, agreed, accepted;
  uint64_t counts;
};

/* ---- the loop ------------------------------------------------------------ */

static void offer(flux_plugin *p, flux_evolved *a) {
  const flux_transfer pair = {a->entry, a->entry};
  flux_patch patch;

  memset(&patch, 0, sizeof patch);
  patch.struct_size = sizeof patch;
  patch.id = 1;
  patch.code = a->code;
  patch.code_size = a->code_size;
  patch.entry = a->entry;
  patch.manifest = a->manifest;
  patch.transfer_count = patch.back_count = 1;
  patch.transfer = patch.back = &pair;
  patch.deadline_tasks = 100000;
  patch.flags = FLUX_PATCH_HOLD;
  patch.hold_ms = 60000;
  if (p->live->offer(a->id, &patch, p->ctx) == FLUX_OK)
    p->offered++;
}

static void count(flux_plugin *p, flux_evolved *a) {
  uint64_t *slots = calloc(a->code_size, sizeof *slots);
  uint8_t *heads = calloc(a->code_size / 8 + 1, 1);
  uint64_t version;
  uint32_t size = 0;

  if (slots && heads &&
      p->live->counts(a->id, slots, heads, a->code_size, &size, &version,
                      p->ctx) == FLUX_OK &&
      size == a->code_size) {
    p->counts = 0;
    for (uint32_t i = 0; i < size; i++)
      p->counts += slots[i];
  }
  free(slots);
  free(heads);
}

static void take(flux_plugin *p, flux_evolved *a, const struct note *n) {
  p->tasks++;
  if (n->flags & FLUX_TASK_RECORDED)
    p->recorded++;
  if (n->flags & FLUX_TASK_COUNTED)
    p->counted++;
  if (n->flags & FLUX_TASK_SWAPPED)
    p->installed++;
  if (!(n->flags & FLUX_TASK_PROBATION) || p->accepted)
    return;
  if (p->live->agree(a->id, n->number, p->ctx) == FLUX_OK)
    p->agreed++;
  if (p->agreed >= AGREED_WANTED &&
      p->live->accept(a->id, n->version, p->ctx) == FLUX_OK) {
    p->accepted++;
    p->live->explain(a->id, "accepted by a fossil", p->ctx);
    if (p->log)
      p->log->line(FLUX_LOG_EVENT, "fossil: accepted", p->ctx);
  }
}

/* Offers with the ring drained, so that there is room for the note of the
 * first held task: one that is dropped would never be agreed to. */
static void drain(flux_plugin *p) {
  flux_evolved *a = p->agent;
  unsigned at;

  if (!a)
    return;
  at = atomic_load_explicit(&a->read, memory_order_relaxed);
  while (at != atomic_load_explicit(&a->written, memory_order_acquire)) {
    take(p, a, &a->ring[at++ % RING]);
    atomic_store_explicit(&a->read, at, memory_order_release);
  }
  if (p->recorded >= RECORDS_WANTED && !p->offered) {
    count(p, a);
    offer(p, a);
  }
}

static void *evolve(void *arg) {
  const struct timespec nap = {0, 200000};
  flux_plugin *p = arg;

  while (!atomic_load(&p->stop)) {
    pthread_mutex_lock(&p->lock);
    drain(p);
    pthread_mutex_unlock(&p->lock);
    nanosleep(&nap, NULL);
  }
  return NULL;
}

/* ---- hooks --------------------------------------------------------------- */

static void release(flux_evolved *a) {
  free(a->code);
  free(a->manifest);
  free(a);
}

static flux_status attach(flux_plugin *p, const flux_agent_info *info,
                          flux_evolved **out, char *message,
                          size_t capacity) {
  flux_evolved *a;

  if (p->agent || !FLUX_HAS(info, confidence_scale)) {
    snprintf(message, capacity, "a fossil takes one agent");
    return FLUX_E_BUSY;
  }
  a = calloc(1, sizeof *a);
  if (!a)
    return FLUX_E_MEMORY;
  a->plugin = p;
  a->id = info->id;
  a->code_size = info->code_size;
  a->entry = info->entry;
  a->code = malloc(info->code_size);
  a->manifest = strdup(info->manifest ? info->manifest : "");
  if (!a->code || !a->manifest) {
    release(a);
    return FLUX_E_MEMORY;
  }
  memcpy(a->code, info->code, info->code_size);
  pthread_mutex_lock(&p->lock);
  p->agent = a;
  pthread_mutex_unlock(&p->lock);
  p->live->observe(info->id, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD, 1,
                   p->ctx);
  *out = a;
  return FLUX_OK;
}

static void detach(flux_plugin *p, flux_evolved *a) {
  pthread_mutex_lock(&p->lock);
  drain(p);
  p->agent = NULL;
  pthread_mutex_unlock(&p->lock);
  release(a);
}

static void task_end(flux_evolved *a, const flux_task *task) {
  unsigned n = atomic_load_explicit(&a->written, memory_order_relaxed);

  if (n - atomic_load_explicit(&a->read, memory_order_acquire) == RING)
    return;
  a->ring[n % RING] = (struct note){task->number, task->version,
                                    task->flags};
  atomic_store_explicit(&a->written, n + 1, memory_order_release);
}

static const flux_evolver evolver = {
  sizeof evolver, 0, attach, detach, task_end,
};

/* ---- control ------------------------------------------------------------- */

static flux_status request(flux_plugin *p, const char *json, size_t size,
                           int32_t (*line)(const char *text, size_t n,
                                           void *user),
                           char *message, size_t capacity, void *user) {
  char text[300];

  if (size == 0 || !strstr(json, "\"status\"")) {
    snprintf(message, capacity, "a fossil knows status only");
    return FLUX_E_UNSUPPORTED;
  }
  pthread_mutex_lock(&p->lock);
  snprintf(text, sizeof text, "{\"tasks\":%d,\"recorded\":%d,\"counted\":%d,"
           "\"counts\":%d,\"offered\":%u,\"installed\":%u,\"agreed\":%d,"
           "\"accepted\":%u}", p->tasks > 0, p->recorded >= RECORDS_WANTED,
           p->counted > 0, p->counts > 0, p->offered, p->installed,
           p->agreed >= AGREED_WANTED, p->accepted);
  pthread_mutex_unlock(&p->lock);
  line(text, strlen(text), user);
  return FLUX_OK;
}

static const flux_control control = {sizeof control, 0, request};

/* ---- the core ------------------------------------------------------------ */

static uint32_t negotiate(uint32_t min, uint32_t max) {
  return min <= 1 && max >= 1 ? 1 : 0;
}

static flux_status check(const flux_host *host, char *message,
                         size_t capacity) {
  if (host->extension(FLUX_EXT_LIVE, host->ctx))
    return FLUX_OK;
  snprintf(message, capacity, "this host has no %s", FLUX_EXT_LIVE);
  return FLUX_E_UNSUPPORTED;
}

static flux_status create(const flux_host *host, flux_plugin **out,
                          char *message, size_t capacity) {
  flux_plugin *p;
  flux_status status = check(host, message, capacity);

  if (status != FLUX_OK)
    return status;
  p = calloc(1, sizeof *p);
  if (!p)
    return FLUX_E_MEMORY;
  p->live = host->extension(FLUX_EXT_LIVE, host->ctx);
  p->log = host->extension(FLUX_EXT_LOG, host->ctx);
  p->clock = host->extension(FLUX_EXT_CLOCK, host->ctx);
  p->ctx = host->ctx;
  pthread_mutex_init(&p->lock, NULL);
  if (pthread_create(&p->thread, NULL, evolve, p) != 0) {
    pthread_mutex_destroy(&p->lock);
    free(p);
    snprintf(message, capacity, "no thread");
    return FLUX_E_LIMIT;
  }
  *out = p;
  return FLUX_OK;
}

static void destroy(flux_plugin *p) {
  if (!p)
    return;
  atomic_store(&p->stop, 1);
  pthread_join(p->thread, NULL);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static const void *extension(flux_plugin *p, const char *id) {
  (void)p;
  if (strcmp(id, FLUX_EXT_EVOLVER) == 0)
    return &evolver;
  return strcmp(id, FLUX_EXT_CONTROL) == 0 ? &control : NULL;
}

static const flux_plugin_descriptor descriptor = {
  sizeof descriptor, FLUX_BUILD_SIGNATURE, "org.example.fossil", "Fossil",
  "1.0", negotiate, check, create, destroy, extension,
};

__attribute__((visibility("default")))
const flux_plugin_descriptor *flux_plugin_entry(void);

const flux_plugin_descriptor *flux_plugin_entry(void) {
  return &descriptor;
}
