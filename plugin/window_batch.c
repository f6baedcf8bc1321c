/*
 * plugin/window_batch.c - prefixes that wait, and what their ends may be.
 *
 * All rows that can be put behind a level with one or two rows to come wait
 * until the level is through. Those that are alike in what is left and what
 * is not read yet are put side by side, a lane each, so that the rows behind
 * them are tried for up to FSE_LANES sequences at once (window_tail.c). For
 * tasks of one result and one file of registers.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/window_enum_impl.h"

void fse_enum_wait(struct fse_enum *e, const struct fse_candidate *c) {
  if (e->candidate_count == e->candidate_capacity) {
    uint32_t n = e->candidate_capacity ? e->candidate_capacity * 2 : 256;
    struct fse_candidate *p = realloc(e->candidate, n * sizeof *p);
    if (p == NULL) {
      e->failed = true;
      return;
    }
    e->candidate = p;
    e->candidate_capacity = n;
  }
  e->candidate[e->candidate_count++] = *c;
}

static void spread(struct fse_block *b, const int32_t *first) {
  for (unsigned t = 0; t < FSE_SIFTED; t++)
    for (unsigned lane = 0; lane < FSE_LANES; lane++)
      b->test[t].lane[lane] = first[t];
}

/* Takes candidate i in, as a lane of its own. */
static void join(struct fse_enum *e, struct fse_group *g, uint32_t i) {
  struct fse_candidate *c = &e->candidate[i];
  assert(g->count < FSE_LANES && c->prefix);
  for (unsigned t = 0; t < FSE_SIFTED; t++)
    g->newest.test[t].lane[g->count] = c->first[t];
  g->index[g->count++] = i;
  g->destroys |= c->gone != FSE_NOTHING;
  c->prefix = false;
}

/* The first prefix that is left, and all that are like it. */
static bool next_group(struct fse_enum *e, struct fse_group *g) {
  g->count = 0;
  g->destroys = false;
  for (uint32_t i = g->from; i < g->to && g->count < FSE_LANES; i++) {
    const struct fse_candidate *c = &e->candidate[i];
    if (!c->prefix) continue;
    if (g->count == 0) {
      g->unused = c->unused;
      g->left = c->left;
    }
    if (c->unused == g->unused && c->left == g->left) join(e, g, i);
  }
  return g->count > 0;
}

void fse_enum_flush(struct fse_enum *e, const struct fse_level *l,
                    uint32_t from) {
  struct fse_group g;
  if (from == e->candidate_count || fse_enum_over(e)) {
    e->candidate_count = from;
    return;
  }
  assert(e->task->form.out_count == 1);
  if (e->uses[0].count == 0 && fse_enum_uses_make(e) != 0) e->failed = true;
  memset(&g, 0, sizeof g);
  g.level = l;
  g.from = from;
  g.to = e->candidate_count;
  for (unsigned i = 0; i < l->count; i++)
    spread(&e->common[i], e->value[l->id[i]].col.lane);
  while (!fse_enum_over(e) && next_group(e, &g)) fse_enum_end(e, &g);
  e->candidate_count = from;
}
