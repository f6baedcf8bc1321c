/*
 * plugin/window_walk.c - longer replacements, by a random walk.
 */
#include "plugin/window_walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial.h"
#include "plugin/window_walk_impl.h"

enum {
  UNIT = 1 << 9,         /* turns of the shortest walks */
  ROWS_MIN = 5,          /* of a walk */
  ROWS_MAX = 9,
  SWEEPS = 12,           /* of 16 turns */
  ASK_EVERY = 1 << 13    /* turns */
};

/* Marsaglia's shifts, and Vigna's product. */
uint32_t fse_walk_draw(struct fse_walk *w) {
  uint64_t v = w->random;
  assert(v != 0);
  v ^= v >> 12;
  v ^= v << 25;
  v ^= v >> 27;
  w->random = v;
  return (uint32_t)(v * UINT64_C(0x2545F4914F6CDD1D) >> 32);
}

/* Which places results come from, where they are in these roles; a bit each. */
static uint32_t find_used(const struct fse_walk *w, uint32_t wanted) {
  uint32_t used = 0;
  for (unsigned i = w->rows; i-- > 0;) {
    const struct fse_walk_place *p = &w->place[i];
    if ((p->writes & wanted) == 0) continue;
    used |= 1u << i;
    wanted = (wanted & ~p->writes) | p->reads;
  }
  return used;
}

/* Notes the places that matter, so that most changes are made there: a result
 * that may be anywhere may come from any. */
static void note_used(struct fse_walk *w) {
  const struct fse_task *t = w->q->task;
  uint32_t wanted = 0;
  for (unsigned k = 0; k < t->form.out_count; k++)
    wanted |= t->out_role[k] == FSE_NOTHING ? UINT32_MAX
                                            : 1u << t->out_role[k];
  w->used_count = 0;
  for (uint32_t used = find_used(w, wanted); used != 0; used &= used - 1)
    w->used[w->used_count++] = (uint8_t)__builtin_ctz(used);
}

/* ---- changes ------------------------------------------------------------ */

/* A role of a file that may be read; now and then the zero register. */
static uint8_t draw_read(struct fse_walk *w, uint8_t file) {
  const struct fse_task *t = w->q->task;
  unsigned n = t->role_count + (t->zero_files >> file & 1u);
  assert(n > 0);
  for (;;) {
    unsigned r = fse_walk_below(w, n);
    if (r == t->role_count) return FSE_WINDOW_ROLES;
    if (t->role_file[r] == file) return (uint8_t)r;
  }
}

/* A role of a file that may be written, or FSE_NOTHING. */
uint8_t fse_walk_draw_result(struct fse_walk *w, uint8_t file) {
  const struct fse_task *t = w->q->task;
  for (unsigned n = 0; n < 4u * FSE_WINDOW_ROLES; n++) {
    unsigned r = fse_walk_below(w, t->role_count);
    if (t->role_file[r] == file && !w->fixed[r]) return (uint8_t)r;
  }
  return FSE_NOTHING;
}

/* Another row, with operands, in a place; or none. */
static void change_row(struct fse_walk *w, struct fse_walk_place *p) {
  const struct fse_menu *m = w->q->menu;
  const struct fse_menu_row *r;
  p->row = FSE_NOTHING;
  unsigned at = fse_walk_below(w, m->row_count);
  if (fse_walk_below(w, 6) == 0) return;
  r = &m->row[at];
  p->result = fse_walk_draw_result(w, r->result_file);
  if (p->result == FSE_NOTHING) return;
  p->row = (uint8_t)at;
  for (unsigned i = 0; i < r->read_count; i++)
    p->read[i] = draw_read(w, r->read_file[i]);
  p->pool = r->imm == FSE_NOTHING
                ? 0
                : r->imm_pool[fse_walk_below(w, r->imm_count)];
}

/* Another operand. What cannot be another is not chosen: what is read where it
 * is overwritten, a constant that is not there. */
static void change_operand(struct fse_walk *w, struct fse_walk_place *p) {
  const struct fse_menu_row *r;
  unsigned which, reads, first;
  if (p->row == FSE_NOTHING) return;
  r = &w->q->menu->row[p->row];
  first = r->destroys;
  reads = r->read_count - first;
  which = fse_walk_below(w, reads + 1 + (r->imm != FSE_NOTHING));
  if (which < reads) {
    p->read[first + which] = draw_read(w, r->read_file[first + which]);
  } else if (which == reads) {
    uint8_t role = fse_walk_draw_result(w, r->result_file);
    if (role != FSE_NOTHING) p->result = role;
  } else {
    p->pool = r->imm_pool[fse_walk_below(w, r->imm_count)];
  }
}

/* A place to change: mostly one that matters. */
static unsigned draw_at(struct fse_walk *w) {
  return w->used_count > 0 && fse_walk_below(w, 8) > 0
             ? w->used[fse_walk_below(w, w->used_count)]
             : fse_walk_below(w, w->rows);
}

/* Changes the sequence. */
static void change(struct fse_walk *w, struct fse_walk_edit *e) {
  unsigned k = draw_at(w), other;
  unsigned how = fse_walk_below(w, 8);
  if (w->place[k].row == FSE_NOTHING && how > 3) how = 0;
  other = how == 3 && w->rows > 1
              ? (k + 1 + fse_walk_below(w, w->rows - 1)) % w->rows
              : k;
  e->count = other == k ? 1 : 2;
  e->at[0] = (uint8_t)(k < other ? k : other);
  e->at[1] = (uint8_t)(k < other ? other : k);
  for (unsigned n = 0; n < e->count; n++) e->before[n] = w->place[e->at[n]];
  if (how == 3) { /* two places exchanged */
    w->place[e->at[0]] = e->before[e->count - 1];
    w->place[e->at[e->count - 1]] = e->before[0];
    return;
  }
  if (how < 3) change_row(w, &w->place[k]);
  else change_operand(w, &w->place[k]);
  fse_walk_settle(w, &w->place[k]);
}

static bool same_place(const struct fse_walk_place *a,
                       const struct fse_walk_place *b) {
  return a->row == b->row &&
         (a->row == FSE_NOTHING ||
          (memcmp(a->read, b->read, sizeof a->read) == 0 &&
           a->result == b->result && a->pool == b->pool));
}

/* Whether it changed nothing. */
static bool is_same(const struct fse_walk *w, const struct fse_walk_edit *e) {
  bool same = true;
  assert(e->count > 0);
  for (unsigned n = 0; n < e->count; n++)
    same &= same_place(&w->place[e->at[n]], &e->before[n]);
  return same;
}

static void undo(struct fse_walk *w, const struct fse_walk_edit *e) {
  for (unsigned n = 0; n < e->count; n++) w->place[e->at[n]] = e->before[n];
}

/* ---- the walk ----------------------------------------------------------- */

uint32_t fse_walk_slack(struct fse_walk *w) {
  uint32_t v = fse_walk_draw(w) | 1, slack = 0;
  /* -log2 of a number below 1, by its leading zeros and the bits behind. */
  unsigned zeros = (unsigned)__builtin_clz(v);
  slack = zeros * 16 + 16 - ((v << zeros) >> 27 & 15);
  return slack * FSE_WALK_BITS_PER_E * 11 / 256;
}

/* Where everything is at the beginning; -1: loaded inputs have no room. */
static int find_roles(struct fse_walk *w) {
  const struct fse_task *t = w->q->task;
  bool taken[FSE_WINDOW_ROLES] = {false};
  for (unsigned i = 0; i < t->form.in_count; i++)
    if (t->in_role[i] != FSE_NOTHING) taken[t->in_role[i]] = true;
  for (unsigned i = 0; i < t->form.in_count; i++) {
    unsigned r = t->role_count;
    w->in_role[i] = t->in_role[i];
    if (t->in_role[i] != FSE_NOTHING) {
      w->fixed[t->in_role[i]] = t->in_kept[i];
      continue;
    }
    while (r > 0 && (taken[r - 1] || t->role_file[r - 1] != t->in_file[i]))
      r--;
    if (r == 0) return -1;
    taken[r - 1] = true;
    w->in_role[i] = (uint8_t)(r - 1);
  }
  for (unsigned i = 0; i < t->form.in_count; i++)
    w->inputs |= 1u << w->in_role[i];
  return 0;
}

static void weigh(struct fse_walk *w) {
  fse_walk_weigh(w);
  note_used(w);
}

/* With any number of rows, whatever the length of the walk. */
static void begin_anew(struct fse_walk *w) {
  unsigned most = w->q->rows < FSE_WINDOW_OPS ? w->q->rows : FSE_WINDOW_OPS;
  w->rows = ROWS_MIN + fse_walk_below(w, ROWS_MAX - ROWS_MIN + 1);
  if (w->rows > most) w->rows = most;
  assert(w->rows > 0);
  for (unsigned i = 0; i < w->rows; i++) {
    memset(&w->place[i], 0, sizeof w->place[i]);
    w->place[i].row = FSE_NOTHING;
    fse_walk_settle(w, &w->place[i]);
  }
  weigh(w);
}

/* The role that holds result k: its own, or whichever does. */
static uint8_t role_of_result(const struct fse_walk *w, unsigned k) {
  const struct fse_task *t = w->q->task;
  if (t->out_role[k] != FSE_NOTHING) return t->out_role[k];
  for (unsigned r = 0; r < t->role_count; r++)
    if (t->role_file[r] == t->out_file[k] &&
        memcmp(fse_walk_final(w, r), &w->q->tests->out[k],
               sizeof w->q->tests->out[k]) == 0)
      return (uint8_t)r;
  return FSE_NOTHING;
}

/* The sequence as a patch; false: a result is not in its place, or it is too
 * dear. */
static bool make_patch(struct fse_walk *w) {
  const struct fse_task *t = w->q->task;
  struct fse_patch *p = &w->patch;
  uint32_t wanted = 0, used;
  memset(p, 0, sizeof *p);
  memcpy(p->in_role, w->in_role, sizeof p->in_role);
  for (unsigned k = 0; k < t->form.out_count; k++) {
    p->out_role[k] = role_of_result(w, k);
    if (p->out_role[k] == FSE_NOTHING) return false;
  }
  for (unsigned k = 0; k < t->form.out_count; k++)
    wanted |= 1u << p->out_role[k];
  used = find_used(w, wanted);
  for (unsigned i = 0; i < w->rows; i++) {
    const struct fse_walk_place *x = &w->place[i];
    const struct fse_menu_row *r = &w->q->menu->row[x->row];
    struct fse_winsn *in = &p->insn[p->count];
    if (!(used >> i & 1)) continue;
    in->row = r->row;
    for (unsigned n = 0; n < r->read_count; n++)
      in->value[r->read[n]] =
          x->read[n] == FSE_WINDOW_ROLES ? FSE_NOTHING : x->read[n];
    in->value[r->result] = x->result;
    if (r->imm != FSE_NOTHING)
      in->value[r->imm] = w->q->menu->constant[x->pool];
    p->cost += r->cost;
    p->count++;
  }
  return p->cost <= w->q->cost;
}

/* All tests agree: is it right? If not, the tests tell from now on. */
static bool proves_right(struct fse_walk *w) {
  struct fse_point counter = {{0}};
  if (!make_patch(w)) return false;
  if (fse_tests_agree(w->q->tests, w->q->menu, &w->patch, FSE_PROVING_STATES,
                      &counter))
    return true;
  (void)fse_tests_add(w->q->tests, &counter);
  weigh(w);
  return false;
}

/* One change; true: all tests agree. */
static bool step(struct fse_walk *w, struct fse_walk_result *out) {
  struct fse_walk_edit e;
  uint32_t slack = fse_walk_slack(w);
  struct fse_walk_bound bound = {w->first + slack, w->cost + slack};
  if (bound.first > bound.all) bound.first = bound.all;
  out->work++;
  change(w, &e);
  if (is_same(w, &e)) {
    out->kept++;
    return false;
  }
  if (!fse_walk_try(w, &e, bound)) {
    undo(w, &e);
    return false;
  }
  note_used(w);
  out->kept++;
  return w->cost == 0;
}

/* A place drawn anew, or one change if there is no sweep for it. */
static bool sweep(struct fse_walk *w, struct fse_walk_result *out) {
  bool kept;
  unsigned count = fse_walk_sweep(w, draw_at(w), &kept);
  if (count == 0) return step(w, out);
  out->work += count;
  out->kept += kept;
  if (kept) note_used(w);
  return kept && w->cost == 0;
}

/* One turn of a walk. */
static bool turn(struct fse_walk *w, struct fse_walk_result *out) {
  bool room = w->q->work - out->work >= FSE_SWEPT_MAX;
  return room && fse_walk_below(w, 16) < SWEEPS ? sweep(w, out) : step(w, out);
}

static void find_sweep_rows(struct fse_walk *w) {
  const struct fse_menu *m = w->q->menu;
  for (unsigned i = 0; i < m->row_count; i++)
    if (fse_walk_sweeps(&m->row[i]))
      w->sweep_row[w->sweep_rows++] = (uint8_t)i;
}

/* 1 1 2 1 1 2 4 1 1 2 1 1 2 4 8 ...: how long walks are one after the other, if
 * nothing is known of how long they should be (Luby, Sinclair and Zuckerman
 * 1993). n from 1. */
static uint64_t luby(uint64_t n) {
  for (;;) {
    uint64_t half = 1;
    while (2 * half - 1 < n) half *= 2;
    if (2 * half - 1 == n) return half;
    n -= half - 1;
  }
}

int fse_walk_run(const struct fse_walk_request *q,
                 struct fse_walk_result *out) {
  uint64_t walks = 0, left = 0;
  struct fse_walk *w = fse_column_alloc(sizeof *w);
  memset(out, 0, sizeof *out);
  if (w == NULL) return -1;
  w->q = q;
  assert(q->task->form.out_count > 0);
  if (q->rows == 0 || q->menu->row_count == 0 || find_roles(w) != 0) {
    free(w);
    return 0;
  }
  find_sweep_rows(w);
  for (uint64_t n = 0; out->work < q->work && !out->found; n++) {
    if (left == 0) {
      w->random = ftrial_random(q->seed, q->task->key, walks, 0) | 1;
      begin_anew(w);
      left = UNIT * luby(++walks);
    }
    left--;
    if (n % ASK_EVERY == 0 && q->stop != NULL && q->stop(q->user)) break;
    if (turn(w, out)) out->found = proves_right(w);
  }
  out->patch = w->patch;
  free(w);
  return 0;
}
