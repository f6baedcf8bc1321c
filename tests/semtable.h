/*
 * semtable.h - the table of semantic ops, one op at a time, for tests.
 */
#ifndef FLUX_TESTS_SEMTABLE_H
#define FLUX_TESTS_SEMTABLE_H

#include "gpu/ir.h"
#include "gpu/semantics.h"
#include "tests/unit.h"

/* What an op works on; memory where it uses any. */
struct sem_operands {
  int32_t d, a, b, c, imm;
  struct fsem_memory *m;
};

#define FD (v->d)
#define FA (v->a)
#define FB (v->b)
#define FC (v->c)
#define FIMM (v->imm)
#define FMEM (v->m)

/* Cell d behind an op. */
static inline int32_t sem_value(unsigned op, const struct sem_operands *v) {
  switch (op) {
#define VALUE_CASE(ID, expression) \
  case FLUX_OP_##ID: \
    return (expression);
    FSEM_VALUES(VALUE_CASE)
    FSEM_LOADS(VALUE_CASE)
#undef VALUE_CASE
  default:
    UNIT_TRUE(0, "op %u has no value", op);
    return 0;
  }
}

/* What an op does to memory. */
static inline void sem_store(unsigned op, const struct sem_operands *v) {
  switch (op) {
#define STORE_CASE(ID, statement) \
  case FLUX_OP_##ID: \
    statement; \
    break;
    FSEM_STORES(STORE_CASE)
#undef STORE_CASE
  default:
    UNIT_TRUE(0, "op %u stores nothing", op);
  }
}

/* Whether FIR_G_... would end the run. */
static inline bool sem_guard(unsigned op, int32_t a, int32_t b) {
  const struct sem_operands operands = {.a = a, .b = b}, *v = &operands;

  switch (op) {
#define GUARD_CASE(ID, condition) \
  case FIR_G_##ID: \
    return (condition);
    FSEM_GUARDS(GUARD_CASE)
#undef GUARD_CASE
  default:
    UNIT_TRUE(0, "op %u guards nothing", op);
    return false;
  }
}

#undef FD
#undef FA
#undef FB
#undef FC
#undef FIMM
#undef FMEM

#endif /* FLUX_TESTS_SEMTABLE_H */
