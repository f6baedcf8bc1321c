/*
 * gpu/lanes_group.h - which lanes go together, and what each has done.
 *
 * Included by lanes_run.h. A group counts for all its lanes at once; its
 * counts are given to the lanes where it is divided, joined or over. What is
 * done for a group is done from its first block to its last: episodes that lie
 * by their length leave it at one end.
 */

/* ---- masks -------------------------------------------------------------- */

/* The part of a column of masks that belongs to the present group. */
static inline int32_t *part(const struct lanes_run *r, int32_t *mask) {
  return __builtin_assume_aligned(mask + r->now.lo, 64);
}

static inline const int32_t *const_part(const struct lanes_run *r,
                                        const int32_t *mask) {
  return __builtin_assume_aligned(mask + r->now.lo, 64);
}

/* Lanes of a mask among lo..hi-1, which are blocks. */
static uint32_t count_between(const int32_t *mask, uint32_t lo, uint32_t hi) {
  const size_t n = (size_t)((hi - lo) / LANES_BLOCK) * LANES_BLOCK;
  const int32_t *m = __builtin_assume_aligned(mask + lo, 64);
  int32_t count = 0;

  for (size_t i = 0; i < n; i++)
    count -= m[i];
  return (uint32_t)count;
}

static uint32_t count_lanes(const struct lanes_run *r, const int32_t *mask) {
  return count_between(mask, r->now.lo, r->now.hi);
}

/* Whether a lane is of the present group. */
static inline bool is_active(const struct lanes_run *r, uint32_t lane) {
  return !r->now.mask || r->now.mask[lane];
}

#define EACH_ACTIVE(r, lane) \
  for (uint32_t lane = (r)->now.lo; lane < (r)->now.hi; lane++) \
    if (is_active(r, lane))

static uint32_t first_active(const struct lanes_run *r) {
  uint32_t lane = r->now.lo;

  while (lane + 1 < r->now.hi && !is_active(r, lane))
    lane++;
  return lane;
}

/* ---- counters ----------------------------------------------------------- */

static void add_to(const struct lanes_group *g, uint32_t *counter,
                   uint32_t v) {
  const size_t n = (size_t)((g->hi - g->lo) / LANES_BLOCK) * LANES_BLOCK;
  uint32_t *c = __builtin_assume_aligned(counter + g->lo, 64);
  const int32_t *mask = g->mask;

  if (v == 0)
    return;
  if (!mask) {
    for (size_t i = 0; i < n; i++)
      c[i] += v;
    return;
  }
  mask = __builtin_assume_aligned(mask + g->lo, 64);
  for (size_t i = 0; i < n; i++)
    c[i] += v & (uint32_t)mask[i];
}

/* Gives a group's counts to its lanes. */
static void flush(struct lanes_run *r, struct lanes_group *g) {
  struct flanes *e = r->e;
  size_t bytes = (r->hi - r->lo) * sizeof(uint32_t);

  if (r->counted && g->rows == 0 && g->cost == 0 && g->cycles == 0)
    return;

  if (!r->counted) {
    memset(e->rows + r->lo, 0, bytes);
    memset(e->cost + r->lo, 0, bytes);
    memset(e->cycles + r->lo, 0, bytes);
    r->counted = true;
  }
  add_to(g, e->rows, g->rows);
  add_to(g, e->cost, g->cost);
  add_to(g, e->cycles, g->cycles);
  g->rows = g->cost = g->cycles = 0;
}

/* A straight run begins at o. */
static inline void set_base(struct lanes_run *r, const struct fpk_op *o) {
  r->base_rows = o->rows - o->own_rows;
  r->base_cost = o->cost - o->own_cost;
  r->base_cycles = o->cycles - o->own_cycles;
}

/* Counts what was done since, up to where the sums are these. */
static inline void count_sums(struct lanes_run *r, uint32_t rows, uint32_t cost,
                              uint32_t cycles) {
  r->now.rows += rows - r->base_rows;
  r->now.left -= rows - r->base_rows;
  r->now.lone += rows - r->base_rows;
  r->now.cost += cost - r->base_cost;
  r->now.cycles += cycles - r->base_cycles;
  r->base_rows = rows;
  r->base_cost = cost;
  r->base_cycles = cycles;
}

/* Up to and with o. */
static inline void count_to(struct lanes_run *r, const struct fpk_op *o) {
  count_sums(r, o->rows, o->cost, o->cycles);
}

/* Up to o, without it. */
static inline void count_before(struct lanes_run *r, const struct fpk_op *o) {
  count_sums(r, o->rows - o->own_rows, o->cost - o->own_cost,
             o->cycles - o->own_cycles);
}

/* ---- groups ------------------------------------------------------------- */

/* The waiting group that is least far; some wait. */
static uint32_t least_far(const struct lanes_run *r) {
  uint32_t least = 0;

  for (uint32_t i = 1; i < r->waiting_count; i++)
    if (r->waiting[i].at < r->waiting[least].at)
      least = i;
  return least;
}

/* The group is over, and the next one's turn comes; false: the run is over. */
static bool next_group(struct lanes_run *r) {
  uint32_t least;

  if (r->now.mask)
    lanes_mask_give(r, r->now.mask);
  r->now.mask = NULL;
  r->now.active = 0;
  if (r->waiting_count == 0 || r->wrong == r->lo)
    return false;
  least = least_far(r);
  r->now = r->waiting[least];
  r->waiting[least] = r->waiting[--r->waiting_count];
  set_base(r, &r->p->op[r->now.at]);
  return true;
}

/* to |= mask, in lanes lo..hi-1, which are blocks. */
static void add_mask(int32_t *to, const int32_t *mask, uint32_t lo,
                     uint32_t hi) {
  const size_t n = (size_t)((hi - lo) / LANES_BLOCK) * LANES_BLOCK;

  to = __builtin_assume_aligned(to + lo, 64);
  mask = __builtin_assume_aligned(mask + lo, 64);
  IVDEP for (size_t i = 0; i < n; i++) to[i] |= mask[i];
}

/* Makes a group one of lanes lo..hi-1, which are at least its own, with a
 * mask. */
static void widen(struct lanes_run *r, struct lanes_group *g, uint32_t lo,
                  uint32_t hi) {
  assert(lo <= g->lo && g->hi <= hi);
  if (!g->mask) {
    g->mask = lanes_mask_take(r);
    memset(g->mask + g->lo, 0xFF, (g->hi - g->lo) * sizeof(*g->mask));
  }
  memset(g->mask + lo, 0, (g->lo - lo) * sizeof(*g->mask));
  memset(g->mask + g->hi, 0, (hi - g->hi) * sizeof(*g->mask));
  g->lo = lo;
  g->hi = hi;
}

/* Makes the present group no wider than it has to be. */
static void tighten(struct lanes_run *r) {
  struct lanes_group *g = &r->now;
  const uint32_t width = g->hi - g->lo;

  assert(g->active > 0);
  g->loose = false;
  if (!g->mask)
    return;
  while (count_between(g->mask, g->lo, g->lo + LANES_BLOCK) == 0)
    g->lo += LANES_BLOCK;
  while (count_between(g->mask, g->hi - LANES_BLOCK, g->hi) == 0)
    g->hi -= LANES_BLOCK;
  r->e->ways.narrowed += g->hi - g->lo < width;
  if (g->active < g->hi - g->lo)
    return;
  lanes_mask_give(r, g->mask);
  g->mask = NULL;
}

/* Lanes of group g join another one at the same op. */
static void join(struct lanes_run *r, struct lanes_group *to,
                 struct lanes_group *g) {
  uint32_t lo = to->lo < g->lo ? to->lo : g->lo;
  uint32_t hi = to->hi > g->hi ? to->hi : g->hi;

  assert(to->at == g->at);
  if (g->rows != to->rows || g->cost != to->cost || g->cycles != to->cycles) {
    flush(r, g);
    flush(r, to);
  }
  widen(r, to, lo, hi);
  if (g->mask) {
    add_mask(to->mask, g->mask, g->lo, g->hi);
    lanes_mask_give(r, g->mask);
  } else {
    memset(to->mask + g->lo, 0xFF, (g->hi - g->lo) * sizeof(*to->mask));
  }
  to->active += g->active;
  to->lone = 0;
  to->loose = true;
  if (g->left < to->left)
    to->left = g->left;
}

/* Joins whoever waits at the present group's op; lets whoever is less far go
 * first. */
static void settle(struct lanes_run *r) {
  uint32_t least;

  for (uint32_t i = 0; i < r->waiting_count;)
    if (r->waiting[i].at == r->now.at) {
      struct lanes_group g = r->waiting[i];
      r->waiting[i] = r->waiting[--r->waiting_count];
      join(r, &r->now, &g);
    } else {
      i++;
    }
  r->waiting_at = UINT32_MAX;
  if (r->waiting_count == 0)
    return;
  least = least_far(r);
  if (r->waiting[least].at < r->now.at) {
    struct lanes_group g = r->waiting[least];
    r->waiting[least] = r->now;
    r->now = g;
    set_base(r, &r->p->op[r->now.at]);
    least = least_far(r);
  }
  r->waiting_at = r->waiting[least].at;
}

/* Takes lanes out of the present group; true if any are left in it. */
static bool leave(struct lanes_run *r, const int32_t *gone) {
  const size_t n = lane_count(r);
  const int32_t *out = const_part(r, gone);
  int32_t *m;

  if (!r->now.mask) {
    r->now.mask = lanes_mask_take(r);
    memset(part(r, r->now.mask), 0xFF, n * sizeof(*m));
  }
  m = part(r, r->now.mask);
  for (size_t i = 0; i < n; i++)
    m[i] &= ~out[i];
  r->now.active = count_lanes(r, r->now.mask);
  r->now.loose = true;
  return r->now.active > 0;
}

/* A group without the lanes from hi on; false: it has no others. */
static bool shorten_group(struct lanes_group *g, uint32_t hi) {
  if (g->hi > hi) {
    g->hi = g->lo < hi ? hi : g->lo;
    g->active = g->mask ? count_between(g->mask, g->lo, g->hi) : g->hi - g->lo;
  }
  return g->active > 0;
}

/* From a lane that is wrong on nobody looks at the lanes behind it: the run
 * becomes shorter. */
static void shorten(struct lanes_run *r) {
  uint32_t hi = (r->wrong + LANES_BLOCK) / LANES_BLOCK * LANES_BLOCK;

  if (r->tasks || hi >= r->hi)
    return;
  r->hi = hi;
  for (uint32_t i = 0; i < r->waiting_count;)
    if (shorten_group(&r->waiting[i], hi)) {
      i++;
    } else {
      if (r->waiting[i].mask)
        lanes_mask_give(r, r->waiting[i].mask);
      r->waiting[i] = r->waiting[--r->waiting_count];
    }
  shorten_group(&r->now, hi);
  if (r->wrong == r->lo) /* all is said */
    r->now.active = 0;
}
