/*
 * test_decode.c - instructions from bytes and back, and what an instruction
 * does by its template.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

static struct fisa_insn decode(const struct fisa_dialect *d, const char *bytes,
			       uint32_t size, uint32_t pc,
			       enum fisa_decode_status want)
{
	struct fisa_insn in;
	enum fisa_decode_status got =
		fisa_decode(d, (const uint8_t *)bytes, size, pc, &in);

	UNIT_EQ(got, want);
	UNIT_EQ(in.pc, pc);
	return in;
}

/* ---- decoding ----------------------------------------------------------- */

static void operands(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_insn in;

	in = decode(d, "\x20\x03\x01\x02", 4, 0, FISA_DECODED);
	UNIT_STR_EQ(in.row->name, "ADD");
	UNIT_EQ(in.length, 4);
	UNIT_EQ(in.value[0], 3);
	UNIT_EQ(in.value[1], 1);
	UNIT_EQ(in.value[2], 2);
	UNIT_EQ(in.target, FISA_NO_TARGET);
	in = decode(d, "\x18\xFF\x80", 3, 0, FISA_DECODED);
	UNIT_EQ(in.value[0], 255);
	UNIT_EQ(in.value[1], -128);
	in = decode(d, "\x1B\x01\x80", 3, 0, FISA_DECODED);
	UNIT_EQ(in.value[1], 128);
	in = decode(d, "\x40\x05\x00\x80", 4, 0, FISA_DECODED);
	UNIT_EQ(in.value[1], -32768);
	in = decode(d, "\x4B\x05\xFE\xFF", 4, 0, FISA_DECODED);
	UNIT_EQ(in.value[1], 65534);
	in = decode(d, "\x3A\x05\x06\x07", 4, 0, FISA_DECODED);
	UNIT_EQ(in.value[2], 7); /* unused, shown all the same */
}

static void statuses(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_insn in;

	in = decode(d, "\x00", 1, 1, FISA_DECODE_END);
	UNIT_TRUE(in.row == NULL, "no row past the end");
	decode(d, "\x00", 1, UINT32_MAX, FISA_DECODE_END);
	in = decode(d, "\x20\x03\x01", 3, 0, FISA_DECODE_TRUNCATED);
	UNIT_STR_EQ(in.row->name, "ADD");
	UNIT_EQ(in.length, 1);
	/* Four bytes long, but the machine wants five. */
	decode(d, "\xD3\x01\x00\x00", 4, 0, FISA_DECODE_TRUNCATED);
	decode(d, "\xD3\x01\x00\x00\x01", 5, 0, FISA_DECODED);
	/* Four bytes long, and the machine is content with two. */
	in = decode(d, "\xEF\x01\x02", 3, 0, FISA_DECODE_PAST);
	UNIT_EQ(in.length, 4);
	UNIT_EQ(in.value[0], 1);
	UNIT_EQ(in.value[2], 0);
	decode(d, "\xEF", 1, 0, FISA_DECODE_TRUNCATED);
	/* One byte long, near the end a fault. */
	in = decode(d, "\xF0\x01\x01\x01\x01", 5, 0, FISA_DECODED);
	UNIT_EQ(in.length, 1);
	decode(d, "\xF0\x01\x01\x01", 4, 0, FISA_DECODE_TRUNCATED);
	/* Undefined bytes are checked for a length, too. */
	decode(d, "\x52\x01\x01\x01\x01", 5, 0, FISA_DECODE_UNKNOWN);
	decode(d, "\x52\x01\x01\x01", 4, 0, FISA_DECODE_TRUNCATED);
	decode(d, "\x4D\x01\x01\x01", 4, 0, FISA_DECODE_UNKNOWN);
}

static void targets(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_insn in;

	in = decode(d, "\x01\x43\x00\x04\x00", 5, 1, FISA_DECODED);
	UNIT_EQ(in.target, 5);
	in = decode(d, "\x43\x00\xFC\xFF", 4, 0, FISA_DECODED);
	UNIT_EQ(in.target, -4);
	in = decode(d, "\x48\x01\xFF\x7F", 4, 0, FISA_DECODED);
	UNIT_EQ(in.target, 32767);
	/* Absolute: REFLEX; CALL through the zero register. */
	in = decode(d, "\x01\xB3\x01\x09\x00", 5, 1, FISA_DECODED);
	UNIT_EQ(in.target, 9);
	in = decode(d, "\x45\x00\x09\x00", 4, 0, FISA_DECODED);
	UNIT_EQ(in.target, 9);
	in = decode(d, "\x45\x05\x09\x00", 4, 0, FISA_DECODED);
	UNIT_EQ(in.target, FISA_NO_TARGET);
	/* Byte 64 reaches the real cell 0. */
	in = decode(d, "\x45\x40\x09\x00", 4, 0, FISA_DECODED);
	UNIT_EQ(in.target, FISA_NO_TARGET);
	/* An offset in the zero register is an offset of 0. */
	in = decode(d, "\x01\x3C\x01\x00\x00", 5, 1, FISA_DECODED);
	UNIT_EQ(in.target, 1);
	in = decode(d, "\x3C\x01\x02\x00", 4, 0, FISA_DECODED);
	UNIT_EQ(in.target, FISA_NO_TARGET);
	in = decode(d, "\x02", 1, 0, FISA_DECODED);
	UNIT_EQ(in.target, FISA_NO_TARGET);
	/* From the end of the instruction; absolute. */
	in = decode(isa_tiny(), "\x11\x12\x02\x00", 4, 1, FISA_DECODED);
	UNIT_EQ(in.target, 6);
	in = decode(isa_tiny(), "\x11\x15\x02\x00", 4, 1, FISA_DECODED);
	UNIT_EQ(in.target, 2);
}

static void payloads(void)
{
	struct fisa_insn in;

	in = decode(isa_tiny(), "\x14\x02\x00xy\x10", 6, 0, FISA_DECODED);
	UNIT_EQ(in.length, 5);
	UNIT_EQ(in.value[0], 2);
	in = decode(isa_tiny(), "\x14\x04\x00xy\x10", 6, 0, FISA_DECODE_PAST);
	UNIT_EQ(in.length, 7);
	decode(isa_tiny(), "\x14\x04", 2, 0, FISA_DECODE_TRUNCATED);
}

/* ---- encoding ----------------------------------------------------------- */

/* Every row with drawn operand bytes comes back byte by byte. */
static void round_trip(const struct fisa_dialect *d, const char *text)
{
	uint64_t seed = 7;

	for (unsigned op = 0; op < 256; op++) {
		if (!d->rows[op].defined || d->rows[op].payload)
			continue;
		for (int k = 0; k < 32; k++) {
			uint8_t code[16], out[8];
			struct fisa_insn in;
			int n;

			for (int i = 0; i < 16; i++)
				code[i] = (uint8_t)isa_random(&seed);
			code[0] = (uint8_t)op;
			UNIT_EQ(fisa_decode(d, code, 16, 0, &in), FISA_DECODED);
			n = fisa_encode(&in, out);
			UNIT_TRUE(n == (int)in.length, "%s row %u: %d", text,
				  op, n);
			UNIT_MEM_EQ(out, code, n > 0 ? (size_t)n : 0);
		}
	}
}

static void all_rows(void)
{
	round_trip(isa_unified(), "unified");
	round_trip(isa_tiny(), "tiny");
	round_trip(isa_bare(), "bare");
}

static void refix(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_insn in;
	uint8_t out[8];

	/* Moved, with its target where it was. */
	in = decode(d, "\x48\x01\x08\x00", 4, 0, FISA_DECODED);
	in.pc = 20;
	UNIT_EQ(fisa_encode(&in, out), 4);
	UNIT_MEM_EQ(out, "\x48\x01\xF4\xFF", 4);
	in = decode(d, "\x45\x00\x08\x00", 4, 0, FISA_DECODED);
	in.target = 300;
	UNIT_EQ(fisa_encode(&in, out), 4);
	UNIT_MEM_EQ(out, "\x45\x00\x2C\x01", 4);
	in = decode(isa_tiny(), "\x12\x02\x00", 3, 0, FISA_DECODED);
	in.pc = 5;
	UNIT_EQ(fisa_encode(&in, out), 3);
	UNIT_MEM_EQ(out, "\x12\xFD\xFF", 3);
	/* A dynamic call keeps its immediate. */
	in = decode(d, "\x45\x05\x08\x00", 4, 0, FISA_DECODED);
	in.pc = 100;
	UNIT_EQ(fisa_encode(&in, out), 4);
	UNIT_MEM_EQ(out, "\x45\x05\x08\x00", 4);
}

static void refused(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_insn in;
	uint8_t out[8];

	in = decode(d, "\x18\x01\x01", 3, 0, FISA_DECODED);
	in.value[1] = 128;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in.value[1] = -128;
	UNIT_EQ(fisa_encode(&in, out), 3);
	in.value[1] = 0;
	in.value[0] = 256;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in.value[0] = -1;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in = decode(d, "\x4B\x01\x00\x00", 4, 0, FISA_DECODED);
	in.value[1] = 65536;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in = decode(d, "\x43\x00\x00\x00", 4, 0, FISA_DECODED);
	in.target = 32768;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in.target = -32769;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in.target = INT64_MAX;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in.row = NULL;
	UNIT_EQ(fisa_encode(&in, out), -1);
	in = decode(isa_tiny(), "\x14\x00\x00", 3, 0, FISA_DECODED);
	UNIT_EQ(fisa_encode(&in, out), -1);
}

/* ---- effects ------------------------------------------------------------ */

static bool has(const struct fisa_set *s, int cell)
{
	return s->w[cell / 64] >> (cell % 64) & 1;
}

static int cell(const char *file, int n)
{
	const struct fisa_dialect *d = isa_unified();

	return d->files[fisa_file_by_name(d, file, strlen(file))].first + n;
}

static unsigned size_of(const struct fisa_set *s)
{
	unsigned n = 0;

	for (int c = 0; c < FISA_SET_WORDS * 64; c++)
		n += has(s, c);
	return n;
}

static struct fisa_effects effects(const char *bytes)
{
	const struct fisa_dialect *d = isa_unified();
	uint8_t code[16] = { 0 };
	struct fisa_effects e;
	struct fisa_insn in;

	memcpy(code, bytes, 5);
	UNIT_EQ(fisa_decode(d, code, 16, 0, &in), FISA_DECODED);
	fisa_effects(d, &in, &e);
	return e;
}

static void reg_cells(void)
{
	const struct fisa_dialect *d = isa_unified();
	unsigned r = (unsigned)fisa_file_by_name(d, "R", 1);
	unsigned f = (unsigned)fisa_file_by_name(d, "F", 1);
	unsigned z = (unsigned)fisa_file_by_name(d, "Z", 1);

	UNIT_EQ(fisa_reg_cell(d, r, 0), -1);
	UNIT_EQ(fisa_reg_cell(d, r, 64), cell("R", 0));
	UNIT_EQ(fisa_reg_cell(d, r, 63), cell("R", 63));
	UNIT_EQ(fisa_reg_cell(d, r, 255), cell("R", 63));
	UNIT_EQ(fisa_reg_cell(d, f, 0), cell("F", 0));
	UNIT_EQ(fisa_reg_cell(d, z, 0), -1);
}

static void plain_effects(void)
{
	struct fisa_effects e;

	e = effects("\x20\x03\x01\x02\x00"); /* ADD R3, R1, R2 */
	UNIT_TRUE(has(&e.reads, cell("R", 1)) && has(&e.reads, cell("R", 2)),
		  "reads its operands");
	UNIT_EQ(size_of(&e.reads), 2); /* not the result, for the flags */
	UNIT_TRUE(has(&e.kills, cell("R", 3)) && has(&e.kills, cell("Z", 0)) &&
		  has(&e.kills, cell("N", 0)), "kills result and flags");
	UNIT_EQ(size_of(&e.kills), 3);
	UNIT_TRUE(!e.may_fault && !e.pinned && !e.mem_read && !e.input,
		  "does nothing else");
	e = effects("\x20\x00\x01\x01\x00"); /* ADD R0, R1, R1: flags only */
	UNIT_EQ(size_of(&e.writes), 2);
	e = effects("\x24\x03\x01\x02\x00"); /* MOD: may leave its result */
	UNIT_TRUE(has(&e.reads, cell("R", 3)), "MOD reads its result");
	UNIT_TRUE(!has(&e.kills, cell("R", 3)) && has(&e.writes, cell("R", 3)),
		  "and may not kill it");
	UNIT_TRUE(e.may_fault, "INT_MIN by -1");
	e = effects("\x24\x03\x00\x02\x00"); /* 0 divided */
	UNIT_TRUE(!e.may_fault, "0 by anything");
	e = effects("\x3B\x01\x02\x00\x00"); /* SWP */
	UNIT_EQ(size_of(&e.kills), 2);
	UNIT_EQ(size_of(&e.reads), 2);
	e = effects("\x06\x00\x00\x00\x00"); /* RESET */
	UNIT_EQ(size_of(&e.kills), 64);
	UNIT_EQ(size_of(&e.reads), 0);
}

static void other_effects(void)
{
	struct fisa_effects e;
	const struct fisa_dialect *d = isa_unified();

	e = effects("\x0C\x05\x00\x00\x00"); /* PUSH R5 */
	UNIT_TRUE(e.stack_write && e.may_fault, "PUSH");
	UNIT_TRUE(has(&e.reads, d->sp_cell) && has(&e.writes, d->sp_cell),
		  "PUSH moves the index");
	e = effects("\x0D\x05\x00\x00\x00"); /* POP R5 */
	UNIT_TRUE(e.stack_read && has(&e.kills, cell("R", 5)), "POP");
	e = effects("\x38\x05\x01\x02\x00"); /* LOAD */
	UNIT_TRUE(e.mem_read && !e.mem_write, "LOAD");
	e = effects("\xD1\x05\x01\x02\x00"); /* MEMCPY */
	UNIT_TRUE(e.mem_read && e.mem_write, "MEMCPY");
	e = effects("\x90\x05\x00\x00\x00"); /* SENSE, bound */
	UNIT_TRUE(e.input && has(&e.kills, cell("R", 5)), "SENSE");
	e = effects("\x60\x01\x02\x03\x00"); /* TELL, bound */
	UNIT_TRUE(e.output && size_of(&e.reads) == 3, "TELL");
	e = effects("\xE9\x01\x02\x03\x00"); /* RAND_WEIGHTED */
	UNIT_TRUE(e.input && e.mem_read && has(&e.reads, cell("R", 1)),
		  "weights are read, the result may stay");
	e = effects("\x61\x01\x02\x03\x00"); /* ASK, opaque */
	UNIT_TRUE(e.pinned && e.mem_write && e.output && e.may_fault, "ASK");
	UNIT_EQ(size_of(&e.kills), 0);
	UNIT_TRUE(size_of(&e.reads) >= 192, "ASK may read everything");
	e = effects("\x12\x05\x00\x00\x00"); /* DBG */
	UNIT_TRUE(e.pinned && has(&e.reads, cell("R", 5)), "DBG");
	e = effects("\x17\x05\x00\x00\x00"); /* STRIPCF */
	UNIT_TRUE(e.pinned, "STRIPCF counts what follows");
	e = effects("\x1E\x05\x1F\x00\x00"); /* SHLI 31, SHLI 32 */
	UNIT_TRUE(!e.may_fault, "31 is in range");
	e = effects("\x1E\x05\x20\x00\x00");
	UNIT_TRUE(e.may_fault, "32 is not");
	e = effects("\xB6\x0A\x00\x00\x00"); /* CONVERGE R10: group 8..15 */
	UNIT_EQ(size_of(&e.reads), 8);
	UNIT_EQ(size_of(&e.writes), 1);
	e = effects("\xB6\x00\x00\x00\x00"); /* of R0: nothing */
	UNIT_EQ(size_of(&e.writes), 0);
	e = effects("\xBC\x14\x05\x00\x00"); /* DIFFUSE R20 over R1..R5 */
	UNIT_EQ(size_of(&e.writes), 6);
	UNIT_TRUE(has(&e.kills, cell("R", 20)), "its own is set");
	UNIT_TRUE(!has(&e.kills, cell("R", 1)), "the others are added to");
	e = effects("\x3C\x01\x02\x00\x00"); /* JZ R1, R2 */
	UNIT_TRUE(has(&e.reads, cell("R", 2)), "the offset is read");
}

static const struct unit_test tests[] = {
	{ "decode", "operands", operands },
	{ "decode", "statuses", statuses },
	{ "decode", "targets", targets },
	{ "decode", "payloads", payloads },
	{ "encode", "all rows", all_rows },
	{ "encode", "refix", refix },
	{ "encode", "refused", refused },
	{ "effects", "registers", reg_cells },
	{ "effects", "plain", plain_effects },
	{ "effects", "other", other_effects },
};
UNIT_MAIN(tests)
