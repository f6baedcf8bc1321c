/*
 * test_agree.c - pairs of programs that always agree, and pairs that do not.
 *
 * Of the second kind each differs in something that a careless proof
 * forgets: a fault, a byte of memory, a flag, a stack cell, what is live
 * behind a loop. None may ever be proved.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin/agree.h"
#include "plugin/search.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

struct couple {
  const char *name, *a, *b;
  enum fse_proof proof;     /* FSE_REFUTED: anything but proved */
};

static bool have_solver(void) {
  return access(unit_built("lib/flux/flux-prove"), X_OK) == 0;
}

static struct fse_prover *prover(void) {
  struct fse_prover *p =
      fse_prover_new(unit_built("lib/flux/flux-prove"), NULL);
  CU_ASSERT_FATAL(p != NULL);
  return p;
}

static void agree(struct fse_prover *p, const struct fisa_dialect *d,
                  const struct couple *c, struct fse_agreement *out) {
  struct fisa_program *a = isa_program(d, c->a), *b = isa_program(d, c->b);
  struct fisa_facts *facts = NULL;
  CU_ASSERT_FATAL(a != NULL && b != NULL);
  CU_ASSERT_FATAL(fisa_facts_make(a, &facts, NULL) == 0);
  const struct fse_agree_request r = {a, facts, a, b};
  fse_agree(p, &r, out);
  fisa_facts_free(facts);
  fisa_program_free(a);
  fisa_program_free(b);
}

#define IN ".in R1\n.in R2\n.out R3\n"

/* Each pair of the same. */
static const struct couple couples[] = {
    {"nothing", IN "ADD R3, R1, R2\nHALT\n", IN "ADD R3, R1, R2\nHALT\n",
     FSE_PROVED},
    {"changed places", IN "ADD R3, R1, R2\nHALT\n",
     IN "ADD R3, R2, R1\nHALT\n", FSE_PROVED},
    {"a sum is no difference", IN "ADD R3, R1, R2\nHALT\n",
     IN "SUB R3, R1, R2\nHALT\n", FSE_REFUTED},
    {"lowest bit", IN "MOV R4, R1\nNEG R4\nAND R3, R1, R4\nHALT\n",
     IN "SUB R4, R0, R1\nAND R3, R4, R1\nHALT\n", FSE_PROVED},
    {"one value in 2^32", IN "MOV R3, R1\nHALT\n",
     IN "MOVI16 R4, 0x1234\nMOVI16 R5, 0x6789\nSHLI R4, 16\n"
        "OR R4, R4, R5\nCMP_EQ R5, R1, R4\nADD R3, R1, R5\nHALT\n",
     FSE_REFUTED},
    {"a slot", IN ".scratch mem 0x100 8\n"
     "STOREI R1, R0, 0x100\nSTOREI R2, R0, 0x104\nLOADI R4, R0, 0x100\n"
     "LOADI R5, R0, 0x104\nXOR R3, R4, R5\nHALT\n",
     IN ".scratch mem 0x100 8\nXOR R3, R1, R2\nHALT\n", FSE_PROVED},
    {"a slot that is shown", IN ".out mem 0x100 4\n"
     "STOREI R1, R0, 0x100\nLOADI R3, R0, 0x100\nHALT\n",
     IN ".out mem 0x100 4\nMOV R3, R1\nHALT\n", FSE_REFUTED},
    {"a slot in part", IN ".scratch mem 0x100 8\n"
     "STOREI R1, R0, 0x100\nSTOREI R2, R0, 0x102\nLOADI R3, R0, 0x100\n"
     "HALT\n",
     IN ".scratch mem 0x100 8\nMOV R3, R1\nHALT\n", FSE_REFUTED},
    {"addresses that may be one", IN ".scratch mem 0x100 8\n"
     "STORE R1, R1, R0\nSTORE R2, R2, R0\nLOAD R3, R1, R0\nHALT\n",
     IN ".scratch mem 0x100 8\n"
     "STORE R1, R1, R0\nSTORE R2, R2, R0\nMOV R3, R1\nHALT\n",
     FSE_REFUTED},
    {"the same bytes once more", IN
     "STORE R1, R2, R0\nSTORE R1, R2, R0\nLOAD R3, R2, R0\nHALT\n",
     IN "STORE R1, R2, R0\nMOV R3, R1\nHALT\n", FSE_PROVED},
    {"a divisor that is 0", IN "DIV R3, R1, R2\nMUL R3, R0, R3\nHALT\n",
     IN "MOVI R3, 0\nHALT\n", FSE_REFUTED},
    {"a divisor that is not", IN "MOVI R4, 2\nMOVI R3, 9\nDIV R5, R1, R4\n"
     "HALT\n",
     IN "MOVI R3, 9\nHALT\n", FSE_PROVED},
    {"what a fault shows", IN "MOVI R3, 1\nDIV R4, R1, R2\nMOVI R3, 2\n"
     "HALT\n",
     IN "MOVI R3, 2\nDIV R4, R1, R2\nHALT\n", FSE_REFUTED},
    {"another fault", IN "DIV R3, R1, R2\nHALT\n",
     IN "DIV R3, R1, R2\nMOD R4, R1, R2\nHALT\n", FSE_PROVED},
    {"a fault more", IN "MOD R3, R1, R2\nHALT\n",
     IN "DIV R4, R1, R2\nMOD R3, R1, R2\nHALT\n", FSE_REFUTED},
    {"an input's range",
     ".in R1 0..1000\n.out R3\nABS R1, R1\nMOV R3, R1\nHALT\n",
     ".in R1 0..1000\n.out R3\nMOV R3, R1\nHALT\n", FSE_PROVED},
    {"past an input's range",
     ".in R1 -1..1000\n.out R3\nABS R1, R1\nMOV R3, R1\nHALT\n",
     ".in R1 -1..1000\n.out R3\nMOV R3, R1\nHALT\n", FSE_REFUTED},
    {"what is no input is 0", IN "ADD R3, R1, R7\nHALT\n",
     IN "MOV R3, R1\nHALT\n", FSE_PROVED},
    {"not where it comes again",
     IN "again: ADD R3, R1, R7\nADDI R7, 1\nSUBI R1, 1\nJNE R1, again\n"
     "HALT\n",
     IN "again: MOV R3, R1\nADDI R7, 1\nSUBI R1, 1\nJNE R1, again\nHALT\n",
     FSE_REFUTED},
    {"a branch is a minimum", IN "CMP_LT R4, R1, R2\nJNE R4, less\n"
     "MOV R3, R2\nJMP done\nless: MOV R3, R1\ndone: HALT\n",
     IN "MIN R3, R1, R2\nHALT\n", FSE_PROVED},
    {"a branch is no maximum", IN "CMP_LT R4, R1, R2\nJNE R4, less\n"
     "MOV R3, R2\nJMP done\nless: MOV R3, R1\ndone: HALT\n",
     IN "MAX R3, R1, R2\nHALT\n", FSE_REFUTED},
    {"within a loop", IN "MOVI R3, 0\nagain: MOVI R5, 2\nMUL R4, R1, R5\n"
     "ADD R3, R3, R4\nDEC R1\nJNE R1, again\nHALT\n",
     IN "MOVI R3, 0\nagain: ADD R4, R1, R1\nADD R3, R3, R4\nDEC R1\n"
     "JNE R1, again\nHALT\n", FSE_PROVED},
    {"out of a loop", IN "MOVI R3, 0\nagain: MOVI R5, 2\nMUL R4, R1, R5\n"
     "ADD R3, R3, R4\nDEC R1\nJNE R1, again\nHALT\n",
     IN "MOVI R3, 0\nMOVI R5, 2\nagain: MUL R4, R1, R5\nADD R3, R3, R4\n"
     "DEC R1\nJNE R1, again\nHALT\n", FSE_REFUTED},
    {"once round less", IN "MOVI R3, 0\nagain: ADD R3, R3, R1\nDEC R1\n"
     "JNE R1, again\nHALT\n",
     IN "MOVI R3, 0\nagain: ADD R3, R3, R1\nSUBI R1, 2\nJNE R1, again\n"
     "HALT\n", FSE_REFUTED},
    {"live behind a loop", IN "MOVI R6, 1\nagain: DEC R1\nJNE R1, again\n"
     "MOV R3, R6\nHALT\n",
     IN "MOVI R6, 2\nagain: DEC R1\nJNE R1, again\nMOV R3, R6\nHALT\n",
     FSE_REFUTED},
    {"a message", IN "MOV R4, R1\nTELL R4, R2, R2\nMOVI R3, 0\nHALT\n",
     IN "TELL R1, R2, R2\nMOVI R3, 0\nHALT\n", FSE_PROVED},
    {"another message", IN "TELL R1, R2, R2\nMOVI R3, 0\nHALT\n",
     IN "TELL R1, R2, R1\nMOVI R3, 0\nHALT\n", FSE_REFUTED},
    {"messages change places",
     IN "TELL R1, R1, R1\nSIGNAL R2, R2, R2\nMOVI R3, 0\nHALT\n",
     IN "SIGNAL R2, R2, R2\nTELL R1, R1, R1\nMOVI R3, 0\nHALT\n",
     FSE_REFUTED},
    {"a value from outside",
     IN "SENSE R4\nSENSE R5\nADD R3, R4, R5\nHALT\n",
     IN "SENSE R5\nSENSE R4\nADD R3, R5, R4\nHALT\n", FSE_PROVED},
    {"one value less", IN "SENSE R4\nSENSE R3\nHALT\n", IN "SENSE R3\nHALT\n",
     FSE_REFUTED},
    {"values change places", IN "SENSE R4\nSENSE R5\nMOV R3, R4\nHALT\n",
     IN "SENSE R4\nSENSE R5\nMOV R3, R5\nHALT\n", FSE_REFUTED},
    {"the stack", IN "PUSH R1\nPUSH R2\nPOP R3\nPOP R4\nHALT\n",
     IN "MOV R3, R2\nHALT\n", FSE_PROVED},
    {"the stack is shown", ".in R1\n.out stack\nPUSH R1\nHALT\n",
     ".in R1\n.out stack\nPUSH R0\nHALT\n", FSE_REFUTED},
    {"a stack that is full", ".in stack 256\n.in R1\n.out R3\n"
     "PUSH R1\nPOP R3\nHALT\n",
     ".in stack 256\n.in R1\n.out R3\nMOV R3, R1\nHALT\n", FSE_REFUTED},
    {"floats are what they are",
     ".in F1\n.in F2\n.out F3\nFADD F3, F1, F2\nHALT\n",
     ".in F1\n.in F2\n.out F3\nFADD F3, F2, F1\nHALT\n", FSE_PROVED},
    {"floats are no numbers",
     ".in F1\n.in F2\n.out F3\nFADD F4, F1, F2\nFSUB F3, F4, F2\nHALT\n",
     ".in F1\n.in F2\n.out F3\nFADD F3, F1, F9\nHALT\n", FSE_REFUTED},
    {"confidence", ".in R1\n.in C1\n.in C2\n.out C3\n"
     "CONF_MERGE C3, C1, C2\nHALT\n",
     ".in R1\n.in C1\n.in C2\n.out C3\nCONF_MERGE C3, C2, C1\nHALT\n",
     FSE_PROVED},
    {"confidence that is taken away",
     ".in R1\n.in C1\n.in C2\n.out C3\nSTRIPCF 2\nNOP\n"
     "CONF_MERGE C3, C1, C2\nHALT\n",
     ".in R1\n.in C1\n.in C2\n.out C3\nSTRIPCF 2\n"
     "CONF_MERGE C3, C1, C2\nHALT\n", FSE_REFUTED},
    {"a task after another",
     ".in R8\n.out R8\ntask: SENSE R1\nMOV R2, R1\nADD R8, R8, R2\n"
     "SIGNAL R0, R8, R8\nYIELD 0\nJMP task\n",
     ".in R8\n.out R8\ntask: SENSE R1\nADD R8, R8, R1\nSIGNAL R0, R8, R8\n"
     "YIELD 0\nJMP task\n", FSE_PROVED},
    {"what lives from task to task",
     ".in R8\n.out R8\ntask: SENSE R1\nADD R8, R8, R1\nSIGNAL R0, R8, R8\n"
     "YIELD 0\nJMP task\n",
     ".in R8\n.out R8\ntask: SENSE R1\nADD R9, R8, R1\nSIGNAL R0, R9, R9\n"
     "YIELD 0\nJMP task\n", FSE_REFUTED},
    {"a call", IN "CALL R0, f\nNOP\nHALT\nf: ADD R4, R1, R2\nMOV R3, R4\n"
     "RET\n",
     IN "CALL R0, f\nNOP\nHALT\nf: ADD R3, R1, R2\nRET\n", FSE_PROVED},
    {"a call of another", IN "CALL R0, f\nNOP\nHALT\nf: ADD R3, R1, R2\n"
     "RET\ng: SUB R3, R1, R2\nRET\n",
     IN "CALL R0, g\nNOP\nHALT\nf: ADD R3, R1, R2\n"
     "RET\ng: SUB R3, R1, R2\nRET\n", FSE_REFUTED},
    {"everything is shown", ".in R1\nMOV R2, R1\nMOVI R2, 0\nHALT\n",
     ".in R1\nMOVI R2, 0\nHALT\n", FSE_PROVED},
    {"everything is shown, this too", ".in R1\nMOVI R9, 1\nHALT\n",
     ".in R1\nMOVI R9, 2\nHALT\n", FSE_REFUTED},
};

static void decides(void) {
  struct fse_prover *p = prover();
  bool all = fse_prover_absent(p) == NULL;
  for (size_t i = 0; i < sizeof couples / sizeof couples[0]; i++) {
    const struct couple *c = &couples[i];
    struct fse_agreement out;
    agree(p, isa_unified(), c, &out);
    UNIT_TRUE(out.proof == FSE_PROVED ? c->proof == FSE_PROVED
                                      : c->proof != FSE_PROVED || !all,
              "%s: proof %d (%s)", c->name, (int)out.proof, out.reason);
    fse_agreement_done(&out);
  }
  fse_prover_free(p);
}

/* Without a solver what needs none is proved all the same, and nothing else
 * is said to be. */
static void without_a_solver(void) {
  const struct fse_prover_limits limits = {.exhaust = 1};
  struct fse_prover *p = fse_prover_new("/nowhere/at/all", &limits);
  unsigned proved = 0;
  CU_ASSERT_FATAL(p != NULL);
  for (size_t i = 0; i < sizeof couples / sizeof couples[0]; i++) {
    struct fse_agreement out;
    agree(p, isa_unified(), &couples[i], &out);
    UNIT_TRUE(couples[i].proof == FSE_PROVED || out.proof != FSE_PROVED,
              "%s", couples[i].name);
    proved += out.proof == FSE_PROVED;
    fse_agreement_done(&out);
  }
  UNIT_TRUE(proved >= 6, "%u", proved);
  fse_prover_free(p);
}

/* What cannot be followed has a reason. */
static void reasons(void) {
  static const struct {
    const char *a, *b, *reason;
  } row[] = {
      {".in R1\n.out R3\nMOVI R4, 9\nJZ R1, R4\nMOV R3, R1\nHALT\n",
       ".in R1\n.out R3\nMOVI R4, 9\nJZ R1, R4\nMOVI R3, 1\nHALT\n",
       "its layout is frozen: "},
      {".in R1\nCALL R0, f\nNOP\nHALT\nf: ADD R4, R1, R1\nRET\n",
       ".in R1\nCALL R0, f\nNOP\nHALT\nf: ADD R4, R1, R1\nRET\n",
       "a return address may be seen where it faults"},
      {".in R1\n.out R3\nagain: DEC R1\nJNE R1, again\nMOVI R3, 1\nHALT\n",
       ".in R1\n.out R3\nMOVI R3, 1\nHALT\n", ""},
  };
  struct fse_prover *p = prover();
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    const struct couple c = {"reason", row[i].a, row[i].b, FSE_UNPROVED};
    struct fse_agreement out;
    agree(p, isa_unified(), &c, &out);
    UNIT_TRUE(out.proof != FSE_PROVED || row[i].reason[0] == '?', "%zu", i);
    if (out.proof != FSE_PROVED)
      UNIT_TRUE(strncmp(out.reason, row[i].reason,
                        strlen(row[i].reason)) == 0 && out.reason[0] != '\0',
                "%zu: %s", i, out.reason);
    fse_agreement_done(&out);
  }
  fse_prover_free(p);
}

/* ---- the search --------------------------------------------------------- */

enum { DEADLINE = 1000, AN_HOUR = 3600000 };

static const char straight[] =
    ".in R1\n.in R2\n.out R3\n.scratch mem 0x100 16\n"
    "STOREI R1, R0, 0x100\nSTOREI R2, R0, 0x104\n"
    "LOADI R10, R0, 0x100\nLOADI R11, R0, 0x104\nADD R10, R10, R11\n"
    "STOREI R10, R0, 0x108\nLOADI R10, R0, 0x108\nMOV R3, R10\nHALT\n";

static const char looping[] =
    ".in R1 1..40\n.out R3\n.scratch mem 0x100 12\n"
    "STOREI R1, R0, 0x100\nMOVI R3, 0\n"
    "again: LOADI R10, R0, 0x100\nADD R3, R3, R10\nMOVI R11, 1\n"
    "MOV R12, R11\nSUB R10, R10, R12\nSTOREI R10, R0, 0x100\n"
    "JNE R10, again\nHALT\n";

/* What is asked for beside a program. */
struct wish {
  enum fse_assurance asked;
  const char *solver;
  const char *only;          /* the one kind of edit; NULL: all kinds */
  uint32_t prover_ms;
  const atomic_bool *cancel;
  uint64_t (*now_ns)(void *user);
  bool (*enough)(void *user);
};

static void search_for(const char *text, const struct wish *w,
                       struct fse_search_result *out) {
  struct fisa_program *p = isa_program(isa_unified(), text);
  struct fse_policy *policy = malloc(sizeof *policy);
  struct fisa_state *s = fisa_state_new(isa_unified());
  struct ftrial_set *set;
  struct fisa_trace trace = {0};
  struct fisa_error err = {""};
  CU_ASSERT_FATAL(p != NULL && policy != NULL && s != NULL);
  set = ftrial_set_new(p, 100000, &err);
  CU_ASSERT_FATAL(set != NULL);
  fse_policy_init(policy);
  policy->fuzz_states = 500;
  policy->min_assurance = w->asked;
  for (uint32_t k = 0; k < fse_kind_count && w->only != NULL; k++)
    if (strcmp(fse_kinds[k].name, w->only) != 0) policy->weight[k] = 0;
  for (uint32_t i = 0; i < 16; i++) {
    CU_ASSERT_FATAL(ftrial_fuzz_state(set, 7, i, s, &trace) == 0);
    const struct ftrial_episode e = {FTRIAL_RECORDED, s, trace.events,
                                     trace.count, 1};
    ftrial_set_add(set, &e);
  }
  const struct fse_search_request q = {
      .root = p, .parent = p, .set = set, .policy = policy, .seed = 1,
      .assurance = w->asked, .prover = w->solver,
      .prover_ms = w->prover_ms, .threads = 1, .budget = unit_scale(4000),
      .once = w->only == NULL, .deep = w->only != NULL,
      .cancel = w->cancel, .now_ns = w->now_ns,
      .deadline_ns = w->now_ns != NULL ? DEADLINE : 0, .enough = w->enough};
  UNIT_TRUE(fse_search(&q, out, &err) == 0, "%s", err.text);
  fisa_trace_done(&trace);
  fisa_state_free(s);
  ftrial_set_free(set);
  free(policy);
  fisa_program_free(p);
}

static void search(const char *text, enum fse_assurance asked,
                   const char *solver, struct fse_search_result *out) {
  const struct wish w = {.asked = asked, .solver = solver};
  search_for(text, &w, out);
}

/* A find without a loop is proved, whatever was asked for. */
static void finds_are_proved(void) {
  struct fse_search_result r;
  if (!have_solver()) {
    unit_skip("there is no flux-prove");
    return;
  }
  search(straight, FSE_ASSURE_FUZZ, unit_built("lib/flux/flux-prove"), &r);
  UNIT_TRUE(r.improved, "%s", r.reason);
  UNIT_EQ(r.assurance, FSE_ASSURE_PROOF);
  UNIT_TRUE(strstr(r.reason, ", proved") != NULL, "%s", r.reason);
  fse_search_result_done(&r);
  search(straight, FSE_ASSURE_PROOF, unit_built("lib/flux/flux-prove"), &r);
  UNIT_EQ(r.assurance, FSE_ASSURE_PROOF);
  UNIT_TRUE(r.improved, "%s", r.reason);
  fse_search_result_done(&r);
}

/* What rests on a loop is found where fuzz is enough, and said to be
 * unproved; where proof is asked for nothing else comes out. */
static void loops_are_tested(void) {
  struct fse_search_result r, proved;
  if (!have_solver()) {
    unit_skip("there is no flux-prove");
    return;
  }
  search(looping, FSE_ASSURE_FUZZ, unit_built("lib/flux/flux-prove"), &r);
  search(looping, FSE_ASSURE_PROOF, unit_built("lib/flux/flux-prove"),
         &proved);
  UNIT_TRUE(r.improved, "%s", r.reason);
  if (r.assurance != FSE_ASSURE_PROOF)
    UNIT_TRUE(strstr(r.reason, ", unproved: ") != NULL, "%s", r.reason);
  UNIT_TRUE(!proved.improved || proved.assurance == FSE_ASSURE_PROOF, "%s",
            proved.reason);
  UNIT_TRUE(proved.improved, "%s", proved.reason);
  UNIT_TRUE(r.cost_after <= proved.cost_after, "%g %g", r.cost_after,
            proved.cost_after);
  fse_search_result_done(&r);
  fse_search_result_done(&proved);
}

/* Where there is no solver, proof cannot be reached by what needs one. */
static void absent_is_said(void) {
  struct fse_search_result r;
  search(straight, FSE_ASSURE_FUZZ, "/nowhere/at/all", &r);
  UNIT_TRUE(r.improved, "%s", r.reason);
  if (r.assurance < FSE_ASSURE_PROOF)
    UNIT_TRUE(strstr(r.reason, "there is no solver") != NULL, "%s", r.reason);
  fse_search_result_done(&r);
  search(straight, FSE_ASSURE_PROOF, "/nowhere/at/all", &r);
  UNIT_TRUE(!r.improved || r.assurance == FSE_ASSURE_PROOF, "%s", r.reason);
  fse_search_result_done(&r);
}

/* The sum of two, as somebody wrote it who had no carry. */
static const char no_carry[] =
    ".in R1\n.in R2\n.out R3\n"
    "XOR R4, R1, R2\nAND R5, R1, R2\nADD R5, R5, R5\nADD R3, R4, R5\nHALT\n";

/* What the search of windows finds is proved where policy wants proof, and
 * does not come out where nobody can. */
static void found_windows_are_proved(void) {
  struct wish w = {.asked = FSE_ASSURE_PROOF, .only = "FindSequence",
                   .solver = "/nowhere/at/all"};
  struct fse_search_result r;
  search_for(no_carry, &w, &r);
  UNIT_TRUE(!r.improved, "by whom? %s", r.reason);
  fse_search_result_done(&r);
  if (!have_solver()) {
    unit_skip("there is no flux-prove");
    return;
  }
  w.solver = unit_built("lib/flux/flux-prove");
  search_for(no_carry, &w, &r);
  if (UNIT_TRUE(r.improved, "%s", r.reason)) {
    UNIT_EQ(r.assurance, FSE_ASSURE_PROOF);
    UNIT_STR_EQ(r.kinds, "FindSequence");
    UNIT_TRUE(strstr(r.reason, ", proved") != NULL, "%s", r.reason);
    UNIT_TRUE(r.cost_after == 2, "%g -> %g", r.cost_before, r.cost_after);
  }
  fse_search_result_done(&r);
}

/* ---- searches that are over while a solver is asked --------------------- */

/* A solver that hangs once it is asked, and the file that says so. */
static char hanging[512], asked_file[600];

static void hang_make(void) {
  char whole[4096];
  snprintf(hanging, sizeof hanging, "%s/hang", unit_tmpdir());
  snprintf(asked_file, sizeof asked_file, "%s.asked", hanging);
  unlink(hanging);
  unlink(asked_file);
  CU_ASSERT_FATAL(realpath(unit_built("tests/fakeprover"), whole) != NULL);
  CU_ASSERT_FATAL(chmod(whole, 0755) == 0);
  CU_ASSERT_FATAL(symlink(whole, hanging) == 0);
}

static bool hangs(void *user) {
  (void)user;
  return access(asked_file, F_OK) == 0;
}

/* A clock by which it is late once the solver hangs. */
static uint64_t late_then(void *user) {
  return hangs(user) ? DEADLINE : 0;
}

/* How many questions the solver was asked. */
static unsigned questions(void) {
  FILE *f = fopen(asked_file, "r");
  unsigned n = 0;
  int c;
  if (f == NULL) return 0;
  while ((c = getc(f)) != EOF) n += c == '\n';
  fclose(f);
  return n;
}

static bool no_child(void) {
  return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

/* What was found is handed out at the deadline, unproved, though the one
 * question would take an hour; or when somebody says that it is enough. */
static void time_is_up(void) {
  const struct wish late = {.asked = FSE_ASSURE_FUZZ, .solver = hanging,
                            .prover_ms = AN_HOUR, .now_ns = late_then};
  const struct wish enough = {.asked = FSE_ASSURE_FUZZ, .solver = hanging,
                              .prover_ms = AN_HOUR, .enough = hangs};
  struct fse_search_result r;
  hang_make();
  search_for(straight, &late, &r);
  UNIT_EQ(questions(), 1);
  UNIT_TRUE(r.improved && !r.complete, "%s", r.reason);
  UNIT_EQ(r.assurance, FSE_ASSURE_FUZZ);
  UNIT_TRUE(strstr(r.reason, "nobody waited for a proof") != NULL, "%s",
            r.reason);
  UNIT_TRUE(no_child(), "the solver was left behind");
  fse_search_result_done(&r);
  hang_make();
  search_for(straight, &enough, &r);
  UNIT_EQ(questions(), 1);
  UNIT_TRUE(r.improved && r.assurance == FSE_ASSURE_FUZZ, "%s", r.reason);
  fse_search_result_done(&r);
}

static void *cancel_then(void *cancel) {
  const struct timespec t = {0, 1000000};
  while (!hangs(NULL)) nanosleep(&t, NULL);
  atomic_store((atomic_bool *)cancel, true);
  return NULL;
}

/* An agent that goes while its search asks a solver does not wait for it: it
 * is cancelled as detaching does it, and the search comes back. */
static void cancelled(void) {
  atomic_bool cancel = false;
  const struct wish w = {.asked = FSE_ASSURE_FUZZ, .solver = hanging,
                         .prover_ms = AN_HOUR, .cancel = &cancel};
  struct fse_search_result r;
  pthread_t t;
  hang_make();
  CU_ASSERT_FATAL(pthread_create(&t, NULL, cancel_then, &cancel) == 0);
  search_for(straight, &w, &r);
  pthread_join(t, NULL);
  UNIT_EQ(questions(), 1);
  UNIT_TRUE(!r.improved && !r.complete, "%s", r.reason);
  UNIT_TRUE(no_child(), "the solver was left behind");
  fse_search_result_done(&r);
}

static const struct unit_test tests[] = {
    {"agree", "decides", decides},
    {"agree", "without_a_solver", without_a_solver},
    {"agree", "reasons", reasons},
    {"search", "finds_are_proved", finds_are_proved},
    {"search", "loops_are_tested", loops_are_tested},
    {"search", "absent_is_said", absent_is_said},
    {"search", "found_windows_are_proved", found_windows_are_proved},
    {"over", "time_is_up", time_is_up},
    {"over", "cancelled", cancelled},
};
UNIT_MAIN(tests)
