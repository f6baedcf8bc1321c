/*
 * plugin/candidate.c - one candidate: from a proposal to a verdict.
 */
#include "plugin/candidate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int fse_bench_init(struct fse_bench *b, const struct fse_draft *like) {
  assert(b != NULL && like != NULL);
  b->draft = fse_draft_copy(like);
  b->lane = fir_lane_new();
  b->scratch = fisa_verify_scratch_new();
  if (b->draft != NULL && b->lane != NULL && b->scratch != NULL) return 0;
  fse_bench_done(b);
  return -1;
}

void fse_bench_done(struct fse_bench *b) {
  fse_draft_free(b->draft);
  fir_lane_free(b->lane);
  fisa_verify_scratch_free(b->scratch);
  memset(b, 0, sizeof *b);
}

void fse_made_done(struct fse_made *m) {
  fisa_program_free(m->program);
  free(m->places);
  memset(m, 0, sizeof *m);
}

void fse_ready_done(struct fse_ready *y) {
  fse_made_done(&y->made);
  fir_free(y->ir);
  free((void *)(uintptr_t)y->map.pair);
  memset(y, 0, sizeof *y);
}

uint64_t fse_code_hash(const struct fisa_program *p) {
  uint64_t h = 0xcbf29ce484222325u;
  for (uint32_t i = 0; i < p->size; i++)
    h = (h ^ p->code[i]) * 0x100000001b3u;
  return (h ^ p->entry) * 0x100000001b3u;
}

int fse_worth_order(const struct fse_worth *a, const struct fse_worth *b) {
  if (a->cost != b->cost) return a->cost < b->cost ? -1 : 1;
  if (a->size != b->size) return a->size < b->size ? -1 : 1;
  return a->memory < b->memory ? -1 : a->memory > b->memory;
}

static bool reaches_memory(const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++)
    switch (fisa_semop_effect(row->steps[i].op)) {
      case FISA_EFFECT_LOAD: case FISA_EFFECT_STORE: case FISA_EFFECT_COPY:
        return true;
      default:
        break;
    }
  return row->opaque;
}

uint32_t fse_memory_rows(const struct fse_draft *d) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < d->count; i++)
    n += !d->nodes[i].dead && reaches_memory(d->nodes[i].insn.row);
  return n;
}

/* root -> view.program -> child, as root -> child. */
static int compose(const struct fse_round *r, const struct fse_child *c,
                   struct fse_made *m) {
  m->places = malloc((r->place_count + 1) * sizeof *m->places);
  if (m->places == NULL) return -1;
  m->place_count = 0;
  for (uint32_t i = 0; i < r->place_count; i++) {
    uint32_t to = fse_child_place(c, r->places[i].to_pc);
    if (to == UINT32_MAX) continue;
    m->places[m->place_count].from_pc = r->places[i].from_pc;
    m->places[m->place_count++].to_pc = to;
  }
  return 0;
}

/* Whether an instruction ends a task without ending the agent. */
static bool yields(const struct fisa_insn *in) {
  return (in->row->roles & FISA_ROLE_YIELD) != 0;
}

/* Whether the row gives a value to a channel the boundary names. */
static bool ends_by_output(const struct fisa_program *p,
                           const struct fisa_insn *in) {
  return p->manifest.boundary.kind == FISA_BOUNDARY_OUT &&
         in->row->channel == p->manifest.boundary.channel;
}

uint32_t (*fse_boundary_pairs(const struct fisa_facts *root,
                              const struct fisa_program *root_program,
                              const struct fisa_program *variant,
                              const struct fse_place *places,
                              uint32_t place_count, uint32_t *count))[2] {
  uint32_t(*pair)[2] = malloc((root->count + 2) * sizeof *pair);
  uint32_t n = 0;
  if (pair == NULL) return NULL;
  pair[n][0] = root_program->entry;
  pair[n++][1] = variant->entry;
  for (uint32_t i = 0; i < root->count; i++) {
    const struct fisa_insn *in = &root->insn[i];
    uint32_t from, to;
    if (yields(in) || ends_by_output(root_program, in)) {
      from = in->pc + in->length;
    } else if (root_program->manifest.boundary.kind == FISA_BOUNDARY_PC &&
               root_program->manifest.boundary.pc == in->pc) {
      from = in->pc;
    } else {
      continue;
    }
    to = fse_place_of(places, place_count, from);
    if (to == UINT32_MAX || from == root_program->entry) continue;
    pair[n][0] = from;
    pair[n++][1] = to;
  }
  *count = n;
  return pair;
}

int fse_candidate_edit(const struct fse_round *r, struct fse_bench *b,
                       const struct fse_draft *base, uint32_t i,
                       struct fse_proposal *out) {
  const struct fse_kind *kind;
  assert(base != NULL && out != NULL);
  if (fse_draft_assign(b->draft, base) != 0) return -1;
  if (i < r->sites.count) {
    kind = &fse_kinds[r->sites.items[i].kind];
    out->kind = r->sites.items[i].kind;
    return kind->apply(&r->view, r->sites.items[i].site, b->draft, out);
  }
  return fse_draw(&r->view, r->seed, r->number, i, b->draft, out);
}

/* Whether an agent may continue at `pc`, which begins fresh tasks as well. */
static bool continues_at(const struct fisa_program *p,
                         const struct fisa_facts *f, uint32_t pc) {
  if (p->manifest.boundary.kind == FISA_BOUNDARY_PC &&
      p->manifest.boundary.pc == pc)
    return true;
  for (uint32_t i = 0; i < f->count; i++)
    if ((yields(&f->insn[i]) || ends_by_output(p, &f->insn[i])) &&
        f->insn[i].pc + f->insn[i].length == pc)
      return true;
  return false;
}

bool fse_boundaries_carry(const struct fisa_program *root,
                          const struct fisa_facts *root_facts,
                          const struct fisa_program *child,
                          const struct ftrial_pc_map *map) {
  struct fisa_facts *f = NULL;
  bool ok = true, at_entry = continues_at(root, root_facts, root->entry);
  assert(map->count > 0);
  if (map->count == 1 && !at_entry) return true;
  if (fisa_facts_make(child, &f, NULL) != 0) return false;
  for (uint32_t i = 0; i < map->count && ok; i++) {
    uint32_t x = map->pair[i][0], y = map->pair[i][1], a, b;
    if (x == root->entry && !at_entry) continue;
    a = x < root->size ? root_facts->index[x] : UINT32_MAX;
    b = y < child->size ? f->index[y] : UINT32_MAX;
    ok = a != UINT32_MAX && b != UINT32_MAX;
    for (unsigned w = 0; ok && w < FISA_SET_WORDS; w++)
      ok = (f->live_in[b].w[w] & ~root_facts->live_in[a].w[w]) == 0;
  }
  /* The root's scratch holds nothing there that the child could find. */
  ok = ok && fisa_scratch_lives(child, f) == 0;
  fisa_facts_free(f);
  return ok;
}

/* Verifies and lowers a finished child; then it is to be tried. */
static void make_ready(const struct fse_round *r, struct fse_bench *b,
                       const struct fse_made *m, struct fse_ready *y) {
  const struct fisa_program *child = m->program;
  struct fisa_finding finding;
  assert(child != NULL && y->ir == NULL && y->map.pair == NULL);
  y->verdict.fate = FSE_FATE_REFUSED;
  if (child->size > r->root->size * r->view.policy->max_growth + 0.5 ||
      fisa_verify_child(child, r->root, b->scratch, &finding, 1) != 0 ||
      !fse_unseen_kept(r->unseen, child, m->places, m->place_count))
    return;
  y->map.pair = (const uint32_t(*)[2])fse_boundary_pairs(
      r->root_facts, r->root, child, m->places, m->place_count,
      &y->map.count);
  y->tries = y->map.pair != NULL && fir_lower(child, &y->ir, NULL) == 0 &&
             fse_boundaries_carry(r->root, r->root_facts, child, &y->map);
}

void fse_candidate_tried(struct fse_ready *y, const struct ftrial_result *t) {
  assert(y->tries);
  y->verdict.fate = t->verdict == FTRIAL_SAME     ? FSE_FATE_SAME
                    : t->verdict == FTRIAL_WRONG  ? FSE_FATE_WRONG
                    : t->verdict == FTRIAL_DEARER ? FSE_FATE_DEARER
                                                  : FSE_FATE_REFUSED;
  y->verdict.worth.cost = t->cost;
}

/* Has the trial of what is ready, if there is one to have. */
static void try_ready(const struct fse_round *r, struct fse_bench *b,
                      uint64_t bound, struct fse_ready *y) {
  if (!y->tries) return;
  struct ftrial_result t = ftrial_judge(r->set, y->ir, &y->map, b->lane, bound);
  fse_candidate_tried(y, &t);
}

struct fse_verdict fse_candidate_try(const struct fse_round *r,
                                     struct fse_bench *b, uint64_t bound,
                                     const struct fse_made *m) {
  struct fse_ready y = {.tries = false};
  struct fse_verdict v;
  make_ready(r, b, m, &y);
  try_ready(r, b, bound, &y);
  v = y.verdict;
  fse_ready_done(&y);
  return v;
}

/* As fse_candidate_prepare; what is known is none only if that is `asked`. */
static void prepare(const struct fse_round *r, struct fse_bench *b, bool asked,
                    struct fse_ready *y) {
  struct fse_child child = {0};
  memset(y, 0, sizeof *y);
  y->verdict.fate = FSE_FATE_REFUSED;
  if (fse_draft_finish(b->draft, r->view.policy->max_size, &child, NULL) != 0)
    return;
  y->verdict.code_hash = fse_code_hash(child.program);
  y->verdict.worth.size = child.program->size;
  y->verdict.worth.memory = fse_memory_rows(b->draft);
  if (asked && r->known != NULL &&
      r->known(y->verdict.code_hash, r->known_user)) {
    y->verdict.fate = FSE_FATE_NONE;
  } else if (compose(r, &child, &y->made) == 0) {
    y->made.program = child.program;
    child.program = NULL;
    make_ready(r, b, &y->made, y);
  }
  fse_child_done(&child);
}

void fse_candidate_prepare(const struct fse_round *r, struct fse_bench *b,
                           struct fse_ready *y) {
  prepare(r, b, true, y);
}

struct fse_verdict fse_candidate_judge(const struct fse_round *r,
                                       struct fse_bench *b, uint64_t bound,
                                       struct fse_made *made) {
  struct fse_ready y;
  struct fse_verdict v;
  prepare(r, b, made == NULL, &y);
  try_ready(r, b, bound, &y);
  v = y.verdict;
  if (v.fate == FSE_FATE_SAME && made != NULL) {
    *made = y.made;
    memset(&y.made, 0, sizeof y.made);
  }
  fse_ready_done(&y);
  return v;
}
