/*
 * test_lanes.c - the lanes against the ir engine, on random programs of every
 * dialect: each build, few lanes and many, with boundaries and without; and on
 * programs that are hard. All that can be seen of each lane's run is compared;
 * of the sample agents, too, the verdicts.
 *
 * FLUX_SOAK_PROGRAMS sets the number of programs of each dialect and build,
 * FLUX_SOAK_SEED the seed. An argument names a dialect.
 */
#include "tests/unit.h"
#include "tests/widerig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lanes_impl.h"
#include "isa/asm.h"

enum {
  PROGRAMS = 4400,
  NOISE = 600,
  FUEL = 2000,
  FAILURES = 5,
  MANY = 96,
  MOST = FPK_WIDTH,
  AGENT_LANES = 96,
  BUILDS = 3
};

/* Now and then there is nothing more. */
static int take(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user) {
  const struct gen_outside *o = user;

  if (o->number % 7 == 3 && o->taken == 3)
    return -1;
  return gen_ir_take(source, arg, argc, value, user);
}

/* A program on many states: once on the ir engine, then on each build. */
struct rig {
  struct gen_table table;
  struct fisa_dialect *d;
  uint64_t seed;
  struct fir_lane *lane;
  struct flanes *lanes[BUILDS];
  unsigned builds;
  struct fpk_program packed;
  struct fisa_state *start[MOST], *one[MOST], *other[MOST];
  struct gen_outside one_side[MOST], other_side[MOST];
  struct fir_result result[MOST];
  struct fir_io io[MOST];
  struct flanes_task task[MOST];
  unsigned failures, runs, refused; /* of a program on a build */
  unsigned statuses[FISA_RUN_YIELD + 1];
  char what[160];
};

static bool differ(struct rig *t, const char *name, long long ir,
                   long long lanes) {
  snprintf(t->what, sizeof(t->what), "%s: ir %lld, lanes %lld", name, ir,
           lanes);
  return false;
}

static bool same_state(struct rig *t, const struct fisa_state *ir,
                       const struct fisa_state *lanes) {
  char name[FISA_MAX_NAME + 16];

  if (ir->status != lanes->status)
    return differ(t, "status", ir->status, lanes->status);
  if (ir->fault != lanes->fault)
    return differ(t, "fault", ir->fault, lanes->fault);
  snprintf(name, sizeof(name), "pc (status %d)", (int)ir->status);
  if (ir->pc != lanes->pc)
    return differ(t, name, ir->pc, lanes->pc);
  if (ir->cycles != lanes->cycles)
    return differ(t, "cycles", (long long)ir->cycles,
                  (long long)lanes->cycles);
  for (uint32_t f = 0; f < t->d->file_count; f++)
    for (uint32_t i = 0; i < t->d->files[f].count; i++) {
      uint32_t c = t->d->files[f].first + i;
      if (ir->cells[c] == lanes->cells[c])
        continue;
      snprintf(name, sizeof(name), "%s%u", t->d->files[f].name, i);
      return differ(t, name, ir->cells[c], lanes->cells[c]);
    }
  if (t->d->mem_size > 0 && memcmp(ir->mem, lanes->mem, t->d->mem_size) == 0)
    return memcmp(ir->written, lanes->written, t->d->mem_size / 8) == 0 ||
           differ(t, "written", 0, 0);
  for (uint32_t i = 0; i < t->d->mem_size; i++)
    if (ir->mem[i] != lanes->mem[i]) {
      snprintf(name, sizeof(name), "mem %u", i);
      return differ(t, name, ir->mem[i], lanes->mem[i]);
    }
  return true;
}

static bool same_lane(struct rig *t, uint32_t i) {
  const struct fir_result *ir = &t->result[i], *lanes = &t->task[i].result;
  const struct fisa_trace *a = &t->one_side[i].trace;
  const struct fisa_trace *b = &t->other_side[i].trace;

  if (ir->instructions != lanes->instructions)
    return differ(t, "instructions", (long long)ir->instructions,
                  (long long)lanes->instructions);
  if (!same_state(t, t->one[i], t->other[i]))
    return false;
  if (ir->cost != lanes->cost)
    return differ(t, "cost", (long long)ir->cost, (long long)lanes->cost);
  if (ir->starved != lanes->starved)
    return differ(t, "starved", ir->starved, lanes->starved);
  if (a->count != b->count)
    return differ(t, "events", a->count, b->count);
  for (uint32_t k = 0; k < a->count; k++)
    if (!fisa_event_equal(&a->events[k], &b->events[k]))
      return differ(t, "event", k, k);
  return true;
}

/* Cells that count down by themselves, where a program has no ops for it, are
 * no matter of the lanes. */
static void stop_ticking(const struct rig *t, struct fisa_state *s) {
  for (uint32_t f = 0; f < t->d->file_count; f++)
    if (t->d->files[f].tick)
      s->cells[t->d->files[f].first] = 0;
}

static void begin_side(struct rig *t, struct gen_outside *side,
                       uint64_t state) {
  side->seed = t->seed;
  side->number = state;
  side->taken = 0;
  side->trace.count = 0;
}

static void begin(struct rig *t, const struct fisa_program *p, uint64_t number,
                  uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    /* Several lanes begin alike, so that they go together for a while. */
    uint64_t state = number + (i % 3 ? i : i / 3) * UINT64_C(1000003);

    gen_begin(&t->table, p, t->seed, state, t->start[i]);
    if (number % 4 != 1)
      stop_ticking(t, t->start[i]);
    fisa_state_copy(t->one[i], t->start[i]);
    begin_side(t, &t->one_side[i], state);
  }
}

static void run_ir(struct rig *t, const struct fir_program *ir, uint32_t count,
                   struct fir_limits limits) {
  for (uint32_t i = 0; i < count; i++) {
    const struct fir_io io = {take, gen_ir_give, &t->one_side[i]};

    t->result[i] = fir_run(ir, t->lane, t->one[i], &io, limits);
    t->statuses[t->one[i]->status]++;
  }
}

/* 0: as ir ran it; 1: not for the lanes; -1: they differ, and where is told. */
static int run_lanes(struct rig *t, struct flanes *lanes, uint32_t count,
                     struct fir_limits limits) {
  size_t n;
  int rc;

  for (uint32_t i = 0; i < count; i++) {
    fisa_state_copy(t->other[i], t->start[i]);
    begin_side(t, &t->other_side[i], t->one_side[i].number);
    t->io[i] = (struct fir_io){take, gen_ir_give, &t->other_side[i]};
    t->task[i] = (struct flanes_task){.state = t->other[i], .io = &t->io[i]};
  }
  rc = flanes_exec(lanes, &t->packed, t->task, count, limits);
  for (uint32_t i = 0; rc == 0 && i < count; i++)
    if (!same_lane(t, i)) {
      n = strlen(t->what);
      snprintf(t->what + n, sizeof(t->what) - n, " (%s, lane %u of %u)",
               flanes_build(lanes), i, count);
      return -1;
    }
  return rc;
}

/* Whether all builds run what was begun as ir does. */
static bool all_agree(struct rig *t, const struct fisa_program *p,
                      uint32_t count, struct fir_limits limits) {
  struct fir_program *ir = NULL;
  struct fisa_error err = {""};
  int rc;

  if (fir_lower(p, &ir, &err)) {
    snprintf(t->what, sizeof(t->what), "%s", err.text);
    return false;
  }
  rc = fpk_program_make(ir, NULL, &t->packed, &err);
  snprintf(t->what, sizeof(t->what), "%s", err.text);
  if (rc == 0)
    run_ir(t, ir, count, limits);
  else if (rc > 0)
    t->refused += t->builds;
  for (unsigned k = 0; rc == 0 && k < t->builds; k++) {
    int each = run_lanes(t, t->lanes[k], count, limits);

    t->runs += each == 0;
    t->refused += each > 0;
    if (each < 0)
      rc = -1;
  }
  fir_free(ir);
  return rc >= 0;
}

static void compare(struct rig *t, uint64_t number, bool noise) {
  static const uint32_t counts[] = {1, 16, 3, 5, 32, 2, 17, 4,
                                    1, 48, 6, 3, 8, 2, 24, MANY};
  struct fisa_program *p = noise ? gen_noise(&t->table, t->seed, number)
                                 : gen_program(&t->table, t->seed, number);
  struct fir_limits limits = {FUEL, number % 3 == 0};
  uint32_t count = counts[number / 2 % (sizeof(counts) / sizeof(counts[0]))];
  char *text;

  if (!p) {
    UNIT_TRUE(0, "out of memory");
    return;
  }
  gen_boundary(&t->table, p, number);
  if (number % 16 == 5)
    limits.fuel = 1 + number / 16 % 40;
  begin(t, p, number, count);
  if (!all_agree(t, p, count, limits)) {
    UNIT_TRUE(0, "%s seed %llu %s %llu: %s", t->d->name,
              (unsigned long long)t->seed, noise ? "noise" : "program",
              (unsigned long long)number, t->what);
    text = fisa_disassemble(p);
    if (t->failures++ < FAILURES)
      printf("%s\n", text ? text : "(no memory)");
    free(text);
  }
  fisa_program_free(p);
}

/* With room for so many lanes. */
static bool open_rig(struct rig *t, const char *dialect, uint32_t lanes) {
  struct fisa_error err = {""};
  const char *build;

  memset(t, 0, sizeof(*t));
  t->seed = unit_number("FLUX_SOAK_SEED", 20260202);
  if (!UNIT_EQ(fisa_dialect_builtin(dialect, true, &t->d, &err), 0))
    return false;
  gen_table_init(&t->table, t->d);
  t->lane = fir_lane_new();
  CU_ASSERT_FATAL(t->lane != NULL);
  for (uint32_t i = 0; i < lanes; i++) {
    t->start[i] = fisa_state_new(t->d);
    t->one[i] = fisa_state_new(t->d);
    t->other[i] = fisa_state_new(t->d);
    CU_ASSERT_FATAL(t->start[i] && t->one[i] && t->other[i]);
  }
  for (; (build = flanes_builds(t->builds)) != NULL; t->builds++) {
    CU_ASSERT_FATAL(t->builds < BUILDS);
    t->lanes[t->builds] = flanes_new(build);
    CU_ASSERT_FATAL(t->lanes[t->builds] != NULL);
  }
  return true;
}

static void close_rig(struct rig *t) {
  for (uint32_t i = 0; i < MOST; i++) {
    fisa_state_free(t->start[i]);
    fisa_state_free(t->one[i]);
    fisa_state_free(t->other[i]);
    fisa_trace_done(&t->one_side[i].trace);
    fisa_trace_done(&t->other_side[i].trace);
  }
  for (unsigned k = 0; k < t->builds; k++)
    flanes_free(t->lanes[k]);
  fpk_program_done(&t->packed);
  fir_lane_free(t->lane);
  fisa_dialect_free(t->d);
}

static void differential(const char *dialect, uint64_t programs, bool noise) {
  struct rig *t = calloc(1, sizeof(*t));

  CU_ASSERT_FATAL(t != NULL);
  if (open_rig(t, dialect, MANY)) {
    for (uint64_t n = 0; n < programs && t->failures < FAILURES; n++)
      compare(t, n, noise);
    printf(" seed %llu, %u builds, %u runs, %u refused (states: halt %u end %u "
           "fault %u fuel %u yield %u)",
           (unsigned long long)t->seed, t->builds, t->runs, t->refused,
           t->statuses[0], t->statuses[1], t->statuses[2], t->statuses[3],
           t->statuses[4]);
    for (int i = 0; i <= FISA_RUN_YIELD; i++)
      UNIT_TRUE(programs < 1000 || t->statuses[i] > 0, "no lane of status %d",
                i);
    UNIT_TRUE(t->refused < t->runs + 10,
              "%u programs are not for the lanes, %u are", t->refused,
              t->runs);
  }
  close_rig(t);
  free(t);
}

static void programs_of(const char *dialect) {
  differential(dialect, unit_number("FLUX_SOAK_PROGRAMS", unit_scale(PROGRAMS)),
               false);
}

static void noise_of(const char *dialect) {
  differential(dialect, unit_number("FLUX_SOAK_PROGRAMS", unit_scale(NOISE)),
               true);
}

#define DIALECT(name) \
  static void name##_programs(void) { programs_of(#name); } \
  static void name##_noise(void) { noise_of(#name); }
DIALECT(unified)
DIALECT(classic)
DIALECT(seed)
DIALECT(stack)

/* ---- one op on memory --------------------------------------------------- */

/* Bytes set from an address that is the same in all lanes, in some of them and
 * in all, and from one that is not. */
static void set_at(struct rig *t, int start, int n) {
  const struct fir_limits limits = {FUEL, false};
  struct fisa_program *p;
  struct fisa_error err = {""};
  char text[160];

  snprintf(text, sizeof(text),
           "MOVI16 R4, %d\nANDI R1, 1\nJEQ R1, over\nMEMSET R2, R4, %d\n"
           "over: MEMSET R3, R4, %d\nMEMSET R1, R2, %d\nHALT\n",
           start, n, n / 2, n);
  if (!UNIT_EQ(fisa_assemble(t->d, text, strlen(text), "set", &p, &err), 0))
    return;
  for (uint32_t count = 1; count <= MANY; count += MANY - 1) {
    begin(t, p, (uint64_t)(4 * n + 64 * start), count);
    UNIT_TRUE(all_agree(t, p, count, limits) && t->refused == 0,
              "%d bytes from %d: %s", n, start, t->what);
  }
  fisa_program_free(p);
}

static void sets(void) {
  static const int starts[] = {256, 257, 258, 259, -1, -2, -3, -4, -30};
  static const int sizes[] = {-1, 0, 1, 2, 3, 4, 5, 7, 9, 300};
  struct rig *t = calloc(1, sizeof(*t));

  CU_ASSERT_FATAL(t != NULL);
  if (open_rig(t, "unified", MANY))
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
      for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++)
        set_at(t, starts[i], sizes[n]);
  close_rig(t);
  free(t);
}

/* ---- what a result costs that nobody looks at --------------------------- */

/* A loop whose MUL is the only dear row, and left out: nobody sees R3. */
static bool pack_dear(struct rig *t, uint32_t turns, struct fisa_program **p,
                      struct fir_program **ir) {
  const struct fisa_set seen = {{0}};
  struct fisa_error err = {""};
  char text[128];

  snprintf(text, sizeof(text), "MOVI16 R5, %u\nMOVI16 R6, %u\n"
           "again: DEC R5\nMUL R3, R1, R1\nJNE R5, again\n"
           "MOVI16 R5, %u\nDEC R6\nJNE R6, again\nHALT\n",
           turns / 100, 100u, turns / 100);
  if (!UNIT_TRUE(
          fisa_assemble(t->d, text, strlen(text), "dear", p, &err) == 0 &&
              fir_lower(*p, ir, &err) == 0 &&
              fpk_program_make(*ir, &seen, &t->packed, &err) == 0,
          "%s", err.text))
    return false;
  return true;
}

/* Each build comes to the cost that ir comes to, or leaves it to ir; the
 * latter, if the cost has more than 32 bits. */
static void same_cost(struct rig *t, uint32_t turns) {
  const struct fir_limits limits = {FUEL + turns * 3u, false};
  struct fisa_program *p = NULL;
  struct fir_program *ir = NULL;

  if (pack_dear(t, turns, &p, &ir)) {
    for (uint32_t i = 0; i < t->packed.count; i++)
      UNIT_TRUE(t->packed.op[i].own_cost < 60000, "it is not left out");
    fisa_state_start(p, t->one[0]);
    t->result[0] = fir_run(ir, t->lane, t->one[0], NULL, limits);
    UNIT_EQ(t->one[0]->status, FISA_RUN_HALT);
    UNIT_TRUE(t->result[0].cost > UINT64_C(60000) * turns, "it is cheap");
    for (unsigned k = 0; k < t->builds; k++) {
      struct flanes_task task = {.state = t->other[0]};
      int rc;

      fisa_state_start(p, t->other[0]);
      rc = flanes_exec(t->lanes[k], &t->packed, &task, 1, limits);
      UNIT_EQ(rc, t->result[0].cost > UINT32_MAX ? 1 : 0);
      UNIT_TRUE(rc != 0 || task.result.cost == t->result[0].cost,
                "%s, %u turns: ir %llu, lanes %llu",
                flanes_build(t->lanes[k]), turns,
                (unsigned long long)t->result[0].cost,
                (unsigned long long)task.result.cost);
    }
  }
  fir_free(ir);
  fisa_program_free(p);
}

static void costs(void) {
  static const char bind[] =
      "bindings 1\ndialect unified\nbind MUL cost=60000\n";
  struct rig *t = calloc(1, sizeof(*t));

  CU_ASSERT_FATAL(t != NULL);
  if (open_rig(t, "unified", 1) &&
      UNIT_EQ(fisa_dialect_bind(t->d, bind, sizeof(bind) - 1, NULL, NULL),
              0)) {
    same_cost(t, 1000);
    same_cost(t, 72000);
  }
  close_rig(t);
  free(t);
}

/* ---- ops that nobody knows ---------------------------------------------- */

/* Refused in words where a program is packed; and there is no op of the IR
 * that would be. */
static void unknown_ops(void) {
  struct rig *t = calloc(1, sizeof(*t));
  struct fisa_program *p = NULL;
  struct fir_program *ir = NULL;
  struct fisa_error err = {""};

  for (unsigned op = 0; op < FIR_OP_COUNT; op++)
    UNIT_TRUE(flanes_knows(op), "%s", fir_op_name(op));
  UNIT_TRUE(!flanes_knows(FIR_OP_COUNT), "the number behind the last");
  CU_ASSERT_FATAL(t != NULL);
  if (open_rig(t, "unified", 1) && pack_dear(t, 100, &p, &ir)) {
    ir->ins[1].op = 1000;
    UNIT_EQ(fpk_program_make(ir, NULL, &t->packed, &err), 1);
    UNIT_STR_EQ(err.text, "not for the wide engines: an op that nobody knows, "
                          "number 1000");
  }
  fir_free(ir);
  fisa_program_free(p);
  close_rig(t);
  free(t);
}

/* ---- programs that are hard --------------------------------------------- */

/* A program of odd values, as far as the fuel goes: every lane's state. */
static void run_odd(struct rig *t, const struct fisa_program *p,
                    uint32_t count) {
  const struct fir_limits limits = {FUEL, true};

  for (uint32_t i = 0; i < count; i++) {
    wide_odd_values(p, i, t->start[i]);
    fisa_state_copy(t->one[i], t->start[i]);
    begin_side(t, &t->one_side[i], i);
  }
  UNIT_TRUE(all_agree(t, p, count, limits) && t->refused == 0,
            "%u lanes: %s", count, t->what);
}

/* The variants of a case by their verdicts, on each build. */
static void run_case(struct rig *t, const struct wide_case *c,
                     const char *who) {
  const struct fpk_batch *b = c->wide.batch;

  for (uint32_t i = 0; i < 2 * c->count; i++) {
    const struct wide_variant *v = &c->variant[i % c->count];
    uint64_t bound = i < c->count
                         ? UINT64_MAX
                         : wide_bound(&c->wide, v, i, 0, b->lanes);
    struct fpk_verdict want = wide_verdict(&c->wide, v, 0, b->lanes, bound);

    for (unsigned k = 0; k < t->builds; k++) {
      struct fpk_verdict got;
      int rc = flanes_run(t->lanes[k], &v->packed, b, &v->places, 0, b->lanes,
                          bound, &got);
      t->runs += rc == 0;
      t->refused += rc > 0;
      if (!UNIT_TRUE(rc >= 0, "out of memory") ||
          (rc == 0 && !wide_same(&got, &want, who)))
        return;
    }
  }
}

/* On few lanes and on all there can be. */
static void hard_case(struct rig *t, enum wide_hard which) {
  static const uint32_t counts[] = {1, 32, MOST};

  for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
    struct wide_case c;
    if (!wide_hard_open(&c, which, counts[i]))
      continue;
    UNIT_EQ(c.wide.batch->lanes, counts[i]);
    run_case(t, &c, "hard");
    for (uint32_t k = 0; k < c.count; k++)
      run_odd(t, c.variant[k].program, counts[i]);
    wide_case_close(&c);
  }
  UNIT_EQ(t->refused, 0);
}

static void hard(void) {
  struct rig *t = calloc(1, sizeof(*t));

  CU_ASSERT_FATAL(t != NULL);
  if (open_rig(t, "unified", MOST)) {
    hard_case(t, WIDE_TURNS);
    hard_case(t, WIDE_MEMORY);
  }
  printf(" %u runs", t->runs);
  close_rig(t);
  free(t);
}

/* Lanes that go to many places: groups become narrower, and where that is no
 * help lanes are finished one by one, for each of the two reasons. */
static void jumps(void) {
  struct rig *t = calloc(1, sizeof(*t));

  CU_ASSERT_FATAL(t != NULL);
  if (open_rig(t, "unified", MOST))
    hard_case(t, WIDE_JUMPS);
  printf(" %u runs (states: halt %u end %u fault %u)", t->runs,
         t->statuses[FISA_RUN_HALT], t->statuses[FISA_RUN_END],
         t->statuses[FISA_RUN_FAULT]);
  for (unsigned k = 0; k < t->builds; k++) {
    const struct lanes_ways *w = &t->lanes[k]->ways;
    const char *build = flanes_build(t->lanes[k]);

    UNIT_TRUE(w->narrowed > 0, "%s: no group became narrower", build);
    UNIT_TRUE(w->sparse > 0, "%s: no group was too sparse", build);
    UNIT_TRUE(w->crowded > 0, "%s: there were never too many groups", build);
  }
  close_rig(t);
  free(t);
}

static void one_agent(const struct wide_case *c, const char *path,
                      void *user) {
  run_case(user, c, path);
}

static void agents(void) {
  struct rig *t = calloc(1, sizeof(*t));

  CU_ASSERT_FATAL(t != NULL);
  if (open_rig(t, "unified", 1))
    wide_agents((uint32_t)unit_scale(AGENT_LANES), one_agent, t);
  printf(" %u runs, %u refused", t->runs, t->refused);
  UNIT_TRUE(t->refused * 20 < t->runs, "%u refused, %u run", t->refused,
            t->runs);
  close_rig(t);
  free(t);
}

static const struct unit_test tests[] = {
    {"memory", "sets", sets},
    {"cost", "of_dead_results", costs},
    {"ops", "unknown", unknown_ops},
    {"cases", "hard", hard},
    {"cases", "jumps", jumps},
    {"cases", "agents", agents},
    {"unified", "programs", unified_programs},
    {"unified", "noise", unified_noise},
    {"classic", "programs", classic_programs},
    {"classic", "noise", classic_noise},
    {"seed", "programs", seed_programs},
    {"seed", "noise", seed_noise},
    {"stack", "programs", stack_programs},
    {"stack", "noise", stack_noise},
};

UNIT_MAIN(tests)
