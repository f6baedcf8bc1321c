/*
 * plugin/agree_live.c - what has to be equal where.
 *
 * At a pair: what b may still read, or may still show. Where an agent may be
 * handed from one version to the other also what the root would read there.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "plugin/agree_impl.h"

/* ---- cells -------------------------------------------------------------- */

static void join(struct fisa_set *a, const struct fisa_set *b) {
  for (int w = 0; w < FISA_SET_WORDS; w++) a->w[w] |= b->w[w];
}

/* What the root keeps alive behind any of its boundaries. */
static void handed_over(const struct agree *g, struct fisa_set *out) {
  const struct agree_side *b = &g->side[1];
  const struct fisa_facts *root = g->r->root_facts;
  const struct fisa_program *p = g->r->root;
  bool at_pc = p->manifest.boundary.kind == FISA_BOUNDARY_PC;
  memset(out, 0, sizeof *out);
  for (uint32_t i = 0; i < root->count; i++) {
    const struct fisa_insn *in = &root->insn[i];
    uint32_t from = in->pc + in->length;
    bool yields = false;
    for (unsigned s = 0; s < in->row->step_count; s++)
      yields |= in->row->steps[s].op == FLUX_OP_YIELD;
    yields |= p->manifest.boundary.kind == FISA_BOUNDARY_OUT &&
              in->row->channel == p->manifest.boundary.channel;
    if (yields && from < p->size && root->index[from] != AGREE_NONE)
      join(out, &root->live_in[root->index[from]]);
    if (at_pc && p->manifest.boundary.pc == in->pc)
      join(out, &root->live_in[i]);
  }
  assert(b->facts != NULL);
}

/* Whether an agent may be handed over before instruction i of b, or behind
 * it. */
static bool hands_over(const struct agree_side *b, uint32_t i) {
  return agree_has_op(b, i, FLUX_OP_YIELD) || agree_has_op(b, i, FIR_BOUNDARY);
}

/* The set reaches back from boundaries to whatever makes it. Behind a RET is
 * what is behind any call. */
static void spread(struct agree *g, const struct fisa_set *handed) {
  const struct agree_side *b = &g->side[1];
  uint32_t n = b->facts->count;
  bool again = true;
  while (again) {
    again = false;
    for (uint32_t i = n; i-- > 0;) {
      const struct fisa_insn *in = &b->facts->insn[i];
      uint32_t next[AGREE_NEXTS];
      struct fisa_set to = {{0}};
      struct fisa_effects e;
      bool odd;
      unsigned count = agree_next(b, i, next, &odd);
      for (unsigned k = 0; k < count; k++)
        if (next[k] != AGREE_NONE) join(&to, &g->live[next[k]]);
      if (in->row->flow == FISA_FLOW_RET || hands_over(b, i))
        join(&to, handed);
      fisa_effects(b->program->dialect, in, &e);
      for (int w = 0; w < FISA_SET_WORDS; w++) {
        uint64_t more = to.w[w] & ~e.kills.w[w] & ~g->live[i].w[w];
        g->live[i].w[w] |= more;
        again |= more != 0;
      }
    }
  }
}

static int live_make(struct agree *g) {
  const struct fisa_facts *f = g->side[1].facts;
  struct fisa_set handed;
  uint32_t n = f->count;
  bool any = false;
  g->live = malloc((n + 1) * sizeof *g->live);
  if (g->live == NULL) return agree_no(g, "out of memory");
  memcpy(g->live, f->live_in, n * sizeof *g->live);
  handed_over(g, &handed);
  for (uint32_t i = 0; i < n; i++) any |= hands_over(&g->side[1], i);
  if (any) {
    for (uint32_t i = 0; i < n; i++)
      if (agree_has_op(&g->side[1], i, FIR_BOUNDARY))
        join(&g->live[i], &handed);
    spread(g, &handed);
  }
  fisa_observed_cells(g->side[1].program, &g->observed);
  return 0;
}

/* ---- memory ------------------------------------------------------------- */

static void mark(uint8_t *byte, uint32_t size, uint32_t first, uint32_t count,
                 uint8_t v) {
  for (uint32_t i = 0; i < count && i < size; i++)
    byte[(first + i) & (size - 1)] = v;
}

/* What is looked at where a run ends, or where an agent goes on. */
static void mark_observed(const struct fisa_program *p, bool goes_on,
                          uint8_t *byte) {
  const struct fisa_manifest *m = &p->manifest;
  uint32_t size = p->dialect->mem_size;
  bool named = m->out_none || m->out_count > 0;
  memset(byte, goes_on || !named, size);
  if (goes_on || !named)
    for (uint32_t i = 0; i < m->scratch_count; i++)
      mark(byte, size, m->scratch[i].first, m->scratch[i].count, 0);
  for (uint32_t i = 0; i < m->out_count && !goes_on; i++)
    if (m->out[i].kind == FISA_CELLS_MEM)
      mark(byte, size, m->out[i].first, m->out[i].count, 1);
}

/* Cells that hold the same at every run of the op at hand: constants, and
 * temporaries that the row made of such. */
struct constants {
  const struct fir_program *f;
  bool known[FIR_TEMPS];
  int32_t temp[FIR_TEMPS];
};

static bool constant(const struct constants *c, uint32_t cell, int32_t *v) {
  const struct fir_program *f = c->f;
  if (cell >= f->pool_first && cell < f->pool_first + f->pool_count)
    *v = f->pool[cell - f->pool_first];
  else if (cell == f->zero)
    *v = 0;
  else if (cell >= f->temp && cell - f->temp < FIR_TEMPS &&
           c->known[cell - f->temp])
    *v = c->temp[cell - f->temp];
  else
    return false;
  return true;
}

/* What an op makes of the temporaries. */
static void note_temps(struct constants *c, const struct fir_ins *n) {
  const uint16_t cell[4] = {n->d, n->a, n->b, n->c};
  uint32_t t = (uint32_t)n->d - c->f->temp;
  int32_t v[4] = {0, 0, 0, 0};
  bool all = n->op < FLUX_OP_COUNT;
  if (n->row & FIR_FIRST) memset(c->known, 0, sizeof c->known);
  for (unsigned i = 0; i < 4 && all; i++) {
    char use = fisa_semop_use(n->op, i);
    if (use == 'R' || use == 'M') all = constant(c, cell[i], &v[i]);
  }
  if (n->d < c->f->temp || t >= FIR_TEMPS) return;
  c->known[t] = all && prove_fold(n->op, v, n->imm, &c->temp[t]);
}

/* Bytes that b may ever load: at constant addresses alone, or everything. */
static void mark_loaded(const struct fir_program *f, uint8_t *byte) {
  uint32_t size = f->dialect->mem_size;
  struct constants c = {.f = f};
  for (uint32_t i = 0; i < f->count; i++) {
    const struct fir_ins *n = &f->ins[i];
    bool plain = n->op == FLUX_OP_LOAD32 || n->op == FLUX_OP_LOAD8;
    enum fisa_effect effect =
        n->op < FLUX_OP_COUNT ? fisa_semop_effect(n->op) : FISA_EFFECT_NONE;
    int32_t a, b;
    if (n->row & FIR_FIRST) memset(c.known, 0, sizeof c.known);
    if (effect == FISA_EFFECT_LOAD || effect == FISA_EFFECT_COPY ||
        n->op == FLUX_OP_DRAW_W) {
      if (plain && constant(&c, n->a, &a) && constant(&c, n->b, &b))
        mark(byte, size, (uint32_t)a + (uint32_t)b + (uint32_t)n->imm,
             n->op == FLUX_OP_LOAD32 ? 4 : 1, 1);
      else
        memset(byte, 1, size);
    }
    note_temps(&c, n);
  }
}

/* The marked bytes as spans, or NULL: memory. */
static struct fse_span *spans_of(const uint8_t *byte, uint32_t size,
                                 uint32_t *count) {
  struct fse_span *span = NULL;
  uint32_t n = 0;
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1) span = calloc(n + 1, sizeof *span);
    if (pass == 1 && span == NULL) return NULL;
    n = 0;
    for (uint32_t i = 0; i < size;) {
      uint32_t from = i;
      while (i < size && byte[i]) i++;
      if (i > from) {
        if (pass == 1) span[n] = (struct fse_span){from, i - from};
        n++;
      }
      while (i < size && !byte[i]) i++;
    }
  }
  *count = n;
  return span;
}

static int spans_make(struct agree *g) {
  const struct agree_side *b = &g->side[1];
  uint32_t size = b->program->dialect->mem_size;
  uint8_t *byte = malloc(size + 1u), *more = malloc(size + 1u);
  bool goes_on = false;
  int rc = -1;
  if (byte != NULL && more != NULL) {
    for (uint32_t i = 0; i < b->facts->count; i++)
      goes_on |= hands_over(b, i);
    mark_observed(b->program, false, byte);
    g->end_span = spans_of(byte, size, &g->end_span_count);
    mark_observed(b->program, goes_on, more);
    for (uint32_t i = 0; i < size; i++) byte[i] |= more[i];
    mark_loaded(b->ir, byte);
    g->span = spans_of(byte, size, &g->span_count);
    if (g->span != NULL && g->end_span != NULL) rc = 0;
  }
  free(byte);
  free(more);
  return rc == 0 ? 0 : agree_no(g, "out of memory");
}

/* ---- what is known where runs begin ------------------------------------- */

static void know(struct agree *g, uint32_t cell, int32_t lo, int32_t hi) {
  g->known[g->known_count++] = (struct fse_known){(uint16_t)cell, lo, hi};
}

/* Without ops for them the cells that count down hold nothing to count. */
static void know_ticks(struct agree *g) {
  const struct fisa_dialect *d = g->side[0].program->dialect;
  if (g->side[0].ir->ticks || g->side[1].ir->ticks) return;
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].tick) know(g, d->files[f].first, 0, 0);
  g->ticks_known = g->known_count;
}

static const struct fisa_cells *input_of(const struct fisa_manifest *m,
                                         uint32_t cell) {
  for (uint32_t i = 0; i < m->in_count; i++)
    if (m->in[i].kind == FISA_CELLS_FILE && cell >= m->in[i].first &&
        cell - m->in[i].first < m->in[i].count)
      return &m->in[i];
  return NULL;
}

static bool stack_is_input(const struct fisa_manifest *m) {
  for (uint32_t i = 0; i < m->in_count; i++)
    if (m->in[i].kind == FISA_CELLS_STACK) return true;
  return false;
}

/* Cells that are no input begin as the state list says. */
static void know_begin(struct agree *g) {
  const struct fisa_program *p = g->r->root;
  const struct fisa_dialect *d = p->dialect;
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    bool index = file->first == d->sp_cell || file->first == d->calls_cell;
    if (file->kind == FISA_FILE_STACK || file->tick ||
        (index && stack_is_input(&p->manifest)))
      continue;
    for (uint32_t k = 0; k < file->count; k++) {
      uint32_t cell = (uint32_t)file->first + k;
      const struct fisa_cells *in = input_of(&p->manifest, cell);
      int32_t init = fisa_cell_init(d, file, cell);
      if (in == NULL)
        know(g, cell, init, init);
      else if (in->lo > INT32_MIN || in->hi < INT32_MAX)
        know(g, cell, in->lo, in->hi);
    }
  }
}

int agree_live_make(struct agree *g) {
  const struct fisa_dialect *d = g->side[0].program->dialect;
  g->known = calloc(d->cell_count + 1u, sizeof *g->known);
  if (g->known == NULL) return agree_no(g, "out of memory");
  know_ticks(g);
  know_begin(g);
  if (live_make(g) != 0) return -1;
  return spans_make(g);
}
