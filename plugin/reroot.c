/*
 * plugin/reroot.c - an accepted tuning is the root from then on, after a
 * restart, too.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

/* ---- a new root --------------------------------------------------------- */

/* origin -> root -> what comes, as origin -> what comes. */
static int compose(const struct flux_evolved *a, struct fse_rooting *r) {
  const struct fse_live *next = &a->next_patch.live;
  uint32_t n = a->origin != NULL ? a->origin_place_count : next->place_count;
  r->places = malloc(((size_t)n + 1) * sizeof *r->places);
  if (r->places == NULL) return -1;
  for (uint32_t i = 0; i < n; i++) {
    struct fse_place p = a->origin != NULL ? a->origin_places[i]
                                           : next->places[i];
    if (a->origin != NULL)
      p.to_pc = fse_place_of(next->places, next->place_count, p.to_pc);
    if (p.to_pc != UINT32_MAX) r->places[r->place_count++] = p;
  }
  return 0;
}

int fse_rooting_make(struct flux_evolved *a, struct fse_rooting *r) {
  const struct fisa_program *p = a->next_patch.live.program;
  assert(p != NULL);
  memset(r, 0, sizeof *r);
  if (fisa_facts_make(p, &r->facts, NULL) == 0 &&
      fir_lower(p, &r->ir, NULL) == 0 &&
      (r->set = ftrial_set_new(p, a->fuel, NULL)) != NULL &&
      compose(a, r) == 0)
    return 0;
  fse_rooting_done(r);
  return -1;
}

void fse_rooting_done(struct fse_rooting *r) {
  ftrial_set_free(r->set);
  fir_free(r->ir);
  fisa_facts_free(r->facts);
  free(r->places);
  memset(r, 0, sizeof *r);
}

struct fse_version fse_rooting_version(const struct flux_evolved *a,
                                       const struct fse_rooting *r) {
  return (struct fse_version){
      .program = a->next_patch.live.program,
      .root = a->origin != NULL ? a->origin : a->root,
      .places = r->places,
      .place_count = r->place_count,
      .tuned = true};
}

/* Status and searches for a control look at roots on other threads. */
static void swap(struct flux_evolved *a, struct fse_rooting *r,
                 struct fisa_program *program) {
  struct fisa_program *old = a->root;
  pthread_mutex_lock(&a->instance->lock);
  if (a->origin == NULL) {
    a->origin = old;
    old = NULL;
  }
  a->root = program;
  pthread_mutex_unlock(&a->instance->lock);
  ftrial_set_free(a->set);
  fir_free(a->root_ir);
  fisa_facts_free(a->root_facts);
  free(a->origin_places);
  a->root_facts = r->facts;
  a->root_ir = r->ir;
  a->set = r->set;
  a->origin_places = r->places;
  a->origin_place_count = r->place_count;
  memset(r, 0, sizeof *r);
  fisa_program_free(old);
}

void fse_reroot(struct flux_evolved *a, struct fse_rooting *r) {
  struct fse_live *next = &a->next_patch.live;
  struct fisa_program *program = next->program;
  uint64_t id = next->id;
  next->program = NULL;
  fse_live_done(next);
  fse_live_done(&a->live);
  a->live.id = id;
  a->next_patch.tuning = a->next_patch.gift = false;
  swap(a, r, program);
  ftrial_set_backend(a->set, a->instance->backend);
  ftrial_set_stop(a->set, &a->cancel);
  a->counters_kept = 0;
  fse_counters_load(a);
  fse_tuning_forget(a);
  /* Another truth, another history. */
  a->history.count = 0;
  a->generation++;
  a->dry = a->late = 0;
  a->contradiction[0] = a->refuted[0] = '\0';
}

uint32_t fse_origin_pc(const struct flux_evolved *a, uint32_t root_pc) {
  if (a->origin == NULL) return root_pc;
  if (root_pc == a->root->entry) return a->origin->entry;
  for (uint32_t i = 0; i < a->origin_place_count; i++)
    if (a->origin_places[i].to_pc == root_pc)
      return a->origin_places[i].from_pc;
  return UINT32_MAX;
}

/* ---- after a restart ---------------------------------------------------- */

/* A copy of the root as a version of itself, to be handed to the host. */
static int offer_self(struct flux_evolved *a, uint64_t id) {
  const struct fisa_program *p = a->root;
  const struct fisa_facts *f = a->root_facts;
  struct fse_place *same = malloc(((size_t)f->count + 1) * sizeof *same);
  struct fisa_program *copy = fisa_program_derive(
      p, p->code, p->size, p->entry, p->manifest.boundary.pc);
  if (same == NULL || copy == NULL) {
    free(same);
    fisa_program_free(copy);
    return -1;
  }
  for (uint32_t i = 0; i < f->count; i++)
    same[i] = (struct fse_place){f->insn[i].pc, f->insn[i].pc};
  if (fse_live_make(a, copy, same, f->count, id, &a->next_patch.live) != 0)
    return -1;
  fse_offer_accepted(a);
  if (a->live.program == NULL) return -1;
  fse_live_done(&a->live);
  a->live.id = id;
  return 0;
}

/* Stored code is data: it is tried like a find of somebody else. What it does
 * is the truth then. */
int fse_reroot_stored(struct flux_evolved *a, struct fse_stored *stored,
                      struct fisa_error *err) {
  struct fse_live *next = &a->next_patch.live;
  struct fse_made given = {stored->program, stored->places,
                           stored->place_count};
  struct fse_tune_result r;
  struct fse_rooting rooting;
  stored->program = NULL;
  stored->places = NULL;
  if (fse_scenes_try(a, &given, &r, err) != 0) {
    fse_made_done(&given);
    fse_tune_result_done(&r);
    return -1;
  }
  if (fse_live_make(a, r.best, r.places, r.place_count, stored->patch,
                    next) != 0)
    return fisa_fail(err, "out of memory");
  if (fse_rooting_make(a, &rooting) != 0) {
    fse_live_done(next);
    return fisa_fail(err, "out of memory");
  }
  fse_reroot(a, &rooting);
  a->live.id = 0; /* the host still runs the origin */
  atomic_store(&a->generation, stored->generation);
  return 0;
}

int fse_reroot_offer(struct flux_evolved *a, uint64_t id) {
  assert(a->origin != NULL && a->live.id == 0);
  return offer_self(a, id);
}
