/*
 * stranger_adapter.c - the VM of samples/stranger as flux_vm_classic.so.
 *
 * The machine checks nothing, keeps boxes and resources that the state list
 * has no place for, and its one callback carries no user pointer.
 */
#include <string.h>

#include "hostsdk/adapt.h"
#include "stranger/stranger.h"

/* A program may destroy a region, and make a smaller one of its name. */
static void *heap(void *vm) {
  struct stranger_vm *s = vm;
  return s->heap_size == STRANGER_MEMORY ? s->heap : NULL;
}

static void *stack(void *vm) {
  struct stranger_vm *s = vm;
  return s->stack_size == STRANGER_MEMORY ? s->stack : NULL;
}

static const struct fhost_vm_field fields[] = {
  FHOST_ARRAY("R", struct stranger_vm, gp, FHOST_I32),
  FHOST_ARRAY("F", struct stranger_vm, fp, FHOST_F32),
  {.name = "V", .offset = offsetof(struct stranger_vm, vec),
   .type = FHOST_BYTES, .count = 256},
  FHOST_CELL("Z", struct stranger_vm, flag_z, FHOST_U8),
  FHOST_CELL("S", struct stranger_vm, flag_s, FHOST_U8),
  FHOST_CELL("C", struct stranger_vm, flag_c, FHOST_U8),
  FHOST_CELL("O", struct stranger_vm, flag_o, FHOST_U8),
  FHOST_CELL("SP", struct stranger_vm, sp, FHOST_U32),
  FHOST_ARRAY("FRM", struct stranger_vm, frame, FHOST_U32),
  FHOST_CELL("FSP", struct stranger_vm, frame_depth, FHOST_U32),
  {.name = "mem", .where = heap, .type = FHOST_BYTES,
   .count = STRANGER_MEMORY},
  {.name = "mem", .where = stack, .type = FHOST_BYTES,
   .count = STRANGER_MEMORY, .address = STRANGER_MEMORY},
};

static int init(void *vm) { return stranger_init(vm); }
static void destroy(void *vm) { stranger_free(vm); }

static void begin(void *vm) {
  struct stranger_vm *s = vm;
  s->box_count = 0;
  memset(s->resource, 0, sizeof s->resource);
  if (s->region_count != 2 || !heap(vm) || !stack(vm)) stranger_reset(vm);
}

static int32_t step(void *vm, const uint8_t *code, uint32_t length) {
  return stranger_step(vm, code, length);
}

static const struct fhost_vm_code halt = {STRANGER_HALTED, FISA_RUN_HALT, 0};

/* (opcode, payload, length): the row that runs is the channel. */
static void message(struct fhost_io *io, const flux_value *a, uint32_t n,
                    flux_value *result) {
  (void)n, (void)result;
  io->give_payload(io, NULL, (const uint8_t *)(uintptr_t)a[1].as.i,
                   (uint16_t)a[2].as.i);
}

static const struct fhost_vm_hook hook = {
  .types = "(i32,i64,i32)->void", .kind = FHOST_GIVES, .handle = message,
  .offset = offsetof(struct stranger_vm, on_message)};

static const struct fhost_adapter adapter = {
  .struct_size = sizeof adapter, .dialect = "classic",
  .build_id = "stranger-1", .size = sizeof(struct stranger_vm), .init = init,
  .destroy = destroy, .begin = begin, .fields = fields,
  .field_count = sizeof fields / sizeof fields[0],
  .pc = FHOST_NUMBER(struct stranger_vm, pc, FHOST_U32),
  .cycles = FHOST_NUMBER(struct stranger_vm, cycles, FHOST_U64),
  .step = step, .codes = &halt, .code_count = 1, .hooks = &hook,
  .hook_count = 1,
};

const struct fhost_adapter *flux_host_adapter(void) { return &adapter; }
