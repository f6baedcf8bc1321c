/*
 * plugin/sweep.c - what an edit left without use.
 */
#include <assert.h>

#include "plugin/edit.h"

/* Cells live behind an instruction that goes on to the next. */
static const struct fisa_set *live_behind(const struct fisa_facts *f,
                                          uint32_t i) {
  uint32_t next = f->insn[i].pc + f->insn[i].length;
  return f->index[next] == UINT32_MAX ? NULL : &f->live_in[f->index[next]];
}

/* Whether removing instruction i changes nothing that can be seen. */
static bool useless(const struct fisa_program *p, const struct fisa_facts *f,
                    uint32_t i) {
  const struct fisa_row *row = f->insn[i].row;
  const struct fisa_set *live;
  struct fisa_effects fx;
  if (row->flow != FISA_FLOW_NEXT ||
      (row->roles & (FISA_ROLE_YIELD | FISA_ROLE_HALT)))
    return false;
  fisa_effects(p->dialect, &f->insn[i], &fx);
  if (fx.pinned || fx.mem_write || fx.stack_read || fx.stack_write ||
      fx.input || fx.output || fx.may_fault)
    return false;
  live = live_behind(f, i);
  if (live == NULL) return false;
  for (unsigned w = 0; w < FISA_SET_WORDS; w++)
    if (fx.writes.w[w] & live->w[w]) return false;
  return true;
}

/* One pass over a laid-out draft. */
static int sweep_once(struct fse_draft *d, const struct fse_child *c) {
  struct fisa_facts *f = NULL;
  int removed = 0;
  if (fisa_facts_make(c->program, &f, NULL) != 0) return -1;
  for (uint32_t k = 0; k < d->order_count; k++) {
    uint32_t n = d->order[k], i;
    if (d->nodes[n].dead) continue;
    i = f->index[c->address[n]];
    if (i == UINT32_MAX) {
      /* Unreached: nothing runs it, pinned or not. */
      d->nodes[n].dead = true;
      removed++;
    } else if (!d->nodes[n].pinned && useless(c->program, f, i)) {
      d->nodes[n].dead = true;
      removed++;
    }
  }
  fisa_facts_free(f);
  return removed;
}

int fse_draft_sweep(struct fse_draft *d, uint32_t max_size) {
  int total = 0;
  assert(d != NULL);
  if (d->frozen) return 0;
  for (;;) {
    struct fse_child c;
    int n;
    if (fse_draft_finish(d, max_size, &c, NULL) != 0) return -1;
    n = sweep_once(d, &c);
    fse_child_done(&c);
    if (n < 0) return -1;
    if (n == 0) return total;
    total += n;
  }
}
