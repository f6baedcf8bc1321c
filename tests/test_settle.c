/*
 * test_settle.c - a manifest that says of memory what is not so is found out
 * by trying it, and evolution stops there with a sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin/search.h"
#include "plugin/settle.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { TASKS = 24, FUEL = 10000 };

/* An agent with its tasks, run by the IR. */
struct agent {
	struct fisa_program *root;
	struct ftrial_set *set;
	struct fisa_trace in; /* of the task under way */
};

static int sensed(uint16_t source, const int32_t *arg, unsigned argc,
		      int32_t *value, void *user)
{
	struct agent *a = user;
	struct fisa_event e = { .name = source, .argc = (uint8_t)argc };

	(void)arg;
	e.value = *value = (int32_t)(a->in.count * 7 + 3) % 19;
	return fisa_trace_add(&a->in, &e);
}

static int told(uint16_t channel, const int32_t *arg, unsigned argc,
		    void *user)
{
	(void)channel, (void)arg, (void)argc, (void)user;
	return 0;
}

/* One task from *now, which becomes the begin of the next, into the set. */
static void one_task(struct agent *a, const struct fir_program *ir,
		     struct fir_lane *lane, struct fisa_state *now)
{
	struct fir_io io = { .input = sensed, .output = told, .user = a };
	struct fir_limits limits = { .fuel = FUEL, .stop_at_yield = true };
	struct fisa_state *begin = fisa_state_new(a->root->dialect);
	struct ftrial_episode e = { .origin = FTRIAL_RECORDED,
				    .begin = begin, .confidence = 1 };

	fisa_state_copy(begin, now);
	begin->pc = now->pc;
	a->in.count = 0;
	fir_run(ir, lane, now, &io, limits);
	UNIT_EQ(now->status, FISA_RUN_YIELD);
	e.events = a->in.events;
	e.event_count = a->in.count;
	UNIT_EQ(ftrial_set_add(a->set, &e), FTRIAL_ADDED);
	fisa_state_free(begin);
}

static void agent_init(struct agent *a, const char *text)
{
	struct fir_lane *lane = fir_lane_new();
	struct fir_program *ir = NULL;
	struct fisa_error err = { "" };
	struct fisa_state *now;

	memset(a, 0, sizeof(*a));
	a->root = isa_program(isa_unified(), text);
	CU_ASSERT_FATAL(a->root != NULL);
	a->set = ftrial_set_new(a->root, FUEL, &err);
	CU_ASSERT_FATAL(a->set != NULL && lane != NULL);
	UNIT_TRUE(fir_lower(a->root, &ir, &err) == 0, "%s", err.text);
	now = fisa_state_new(a->root->dialect);
	fisa_state_start(a->root, now);
	for (unsigned k = 0; k < TASKS; k++)
		one_task(a, ir, lane, now);
	fisa_state_free(now);
	fir_free(ir);
	fir_lane_free(lane);
}

static void agent_done(struct agent *a)
{
	ftrial_set_free(a->set);
	fisa_program_free(a->root);
	fisa_trace_done(&a->in);
}

/* Whether the scratch of an agent matters, and that the set is untouched. */
static int matters(const char *text, uint64_t seed)
{
	struct agent a;
	char what[96] = "";
	uint32_t count;
	int rc;

	agent_init(&a, text);
	count = ftrial_set_count(a.set);
	rc = fse_scratch_matters(a.set, a.root, FUEL, seed, what);
	UNIT_EQ(rc > 0, what[0] != '\0');
	UNIT_EQ(ftrial_set_count(a.set), count);
	agent_done(&a);
	return rc;
}

/* R8 is where a ring of words at 0x200 goes on; the sum is told. */
#define RING \
	"t: SENSE R1\n STOREI R1, R0, 0x100\n MOVI16 R5, 0x200\n" \
	" LOADI R1, R0, 0x100\n MOV R6, R8\n SHLI R6, 2\n" \
	" LOAD R7, R5, R6\n STORE R1, R5, R6\n ADD R1, R1, R7\n" \
	" INC R8\n ANDI R8, 7\n TELL R0, R1, R0\n YIELD 0\n JMP t\n"

static const char honest[] = ".dialect unified\n.in R8 0..7\n"
	".in mem 0x200 32\n.scratch mem 0x100 16\n" RING;
/* The ring is no scratch: it is read a lap later. */
static const char wrong[] = ".dialect unified\n.in R8 0..7\n"
	".scratch mem 0x100 16\n.scratch mem 0x200 32\n" RING;

static void tried(void)
{
	for (uint64_t seed = 1; seed < 20; seed++) {
		UNIT_EQ(matters(honest, seed), 0);
		UNIT_EQ(matters(wrong, seed), 1);
	}
}

/* What is an input too is relied on, and never drawn. */
static void inputs_stay(void)
{
	UNIT_EQ(matters(".dialect unified\n.in R8 0..7\n.in mem 0x200 32\n"
			".scratch mem 0x200 32\n" RING, 1), 0);
}

static void nothing_to_try(void)
{
	/* No scratch. */
	UNIT_EQ(matters(".dialect unified\n.in R8 0..7\n.in mem 0x200 32\n"
			".in mem 0x100 4\n" RING, 1), 0);
	/* A clause of which not a byte is touched. */
	UNIT_EQ(matters(".dialect unified\n.in R8 0..7\n.in mem 0x200 32\n"
			".in mem 0x100 4\n.scratch mem 0x4000 4096\n" RING,
			1), 0);
}

/* A task that would never end with other scratch is another task. */
static void never_ends(void)
{
	UNIT_EQ(matters(".dialect unified\n.in R8 0..7\n"
			".scratch mem 0x100 64\n"
			"t: SENSE R1\n MOV R2, R8\n SHLI R2, 2\n"
			" MOVI16 R3, 0x100\n LOAD R4, R2, R3\n"
			"again: JNE R4, again\n TELL R0, R1, R0\n"
			" YIELD 0\n JMP t\n", 3), 1);
}

/* The search says so and leaves it. */
static void search_stops(void)
{
	const char *texts[2] = { honest, wrong };

	for (unsigned i = 0; i < 2; i++) {
		struct fse_search_result r;
		struct fse_search_request q = { .seed = 5, .budget = 300,
			.threads = 1, .assurance = FSE_ASSURE_REPLAY };
		struct fse_policy policy;
		struct fisa_error err = { "" };
		struct agent a;

		fse_policy_init(&policy);
		agent_init(&a, texts[i]);
		q.root = q.parent = a.root;
		q.set = a.set;
		q.policy = &policy;
		UNIT_TRUE(fse_search(&q, &r, &err) == 0, "%s", err.text);
		UNIT_EQ(r.improved, i == 0);
		UNIT_EQ(strstr(r.reason, ".scratch") != NULL, i == 1);
		fse_search_result_done(&r);
		agent_done(&a);
	}
}

static const struct unit_test tests[] = {
	{ "scratch", "tried", tried },
	{ "scratch", "inputs", inputs_stay },
	{ "scratch", "nothing", nothing_to_try },
	{ "scratch", "never ends", never_ends },
	{ "search", "stops", search_stops },
};

UNIT_MAIN(tests)
