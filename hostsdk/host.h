/*
 * hostsdk/host.h - a whole host from a config: natives, plugins, agents.
 *
 *   struct fhost_config *config;
 *   struct fhost *host;
 *   fhost_config_load("flux.conf", &config, &err);
 *   fhost_open(config, &(struct fhost_open_options){.plugins = true},
 *              &host, &err);
 *   fhost_run(host, 0, NULL, &err);
 *   fhost_close(host);
 *   fhost_config_free(config);
 *
 * What a host author would otherwise write by hand: the world of each agent
 * (its sources, channels and inputs) made of native calls, outputs collected,
 * plugins given their services, agents attached.
 */
#ifndef FLUX_HOSTSDK_HOST_H
#define FLUX_HOSTSDK_HOST_H

#include "hostsdk/config.h"
#include "hostsdk/runtime.h"

struct fhost;

struct fhost_open_options {
  bool plugins;            /* load the plugins that are enabled */
  bool keep_outputs;       /* remember what is released, for fhost_outputs */
  const char *variant;     /* run NAME_VARIANT.flx in the place of NAME.flx
                              where there is one; NULL: no */
  /* Lines of plugins and of the host itself; NULL: to stderr. */
  void (*log)(uint32_t level, const char *text, void *user);
  void *log_user;
};

/*
 * Makes a host. The config must outlive it. A program that cannot be loaded
 * costs its agent, with a line in the log; a plugin or native that cannot be
 * loaded is an error. Returns 0, or -1 with err. Main thread.
 */
int fhost_open(const struct fhost_config *config,
               const struct fhost_open_options *o, struct fhost **out,
               struct fisa_error *err);

/* Checks all that can be checked without running: natives, programs, calls,
 * plugins and their settings. Returns 0, or -1 with err. */
int fhost_check(const struct fhost_config *config, struct fisa_error *err);

/* Runs all agents (see fhost_runtime_run). tasks: 0 takes the config's. Agents
 * that stopped with a fault or without fuel get a line at warning. */
int fhost_run(struct fhost *h, uint64_t tasks, const _Atomic int *stop,
              struct fisa_error *err);

/* Detaches agents, closes plugins and natives, frees. NULL is fine. */
void fhost_close(struct fhost *h);

/*
 * The first of its plugins that has an extension, and the extension's table:
 * for requests of the host's own. NULL: none has it.
 */
const void *fhost_extension(const struct fhost *h, const char *id,
                            flux_plugin **plugin);

/* Agents in config order; those that could not be loaded are left out. */
uint32_t fhost_agent_count(const struct fhost *h);
struct fhost_agent *fhost_agent_at(const struct fhost *h, uint32_t i);

/* The channel of what a halted task leaves to see: a digest of its
 * observables, so that results count as outputs do. */
#define FHOST_RESULT 0xFFFFu

/* A released output. */
struct fhost_output {
  uint64_t task;
  uint16_t channel;        /* of the dialect, or FHOST_RESULT */
  uint8_t argc;
  int32_t arg[FISA_MAX_ARGS];
};

/* The outputs agent i released, in order; NULL without keep_outputs. */
const struct fhost_output *fhost_outputs(const struct fhost *h, uint32_t i,
                                         size_t *count);

/* Writes them all, a line each: AGENT TASK CHANNEL ARG... */
int fhost_outputs_write(const struct fhost *h, const char *path,
                        struct fisa_error *err);

/*
 * Compares them with a file written by a control run: per agent, the number
 * of outputs that differ in value or place, are missing or too many, as far
 * as the agent was not tuned. wrong[i] for agent i. Returns 0, or -1 with err.
 */
int fhost_outputs_compare(const struct fhost *h, const char *path,
                          uint64_t *wrong, struct fisa_error *err);

#endif /* FLUX_HOSTSDK_HOST_H */
