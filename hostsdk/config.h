/*
 * hostsdk/config.h - the host's configuration file as plain structs.
 *
 * The file is in libconfig syntax. One schema table (see config_schema.c)
 * names every key, its type, range, default and meaning; parsing, its error
 * sentences and the help text all come from it. What is not in the table is
 * an error, except in a plugin's block, which belongs to the plugin.
 *
 *   host = { name = "demo"; threads = 2; tasks = 2000; };
 *   natives = { temp = "libroom.so:room_temp(i32)->i32"; };
 *   plugins = ( { name = "flux_self_evolve"; path = "flux_self_evolve.so";
 *                 policy = { seed = 1; }; } );
 *   dialects = ( { path = "mine.fluxisa"; bindings = "mine.bindings"; } );
 *   vms = ( { dialect = "mine"; path = "libmine_vm.so"; } );
 *   agents = ( { name = "thermostat"; program = "thermostat.flx";
 *                sources = ( { name = "TEMP"; call = "temp(0)"; } ); } );
 *
 * Every error is one sentence, "FILE:LINE: sentence". A config that loads
 * has been checked as far as that goes without opening any other file:
 * signatures, calls, places, names. It is immutable afterwards.
 */
#ifndef FLUX_HOSTSDK_CONFIG_H
#define FLUX_HOSTSDK_CONFIG_H

#include <flux/services.h>

#include "isa/program.h"

#define FHOST_MAX_CONFIG (1u << 20)  /* bytes of a config file */
#define FHOST_MAX_AGENTS 1024u
#define FHOST_MAX_THREADS 64

/* A native: NAME = "LIBRARY:SYMBOL(TYPE,...)->TYPE" (see native.h). */
struct fhost_native_config {
  const char *name;
  const char *spec;
  uint32_t line;
};

/* A dialect that is not built in, or in the place of one that is. */
struct fhost_dialect_config {
  const char *path;        /* of its text, joined with the config's folder */
  const char *bindings;    /* of its overlay, joined likewise; "": none */
  uint32_t line;
};

/* The VM of a dialect, where it is not built in and not flux_vm_NAME.so. */
struct fhost_vm_config {
  const char *dialect;     /* name */
  const char *path;        /* as written; see fhost_plugin_find */
  uint32_t line;
};

/* One plugin. `settings` is its own block, flattened for flux.config/1. */
struct fhost_plugin_config {
  const char *name;
  const char *path;        /* as written; see fhost_plugin_find */
  bool enabled;
  uint32_t line;
  uint32_t setting_count;
  const flux_setting *settings;
};

/* A source or channel of an agent, bound to a call (see callexpr.h). */
struct fhost_binding_config {
  const char *name;        /* of the source or channel */
  const char *call;
  const char *model;       /* of a source: what stands in for it in trials, see
                              judge.h; "": nothing */
  bool has_arg;            /* bound only where the first argument is `arg` */
  int32_t arg;
  uint32_t line;
};

/* What a fresh task finds laid in its state. */
struct fhost_input_config {
  const char *to;          /* "R1", "mem 0x100 64"; see fhost_place_resolve */
  const char *call;
  uint32_t line;
};

struct fhost_agent_config {
  const char *name;        /* unique in the host */
  const char *program;     /* path, joined with the config's folder */
  const char *dialect;     /* "" : the program names its own */
  const char *manifest;    /* path, joined likewise; "": none */
  const char *boundary;    /* "": the manifest's; see fhost_boundary_set */
  const char *confidence;  /* "C1/100"; "": none */
  const char *scorer;      /* what a task was worth, see judge.h; "": none */
  bool fresh_start;
  double trust;            /* 0..1; 0: never evolved */
  int32_t thread;          /* worker, or -1: any */
  uint64_t max_task_fuel;
  uint32_t line;
  uint32_t source_count, channel_count, input_count;
  const struct fhost_binding_config *sources;
  const struct fhost_binding_config *channels;
  const struct fhost_input_config *inputs;
};

struct fhost_config {
  const char *file;        /* as given, for messages */
  const char *folder;      /* absolute; relative paths start here */
  const char *name;        /* of the host */
  uint32_t threads;        /* workers that run agents */
  uint64_t seed;
  uint64_t tasks;          /* an agent; 0: until stopped */
  uint32_t pace_us;        /* a worker rests so long after each round */
  const char *outputs;     /* path, joined; "": outputs are not written */
  uint32_t log_level;      /* FLUX_LOG_* */
  uint32_t native_count, dialect_count, vm_count, plugin_count, agent_count;
  const struct fhost_native_config *natives;
  const struct fhost_dialect_config *dialects;
  const struct fhost_vm_config *vms;
  const struct fhost_plugin_config *plugins;
  const struct fhost_agent_config *agents;
  void *arena;             /* private: what owns all of the above */
};

/*
 * Reads a file. On success returns 0 and a config to be given to
 * fhost_config_free; else -1, *out untouched, err filled.
 */
int fhost_config_load(const char *path, struct fhost_config **out,
                      struct fisa_error *err);

/* The same for a text; `where` names it in sentences, `folder` is where
 * relative paths start. */
int fhost_config_parse(const char *text, const char *where,
                       const char *folder, struct fhost_config **out,
                       struct fisa_error *err);

/* Frees a config and all it points to; NULL is fine. */
void fhost_config_free(struct fhost_config *c);

/* A row of the schema, for help and docs. `key` is the whole path, as
 * "agents.sources.call"; texts are static or live in the row itself. */
struct fhost_config_row {
  char key[64];
  const char *type, *meaning;
  char def[32], range[48];
};

/* Row i of the schema; false past the last. */
bool fhost_config_row(unsigned i, struct fhost_config_row *out);

/* The number of edits between two words, for "did you mean". Words longer
 * than 63 bytes count as unlike anything. */
unsigned fhost_edit_distance(const char *a, const char *b);

/* ---- what the strings of an agent mean in its dialect ------------------- */

/*
 * A place where an input is laid: a register or single cell ("R1", "Z"), or
 * "mem ADDRESS COUNT". Fills cells (kind FILE or MEM). With d == NULL only
 * the form is checked. Returns 0, or -1 with err.
 */
int fhost_place_resolve(const struct fisa_dialect *d, const char *text,
                        struct fisa_cells *out, struct fisa_error *err);

/*
 * A confidence source "CELL/SCALE" ("C1/100"): the cell of a state and the
 * value that means 1.0. "": cell -1, scale 1. d == NULL as above.
 */
int fhost_confidence_resolve(const struct fisa_dialect *d, const char *text,
                             int32_t *cell, double *scale,
                             struct fisa_error *err);

/*
 * Lays a boundary rule over a program's manifest: "" (leaves it), "default",
 * "yield", "out:CHANNEL", "pc:LABEL" or "pc:NUMBER". p == NULL: form only.
 */
int fhost_boundary_set(struct fisa_program *p, const char *text,
                       struct fisa_error *err);

#endif /* FLUX_HOSTSDK_CONFIG_H */
