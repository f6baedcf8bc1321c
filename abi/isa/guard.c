/*
 * isa/guard.c - whether a lethal predicate can hold, given what is known of
 * the values it looks at.
 */
#include <assert.h>

#include "isa/interval.h"

struct fisa__range fisa__range_const(const struct fisa_insn *in,
                                     const struct fisa_ref *ref,
                                     const void *user) {
  struct fisa__range r = {INT32_MIN, INT32_MAX, false};
  int32_t v;

  if (fisa__ref_const(user, in, ref, &v)) {
    r.lo = r.hi = v;
    r.nonzero = v != 0;
  }
  return r;
}

static enum fisa__guard_state outside(struct fisa__range r, int32_t lo,
                                      int32_t hi) {
  assert(lo <= hi);
  if (r.lo >= lo && r.hi <= hi)
    return FISA__GUARD_NEVER;
  if (r.hi < lo || r.lo > hi)
    return FISA__GUARD_SURE;
  return FISA__GUARD_MAYBE;
}

/* Whether a sum that can be lo..hi leaves int32. */
static enum fisa__guard_state outside64(int64_t lo, int64_t hi) {
  assert(lo <= hi);
  if (lo >= INT32_MIN && hi <= INT32_MAX)
    return FISA__GUARD_NEVER;
  return hi < INT32_MIN || lo > INT32_MAX ? FISA__GUARD_SURE
                                          : FISA__GUARD_MAYBE;
}

static enum fisa__guard_state div_overflow(struct fisa__range a,
                                           struct fisa__range b) {
  if (a.lo != INT32_MIN || b.lo > -1 || b.hi < -1)
    return FISA__GUARD_NEVER;
  if (a.hi == INT32_MIN && b.lo == -1 && b.hi == -1)
    return FISA__GUARD_SURE;
  return FISA__GUARD_MAYBE;
}

/* a ** b leaves int32, or is infinite. Powers that stay below 2^30 are in
 * range however they are rounded; the rest is left undecided. */
static enum fisa__guard_state pow_range(struct fisa__range a,
                                        struct fisa__range b) {
  double base, power = 1;
  int64_t magnitude = -(int64_t)a.lo > a.hi ? -(int64_t)a.lo : a.hi;

  if (b.lo < 0 && !(a.nonzero || a.lo > 0 || a.hi < 0))
    return FISA__GUARD_MAYBE;
  if (magnitude <= 1 || b.hi <= 0)
    return FISA__GUARD_NEVER;
  base = (double)magnitude;
  for (int32_t i = 0; i < b.hi; i++) {
    power *= base;
    if (power > 1073741824.0)
      return FISA__GUARD_MAYBE;
  }
  return FISA__GUARD_NEVER;
}

static enum fisa__guard_state mul_overflow(struct fisa__range a,
                                           struct fisa__range b) {
  int64_t lo, hi;

  fisa__range_product(a, b, &lo, &hi);
  return outside64(lo, hi);
}

/* a << (b & 31) grows with both where a is positive, and shrinks where it is
 * not. */
static enum fisa__guard_state shl_overflow(struct fisa__range a,
                                           struct fisa__range b) {
  struct fisa__range by = {0, 31, false};

  if (a.lo == 0 && a.hi == 0)
    return FISA__GUARD_NEVER;
  if (b.lo == b.hi)
    by.lo = by.hi = b.lo & 31;
  else if (b.lo >= 0 && b.hi <= 31)
    by = b;
  return outside64(a.lo < 0 ? (int64_t)a.lo * (INT64_C(1) << by.hi)
                            : (int64_t)a.lo * (INT64_C(1) << by.lo),
                   a.hi > 0 ? (int64_t)a.hi * (INT64_C(1) << by.hi)
                            : (int64_t)a.hi * (INT64_C(1) << by.lo));
}

enum fisa__guard_state fisa__guard(const struct fisa__guard_view *v,
                                   const struct fisa_insn *in,
                                   const struct fisa_guard *g) {
  struct fisa__range a = v->range_of(in, &g->a, v->user);
  struct fisa__range b;

  assert(g->lethal < FLUX_LETHAL_COUNT);
  switch (g->lethal) {
  case FLUX_LETHAL_DIV_OVERFLOW:
    return div_overflow(a, v->range_of(in, &g->b, v->user));
  case FLUX_LETHAL_SHIFT_RANGE:
    return outside(a, 0, 31);
  case FLUX_LETHAL_POW_RANGE:
    return pow_range(a, v->range_of(in, &g->b, v->user));
  case FLUX_LETHAL_LOG_ZERO:
  case FLUX_LETHAL_ZERO:
    if (a.nonzero || a.lo > 0 || a.hi < 0)
      return FISA__GUARD_NEVER;
    return a.lo == 0 && a.hi == 0 ? FISA__GUARD_SURE : FISA__GUARD_MAYBE;
  case FLUX_LETHAL_REGISTER_RANGE:
    return in->value[g->a.operand] < v->d->files[g->a.file].count
               ? FISA__GUARD_NEVER
               : FISA__GUARD_SURE;
  case FLUX_LETHAL_VARINT_NEGATIVE:
    return outside(a, 0, INT32_MAX);
  case FLUX_LETHAL_NEGATIVE_TARGET:
  case FLUX_LETHAL_PAST_CODE:
    /* Both are facts of the place, which the decoder has settled; a target
     * in a register is the flow graph's business. */
    return FISA__GUARD_NEVER;
  case FLUX_LETHAL_ADD_OVERFLOW:
    b = v->range_of(in, &g->b, v->user);
    return outside64((int64_t)a.lo + b.lo, (int64_t)a.hi + b.hi);
  case FLUX_LETHAL_SUB_OVERFLOW:
    b = v->range_of(in, &g->b, v->user);
    return outside64((int64_t)a.lo - b.hi, (int64_t)a.hi - b.lo);
  case FLUX_LETHAL_MUL_OVERFLOW:
    return mul_overflow(a, v->range_of(in, &g->b, v->user));
  case FLUX_LETHAL_SHL_OVERFLOW:
    return shl_overflow(a, v->range_of(in, &g->b, v->user));
  case FLUX_LETHAL_CAST_RANGE:
    b = v->range_of(in, &g->b, v->user);
    return b.lo == 0 && b.hi == 0 ? FISA__GUARD_NEVER : FISA__GUARD_MAYBE;
  case FLUX_LETHAL_BEFORE_MEMORY:
    if (a.lo > -1 || a.hi < -1)
      return FISA__GUARD_NEVER;
    return a.lo == -1 && a.hi == -1 ? FISA__GUARD_SURE : FISA__GUARD_MAYBE;
  case FLUX_LETHAL_ALWAYS:
    return FISA__GUARD_SURE;
  default: /* stack depth, float bits, opaque */
    return FISA__GUARD_MAYBE;
  }
}
