/*
 * hostsdk/vm_reference.c - the reference VM as the runtime drives any VM.
 */
#include <assert.h>
#include <stdlib.h>

#include "hostsdk/runtime.h"
#include "hostsdk/vm.h"

struct loaded {
  struct fvm_code *code;
  bool stops;             /* at task boundaries */
};

static void unload(void *code) {
  struct loaded *l = code;

  if (!l)
    return;
  fvm_code_free(l->code);
  free(l);
}

static void *load(const struct fhost_vm *vm, const struct fisa_program *p,
                  uint32_t how, struct fisa_error *err) {
  struct loaded *l = calloc(1, sizeof *l);

  (void)vm;
  if (l) {
    l->stops = !(how & FHOST_LOAD_THROUGH);
    l->code = fvm_code_new(p, l->stops);
    if (l->code)
      return l;
  }
  unload(l);
  fisa_fail(err, "the reference VM has no memory for the program, or its "
            "dialect is not the built-in %s", fhost_vm_reference.dialect);
  return NULL;
}

static int run(void *code, struct fisa_state *s, const struct fhost_vm_io *io,
               uint64_t fuel, _Atomic uint64_t *counts) {
  const struct fvm_io vm_io = {io->input, io->output, io->user};
  const struct loaded *l = code;
  struct fvm_run how = {
    .fuel = fuel, .stop_at_yield = l->stops, .counts = counts,
  };

  assert(l->code && s);
  return fvm_exec(l->code, s, &vm_io, &how);
}

static const uint8_t *heads(void *code) {
  const struct loaded *l = code;

  assert(l);
  return fvm_code_heads(l->code);
}

const struct fhost_vm fhost_vm_reference = {
  .dialect = "unified",
  .build_id = "fluxhost-reference-1",
  .load = load,
  .unload = unload,
  .run = run,
  .heads = heads,
  .flags = FHOST_VM_MAY_FORK,
};
