/*
 * plugin/kinds_breed.c - BreedVariants: what one climb found, and another.
 *
 * Climbs from one root end in different places. What is good at the front of
 * one and at the back of another comes together by an edit of the one at hand.
 */
#include <assert.h>
#include <stdio.h>

#include "plugin/genome.h"
#include "plugin/kinds.h"

bool fse_breed_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

uint32_t fse_breed_sites(const struct fse_view *v) {
  (void)v;
  return 0;
}

int fse_breed_apply(const struct fse_view *v, uint32_t site,
                    struct fse_draft *d, struct fse_proposal *out) {
  (void)v, (void)site, (void)d, (void)out;
  return -1;
}

int fse_breed_random(const struct fse_view *v, uint64_t seed, uint64_t round,
                     uint64_t index, struct fse_draft *d,
                     struct fse_proposal *out) {
  uint64_t r = ftrial_random(seed, round, index, 13);
  const struct fse_mate *self = v->mates, *other;
  uint32_t cut;
  if (v->mate_count < 2) return -1;
  assert(self->program == v->program);
  other = &v->mates[1 + (r >> 32) % (v->mate_count - 1)];
  cut = fse_breed_cut(self, other, r & UINT32_MAX);
  if (cut == UINT32_MAX || fse_breed(self, other, cut, d) != 0) return -1;
  out->value = (int32_t)(other - v->mates);
  return fse_propose(d, v, out, 0,
                     fse_place_of(self->places, self->place_count, cut));
}

void fse_breed_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "from %u on it is variant %d", p->pc, p->value);
}
