/*
 * test_recall.c - what a search found is there for the next, and only for one
 * that asks the same; nothing that is kept is believed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/bytes.h"
#include "plugin/offline.h"
#include "plugin/recall.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { BUDGET = 300 };
#define ASSURANCE FSE_ASSURE_FUZZ

/* ---- bytes -------------------------------------------------------------- */

static void bytes_come_back(void) {
  struct fse_writer w = {0};
  struct fse_reader r;
  uint8_t raw[3] = {1, 2, 255}, got[3];
  char text[8], small[3];
  fse_put(&w, 0);
  fse_put(&w, UINT32_MAX);
  fse_put_bytes(&w, raw, sizeof raw);
  fse_put_text(&w, "");
  fse_put_text(&w, "abc");
  UNIT_TRUE(!w.failed && w.size == 4 + 4 + 3 + 4 + 7, "%zu bytes", w.size);
  r = (struct fse_reader){w.bytes, w.bytes + w.size, false};
  UNIT_EQ(fse_get(&r), 0);
  UNIT_EQ(fse_get(&r), UINT32_MAX);
  fse_get_bytes(&r, got, sizeof got);
  UNIT_MEM_EQ(got, raw, sizeof raw);
  fse_get_text(&r, text, sizeof text);
  UNIT_STR_EQ(text, "");
  UNIT_TRUE(!fse_get_ended(&r), "more to come");
  fse_get_text(&r, text, sizeof text);
  UNIT_STR_EQ(text, "abc");
  UNIT_TRUE(fse_get_ended(&r), "that was all");
  UNIT_EQ(fse_get(&r), 0);
  UNIT_TRUE(r.failed && !fse_get_ended(&r), "there is no more");
  /* A text that has no room is none. */
  r = (struct fse_reader){w.bytes + 15, w.bytes + w.size, false};
  fse_get_text(&r, small, sizeof small);
  UNIT_TRUE(r.failed && small[0] == '\0', "no room");
  free(w.bytes);
}

static void hostile_bytes(void) {
  static const uint8_t bell[] = {1, 0, 0, 0, 7};
  static const uint8_t many[] = {255, 255, 255, 255, 1, 2, 3, 4};
  struct fse_reader r = {bell, bell + sizeof bell, false};
  char text[8];
  uint8_t out[8] = {9, 9, 9, 9, 9, 9, 9, 9};
  fse_get_text(&r, text, sizeof text);
  UNIT_TRUE(r.failed && text[0] == '\0', "no text");
  r = (struct fse_reader){many, many + sizeof many, false};
  UNIT_EQ(fse_get_count(&r, 1), 0);
  UNIT_TRUE(r.failed, "that many are not there");
  r = (struct fse_reader){many + 4, many + 8, false};
  fse_get_bytes(&r, out, sizeof out);
  UNIT_TRUE(r.failed && out[0] == 0 && out[7] == 0, "zeros");
}

/* ---- a root, what is better, and what is not ----------------------------- */

static const char slow[] =
    ".in R1 1..40\n.out R3\n MOVI R3, 0\nagain: ADD R3, R3, R1\n NOP\n"
    " DEC R1\n JNE R1, again\n HALT\n";
static const char fast[] =
    ".in R1 1..40\n.out R3\n MOVI R3, 0\nagain: ADD R3, R3, R1\n"
    " DEC R1\n JNE R1, again\n HALT\n";
/* As fast, and wrong in what it gives. */
static const char wrong[] =
    ".in R1 1..40\n.out R3\n MOVI R3, 1\nagain: ADD R3, R3, R1\n"
    " DEC R1\n JNE R1, again\n HALT\n";
/* It never ends. */
static const char endless[] =
    ".in R1 1..40\n.out R3\n MOVI R3, 0\nagain: ADD R3, R3, R1\n"
    " DEC R1\n JMP again\n HALT\n";

struct rig {
  struct fisa_program *root, *better;
  struct fse_policy policy;
  struct fse_journal *journal;
  uint8_t key[32];
};

static struct fse_journal *new_journal(void) {
  static unsigned n;
  char path[512];
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  snprintf(path, sizeof path, "%s/recall%u.db", unit_tmpdir(), n++);
  CU_ASSERT_FATAL(fse_journal_open(path, &j, &err) == 0);
  return j;
}

static void rig_open(struct rig *r, const char *better) {
  memset(r, 0, sizeof *r);
  r->root = isa_program(isa_unified(), slow);
  r->better = isa_program(isa_unified(), better);
  CU_ASSERT_FATAL(r->root != NULL && r->better != NULL);
  fse_policy_init(&r->policy);
  r->policy.budget = BUDGET;
  r->policy.fuzz_states = 500;
  r->policy.min_assurance = ASSURANCE;
  r->journal = new_journal();
  fse_found_key(r->root, &r->policy, ASSURANCE, r->key);
}

static void rig_close(struct rig *r) {
  fse_journal_close(r->journal);
  fisa_program_free(r->better);
  fisa_program_free(r->root);
}

/* Where the two have instructions: all but the NOP, by the order of both. */
static const struct fse_place *places(const struct rig *r, uint32_t *count) {
  static struct fse_place place[8];
  struct fisa_facts *a = NULL, *b = NULL;
  uint32_t k = 0;
  UNIT_EQ(fisa_facts_make(r->root, &a, NULL), 0);
  UNIT_EQ(fisa_facts_make(r->better, &b, NULL), 0);
  for (uint32_t i = 0; i < a->count && k < b->count; i++) {
    place[k].from_pc = a->insn[i].pc;
    place[k].to_pc = b->insn[k].pc;
    k += strcmp(a->insn[i].row->name, "NOP") != 0;
  }
  fisa_facts_free(a);
  fisa_facts_free(b);
  *count = k;
  return place;
}

static void keep(struct rig *r, const struct fse_finding *how) {
  struct fse_version v = {.program = r->better, .root = r->root};
  struct fisa_error err = {""};
  v.places = places(r, &v.place_count);
  UNIT_TRUE(fse_found_keep(r->journal, r->key, &v, how, &err) == 0, "%s",
            err.text);
}

static struct fse_finding finding(const struct rig *r) {
  return (struct fse_finding){.assurance = FSE_ASSURE_PROOF, .complete = true,
                              .seed = r->policy.seed,
                              .budget = r->policy.budget, .kinds = "Given"};
}

/* What was kept, as bytes to be freed. */
static uint8_t *kept(const struct rig *r, size_t *size) {
  uint8_t *blob = NULL;
  CU_ASSERT_FATAL(fse_journal_get(r->journal, FSE_SHELF_ANSWERS, r->key, &blob,
                                  size, NULL) == 1);
  return blob;
}

/* Other bytes in their place. */
static void keep_bytes(struct rig *r, const uint8_t *blob, size_t size) {
  UNIT_EQ(fse_journal_put(r->journal, FSE_SHELF_ANSWERS, r->key, blob, size,
                          NULL), 0);
}

/* ---- keys --------------------------------------------------------------- */

static void same_question(void) {
  struct rig r;
  uint8_t key[32];
  rig_open(&r, fast);
  r.policy.seed = 99;       /* means, and no part of the question */
  r.policy.budget = 17;
  r.policy.threads = 3;
  fse_found_key(r.root, &r.policy, ASSURANCE, key);
  UNIT_MEM_EQ(key, r.key, sizeof key);
  rig_close(&r);
}

static void is_another(struct rig *r, const char *what) {
  uint8_t key[32];
  fse_found_key(r->root, &r->policy, r->policy.min_assurance, key);
  UNIT_TRUE(memcmp(key, r->key, sizeof key) != 0, "%s", what);
}

static void other_questions(void) {
  struct rig r;
  rig_open(&r, fast);
  const struct fse_policy was = r.policy;
  r.policy.max_size--;
  is_another(&r, "size");
  r.policy = was;
  r.policy.max_growth = 1.25;
  is_another(&r, "growth");
  r.policy = was;
  r.policy.max_task_cycles--;
  is_another(&r, "cycles of a task");
  r.policy = was;
  r.policy.fuzz_states++;
  is_another(&r, "states");
  r.policy = was;
  r.policy.min_assurance = FSE_ASSURE_PROOF;
  is_another(&r, "assurance");
  r.policy = was;
  r.policy.weight[fse_kind_count - 1] = 0;
  is_another(&r, "weight");
  r.policy = was;
  strcpy(r.policy.deny[r.policy.deny_count++], "MUL");
  is_another(&r, "denied");
  strcpy(r.policy.deny[0], "DIV");
  uint8_t denied[32], allowed[32];
  fse_found_key(r.root, &r.policy, ASSURANCE, denied);
  r.policy = was;
  strcpy(r.policy.allow[r.policy.allow_count++], "DIV");
  is_another(&r, "allowed");
  fse_found_key(r.root, &r.policy, ASSURANCE, allowed);
  UNIT_TRUE(memcmp(denied, allowed, sizeof denied) != 0, "no mix-up");
  r.policy = was;
  fisa_program_free(r.root);
  r.root = isa_program(isa_unified(), fast);
  is_another(&r, "root");
  rig_close(&r);
}

/* ---- keeping ------------------------------------------------------------ */

static void comes_back(void) {
  struct rig r;
  struct fse_found f;
  struct fse_finding how;
  rig_open(&r, fast);
  how = finding(&r);
  UNIT_EQ(fse_found_recall(r.journal, r.key, r.root, &f), 0);
  keep(&r, &how);
  UNIT_EQ(fse_found_recall(r.journal, r.key, r.root, &f), 1);
  UNIT_TRUE(f.by_this_build, "it was us");
  UNIT_MEM_EQ(f.program->hash, r.better->hash, 32);
  UNIT_EQ(f.place_count, 5);
  UNIT_STR_EQ(f.how.kinds, "Given");
  UNIT_EQ(f.how.assurance, FSE_ASSURE_PROOF);
  UNIT_TRUE(f.how.complete && f.how.seed == r.policy.seed, "how");
  UNIT_EQ(f.how.budget, BUDGET);
  fse_found_done(&f);
  UNIT_EQ(fse_found_forget(r.journal, r.key, NULL), 0);
  UNIT_EQ(fse_found_recall(r.journal, r.key, r.root, &f), 0);
  UNIT_EQ(fse_found_forget(r.journal, r.key, NULL), 0);
  rig_close(&r);
}

/* That there is nothing better is an answer, too. */
static void nothing_better(void) {
  struct rig r;
  struct fse_found f;
  struct fse_finding how;
  struct fse_version v = {.program = NULL};
  rig_open(&r, fast);
  how = finding(&r);
  how.seed = UINT64_MAX - 1;
  UNIT_EQ(fse_found_keep(r.journal, r.key, &v, &how, NULL), 0);
  UNIT_EQ(fse_found_recall(r.journal, r.key, r.root, &f), 1);
  UNIT_TRUE(f.program == NULL && f.place_count == 0, "nothing");
  UNIT_TRUE(f.how.seed == UINT64_MAX - 1, "all of the seed");
  fse_found_done(&f);
  rig_close(&r);
}

/* Whatever the bytes, what comes back is a program with places in it. */
static void try_bytes(struct rig *r, const uint8_t *blob, size_t size) {
  struct fse_found f;
  keep_bytes(r, blob, size);
  if (!fse_found_recall(r->journal, r->key, r->root, &f)) return;
  UNIT_TRUE(f.how.assurance <= FSE_ASSURE_PROOF, "an assurance");
  if (f.program != NULL)
    UNIT_TRUE(f.program->entry < f.program->size, "an entry");
  for (uint32_t i = 0; i < f.place_count; i++)
    UNIT_TRUE(f.places[i].from_pc < r->root->size &&
                  f.places[i].to_pc < f.program->size, "places");
  fse_found_done(&f);
}

static void damaged(void) {
  struct rig r;
  struct fse_finding how;
  uint8_t *blob;
  size_t size;
  rig_open(&r, fast);
  how = finding(&r);
  keep(&r, &how);
  blob = kept(&r, &size);
  for (size_t n = 1; n < size; n += 1 + n / 16) {
    struct fse_found f;
    keep_bytes(&r, blob, n);
    UNIT_EQ(fse_found_recall(r.journal, r.key, r.root, &f), 0);
  }
  for (size_t i = 0; i < size; i++) {
    uint8_t was = blob[i];
    blob[i] = (uint8_t)(was ^ (1u << i % 8));
    try_bytes(&r, blob, size);
    blob[i] = 255;
    try_bytes(&r, blob, size);
    blob[i] = was;
  }
  free(blob);
  rig_close(&r);
}

/* ---- searches ----------------------------------------------------------- */

static struct fse_offline_result run(struct rig *r, struct fse_journal *j) {
  struct fse_offline o = {.name = "t", .program = r->root,
                          .policy = &r->policy, .journal = j};
  struct fse_offline_result out;
  struct fisa_error err = {""};
  CU_ASSERT_FATAL(fse_offline_run(&o, &out, &err) == 0);
  return out;
}

/* The second run has what the first found, without looking for it. */
static void second_run(void) {
  struct rig r;
  struct fse_offline_result one, two;
  rig_open(&r, fast);
  one = run(&r, r.journal);
  two = run(&r, r.journal);
  UNIT_TRUE(one.improved && !one.recalled && one.variants > 10, "searched");
  UNIT_TRUE(two.improved && two.recalled, "known");
  UNIT_EQ(two.variants, 1);
  UNIT_MEM_EQ(two.best->hash, one.best->hash, 32);
  UNIT_TRUE(two.cycles_after == one.cycles_after, "as cheap");
  UNIT_EQ(two.assurance, one.assurance);
  UNIT_STR_EQ(two.records[0].kind, one.records[0].kind);
  fse_offline_result_done(&one);
  fse_offline_result_done(&two);
  rig_close(&r);
}

/* Of what cannot be made better, that is remembered. */
static void second_run_of_the_best(void) {
  struct rig r;
  struct fse_offline_result one, two;
  rig_open(&r, fast);
  one = run(&r, NULL);
  fisa_program_free(r.root);
  r.root = fisa_program_derive(one.best, one.best->code, one.best->size,
                               one.best->entry, 0);
  fse_offline_result_done(&one);
  one = run(&r, r.journal);
  two = run(&r, r.journal);
  UNIT_TRUE(!one.improved && one.variants > 0, "searched");
  UNIT_TRUE(!two.improved && two.recalled && two.variants == 0, "known");
  fse_offline_result_done(&one);
  fse_offline_result_done(&two);
  rig_close(&r);
}

/* With a journal or without, the first run does the same. */
static void first_run_is_as_ever(void) {
  struct rig r;
  struct fse_offline_result one, two;
  rig_open(&r, fast);
  one = run(&r, NULL);
  two = run(&r, r.journal);
  UNIT_EQ(one.variants, two.variants);
  UNIT_MEM_EQ(one.best->hash, two.best->hash, 32);
  UNIT_EQ(one.record_count, two.record_count);
  fse_offline_result_done(&one);
  fse_offline_result_done(&two);
  rig_close(&r);
}

/* Another seed, or more to spend: the search begins where the other ended. */
static void further(void) {
  for (unsigned i = 0; i < 2; i++) {
    struct rig r;
    struct fse_finding how;
    struct fse_offline_result out;
    rig_open(&r, fast);
    how = finding(&r);
    if (i == 0) how.seed++;
    else how.budget--;
    keep(&r, &how);
    out = run(&r, r.journal);
    UNIT_TRUE(out.improved && !out.recalled, "it went on");
    UNIT_TRUE(out.variants > 10, "%d variants", (int)out.variants);
    UNIT_TRUE(strncmp(out.records[0].kind, "Given", 5) == 0, "%s",
              out.records[0].kind);
    fse_offline_result_done(&out);
    rig_close(&r);
  }
}

/* A journal that lies: what is wrong, or never ends, is found out, and the
 * search goes on without it. */
static void lies(void) {
  static const char *const text[] = {wrong, endless};
  for (unsigned i = 0; i < 2; i++) {
    struct rig r;
    struct fse_finding how;
    struct fse_found f;
    struct fse_offline_result out, honest;
    rig_open(&r, text[i]);
    how = finding(&r);
    keep(&r, &how);
    out = run(&r, r.journal);
    honest = run(&r, NULL);
    UNIT_TRUE(out.improved && !out.recalled, "searched");
    UNIT_MEM_EQ(out.best->hash, honest.best->hash, 32);
    UNIT_TRUE(strstr(out.records[0].kind, "Given") == NULL, "%s",
              out.records[0].kind);
    /* What is kept now is the truth. */
    UNIT_EQ(fse_found_recall(r.journal, r.key, r.root, &f), 1);
    UNIT_MEM_EQ(f.program->hash, out.best->hash, 32);
    fse_found_done(&f);
    fse_offline_result_done(&out);
    fse_offline_result_done(&honest);
    rig_close(&r);
  }
}

/* What another build proved is fuzzed again: what it says it was is not
 * taken. */
static void another_build(void) {
  struct rig r;
  struct fse_finding how;
  struct fse_found f;
  struct fse_offline_result out;
  uint8_t *blob;
  size_t size;
  rig_open(&r, fast);
  how = finding(&r);
  keep(&r, &how);
  blob = kept(&r, &size);
  blob[4] ^= 1;  /* of the build's id */
  keep_bytes(&r, blob, size);
  free(blob);
  UNIT_EQ(fse_found_recall(r.journal, r.key, r.root, &f), 1);
  UNIT_TRUE(!f.by_this_build, "another");
  fse_found_done(&f);
  out = run(&r, r.journal);
  UNIT_TRUE(out.improved && out.recalled && out.variants == 1, "taken");
  UNIT_TRUE(out.assurance >= FSE_ASSURE_FUZZ, "of our own");
  fse_offline_result_done(&out);
  rig_close(&r);
}

/* A program that is right but no better is no answer. */
static void no_better(void) {
  struct rig r;
  struct fse_finding how;
  struct fse_offline_result out;
  rig_open(&r, slow);
  how = finding(&r);
  keep(&r, &how);
  out = run(&r, r.journal);
  UNIT_TRUE(out.improved && !out.recalled && out.variants > 10, "searched");
  fse_offline_result_done(&out);
  rig_close(&r);
}

static const struct unit_test tests[] = {
    {"bytes", "there and back", bytes_come_back},
    {"bytes", "hostile", hostile_bytes},
    {"keys", "the same", same_question},
    {"keys", "others", other_questions},
    {"kept", "comes back", comes_back},
    {"kept", "nothing better", nothing_better},
    {"kept", "damaged", damaged},
    {"runs", "second", second_run},
    {"runs", "second of the best", second_run_of_the_best},
    {"runs", "first", first_run_is_as_ever},
    {"runs", "further", further},
    {"runs", "lies", lies},
    {"runs", "another build", another_build},
    {"runs", "no better", no_better},
};

UNIT_MAIN(tests)
