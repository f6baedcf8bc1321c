/*
 * test_kinds.c - the mutation table: each kind shows its edit on a program of
 * a few lines, and none of them does harm to a draft.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/candidate.h"
#include "tests/isa_util.h"
#include "tests/kinds_rig.h"
#include "tests/unit.h"

#define EPISODES 12u  /* as the rig has */

/* ---- each kind ---------------------------------------------------------- */

static void optimize_opcode(void) {
  /* A result that is always the same. */
  shows("OptimizeOpcode",
        ".out R3\nMOVI R1, 2\nMOVI R2, 3\nADD R3, R1, R2\nHALT\n",
        "MOVI R3, 5\nHALT\n");
  /* A result that another register has. */
  shows("OptimizeOpcode",
        ".in R1\n.out R3\nMOVI R2, 0\nADD R3, R1, R2\nHALT\n",
        "MOV R3, R1\nHALT\n");
  /* An operand that is a constant, as an immediate. */
  shows("OptimizeOpcode",
        ".in R1 0..9\n.out R1\nMOVI R2, 4\nADD R1, R1, R2\nHALT\n",
        "ADDI R1, 4\nHALT\n");
  shows("OptimizeOpcode",
        ".in R1 0..9\n.out R1\nMOVI R2, 4\nSUB R1, R1, R2\nHALT\n",
        "SUBI R1, 4\nHALT\n");
  shows("OptimizeOpcode",
        ".in R1 0..9\n.out R1\nMOVI R2, 1\nADD R1, R1, R2\nHALT\n",
        "INC R1\nHALT\n");
  /* Never the result of something that others see. */
  never("OptimizeOpcode", ".out R3\nSENSE R3\nHALT\n", "MOVI R3, 0\nHALT\n");
}

static void remove_dead(void) {
  shows("RemoveDead", ".in R1\n.out R1\nMOVI R2, 3\nHALT\n", "HALT\n");
  shows("RemoveDead",
        ".in R1\n.out R1\n.scratch mem 0x100 4\nSTOREI R1, R0, 0x100\nHALT\n",
        "HALT\n");
  /* What others see is removed by no proposal that passes: but proposed. */
  never("RemoveDead", ".out R1\nDBG R1\nHALT\n", "HALT\n");
}

static void nops(void) {
  struct rig r;
  shows("RemoveNOP", ".out R1\nMOVI R1, 1\nNOP\nHALT\n",
        "MOVI R1, 1\nHALT\n");
  rig_text(&r, ".out R1\nMOVI R1, 1\nHALT\n");
  uint32_t kind = kind_of("InsertNOP");
  UNIT_EQ(fse_kinds[kind].sites(&r.view), 0);
  UNIT_TRUE(fse_kinds[kind].random != NULL, "random only");
  for (uint64_t i = 0; i < 20; i++) {
    struct fse_proposal p = {0};
    struct fse_child c;
    UNIT_EQ(fse_draft_assign(r.work, r.draft), 0);
    UNIT_EQ(fse_kinds[kind].random(&r.view, 1, 2, i, r.work, &p), 0);
    UNIT_EQ(fse_draft_finish(r.work, FISA_MAX_CODE, &c, NULL), 0);
    UNIT_EQ(c.program->size, r.p->size + 1);
    fse_child_done(&c);
  }
  rig_done(&r);
}

static void patch_jump(void) {
  /* To the next. */
  shows("PatchJump", ".out R1\nMOVI R1, 1\nJMP A\nA: HALT\n",
        "MOVI R1, 1\nHALT\n");
  /* To a jump. */
  shows("PatchJump",
        ".in R1\n.out R2\nJEQ R1, A\nMOVI R2, 1\nHALT\nA: JMP B\n"
        "B: MOVI R2, 2\nHALT\n",
        "JEQ R1, B\nMOVI R2, 1\nHALT\nB: MOVI R2, 2\nHALT\n");
  /* Over a jump. */
  shows("PatchJump",
        ".in R1\n.out R2\nJEQ R1, A\nJMP B\nA: MOVI R2, 1\nB: HALT\n",
        "JNE R1, B\nMOVI R2, 1\nB: HALT\n");
  /* The test of a loop at its end. */
  shows("PatchJump",
        ".in R1 0..9\n.out R2\nA: JEQ R1, B\nADD R2, R2, R1\nDEC R1\nJMP A\n"
        "B: HALT\n",
        "JEQ R1, B\nA: ADD R2, R2, R1\nDEC R1\nJNE R1, A\nB: HALT\n");
}

static void replace_sequence(void) {
  /* Count and branch in one. */
  shows("ReplaceSequence",
        ".in R1 1..9\n.out R2\nA: ADD R2, R2, R1\nDEC R1\nJNE R1, A\nHALT\n",
        "A: ADD R2, R2, R1\nLOOP R1, A\nHALT\n");
  /* Compare with 0 and branch. */
  shows("ReplaceSequence",
        ".in R1\n.out R2\nMOVI R3, 0\nCMP_GT R4, R1, R3\nJEQ R4, A\n"
        "MOVI R2, 1\nA: HALT\n",
        "JLE R1, A\nMOVI R2, 1\nA: HALT\n");
  shows("ReplaceSequence",
        ".in R1\n.out R2\nMOVI R3, 0\nCMP_LT R4, R1, R3\nJEQ R4, A\n"
        "MOVI R2, 1\nA: HALT\n",
        "JGE R1, A\nMOVI R2, 1\nA: HALT\n");
  /* A copy and its use. */
  shows("ReplaceSequence",
        ".in R1\n.in R2\n.out R3\nMOV R3, R1\nADD R3, R3, R2\nHALT\n",
        "ADD R3, R1, R2\nHALT\n");
  /* Made where it is wanted. */
  shows("ReplaceSequence",
        ".in R1\n.in R2\n.out R3\nADD R4, R1, R2\nMOV R3, R4\nHALT\n",
        "ADD R3, R1, R2\nHALT\n");
  /* Two constants in one. */
  shows("ReplaceSequence",
        ".in R1\n.out R1\nADDI R1, 3\nSUBI R1, 5\nHALT\n",
        "ADDI R1, -2\nHALT\n");
}

static void forward_value(void) {
  shows("ForwardValue",
        ".in R1\n.in R2\n.out R3\nMOV R4, R1\nINC R5\nADD R3, R4, R2\nHALT\n",
        "ADD R3, R1, R2\nHALT\n");
  /* Not the value of a register that is overwritten before the use. */
  never("ForwardValue",
        ".in R1\n.out R3\nSENSE R4\nSENSE R3\nHALT\n",
        "SENSE R3\nSENSE R3\nHALT\n");
}

static void promote_slot(void) {
  shows("PromoteSlot",
        ".in R1\n.out R3\n.scratch mem 0x100 4\nSTOREI R1, R0, 0x100\n"
        "LOADI R3, R0, 0x100\nINC R3\nHALT\n",
        "MOV R63, R1\nMOV R3, R63\nINC R3\nHALT\n");
  /* A slot that is an input or is seen stays: proposals are one thing,
   * sites that have no constant address are none. */
  never("PromoteSlot",
        ".in R1 0..60\n.out R3\n.scratch mem 0 256\nSTOREI R1, R1, 0\n"
        "LOADI R3, R1, 0\nHALT\n",
        "MOV R63, R1\nMOV R3, R63\nHALT\n");
}

static void hoist_constant(void) {
  shows("HoistConstant",
        ".in R1 1..9\n.out R2\nA: MOVI R3, 7\nADD R2, R2, R3\nDEC R1\n"
        "JNE R1, A\nHALT\n",
        ".entry E\nE: MOVI R63, 7\nA: ADD R2, R2, R63\nDEC R1\nJNE R1, A\n"
        "HALT\n");
  /* A copy changed by a constant: the constant in a register of its own. */
  shows("HoistConstant",
        ".in R1 1..9\n.out R2\nNOP\nA: MOV R3, R1\nSHLI R3, 2\n"
        "ADD R2, R2, R3\nDEC R1\nJNE R1, A\nHALT\n",
        "MOVI R63, 2\nA: SHL R3, R1, R63\nADD R2, R2, R3\nDEC R1\n"
        "JNE R1, A\nHALT\n");
  /* What runs once has nothing to win. */
  never("HoistConstant",
        ".in R1\n.out R2\nMOVI R3, 7\nADD R2, R1, R3\nHALT\n",
        "MOVI R63, 7\nADD R2, R1, R63\nHALT\n");
}

/* ---- all kinds ---------------------------------------------------------- */

static void the_table(void) {
  UNIT_TRUE(fse_kind_count > 0 && fse_kind_count <= FSE_KINDS_MAX, "%u",
            fse_kind_count);
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    const struct fse_kind *kind = &fse_kinds[k];
    UNIT_TRUE(kind->name[0] && kind->summary[0], "kind %u", k);
    UNIT_TRUE(strcmp(kind->family, "preserving") == 0 ||
                  strcmp(kind->family, "tuning") == 0, "%s", kind->family);
    UNIT_TRUE(kind->available && kind->sites && kind->apply &&
                  kind->describe && kind->undo, "%s", kind->name);
    UNIT_EQ(fse_kind_preserves(k), strcmp(kind->family, "preserving") == 0);
    for (uint32_t i = 0; i < k; i++)
      UNIT_TRUE(strcmp(kind->name, fse_kinds[i].name) != 0, "%s twice",
                kind->name);
  }
}

/* A dialect without the rows says so. */
static void unavailable(void) {
  struct fse_policy policy;
  struct fse_lexicon *l;
  fse_policy_init(&policy);
  l = fse_lexicon_new(isa_bare(), &policy);
  CU_ASSERT_FATAL(l != NULL);
  UNIT_TRUE(fse_kinds[kind_of("InsertNOP")].available(l), "it has a NOP");
  fse_lexicon_free(l);
  snprintf(policy.deny[policy.deny_count++], FISA_MAX_NAME, "nop");
  l = fse_lexicon_new(isa_bare(), &policy);
  CU_ASSERT_FATAL(l != NULL);
  UNIT_TRUE(!fse_kinds[kind_of("InsertNOP")].available(l), "NOP is denied");
  fse_lexicon_free(l);
  fse_lexicon_free(NULL);
}

static const char *const samples[] = {
    "alarm", "average", "checksum", "crc8", "fibonacci", "gcd", "hash",
    "sort",  "sum",     "thermostat"};

/* Every site twice: the same child, or none both times. */
static void pure_functions(void) {
  for (unsigned i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct rig r;
    unsigned made = 0;
    rig_take(&r, isa_sample(samples[i]));
    for (uint32_t k = 0; k < fse_kind_count; k++) {
      uint32_t n = fse_kinds[k].sites(&r.view);
      for (uint32_t site = 0; site < n; site++) {
        struct fse_child a = {0}, b = {0};
        struct fse_proposal p, q;
        bool one = propose(&r, k, site, &a, &p);
        bool two = propose(&r, k, site, &b, &q);
        UNIT_EQ(one, two);
        UNIT_MEM_EQ(&p, &q, sizeof p);
        if (one && two) UNIT_MEM_EQ(a.program->hash, b.program->hash, 32);
        made += one;
        fse_child_done(&a);
        fse_child_done(&b);
      }
    }
    UNIT_TRUE(made > 20, "%s: %u proposals", samples[i], made);
    rig_done(&r);
  }
}

/* Random draws: (seed, round, index) alone decide. */
static void random_draws(void) {
  struct rig r;
  unsigned differ = 0;
  rig_take(&r, isa_sample("crc8"));
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    if (fse_kinds[k].random == NULL) continue;
    for (uint64_t i = 0; i < unit_scale(2000); i++) {
      struct fse_child c[2] = {{0}, {0}};
      int rc[2];
      for (int t = 0; t < 2; t++) {
        struct fse_proposal p = {0};
        UNIT_EQ(fse_draft_assign(r.work, r.draft), 0);
        rc[t] = fse_kinds[k].random(&r.view, 7, 8, i, r.work, &p);
        if (rc[t] == 0)
          rc[t] = fse_draft_finish(r.work, FISA_MAX_CODE, &c[t], NULL);
      }
      UNIT_EQ(rc[0], rc[1]);
      if (rc[0] == 0 && rc[1] == 0) {
        UNIT_MEM_EQ(c[0].program->hash, c[1].program->hash, 32);
        differ += memcmp(c[0].program->hash, r.p->hash, 32) != 0;
      }
      fse_child_done(&c[0]);
      fse_child_done(&c[1]);
    }
  }
  UNIT_TRUE(differ > 10, "%u differ", differ);
  rig_done(&r);
}

/* Hot sites first, each once, all of them there. */
static void sites_in_order(void) {
  struct rig r;
  struct fse_sites s;
  uint32_t total = 0;
  rig_take(&r, isa_sample("sum"));
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (fse_kind_preserves(k)) total += fse_kinds[k].sites(&r.view);
  UNIT_EQ(fse_sites_make(&r.view, &s), 0);
  UNIT_EQ(s.count, total);
  uint8_t *seen = calloc(FSE_KINDS_MAX, 4096);
  for (uint32_t i = 0; i < s.count; i++) {
    uint8_t *at = &seen[s.items[i].kind * 4096 + s.items[i].site];
    UNIT_EQ(*at, 0);
    *at = 1;
  }
  free(seen);
  fse_sites_done(&s);
  r.policy.weight[kind_of("RemoveDead")] = 0;
  UNIT_EQ(fse_sites_make(&r.view, &s), 0);
  UNIT_EQ(s.count, total - fse_kinds[kind_of("RemoveDead")].sites(&r.view));
  fse_sites_done(&s);
  r.policy.weight[kind_of("PatchJump")] = 100;
  UNIT_EQ(fse_sites_make(&r.view, &s), 0);
  UNIT_EQ(s.items[0].kind, kind_of("PatchJump"));
  fse_sites_done(&s);
  rig_done(&r);
}

/* ---- the profile -------------------------------------------------------- */

static void profile(void) {
  struct rig r;
  rig_text(&r, ".in R1 5..5\n.in R2 7..9\n.out R3\nA: ADD R3, R3, R1\n"
               "DEC R1\nJNE R1, A\nMOV R4, R2\nJNE R2, B\nINC R9\n"
               "B: HALT\n");
  UNIT_EQ(fse_profile_count(r.profile, 0), 5 * EPISODES);
  UNIT_EQ(fse_profile_count(r.profile, 3), EPISODES);
  UNIT_EQ(fse_profile_count(r.profile, 5), 0);
  UNIT_TRUE(!r.profile->result[0].constant, "R3 grows");
  UNIT_TRUE(r.profile->result[3].equal >> 2 & 1, "R4 is R2");
  UNIT_TRUE(!(r.profile->result[3].equal >> 3 & 1), "R4 is not R3");
  rig_done(&r);
}

/* ---- the lexicon -------------------------------------------------------- */

static const struct fisa_row *selects(const struct fse_lexicon *l,
                                      struct fse_want w) {
  int32_t value[FISA_MAX_OPERANDS];
  return fse_select(l, &w, value);
}

static void lexicon(void) {
  struct fse_policy policy;
  struct fse_lexicon *l;
  const struct fisa_row *row;
  struct fse_arg r1, r2, k;
  int file = fisa_file_by_name(isa_unified(), "R", 1);
  CU_ASSERT_FATAL(file >= 0);
  r1 = (struct fse_arg){false, (uint8_t)file, 1};
  r2 = (struct fse_arg){false, (uint8_t)file, 2};
  k = (struct fse_arg){true, 0, 1};
  fse_policy_init(&policy);
  l = fse_lexicon_new(isa_unified(), &policy);
  row = selects(l, (struct fse_want){FLUX_OP_ADD, r1, r1, k, 0});
  UNIT_STR_EQ(row ? row->name : "none", "INC");
  row = selects(l, (struct fse_want){FLUX_OP_ADD, r1, r2, r1, 0});
  UNIT_STR_EQ(row ? row->name : "none", "ADD");
  k.value = 100000;
  UNIT_TRUE(selects(l, (struct fse_want){FLUX_OP_ADD, r1, r1, k, 0}) == NULL,
            "no row has room for 100000");
  k.value = -1;
  row = selects(l, (struct fse_want){FLUX_OP_SUB, r1, r1, k, 0});
  UNIT_STR_EQ(row ? row->name : "none", "INC");
  fse_lexicon_free(l);
  snprintf(policy.deny[policy.deny_count++], FISA_MAX_NAME, "inc");
  l = fse_lexicon_new(isa_unified(), &policy);
  row = selects(l, (struct fse_want){FLUX_OP_SUB, r1, r1, k, 0});
  UNIT_TRUE(row == NULL || strcmp(row->name, "INC") != 0, "INC is denied");
  fse_lexicon_free(l);
}

/* What a row means and what is selected for that meaning agree, for every
 * row and many operands: both are run. */
static void meanings(void) {
  struct fse_policy policy;
  struct fse_lexicon *l;
  unsigned tried = 0;
  uint64_t random = 5;
  fse_policy_init(&policy);
  l = fse_lexicon_new(isa_unified(), &policy);
  for (unsigned op = 0; op < 256; op++) {
    const struct fisa_row *row = &isa_unified()->rows[op];
    for (unsigned n = 0; row->defined && n < 50; n++) {
      struct fisa_insn in = {.row = row, .length = row->length,
                             .target = FISA_NO_TARGET};
      int32_t value[FISA_MAX_OPERANDS];
      const struct fisa_row *other;
      struct fse_want w, back;
      for (unsigned k = 0; k < row->operand_count; k++) {
        const struct fisa_operand *o = &row->operands[k];
        uint32_t span = (uint32_t)(o->hi - o->lo) + 1;
        in.value[k] = o->lo + (int32_t)isa_below(&random, span ? span : 1);
        if (o->kind == FISA_OPERAND_REG) in.value[k] &= 63;
      }
      if (!fse_meaning(l, &in, &w)) continue;
      other = fse_select(l, &w, value);
      if (other == NULL) continue;
      struct fisa_insn made = {.row = other, .length = other->length,
                               .target = FISA_NO_TARGET};
      memcpy(made.value, value, sizeof value);
      UNIT_TRUE(other->cost <= row->cost || row->guard_count > 0,
                "%s for %s", other->name, row->name);
      UNIT_TRUE(fse_meaning(l, &made, &back), "%s", other->name);
      tried++;
    }
  }
  UNIT_TRUE(tried > 500, "%u tried", tried);
  fse_lexicon_free(l);
}

/* ---- windows ------------------------------------------------------------ */

static void window_goes(void) {
  shows("ReplaceWindow", ".in R1 0..9\n.out R1\nINC R1\nDEC R1\nHALT\n",
        ".in R1 0..9\n.out R1\nHALT\n");
  /* Through the stack and back. */
  shows("ReplaceWindow",
        ".in R1 0..9\n.out R2\nMOV R2, R1\nPUSH R1\nPOP R1\nHALT\n",
        ".in R1 0..9\n.out R2\nMOV R2, R1\nHALT\n");
  /* What it leaves in scratch memory is nobody's. */
  shows("ReplaceWindow",
        ".in R1\n.out R1\n.scratch mem 0x80 4\nINC R1\n"
        "STOREI R1, R0, 0x80\nLOADI R1, R0, 0x80\nHALT\n",
        ".in R1\n.out R1\nINC R1\nHALT\n");
  never("ReplaceWindow",
        ".in R1\n.out R1\n.out mem 0x80 4\nINC R1\n"
        "STOREI R1, R0, 0x80\nLOADI R1, R0, 0x80\nHALT\n",
        ".in R1\n.out R1\nINC R1\nHALT\n");
}

static void window_shrinks(void) {
  /* A row that writes more than its destination. */
  shows("ReplaceWindow",
        ".in R1\n.in R2\n.out R1\n.out R2\nMOV R4, R1\nMOV R1, R2\n"
        "MOV R2, R4\nHALT\n",
        ".in R1\n.in R2\n.out R1\n.out R2\nSWP R2, R1\nHALT\n");
  shows("ReplaceWindow", ".in R1\n.out R1\nNOT R1\nINC R1\nHALT\n",
        ".in R1\n.out R1\nNEG R1\nHALT\n");
  shows("ReplaceWindow",
        ".in R1\n.in R2\n.out R1\n.out R2\nPUSH R1\nPOP R2\nHALT\n",
        ".in R1\n.in R2\n.out R1\n.out R2\nMOV R2, R1\nHALT\n");
  /* A value that is always the same. */
  shows("ReplaceWindow",
        ".in R1\n.out R3\nMOVI R2, 6\nMOVI R3, 7\nMUL R3, R2, R3\nHALT\n",
        ".in R1\n.out R3\nMOVI R3, 42\nHALT\n");
  /* What differs on some state is not proposed. */
  never("ReplaceWindow", ".in R1\n.out R1\nNOT R1\nINC R1\nHALT\n",
        ".in R1\n.out R1\nNOT R1\nHALT\n");
}

/* Values from outside, outputs, jumps and their targets end a window. */
static void window_ends(void) {
  never("ReplaceWindow", ".in R1\n.out R1\nSENSE R1\nMOVI R1, 3\nHALT\n",
        ".in R1\n.out R1\nMOVI R1, 3\nHALT\n");
  never("ReplaceWindow",
        ".in R1\n.out R1\nINC R1\nTELL R1, R1, R1\nDEC R1\nHALT\n",
        ".in R1\n.out R1\nTELL R1, R1, R1\nHALT\n");
  never("ReplaceWindow",
        ".in R1 0..9\n.out R1\nINC R1\nt: DEC R1\nJNE R1, t\nHALT\n",
        ".in R1 0..9\n.out R1\nt: JNE R1, t\nHALT\n");
}

static const struct unit_test tests[] = {
    {"kinds", "OptimizeOpcode", optimize_opcode},
    {"kinds", "RemoveDead", remove_dead},
    {"kinds", "NOPs", nops},
    {"kinds", "PatchJump", patch_jump},
    {"kinds", "ReplaceSequence", replace_sequence},
    {"kinds", "ForwardValue", forward_value},
    {"kinds", "PromoteSlot", promote_slot},
    {"kinds", "HoistConstant", hoist_constant},
    {"table", "rows", the_table},
    {"table", "unavailable", unavailable},
    {"table", "pure functions", pure_functions},
    {"table", "random draws", random_draws},
    {"table", "sites", sites_in_order},
    {"profile", "facts", profile},
    {"lexicon", "selection", lexicon},
    {"lexicon", "meanings", meanings},
    {"window", "goes", window_goes},
    {"window", "shrinks", window_shrinks},
    {"window", "ends", window_ends},
};

UNIT_MAIN(tests)
