/*
 * plugin/prove/solve.c - is there a state on which two pieces differ?
 *
 * Of each pair of ways, one through each piece: can both be taken, and differ
 * in where they leave, in what crossed the border or in what is asked for
 * there? No such state is a proof.
 */
#include "plugin/prove/solve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Z3_ast differ(struct terms *t, Z3_ast a, Z3_ast b) {
  return term_not(t, term_eq(t, a, b));
}

/* ---- what differs ------------------------------------------------------- */

static bool same_shape(const struct path *a, const struct path *b) {
  const struct event *x = a->events, *y = b->events;
  if (a->leave != b->leave || a->code != b->code ||
      a->event_count != b->event_count)
    return false;
  for (; x != NULL; x = x->before, y = y->before)
    if (x->out != y->out || x->name != y->name || x->argc != y->argc)
      return false;
  return true;
}

static Z3_ast events_differ(struct terms *t, const struct path *a,
                            const struct path *b, Z3_ast any) {
  const struct event *x = a->events, *y = b->events;
  for (; x != NULL; x = x->before, y = y->before)
    for (unsigned i = 0; i < x->argc; i++)
      any = term_or(t, any, differ(t, x->arg[i], y->arg[i]));
  return any;
}

static bool leaves(const struct path *a) {
  return a->leave == LEAVE_HALT && a->code >= FSE_EXIT;
}

static Z3_ast cells_differ(struct paths *p, const struct path *a,
                           const struct path *b, Z3_ast any) {
  const struct fse_question *q = p->q;
  const struct fisa_dialect *d = q->piece[0]->dialect;
  const struct fisa_set *set =
      leaves(a) ? &q->exit_live[a->code - FSE_EXIT] : &q->observed;
  for (uint32_t i = 0; i < d->cell_count; i++)
    if (!prove_stack_cell(d, i) &&
        (leaves(a) ? prove_asked(d, set, i) : prove_in(set, i)) &&
        !Z3_is_eq_ast(p->t.z, a->cell[i], b->cell[i]))
      any = term_or(&p->t, any, differ(&p->t, a->cell[i], b->cell[i]));
  return any;
}

/* Some byte that is asked for differs. */
static Z3_ast memory_differs(struct paths *p, const struct path *a,
                             const struct path *b, Z3_ast any) {
  struct terms *t = &p->t;
  const struct fse_question *q = p->q;
  const struct fse_span *span = leaves(a) ? q->span : q->end_span;
  uint32_t count = leaves(a) ? q->span_count : q->end_span_count;
  bool untouched = a->mem.last == NULL && b->mem.last == NULL;
  Z3_ast at, in;
  /* Nothing was written; at the exits that is what it was at the begin. */
  if (count == 0 || (untouched && leaves(a))) return any;
  at = Z3_mk_const(t->z, Z3_mk_string_symbol(t->z, "some.byte"), t->word);
  in = paths_in_spans(p, span, count, at);
  in = term_and(t, in, Z3_mk_bvule(t->z, at, term_word(t, t->mask)));
  return term_or(t, any, term_and(t, in, differ(t, term_read(t, &a->mem, at),
                                                term_read(t, &b->mem, at))));
}

/* Some live cell of the data stack differs, or how many there are. */
static Z3_ast stack_differs(struct paths *p, const struct path *a,
                            const struct path *b, Z3_ast any) {
  struct terms *t = &p->t;
  const struct fisa_dialect *d = p->q->piece[0]->dialect;
  Z3_ast at, sp, live, size;
  if (d->stack_file >= d->file_count || (!leaves(a) && !p->q->end_stack))
    return any;
  sp = a->cell[d->sp_cell];
  if (!Z3_is_eq_ast(t->z, sp, b->cell[d->sp_cell]))
    any = term_or(t, any, differ(t, sp, b->cell[d->sp_cell]));
  if (a->stack.last == NULL && b->stack.last == NULL) return any;
  at = Z3_mk_const(t->z, Z3_mk_string_symbol(t->z, "some.cell"), t->word);
  size = term_word(t, d->files[d->stack_file].count);
  live = d->files[d->stack_file].down
             ? term_and(t, Z3_mk_bvuge(t->z, at, sp),
                        Z3_mk_bvult(t->z, at, size))
             : term_and(t, Z3_mk_bvult(t->z, at, sp),
                        Z3_mk_bvult(t->z, at, size));
  return term_or(t, any,
                 term_and(t, live, differ(t, term_read(t, &a->stack, at),
                                          term_read(t, &b->stack, at))));
}

/* Both ways are taken and differ. */
static Z3_ast pair_differs(struct paths *p, const struct path *a,
                           const struct path *b) {
  struct terms *t = &p->t;
  Z3_ast any = Z3_mk_false(t->z);
  if (!same_shape(a, b)) {
    any = Z3_mk_true(t->z);
  } else {
    any = events_differ(t, a, b, any);
    any = cells_differ(p, a, b, any);
    any = memory_differs(p, a, b, any);
    any = stack_differs(p, a, b, any);
  }
  return term_and(t, term_and(t, a->when, b->when), any);
}

static Z3_ast known(struct paths *p) {
  struct terms *t = &p->t;
  Z3_ast all = Z3_mk_true(t->z);
  for (uint32_t k = 0; k < p->q->known_count; k++) {
    const struct fse_known *w = &p->q->known[k];
    for (int side = 0; side < 2 && w->lo != w->hi; side++) {
      Z3_ast c = p->begin[side][w->cell];
      Z3_ast lo = Z3_mk_bvsle(t->z, term_word(t, w->lo), c);
      all = term_and(t, all, lo);
      all = term_and(t, all, Z3_mk_bvsle(t->z, c, term_word(t, w->hi)));
    }
  }
  return all;
}

/* ---- the state that shows it -------------------------------------------- */

static bool value_of(struct paths *p, Z3_model m, Z3_ast term, uint32_t *v) {
  Z3_ast out = NULL;
  unsigned word = 0;
  if (!Z3_model_eval(p->t.z, m, term, true, &out) ||
      !Z3_get_numeral_uint(p->t.z, out, &word))
    return false;
  *v = word;
  return true;
}

static void say(struct prove_said *said, unsigned what, int side, uint32_t at,
                uint32_t value) {
  struct prove_value *v = &said->value[said->count++];
  *v = (struct prove_value){(uint8_t)what, (uint8_t)side, at, (int32_t)value};
}

/* A stack cell is a cell of the state. */
static void say_asked(struct paths *p, Z3_model m, const struct asked *a,
                      struct prove_said *said) {
  const struct fisa_dialect *d = p->q->piece[0]->dialect;
  uint32_t at, v;
  if (!value_of(p, m, a->at, &at) || !value_of(p, m, a->value, &v)) return;
  if (!a->stack)
    say(said, PROVE_BYTE, a->side, at, v & 255);
  else if (at < d->files[d->stack_file].count)
    say(said, PROVE_CELL, 2, d->files[d->stack_file].first + at, v);
}

static int say_model(struct paths *p, Z3_model m, struct prove_said *said) {
  const struct fir_program *f = p->q->piece[0];
  uint32_t room = 2 * f->state_cells + p->asked_count + p->input_count;
  uint32_t v;
  said->value = calloc(room + 1, sizeof *said->value);
  if (said->value == NULL) return -1;
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < f->state_cells; i++)
      if (p->begin[side][i] != NULL && value_of(p, m, p->begin[side][i], &v))
        say(said, PROVE_CELL, side, i, v);
  for (uint32_t i = 0; i < p->asked_count; i++)
    say_asked(p, m, &p->asked[i], said);
  for (uint32_t i = 0; i < p->input_count; i++)
    if (value_of(p, m, paths_input(p, i), &v))
      say(said, PROVE_INPUT, 2, i, v);
  return 0;
}

/* ---- asking ------------------------------------------------------------- */

static uint64_t work_done(Z3_context z, Z3_solver s) {
  Z3_stats stats = Z3_solver_get_statistics(z, s);
  uint64_t work = 0;
  Z3_stats_inc_ref(z, stats);
  for (unsigned i = 0; i < Z3_stats_size(z, stats); i++)
    if (strcmp(Z3_stats_get_key(z, stats, i), "rlimit count") == 0 &&
        Z3_stats_is_uint(z, stats, i))
      work = Z3_stats_get_uint_value(z, stats, i);
  Z3_stats_dec_ref(z, stats);
  return work;
}

static void limit(Z3_context z, Z3_solver s, uint64_t work) {
  Z3_params params = Z3_mk_params(z);
  Z3_params_inc_ref(z, params);
  Z3_params_set_uint(z, params, Z3_mk_string_symbol(z, "rlimit"),
                     work < UINT32_MAX ? (unsigned)work : UINT32_MAX);
  Z3_params_set_uint(z, params, Z3_mk_string_symbol(z, "random_seed"), 1);
  Z3_solver_set_params(z, s, params);
  Z3_params_dec_ref(z, params);
}

static void check(struct paths *p, Z3_ast question, uint64_t work,
                  struct prove_said *said) {
  Z3_context z = p->t.z;
  Z3_solver s =
      Z3_mk_solver_for_logic(z, Z3_mk_string_symbol(z, "QF_UFBV"));
  Z3_model m;
  Z3_solver_inc_ref(z, s);
  limit(z, s, work);
  Z3_solver_assert(z, s, question);
  Z3_lbool answer = Z3_solver_check(z, s);
  if (answer == Z3_L_FALSE) said->proof = FSE_PROVED;
  if (answer == Z3_L_UNDEF)
    snprintf(said->reason, sizeof said->reason,
             "the solver's work is up: %.60s",
             Z3_solver_get_reason_unknown(z, s));
  if (answer == Z3_L_TRUE) {
    m = Z3_solver_get_model(z, s);
    Z3_model_inc_ref(z, m);
    said->proof = FSE_REFUTED;
    if (say_model(p, m, said) != 0) {
      said->proof = FSE_UNPROVED;
      snprintf(said->reason, sizeof said->reason, "out of memory");
    }
    Z3_model_dec_ref(z, m);
  }
  said->work = work_done(z, s);
  Z3_solver_dec_ref(z, s);
}

/* The first thing that went wrong in Z3, which goes on all the same. */
static Z3_error_code wrong;

static void on_error(Z3_context z, Z3_error_code e) {
  (void)z;
  if (wrong == Z3_OK) wrong = e;
}

/* With `open`, only a proof counts. */
static void solve_once(const struct fse_question *q, uint64_t work, bool open,
                       struct prove_said *said) {
  static struct paths p;
  Z3_config config = Z3_mk_config();
  Z3_context z;
  Z3_ast any;
  Z3_set_param_value(config, "model", "true");
  z = Z3_mk_context(config);
  Z3_del_config(config);
  wrong = Z3_OK;
  Z3_set_error_handler(z, on_error);
  said->proof = FSE_UNPROVED;
  if (paths_make(&p, q, z, open) != 0) {
    snprintf(said->reason, sizeof said->reason, "%s", p.reason);
  } else {
    any = Z3_mk_false(z);
    for (uint32_t i = 0; i < p.count[0]; i++)
      for (uint32_t k = 0; k < p.count[1]; k++)
        any = term_or(&p.t, any,
                      pair_differs(&p, &p.path[0][i], &p.path[1][k]));
    check(&p, term_and(&p.t, known(&p), any), work, said);
  }
  /* A term that could not be made is not the one that was meant. */
  if (wrong != Z3_OK) {
    said->proof = FSE_UNPROVED;
    said->count = 0;
    snprintf(said->reason, sizeof said->reason, "the solver failed (%d)",
             (int)wrong);
  }
  paths_done(&p);
  Z3_del_context(z);
}

/* Twice where it is worth it: at first products stay what they are called. */
void solve(const struct fse_question *q, uint64_t work,
           struct prove_said *said) {
  uint64_t before;
  solve_once(q, work / 4, true, said);
  if (said->proof == FSE_PROVED) return;
  before = said->work;
  free(said->value);
  *said = (struct prove_said){.id = said->id};
  solve_once(q, work, false, said);
  said->work += before;
}
