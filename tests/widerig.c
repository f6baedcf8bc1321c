/*
 * tests/widerig.c - roots, episodes, variants and verdicts for wide engines.
 */
#include "tests/widerig.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial_impl.h"
#include "isa/asm.h"
#include "tests/unit.h"

/* ---- episodes ----------------------------------------------------------- */

/* Cells that count down by themselves stand still in all but one in sixteen of
 * the cases: wide engines run them only where the program says so. */
static void stand_still(const struct fisa_dialect *d, struct fisa_state *s) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].tick && s->cells[d->files[f].first] > 0)
      s->cells[d->files[f].first] = 0;
}

/* Adds fuzz state i to the set. */
static bool add_fuzzed(struct wide *w, const struct wide_make *m, uint32_t i,
                       struct fisa_state *begin) {
  struct fisa_trace in = {NULL, 0, 0};
  bool ok = ftrial_fuzz_state(w->set, m->seed, i, begin, &in) == 0 &&
            ftrial_set_add(w->set, &(struct ftrial_episode){
                                       .origin = FTRIAL_RECORDED,
                                       .begin = begin, .events = in.events,
                                       .event_count = in.count,
                                       .confidence = 1}) >= 0;

  fisa_trace_done(&in);
  return ok;
}

/* Adds episode i to the set, if its root comes to an end. */
static bool add_episode(struct wide *w, const struct wide_make *m, uint32_t i,
                        struct fir_program *ir, struct fisa_state *s) {
  struct gen_outside o = {.seed = m->seed, .number = i};
  const struct fir_io io = {gen_ir_take, NULL, &o};
  const struct fir_limits limits = {m->fuel, true};
  struct fisa_state *begin = fisa_state_new(w->root->dialect);
  enum ftrial_add added = FTRIAL_NO_MEMORY;

  if (begin) {
    if (m->begin)
      m->begin(w->root, i, begin);
    else
      gen_begin(m->table, w->root, m->seed, m->number * 1000 + i, begin);
    if (m->number % 16 != 1)
      stand_still(w->root->dialect, begin);
    fisa_state_copy(s, begin);
    fir_run(ir, w->lane, s, &io, limits);
    added = ftrial_set_add(
        w->set, &(struct ftrial_episode){
                    .origin = i % 7 == 3 ? FTRIAL_COUNTER : FTRIAL_RECORDED,
                    .begin = begin, .events = o.trace.events,
                    .event_count = o.trace.count, .confidence = 1});
  }
  fisa_trace_done(&o.trace);
  fisa_state_free(begin);
  return added != FTRIAL_NO_MEMORY;
}

/* ---- the batch ---------------------------------------------------------- */

/* Lane i is episode i of the set. */
static bool add_lane(struct wide *w, uint32_t i, struct fisa_state *begin,
                     struct fisa_state *end) {
  const struct ftrial_stored *e = w->set->episodes[i];
  struct ftrial_recording r = {.in = e->events, .in_count = e->in_count};
  const struct fir_io io = {ftrial__recorded_input, NULL, &r};
  const struct fir_limits limits = {UINT64_MAX, true};
  struct fpk_episode lane = {
      .begin = begin, .end = end, .in = e->events,
      .out = e->events + e->in_count, .in_count = e->in_count,
      .out_count = e->out_count, .fuel = ftrial__fuel(&e->expect),
      .counts = e->origin == FTRIAL_RECORDED, .view = &e->view->pack};

  ftrial__load(w->set, e, begin);
  fisa_state_copy(end, begin);
  fir_run(w->set->ir, w->lane, end, &io, limits);
  return fpk_batch_add(w->batch, &lane) == 0;
}

static bool fill(struct wide *w, const struct wide_make *m) {
  struct fisa_state *a = fisa_state_new(w->root->dialect);
  struct fisa_state *b = fisa_state_new(w->root->dialect);
  struct fir_program *ir = NULL;
  bool ok = a && b && fir_lower(w->root, &ir, NULL) == 0;

  for (uint32_t i = 0; ok && i < m->lanes; i++)
    ok = m->fuzz ? add_fuzzed(w, m, i, a) : add_episode(w, m, i, ir, a);
  if (m->fuzz || m->number % 2 == 1)
    ftrial_set_lay(w->set);
  for (uint32_t i = 0; ok && i < ftrial_set_count(w->set); i++)
    ok = add_lane(w, i, a, b);
  fir_free(ir);
  fisa_state_free(a);
  fisa_state_free(b);
  return ok && w->batch->lanes > 0;
}

bool wide_open(struct wide *w, const struct wide_make *m,
               struct fisa_program *root) {
  memset(w, 0, sizeof(*w));
  w->root = root;
  if (!root)
    return false;
  w->lane = fir_lane_new();
  w->set = ftrial_set_new(root, m->fuel, NULL);
  w->batch = fpk_batch_new(root->dialect);
  if (w->set)
    w->set->narrow = true; /* what it says is the ir engine's */
  if (w->lane && w->set && w->batch && fill(w, m))
    return true;
  wide_close(w);
  return false;
}

void wide_close(struct wide *w) {
  fpk_batch_free(w->batch);
  ftrial_set_free(w->set);
  fir_lane_free(w->lane);
  fisa_program_free(w->root);
  memset(w, 0, sizeof(*w));
}

/* ---- variants ----------------------------------------------------------- */

/* Lane by lane, each to its end. */
static void ask_ir(const struct wide *w, struct wide_variant *v) {
  struct fisa_state *s = fir_lane_state(w->lane, w->root->dialect);
  char what[96];

  for (uint32_t i = 0; s && i < w->batch->lanes; i++) {
    const struct ftrial_stored *e = w->set->episodes[i];
    const struct ftrial_want want = {e->events,   e->events + e->in_count,
                                     e->in_count, e->out_count,
                                     &e->expect,  e->view};
    struct ftrial_one one;

    ftrial__load(w->set, e, s);
    one = ftrial__try(v->ir, NULL, w->lane, s, &want,
                      ftrial__fuel(&e->expect), what);
    v->lane[i] = (struct wide_lane){one.verdict == FTRIAL_SAME, one.cost,
                                    one.instructions};
  }
}

static void set_places(const struct wide *w, struct wide_variant *v) {
  const struct fpk_batch *b = w->batch;

  fpk_places_start(&v->packed, b->begin_pc, b->begin_count, v->start);
  for (uint32_t i = 0; i < b->end_count; i++)
    v->stop[i] = b->end_pc[i];
  v->places = (struct fpk_places){v->start, v->stop};
}

bool wide_variant_open(const struct wide *w, struct fisa_program *p,
                       struct wide_variant *out) {
  memset(out, 0, sizeof(*out));
  out->program = p;
  if (p && fir_lower(p, &out->ir, NULL) == 0 &&
      fpk_program_make(out->ir, NULL, &out->packed, NULL) == 0) {
    out->start = calloc(FPK_WIDTH, sizeof(*out->start));
    out->stop = calloc(FPK_WIDTH, sizeof(*out->stop));
    out->lane = calloc(FPK_WIDTH, sizeof(*out->lane));
  }
  if (!out->start || !out->stop || !out->lane) {
    wide_variant_close(out);
    return false;
  }
  set_places(w, out);
  ask_ir(w, out);
  return true;
}

void wide_variant_close(struct wide_variant *v) {
  fpk_program_done(&v->packed);
  fir_free(v->ir);
  fisa_program_free(v->program);
  free(v->start);
  free(v->stop);
  free(v->lane);
  memset(v, 0, sizeof(*v));
}

struct fisa_program *wide_mutant(const struct wide *w, uint64_t seed,
                                 uint32_t bytes) {
  uint8_t *code = malloc(w->root->size);
  struct fisa_program *p = NULL;

  if (!code)
    return NULL;
  memcpy(code, w->root->code, w->root->size);
  for (uint32_t i = 0; i < bytes; i++)
    code[gen_below(&seed, w->root->size)] = (uint8_t)gen_random(&seed);
  p = fisa_program_derive(w->root, code, w->root->size, w->root->entry,
                          w->root->manifest.boundary.pc);
  free(code);
  return p;
}

/* ---- verdicts ----------------------------------------------------------- */

struct fpk_verdict wide_verdict(const struct wide *w,
                                const struct wide_variant *v, uint32_t first,
                                uint32_t count, uint64_t bound) {
  struct fpk_verdict r;
  uint64_t cost = 0;

  memset(&r, 0, sizeof(r));
  for (uint32_t i = first; i < first + count; i++) {
    cost += w->batch->counts[i] ? v->lane[i].cost : 0;
    r.dear = cost > bound;
    r.wrong = !r.dear && !v->lane[i].same;
    if (r.dear || r.wrong)
      break;
    r.good++;
    r.cost = cost;
    r.instructions += v->lane[i].instructions;
  }
  return r;
}

uint64_t wide_bound(const struct wide *w, const struct wide_variant *v,
                    uint32_t i, uint32_t first, uint32_t count) {
  struct fpk_verdict all = wide_verdict(w, v, first, count, UINT64_MAX);

  switch (i % 4) {
  case 0: return UINT64_MAX;
  case 1: return all.cost * (i % 11) / 11;
  case 2: return all.cost;
  default: return i % 3 ? UINT64_MAX - 1 : 0;
  }
}

bool wide_equal(const struct fpk_verdict *a, const struct fpk_verdict *b) {
  return a->good == b->good && a->wrong == b->wrong && a->dear == b->dear &&
         a->cost == b->cost && a->instructions == b->instructions;
}

bool wide_same(const struct fpk_verdict *got, const struct fpk_verdict *want,
               const char *who) {
  return UNIT_TRUE(
      wide_equal(got, want),
      "%s: good %u wrong %d dear %d cost %llu instructions %llu, not %u %d %d "
      "%llu %llu", who, got->good, got->wrong, got->dear,
      (unsigned long long)got->cost, (unsigned long long)got->instructions,
      want->good, want->wrong, want->dear, (unsigned long long)want->cost,
      (unsigned long long)want->instructions);
}

/* ---- cases -------------------------------------------------------------- */

/* Text as a program; a failure is told. NULL then. */
static struct fisa_program *assemble(const struct fisa_dialect *d,
                                     const char *text) {
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};

  if (fisa_assemble(d, text, strlen(text), "test", &p, &err) != 0)
    UNIT_TRUE(0, "%s", err.text);
  return p;
}

static void add_variant(struct wide_case *c, struct fisa_program *p) {
  if (c->count < WIDE_VARIANTS &&
      wide_variant_open(&c->wide, p, &c->variant[c->count]))
    c->count++;
}

static bool open_case(struct wide_case *c, const char *dialect, uint64_t number,
                      uint32_t lanes, bool noise) {
  struct wide_make m = {.table = &c->table, .seed = 77, .number = number,
                        .lanes = lanes, .fuel = 3000};

  memset(c, 0, sizeof(*c));
  if (fisa_dialect_builtin(dialect, true, &c->d, NULL) != 0)
    return false;
  gen_table_init(&c->table, c->d);
  if (!wide_open(&c->wide, &m,
                 noise ? gen_noise(&c->table, m.seed, number)
                       : gen_program(&c->table, m.seed, number))) {
    wide_case_close(c);
    return false;
  }
  for (uint32_t i = 0; i < WIDE_VARIANTS; i++)
    add_variant(c, wide_mutant(&c->wide, number * 100 + i, i / 3));
  if (c->count > 0)
    return true;
  wide_case_close(c);
  return false;
}

bool wide_case_open(struct wide_case *c, const char *dialect, uint64_t number,
                   uint32_t lanes) {
  return open_case(c, dialect, number, lanes, false);
}

bool wide_noise_open(struct wide_case *c, const char *dialect, uint64_t number,
                    uint32_t lanes) {
  return open_case(c, dialect, number, lanes, true);
}

bool wide_text_open(struct wide_case *c, const char *const *texts,
                   uint32_t lanes,
                   void (*begin)(const struct fisa_program *p, uint32_t i,
                                 struct fisa_state *s)) {
  struct wide_make m = {.table = &c->table, .seed = 3, .lanes = lanes,
                        .fuel = 100000, .begin = begin};

  memset(c, 0, sizeof(*c));
  if (fisa_dialect_builtin("unified", true, &c->d, NULL) != 0)
    return false;
  gen_table_init(&c->table, c->d);
  if (!wide_open(&c->wide, &m, assemble(c->d, texts[0]))) {
    wide_case_close(c);
    return false;
  }
  for (; *texts; texts++)
    add_variant(c, assemble(c->d, *texts));
  return UNIT_TRUE(c->count > 0, "no variant");
}

bool wide_file_open(struct wide_case *c, const char *path, uint32_t lanes) {
  struct wide_make m = {.seed = 5, .lanes = lanes, .fuel = 100000,
                        .fuzz = true};
  struct fisa_program *root = NULL;
  struct fisa_error err = {""};

  memset(c, 0, sizeof(*c));
  if (fisa_load(path, NULL, NULL, &c->d, &root, &err) != 0)
    return UNIT_TRUE(0, "%s: %s", path, err.text);
  if (!UNIT_TRUE(wide_open(&c->wide, &m, root), "%s: no episode", path)) {
    wide_case_close(c);
    return false;
  }
  for (uint32_t i = 0; i < WIDE_VARIANTS; i++)
    add_variant(c, wide_mutant(&c->wide, i, i / 3));
  return c->count > 0;
}

void wide_case_close(struct wide_case *c) {
  for (uint32_t i = 0; i < c->count; i++)
    wide_variant_close(&c->variant[i]);
  if (c->wide.root)
    wide_close(&c->wide);
  fisa_dialect_free(c->d);
  memset(c, 0, sizeof(*c));
}

/* ---- programs and values that are hard ---------------------------------- */

/* A register by its letter. */
static int32_t *reg(const struct fisa_program *p, struct fisa_state *s,
                    char letter, unsigned n) {
  const struct fisa_dialect *d = p->dialect;

  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].name[0] == letter && d->files[f].name[1] == '\0')
      return &s->cells[d->files[f].first + n];
  abort();
}

void wide_odd_values(const struct fisa_program *p, uint32_t i,
                     struct fisa_state *s) {
  static const uint32_t odd[] = {
      0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x00000001, 0x80000001,
      0x007FFFFF, 0x00800000, 0x7F800000, 0xFF800000, 0x00000000, 0x80000000,
      0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0xBF800001, 0x33800000};
  enum { ODD = sizeof(odd) / sizeof(odd[0]) };

  fisa_state_start(p, s);
  *reg(p, s, 'R', 1) = (int32_t)i + 1;
  *reg(p, s, 'R', 2) = i % 5 ? (int32_t)(i * 2654435761u) : INT32_MIN;
  *reg(p, s, 'R', 6) = i % 3 ? (int32_t)i - 4 : -1;
  memcpy(reg(p, s, 'F', 1), &odd[i % ODD], 4);
  memcpy(reg(p, s, 'F', 3), &odd[i / ODD % ODD], 4);
}

static const char *const turns[] = {
    /* The root: as many turns as the lane says. */
    "again:  ADD R3, R3, R2\n  FADD F2, F1, F3\n  FMUL F4, F2, F1\n"
    "  FDIV F5, F4, F3\n  DEC R1\n  JNE R1, again\n  HALT\n",
    /* Never halts, faults, overflows a stack in two ways. */
    "again:  JMP again\n",
    "  DIV R3, R2, R6\n  DIV R3, R2, R0\n  HALT\n",
    "again:  PUSH R1\n  JMP again\n",
    "again:  CALL R0, again\n",
    /* Stores wherever the lane's values lead, and everywhere. */
    "again:  STOREI R2, R2, 0\n  ADD R2, R2, R6\n  DEC R1\n"
    "  JNE R1, again\n  HALT\n",
    "  MOVI R4, 4\nagain:  STOREI R1, R5, 0\n  ADD R5, R5, R4\n"
    "  JNE R5, again\n  HALT\n",
    /* The same but for the order of a sum of floats. */
    "again:  ADD R3, R2, R3\n  FADD F2, F3, F1\n  FMUL F4, F1, F2\n"
    "  FDIV F5, F4, F3\n  DEC R1\n  JNE R1, again\n  HALT\n",
    NULL};

static const char *const memory[] = {
    "  MOVI16 R4, 32767\n  MEMSET R1, R5, 32767\n  MEMSET R1, R4, 32767\n"
    "  ADD R4, R4, R4\n  MEMSET R1, R4, 2\n  HALT\n",
    /* The same but for the last byte, in all lanes but one in 256. */
    "  MOVI16 R4, 32767\n  MEMSET R1, R5, 32767\n  MEMSET R1, R4, 32767\n"
    "  ADD R4, R4, R4\n  MEMSET R1, R4, 1\n  INC R4\n  MOVI R3, 1\n"
    "  MEMSET R3, R4, 1\n  MOVI R3, 0\n  DEC R4\n  HALT\n",
    NULL};

enum { PLACES = 32, JUMPS_MOST = 2400 };

/* Goes to place R1 % PLACES, where it stays for a while: they lie so many
 * bytes apart as `apart` says, R1 is shifted to the right before. */
static void jumps(char text[JUMPS_MOST], const char *apart, unsigned shift) {
  char *at = text;

  at += sprintf(at, "  DEC R1\n  SHRI R1, %u\n  ANDI R1, %u\n"
                "  MOVI16 R5, %s\n  MUL R5, R5, R1\n"
                "  ADDI16 R5, b0 - here\n  MOVI R6, 40\nhere:  JZ R0, R5\n",
                shift, PLACES - 1u, apart);
  for (unsigned i = 0; i < PLACES; i++)
    at += sprintf(at, "b%u:  ADDI R3, %u\n  LOOP R6, b%u\n  HALT\n", i, i + 1,
                  i);
}

bool wide_hard_open(struct wide_case *c, enum wide_hard which,
                    uint32_t lanes) {
  char each[JUMPS_MOST], together[JUMPS_MOST], between[JUMPS_MOST];
  const char *const places[] = {each, together, between, NULL};

  jumps(each, "b1 - b0", 0);
  jumps(together, "b1 - b0", 4);
  jumps(between, "7", 0);
  return wide_text_open(c, which == WIDE_TURNS   ? turns
                           : which == WIDE_JUMPS ? places
                                                 : memory,
                        lanes, wide_odd_values);
}

/* ---- sample agents ------------------------------------------------------ */

unsigned wide_agents(uint32_t lanes,
                     void (*run)(const struct wide_case *c, const char *path,
                                 void *user),
                     void *user) {
  struct wide_case c;
  unsigned agents = 0;
  glob_t found;

  if (!UNIT_EQ(glob(unit_src("samples/agents/*.flx"), 0, NULL, &found), 0))
    return 0;
  for (size_t i = 0; i < found.gl_pathc; i++)
    if (wide_file_open(&c, found.gl_pathv[i], lanes)) {
      run(&c, found.gl_pathv[i], user);
      wide_case_close(&c);
      agents++;
    }
  globfree(&found);
  UNIT_TRUE(agents >= 30, "%u agents", agents);
  return agents;
}
