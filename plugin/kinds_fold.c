/*
 * plugin/kinds_fold.c - FoldLoop: a loop by a few rows that give the same.
 *
 * What a loop gives is seen, not derived: it is run from where it begins, on
 * states that were met there and on others whose inputs lie between theirs. The
 * cheapest plain rows that give the same on all of these are enumerated as for
 * any window. A sum that is counted up becomes the product that it is; what
 * counts to a constant becomes the constant. That a loop gives the same
 * elsewhere nobody has proved: trials and fuzzing decide.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/kinds.h"
#include "plugin/window_enum.h"

enum {
  WAYS = 2,            /* the loop alone; with the rows before it */
  LENGTH_MAX = 24,     /* instructions of a region */
  BEFORE_MAX = 8,      /* of those, before the loop */
  POINTS = 192,        /* that are run */
  POINTS_MIN = 8,      /* distinct ones that show what a loop gives, if
                          anything goes in */
  ROWS_MAX = 4,        /* of the cheapest, in its place */
  FUEL = 4096,         /* of a run; what takes longer shows nothing */
  CODE_MARGIN = 16
};
#define WORK (UINT64_C(1) << 20) /* sequences, at most */

/* One loop under work. */
struct fold {
  const struct fse_view *v;
  struct fse_window w;
  struct fisa_program *program;    /* the view's, up to the end of the region,
                                      and a HALT */
  struct fir_program *ir;
  struct fir_lane *lane;
  struct fisa_state *work;
  struct fisa_state *const *sample;
  unsigned samples;
  struct range {
    int32_t lo, hi;
  } met[FSE_WINDOW_INS];           /* that each input was met in */
  uint64_t cost;                   /* of a run, in the mean */
  uint64_t key;                    /* for what is in vain: */
  bool vain;                       /* there is nothing to be found */
  struct fse_seen seen;
  struct fse_point point[POINTS];
  int32_t out[POINTS][FSE_WINDOW_OUTS];
};

/* ---- regions ------------------------------------------------------------ */

/* Whether an instruction only computes, or decides where it goes on. */
static bool fits(const struct fse_view *v, uint32_t i) {
  const struct fisa_insn *in = &v->facts->insn[i];
  struct fisa_effects e;
  if (!fse_plain(v, i) || (!fse_is_jump(in->row) && !fse_is_branch(in->row) &&
                           !fse_computes(in->row)))
    return false;
  fisa_effects(v->program->dialect, in, &e);
  return fse_only_cells(&e) && !e.mem_read && !e.mem_write;
}

/* Whether first..last stand in a row, are left behind the last alone, and
 * entered at the first alone. */
static bool is_region(const struct fse_view *v, uint32_t first,
                      uint32_t last) {
  const struct fse_node *n = v->draft->nodes;
  const uint32_t behind = fse_follower(v, last);
  if (last - first >= LENGTH_MAX || behind == FSE_NO_NODE) return false;
  for (uint32_t i = 0; i < v->facts->count; i++) {
    const bool inside = i >= first && i <= last, next = i == last;
    const bool to_inside = n[i].target >= first && n[i].target <= last;
    if (!inside) {
      if (to_inside && n[i].target != first) return false;
      continue;
    }
    if (!fits(v, i) || (!next && fse_follower(v, i) != i + 1)) return false;
    if (v->facts->insn[i].row->flow != FISA_FLOW_NEXT && !to_inside &&
        n[i].target != behind)
      return false;
  }
  return v->draft->entry <= first || v->draft->entry > last;
}

/* The first of the rows before a loop that only compute, or go into it. */
static uint32_t rows_before(const struct fse_view *v, uint32_t head) {
  uint32_t first = head;
  while (first > 0 && head - first < BEFORE_MAX && fits(v, first - 1) &&
         fse_follower(v, first - 1) == first &&
         (v->draft->nodes[first - 1].target == FSE_NO_NODE ||
          v->draft->nodes[first - 1].target >= head))
    first--;
  return first;
}

/* The region of a site; false: there is none. */
static bool find_region(const struct fse_view *v, uint32_t site,
                        struct fse_window *w) {
  struct fse_loop l;
  uint32_t first;
  if (fse_profile_count(v->profile, site / WAYS) == 0 ||
      !fse_loop_at(v, site / WAYS, &l))
    return false;
  first = site % WAYS == 0 ? l.head : rows_before(v, l.head);
  if (site % WAYS == 1 && first == l.head) return false;
  return is_region(v, first, l.back) &&
         fse_window_region(v, first, l.back - first + 1, w) == 0 &&
         w->task.form.out_count > 0;
}

/* ---- what it gives ------------------------------------------------------ */

/* The program up to the end of the region, and a row that ends it. */
static bool lay(struct fold *f) {
  const struct fisa_program *p = f->v->program;
  const struct fisa_dialect *d = p->dialect;
  const struct fisa_insn *last =
      &f->v->facts->insn[f->w.first + f->w.length - 1];
  const uint32_t end = last->pc + last->length;
  struct fisa_insn halt = {.pc = end, .target = FISA_NO_TARGET};
  uint8_t *code = malloc((size_t)end + CODE_MARGIN);
  int length = 0;
  for (unsigned i = 0; i < 256 && halt.row == NULL; i++)
    if ((d->rows[i].roles & FISA_ROLE_HALT) && d->rows[i].defined &&
        d->rows[i].length <= CODE_MARGIN)
      halt.row = &d->rows[i];
  if (code != NULL && halt.row != NULL) {
    halt.length = halt.row->length;
    memcpy(code, p->code, end);
    length = fisa_encode(&halt, code + end);
  }
  if (length > 0 &&
      fisa_program_from_bytes(d, code, end + (uint32_t)length, &f->program,
                              NULL) == 0)
    (void)fir_lower_from(f->program, f->v->facts->insn[f->w.first].pc, &f->ir,
                         NULL);
  free(code);
  return f->ir != NULL;
}

static int32_t *cell_of(const struct fold *f, struct fisa_state *s,
                        uint8_t role) {
  const struct fse_wreg *r = &f->w.reg[role];
  return &s->cells[fisa_reg_cell(f->v->program->dialect, r->file, r->byte)];
}

static void find_ranges(struct fold *f) {
  for (unsigned i = 0; i < f->w.task.form.in_count; i++) {
    struct range *r = &f->met[i];
    *r = (struct range){INT32_MAX, INT32_MIN};
    for (unsigned n = 0; n < f->samples; n++) {
      int32_t x = *cell_of(f, f->sample[n], f->w.task.in_role[i]);
      r->lo = x < r->lo ? x : r->lo;
      r->hi = x > r->hi ? x : r->hi;
    }
  }
}

/* A value that an input was met with, one between those, or, more rarely, up to
 * twice as far from 0: few states are kept, and they are not the last ones. */
static int32_t draw(const struct fold *f, unsigned i, uint64_t random) {
  const uint64_t pick = random / 4;
  int64_t lo = f->met[i].lo, hi = f->met[i].hi;
  if (random % 4 == 0)
    return *cell_of(f, f->sample[pick % f->samples], f->w.task.in_role[i]);
  if (random % 4 == 1) {
    lo = lo < 0 ? 2 * lo : lo;
    hi = hi > 0 ? 2 * hi : hi;
  }
  lo += (int64_t)(pick % ((uint64_t)(hi - lo) + 1));
  return lo < INT32_MIN ? INT32_MIN : lo > INT32_MAX ? INT32_MAX : (int32_t)lo;
}

/* Runs the region on point `n`, at a cost; false: it shows nothing. */
static bool run_point(struct fold *f, unsigned n, struct fse_point *p,
                      int32_t out[FSE_WINDOW_OUTS], uint64_t *cost) {
  const struct fse_task *t = &f->w.task;
  const struct fir_limits limits = {FUEL, true};
  struct fir_result r;
  memset(p, 0, sizeof *p);
  fisa_state_copy(f->work, f->sample[n % f->samples]);
  f->work->pc = f->v->facts->insn[f->w.first].pc;
  for (unsigned i = 0; i < t->form.in_count; i++) {
    int32_t *cell = cell_of(f, f->work, t->in_role[i]);
    if (n >= f->samples)
      *cell = draw(f, i, ftrial_random(t->key, n, i, 0));
    p->in[i] = *cell;
  }
  r = fir_run(f->ir, f->lane, f->work, NULL, limits);
  if (r.starved || f->work->status != FISA_RUN_HALT) return false;
  for (unsigned k = 0; k < t->form.out_count; k++)
    out[k] = *cell_of(f, f->work, t->out_role[k]);
  *cost += r.cost;
  return true;
}

static bool is_new(const struct fold *f, const struct fse_point *p) {
  for (uint32_t i = 0; i < f->seen.count; i++)
    if (memcmp(&f->point[i], p, sizeof *p) == 0) return false;
  return true;
}

/* A result that is always the same is a constant of the task. */
static void name_results(struct fold *f) {
  struct fse_wform *w = &f->w.task.form;
  for (unsigned k = 0; k < w->out_count; k++) {
    uint32_t i = 1;
    while (i < f->seen.count && f->out[i][k] == f->out[0][k]) i++;
    if (i == f->seen.count && w->const_count < FSE_WINDOW_CONSTS)
      w->constant[w->const_count++] = f->out[0][k];
  }
}

/* The rows that there are, the region, and what it is run from. */
static uint64_t key_of(const struct fold *f) {
  uint64_t h = fse_mix_rows(f->w.task.key, f->v->program,
                            &f->v->facts->insn[f->w.first], f->w.length);
  for (unsigned n = 0; n < f->samples; n++)
    for (unsigned i = 0; i < f->w.task.form.in_count; i++)
      h = fse_mix(h, (uint32_t)*cell_of(f, f->sample[n],
                                        f->w.task.in_role[i]));
  return h;
}

/* Runs the region on the points. False: nothing is shown, or it was sought in
 * vain before. */
static bool see(struct fold *f) {
  uint64_t runs = 0, cost = 0;
  f->sample = fse_profile_samples(f->v->profile, f->w.first, &f->samples);
  f->key = key_of(f);
  if (fse_vain_known(f->v->vain, f->key)) return false;
  f->lane = fir_lane_new();
  f->work = fisa_state_new(f->v->program->dialect);
  if (f->samples == 0 || f->lane == NULL || f->work == NULL || !lay(f))
    return false;
  find_ranges(f);
  f->seen.point = f->point;
  f->seen.out = f->out;
  for (unsigned n = 0; n < POINTS; n++) {
    const uint32_t at = f->seen.count;
    if (!run_point(f, n, &f->point[at], f->out[at], &cost)) continue;
    runs++;
    f->seen.count += is_new(f, &f->point[at]);
  }
  f->vain = f->seen.count < (f->w.task.form.in_count > 0 ? POINTS_MIN : 1);
  if (f->vain) return false;
  f->cost = cost / runs;
  name_results(f);
  return true;
}

/* ---- one site ----------------------------------------------------------- */

static bool search(struct fold *f, struct fse_patch *out) {
  struct fse_tests *t = fse_column_alloc(sizeof *t);
  struct fse_menu *m = fse_menu_new(f->v->lexicon, &f->w.task);
  struct fse_enum_result r = {.found = false};
  if (t != NULL && m != NULL && m->row_count > 0 && f->cost > 0) {
    struct fse_enum_request q = {.task = &f->w.task, .menu = m, .tests = t,
                                 .plain = true,
                                 .cost_to = ROWS_MAX * m->cost_min,
                                 .work = WORK};
    if (q.cost_to >= f->cost) q.cost_to = (uint32_t)f->cost - 1;
    t->seen = &f->seen;
    fse_tests_make(t, &f->w.task, f->w.task.key);
    if (fse_enum_run(&q, &r) != 0) r.found = false;
    else f->vain = !r.found;
  }
  *out = r.patch;
  fse_menu_free(m);
  free(t);
  return r.found;
}

static void fold_free(struct fold *f) {
  fir_free(f->ir);
  fisa_program_free(f->program);
  fir_lane_free(f->lane);
  fisa_state_free(f->work);
  free(f);
}

bool fse_fold_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

uint32_t fse_fold_sites(const struct fse_view *v) {
  return v->facts->count * WAYS;
}

int fse_fold_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out) {
  struct fse_window w;
  struct fse_patch patch;
  struct fold *f;
  int rc = -1;
  if (!find_region(v, site, &w)) return -1;
  f = calloc(1, sizeof *f);
  if (f == NULL) return -1;
  f->v = v;
  f->w = w;
  if (see(f) && search(f, &patch) &&
      fse_window_splice(&f->w, &patch, d) == 0) {
    out->value = (int32_t)w.length;
    rc = fse_propose(d, v, out, patch.count, v->facts->insn[w.first].pc);
  }
  if (f->vain) fse_vain_note(v->vain, f->key);
  fold_free(f);
  return rc;
}

void fse_fold_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the loop in the %d at %u gives what %u rows do",
           p->value, p->pc, p->way);
}
