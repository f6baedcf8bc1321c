/*
 * test_fold.c - FoldLoop: loops by rows that give the same; what is no such
 * loop; and what of a fold is told from the loop by trials alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/offline.h"
#include "plugin/window.h"
#include "plugin/window_tests.h"
#include "tests/isa_util.h"
#include "tests/kinds_rig.h"
#include "tests/unit.h"

/* ---- proposals ---------------------------------------------------------- */

/* R1..R8 of unified at the end of a task; false: it does not halt. */
static bool end_of(const struct fisa_program *p, int32_t in, int32_t other,
                   int32_t out[9]) {
  const struct fir_limits limits = {100000, true};
  struct fisa_state *s = fisa_state_new(p->dialect);
  struct fir_lane *lane = fir_lane_new();
  struct fir_program *ir = NULL;
  bool halts;
  CU_ASSERT_FATAL(s && lane && fir_lower(p, &ir, NULL) == 0);
  fisa_state_start(p, s);
  s->cells[fisa_reg_cell(p->dialect, 0, 1)] = in;
  s->cells[fisa_reg_cell(p->dialect, 0, 2)] = other;
  fir_run(ir, lane, s, NULL, limits);
  for (int i = 1; i < 9; i++)
    out[i] = s->cells[fisa_reg_cell(p->dialect, 0, i)];
  halts = s->status == FISA_RUN_HALT;
  fir_free(ir);
  fir_lane_free(lane);
  fisa_state_free(s);
  return halts;
}

/* The fold of a program that leaves the fewest rows, laid out; NULL: there is
 * none. */
static struct fisa_program *folded(struct rig *r) {
  uint32_t kind = kind_of("FoldLoop"), n = fse_kinds[kind].sites(&r->view);
  struct fisa_program *best = NULL;
  int32_t saved = INT32_MIN;
  for (uint32_t i = 0; i < n; i++) {
    struct fse_proposal p;
    struct fse_child c;
    if (!propose(r, kind, i, &c, &p)) continue;
    if (p.value - (int32_t)p.way > saved) {
      saved = p.value - (int32_t)p.way;
      fisa_program_free(best);
      best = fisa_program_derive(r->p, c.program->code, c.program->size,
                                 c.program->entry, 0);
    }
    fse_child_done(&c);
  }
  return best;
}

/* A program whose loop is folded, to `rows` instructions at most, HALT
 * included; R3 is then the same for R1 = from..to, with some R2. */
static void folds(const char *text, uint32_t rows, int32_t from, int32_t to) {
  struct rig r;
  struct fisa_program *child;
  struct fisa_facts *facts = NULL;
  rig_text(&r, text);
  child = folded(&r);
  if (!UNIT_TRUE(child != NULL, "is not folded:\n%s", text)) {
    rig_done(&r);
    return;
  }
  UNIT_EQ(fisa_facts_make(child, &facts, NULL), 0);
  UNIT_TRUE(facts->count <= rows, "%u instructions of\n%s", facts->count,
            text);
  for (int32_t n = from; n <= to; n++) {
    int32_t want[9], have[9];
    CU_ASSERT(end_of(r.p, n, 3 * n - 7, want));
    CU_ASSERT(end_of(child, n, 3 * n - 7, have));
    UNIT_TRUE(want[3] == have[3], "%d: %d, not %d", n, have[3], want[3]);
  }
  fisa_facts_free(facts);
  fisa_program_free(child);
  rig_done(&r);
}

/* No site of the kind proposes anything. */
static void stays(const char *text) {
  struct rig r;
  struct fisa_program *child;
  rig_text(&r, text);
  child = folded(&r);
  UNIT_TRUE(child == NULL, "is folded:\n%s", text);
  fisa_program_free(child);
  rig_done(&r);
}

/* ---- what is folded ----------------------------------------------------- */

static void sums(void) {
  /* n + ... + 1, counted down by LOOP. */
  folds(".in R1 0..40\n.out R3\nMOVI R3, 0\nt: ADD R3, R3, R1\n"
        "LOOP R1, t\nHALT\n",
        4, 0, 40);
  /* ... and counted up, tested at the end of a loop that is entered there. */
  folds(".in R1 1..40\n.out R3\nMOVI R3, 0\nMOVI R4, 1\nJMP x\n"
        "t: ADD R3, R3, R4\nINC R4\nx: CMP_GT R5, R4, R1\nJEQ R5, t\nHALT\n",
        4, 1, 40);
}

static void products(void) {
  folds(".in R1 1..300\n.out R3\nMOVI R3, 0\nt: ADDI R3, 5\nDEC R1\n"
        "JNE R1, t\nHALT\n",
        4, 1, 300);
  /* Of what only the loop knows the end. */
  folds(".in R1 1..30\n.in R2\n.out R3\nMOVI R3, 0\nt: ADD R3, R3, R2\n"
        "DEC R1\nJNE R1, t\nHALT\n",
        2, 1, 30);
}

/* What goes in does not matter, or nothing goes in. */
static void constants(void) {
  folds(".out R3\nMOVI R3, 0\nMOVI R4, 10\nt: ADDI R3, 7\nDEC R4\n"
        "JNE R4, t\nHALT\n",
        2, 0, 3);
  folds(".in R1 1..90\n.out R3\nMOV R3, R1\nt: DEC R3\nJNE R3, t\nHALT\n", 2,
        1, 90);
}

/* Registers that are read behind the loop are what they were. */
static void all_results(void) {
  struct rig r;
  struct fisa_program *child;
  rig_text(&r, ".in R1 1..40\n.out R3\n.out R4\n.out R1\nMOVI R3, 0\n"
               "MOV R4, R1\nt: ADD R3, R3, R1\nDEC R4\nJNE R4, t\nHALT\n");
  child = folded(&r);
  if (UNIT_TRUE(child != NULL, "three results"))
    for (int32_t n = 1; n <= 40; n++) {
      int32_t want[9], have[9];
      CU_ASSERT(end_of(r.p, n, 0, want) && end_of(child, n, 0, have));
      UNIT_TRUE(want[1] == have[1] && want[3] == have[3] &&
                    want[4] == have[4],
                "%d: %d %d %d", n, have[1], have[3], have[4]);
    }
  fisa_program_free(child);
  rig_done(&r);
}

/* By flags and two-operand rows as well. */
static void other_dialects(void) {
  struct fisa_dialect *d = NULL;
  struct rig r;
  struct fisa_program *child;
  UNIT_EQ(fisa_dialect_builtin("classic", true, &d, NULL), 0);
  rig_text_in(&r, d, ".in R1 1..60\n.out R2\nMOVI R2, 0\nMOVI R3, 1\n"
                     "t: IADD R2, R3\nINC R2\nDEC R1\nJNZ R1, t\nHALT\n");
  child = folded(&r);
  if (UNIT_TRUE(child != NULL, "classic"))
    UNIT_TRUE(child->size < r.p->size, "%u bytes of %u", child->size,
              r.p->size);
  fisa_program_free(child);
  rig_done(&r);
  fisa_dialect_free(d);
}

/* ---- what is not -------------------------------------------------------- */

static void more_than_computing(void) {
  /* It gives or takes something. */
  stays(".in R1 1..9\n.out R3\nt: INC R3\nTELL R3, R3, R3\nDEC R1\n"
        "JNE R1, t\nHALT\n");
  stays(".in R1 1..9\n.out R3\nt: SENSE R3\nDEC R1\nJNE R1, t\nHALT\n");
  stays(".in R1 1..9\n.out mem 0x80 4\nMOVI R3, 0\nt: INC R3\n"
        "STOREI R3, R0, 0x80\nDEC R1\nJNE R1, t\nHALT\n");
  stays(".in R1 1..9\n.in mem 0x80 4\n.out R3\nMOVI R3, 0\n"
        "t: LOADI R4, R0, 0x80\nADD R3, R3, R4\nDEC R1\nJNE R1, t\nHALT\n");
  /* It may fault. */
  stays(".in R1 1..9\n.in R2\n.out R3\nMOVI16 R3, 900\nt: DIV R3, R3, R2\n"
        "DEC R1\nJNE R1, t\nHALT\n");
}

/* No few rows give it. */
static void no_closed_form(void) {
  stays(".in R1 1..40\n.in R2\n.out R3\nMOV R3, R2\nt: MUL R3, R3, R3\n"
        "ADD R3, R3, R1\nDEC R1\nJNE R1, t\nHALT\n");
}

/* Entered in the middle, or left for elsewhere. */
static void other_ways(void) {
  stays(".in R1 1..20\n.in R2 0..1\n.out R3\nMOVI R3, 0\nJNE R2, m\n"
        "MOVI R3, 9\nt: ADDI R3, 5\nm: DEC R1\nJNE R1, t\nHALT\n");
  stays(".in R1 1..20\n.out R3\nMOVI R3, 0\nt: ADDI R3, 5\n"
        "CMP_GT R4, R3, R1\nJNE R4, far\nDEC R1\nJNE R1, t\nHALT\n"
        "far: MOVI R3, 1\nHALT\n");
}

/* What takes too long shows nothing, nor do too few values. */
static void shows_nothing(void) {
  stays(".in R1 9000..9999\n.out R3\nMOVI R3, 0\nt: ADDI R3, 5\nDEC R1\n"
        "JNE R1, t\nHALT\n");
  stays(".in R1 1..1\n.out R3\nMOVI R3, 0\nt: ADD R3, R3, R1\nDEC R1\n"
        "JNE R1, t\nHALT\n");
}

/* ---- the whole search --------------------------------------------------- */

static void evolve(const char *text, double most, int32_t from, int32_t to) {
  struct fisa_program *root = isa_program(isa_unified(), text);
  struct fse_policy policy;
  struct fse_offline o = {.name = "fold", .program = root, .policy = &policy};
  struct fse_offline_result r;
  struct fisa_error err = {""};
  fse_policy_init(&policy);
  for (uint32_t k = 0; k < fse_kind_count; k++)
    policy.weight[k] = k == kind_of("FoldLoop");
  policy.budget = 60;
  CU_ASSERT_FATAL(root != NULL);
  UNIT_TRUE(fse_offline_run(&o, &r, &err) == 0, "%s", err.text);
  UNIT_TRUE(r.cycles_after <= most, "%.1f of %.1f: %s", r.cycles_after,
            r.cycles_before, r.reason);
  UNIT_TRUE(r.assurance <= FSE_ASSURE_FUZZ, "a loop was proved");
  for (int32_t n = from; n <= to; n++) {
    int32_t want[9], have[9];
    CU_ASSERT(end_of(root, n, 0, want) && end_of(r.best, n, 0, have));
    UNIT_TRUE(want[3] == have[3], "%d: %d, not %d", n, have[3], want[3]);
  }
  fse_offline_result_done(&r);
  fisa_program_free(root);
}

static void is_accepted(void) {
  evolve(".in R1 0..40\n.out R3\nMOVI R3, 0\nt: ADD R3, R3, R1\n"
         "LOOP R1, t\nHALT\n",
         4, 0, 40);
}

/* A value that few states have goes another way: whoever saw five of them
 * does not know, the fuzzing does. */
static void is_refuted(void) {
  evolve(".in R1 1..400\n.out R3\nMOVI R3, 0\nMOV R5, R1\n"
         "t: ADDI R3, 5\nDEC R1\nJNE R1, t\n"
         "MOVI16 R6, 137\nCMP_EQ R4, R5, R6\nADD R3, R3, R4\nHALT\n",
         1000, 1, 400);
  evolve(".in R1 1..400\n.out R3\nMOVI R3, 0\nMOVI16 R6, 137\n"
         "t: ADDI R3, 5\nCMP_EQ R4, R1, R6\nADD R3, R3, R4\nDEC R1\n"
         "JNE R1, t\nHALT\n",
         3000, 1, 400);
  evolve(".in R1 1..800\n.out R3\nMOVI R3, 0\nMOVI16 R6, 137\n"
         "MOV R5, R1\nt: ADDI R3, 5\nCMP_EQ R4, R5, R6\nADD R3, R3, R4\n"
         "DEC R1\nJNE R1, t\nHALT\n",
         6000, 1, 800);
}

/* ---- its parts ---------------------------------------------------------- */

/* Inputs, results and constants of a region. */
static void regions(void) {
  struct rig r;
  struct fse_window w;
  rig_text(&r, ".in R1 1..40\n.in R2\n.out R3\n.out R2\nMOVI R3, 17\n"
               "t: ADD R3, R3, R2\nDEC R1\nJNE R1, t\nHALT\n");
  UNIT_EQ(fse_window_region(&r.view, 0, 4, &w), 0);
  UNIT_EQ(w.task.form.in_count, 2);
  UNIT_EQ(w.task.form.out_count, 1);
  UNIT_EQ(w.task.form.node_count, 0);
  UNIT_EQ(w.reg[w.task.in_role[0]].byte, 1);
  UNIT_EQ(w.reg[w.task.in_role[1]].byte, 2);
  UNIT_EQ(w.reg[w.task.out_role[0]].byte, 3);
  UNIT_TRUE(!w.task.in_kept[0] && w.task.in_kept[1], "R2 is read behind it");
  UNIT_EQ(w.task.form.const_count, 1);
  UNIT_EQ(w.task.form.constant[0], 17);
  UNIT_EQ(w.length, 4);
  rig_done(&r);
  /* R4 is written on one way and stays on the other. */
  rig_text(&r, ".in R1 1..40\n.in R4\n.out R4\nt: CMP_GT R5, R1, R4\n"
               "JEQ R5, s\nMOVI R4, 3\ns: DEC R1\nJNE R1, t\nHALT\n");
  UNIT_EQ(fse_window_region(&r.view, 0, 5, &w), 0);
  UNIT_EQ(w.task.form.in_count, 2);
  UNIT_EQ(w.task.in_role[1], w.task.out_role[0]);
  rig_done(&r);
  /* Five go in. */
  rig_text(&r, ".in R1\n.in R2\n.in R3\n.in R4\n.in R5\n.out R1\n"
               "t: ADD R1, R1, R2\nADD R1, R1, R3\nADD R1, R1, R4\n"
               "DEC R5\nJNE R5, t\nHALT\n");
  UNIT_EQ(fse_window_region(&r.view, 0, 5, &w), -1);
  rig_done(&r);
}

/* Tests of what was seen: no others are made, and a wrong patch is told by
 * one of them. */
static void seen_tests(void) {
  static struct fse_point point[20];
  static int32_t out[20][FSE_WINDOW_OUTS];
  struct fse_seen seen = {20, point, out};
  struct fse_tests *t = fse_column_alloc(sizeof *t);
  struct fse_point counter;
  struct fse_patch patch = {.count = 0};
  struct fse_window w;
  struct fse_menu *m;
  struct rig r;
  rig_text(&r, ".in R1 1..40\n.out R1\nt: DEC R1\nJNE R1, t\nHALT\n");
  UNIT_EQ(fse_window_region(&r.view, 0, 2, &w), 0);
  m = fse_menu_new(r.lexicon, &w.task);
  CU_ASSERT_FATAL(t != NULL && m != NULL);
  for (int32_t i = 0; i < 20; i++) {
    point[i].in[0] = 3 * i;
    out[i][0] = i == 13 ? 1 : 3 * i;
  }
  t->seen = &seen;
  fse_tests_make(t, &w.task, 1);
  for (unsigned lane = 0; lane < FSE_LANES; lane++) {
    int32_t x = t->in[0].lane[lane];
    UNIT_TRUE(x % 3 == 0 && x >= 0 && x < 60, "%d was not seen", x);
    UNIT_EQ(t->out[0].lane[lane], x == 39 ? 1 : x);
  }
  /* Nothing at all: right but for one point. */
  patch.in_role[0] = patch.out_role[0] = w.task.in_role[0];
  UNIT_TRUE(!fse_tests_agree(t, m, &patch, 64, &counter), "it is wrong");
  UNIT_EQ(counter.in[0], 39);
  UNIT_TRUE(fse_tests_add(t, &counter), "it joins");
  UNIT_EQ(t->in[0].lane[0], 39);
  UNIT_EQ(t->out[0].lane[0], 1);
  out[13][0] = 39;
  fse_tests_make(t, &w.task, 1);
  UNIT_TRUE(fse_tests_agree(t, m, &patch, 64, &counter), "it is right");
  fse_menu_free(m);
  free(t);
  rig_done(&r);
}

static const struct unit_test tests[] = {
    {"folds", "sums", sums},
    {"folds", "products", products},
    {"folds", "constants", constants},
    {"folds", "all results", all_results},
    {"folds", "other dialects", other_dialects},
    {"stays", "more than computing", more_than_computing},
    {"stays", "no closed form", no_closed_form},
    {"stays", "other ways", other_ways},
    {"stays", "shows nothing", shows_nothing},
    {"search", "is accepted", is_accepted},
    {"search", "is refuted", is_refuted},
    {"parts", "regions", regions},
    {"parts", "seen tests", seen_tests},
};

UNIT_MAIN(tests)
