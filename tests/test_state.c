/*
 * test_state.c - states: layout, dirty tracking, JSON both ways, observables
 * and their digests, lists of outside values.
 */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

static struct fisa_state *state_new(const struct fisa_dialect *d)
{
	struct fisa_state *s = fisa_state_new(d);

	CU_ASSERT_FATAL(s != NULL);
	return s;
}

static int32_t *cell(const struct fisa_dialect *d, struct fisa_state *s,
		     const char *file, unsigned i)
{
	int f = fisa_file_by_name(d, file, strlen(file));

	CU_ASSERT_FATAL(f >= 0);
	return &s->cells[d->files[f].first + i];
}

/* Stores a byte as a machine does. */
static void store(struct fisa_state *s, uint32_t at, uint8_t byte)
{
	s->mem[at & (s->mem_size - 1)] = byte;
	fisa_state_mark(s, at, 1);
}

static int32_t bits_of(float f)
{
	int32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/* Everything equal, whether observed or not. */
static bool identical(const struct fisa_state *a, const struct fisa_state *b)
{
	return a->pc == b->pc && a->status == b->status &&
	       a->fault == b->fault && a->cycles == b->cycles &&
	       memcmp(a->cells, b->cells,
		      a->cell_count * sizeof(*a->cells)) == 0 &&
	       memcmp(a->mem, b->mem, a->mem_size) == 0 &&
	       memcmp(a->written, b->written, a->mem_size / 8) == 0 &&
	       memcmp(a->dirty, b->dirty, a->mem_size / FISA_PAGE / 8) == 0;
}

/* ---- life of a state ---------------------------------------------------- */

static void initial_values(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_state *s = state_new(d);

	UNIT_EQ(s->cell_count, d->cell_count);
	UNIT_EQ(s->mem_size, 65536);
	UNIT_EQ(s->pc, 0);
	UNIT_EQ(s->status, FISA_RUN_HALT);
	UNIT_EQ(*cell(d, s, "R", 5), 0);
	UNIT_EQ(*cell(d, s, "AGENT", 0), -1);
	UNIT_EQ(*cell(d, s, "HEAP", 0), 32768);
	UNIT_EQ(s->cells[d->sp_cell], 256);
	UNIT_EQ(fisa_stack_depth(d, s), 0);
	fisa_state_free(s);

	s = state_new(isa_tiny());
	UNIT_EQ(s->cells[isa_tiny()->sp_cell], 0);
	UNIT_EQ(fisa_stack_depth(isa_tiny(), s), 0);
	fisa_state_free(s);

	s = state_new(isa_bare());
	UNIT_EQ(s->mem_size, 0);
	fisa_state_mark(s, 5, 5);
	fisa_state_reset(isa_bare(), s);
	UNIT_EQ(fisa_stack_depth(isa_bare(), s), 0);
	fisa_state_free(s);
	fisa_state_free(NULL);
}

static void marks(void)
{
	struct fisa_state *s = state_new(isa_unified());

	fisa_state_mark(s, 255, 2);
	UNIT_EQ(s->dirty[0], 3);
	UNIT_EQ(s->written[3], (long long)(UINT64_C(1) << 63));
	UNIT_EQ(s->written[4], 1);
	fisa_state_mark(s, 65535, 2);
	UNIT_EQ(s->dirty[3], (long long)(UINT64_C(1) << 63));
	UNIT_EQ(s->written[0], 1);
	fisa_state_mark(s, 0xFFFFFFFF, 1);
	UNIT_EQ(s->written[1023], (long long)(UINT64_C(1) << 63));
	fisa_state_mark(s, 3, 0);
	UNIT_EQ(s->written[0], 1);
	fisa_state_mark(s, 7, UINT32_MAX);
	for (int i = 0; i < 1024; i++)
		UNIT_EQ(s->written[i] == UINT64_MAX, 1);
	fisa_state_free(s);
}

static void resets(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_state *s = state_new(d), *fresh = state_new(d);

	store(s, 0, 1);
	store(s, 65535, 2);
	store(s, 0x4321, 3);
	*cell(d, s, "R", 1) = 5;
	*cell(d, s, "AGENT", 0) = 5;
	s->cells[d->sp_cell] = 3;
	s->pc = 9;
	s->status = FISA_RUN_FAULT;
	s->fault = 2;
	s->cycles = 77;
	UNIT_EQ(identical(s, fresh), 0);
	fisa_state_reset(d, s);
	UNIT_EQ(identical(s, fresh), 1);
	fisa_state_free(s);
	fisa_state_free(fresh);
}

static void starts(void)
{
	struct fisa_program *p = isa_program(isa_unified(),
		".entry x\n.data 0x1FE byte 1,2,3\n.data 0x300 byte 4\n"
		"NOP\nx: HALT");
	struct fisa_state *s = state_new(isa_unified());
	char *json;

	CU_ASSERT_FATAL(p != NULL);
	store(s, 0x2FF, 9);
	fisa_state_start(p, s);
	UNIT_EQ(s->pc, 1);
	UNIT_EQ(s->mem[0x1FE], 1);
	UNIT_EQ(s->mem[0x200], 3);
	UNIT_EQ(s->mem[0x300], 4);
	UNIT_EQ(s->mem[0x2FF], 0);
	/* Dirty from 0x1FE on, and nothing stored to. */
	UNIT_EQ(s->dirty[0], 0xE);
	json = fisa_state_to_json(isa_unified(), s, NULL);
	UNIT_EQ(strstr(json, "\"mem\":[]") != NULL, 1);
	free(json);
	fisa_state_free(s);
	fisa_program_free(p);
}

static void copies(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_state *a = state_new(d), *b = state_new(d);
	uint64_t seed = 3;

	for (int round = 0; round < 50; round++) {
		for (uint32_t k = isa_below(&seed, 9); k > 0; k--)
			store(a, isa_below(&seed, 65536),
			      (uint8_t)isa_random(&seed));
		for (uint32_t k = isa_below(&seed, 9); k > 0; k--)
			store(b, isa_below(&seed, 65536),
			      (uint8_t)isa_random(&seed));
		a->cells[isa_below(&seed, a->cell_count)] = (int32_t)
			isa_random(&seed);
		a->pc = (uint32_t)isa_random(&seed);
		a->cycles = isa_random(&seed);
		a->fault = 2;
		fisa_state_copy(b, a);
		UNIT_EQ(identical(a, b), 1);
		if (round % 7 == 0)
			fisa_state_reset(d, a);
	}
	fisa_state_copy(b, a);
	fisa_state_copy(a, a);
	UNIT_EQ(identical(a, b), 1);
	fisa_state_free(a);
	fisa_state_free(b);
}

static void stacks(void)
{
	const struct fisa_dialect *d = isa_unified(), *t = isa_tiny();
	struct fisa_state *s = state_new(d);
	int32_t *first = cell(d, s, "STK", 0);

	s->cells[d->sp_cell] = 254;
	UNIT_EQ(fisa_stack_depth(d, s), 2);
	UNIT_EQ(fisa_stack_cell(d, s, 0) - first, 255);
	UNIT_EQ(fisa_stack_cell(d, s, 1) - first, 254);
	/* An index from nowhere never leads outside. */
	s->cells[d->sp_cell] = -1;
	UNIT_EQ(fisa_stack_depth(d, s), 256);
	s->cells[d->sp_cell] = INT32_MAX;
	UNIT_EQ(fisa_stack_depth(d, s), 0);
	fisa_state_free(s);

	s = state_new(t);
	s->cells[t->sp_cell] = 3;
	UNIT_EQ(fisa_stack_depth(t, s), 3);
	UNIT_EQ(fisa_stack_cell(t, s, 2) - cell(t, s, "ST", 0), 2);
	s->cells[t->sp_cell] = 5;
	UNIT_EQ(fisa_stack_depth(t, s), 4);
	s->cells[t->sp_cell] = INT32_MIN;
	UNIT_EQ(fisa_stack_depth(t, s), 0);
	fisa_state_free(s);
}

/* ---- traces ------------------------------------------------------------- */

static void traces(void)
{
	struct fisa_trace t = { 0 };
	struct fisa_event e = { .out = 1, .argc = 2, .name = 3,
				.arg = { 5, 6, 7 }, .value = 8 };
	struct fisa_event f = e;

	for (int i = 0; i < 100; i++) {
		e.value = i;
		UNIT_EQ(fisa_trace_add(&t, &e), 0);
	}
	UNIT_EQ(t.count, 100);
	UNIT_EQ(t.events[99].value, 99);
	fisa_trace_done(&t);
	UNIT_EQ(t.events == NULL && t.count == 0 && t.capacity == 0, 1);
	fisa_trace_done(&t);

	e = f;
	UNIT_EQ(fisa_event_equal(&e, &f), 1);
	f.arg[2] = 0;  /* not in use */
	f.value = 0;   /* of inputs only */
	UNIT_EQ(fisa_event_equal(&e, &f), 1);
	f.arg[1] = 0;
	UNIT_EQ(fisa_event_equal(&e, &f), 0);
	f = e;
	f.argc = 1;
	UNIT_EQ(fisa_event_equal(&e, &f), 0);
	f = e;
	f.name = 4;
	UNIT_EQ(fisa_event_equal(&e, &f), 0);
	f = e;
	f.out = 0;
	UNIT_EQ(fisa_event_equal(&e, &f), 0);
	e.out = 0;
	f.value = 9;
	UNIT_EQ(fisa_event_equal(&e, &f), 0);
}

/* ---- writing JSON ------------------------------------------------------- */

static void json_whole(void)
{
	const struct fisa_dialect *d = isa_tiny();
	struct fisa_state *s = state_new(d);
	char *json = fisa_state_to_json(d, s, NULL);

	UNIT_STR_EQ(json, "{\"status\":\"halt\",\"fault\":0,"
		    "\"fault_name\":\"\",\"cycles\":0,\"pc\":0,\"regs\":[],"
		    "\"fregs\":[],\"conf\":[],\"stack\":[],\"flags\":{},"
		    "\"mem\":[],\"out\":[]}");
	free(json);
	s->status = FISA_RUN_FAULT;
	s->fault = 1000;
	s->cycles = UINT64_MAX;
	s->pc = UINT32_MAX;
	s->cells[d->sp_cell] = 2;
	*fisa_stack_cell(d, s, 0) = -5;
	*fisa_stack_cell(d, s, 1) = INT32_MIN;
	json = fisa_state_to_json(d, s, NULL);
	UNIT_STR_EQ(json, "{\"status\":\"fault\",\"fault\":1000,"
		    "\"fault_name\":\"stack_full\","
		    "\"cycles\":18446744073709551615,\"pc\":4294967295,"
		    "\"regs\":[],\"fregs\":[],\"conf\":[],"
		    "\"stack\":[-5,-2147483648],\"flags\":{},\"mem\":[],"
		    "\"out\":[]}");
	free(json);
	fisa_state_free(s);
}

/* Whether the result of a unified state holds a piece of text. */
static void check_json(const struct fisa_state *s,
		       const struct fisa_trace *trace, const char *part)
{
	char *json = fisa_state_to_json(isa_unified(), s, trace);

	UNIT_TRUE(json != NULL, "no memory");
	if (!json)
		return;
	UNIT_TRUE(strstr(json, part) != NULL, "no %s in %s", part, json);
	UNIT_EQ(strpbrk(json, " \n\t") == NULL, 1);
	free(json);
}

static void json_parts(void)
{
	static const char *const names[] = { "halt", "end", "fault", "fuel",
					     "yield" };
	const struct fisa_dialect *d = isa_unified();
	struct fisa_state *s = state_new(d);
	char part[64];

	for (int i = 0; i < 5; i++) {
		s->status = i;
		snprintf(part, sizeof(part), "{\"status\":\"%s\",", names[i]);
		check_json(s, NULL, part);
	}
	*cell(d, s, "R", 1) = -7;
	*cell(d, s, "R", 63) = INT32_MIN;
	*cell(d, s, "C", 0) = 100;
	*cell(d, s, "N", 0) = 1;
	check_json(s, NULL, "\"regs\":[0,-7,0,");
	check_json(s, NULL, ",0,-2147483648],\"fregs\":[\"0\",");
	check_json(s, NULL, "\"conf\":[100,0,");
	check_json(s, NULL, "\"flags\":{\"z\":0,\"n\":1}");
	s->fault = 99;
	check_json(s, NULL, "\"fault\":99,\"fault_name\":\"apoptosis\"");
	s->fault = 2;
	check_json(s, NULL, "\"fault_name\":\"divide\"");
	fisa_state_free(s);
}

static void json_floats(void)
{
	static const struct {
		float value;
		const char *text;
	} cases[] = {
		{ 0.0f, "\"0\"" }, { -0.0f, "\"-0\"" }, { 1.5f, "\"1.5\"" },
		{ 0.1f, "\"0.100000001\"" }, { 3e38f, "\"3.00000001e+38\"" },
		{ 1e-45f, "\"1.40129846e-45\"" },
		{ INFINITY, "\"inf\"" }, { -INFINITY, "\"-inf\"" },
		{ NAN, "\"nan\"" }, { -NAN, "\"nan\"" },
	};
	const struct fisa_dialect *d = isa_unified();
	struct fisa_state *s = state_new(d);
	char part[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		*cell(d, s, "F", 0) = bits_of(cases[i].value);
		snprintf(part, sizeof(part), "\"fregs\":[%s,",
			 cases[i].text);
		check_json(s, NULL, part);
	}
	fisa_state_free(s);
}

static void json_memory(void)
{
	struct fisa_state *s = state_new(isa_unified());

	store(s, 0, 0xAB);
	check_json(s, NULL, "\"mem\":[[0,\"ab\"]]");
	store(s, 1, 0);  /* the same value counts */
	store(s, 63, 1);
	store(s, 64, 2);
	store(s, 65535, 3);
	check_json(s, NULL, "\"mem\":[[0,\"ab00\"],[63,\"0102\"],"
		   "[65535,\"03\"]]");
	fisa_state_mark(s, 256, 3);
	check_json(s, NULL, "[256,\"000000\"]");
	s->mem[300] = 7;  /* there, but not stored to */
	check_json(s, NULL, "[256,\"000000\"],[65535");
	fisa_state_free(s);
}

static unsigned channel(const char *name)
{
	const struct fisa_dialect *d = isa_unified();
	unsigned i = 0;

	while (i < d->channel_count && strcmp(d->channels[i], name) != 0)
		i++;
	CU_ASSERT_FATAL(i < d->channel_count);
	return i;
}

static void json_outputs(void)
{
	struct fisa_state *s = state_new(isa_unified());
	struct fisa_trace t = { 0 };
	struct fisa_event tell = { .out = 1, .argc = 3,
				   .name = (uint16_t)channel("TELL"),
				   .arg = { 1, -2, 3 } };
	struct fisa_event sys = { .out = 1, .argc = 2,
				  .name = (uint16_t)channel("SYS"),
				  .arg = { 5, 6, 7 } };
	struct fisa_event in = { .out = 0, .value = 4 };

	fisa_trace_add(&t, &tell);
	fisa_trace_add(&t, &in);
	fisa_trace_add(&t, &sys);
	check_json(s, &t, ",\"out\":[[\"TELL\",1,-2,3],[\"SYS\",5,6]]}");
	fisa_trace_done(&t);
	fisa_state_free(s);
}

/* A process that writes 1,5 for one and a half. */
static void json_locale(void)
{
	static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8",
					     "fr_FR.UTF-8", "ru_RU.UTF-8" };
	const struct fisa_dialect *d = isa_unified();
	struct fisa_state *s;
	struct fisa_error err = { "" };
	const char *state = "{\"fregs\":[\"2.25\"]}", *found = NULL;

	for (size_t i = 0; i < 4 && !found; i++)
		found = setlocale(LC_NUMERIC, names[i]);
	if (!found) {
		unit_skip("no locale with a decimal comma is installed");
		return;
	}
	s = state_new(d);
	*cell(d, s, "F", 0) = bits_of(1.5f);
	check_json(s, NULL, "\"fregs\":[\"1.5\",");
	UNIT_EQ(fisa_state_from_json(d, state, strlen(state), s, NULL, &err),
		0);
	UNIT_EQ(*cell(d, s, "F", 0), bits_of(2.25f));
	setlocale(LC_NUMERIC, "C");
	fisa_state_free(s);
}

/* ---- reading JSON ------------------------------------------------------- */

static int read_json(struct fisa_state *s, const char *text,
		     struct fisa_trace *inputs, struct fisa_error *err)
{
	return fisa_state_from_json(isa_unified(), text, strlen(text), s,
				    inputs, err);
}

static void reads_keys(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_state *s = state_new(d);
	struct fisa_error err = { "" };
	struct fisa_trace in = { 0 };

	UNIT_EQ(read_json(s, " {} \n", &in, &err), 0);
	UNIT_EQ(read_json(s, "{\"regs\":[0,-5,2147483647],"
			  "\"fregs\":[\"1.5\",\"nan\",\"-inf\",\"-0\"],"
			  "\"conf\":[7],\"stack\":[1,2,3],"
			  "\"flags\":{\"n\":1},"
			  "\"mem\":[[16,\"0aFf\"],[65535,\"01\"],[0,\"\"]],"
			  "\"pc\":4,\"cycles\":12,"
			  "\"in\":[[\"SENSE\",5],[\"GPS\",1,2,-6],"
			  "[\"RAND\",2147483647]],"
			  "\"status\":\"halt\",\"fault\":0,"
			  "\"fault_name\":\"\",\"out\":[[\"TELL\",1]]}",
			  &in, &err), 0);
	UNIT_STR_EQ(err.text, "");
	UNIT_EQ(*cell(d, s, "R", 0), 0);
	UNIT_EQ(*cell(d, s, "R", 1), -5);
	UNIT_EQ(*cell(d, s, "R", 2), INT32_MAX);
	UNIT_EQ(*cell(d, s, "F", 0), bits_of(1.5f));
	UNIT_EQ(*cell(d, s, "F", 1), 0x7FC00000);
	UNIT_EQ(*cell(d, s, "F", 2), bits_of(-INFINITY));
	UNIT_EQ(*cell(d, s, "F", 3), INT32_MIN);
	UNIT_EQ(*cell(d, s, "C", 0), 7);
	UNIT_EQ(fisa_stack_depth(d, s), 3);
	UNIT_EQ(*fisa_stack_cell(d, s, 0), 1);
	UNIT_EQ(*fisa_stack_cell(d, s, 2), 3);
	UNIT_EQ(s->cells[d->sp_cell], 253);
	UNIT_EQ(*cell(d, s, "N", 0), 1);
	UNIT_EQ(s->mem[16], 10);
	UNIT_EQ(s->mem[17], 255);
	UNIT_EQ(s->mem[65535], 1);
	UNIT_EQ(s->dirty[0], 1);
	UNIT_EQ(s->written[0], 0);
	UNIT_EQ(s->pc, 4);
	UNIT_EQ(s->cycles, 12);
	UNIT_EQ(s->status, FISA_RUN_HALT);
	CU_ASSERT_EQUAL_FATAL(in.count, 3);
	UNIT_STR_EQ(d->sources[in.events[0].name], "SENSE");
	UNIT_EQ(in.events[0].argc, 0);
	UNIT_EQ(in.events[0].value, 5);
	UNIT_EQ(in.events[1].argc, 2);
	UNIT_EQ(in.events[1].arg[1], 2);
	UNIT_EQ(in.events[1].value, -6);
	UNIT_EQ(in.events[1].out, 0);
	UNIT_EQ(in.events[2].value, INT32_MAX);
	fisa_trace_done(&in);
	fisa_state_free(s);
}

/* States that are refused, with the sentences. */
static const struct {
	const char *text, *error;
} refused[] = {
	{ "", "state:1:" },
	{ "[]", "state: an object is wanted" },
	{ "{\"regs\":}", "state:1:" },
	{ "{} x", "state:1:" },
	{ "{\"pc\":1,\"pc\":1}", "state:1:" },
	{ "{\"reg\":[]}", "state: unknown key \"reg\"" },
	{ "{\"Regs\":[]}", "state: unknown key \"Regs\"" },
	{ "{\"\":[]}", "state: unknown key \"\"" },
	{ "{\"sp\":1}", "state: unknown key \"sp\"" },
	{ "{\"regs\":5}", "state: regs: an array is wanted" },
	{ "{\"regs\":null}", "state: regs: an array is wanted" },
	{ "{\"regs\":[1.0]}",
	  "state: regs[0]: a whole number is wanted" },
	{ "{\"regs\":[0,\"1\"]}",
	  "state: regs[1]: a whole number is wanted" },
	{ "{\"regs\":[true]}",
	  "state: regs[0]: a whole number is wanted" },
	{ "{\"regs\":[2147483648]}", "state: regs[0]: 2147483648 is "
	  "outside -2147483648..2147483647" },
	{ "{\"regs\":[-2147483649]}", "state: regs[0]: -2147483649 "
	  "is outside -2147483648..2147483647" },
	{ "{\"regs\":[9223372036854775808]}", "state:1:" },
	{ "{\"fregs\":[1]}",
	  "state: fregs[0]: a number as a string is wanted" },
	{ "{\"fregs\":[1.5]}",
	  "state: fregs[0]: a number as a string is wanted" },
	{ "{\"fregs\":[\"\"]}", "state: fregs[0]: \"\" is no number" },
	{ "{\"fregs\":[\"1.\"]}",
	  "state: fregs[0]: \"1.\" is no number" },
	{ "{\"fregs\":[\".5\"]}",
	  "state: fregs[0]: \".5\" is no number" },
	{ "{\"fregs\":[\" 1\"]}",
	  "state: fregs[0]: \" 1\" is no number" },
	{ "{\"fregs\":[\"0x1p3\"]}",
	  "state: fregs[0]: \"0x1p3\" is no number" },
	{ "{\"fregs\":[\"1e\"]}",
	  "state: fregs[0]: \"1e\" is no number" },
	{ "{\"fregs\":[\"-nan\"]}",
	  "state: fregs[0]: \"-nan\" is no number" },
	{ "{\"fregs\":[\"INF\"]}",
	  "state: fregs[0]: \"INF\" is no number" },
	{ "{\"fregs\":[\"infinity\"]}",
	  "state: fregs[0]: \"infinity\" is no number" },
	{ "{\"fregs\":[\"1e39\"]}",
	  "state: fregs[0]: 1e39 is too large" },
	{ "{\"conf\":{}}", "state: conf: an array is wanted" },
	{ "{\"stack\":[1,{}]}",
	  "state: stack[1]: a whole number is wanted" },
	{ "{\"flags\":[]}", "state: flags: an object is wanted" },
	{ "{\"flags\":{\"z\":2}}",
	  "state: flags: z: 0 or 1 is wanted" },
	{ "{\"flags\":{\"z\":true}}",
	  "state: flags: z: 0 or 1 is wanted" },
	{ "{\"flags\":{\"c\":0}}", "state: flags: no flag \"c\"" },
	{ "{\"flags\":{\"Z\":0}}", "state: flags: no flag \"Z\"" },
	{ "{\"mem\":{}}", "state: mem: an array is wanted" },
	{ "{\"mem\":[5]}",
	  "state: mem[0]: [address, \"hex\"] is wanted" },
	{ "{\"mem\":[[0]]}",
	  "state: mem[0]: [address, \"hex\"] is wanted" },
	{ "{\"mem\":[[0,\"00\",1]]}",
	  "state: mem[0]: [address, \"hex\"] is wanted" },
	{ "{\"mem\":[[\"0\",\"00\"]]}",
	  "state: mem[0]: [address, \"hex\"] is wanted" },
	{ "{\"mem\":[[0,\"00\"],[0,\"0\"]]}",
	  "state: mem[1]: an odd number of hex digits" },
	{ "{\"mem\":[[0,\"0g\"]]}",
	  "state: mem[0]: no hex digit at 1" },
	{ "{\"mem\":[[0,\"0\\u0000\"]]}", "state:1:" },
	{ "{\"mem\":[[-1,\"00\"]]}",
	  "state: mem[0]: address -1 is outside memory (65536)" },
	{ "{\"mem\":[[65536,\"\"]]}",
	  "state: mem[0]: address 65536 is outside memory (65536)" },
	{ "{\"mem\":[[65535,\"0000\"]]}",
	  "state: mem[0]: past the end of memory (65536)" },
	{ "{\"pc\":-1}", "state: pc: a whole number in "
	  "0..4294967295 is wanted" },
	{ "{\"pc\":4294967296}", "state: pc: a whole number in "
	  "0..4294967295 is wanted" },
	{ "{\"pc\":\"0\"}", "state: pc: a whole number in "
	  "0..4294967295 is wanted" },
	{ "{\"cycles\":-1}", "state: cycles: a whole number in "
	  "0..9223372036854775807 is wanted" },
	{ "{\"status\":0}", "state: status: wrong type" },
	{ "{\"fault\":\"\"}", "state: fault: wrong type" },
	{ "{\"out\":{}}", "state: out: wrong type" },
	{ "{\"in\":{}}", "state: in: an array is wanted" },
	{ "{\"in\":[[\"SENSE\"]]}",
	  "state: in[0]: [name, arguments, value] is wanted" },
	{ "{\"in\":[5]}",
	  "state: in[0]: [name, arguments, value] is wanted" },
	{ "{\"in\":[[5,5]]}",
	  "state: in[0]: [name, arguments, value] is wanted" },
	{ "{\"in\":[[\"SENSE\",1,2,3,4,5]]}",
	  "state: in[0]: [name, arguments, value] is wanted" },
	{ "{\"in\":[[\"SENSE\",1],[\"TELL\",1]]}",
	  "state: in[1]: no source \"TELL\"" },
	{ "{\"in\":[[\"SENSE\",\"1\"]]}",
	  "state: in[0]: a whole number is wanted" },
	{ "{\"in\":[[\"SENSE\",1.5,1]]}",
	  "state: in[0]: a whole number is wanted" },
	{ "{\"in\":[[\"SENSE\",2147483648]]}", "state: in[0]: "
	  "2147483648 is outside -2147483648..2147483647" },
};

static void reads_errors(void)
{
	struct fisa_state *s = state_new(isa_unified());

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct fisa_error err = { "" };
		struct fisa_trace in = { 0 };
		size_t n = strlen(refused[i].error);
		int rc = read_json(s, refused[i].text, &in, &err);

		UNIT_TRUE(rc == -1, "accepted: %s", refused[i].text);
		/* jansson's own words may change; our place before them not. */
		if (strcmp(refused[i].error, "state:1:") != 0)
			n = sizeof(err.text);
		UNIT_TRUE(strncmp(err.text, refused[i].error, n) == 0,
			  "%s\n      said: %s\n      want: %s", refused[i].text,
			  err.text, refused[i].error);
		UNIT_EQ(in.count, 0);
		fisa_trace_done(&in);
	}
	fisa_state_free(s);
}

static void reads_sizes(void)
{
	static const struct {
		const char *text, *error;
	} bare[] = {
		{ "{\"regs\":[],\"stack\":[],\"mem\":[]}", NULL },
		{ "{\"regs\":[1]}", "state: regs: 1 values; 0 is the most" },
		{ "{\"stack\":[1]}",
		  "state: stack: 1 values; 0 is the most" },
		{ "{\"mem\":[[0,\"\"]]}",
		  "state: mem[0]: address 0 is outside memory (0)" },
		{ "{\"flags\":{\"z\":0}}", "state: flags: no flag \"z\"" },
	};
	struct fisa_state *s = state_new(isa_unified());
	struct fisa_error err = { "" };
	char text[1024];
	size_t n = (size_t)sprintf(text, "{\"stack\":[0");

	for (int i = 1; i < 256; i++)
		n += (size_t)sprintf(text + n, ",%d", i % 10);
	strcpy(text + n, "]}");
	UNIT_EQ(read_json(s, text, NULL, &err), 0);
	UNIT_EQ(fisa_stack_depth(isa_unified(), s), 256);
	strcpy(text + n, ",0]}");
	UNIT_EQ(read_json(s, text, NULL, &err), -1);
	UNIT_STR_EQ(err.text, "state: stack: 257 values; 256 is the most");
	UNIT_EQ(read_json(s, "{\"stack\":[]}", NULL, &err), 0);
	UNIT_EQ(fisa_stack_depth(isa_unified(), s), 0);
	/* Nobody wants the inputs. */
	UNIT_EQ(read_json(s, "{\"in\":[[\"SENSE\",1]]}", NULL, &err), 0);
	fisa_state_free(s);

	s = state_new(isa_bare());
	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
		int rc = fisa_state_from_json(isa_bare(), bare[i].text,
					      strlen(bare[i].text), s, NULL,
					      &err);

		UNIT_EQ(rc, bare[i].error ? -1 : 0);
		if (bare[i].error)
			UNIT_STR_EQ(err.text, bare[i].error);
	}
	fisa_state_free(s);
}

/* An error leaves the inputs that were there before. */
static void reads_inputs_back(void)
{
	struct fisa_state *s = state_new(isa_unified());
	struct fisa_error err = { "" };
	struct fisa_trace in = { 0 };

	UNIT_EQ(read_json(s, "{\"in\":[[\"SENSE\",1]]}", &in, &err), 0);
	UNIT_EQ(read_json(s, "{\"in\":[[\"SENSE\",2],[\"GPS\"]]}", &in, &err),
		-1);
	UNIT_EQ(in.count, 1);
	UNIT_EQ(in.events[0].value, 1);
	fisa_trace_done(&in);
	fisa_state_free(s);
}

static void random_state(struct fisa_state *s, uint64_t *seed)
{
	const struct fisa_dialect *d = isa_unified();
	uint32_t depth = isa_below(seed, 8);

	for (int i = 0; i < 64; i++) {
		int32_t f = (int32_t)isa_random(seed);

		*cell(d, s, "R", (unsigned)i) = (int32_t)isa_random(seed);
		*cell(d, s, "C", (unsigned)i) = (int32_t)isa_random(seed);
		/* One NaN there is. */
		if ((f & 0x7FFFFFFF) > 0x7F800000)
			f = 0x7FC00000;
		*cell(d, s, "F", (unsigned)i) = f;
	}
	*cell(d, s, "Z", 0) = (int32_t)isa_below(seed, 2);
	s->cells[d->sp_cell] = 256 - (int32_t)depth;
	for (uint32_t i = 0; i < depth; i++)
		*fisa_stack_cell(d, s, i) = (int32_t)isa_random(seed);
	for (uint32_t k = isa_below(seed, 20); k > 0; k--)
		store(s, isa_below(seed, 65536), (uint8_t)isa_random(seed));
	s->pc = (uint32_t)isa_random(seed);
	s->cycles = isa_random(seed) >> 1;
}

static void round_trips(void)
{
	unsigned long count = unit_scale(2000);
	const struct fisa_dialect *d = isa_unified();
	uint64_t seed = 21;

	for (unsigned long i = 0; i < count; i++) {
		struct fisa_state *a = state_new(d), *b = state_new(d);
		struct fisa_error err = { "" };
		char *first, *second;

		random_state(a, &seed);
		first = fisa_state_to_json(d, a, NULL);
		CU_ASSERT_FATAL(first != NULL);
		UNIT_EQ(read_json(b, first, NULL, &err), 0);
		UNIT_STR_EQ(err.text, "");
		/* What was stored to is not part of a state to start from. */
		UNIT_EQ(b->written[0], 0);
		memcpy(b->written, a->written, a->mem_size / 8);
		UNIT_EQ(identical(a, b), 1);
		second = fisa_state_to_json(d, b, NULL);
		UNIT_STR_EQ(second, first);
		free(first);
		free(second);
		fisa_state_free(a);
		fisa_state_free(b);
	}
}

static void hostile_json(void)
{
	static const char base[] =
		"{\"regs\":[1,2],\"fregs\":[\"1.5e3\",\"nan\"],\"conf\":[3],"
		"\"stack\":[4],\"flags\":{\"z\":1},\"mem\":[[9,\"0a0b\"]],"
		"\"pc\":1,\"cycles\":2,\"in\":[[\"SENSE\",1]]}";
	unsigned long count = unit_scale(20000);
	struct fisa_state *s = state_new(isa_unified());
	uint64_t seed = 5;

	for (unsigned long i = 0; i < count; i++) {
		size_t n = sizeof(base) - 1;
		char *text = malloc(n);
		struct fisa_error err = { "" };
		struct fisa_trace in = { 0 };

		CU_ASSERT_FATAL(text != NULL);
		memcpy(text, base, n);
		for (uint32_t k = 1 + isa_below(&seed, 4); k > 0; k--)
			text[isa_below(&seed, (uint32_t)n)] =
				base[isa_below(&seed, (uint32_t)n)];
		if (isa_below(&seed, 4) == 0)
			text[isa_below(&seed, (uint32_t)n)] =
				(char)isa_random(&seed);
		if (fisa_state_from_json(isa_unified(), text,
					 isa_below(&seed, 4) ? n : n / 2, s,
					 &in, &err) < 0)
			UNIT_EQ(err.text[0] != '\0', 1);
		fisa_trace_done(&in);
		free(text);
	}
	fisa_state_free(s);
}

/* ---- observables -------------------------------------------------------- */

/* Two states of one program, and what is said of them. */
struct pair {
	struct fisa_program *p;
	struct fisa_state *a, *b;
};

static struct pair pair_of(const char *text)
{
	struct pair x;

	x.p = isa_program(isa_unified(), text);
	CU_ASSERT_FATAL(x.p != NULL);
	x.a = state_new(isa_unified());
	x.b = state_new(isa_unified());
	fisa_state_start(x.p, x.a);
	fisa_state_start(x.p, x.b);
	return x;
}

static void pair_free(struct pair *x)
{
	fisa_program_free(x->p);
	fisa_state_free(x->a);
	fisa_state_free(x->b);
}

static bool same_digest(const struct pair *x, const struct fisa_set *live)
{
	struct fisa_digest a = fisa_observe_digest(x->p, live, x->a);
	struct fisa_digest b = fisa_observe_digest(x->p, live, x->b);

	return a.w[0] == b.w[0] && a.w[1] == b.w[1];
}

/* Comparison and digest both see the difference ("" : there is none). */
static void check_pair(const struct pair *x, const struct fisa_set *live,
		       const char *want)
{
	char what[128] = "?";
	bool equal = live
		? fisa_observe_live(x->p, live, x->a, x->b, what,
				    sizeof(what))
		: fisa_observe_equal(x->p, x->a, x->b, what, sizeof(what));

	UNIT_STR_EQ(what, want);
	UNIT_EQ(equal, *want == '\0');
	UNIT_EQ(same_digest(x, live), equal);
	if (!live)
		UNIT_EQ(fisa_observe_equal(x->p, x->b, x->a, NULL, 0), equal);
}

static void observes_default(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct pair x = pair_of(".scratch mem 0x8000 256\n"
				".scratch mem 0x10 4\nHALT");

	check_pair(&x, NULL, "");
	/* Not observed: pc, cycles, flags, dead cells, single cells. */
	x.a->pc = 5;
	x.a->cycles = 9;
	*cell(d, x.a, "Z", 0) = 1;
	*cell(d, x.a, "STK", 7) = 4;
	*cell(d, x.a, "STRIP", 0) = 4;
	check_pair(&x, NULL, "");
	*cell(d, x.a, "R", 63) = 1;
	check_pair(&x, NULL, "R63: 1, not 0");
	*cell(d, x.b, "R", 63) = 1;
	*cell(d, x.b, "C", 2) = -3;
	check_pair(&x, NULL, "C2: 0, not -3");
	*cell(d, x.a, "C", 2) = -3;
	x.a->status = FISA_RUN_END;
	check_pair(&x, NULL, "status: 1, not 0");
	x.b->status = FISA_RUN_END;
	x.b->fault = 2;
	check_pair(&x, NULL, "fault: 0, not 2");
	x.a->fault = 2;
	check_pair(&x, NULL, "");
	pair_free(&x);
}

static void observes_floats(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct pair x = pair_of("HALT");

	*cell(d, x.a, "F", 1) = 0x7FC00000;
	*cell(d, x.b, "F", 1) = (int32_t)0xFF812345u;
	check_pair(&x, NULL, "");
	*cell(d, x.b, "F", 1) = 0x7F800000;
	check_pair(&x, NULL, "F1: bits 0x7fc00000, not 0x7f800000");
	*cell(d, x.a, "F", 1) = 0x7F800000;
	*cell(d, x.a, "F", 2) = INT32_MIN;  /* -0 is not +0 */
	check_pair(&x, NULL, "F2: bits 0x80000000, not 0x00000000");
	*cell(d, x.a, "F", 2) = 0;
	/* An integer that looks like a NaN is an integer. */
	*cell(d, x.a, "R", 1) = 0x7FC00000;
	*cell(d, x.b, "R", 1) = 0x7FC00001;
	check_pair(&x, NULL, "R1: 2143289344, not 2143289345");
	pair_free(&x);
}

static void observes_stack(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct pair x = pair_of("HALT");

	x.a->cells[d->sp_cell] = 254;
	check_pair(&x, NULL, "stack: 2 cells, not 0");
	x.b->cells[d->sp_cell] = 254;
	check_pair(&x, NULL, "");
	*fisa_stack_cell(d, x.a, 1) = 7;
	check_pair(&x, NULL, "stack cell 1: 7, not 0");
	*fisa_stack_cell(d, x.b, 1) = 7;
	*fisa_stack_cell(d, x.b, 0) = 8;
	check_pair(&x, NULL, "stack cell 0: 0, not 8");
	pair_free(&x);
}

static void observes_memory(void)
{
	struct pair x = pair_of(".scratch mem 0x1F0 32\n"
				".data 0x400 byte 1\nHALT");

	store(x.a, 0x1F0, 5);
	store(x.b, 0x20F, 6);
	check_pair(&x, NULL, "");
	store(x.a, 0x1EF, 7);
	check_pair(&x, NULL, "mem[0x1ef]: 7, not 0");
	store(x.b, 0x1EF, 7);
	store(x.b, 0x210, 1);
	check_pair(&x, NULL, "mem[0x210]: 0, not 1");
	store(x.b, 0x210, 0);
	check_pair(&x, NULL, "");
	/* Dirty with nothing in it is as good as clean. */
	fisa_state_mark(x.a, 0x7000, 600);
	fisa_state_mark(x.b, 0xF000, 1);
	check_pair(&x, NULL, "");
	store(x.a, 0xF001, 3);
	check_pair(&x, NULL, "mem[0xf001]: 3, not 0");
	store(x.a, 0xF001, 0);
	store(x.b, 0x400, 0);
	check_pair(&x, NULL, "mem[0x400]: 1, not 0");
	pair_free(&x);
}

static void observes_out(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct pair x = pair_of(".out R3, R4\n.out Z\n.out mem 0x1FE 4\n"
				".out mem 0x200 1\n.scratch mem 0x200 1\n"
				"HALT");

	*cell(d, x.a, "R", 1) = 1;
	*cell(d, x.a, "R", 5) = 1;
	*cell(d, x.a, "N", 0) = 1;
	x.a->cells[d->sp_cell] = 200;
	store(x.a, 0x1FD, 1);
	store(x.a, 0x202, 1);
	check_pair(&x, NULL, "");
	*cell(d, x.a, "R", 4) = 1;
	check_pair(&x, NULL, "R4: 1, not 0");
	*cell(d, x.a, "R", 4) = 0;
	*cell(d, x.b, "Z", 0) = 1;
	check_pair(&x, NULL, "Z: 0, not 1");
	*cell(d, x.b, "Z", 0) = 0;
	store(x.a, 0x201, 1);
	check_pair(&x, NULL, "mem[0x201]: 1, not 0");
	store(x.a, 0x201, 0);
	/* Named is named, also where it is scratch. */
	store(x.a, 0x200, 9);
	check_pair(&x, NULL, "mem[0x200]: 9, not 0");
	pair_free(&x);

	x = pair_of(".out stack\nHALT");
	*cell(d, x.a, "R", 1) = 1;
	store(x.a, 0, 1);
	check_pair(&x, NULL, "");
	x.a->cells[d->sp_cell] = 255;
	check_pair(&x, NULL, "stack: 1 cells, not 0");
	pair_free(&x);

	x = pair_of(".out none\nHALT");
	*cell(d, x.a, "R", 1) = 1;
	x.a->cells[d->sp_cell] = 255;
	store(x.a, 0, 1);
	check_pair(&x, NULL, "");
	x.b->status = FISA_RUN_FUEL;
	check_pair(&x, NULL, "status: 0, not 3");
	pair_free(&x);
}

static void observes_live(void)
{
	const struct fisa_dialect *d = isa_unified();
	struct pair x = pair_of(".out R9\n.scratch mem 0 16\nHALT");
	struct fisa_set live = { { 0 } };
	uint32_t strip = (uint32_t)(cell(d, x.a, "STRIP", 0) - x.a->cells);

	live.w[0] |= 1u << 3;
	live.w[strip / 64] |= UINT64_C(1) << (strip % 64);
	*cell(d, x.a, "R", 9) = 1;
	*cell(d, x.a, "R", 4) = 1;
	store(x.a, 15, 1);
	check_pair(&x, &live, "");
	*cell(d, x.a, "R", 3) = 1;
	check_pair(&x, &live, "R3: 1, not 0");
	*cell(d, x.a, "R", 3) = 0;
	*cell(d, x.b, "STRIP", 0) = 2;
	check_pair(&x, &live, "STRIP: 0, not 2");
	*cell(d, x.b, "STRIP", 0) = 0;
	x.b->cells[d->sp_cell] = 250;
	check_pair(&x, &live, "stack: 0 cells, not 6");
	x.b->cells[d->sp_cell] = 256;
	store(x.b, 16, 1);
	check_pair(&x, &live, "mem[0x10]: 0, not 1");
	/* Every cell there is: none of them leads astray. */
	memset(&live, 0xFF, sizeof(live));
	store(x.b, 16, 0);
	check_pair(&x, &live, "R4: 1, not 0");
	pair_free(&x);
}

/* Change one thing at a time; no two digests may meet. */
static void digests_spread(void)
{
	enum { CELLS = 64, BYTES = 2048 };
	const struct fisa_dialect *d = isa_unified();
	struct pair x = pair_of("HALT");
	struct fisa_digest *seen = calloc(2 * CELLS + BYTES, sizeof(*seen));
	size_t n = 0, same = 0, half = 0;

	CU_ASSERT_FATAL(seen != NULL);
	for (int i = 0; i < 2 * CELLS; i++) {
		int32_t *c = cell(d, x.a, i < CELLS ? "R" : "C",
				  (unsigned)i % CELLS);

		*c = 1;
		seen[n++] = fisa_observe_digest(x.p, NULL, x.a);
		*c = 0;
	}
	for (uint32_t i = 0; i < BYTES; i++) {
		store(x.a, i * 31, 1);
		seen[n++] = fisa_observe_digest(x.p, NULL, x.a);
		store(x.a, i * 31, 0);
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			same += seen[i].w[0] == seen[k].w[0] &&
				seen[i].w[1] == seen[k].w[1];
			half += seen[i].w[0] == seen[k].w[0] ||
				seen[i].w[1] == seen[k].w[1];
		}
	}
	UNIT_EQ(same, 0);
	UNIT_EQ(half, 0);
	free(seen);
	pair_free(&x);
}

/* Comparison and digest agree on states that differ by chance or not. */
static void digests_agree(void)
{
	unsigned long count = unit_scale(20000);
	const struct fisa_dialect *d = isa_unified();
	struct pair x = pair_of(".scratch mem 0x100 300\nHALT");
	uint64_t seed = 31;
	unsigned long equals = 0;

	for (unsigned long i = 0; i < count; i++) {
		uint32_t at = isa_below(&seed, 1024);
		uint8_t byte = (uint8_t)isa_below(&seed, 2);
		uint32_t r = isa_below(&seed, 64);

		store(x.a, at, byte);
		if (isa_below(&seed, 8))
			store(x.b, at, byte);
		*cell(d, x.a, "F", r) = (int32_t)0x7F800000 +
					(int32_t)isa_below(&seed, 3);
		if (isa_below(&seed, 8))
			*cell(d, x.b, "F", r) = *cell(d, x.a, "F", r);
		if (fisa_observe_equal(x.p, x.a, x.b, NULL, 0))
			equals++;
		if (same_digest(&x, NULL) !=
		    fisa_observe_equal(x.p, x.a, x.b, NULL, 0)) {
			UNIT_TRUE(0, "they disagree in round %lu", i);
			break;
		}
		if (isa_below(&seed, 16) == 0) {
			fisa_state_start(x.p, x.a);
			fisa_state_copy(x.b, x.a);
		}
	}
	UNIT_TRUE(equals > 0, "no equal pair in %lu", count);
	pair_free(&x);
}

static const struct unit_test tests[] = {
	{ "life", "initial_values", initial_values },
	{ "life", "marks", marks },
	{ "life", "resets", resets },
	{ "life", "starts", starts },
	{ "life", "copies", copies },
	{ "life", "stacks", stacks },
	{ "traces", "traces", traces },
	{ "writes", "whole", json_whole },
	{ "writes", "parts", json_parts },
	{ "writes", "floats", json_floats },
	{ "writes", "memory", json_memory },
	{ "writes", "outputs", json_outputs },
	{ "writes", "locale", json_locale },
	{ "reads", "keys", reads_keys },
	{ "reads", "errors", reads_errors },
	{ "reads", "sizes", reads_sizes },
	{ "reads", "inputs_back", reads_inputs_back },
	{ "reads", "round_trips", round_trips },
	{ "reads", "hostile", hostile_json },
	{ "observes", "default", observes_default },
	{ "observes", "floats", observes_floats },
	{ "observes", "stack", observes_stack },
	{ "observes", "memory", observes_memory },
	{ "observes", "out", observes_out },
	{ "observes", "live", observes_live },
	{ "digests", "spread", digests_spread },
	{ "digests", "agree", digests_agree },
};

UNIT_MAIN(tests)
