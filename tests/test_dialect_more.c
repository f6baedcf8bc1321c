/*
 * test_dialect_more.c - the dialect loader: stacks under names of their own,
 * links apart, registers with a width or a check, keys, start values, tests
 * that the machine makes itself, payloads, and the ops and references that
 * speak of them. Each rule is broken once, and kept once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/dialect_help.h"
#include "tests/unit.h"

/* ---- a small dialect, to be spoiled ------------------------------------- */

enum { HEAD_LINES = 22, ROW_LINE = HEAD_LINES + 2 };

static const char head[] =
  "fluxisa 1\n"
  "dialect heap\n"
  "mem 1024\n"
  "calls LNK 4\n"
  "file R i32 16 checked\n"
  "file V i32 16 width 4\n"
  "file F f32 4\n"
  "flag Z\n"
  "cell P i32\n"
  "cell Q f32\n"
  "stack STK 4 up index TOP\n"
  "fault 3 few\n"
  "truncated 1\n"
  "unknown 2\n"
  "guard 3 stack_few\n"
  "guard 3 stack_empty\n"
  "lethal 1000 stack_full\n"
  "lethal 1001 calls_full\n"
  "lethal 1002 negative_target\n"
  "lethal 1003 register_range\n"
  "lethal 1004 opaque\n"
  "lethal 1005 past_code\n";

static const char halt[] =
  "row 0x00 HALT len=1 flow=halt writes=HALT roles=halt pure=no does=halt\n";

/* The dialect with more lines in the head and behind the first row. */
static char *with(const char *more, const char *row) {
  size_t size = sizeof head + sizeof halt + strlen(more) + strlen(row) + 3;
  char *text = malloc(size);

  if (!text)
    abort();
  snprintf(text, size, "%s%s%s%s%s\n", head, more, more[0] ? "\n" : "", halt,
           row);
  return text;
}

static void refused(const char *text, const char *want) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  int rc = fisa_dialect_parse(text, strlen(text), "t", &d, &err);

  UNIT_TRUE(rc == -1 && d == NULL, "accepted, wanted: %s", want);
  UNIT_TRUE(strcmp(err.text, want) == 0, "\"%s\", wanted \"%s\"", err.text,
            want);
  fisa_dialect_free(d);
}

static struct fisa_dialect *accepted(const char *text) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  fisa_dialect_parse(text, strlen(text), "t", &d, &err);
  UNIT_TRUE(d, "%s in:\n%s", err.text, text);
  UNIT_TRUE(!d || dialect_sound(d), "sound:\n%s", text);
  return d;
}

/* A line and what is wrong with it; NULL: nothing. */
struct line {
  const char *text, *want;
};

static void check_line(const struct line *l, bool in_head) {
  char *text = in_head ? with(l->text, "") : with("", l->text);
  char want[256];

  if (l->want) {
    snprintf(want, sizeof want, "t:%d: %s%s",
             in_head ? HEAD_LINES + 1 : ROW_LINE,
             in_head ? "" : "row X: ", l->want);
    refused(text, want);
  } else {
    fisa_dialect_free(accepted(text));
  }
  free(text);
}

static void check_lines(const struct line *lines, size_t count, bool in_head) {
  for (size_t i = 0; i < count; i++)
    check_line(&lines[i], in_head);
}

#define CHECK_HEAD(lines) \
  check_lines(lines, sizeof lines / sizeof lines[0], true)
#define CHECK_ROWS(lines) \
  check_lines(lines, sizeof lines / sizeof lines[0], false)

/* ---- the head ----------------------------------------------------------- */

static void files(void) {
  static const struct line lines[] = {
    {"file X i32 8 wide", "\"wide\" is out of place; zero, checked or "
     "width N"},
    {"file X i32 8 checked checked", "\"checked\" is out of place; zero, "
     "checked or width N"},
    {"file X i32 8 width 2 width 2", "\"width\" is out of place; zero, "
     "checked or width N"},
    {"file X i32 8 width", "a number is missing"},
    {"file X i32 8 width x", "\"x\" is not a number"},
    {"file X i32 8 width 1", "1 is not within 2..16"},
    {"file X i32 64 width 17", "17 is not within 2..16"},
    {"file X i32 24 width 4", "24 registers are not a power of two"},
    {"file X i32 6 width 4", "6 registers are not a power of two"},
    {"file X i32 2 width 4", "2 registers are not a power of two"},
    {"file X i32 8 zero width 2", "a zero register has no width"},
    {"file X i32 8 zero checked", NULL},
    {"file X f32 24 width 3 checked", NULL},
    {"file X i32 4 checked width 4", NULL},
    {"file X i32 256 checked width 16", NULL},
    {"cell X f32 init 0x3F800000", NULL},
    {"cell X f32 init 0xFFC00000", NULL},
    {"cell X i32 init 4294967296",
     "4294967296 is not within -2147483648..4294967295"},
  };

  CHECK_HEAD(lines);
}

static void stacks(void) {
  static const struct line lines[] = {
    {"calls L 4", "a second calls"},
    {"stack L 4 up", "a second stack"},
    {"cell SP i32 init 65536", NULL},
    {"cell top i32", "the name top is used twice in the state list"},
    {"cell CSP i32", "the name CSP is used twice in the state list"},
  };

  CHECK_HEAD(lines);
}

/* A dialect with these lines behind its name; the rows need no stack. */
static void bare(const char *lines, const char *want) {
  char text[1024];

  snprintf(text, sizeof text, "fluxisa 1\ndialect bare\n%s\ntruncated 1\n"
           "unknown 2\nlethal 1002 negative_target\n%s", lines, halt);
  if (want)
    refused(text, want);
  else
    fisa_dialect_free(accepted(text));
}

static void stack_lines(void) {
  bare("calls", "t:3: a number is missing");
  bare("calls L", "t:3: a number is missing");
  bare("calls L 0", "t:3: 0 is not within 1..4096");
  bare("calls L 4097", "t:3: 4097 is not within 1..4096");
  bare("calls L 4096", "t:3: the state has more than 4096 cells");
  bare("calls L 4 up", "t:3: \"up\" is not \"index\"");
  bare("calls L 4 index", "t:3: a name is missing");
  bare("calls L 4 index I J", "t:3: \"J\" is too much");
  bare("calls L 4 index L", "t:3: the name L is used twice in the state "
       "list");
  bare("calls L 4095", NULL);
  bare("calls L 4 index I\nstack S 4 down index J", NULL);
  bare("calls L 4\nstack S 4 up", NULL);
  bare("stack S 4", "t:3: a stack grows up or down, not \"\"");
  bare("stack S 4 up idx", "t:3: \"idx\" is not \"index\"");
  bare("stack S 4 up index", "t:3: a name is missing");
  bare("stack S 4 up index I J", "t:3: \"J\" is too much");
  bare("stack S 4 up index S",
       "t:3: the name S is used twice in the state list");
  bare("stack S 4 up index PC", "t:3: the name PC is reserved");
  bare("stack S 1024 up\ncalls L 4",
       "t:4: cells other than the stack's lie beyond cell 512");
  bare("calls L 4\nstack S 1024 up", NULL);
  bare("file R i32 16\nkey a SP i32",
       "t:4: \"SP\" is not in the state list");
}

static void starts(void) {
  static const struct line lines[] = {
    {"start", "\"\" is no register file"},
    {"start X 1 1", "\"X\" is no register file"},
    {"start P 0 1", "\"P\" is no register file"},
    {"start STK 0 1", "\"STK\" is no register file"},
    {"start R", "a number is missing"},
    {"start R 16 1", "16 is not within 0..15"},
    {"start R -1 1", "-1 is not within 0..15"},
    {"start R 1", "a number is missing"},
    {"start R 1 4294967296",
     "4294967296 is not within -2147483648..4294967295"},
    {"start R 1 -2147483649",
     "-2147483649 is not within -2147483648..4294967295"},
    {"start R 1 1 1", "\"1\" is too much"},
    {"start R 15 0xFFFFFFFF", NULL},
    {"start F 3 0x3F800000", NULL},
    {"start V 15 -1", NULL},
  };

  CHECK_HEAD(lines);
}

/* Sixteen are as many as there may be; none begins twice. */
static void many_starts(void) {
  char more[32 * 17] = "";
  size_t n = 0;
  char *text;

  for (int i = 0; i < 16; i++)
    n += (size_t)snprintf(more + n, sizeof more - n, "%sstart R %d %d",
                          i ? "\n" : "", i, i);
  text = with(more, "");
  fisa_dialect_free(accepted(text));
  free(text);
  snprintf(more + n, sizeof more - n, "\nstart V 0 1");
  text = with(more, "");
  refused(text, "t:39: more than 16 starts");
  free(text);
  text = with("start R 3 1\nstart r 3 1", "");
  refused(text, "t:24: cell 3 of R has a start already");
  free(text);
}

static void keys(void) {
  static const struct line lines[] = {
    {"key", "a name is missing"},
    {"key 1 P i32", "\"1\" is no name"},
    {"key regs P i32", "the key regs is reserved"},
    {"key calls P i32", "the key calls is reserved"},
    {"key conf P i32", "the key conf is reserved"},
    {"key in P i32", "the key in is reserved"},
    {"key p", "\"\" is not in the state list"},
    {"key p X i32", "\"X\" is not in the state list"},
    {"key p P", "\"\" is no form; i32 or u32 of a cell, hex of a file"},
    {"key p P hex", "\"hex\" is no form; i32 or u32 of a cell, hex of a "
     "file"},
    {"key p P f32", "\"f32\" is no form; i32 or u32 of a cell, hex of a "
     "file"},
    {"key p Q i32", "\"i32\" is no form; i32 or u32 of a cell, hex of a "
     "file"},
    {"key p Z u32", "\"u32\" is no form; i32 or u32 of a cell, hex of a "
     "file"},
    {"key p V i32", "\"i32\" is no form; i32 or u32 of a cell, hex of a "
     "file"},
    {"key p STK hex", "\"hex\" is no form; i32 or u32 of a cell, hex of a "
     "file"},
    {"key p P i32 1", "\"1\" is too much"},
    {"key p P i32", NULL},
    {"key p P u32", NULL},
    {"key p V hex", NULL},
    {"key p R hex", NULL},
    {"key P p i32", NULL},
  };

  CHECK_HEAD(lines);
}

static void many_keys(void) {
  char more[32 * 9] = "";
  size_t n = 0;
  char *text;

  for (int i = 0; i < 8; i++)
    n += (size_t)snprintf(more + n, sizeof more - n, "%skey k%d P i32",
                          i ? "\n" : "", i);
  text = with(more, "");
  fisa_dialect_free(accepted(text));
  free(text);
  snprintf(more + n, sizeof more - n, "\nkey k8 P i32");
  text = with(more, "");
  refused(text, "t:31: more than 8 keys");
  free(text);
  text = with("key k P i32\nkey k P i32", "");
  refused(text, "t:24: the key k is there already");
  free(text);
}

static void fault_lines(void) {
  static const struct line lines[] = {
    {"guard", "a number is missing"},
    {"guard 0 zero", "0 is not within 1..999"},
    {"guard 1000 zero", "1000 is not within 1..999"},
    {"guard 4", "\"\" is no lethal predicate"},
    {"guard 4 nothing", "\"nothing\" is no lethal predicate"},
    {"guard 4 stack_full", "lethal stack_full is there already"},
    {"guard 4 stack_few", "lethal stack_few is there already"},
    {"guard 4 zero 1", "\"1\" is too much"},
    {"guard 999 zero", NULL},
    {"guard 3 zero", NULL},
    {"lethal 1009", "\"\" is no lethal predicate"},
    {"lethal 1009 stack_few", "lethal stack_few is there already"},
    {"lethal 1009 zero 1st", "\"1st\" is no name"},
    {"lethal 1009 zero a b", "\"b\" is too much"},
    {"lethal 1000 zero", "lethal 1000 or the name zero is there already"},
    {"lethal 1009 zero stack_full",
     "lethal 1009 or the name stack_full is there already"},
    {"lethal 1000 zero stack_full", NULL},
    {"lethal 32767 always odd", NULL},
  };

  CHECK_HEAD(lines);
}

/* What a machine cannot test by itself, and the number of a cut row. */
static void implied_lines(void) {
  static const char *const names[] = {"opaque", "past_code",
                                      "negative_target", "register_range"};

  for (size_t i = 0; i < 4; i++) {
    char line[64], want[64];
    snprintf(line, sizeof line, "guard 4 %s", names[i]);
    snprintf(want, sizeof want, "t:3: no machine tests %s by itself",
             names[i]);
    bare(line, want);
  }
  bare("truncated 0", "t:3: 0 is not within 1..32767");
  bare("truncated 32768", "t:3: 32768 is not within 1..32767");
  bare("truncated 1010\nlethal 1010 past_code", "t:5: a second truncated");
  refused("fluxisa 1\ndialect x\ntruncated 1\nunknown 2\n"
          "row 0 A len=len16@1 ops=payload does=nop\n",
          "t:5: row A: the head has no number for lethal past_code");
  refused("fluxisa 1\ndialect x\nfile R i32 2 checked\ntruncated 1\n"
          "unknown 2\nrow 0 A len=2 ops=rd writes=R[rd] does=mov R[rd] #1\n",
          "t:6: row A: the head has no number for lethal register_range");
  refused("fluxisa 1\ndialect x\nfile R i32 2\ntruncated 1\nunknown 2\n"
          "row 0 A len=2 ops=rd reads=R[rd] lethal=zero(R[rd]) does=nop\n",
          "t:6: row A: the head has no number for lethal zero");
}

/* What is kept of a head. */
static void heads_kept(void) {
  char *text = with("lethal 1009 zero odd\nlethal 1009 always odd\n"
                    "start R 11 65536\nstart V 5 0x80000001\n"
                    "key p P u32\nkey vregs V hex", "");
  struct fisa_dialect *d = accepted(text);
  const struct fisa_file *f;

  free(text);
  if (!d)
    return;
  UNIT_TRUE(fisa_links_apart(d), "links apart");
  f = &d->files[d->calls_file];
  UNIT_STR_EQ(f->name, "LNK");
  UNIT_TRUE(!f->down && f->count == 4 && d->calls_cell + 1 == f->first, "up");
  UNIT_STR_EQ(d->files[d->calls_file - 1].name, "CSP");
  UNIT_STR_EQ(d->files[d->stack_file - 1].name, "TOP");
  UNIT_EQ(d->files[d->stack_file - 1].first, d->sp_cell);
  f = &d->files[fisa_file_by_name(d, "V", 1)];
  UNIT_TRUE(f->width == 4 && !f->checked && fisa_registers(f) == 4, "V");
  UNIT_EQ(fisa_cell_init(d, f, f->first + 5u), (int32_t)0x80000001);
  UNIT_EQ(fisa_cell_init(d, f, f->first + 4u), 0);
  f = &d->files[fisa_file_by_name(d, "R", 1)];
  UNIT_TRUE(f->width == 1 && f->checked && fisa_registers(f) == 16, "R");
  UNIT_EQ(fisa_cell_init(d, f, f->first + 11u), 65536);
  UNIT_EQ(d->start_count, 2);
  UNIT_EQ(d->key_count, 2);
  UNIT_STR_EQ(d->keys[1].name, "vregs");
  UNIT_TRUE(d->keys[0].form == FISA_KEY_U32 &&
            d->keys[1].form == FISA_KEY_HEX, "forms");
  UNIT_EQ(d->lethal_code[FLUX_LETHAL_STACK_EMPTY], 3);
  UNIT_STR_EQ(fisa_fault_name(d, 3), "few");
  UNIT_STR_EQ(fisa_fault_name(d, 1009), "odd");
  UNIT_STR_EQ(fisa_fault_name(d, 1001), "calls_full");
  UNIT_STR_EQ(fisa_fault_name(d, 2), "fault_2");
  fisa_dialect_free(d);
}

/* ---- rows: operands and flow -------------------------------------------- */

static void operands(void) {
  static const struct line lines[] = {
    {"row 9 X len=4 ops=imm32le_s does=mov P #imm32le_s",
     "ops: opcode and operands have 5 bytes, len is 4"},
    {"row 9 X len=5 ops=imm32le_s writes=P does=mov P #imm32le_s", NULL},
    {"row 9 X len=3 ops=imm8u2,imm8u2 does=nop",
     "ops: the operand imm8u2 stands there twice"},
    {"row 9 X len=3 ops=imm8u,imm8u2 writes=P does=sub P #imm8u #imm8u2",
     NULL},
    {"row 9 X len=3 ops=imm8u,imm8u3 does=nop",
     "ops: \"imm8u3\" is no operand"},
    {"row 9 X len=2 ops=rd does=emit_payload",
     "pure: emit_payload is not pure"},
    {"row 9 X len=2 ops=rd pure=no does=emit_payload",
     "does: emit_payload in a row without a payload"},
    {"row 9 X len=len16@1 ops=payload pure=no does=emit_payload",
     "writes: HOST is missing, the template writes it"},
    {"row 9 X len=len16@1 ops=payload pure=no writes=HOST "
     "does=emit_payload", NULL},
    {"row 9 X len=len16@1 ops=payload pure=no roles=a2a "
     "does=emit_payload", NULL},
    {"row 9 X len=len16@1 ops=payload pure=no writes=HOST;R[0] "
     "does=mov R.0 #0 ; emit_payload", NULL},
  };

  CHECK_ROWS(lines);
}

static void flows(void) {
  static const struct line lines[] = {
    {"row 9 X len=3 ops=imm16le_s flow=jump_rel base=insn opaque", NULL},
    {"row 9 X len=3 ops=imm16le_s flow=jump_rel base=insn does=jump",
     "base: only an opaque row counts instructions"},
    {"row 9 X len=2 ops=rd flow=cond_rel_reg base=insn reads=R[rd] opaque",
     "base: a register counts no instructions"},
    {"row 9 X len=1 base=insn opaque", "base: only relative flow has a base"},
    {"row 9 X len=3 ops=addr16le_u flow=jump_abs base=insn opaque",
     "base: only relative flow has a base"},
    {"row 9 X len=3 ops=imm16le_s flow=call_rel writes=LNK does=call",
     "does: call needs the field link"},
    {"row 9 X len=3 ops=imm16le_s flow=call_rel link=3 writes=LNK does=call",
     "does: call needs the guard calls_full"},
    {"row 9 X len=3 ops=imm16le_s flow=call_rel link=3 lethal=calls_full "
     "does=call", "writes: LNK is missing, the template writes it"},
    {"row 9 X len=3 ops=imm16le_s flow=call_rel link=3 lethal=calls_full "
     "reads=LNK does=call", NULL},
    {"row 9 X len=2 ops=rd flow=indirect lethal=calls_full reads=R[rd];LNK "
     "does=call", "does: call needs the field link"},
    {"row 9 X len=2 ops=rd flow=indirect link=2 filler=1 lethal=calls_full "
     "reads=R[rd];LNK does=call", NULL},
    {"row 9 X len=2 ops=rd flow=indirect reads=R[rd] does=jump", NULL},
    {"row 9 X len=2 ops=rd flow=indirect link=2 reads=V[rd] opaque", NULL},
    {"row 9 X len=1 flow=ret reads=LNK does=ret", NULL},
    {"row 9 X len=1 flow=ret does=ret",
     "reads: LNK is missing, the template reads it"},
    {"row 9 X len=2 ops=rd flow=ret link=2 reads=LNK does=ret",
     "link: only a call has a link"},
    {"row 9 X len=3 ops=imm16le_s flow=jump_rel reads=R[0] "
     "does=check R.0 #5", "does: check does not fit the field flow"},
    {"row 9 X len=3 ops=imm16le_s flow=jump_rel reads=R[0] "
     "does=check R.0 #5 ; jump", NULL},
  };

  CHECK_ROWS(lines);
}

/* What a branch tests is there before the row has done anything. */
static void conditions(void) {
#define JUMPS "row 9 X len=3 ops=imm16le_s flow=cond_rel reads=STK;R[1];P;Z " \
  "writes=STK;R[1];P;Z does="
  static const struct line lines[] = {
    {JUMPS "popz t0 ; br_eqz t0", "does: popz takes the condition off the "
     "stack; read it there and drop it"},
    {JUMPS "popz t1 ; add t0 t1 #1 ; br_eqz t0", "does: the condition "
     "changes behind popz, the first effect"},
    {JUMPS "drop #1 ; br_eqz STK.0", "does: the condition changes behind "
     "drop, the first effect"},
    {JUMPS "drop #1 ; mov t0 STK.0 ; br_eqz t0", "does: the condition "
     "changes behind drop, the first effect"},
    {JUMPS "sub R.1 R.1 #1 ; br_nez R.1", "does: the condition changes "
     "behind sub, the first effect"},
    {JUMPS "eq Z R.1 #0 ; br_nez Z", "does: the condition changes behind "
     "eq, the first effect"},
    {JUMPS "mov P #1 ; mov R.1 #1 ; br_nez R.1", "does: the condition "
     "changes behind mov, the first effect"},
    {JUMPS "mov t0 STK.0 ; drop #1 ; br_eqz t0", NULL},
    {JUMPS "mov t0 R.1 ; sub R.1 R.1 #1 ; br_nez t0", NULL},
    {JUMPS "mov P #1 ; br_nez R.1", NULL},
    {JUMPS "br_nez STK.2", NULL},
    {JUMPS "br_dec_gtz R.1 R.1", NULL},
  };

  CHECK_ROWS(lines);
}

/* ---- rows: references --------------------------------------------------- */

#define RR "row 9 X len=3 ops=rd,rs1 reads=STK;R[rd];R[rs1];V[rs1];V[rd] " \
  "writes=R[rd];V[rd];Z "

static void references(void) {
  static const struct line lines[] = {
    {RR "does=mov R[rd] STK.4", "does: 4 is not within 0..3"},
    {RR "does=mov R[rd] STK.", "does: a number is missing"},
    {RR "does=mov R[rd] LNK.0",
     "does: LNK is no register file, nor the stack"},
    {RR "does=mov R[rd] Z.0", "does: Z is no register file, nor the stack"},
    {RR "does=mov STK.0 R[rd]",
     "does: mov writes to something that is no cell"},
    {RR "does=swap R[rd] STK.0 R[rd] R[rs1]",
     "does: swap writes to something that is no cell"},
    {"row 9 X len=1 writes=P does=mov P STK.0",
     "reads: STK is missing, the template reads it"},
    {"row 9 X len=1 writes=P;STK does=mov P STK.0", NULL},
    {"row 9 X len=1 reads=STK lethal=add_overflow(STK.1,STK.0) does=nop",
     "the head has no number for lethal add_overflow"},
    {RR "does=add R[rd] STK.3 STK.0", NULL},
    {RR "does=mov V[rd]+4 R[rd]", "does: 4 is not within 0..3"},
    {RR "does=mov V[rd]+ R[rd]", "does: a number is missing"},
    {RR "does=mov V[rd]+x R[rd]", "does: \"x\" is not a number"},
    {RR "does=mov V[rd]+-1 R[rd]", "does: -1 is not within 0..3"},
    {RR "does=mov V[rd R[rd]", "does: \"V[rd\" is no operand of an op"},
    {RR "does=mov V[rd+1 R[rd]", "does: \"V[rd+1\" is no operand of an op"},
    {RR "does=mov R[rd]+1 R[rd]", "does: 1 is not within 0..0"},
    {RR "does=mov V![rd] R[rd]", "does: V has a width and no raw form"},
    {RR "does=add V[rd]+3 V[rs1]+0 V[rs1]", NULL},
    {RR "does=mov R[rd]+0 V[rs1]+2", NULL},
    {"row 9 X len=1 writes=V[15] does=mov V.15 #1", NULL},
    {"row 9 X len=1 writes=V[15] does=mov V.16 #1",
     "does: 16 is not within 0..15"},
    {RR "does=mov TOP #0", "does: TOP is written by push and pop only"},
    {RR "does=mov CSP #0", "does: CSP is written by push and pop only"},
    {"row 9 X len=2 ops=rd reads=TOP;CSP writes=R[rd] "
     "does=add R[rd] TOP CSP", NULL},
  };

  CHECK_ROWS(lines);
}

/* Whole files count in registers; one with a width has none of one cell. */
static void whole_files(void) {
  static const struct line lines[] = {
    {"file W i32 64 width 4", NULL},
    {"file W i32 128 width 2", NULL},
  };
  char *text = with("file W i32 64 width 2", "row 9 X len=2 ops=rd "
                    "reads=W[rd] writes=W[rd] does=converge W #raw:rd");

  CHECK_HEAD(lines);
  refused(text, "t:25: row X: does: converge takes #raw: and a file of "
          "groups of 8");
  free(text);
  text = with("file W i32 64 width 2", "row 9 X len=2 ops=rd "
              "reads=W[rd];R[rd] writes=W[rd] "
              "does=diffuse W R[rd] #raw:rd #3");
  refused(text, "t:25: row X: does: diffuse takes #raw: and a file of 64 "
          "registers");
  free(text);
}

/* ---- rows: ops ---------------------------------------------------------- */

static void last_operands(void) {
  static const struct line lines[] = {
    {RR "does=check R[rd]", "does: check has 2 operands, not 1"},
    {RR "does=check R[rd] #0",
     "does: the last operand of check, 0, is not within 1..999"},
    {RR "does=check R[rd] #1000",
     "does: the last operand of check, 1000, is not within 1..999"},
    {RR "does=check R[rd] #raw:rd",
     "does: the last operand of check is a constant"},
    {RR "does=check R[rd] #999 ; mov R[rd] #1", NULL},
    {RR "does=mulsar R[rd] R[rd] R[rs1]",
     "does: mulsar has 4 operands, not 3"},
    {RR "does=mulsar R[rd] R[rd] R[rs1] #32",
     "does: the last operand of mulsar, 32, is not within 0..31"},
    {RR "does=mulsar R[rd] R[rd] R[rs1] #-1",
     "does: the last operand of mulsar, -1, is not within 0..31"},
    {RR "does=mulsar R[rd] R[rd] R[rs1] #31", NULL},
    {"row 9 X len=2 ops=rd reads=R[rd];MEM writes=R[rd] "
     "does=bload8 R[rd] R[rd] #0 #3",
     "does: the last operand of bload8, 3, is not within 4..2147483647"},
    {"row 9 X len=2 ops=rd reads=R[rd];MEM writes=R[rd] "
     "does=bload32 R[rd] R[rd] #0 #4", NULL},
    {"row 9 X len=2 ops=rd reads=R[rd] writes=R[rd] "
     "does=bload32 R[rd] R[rd] #0 #4",
     "reads: MEM is missing, the template reads it"},
    {"row 9 X len=2 ops=rd reads=R[rd] pure=no "
     "does=bstore32 R[rd] R[rd] #0 #4",
     "writes: MEM is missing, the template writes it"},
    {"row 9 X len=2 ops=rd reads=R[rd] writes=MEM "
     "does=bstore8 R[rd] R[rd] #0 #4", "pure: bstore8 is not pure"},
    {RR "does=floor_mod R[rd] R[rd]",
     "does: floor_mod has 3 operands, not 2"},
    {RR "does=fneg R[rd] R[rs1] R[rs1]",
     "does: fneg has too many operands: \"R[rs1]\""},
    {RR "does=quo_keep R[rd] R[rd] R[rs1] #1",
     "does: quo_keep has too many operands: \"#1\""},
  };

  CHECK_ROWS(lines);
}

/* Which ops may fill a flag. */
static void truths(void) {
  static const struct line lines[] = {
    {RR "does=ltu Z R[rd] R[rs1]", NULL},
    {RR "does=carry Z R[rd] R[rs1]", NULL},
    {RR "does=feq Z R[rd] R[rs1]", NULL},
    {RR "does=flt Z R[rd] R[rs1]", NULL},
    {RR "does=fle Z R[rd] R[rs1]", NULL},
    {RR "does=umulh Z R[rd] R[rs1]",
     "does: umulh gives no 0 or 1 for the flag Z"},
    {RR "does=floor_mod Z R[rd] R[rs1]",
     "does: floor_mod gives no 0 or 1 for the flag Z"},
    {RR "does=popz Z", "does: popz gives no 0 or 1 for the flag Z"},
  };

  CHECK_ROWS(lines);
}

/* ---- rows: the stack ---------------------------------------------------- */

#define ST "row 9 X len=1 reads=STK writes=STK;P "

static void soft_ops(void) {
  static const struct line lines[] = {
    {ST "does=drop", "does: drop has 1 operands, not 0"},
    {ST "does=drop #0",
     "does: the last operand of drop, 0, is not within 1..8"},
    {ST "does=drop #9",
     "does: the last operand of drop, 9, is not within 1..8"},
    {ST "does=drop #5", "does: drop of more than the stack has"},
    {ST "does=fold #1 #5", "does: fold of more than the stack has"},
    {ST "does=fold #1 #0",
     "does: the last operand of fold, 0, is not within 1..8"},
    {ST "does=fold #1", "does: fold has 2 operands, not 1"},
    {"row 9 X len=2 ops=imm8u reads=STK does=drop #imm8u",
     "does: the last operand of drop is a constant"},
    {ST "does=drop #4", NULL},
    {ST "does=fold #1 #4", NULL},
    {"row 9 X len=1 does=drop #1",
     "reads: STK is missing, the template reads it"},
    {"row 9 X len=1 writes=P does=popz P",
     "reads: STK is missing, the template reads it"},
    {"row 9 X len=1 does=fold #1 #1",
     "writes: STK is missing, the template writes it"},
    {"row 9 X len=1 reads=STK does=fold #1 #1", NULL},
    {"row 9 X len=1 writes=STK does=drop #1", NULL},
    {"row 9 X len=1 writes=STK lethal=stack_full does=push #1", NULL},
  };

  CHECK_ROWS(lines);
}

/* How many pushes are safe behind what was taken off. */
static void room(void) {
#define FULL "does: push needs the guard stack_full"
  static const struct line lines[] = {
    {ST "does=fold #1 #1 ; push #2", FULL},
    {ST "does=fold #1 #2 ; push #2", NULL},
    {ST "does=fold #1 #2 ; push #2 ; push #3", FULL},
    {ST "does=fold #1 #3 ; push #2 ; push #3", NULL},
    {ST "lethal=stack_full does=fold #1 #1 ; push #2", NULL},
    {ST "lethal=stack_full does=fold #1 #2 ; push #2 ; push #3", NULL},
    {ST "lethal=stack_full does=fold #1 #2 ; push #2 ; push #3 ; push #4",
     FULL},
    {ST "does=popz t0 ; push t0", NULL},
    {ST "does=popz t0 ; push t0 ; push t0", FULL},
    {ST "does=drop #2 ; push #1 ; push #2", NULL},
    {ST "does=drop #4 ; drop #4 ; push #1 ; push #2 ; push #3 ; push #4",
     NULL},
    {ST "does=drop #4 ; drop #1 ; push #1 ; push #2 ; push #3 ; push #4 ; "
     "push #5", FULL},
    /* A fold leaves a cell, however many it takes. */
    {ST "does=drop #4 ; fold #1 #4 ; push #2 ; push #3 ; push #4", NULL},
    {ST "does=drop #4 ; fold #1 #4 ; push #2 ; push #3 ; push #4 ; push #5",
     FULL},
    {ST "does=fold #1 #4 ; fold #2 #4 ; push #2 ; push #3 ; push #4", NULL},
    {ST "does=fold #1 #4 ; fold #2 #4 ; push #2 ; push #3 ; push #4 ; "
     "push #5", FULL},
  };

  CHECK_ROWS(lines);
}

static void live_cells(void) {
#define EMPTY "does: pop needs the guard stack_empty"
  static const struct line lines[] = {
    {ST "does=pop P", EMPTY},
    {ST "lethal=stack_empty does=pop P", NULL},
    {ST "lethal=stack_few(#2) does=pop P ; pop P", NULL},
    {ST "lethal=stack_few(#2) does=pop P ; pop P ; pop P", EMPTY},
    {ST "lethal=stack_few(#3) does=drop #1 ; pop P", EMPTY},
    {ST "does=fold #1 #1 ; pop P", NULL},
    {ST "does=fold #1 #2 ; pop P ; pop P", EMPTY},
    {ST "does=fold #1 #2 ; push #2 ; pop P ; pop P", NULL},
  };

  CHECK_ROWS(lines);
}

static void guards(void) {
  static const struct line lines[] = {
    {ST "lethal=stack_few does=nop",
     "lethal: stack_few takes 1 arguments"},
    {ST "lethal=stack_few(#1,#2) does=nop",
     "lethal: stack_few takes 1 arguments"},
    {ST "lethal=stack_few(#0) does=nop",
     "lethal: stack_few takes a number of 1..8"},
    {ST "lethal=stack_few(#9) does=nop",
     "lethal: stack_few takes a number of 1..8"},
    {ST "lethal=stack_few(STK.0) does=nop",
     "lethal: stack_few takes a number of 1..8"},
    {ST "lethal=stack_few(#8) does=nop", NULL},
    {ST "lethal=calls_full(#1) does=nop",
     "lethal: calls_full takes 0 arguments"},
    {ST "lethal=calls_empty does=nop",
     "the head has no number for lethal calls_empty"},
    {ST "lethal=mul_overflow(#1) does=nop",
     "lethal: mul_overflow takes 2 arguments"},
    {ST "lethal=always(#1) does=nop", "lethal: always takes 0 arguments"},
    {ST "lethal=zero does=nop", "lethal: zero takes 1 arguments"},
    {ST "lethal=zero(t0) does=mov t0 #1",
     "lethal: t0 is read before it is written"},
    {ST "lethal=zero(R) does=nop",
     "lethal: a whole file stands where a cell is read"},
    {ST "lethal=zero(Q) does=nop",
     "reads: Q is missing, the template reads it"},
    {ST "lethal=before_memory(V.1) does=nop",
     "reads: V[1] is missing, the template reads it"},
    {"row 9 X len=1 lethal=zero(STK.1) does=nop",
     "reads: STK is missing, the template reads it"},
  };

  CHECK_ROWS(lines);
  refused("fluxisa 1\ndialect x\ntruncated 1\nunknown 2\nguard 3 stack_few\n"
          "row 0 X len=1 lethal=stack_few(#1) does=nop\n",
          "t:6: row X: lethal: the dialect has no stack");
  refused("fluxisa 1\ndialect x\nstack S 2 up\ntruncated 1\nunknown 2\n"
          "lethal 1000 calls_full\n"
          "row 0 X len=1 lethal=calls_full does=nop\n",
          "t:7: row X: lethal: the dialect has no stack of links");
}

/* Dialects with one of the two stacks. */
static void one_stack(void) {
#define LONE "fluxisa 1\ndialect x\ntruncated 1\nunknown 2\n" \
  "lethal 1000 calls_full\nlethal 1001 negative_target\n"
  static const char call[] =
    LONE "calls LNK 4\nrow 0 A len=2 ops=imm8s flow=call_rel link=2 "
    "writes=LNK lethal=calls_full does=call\n"
    "row 1 B len=1 flow=ret reads=LNK does=ret\n";
  struct fisa_dialect *d = accepted(call);

  UNIT_TRUE(d && d->stack_file == 0xFFFF && fisa_links_apart(d), "links");
  fisa_dialect_free(d);
  refused(LONE "calls LNK 4\nrow 0 A len=1 reads=LNK does=drop #1\n",
          "t:8: row A: does: drop in a dialect without a stack");
  refused(LONE "calls LNK 4\nrow 0 A len=1 reads=LNK does=popz t0\n",
          "t:8: row A: does: popz in a dialect without a stack");
  refused(LONE "calls LNK 4\nrow 0 A len=1 reads=LNK does=fold #1 #1\n",
          "t:8: row A: does: fold in a dialect without a stack");
  refused(LONE "row 0 A len=1 flow=ret does=ret\n",
          "t:7: row A: does: ret in a dialect without a stack");
}

/* ---- rows: what the lists say ------------------------------------------- */

static void lists(void) {
  static const struct line lines[] = {
    {"row 9 X len=2 ops=imm8u reads=MEM.heap writes=P "
     "does=load32 P #imm8u #0", NULL},
    {"row 9 X len=2 ops=imm8u reads=MEM.else writes=P "
     "does=load32 P #imm8u #0",
     "reads: MEM is missing, the template reads it"},
    {"row 9 X len=2 ops=imm8u writes=MEM.stack does=store32 #1 #imm8u #0",
     NULL},
    {"row 9 X len=2 ops=imm8u writes=MEM.heap does=store32 #1 #imm8u #0",
     "pure: store32 is not pure"},
    {"row 9 X len=2 ops=imm8u writes=MEM.heap pure=no "
     "does=store32 #1 #imm8u #0", NULL},
    {"row 9 X len=1 flow=trap writes=ERR pure=no does=trap #2", NULL},
    {"row 9 X len=1 flow=trap writes=ER pure=no does=trap #2",
     "writes: FAULT is missing, the template writes it"},
    {"row 9 X len=2 ops=imm8u writes=P pure=no roles=sense "
     "does=input P #imm8u", NULL},
    {"row 9 X len=2 ops=imm8u writes=P pure=no does=input P #imm8u",
     "reads: HOST is missing, the template reads it"},
    {"row 9 X len=2 ops=imm8u pure=no roles=act does=emit #imm8u #0 #0 #1",
     NULL},
    {"row 9 X len=2 ops=imm8u pure=no roles=sense "
     "does=emit #imm8u #0 #0 #1",
     "writes: HOST is missing, the template writes it"},
    {"row 9 X len=1 writes=P does=mov P CSP",
     "reads: CSP is missing, the template reads it"},
  };

  CHECK_ROWS(lines);
}

/* What is kept of rows. */
static void rows_kept(void) {
  char *text = with("guard 5 zero", "row 9 X len=8 ops=rd,imm8u,imm8u2,"
                    "imm32le_s reads=R[rd];V[rd];STK writes=R[rd];V[rd];STK "
                    "lethal=stack_few(#2);zero(STK.1) does=add R[rd] V[rd]+3 "
                    "STK.2 ; sub R[rd] #imm8u #imm8u2 ; fold R[rd] #2\n"
                    "row 10 Y len=3 ops=imm16le_s flow=jump_rel base=insn "
                    "opaque\n");
  struct fisa_dialect *d = accepted(text);
  const struct fisa_row *x;

  free(text);
  if (!d)
    return;
  x = &d->rows[9];
  UNIT_EQ(x->guard_count, 2);
  UNIT_EQ(x->guards[0].lethal, FLUX_LETHAL_STACK_FEW);
  UNIT_EQ(x->guards[0].a.value, 2);
  UNIT_EQ(x->guards[1].a.kind, FISA_REF_STACK);
  UNIT_EQ(x->guards[1].a.value, 1);
  UNIT_EQ(x->steps[0].a.kind, FISA_REF_REG);
  UNIT_EQ(x->steps[0].a.value, 3);
  UNIT_EQ(x->steps[0].b.kind, FISA_REF_STACK);
  UNIT_EQ(x->steps[0].b.file, d->stack_file);
  UNIT_EQ(x->operands[2].offset, 3);
  UNIT_EQ(x->operands[3].kind, FISA_OPERAND_IMM32S);
  UNIT_TRUE(x->operands[3].offset == 4 && x->operands[3].width == 4 &&
            x->operands[3].lo == INT32_MIN && x->operands[3].hi == INT32_MAX,
            "a number of four bytes");
  x = &d->rows[10];
  UNIT_TRUE(x->base_insn && !x->base_end && x->target == 0, "counts");
  fisa_dialect_free(d);
}

/* ---- payloads ----------------------------------------------------------- */

struct chain {
  uint32_t links, stop;
  int32_t arg[3][3];
  unsigned argc[3];
  int32_t last[3];
};

static int link_in(const int32_t *arg, unsigned argc, void *user) {
  struct chain *c = user;

  for (unsigned i = 0; i < argc; i++) {
    c->last[i] = arg[i];
    if (c->links < 3)
      c->arg[c->links][i] = arg[i];
  }
  if (c->links < 3)
    c->argc[c->links] = argc;
  return ++c->links == c->stop ? 7 : 0;
}

static void payload_chains(void) {
  static const struct {
    uint32_t size, links;
  } cases[] = {{0, 1}, {1, 2}, {11, 2}, {12, 2}, {13, 3}, {24, 3}, {25, 4},
               {65535, 1 + 5462}};
  static uint8_t bytes[65535];

  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (uint8_t)(i + 1);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct chain c = {0};

    UNIT_EQ(fisa_payload_outputs(bytes, cases[i].size, link_in, &c), 0);
    UNIT_EQ(c.links, cases[i].links);
    UNIT_EQ(c.argc[0], 1);
    UNIT_EQ(c.arg[0][0], cases[i].size);
    if (cases[i].size == 1)
      UNIT_TRUE(c.arg[1][0] == 1 && c.arg[1][1] == 0 && c.arg[1][2] == 0,
                "padded");
    if (cases[i].size == 12)
      UNIT_TRUE(c.argc[1] == 3 && c.arg[1][0] == 0x04030201 &&
                c.arg[1][1] == 0x08070605 && c.arg[1][2] == 0x0C0B0A09,
                "little-endian");
    if (cases[i].size == 13)
      UNIT_TRUE(c.arg[2][0] == 0x0D && c.arg[2][1] == 0, "the rest");
    if (cases[i].size == 65535) /* three bytes are left over */
      UNIT_EQ(c.last[0], 0x00FFFEFD);
  }
}

static void payload_stops(void) {
  static const uint8_t bytes[40];

  for (uint32_t stop = 1; stop <= 5; stop++) {
    struct chain c = {.stop = stop};
    UNIT_EQ(fisa_payload_outputs(bytes, 40, link_in, &c), 7);
    UNIT_EQ(c.links, stop);
  }
}

static void payload_channels(void) {
  char *text = with("", "row 9 X len=len16@1 ops=payload pure=no writes=HOST "
                    "does=emit_payload\n"
                    "row 10 Y len=1 pure=no writes=HOST "
                    "does=emit #1 #0 #0 #1");
  struct fisa_dialect *d = accepted(text);

  free(text);
  if (!d)
    return;
  UNIT_TRUE(fisa_channel_payload(d, d->rows[9].channel), "X");
  UNIT_TRUE(!fisa_channel_payload(d, d->rows[10].channel), "Y");
  UNIT_TRUE(!fisa_channel_payload(d, 77), "no channel");
  fisa_dialect_free(d);
}

/* ---- damage ------------------------------------------------------------- */

static const char rich[] =
  "guard 4 zero\n"
  "lethal 1006 add_overflow odd\n"
  "lethal 1006 always odd\n"
  "start R 3 -9\n"
  "key p P u32\n"
  "key v V hex";
static const char rich_rows[] =
  "row 1 A len=6 ops=rd,imm32le_s reads=R[rd];STK writes=R[rd];STK;Z "
  "lethal=stack_few(#2);add_overflow(STK.1,STK.0);zero(R[rd]) "
  "does=add t0 STK.1 STK.0 ; ltu Z t0 #imm32le_s ; fold t0 #2\n"
  "row 2 B len=3 ops=rd,rs1 reads=V[rs1] writes=V[rd] "
  "does=mulsar V[rd]+1 V[rs1]+3 #9 #8\n"
  "row 3 C len=3 ops=imm16le_s flow=call_rel base=end link=3 writes=LNK "
  "lethal=calls_full does=call\n"
  "row 4 D len=1 flow=ret reads=LNK does=ret\n"
  "row 5 E len=3 ops=imm16le_s flow=cond_rel reads=STK "
  "does=mov t0 STK.0 ; drop #1 ; br_eqz t0\n"
  "row 6 F len=len16@1 ops=payload writes=HOST pure=no does=emit_payload\n"
  "row 7 G len=3 ops=imm16le_s flow=call_rel base=insn opaque\n"
  "row 8 H len=2 ops=rd reads=R[rd] writes=LNK flow=indirect link=2 "
  "lethal=calls_full does=call\n"
  "row 9 I len=2 ops=rd reads=R[rd];MEM writes=R[rd] "
  "does=gt t0 R[rd] #8 ; check t0 #5 ; bload32 R[rd] R[rd] #4 #512";

static bool survives(const char *text, size_t length) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  int rc = fisa_dialect_parse(text, length, "damaged", &d, &err);
  bool ok = rc == 0 ? d && dialect_sound(d)
                    : !d && strncmp(err.text, "damaged:", 8) == 0;

  if (!ok)
    printf("\n    rc %d, %s\n%.*s\n", rc, err.text, (int)length, text);
  fisa_dialect_free(d);
  return ok;
}

static uint32_t draw(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* Pieces of the form, put in or laid over, anywhere. */
static void damaged(void) {
  static const char *const pieces[] = {
    " width 2", " checked", "STK.1", "V[rd]+2", "+3", "#0", "#9", "index ",
    "base=insn", "LNK", "TOP", "CSP", "hex", "u32", " ; drop #1", "popz t0",
    "fold t0 #2", "stack_few(#1)", "calls_empty", "zero(P)", "opaque", "\n",
    "imm8u2", "check t0 #1", "emit_payload", "flow=indirect", "link=1"
  };
  unsigned long rounds = unit_scale(20000);
  char *text = with(rich, rich_rows);
  size_t length = strlen(text);
  char *copy = malloc(length + 64);
  uint32_t state = 0x2545F491;

  if (!copy)
    abort();
  UNIT_TRUE(survives(text, length), "whole");
  for (unsigned long r = 0; r < rounds; r++) {
    const char *piece = pieces[draw(&state) %
                               (sizeof pieces / sizeof pieces[0])];
    size_t at = draw(&state) % length, n = strlen(piece);
    size_t skip = draw(&state) % 2 ? n : 0;

    if (skip > length - at)
      skip = length - at;
    memcpy(copy, text, at);
    memcpy(copy + at, piece, n);
    memcpy(copy + at + n, text + at + skip, length - at - skip);
    if (!UNIT_TRUE(survives(copy, length + n - skip), "round %lu", r))
      break;
  }
  free(copy);
  free(text);
}

static const struct unit_test tests[] = {
  {"head", "files", files},
  {"head", "stacks", stacks},
  {"head", "stack lines", stack_lines},
  {"head", "starts", starts},
  {"head", "many starts", many_starts},
  {"head", "keys", keys},
  {"head", "many keys", many_keys},
  {"head", "faults", fault_lines},
  {"head", "implied", implied_lines},
  {"head", "kept", heads_kept},
  {"rows", "operands", operands},
  {"rows", "flows", flows},
  {"rows", "conditions", conditions},
  {"rows", "references", references},
  {"rows", "whole files", whole_files},
  {"rows", "last operands", last_operands},
  {"rows", "truths", truths},
  {"rows", "soft ops", soft_ops},
  {"rows", "room", room},
  {"rows", "live cells", live_cells},
  {"rows", "guards", guards},
  {"rows", "one stack", one_stack},
  {"rows", "lists", lists},
  {"rows", "kept", rows_kept},
  {"payloads", "chains", payload_chains},
  {"payloads", "stops", payload_stops},
  {"payloads", "channels", payload_channels},
  {"damage", "pieces", damaged},
};
UNIT_MAIN(tests)
