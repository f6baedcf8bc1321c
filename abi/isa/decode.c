/*
 * isa/decode.c - bytes to instructions and back.
 *
 * The order of the checks is that of a machine's step: end of code, the
 * bounds check with the length the machine checks (which need not be the
 * length it advances), the opcode, the real end.
 */
#include <assert.h>
#include <string.h>

#include "isa/flow.h"

#define FIXED_MAX 8 /* bytes of a row, but for what a payload adds */

/* The value at the front of `at`, of which all bytes can be read. */
static int32_t operand_value(const struct fisa_operand *op,
                             const uint8_t *at) {
  uint32_t v = at[0];

  switch (op->kind) {
  case FISA_OPERAND_IMM8S:
    return (int8_t)v;
  case FISA_OPERAND_IMM32S:
    return (int32_t)(v | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                     (uint32_t)at[3] << 24);
  case FISA_OPERAND_IMM16S:
    return (int16_t)(v | (uint32_t)at[1] << 8);
  case FISA_OPERAND_ADDR16U:
  case FISA_OPERAND_PAYLOAD:
    return (int32_t)(v | (uint32_t)at[1] << 8);
  default: /* a register byte, an unsigned or an unused one */
    assert(op->width == 1);
    return (int32_t)v;
  }
}

unsigned fisa_operand_file(const struct fisa_operand *op) {
  assert(op->kind == FISA_OPERAND_REG && op->files);
  return (unsigned)__builtin_ctz(op->files);
}

static bool is_relative(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_JUMP_REL || row->flow == FISA_FLOW_COND_REL ||
         row->flow == FISA_FLOW_COND_REL_REG ||
         row->flow == FISA_FLOW_CALL_REL;
}

/* A sum as the machines make it, in 32 bits. */
uint32_t fisa_target_base(const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;
  uint32_t base = 0;

  if (is_relative(row))
    base = in->pc + (row->base_end ? in->length : 0);
  if (row->target < row->operand_count && row->target != row->target_reg)
    base += (uint32_t)in->value[row->target];
  return base;
}

static int64_t static_target(const struct fisa_dialect *d,
                             const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;

  if (row->flow == FISA_FLOW_NEXT || row->flow == FISA_FLOW_HALT ||
      row->flow == FISA_FLOW_TRAP || row->flow == FISA_FLOW_RET)
    return FISA_NO_TARGET;
  if (row->base_insn) /* takes all the code: fisa__insn_target */
    return FISA_NO_TARGET;
  /* A register is known where its byte is the constant 0. */
  if (row->target_reg < row->operand_count &&
      (in->value[row->target_reg] != 0 ||
       !d->files[fisa_operand_file(&row->operands[row->target_reg])].zero))
    return FISA_NO_TARGET;
  return (int32_t)fisa_target_base(in);
}

/* A walk from the first byte, since only that tells where instructions
 * begin. */
uint32_t fisa__insn_list(const struct fisa_dialect *d, const uint8_t *code,
                         uint32_t size, uint32_t *at) {
  struct fisa_insn in;
  uint32_t n = 0;

  for (uint32_t pc = 0; pc < size; pc += in.length) {
    at[n++] = pc;
    (void)fisa_decode(d, code, size, pc, &in);
  }
  at[n] = size;
  return n;
}

int64_t fisa__insn_number(const uint32_t *at, uint32_t count, uint32_t pc) {
  uint32_t lo = 0, hi = count;

  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (at[mid] < pc)
      lo = mid + 1;
    else
      hi = mid;
  }
  return at[lo] == pc ? (int64_t)lo : -1;
}

int64_t fisa__insn_target(const uint32_t *at, uint32_t count,
                          const struct fisa_insn *in) {
  int64_t own = fisa__insn_number(at, count, in->pc), want;

  assert(in->row->target < in->row->operand_count);
  want = own + in->value[in->row->target];
  if (own < 0 || want < 0)
    return -1;
  return want <= count ? at[want] : (int64_t)at[count] + 1;
}

/*
 * Whatever the status, row, pc and the values that could be read are filled;
 * `length` is 1 where nothing was decoded, so that a walk over code that is
 * no instruction makes headway.
 */
enum fisa_decode_status fisa_decode(const struct fisa_dialect *d,
                                    const uint8_t *code, uint32_t size,
                                    uint32_t pc, struct fisa_insn *out) {
  uint8_t cut[FIXED_MAX] = {0};
  const struct fisa_row *row;
  const uint8_t *bytes;
  uint32_t left;

  assert(size <= FISA_MAX_CODE);
  memset(out, 0, sizeof(*out));
  out->pc = pc;
  out->target = FISA_NO_TARGET;
  if (pc >= size)
    return FISA_DECODE_END;

  left = size - pc;
  row = &d->rows[code[pc]];
  out->row = row;
  out->length = 1;
  if (row->check > left)
    return FISA_DECODE_TRUNCATED;
  if (!row->defined)
    return FISA_DECODE_UNKNOWN;

  assert(row->length >= 1 && row->length <= FIXED_MAX);
  assert(row->operand_count <= FISA_MAX_OPERANDS);
  out->length = row->length;
  bytes = code + pc;
  /* What is cut off reads as 0, so that a report can show what there is. */
  if (row->length > left)
    bytes = memcpy(cut, bytes, left);
  for (unsigned i = 0; i < row->operand_count; i++) {
    const struct fisa_operand *op = &row->operands[i];
    out->value[i] = operand_value(op, bytes + op->offset);
    if (op->kind == FISA_OPERAND_PAYLOAD)
      out->length += (uint32_t)out->value[i];
  }
  if (out->length > left)
    return FISA_DECODE_PAST;
  out->target = static_target(d, out);
  return FISA_DECODED;
}

static bool value_fits(const struct fisa_operand *op, int32_t v) {
  switch (op->kind) {
  case FISA_OPERAND_IMM8S:
    return v >= INT8_MIN && v <= INT8_MAX;
  case FISA_OPERAND_IMM16S:
    return v >= INT16_MIN && v <= INT16_MAX;
  case FISA_OPERAND_ADDR16U:
    return v >= 0 && v <= UINT16_MAX;
  case FISA_OPERAND_IMM32S:
    return true;
  case FISA_OPERAND_PAYLOAD:
    return false;
  default:
    return op->width >= 4 || (v >= 0 && v < (int32_t)(1u << (8 * op->width)));
  }
}

/* The value of the target operand that makes the row reach in->target, or
 * what stands there when the target is none of encode's business. */
static int64_t target_value(const struct fisa_insn *in) {
  const struct fisa_row *row = in->row;

  if (in->target == FISA_NO_TARGET || row->base_insn)
    return in->value[row->target];
  switch (row->flow) {
  case FISA_FLOW_JUMP_ABS:
  case FISA_FLOW_COND_ABS:
  case FISA_FLOW_CALL_ABS:
  case FISA_FLOW_INDIRECT:
    return in->target;
  default:
    return in->target - in->pc - (row->base_end ? row->length : 0);
  }
}

int fisa_encode(const struct fisa_insn *in, uint8_t out[8]) {
  const struct fisa_row *row = in->row;

  if (!row || !row->defined || row->payload || row->length > 8)
    return -1;
  memset(out, 0, 8);
  out[0] = row->opcode;
  for (unsigned i = 0; i < row->operand_count; i++) {
    const struct fisa_operand *op = &row->operands[i];
    int64_t v = in->value[i];

    if (i == row->target)
      v = target_value(in);
    if (v < INT32_MIN || v > INT32_MAX || !value_fits(op, (int32_t)v))
      return -1;
    assert(op->offset + op->width <= row->length);
    for (unsigned k = 0; k < op->width; k++)
      out[op->offset + k] = (uint8_t)((uint32_t)v >> (8 * k));
  }
  return row->length;
}
