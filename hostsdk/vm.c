/*
 * hostsdk/vm.c - the dispatch loop of the reference VM.
 *
 * One function, one handler an op. The pc is implicit in the slot pointer;
 * fuel, SP, the flags and the strip counter live in locals while the loop
 * runs:
 *
 *   cycles  what the counter would read if no fuel were left, minus fuel, so
 *           that nothing is counted a second time
 *   Z, N    the last value that each was set from: no row reads a flag
 *   STRIP   the fuel at which the counter reaches 0: it is never counted
 *           down, only compared
 */
#include "hostsdk/vm_impl.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define CANONICAL_NAN UINT32_C(0x7FC00000)
#define MAX_FUEL (UINT64_C(1) << 62) /* so that differences fit int64_t */

_Static_assert(-1 >> 1 == -1, "the machine's right shift is arithmetic");

static inline float as_float(int32_t bits) {
  float f;

  memcpy(&f, &bits, sizeof f);
  return f;
}

static inline int32_t as_bits(float f) {
  uint32_t bits = CANONICAL_NAN;

  if (f == f)
    memcpy(&bits, &f, sizeof bits);
  return (int32_t)bits;
}

static int32_t float_min(float x, float y) {
  if (x != x)
    return as_bits(y);
  if (y != y || x < y)
    return as_bits(x);
  return y < x ? as_bits(y) : as_bits(x) | as_bits(y); /* -0 before +0 */
}

static int32_t float_max(float x, float y) {
  if (x != x)
    return as_bits(y);
  if (y != y || x > y)
    return as_bits(x);
  return y > x ? as_bits(y) : as_bits(x) & as_bits(y);
}

static inline int32_t wrapping_abs(int32_t x) {
  return x < 0 ? (int32_t)(0 - (uint32_t)x) : x;
}

static int32_t mix(uint32_t x) {
  x = (x >> 16 ^ x) * 0x45D9F3B;
  x = (x >> 16 ^ x) * 0x45D9F3B;
  return (int32_t)(x >> 16 ^ x);
}

static int32_t reverse(uint32_t x) {
  uint32_t out = 0;

  for (int i = 0; i < 32; i++)
    out |= (x >> i & 1) << (31 - i);
  return (int32_t)out;
}

static int32_t ones(uint32_t x) {
  int32_t n = 0;

  for (; x != 0; x &= x - 1)
    n++;
  return n;
}

static int32_t leading_zeros(uint32_t x) {
  int32_t n = 32;

  for (; x != 0; x >>= 1)
    n--;
  return n;
}

static inline int32_t load_word(const struct fisa_state *s, uint32_t address) {
  const uint8_t *at;

  address &= FVM_ADDRESS_MASK;
  if (address > FVM_MEM - 4)
    return (int32_t)fvm_load32(s, address);
  at = s->mem + address;
  return (int32_t)(at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                   (uint32_t)at[3] << 24);
}

static inline void store_word(struct fisa_state *s, uint32_t address,
                              int32_t value) {
  uint32_t v = (uint32_t)value, page;
  uint8_t *at;

  address &= FVM_ADDRESS_MASK;
  /* Near the end of a page or of a word of marks the general way is taken. */
  if (address % 64 > 60) {
    fvm_store32(s, address, v);
    return;
  }
  at = s->mem + address;
  at[0] = (uint8_t)v;
  at[1] = (uint8_t)(v >> 8);
  at[2] = (uint8_t)(v >> 16);
  at[3] = (uint8_t)(v >> 24);
  page = address / FISA_PAGE;
  s->written[address / 64] |= UINT64_C(15) << (address % 64);
  s->dirty[page / 64] |= UINT64_C(1) << (page % 64);
}

static int32_t input(const struct fvm_io *io, int32_t source) {
  if (!io || !io->input)
    return 0;
  return io->input((uint16_t)source, NULL, 0, io->user);
}

static void output(const struct fvm_io *io, int32_t channel,
                   const int32_t *arg, unsigned argc) {
  if (io && io->output)
    io->output((uint16_t)channel, arg, argc, io->user);
}

/* Whether a branch with a negative target would be taken. */
static bool would_branch(unsigned op, int32_t value) {
  switch (op) {
  case FVM_JEQ: return value == 0;
  case FVM_JNE: return value != 0;
  case FVM_JLE: return value <= 0;
  case FVM_JGE: return value >= 0;
  case FVM_REFLEX: return value > 0;
  default:
    assert(op == FVM_LOOP);
    return value > 1 || value == INT32_MIN; /* value - 1 > 0, wrapped */
  }
}

/* ---- the loop ----------------------------------------------------------- */

#define U(x) ((uint32_t)(x))
#define I(x) ((int32_t)(x))
#define D (cells[ip->d])
#define R (cells[ip->r])
#define A (cells[ip->a])
#define B (cells[ip->b])
/* Confidence cells of a three-register row. */
#define CD (cells[UNI_CELL_C + (ip->imm & 63)])
#define C1 (cells[UNI_CELL_C + (ip->imm >> 8 & 63)])
#define C2 (cells[UNI_CELL_C + (ip->imm >> 16 & 63)])
#define STK(i) (cells[UNI_CELL_STK + (i)])
#define STRIPPED ((int64_t)fuel > strip_end)

#define NEXT(length) do { ip += (length); DISPATCH(); } while (0)
#define SET(length, value) do { D = (value); NEXT(length); } while (0)
#define SET_FLAGS(length, value) \
  do { zero_of = sign_of = (value); D = zero_of; NEXT(length); } while (0)
#define TAKE_IF(cond) \
  do { ip = (cond) ? ip->target : ip + 4; DISPATCH(); } while (0)
#define LETHAL(name) \
  do { fault = c->lethal[FLUX_LETHAL_##name]; goto faulted; } while (0)
/* To an address that only the run knows; nothing may have happened yet. */
#define CHECK_TARGET(to) do { if ((to) < 0) LETHAL(NEGATIVE_TARGET); } while (0)
#define GO_TO(to) \
  do { \
    if (U(to) < c->size) { \
      ip = slots + (to); \
    } else { \
      outside.pc = U(to); \
      ip = &outside; \
    } \
    DISPATCH(); \
  } while (0)

#ifdef FVM_SWITCH_DISPATCH
#define OP(name) case FVM_##name:
#define DISPATCH() goto fetch
#define RUN_REAL(code_op) do { op = (code_op); goto run_op; } while (0)
#else
#define OP(name) op_##name:
#define DISPATCH() \
  do { \
    if (fuel-- == 0) \
      goto no_fuel; \
    goto *ip->go.label; \
  } while (0)
#define RUN_REAL(code_op) goto *labels[code_op]
#endif

#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* labels as values */
#endif

/*
 * Runs; or, asked for the label table, only hands it out: labels have no name
 * outside of the function.
 */
static int loop(const struct fvm_code *c, struct fisa_state *s,
                const struct fvm_io *io, struct fvm_run *run,
                const void *const **label_table) {
#ifndef FVM_SWITCH_DISPATCH
  static const void *const labels[] = {
#define LABEL(name) &&op_##name,
    FVM_OPS(LABEL)
#undef LABEL
  };
#else
  uintptr_t op;
#endif
  const struct fvm_slot *slots, *ip;
  struct fvm_slot outside;
  int32_t *cells, arg[3], t, status, fault = 0;
  int32_t zero_of, sign_of;
  uint32_t sp, pc;
  uint64_t fuel, excess, cycle_base;
  int64_t strip_end;

  if (label_table) {
#ifndef FVM_SWITCH_DISPATCH
    *label_table = labels;
#endif
    return 0;
  }
  slots = run->counts ? c->counting : c->plain;
  cells = s->cells;
  excess = run->fuel > MAX_FUEL ? run->fuel - MAX_FUEL : 0;
  fuel = run->fuel - excess;
  cycle_base = s->cycles + fuel;
  strip_end = (int64_t)fuel - cells[UNI_CELL_STRIP];
  zero_of = !cells[UNI_CELL_Z];
  sign_of = cells[UNI_CELL_N] ? -1 : 0;
  sp = U(cells[UNI_CELL_SP]);
  outside = slots[c->size]; /* an end slot, with a pc of its own */
  if (s->pc < c->size) {
    ip = slots + s->pc;
  } else {
    outside.pc = s->pc;
    ip = &outside;
  }
#ifndef FVM_SWITCH_DISPATCH
  DISPATCH();
#else
fetch:
  if (fuel-- == 0)
    goto no_fuel;
  op = ip->go.op;
run_op:
  switch ((enum fvm_op)op) {
#endif

  /* ---- planted and outside of the code ---- */

  OP(COUNT) {
    /* One writer, so load and store do; readers may run beside it. */
    _Atomic uint64_t *n = &run->counts[ip->pc];

    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    RUN_REAL(c->real[ip->pc]);
  }
  OP(BOUNDARY) {
    _Atomic uint64_t *n;

    /* The run that starts here is the one that goes on from here. */
    if (run->stop_at_yield && run->fuel != fuel + excess + 1) {
      fuel++;
      status = FISA_RUN_YIELD;
      pc = ip->pc;
      goto stop;
    }
    if (run->counts) {
      n = &run->counts[ip->pc];
      atomic_store_explicit(
          n, atomic_load_explicit(n, memory_order_relaxed) + 1,
          memory_order_relaxed);
    }
    RUN_REAL(c->real[ip->pc]);
  }
  OP(END) {
    fuel++;
    status = FISA_RUN_END;
    pc = ip->pc;
    goto stop;
  }
  OP(TRUNCATED) {
    fuel++;
    fault = c->truncated;
    goto faulted;
  }
  OP(UNKNOWN) {
    strip_end--; /* this step counted, but not down */
    fault = c->unknown;
    goto faulted;
  }
  OP(PAST_CODE) {
    strip_end--;
    LETHAL(PAST_CODE);
  }
  OP(LETHAL) {
    fault = ip->imm;
    goto faulted;
  }

  /* ---- system ---- */

  OP(NOP1) NEXT(1);
  OP(NOP2) NEXT(2);
  OP(NOP4) NEXT(4);
  OP(YIELD) {
    pc = ip->pc + U(ip->imm);
    if (run->stop_at_yield) {
      status = FISA_RUN_YIELD;
      goto stop;
    }
    NEXT(ip->imm);
  }
  OP(HALT1) {
    status = FISA_RUN_HALT;
    pc = ip->pc + 1;
    goto stop;
  }
  OP(HALT4) {
    status = FISA_RUN_HALT;
    fault = ip->imm;
    pc = ip->pc + 4;
    goto stop;
  }
  OP(RESET) {
    memset(&cells[UNI_CELL_R], 0, FVM_REGS * sizeof *cells);
    NEXT(1);
  }
  OP(CLF) {
    zero_of = 1;
    sign_of = 0;
    NEXT(2);
  }
  OP(STRIPCF) {
    cells[UNI_CELL_STRIP] = ip->imm;
    strip_end = (int64_t)fuel - ip->imm;
    NEXT(2);
  }

  /* ---- moves and the stack ---- */

  OP(MOV2) SET(2, A);
  OP(MOV4) SET(4, A);
  OP(MOVI2) SET(2, ip->imm);
  OP(MOVI3) SET(3, ip->imm);
  OP(MOVI4) SET(4, ip->imm);
  OP(SWAP) {
    int32_t x = R, y = A;

    B = x; /* what rs1 writes */
    D = y;
    NEXT(4);
  }
  OP(PUSH) {
    if (sp - 1 >= FVM_STACK)
      LETHAL(STACK_FULL);
    sp--;
    STK(sp) = R;
    NEXT(2);
  }
  OP(POP) {
    if (sp >= FVM_STACK)
      LETHAL(STACK_EMPTY);
    D = STK(sp);
    sp++;
    NEXT(2);
  }
  OP(STACKFRAME) {
    if (sp - 1 >= FVM_STACK)
      LETHAL(STACK_FULL);
    sp--;
    STK(sp) = D;
    D = I(sp);
    NEXT(4);
  }

  /* ---- integers ---- */

  OP(ADDI2) SET_FLAGS(2, I(U(R) + U(ip->imm)));
  OP(ADDI3) SET_FLAGS(3, I(U(R) + U(ip->imm)));
  OP(ADDI4) SET_FLAGS(4, I(U(R) + U(ip->imm)));
  OP(FLAGS2) { zero_of = sign_of = 0; NEXT(2); }
  OP(FLAGS3) { zero_of = sign_of = 0; NEXT(3); }
  OP(FLAGS4) { zero_of = sign_of = 0; NEXT(4); }
  OP(NOT) SET(2, ~R);
  OP(NEG) SET(2, I(0 - U(R)));
  OP(ANDI) SET(3, R & ip->imm);
  OP(ORI) SET(3, R | ip->imm);
  OP(XORI) SET(3, R ^ ip->imm);
  OP(SHLI) SET(3, I(U(R) << ip->imm));
  OP(SHRI) SET(3, R >> ip->imm);
  OP(ADD) SET_FLAGS(4, I(U(A) + U(B)));
  OP(SUB) SET_FLAGS(4, I(U(A) - U(B)));
  OP(MUL) SET_FLAGS(4, I(U(A) * U(B)));
  OP(DIV) {
    int32_t x = A, y = B;

    if (x == INT32_MIN && y == -1)
      LETHAL(DIV_OVERFLOW);
    if (y == 0) {
      status = FISA_RUN_FAULT;
      fault = UNI_FAULT_DIVIDE;
      pc = ip->pc + 4;
      goto stop;
    }
    SET(4, x / y);
  }
  OP(MOD) {
    int32_t x = A, y = B;

    if (x == INT32_MIN && y == -1)
      LETHAL(DIV_OVERFLOW);
    if (y != 0)
      D = x % y;
    NEXT(4);
  }
  OP(AND) SET(4, A & B);
  OP(OR) SET(4, A | B);
  OP(XOR) SET(4, A ^ B);
  OP(SHL) SET(4, I(U(A) << (B & 31)));
  OP(SHR) SET(4, A >> (B & 31));
  OP(MIN) SET(4, A < B ? A : B);
  OP(MAX) SET(4, A > B ? A : B);
  OP(CMP_EQ) SET(4, A == B);
  OP(CMP_LT) SET(4, A < B);
  OP(CMP_GT) SET(4, A > B);
  OP(CMP_NE) SET(4, A != B);
  OP(SUM) SET(4, I(U(A) + U(B)));
  OP(DIFF) SET(4, I(U(A) - U(B)));
  OP(ABS) SET(4, wrapping_abs(A));
  OP(SQRT) SET(4, I(sqrtf(fabsf((float)A))));
  OP(POW) {
    if (!fvm_pow(A, B, &t))
      LETHAL(POW_RANGE);
    SET(4, t);
  }
  OP(LOG) {
    if (A == 0)
      LETHAL(LOG_ZERO);
    SET(4, fvm_log(A));
  }
  OP(CLAMP) SET(4, R < A ? A : R > B ? B : R);
  OP(LERP) SET(4, I(U(A) + U(I((U(B) - U(A)) * U(R)) / 100)));
  OP(HASH) SET(4, mix(U(A)));
  OP(POPCOUNT) SET(2, ones(U(R)));
  OP(CLZ) SET(2, leading_zeros(U(R)));
  OP(BITREV) SET(2, reverse(U(R)));
  OP(ROTL) SET(4, I(U(A) << (B & 31) | U(A) >> (-U(B) & 31)));
  OP(ROTR) SET(4, I(U(A) >> (B & 31) | U(A) << (-U(B) & 31)));

  /* ---- floats ---- */

  OP(FADD) SET(4, as_bits(as_float(A) + as_float(B)));
  OP(FSUB) SET(4, as_bits(as_float(A) - as_float(B)));
  OP(FMUL) SET(4, as_bits(as_float(A) * as_float(B)));
  OP(FDIV) SET(4, as_bits(as_float(A) / as_float(B)));
  OP(FMIN) SET(4, float_min(as_float(A), as_float(B)));
  OP(FMAX) SET(4, float_max(as_float(A), as_float(B)));
  OP(FTOI) {
    float x = as_float(A);

    if (!(x >= -0x1p31f && x < 0x1p31f)) /* so does a NaN */
      LETHAL(FTOI_RANGE);
    SET(4, I(x));
  }
  OP(ITOF) SET(4, as_bits((float)A));

  /* ---- control ---- */

  OP(JZ) {
    if (R != 0)
      NEXT(4);
    goto jump_by_a;
  }
  OP(JNZ) {
    if (R == 0)
      NEXT(4);
    goto jump_by_a;
  }
  OP(JLT) {
    if (R >= 0)
      NEXT(4);
    goto jump_by_a;
  }
  OP(JGT) {
    if (R <= 0)
      NEXT(4);
    goto jump_by_a;
  }
jump_by_a:
  t = I(ip->pc + U(A));
  CHECK_TARGET(t);
  GO_TO(t);

  OP(JMP) {
    ip = ip->target;
    DISPATCH();
  }
  OP(JAL) {
    D = I(ip->pc + 4);
    ip = ip->target;
    DISPATCH();
  }
  OP(CALL) {
    if (sp - 1 >= FVM_STACK)
      LETHAL(STACK_FULL);
    sp--;
    STK(sp) = I(ip->pc + 4);
    ip = ip->target;
    DISPATCH();
  }
  OP(CALL_REG) {
    if (sp - 1 >= FVM_STACK)
      LETHAL(STACK_FULL);
    t = I(U(R) + U(ip->imm));
    CHECK_TARGET(t);
    sp--;
    STK(sp) = I(ip->pc + 4);
    GO_TO(t);
  }
  OP(CALL_BAD) {
    if (sp - 1 >= FVM_STACK)
      LETHAL(STACK_FULL);
    LETHAL(NEGATIVE_TARGET);
  }
  OP(RET) {
    if (sp >= FVM_STACK)
      NEXT(1);
    t = I(U(STK(sp)) + 1);
    CHECK_TARGET(t);
    sp++;
    GO_TO(t);
  }
  OP(LOOP) {
    t = I(U(R) - 1);
    D = t;
    TAKE_IF(t > 0);
  }
  OP(JEQ) TAKE_IF(R == 0);
  OP(JNE) TAKE_IF(R != 0);
  OP(JLE) TAKE_IF(R <= 0);
  OP(JGE) TAKE_IF(R >= 0);
  OP(REFLEX) {
    t = R;
    if (t <= 0)
      NEXT(4);
    D = t - 1;
    ip = ip->target;
    DISPATCH();
  }
  OP(BRANCH_BAD) {
    if (would_branch(ip->b, R))
      LETHAL(NEGATIVE_TARGET);
    if (ip->b == FVM_LOOP)
      D = I(U(R) - 1);
    NEXT(4);
  }

  /* ---- memory ---- */

  OP(LOAD) SET(4, load_word(s, U(A) + U(B)));
  OP(STORE) {
    store_word(s, U(A) + U(B), R);
    NEXT(4);
  }
  OP(LOADI) SET(5, load_word(s, U(A) + U(ip->imm)));
  OP(STOREI) {
    store_word(s, U(A) + U(ip->imm), R);
    NEXT(5);
  }
  OP(LDI8) SET(4, s->mem[ip->imm]);
  OP(STI8) {
    fvm_store8(s, U(ip->imm), U(R));
    NEXT(4);
  }
  OP(MEMSET) {
    fvm_memset(s, U(A), (uint8_t)R, ip->imm);
    NEXT(5);
  }
  OP(MEMCPY) {
    fvm_memcpy(s, U(R), U(A), ip->imm);
    NEXT(5);
  }
  OP(MEMCMP) {
    zero_of = !fvm_memcmp(s, U(R), U(A), ip->imm);
    NEXT(5);
  }
  OP(MEMFILL) {
    fvm_memset(s, 0, (uint8_t)R, ip->imm);
    NEXT(4);
  }
  OP(MEMSCAN) {
    zero_of = !fvm_memscan(s, U(A), (uint8_t)R, ip->imm);
    NEXT(5);
  }
  OP(MEMINDEX) {
    D = -1; /* before the address is read: rd may be rs1 */
    SET(5, fvm_memindex(s, U(A), ip->imm));
  }
  OP(MEMSUM) SET(5, fvm_memsum(s, U(A), ip->imm));
  OP(MEMMIN) SET(5, fvm_memmin(s, U(A), ip->imm));
  OP(MEMMAX) SET(5, fvm_memmax(s, U(A), ip->imm));
  OP(CRC32) SET(5, fvm_crc32(s, U(A), ip->imm));
  OP(VARINT_OUT) {
    if (R < 0)
      LETHAL(VARINT_NEGATIVE);
    SET(4, fvm_varint_out(s, U(ip->imm), R));
  }
  OP(VARINT_IN) SET(4, fvm_varint_in(s, U(ip->imm)));
  OP(CAS) {
    zero_of = !fvm_cas(s, U(R), (uint8_t)A, (uint8_t)B);
    NEXT(4);
  }
  OP(HEAP) {
    t = cells[UNI_CELL_HEAP];
    D = t;
    t = I(U(t) + U(ip->imm > 1 ? ip->imm : 1));
    cells[UNI_CELL_HEAP] = t;
    if (t > FVM_MEM) {
      status = FISA_RUN_FAULT;
      fault = UNI_FAULT_DIVIDE; /* the real machine has one code for both */
      pc = ip->pc + 4;
      goto stop;
    }
    NEXT(4);
  }

  /* ---- confidence ---- */

  OP(CONF_ADD) {
    D = I(U(A) + U(B));
    if (!STRIPPED) {
      t = I(U(C1) + U(C2));
      if (t > 0)
        t = I(2 * U(C1) * U(C2)) / t;
      else
        t = 0;
      CD = t < 100 ? t : 100;
    }
    NEXT(4);
  }
  OP(CONF_SUB) {
    D = I(U(A) - U(B));
    if (!STRIPPED) {
      t = I(U(C1) - U(C2));
      CD = t > 0 ? t : 0;
    }
    NEXT(4);
  }
  OP(CONF_MUL) {
    D = I(U(A) * U(B));
    if (!STRIPPED) {
      t = I(U(C1) * U(C2)) / 100;
      CD = t < 100 ? t : 100;
    }
    NEXT(4);
  }
  OP(CONF_MERGE) {
    if (!STRIPPED)
      CD = I(U(C1) + U(C2)) / 2;
    NEXT(4);
  }
  OP(CONF_FUSE) {
    if (!STRIPPED) {
      t = I(U(C1) + U(C2));
      CD = t > 0 ? I(U(A) * U(C1) + U(B) * U(C2)) / t : 0;
    }
    NEXT(4);
  }
  OP(CONF_CHAIN) {
    if (!STRIPPED)
      CD = I(U(C1) * U(C2)) / 100;
    NEXT(4);
  }
  OP(CONF_CLAMP) SET(4, R < 0 ? 0 : R > 100 ? 100 : R);
  OP(CONF_DECAY) {
    if (!STRIPPED)
      D = I(U(R) * U(A)) / 100;
    NEXT(4);
  }

  /* ---- instinct and trust ---- */

  OP(SCALE) SET(2, I((float)R * as_float(ip->imm)));
  OP(MODULATE) SET(4, I(U((int64_t)R * ip->imm / 1000)));
  OP(THRESHOLD) SET(4, R >= ip->imm);
  OP(CONVERGE) {
    fvm_converge(cells, U(ip->imm));
    NEXT(2);
  }
  OP(EXTINCT) {
    if (R > -10 && R < 10)
      D = 0;
    NEXT(2);
  }
  OP(HABITUATE) SET(2, R < 255 ? R + 1 : 255);
  OP(SENSITIZE) SET(2, R < 127 ? I(U(R) * 2) : 255);
  OP(AVERAGE) SET(4, I(U(A) + U(B)) / 2);
  OP(SPECIALIZE) {
    if (wrapping_abs(I(U(A) - U(B))) >= 50)
      D = 0;
    NEXT(4);
  }
  OP(DIFFUSE) {
    t = fvm_diffuse(cells, R, ip->imm);
    SET(4, t);
  }
  OP(INHIBIT) {
    if (R > 0)
      B = 0;
    NEXT(4);
  }
  OP(UPDATE) SET(4, I(U(A) + U(I(U(B) - U(A)) / 10)));
  OP(COMPARE) {
    zero_of = !(A >= B);
    NEXT(4);
  }
  OP(RESTRICT) SET(4, R < ip->imm ? R : ip->imm);
  OP(SCORE) SET(4, I(3 * U(A) + 7 * U(B)) / 10);
  OP(BOOST) {
    t = I(U(A) + U(B));
    SET(4, t < 1000 ? t : 1000);
  }
  OP(WEAKEN) {
    t = I(U(A) - U(B));
    SET(4, t > 0 ? t : 0);
  }
  OP(SCOPE) {
    if (B > 0 && B < A)
      D = B;
    NEXT(4);
  }

  /* ---- the outside ---- */

  OP(INPUT) SET(4, input(io, ip->imm));
  OP(EMIT2) {
    arg[0] = ip->imm;
    arg[1] = A;
    output(io, ip->b, arg, 2);
    pc = ip->pc + 2;
    if (ip->d == FVM_EMIT_STOPS && run->stop_at_yield) {
      status = FISA_RUN_YIELD;
      goto stop;
    }
    NEXT(2);
  }
  OP(EMIT4) {
    arg[0] = R;
    arg[1] = A;
    arg[2] = B;
    output(io, ip->imm, arg, 3);
    pc = ip->pc + 4;
    if (ip->d == FVM_EMIT_STOPS && run->stop_at_yield) {
      status = FISA_RUN_YIELD;
      goto stop;
    }
    NEXT(4);
  }
  OP(FORK) {
    cycle_base += U(ip->imm);
    SET(4, cells[UNI_CELL_AGENT]);
  }
  OP(JOIN) {
    cycle_base += U(ip->imm);
    NEXT(4);
  }
  OP(CYCLE_READ) SET(2, I(U(cycle_base - fuel)));
  OP(RAND) SET(4, input(io, c->rand_source));
  OP(SEED) SET(4, input(io, c->rand_source) % ip->imm);
  OP(RANGE) {
    t = A;
    SET(4, t > 0 ? input(io, c->rand_source) % t : 0);
  }
  OP(WEIGHTED) {
    t = fvm_weight_sum(s, U(A), B);
    if (t > 0) {
      t = input(io, c->rand_source) % t;
      D = fvm_weight_pick(s, U(A), B, t);
    }
    NEXT(4);
  }

#ifdef FVM_SWITCH_DISPATCH
  default: break;
  }
  assert(!"no such op");
#endif

no_fuel:
  fuel = 0;
  status = FISA_RUN_FUEL;
  pc = ip->pc;
  goto stop;
faulted:
  status = FISA_RUN_FAULT;
  pc = ip->pc;
stop:
  /* A counter that was never set above 0 is left as it was given. */
  if (cells[UNI_CELL_STRIP] > 0)
    cells[UNI_CELL_STRIP] = STRIPPED ? I((int64_t)fuel - strip_end) : 0;
  cells[UNI_CELL_Z] = zero_of == 0;
  cells[UNI_CELL_N] = sign_of < 0;
  cells[UNI_CELL_SP] = I(sp);
  s->cycles = cycle_base - fuel;
  s->pc = pc;
  s->status = status;
  s->fault = fault;
  run->fuel = fuel + excess;
  return status;
}

#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif

void fvm_slot_bind(struct fvm_slot *slot, enum fvm_op op) {
#ifdef FVM_SWITCH_DISPATCH
  slot->go.op = op;
#else
  const void *const *labels;

  loop(NULL, NULL, NULL, NULL, &labels);
  slot->go.label = labels[op];
#endif
}

int fvm_exec(const struct fvm_code *c, struct fisa_state *s,
             const struct fvm_io *io, struct fvm_run *run) {
  assert(c && s && run);
  assert(s->cell_count == UNI_CELL_COUNT && s->mem_size == FVM_MEM);
  assert(s->cells[FVM_CELL_ZERO] == 0);
  return loop(c, s, io, run, NULL);
}

const char *fvm_dispatch_name(void) {
#ifdef FVM_SWITCH_DISPATCH
  return "switch";
#else
  return "computed-goto";
#endif
}
