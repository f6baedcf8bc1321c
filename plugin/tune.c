/*
 * plugin/tune.c - the search for better behaviour: the best edit is taken, and
 * edits of what it made are tried, until none is better.
 */
#include "plugin/tune.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/course.h"
#include "plugin/lexicon.h"
#include "plugin/search.h"

#define MOST_STEPS 24u

struct tuner {
  const struct fse_tune_request *q;
  struct fse_stand stand;
  struct fse_lexicon *lexicon;
  struct fisa_verify_scratch *scratch;
  struct fse_made now;             /* the best so far, root -> it */
  struct fse_mark mark, first;     /* its mark; that of the parent */
  uint32_t used[FSE_KINDS_MAX];    /* edits taken */
  uint64_t variants;
};

/* The program at hand is the parent. */
static int start(struct tuner *t, struct fisa_error *err) {
  struct fse_tried tried;
  int rc;
  if (fse_parent_make(t->q, &t->now) != 0 ||
      !fse_tried_make(t->q, &t->now, &tried))
    return fisa_fail(err, "out of memory");
  rc = fse_stand_open(&t->stand, tried.ir, &tried.map, &t->mark, err);
  t->first = t->mark;
  fse_tried_done(&tried);
  return rc;
}

/* ---- one edit ----------------------------------------------------------- */

/* Root -> the program at hand -> its child, as root -> child. */
static int compose(const struct tuner *t, const struct fse_child *c,
                   struct fse_made *m) {
  m->places = malloc(((size_t)t->now.place_count + 1) * sizeof *m->places);
  if (m->places == NULL) return -1;
  m->place_count = 0;
  for (uint32_t i = 0; i < t->now.place_count; i++) {
    uint32_t to = fse_child_place(c, t->now.places[i].to_pc);
    if (to == UINT32_MAX) continue;
    m->places[m->place_count].from_pc = t->now.places[i].from_pc;
    m->places[m->place_count++].to_pc = to;
  }
  return 0;
}

/* Lays a draft out and tries it; true: *made and *mark are of one that may
 * stand. */
static bool judge(struct tuner *t, struct fse_draft *d, struct fse_made *made,
                  struct fse_mark *mark) {
  const struct fse_policy *p = t->q->policy;
  struct fse_child child = {0};
  struct fisa_finding finding;
  struct fse_tried tried;
  bool good;
  memset(made, 0, sizeof *made);
  if (fse_draft_finish(d, p->max_size, &child, NULL) != 0) return false;
  good = child.program->size <= t->q->root->size * p->max_growth + 0.5 &&
         fisa_verify_child(child.program, t->q->root, t->scratch, &finding,
                           1) == 0 &&
         compose(t, &child, made) == 0;
  made->program = child.program;
  child.program = NULL;
  fse_child_done(&child);
  if (good && fse_tried_make(t->q, made, &tried)) {
    t->variants++;
    good = fse_boundaries_carry(t->q->root, t->q->root_facts, made->program,
                                &tried.map) &&
           fse_stand_run(&t->stand, tried.ir, &tried.map, &t->mark, mark);
    fse_tried_done(&tried);
  } else {
    good = false;
  }
  if (!good) fse_made_done(made);
  return good;
}

/* Whether a mark is above another in score beyond noise, and in fitness. */
static bool better(const struct tuner *t, const struct fse_mark *a,
                   const struct fse_mark *b, double least) {
  double d[FSE_SCENES];
  assert(a->count == b->count);
  for (uint32_t i = 0; i < a->count; i++) d[i] = a->score[i] - b->score[i];
  return fse_beyond_noise(d, a->count, least) &&
         fse_mark_fitness(a, t->q->trust) > fse_mark_fitness(b, t->q->trust);
}

/* ---- a round ------------------------------------------------------------ */

struct round {
  struct fisa_facts *facts;
  struct fse_draft *draft, *work;
  struct fse_view view;
  struct fse_made best;
  struct fse_mark mark;
  uint32_t kind;
};

static void round_done(struct round *r) {
  fse_made_done(&r->best);
  fse_draft_free(r->work);
  fse_draft_free(r->draft);
  fisa_facts_free(r->facts);
}

static int round_make(struct tuner *t, struct round *r,
                      struct fisa_error *err) {
  memset(r, 0, sizeof *r);
  if (fisa_facts_make(t->now.program, &r->facts, err) != 0 ||
      fse_draft_make(t->now.program, r->facts, &r->draft, err) != 0)
    return -1;
  r->work = fse_draft_copy(r->draft);
  if (r->work == NULL) return fisa_fail(err, "out of memory");
  r->view = (struct fse_view){.program = t->now.program, .facts = r->facts,
                              .draft = r->draft, .lexicon = t->lexicon,
                              .policy = t->q->policy};
  return 0;
}

static bool over(const struct tuner *t) {
  const struct fse_tune_request *q = t->q;
  return atomic_load_explicit(q->cancel, memory_order_relaxed) ||
         t->stand.no_number || t->variants >= q->policy->budget;
}

/* Tries one edit; the best of the round stays in r. */
static void try_site(struct tuner *t, struct round *r, uint32_t kind,
                     uint32_t site) {
  struct fse_proposal p = {.kind = kind};
  struct fse_made made;
  struct fse_mark mark;
  if (fse_draft_assign(r->work, r->draft) != 0 ||
      fse_kinds[kind].apply(&r->view, site, r->work, &p) != 0 ||
      !judge(t, r->work, &made, &mark))
    return;
  if (!better(t, &mark, &t->mark, 0) ||
      (r->best.program != NULL &&
       fse_mark_fitness(&mark, t->q->trust) <=
           fse_mark_fitness(&r->mark, t->q->trust))) {
    fse_made_done(&made);
    return;
  }
  fse_made_done(&r->best);
  r->best = made;
  r->mark = mark;
  r->kind = kind;
}

/* Whether an edit was taken; -1 with err. */
static int run_round(struct tuner *t, struct fisa_error *err) {
  const struct fse_tune_request *q = t->q;
  struct round r;
  int taken = -1;
  if (round_make(t, &r, err) != 0) goto done;
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    uint32_t n = fse_kind_preserves(k) || q->policy->weight[k] <= 0
                     ? 0
                     : fse_kinds[k].sites(&r.view);
    for (uint32_t i = 0; i < n && !over(t); i++) try_site(t, &r, k, i);
    if (n > 0 && q->progress != NULL &&
        q->progress(t->variants, fse_mark_score(&t->mark),
                    fse_mark_score(&t->mark), q->user) != 0)
      break;
  }
  taken = r.best.program != NULL && !over(t);
  if (taken) {
    fse_made_done(&t->now);
    t->now = r.best;
    t->mark = r.mark;
    t->used[r.kind % FSE_KINDS_MAX]++;
    memset(&r.best, 0, sizeof r.best);
  }
done:
  round_done(&r);
  return taken;
}

/* ---- the result --------------------------------------------------------- */

static void name_kinds(const struct tuner *t, char *out, size_t capacity) {
  size_t used = 0;
  for (uint32_t k = 0; k < fse_kind_count && used < capacity; k++) {
    int n;
    if (t->used[k] == 0) continue;
    n = snprintf(out + used, capacity - used, t->used[k] > 1 ? "%s%s x%u"
                                                              : "%s%s",
                 used ? ", " : "", fse_kinds[k].name, t->used[k]);
    used += n > 0 ? (size_t)n : 0;
  }
}

/* What is told of an instruction that was changed. */
static int tell_change(const struct fisa_insn *a, const struct fisa_insn *b,
                       char *out, size_t capacity) {
  if (a->row != b->row)
    return snprintf(out, capacity, "%s -> %s", a->row->name, b->row->name);
  for (unsigned k = 0; k < a->row->operand_count; k++)
    if (a->value[k] != b->value[k])
      return snprintf(out, capacity, "%d -> %d", a->value[k], b->value[k]);
  return 0;
}

/* "205 -> 208, 215 -> 212"; "" where instructions were added. */
static void name_changes(const struct tuner *t, char *out, size_t capacity) {
  struct fisa_facts *a = NULL, *b = NULL;
  size_t used = 0;
  out[0] = '\0';
  if (fisa_facts_make(t->q->parent, &a, NULL) == 0 &&
      fisa_facts_make(t->now.program, &b, NULL) == 0 &&
      a->count == b->count) {
    for (uint32_t i = 0; i < a->count && used + 2 < capacity; i++) {
      size_t comma = used > 0 ? 2 : 0;
      int n = tell_change(&a->insn[i], &b->insn[i], out + used + comma,
                          capacity - used - comma);
      if (n <= 0) continue;
      if (comma) memcpy(out + used, ", ", 2);
      used += comma + (size_t)n;
    }
  }
  fisa_facts_free(a);
  fisa_facts_free(b);
}

static void finish(struct tuner *t, struct fse_tune_result *out) {
  const double trust = t->q->trust;
  out->cost_before = t->first.cost / t->first.tasks;
  out->cost_after = t->mark.cost / t->mark.tasks;
  out->fitness_before = fse_mark_fitness(&t->first, trust);
  out->fitness_after = fse_mark_fitness(&t->mark, trust);
  name_kinds(t, out->kinds, sizeof out->kinds);
  name_changes(t, out->what, sizeof out->what);
  out->best = t->now.program;
  out->places = t->now.places;
  out->place_count = t->now.place_count;
  memset(&t->now, 0, sizeof t->now);
  out->improved = true;
}

static int climb(struct tuner *t, struct fse_tune_result *out,
                 struct fisa_error *err) {
  struct fse_made parent;
  int taken = 1, rc = 0;
  if (start(t, err) != 0) return t->stand.no_number ? 0 : -1;
  if (fse_parent_make(t->q, &parent) != 0)
    rc = fisa_fail(err, "out of memory");
  for (uint32_t n = 0; n < MOST_STEPS && taken > 0 && rc == 0; n++) {
    taken = run_round(t, err);
    if (taken < 0) rc = -1;
  }
  if (rc == 0 && !over(t) &&
      better(t, &t->mark, &t->first, t->q->policy->tune_gain) &&
      fse_is_safe(t->q, &parent, &t->now))
    finish(t, out);
  fse_made_done(&parent);
  return rc;
}

int fse_tune_search(struct fse_errand *e, const struct fse_tune_request *q,
                    struct fse_tune_result *out, struct fisa_error *err) {
  struct tuner *t = calloc(1, sizeof *t);
  int rc;
  assert(q->scene_count <= FSE_SCENES && q->judge != NULL);
  memset(out, 0, sizeof *out);
  if (t == NULL) return fisa_fail(err, "out of memory");
  t->q = q;
  t->stand.q = q;
  t->stand.errand = e;
  t->lexicon = fse_lexicon_new(q->root->dialect, q->policy);
  t->scratch = fisa_verify_scratch_new();
  rc = t->lexicon == NULL || t->scratch == NULL
           ? fisa_fail(err, "out of memory")
           : climb(t, out, err);
  out->variants = t->variants;
  out->score_before = fse_mark_score(&t->first);
  out->score_after = fse_mark_score(&t->mark);
  out->no_number = t->stand.no_number;
  fse_made_done(&t->now);
  fse_stand_close(&t->stand);
  fse_lexicon_free(t->lexicon);
  fisa_verify_scratch_free(t->scratch);
  free(t);
  return rc;
}

void fse_tune_result_done(struct fse_tune_result *r) {
  fisa_program_free(r->best);
  free(r->places);
  memset(r, 0, sizeof *r);
}
