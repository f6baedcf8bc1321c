/*
 * plugin/window_form.c - the graph of a window in its canonical form.
 *
 * Values are numbered in the order in which the results lead to them, operands
 * of commutative ops by what they compute; what no result needs is never
 * come to.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_impl.h"

struct forming {
  const struct fse_graph *g;
  struct fse_wform *form;
  uint32_t *cell;                     /* of inputs */
  uint8_t seen[FSE_GRAPH_VALUES];     /* come to: a bit each */
  unsigned op_count, input_count, const_count;
  uint8_t op[FSE_GRAPH_VALUES], input[FSE_GRAPH_VALUES];
  uint8_t constants[FSE_GRAPH_VALUES];
};

/* Operands of a vertex, those of a commutative op in their order. */
static void operands(const struct fse_graph *g, const struct fse_vertex *n,
                     uint8_t arg[4]) {
  memcpy(arg, n->arg, 4);
  if (!fse_op_commutes(n->op) ||
      g->vertex[arg[1]].shape <= g->vertex[arg[2]].shape)
    return;
  arg[1] = n->arg[2];
  arg[2] = n->arg[1];
}

/* Depth first, operands before their op. The depth is that of the graph. */
static void come_to(struct forming *f, uint8_t value) {
  const struct fse_vertex *n = &f->g->vertex[value];
  uint8_t arg[4];
  if (f->seen[value]) return;
  f->seen[value] = 1;
  if (n->kind == FSE_VERTEX_INPUT) {
    f->input[f->input_count++] = value;
  } else if (n->kind == FSE_VERTEX_CONST) {
    f->constants[f->const_count++] = value;
  } else {
    operands(f->g, n, arg);
    for (unsigned k = 0; k < 4; k++)
      if (arg[k] != FSE_NOTHING) come_to(f, arg[k]);
    f->op[f->op_count++] = value;
  }
}

/* The number of a value in the form. */
static uint8_t number(const struct forming *f, uint8_t value) {
  unsigned i;
  for (i = 0; i < f->input_count; i++)
    if (f->input[i] == value) return (uint8_t)i;
  for (i = 0; i < f->const_count; i++)
    if (f->constants[i] == value) return (uint8_t)(f->input_count + i);
  for (i = 0; i < f->op_count; i++)
    if (f->op[i] == value)
      return (uint8_t)(f->input_count + f->const_count + i);
  return FSE_NOTHING;
}

static void write_node(const struct forming *f, unsigned i) {
  const struct fse_vertex *n = &f->g->vertex[f->op[i]];
  struct fse_wnode *out = &f->form->node[i];
  uint8_t arg[4];
  operands(f->g, n, arg);
  for (unsigned k = 0; k < 4; k++)
    if (arg[k] != FSE_NOTHING) arg[k] = number(f, arg[k]);
  *out = (struct fse_wnode){n->op, arg[0], arg[1], arg[2], arg[3], n->imm};
}

int fse_form_make(const struct fse_graph *g, const uint8_t *out,
                  unsigned out_count, struct fse_wform *form,
                  uint32_t cell[FSE_WINDOW_INS]) {
  struct forming f = {.g = g, .form = form, .cell = cell};
  assert(out_count <= FSE_WINDOW_OUTS);
  memset(form, 0, sizeof *form);
  for (unsigned k = 0; k < out_count; k++) come_to(&f, out[k]);
  if (f.input_count > FSE_WINDOW_INS || f.const_count > FSE_WINDOW_CONSTS ||
      f.op_count > FSE_WINDOW_OPS)
    return -1;
  form->in_count = (uint8_t)f.input_count;
  form->const_count = (uint8_t)f.const_count;
  form->node_count = (uint8_t)f.op_count;
  form->out_count = (uint8_t)out_count;
  for (unsigned i = 0; i < f.input_count; i++)
    cell[i] = g->vertex[f.input[i]].cell;
  for (unsigned i = 0; i < f.const_count; i++)
    form->constant[i] = g->vertex[f.constants[i]].imm;
  for (unsigned i = 0; i < f.op_count; i++) write_node(&f, i);
  for (unsigned k = 0; k < out_count; k++) form->out[k] = number(&f, out[k]);
  return 0;
}

/* ---- keys --------------------------------------------------------------- */

static uint64_t form_hash(const struct fse_wform *f) {
  uint64_t h = fse_mix(f->in_count, f->out_count);
  for (unsigned i = 0; i < f->const_count; i++)
    h = fse_mix(h, (uint32_t)f->constant[i]);
  for (unsigned i = 0; i < f->node_count; i++) {
    const struct fse_wnode *n = &f->node[i];
    h = fse_mix(h, n->op);
    h = fse_mix(h, (uint64_t)n->d << 24 | (uint64_t)n->a << 16 |
                       (uint64_t)n->b << 8 | n->c);
    h = fse_mix(h, (uint32_t)n->imm);
  }
  for (unsigned k = 0; k < f->out_count; k++) h = fse_mix(h, f->out[k]);
  return h;
}

uint64_t fse_task_key(const struct fse_task *t, const struct fse_lexicon *l) {
  uint64_t h = fse_mix(form_hash(&t->form), l->key);
  h = fse_mix(h, (uint64_t)t->role_count << 1 | t->flags_kept);
  for (unsigned i = 0; i < t->role_count; i++) h = fse_mix(h, t->role_file[i]);
  for (unsigned i = 0; i < t->form.in_count; i++)
    h = fse_mix(h, (uint64_t)t->in_role[i] << 16 |
                       (uint64_t)t->in_file[i] << 1 | t->in_kept[i]);
  for (unsigned k = 0; k < t->form.out_count; k++)
    h = fse_mix(h, (uint64_t)t->out_role[k] << 8 | t->out_file[k]);
  return h;
}
