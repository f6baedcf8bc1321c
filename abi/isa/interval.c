/*
 * isa/interval.c - the semantic ops on intervals of values.
 *
 * Sound, not tight: an op without a line here yields everything.
 */
#include <assert.h>

#include "isa/interval.h"

struct fisa__range fisa__range_full(void) {
  struct fisa__range r = {INT32_MIN, INT32_MAX, false};
  return r;
}

struct fisa__range fisa__range_make(int64_t lo, int64_t hi) {
  struct fisa__range r = fisa__range_full();

  assert(lo <= hi);
  if (lo < INT32_MIN || hi > INT32_MAX) /* it may wrap */
    return r;
  r.lo = (int32_t)lo;
  r.hi = (int32_t)hi;
  r.nonzero = lo > 0 || hi < 0;
  return r;
}

struct fisa__range fisa__range_join(struct fisa__range a,
                                    struct fisa__range b) {
  struct fisa__range r;

  assert(a.lo <= a.hi && b.lo <= b.hi);
  r.lo = a.lo < b.lo ? a.lo : b.lo;
  r.hi = a.hi > b.hi ? a.hi : b.hi;
  r.nonzero = a.nonzero && b.nonzero;
  return r;
}

void fisa__range_product(struct fisa__range a, struct fisa__range b,
                         int64_t *lo, int64_t *hi) {
  int64_t p[4] = {(int64_t)a.lo * b.lo, (int64_t)a.lo * b.hi,
                  (int64_t)a.hi * b.lo, (int64_t)a.hi * b.hi};

  assert(a.lo <= a.hi && b.lo <= b.hi);
  *lo = *hi = p[0];
  for (int i = 1; i < 4; i++) {
    *lo = p[i] < *lo ? p[i] : *lo;
    *hi = p[i] > *hi ? p[i] : *hi;
  }
}

static struct fisa__range product(struct fisa__range a, struct fisa__range b,
                                  int64_t divisor) {
  int64_t lo, hi;

  if (divisor == 0)
    return fisa__range_full();
  fisa__range_product(a, b, &lo, &hi);
  return divisor > 0 ? fisa__range_make(lo / divisor, hi / divisor)
                     : fisa__range_make(hi / divisor, lo / divisor);
}

/* A quotient is no larger than what was divided, and keeps its sign where
 * the divisor is positive. */
static struct fisa__range quotient(struct fisa__range a, struct fisa__range b) {
  int64_t m = -(int64_t)a.lo > a.hi ? -(int64_t)a.lo : a.hi;

  if (b.lo == b.hi && b.lo != 0)
    return product(a, fisa__range_make(1, 1), b.lo);
  if (b.lo >= 0)
    return fisa__range_make(a.lo < 0 ? a.lo : 0, a.hi > 0 ? a.hi : 0);
  return m == 0 ? fisa__range_make(0, 0) : fisa__range_make(-m, m);
}

static struct fisa__range remainder_of(struct fisa__range old,
                                       struct fisa__range a,
                                       struct fisa__range b) {
  int64_t m = -(int64_t)b.lo > b.hi ? -(int64_t)b.lo : b.hi;
  struct fisa__range r;

  if (m == 0)
    return old;
  m--;
  r = fisa__range_make(a.lo < 0 ? -m : 0, a.hi > 0 ? m : 0);
  return b.nonzero ? r : fisa__range_join(r, old);
}

/* All ones up to the highest bit of a value that is not negative. */
static int64_t ones(int32_t v) {
  int64_t m = 1;

  assert(v >= 0);
  while (m <= v)
    m *= 2;
  return m - 1;
}

static struct fisa__range bitwise(unsigned op, struct fisa__range a,
                                  struct fisa__range b) {
  int32_t hi = a.hi > b.hi ? a.hi : b.hi;

  if (op == FLUX_OP_AND) {
    if (a.lo >= 0 && b.lo >= 0)
      return fisa__range_make(0, a.hi < b.hi ? a.hi : b.hi);
    if (a.lo >= 0 || b.lo >= 0)
      return fisa__range_make(0, a.lo >= 0 ? a.hi : b.hi);
    return fisa__range_full();
  }
  if (a.lo < 0 || b.lo < 0)
    return fisa__range_full();
  return fisa__range_make(0, ones(hi));
}

static struct fisa__range shift(unsigned op, struct fisa__range a,
                                struct fisa__range b) {
  bool known = b.lo == b.hi;
  int n = b.lo & 31;

  if (op == FLUX_OP_SHL) {
    if (!known)
      return fisa__range_full();
    return fisa__range_make((int64_t)a.lo * (1LL << n),
                            (int64_t)a.hi * (1LL << n));
  }
  if (known) {
    int64_t d = 1LL << n; /* division that rounds down */
    int64_t lo = a.lo >= 0 ? a.lo / d : -((-(int64_t)a.lo + d - 1) / d);
    int64_t hi = a.hi >= 0 ? a.hi / d : -((-(int64_t)a.hi + d - 1) / d);
    return fisa__range_make(lo, hi);
  }
  return fisa__range_make(a.lo < 0 ? a.lo : 0, a.hi >= 0 ? a.hi : -1);
}

static struct fisa__range absolute(struct fisa__range a) {
  struct fisa__range r;
  int64_t m = -(int64_t)a.lo > a.hi ? -(int64_t)a.lo : a.hi;
  int64_t least = a.lo > 0 ? a.lo : a.hi < 0 ? -(int64_t)a.hi : 0;

  r = fisa__range_make(least, m);
  r.nonzero = a.nonzero;
  return r;
}

/* Ops whose results have bounds whatever they work on. */
static struct fisa__range bounded(unsigned op, const struct fisa__range *a) {
  switch (op) {
  case FLUX_OP_EQ:
  case FLUX_OP_NE:
  case FLUX_OP_LT:
  case FLUX_OP_LE:
  case FLUX_OP_GT:
  case FLUX_OP_GE:
  case FLUX_OP_MEQ:
  case FLUX_OP_MHAS:
  case FLUX_OP_CAS8:
  case FLUX_OP_LTU:
  case FLUX_OP_CARRY:
  case FLUX_OP_FEQ:
  case FLUX_OP_FLT:
  case FLUX_OP_FLE:
    return fisa__range_make(0, 1);
  case FLUX_OP_POPCNT:
  case FLUX_OP_CLZ:
    return fisa__range_make(0, 32);
  case FLUX_OP_LOAD8:
  case FLUX_OP_BLOAD8:
  case FLUX_OP_MMIN:
  case FLUX_OP_MMAX:
    return fisa__range_make(0, 255);
  case FLUX_OP_VENC:
    return fisa__range_make(1, 5);
  case FLUX_OP_ISQRT:
    return fisa__range_make(0, 46341);
  case FLUX_OP_FSCALE:
    /* Exact in binary32 up to 2^24; a factor up to 1 only shrinks. */
    if (a->lo >= -(1 << 24) && a->hi <= 1 << 24)
      return fisa__range_make(a->lo < 0 ? a->lo : 0, a->hi > 0 ? a->hi : 0);
    return fisa__range_full();
  default:
    return fisa__range_full();
  }
}

static struct fisa__range extreme(unsigned op, struct fisa__range a,
                                  struct fisa__range b) {
  struct fisa__range r;

  if (op == FLUX_OP_MIN)
    r = fisa__range_make(a.lo < b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi);
  else
    r = fisa__range_make(a.lo > b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi);
  r.nonzero |= a.nonzero && b.nonzero;
  return r;
}

struct fisa__range fisa__range_op(unsigned op, const struct fisa__args *v) {
  struct fisa__range r;

  switch (op) {
  case FLUX_OP_MOV:
    return v->a;
  case FLUX_OP_SELECT:
    return fisa__range_join(v->a, v->b);
  case FLUX_OP_ADD:
    return fisa__range_make((int64_t)v->a.lo + v->b.lo,
                            (int64_t)v->a.hi + v->b.hi);
  case FLUX_OP_SUB:
    return fisa__range_make((int64_t)v->a.lo - v->b.hi,
                            (int64_t)v->a.hi - v->b.lo);
  case FLUX_OP_MUL:
    return product(v->a, v->b, 1);
  case FLUX_OP_MULDIV:
    return product(v->a, v->b, v->imm);
  case FLUX_OP_QUO:
  case FLUX_OP_DIV:
    return quotient(v->a, v->b);
  case FLUX_OP_REM:
    return remainder_of(v->d, v->a, v->b);
  case FLUX_OP_AND:
  case FLUX_OP_OR:
  case FLUX_OP_XOR:
    return bitwise(op, v->a, v->b);
  case FLUX_OP_SHL:
  case FLUX_OP_SAR:
    return shift(op, v->a, v->b);
  case FLUX_OP_NEG:
    r = fisa__range_make(-(int64_t)v->a.hi, -(int64_t)v->a.lo);
    r.nonzero = v->a.nonzero;
    return r;
  case FLUX_OP_ABS:
    return absolute(v->a);
  case FLUX_OP_MIN:
  case FLUX_OP_MAX:
    return extreme(op, v->a, v->b);
  case FLUX_OP_BR_DEC_GTZ:
    return fisa__range_make((int64_t)v->a.lo - 1, (int64_t)v->a.hi - 1);
  case FLUX_OP_BR_GTZ_DEC:
    if (v->a.hi <= 0)
      return v->d;
    return fisa__range_join(v->d, fisa__range_make(0, (int64_t)v->a.hi - 1));
  default:
    return bounded(op, &v->a);
  }
}

/* Cuts a range to lo..hi; false: nothing is left. */
static bool cut(struct fisa__range *r, int32_t lo, int32_t hi) {
  assert(lo <= hi);
  if (r->lo < lo)
    r->lo = lo;
  if (r->hi > hi)
    r->hi = hi;
  if (r->lo > r->hi)
    return false;
  r->nonzero |= r->lo > 0 || r->hi < 0;
  return true;
}

static bool cut_zero(struct fisa__range *r) {
  if (r->lo == 0)
    return cut(r, 1, INT32_MAX);
  if (r->hi == 0)
    return cut(r, INT32_MIN, -1);
  r->nonzero = true;
  return true;
}

/*
 * What a branch tells of the cell it looked at, behind it: the cell's new
 * value for the two ops that count down. False: that way is never taken.
 */
bool fisa__range_branch(unsigned op, bool taken, struct fisa__range *r) {
  switch (op) {
  case FLUX_OP_BR_EQZ:
  case FLUX_OP_BR_NEZ:
    if (taken == (op == FLUX_OP_BR_NEZ))
      return cut_zero(r);
    return !r->nonzero && cut(r, 0, 0);
  case FLUX_OP_BR_LTZ:
    return taken ? cut(r, INT32_MIN, -1) : cut(r, 0, INT32_MAX);
  case FLUX_OP_BR_GEZ:
    return taken ? cut(r, 0, INT32_MAX) : cut(r, INT32_MIN, -1);
  case FLUX_OP_BR_LEZ:
    return taken ? cut(r, INT32_MIN, 0) : cut(r, 1, INT32_MAX);
  case FLUX_OP_BR_GTZ:
  case FLUX_OP_BR_DEC_GTZ:
    return taken ? cut(r, 1, INT32_MAX) : cut(r, INT32_MIN, 0);
  case FLUX_OP_BR_GTZ_DEC:
    return taken ? cut(r, 0, INT32_MAX) : cut(r, INT32_MIN, 0);
  default:
    return true;
  }
}
