/*
 * hostsdk/step.c - flux.step/1: single instructions on a given state, run by
 * the VM that runs the agents.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/services_impl.h"

struct flux_stepper {
  const struct fhost_vm *vm;
  const struct fisa_dialect *dialect;
  struct fisa_program *program;
  void *code;
  /* Cells are copied, since the VM wants two behind the last. Memory is the
   * caller's: lent to the state while it runs. */
  struct fisa_state *state;
  const flux_step_io *io;            /* during a run */
  bool ended;                        /* by a callback of io */
};

/* Finds VM and dialect by the dialect's name. Takes no lock: it may be a
 * child of a process whose other threads held it. */
static flux_status open_dialect(struct fhost_services *s, const char *name,
                                flux_stepper *st) {
  const struct fhost_services_options *o = &s->options;

  st->vm = o->machines ? fhost_machines_find(o->machines, name) : o->vm;
  if (!st->vm || strcmp(st->vm->dialect, name) != 0)
    return FLUX_E_UNSUPPORTED;
  st->dialect = o->machines ? fhost_machines_spoken(o->machines, name)
                            : o->dialect;
  if (!st->dialect && s->dialect && strcmp(s->dialect->name, name) == 0)
    st->dialect = s->dialect;
  return st->dialect ? FLUX_OK : FLUX_E_UNSUPPORTED;
}

static void step_close(flux_stepper *st) {
  if (!st)
    return;
  fisa_state_free(st->state);
  if (st->code)
    st->vm->unload(st->code);
  fisa_program_free(st->program);
  free(st);
}

static flux_status step_open(const char *dialect, const uint8_t *code,
                             uint32_t size, flux_stepper **out, void *ctx) {
  struct fhost_services *s = ctx;
  flux_status status = FLUX_E_MEMORY;
  flux_stepper *st;

  if (!dialect || !code || !out)
    return FLUX_E_INVALID;
  st = calloc(1, sizeof *st);
  if (!st)
    return FLUX_E_MEMORY;
  status = open_dialect(s, dialect, st);
  if (status != FLUX_OK)
    goto fail;
  status = FLUX_E_MALFORMED;
  if (fisa_program_from_bytes(st->dialect, code, size, &st->program, NULL)
      != 0)
    goto fail;
  status = FLUX_E_MEMORY;
  st->state = fisa_state_new(st->dialect);
  if (!st->state)
    goto fail;
  status = FLUX_E_UNSUPPORTED;
  st->code = st->vm->load(st->vm, st->program, FHOST_LOAD_STEP, NULL);
  if (!st->code)
    goto fail;
  *out = st;
  return FLUX_OK;
fail:
  step_close(st);
  return status;
}

/* ---- running ------------------------------------------------------------ */

static int32_t input(uint16_t source, const int32_t *arg, unsigned argc,
                     void *user) {
  flux_stepper *st = user;
  int32_t value = 0;

  assert(argc <= FLUX_MAX_ARGS);
  if (!st->io || !st->io->input || st->ended)
    return 0;
  if (st->io->input(source, arg, argc, &value, st->io->user) != 0)
    st->ended = true;
  return value;
}

static void output(uint16_t channel, const int32_t *arg, unsigned argc,
                   void *user) {
  flux_stepper *st = user;

  assert(argc <= FLUX_MAX_ARGS);
  if (!st->io || !st->io->output || st->ended)
    return;
  if (st->io->output(channel, arg, argc, st->io->user) != 0)
    st->ended = true;
}

/*
 * A callback's end of the step comes behind its instruction, and not whenever
 * fuel is next tested: a VM that cannot be told runs one instruction at a
 * time. What a run costs before it begins is small for such a VM.
 */
static void run_counted(flux_stepper *st, uint64_t count) {
  const struct fhost_vm_io vm_io = {input, output, st, &st->ended};
  bool told = st->vm->flags & FHOST_VM_TOLD_END;
  uint64_t grain = st->io && !told ? 1 : count;
  uint64_t done = 0;

  assert(count > 0);
  st->ended = false;
  do {
    st->vm->run(st->code, st->state, &vm_io, grain, NULL);
    done += grain;
  } while (done < count && !st->ended &&
           st->state->status == FISA_RUN_FUEL);
  if (st->ended)
    st->state->status = FISA_RUN_FUEL;
}

static bool fits(const flux_stepper *st, const flux_state *s) {
  return FLUX_HAS(s, mem) && s->cell_count == st->dialect->cell_count &&
         s->mem_size == st->dialect->mem_size && s->cells &&
         (s->mem || s->mem_size == 0);
}

static flux_status step_run(flux_stepper *st, flux_state *given,
                            uint64_t count, const flux_step_io *io) {
  size_t cell_bytes;
  struct fisa_state *s;
  uint8_t *own_mem;

  if (!st || !given || count == 0 || !fits(st, given))
    return FLUX_E_INVALID;
  if (io && !FLUX_HAS(io, user))
    return FLUX_E_INVALID;
  s = st->state;
  assert(s->cell_count == given->cell_count);
  own_mem = s->mem;
  cell_bytes = s->cell_count * sizeof *s->cells;
  memcpy(s->cells, given->cells, cell_bytes);
  s->mem = given->mem;
  /* Any page of a memory that is another's may hold anything. */
  memset(s->dirty, 0xFF, (s->mem_size / FISA_PAGE + 63) / 64 *
                             sizeof *s->dirty);
  s->pc = given->pc;
  s->cycles = given->cycles;
  s->status = FISA_RUN_HALT;
  s->fault = 0;
  st->io = io;
  run_counted(st, count);
  st->io = NULL;
  memcpy(given->cells, s->cells, cell_bytes);
  given->pc = s->pc;
  given->cycles = s->cycles;
  given->status = s->status;
  given->fault = s->fault;
  s->mem = own_mem;
  return FLUX_OK;
}

/* Whether every VM there is may run in a forked child. */
static bool may_fork(const struct fhost_services_options *o) {
  const struct fhost_vm *vm = o->vm;

  for (uint32_t i = 0; o->machines; i++) {
    vm = fhost_machines_at(o->machines, i);
    if (!vm)
      return i > 0;
    if (!(vm->flags & FHOST_VM_MAY_FORK))
      return false;
  }
  return vm && (vm->flags & FHOST_VM_MAY_FORK);
}

void fhost_step_fill(flux_step *step,
                     const struct fhost_services_options *o) {
  *step = (flux_step){
    .struct_size = sizeof *step, .flags = may_fork(o) ? FLUX_STEP_MAY_FORK : 0,
    .open = step_open, .run = step_run, .close = step_close,
  };
}
