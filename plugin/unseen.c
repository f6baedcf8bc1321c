/*
 * plugin/unseen.c - finds what was not seen, and holds variants to it.
 */
#include "plugin/unseen.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/lane.h"

enum {
  LEARN_STATES = 1024,  /* to find what one-sided rows look at */
  LEARN_TIMES = 4,      /* that a row is looked at */
  LEARN_STRIDE = 8,     /* states, before it is asked whether all were */
  COVER_STATES = 16384,
  COVER_STRIDE = 64,    /* of those, before it is asked whether all is seen */
  STACK_CELLS = 8       /* of the stack, that are compared */
};
#define COVER_WORK 12000000u  /* instructions looked at, in all */
#define NONE UINT32_MAX

/* ---- runs that are watched ---------------------------------------------- */

/* Runs a program over episodes and made states, with what was recorded of
 * outside values. */
struct runs {
  struct ftrial_set *set;
  const struct fir_program *ir;
  const struct ftrial_pc_map *map;  /* NULL: the root itself */
  struct fir_lane *lane;
  struct fir_lane *maker;           /* of made states; as `made` */
  struct fisa_trace made;
  struct fisa_state *state;
  const struct fisa_event *events;
  uint32_t event_count, at;
};

static int next_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct runs *r = user;
  (void)source, (void)arg, (void)argc;
  while (r->at < r->event_count && r->events[r->at].out) r->at++;
  if (r->at == r->event_count) return -1;
  *value = r->events[r->at++].value;
  return 0;
}

/* Without a set it loads nothing, and begins as another does. */
static int runs_init(struct runs *r, struct ftrial_set *set,
                     const struct fisa_dialect *d) {
  memset(r, 0, sizeof *r);
  r->set = set;
  r->lane = fir_lane_new();
  r->maker = set ? fir_lane_new() : NULL;
  r->state = fisa_state_new(d);
  return r->lane && (r->maker || !set) && r->state ? 0 : -1;
}

static void runs_done(struct runs *r) {
  fisa_trace_done(&r->made);
  fisa_state_free(r->state);
  fir_lane_free(r->maker);
  fir_lane_free(r->lane);
}

/* Makes run n ready: an episode, then made states. Returns 0, or -1. */
static int runs_load(struct runs *r, uint64_t seed, uint32_t n) {
  uint32_t episodes = ftrial_set_count(r->set);
  int rc = 0;
  r->at = 0;
  if (n < episodes) {
    ftrial_set_get(r->set, n, r->state, &r->events, &r->event_count);
  } else {
    rc = ftrial_fuzz_state_on(r->set, r->maker, seed, n - episodes, r->state,
                              &r->made);
    r->events = r->made.events;
    r->event_count = r->made.count;
  }
  return rc;
}

/* The same for another run: made states are dear. */
static void runs_begin_as(struct runs *r, const struct runs *loaded) {
  fisa_state_copy(r->state, loaded->state);
  r->events = loaded->events;
  r->event_count = loaded->event_count;
  r->at = 0;
}

/* One run; false: the program has no place to begin it at. */
static bool runs_go(struct runs *r, uint64_t fuel, fir_visit visit,
                    void *user, uint64_t *instructions) {
  const struct fir_io io = {next_input, NULL, r};
  struct fir_limits limits = {fuel, true};
  struct fir_result done;
  if (!ftrial_map_pc(r->map, r->state->pc, &r->state->pc)) return false;
  done = fir_run_visit(r->ir, r->lane, r->state, &io, limits, visit, user);
  *instructions += done.instructions;
  return true;
}

/* ---- what was seen ------------------------------------------------------ */

/* How often each instruction of the root ran, jumped or came out true, and
 * did not. */
struct seen {
  const struct fisa_program *root;
  const struct fisa_facts *f;
  const struct fisa_dialect *d;
  uint32_t *ran, (*way)[2];
  const int32_t *cells;      /* of the run, before the next instruction */
  uint32_t last;
  bool learning;
  int32_t told[FTRIAL_TOLD];
  uint32_t told_count;
};

static bool gives_truth(unsigned op) {
  switch (op) {
    case FLUX_OP_EQ: case FLUX_OP_NE: case FLUX_OP_LT: case FLUX_OP_LE:
    case FLUX_OP_GT: case FLUX_OP_GE: case FLUX_OP_LTU: case FLUX_OP_MEQ:
    case FLUX_OP_MHAS: case FLUX_OP_CAS8: case FLUX_OP_FEQ: case FLUX_OP_FLT:
    case FLUX_OP_FLE:
      return true;
    default:
      return false;
  }
}

static bool two_ways(const struct fisa_insn *in) {
  switch (in->row->flow) {
    case FISA_FLOW_COND_REL: case FISA_FLOW_COND_ABS:
    case FISA_FLOW_COND_REL_REG:
      return true;
    default:
      return false;
  }
}

static uint32_t behind(const struct fisa_insn *in) {
  return in->pc + in->length + in->row->filler;
}

/* The instruction at an address, or NONE. */
static uint32_t at_pc(const struct fisa_facts *f, const struct fisa_program *p,
                      int64_t pc) {
  return pc >= 0 && pc < p->size ? f->index[pc] : NONE;
}

static uint64_t word_of(const struct fisa_set *s, uint32_t cell) {
  return cell < FISA_SET_WORDS * 64u ? s->w[cell / 64] >> cell % 64 & 1u : 0;
}

/* The cell that a comparison's outcome is in afterwards: a register, or the
 * top of the stack for one that is pushed. NONE: it is no comparison, or a flag
 * that nobody reads. */
static uint32_t truth_cell(const struct seen *s, const int32_t *cells,
                           uint32_t i, bool *on_stack) {
  const struct fisa_insn *in = &s->f->insn[i];
  const struct fisa_row *row = in->row;
  const struct fisa_file *stack;
  int truth = -1;
  *on_stack = false;
  for (unsigned k = 0; k < row->step_count; k++) {
    const struct fisa_step *st = &row->steps[k];
    const struct fisa_file *file = &s->d->files[st->d.file];
    if (gives_truth(st->op) && st->d.kind == FISA_REF_REG) {
      int cell = fisa_reg_cell(s->d, st->d.file, in->value[st->d.operand]);
      return cell < 0 ? NONE : (uint32_t)cell;
    }
    if (gives_truth(st->op) && st->d.kind == FISA_REF_CELL) {
      uint32_t next = at_pc(s->f, s->root, behind(in));
      if (next != NONE && word_of(&s->f->live_in[next], file->first))
        return file->first;
    }
    if (gives_truth(st->op) && st->d.kind == FISA_REF_TEMP)
      truth = st->d.value;
    if (truth >= 0 && st->a.kind == FISA_REF_TEMP && st->a.value == truth &&
        (st->op == FLUX_OP_PUSH || st->op == FLUX_OP_FOLD))
      *on_stack = true;
  }
  if (!*on_stack || s->d->stack_file >= s->d->file_count) return NONE;
  stack = &s->d->files[s->d->stack_file];
  if (cells == NULL) return stack->first;
  int32_t top = cells[s->d->sp_cell] - !stack->down;
  return top < 0 || top >= stack->count ? NONE : stack->first + (uint32_t)top;
}

/* The outcome of the instruction before is known now. */
static void note_outcome(struct seen *s, uint32_t pc, const int32_t *cells) {
  const struct fisa_insn *in;
  bool on_stack;
  uint32_t cell;
  if (s->last == NONE) return;
  in = &s->f->insn[s->last];
  if (two_ways(in)) {
    s->way[s->last][pc != behind(in)]++;
    return;
  }
  cell = truth_cell(s, cells, s->last, &on_stack);
  if (cell != NONE) s->way[s->last][cells[cell] != 0]++;
}

static void tell(struct seen *s, int32_t value) {
  for (uint32_t i = 0; i < s->told_count; i++)
    if (s->told[i] == value) return;
  if (s->told_count < FTRIAL_TOLD) s->told[s->told_count++] = value;
}

/* What a row that decides something looks at. */
static void learn(struct seen *s, uint32_t i, const int32_t *cells) {
  struct fisa_effects e;
  bool on_stack;
  if (!two_ways(&s->f->insn[i]) &&
      truth_cell(s, NULL, i, &on_stack) == NONE)
    return;
  fisa_effects(s->d, &s->f->insn[i], &e);
  for (uint32_t c = 0; c < FISA_SET_WORDS * 64u && c < s->d->cell_count; c++)
    if (word_of(&e.reads, c)) tell(s, cells[c]);
}

static void see(uint32_t pc, const int32_t *cells, void *user) {
  struct seen *s = user;
  note_outcome(s, pc, cells);
  s->last = s->f->index[pc];
  if (s->last == NONE) return;
  s->ran[s->last]++;
  /* Later values of a loop would crowd out the rest. */
  if (s->learning && s->ran[s->last] <= LEARN_TIMES)
    learn(s, s->last, cells);
}

/* Whether the outcome of a row decides something. */
static bool decides(const struct seen *s, uint32_t i) {
  bool on_stack;
  return two_ways(&s->f->insn[i])
             ? s->f->insn[i].target != behind(&s->f->insn[i])
             : truth_cell(s, NULL, i, &on_stack) != NONE;
}

static bool any_decides(const struct seen *s) {
  for (uint32_t i = 0; i < s->f->count; i++)
    if (decides(s, i)) return true;
  return false;
}

/* Whether nothing is unseen, whatever is seen besides. */
static bool all_seen(const struct seen *s) {
  for (uint32_t i = 0; i < s->f->count; i++)
    if (s->ran[i] < FSE_SEEN_ENOUGH ||
        (decides(s, i) && (s->way[i][0] < FSE_SEEN_ENOUGH ||
                           s->way[i][1] < FSE_SEEN_ENOUGH)))
      return false;
  return true;
}

/* Whether nothing more is learned, whatever runs. */
static bool all_learned(const struct seen *s) {
  if (s->told_count == FTRIAL_TOLD) return true;
  for (uint32_t i = 0; i < s->f->count; i++)
    if (s->ran[i] < LEARN_TIMES && decides(s, i)) return false;
  return true;
}

/* Whether further runs would change nothing; asked after some of them. */
static bool sees_no_more(const struct seen *s, uint32_t n) {
  return s->learning ? n % LEARN_STRIDE == 0 && all_learned(s)
                     : n % COVER_STRIDE == 0 && all_seen(s);
}

static int see_runs(struct seen *s, struct runs *r, uint64_t seed,
                    uint32_t states) {
  uint32_t all = ftrial_set_count(r->set) + states;
  uint64_t work = 0;
  memset(s->ran, 0, s->f->count * sizeof *s->ran);
  memset(s->way, 0, s->f->count * sizeof *s->way);
  for (uint32_t n = 0; n < all && work < COVER_WORK; n++) {
    if (runs_load(r, seed, n) != 0) return -1;
    s->last = NONE;
    runs_go(r, COVER_WORK / 16, see, s, &work);
    if (sees_no_more(s, n)) return 0;
  }
  return 0;
}

static int seen_make(struct seen *s, struct runs *r, uint64_t seed) {
  s->ran = calloc(s->f->count + 1, sizeof *s->ran);
  s->way = calloc(s->f->count + 1, sizeof *s->way);
  if (s->ran == NULL || s->way == NULL) return -1;
  ftrial_set_tell(r->set, NULL, 0);
  /* The second time finds what lies behind. */
  for (unsigned k = 0; k < 2 && any_decides(s); k++) {
    s->learning = true;
    if (see_runs(s, r, seed, LEARN_STATES) != 0) return -1;
    ftrial_set_tell(r->set, s->told, s->told_count);
  }
  s->learning = false;
  return see_runs(s, r, seed, COVER_STATES);
}

/* ---- what stays --------------------------------------------------------- */

/* Rows being chosen. */
struct choice {
  struct fse_unseen *u;
  const struct seen *s;
  bool *stays;              /* [facts] */
  struct fisa_set *values;  /* [facts] */
  uint8_t *memory;          /* [facts] */
  bool *stack;              /* [facts] */
  bool reads_memory;        /* a row that was not seen does */
  uint32_t *work;
  uint32_t work_count;
};

static void stay(struct choice *c, uint32_t i) {
  if (c->stays[i]) return;
  c->stays[i] = true;
  c->work[c->work_count++] = i;
}

static void add_values(struct choice *c, uint32_t i,
                       const struct fisa_set *more) {
  for (unsigned w = 0; w < FISA_SET_WORDS; w++)
    c->values[i].w[w] |= more->w[w];
}

/* What the code behind an unseen way may look at is looked at here. */
static void watch_target(struct choice *c, uint32_t i, int64_t pc) {
  const struct fisa_facts *f = c->s->f;
  uint32_t to = at_pc(f, c->u->root, pc);
  const struct fisa_manifest *m = &c->u->root->manifest;
  if (to == NONE) return;
  add_values(c, i, &f->live_in[to]);
  c->memory[i] = m->out_count == 0 && !m->out_none ? FSE_MEMORY_OBSERVED
                                                   : FSE_MEMORY_NONE;
  /* Any code that reads memory may be reached. */
  if (c->reads_memory) c->memory[i] = FSE_MEMORY_ALL;
}

static bool enough(const struct choice *c, uint32_t i, unsigned way) {
  return c->s->way[i][way] >= FSE_SEEN_ENOUGH;
}

/* The rows whose outcome was one-sided, and those that did not run. */
static void choose_unseen(struct choice *c) {
  const struct fisa_facts *f = c->s->f;
  for (uint32_t i = 0; i < f->count && !c->reads_memory; i++) {
    struct fisa_effects e;
    fisa_effects(c->s->d, &f->insn[i], &e);
    c->reads_memory = c->s->ran[i] < FSE_SEEN_ENOUGH && e.mem_read;
  }
  for (uint32_t i = 0; i < f->count; i++) {
    const struct fisa_insn *in = &f->insn[i];
    bool on_stack;
    if (c->s->ran[i] < FSE_SEEN_ENOUGH) {
      stay(c, i);
    } else if (two_ways(in)) {
      if (in->target == behind(in)) continue;
      if (!enough(c, i, 1) && in->target != FISA_NO_TARGET)
        watch_target(c, i, in->target);
      if (!enough(c, i, 0)) watch_target(c, i, behind(in));
      if (!enough(c, i, 0) || !enough(c, i, 1)) stay(c, i);
    } else if (truth_cell(c->s, NULL, i, &on_stack) != NONE &&
               (!enough(c, i, 0) || !enough(c, i, 1))) {
      stay(c, i);
    }
  }
}

static unsigned successors(const struct choice *c, uint32_t i,
                           uint32_t next[2]) {
  const struct fisa_insn *in = &c->s->f->insn[i];
  const struct fisa_program *p = c->u->root;
  uint8_t flow = in->row->flow;
  unsigned n = 0;
  if (flow != FISA_FLOW_HALT && flow != FISA_FLOW_TRAP &&
      flow != FISA_FLOW_RET && flow != FISA_FLOW_JUMP_REL &&
      flow != FISA_FLOW_JUMP_ABS)
    next[n] = at_pc(c->s->f, p, behind(in)), n += next[n] != NONE;
  if (in->target != FISA_NO_TARGET)
    next[n] = at_pc(c->s->f, p, in->target), n += next[n] != NONE;
  return n;
}

/* Rows that read what row i wrote stay, too. */
static void follow(struct choice *c, uint32_t i, uint8_t *met,
                   uint32_t *stack) {
  const struct fisa_facts *f = c->s->f;
  struct fisa_effects def, e;
  uint32_t top = 0, next[2];
  fisa_effects(c->s->d, &f->insn[i], &def);
  memset(met, 0, f->count);
  for (unsigned k = successors(c, i, next); k-- > 0;)
    if (!met[next[k]]) met[next[k]] = 1, stack[top++] = next[k];
  while (top > 0) {
    uint32_t j = stack[--top];
    bool reads = def.stack_write, killed = !def.stack_write;
    fisa_effects(c->s->d, &f->insn[j], &e);
    reads = (reads && e.stack_read) || (def.mem_write && e.mem_read);
    killed = killed && !def.mem_write;
    for (unsigned w = 0; w < FISA_SET_WORDS; w++) {
      reads |= (def.writes.w[w] & e.reads.w[w] &
                f->live_in[j].w[w]) != 0;
      killed = killed && (def.writes.w[w] & f->live_in[j].w[w] &
                          ~e.kills.w[w]) == 0;
    }
    if (reads) stay(c, j);
    if (killed) continue;
    for (unsigned k = successors(c, j, next); k-- > 0;)
      if (!met[next[k]]) met[next[k]] = 1, stack[top++] = next[k];
  }
}

/* An outcome that was always the same is no constant to whoever uses it. */
static int follow_all(struct choice *c) {
  uint32_t count = c->s->f->count;
  uint8_t *met = malloc(count + 1);
  uint32_t *stack = malloc((count + 2) * sizeof *stack);
  int rc = met && stack ? 0 : -1;
  for (uint32_t n = 0; rc == 0 && n < c->work_count; n++) {
    uint32_t i = c->work[n];
    struct fisa_effects e;
    fisa_effects(c->s->d, &c->s->f->insn[i], &e);
    add_values(c, i, &e.reads);
    c->stack[i] = e.stack_read && c->s->d->stack_file < c->s->d->file_count;
    if (e.mem_read && c->s->ran[i] >= FSE_SEEN_ENOUGH &&
        c->memory[i] == FSE_MEMORY_NONE)
      c->memory[i] = FSE_MEMORY_OBSERVED;
    if (c->s->ran[i] > 0 && !two_ways(&c->s->f->insn[i]))
      follow(c, i, met, stack);
  }
  free(stack);
  free(met);
  return rc;
}

/* The choice in the order of the facts. */
static int settle_choice(struct choice *c) {
  struct fse_unseen *u = c->u;
  uint32_t n = c->work_count;
  u->insn = malloc((n + 1) * sizeof *u->insn);
  u->values = malloc((n + 1) * sizeof *u->values);
  u->memory = malloc(n + 1);
  u->stack = malloc((n + 1) * sizeof *u->stack);
  if (!u->insn || !u->values || !u->memory || !u->stack) return -1;
  for (uint32_t i = 0; i < c->s->f->count; i++) {
    if (!c->stays[i]) continue;
    u->insn[u->count] = i;
    u->values[u->count] = c->values[i];
    u->memory[u->count] = c->memory[i];
    u->stack[u->count] = c->stack[i];
    u->count++;
  }
  assert(u->count == n);
  return 0;
}

static int choose(struct fse_unseen *u, const struct seen *s) {
  uint32_t n = s->f->count + 1;
  struct choice c = {.u = u, .s = s,
                     .stays = calloc(n, sizeof *c.stays),
                     .values = calloc(n, sizeof *c.values),
                     .memory = calloc(n, 1),
                     .stack = calloc(n, sizeof *c.stack),
                     .work = malloc(n * sizeof *c.work)};
  int rc = c.stays && c.values && c.memory && c.stack && c.work ? 0 : -1;
  if (rc == 0) {
    choose_unseen(&c);
    rc = follow_all(&c);
  }
  if (rc == 0) rc = settle_choice(&c);
  free(c.work);
  free(c.stack);
  free(c.memory);
  free(c.values);
  free(c.stays);
  return rc;
}

/* Whether one task is all there is: nothing is declared, nothing recorded
 * differs, nothing is taken. */
static bool only_one(struct ftrial_set *set, const struct fisa_program *root) {
  uint32_t n = ftrial_set_count(set);
  if (root->manifest.in_count > 0) return false;
  for (uint32_t i = 0; i < n; i++) {
    const struct ftrial_expect *e = ftrial_set_expect(set, i);
    if (e->inputs_used > 0 || e->status == FISA_RUN_YIELD) return false;
  }
  return n > 0;
}

int fse_unseen_make(struct ftrial_set *set, const struct fisa_program *root,
                    const struct fisa_facts *facts, uint64_t seed,
                    struct fse_unseen **out) {
  struct seen s = {.root = root, .f = facts, .d = root->dialect};
  struct fse_unseen *u = calloc(1, sizeof *u);
  struct fir_program *ir = NULL;
  struct runs r;
  int rc = runs_init(&r, set, root->dialect);
  if (u == NULL) rc = -1;
  if (rc == 0) {
    u->root = root;
    u->facts = facts;
    if (!only_one(set, root)) {
      rc = fir_lower(root, &ir, NULL);
      r.ir = ir;
      if (rc == 0) rc = seen_make(&s, &r, seed);
      if (rc == 0) rc = choose(u, &s);
    }
  }
  free(s.ran);
  free(s.way);
  runs_done(&r);
  fir_free(ir);
  if (rc != 0) {
    fse_unseen_free(u);
    return -1;
  }
  *out = u;
  return 0;
}

void fse_unseen_free(struct fse_unseen *u) {
  if (u == NULL) return;
  free(u->insn);
  free(u->values);
  free(u->memory);
  free(u->stack);
  free(u);
}

/* ---- variants ----------------------------------------------------------- */

/* The same row with the same operands, its target in the same place. */
static bool same_row(const struct fisa_insn *a, const struct fisa_insn *b,
                     const struct fse_place *places, uint32_t count) {
  if (a->row != b->row) return false;
  for (unsigned k = 0; k < a->row->operand_count; k++) {
    if (a->row->operands[k].kind == FISA_OPERAND_UNUSED) continue;
    if (k == a->row->target && a->target != FISA_NO_TARGET) continue;
    if (a->value[k] != b->value[k]) return false;
  }
  if (a->target == FISA_NO_TARGET) return b->target == FISA_NO_TARGET;
  if (a->target < 0 || b->target < 0) return false;
  uint32_t to = fse_place_of(places, count, (uint32_t)a->target);
  return to == NONE ? a->target == b->target : (int64_t)to == b->target;
}

bool fse_unseen_kept(const struct fse_unseen *u,
                     const struct fisa_program *child,
                     const struct fse_place *places, uint32_t place_count) {
  const struct fisa_dialect *d = child->dialect;
  uint32_t before = NONE;
  for (uint32_t k = 0; k < u->count; k++) {
    const struct fisa_insn *in = &u->facts->insn[u->insn[k]];
    uint32_t pc = fse_place_of(places, place_count, in->pc);
    struct fisa_insn now;
    /* Two rows that became one stand in one place. */
    if (pc == NONE || pc == before ||
        fisa_decode(d, child->code, child->size, pc, &now) != FISA_DECODED ||
        !same_row(in, &now, places, place_count))
      return false;
    before = pc;
  }
  return true;
}

/* ---- agreement ---------------------------------------------------------- */

/* Values at the rows that stay, as one number. */
struct agreement {
  const struct fse_unseen *u;
  const struct fisa_state *state;
  uint32_t *row_of;      /* [code size]: pc -> row that stays, or NONE */
  uint32_t size;
  uint64_t sum;
};

static void mix(struct agreement *a, uint64_t v) {
  a->sum = (a->sum ^ v) * 0x9E3779B97F4A7C15u;
  a->sum ^= a->sum >> 29;
}

static bool in_scratch(const struct fisa_manifest *m, uint32_t at,
                       uint32_t mask) {
  for (uint32_t i = 0; i < m->scratch_count; i++)
    if (((at - m->scratch[i].first) & mask) < m->scratch[i].count) return true;
  return false;
}

static void mix_memory(struct agreement *a, uint8_t how) {
  const struct fisa_manifest *m = &a->u->root->manifest;
  const struct fisa_state *s = a->state;
  for (uint32_t page = 0; page < s->mem_size / FISA_PAGE; page++) {
    if (!(s->dirty[page / 64] >> page % 64 & 1u)) continue;
    for (uint32_t at = page * FISA_PAGE; at < (page + 1) * FISA_PAGE; at++)
      if (s->mem[at] != 0 && (how == FSE_MEMORY_ALL ||
                              !in_scratch(m, at, s->mem_size - 1)))
        mix(a, (uint64_t)at << 8 | s->mem[at]);
  }
}

/* The upper cells of the stack, for rows that work on them. */
static void mix_stack(struct agreement *a, const int32_t *cells) {
  const struct fisa_dialect *d = a->u->root->dialect;
  const struct fisa_file *stack = &d->files[d->stack_file];
  int32_t sp = cells[d->sp_cell];
  for (int32_t k = 0; k < STACK_CELLS; k++) {
    int32_t at = stack->down ? sp + k : sp - 1 - k;
    if (at < 0 || at >= stack->count) break;
    mix(a, (uint32_t)cells[stack->first + at]);
  }
}

static void look(uint32_t pc, const int32_t *cells, void *user) {
  struct agreement *a = user;
  uint32_t k = pc < a->size ? a->row_of[pc] : NONE;
  if (k == NONE) return;
  mix(a, k);
  for (unsigned w = 0; w < FISA_SET_WORDS; w++)
    for (uint64_t bits = a->u->values[k].w[w]; bits; bits &= bits - 1)
      mix(a, (uint32_t)cells[w * 64 + (unsigned)__builtin_ctzll(bits)]);
  if (a->u->stack[k]) mix_stack(a, cells);
  if (a->u->memory[k] != FSE_MEMORY_NONE) mix_memory(a, a->u->memory[k]);
}

static int agreement_init(struct agreement *a, const struct fse_unseen *u,
                          const struct fisa_program *p,
                          const struct fse_unseen_child *child) {
  memset(a, 0, sizeof *a);
  a->u = u;
  a->size = p->size;
  a->row_of = malloc((p->size + 1) * sizeof *a->row_of);
  if (a->row_of == NULL) return -1;
  memset(a->row_of, 0xFF, (p->size + 1) * sizeof *a->row_of);
  for (uint32_t k = 0; k < u->count; k++) {
    uint32_t pc = u->facts->insn[u->insn[k]].pc;
    if (child != NULL) pc = fse_place_of(child->places, child->place_count, pc);
    if (pc < p->size) a->row_of[pc] = k;
  }
  return 0;
}

static int agree_on(struct runs *x, struct runs *y, struct agreement *a,
                    struct agreement *b, uint64_t seed, uint32_t states) {
  uint32_t all = ftrial_set_count(x->set) + states;
  uint64_t work = 0;
  for (uint32_t n = 0; n < all && work < COVER_WORK; n++) {
    if (runs_load(x, seed, n) != 0) return -1;
    runs_begin_as(y, x);
    a->sum = b->sum = 1;
    a->state = x->state;
    b->state = y->state;
    runs_go(x, COVER_WORK / 16, look, a, &work);
    /* Where it cannot begin, trials have said so. */
    if (x->state->status == FISA_RUN_FUEL ||
        !runs_go(y, COVER_WORK / 8, look, b, &work))
      continue;
    if (a->sum != b->sum) return 0;
  }
  return 1;
}

int fse_unseen_agree(const struct fse_unseen *u, struct ftrial_set *set,
                     const struct fse_unseen_child *child, uint64_t seed,
                     uint32_t states) {
  const struct fisa_dialect *d = u->root->dialect;
  struct fir_program *root = NULL, *other = NULL;
  struct agreement a = {0}, b = {0};
  struct runs x, y;
  int rc = -1, x_rc = runs_init(&x, set, d), y_rc = runs_init(&y, NULL, d);
  if (x_rc == 0 && y_rc == 0 && fir_lower(u->root, &root, NULL) == 0 &&
      fir_lower(child->program, &other, NULL) == 0 &&
      agreement_init(&a, u, u->root, NULL) == 0 &&
      agreement_init(&b, u, child->program, child) == 0) {
    x.ir = root;
    y.ir = other;
    y.map = &child->map;
    rc = agree_on(&x, &y, &a, &b, seed, states);
  }
  free(b.row_of);
  free(a.row_of);
  fir_free(other);
  fir_free(root);
  runs_done(&y);
  runs_done(&x);
  return rc;
}
