/*
 * gpu/lanes_ops.h - the ops that compute, column by column.
 *
 * Included by lanes_run.h. Every op of FSEM_VALUES becomes a loop over the
 * lanes of a group, as gpu/semantics.h has it, without a mask and with one;
 * those of FPK_CONSTANT_OPS also with a constant in a, in b, and in both. A
 * loop writes element i of column d after it has read element i of the others
 * and nothing else of them, so columns may be one and the same.
 */

typedef void (*lanes_fn)(const struct lanes_run *r, const struct fpk_op *o,
                         const int32_t *mask);

/* The part of a column that belongs to the present group. */
static inline int32_t *column(const struct lanes_run *r, uint32_t slot) {
  return __builtin_assume_aligned(r->e->col[slot] + r->now.lo, 64);
}

/* How many lanes; the compiler sees that blocks are whole. */
static inline size_t lane_count(const struct lanes_run *r) {
  return (size_t)((r->now.hi - r->now.lo) / LANES_BLOCK) * LANES_BLOCK;
}

#define IVDEP _Pragma("GCC ivdep") _Pragma("GCC unroll 2")

/* A mask, or one of all lanes. A loop must not look at a mask only where there
 * is one: what compilers make of that is a load that is not to fault, and from
 * address 0 it takes hundreds of cycles. */
static inline const int32_t *mask_or_all(const struct lanes_run *r,
                                         const int32_t *mask) {
  mask = mask ? mask : r->e->every;
  return __builtin_assume_aligned(mask + r->now.lo, 64);
}

#define OPERANDS \
  const size_t n = lane_count(r); \
  int32_t *d = column(r, o->d); \
  const int32_t *a = column(r, o->a); \
  const int32_t *b = column(r, o->b); \
  const int32_t *c = column(r, o->c); \
  const int32_t ka = r->p->slot[o->a].value; \
  const int32_t kb = r->p->slot[o->b].value; \
  const int32_t imm = o->imm; \
  (void)a, (void)b, (void)c, (void)ka, (void)kb, (void)imm

#define UNMASKED_LOOP(NAME, expression) \
  static __attribute__((unused)) void NAME( \
      const struct lanes_run *r, const struct fpk_op *o, \
      const int32_t *mask) { \
    OPERANDS; \
    (void)mask; \
    IVDEP for (size_t i = 0; i < n; i++) d[i] = (expression); \
  }

#define MASKED_LOOP(NAME, expression) \
  static __attribute__((unused)) void NAME( \
      const struct lanes_run *r, const struct fpk_op *o, \
      const int32_t *mask) { \
    OPERANDS; \
    mask = __builtin_assume_aligned(mask + r->now.lo, 64); \
    IVDEP for (size_t i = 0; i < n; i++) { \
      const int32_t value = (expression); \
      d[i] = mask[i] ? value : d[i]; \
    } \
  }

#define FC c[i]
#define FD d[i]
#define FIMM imm

#define FA a[i]
#define FB b[i]
#define X(ID, expression) UNMASKED_LOOP(vv_##ID, expression) \
  MASKED_LOOP(masked_vv_##ID, expression)
FSEM_VALUES(X)
#undef X
#undef FB
#define FB kb
#define X(ID, expression) UNMASKED_LOOP(vk_##ID, expression) \
  MASKED_LOOP(masked_vk_##ID, expression)
FSEM_VALUES(X)
#undef X
#undef FA
#define FA ka
#define X(ID, expression) UNMASKED_LOOP(kk_##ID, expression) \
  MASKED_LOOP(masked_kk_##ID, expression)
FSEM_VALUES(X)
#undef X
#undef FB
#define FB b[i]
#define X(ID, expression) UNMASKED_LOOP(kv_##ID, expression) \
  MASKED_LOOP(masked_kv_##ID, expression)
FSEM_VALUES(X)
#undef X
#undef FA
#define FA a[i]

/* ---- sums and their flags ----------------------------------------------- */

/* Writes a value and the two flags of it, in this order: the columns may be
 * one. Flags that nobody looks at are not written. */
#define SIGNS_LOOP(NAME, expression, KEEP) \
  static void NAME(const struct lanes_run *r, const struct fpk_op *o, \
                   const int32_t *mask) { \
    OPERANDS; \
    int32_t *zero = column(r, o->c); \
    int32_t *less = column(r, (uint32_t)o->imm); \
    mask = mask ? __builtin_assume_aligned(mask + r->now.lo, 64) : NULL; \
    if (o->flags & FPK_NO_IMM) { \
      IVDEP for (size_t i = 0; i < n; i++) { \
        const int32_t value = (expression); \
        d[i] = KEEP(d, value); \
        zero[i] = KEEP(zero, value == 0); \
      } \
    } else if (o->flags & FPK_NO_C) { \
      IVDEP for (size_t i = 0; i < n; i++) { \
        const int32_t value = (expression); \
        d[i] = KEEP(d, value); \
        less[i] = KEEP(less, value < 0); \
      } \
    } else { \
      IVDEP for (size_t i = 0; i < n; i++) { \
        const int32_t value = (expression); \
        d[i] = KEEP(d, value); \
        zero[i] = KEEP(zero, value == 0); \
        less[i] = KEEP(less, value < 0); \
      } \
    } \
  }

#define KEEP_NONE(column, value) (value)
#define KEEP_MASKED(column, value) (mask[i] ? (value) : column[i])

SIGNS_LOOP(add_signs, fsem_add(FA, FB), KEEP_NONE)
SIGNS_LOOP(sub_signs, fsem_sub(FA, FB), KEEP_NONE)
SIGNS_LOOP(masked_add_signs, fsem_add(FA, FB), KEEP_MASKED)
SIGNS_LOOP(masked_sub_signs, fsem_sub(FA, FB), KEEP_MASKED)

/* Two values at once, the second over the first where the columns are one. */
#define PAIR_LOOP(NAME, second_column, first, second) \
  static void NAME(const struct lanes_run *r, const struct fpk_op *o, \
                   const int32_t *mask) { \
    OPERANDS; \
    int32_t *other = column(r, o->second_column); \
    mask = mask_or_all(r, mask); \
    IVDEP for (size_t i = 0; i < n; i++) { \
      const int32_t one = (first), two = (second); \
      d[i] = KEEP_MASKED(d, one); \
      other[i] = KEEP_MASKED(other, two); \
    } \
  }

PAIR_LOOP(pair_signs, c, FA == 0, FA < 0)
PAIR_LOOP(pair_swap, a, FB, FC)

UNMASKED_LOOP(tick, FD - (FD > 0))
MASKED_LOOP(masked_tick, FD - (FD > 0))

static void nothing(const struct lanes_run *r, const struct fpk_op *o,
                    const int32_t *mask) {
  (void)r, (void)o, (void)mask;
}

/* ---- tables ------------------------------------------------------------- */

/* By the constants among an op's operands: FPK_A_CONST and FPK_B_CONST as a
 * number. Ops without an entry are no loops. */
#define VV(ID, expression) [FLUX_OP_##ID] = vv_##ID,
#define MASKED_VV(ID, expression) [FLUX_OP_##ID] = masked_vv_##ID,
#define KV(ID) [FLUX_OP_##ID] = kv_##ID,
#define VK(ID) [FLUX_OP_##ID] = vk_##ID,
#define KK(ID) [FLUX_OP_##ID] = kk_##ID,
#define MASKED_KV(ID) [FLUX_OP_##ID] = masked_kv_##ID,
#define MASKED_VK(ID) [FLUX_OP_##ID] = masked_vk_##ID,
#define MASKED_KK(ID) [FLUX_OP_##ID] = masked_kk_##ID,

static const lanes_fn plain_ops[4][FIR_OP_COUNT] = {
    {FSEM_VALUES(VV)
     [FLUX_OP_NOP] = nothing,
     [FLUX_OP_SWAP] = pair_swap,
     [FIR_SIGNS] = pair_signs,
     [FIR_ADD_SIGNS] = add_signs,
     [FIR_SUB_SIGNS] = sub_signs,
     [FIR_TICK] = tick},
    {FPK_CONSTANT_OPS(KV)},
    {FPK_CONSTANT_OPS(VK)},
    {FPK_CONSTANT_OPS(KK)}};

static const lanes_fn masked_ops[4][FIR_OP_COUNT] = {
    {FSEM_VALUES(MASKED_VV)
     [FLUX_OP_NOP] = nothing,
     [FLUX_OP_SWAP] = pair_swap,
     [FIR_SIGNS] = pair_signs,
     [FIR_ADD_SIGNS] = masked_add_signs,
     [FIR_SUB_SIGNS] = masked_sub_signs,
     [FIR_TICK] = masked_tick},
    {FPK_CONSTANT_OPS(MASKED_KV)},
    {FPK_CONSTANT_OPS(MASKED_VK)},
    {FPK_CONSTANT_OPS(MASKED_KK)}};

static inline unsigned form_of(const struct fpk_op *o) {
  return o->flags / FPK_A_CONST & 3u;
}
