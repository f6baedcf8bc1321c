/*
 * stranger.c - the machine itself. See stranger.h.
 *
 * One switch, one case a row. A row's operand bytes are fetched and the pc
 * moved past it before it acts, so a row that fails leaves the pc behind it
 * and returns its error before it has changed anything.
 */
#include "stranger.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
  OP_NOP, OP_MOV, OP_LOAD, OP_STORE, OP_JMP, OP_JZ, OP_JNZ, OP_CALL,
  OP_IADD, OP_ISUB, OP_IMUL, OP_IDIV, OP_IMOD, OP_INEG, OP_INC, OP_DEC,
  OP_IAND, OP_IOR, OP_IXOR, OP_INOT, OP_ISHL, OP_ISHR, OP_ROTL, OP_ROTR,
  OP_ICMP, OP_IEQ, OP_ILT, OP_ILE, OP_IGT, OP_IGE, OP_TEST, OP_SETCC,
  OP_PUSH, OP_POP, OP_DUP, OP_SWAP,
  OP_ENTER = 0x25, OP_LEAVE, OP_ALLOCA, OP_RET, OP_CALL_IND, OP_TAILCALL,
  OP_MOVI, OP_IREM, OP_CMP, OP_JE, OP_JNE,
  OP_REGION_CREATE, OP_REGION_DESTROY, OP_REGION_TRANSFER, OP_MEMCOPY,
  OP_MEMSET, OP_MEMCMP, OP_JL, OP_JGE, OP_CAST, OP_BOX, OP_UNBOX,
  OP_CHECK_TYPE, OP_CHECK_BOUNDS,
  OP_FADD = 0x40, OP_FSUB, OP_FMUL, OP_FDIV, OP_FNEG, OP_FABS, OP_FMIN,
  OP_FMAX, OP_FEQ, OP_FLT, OP_FLE, OP_FGT, OP_FGE, OP_JG, OP_JLE, OP_LOAD8,
  OP_VLOAD, OP_VSTORE, OP_VADD, OP_VSUB, OP_VMUL, OP_VDIV, OP_VFMA,
  OP_STORE8,
  OP_EMERGENCY_STOP = 0x7B,
  OP_HALT = 0x80, OP_YIELD, OP_RESOURCE_ACQUIRE, OP_RESOURCE_RELEASE,
  OP_DEBUG_BREAK
};

/* Bytes of each row; v: 3 and the u16 at byte 1; a dot: no such row. */
static const char row_lengths[] =
    "1333444433333222" /* 0x00 */
    "3332333333333333" /* 0x10 */
    "2211.22322243344" /* 0x20 */
    "vvvvvv443vv33..." /* 0x30 */
    "3333223333333443" /* 0x40 */
    "vv333343........" /* 0x50 */
    "vvvvvvvvvvvvv..." /* 0x60 */
    "vvvvvvvvvvv1...." /* 0x70 */
    "11vv1";           /* 0x80 */

_Static_assert(OP_CHECK_BOUNDS == 0x3C && OP_STORE8 == 0x57 &&
               OP_DEBUG_BREAK == 0x84 && sizeof row_lengths - 1 == 0x85,
               "the names and the lengths agree on the numbers");
_Static_assert(offsetof(struct stranger_vm, fp) == 4 * 16 &&
               offsetof(struct stranger_vm, vec) == 4 * 32 &&
               offsetof(struct stranger_vm, pc) == 4 * 96 &&
               offsetof(struct stranger_vm, sp) == 4 * 97,
               "unchecked indexes reach the register they always did");

/* Before each region, so that heap address -1 has a byte to be. */
#define GUARD 4u

static uint16_t get16(const uint8_t *p) {
  return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
         (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)v;
  p[1] = (uint8_t)(v >> 8);
  p[2] = (uint8_t)(v >> 16);
  p[3] = (uint8_t)(v >> 24);
}

/* ---- registers: any index, see the layout in stranger.h ---- */

static uint32_t reg(const struct stranger_vm *vm, uint8_t i) {
  uint32_t v;

  memcpy(&v, (const uint8_t *)vm + sizeof v * i, sizeof v);
  return v;
}

static int32_t sreg(const struct stranger_vm *vm, uint8_t i) {
  return (int32_t)reg(vm, i);
}

static void set(struct stranger_vm *vm, uint8_t i, uint32_t v) {
  memcpy((uint8_t *)vm + sizeof v * i, &v, sizeof v);
}

static float freg(const struct stranger_vm *vm, uint8_t i) {
  float v;

  memcpy(&v, (const uint8_t *)vm + offsetof(struct stranger_vm, fp) +
             sizeof v * i, sizeof v);
  return v;
}

static void fset(struct stranger_vm *vm, uint8_t i, float v) {
  memcpy((uint8_t *)vm + offsetof(struct stranger_vm, fp) + sizeof v * i, &v,
         sizeof v);
}

static uint8_t *vreg(struct stranger_vm *vm, uint8_t i) {
  return (uint8_t *)vm + offsetof(struct stranger_vm, vec) + 16u * i;
}

static void set_flags(struct stranger_vm *vm, uint32_t v) {
  vm->flag_z = v == 0;
  vm->flag_s = (int32_t)v < 0;
}

static void set_with_flags(struct stranger_vm *vm, uint8_t i, uint32_t v) {
  set(vm, i, v);
  set_flags(vm, v);
}

static void compare(struct stranger_vm *vm, int32_t x, int32_t y) {
  vm->flag_z = x == y;
  vm->flag_s = x < y;
}

static uint32_t rotate_left(uint32_t v, uint32_t n) {
  return v << (n & 31) | v >> (-n & 31);
}

static float as_float(uint32_t bits) {
  float f;

  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint32_t as_bits(float f) {
  uint32_t bits;

  memcpy(&bits, &f, sizeof bits);
  return bits;
}

/* ---- memory ---- */

static bool inside(uint32_t size, uint32_t at, uint32_t n) {
  return n <= size && at <= size - n;
}

static uint32_t load_cell(const struct stranger_vm *vm, uint32_t at) {
  return inside(vm->stack_size, at, 4) ? get32(vm->stack + at) : 0;
}

static void store_cell(struct stranger_vm *vm, uint32_t at, uint32_t v) {
  if (inside(vm->stack_size, at, 4))
    put32(vm->stack + at, v);
}

/* NULL when out of range. That the end is what is compared lets -1 pass. */
static uint8_t *heap_byte(const struct stranger_vm *vm, uint32_t at) {
  if (!vm->heap || at + 1 > vm->heap_size)
    return NULL;
  return at == UINT32_MAX ? vm->heap - 1 : vm->heap + at;
}

/* dst, src, n. A source out of range gives bytes that mean nothing. */
static void memory_copy(struct stranger_vm *vm, const uint8_t *args) {
  uint32_t dst = get32(args), src = get32(args + 4), n = get32(args + 8);
  uint8_t *temp;

  if (n == 0 || !inside(vm->heap_size, dst, n))
    return;
  temp = calloc(1, n);
  if (!temp)
    return;
  if (inside(vm->heap_size, src, n))
    memcpy(temp, vm->heap + src, n);
  memcpy(vm->heap + dst, temp, n);
  free(temp);
}

/* at, n, value */
static void memory_set(struct stranger_vm *vm, const uint8_t *args) {
  uint32_t at = get32(args), n = get32(args + 4);

  if (at >= vm->heap_size)
    return;
  if (n > vm->heap_size - at)
    n = vm->heap_size - at;
  memset(vm->heap + at, args[8], n);
}

/* ---- regions ---- */

static struct stranger_region *find(const struct stranger_vm *vm,
                                    const void *name, uint32_t length) {
  for (uint32_t i = 0; i < vm->region_count; i++) {
    struct stranger_region *r = &vm->regions[i];

    if (r->name_length == length && memcmp(r->name, name, length) == 0)
      return r;
  }
  return NULL;
}

/* After each change of the table: which region is stack, which heap. */
static void bind_memory(struct stranger_vm *vm) {
  const struct stranger_region *stack = find(vm, "stack", 5);
  const struct stranger_region *heap = find(vm, "heap", 4);

  vm->stack = stack ? stack->bytes : NULL;
  vm->stack_size = stack ? stack->size : 0;
  vm->heap = heap ? heap->bytes : NULL;
  vm->heap_size = heap ? heap->size : 0;
}

/* NULL when the name is taken, the table full or memory out. */
static struct stranger_region *create(struct stranger_vm *vm,
                                      const void *name, uint8_t length,
                                      uint32_t size) {
  struct stranger_region *r;
  uint8_t *memory;

  if (size == 0)
    size = STRANGER_MEMORY;
  if (vm->region_count == STRANGER_REGIONS || find(vm, name, length))
    return NULL;
  memory = calloc(1, (size_t)size + GUARD);
  if (!memory)
    return NULL;
  r = &vm->regions[vm->region_count++];
  r->bytes = memory + GUARD;
  r->size = size;
  r->name_length = length;
  memcpy(r->name, name, length);
  bind_memory(vm);
  return r;
}

/* The last region moves into the hole. */
static void destroy(struct stranger_vm *vm, const void *name,
                    uint32_t length) {
  struct stranger_region *r = find(vm, name, length);

  if (!r)
    return;
  free(r->bytes - GUARD);
  *r = vm->regions[--vm->region_count];
  bind_memory(vm);
}

static void region_create(struct stranger_vm *vm, const uint8_t *payload) {
  uint8_t length = payload[0];

  create(vm, payload + 1, length, get32(payload + 1 + length));
}

static void region_transfer(struct stranger_vm *vm, const uint8_t *payload) {
  const uint8_t *to = payload + 1 + payload[0];
  const struct stranger_region *source = find(vm, payload + 1, payload[0]);
  struct stranger_region *copy;

  if (!source)
    return;
  copy = create(vm, to + 1, to[0], source->size);
  if (copy)
    memcpy(copy->bytes, source->bytes, copy->size);
}

/* ---- frames, boxes, vectors ---- */

static int push_frame(struct stranger_vm *vm, uint32_t v) {
  if (vm->frame_depth >= STRANGER_FRAMES)
    return STRANGER_OVERFLOW;
  vm->frame[vm->frame_depth++] = v;
  return STRANGER_OK;
}

static int box(struct stranger_vm *vm, const uint8_t *payload) {
  struct stranger_box *b;

  if (vm->box_count >= STRANGER_BOXES)
    return STRANGER_BOXES_FULL;
  b = &vm->box[vm->box_count];
  b->tag = payload[0];
  memcpy(b->raw, payload + 1, sizeof b->raw);
  set(vm, 0, vm->box_count++);
  return STRANGER_OK;
}

static int unbox(struct stranger_vm *vm, const uint8_t *payload) {
  const struct stranger_box *b = &vm->box[payload[0] % STRANGER_BOXES];
  uint32_t v = get32(b->raw);

  if (payload[0] >= vm->box_count)
    return STRANGER_BAD_BOX;
  if (b->tag == 0)
    set(vm, 0, v);
  else if (b->tag == 1)
    fset(vm, 0, as_float(v));
  else
    set(vm, 0, v != 0);
  return STRANGER_OK;
}

static void vector_arithmetic(struct stranger_vm *vm, uint8_t op, uint8_t d,
                              uint8_t s) {
  for (int lane = 0; lane < 16; lane += 4) {
    uint8_t *at = vreg(vm, d) + lane;
    uint32_t x = get32(at), y = get32(vreg(vm, s) + lane);

    if (op == OP_VADD)
      x += y;
    else if (op == OP_VSUB)
      x -= y;
    else if (op == OP_VMUL)
      x *= y;
    else if (y != 0)
      x = (uint32_t)((int32_t)x / (int32_t)y);
    put32(at, x);
  }
}

/* Two roundings, the product's first. */
static void vector_fma(struct stranger_vm *vm, uint8_t d, uint8_t s,
                       uint8_t t) {
  for (int lane = 0; lane < 16; lane += 4) {
    uint8_t *at = vreg(vm, d) + lane;
    float product = as_float(get32(vreg(vm, s) + lane)) *
                    as_float(get32(vreg(vm, t) + lane));

    put32(at, as_bits(as_float(get32(at)) + product));
  }
}

static void vector_load(struct stranger_vm *vm, const uint8_t *payload) {
  uint16_t at = get16(payload + 1);

  if (inside(vm->heap_size, at, 16))
    memcpy(vreg(vm, payload[0]), vm->heap + at, 16);
}

static void vector_store(struct stranger_vm *vm, const uint8_t *payload) {
  uint16_t at = get16(payload + 1);

  if (inside(vm->heap_size, at, 16))
    memcpy(vm->heap + at, vreg(vm, payload[0]), 16);
}

/* ---- the machine ---- */

/* 0 for no such row. */
static uint32_t row_length(const uint8_t *p) {
  char length = p[0] < sizeof row_lengths - 1 ? row_lengths[p[0]] : '.';

  if (length == 'v')
    return 3u + get16(p + 1);
  return length == '.' ? 0 : (uint32_t)(length - '0');
}

/* The jump of a 4-byte row; the pc is at its end. */
static void jump_if(struct stranger_vm *vm, bool taken, const uint8_t *p) {
  if (taken)
    vm->pc += (uint32_t)(int16_t)get16(p + 2);
}

/* The dispatch. a and b are the operand bytes 1 and 2 where there are any. */
static int run_row(struct stranger_vm *vm, const uint8_t *code) {
  const uint8_t *p = code + vm->pc;
  uint32_t length = row_length(p);
  uint8_t a, b;
  uint32_t v;

  vm->cycles++;
  if (length == 0)
    return STRANGER_BAD_OPCODE;
  a = length > 1 ? p[1] : 0;
  b = length > 2 ? p[2] : 0;
  vm->pc += length;

  switch (p[0]) {
  case OP_NOP:
  case OP_DEBUG_BREAK:
    break;
  case OP_YIELD:
    if (vm->on_yield)
      vm->on_yield();
    break;
  case OP_HALT:
  case OP_EMERGENCY_STOP:
    vm->halted = 1;
    return STRANGER_HALTED;

  case OP_MOV: set(vm, a, reg(vm, b)); break;
  case OP_MOVI: set(vm, a, (uint32_t)(int16_t)get16(p + 2)); break;
  case OP_LOAD: set(vm, a, load_cell(vm, b * 4u)); break;
  case OP_STORE: store_cell(vm, a * 4u, reg(vm, b)); break;

  case OP_IADD: set_with_flags(vm, a, reg(vm, a) + reg(vm, b)); break;
  case OP_ISUB: set_with_flags(vm, a, reg(vm, a) - reg(vm, b)); break;
  case OP_IMUL: set_with_flags(vm, a, reg(vm, a) * reg(vm, b)); break;
  case OP_INEG: set_with_flags(vm, a, 0 - reg(vm, a)); break;
  case OP_INC: set_with_flags(vm, a, reg(vm, a) + 1); break;
  case OP_DEC: set_with_flags(vm, a, reg(vm, a) - 1); break;
  case OP_IDIV:
    if (reg(vm, b) == 0)
      return STRANGER_DIV_ZERO;
    set(vm, a, (uint32_t)(sreg(vm, a) / sreg(vm, b)));
    break;
  case OP_IMOD:
  case OP_IREM:
    if (reg(vm, b) == 0)
      return STRANGER_DIV_ZERO;
    set(vm, a, (uint32_t)(sreg(vm, a) % sreg(vm, b)));
    break;

  case OP_IAND: set(vm, a, reg(vm, a) & reg(vm, b)); break;
  case OP_IOR: set(vm, a, reg(vm, a) | reg(vm, b)); break;
  case OP_IXOR: set(vm, a, reg(vm, a) ^ reg(vm, b)); break;
  case OP_INOT: set(vm, a, ~reg(vm, a)); break;
  case OP_ISHL: set(vm, a, reg(vm, a) << sreg(vm, b)); break;
  case OP_ISHR: set(vm, a, (uint32_t)(sreg(vm, a) >> sreg(vm, b))); break;
  case OP_ROTL: set(vm, a, rotate_left(reg(vm, a), reg(vm, b))); break;
  case OP_ROTR: set(vm, a, rotate_left(reg(vm, a), 0 - reg(vm, b))); break;

  case OP_ICMP:
  case OP_CMP:
    compare(vm, sreg(vm, a), sreg(vm, b));
    break;
  case OP_TEST: set_flags(vm, reg(vm, a) & reg(vm, b)); break;
  case OP_IEQ: set(vm, a, reg(vm, a) == reg(vm, b)); break;
  case OP_ILT: set(vm, a, sreg(vm, a) < sreg(vm, b)); break;
  case OP_ILE: set(vm, a, sreg(vm, a) <= sreg(vm, b)); break;
  case OP_IGT: set(vm, a, sreg(vm, a) > sreg(vm, b)); break;
  case OP_IGE: set(vm, a, sreg(vm, a) >= sreg(vm, b)); break;
  case OP_SETCC:
    set(vm, a, b == 0 ? vm->flag_z : b == 1 ? vm->flag_s : 0);
    break;
  case OP_CHECK_BOUNDS:
    set(vm, 0, sreg(vm, a) >= 0 && sreg(vm, a) < sreg(vm, b));
    break;

  case OP_PUSH:
    if (vm->sp < 4)
      return STRANGER_OVERFLOW;
    v = reg(vm, a);
    vm->sp -= 4;
    store_cell(vm, vm->sp, v);
    break;
  case OP_POP:
    v = load_cell(vm, vm->sp);
    set(vm, a, v);
    vm->sp += 4;
    break;
  case OP_DUP: /* pop once, push twice */
    v = load_cell(vm, vm->sp);
    vm->sp += 4;
    for (int i = 0; i < 2; i++) {
      if (vm->sp < 4)
        return STRANGER_OVERFLOW;
      vm->sp -= 4;
      store_cell(vm, vm->sp, v);
    }
    break;
  case OP_SWAP:
    v = load_cell(vm, vm->sp);
    store_cell(vm, vm->sp, load_cell(vm, vm->sp + 4));
    store_cell(vm, vm->sp + 4, v);
    break;
  case OP_ENTER:
    if (push_frame(vm, vm->sp) != STRANGER_OK)
      return STRANGER_OVERFLOW;
    vm->sp -= a * 4u;
    break;
  case OP_LEAVE: /* plus, although the saved sp already undoes ENTER n */
    if (vm->frame_depth == 0)
      return STRANGER_UNDERFLOW;
    vm->sp = vm->frame[--vm->frame_depth] + a * 4u;
    break;
  case OP_ALLOCA: set(vm, a, reg(vm, a) + reg(vm, b)); break;

  case OP_JMP: jump_if(vm, true, p); break;
  case OP_JZ: jump_if(vm, reg(vm, a) == 0, p); break;
  case OP_JNZ: jump_if(vm, reg(vm, a) != 0, p); break;
  case OP_JE: jump_if(vm, vm->flag_z, p); break;
  case OP_JNE: jump_if(vm, !vm->flag_z, p); break;
  case OP_JL: jump_if(vm, vm->flag_s != vm->flag_o, p); break;
  case OP_JGE: jump_if(vm, vm->flag_s == vm->flag_o, p); break;
  case OP_JG: /* the name lies: taken when less */
    jump_if(vm, !vm->flag_z && vm->flag_s != vm->flag_o, p);
    break;
  case OP_JLE:
    jump_if(vm, vm->flag_z || vm->flag_s != vm->flag_o, p);
    break;
  case OP_CALL:
    if (push_frame(vm, vm->pc) != STRANGER_OK)
      return STRANGER_OVERFLOW;
    jump_if(vm, true, p);
    break;
  case OP_CALL_IND:
    v = reg(vm, a);
    if (push_frame(vm, vm->pc) != STRANGER_OK)
      return STRANGER_OVERFLOW;
    vm->pc = v;
    break;
  case OP_TAILCALL: vm->pc = reg(vm, a); break;
  case OP_RET:
    if (vm->frame_depth == 0)
      return STRANGER_UNDERFLOW;
    vm->pc = vm->frame[--vm->frame_depth];
    break;

  case OP_REGION_CREATE: region_create(vm, p + 3); break;
  case OP_REGION_DESTROY: destroy(vm, p + 3, length - 3); break;
  case OP_REGION_TRANSFER: region_transfer(vm, p + 3); break;
  case OP_MEMCOPY: memory_copy(vm, p + 3); break;
  case OP_MEMSET: memory_set(vm, p + 3); break;
  case OP_MEMCMP: /* compares the first range with itself */
    set(vm, 0, 0);
    break;
  case OP_LOAD8: {
    const uint8_t *byte = heap_byte(vm, reg(vm, b));

    set(vm, a, byte ? *byte : 0);
    break;
  }
  case OP_STORE8: {
    uint8_t *byte = heap_byte(vm, reg(vm, a));

    if (byte)
      *byte = (uint8_t)reg(vm, b);
    break;
  }

  case OP_CAST:
    if (b == 0)
      fset(vm, a, (float)sreg(vm, a));
    else
      set(vm, a, (uint32_t)(int32_t)freg(vm, a));
    break;
  case OP_BOX: return box(vm, p + 3);
  case OP_UNBOX: return unbox(vm, p + 3);
  case OP_CHECK_TYPE:
    set(vm, 0, a < vm->box_count && vm->box[a].tag == b);
    break;

  case OP_FADD: fset(vm, a, freg(vm, a) + freg(vm, b)); break;
  case OP_FSUB: fset(vm, a, freg(vm, a) - freg(vm, b)); break;
  case OP_FMUL: fset(vm, a, freg(vm, a) * freg(vm, b)); break;
  case OP_FDIV:
    if (freg(vm, b) == 0)
      return STRANGER_DIV_ZERO;
    fset(vm, a, freg(vm, a) / freg(vm, b));
    break;
  case OP_FNEG: fset(vm, a, -freg(vm, a)); break;
  case OP_FABS: fset(vm, a, fabsf(freg(vm, a))); break;
  case OP_FMIN: fset(vm, a, freg(vm, freg(vm, a) < freg(vm, b) ? a : b)); break;
  case OP_FMAX: fset(vm, a, freg(vm, freg(vm, a) > freg(vm, b) ? a : b)); break;
  case OP_FEQ: set(vm, a, freg(vm, a) == freg(vm, b)); break;
  case OP_FLT: set(vm, a, freg(vm, a) < freg(vm, b)); break;
  case OP_FLE: set(vm, a, freg(vm, a) <= freg(vm, b)); break;
  case OP_FGT: set(vm, a, freg(vm, a) > freg(vm, b)); break;
  case OP_FGE: set(vm, a, freg(vm, a) >= freg(vm, b)); break;

  case OP_VLOAD: vector_load(vm, p + 3); break;
  case OP_VSTORE: vector_store(vm, p + 3); break;
  case OP_VADD:
  case OP_VSUB:
  case OP_VMUL:
  case OP_VDIV:
    vector_arithmetic(vm, p[0], a, b);
    break;
  case OP_VFMA: vector_fma(vm, a, b, p[3]); break;

  case OP_RESOURCE_ACQUIRE:
    if (length > 3)
      vm->resource[p[3]] = 1;
    set(vm, 0, 1);
    break;
  case OP_RESOURCE_RELEASE:
    if (length > 3)
      vm->resource[p[3]] = 0;
    break;

  default: /* 0x60-0x6C, 0x70-0x7A: every other row that has a length */
    if (vm->on_message)
      vm->on_message(p[0], p + 3, (uint16_t)(length - 3));
    break;
  }
  return STRANGER_OK;
}

int stranger_step(struct stranger_vm *vm, const uint8_t *code,
                  uint32_t length) {
  int error;

  assert(vm && code);
  (void)length;
  vm->halted = 0;
  error = run_row(vm, code);
  vm->last_error = error == STRANGER_OK ? STRANGER_OUT_OF_CYCLES : error;
  return error;
}

int64_t stranger_execute(struct stranger_vm *vm, const uint8_t *code,
                         uint32_t length) {
  assert(vm && code);
  (void)length;
  vm->halted = 0;
  while (vm->cycles < vm->max_cycles) {
    int error = run_row(vm, code);

    if (error == STRANGER_OK)
      continue;
    vm->last_error = error;
    return error == STRANGER_HALTED ? (int64_t)vm->cycles : -error;
  }
  vm->last_error = STRANGER_OUT_OF_CYCLES;
  return (int64_t)vm->cycles;
}

/* ---- life ---- */

int stranger_init(struct stranger_vm *vm) {
  assert(vm);
  memset(vm, 0, sizeof *vm);
  vm->max_cycles = STRANGER_MAX_CYCLES;
  vm->sp = STRANGER_MEMORY;
  vm->gp[11] = STRANGER_MEMORY;
  vm->regions = calloc(STRANGER_REGIONS, sizeof *vm->regions);
  if (vm->regions && create(vm, "stack", 5, STRANGER_MEMORY) &&
      create(vm, "heap", 4, STRANGER_MEMORY))
    return 0;
  stranger_free(vm);
  return -1;
}

int stranger_reset(struct stranger_vm *vm) {
  stranger_message_fn on_message = vm->on_message;
  stranger_yield_fn on_yield = vm->on_yield;
  uint64_t max_cycles = vm->max_cycles;

  stranger_free(vm);
  if (stranger_init(vm) != 0)
    return -1;
  vm->on_message = on_message;
  vm->on_yield = on_yield;
  vm->max_cycles = max_cycles;
  return 0;
}

void stranger_free(struct stranger_vm *vm) {
  assert(vm);
  for (uint32_t i = 0; i < vm->region_count; i++)
    free(vm->regions[i].bytes - GUARD);
  free(vm->regions);
  vm->regions = NULL;
  vm->region_count = 0;
  vm->stack = vm->heap = NULL;
  vm->stack_size = vm->heap_size = 0;
}

void stranger_set_message(struct stranger_vm *vm, stranger_message_fn fn) {
  vm->on_message = fn;
}

void stranger_set_yield(struct stranger_vm *vm, stranger_yield_fn fn) {
  vm->on_yield = fn;
}

const char *stranger_error_string(int error) {
  switch (error) {
  case STRANGER_OK: return "no error";
  case STRANGER_HALTED: return "halted";
  case STRANGER_BAD_OPCODE: return "bad opcode";
  case STRANGER_DIV_ZERO: return "division by zero";
  case STRANGER_OVERFLOW: return "frame stack or stack overflow";
  case STRANGER_UNDERFLOW: return "frame stack underflow";
  case STRANGER_BAD_BOX: return "no such box";
  case STRANGER_OUT_OF_CYCLES: return "out of cycles";
  case STRANGER_BOXES_FULL: return "no box left";
  default: return "unknown error";
  }
}

const struct stranger_region *
stranger_find_region(const struct stranger_vm *vm, const void *name,
                     uint32_t name_length) {
  return find(vm, name, name_length);
}
