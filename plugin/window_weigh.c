/*
 * plugin/window_weigh.c - what a sequence costs, worked out from what changed.
 *
 * Every place keeps what it makes on all tests, and by how many bits that is
 * off. A change is followed from place to place: those that read nothing that
 * changed make what they made. The others are run into a second set of values,
 * a stripe of tests at a time, which becomes the first if the change is taken.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_walk_impl.h"

#define UNKNOWN UINT16_MAX

static void forget_bits(struct fse_made *m) {
  memset(m->bits, 0xFF, sizeof m->bits);
}

/* The roles once a place has written. */
static inline struct fse_walk_roles behind(struct fse_walk_roles r,
                                           const struct fse_walk_place *p,
                                           uint8_t value) {
  for (unsigned n = 0; n < 2; n++)
    r.word[n] = (r.word[n] & ~(p->at_result[n] * 255)) |
                p->at_result[n] * value;
  return r;
}

/* ---- places ------------------------------------------------------------- */

static const int32_t *constant_at(const struct fse_menu *m,
                                  const struct fse_menu_row *r, uint8_t pool,
                                  uint8_t place) {
  if (place == FSE_PLACE_IMM) return m->column[pool].lane;
  return m->column[place < FSE_PLACE_CONST ? 0
                                           : r->pool[place - FSE_PLACE_CONST]]
      .lane;
}

void fse_walk_settle(const struct fse_walk *w, struct fse_walk_place *p) {
  const struct fse_menu *m = w->q->menu;
  const struct fse_menu_row *r;
  const struct fse_menu_step *s;
  p->run = NULL;
  p->reads = p->writes = 0;
  p->at_result[0] = p->at_result[1] = 0;
  if (p->row == FSE_NOTHING) return;
  r = &m->row[p->row];
  s = &r->step[0];
  if (r->destroys) p->read[0] = p->result;
  p->writes = 1u << p->result;
  p->at_result[p->result / 8] = UINT64_C(1) << p->result % 8 * 8;
  for (unsigned n = 0; n < r->read_count; n++) p->reads |= 1u << p->read[n];
  if (r->step_count > 1 || r->keeps) return;
  const uint8_t place[3] = {s->a, s->b, s->c};
  for (unsigned n = 0; n < 3; n++) {
    bool reads = place[n] < FSE_MENU_READS;
    p->role[n] = reads ? p->read[place[n]] : 0;
    p->fixed[n] = reads ? NULL : constant_at(m, r, p->pool, place[n]);
  }
  p->three = s->c != FSE_PLACE_NONE;
  p->imm = s->imm_operand ? m->constant[p->pool] : s->imm;
  p->run = m->kernels->stripe[s->op];
}

static const struct fse_stretch part_of[FSE_WALK_PARTS] = {
    {0, FSE_STRIPE, 0}, {FSE_STRIPE, FSE_LANES, 0}};

/* A row of several steps, or one that reads what it writes; or any, where
 * there is more than a stripe. */
static void run_steps(struct fse_walk *w, unsigned i,
                      struct fse_stretch lanes) {
  const struct fse_walk_place *p = &w->place[i];
  const struct fse_menu_row *r = &w->q->menu->row[p->row];
  struct fse_menu_args args = {.pool = p->pool};
  for (unsigned n = 0; n < r->read_count; n++)
    args.read[n] = &w->made[fse_walk_in_role(&w->tried[i], p->read[n])].value;
  fse_menu_eval(w->q->menu, r, &args, &w->made[w->entry[i]].value, lanes);
}

/* What operand n of a place is on the first stripe. */
static inline const int32_t *operand(const struct fse_walk *w, unsigned i,
                                     unsigned n) {
  const struct fse_walk_place *p = &w->place[i];
  const unsigned value = fse_walk_in_role(&w->tried[i], p->role[n]);
  return p->fixed[n] != NULL ? p->fixed[n] : w->made[value].value.lane;
}

/* Runs what is planned on the first stripe, and on the others. */
static void run_first(struct fse_walk *w) {
  for (unsigned k = 0; k < w->plan_count; k++) {
    const unsigned i = w->plan[k];
    const struct fse_walk_place *p = &w->place[i];
    struct fse_stripes s = {.d = w->made[w->entry[i]].value.lane, .count = 1,
                            .imm = p->imm};
    if (p->run == NULL) {
      run_steps(w, i, part_of[0]);
      continue;
    }
    s.a = operand(w, i, 0);
    s.b = operand(w, i, 1);
    s.c = p->three ? operand(w, i, 2) : s.b;
    p->run(&s);
  }
}

static void run_others(struct fse_walk *w) {
  for (unsigned k = 0; k < w->plan_count; k++)
    run_steps(w, w->plan[k], part_of[1]);
}

/* ---- cost --------------------------------------------------------------- */

/* By how many bits what stands in a role at the end is not result k. */
static inline uint32_t bits_off(struct fse_walk *w, unsigned role, unsigned k,
                                unsigned part) {
  struct fse_made *m = &w->made[fse_walk_in_role(&w->tried[w->rows], role)];
  const struct fse_stretch lanes = part_of[part];
  uint16_t *bits = &m->bits[k][part];
  if (*bits == UNKNOWN)
    *bits = (uint16_t)w->q->menu->kernels->bits(
        &m->value.lane[lanes.from], &w->q->tests->out[k].lane[lanes.from],
        lanes.to - lanes.from);
  return *bits;
}

/* Bits by which result k is wrong, where it is least. What is there from the
 * beginning is no credit to the sequence. */
static uint32_t least_off(struct fse_walk *w, unsigned k, unsigned part) {
  const uint8_t own = w->q->task->out_role[k];
  const unsigned lanes = part_of[part].to - part_of[part].from;
  const uint32_t extra =
      fse_walk_misplaced(w->q->task, k, FSE_NOTHING, lanes);
  uint32_t least = own == FSE_NOTHING ? lanes * 32
                                      : bits_off(w, own, k, part);
  for (uint32_t left = w->credit[k] & w->written; left != 0 && least > extra;
       left &= left - 1) {
    uint32_t bits =
        bits_off(w, (unsigned)__builtin_ctz(left), k, part) + extra;
    least = bits < least ? bits : least;
  }
  return least;
}

static uint32_t part_cost(struct fse_walk *w, unsigned part, uint32_t most) {
  const unsigned count = w->q->task->form.out_count;
  uint32_t sum = 0;
  for (unsigned k = 0; k < count && sum <= most; k++)
    sum += least_off(w, k, part);
  return sum;
}

/* ---- following a change ------------------------------------------------- */

static void plan_place(struct fse_walk *w, unsigned i) {
  w->plan[w->plan_count++] = (uint8_t)i;
  w->entry[i] ^= 1;
  forget_bits(&w->made[w->entry[i]]);
}

/* Plans what has to be run, and what stands where; returns the roles that hold
 * something else at the end. */
uint32_t fse_walk_follow(struct fse_walk *w, const struct fse_walk_edit *e) {
  const unsigned last = e->at[e->count - 1];
  uint32_t changed = 0, written = 0;
  unsigned next = 0, i = e->at[0];
  struct fse_walk_roles roles = w->now[i];
  w->plan_count = 0;
  assert(e->count > 0 && last < w->rows);
  for (unsigned k = 0; k < w->rows; k++) written |= w->place[k].writes;
  w->written = written;
  for (; i < w->rows && (changed != 0 || i <= last); i++) {
    const struct fse_walk_place *p = &w->place[i];
    const bool edited = next < e->count && e->at[next] == i;
    w->tried[i] = roles;
    if (edited) changed |= e->before[next++].writes;
    if (edited || (p->reads & changed) != 0) {
      changed |= p->writes;
      if (p->writes != 0) plan_place(w, i);
    } else {
      changed &= ~p->writes;
    }
    roles = behind(roles, p, w->entry[i]);
  }
  /* Nothing is another any more: what is behind is as it was. */
  for (; i < w->rows; i++) {
    const struct fse_walk_place *p = &w->place[i];
    w->tried[i] = roles;
    roles = behind(roles, p, w->entry[i]);
  }
  w->tried[w->rows] = roles;
  return changed;
}

void fse_walk_unfollow(struct fse_walk *w) {
  for (unsigned n = 0; n < w->plan_count; n++) w->entry[w->plan[n]] ^= 1;
}

uint32_t fse_walk_bits(struct fse_walk *w, unsigned role, unsigned k) {
  return bits_off(w, role, k, 0);
}

bool fse_walk_try(struct fse_walk *w, const struct fse_walk_edit *e,
                  struct fse_walk_bound bound) {
  const uint32_t changed = fse_walk_follow(w, e);
  uint32_t cost = w->cost, first = w->first;
  run_first(w);
  if (changed != 0) cost = first = part_cost(w, 0, bound.first);
  if (first <= bound.first && cost <= bound.all) {
    run_others(w);
    if (changed != 0) cost += part_cost(w, 1, bound.all - cost);
  }
  if (first > bound.first || cost > bound.all) {
    fse_walk_unfollow(w);
    return false;
  }
  w->first = first;
  w->cost = cost;
  for (unsigned i = e->at[0]; i <= w->rows; i++) w->now[i] = w->tried[i];
  return true;
}

/* Where results count that are not in their own place. */
static void find_credit(struct fse_walk *w) {
  const struct fse_task *t = w->q->task;
  for (unsigned k = 0; k < t->form.out_count; k++) {
    w->credit[k] = 0;
    for (unsigned r = 0; r < t->role_count; r++)
      if (r != t->out_role[k] && t->role_file[r] == t->out_file[k])
        w->credit[k] |= 1u << r;
  }
}

void fse_walk_weigh(struct fse_walk *w) {
  const struct fse_task *t = w->q->task;
  struct fse_made *begin = &w->made[FSE_WALK_BEGIN];
  struct fse_walk_roles roles = {{0}};
  memset(begin, 0, FSE_WALK_ROLES * sizeof *begin);
  for (unsigned i = 0; i < t->form.in_count; i++)
    begin[w->in_role[i]].value = w->q->tests->in[i];
  for (unsigned r = 0; r < FSE_WALK_ROLES; r++) {
    forget_bits(&begin[r]);
    roles.word[r / 8] |= (uint64_t)(FSE_WALK_BEGIN + r) << r % 8 * 8;
  }
  find_credit(w);
  w->plan_count = 0;
  w->written = 0;
  for (unsigned i = 0; i < w->rows; i++) {
    const struct fse_walk_place *p = &w->place[i];
    w->entry[i] = (uint8_t)(2 * i);
    w->tried[i] = roles;
    w->written |= p->writes;
    if (p->writes == 0) continue;
    plan_place(w, i);
    roles = behind(roles, p, w->entry[i]);
  }
  w->tried[w->rows] = roles;
  run_first(w);
  run_others(w);
  w->first = part_cost(w, 0, UINT32_MAX);
  w->cost = w->first + part_cost(w, 1, UINT32_MAX);
  memcpy(w->now, w->tried, sizeof w->now);
}

const struct fse_column *fse_walk_final(const struct fse_walk *w,
                                        unsigned role) {
  assert(role < FSE_WALK_ROLES);
  return &w->made[fse_walk_in_role(&w->now[w->rows], role)].value;
}
