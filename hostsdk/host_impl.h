/*
 * hostsdk/host_impl.h - what host.c and its neighbours share. Private.
 */
#ifndef FLUX_HOSTSDK_HOST_IMPL_H
#define FLUX_HOSTSDK_HOST_IMPL_H

#include "hostsdk/callexpr.h"
#include "hostsdk/host.h"
#include "hostsdk/judge.h"
#include "hostsdk/plugin.h"
#include "hostsdk/services.h"

/* A source or channel bound to a call. */
struct fhost_bound {
  uint16_t name;           /* index in the dialect */
  bool has_arg;
  int32_t arg;
  struct fhost_call call;
};

struct fhost_laid {
  struct fisa_cells place;
  struct fhost_call call;
};

/* An agent with its world. */
struct fhost_member {
  const struct fhost_agent_config *config;
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  struct fhost_agent *agent;     /* the runtime's */
  const struct fhost_vm *vm;     /* the host's machines' */
  uint32_t source_count, channel_count, input_count;
  struct fhost_bound *sources, *channels;
  struct fhost_laid *inputs;
  struct fhost_judging judging;
  int rand_source;               /* index of source RAND, or -1 */
  uint64_t random;               /* state of the unbound RAND source */
  bool keep;
  struct fhost_output *outputs;
  size_t output_count, output_capacity;
  bool lost;                     /* outputs that found no memory */
};

struct fhost_loaded {
  const char *name;              /* the config's */
  struct fhost_services *services;
  struct fhost_plugin *plugin;
};

struct fhost {
  const struct fhost_config *config;
  struct fhost_open_options o;
  struct fhost_natives *natives;
  struct fhost_machines *machines;
  struct fhost_runtime *runtime;
  uint32_t member_count, plugin_count;
  struct fhost_member *members;
  struct fhost_loaded *plugins;
  flux_judge judge;
};

/* world.c: fills a member's world from its config. 0 or -1 with err. */
int fhost_world_make(struct fhost_member *m,
                     const struct fhost_natives *natives, uint64_t seed,
                     struct fhost_world *out, struct fisa_error *err);
void fhost_world_done(struct fhost_member *m);

/* The first input that the program does not declare with .in, or NULL. Tasks
 * it is laid for begin outside of what the manifest promises. */
const char *fhost_world_undeclared(const struct fhost_member *m);

#endif /* FLUX_HOSTSDK_HOST_IMPL_H */
