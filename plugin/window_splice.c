/*
 * plugin/window_splice.c - a patch into a draft.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_impl.h"

/* What goes in the window's place, one row after another. */
struct splice {
  const struct fse_window *w;
  struct fse_draft *d;
  uint32_t done;      /* nodes of the window used */
};

/* The node in the next place: one of the window's, or a new one. */
static int put(struct splice *s, const struct fisa_row *row,
               const int32_t value[FISA_MAX_OPERANDS]) {
  const struct fse_window *w = s->w;
  uint32_t behind;
  if (s->done < w->length)
    return fse_draft_replace(s->d, w->first + s->done++, row, value,
                             FSE_NO_NODE);
  behind = fse_draft_next(s->d, w->first + w->length - 1);
  if (behind == FSE_NO_NODE) return -1;
  return fse_draft_insert(s->d, behind, false, row, value, FSE_NO_NODE) ==
                 FSE_NO_NODE
             ? -1
             : 0;
}

static int put_frame(struct splice *s, const struct fse_winsn_frame *f,
                     uint8_t role) {
  int32_t value[FISA_MAX_OPERANDS];
  memcpy(value, f->value, sizeof value);
  if (role >= s->w->task.role_count) return -1;
  value[f->operand] = s->w->reg[role].byte;
  return put(s, f->row, value);
}

static int put_row(struct splice *s, const struct fse_winsn *in) {
  int32_t value[FISA_MAX_OPERANDS];
  memcpy(value, in->value, sizeof value);
  for (unsigned k = 0; k < in->row->operand_count; k++) {
    if (in->row->operands[k].kind != FISA_OPERAND_REG) continue;
    /* Roles past the last name the zero register. */
    value[k] = value[k] < s->w->task.role_count
                   ? s->w->reg[value[k]].byte
                   : 0;
  }
  return put(s, in->row, value);
}

int fse_window_splice(const struct fse_window *w, const struct fse_patch *p,
                      struct fse_draft *d) {
  struct splice s = {w, d, 0};
  const struct fse_wform *f = &w->task.form;
  assert(w->first + w->length <= d->base_count);
  for (unsigned i = 0; i < f->in_count; i++)
    if (w->load[i].row != NULL &&
        put_frame(&s, &w->load[i], p->in_role[i]) != 0)
      return -1;
  for (unsigned i = 0; i < p->count; i++)
    if (put_row(&s, &p->insn[i]) != 0) return -1;
  for (unsigned k = 0; k < f->out_count; k++)
    if (w->store[k].row != NULL &&
        put_frame(&s, &w->store[k], p->out_role[k]) != 0)
      return -1;
  for (; s.done < w->length; s.done++)
    if (fse_draft_remove(d, w->first + s.done) != 0) return -1;
  return 0;
}
