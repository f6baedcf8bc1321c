/*
 * gpu/tune.h - how much of some work a device is worth giving, by what was
 * measured so far.
 *
 * Runs are told apart by their shape: how many lanes, and how many
 * instructions the root takes on one. Of each shape it is known what a run
 * takes on the lanes, and, as a line through the last measurements, what so
 * many runs take on the device: much for the first and little for each more.
 * The share is such that both end at the same time. A shape not seen before is
 * given in halves. Where the device is too slow for any, it is tried again once
 * that is likely to take a hundredth of what the lanes took since.
 *
 * Nothing here decides what comes out, only where it is worked out. No clock:
 * times are told.
 */
#ifndef FLUX_GPU_TUNE_H
#define FLUX_GPU_TUNE_H

#include <stdbool.h>
#include <stdint.h>

#define FTUNE_LANES 10u           /* classes of numbers of lanes: 1, 2-3, ... */
#define FTUNE_INSTRUCTIONS 16u    /* of numbers of instructions, by fours */

struct ftune_shape {
  uint32_t lanes;
  uint64_t instructions;
};

struct ftune_cell {
  double lanes_ns;                /* of one run; 0: not known yet */
  /* Sums over what the device took, old ones fading: of 1, runs, their
   * squares, times, times x runs. */
  double count, x, xx, y, xy;
  double since_ns;                /* that the lanes took since the device was
                                    last seen */
};

struct ftune {
  struct ftune_cell cell[FTUNE_LANES * FTUNE_INSTRUCTIONS];
};

/* How many of `runs` runs of a shape the device should get: 0..runs. */
uint32_t ftune_share(struct ftune *t, struct ftune_shape shape,
                     uint32_t runs);

/* Whether the device has run that shape before. */
bool ftune_knows(struct ftune *t, struct ftune_shape shape);

/* So many runs of a shape took so long. */
void ftune_lanes(struct ftune *t, struct ftune_shape shape, uint32_t runs,
                 uint64_t ns);
void ftune_device(struct ftune *t, struct ftune_shape shape, uint32_t runs,
                  uint64_t ns);

#endif /* FLUX_GPU_TUNE_H */
