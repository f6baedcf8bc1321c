/*
 * test_vain.c - what was looked for in vain: keys, and that a memo changes how
 * soon an answer comes, but no answer.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/vain.h"
#include "tests/isa_util.h"
#include "tests/kinds_rig.h"
#include "tests/unit.h"

/* ---- keys --------------------------------------------------------------- */

/* Key i of a series; none of them is 0. */
static uint64_t key(uint64_t series, uint64_t i) {
  return fse_mix(fse_mix(1, series), i);
}

static void keys_are_known_once_noted(void) {
  struct fse_vain *v = calloc(1, sizeof *v);
  CU_ASSERT_FATAL(v != NULL);
  for (uint64_t i = 0; i < 1000; i++) {
    UNIT_TRUE(!fse_vain_known(v, key(7, i)), "%d is new", (int)i);
    fse_vain_note(v, key(7, i));
    UNIT_TRUE(fse_vain_known(v, key(7, i)), "%d was noted", (int)i);
    UNIT_TRUE(!fse_vain_known(v, key(7, i) ^ 1), "and no other");
  }
  UNIT_TRUE(!fse_vain_known(v, 0), "0 is a key like any");
  fse_vain_note(v, 0);
  UNIT_TRUE(fse_vain_known(v, 0), "0 was noted");
  free(v);
}

static void no_memo_knows_nothing(void) {
  fse_vain_note(NULL, 5);
  UNIT_TRUE(!fse_vain_known(NULL, 5), "nothing is kept");
}

/* More than there is room for: it forgets, and says nothing wrong. */
static void memos_forget(void) {
  struct fse_vain *v = calloc(1, sizeof *v);
  const uint64_t most = 4 * FSE_VAIN_KEYS;
  uint64_t kept = 0;
  CU_ASSERT_FATAL(v != NULL);
  for (uint64_t i = 0; i < most; i++) fse_vain_note(v, key(3, i));
  for (uint64_t i = 0; i < most; i++) {
    kept += fse_vain_known(v, key(3, i));
    UNIT_TRUE(!fse_vain_known(v, key(4, i)), "%d: never noted", (int)i);
  }
  UNIT_TRUE(kept > FSE_VAIN_KEYS / 2 && kept <= FSE_VAIN_KEYS, "%d kept",
            (int)kept);
  free(v);
}

static void *note_many(void *user) {
  struct fse_vain *v = user;
  for (uint64_t i = 0; i < 20000; i++) {
    fse_vain_note(v, key(1, i));
    (void)fse_vain_known(v, key(2, i));
  }
  return NULL;
}

static void threads_share_a_memo(void) {
  struct fse_vain *v = calloc(1, sizeof *v);
  pthread_t thread[2];
  CU_ASSERT_FATAL(v != NULL);
  for (unsigned n = 0; n < 2; n++)
    CU_ASSERT_FATAL(pthread_create(&thread[n], NULL, note_many, v) == 0);
  for (unsigned n = 0; n < 2; n++) pthread_join(thread[n], NULL);
  UNIT_TRUE(fse_vain_known(v, key(1, 19999)), "the last is there");
  free(v);
}

static void bytes_all_count(void) {
  unsigned char bytes[20] = {0};
  const uint64_t h = fse_mix_bytes(1, bytes, sizeof bytes);
  UNIT_EQ(fse_mix_bytes(1, bytes, sizeof bytes), h);
  UNIT_EQ(fse_mix_bytes(1, bytes, 0), 1);
  for (unsigned i = 0; i < sizeof bytes; i++) {
    bytes[i] = 1;
    UNIT_TRUE(fse_mix_bytes(1, bytes, sizeof bytes) != h, "byte %u", i);
    bytes[i] = 0;
  }
}

static void states_count_by_cells_and_memory(void) {
  const struct fisa_dialect *d = isa_unified();
  struct fisa_state *a = fisa_state_new(d), *b = fisa_state_new(d);
  CU_ASSERT_FATAL(a != NULL && b != NULL);
  const uint64_t h = fse_mix_state(0, a);
  UNIT_EQ(fse_mix_state(0, b), h);
  b->cells[b->cell_count - 1] ^= 1;
  UNIT_TRUE(fse_mix_state(0, b) != h, "the last cell");
  fisa_state_copy(b, a);
  UNIT_EQ(fse_mix_state(0, b), h);
  b->mem[1000] = 1;
  fisa_state_mark(b, 1000, 1);
  UNIT_TRUE(fse_mix_state(0, b) != h, "memory");
  fisa_state_free(a);
  fisa_state_free(b);
}

/* The key of `count` rows of a text, from the row `first` on. */
static uint64_t rows_key(const char *text, uint32_t first, uint32_t count) {
  struct rig r;
  rig_text(&r, text);
  UNIT_TRUE(first + count <= r.view.facts->count, "%s", text);
  const uint64_t h = fse_mix_rows(1, r.view.program,
                                  &r.view.facts->insn[first], count);
  rig_done(&r);
  return h;
}

/* Where they stand is nothing to them; how far they branch is. */
static void rows_count_by_what_they_do(void) {
  static const char *const others[] = {
      "SUB R3, R3, R1\nt: LOOP R1, t\nHALT\n",   /* a row */
      "ADD R3, R1, R3\nt: LOOP R1, t\nHALT\n",   /* an operand */
      "t: ADD R3, R3, R1\nLOOP R1, t\nHALT\n",   /* a branch */
      "ADD R3, R3, R1\nt: INC R4\nLOOP R1, t\n"}; /* how many */
  const uint64_t h =
      rows_key("ADD R3, R3, R1\nt: LOOP R1, t\nHALT\n", 0, 2);
  UNIT_EQ(rows_key("INC R2\nADD R3, R3, R1\nt: LOOP R1, t\nHALT\n", 1, 2),
          h);
  UNIT_EQ(rows_key("HALT\n", 0, 0), 1);
  for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
    UNIT_TRUE(rows_key(others[i], 0, i == 3 ? 3 : 2) != h, "%s", others[i]);
}

/* ---- answers ------------------------------------------------------------ */

static const char *const texts[] = {
    ".in R1\n.in R2\n.out R3\nMOV R4, R1\nADD R4, R4, R2\nMOV R3, R4\n"
    "MOVI R5, 0\nADD R3, R3, R5\nSUB R6, R1, R1\nHALT\n",
    ".in R1 0..40\n.out R3\nMOVI R3, 0\nt: ADD R3, R3, R1\n"
    "LOOP R1, t\nHALT\n",
    ".in R1 1..9\n.out R3\nMOVI R3, 1\nMOVI R5, 3\nt: MUL R3, R3, R5\n"
    "XOR R3, R3, R1\nDEC R1\nJNE R1, t\nHALT\n",
    ".in R1\n.out R3\n.out mem 0x100 8\nSTOREI R1, R0, 0x100\n"
    "LOADI R4, R0, 0x100\nINC R4\nSTOREI R4, R0, 0x104\nPUSH R4\nPOP R3\n"
    "HALT\n"};

/* What all sites of a kind propose, as one number. */
static uint64_t answers(struct rig *r, uint32_t kind, unsigned *count) {
  uint32_t n = fse_kinds[kind].sites(&r->view);
  uint64_t h = 0;
  *count = 0;
  for (uint32_t i = 0; i < n; i++) {
    struct fse_proposal p;
    struct fse_child c;
    if (!propose(r, kind, i, &c, &p)) continue;
    h = fse_mix(h, i + 1);
    h = fse_mix_bytes(h, c.program->code, c.program->size);
    fse_child_done(&c);
    (*count)++;
  }
  return h;
}

static unsigned noted(const struct fse_vain *v) {
  unsigned n = 0;
  for (unsigned i = 0; i < FSE_VAIN_KEYS; i++)
    n += atomic_load(&v->key[i]) != 0;
  return n;
}

/* The same proposals without a memo, with an empty one, and with one that
 * knows all that there is to know. */
static void memos_change_no_answer(void) {
  static const char *const kinds[] = {"ReplaceWindow", "FoldLoop"};
  unsigned proposed = 0, in_vain = 0;
  for (unsigned i = 0; i < 2 * sizeof texts / sizeof texts[0]; i++) {
    struct fse_vain *v = calloc(1, sizeof *v);
    const uint32_t kind = kind_of(kinds[i % 2]);
    unsigned count, again, notes;
    struct rig r;
    CU_ASSERT_FATAL(v != NULL);
    rig_text(&r, texts[i / 2]);
    const uint64_t h = answers(&r, kind, &count);
    r.view.vain = v;
    UNIT_EQ(answers(&r, kind, &again), h);
    UNIT_EQ(again, count);
    notes = noted(v);
    UNIT_EQ(atomic_load(&v->spared), 0);
    UNIT_EQ(answers(&r, kind, &again), h);
    UNIT_EQ(again, count);
    UNIT_EQ(noted(v), notes);
    UNIT_EQ(atomic_load(&v->spared), notes);
    proposed += count;
    in_vain += notes;
    rig_done(&r);
    free(v);
  }
  UNIT_TRUE(proposed >= 4, "%u proposals", proposed);
  UNIT_TRUE(in_vain >= 10, "%u in vain", in_vain);
}

/* A memo of one program serves another only where code, what is live behind it,
 * what is scratch and states are the same. Each pair differs in one of these,
 * and the second has an answer that the first has not. */
static const struct {
  const char *first, *second;
} pairs[] = {
    {".in R1\n.in R2\n.out R3\n.out R4\nMOV R4, R1\nADD R4, R4, R2\n"
     "MOV R3, R4\nHALT\n",
     ".in R1\n.in R2\n.out R3\nMOV R4, R1\nADD R4, R4, R2\n"
     "MOV R3, R4\nHALT\n"},
    {".in R1\n.out R3\nMUL R3, R1, R1\nMUL R3, R3, R1\nHALT\n",
     ".in R1 0..1\n.out R3\nMUL R3, R1, R1\nMUL R3, R3, R1\nHALT\n"},
    {".in R1\n.out R3\nMOV R3, R1\nSTOREI R1, R0, 0x100\nHALT\n",
     ".in R1\n.out R3\n.scratch mem 0x100 4\nMOV R3, R1\n"
     "STOREI R1, R0, 0x100\nHALT\n"}};

static void all_that_matters_is_in_the_key(void) {
  const uint32_t kind = kind_of("ReplaceWindow");
  for (unsigned i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    struct fse_vain *v = calloc(1, sizeof *v);
    unsigned first, alone, shared;
    struct rig r;
    CU_ASSERT_FATAL(v != NULL);
    rig_text(&r, pairs[i].first);
    r.view.vain = v;
    (void)answers(&r, kind, &first);
    rig_done(&r);
    rig_text(&r, pairs[i].second);
    const uint64_t h = answers(&r, kind, &alone);
    r.view.vain = v;
    UNIT_EQ(answers(&r, kind, &shared), h);
    UNIT_EQ(shared, alone);
    UNIT_TRUE(alone > first, "pair %u: %u and %u", i, first, alone);
    rig_done(&r);
    free(v);
  }
}

static const struct unit_test tests[] = {
    {"keys", "are_known_once_noted", keys_are_known_once_noted},
    {"keys", "no_memo", no_memo_knows_nothing},
    {"keys", "memos_forget", memos_forget},
    {"keys", "threads", threads_share_a_memo},
    {"keys", "bytes", bytes_all_count},
    {"keys", "rows", rows_count_by_what_they_do},
    {"keys", "states", states_count_by_cells_and_memory},
    {"answers", "memos_change_none", memos_change_no_answer},
    {"answers", "keys_have_all", all_that_matters_is_in_the_key},
};

UNIT_MAIN(tests)
