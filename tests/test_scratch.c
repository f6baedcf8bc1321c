/*
 * test_scratch.c - scratch memory in which something lives from task to task
 * is no scratch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

/* The clauses left of a program, as "first+count first+count". */
static const char *settled(const char *text)
{
	static char out[512];
	struct fisa_program *p = isa_program(isa_unified(), text);
	struct fisa_facts *f = NULL;
	struct fisa_error err = { "" };
	size_t n = 0;
	int lives;

	out[0] = '\0';
	if (!p)
		return "no program";
	UNIT_EQ(fisa_facts_make(p, &f, &err), 0);
	lives = fisa_scratch_lives(p, f);
	UNIT_TRUE(fisa_program_settle_scratch(p, &err) == 0, "%s", err.text);
	for (uint32_t i = 0; i < p->manifest.scratch_count; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%x+%u",
				      i ? " " : "",
				      (unsigned)p->manifest.scratch[i].first,
				      (unsigned)p->manifest.scratch[i].count);
	/* What is left is dead, and was before, or something was cut. */
	UNIT_EQ(fisa_scratch_lives(p, f), 0);
	UNIT_TRUE(lives >= 0, "memory");
	fisa_facts_free(f);
	fisa_program_free(p);
	return out;
}

#define HEAD ".dialect unified\n.in R8\n.scratch mem 0x100 16\n"

/* Stored to before it is read: dead between tasks. */
static void dead_words(void)
{
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n STOREI R1, R0, 0x100\n"
			    " LOADI R2, R0, 0x100\n ADD R8, R8, R2\n"
			    " YIELD 0\n JMP t\n"), "100+16");
	/* Never read at all. */
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n STOREI R1, R0, 0x100\n"
			    " YIELD 0\n JMP t\n"), "100+16");
	/* No agent that continues. */
	UNIT_STR_EQ(settled(HEAD " LOADI R2, R0, 0x104\n HALT\n"), "100+16");
}

/* A counter in what was called scratch. */
static void living_words(void)
{
	UNIT_STR_EQ(settled(HEAD "t: LOADI R1, R0, 0x104\n INC R1\n"
			    " STOREI R1, R0, 0x104\n MOV R8, R1\n"
			    " YIELD 0\n JMP t\n"), "100+4 108+8");
	UNIT_STR_EQ(settled(HEAD "t: LOADI R1, R0, 0x100\n INC R1\n"
			    " STOREI R1, R0, 0x100\n YIELD 0\n JMP t\n"),
		    "104+12");
	UNIT_STR_EQ(settled(HEAD "t: LOADI R1, R0, 0x10C\n"
			    " STOREI R1, R0, 0x10C\n YIELD 0\n JMP t\n"),
		    "100+12");
	/* Partly in the clause. */
	UNIT_STR_EQ(settled(HEAD "t: LOADI R1, R0, 0x0FE\n"
			    " STOREI R1, R0, 0x0FE\n YIELD 0\n JMP t\n"),
		    "102+14");
}

/* On one way round it is stored to, on the other not. */
static void some_ways(void)
{
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n JEQ R1, skip\n"
			    " STOREI R1, R0, 0x108\n"
			    "skip: LOADI R2, R0, 0x108\n ADD R8, R8, R2\n"
			    " YIELD 0\n JMP t\n"), "100+8 10c+4");
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n STOREI R1, R0, 0x108\n"
			    " JEQ R1, skip\n INC R8\n"
			    "skip: LOADI R2, R0, 0x108\n ADD R8, R8, R2\n"
			    " YIELD 0\n JMP t\n"), "100+16");
	/* Live at one of two boundaries only. */
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n STOREI R1, R0, 0x108\n"
			    " YIELD 0\n LOADI R2, R0, 0x108\n"
			    " ADD R8, R8, R2\n YIELD 0\n JMP t\n"),
		    "100+8 10c+4");
}

/* Addresses that are computed. */
static void computed_addresses(void)
{
	/* The declaration is believed. */
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n STOREI R1, R0, 0x100\n"
			    " LOAD R2, R1, R8\n STOREI R2, R0, 0x104\n"
			    " MOV R8, R2\n YIELD 0\n JMP t\n"), "100+16");
	/* Such a store stores to nothing for sure. */
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n STORE R1, R1, R8\n"
			    " LOADI R2, R0, 0x100\n MOV R8, R2\n"
			    " YIELD 0\n JMP t\n"), "104+12");
	/* Calls are not followed: any byte that is read lives. */
	UNIT_STR_EQ(settled(HEAD "t: SENSE R1\n STOREI R1, R0, 0x100\n"
			    " LOADI R2, R0, 0x100\n CALL R0, f\n .byte 0\n"
			    " YIELD 0\n JMP t\nf: INC R8\n RET\n"),
		    "104+12");
}

static void other_boundaries(void)
{
	UNIT_STR_EQ(settled(HEAD ".boundary pc:t\n"
			    "t: LOADI R1, R0, 0x100\n INC R1\n"
			    " STOREI R1, R0, 0x100\n JMP t\n"), "104+12");
	UNIT_STR_EQ(settled(HEAD ".boundary out:TELL\n"
			    "t: LOADI R1, R0, 0x100\n INC R1\n"
			    " STOREI R1, R0, 0x100\n TELL R1, R1, R1\n"
			    " JMP t\n"), "104+12");
}

static void many_clauses(void)
{
	/* Overlapping ones lose the same bytes. */
	UNIT_STR_EQ(settled(HEAD ".scratch mem 0x104 8\n"
			    "t: LOADI R1, R0, 0x104\n INC R1\n"
			    " STOREI R1, R0, 0x104\n YIELD 0\n JMP t\n"),
		    "100+4 108+8 108+4");
	/* Large ones. */
	UNIT_STR_EQ(settled(".dialect unified\n.in R8\n"
			    ".scratch mem 0x1000 0x4000\n"
			    "t: SENSE R1\n LOADI R2, R0, 0x1010\n"
			    " ADD R8, R1, R2\n YIELD 0\n JMP t\n"),
		    "1000+16 1014+16364");
	UNIT_STR_EQ(settled(".dialect unified\n.in R8\n"
			    ".scratch mem 0x1000 0x4000\n"
			    "t: SENSE R1\n YIELD 0\n JMP t\n"), "1000+16384");
	UNIT_STR_EQ(settled(".dialect unified\n.in R8\n"
			    "t: SENSE R1\n YIELD 0\n JMP t\n"), "");
}

static const struct unit_test tests[] = {
	{ "words", "dead", dead_words },
	{ "words", "living", living_words },
	{ "words", "ways", some_ways },
	{ "addresses", "computed", computed_addresses },
	{ "boundaries", "others", other_boundaries },
	{ "clauses", "many", many_clauses },
};

UNIT_MAIN(tests)
