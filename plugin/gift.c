/*
 * plugin/gift.c - what one agent's live trial accepted, on its way to others of
 * the same program. It is tried there like anything that comes from elsewhere
 * (given.c), and goes live on probation.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

/* A copy that is of the dialect of `like`; without memory there is none. */
static void copy_made(const struct fse_made *m, const struct fisa_program *like,
                      struct fse_made *to) {
  const struct fisa_program *p = m->program;
  to->program = fisa_program_derive(like, p->code, p->size, p->entry,
                                    p->manifest.boundary.pc);
  to->places = malloc(((size_t)m->place_count + 1) * sizeof *to->places);
  to->place_count = m->place_count;
  if (to->program == NULL || to->places == NULL)
    fse_made_done(to);
  else
    memcpy(to->places, m->places, m->place_count * sizeof *m->places);
}

/* The instance lock is held. */
static void give(struct flux_evolved *b, const struct flux_evolved *a,
                 const uint8_t old_root[32]) {
  /* The places of a's new root are those from the origin on; b's origin is
   * the same, and so was its root. */
  const struct fse_made found = {a->root, a->origin_places,
                                 a->origin_place_count};
  fse_made_done(&b->tuning.gift);
  copy_made(&found, b->root, &b->tuning.gift);
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
        atomic_load(&b->tuning.on) && !b->unevolved &&
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

bool fse_gift_due(const struct flux_evolved *a) {
  const struct fse_tuning *t = &a->tuning;
  return t->gift.program != NULL && t->recorded >= FSE_SCENES_LEAST &&
         fse_trusted(a) && memcmp(t->gift_root, a->root->hash, 32) == 0;
}

void fse_mind_gift(struct flux_evolved *a) {
  enum fse_phase phase = fse_phase_get(a);
  struct fse_made *gift = &a->tuning.gift;
  if ((phase != FSE_OBSERVING && phase != FSE_SETTLED) ||
      gift->program == NULL)
    return;
  if (memcmp(a->tuning.gift_root, a->root->hash, 32) != 0)
    fse_made_done(gift);
  else if (fse_tuning_due(a) && !a->unevolved)
    (void)fse_phase_move(a, phase, FSE_READY);
}

bool fse_gift_copy(struct flux_evolved *a, struct fse_made *out) {
  const struct fse_made *gift = &a->tuning.gift;
  assert(fse_phase_get(a) == FSE_SEARCHING);
  memset(out, 0, sizeof *out);
  pthread_mutex_lock(&a->instance->lock);
  if (fse_gift_due(a)) copy_made(gift, a->root, out);
  pthread_mutex_unlock(&a->instance->lock);
  if (out->program == NULL) return false;
  from_root(a, out);
  return true;
}

void fse_gift_drop(struct flux_evolved *a, const uint8_t hash[32]) {
  struct fse_made *gift = &a->tuning.gift;
  pthread_mutex_lock(&a->instance->lock);
  if (gift->program != NULL && memcmp(gift->program->hash, hash, 32) == 0)
    fse_made_done(gift);
  pthread_mutex_unlock(&a->instance->lock);
}
