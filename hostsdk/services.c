/*
 * hostsdk/services.c - settings, log, clock and natives for a plugin.
 */
#include "hostsdk/services_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = {"debug", "info", "event",
                                          "warning", "error"};
enum { LEVELS = sizeof level_names / sizeof level_names[0] };

const char *fhost_log_level_name(uint32_t level) {
  return level < LEVELS ? level_names[level] : "error";
}

int fhost_log_level_by_name(const char *name) {
  for (int i = 0; i < LEVELS; i++)
    if (strcmp(level_names[i], name) == 0)
      return i;
  return -1;
}

/* ---- the tables --------------------------------------------------------- */

static const flux_setting *config_at(uint32_t i, void *ctx) {
  const struct fhost_services *s = ctx;

  return i < s->options.setting_count ? &s->options.settings[i] : NULL;
}

/* A plugin's text may hold anything; a log line is one line. */
static void clean_copy(const char *text, char *out, size_t capacity) {
  size_t n = 0;

  assert(capacity > 0);
  for (; text[n] && n + 1 < capacity; n++)
    out[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7F ? ' ' : text[n];
  out[n] = '\0';
}

static void log_line(uint32_t level, const char *text, void *ctx) {
  struct fhost_services *s = ctx;
  char line[1024];

  if (level < s->options.log_level || !text)
    return;
  clean_copy(text, line, sizeof line);
  pthread_mutex_lock(&s->log_lock);
  if (s->options.log)
    s->options.log(level, line, s->options.log_user);
  else
    fprintf(stderr, "%s: %s: %s\n", s->host.name,
            fhost_log_level_name(level), line);
  pthread_mutex_unlock(&s->log_lock);
}

static uint64_t now_ns(void *ctx) {
  struct timespec t;

  (void)ctx;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static flux_status native_call(const char *name, const flux_value *args,
                               uint32_t count, flux_value *result,
                               void *ctx) {
  const struct fhost_services *s = ctx;
  const struct fhost_native *n;

  if (!name || !result || (count && !args))
    return FLUX_E_INVALID;
  n = fhost_natives_find(s->options.natives, name);
  return n ? fhost_native_call(n, args, count, result) : FLUX_E_NOT_FOUND;
}

static const void *extension(const char *id, void *ctx) {
  const struct fhost_services *s = ctx;
  const struct {
    const char *id;
    const void *table;
  } tables[] = {
    {FLUX_EXT_CONFIG, &s->config},
    {FLUX_EXT_LOG, &s->log},
    {FLUX_EXT_CLOCK, &s->clock},
    {FLUX_EXT_NATIVE, s->options.natives ? &s->native : NULL},
    {FLUX_EXT_STEP,
     s->options.vm || s->options.machines ? &s->step : NULL},
    {FLUX_EXT_LIVE, s->options.live ? &s->live : NULL},
    {FLUX_EXT_JUDGE, s->options.judge ? &s->judge : NULL},
  };

  for (unsigned i = 0; id && i < sizeof tables / sizeof tables[0]; i++)
    if (strcmp(tables[i].id, id) == 0)
      return tables[i].table;
  return NULL;
}

/* ---- life --------------------------------------------------------------- */

/* NULL: out of memory. */
static const char *build_id(struct fhost_services *s) {
  const struct fhost_services_options *o = &s->options;

  if (o->build_id)
    return o->build_id;
  if (!o->machines)
    return o->vm ? o->vm->build_id : "none";
  s->build_id = fhost_machines_build_id(o->machines);
  return s->build_id;
}

/* The dialect of the only VM for which nobody else has read it: that of the
 * options, or the built-in one among machines. NULL: steppers of it are
 * refused. */
static struct fisa_dialect *own_dialect(
    const struct fhost_services_options *o) {
  struct fisa_dialect *d = NULL;

  if (o->machines)
    (void)fhost_machines_dialect(o->machines, fhost_vm_reference.dialect, &d,
                                 NULL);
  else if (o->vm && !o->dialect)
    (void)fisa_dialect_builtin(o->vm->dialect, true, &d, NULL);
  return d;
}

struct fhost_services *
fhost_services_new(const struct fhost_services_options *o) {
  struct fhost_services *s = calloc(1, sizeof *s);

  assert(o && o->name && o->version);
  assert(o->setting_count == 0 || o->settings);
  if (!s)
    return NULL;
  if (pthread_mutex_init(&s->log_lock, NULL) != 0) {
    free(s);
    return NULL;
  }
  s->options = *o;
  s->dialect = own_dialect(o);
  s->host = (flux_host){
    .struct_size = sizeof s->host, .abi_version = FLUX_ABI_VERSION,
    .name = o->name, .version = o->version, .build_id = build_id(s),
    .ctx = s, .extension = extension,
  };
  if (!s->host.build_id) {
    fhost_services_free(s);
    return NULL;
  }
  s->config = (flux_config){
    .struct_size = sizeof s->config, .count = o->setting_count,
    .at = config_at,
  };
  s->log = (flux_log){
    .struct_size = sizeof s->log, .level = o->log_level, .line = log_line,
  };
  s->clock = (flux_clock){.struct_size = sizeof s->clock, .now_ns = now_ns};
  s->native = (flux_native){
    .struct_size = sizeof s->native, .call = native_call,
  };
  fhost_step_fill(&s->step, &s->options);
  fhost_live_fill(&s->live);
  fhost_judge_fill(&s->judge, &s->options);
  return s;
}

void fhost_services_free(struct fhost_services *s) {
  if (!s)
    return;
  pthread_mutex_destroy(&s->log_lock);
  fisa_dialect_free(s->dialect);
  free(s->build_id);
  free(s);
}

const flux_host *fhost_services_host(const struct fhost_services *s) {
  return &s->host;
}
