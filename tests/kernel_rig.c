/*
 * tests/kernel_rig.c - see kernel_rig.h.
 */
#include "tests/kernel_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "tests/unit.h"

/* PIECE: memories are held against each other so many bytes at a time. */
enum { FUEL = 1500, FAILURES = 5, SEGMENTS = 3, PIECE = 512 };

/* A lane of a batch, as the ir engine needs it. */
struct lane {
  struct fisa_state *begin, *end;
  struct fisa_trace in, out;
  uint64_t fuel;
  bool counts;
  const struct fpk_view *view;
};

struct rig {
  const struct krig_plan *plan;
  struct krig_seen *seen;
  krig_run run;
  void *user;
  struct fisa_dialect *d;
  struct gen_table table;
  struct fir_lane *engine;
  struct fisa_state *work, *spare;
  struct fpk_view view[2];
  struct fpk_range range[4];
  struct lane lane[KRIG_LANES];
  uint32_t lanes;
  struct fpk_batch *batch;
  uint64_t number, random;
  struct krig_work work_list;
  struct fisa_program *root;
  unsigned failures;
};

/* ---- roots and their episodes ------------------------------------------- */

/* The outside of a root: values are made up, and noted in order. */
struct making {
  struct rig *r;
  struct lane *lane;
  uint64_t number;
};

static int make_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct making *m = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  e.value = *value =
      gen_input(m->r->plan->seed, m->number, m->lane->in.count);
  return fisa_trace_add(&m->lane->in, &e);
}

static int note_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  struct making *m = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  e.value = (int32_t)m->lane->in.count;
  return fisa_trace_add(&m->lane->out, &e);
}

static bool add_lane(struct rig *r, struct lane *l, uint64_t instructions) {
  uint32_t n = (uint32_t)instructions;

  /* What a variant has, or just enough, or too little. */
  switch (gen_below(&r->random, 24)) {
  case 0:
    l->fuel = n + gen_below(&r->random, 2);
    break;
  case 1:
    l->fuel = gen_below(&r->random, n + 2);
    break;
  default:
    l->fuel = instructions * 2 + 64;
  }
  l->counts = gen_below(&r->random, 3) != 0;
  l->view = &r->view[gen_below(&r->random, 4) == 0];
  struct fpk_episode e = {.begin = l->begin,
                          .end = l->end,
                          .in = l->in.events,
                          .out = l->out.events,
                          .in_count = l->in.count,
                          .out_count = l->out.count,
                          .fuel = l->fuel,
                          .counts = l->counts,
                          .view = l->view};
  return fpk_batch_add(r->batch, &e) == 0;
}

/* Runs the root from one begin, task by task; each that ends is a lane. */
static void make_lanes(struct rig *r, const struct fir_program *ir,
                       uint64_t number, uint32_t most) {
  struct fir_limits limits = {FUEL, true};

  gen_begin(&r->table, r->root, r->plan->seed, number, r->work);
  for (uint32_t f = 0; !ir->ticks && f < r->d->file_count; f++)
    if (r->d->files[f].tick) /* nobody would count it down */
      r->work->cells[r->d->files[f].first] = 0;
  for (int i = 0; i < SEGMENTS && r->lanes < most; i++) {
    struct lane *l = &r->lane[r->lanes];
    struct making m = {r, l, number};
    const struct fir_io io = {make_input, note_output, &m};
    struct fir_result result;

    l->in.count = l->out.count = 0;
    fisa_state_copy(l->begin, r->work);
    fisa_state_copy(l->end, r->work);
    result = fir_run(ir, r->engine, l->end, &io, limits);
    if (result.starved || l->end->status == FISA_RUN_FUEL)
      return;
    CU_ASSERT_FATAL(add_lane(r, l, result.instructions));
    r->lanes++;
    r->seen->statuses[l->end->status]++;
    if (l->end->status != FISA_RUN_YIELD)
      return;
    fisa_state_copy(r->work, l->end);
  }
}

static void set_boundary(struct rig *r, struct fisa_program *p) {
  struct fisa_boundary *b = &p->manifest.boundary;

  if (r->number % 4 == 0) {
    b->kind = FISA_BOUNDARY_PC;
    b->pc = (uint32_t)(r->number / 4 % p->size);
  } else if (r->number % 4 == 1 && r->d->channel_count > 0) {
    b->kind = FISA_BOUNDARY_OUT;
    b->channel = (uint16_t)(r->number / 4 % r->d->channel_count);
  }
}

/* ---- views -------------------------------------------------------------- */

static void make_views(struct rig *r) {
  const struct fisa_dialect *d = r->d;

  for (unsigned v = 0; v < 2; v++) {
    struct fpk_view *view = &r->view[v];
    view->cell = calloc(d->cell_count, sizeof(*view->cell));
    view->is_float = calloc(d->cell_count, 1);
    CU_ASSERT_FATAL(view->cell && view->is_float);
    for (uint32_t f = 0; f < d->file_count; f++)
      for (uint32_t i = 0; i < d->files[f].count; i++) {
        uint32_t c = (uint32_t)d->files[f].first + i;
        if (d->files[f].kind == FISA_FILE_STACK || c == d->sp_cell ||
            c == d->calls_cell || (v == 1 && c % 3 == 0))
          continue;
        view->is_float[view->cell_count] = d->files[f].type == FISA_F32;
        view->cell[view->cell_count++] = (uint16_t)c;
      }
    view->stack = v == 0;
    view->memory = v == 0;
    view->range = r->range + 2 * v;
    view->range_count = d->mem_size > 0 ? 2 : 0;
  }
  r->range[0] = (struct fpk_range){3, 18};
  r->range[1] = (struct fpk_range){300, 5};
  r->range[2] = (struct fpk_range){1, 130};
  r->range[3] = (struct fpk_range){d->mem_size / 2, 77};
}

static bool alike(int32_t a, int32_t b, bool is_float) {
  bool nan_a = (a & 0x7FFFFFFF) > 0x7F800000;
  bool nan_b = (b & 0x7FFFFFFF) > 0x7F800000;

  return a == b || (is_float && nan_a && nan_b);
}

static bool same_stack(const struct rig *r, struct fisa_state *a,
                       struct fisa_state *b) {
  const struct fisa_dialect *d = r->d;
  uint32_t n = fisa_stack_depth(d, a);

  if (n != fisa_stack_depth(d, b))
    return false;
  for (uint32_t i = 0; i < n; i++)
    if (!alike(*fisa_stack_cell(d, a, i), *fisa_stack_cell(d, b, i),
               d->files[d->stack_file].type == FISA_F32))
      return false;
  return true;
}

/* The bytes that are looked at, from `at` to `end`. */
static bool same_bytes(const struct fpk_view *v, const struct fisa_state *a,
                       const struct fisa_state *b, uint32_t at, uint32_t end) {
  for (; at < end; at++) {
    bool ranged = false;
    if (a->mem[at] == b->mem[at])
      continue;
    for (uint32_t k = 0; k < v->range_count; k++)
      ranged |= at >= v->range[k].first &&
                at - v->range[k].first < v->range[k].count;
    if (ranged != v->memory)
      return false;
  }
  return true;
}

/* Whether a view shows the same of two states. */
static bool looks_same(const struct rig *r, const struct fpk_view *v,
                       struct fisa_state *a, struct fisa_state *b) {
  for (uint32_t i = 0; i < v->cell_count; i++)
    if (!alike(a->cells[v->cell[i]], b->cells[v->cell[i]], v->is_float[i]))
      return false;
  if (v->stack && !same_stack(r, a, b))
    return false;
  for (uint32_t at = 0; at < a->mem_size; at += PIECE) {
    uint32_t n = a->mem_size - at < PIECE ? a->mem_size - at : PIECE;
    if (memcmp(a->mem + at, b->mem + at, n) != 0 &&
        !same_bytes(v, a, b, at, at + n))
      return false;
  }
  return true;
}

/* ---- the verdict of the ir engine --------------------------------------- */

struct replay {
  const struct lane *lane;
  uint32_t used, given;
};

static int replay_input(uint16_t source, const int32_t *arg, unsigned argc,
                        int32_t *value, void *user) {
  struct replay *p = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};

  if (p->used == p->lane->in.count)
    return -1;
  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  e.value = p->lane->in.events[p->used].value;
  if (!fisa_event_equal(&e, &p->lane->in.events[p->used]))
    return -1;
  *value = e.value;
  p->used++;
  return 0;
}

static int replay_output(uint16_t channel, const int32_t *arg, unsigned argc,
                         void *user) {
  struct replay *p = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  const struct fisa_event *want;

  if (p->given == p->lane->out.count)
    return -1;
  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  want = &p->lane->out.events[p->given++];
  /* It has to come behind as many inputs, too. */
  return fisa_event_equal(&e, want) && want->value == (int32_t)p->used ? 0
                                                                       : -1;
}

static bool try_lane(struct rig *r, const struct fir_program *ir,
                     const struct lane *l, struct fir_result *result) {
  struct replay p = {.lane = l};
  const struct fir_io io = {replay_input, replay_output, &p};
  struct fir_limits limits = {l->fuel, true};
  struct fisa_state *s = r->work;

  fisa_state_copy(s, l->begin);
  *result = fir_run(ir, r->engine, s, &io, limits);
  return !result->starved && s->status == l->end->status &&
         s->fault == l->end->fault && p.used == l->in.count &&
         p.given == l->out.count &&
         (s->status != FISA_RUN_YIELD || s->pc == l->end->pc) &&
         looks_same(r, l->view, s, l->end);
}

static struct fpk_verdict judge(struct rig *r, const struct fir_program *ir,
                                uint64_t bound) {
  struct fpk_verdict v = {0};

  for (uint32_t i = 0; i < r->lanes; i++) {
    struct fir_result result;
    bool good = try_lane(r, ir, &r->lane[i], &result);
    uint64_t cost = r->lane[i].counts ? result.cost : 0;

    v.dear = v.cost + cost > bound;
    v.wrong = !v.dear && !good;
    if (v.dear || v.wrong)
      break;
    v.good++;
    v.cost += cost;
    v.instructions += result.instructions;
  }
  return v;
}

/* ---- variants ----------------------------------------------------------- */

/* A program that is nearly another: some bytes of it are others. */
static struct fisa_program *nearly(struct rig *r) {
  struct fisa_program *p =
      fisa_program_derive(r->root, r->root->code, r->root->size,
                          r->root->entry, r->root->manifest.boundary.pc);

  if (!p)
    return NULL;
  for (uint32_t n = gen_below(&r->random, 3); n > 0; n--)
    p->code[gen_below(&r->random, p->size)] =
        (uint8_t)gen_random(&r->random);
  return p;
}

/* Costs that are not the cycles. */
static void price(struct rig *r, struct fir_program *ir) {
  if (gen_below(&r->random, 2))
    return;
  ir->cost = calloc(ir->count, sizeof(*ir->cost));
  CU_ASSERT_FATAL(ir->cost != NULL);
  for (uint32_t i = 0; i < ir->count; i++)
    if ((ir->ins[i].row & FIR_FIRST) && ir->ins[i].op != FIR_END &&
        ir->ins[i].op != FIR_FAULT)
      ir->cost[i] = (uint16_t)gen_below(&r->random, 50);
}

/* Cells that are looked at, or NULL: all. */
static const struct fisa_set *ends_of(struct rig *r, struct fisa_set *set) {
  memset(set, 0, sizeof(*set));
  for (uint32_t i = 0; i < r->view[0].cell_count; i++) {
    uint32_t c = r->view[0].cell[i];
    if (c < FISA_SET_WORDS * 64u)
      set->w[c / 64] |= UINT64_C(1) << c % 64;
  }
  return gen_below(&r->random, 2) ? set : NULL;
}

/* A bound: none, or one near what decides. */
static uint64_t a_bound(struct rig *r, const struct fir_program *ir) {
  struct fpk_verdict v = judge(r, ir, UINT64_MAX);
  struct fir_result last = {0};

  switch (gen_below(&r->random, 4)) {
  case 0:
    return v.cost;
  case 1:
    return gen_below(&r->random, (uint32_t)(v.cost & 0xFFFFFF) + 2);
  case 2:
    if (v.wrong && r->lane[v.good].counts)
      try_lane(r, ir, &r->lane[v.good], &last);
    return v.cost + last.cost - gen_below(&r->random, 2) * (last.cost > 0);
  default:
    return UINT64_MAX;
  }
}

/* Lowers, packs and judges a variant; false: it is left out. */
static bool add_variant(struct rig *r, struct krig_variant *v) {
  struct fisa_error err = {""};
  struct fisa_set set;

  memset(v, 0, sizeof(*v));
  v->source = nearly(r);
  CU_ASSERT_FATAL(v->source != NULL);
  if (fir_lower(v->source, &v->ir, &err) == 0 && !v->ir->opaque) {
    price(r, v->ir);
    if (fpk_program_make(v->ir, ends_of(r, &set), &v->packed, &err) == 0) {
      fpk_places_start(&v->packed, r->batch->begin_pc, r->batch->begin_count,
                       v->start);
      v->places = (struct fpk_places){v->start, r->batch->end_pc};
      v->bound = a_bound(r, v->ir);
      v->want = judge(r, v->ir, v->bound);
      return true;
    }
  }
  r->seen->unpacked++;
  fpk_program_done(&v->packed);
  fir_free(v->ir);
  fisa_program_free(v->source);
  return false;
}

/* ---- one root ----------------------------------------------------------- */

static void tell(struct rig *r, const struct krig_variant *v) {
  const struct fpk_verdict *want = &v->want, *have = &v->verdict;
  char *text = fisa_disassemble(v->source);

  UNIT_TRUE(0,
            "%s seed %llu %s %llu.%d: ir good %u%s%s cost %llu ins %llu, "
            "kernel good %u%s%s cost %llu ins %llu (%u lanes)",
            r->d->name, (unsigned long long)r->plan->seed,
            r->plan->noise ? "noise" : "program",
            (unsigned long long)r->number, (int)(v - r->work_list.variant),
            want->good, want->wrong ? " wrong" : "", want->dear ? " dear" : "",
            (unsigned long long)want->cost,
            (unsigned long long)want->instructions, have->good,
            have->wrong ? " wrong" : "", have->dear ? " dear" : "",
            (unsigned long long)have->cost,
            (unsigned long long)have->instructions, r->lanes);
  if (r->failures++ < FAILURES)
    printf("%s\n", text ? text : "(no memory)");
  free(text);
}

/* Counts what came of a variant on so many lanes; false: it was not run. */
static bool see(struct krig_seen *seen, const struct krig_variant *v,
                uint32_t lanes) {
  const struct fpk_verdict *want = &v->want;

  if (v->how != KRIG_DONE) {
    seen->not_run++;
    return false;
  }
  seen->programs++;
  seen->lanes += lanes;
  seen->good += !want->wrong && !want->dear;
  seen->wrong += want->wrong;
  seen->dear += want->dear;
  seen->instructions += v->verdict.instructions;
  return true;
}

static void one_root(struct rig *r) {
  struct krig_work *w = &r->work_list;
  struct fir_program *ir = NULL;
  struct fisa_error err = {""};
  uint32_t most = 1 + gen_below(&r->random, r->plan->lanes);

  set_boundary(r, r->root);
  r->lanes = 0;
  r->batch = fpk_batch_new(r->d);
  CU_ASSERT_FATAL(r->batch != NULL);
  if (fir_lower(r->root, &ir, &err) == 0 && !ir->opaque)
    for (uint32_t i = 0; i < most && r->lanes < most; i++)
      make_lanes(r, ir, r->number + (i % 3 ? i : i / 3) * UINT64_C(1000003),
                 most);
  fir_free(ir);
  w->batch = r->batch;
  w->number = r->number;
  w->random = gen_random(&r->random);
  /* A small overlay overflows now and then. */
  w->overlay_bits = r->number % 5 == 0 ? 3 : 8;
  w->count = 0;
  for (uint32_t i = 0; r->lanes > 0 && i < KRIG_VARIANTS; i++)
    w->count += add_variant(r, &w->variant[w->count]);
  if (w->count > 0 && UNIT_EQ(r->run(w, r->user), 0))
    for (uint32_t i = 0; i < w->count; i++)
      if (see(r->seen, &w->variant[i], r->lanes) &&
          !wide_equal(&w->variant[i].verdict, &w->variant[i].want))
        tell(r, &w->variant[i]);
  for (uint32_t i = 0; i < w->count; i++) {
    fpk_program_done(&w->variant[i].packed);
    fir_free(w->variant[i].ir);
    fisa_program_free(w->variant[i].source);
  }
  fpk_batch_free(r->batch);
}

/* ---- cases of the wide rig ---------------------------------------------- */

/* Variant i of a case; what it points to stays the case's. */
static void lend(struct krig_variant *to, const struct wide_case *c,
                 uint32_t i, bool bounded) {
  const struct wide_variant *v = &c->variant[i];
  uint32_t lanes = c->wide.batch->lanes;

  *to = (struct krig_variant){.source = v->program, .ir = v->ir,
                              .packed = v->packed, .places = v->places};
  to->bound = bounded ? wide_bound(&c->wide, v, i, 0, lanes) : UINT64_MAX;
  to->want = wide_verdict(&c->wide, v, 0, lanes, to->bound);
}

void krig_case(const struct wide_case *c, const char *who, bool bounded,
               krig_run run, void *user, struct krig_seen *seen) {
  const struct fpk_batch *b = c->wide.batch;
  struct krig_work *w = calloc(1, sizeof(*w));

  CU_ASSERT_FATAL(w != NULL && b->lanes <= KRIG_LANES);
  w->batch = b;
  w->random = c->count;
  /* Room for all of memory, of which three quarters of an overlay are used. */
  w->overlay_bits = 15;
  for (uint32_t i = 0; i < c->count; i += w->count) {
    w->count = c->count - i < KRIG_VARIANTS ? c->count - i : KRIG_VARIANTS;
    for (uint32_t k = 0; k < w->count; k++)
      lend(&w->variant[k], c, i + k, bounded);
    if (!UNIT_EQ(run(w, user), 0))
      break;
    for (uint32_t k = 0; k < w->count; k++)
      if (see(seen, &w->variant[k], b->lanes))
        wide_same(&w->variant[k].verdict, &w->variant[k].want, who);
  }
  free(w);
}

/* ---- all ---------------------------------------------------------------- */

static bool open_rig(struct rig *r, const struct krig_plan *plan) {
  struct fisa_error err = {""};

  if (!UNIT_EQ(fisa_dialect_builtin(plan->dialect, true, &r->d, &err), 0))
    return false;
  gen_table_init(&r->table, r->d);
  r->engine = fir_lane_new();
  r->work = fisa_state_new(r->d);
  CU_ASSERT_FATAL(r->engine && r->work);
  for (uint32_t i = 0; i < KRIG_LANES; i++) {
    r->lane[i].begin = fisa_state_new(r->d);
    r->lane[i].end = fisa_state_new(r->d);
    CU_ASSERT_FATAL(r->lane[i].begin && r->lane[i].end);
  }
  make_views(r);
  return true;
}

static void close_rig(struct rig *r) {
  for (uint32_t i = 0; i < KRIG_LANES; i++) {
    fisa_state_free(r->lane[i].begin);
    fisa_state_free(r->lane[i].end);
    fisa_trace_done(&r->lane[i].in);
    fisa_trace_done(&r->lane[i].out);
  }
  for (unsigned v = 0; v < 2; v++) {
    free(r->view[v].cell);
    free(r->view[v].is_float);
  }
  fisa_state_free(r->work);
  fir_lane_free(r->engine);
  fisa_dialect_free(r->d);
}

void krig_compare(const struct krig_plan *plan, krig_run run, void *user,
                  struct krig_seen *seen) {
  struct rig *r = calloc(1, sizeof(*r));

  CU_ASSERT_FATAL(r && plan->lanes > 0 && plan->lanes <= KRIG_LANES);
  r->plan = plan;
  r->seen = seen;
  r->run = run;
  r->user = user;
  if (open_rig(r, plan))
    for (uint64_t n = 0; n < plan->count && r->failures < FAILURES; n++) {
      r->number = plan->first + n;
      r->random = gen_stream(plan->seed, r->number, plan->noise);
      r->root = plan->noise ? gen_noise(&r->table, plan->seed, r->number)
                            : gen_program(&r->table, plan->seed, r->number);
      CU_ASSERT_FATAL(r->root != NULL);
      one_root(r);
      fisa_program_free(r->root);
    }
  close_rig(r);
  free(r);
}
