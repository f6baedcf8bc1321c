/*
 * badvm.h - the reference VM with planted bugs, each in one row, switchable.
 */
#ifndef FLUX_TESTS_BADVM_H
#define FLUX_TESTS_BADVM_H

#include "hostsdk/runtime.h"

enum badvm_bug {
  /* Wrong in what they compute. */
  BADVM_FLAG,      /* ADD: N is never set */
  BADVM_ALIAS,     /* MOV: register byte 64 is the zero register */
  BADVM_SHIFT,     /* SHL: counts above 31 give 0 */
  BADVM_SIGN,      /* CMP_LT: compares without sign */
  BADVM_NO_FAULT,  /* DIV: by 0 is 0 */
  BADVM_STORE,     /* STORE: a byte further on */
  BADVM_SWAPPED,   /* SUB: the other way round */
  BADVM_ZERO,      /* MOVI: writes through the zero register */
  BADVM_SEMANTIC,  /* so many */
  /* Wrong in length, flow or cycles. */
  BADVM_BASE = BADVM_SEMANTIC,  /* JMP: from the end of the instruction */
  BADVM_RET,       /* RET: lands on what CALL pushed */
  BADVM_LENGTH,    /* NOT: a byte longer */
  BADVM_CYCLES,    /* MUL: costs 2 */
  BADVM_BUGS,      /* the twelve */
  /* Beside them. */
  BADVM_ABORT = BADVM_BUGS,  /* XOR: dies where R[rs1] is 7 or more */
  BADVM_EXIT,      /* OR: leaves the process */
  BADVM_SPIN,      /* AND: for ever where R[rs2] is negative */
  BADVM_SLEEP,     /* NEG: for ever, without working */
  BADVM_TWICE,     /* INC: counts how often it was called */
  BADVM_STRAY,     /* DEC: also writes memory where R[rd] is negative */
  BADVM_LOAD,      /* ABS: dies when a program with it is loaded */
  BADVM_DEAD,      /* POP: clears the cell that it frees, which is no bug */
  BADVM_YIELDS,    /* YIELD: does not stop */
  BADVM_IMM,       /* ADDI: its immediate has no sign */
  BADVM_TELLS,     /* TELL: its arguments in another order */
  BADVM_SENSES,    /* SENSE: asks twice */
  BADVM_WRAP,      /* LOAD: does not wrap, reads 0 there */
  BADVM_KILLED,    /* BITREV: is killed while *badvm_kills lasts */
  BADVM_ALL,
  /* In every row, and in none of the table of rows. */
  BADVM_DOOMED = BADVM_ALL,  /* dies of any instruction */
  BADVM_LOUD       /* tells the world of any instruction */
};

#define BADVM_BIT(bug) (UINT64_C(1) << (bug))
#define BADVM_TWELVE (BADVM_BIT(BADVM_BUGS) - 1)
#define BADVM_ONLY_SEMANTIC (BADVM_BIT(BADVM_SEMANTIC) - 1)

/* The VM; its bugs are those of badvm_bugs when a program is loaded. */
extern uint64_t badvm_bugs;
extern volatile int *badvm_kills;  /* in memory that children share */
struct fhost_vm badvm(const char *build_id, bool may_fork);

/* The row in which a bug is; whether it makes programs unfit. */
const char *badvm_row(enum badvm_bug bug);
bool badvm_is_unfit(enum badvm_bug bug);

#endif /* FLUX_TESTS_BADVM_H */
