/*
 * tests/warps.c - how much the kernel does on a libcuda that counts warp
 * instructions: for each subject one program on a batch of episodes that
 * differ, as a trial runs it, few lanes before all others, and for each of
 * these launches a line with the instructions it stands for. The driver's
 * counts come on standard error, a line a launch, in the same order; see
 * tests/test_ptx.sh, which makes figures of both.
 *
 * The arguments are files of programs besides those in here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda.h"
#include "gpu/trial_impl.h"
#include "isa/asm.h"
#include "tests/gen.h"

enum { LANES = FPK_WIDTH, FUEL = 4000 };

/* 20 instructions on integers; the same over and over. */
#define TWENTY \
  "ADD R3, R1, R2\nXOR R4, R3, R1\nSUB R5, R4, R2\nADD R3, R3, R5\n" \
  "AND R6, R4, R3\nSUB R5, R5, R1\nOR R3, R3, R6\nXOR R4, R4, R3\n" \
  "ADD R5, R5, R1\nMUL R3, R3, R5\nXOR R4, R4, R3\nSUB R5, R5, R1\n" \
  "ADD R3, R3, R5\nXOR R6, R4, R3\nADD R5, R5, R6\nADD R3, R3, R5\n" \
  "XOR R4, R4, R3\nSUB R5, R5, R1\nADD R3, R3, R5\nXOR R4, R4, R3\n"

static const char straight[] =
    ".dialect unified\n.in R1\n.in R2\n.out R4\n"
    "MOVI16 R7, 100\nturn:\n" TWENTY "DEC R7\nJNE R7, turn\nHALT\n";

static const char once[] =
    ".dialect unified\n.in R1\n.in R2\n.out R4\n" TWENTY "HALT\n";

static void fail(const char *what) {
  fprintf(stderr, "warps: %s\n", what);
  exit(1);
}

/* ---- episodes ----------------------------------------------------------- */

struct making {
  struct fisa_trace in, out;
  uint64_t number;
};

static int make_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct making *m = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};

  memcpy(e.arg, arg, argc * sizeof(*arg));
  e.value = *value = gen_input(7, m->number, m->in.count);
  return fisa_trace_add(&m->in, &e);
}

static int note_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  struct making *m = user;
  struct fisa_event e = {.out = 1,
                         .argc = (uint8_t)argc,
                         .name = channel,
                         .value = (int32_t)m->in.count};

  memcpy(e.arg, arg, argc * sizeof(*arg));
  return fisa_trace_add(&m->out, &e);
}

/* Adds the next task of an agent as a lane; false: it has no more. */
static bool add_task(struct fpk_batch *b, const struct fir_program *ir,
                     struct fir_lane *lane, const struct fpk_view *view,
                     struct fisa_state *s, struct making *m) {
  struct fisa_state *begin = fisa_state_new(ir->dialect);
  const struct fir_io io = {make_input, note_output, m};
  struct fir_limits limits = {FUEL, true};
  struct fir_result r;
  bool more;

  if (!begin)
    fail("out of memory");
  m->in.count = m->out.count = 0;
  fisa_state_copy(begin, s);
  r = fir_run(ir, lane, s, &io, limits);
  more = !r.starved && s->status != FISA_RUN_FUEL;
  if (more) {
    struct fpk_episode e = {.begin = begin,
                            .end = s,
                            .in = m->in.events,
                            .out = m->out.events,
                            .in_count = m->in.count,
                            .out_count = m->out.count,
                            .fuel = r.instructions * 2 + 64,
                            .counts = true,
                            .view = view};
    if (fpk_batch_add(b, &e))
      fail("out of memory");
  }
  fisa_state_free(begin);
  return more && s->status == FISA_RUN_YIELD;
}

/* Begins are those that a fuzzing would make. */
static void add_tasks(struct fpk_batch *b, const struct fisa_program *p,
                      const struct fir_program *ir,
                      const struct fpk_view *view) {
  struct ftrial_set *set = ftrial_set_new(p, FUEL, NULL);
  struct fir_lane *lane = fir_lane_new();
  struct fisa_state *s = fisa_state_new(p->dialect);
  struct making m = {.number = 0};
  bool more = false;

  if (!lane || !s || !set)
    fail("out of memory");
  for (uint32_t tries = 0; b->lanes < LANES && tries < 4 * LANES; tries++) {
    if (!more) {
      m.number++;
      ftrial__fuzz_begin(set, 11, m.number, s);
    }
    more = add_task(b, ir, lane, view, s, &m);
  }
  fisa_trace_done(&m.in);
  fisa_trace_done(&m.out);
  fisa_state_free(s);
  fir_lane_free(lane);
  ftrial_set_free(set);
}

/* As ftrial_set_lay does: fuel is what the root took, twice and a little. */
static void lay(struct fpk_batch *b) {
  struct ftrial_length length[LANES];
  uint32_t from[LANES];

  for (uint32_t i = 0; i < b->lanes; i++)
    length[i].instructions = b->fuel[i];
  ftrial__by_length(length, b->lanes, from);
  ftrial__sample_first(from, b->lanes);
  fpk_batch_lay(b, 0, b->lanes, from);
}

/* ---- launches ----------------------------------------------------------- */

static void launch(struct fcuda *c, const struct fpk_program *p,
                   const struct ftrial_part *part, const char *name) {
  const struct fpk_batch *b = part->batch;
  uint32_t start[FPK_WIDTH];
  struct fpk_places places = {start, b->end_pc};
  struct fpk_verdict v = {0};
  struct fcuda_run run = {
      .program = p, .places = &places, .cost_bound = UINT64_MAX, .out = &v};
  struct fcuda_work w = {
      .batch = b, .first = part->first, .count = part->count, .run_count = 1,
      .run = &run};

  fpk_places_start(p, b->begin_pc, b->begin_count, start);
  if (fcuda_submit(c, &w))
    fcuda_wait(c, &w);
  if (run.status == FCUDA_FAILED || (run.status == FCUDA_DONE && v.wrong))
    fail("the root is not what it is");
  printf("%s %llu %u %u\n", name, (unsigned long long)v.instructions, v.good,
         p->count);
}

/* The cells that are looked at where a task ends. */
static void look_at(struct fpk_view *v, const struct fisa_program *p,
                    struct fisa_set *set) {
  const struct fisa_dialect *d = p->dialect;

  fisa_observed_cells(p, set);
  for (uint32_t f = 0; f < d->file_count; f++)
    for (uint32_t i = 0; i < d->files[f].count; i++) {
      uint32_t c = (uint32_t)d->files[f].first + i;
      if (d->files[f].kind == FISA_FILE_STACK || c == d->sp_cell ||
          c == d->calls_cell || !(set->w[c / 64] >> c % 64 & 1))
        continue;
      v->is_float[v->cell_count] = d->files[f].type == FISA_F32;
      v->cell[v->cell_count++] = (uint16_t)c;
    }
  v->memory = v->stack = p->manifest.out_count == 0 && !p->manifest.out_none;
}

static void subject(struct fcuda *c, const struct fisa_program *p,
                    const char *name) {
  uint16_t cell[FISA_SET_WORDS * 64];
  uint8_t is_float[FISA_SET_WORDS * 64];
  struct fpk_view view = {.cell = cell, .is_float = is_float};
  struct fisa_set ends;
  struct fpk_batch *b = fpk_batch_new(p->dialect);
  struct fpk_program packed = {0};
  struct fir_program *ir = NULL;
  struct fisa_error err = {""};
  uint32_t few;

  if (!b || fir_lower(p, &ir, &err))
    fail(err.text);
  look_at(&view, p, &ends);
  if (fpk_program_make(ir, p->manifest.boundary.kind ? NULL : &ends, &packed,
                       &err) == 0) {
    add_tasks(b, p, ir, &view);
    lay(b);
    few = b->lanes < FTRIAL_FIRST ? b->lanes : FTRIAL_FIRST;
    if (few > 0)
      launch(c, &packed, &(struct ftrial_part){b, 0, few}, name);
    if (b->lanes > few)
      launch(c, &packed, &(struct ftrial_part){b, few, b->lanes - few}, name);
  }
  fpk_program_done(&packed);
  fpk_batch_free(b);
  fir_free(ir);
}

static void text(struct fcuda *c, const char *source, const char *name) {
  struct fisa_dialect *d;
  struct fisa_program *p;
  struct fisa_error err = {""};

  if (fisa_dialect_builtin("unified", true, &d, &err) ||
      fisa_assemble(d, source, strlen(source), name, &p, &err))
    fail(err.text);
  subject(c, p, name);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

int main(int argc, char **argv) {
  struct fcuda_options o = {.ptx = true};
  struct fisa_error err = {""};
  struct fcuda *c;

  if (fcuda_new(&o, &c, &err))
    fail(err.text);
  text(c, straight, "straight");
  text(c, once, "once");
  for (int i = 1; i < argc; i++) {
    struct fisa_dialect *d;
    struct fisa_program *p;
    if (fisa_load(argv[i], NULL, NULL, &d, &p, &err))
      fail(err.text);
    subject(c, p, argv[i]);
    fisa_program_free(p);
    fisa_dialect_free(d);
  }
  fcuda_free(c);
  return 0;
}
