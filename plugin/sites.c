/*
 * plugin/sites.c - all directed proposals of a view, hot blocks first.
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
  return (double)runs * v->policy->weight[kind];
}

int fse_sites_make(const struct fse_view *v, struct fse_sites *out) {
  struct keyed *all = NULL;
  uint32_t count = 0, at = 0;
  out->count = 0;
  out->items = NULL;
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (v->policy->weight[k] > 0 && fse_kinds[k].available(v->lexicon))
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
    if (v->policy->weight[k] <= 0 || !fse_kinds[k].available(v->lexicon))
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
