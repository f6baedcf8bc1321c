/*
 * plugin/window_learn.c - what a refuted find teaches.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_book.h"
#include "plugin/window_impl.h"

#define POINTS_MAX 512u

struct learning {
  const struct fse_view *v;
  const struct fse_find *find;
  uint32_t pc;                 /* where the window begins */
  uint32_t count;
  struct fse_point point[POINTS_MAX];
};

/* A word of memory, whose address may run round the end. */
static int32_t word_at(const struct fisa_state *s, uint32_t address) {
  uint32_t v = 0;
  for (uint32_t i = 0; i < 4; i++)
    v |= (uint32_t)s->mem[(address + i) & (s->mem_size - 1)] << 8 * i;
  return (int32_t)v;
}

/* What the inputs of the window are right now. */
static void look(uint32_t pc, const int32_t *cells, const struct fisa_state *s,
                 void *user) {
  struct learning *l = user;
  const struct fse_window *w = &l->find->window;
  struct fse_point p = {{0}};
  if (pc != l->pc || l->count == POINTS_MAX) return;
  for (unsigned i = 0; i < w->task.form.in_count; i++) {
    uint8_t role = w->task.in_role[i];
    if (role == FSE_NOTHING) {
      p.in[i] = word_at(s, w->load[i].address);
      continue;
    }
    p.in[i] = cells[fisa_reg_cell(l->v->program->dialect, w->reg[role].file,
                                  w->reg[role].byte)];
  }
  for (uint32_t i = 0; i < l->count; i++)
    if (memcmp(&l->point[i], &p, sizeof p) == 0) return;
  l->point[l->count++] = p;
}

int fse_windows_learn(struct fse_book *b, const struct fse_view *v,
                      const struct fse_profile_source *from,
                      const struct fse_find *f) {
  struct learning l = {.v = v, .find = f,
                       .pc = v->facts->insn[f->window.first].pc};
  struct fse_profile_source source = *from;
  struct fse_profile *p;
  assert(f->window.first < v->facts->count);
  source.also = look;
  source.user = &l;
  p = fse_profile_new(v->program, v->facts, &source);
  if (p == NULL) return -1;
  fse_profile_free(p);
  return fse_book_refute(b, v->lexicon, f, l.point, l.count);
}
