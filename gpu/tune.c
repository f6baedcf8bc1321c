/*
 * gpu/tune.c - how much of some work a device is worth giving.
 */
#include "gpu/tune.h"

#include <assert.h>

#define LOST 0.01               /* of the lanes' time, for trying again */
#define FADE 0.75               /* what an older measurement counts for */

static unsigned log2_of(uint64_t n) {
  return n > 1 ? 63u - (unsigned)__builtin_clzll(n) : 0;
}

static struct ftune_cell *cell_of(struct ftune *t, struct ftune_shape shape) {
  unsigned lanes = log2_of(shape.lanes);
  unsigned instructions = log2_of(shape.instructions) / 2;

  if (lanes >= FTUNE_LANES)
    lanes = FTUNE_LANES - 1;
  if (instructions >= FTUNE_INSTRUCTIONS)
    instructions = FTUNE_INSTRUCTIONS - 1;
  return &t->cell[lanes * FTUNE_INSTRUCTIONS + instructions];
}

/* The line through what the device took; with one point, or points above one
 * another, the one through nothing for nothing: the next share then is another
 * point, or this one was right. */
static void line(const struct ftune_cell *c, double *first, double *each) {
  double spread = c->count * c->xx - c->x * c->x;

  assert(c->count > 0 && c->x > 0);
  *first = 0;
  *each = c->y / c->x;
  if (spread > 0.01 * c->x * c->x) {
    double slope = (c->count * c->xy - c->x * c->y) / spread;
    double at_zero;

    slope = slope > 0 ? slope : 0;
    at_zero = (c->y - slope * c->x) / c->count;
    if (at_zero > 0) {
      *first = at_zero;
      *each = slope;
    }
  }
}

uint32_t ftune_share(struct ftune *t, struct ftune_shape shape,
                     uint32_t runs) {
  struct ftune_cell *c = cell_of(t, shape);
  uint32_t half = runs / 2 ? runs / 2 : runs;
  double first, each, share;

  if (c->count == 0)
    return half;
  if (c->lanes_ns == 0)
    return runs / 2;
  line(c, &first, &each);
  /* (runs - share) * lanes_ns = first + share * each */
  share = (runs * c->lanes_ns - first) / (c->lanes_ns + each);
  if (share < 1)
    return c->since_ns * LOST >= first + each * half ? half : 0;
  return share < runs ? (uint32_t)share : runs;
}

bool ftune_knows(struct ftune *t, struct ftune_shape shape) {
  return cell_of(t, shape)->count > 0;
}

void ftune_lanes(struct ftune *t, struct ftune_shape shape, uint32_t runs,
                 uint64_t ns) {
  struct ftune_cell *c = cell_of(t, shape);
  double each;

  if (runs == 0)
    return;
  c->since_ns += (double)ns;
  each = (double)(ns ? ns : 1) / runs;
  c->lanes_ns = c->lanes_ns == 0 ? each
                                 : FADE * c->lanes_ns + (1 - FADE) * each;
}

void ftune_device(struct ftune *t, struct ftune_shape shape, uint32_t runs,
                  uint64_t ns) {
  struct ftune_cell *c = cell_of(t, shape);

  if (runs == 0)
    return;
  c->since_ns = 0;
  c->count = c->count * FADE + 1;
  c->x = c->x * FADE + runs;
  c->xx = c->xx * FADE + (double)runs * runs;
  c->y = c->y * FADE + (double)ns;
  c->xy = c->xy * FADE + (double)ns * runs;
}
