/*
 * test_facts.c - the facts of a program: what is reached, block heads, live
 * cells, and whether code addresses or counts may show.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

static bool has(const struct fisa_set *s, unsigned cell)
{
	return s->w[cell / 64] >> (cell % 64) & 1;
}

static unsigned cell(const char *file, unsigned n)
{
	const struct fisa_dialect *d = isa_unified();

	return d->files[fisa_file_by_name(d, file, strlen(file))].first + n;
}

/* A program with its facts; both freed by done(). */
struct subject {
	struct fisa_program *p;
	struct fisa_facts *f;
};

static bool make(struct subject *s, const char *text)
{
	struct fisa_error err = { "" };

	s->f = NULL;
	s->p = isa_program(isa_unified(), text);
	return s->p && UNIT_TRUE(fisa_facts_make(s->p, &s->f, &err) == 0,
				 "%s", err.text);
}

static void done(struct subject *s)
{
	fisa_facts_free(s->f);
	fisa_program_free(s->p);
}

/* The address of a label. */
static uint32_t at(const struct subject *s, const char *label)
{
	for (uint32_t i = 0; i < s->p->label_count; i++)
		if (strcmp(s->p->labels[i].name, label) == 0)
			return s->p->labels[i].pc;
	UNIT_TRUE(0, "no label %s", label);
	return 0;
}

static uint32_t insn_at(const struct subject *s, const char *label)
{
	uint32_t i = s->f->index[at(s, label)];

	UNIT_TRUE(i < s->f->count, "%s is not reached", label);
	return i < s->f->count ? i : 0;
}

/* The live registers R1..R9 before a label, as digits. */
static const char *live(const struct subject *s, const char *label)
{
	static char out[16];
	const struct fisa_set *set = &s->f->live_in[insn_at(s, label)];
	size_t n = 0;

	for (unsigned r = 1; r <= 9; r++)
		if (has(set, cell("R", r)))
			out[n++] = (char)('0' + r);
	out[n] = '\0';
	return out;
}

/* ---- reached code and heads --------------------------------------------- */

static void reached(void)
{
	struct subject s;

	if (make(&s, "a: JMP c\n b: INC R1\n c: JEQ R2, e\n d: INC R3\n"
		     "e: HALT\n f: INC R4\n")) {
		UNIT_EQ(s.f->count, 4);
		UNIT_EQ(s.f->index[at(&s, "b")], UINT32_MAX);
		UNIT_EQ(s.f->index[at(&s, "f")], UINT32_MAX);
		UNIT_EQ(s.f->index[s.p->size], UINT32_MAX);
		UNIT_EQ(s.f->index[at(&s, "a") + 1], UINT32_MAX);
		for (uint32_t i = 0; i < s.f->count; i++)
			UNIT_EQ(s.f->index[s.f->insn[i].pc], i);
		UNIT_EQ(s.f->is_head[insn_at(&s, "a")], 1);
		UNIT_EQ(s.f->is_head[insn_at(&s, "c")], 1);
		UNIT_EQ(s.f->is_head[insn_at(&s, "d")], 1);
		UNIT_EQ(s.f->is_head[insn_at(&s, "e")], 1);
		UNIT_TRUE(!s.f->has_call && !s.f->has_dynamic &&
			  s.f->has_boundary && !s.f->layout_frozen &&
			  !s.f->count_frozen, "a plain program");
		UNIT_STR_EQ(s.f->frozen_reason, "");
	}
	done(&s);
}

static void constant_branches(void)
{
	struct subject s;

	/* On the zero register both are decided; a jump that is never taken
	 * is followed all the same. */
	if (make(&s, "JEQ R0, b\n a: INC R1\n b: JNE R0, a2\n HALT\n"
		     "a2: HALT\n")) {
		UNIT_EQ(s.f->index[at(&s, "a")], UINT32_MAX);
		UNIT_TRUE(s.f->index[at(&s, "a2")] != UINT32_MAX, "followed");
	}
	done(&s);
}

static void calls(void)
{
	struct subject s;

	if (make(&s, ".out R3\n MOVI R1, 1\n c1: CALL R0, f\n .byte 1\n"
		     "x: MOVI R1, 2\n c2: CALL R0, f\n .byte 1\n"
		     "y: HALT\n f: ADD R3, R3, R1\n g: RET\n")) {
		UNIT_EQ(s.f->count, 7);
		UNIT_TRUE(s.f->has_call, "calls");
		UNIT_TRUE(!s.f->layout_frozen, "%s", s.f->frozen_reason);
		/* The filler behind a call is no instruction. */
		UNIT_EQ(s.f->index[at(&s, "x") - 1], UINT32_MAX);
		UNIT_EQ(s.f->is_head[insn_at(&s, "x")], 1);
		UNIT_EQ(s.f->is_head[insn_at(&s, "f")], 1);
		UNIT_STR_EQ(live(&s, "f"), "13");
		UNIT_STR_EQ(live(&s, "x"), "3");
		UNIT_STR_EQ(live(&s, "y"), "3");
	}
	done(&s);
	/* What is called and never returns. */
	if (make(&s, "CALL R0, f\n .byte 1\n x: .byte 0xFF\n f: HALT\n"))
		UNIT_EQ(s.f->count, 2);
	done(&s);
}

/* ---- liveness ----------------------------------------------------------- */

static const struct {
	const char *text;
	const char *live; /* at label p */
} live_rows[] = {
	/* A default manifest observes all registers. */
	{ "p: MOVI R1, 1\n MOVI R2, 2\n HALT\n", "3456789" },
	{ ".out R3\n p: ADD R3, R1, R2\n HALT\n", "12" },
	{ ".out R3\n MOVI R1, 1\n p: MOVI R1, 2\n MOV R3, R1\n HALT\n", "" },
	/* Both ways of a branch. */
	{ ".out R3\n p: JEQ R1, e\n MOV R3, R2\n e: HALT\n", "123" },
	/* Round a loop. */
	{ ".out R3\n p: ADD R3, R3, R2\n DEC R1\n JNE R1, p\n HALT\n", "123" },
	/* MOD may leave its result as it was. */
	{ ".out R3\n p: MOD R3, R1, R2\n HALT\n", "123" },
	/* A fault ends the task, and shows what a halt would. */
	{ ".out R3\n p: DIV R4, R1, R2\n MOVI R3, 0\n HALT\n", "123" },
	{ ".out R3\n p: ISTINCT_SUM R4, R1\n MOVI R3, 0\n HALT\n", "14" },
	{ ".out R3\n p: TELL R1, R2, R4\n MOVI R3, 0\n HALT\n", "124" },
	/* Behind a boundary the agent goes on: no end, whatever .out says. */
	{ ".out R3\n a: INC R1\n p: YIELD 0\n TELL R1, R1, R1\n JMP a\n",
	  "1" },
	{ ".out none\n p: TELL R1, R1, R1\n HALT\n", "1" },
	{ ".out R3\n p: SENSE R1\n TELL R1, R2, R0\n HALT\n", "23" },
	/* What a row reads is live, even for a result that is dead. */
	{ ".out R3\n p: SWP R1, R3\n HALT\n", "13" },
	{ ".out R3\n p: RESET\n HALT\n", "" },
	{ ".out R3\n p: ASK R1, R1, R1\n HALT\n", "123456789" },
	{ ".out mem 0x100 4\n p: STOREI R1, R0, 0x100\n HALT\n", "1" },
	{ ".out R3\n .boundary out:TELL\n a: MOVI R3, 1\n p: TELL R1, R1, R1\n"
	  "MOVI R3, 2\n JMP a\n", "1" },
	{ ".out R3\n .boundary pc:a\n p: INC R1\n a: INC R2\n MOVI R3, 2\n"
	  "JMP p\n", "12" },
	/* A call at the very end: its RET ends the run. */
	{ ".out R3\n JMP a\n p: RET\n a: CALL R0, p\n", "3" },
	/* The depth of the stack shows that POP cannot fault. */
	{ ".out R3\n p: PUSH R1\n POP R2\n MOV R3, R2\n HALT\n", "1" },
	{ ".out R3\n p: POP R2\n MOV R3, R2\n HALT\n", "3" },
};

static void liveness(void)
{
	for (size_t i = 0; i < sizeof(live_rows) / sizeof(live_rows[0]); i++) {
		struct subject s;

		if (make(&s, live_rows[i].text))
			UNIT_TRUE(strcmp(live(&s, "p"), live_rows[i].live) == 0,
				  "\"%s\" live, not \"%s\", in:\n%s",
				  live(&s, "p"), live_rows[i].live,
				  live_rows[i].text);
		done(&s);
	}
}

static void other_cells(void)
{
	struct subject s;
	const struct fisa_set *set;

	if (make(&s, ".out C3\n p: CONF_ADD R3, R1, R2\n HALT\n")) {
		set = &s.f->live_in[insn_at(&s, "p")];
		UNIT_TRUE(has(set, cell("C", 1)) && has(set, cell("C", 2)) &&
			  has(set, cell("C", 3)) && has(set, cell("STRIP", 0)),
			  "confidence in, and its counter");
		UNIT_TRUE(!has(set, cell("R", 3)), "the value is dead");
	}
	done(&s);
	if (make(&s, "p: INC R1\n HALT\n")) {
		set = &s.f->live_in[insn_at(&s, "p")];
		UNIT_TRUE(!has(set, cell("Z", 0)), "no row reads a flag");
		UNIT_TRUE(has(set, isa_unified()->sp_cell),
			  "the stack is observed");
		UNIT_TRUE(has(set, cell("F", 5)) && has(set, cell("C", 5)),
			  "all files are");
	}
	done(&s);
}

static void observed(void)
{
	struct fisa_program *p;
	struct fisa_set set;

	p = isa_program(isa_unified(), "HALT\n");
	fisa_observed_cells(p, &set);
	UNIT_TRUE(has(&set, cell("R", 0)) && has(&set, cell("F", 63)) &&
		  has(&set, cell("C", 7)) && has(&set, isa_unified()->sp_cell),
		  "default");
	UNIT_TRUE(!has(&set, cell("Z", 0)) && !has(&set, cell("STRIP", 0)),
		  "no flags");
	fisa_program_free(p);
	p = isa_program(isa_unified(), ".out R3\n.out Z\n HALT\n");
	fisa_observed_cells(p, &set);
	UNIT_TRUE(has(&set, cell("R", 3)) && has(&set, cell("Z", 0)) &&
		  !has(&set, cell("R", 4)) &&
		  !has(&set, isa_unified()->sp_cell), "named");
	fisa_program_free(p);
	p = isa_program(isa_unified(), ".out none\n TELL R1,R1,R1\n HALT\n");
	fisa_observed_cells(p, &set);
	for (int w = 0; w < FISA_SET_WORDS; w++)
		UNIT_EQ(set.w[w], 0);
	fisa_program_free(p);
}

/* ---- frozen ------------------------------------------------------------- */

static const struct {
	const char *text;
	const char *reason; /* a part of it; NULL: free */
} frozen_rows[] = {
	{ ".out R3\n MOVI R3, 1\n HALT\n", NULL },
	/* Calls by the data stack alone, nested, in a loop, recursive. */
	{ ".out R3\n CALL R0, f\n.byte 1\n HALT\n f: INC R3\n RET\n", NULL },
	{ ".out R3\n a: CALL R0, f\n.byte 1\n LOOP R1, a\n HALT\n"
	  "f: PUSH R3\n CALL R0, g\n.byte 1\n POP R3\n RET\n"
	  "g: INC R3\n RET\n", NULL },
	{ ".out R3\n CALL R0, f\n.byte 1\n HALT\n f: DEC R1\n JLE R1, x\n"
	  "PUSH R1\n CALL R0, f\n.byte 1\n POP R1\n x: RET\n", NULL },
	/* RET on an empty stack does nothing. */
	{ ".out R3\n RET\n MOVI R3, 1\n HALT\n", NULL },
	/* A link that ends where nobody looks. */
	{ ".out R3\n JAL R0, a\n a: HALT\n", NULL },
	{ ".out R3\n JAL R5, a\n a: HALT\n", NULL },
	{ "JAL R5, a\n a: HALT\n", "kept in a register" },
	{ ".out R3\n JAL R5, a\n a: TELL R5, R5, R5\n HALT\n",
	  "kept in a register" },
	{ ".out R3\n JAL R5, f\n .byte 1\n HALT\n f: CALL R5, 1\n .byte 1\n",
	  "kept in a register" },
	{ ".out R3\n MOVI R5, b-a\n a: JZ R1, R5\n INC R3\n b: HALT\n",
	  "register says" },
	{ ".out R3\n JZ R1, R5\n HALT\n", "register says" },
	/* A link read as data, and a stack that is looked at. */
	{ ".out R3\n CALL R0, f\n.byte 1\n HALT\n f: POP R4\n HALT\n",
	  "popped as data" },
	{ ".out R3\n CALL R0, f\n.byte 1\n HALT\n f: POP R4\n PUSH R4\n RET\n",
	  "may not find the link" },
	{ ".out R3\n CALL R0, f\n.byte 1\n HALT\n f: PUSH R4\n RET\n",
	  "may not find the link" },
	{ ".out R3\n PUSH R1\n RET\n HALT\n", "data for an address" },
	{ "CALL R0, f\n.byte 1\n HALT\n f: HALT\n", "where the run ends" },
	{ ".out R3\n CALL R0, f\n.byte 1\n HALT\n f: HALT\n", NULL },
	{ ".out R3\n CALL R0, f\n.byte 1\n HALT\n f: YIELD 0\n RET\n",
	  "at a task boundary" },
	/* Into a function by a jump. */
	{ ".out R3\n CALL R0, f\n.byte 1\n JEQ R1, g\n HALT\n f: INC R3\n"
	  "g: RET\n", "shared by functions" },
	{ ".out R3\n a: DEC R1\n JLE R1, x\n CALL R0, a\n.byte 1\n x: RET\n"
	  "HALT\n", "call of the program's entry" },
};

static void frozen(void)
{
	for (size_t i = 0; i < sizeof(frozen_rows) / sizeof(*frozen_rows);
	     i++) {
		const char *want = frozen_rows[i].reason;
		struct subject s;

		if (make(&s, frozen_rows[i].text)) {
			UNIT_TRUE(s.f->layout_frozen == (want != NULL),
				  "frozen: \"%s\" in:\n%s", s.f->frozen_reason,
				  frozen_rows[i].text);
			UNIT_TRUE(strstr(s.f->frozen_reason, want ? want : ""),
				  "\"%s\" in:\n%s", s.f->frozen_reason,
				  frozen_rows[i].text);
		}
		done(&s);
	}
}

static void counted(void)
{
	struct subject s;

	if (make(&s, ".out R3\n CYCLE_READ R1\n HALT\n")) {
		UNIT_TRUE(s.f->count_frozen && !s.f->layout_frozen, "counts");
		UNIT_STR_EQ(s.f->frozen_reason, "the cycle counter is read");
	}
	done(&s);
	if (make(&s, ".out R3\n HALT\n CYCLE_READ R1\n HALT\n"))
		UNIT_TRUE(!s.f->count_frozen, "not reached");
	done(&s);
}

static void register_targets(void)
{
	struct subject s;

	/* One constant: the target is known, the code behind it is reached. */
	if (make(&s, ".out R3\n MOVI R5, b-a\n a: JZ R1, R5\n HALT\n"
		     "b: MOVI R3, 2\n HALT\n")) {
		UNIT_TRUE(s.f->has_dynamic, "dynamic");
		UNIT_EQ(s.f->count, 5);
		UNIT_STR_EQ(live(&s, "b"), "");
		UNIT_STR_EQ(live(&s, "a"), "135");
		UNIT_EQ(s.f->insn[insn_at(&s, "a")].target, FISA_NO_TARGET);
	}
	done(&s);
	/* A link: back to behind the JAL. */
	if (make(&s, ".out R3\n JAL R5, f\n r: MOVI R3, 1\n HALT\n"
		     "f: CALL R5, 0\n .byte 1\n"))
		UNIT_STR_EQ(live(&s, "r"), "");
	done(&s);
	/* Two constants: anything may happen next. */
	if (make(&s, ".out R3\n MOVI R5, b-a\n JEQ R2, a\n MOVI R5, 4\n"
		     "a: JZ R1, R5\n HALT\n b: HALT\n")) {
		UNIT_STR_EQ(live(&s, "a"), "123456789");
		for (uint32_t i = 0; i < s.f->count; i++)
			UNIT_EQ(s.f->is_head[i], 1);
	}
	done(&s);
	/* The jump itself opens a way on which the register changes. */
	if (make(&s, ".out R3\n MOVI R5, b-a\n a: JZ R1, R5\n HALT\n"
		     "b: MOVI R5, 8\n JMP a\n"))
		UNIT_STR_EQ(live(&s, "a"), "123456789");
	done(&s);
}

static void boundaries(void)
{
	struct subject s;

	if (make(&s, "a: JMP a\n"))
		UNIT_TRUE(!s.f->has_boundary, "none");
	done(&s);
	if (make(&s, "a: YIELD 1\n JMP a\n"))
		UNIT_TRUE(s.f->has_boundary, "yield");
	done(&s);
	if (make(&s, ".boundary out:TELL\n a: TELL R1,R1,R1\n b: JMP a\n")) {
		UNIT_TRUE(s.f->has_boundary, "output");
		UNIT_EQ(s.f->is_head[insn_at(&s, "b")], 1);
	}
	done(&s);
	if (make(&s, ".boundary out:TELL\n a: REPLY R1,R1,R1\n JMP a\n"))
		UNIT_TRUE(!s.f->has_boundary, "another output");
	done(&s);
	if (make(&s, ".boundary pc:b\n a: INC R1\n b: INC R2\n JMP a\n")) {
		UNIT_TRUE(s.f->has_boundary, "pc");
		UNIT_EQ(s.f->is_head[insn_at(&s, "b")], 1);
	}
	done(&s);
}

static const struct unit_test tests[] = {
	{ "flow", "reached", reached },
	{ "flow", "constant branches", constant_branches },
	{ "flow", "calls", calls },
	{ "flow", "register targets", register_targets },
	{ "flow", "boundaries", boundaries },
	{ "live", "registers", liveness },
	{ "live", "other cells", other_cells },
	{ "live", "observed", observed },
	{ "frozen", "layout", frozen },
	{ "frozen", "cycles", counted },
};
UNIT_MAIN(tests)
