/*
 * test_window_search.c - what the search of windows finds: the shortest, right
 * on states that it never saw, the same with any number of threads; and what
 * it learns from being wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/search.h"
#include "plugin/window_book.h"
#include "plugin/window_enum.h"
#include "plugin/window_walk.h"
#include "tests/unit.h"
#include "tests/window_help.h"

#define HEAD ".dialect unified\n.in R1\n.in R2\n.out R3\n" \
             ".scratch mem 0x100 64\n"

/* ---- enumeration -------------------------------------------------------- */

/* Bit tricks with the fewest rows they can be done in, with the plain
 * operations and with all: known from elsewhere. */
static const struct {
  const char *text;
  unsigned plain, all;
} tricks[] = {
    {HEAD "MOVI R4, 1\nSUB R5, R1, R4\nAND R3, R1, R5\nHALT\n", 3, 3},
    {HEAD "MOVI R4, 1\nADD R5, R1, R4\nAND R3, R1, R5\nHALT\n", 3, 3},
    {HEAD "MOV R4, R1\nNEG R4\nMOV R5, R4\nAND R3, R5, R1\nHALT\n", 2, 2},
    {HEAD "MOV R4, R1\nNOT R4\nMOVI R6, 1\nADD R5, R1, R6\nAND R3, R4, R5\n"
          "HALT\n", 3, 3},
    {HEAD "MOV R4, R1\nNOT R4\nMOVI R6, 1\nSUB R5, R1, R6\nAND R3, R4, R5\n"
          "HALT\n", 3, 3},
    {HEAD "MOVI R6, 31\nSHR R4, R1, R6\nXOR R5, R1, R4\nSUB R3, R5, R4\n"
          "HALT\n", 4, 1},
};

static void shortest_are_found(void) {
  for (unsigned i = 0; i < sizeof tricks / sizeof tricks[0]; i++)
    for (unsigned all = 0; all < 2; all++) {
      struct hunt h;
      struct fse_enum_result r;
      hunt_make(&h, tricks[i].text, NULL, all ? NULL : window_plain_ops);
      r = hunt_enum(&h, 4, UINT64_C(1) << 32);
      UNIT_TRUE(r.found, "trick %u", i);
      UNIT_EQ(r.patch.cost, all ? tricks[i].all : tricks[i].plain);
      UNIT_TRUE(hunt_holds(&h, &r.patch, (uint32_t)unit_scale(1u << 13)),
                "trick %u is right on fresh states", i);
      hunt_done(&h);
    }
}

/* Nothing cheaper than the cheapest is there, and limits hold. */
static void limits_hold(void) {
  struct hunt h;
  struct fse_enum_result r;
  hunt_make(&h, tricks[5].text, NULL, window_plain_ops);
  r = hunt_enum(&h, 3, UINT64_C(1) << 32);
  UNIT_TRUE(!r.found, "none of three rows");
  UNIT_EQ(r.next, 4);
  UNIT_TRUE(r.work > 10000, "%llu sequences", (unsigned long long)r.work);
  r = hunt_enum(&h, 4, 5000);
  UNIT_TRUE(!r.found && r.next < 4, "given up");
  UNIT_TRUE(r.work < 50000, "soon enough");
  hunt_done(&h);
}

/* Registers that are read behind the window stay as they are. */
static void kept_registers(void) {
  struct hunt h;
  struct fse_enum_result r;
  hunt_make(&h, ".dialect unified\n.in R1\n.out R1\n.out R3\nMOVI R4, 2\n"
                "ADD R3, R1, R4\nHALT\n", NULL, window_plain_ops);
  r = hunt_enum(&h, 2, UINT64_C(1) << 30);
  UNIT_TRUE(r.found, "found");
  UNIT_EQ(r.patch.cost, 2);
  UNIT_TRUE(hunt_holds(&h, &r.patch, 10000), "and right");
  hunt_done(&h);
  /* Two results, each of which wants a row. */
  hunt_make(&h, ".dialect unified\n.in R1\n.in R2\n.out R1\n.out R2\n"
                "MOV R4, R1\nADD R1, R1, R2\nSUB R2, R4, R2\nMOV R5, R2\n"
                "HALT\n", NULL, window_plain_ops);
  r = hunt_enum(&h, 3, UINT64_C(1) << 30);
  UNIT_TRUE(r.found, "found");
  UNIT_EQ(r.patch.cost, 3);
  UNIT_TRUE(hunt_holds(&h, &r.patch, 10000), "and right");
  hunt_done(&h);
}

/* Five rows, of the few that are needed: the last reads two that know nothing
 * of each other, or one behind the other. */
static void long_ones_are_found(void) {
  static const struct {
    const char *text, *only;
    unsigned cost;
  } cases[] = {
      /* nlz(x) < nlz(y), the long way. */
      {HEAD "MOV R4, R2\nNOT R4\nAND R4, R1, R4\nMOVI R6, 1\nSHLI R6, 31\n"
            "XOR R4, R4, R6\nXOR R5, R2, R6\nCMP_LT R3, R5, R4\nHALT\n",
       "OR,XOR,CMP_GT,CMP_LT,CMP_NE,MOV,NOT,AND,MOVI,SHLI,HALT", 5},
      /* The average of two numbers. */
      {HEAD "AND R4, R1, R2\nXOR R5, R1, R2\nSHRI R5, 1\nADD R5, R5, R4\n"
            "NOT R5\nMOV R3, R5\nHALT\n",
       "AND,OR,XOR,ADD,SUB,SHRI,NOT,MOV,HALT", 5}};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct hunt h;
    struct fse_enum_result r;
    hunt_make(&h, cases[i].text, NULL, cases[i].only);
    r = hunt_enum(&h, 4, UINT64_C(1) << 40);
    UNIT_TRUE(!r.found && r.next == 5, "case %u: not of four", i);
    r = hunt_enum(&h, 5, UINT64_C(1) << 40);
    UNIT_TRUE(r.found && r.patch.cost == cases[i].cost, "case %u", i);
    UNIT_TRUE(r.found && hunt_holds(&h, &r.patch,
                                    (uint32_t)unit_scale(1u << 13)),
              "case %u is right on fresh states", i);
    hunt_done(&h);
  }
}

/* Where a result belongs in the place of an input, what reads the input comes
 * first. */
static void orders_are_found(void) {
  struct hunt h;
  struct fse_enum_result r;
  hunt_make(&h, ".dialect unified\n.in R1\n.in R5\n.in R7\n.out R1\n.out R3\n"
                ".out R7\n.out R11\nSHR R11, R7, R5\nCMP_LT R7, R7, R1\n"
                "MUL R3, R7, R5\nHALT\n", NULL, window_plain_ops);
  r = hunt_enum(&h, 3, UINT64_C(1) << 30);
  UNIT_TRUE(r.found && r.patch.cost == 3, "three rows for three results");
  UNIT_TRUE(r.found && hunt_holds(&h, &r.patch, 10000), "and right");
  hunt_done(&h);
}

/* The plainest enumeration there is: every row on every pair of values, what
 * is come to by up to three of them. */
struct naive {
  const struct fse_menu *m;
  const struct fse_column *target;
  unsigned count;
  struct fse_column value[8];
};

static bool naive_finds(struct naive *x, unsigned rows) {
  for (unsigned i = 0; i < x->m->row_count; i++)
    for (unsigned a = 0; a < x->count; a++)
      for (unsigned b = 0; b < x->count; b++) {
        struct fse_menu_args args = {.read = {&x->value[a], &x->value[b]}};
        bool found;
        fse_menu_eval(x->m, &x->m->row[i], &args, &x->value[x->count],
                      fse_all_lanes(0));
        if (rows == 1) {
          if (memcmp(&x->value[x->count], x->target, sizeof *x->target) == 0)
            return true;
          continue;
        }
        x->count++;
        found = naive_finds(x, rows - 1);
        x->count--;
        if (found) return true;
      }
  return false;
}

static unsigned naive_cost(const struct hunt *h, unsigned most) {
  struct naive x = {.m = h->menu, .target = &h->tests.out[0]};
  for (unsigned i = 0; i < h->window.task.form.in_count; i++)
    x.value[x.count++] = h->tests.in[i];
  memset(&x.value[x.count++], 0, sizeof x.value[0]);
  for (unsigned rows = 1; rows <= most; rows++)
    if (naive_finds(&x, rows)) return rows;
  return most + 1;
}

/* What waits, is put side by side and tried together loses nothing that is
 * found one after the other. */
static void ends_lose_nothing(void) {
  static const char only[] = "XOR,SUB,AND,CMP_LT,SHR,HALT";
  static const char *const op[] = {"XOR", "SUB", "AND", "CMP_LT", "SHR"};
  unsigned by_cost[5] = {0};
  uint32_t s = 7;
  for (unsigned n = 0; n < unit_scale(40); n++) {
    char text[512];
    size_t l = (size_t)snprintf(text, sizeof text, HEAD);
    struct hunt h;
    struct fse_enum_result r;
    unsigned naive;
    for (unsigned k = 0; k < 4; k++) {
      unsigned a, b;
      s = s * 1664525u + 1013904223u;
      a = s >> 10 & 3;
      b = (s >> 14) % (k + 2);
      l += (size_t)snprintf(text + l, sizeof text - l, "%s R%u, R%u, R%u\n",
                            op[(s >> 20) % 5], k == 3 ? 3 : 20 + k,
                            k == 0 || a == 0 ? 1 + (a & 1) : 20 + k - 1,
                            b < 2 ? 1 + b : 20 + b - 2);
    }
    snprintf(text + l, sizeof text - l, "HALT\n");
    hunt_make(&h, text, NULL, only);
    if (h.window.task.form.out_count == 1 &&
        h.window.task.form.node_count > 0) {
      r = hunt_enum(&h, 3, UINT64_C(1) << 40);
      naive = naive_cost(&h, 3); /* on tests that tell by now */
      by_cost[naive]++;
      UNIT_EQ(r.found ? r.patch.cost : 4, naive);
    }
    hunt_done(&h);
  }
  UNIT_TRUE(unit_scale(2) < 2 ||
                (by_cost[2] > 0 && by_cost[3] > 0 && by_cost[4] > 0),
            "of all lengths");
}

/* ---- tests that do not tell --------------------------------------------- */

/* Programs that differ on few inputs are told from the right ones. */
static void rare_differences_tell(void) {
  static const struct {
    const char *right, *wrong;  /* one row, R3 of R1 and R2 */
  } cases[] = {
      /* Differs where the difference wraps. */
      {HEAD "CMP_LT R3, R1, R2\nHALT\n",
       HEAD "SUB R3, R1, R2\nCMP_LT R3, R3, R0\nHALT\n"},
      /* On one input of 2^32. */
      {HEAD "ABS R3, R1\nHALT\n",
       HEAD "MOVI16 R4, 1\nSHLI R4, 31\nCMP_EQ R4, R4, R1\nABS R3, R1\n"
            "SUB R3, R3, R4\nHALT\n"},
      /* On equal inputs alone. */
      {HEAD "CMP_LT R3, R1, R2\nHALT\n",
       HEAD "CMP_GT R3, R1, R2\nMOVI R4, 1\nXOR R3, R3, R4\nHALT\n"},
      /* On one odd constant of 2^32. */
      {HEAD "MOVI16 R4, 30071\nSHLI R4, 15\nADDI16 R4, 12345\n"
            "CMP_EQ R3, R1, R4\nHALT\n", HEAD "MOVI R3, 0\nHALT\n"}};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct hunt right, wrong;
    struct fse_enum_result r;
    struct fse_point counter;
    hunt_make(&right, cases[i].right, NULL, NULL);
    hunt_make(&wrong, cases[i].wrong, NULL, NULL);
    r = hunt_enum(&right, 4, UINT64_C(1) << 22);
    UNIT_TRUE(r.found || i == 3, "case %u", i);
    if (i == 3) {
      memset(&r.patch, 0, sizeof r.patch);
      r.patch.count = 1;
      r.patch.insn[0].row = fisa_row_by_name(right.rig.dialect, "MOVI", 4);
      r.patch.insn[0].value[0] = right.window.task.out_role[0];
      r.patch.in_role[0] = right.window.task.in_role[0];
      r.patch.out_role[0] = right.window.task.out_role[0];
      UNIT_TRUE(!fse_tests_agree(&right.tests, right.menu, &r.patch,
                                 FSE_PROVING_STATES, &counter), "refused");
      UNIT_EQ(counter.in[0], (30071 << 15) + 12345);
    } else if (wrong.window.task.form.in_count ==
               right.window.task.form.in_count) {
      /* The cheapest for the right one is no answer for the wrong. */
      UNIT_TRUE(!fse_tests_agree(&wrong.tests, wrong.menu, &r.patch,
                                 FSE_PROVING_STATES, &counter), "case %u", i);
    }
    hunt_done(&right);
    hunt_done(&wrong);
  }
}

/* What told once is kept, comes first, and stays. */
static void counters_stay(void) {
  struct hunt h;
  struct fse_point p = {{-7, 0, 0, 0}};
  hunt_make(&h, tricks[0].text, NULL, NULL);
  UNIT_TRUE(fse_tests_add(&h.tests, &p), "a new one");
  UNIT_TRUE(!fse_tests_add(&h.tests, &p), "known already");
  UNIT_EQ(h.tests.in[0].lane[0], -7);
  UNIT_EQ(h.tests.out[0].lane[0], -7 & -8);
  for (int32_t i = 0; i < (int32_t)FSE_COUNTERS_MAX + 50; i++) {
    p.in[0] = 1000 + i;
    UNIT_TRUE(fse_tests_add(&h.tests, &p), "%d", i);
  }
  UNIT_EQ(h.tests.counter_count, FSE_COUNTERS_MAX);
  UNIT_EQ(h.tests.in[0].lane[0], 1000 + (int32_t)FSE_COUNTERS_MAX + 49);
  hunt_done(&h);
}

/* ---- walks -------------------------------------------------------------- */

static struct fse_walk_result walk(struct hunt *h, uint32_t rows,
                                   uint64_t work) {
  struct fse_walk_result out;
  struct fse_walk_request q = {.task = &h->window.task, .menu = h->menu,
                               .tests = &h->tests, .rows = rows, .cost = rows,
                               .seed = 1, .work = work};
  CU_ASSERT_FATAL(fse_walk_run(&q, &out) == 0);
  return out;
}

/* The same rows, of tables that may lie in different places. */
static bool same_patch(const struct fse_patch *a, const struct fse_patch *b) {
  bool same = a->count == b->count && a->cost == b->cost &&
              memcmp(a->in_role, b->in_role, sizeof a->in_role) == 0 &&
              memcmp(a->out_role, b->out_role, sizeof a->out_role) == 0;
  for (unsigned i = 0; same && i < a->count; i++)
    same = a->insn[i].row->opcode == b->insn[i].row->opcode &&
           memcmp(a->insn[i].value, b->insn[i].value,
                  sizeof a->insn[i].value) == 0;
  return same;
}

static void walks_find(void) {
  static const unsigned which[] = {0, 5};
  for (unsigned i = 0; i < unit_scale(2); i++) {
    struct hunt h, other;
    struct fse_walk_result r, again;
    hunt_make(&h, tricks[which[i]].text, NULL, window_plain_ops);
    hunt_make(&other, tricks[which[i]].text, NULL, window_plain_ops);
    r = walk(&h, 6, 2000000);
    UNIT_TRUE(r.found, "trick %u", which[i]);
    UNIT_TRUE(r.patch.cost <= 6 && hunt_holds(&h, &r.patch, 20000),
              "and right");
    again = walk(&other, 6, 2000000);
    UNIT_EQ(again.work, r.work);
    UNIT_TRUE(same_patch(&again.patch, &r.patch), "the same again");
    again = walk(&other, 6, 1000);
    UNIT_TRUE(again.work <= 1000, "limits hold");
    hunt_done(&h);
    hunt_done(&other);
  }
}

/* Any processor walks the same way. */
static void walks_are_the_same_anywhere(void) {
  struct hunt h, plain;
  struct fse_walk_result r, other;
  hunt_make(&h, tricks[5].text, NULL, window_plain_ops);
  hunt_make(&plain, tricks[5].text, NULL, window_plain_ops);
  plain.menu->kernels = fse_kernels_plain();
  r = walk(&h, 6, 200000);
  other = walk(&plain, 6, 200000);
  UNIT_EQ(other.work, r.work);
  UNIT_EQ(other.kept, r.kept);
  UNIT_EQ(other.found, r.found);
  UNIT_TRUE(same_patch(&other.patch, &r.patch), "the same patch");
  hunt_done(&h);
  hunt_done(&plain);
}

/* Rows that overwrite what they read, constants in rows, several results, some
 * of them anywhere, the zero register, rows of several steps. What is changed
 * many at a time must come to cost what it costs alone: see the assertion in
 * fse_walk_sweep. */
static void walks_go_anywhere(void) {
  static const char *const texts[] = {
      ".dialect classic\n.in R1\n.out R2\n"
      "MOV R2, R1\nMOVI R3, 1\nISUB R2, R3\nIAND R2, R1\nHALT\n",
      HEAD ".out R4\nADD R3, R1, R2\nSUB R4, R1, R2\nXOR R3, R3, R4\n"
           "HALT\n",
      HEAD "STOREI R1, R0, 0x100\nLOADI R5, R0, 0x100\nSUB R6, R0, R5\n"
           "STOREI R6, R0, 0x104\nAND R3, R5, R6\nSTOREI R3, R0, 0x108\n"
           "HALT\n",
      HEAD "ABS R4, R1\nMAX R3, R4, R2\nBITCOUNT R3\nHALT\n"};
  unsigned found = 0;
  for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
    for (uint64_t n = 1; n <= 2; n++) {
      struct hunt h;
      hunt_make(&h, texts[i], NULL, NULL);
      struct fse_walk_result r = walk(&h, 5, unit_scale(400000) * n);
      if (r.found) {
        UNIT_TRUE(hunt_holds(&h, &r.patch, 5000), "text %u", i);
        found++;
      }
      UNIT_TRUE(r.kept <= r.work && r.work > 0, "text %u", i);
      hunt_done(&h);
    }
  UNIT_TRUE(found >= unit_scale(4), "%u found", found);
}

/* ---- all windows -------------------------------------------------------- */

static const char plain_o0[] = HEAD
    "STOREI R1, R0, 0x100\nLOADI R10, R0, 0x100\nNOT R10\n"
    "STOREI R10, R0, 0x104\nMOVI R10, 1\nSTOREI R10, R0, 0x108\n"
    "LOADI R10, R0, 0x100\nLOADI R11, R0, 0x108\nADD R10, R10, R11\n"
    "STOREI R10, R0, 0x10C\nLOADI R10, R0, 0x104\nLOADI R11, R0, 0x10C\n"
    "AND R10, R10, R11\nSTOREI R10, R0, 0x110\nLOADI R10, R0, 0x110\n"
    "MOV R3, R10\nHALT\n";

static struct fse_windows search_all(struct window_rig *r, struct fse_book *b,
                                     uint32_t threads) {
  struct fse_windows out;
  struct fse_windows_request q = {.view = &r->view, .book = b, .seed = 1,
                                  .threads = threads, .work = 4000000};
  CU_ASSERT_FATAL(fse_windows_search(&q, &out) == 0);
  return out;
}

static void threads_make_no_difference(void) {
  struct window_rig r;
  struct fse_book *b[2] = {fse_book_new(), fse_book_new()};
  struct fse_windows w[2], again;
  window_rig_make(&r, plain_o0, NULL, NULL);
  w[0] = search_all(&r, b[0], 1);
  w[1] = search_all(&r, b[1], 3);
  UNIT_EQ(w[0].work, w[1].work);
  UNIT_EQ(w[0].count, w[1].count);
  UNIT_TRUE(w[0].count > 0, "finds");
  for (uint32_t i = 0; i < w[0].count; i++) {
    UNIT_EQ(w[0].finds[i].window.first, w[1].finds[i].window.first);
    UNIT_TRUE(same_patch(&w[0].finds[i].patch, &w[1].finds[i].patch),
              "find %u", i);
  }
  for (uint32_t i = 0; i < w[0].count; i++)
    UNIT_TRUE(w[0].finds[i].patch.cost + w[0].finds[i].window.frame <
                  w[0].finds[i].window.cost, "find %u saves", i);
  /* What was found costs nothing again. */
  again = search_all(&r, b[0], 1);
  UNIT_TRUE(again.count >= w[0].count, "no less");
  UNIT_TRUE(fse_book_count(b[0]) > 5, "many tasks");
  fse_windows_done(&again);
  for (unsigned i = 0; i < 2; i++) {
    fse_windows_done(&w[i]);
    fse_book_free(b[i]);
  }
  window_rig_done(&r);
}

/* A find that is wrong somewhere is none any more, and the input is kept. */
static void refuted_finds_teach(void) {
  struct window_rig r;
  struct fse_book *b = fse_book_new();
  struct fse_windows w, again;
  struct fse_find f;
  const struct fse_point points[] = {{{5}}, {{6}}, {{-1}}};
  window_rig_make(&r, plain_o0, NULL, NULL);
  w = search_all(&r, b, 1);
  CU_ASSERT_FATAL(w.count > 0);
  f = w.finds[0];
  UNIT_EQ(fse_book_refute(b, r.lexicon, &f, points, 3), 0);
  /* As if another had been found: the last row is gone. */
  f.patch.insn[f.patch.count - 1].row = fisa_row_by_name(r.dialect, "OR", 2);
  UNIT_TRUE(fse_book_refute(b, r.lexicon, &f, points, 3) > 0, "told");
  again = search_all(&r, b, 1);
  UNIT_TRUE(again.count > 0, "found anew");
  UNIT_TRUE(again.finds[0].patch.cost >= w.finds[0].patch.cost, "as cheap");
  fse_windows_done(&w);
  fse_windows_done(&again);
  fse_book_free(b);
  window_rig_done(&r);
}

/* From the form a compiler emits to the shortest, through the whole search. */
static void programs_become_shortest(void) {
  struct window_rig r;
  struct fse_search_result out[2];
  struct fisa_error err = {""};
  window_rig_make(&r, plain_o0, NULL, window_plain_ops);
  for (unsigned i = 0; i < 2; i++) {
    struct fse_search_request q = {.root = r.program, .parent = r.program,
                                   .set = r.set, .policy = r.policy, .seed = 1,
                                   .assurance = FSE_ASSURE_REPLAY,
                                   .threads = i == 0 ? 1 : 3, .budget = 500,
                                   .deep = true};
    CU_ASSERT_FATAL(fse_search(&q, &out[i], &err) == 0);
    UNIT_TRUE(out[i].improved, "improved");
    UNIT_EQ(out[i].cost_after, 4);
  }
  UNIT_EQ(out[0].variants, out[1].variants);
  UNIT_TRUE(out[0].improved && out[1].improved &&
                memcmp(out[0].best->hash, out[1].best->hash, 32) == 0,
            "the same with any number of threads");
  fse_search_result_done(&out[0]);
  fse_search_result_done(&out[1]);
  window_rig_done(&r);
}

/* The search of windows ends soon after it is told to. */
static bool at_once(void *user) {
  (*(unsigned *)user)++;
  return true;
}

static void stops_are_heard(void) {
  struct window_rig r;
  struct fse_book *b = fse_book_new();
  struct fse_windows w;
  unsigned asked = 0;
  window_rig_make(&r, plain_o0, NULL, NULL);
  struct fse_windows_request q = {.view = &r.view, .book = b, .seed = 1,
                                  .threads = 1, .work = UINT64_C(1) << 50,
                                  .stop = at_once, .user = &asked};
  CU_ASSERT_FATAL(fse_windows_search(&q, &w) == 0);
  UNIT_TRUE(asked > 0, "asked");
  UNIT_EQ(w.work, 0);
  UNIT_EQ(w.count, 0);
  fse_windows_done(&w);
  fse_book_free(b);
  window_rig_done(&r);
}

/* Told to end after some questions: what was found by then is handed out, and
 * it has what was asked for. */
struct patience {
  unsigned asked, most;
};

static int lose_patience(uint64_t variants, double now, double best,
                         void *user) {
  struct patience *p = user;
  (void)variants, (void)now, (void)best;
  return ++p->asked > p->most;
}

static void best_is_always_ready(void) {
  struct window_rig r;
  struct fisa_error err = {""};
  double last = 1e9;
  window_rig_make(&r, plain_o0, NULL, window_plain_ops);
  r.policy->fuzz_states = 256;
  for (unsigned most = 0; most <= 64; most = 8 * most + 7) {
    struct patience patience = {0, most};
    struct fse_search_result out;
    struct fse_search_request q = {.root = r.program, .parent = r.program,
                                   .set = r.set, .policy = r.policy, .seed = 1,
                                   .assurance = FSE_ASSURE_FUZZ, .threads = 1,
                                   .budget = 1000, .deep = true,
                                   .progress = lose_patience,
                                   .user = &patience};
    CU_ASSERT_FATAL(fse_search(&q, &out, &err) == 0);
    UNIT_TRUE(out.improved, "after %u", most);
    UNIT_TRUE(out.assurance >= FSE_ASSURE_FUZZ, "assured");
    UNIT_TRUE(out.cost_after <= last, "%g, later %g", last, out.cost_after);
    last = out.cost_after;
    fse_search_result_done(&out);
  }
  UNIT_EQ(last, 4);
  window_rig_done(&r);
}

/* What a book has the answer to is not searched for again. */
static void books_are_read_again(void) {
  struct window_rig r;
  struct fse_book *b = fse_book_new();
  struct fse_windows w;
  unsigned searches = 0;
  bool more;
  window_rig_make(&r, plain_o0, NULL, window_plain_ops);
  struct fse_windows_request q = {.view = &r.view, .book = b, .seed = 1,
                                  .threads = 1, .shallow = true,
                                  .work = UINT64_C(1) << 40};
  do {
    CU_ASSERT_FATAL(fse_windows_search(&q, &w) == 0);
    UNIT_TRUE(w.count > 0, "finds");
    more = w.work > 0;
    fse_windows_done(&w);
    searches++;
  } while (more && searches < 10);
  UNIT_TRUE(searches > 1 && searches < 10, "%u searches", searches);
  fse_book_free(b);
  window_rig_done(&r);
}

static const struct unit_test tests[] = {
    {"enum", "shortest_are_found", shortest_are_found},
    {"enum", "limits_hold", limits_hold},
    {"enum", "kept_registers", kept_registers},
    {"enum", "long_ones_are_found", long_ones_are_found},
    {"enum", "orders_are_found", orders_are_found},
    {"enum", "ends_lose_nothing", ends_lose_nothing},
    {"tests", "rare_differences_tell", rare_differences_tell},
    {"tests", "counters_stay", counters_stay},
    {"walk", "walks_find", walks_find},
    {"walk", "walks_are_the_same", walks_are_the_same_anywhere},
    {"walk", "walks_go_anywhere", walks_go_anywhere},
    {"book", "threads_make_no_difference", threads_make_no_difference},
    {"book", "refuted_finds_teach", refuted_finds_teach},
    {"book", "stops_are_heard", stops_are_heard},
    {"book", "books_are_read_again", books_are_read_again},
    {"search", "best_is_always_ready", best_is_always_ready},
    {"search", "programs_become_shortest", programs_become_shortest},
};
UNIT_MAIN(tests)
