/*
 * test_genome.c - programs as genes: on thousands of random programs of every
 * dialect that runs, and on a few that show one thing each.
 *
 * FLUX_SOAK_PROGRAMS sets the number of programs of each dialect,
 * FLUX_SOAK_SEED the seed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "plugin/genome.h"
#include "tests/gen.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { PROGRAMS = 8000, FUEL = 3000, FAILURES = 5 };

/* ---- running ------------------------------------------------------------ */

/* What a run takes and gives, as one number. */
struct world {
  uint64_t seed, digest;
  uint32_t at;
};

static int take_in(uint16_t source, const int32_t *arg, unsigned argc,
                   int32_t *value, void *user) {
  struct world *w = user;
  (void)arg, (void)argc;
  w->digest = w->digest * 31 + source;
  *value = gen_input(w->seed, 1, w->at++);
  return 0;
}

static int give_out(uint16_t channel, const int32_t *arg, unsigned argc,
                    void *user) {
  struct world *w = user;
  w->digest = w->digest * 1000003 + channel;
  for (unsigned i = 0; i < argc; i++)
    w->digest = w->digest * 1000003 + (uint32_t)arg[i];
  return 0;
}

static uint64_t run(const struct fisa_program *p, struct fir_lane *lane,
                    struct fisa_state *s, uint64_t seed) {
  struct fir_program *ir = NULL;
  struct world w = {seed, 0, 0};
  const struct fir_io io = {take_in, give_out, &w};
  CU_ASSERT_FATAL(fir_lower(p, &ir, NULL) == 0);
  s->pc = p->entry;
  fir_run(ir, lane, s, &io, (struct fir_limits){FUEL, false});
  fir_free(ir);
  return w.digest;
}

/* ---- one dialect -------------------------------------------------------- */

struct field {
  struct gen_table table;
  struct fisa_dialect *d;
  struct fir_lane *lane;
  struct fisa_state *a, *b;
  struct fisa_verify_scratch *scratch;
  uint64_t seed, random;
  unsigned ran, smaller, folds, loops, failures;
  unsigned mutated[FSE_HOW_COUNT], refused, bred, not_bred;
};

/* A begin in which nothing counts instructions. */
static void begin(struct field *x, const struct fisa_program *p,
                  uint64_t number) {
  gen_begin(&x->table, p, x->seed, number, x->a);
  for (uint32_t f = 0; f < x->d->file_count; f++)
    if (x->d->files[f].tick) x->a->cells[x->d->files[f].first] = 0;
  fisa_state_copy(x->b, x->a);
}

/* decode(encode(p)) behaves as p. Where it ends in a fault within a call the
 * stack holds where it was to come back to, which is another address. */
static void check_behaviour(struct field *x, const struct fisa_program *p,
                            const struct fse_genome *g,
                            const struct fisa_program *q, uint64_t n) {
  uint64_t said, says;
  char what[160] = "";
  begin(x, p, n);
  said = run(p, x->lane, x->a, n);
  says = run(q, x->lane, x->b, n);
  if (x->a->status == FISA_RUN_FUEL || x->b->status == FISA_RUN_FUEL) return;
  x->ran++;
  if (said == says && x->a->status == x->b->status &&
      x->a->fault == x->b->fault &&
      ((x->a->status == FISA_RUN_FAULT && g->facts->has_call) ||
       fisa_observe_equal(p, x->a, x->b, what, sizeof what)))
    return;
  x->failures++;
  UNIT_TRUE(0, "%s: program %d: %s; status %u %u, fault %d %d, %d",
            x->d->name, (int)n, what, (unsigned)x->a->status,
            (unsigned)x->b->status, (int)x->a->fault, (int)x->b->fault,
            said == says);
}

static void check_genome(struct field *x, const struct fisa_program *p,
                         const struct fse_genome *g, uint64_t n) {
  struct fisa_program *back = NULL;
  struct fisa_error err = {""};
  UNIT_TRUE(g->size <= p->size + FSE_GENOME_SLACK, "%s: program %d: %u of %u",
            x->d->name, (int)n, g->size, p->size);
  UNIT_TRUE(fse_genome_decode(g->bytes, g->size, p, &back, &err) == 0,
            "%s: program %d: %s", x->d->name, (int)n, err.text);
  if (back == NULL) return;
  UNIT_MEM_EQ(back->hash, g->program->hash, 32);
  check_behaviour(x, p, g, back, n);
  fisa_program_free(back);
  x->smaller += g->size < p->size;
  for (uint32_t i = 0; i < g->count; i++) {
    x->folds += g->genes[i].kind == FSE_GENE_FOLD;
    x->loops += g->genes[i].kind == FSE_GENE_LOOP;
    UNIT_TRUE(g->genes[i].count > 0 &&
                  g->genes[i].first + g->genes[i].count <= g->facts->count,
              "a gene lies in the program");
  }
}

/* A child is verified and new, or there is a reason. */
static bool check_child(struct field *x, int rc, struct fisa_program *child,
                        const struct fisa_program *parent,
                        const struct fisa_error *err) {
  struct fisa_finding finding = {0};
  if (rc != 0) {
    UNIT_TRUE(child == NULL && err->text[0] != '\0', "refused, and why");
    return false;
  }
  UNIT_TRUE(fisa_verify_child(child, parent, x->scratch, &finding, 1) == 0,
            "%s: %u: %s", x->d->name, finding.pc, finding.text);
  UNIT_TRUE(child->size != parent->size || child->entry != parent->entry ||
                memcmp(child->code, parent->code, child->size) != 0,
            "%s: a copy", x->d->name);
  return true;
}

static void check_mutations(struct field *x, const struct fse_genome *g) {
  for (unsigned how = 0; how < FSE_HOW_COUNT; how++) {
    struct fisa_program *child = NULL;
    struct fisa_error err = {""};
    int rc = fse_genome_mutate(g, (enum fse_how)how, gen_random(&x->random),
                               x->scratch, &child, &err);
    if (check_child(x, rc, child, g->program, &err)) x->mutated[how]++;
    else x->refused++;
    fisa_program_free(child);
  }
}

/* A version of a root with some rows less. */
static bool version(struct field *x, const struct fse_genome *g,
                    struct fse_child *c, struct fisa_facts **f) {
  struct fse_draft *d = fse_draft_copy(g->draft);
  CU_ASSERT_FATAL(d != NULL);
  for (unsigned k = 1 + gen_below(&x->random, 2); k > 0; k--)
    (void)fse_draft_remove(d, gen_below(&x->random, d->base_count));
  *f = NULL;
  if (fse_draft_finish(d, FISA_MAX_CODE, c, NULL) == 0)
    CU_ASSERT_FATAL(fisa_facts_make(c->program, f, NULL) == 0);
  fse_draft_free(d);
  return *f != NULL;
}

static void check_breeding(struct field *x, const struct fse_genome *g) {
  struct fse_child c[2] = {{0}, {0}};
  struct fisa_facts *f[2] = {NULL, NULL};
  struct fisa_program *child = NULL;
  struct fisa_error err = {""};
  if (g->draft == NULL || g->draft->frozen) return;
  if (version(x, g, &c[0], &f[0]) && version(x, g, &c[1], &f[1])) {
    const struct fse_mate a = {c[0].program, f[0], c[0].places,
                               c[0].place_count};
    const struct fse_mate b = {c[1].program, f[1], c[1].places,
                               c[1].place_count};
    int rc = fse_breed_child(g->program, &a, &b, gen_random(&x->random),
                             x->scratch, &child, &err);
    if (check_child(x, rc, child, g->program, &err)) {
      x->bred++;
      UNIT_TRUE(memcmp(child->hash, a.program->hash, 32) != 0 &&
                    memcmp(child->hash, b.program->hash, 32) != 0, "new");
    } else {
      x->not_bred++;
    }
    fisa_program_free(child);
  }
  for (unsigned k = 0; k < 2; k++) {
    fse_child_done(&c[k]);
    fisa_facts_free(f[k]);
  }
}

static void random_programs(const char *dialect) {
  static struct field x;
  uint64_t count = unit_number("FLUX_SOAK_PROGRAMS", unit_scale(PROGRAMS));
  memset(&x, 0, sizeof x);
  x.seed = unit_number("FLUX_SOAK_SEED", 77);
  x.random = x.seed ^ 0x5555;
  CU_ASSERT_FATAL(fisa_dialect_builtin(dialect, true, &x.d, NULL) == 0);
  gen_table_init(&x.table, x.d);
  x.lane = fir_lane_new();
  x.a = fisa_state_new(x.d);
  x.b = fisa_state_new(x.d);
  x.scratch = fisa_verify_scratch_new();
  CU_ASSERT_FATAL(x.lane && x.a && x.b && x.scratch);
  for (uint64_t n = 0; n < count && x.failures < FAILURES; n++) {
    struct fisa_program *p = gen_program(&x.table, x.seed, n);
    struct fse_genome g;
    struct fisa_error err = {""};
    CU_ASSERT_FATAL(p != NULL);
    UNIT_TRUE(fse_genome_encode(p, &g, &err) == 0, "%s", err.text);
    check_genome(&x, p, &g, n);
    check_mutations(&x, &g);
    for (unsigned k = 0; k < 3; k++) check_breeding(&x, &g);
    fse_genome_done(&g);
    fisa_program_free(p);
  }
  printf("%u ran, %u smaller, %u folds, %u loops, %u+%u+%u mutated, "
         "%u refused, %u bred, %u not ... ", x.ran, x.smaller, x.folds,
         x.loops, x.mutated[0], x.mutated[1], x.mutated[2], x.refused, x.bred,
         x.not_bred);
  UNIT_TRUE(x.ran > count / 4 && x.smaller > 0 && x.folds > 0, "coverage");
  for (unsigned how = 0; how < FSE_HOW_COUNT; how++)
    UNIT_TRUE(x.mutated[how] > 0, "%u: none", how);
  UNIT_TRUE(x.bred > 0, "none bred");
  fisa_verify_scratch_free(x.scratch);
  fisa_state_free(x.a);
  fisa_state_free(x.b);
  fir_lane_free(x.lane);
  fisa_dialect_free(x.d);
}

static void unified(void) { random_programs("unified"); }
static void classic(void) { random_programs("classic"); }
static void seed_dialect(void) { random_programs("seed"); }
static void stack_dialect(void) { random_programs("stack"); }

/* ---- a few, each for one thing ------------------------------------------ */

static void encoded(struct fse_genome *g, const char *text) {
  struct fisa_program *p = isa_program(isa_unified(), text);
  struct fisa_error err = {""};
  CU_ASSERT_FATAL(p != NULL);
  UNIT_TRUE(fse_genome_encode(p, g, &err) == 0, "%s", err.text);
  fisa_program_free(p);
}

/* NOPs are gone from the normal form, jumps over them are re-fixed. */
static void nops_out(void) {
  struct fisa_program *want =
      isa_program(isa_unified(), ".in R1\n.out R2\nJEQ R1, A\nMOVI R2, 1\n"
                                 "A: HALT\n");
  struct fse_genome g;
  encoded(&g, ".in R1\n.out R2\nNOP\nJEQ R1, A\nNOP\nMOVI R2, 1\nNOP\n"
              "A: HALT\n");
  UNIT_EQ(g.program->size, want->size);
  UNIT_MEM_EQ(g.program->code, want->code, want->size);
  fse_genome_done(&g);
  /* Where what ran is counted and seen, they stay. */
  encoded(&g, ".out R2\nNOP\nCYCLE_READ R2\nNOP\nHALT\n");
  UNIT_EQ(g.program->size, 5);
  fse_genome_done(&g);
  fisa_program_free(want);
}

/* Some gene of a kind, first and count. */
static bool has_gene(const struct fse_genome *g, enum fse_gene_kind kind,
                     uint32_t first, uint32_t count) {
  for (uint32_t i = 0; i < g->count; i++)
    if (g->genes[i].kind == kind && g->genes[i].first == first &&
        g->genes[i].count == count)
      return true;
  return false;
}

static void folds_and_loops(void) {
  struct fse_genome g;
  struct fisa_program *back = NULL;
  encoded(&g, ".in R1\n.out R2\nADD R2, R2, R1\nMUL R2, R2, R1\n"
              "XOR R2, R2, R1\nSUB R3, R2, R1\nADD R2, R2, R1\n"
              "MUL R2, R2, R1\nXOR R2, R2, R1\nHALT\n");
  UNIT_TRUE(has_gene(&g, FSE_GENE_FOLD, 4, 3), "the second three are folded");
  UNIT_TRUE(g.size < g.program->size, "%u of %u", g.size, g.program->size);
  fse_genome_done(&g);
  /* A loop in a loop. */
  encoded(&g, ".in R1 1..3\n.out R2\nA: MOVI R3, 3\nB: INC R2\nDEC R3\n"
              "JNE R3, B\nDEC R1\nJNE R1, A\nHALT\n");
  UNIT_TRUE(has_gene(&g, FSE_GENE_LOOP, 0, 6), "the outer");
  UNIT_TRUE(has_gene(&g, FSE_GENE_LOOP, 1, 3), "the inner");
  UNIT_EQ(fse_genome_decode(g.bytes, g.size, g.program, &back, NULL), 0);
  UNIT_MEM_EQ(back->hash, g.program->hash, 32);
  fisa_program_free(back);
  fse_genome_done(&g);
  /* Two that begin at one place, and one that is its jump alone. */
  encoded(&g, ".in R1 1..3\n.in R3 1..3\n.out R2\nA: INC R2\nDEC R3\n"
              "JNE R3, A\nDEC R1\nJNE R1, A\nB: LOOP R4, B\nHALT\n");
  UNIT_TRUE(has_gene(&g, FSE_GENE_LOOP, 0, 5) &&
                has_gene(&g, FSE_GENE_LOOP, 0, 3) &&
                has_gene(&g, FSE_GENE_LOOP, 5, 1), "three loops");
  back = NULL;
  UNIT_EQ(fse_genome_decode(g.bytes, g.size, g.program, &back, NULL), 0);
  UNIT_MEM_EQ(back->hash, g.program->hash, 32);
  fisa_program_free(back);
  fse_genome_done(&g);
}

/* Whether a child drawn in some way is the program `want`. */
static bool gives(const struct fse_genome *g, enum fse_how how,
                  const char *want) {
  struct fisa_program *w = isa_program(isa_unified(), want);
  bool found = false;
  uint64_t random = 3;
  CU_ASSERT_FATAL(w != NULL);
  for (unsigned n = 0; n < 400 && !found; n++) {
    struct fisa_program *child = NULL;
    if (fse_genome_mutate(g, how, gen_random(&random), NULL, &child, NULL) !=
        0)
      continue;
    found = child->size == w->size &&
            memcmp(child->code, w->code, w->size) == 0;
    fisa_program_free(child);
  }
  fisa_program_free(w);
  return found;
}

static void children(void) {
  struct fse_genome g;
  encoded(&g, ".in R1 1..3\n.out R2\nMOVI R2, 5\nA: INC R2\nDEC R1\n"
              "JNE R1, A\nHALT\n");
  UNIT_TRUE(gives(&g, FSE_PRUNE, "A: INC R2\nDEC R1\nJNE R1, A\nHALT\n"),
            "a row less");
  UNIT_TRUE(gives(&g, FSE_PRUNE, "MOVI R2, 5\nHALT\n"), "a loop less");
  UNIT_TRUE(gives(&g, FSE_AMPLIFY,
                  "MOVI R2, 5\nA: INC R2\nINC R2\nDEC R1\nJNE R1, A\n"
                  "HALT\n"), "a row twice");
  UNIT_TRUE(gives(&g, FSE_AMPLIFY,
                  "MOVI R2, 5\nA: INC R2\nDEC R1\nJNE R1, A\nB: INC R2\n"
                  "DEC R1\nJNE R1, B\nHALT\n"), "a loop twice");
  UNIT_TRUE(gives(&g, FSE_SUBSTITUTE,
                  "INC R2\nA: INC R2\nDEC R1\nJNE R1, A\nHALT\n"),
            "a row for another");
  fse_genome_done(&g);
}

/* Rows that may not go, refused with the reason. */
static void refusals(void) {
  struct fse_genome g;
  struct fisa_error err = {""};
  struct fisa_program *child = NULL;
  encoded(&g, ".out R1\nMOVI R1, 4\nJZ R2, R1\nHALT\n");
  UNIT_EQ(fse_genome_mutate(&g, FSE_PRUNE, 0, NULL, &child, &err), -1);
  UNIT_STR_EQ(err.text, "the program cannot be edited");
  fse_genome_done(&g);
  encoded(&g, ".out R1\nHALT\n");
  UNIT_EQ(fse_genome_mutate(&g, FSE_PRUNE, 0, NULL, &child, &err), -1);
  UNIT_STR_EQ(err.text, "control would run off the end");
  UNIT_EQ(fse_genome_mutate(&g, FSE_SUBSTITUTE, 0, NULL, &child, &err), -1);
  UNIT_TRUE(child == NULL, "none");
  fse_genome_done(&g);
}

/* ---- two parents -------------------------------------------------------- */

/* A version of a root: text, and where its places are. */
struct made {
  struct fisa_program *p;
  struct fisa_facts *f;
  struct fse_mate mate;
};

static void mate_make(struct made *m, const char *text,
                      const struct fse_place *places, uint32_t count) {
  m->p = isa_program(isa_unified(), text);
  CU_ASSERT_FATAL(m->p != NULL);
  CU_ASSERT_FATAL(fisa_facts_make(m->p, &m->f, NULL) == 0);
  m->mate = (struct fse_mate){m->p, m->f, places, count};
}

static void mate_done(struct made *m) {
  fisa_facts_free(m->f);
  fisa_program_free(m->p);
}

/* The front of one and the back of the other; a jump across. */
static void crossing(void) {
  static const char root[] =
      ".in R1\n.in R2\n.out R3\nMOV R4, R1\nADD R3, R4, R2\nJEQ R1, A\n"
      "MOV R5, R3\nADD R3, R5, R5\nA: HALT\n";
  /* a has the front better, b the back. */
  static const char front[] =
      ".in R1\n.in R2\n.out R3\nADD R3, R1, R2\nJEQ R1, A\n"
      "MOV R5, R3\nADD R3, R5, R5\nA: HALT\n";
  static const char back[] =
      ".in R1\n.in R2\n.out R3\nMOV R4, R1\nADD R3, R4, R2\nJEQ R1, A\n"
      "ADD R3, R3, R3\nA: HALT\n";
  static const char both[] =
      ".in R1\n.in R2\n.out R3\nADD R3, R1, R2\nJEQ R1, A\n"
      "ADD R3, R3, R3\nA: HALT\n";
  /* Each row has four bytes, HALT the last one. */
  static const struct fse_place in_front[] = {{0, 0}, {4, 0}, {8, 4}, {12, 8},
                                              {16, 12}, {20, 16}};
  static const struct fse_place in_back[] = {{0, 0}, {4, 4}, {8, 8}, {12, 12},
                                             {16, 12}, {20, 16}};
  struct made r, a, b, want;
  bool found = false;
  mate_make(&r, root, NULL, 0);
  mate_make(&a, front, in_front, 6);
  mate_make(&b, back, in_back, 6);
  mate_make(&want, both, NULL, 0);
  UNIT_EQ(r.p->size, 21);
  for (uint64_t n = 0; n < 6; n++) {
    struct fisa_program *child = NULL;
    struct fisa_error err = {""};
    if (fse_breed_child(r.p, &a.mate, &b.mate, n, NULL, &child, &err) != 0)
      continue;
    found |= child->size == want.p->size &&
             memcmp(child->code, want.p->code, child->size) == 0;
    fisa_program_free(child);
  }
  UNIT_TRUE(found, "the best of both");
  /* The same twice is no child. */
  for (uint64_t n = 0; n < 6; n++) {
    struct fisa_program *child = NULL;
    struct fisa_error err = {""};
    UNIT_EQ(fse_breed_child(r.p, &a.mate, &a.mate, n, NULL, &child, &err),
            -1);
    UNIT_TRUE(child == NULL && err.text[0] != '\0', "%s", err.text);
  }
  mate_done(&want);
  mate_done(&b);
  mate_done(&a);
  mate_done(&r);
}

/* ---- bytes from anywhere ------------------------------------------------ */

/* Any bytes, and sound ones with a few changed: decoded or refused. */
static void hostile(void) {
  struct fse_genome g;
  uint64_t random = 99;
  unsigned sound = 0;
  encoded(&g, ".in R1 1..3\n.out R2\nA: MOVI R3, 3\nB: INC R2\nDEC R3\n"
              "JNE R3, B\nADD R2, R2, R1\nADD R2, R2, R1\nDEC R1\n"
              "JNE R1, A\nHALT\n");
  for (uint32_t n = 0; n < g.size; n++) {
    struct fisa_program *back = NULL;
    struct fisa_error err = {""};
    UNIT_EQ(fse_genome_decode(g.bytes, n, g.program, &back, &err), -1);
    UNIT_TRUE(back == NULL && err.text[0] != '\0', "cut at %u", n);
  }
  for (unsigned n = 0; n < unit_scale(200000); n++) {
    uint8_t bytes[64];
    uint32_t size = g.size < sizeof bytes ? g.size : sizeof bytes;
    struct fisa_program *back = NULL;
    struct fisa_error err = {""};
    memcpy(bytes, g.bytes, size);
    if (n % 2) size = 1 + gen_below(&random, sizeof bytes);
    for (unsigned k = n % 2 ? size : 1 + gen_below(&random, 4); k > 0; k--)
      bytes[gen_below(&random, size)] = (uint8_t)gen_random(&random);
    if (n % 2) bytes[0] = (uint8_t)(1 + n / 2 % 2);
    if (fse_genome_decode(bytes, size, g.program, &back, &err) == 0) sound++;
    else UNIT_TRUE(back == NULL && err.text[0] != '\0', "a reason");
    fisa_program_free(back);
  }
  UNIT_TRUE(sound > 0, "%u sound", sound);
  fse_genome_done(&g);
}

/* ---- who wins ----------------------------------------------------------- */

static void competing(void) {
  struct fse_contender c[5] = {
      {0.5, 10, 1}, {0.75, 20, 2}, {0.75, 15, 4}, {0.75, 15, 3}, {0.25, 1, 0}};
  UNIT_EQ(fse_compete(c, 5), 3);
  UNIT_EQ(fse_compete(c, 3), 2);
  UNIT_EQ(fse_compete(c, 1), 0);
  UNIT_EQ(fse_compete(c, 0), 0);
  c[0].fitness = NAN;
  c[4].fitness = INFINITY;
  UNIT_EQ(fse_compete(c, 5), 3);
  c[1].fitness = c[2].fitness = c[3].fitness = NAN;
  UNIT_EQ(fse_compete(c, 5), 4);
}

static const struct unit_test tests[] = {
    {"random programs", "unified", unified},
    {"random programs", "classic", classic},
    {"random programs", "seed", seed_dialect},
    {"random programs", "stack", stack_dialect},
    {"genome", "NOPs", nops_out},
    {"genome", "folds and loops", folds_and_loops},
    {"genome", "children", children},
    {"genome", "refusals", refusals},
    {"genome", "two parents", crossing},
    {"genome", "hostile", hostile},
    {"compete", "order", competing},
};

UNIT_MAIN(tests)
