/*
 * hostsdk/config_schema.c - every key of the config, once.
 *
 * To add a key: a member in config.h and a row here. Rows are converted in
 * this order, whatever the order in the file: natives stand before agents,
 * whose calls refer to them, host before agents, whose threads do.
 */
#include "hostsdk/config_schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "hostsdk/callexpr.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof(a)[0]))
#define AT(type, member) ((uint16_t)offsetof(struct type, member))

enum { NAME_MAX_BYTES = 63, PATH_MAX_BYTES = 4000, LIST_MAX = 256 };

/* A scalar: key, type, member's struct and name, range, default, meaning. */
#define ROW(key_, type_, in, member, lo_, hi_, def_, text)                  \
  {.key = key_, .type = FHOST_FIELD_##type_, .offset = AT(in, member),      \
   .lo = lo_, .hi = hi_, .def = def_, .meaning = text}
#define LIST(key_, in, member, counter, max, schema, text)                  \
  {.key = key_, .type = FHOST_FIELD_LIST, .offset = AT(in, member),         \
   .count = AT(in, counter), .hi = max, .def = "()", .meaning = text,       \
   .sub = schema}

static const struct fhost_field host_fields[] = {
  ROW("name", NAME, fhost_config, name, 1, NAME_MAX_BYTES, "flux-host",
      "what the host calls itself in messages"),
  ROW("threads", U32, fhost_config, threads, 1, FHOST_MAX_THREADS, "1",
      "workers that run agents"),
  ROW("seed", U64, fhost_config, seed, 0, INT64_MAX, "1",
      "of the host's own random draws"),
  ROW("tasks", U64, fhost_config, tasks, 0, INT64_MAX, "0",
      "tasks every agent runs; 0: until stopped"),
  ROW("pace_us", U32, fhost_config, pace_us, 0, 10000000, "0",
      "microseconds a worker rests after a round of its agents"),
  ROW("outputs", PATH, fhost_config, outputs, 0, PATH_MAX_BYTES, "",
      "file the released outputs are written to; empty: none"),
  ROW("log", LEVEL, fhost_config, log_level, 0, 16, "info",
      "lowest level shown: debug, info, event, warning, error"),
};

static const struct fhost_schema host_schema = {
  .what = "host", .fields = host_fields, .count = COUNT(host_fields),
  .line = FHOST_NO_LINE,
};

static const struct fhost_field dialect_fields[] = {
  ROW("path", PATH, fhost_dialect_config, path, 1, PATH_MAX_BYTES, NULL,
      "file .fluxisa of a dialect; in the place of a built-in one of its name"),
  ROW("bindings", PATH, fhost_dialect_config, bindings, 0, PATH_MAX_BYTES, "",
      "file .bindings of what this host makes of its rows; empty: none"),
};

static const struct fhost_schema dialect_schema = {
  .what = "a dialect", .fields = dialect_fields,
  .count = COUNT(dialect_fields),
  .size = sizeof(struct fhost_dialect_config),
  .line = AT(fhost_dialect_config, line),
};

static const struct fhost_field vm_fields[] = {
  ROW("dialect", NAME, fhost_vm_config, dialect, 1, FISA_MAX_NAME - 1, NULL,
      "name of the dialect that it runs"),
  ROW("path", STRING, fhost_vm_config, path, 1, PATH_MAX_BYTES, NULL,
      "shared object with its adapter: absolute, or inside a plugin folder"),
};

static const struct fhost_schema vm_schema = {
  .what = "a VM", .fields = vm_fields, .count = COUNT(vm_fields),
  .size = sizeof(struct fhost_vm_config), .line = AT(fhost_vm_config, line),
};

static const struct fhost_field plugin_fields[] = {
  ROW("name", NAME, fhost_plugin_config, name, 1, NAME_MAX_BYTES, NULL,
      "what messages call the plugin"),
  ROW("path", STRING, fhost_plugin_config, path, 1, PATH_MAX_BYTES, NULL,
      "the shared object: absolute, or inside a plugin folder"),
  ROW("enabled", BOOL, fhost_plugin_config, enabled, 0, 1, "true",
      "whether it is loaded at all"),
};

static const struct fhost_schema plugin_schema = {
  .what = "a plugin", .fields = plugin_fields,
  .count = COUNT(plugin_fields), .size = sizeof(struct fhost_plugin_config),
  .line = AT(fhost_plugin_config, line), .open = true,
};

static const struct fhost_field source_fields[] = {
  ROW("name", NAME, fhost_binding_config, name, 1, FISA_MAX_NAME - 1, NULL,
      "source of the dialect"),
  {.key = "arg", .type = FHOST_FIELD_ARG,
   .offset = AT(fhost_binding_config, arg),
   .count = AT(fhost_binding_config, has_arg), .lo = INT32_MIN,
   .hi = INT32_MAX, .def = "", .meaning =
   "only where the first argument is this"},
  ROW("call", CALL, fhost_binding_config, call, 0, FHOST_CALL_SOURCE, NULL,
      "call that gives the value"),
  ROW("model", JUDGE, fhost_binding_config, model, 0, 0, "",
      "call that gives the next value in trials of tuning; empty: none"),
};

static const struct fhost_schema source_schema = {
  .what = "a source", .fields = source_fields,
  .count = COUNT(source_fields), .size = sizeof(struct fhost_binding_config),
  .line = AT(fhost_binding_config, line),
};

static const struct fhost_field channel_fields[] = {
  ROW("name", NAME, fhost_binding_config, name, 1, FISA_MAX_NAME - 1, NULL,
      "channel of the dialect"),
  {.key = "arg", .type = FHOST_FIELD_ARG,
   .offset = AT(fhost_binding_config, arg),
   .count = AT(fhost_binding_config, has_arg), .lo = INT32_MIN,
   .hi = INT32_MAX, .def = "", .meaning =
   "only where the first argument is this"},
  ROW("call", CALL, fhost_binding_config, call, 0, FHOST_CALL_CHANNEL, NULL,
      "call that takes the output"),
};

static const struct fhost_schema channel_schema = {
  .what = "a channel", .fields = channel_fields,
  .count = COUNT(channel_fields),
  .size = sizeof(struct fhost_binding_config),
  .line = AT(fhost_binding_config, line),
};

static const struct fhost_field input_fields[] = {
  ROW("to", PLACE, fhost_input_config, to, 0, 0, NULL,
      "register or cell, or mem ADDRESS COUNT"),
  ROW("call", CALL, fhost_input_config, call, 0, FHOST_CALL_INPUT, NULL,
      "call that gives the value; index counts the bytes"),
};

static const struct fhost_schema input_schema = {
  .what = "an input", .fields = input_fields, .count = COUNT(input_fields),
  .size = sizeof(struct fhost_input_config),
  .line = AT(fhost_input_config, line),
};

static const struct fhost_field agent_fields[] = {
  ROW("name", NAME, fhost_agent_config, name, 1, NAME_MAX_BYTES, NULL,
      "unique in the host; names the agent in the journal"),
  ROW("program", PATH, fhost_agent_config, program, 1, PATH_MAX_BYTES, NULL,
      "file .flx or .fxb"),
  ROW("dialect", NAME, fhost_agent_config, dialect, 0, FISA_MAX_NAME - 1, "",
      "dialect of the program; empty: it names its own"),
  ROW("manifest", PATH, fhost_agent_config, manifest, 0, PATH_MAX_BYTES, "",
      "file .flx of directives for a program that has none"),
  LIST("sources", fhost_agent_config, sources, source_count, LIST_MAX,
       &source_schema, "where outside values come from"),
  LIST("channels", fhost_agent_config, channels, channel_count, LIST_MAX,
       &channel_schema, "where outputs go"),
  LIST("inputs", fhost_agent_config, inputs, input_count, LIST_MAX,
       &input_schema, "what a fresh task finds in its state"),
  ROW("boundary", BOUNDARY, fhost_agent_config, boundary, 0, 0, "",
      "default, yield, out:CHANNEL or pc:LABEL; empty: the manifest's"),
  ROW("fresh_start", BOOL, fhost_agent_config, fresh_start, 0, 1, "true",
      "after HALT the next task begins with the initial state"),
  ROW("confidence", CONFIDENCE, fhost_agent_config, confidence, 0, 0, "",
      "CELL/SCALE, the cell that tells and what means 1.0; empty: none"),
  ROW("scorer", JUDGE, fhost_agent_config, scorer, 0, 0, "",
      "call that gives what a task was worth, 0..1; empty: its confidence"),
  ROW("trust", FLOAT, fhost_agent_config, trust, 0, 1, "0",
      "constant trust; 0: never evolved"),
  ROW("thread", I32, fhost_agent_config, thread, -1, FHOST_MAX_THREADS - 1,
      "-1", "worker that runs the agent; -1: any"),
  ROW("max_task_fuel", U64, fhost_agent_config, max_task_fuel, 1,
      1000000000000, "1000000", "instructions a task may take"),
};

static const struct fhost_schema agent_schema = {
  .what = "an agent", .fields = agent_fields, .count = COUNT(agent_fields),
  .size = sizeof(struct fhost_agent_config),
  .line = AT(fhost_agent_config, line),
};

static const struct fhost_field root_fields[] = {
  {.key = "host", .type = FHOST_FIELD_GROUP, .def = "{}",
   .meaning = "the host itself", .sub = &host_schema},
  {.key = "natives", .type = FHOST_FIELD_NATIVES,
   .offset = AT(fhost_config, natives),
   .count = AT(fhost_config, native_count), .hi = FHOST_MAX_NATIVES,
   .def = "{}",
   .meaning = "NAME = \"LIBRARY:SYMBOL(TYPE,...)->TYPE\""},
  LIST("dialects", fhost_config, dialects, dialect_count, 32, &dialect_schema,
       "dialects that are not built in"),
  LIST("vms", fhost_config, vms, vm_count, 32, &vm_schema,
       "VMs that are neither built in nor named flux_vm_DIALECT.so"),
  LIST("plugins", fhost_config, plugins, plugin_count, 16, &plugin_schema,
       "plugins; further keys are the plugin's own"),
  LIST("agents", fhost_config, agents, agent_count, FHOST_MAX_AGENTS,
       &agent_schema, "agents, in the order they are run"),
};

const struct fhost_schema fhost_config_schema = {
  .what = "the config", .fields = root_fields, .count = COUNT(root_fields),
  .size = sizeof(struct fhost_config), .line = FHOST_NO_LINE,
};

const char *fhost_field_type_name(const struct fhost_field *f) {
  switch (f->type) {
  case FHOST_FIELD_I32:
  case FHOST_FIELD_U32:
  case FHOST_FIELD_U64:
  case FHOST_FIELD_ARG:
    return "an integer";
  case FHOST_FIELD_FLOAT:
    return "a number";
  case FHOST_FIELD_BOOL:
    return "true or false";
  case FHOST_FIELD_GROUP:
  case FHOST_FIELD_NATIVES:
    return "a group { }";
  case FHOST_FIELD_LIST:
    return "a list ( ) of groups";
  default:
    return "a string";
  }
}

/* ---- rows for help ------------------------------------------------------ */

static void row_fill(const struct fhost_field *f, const char *prefix,
                     struct fhost_config_row *out) {
  memset(out, 0, sizeof *out);
  snprintf(out->key, sizeof out->key, "%.40s%s%s", prefix,
           *prefix ? "." : "", f->key);
  snprintf(out->def, sizeof out->def, "%.31s", f->def ? f->def : "required");
  out->type = fhost_field_type_name(f);
  out->meaning = f->meaning;
  switch (f->type) {
  case FHOST_FIELD_I32:
  case FHOST_FIELD_U32:
  case FHOST_FIELD_U64:
  case FHOST_FIELD_ARG:
  case FHOST_FIELD_FLOAT:
    snprintf(out->range, sizeof out->range, "%lld..%lld", (long long)f->lo,
             (long long)f->hi);
    break;
  case FHOST_FIELD_LIST:
  case FHOST_FIELD_NATIVES:
    snprintf(out->range, sizeof out->range, "at most %lld", (long long)f->hi);
    break;
  default:
    break;
  }
}

/* Counts *left down over the rows of a schema in depth-first order; true when
 * it reached the row asked for. */
static bool row_find(const struct fhost_schema *schema, const char *prefix,
                     unsigned *left, struct fhost_config_row *out) {
  for (unsigned i = 0; i < schema->count; i++) {
    const struct fhost_field *f = &schema->fields[i];

    if ((*left)-- == 0) {
      row_fill(f, prefix, out);
      return true;
    }
    if (f->sub) {
      char path[64];
      snprintf(path, sizeof path, "%.40s%s%s", prefix, *prefix ? "." : "",
               f->key);
      if (row_find(f->sub, path, left, out))
        return true;
    }
  }
  return false;
}

bool fhost_config_row(unsigned i, struct fhost_config_row *out) {
  assert(out);
  return row_find(&fhost_config_schema, "", &i, out);
}
