/*
 * test_asm.c - assembly text: what every form assembles to, and what every
 * mistake is told as, with its line and column.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

typedef const struct fisa_dialect *(*dialect_fn)(void);

/* A text and the bytes it assembles to. */
struct code_case {
	const char *text, *hex;
};

/* A text and where and how it fails. */
struct error_case {
	const char *text, *error;
};

static void check_code(dialect_fn dialect, const struct code_case *cases,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fisa_program *p = isa_program(dialect(),
						     cases[i].text);

		if (!p)
			continue;
		UNIT_TRUE(strcmp(isa_hex(p->code, p->size),
				 cases[i].hex) == 0, "%s: %s, not %s",
			  cases[i].text, isa_hex(p->code, p->size),
			  cases[i].hex);
		fisa_program_free(p);
	}
}

static void check_errors(dialect_fn dialect, const struct error_case *cases,
			 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct fisa_program *p = NULL;
		struct fisa_error err = { "" };
		const char *text = cases[i].text;
		int rc = fisa_assemble(dialect(), text, strlen(text), "t", &p,
				       &err);

		UNIT_TRUE(rc == -1, "accepted: %s", text);
		UNIT_TRUE(p == NULL, "output touched: %s", text);
		UNIT_TRUE(strcmp(err.text, cases[i].error) == 0,
			  "%s\n      said: %s\n      want: %s", text, err.text,
			  cases[i].error);
		fisa_program_free(p);
	}
}

#define CHECK_CODE(dialect, cases) \
	check_code(dialect, cases, sizeof(cases) / sizeof((cases)[0]))
#define CHECK_ERRORS(dialect, cases) \
	check_errors(dialect, cases, sizeof(cases) / sizeof((cases)[0]))

/* ---- code --------------------------------------------------------------- */

static void instructions(void)
{
	static const struct code_case cases[] = {
		{ "HALT", "00" },
		{ "halt", "00" },
		{ "  Halt ; done", "00" },
		{ "MOVI R4, 0", "180400" },
		{ "movi r4,-1", "1804ff" },
		{ "MOVI R255, 127", "18ff7f" },
		{ "MOVI R007, +5", "180705" },
		{ "MOVI R4, 0x7F", "18047f" },
		{ "MOVI R4, -0x80", "180480" },
		{ "MOVI R4, 0X1f", "18041f" },
		{ "MOVI R4, 1+2-4", "1804ff" },
		{ "MOVI R4, - -5", "180405" },
		{ "MOVI R4, 3 - -5", "180408" },
		{ "ANDI R1, 255", "1b01ff" },
		{ "ADD R3, R3, R1", "20030301" },
		{ "FADD F1, F2, F3", "30010203" },
		{ "FADD f1, R2, F3", "30010203" },
		{ "FTOI R1, F2", "36010200" },
		{ "ITOF F1, R2", "37010200" },
		{ "CONF_ADD C1, C2, R3", "70010203" },
		{ "MOV R1, R2", "3a010200" },
		{ "JOIN", "69000000" },
		{ "FORK R9", "68090000" },
		{ "APOPTOSIS", "98000000" },
		{ "MOVI16 R5, -32768", "40050080" },
		{ "MOVI16 R5, 32767", "4005ff7f" },
		{ "LDI8 R1, 65535", "4b01ffff" },
		{ "LOADI R1, R2, 0x102", "5001020201" },
		{ "SYS 255", "10ff" },
		{ "ISTINCT_DIFFUSE R1, 7", "bc010700" },
		{ "MOVI\tR1\t,\t1\r\nHALT\r\n", "18010100" },
		{ "\n\n ; nothing\nNOP", "01" },
	};

	CHECK_CODE(isa_unified, cases);
}

static void targets(void)
{
	static const struct code_case cases[] = {
		/* A label: the distance from the jump's own start. */
		{ "a: JMP a", "43000000" },
		{ "JMP a\na: HALT", "4300040000" },
		{ "NOP\nb: DEC R1\nJNE R1, b", "010901" "4801feff" },
		{ "JMP a+4\na: HALT", "4300080000" },
		{ "JMP 4 + a\na: HALT", "4300080000" },
		{ "NOP\na: JMP a-1", "014300ffff" },
		/* A plain number: as it is encoded. */
		{ "JMP -4", "4300fcff" },
		{ "NOP\nJMP 4", "0143000400" },
		/* A difference is a plain number. */
		{ "a: NOP\nb: JMP b-a", "0143000100" },
		{ "a: NOP\nb: JMP a-b+b", "014300ffff" },
		/* Absolute rows: the address. */
		{ "NOP\nx: CALL R0, x", "0145000100" },
		{ "CALL R7, 12", "45070c00" },
		{ "ISTINCT_REFLEX R1, e\ne: HALT", "b301040000" },
		{ "JAL R9, s\ns: HALT", "4409040000" },
		{ "s: NOP\nLOOP R2, s", "014602ffff" },
		/* A label at the end of the code. */
		{ "JMP e\ne:", "43000400" },
		/* Labels in other places are addresses. */
		{ "NOP\na: MOVI R1, a", "01180101" },
		{ "s: NOP\nNOP\ne: MOVI16 R5, s-e", "01014005feff" },
		{ "NOP\na: .byte a, a+1, -a", "010102ff" },
		/* Several names for one place, and names of any kind. */
		{ "a: b: c: JMP c", "43000000" },
		{ "a:\nb:\n JMP a", "43000000" },
		{ "ADD : ADD R1, R1, R1\nJMP ADD", "20010101" "4300fcff" },
		{ "A: NOP\na: JMP A", "014300ffff" },
		{ "half: NOP\n.byte half", "0100" },
		{ "_x9: JMP _x9", "43000000" },
	};

	CHECK_CODE(isa_unified, cases);
}

static void raw_bytes(void)
{
	static const struct code_case cases[] = {
		{ ".byte 1", "01" },
		{ ".BYTE 0x01, \"ab\"", "016162" },
		{ ".byte -128, 255, 0", "80ff00" },
		{ ".byte \"\", 1", "01" },
		{ ".byte \"\\n\\t\\0\\\\\\\"\\x41\\xfF\"", "0a09005c2241ff" },
		{ ".byte \"a;b\" ; not in quotes", "613b62" },
		{ ".byte \"\\01\"", "0031" },
		{ ".byte \"\xC3\xA9\t\"", "c3a909" },
		{ "CALL R0, f\n.byte 1\nf: RET", "4500050001" "02" },
	};

	CHECK_CODE(isa_unified, cases);
}

static void other_dialects(void)
{
	static const struct code_case cases[] = {
		/* Jumps from the end of the instruction. */
		{ "a: GO a", "12fdff" },
		{ "GO a\na: STOP", "12000010" },
		{ "GO 3", "120300" },
		{ "NOP\na: AT a", "11150100" },
		/* Payloads: the length is counted. */
		{ "SAY", "140000" },
		{ "SAY 1, 2", "1402000102" },
		{ "say half 0x1234, word -2", "14060034" "12feffffff" },
		{ "SAY \"hi\", 0, HALF e-s\ns: STOP\ne:",
		  "140500686900010010" },
		{ "a: SAY a, half b\nb: STOP", "14030000060010" },
		/* A register by R or by the letters of the place. */
		{ "LI A3, 1\nLI r2, 2", "130301130202" },
		{ "VADD V1, R0, v1", "16010001" },
		{ "PUSH A0", "1700" },
	};
	static const struct error_case errors[] = {
		{ "LI V1, 1",
		  "t:1:4: register R/A is wanted, not V1" },
		{ "VADD A1, V1, V1",
		  "t:1:6: register R/V is wanted, not A1" },
		{ "SAY half \"x\"",
		  "t:1:10: a number or a label is wanted, not \"x\"" },
		{ "SAY 1,", "t:1:7: a number or a label is wanted" },
		{ "SAY half 65536",
		  "t:1:10: half: 65536 is outside -32768..65535" },
		{ "SAY 256", "t:1:5: byte: 256 is outside -128..255" },
		{ "SAY word 1 2",
		  "t:1:12: the end of the line is wanted, not 2" },
		{ "AT -1", "t:1:4: addr16le_u: -1 is outside 0..65535" },
		{ "ADD R1, R1, R1",
		  "t:1:1: a mnemonic is wanted, not ADD" },
	};

	CHECK_CODE(isa_tiny, cases);
	CHECK_ERRORS(isa_tiny, errors);
}

/* ---- errors ------------------------------------------------------------- */

static void syntax_errors(void)
{
	static const struct error_case cases[] = {
		{ "", "t:1:1: the program is empty" },
		{ "; nothing\n", "t:2:1: the program is empty" },
		{ "a:", "t:1:3: the program is empty" },
		{ "NOP\n  FOO R1", "t:2:3: a mnemonic is wanted, not FOO" },
		{ "NOP NOP",
		  "t:1:5: the end of the line is wanted, not NOP" },
		{ "MOVI R1, 1, 2",
		  "t:1:11: the end of the line is wanted, not ," },
		{ "MOVI R1", "t:1:8: , is wanted" },
		{ "MOVI R1 1", "t:1:9: , is wanted, not 1" },
		{ "MOVI", "t:1:5: register R is wanted" },
		{ "MOVI ; x", "t:1:6: register R is wanted" },
		{ "MOVI R1,", "t:1:9: a number or a label is wanted" },
		{ "MOVI 4, 1", "t:1:6: register R is wanted, not 4" },
		{ "MOVI R, 1", "t:1:6: register R is wanted, not R" },
		{ "MOVI R1x, 1", "t:1:6: register R is wanted, not R1x" },
		{ "MOVI C1, 1", "t:1:6: register R is wanted, not C1" },
		{ "MOVI R1, \"a\"",
		  "t:1:10: a number or a label is wanted, not \"a\"" },
		{ "MOVI R1, 1 +",
		  "t:1:13: a number or a label is wanted" },
		{ "MOVI R1, 12ab", "t:1:10: malformed number" },
		{ "MOVI R1, 0x", "t:1:10: malformed number" },
		{ "MOVI R1, 0xg", "t:1:10: malformed number" },
		{ "MOVI R1, 4294967296",
		  "t:1:10: a number over 4294967295" },
		{ "MOVI R1, 99999999999999999999999",
		  "t:1:10: a number over 4294967295" },
		{ "MOVI R1, 1*2", "t:1:11: unexpected *" },
		{ "NOP\n\t#", "t:2:2: unexpected #" },
		{ "NOP\n\x01", "t:2:1: unexpected byte 0x01" },
		{ "NOP\n\xC3\xA9: NOP", "t:2:1: unexpected byte 0xC3" },
		{ ", NOP", "t:1:1: a label, mnemonic or directive is wanted, "
		  "not ," },
		{ "5", "t:1:1: a label, mnemonic or directive is wanted, "
		  "not 5" },
		{ ": NOP", "t:1:1: a label, mnemonic or directive is wanted, "
		  "not :" },
		{ ".frob", "t:1:1: a directive is wanted, not .frob" },
		{ ".", "t:1:1: unexpected ." },
		{ ".byte", "t:1:6: a number or a label is wanted" },
		{ ".byte 1,", "t:1:9: a number or a label is wanted" },
		{ ".byte half 1",
		  "t:1:7: no label half" },
		{ ".byte \"abc", "t:1:7: a string without end" },
		{ ".byte \"abc\nNOP", "t:1:7: a string without end" },
		{ ".byte \"a\\q\"", "t:1:9: unknown escape in a string" },
		{ ".byte \"a\\x4\"", "t:1:9: unknown escape in a string" },
		{ ".byte \"a\\", "t:1:9: unknown escape in a string" },
		{ ".byte \"\x01\"", "t:1:8: byte 0x01 in a string" },
		{ "NOP 1..2", "t:1:5: the end of the line is wanted, not 1" },
	};

	CHECK_ERRORS(isa_unified, cases);
}

static void range_errors(void)
{
	static const struct error_case cases[] = {
		{ "MOVI R1, 128", "t:1:10: imm8s: 128 is outside -128..127" },
		{ "MOVI R1, 0xFF", "t:1:10: imm8s: 255 is outside -128..127" },
		{ "MOVI R1, -129",
		  "t:1:10: imm8s: -129 is outside -128..127" },
		{ "ANDI R1, 256", "t:1:10: imm8u: 256 is outside 0..255" },
		{ "ANDI R1, -1", "t:1:10: imm8u: -1 is outside 0..255" },
		{ "MOVI16 R1, 32768",
		  "t:1:12: imm16le_s: 32768 is outside -32768..32767" },
		{ "MOVI16 R1, 0xFFFF",
		  "t:1:12: imm16le_s: 65535 is outside -32768..32767" },
		{ "LDI8 R1, 65536",
		  "t:1:10: addr16le_u: 65536 is outside 0..65535" },
		{ "LDI8 R1, -1",
		  "t:1:10: addr16le_u: -1 is outside 0..65535" },
		{ "MOVI R256, 1", "t:1:6: rd: registers are 0..255" },
		{ "MOVI R99999999999999, 1",
		  "t:1:6: rd: registers are 0..255" },
		{ "ADD R1, R2, R300", "t:1:13: rs2: registers are 0..255" },
		{ ".byte 256", "t:1:7: byte: 256 is outside -128..255" },
		{ ".byte 0, -129", "t:1:10: byte: -129 is outside -128..255" },
		/* The first mistake of the text, whatever kind it is. */
		{ "MOVI R1, 999\nFOO\n",
		  "t:1:10: imm8s: 999 is outside -128..127" },
		{ "FOO\nMOVI R1, 999\n",
		  "t:1:1: a mnemonic is wanted, not FOO" },
	};

	CHECK_ERRORS(isa_unified, cases);
}

static void label_errors(void)
{
	static const struct error_case cases[] = {
		{ "JMP nowhere", "t:1:5: no label nowhere" },
		{ "a: NOP\n JMP A", "t:2:6: no label A" },
		{ "a: NOP\nb: NOP\na: NOP",
		  "t:3:1: label a stands at 0 already" },
		{ "a: a: NOP", "t:1:4: label a stands at 0 already" },
		{ "a: NOP\nb: JMP a+b",
		  "t:2:8: neither an address nor a number" },
		{ "a: JMP -a", "t:1:8: neither an address nor a number" },
		{ "MOVI16 R1, a\n.byte 1\na: JMP aa", "t:3:8: no label aa" },
		{ "JMP averyveryveryverylongnamethatgoesonandonandon",
		  "t:1:5: no label averyveryveryverylongnamethatgoesonandon"
		  "..." },
	};
	char text[512], error[512];
	const struct error_case longest = { text, error };

	CHECK_ERRORS(isa_unified, cases);

	memset(text, 'x', 128);
	strcpy(text + 128, ": NOP");
	strcpy(error, "t:1:1: a label of 128 bytes; 127 is the most");
	check_errors(isa_unified, &longest, 1);
}

/* A jump too long for its field, and a program too long for a machine. */
static void size_errors(void)
{
	size_t room = 1 << 20, n = 0;
	char *text = malloc(room);
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };

	CU_ASSERT_FATAL(text != NULL);
	n += (size_t)sprintf(text + n, "a: NOP\n");
	for (int i = 0; i < 33000; i++)
		n += (size_t)sprintf(text + n, "NOP\n");
	sprintf(text + n, "JMP a\n");
	UNIT_EQ(fisa_assemble(isa_unified(), text, strlen(text), "t", &p,
			      &err), -1);
	UNIT_STR_EQ(err.text, "t:33002:5: imm16le_s: -33001 is outside "
		    "-32768..32767");

	for (int i = 0; i < 65536 - 33001; i++)
		n += (size_t)sprintf(text + n, "NOP\n");
	UNIT_EQ(fisa_assemble(isa_unified(), text, n, "t", &p, &err), 0);
	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->size, 65536);
	fisa_program_free(p);
	p = NULL;

	n += (size_t)sprintf(text + n, "  NOP\n");
	UNIT_EQ(fisa_assemble(isa_unified(), text, n, "t", &p, &err), -1);
	UNIT_STR_EQ(err.text, "t:65537:3: the program is over 65536 bytes");
	UNIT_EQ(fisa_assemble(isa_unified(), text, FISA_MAX_TEXT + 1u, "t",
			      &p, &err), -1);
	UNIT_STR_EQ(err.text,
		    "t:1:1: a text of 4194305 bytes; 4194304 is the most");
	free(text);
}

/* ---- directives --------------------------------------------------------- */

static void check_cells(const struct fisa_cells *c, const char *want)
{
	char got[96];

	snprintf(got, sizeof(got), "%d %u+%u %d..%d", c->kind, c->first,
		 c->count, c->lo, c->hi);
	UNIT_STR_EQ(got, want);
}

static void inputs(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_program *p = isa_program(d,
		".in R1\n"
		".in R5 0..1000\n"
		".in mem 0x100 64\n"
		".in mem 0x200 2 -0..9 ; a comment\n"
		".in F3, C4 -5..5\n"
		".in flags\n"
		".IN Stack 4-1 -7..9\n"
		".in STRIP 0..2\n"
		"HALT");
	char want[64];
	int f, c, z, strip;

	CU_ASSERT_FATAL(p != NULL);
	f = d->files[fisa_file_by_name(d, "F", 1)].first;
	c = d->files[fisa_file_by_name(d, "C", 1)].first;
	z = d->files[fisa_file_by_name(d, "Z", 1)].first;
	strip = d->files[fisa_file_by_name(d, "STRIP", 5)].first;
	UNIT_EQ(p->manifest.in_count, 9);
	check_cells(&p->manifest.in[0], "0 1+1 -2147483648..2147483647");
	check_cells(&p->manifest.in[1], "0 5+1 0..1000");
	check_cells(&p->manifest.in[2], "1 256+64 0..255");
	check_cells(&p->manifest.in[3], "1 512+2 0..9");
	snprintf(want, sizeof(want), "0 %d+1 -2147483648..2147483647", f + 3);
	check_cells(&p->manifest.in[4], want);
	snprintf(want, sizeof(want), "0 %d+1 -5..5", c + 4);
	check_cells(&p->manifest.in[5], want);
	snprintf(want, sizeof(want), "0 %d+2 0..1", z);
	check_cells(&p->manifest.in[6], want);
	check_cells(&p->manifest.in[7], "2 0+3 -7..9");
	snprintf(want, sizeof(want), "0 %d+1 0..2", strip);
	check_cells(&p->manifest.in[8], want);
	UNIT_EQ(p->manifest.out_count, 0);
	UNIT_EQ(p->manifest.out_none, 0);
	fisa_program_free(p);
}

static void outputs(void)
{
	struct fisa_program *p = isa_program(isa_unified(),
		".out R3\n.out R4\n.out mem 0x200 4\n.out stack\n"
		".scratch mem 0x8000 256\nHALT");

	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->manifest.out_count, 3);
	check_cells(&p->manifest.out[0], "0 3+2 0..0");
	check_cells(&p->manifest.out[1], "1 512+4 0..0");
	check_cells(&p->manifest.out[2], "2 0+0 0..0");
	UNIT_EQ(p->manifest.scratch_count, 1);
	check_cells(&p->manifest.scratch[0], "1 32768+256 0..0");
	fisa_program_free(p);

	p = isa_program(isa_unified(), ".out none\nHALT");
	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->manifest.out_none, 1);
	UNIT_EQ(p->manifest.out_count, 0);
	fisa_program_free(p);
}

static void boundaries(void)
{
	static const struct {
		const char *text;
		int kind;
		unsigned pc;
	} cases[] = {
		{ "HALT", FISA_BOUNDARY_DEFAULT, 0 },
		{ ".boundary yield\nHALT", FISA_BOUNDARY_DEFAULT, 0 },
		{ ".boundary pc:x\nNOP\nx: HALT", FISA_BOUNDARY_PC, 1 },
		{ ".boundary pc : x+1\nx: NOP\nHALT", FISA_BOUNDARY_PC, 1 },
		{ ".boundary out:TELL\nHALT", FISA_BOUNDARY_OUT, 0 },
		{ ".boundary OUT:tell\nHALT", FISA_BOUNDARY_OUT, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fisa_program *p = isa_program(isa_unified(),
						     cases[i].text);
		const struct fisa_boundary *b;

		if (!p)
			continue;
		b = &p->manifest.boundary;
		UNIT_EQ(b->kind, cases[i].kind);
		UNIT_EQ(b->pc, cases[i].pc);
		if (b->kind == FISA_BOUNDARY_OUT)
			UNIT_STR_EQ(isa_unified()->channels[b->channel],
				    "TELL");
		fisa_program_free(p);
	}
}

static void data(void)
{
	struct fisa_program *p = isa_program(isa_unified(),
		".data 0x102 byte 1,2,-1\n"
		".data 0x106 half 0x1234, -2\n"
		".data e+0x109 word 0x89ABCDEF\n"
		".data 0x100 ascii \"a\\0\"\n"
		".data 0x110 ascii \"\", \"b\"\n"
		"HALT\ne:");

	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->manifest.data_first, 0x100);
	UNIT_EQ(p->manifest.data_size, 17);
	UNIT_STR_EQ(isa_hex(p->manifest.data, 17),
		    "61000102ff003412feffefcdab8900" "0062");
	UNIT_STR_EQ(isa_hex(p->manifest.data_mask, 17),
		    "0101010101000101010101010101" "000001");
	fisa_program_free(p);

	p = isa_program(isa_unified(), ".data 5 ascii \"\"\nHALT");
	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->manifest.data_size, 0);
	fisa_program_free(p);

	p = isa_program(isa_unified(), ".data 65535 byte 7\n"
			".data 0 byte 8\nHALT");
	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->manifest.data_size, 65536);
	UNIT_EQ(p->manifest.data[65535], 7);
	fisa_program_free(p);
}

static void entry_and_labels(void)
{
	struct fisa_program *p = isa_program(isa_unified(),
		".dialect unified\n.entry go\nz: NOP\ngo: b: HALT\nend:");

	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->entry, 1);
	UNIT_EQ(p->label_count, 4);
	UNIT_STR_EQ(p->labels[0].name, "z");
	UNIT_STR_EQ(p->labels[1].name, "b");
	UNIT_STR_EQ(p->labels[2].name, "go");
	UNIT_STR_EQ(p->labels[3].name, "end");
	UNIT_EQ(p->labels[3].pc, 2);
	fisa_program_free(p);
}

static void clause_errors(void)
{
	static const struct error_case cases[] = {
		{ ".in",
		  "t:1:4: a register, flag, mem or stack is wanted" },
		{ ".in 5", "t:1:5: a register, flag, mem or stack is wanted, "
		  "not 5" },
		{ ".in Q1", "t:1:5: a register, flag, mem or stack is "
		  "wanted, not Q1" },
		{ ".in R", "t:1:5: a register, flag, mem or stack is "
		  "wanted, not R" },
		{ ".in STK", "t:1:5: a register, flag, mem or stack is "
		  "wanted, not STK" },
		{ ".in SP", "t:1:5: name the stack, not its index" },
		{ ".in R64", "t:1:5: file R has registers 0..63" },
		{ ".in F300", "t:1:5: file F has registers 0..63" },
		{ ".in R1 5", "t:1:9: .. is wanted" },
		{ ".in R1 5..", "t:1:11: a number or a label is wanted" },
		{ ".in R1 5..4", "t:1:8: an empty range" },
		{ ".in R1 0..2147483648",
		  "t:1:11: range: 2147483648 is outside "
		  "-2147483648..2147483647" },
		{ ".in F1 0..1", "t:1:8: a range is for integers" },
		{ ".in Z 0..2", "t:1:10: range: 2 is outside 0..1" },
		{ ".in mem 0 4 0..256",
		  "t:1:16: range: 256 is outside 0..255" },
		{ ".in R1 0..1 2",
		  "t:1:13: the end of the line is wanted, not 2" },
		{ ".in R1, R1", "t:1:9: named before as an input" },
		{ ".in mem 0 8\n.in mem 7 1",
		  "t:2:5: named before as an input" },
		{ ".in stack 2\n.in stack 2",
		  "t:2:5: named before as an input" },
		{ ".in mem", "t:1:8: a number or a label is wanted" },
		{ ".in mem 0", "t:1:10: a number or a label is wanted" },
		{ ".in mem 0 0", "t:1:11: size: 0 is outside 1..65536" },
		{ ".in mem 65536 1",
		  "t:1:9: address: 65536 is outside 0..65535" },
		{ ".in mem -1 1", "t:1:9: address: -1 is outside 0..65535" },
		{ ".in mem 65535 2", "t:1:15: size: 2 is outside 1..1" },
		{ ".in stack", "t:1:10: a number or a label is wanted" },
		{ ".in stack 9 - 9", "t:1:11: stack cells: 0 is outside "
		  "1..256" },
		{ ".in stack 0", "t:1:11: stack cells: 0 is outside 1..256" },
		{ ".in stack 257",
		  "t:1:11: stack cells: 257 is outside 1..256" },
		{ ".out R1 0..1",
		  "t:1:9: the end of the line is wanted, not 0" },
		{ ".out stack 3",
		  "t:1:12: the end of the line is wanted, not 3" },
		{ ".out none\n.out R1", "t:2:6: .out none stands alone" },
		{ ".out R1\n.out none", "t:2:6: .out none stands alone" },
		{ ".out none, R1",
		  "t:1:10: the end of the line is wanted, not ," },
		{ ".scratch R1", "t:1:10: mem is wanted, not R1" },
		{ ".scratch mem 65000 1000",
		  "t:1:20: size: 1000 is outside 1..536" },
	};

	CHECK_ERRORS(isa_unified, cases);
}

static void place_errors(void)
{
	static const struct error_case cases[] = {
		{ ".dialect classic\nNOP",
		  "t:1:10: the text is not for unified" },
		{ ".dialect UNIFIED\nNOP",
		  "t:1:10: the text is not for unified" },
		{ ".dialect", "t:1:9: a name is wanted" },
		{ ".dialect unified\n.dialect unified",
		  "t:2:10: a second .dialect" },
		{ ".entry\nNOP", "t:1:7: a number or a label is wanted" },
		{ ".entry 1\nNOP", "t:1:8: entry: 1 is outside 0..0" },
		{ ".entry -1\nNOP", "t:1:8: entry: -1 is outside 0..0" },
		{ ".entry x\nNOP\nx:", "t:1:8: entry: 1 is outside 0..0" },
		{ ".entry 0", "t:1:9: the program is empty" },
		{ ".entry 0\nFOO", "t:2:1: a mnemonic is wanted, not FOO" },
		{ ".boundary pc:0\n", "t:2:1: the program is empty" },
		{ ".entry 0\n.entry 0\nNOP", "t:2:8: a second .entry" },
		{ ".boundary", "t:1:10: yield, out:CHANNEL or pc:LABEL is "
		  "wanted" },
		{ ".boundary halt", "t:1:11: yield, out:CHANNEL or pc:LABEL "
		  "is wanted, not halt" },
		{ ".boundary out", "t:1:14: : is wanted" },
		{ ".boundary out:", "t:1:15: a channel is wanted" },
		{ ".boundary out:HALT", "t:1:15: the name of a row that emits "
		  "is wanted, not HALT" },
		{ ".boundary pc 0", "t:1:14: : is wanted, not 0" },
		{ ".boundary pc:9\nNOP", "t:1:14: pc: 9 is outside 0..0" },
		{ ".boundary yield\n.boundary yield",
		  "t:2:11: a second .boundary" },
		{ ".data", "t:1:6: a number or a label is wanted" },
		{ ".data 0", "t:1:8: byte, half, word or ascii is wanted" },
		{ ".data 0 bytes 1", "t:1:9: byte, half, word or ascii is "
		  "wanted, not bytes" },
		{ ".data 0 byte", "t:1:13: a number or a label is wanted" },
		{ ".data 0 byte 1,",
		  "t:1:16: a number or a label is wanted" },
		{ ".data 0 byte 256",
		  "t:1:14: byte: 256 is outside -128..255" },
		{ ".data 0 half 65536",
		  "t:1:14: half: 65536 is outside -32768..65535" },
		{ ".data 0 word -2147483649", "t:1:14: word: -2147483649 is "
		  "outside -2147483648..4294967295" },
		{ ".data 0 byte \"a\"", "t:1:14: a number or a label is "
		  "wanted, not \"a\"" },
		{ ".data 0 ascii 1", "t:1:15: a string is wanted, not 1" },
		{ ".data 65536 byte 1",
		  "t:1:7: address: 65536 is outside 0..65535" },
		{ ".data 65535 byte 1, 2",
		  "t:1:21: data past the end of memory (65536)" },
		{ ".data 65534 ascii \"abc\"",
		  "t:1:19: data past the end of memory (65536)" },
		{ ".data 4 byte 1\n.data 1 word 1",
		  "t:2:14: data laid before at address 0x4" },
	};

	CHECK_ERRORS(isa_unified, cases);
}

static void bare_errors(void)
{
	static const struct error_case cases[] = {
		{ ".in mem 0 1", "t:1:5: bare has no memory" },
		{ ".in stack 1", "t:1:5: bare has no stack" },
		{ ".out flags", "t:1:6: bare has no flags" },
		{ ".scratch mem 0 1", "t:1:10: bare has no memory" },
		{ ".data 0 byte 1", "t:1:7: bare has no memory" },
	};

	CHECK_ERRORS(isa_bare, cases);
}

static void clause_limit(void)
{
	char text[4096];
	size_t n = 0;
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };

	/* Every other byte, so that none join. */
	for (int i = 0; i < 64; i++)
		n += (size_t)sprintf(text + n, ".out mem %d 1\n", 2 * i);
	sprintf(text + n, "NOP\n");
	p = isa_program(isa_unified(), text);
	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->manifest.out_count, 64);
	fisa_program_free(p);
	p = NULL;
	sprintf(text + n, ".out mem 300 1\nNOP\n");
	UNIT_EQ(fisa_assemble(isa_unified(), text, strlen(text), "t", &p,
			      &err), -1);
	UNIT_STR_EQ(err.text, "t:65:6: more than 64 clauses");

	/* Registers in a row are one clause. */
	n = 0;
	for (int i = 0; i < 64; i++)
		n += (size_t)sprintf(text + n, ".in R%d\n", i);
	sprintf(text + n, "NOP\n");
	p = isa_program(isa_unified(), text);
	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->manifest.in_count, 1);
	UNIT_EQ(p->manifest.in[0].count, 64);
	fisa_program_free(p);
}

/* ---- manifests over raw bytes ------------------------------------------- */

static struct fisa_program *raw_program(const uint8_t *code, size_t n)
{
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };

	UNIT_EQ(fisa_program_from_bytes(isa_unified(), code, n, &p, &err), 0);
	CU_ASSERT_FATAL(p != NULL);
	return p;
}

static void manifest_applies(void)
{
	static const char text[] =
		".dialect unified\n.in R1 0..9\n.out R3\n.entry 1\n"
		".boundary pc:1\n.data 0 byte 5\n";
	static const uint8_t code[] = { 1, 0 };
	struct fisa_program *p = raw_program(code, sizeof(code));
	struct fisa_program *q;
	struct fisa_error err = { "" };

	UNIT_EQ(p->entry, 0);
	UNIT_EQ(fisa_manifest_apply(p, text, strlen(text), "m", &err), 0);
	UNIT_EQ(p->entry, 1);
	UNIT_EQ(p->manifest.in_count, 1);
	UNIT_EQ(p->manifest.data_size, 1);
	/* The same as if the text had held the code. */
	q = isa_program(isa_unified(), ".dialect unified\n.in R1 0..9\n"
			".out R3\n.entry 1\n.boundary pc:x\n.data 0 byte 5\n"
			"NOP\nx: HALT");
	CU_ASSERT_FATAL(q != NULL);
	UNIT_MEM_EQ(p->hash, q->hash, 32);
	/* A second text takes the place of the first. */
	UNIT_EQ(fisa_manifest_apply(p, ".out R1", 7, "m", &err), 0);
	UNIT_EQ(p->manifest.in_count, 0);
	UNIT_EQ(p->manifest.data_size, 0);
	UNIT_EQ(fisa_manifest_apply(p, "", 0, "m", &err), 0);
	fisa_program_free(p);
	fisa_program_free(q);
}

static void manifest_errors(void)
{
	static const struct error_case cases[] = {
		{ "NOP", "m:1:1: only directives may stand here" },
		{ "\n .byte 1", "m:2:2: only directives may stand here" },
		{ "a:", "m:1:1: only directives may stand here" },
		{ ".entry a", "m:1:8: no label a" },
		{ ".entry 2", "m:1:8: entry: 2 is outside 0..1" },
		{ ".in R1\n.boundary pc:5", "m:2:14: pc: 5 is outside 0..1" },
		{ ".dialect other", "m:1:10: the text is not for unified" },
		{ "?", "m:1:1: unexpected ?" },
	};
	static const uint8_t code[] = { 1, 0 };
	struct fisa_program *p = raw_program(code, sizeof(code));
	uint8_t hash[32];

	memcpy(hash, p->hash, sizeof(hash));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fisa_error err = { "" };

		UNIT_EQ(fisa_manifest_apply(p, cases[i].text,
					    strlen(cases[i].text), "m",
					    &err), -1);
		UNIT_STR_EQ(err.text, cases[i].error);
		UNIT_EQ(p->manifest.in_count, 0);
		UNIT_MEM_EQ(p->hash, hash, 32);
	}
	fisa_program_free(p);
}

/* ---- programs ----------------------------------------------------------- */

static void from_bytes_limits(void)
{
	static uint8_t code[FISA_MAX_CODE + 1];
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };

	UNIT_EQ(fisa_program_from_bytes(isa_unified(), code, 0, &p, &err),
		-1);
	UNIT_STR_EQ(err.text, "the program is empty");
	UNIT_EQ(fisa_program_from_bytes(isa_unified(), code, sizeof(code), &p,
					&err), -1);
	UNIT_STR_EQ(err.text, "a program of 65537 bytes; 65536 is the most");
	UNIT_EQ(p == NULL, 1);
	UNIT_EQ(fisa_program_from_bytes(isa_unified(), code, FISA_MAX_CODE,
					&p, &err), 0);
	fisa_program_free(p);
	fisa_program_free(NULL);
}

static void hashes(void)
{
	static const char *const same[][2] = {
		{ "NOP\nHALT", "x: .byte 1, 0 ; otherwise put" },
		{ ".out R1\n.out R2\nNOP", ".out R2\n.out R1\nNOP" },
		{ ".in mem 0 8\nNOP", ".in mem 4 4\n.in mem 0 4\nNOP" },
		{ ".in R1 -2147483648..2147483647\nNOP", ".in R1\nNOP" },
		{ ".data 0 byte 1,2\nNOP",
		  ".data 1 byte 2\n.data 0 byte 1\nNOP" },
	};
	static const char *const distinct[] = {
		"NOP\nNOP", "NOP\nHALT", ".entry 1\nNOP\nNOP",
		".in R1\nNOP\nNOP", ".out R1\nNOP\nNOP",
		".scratch mem 0 1\nNOP\nNOP", ".out none\nNOP\nNOP",
		".in R1 0..1\nNOP\nNOP", ".boundary pc:0\nNOP\nNOP",
		".boundary pc:1\nNOP\nNOP", ".boundary out:TELL\nNOP\nNOP",
		".data 0 byte 0\nNOP\nNOP", ".data 1 byte 0\nNOP\nNOP",
		".data 0 byte 1\nNOP\nNOP",
		".data 0 byte 0\n.data 2 byte 0\nNOP\nNOP",
		".data 0 byte 0,0,0\nNOP\nNOP",
	};
	enum { DISTINCT = sizeof(distinct) / sizeof(distinct[0]) };
	struct fisa_program *p[DISTINCT];

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct fisa_program *a = isa_program(isa_unified(),
						     same[i][0]);
		struct fisa_program *b = isa_program(isa_unified(),
						     same[i][1]);

		CU_ASSERT_FATAL(a != NULL && b != NULL);
		UNIT_TRUE(memcmp(a->hash, b->hash, 32) == 0, "%s differs",
			  same[i][0]);
		fisa_program_free(a);
		fisa_program_free(b);
	}
	for (int i = 0; i < DISTINCT; i++) {
		p[i] = isa_program(isa_unified(), distinct[i]);
		CU_ASSERT_FATAL(p[i] != NULL);
		for (int k = 0; k < i; k++)
			UNIT_TRUE(memcmp(p[i]->hash, p[k]->hash, 32) != 0,
				  "%s = %s", distinct[i], distinct[k]);
	}
	for (int i = 0; i < DISTINCT; i++)
		fisa_program_free(p[i]);
}

static void derives(void)
{
	static const uint8_t code[] = { 1, 1, 0 };
	struct fisa_program *p = isa_program(isa_unified(),
		".in R1\n.boundary pc:x\n.data 4 byte 9\nNOP\nx: HALT");
	struct fisa_program *q, *r;

	CU_ASSERT_FATAL(p != NULL);
	q = fisa_program_derive(p, code, sizeof(code), 1, 2);
	CU_ASSERT_FATAL(q != NULL);
	UNIT_EQ(q->size, 3);
	UNIT_EQ(q->entry, 1);
	UNIT_EQ(q->label_count, 0);
	UNIT_EQ(q->manifest.boundary.pc, 2);
	UNIT_EQ(q->manifest.in_count, 1);
	UNIT_EQ(q->manifest.data[0], 9);
	UNIT_EQ(q->manifest.data != p->manifest.data, 1);
	UNIT_TRUE(memcmp(p->hash, q->hash, 32) != 0, "hash kept");
	/* Back to where it came from. */
	r = fisa_program_derive(q, p->code, p->size, p->entry, 1);
	CU_ASSERT_FATAL(r != NULL);
	UNIT_MEM_EQ(r->hash, p->hash, 32);
	fisa_program_free(p);
	fisa_program_free(q);
	fisa_program_free(r);
}

/* ---- which dialect ------------------------------------------------------ */

static void dialect_names(void)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{ ".dialect unified", "unified" },
		{ "; x\n  x: .DIALECT seed ; y", "seed" },
		{ "NOP\n\x01\n.dialect b", "b" },
		{ "NOP", NULL },
		{ "", NULL },
		{ "; .dialect x", NULL },
		{ ".dialect", NULL },
		{ ".dialect 5", NULL },
		{ ".byte \".dialect x\"", NULL },
		{ ".dialect a_name_that_is_too_long_for_a_dialect", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[FISA_MAX_NAME] = "";
		int found = fisa_asm_dialect(cases[i].text,
					     strlen(cases[i].text), name);

		UNIT_EQ(found, cases[i].name != NULL);
		if (cases[i].name)
			UNIT_STR_EQ(name, cases[i].name);
	}
}

/* ---- loading ------------------------------------------------------------ */

static const char *put_file(const char *name, const char *bytes, size_t n)
{
	static char ring[4][512];
	static unsigned next;
	char *path = ring[next++ % 4];
	FILE *f;

	snprintf(path, sizeof(ring[0]), "%s/%s", unit_tmpdir(), name);
	f = fopen(path, "wb");
	CU_ASSERT_FATAL(f != NULL);
	CU_ASSERT_EQUAL_FATAL(fwrite(bytes, 1, n, f), n);
	CU_ASSERT_EQUAL_FATAL(fclose(f), 0);
	return path;
}

static void check_load(const char *arg, const char *dialect,
		       const char *manifest, const char *hex)
{
	struct fisa_dialect *d = NULL;
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };
	int rc = fisa_load(arg, dialect, manifest, &d, &p, &err);

	UNIT_TRUE(rc == 0, "%s: %s", arg, err.text);
	if (rc < 0)
		return;
	UNIT_STR_EQ(isa_hex(p->code, p->size), hex);
	UNIT_STR_EQ(d->name, "unified");
	fisa_program_free(p);
	fisa_dialect_free(d);
}

static void check_no_load(const char *arg, const char *dialect,
			  const char *manifest, const char *part)
{
	struct fisa_dialect *d = NULL;
	struct fisa_program *p = NULL;
	struct fisa_error err = { "" };

	UNIT_EQ(fisa_load(arg, dialect, manifest, &d, &p, &err), -1);
	UNIT_TRUE(strstr(err.text, part) != NULL, "%s: \"%s\" without \"%s\"",
		  arg, err.text, part);
	UNIT_EQ(d == NULL && p == NULL, 1);
}

static void loads(void)
{
	const char *flx = put_file("a.flx", ".dialect unified\nNOP\n", 21);
	const char *plain = put_file("b.flx", "NOP\n", 4);
	const char *fxb = put_file("c.fxb", "\x01\x00", 2);
	const char *manifest = put_file("m.flx",
					".dialect unified\n.out R1\n", 25);

	check_load(flx, NULL, NULL, "01");
	check_load(flx, "unified", NULL, "01");
	check_load(plain, "unified", NULL, "01");
	check_load(fxb, "unified", NULL, "0100");
	check_load(fxb, NULL, manifest, "0100");
	check_load(fxb, "unified", manifest, "0100");
	check_load("hex:01aBFf", "unified", NULL, "01abff");
	check_load("hex:00", NULL, manifest, "00");
}

static void load_errors(void)
{
	const char *flx = put_file("a.flx", ".dialect unified\nNOP\n", 21);
	const char *plain = put_file("b.flx", "NOP\n", 4);
	const char *fxb = put_file("c.fxb", "\x01\x00", 2);
	const char *empty = put_file("e.fxb", "", 0);
	char *big = calloc(1, FISA_MAX_CODE + 1);

	CU_ASSERT_FATAL(big != NULL);
	check_no_load(flx, "seed", NULL, "says .dialect unified, not seed");
	check_no_load(plain, NULL, NULL, "no dialect is named");
	check_no_load(fxb, NULL, NULL, "no dialect is named");
	check_no_load("hex:00", NULL, NULL, "no dialect is named");
	check_no_load("hex:00", "nonsense", NULL, "nonsense");
	check_no_load("hex:0", "unified", NULL, "odd number");
	check_no_load("hex:0g", "unified", NULL, "digit 2");
	check_no_load("hex:", "unified", NULL, "empty");
	check_no_load(empty, "unified", NULL, "empty");
	check_no_load("nothing.flx", NULL, NULL, "nothing.flx: ");
	check_no_load("nothing.fxb", "unified", NULL, "nothing.fxb: ");
	check_no_load(fxb, "unified", "nothing.flx", "nothing.flx: ");
	check_no_load("file.txt", "unified", NULL, "a program is NAME.flx");
	check_no_load("", "unified", NULL, "a program is NAME.flx");
	check_no_load(".flx", "unified", NULL, "a program is NAME.flx");
	check_no_load(flx, NULL, plain, "its own directives");
	check_no_load(fxb, "unified", plain, "b.flx:1:1: only directives");
	check_no_load(put_file("d.fxb", big, FISA_MAX_CODE + 1), "unified",
		      NULL, "more than 65536 bytes");
	check_no_load(put_file("f.flx", ".dialect unified\nFOO\n", 21), NULL,
		      NULL, "f.flx:2:1: a mnemonic is wanted");
	free(big);
}

/* ---- hostile texts ------------------------------------------------------ */

/* Pieces that reach deeper than random bytes do. */
static const char *const pieces[] = {
	"MOVI", "R1", "R64", "F3", ",", ", ", " ", "\n", "\n", "\t", ":",
	"a", "b", "a:", "b:\n", "-", "+", "..", ".", ".in ", ".out ",
	".scratch ", ".boundary ", ".data ", ".entry ", ".dialect unified\n",
	".byte ", "mem ", "stack ", "flags", "none", "byte ", "half ",
	"word ", "ascii ", "\"", "\"x\"", "\\", "\\x4", "\\n", ";", "0x",
	"0xFF", "1", "255", "256", "65535", "65536", "4294967295",
	"99999999999", "pc:", "out:TELL", "yield", "JMP ", "JNE R1, ",
	"CALL R0, ", "ADD R1, R2, R3\n", "HALT\n", "NOP", "SAY ", "GO ",
	"LI A1, ", "\r\n", "\xC3", "_", "*",
};

static size_t hostile(char *text, size_t room, uint64_t *seed)
{
	size_t n = 0, want = isa_below(seed, (uint32_t)room - 32);

	while (n < want) {
		const char *piece = pieces[isa_below(seed,
			sizeof(pieces) / sizeof(pieces[0]))];

		if (isa_below(seed, 20) == 0) {
			text[n++] = (char)isa_random(seed);
			continue;
		}
		memcpy(text + n, piece, strlen(piece));
		n += strlen(piece);
	}
	return n;
}

static void hostile_texts(void)
{
	unsigned long count = unit_scale(20000), accepted = 0;
	uint64_t seed = 1;

	for (unsigned long i = 0; i < count; i++) {
		const struct fisa_dialect *d = i % 3 ? isa_unified()
						     : isa_tiny();
		/* Its own block, so that a byte too far is seen. */
		char text[512], *copy, name[FISA_MAX_NAME];
		size_t n = hostile(text, i % 2 ? 512 : 64, &seed);
		struct fisa_program *p = NULL;
		struct fisa_error err = { "" };
		unsigned line, column;

		copy = malloc(n ? n : 1);
		CU_ASSERT_FATAL(copy != NULL);
		memcpy(copy, text, n);
		(void)fisa_asm_dialect(copy, n, name);
		if (fisa_assemble(d, copy, n, "t", &p, &err) == 0)
			accepted++;
		else if (sscanf(err.text, "t:%u:%u: ", &line, &column) != 2)
			UNIT_TRUE(0, "no place in: %s", err.text);
		if (p && fisa_manifest_apply(p, copy, n, "t", &err) == 0)
			accepted++;
		fisa_program_free(p);
		free(copy);
	}
	UNIT_TRUE(accepted > 0 || count < 1000, "nothing was accepted");
}

/* Every cut of a good text is assembled or refused, never more. */
static void cut_texts(void)
{
	static const char text[] =
		".dialect unified\n.in R1 0..5\n.data 1 ascii \"a\\x41\"\n"
		".boundary pc:a\na: JNE R1, a+4 ; c\n.byte \"q\\\"\", -1\n";

	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n ? n : 1);
		struct fisa_program *p = NULL;
		struct fisa_error err = { "" };
		int rc;

		CU_ASSERT_FATAL(copy != NULL);
		memcpy(copy, text, n);
		rc = fisa_assemble(isa_unified(), copy, n, "t", &p, &err);
		UNIT_EQ(rc == 0, p != NULL);
		fisa_program_free(p);
		free(copy);
	}
}

/* Many labels, all alike for most of their length: still quick. */
static void many_labels(void)
{
	enum { COUNT = 60000 };
	char *text = malloc(COUNT * 40), *at = text;
	struct fisa_program *p;

	CU_ASSERT_FATAL(text != NULL);
	for (int i = 0; i < COUNT; i++)
		at += sprintf(at, "label_with_a_long_name_%d: NOP\n", i);
	p = isa_program(isa_unified(), text);
	CU_ASSERT_FATAL(p != NULL);
	UNIT_EQ(p->label_count, COUNT);
	UNIT_STR_EQ(p->labels[COUNT - 1].name,
		    "label_with_a_long_name_59999");
	fisa_program_free(p);
	free(text);
}

static const struct unit_test tests[] = {
	{ "code", "instructions", instructions },
	{ "code", "targets", targets },
	{ "code", "raw_bytes", raw_bytes },
	{ "code", "other_dialects", other_dialects },
	{ "errors", "syntax", syntax_errors },
	{ "errors", "ranges", range_errors },
	{ "errors", "labels", label_errors },
	{ "errors", "sizes", size_errors },
	{ "directives", "inputs", inputs },
	{ "directives", "outputs", outputs },
	{ "directives", "boundaries", boundaries },
	{ "directives", "data", data },
	{ "directives", "entry_and_labels", entry_and_labels },
	{ "directives", "clause_errors", clause_errors },
	{ "directives", "place_errors", place_errors },
	{ "directives", "bare_errors", bare_errors },
	{ "directives", "clause_limit", clause_limit },
	{ "manifest", "applies", manifest_applies },
	{ "manifest", "errors", manifest_errors },
	{ "program", "from_bytes_limits", from_bytes_limits },
	{ "program", "hashes", hashes },
	{ "program", "derives", derives },
	{ "load", "dialect_names", dialect_names },
	{ "load", "loads", loads },
	{ "load", "errors", load_errors },
	{ "hostile", "texts", hostile_texts },
	{ "hostile", "cuts", cut_texts },
	{ "hostile", "many_labels", many_labels },
};

UNIT_MAIN(tests)
