/*
 * plugin/prove/terms.c - a term for each op that has one, in one table.
 */
#include "plugin/prove/terms.h"

#include <assert.h>
#include <stdlib.h>

#include "gpu/ir.h"

/* ---- words -------------------------------------------------------------- */

/* Every write of the question at hand. */
static struct term_write *all_writes[1 << 16];
static uint32_t write_count;

void terms_init(struct terms *t, Z3_context z, uint32_t mem_size) {
  assert((mem_size & (mem_size - 1)) == 0);
  t->z = z;
  t->word = Z3_mk_bv_sort(z, 32);
  t->byte = Z3_mk_bv_sort(z, 8);
  t->mask = mem_size > 0 ? mem_size - 1 : 0;
  t->open = false;
}

void terms_done(void) {
  while (write_count > 0) free(all_writes[--write_count]);
}

Z3_ast term_word(struct terms *t, int64_t v) {
  return Z3_mk_unsigned_int64(t->z, (uint32_t)v, t->word);
}

Z3_ast term_ite(struct terms *t, Z3_ast c, Z3_ast a, Z3_ast b) {
  return Z3_mk_ite(t->z, c, a, b);
}

Z3_ast term_eq(struct terms *t, Z3_ast a, Z3_ast b) {
  return Z3_mk_eq(t->z, a, b);
}

Z3_ast term_and(struct terms *t, Z3_ast a, Z3_ast b) {
  Z3_ast both[2] = {a, b};
  return Z3_mk_and(t->z, 2, both);
}

Z3_ast term_or(struct terms *t, Z3_ast a, Z3_ast b) {
  Z3_ast both[2] = {a, b};
  return Z3_mk_or(t->z, 2, both);
}

Z3_ast term_not(struct terms *t, Z3_ast a) { return Z3_mk_not(t->z, a); }

Z3_ast term_bit(struct terms *t, Z3_ast c) {
  return term_ite(t, c, term_word(t, 1), term_word(t, 0));
}

Z3_ast term_function(struct terms *t, const char *name, unsigned count,
                     const Z3_ast *args, Z3_sort range) {
  Z3_sort domain[3] = {t->word, t->word, t->word};
  Z3_func_decl f;
  assert(count <= 3);
  f = Z3_mk_func_decl(t->z, Z3_mk_string_symbol(t->z, name), count, domain,
                      range);
  return Z3_mk_app(t->z, f, count, args);
}

/* Below, an expression has these names and nothing else in scope. */
#define Z (t->z)
#define N(v) term_word(t, v)
#define IF(c, x, y) term_ite(t, c, x, y)
#define EQL(x, y) term_eq(t, x, y)
#define AND2(x, y) term_and(t, x, y)
#define OR2(x, y) term_or(t, x, y)
#define NO(x) term_not(t, x)
#define BIT(c) term_bit(t, c)
#define LTS(x, y) Z3_mk_bvslt(Z, x, y)
#define LES(x, y) Z3_mk_bvsle(Z, x, y)
#define LTN(x, y) Z3_mk_bvult(Z, x, y)
#define PLUS(x, y) Z3_mk_bvadd(Z, x, y)
#define MINUS(x, y) Z3_mk_bvsub(Z, x, y)
#define TIMES(x, y) Z3_mk_bvmul(Z, x, y)
#define OVER(x, y) Z3_mk_bvsdiv(Z, x, y)
#define MASK(x, v) Z3_mk_bvand(Z, x, N(v))
#define HIGH(x, hi, lo) Z3_mk_extract(Z, hi, lo, x)
#define WIDE(x, by) Z3_mk_sign_ext(Z, by, x)
#define WIDEU(x, by) Z3_mk_zero_ext(Z, by, x)

/* ---- arithmetic --------------------------------------------------------- */

static Z3_ast muldiv(struct terms *t, Z3_ast a, Z3_ast b, int32_t by) {
  Z3_ast wide;
  if (by == 0) return N(0);
  wide = TIMES(WIDE(a, 32), WIDE(b, 32));
  return HIGH(OVER(wide, WIDE(N(by), 32)), 31, 0);
}

static Z3_ast mulsar(struct terms *t, Z3_ast a, Z3_ast b, int32_t n) {
  Z3_ast wide = TIMES(WIDE(a, 32), WIDE(b, 32));
  return HIGH(Z3_mk_bvashr(Z, wide, WIDEU(N(n & 31), 32)), 31, 0);
}

static Z3_ast popcnt(struct terms *t, Z3_ast a) {
  Z3_ast sum = WIDEU(HIGH(a, 0, 0), 31);
  for (unsigned i = 1; i < 32; i++)
    sum = PLUS(sum, WIDEU(HIGH(a, i, i), 31));
  return sum;
}

static Z3_ast clz(struct terms *t, Z3_ast a) {
  Z3_ast n = N(32);
  for (unsigned i = 0; i < 32; i++)
    n = IF(EQL(HIGH(a, i, i), HIGH(N(1), 0, 0)), N(31 - (int64_t)i), n);
  return n;
}

static Z3_ast bitrev(struct terms *t, Z3_ast a) {
  Z3_ast all = HIGH(a, 0, 0);
  for (unsigned i = 1; i < 32; i++)
    all = Z3_mk_concat(Z, all, HIGH(a, i, i));
  return all;
}

static Z3_ast mix(struct terms *t, Z3_ast a) {
  for (int i = 0; i < 2; i++)
    a = TIMES(Z3_mk_bvxor(Z, Z3_mk_bvlshr(Z, a, N(16)), a), N(0x45D9F3B));
  return Z3_mk_bvxor(Z, Z3_mk_bvlshr(Z, a, N(16)), a);
}

/* Whether a number of more than 32 bits is no int32. */
static Z3_ast no_int32(struct terms *t, Z3_ast wide, unsigned more) {
  return NO(EQL(WIDE(HIGH(wide, 31, 0), more), wide));
}

/* ---- binary32, by its bits ---------------------------------------------- */

static Z3_ast is_nan(struct terms *t, Z3_ast a) {
  return LTN(N(0x7F800000), MASK(a, 0x7FFFFFFF));
}

static Z3_ast canon(struct terms *t, Z3_ast a) {
  return IF(is_nan(t, a), N(0x7FC00000), a);
}

/* Numbers in their order as signed words, both zeros 0. */
static Z3_ast rank(struct terms *t, Z3_ast a) {
  return IF(LTS(a, N(0)), MINUS(N(0), MASK(a, 0x7FFFFFFF)), a);
}

static Z3_ast numbers(struct terms *t, Z3_ast a, Z3_ast b) {
  return NO(OR2(is_nan(t, a), is_nan(t, b)));
}

static Z3_ast f_less(struct terms *t, Z3_ast a, Z3_ast b) {
  return AND2(numbers(t, a, b), LTS(rank(t, a), rank(t, b)));
}

static Z3_ast f_same(struct terms *t, Z3_ast a, Z3_ast b) {
  return AND2(numbers(t, a, b), EQL(rank(t, a), rank(t, b)));
}

/* The smaller, or with `max` the larger; `tie` of two zeros. */
static Z3_ast f_pick(struct terms *t, Z3_ast a, Z3_ast b, bool max) {
  Z3_ast tie = max ? Z3_mk_bvand(Z, a, b) : Z3_mk_bvor(Z, a, b);
  Z3_ast first = max ? f_less(t, b, a) : f_less(t, a, b);
  Z3_ast second = max ? f_less(t, a, b) : f_less(t, b, a);
  Z3_ast of_two = IF(first, a, IF(second, b, tie));
  return IF(is_nan(t, a), canon(t, b), IF(is_nan(t, b), a, of_two));
}

/* Whether it is an int32 once truncated: from -2^31 to below 2^31. */
static Z3_ast f_fits(struct terms *t, Z3_ast a) {
  Z3_ast below = AND2(LES(N(0), a), LTN(a, N(0x4F000000)));
  return OR2(below, AND2(LTS(a, N(0)), Z3_mk_bvule(Z, a, N(0xCF000000))));
}

/* ---- what is not known but for its arguments ---------------------------- */

static Z3_ast open1(struct terms *t, const char *name, Z3_ast a) {
  return term_function(t, name, 1, &a, t->word);
}

static Z3_ast open2(struct terms *t, const char *name, Z3_ast a, Z3_ast b) {
  Z3_ast args[2] = {a, b};
  return term_function(t, name, 2, args, t->word);
}

/* Of two that may change places: the smaller word first. */
static Z3_ast either(struct terms *t, const char *name, Z3_ast a, Z3_ast b) {
  Z3_ast in_order = LTN(a, b);
  return open2(t, name, IF(in_order, a, b), IF(in_order, b, a));
}

static Z3_ast f_add(struct terms *t, Z3_ast a, Z3_ast b) {
  return either(t, "fadd", a, b);
}

static Z3_ast odd_pow(struct terms *t, Z3_ast a, Z3_ast b) {
  return NO(EQL(open2(t, "powfits", a, b), N(0)));
}

/* ---- confidence --------------------------------------------------------- */

static Z3_ast at_most_100(struct terms *t, Z3_ast v) {
  return IF(LTS(v, N(100)), v, N(100));
}

static Z3_ast conf_sum(struct terms *t, Z3_ast a, Z3_ast b) {
  Z3_ast sum = PLUS(a, b);
  Z3_ast mean = OVER(TIMES(TIMES(N(2), a), b), sum);
  return IF(LES(sum, N(0)), N(0), at_most_100(t, mean));
}

static Z3_ast conf_diff(struct terms *t, Z3_ast a, Z3_ast b) {
  Z3_ast v = MINUS(a, b);
  return IF(LTS(N(0), v), v, N(0));
}

/* ---- memory ------------------------------------------------------------- */

/* 1: two places are one, 0: they are not, -1: it depends. */
static int one_place(struct terms *t, Z3_ast a, Z3_ast b) {
  if (Z3_is_eq_ast(Z, a, b)) return 1;
  if (Z3_is_numeral_ast(Z, a) && Z3_is_numeral_ast(Z, b)) return 0;
  switch (Z3_get_bool_value(Z, Z3_simplify(Z, EQL(a, b)))) {
    case Z3_L_TRUE: return 1;
    case Z3_L_FALSE: return 0;
    default: return -1;
  }
}

Z3_ast term_read(struct terms *t, const struct term_array *m, Z3_ast at) {
  static const struct term_write *newest[1 << 16];
  const struct term_write *w = m->last;
  Z3_ast value = NULL;
  uint32_t n = 0;
  for (; w != NULL && value == NULL && n < 1 << 16; w = w->before) {
    int one = one_place(t, w->at, at);
    if (one == 1 && w->when == NULL) value = w->value;
    if (one != 0) newest[n++] = w;
  }
  if (value == NULL)
    value = m->base(at, m->user);
  else
    n--;
  while (n > 0) {
    w = newest[--n];
    Z3_ast here = EQL(w->at, at);
    value = IF(w->when != NULL ? AND2(w->when, here) : here, w->value, value);
  }
  return Z3_simplify(Z, value);
}

int term_write(struct terms *t, struct term_array *m, Z3_ast when, Z3_ast at,
               Z3_ast value) {
  struct term_write *w = calloc(1, sizeof *w);
  if (w == NULL || write_count == sizeof all_writes / sizeof all_writes[0]) {
    free(w);
    Z3_set_error(Z, Z3_MEMOUT_FAIL);
    return -1;
  }
  *w = (struct term_write){m->last, when, at, value};
  all_writes[write_count++] = w;
  m->last = w;
  return 0;
}

/* Address at + by, within memory. */
static Z3_ast place(struct terms *t, Z3_ast at, uint32_t by) {
  return Z3_simplify(Z, MASK(PLUS(at, N(by)), t->mask));
}

static Z3_ast byte_at(struct terms *t, const struct term_in *in, Z3_ast at,
                      uint32_t by) {
  return term_read(t, in->mem, place(t, at, by));
}

static Z3_ast load8(struct terms *t, const struct term_in *in, Z3_ast at,
                    uint32_t by) {
  return WIDEU(byte_at(t, in, at, by), 24);
}

static Z3_ast load32(struct terms *t, const struct term_in *in, Z3_ast at) {
  Z3_ast v = byte_at(t, in, at, 0);
  for (uint32_t i = 1; i < 4; i++)
    v = Z3_mk_concat(Z, byte_at(t, in, at, i), v);
  return v;
}

static void store8(struct terms *t, const struct term_in *in, Z3_ast when,
                   Z3_ast at, Z3_ast v) {
  term_write(t, in->mem, when, place(t, at, 0), HIGH(v, 7, 0));
}

static void store32(struct terms *t, const struct term_in *in, Z3_ast when,
                    Z3_ast at, Z3_ast v) {
  for (uint32_t i = 0; i < 4; i++)
    term_write(t, in->mem, when, place(t, at, i), HIGH(v, 8 * i + 7, 8 * i));
}

static Z3_ast address(struct terms *t, const struct term_in *in) {
  return PLUS(PLUS(in->a, in->b), N(in->imm));
}

/* Whether n bytes at a lie below the limit. */
static Z3_ast below(struct terms *t, const struct term_in *in, uint32_t n) {
  Z3_ast limit = N(in->imm);
  return AND2(LTN(in->a, limit),
              Z3_mk_bvuge(Z, MINUS(limit, in->a), N(n)));
}

static uint32_t run(const struct term_in *in) {
  return in->imm > 0 ? (uint32_t)in->imm : 0;
}

static Z3_ast cas8(struct terms *t, const struct term_in *in) {
  Z3_ast same = EQL(byte_at(t, in, in->a, 0), HIGH(in->b, 7, 0));
  store8(t, in, same, in->a, in->c);
  return BIT(same);
}

static Z3_ast meq(struct terms *t, const struct term_in *in) {
  Z3_ast all = Z3_mk_true(Z);
  for (uint32_t i = 0; i < run(in); i++)
    all = AND2(all, EQL(byte_at(t, in, in->a, i), byte_at(t, in, in->b, i)));
  return BIT(all);
}

static Z3_ast mhas(struct terms *t, const struct term_in *in) {
  Z3_ast any = Z3_mk_false(Z);
  for (uint32_t i = 0; i < run(in); i++)
    any = OR2(any, EQL(byte_at(t, in, in->a, i), HIGH(in->b, 7, 0)));
  return BIT(any);
}

static Z3_ast mfind(struct terms *t, const struct term_in *in) {
  Z3_ast v = in->d;
  for (uint32_t i = run(in); i-- > 0;)
    v = IF(EQL(load8(t, in, in->a, i), N(0)), v, N(i));
  return v;
}

static Z3_ast msum(struct terms *t, const struct term_in *in) {
  Z3_ast sum = N(0);
  for (uint32_t i = 0; i < run(in); i++)
    sum = PLUS(sum, load8(t, in, in->a, i));
  return sum;
}

static Z3_ast most(struct terms *t, const struct term_in *in, bool max) {
  Z3_ast v = N(max ? 0 : 255);
  for (uint32_t i = 0; i < run(in); i++) {
    Z3_ast one = load8(t, in, in->a, i);
    v = IF(max ? LTN(v, one) : LTN(one, v), one, v);
  }
  return v;
}

static Z3_ast mcrc(struct terms *t, const struct term_in *in) {
  Z3_ast crc = N(0xFFFFFFFF);
  for (uint32_t i = 0; i < run(in); i++) {
    crc = Z3_mk_bvxor(Z, crc, load8(t, in, in->a, i));
    for (int bit = 0; bit < 8; bit++) {
      Z3_ast half = Z3_mk_bvlshr(Z, crc, N(1));
      crc = IF(EQL(HIGH(crc, 0, 0), HIGH(N(1), 0, 0)),
               Z3_mk_bvxor(Z, half, N(0xEDB88320)), half);
      crc = Z3_simplify(Z, crc);
    }
  }
  return Z3_mk_bvnot(Z, crc);
}

static Z3_ast venc(struct terms *t, const struct term_in *in) {
  Z3_ast rest = IF(LTS(in->a, N(0)), N(0), in->a);
  Z3_ast n = N(1);
  for (uint32_t i = 0; i < 5; i++) {
    Z3_ast comes = i == 0 ? NULL : NO(EQL(rest, N(0)));
    Z3_ast more = LTN(N(127), rest);
    Z3_ast low = MASK(rest, 127);
    if (comes != NULL) n = IF(comes, N(i + 1), n);
    store8(t, in, comes, N((uint32_t)in->imm + i),
           IF(more, Z3_mk_bvor(Z, low, N(128)), low));
    rest = Z3_mk_bvlshr(Z, rest, N(7));
  }
  return n;
}

static Z3_ast vdec(struct terms *t, const struct term_in *in) {
  Z3_ast v = N(0), goes = Z3_mk_true(Z);
  for (uint32_t i = 0; i < 5; i++) {
    Z3_ast one = load8(t, in, N(in->imm), i);
    Z3_ast part = Z3_mk_bvshl(Z, MASK(one, 127), N(7 * i));
    v = IF(goes, Z3_mk_bvor(Z, v, part), v);
    goes = AND2(goes, LTN(N(127), one));
  }
  return v;
}

static void mset(struct terms *t, const struct term_in *in) {
  for (uint32_t i = 0; i < run(in); i++)
    store8(t, in, NULL, PLUS(in->a, N(i)), in->b);
}

static void mcpy(struct terms *t, const struct term_in *in) {
  for (uint32_t i = 0; i < run(in); i++)
    store8(t, in, NULL, PLUS(in->a, N(i)), load8(t, in, in->b, i));
}

/* ---- the table ---------------------------------------------------------- */

#define A (in->a)
#define B (in->b)
#define C (in->c)
#define D (in->d)
#define IMM (in->imm)
#define HELD(x) IF(LTS(N(0), C), D, x)  /* while the strip counter is > 0 */
#define TAKEN(x) AND2(x, LTS(B, N(0)))  /* and the target is below 0 */

/* X(enumerator, kind, term): values and conditions. */
#define TERMS(X) \
  X(FLUX_OP_MOV, EXACT, A) \
  X(FLUX_OP_SELECT, EXACT, IF(EQL(C, N(0)), B, A)) \
  X(FLUX_OP_ADD, EXACT, PLUS(A, B)) \
  X(FLUX_OP_SUB, EXACT, MINUS(A, B)) \
  X(FLUX_OP_MUL, EXACT, TIMES(A, B)) \
  X(FLUX_OP_QUO, EXACT, IF(EQL(B, N(0)), N(0), OVER(A, B))) \
  X(FLUX_OP_DIV, EXACT, IF(EQL(B, N(0)), N(0), OVER(A, B))) \
  X(FLUX_OP_REM, EXACT, IF(EQL(B, N(0)), D, Z3_mk_bvsrem(Z, A, B))) \
  X(FLUX_OP_MULDIV, EXACT, muldiv(t, A, B, IMM)) \
  X(FLUX_OP_AND, EXACT, Z3_mk_bvand(Z, A, B)) \
  X(FLUX_OP_OR, EXACT, Z3_mk_bvor(Z, A, B)) \
  X(FLUX_OP_XOR, EXACT, Z3_mk_bvxor(Z, A, B)) \
  X(FLUX_OP_NOT, EXACT, Z3_mk_bvnot(Z, A)) \
  X(FLUX_OP_NEG, EXACT, Z3_mk_bvneg(Z, A)) \
  X(FLUX_OP_ABS, EXACT, IF(LTS(A, N(0)), Z3_mk_bvneg(Z, A), A)) \
  X(FLUX_OP_SHL, EXACT, Z3_mk_bvshl(Z, A, MASK(B, 31))) \
  X(FLUX_OP_SAR, EXACT, Z3_mk_bvashr(Z, A, MASK(B, 31))) \
  X(FLUX_OP_ROTL, EXACT, Z3_mk_ext_rotate_left(Z, A, MASK(B, 31))) \
  X(FLUX_OP_ROTR, EXACT, Z3_mk_ext_rotate_right(Z, A, MASK(B, 31))) \
  X(FLUX_OP_MIN, EXACT, IF(LTS(A, B), A, B)) \
  X(FLUX_OP_MAX, EXACT, IF(LTS(B, A), A, B)) \
  X(FLUX_OP_POPCNT, EXACT, popcnt(t, A)) \
  X(FLUX_OP_CLZ, EXACT, clz(t, A)) \
  X(FLUX_OP_BITREV, EXACT, bitrev(t, A)) \
  X(FLUX_OP_MIX, EXACT, mix(t, A)) \
  X(FLUX_OP_ISQRT, OPEN, open1(t, "isqrt", A)) \
  X(FLUX_OP_IPOW, OPEN, open2(t, "ipow", A, B)) \
  X(FLUX_OP_ILOG, OPEN, open1(t, "ilog", A)) \
  X(FLUX_OP_FSCALE, OPEN, open2(t, "fscale", A, N(IMM))) \
  X(FLUX_OP_EQ, EXACT, BIT(EQL(A, B))) \
  X(FLUX_OP_NE, EXACT, BIT(NO(EQL(A, B)))) \
  X(FLUX_OP_LT, EXACT, BIT(LTS(A, B))) \
  X(FLUX_OP_LE, EXACT, BIT(LES(A, B))) \
  X(FLUX_OP_GT, EXACT, BIT(LTS(B, A))) \
  X(FLUX_OP_GE, EXACT, BIT(LES(B, A))) \
  X(FLUX_OP_FADD, OPEN, f_add(t, A, B)) \
  X(FLUX_OP_FSUB, OPEN, open2(t, "fsub", A, B)) \
  X(FLUX_OP_FMUL, OPEN, either(t, "fmul", A, B)) \
  X(FLUX_OP_FDIV, OPEN, open2(t, "fdiv", A, B)) \
  X(FLUX_OP_FMIN, EXACT, f_pick(t, A, B, false)) \
  X(FLUX_OP_FMAX, EXACT, f_pick(t, A, B, true)) \
  X(FLUX_OP_FTOI, OPEN, IF(f_fits(t, A), open1(t, "ftoi", A), \
                           N(INT32_MIN))) \
  X(FLUX_OP_ITOF, OPEN, open1(t, "itof", A)) \
  X(FLUX_OP_LTU, EXACT, BIT(LTN(A, B))) \
  X(FLUX_OP_CARRY, EXACT, WIDEU(HIGH(PLUS(WIDEU(A, 1), WIDEU(B, 1)), 32, \
                                     32), 31)) \
  X(FLUX_OP_UMULH, EXACT, HIGH(TIMES(WIDEU(A, 32), WIDEU(B, 32)), 63, 32)) \
  X(FLUX_OP_MULSAR, EXACT, mulsar(t, A, B, IMM)) \
  X(FLUX_OP_QUO_KEEP, EXACT, IF(EQL(B, N(0)), D, OVER(A, B))) \
  X(FLUX_OP_FLOOR_MOD, EXACT, IF(EQL(B, N(0)), N(0), \
                                 Z3_mk_bvsmod(Z, A, B))) \
  X(FLUX_OP_FEQ, EXACT, BIT(f_same(t, A, B))) \
  X(FLUX_OP_FLT, EXACT, BIT(f_less(t, A, B))) \
  X(FLUX_OP_FLE, EXACT, BIT(OR2(f_less(t, A, B), f_same(t, A, B)))) \
  X(FLUX_OP_FNEG, EXACT, canon(t, Z3_mk_bvxor(Z, A, N(0x80000000)))) \
  X(FLUX_OP_FABS, EXACT, canon(t, MASK(A, 0x7FFFFFFF))) \
  X(FLUX_OP_CONF_SUM, EXACT, HELD(conf_sum(t, A, B))) \
  X(FLUX_OP_CONF_DIFF, EXACT, HELD(conf_diff(t, A, B))) \
  X(FLUX_OP_CONF_PROD, EXACT, \
    HELD(at_most_100(t, OVER(TIMES(A, B), N(100))))) \
  X(FLUX_OP_CONF_MEAN, EXACT, HELD(OVER(PLUS(A, B), N(2)))) \
  X(FLUX_OP_CONF_QUO, EXACT, HELD(IF(LES(B, N(0)), N(0), OVER(A, B)))) \
  X(FLUX_OP_CONF_PCT, EXACT, HELD(OVER(TIMES(A, B), N(100)))) \
  X(FLUX_OP_LOAD32, EXACT, load32(t, in, address(t, in))) \
  X(FLUX_OP_LOAD8, EXACT, load8(t, in, address(t, in), 0)) \
  X(FLUX_OP_MEQ, EXACT, meq(t, in)) \
  X(FLUX_OP_MHAS, EXACT, mhas(t, in)) \
  X(FLUX_OP_MFIND, EXACT, mfind(t, in)) \
  X(FLUX_OP_MSUM, EXACT, msum(t, in)) \
  X(FLUX_OP_MMIN, EXACT, most(t, in, false)) \
  X(FLUX_OP_MMAX, EXACT, most(t, in, true)) \
  X(FLUX_OP_MCRC, EXACT, mcrc(t, in)) \
  X(FLUX_OP_VENC, EXACT, venc(t, in)) \
  X(FLUX_OP_VDEC, EXACT, vdec(t, in)) \
  X(FLUX_OP_BLOAD32, EXACT, IF(below(t, in, 4), \
                               load32(t, in, PLUS(A, B)), N(0))) \
  X(FLUX_OP_BLOAD8, EXACT, IF(below(t, in, 1), \
                              load8(t, in, PLUS(A, B), 0), N(0))) \
  X(FLUX_OP_CAS8, EXACT, cas8(t, in)) \
  X(FLUX_OP_BR_EQZ, EXACT, EQL(A, N(0))) \
  X(FLUX_OP_BR_NEZ, EXACT, NO(EQL(A, N(0)))) \
  X(FLUX_OP_BR_LTZ, EXACT, LTS(A, N(0))) \
  X(FLUX_OP_BR_LEZ, EXACT, LES(A, N(0))) \
  X(FLUX_OP_BR_GTZ, EXACT, LTS(N(0), A)) \
  X(FLUX_OP_BR_GEZ, EXACT, LES(N(0), A)) \
  X(FIR_G_DIV_OVERFLOW, EXACT, AND2(EQL(A, N(INT32_MIN)), EQL(B, N(-1)))) \
  X(FIR_G_SHIFT_RANGE, EXACT, LTN(N(31), A)) \
  X(FIR_G_FTOI_RANGE, EXACT, NO(f_fits(t, A))) \
  X(FIR_G_POW_RANGE, OPEN, odd_pow(t, A, B)) \
  X(FIR_G_LOG_ZERO, EXACT, EQL(A, N(0))) \
  X(FIR_G_ADD_OVERFLOW, EXACT, no_int32(t, PLUS(WIDE(A, 1), WIDE(B, 1)), 1)) \
  X(FIR_G_SUB_OVERFLOW, EXACT, \
    no_int32(t, MINUS(WIDE(A, 1), WIDE(B, 1)), 1)) \
  X(FIR_G_MUL_OVERFLOW, EXACT, \
    no_int32(t, TIMES(WIDE(A, 32), WIDE(B, 32)), 32)) \
  X(FIR_G_SHL_OVERFLOW, EXACT, \
    no_int32(t, Z3_mk_bvshl(Z, WIDE(A, 32), WIDEU(MASK(B, 31), 32)), 32)) \
  X(FIR_G_CAST_RANGE, EXACT, AND2(NO(EQL(B, N(0))), NO(f_fits(t, A)))) \
  X(FIR_G_BEFORE_MEMORY, EXACT, EQL(A, N(-1))) \
  X(FIR_G_ALWAYS, EXACT, Z3_mk_true(Z)) \
  X(FIR_G_NEGATIVE, EXACT, LTS(A, N(0))) \
  X(FIR_G_EQZ, EXACT, TAKEN(EQL(A, N(0)))) \
  X(FIR_G_NEZ, EXACT, TAKEN(NO(EQL(A, N(0))))) \
  X(FIR_G_LTZ, EXACT, TAKEN(LTS(A, N(0)))) \
  X(FIR_G_LEZ, EXACT, TAKEN(LES(A, N(0)))) \
  X(FIR_G_GTZ, EXACT, TAKEN(LTS(N(0), A))) \
  X(FIR_G_GEZ, EXACT, TAKEN(LES(N(0), A))) \
  X(FIR_G_DEC_GTZ, EXACT, TAKEN(LTS(N(0), MINUS(A, N(1)))))

/* X(enumerator, statement): memory alone. */
#define STORES(X) \
  X(FLUX_OP_STORE32, store32(t, in, NULL, address(t, in), D)) \
  X(FLUX_OP_STORE8, store8(t, in, NULL, address(t, in), D)) \
  X(FLUX_OP_BSTORE32, store32(t, in, below(t, in, 4), PLUS(A, B), D)) \
  X(FLUX_OP_BSTORE8, store8(t, in, below(t, in, 1), PLUS(A, B), D)) \
  X(FLUX_OP_MSET, mset(t, in)) \
  X(FLUX_OP_MCPY, mcpy(t, in))

/* Ops that work on a run of bytes, which has to be short. */
static bool too_long(unsigned op, const struct term_in *in) {
  switch (op) {
    case FLUX_OP_MSET:
    case FLUX_OP_MCPY:
    case FLUX_OP_MEQ:
    case FLUX_OP_MHAS:
    case FLUX_OP_MFIND:
    case FLUX_OP_MSUM:
    case FLUX_OP_MMIN:
    case FLUX_OP_MMAX:
    case FLUX_OP_MCRC:
      return IMM > TERM_RUN_MAX;
    default:
      return false;
  }
}

/* Products and quotients that take a solver long to multiply out. Equal
 * arguments give equal results, and some may change places. */
static bool hard(struct terms *t, unsigned op, const struct term_in *in,
                 Z3_ast *out) {
  bool known = Z3_is_numeral_ast(Z, A) || Z3_is_numeral_ast(Z, B);
  Z3_ast args[3] = {A, B, D};
  switch (op) {
    case FLUX_OP_MUL:
      if (known) return false;
      *out = either(t, "mul", A, B);
      return true;
    case FLUX_OP_QUO:
    case FLUX_OP_DIV:
      *out = open2(t, "quo", A, B);
      return true;
    case FLUX_OP_REM:
      *out = term_function(t, "rem", 3, args, t->word);
      return true;
    case FLUX_OP_FLOOR_MOD:
      *out = open2(t, "floormod", A, B);
      return true;
    case FLUX_OP_MULDIV:
    case FLUX_OP_MULSAR:
      args[2] = N(IMM);
      *out = term_function(t, op == FLUX_OP_MULDIV ? "muldiv" : "mulsar", 3,
                           args, t->word);
      return true;
    default:
      return false;
  }
}

enum term_kind term_of(struct terms *t, unsigned op, const struct term_in *in,
                       Z3_ast *out) {
#define TERM_CASE(ID, kind, term) \
  case ID: \
    *out = term; \
    return TERM_##kind;
#define STORE_CASE(ID, statement) \
  case ID: \
    statement; \
    return TERM_EXACT;
  if (too_long(op, in)) return TERM_NONE;
  if (t->open && hard(t, op, in, out)) return TERM_OPEN;
  switch (op) {
    TERMS(TERM_CASE)
    STORES(STORE_CASE)
    default:
      return TERM_NONE;
  }
}
