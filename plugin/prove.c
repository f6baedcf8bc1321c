/*
 * plugin/prove.c - the rungs, in order.
 */
#include "plugin/prove.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/prove_impl.h"

#define HELPER "flux-prove"

static const struct fse_prover_limits defaults = {
    .solver = 2000000, .exhaust = UINT64_C(1) << 34, .states = 128,
    .wall_ms = 10000, .memory_mb = 1024};

const char *fse_rung_name(enum fse_rung r) {
  static const char *const name[] = {"none", "canonical", "run", "solver",
                                     "exhaustive"};
  assert((unsigned)r < sizeof name / sizeof name[0]);
  return name[r];
}

/* ---- provers ------------------------------------------------------------ */

/* The helper that lies beside this shared object, whatever PATH says. */
static int beside(char *path, size_t capacity) {
  Dl_info info;
  const char *slash;
  int n;
  if (dladdr((const void *)&defaults, &info) == 0 || info.dli_fname == NULL)
    return -1;
  slash = strrchr(info.dli_fname, '/');
  if (slash == NULL) return -1;
  n = snprintf(path, capacity, "%.*s/" HELPER,
               (int)(slash - info.dli_fname), info.dli_fname);
  return n > 0 && (size_t)n < capacity ? 0 : -1;
}

static void fill_limits(struct fse_prover_limits *l) {
  if (l->solver == 0) l->solver = defaults.solver;
  if (l->exhaust == 0) l->exhaust = defaults.exhaust;
  if (l->states == 0) l->states = defaults.states;
  if (l->wall_ms == 0) l->wall_ms = defaults.wall_ms;
  if (l->memory_mb == 0) l->memory_mb = defaults.memory_mb;
}

struct fse_prover *fse_prover_new(const char *helper,
                                  const struct fse_prover_limits *limits) {
  struct fse_prover *p = calloc(1, sizeof *p);
  char path[1024];
  struct timespec now;
  if (p == NULL) return NULL;
  /* An answer that was written before the question knows no number of it. */
  clock_gettime(CLOCK_MONOTONIC, &now);
  p->asked = (uint64_t)now.tv_nsec << 20;
  if (limits != NULL) p->limits = *limits;
  fill_limits(&p->limits);
  p->lane = fir_lane_new();
  if (p->lane == NULL) {
    free(p);
    return NULL;
  }
  if (helper == NULL && beside(path, sizeof path) == 0) helper = path;
  if (helper == NULL)
    snprintf(p->absent, sizeof p->absent, "there is no solver: nobody knows "
             "where this plugin lies");
  else
    p->helper = prove_helper_new(helper, &p->limits, p->absent,
                                 sizeof p->absent);
  return p;
}

void fse_prover_free(struct fse_prover *p) {
  if (p == NULL) return;
  prove_helper_free(p->helper);
  fir_lane_free(p->lane);
  fisa_state_free(p->work[0]);
  fisa_state_free(p->work[1]);
  free(p);
}

const char *fse_prover_absent(const struct fse_prover *p) {
  return p->helper != NULL ? NULL : p->absent;
}

bool fse_prover_stopped(const struct fse_prover *p) {
  return prove_stopped(&p->limits);
}

/* ---- rungs -------------------------------------------------------------- */

static struct fse_answer answer(enum fse_proof proof, enum fse_rung rung,
                                const char *reason) {
  struct fse_answer a = {.proof = proof, .rung = rung};
  snprintf(a.reason, sizeof a.reason, "%s", reason);
  return a;
}

/* A few states that show a difference. 1: one does; 0; -1: memory. */
static int run_some(struct fse_prover *p, const struct fse_question *q,
                    struct fse_counter *c, char *what, size_t capacity) {
  for (uint32_t n = 0; n < p->limits.states; n++) {
    int rc;
    if (prove_counter_draw(q, n, c) != 0) return -1;
    rc = prove_differ(p, q, c, what, capacity);
    if (rc != 0) return rc;
  }
  return 0;
}

static bool in_spans(const struct fse_question *q, uint32_t at) {
  for (uint32_t i = 0; i < q->span_count; i++)
    if (at >= q->span[i].first && at - q->span[i].first < q->span[i].count)
      return true;
  return false;
}

static bool within_known(const struct fse_question *q, uint32_t cell,
                         int32_t v) {
  for (uint32_t k = 0; k < q->known_count; k++)
    if (q->known[k].cell == cell && (v < q->known[k].lo || v > q->known[k].hi))
      return false;
  return true;
}

/* One value of a solver's counterexample. False: it fits no state. */
static bool lay(const struct fse_question *q, const struct prove_value *v,
                struct fse_counter *c) {
  const struct fisa_dialect *d = q->piece[0]->dialect;
  bool both = v->side == 2;
  if (v->what == PROVE_INPUT) {
    while (c->input.count <= v->at && v->at < 65536) {
      struct fisa_event none = {0};
      if (fisa_trace_add(&c->input, &none) != 0) return false;
    }
    if (v->at < c->input.count) c->input.events[v->at].value = v->value;
    return v->at < c->input.count;
  }
  if (v->what == PROVE_CELL &&
      (v->at >= d->cell_count || !within_known(q, v->at, v->value)))
    return false;
  if (v->what == PROVE_BYTE && v->at >= d->mem_size) return false;
  if (v->what == PROVE_CELL)
    both |= prove_asked(d, &q->live, v->at) || prove_stack_cell(d, v->at);
  else
    both |= in_spans(q, v->at);
  for (int side = 0; side < 2; side++) {
    if (!both && v->side != side) continue;
    if (v->what == PROVE_CELL) {
      c->begin[side]->cells[v->at] = v->value;
    } else {
      c->begin[side]->mem[v->at] = (uint8_t)v->value;
      fisa_state_mark(c->begin[side], v->at, 1);
    }
  }
  return true;
}

/* A counterexample counts once it was seen to be one. */
static struct fse_answer check_counter(struct fse_prover *p,
                                       const struct fse_question *q,
                                       const struct prove_said *said,
                                       struct fse_counter *c) {
  char what[120] = "";
  const struct fisa_dialect *d = q->piece[0]->dialect;
  bool fits = true;
  for (int side = 0; side < 2; side++) fisa_state_reset(d, c->begin[side]);
  c->input.count = 0;
  for (uint32_t i = 0; i < said->count && fits; i++)
    fits = lay(q, &said->value[i], c);
  if (fits && prove_differ(p, q, c, what, sizeof what) == 1)
    return answer(FSE_REFUTED, FSE_RUNG_SOLVER, what);
  return answer(FSE_UNPROVED, FSE_RUNG_NONE,
                "the solver's counterexample is none: what it does not know "
                "exactly decides");
}

static struct fse_answer ask(struct fse_prover *p, const struct fse_question *q,
                             struct fse_counter *c) {
  static const char none[] = "no answer";
  struct isa_buf b = {0};
  struct prove_said said = {0};
  struct fisa_error err = {""};
  struct fse_answer a;
  char *text;
  uint64_t id = ++p->asked;
  prove_write_question(&b, q, id, p->limits.solver);
  text = prove_helper_ask(p->helper, &b, &err);
  isa_buf_done(&b);
  if (text == NULL) return answer(FSE_UNPROVED, FSE_RUNG_NONE, err.text);
  if (prove_read_answer(text, id, &said, &err) != 0) {
    prove_helper_distrust(p->helper);
    a = answer(FSE_UNPROVED, FSE_RUNG_NONE, err.text);
  } else if (said.proof == FSE_PROVED) {
    a = answer(FSE_PROVED, FSE_RUNG_SOLVER, "");
  } else if (said.proof == FSE_REFUTED) {
    a = check_counter(p, q, &said, c);
  } else {
    a = answer(FSE_UNPROVED, FSE_RUNG_NONE,
               said.reason[0] != '\0' ? said.reason : none);
  }
  a.work = said.work;
  free(said.value);
  free(text);
  return a;
}

/* The last rung. What it leaves open keeps the reason of the one before. */
static struct fse_answer exhaust(struct fse_prover *p,
                                 const struct fse_question *q,
                                 struct fse_counter *c,
                                 struct fse_answer before) {
  uint16_t cell = 0;
  int32_t value = 0;
  char what[120] = "";
  enum fse_proof proof = prove_exhaust(q, &p->limits, &cell, &value);
  if (proof == FSE_UNPROVED) return before;
  if (proof == FSE_PROVED)
    return answer(FSE_PROVED, FSE_RUNG_EXHAUSTIVE, "");
  if (prove_counter_draw(q, 0, c) != 0) return before;
  c->begin[0]->cells[cell] = c->begin[1]->cells[cell] = value;
  if (prove_differ(p, q, c, what, sizeof what) != 1) return before;
  return answer(FSE_REFUTED, FSE_RUNG_EXHAUSTIVE, what);
}

static struct fse_answer climb(struct fse_prover *p,
                               const struct fse_question *q,
                               struct fse_counter *c) {
  struct fse_answer a;
  char what[120] = "";
  int rc;
  if (prove_canonical(q) == 1)
    return answer(FSE_PROVED, FSE_RUNG_CANONICAL, "");
  rc = run_some(p, q, c, what, sizeof what);
  if (rc == 1) return answer(FSE_REFUTED, FSE_RUNG_RUN, what);
  if (rc < 0) return answer(FSE_UNPROVED, FSE_RUNG_NONE, "out of memory");
  a = p->helper != NULL ? ask(p, q, c)
                        : answer(FSE_UNPROVED, FSE_RUNG_NONE, p->absent);
  if (a.proof == FSE_UNPROVED) a = exhaust(p, q, c, a);
  return a;
}

struct fse_answer fse_prove(struct fse_prover *p, const struct fse_question *q,
                            struct fse_counter *counter) {
  struct fisa_error err = {""};
  struct fse_counter c;
  struct fse_answer a;
  assert(p != NULL && q->piece[0] != NULL && q->piece[1] != NULL);
  if (counter != NULL) memset(counter, 0, sizeof *counter);
  if (prove_check(q, &err) != 0)
    return answer(FSE_UNPROVED, FSE_RUNG_NONE, err.text);
  if (prove_stopped(&p->limits))
    return answer(FSE_UNPROVED, FSE_RUNG_NONE, PROVE_UNWANTED);
  if (prove_counter_new(q, &c) != 0)
    return answer(FSE_UNPROVED, FSE_RUNG_NONE, "out of memory");
  a = climb(p, q, &c);
  if (a.proof == FSE_REFUTED && counter != NULL)
    *counter = c;
  else
    fse_counter_done(&c);
  return a;
}
