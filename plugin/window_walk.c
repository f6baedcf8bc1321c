/*
 * plugin/window_walk.c - longer replacements, by a random walk.
 */
#include "plugin/window_walk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial.h"

enum {
  RESTART = 1 << 19,     /* changes after which a walk begins anew */
  ROWS_MIN = 5,          /* of a walk: one after the other */
  ROWS_MAX = 9,
  ASK_EVERY = 1 << 14,
  MISPLACED = 8,         /* bits that a wrong register counts */
  BITS_PER_E = 3         /* bits dearer, e times less likely */
};

/* One place of the sequence; row FSE_NOTHING: nothing stands there. */
struct place {
  uint8_t row;
  uint8_t read[FSE_MENU_READS];   /* roles; past the last: zero register */
  uint8_t result;                 /* role */
  uint8_t pool;
};

struct walk {
  const struct fse_walk_request *q;
  unsigned rows;
  struct place place[FSE_WINDOW_OPS];
  struct fse_column now[FSE_WINDOW_OPS];    /* what each place makes */
  struct fse_column tried[FSE_WINDOW_OPS];  /* after a change */
  struct fse_column begin[FSE_WINDOW_ROLES];
  unsigned used_count;
  uint8_t used[FSE_WINDOW_OPS];             /* places that results come from */
  uint8_t in_role[FSE_WINDOW_INS];
  bool fixed[FSE_WINDOW_ROLES];             /* never written */
  uint32_t first, cost;                     /* of `place`: on the first
                                               stripe, on all lanes */
  uint64_t random;
  struct fse_patch patch;
};

static const struct fse_stretch first_stripe = {0, FSE_STRIPE, 0};
static const struct fse_stretch other_stripes = {FSE_STRIPE, FSE_LANES, 0};

static uint32_t draw(struct walk *w) {
  uint64_t v = w->random += UINT64_C(0x9E3779B97F4A7C15);
  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return (uint32_t)(v >> 32);
}

static unsigned below(struct walk *w, unsigned n) {
  return (unsigned)((uint64_t)draw(w) * n >> 32);
}

/* ---- running ------------------------------------------------------------ */

static uint32_t bits_apart(const struct walk *w, const struct fse_column *a,
                           const struct fse_column *b,
                           struct fse_stretch lanes) {
  return w->q->menu->kernels->bits(a, b, lanes);
}

/* Bits by which results are wrong on some lanes, each where it is least. */
static uint32_t bits_wrong(const struct walk *w,
                           const struct fse_column *const *role,
                           struct fse_stretch lanes, uint32_t most) {
  const struct fse_task *t = w->q->task;
  uint32_t sum = 0;
  for (unsigned k = 0; k < t->form.out_count && sum <= most; k++) {
    const struct fse_column *target = &w->q->tests->out[k];
    uint8_t own = t->out_role[k];
    uint32_t least = own == FSE_NOTHING
                         ? (lanes.to - lanes.from) * 32
                         : bits_apart(w, role[own], target, lanes);
    for (unsigned r = 0; r < t->role_count && least > MISPLACED; r++) {
      uint32_t bits;
      /* What is there from the beginning is no credit to the sequence. */
      if (r == own || t->role_file[r] != t->out_file[k] ||
          role[r] == &w->begin[r])
        continue;
      bits = bits_apart(w, role[r], target, lanes) +
             (own == FSE_NOTHING ? 0 : MISPLACED);
      if (bits < least) least = bits;
    }
    sum += least;
  }
  return sum;
}

/*
 * Runs the sequence from place `k` on, on some lanes; the places before stand
 * in `now`. Returns the cost there, or more than `most`: it was given up.
 */
static uint32_t run_from(struct walk *w, unsigned k, struct fse_stretch lanes,
                         uint32_t most) {
  const struct fse_menu *m = w->q->menu;
  const struct fse_column *before[FSE_WINDOW_ROLES + 1];
  uint32_t cost = 0;
  assert(lanes.from % FSE_STRIPE == 0 && lanes.to <= FSE_LANES);
  for (unsigned r = 0; r < w->q->task->role_count; r++)
    before[r] = &w->begin[r];
  before[FSE_WINDOW_ROLES] = &m->column[0];
  for (unsigned i = 0; i < k; i++)
    if (w->place[i].row != FSE_NOTHING)
      before[w->place[i].result] = &w->now[i];
  for (unsigned from = lanes.from; from < lanes.to && cost <= most;
       from += FSE_STRIPE) {
    const struct fse_column *role[FSE_WINDOW_ROLES + 1];
    const struct fse_stretch stripe = {from, from + FSE_STRIPE, 0};
    memcpy(role, before, sizeof role);
    for (unsigned i = k; i < w->rows; i++) {
      const struct place *p = &w->place[i];
      struct fse_menu_args args = {.pool = p->pool};
      if (p->row == FSE_NOTHING) continue;
      for (unsigned n = 0; n < FSE_MENU_READS; n++)
        args.read[n] = role[p->read[n]];
      fse_menu_eval(m, &m->row[p->row], &args, &w->tried[i], stripe);
      role[p->result] = &w->tried[i];
    }
    cost += bits_wrong(w, role, stripe, most);
  }
  return cost;
}

static void take(struct walk *w, unsigned k) {
  for (unsigned i = k; i < w->rows; i++)
    if (w->place[i].row != FSE_NOTHING) w->now[i] = w->tried[i];
}

/* Which places results come from, where they are in these roles. */
static void find_used(const struct walk *w, uint32_t wanted,
                      bool used[FSE_WINDOW_OPS]) {
  for (unsigned i = w->rows; i-- > 0;) {
    const struct place *p = &w->place[i];
    used[i] = p->row != FSE_NOTHING && (wanted >> p->result & 1);
    if (!used[i]) continue;
    wanted &= ~(1u << p->result);
    for (unsigned n = 0; n < w->q->menu->row[p->row].read_count; n++)
      wanted |= 1u << p->read[n];
  }
}

/* Notes the places that matter, so that most changes are made there: a result
 * that may be anywhere may come from any. */
static void note_used(struct walk *w) {
  const struct fse_task *t = w->q->task;
  uint32_t wanted = 0;
  bool used[FSE_WINDOW_OPS];
  for (unsigned k = 0; k < t->form.out_count; k++)
    wanted |= t->out_role[k] == FSE_NOTHING ? UINT32_MAX
                                            : 1u << t->out_role[k];
  find_used(w, wanted, used);
  w->used_count = 0;
  for (unsigned i = 0; i < w->rows; i++)
    if (used[i]) w->used[w->used_count++] = (uint8_t)i;
}

/* ---- changes ------------------------------------------------------------ */

/* A role of a file that may be read; now and then the zero register. */
static uint8_t draw_read(struct walk *w, uint8_t file) {
  const struct fse_task *t = w->q->task;
  unsigned n = t->role_count + (t->zero_files >> file & 1u);
  assert(n > 0);
  for (;;) {
    unsigned r = below(w, n);
    if (r == t->role_count) return FSE_WINDOW_ROLES;
    if (t->role_file[r] == file) return (uint8_t)r;
  }
}

/* A role of a file that may be written, or FSE_NOTHING. */
static uint8_t draw_result(struct walk *w, uint8_t file) {
  const struct fse_task *t = w->q->task;
  for (unsigned n = 0; n < 4u * FSE_WINDOW_ROLES; n++) {
    unsigned r = below(w, t->role_count);
    if (t->role_file[r] == file && !w->fixed[r]) return (uint8_t)r;
  }
  return FSE_NOTHING;
}

static void fit(const struct fse_menu_row *r, struct place *p) {
  if (r->destroys) p->read[0] = p->result;
}

/* Another row, with operands, in a place; or none. */
static void change_row(struct walk *w, struct place *p) {
  const struct fse_menu *m = w->q->menu;
  const struct fse_menu_row *r;
  p->row = FSE_NOTHING;
  unsigned at = below(w, m->row_count);
  if (below(w, 6) == 0) return;
  r = &m->row[at];
  p->result = draw_result(w, r->result_file);
  if (p->result == FSE_NOTHING) return;
  p->row = (uint8_t)at;
  for (unsigned i = 0; i < r->read_count; i++)
    p->read[i] = draw_read(w, r->read_file[i]);
  p->pool = r->imm == FSE_NOTHING ? 0 : r->imm_pool[below(w, r->imm_count)];
  fit(r, p);
}

static void change_operand(struct walk *w, struct place *p) {
  const struct fse_menu_row *r;
  unsigned which;
  if (p->row == FSE_NOTHING) return;
  r = &w->q->menu->row[p->row];
  which = below(w, r->read_count + 2u);
  if (which < r->read_count) {
    p->read[which] = draw_read(w, r->read_file[which]);
  } else if (which == r->read_count) {
    uint8_t role = draw_result(w, r->result_file);
    if (role != FSE_NOTHING) p->result = role;
  } else if (r->imm != FSE_NOTHING) {
    p->pool = r->imm_pool[below(w, r->imm_count)];
  }
  fit(r, p);
}

/* Changes the sequence; returns the first place that is not as it was. */
static unsigned change(struct walk *w) {
  unsigned k = below(w, w->rows), other;
  unsigned how = below(w, 8);
  if (w->used_count > 0 && below(w, 8) > 0)
    k = w->used[below(w, w->used_count)];
  if (w->place[k].row == FSE_NOTHING && how > 3) how = 0;
  switch (how) {
    case 0: case 1: case 2:
      change_row(w, &w->place[k]);
      return k;
    case 3: { /* two places exchanged */
      struct place p = w->place[k];
      other = below(w, w->rows);
      w->place[k] = w->place[other];
      w->place[other] = p;
      return other < k ? other : k;
    }
    default:
      change_operand(w, &w->place[k]);
      return k;
  }
}

/* ---- the walk ----------------------------------------------------------- */

/* How much dearer a change may be: e times less likely each BITS_PER_E. */
static uint32_t drawn_slack(struct walk *w) {
  uint32_t v = draw(w) | 1, slack = 0;
  /* -log2 of a number below 1, by its leading zeros and the bits behind. */
  unsigned zeros = (unsigned)__builtin_clz(v);
  slack = zeros * 16 + 16 - ((v << zeros) >> 27 & 15);
  return slack * BITS_PER_E * 11 / 256;
}

static void put_inputs(struct walk *w) {
  const struct fse_task *t = w->q->task;
  memset(w->begin, 0, sizeof w->begin);
  for (unsigned i = 0; i < t->form.in_count; i++)
    w->begin[w->in_role[i]] = w->q->tests->in[i];
}

/* Where everything is at the beginning; -1: loaded inputs have no room. */
static int find_roles(struct walk *w) {
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
  return 0;
}

/* The cost of what is there, from the beginning. */
static void weigh(struct walk *w) {
  put_inputs(w);
  w->first = run_from(w, 0, first_stripe, UINT32_MAX);
  w->cost = w->first + run_from(w, 0, other_stripes, UINT32_MAX);
  take(w, 0);
  note_used(w);
}

/* Short sequences first: the shorter, the fewer there are. */
static void begin_anew(struct walk *w, uint64_t number) {
  unsigned most = w->q->rows < FSE_WINDOW_OPS ? w->q->rows : FSE_WINDOW_OPS;
  w->rows = ROWS_MIN + (unsigned)(number % (ROWS_MAX - ROWS_MIN + 1));
  if (w->rows > most) w->rows = most;
  assert(w->rows > 0);
  for (unsigned i = 0; i < w->rows; i++) {
    memset(&w->place[i], 0, sizeof w->place[i]);
    w->place[i].row = FSE_NOTHING;
  }
  weigh(w);
}

/* The sequence as a patch; false: a result is not in its place, or it is too
 * dear. */
static bool make_patch(struct walk *w) {
  const struct fse_task *t = w->q->task;
  struct fse_patch *p = &w->patch;
  bool used[FSE_WINDOW_OPS];
  uint32_t wanted = 0;
  memset(p, 0, sizeof *p);
  memcpy(p->in_role, w->in_role, sizeof p->in_role);
  for (unsigned k = 0; k < t->form.out_count; k++) {
    const struct fse_column *role[FSE_WINDOW_ROLES];
    p->out_role[k] = t->out_role[k];
    for (unsigned r = 0; r < t->role_count; r++) role[r] = &w->begin[r];
    for (unsigned i = 0; i < w->rows; i++)
      if (w->place[i].row != FSE_NOTHING)
        role[w->place[i].result] = &w->now[i];
    for (unsigned r = 0; p->out_role[k] == FSE_NOTHING && r < t->role_count;
         r++)
      if (t->role_file[r] == t->out_file[k] &&
          bits_apart(w, role[r], &w->q->tests->out[k], fse_all_lanes(0)) == 0)
        p->out_role[k] = (uint8_t)r;
    if (p->out_role[k] == FSE_NOTHING) return false;
  }
  for (unsigned k = 0; k < t->form.out_count; k++)
    wanted |= 1u << p->out_role[k];
  find_used(w, wanted, used);
  for (unsigned i = 0; i < w->rows; i++) {
    const struct place *x = &w->place[i];
    const struct fse_menu_row *r = &w->q->menu->row[x->row];
    struct fse_winsn *in = &p->insn[p->count];
    if (!used[i]) continue;
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
static bool proves_right(struct walk *w) {
  struct fse_point counter = {{0}};
  if (!make_patch(w)) return false;
  if (fse_tests_agree(w->q->tests, w->q->menu, &w->patch, FSE_PROVING_STATES,
                      &counter))
    return true;
  (void)fse_tests_add(w->q->tests, &counter);
  weigh(w);
  return false;
}

/*
 * One change. The first stripe is asked first, with a bound of its own: most
 * changes go no further.
 */
static bool step(struct walk *w, uint64_t *kept) {
  struct place before[FSE_WINDOW_OPS];
  uint32_t slack = drawn_slack(w), first, cost;
  unsigned k;
  memcpy(before, w->place, w->rows * sizeof before[0]);
  k = change(w);
  if (memcmp(before, w->place, w->rows * sizeof before[0]) == 0) {
    (*kept)++;
    return false;
  }
  first = run_from(w, k, first_stripe, w->first + slack);
  cost = first;
  if (first <= w->first + slack && first <= w->cost + slack)
    cost += run_from(w, k, other_stripes, w->cost + slack - first);
  if (first > w->first + slack || cost > w->cost + slack) {
    memcpy(w->place, before, w->rows * sizeof before[0]);
    return false;
  }
  w->first = first;
  w->cost = cost;
  take(w, k);
  note_used(w);
  (*kept)++;
  return cost == 0;
}

int fse_walk_run(const struct fse_walk_request *q,
                 struct fse_walk_result *out) {
  struct walk *w = fse_column_alloc(sizeof *w);
  memset(out, 0, sizeof *out);
  if (w == NULL) return -1;
  w->q = q;
  assert(q->task->form.out_count > 0);
  if (q->rows == 0 || q->menu->row_count == 0 || find_roles(w) != 0) {
    free(w);
    return 0;
  }
  while (out->work < q->work && !out->found) {
    if (out->work % RESTART == 0) {
      w->random = ftrial_random(q->seed, q->task->key, out->work, 0);
      begin_anew(w, out->work / RESTART);
    }
    if (out->work % ASK_EVERY == 0 && q->stop != NULL && q->stop(q->user))
      break;
    out->work++;
    if (step(w, &out->kept)) out->found = proves_right(w);
  }
  out->patch = w->patch;
  free(w);
  return 0;
}
