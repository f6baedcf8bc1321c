/*
 * test_unseen.c - programs with something in them that hardly any input
 * brings out: a branch, a comparison, a sum that has to be right. Evolution
 * gets nothing to see of it, and may not take it for nothing.
 *
 * What is right is asked of the engine on inputs that only the test knows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/offline.h"
#include "plugin/search.h"
#include "plugin/unseen.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { FUEL = 100000, MAX_INPUTS = 8 };

/* ---- two programs on one input ------------------------------------------ */

/* What is fed to both, and what they say. */
struct world {
  int32_t source;          /* of every source */
  struct fisa_trace said;
};

static int world_input(uint16_t source, const int32_t *arg, unsigned argc,
                       int32_t *value, void *user) {
  const struct world *w = user;
  (void)source, (void)arg, (void)argc;
  *value = w->source;
  return 0;
}

static int world_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  struct world *w = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  if (argc > 0) memcpy(e.arg, arg, argc * sizeof *arg);
  return fisa_trace_add(&w->said, &e);
}

/* An input that only the test knows: cells by number, bytes of memory. */
struct needle {
  uint32_t cell_count;
  struct {
    const char *file;
    uint32_t number;
    int32_t value;
  } cell[MAX_INPUTS];
  uint32_t address;
  const char *bytes;       /* NULL: none */
  int32_t source;
};

static void lay(const struct needle *n, struct fisa_state *s,
                const struct fisa_dialect *d) {
  for (uint32_t i = 0; i < n->cell_count; i++) {
    const char *name = n->cell[i].file;
    int f = fisa_file_by_name(d, name, strlen(name));
    CU_ASSERT_FATAL(f >= 0);
    s->cells[d->files[f].first + n->cell[i].number] = n->cell[i].value;
  }
  for (uint32_t i = 0; n->bytes && n->bytes[i]; i++) {
    s->mem[n->address + i] = (uint8_t)n->bytes[i];
    fisa_state_mark(s, n->address + i, 1);
  }
}

static void run(const struct fisa_program *p, const struct needle *n,
                struct fisa_state *s, struct world *w) {
  const struct fir_io io = {world_input, world_output, w};
  const struct fir_limits limits = {FUEL, true};
  struct fir_lane *lane = fir_lane_new();
  struct fir_program *ir = NULL;
  UNIT_EQ(fir_lower(p, &ir, NULL), 0);
  fisa_state_start(p, s);
  lay(n, s, p->dialect);
  w->source = n->source;
  fir_run(ir, lane, s, &io, limits);
  fir_free(ir);
  fir_lane_free(lane);
}

static bool same_on(const struct fisa_program *root,
                    const struct fisa_program *best, const struct needle *n,
                    char *what, size_t capacity) {
  struct fisa_state *a = fisa_state_new(root->dialect);
  struct fisa_state *b = fisa_state_new(root->dialect);
  struct world x = {0}, y = {0};
  bool same;
  what[0] = '\0';
  run(root, n, a, &x);
  run(best, n, b, &y);
  same = a->status == b->status && x.said.count == y.said.count;
  for (uint32_t i = 0; same && i < x.said.count; i++)
    same = fisa_event_equal(&x.said.events[i], &y.said.events[i]);
  if (!same) snprintf(what, capacity, "outputs or end");
  if (same && a->status == FISA_RUN_HALT)
    same = fisa_observe_equal(root, a, b, what, capacity);
  fisa_trace_done(&x.said);
  fisa_trace_done(&y.said);
  fisa_state_free(a);
  fisa_state_free(b);
  return same;
}

/* ---- haystacks ---------------------------------------------------------- */

static const struct haystack {
  const char *name, *dialect, *text;
  struct needle needle;
} haystacks[] = {
  {"a constant that is made", "unified",
   ".in R1\n.out R3\nMOVI16 R4, 0x1234\nSHLI R4, 8\nORI R4, 0x56\n"
   "CMP_EQ R2, R1, R4\nJNE R2, HIT\nMOVI R3, 0\nHALT\nHIT: MOVI R3, 1\nHALT\n",
   {1, {{"R", 1, 0x123456}}, 0, NULL, 0}},
  {"a product", "unified",
   ".in R1\n.in R2\n.out R3\nMUL R4, R1, R2\nMOVI16 R5, 32003\n"
   "CMP_EQ R6, R4, R5\nMOVI R3, 7\nJEQ R6, NO\nMOV R3, R1\nNO: HALT\n",
   {2, {{"R", 1, 32003}, {"R", 2, 1}}, 0, NULL, 0}},
  {"no branch at all", "unified",
   ".in R1\n.in R2\n.out R3\nMOVI16 R4, 0x1234\nSHLI R4, 12\n"
   "XORI R4, 0x77\nCMP_EQ R3, R1, R4\nMUL R5, R3, R2\nADD R3, R3, R5\nHALT\n",
   {2, {{"R", 1, 0x1234077}, {"R", 2, 5}}, 0, NULL, 0}},
  {"four bytes", "unified",
   ".in mem 0x100 8\n.out R3\n.data 0x200 ascii \"FLUX\"\n"
   "LOADI R1, R0, 0x100\nLOADI R2, R0, 0x200\nSUB R4, R1, R2\nMOVI R3, 0\n"
   "JNE R4, NO\nMOVI R3, 9\nTELL R3, R1, R2\nNO: HALT\n",
   {0, {{NULL, 0, 0}}, 0x100, "FLUX", 0}},
  {"seven digits", "unified",
   ".in R1 0..9\n.in R2 0..9\n.in R3 0..9\n.in R4 0..9\n.in R5 0..9\n"
   ".in R6 0..9\n.in R7 0..9\n.out R8\nSUBI R1, 4\nSUBI R2, 8\nSUBI R3, 1\n"
   "SUBI R4, 5\nSUBI R5, 1\nSUBI R6, 6\nSUBI R7, 2\nOR R1, R1, R2\n"
   "OR R1, R1, R3\nOR R1, R1, R4\nOR R1, R1, R5\nOR R1, R1, R6\n"
   "OR R1, R1, R7\nMOVI R8, 0\nJNE R1, NO\nMOVI R8, 1\nNO: HALT\n",
   {7, {{"R", 1, 4}, {"R", 2, 8}, {"R", 3, 1}, {"R", 4, 5}, {"R", 5, 1},
        {"R", 6, 6}, {"R", 7, 2}}, 0, NULL, 0}},
  {"a sensor", "unified",
   "A: TEMP R1\nMOVI16 R4, 0x1234\nSHLI R4, 8\nORI R4, 3\nSUB R5, R1, R4\n"
   "JNE R5, OK\nSIGNAL R1, R2, R3\nOK: YIELD 0\nJMP A\n",
   {0, {{NULL, 0, 0}}, 0, NULL, 0x123403}},
  {"what the rare way reads", "unified",
   ".in R1\n.in R2\n.out R3\nMOV R7, R2\nADDI R7, 1\nMOV R6, R7\n"
   "MOVI16 R4, 0x1234\nSHLI R4, 9\nORI R4, 0x51\nCMP_EQ R5, R1, R4\n"
   "JNE R5, HIT\nMOVI R3, 0\nHALT\nHIT: MOV R3, R6\nADD R3, R3, R7\nHALT\n",
   {2, {{"R", 1, 0x1234 << 9 | 0x51}, {"R", 2, 40}}, 0, NULL, 0}},
  {"a slot the rare way loads", "unified",
   ".in R1\n.in R2\n.out R3\n.scratch mem 0x100 8\nSTOREI R2, R0, 0x100\n"
   "LOADI R7, R0, 0x100\nMOVI16 R4, 0x1234\nSHLI R4, 9\nORI R4, 0x51\n"
   "CMP_EQ R5, R1, R4\nJNE R5, HIT\nMOV R3, R7\nHALT\n"
   "HIT: LOADI R3, R0, 0x100\nADDI R3, 5\nHALT\n",
   {2, {{"R", 1, 0x1234 << 9 | 0x51}, {"R", 2, 40}}, 0, NULL, 0}},
  {"flags", "classic",
   ".in R1\n.out R3\nMOVI R4, 0x1234\nMOVI R5, 8\nISHL R4, R5\nMOVI R5, 86\n"
   "IOR R4, R5\nMOVI R3, 0\nCMP R1, R4\nJNE NO\nMOVI R3, 1\nNO: HALT\n",
   {1, {{"R", 1, 0x123456}}, 0, NULL, 0}},
  {"a stack", "seed",
   ".in mem 0 4\n.out mem 4 4\nPUSH 0\nSTORE 1\nLOAD 0\nPUSH 97\nPUSH 89\n"
   "MUL\nPUSH 83\nMUL\nPUSH 3\nADD\nEQ\nJZ no\nPUSH 1\nSTORE 1\nno: HALT\n",
   {0, {{NULL, 0, 0}}, 0, "\xfe\xee\x0a", 0}},
};
#define HAYSTACKS (sizeof haystacks / sizeof haystacks[0])

static struct fisa_program *assemble(const struct haystack *h,
                                     struct fisa_dialect **d) {
  UNIT_EQ(fisa_dialect_builtin(h->dialect, true, d, NULL), 0);
  struct fisa_program *p = isa_program(*d, h->text);
  CU_ASSERT_FATAL(p != NULL);
  return p;
}

/* A test of its own first: the needle does something. */
static void needles_matter(void) {
  for (unsigned i = 0; i < HAYSTACKS; i++) {
    const struct haystack *h = &haystacks[i];
    struct fisa_dialect *d = NULL;
    struct fisa_program *p = assemble(h, &d);
    struct needle none = {.address = h->needle.address};
    struct fisa_state *a = fisa_state_new(d), *b = fisa_state_new(d);
    struct world x = {0}, y = {0};
    run(p, &h->needle, a, &x);
    run(p, &none, b, &y);
    UNIT_TRUE(x.said.count != y.said.count || a->cycles != b->cycles ||
                  !fisa_observe_equal(p, a, b, NULL, 0),
              "%s", h->name);
    fisa_trace_done(&x.said);
    fisa_trace_done(&y.said);
    fisa_state_free(a);
    fisa_state_free(b);
    fisa_program_free(p);
    fisa_dialect_free(d);
  }
}

/* Whatever evolution makes of it, the needle is found. */
static void needles_are_kept(void) {
  for (unsigned i = 0; i < HAYSTACKS; i++)
    for (uint64_t seed = 1; seed <= (unit_scale(3) < 3 ? 1 : 3); seed++) {
      const struct haystack *h = &haystacks[i];
      struct fisa_dialect *d = NULL;
      struct fisa_program *root = assemble(h, &d);
      struct fse_policy policy;
      struct fse_offline o = {.name = "n", .program = root, .policy = &policy};
      struct fse_offline_result r;
      struct fisa_error err = {""};
      char what[160];
      fse_policy_init(&policy);
      policy.fuzz_states = 5000;
      policy.budget = unit_scale(3) < 3 ? 300 : 2000;
      policy.seed = seed;
      UNIT_TRUE(fse_offline_run(&o, &r, &err) == 0, "%s: %s", h->name,
                err.text);
      UNIT_TRUE(same_on(root, r.best, &h->needle, what, sizeof what),
                "%s, seed %d: %s", h->name, (int)seed, what);
      fse_offline_result_done(&r);
      fisa_program_free(root);
      fisa_dialect_free(d);
    }
}

/* ---- what stays, and what need not -------------------------------------- */

struct rig {
  struct fisa_program *root;
  struct fisa_facts *facts;
  struct ftrial_set *set;
  struct fse_unseen *unseen;
};

static void rig_init(struct rig *r, const char *text) {
  r->root = isa_program(isa_unified(), text);
  CU_ASSERT_FATAL(r->root != NULL);
  UNIT_EQ(fisa_facts_make(r->root, &r->facts, NULL), 0);
  r->set = ftrial_set_new(r->root, FUEL, NULL);
  CU_ASSERT_FATAL(r->set != NULL);
  struct fisa_state *s = fisa_state_new(r->root->dialect);
  const struct ftrial_episode e = {.origin = FTRIAL_RECORDED, .begin = s,
                                   .confidence = 1};
  fisa_state_start(r->root, s);
  /* One that asks for values is none that can be made up here. */
  (void)ftrial_set_add(r->set, &e);
  fisa_state_free(s);
  UNIT_EQ(fse_unseen_make(r->set, r->root, r->facts, 1, &r->unseen), 0);
}

static void rig_done(struct rig *r) {
  fse_unseen_free(r->unseen);
  ftrial_set_free(r->set);
  fisa_facts_free(r->facts);
  fisa_program_free(r->root);
}

static bool stays(const struct rig *r, uint32_t pc) {
  for (uint32_t k = 0; k < r->unseen->count; k++)
    if (r->facts->insn[r->unseen->insn[k]].pc == pc) return true;
  return false;
}

/* Where trials go both ways nothing has to stay. */
static void nothing_unseen(void) {
  static const char *const texts[] = {
    ".in R1 0..9\n.out R3\nMOVI R3, 0\nL: JLE R1, E\nADD R3, R3, R1\n"
    "SUBI R1, 1\nJMP L\nE: HALT\n",
    /* One that is easily found once it is known what is looked for. */
    ".in R1\n.out R3\nMOVI16 R4, 0x1234\nSHLI R4, 8\nCMP_EQ R3, R1, R4\n"
    "JNE R3, H\nHALT\nH: MOVI R3, 8\nHALT\n",
    /* Flags that nobody reads say nothing. */
    ".in R1 1..9\n.out R3\nADD R3, R1, R1\nHALT\n",
    /* One task is all there is. */
    ".out R3\nMOVI R1, 3\nMOVI R2, 4\nCMP_EQ R3, R1, R2\nJNE R3, H\n"
    "MOVI R3, 1\nH: HALT\n",
  };
  for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct rig r;
    rig_init(&r, texts[i]);
    UNIT_TRUE(r.unseen->count == 0, "%u: %u rows", i, r.unseen->count);
    rig_done(&r);
  }
}

/* The branch, what never ran, and all that an outcome goes into. */
static void what_stays(void) {
  struct rig r;
  rig_init(&r, ".in R1 0..9\n.in R2 0..9\n.in R3 0..9\n.in R4 0..9\n"
               ".in R5 0..9\n.in R6 0..9\n.out R9\n"
               "ADD R7, R1, R2\nADD R7, R7, R3\nADD R7, R7, R4\n"
               "ADD R7, R7, R5\nADD R7, R7, R6\nMOVI R8, 54\n"
               "CMP_GE: CMP_EQ R9, R7, R8\nADD R9, R9, R1\nHALT\n");
  UNIT_TRUE(!stays(&r, 0), "a sum");
  rig_done(&r);
  rig_init(&r, haystacks[2].text);
  /* Told what it looks for, made states find it. */
  UNIT_EQ(r.unseen->count, 0);
  rig_done(&r);
  rig_init(&r, haystacks[4].text);
  UNIT_TRUE(stays(&r, 48), "the branch");
  UNIT_TRUE(stays(&r, 52), "what never ran");
  UNIT_TRUE(!stays(&r, 0), "what comes before");
  rig_done(&r);
}

static int places_of(const struct rig *r, struct fse_place *places) {
  for (uint32_t i = 0; i < r->facts->count; i++)
    places[i] = (struct fse_place){r->facts->insn[i].pc,
                                   r->facts->insn[i].pc};
  return (int)r->facts->count;
}

/* A child of the same layout with other bytes. */
static void children(void) {
  struct fse_place places[64];
  struct rig r;
  uint8_t code[64];
  rig_init(&r, haystacks[4].text);
  const uint32_t n = (uint32_t)places_of(&r, places);
  const uint32_t size = r.root->size;
  CU_ASSERT_FATAL(size <= sizeof code);
  for (uint32_t at = 0; at < size; at++) {
    struct fisa_program *child;
    bool kept;
    memcpy(code, r.root->code, size);
    if (at % 3 == 1) code[at] ^= 1; /* another operand somewhere */
    child = fisa_program_derive(r.root, code, size, 0, 0);
    kept = fse_unseen_kept(r.unseen, child, places, n);
    /* The branch is at 48, what never ran behind it. */
    UNIT_TRUE(kept == (at % 3 != 1 || at < 48 || at >= 55), "byte %u: %d", at,
              kept);
    fisa_program_free(child);
  }
  rig_done(&r);
}

/* Values at the branch: one that differs is seen although it goes nowhere. */
static void agreement(void) {
  struct fse_place places[64];
  uint32_t pair[1][2] = {{0, 0}};
  struct rig r;
  uint8_t code[64];
  rig_init(&r, haystacks[4].text);
  struct fse_unseen_child c = {.places = places, .map = {1, NULL}};
  c.place_count = (uint32_t)places_of(&r, places);
  c.map.pair = (const uint32_t(*)[2])pair;
  memcpy(code, r.root->code, r.root->size);
  c.program = r.root;
  UNIT_EQ(fse_unseen_agree(r.unseen, r.set, &c, 3, 64), 1);
  code[2]++; /* another first digit */
  struct fisa_program *child =
      fisa_program_derive(r.root, code, r.root->size, 0, 0);
  c.program = child;
  UNIT_TRUE(fse_unseen_kept(r.unseen, child, places, c.place_count),
            "only what comes before is changed");
  UNIT_EQ(fse_unseen_agree(r.unseen, r.set, &c, 3, 64), 0);
  fisa_program_free(child);
  rig_done(&r);
}

/* The same question has the same answer. */
static void determined(void) {
  for (unsigned i = 0; i < HAYSTACKS; i++) {
    struct rig a, b;
    if (strcmp(haystacks[i].dialect, "unified") != 0) continue;
    rig_init(&a, haystacks[i].text);
    rig_init(&b, haystacks[i].text);
    UNIT_EQ(a.unseen->count, b.unseen->count);
    UNIT_MEM_EQ(a.unseen->insn, b.unseen->insn,
                a.unseen->count * sizeof *a.unseen->insn);
    rig_done(&a);
    rig_done(&b);
  }
}

static const struct unit_test tests[] = {
    {"needles", "matter", needles_matter},
    {"needles", "are kept", needles_are_kept},
    {"unseen", "nothing", nothing_unseen},
    {"unseen", "what stays", what_stays},
    {"unseen", "children", children},
    {"unseen", "agreement", agreement},
    {"unseen", "determined", determined},
};

UNIT_MAIN(tests)
