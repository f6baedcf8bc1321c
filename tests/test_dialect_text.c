/*
 * test_dialect_text.c - the dialect loader against texts that are wrong,
 * hostile or damaged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/unified_gen.h"
#include "tests/dialect_help.h"
#include "tests/unit.h"

/* ---- hostile texts ------------------------------------------------------ */

/* A small dialect that loads; the cases below spoil it in one place. */
static const char mini[] =
  "fluxisa 1\n"
  "dialect mini\n"
  "mem 1024\n"
  "file R i32 64 zero\n"
  "file F f32 8\n"
  "flag Z\n"
  "cell T i32 init 3 tick\n"
  "stack S 4 up\n"
  "fuel 100\n"
  "fault 1 short\n"
  "truncated 1\n"
  "unknown 2\n"
  "lethal 1000 div_overflow\n"
  "lethal 1001 stack_full\n"
  "lethal 1002 stack_empty\n"
  "lethal 1003 negative_target\n"
  "lethal 1004 register_range\n"
  "undefined 0x80..0xFF len 2\n"
  "row 0x00 HALT len=1 flow=halt writes=HALT roles=halt pure=no does=halt\n"
  "row 0x01 NOP len=1 roles=nop does=nop\n"
  "row 0x02 A len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd]"
  " does=add R[rd] R[rd] R[rs1]\n"
  "# more\n";

/* `mini` with the first `old` replaced; to be freed. */
static char *spoiled(const char *old, const char *new_text) {
  const char *at = strstr(mini, old);
  size_t size = sizeof mini + strlen(new_text);
  char *text = malloc(size);

  if (!UNIT_TRUE(at != NULL, "mini has no \"%s\"", old) || !text)
    abort();
  snprintf(text, size, "%.*s%s%s", (int)(at - mini), mini, new_text,
           at + strlen(old));
  return text;
}

static void refuse(const char *text, size_t length, const char *want) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  int rc = fisa_dialect_parse(text, length, "mini", &d, &err);

  UNIT_TRUE(rc == -1, "accepted, wanted: %s", want);
  UNIT_TRUE(d == NULL || rc == 0, "out was touched: %s", want);
  UNIT_TRUE(strcmp(err.text, want) == 0, "\"%s\", wanted \"%s\"", err.text,
            want);
  fisa_dialect_free(d);
}

struct spoil {
  const char *old, *new_text, *want;
};

static void refuse_all(const struct spoil *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char *text = spoiled(cases[i].old, cases[i].new_text);

    refuse(text, strlen(text), cases[i].want);
    free(text);
  }
}

#define REFUSE_ALL(cases) refuse_all(cases, sizeof cases / sizeof cases[0])

static void accepts_mini(void) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  UNIT_EQ(fisa_dialect_parse(mini, sizeof mini - 1, "mini", &d, &err), 0);
  if (!UNIT_TRUE(d, "%s", err.text))
    return;
  UNIT_TRUE(dialect_sound(d), "mini is sound");
  UNIT_EQ(d->files[3].init, 3);
  UNIT_EQ(d->files[4].init, 0);
  UNIT_TRUE(!d->files[5].down, "up");
  UNIT_EQ(d->fuel, 100);
  UNIT_EQ(d->rows[0x7F].check, 1);
  UNIT_EQ(d->rows[0x80].check, 2);
  UNIT_STR_EQ(fisa_fault_name(d, 0), "");
  UNIT_STR_EQ(fisa_fault_name(d, 1), "short");
  UNIT_STR_EQ(fisa_fault_name(d, 2), "fault_2");
  UNIT_STR_EQ(fisa_fault_name(d, 1001), "stack_full");
  UNIT_EQ(fisa_file_by_name(d, "sp", 2), 4);
  UNIT_EQ(fisa_file_by_name(d, "RR", 2), -1);
  UNIT_TRUE(fisa_row_by_name(d, "haltX", 4) == &d->rows[0], "prefix");
  UNIT_TRUE(fisa_row_by_name(d, "HAL", 3) == NULL, "no prefix");
  fisa_dialect_free(d);
}

static const struct spoil bad_heads_cases[] = {
  {"fluxisa 1\n", "", "mini:1: the text does not start with \"fluxisa 1\""},
  {"fluxisa 1\n", "fluxisa 2\n", "mini:1: the form is not version 1"},
  {"fluxisa 1\n", "fluxisa 1 2\n", "mini:1: the form is not version 1"},
  {"# more", "fluxisa 1", "mini:22: fluxisa stands behind a row"},
  {"mem 1024\n", "fluxisa 1\n",
   "mini:3: fluxisa stands in the first line alone"},
  {"dialect mini\n", "", "mini:21: the text has no dialect"},
  {"truncated 1\n", "", "mini:21: the text has no truncated"},
  {"unknown 2\n", "", "mini:21: the text has no unknown"},
  {"dialect mini", "dialect", "mini:2: a name is missing"},
  {"dialect mini", "dialect 1mini", "mini:2: \"1mini\" is no name"},
  {"dialect mini", "dialect a b", "mini:2: \"b\" is too much"},
  {"dialect mini", "dialect abcdefghijklmnopqrstuvwx",
   "mini:2: the name \"abcdefghijklmnopqrstuvwx\" is longer than 23 "
   "characters"},
  {"mem 1024", "dialect mini", "mini:3: a second dialect"},
  {"mem 1024", "memory 1024", "mini:3: \"memory\" is no statement"},
  {"mem 1024", "mem 1000",
   "mini:3: 1000 bytes of memory: not 0, and no power of two from 256"},
  {"mem 1024", "mem 16",
   "mini:3: 16 bytes of memory: not 0, and no power of two from 256"},
  {"mem 1024", "mem 33554432",
   "mini:3: 33554432 is not within 0..16777216"},
  {"mem 1024", "mem", "mini:3: a number is missing"},
  {"mem 1024", "mem 0x", "mini:3: \"0x\" is not a number"},
  {"mem 1024", "mem 99999999999999999999",
   "mini:3: 99999999999999999999 is out of range"},
  {"fuel 100", "fuel 0", "mini:9: 0 is not within 1..1099511627776"},
  {"fuel 100", "fuel 1\nfuel 2", "mini:10: a second fuel"},
  {"fault 1 short", "fault 1000 long",
   "mini:10: 1000 is not within 1..999"},
  {"fault 1 short", "fault 1 a\nfault 1 b",
   "mini:11: fault 1 or the name b is there already"},
  {"fault 1 short", "fault 1 a\nfault 2 A",
   "mini:11: fault 2 or the name A is there already"},
  {"lethal 1000 div", "lethal 999 div",
   "mini:13: 999 is not within 1000..32767"},
  {"lethal 1000 div_overflow", "lethal 1000 nothing",
   "mini:13: \"nothing\" is no lethal predicate"},
  {"lethal 1001", "lethal 1000",
   "mini:14: lethal 1000 or the name stack_full is there already"},
  {"lethal 1001 stack_full", "lethal 1009 div_overflow",
   "mini:14: lethal div_overflow is there already"},
};

static void refuses_heads(void) {
  REFUSE_ALL(bad_heads_cases);
}

static const struct spoil bad_states_cases[] = {
  {"file R i32 64 zero", "file R i32 0 zero",
   "mini:4: 0 is not within 1..256"},
  {"file R i32 64", "file R i32 65",
   "mini:4: 65 registers are not a power of two"},
  {"file R i32 64", "file R i64 64",
   "mini:4: \"i64\" is no cell type; i32 or f32"},
  {"64 zero", "64 null",
   "mini:4: \"null\" is out of place; zero, checked or width N"},
  {"64 zero", "64 zero zero",
   "mini:4: \"zero\" is out of place; zero, checked or width N"},
  {"file F", "file r",
   "mini:5: the name r is used twice in the state list"},
  {"file F", "file MEM", "mini:5: the name MEM is reserved"},
  {"file F", "file t3", "mini:5: the name t3 is reserved"},
  {"flag Z", "flag Z 1", "mini:6: \"1\" is too much"},
  {"cell T", "cell SP",
   "mini:8: the name SP is used twice in the state list"},
  {"init 3 tick", "init 3 init 4", "mini:7: \"init\" is out of place"},
  {"init 3 tick", "tick tick", "mini:7: \"tick\" is out of place"},
  {"init 3 tick", "init x", "mini:7: \"x\" is not a number"},
  {"cell T i32", "cell T f32", "mini:7: \"tick\" is out of place"},
  {"stack S 4 up", "stack S 4 left",
   "mini:8: a stack grows up or down, not \"left\""},
  {"stack S 4", "stack S 0", "mini:8: 0 is not within 1..4096"},
  {"stack S 4", "stack S 4096",
   "mini:8: the state has more than 4096 cells"},
  {"stack S 4 up", "stack S 4 up\nstack Q 4 up", "mini:9: a second stack"},
  {"file F f32 8", "file F f32 256\nfile G f32 256",
   "mini:6: cells other than the stack's lie beyond cell 512"},
  {"flag Z", "flag a\nflag b\nflag c\nflag d\nflag e\nflag f1\nflag g\n"
   "flag h\nflag i\nflag j\nflag k\nflag l\nflag m\nflag n\nflag o",
   "mini:20: the state list has more than 16 entries"},
  {"# more", "flag Y", "mini:22: flag stands behind a row"},
};

static void refuses_states(void) {
  REFUSE_ALL(bad_states_cases);
}

static const struct spoil bad_rows_cases[] = {
  {"# more", "row 256 X len=1 does=nop",
   "mini:22: row X: opcode 256 does not fit in a byte"},
  {"# more", "row 1 X len=1 does=nop",
   "mini:22: row X: opcode 0x01 has a row or a length already"},
  {"# more", "row 0x80 X len=1 does=nop",
   "mini:22: row X: opcode 0x80 has a row or a length already"},
  {"# more", "undefined 0..3 len 1",
   "mini:22: opcode 0x00 has a row or a length already"},
  {"# more", "undefined 9..8 len 1", "mini:22: 8 is not within 9..255"},
  {"# more", "undefined 9 len 1",
   "mini:22: a range is written LO..HI"},
  {"# more", "undefined 9..9 size 1", "mini:22: \"len\" is missing"},
  {"# more", "row 9 nop len=1 does=nop",
   "mini:22: row nop: there is a row of this name already"},
  {"# more", "row 9 X does=nop",
   "mini:22: row X: the field len is missing"},
  {"# more", "row 9 X len=1 len=1 does=nop",
   "mini:22: row X: the field len stands there twice"},
  {"# more", "row 9 X len=1 size=1 does=nop",
   "mini:22: row X: \"size\" is no field"},
  {"# more", "row 9 X len=1 keep=1 does=nop",
   "mini:22: row X: the field keep takes no value"},
  {"# more", "row 9 X len=1 roles does=nop",
   "mini:22: row X: the field roles has no value"},
  {"# more", "row 9 X len=1 roles= does=nop",
   "mini:22: row X: the field roles is empty"},
  {"# more", "row 9 X len=2 ops=rd, does=nop",
   "mini:22: row X: the field ops ends in a separator"},
  {"# more", "row 9 X len=1",
   "mini:22: row X: the fields does and opaque are both missing"},
  {"# more", "row 9 X len=1 opaque does=nop",
   "mini:22: row X: the fields does and opaque exclude each other"},
  {"# more", "row 9 X len=9 does=nop",
   "mini:22: row X: len: 9 is not within 1..8"},
  {"# more", "row 9 X len=1 check=0 does=nop",
   "mini:22: row X: check: 0 is not within 1..8"},
  {"# more", "row 9 X len=3 ops=rd does=nop",
   "mini:22: row X: ops: opcode and operands have 2 bytes, len is 3"},
  {"# more", "row 9 X len=2 ops=rx does=nop",
   "mini:22: row X: ops: \"rx\" is no operand"},
  {"# more", "row 9 X len=3 ops=rd,rd does=nop",
   "mini:22: row X: ops: the operand rd stands there twice"},
  {"# more", "row 9 X len=8 ops=unused,unused,unused,unused,unused,unused,"
   "unused does=nop", "mini:22: row X: ops: more than 6 operands"},
  {"# more", "row 9 X len=3 ops=payload does=nop",
   "mini:22: row X: ops: a payload needs the length len16@1"},
  {"# more", "row 9 X len=len16@1 ops=rd opaque",
   "mini:22: row X: ops: a row of length len16@1 has ops=payload"},
  {"# more", "row 9 X len=1 flow=up does=nop",
   "mini:22: row X: flow: \"up\" is unknown"},
  {"# more", "row 9 X len=1 roles=king does=nop",
   "mini:22: row X: roles: \"king\" is unknown"},
  {"# more", "row 9 X len=1 roles=time;time does=nop",
   "mini:22: row X: roles: \"time\" is out of place"},
  {"# more", "row 9 X len=1 roles=none;time does=nop",
   "mini:22: row X: roles: \"time\" is out of place"},
  {"# more", "row 9 X len=1 roles=decay does=nop", "mini:22: row X: roles: "
   "a role to sense, act, decay or compare without an operand"},
  {"# more", "row 9 X len=1 roles=halt does=nop",
   "mini:22: row X: roles: role halt without flow=halt"},
  {"# more", "row 9 X len=1 roles=nop opaque",
   "mini:22: row X: roles: role nop without does=nop"},
  {"# more", "row 9 X len=1 cycles=0 does=nop",
   "mini:22: row X: cycles: 0 is not within 1..65535"},
  {"# more", "row 9 X len=1 cost=65536 does=nop",
   "mini:22: row X: cost: 65536 is not within 0..65535"},
  {"# more", "row 9 X len=1 sensitive=skin does=nop",
   "mini:22: row X: sensitive: \"skin\" is unknown"},
  {"# more", "row 9 X len=1 pure=maybe does=nop",
   "mini:22: row X: pure: \"maybe\" is unknown"},
  {"# more", "row 9 X len=1 base=end does=nop",
   "mini:22: row X: base: only relative flow has a base"},
  {"# more", "row 9 X len=1 link=1 does=nop",
   "mini:22: row X: link: only a call has a link"},
  {"# more", "row 9 X len=1 bias=1 does=nop",
   "mini:22: row X: bias: only a return has a bias"},
  {"# more", "row 9 X len=1 filler=1 does=nop",
   "mini:22: row X: filler: only a call has filler"},
  {"# more", "row 9 X len=1 source=S does=nop",
   "mini:22: row X: source: the row takes nothing from outside"},
  {"# more", "row 9 X len=1 reads=a;;b does=nop",
   "mini:22: row X: reads: an empty name"},
  {"# more", "row 9 X len=1 reads=a%b does=nop",
   "mini:22: row X: reads: \"a%b\" is no list of names"},
};

static void refuses_rows(void) {
  REFUSE_ALL(bad_rows_cases);
}

#define X3 "row 9 X len=3 ops=rd,imm8u reads=R[rd] writes=R[rd] "

static const struct spoil bad_templates_cases[] = {
  {"# more", X3 "does=bad R[rd]",
   "mini:22: row X: does: \"bad\" is no semantic op"},
  {"# more", X3 "does=nop ; ; nop", "mini:22: row X: does: an empty step"},
  {"# more", X3 "does=nop;nop;nop;nop;nop;nop;nop;nop;nop",
   "mini:22: row X: does: more than 8 ops"},
  {"# more", X3 "does=add R[rd] R[rd]",
   "mini:22: row X: does: add has 3 operands, not 2"},
  {"# more", X3 "does=add R[rd] R[rd] #1 #2",
   "mini:22: row X: does: add has too many operands: \"#2\""},
  {"# more", X3 "does=add R[rd] R[rs1] #1",
   "mini:22: row X: does: the row has no operand rs1"},
  {"# more", X3 "does=add R[rd] R[imm8u] #1",
   "mini:22: row X: does: imm8u is no register byte"},
  {"# more", X3 "does=add R[rd] R[rd] #rd",
   "mini:22: row X: does: rd is no immediate operand"},
  {"# more", X3 "does=add R[rd] R[rd] #raw:imm8u",
   "mini:22: row X: does: imm8u is no register byte"},
  {"# more", X3 "does=add Q[rd] R[rd] #1",
   "mini:22: row X: does: \"Q\" is not in the state list"},
  {"# more", X3 "does=add Z[rd] R[rd] #1",
   "mini:22: row X: does: Z is no register file"},
  {"# more", X3 "does=add R[rd R[rd] #1",
   "mini:22: row X: does: \"R[rd\" is no operand of an op"},
  {"# more", X3 "does=mov R[rd] R.64",
   "mini:22: row X: does: 64 is not within 0..63"},
  {"# more", X3 "does=mov R[rd] #4294967296",
   "mini:22: row X: does: 4294967296 is not within "
   "-2147483648..4294967295"},
  {"# more", X3 "does=mov #1 R[rd]",
   "mini:22: row X: does: mov writes to something that is no cell"},
  {"# more", X3 "does=mov R[rd] R",
   "mini:22: row X: does: a whole file stands where a cell is read"},
  {"# more", X3 "does=mov R[rd] S",
   "mini:22: row X: does: S is reached by push and pop only"},
  {"# more", X3 "does=mov R[rd] t0",
   "mini:22: row X: does: t0 is read before it is written"},
  {"# more", X3 "does=add t0 t0 #1",
   "mini:22: row X: does: t0 is read before it is written"},
  {"# more", X3 "does=mov SP R[rd]",
   "mini:22: row X: does: SP is written by push and pop only"},
  {"# more", X3 "does=mov Z R[rd]",
   "mini:22: row X: does: mov gives no 0 or 1 for the flag Z"},
  {"# more", X3 "does=mov R![rd] #0",
   "mini:22: row X: does: an unmasked register needs the guard "
   "register_range(#raw:rd)"},
  {"# more", X3 "does=file_zero Z",
   "mini:22: row X: does: file_zero works on a register file"},
  {"# more", X3 "does=file_zero F",
   "mini:22: row X: does: reads or writes have no F[...] for file_zero"},
  {"# more", X3 "does=converge R #imm8u",
   "mini:22: row X: does: converge takes #raw: and a file of groups of 8"},
  {"# more", "row 9 X len=2 ops=rd reads=F[rd] writes=F[rd] "
   "does=diffuse F F[rd] #raw:rd #3", "mini:22: row X: does: "
   "diffuse takes #raw: and a file of 64 registers"},
  {"# more", X3 "does=div R[rd] R[rd] #2 #imm8u",
   "mini:22: row X: does: the last operand of div is a constant"},
  {"# more", X3 "does=muldiv R[rd] R[rd] #2 #0",
   "mini:22: row X: does: the last operand of muldiv, 0, is not within "
   "1..2147483647"},
  {"# more", X3 "does=fscale R[rd] R[rd] #0x40000000",
   "mini:22: row X: does: the last operand of fscale, 1073741824, is not "
   "within 0..1065353216"},
  {"# more", X3 "does=load8 R[rd] R[rd] #0 R[rd]",
   "mini:22: row X: does: the last operand of load8 is a #value"},
  {"# more", X3 "does=msum R[rd] R[rd] #65536",
   "mini:22: row X: does: the last operand of msum, 65536, is not within "
   "0..65535"},
  {"# more", X3 "does=emit R[rd] #0 #0 #4", "mini:22: row X: pure: "
   "emit is not pure"},
  {"# more", X3 "pure=no does=emit R[rd] #0 #0 #4", "mini:22: row X: does: "
   "the last operand of emit, 4, is not within 0..3"},
  {"# more", X3 "does=push R[rd]",
   "mini:22: row X: does: push needs the guard stack_full"},
  {"# more", X3 "lethal=stack_full does=push R[rd] ; push R[rd]",
   "mini:22: row X: reads: SP is missing, the template reads it"},
  {"# more", "row 9 X len=1 reads=SP writes=S;SP lethal=stack_full "
   "does=push #1 ; push #2",
   "mini:22: row X: does: push needs the guard stack_full"},
  {"# more", X3 "does=pop R[rd]",
   "mini:22: row X: does: pop needs the guard stack_empty"},
  {"stack S 4 up\n", "row 9 X len=1 flow=ret reads=S;SP writes=SP does=ret"
   "\n", "mini:8: row X: does: ret in a dialect without a stack"},
  {"mem 1024\n", "row 9 X len=1 writes=MEM pure=no does=store8 #0 #0 #0\n",
   "mini:3: row X: does: store8 in a dialect without memory"},
};

static void refuses_templates(void) {
  REFUSE_ALL(bad_templates_cases);
}

static const struct spoil bad_undeclared_cases[] = {
  {"reads=R[rd];R[rs1]", "reads=R[rs1]", "mini:21: row A: reads: R[rd] is "
   "missing, the template reads it"},
  {" writes=R[rd] does=add", " does=add", "mini:21: row A: writes: R[rd] "
   "is missing, the template writes it"},
  {"writes=HALT roles", "roles", "mini:19: row HALT: writes: HALT is "
   "missing, the template writes it"},
  {"# more", X3 "does=eq Z R[rd] #0", "mini:22: row X: writes: Z is "
   "missing, the template writes it"},
  {"# more", X3 "does=mov R[rd] T", "mini:22: row X: reads: T is "
   "missing, the template reads it"},
  {"# more", X3 "does=mov R[rd] R.7", "mini:22: row X: reads: R[7] is "
   "missing, the template reads it"},
  {"# more", X3 "does=load8 R[rd] R[rd] #0", "mini:22: row X: reads: MEM "
   "is missing, the template reads it"},
  {"# more", X3 "pure=no does=store8 R[rd] #0 #0", "mini:22: row X: "
   "writes: MEM is missing, the template writes it"},
  {"# more", X3 "pure=no does=input R[rd] #0", "mini:22: row X: reads: "
   "HOST is missing, the template reads it"},
  {"# more", X3 "pure=no does=emit R[rd] #0 #0 #1", "mini:22: row X: "
   "writes: HOST is missing, the template writes it"},
  {"# more", X3 "does=cycle R[rd]", "mini:22: row X: reads: CYC is "
   "missing, the template reads it"},
  {"# more", X3 "does=div R[rd] R[rd] #2 #2", "mini:22: row X: writes: "
   "FAULT is missing, the template writes it"},
  {"# more", X3 "lethal=stack_empty does=pop R[rd]", "mini:22: row X: "
   "reads: SP is missing, the template reads it"},
  {"# more", X3 "lethal=div_overflow(F[rd],#1) does=nop", "mini:22: row X: "
   "reads: F[rd] is missing, the template reads it"},
};

static void refuses_undeclared(void) {
  REFUSE_ALL(bad_undeclared_cases);
}

static const struct spoil bad_flows_cases[] = {
  {"# more", "row 9 X len=1 flow=ret does=nop",
   "mini:22: row X: does: nop does not fit the field flow"},
  {"# more", "row 9 X len=1 does=jump",
   "mini:22: row X: does: jump does not fit the field flow"},
  {"# more", "row 9 X len=1 writes=HALT pure=no does=halt ; nop",
   "mini:22: row X: does: halt is not the last op"},
  {"# more", "row 9 X len=1 flow=jump_rel does=jump",
   "mini:22: row X: flow: not one immediate operand is the target"},
  {"# more", "row 9 X len=3 ops=imm8u,imm8s flow=jump_rel does=jump",
   "mini:22: row X: flow: not one immediate operand is the target"},
  {"# more", "row 9 X len=1 flow=indirect does=jump",
   "mini:22: row X: flow: not one register operand is the target"},
  {"# more", "row 9 X len=2 ops=rd flow=indirect does=jump",
   "mini:22: row X: reads: no register file for the target in rd"},
  {"# more", "row 9 X len=2 ops=imm8u flow=call_abs reads=SP writes=S;SP "
   "lethal=stack_full does=call",
   "mini:22: row X: does: call needs the field link"},
  {"# more", "row 9 X len=2 ops=imm8s flow=jump_rel does=jump\n"
   "row 8 Y len=2 check=1 ops=rd does=nop",
   "mini:23: row Y: the head has no number for lethal past_code"},
  {"# more", "row 9 X len=1 opaque",
   "mini:22: row X: the head has no number for lethal opaque"},
  {"lethal 1003 negative_target\n", "row 9 X len=2 ops=imm8s flow=jump_rel"
   " does=jump\n", "mini:17: lethal stands behind a row"},
  {"# more", X3 "lethal=nothing does=nop",
   "mini:22: row X: lethal: \"nothing\" is no lethal predicate"},
  {"# more", X3 "lethal=opaque does=nop",
   "mini:22: row X: lethal: opaque is implied and not written"},
  {"# more", X3 "lethal=stack_full(#1) does=nop",
   "mini:22: row X: lethal: stack_full takes 0 arguments"},
  {"# more", X3 "lethal=div_overflow(#1) does=nop",
   "mini:22: row X: lethal: div_overflow takes 2 arguments"},
  {"# more", X3 "lethal=div_overflow(#1,#2 does=nop",
   "mini:22: row X: lethal: \"div_overflow(#1,#2\" is not closed"},
  {"# more", X3 "lethal=register_range(#1) does=nop",
   "mini:22: row X: lethal: register_range takes #raw:"},
  {"# more", X3 "lethal=stack_full;stack_full;stack_full;stack_full;"
   "stack_full;stack_full;stack_full;stack_full;stack_full does=nop",
   "mini:22: row X: lethal: more than 8 predicates"},
  {"# more", X3 "lethal=shift_range(R[rd]) does=nop",
   "mini:22: row X: the head has no number for lethal shift_range"},
};

static void refuses_flows(void) {
  REFUSE_ALL(bad_flows_cases);
}

static void refuses_bytes(void) {
  static char big[FISA_MAX_TEXT + 2];
  char *text = spoiled("# more", "# m\x01re");

  refuse(text, strlen(text), "mini:22: byte 0x01 is not text");
  free(text);
  text = spoiled("# more", "# m\xC3re");
  refuse(text, strlen(text), "mini:22: byte 0xC3 is not text");
  free(text);
  text = spoiled("# more", "# m\rre");
  refuse(text, strlen(text), "mini:22: byte 0x0D is not text");
  free(text);
  refuse(mini, sizeof mini, "mini:23: byte 0x00 is not text");
  refuse("", 0, "mini:1: the text is empty");
  refuse("# nothing", 9,
         "mini:1: the text does not start with \"fluxisa 1\"");
  memset(big, '\n', sizeof big);
  memcpy(big, mini, sizeof mini - 1);
  refuse(big, FISA_MAX_TEXT + 1,
         "mini:1: the text is longer than 4194304 bytes");
}

/* Lines may end in CR LF, and comments stand anywhere. */
static void accepts_variants(void) {
  static const char *const texts[] = {
    "# first\n\n fluxisa\t1 # here\r\ndialect x\r\ntruncated 1\r\n"
    "unknown 2\r\n\r\nrow 0 A len=1 does=nop # end\r\n#end\r\n",
    "fluxisa 1\ndialect x\ntruncated 1\nunknown 2\n"
    "row 0 A len=1 does = nop",
    "fluxisa 1\ndialect x\ntruncated 1\nunknown 2\nlethal 1000 opaque\n"
    "lethal 1001 past_code\nrow 0 A len=len16@1 ops=payload opaque",
    "fluxisa 1\ndialect x\ntruncated 1\nunknown 2\nlethal 1000 opaque\n"
    "lethal 1001 past_code\nrow 0 A len=len16@1 ops=payload keep "
    "sensitive=strip;link does=nop",
  };
  static const int want[] = {0, -1, 0, 0};

  for (size_t i = 0; i < 4; i++) {
    struct fisa_dialect *d = NULL;
    struct fisa_error err = {""};
    int rc = fisa_dialect_parse(texts[i], strlen(texts[i]), NULL, &d, &err);

    UNIT_TRUE(rc == want[i], "%zu: %s", i, err.text);
    UNIT_TRUE(!d || dialect_sound(d), "%zu: sound", i);
    if (i == 3 && d) {
      UNIT_TRUE(d->rows[0].payload && d->rows[0].keep, "payload");
      UNIT_EQ(d->rows[0].operands[0].offset, 1);
      UNIT_EQ(d->rows[0].sensitive, FISA_SENS_STRIP | FISA_SENS_LINK);
    }
    fisa_dialect_free(d);
  }
}

/* The examples that people will start from. */
static void accepts_docs(void) {
  static const unsigned rows[] = {6, 10};
  char *text = dialect_slurp("docs/dialects.md", NULL), *at = text;
  unsigned examples = 0;

  while (at && (at = strstr(at, "```\nfluxisa 1\n")) != NULL) {
    struct fisa_dialect *d = NULL;
    struct fisa_error err = {""};
    char *end = strstr(at + 4, "```\n");

    if (!UNIT_TRUE(end && examples < 2, "an example too many"))
      break;
    fisa_dialect_parse(at + 4, (size_t)(end - at) - 4, "docs", &d, &err);
    if (UNIT_TRUE(d, "%s", err.text))
      UNIT_EQ(d->row_count, rows[examples]);
    fisa_dialect_free(d);
    examples++;
    at = end + 4;
  }
  UNIT_EQ(examples, 2);
  free(text);
}

/* ---- hostile overlays --------------------------------------------------- */

#define BIND "bindings 1\ndialect unified\n"

static void refuses_overlays(void) {
  static const struct {
    const char *text, *want;
  } cases[] = {
    {"", "b:1: the text is empty"},
    {"binding 1\n", "b:1: the text does not start with \"bindings 1\""},
    {"bindings 2\n", "b:1: the form is not version 1"},
    {"bindings 1\nbind SYS keep\n", "b:2: the text has no dialect"},
    {"bindings 1\ndialect cis\n",
     "b:2: bindings of cis for the dialect unified"},
    {BIND "row 1 X len=1 does=nop\n", "b:3: \"row\" is no statement"},
    {BIND "bind NONE keep\n", "b:3: the dialect has no row \"NONE\""},
    {BIND "bind\n", "b:3: the dialect has no row \"\""},
    {BIND "bind SYS len=2\n",
     "b:3: row SYS: an overlay cannot change the field len"},
    {BIND "bind SYS ops=rd\n",
     "b:3: row SYS: an overlay cannot change the field ops"},
    {BIND "bind SYS keep\nbind sys keep\n",
     "b:4: row SYS: a second binding of this row"},
    {BIND "bind SYS pure=no does=emit #imm8u R.1 #0 #2\n",
     "b:3: row SYS: reads: R[1] is missing, the template reads it"},
    {BIND "bind HALT does=nop\n",
     "b:3: row HALT: does: nop does not fit the field flow"},
    {BIND "bind TELL keep\nbind ASK source=A\n",
     "b:4: row ASK: source: the row takes nothing from outside"},
  };
  struct fisa_dialect *d = dialect_unified(false);
  struct fisa_dialect *before = dialect_unified(false);

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_error err = {""};

    UNIT_EQ(fisa_dialect_bind(d, cases[i].text, strlen(cases[i].text), "b",
                              &err), -1);
    UNIT_STR_EQ(err.text, cases[i].want);
    UNIT_TRUE(memcmp(d, before, sizeof *d) == 0, "%zu: unchanged", i);
  }
  fisa_dialect_free(d);
  fisa_dialect_free(before);
}

/* Overlays go one over the other; opaque and does undo each other. */
static void stacks_overlays(void) {
  static const char first[] =
    BIND "bind ASK opaque\nbind DIV opaque\nbind FORK cycles=3\n"
    "bind RAND source=DICE\n";
  static const char second[] =
    BIND "bind ASK does=nop\nbind FORK cost=9\n";
  struct fisa_dialect *d = dialect_unified(false);
  struct fisa_error err = {""};
  uint8_t hash[32];

  UNIT_EQ(fisa_dialect_bind(d, first, sizeof first - 1, NULL, &err), 0);
  UNIT_TRUE(d->rows[UNI_ASK].opaque && d->rows[UNI_DIV].opaque, "opaque");
  UNIT_EQ(d->rows[UNI_DIV].guard_count, 0);
  UNIT_EQ(d->rows[UNI_FORK].cycles, 3);
  UNIT_EQ(d->rows[UNI_FORK].cost, 3);
  UNIT_STR_EQ(d->sources[d->rows[UNI_RAND].source], "DICE");
  UNIT_STR_EQ(d->sources[d->rows[UNI_RAND_RANGE].source], "RAND");
  memcpy(hash, d->hash, sizeof hash);
  UNIT_EQ(fisa_dialect_bind(d, second, sizeof second - 1, NULL, &err), 0);
  UNIT_TRUE(!d->rows[UNI_ASK].opaque, "no longer opaque");
  UNIT_EQ(d->rows[UNI_FORK].cycles, 3);
  UNIT_EQ(d->rows[UNI_FORK].cost, 9);
  UNIT_STR_EQ(d->sources[d->rows[UNI_RAND].source], "DICE");
  UNIT_TRUE(memcmp(hash, d->hash, sizeof hash) != 0, "the hash moves on");
  UNIT_TRUE(dialect_sound(d), "sound");
  fisa_dialect_free(d);
}

/* ---- damage to the real text -------------------------------------------- */

/* Loads a damaged text from a block of its exact size, so that a sanitizer
 * sees a read past it. Either refused with a sentence, or sound. */
static bool survives(const char *text, size_t length) {
  char *exact = malloc(length ? length : 1);
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  bool ok;
  int rc;

  if (!exact)
    return false;
  memcpy(exact, text, length);
  rc = fisa_dialect_parse(exact, length, "damaged", &d, &err);
  free(exact);
  if (rc == 0)
    ok = d && dialect_sound(d);
  else
    ok = rc == -1 && !d && strncmp(err.text, "damaged:", 8) == 0 &&
         strlen(err.text) > 12;
  if (!ok)
    printf("\n    %zu bytes: rc %d, %s\n", length, rc, err.text);
  fisa_dialect_free(d);
  return ok;
}

static void survives_truncation(void) {
  size_t length = 0;
  const char *text = fisa_builtin_text("unified.fluxisa", &length);

  for (size_t i = 0; i < length; i++)
    if (text[i] == '\n') {
      UNIT_TRUE(survives(text, i), "cut at byte %zu", i);
      UNIT_TRUE(survives(text, i + 1), "cut behind byte %zu", i);
      if (i > 9)
        UNIT_TRUE(survives(text, i - 9), "cut before byte %zu", i);
    }
}

/* xorshift: the same damage in every run. */
static uint32_t draw(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static void survives_flips(void) {
  unsigned long rounds = unit_scale(10000);
  size_t length = 0;
  const char *text = fisa_builtin_text("unified.fluxisa", &length);
  char *copy = malloc(length);
  uint32_t state = 0x2545F491;

  if (!copy)
    abort();
  for (unsigned long r = 0; r < rounds; r++) {
    unsigned flips = 1 + draw(&state) % 3;

    memcpy(copy, text, length);
    for (unsigned i = 0; i < flips; i++)
      copy[draw(&state) % length] ^= (char)(1u << draw(&state) % 7);
    if (!UNIT_TRUE(survives(copy, length), "round %lu", r))
      break;
  }
  free(copy);
}

/* Printable nonsense reaches further into the parser than flipped bits. */
static void survives_splices(void) {
  static const char *const pieces[] = {
    "=", ";", "#", "[", "]", ".", "!", "(", ")", ",", "does=", "R[rd]",
    "#raw:rd", "#next", " ; ", "t0", "\n", "row 0x4D X len=1 does=nop\n",
    "0x", "-", "len16@1", "opaque", "SP", "STK", "lethal="
  };
  unsigned long rounds = unit_scale(2000);
  size_t length = 0;
  const char *text = fisa_builtin_text("unified.fluxisa", &length);
  char *copy = malloc(length + 64);
  uint32_t state = 0x9E3779B9;

  if (!copy)
    abort();
  for (unsigned long r = 0; r < rounds; r++) {
    const char *piece = pieces[draw(&state) %
                               (sizeof pieces / sizeof pieces[0])];
    size_t at = draw(&state) % length;
    size_t n = strlen(piece);

    memcpy(copy, text, at);
    memcpy(copy + at, piece, n);
    memcpy(copy + at + n, text + at, length - at);
    if (!UNIT_TRUE(survives(copy, length + n), "round %lu", r))
      break;
  }
  free(copy);
}

static void survives_damaged_overlays(void) {
  unsigned long rounds = unit_scale(1000);
  struct fisa_dialect *d = dialect_unified(false);
  struct fisa_dialect *copy = malloc(sizeof *copy);
  size_t length = 0;
  const char *text = fisa_builtin_text("unified.bindings", &length);
  char *bytes = malloc(length);
  uint32_t state = 0xC0FFEE11;

  if (!copy || !bytes)
    abort();
  for (unsigned long r = 0; r < rounds; r++) {
    struct fisa_error err = {""};
    int rc;

    *copy = *d;
    memcpy(bytes, text, length);
    bytes[draw(&state) % length] ^= (char)(1u << draw(&state) % 7);
    rc = fisa_dialect_bind(copy, bytes, length, "b", &err);
    if (!UNIT_TRUE(rc == 0 ? dialect_sound(copy)
                   : memcmp(copy, d, sizeof *d) == 0 && err.text[0],
                   "round %lu: %s", r, err.text))
      break;
  }
  free(bytes);
  free(copy);
  fisa_dialect_free(d);
}

static const struct unit_test tests[] = {
  {"text", "accepts mini", accepts_mini},
  {"text", "accepts variants", accepts_variants},
  {"text", "accepts docs", accepts_docs},
  {"text", "refuses heads", refuses_heads},
  {"text", "refuses states", refuses_states},
  {"text", "refuses rows", refuses_rows},
  {"text", "refuses templates", refuses_templates},
  {"text", "refuses undeclared", refuses_undeclared},
  {"text", "refuses flows", refuses_flows},
  {"text", "refuses bytes", refuses_bytes},
  {"overlay", "refuse", refuses_overlays},
  {"overlay", "stack", stacks_overlays},
  {"damage", "truncation", survives_truncation},
  {"damage", "flips", survives_flips},
  {"damage", "splices", survives_splices},
  {"damage", "overlays", survives_damaged_overlays},
};
UNIT_MAIN(tests)
