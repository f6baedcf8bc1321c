/*
 * isa/ranges.c - which values cells can hold before each instruction, as
 * intervals, from the manifest's inputs and the state list's initial values.
 *
 * A forward dataflow over blocks and the exits of functions, as in live.c.
 * Where an agent stands at a task boundary its host may change any cell, so
 * nothing is known behind one.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/interval.h"
#include "isa/verify_impl.h"

#define MAX_VERTICES 2048u
#define VISITS_BEFORE_WIDENING 3

/* What is known at one place. */
struct values {
  struct fisa__range *cell; /* [tracked] */
  struct fisa__range temp[FISA_TEMPS];
};

struct fisa__ranges {
  struct fisa__flow *g;
  uint32_t tracked;       /* cells below this are tracked */
  uint32_t vertices;      /* blocks, then the exits of functions */
  struct fisa__range *at; /* [vertices * tracked] */
  uint8_t *visits;        /* [vertices]; 0: not reached */
  bool *queued;
  uint32_t *work;
  uint32_t work_count;
  struct values now;        /* of the walk over one block */
  struct fisa__range *edge; /* [tracked]: on one way out of it */
  uint32_t now_node;        /* `now` holds before this node, or NONE */
};

static struct fisa__range value_of(const struct fisa__ranges *r,
                                   const struct fisa_insn *in,
                                   const struct fisa_ref *ref) {
  struct fisa__range v = fisa__range_const(in, ref, r->g->d);
  int cell;

  if (ref->kind == FISA_REF_TEMP)
    return r->now.temp[ref->value];
  cell = fisa__ref_cell(r->g->d, in, ref);
  if (cell >= 0 && (uint32_t)cell < r->tracked)
    v = r->now.cell[cell];
  return v;
}

static void set_value(struct fisa__ranges *r, const struct fisa_insn *in,
                      const struct fisa_ref *ref, struct fisa__range v) {
  int cell;

  if (ref->kind == FISA_REF_TEMP) {
    r->now.temp[ref->value] = v;
    return;
  }
  /* A cell that counts down by itself never keeps what it was given. */
  if (ref->kind == FISA_REF_CELL && r->g->d->files[ref->file].tick)
    v = fisa__range_full();
  cell = fisa__ref_cell(r->g->d, in, ref);
  if (cell >= 0 && (uint32_t)cell < r->tracked)
    r->now.cell[cell] = v;
}

static void forget(struct fisa__ranges *r) {
  for (uint32_t c = 0; c < r->tracked; c++)
    r->now.cell[c] = fisa__range_full();
}

/* Cells that a row writes without naming them, or that move by themselves. */
static void forget_hidden(struct fisa__ranges *r, const struct fisa_insn *in) {
  const struct fisa_dialect *d = r->g->d;

  for (unsigned s = 0; s < in->row->step_count; s++) {
    unsigned op = in->row->steps[s].op;
    if (fisa_semop_effect(op) != FISA_EFFECT_FILE)
      continue;
    for (uint32_t c = 0; c < r->tracked; c++)
      if (fisa__writes_cell(d, in, (int)c))
        r->now.cell[c] = op == FLUX_OP_FILE_ZERO ? fisa__range_make(0, 0)
                                                 : fisa__range_full();
  }
}

static void run_step(struct fisa__ranges *r, const struct fisa_insn *in,
                     const struct fisa_step *s) {
  struct fisa__args v;
  int32_t imm = 0;
  char use = fisa_semop_use(s->op, 0);

  if (use != 'W' && use != 'M')
    return;
  (void)fisa__ref_const(r->g->d, in, &s->imm, &imm);
  v.d = value_of(r, in, &s->d);
  v.a = value_of(r, in, &s->a);
  v.b = value_of(r, in, &s->b);
  v.c = value_of(r, in, &s->c);
  v.imm = imm;
  if (s->op == FLUX_OP_SWAP) {
    set_value(r, in, &s->d, v.b);
    set_value(r, in, &s->a, v.c);
    return;
  }
  set_value(r, in, &s->d, fisa__range_op(s->op, &v));
}

static void run_node(struct fisa__ranges *r, uint32_t i) {
  const struct fisa__node *n = &r->g->node[i];
  const struct fisa_insn *in = &n->insn;

  assert(i < r->g->count);
  if (n->status == FISA_DECODED && !in->row->opaque) {
    forget_hidden(r, in);
    for (unsigned s = 0; s < in->row->step_count; s++)
      run_step(r, in, &in->row->steps[s]);
  }
  if (n->status != FISA_DECODED || in->row->opaque ||
      (n->flags & FISA__BOUNDARY))
    forget(r);
}

/* Starts a walk at the first node of a block. */
static void enter_block(struct fisa__ranges *r, uint32_t b) {
  assert(b < r->g->block_count && r->visits[b] > 0);
  memcpy(r->now.cell, r->at + (size_t)b * r->tracked,
         r->tracked * sizeof(*r->now.cell));
  for (int t = 0; t < FISA_TEMPS; t++)
    r->now.temp[t] = fisa__range_full();
  r->now_node = r->g->block[b].first;
  /* A boundary before the block's first instruction (pc). */
  if (r->g->node[r->now_node].flags & FISA__BOUNDARY)
    forget(r);
}

/* Joins values into a vertex. */
static void flow_into(struct fisa__ranges *r, uint32_t v,
                      const struct fisa__range *from) {
  struct fisa__range *to = r->at + (size_t)v * r->tracked;
  bool changed = r->visits[v] == 0;

  assert(v < r->vertices);
  for (uint32_t c = 0; c < r->tracked; c++) {
    struct fisa__range joined;
    if (r->visits[v] == 0) {
      to[c] = from[c];
      continue;
    }
    joined = fisa__range_join(to[c], from[c]);
    if (joined.lo == to[c].lo && joined.hi == to[c].hi &&
        joined.nonzero == to[c].nonzero)
      continue;
    if (r->visits[v] > VISITS_BEFORE_WIDENING) {
      joined.lo = joined.lo < to[c].lo ? INT32_MIN : joined.lo;
      joined.hi = joined.hi > to[c].hi ? INT32_MAX : joined.hi;
    }
    to[c] = joined;
    changed = true;
  }
  if (!changed)
    return;
  if (r->visits[v] < UINT8_MAX)
    r->visits[v]++;
  if (!r->queued[v]) {
    r->queued[v] = true;
    r->work[r->work_count++] = v;
  }
}

/* One way out of a block, with what its branch tells. */
static void flow_edge(struct fisa__ranges *r, const struct fisa__node *n,
                      uint32_t to, bool taken) {
  const struct fisa_row *row = n->insn.row;
  const struct fisa_step *s;
  unsigned op;
  int cell;

  if (to == FISA__NONE)
    return;
  memcpy(r->edge, r->now.cell, r->tracked * sizeof(*r->edge));
  if (row->step_count > 0 && !row->opaque && !(n->flags & FISA__BOUNDARY)) {
    s = &row->steps[row->step_count - 1];
    op = s->op;
    cell = fisa__ref_cell(r->g->d, &n->insn, &s->a);
    if (op >= FLUX_OP_BR_EQZ && op <= FLUX_OP_BR_GTZ_DEC && cell >= 0 &&
        (uint32_t)cell < r->tracked && n->jump != n->next &&
        !fisa__range_branch(op, taken, &r->edge[cell]))
      return;
  }
  flow_into(r, to, r->edge);
}

static void run_block(struct fisa__ranges *r, uint32_t b) {
  struct fisa__flow *g = r->g;
  const struct fisa__block *block = &g->block[b];
  const struct fisa__node *n = &g->node[block->last];

  enter_block(r, b);
  for (uint32_t i = block->first; i <= block->last; i++)
    run_node(r, i);
  r->now_node = FISA__NONE;
  if (n->status != FISA_DECODED)
    return;
  flow_edge(r, n, block->jump, true);
  if (n->call == FISA__NONE)
    flow_edge(r, n, block->next, false);
  if ((n->row & FISA__ROW_RET) && n->func < g->func_count)
    flow_into(r, g->block_count + n->func, r->now.cell);
}

static void run_exit(struct fisa__ranges *r, uint32_t f) {
  struct fisa__flow *g = r->g;
  const struct fisa__range *at =
      r->at + (size_t)(g->block_count + f) * r->tracked;

  assert(f < g->func_count);
  for (uint32_t c = g->func[f].calls; c != FISA__NONE; c = g->call[c].more) {
    uint32_t next = g->node[g->call[c].node].next;
    if (next != FISA__NONE)
      flow_into(r, g->block_of[next], at);
  }
}

static struct fisa__range init_range(const struct fisa_dialect *d,
                                     const struct fisa_file *file,
                                     uint32_t cell) {
  int32_t v = fisa_cell_init(d, file, cell);

  return fisa__range_make(v, v);
}

/* Values at the entry: as the state list says, inputs as the manifest. */
static void start_values(struct fisa__ranges *r) {
  const struct fisa_manifest *m = &r->g->p->manifest;
  const struct fisa_dialect *d = r->g->d;

  forget(r);
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    if (file->kind == FISA_FILE_STACK || file->tick)
      continue;
    for (uint32_t c = file->first; c < file->first + (uint32_t)file->count; c++)
      if (c < r->tracked && c != d->sp_cell && c != d->calls_cell)
        r->now.cell[c] = init_range(d, file, c);
  }
  for (uint32_t i = 0; i < m->in_count; i++) {
    if (m->in[i].kind != FISA_CELLS_FILE || m->in[i].lo > m->in[i].hi)
      continue;
    for (uint32_t k = 0; k < m->in[i].count; k++)
      if (m->in[i].first + k < r->tracked)
        r->now.cell[m->in[i].first + k] =
            fisa__range_make(m->in[i].lo, m->in[i].hi);
  }
}

/* Cells up to the last that is not a stack's. */
static uint32_t tracked_cells(const struct fisa_dialect *d) {
  uint32_t n = 0;

  for (uint32_t f = 0; f < d->file_count; f++) {
    uint32_t end = d->files[f].first + (uint32_t)d->files[f].count;
    if (d->files[f].kind != FISA_FILE_STACK && end > n)
      n = end;
  }
  return n < FISA_SET_WORDS * 64 ? n : FISA_SET_WORDS * 64;
}

static int allocate(struct fisa__ranges *r) {
  size_t n = r->vertices + 1u, c = r->tracked + 1u;

  r->at = malloc(n * c * sizeof(*r->at));
  r->visits = calloc(n, sizeof(*r->visits));
  r->queued = calloc(n, sizeof(*r->queued));
  r->work = malloc(n * sizeof(*r->work));
  r->now.cell = malloc(c * sizeof(*r->now.cell));
  r->edge = malloc(c * sizeof(*r->edge));
  return r->at && r->visits && r->queued && r->work && r->now.cell && r->edge
             ? 0
             : -1;
}

struct fisa__ranges *fisa__ranges_make(struct fisa__flow *g) {
  struct fisa__ranges *r;

  if (g->wild || g->count == 0 || g->block_count + g->func_count > MAX_VERTICES)
    return NULL;
  r = calloc(1, sizeof(*r));
  if (!r)
    return NULL;
  r->g = g;
  r->tracked = tracked_cells(g->d);
  r->vertices = g->block_count + g->func_count;
  r->now_node = FISA__NONE;
  if (allocate(r) != 0) {
    fisa__ranges_free(r);
    return NULL;
  }
  start_values(r);
  flow_into(r, g->block_of[g->func[0].entry], r->now.cell);
  while (r->work_count > 0) {
    uint32_t v = r->work[--r->work_count];
    r->queued[v] = false;
    if (v < g->block_count)
      run_block(r, v);
    else
      run_exit(r, v - g->block_count);
  }
  return r;
}

void fisa__ranges_free(struct fisa__ranges *r) {
  if (!r)
    return;
  free(r->edge);
  free(r->now.cell);
  free(r->work);
  free(r->queued);
  free(r->visits);
  free(r->at);
  free(r);
}

/* ---- questions ---------------------------------------------------------- */

/* Takes the walk to a node, from where it stands if that is on the way.
 * False: no execution reaches the node. */
static bool walk_to(struct fisa__ranges *r, uint32_t node) {
  uint32_t b = r->g->block_of[node];

  assert(node < r->g->count);
  if (r->visits[b] == 0)
    return false;
  if (r->now_node == FISA__NONE || r->now_node > node ||
      r->g->block_of[r->now_node] != b)
    enter_block(r, b);
  while (r->now_node < node)
    run_node(r, r->now_node++);
  return true;
}

bool fisa__ranges_cell(struct fisa__ranges *r, uint32_t node, uint32_t cell,
                       struct fisa__range *out) {
  if (!walk_to(r, node))
    return false;
  *out = cell < r->tracked ? r->now.cell[cell] : fisa__range_full();
  return true;
}

static struct fisa__range range_now(const struct fisa_insn *in,
                                    const struct fisa_ref *ref,
                                    const void *user) {
  return value_of(user, in, ref);
}

static bool guard_may_hold(struct fisa__flow *g, const struct fisa__node *n,
                           const struct fisa_guard *guard,
                           const struct fisa__guard_view *view) {
  struct fisa__depth at;

  assert(guard->lethal < FLUX_LETHAL_COUNT);
  if (guard->lethal != FLUX_LETHAL_STACK_FULL &&
      guard->lethal != FLUX_LETHAL_STACK_EMPTY &&
      guard->lethal != FLUX_LETHAL_STACK_FEW)
    return fisa__guard(view, &n->insn, guard) != FISA__GUARD_NEVER;
  at = fisa__depth_at(g, n);
  if (g->wild)
    return true;
  if (guard->lethal == FLUX_LETHAL_STACK_FEW)
    return at.lo < guard->a.value;
  return guard->lethal == FLUX_LETHAL_STACK_FULL ? at.hi >= g->stack_size
                                                 : at.lo <= 0;
}

/* Faults that follow from the place and its flow alone. */
static bool place_may_fault(const struct fisa__flow *g,
                            const struct fisa__node *n) {
  if (n->status != FISA_DECODED || (n->flags & FISA__DYNAMIC))
    return true;
  if ((n->row & FISA__ROW_RET) && (g->wild || (n->row & FISA__ROW_TESTS)))
    return true;
  return n->to != FISA_NO_TARGET && n->to < 0;
}

/* Faults of a row that has some. */
static bool row_may_fault(struct fisa__flow *g, const struct fisa__node *n,
                          struct fisa__ranges *r) {
  const struct fisa_row *row = n->insn.row;
  struct fisa__guard_view view = {g->d, fisa__range_const, g->d};

  if (r) {
    view.range_of = range_now;
    view.user = r;
  }
  if (row->opaque || row->flow == FISA_FLOW_TRAP ||
      fisa_past_file(g->d, &n->insn))
    return true;
  for (unsigned i = 0; i < row->guard_count; i++)
    if (guard_may_hold(g, n, &row->guards[i], &view))
      return true;
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    /* A divisor that the row itself made is not known before it. */
    if (s->op == FLUX_OP_TRAP || s->op == FLUX_OP_CHECK ||
        (s->op == FLUX_OP_DIV &&
         (s->b.kind == FISA_REF_TEMP || i > 0 ||
          !view.range_of(&n->insn, &s->b, view.user).nonzero)))
      return true;
  }
  return false;
}

bool fisa__may_fault(struct fisa__flow *g, uint32_t node,
                     struct fisa__ranges *r) {
  const struct fisa__node *n = &g->node[node];

  assert(node < g->count);
  if (r && !walk_to(r, node))
    return false;
  if (place_may_fault(g, n))
    return true;
  return (n->row & FISA__ROW_FAULT) && row_may_fault(g, n, r);
}
