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
  if (!fisa_links_apart(d))
    return fisa__data_stack(d);
  return (struct fisa__stack){&d->files[d->calls_file], d->calls_cell};
}

/* An index is a cell like any other, and may hold nonsense: then the stack is
 * full or empty, or both. */
bool fisa__stack_full(const struct fisa__stack *s, int32_t index) {
  uint32_t n = s->file->count;

  return s->file->down ? (uint32_t)index - 1u >= n : (uint32_t)index >= n;
}

bool fisa__stack_few(const struct fisa__stack *s, int32_t index, int32_t n) {
  if (index < 0 || index > s->file->count)
    return true;
  return (s->file->down ? s->file->count - index : index) < n;
}

bool fisa__stack_empty(const struct fisa__stack *s, int32_t index) {
  return fisa__stack_few(s, index, 1);
}

uint32_t fisa__stack_at(const struct fisa__stack *s, int32_t index,
                        int32_t n) {
  assert(n >= 0 && !fisa__stack_few(s, index, n + 1));
  return (uint32_t)(s->file->first +
                    (s->file->down ? index + n : index - 1 - n));
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

/* Cell n from the top of the data stack; 0 where there is none. */
static struct fisa__known peek(const struct fisa__walk *w, int32_t n) {
  struct fisa__stack s = fisa__data_stack(w->v->d);
  struct fisa__known index;

  if (!s.file)
    return know(0);
  index = fisa__walk_cell(w, (int)s.index_cell);
  if (!index.known)
    return NOTHING;
  if (fisa__stack_few(&s, index.value, n + 1))
    return know(0);
  return fisa__walk_cell(w, (int)fisa__stack_at(&s, index.value, n));
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
  case FISA_REF_STACK:
    return peek(w, ref->value);
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
  case FLUX_OP_QUO:
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
  case FLUX_OP_LTU: *out = x < y; return true;
  case FLUX_OP_CARRY: *out = x + y < x; return true;
  case FLUX_OP_UMULH: *out = wrap((uint32_t)((uint64_t)x * y >> 32));
    return true;
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

bool fisa__in_region(int32_t at, uint32_t bytes, int32_t limit) {
  uint32_t a = (uint32_t)at, end = (uint32_t)limit;

  return a < end && end - a >= bytes;
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
  case FLUX_OP_QUO_KEEP:
    if (b.value == 0)
      return fisa__walk_value(w, &s->d);
    (void)binary(FLUX_OP_QUO, a.value, b.value, &out);
    return know(out);
  case FLUX_OP_MULSAR:
    return know(wrap((uint32_t)((int64_t)a.value * b.value >>
                                (imm.value & 31))));
  case FLUX_OP_BR_DEC_GTZ:
    return know(wrap((uint32_t)a.value - 1u));
  case FLUX_OP_LOAD32:
  case FLUX_OP_LOAD8:
    return load(w, (uint32_t)a.value + (uint32_t)b.value +
                       (uint32_t)imm.value,
                s->op == FLUX_OP_LOAD32 ? 4 : 1);
  case FLUX_OP_BLOAD32:
  case FLUX_OP_BLOAD8:
    if (!fisa__in_region(a.value, s->op == FLUX_OP_BLOAD32 ? 4 : 1, imm.value))
      return know(0);
    return load(w, (uint32_t)a.value + (uint32_t)b.value,
                s->op == FLUX_OP_BLOAD32 ? 4 : 1);
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

/* The index once n cells are off, or all there are. */
static int32_t dropped(const struct fisa__stack *s, int32_t index,
                       int32_t n) {
  if (index < 0 || index > s->file->count)
    return index;
  if (fisa__stack_few(s, index, n))
    return s->file->down ? s->file->count : 0;
  return s->file->down ? index + n : index - n;
}

/* Pushes a value. Returns the index then. */
static int32_t pushed(struct fisa__walk *w, const struct fisa__stack *s,
                      int32_t index, struct fisa__known value) {
  if (fisa__stack_full(s, index))
    return index;
  index += s->file->down ? -1 : 1;
  set_cell(w, (int)fisa__stack_at(s, index, 0), value);
  return index;
}

/* An op on the data stack whose index is known. */
static void stack_step(struct fisa__walk *w, const struct fisa_step *s,
                       const struct fisa__stack *stack, int32_t index) {
  struct fisa__known a = fisa__walk_value(w, &s->a);
  struct fisa__known top = peek(w, 0);
  int32_t n = fisa__walk_value(w, &s->imm).value;

  switch (s->op) {
  case FLUX_OP_PUSH:
    index = pushed(w, stack, index, a);
    break;
  case FLUX_OP_FOLD:
    index = pushed(w, stack, dropped(stack, index, n), a);
    break;
  case FLUX_OP_DROP:
    index = dropped(stack, index, n);
    break;
  default: /* pops; a row guards the one that wants a cell */
    index = dropped(stack, index, 1);
    set_ref(w, &s->d, top);
    break;
  }
  set_cell(w, (int)stack->index_cell, know(index));
}

static void move_stack(struct fisa__walk *w, const struct fisa_step *s) {
  struct fisa__stack stack = fisa__data_stack(w->v->d);
  struct fisa__known index;

  if (!stack.file)
    return;
  index = fisa__walk_cell(w, (int)stack.index_cell);
  if (index.known) {
    stack_step(w, s, &stack, index.value);
    return;
  }
  lose_file(w, (unsigned)(stack.file - w->v->d->files));
  if (fisa_semop_use(s->op, 0) == 'W')
    set_ref(w, &s->d, NOTHING);
}

/* An op that works on a whole file: nothing of it is followed. */
static void file_step(struct fisa__walk *w, const struct fisa_step *s) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};

  for (unsigned i = 0; i < 4; i++)
    if (refs[i]->kind == FISA_REF_FILE || refs[i]->kind == FISA_REF_REG)
      lose_file(w, refs[i]->file);
}

void fisa__walk_step(struct fisa__walk *w, const struct fisa_step *s) {
  enum fisa_effect effect = fisa_semop_effect(s->op);

  if (s->op == FLUX_OP_CHECK) {
    struct fisa__known a = fisa__walk_value(w, &s->a);
    w->ended |= a.known && a.value != 0;
    w->unsure |= !a.known;
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
