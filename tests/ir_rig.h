/*
 * ir_rig.h - a program in the ir engine, for tests that look at it closely.
 */
#ifndef FLUX_TESTS_IR_RIG_H
#define FLUX_TESTS_IR_RIG_H

#include "gpu/ir.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* A program, its IR, a lane and a state. */
struct rig {
  struct fisa_program *p;
  struct fir_program *ir;
  struct fir_lane *lane;
  struct fisa_state *s;
};

static inline struct rig rig_of(struct fisa_program *p) {
  struct rig r = {.p = p};
  struct fisa_error err = {""};

  CU_ASSERT_FATAL(p != NULL);
  r.lane = fir_lane_new();
  r.s = fisa_state_new(p->dialect);
  CU_ASSERT_FATAL(r.lane && r.s);
  if (fir_lower(p, &r.ir, &err))
    UNIT_TRUE(0, "%s", err.text);
  CU_ASSERT_FATAL(r.ir != NULL);
  fisa_state_start(p, r.s);
  return r;
}

static inline struct rig rig_text(const struct fisa_dialect *d,
                                  const char *text) {
  return rig_of(isa_program(d, text));
}

static inline void rig_done(struct rig *r) {
  fisa_state_free(r->s);
  fir_lane_free(r->lane);
  fir_free(r->ir);
  fisa_program_free(r->p);
}

#endif /* FLUX_TESTS_IR_RIG_H */
