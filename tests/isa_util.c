/*
 * isa_util.c - what the tests of the isa library share.
 */
#include "tests/isa_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum { HEX_BUFFERS = 4, HEX_SIZE = 4096, BROKEN_RIG = 99 };

static const char tiny_text[] =
	"fluxisa 1\n"
	"dialect tiny\n"
	"mem 256\n"
	"file A i32 4\n"
	"file V f32 2\n"
	"stack ST 4 up\n"
	"fuel 1000\n"
	"fault 1 truncated\n"
	"fault 3 unknown\n"
	"lethal 1000 stack_full\n"
	"lethal 1001 stack_empty\n"
	"lethal 1002 negative_target\n"
	"lethal 1003 opaque\n"
	"lethal 1004 past_code\n"
	"truncated 1\n"
	"unknown 3\n"
	"undefined 0x00..0x0F len 1\n"
	"undefined 0x18..0xFF len 1\n"
	"row 0x10 STOP len=1 flow=halt writes=HALT roles=halt pure=no "
	"does=halt\n"
	"row 0x11 NOP len=1 roles=nop does=nop\n"
	"row 0x12 GO len=3 ops=imm16le_s flow=jump_rel base=end does=jump\n"
	"row 0x13 LI len=3 ops=rd,imm8s writes=A[rd] does=mov A[rd] #imm8s\n"
	"row 0x14 SAY len=len16@1 ops=payload reads=MEM writes=HOST pure=no "
	"opaque\n"
	"row 0x15 AT len=3 ops=addr16le_u flow=jump_abs does=jump\n"
	"row 0x16 VADD len=4 ops=rd,rs1,rs2 reads=V[rs1];V[rs2] writes=V[rd] "
	"does=fadd V[rd] V[rs1] V[rs2]\n"
	"row 0x17 PUSH len=2 ops=rs1 reads=A[rs1];SP writes=ST;SP "
	"lethal=stack_full does=push A[rs1]\n";

static const char mill_head[] =
	"fluxisa 1\n"
	"dialect mill\n"
	"mem 1024\n"
	"calls LNK 4\n"
	"file R i32 32 checked\n"
	"file V i32 16 width 4\n"
	"file F f32 4\n"
	"start R 3 -7\n"
	"start V 5 0x80000001\n"
	"flag Z\n"
	"cell W i32 init -2\n"
	"cell CONF f32 init 0x3F800000\n"
	"stack STK 8 up index TOP\n"
	"key wide W u32\n"
	"key turn W i32\n"
	"key vregs V hex\n"
	"fuel 1000\n"
	"fault 1 truncated\n"
	"fault 2 divide\n"
	"fault 3 unknown\n"
	"fault 4 underflow\n"
	"fault 5 call_underflow\n"
	"fault 6 range\n"
	"guard 2 zero\n"
	"guard 4 stack_few\n"
	"guard 4 stack_empty\n"
	"guard 5 calls_empty\n"
	"guard 6 before_memory\n"
	"lethal 1000 stack_full\n"
	"lethal 1001 calls_full\n"
	"lethal 1002 negative_target\n"
	"lethal 1003 register_range\n"
	"lethal 1004 opaque\n"
	"lethal 1005 past_code\n"
	"lethal 1006 add_overflow wide\n"
	"lethal 1006 sub_overflow wide\n"
	"lethal 1006 mul_overflow wide\n"
	"lethal 1006 shl_overflow wide\n"
	"lethal 1007 always\n"
	"lethal 1008 cast_range\n"
	"truncated 1\n"
	"unknown 3\n";

static const char mill_rows[] =
	"row 0x00 HALT len=1 flow=halt writes=HALT roles=halt pure=no "
	"does=halt\n"
	"row 0x01 NOP len=1 roles=nop does=nop\n"
	/* Numbers and the order of cells. */
	"row 0x02 LIT len=5 ops=imm32le_s writes=STK lethal=stack_full "
	"does=push #imm32le_s\n"
	"row 0x03 DROP len=1 reads=STK does=drop #1\n"
	"row 0x04 DUP len=1 writes=STK lethal=stack_full "
	"does=mov t0 STK.0 ; fold t0 #1 ; push t0\n"
	"row 0x05 SWAP len=1 writes=STK "
	"does=mov t0 STK.0 ; mov t1 STK.1 ; fold t0 #2 ; push t1\n"
	"row 0x06 PUSH len=2 ops=rs1 reads=R[rs1] writes=STK "
	"lethal=stack_full does=push R[rs1]\n"
	"row 0x07 POP len=2 ops=rd reads=STK writes=R[rd] does=popz R[rd]\n"
	"row 0x08 TOS len=3 ops=rd,imm8u reads=STK writes=R[rd] "
	"does=add R[rd] STK.0 #imm8u\n"
	"row 0x09 TAKE len=2 ops=rd reads=STK writes=R[rd] "
	"lethal=stack_empty does=pop R[rd]\n"
	/* Sums. */
	"row 0x10 ADD len=1 writes=STK "
	"lethal=stack_few(#2);add_overflow(STK.1,STK.0) "
	"does=add t0 STK.1 STK.0 ; fold t0 #2\n"
	"row 0x11 SUB len=1 writes=STK "
	"lethal=stack_few(#2);sub_overflow(STK.1,STK.0) "
	"does=sub t0 STK.1 STK.0 ; fold t0 #2\n"
	"row 0x12 DIV len=1 writes=STK lethal=stack_few(#2);zero(STK.0) "
	"does=quo t0 STK.1 STK.0 ; fold t0 #2\n"
	"row 0x13 ADDZ len=1 writes=STK does=add t0 STK.1 STK.0 ; fold t0 #2\n"
	"row 0x14 ADDR len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
	"lethal=add_overflow(R[rd],R[rs1]) does=add R[rd] R[rd] R[rs1]\n"
	"row 0x15 SUBR len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
	"lethal=sub_overflow(R[rd],R[rs1]) does=sub R[rd] R[rd] R[rs1]\n"
	"row 0x16 MULR len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
	"lethal=mul_overflow(R[rd],R[rs1]) does=mul R[rd] R[rd] R[rs1]\n"
	"row 0x17 SHLR len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
	"lethal=shl_overflow(R[rd],R[rs1]) does=shl R[rd] R[rd] R[rs1]\n"
	"row 0x18 DIVR len=3 ops=rd,rs1 reads=R[rd];R[rs1] writes=R[rd] "
	"lethal=zero(R[rs1]) does=quo R[rd] R[rd] R[rs1]\n"
	"row 0x19 MOVI len=4 ops=rd,imm16le_s writes=R[rd] "
	"does=mov R[rd] #imm16le_s\n"
	"row 0x1A DEC len=2 ops=rd reads=R[rd] writes=R[rd] "
	"does=sub R[rd] R[rd] #1\n"
	"row 0x1B MASK len=3 ops=rd,imm8u reads=R[rd] writes=R[rd] "
	"does=and R[rd] R[rd] #imm8u\n"
	"row 0x1C VADD len=3 ops=rd,rs1 reads=V[rd];V[rs1] writes=V[rd] "
	"does=add V[rd] V[rd] V[rs1] ; add V[rd]+1 V[rd]+1 V[rs1]+1 ; "
	"add V[rd]+2 V[rd]+2 V[rs1]+2 ; add V[rd]+3 V[rd]+3 V[rs1]+3\n"
	"row 0x1D LANE len=3 ops=rd,rs1 reads=R[rs1] writes=V[rd] "
	"does=mov V[rd]+3 R[rs1]\n";

static const char mill_control[] =
	"row 0x20 JMP len=3 ops=imm16le_s flow=jump_rel base=end does=jump\n"
	"row 0x21 JZ len=3 ops=imm16le_s flow=cond_rel base=end reads=STK "
	"does=mov t0 STK.0 ; drop #1 ; br_eqz t0\n"
	"row 0x22 JNZR len=4 ops=rd,imm16le_s flow=cond_rel base=end "
	"reads=R[rd] does=br_nez R[rd]\n"
	"row 0x23 CALL len=3 ops=imm16le_s flow=call_rel base=end link=3 "
	"reads=PC writes=LNK lethal=calls_full does=call\n"
	"row 0x24 RET len=1 flow=ret reads=LNK lethal=calls_empty does=ret\n"
	"row 0x25 CALLR len=2 ops=rs1 flow=indirect link=2 reads=R[rs1] "
	"writes=LNK lethal=calls_full does=call\n"
	"row 0x26 RETZ len=1 flow=ret reads=LNK does=ret\n"
	"row 0x27 YIELD len=1 roles=yield does=yield\n"
	"row 0x28 SKIP len=3 ops=imm16le_s flow=jump_rel base=insn opaque\n"
	"row 0x29 SKIPZ len=4 ops=rd,imm16le_s flow=cond_rel base=insn "
	"reads=R[rd] opaque\n"
	"row 0x2A SUBR_I len=3 ops=imm16le_s flow=call_rel base=insn "
	"reads=LNK writes=LNK opaque\n"
	/* The outside. */
	"row 0x30 SENSE len=2 ops=imm8u writes=STK roles=sense pure=no "
	"lethal=stack_full does=input t0 #imm8u #1 ; push t0\n"
	"row 0x31 TELL len=2 ops=rs1 reads=R[rs1] writes=HOST pure=no "
	"does=emit R[rs1] #0 #0 #1\n"
	"row 0x32 SAY len=len16@1 ops=payload writes=HOST pure=no "
	"does=emit_payload\n"
	/* Tests. */
	"row 0x38 CHK len=3 ops=rd,imm8u reads=R[rd] writes=R[0];R[1] "
	"does=mov R.0 #1 ; gt t0 R[rd] #imm8u ; check t0 #6 ; mov R.1 #1\n"
	"row 0x39 NEVER len=1 lethal=always does=nop\n"
	"row 0x3A NEED len=1 reads=STK lethal=stack_few(#3) does=nop\n"
	"row 0x3B BYTE len=3 ops=rd,rs1 reads=R[rs1];MEM writes=R[rd] "
	"lethal=before_memory(R[rs1]) does=load8 R[rd] R[rs1] #0\n"
	"row 0x3C CAST len=4 ops=rd,rs1,imm8u reads=R[rs1] writes=R[rd] "
	"lethal=cast_range(R[rs1],#imm8u) does=ftoi R[rd] R[rs1]\n"
	"row 0x3D EYES len=2 ops=rs1 reads=R[rs1] lethal=zero(R[rs1]) "
	"does=nop\n"
	"row 0x3E DEEP len=2 ops=rd reads=TOP;CSP writes=R[rd] "
	"does=mul t0 CSP #16 ; add R[rd] t0 TOP\n"
	"row 0x3F PAIR len=3 ops=imm8u,imm8u2 writes=R[0] "
	"does=sub R.0 #imm8u #imm8u2\n";

static const char bare_text[] =
	"fluxisa 1\n"
	"dialect bare\n"
	"mem 0\n"
	"fuel 10\n"
	"fault 1 truncated\n"
	"fault 3 unknown\n"
	"lethal 1002 negative_target\n"
	"truncated 1\n"
	"unknown 3\n"
	"undefined 0x02..0xFF len 1\n"
	"row 0x00 STOP len=1 flow=halt writes=HALT roles=halt pure=no "
	"does=halt\n"
	"row 0x01 NOP len=1 roles=nop does=nop\n";

static const struct fisa_dialect *parsed(const char *text, const char *where)
{
	struct fisa_dialect *d = NULL;
	struct fisa_error err;

	if (fisa_dialect_parse(text, strlen(text), where, &d, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(BROKEN_RIG);
	}
	return d;
}

const struct fisa_dialect *isa_unified(void)
{
	static struct fisa_dialect *d;
	struct fisa_error err;

	if (!d && fisa_dialect_builtin("unified", true, &d, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		exit(BROKEN_RIG);
	}
	return d;
}

const struct fisa_dialect *isa_tiny(void)
{
	static const struct fisa_dialect *d;

	if (!d)
		d = parsed(tiny_text, "tiny");
	return d;
}

const struct fisa_dialect *isa_mill(void)
{
	static const struct fisa_dialect *d;
	static char text[sizeof(mill_head) + sizeof(mill_rows) +
			 sizeof(mill_control)];

	if (!d) {
		snprintf(text, sizeof(text), "%s%s%s", mill_head, mill_rows,
			 mill_control);
		d = parsed(text, "mill");
	}
	return d;
}

const struct fisa_dialect *isa_bare(void)
{
	static const struct fisa_dialect *d;

	if (!d)
		d = parsed(bare_text, "bare");
	return d;
}

struct fisa_program *isa_program(const struct fisa_dialect *d,
				 const char *text)
{
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };
	int rc = fisa_assemble(d, text, strlen(text), "t", &p, &err);

	UNIT_TRUE(rc == 0, "%s in:\n%s", err.text, text);
	return rc == 0 ? p : NULL;
}

bool isa_comes_back(const struct fisa_program *p)
{
	char *text = fisa_disassemble(p);
	struct fisa_program *q = NULL;
	struct fisa_error err = { "" };
	bool held;

	CU_ASSERT_FATAL(text != NULL);
	if (fisa_assemble(p->dialect, text, strlen(text), "back", &q, &err)
	    < 0) {
		UNIT_TRUE(0, "%s\n%.600s", err.text, text);
		free(text);
		return false;
	}
	held = q->size == p->size && memcmp(q->code, p->code, p->size) == 0;
	UNIT_TRUE(held, "code %s\nnot  %s\n%.600s",
		  isa_hex(q->code, q->size), isa_hex(p->code, p->size), text);
	if (held) {
		held = q->entry == p->entry &&
		       memcmp(q->hash, p->hash, sizeof(q->hash)) == 0;
		UNIT_TRUE(held, "entry or manifest differ\n%.600s", text);
	}
	fisa_program_free(q);
	free(text);
	return held;
}

bool isa_bytes_come_back(const struct fisa_dialect *d, const uint8_t *code,
			 size_t n)
{
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };
	bool held;

	CU_ASSERT_EQUAL_FATAL(fisa_program_from_bytes(d, code, n, &p, &err),
			      0);
	held = isa_comes_back(p);
	fisa_program_free(p);
	return held;
}

const char *isa_hex(const uint8_t *bytes, size_t n)
{
	static char ring[HEX_BUFFERS][HEX_SIZE];
	static unsigned next;
	char *out = ring[next++ % HEX_BUFFERS];

	out[0] = '\0';
	for (size_t i = 0; i < n && 2 * i + 3 < HEX_SIZE; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
	return out;
}

uint64_t isa_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint32_t isa_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(isa_random(state) % n);
}

/* The dialect that a text asks for; it lives until the end. */
static const struct fisa_dialect *dialect_of(const char *text, size_t length)
{
	static struct fisa_dialect *known[8];
	char name[FISA_MAX_NAME];
	struct fisa_error err = {""};
	unsigned i;

	if (!fisa_asm_dialect(text, length, name))
		return isa_unified();
	for (i = 0; i < 8 && known[i]; i++)
		if (strcmp(known[i]->name, name) == 0)
			return known[i];
	CU_ASSERT_FATAL(i < 8);
	UNIT_TRUE(fisa_dialect_builtin(name, true, &known[i], &err) == 0, "%s",
		  err.text);
	CU_ASSERT_FATAL(known[i] != NULL);
	return known[i];
}

struct fisa_program *isa_sample(const char *name)
{
	struct fisa_program *p;
	struct fisa_error err = {""};
	char path[128], *text;
	size_t n;

	snprintf(path, sizeof(path), "samples/agents/%s.flx", name);
	if (!UNIT_TRUE(fisa_read_file(unit_src(path), 65536, &text, &n,
				      &err) == 0, "%s", err.text))
		return NULL;
	p = isa_program(dialect_of(text, n), text);
	free(text);
	return p;
}
