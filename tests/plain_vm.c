/*
 * tests/plain_vm.c - a plain interpreter of the unified dialect.
 */
#include "tests/plain_vm.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "hostsdk/unified_gen.h"

/* Bytes that a row advances; 0: undefined, or named only. */
static const uint8_t length_of[256] = {
  1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, /* 00 */
  2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, /* 10 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 20 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 30 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, /* 40 */
  5, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 50 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0, /* 60 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, /* 70 */
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 80 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, /* 90 */
  4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, /* A0 */
  4, 4, 2, 4, 4, 4, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, /* B0 */
  4, 4, 2, 4, 4, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* C0 */
  5, 5, 5, 4, 4, 0, 0, 0, 5, 5, 5, 5, 5, 4, 4, 2, /* D0 */
  2, 2, 2, 4, 4, 0, 0, 0, 4, 4, 2, 4, 5, 4, 4, 4, /* E0 */
  1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* F0 */
};

/* What the machine's bounds check wants. */
static const uint8_t check_of[256] = {
  1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, /* 00 */
  2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, /* 10 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 20 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 30 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 40 */
  5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, /* 50 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 60 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 70 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 80 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* 90 */
  4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* A0 */
  4, 4, 2, 4, 4, 4, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, /* B0 */
  4, 4, 2, 4, 4, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, /* C0 */
  5, 5, 5, 5, 4, 5, 5, 5, 5, 5, 5, 5, 5, 4, 4, 2, /* D0 */
  2, 2, 2, 4, 4, 5, 5, 5, 4, 4, 2, 4, 5, 4, 4, 2, /* E0 */
  5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, /* F0 */
};

bool plain_has(uint8_t op) {
  switch (op) {
  case UNI_RAND: case UNI_TRUST_SEED: case UNI_RAND_RANGE:
  case UNI_RAND_WEIGHTED: case UNI_POW: case UNI_LOG:
    return false;
  default: return true;
  }
}

/* ---- accesses ----------------------------------------------------------- */

static inline int32_t reg(const struct plain_vm *vm, uint8_t raw) {
  return raw == 0 ? 0 : vm->s->cells[UNI_CELL_R + (raw & 63)];
}

static inline void set_reg(struct plain_vm *vm, uint8_t raw, int32_t value) {
  if (raw != 0)
    vm->s->cells[UNI_CELL_R + (raw & 63)] = value;
}

static inline void set_with_flags(struct plain_vm *vm, uint8_t raw,
                                  uint32_t value) {
  int32_t back;

  set_reg(vm, raw, (int32_t)value);
  back = reg(vm, raw);
  vm->s->cells[UNI_CELL_Z] = back == 0;
  vm->s->cells[UNI_CELL_N] = back < 0;
}

static inline int32_t imm16(const uint8_t *at) {
  return (int16_t)(at[0] | at[1] << 8);
}

static inline uint8_t load8(const struct plain_vm *vm, uint32_t a) {
  return vm->s->mem[a & 0xFFFF];
}

static inline void store8(struct plain_vm *vm, uint32_t a, uint32_t value) {
  a &= 0xFFFF;
  vm->s->mem[a] = (uint8_t)value;
  vm->s->written[a / 64] |= UINT64_C(1) << (a % 64);
  vm->s->dirty[a / FISA_PAGE / 64] |= UINT64_C(1) << (a / FISA_PAGE % 64);
}

static inline int32_t load32(const struct plain_vm *vm, uint32_t a) {
  return (int32_t)(load8(vm, a) | (uint32_t)load8(vm, a + 1) << 8 |
                   (uint32_t)load8(vm, a + 2) << 16 |
                   (uint32_t)load8(vm, a + 3) << 24);
}

static inline void store32(struct plain_vm *vm, uint32_t a, uint32_t value) {
  for (uint32_t i = 0; i < 4; i++)
    store8(vm, a + i, value >> (8 * i));
}

static inline float get_float(const struct plain_vm *vm, uint8_t raw) {
  float f;

  memcpy(&f, &vm->s->cells[UNI_CELL_F + (raw & 63)], sizeof f);
  return f;
}

static inline void set_float(struct plain_vm *vm, uint8_t raw, float f) {
  int32_t bits = 0x7FC00000;

  if (!isnan(f))
    memcpy(&bits, &f, sizeof bits);
  vm->s->cells[UNI_CELL_F + (raw & 63)] = bits;
}

static inline int32_t *conf(struct plain_vm *vm, uint8_t raw) {
  return &vm->s->cells[UNI_CELL_C + (raw & 63)];
}

static float pick_float(float x, float y, bool least) {
  if (isnan(x) || isnan(y))
    return isnan(x) ? y : x;
  if (x == y)
    return !!signbit(x) == least ? x : y;
  return (x < y) == least ? x : y;
}

/* ---- ends --------------------------------------------------------------- */

static bool stop(struct plain_vm *vm, int32_t status, int32_t fault) {
  vm->s->status = status;
  vm->s->fault = fault;
  return false;
}

static bool lethal(struct plain_vm *vm, int32_t code) {
  return stop(vm, FISA_RUN_FAULT, code);
}

static bool go(struct plain_vm *vm, uint32_t target) {
  if ((int32_t)target < 0)
    return lethal(vm, UNI_LETHAL_NEGATIVE_TARGET);
  vm->s->pc = target;
  return true;
}

static bool push(struct plain_vm *vm, int32_t value) {
  int32_t *sp = &vm->s->cells[UNI_CELL_SP];

  if (*sp < 1 || *sp > UNI_COUNT_STK)
    return lethal(vm, UNI_LETHAL_STACK_FULL);
  vm->s->cells[UNI_CELL_STK + --*sp] = value;
  return true;
}

static bool stack_is_empty(const struct plain_vm *vm) {
  uint32_t sp = (uint32_t)vm->s->cells[UNI_CELL_SP];

  return sp >= UNI_COUNT_STK;
}

static int32_t top(const struct plain_vm *vm) {
  return vm->s->cells[UNI_CELL_STK + vm->s->cells[UNI_CELL_SP]];
}

/* ---- rows that are more than a line ------------------------------------- */

static void confidence(struct plain_vm *vm, const uint8_t *at) {
  uint32_t a = (uint32_t)*conf(vm, at[2]), b = (uint32_t)*conf(vm, at[3]);
  uint32_t v = (uint32_t)reg(vm, at[2]), w = (uint32_t)reg(vm, at[3]);
  int32_t sum = (int32_t)(a + b), product = (int32_t)(a * b) / 100, out = 0;

  switch (at[0]) {
  case UNI_CONF_ADD:
    out = sum > 0 ? (int32_t)(2 * a * b) / sum : 0;
    out = out > 100 ? 100 : out;
    set_reg(vm, at[1], (int32_t)(v + w));
    break;
  case UNI_CONF_SUB:
    out = (int32_t)(a - b) < 0 ? 0 : (int32_t)(a - b);
    set_reg(vm, at[1], (int32_t)(v - w));
    break;
  case UNI_CONF_MUL:
    out = product > 100 ? 100 : product;
    set_reg(vm, at[1], (int32_t)(v * w));
    break;
  case UNI_CONF_MERGE: out = sum / 2; break;
  case UNI_CONF_FUSE:
    out = sum > 0 ? (int32_t)(v * a + w * b) / sum : 0;
    break;
  case UNI_CONF_CHAIN: out = product; break;
  default: assert(!"no confidence row");
  }
  if (vm->s->cells[UNI_CELL_STRIP] <= 0)
    *conf(vm, at[1]) = out;
}

static void converge(struct plain_vm *vm, uint8_t raw) {
  int32_t *r = &vm->s->cells[UNI_CELL_R];
  int32_t others = 0, average;
  uint32_t sum = 0;

  if (raw == 0 || raw > 63)
    return;
  for (int i = raw / 8 * 8; i < raw / 8 * 8 + 8; i++)
    if (i != 0 && i != raw) {
      sum += (uint32_t)r[i];
      others++;
    }
  average = (int32_t)sum / others;
  sum = (uint32_t)average - (uint32_t)r[raw];
  r[raw] = (int32_t)((uint32_t)r[raw] + (uint32_t)((int32_t)sum / 4));
}

static void diffuse(struct plain_vm *vm, uint8_t raw, uint8_t n) {
  uint32_t old = (uint32_t)reg(vm, raw);
  uint32_t share = (uint32_t)((int32_t)old / (n ? n : 1));

  for (uint8_t i = 1; i < 64 && i <= n; i++)
    set_reg(vm, i, (int32_t)((uint32_t)reg(vm, i) + share));
  set_reg(vm, raw, (int32_t)(old - share * n));
}

/* MEMINDEX to MEMRANGE_MAX and CRC32. */
static void fold(struct plain_vm *vm, const uint8_t *at) {
  uint32_t a, sum = 0, crc = UINT32_MAX;
  int32_t n = imm16(at + 3), first = -1, least = 255, most = 0;

  if (at[0] == UNI_MEMINDEX)
    set_reg(vm, at[1], -1);
  a = (uint32_t)reg(vm, at[2]);
  for (int32_t i = 0; i < n; i++) {
    uint8_t byte = load8(vm, a + (uint32_t)i);

    sum += byte;
    least = byte < least ? byte : least;
    most = byte > most ? byte : most;
    first = byte && first < 0 ? i : first;
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ (0xEDB88320 & (0 - (crc & 1)));
  }
  switch (at[0]) {
  case UNI_MEMINDEX: set_reg(vm, at[1], first); break;
  case UNI_MEMSUM: set_reg(vm, at[1], (int32_t)sum); break;
  case UNI_MEMRANGE_MIN: set_reg(vm, at[1], least); break;
  case UNI_MEMRANGE_MAX: set_reg(vm, at[1], most); break;
  default: set_reg(vm, at[1], (int32_t)~crc); break;
  }
}

static void runs(struct plain_vm *vm, const uint8_t *at) {
  uint32_t x = (uint32_t)reg(vm, at[1]), y = (uint32_t)reg(vm, at[2]);
  int32_t n = imm16(at + 3);
  bool equal = true, found = false;

  for (int32_t i = 0; i < n; i++) {
    uint8_t byte = load8(vm, y + (uint32_t)i);

    if (at[0] == UNI_MEMSET)
      store8(vm, y + (uint32_t)i, x);
    else if (at[0] == UNI_MEMCPY)
      store8(vm, x + (uint32_t)i, byte);
    else if (at[0] == UNI_MEMCMP)
      equal = equal && load8(vm, x + (uint32_t)i) == byte;
    else
      found = found || byte == (uint8_t)x;
  }
  if (at[0] == UNI_MEMCMP)
    vm->s->cells[UNI_CELL_Z] = equal;
  if (at[0] == UNI_MEMSCAN)
    vm->s->cells[UNI_CELL_Z] = found;
}

static void varint(struct plain_vm *vm, const uint8_t *at) {
  uint32_t a = at[2] | (uint32_t)at[3] << 8, v = 0, n = 0;

  if (at[0] == UNI_DECODE_VARINT) {
    do
      v |= (uint32_t)(load8(vm, a + n) & 127) << (7 * n);
    while (load8(vm, a + n++) > 127 && n < 5);
    set_reg(vm, at[1], (int32_t)v);
    return;
  }
  for (v = (uint32_t)reg(vm, at[1]); v > 127; v >>= 7)
    store8(vm, a + n++, v | 128);
  store8(vm, a + n++, v);
  set_reg(vm, at[1], (int32_t)n);
}

static uint32_t reverse(uint32_t x) {
  uint32_t out = 0;

  for (int i = 0; i < 32; i++, x >>= 1)
    out = out << 1 | (x & 1);
  return out;
}

static int32_t hash(uint32_t x) {
  x = (x ^ x >> 16) * 0x45D9F3B;
  x = (x ^ x >> 16) * 0x45D9F3B;
  return (int32_t)(x ^ x >> 16);
}

static inline int32_t quarter(int32_t value, float factor) {
  return (int32_t)((float)value * factor);
}

/* ---- the step ----------------------------------------------------------- */

#define U(x) ((uint32_t)(x))
#define I(x) ((int32_t)(x))
#define RD reg(vm, at[1])
#define R1 reg(vm, at[2])
#define R2 reg(vm, at[3])
#define SET(value) do { set_reg(vm, at[1], (value)); goto next; } while (0)
#define SET_FLAGS(value) \
  do { set_with_flags(vm, at[1], (value)); goto next; } while (0)
#define BRANCH(cond) \
  do { \
    if (cond) \
      return go(vm, s->pc + U(imm16(at + 2))); \
    goto next; \
  } while (0)
#define BRANCH_REG(cond) \
  do { \
    if (cond) \
      return go(vm, s->pc + U(R1)); \
    goto next; \
  } while (0)

bool plain_step(struct plain_vm *vm) {
  struct fisa_state *s = vm->s;
  const uint8_t *at = vm->code + s->pc;
  int32_t t, u, *strip = &s->cells[UNI_CELL_STRIP];
  uint32_t length;

  if (s->pc >= vm->size)
    return stop(vm, FISA_RUN_END, 0);
  if (vm->size - s->pc < check_of[at[0]])
    return stop(vm, FISA_RUN_FAULT, UNI_FAULT_TRUNCATED);
  s->cycles++;
  length = length_of[at[0]];
  if (length == 0)
    return stop(vm, FISA_RUN_FAULT, UNI_FAULT_UNKNOWN_OPCODE);
  if (vm->size - s->pc < length)
    return lethal(vm, UNI_LETHAL_PAST_CODE);
  if (*strip > 0)
    --*strip;
  switch (at[0]) {
  case UNI_HALT: case UNI_BRK: case UNI_APOPTOSIS:
    s->pc += length;
    return stop(vm, FISA_RUN_HALT,
                at[0] == UNI_APOPTOSIS ? UNI_FAULT_APOPTOSIS : 0);
  case UNI_RET:
    if (stack_is_empty(vm))
      goto next;
    if (!go(vm, U(top(vm)) + 1))
      return false;
    s->cells[UNI_CELL_SP]++;
    return true;
  case UNI_RESET: memset(&s->cells[UNI_CELL_R], 0, 64 * 4); goto next;
  case UNI_INC: SET_FLAGS(U(RD) + 1);
  case UNI_DEC: SET_FLAGS(U(RD) - 1);
  case UNI_NOT: SET(~RD);
  case UNI_NEG: SET(I(0 - U(RD)));
  case UNI_PUSH:
    if (!push(vm, RD))
      return false;
    goto next;
  case UNI_POP:
    if (stack_is_empty(vm))
      return lethal(vm, UNI_LETHAL_STACK_EMPTY);
    t = top(vm);
    s->cells[UNI_CELL_SP]++;
    SET(t);
  case UNI_CONF_LD: SET(*conf(vm, at[1]));
  case UNI_CONF_ST: *conf(vm, at[1]) = RD; goto next;
  case UNI_CLF: s->cells[UNI_CELL_Z] = s->cells[UNI_CELL_N] = 0; goto next;
  case UNI_STRIPCF: *strip = at[1]; goto next;
  case UNI_MOVI: SET((int8_t)at[2]);
  case UNI_ADDI: SET_FLAGS(U(RD) + U((int8_t)at[2]));
  case UNI_SUBI: SET_FLAGS(U(RD) - U((int8_t)at[2]));
  case UNI_ANDI: SET(RD & at[2]);
  case UNI_ORI: SET(RD | at[2]);
  case UNI_XORI: SET(RD ^ at[2]);
  case UNI_SHLI:
    if (at[2] > 31)
      return lethal(vm, UNI_LETHAL_SHIFT_RANGE);
    SET(I(U(RD) << at[2]));
  case UNI_SHRI: SET(RD >> (at[2] & 31));
  case UNI_ADD: SET_FLAGS(U(R1) + U(R2));
  case UNI_SUB: SET_FLAGS(U(R1) - U(R2));
  case UNI_MUL: SET_FLAGS(U(R1) * U(R2));
  case UNI_DIV: case UNI_MOD:
    if (R1 == INT32_MIN && R2 == -1)
      return lethal(vm, UNI_LETHAL_DIV_OVERFLOW);
    if (R2 == 0 && at[0] == UNI_MOD)
      goto next;
    if (R2 == 0) {
      s->pc += length;
      return stop(vm, FISA_RUN_FAULT, UNI_FAULT_DIVIDE);
    }
    SET(at[0] == UNI_DIV ? R1 / R2 : R1 % R2);
  case UNI_AND: SET(R1 & R2);
  case UNI_OR: SET(R1 | R2);
  case UNI_XOR: SET(R1 ^ R2);
  case UNI_SHL: SET(I(U(R1) << (R2 & 31)));
  case UNI_SHR: SET(R1 >> (R2 & 31));
  case UNI_MIN: SET(R1 < R2 ? R1 : R2);
  case UNI_MAX: SET(R1 > R2 ? R1 : R2);
  case UNI_CMP_EQ: SET(R1 == R2);
  case UNI_CMP_LT: SET(R1 < R2);
  case UNI_CMP_GT: SET(R1 > R2);
  case UNI_CMP_NE: SET(R1 != R2);
  case UNI_FADD:
    set_float(vm, at[1], get_float(vm, at[2]) + get_float(vm, at[3]));
    goto next;
  case UNI_FSUB:
    set_float(vm, at[1], get_float(vm, at[2]) - get_float(vm, at[3]));
    goto next;
  case UNI_FMUL:
    set_float(vm, at[1], get_float(vm, at[2]) * get_float(vm, at[3]));
    goto next;
  case UNI_FDIV:
    set_float(vm, at[1], get_float(vm, at[2]) / get_float(vm, at[3]));
    goto next;
  case UNI_FMIN: case UNI_FMAX:
    set_float(vm, at[1], pick_float(get_float(vm, at[2]),
                                    get_float(vm, at[3]),
                                    at[0] == UNI_FMIN));
    goto next;
  case UNI_FTOI:
    if (!(get_float(vm, at[2]) >= -2147483648.0f &&
          get_float(vm, at[2]) < 2147483648.0f))
      return lethal(vm, UNI_LETHAL_FTOI_RANGE);
    SET((int32_t)get_float(vm, at[2]));
  case UNI_ITOF: set_float(vm, at[1], (float)R1); goto next;
  case UNI_LOAD: SET(load32(vm, U(R1) + U(R2)));
  case UNI_STORE: store32(vm, U(R1) + U(R2), U(RD)); goto next;
  case UNI_MOV: SET(R1);
  case UNI_SWP: case UNI_MEMSWAP:
    t = RD;
    u = R1;
    set_reg(vm, at[2], t);
    SET(u);
  case UNI_JZ: BRANCH_REG(RD == 0);
  case UNI_JNZ: BRANCH_REG(RD != 0);
  case UNI_JLT: BRANCH_REG(RD < 0);
  case UNI_JGT: BRANCH_REG(RD > 0);
  case UNI_MOVI16: case UNI_TRUST_INIT: SET(imm16(at + 2));
  case UNI_ADDI16: SET_FLAGS(U(RD) + U(imm16(at + 2)));
  case UNI_SUBI16: SET_FLAGS(U(RD) - U(imm16(at + 2)));
  case UNI_JMP: BRANCH(true);
  case UNI_JAL:
    t = I(s->pc) + 4;
    if (!go(vm, s->pc + U(imm16(at + 2))))
      return false;
    set_reg(vm, at[1], t);
    return true;
  case UNI_CALL:
    t = I(s->pc) + 4;
    u = s->cells[UNI_CELL_SP];
    if (u < 1 || u > UNI_COUNT_STK)
      return lethal(vm, UNI_LETHAL_STACK_FULL);
    return go(vm, U(RD) + U(imm16(at + 2))) && push(vm, t);
  case UNI_LOOP:
    t = I(U(RD) - 1);
    if (at[1] != 0 && t > 0 && !go(vm, s->pc + U(imm16(at + 2))))
      return false;
    set_reg(vm, at[1], t);
    if (at[1] != 0 && t > 0)
      return true;
    goto next;
  case UNI_JEQ: BRANCH(RD == 0);
  case UNI_JNE: BRANCH(RD != 0);
  case UNI_JLE: BRANCH(RD <= 0);
  case UNI_JGE: BRANCH(RD >= 0);
  case UNI_LDI8: case UNI_ISTINCT_LOAD:
    SET(load8(vm, U(imm16(at + 2))));
  case UNI_STI8: case UNI_ISTINCT_STORE:
    store8(vm, U(imm16(at + 2)), U(RD));
    goto next;
  case UNI_LOADI: SET(load32(vm, U(R1) + U(imm16(at + 3))));
  case UNI_STOREI: store32(vm, U(R1) + U(imm16(at + 3)), U(RD)); goto next;
  case UNI_FORK: s->cycles += 10; SET(s->cells[UNI_CELL_AGENT]);
  case UNI_JOIN: s->cycles += 5; goto next;
  case UNI_CONF_ADD: case UNI_CONF_SUB: case UNI_CONF_MUL:
  case UNI_CONF_MERGE: case UNI_CONF_FUSE: case UNI_CONF_CHAIN:
    confidence(vm, at);
    goto next;
  case UNI_CONF_SET: *conf(vm, at[1]) = R1; goto next;
  case UNI_CONF_GET: SET(*conf(vm, at[2]));
  case UNI_CONF_CLAMP:
    t = *conf(vm, at[1]);
    *conf(vm, at[1]) = t < 0 ? 0 : t > 100 ? 100 : t;
    goto next;
  case UNI_CONF_DECAY:
    if (*strip <= 0)
      *conf(vm, at[1]) = I(U(*conf(vm, at[1])) * U(R1)) / 100;
    goto next;
  case UNI_SENSE: case UNI_GPS: case UNI_ACCEL: case UNI_GYRO:
  case UNI_TEMP: case UNI_VOLT: case UNI_TRUST_REVOKE:
    SET(0);
  case UNI_ATP_GEN: SET(100);
  case UNI_ATP_USE: case UNI_ISTINCT_DIFF: SET(I(U(RD) - U(R1)));
  case UNI_ABS: SET(R1 < 0 ? I(0 - U(R1)) : R1);
  case UNI_SQRT: SET((int32_t)sqrtf(fabsf((float)R1)));
  case UNI_CLAMP: SET(RD < R1 ? R1 : RD > R2 ? R2 : RD);
  case UNI_LERP: SET(I(U(R1) + U(I((U(R2) - U(R1)) * U(RD)) / 100)));
  case UNI_HASH: SET(hash(U(R1)));
  case UNI_ISTINCT_DECAY: SET(quarter(RD, 0.95f));
  case UNI_TRUST_DECAY: SET(quarter(RD, 0.99f));
  case UNI_ISTINCT_REFLEX:
    t = RD;
    if (t <= 0)
      goto next;
    if (!go(vm, U(imm16(at + 2))))
      return false;
    set_reg(vm, at[1], t - 1);
    return true;
  case UNI_ISTINCT_MODULATE:
    SET(I(U((int64_t)RD * imm16(at + 2) / 1000)));
  case UNI_ISTINCT_THRESHOLD: SET(RD >= imm16(at + 2));
  case UNI_ISTINCT_CONVERGE: converge(vm, at[1]); goto next;
  case UNI_ISTINCT_EXTINCT: SET(RD > -10 && RD < 10 ? 0 : RD);
  case UNI_ISTINCT_HABITUATE: SET(RD < 255 ? RD + 1 : 255);
  case UNI_ISTINCT_SENSITIZE: SET(RD < 127 ? I(2 * U(RD)) : 255);
  case UNI_ISTINCT_GENERALIZE: case UNI_TRUST_AVERAGE:
    SET(I(U(RD) + U(R1)) / 2);
  case UNI_ISTINCT_SPECIALIZE:
    t = I(U(RD) - U(R1));
    t = t < 0 ? I(0 - U(t)) : t;
    SET(t < 50 ? RD : 0);
  case UNI_ISTINCT_DIFFUSE: diffuse(vm, at[1], at[2]); goto next;
  case UNI_ISTINCT_INHIBIT:
    if (RD > 0)
      set_reg(vm, at[2], 0);
    goto next;
  case UNI_ISTINCT_SUM: case UNI_TRUST_TRANSFER: SET(I(U(RD) + U(R1)));
  case UNI_TRUST_UPDATE: SET(I(U(RD) + U(I(U(R1) - U(RD)) / 10)));
  case UNI_TRUST_COMPARE: case UNI_TRUST_VERIFY:
    s->cells[UNI_CELL_Z] = RD >= R1;
    goto next;
  case UNI_TRUST_MIN: SET(RD < R1 ? RD : R1);
  case UNI_TRUST_RESTRICT:
    SET(RD < imm16(at + 2) ? RD : imm16(at + 2));
  case UNI_TRUST_SCORE: SET(I(3 * U(R1) + 7 * U(R2)) / 10);
  case UNI_TRUST_BOOST:
    t = I(U(RD) + U(R1));
    SET(t < 1000 ? t : 1000);
  case UNI_TRUST_WEAKEN:
    t = I(U(RD) - U(R1));
    SET(t > 0 ? t : 0);
  case UNI_TRUST_SCOPE: SET(R1 > 0 && R1 < RD ? R1 : RD);
  case UNI_TRUST_FLOOR: SET(RD > R1 ? RD : R1);
  case UNI_MEMSET: case UNI_MEMCPY: case UNI_MEMCMP: case UNI_MEMSCAN:
    runs(vm, at);
    goto next;
  case UNI_MEMFILL:
    for (t = 0; t < imm16(at + 2); t++)
      store8(vm, U(t), U(RD));
    goto next;
  case UNI_MEMINDEX: case UNI_MEMSUM: case UNI_MEMRANGE_MIN:
  case UNI_MEMRANGE_MAX: case UNI_CRC32:
    fold(vm, at);
    goto next;
  case UNI_STACKFRAME:
    if (at[1] > 63)
      return lethal(vm, UNI_LETHAL_REGISTER_RANGE);
    if (!push(vm, s->cells[UNI_CELL_R + at[1]]))
      return false;
    s->cells[UNI_CELL_R + at[1]] = s->cells[UNI_CELL_SP];
    goto next;
  case UNI_HEAP_ALLOC:
    t = s->cells[UNI_CELL_HEAP];
    set_reg(vm, at[1], t);
    t = I(U(t) + U(imm16(at + 2) > 0 ? imm16(at + 2) : 1));
    s->cells[UNI_CELL_HEAP] = t;
    if (t <= 65536)
      goto next;
    s->pc += length;
    return stop(vm, FISA_RUN_FAULT, UNI_FAULT_DIVIDE);
  case UNI_BITCOUNT: SET(__builtin_popcount(U(RD)));
  case UNI_BITSCAN: SET(RD == 0 ? 32 : __builtin_clz(U(RD)));
  case UNI_BITREV: SET(I(reverse(U(RD))));
  case UNI_ROTL: SET(I(U(RD) << (R1 & 31) | U(RD) >> (-U(R1) & 31)));
  case UNI_ROTR: SET(I(U(RD) >> (R1 & 31) | U(RD) << (-U(R1) & 31)));
  case UNI_CYCLE_READ: SET(I(U(s->cycles)));
  case UNI_ENCODE_VARINT:
    if (RD < 0)
      return lethal(vm, UNI_LETHAL_VARINT_NEGATIVE);
    varint(vm, at);
    goto next;
  case UNI_DECODE_VARINT: varint(vm, at); goto next;
  case UNI_ATOMIC_CAS:
    t = load8(vm, U(RD)) == (uint8_t)R1;
    if (t)
      store8(vm, U(RD), U(R2));
    s->cells[UNI_CELL_Z] = t;
    goto next;
  default: goto next; /* the stubs */
  }
next:
  s->pc += length;
  return true;
}

uint64_t plain_run(struct plain_vm *vm, uint64_t fuel) {
  vm->s->status = FISA_RUN_FUEL;
  vm->s->fault = 0;
  while (fuel > 0 && plain_step(vm))
    fuel--;
  /* The step that stopped counts unless it never began. */
  if (fuel > 0 && vm->s->status != FISA_RUN_END &&
      vm->s->fault != UNI_FAULT_TRUNCATED)
    fuel--;
  return fuel;
}
