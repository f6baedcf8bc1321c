/*
 * test_rules.c - what was proved of one window is there for every window like
 * it, in other registers, with other constants, in other dialects; what was
 * contradicted is there for none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/bytes.h"
#include "plugin/offline.h"
#include "plugin/recall.h"
#include "plugin/rules_learn.h"
#include "tests/isa_util.h"
#include "tests/livehost.h"
#include "tests/unit.h"
#include "tests/window_help.h"

#define HEAD ".dialect unified\n.in R1\n.in R2\n.out R3\n"
#define CLASSIC ".dialect classic\n.in R1\n.in R2\n.out R3\n"

/* (x & c) + (x | c) - c is x, whatever c is. */
static const char long_way[] =
    HEAD "MOVI R4, 7\nAND R5, R1, R4\nOR R6, R1, R4\nADD R7, R5, R6\n"
         "SUB R3, R7, R4\nHALT\n";
/* The same with another constant, in other registers, operands turned. */
static const char long_way_too[] =
    HEAD "MOVI R9, 12\nOR R8, R9, R2\nAND R4, R9, R2\nADD R5, R8, R4\n"
         "SUB R3, R5, R9\nHALT\n";
static const char long_way_there[] =
    CLASSIC "MOVI R5, 100\nMOV R4, R2\nIAND R4, R5\nMOV R6, R2\nIOR R6, R5\n"
            "IADD R4, R6\nISUB R4, R5\nMOV R3, R4\nHALT\n";
/* Not the same: the constant that is taken away is another. */
static const char other_way[] =
    HEAD "MOVI R4, 7\nMOVI R8, 6\nAND R5, R1, R4\nOR R6, R1, R4\n"
         "ADD R7, R5, R6\nSUB R3, R7, R8\nHALT\n";

/* ---- windows ------------------------------------------------------------ */

static struct fse_prover *prover(void) {
  struct fse_prover *p = fse_prover_new(NULL, NULL);
  CU_ASSERT_FATAL(p != NULL && fse_prover_absent(p) == NULL);
  return p;
}

/* The cheapest replacement, as a rule that is no wider than that. */
static void rule_of(struct hunt *h, uint32_t cost, struct fse_rule *out) {
  struct fse_enum_result r = hunt_enum(h, cost, UINT64_C(1) << 30);
  CU_ASSERT_FATAL(r.found);
  UNIT_EQ(fse_rule_make(&h->window.task, h->menu, &r.patch, out), 0);
}

/* As fse_rule_apply, and 0 where it does not match. */
static int apply(struct hunt *h, const struct fse_rule *r,
                 struct fse_patch *patch) {
  const struct fse_enum_request q = {.task = &h->window.task, .menu = h->menu,
                                     .tests = &h->tests};
  struct fse_match m;
  return fse_rule_matches(r, &h->window.task.form, &m)
             ? fse_rule_apply(r, &m, &q, patch)
             : 0;
}

/* ---- one rule ----------------------------------------------------------- */

/* As narrow as it was found, then as wide as it is true. */
static void proved_and_widened(void) {
  struct hunt h, other;
  struct fse_rule narrow, wide;
  struct fse_match m;
  struct fse_prover *p = prover();
  hunt_make(&h, long_way, NULL, NULL);
  rule_of(&h, 1, &narrow);
  UNIT_EQ(narrow.any, 0);
  UNIT_EQ(narrow.left.const_count, 1);
  wide = narrow;
  UNIT_EQ(fse_rule_prove(&wide, p, h.rig.dialect, false), FSE_PROVED);
  UNIT_EQ(wide.any, 0);
  UNIT_EQ(fse_rule_prove(&wide, p, h.rig.dialect, true), FSE_PROVED);
  UNIT_EQ(wide.any, 1);
  hunt_make(&other, long_way_too, NULL, NULL);
  UNIT_TRUE(!fse_rule_matches(&narrow, &other.window.task.form, &m),
            "7 is not 12");
  UNIT_TRUE(fse_rule_matches(&wide, &other.window.task.form, &m), "any is");
  UNIT_EQ(m.constant[0], 12);
  hunt_done(&other);
  hunt_make(&other, other_way, NULL, NULL);
  UNIT_TRUE(!fse_rule_matches(&wide, &other.window.task.form, &m),
            "one constant is not two");
  hunt_done(&other);
  hunt_done(&h);
  fse_prover_free(p);
}

/* A constant that matters is not widened; one that the result says as well
 * goes with it. */
static void widened_with_the_result(void) {
  static const char times[] =
      HEAD "MOVI R4, 5\nADD R5, R1, R4\nMOVI R6, 5\nADD R7, R6, R1\n"
           "AND R3, R5, R7\nHALT\n";
  static const char elsewhere[] =
      HEAD "MOVI R4, 77\nADD R5, R2, R4\nMOVI R6, 77\nADD R7, R6, R2\n"
           "AND R3, R5, R7\nHALT\n";
  static const char matters[] =
      HEAD "MOVI R4, 31\nSHR R5, R1, R4\nXOR R6, R1, R5\nSUB R3, R6, R5\n"
           "HALT\n";
  struct hunt h, other;
  struct fse_rule r;
  struct fse_patch patch;
  struct fse_prover *p = prover();
  hunt_make(&h, times, "ADDI", NULL);
  rule_of(&h, 3, &r);
  UNIT_EQ(fse_rule_prove(&r, p, h.rig.dialect, true), FSE_PROVED);
  UNIT_EQ(r.any, 1);
  hunt_make(&other, elsewhere, "ADDI", NULL);
  UNIT_EQ(apply(&other, &r, &patch), 1);
  UNIT_TRUE(hunt_holds(&other, &patch, 2000), "with 77 in it");
  hunt_done(&other);
  hunt_done(&h);
  hunt_make(&h, matters, NULL, NULL);
  rule_of(&h, 1, &r);
  UNIT_EQ(fse_rule_prove(&r, p, h.rig.dialect, true), FSE_PROVED);
  UNIT_EQ(r.any, 0);
  hunt_done(&h);
  fse_prover_free(p);
}

/* What is learned in one dialect serves in all that have such rows; where a
 * row is denied, or is not there, it does not. */
static void serves_elsewhere(void) {
  static const char *const texts[] = {long_way, long_way_too, long_way_there};
  struct fse_rule r;
  struct fse_patch patch;
  struct fse_prover *p = prover();
  struct hunt h;
  hunt_make(&h, long_way, NULL, NULL);
  rule_of(&h, 1, &r);
  UNIT_EQ(fse_rule_prove(&r, p, h.rig.dialect, true), FSE_PROVED);
  hunt_done(&h);
  for (unsigned i = 0; i < 3; i++) {
    hunt_make(&h, texts[i], NULL, NULL);
    UNIT_EQ(apply(&h, &r, &patch), 1);
    UNIT_EQ(patch.count, 1);
    UNIT_TRUE(hunt_holds(&h, &patch, 2000), "program %u", i);
    hunt_done(&h);
  }
  hunt_make(&h, long_way_there, "MOV", NULL);
  UNIT_EQ(apply(&h, &r, &patch), 0);
  hunt_done(&h);
  fse_prover_free(p);
}

/* A rule that is wrong is refuted by the prover, and where it is put to. */
static void wrong_rules(void) {
  struct hunt h;
  struct fse_rule r;
  struct fse_patch patch;
  struct fse_prover *p = prover();
  unsigned counters;
  hunt_make(&h, long_way, NULL, NULL);
  rule_of(&h, 1, &r);
  r.left.node[r.left.node_count - 1].op = FLUX_OP_ADD;
  UNIT_EQ(fse_rule_prove(&r, p, h.rig.dialect, true), FSE_REFUTED);
  UNIT_EQ(r.any, 0);
  hunt_done(&h);
  hunt_make(&h, HEAD "MOVI R4, 7\nAND R5, R1, R4\nOR R6, R1, R4\n"
                     "ADD R7, R5, R6\nADD R3, R7, R4\nHALT\n", NULL, NULL);
  counters = h.tests.counter_count;
  UNIT_EQ(apply(&h, &r, &patch), -1);
  UNIT_TRUE(h.tests.counter_count > counters, "what showed it is kept");
  hunt_done(&h);
  fse_prover_free(p);
}

/* ---- bytes -------------------------------------------------------------- */

static void rule_bytes(void) {
  struct hunt h;
  struct fse_rule r, back;
  struct fse_writer w = {0}, again = {0};
  hunt_make(&h, long_way, NULL, NULL);
  rule_of(&h, 1, &r);
  UNIT_TRUE(fse_rule_put(&w, &r), "memory");
  UNIT_EQ(fse_rule_get(w.bytes, w.size, &back), 0);
  UNIT_TRUE(fse_rule_put(&again, &back), "memory");
  UNIT_EQ(again.size, w.size);
  UNIT_MEM_EQ(again.bytes, w.bytes, w.size);
  for (size_t n = 0; n < w.size; n++)
    UNIT_EQ(fse_rule_get(w.bytes, n, &back), -1);
  free(again.bytes);
  free(w.bytes);
  hunt_done(&h);
}

/* Any byte may be another: it is no rule then, or one that is put to windows
 * and proofs like any other. */
static void hostile_rules(void) {
  struct hunt h;
  struct fse_rule r, back;
  struct fse_writer w = {0};
  struct fse_patch patch;
  struct fse_prover *p = prover();
  const bool slow = unit_scale(2) < 2;
  unsigned rules = 0;
  hunt_make(&h, long_way, NULL, NULL);
  rule_of(&h, 1, &r);
  UNIT_TRUE(fse_rule_put(&w, &r), "memory");
  for (size_t i = 0; i < w.size; i++)
    for (unsigned bit = 0; bit < 8; bit++) {
      if (slow && bit != i % 8) continue;
      w.bytes[i] ^= (uint8_t)(1u << bit);
      if (fse_rule_get(w.bytes, w.size, &back) == 0) {
        rules++;
        (void)apply(&h, &back, &patch);
        if ((slow ? i : bit) % 4 == 0)
          (void)fse_rule_prove(&back, p, h.rig.dialect, true);
      }
      w.bytes[i] ^= (uint8_t)(1u << bit);
    }
  UNIT_TRUE(rules > (slow ? 2 : 20) && rules < w.size * 8, "%u rules", rules);
  fse_prover_free(p);
  free(w.bytes);
  hunt_done(&h);
}

/* ---- the store ---------------------------------------------------------- */

static const char *journal_path(void) {
  static char path[512];
  static unsigned n;
  snprintf(path, sizeof path, "%s/rules%u.db", unit_tmpdir(), n++);
  return path;
}

static struct fse_journal *journal_at(const char *path) {
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  CU_ASSERT_FATAL(fse_journal_open(path, &j, &err) == 0);
  return j;
}

static int put(struct fse_rules *rs, struct hunt *h, struct fse_prover *p,
               const uint8_t **name) {
  const struct fse_enum_request q = {.task = &h->window.task, .menu = h->menu,
                                     .tests = &h->tests};
  const struct fse_rules_use use = {&q, p, h->rig.dialect};
  struct fse_patch patch;
  return fse_rules_apply(rs, &use, &patch, name);
}

/* Kept, there again, and after it was revoked never again. */
static void kept_and_revoked(void) {
  char *path = strdup(journal_path());
  struct fse_journal *j = journal_at(path);
  struct fse_rules *rs = fse_rules_new(j, NULL);
  struct fse_uses uses = {0};
  const uint8_t *name, *found = NULL;
  struct fse_rule r;
  struct hunt h;
  hunt_make(&h, long_way, NULL, NULL);
  rule_of(&h, 1, &r);
  UNIT_EQ(put(rs, &h, NULL, &found), 0);
  UNIT_TRUE(!fse_rules_may(rs, &h.window.task.form), "nothing may");
  name = fse_rules_add(rs, &r);
  CU_ASSERT_FATAL(name != NULL);
  UNIT_TRUE(fse_rules_add(rs, &r) == name, "once");
  UNIT_EQ(fse_rules_count(rs), 1);
  UNIT_EQ(put(rs, &h, NULL, &found), 1);
  UNIT_TRUE(found == name && fse_rules_may(rs, &h.window.task.form), "it is");
  fse_uses_add(&uses, name);
  UNIT_TRUE(!fse_rules_tainted(rs, &uses), "sound");
  fse_rules_free(rs);
  rs = fse_rules_new(j, NULL);
  UNIT_EQ(fse_rules_count(rs), 1);
  UNIT_EQ(put(rs, &h, NULL, &found), 1);
  UNIT_MEM_EQ(found, uses.name[0], FSE_RULE_NAME);
  fse_rules_revoke(rs, uses.name[0]);
  UNIT_EQ(put(rs, &h, NULL, &found), 0);
  UNIT_TRUE(fse_rules_tainted(rs, &uses), "tainted");
  UNIT_TRUE(fse_rules_add(rs, &r) == NULL, "not learned again");
  fse_rules_free(rs);
  fse_journal_close(j);
  j = journal_at(path);
  UNIT_EQ(fse_journal_prune(j, 0, NULL), 0);
  rs = fse_rules_new(j, NULL);
  UNIT_EQ(fse_rules_count(rs), 0);
  UNIT_TRUE(fse_rules_tainted(rs, &uses), "nor forgotten");
  UNIT_TRUE(fse_rules_add(rs, &r) == NULL, "for ever");
  fse_rules_free(rs);
  fse_journal_close(j);
  free(path);
  hunt_done(&h);
}

/* Puts a rule into a journal as another build would have. */
static void plant_rule(struct fse_journal *j, const struct fse_rule *r,
                       uint8_t name[FSE_RULE_NAME], bool lie) {
  static const uint8_t other[32] = {1};
  struct fse_writer w = {0};
  UNIT_TRUE(fse_rule_put(&w, r), "memory");
  fisa_sha256(w.bytes, w.size, name);
  if (lie) name[0] ^= 1;
  const struct fse_stored_rule s = {name, other, w.bytes, w.size, false};
  UNIT_EQ(fse_journal_rule_put(j, &s, NULL), 0);
  free(w.bytes);
}

static bool nobody_waits(void *user) {
  (void)user;
  return true;
}

/* Another build's rules are proved first; the wrong ones are found out, and
 * what bears another's name is none. */
static void of_another_build(void) {
  struct fse_journal *j = journal_at(journal_path());
  uint8_t name[FSE_RULE_NAME], wrong[FSE_RULE_NAME], none[FSE_RULE_NAME];
  const struct fse_prover_limits limits = {.stop = nobody_waits};
  struct fse_prover *p = prover(), *gone = fse_prover_new(NULL, &limits);
  const uint8_t *found = NULL;
  struct fse_uses uses = {0};
  struct fse_rules *rs;
  struct fse_rule r, bad;
  struct hunt h;
  hunt_make(&h, long_way, NULL, NULL);
  rule_of(&h, 1, &r);
  bad = r;
  bad.right.out[0] = (uint8_t)bad.right.in_count; /* the constant, if any */
  bad.right.const_count = 1;
  bad.right.node[0].a = 1;
  bad.right.constant[0] = 3;
  bad.right.out[0] = r.right.out[0] + 1;
  plant_rule(j, &bad, wrong, false);
  plant_rule(j, &r, name, false);
  plant_rule(j, &r, none, true);
  rs = fse_rules_new(j, NULL);
  UNIT_EQ(fse_rules_count(rs), 2);
  UNIT_EQ(put(rs, &h, NULL, &found), 0);
  /* A search that is over refuses nothing for the others. */
  UNIT_EQ(put(rs, &h, gone, &found), 0);
  fse_prover_free(gone);
  UNIT_EQ(put(rs, &h, p, &found), 1);
  UNIT_MEM_EQ(found, name, sizeof name);
  fse_uses_add(&uses, wrong);
  UNIT_TRUE(fse_rules_tainted(rs, &uses), "the wrong one is revoked");
  fse_rules_free(rs);
  /* It stands for it now. */
  rs = fse_rules_new(j, NULL);
  UNIT_EQ(fse_rules_count(rs), 1);
  UNIT_EQ(put(rs, &h, NULL, &found), 1);
  fse_rules_free(rs);
  fse_journal_close(j);
  fse_prover_free(p);
  hunt_done(&h);
}

static void uses_are_sets(void) {
  struct fse_uses u = {0}, v = {0};
  uint8_t name[FSE_RULE_NAME] = {0};
  for (unsigned i = 0; i < FSE_USES_MAX; i++) {
    name[0] = (uint8_t)i;
    fse_uses_add(&u, name);
    fse_uses_add(&u, name);
  }
  UNIT_TRUE(u.count == FSE_USES_MAX && !u.more, "%u", u.count);
  name[0] = 3;
  UNIT_TRUE(fse_uses_has(&u, name), "3");
  name[0] = 200;
  UNIT_TRUE(!fse_uses_has(&u, name), "200");
  fse_uses_add_all(&v, &u);
  UNIT_EQ(v.count, u.count);
  fse_uses_add(&u, name);
  UNIT_TRUE(u.more && fse_uses_has(&u, name), "it may be any");
  fse_uses_add_all(&v, &u);
  UNIT_TRUE(v.more, "so may this");
}

/* ---- searches ----------------------------------------------------------- */

/* x & x - 1, and that with y put together in three rows that could be one. */
static const char tangle[] =
    HEAD "MOVI R4, 1\nSUB R5, R1, R4\nAND R6, R1, R5\nOR R7, R6, R2\n"
         "AND R8, R6, R2\nSUB R3, R7, R8\nHALT\n";
static const char tangle_too[] =
    HEAD "MOVI R9, 1\nSUB R8, R2, R9\nAND R7, R8, R2\nAND R5, R1, R7\n"
         "OR R6, R7, R1\nSUB R3, R6, R5\nHALT\n";
static const char tangle_there[] =
    CLASSIC "MOVI R5, 1\nMOV R4, R1\nISUB R4, R5\nIAND R4, R1\n"
            "MOV R6, R4\nIOR R6, R2\nMOV R7, R4\nIAND R7, R2\n"
            "ISUB R6, R7\nMOV R3, R6\nHALT\n";

/* Evolves a program by the search of windows alone. */
static void evolve(const char *text, struct fse_journal *j, uint64_t budget,
                   struct fse_offline_result *out) {
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  struct fse_policy policy;
  struct fisa_error err = {""};
  char dialect[32] = "";
  UNIT_EQ(sscanf(text, ".dialect %31s", dialect), 1);
  CU_ASSERT_FATAL(fisa_dialect_builtin(dialect, true, &d, &err) == 0);
  CU_ASSERT_FATAL(fisa_assemble(d, text, strlen(text), "p", &p, &err) == 0);
  fse_policy_init(&policy);
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (strcmp(fse_kinds[k].name, "FindSequence") != 0) policy.weight[k] = 0;
  policy.budget = budget;
  policy.fuzz_states = 500;
  const struct fse_offline o = {.program = p, .policy = &policy, .name = "p",
                                .journal = j};
  UNIT_TRUE(fse_offline_run(&o, out, &err) == 0, "%s", err.text);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* A search without work to spend on windows finds by rule what another had to
 * look for, in whatever dialect that was. */
static void found_by_rule(void) {
  static const char *const texts[] = {tangle_too, tangle_there};
  struct fse_journal *j = journal_at(journal_path());
  struct fse_offline_result r;
  evolve(tangle, j, 400, &r);
  UNIT_TRUE(r.improved && r.assurance == FSE_ASSURE_PROOF, "learned");
  fse_offline_result_done(&r);
  for (unsigned i = 0; i < 2; i++) {
    evolve(texts[i], NULL, 4, &r);
    UNIT_TRUE(!r.improved, "%u: not by itself", i);
    fse_offline_result_done(&r);
    evolve(texts[i], j, 4, &r);
    UNIT_TRUE(r.improved && r.cycles_after < r.cycles_before, "%u: by rule",
              i);
    fse_offline_result_done(&r);
  }
  fse_journal_close(j);
}

static int revoke_all(const struct fse_stored_rule *r, void *user) {
  fse_uses_add(user, r->name);
  return 0;
}

/* An answer that owes something to a revoked rule is none. */
static void answers_go_with_rules(void) {
  struct fse_journal *j = journal_at(journal_path());
  struct fse_offline_result r;
  struct fse_uses all = {0};
  evolve(long_way, j, 400, &r);
  fse_offline_result_done(&r);
  evolve(long_way, j, 400, &r);
  UNIT_TRUE(r.recalled, "there is an answer");
  fse_offline_result_done(&r);
  UNIT_EQ(fse_journal_rules(j, revoke_all, NULL, &all), 0);
  UNIT_TRUE(all.count > 0, "rules");
  for (uint32_t i = 0; i < all.count; i++)
    UNIT_EQ(fse_journal_rule_revoke(j, all.name[i], NULL), 0);
  evolve(long_way, j, 400, &r);
  UNIT_TRUE(!r.recalled, "the answer went with its rule");
  fse_offline_result_done(&r);
  fse_journal_close(j);
}

/* ---- live --------------------------------------------------------------- */

static const char agent[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n"
    "MOVI R4, 7\nAND R5, R1, R4\nOR R6, R1, R4\nADD R7, R5, R6\n"
    "SUB R3, R7, R4\nTELL R3, R1, R0\nHALT\n";

static void open_agent(struct livehost *h, const char *path) {
  livehost_open_small(h, agent);
  livehost_set_text(h, "journal", path);
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    static char name[FSE_KINDS_MAX][64];
    if (!fse_kind_preserves(k)) continue;
    snprintf(name[k], sizeof name[k], "policy.weights.%s", fse_kinds[k].name);
    livehost_set(h, name[k], strcmp(fse_kinds[k].name, "FindSequence") == 0);
  }
  UNIT_TRUE(livehost_start(h), "%s", h->explanation);
}

/* Tasks until a version that owes something to a rule is accepted. */
static void accept_ruled(struct livehost *h) {
  for (unsigned n = 0; n < 8 && h->evolved->live.uses.count == 0; n++)
    livehost_accept(h);
  CU_ASSERT_FATAL(h->evolved->live.uses.count > 0);
}

static void until_root(struct livehost *h) {
  struct livehost_lie l = {.cell = -1};
  for (unsigned n = 0; n < 50 && !h->offered; n++) {
    livehost_task(h, NULL);
    livehost_settle(h);
  }
  CU_ASSERT_FATAL(h->offered);
  l.flags = livehost_install(h);
  livehost_task(h, &l);
  livehost_settle(h);
  UNIT_TRUE(h->evolved->live.program == NULL, "the root");
  UNIT_EQ(h->evolved->live.uses.count, 0);
}

/* A version that turns out wrong takes its rules with it, for good. */
static void contradicted_live(void) {
  const struct livehost_lie wrong = {.cell = 3, .add = 1};
  char *path = strdup(journal_path());
  struct fse_uses uses;
  struct livehost h;
  open_agent(&h, path);
  accept_ruled(&h);
  uses = h.evolved->live.uses;
  UNIT_TRUE(!fse_rules_tainted(h.evolved->instance->rules, &uses), "sound");
  livehost_task(&h, &wrong);
  livehost_settle(&h);
  until_root(&h);
  UNIT_TRUE(fse_rules_tainted(h.evolved->instance->rules, &uses), "revoked");
  UNIT_TRUE(livehost_said(&h, "rule is revoked") > 0, "told");
  livehost_stop(&h);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(fse_rules_tainted(h.evolved->instance->rules, &uses), "still");
  livehost_close(&h);
  free(path);
}

/* And so do all others that owe it something: those that run, */
static void revoked_elsewhere(void) {
  struct fse_uses uses;
  struct livehost h;
  open_agent(&h, journal_path());
  accept_ruled(&h);
  uses = h.evolved->live.uses;
  fse_rules_revoke(h.evolved->instance->rules, uses.name[0]);
  livehost_task(&h, NULL);
  livehost_settle(&h);
  until_root(&h);
  UNIT_TRUE(livehost_said(&h, "contradicted elsewhere") > 0, "told why");
  livehost_close(&h);
}

/* and those that would come back with the host. */
static void not_resumed(void) {
  char *path = strdup(journal_path());
  struct livehost h;
  struct fse_journal *j;
  struct fse_uses uses;
  open_agent(&h, path);
  accept_ruled(&h);
  uses = h.evolved->live.uses;
  livehost_stop(&h);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(h.offered, "the version comes back");
  UNIT_TRUE(fse_uses_has(&h.evolved->live.uses, uses.name[0]), "with its debt");
  livehost_stop(&h);
  j = journal_at(path);
  UNIT_EQ(fse_journal_rule_revoke(j, uses.name[0], NULL), 0);
  fse_journal_close(j);
  h.offered = false;
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(!h.offered, "the original");
  UNIT_TRUE(livehost_said(&h, "rule that was revoked") > 0, "told why");
  livehost_close(&h);
  free(path);
}

static const struct unit_test tests[] = {
    {"rule", "proved and widened", proved_and_widened},
    {"rule", "widened with the result", widened_with_the_result},
    {"rule", "serves elsewhere", serves_elsewhere},
    {"rule", "wrong", wrong_rules},
    {"bytes", "there and back", rule_bytes},
    {"bytes", "hostile", hostile_rules},
    {"store", "kept and revoked", kept_and_revoked},
    {"store", "of another build", of_another_build},
    {"store", "uses", uses_are_sets},
    {"search", "found by rule", found_by_rule},
    {"search", "answers go with rules", answers_go_with_rules},
    {"live", "contradicted", contradicted_live},
    {"live", "revoked elsewhere", revoked_elsewhere},
    {"live", "not resumed", not_resumed},
};

/* The solver lies beside the plugin, and the plugin is this program: a folder
 * of its own has a link to one. */
int main(int argc, char **argv) {
  static char self[512], solver[512];
  snprintf(self, sizeof self, "%s/test_rules", unit_tmpdir());
  snprintf(solver, sizeof solver, "%s/flux-prove", unit_tmpdir());
  if (symlink(unit_built("lib/flux/flux-prove"), solver) != 0) return 1;
  argv[0] = self;
  return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
