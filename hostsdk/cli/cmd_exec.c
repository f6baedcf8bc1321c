/*
 * cli/cmd_exec.c - exec: one run of a program on an engine.
 *
 * The reference VM is part of the host; the IR engine, the lanes and the CUDA
 * back end are the plugin's. All give the same line.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/cli/cli.h"

/* ---- the IR engine, in the plugin --------------------------------------- */

struct reply {
  char *line;  /* the first one, or NULL */
};

static int32_t take_line(const char *text, size_t size, void *user) {
  struct reply *r = user;

  assert(r);
  if (!r->line)
    r->line = strndup(text, size);
  return 0;
}

enum { STATE_MAX = 64 << 20 };  /* bytes of a --state file */

/* Reads --state as the object that the request wants, and as the state that it
 * has to be: the plugin would not know the name of the file. */
static int state_json(const struct cli_options *o,
                      const struct fisa_program *p, json_t **out,
                      struct fisa_error *err) {
  struct fisa_state *s = fisa_state_new(p->dialect);
  struct fisa_trace in = {0};
  struct fisa_error why = {"out of memory"};
  char *text = NULL;
  size_t length;
  int rc = -1;

  assert(o->state && out);
  if (fisa_read_file(o->state, STATE_MAX, &text, &length, err) != 0)
    goto done;
  if (s) {
    fisa_state_start(p, s);
    rc = fisa_state_from_json(p->dialect, text, length, s, &in, &why);
  }
  if (rc == 0 && !(*out = json_loadb(text, length, 0, NULL)))
    rc = -1;
  if (rc != 0)
    fisa_fail(err, "%.100s: %s", o->state, why.text);
done:
  free(text);
  fisa_trace_done(&in);
  fisa_state_free(s);
  return rc;
}

static json_t *exec_request(const struct cli_options *o,
                            const struct fisa_program *p, json_t *state) {
  json_t *request = json_pack("{s:s, s:s, s:o}", "cmd", "exec", "engine",
                              o->engine, "program", cli_program_json(p));

  if (!request)
    return NULL;
  if ((state && json_object_set(request, "state", state) != 0) ||
      (o->has_fuel &&
       json_object_set_new(request, "fuel",
                           json_integer((json_int_t)o->fuel)) != 0)) {
    json_decref(request);
    return NULL;
  }
  return request;
}

static int exec_plugin(const struct cli_options *o,
                       const struct fisa_program *p, char **line,
                       struct fisa_error *err) {
  struct cli_plugin *plugin = NULL;
  struct reply reply = {NULL};
  json_t *state = NULL, *request = NULL;
  int rc = -1;

  assert(o->engine && p);
  if (o->state && state_json(o, p, &state, err) != 0)
    return -1;
  request = exec_request(o, p, state);
  if (cli_plugin_open(o, &plugin, err) != 0 ||
      cli_plugin_request(plugin, request, take_line, &reply, err) != 0)
    goto done;
  if (!reply.line) {
    fisa_fail(err, "the plugin gave no reply");
    goto done;
  }
  *line = reply.line;
  reply.line = NULL;
  rc = 0;
done:
  cli_plugin_close(plugin);
  json_decref(request);
  json_decref(state);
  free(reply.line);
  return rc;
}

/* ---- for people --------------------------------------------------------- */

/* Prints what differs from a machine at rest. */
static void print_array(const char *letter, const json_t *values) {
  size_t i;
  const json_t *v;

  assert(letter && *letter);
  json_array_foreach(values, i, v) {
    if (json_is_integer(v) && json_integer_value(v) != 0)
      printf("%s%zu %" JSON_INTEGER_FORMAT "\n", letter, i,
             json_integer_value(v));
    else if (json_is_string(v) && strcmp(json_string_value(v), "0") != 0)
      printf("%s%zu %s\n", letter, i, json_string_value(v));
  }
}

static int print_state(const char *line) {
  json_t *s = json_loads(line, 0, NULL);
  const json_t *v;
  const char *status = NULL, *fault = "";
  json_int_t cycles = 0, pc = 0;
  size_t i;

  if (!s || json_unpack(s, "{s:s, s:s, s:I, s:I}", "status", &status,
                        "fault_name", &fault, "cycles", &cycles, "pc", &pc)
            != 0) {
    json_decref(s);
    return cli_fail("the engine's result cannot be read");
  }
  printf("%s%s%s after %" JSON_INTEGER_FORMAT " cycles at %"
         JSON_INTEGER_FORMAT "\n", status, *fault ? " " : "", fault, cycles,
         pc);
  print_array("R", json_object_get(s, "regs"));
  print_array("F", json_object_get(s, "fregs"));
  print_array("C", json_object_get(s, "conf"));
  print_array("stack ", json_object_get(s, "stack"));
  json_array_foreach(json_object_get(s, "out"), i, v) {
    char *text = json_dumps(v, JSON_COMPACT);
    printf("out %s\n", text ? text : "");
    free(text);
  }
  json_decref(s);
  return CLI_OK;
}

/* ---- the command -------------------------------------------------------- */

static int exec_on(const struct cli_options *o, const struct fisa_program *p,
                   char **line, struct fisa_error *err) {
  const char *engine = o->engine ? o->engine : "ref";

  if (strcmp(engine, "ref") == 0)
    return cli_exec_ref(o, p, line, err);
  if (strcmp(engine, "ir") == 0 || strcmp(engine, "lanes") == 0 ||
      strcmp(engine, "cuda") == 0)
    return exec_plugin(o, p, line, err);
  return fisa_fail(err, "engine %.40s does not exist for dialect %s", engine,
                   p->dialect->name);
}

int cli_exec(const struct cli_options *o) {
  struct fisa_dialect *dialect = NULL;
  struct fisa_program *program = NULL;
  struct fisa_error err;
  char *line = NULL;
  int rc = CLI_OK;

  if (cli_load(o, &dialect, &program, &err) != 0 ||
      exec_on(o, program, &line, &err) != 0)
    rc = cli_fail("%s", err.text);
  else if (o->json)
    puts(line);
  else
    rc = print_state(line);
  free(line);
  fisa_program_free(program);
  fisa_dialect_free(dialect);
  return rc;
}
