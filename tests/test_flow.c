/*
 * test_flow.c - what the verifier concludes, against runs: where control
 * goes, how deep the stack is, which values cells hold, what can fault.
 */
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "isa/interval.h"
#include "isa/verify_impl.h"
#include "tests/gen.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { STEPS = 2000, INPUTS = 6, WRONG_MAX = 20 };

/* One program under watch. */
struct watch {
	struct fisa__flow g;
	struct fisa__ranges *ranges;
	const struct fisa_program *p;
	uint64_t number;
	uint32_t drawn, last_pc;
	unsigned visits, wrong;
};

static int input(uint16_t source, const int32_t *arg, unsigned argc,
		 int32_t *value, void *user)
{
	struct watch *w = user;

	(void)source;
	(void)arg;
	(void)argc;
	*value = gen_input(13, w->number, w->drawn++);
	return 0;
}

static int output(uint16_t channel, const int32_t *arg, unsigned argc,
		  void *user)
{
	(void)channel;
	(void)arg;
	(void)argc;
	(void)user;
	return 0;
}

static void wrong(struct watch *w, const char *what, uint32_t pc, int64_t v)
{
	if (w->wrong++ < WRONG_MAX)
		UNIT_TRUE(0, "program %llu at %u: %s, %lld",
			  (unsigned long long)w->number, pc, what,
			  (long long)v);
}

static void check_values(struct watch *w, uint32_t node, const int32_t *cells)
{
	const struct fisa_dialect *d = w->p->dialect;
	uint32_t pc = w->g.node[node].insn.pc;

	for (uint32_t c = 0; c < d->cell_count; c++) {
		struct fisa__range r;
		bool odd;

		if (!fisa__ranges_cell(w->ranges, node, c, &r)) {
			wrong(w, "said to be out of reach", pc, 0);
			return;
		}
		odd = cells[c] < r.lo || cells[c] > r.hi ||
		      (cells[c] == 0 && r.nonzero);
		if (odd)
			wrong(w, "value outside its range, cell", pc, c);
	}
}

static void visit(uint32_t pc, const int32_t *cells, void *user)
{
	struct watch *w = user;
	const struct fisa_dialect *d = w->p->dialect;
	uint32_t node = pc < w->p->size ? w->g.index[pc] : FISA__NONE;
	struct fisa__depth depth;
	int32_t live;

	w->visits++;
	w->last_pc = pc;
	if (pc >= w->p->size)
		return;
	if (node == FISA__NONE) {
		wrong(w, "not in the graph", pc, 0);
		return;
	}
	depth = fisa__depth_at(&w->g, &w->g.node[node]);
	live = cells[d->sp_cell];
	if (d->files[d->stack_file].down)
		live = d->files[d->stack_file].count - live;
	if (live < depth.lo || live > depth.hi)
		wrong(w, "stack depth", pc, live);
	if (w->ranges)
		check_values(w, node, cells);
}

/* Inputs of all sizes, as a manifest would declare them. */
static void declare_inputs(struct fisa_program *p, struct fisa_state *s,
			   uint64_t *seed)
{
	const struct fisa_dialect *d = p->dialect;
	int r = fisa_file_by_name(d, "R", 1);

	for (unsigned i = 0; r >= 0 && i < INPUTS; i++) {
		struct fisa_cells *c = &p->manifest.in[p->manifest.in_count++];
		int64_t span, a = (int32_t)isa_random(seed);

		a >>= isa_below(seed, 32);
		span = isa_random(seed) >> (33 + isa_below(seed, 30));
		c->kind = FISA_CELLS_FILE;
		c->first = d->files[r].first + 1u + i;
		c->count = 1;
		c->lo = (int32_t)a;
		c->hi = (int32_t)(a + span > INT32_MAX ? INT32_MAX : a + span);
		span = (int64_t)c->hi - c->lo;
		s->cells[c->first] = (int32_t)(
			c->lo + (int64_t)(isa_random(seed) %
					  ((uint64_t)span + 1)));
	}
}

/* How the run ended, against what was known before. */
static void check_end(struct watch *w, const struct fisa_state *s)
{
	uint32_t node;

	if (s->status == FISA_RUN_END && fisa_verify(w->p, NULL, 0) == 0)
		wrong(w, "ran off the end of a sound program", w->last_pc, 0);
	if (s->status != FISA_RUN_FAULT || w->last_pc >= w->p->size)
		return;
	node = w->g.index[w->last_pc];
	if (w->g.node[node].status != FISA_DECODED)
		return;
	if (!fisa__may_fault(&w->g, node, NULL) ||
	    !fisa__may_fault(&w->g, node, w->ranges))
		wrong(w, "a fault that could not be", w->last_pc, s->fault);
}

/* Whether there was something to watch: of a wild graph nothing is said. */
static bool watch_program(struct fisa_program *p, uint64_t number)
{
	struct fir_lane *lane = fir_lane_new();
	struct watch w = { .p = p, .number = number };
	const struct fir_io io = { input, output, &w };
	const struct fir_limits limits = { STEPS, false };
	struct fisa_state *s = fisa_state_new(p->dialect);
	struct fir_program *ir = NULL;
	struct fisa_error err;
	uint64_t seed = number + 99;

	fisa_state_start(p, s);
	declare_inputs(p, s, &seed);
	UNIT_EQ(fisa__flow_build(&w.g, p), 0);
	UNIT_EQ(fisa__flow_blocks(&w.g), 0);
	fisa__depth_solve(&w.g);
	if (!w.g.wild) {
		w.ranges = fisa__ranges_make(&w.g);
		UNIT_EQ(fir_lower(p, &ir, &err), 0);
		fir_run_visit(ir, lane, s, &io, limits, visit, &w);
		check_end(&w, s);
	}
	fisa__ranges_free(w.ranges);
	fisa__flow_done(&w.g);
	fir_free(ir);
	fisa_state_free(s);
	fir_lane_free(lane);
	return w.visits > 0;
}

/* Of the programs at least one in `of` must be such that something is said
 * of it. */
static void watch_programs(const struct fisa_dialect *d, bool noise,
			   unsigned long count, unsigned long of)
{
	unsigned long watched = 0;
	struct gen_table t;

	gen_table_init(&t, d);
	for (unsigned long k = 0; k < count; k++) {
		struct fisa_program *p = noise ? gen_noise(&t, 21, k)
					       : gen_program(&t, 21, k);
		if (p)
			watched += watch_program(p, k);
		fisa_program_free(p);
	}
	UNIT_TRUE(watched > count / of, "%lu of %lu watched", watched, count);
}

static void programs(void)
{
	watch_programs(isa_unified(), false, unit_scale(1500), 2);
}

static void noise(void)
{
	watch_programs(isa_unified(), true, unit_scale(1500), 2);
}

static void mill(void)
{
	watch_programs(isa_mill(), false, unit_scale(1500), 2);
	watch_programs(isa_mill(), true, unit_scale(1500), 2);
}

/* The other built-in tables that have a meaning. */
static void others(void)
{
	static const char *const names[] = { "classic", "seed", "stack" };

	for (size_t i = 0; i < 3; i++) {
		struct fisa_dialect *d = NULL;
		struct fisa_error err = { "" };

		fisa_dialect_builtin(names[i], true, &d, &err);
		if (UNIT_TRUE(d, "%s", err.text)) {
			watch_programs(d, false, unit_scale(300), 3);
			watch_programs(d, true, unit_scale(300), 3);
		}
		fisa_dialect_free(d);
	}
}

/* Rows that take off what there is, in every order with pushes and pops, on
 * a stack that holds links, too. */
static const char tangle_text[] =
	"fluxisa 1\n"
	"dialect tangle\n"
	"file R i32 32\n"
	"stack STK 6 down index TOP\n"
	"fuel 1000\n"
	"guard 4 stack_few\n"
	"guard 4 stack_empty\n"
	"lethal 1000 stack_full\n"
	"lethal 1002 negative_target\n"
	"truncated 1\n"
	"unknown 3\n"
	"row 0x00 HALT len=1 flow=halt writes=HALT roles=halt pure=no "
	"does=halt\n"
	"row 0x01 MOVI len=4 ops=rd,imm16le_s writes=R[rd] "
	"does=mov R[rd] #imm16le_s\n"
	"row 0x02 DEC len=2 ops=rd reads=R[rd] writes=R[rd] "
	"does=sub R[rd] R[rd] #1\n"
	"row 0x03 JNZ len=4 ops=rd,imm16le_s flow=cond_rel base=end "
	"reads=R[rd] does=br_nez R[rd]\n"
	"row 0x04 CALL len=3 ops=imm16le_s flow=call_rel base=end link=3 "
	"writes=STK lethal=stack_full does=call\n"
	"row 0x05 RET len=1 flow=ret reads=STK does=ret\n"
	"row 0x06 PUSH len=2 ops=rs1 reads=R[rs1] writes=STK "
	"lethal=stack_full does=push R[rs1]\n"
	"row 0x07 JZ len=3 ops=imm16le_s flow=cond_rel base=end reads=STK "
	"does=mov t0 STK.0 ; drop #1 ; br_eqz t0\n"
	"row 0x10 A len=1 writes=STK lethal=stack_full "
	"does=push #1 ; drop #2\n"
	"row 0x11 B len=1 writes=STK does=fold #1 #2 ; fold #2 #2\n"
	"row 0x12 C len=1 writes=STK lethal=stack_few(#2) "
	"does=pop t0 ; drop #2\n"
	"row 0x13 D len=1 writes=STK does=fold #1 #1 ; drop #1\n"
	"row 0x14 E len=1 writes=STK does=drop #2 ; push #1 ; push #2\n"
	"row 0x15 F len=1 writes=STK does=popz t0 ; popz t1 ; push t0\n"
	"row 0x16 G len=1 writes=STK lethal=stack_full "
	"does=fold #1 #2 ; push #2 ; push #3 ; drop #3\n"
	"row 0x17 H len=1 writes=STK lethal=stack_few(#1);stack_full "
	"does=push #1 ; drop #2\n"
	"row 0x18 I len=1 writes=STK does=fold #1 #3 ; pop t0\n"
	"row 0x19 J len=1 writes=STK lethal=stack_few(#3) "
	"does=fold #1 #2 ; pop t0 ; push t0\n"
	"row 0x1A K len=1 writes=STK lethal=stack_full;stack_empty "
	"does=push #7 ; pop t0 ; fold t0 #1\n"
	"row 0x1B L len=2 ops=rd reads=STK writes=R[rd] does=mov R[rd] STK.2\n";

static void tangle(void)
{
	struct fisa_dialect *d = NULL;
	struct fisa_error err = { "" };

	fisa_dialect_parse(tangle_text, sizeof(tangle_text) - 1, "tangle",
			   &d, &err);
	if (!UNIT_TRUE(d, "%s", err.text))
		return;
	watch_programs(d, false, unit_scale(1500), 5);
	watch_programs(d, true, unit_scale(1500), 5);
	fisa_dialect_free(d);
}

/* ---- intervals, op by op ------------------------------------------------ */

static int32_t drawn_value(uint64_t *seed)
{
	static const int32_t edges[] = { 0, 1, -1, INT32_MAX, INT32_MIN, 2,
					 31, 32, 255, 100, -100, 1 << 24 };
	uint64_t r = isa_random(seed);

	if (r & 1)
		return edges[(r >> 8) % (sizeof(edges) / sizeof(edges[0]))];
	return (int32_t)(r >> 32) >> (r >> 8 & 31);
}

/* An interval around a value. */
static struct fisa__range around(int32_t v, uint64_t *seed)
{
	int32_t a = drawn_value(seed), b = drawn_value(seed);
	int32_t lo = a < b ? a : b, hi = a < b ? b : a;
	struct fisa__range r = fisa__range_make(lo < v ? lo : v,
						hi > v ? hi : v);

	if (v != 0 && isa_below(seed, 2))
		r.nonzero = true;
	return r;
}

/* What a row of one op makes of two values, by the engine. */
static bool run_op(const struct fisa_row *row, int32_t a, int32_t b,
		   int32_t *result)
{
	const struct fisa_dialect *d = isa_unified();
	struct fisa_insn in = { .row = row, .target = FISA_NO_TARGET };
	struct fir_lane *lane = fir_lane_new();
	struct fir_program *ir = NULL;
	struct fisa_program *p = NULL;
	struct fisa_state *s = fisa_state_new(d);
	const struct fir_limits limits = { 1, false };
	const struct fir_io io = { input, output, NULL };
	struct fisa_error err;
	uint8_t code[9] = { 0 };
	bool done;

	in.value[0] = 1;
	in.value[1] = 2;
	in.value[2] = 3;
	fisa_encode(&in, code);
	UNIT_EQ(fisa_program_from_bytes(d, code, 9, &p, &err), 0);
	UNIT_EQ(fir_lower(p, &ir, &err), 0);
	fisa_state_start(p, s);
	s->cells[fisa_reg_cell(d, 0, 1)] = 7;
	s->cells[fisa_reg_cell(d, 0, 2)] = a;
	s->cells[fisa_reg_cell(d, 0, 3)] = b;
	fir_run(ir, lane, s, &io, limits);
	*result = s->cells[fisa_reg_cell(d, 0, 1)];
	done = s->status != FISA_RUN_FAULT;
	fir_free(ir);
	fisa_state_free(s);
	fisa_program_free(p);
	fir_lane_free(lane);
	return done;
}

/* Rows rd = op(rs1, rs2) of integer registers, the flags aside. */
static bool is_plain(const struct fisa_row *row)
{
	const struct fisa_step *s = &row->steps[0];

	return row->defined && !row->opaque && row->step_count > 0 &&
	       row->operand_count == 3 &&
	       row->operands[1].kind == FISA_OPERAND_REG &&
	       s->d.kind == FISA_REF_REG && s->d.file == 0 &&
	       s->d.operand == 0 && s->a.kind == FISA_REF_REG &&
	       s->a.file == 0 && s->a.operand == 1 &&
	       fisa_semop_effect(s->op) != FISA_EFFECT_LOAD &&
	       fisa_semop_effect(s->op) != FISA_EFFECT_IN &&
	       (s->b.kind == FISA_REF_NONE ||
		(s->b.kind == FISA_REF_REG && s->b.operand == 2)) &&
	       (row->step_count == 1 ||
		row->steps[1].d.kind == FISA_REF_CELL);
}

static void ops(void)
{
	const struct fisa_dialect *d = isa_unified();
	unsigned rows = 0;
	uint64_t seed = 4;

	for (int i = 0; i < 256; i++) {
		const struct fisa_row *row = &d->rows[i];

		if (!is_plain(row))
			continue;
		rows++;
		for (unsigned long k = 0; k < unit_scale(300); k++) {
			int32_t a = drawn_value(&seed), v;
			int32_t b = drawn_value(&seed);
			struct fisa__args args = {
				.d = around(7, &seed),
				.a = around(a, &seed),
				.b = around(b, &seed),
				.c = fisa__range_full(),
			};
			struct fisa__range r =
				fisa__range_op(row->steps[0].op, &args);

			if (!run_op(row, a, b, &v))
				continue;
			UNIT_TRUE(v >= r.lo && v <= r.hi &&
				  !(v == 0 && r.nonzero),
				  "%s %d %d: %d, not in %d..%d", row->name, a,
				  b, v, r.lo, r.hi);
		}
	}
	UNIT_TRUE(rows >= 20, "%u rows", rows);
}

/* Whether a predicate holds of two values. */
static bool holds(unsigned lethal, int32_t a, int32_t b)
{
	int32_t ignored;

	switch (lethal) {
	case FLUX_LETHAL_DIV_OVERFLOW:
		return a == INT32_MIN && b == -1;
	case FLUX_LETHAL_SHIFT_RANGE:
		return a < 0 || a > 31;
	case FLUX_LETHAL_LOG_ZERO:
	case FLUX_LETHAL_ZERO:
		return a == 0;
	case FLUX_LETHAL_VARINT_NEGATIVE:
		return a < 0;
	case FLUX_LETHAL_ADD_OVERFLOW:
		return __builtin_add_overflow(a, b, &ignored);
	case FLUX_LETHAL_SUB_OVERFLOW:
		return __builtin_sub_overflow(a, b, &ignored);
	case FLUX_LETHAL_MUL_OVERFLOW:
		return __builtin_mul_overflow(a, b, &ignored);
	case FLUX_LETHAL_SHL_OVERFLOW:
		return (int64_t)a * (INT64_C(1) << (b & 31)) !=
		       (int32_t)((uint32_t)a << (b & 31));
	case FLUX_LETHAL_BEFORE_MEMORY:
		return a == -1;
	default:
		return true;
	}
}

struct two_ranges {
	struct fisa__range a, b;
};

static struct fisa__range one_of(const struct fisa_insn *in,
				 const struct fisa_ref *ref, const void *user)
{
	const struct two_ranges *r = user;

	(void)in;
	return ref->value ? r->b : r->a;
}

static void guards(void)
{
	static const uint8_t lethals[] = {
		FLUX_LETHAL_DIV_OVERFLOW, FLUX_LETHAL_SHIFT_RANGE,
		FLUX_LETHAL_LOG_ZERO, FLUX_LETHAL_ZERO,
		FLUX_LETHAL_VARINT_NEGATIVE, FLUX_LETHAL_ADD_OVERFLOW,
		FLUX_LETHAL_SUB_OVERFLOW, FLUX_LETHAL_MUL_OVERFLOW,
		FLUX_LETHAL_SHL_OVERFLOW, FLUX_LETHAL_BEFORE_MEMORY,
		FLUX_LETHAL_ALWAYS
	};
	const struct fisa_insn in = { 0 };
	uint64_t seed = 8;

	for (unsigned long k = 0; k < unit_scale(200000); k++) {
		struct fisa_guard g = {
			.lethal = lethals[k % sizeof(lethals)],
			.b.value = 1
		};
		int32_t a = drawn_value(&seed), b = drawn_value(&seed);
		struct two_ranges r = { around(a, &seed), around(b, &seed) };
		struct fisa__guard_view v = { isa_mill(), one_of, &r };
		enum fisa__guard_state wide = fisa__guard(&v, &in, &g), one;

		r.a = fisa__range_make(a, a);
		r.b = fisa__range_make(b, b);
		one = fisa__guard(&v, &in, &g);
		UNIT_TRUE(holds(g.lethal, a, b) ? wide != FISA__GUARD_NEVER &&
						  one == FISA__GUARD_SURE
						: wide != FISA__GUARD_SURE &&
						  one == FISA__GUARD_NEVER,
			  "lethal %u of %d and %d: %d, %d", g.lethal, a, b,
			  wide, one);
	}
}

static void branches(void)
{
	uint64_t seed = 6;

	for (unsigned long k = 0; k < unit_scale(20000); k++) {
		unsigned op = FLUX_OP_BR_EQZ +
			      isa_below(&seed, FLUX_OP_BR_GTZ_DEC + 1 -
						       FLUX_OP_BR_EQZ);
		int32_t v = drawn_value(&seed);
		bool taken = fisa__branch_taken(op, v);
		struct fisa__range r = around(v, &seed);
		int32_t after = v;

		/* Two ops count down; they are asked behind that. */
		if (op == FLUX_OP_BR_DEC_GTZ ||
		    (op == FLUX_OP_BR_GTZ_DEC && taken)) {
			after = (int32_t)((uint32_t)v - 1u);
			r = around(after, &seed);
		}
		UNIT_TRUE(fisa__range_branch(op, taken, &r) && after >= r.lo &&
			  after <= r.hi && !(after == 0 && r.nonzero),
			  "%s of %d: %d..%d", fisa_semop_name(op), v, r.lo,
			  r.hi);
	}
}

static const struct unit_test tests[] = {
	{ "runs", "programs", programs },
	{ "runs", "noise", noise },
	{ "runs", "mill", mill },
	{ "runs", "tangle", tangle },
	{ "runs", "others", others },
	{ "intervals", "ops", ops },
	{ "intervals", "branches", branches },
	{ "intervals", "guards", guards },
};
UNIT_MAIN(tests)
