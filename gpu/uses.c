/*
 * gpu/uses.c - operands and targets of the ops of the IR.
 */
#include <assert.h>
#include <string.h>

#include "gpu/uses.h"

static const char *engine_uses(unsigned op) {
  switch (op) {
  case FIR_TICK:
    return "MNNNN";
  case FIR_PEEK:
    return "WNNNN";
  case FIR_SIGNS:
    return "WRNWN";
  case FIR_ADD_SIGNS:
  case FIR_SUB_SIGNS:
    return "WRRWW";
  case FIR_GOTO:
  case FIR_END:
  case FIR_FAULT:
  case FIR_BOUNDARY:
  case FIR_G_STACK_FULL:
  case FIR_G_STACK_EMPTY:
  case FIR_G_STACK_FEW:
  case FIR_G_CALLS_FULL:
  case FIR_G_CALLS_EMPTY:
  case FIR_G_ALWAYS:
    return "NNNNN";
  case FIR_JUMP_REG:
  case FIR_G_SHIFT_RANGE:
  case FIR_G_FTOI_RANGE:
  case FIR_G_LOG_ZERO:
  case FIR_G_BEFORE_MEMORY:
  case FIR_G_NEGATIVE:
    return "NRNNN";
  default: /* the other guards */
    return "NRRNN";
  }
}

/* Semantic ops of which their columns do not say it all; NULL: they do. */
static const char *odd_uses(unsigned op, int32_t imm) {
  static const char *const emit[4] = {"NNNNN", "NRNNN", "NRRNN", "NRRRN"};
  unsigned argc = (uint32_t)imm >> 16;

  switch (op) {
  case FLUX_OP_FILE_ZERO:
  case FLUX_OP_CONVERGE:
    return "MNNNN";
  case FLUX_OP_DIFFUSE:
    return "MRMNN";
  case FLUX_OP_EMIT:
    return emit[argc < 3 ? argc : 3];
  case FLUX_OP_INPUT:
    return argc ? "WRNNN" : "WNNNN";
  case FLUX_OP_POP: /* leaves d alone on an empty stack */
    return "MNNNN";
  case FLUX_OP_DIV: /* and where it faults */
    return "MRRNN";
  case FLUX_OP_CALL:
  case FLUX_OP_RET:
    return "NRNNN";
  default:
    return NULL;
  }
}

struct fir_uses fir_uses_of(unsigned op, int32_t imm) {
  struct fir_uses u = {"NNNN"};
  const char *own = op < FLUX_OP_COUNT ? odd_uses(op, imm) : engine_uses(op);

  assert(op < FIR_OP_COUNT);
  u.of[4] = 'N';
  if (own)
    memcpy(u.of, own, sizeof(u.of));
  for (unsigned n = 0; !own && n < 4; n++)
    u.of[n] = fisa_semop_use(op, n);
  return u;
}

bool fir_has_target(unsigned op) {
  return op == FIR_GOTO || op == FLUX_OP_JUMP || op == FLUX_OP_CALL ||
         (op >= FLUX_OP_BR_EQZ && op <= FLUX_OP_BR_GTZ_DEC);
}

bool fir_goes_anywhere(unsigned op) {
  return op == FLUX_OP_RET || op == FIR_JUMP_REG;
}
