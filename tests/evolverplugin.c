/*
 * evolverplugin.c - a plugin that evolves nothing, for test_world.c: it lets
 * agents be attached, tells in their explanation what it was given, and
 * counts their tasks through the host's log.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <flux/services.h>

struct flux_plugin {
  const flux_host *host;
  const flux_live *live;
  const flux_log *log;
};

struct flux_evolved {
  uint64_t id;
  _Atomic uint64_t tasks;
};

static uint32_t negotiate(uint32_t min, uint32_t max) {
  return min <= 1 && max >= 1 ? 1 : 0;
}

static flux_status check(const flux_host *host, char *message,
                         size_t capacity) {
  const flux_config *config = host->extension(FLUX_EXT_CONFIG, host->ctx);
  if (config != NULL && config->count == 0) return FLUX_OK;
  snprintf(message, capacity, "this plugin knows no settings");
  return FLUX_E_CONFIG;
}

static flux_status create(const flux_host *host, flux_plugin **out,
                          char *message, size_t capacity) {
  flux_plugin *p;
  flux_status rc = check(host, message, capacity);
  if (rc != FLUX_OK) return rc;
  p = calloc(1, sizeof *p);
  if (p == NULL) return FLUX_E_MEMORY;
  p->host = host;
  p->live = host->extension(FLUX_EXT_LIVE, host->ctx);
  p->log = host->extension(FLUX_EXT_LOG, host->ctx);
  *out = p;
  return FLUX_OK;
}

static void destroy(flux_plugin *p) { free(p); }

static flux_status attach(flux_plugin *p, const flux_agent_info *info,
                          flux_evolved **out, char *message,
                          size_t capacity) {
  char text[160];
  if (info->trust == 0) {
    snprintf(message, capacity, "agent \"%s\" has no trust", info->name);
    return FLUX_E_DENIED;
  }
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return FLUX_E_MEMORY;
  (*out)->id = info->id;
  snprintf(text, sizeof text, "%s, table %s, bindings %s, %u bytes, %s",
           info->dialect,
           info->dialect_text != NULL &&
                   strlen(info->dialect_text) >= info->dialect_size
               ? "given" : "missing",
           info->bindings_text != NULL ? "given" : "missing",
           (unsigned)info->code_size,
           strstr(info->manifest, ".in") != NULL ? ".in" : "no .in");
  p->live->explain(info->id, text, p->host->ctx);
  p->live->observe(info->id, FLUX_OBSERVE_RECORD, 1, p->host->ctx);
  return FLUX_OK;
}

static void detach(flux_plugin *p, flux_evolved *agent) {
  char text[64];
  snprintf(text, sizeof text, "agent %u: %u tasks", (unsigned)agent->id,
           (unsigned)atomic_load(&agent->tasks));
  p->log->line(FLUX_LOG_EVENT, text, p->host->ctx);
  free(agent);
}

static void task_end(flux_evolved *agent, const flux_task *task) {
  (void)task;
  atomic_fetch_add_explicit(&agent->tasks, 1, memory_order_relaxed);
}

static const flux_evolver evolver = {sizeof evolver, 0, attach, detach,
                                     task_end};

static const void *extension(flux_plugin *p, const char *id) {
  (void)p;
  return strcmp(id, FLUX_EXT_EVOLVER) == 0 ? &evolver : NULL;
}

static const flux_plugin_descriptor descriptor = {
    .struct_size = sizeof descriptor,
    .build_signature = FLUX_BUILD_SIGNATURE,
    .id = "org.example.idle",
    .name = "An idle evolver",
    .version = "1",
    .negotiate = negotiate,
    .check = check,
    .create = create,
    .destroy = destroy,
    .extension = extension,
};

__attribute__((visibility("default")))
const flux_plugin_descriptor *flux_plugin_entry(void);

const flux_plugin_descriptor *flux_plugin_entry(void) { return &descriptor; }
