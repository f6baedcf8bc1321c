/*
 * gpu/lanes_group.h - which lanes go together, and what each has done.
 *
 * Included by lanes_run.h. A group counts for all its lanes at once; its
 * counts are given to the lanes where it is divided, joined or over.
 */

/* ---- masks -------------------------------------------------------------- */

/* A part of a column of masks that belongs to a run. */
static inline int32_t *part(const struct lanes_run *r, int32_t *mask) {
  return __builtin_assume_aligned(mask + r->lo, 64);
}

static inline const int32_t *const_part(const struct lanes_run *r,
                                        const int32_t *mask) {
  return __builtin_assume_aligned(mask + r->lo, 64);
}

static uint32_t count_lanes(const struct lanes_run *r, const int32_t *mask) {
  const size_t n = lane_count(r);
  const int32_t *m = const_part(r, mask);
  int32_t count = 0;

  for (size_t i = 0; i < n; i++)
    count -= m[i];
  return (uint32_t)count;
}

/* Whether a lane is of the present group. */
static inline bool is_active(const struct lanes_run *r, uint32_t lane) {
  return !r->now.mask || r->now.mask[lane];
}

#define EACH_ACTIVE(r, lane) \
  for (uint32_t lane = (r)->lo; lane < (r)->hi; lane++) \
    if (is_active(r, lane))

static uint32_t first_active(const struct lanes_run *r) {
  uint32_t lane = r->lo;

  while (lane + 1 < r->hi && !is_active(r, lane))
    lane++;
  return lane;
}

/* ---- counters ----------------------------------------------------------- */

static void add_to(const struct lanes_run *r, uint32_t *counter,
                   const int32_t *mask, uint32_t v) {
  const size_t n = lane_count(r);
  uint32_t *c = __builtin_assume_aligned(counter + r->lo, 64);

  if (v == 0)
    return;
  if (!mask) {
    for (size_t i = 0; i < n; i++)
      c[i] += v;
    return;
  }
  mask = const_part(r, mask);
  for (size_t i = 0; i < n; i++)
    c[i] += v & (uint32_t)mask[i];
}

/* Gives a group's counts to its lanes. */
static void flush(struct lanes_run *r, struct lanes_group *g) {
  struct flanes *e = r->e;
  size_t bytes = lane_count(r) * sizeof(uint32_t);

  if (r->counted && g->rows == 0 && g->cost == 0 && g->cycles == 0)
    return;

  if (!r->counted) {
    memset(e->rows + r->lo, 0, bytes);
    memset(e->cost + r->lo, 0, bytes);
    memset(e->cycles + r->lo, 0, bytes);
    r->counted = true;
  }
  add_to(r, e->rows, g->mask, g->rows);
  add_to(r, e->cost, g->mask, g->cost);
  add_to(r, e->cycles, g->mask, g->cycles);
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

/* Lanes of group g join another one at the same op. */
static void join(struct lanes_run *r, struct lanes_group *to,
                 struct lanes_group *g) {
  const size_t n = lane_count(r);
  int32_t *m, *more;

  assert(to->mask && g->mask && to->at == g->at);
  if (g->rows != to->rows || g->cost != to->cost || g->cycles != to->cycles) {
    flush(r, g);
    flush(r, to);
  }
  m = part(r, to->mask);
  more = part(r, g->mask);
  for (size_t i = 0; i < n; i++)
    m[i] |= more[i];
  lanes_mask_give(r, g->mask);
  to->active += g->active;
  to->lone = 0;
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
  if (r->now.mask && r->now.active == r->hi - r->lo) {
    lanes_mask_give(r, r->now.mask);
    r->now.mask = NULL;
  }
  least = r->waiting_count > 0 ? least_far(r) : 0;
  if (r->waiting_count > 0 && r->waiting[least].at < r->now.at) {
    struct lanes_group g = r->waiting[least];
    r->waiting[least] = r->now;
    r->now = g;
    set_base(r, &r->p->op[r->now.at]);
  }
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
  return r->now.active > 0;
}

/* From a lane that is wrong on nobody looks at the lanes behind it: the run
 * becomes shorter. */
static void shorten(struct lanes_run *r) {
  uint32_t hi = (r->wrong + LANES_BLOCK) / LANES_BLOCK * LANES_BLOCK;

  if (r->tasks || hi >= r->hi)
    return;
  r->hi = hi;
  for (uint32_t i = 0; i < r->waiting_count;) {
    struct lanes_group *g = &r->waiting[i];
    g->active = count_lanes(r, g->mask);
    if (g->active == 0) {
      lanes_mask_give(r, g->mask);
      *g = r->waiting[--r->waiting_count];
    } else {
      i++;
    }
  }
  r->now.active = r->now.mask ? count_lanes(r, r->now.mask) : hi - r->lo;
  if (r->wrong == r->lo) /* all is said */
    r->now.active = 0;
}
