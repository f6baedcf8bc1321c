/*
 * tests/test_lay.c - episodes that lie by their length: the order is the same
 * for whoever runs them, and nothing that is said of them is another.
 */
#include <string.h>

#include "gpu/trial_impl.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { FUEL = 100000, EPISODES = 700, COUNTERS = 5 };

/* Takes three instructions a turn. */
static const char root_text[] = ".in R1 0..200\n.in R2\n.out R3\n"
                                "   MOVI R3, 0\n   JEQ R1, end\n"
                                "l: ADD R3, R3, R2\n   DEC R1\n   JNE R1, l\n"
                                "end: HALT\n";
static const char product[] = ".in R1 0..200\n.in R2\n.out R3\n"
                              "   MUL R3, R1, R2\n   HALT\n";
static const char wrong_late[] = ".in R1 0..200\n.in R2\n.out R3\n"
                                 "   MUL R3, R1, R2\n   MOVI R4, 67\n"
                                 "   SUB R4, R4, R1\n   JNE R4, end\n"
                                 "   INC R3\nend: HALT\n";
static const char wrong_soon[] = ".in R1 0..200\n.in R2\n.out R3\n"
                                 "   MUL R3, R1, R2\n   INC R3\n   HALT\n";
static const char slower[] = ".in R1 0..200\n.in R2\n.out R3\n"
                             "   MOVI R3, 0\n   JEQ R1, end\n"
                             "l: ADD R3, R3, R2\n   NOP\n   DEC R1\n"
                             "   JNE R1, l\nend: HALT\n";

/* The same episodes for the wide engines and for the ir engine. */
struct rig {
  struct fisa_program *root;
  struct ftrial_set *set[2];
  struct fir_lane *lane;
  struct fisa_state *s;
};

static void add(struct rig *r, uint32_t i, enum ftrial_origin origin) {
  const struct ftrial_episode e = {origin, r->s, NULL, 0, 1.0};

  r->s->cells[1] = (int32_t)(i * 71 % 201);
  r->s->cells[2] = (int32_t)(i * 2654435761u);
  for (unsigned k = 0; k < 2; k++)
    UNIT_EQ(ftrial_set_add(r->set[k], &e), FTRIAL_ADDED);
}

static void rig_open(struct rig *r) {
  r->root = isa_program(isa_unified(), root_text);
  CU_ASSERT_FATAL(r->root != NULL);
  r->lane = fir_lane_new();
  r->s = fisa_state_new(isa_unified());
  CU_ASSERT_FATAL(r->lane && r->s);
  fisa_state_start(r->root, r->s);
  for (unsigned k = 0; k < 2; k++) {
    r->set[k] = ftrial_set_new(r->root, FUEL, NULL);
    CU_ASSERT_FATAL(r->set[k] != NULL);
    r->set[k]->narrow = k == 1;
  }
  for (uint32_t i = 0; i < EPISODES; i++)
    add(r, i, i % 5 ? FTRIAL_RECORDED : FTRIAL_FUZZED);
  for (uint32_t i = 0; i < COUNTERS; i++)
    add(r, 1000 - i, FTRIAL_COUNTER);
}

static void rig_close(struct rig *r) {
  ftrial_set_free(r->set[0]);
  ftrial_set_free(r->set[1]);
  fisa_state_free(r->s);
  fir_lane_free(r->lane);
  fisa_program_free(r->root);
}

static void lay(struct rig *r) {
  ftrial_set_lay(r->set[0]);
  ftrial_set_lay(r->set[1]);
}

static uint64_t length_of(const struct rig *r, uint32_t i) {
  return ftrial_set_expect(r->set[0], COUNTERS + i)->instructions;
}

static bool equal(const struct ftrial_result *a,
                  const struct ftrial_result *b) {
  return a->verdict == b->verdict && a->tried == b->tried &&
         a->episode == b->episode && a->cost == b->cost &&
         a->instructions == b->instructions && strcmp(a->what, b->what) == 0;
}

/* What both engines say of a variant; false: not the same. */
static bool agree(struct rig *r, const char *text, uint64_t bound,
                  enum ftrial_verdict want) {
  struct fisa_program *p = isa_program(isa_unified(), text);
  struct fir_program *ir = NULL;
  struct ftrial_result got[2];

  CU_ASSERT_FATAL(p && fir_lower(p, &ir, NULL) == 0);
  for (unsigned k = 0; k < 2; k++)
    got[k] = ftrial_run(r->set[k], ir, NULL, r->lane, 0, UINT32_MAX, bound);
  fir_free(ir);
  fisa_program_free(p);
  return got[0].verdict == want && equal(&got[0], &got[1]);
}

/* ---- sets --------------------------------------------------------------- */

/* What is tried first of a batch is spread over the shorter three quarters. */
static void is_sample(const struct rig *r, uint32_t first, uint32_t count) {
  uint32_t part[4] = {0};

  for (uint32_t i = 0; i < FTRIAL_FIRST; i++) {
    uint32_t shorter = 0;
    for (uint32_t k = 0; k < count; k++)
      shorter += length_of(r, first + k) < length_of(r, first + i);
    part[shorter * 4 / count]++;
  }
  for (unsigned k = 0; k < 3; k++)
    UNIT_TRUE(part[k] >= 8 && part[k] <= 13, "quarter %u: %u", k, part[k]);
  UNIT_EQ(part[3], 0);
}

/* Short ones before long ones in each batch, behind those tried first. */
static void in_order(void) {
  struct rig r;
  uint64_t sum = 0, all = 0;

  rig_open(&r);
  for (uint32_t i = 0; i < EPISODES; i++)
    sum += length_of(&r, i) * length_of(&r, i);
  lay(&r);
  for (uint32_t i = 0; i < EPISODES; i++) {
    uint32_t lane = i % FPK_WIDTH;
    all += length_of(&r, i) * length_of(&r, i);
    if (lane > FTRIAL_FIRST)
      UNIT_TRUE(length_of(&r, i - 1) <= length_of(&r, i), "episode %u", i);
    UNIT_EQ(ftrial_set_expect(r.set[1], COUNTERS + i)->instructions,
            length_of(&r, i));
    UNIT_EQ(r.set[0]->packs[1].batch[i / FPK_WIDTH]->fuel[lane],
            length_of(&r, i) * 2 + 64);
  }
  UNIT_EQ(all, sum);
  is_sample(&r, 0, FPK_WIDTH);
  is_sample(&r, FPK_WIDTH, EPISODES - FPK_WIDTH);
  rig_close(&r);
}

/* An order of any length keeps every lane once, and those tried first as they
 * came. */
static void samples(void) {
  for (uint32_t count = 0; count <= FPK_WIDTH; count++) {
    uint32_t from[FPK_WIDTH];
    bool seen[FPK_WIDTH] = {false};

    for (uint32_t i = 0; i < count; i++)
      from[i] = count - 1 - i;
    ftrial__sample_first(from, count);
    for (uint32_t i = 0; i < count; i++) {
      UNIT_TRUE(from[i] < count && !seen[from[i]], "%u of %u", i, count);
      seen[from[i]] = true;
      if (i > 0 && i != FTRIAL_FIRST && count > FTRIAL_FIRST)
        UNIT_TRUE((from[i - 1] < from[i]) == (i < FTRIAL_FIRST), "%u of %u", i,
                  count);
    }
  }
}

/* Where the cost is above a bound depends on the order, and that is one. */
static void one_order_for_all(void) {
  struct rig r;
  uint64_t whole;

  rig_open(&r);
  for (unsigned turn = 0; turn < 3; turn++) {
    whole = ftrial_root_cost(r.set[0], 0, UINT32_MAX);
    UNIT_TRUE(agree(&r, root_text, UINT64_MAX, FTRIAL_SAME), "root");
    UNIT_TRUE(agree(&r, product, UINT64_MAX, FTRIAL_SAME), "product");
    UNIT_TRUE(agree(&r, wrong_late, UINT64_MAX, FTRIAL_WRONG), "late");
    UNIT_TRUE(agree(&r, wrong_soon, UINT64_MAX, FTRIAL_WRONG), "soon");
    UNIT_TRUE(agree(&r, slower, whole, FTRIAL_DEARER), "slower");
    for (uint64_t part = 1; part < 12; part++)
      UNIT_TRUE(agree(&r, slower, whole * part / 12, FTRIAL_DEARER),
                "slower %u", (unsigned)part);
    lay(&r); /* then what is added lies behind, until it is laid, too */
    for (uint32_t i = 0; i < 40 * turn; i++)
      add(&r, i * 3 + turn, FTRIAL_RECORDED);
  }
  rig_close(&r);
}

/* Few episodes: nothing is laid until there are more than are tried first. */
static void few(void) {
  struct rig r;
  struct ftrial_set *set;

  rig_open(&r);
  set = ftrial_set_new(r.root, FUEL, NULL);
  CU_ASSERT_FATAL(set != NULL);
  ftrial_set_lay(set);
  for (uint32_t i = 0; i < FTRIAL_FIRST + 1; i++) {
    const struct ftrial_episode e = {FTRIAL_RECORDED, r.s, NULL, 0, 1.0};
    r.s->cells[1] = 100 - (int32_t)i;
    if (i > 0)
      UNIT_TRUE(ftrial_set_expect(set, 0)->instructions >=
                ftrial_set_expect(set, i - 1)->instructions, "%u", i);
    UNIT_EQ(ftrial_set_add(set, &e), FTRIAL_ADDED);
    ftrial_set_lay(set);
  }
  for (uint32_t i = 1; i < FTRIAL_FIRST; i++) /* as they came */
    UNIT_TRUE(ftrial_set_expect(set, i - 1)->instructions >
              ftrial_set_expect(set, i)->instructions, "%u", i);
  UNIT_TRUE(ftrial_set_expect(set, 0)->instructions <
            ftrial_set_expect(set, FTRIAL_FIRST)->instructions, "longest");
  ftrial_set_free(set);
  rig_close(&r);
}

/* ---- fuzzing ------------------------------------------------------------ */

static struct ftrial_result fuzz(struct rig *r, unsigned k, const char *text,
                                 uint32_t states) {
  struct fisa_program *p = isa_program(isa_unified(), text);
  struct fir_program *ir = NULL;
  struct ftrial_result result;

  CU_ASSERT_FATAL(p && fir_lower(p, &ir, NULL) == 0);
  result = ftrial_fuzz(r->set[k], ir, NULL, r->lane, 5, states);
  fir_free(ir);
  fisa_program_free(p);
  return result;
}

/* States lie by length in full batches, and are told of in their order. */
static void fuzzed(void) {
  static const struct {
    const char *text;
    uint32_t states;
  } ask[] = {{product, 20},      {product, 700},    {wrong_late, 3000},
             {product, 1500},    {product, 700},    {wrong_soon, 3000},
             {wrong_late, 3000}, {root_text, 2048}, {product, 515},
             {wrong_late, 700},  {product, 3000},   {product, 33}};
  const struct ftrial_cache *cache;
  struct rig r;

  rig_open(&r);
  for (size_t i = 0; i < sizeof(ask) / sizeof(ask[0]); i++) {
    struct ftrial_result a = fuzz(&r, 0, ask[i].text, ask[i].states);
    struct ftrial_result b = fuzz(&r, 1, ask[i].text, ask[i].states);
    UNIT_TRUE(equal(&a, &b), "%zu: %u of %u, not %u; %s, not %s", i, a.tried,
              ask[i].states, b.tried, a.what, b.what);
  }
  cache = &r.set[0]->cache;
  UNIT_EQ(cache->count, 3000);
  UNIT_EQ(cache->laid, 5);
  for (uint32_t i = 1; i < cache->count; i++)
    UNIT_TRUE(cache->states[i - 1].number < cache->states[i].number, "%u", i);
  for (uint32_t i = FTRIAL_FIRST + 1; i < cache->laid * FPK_WIDTH; i++) {
    const uint32_t *fuel = cache->packs.batch[i / FPK_WIDTH]->fuel;
    if (i % FPK_WIDTH != 0)
      UNIT_TRUE(fuel[i % FPK_WIDTH - 1] <= fuel[i % FPK_WIDTH], "state %u", i);
  }
  rig_close(&r);
}

static const struct unit_test tests[] = {
    {"sets", "in order", in_order},
    {"sets", "samples", samples},
    {"sets", "one order for all", one_order_for_all},
    {"sets", "few", few},
    {"fuzzing", "full batches", fuzzed},
};

UNIT_MAIN(tests)
