/*
 * toy_unified.c - the plain interpreter, seen through another object.
 */
#include <stdlib.h>
#include <string.h>

#include "hostsdk/unified_gen.h"
#include "isa/state.h"
#include "tests/plain_vm.h"
#include "tests/toy_vm.h"

/* Flags in one byte. */
enum { ZERO = 1, NEGATIVE = 64 };

struct toy_unified {
  uint8_t odd;                /* so that nothing is where one would expect */
  int64_t pc;
  uint32_t cycles;
  uint8_t flags;
  float fp[UNI_COUNT_F];
  uint8_t conf[UNI_COUNT_C * 4];
  int32_t gp[UNI_COUNT_R];
  int64_t strip;
  int32_t agent, heap;
  uint16_t depth;
  int32_t stack[UNI_COUNT_STK]; /* from the bottom up */
  uint8_t *memory;
  bool halted, faulted;
  int16_t fault;
  struct fisa_state *inner;
  struct fhost_io *io;
};

unsigned toy_unified_lethal;

static int make(void *vm) {
  static struct fisa_dialect *d;
  struct toy_unified *t = vm;

  if (!d && fisa_dialect_builtin("unified", true, &d, NULL) != 0)
    return -1;
  t->inner = fisa_state_new(d);
  if (!t->inner)
    return -1;
  t->memory = t->inner->mem;
  /* A machine does not start clean just because we would like it to. */
  memset(t->memory, 0xAB, UNI_MEM_SIZE);
  return 0;
}

static void unmake(void *vm) {
  fisa_state_free(((struct toy_unified *)vm)->inner);
}

/* Registers that the object keeps elsewhere. */
static void into_inner(struct toy_unified *t) {
  int32_t *c = t->inner->cells;

  memcpy(&c[UNI_CELL_R], t->gp, sizeof t->gp);
  memcpy(&c[UNI_CELL_F], t->fp, sizeof t->fp);
  memcpy(&c[UNI_CELL_C], t->conf, sizeof t->conf);
  c[UNI_CELL_Z] = (t->flags & ZERO) != 0;
  c[UNI_CELL_N] = (t->flags & NEGATIVE) != 0;
  c[UNI_CELL_STRIP] = (int32_t)t->strip;
  c[UNI_CELL_AGENT] = t->agent;
  c[UNI_CELL_HEAP] = t->heap;
  c[UNI_CELL_SP] = UNI_COUNT_STK - t->depth;
  for (int i = 0; i < UNI_COUNT_STK; i++)
    c[UNI_CELL_STK + i] = t->stack[UNI_COUNT_STK - 1 - i];
  t->inner->pc = (uint32_t)t->pc;
  t->inner->cycles = t->cycles;
}

static void out_of_inner(struct toy_unified *t) {
  const int32_t *c = t->inner->cells;

  memcpy(t->gp, &c[UNI_CELL_R], sizeof t->gp);
  memcpy(t->fp, &c[UNI_CELL_F], sizeof t->fp);
  memcpy(t->conf, &c[UNI_CELL_C], sizeof t->conf);
  t->flags = (uint8_t)(t->flags & ~(ZERO | NEGATIVE));
  t->flags |= (uint8_t)((c[UNI_CELL_Z] ? ZERO : 0) |
                        (c[UNI_CELL_N] ? NEGATIVE : 0));
  t->strip = c[UNI_CELL_STRIP];
  t->agent = c[UNI_CELL_AGENT];
  t->heap = c[UNI_CELL_HEAP];
  t->depth = (uint16_t)(UNI_COUNT_STK - c[UNI_CELL_SP]);
  for (int i = 0; i < UNI_COUNT_STK; i++)
    t->stack[UNI_COUNT_STK - 1 - i] = c[UNI_CELL_STK + i];
  t->pc = (int32_t)t->inner->pc;
  t->cycles = (uint32_t)t->inner->cycles;
}

static void set_reg(struct toy_unified *t, uint8_t raw, int32_t v) {
  if (raw != 0)
    t->inner->cells[UNI_CELL_R + (raw & 63)] = v;
}

static int32_t reg(const struct toy_unified *t, uint8_t raw) {
  return raw ? t->inner->cells[UNI_CELL_R + (raw & 63)] : 0;
}

/* The rows that reach outside, which the plain interpreter has as stubs. */
static void outside(struct toy_unified *t, const uint8_t *at) {
  int32_t arg[3] = {at[1], reg(t, 1), 0};

  switch (at[0]) {
  case UNI_SENSE: case UNI_GPS: case UNI_ACCEL: case UNI_GYRO: case UNI_TEMP:
  case UNI_VOLT:
    set_reg(t, at[1], t->io->take(t->io, NULL, NULL, 0));
    break;
  case UNI_SYS:
    t->io->give(t->io, "SYS", arg, 2);
    break;
  case UNI_TELL: case UNI_DELEGATE: case UNI_BROADCAST: case UNI_REPLY:
  case UNI_FORWARD: case UNI_SIGNAL:
    for (int i = 0; i < 3; i++)
      arg[i] = reg(t, at[1 + i]);
    t->io->give(t->io, NULL, arg, 3);
    break;
  default:
    break;
  }
}

static int32_t step(void *vm, const uint8_t *code, uint32_t length) {
  struct toy_unified *t = vm;
  struct plain_vm plain = {code, length, t->inner};
  uint32_t pc = (uint32_t)t->pc;

  if (!plain_has(code[pc]))
    return TOY_NO_ROW;
  into_inner(t);
  if (!plain_step(&plain)) {
    t->halted = t->inner->status == FISA_RUN_HALT;
    t->faulted = t->inner->status == FISA_RUN_FAULT;
    t->fault = (int16_t)t->inner->fault;
    toy_unified_lethal += t->fault >= 1000 ||
                          t->inner->status == FISA_RUN_END;
  }
  outside(t, code + pc);
  out_of_inner(t);
  return FHOST_GOES_ON;
}

static void connect(void *vm, struct fhost_io *io) {
  ((struct toy_unified *)vm)->io = io;
}

static void *stack(void *vm) {
  return ((struct toy_unified *)vm)->stack;
}

static const struct fhost_vm_field fields[] = {
  FHOST_ARRAY("R", struct toy_unified, gp, FHOST_I32),
  FHOST_ARRAY("F", struct toy_unified, fp, FHOST_F32),
  FHOST_ARRAY("C", struct toy_unified, conf, FHOST_BYTES),
  {.name = "Z", .offset = offsetof(struct toy_unified, flags),
   .type = FHOST_U8, .count = 1, .mask = ZERO},
  {.name = "N", .offset = offsetof(struct toy_unified, flags),
   .type = FHOST_U8, .count = 1, .mask = NEGATIVE},
  FHOST_CELL("STRIP", struct toy_unified, strip, FHOST_I64),
  FHOST_CELL("AGENT", struct toy_unified, agent, FHOST_I32),
  FHOST_CELL("HEAP", struct toy_unified, heap, FHOST_I32),
  {.name = "STK", .where = stack, .type = FHOST_I32, .count = UNI_COUNT_STK,
   .flags = FHOST_BOTTOM_UP},
  {.name = "SP", .offset = offsetof(struct toy_unified, depth),
   .type = FHOST_U16, .count = 1, .flags = FHOST_DEPTH},
  FHOST_BEHIND("mem", struct toy_unified, memory, FHOST_BYTES, UNI_MEM_SIZE,
               0),
};

const struct fhost_adapter toy_unified_adapter = {
  .struct_size = sizeof toy_unified_adapter,
  .dialect = "unified", .build_id = "toy-unified-1",
  .size = sizeof(struct toy_unified), .init = make, .destroy = unmake,
  .fields = fields, .field_count = sizeof fields / sizeof fields[0],
  .pc = FHOST_NUMBER(struct toy_unified, pc, FHOST_I64),
  .cycles = FHOST_NUMBER(struct toy_unified, cycles, FHOST_U32),
  .step = step,
  .halted = FHOST_NUMBER(struct toy_unified, halted, FHOST_U8),
  .faulted = FHOST_NUMBER(struct toy_unified, faulted, FHOST_U8),
  .fault = FHOST_NUMBER(struct toy_unified, fault, FHOST_I16),
  .connect = connect,
};
