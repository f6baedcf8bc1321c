/*
 * hostsdk/vm_reference.c - the reference VM as the runtime drives any VM.
 *
 * This is also the example of an adapter: what a VM with an execute function
 * needs to be evolved.
 */
#include <assert.h>

#include "hostsdk/runtime.h"
#include "hostsdk/vm.h"

static void *load(const struct fisa_program *p) {
  return fvm_code_new(p, true);
}

static void unload(void *code) {
  fvm_code_free(code);
}

static int run(void *code, struct fisa_state *s, const struct fhost_vm_io *io,
               uint64_t fuel, _Atomic uint64_t *counts) {
  const struct fvm_io vm_io = {io->input, io->output, io->user};
  struct fvm_run how = {
    .fuel = fuel, .stop_at_yield = true, .counts = counts,
  };

  assert(code && s);
  return fvm_exec(code, s, &vm_io, &how);
}

static const uint8_t *heads(void *code) {
  assert(code);
  return fvm_code_heads(code);
}

const struct fhost_vm fhost_vm_reference = {
  .dialect = "unified",
  .build_id = "fluxhost-reference-1",
  .load = load,
  .unload = unload,
  .run = run,
  .heads = heads,
  .may_fork = true,
};
