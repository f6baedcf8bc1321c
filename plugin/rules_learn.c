/*
 * plugin/rules_learn.c - rules of what a search found.
 */
#include "plugin/rules_learn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/kinds.h"

/* ---- what was found ----------------------------------------------------- */

/* The role of a register that a row names, or FSE_NOTHING. */
static uint8_t role_of(const struct fse_window *w, uint16_t files,
                       int32_t byte) {
  for (uint8_t i = 0; i < w->task.role_count; i++)
    if (w->reg[i].byte == byte && (files >> w->reg[i].file & 1)) return i;
  return FSE_NOTHING;
}

/* A row as it stands, in roles; a register without one is the zero register,
 * or nobody's business: then the rule that is made of it will not hold. */
static void in_roles(const struct fse_window *w, const struct fisa_insn *in,
                     struct fse_winsn *out) {
  out->row = in->row;
  memcpy(out->value, in->value, sizeof out->value);
  for (unsigned k = 0; k < in->row->operand_count; k++)
    if (in->row->operands[k].kind == FISA_OPERAND_REG)
      out->value[k] = role_of(w, in->row->operands[k].files, in->value[k]);
}

/* Whether all that a window reads and leaves is in registers. */
static bool in_registers(const struct fse_task *t) {
  for (unsigned i = 0; i < t->form.in_count; i++)
    if (t->in_role[i] == FSE_NOTHING) return false;
  for (unsigned k = 0; k < t->form.out_count; k++)
    if (t->out_role[k] == FSE_NOTHING) return false;
  return true;
}

/* A window that an edit replaced by `way` rows, in its first places. */
static bool read_edit(const struct fse_view *v, const struct fse_draft *after,
                      const struct fse_proposal *p, struct fse_find *out) {
  struct fse_slots *slots = fse_slots_make(v->lexicon, v->program, v->facts);
  uint32_t first = v->facts->index[p->pc];
  struct fse_window *w = &out->window;
  bool read = slots != NULL && first != UINT32_MAX &&
              p->way <= FSE_RULE_ROWS && p->way <= (uint32_t)p->value &&
              fse_window_run(v, slots, first) >= (uint32_t)p->value &&
              fse_window_read(v, slots, first, (uint32_t)p->value, w) == 0 &&
              in_registers(&w->task);
  fse_slots_free(slots);
  if (!read) return false;
  memcpy(out->patch.in_role, w->task.in_role, sizeof out->patch.in_role);
  memcpy(out->patch.out_role, w->task.out_role, sizeof out->patch.out_role);
  out->patch.count = (uint8_t)p->way;
  for (uint32_t i = 0; i < p->way; i++)
    in_roles(w, &after->nodes[first + i].insn, &out->patch.insn[i]);
  return true;
}

struct fse_find *fse_find_keep(const struct fse_view *v,
                               const struct fse_draft *after,
                               const struct fse_proposal *p) {
  const struct fse_find *f = fse_find_of(v, p);
  bool window = fse_kinds[p->kind].apply == fse_window_apply;
  struct fse_find *copy;
  if (f == NULL && !window) return NULL;
  copy = calloc(1, sizeof *copy);
  if (copy != NULL && f != NULL) {
    *copy = *f;
  } else if (copy != NULL && !read_edit(v, after, p, copy)) {
    free(copy);
    copy = NULL;
  }
  return copy;
}

/* ---- what is learned of it ---------------------------------------------- */

/* Makes and proves the rule of a find; NULL: there is none. */
static const uint8_t *make(struct fse_rules *rs, const struct fse_lesson *l,
                           const struct fse_find *f) {
  struct fse_menu *m = fse_menu_new(l->lexicon, &f->window.task);
  const uint8_t *name = NULL;
  struct fse_rule rule;
  assert(l->prover != NULL);
  if (m != NULL &&
      fse_rule_make(&f->window.task, m, &f->patch, &rule) == 0 &&
      fse_rule_prove(&rule, l->prover, l->lexicon->dialect, true) ==
          FSE_PROVED)
    name = fse_rules_add(rs, &rule);
  fse_menu_free(m);
  return name;
}

void fse_rules_learn(struct fse_rules *rs, const struct fse_lesson *l,
                     const struct fse_find *f, struct fse_uses *uses) {
  const uint8_t *name = f->rule;
  assert(rs != NULL && uses != NULL);
  if (name == NULL && l->prover != NULL) name = make(rs, l, f);
  if (name != NULL) fse_uses_add(uses, name);
}
