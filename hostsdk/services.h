/*
 * hostsdk/services.h - what a host offers one plugin instance.
 *
 * Makes the flux_host struct of a plugin with the extensions flux.config/1,
 * flux.log/1, flux.clock/1, flux.native/1, flux.step/1, and passes
 * flux.live/1 and flux.judge/1 on to a runtime and a host. All of a plugin's
 * calls carry one context, flux_host.ctx, so there is one of these for each
 * plugin instance.
 */
#ifndef FLUX_HOSTSDK_SERVICES_H
#define FLUX_HOSTSDK_SERVICES_H

#include <flux/services.h>

#include "hostsdk/machines.h"
#include "hostsdk/native.h"
#include "hostsdk/runtime.h"

struct fhost_services_options {
  const char *name, *version;     /* of the host program */
  const char *build_id;           /* NULL: that of the VM, or of all */
  /* The plugin's settings; outlive the services. */
  const flux_setting *settings;
  uint32_t setting_count;
  /* Lines at or above `log_level` go here, one call at a time; NULL: to
   * stderr, "NAME: level: text". */
  void (*log)(uint32_t level, const char *text, void *user);
  void *log_user;
  uint32_t log_level;
  const struct fhost_natives *natives;  /* NULL: no flux.native/1 */
  const struct fhost_vm *vm;            /* this and machines NULL: no
                                           flux.step/1 */
  const struct fisa_dialect *dialect;   /* of the VM; NULL: the built-in one
                                           of its name, with bindings */
  const struct fhost_machines *machines; /* in the place of vm: all that
                                           are there when the services are
                                           made, by their dialects' names; add
                                           none later */
  const flux_live *live;                /* NULL: no flux.live/1 */
  void *live_ctx;
  const flux_judge *judge;              /* NULL: no flux.judge/1 */
  void *judge_ctx;
};

struct fhost_services;

/* NULL when out of memory. Copies the options, not what they point to. */
struct fhost_services *
fhost_services_new(const struct fhost_services_options *o);

/* After the plugin's destroy. NULL is fine. */
void fhost_services_free(struct fhost_services *s);

/* The host struct to create the plugin with; lives as long as `s`. */
const flux_host *fhost_services_host(const struct fhost_services *s);

/* The name of a log level ("event"); the level of a name, or -1. */
const char *fhost_log_level_name(uint32_t level);
int fhost_log_level_by_name(const char *name);

#endif /* FLUX_HOSTSDK_SERVICES_H */
