/*
 * plugin/window_graph.c - what the rows of a window compute, as a graph.
 *
 * Rows are read step by step through their templates. Equal ops on equal
 * values are one vertex, an op on constants is a constant, a copy is nothing.
 */
#include <assert.h>
#include <string.h>

#include "plugin/window_column.h"
#include "plugin/window_impl.h"

bool fse_is_value(unsigned op) {
  return op < FLUX_OP_COUNT && fse_kernels()->run[op] != NULL;
}

/* A cell that counts down by itself, instruction by instruction. */
static bool ticks(const struct fisa_dialect *d, const struct fisa_ref *r) {
  return r->kind == FISA_REF_CELL && d->files[r->file].tick;
}

/* Whether an operand of a step can be read off the table and the bytes. */
static bool plain_ref(const struct fisa_dialect *d, const struct fisa_ref *r,
                      char use) {
  if (use == 'N') return true;
  switch (r->kind) {
    case FISA_REF_REG: case FISA_REF_FIXED:
      return d->files[r->file].width <= 1;
    case FISA_REF_CELL:
      return !ticks(d, r);
    case FISA_REF_TEMP: case FISA_REF_CONST: case FISA_REF_IMM:
    case FISA_REF_RAWNUM:
      return true;
    default:
      return false;
  }
}

static bool plain_step(const struct fisa_dialect *d,
                       const struct fisa_step *s, bool slot) {
  const struct fisa_ref *ref[4] = {&s->d, &s->a, &s->b, &s->c};
  bool memory = s->op == FLUX_OP_LOAD32 || s->op == FLUX_OP_STORE32;
  if (s->op != FLUX_OP_NOP && s->op != FLUX_OP_SWAP && !fse_is_value(s->op) &&
      !(slot && memory))
    return false;
  for (unsigned k = 0; k < 4; k++)
    if (!plain_ref(d, ref[k], fisa_semop_use(s->op, k))) return false;
  return true;
}

bool fse_graph_row(const struct fisa_dialect *d, const struct fisa_row *row,
                   bool slot) {
  if (!row->defined || row->opaque || row->keep || row->payload ||
      row->sensitive || row->flow != FISA_FLOW_NEXT || row->filler > 0 ||
      (row->roles & (FISA_ROLE_YIELD | FISA_ROLE_HALT)))
    return false;
  for (unsigned k = 0; k < row->step_count; k++)
    if (!plain_step(d, &row->steps[k], slot)) return false;
  return true;
}

/* ---- vertices ----------------------------------------------------------- */

static bool same_vertex(const struct fse_vertex *a,
                        const struct fse_vertex *b) {
  return a->kind == b->kind && a->op == b->op && a->imm == b->imm &&
         a->cell == b->cell && memcmp(a->arg, b->arg, sizeof a->arg) == 0;
}

static uint8_t vertex_put(struct fse_graph *g, struct fse_vertex *n) {
  for (uint32_t i = 0; i < g->count; i++)
    if (same_vertex(&g->vertex[i], n)) return (uint8_t)i;
  if (g->count == FSE_GRAPH_VALUES) return FSE_NOTHING;
  n->shape = fse_mix(fse_mix(n->kind, n->op), (uint32_t)n->imm);
  for (unsigned k = 0; k < 4; k++)
    n->shape = fse_mix(n->shape, n->arg[k] == FSE_NOTHING
                                     ? k
                                     : g->vertex[n->arg[k]].shape);
  g->vertex[g->count] = *n;
  return (uint8_t)g->count++;
}

static uint8_t constant(struct fse_graph *g, int32_t value) {
  struct fse_vertex n = {.kind = FSE_VERTEX_CONST, .imm = value};
  memset(n.arg, FSE_NOTHING, sizeof n.arg);
  return vertex_put(g, &n);
}

/* What an op makes of constants, by the one table there is. */
static int32_t fold(const struct fse_graph *g, const struct fse_vertex *n) {
  const struct fse_stretch one = {0, FSE_STRIPE, n->imm};
  struct fse_column place[4];
  assert(fse_is_value(n->op));
  for (unsigned k = 0; k < 4; k++)
    for (unsigned i = 0; i < FSE_STRIPE; i++)
      place[k].lane[i] =
          n->arg[k] == FSE_NOTHING ? 0 : g->vertex[n->arg[k]].imm;
  fse_kernels()->run[n->op](&place[0], &place[1], &place[2], &place[3], one);
  return place[0].lane[0];
}

static uint8_t operation(struct fse_graph *g, struct fse_vertex *n) {
  bool constants = true;
  for (unsigned k = 0; k < 4; k++)
    constants &= n->arg[k] == FSE_NOTHING ||
                 g->vertex[n->arg[k]].kind == FSE_VERTEX_CONST;
  if (n->op == FLUX_OP_MOV) return n->arg[1];
  return constants ? constant(g, fold(g, n)) : vertex_put(g, n);
}

/* ---- cells -------------------------------------------------------------- */

static struct fse_held *held(struct fse_graph *g, uint32_t cell) {
  for (uint32_t i = 0; i < g->held_count; i++)
    if (g->held[i].cell == cell) return &g->held[i];
  if (g->held_count == FSE_GRAPH_CELLS) return NULL;
  g->held[g->held_count] =
      (struct fse_held){.cell = cell, .value = FSE_NOTHING};
  return &g->held[g->held_count++];
}

uint8_t fse_graph_value(struct fse_graph *g, uint32_t cell) {
  struct fse_held *h = held(g, cell);
  struct fse_vertex n = {.kind = FSE_VERTEX_INPUT, .cell = cell};
  if (h == NULL) return FSE_NOTHING;
  if (h->value == FSE_NOTHING) {
    memset(n.arg, FSE_NOTHING, sizeof n.arg);
    h->value = vertex_put(g, &n);
  }
  return h->value;
}

static int put_cell(struct fse_graph *g, uint32_t cell, uint8_t value) {
  struct fse_held *h = held(g, cell);
  assert(g->held_count <= FSE_GRAPH_CELLS);
  if (h == NULL || value == FSE_NOTHING) return -1;
  h->value = value;
  h->written = true;
  return 0;
}

/* ---- instructions ------------------------------------------------------- */

/* An instruction under reading. */
struct reading {
  struct fse_graph *g;
  const struct fisa_insn *in;
  uint8_t temp[FISA_TEMPS];
};

/* The cell of a register or single cell; -1: the zero register. */
static int cell_of(const struct reading *x, const struct fisa_ref *r) {
  const struct fisa_dialect *d = x->g->v->program->dialect;
  switch (r->kind) {
    case FISA_REF_REG:
      return fisa_reg_cell(d, r->file, x->in->value[r->operand]);
    case FISA_REF_FIXED:
      return d->files[r->file].zero && r->value == 0
                 ? -1
                 : d->files[r->file].first + r->value;
    default:
      return d->files[r->file].first;
  }
}

static uint8_t read_ref(struct reading *x, const struct fisa_ref *r) {
  int cell;
  switch (r->kind) {
    case FISA_REF_TEMP:
      return x->temp[r->value];
    case FISA_REF_CONST:
      return constant(x->g, r->value);
    case FISA_REF_IMM: case FISA_REF_RAWNUM:
      return constant(x->g, x->in->value[r->operand]);
    default:
      cell = cell_of(x, r);
      return cell < 0 ? constant(x->g, 0)
                      : fse_graph_value(x->g, (uint32_t)cell);
  }
}

static int write_ref(struct reading *x, const struct fisa_ref *r,
                     uint8_t value) {
  int cell;
  if (r->kind == FISA_REF_TEMP) {
    x->temp[r->value] = value;
    return value == FSE_NOTHING ? -1 : 0;
  }
  cell = cell_of(x, r);
  return cell < 0 ? 0 : put_cell(x->g, (uint32_t)cell, value);
}

static int read_step(struct reading *x, const struct fisa_step *s,
                     unsigned slot, bool store) {
  const struct fisa_ref *ref[4] = {&s->d, &s->a, &s->b, &s->c};
  struct fse_vertex n = {.kind = FSE_VERTEX_OP, .op = s->op};
  if (s->op == FLUX_OP_NOP) return 0;
  if (s->op == FLUX_OP_STORE32 && store)
    return put_cell(x->g, FSE_SLOT_CELL(slot), read_ref(x, &s->d));
  if (s->op == FLUX_OP_LOAD32)
    return write_ref(x, &s->d, fse_graph_value(x->g, FSE_SLOT_CELL(slot)));
  if (s->op == FLUX_OP_SWAP) {
    uint8_t b = read_ref(x, &s->b), c = read_ref(x, &s->c);
    return write_ref(x, &s->d, b) != 0 || write_ref(x, &s->a, c) != 0 ? -1 : 0;
  }
  for (unsigned k = 0; k < 4; k++) {
    char use = fisa_semop_use(s->op, k);
    n.arg[k] = FSE_NOTHING;
    if (use != 'R' && use != 'M') continue;
    n.arg[k] = read_ref(x, ref[k]);
    if (n.arg[k] == FSE_NOTHING) return -1;
  }
  if (s->imm.kind == FISA_REF_CONST) n.imm = s->imm.value;
  else if (s->imm.kind == FISA_REF_IMM || s->imm.kind == FISA_REF_RAWNUM)
    n.imm = x->in->value[s->imm.operand];
  else if (s->imm.kind != FISA_REF_NONE) return -1;
  return write_ref(x, &s->d, operation(x->g, &n));
}

int fse_graph_add(struct fse_graph *g, const struct fisa_insn *in,
                  unsigned slot, bool store) {
  struct reading x = {.g = g, .in = in};
  memset(x.temp, FSE_NOTHING, sizeof x.temp);
  assert(in->row->step_count <= FISA_MAX_TEMPLATE);
  for (unsigned k = 0; k < in->row->step_count; k++)
    if (read_step(&x, &in->row->steps[k], slot, store) != 0) return -1;
  return 0;
}
