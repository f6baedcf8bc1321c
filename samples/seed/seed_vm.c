/*
 * seed_vm.c - the machine itself. See seed_vm.h.
 */
#include "seed_vm.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum {
  OP_NOP, OP_PUSH, OP_POP, OP_DUP, OP_SWAP, OP_OVER,
  OP_ADD = 0x08, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_AND, OP_OR, OP_XOR,
  OP_LT = 0x10, OP_EQ, OP_NOT,
  OP_JMP = 0x18, OP_JZ, OP_JNZ,
  OP_LOAD = 0x20, OP_STORE,
  OP_SENSE = 0x30, OP_ACT, OP_DECAY, OP_THRESHOLD, OP_YIELD,
  OP_HALT = 0xFF
};

/* 0: no such instruction. */
static uint32_t length_of(uint8_t op) {
  switch (op) {
  case OP_NOP: case OP_POP: case OP_DUP: case OP_SWAP: case OP_OVER:
  case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV: case OP_MOD:
  case OP_AND: case OP_OR: case OP_XOR: case OP_LT: case OP_EQ:
  case OP_NOT: case OP_YIELD: case OP_HALT:
    return 1;
  case OP_PUSH: case OP_LOAD: case OP_STORE: case OP_SENSE: case OP_ACT:
  case OP_DECAY: case OP_THRESHOLD:
    return 2;
  case OP_JMP: case OP_JZ: case OP_JNZ:
    return 3;
  default:
    return 0;
  }
}

/* The instructions that can leave one cell more than they found. */
static bool grows(uint8_t op) {
  return op == OP_PUSH || op == OP_DUP || op == OP_OVER || op == OP_LOAD ||
         op == OP_SENSE;
}

static void push(struct seed_vm *vm, int32_t v) {
  assert(vm->depth < SEED_STACK);
  vm->stack[vm->depth++] = v;
}

static int32_t pop(struct seed_vm *vm) {
  return vm->depth > 0 ? vm->stack[--vm->depth] : 0;
}

static bool divides_by_zero(const struct seed_vm *vm, uint8_t op) {
  return (op == OP_DIV || op == OP_MOD) &&
         (vm->depth == 0 || vm->stack[vm->depth - 1] == 0);
}

static int32_t wrapping_quotient(int32_t a, int32_t b) {
  return b == -1 ? (int32_t)(0 - (uint32_t)a) : a / b;
}

static int32_t remainder_of(int32_t a, int32_t b) {
  return b == -1 ? 0 : a % b;
}

/* ( a b -- r ) */
static int32_t binary(uint8_t op, int32_t a, int32_t b) {
  uint32_t x = (uint32_t)a, y = (uint32_t)b;

  switch (op) {
  case OP_ADD: return (int32_t)(x + y);
  case OP_SUB: return (int32_t)(x - y);
  case OP_MUL: return (int32_t)(x * y);
  case OP_DIV: return wrapping_quotient(a, b);
  case OP_MOD: return remainder_of(a, b);
  case OP_AND: return a & b;
  case OP_OR: return a | b;
  case OP_XOR: return a ^ b;
  case OP_LT: return a < b;
  default: return a == b;
  }
}

static void jump(struct seed_vm *vm, const uint8_t *p) {
  int16_t distance = (int16_t)(p[1] | p[2] << 8);

  vm->pc = (int32_t)((uint32_t)vm->pc + (uint32_t)distance);
}

static enum seed_event faulted(struct seed_vm *vm, enum seed_fault fault) {
  vm->fault = fault;
  return SEED_FAULTED;
}

/* The dispatch: p is an instruction that can run, the pc is past it. */
static enum seed_event run_row(struct seed_vm *vm, const uint8_t *p) {
  int32_t a, b;

  switch (p[0]) {
  case OP_NOP:
    break;
  case OP_PUSH:
    push(vm, (int8_t)p[1]);
    break;
  case OP_POP:
    pop(vm);
    break;
  case OP_DUP:
    a = pop(vm);
    push(vm, a);
    push(vm, a);
    break;
  case OP_SWAP:
    b = pop(vm);
    a = pop(vm);
    push(vm, b);
    push(vm, a);
    break;
  case OP_OVER:
    b = pop(vm);
    a = pop(vm);
    push(vm, a);
    push(vm, b);
    push(vm, a);
    break;
  case OP_NOT:
    push(vm, pop(vm) == 0);
    break;
  case OP_JMP:
    jump(vm, p);
    break;
  case OP_JZ:
    if (pop(vm) == 0)
      jump(vm, p);
    break;
  case OP_JNZ:
    if (pop(vm) != 0)
      jump(vm, p);
    break;
  case OP_LOAD:
    push(vm, vm->memory[p[1]]);
    break;
  case OP_STORE:
    vm->memory[p[1]] = pop(vm);
    break;
  case OP_SENSE:
    push(vm, vm->sense ? vm->sense(p[1], vm->user) : 0);
    break;
  case OP_ACT:
    a = pop(vm);
    if (vm->act)
      vm->act(p[1], a, vm->user);
    break;
  case OP_DECAY: /* rounds down, so that a negative value stops at -1 */
    push(vm, (int32_t)((int64_t)pop(vm) * p[1] >> 8));
    break;
  case OP_THRESHOLD:
    push(vm, pop(vm) >= (int8_t)p[1]);
    break;
  case OP_YIELD:
    return SEED_YIELD;
  case OP_HALT:
    return SEED_HALT;
  default:
    b = pop(vm);
    a = pop(vm);
    push(vm, binary(p[0], a, b));
    break;
  }
  return SEED_RAN;
}

enum seed_event seed_step(struct seed_vm *vm, const uint8_t *code,
                          uint32_t length) {
  const uint8_t *p;
  uint32_t row;

  assert(vm && code && length <= INT32_MAX && vm->depth <= SEED_STACK);
  vm->fault = SEED_NO_FAULT;
  if (vm->pc >= (int32_t)length)
    return SEED_END;
  p = code + vm->pc;
  row = length_of(*p);
  if (row > length - (uint32_t)vm->pc)
    return faulted(vm, SEED_TRUNCATED);
  vm->cycles++;
  if (row == 0)
    return faulted(vm, SEED_UNKNOWN);
  vm->pc += (int32_t)row;
  if (divides_by_zero(vm, *p))
    return faulted(vm, SEED_DIV_ZERO);
  if (grows(*p) && vm->depth == SEED_STACK)
    return faulted(vm, SEED_STACK_FULL);
  return run_row(vm, p);
}

enum seed_event seed_run(struct seed_vm *vm, const uint8_t *code,
                         uint32_t length, uint64_t limit) {
  enum seed_event event = SEED_RAN;

  while (limit-- > 0 && event == SEED_RAN)
    event = seed_step(vm, code, length);
  return event;
}

void seed_init(struct seed_vm *vm) {
  assert(vm);
  memset(vm, 0, sizeof *vm);
}

void seed_reset(struct seed_vm *vm) {
  struct seed_vm old = *vm;

  seed_init(vm);
  seed_bind(vm, old.sense, old.act, old.user);
}

void seed_bind(struct seed_vm *vm, seed_sense_fn sense, seed_act_fn act,
               void *user) {
  vm->sense = sense;
  vm->act = act;
  vm->user = user;
}
