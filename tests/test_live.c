/*
 * test_live.c - what the facts call dead is dead: random programs are run
 * from random places with a dead cell changed, and nobody can tell.
 */
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "tests/gen.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { STEPS = 3000, PLACES = 4 };

/* A run: its outputs, and the inputs it draws by their number. */
struct run {
	struct fisa_state *s;
	struct fisa_trace out;
	uint64_t program;
	uint32_t drawn;
};

static int input(uint16_t source, const int32_t *arg, unsigned argc,
		 int32_t *value, void *user)
{
	struct run *r = user;

	(void)source;
	(void)arg;
	(void)argc;
	*value = gen_input(11, r->program, r->drawn++);
	return 0;
}

static int output(uint16_t channel, const int32_t *arg, unsigned argc,
		  void *user)
{
	struct run *r = user;
	struct fisa_event e = { .out = 1, .argc = (uint8_t)argc,
				.name = channel };

	for (unsigned i = 0; i < argc; i++)
		e.arg[i] = arg[i];
	return fisa_trace_add(&r->out, &e);
}

static void go(const struct fir_program *ir, struct fir_lane *lane,
	       struct run *r, uint64_t fuel)
{
	const struct fir_io io = { input, output, r };
	const struct fir_limits limits = { fuel, false };

	fir_run(ir, lane, r->s, &io, limits);
}

static bool same_trace(const struct fisa_trace *a, const struct fisa_trace *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (!fisa_event_equal(&a->events[i], &b->events[i]))
			return false;
	return true;
}

/* A cell that is dead where the run stands, by chance among those of the
 * files; -1: the draw found a live one. */
static int dead_cell(const struct fisa_program *p, const struct fisa_facts *f,
		     const struct fisa_state *s, uint64_t *seed)
{
	const struct fisa_dialect *d = p->dialect;
	uint32_t i = s->pc < p->size ? f->index[s->pc] : UINT32_MAX;
	const struct fisa_file *file;
	uint32_t cell;

	file = &d->files[isa_below(seed, d->file_count)];
	if (i == UINT32_MAX || file->kind == FISA_FILE_STACK)
		return -1;
	cell = file->first + isa_below(seed, file->count);
	/* Low registers are what programs use. */
	if (file->count > 8 && isa_below(seed, 4) != 0)
		cell = file->first + isa_below(seed, 8);
	if (cell == d->sp_cell || (f->live_in[i].w[cell / 64] >>
				   (cell % 64) & 1))
		return -1;
	return (int)cell;
}

/* Runs on from a place twice, once with a dead cell changed. */
static unsigned compare(const struct fisa_program *p,
			const struct fisa_facts *f,
			const struct fir_program *ir, struct run *at,
			uint64_t *seed)
{
	struct fir_lane *lane = fir_lane_new();
	struct run a = *at, b = *at;
	char what[160] = "";
	int cell = dead_cell(p, f, at->s, seed);
	uint32_t pc = at->s->pc;

	memset(&a.out, 0, sizeof(a.out));
	memset(&b.out, 0, sizeof(b.out));
	a.s = fisa_state_new(p->dialect);
	b.s = fisa_state_new(p->dialect);
	fisa_state_copy(a.s, at->s);
	fisa_state_copy(b.s, at->s);
	if (cell >= 0) {
		bool flag = b.s->cells[cell] == 0 || b.s->cells[cell] == 1;
		b.s->cells[cell] = flag ? !b.s->cells[cell]
					: (int32_t)isa_random(seed);
		go(ir, lane, &a, STEPS);
		go(ir, lane, &b, STEPS);
		/* A run that fuel ended stands in the middle of something. */
		if (a.s->status != FISA_RUN_FUEL)
			UNIT_TRUE(fisa_observe_equal(p, a.s, b.s, what,
						     sizeof(what)),
				  "program %llu, cell %d at %u: %s",
				  (unsigned long long)at->program, cell, pc,
				  what);
		UNIT_TRUE(same_trace(&a.out, &b.out) && a.drawn == b.drawn,
			  "program %llu, cell %d at %u: other outputs",
			  (unsigned long long)at->program, cell, pc);
		UNIT_EQ(a.s->status, b.s->status);
	}
	fisa_trace_done(&a.out);
	fisa_trace_done(&b.out);
	fisa_state_free(a.s);
	fisa_state_free(b.s);
	fir_lane_free(lane);
	return cell >= 0;
}

/* Places on one run of a program. */
static unsigned try_program(const struct gen_table *t,
			    const struct fisa_program *p, uint64_t number)
{
	const struct fisa_dialect *d = p->dialect;
	struct fir_lane *lane = fir_lane_new();
	struct run r = { .program = number };
	struct fisa_facts *f = NULL;
	struct fir_program *ir = NULL;
	struct fisa_error err;
	uint64_t seed = number * 77 + 1;
	unsigned tried = 0;

	r.s = fisa_state_new(p->dialect);
	UNIT_EQ(fisa_facts_make(p, &f, &err), 0);
	UNIT_EQ(fir_lower(p, &ir, &err), 0);
	gen_begin(t, p, 3, number, r.s);
	/* No manifest here promises a stack that is not empty. */
	r.s->cells[d->sp_cell] = d->files[d->stack_file].down
		? d->files[d->stack_file].count : 0;
	if (fisa_links_apart(d))
		r.s->cells[d->calls_cell] = 0;
	for (int k = 0; k < PLACES && f && ir; k++) {
		for (int c = 0; c < 4; c++)
			tried += compare(p, f, ir, &r, &seed);
		go(ir, lane, &r, 1 + isa_below(&seed, 40));
		if (r.s->status != FISA_RUN_FUEL)
			break;
	}
	fisa_trace_done(&r.out);
	fir_free(ir);
	fisa_facts_free(f);
	fisa_state_free(r.s);
	fir_lane_free(lane);
	return tried;
}

/* Observes a few registers only, so that there is much that is dead. */
static void observe_little(struct fisa_program *p)
{
	const struct fisa_dialect *d = p->dialect;
	int r = fisa_file_by_name(d, "R", 1);

	if (r < 0) { /* flags and confidence are all there is */
		p->manifest.out_none = true;
		return;
	}
	p->manifest.out[0] = (struct fisa_cells){
		.kind = FISA_CELLS_FILE,
		.first = d->files[r].first + 3u,
		.count = 2,
	};
	p->manifest.out_count = 1;
}

static void try_programs(const struct fisa_dialect *d, bool noise,
			 unsigned long count)
{
	struct gen_table t;
	unsigned tried = 0;

	gen_table_init(&t, d);
	for (unsigned long k = 0; k < count; k++) {
		struct fisa_program *p = noise ? gen_noise(&t, 9, k)
					       : gen_program(&t, 9, k);
		if (!p)
			continue;
		if (k % 4 != 0)
			observe_little(p);
		tried += try_program(&t, p, k);
		fisa_program_free(p);
	}
	UNIT_TRUE(tried > count / 2, "%u dead cells found", tried);
}

static void programs(void)
{
	try_programs(isa_unified(), false, unit_scale(4000));
}

static void noise(void)
{
	try_programs(isa_unified(), true, unit_scale(4000));
}

/* Another machine: cells that only tests look at, links apart, registers of
 * several cells. */
static void mill(void)
{
	try_programs(isa_mill(), false, unit_scale(2000));
	try_programs(isa_mill(), true, unit_scale(2000));
}

/* The other built-in tables that have a meaning, and cells that can die. */
static void others(void)
{
	static const char *const names[] = { "classic", "stack" };

	for (size_t i = 0; i < 2; i++) {
		struct fisa_dialect *d = NULL;
		struct fisa_error err = { "" };

		fisa_dialect_builtin(names[i], true, &d, &err);
		if (UNIT_TRUE(d, "%s", err.text)) {
			try_programs(d, false, unit_scale(1000));
			try_programs(d, true, unit_scale(1000));
		}
		fisa_dialect_free(d);
	}
}

/* The sample of all that calls, loops and branches. */
static void by_hand(void)
{
	static const char text[] =
		".out R3\n a: SENSE R1\n JLE R1, x\n CALL R0, f\n.byte 1\n"
		"ISTINCT_DECAY R2\n JNE R2, a\n x: TELL R1, R2, R3\n HALT\n"
		"f: PUSH R1\n MOVI R5, 3\n g: ADD R3, R3, R1\n LOOP R5, g\n"
		"POP R4\n MOV R2, R4\n RET\n";
	struct fisa_program *p = isa_program(isa_unified(), text);
	struct gen_table t;
	unsigned tried = 0;

	gen_table_init(&t, isa_unified());
	for (unsigned long k = 0; p && k < unit_scale(300); k++)
		tried += try_program(&t, p, k);
	UNIT_TRUE(tried > 0, "nothing is dead");
	fisa_program_free(p);
}

static const struct unit_test tests[] = {
	{ "dead", "by hand", by_hand },
	{ "dead", "programs", programs },
	{ "dead", "noise", noise },
	{ "dead", "mill", mill },
	{ "dead", "others", others },
};
UNIT_MAIN(tests)
