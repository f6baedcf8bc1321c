/*
 * test_agents.c - the sample agents do what samples/README.md says, and the
 * tuned form of each is the same agent as the plain one.
 *
 * Every pair runs on the VM of its dialect from the same states, drawn from
 * the manifest. Results are held to answers in C besides, so that a mistake
 * made in both forms is found as well.
 */
#include "isa/asm.h"
#include "isa/state.h"
#include "samples/room/internal.h"
#include "tests/unit.h"
#include "tests/vms.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAIN, TUNED, FORMS };
enum { BUFFER = 0x200, FUEL = 100000, TASKS = 40, SEED_EDGE = 1 << 20 };

/* One form of an agent, loaded. */
struct form {
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  const struct fhost_vm *vm;
  void *code;
  struct fisa_state *state;
  struct fisa_trace out;
};

/* What the io callbacks of a form draw readings from and write to. */
struct world {
  struct form *form;
  int32_t seed, reads;
  int32_t reading;       /* the last */
};

static char *agent_path(const char *name, int tuned)
{
  static char path[512];

  snprintf(path, sizeof path, "%s/samples/agents/%s%s.flx", unit_srcdir(),
           name, tuned ? "_tuned" : "");
  return path;
}

static void form_done(struct form *f)
{
  fisa_trace_done(&f->out);
  fisa_state_free(f->state);
  if (f->code)
    f->vm->unload(f->code);
  fisa_program_free(f->program);
  fisa_dialect_free(f->dialect);
  memset(f, 0, sizeof *f);
}

static int form_load(struct form *f, const char *name, int tuned)
{
  struct fisa_error err;

  memset(f, 0, sizeof *f);
  err.text[0] = '\0';
  if (!UNIT_TRUE(fisa_load(agent_path(name, tuned), NULL, NULL, &f->dialect,
                           &f->program, &err) == 0, "%s", err.text))
    return -1;
  f->vm = vm_of(f->dialect->name);
  f->code = f->vm->load(f->vm, f->program, 0, NULL);
  f->state = fisa_state_new(f->dialect);
  if (!f->code || !f->state)
    abort();
  return 0;
}

static int pair_load(struct form pair[FORMS], const char *name)
{
  memset(pair, 0, FORMS * sizeof *pair);
  if (form_load(&pair[PLAIN], name, 0) || form_load(&pair[TUNED], name, 1)) {
    form_done(&pair[PLAIN]);
    form_done(&pair[TUNED]);
    return -1;
  }
  return 0;
}

static void pair_done(struct form pair[FORMS])
{
  form_done(&pair[PLAIN]);
  form_done(&pair[TUNED]);
}

static int32_t *reg(struct form *f, const char *file, unsigned n)
{
  int i = fisa_file_by_name(f->dialect, file, strlen(file));

  if (i < 0 || n >= f->dialect->files[i].count)
    abort();
  return &f->state->cells[f->dialect->files[i].first + n];
}

/* ---- drawing states ------------------------------------------------------ */

/* One value in five is an end of its range. */
static int32_t draw(int32_t seed, int32_t i, int32_t lo, int32_t hi)
{
  int32_t kind = feed_value(seed, i + SEED_EDGE, 0, 9);

  if (kind == 0)
    return lo;
  if (kind == 1)
    return hi;
  return feed_value(seed, i, lo, hi);
}

/* Lays the inputs of the manifest over a fresh state. */
static void draw_inputs(struct form *f, int32_t seed)
{
  const struct fisa_manifest *m = &f->program->manifest;
  uint32_t i, k;

  fisa_state_start(f->program, f->state);
  f->out.count = 0;
  for (i = 0; i < m->in_count; i++) {
    const struct fisa_cells *c = &m->in[i];

    for (k = 0; k < c->count; k++) {
      int32_t n = (int32_t)(i * 4096 + k);

      if (c->kind == FISA_CELLS_FILE)
        f->state->cells[c->first + k] = draw(seed, n, c->lo, c->hi);
      else if (c->lo == 0 && c->hi == 255)
        f->state->mem[c->first + k] = (uint8_t)feed_mem(seed, n);
      else
        f->state->mem[c->first + k] = (uint8_t)draw(seed, n, c->lo, c->hi);
    }
    if (c->kind == FISA_CELLS_MEM)
      fisa_state_mark(f->state, c->first, c->count);
  }
}

/* Readings: as a rule what the instrument may give, now and then anything. */
static int32_t reading(struct world *w, const char *name)
{
  static const int32_t wild[] = {
    INT32_MIN, INT32_MAX, INT32_MIN + 210, INT32_MIN + 600, -1, 0, 209, 599,
  };
  int32_t n = w->reads++, kind = feed_value(w->seed, n, 0, 9);

  if (kind == 0)
    return wild[feed_value(w->seed, n, 0, 7)];
  if (kind == 1)
    return feed_value(w->seed, n, INT32_MIN, INT32_MAX);
  if (strcmp(name, "TEMP") == 0)
    return feed_value(w->seed, n, 190, 230);
  if (strcmp(name, "VOLT") == 0)
    return feed_value(w->seed, n, 12000, 13000);
  return feed_value(w->seed, n, 0, 1000);
}

static int32_t read_source(uint16_t source, const int32_t *arg, unsigned argc,
                           void *user)
{
  struct world *w = user;

  (void)arg;
  (void)argc;
  w->reading = reading(w, w->form->dialect->sources[source]);
  return w->reading;
}

static void keep_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user)
{
  struct world *w = user;
  struct fisa_event e = { 0 };
  unsigned i;

  e.out = 1;
  e.name = channel;
  e.argc = (uint8_t)argc;
  for (i = 0; i < argc && i < FISA_MAX_ARGS; i++)
    e.arg[i] = arg[i];
  if (fisa_trace_add(&w->form->out, &e))
    abort();
}

/* Runs to the end or the next yield; gives the cycles, or 0 where the task
 * ended otherwise than it must. */
static uint64_t run_task(struct world *w, int status)
{
  struct form *f = w->form;
  struct fhost_vm_io io = { read_source, keep_output, w, NULL };
  uint64_t before = f->state->cycles;
  int got = f->vm->run(f->code, f->state, &io, FUEL, NULL);

  if (!UNIT_TRUE(got == status, "status %d, fault %d, pc %u", got,
                 f->state->fault, f->state->pc))
    return 0;
  return f->state->cycles - before;
}

static int same_outputs(const struct form pair[FORMS])
{
  const struct fisa_trace *a = &pair[PLAIN].out, *b = &pair[TUNED].out;
  uint32_t i;

  if (a->count != b->count)
    return 0;
  for (i = 0; i < a->count; i++)
    if (!fisa_event_equal(&a->events[i], &b->events[i]))
      return 0;
  return 1;
}

/* ---- answers in C -------------------------------------------------------- */

typedef void answer_fn(struct form *f, const struct fisa_state *begin);

static int32_t input(struct form *f, const struct fisa_state *begin,
                     unsigned n)
{
  return begin->cells[reg(f, "R", n) - f->state->cells];
}

static void expect(struct form *f, unsigned n, int32_t want)
{
  int32_t got = *reg(f, "R", n);

  UNIT_TRUE(got == want, "R%u is %d, not %d", n, got, want);
}

static void expect_r3(struct form *f, int32_t want)
{
  expect(f, 3, want);
}

static void answer_sum(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1);

  expect_r3(f, n * (n + 1) / 2);
}

static void answer_gcd(struct form *f, const struct fisa_state *begin)
{
  int32_t a = input(f, begin, 1), b = input(f, begin, 2);

  while (a != 0 && b != 0) {
    if (a > b)
      a %= b;
    else
      b %= a;
  }
  expect_r3(f, a + b);
}

static void answer_fibonacci(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1);
  uint32_t a = 0, b = 1, t;

  for (; n > 0; n--) {
    t = a + b;
    a = b;
    b = t;
  }
  expect_r3(f, (int32_t)a);
}

static void answer_checksum(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), a = 0, b = 0, i;

  for (i = 0; i < n; i++) {
    a = (a + begin->mem[BUFFER + i]) % 255;
    b = (b + a) % 255;
  }
  expect_r3(f, b * 256 + a);
  if (UNIT_EQ(f->out.count, 1)) {
    const struct fisa_event *e = &f->out.events[0];

    UNIT_STR_EQ(f->dialect->channels[e->name], "TELL");
    UNIT_EQ(e->arg[0], 2);
    UNIT_EQ(e->arg[1], n);
    UNIT_EQ(e->arg[2], b * 256 + a);
  }
}

static int is_prime(int32_t n)
{
  int32_t d;

  for (d = 2; d * d <= n; d++)
    if (n % d == 0)
      return 0;
  return n >= 2;
}

static void answer_sieve(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), count = 0, i;

  for (i = 0; i < n; i++)
    count += is_prime(i);
  expect_r3(f, count);
}

static void answer_hash(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), i;
  uint32_t h = 5381;

  for (i = 0; i < n; i++)
    h = h * 33 ^ begin->mem[BUFFER + i];
  expect_r3(f, (int32_t)h);
}

static void answer_crc8(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), i, bit;
  unsigned crc = 0;

  for (i = 0; i < n; i++)
    for (bit = 0; bit < 8; bit++) {
      unsigned mix = (crc ^ (unsigned)begin->mem[BUFFER + i] >> bit) & 1;

      crc = crc >> 1 ^ (mix ? 0x8C : 0);
    }
  expect_r3(f, (int32_t)crc);
}

static int32_t word_at(const struct fisa_state *s, uint32_t address)
{
  const uint8_t *p = &s->mem[address];

  return (int32_t)(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                   (uint32_t)p[3] << 24);
}

static int by_value(const void *a, const void *b)
{
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

  return (x > y) - (x < y);
}

static void answer_sort(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), want[6];
  uint32_t i;

  for (i = 0; i < 6; i++)
    want[i] = word_at(begin, BUFFER + 4 * i);
  qsort(want, (size_t)n, sizeof *want, by_value);
  for (i = 0; i < 6; i++)
    UNIT_EQ(word_at(f->state, BUFFER + 4 * i), want[i]);
}

/* Power by power, not by Horner's rule; no sum leaves 64 bits. */
static void answer_polynomial(struct form *f, const struct fisa_state *begin)
{
  int64_t x = input(f, begin, 1), power = 1, sum = 0;
  unsigned i;

  for (i = 5; i >= 2; i--) {
    sum += input(f, begin, i) * power;
    power *= x;
  }
  expect(f, 6, (int32_t)(uint32_t)sum);
}

static void answer_collatz(struct form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), steps = 0;

  for (; n > 1; steps++)
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  expect(f, 2, steps);
}

static void answer_answer(struct form *f, const struct fisa_state *begin)
{
  (void)begin;
  if (UNIT_EQ(fisa_stack_depth(f->dialect, f->state), 1))
    UNIT_EQ(*fisa_stack_cell(f->dialect, f->state, 0), 42);
}

static void answer_power(struct form *f, const struct fisa_state *begin)
{
  uint32_t a = (uint32_t)word_at(begin, 40), r = 1;
  int32_t n = word_at(begin, 44);

  for (; n > 0; n--)
    r *= a;
  UNIT_EQ(word_at(f->state, 48), (int32_t)r);
}

/* ---- what a task of a continuing agent does ------------------------------ */

/* One task, from `before`, whose outputs are those from `said` on. */
typedef void task_fn(const struct world *w, const struct fisa_state *before,
                     uint32_t said);

static void task_watchman(const struct world *w,
                          const struct fisa_state *before, uint32_t said)
{
  struct form *f = w->form;
  int32_t count = (input(f, before, 9) + 1) % 4;
  const struct fisa_event *e;

  expect(f, 9, count);
  if (!UNIT_EQ(f->out.count - said, count == 0 ? 2 : 0) || count != 0)
    return;
  /* A payload: its size, then its bytes: 7, "ok". */
  e = &f->out.events[said];
  UNIT_STR_EQ(f->dialect->channels[e[0].name], "TELL");
  UNIT_EQ(e[0].argc, 1);
  UNIT_EQ(e[0].arg[0], 3);
  UNIT_STR_EQ(f->dialect->channels[e[1].name], "TELL");
  UNIT_EQ(e[1].argc, 3);
  UNIT_EQ(e[1].arg[0], 7 | 'o' << 8 | 'k' << 16);
  UNIT_EQ(e[1].arg[1], 0);
  UNIT_EQ(e[1].arg[2], 0);
}

/* v * rate / 256, rounded down, by division. */
static int32_t decayed(int32_t v, int32_t rate)
{
  int64_t product = (int64_t)v * rate, whole = product / 256;

  return (int32_t)(product % 256 < 0 ? whole - 1 : whole);
}

static void task_dimmer(const struct world *w,
                        const struct fisa_state *before, uint32_t said)
{
  struct form *f = w->form;
  int32_t smooth = decayed(word_at(before, 32), 224) +
                   decayed(w->reading, 32);
  int32_t lamp = 255 - decayed(smooth, 64);
  const struct fisa_event *e;

  UNIT_EQ(word_at(f->state, 32), smooth);
  if (!UNIT_EQ(f->out.count - said, 1))
    return;
  e = &f->out.events[said];
  UNIT_STR_EQ(f->dialect->channels[e->name], "ACT");
  UNIT_EQ(e->argc, 2);
  UNIT_EQ(e->arg[0], 1);
  UNIT_EQ(e->arg[1], lamp < 0 ? 0 : lamp);
}

/* ---- calculating agents -------------------------------------------------- */

struct agent {
  const char *name;
  answer_fn *answer;     /* NULL: continues */
  unsigned long states;
  double ratio;          /* tuned is at least this much cheaper */
  task_fn *task;         /* what a task of one that continues does, or NULL */
};

static const struct agent agents[] = {
  { "sum", answer_sum, 2000, 0.20, NULL },
  { "gcd", answer_gcd, 2000, 0.20, NULL },
  { "checksum", answer_checksum, 2000, 0.30, NULL },
  { "fibonacci", answer_fibonacci, 2000, 0.20, NULL },
  { "sieve", answer_sieve, 200, 0.35, NULL },
  { "hash", answer_hash, 2000, 0.25, NULL },
  { "crc8", answer_crc8, 2000, 0.45, NULL },
  { "sort", answer_sort, 2000, 0.30, NULL },
  { "polynomial", answer_polynomial, 2000, 0.30, NULL },
  { "collatz", answer_collatz, 2000, 0.45, NULL },
  { "answer", answer_answer, 100, 0.70, NULL },
  { "power", answer_power, 2000, 0.50, NULL },
  { "thermostat", NULL, 500, 0.50, NULL },
  { "average", NULL, 500, 0.20, NULL },
  { "alarm", NULL, 500, 0.60, NULL },
  { "watchman", NULL, 500, 0.30, task_watchman },
  { "dimmer", NULL, 500, 0.65, task_dimmer },
};

enum { AGENTS = sizeof agents / sizeof agents[0] };

/* The cost of tuned over plain, as the README gives it. */
static void check_ratio(const struct agent *a, const uint64_t cycles[FORMS])
{
  double ratio = (double)cycles[TUNED] / (double)(cycles[PLAIN] + 1);

  UNIT_TRUE(ratio < a->ratio, "%s: tuned / plain is %.3f", a->name, ratio);
}

/* Runs both forms on one state; adds up cycles. 0 where they agree. */
static int compare_on(const struct agent *a, struct form pair[FORMS],
                      int32_t seed, uint64_t cycles[FORMS])
{
  struct fisa_state *begin = fisa_state_new(pair[PLAIN].dialect);
  char what[128] = "";
  int k, failed = 0;

  if (!begin)
    abort();
  for (k = 0; k < FORMS && !failed; k++) {
    struct world w = { &pair[k], seed, 0, 0 };
    uint64_t spent;

    draw_inputs(&pair[k], seed);
    fisa_state_copy(begin, pair[k].state);
    spent = run_task(&w, FISA_RUN_HALT);
    failed = spent == 0;
    cycles[k] += spent;
    if (!failed)
      a->answer(&pair[k], begin);
  }
  if (!failed)
    failed = !UNIT_TRUE(fisa_observe_equal(pair[PLAIN].program,
                                           pair[PLAIN].state,
                                           pair[TUNED].state, what,
                                           sizeof what),
                        "%s, state %d: %s", a->name, seed, what) ||
             !UNIT_TRUE(same_outputs(pair), "%s, state %d: outputs", a->name,
                        seed);
  fisa_state_free(begin);
  return failed;
}

static void calculating_agents(void)
{
  size_t i;

  for (i = 0; i < AGENTS; i++) {
    const struct agent *a = &agents[i];
    struct form pair[FORMS];
    uint64_t cycles[FORMS] = { 0, 0 };
    int32_t seed, states = (int32_t)unit_scale(a->states);

    if (!a->answer || pair_load(pair, a->name))
      continue;
    for (seed = 0; seed < states; seed++)
      if (compare_on(a, pair, seed, cycles))
        break;
    if (states >= 100)
      check_ratio(a, cycles);
    pair_done(pair);
  }
}

/* ---- continuing agents --------------------------------------------------- */

/* Where C is no flag. */
static int has_confidence(const struct form *f)
{
  int i = fisa_file_by_name(f->dialect, "C", 1);

  return i >= 0 && f->dialect->files[i].kind == FISA_FILE_REGS;
}

static void add_cell(struct fisa_set *set, uint32_t cell)
{
  set->w[cell / 64] |= (uint64_t)1 << cell % 64;
}

/* What is compared at a yield besides memory: the registers that are inputs,
 * which live on, and C1 where there is one. */
static void live_cells(struct form *f, struct fisa_set *live)
{
  const struct fisa_manifest *m = &f->program->manifest;
  uint32_t i, k;

  memset(live, 0, sizeof *live);
  for (i = 0; i < m->in_count; i++)
    for (k = 0; m->in[i].kind == FISA_CELLS_FILE && k < m->in[i].count; k++)
      add_cell(live, m->in[i].first + k);
  if (has_confidence(f))
    add_cell(live, (uint32_t)(reg(f, "C", 1) - f->state->cells));
}

/* The ranges of the manifest are kept from task to task, and C1's is. */
static void check_ranges(const struct agent *a, struct form *f)
{
  const struct fisa_manifest *m = &f->program->manifest;
  uint32_t i, k;

  for (i = 0; i < m->in_count; i++) {
    const struct fisa_cells *c = &m->in[i];

    for (k = 0; c->kind == FISA_CELLS_FILE && k < c->count; k++)
      UNIT_TRUE(f->state->cells[c->first + k] >= c->lo &&
                f->state->cells[c->first + k] <= c->hi, "%s: input %u",
                a->name, i);
  }
  if (has_confidence(f))
    UNIT_TRUE(*reg(f, "C", 1) >= 0 && *reg(f, "C", 1) <= 100, "%s: C1",
              a->name);
}

/* Runs the next task of one form; adds up cycles. 0 where it went well. */
static int next_task(const struct agent *a, struct world *w,
                     struct fisa_state *before, uint64_t *cycles)
{
  uint32_t said = w->form->out.count;
  uint64_t spent;

  fisa_state_copy(before, w->form->state);
  spent = run_task(w, FISA_RUN_YIELD);
  *cycles += spent;
  if (spent != 0 && a->task)
    a->task(w, before, said);
  return spent == 0;
}

static int compare_tasks(const struct agent *a, struct form pair[FORMS],
                         int32_t seed, uint64_t cycles[FORMS])
{
  struct world w[FORMS] = { { &pair[PLAIN], seed, 0, 0 },
                            { &pair[TUNED], seed, 0, 0 } };
  struct fisa_state *before = fisa_state_new(pair[PLAIN].dialect);
  struct fisa_set live;
  char what[128] = "";
  int task, k, failed = 0;

  if (!before)
    abort();
  draw_inputs(&pair[PLAIN], seed);
  draw_inputs(&pair[TUNED], seed);
  live_cells(&pair[PLAIN], &live);
  for (task = 0; task < TASKS && !failed; task++) {
    for (k = 0; k < FORMS && !failed; k++)
      failed = next_task(a, &w[k], before, &cycles[k]);
    if (!failed)
      failed = !UNIT_TRUE(fisa_observe_live(pair[PLAIN].program, &live,
                                            pair[PLAIN].state,
                                            pair[TUNED].state, what,
                                            sizeof what) &&
                          same_outputs(pair) &&
                          w[PLAIN].reads == w[TUNED].reads,
                          "%s, state %d, task %d: %s", a->name, seed, task,
                          what);
    check_ranges(a, &pair[PLAIN]);
  }
  fisa_state_free(before);
  return failed;
}

static void continuing_agents(void)
{
  size_t i;

  for (i = 0; i < AGENTS; i++) {
    const struct agent *a = &agents[i];
    struct form pair[FORMS];
    uint64_t cycles[FORMS] = { 0, 0 };
    int32_t seed, states = (int32_t)unit_scale(a->states);

    if (a->answer || pair_load(pair, a->name))
      continue;
    for (seed = 0; seed < states; seed++)
      if (compare_tasks(a, pair, seed, cycles))
        break;
    check_ratio(a, cycles);
    pair_done(pair);
  }
}

/* ---- the thermostat in its room ------------------------------------------ */

static int32_t read_room(uint16_t source, const int32_t *arg, unsigned argc,
                         void *user)
{
  (void)source;
  (void)arg;
  (void)argc;
  (void)user;
  return room_temp(0);
}

static void heat_room(uint16_t channel, const int32_t *arg, unsigned argc,
                      void *user)
{
  struct form *f = user;

  UNIT_STR_EQ(f->dialect->channels[channel], "SYS");
  UNIT_EQ(argc, 2);
  UNIT_EQ(arg[0], 1);
  (void)room_heat(0, arg[1]);
}

static void keeps_its_room(int tuned)
{
  struct form f;
  struct fhost_vm_io io = { read_room, heat_room, &f, NULL };
  int task, unsure = 0;

  if (form_load(&f, "thermostat", tuned))
    return;
  UNIT_EQ(room_reset(0), 0);
  fisa_state_start(f.program, f.state);
  for (task = 0; task < 3 * ROOM_DAY; task++) {
    if (!UNIT_EQ(f.vm->run(f.code, f.state, &io, FUEL, NULL),
                 FISA_RUN_YIELD))
      break;
    if (task > 40)
      unsure += *reg(&f, "C", 1) < 80;
  }
  UNIT_EQ(unsure, 0);
  UNIT_TRUE(room_comfort(0) > 0.9f, "comfort %g", (double)room_comfort(0));
  form_done(&f);
}

static void thermostat_keeps_its_room(void)
{
  keeps_its_room(PLAIN);
  keeps_its_room(TUNED);
}

/* ---- files --------------------------------------------------------------- */

static void agents_verify(void)
{
  size_t i;
  int k, n;

  for (i = 0; i < AGENTS; i++)
    for (k = 0; k < FORMS; k++) {
      struct fisa_finding finding = { 0 };
      struct form f;

      if (form_load(&f, agents[i].name, k))
        continue;
      n = fisa_verify(f.program, &finding, 1);
      UNIT_TRUE(n == 0, "%s, form %d: pc %u: %s", agents[i].name, k,
                finding.pc, finding.text);
      form_done(&f);
    }
}

static int same_clauses(const struct fisa_cells *a, uint32_t an,
                        const struct fisa_cells *b, uint32_t bn)
{
  uint32_t i;

  if (an != bn)
    return 0;
  for (i = 0; i < an; i++)
    if (a[i].kind != b[i].kind || a[i].first != b[i].first ||
        a[i].count != b[i].count || a[i].lo != b[i].lo || a[i].hi != b[i].hi)
      return 0;
  return 1;
}

static void pairs_share_a_manifest(void)
{
  size_t i;

  for (i = 0; i < AGENTS; i++) {
    struct form pair[FORMS];
    const struct fisa_manifest *p, *t;

    if (pair_load(pair, agents[i].name))
      continue;
    p = &pair[PLAIN].program->manifest;
    t = &pair[TUNED].program->manifest;
    UNIT_TRUE(same_clauses(p->in, p->in_count, t->in, t->in_count) &&
              same_clauses(p->out, p->out_count, t->out, t->out_count) &&
              same_clauses(p->scratch, p->scratch_count, t->scratch,
                           t->scratch_count), "%s", agents[i].name);
    UNIT_TRUE(pair[TUNED].program->size < pair[PLAIN].program->size,
              "%s: tuned is not smaller", agents[i].name);
    pair_done(pair);
  }
}

/* The results that samples/README.md quotes. */
struct quoted {
  const char *name;
  int32_t in[5];       /* R1.. */
  const char *bytes;   /* at 0x200 */
  unsigned out;        /* Rn */
  int32_t want;
};

static void check_quoted(const struct quoted *q, int tuned)
{
  struct form f;
  struct world w = { &f, 0, 0, 0 };
  unsigned i;

  if (form_load(&f, q->name, tuned))
    return;
  fisa_state_start(f.program, f.state);
  for (i = 0; i < 5; i++)
    *reg(&f, "R", i + 1) = q->in[i];
  memcpy(&f.state->mem[BUFFER], q->bytes, strlen(q->bytes));
  fisa_state_mark(f.state, BUFFER, 32);
  if (run_task(&w, FISA_RUN_HALT))
    expect(&f, q->out, q->want);
  form_done(&f);
}

static void quoted_results(void)
{
  static const struct quoted rows[] = {
    { "sum", { 40 }, "", 3, 820 },
    { "gcd", { 1071, 462 }, "", 3, 21 },
    { "fibonacci", { 47 }, "", 3, -1323752223 },
    { "fibonacci", { 46 }, "", 3, 1836311903 },
    { "sieve", { 512 }, "", 3, 97 },
    { "checksum", { 6 }, "abcdef", 3, 8279 },
    { "hash", { 4 }, "FLUX", 3, 2088643234 },
    { "crc8", { 6 }, "\x50\x05\x4B\x46\x7F\xFF", 3, 243 },
    { "polynomial", { 10, 1, 2, 3, 4 }, "", 6, 1234 },
    { "collatz", { 27 }, "", 2, 111 },
  };
  size_t i;
  int k;

  for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
    for (k = 0; k < FORMS; k++)
      check_quoted(&rows[i], k);
}

/* 3 to the power of 13: its input is memory. */
static void quoted_power(void)
{
  int k;

  for (k = 0; k < FORMS; k++) {
    struct form f;
    struct world w = { &f, 0, 0, 0 };

    if (form_load(&f, "power", k))
      continue;
    fisa_state_start(f.program, f.state);
    f.state->mem[40] = 3;
    f.state->mem[44] = 13;
    fisa_state_mark(f.state, 40, 8);
    if (run_task(&w, FISA_RUN_HALT))
      UNIT_EQ(word_at(f.state, 48), 1594323);
    form_done(&f);
  }
}

static const struct unit_test tests[] = {
  { "files", "verify", agents_verify },
  { "files", "manifest", pairs_share_a_manifest },
  { "run", "quoted", quoted_results },
  { "run", "quoted power", quoted_power },
  { "run", "calculating", calculating_agents },
  { "run", "continuing", continuing_agents },
  { "run", "thermostat", thermostat_keeps_its_room },
};

UNIT_MAIN(tests)
