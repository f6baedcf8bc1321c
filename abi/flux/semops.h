/*
 * flux/semops.h - the semantic operations, by name.
 *
 * A dialect table gives the meaning of a row as a template of one to eight of
 * these operations. They are the only vocabulary in which the parts of the
 * project talk about what an instruction does: no part but a dialect table
 * knows an opcode number. The NAMES below are frozen: a name is never given
 * another meaning and never removed; new names are added at the end. The
 * enumeration values are private to a build and never cross the ABI.
 *
 * The columns of FLUX_SEMOPS(X), X(ID, name, d, a, b, c, effect):
 *
 *   ID      the enumerator, FLUX_OP_ID
 *   name    the frozen name, as written in a dialect table
 *   d a b c how the op uses its four cell operands:
 *             N  not used          R  read
 *             W  always written    M  may be written (so: read and written)
 *           Operands in a template are written in the order d, a, b, c, and
 *           only the used ones; an immediate, where an op takes one, is
 *           the last operand and is written #value.
 *   effect  what it touches besides cells:
 *             NONE   nothing
 *             LOAD   reads memory              STORE  writes memory
 *             COPY   reads and writes memory   STACK  the data stack and SP
 *             IN     takes a value from outside
 *             OUT    gives a value to the outside
 *             FLOW   may continue elsewhere, or stop
 *             FILE   reads and writes a whole register file
 *             CYC    reads the cycle counter
 *
 * All cells hold 32 bits. Integer arithmetic wraps (two's complement); `x / y`
 * truncates towards zero; a comparison is signed and gives 1 or 0. Float
 * operations are IEEE 754 binary32, round to nearest even, never contracted;
 * a NaN result is always the canonical 0x7FC00000. Memory addresses are taken
 * modulo the memory size (a power of two) for every single byte; words are
 * little-endian. The exact meaning of each op stands beside its line; the one
 * executable form of it is gpu/semantics.h.
 */
#ifndef FLUX_SEMOPS_H
#define FLUX_SEMOPS_H

#define FLUX_SEMOPS(X) \
  /* Moves. --------------------------------------------------------------- */ \
  X(NOP, "nop", N, N, N, N, NONE)       /* nothing */ \
  X(MOV, "mov", W, R, N, N, NONE)       /* d = a */ \
  X(SWAP, "swap", W, W, R, R, NONE)     /* d,a = b,c at once; d first, so a */ \
                                        /* holds when d and a are one cell */ \
  X(SELECT, "select", W, R, R, R, NONE) /* d = c != 0 ? a : b */ \
  /* Integer arithmetic and logic. ---------------------------------------- */ \
  X(ADD, "add", W, R, R, N, NONE)       /* d = a + b */ \
  X(SUB, "sub", W, R, R, N, NONE)       /* d = a - b */ \
  X(MUL, "mul", W, R, R, N, NONE)       /* d = a * b, low 32 bits */ \
  X(QUO, "quo", W, R, R, N, NONE)       /* d = a / b; b = 0: 0; */ \
                                        /* INT_MIN / -1: INT_MIN */ \
  X(DIV, "div", W, R, R, N, FLOW)       /* as quo, but b = 0 is fault #imm, */ \
                                        /* d unchanged, pc advanced */ \
  X(REM, "rem", M, R, R, N, NONE)       /* d = a - b * (a / b); b = 0: d */ \
                                        /* unchanged; INT_MIN, -1: 0 */ \
  X(MULDIV, "muldiv", W, R, R, N, NONE) /* d = (int64)a * b / #imm, low 32 */ \
  X(AND, "and", W, R, R, N, NONE)       /* d = a & b */ \
  X(OR, "or", W, R, R, N, NONE)         /* d = a | b */ \
  X(XOR, "xor", W, R, R, N, NONE)       /* d = a ^ b */ \
  X(NOT, "not", W, R, N, N, NONE)       /* d = ~a */ \
  X(NEG, "neg", W, R, N, N, NONE)       /* d = -a */ \
  X(ABS, "abs", W, R, N, N, NONE)       /* d = a < 0 ? -a : a, wrapping */ \
  X(SHL, "shl", W, R, R, N, NONE)       /* d = a << (b & 31) */ \
  X(SAR, "sar", W, R, R, N, NONE)       /* d = a >> (b & 31), arithmetic */ \
  X(ROTL, "rotl", W, R, R, N, NONE)     /* rotate left by b & 31 */ \
  X(ROTR, "rotr", W, R, R, N, NONE)     /* rotate right by b & 31 */ \
  X(MIN, "min", W, R, R, N, NONE)       /* the smaller, signed */ \
  X(MAX, "max", W, R, R, N, NONE)       /* the larger, signed */ \
  X(POPCNT, "popcnt", W, R, N, N, NONE) /* number of one bits */ \
  X(CLZ, "clz", W, R, N, N, NONE)       /* leading zero bits; 32 for 0 */ \
  X(BITREV, "bitrev", W, R, N, N, NONE) /* bit i goes to bit 31 - i */ \
  X(MIX, "mix", W, R, N, N, NONE)       /* unsigned: a = ((a >> 16) ^ a) * */ \
                   /* 0x45D9F3B, twice, then (a >> 16) ^ a */ \
  X(ISQRT, "isqrt", W, R, N, N, NONE)   /* trunc(sqrtf(fabsf((float)a))) */ \
  X(IPOW, "ipow", W, R, R, N, NONE)     /* a ** b rounded to binary32, then */ \
                   /* truncated; b < 0: a = 1: 1, a = -1: +-1, else 0 */ \
  X(ILOG, "ilog", W, R, N, N, NONE)    /* trunc of ln |a| in binary32, from */ \
                   /* a rounded to binary32 first; 0 where a = 0 */ \
  X(FSCALE, "fscale", W, R, N, N, NONE) /* trunc((float)a * f), f = the */ \
                   /* binary32 whose bits are #imm, 0 <= f <= 1 */ \
  /* Comparisons: 1 or 0. ------------------------------------------------- */ \
  X(EQ, "eq", W, R, R, N, NONE)         /* d = a == b */ \
  X(NE, "ne", W, R, R, N, NONE)         /* d = a != b */ \
  X(LT, "lt", W, R, R, N, NONE)         /* d = a < b */ \
  X(LE, "le", W, R, R, N, NONE)         /* d = a <= b */ \
  X(GT, "gt", W, R, R, N, NONE)         /* d = a > b */ \
  X(GE, "ge", W, R, R, N, NONE)         /* d = a >= b */ \
  /* binary32. ------------------------------------------------------------ */ \
  X(FADD, "fadd", W, R, R, N, NONE)     /* d = a + b */ \
  X(FSUB, "fsub", W, R, R, N, NONE)     /* d = a - b */ \
  X(FMUL, "fmul", W, R, R, N, NONE)     /* d = a * b */ \
  X(FDIV, "fdiv", W, R, R, N, NONE)     /* d = a / b, IEEE: inf, nan */ \
  X(FMIN, "fmin", W, R, R, N, NONE)    /* the number if one is NaN; -0 < +0 */ \
  X(FMAX, "fmax", W, R, R, N, NONE)    /* the number if one is NaN; -0 < +0 */ \
  X(FTOI, "ftoi", W, R, N, N, NONE)     /* truncate; out of range or NaN: */ \
                                        /* INT_MIN (rows guard with lethal) */ \
  X(ITOF, "itof", W, R, N, N, NONE)     /* nearest even */ \
  /* Memory. The address is a + b + #imm. --------------------------------- */ \
  X(LOAD32, "load32", W, R, R, N, LOAD)   /* d = word at address */ \
  X(LOAD8, "load8", W, R, R, N, LOAD)     /* d = byte at address, 0..255 */ \
  X(STORE32, "store32", R, R, R, N, STORE) /* word at address = d */ \
  X(STORE8, "store8", R, R, R, N, STORE)  /* byte at address = low 8 of d */ \
  /* Runs of n = max(#imm, 0) bytes, ascending. */ \
  X(MSET, "mset", N, R, R, N, STORE)    /* n bytes from a = low byte of b */ \
  X(MCPY, "mcpy", N, R, R, N, COPY)    /* n bytes from b to a, byte by byte */ \
  X(MEQ, "meq", W, R, R, N, LOAD)       /* d = n bytes at a and b are equal */ \
  X(MHAS, "mhas", W, R, R, N, LOAD)     /* d = low byte of b occurs at a.. */ \
  X(MFIND, "mfind", M, R, N, N, LOAD)   /* d = offset of the first non-zero */ \
                   /* byte of a.., if any; else d unchanged */ \
  X(MSUM, "msum", W, R, N, N, LOAD)     /* d = sum of the bytes at a */ \
  X(MMIN, "mmin", W, R, N, N, LOAD)     /* d = smallest byte; 255 for n = 0 */ \
  X(MMAX, "mmax", W, R, N, N, LOAD)     /* d = largest byte; 0 for n = 0 */ \
  X(MCRC, "mcrc", W, R, N, N, LOAD)     /* d = CRC-32, reflected 0xEDB88320 */ \
  X(VENC, "venc", W, R, N, N, STORE)   /* LEB128 of a >= 0 to #imm, d = its */ \
                   /* length (a < 0: one byte 0, d = 1; rows guard) */ \
  X(VDEC, "vdec", W, N, N, N, LOAD)     /* d = LEB128 at #imm, at most 5 */ \
                   /* bytes; bits past 31 are dropped */ \
  X(CAS8, "cas8", W, R, R, R, COPY)    /* byte at a: d = it equals low 8 of */ \
                   /* b; if so it becomes the low 8 of c */ \
  /* The data stack: cells of file #stack, an index cell, growing as the */ \
  /* state list says. Rows guard with stack_full and stack_empty. --------- */ \
  X(PUSH, "push", N, R, N, N, STACK)    /* push a */ \
  X(POP, "pop", W, N, N, N, STACK)      /* d = popped */ \
  /* Confidence. Nothing happens while cell c (the strip counter) is > 0. - */ \
  X(CONF_SUM, "conf_sum", M, R, R, R, NONE)   /* a + b <= 0: 0; else */ \
                   /* min(2 * a * b / (a + b), 100) */ \
  X(CONF_DIFF, "conf_diff", M, R, R, R, NONE) /* max(a - b, 0) */ \
  X(CONF_PROD, "conf_prod", M, R, R, R, NONE) /* min(a * b / 100, 100) */ \
  X(CONF_MEAN, "conf_mean", M, R, R, R, NONE) /* (a + b) / 2 */ \
  X(CONF_QUO, "conf_quo", M, R, R, R, NONE)   /* b <= 0: 0; else a / b */ \
  X(CONF_PCT, "conf_pct", M, R, R, R, NONE)   /* a * b / 100 */ \
  /* Whole files. #imm is the raw register byte or a count. --------------- */ \
  X(FILE_ZERO, "file_zero", N, N, N, N, FILE) /* every cell of the file = 0 */ \
  X(CONVERGE, "converge", N, N, N, N, FILE)   /* register #raw of the file: */ \
                  /* d += (mean of the others of its group of 8, register 0 */ \
                   /* left out, - d) / 4; raw = 0 or past the file: nothing */ \
  X(DIFFUSE, "diffuse", N, R, R, N, FILE)     /* a = register, #imm = n: */ \
                 /* share = a / max(n, 1) is added to registers 1..n (63 at */ \
                   /* most), then register b (raw) = a - share * n */ \
  /* Outside. ------------------------------------------------------------- */ \
  X(INPUT, "input", W, R, N, N, IN)     /* d = next value of the row's */ \
                   /* source with argument a (#imm = how many: 0 or 1) */ \
  X(DRAW, "draw", W, R, N, N, IN)       /* d = a > 0 ? next value of the */ \
                   /* source modulo a : 0 (no value taken) */ \
  X(DRAW_W, "draw_w", M, R, R, N, IN)  /* b byte weights at a: if their sum */ \
                   /* is > 0, r = next value % sum, d = first index whose */ \
                   /* running sum exceeds r; else d unchanged, none taken */ \
  X(EMIT, "emit", N, R, R, R, OUT)      /* emit the row's channel with its */ \
                   /* arguments a, b, c (#imm = how many) */ \
  X(CYCLE, "cycle", W, N, N, N, CYC)    /* d = cycle counter, this included */ \
  /* Flow; always the last op of a template. The target is in the operand */ \
  /* the row's flow column names. ----------------------------------------- */ \
  X(JUMP, "jump", N, N, N, N, FLOW)     /* always */ \
  X(BR_EQZ, "br_eqz", N, R, N, N, FLOW) /* if a == 0 */ \
  X(BR_NEZ, "br_nez", N, R, N, N, FLOW) /* if a != 0 */ \
  X(BR_LTZ, "br_ltz", N, R, N, N, FLOW) /* if a < 0 */ \
  X(BR_LEZ, "br_lez", N, R, N, N, FLOW) /* if a <= 0 */ \
  X(BR_GTZ, "br_gtz", N, R, N, N, FLOW) /* if a > 0 */ \
  X(BR_GEZ, "br_gez", N, R, N, N, FLOW) /* if a >= 0 */ \
  X(BR_DEC_GTZ, "br_dec_gtz", W, R, N, N, FLOW) /* d = a - 1; if that > 0 */ \
  X(BR_GTZ_DEC, "br_gtz_dec", M, R, N, N, FLOW) /* a > 0: d = a - 1, jump */ \
  X(CALL, "call", N, N, N, N, FLOW)     /* push the row's link, then jump */ \
  X(RET, "ret", N, N, N, N, FLOW)      /* empty stack: nothing; else pop v, */ \
                   /* continue at v + the row's bias */ \
  X(HALT, "halt", N, N, N, N, FLOW)     /* stop; fault code #imm is kept */ \
  X(YIELD, "yield", N, N, N, N, FLOW)   /* task boundary */ \
  X(TRAP, "trap", N, N, N, N, FLOW)     /* fault #imm, pc stays */ \
  /* ---- added later; the ones above keep their places. ------------------ */ \
  /* Integers. */ \
  X(LTU, "ltu", W, R, R, N, NONE)       /* d = a < b, both unsigned */ \
  X(CARRY, "carry", W, R, R, N, NONE)   /* d = the unsigned sum of a and b */ \
                                        /* has a 33rd bit */ \
  X(UMULH, "umulh", W, R, R, N, NONE)   /* high word of unsigned a * b */ \
  X(MULSAR, "mulsar", W, R, R, N, NONE) /* d = (int64)a * b >> #imm, 0..31, */ \
                                        /* arithmetic, low 32 */ \
  X(QUO_KEEP, "quo_keep", M, R, R, N, NONE) /* as quo; b = 0: d unchanged */ \
  X(FLOOR_MOD, "floor_mod", W, R, R, N, NONE) /* remainder with the sign of */ \
                                        /* b; b = 0 or -1: 0 */ \
  /* binary32. */ \
  X(FEQ, "feq", W, R, R, N, NONE)       /* d = a == b; a NaN is no equal */ \
  X(FLT, "flt", W, R, R, N, NONE)       /* d = a < b; false for a NaN */ \
  X(FLE, "fle", W, R, R, N, NONE)       /* d = a <= b; false for a NaN */ \
  X(FNEG, "fneg", W, R, N, N, NONE)     /* d = -a */ \
  X(FABS, "fabs", W, R, N, N, NONE)     /* d = |a| */ \
  /* Regions of memory: address a + b counts if a, unsigned, and the bytes */ \
  /* behind it lie below #imm; else a load is 0 and a store is dropped. */ \
  X(BLOAD32, "bload32", W, R, R, N, LOAD)   /* d = word at b + a */ \
  X(BLOAD8, "bload8", W, R, R, N, LOAD)     /* d = byte at b + a */ \
  X(BSTORE32, "bstore32", R, R, R, N, STORE) /* word at b + a = d */ \
  X(BSTORE8, "bstore8", R, R, R, N, STORE)  /* byte at b + a = low 8 of d */ \
  /* The data stack of machines that find a 0 where there is no cell. */ \
  X(POPZ, "popz", W, N, N, N, STACK)    /* d = popped; 0 on an empty stack */ \
  X(DROP, "drop", N, N, N, N, STACK)   /* pops #imm cells, or all there are */ \
  X(FOLD, "fold", N, R, N, N, STACK)    /* drop #imm >= 1, then push a */ \
  /* Others. */ \
  X(CHECK, "check", N, R, N, N, NONE)  /* a != 0: fault #imm, pc advanced; */ \
                   /* what stands behind it does not happen */ \
  X(EMIT_PAYLOAD, "emit_payload", N, N, N, N, OUT) /* emit on the row's */ \
                   /* channel the row's payload, see FLUX_PAYLOAD_CHUNK */

/*
 * A payload crosses as a chain of outputs on the row's channel: one whose one
 * argument is the number of bytes, then one with three arguments for every
 * FLUX_PAYLOAD_CHUNK bytes begun, little-endian, the last padded with 0.
 */
#define FLUX_PAYLOAD_CHUNK 12u

/* One enumerator an op. Private numbering: use names across the border. */
enum flux_semop {
#define FLUX_SEMOP_ENUM(ID, name, d, a, b, c, effect) FLUX_OP_##ID,
  FLUX_SEMOPS(FLUX_SEMOP_ENUM)
#undef FLUX_SEMOP_ENUM
  FLUX_OP_COUNT
};

/*
 * Lethal inputs: predicates under which the real VMs do something undefined
 * or kill their host. A row lists the predicates that guard it; an engine
 * tests them before any effect of the instruction and ends in the fault whose
 * number (>= 1000) the head of the dialect table gives to that name.
 *
 * X(ID, name): the arguments are written behind the name in the table.
 */
#define FLUX_LETHALS(X) \
  X(DIV_OVERFLOW, "div_overflow")   /* a b: a = INT_MIN and b = -1 */ \
  X(SHIFT_RANGE, "shift_range")     /* a: a outside 0..31 */ \
  X(FTOI_RANGE, "ftoi_range")       /* a: NaN, or trunc(a) not an int32 */ \
  X(POW_RANGE, "pow_range")         /* a b: a ** b, rounded, no int32 */ \
  X(LOG_ZERO, "log_zero")           /* a: a = 0 */ \
  X(STACK_FULL, "stack_full")       /* no free stack cell */ \
  X(STACK_EMPTY, "stack_empty")     /* no live stack cell */ \
  X(NEGATIVE_TARGET, "negative_target") /* a jump that is taken would land */ \
                                    /* below address 0; implied by flow */ \
  X(REGISTER_RANGE, "register_range") /* #raw: past the end of the file */ \
  X(VARINT_NEGATIVE, "varint_negative") /* a: a < 0 */ \
  X(PAST_CODE, "past_code")         /* the instruction ends past the code */ \
                                    /* although the VM's own check passes */ \
  X(OPAQUE, "opaque")               /* a row without offline meaning */ \
  X(STACK_FEW, "stack_few")         /* #n: fewer than n live stack cells */ \
  X(CALLS_FULL, "calls_full")       /* no room for a link */ \
  X(CALLS_EMPTY, "calls_empty")     /* no link */ \
  X(ADD_OVERFLOW, "add_overflow")   /* a b: a + b is no int32 */ \
  X(SUB_OVERFLOW, "sub_overflow")   /* a b: a - b is no int32 */ \
  X(MUL_OVERFLOW, "mul_overflow")   /* a b: a * b is no int32 */ \
  X(SHL_OVERFLOW, "shl_overflow")   /* a b: a << (b & 31) is no int32 */ \
  X(CAST_RANGE, "cast_range")       /* a b: b != 0 and ftoi_range(a) */ \
  X(BEFORE_MEMORY, "before_memory") /* a: a = -1, the byte in front of it */ \
  X(ZERO, "zero")                   /* a: a = 0 */ \
  X(ALWAYS, "always")               /* what the row does cannot be told here */

enum flux_lethal {
#define FLUX_LETHAL_ENUM(ID, name) FLUX_LETHAL_##ID,
  FLUX_LETHALS(FLUX_LETHAL_ENUM)
#undef FLUX_LETHAL_ENUM
  FLUX_LETHAL_COUNT
};

#endif /* FLUX_SEMOPS_H */
