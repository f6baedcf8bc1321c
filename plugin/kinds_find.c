/*
 * plugin/kinds_find.c - FindSequence: a window by the cheapest rows that do
 * the same, as the search of windows found them.
 */
#include <assert.h>
#include <stdio.h>

#include "plugin/kinds.h"
#include "plugin/window_book.h"

#define FIND_WAYS 3u  /* finds that begin at one instruction */

bool fse_find_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

uint32_t fse_find_sites(const struct fse_view *v) {
  return v->windows == NULL || v->windows->count == 0
             ? 0
             : v->facts->count * FIND_WAYS;
}

/* What a site puts in, or NULL. */
static const struct fse_find *find_at(const struct fse_view *v,
                                      uint32_t site) {
  assert(v->windows != NULL);
  return fse_windows_at(v->windows, site / FIND_WAYS, site % FIND_WAYS);
}

const struct fse_find *fse_find_of(const struct fse_view *v,
                                   const struct fse_proposal *p) {
  const struct fse_windows *ws = v->windows;
  if (ws == NULL || p->kind >= fse_kind_count ||
      fse_kinds[p->kind].apply != fse_find_apply)
    return NULL;
  for (uint32_t i = 0; i < ws->count; i++) {
    const struct fse_window *w = &ws->finds[i].window;
    if (v->facts->insn[w->first].pc == p->pc &&
        w->length == (uint32_t)p->value)
      return &ws->finds[i];
  }
  return NULL;
}

int fse_find_apply(const struct fse_view *v, uint32_t site,
                   struct fse_draft *d, struct fse_proposal *out) {
  const struct fse_find *f = find_at(v, site);
  if (f == NULL) return -1;
  /* What was taken before it this round may be in its place. */
  for (uint32_t i = f->window.first;
       i < f->window.first + f->window.length; i++)
    if (d->nodes[i].dead ||
        d->nodes[i].insn.row != v->facts->insn[i].row)
      return -1;
  if (fse_window_splice(&f->window, &f->patch, d) != 0) return -1;
  out->value = (int32_t)f->window.length;
  return fse_propose(d, v, out, f->patch.count,
                     v->facts->insn[f->window.first].pc);
}

void fse_find_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the cheapest rows for the %d at %u: %u", p->value,
           p->pc, p->way);
}
