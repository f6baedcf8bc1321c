/*
 * gpu/pack_program.c - from IR to what the wide engines run.
 *
 * Cells become slots, those that may be written first; then liveness over the
 * slots tells which results nobody looks at, and which values a run needs at
 * its begin. What is left gets its running sums of instructions, cycles and
 * cost, so that an engine counts by a subtraction for each straight run.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lanes.h"
#include "gpu/pack.h"
#include "gpu/semantics.h"
#include "gpu/uses.h"

enum { SET_WORDS = 8, MAX_SLOTS = SET_WORDS * 64, NO_SLOT = UINT16_MAX };

/* Beside FPK_HEAD and FPK_START: an op behind leads here. */
enum { LOOP_HEAD = 128 };

struct set {
  uint64_t w[SET_WORDS];
};

/* What liveness asks of an op in each of its passes. */
enum op_is {
  OP_STOPS = 1,     /* a run may stop in it, or be looked at there */
  OP_ENDS = 2,      /* control never goes on to the next op */
  OP_TARGET = 4,    /* its target is an op */
  OP_ANYWHERE = 8,  /* it goes on at an address known when it runs */
  OP_SPARE = 16,    /* all that it does is to write its results */
  OP_IDLE = 32      /* it guards against what never is */
};

/* The operands of an op that are cells, a bit each, and how it uses them. */
struct uses {
  uint16_t cell[5];    /* d a b c, that in imm; slots, once there are some */
  uint8_t reads, writes, kills; /* kills: those surely written, all of it */
  uint8_t is;          /* enum op_is */
  uint16_t file_count; /* a whole file from d on, read and written */
};

/* Operands of a set of them, each in turn. */
#define EACH_OPERAND(n, bits) \
  for (unsigned left_ = (bits), n; \
       left_ && (n = (unsigned)__builtin_ctz(left_), true); \
       left_ &= left_ - 1)

/* Buffers that are kept from one program to the next. */
struct fpk_room {
  uint32_t ops, cells;   /* capacities */
  uint8_t *written;      /* [cells]: an op may write the cell */
  uint8_t *used;         /* [cells] */
  uint16_t *slot_of;     /* [cells]: of any cell, engine cells included */
  uint8_t *head;         /* [ops + 1] */
  uint8_t *dead;         /* [ops]: leave it out */
  struct uses *uses;     /* [ops] */
  struct set *live;      /* [ops + 1]: before the op */
};

/* A packing under way. */
struct packing {
  const struct fir_program *ir;
  const struct fisa_set *ends;
  struct fpk_program *p;
  struct fpk_room *room;
  struct fisa_error *err;
  struct set out;        /* slots looked at where a run stops */
  uint32_t words;        /* of sets that hold anything */
};

/* ---- what an op does with cells ----------------------------------------- */

/* Whether a run may stop in the op, or be looked at there. */
static bool may_stop(unsigned op) {
  switch (op) {
  case FLUX_OP_DIV:
  case FLUX_OP_CHECK:
  case FLUX_OP_RET:
  case FLUX_OP_HALT:
  case FLUX_OP_YIELD:
  case FLUX_OP_TRAP:
  case FIR_JUMP_REG:
  case FIR_BOUNDARY:
  case FIR_FAULT:
  case FIR_END:
    return true;
  default:
    return op >= FIR_G_STACK_FULL;
  }
}

/* Whether control may go elsewhere than to the next op. */
static bool leaves(unsigned op) {
  switch (op) {
  case FLUX_OP_JUMP:
  case FLUX_OP_CALL:
  case FLUX_OP_RET:
  case FLUX_OP_HALT:
  case FLUX_OP_YIELD:
  case FLUX_OP_TRAP:
  case FIR_GOTO:
  case FIR_END:
  case FIR_FAULT:
  case FIR_BOUNDARY:
  case FIR_JUMP_REG:
    return true;
  default:
    return op >= FLUX_OP_BR_EQZ && op <= FLUX_OP_BR_GTZ_DEC;
  }
}

/* Whether it surely does. */
static bool never_goes_on(unsigned op) {
  switch (op) {
  case FLUX_OP_JUMP:
  case FLUX_OP_CALL:
  case FLUX_OP_HALT:
  case FLUX_OP_TRAP:
  case FIR_GOTO:
  case FIR_END:
  case FIR_FAULT:
  case FIR_JUMP_REG:
    return true;
  default:
    return false;
  }
}

/* A guard of constants that does not hold guards nothing. */
static bool never_holds(const struct fir_program *ir,
                        const struct fir_ins *in, const struct uses *u) {
  int32_t v[3] = {0, 0, 0};

  for (unsigned n = 1; n < 3; n++) {
    uint16_t c = u->cell[n];
    if (!(u->reads >> n & 1))
      continue;
    if (c != ir->zero && c < ir->pool_first)
      return false;
    v[n] = c == ir->zero ? 0 : ir->pool[c - ir->pool_first];
  }
#define FA v[1]
#define FB v[2]
#define NEVER(ID, condition) \
  case FIR_G_##ID: \
    return !(condition);
  switch (in->op) {
    FSEM_GUARDS(NEVER)
  default:
    return false;
  }
#undef NEVER
#undef FA
#undef FB
}

/* Whether an op does nothing but to write results. */
static bool is_spare(const struct fir_ins *in, const struct uses *u) {
  enum fisa_effect effect = FISA_EFFECT_NONE;

  if (in->op < FLUX_OP_COUNT)
    effect = fisa_semop_effect(in->op);
  return u->writes && in->op != FLUX_OP_VENC && !may_stop(in->op) &&
         !leaves(in->op) && u->file_count == 0 &&
         (effect == FISA_EFFECT_NONE || effect == FISA_EFFECT_LOAD ||
          effect == FISA_EFFECT_CYC || in->op == FIR_PEEK);
}

static struct uses uses_of(const struct fir_program *ir,
                           const struct fir_ins *in) {
  struct uses u = {.cell = {in->d, in->a, in->b, in->c, (uint16_t)in->imm}};
  struct fir_uses of = fir_uses_of(in->op, in->imm);

  for (unsigned n = 0; n < 5; n++) {
    u.reads |= (uint8_t)((of.of[n] == 'R' || of.of[n] == 'M') << n);
    u.writes |= (uint8_t)((of.of[n] == 'W' || of.of[n] == 'M') << n);
    u.kills |= (uint8_t)((of.of[n] == 'W') << n);
  }
  if (in->op == FLUX_OP_FILE_ZERO)
    u.file_count = (uint16_t)in->imm;
  else if (in->op == FLUX_OP_CONVERGE)
    u.file_count = in->b;
  else if (in->op == FLUX_OP_DIFFUSE)
    u.file_count = in->c;
  u.is = (uint8_t)((may_stop(in->op) ? OP_STOPS : 0) |
                   (never_goes_on(in->op) ? OP_ENDS : 0) |
                   (fir_has_target(in->op) ? OP_TARGET : 0) |
                   (fir_goes_anywhere(in->op) ? OP_ANYWHERE : 0) |
                   (is_spare(in, &u) ? OP_SPARE : 0) |
                   (never_holds(ir, in, &u) ? OP_IDLE : 0));
  return u;
}

/* ---- sets --------------------------------------------------------------- */

static void set_add(struct set *s, uint32_t i) {
  assert(i < MAX_SLOTS);
  s->w[i / 64] |= UINT64_C(1) << i % 64;
}

static void set_remove(struct set *s, uint32_t i) {
  s->w[i / 64] &= ~(UINT64_C(1) << i % 64);
}

static bool set_has(const struct set *s, uint32_t i) {
  return s->w[i / 64] >> i % 64 & 1;
}

static bool set_join(struct set *s, const struct set *more, uint32_t words) {
  uint64_t fresh = 0;

  for (uint32_t i = 0; i < words; i++) {
    fresh |= more->w[i] & ~s->w[i];
    s->w[i] |= more->w[i];
  }
  return fresh != 0;
}

/* ---- room --------------------------------------------------------------- */

static bool grow(void *where, size_t count, size_t size) {
  void **p = where;
  void *grown = realloc(*p, count * size);

  if (grown)
    *p = grown;
  return grown != NULL;
}

static bool room_for(struct packing *k) {
  struct fpk_program *p = k->p;
  uint32_t ops = k->ir->count, cells = k->ir->cell_count;
  struct fpk_room *r = p->room;

  if (!r)
    r = p->room = calloc(1, sizeof(*r));
  k->room = r;
  if (!r)
    return false;
  if (r->ops < ops) {
    r->ops = 0;
    if (!grow(&p->op, ops, sizeof(*p->op)) ||
        !grow(&p->at, ops, sizeof(*p->at)) || !grow(&r->head, ops + 1u, 1) ||
        !grow(&r->dead, ops, 1) || !grow(&r->uses, ops, sizeof(*r->uses)) ||
        !grow(&r->live, ops + 1u, sizeof(*r->live)))
      return false;
    r->ops = ops;
  }
  if (r->cells < cells) {
    r->cells = 0;
    if (!grow(&p->slot, cells, sizeof(*p->slot)) ||
        !grow(&p->slot_of, cells, sizeof(*p->slot_of)) ||
        !grow(&p->load, cells, sizeof(*p->load)) ||
        !grow(&r->written, cells, 1) || !grow(&r->used, cells, 1) ||
        !grow(&r->slot_of, cells, sizeof(*r->slot_of)))
      return false;
    r->cells = cells;
  }
  memset(r->written, 0, cells);
  memset(r->used, 0, cells);
  memset(r->head, 0, ops + 1u);
  memset(r->dead, 0, ops);
  return true;
}

void fpk_program_done(struct fpk_program *p) {
  struct fpk_room *r = p->room;

  if (r) {
    free(r->written);
    free(r->used);
    free(r->slot_of);
    free(r->head);
    free(r->dead);
    free(r->uses);
    free(r->live);
    free(r);
  }
  free(p->op);
  free(p->at);
  free(p->slot);
  free(p->slot_of);
  free(p->load);
  memset(p, 0, sizeof(*p));
}

/* ---- slots -------------------------------------------------------------- */

/* Not for a wide engine, for this reason. */
static int unfit(struct packing *k, const char *why) {
  fisa_fail(k->err, "not for the wide engines: %s", why);
  return 1;
}

/* An op that the lanes have nothing for is refused by its name. */
static int check_ops(struct packing *k) {
  for (uint32_t i = 0; i < k->ir->count; i++) {
    char why[64];

    if (flanes_knows(k->ir->ins[i].op))
      continue;
    fir_unknown_op(k->ir->ins[i].op, why, sizeof(why));
    return unfit(k, why);
  }
  return 0;
}

static void note_uses(struct packing *k) {
  struct fpk_room *r = k->room;

  for (uint32_t i = 0; i < k->ir->count; i++) {
    struct uses u = uses_of(k->ir, &k->ir->ins[i]);

    EACH_OPERAND(n, u.reads | u.writes)
      r->used[u.cell[n]] = 1;
    EACH_OPERAND(n, u.writes)
      r->written[u.cell[n]] = 1;
    if (u.file_count) {
      memset(r->used + u.cell[0], 1, u.file_count);
      memset(r->written + u.cell[0], 1, u.file_count);
    }
    r->uses[i] = u;
  }
}

static void note_stack(struct packing *k) {
  const struct fisa_dialect *d = k->ir->dialect;
  struct fpk_program *p = k->p;

  p->stack = k->ir->stack && d->stack_file < d->file_count;
  if (!p->stack)
    return;
  p->data = (struct fpk_stack){.first = d->files[d->stack_file].first,
                               .count = d->files[d->stack_file].count,
                               .down = d->files[d->stack_file].down};
  k->room->used[d->sp_cell] = k->room->written[d->sp_cell] = 1;
  p->calls = p->data;
  if (!fisa_links_apart(d))
    return;
  p->calls = (struct fpk_stack){.first = d->files[d->calls_file].first,
                                .count = d->files[d->calls_file].count};
  k->room->used[d->calls_cell] = k->room->written[d->calls_cell] = 1;
}

/* Whether a cell belongs to a stack, and so to no slot. */
static bool on_stack(const struct fisa_dialect *d, uint32_t cell) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].kind == FISA_FILE_STACK && cell >= d->files[f].first &&
        cell - d->files[f].first < d->files[f].count)
      return true;
  return false;
}

static void add_slot(struct packing *k, uint32_t cell, struct fpk_slot s) {
  struct fpk_program *p = k->p;

  k->room->slot_of[cell] = (uint16_t)p->slot_count;
  p->slot[p->slot_count++] = s;
}

static void add_engine_slots(struct packing *k, bool written) {
  const struct fir_program *ir = k->ir;
  struct fpk_slot s = {.kind = written ? FPK_SLOT_WORK : FPK_SLOT_CONST};

  for (uint32_t c = ir->zero; c < ir->cell_count; c++) {
    bool work = c != ir->zero && c < ir->pool_first;
    if (!k->room->used[c] || work != written)
      continue;
    s.cell = (uint16_t)c;
    s.value = c >= ir->pool_first ? ir->pool[c - ir->pool_first] : 0;
    add_slot(k, c, s);
  }
}

/* Operands are slots from now on. */
static void name_slots(struct packing *k) {
  const uint16_t *slot_of = k->room->slot_of;

  k->words = (k->p->slot_count + 63) / 64;
  for (uint32_t i = 0; i < k->ir->count; i++) {
    struct uses *u = &k->room->uses[i];
    EACH_OPERAND(n, u->reads | u->writes)
      u->cell[n] = slot_of[u->cell[n]];
  }
}

/* Slots: cells that may be written, in their order, so that a whole file lies
 * side by side; temporaries; then what is only read. */
static int make_slots(struct packing *k) {
  const struct fir_program *ir = k->ir;
  struct fpk_program *p = k->p;
  struct fpk_room *r = k->room;

  p->slot_count = 0;
  memset(p->slot_of, 0xFF, ir->state_cells * sizeof(*p->slot_of));
  for (unsigned pass = 0; pass < 2; pass++) {
    for (uint32_t c = 0; c < ir->state_cells; c++) {
      if (!r->used[c] || r->written[c] == pass)
        continue;
      if (on_stack(ir->dialect, c))
        return unfit(k, "an op names a cell of the stack");
      p->slot_of[c] = (uint16_t)p->slot_count;
      add_slot(k, c,
               (struct fpk_slot){.kind = pass ? FPK_SLOT_READ : FPK_SLOT_CELL,
                                 .cell = (uint16_t)c});
    }
    p->read_end = p->slot_count;
    add_engine_slots(k, pass == 0);
    if (pass == 0)
      p->written_count = p->slot_count;
  }
  if (p->slot_count > MAX_SLOTS)
    return unfit(k, "it uses too many cells");
  name_slots(k);
  if (p->stack) {
    p->data.sp = p->slot_of[ir->dialect->sp_cell];
    p->calls.sp = p->data.sp;
    if (fisa_links_apart(ir->dialect))
      p->calls.sp = p->slot_of[ir->dialect->calls_cell];
  }
  return 0;
}

/* ---- control ------------------------------------------------------------ */

static void note_heads(struct packing *k) {
  const struct fir_program *ir = k->ir;
  uint8_t *head = k->room->head;
  bool anywhere = false;

  head[ir->entry] = FPK_HEAD | FPK_START;
  for (uint32_t i = 0; i < ir->count; i++) {
    const struct fir_ins *in = &ir->ins[i];
    if (fir_has_target(in->op))
      head[in->target] |= FPK_HEAD | (in->target <= i ? LOOP_HEAD : 0);
    if (leaves(in->op))
      head[i + 1] |= FPK_HEAD;
    anywhere |= fir_goes_anywhere(in->op);
    if (in->op == FIR_BOUNDARY)
      head[i + 1] |= FPK_START;
    if (in->op == FLUX_OP_YIELD && in->target <= ir->source->size &&
        ir->at[in->target] != FIR_NONE)
      head[ir->at[in->target]] |= FPK_HEAD | FPK_START;
  }
  /* A run that begins at a boundary steps over the op that says so. */
  for (uint32_t i = 0; i + 1 < ir->count; i++)
    if (ir->ins[i].op == FIR_BOUNDARY && (head[i] & FPK_START))
      head[i + 1] |= FPK_HEAD | FPK_START;
  for (uint32_t pc = 0; pc <= ir->source->size; pc++) {
    if (ir->at[pc] == FIR_NONE)
      continue;
    if (anywhere)
      head[ir->at[pc]] |= FPK_HEAD;
    if (!k->ends)
      head[ir->at[pc]] |= FPK_START;
  }
}

/* ---- liveness ----------------------------------------------------------- */

static void find_ends(struct packing *k) {
  const struct fir_program *ir = k->ir;
  const struct fpk_program *p = k->p;

  memset(&k->out, 0, sizeof(k->out));
  for (uint32_t s = 0; s < p->written_count; s++) {
    uint32_t c = p->slot[s].cell;
    if (p->slot[s].kind != FPK_SLOT_CELL)
      continue;
    if (c >= FISA_SET_WORDS * 64u ||
        (k->ends->w[c / 64] >> c % 64 & 1) || c == ir->dialect->sp_cell ||
        c == ir->dialect->calls_cell)
      set_add(&k->out, s);
  }
}

/* Which results of an op are not looked at, as flags; true: none is, and it
 * does nothing else. */
static bool is_dead(const struct uses *u, const struct set *live,
                    uint16_t *flags) {
  static const uint16_t unseen[5] = {FPK_NO_D, 0, 0, FPK_NO_C, FPK_NO_IMM};
  bool dead = (u->is & OP_SPARE) != 0;

  *flags = 0;
  EACH_OPERAND(n, u->writes)
    if (set_has(live, u->cell[n]))
      dead = false;
    else
      *flags |= unseen[n];
  return dead || (u->is & OP_IDLE);
}

/* What is live before op i, of what is live behind it. */
static void step_back(struct packing *k, uint32_t i, struct set *live) {
  const struct uses *u = &k->room->uses[i];

  k->room->dead[i] = is_dead(u, live, &k->p->op[i].flags);
  if (k->room->dead[i])
    return;
  EACH_OPERAND(n, u->kills)
    set_remove(live, u->cell[n]);
  EACH_OPERAND(n, u->reads)
    set_add(live, u->cell[n]);
  for (unsigned n = 0; n < u->file_count; n++)
    set_add(live, u->cell[0] + n);
  if (u->is & OP_STOPS)
    set_join(live, &k->out, k->words);
}

/* One pass from the last op to the first; whether the set of a head grew to
 * which an op behind it leads. */
static bool live_pass(struct packing *k) {
  struct fpk_room *r = k->room;
  struct set live = k->out;
  bool grew = false;

  for (uint32_t i = k->ir->count; i-- > 0;) {
    uint8_t is = r->uses[i].is;

    if (is & OP_ENDS)
      memset(&live, 0, sizeof(live));
    if (is & OP_TARGET)
      set_join(&live, &r->live[k->ir->ins[i].target], k->words);
    if (is & OP_ANYWHERE)
      memset(&live, 0xFF, sizeof(live));
    step_back(k, i, &live);
    if (r->head[i] && set_join(&r->live[i], &live, k->words))
      grew |= (r->head[i] & LOOP_HEAD) != 0;
  }
  return grew;
}

static void find_live(struct packing *k) {
  struct fpk_program *p = k->p;
  struct fpk_room *r = k->room;
  struct set begin = {{0}};

  if (!k->ends) { /* all of it is looked at, wherever the run stops */
    for (uint32_t i = 0; i < k->ir->count; i++)
      p->op[i].flags = 0;
    for (uint32_t s = 0; s < p->written_count; s++)
      p->slot[s].loaded = true;
    return;
  }
  find_ends(k);
  memset(r->live, 0, (k->ir->count + 1u) * sizeof(*r->live));
  while (live_pass(k))
    ;
  for (uint32_t i = 0; i < k->ir->count; i++)
    if (r->head[i] & FPK_START)
      set_join(&begin, &r->live[i], k->words);
  for (uint32_t s = 0; s < p->written_count; s++)
    p->slot[s].loaded = set_has(&begin, s);
}

/* ---- ops ---------------------------------------------------------------- */

/* An op of which less is wanted becomes a lesser one. */
static uint16_t lesser(const struct fir_ins *in, uint16_t flags) {
  if ((flags & (FPK_NO_C | FPK_NO_IMM)) != (FPK_NO_C | FPK_NO_IMM))
    return in->op;
  if (in->op == FIR_ADD_SIGNS)
    return FLUX_OP_ADD;
  return in->op == FIR_SUB_SIGNS ? FLUX_OP_SUB : in->op;
}

static bool takes_constants(unsigned op) {
  static const bool takes[FLUX_OP_COUNT] = {
#define TAKES(ID) [FLUX_OP_##ID] = true,
      FPK_CONSTANT_OPS(TAKES)
#undef TAKES
  };

  return op < FLUX_OP_COUNT && takes[op];
}

/* Whether an operand that is no cell is a number; else it is nothing, and slot
 * 0, so that an engine may look all operands up alike. */
static bool is_number(unsigned op, unsigned operand) {
  switch (op) {
  case FLUX_OP_RET:
    return operand == 1;
  case FLUX_OP_CONVERGE:
    return operand == 2;
  case FLUX_OP_DIFFUSE:
  case FIR_G_STACK_FEW:
    return operand == 3;
  default:
    return false;
  }
}

static void pack_op(const struct packing *k, uint32_t i, struct fpk_op *o) {
  static const uint16_t consts[5] = {0, FPK_A_CONST, FPK_B_CONST, 0, 0};
  const struct fir_ins *in = &k->ir->ins[i];
  const struct uses *u = &k->room->uses[i];
  const unsigned cells = u->reads | u->writes;
  uint16_t slot[5];

  o->op = lesser(in, o->flags);
  o->ir = i;
  memcpy(slot, u->cell, sizeof(slot));
  for (unsigned n = 0; n < 5; n++)
    if (!(cells >> n & 1) && !is_number(o->op, n))
      slot[n] = 0;
  EACH_OPERAND(n, cells) {
    struct fpk_slot *s = &k->p->slot[slot[n]];
    if (s->kind != FPK_SLOT_CONST)
      continue;
    if (consts[n] && takes_constants(o->op))
      o->flags |= consts[n];
    else
      s->column = true;
  }
  o->d = slot[0];
  o->a = slot[1];
  o->b = slot[2];
  o->c = slot[3];
  o->imm = cells >> 4 & 1 ? slot[4] : in->imm;
  o->target = in->target;
  o->row = in->row;
}

static uint16_t larger(uint16_t a, uint16_t b) {
  return a > b ? a : b;
}

/* Adds what an op counts to the running sums, and notes it as its own. */
static void add_sums(const struct fir_program *ir, uint32_t i,
                     struct fpk_op *sums) {
  const struct fir_ins *in = &ir->ins[i];
  bool counted = in->op != FIR_END && (in->op != FIR_FAULT || in->cycles != 0);

  sums->own_rows = (in->row & FIR_FIRST) && counted;
  sums->own_cycles = in->cycles;
  sums->own_cost = ir->cost ? ir->cost[i] : in->cycles;
  sums->rows += sums->own_rows;
  sums->cycles += sums->own_cycles;
  sums->cost += sums->own_cost;
}

/* Lays the ops that are left side by side, with their sums. The flags of
 * op[i] were left by liveness; what is written never overtakes what is read. */
static void pack_ops(struct packing *k) {
  const struct fir_program *ir = k->ir;
  struct fpk_program *p = k->p;
  struct fpk_room *r = k->room;
  struct fpk_op sums = {0};
  uint32_t n = 0;

  p->most_cost = 1;
  for (uint32_t i = 0; i < ir->count; i++) {
    struct fpk_op o;

    add_sums(ir, i, &sums);
    p->most_cost = larger(p->most_cost,
                          larger(sums.own_cost, sums.own_cycles));
    o = sums;
    o.flags = (uint16_t)(p->op[i].flags | (r->head[i] & ~LOOP_HEAD));
    p->at[i] = n;
    if (!r->dead[i]) {
      pack_op(k, i, &o);
      p->op[n++] = o;
    } else if (r->head[i]) {
      o.op = FLUX_OP_NOP;
      o.row = ir->ins[i].row;
      o.ir = i;
      p->op[n++] = o;
    }
  }
  p->count = n;
}

/* Targets, and how much fuel is asked for up to the next head: of the ops of
 * the IR, since an op that was left out asks too. */
static void finish_ops(struct packing *k) {
  const struct fir_program *ir = k->ir;
  struct fpk_program *p = k->p;
  uint32_t asks = 0;

  for (uint32_t n = 0; n < p->count; n++)
    if (fir_has_target(p->op[n].op))
      p->op[n].target = p->at[p->op[n].target];
  for (uint32_t i = ir->count; i-- > 0;) {
    if (i + 1 < ir->count && (k->room->head[i + 1] & FPK_HEAD))
      asks = 0;
    asks += ir->ins[i].row >> 31;
    if (!k->room->dead[i] || k->room->head[i])
      p->op[p->at[i]].block = asks;
  }
}

/* The slots that an engine has to fill before a run. */
static void note_loads(struct fpk_program *p) {
  p->load_count = 0;
  for (uint32_t i = 0; i < p->slot_count; i++)
    if (i < p->written_count ? p->slot[i].loaded : p->slot[i].column)
      p->load[p->load_count++] = (uint16_t)i;
}

static void note_needs(struct fpk_program *p) {
  p->memory = p->stores = p->outside = p->cycle = false;
  p->straight = true;
  for (uint32_t i = 0; i < p->count; i++) {
    unsigned op = p->op[i].op;
    enum fisa_effect e;
    p->straight &= !fir_has_target(op) && !fir_goes_anywhere(op);
    if (op >= FLUX_OP_COUNT)
      continue;
    e = fisa_semop_effect(op);
    p->stores |= e == FISA_EFFECT_STORE || e == FISA_EFFECT_COPY;
    p->memory |= e == FISA_EFFECT_LOAD || op == FLUX_OP_DRAW_W;
    p->outside |= e == FISA_EFFECT_IN || e == FISA_EFFECT_OUT;
    p->cycle |= e == FISA_EFFECT_CYC;
  }
  p->memory |= p->stores;
}

int fpk_program_make(const struct fir_program *ir, const struct fisa_set *ends,
                     struct fpk_program *out, struct fisa_error *err) {
  struct packing k = {.ir = ir, .ends = ends, .p = out, .err = err};
  int rc;

  assert(ir && out && ir->count > 0);
  if (ir->opaque)
    return unfit(&k, "it holds a row without offline meaning");
  rc = check_ops(&k);
  if (rc)
    return rc;
  if (!room_for(&k)) {
    fisa_fail(err, "packing: out of memory");
    return -1;
  }
  out->ir = ir;
  note_uses(&k);
  note_stack(&k);
  rc = make_slots(&k);
  if (rc)
    return rc;
  note_heads(&k);
  find_live(&k);
  pack_ops(&k);
  finish_ops(&k);
  note_loads(out);
  note_needs(out);
  return 0;
}

void fpk_places_start(const struct fpk_program *p, const uint32_t *pc,
                      uint32_t count, uint32_t *start) {
  const struct fir_program *ir = p->ir;

  for (uint32_t i = 0; i < count; i++) {
    uint32_t at = pc[i] <= ir->source->size ? ir->at[pc[i]] : FIR_NONE;
    if (at != FIR_NONE && ir->ins[at].op == FIR_BOUNDARY)
      at++;
    start[i] = at == FIR_NONE ? FPK_NONE : p->at[at];
    if (start[i] != FPK_NONE && !(p->op[start[i]].flags & FPK_START))
      start[i] = FPK_NONE;
  }
}
