/*
 * gpu/lanes_memory.h - ops that reach memory and the stacks.
 *
 * Included by lanes_run.h. Mostly all lanes of a group mean one address or
 * have one stack index, and then columns are moved as a whole.
 */

/* ---- memory ------------------------------------------------------------- */

/* Whether a column holds one value in all lanes of the group. */
static bool same_in(const struct lanes_run *r, const int32_t *column,
                    int32_t *v) {
  const size_t n = lane_count(r);
  const int32_t *x = const_part(r, column), *m;
  int32_t first = column[first_active(r)], other = 0;

  m = r->now.mask ? const_part(r, r->now.mask) : NULL;
  if (!m)
    for (size_t i = 0; i < n; i++)
      other |= x[i] ^ first;
  else
    for (size_t i = 0; i < n; i++)
      other |= (x[i] ^ first) & m[i];
  *v = first;
  return other == 0;
}

/* The same of a slot. */
static bool one_value(const struct lanes_run *r, uint32_t slot, int32_t *v) {
  if (r->p->slot[slot].kind != FPK_SLOT_CONST)
    return same_in(r, r->e->col[slot], v);
  *v = r->p->slot[slot].value;
  return true;
}

/* Copies a column, in the lanes of the group. */
static void copy_active(const struct lanes_run *r, int32_t *to,
                        const int32_t *from) {
  const size_t n = lane_count(r);
  const int32_t *m = r->now.mask ? const_part(r, r->now.mask) : NULL;

  if (!m) {
    IVDEP for (size_t i = 0; i < n; i++) to[i] = from[i];
    return;
  }
  IVDEP for (size_t i = 0; i < n; i++) to[i] = m[i] ? from[i] : to[i];
}

/* The address of an access to memory where it is one in all lanes and counts;
 * for the forms that reach it by a word or a byte. */
static bool one_address(const struct lanes_run *r, const struct fpk_op *o,
                        uint32_t *at) {
  int32_t a, b;

  if (!one_value(r, o->a, &a) || !one_value(r, o->b, &b))
    return false;
  *at = (uint32_t)a + (uint32_t)b;
  switch (o->op) {
  case FLUX_OP_BLOAD32:
  case FLUX_OP_BSTORE32:
    if (!fsem_below(a, 4, o->imm))
      return false;
    break;
  case FLUX_OP_BLOAD8:
  case FLUX_OP_BSTORE8:
    if (!fsem_below(a, 1, o->imm))
      return false;
    break;
  default:
    *at += (uint32_t)o->imm;
    break;
  }
  *at &= r->b->dialect->mem_size - 1;
  return true;
}

static int32_t *word_column(const struct lanes_run *r, uint32_t at) {
  size_t word = at / 4;

  return part(r, r->e->memory.v + word * FPK_WIDTH);
}

/* Marks what the lanes of the group have written, where anybody asks. */
static void mark_active(struct lanes_run *r, uint32_t at, uint32_t bytes) {
  lanes_touch(&r->e->memory, at / 4);
  if (r->tasks)
    EACH_ACTIVE(r, lane)
      fisa_state_mark(r->tasks[lane].state, at, bytes);
}

/* Accesses at one address, aligned; false: it is another kind. */
static bool run_column(struct lanes_run *r, const struct fpk_op *o,
                       uint32_t at) {
  const size_t n = lane_count(r);
  const int32_t *m = mask_or_all(r, r->now.mask);
  uint32_t shift = 8 * (at & 3), keep = ~(255u << shift);
  int32_t *word = word_column(r, at), *d = column(r, o->d);

  switch (o->op) {
  case FLUX_OP_LOAD32:
  case FLUX_OP_BLOAD32:
    if (shift)
      return false;
    copy_active(r, d, word);
    return true;
  case FLUX_OP_STORE32:
  case FLUX_OP_BSTORE32:
    if (shift)
      return false;
    copy_active(r, word, d);
    mark_active(r, at, 4);
    return true;
  case FLUX_OP_LOAD8:
  case FLUX_OP_BLOAD8:
    IVDEP for (size_t i = 0; i < n; i++) {
      int32_t v = (int32_t)((uint32_t)word[i] >> shift & 255);
      d[i] = m[i] ? v : d[i];
    }
    return true;
  case FLUX_OP_STORE8:
  case FLUX_OP_BSTORE8:
    IVDEP for (size_t i = 0; i < n; i++) {
      int32_t v = (int32_t)(((uint32_t)word[i] & keep) |
                            ((uint32_t)d[i] & 255) << shift);
      word[i] = m[i] ? v : word[i];
    }
    mark_active(r, at, 1);
    return true;
  default:
    return false;
  }
}

/* What ops of the tables see, lane by lane. */
#define LANE_OPERANDS \
  struct lanes_memory mem = {&r->e->memory, NULL, 0, \
                             r->b->dialect->mem_size - 1}; \
  int32_t *const *col = r->e->col; \
  int32_t *const d = col[o->d]; \
  const int32_t *const a = col[o->a], *const b = col[o->b]; \
  const int32_t *const c = col[o->c]; \
  const int32_t imm = o->imm; \
  (void)mem, (void)d, (void)a, (void)b, (void)c, (void)imm

#define AT_LANE(lane) \
  const size_t i = lane; \
  mem.lane = lane; \
  mem.marks = r->tasks ? r->tasks[lane].state : NULL

#define FMEM (&mem)
#define LOAD_LANES(ID, expression) \
  static void lanes_##ID(struct lanes_run *r, const struct fpk_op *o) { \
    LANE_OPERANDS; \
    EACH_ACTIVE(r, lane) { \
      AT_LANE(lane); \
      FD = (expression); \
    } \
  }
#define STORE_LANES(ID, statement) \
  static void lanes_##ID(struct lanes_run *r, const struct fpk_op *o) { \
    LANE_OPERANDS; \
    EACH_ACTIVE(r, lane) { \
      AT_LANE(lane); \
      statement; \
    } \
  }
FSEM_LOADS(LOAD_LANES)
FSEM_STORES(STORE_LANES)

typedef void (*memory_fn)(struct lanes_run *r, const struct fpk_op *o);

static const memory_fn memory_ops[FLUX_OP_COUNT] = {
#define MEMORY_LANES(ID, effect) [FLUX_OP_##ID] = lanes_##ID,
    FSEM_LOADS(MEMORY_LANES) FSEM_STORES(MEMORY_LANES)};

/* Each lane at an address of its own. True if it was done: a load of whole
 * words, or of bytes. */
static bool run_gather(struct lanes_run *r, const struct fpk_op *o) {
  const size_t n = lane_count(r);
  const int32_t *a = column(r, o->a), *b = column(r, o->b);
  const int32_t *m = mask_or_all(r, r->now.mask);
  const int32_t *words = part(r, r->e->memory.v);
  const uint32_t mask = r->b->dialect->mem_size - 1, imm = (uint32_t)o->imm;
  int32_t *d = column(r, o->d);
  uint32_t odd = 0;

  if (o->op == FLUX_OP_LOAD8) {
    IVDEP for (size_t i = 0; i < n; i++) {
      uint32_t at = ((uint32_t)a[i] + (uint32_t)b[i] + imm) & mask;
      uint32_t word = (uint32_t)words[at / 4 * FPK_WIDTH + i];
      d[i] = m[i] ? (int32_t)(word >> 8 * (at & 3) & 255) : d[i];
    }
    return true;
  }
  if (o->op != FLUX_OP_LOAD32)
    return false;
  for (size_t i = 0; i < n; i++)
    odd |= ((uint32_t)a[i] + (uint32_t)b[i] + imm) & m[i] & 3;
  if (odd)
    return false;
  IVDEP for (size_t i = 0; i < n; i++) {
    uint32_t at = ((uint32_t)a[i] + (uint32_t)b[i] + imm) & mask;
    int32_t word = words[at / 4 * FPK_WIDTH + i];
    d[i] = m[i] ? word : d[i];
  }
  return true;
}

/* Bytes set from one address on, a word at a time; false: the lanes have more
 * than one. */
static bool run_set(struct lanes_run *r, const struct fpk_op *o) {
  const size_t n = lane_count(r);
  const int32_t *m = mask_or_all(r, r->now.mask);
  const int32_t *b = column(r, o->b);
  const uint32_t count = o->imm > 0 ? (uint32_t)o->imm : 0;
  int32_t first;

  if (!one_value(r, o->a, &first))
    return false;
  for (uint32_t done = 0, bytes; done < count; done += bytes) {
    uint32_t at = ((uint32_t)first + done) & (r->b->dialect->mem_size - 1);
    uint32_t room = 4 - at % 4, keep;
    int32_t *word = word_column(r, at);

    bytes = room < count - done ? room : count - done;
    keep = ~(UINT32_MAX >> 8 * (4 - bytes) << 8 * (at % 4));
    IVDEP for (size_t i = 0; i < n; i++) {
      uint32_t v = ((uint32_t)b[i] & 255) * 0x01010101u & ~keep;
      int32_t now = (int32_t)(((uint32_t)word[i] & keep) | v);
      word[i] = m[i] ? now : word[i];
    }
    mark_active(r, at, bytes);
  }
  return true;
}

static int run_memory(struct lanes_run *r, const struct fpk_op *o) {
  uint32_t at;

  switch (o->op) {
  case FLUX_OP_MSET:
    if (run_set(r, o))
      return go_on(r, o);
    break;
  case FLUX_OP_LOAD32:
  case FLUX_OP_LOAD8:
  case FLUX_OP_STORE32:
  case FLUX_OP_STORE8:
  case FLUX_OP_BLOAD32:
  case FLUX_OP_BLOAD8:
  case FLUX_OP_BSTORE32:
  case FLUX_OP_BSTORE8:
    if (one_address(r, o, &at) && run_column(r, o, at))
      return go_on(r, o);
    break;
  default:
    break;
  }
  if (!run_gather(r, o))
    memory_ops[o->op](r, o);
  return go_on(r, o);
}

/* ---- stacks ------------------------------------------------------------- */

static int32_t *stack_column(struct lanes_image *s, int32_t i) {
  assert(i >= 0 && (uint32_t)i < s->count);
  return s->v + (size_t)i * FPK_WIDTH;
}

/* sp += by in the lanes of the group. */
static void move_sp(const struct lanes_run *r, uint32_t slot, int32_t by) {
  const size_t n = lane_count(r);
  int32_t *sp = column(r, slot);
  const int32_t *m = mask_or_all(r, r->now.mask);

  for (size_t i = 0; i < n; i++)
    sp[i] += by & m[i];
}

/* Pushes column v where there is room. */
static void push(struct lanes_run *r, struct lanes_image *s,
                 const struct fpk_stack *f, const int32_t *v) {
  int32_t *sp = r->e->col[f->sp], size = f->count, top;
  bool down = f->down;

  if (one_value(r, f->sp, &top)) {
    if (fsem_full(top, size, down))
      return;
    top -= down;
    copy_active(r, part(r, stack_column(s, top)), v + r->now.lo);
    lanes_touch(s, (uint32_t)top);
    move_sp(r, f->sp, down ? -1 : 1);
    return;
  }
  EACH_ACTIVE(r, lane) {
    if (fsem_full(sp[lane], size, down))
      continue;
    top = down ? sp[lane] - 1 : sp[lane];
    stack_column(s, top)[lane] = v[lane];
    lanes_touch(s, (uint32_t)top);
    sp[lane] += down ? -1 : 1;
  }
}

/* Pops into column d; where there is nothing, `otherwise` (NULL: d stays). */
static void pop(struct lanes_run *r, struct lanes_image *s,
                const struct fpk_stack *f, int32_t *d,
                const int32_t *otherwise) {
  int32_t *sp = r->e->col[f->sp], size = f->count, top;
  bool down = f->down;

  if (one_value(r, f->sp, &top) && !fsem_empty(top, size, down)) {
    const int32_t *from = stack_column(s, down ? top : top - 1);
    move_sp(r, f->sp, down ? 1 : -1);
    copy_active(r, d + r->now.lo, from + r->now.lo);
    return;
  }
  EACH_ACTIVE(r, lane) {
    if (fsem_empty(sp[lane], size, down)) {
      if (otherwise)
        d[lane] = *otherwise;
      continue;
    }
    top = down ? sp[lane] : sp[lane] - 1;
    sp[lane] += down ? 1 : -1;
    d[lane] = stack_column(s, top)[lane];
  }
}

static int run_stack(struct lanes_run *r, const struct fpk_op *o) {
  static const int32_t zero = 0;
  const struct fpk_stack *f = &r->p->data;
  struct lanes_image *s = &r->e->data;
  int32_t *const *col = r->e->col;
  int32_t *sp = col[f->sp], size = f->count;
  bool down = f->down;

  switch (o->op) {
  case FLUX_OP_FOLD:
  case FLUX_OP_DROP:
    EACH_ACTIVE(r, lane)
      fsem_drop(&sp[lane], size, down, o->imm);
    if (o->op == FLUX_OP_FOLD)
      push(r, s, f, col[o->a]);
    break;
  case FLUX_OP_PUSH:
    push(r, s, f, col[o->a]);
    break;
  case FLUX_OP_POP:
    pop(r, s, f, col[o->d], NULL);
    break;
  case FLUX_OP_POPZ:
    pop(r, s, f, col[o->d], &zero);
    break;
  default: /* FIR_PEEK */
    EACH_ACTIVE(r, lane) {
      int32_t top = down ? sp[lane] + o->imm : sp[lane] - 1 - o->imm;
      bool none = fsem_few(sp[lane], size, down, o->imm + 1);
      col[o->d][lane] = none ? 0 : stack_column(s, top)[lane];
    }
    break;
  }
  return go_on(r, o);
}

static bool stack_guard_hits(const struct fpk_op *o, const struct fpk_stack *f,
                             int32_t sp) {
  switch (o->op) {
  case FIR_G_STACK_FULL:
  case FIR_G_CALLS_FULL:
    return fsem_full(sp, f->count, f->down);
  case FIR_G_STACK_EMPTY:
  case FIR_G_CALLS_EMPTY:
    return fsem_empty(sp, f->count, f->down);
  default:
    return fsem_few(sp, f->count, f->down, o->c);
  }
}

static int run_stack_guard(struct lanes_run *r, const struct fpk_op *o) {
  bool links = o->op == FIR_G_CALLS_FULL || o->op == FIR_G_CALLS_EMPTY;
  const struct fpk_stack *f = links ? &r->p->calls : &r->p->data;
  const int32_t *sp = r->e->col[f->sp];
  int32_t *hit, top;
  bool any = false;

  if (one_value(r, f->sp, &top) && !stack_guard_hits(o, f, top))
    return go_on(r, o);
  hit = lanes_mask_take(r);
  for (uint32_t lane = r->now.lo; lane < r->now.hi; lane++) {
    hit[lane] = -(is_active(r, lane) && stack_guard_hits(o, f, sp[lane]));
    any |= hit[lane] != 0;
  }
  if (!any) {
    lanes_mask_give(r, hit);
    return go_on(r, o);
  }
  return fault_lanes(r, o, hit, guard_pc(o)) ? go_on(r, o) : OVER;
}
