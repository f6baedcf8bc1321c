/*
 * seed_adapter.c - the VM of samples/seed as flux_vm_seed.so.
 *
 * The machine has step, callbacks with a user pointer, and nothing that the
 * state list does not have: an adapter is hardly more than the list.
 */
#include "hostsdk/adapt.h"
#include "seed/seed_vm.h"

static const struct fhost_vm_field fields[] = {
  FHOST_ARRAY("STK", struct seed_vm, stack, FHOST_I32),
  FHOST_CELL("TOP", struct seed_vm, depth, FHOST_U32),
  FHOST_ARRAY("mem", struct seed_vm, memory, FHOST_I32),
};

static int32_t step(void *vm, const uint8_t *code, uint32_t length) {
  struct seed_vm *s = vm;

  switch (seed_step(s, code, length)) {
  case SEED_HALT: return FHOST_HALTED;
  case SEED_FAULTED: return (int32_t)s->fault;
  default: return FHOST_GOES_ON;
  }
}

static int32_t sense(uint8_t source, void *user) {
  struct fhost_io *io = user;
  const int32_t arg = source;

  return io->take(io, "SENSE", &arg, 1);
}

static void act(uint8_t channel, int32_t value, void *user) {
  struct fhost_io *io = user;
  const int32_t arg[] = {channel, value};

  io->give(io, "ACT", arg, 2);
}

static void connect(void *vm, struct fhost_io *io) {
  seed_bind(vm, sense, act, io);
}

static const struct fhost_adapter adapter = {
  .struct_size = sizeof adapter, .dialect = "seed", .build_id = "seed-1",
  .size = sizeof(struct seed_vm), .fields = fields,
  .field_count = sizeof fields / sizeof fields[0],
  .pc = FHOST_NUMBER(struct seed_vm, pc, FHOST_I32),
  .cycles = FHOST_NUMBER(struct seed_vm, cycles, FHOST_U64),
  .step = step, .connect = connect,
};

const struct fhost_adapter *flux_host_adapter(void) { return &adapter; }
