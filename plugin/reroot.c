/*
 * plugin/reroot.c - an accepted tuning is the root from then on: for the agent,
 * for others of the same program, and after a restart.
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

/* ---- the others --------------------------------------------------------- */

/* The instance lock is held. */
static void give(struct flux_evolved *b, const struct flux_evolved *a,
                 const uint8_t old_root[32]) {
  const struct fisa_program *p = a->root;
  struct fse_made *gift = &b->tuning.gift;
  /* The places of a's new root are those from the origin on; b's origin is
   * the same, and so was its root. */
  fse_made_done(gift);
  /* Of b's dialect: a's goes with a. */
  gift->program = fisa_program_derive(b->root, p->code, p->size, p->entry,
                                      p->manifest.boundary.pc);
  gift->places = malloc(((size_t)a->origin_place_count + 1) *
                        sizeof *gift->places);
  if (gift->program == NULL || gift->places == NULL) {
    fse_made_done(gift);
    return;
  }
  gift->place_count = a->origin_place_count;
  memcpy(gift->places, a->origin_places,
         gift->place_count * sizeof *gift->places);
  memcpy(b->tuning.gift_root, old_root, 32);
}

static const struct fisa_program *origin(const struct flux_evolved *a) {
  return a->origin != NULL ? a->origin : a->root;
}

void fse_spread(struct flux_evolved *a, const uint8_t old_root[32]) {
  struct fse_instance *in = a->instance;
  pthread_mutex_lock(&in->lock);
  for (struct flux_evolved *b = in->agents; b != NULL; b = b->next)
    if (b != a && !atomic_load(&b->leaving) &&
        memcmp(b->root->hash, old_root, 32) == 0 &&
        memcmp(origin(b)->hash, origin(a)->hash, 32) == 0)
      give(b, a, old_root);
  pthread_mutex_unlock(&in->lock);
}

/* origin -> root and origin -> gift, as root -> gift. */
static void from_root(const struct flux_evolved *a, struct fse_made *gift) {
  uint32_t n = 0;
  for (uint32_t i = 0; a->origin != NULL && i < gift->place_count; i++) {
    struct fse_place p = gift->places[i];
    p.from_pc = fse_place_of(a->origin_places, a->origin_place_count,
                             p.from_pc);
    if (p.from_pc == UINT32_MAX ||
        (n > 0 && p.from_pc <= gift->places[n - 1].from_pc))
      continue;
    gift->places[n++] = p;
  }
  if (a->origin != NULL) gift->place_count = n;
}

void fse_take_gift(struct flux_evolved *a) {
  struct fse_made *gift = &a->tuning.gift;
  struct fse_trialled *next = &a->next_patch;
  struct fse_record *r = &next->record;
  if (gift->program == NULL || !fse_trusted(a) ||
      atomic_load(&a->instance->paused))
    return;
  (void)fse_phase_move(a, FSE_READY, FSE_OBSERVING);
  (void)fse_phase_move(a, FSE_SETTLED, FSE_OBSERVING);
  if (fse_phase_get(a) != FSE_OBSERVING) return;
  if (memcmp(a->tuning.gift_root, a->root->hash, 32) != 0) {
    fse_made_done(gift);
    return;
  }
  from_root(a, gift);
  if (fse_live_make(a, gift->program, gift->places, gift->place_count,
                    a->patches + 1, &next->live) != 0) {
    memset(gift, 0, sizeof *gift);
    return;
  }
  memset(gift, 0, sizeof *gift);
  a->patches++;
  next->tuning = next->gift = true;
  next->tasks = 0;
  memset(r, 0, sizeof *r);
  snprintf(r->agent, sizeof r->agent, "%s", a->name);
  snprintf(r->kind, sizeof r->kind, "tuned");
  snprintf(r->reason, sizeof r->reason, "as another agent of the program");
  r->patch = a->patches;
  r->generation = a->generation + 1;
  memcpy(r->parent, fse_live_program(a)->hash, 32);
  memcpy(r->child, next->live.program->hash, 32);
  fse_offer(a);
}

void fse_gift_installed(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct fse_record *rec = &a->next_patch.record;
  struct fse_rooting r;
  struct fse_version v;
  if (fse_rooting_make(a, &r) != 0) {
    /* It runs, and nobody can look after it. */
    a->unevolved = true;
    fse_phase_set(a, FSE_SETTLED);
    return;
  }
  v = fse_rooting_version(a, &r);
  fse_complete(a, FSE_ACCEPTED, NULL);
  (void)fse_remember(a, &v);
  fse_say(in, FLUX_LOG_EVENT, "%s: accepted patch %llu: %s (%s)", a->name,
          (unsigned long long)rec->patch, rec->reason, rec->kind);
  fse_reroot(a, &r);
  fse_phase_set(a, FSE_OBSERVING);
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

/* Stored code is data: it is verified again. What it does is the truth. */
static bool is_sound(struct flux_evolved *a, const struct fse_live *v,
                     struct fisa_error *err) {
  struct fisa_finding f;
  const struct ftrial_pc_map map = {v->pair_count,
                                    (const uint32_t(*)[2])v->pair};
  if (fisa_verify_child(v->program, a->root, NULL, &f, 1) != 0) {
    fisa_fail(err, "%u: %s", f.pc, f.text);
    return false;
  }
  fisa_fail(err, "it does not fit its root");
  return fse_boundaries_carry(a->root, a->root_facts, v->program, &map);
}

int fse_reroot_stored(struct flux_evolved *a, struct fse_stored *stored,
                      struct fisa_error *err) {
  struct fse_live *next = &a->next_patch.live;
  struct fse_rooting r;
  uint32_t generation = stored->generation;
  int rc = fse_live_make(a, stored->program, stored->places,
                         stored->place_count, stored->patch, next);
  stored->program = NULL;
  stored->places = NULL;
  if (rc != 0) return fisa_fail(err, "out of memory");
  if (!is_sound(a, next, err) || fse_rooting_make(a, &r) != 0) {
    fse_live_done(next);
    return -1;
  }
  fse_reroot(a, &r);
  a->live.id = 0; /* the host still runs the origin */
  atomic_store(&a->generation, generation);
  return 0;
}

int fse_reroot_offer(struct flux_evolved *a, uint64_t id) {
  assert(a->origin != NULL && a->live.id == 0);
  return offer_self(a, id);
}
