/*
 * plugin/window_sweep.c - a place of a walk drawn anew, from many rows at once.
 *
 * What stands in a place is drawn from some dozens of rows with operands, each
 * the likelier the less the sequence costs with it; what is there may stay.
 * That is much like a step of Gibbs' sampler (Geman and Geman 1984): it goes
 * where changes tried one by one would go, and need not wait for them. All of
 * them write the same role, so what follows of the change is worked out once,
 * and each row behind that reads it is run for all of them at a stretch.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_walk_impl.h"

enum {
  GROUPS_MAX = 6,        /* rows with operands */
  TRIES = 10,            /* rows that are drawn for them */
  WEIGHTS = 64           /* costs that far above the least weigh nothing */
};

/* A row with operands, of which one is each of the roles in turn. */
struct group {
  struct fse_walk_place place;
  unsigned varied;       /* which read; FSE_NOTHING: none */
  unsigned first, count; /* of the swept */
};

struct sweep {
  struct fse_walk *w;
  unsigned at;
  uint8_t result, file;
  unsigned role_count;   /* roles that hold something there, of the file */
  uint8_t role[FSE_WALK_ROLES];
  unsigned group_count, count;
  struct group group[GROUPS_MAX];
  uint32_t planned;      /* places that are run anew, a bit each */
  uint16_t cost[FSE_SWEPT_MAX];
};

/* ---- what is tried ------------------------------------------------------ */

bool fse_walk_sweeps(const struct fse_menu_row *r) {
  bool one_file = true;
  for (unsigned i = 0; i < r->read_count; i++)
    one_file &= r->read_file[i] == r->result_file;
  return r->step_count == 1 && !r->keeps && one_file;
}

/* The role they write: mostly the one that is written there. */
static bool find_result(struct sweep *s) {
  struct fse_walk *w = s->w;
  const struct fse_walk_place *p = &w->place[s->at];
  const struct fse_menu *m = w->q->menu;
  if (p->row != FSE_NOTHING && fse_walk_below(w, 4) > 0) {
    s->result = p->result;
    s->file = m->row[p->row].result_file;
  } else {
    unsigned row = w->sweep_row[fse_walk_below(w, w->sweep_rows)];
    s->file = m->row[row].result_file;
    s->result = fse_walk_draw_result(w, s->file);
  }
  return s->result != FSE_NOTHING;
}

/* What may be read there, one behind the other: inputs and what was made. */
static void find_reads(struct sweep *s) {
  struct fse_walk *w = s->w;
  const struct fse_task *t = w->q->task;
  const struct fse_walk_roles *now = &w->now[s->at];
  for (unsigned r = 0; r < t->role_count; r++)
    if (t->role_file[r] == s->file &&
        (w->inputs >> r & 1 || fse_walk_in_role(now, r) < FSE_WALK_BEGIN))
      s->role[s->role_count++] = (uint8_t)r;
  if (t->zero_files >> s->file & 1)
    s->role[s->role_count++] = FSE_WINDOW_ROLES;
  for (unsigned n = 0; n < s->role_count; n++)
    memcpy(w->there[n], w->made[fse_walk_in_role(now, s->role[n])].value.lane,
           sizeof w->there[n]);
}

/* Operands at random. */
static void draw_place(struct sweep *s, const struct fse_menu_row *r,
                       struct fse_walk_place *p) {
  memset(p, 0, sizeof *p);
  for (unsigned i = 0; i < r->read_count; i++)
    p->read[i] = s->role[fse_walk_below(s->w, s->role_count)];
  if (r->imm != FSE_NOTHING)
    p->pool = r->imm_pool[fse_walk_below(s->w, r->imm_count)];
}

/* One more row, with the operands of `old` or drawn ones. */
static void add_group(struct sweep *s, unsigned row,
                      const struct fse_walk_place *old) {
  const struct fse_menu_row *r = &s->w->q->menu->row[row];
  const unsigned free = r->read_count - r->destroys;
  const unsigned count = free > 0 ? s->role_count : 1;
  struct group *g = &s->group[s->group_count];
  if (r->result_file != s->file || s->count + count > FSE_SWEPT_MAX ||
      (r->read_count > 0 && s->role_count == 0))
    return;
  if (old != NULL) g->place = *old;
  else draw_place(s, r, &g->place);
  g->place.row = (uint8_t)row;
  g->place.result = s->result;
  g->varied = free > 0 ? r->destroys + fse_walk_below(s->w, free)
                       : FSE_NOTHING;
  fse_walk_settle(s->w, &g->place);
  g->first = s->count;
  g->count = count;
  s->count += count;
  s->group_count++;
}

static void find_groups(struct sweep *s) {
  struct fse_walk *w = s->w;
  const struct fse_walk_place *p = &w->place[s->at];
  if (p->run != NULL && fse_walk_sweeps(&w->q->menu->row[p->row]))
    add_group(s, p->row, p);
  for (unsigned n = 0; n < TRIES && s->group_count < GROUPS_MAX; n++)
    add_group(s, w->sweep_row[fse_walk_below(w, w->sweep_rows)], NULL);
}

/* What number n of a group puts in the place. */
static struct fse_walk_place place_of(const struct sweep *s,
                                      const struct group *g, unsigned n) {
  struct fse_walk_place p = g->place;
  if (g->varied != FSE_NOTHING) p.read[g->varied] = s->role[n];
  fse_walk_settle(s->w, &p);
  return p;
}

/* ---- what it gives ------------------------------------------------------ */

/* Where operands are, from change to change. */
struct source {
  const int32_t *lane;
  unsigned step;
};

/* A value: of each change its own, if the place that makes it is run anew. */
static struct source value_of(const struct sweep *s, unsigned value) {
  const struct fse_walk *w = s->w;
  const unsigned place = value / 2;
  if (value < FSE_WALK_BEGIN && s->planned >> place & 1)
    return (struct source){w->swept[place][0], FSE_STRIPE};
  return (struct source){w->made[value].value.lane, 0};
}

/* Operand n of a place. */
static struct source operand(const struct sweep *s, unsigned at,
                             const struct fse_walk_place *p, unsigned n) {
  if (p->fixed[n] != NULL) return (struct source){p->fixed[n], 0};
  return value_of(s, fse_walk_in_role(&s->w->tried[at], p->role[n]));
}

static void run(const struct fse_walk_place *p, const struct source from[3],
                int32_t *d, unsigned count) {
  const struct fse_stripes k = {d, from[0].lane, from[1].lane, from[2].lane,
                                from[0].step, from[1].step, from[2].step,
                                count, p->imm};
  p->run(&k);
}

static void run_groups(struct sweep *s) {
  struct fse_walk *w = s->w;
  for (unsigned i = 0; i < s->group_count; i++) {
    const struct group *g = &s->group[i];
    const struct fse_walk_place *p = &g->place;
    const struct fse_menu_step *t = &w->q->menu->row[p->row].step[0];
    const uint8_t place[3] = {t->a, t->b, t->c};
    struct source from[3];
    for (unsigned n = 0; n < 3; n++)
      from[n] = place[n] == g->varied
                    ? (struct source){w->there[0], FSE_STRIPE}
                    : operand(s, s->at, p, n);
    run(p, from, w->swept[s->at][g->first], g->count);
  }
}

static void run_behind(struct sweep *s) {
  struct fse_walk *w = s->w;
  for (unsigned k = 0; k < w->plan_count; k++) {
    const unsigned i = w->plan[k];
    const struct fse_walk_place *p = &w->place[i];
    struct source from[3];
    if (i == s->at) continue;
    for (unsigned n = 0; n < 3; n++) from[n] = operand(s, i, p, n);
    run(p, from, w->swept[i][0], s->count);
  }
}

/* Plans the change. False: a row behind it is not run by stripes. */
static bool follow(struct sweep *s, const struct fse_walk_edit *e) {
  struct fse_walk *w = s->w;
  bool stripes = true;
  (void)fse_walk_follow(w, e);
  for (unsigned k = 0; k < w->plan_count; k++) {
    stripes &= w->place[w->plan[k]].run != NULL;
    s->planned |= 1u << w->plan[k];
  }
  return stripes;
}

/* ---- what it costs ------------------------------------------------------ */

/* Bits by which result k is wrong, if it is taken from a role. */
static void least_of(const struct sweep *s, unsigned k, unsigned role,
                     uint16_t least[FSE_SWEPT_MAX]) {
  struct fse_walk *w = s->w;
  const struct source at =
      value_of(s, fse_walk_in_role(&w->tried[w->rows], role));
  const uint16_t extra =
      (uint16_t)fse_walk_misplaced(w->q->task, k, role, FSE_STRIPE);
  uint16_t bits[FSE_SWEPT_MAX];
  const uint16_t same =
      at.step == 0 ? (uint16_t)fse_walk_bits(w, role, k) : 0;
  for (unsigned n = 0; n < FSE_SWEPT_MAX; n++) bits[n] = same;
  if (at.step != 0)
    w->q->menu->kernels->bits_each(bits, at.lane,
                                   w->q->tests->out[k].lane, s->count);
  for (unsigned n = 0; n < FSE_SWEPT_MAX; n++) {
    const uint16_t b = (uint16_t)(bits[n] + extra);
    least[n] = b < least[n] ? b : least[n];
  }
}

/* On the first stripe, as fse_walk_try finds it out. */
static void weigh(struct sweep *s) {
  struct fse_walk *w = s->w;
  const struct fse_task *t = w->q->task;
  memset(s->cost, 0, sizeof s->cost);
  for (unsigned k = 0; k < t->form.out_count; k++) {
    uint16_t least[FSE_SWEPT_MAX];
    uint32_t left = w->credit[k] & w->written;
    uint16_t most = FSE_STRIPE * 32;
    if (t->out_role[k] != FSE_NOTHING) {
      left |= 1u << t->out_role[k];
      most = UINT16_MAX;
    }
    for (unsigned n = 0; n < FSE_SWEPT_MAX; n++) least[n] = most;
    for (; left != 0; left &= left - 1)
      least_of(s, k, (unsigned)__builtin_ctz(left), least);
    for (unsigned n = 0; n < FSE_SWEPT_MAX; n++)
      s->cost[n] = (uint16_t)(s->cost[n] + least[n]);
  }
}

/* ---- the draw ----------------------------------------------------------- */

/* exp(-d / FSE_WALK_BITS_PER_E) for each d, in 2^-16ths; nothing at the end. */
static const uint16_t weight[WEIGHTS] = {
    65535, 51039, 39749, 30957, 24109, 18776, 14623, 11388, 8869, 6907, 5379,
    4190,  3263,  2541,  1979,  1541,  1200,  935,   728,   567,  442,  344,
    268,   209,   162,   127,   99,    77,    60,    47,    36,   28,   22,
    17,    13,    10,    8,     6,     5,     4,     3,     2,    2,    1};

_Static_assert((FSE_SWEPT_MAX + 1) * 65535u < UINT32_MAX,
               "weights add up in 32 bits");

/* Which is taken; s->count: what is there stays. */
static unsigned choose(const struct sweep *s) {
  struct fse_walk *w = s->w;
  uint32_t least = w->first, sum = 0, drawn;
  uint16_t share[FSE_SWEPT_MAX + 1];
  for (unsigned n = 0; n < s->count; n++)
    least = s->cost[n] < least ? s->cost[n] : least;
  for (unsigned n = 0; n <= s->count; n++) {
    uint32_t d = (n < s->count ? s->cost[n] : w->first) - least;
    share[n] = weight[d < WEIGHTS ? d : WEIGHTS - 1];
    sum += share[n];
  }
  drawn = fse_walk_below(w, sum);
  for (unsigned n = 0; n < s->count; n++) {
    if (drawn < share[n]) return n;
    drawn -= share[n];
  }
  return s->count;
}

/* Takes one: by the first stripe it was drawn, by the others it may fall. */
static bool take(struct sweep *s, const struct fse_walk_edit *e,
                 unsigned chosen) {
  struct fse_walk *w = s->w;
  const struct group *g = s->group;
  const uint32_t first = s->cost[chosen];
  const uint32_t others = w->cost - w->first + fse_walk_slack(w);
  while (chosen >= g->first + g->count) g++;
  w->place[s->at] = place_of(s, g, chosen - g->first);
  if (fse_walk_try(w, e, (struct fse_walk_bound){first, first + others})) {
    assert(w->first == first);
    return true;
  }
  w->place[s->at] = e->before[0];
  return false;
}

unsigned fse_walk_sweep(struct fse_walk *w, unsigned at, bool *kept) {
  struct sweep s; /* groups and costs are many: written where they are */
  struct fse_walk_edit e;
  unsigned chosen;
  bool swept;
  *kept = false;
  s.w = w;
  s.at = at;
  s.role_count = s.group_count = s.count = 0;
  s.planned = 0;
  if (w->sweep_rows == 0 || !find_result(&s)) return 0;
  find_reads(&s);
  find_groups(&s);
  if (s.count == 0) return 0;
  e.count = 1;
  e.at[0] = (uint8_t)at;
  e.before[0] = w->place[at];
  w->place[at] = s.group[0].place;
  swept = follow(&s, &e);
  if (swept) {
    run_groups(&s);
    run_behind(&s);
    weigh(&s);
  }
  fse_walk_unfollow(w);
  w->place[at] = e.before[0];
  if (!swept) return 0;
  chosen = choose(&s);
  *kept = chosen < s.count && take(&s, &e, chosen);
  return s.count;
}
