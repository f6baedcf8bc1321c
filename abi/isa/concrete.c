/*
 * isa/concrete.c - a row's steps on concrete values.
 *
 * Integers alone, and loads: enough for addresses, conditions and targets.
 * tests/test_lethal.c holds every op here to the engines' table of meanings.
 */
#include "isa/concrete.h"

#include <assert.h>
#include <string.h>

#include "isa/flow.h"

#define NOTHING ((struct fisa__known){false, 0})

static struct fisa__known know(int32_t value) {
  return (struct fisa__known){true, value};
}

/* Two's complement, whatever C says of overflow. */
static int32_t wrap(uint32_t v) {
  int32_t r;

  memcpy(&r, &v, sizeof r);
  return r;
}

/* ---- stacks ------------------------------------------------------------- */

struct fisa__stack fisa__data_stack(const struct fisa_dialect *d) {
  struct fisa__stack s = {NULL, d->sp_cell};

  if (d->stack_file < d->file_count)
    s.file = &d->files[d->stack_file];
  return s;
}

struct fisa__stack fisa__link_stack(const struct fisa_dialect *d) {
  return fisa__data_stack(d);
}

/* An index is a cell like any other, and may hold nonsense: then the stack is
 * full or empty, or both. */
bool fisa__stack_full(const struct fisa__stack *s, int32_t index) {
  uint32_t n = s->file->count;

  return s->file->down ? (uint32_t)index - 1u >= n : (uint32_t)index >= n;
}

bool fisa__stack_empty(const struct fisa__stack *s, int32_t index) {
  uint32_t n = s->file->count;

  return s->file->down ? (uint32_t)index >= n : (uint32_t)index - 1u >= n;
}

uint32_t fisa__stack_top(const struct fisa__stack *s, int32_t index) {
  assert(!fisa__stack_empty(s, index));
  return s->file->first + (uint32_t)index - (s->file->down ? 0u : 1u);
}

/* ---- values ------------------------------------------------------------- */

void fisa__walk_begin(struct fisa__walk *w, const struct fisa_view *v,
                      const struct fisa_insn *in) {
  assert(v && v->cell && in->row && in->row->defined);
  memset(w, 0, sizeof *w);
  w->v = v;
  w->in = in;
}

struct fisa__known fisa__walk_cell(const struct fisa__walk *w, int cell) {
  const struct fisa_dialect *d = w->v->d;

  if (cell < 0)
    return know(0); /* the zero register */
  assert((uint32_t)cell < d->cell_count);
  for (unsigned i = w->set_count; i-- > 0;)
    if (w->set[i].cell == cell)
      return w->set[i].now;
  for (uint32_t f = 0; w->lost >> f; f++)
    if (w->lost >> f & 1 && (uint32_t)cell - d->files[f].first <
                                d->files[f].count)
      return NOTHING;
  return know(w->v->cell((uint32_t)cell, w->v->user));
}

struct fisa__known fisa__walk_value(const struct fisa__walk *w,
                                    const struct fisa_ref *ref) {
  struct fisa__known k = {true, 0};

  switch (ref->kind) {
  case FISA_REF_NONE:
    return k;
  case FISA_REF_TEMP:
    assert(ref->value >= 0 && ref->value < FISA_TEMPS);
    return w->temp[ref->value];
  default:
    if (fisa__ref_const(w->v->d, w->in, ref, &k.value))
      return k;
    return fisa__walk_cell(w, fisa__ref_cell(w->v->d, w->in, ref));
  }
}

static void set_cell(struct fisa__walk *w, int cell, struct fisa__known k) {
  if (cell < 0)
    return;
  assert(w->set_count < FISA__SET_MAX);
  w->set[w->set_count].cell = cell;
  w->set[w->set_count++].now = k;
}

static void set_ref(struct fisa__walk *w, const struct fisa_ref *ref,
                    struct fisa__known k) {
  if (ref->kind == FISA_REF_TEMP)
    w->temp[ref->value] = k;
  else
    set_cell(w, fisa__ref_cell(w->v->d, w->in, ref), k);
}

/* ---- ops ---------------------------------------------------------------- */

/* The integer ops of two operands. Returns false: none of them. */
static bool binary(unsigned op, int32_t a, int32_t b, int32_t *out) {
  uint32_t x = (uint32_t)a, y = (uint32_t)b, n = y & 31;

  switch (op) {
  case FLUX_OP_ADD: *out = wrap(x + y); return true;
  case FLUX_OP_SUB: *out = wrap(x - y); return true;
  case FLUX_OP_MUL: *out = wrap(x * y); return true;
  case FLUX_OP_QUO: case FLUX_OP_DIV:
    *out = b == 0 ? 0 : b == -1 ? wrap(0 - x) : a / b;
    return true;
  case FLUX_OP_AND: *out = a & b; return true;
  case FLUX_OP_OR: *out = a | b; return true;
  case FLUX_OP_XOR: *out = a ^ b; return true;
  case FLUX_OP_SHL: *out = wrap(x << n); return true;
  case FLUX_OP_SAR: *out = a >> n; return true;
  case FLUX_OP_ROTL: *out = wrap(x << n | x >> (32 - n) % 32); return true;
  case FLUX_OP_ROTR: *out = wrap(x >> n | x << (32 - n) % 32); return true;
  case FLUX_OP_MIN: *out = a < b ? a : b; return true;
  case FLUX_OP_MAX: *out = a > b ? a : b; return true;
  case FLUX_OP_EQ: *out = a == b; return true;
  case FLUX_OP_NE: *out = a != b; return true;
  case FLUX_OP_LT: *out = a < b; return true;
  case FLUX_OP_LE: *out = a <= b; return true;
  case FLUX_OP_GT: *out = a > b; return true;
  case FLUX_OP_GE: *out = a >= b; return true;
  default: return false;
  }
}

/* And those of one, moves included. */
static bool unary(unsigned op, int32_t a, int32_t *out) {
  switch (op) {
  case FLUX_OP_MOV: *out = a; return true;
  case FLUX_OP_NOT: *out = ~a; return true;
  case FLUX_OP_NEG: *out = wrap(0 - (uint32_t)a); return true;
  case FLUX_OP_ABS: *out = a < 0 ? wrap(0 - (uint32_t)a) : a; return true;
  default: return false;
  }
}

static struct fisa__known load(const struct fisa__walk *w, uint32_t address,
                               unsigned bytes) {
  uint32_t v = 0;

  if (w->stored || !w->v->byte || w->v->d->mem_size == 0)
    return NOTHING;
  for (unsigned i = 0; i < bytes; i++)
    v |= (uint32_t)w->v->byte((address + i) & (w->v->d->mem_size - 1),
                              w->v->user) << (8 * i);
  return know(wrap(v));
}

/* What d becomes by an op that sets d alone. */
static struct fisa__known result(const struct fisa__walk *w,
                                 const struct fisa_step *s) {
  struct fisa__known a = fisa__walk_value(w, &s->a);
  struct fisa__known b = fisa__walk_value(w, &s->b);
  struct fisa__known c = fisa__walk_value(w, &s->c);
  struct fisa__known imm = fisa__walk_value(w, &s->imm);
  int32_t out;

  if (!a.known || !b.known || !c.known || !imm.known)
    return NOTHING;
  if (binary(s->op, a.value, b.value, &out) || unary(s->op, a.value, &out))
    return know(out);
  switch (s->op) {
  case FLUX_OP_SELECT:
    return know(c.value ? a.value : b.value);
  case FLUX_OP_REM:
    if (b.value == 0)
      return fisa__walk_value(w, &s->d);
    return know(b.value == -1 ? 0 : a.value % b.value);
  case FLUX_OP_BR_DEC_GTZ:
    return know(wrap((uint32_t)a.value - 1u));
  case FLUX_OP_LOAD32:
  case FLUX_OP_LOAD8:
    return load(w, (uint32_t)a.value + (uint32_t)b.value +
                       (uint32_t)imm.value,
                s->op == FLUX_OP_LOAD32 ? 4 : 1);
  default:
    return NOTHING;
  }
}

/* ---- steps -------------------------------------------------------------- */

static void lose_file(struct fisa__walk *w, unsigned file) {
  const struct fisa_file *f = &w->v->d->files[file];

  w->lost |= (uint16_t)(1u << file);
  for (unsigned i = 0; i < w->set_count; i++)
    if ((uint32_t)w->set[i].cell - f->first < f->count)
      w->set[i].now = NOTHING;
}

/* Pushes and pops of single cells; `in` is what is pushed. */
static void move_stack(struct fisa__walk *w, const struct fisa_step *s) {
  struct fisa__stack stack = fisa__data_stack(w->v->d);
  struct fisa__known in = fisa__walk_value(w, &s->a), index;
  bool push = s->op == FLUX_OP_PUSH;
  int32_t way;

  if (!stack.file)
    return;
  way = stack.file->down == push ? -1 : 1;
  index = fisa__walk_cell(w, (int)stack.index_cell);
  if (!index.known || (!push && s->op != FLUX_OP_POP)) {
    lose_file(w, (unsigned)(stack.file - w->v->d->files));
    set_cell(w, (int)stack.index_cell, NOTHING);
    if (!push)
      set_ref(w, &s->d, NOTHING);
    return;
  }
  if (push && !fisa__stack_full(&stack, index.value)) {
    index.value = wrap((uint32_t)index.value + (uint32_t)way);
    set_cell(w, (int)stack.index_cell, index);
    set_cell(w, (int)fisa__stack_top(&stack, index.value), in);
  } else if (!push && !fisa__stack_empty(&stack, index.value)) {
    in = fisa__walk_cell(w, (int)fisa__stack_top(&stack, index.value));
    index.value = wrap((uint32_t)index.value + (uint32_t)way);
    set_cell(w, (int)stack.index_cell, index);
    set_ref(w, &s->d, in);
  }
}

/* An op that works on a whole file: nothing of it is followed. */
static void file_step(struct fisa__walk *w, const struct fisa_step *s) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};

  for (unsigned i = 0; i < 4; i++)
    if (refs[i]->kind == FISA_REF_FILE || refs[i]->kind == FISA_REF_REG)
      lose_file(w, refs[i]->file);
}

/* Whether the row ends in a fault at this step. */
static bool ends(const struct fisa__walk *w, const struct fisa_step *s) {
  struct fisa__known k;

  if (s->op != FLUX_OP_DIV)
    return false;
  k = fisa__walk_value(w, &s->b);
  return k.known && k.value == 0;
}

void fisa__walk_step(struct fisa__walk *w, const struct fisa_step *s) {
  enum fisa_effect effect = fisa_semop_effect(s->op);

  if (ends(w, s)) {
    w->ended = true;
    return;
  }
  if (effect == FISA_EFFECT_STORE || effect == FISA_EFFECT_COPY)
    w->stored = true;
  if (effect == FISA_EFFECT_STACK) {
    move_stack(w, s);
  } else if (effect == FISA_EFFECT_FILE) {
    file_step(w, s);
  } else if (s->op == FLUX_OP_SWAP) {
    struct fisa__known b = fisa__walk_value(w, &s->b);
    struct fisa__known c = fisa__walk_value(w, &s->c);
    set_ref(w, &s->d, b);
    set_ref(w, &s->a, c);
  } else if (fisa_semop_use(s->op, 0) == 'W' ||
             fisa_semop_use(s->op, 0) == 'M') {
    set_ref(w, &s->d, result(w, s));
  }
}
