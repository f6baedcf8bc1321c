/*
 * test_lethal.c - what an instruction is about to do, foretold: against a
 * table of cases, and against what the ir engine then does.
 */
#include "isa/lethal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "tests/gen.h"
#include "tests/unit.h"

enum { ROW_STATES = 400, OP_STATES = 300, SEED = 20260202 };

/* ---- machines ----------------------------------------------------------- */

static int32_t state_cell(uint32_t cell, void *user) {
  return ((struct fisa_state *)user)->cells[cell];
}

static uint8_t state_byte(uint32_t address, void *user) {
  return ((struct fisa_state *)user)->mem[address];
}

static struct fisa_view view(const struct fisa_dialect *d,
                             struct fisa_state *s) {
  return (struct fisa_view){d, state_cell, state_byte, s};
}

static struct fisa_dialect *parse(const char *text) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  if (fisa_dialect_parse(text, strlen(text), "t", &d, &err) != 0) {
    printf("%s\n", err.text);
    exit(1);
  }
  return d;
}

static struct fisa_dialect *builtin(const char *name) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  if (fisa_dialect_builtin(name, true, &d, &err) != 0) {
    printf("%s\n", err.text);
    exit(1);
  }
  return d;
}

/* A dialect that has a row for each predicate, and what rows are made of. */
static const char made_up[] =
  "fluxisa 1\n"
  "dialect made_up\n"
  "mem 256\n"
  "file R i32 8\n"
  "file F f32 8\n"
  "file K i32 4 checked\n"
  "stack STK 4 up\n"
  "fuel 100\n"
  "fault 2 divide\n"
  "truncated 1\n"
  "unknown 3\n"
  "lethal 1000 div_overflow\n"
  "lethal 1001 shift_range\n"
  "lethal 1002 ftoi_range\n"
  "lethal 1003 pow_range\n"
  "lethal 1004 log_zero\n"
  "lethal 1005 stack_full\n"
  "lethal 1006 stack_empty\n"
  "lethal 1007 negative_target\n"
  "lethal 1008 register_range\n"
  "lethal 1009 varint_negative\n"
  "lethal 1010 past_code\n"
  "lethal 1011 opaque\n"
  "guard 5 add_overflow\n"
  "lethal 1012 sub_overflow\n"
  "lethal 1013 mul_overflow\n"
  "lethal 1014 shl_overflow\n"
  "lethal 1015 cast_range\n"
  "lethal 1016 before_memory\n"
  "lethal 1017 always\n"
  "lethal 1018 stack_few\n"
  "lethal 1019 calls_full\n"
  "lethal 1020 calls_empty\n"
  "guard 2 zero\n"
  "row 0x00 HALT len=1 flow=halt writes=HALT pure=no does=halt\n"
  "row 0x01 NOP len=1 does=nop\n"
  "row 0x02 DIVO len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=div_overflow(R[rd],R[rs1]) does=quo R[rd] R[rd] R[rs1]\n"
  "row 0x03 SHLO len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=shift_range(R[rs1]) does=shl R[rd] R[rd] R[rs1]\n"
  "row 0x04 FTOI len=3 ops=rd,rs1 reads=F[rs1] writes=R[rd] "
  "lethal=ftoi_range(F[rs1]) does=ftoi R[rd] F[rs1]\n"
  "row 0x05 POW len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=pow_range(R[rd],R[rs1]) does=ipow R[rd] R[rd] R[rs1]\n"
  "row 0x06 LOG len=2 ops=rd reads=R[rd] writes=R[rd] "
  "lethal=log_zero(R[rd]) does=ilog R[rd] R[rd]\n"
  "row 0x07 PUSH len=2 ops=rd reads=R[rd];SP writes=STK;SP "
  "lethal=stack_full does=push R[rd]\n"
  "row 0x08 POP len=2 ops=rd reads=STK;SP writes=R[rd];SP "
  "lethal=stack_empty does=pop R[rd]\n"
  "row 0x09 RAW len=2 ops=rd writes=R[rd] "
  "lethal=register_range(#raw:rd) does=mov R![rd] #1\n"
  "row 0x0A VENC len=2 ops=rd reads=R[rd] writes=MEM;R[rd] pure=no "
  "lethal=varint_negative(R[rd]) does=venc R[rd] R[rd] #16\n"
  "row 0x0B TWO len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=log_zero(R[rd]);shift_range(R[rs1]) "
  "does=shl R[rd] R[rd] R[rs1]\n"
  "row 0x0C OPAQUE len=1 writes=MEM pure=no opaque\n"
  "row 0x10 JMP len=3 ops=imm16le_s flow=jump_rel does=jump\n"
  "row 0x11 JMPE len=3 ops=imm16le_s flow=jump_rel base=end does=jump\n"
  "row 0x12 JNZ len=4 ops=rd,imm16le_s flow=cond_rel reads=R[rd] "
  "does=br_nez R[rd]\n"
  "row 0x13 JLT len=5 ops=rd,rs1,imm16le_s flow=cond_rel "
  "reads=R[rd];R[rs1] does=lt t0 R[rd] R[rs1] ; br_nez t0\n"
  "row 0x14 LOOP len=4 ops=rd,imm16le_s flow=cond_rel reads=R[rd] "
  "writes=R[rd] does=br_dec_gtz R[rd] R[rd]\n"
  "row 0x15 JR len=2 ops=rd flow=indirect reads=R[rd] does=jump\n"
  "row 0x16 JZR len=3 ops=rd,rs1 flow=cond_rel_reg reads=R[rd];R[rs1] "
  "does=br_eqz R[rd]\n"
  "row 0x17 CALL len=3 ops=imm16le_s flow=call_rel link=3 reads=PC;SP "
  "writes=STK;SP lethal=stack_full does=call\n"
  "row 0x18 RET len=1 flow=ret bias=2 reads=STK;SP writes=SP does=ret\n"
  "row 0x19 JFLT len=5 ops=rd,rs1,imm16le_s flow=cond_rel "
  "reads=F[rd];F[rs1] does=fadd t0 F[rd] F[rs1] ; br_nez t0\n";

static const char made_up_more[] =
  "row 0x40 ADDO len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=add_overflow(R[rd],R[rs1]) does=add R[rd] R[rd] R[rs1]\n"
  "row 0x41 SUBO len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=sub_overflow(R[rd],R[rs1]) does=sub R[rd] R[rd] R[rs1]\n"
  "row 0x42 MULO len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=mul_overflow(R[rd],R[rs1]) does=mul R[rd] R[rd] R[rs1]\n"
  "row 0x43 SHLOV len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=shl_overflow(R[rd],R[rs1]) does=shl R[rd] R[rd] R[rs1]\n"
  "row 0x44 CAST len=3 ops=rd,imm8u reads=F[rd] writes=R[rd] "
  "lethal=cast_range(F[rd],#imm8u) does=ftoi R[rd] F[rd]\n"
  "row 0x45 BEFORE len=2 ops=rd reads=R[rd];MEM writes=R[rd] "
  "lethal=before_memory(R[rd]) does=load8 R[rd] R[rd] #0\n"
  "row 0x4D FAMONG len=3 ops=rd,rs1 reads=R[rd];F[rs1];R[rs1] "
  "writes=R[rd];R[rs1] does=fmul t0 F[rs1] F[rs1] ; fadd R[rd] t0 R[rd] ; "
  "fneg R[rs1] R[rs1] ; mov t1 #0\n"
  "row 0x4E FHOME len=3 ops=rd,rs1 reads=F[rs1] writes=F[rd] "
  "does=fadd F[rd] F[rs1] F[rs1]\n"
  "row 0x46 ALWAYS len=1 lethal=always does=nop\n"
  "row 0x47 TOP2 len=2 ops=rd reads=STK;SP writes=R[rd];STK;SP "
  "lethal=stack_few(#2) does=add t0 STK.0 STK.1 ; fold t0 #2 ; "
  "mov R[rd] STK.0\n"
  "row 0x4C ZERO len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
  "lethal=zero(R[rs1]);div_overflow(R[rd],R[rs1]) "
  "does=quo R[rd] R[rd] R[rs1]\n"
  "row 0x48 CK len=3 ops=rd,rs1 reads=K[rd];R[rs1] writes=K[rd] "
  "does=mov K[rd] R[rs1]\n"
  "row 0x49 JTOP len=3 ops=imm16le_s flow=cond_rel reads=STK;SP writes=STK;SP "
  "does=mov t0 STK.0 ; drop #1 ; br_nez t0\n"
  "row 0x4A JCHK len=5 ops=rd,rs1,imm16le_s flow=cond_rel "
  "reads=R[rd];R[rs1] writes=FAULT does=check R[rd] #2 ; br_eqz R[rs1]\n"
  "row 0x4B JDROP len=3 ops=imm16le_s flow=cond_rel reads=STK;SP writes=STK;SP "
  "does=mov t0 STK.2 ; drop #3 ; br_nez t0\n";

static const char made_up_stores[] =
  "row 0x20 ST len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=MEM pure=no "
  "does=store32 R[rd] R[rs1] #0 #-2\n"
  "row 0x21 ST8 len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=MEM pure=no "
  "does=store8 R[rd] R[rs1] R[rd]\n"
  "row 0x22 DOWN len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rs1];MEM "
  "pure=no does=sub R[rs1] R[rs1] #4 ; store32 R[rd] R[rs1] #0\n"
  "row 0x23 VIA len=3 ops=rd,rs1 reads=R[rd];R[rs1];MEM writes=MEM "
  "pure=no does=load8 t0 R[rs1] #0 ; store8 R[rd] t0 #0\n"
  "row 0x24 TWICE len=3 ops=rd,rs1 reads=R[rd];R[rs1];MEM writes=MEM "
  "pure=no does=store8 R[rd] R[rs1] #0 ; load8 t0 R[rs1] #0 ; "
  "store8 R[rd] t0 #0\n"
  "row 0x25 SET len=4 ops=rd,rs1,imm8s reads=R[rd];R[rs1] writes=MEM "
  "pure=no does=mset R[rd] R[rs1] #imm8s\n"
  "row 0x26 CPY len=4 ops=rd,rs1,imm8s reads=R[rd];R[rs1];MEM writes=MEM "
  "pure=no does=mcpy R[rd] R[rs1] #imm8s\n"
  "row 0x27 CAS len=4 ops=rd,rs1,rs2 reads=R[rd];R[rs1];R[rs2];MEM "
  "writes=R[rd];MEM pure=no does=cas8 R[rd] R[rd] R[rs1] R[rs2]\n"
  "row 0x28 FST len=3 ops=rd,rs1 reads=F[rd];F[rs1] writes=MEM pure=no "
  "does=fadd t0 F[rd] F[rs1] ; store8 t0 t0 #0\n"
  "row 0x2A PST len=2 ops=rd reads=R[rd];SP;STK writes=STK;SP;MEM pure=no "
  "lethal=stack_full does=push R[rd] ; pop t0 ; store8 t0 t0 #1\n"
  "row 0x2B ZST len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[all];MEM "
  "pure=no does=file_zero R ; store8 R[rd] R[rs1] #0\n"
  "row 0x2C SWST len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd];R[rs1];MEM "
  "pure=no does=swap R[rd] R[rs1] R[rs1] R[rd] ; store8 R[rd] R[rs1] #0\n"
  "row 0x2D CKST len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=MEM;FAULT "
  "pure=no does=store8 R[rd] #7 #0 ; check R[rs1] #2 ; "
  "store8 R[rd] R[rd] #0\n"
  "row 0x2E BST len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=MEM pure=no "
  "does=bstore32 R[rd] R[rs1] #64 #16\n"
  "row 0x2F BST8 len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=MEM pure=no "
  "does=bstore8 R[rd] R[rs1] #64 #16\n"
  "row 0x30 BLST len=3 ops=rd,rs1 reads=R[rd];R[rs1];MEM writes=MEM "
  "pure=no does=bload8 t0 R[rs1] #16 #16 ; store8 R[rd] t0 #0\n"
  "row 0x31 FCHK len=3 ops=rd,rs1 reads=F[rd];R[rs1] writes=MEM;FAULT "
  "pure=no does=flt t0 F[rd] #0 ; check t0 #2 ; store8 R[rs1] #0 #0\n"
  "row 0x32 STST len=2 ops=rd reads=R[rd];STK;SP writes=STK;SP;MEM pure=no "
  "does=fold R[rd] #1 ; store8 STK.0 STK.0 #0\n";

/* A machine of it with one instruction at an address. */
struct bench {
  struct fisa_dialect *d;
  struct fisa_state *s;
  struct fisa_insn in;
  uint16_t r, f;
};

static void bench_open(struct bench *b) {
  char text[sizeof made_up + sizeof made_up_more + sizeof made_up_stores];

  snprintf(text, sizeof text, "%s%s%s", made_up, made_up_more,
           made_up_stores);
  b->d = parse(text);
  b->s = fisa_state_new(b->d);
  b->r = b->d->files[fisa_file_by_name(b->d, "R", 1)].first;
  b->f = b->d->files[fisa_file_by_name(b->d, "F", 1)].first;
}

static void bench_close(struct bench *b) {
  fisa_state_free(b->s);
  fisa_dialect_free(b->d);
}

/* Decodes `name` with operand bytes at an address. */
static void at(struct bench *b, uint32_t pc, const char *name,
               const uint8_t *operands) {
  const struct fisa_row *row = fisa_row_by_name(b->d, name, strlen(name));
  uint8_t code[64] = {0};

  if (!UNIT_TRUE(row, "no row %s", name))
    exit(1);
  code[pc] = row->opcode;
  memcpy(code + pc + 1, operands, row->length - 1u);
  UNIT_EQ(fisa_decode(b->d, code, sizeof code, pc, &b->in), FISA_DECODED);
}

static int lethal(struct bench *b) {
  const struct fisa_view v = view(b->d, b->s);
  int which = fisa_lethal(&v, &b->in);

  UNIT_TRUE(which < 0 || fisa_may_be_lethal(b->d, &b->in),
            "%s: it cannot be lethal, and is", b->in.row->name);
  return which;
}

/* ---- predicates --------------------------------------------------------- */

#define MIN INT32_MIN
#define MAX INT32_MAX
#define NO (-1)
#define YES(name) FLUX_LETHAL_##name

/* R1 and R2 of a machine; rd is 1 and rs1 is 2. */
static const struct {
  const char *row;
  int32_t r1, r2;
  int lethal;
} cases[] = {
  {"NOP", 0, 0, NO},
  {"DIVO", MIN, -1, YES(DIV_OVERFLOW)},
  {"DIVO", MIN, 1, NO},
  {"DIVO", MIN + 1, -1, NO},
  {"DIVO", MIN, 0, NO},
  {"SHLO", 5, 0, NO},
  {"SHLO", 5, 31, NO},
  {"SHLO", 5, 32, YES(SHIFT_RANGE)},
  {"SHLO", 5, -1, YES(SHIFT_RANGE)},
  {"POW", 2, 30, NO},
  {"POW", 2, 31, YES(POW_RANGE)},
  {"POW", -2, 31, NO},
  {"POW", -2, 32, YES(POW_RANGE)},
  {"POW", -3, 20, YES(POW_RANGE)},
  {"POW", 0, 0, NO},
  {"POW", 0, -1, YES(POW_RANGE)},
  {"POW", 0, MAX, NO},
  {"POW", 1, MAX, NO},
  {"POW", -1, MAX, NO},
  {"POW", -1, MIN, NO},
  {"POW", 7, MIN, NO},
  {"POW", MIN, 1, NO},
  {"POW", MAX, 1, YES(POW_RANGE)}, /* rounds to 2**31 */
  {"POW", MAX - 127, 1, NO},
  {"POW", 46341, 2, YES(POW_RANGE)},
  {"POW", 46340, 2, NO},
  {"POW", MAX, MAX, YES(POW_RANGE)},
  {"LOG", 0, 0, YES(LOG_ZERO)},
  {"LOG", -1, 0, NO},
  {"VENC", -1, 0, YES(VARINT_NEGATIVE)},
  {"VENC", 0, 0, NO},
  {"TWO", 0, 40, YES(LOG_ZERO)}, /* the first of the table */
  {"TWO", 1, 40, YES(SHIFT_RANGE)},
  {"TWO", 1, 4, NO},
  {"OPAQUE", 0, 0, NO},
  {"ADDO", MAX, 0, NO}, {"ADDO", MAX, 1, YES(ADD_OVERFLOW)},
  {"ADDO", MIN, 0, NO}, {"ADDO", MIN, -1, YES(ADD_OVERFLOW)},
  {"SUBO", MIN, 0, NO}, {"SUBO", MIN, 1, YES(SUB_OVERFLOW)},
  {"SUBO", 0, MIN, YES(SUB_OVERFLOW)}, {"SUBO", -1, MIN, NO},
  {"MULO", 65536, 32767, NO}, {"MULO", 65536, 32768, YES(MUL_OVERFLOW)},
  {"MULO", MIN, -1, YES(MUL_OVERFLOW)}, {"MULO", MIN, 1, NO},
  {"SHLOV", 1, 30, NO}, {"SHLOV", 1, 31, YES(SHL_OVERFLOW)},
  {"SHLOV", -1, 31, NO}, {"SHLOV", 1, 32, NO}, {"SHLOV", MIN, 0, NO},
  {"BEFORE", -1, 0, YES(BEFORE_MEMORY)}, {"BEFORE", -2, 0, NO},
  {"BEFORE", 0, 0, NO},
  {"ALWAYS", 0, 0, YES(ALWAYS)},
  {"ZERO", MIN, 0, YES(ZERO)}, {"ZERO", MIN, -1, YES(DIV_OVERFLOW)},
  {"ZERO", 0, 1, NO},
};

static void predicates(void) {
  static const uint8_t operands[8] = {1, 2};
  struct bench b;

  bench_open(&b);
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    b.s->cells[b.r + 1] = cases[i].r1;
    b.s->cells[b.r + 2] = cases[i].r2;
    at(&b, 0, cases[i].row, operands);
    UNIT_TRUE(lethal(&b) == cases[i].lethal, "%s %d %d: %d, not %d",
              cases[i].row, cases[i].r1, cases[i].r2, lethal(&b),
              cases[i].lethal);
  }
  bench_close(&b);
}

static void floats(void) {
  static const struct {
    uint32_t bits;
    int lethal;
  } given[] = {
    {0x00000000, NO}, {0x80000000, NO}, {0x3F800000, NO},
    {0x4EFFFFFF, NO},               /* the largest below 2**31 */
    {0x4F000000, YES(FTOI_RANGE)},  /* 2**31 */
    {0xCF000000, NO},               /* -2**31 */
    {0xCF000001, YES(FTOI_RANGE)},  /* the next below */
    {0x7F800000, YES(FTOI_RANGE)}, {0xFF800000, YES(FTOI_RANGE)},
    {0x7FC00000, YES(FTOI_RANGE)}, {0xFFC12345, YES(FTOI_RANGE)},
    {0x00000001, NO},
  };
  static const uint8_t operands[8] = {1, 2};
  struct bench b;

  bench_open(&b);
  for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++) {
    memcpy(&b.s->cells[b.f + 2], &given[i].bits, 4);
    at(&b, 0, "FTOI", operands);
    UNIT_TRUE(lethal(&b) == given[i].lethal, "%08x", given[i].bits);
    at(&b, 0, "CAST", (const uint8_t[4]){2, 0});
    UNIT_EQ(lethal(&b), -1);
    at(&b, 0, "CAST", (const uint8_t[4]){2, 9});
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_CAST_RANGE) ==
              (given[i].lethal >= 0), "%08x", given[i].bits);
  }
  bench_close(&b);
}

/* An index that no machine should have is full and empty. */
static void stacks(void) {
  static const struct {
    int32_t index;
    bool full, empty;
  } given[] = {
    {0, false, true}, {1, false, false}, {3, false, false},
    {4, true, false}, {5, true, true}, {-1, true, true}, {MIN, true, true},
    {MAX, true, true},
  };
  static const uint8_t operands[8] = {1};
  struct bench b;

  bench_open(&b);
  for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++) {
    b.s->cells[b.d->sp_cell] = given[i].index;
    at(&b, 0, "PUSH", operands);
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_STACK_FULL) == given[i].full,
              "push at %d", given[i].index);
    at(&b, 0, "CALL", operands);
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_STACK_FULL) == given[i].full,
              "call at %d", given[i].index);
    at(&b, 0, "POP", operands);
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_STACK_EMPTY) == given[i].empty,
              "pop at %d", given[i].index);
    at(&b, 0, "TOP2", operands);
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_STACK_FEW) ==
              (given[i].empty || given[i].index < 2),
              "two at %d", given[i].index);
  }
  bench_close(&b);
}

static void register_bytes(void) {
  struct bench b;

  bench_open(&b);
  for (unsigned raw = 0; raw < 256; raw++) {
    const uint8_t operands[8] = {(uint8_t)raw};
    at(&b, 0, "RAW", operands);
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_REGISTER_RANGE) == (raw > 7),
              "byte %u", raw);
    /* A file that is checked is so in every row. */
    at(&b, 0, "CK", operands);
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_REGISTER_RANGE) == (raw > 3),
              "byte %u of a checked file", raw);
  }
  bench_close(&b);
}

/* ---- where jumps land --------------------------------------------------- */

/* At address 8, R1 and R2 given; the last operand bytes are the offset. */
static const struct {
  const char *row;
  uint8_t operands[4];
  int32_t r1, r2;
  bool below;
} jumps[] = {
  {"JMP", {0xF8, 0xFF}, 0, 0, false},        /* to 0 */
  {"JMP", {0xF7, 0xFF}, 0, 0, true},         /* to -1 */
  {"JMP", {0xFF, 0x7F}, 0, 0, false},
  {"JMPE", {0xF5, 0xFF}, 0, 0, false},
  {"JMPE", {0xF4, 0xFF}, 0, 0, true},
  {"JNZ", {1, 0xF0, 0xFF}, 1, 0, true},
  {"JNZ", {1, 0xF0, 0xFF}, 0, 0, false},     /* not taken */
  {"JNZ", {1, 0xF8, 0xFF}, 1, 0, false},
  {"JLT", {1, 2, 0xF0, 0xFF}, 1, 2, true},   /* the condition is made */
  {"JLT", {1, 2, 0xF0, 0xFF}, 2, 1, false},
  {"LOOP", {1, 0xF0, 0xFF}, 2, 0, true},
  {"LOOP", {1, 0xF0, 0xFF}, 1, 0, false},
  {"LOOP", {1, 0xF0, 0xFF}, MIN, 0, true},   /* one off it wraps */
  {"JR", {1}, -1, 0, true},
  {"JR", {1}, MIN, 0, true},
  {"JR", {1}, 0, 0, false},
  {"JR", {1}, MAX, 0, false},
  {"JZR", {1, 2}, 0, -8, false},
  {"JZR", {1, 2}, 0, -9, true},
  {"JZR", {1, 2}, 0, MAX, true},             /* 8 more wraps */
  {"JZR", {1, 2}, 0, MIN, true},
  {"JZR", {1, 2}, 7, -9, false},
  {"CALL", {0xF0, 0xFF}, 0, 0, true},
  {"CALL", {0xF8, 0xFF}, 0, 0, false},
  {"JFLT", {1, 2, 0xF0, 0xFF}, 0, 0, false}, /* floats are not followed */
  {"JCHK", {1, 2, 0xF0, 0xFF}, 0, 0, true},
  {"JCHK", {1, 2, 0xF0, 0xFF}, 0, 1, false},
  {"JCHK", {1, 2, 0xF0, 0xFF}, 1, 0, false}, /* it faults before */
  {"JTOP", {0xF0, 0xFF}, 0, 0, true},        /* STK.0 is 3 */
  {"JDROP", {0xF0, 0xFF}, 0, 0, false},      /* nothing is left: 0 */
};

static void targets(void) {
  struct bench b;

  bench_open(&b);
  b.s->cells[b.d->sp_cell] = 2;
  *fisa_stack_cell(b.d, b.s, 1) = 3;
  for (unsigned i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
    b.s->cells[b.r + 1] = jumps[i].r1;
    b.s->cells[b.r + 2] = jumps[i].r2;
    at(&b, 8, jumps[i].row, jumps[i].operands);
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_NEGATIVE_TARGET) == jumps[i].below,
              "jump %u: %s with %d and %d", i, jumps[i].row, jumps[i].r1,
              jumps[i].r2);
  }
  /* The stack is asked before the target. */
  b.s->cells[b.d->sp_cell] = 4;
  at(&b, 8, "CALL", (const uint8_t[4]){0xF0, 0xFF});
  UNIT_EQ(lethal(&b), FLUX_LETHAL_STACK_FULL);
  bench_close(&b);
}

static void returns(void) {
  static const struct {
    int32_t depth, link;
    bool below;
  } given[] = {
    {0, -100, false},  /* nothing to return to */
    {1, 0, false}, {1, -2, false}, {1, -3, true}, {1, MIN, true},
    {1, MAX, true},    /* the bias wraps it */
    {1, MAX - 2, false}, {4, -3, true}, {5, -3, false}, {-1, -3, false},
  };
  struct bench b;

  bench_open(&b);
  at(&b, 0, "RET", (const uint8_t[4]){0});
  for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++) {
    for (uint32_t k = 0; k < 4; k++)
      *fisa_stack_cell(b.d, b.s, k) = 17;
    if (given[i].depth > 0 && given[i].depth <= 4)
      *fisa_stack_cell(b.d, b.s, (uint32_t)given[i].depth - 1) =
          given[i].link;
    b.s->cells[b.d->sp_cell] = given[i].depth;
    UNIT_TRUE((lethal(&b) == FLUX_LETHAL_NEGATIVE_TARGET) == given[i].below,
              "%d cells, %d on top", given[i].depth, given[i].link);
  }
  bench_close(&b);
}

/* ---- stores ------------------------------------------------------------- */

static const struct {
  const char *row;
  uint8_t operands[4];
  int32_t r1, r2;
  int runs;
  uint32_t first, count;
} stored[] = {
  {"NOP", {0}, 0, 0, 0, 0, 0},
  {"ST", {1, 2}, 0, 10, 1, 8, 4},
  {"ST", {1, 2}, 0, 1, 1, UINT32_MAX, 4},  /* runs round the end */
  {"ST8", {1, 2}, 5, 10, 1, 15, 1},
  {"DOWN", {1, 2}, 5, 20, 1, 16, 4},       /* the step before it counts */
  {"DOWN", {2, 2}, 5, 20, 1, 16, 4},
  {"VIA", {1, 2}, 5, 20, 1, 77, 1},        /* byte 20 holds 77 */
  {"TWICE", {1, 2}, 5, 20, -1, 0, 0},      /* memory has changed since */
  {"SET", {1, 2, 9}, 5, 20, 1, 5, 9},
  {"SET", {1, 2, 0}, 5, 20, 0, 0, 0},
  {"SET", {1, 2, 0xFF}, 5, 20, 0, 0, 0},   /* -1: none */
  {"CPY", {1, 2, 3}, 5, 20, 1, 5, 3},
  {"CAS", {1, 2, 3}, 20, 77, 1, 20, 1},
  {"CAS", {1, 2, 3}, 20, 0x14D, 1, 20, 1}, /* low bytes are compared */
  {"CAS", {1, 2, 3}, 20, 78, 0, 0, 0},     /* not equal: nothing */
  {"VENC", {1}, 0, 0, 1, 16, 1},
  {"VENC", {1}, 127, 0, 1, 16, 1},
  {"VENC", {1}, 128, 0, 1, 16, 2},
  {"VENC", {1}, MAX, 0, 1, 16, 5},
  {"FST", {1, 2}, 0, 0, -1, 0, 0},         /* floats are not followed */
  {"PST", {1}, 5, 0, 1, 6, 1},
  {"ZST", {1, 2}, 5, 6, -1, 0, 0},         /* whole files are not, either */
  {"SWST", {1, 2}, 5, 6, 1, 5, 1},
  {"SWST", {1, 1}, 5, 6, 1, 5, 1},
  {"OPAQUE", {0}, 0, 0, -1, 0, 0},
  {"CKST", {1, 2}, 5, 0, 2, 7, 1},
  {"CKST", {1, 2}, 5, 1, 1, 7, 1},         /* it faults between its stores */
  {"BST", {1, 2}, 5, 12, 1, 76, 4},
  {"BST", {1, 2}, 5, 13, 0, 0, 0},         /* outside: it is dropped */
  {"BST", {1, 2}, 5, -1, 0, 0, 0},
  {"BST8", {1, 2}, 5, 15, 1, 79, 1},
  {"BST8", {1, 2}, 5, 16, 0, 0, 0},
  {"BLST", {1, 2}, 5, 4, 1, 77, 1},
  {"BLST", {1, 2}, 5, 99, 1, 0, 1},        /* a load outside is 0 */
  {"FCHK", {1, 2}, 5, 6, -1, 0, 0},        /* perhaps it faults before */
  {"STST", {1}, 5, 6, 1, 5, 1},
};

static void stores(void) {
  struct fisa_store out[FISA_MAX_TEMPLATE] = {{0, 0}};
  struct fisa_view v;
  struct bench b;
  int n;

  bench_open(&b);
  v = view(b.d, b.s);
  b.s->mem[20] = 77;
  for (unsigned i = 0; i < sizeof stored / sizeof stored[0]; i++) {
    b.s->cells[b.r + 1] = stored[i].r1;
    b.s->cells[b.r + 2] = stored[i].r2;
    at(&b, 0, stored[i].row, stored[i].operands);
    n = fisa_stores(&v, &b.in, out);
    UNIT_TRUE(n == stored[i].runs, "store %u: %s: %d runs", i,
              stored[i].row, n);
    UNIT_TRUE(n == 0 || fisa_may_store(b.in.row), "%s may not store",
              stored[i].row);
    if (n == 1 && stored[i].runs == 1)
      UNIT_TRUE(out[0].first == stored[i].first &&
                out[0].count == stored[i].count, "store %u: %s: %u, %u", i,
                stored[i].row, out[0].first, out[0].count);
  }
  /* A machine whose memory cannot be read. */
  v.byte = NULL;
  at(&b, 0, "CAS", (const uint8_t[4]){1, 2, 3});
  UNIT_EQ(fisa_stores(&v, &b.in, out), -1);
  at(&b, 0, "VIA", (const uint8_t[4]){1, 2, 3});
  UNIT_EQ(fisa_stores(&v, &b.in, out), -1);
  at(&b, 0, "ST", (const uint8_t[4]){1, 2, 3});
  UNIT_EQ(fisa_stores(&v, &b.in, out), 1);
  bench_close(&b);
}

/* Floats that end among integers. */
static void floats_among_integers(void) {
  uint32_t cells[FISA_MAX_TEMPLATE];
  struct bench b;

  bench_open(&b);
  at(&b, 0, "FAMONG", (const uint8_t[4]){3, 2});
  if (UNIT_EQ(fisa_float_results(b.d, &b.in, cells), 2)) {
    UNIT_EQ(cells[0], b.r + 3);
    UNIT_EQ(cells[1], b.r + 2);
  }
  at(&b, 0, "FHOME", (const uint8_t[4]){3, 2});
  UNIT_EQ(fisa_float_results(b.d, &b.in, cells), 0);
  at(&b, 0, "ADDO", (const uint8_t[4]){3, 2});
  UNIT_EQ(fisa_float_results(b.d, &b.in, cells), 0);
  bench_close(&b);
}

/* ---- against the engine ------------------------------------------------- */

static int32_t any_value(uint64_t *r) {
  static const int32_t edges[] = {0, 1, -1, 2, MIN, MAX, 31, 32, 127, 128,
                                  255, 256, 65535, 65536, -128, 5, -7};

  switch (gen_below(r, 3)) {
  case 0:
    return edges[gen_below(r, sizeof edges / sizeof edges[0])];
  case 1:
    return (int32_t)gen_random(r);
  default:
    return (int32_t)gen_below(r, 40) - 8;
  }
}

static int take(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user) {
  (void)source, (void)arg, (void)argc;
  *value = any_value(user);
  return 0;
}

static int give(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user) {
  (void)channel, (void)arg, (void)argc, (void)user;
  return 0;
}

/* The engine, the state it ran on and one like it that it did not see. */
struct duel {
  struct gen_table table;
  struct fisa_dialect *d;
  struct fir_lane *lane;
  struct fisa_state *before, *after;
  uint64_t r;
  unsigned cases, lethal, stores, open;
};

static void duel_open(struct duel *t, struct fisa_dialect *d) {
  memset(t, 0, sizeof *t);
  t->d = d;
  gen_table_init(&t->table, d);
  t->lane = fir_lane_new();
  t->before = fisa_state_new(d);
  t->after = fisa_state_new(d);
  t->r = SEED;
}

static void duel_close(struct duel *t) {
  fisa_state_free(t->before);
  fisa_state_free(t->after);
  fir_lane_free(t->lane);
  fisa_dialect_free(t->d);
}

/* The bytes foretold are marked, and no others. */
static bool same_marks(struct duel *t, const struct fisa_store *run, int n) {
  struct fisa_state *s = t->before;
  bool same;

  for (int i = 0; i < n; i++)
    fisa_state_mark(s, run[i].first, run[i].count);
  same = memcmp(s->written, t->after->written, s->mem_size / 8) == 0;
  t->stores += n > 0;
  return same;
}

/* One instruction at address 16 of a program, foretold and run. */
static void duel(struct duel *t, const struct fisa_row *row) {
  const struct fir_io io = {take, give, &t->r};
  struct fisa_store run[FISA_MAX_TEMPLATE];
  struct fisa_view v = view(t->d, t->before);
  struct fir_program *ir = NULL;
  struct fisa_program *p = NULL;
  struct fisa_insn in;
  uint8_t code[40] = {0};
  int which, n, fault, code_of;

  code[16] = row->opcode;
  for (unsigned i = 17; i < 24; i++)
    code[i] = gen_below(&t->r, 3) ? (uint8_t)gen_below(&t->r, 8)
                                  : (uint8_t)gen_random(&t->r);
  if (row->payload) {
    code[17] %= 16;
    code[18] = 0;
  }
  if (!UNIT_EQ(fisa_program_from_bytes(t->d, code, sizeof code, &p, NULL), 0))
    return;
  gen_begin(&t->table, p, SEED, t->cases, t->before);
  for (int i = 0; i < 8; i++)
    t->before->cells[gen_below(&t->r, 8)] = any_value(&t->r);
  t->before->pc = 16;
  fisa_state_copy(t->after, t->before);
  UNIT_EQ(fisa_decode(t->d, code, sizeof code, 16, &in), FISA_DECODED);
  which = fisa_lethal(&v, &in);
  n = fisa_stores(&v, &in, run);
  if (UNIT_EQ(fir_lower_from(p, 16, &ir, NULL), 0)) {
    fir_run(ir, t->lane, t->after, &io, (struct fir_limits){1, false});
    fault = t->after->status == FISA_RUN_FAULT ? t->after->fault : 0;
    code_of = which >= 0 ? t->d->lethal_code[which] : 0;
    /* What the machine tests itself, a row may find in other ways, too. */
    UNIT_TRUE(code_of == fault || (code_of == 0 && fault < 1000),
              "case %u: %s: predicate %d, fault %d", t->cases, row->name,
              which, fault);
    UNIT_TRUE(which < 0 || fisa_may_be_lethal(t->d, &in), "%s", row->name);
    if (which < 0 && n >= 0)
      UNIT_TRUE(same_marks(t, run, n), "case %u: %s stores elsewhere",
                t->cases, row->name);
  }
  t->lethal += which >= 0;
  t->open += n < 0;
  t->cases++;
  fir_free(ir);
  fisa_program_free(p);
}

static void rows_of(const char *name) {
  struct duel t;

  duel_open(&t, builtin(name));
  if (t.d->no_machine) {
    duel_close(&t);
    return;
  }
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &t.d->rows[i];
    if (!row->defined || row->opaque || row->base_insn)
      continue;
    for (unsigned long k = unit_scale(ROW_STATES); k > 0; k--)
      duel(&t, row);
  }
  printf(" %s: %u cases, %u lethal, %u stores.", name, t.cases, t.lethal,
         t.stores);
  UNIT_TRUE(t.lethal > t.cases / 100, "%s: hardly any is lethal", name);
  UNIT_TRUE(t.stores > t.cases / 100, "%s: hardly any stores", name);
  UNIT_TRUE(t.open < t.cases / 100, "%s: %u not told", name, t.open);
  duel_close(&t);
}

static void every_row(void) {
  const char *name;

  for (unsigned i = 0; (name = fisa_builtin_name(i)); i++)
    rows_of(name);
}

/*
 * Every op that fills a cell and does nothing else: where its result goes to
 * memory, in two halves as an address, the engine's marks show what it was.
 */
static struct fisa_dialect *of_ops(unsigned *count) {
  static const char head[] =
    "fluxisa 1\ndialect ops\nmem 65536\nfile R i32 8\nfuel 9\n"
    "truncated 1\nunknown 3\nlethal 1000 negative_target\n"
    "lethal 1001 opaque\nlethal 1002 past_code\n"
    "row 0 HALT len=1 flow=halt writes=HALT pure=no does=halt\n";
  char text[65536];
  size_t n = (size_t)snprintf(text, sizeof text, "%s", head);
  unsigned opcode = 1;

  for (unsigned op = 0; op < FLUX_OP_COUNT && opcode < 255; op++) {
    enum fisa_effect effect = fisa_semop_effect(op);
    char line[400], operands[80] = "", old[8] = "";
    struct fisa_dialect *d = NULL;
    bool uses_d = fisa_semop_use(op, 0) == 'M';

    if ((effect != FISA_EFFECT_NONE && effect != FISA_EFFECT_LOAD) ||
        fisa_semop_use(op, 0) == 'N' || fisa_semop_use(op, 1) == 'W')
      continue;
    for (unsigned k = 1; k < 4; k++)
      if (fisa_semop_use(op, k) == 'R')
        strcat(operands, k == 1   ? " R[rd]"
                         : k == 2 ? " R[rs1]"
                                  : " R[rs2]");
    if (uses_d)
      strcpy(old, "M");
    /* With an immediate where the form wants one. */
    for (int imm = 0; imm < 2 && !d; imm++) {
      size_t m = 0;
      for (int half = 0; half < 2; half++)
        m += (size_t)snprintf(
            line + m, sizeof line - m,
            "row %u OP%u%s%s len=4 ops=rd,rs1,rs2 "
            "reads=R[rd];R[rs1];R[rs2];MEM writes=MEM pure=no does=%s%s "
            "t0%s%s%s ; store8 t0 t0 #0\n",
            opcode + (unsigned)half, op, half ? "H" : "L", old,
            uses_d ? "mov t0 R[rs2] ; " : "", fisa_semop_name(op), operands,
            imm ? " #7" : "", half ? " ; sar t0 t0 #16" : "");
      memcpy(text + n, line, m + 1);
      if (fisa_dialect_parse(text, n + m, "ops", &d, NULL) == 0)
        n += m;
    }
    if (d)
      opcode += 2;
    fisa_dialect_free(d);
  }
  text[n] = '\0'; /* behind it stands the last try */
  *count = (opcode - 1) / 2;
  return parse(text);
}

static void every_op(void) {
  unsigned count;
  struct duel t;

  duel_open(&t, of_ops(&count));
  for (unsigned i = 1; i <= 2 * count; i++)
    for (unsigned long k = unit_scale(OP_STATES); k > 0; k--)
      duel(&t, &t.d->rows[i]);
  printf(" %u ops, %u cases, %u not followed", count, t.cases, t.open);
  UNIT_TRUE(count > 30, "%u ops", count);
  UNIT_TRUE(t.stores > t.cases / 3, "%u are followed", t.stores);
  duel_close(&t);
}

static const struct unit_test tests[] = {
  {"predicates", "integers", predicates},
  {"predicates", "floats", floats},
  {"predicates", "stacks", stacks},
  {"predicates", "register bytes", register_bytes},
  {"predicates", "targets", targets},
  {"predicates", "returns", returns},
  {"stores", "cases", stores},
  {"stores", "floats among integers", floats_among_integers},
  {"engine", "every row", every_row},
  {"engine", "every op", every_op},
};

UNIT_MAIN(tests)
