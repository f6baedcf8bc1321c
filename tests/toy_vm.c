/*
 * toy_vm.c - a machine that believes everything, and its adapters.
 */
#include "tests/toy_vm.h"

#include <string.h>

#include "isa/state.h"

const char toy_dialect_text[] =
  "fluxisa 1\n"
  "dialect toy\n"
  "mem 1024\n"
  "file R i32 32 checked\n"
  "flag Z\n"
  "stack STK 16 down\n"
  "fuel 10000\n"
  "fault 2 divide\n"
  "fault 3 unknown\n"
  "truncated 1\n"
  "unknown 3\n"
  "lethal 1000 div_overflow\n"
  "lethal 1001 shift_range\n"
  "lethal 1005 stack_full\n"
  "lethal 1006 stack_empty\n"
  "lethal 1007 negative_target\n"
  "lethal 1008 register_range\n"
  "lethal 1010 past_code\n"
  "lethal 1011 opaque\n"
  "row 0 HALT len=1 flow=halt writes=HALT pure=no does=halt\n"
  "row 1 NOP len=1 does=nop\n"
  "row 2 LDI len=4 ops=rd,imm16le_s writes=R[rd] "
  "does=mov R[rd] #imm16le_s\n"
  "row 3 ADD len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd];ZF "
  "does=add R[rd] R[rd] R[rs1] ; eq Z R[rd] #0\n"
  "row 4 SUB1 len=2 ops=rd reads=R[rd] writes=R[rd] "
  "does=sub R[rd] R[rd] #1\n"
  "row 5 DIV len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd];FAULT "
  "cycles=4 lethal=div_overflow(R[rd],R[rs1]) "
  "does=div R[rd] R[rd] R[rs1] #2\n"
  "row 6 SHL len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=shift_range(R[rs1]) does=shl R[rd] R[rd] R[rs1]\n"
  "row 7 LD len=3 ops=rd,rs1 reads=R[rs1];MEM writes=R[rd] "
  "does=load32 R[rd] R[rs1] #0\n"
  "row 8 ST len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=MEM pure=no "
  "does=store32 R[rd] R[rs1] #0\n"
  "row 9 PUSH len=2 ops=rd reads=R[rd];SP writes=STK;SP lethal=stack_full "
  "does=push R[rd]\n"
  "row 10 POP len=2 ops=rd reads=STK;SP writes=R[rd];SP lethal=stack_empty "
  "does=pop R[rd]\n"
  "row 11 JNZ len=4 ops=rd,imm16le_s flow=cond_rel base=end reads=R[rd] "
  "does=br_nez R[rd]\n"
  "row 12 JMP len=3 ops=imm16le_s flow=jump_rel base=end does=jump\n"
  "row 13 CALL len=3 ops=imm16le_s flow=call_rel base=end link=3 "
  "reads=PC;SP writes=STK;SP lethal=stack_full does=call\n"
  "row 14 RET len=1 flow=ret reads=STK;SP writes=SP does=ret\n"
  "row 15 EYE len=3 ops=rd,imm8u reads=HOST writes=R[rd] pure=no "
  "does=input R[rd] #imm8u #1\n"
  "row 16 SAY len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=CHAN pure=no "
  "does=emit R[rd] R[rs1] #0 #2\n"
  "row 17 TEXT len=len16@1 ops=payload writes=HOST pure=no "
  "does=emit_payload\n"
  "row 18 YIELD len=1 roles=yield does=yield\n"
  "row 19 BLUR len=2 ops=rd reads=R[rd];MEM writes=MEM pure=no opaque\n"
  "row 20 ODD len=1 flow=trap writes=FAULT pure=no does=trap #3\n"
  "row 21 JR len=2 ops=rd flow=indirect reads=R[rd] does=jump\n";

enum {
  HALT, NOP, LDI, ADD, SUB1, DIV, SHL, LD, ST, PUSH, POP, JNZ, JMP, CALL, RET,
  EYE, SAY, TEXT, YIELD, BLUR, ODD, JR
};

_Atomic unsigned toy_hurt;

static int32_t imm16(const uint8_t *at) {
  return (int16_t)(at[0] | at[1] << 8);
}

/* Where a real one would write into its neighbour. */
static int32_t *cell(struct toy_vm *vm, uint8_t raw) {
  toy_hurt += raw > 31;
  return &vm->reg[raw & 31];
}

static uint8_t *byte(struct toy_vm *vm, int32_t address) {
  return &vm->memory[(uint32_t)address % TOY_MEMORY];
}

static void push(struct toy_vm *vm, int32_t value) {
  toy_hurt += vm->index < 1 || vm->index > TOY_STACK;
  vm->stack[--vm->index & (TOY_STACK - 1)] = value;
}

static int32_t pop(struct toy_vm *vm) {
  toy_hurt += vm->index < 0 || vm->index >= TOY_STACK;
  return vm->stack[vm->index++ & (TOY_STACK - 1)];
}

static void divide(struct toy_vm *vm, const uint8_t *at) {
  int32_t *d = cell(vm, at[1]), by = *cell(vm, at[2]);

  vm->ticks += 3;
  toy_hurt += *d == INT32_MIN && by == -1;
  if (by == 0)
    vm->error = 2;
  else
    *d = by == -1 ? (int32_t)(0u - (uint32_t)*d) : *d / by;
}

static void memory(struct toy_vm *vm, const uint8_t *at) {
  int32_t *d = cell(vm, at[1]), address = *cell(vm, at[2]);
  uint32_t v = (uint32_t)*d;

  for (int i = 0; i < 4 && at[0] == ST; i++)
    *byte(vm, (int32_t)((uint32_t)address + (uint32_t)i)) =
        (uint8_t)(v >> (8 * i));
  if (at[0] == ST)
    return;
  v = 0;
  for (int i = 0; i < 4; i++)
    v |= (uint32_t)*byte(vm, (int32_t)((uint32_t)address + (uint32_t)i))
         << (8 * i);
  *d = (int32_t)v;
}

static void outside(struct toy_vm *vm, const uint8_t *at) {
  if (at[0] == EYE) {
    int32_t *d = cell(vm, at[1]);
    *d = vm->eye ? vm->eye(at[2]) : 0;
  } else if (at[0] == SAY && vm->say) {
    vm->say(*cell(vm, at[1]), *cell(vm, at[2]));
  } else if (at[0] == TEXT) {
    uint16_t n = (uint16_t)(at[1] | at[2] << 8);
    vm->pc += n;
    if (vm->text)
      vm->text(at + 3, n);
  }
}

static void flow(struct toy_vm *vm, const uint8_t *at) {
  switch (at[0]) {
  case JNZ: vm->pc += *cell(vm, at[1]) ? imm16(at + 2) : 0; break;
  case JMP: vm->pc += imm16(at + 1); break;
  case CALL: push(vm, vm->pc); vm->pc += imm16(at + 1); break;
  case RET:
    if (vm->index >= 0 && vm->index < TOY_STACK)
      vm->pc = pop(vm);
    break;
  default: vm->pc = *cell(vm, at[1]); break;
  }
  toy_hurt += vm->pc < 0;
}

void toy_step(struct toy_vm *vm, const uint8_t *code) {
  static const uint8_t length[] = {1, 1, 4, 3, 2, 3, 3, 3, 3, 2, 2, 4, 3, 3,
                                   1, 3, 3, 3, 1, 2, 1, 2};
  const uint8_t *at = code + vm->pc;
  int32_t *d;

  if (at[0] >= sizeof length || at[0] == ODD) {
    toy_hurt++;
    vm->error = 99;
    return;
  }
  vm->ticks++;
  vm->pc += length[at[0]];
  switch (at[0]) {
  case HALT: vm->stopped = true; break;
  case LDI: *cell(vm, at[1]) = imm16(at + 2); break;
  case ADD:
    d = cell(vm, at[1]);
    *d = (int32_t)((uint32_t)*d + (uint32_t)*cell(vm, at[2]));
    vm->zero = *d == 0 ? 255 : 0; /* any number but 0 means set */
    break;
  case SUB1:
    d = cell(vm, at[1]);
    *d = (int32_t)((uint32_t)*d - 1u);
    break;
  case DIV: divide(vm, at); break;
  case SHL:
    d = cell(vm, at[1]);
    toy_hurt += *cell(vm, at[2]) < 0 || *cell(vm, at[2]) > 31;
    *d = (int32_t)((uint32_t)*d << (*cell(vm, at[2]) & 31));
    break;
  case LD: case ST: memory(vm, at); break;
  case PUSH: push(vm, *cell(vm, at[1])); break;
  case POP:
    d = cell(vm, at[1]);
    *d = pop(vm);
    break;
  case JNZ: case JMP: case CALL: case RET: case JR: flow(vm, at); break;
  case EYE: case SAY: case TEXT: outside(vm, at); break;
  case BLUR: /* eight bytes from an address on, one up */
    for (uint32_t i = 0; i < 8; i++)
      ++*byte(vm, (int32_t)((uint32_t)*cell(vm, at[1]) + i));
    break;
  default: break; /* NOP, YIELD */
  }
}

void toy_run(struct toy_vm *vm, const uint8_t *code, uint32_t length,
             uint64_t steps) {
  for (; steps > 0 && !vm->stopped && vm->error == 0; steps--) {
    if (vm->pc < 0 || (uint32_t)vm->pc >= length)
      return;
    toy_step(vm, code);
  }
}

/* ---- adapters ----------------------------------------------------------- */

static int32_t step(void *vm, const uint8_t *code, uint32_t length) {
  (void)length;
  toy_step(vm, code);
  return FHOST_GOES_ON;
}

static int32_t run(void *vm, const uint8_t *code, uint32_t length,
                   uint64_t budget) {
  toy_run(vm, code, length, budget);
  return FHOST_GOES_ON;
}

static int32_t coarse(void *vm, const uint8_t *code, uint32_t length,
                      uint64_t budget) {
  toy_run(vm, code, length, (budget + 11) / 12 * 12);
  return FHOST_GOES_ON;
}

static int fresh(void *vm) {
  ((struct toy_vm *)vm)->index = TOY_STACK;
  return 0;
}

static void text(struct fhost_io *io, const flux_value *args, uint32_t count,
                 flux_value *result) {
  (void)count, (void)result;
  io->give_payload(io, "TEXT", (const uint8_t *)(uintptr_t)args[0].as.i,
                   (uint16_t)args[1].as.i);
}

static const struct fhost_vm_hook hooks[] = {
  {.types = "(i32)->i32", .kind = FHOST_TAKES, .name = "EYE",
   .offset = offsetof(struct toy_vm, eye)},
  {.types = "(i32,i32)->void", .kind = FHOST_GIVES, .name = "SAY",
   .offset = offsetof(struct toy_vm, say)},
  {.types = "(i64,i32)->void", .kind = FHOST_GIVES, .handle = text,
   .offset = offsetof(struct toy_vm, text)},
};

static const struct fhost_vm_field fields[] = {
  FHOST_ARRAY("R", struct toy_vm, reg, FHOST_I32),
  FHOST_CELL("Z", struct toy_vm, zero, FHOST_U8),
  FHOST_ARRAY("STK", struct toy_vm, stack, FHOST_I32),
  FHOST_CELL("SP", struct toy_vm, index, FHOST_I32),
  FHOST_ARRAY("mem", struct toy_vm, memory, FHOST_U8),
};

#define TOY                                                                  \
  .struct_size = sizeof(struct fhost_adapter), .dialect = "toy",             \
  .build_id = "toy-1", .size = sizeof(struct toy_vm), .init = fresh,         \
  .fields = fields, .field_count = sizeof fields / sizeof fields[0],         \
  .pc = FHOST_NUMBER(struct toy_vm, pc, FHOST_I32),                          \
  .cycles = FHOST_NUMBER(struct toy_vm, ticks, FHOST_U32),                   \
  .halted = FHOST_NUMBER(struct toy_vm, stopped, FHOST_U8),                  \
  .fault = FHOST_NUMBER(struct toy_vm, error, FHOST_I32),                    \
  .hooks = hooks, .hook_count = sizeof hooks / sizeof hooks[0]

const struct fhost_adapter toy_adapter = {TOY, .step = step};
const struct fhost_adapter toy_run_adapter = {TOY, .run = run};
const struct fhost_adapter toy_coarse_adapter = {TOY, .run = coarse};
