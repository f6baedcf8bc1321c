/*
 * gpu/lanes_run.h - one program on many lanes: the source of all builds.
 *
 * A build defines LANES_BUILD, the name of its lanes_isa, and LANES_NAME, and
 * includes this once. Loops over lanes are written so that a compiler makes
 * vector code of them: whole blocks, aligned columns, no call, no break.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lanes_impl.h"

/* Memory as gpu/semantics.h reaches it: that of one lane. */
struct lanes_memory {
  struct lanes_image *image;
  struct fisa_state *marks;  /* of flanes_exec: what is written; or NULL */
  uint32_t lane, mask;
};

#define FSEM_MEM struct lanes_memory

static inline int32_t *lanes_word(const struct lanes_memory *m, uint32_t at) {
  return &m->image->v[(size_t)((at & m->mask) / 4) * FPK_WIDTH + m->lane];
}

static inline __attribute__((unused)) int32_t
fsem_get(const struct lanes_memory *m, uint32_t at) {
  return (int32_t)((uint32_t)*lanes_word(m, at) >> 8 * (at & 3) & 255);
}

static inline __attribute__((unused)) void
fsem_put(struct lanes_memory *m, uint32_t at, int32_t v) {
  uint32_t shift = 8 * (at & 3);
  int32_t *word = lanes_word(m, at);

  *word = (int32_t)(((uint32_t)*word & ~(255u << shift)) |
                    ((uint32_t)v & 255) << shift);
  lanes_touch(m->image, (at & m->mask) / 4);
  if (m->marks)
    fisa_state_mark(m->marks, at, 1);
}

static inline __attribute__((unused)) int32_t
fsem_load32(const struct lanes_memory *m, int32_t address) {
  uint32_t at = (uint32_t)address, shift = 8 * (at & 3);
  uint64_t two = (uint32_t)*lanes_word(m, at);

  if (shift)
    two |= (uint64_t)(uint32_t)*lanes_word(m, at + 4) << 32;
  return (int32_t)(uint32_t)(two >> shift);
}

static inline __attribute__((unused)) void
fsem_store32(struct lanes_memory *m, int32_t address, int32_t value) {
  uint32_t at = (uint32_t)address;

  if (at & 3) {
    for (uint32_t i = 0; i < 4; i++)
      fsem_put(m, at + i, (int32_t)((uint32_t)value >> 8 * i & 255));
    return;
  }
  *lanes_word(m, at) = value;
  lanes_touch(m->image, (at & m->mask) / 4);
  if (m->marks)
    fisa_state_mark(m->marks, at, 4);
}

#include "gpu/semantics.h"

#include "gpu/lanes_ops.h"

#include "gpu/lanes_group.h"

#include "gpu/lanes_end.h"

/* ---- control ------------------------------------------------------------ */

/* What an op's handler says. */
enum { ON = 1, OVER = 0 }; /* go on at r->now.at; the group is over */

static int go_to(struct lanes_run *r, const struct fpk_op *o, uint32_t target) {
  count_to(r, o);
  r->now.at = target;
  set_base(r, &r->p->op[target]);
  return ON;
}

static int go_on(struct lanes_run *r, const struct fpk_op *o) {
  r->now.at = (uint32_t)(o - r->p->op) + 1;
  return ON;
}

/* Lanes of a mask, which is theirs from now on, leave the present group for
 * a head; where too many groups wait they are finished at once. What is done
 * is counted. */
static void park(struct lanes_run *r, int32_t *mask, uint32_t target,
                 uint32_t count) {
  struct lanes_group g = r->now;

  g.mask = mask;
  g.at = target;
  g.active = count;
  g.loose = true;
  leave(r, mask);
  for (uint32_t i = 0; i < r->waiting_count; i++)
    if (r->waiting[i].at == target) {
      join(r, &r->waiting[i], &g);
      return;
    }
  if (r->waiting_count < LANES_GROUPS) {
    r->waiting[r->waiting_count++] = g;
    if (target < r->waiting_at)
      r->waiting_at = target;
    return;
  }
  r->e->ways.crowded += count;
  flush(r, &g);
  lanes_finish(r, mask, target);
  lanes_mask_give(r, mask);
  shorten(r);
}

/* Some lanes of the group go to a target, the others on. */
static int split(struct lanes_run *r, const struct fpk_op *o, int32_t *taken,
                 uint32_t target, uint32_t count) {
  count_to(r, o);
  park(r, taken, target, count);
  return r->now.active > 0 ? go_on(r, o) : OVER;
}

/* A mask of the lanes of the group for which `taken` (0 or 1 a lane) holds,
 * or NULL if it is none or all of them, then *count says which. */
static int branch(struct lanes_run *r, const struct fpk_op *o, int32_t *taken,
                  uint32_t target) {
  uint32_t count = count_lanes(r, taken);

  if (count > 0 && count < r->now.active)
    return split(r, o, taken, target, count);
  lanes_mask_give(r, taken);
  return count ? go_to(r, o, target) : go_on(r, o);
}

/* Loops of a condition: -1 where a lane is active and it holds. */
#define CONDITION(NAME, condition) \
  static void NAME(const struct lanes_run *r, const struct fpk_op *o, \
                   int32_t *taken) { \
    OPERANDS; \
    const int32_t *m = r->now.mask ? const_part(r, r->now.mask) : NULL; \
    int32_t *t = part(r, taken); \
    (void)d; \
    if (!m) { \
      IVDEP for (size_t i = 0; i < n; i++) t[i] = -(int32_t)(condition); \
    } else { \
      IVDEP for (size_t i = 0; i < n; i++) t[i] = \
          -(int32_t)(condition) & m[i]; \
    } \
  }

#define BRANCH_CONDITION(ID, condition) CONDITION(holds_##ID, condition)
#define GUARD_CONDITION(ID, condition) CONDITION(guards_##ID, condition)
FSEM_BRANCHES(BRANCH_CONDITION)
FSEM_GUARDS(GUARD_CONDITION)
CONDITION(holds_zero_divisor, FB == 0)
CONDITION(holds_check, FA != 0)
CONDITION(holds_dec_gtz, fsem_sub(FA, 1) > 0)

typedef void (*condition_fn)(const struct lanes_run *r,
                             const struct fpk_op *o, int32_t *taken);

static const condition_fn conditions[FIR_OP_COUNT] = {
#define HOLDS(ID, condition) [FLUX_OP_##ID] = holds_##ID,
#define GUARDS(ID, condition) [FIR_G_##ID] = guards_##ID,
    FSEM_BRANCHES(HOLDS) FSEM_GUARDS(GUARDS)
    [FLUX_OP_DIV] = holds_zero_divisor,
    [FLUX_OP_CHECK] = holds_check,
    [FLUX_OP_BR_DEC_GTZ] = holds_dec_gtz,
    [FLUX_OP_BR_GTZ_DEC] = holds_BR_GTZ};

static int run_branch(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *taken = lanes_mask_take(r);

  conditions[o->op](r, o, taken);
  return branch(r, o, taken, o->target);
}

/* d = a - 1, in the lanes of a mask; NULL: in all. */
UNMASKED_LOOP(decrement, fsem_sub(FA, 1))
MASKED_LOOP(masked_decrement, fsem_sub(FA, 1))

static int run_dec_branch(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *taken = lanes_mask_take(r);
  const int32_t *where = r->now.mask;

  conditions[o->op](r, o, taken);
  if (o->op == FLUX_OP_BR_GTZ_DEC)
    where = taken;
  if (where)
    masked_decrement(r, o, where);
  else
    decrement(r, o, NULL);
  return branch(r, o, taken, o->target);
}

static uint32_t guard_pc(const struct fpk_op *o) {
  return o->target == FIR_NONE ? o->row & ~FIR_FIRST : o->target;
}

/* A condition under which lanes stop with fault imm. */
static int run_guard(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *hit = lanes_mask_take(r);

  conditions[o->op](r, o, hit);
  if (count_lanes(r, hit) == 0) {
    lanes_mask_give(r, hit);
    return go_on(r, o);
  }
  if (!fault_lanes(r, o, hit, guard_pc(o)))
    return OVER;
  return go_on(r, o);
}

/* An op of the loops, for the lanes of the group. */
static inline void compute(struct lanes_run *r, unsigned op, unsigned form,
                           const struct fpk_op *o) {
  if (r->now.mask)
    masked_ops[form][op](r, o, r->now.mask);
  else
    plain_ops[form][op](r, o, NULL);
}

static int run_div(struct lanes_run *r, const struct fpk_op *o) {
  int rc = run_guard(r, o);

  if (rc == ON)
    compute(r, FLUX_OP_QUO, 0, o);
  return rc;
}

static int run_jump(struct lanes_run *r, const struct fpk_op *o) {
  return go_to(r, o, o->target);
}

static int run_stop(struct lanes_run *r, const struct fpk_op *o) {
  uint32_t pc = o->row & ~FIR_FIRST;

  switch (o->op) {
  case FLUX_OP_HALT:
    stop_group(r, o, FISA_RUN_HALT, o->imm, o->target);
    break;
  case FIR_END:
    stop_group(r, o, FISA_RUN_END, 0, pc);
    break;
  case FLUX_OP_YIELD:
  case FIR_BOUNDARY:
    if (!r->stop_at_yield)
      return go_on(r, o);
    stop_group(r, o, FISA_RUN_YIELD, 0, o->target);
    break;
  default:
    stop_group(r, o, FISA_RUN_FAULT, o->imm, pc);
    break;
  }
  return OVER;
}

#include "gpu/lanes_memory.h"

/* ---- calls, and jumps to what a register holds -------------------------- */

static struct lanes_image *links_of(struct lanes_run *r) {
  return r->p->calls.first == r->p->data.first ? &r->e->data : &r->e->calls;
}

static int run_call(struct lanes_run *r, const struct fpk_op *o) {
  push(r, links_of(r), &r->p->calls, r->e->col[o->a]);
  return go_to(r, o, o->target);
}

/* Ends lanes that went to an address where there is no code. */
static void end_outside(struct lanes_run *r, const int32_t *pc,
                        int32_t *mask) {
  for (uint32_t lane = r->now.lo; lane < r->now.hi; lane++) {
    struct fisa_state end = {.status = FISA_RUN_END, .pc = (uint32_t)pc[lane]};

    if (!mask[lane])
      continue;
    if (lanes_fuel(r, lane) == r->e->rows[lane])
      end.status = FISA_RUN_FUEL;
    stop_lane(r, lane, &end);
  }
}

/* Takes from the group those lanes whose entry in `pc` is not below the size
 * of the code; true if any are left. */
static bool drop_outside(struct lanes_run *r, const int32_t *pc) {
  uint32_t size = r->p->ir->source->size;
  int32_t *mask = lanes_mask_take(r);
  struct lanes_group g = r->now;
  bool any = false, on = true;

  for (uint32_t lane = r->now.lo; lane < r->now.hi; lane++) {
    mask[lane] = -(is_active(r, lane) && (uint32_t)pc[lane] >= size);
    any |= mask[lane] != 0;
  }
  if (any) {
    g.mask = mask;
    flush(r, &g);
    on = leave(r, mask);
    end_outside(r, pc, mask);
    shorten(r);
  }
  lanes_mask_give(r, mask);
  return on && r->now.active > 0;
}

/* Sends each lane of the group to its own address in `pc`. All is counted. */
static int go_to_each(struct lanes_run *r, const int32_t *pc) {
  const struct fir_program *ir = r->p->ir;

  if (!drop_outside(r, pc))
    return OVER;
  for (;;) {
    int32_t first = pc[first_active(r)];
    uint32_t target = r->p->at[ir->at[first]], same = 0;
    int32_t *mask = lanes_mask_take(r);

    for (uint32_t lane = r->now.lo; lane < r->now.hi; lane++) {
      mask[lane] = -(is_active(r, lane) && pc[lane] == first);
      same += mask[lane] != 0;
    }
    if (same == r->now.active) {
      lanes_mask_give(r, mask);
      r->now.at = target;
      set_base(r, &r->p->op[target]);
      return ON;
    }
    park(r, mask, target, same);
    if (r->now.active == 0)
      return OVER;
  }
}

static int run_jump_reg(struct lanes_run *r, const struct fpk_op *o) {
  count_to(r, o);
  return go_to_each(r, r->e->col[o->a]);
}

/* The links that lanes return by. Those without one go on behind the row;
 * those that lead below 0 are a fault. */
static int run_ret_each(struct lanes_run *r, const struct fpk_op *o) {
  const struct fpk_stack *f = &r->p->calls;
  struct lanes_image *s = links_of(r);
  int32_t *sp = r->e->col[f->sp], *pc = r->e->target;
  const int32_t *bias = r->e->col[o->a];
  int32_t *below = lanes_mask_take(r), *none = lanes_mask_take(r);
  uint32_t below_count = 0, none_count = 0;

  for (uint32_t lane = r->now.lo; lane < r->now.hi; lane++) {
    int32_t at = sp[lane] - !f->down;
    bool on = is_active(r, lane);
    bool empty = fsem_empty(sp[lane], f->count, f->down);

    pc[lane] = on && !empty ? fsem_add(stack_column(s, at)[lane], bias[lane])
                            : 0;
    none[lane] = -(on && empty);
    below[lane] = -(on && pc[lane] < 0);
    none_count += on && empty;
    below_count += below[lane] != 0;
  }
  count_to(r, o);
  if (none_count == 0 || none_count == r->now.active)
    lanes_mask_give(r, none);
  if (none_count == r->now.active) {
    lanes_mask_give(r, below);
    return go_on(r, o);
  }
  if (none_count > 0)
    park(r, none, (uint32_t)(o - r->p->op) + 1, none_count);
  if (below_count == 0)
    lanes_mask_give(r, below);
  else if (!fault_lanes(r, o, below, o->row & ~FIR_FIRST))
    return OVER;
  if (r->now.active == 0)
    return OVER;
  move_sp(r, f->sp, f->down ? 1 : -1);
  return go_to_each(r, pc);
}

/* Mostly all lanes come back to one place. */
static int run_ret(struct lanes_run *r, const struct fpk_op *o) {
  const struct fpk_stack *f = &r->p->calls;
  const struct fir_program *ir = r->p->ir;
  int32_t top, link, bias;

  if (!one_value(r, f->sp, &top) || fsem_empty(top, f->count, f->down) ||
      !same_in(r, stack_column(links_of(r), f->down ? top : top - 1), &link) ||
      !one_value(r, o->a, &bias))
    return run_ret_each(r, o);
  link = fsem_add(link, bias);
  if (link < 0 || (uint32_t)link >= ir->source->size)
    return run_ret_each(r, o);
  move_sp(r, f->sp, f->down ? 1 : -1);
  return go_to(r, o, r->p->at[ir->at[link]]);
}

/* ---- whole files, the outside, the counter ------------------------------ */

static int run_file(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *const *col = r->e->col;

  EACH_ACTIVE(r, lane) {
    int32_t *file = &col[o->d][lane]; /* slots side by side, so columns too */
    switch (o->op) {
    case FLUX_OP_FILE_ZERO:
      for (int32_t i = 0; i < o->imm; i++)
        file[(size_t)i * LANES_STRIDE] = 0;
      break;
    case FLUX_OP_CONVERGE:
      fsem_converge(file, LANES_STRIDE, o->b, o->imm);
      break;
    default:
      col[o->b][lane] =
          fsem_diffuse(file, LANES_STRIDE, o->c, col[o->a][lane], o->imm);
      break;
    }
  }
  return go_on(r, o);
}

static bool draw_lane(struct lanes_run *r, const struct fpk_op *o,
                      uint32_t lane) {
  int32_t *d = r->e->col[o->d], value = 0;
  int32_t modulus = r->e->col[o->a][lane];

  if (modulus > 0 && !lanes_take(r, lane, (uint16_t)o->imm, &modulus, &value))
    return false;
  d[lane] = modulus > 0 ? value % modulus : 0;
  return true;
}

static bool draw_weighted_lane(struct lanes_run *r, const struct fpk_op *o,
                               uint32_t lane) {
  uint64_t size = r->b->dialect->mem_size;
  struct lanes_memory mem = {&r->e->memory, NULL, lane, (uint32_t)size - 1};
  int32_t at = r->e->col[o->a][lane], n = r->e->col[o->b][lane], value;
  int32_t sum = fsem_wrap((uint32_t)fsem_weights(&mem, size, at, n));

  if (sum <= 0)
    return true;
  if (!lanes_take(r, lane, (uint16_t)o->imm, &at, &value))
    return false;
  r->e->col[o->d][lane] = fsem_pick(&mem, size, at, value % sum);
  return true;
}

/* One lane takes or gives; false: it is lost. */
static bool cross(struct lanes_run *r, const struct fpk_op *o, uint32_t lane) {
  int32_t *const *col = r->e->col;
  int32_t arg[FISA_MAX_ARGS] = {0};
  unsigned argc = (uint32_t)o->imm >> 16;

  switch (o->op) {
  case FLUX_OP_INPUT:
    if (argc)
      arg[0] = col[o->a][lane];
    return lanes_take(r, lane, (uint32_t)o->imm, arg, &col[o->d][lane]);
  case FLUX_OP_DRAW:
    return draw_lane(r, o, lane);
  case FLUX_OP_DRAW_W:
    return draw_weighted_lane(r, o, lane);
  case FLUX_OP_EMIT:
    if (argc > 0)
      arg[0] = col[o->a][lane];
    if (argc > 1)
      arg[1] = col[o->b][lane];
    if (argc > 2)
      arg[2] = col[o->c][lane];
    return lanes_give(r, lane, (uint16_t)o->imm, arg, argc);
  default:
    return lanes_give_payload(r, lane, o);
  }
}

static int run_outside(struct lanes_run *r, const struct fpk_op *o) {
  int32_t *lost = lanes_mask_take(r);
  bool any = false;

  memset(part(r, lost), 0, lane_count(r) * sizeof(*lost));
  EACH_ACTIVE(r, lane)
    if (!cross(r, o, lane)) {
      lost[lane] = -1;
      any = true;
    }
  if (!any) {
    lanes_mask_give(r, lost);
    return go_on(r, o);
  }
  return lose_lanes(r, o, lost) ? go_on(r, o) : OVER;
}

static int run_cycle(struct lanes_run *r, const struct fpk_op *o) {
  uint32_t done = r->now.cycles + o->cycles - r->base_cycles;
  int32_t *d = r->e->col[o->d];

  EACH_ACTIVE(r, lane)
    d[lane] = fsem_wrap(r->b->cycles[lane] + done +
                        (r->counted ? r->e->cycles[lane] : 0));
  return go_on(r, o);
}

/* ---- the loop ----------------------------------------------------------- */

typedef int (*control_fn)(struct lanes_run *r, const struct fpk_op *o);

static const control_fn controls[FIR_OP_COUNT] = {
#define RUN_BRANCH(ID, condition) [FLUX_OP_##ID] = run_branch,
#define RUN_GUARD(ID, condition) [FIR_G_##ID] = run_guard,
#define RUN_MEMORY(ID, effect) [FLUX_OP_##ID] = run_memory,
    FSEM_BRANCHES(RUN_BRANCH) FSEM_GUARDS(RUN_GUARD) FSEM_LOADS(RUN_MEMORY)
    FSEM_STORES(RUN_MEMORY)
    [FLUX_OP_BR_DEC_GTZ] = run_dec_branch,
    [FLUX_OP_BR_GTZ_DEC] = run_dec_branch,
    [FLUX_OP_CHECK] = run_guard,
    [FLUX_OP_DIV] = run_div,
    [FLUX_OP_JUMP] = run_jump,
    [FIR_GOTO] = run_jump,
    [FIR_JUMP_REG] = run_jump_reg,
    [FLUX_OP_CALL] = run_call,
    [FLUX_OP_RET] = run_ret,
    [FLUX_OP_HALT] = run_stop,
    [FLUX_OP_YIELD] = run_stop,
    [FLUX_OP_TRAP] = run_stop,
    [FIR_END] = run_stop,
    [FIR_FAULT] = run_stop,
    [FIR_BOUNDARY] = run_stop,
    [FLUX_OP_PUSH] = run_stack,
    [FLUX_OP_POP] = run_stack,
    [FLUX_OP_POPZ] = run_stack,
    [FLUX_OP_DROP] = run_stack,
    [FLUX_OP_FOLD] = run_stack,
    [FIR_PEEK] = run_stack,
    [FIR_G_STACK_FULL] = run_stack_guard,
    [FIR_G_STACK_EMPTY] = run_stack_guard,
    [FIR_G_STACK_FEW] = run_stack_guard,
    [FIR_G_CALLS_FULL] = run_stack_guard,
    [FIR_G_CALLS_EMPTY] = run_stack_guard,
    [FLUX_OP_FILE_ZERO] = run_file,
    [FLUX_OP_CONVERGE] = run_file,
    [FLUX_OP_DIFFUSE] = run_file,
    [FLUX_OP_INPUT] = run_outside,
    [FLUX_OP_DRAW] = run_outside,
    [FLUX_OP_DRAW_W] = run_outside,
    [FLUX_OP_EMIT] = run_outside,
    [FLUX_OP_EMIT_PAYLOAD] = run_outside,
    [FLUX_OP_CYCLE] = run_cycle};

/* Finishes all lanes of the group one by one. */
static void finish_group(struct lanes_run *r) {
  int32_t *mask = r->now.mask ? r->now.mask : lanes_mask_take(r);

  r->e->ways.sparse += r->now.active;
  flush(r, &r->now);
  if (!r->now.mask)
    memset(part(r, mask), 0xFF, lane_count(r) * sizeof(*mask));
  lanes_finish(r, mask, r->now.at);
  r->now.mask = mask;
  shorten(r);
}

/* Lanes that may run out of fuel in the block are finished one by one; how
 * much the others have is worked out anew. False: there are no others. */
static bool refuel(struct lanes_run *r, uint32_t block) {
  int32_t *dry = lanes_mask_take(r);
  uint32_t left = UINT32_MAX;
  bool any = false, on = true;

  flush(r, &r->now);
  memset(part(r, dry), 0, lane_count(r) * sizeof(*dry));
  EACH_ACTIVE(r, lane) {
    uint32_t rest = lanes_fuel(r, lane) - r->e->rows[lane];
    if (rest < block) {
      dry[lane] = -1;
      any = true;
    } else if (rest < left) {
      left = rest;
    }
  }
  r->now.left = left;
  if (any) {
    uint32_t at = r->now.at;
    on = leave(r, dry);
    lanes_finish(r, dry, at);
    shorten(r);
  }
  lanes_mask_give(r, dry);
  return on && r->now.active > 0;
}

/* The group has come to a head; false: it is over. */
static bool enter(struct lanes_run *r) {
  count_before(r, &r->p->op[r->now.at]);
  if (r->waiting_at <= r->now.at)
    settle(r);
  if (r->now.loose)
    tighten(r);
  if (r->now.active * LANES_BLOCK >= r->now.hi - r->now.lo)
    r->now.lone = 0;
  if (r->now.lone > LANES_LONE) {
    finish_group(r);
    return false;
  }
  return r->p->op[r->now.at].block <= r->now.left ||
         refuel(r, r->p->op[r->now.at].block);
}

/* Runs the present group until it is over. */
static void run_group(struct lanes_run *r) {
  const struct fpk_op *op = r->p->op;
  const struct fpk_op *o;

  if (!enter(r))
    return;
  o = &op[r->now.at];
  for (;;) {
    const lanes_fn *table =
        r->now.mask ? masked_ops[form_of(o)] : plain_ops[form_of(o)];

    if (table[o->op]) {
      table[o->op](r, o, r->now.mask);
      o++;
    } else {
      assert(controls[o->op]);
      if (controls[o->op](r, o) == OVER)
        return;
      o = &op[r->now.at];
    }
    if (o->flags & FPK_HEAD) {
      r->now.at = (uint32_t)(o - op);
      if (!enter(r))
        return;
      o = &op[r->now.at];
    }
  }
}

static void run_lanes(struct lanes_run *r) {
  while (next_group(r))
    run_group(r);
}

/* What the loop finds a handler for. */
static bool knows_op(unsigned op) {
  return op < FIR_OP_COUNT && (plain_ops[0][op] || controls[op]);
}

const struct lanes_isa LANES_BUILD = {LANES_NAME, run_lanes, knows_op,
                                      stop_lane, reduce};
