/*
 * test_disasm.c - what the disassembler prints, and above all that it
 * assembles to what it was made of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

/* ---- what is printed ---------------------------------------------------- */

/* The lines of a disassembly without .dialect, address comments and the
 * blanks before them. */
static char *bare_text(const struct fisa_program *p)
{
	char *text = fisa_disassemble(p), *out = text;
	bool comment = false;

	CU_ASSERT_FATAL(text != NULL);
	for (const char *in = strchr(text, '\n') + 1; *in; in++) {
		if (*in == ';')
			comment = true;
		if (*in == '\n') {
			while (out > text && out[-1] == ' ')
				out--;
			comment = false;
		}
		if (!comment)
			*out++ = *in;
	}
	*out = '\0';
	return text;
}

static void check_text(const struct fisa_dialect *d, const char *text,
		       const char *want)
{
	struct fisa_program *p = isa_program(d, text);
	char *got;

	if (!p)
		return;
	got = bare_text(p);
	UNIT_TRUE(strcmp(got, want) == 0, "of: %s\ngot:\n%swant:\n%s", text,
		  got, want);
	isa_comes_back(p);
	free(got);
	fisa_program_free(p);
}

static void prints_code(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "HALT", "        HALT\n" },
		{ "movi r4, 0x10", "        MOVI   R4, 16\n" },
		{ "FADD F1, F2, F3", "        FADD   F1, F2, F3\n" },
		{ "MOV R1, R200", "        MOV    R1, R200\n" },
		/* The text's own names, also those nobody refers to. */
		{ "a: b: JMP a", "a:\nb:\n        JMP    a\n" },
		{ "x: NOP\ny: JMP x",
		  "x:\n        NOP\ny:\n        JMP    x\n" },
		/* Names of our making. */
		{ "NOP\nJMP -1",
		  "L_0000:\n        NOP\n        JMP    L_0000\n" },
		{ "JMP 4", "        JMP    L_0004\nL_0004:\n" },
		{ "CALL R0, 4\nNOP\n",
		  "        CALL   R0, L_0004\nL_0004:\n        NOP\n" },
		/* None where they would meet the text's, or mid-statement, or
		 * outside, or through a register. */
		{ "L_9: NOP\nNOP\nJMP -1",
		  "L_9:\n        NOP\n        NOP\n        JMP    -1\n" },
		{ "MOVI R1, 1\nJMP -1",
		  "        MOVI   R1, 1\n        JMP    -1\n" },
		{ "JMP -1", "        JMP    -1\n" },
		{ "JMP 5", "        JMP    5\n" },
		{ "CALL R1, 0", "        CALL   R1, 0\n" },
		/* A label inside an instruction is dropped. */
		{ ".byte 0x18\nz: .byte 4, 0", "        MOVI   R4, 0\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_text(isa_unified(), cases[i].text, cases[i].want);
}

static void prints_bytes(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		/* Undefined, and how a run of it is written. */
		{ ".byte 0xFF, 0x01", "        .byte  0xff, 0x01\n" },
		{ ".byte 0xFF\nNOP\nNOP\nNOP\nNOP\nNOP",
		  "        .byte  0xff\n        NOP\n        NOP\n"
		  "        NOP\n        NOP\n        NOP\n" },
		/* Bytes that no text of the row has. */
		{ ".byte 0x3A, 1, 2, 9",
		  "        .byte  0x3a, 0x01, 0x02, 0x09\n" },
		{ ".byte 0x69, 0, 0, 1\nHALT",
		  "        .byte  0x69, 0x00, 0x00, 0x01\n        HALT\n" },
		/* Cut off. */
		{ ".byte 0x18", "        .byte  0x18\n" },
		{ "NOP\n.byte 0x40, 0, 0",
		  "        NOP\n        .byte  0x40, 0x00, 0x00\n" },
		/* Whole, but the machine's check wants a byte more. */
		{ "MEMFILL R1, 5", "        .byte  0xd3, 0x01, 0x05, 0x00\n" },
		/* The byte that RET skips is no start of an instruction. */
		{ "f: CALL R0, f\n.byte 0x18\nRET\nNOP\nHALT",
		  "f:\n        CALL   R0, f\n        .byte  0x18\n"
		  "        RET\n        NOP\n        HALT\n" },
		{ "f: CALL R0, f\nNOP\nRET",
		  "f:\n        CALL   R0, f\n        NOP\n        RET\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_text(isa_unified(), cases[i].text, cases[i].want);
}

static void prints_manifest(void)
{
	check_text(isa_unified(),
		   ".entry go\n.boundary pc:b\n.scratch mem 16 2\n"
		   ".out mem 1 2, stack, F2\n.in R1, R2 0..5, Z, mem 0 1\n"
		   ".in stack 2 -1..1, mem 9 2 3..4\n"
		   ".data 4 byte 1,2\n.data 9 word -1\n"
		   "NOP\ngo: NOP\nb: HALT\n",
		   ".in       R1\n.in       R2 0..5\n.in       Z\n"
		   ".in       mem 0x0 1\n.in       stack 2 -1..1\n"
		   ".in       mem 0x9 2 3..4\n"
		   ".out      mem 0x1 2\n.out      stack\n.out      F2\n"
		   ".scratch  mem 0x10 2\n.boundary pc:b\n"
		   ".data     0x4 byte 1,2\n"
		   ".data     0x9 byte 255,255,255,255\n"
		   ".entry    go\n"
		   "        NOP\ngo:\n        NOP\nb:\n        HALT\n");
	check_text(isa_unified(), ".out none\n.boundary out:SYS\nHALT",
		   ".out      none\n.boundary out:SYS\n        HALT\n");
	/* Places inside a statement are written as numbers. */
	check_text(isa_unified(), ".entry 1\n.boundary pc:2\nMOVI R1, 1",
		   ".boundary pc:2\n.entry    1\n        MOVI   R1, 1\n");
	check_text(isa_unified(), ".entry 1\nNOP\nNOP",
		   ".entry    L_0001\n        NOP\nL_0001:\n"
		   "        NOP\n");
	check_text(isa_unified(), ".boundary yield\nHALT",
		   "        HALT\n");
}

static void prints_other_dialects(void)
{
	const struct fisa_dialect *d = isa_tiny();

	check_text(d, "SAY", "        SAY\n");
	check_text(d, "SAY 1, \"a\"\nSTOP",
		   "        SAY    0x01, 0x61\n        STOP\n");
	check_text(d, "GO x\nx: STOP",
		   "        GO     x\nx:\n        STOP\n");
	check_text(d, "GO -3", "L_0000:\n        GO     L_0000\n");
	check_text(d, "AT 3\nSTOP",
		   "        AT     L_0003\nL_0003:\n        STOP\n");
	check_text(d, "LI A3, -5\nVADD V1, V0, V255",
		   "        LI     A3, -5\n        VADD   V1, V0, V255\n");
	/* A payload that runs past the end. */
	check_text(d, ".byte 0x14, 9, 0, 1",
		   "        .byte  0x14, 0x09, 0x00, 0x01\n");
	check_text(d, ".byte 0x14, 9", "        .byte  0x14, 0x09\n");
}

static void line_form(void)
{
	struct fisa_program *p = isa_program(isa_unified(),
		".byte 1,2,3,4,5,6,7\n.byte 0xff,0xff,0xff,0xff,0xff,0xff");
	char *text;

	CU_ASSERT_FATAL(p != NULL);
	text = fisa_disassemble(p);
	CU_ASSERT_FATAL(text != NULL);
	UNIT_EQ(strncmp(text, ".dialect  unified\n", 18), 0);
	UNIT_EQ(strncmp(text + 18, "        NOP                             "
			"; 0\n", 44), 0);
	for (const char *at = text; *at; at = strchr(at, '\n') + 1)
		UNIT_EQ(strchr(at, '\n') - at <= 80, 1);
	free(text);
	fisa_program_free(p);
}

static void insn_texts(void)
{
	static const struct {
		const char *code;
		size_t n;
		const char *want;
	} cases[] = {
		{ "\x00", 1, "HALT" },
		{ "\x18\x04\xFF", 3, "MOVI   R4, -1" },
		{ "\x48\x01\xFE\xFF", 4, "JNE    R1, -2" },
		{ "\x45\x00\x08\x00", 4, "CALL   R0, 8" },
		{ "\xFF\x00\x00\x00\x00", 5, ".byte  0xff" },
		{ "", 0, "(end)" },
	};
	char text[64], tiny[4];
	struct fisa_insn in;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fisa_decode(isa_unified(), (const uint8_t *)cases[i].code,
			    (uint32_t)cases[i].n, 0, &in);
		fisa_insn_text(isa_unified(), &in, text, sizeof(text));
		UNIT_STR_EQ(text, cases[i].want);
		fisa_insn_text(isa_unified(), &in, tiny, sizeof(tiny));
		UNIT_EQ(strncmp(tiny, cases[i].want, 3), 0);
		UNIT_EQ(strlen(tiny) <= 3, 1);
		fisa_insn_text(isa_unified(), &in, tiny, 0);
	}
	fisa_decode(isa_tiny(), (const uint8_t *)"\x14\x01\x00\x07", 4, 0,
		    &in);
	fisa_insn_text(isa_tiny(), &in, text, sizeof(text));
	UNIT_STR_EQ(text, "SAY (4 bytes)");
}

/* ---- round trips -------------------------------------------------------- */

/* Every opcode with every byte behind it in each place. */
static void every_opcode(void)
{
	for (int op = 0; op < 256; op++) {
		for (int byte = 0; byte < 256; byte += 17) {
			uint8_t code[6];

			for (int at = 1; at < 6; at++) {
				memset(code, 0, sizeof(code));
				code[0] = (uint8_t)op;
				code[at] = (uint8_t)byte;
				if (!isa_bytes_come_back(isa_unified(), code,
						     sizeof(code)))
					return;
			}
		}
	}
}

/* Every length from 1, so that each opcode is met cut at each place. */
static void every_cut(void)
{
	for (int op = 0; op < 256; op++) {
		uint8_t code[6] = { (uint8_t)op, 0, 0, 0, 0, 0 };

		for (size_t n = 1; n <= sizeof(code); n++)
			if (!isa_bytes_come_back(isa_unified(), code, n) ||
			    !isa_bytes_come_back(isa_tiny(), code, n))
				return;
	}
}

static void random_bytes(void)
{
	unsigned long count = unit_scale(100000);
	uint64_t seed = 7;

	for (unsigned long i = 0; i < count; i++) {
		const struct fisa_dialect *d = i % 8 ? isa_unified()
						     : isa_tiny();
		uint8_t code[64];
		size_t n = 1 + isa_below(&seed, sizeof(code));

		for (size_t k = 0; k < n; k++) {
			code[k] = (uint8_t)isa_random(&seed);
			/* Near the few opcodes and lengths of the other. */
			if (i % 8 == 0)
				code[k] = code[k] < 96 ? code[k] % 4
					: 0x10 + code[k] % 9;
		}
		if (!isa_bytes_come_back(d, code, n))
			return;
	}
}

static const char valid_text[] =
	".in R1 0..1000\n.in mem 0x100 64\n.out R3\n"
	".scratch mem 0x8000 256\n.boundary pc:again\n"
	".data 0x100 byte 1,2,3\n.data 0x140 ascii \"text\"\n.entry start\n"
	"sub:    ADDI R3, 1\n        RET\n"
	"start:  MOVI R4, 0\n"
	"again:  ADD R3, R3, R1\n        CALL R0, sub\n        .byte 1\n"
	"        FADD F1, F2, F3\n        STOREI R3, R4, 0x200\n"
	"        DEC R1\n        JNE R1, again\n        JMP end\n"
	"        TELL R1, R2, R3\n        SENSE R9\n"
	"end:    HALT\n";

/* A good program with a few bytes changed, its manifest kept. */
static void mutated_programs(void)
{
	unsigned long count = unit_scale(100000);
	struct fisa_program *p = isa_program(isa_unified(), valid_text);
	uint64_t seed = 11;

	CU_ASSERT_FATAL(p != NULL);
	CU_ASSERT_FATAL(p->size <= 128);
	isa_comes_back(p);
	for (unsigned long i = 0; i < count; i++) {
		uint8_t code[128];
		uint32_t n = p->size, edits = 1 + isa_below(&seed, 3);
		struct fisa_program *q;
		bool held;

		memcpy(code, p->code, n);
		while (edits--) {
			uint32_t at = isa_below(&seed, n);

			if (isa_below(&seed, 4) == 0 && n > 2)
				memmove(code + at, code + at + 1, --n - at);
			else
				code[at] = (uint8_t)isa_random(&seed);
		}
		q = fisa_program_derive(p, code, n, isa_below(&seed, n),
					isa_below(&seed, n));
		CU_ASSERT_FATAL(q != NULL);
		held = isa_comes_back(q);
		fisa_program_free(q);
		if (!held)
			break;
	}
	fisa_program_free(p);
}

/* Manifests at random, from text to text. */
static void random_manifests(void)
{
	static const char *const clauses[] = {
		".in R%u\n", ".in R%u -5..5\n", ".in F%u\n", ".in C%u 1..1\n",
		".in mem %u 3\n", ".in mem %u 1 2..9\n", ".in flags 0..0\n",
		".in stack 4\n", ".in stack 1 -1..0\n", ".in N\n",
		".out R%u\n", ".out F%u\n", ".out mem %u 9\n", ".out stack\n",
		".out flags\n", ".out STRIP\n", ".scratch mem %u 40\n",
		".data %u byte 0\n", ".data %u word -5\n",
		".data 100 ascii \"q\"\n", ".boundary pc:%u\n",
		".boundary out:TELL\n", ".entry %u\n",
	};
	unsigned long count = unit_scale(20000), tried = 0;
	uint64_t seed = 13;

	for (unsigned long i = 0; i < count; i++) {
		char text[1024];
		size_t n = 0;
		struct fisa_program *p = NULL;
		struct fisa_error err = { "" };

		for (uint32_t k = isa_below(&seed, 8); k > 0; k--) {
			uint32_t c = isa_below(&seed, sizeof(clauses) /
					       sizeof(clauses[0]));
			uint32_t number = isa_below(&seed, c == 20 || c == 22
						    ? 4 : 63);
			char form[40];
			char *at;

			/* The one conversion, put in by hand. */
			strcpy(form, clauses[c]);
			at = strchr(form, '%');
			if (at) {
				n += (size_t)sprintf(text + n, "%.*s%u%s",
						     (int)(at - form), form,
						     number, at + 2);
			} else {
				n += (size_t)sprintf(text + n, "%s", form);
			}
		}
		sprintf(text + n, "NOP\nMOVI R1, 5\n");
		if (fisa_assemble(isa_unified(), text, strlen(text), "t", &p,
				  &err) < 0)
			continue;  /* named twice */
		tried++;
		if (!isa_comes_back(p))
			i = count;
		fisa_program_free(p);
	}
	UNIT_TRUE(tried * 4 > count, "only %lu of %lu", tried, count);
}

/* A program as large as they come, all of one row or all raw. */
static void large_programs(void)
{
	static const uint8_t fill[] = { 0x01, 0xFF, 0x43, 0x18, 0x45 };
	uint8_t *code = malloc(FISA_MAX_CODE);

	CU_ASSERT_FATAL(code != NULL);
	for (size_t i = 0; i < sizeof(fill); i++) {
		memset(code, fill[i], FISA_MAX_CODE);
		isa_bytes_come_back(isa_unified(), code, FISA_MAX_CODE);
	}
	memset(code, 0, FISA_MAX_CODE);
	code[0] = 0x14;
	code[1] = 0xFD;
	code[2] = 0xFF;
	isa_bytes_come_back(isa_tiny(), code, FISA_MAX_CODE);
	free(code);
}

static const struct unit_test tests[] = {
	{ "prints", "code", prints_code },
	{ "prints", "bytes", prints_bytes },
	{ "prints", "manifest", prints_manifest },
	{ "prints", "other_dialects", prints_other_dialects },
	{ "prints", "line_form", line_form },
	{ "prints", "insn_texts", insn_texts },
	{ "back", "every_opcode", every_opcode },
	{ "back", "every_cut", every_cut },
	{ "back", "random_bytes", random_bytes },
	{ "back", "mutated_programs", mutated_programs },
	{ "back", "random_manifests", random_manifests },
	{ "back", "large_programs", large_programs },
};

UNIT_MAIN(tests)
