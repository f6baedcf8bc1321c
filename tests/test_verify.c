/*
 * test_verify.c - the verifier: a program by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

enum { FINDINGS = 16 };

/* The findings of a program as "pc:verdict pc:verdict", "ok" if none. */
static const char *findings(const struct fisa_program *p)
{
	static char out[512];
	struct fisa_finding f[FINDINGS];
	int n = fisa_verify(p, f, FINDINGS);
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < n && i < FINDINGS; i++) {
		used += (size_t)snprintf(out + used, sizeof(out) - used,
					 "%s%u:%s", i ? " " : "", f[i].pc,
					 fisa_verdict_name(f[i].verdict));
		UNIT_TRUE(f[i].text[0] != '\0', "a reason");
		UNIT_TRUE(i == 0 || f[i - 1].pc <= f[i].pc, "ascending");
	}
	return n == 0 ? "ok" : n < 0 ? "memory" : out;
}

static void check(const char *text, const char *want)
{
	struct fisa_program *p = isa_program(isa_unified(), text);

	if (p)
		UNIT_TRUE(strcmp(findings(p), want) == 0,
			  "\"%s\", not \"%s\", of:\n%s", findings(p), want,
			  text);
	fisa_program_free(p);
}

struct row {
	const char *text;
	const char *want;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(rows[i].text, rows[i].want);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* ---- single instructions ------------------------------------------------ */

static void form(void)
{
	static const struct row rows[] = {
		{ "HALT\n", "ok" },
		{ ".byte 0x4D,0,0,0\n HALT\n", "0:opcode" },
		{ ".byte 0xFF,0,0,0,0\n", "0:opcode" },
		{ ".byte 0xFF\n", "0:truncated" },
		/* Named in a header, faults always. */
		{ "VP_LOAD R1, R2, R3\n HALT\n", "0:opcode" },
		{ "HALT\n .byte 0xFF\n", "ok" }, /* not reached */
		{ "NOP\n .byte 0x20, 1, 2\n", "1:truncated" },
		/* The machine checks other lengths than it advances. */
		{ "MEMFILL R1, 4\n HALT\n", "ok" },
		{ "JMP a\n b: HALT\n a: MEMFILL R1, 4\n",
		  "5:truncated" },
		{ "JMP a\n HALT\n a: DUMP\n JMP a-1\n", "ok" },
		{ "NOP\n DUMP\n HALT\n NOP\n NOP\n", "1:truncated" },
		{ "NOP\n .byte 0xEF, 1, 2\n", "1:truncated" },
		{ "ATOMIC_CAS R1, R2, R3\n HALT\n", "ok" },
		/* Operands: sure faults. */
		{ "SHLI R1, 31\n HALT\n", "ok" },
		{ "SHLI R1, 32\n HALT\n", "0:operand" },
		{ "LOG R1, R0\n HALT\n", "0:operand" },
		{ "LOG R1, R2\n HALT\n", "ok" },
		{ "STACKFRAME R63, 0\n HALT\n", "ok" },
		{ "STACKFRAME R64, 0\n HALT\n", "0:operand" },
		{ "ADD R64, R200, R255\n HALT\n", "ok" },
	};

	CHECK_ROWS(rows);
}

static void edges(void)
{
	static const struct row rows[] = {
		{ "JMP a\n a: HALT\n", "ok" },
		{ "JEQ R1, 100\n HALT\n", "0:target" },
		{ "JEQ R1, -4\n HALT\n", "0:target" },
		{ "JEQ R1, 5\n HALT\n", "0:target" }, /* just past the end */
		{ "JEQ R1, 4\n HALT\n", "ok" },
		{ "ISTINCT_REFLEX R1, -1\n HALT\n", "0:target" },
		{ "CALL R0, 50\n .byte 1\n HALT\n", "0:target" },
		{ "INC R1\n", "0:fall_off" },
		{ "JEQ R1, a\n HALT\n a: INC R1\n", "5:fall_off" },
		{ "JEQ R1, a\n JMP b\n a: HALT\n b: JEQ R0, a\n", "ok" },
		{ "JMP a\n f: RET\n a: CALL R0, f\n .byte 1\n",
		  "5:fall_off" },
		/* Overlap: a jump into an instruction. */
		{ "JEQ R1, a+1\n a: MOVI R0, 0x18\n HALT\n", "0:overlap" },
		{ "JEQ R1, a\n a: MOVI R0, 0x18\n HALT\n", "ok" },
		{ "JMP a+1\n a: MOVI R0, 0x18\n HALT\n .byte 0\n", "ok" },
		/* CALL without its filler returns into the next one. */
		{ "CALL R0, f\n a: MOVI R0, 0\n HALT\n f: RET\n", "ok" },
		{ ".entry a+1\n b: JMP a\n a: MOVI R0, 0\n HALT\n", "ok" },
	};

	CHECK_ROWS(rows);
}

static void entry(void)
{
	struct fisa_program *p =
		isa_program(isa_unified(), ".entry 1\n HALT\n NOP\n HALT\n");

	UNIT_STR_EQ(findings(p), "ok");
	p->entry = 3;
	UNIT_STR_EQ(findings(p), "3:target");
	p->entry = 0;
	p->size = 0;
	UNIT_STR_EQ(findings(p), "0:empty");
	p->size = FISA_MAX_CODE + 1;
	UNIT_STR_EQ(findings(p), "0:size");
	p->size = 3;
	fisa_program_free(p);
}

/* ---- stack and calls ---------------------------------------------------- */

static void stack_depth(void)
{
	static const struct row rows[] = {
		{ "PUSH R1\n POP R2\n HALT\n", "ok" },
		{ "POP R2\n HALT\n", "0:stack_low" },
		{ ".in stack 1\n POP R2\n HALT\n", "ok" },
		{ ".in stack 1\n POP R2\n POP R3\n HALT\n", "2:stack_low" },
		/* One way only: undecided. */
		{ "JEQ R1, a\n PUSH R1\n a: POP R2\n HALT\n", "ok" },
		{ "JEQ R1, a\n INC R1\n a: POP R2\n HALT\n", "6:stack_low" },
		{ "a: PUSH R1\n LOOP R2, a\n HALT\n", "ok" },
		{ "a: POP R1\n LOOP R2, a\n HALT\n", "0:stack_low" },
		{ ".in stack 256\n POP R1\n PUSH R1\n HALT\n", "ok" },
		{ ".in stack 256\n PUSH R1\n HALT\n", "0:stack_high" },
		{ ".in stack 256\n STACKFRAME R1, 0\n HALT\n",
		  "0:stack_high" },
		{ ".in stack 255\n CALL R0, f\n .byte 1\n HALT\n"
		  "f: PUSH R1\n HALT\n", "6:stack_high" },
		{ ".in stack 254\n CALL R0, f\n .byte 1\n HALT\n"
		  "f: PUSH R1\n HALT\n", "ok" },
	};

	CHECK_ROWS(rows);
}

static void calls(void)
{
	static const struct row rows[] = {
		{ "CALL R0, f\n .byte 1\n HALT\n f: INC R3\n RET\n", "ok" },
		{ "RET\n HALT\n", "0:call" },
		{ "PUSH R1\n RET\n HALT\n", "2:call" },
		{ "JEQ R1, a\n PUSH R1\n a: RET\n HALT\n", "ok" },
		{ "CALL R0, f\n .byte 1\n HALT\n f: PUSH R1\n RET\n",
		  "8:call" },
		{ "CALL R0, f\n .byte 1\n HALT\n f: POP R1\n RET\n",
		  "8:call" },
		{ "CALL R0, f\n .byte 1\n HALT\n f: PUSH R1\n POP R2\n RET\n",
		  "ok" },
		{ "CALL R0, f\n .byte 1\n CALL R0, g\n .byte 1\n HALT\n"
		  "f: CALL R0, g\n .byte 1\n RET\n g: RET\n", "ok" },
		/* Recursion is bounded by the stack. */
		{ "CALL R0, f\n .byte 1\n HALT\n f: DEC R1\n JLE R1, x\n"
		  "CALL R0, f\n .byte 1\n x: RET\n", "ok" },
	};

	CHECK_ROWS(rows);
}

/* ---- loops -------------------------------------------------------------- */

static void natural_loops(void)
{
	static const struct row rows[] = {
		{ "a: DEC R1\n JNE R1, a\n HALT\n", "ok" },
		{ "a: LOOP R1, a\n HALT\n", "ok" },
		{ "a: SENSE R1\n JNE R1, a\n HALT\n", "ok" },
		{ "a: LDI8 R1, 5\n JNE R1, a\n HALT\n", "ok" },
		/* The exit depends on what the loop leaves alone. */
		{ "a: INC R2\n JNE R1, a\n HALT\n", "0:endless" },
		{ "a: JNE R1, a\n HALT\n", "0:endless" },
		{ "a: MOVI R1, 1\n JNE R1, a\n HALT\n", "0:endless" },
		{ "a: MOVI R1, 0\n JNE R1, a\n HALT\n", "ok" },
		{ "a: MOVI R1, 0\n INC R1\n JNE R1, a\n HALT\n", "ok" },
		{ "JZ R1, R0\n HALT\n", "0:endless" },
		{ "JEQ R0, a\n a: HALT\n", "ok" },
		{ "a: JNE R0, b\n JMP a\n b: HALT\n", "0:endless" },
		{ "a: JEQ R0, b\n JMP a\n b: HALT\n", "ok" },
		/* Nested: the inner is endless, or only the outer. */
		{ "a: DEC R1\n b: INC R2\n JNE R3, b\n JNE R1, a\n HALT\n",
		  "2:endless" },
		{ "a: DEC R1\n b: DEC R3\n JNE R3, b\n JMP a\n",
		  "0:endless 0:boundary" },
		{ "a: DEC R1\n b: DEC R3\n JNE R3, b\n JNE R1, a\n HALT\n",
		  "ok" },
		/* Two exits, one of them real. */
		{ "a: JEQ R1, e\n DEC R2\n JEQ R2, e\n JMP a\n e: HALT\n",
		  "ok" },
		/* A function called in the loop decides. */
		{ "a: CALL R0, f\n .byte 1\n JNE R1, a\n HALT\n"
		  "f: DEC R1\n RET\n", "ok" },
		{ "a: CALL R0, f\n .byte 1\n JNE R1, a\n HALT\n"
		  "f: DEC R2\n RET\n", "0:endless" },
		{ "a: CALL R0, f\n .byte 1\n JMP a\n f: DEC R2\n"
		  "JLE R2, x\n RET\n x: HALT\n", "ok" },
		/* Two calls of one function are no cycle. */
		{ "CALL R0, f\n .byte 1\n CALL R0, f\n .byte 1\n HALT\n"
		  "f: RET\n", "ok" },
		/* In a function of its own. */
		{ "CALL R0, f\n .byte 1\n HALT\n f: JMP f\n",
		  "0:boundary 6:endless" },
	};

	CHECK_ROWS(rows);
}

static void boundaries_in_loops(void)
{
	static const struct row rows[] = {
		{ "a: JMP a\n", "0:endless 0:boundary" },
		{ "a: YIELD 0\n JMP a\n", "ok" },
		{ "a: INC R1\n YIELD 0\n JMP a\n", "ok" },
		/* One way round is without. */
		{ "a: SENSE R1\n JEQ R1, a\n YIELD 0\n JMP a\n", "ok" },
		{ "a: SENSE R1\n JEQ R1, b\n YIELD 0\n b: JMP a\n",
		  "0:endless" },
		{ "a: SENSE R1\n JEQ R1, b\n YIELD 0\n JMP c\n b: YIELD 1\n"
		  "c: JMP a\n", "ok" },
		{ "a: INC R1\n b: JMP b\n YIELD 0\n",
		  "0:boundary 2:endless" },
		{ ".boundary out:TELL\n a: TELL R1, R1, R1\n JMP a\n", "ok" },
		{ ".boundary out:TELL\n a: REPLY R1, R1, R1\n JMP a\n",
		  "0:endless 0:boundary" },
		{ ".boundary pc:a\n a: INC R1\n JMP a\n", "ok" },
		{ "a: CALL R0, f\n .byte 1\n JMP a\n f: YIELD 0\n RET\n",
		  "ok" },
	};

	CHECK_ROWS(rows);
}

static void irreducible_loops(void)
{
	static const struct row rows[] = {
		/* Into the middle of a loop. */
		{ "JEQ R1, b\n a: DEC R1\n b: DEC R2\n JNE R2, a\n HALT\n",
		  "6:loop" },
		{ "JEQ R1, a\n a: DEC R1\n b: DEC R2\n JNE R2, a\n HALT\n",
		  "ok" },
		/* ... is no endless run where every way round is a task. */
		{ "JEQ R1, b\n a: YIELD 0\n b: DEC R2\n JNE R2, a\n HALT\n",
		  "ok" },
		/* An inner loop that is one, in an outer that is not. */
		{ "o: SENSE R1\n JEQ R1, b\n a: DEC R1\n b: DEC R2\n"
		  "JNE R2, a\n DEC R3\n JNE R3, o\n HALT\n", "10:loop" },
	};

	CHECK_ROWS(rows);
}

/* A deep nest and a long chain; both must stay quick. */
static void large_loops(void)
{
	enum { DEPTH = 4000, ROW = 4 };
	struct fisa_program *p = NULL;
	struct fisa_error err;
	uint8_t *code = malloc(DEPTH * (ROW + 2) + 1);
	size_t n = 0;

	for (int i = 0; i < DEPTH; i++) {
		code[n++] = 0x09; /* DEC R1 */
		code[n++] = 1;
	}
	for (int i = 0; i < DEPTH; i++) {
		/* Each closes the loop that one more DEC further up opened. */
		int offset = (DEPTH - 1 - i) * 2 - (int)n;

		code[n++] = 0x48; /* JNE R1 */
		code[n++] = 1;
		code[n++] = (uint8_t)offset;
		code[n++] = (uint8_t)(offset >> 8);
	}
	code[n++] = 0x00;
	UNIT_EQ(fisa_program_from_bytes(isa_unified(), code, n, &p, &err), 0);
	UNIT_STR_EQ(findings(p), "ok");
	fisa_program_free(p);
	free(code);
}

/* ---- the whole program -------------------------------------------------- */

static void whole(void)
{
	static const struct row rows[] = {
		{ ".out none\n HALT\n", "0:observable" },
		{ ".out none\n INC R1\n HALT\n", "0:observable" },
		{ ".out none\n TELL R1, R1, R1\n HALT\n", "ok" },
		{ ".out none\n ASK R1, R1, R1\n HALT\n", "ok" },
		{ ".out none\n HALT\n TELL R1, R1, R1\n HALT\n",
		  "0:observable" },
		{ ".boundary pc:1\n NOP\n NOP\n HALT\n", "ok" },
		{ ".boundary pc:1\n MOVI R1, 0\n HALT\n", "0:boundary" },
	};

	CHECK_ROWS(rows);
}

static void capacity(void)
{
	struct fisa_program *p = isa_program(
		isa_unified(), "POP R1\n SHLI R1, 40\n JEQ R1, 99\n HALT\n");
	struct fisa_finding f[2];

	memset(f, 0xEE, sizeof(f));
	UNIT_EQ(fisa_verify(p, f, 1), 3);
	UNIT_EQ(f[0].verdict, FISA_BAD_STACK_LOW);
	UNIT_EQ(f[1].pc, 0xEEEEEEEE);
	UNIT_EQ(fisa_verify(p, NULL, 0), 3);
	fisa_program_free(p);
}

static void names(void)
{
	UNIT_STR_EQ(fisa_verdict_name(FISA_OK), "ok");
	for (int v = 0; v < FISA_VERDICT_COUNT; v++)
		UNIT_TRUE(fisa_verdict_name((enum fisa_verdict)v) != NULL,
			  "verdict %d has a name", v);
	UNIT_STR_EQ(fisa_verdict_name(FISA_VERDICT_COUNT), "unknown");
}

/* Registers may be held in cells past what a set has bits for; other
 * machines have no stack at all. */
static void other_dialects(void)
{
	struct fisa_program *p =
		isa_program(isa_tiny(), "LI A1, 5\n GO a\n NOP\n a: STOP\n");

	UNIT_STR_EQ(findings(p), "ok");
	fisa_program_free(p);
	p = isa_program(isa_tiny(), "a: SAY \"hi\"\n GO a\n");
	UNIT_STR_EQ(findings(p), "0:endless 0:boundary");
	fisa_program_free(p);
	p = isa_program(isa_tiny(), ".in stack 4\n PUSH A1\n STOP\n");
	UNIT_STR_EQ(findings(p), "0:stack_high");
	fisa_program_free(p);
	p = isa_program(isa_bare(), "NOP\n STOP\n");
	UNIT_STR_EQ(findings(p), "ok");
	fisa_program_free(p);
}

/* ---- hostile input ------------------------------------------------------ */

/* Half of the bytes are drawn among the opcodes that steer control. */
static uint8_t drawn_byte(uint64_t *seed)
{
	static const uint8_t steer[] = { 0x02, 0x3C, 0x43, 0x44, 0x45, 0x46,
					 0x48, 0xB3, 0x0C, 0x0D, 0x15, 0x40,
					 0x00, 0x01, 0x04, 0x05, 0x08, 0xFC,
					 0xFF, 0x17, 0x60, 0x23 };
	uint64_t r = isa_random(seed);

	return r & 1 ? steer[(r >> 8) % sizeof(steer)] : (uint8_t)(r >> 8);
}

static void garbage(void)
{
	struct fisa_verify_scratch *scratch = fisa_verify_scratch_new();
	struct fisa_program *parent = NULL;
	unsigned long rounds = unit_scale(100000);
	uint64_t seed = 1;

	for (unsigned long k = 0; k < rounds; k++) {
		uint8_t code[64];
		uint32_t size = 1 + isa_below(&seed, sizeof(code));
		struct fisa_program *p = NULL;
		struct fisa_facts *f = NULL;
		struct fisa_finding out[4];
		struct fisa_error err;

		for (uint32_t i = 0; i < size; i++)
			code[i] = drawn_byte(&seed);
		if (!UNIT_EQ(fisa_program_from_bytes(isa_unified(), code, size,
						     &p, &err), 0))
			break;
		p->entry = isa_below(&seed, size);
		UNIT_TRUE(fisa_verify(p, out, 4) >= 0, "verify");
		if (k % 16 == 0)
			UNIT_EQ(fisa_facts_make(p, &f, &err), 0);
		fisa_facts_free(f);
		if (parent)
			UNIT_TRUE(fisa_verify_child(p, parent, scratch, out,
						    4) >= 0, "child");
		if (k % 64 == 0) {
			fisa_program_free(parent);
			parent = p;
		} else {
			fisa_program_free(p);
		}
	}
	fisa_program_free(parent);
	fisa_verify_scratch_free(scratch);
}

/* Whole programs of steering rows: every size limit at once. */
static void large_garbage(void)
{
	uint64_t seed = 5;
	uint8_t *code = malloc(FISA_MAX_CODE);

	for (int k = 0; k < 6; k++) {
		struct fisa_program *p = NULL;
		struct fisa_facts *f = NULL;
		struct fisa_error err;

		for (uint32_t i = 0; i < FISA_MAX_CODE; i++)
			code[i] = drawn_byte(&seed);
		for (uint32_t i = 0; k % 2 && i + 4 < FISA_MAX_CODE; i += 4) {
			/* Calls and branches to anywhere ahead or behind. */
			code[i] = k == 1 ? 0x45 : k == 3 ? 0x48 : 0x02;
			code[i + 1] = k == 1 ? 0 : code[i + 1];
		}
		UNIT_EQ(fisa_program_from_bytes(isa_unified(), code,
						FISA_MAX_CODE, &p, &err), 0);
		UNIT_TRUE(fisa_verify(p, NULL, 0) >= 0, "verify");
		UNIT_EQ(fisa_facts_make(p, &f, &err), 0);
		fisa_facts_free(f);
		fisa_program_free(p);
	}
	free(code);
}

static const struct unit_test tests[] = {
	{ "verify", "form", form },
	{ "verify", "edges", edges },
	{ "verify", "entry", entry },
	{ "verify", "stack depth", stack_depth },
	{ "verify", "calls", calls },
	{ "verify", "whole", whole },
	{ "verify", "capacity", capacity },
	{ "verify", "names", names },
	{ "verify", "other dialects", other_dialects },
	{ "loops", "natural", natural_loops },
	{ "loops", "boundaries", boundaries_in_loops },
	{ "loops", "irreducible", irreducible_loops },
	{ "loops", "large", large_loops },
	{ "hostile", "garbage", garbage },
	{ "hostile", "large garbage", large_garbage },
};
UNIT_MAIN(tests)
