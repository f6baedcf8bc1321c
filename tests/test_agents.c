/*
 * test_agents.c - the sample agents do what samples/README.md says, and the
 * tuned form of each is the same agent as the plain one.
 *
 * Every pair runs on the VM of its dialect from the same states, drawn from
 * the manifest. Results are held to answers in C besides, so that a mistake
 * made in both forms is found as well.
 */
#include "samples/room/internal.h"
#include "tests/agents.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLAIN, TUNED, FORMS };
enum { BUFFER = 0x200 };

static const char *agent_path(const char *name, int tuned)
{
  char path[128];

  snprintf(path, sizeof path, "samples/agents/%s%s.flx", name,
           tuned ? "_tuned" : "");
  return unit_src(path);
}

static int form_load(struct agent_form *f, const char *name, int tuned)
{
  struct fisa_error err = { "" };

  return UNIT_TRUE(agent_load(f, agent_path(name, tuned), &err) == 0, "%s",
                   err.text) ? 0 : -1;
}

static int pair_load(struct agent_pair *p, const char *name)
{
  struct fisa_error err = { "" };

  return UNIT_TRUE(agent_pair_load(p, agent_path(name, 0), agent_path(name, 1),
                                   &err) == 0, "%s", err.text) ? 0 : -1;
}

/* Runs a task that has to end well. */
static int runs(struct agent_world *w)
{
  char what[160] = "";

  return UNIT_TRUE(agent_task(w, what, sizeof what) != 0, "%s", what);
}

/* ---- answers in C -------------------------------------------------------- */

typedef void answer_fn(struct agent_form *f, const struct fisa_state *begin);

static int32_t input(struct agent_form *f, const struct fisa_state *begin,
                     unsigned n)
{
  return begin->cells[agent_reg(f, "R", n) - f->state->cells];
}

static void expect(struct agent_form *f, unsigned n, int32_t want)
{
  int32_t got = *agent_reg(f, "R", n);

  UNIT_TRUE(got == want, "R%u is %d, not %d", n, got, want);
}

static void expect_r3(struct agent_form *f, int32_t want)
{
  expect(f, 3, want);
}

static void answer_sum(struct agent_form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1);

  expect_r3(f, n * (n + 1) / 2);
}

static void answer_gcd(struct agent_form *f, const struct fisa_state *begin)
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

static void answer_fibonacci(struct agent_form *f,
                             const struct fisa_state *begin)
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

static void answer_checksum(struct agent_form *f,
                            const struct fisa_state *begin)
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

static void answer_sieve(struct agent_form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), count = 0, i;

  for (i = 0; i < n; i++)
    count += is_prime(i);
  expect_r3(f, count);
}

static void answer_hash(struct agent_form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), i;
  uint32_t h = 5381;

  for (i = 0; i < n; i++)
    h = h * 33 ^ begin->mem[BUFFER + i];
  expect_r3(f, (int32_t)h);
}

static void answer_crc8(struct agent_form *f, const struct fisa_state *begin)
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

static void answer_sort(struct agent_form *f, const struct fisa_state *begin)
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
static void answer_polynomial(struct agent_form *f,
                              const struct fisa_state *begin)
{
  int64_t x = input(f, begin, 1), power = 1, sum = 0;
  unsigned i;

  for (i = 5; i >= 2; i--) {
    sum += input(f, begin, i) * power;
    power *= x;
  }
  expect(f, 6, (int32_t)(uint32_t)sum);
}

static void answer_collatz(struct agent_form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), steps = 0;

  for (; n > 1; steps++)
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  expect(f, 2, steps);
}

static void answer_answer(struct agent_form *f, const struct fisa_state *begin)
{
  (void)begin;
  if (UNIT_EQ(fisa_stack_depth(f->dialect, f->state), 1))
    UNIT_EQ(*fisa_stack_cell(f->dialect, f->state, 0), 42);
}

static void answer_power(struct agent_form *f, const struct fisa_state *begin)
{
  uint32_t a = (uint32_t)word_at(begin, 40), r = 1;
  int32_t n = word_at(begin, 44);

  for (; n > 0; n--)
    r *= a;
  UNIT_EQ(word_at(f->state, 48), (int32_t)r);
}

static void answer_median(struct agent_form *f,
                          const struct fisa_state *begin)
{
  int32_t v[3];
  unsigned i;

  for (i = 0; i < 3; i++)
    v[i] = input(f, begin, i + 1);
  qsort(v, 3, sizeof *v, by_value);
  expect(f, 4, v[1]);
}

static void answer_root(struct agent_form *f, const struct fisa_state *begin)
{
  int32_t n = input(f, begin, 1), r = 0;

  while ((r + 1) * (r + 1) <= n)
    r++;
  expect(f, 2, r);
}

static void answer_euclid(struct agent_form *f, const struct fisa_state *begin)
{
  int32_t a = word_at(begin, 40), b = word_at(begin, 44);
  int32_t d = a > b ? a : b;

  while (d > 1 && (a % d != 0 || b % d != 0))
    d--;
  UNIT_EQ(word_at(f->state, 48), d);
}

static void answer_ones(struct agent_form *f, const struct fisa_state *begin)
{
  UNIT_EQ(word_at(f->state, 48),
          __builtin_popcount((unsigned)word_at(begin, 40)));
}

/* ---- what a task of a continuing agent does ------------------------------ */

/* One task, from `before`, whose outputs are those from `said` on. */
typedef void task_fn(const struct agent_world *w,
                     const struct fisa_state *before, uint32_t said);

static void task_watchman(const struct agent_world *w,
                          const struct fisa_state *before, uint32_t said)
{
  struct agent_form *f = w->form;
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

/* The output after `said` others: its channel, and up to three arguments. */
static void says(const struct agent_world *w, uint32_t said,
                 const char *channel, const int32_t arg[3])
{
  const struct agent_form *f = w->form;
  const struct fisa_event *e;
  unsigned i;

  if (!UNIT_TRUE(f->out.count > said, "nothing said on %s", channel))
    return;
  e = &f->out.events[said];
  UNIT_STR_EQ(f->dialect->channels[e->name], channel);
  for (i = 0; i < e->argc; i++)
    UNIT_EQ(e->arg[i], arg[i]);
}

static void task_keeper(const struct agent_world *w,
                        const struct fisa_state *before, uint32_t said)
{
  int32_t was = word_at(before, 32), t = w->reading;
  int32_t on = t < 40 ? 1 : t >= 60 ? 0 : was;
  const int32_t lamp[3] = { 2, on }, change[3] = { 3, t };

  UNIT_EQ(word_at(w->form->state, 32), on);
  UNIT_EQ(w->form->out.count - said, on == was ? 1 : 2);
  if (on != was)
    says(w, said, "ACT", change);
  says(w, said + (on != was), "ACT", lamp);
}

/* A payload: its size, then its bytes. */
static void task_recorder(const struct agent_world *w,
                          const struct fisa_state *before, uint32_t said)
{
  struct agent_form *f = w->form;
  int32_t head = input(f, before, 9), sum = 0, i;
  const int32_t five[3] = { 5 }, three[3] = { 3 };
  const int32_t high[3] = { 2 | 'h' << 8 | 'i' << 16 | 'g' << 24, 'h' };
  const int32_t low[3] = { 'l' | 'o' << 8 | 'w' << 16 };

  expect(f, 9, (head + 1) % 8);
  for (i = 0; i < 8; i++) {
    int32_t v = before->mem[BUFFER + i];

    v = i == head ? (v * 5 + 7) % 256 : v;
    UNIT_EQ(f->state->mem[BUFFER + i], v);
    sum += v;
  }
  UNIT_EQ(f->out.count - said, 2);
  says(w, said, sum > 1000 ? "TELL" : "BROADCAST", sum > 1000 ? five : three);
  says(w, said + 1, sum > 1000 ? "TELL" : "BROADCAST",
       sum > 1000 ? high : low);
}

/* 100 less the distance of two, which wraps, from 0 to 100. */
static int32_t nearness(int32_t a, int32_t b)
{
  int32_t d = (int32_t)((uint32_t)a - (uint32_t)b);
  int64_t near = d == INT32_MIN ? -1 : 100 - (int64_t)abs(d);

  return near < 0 ? 0 : (int32_t)near;
}

static void task_fusion(const struct agent_world *w,
                        const struct fisa_state *before, uint32_t said)
{
  struct agent_form *f = w->form;
  int32_t was = input(f, before, 8), a = w->earlier, b = w->reading;
  int32_t ca = nearness(a, was), cb = nearness(b, was), now = was;
  const int32_t lost[3] = { 3, a, b };

  UNIT_EQ(f->out.count - said, 1);
  if (ca + cb == 0) {
    says(w, said, "DELEGATE", lost);
  } else {
    /* Both products wrap; one whose confidence is 0 is 0. */
    int32_t sum = (int32_t)((uint32_t)a * (uint32_t)ca +
                            (uint32_t)b * (uint32_t)cb);
    int32_t fused = sum / (ca + cb);
    int32_t all[3] = { 4, 0, ca + cb };

    now = fused < 0 ? 0 : fused > 1000 ? 1000 : fused;
    all[1] = now;
    says(w, said, "BROADCAST", all);
  }
  expect(f, 8, now);
  UNIT_EQ(*agent_reg(f, "C", 1), ca + cb > 100 ? 100 : ca + cb);
}

/* v * rate / 256, rounded down, by division. */
static int32_t decayed(int32_t v, int32_t rate)
{
  int64_t product = (int64_t)v * rate, whole = product / 256;

  return (int32_t)(product % 256 < 0 ? whole - 1 : whole);
}

static void task_dimmer(const struct agent_world *w,
                        const struct fisa_state *before, uint32_t said)
{
  struct agent_form *f = w->form;
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

/* ---- pairs -------------------------------------------------------------- */

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
  { "sieve", answer_sieve, 1000, 0.35, NULL },
  { "hash", answer_hash, 2000, 0.25, NULL },
  { "crc8", answer_crc8, 2000, 0.45, NULL },
  { "sort", answer_sort, 2000, 0.30, NULL },
  { "polynomial", answer_polynomial, 2000, 0.30, NULL },
  { "collatz", answer_collatz, 2000, 0.45, NULL },
  { "median", answer_median, 2000, 0.45, NULL },
  { "root", answer_root, 2000, 0.40, NULL },
  { "answer", answer_answer, 1000, 0.70, NULL },
  { "power", answer_power, 2000, 0.50, NULL },
  { "euclid", answer_euclid, 2000, 0.40, NULL },
  { "ones", answer_ones, 2000, 0.45, NULL },
  { "thermostat", NULL, 1000, 0.50, NULL },
  { "average", NULL, 1000, 0.20, NULL },
  { "alarm", NULL, 1000, 0.60, NULL },
  { "fusion", NULL, 1000, 0.50, task_fusion },
  { "watchman", NULL, 1000, 0.30, task_watchman },
  { "recorder", NULL, 1000, 0.45, task_recorder },
  { "dimmer", NULL, 1000, 0.65, task_dimmer },
  { "keeper", NULL, 1000, 0.70, task_keeper },
};

enum { AGENTS = sizeof agents / sizeof agents[0] };

/* What an agent is held to, task by task. */
static void check_task(const struct agent_world *w,
                       const struct fisa_state *before, uint32_t said,
                       void *user)
{
  const struct agent *a = user;

  if (a->answer)
    a->answer(w->form, before);
  if (a->task)
    a->task(w, before, said);
}

/* The ranges of the manifest are kept from task to task, and C1's is. */
static void check_ranges(const struct agent *a, struct agent_form *f)
{
  const struct fisa_manifest *m = &f->program->manifest;
  int file = fisa_file_by_name(f->dialect, "C", 1);
  uint32_t i, k;

  for (i = 0; i < m->in_count; i++) {
    const struct fisa_cells *c = &m->in[i];

    for (k = 0; c->kind == FISA_CELLS_FILE && k < c->count; k++)
      UNIT_TRUE(f->state->cells[c->first + k] >= c->lo &&
                f->state->cells[c->first + k] <= c->hi, "%s: input %u",
                a->name, i);
  }
  if (file >= 0 && f->dialect->files[file].kind == FISA_FILE_REGS)
    UNIT_TRUE(*agent_reg(f, "C", 1) >= 0 && *agent_reg(f, "C", 1) <= 100,
              "%s: C1", a->name);
}

/* The cost of tuned over plain: never more, and as the README gives it. */
static void check_ratio(const struct agent *a, const uint64_t cycles[FORMS])
{
  double ratio = (double)cycles[TUNED] / (double)(cycles[PLAIN] + 1);

  UNIT_TRUE(cycles[TUNED] <= cycles[PLAIN] && ratio < a->ratio,
            "%s: tuned / plain is %.3f", a->name, ratio);
}

static void compare_forms(const struct agent *a)
{
  int32_t seed, states = (int32_t)unit_scale(a->states);
  struct agent_pair p;

  if (pair_load(&p, a->name))
    return;
  UNIT_TRUE(p.form[PLAIN].continues == !a->answer, "%s continues", a->name);
  p.confidence = true;
  p.check = check_task;
  p.user = (void *)(uintptr_t)a;
  for (seed = 0; seed < states; seed++) {
    if (!UNIT_TRUE(agent_pair_compare(&p, seed) == 0, "%s, state %d: %s",
                   a->name, seed, p.what))
      break;
    if (p.form[PLAIN].continues)
      check_ranges(a, &p.form[PLAIN]);
  }
  if (states >= 100)
    check_ratio(a, p.cycles);
  agent_pair_done(&p);
}

static void calculating_agents(void)
{
  size_t i;

  for (i = 0; i < AGENTS; i++)
    if (agents[i].answer)
      compare_forms(&agents[i]);
}

static void continuing_agents(void)
{
  size_t i;

  for (i = 0; i < AGENTS; i++)
    if (!agents[i].answer)
      compare_forms(&agents[i]);
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
  struct agent_form *f = user;

  UNIT_STR_EQ(f->dialect->channels[channel], "SYS");
  UNIT_EQ(argc, 2);
  UNIT_EQ(arg[0], 1);
  (void)room_heat(0, arg[1]);
}

static void keeps_its_room(int tuned)
{
  struct agent_form f;
  struct fhost_vm_io io = { read_room, heat_room, &f, NULL };
  int task, unsure = 0;

  if (form_load(&f, "thermostat", tuned))
    return;
  UNIT_EQ(room_reset(0), 0);
  fisa_state_start(f.program, f.state);
  for (task = 0; task < 3 * ROOM_DAY; task++) {
    if (!UNIT_EQ(f.vm->run(f.code, f.state, &io, AGENT_FUEL, NULL),
                 FISA_RUN_YIELD))
      break;
    if (task > 40)
      unsure += *agent_reg(&f, "C", 1) < 80;
  }
  UNIT_EQ(unsure, 0);
  UNIT_TRUE(room_comfort(0) > 0.9f, "comfort %g", (double)room_comfort(0));
  agent_done(&f);
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
      struct agent_form f;

      if (form_load(&f, agents[i].name, k))
        continue;
      n = fisa_verify(f.program, &finding, 1);
      UNIT_TRUE(n == 0, "%s, form %d: pc %u: %s", agents[i].name, k,
                finding.pc, finding.text);
      agent_done(&f);
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
    struct agent_pair pair;
    const struct fisa_manifest *p, *t;

    if (pair_load(&pair, agents[i].name))
      continue;
    p = &pair.form[PLAIN].program->manifest;
    t = &pair.form[TUNED].program->manifest;
    UNIT_TRUE(same_clauses(p->in, p->in_count, t->in, t->in_count) &&
              same_clauses(p->out, p->out_count, t->out, t->out_count) &&
              same_clauses(p->scratch, p->scratch_count, t->scratch,
                           t->scratch_count), "%s", agents[i].name);
    UNIT_TRUE(pair.form[TUNED].program->size < pair.form[PLAIN].program->size,
              "%s: tuned is not smaller", agents[i].name);
    agent_pair_done(&pair);
  }
}

/* The list names the agents of this table, and their dialects; each of the
 * three that run here has at least five. */
static void list_is_true(void)
{
  struct agents_list list;
  struct fisa_error err = { "" };
  unsigned unified = 0, classic = 0, seed = 0, i;
  size_t k;

  if (!UNIT_TRUE(agents_read(unit_src("samples/agents/list"), &list,
                             &err) == 0, "%s", err.text))
    return;
  UNIT_EQ(list.count, AGENTS);
  for (i = 0; i < list.count; i++) {
    struct agent_form f;

    for (k = 0; k < AGENTS && strcmp(agents[k].name, list.name[i]) != 0; k++)
      ;
    UNIT_TRUE(k < AGENTS, "%s is not tested", list.name[i]);
    if (form_load(&f, list.name[i], 0))
      continue;
    UNIT_STR_EQ(f.dialect->name, list.dialect[i]);
    agent_done(&f);
    unified += strcmp(list.dialect[i], "unified") == 0;
    classic += strcmp(list.dialect[i], "classic") == 0;
    seed += strcmp(list.dialect[i], "seed") == 0;
  }
  UNIT_TRUE(unified >= 5 && classic >= 5 && seed >= 5, "%u, %u, %u", unified,
            classic, seed);
}

/* What is compared is compared: two agents that are not the same differ. */
static void others_differ(void)
{
  static const char *const pairs[][2] = {
    { "gcd", "sum" }, { "fusion", "thermostat" }, { "ones", "euclid" },
    { "recorder", "watchman" },
  };
  size_t i;

  for (i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    struct agent_pair p;
    struct fisa_error err = { "" };
    int32_t seed = 0;

    if (!UNIT_TRUE(agent_pair_load(&p, agent_path(pairs[i][0], 0),
                                   agent_path(pairs[i][1], 0), &err) == 0,
                   "%s", err.text))
      continue;
    while (seed < 100 && agent_pair_compare(&p, seed) == 0)
      seed++;
    UNIT_TRUE(seed < 100 && p.what[0] != '\0', "%s is no %s", pairs[i][0],
              pairs[i][1]);
    agent_pair_done(&p);
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
  struct agent_form f;
  struct agent_world w = { .form = &f };
  unsigned i;

  if (form_load(&f, q->name, tuned))
    return;
  fisa_state_start(f.program, f.state);
  for (i = 0; i < 5; i++)
    *agent_reg(&f, "R", i + 1) = q->in[i];
  memcpy(&f.state->mem[BUFFER], q->bytes, strlen(q->bytes));
  fisa_state_mark(f.state, BUFFER, 32);
  if (runs(&w))
    expect(&f, q->out, q->want);
  agent_done(&f);
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
    struct agent_form f;
    struct agent_world w = { .form = &f };

    if (form_load(&f, "power", k))
      continue;
    fisa_state_start(f.program, f.state);
    f.state->mem[40] = 3;
    f.state->mem[44] = 13;
    fisa_state_mark(f.state, 40, 8);
    if (runs(&w))
      UNIT_EQ(word_at(f.state, 48), 1594323);
    agent_done(&f);
  }
}

static const struct unit_test tests[] = {
  { "files", "verify", agents_verify },
  { "files", "manifest", pairs_share_a_manifest },
  { "files", "list", list_is_true },
  { "run", "quoted", quoted_results },
  { "run", "quoted power", quoted_power },
  { "run", "others differ", others_differ },
  { "run", "calculating", calculating_agents },
  { "run", "continuing", continuing_agents },
  { "run", "thermostat", thermostat_keeps_its_room },
};

UNIT_MAIN(tests)
