/*
 * cli/exec_ref.c - exec on the reference VM, outside values from queues.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/cli/cli.h"
#include "hostsdk/vm.h"

enum { STATE_MAX = 64 << 20 };  /* bytes of a --state file */

/* The outside of one run. */
struct outside {
  struct fisa_trace given;   /* values in the order of the file */
  uint8_t *taken;            /* [given.count] */
  uint32_t first;            /* everything before it is taken */
  struct fisa_trace out;
  bool failed;               /* out of memory */
};

static bool same_queue(const struct fisa_event *e, uint16_t source,
                       const int32_t *arg, unsigned argc) {
  if (e->name != source || e->argc != argc)
    return false;
  for (unsigned i = 0; i < argc; i++)
    if (e->arg[i] != arg[i])
      return false;
  return true;
}

/* One queue for each name and arguments; 0 when it is empty. */
static int32_t input(uint16_t source, const int32_t *arg, unsigned argc,
                     void *user) {
  struct outside *o = user;

  assert(argc <= FISA_MAX_ARGS);
  while (o->first < o->given.count && o->taken[o->first])
    o->first++;
  for (uint32_t i = o->first; i < o->given.count; i++) {
    if (o->taken[i] || !same_queue(&o->given.events[i], source, arg, argc))
      continue;
    o->taken[i] = 1;
    return o->given.events[i].value;
  }
  return 0;
}

static void output(uint16_t channel, const int32_t *arg, unsigned argc,
                   void *user) {
  struct outside *o = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};

  assert(argc <= FISA_MAX_ARGS);
  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  if (fisa_trace_add(&o->out, &e) != 0)
    o->failed = true;
}

/* Lays --state over a started state. */
static int lay_state(const struct cli_options *o,
                     const struct fisa_program *p, struct fisa_state *s,
                     struct outside *outside, struct fisa_error *err) {
  struct fisa_error why;
  size_t length;
  char *text;
  int rc;

  if (!o->state)
    return 0;
  if (cli_read_file(o->state, STATE_MAX, &text, &length, err) != 0)
    return -1;
  rc = fisa_state_from_json(p->dialect, text, length, s, &outside->given,
                            &why);
  free(text);
  if (rc != 0)
    return fisa_fail(err, "%.100s: %s", o->state, why.text);
  outside->taken = calloc(outside->given.count + 1, 1);
  return outside->taken ? 0 : fisa_fail(err, "out of memory");
}

static void outside_done(struct outside *o) {
  fisa_trace_done(&o->given);
  fisa_trace_done(&o->out);
  free(o->taken);
}

int cli_exec_ref(const struct cli_options *o, const struct fisa_program *p,
                 char **line, struct fisa_error *err) {
  struct outside outside = {0};
  const struct fvm_io io = {input, output, &outside};
  struct fvm_run run = {.fuel = o->has_fuel ? o->fuel : p->dialect->fuel};
  struct fvm_code *code = NULL;
  struct fisa_state *s = NULL;
  int rc = -1;

  if (strcmp(p->dialect->name, "unified") != 0)
    return fisa_fail(err, "engine ref does not exist for dialect %s",
                     p->dialect->name);
  code = fvm_code_new(p, false);
  s = fisa_state_new(p->dialect);
  if (!code || !s) {
    fisa_fail(err, "out of memory");
    goto done;
  }
  fisa_state_start(p, s);
  if (lay_state(o, p, s, &outside, err) != 0)
    goto done;
  fvm_exec(code, s, &io, &run);
  *line = outside.failed ? NULL
                         : fisa_state_to_json(p->dialect, s, &outside.out);
  rc = *line ? 0 : fisa_fail(err, "out of memory");
done:
  outside_done(&outside);
  fisa_state_free(s);
  fvm_code_free(code);
  return rc;
}
