/*
 * gpu/lane.h - private to gpu/: what a thread keeps between runs.
 */
#ifndef FLUX_GPU_LANE_H
#define FLUX_GPU_LANE_H

#include "gpu/pack.h"

struct fir_lane {
  int32_t *cells;           /* all cells of a program, state cells first */
  uint32_t capacity;        /* of cells */
  struct fisa_state *work;  /* a state to run trials on */
  struct fisa_state *other; /* one to compare it with, when asked for */
  const struct fisa_dialect *dialect; /* of these */
  struct flanes *wide;      /* made when first asked for */
  struct fpk_program packed; /* the program for it, */
  struct fisa_set packed_ends; /* of which these are looked at */
  uint32_t *places;         /* [3 * FPK_WIDTH]: for fpk_places, and spare */
};

/* The lane's work state for a dialect: whatever the last trial left. NULL:
 * out of memory. */
struct fisa_state *fir_lane_state(struct fir_lane *lane,
                                  const struct fisa_dialect *d);

/* Makes room for a program, so that no run of it fails for want of memory. */
bool fir_lane_reserve(struct fir_lane *lane, const struct fir_program *p);

/* Where a run stands: an op of the IR, which may be in the midst of a row, and
 * the temporaries there. */
struct fir_stand {
  uint32_t index;
  int32_t temps[FIR_TEMPS];
};

/* As fir_run, from there, whatever s->pc is. Fuel may be 0. */
struct fir_result fir_resume(const struct fir_program *p, struct fir_lane *lane,
                             struct fisa_state *s, const struct fir_io *io,
                             struct fir_limits limits,
                             const struct fir_stand *from);

/* A second one, after fir_lane_state for the same dialect. */
struct fisa_state *fir_lane_other(struct fir_lane *lane);

#endif /* FLUX_GPU_LANE_H */
