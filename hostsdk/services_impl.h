/*
 * hostsdk/services_impl.h - the services of one plugin instance. Private to
 * libfluxhost.
 */
#ifndef FLUX_HOSTSDK_SERVICES_IMPL_H
#define FLUX_HOSTSDK_SERVICES_IMPL_H

#include <pthread.h>

#include "hostsdk/services.h"

#pragma GCC visibility push(hidden)

struct fhost_services {
  struct fhost_services_options options;
  struct fisa_dialect *dialect; /* of steppers that nobody else has read */
  pthread_mutex_t log_lock;  /* one line at a time */
  flux_host host;
  flux_config config;
  flux_log log;
  flux_clock clock;
  flux_native native;
  flux_step step;
  flux_live live;
  flux_judge judge;
  char *build_id;            /* of all machines, or NULL */
};

/* Fills a flux.step/1 table for the VMs of the options; its context is the
 * services. */
void fhost_step_fill(flux_step *step,
                     const struct fhost_services_options *o);

/* Fills a flux.live/1 table that passes calls on to options.live. */
void fhost_live_fill(flux_live *live);

/* And a flux.judge/1 table, as options.judge has it. */
void fhost_judge_fill(flux_judge *judge,
                      const struct fhost_services_options *o);

#pragma GCC visibility pop

#endif /* FLUX_HOSTSDK_SERVICES_IMPL_H */
