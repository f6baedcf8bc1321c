/*
 * test_prove_terms.c - each op's term against the table that the engines run.
 *
 * Both are written apart. Ten thousand states an op, most of them at edges,
 * are put into the term, which Z3 then works out to a number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "gpu/semantics.h"
#include "plugin/prove/terms.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

#define SAMPLES 2000u
#define FRESH 500u       /* samples of one context */
#define MEMORY 512u      /* bytes */

/* ---- what the table says ------------------------------------------------ */

struct sample {
  int32_t d, a, b, c, imm;
  uint8_t mem[MEMORY];
};

enum form { VALUE, LOAD, STORE, CONDITION };

struct op {
  unsigned op;
  enum form form;
  const char *name;
};

#define ROW_VALUE(ID, e) {FLUX_OP_##ID, VALUE, #ID},
#define ROW_LOAD(ID, e) {FLUX_OP_##ID, LOAD, #ID},
#define ROW_STORE(ID, e) {FLUX_OP_##ID, STORE, #ID},
#define ROW_BRANCH(ID, e) {FLUX_OP_##ID, CONDITION, #ID},
#define ROW_GUARD(ID, e) {FIR_G_##ID, CONDITION, "G_" #ID},
static const struct op ops[] = {
    FSEM_VALUES(ROW_VALUE) FSEM_LOADS(ROW_LOAD) FSEM_STORES(ROW_STORE)
        FSEM_BRANCHES(ROW_BRANCH) FSEM_GUARDS(ROW_GUARD)};
#define OPS (sizeof ops / sizeof ops[0])

/* Works on the sample's memory; returns the value or the condition. */
static int32_t table(unsigned op, struct sample *s) {
  static uint64_t written[MEMORY / 64], dirty[1];
  struct fsem_memory memory = {s->mem, written, dirty, MEMORY - 1};
  const int32_t FA = s->a, FB = s->b, FC = s->c, FD = s->d, FIMM = s->imm;
  struct fsem_memory *FMEM = &memory;
#define GIVES(ID, e) case FLUX_OP_##ID: return (e);
#define DOES(ID, e) case FLUX_OP_##ID: e; return 0;
#define GUARDS(ID, e) case FIR_G_##ID: return (e);
  switch (op) {
    FSEM_VALUES(GIVES)
    FSEM_LOADS(GIVES)
    FSEM_STORES(DOES)
    FSEM_BRANCHES(GIVES)
    FSEM_GUARDS(GUARDS)
    default: return 0;
  }
}

/* ---- samples ------------------------------------------------------------ */

static int32_t edge(uint64_t *r) {
  static const int32_t known[] = {
      0, 1, -1, 2, -2, 3, 7, 10, 31, 32, 33, 63, 99, 100, 101, 127, 128, 129,
      255, 256, 257, 32767, 32768, 65535, 65536, INT32_MAX, INT32_MAX - 1,
      INT32_MIN, INT32_MIN + 1, 0x3F800000, 0x7F800000, -8388608, 0x7FC00000,
      0x7F800001, -1, 0x4F000000, 0x4EFFFFFF, -822083584, -822083583,
      0x00000001, 0x00800000, 0x4B000000};
  uint64_t k = isa_random(r);
  switch (k % 4) {
    case 0: return known[(k >> 8) % (sizeof known / sizeof known[0])];
    case 1: return (int32_t)(k >> 8 & 511) - 256;
    case 2: return (int32_t)((1u << (k >> 8 & 31)) + (k >> 16 & 3) - 1u);
    default: return (int32_t)(k >> 32);
  }
}

static bool is_run(unsigned op) {
  switch (op) {
    case FLUX_OP_MSET: case FLUX_OP_MCPY: case FLUX_OP_MEQ:
    case FLUX_OP_MHAS: case FLUX_OP_MFIND: case FLUX_OP_MSUM:
    case FLUX_OP_MMIN: case FLUX_OP_MMAX: case FLUX_OP_MCRC:
      return true;
    default:
      return false;
  }
}

static void draw(unsigned op, uint64_t *r, struct sample *s) {
  s->d = edge(r);
  s->a = edge(r);
  s->b = isa_below(r, 4) == 0 ? s->a : edge(r);
  s->c = edge(r);
  s->imm = edge(r);
  if (is_run(op)) s->imm = (int32_t)isa_below(r, 6) - 1;
  for (unsigned i = 0; i < MEMORY; i++)
    s->mem[i] = (uint8_t)(isa_below(r, 3) ? 0 : isa_random(r));
}

/* ---- what the term says ------------------------------------------------- */

struct constant {
  struct terms *t;
  const struct sample *s;
};

static bool number(struct terms *t, Z3_ast a, uint32_t *v) {
  unsigned out = 0;
  Z3_ast simple = Z3_simplify(t->z, a);
  switch (Z3_get_bool_value(t->z, simple)) {
    case Z3_L_TRUE: *v = 1; return true;
    case Z3_L_FALSE: *v = 0; return true;
    default: break;
  }
  if (!Z3_get_numeral_uint(t->z, simple, &out)) return false;
  *v = out;
  return true;
}

static Z3_ast held(Z3_ast at, void *user) {
  struct constant *c = user;
  uint32_t v = 0;
  CU_ASSERT_FATAL(number(c->t, at, &v) && v < MEMORY);
  return Z3_mk_unsigned_int(c->t->z, c->s->mem[v], c->t->byte);
}

/* Where the op may have written, and beside it. */
static bool same_memory(struct terms *t, const struct term_array *mem,
                        const struct sample *s, const uint8_t *want) {
  const int32_t from[5] = {s->a, s->b, s->imm,
                           (int32_t)((uint32_t)s->a + (uint32_t)s->b),
                           (int32_t)((uint32_t)s->a + (uint32_t)s->b +
                                     (uint32_t)s->imm)};
  for (int i = 0; i < 5; i++)
    for (uint32_t k = 0; k < 7; k++) {
      uint32_t at = ((uint32_t)from[i] + k - 1) & (MEMORY - 1), got = 0;
      if (!number(t, term_read(t, mem, term_word(t, at)), &got) ||
          got != want[at])
        return false;
    }
  return true;
}

/* One sample: value, condition and memory. False: it differs. */
static bool agrees(struct terms *t, const struct op *o,
                   const struct sample *s, enum term_kind *kind) {
  struct sample after = *s;
  struct constant c = {t, s};
  struct term_array mem = {NULL, held, &c};
  const struct term_in in = {term_word(t, s->d), term_word(t, s->a),
                             term_word(t, s->b), term_word(t, s->c), s->imm,
                             &mem};
  int32_t want = table(o->op, &after);
  Z3_ast out = NULL;
  uint32_t got = 0;
  bool known;
  *kind = term_of(t, o->op, &in, &out);
  if (*kind == TERM_NONE) return false;
  if (o->form != STORE) {
    known = number(t, out, &got);
    if (known && (int32_t)got != want) return false;
    if (!known && *kind == TERM_EXACT) return false;
  }
  return mem.last == NULL || same_memory(t, &mem, s, after.mem);
}

static Z3_context context(void) {
  Z3_config config = Z3_mk_config();
  Z3_context z = Z3_mk_context(config);
  Z3_del_config(config);
  return z;
}

static void check_op(const struct op *o) {
  uint64_t r = 77 + o->op;
  struct terms t;
  Z3_context z = context();
  enum term_kind kind = TERM_NONE;
  terms_init(&t, z, MEMORY);
  for (unsigned n = 0; n < unit_scale(SAMPLES); n++) {
    struct sample s;
    bool ok;
    draw(o->op, &r, &s);
    ok = agrees(&t, o, &s, &kind);
    if (!UNIT_TRUE(ok, "%s: d %d a %d b %d c %d imm %d", o->name, s.d, s.a,
                   s.b, s.c, s.imm))
      break;
    terms_done();
    if (n % FRESH != FRESH - 1) continue;
    Z3_del_context(z);
    z = context();
    terms_init(&t, z, MEMORY);
  }
  terms_done();
  Z3_del_context(z);
  UNIT_TRUE(kind != TERM_NONE, "%s has no term", o->name);
}

static void terms_are_the_table(void) {
  for (size_t i = 0; i < OPS; i++) check_op(&ops[i]);
}

/* What a term takes for granted of ops it does not spell out. */
static void what_is_open(void) {
  static const unsigned both[] = {FLUX_OP_FADD, FLUX_OP_FMUL, FLUX_OP_MUL};
  uint64_t r = 5;
  unsigned differ = 0;
  for (unsigned n = 0; n < unit_scale(10 * SAMPLES); n++)
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
      struct sample s, other;
      draw(FLUX_OP_MOV, &r, &s);
      other = s;
      other.a = s.b;
      other.b = s.a;
      differ += table(both[i], &s) != table(both[i], &other);
    }
  UNIT_EQ(differ, 0);
}

/* A run too long to be written out has no term. */
static void what_has_none(void) {
  struct terms t;
  Z3_context z = context();
  struct term_array mem = {NULL, held, NULL};
  Z3_ast out = NULL;
  terms_init(&t, z, MEMORY);
  const struct term_in in = {term_word(&t, 0), term_word(&t, 0),
                             term_word(&t, 0), term_word(&t, 0),
                             TERM_RUN_MAX + 1, &mem};
  UNIT_EQ(term_of(&t, FLUX_OP_MSET, &in, &out), TERM_NONE);
  UNIT_EQ(term_of(&t, FLUX_OP_MCRC, &in, &out), TERM_NONE);
  UNIT_EQ(term_of(&t, FLUX_OP_CYCLE, &in, &out), TERM_NONE);
  UNIT_EQ(term_of(&t, FLUX_OP_DRAW_W, &in, &out), TERM_NONE);
  Z3_del_context(z);
}

static const struct unit_test tests[] = {
    {"terms", "terms_are_the_table", terms_are_the_table},
    {"terms", "what_is_open", what_is_open},
    {"terms", "what_has_none", what_has_none},
};
UNIT_MAIN(tests)
