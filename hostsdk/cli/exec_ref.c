/*
 * cli/exec_ref.c - exec on a VM of this host, outside values from queues: the
 * reference VM, or the adapted one of the program's dialect.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/cli/cli.h"

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
  if (fisa_read_file(o->state, STATE_MAX, &text, &length, err) != 0)
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

static const struct fhost_vm *find_vm(const char *dialect,
                                      struct fhost_machines **machines,
                                      struct fisa_error *err) {
  struct fisa_error why = {""};
  const struct fhost_vm *vm;

  *machines = cli_machines();
  if (!*machines) {
    fisa_fail(err, "out of memory");
    return NULL;
  }
  vm = fhost_machines_vm(*machines, dialect, &why);
  if (!vm)
    fisa_fail(err, "engine ref does not exist for dialect %s: %.180s",
              dialect, why.text);
  return vm;
}

int cli_exec_ref(const struct cli_options *o, const struct fisa_program *p,
                 char **line, struct fisa_error *err) {
  struct outside outside = {0};
  const struct fhost_vm_io io = {input, output, &outside, NULL};
  uint64_t fuel = o->has_fuel ? o->fuel : p->dialect->fuel;
  struct fhost_machines *machines = NULL;
  const struct fhost_vm *vm;
  struct fisa_state *s = NULL;
  void *code = NULL;
  int rc = -1;

  vm = find_vm(p->dialect->name, &machines, err);
  if (!vm)
    goto done;
  code = vm->load(vm, p, FHOST_LOAD_THROUGH, err);
  if (!code)
    goto done;
  s = fisa_state_new(p->dialect);
  if (!s) {
    fisa_fail(err, "out of memory");
    goto done;
  }
  fisa_state_start(p, s);
  if (lay_state(o, p, s, &outside, err) != 0)
    goto done;
  vm->run(code, s, &io, fuel, NULL);
  *line = outside.failed ? NULL
                         : fisa_state_to_json(p->dialect, s, &outside.out);
  rc = *line ? 0 : fisa_fail(err, "out of memory");
done:
  outside_done(&outside);
  fisa_state_free(s);
  if (code)
    vm->unload(code);
  fhost_machines_free(machines);
  return rc;
}
