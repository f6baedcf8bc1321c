/*
 * plugin/assure.c - steps proved, and counterexamples that begin a run.
 */
#include "plugin/assure.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- places ------------------------------------------------------------- */

/* Where a place of the root is in a version; UINT32_MAX: nowhere. */
static uint32_t place_in(const struct fse_made *m, uint32_t pc) {
  return m == NULL ? pc : fse_place_of(m->places, m->place_count, pc);
}

static bool has_pair(const struct fse_agreement *a, uint32_t from,
                     uint32_t to) {
  for (uint32_t i = 0; i < a->pair_count; i++)
    if (a->pair[i][0] == from && a->pair[i][1] == to) return true;
  return false;
}

/* Whether agents are handed over where the proof says that both correspond.
 * Returns 1, 0, -1: memory. */
static int handed_over(const struct fse_step_request *r,
                       const struct fse_agreement *a) {
  uint32_t count = 0;
  uint32_t(*pair)[2] =
      fse_boundary_pairs(r->root_facts, r->root, r->b->program, r->b->places,
                         r->b->place_count, &count);
  int rc = 1;
  if (pair == NULL) return -1;
  /* The first is where runs begin, which is a pair of every agreement. */
  for (uint32_t i = 1; i < count && rc == 1; i++) {
    uint32_t from = place_in(r->a, pair[i][0]);
    rc = from != UINT32_MAX && has_pair(a, from, pair[i][1]);
  }
  free(pair);
  return rc;
}

enum fse_proof fse_prove_step(struct fse_prover *p,
                              const struct fse_step_request *r,
                              struct fse_counter *counter, char reason[160]) {
  const struct fse_agree_request q = {
      r->root, r->root_facts, r->a ? r->a->program : r->root, r->b->program};
  struct fse_agreement a;
  enum fse_proof proof;
  assert(r->b != NULL && counter != NULL);
  memset(counter, 0, sizeof *counter);
  fse_agree(p, &q, &a);
  proof = a.proof;
  snprintf(reason, 160, "%s", a.reason);
  if (proof == FSE_PROVED && handed_over(r, &a) != 1) {
    proof = FSE_UNPROVED;
    snprintf(reason, 160, "tasks begin at places that are no pairs");
  }
  if (proof == FSE_REFUTED) {
    *counter = a.counter;
    memset(&a.counter, 0, sizeof a.counter);
  }
  fse_agreement_done(&a);
  return proof;
}

/* ---- counterexamples ---------------------------------------------------- */

/* What a run of the root is told, with the names it asks by. */
struct telling {
  const struct fisa_trace *value;
  struct fisa_trace events;
  bool no_memory;
};

static int tell(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user) {
  struct telling *t = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};
  uint32_t n = t->events.count;
  assert(argc <= FISA_MAX_ARGS);
  for (unsigned i = 0; i < argc; i++) e.arg[i] = arg[i];
  e.value = n < t->value->count ? t->value->events[n].value : 0;
  *value = e.value;
  t->no_memory |= fisa_trace_add(&t->events, &e) != 0;
  return t->no_memory;
}

static int32_t within(const struct fisa_cells *in, int32_t v) {
  if (v < in->lo) return in->lo;
  return v > in->hi ? in->hi : v;
}

/* The begin that a run may have, with the counterexample's inputs. */
static void lay_inputs(const struct fisa_program *root,
                       const struct fisa_state *from, struct fisa_state *to) {
  const struct fisa_manifest *m = &root->manifest;
  fisa_state_start(root, to);
  for (uint32_t i = 0; i < m->in_count; i++) {
    const struct fisa_cells *in = &m->in[i];
    for (uint32_t k = 0; k < in->count; k++) {
      uint32_t at = in->first + k;
      if (in->kind == FISA_CELLS_FILE && at < to->cell_count)
        to->cells[at] = within(in, from->cells[at]);
      if (in->kind == FISA_CELLS_MEM && at < to->mem_size) {
        to->mem[at] = (uint8_t)within(in, from->mem[at]);
        fisa_state_mark(to, at, 1);
      }
    }
  }
}

/* Whether the child is wrong on an episode: tried on a set of its own, since
 * what joins the set stays there. */
static int is_wrong(const struct fisa_program *root,
                    const struct fse_made *child,
                    const struct ftrial_pc_map *map, uint64_t max_fuel,
                    const struct ftrial_episode *e) {
  struct ftrial_set *set = ftrial_set_new(root, max_fuel, NULL);
  struct fir_lane *lane = fir_lane_new();
  struct fir_program *ir = NULL;
  int rc = -1;
  if (set != NULL && lane != NULL &&
      fir_lower(child->program, &ir, NULL) == 0) {
    rc = 0;
    if (ftrial_set_add(set, e) == FTRIAL_ADDED)
      rc = ftrial_run(set, ir, map, lane, 0, 1, UINT64_MAX).verdict ==
           FTRIAL_WRONG;
  }
  fir_free(ir);
  fir_lane_free(lane);
  ftrial_set_free(set);
  return rc;
}

int fse_counter_keep(struct ftrial_set *set, const struct fisa_program *root,
                     const struct fse_made *child,
                     const struct ftrial_pc_map *map, uint64_t max_fuel,
                     const struct fse_counter *c) {
  struct fisa_state *begin = fisa_state_new(root->dialect);
  struct fisa_state *run = fisa_state_new(root->dialect);
  struct fir_lane *lane = fir_lane_new();
  struct fir_program *ir = NULL;
  struct telling t = {.value = &c->input};
  const struct fir_io io = {tell, NULL, &t};
  int rc = -1;
  if (begin != NULL && run != NULL && lane != NULL && c->begin[0] != NULL &&
      fir_lower(root, &ir, NULL) == 0) {
    lay_inputs(root, c->begin[0], begin);
    fisa_state_copy(run, begin);
    fir_run(ir, lane, run, &io, (struct fir_limits){max_fuel, true});
    const struct ftrial_episode e = {.origin = FTRIAL_COUNTER,
                                     .begin = begin,
                                     .events = t.events.events,
                                     .event_count = t.events.count};
    rc = t.no_memory ? -1 : is_wrong(root, child, map, max_fuel, &e);
    if (rc == 1 && ftrial_set_add(set, &e) != FTRIAL_ADDED) rc = -1;
  }
  fisa_trace_done(&t.events);
  fir_free(ir);
  fir_lane_free(lane);
  fisa_state_free(begin);
  fisa_state_free(run);
  return rc;
}
