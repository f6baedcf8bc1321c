/*
 * hostsdk/vm_ops.h - the handlers of the reference VM, and the rows of the
 * unified dialect that run through them. Written from the fact table.
 *
 * FVM_OPS(X) lists the handlers; a trailing digit is the number of bytes the
 * handler advances, where more than one length is in use. From the list come
 * the enumerators, the label table and the cases of the switch.
 *
 * FVM_ROWS(X), X(ROW, OP, LENGTH, SHAPE, CONSTANT), has one line an opcode:
 * the handler, the bytes the machine advances, how the operand bytes fill a
 * slot, and the immediate of rows that have none in their bytes. Rows that
 * are missing are undefined or fault by name only.
 */
#ifndef FLUX_HOSTSDK_VM_OPS_H
#define FLUX_HOSTSDK_VM_OPS_H

#define FVM_OPS(X) \
  /* Where no instruction can run, and what instrumentation plants. */ \
  X(END) X(TRUNCATED) X(UNKNOWN) X(PAST_CODE) X(LETHAL) X(COUNT) X(BOUNDARY) \
  /* Without effect; YIELD may end the run and advances imm bytes. */ \
  X(NOP1) X(NOP2) X(NOP4) X(YIELD) \
  X(HALT1) X(HALT4) X(RESET) X(CLF) X(STRIPCF) \
  /* Moves between any two cells; MOVI: from the slot. */ \
  X(MOV2) X(MOV4) X(MOVI2) X(MOVI3) X(MOVI4) X(SWAP) \
  X(PUSH) X(POP) X(STACKFRAME) \
  /* Integers. ADDI sets Z and N; FLAGS is such a row on register 0. */ \
  X(ADDI2) X(ADDI3) X(ADDI4) X(FLAGS2) X(FLAGS3) X(FLAGS4) \
  X(NOT) X(NEG) X(ANDI) X(ORI) X(XORI) X(SHLI) X(SHRI) \
  X(ADD) X(SUB) X(MUL) X(DIV) X(MOD) X(AND) X(OR) X(XOR) X(SHL) X(SHR) \
  X(MIN) X(MAX) X(CMP_EQ) X(CMP_LT) X(CMP_GT) X(CMP_NE) \
  X(SUM) X(DIFF) X(ABS) X(SQRT) X(POW) X(LOG) X(CLAMP) X(LERP) X(HASH) \
  X(POPCOUNT) X(CLZ) X(BITREV) X(ROTL) X(ROTR) \
  /* Floats. */ \
  X(FADD) X(FSUB) X(FMUL) X(FDIV) X(FMIN) X(FMAX) X(FTOI) X(ITOF) \
  /* Control. BRANCH_BAD: a conditional row with a negative target. */ \
  X(JZ) X(JNZ) X(JLT) X(JGT) X(JMP) X(JAL) X(CALL) X(CALL_REG) X(CALL_BAD) \
  X(RET) X(LOOP) X(JEQ) X(JNE) X(JLE) X(JGE) X(REFLEX) X(BRANCH_BAD) \
  /* Memory. */ \
  X(LOAD) X(STORE) X(LOADI) X(STOREI) X(LDI8) X(STI8) \
  X(MEMSET) X(MEMCPY) X(MEMCMP) X(MEMFILL) X(MEMSCAN) X(MEMINDEX) X(MEMSUM) \
  X(MEMMIN) X(MEMMAX) X(CRC32) X(VARINT_OUT) X(VARINT_IN) X(CAS) X(HEAP) \
  /* Confidence. */ \
  X(CONF_ADD) X(CONF_SUB) X(CONF_MUL) X(CONF_MERGE) X(CONF_FUSE) \
  X(CONF_CHAIN) X(CONF_CLAMP) X(CONF_DECAY) \
  /* Instinct and trust. */ \
  X(SCALE) X(MODULATE) X(THRESHOLD) X(CONVERGE) X(EXTINCT) X(HABITUATE) \
  X(SENSITIZE) X(AVERAGE) X(SPECIALIZE) X(DIFFUSE) X(INHIBIT) \
  X(UPDATE) X(COMPARE) X(RESTRICT) X(SCORE) X(BOOST) X(WEAKEN) X(SCOPE) \
  /* The outside. */ \
  X(INPUT) X(EMIT2) X(EMIT4) X(FORK) X(JOIN) X(CYCLE_READ) \
  X(RAND) X(SEED) X(RANGE) X(WEIGHTED)

enum fvm_op {
#define FVM_OP_ENUM(name) FVM_##name,
  FVM_OPS(FVM_OP_ENUM)
#undef FVM_OP_ENUM
  FVM_OP_COUNT
};

/*
 * How operand bytes fill a slot. W and R are the write and read cell of a
 * register byte in the integer file, F and C the cell in the float and the
 * confidence file.
 */
enum fvm_shape {
  FVM_SH_NONE,   /* imm = constant */
  FVM_SH_IMM,    /* imm = byte 1 */
  FVM_SH_RD,     /* d,r = W,R(rd); imm = constant */
  FVM_SH_I8S,    /* d,r = rd; imm = signed byte */
  FVM_SH_N8S,    /* d,r = rd; imm = minus signed byte */
  FVM_SH_I8U,    /* d,r = rd; imm = unsigned byte */
  FVM_SH_I16,    /* d,r = rd; imm = signed 16 bits */
  FVM_SH_N16,    /* d,r = rd; imm = minus signed 16 bits */
  FVM_SH_A16,    /* d,r = rd; imm = unsigned 16 bits */
  FVM_SH_RRR,    /* d,r = rd; a = R(rs1); b = R(rs2); imm: C cells, packed */
  FVM_SH_RR,     /* d,r = rd; a,b = R,W(rs1) */
  FVM_SH_XY,     /* d,r = rd; a = R(rd); b = R(rs1) */
  FVM_SH_RRI,    /* d,r = rd; a = R(rs1); imm = signed 16 bits */
  FVM_SH_FFF,    /* d = F(rd); a = F(rs1); b = F(rs2) */
  FVM_SH_RF,     /* d = W(rd); a = F(rs1) */
  FVM_SH_FR,     /* d = F(rd); a = R(rs1) */
  FVM_SH_RC,     /* d = W(rd); a = C(last register byte) */
  FVM_SH_CR,     /* d,r = C(rd); a = R(last register byte) */
  FVM_SH_RAW,    /* d = the raw cell of rd */
  FVM_SH_REL,    /* d,r = rd; target = pc + signed 16 bits */
  FVM_SH_ABS,    /* d,r = rd; target = signed 16 bits */
  FVM_SH_SYS     /* a = b = R(1); imm = byte 1 */
};

#define FVM_BITS_0_95 0x3F733333 /* 0.95f */
#define FVM_BITS_0_99 0x3F7D70A4 /* 0.99f */

#define FVM_ROWS(X) \
  X(HALT, HALT1, 1, NONE, 0) \
  X(NOP, NOP1, 1, NONE, 0) \
  X(RET, RET, 1, NONE, 0) \
  X(IRET, NOP1, 1, NONE, 0) \
  X(BRK, HALT1, 1, NONE, 0) \
  X(WFI, NOP1, 1, NONE, 0) \
  X(RESET, RESET, 1, NONE, 0) \
  X(SYN, NOP1, 1, NONE, 0) \
  X(INC, ADDI2, 2, RD, 1) \
  X(DEC, ADDI2, 2, RD, -1) \
  X(NOT, NOT, 2, RD, 0) \
  X(NEG, NEG, 2, RD, 0) \
  X(PUSH, PUSH, 2, RD, 0) \
  X(POP, POP, 2, RD, 0) \
  X(CONF_LD, MOV2, 2, RC, 1) \
  X(CONF_ST, MOV2, 2, CR, 1) \
  X(SYS, EMIT2, 2, SYS, 0) \
  X(TRAP, NOP2, 2, NONE, 0) \
  X(DBG, NOP2, 2, NONE, 0) \
  X(CLF, CLF, 2, NONE, 0) \
  X(SEMA, NOP2, 2, NONE, 0) \
  X(YIELD, NOP2, 2, NONE, 0) \
  X(CACHE, NOP2, 2, NONE, 0) \
  X(STRIPCF, STRIPCF, 2, IMM, 0) \
  X(MOVI, MOVI3, 3, I8S, 0) \
  X(ADDI, ADDI3, 3, I8S, 0) \
  X(SUBI, ADDI3, 3, N8S, 0) \
  X(ANDI, ANDI, 3, I8U, 0) \
  X(ORI, ORI, 3, I8U, 0) \
  X(XORI, XORI, 3, I8U, 0) \
  X(SHLI, SHLI, 3, I8U, 0) \
  X(SHRI, SHRI, 3, I8U, 0) \
  X(ADD, ADD, 4, RRR, 0) \
  X(SUB, SUB, 4, RRR, 0) \
  X(MUL, MUL, 4, RRR, 0) \
  X(DIV, DIV, 4, RRR, 0) \
  X(MOD, MOD, 4, RRR, 0) \
  X(AND, AND, 4, RRR, 0) \
  X(OR, OR, 4, RRR, 0) \
  X(XOR, XOR, 4, RRR, 0) \
  X(SHL, SHL, 4, RRR, 0) \
  X(SHR, SHR, 4, RRR, 0) \
  X(MIN, MIN, 4, RRR, 0) \
  X(MAX, MAX, 4, RRR, 0) \
  X(CMP_EQ, CMP_EQ, 4, RRR, 0) \
  X(CMP_LT, CMP_LT, 4, RRR, 0) \
  X(CMP_GT, CMP_GT, 4, RRR, 0) \
  X(CMP_NE, CMP_NE, 4, RRR, 0) \
  X(FADD, FADD, 4, FFF, 0) \
  X(FSUB, FSUB, 4, FFF, 0) \
  X(FMUL, FMUL, 4, FFF, 0) \
  X(FDIV, FDIV, 4, FFF, 0) \
  X(FMIN, FMIN, 4, FFF, 0) \
  X(FMAX, FMAX, 4, FFF, 0) \
  X(FTOI, FTOI, 4, RF, 0) \
  X(ITOF, ITOF, 4, FR, 0) \
  X(LOAD, LOAD, 4, RRR, 0) \
  X(STORE, STORE, 4, RRR, 0) \
  X(MOV, MOV4, 4, RR, 0) \
  X(SWP, SWAP, 4, RR, 0) \
  X(JZ, JZ, 4, RR, 0) \
  X(JNZ, JNZ, 4, RR, 0) \
  X(JLT, JLT, 4, RR, 0) \
  X(JGT, JGT, 4, RR, 0) \
  X(MOVI16, MOVI4, 4, I16, 0) \
  X(ADDI16, ADDI4, 4, I16, 0) \
  X(SUBI16, ADDI4, 4, N16, 0) \
  X(JMP, JMP, 4, REL, 0) \
  X(JAL, JAL, 4, REL, 0) \
  X(CALL, CALL, 4, ABS, 0) \
  X(LOOP, LOOP, 4, REL, 0) \
  X(JEQ, JEQ, 4, REL, 0) \
  X(JNE, JNE, 4, REL, 0) \
  X(JLE, JLE, 4, REL, 0) \
  X(JGE, JGE, 4, REL, 0) \
  X(LDI8, LDI8, 4, A16, 0) \
  X(STI8, STI8, 4, A16, 0) \
  X(LOADI, LOADI, 5, RRI, 0) \
  X(STOREI, STOREI, 5, RRI, 0) \
  X(TELL, EMIT4, 4, RRR, 0) \
  X(ASK, NOP4, 4, NONE, 0) \
  X(DELEGATE, EMIT4, 4, RRR, 0) \
  X(BROADCAST, EMIT4, 4, RRR, 0) \
  X(REDUCE, NOP4, 4, NONE, 0) \
  X(REPLY, EMIT4, 4, RRR, 0) \
  X(FORWARD, EMIT4, 4, RRR, 0) \
  X(LISTEN, NOP4, 4, NONE, 0) \
  X(FORK, FORK, 4, RD, 10) \
  X(JOIN, JOIN, 4, NONE, 5) \
  X(WAIT, NOP4, 4, NONE, 0) \
  X(SIGNAL, EMIT4, 4, RRR, 0) \
  X(CONF_ADD, CONF_ADD, 4, RRR, 0) \
  X(CONF_SUB, CONF_SUB, 4, RRR, 0) \
  X(CONF_MUL, CONF_MUL, 4, RRR, 0) \
  X(CONF_MERGE, CONF_MERGE, 4, RRR, 0) \
  X(CONF_FUSE, CONF_FUSE, 4, RRR, 0) \
  X(CONF_CHAIN, CONF_CHAIN, 4, RRR, 0) \
  X(CONF_SET, MOV4, 4, CR, 2) \
  X(CONF_GET, MOV4, 4, RC, 2) \
  X(CONF_CLAMP, CONF_CLAMP, 4, CR, 1) \
  X(CONF_DECAY, CONF_DECAY, 4, CR, 2) \
  X(SENSE, INPUT, 4, RD, 0) \
  X(GPS, INPUT, 4, RD, 0) \
  X(ACCEL, INPUT, 4, RD, 0) \
  X(GYRO, INPUT, 4, RD, 0) \
  X(TEMP, INPUT, 4, RD, 0) \
  X(VOLT, INPUT, 4, RD, 0) \
  X(ATP_GEN, MOVI4, 4, RD, 100) \
  X(ATP_USE, DIFF, 4, XY, 0) \
  X(APOPTOSIS, HALT4, 4, NONE, 99) \
  X(ABS, ABS, 4, RR, 0) \
  X(SQRT, SQRT, 4, RR, 0) \
  X(POW, POW, 4, RRR, 0) \
  X(LOG, LOG, 4, RR, 0) \
  X(RAND, RAND, 4, RD, 0) \
  X(CLAMP, CLAMP, 4, RRR, 0) \
  X(LERP, LERP, 4, RRR, 0) \
  X(HASH, HASH, 4, RR, 0) \
  X(ISTINCT_LOAD, LDI8, 4, A16, 0) \
  X(ISTINCT_STORE, STI8, 4, A16, 0) \
  X(ISTINCT_DECAY, SCALE, 2, RD, FVM_BITS_0_95) \
  X(ISTINCT_REFLEX, REFLEX, 4, ABS, 0) \
  X(ISTINCT_MODULATE, MODULATE, 4, I16, 0) \
  X(ISTINCT_THRESHOLD, THRESHOLD, 4, I16, 0) \
  X(ISTINCT_CONVERGE, CONVERGE, 2, IMM, 0) \
  X(ISTINCT_EXTINCT, EXTINCT, 2, RD, 0) \
  X(ISTINCT_HABITUATE, HABITUATE, 2, RD, 0) \
  X(ISTINCT_SENSITIZE, SENSITIZE, 2, RD, 0) \
  X(ISTINCT_GENERALIZE, AVERAGE, 4, XY, 0) \
  X(ISTINCT_SPECIALIZE, SPECIALIZE, 4, XY, 0) \
  X(ISTINCT_DIFFUSE, DIFFUSE, 4, I8U, 0) \
  X(ISTINCT_INHIBIT, INHIBIT, 4, RR, 0) \
  X(ISTINCT_SUM, SUM, 4, XY, 0) \
  X(ISTINCT_DIFF, DIFF, 4, XY, 0) \
  X(TRUST_INIT, MOVI4, 4, I16, 0) \
  X(TRUST_UPDATE, UPDATE, 4, XY, 0) \
  X(TRUST_DECAY, SCALE, 2, RD, FVM_BITS_0_99) \
  X(TRUST_COMPARE, COMPARE, 4, XY, 0) \
  X(TRUST_MIN, MIN, 4, XY, 0) \
  X(TRUST_REVOKE, MOVI2, 2, RD, 0) \
  X(TRUST_RESTRICT, RESTRICT, 4, I16, 0) \
  X(TRUST_SCORE, SCORE, 4, RRR, 0) \
  X(TRUST_AVERAGE, AVERAGE, 4, XY, 0) \
  X(TRUST_BOOST, BOOST, 4, XY, 0) \
  X(TRUST_WEAKEN, WEAKEN, 4, XY, 0) \
  X(TRUST_VERIFY, COMPARE, 4, XY, 0) \
  X(TRUST_TRANSFER, SUM, 4, XY, 0) \
  X(TRUST_SEED, SEED, 4, I16, 0) \
  X(TRUST_SCOPE, SCOPE, 4, XY, 0) \
  X(TRUST_FLOOR, MAX, 4, XY, 0) \
  X(MEMSET, MEMSET, 5, RRI, 0) \
  X(MEMCPY, MEMCPY, 5, RRI, 0) \
  X(MEMCMP, MEMCMP, 5, RRI, 0) \
  X(MEMFILL, MEMFILL, 4, I16, 0) \
  X(MEMSWAP, SWAP, 4, RR, 0) \
  X(MEMSCAN, MEMSCAN, 5, RRI, 0) \
  X(MEMINDEX, MEMINDEX, 5, RRI, 0) \
  X(MEMSUM, MEMSUM, 5, RRI, 0) \
  X(MEMRANGE_MIN, MEMMIN, 5, RRI, 0) \
  X(MEMRANGE_MAX, MEMMAX, 5, RRI, 0) \
  X(STACKFRAME, STACKFRAME, 4, RAW, 0) \
  X(HEAP_ALLOC, HEAP, 4, I16, 0) \
  X(HEAP_FREE, NOP2, 2, NONE, 0) \
  X(BITCOUNT, POPCOUNT, 2, RD, 0) \
  X(BITSCAN, CLZ, 2, RD, 0) \
  X(BITREV, BITREV, 2, RD, 0) \
  X(ROTL, ROTL, 4, XY, 0) \
  X(ROTR, ROTR, 4, XY, 0) \
  X(RAND_RANGE, RANGE, 4, RR, 0) \
  X(RAND_WEIGHTED, WEIGHTED, 4, RRR, 0) \
  X(CYCLE_READ, CYCLE_READ, 2, RD, 0) \
  X(ALARM_SET, NOP4, 4, NONE, 0) \
  X(CRC32, CRC32, 5, RRI, 0) \
  X(ENCODE_VARINT, VARINT_OUT, 4, A16, 0) \
  X(DECODE_VARINT, VARINT_IN, 4, A16, 0) \
  X(ATOMIC_CAS, CAS, 4, RRR, 0) \
  X(DUMP, NOP1, 1, NONE, 0) \
  X(PROFILE, NOP1, 1, NONE, 0) \
  X(WATCH, NOP1, 1, NONE, 0)

#endif /* FLUX_HOSTSDK_VM_OPS_H */
