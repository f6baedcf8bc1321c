/*
 * plugin/control.c - requests and replies; the request "exec".
 */
#include "plugin/control.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda.h"
#include "gpu/lanes.h"
#include "plugin/control_impl.h"
#include "plugin/queue.h"

#define MAX_REQUEST ((size_t)256 << 20)

/* ---- replies ------------------------------------------------------------ */

flux_status fse_control__fail(struct fse_control *c, flux_status status,
                              const char *format, ...) {
  va_list ap;
  assert(status != FLUX_OK);
  va_start(ap, format);
  vsnprintf(c->err.text, sizeof c->err.text, format, ap);
  va_end(ap);
  return status;
}

flux_status fse_control__send_text(struct fse_control *c, const char *text) {
  if (text == NULL)
    return fse_control__fail(c, FLUX_E_MEMORY, "out of memory");
  if (c->line(text, strlen(text), c->user) != 0) c->finish = true;
  return FLUX_OK;
}

flux_status fse_control__send(struct fse_control *c, json_t *object) {
  char *text = object == NULL ? NULL
                              : json_dumps(object, JSON_COMPACT |
                                                   JSON_REAL_PRECISION(15));
  flux_status rc = fse_control__send_text(c, text);
  free(text);
  json_decref(object);
  return rc;
}

/* ---- exec --------------------------------------------------------------- */

/* One task on the lanes. What is not for them, they leave to the ir engine. */
static struct fir_result run_lanes(const struct fir_program *ir,
                                   struct fir_lane *lane,
                                   struct fisa_state *s,
                                   const struct fir_io *io,
                                   struct fir_limits limits) {
  struct flanes_task task = {.state = s, .io = io};
  struct flanes *lanes = flanes_new(NULL);
  struct fpk_program packed = {0};
  int rc = lanes == NULL ? -1 : fpk_program_make(ir, NULL, &packed, NULL);
  if (rc == 0) rc = flanes_exec(lanes, &packed, &task, 1, limits);
  if (rc > 0) task.result = fir_run(ir, lane, s, io, limits);
  if (rc < 0) task.result.starved = true;
  fpk_program_done(&packed);
  flanes_free(lanes);
  return task.result;
}

/* All tasks on a device, whatever the backend is told to use. */
static flux_status run_cuda(struct fse_control *c, struct fcuda_task *task) {
  const struct fcuda_options options = {.wait_ms = 0};
  struct fisa_error why = {""};
  struct fcuda *cuda = NULL;
  int rc;
  if (fcuda_new(&options, &cuda, &why) != 0)
    return fse_control__fail(c, FLUX_E_UNSUPPORTED,
                             "engine cuda: there is no device: %.160s",
                             why.text);
  rc = fcuda_exec(cuda, task, &why);
  fcuda_free(cuda);
  return rc == 0 ? FLUX_OK
                 : fse_control__fail(c, FLUX_E_UNSUPPORTED,
                                     "engine cuda: %.200s", why.text);
}

/* What is to be executed, and how. */
struct execution {
  const struct fisa_program *program;
  const struct fisa_trace *in;
  uint64_t fuel;
  const char *engine;
};

static bool is_engine(const char *name) {
  return strcmp(name, "ir") == 0 || strcmp(name, "lanes") == 0 ||
         strcmp(name, "cuda") == 0;
}

/* One run on the engine; where it fails c says why. */
static flux_status run_on(struct fse_control *c, const char *engine,
                          struct fcuda_task *t, struct fir_lane *lane) {
  const struct fir_limits limits = {t->fuel, false};
  assert(is_engine(engine));
  if (strcmp(engine, "cuda") == 0) return run_cuda(c, t);
  t->result = strcmp(engine, "lanes") == 0
                  ? run_lanes(t->ir, lane, t->state, t->io, limits)
                  : fir_run(t->ir, lane, t->state, t->io, limits);
  return t->result.starved
             ? fse_control__fail(c, FLUX_E_MEMORY, "out of memory")
             : FLUX_OK;
}

/* Runs from the state's pc to the end of all tasks. */
static flux_status execute(struct fse_control *c, const struct execution *x,
                           struct fisa_state *s) {
  const struct fisa_program *p = x->program;
  struct fir_program *ir = NULL;
  struct fir_lane *lane = fir_lane_new();
  struct fse_queue q = {0};
  flux_status rc = FLUX_E_MEMORY;
  char *text;
  if (lane == NULL || fse_queue_init(&q, x->in) != 0) {
    fse_control__fail(c, rc, "out of memory");
    goto done;
  }
  if (fir_lower_from(p, s->pc, &ir, &c->err) != 0) goto done;
  struct fir_io io = fse_queue_io(&q);
  struct fcuda_task t = {.ir = ir, .state = s, .io = &io, .fuel = x->fuel};
  rc = run_on(c, x->engine, &t, lane);
  if (rc != FLUX_OK) goto done;
  text = fisa_state_to_json(p->dialect, s, &q.put);
  rc = fse_control__send_text(c, text);
  free(text);
done:
  fse_queue_done(&q);
  fir_free(ir);
  fir_lane_free(lane);
  return rc;
}

flux_status fse_control_exec(struct fse_control *c) {
  static const char *const keys[] = {"cmd", "engine", "program", "state",
                                     "fuel", NULL};
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  struct fisa_state *s = NULL;
  struct fisa_trace in = {0};
  const char *engine = "ir";
  int64_t fuel = 0;
  flux_status rc = fse_control__keys(c, keys);
  if (rc != FLUX_OK || (rc = fse_control__program(c, &d, &p)) != FLUX_OK)
    goto done;
  fuel = d->fuel > INT64_MAX ? INT64_MAX : (int64_t)d->fuel;
  if ((rc = fse_control__string(c, "engine", &engine)) != FLUX_OK ||
      (rc = fse_control__integer(c, "fuel", (struct fse_range){0, INT64_MAX},
                                 &fuel)) != FLUX_OK)
    goto done;
  if (!is_engine(engine)) {
    rc = fse_control__fail(c, FLUX_E_UNSUPPORTED,
                           "engine %.40s does not exist for dialect %s",
                           engine, d->name);
    goto done;
  }
  s = fisa_state_new(d);
  if (s == NULL) {
    rc = fse_control__fail(c, FLUX_E_MEMORY, "out of memory");
    goto done;
  }
  fisa_state_start(p, s);
  rc = fse_control__state(c, json_object_get(c->request, "state"), p, s, &in);
  const struct execution x = {p, &in, (uint64_t)fuel, engine};
  if (rc == FLUX_OK) rc = execute(c, &x, s);
done:
  fisa_trace_done(&in);
  fisa_state_free(s);
  fisa_program_free(p);
  fisa_dialect_free(d);
  return rc;
}

/* ---- dispatch ----------------------------------------------------------- */

static const struct {
  const char *name;
  flux_status (*serve)(struct fse_control *c);
} commands[] = {
    {"exec", fse_control_exec},       {"run", fse_control_run},
    {"policy", fse_control_policy},   {"history", fse_control_history},
    {"status", fse_control_status},   {"programs", fse_control_programs},
    {"calibrate", fse_control_calibrate}, {"kinds", fse_control_kinds},
    {"bench", fse_control_bench},
};

static flux_status serve(struct fse_control *c) {
  const char *cmd = json_string_value(json_object_get(c->request, "cmd"));
  if (cmd == NULL)
    return fse_control__fail(c, FLUX_E_INVALID,
                             "a request is an object with \"cmd\"");
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
    if (strcmp(commands[i].name, cmd) == 0) return commands[i].serve(c);
  return fse_control__fail(c, FLUX_E_UNSUPPORTED, "unknown request \"%.40s\"",
                           cmd);
}

static flux_status request(flux_plugin *plugin, const char *json, size_t size,
                           int32_t (*line)(const char *text, size_t size,
                                           void *user),
                           char *message, size_t capacity, void *user) {
  struct fse_control c = {.in = (struct fse_instance *)plugin,
                          .line = line,
                          .user = user};
  json_error_t why;
  json_t *object = NULL;
  flux_status rc = FLUX_E_INVALID;
  if (plugin == NULL || json == NULL || line == NULL) return rc;
  if (size > MAX_REQUEST) {
    rc = fse_control__fail(&c, FLUX_E_LIMIT, "a request of %zu bytes", size);
    goto done;
  }
  object = json_loadb(json, size, JSON_REJECT_DUPLICATES, &why);
  if (object == NULL) {
    fse_control__fail(&c, rc, "the request is no JSON: %.120s", why.text);
    goto done;
  }
  c.request = object;
  rc = serve(&c);
done:
  json_decref(object);
  if (message != NULL && capacity > 0)
    snprintf(message, capacity, "%s", rc == FLUX_OK ? "" : c.err.text);
  return rc;
}

const flux_control fse_control = {
    .struct_size = sizeof fse_control,
    .request = request,
};
