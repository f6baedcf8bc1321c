/*
 * test_kinds_more.c - the mutation table: kinds that work on values, loops and
 * places; those that tune; edits taken back; weights that learn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/bandit.h"
#include "plugin/candidate.h"
#include "tests/isa_util.h"
#include "tests/kinds_rig.h"
#include "tests/unit.h"

/* ---- values ------------------------------------------------------------- */

static void share_value(void) {
  shows("ShareValue",
        ".in R1\n.in R2\n.out R3\nADD R4, R1, R2\nSUB R3, R4, R1\n"
        "ADD R5, R1, R2\nMUL R3, R3, R5\nHALT\n",
        "ADD R63, R1, R2\nSUB R3, R63, R1\nMUL R3, R3, R63\nHALT\n");
  /* Overwritten in between, and kept apart. */
  shows("ShareValue",
        ".in R1\n.in R2\n.out R3\n.out R5\nADD R4, R1, R2\nINC R4\n"
        "MOV R5, R4\nADD R4, R1, R2\nMOV R3, R4\nHALT\n",
        "ADD R63, R1, R2\nMOV R4, R63\nINC R4\nMOV R5, R4\nMOV R4, R63\n"
        "MOV R3, R4\nHALT\n");
  never("ShareValue",
        ".in R1\n.in R2\n.out R3\n.out R4\nADD R3, R1, R2\nSUB R4, R1, R2\n"
        "HALT\n",
        "ADD R63, R1, R2\nHALT\n");
  /* Values from outside are each their own. */
  never("ShareValue", ".out R3\n.out R4\nSENSE R3\nSENSE R4\nHALT\n",
        "SENSE R63\nHALT\n");
}

/* A machine where multiplying and dividing is dear. */
static struct fisa_dialect *dear(void) {
  static const char text[] =
      "fluxisa 1\ndialect dear\nmem 0\nfile R i32 16 zero\nfuel 10000\n"
      "fault 1 truncated\nfault 2 unknown\ntruncated 1\nunknown 2\n"
      "undefined 0x00..0x00 len 1\nundefined 0x0C..0xFF len 1\n"
      "row 0x01 HALT len=1 flow=halt roles=halt writes=HALT pure=no "
      "does=halt #0\n"
      "row 0x02 SET len=3 ops=rd,imm8s writes=R[rd] does=mov R[rd] #imm8s\n"
      "row 0x03 ADD len=4 ops=rd,rs1,rs2 reads=R[rs1];R[rs2] writes=R[rd] "
      "does=add R[rd] R[rs1] R[rs2]\n"
      "row 0x04 SUB len=4 ops=rd,rs1,rs2 reads=R[rs1];R[rs2] writes=R[rd] "
      "does=sub R[rd] R[rs1] R[rs2]\n"
      "row 0x05 MUL len=4 ops=rd,rs1,rs2 reads=R[rs1];R[rs2] writes=R[rd] "
      "cost=9 does=mul R[rd] R[rs1] R[rs2]\n"
      "row 0x06 QUO len=4 ops=rd,rs1,rs2 reads=R[rs1];R[rs2] writes=R[rd] "
      "cost=9 does=quo R[rd] R[rs1] R[rs2]\n"
      "row 0x07 REM len=4 ops=rd,rs1,rs2 reads=R[rd];R[rs1];R[rs2] "
      "writes=R[rd] cost=9 does=rem R[rd] R[rs1] R[rs2]\n"
      "row 0x08 SHLI len=4 ops=rd,rs1,imm8s reads=R[rs1] writes=R[rd] "
      "does=shl R[rd] R[rs1] #imm8s\n"
      "row 0x09 SARI len=4 ops=rd,rs1,imm8s reads=R[rs1] writes=R[rd] "
      "does=sar R[rd] R[rs1] #imm8s\n"
      "row 0x0A ANDI len=4 ops=rd,rs1,imm8s reads=R[rs1] writes=R[rd] "
      "does=and R[rd] R[rs1] #imm8s\n"
      "row 0x0B NEG len=3 ops=rd,rs1 reads=R[rs1] writes=R[rd] "
      "does=neg R[rd] R[rs1]\n";
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  int rc = fisa_dialect_parse(text, sizeof text - 1, "dear", &d, &err);
  UNIT_TRUE(rc == 0, "%s", err.text);
  CU_ASSERT_FATAL(rc == 0);
  return d;
}

static void reduce_strength(void) {
  static const char head[] = ".dialect dear\n.in R1 0..1000\n.out R3\n";
  static const struct {
    const char *row, *factor, *after;
  } cases[] = {
      {"MUL R3, R1, R2", "8", "SHLI R3, R1, 3\nHALT\n"},
      {"MUL R3, R2, R1", "8", "SHLI R3, R1, 3\nHALT\n"},
      {"MUL R3, R1, R2", "2", "ADD R3, R1, R1\nHALT\n"},
      {"MUL R3, R1, R2", "-1", "NEG R3, R1\nHALT\n"},
      {"MUL R3, R1, R2", "10",
       "SHLI R15, R1, 3\nSHLI R3, R1, 1\nADD R3, R15, R3\nHALT\n"},
      {"MUL R3, R1, R2", "7",
       "SHLI R15, R1, 3\nSUB R3, R15, R1\nHALT\n"},
      {"QUO R3, R1, R2", "4", "SARI R3, R1, 2\nHALT\n"},
      {"REM R3, R1, R2", "16", "ANDI R3, R1, 15\nHALT\n"}};
  struct fisa_dialect *d = dear();
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char before[256], after[256];
    snprintf(before, sizeof before, "%sSET R2, %s\n%s\nHALT\n", head,
             cases[i].factor, cases[i].row);
    snprintf(after, sizeof after, "%s%s", head, cases[i].after);
    shows_in(d, "ReduceStrength", before, after);
  }
  fisa_dialect_free(d);
  /* Where it is not dear, it stays. */
  never("ReduceStrength",
        ".in R1\n.out R3\nMOVI R2, 10\nMUL R3, R1, R2\nHALT\n",
        "MOVI R63, 3\nSHL R3, R1, R63\nHALT\n");
}

/* Drawn edits of a kind as children: how many passed all episodes, and that
 * none faults a draft. */
static unsigned drawn(struct rig *r, const char *name, unsigned draws,
                      const char *want) {
  uint32_t kind = kind_of(name);
  struct fisa_program *w = isa_program(r->p->dialect, want);
  unsigned found = 0;
  CU_ASSERT_FATAL(w != NULL && fse_kinds[kind].random != NULL);
  for (uint64_t i = 0; i < draws; i++) {
    struct fse_proposal p = {.kind = kind};
    struct fse_child c = {0};
    UNIT_EQ(fse_draft_assign(r->work, r->draft), 0);
    if (fse_kinds[kind].random(&r->view, 5, 1, i, r->work, &p) != 0 ||
        fse_draft_finish(r->work, FISA_MAX_CODE, &c, NULL) != 0)
      continue;
    found += c.program->size == w->size &&
             memcmp(c.program->code, w->code, w->size) == 0;
    fse_child_done(&c);
  }
  fisa_program_free(w);
  return found;
}

static void rename_register(void) {
  struct rig r;
  rig_text(&r, ".in R1\n.out R3\nMOV R4, R1\nADD R3, R4, R4\nHALT\n");
  UNIT_TRUE(drawn(&r, "RenameRegister", 200,
                  "MOV R63, R1\nADD R3, R63, R63\nHALT\n") > 0,
            "another register");
  UNIT_TRUE(drawn(&r, "RenameRegister", 200,
                  "MOV R3, R1\nADD R3, R3, R3\nHALT\n") > 0,
            "that of another value");
  UNIT_EQ(fse_kinds[kind_of("RenameRegister")].sites(&r.view), 0);
  rig_done(&r);
}

/* ---- places ------------------------------------------------------------- */

static void move_instruction(void) {
  struct rig r;
  /* To whoever wants it, over what is not concerned. */
  shows("MoveInstruction",
        ".in R1\n.in R2\n.out R3\n.out R5\nMOV R4, R1\nADD R5, R2, R2\n"
        "ADD R3, R4, R2\nHALT\n",
        "ADD R5, R2, R2\nADD R3, R1, R2\nHALT\n");
  shows("MoveInstruction",
        ".in R1 1..9\n.out R2\nA: DEC R1\nADD R2, R2, R2\nINC R2\n"
        "JNE R1, A\nHALT\n",
        "A: ADD R2, R2, R2\nINC R2\nLOOP R1, A\nHALT\n");
  /* Made only where it is wanted: behind a branch, and where it goes. */
  shows("MoveInstruction",
        ".in R1\n.in R2\n.out R3\nADD R4, R2, R2\nJEQ R1, A\nMOV R3, R4\n"
        "INC R3\nA: HALT\n",
        "JEQ R1, A\nADD R4, R2, R2\nMOV R3, R4\nINC R3\nA: HALT\n");
  shows("MoveInstruction",
        ".in R1\n.in R2\n.out R3\nADD R4, R2, R2\nJEQ R1, A\nHALT\n"
        "A: MOV R3, R4\nINC R3\nHALT\n",
        "JEQ R1, A\nHALT\nA: ADD R4, R2, R2\nMOV R3, R4\nINC R3\nHALT\n");
  /* Not over what changes it. */
  never("MoveInstruction",
        ".in R1\n.in R2\n.out R3\nADD R4, R2, R2\nINC R2\nJEQ R1, A\n"
        "ADD R3, R4, R2\nA: HALT\n",
        "INC R2\nJEQ R1, A\nADD R4, R2, R2\nADD R3, R4, R2\nA: HALT\n");
  rig_text(&r, ".in R1\n.in R2\n.out R3\n.out R4\nADD R3, R1, R2\n"
               "SUB R4, R1, R2\nHALT\n");
  UNIT_TRUE(drawn(&r, "MoveInstruction", 100,
                  "SUB R4, R1, R2\nADD R3, R1, R2\nHALT\n") > 0, "swapped");
  rig_done(&r);
  rig_text(&r, ".in R1\n.in R2\n.out R3\nADD R3, R1, R2\nSUB R3, R3, R2\n"
               "HALT\n");
  UNIT_EQ(drawn(&r, "MoveInstruction", 100,
                "SUB R3, R3, R2\nADD R3, R1, R2\nHALT\n"), 0);
  rig_done(&r);
}

/* ---- loops -------------------------------------------------------------- */

static void hoist_invariant(void) {
  shows("HoistInvariant",
        ".in R1 1..9\n.in R2\n.out R3\n.out R5\nMOV R5, R2\n"
        "A: MUL R4, R2, R2\n"
        "ADD R3, R3, R4\nDEC R1\nJNE R1, A\nHALT\n",
        "MOV R5, R2\nMUL R4, R2, R2\nA: ADD R3, R3, R4\nDEC R1\n"
        "JNE R1, A\nHALT\n");
  /* Its register has another value in between. */
  shows("HoistInvariant",
        ".in R1 1..9\n.in R2\n.out R3\n.out R5\nMOV R5, R2\n"
        "A: MUL R4, R2, R2\n"
        "ADD R3, R3, R4\nMOV R4, R3\nADD R3, R3, R4\nDEC R1\nJNE R1, A\n"
        "HALT\n",
        "MOV R5, R2\nMUL R63, R2, R2\nA: ADD R3, R3, R63\nMOV R4, R3\n"
        "ADD R3, R3, R4\nDEC R1\nJNE R1, A\nHALT\n");
  /* Who jumps to the head from outside passes it, too; who begins there
   * does. */
  shows("HoistInvariant",
        ".in R1 1..9\n.in R2\n.out R3\nA: MUL R4, R2, R2\n"
        "ADD R3, R3, R4\nDEC R1\nJNE R1, A\nHALT\n",
        "MUL R4, R2, R2\nA: ADD R3, R3, R4\nDEC R1\nJNE R1, A\nHALT\n");
  shows("HoistInvariant",
        ".in R1 1..9\n.in R2\n.out R3\nJEQ R2, A\nINC R3\nA: MUL R4, R2, R2\n"
        "ADD R3, R3, R4\nDEC R1\nJNE R1, A\nHALT\n",
        "JEQ R2, B\nINC R3\nB: MUL R4, R2, R2\nA: ADD R3, R3, R4\nDEC R1\n"
        "JNE R1, A\nHALT\n");
  /* What the loop changes stays in it. */
  never("HoistInvariant",
        ".in R1 1..9\n.out R3\n.out R5\nMOV R5, R2\n"
        "A: MUL R4, R1, R1\nADD R3, R3, R4\n"
        "DEC R1\nJNE R1, A\nHALT\n",
        "MOV R5, R2\nMUL R4, R1, R1\nA: ADD R3, R3, R4\nDEC R1\n"
        "JNE R1, A\nHALT\n");
}

static void unroll_loop(void) {
  /* As often as it always runs. */
  shows("UnrollLoop",
        ".in R2\n.out R3\nMOVI R1, 3\nA: ADD R3, R3, R2\nDEC R1\nJNE R1, A\n"
        "HALT\n",
        "ADD R3, R3, R2\nADD R3, R3, R2\nADD R3, R3, R2\nHALT\n");
  /* What the branch itself counts is counted. */
  shows("UnrollLoop",
        ".in R2\n.out R3\nMOVI R1, 2\nA: ADD R3, R3, R1\nLOOP R1, A\n"
        "HALT\n",
        "MOVI R1, 2\nADD R3, R3, R1\nDEC R1\nADD R3, R3, R1\nHALT\n");
  /* Every other test left out. */
  shows("UnrollLoop",
        ".in R1 1..9\n.out R3\nSHLI R1, 1\nA: ADD R3, R3, R1\nDEC R1\n"
        "JNE R1, A\nHALT\n",
        "SHLI R1, 1\nA: ADD R3, R3, R1\nDEC R1\nADD R3, R3, R1\nDEC R1\n"
        "JNE R1, A\nHALT\n");
  /* Branches within a body go on within their copy. */
  shows("UnrollLoop",
        ".in R2\n.out R3\nMOVI R1, 2\nA: JEQ R2, B\nINC R3\nB: DEC R1\n"
        "JNE R1, A\nHALT\n",
        "JEQ R2, B\nINC R3\nB: JEQ R2, C\nINC R3\nC: HALT\n");
}

static void roll_loop(void) {
  shows("RollLoop",
        ".in R1 1..9\n.out R3\nA: ADD R3, R3, R1\nDEC R1\nJEQ R1, B\n"
        "ADD R3, R3, R1\nDEC R1\nJNE R1, A\nB: HALT\n",
        "A: ADD R3, R3, R1\nDEC R1\nJNE R1, A\nHALT\n");
  /* Halves that differ. */
  never("RollLoop",
        ".in R1 1..9\n.out R3\nA: ADD R3, R3, R1\nDEC R1\nJEQ R1, B\n"
        "SUB R3, R3, R1\nDEC R1\nJNE R1, A\nB: HALT\n",
        "A: SUB R3, R3, R1\nDEC R1\nJNE R1, A\nHALT\n");
  /* A test that leaves for somewhere else. */
  never("RollLoop",
        ".in R1 1..9\n.out R3\nA: ADD R3, R3, R1\nDEC R1\nJEQ R1, B\n"
        "ADD R3, R3, R1\nDEC R1\nJNE R1, A\nINC R3\nB: HALT\n",
        "A: ADD R3, R3, R1\nDEC R1\nJNE R1, A\nINC R3\nHALT\n");
}

/* ---- tuning ------------------------------------------------------------- */

static void tune_threshold(void) {
  /* An operand of the row that compares. */
  shows("TuneThreshold",
        ".in R1 0..60\n.out R1\nISTINCT_THRESHOLD R1, 20\nHALT\n",
        "ISTINCT_THRESHOLD R1, 21\nHALT\n");
  /* A constant that is loaded for one. */
  shows("TuneThreshold",
        ".in R1 0..60\n.out R3\nMOVI R2, 40\nCMP_GT R3, R1, R2\nHALT\n",
        "MOVI R2, 35\nCMP_GT R3, R1, R2\nHALT\n");
  shows("TuneThreshold",
        ".in R1 0..60\n.out R3\nMOVI R2, 40\nINC R5\nCMP_GT R3, R1, R2\n"
        "HALT\n",
        "MOVI R2, 20\nINC R5\nCMP_GT R3, R1, R2\nHALT\n");
  /* Not one for something else. */
  never("TuneThreshold",
        ".in R1 0..60\n.out R3\nMOVI R2, 40\nADD R3, R1, R2\nHALT\n",
        "MOVI R2, 41\nADD R3, R1, R2\nHALT\n");
  /* Not past what the operand can hold. */
  never("TuneThreshold",
        ".in R1\n.out R1\nISTINCT_THRESHOLD R1, 32767\nHALT\n",
        "ISTINCT_THRESHOLD R1, -32768\nHALT\n");
}

static void adjust_decay(void) {
  struct fisa_dialect *seed = NULL;
  shows("AdjustDecay",
        ".in R1\n.out R1\n.out C1\nMOVI R2, 80\nCONF_DECAY R1, R2\nHALT\n",
        "MOVI R2, 90\nCONF_DECAY R1, R2\nHALT\n");
  /* A factor built in: another row. */
  shows("AdjustDecay", ".in R1\n.out R1\nISTINCT_DECAY R1\nHALT\n",
        "TRUST_DECAY R1\nHALT\n");
  never("AdjustDecay", ".in R1\n.out R1\nADDI R1, 80\nHALT\n",
        "ADDI R1, 81\nHALT\n");
  CU_ASSERT_FATAL(fisa_dialect_builtin("seed", true, &seed, NULL) == 0);
  shows_in(seed, "AdjustDecay",
           ".dialect seed\n.in stack 1\n.out stack\nDECAY 200\nHALT\n",
           ".dialect seed\n.in stack 1\n.out stack\nDECAY 225\nHALT\n");
  fisa_dialect_free(seed);
}

static void add_instinct(void) {
  struct rig r;
  /* What the agent senses and tells already. */
  shows("AddInstinct",
        ".in R2\n.out none\nSENSE R1\nTELL R1, R1, R1\nHALT\n",
        "SENSE R63\nTRUST_REVOKE R62\nCMP_GT R62, R63, R62\nJEQ R62, A\n"
        "TELL R63, R63, R63\nA: SENSE R1\nTELL R1, R1, R1\nHALT\n");
  /* At a level that it knows. */
  shows("AddInstinct",
        ".in R2\n.out none\nSENSE R1\nISTINCT_THRESHOLD R1, 9\n"
        "TELL R1, R1, R1\nHALT\n",
        "SENSE R63\nMOVI R62, 9\nCMP_LT R62, R63, R62\nJEQ R62, A\n"
        "TELL R63, R63, R63\nA: SENSE R1\nISTINCT_THRESHOLD R1, 9\n"
        "TELL R1, R1, R1\nHALT\n");
  /* Nothing that it has no part in, unless policy says so. */
  rig_text(&r, ".in R2\n.out none\nSENSE R1\nTELL R1, R1, R1\nHALT\n");
  static const char *const gps =
      "GPS R63\nTRUST_REVOKE R62\nCMP_GT R62, R63, R62\nJEQ R62, A\n"
      "TELL R63, R63, R63\nA: SENSE R1\nTELL R1, R1, R1\nHALT\n";
  UNIT_TRUE(!makes(&r, "AddInstinct", gps), "not allowed");
  snprintf(r.policy.instinct[r.policy.instinct_count++], FISA_MAX_NAME,
           "GPS");
  UNIT_TRUE(makes(&r, "AddInstinct", gps), "allowed");
  rig_done(&r);
  /* A loop of tasks passes it each time. */
  shows("AddInstinct",
        ".in R2\n.out none\nA: SENSE R1\nTELL R1, R1, R1\nYIELD 0\nJMP A\n",
        "B: SENSE R63\nTRUST_REVOKE R62\nCMP_GT R62, R63, R62\nJEQ R62, A\n"
        "TELL R63, R63, R63\nA: SENSE R1\nTELL R1, R1, R1\nYIELD 0\nJMP B\n");
}

/* Which kinds a dialect has rows for. */
static void availability(void) {
  static const struct {
    const char *dialect, *kind;
    bool has;
  } cases[] = {
      {"unified", "TuneThreshold", true}, {"unified", "AdjustDecay", true},
      {"unified", "AddInstinct", true},   {"unified", "UnrollLoop", true},
      {"unified", "ReduceStrength", true}, {"classic", "InsertNOP", true},
      {"classic", "TuneThreshold", true}, {"classic", "AdjustDecay", false},
      {"classic", "AddInstinct", false},  {"classic", "PromoteSlot", true},
      {"seed", "TuneThreshold", true},    {"seed", "AdjustDecay", true},
      {"seed", "AddInstinct", false},     {"seed", "RenameRegister", false},
      {"seed", "ReplaceWindow", true},    {"stack", "AdjustDecay", false}};
  struct fse_policy policy;
  fse_policy_init(&policy);
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_dialect *d = NULL;
    CU_ASSERT_FATAL(fisa_dialect_builtin(cases[i].dialect, true, &d, NULL) ==
                    0);
    struct fse_lexicon *l = fse_lexicon_new(d, &policy);
    CU_ASSERT_FATAL(l != NULL);
    UNIT_TRUE(fse_kinds[kind_of(cases[i].kind)].available(l) == cases[i].has,
              "%s in %s", cases[i].kind, cases[i].dialect);
    fse_lexicon_free(l);
    fisa_dialect_free(d);
  }
}

/* The families are never mixed: no list of the preserving search has a site
 * of the other, no draw is one. */
static void families(void) {
  struct rig r;
  struct fse_sites s;
  unsigned made = 0;
  rig_take(&r, isa_sample("thermostat"));
  UNIT_EQ(fse_sites_make(&r.view, &s), 0);
  for (uint32_t i = 0; i < s.count; i++)
    UNIT_TRUE(fse_kind_preserves(s.items[i].kind), "%s",
              fse_kinds[s.items[i].kind].name);
  fse_sites_done(&s);
  for (uint64_t i = 0; i < 2000; i++) {
    struct fse_proposal p = {0};
    UNIT_EQ(fse_draft_assign(r.work, r.draft), 0);
    if (fse_draw(&r.view, 1, 2, i, r.work, &p) != 0) continue;
    UNIT_TRUE(fse_kind_preserves(p.kind), "%s", fse_kinds[p.kind].name);
    made++;
  }
  UNIT_TRUE(made > 200, "%u drawn", made);
  /* The other kinds have sites there, which the rest of this file shows. */
  UNIT_TRUE(fse_kinds[kind_of("TuneThreshold")].sites(&r.view) > 0, "sites");
  rig_done(&r);
}

/* ---- undo --------------------------------------------------------------- */

/* Takes a child back and compares; a record of another edit is refused. */
static void take_back(const struct fisa_program *parent,
                      const struct fisa_program *child,
                      const struct fse_proposal *what) {
  const struct fse_kind *kind = &fse_kinds[what->kind];
  struct fse_change c;
  struct fisa_program *back = NULL;
  struct fisa_error err = {""};
  UNIT_EQ(fse_change_make(parent, child, what, &c), 0);
  UNIT_TRUE(kind->undo(&c, child, &back, &err) == 0, "%s: %s", kind->name,
            err.text);
  if (back != NULL) {
    UNIT_EQ(back->size, parent->size);
    UNIT_MEM_EQ(back->code, parent->code, parent->size);
    UNIT_EQ(back->entry, parent->entry);
    UNIT_MEM_EQ(back->hash, parent->hash, 32);
  }
  fisa_program_free(back);
  if (memcmp(parent->hash, child->hash, 32) != 0) {
    back = NULL;
    UNIT_EQ(kind->undo(&c, parent, &back, &err), -1);
    UNIT_TRUE(back == NULL && err.text[0] != '\0', "%s", kind->name);
    c.parent[0] ^= 1;
    UNIT_EQ(kind->undo(&c, child, &back, &err), -1);
    UNIT_TRUE(back == NULL, "%s", kind->name);
  }
  fse_change_done(&c);
}

/* Every edit of every kind of the samples, taken back. */
static void undo(void) {
  static const char *const names[] = {"thermostat", "crc8", "average", "sum",
                                      "alarm", "sort"};
  unsigned taken[FSE_KINDS_MAX] = {0};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
    struct rig r;
    rig_take(&r, isa_sample(names[i]));
    for (uint32_t k = 0; k < fse_kind_count; k++) {
      uint32_t n = fse_kinds[k].sites(&r.view);
      for (uint32_t site = 0; site < n; site++) {
        struct fse_child c = {0};
        struct fse_proposal p;
        if (!propose(&r, k, site, &c, &p)) continue;
        take_back(r.p, c.program, &p);
        taken[k]++;
        fse_child_done(&c);
      }
      for (uint64_t d = 0; fse_kinds[k].random != NULL && d < 50; d++) {
        struct fse_child c = {0};
        struct fse_proposal p = {.kind = k};
        UNIT_EQ(fse_draft_assign(r.work, r.draft), 0);
        if (fse_kinds[k].random(&r.view, 3, i, d, r.work, &p) != 0 ||
            fse_draft_finish(r.work, FISA_MAX_CODE, &c, NULL) != 0)
          continue;
        take_back(r.p, c.program, &p);
        taken[k]++;
        fse_child_done(&c);
      }
    }
    rig_done(&r);
  }
  UNIT_TRUE(taken[kind_of("PatchJump")] > 0 &&
                taken[kind_of("TuneThreshold")] > 0 &&
                taken[kind_of("RenameRegister")] > 0 &&
                taken[kind_of("InsertNOP")] > 0, "kinds taken back");
}

/* A pc boundary and an entry that moved come back, too. */
static void undo_places(void) {
  struct rig r;
  struct fse_child c = {0};
  struct fse_proposal p = {.kind = kind_of("InsertNOP")};
  rig_text(&r, ".in R1\n.out R1\n.entry E\n.boundary pc:A\nINC R2\n"
               "E: INC R1\nA: INC R1\nJMP E\n");
  UNIT_TRUE(fse_draft_insert(r.work, 0, true, r.lexicon->nop,
                             (const int32_t[FISA_MAX_OPERANDS]){0},
                             FSE_NO_NODE) != FSE_NO_NODE, "a NOP");
  UNIT_EQ(fse_draft_finish(r.work, FISA_MAX_CODE, &c, NULL), 0);
  UNIT_TRUE(c.program->manifest.boundary.pc != r.p->manifest.boundary.pc,
            "it moved");
  take_back(r.p, c.program, &p);
  fse_child_done(&c);
  rig_done(&r);
}

/* ---- the bandit --------------------------------------------------------- */

static void bandit(void) {
  struct fse_policy policy;
  struct fse_bandit b = {0}, again;
  double w[FSE_KINDS_MAX];
  uint32_t good = kind_of("RemoveDead"), bad = kind_of("InsertNOP");
  uint32_t never_tried = kind_of("RollLoop"), off = kind_of("PatchJump");
  fse_policy_init(&policy);
  fse_bandit_weights(&b, &policy, w);
  for (uint32_t k = 0; k < fse_kind_count; k++)
    UNIT_TRUE(w[k] == 1.0, "nothing is known of %s", fse_kinds[k].name);
  for (unsigned i = 0; i < 1000; i++) {
    fse_bandit_tried(&b, good);
    if (i % 2) fse_bandit_taken(&b, good);
    fse_bandit_tried(&b, bad);
  }
  policy.weight[off] = 0;
  policy.weight[bad] = 4;
  fse_bandit_weights(&b, &policy, w);
  UNIT_TRUE(w[good] == 1.0, "%g", w[good]);
  UNIT_TRUE(w[bad] == 4 * FSE_BANDIT_FLOOR, "the floor, times the prior: %g",
            w[bad]);
  UNIT_TRUE(w[never_tried] > 0.9, "%g", w[never_tried]);
  UNIT_TRUE(w[off] == 0, "off is off");
  /* Accepted patches by the words of their records. */
  again = b;
  fse_bandit_accepted(&b, "InsertNOP x40, Nonsense x3, RemoveDead");
  UNIT_EQ(b.taken[bad] - again.taken[bad], 320);
  UNIT_EQ(b.taken[good] - again.taken[good], 8);
  again = b;
  fse_bandit_accepted(&b, "version 3");
  fse_bandit_accepted(&b, ", x7 ,,  x");
  fse_bandit_accepted(&b, "");
  fse_bandit_accepted(&b, "InsertNOP x99999999999999999999999");
  UNIT_EQ(b.taken[bad] - again.taken[bad], 8000);
  again.taken[bad] = b.taken[bad];
  again.tried[bad] = b.tried[bad];
  UNIT_MEM_EQ(&b, &again, sizeof b);
}

/* What is drawn follows the weights: those of 0 never, others by share. */
static void draws(void) {
  struct rig r;
  double w[FSE_KINDS_MAX] = {0};
  uint32_t a = kind_of("RenameRegister"), b = kind_of("InsertNOP");
  unsigned got[FSE_KINDS_MAX] = {0};
  rig_take(&r, isa_sample("crc8"));
  w[a] = 1;
  w[b] = 3;
  r.view.weight = w;
  for (uint64_t i = 0; i < 4000; i++) {
    struct fse_proposal p = {.kind = FSE_KINDS_MAX - 1};
    UNIT_EQ(fse_draft_assign(r.work, r.draft), 0);
    (void)fse_draw(&r.view, 11, 0, i, r.work, &p);
    got[p.kind]++;
  }
  UNIT_EQ(got[a] + got[b], 4000);
  UNIT_TRUE(got[b] > 2800 && got[b] < 3200, "%u of 4000", got[b]);
  w[a] = w[b] = 0;
  struct fse_proposal p = {0};
  UNIT_EQ(fse_draw(&r.view, 11, 0, 0, r.work, &p), -1);
  rig_done(&r);
}

static const struct unit_test tests[] = {
    {"kinds", "ShareValue", share_value},
    {"kinds", "ReduceStrength", reduce_strength},
    {"kinds", "RenameRegister", rename_register},
    {"kinds", "MoveInstruction", move_instruction},
    {"kinds", "HoistInvariant", hoist_invariant},
    {"kinds", "UnrollLoop", unroll_loop},
    {"kinds", "RollLoop", roll_loop},
    {"tuning", "TuneThreshold", tune_threshold},
    {"tuning", "AdjustDecay", adjust_decay},
    {"tuning", "AddInstinct", add_instinct},
    {"table", "availability", availability},
    {"table", "families", families},
    {"table", "undo", undo},
    {"table", "places", undo_places},
    {"bandit", "weights", bandit},
    {"bandit", "draws", draws},
};

UNIT_MAIN(tests)
