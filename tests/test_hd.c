/*
 * test_hd.c - the programs of tests/data/hd do what the problems of tests/hd.h
 * mean: each runs on the reference VM for more than 100,000 inputs, edges
 * first. What the problems mean is held to values known from elsewhere and to
 * brute force, and the inputs to wrong programs, which they have to find.
 */
#include "isa/asm.h"
#include "tests/hd_form.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATES = 120000 };

static int load(struct hd_form *f, const char *name)
{
  struct fisa_error err = { "" };
  char path[64];

  snprintf(path, sizeof path, "tests/data/hd/%s.flx", name);
  return UNIT_TRUE(hd_form_load(f, unit_src(path), &err) == 0, "%s",
                   err.text) ? 0 : -1;
}

/* All inputs up to a number; says which is wrong. */
static void is_right(struct hd_form *f, const struct hd_problem *p,
                     const char *what)
{
  uint64_t states = unit_scale(STATES), n = hd_form_wrong(f, p, 0, states);
  int32_t in[HD_INPUTS] = { 0 }, got = 0;
  int rc;

  if (n == states)
    return;
  hd_draw(p, n, in);
  rc = hd_form_run(f, p, in, &got);
  UNIT_TRUE(0, "%s, %s: of %d, %d, %d, %d: %d, not %d, status %d", p->name,
            what, in[0], in[1], in[2], in[3], got, p->fn(in), rc);
}

static void programs_do_what_they_mean(void)
{
  size_t i;

  for (i = 0; i < HD_PROBLEMS; i++) {
    struct hd_form f;

    if (load(&f, hd_problems[i].name))
      continue;
    is_right(&f, &hd_problems[i], "source");
    hd_form_done(&f);
  }
}

/* Inputs, and R3 as the only observable, are those of the table. */
static void manifests(void)
{
  size_t i;
  uint32_t k, clause, n;

  for (i = 0; i < HD_PROBLEMS; i++) {
    const struct hd_problem *p = &hd_problems[i];
    const struct fisa_manifest *m;
    struct hd_form f;

    if (load(&f, p->name))
      continue;
    m = &f.program->manifest;
    n = 0;
    for (clause = 0; clause < m->in_count; clause++)
      for (k = 0; k < m->in[clause].count && n < p->count; k++, n++) {
        UNIT_EQ(m->in[clause].kind, FISA_CELLS_FILE);
        UNIT_EQ(m->in[clause].first + k, f.first + p->in[n].reg);
        UNIT_EQ(m->in[clause].lo, p->in[n].lo);
        UNIT_EQ(m->in[clause].hi, p->in[n].hi);
      }
    UNIT_EQ(n, p->count);
    UNIT_EQ(m->out_count, 1);
    UNIT_EQ(m->out[0].first, f.first + 3);
    UNIT_EQ(m->out[0].count, 1);
    UNIT_EQ(m->scratch_count, 1);
    hd_form_done(&f);
  }
}

/* ---- what the problems mean ---------------------------------------------- */

struct known {
  const char *name;
  int32_t in[HD_INPUTS];
  int32_t want;
};

static const struct hd_problem *problem(const char *name)
{
  size_t i;

  for (i = 0; i < HD_PROBLEMS; i++)
    if (strcmp(hd_problems[i].name, name) == 0)
      return &hd_problems[i];
  abort();
}

/* Worked out by hand. */
static void known_values(void)
{
  static const struct known rows[] = {
    { "p01", { 0x58 }, 0x50 }, { "p01", { 0 }, 0 },
    { "p01", { INT32_MIN }, 0 },
    { "p02", { 0xA7 }, 0xA0 }, { "p02", { 255 }, 0 }, { "p02", { -1 }, 0 },
    { "p02", { 8 }, 8 }, { "p02", { 0 }, 0 },
    { "p03", { 0x58 }, 8 }, { "p03", { INT32_MIN }, INT32_MIN },
    { "p04", { 0x58 }, 15 }, { "p04", { 0 }, -1 }, { "p04", { 1 }, 1 },
    { "p05", { 0x58 }, 0x5F }, { "p05", { 0 }, -1 },
    { "p06", { 0xA7 }, 0xAF }, { "p06", { -1 }, -1 }, { "p06", { 0 }, 1 },
    { "p07", { 0xA7 }, 8 }, { "p07", { -1 }, 0 },
    { "p08", { 0x58 }, 7 }, { "p08", { 0 }, -1 }, { "p08", { 1 }, 0 },
    { "p09", { -7 }, 7 }, { "p09", { INT32_MIN }, INT32_MIN },
    { "p10", { 8, 15 }, 1 }, { "p10", { 0, 1 }, 0 }, { "p10", { 0, 0 }, 1 },
    { "p10", { -1, INT32_MIN }, 1 }, { "p10", { 16, 15 }, 0 },
    { "p11", { 16, 15 }, 1 }, { "p11", { 15, 16 }, 0 },
    { "p11", { 8, 15 }, 0 }, { "p11", { -1, 1 }, 1 },
    { "p12", { 16, 15 }, 1 }, { "p12", { 15, 16 }, 0 },
    { "p12", { 8, 15 }, 1 }, { "p12", { 0, 0 }, 1 },
    { "p13", { INT32_MIN }, -1 }, { "p13", { 0 }, 0 }, { "p13", { 9 }, 1 },
    { "p14", { 5, 8 }, 6 }, { "p14", { -5, -8 }, -7 },
    { "p14", { INT32_MAX, INT32_MAX }, INT32_MAX },
    { "p15", { 5, 8 }, 7 }, { "p15", { -5, -8 }, -6 },
    { "p15", { INT32_MIN, INT32_MAX }, 0 },
    { "p16", { -3, 2 }, 2 }, { "p16", { INT32_MIN, 0 }, 0 },
    { "p17", { 0x5C }, 0x40 }, { "p17", { -1 }, 0 }, { "p17", { 0 }, 0 },
    { "p18", { 64 }, 1 }, { "p18", { 0 }, 0 }, { "p18", { INT32_MIN }, 1 },
    { "p18", { 65 }, 0 },
    { "p19", { 0x12345678, 0xFF, 8 }, 0x12347856 },
    { "p19", { 0x12345678, 0x0F, 24 }, 0x18345672 },
    { "p20", { 0x13 }, 0x15 }, { "p20", { 1 }, 2 },
    { "p20", { 0x7C }, 0x8F }, { "p20", { INT32_MAX }, (int)0xBFFFFFFF },
    { "p20", { 0x40000000 }, INT32_MIN },
    { "p21", { 5, 5, 6, 7 }, 6 }, { "p21", { 6, 5, 6, 7 }, 7 },
    { "p21", { 7, 5, 6, 7 }, 5 }, { "p21", { 0, 5, 6, 7 }, 7 },
    { "p22", { 7 }, 1 }, { "p22", { -1 }, 0 }, { "p22", { INT32_MIN }, 1 },
    { "p23", { -1 }, 32 }, { "p23", { 0x1234 }, 5 },
    { "p24", { 5 }, 8 }, { "p24", { 8 }, 8 }, { "p24", { 0 }, 0 },
    { "p24", { INT32_MIN }, INT32_MIN }, { "p24", { -1 }, 0 },
    { "p24", { 1 }, 1 },
    { "p25", { -1, -1 }, -2 }, { "p25", { 1 << 20, 1 << 20 }, 256 },
    { "p25", { INT32_MIN, 2 }, 1 },
  };
  size_t i;

  for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
    UNIT_TRUE(problem(rows[i].name)->fn(rows[i].in) == rows[i].want,
              "row %zu: %s of %d is %d, not %d", i, rows[i].name,
              rows[i].in[0], problem(rows[i].name)->fn(rows[i].in),
              rows[i].want);
}

static int ones(int32_t v)
{
  return __builtin_popcount((unsigned)v);
}

/* By counting up until the number of ones is right. */
static void next_by_counting(void)
{
  const struct hd_problem *p = problem("p20");
  int32_t x, y, last = (int32_t)unit_scale(20000);

  for (x = 1; x < last; x++) {
    for (y = x + 1; ones(y) != ones(x); y++)
      ;
    if (!UNIT_TRUE(p->fn(&x) == y, "%d: %d, not %d", x, p->fn(&x), y))
      return;
  }
}

/* What the compiler has built in, for all inputs that are drawn. */
static void by_builtins(void)
{
  uint64_t n, states = unit_scale(STATES);
  int32_t in[HD_INPUTS] = { 0 };
  uint32_t x, y;
  int nx, ny;

  for (n = 0; n < states; n++) {
    hd_draw(problem("p10"), n, in);
    x = (uint32_t)in[0];
    y = (uint32_t)in[1];
    nx = x ? __builtin_clz(x) : 32;
    ny = y ? __builtin_clz(y) : 32;
    UNIT_EQ(problem("p10")->fn(in), nx == ny);
    UNIT_EQ(problem("p11")->fn(in), nx < ny);
    UNIT_EQ(problem("p12")->fn(in), nx <= ny);
    UNIT_EQ(problem("p22")->fn(in), __builtin_parity(x));
    UNIT_EQ(problem("p23")->fn(in), __builtin_popcount(x));
    UNIT_EQ(problem("p04")->fn(in),
            (int32_t)(x ? (2u << __builtin_ctz(x)) - 1 : UINT32_MAX));
    UNIT_EQ(problem("p08")->fn(in),
            (int32_t)(x ? (1u << __builtin_ctz(x)) - 1 : UINT32_MAX));
  }
}

/* ---- the inputs ---------------------------------------------------------- */

/* Forms that are in circulation or near at hand, and wrong. */

static int32_t signed_nlz_not_more(const int32_t *in)
{
  return (in[1] & ~in[0]) <= in[0];
}

static int32_t nlz_the_wrong_way(const int32_t *in)
{
  return (uint32_t)(in[0] & ~in[1]) <= (uint32_t)in[1];
}

static int32_t sign_by_one_shift(const int32_t *in)
{
  return in[0] >> 31 | (int32_t)(0u - (uint32_t)in[0]) >> 31;
}

static int32_t sign_of_the_least(const int32_t *in)
{
  return in[0] == INT32_MIN ? 0 : in[0] < 0 ? -1 : in[0] > 0;
}

static int32_t next_with_a_signed_shift(const int32_t *in)
{
  int32_t low = in[0] & -in[0];
  int32_t up = (int32_t)((uint32_t)in[0] + (uint32_t)low);

  return up | ((in[0] ^ up) >> 2) / low;
}

static int32_t power_without_the_last(const int32_t *in)
{
  uint32_t v = (uint32_t)in[0] - 1;

  v |= v >> 1;
  v |= v >> 2;
  v |= v >> 4;
  v |= v >> 8;
  return (int32_t)(v + 1);
}

static int32_t average_of_a_sum(const int32_t *in)
{
  return (int32_t)((uint32_t)in[0] + (uint32_t)in[1]) >> 1;
}

static int32_t absolute_capped(const int32_t *in)
{
  return in[0] == INT32_MIN ? INT32_MAX : abs(in[0]);
}

static int32_t power_or_none(const int32_t *in)
{
  return (in[0] & (int32_t)((uint32_t)in[0] - 1)) == 0;
}

struct wrong {
  const char *name;
  int32_t (*fn)(const int32_t *in);
};

static void inputs_find_what_is_wrong(void)
{
  static const struct wrong rows[] = {
    { "p09", absolute_capped },
    { "p12", signed_nlz_not_more },
    { "p12", nlz_the_wrong_way },
    { "p13", sign_by_one_shift },
    { "p13", sign_of_the_least },
    { "p14", average_of_a_sum },
    { "p18", power_or_none },
    { "p20", next_with_a_signed_shift },
    { "p24", power_without_the_last },
  };
  size_t i;

  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const struct hd_problem *p = problem(rows[i].name);
    int32_t in[HD_INPUTS] = { 0 };
    uint64_t n = 0;

    do
      hd_draw(p, n++, in);
    while (n < 10000 && rows[i].fn(in) == p->fn(in));
    UNIT_TRUE(rows[i].fn(in) != p->fn(in), "row %zu: nothing wrong with %s",
              i, rows[i].name);
  }
}

/* In range, the same for the same number, and with edges in all pairs. */
static void inputs_are_drawn(void)
{
  size_t i;
  unsigned k;
  uint64_t n;
  int32_t in[HD_INPUTS], again[HD_INPUTS];
  int both_least = 0;

  for (i = 0; i < HD_PROBLEMS; i++) {
    const struct hd_problem *p = &hd_problems[i];

    for (n = 0; n < hd_edges(p) + 1000; n++) {
      hd_draw(p, n, in);
      hd_draw(p, n, again);
      for (k = 0; k < p->count; k++)
        if (!UNIT_TRUE(in[k] >= p->in[k].lo && in[k] <= p->in[k].hi &&
                       in[k] == again[k], "%s, %llu: input %u", p->name,
                       (unsigned long long)n, k))
          return;
      both_least += p->count == 2 && in[0] == INT32_MIN && in[1] == INT32_MIN;
    }
  }
  UNIT_TRUE(both_least >= 5, "the least number in both: %d", both_least);
}

/* A value that is one of the three is drawn, each of them. */
static void cycles_are_drawn(void)
{
  const struct hd_problem *p = problem("p21");
  int32_t in[HD_INPUTS];
  uint64_t n;
  int is[HD_INPUTS] = { 0 }, k;

  for (n = hd_edges(p); n < hd_edges(p) + 20000; n++) {
    hd_draw(p, n, in);
    for (k = 1; k < HD_INPUTS; k++)
      is[k] += in[0] == in[k];
  }
  for (k = 1; k < HD_INPUTS; k++)
    UNIT_TRUE(is[k] > 500, "x is value %d: %d times", k, is[k]);
}

/* ---- the shortest known -------------------------------------------------- */

/* Only rows of the plain rules in a program for them. */
static void keeps_to_rules(const struct hd_form *f, const char *rules)
{
  const struct fisa_program *p = f->program;
  struct fisa_insn in;
  uint32_t pc;

  for (pc = 0; fisa_decode(p->dialect, p->code, p->size, pc, &in) ==
               FISA_DECODED; pc += in.length)
    UNIT_TRUE(strcmp(rules, "all") == 0 || in.row->flow == FISA_FLOW_HALT ||
              hd_in_list(hd_plain_rows, in.row->name), "%s", in.row->name);
}

static void check_best(const struct hd_problem *p, const char *rules,
                       const struct hd_best *best)
{
  struct fisa_error err = { "" };
  struct hd_form f;
  char text[600];

  UNIT_TRUE(strcmp(best->verdict, "proved") == 0 ||
            strcmp(best->verdict, "known") == 0, "%s: %s", p->name,
            best->verdict);
  snprintf(text, sizeof text, "%s\nHALT\n", best->program);
  if (!UNIT_TRUE(hd_form_text(&f, text, &err) == 0, "%s", err.text))
    return;
  UNIT_EQ(hd_form_length(&f), best->length);
  keeps_to_rules(&f, rules);
  is_right(&f, p, rules);
  hd_form_done(&f);
}

/* Every problem that has a line has a right program there; the first twelve
 * have one for both rules. */
static void best_are_right(void)
{
  const char *path = unit_src("tests/data/hd/best.tsv");
  size_t i, r;

  for (i = 0; i < HD_PROBLEMS; i++)
    for (r = 0; r < HD_RULES; r++) {
      struct hd_best best;
      int rc = hd_best_read(path, hd_problems[i].name, hd_rules[r], &best);

      if (rc == 0)
        check_best(&hd_problems[i], hd_rules[r], &best);
      UNIT_TRUE(rc == 0 || i >= 12, "%s %s: no line", hd_problems[i].name,
                hd_rules[r]);
    }
}

/* With more rows nothing gets longer. */
static void plain_is_no_shorter(void)
{
  const char *path = unit_src("tests/data/hd/best.tsv");
  struct hd_best all, plain;
  size_t i;

  for (i = 0; i < HD_PROBLEMS; i++)
    if (hd_best_read(path, hd_problems[i].name, "all", &all) == 0 &&
        hd_best_read(path, hd_problems[i].name, "plain", &plain) == 0)
      UNIT_TRUE(all.length <= plain.length, "%s: %u, %u",
                hd_problems[i].name, all.length, plain.length);
}

static void lines_are_found(void)
{
  struct hd_best best;

  UNIT_EQ(hd_best_read(unit_src("tests/data/hd/none.tsv"), "p01", "all",
                       &best), -1);
  UNIT_EQ(hd_best_read(unit_src("tests/data/hd/best.tsv"), "p01", "some",
                       &best), -1);
  UNIT_EQ(hd_best_read(unit_src("tests/data/hd/best.tsv"), "p03", "all",
                       &best), 0);
  UNIT_EQ(best.length, 2);
  UNIT_TRUE(strchr(best.program, '\n') != NULL, "%s", best.program);
  UNIT_TRUE(hd_in_list("ADD SUB", "sub") && !hd_in_list("ADD SUB", "SU") &&
            !hd_in_list("", "ADD"), "lists");
}

/* A form finds the first input that it gets wrong. */
static void wrong_is_found(void)
{
  const struct hd_problem *p = problem("p03");
  struct fisa_error err = { "" };
  struct hd_form f;
  int32_t in[HD_INPUTS] = { 0 }, got;
  uint64_t n;

  if (!UNIT_EQ(hd_form_text(&f, "MOV R3, R1\nHALT\n", &err), 0))
    return;
  UNIT_EQ(hd_form_length(&f), 1);
  n = hd_form_wrong(&f, p, 0, 1000);
  UNIT_TRUE(n < 1000, "none is wrong");
  hd_draw(p, n, in);
  UNIT_EQ(hd_form_run(&f, p, in, &got), 0);
  UNIT_EQ(got, in[0]);
  UNIT_TRUE(got != p->fn(in), "right after all");
  hd_form_done(&f);
  UNIT_EQ(hd_form_text(&f, "nonsense\n", &err), -1);
  UNIT_EQ(hd_form_load(&f, unit_src("tests/data/hd/none.flx"), &err), -1);
  if (UNIT_EQ(hd_form_text(&f, "JMP 0\n", &err), 0)) {
    UNIT_EQ(hd_form_run(&f, p, in, &got), -1);
    hd_form_done(&f);
  }
}

static const struct unit_test tests[] = {
  { "meaning", "known values", known_values },
  { "meaning", "counting", next_by_counting },
  { "meaning", "builtins", by_builtins },
  { "inputs", "drawn", inputs_are_drawn },
  { "inputs", "cycles", cycles_are_drawn },
  { "inputs", "find what is wrong", inputs_find_what_is_wrong },
  { "programs", "manifests", manifests },
  { "programs", "results", programs_do_what_they_mean },
  { "programs", "wrong", wrong_is_found },
  { "best", "lines", lines_are_found },
  { "best", "right", best_are_right },
  { "best", "plain", plain_is_no_shorter },
};

UNIT_MAIN(tests)
