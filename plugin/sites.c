/*
 * plugin/sites.c - all directed proposals of a view, hot blocks first, and
 * those that are drawn.
 */
#include <assert.h>
#include <stdlib.h>

#include "plugin/mutate.h"

struct keyed {
  double heat;
  struct fse_site site;
};

/* Hotter first; then the order of the table and of the code. */
static int by_heat(const void *x, const void *y) {
  const struct keyed *a = x, *b = y;
  if (a->heat != b->heat) return a->heat > b->heat ? -1 : 1;
  if (a->site.kind != b->site.kind)
    return a->site.kind < b->site.kind ? -1 : 1;
  return a->site.site < b->site.site ? -1 : a->site.site > b->site.site;
}

/* Directed kinds number their sites by instruction: the share of sites an
 * instruction has tells which one a site is at. */
static double heat_of(const struct fse_view *v, uint32_t kind, uint32_t site,
                      uint32_t sites) {
  uint32_t per = sites / v->facts->count;
  uint32_t i = per > 0 ? site / per : 0;
  uint64_t runs;
  assert(i < v->facts->count);
  runs = v->heat != NULL ? v->heat[v->facts->insn[i].pc]
                         : fse_profile_count(v->profile, i);
  return (double)runs * fse_kind_weight(v, kind);
}

int fse_sites_make(const struct fse_view *v, struct fse_sites *out) {
  struct keyed *all = NULL;
  uint32_t count = 0, at = 0;
  out->count = 0;
  out->items = NULL;
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (fse_kind_weight(v, k) > 0 && fse_kinds[k].available(v->lexicon))
      count += fse_kinds[k].sites(v);
  all = malloc((count + 1) * sizeof *all);
  out->items = malloc((count + 1) * sizeof *out->items);
  if (all == NULL || out->items == NULL) {
    free(all);
    fse_sites_done(out);
    return -1;
  }
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    uint32_t n;
    if (fse_kind_weight(v, k) <= 0 || !fse_kinds[k].available(v->lexicon))
      continue;
    n = fse_kinds[k].sites(v);
    for (uint32_t i = 0; i < n; i++)
      all[at++] = (struct keyed){heat_of(v, k, i, n), {k, i}};
  }
  qsort(all, count, sizeof *all, by_heat);
  for (uint32_t i = 0; i < count; i++) out->items[i] = all[i].site;
  out->count = count;
  free(all);
  return 0;
}

void fse_sites_done(struct fse_sites *s) {
  free(s->items);
  s->items = NULL;
  s->count = 0;
}

/* ---- drawn -------------------------------------------------------------- */

/* A kind by weight: the unit interval cut into pieces as long as they are. */
static uint32_t draw_kind(const struct fse_view *v, uint64_t r) {
  double sum = 0, at;
  for (uint32_t k = 0; k < fse_kind_count; k++) sum += fse_kind_weight(v, k);
  at = (double)(r >> 11) * 0x1p-53 * sum;
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    at -= fse_kind_weight(v, k);
    if (at < 0) return k;
  }
  return fse_kind_count;
}

/* A neutral edit that may open the way to another. Whether it was made does
 * not matter: what follows stands alone, too. */
static void loosen(const struct fse_view *v, uint64_t seed, uint64_t round,
                   uint64_t index, struct fse_draft *d) {
  struct fse_proposal ignored = {0};
  uint64_t r = ftrial_random(seed, round, index, 15);
  uint32_t first = (uint32_t)(r % fse_kind_count);
  for (uint32_t n = 0; n < fse_kind_count; n++) {
    uint32_t k = (first + n) % fse_kind_count;
    if (fse_kinds[k].random == NULL || fse_kind_weight(v, k) <= 0 ||
        !fse_kinds[k].available(v->lexicon))
      continue;
    (void)fse_kinds[k].random(v, seed, round, index, d, &ignored);
    return;
  }
}

int fse_draw(const struct fse_view *v, uint64_t seed, uint64_t round,
             uint64_t index, struct fse_draft *d, struct fse_proposal *out) {
  uint32_t k = draw_kind(v, ftrial_random(seed, round, index, 0));
  const struct fse_kind *kind = &fse_kinds[k];
  uint32_t n;
  if (k >= fse_kind_count || !kind->available(v->lexicon)) return -1;
  out->kind = k;
  if (kind->random != NULL)
    return kind->random(v, seed, round, index, d, out);
  n = kind->sites(v);
  if (n == 0) return -1;
  loosen(v, seed, round, index, d);
  return kind->apply(v, (uint32_t)(ftrial_random(seed, round, index, 14) % n),
                     d, out);
}
