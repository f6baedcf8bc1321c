/*
 * test_relative.c - the verifier: a child against its parent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

enum { FINDINGS = 16 };

/* One scratch for all: what it keeps of a parent must not show. */
static struct fisa_verify_scratch *scratch;

static const char *findings(const struct fisa_program *child,
			    const struct fisa_program *parent,
			    struct fisa_verify_scratch *s)
{
	static char out[512];
	struct fisa_finding f[FINDINGS];
	int n = fisa_verify_child(child, parent, s, f, FINDINGS);
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

static void check(const char *parent_text, const char *child_text,
		  const char *want)
{
	struct fisa_program *parent = isa_program(isa_unified(), parent_text);
	struct fisa_program *child = isa_program(isa_unified(), child_text);

	if (!scratch)
		scratch = fisa_verify_scratch_new();
	if (parent && child) {
		const char *got = findings(child, parent, NULL);
		UNIT_TRUE(strcmp(got, want) == 0,
			  "\"%s\", not \"%s\", of:\n%swith parent:\n%s", got,
			  want, child_text, parent_text);
		/* Twice: the second finds its parent in the scratch. */
		for (int i = 0; i < 2; i++)
			UNIT_STR_EQ(findings(child, parent, scratch), want);
		UNIT_STR_EQ(findings(parent, parent, scratch), "ok");
	}
	fisa_program_free(child);
	fisa_program_free(parent);
}

struct row {
	const char *parent, *child, *want;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(rows[i].parent, rows[i].child, rows[i].want);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* ---- what the parent does, too ------------------------------------------ */

static void unchanged(void)
{
	static const struct row rows[] = {
		{ "INC R1\n HALT\n", "HALT\n", "ok" },
		{ "HALT\n", "INC R1\n JMP 99\n", "2:target" },
		/* RET on an empty stack, moved. */
		{ "NOP\n RET\n HALT\n", "RET\n HALT\n", "ok" },
		{ "NOP\n RET\n HALT\n", "RET\n RET\n HALT\n", "1:call" },
		{ "HALT\n", "RET\n HALT\n", "0:call" },
		{ "POP R2\n HALT\n", "NOP\n POP R2\n HALT\n", "ok" },
		{ "POP R2\n HALT\n", "POP R3\n HALT\n",
		  "0:stack_low 0:lethal" },
		/* An irreducible loop, with less in it, or with more. */
		{ "JEQ R1, b\n a: DEC R1\n NOP\n b: DEC R2\n JNE R2, a\n"
		  "HALT\n",
		  "JEQ R1, b\n a: DEC R1\n b: DEC R2\n JNE R2, a\n HALT\n",
		  "ok" },
		{ "a: DEC R1\n JNE R1, a\n HALT\n",
		  "JEQ R1, b\n a: DEC R1\n b: DEC R1\n JNE R1, a\n HALT\n",
		  "6:loop" },
		{ "a: JNE R1, a\n HALT\n", "NOP\n a: JNE R1, a\n HALT\n",
		  "ok" },
		{ "a: JNE R1, a\n HALT\n", "a: JNE R2, a\n HALT\n",
		  "0:endless" },
		{ "SHLI R1, 40\n HALT\n", "INC R1\n SHLI R1, 40\n HALT\n",
		  "ok" },
		{ "SHLI R1, 40\n HALT\n", "SHLI R1, 41\n HALT\n",
		  "0:operand 0:lethal" },
		{ "JEQ R1, 99\n HALT\n", "JEQ R1, 99\n HALT\n", "ok" },
		{ "JEQ R1, 99\n HALT\n", "JEQ R1, 98\n HALT\n", "0:target" },
		{ ".out none\n INC R1\n HALT\n", ".out none\n HALT\n", "ok" },
		{ "TELL R1,R1,R1\n a: JMP a\n", "a: JMP a\n", "ok" },
		{ "HALT\n .byte 0xFF\n", "INC R1\n .byte 0xFF\n",
		  "2:truncated" },
	};

	CHECK_ROWS(rows);
}

/* ---- lethal inputs ------------------------------------------------------ */

static void matched(void)
{
	static const struct row rows[] = {
		{ "DIV R1, R2, R3\n HALT\n", "NOP\n DIV R1, R2, R3\n HALT\n",
		  "ok" },
		{ "DIV R1, R2, R3\n HALT\n", "DIV R1, R3, R2\n HALT\n",
		  "0:lethal" },
		{ "DIV R1, R2, R3\n HALT\n",
		  "DIV R1, R2, R3\n DIV R1, R2, R3\n HALT\n", "4:lethal" },
		{ "DIV R1, R2, R3\n DIV R1, R2, R3\n HALT\n",
		  "DIV R1, R2, R3\n HALT\n", "ok" },
		{ ".in R2\n.in R3\n HALT\n",
		  ".in R2\n.in R3\n MOD R1, R2, R3\n HALT\n", "0:lethal" },
		{ ".in R2\n HALT\n", ".in R2\n LOG R1, R2\n HALT\n",
		  "0:lethal" },
		{ "FTOI R1, F2\n HALT\n", "FTOI R1, F3\n HALT\n",
		  "0:lethal" },
		{ "CALL R0, f\n.byte 1\n HALT\n f: DEC R1\n JLE R1, x\n"
		  "CALL R0, f\n.byte 1\n x: RET\n",
		  "NOP\n CALL R0, f\n.byte 1\n HALT\n f: DEC R1\n JLE R1, x\n"
		  "CALL R0, f\n.byte 1\n x: RET\n", "ok" },
		/* Unused bytes and targets make no difference. */
		{ "FTOI R1, F2\n HALT\n", ".byte 0x36,1,2,9\n HALT\n", "ok" },
	};

	CHECK_ROWS(rows);
}

static void harmless(void)
{
	static const struct row rows[] = {
		{ "HALT\n", "SHLI R1, 31\n HALT\n", "ok" },
		{ "HALT\n", "PUSH R1\n POP R1\n HALT\n", "ok" },
		{ "HALT\n", "a: PUSH R1\n LOOP R2, a\n HALT\n", "0:lethal" },
		/* Constants, and what the state list says. */
		{ "HALT\n", "MOVI R3, 5\n DIV R1, R2, R3\n HALT\n", "ok" },
		{ "HALT\n", "DIV R1, R2, R3\n HALT\n", "0:lethal" },
		{ "HALT\n", "MOD R1, R2, R3\n HALT\n", "ok" },
		{ "HALT\n", "MOVI R3, -1\n DIV R1, R2, R3\n HALT\n", "ok" },
		{ ".in R2\n HALT\n",
		  ".in R2\n MOVI R3, -1\n DIV R1, R2, R3\n HALT\n",
		  "3:lethal" },
		{ ".in R2\n HALT\n",
		  ".in R2\n MOVI R3, -2\n DIV R1, R2, R3\n HALT\n", "ok" },
		/* Inputs with a range. */
		{ ".in R2 0..100\n.in R3 1..9\n HALT\n",
		  ".in R2 0..100\n.in R3 1..9\n DIV R1, R2, R3\n HALT\n",
		  "ok" },
		{ ".in R2 0..100\n.in R3 0..9\n HALT\n",
		  ".in R2 0..100\n.in R3 0..9\n DIV R1, R2, R3\n HALT\n",
		  "0:lethal" },
		{ ".in R2 1..100\n HALT\n",
		  ".in R2 1..100\n LOG R1, R2\n HALT\n", "ok" },
		{ ".in R2 -9..9\n HALT\n",
		  ".in R2 -9..9\n POW R1, R2, R0\n HALT\n", "ok" },
		{ ".in R2 -9..9\n HALT\n",
		  ".in R2 -9..9\n MOVI R3, 4\n POW R1, R2, R3\n HALT\n",
		  "ok" },
		{ ".in R2\n HALT\n",
		  ".in R2\n MOVI R3, 4\n POW R1, R2, R3\n HALT\n",
		  "3:lethal" },
		/* A branch that keeps zero out. */
		{ ".in R2\n HALT\n",
		  ".in R2\n JEQ R2, x\n LOG R1, R2\n x: HALT\n", "ok" },
		{ ".in R2\n HALT\n",
		  ".in R2\n JNE R2, x\n LOG R1, R2\n x: HALT\n", "4:lethal" },
		{ ".in R2\n HALT\n",
		  ".in R2\n JLE R2, x\n ENCODE_VARINT R2, 0x10\n x: HALT\n",
		  "ok" },
		/* Masked; a counter in a loop; through a function. */
		{ ".in R2\n HALT\n",
		  ".in R2\n ANDI R2, 7\n INC R2\n LOG R1, R2\n HALT\n",
		  "ok" },
		{ ".in R2\n HALT\n",
		  ".in R2\n MOVI R4, 9\n a: LOG R1, R4\n LOOP R4, a\n HALT\n",
		  "ok" },
		{ ".in R2\n HALT\n",
		  ".in R2\n MOVI R4, 9\n a: LOG R1, R4\n DEC R4\n"
		  "JNE R2, a\n HALT\n", "3:endless 3:lethal" },
		{ ".in R2\n HALT\n",
		  ".in R2\n MOVI R4, 9\n CALL R0, f\n.byte 1\n LOG R1, R4\n"
		  "HALT\n f: INC R4\n RET\n", "ok" },
		{ ".in R2\n HALT\n",
		  ".in R2\n MOVI R4, 9\n CALL R0, f\n.byte 1\n LOG R1, R4\n"
		  "HALT\n f: ADD R4, R4, R2\n RET\n", "8:lethal" },
		/* A host may change any cell at a boundary. */
		{ "YIELD 0\n HALT\n", "MOVI R4, 9\n YIELD 0\n LOG R1, R4\n"
		  "HALT\n", "5:lethal" },
		{ "SENSE R4\n HALT\n", "SENSE R4\n LOG R1, R4\n HALT\n",
		  "4:lethal" },
		{ "HALT\n", "LDI8 R4, 9\n INC R4\n LOG R1, R4\n HALT\n",
		  "ok" },
	};

	CHECK_ROWS(rows);
}

/* ---- sensitive rows ----------------------------------------------------- */

static void kept_rows(void)
{
	static const struct row rows[] = {
		{ "DBG R1\n INC R1\n HALT\n", "DBG R1\n HALT\n", "ok" },
		{ "DBG R1\n HALT\n", "HALT\n", "0:frozen" },
		{ "DBG R1\n HALT\n", "DBG R2\n HALT\n", "0:frozen" },
		{ "DBG R1\n HALT\n", "DBG R1\n DBG R1\n HALT\n", "2:frozen" },
		{ "FORK R1\n HALT\n", "HALT\n", "0:frozen" },
		{ "HALT\n", "JOIN\n HALT\n", "0:frozen" },
		{ "ASK R1, R2, R3\n HALT\n", "NOP\n ASK R1, R2, R3\n HALT\n",
		  "ok" },
		{ "ASK R1, R2, R3\n HALT\n", "HALT\n", "0:frozen" },
	};

	CHECK_ROWS(rows);
}

static void layout(void)
{
	/* A link stays in R5: no address may move. */
	static const char parent[] =
		"JAL R5, a\n INC R2\n a: MOVI R1, 1\n INC R3\n HALT\n";
	static const struct row rows[] = {
		{ parent, "JAL R5, a\n INC R2\n a: MOVI R1, 2\n DEC R3\n"
			  "HALT\n", "ok" },
		{ parent, "JAL R5, a\n INC R2\n a: NOP\n NOP\n NOP\n INC R3\n"
			  "HALT\n", "ok" },
		{ parent, "JAL R5, a\n a: MOVI R1, 1\n INC R3\n HALT\n",
		  "0:frozen" },
		{ parent, "JAL R5, a\n INC R2\n a: MOVI R1, 1\n HALT\n",
		  "0:frozen" },
		{ parent, "JAL R5, a\n INC R2\n a: LOADI R1, R3, 0\n HALT\n",
		  "6:frozen" },
		{ parent, "JAL R5, a\n INC R2\n a: MOVI R1, 1\n INC R3\n"
			  "HALT\n NOP\n", "0:frozen" },
		/* The dead link may move. */
		{ ".out R3\n JAL R5, a\n INC R2\n a: INC R3\n HALT\n",
		  ".out R3\n JAL R5, a\n a: INC R3\n HALT\n", "ok" },
	};

	CHECK_ROWS(rows);
	/* Another row that makes an address. */
	check("JAL R5, a\n NOP\n a: JMP b\n b: HALT\n",
	      "JAL R5, a\n NOP\n a: JAL R6, b\n b: HALT\n", "5:frozen");
}

static void cycles(void)
{
	static const char parent[] =
		".out R3\n MOVI R1, 2\n CYCLE_READ R3\n INC R1\n HALT\n";
	static const struct row rows[] = {
		{ parent, ".out R3\n MOVI R1, 3\n CYCLE_READ R3\n DEC R1\n"
			  "HALT\n", "ok" },
		{ parent, ".out R3\n CYCLE_READ R3\n INC R1\n HALT\n",
		  "0:frozen" },
		{ parent, ".out R3\n NOP\n NOP\n NOP\n CYCLE_READ R3\n"
			  "INC R1\n HALT\n", "0:frozen" },
		{ parent, ".out R3\n MOVI R1, 2\n CYCLE_READ R4\n INC R1\n"
			  "HALT\n", "3:frozen" },
		/* As long, and slower. */
		{ ".out R3\n CYCLE_READ R3\n MOV R1, R2\n HALT\n",
		  ".out R3\n CYCLE_READ R3\n FORK R1\n HALT\n",
		  "2:frozen 2:frozen" },
		{ ".out R3\n CYCLE_READ R3\n JEQ R1, a\n INC R2\n a: HALT\n",
		  ".out R3\n CYCLE_READ R3\n JNE R1, a\n INC R2\n a: HALT\n",
		  "ok" },
		{ ".out R3\n CYCLE_READ R3\n JEQ R1, a\n INC R2\n a: HALT\n",
		  ".out R3\n CYCLE_READ R3\n JEQ R1, b\n b: INC R2\n HALT\n",
		  "2:frozen" },
		{ "INC R1\n HALT\n", "CYCLE_READ R1\n HALT\n", "0:frozen" },
	};

	CHECK_ROWS(rows);
}

static void strip(void)
{
	static const char parent[] =
		".out C3\n INC R1\n STRIPCF 3\n CONF_ADD R3, R1, R2\n"
		"INC R4\n CONF_ADD R3, R3, R2\n INC R5\n HALT\n";
	static const struct row rows[] = {
		/* Before and behind its reach. */
		{ parent, ".out C3\n STRIPCF 3\n CONF_ADD R3, R1, R2\n"
			  "INC R4\n CONF_ADD R3, R3, R2\n HALT\n", "ok" },
		{ parent, ".out C3\n INC R1\n STRIPCF 3\n"
			  "CONF_ADD R3, R1, R2\n CONF_ADD R3, R3, R2\n"
			  "INC R5\n HALT\n", "2:frozen" },
		{ parent, ".out C3\n INC R1\n STRIPCF 3\n NOP\n"
			  "CONF_ADD R3, R1, R2\n INC R4\n"
			  "CONF_ADD R3, R3, R2\n INC R5\n HALT\n",
		  "2:frozen" },
		{ parent, ".out C3\n INC R1\n STRIPCF 2\n"
			  "CONF_ADD R3, R1, R2\n INC R4\n"
			  "CONF_ADD R3, R3, R2\n INC R5\n HALT\n",
		  "2:frozen" },
		{ parent, ".out C3\n INC R1\n CONF_ADD R3, R1, R2\n"
			  "INC R4\n CONF_ADD R3, R3, R2\n HALT\n",
		  "0:frozen" },
		{ "HALT\n", "STRIPCF 1\n HALT\n", "0:frozen" },
		/* A counter of 1 protects nothing. */
		{ ".out C3\n STRIPCF 1\n INC R1\n HALT\n",
		  ".out C3\n STRIPCF 1\n HALT\n", "ok" },
		/* Over a branch and round a loop. */
		{ ".out C3\n STRIPCF 9\n a: DEC R1\n JNE R1, a\n INC R4\n"
		  "HALT\n",
		  ".out C3\n STRIPCF 9\n a: DEC R1\n JNE R1, a\n HALT\n",
		  "0:frozen" },
		{ ".out C3\n INC R4\n STRIPCF 9\n a: DEC R1\n JNE R1, a\n"
		  "HALT\n",
		  ".out C3\n STRIPCF 9\n a: DEC R1\n JNE R1, a\n HALT\n",
		  "ok" },
		/* Where a RET goes cannot be told apart; all must be alike. */
		{ ".out C3\n CALL R0, f\n.byte 1\n INC R4\n HALT\n"
		  "f: STRIPCF 9\n RET\n",
		  ".out C3\n CALL R0, f\n.byte 1\n HALT\n"
		  "f: STRIPCF 9\n RET\n", "6:frozen" },
	};

	CHECK_ROWS(rows);
}

/* ---- the scratch -------------------------------------------------------- */

/* A program whose hash is not made (all zero) must not be taken for another
 * such. */
static void unsealed(void)
{
	struct fisa_verify_scratch *s = fisa_verify_scratch_new();
	struct fisa_program *a = isa_program(isa_unified(), "RET\n HALT\n");
	struct fisa_program *b = isa_program(isa_unified(), "NOP\n HALT\n");
	struct fisa_program *c = isa_program(isa_unified(), "RET\n HALT\n");

	memset(a->hash, 0, sizeof(a->hash));
	memset(b->hash, 0, sizeof(b->hash));
	UNIT_STR_EQ(findings(c, a, s), "ok");
	UNIT_STR_EQ(findings(c, b, s), "0:call");
	UNIT_STR_EQ(findings(c, a, s), "ok");
	fisa_program_free(a);
	fisa_program_free(b);
	fisa_program_free(c);
	fisa_verify_scratch_free(s);
	fisa_verify_scratch_free(NULL);
}

static void ends(void)
{
	struct fisa_program *a = isa_program(isa_unified(), "POP R1\n HALT\n");
	struct fisa_program *b =
		isa_program(isa_unified(), "POP R2\n POP R3\n HALT\n");
	struct fisa_finding f[2];

	memset(f, 0xEE, sizeof(f));
	UNIT_EQ(fisa_verify_child(b, a, NULL, f, 1), 4);
	UNIT_EQ(f[0].pc, 0);
	UNIT_EQ(f[1].pc, 0xEEEEEEEE);
	a->size = 0;
	memset(a->hash, 0, sizeof(a->hash));
	UNIT_TRUE(fisa_verify_child(b, a, NULL, NULL, 0) > 0, "empty parent");
	a->size = 3;
	b->size = 0;
	UNIT_EQ(fisa_verify_child(b, a, NULL, f, 1), 1);
	UNIT_EQ(f[0].verdict, FISA_BAD_EMPTY);
	b->size = 5;
	fisa_program_free(a);
	fisa_program_free(b);
	fisa_verify_scratch_free(scratch);
	scratch = NULL;
}

/* A child that is its parent with a byte changed: whatever it is, no crash,
 * the same answer with a fresh and with a warm scratch, and the parent
 * itself is always fine. */
static void flipped(void)
{
	static const char text[] =
		".in R1\n.in R2 0..9\n.out R3\n MOVI R4, 5\n"
		"a: ADD R3, R3, R1\n STRIPCF 2\n CONF_ADD R3, R1, R2\n"
		"CALL R0, f\n.byte 1\n LOOP R4, a\n DIV R3, R3, R2\n"
		"MOVI R5, 4\n JZ R1, R5\n YIELD 0\n HALT\n"
		"f: PUSH R1\n POP R2\n RET\n";
	struct fisa_program *p = isa_program(isa_unified(), text);
	struct fisa_verify_scratch *s = fisa_verify_scratch_new();
	unsigned long rounds = unit_scale(20000);
	uint64_t seed = 3;

	for (unsigned long k = 0; p && k < rounds; k++) {
		struct fisa_program *c;
		uint8_t code[256];
		char fresh[512];

		memcpy(code, p->code, p->size);
		code[isa_below(&seed, p->size)] = (uint8_t)isa_random(&seed);
		c = fisa_program_derive(p, code, p->size, p->entry, 0);
		if (k % 8 == 0) {
			strcpy(fresh, findings(c, p, NULL));
			UNIT_STR_EQ(findings(c, p, s), fresh);
		} else {
			findings(c, p, s);
		}
		fisa_program_free(c);
	}
	UNIT_STR_EQ(findings(p, p, s), "ok");
	fisa_verify_scratch_free(s);
	fisa_program_free(p);
}

static const struct unit_test tests[] = {
	{ "relative", "unchanged", unchanged },
	{ "lethal", "matched", matched },
	{ "lethal", "harmless", harmless },
	{ "sensitive", "kept rows", kept_rows },
	{ "sensitive", "layout", layout },
	{ "sensitive", "cycles", cycles },
	{ "sensitive", "strip", strip },
	{ "scratch", "unsealed", unsealed },
	{ "scratch", "flipped", flipped },
	{ "scratch", "ends", ends },
};
UNIT_MAIN(tests)
