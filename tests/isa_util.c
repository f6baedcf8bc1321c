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
