/*
 * gpu/cuda_exec.c - one run of a program on a device.
 *
 * The kernel tells whether a task came to what a root came to, not what it
 * came to. So the ir engine runs the tasks, one after the other, and the
 * device all of them at once, a lane each, held to every cell, every byte of
 * memory and every value that crossed the border.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda.h"

/* A run under way. */
struct exec {
  struct fcuda *cuda;
  struct fcuda_task *task;
  struct fpk_program packed;
  struct fpk_batch *batch;
  struct fpk_view view;
  struct fisa_state *begin;
  struct fisa_trace in, out; /* of one task */
  uint64_t instructions, cost; /* of the tasks in the batch */
  bool no_memory;
};

/* ---- the outside -------------------------------------------------------- */

static bool note(struct exec *x, struct fisa_trace *to, struct fisa_event e,
                 const int32_t *arg) {
  memcpy(e.arg, arg, e.argc * sizeof(*arg));
  x->no_memory = fisa_trace_add(to, &e) != 0;
  return !x->no_memory;
}

static int take(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user) {
  struct exec *x = user;
  const struct fir_io *io = x->task->io;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};

  assert(argc <= FISA_MAX_ARGS);
  if (!io || !io->input || io->input(source, arg, argc, value, io->user) != 0)
    return -1;
  e.value = *value;
  return note(x, &x->in, e, arg) ? 0 : -1;
}

static int give(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user) {
  struct exec *x = user;
  const struct fir_io *io = x->task->io;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};

  assert(argc <= FISA_MAX_ARGS);
  e.value = (int32_t)x->in.count;
  if (!note(x, &x->out, e, arg))
    return -1;
  return io && io->output ? io->output(channel, arg, argc, io->user) : 0;
}

/* ---- what is looked at -------------------------------------------------- */

/* Everything. Of stacks the view knows depth and live cells by itself. */
static bool look_at_all(struct fpk_view *v, const struct fisa_dialect *d) {
  v->cell = malloc((d->cell_count + 1u) * sizeof(*v->cell));
  v->is_float = malloc(d->cell_count + 1u);
  if (!v->cell || !v->is_float)
    return false;
  for (uint32_t f = 0; f < d->file_count; f++)
    for (uint32_t i = 0; i < d->files[f].count; i++) {
      uint32_t c = (uint32_t)d->files[f].first + i;

      if (d->files[f].kind == FISA_FILE_STACK || c == d->sp_cell)
        continue;
      v->is_float[v->cell_count] = d->files[f].type == FISA_F32;
      v->cell[v->cell_count++] = (uint16_t)c;
    }
  v->stack = d->stack_file < d->file_count;
  v->memory = d->mem_size > 0;
  return true;
}

/* ---- running ------------------------------------------------------------ */

static int fail(struct exec *x, struct fisa_error *why, const char *text) {
  return fisa_fail(why, "%s", x->no_memory ? "out of memory" : text);
}

/* Has the device run the tasks of the batch; it is empty behind that. */
static int check(struct exec *x, struct fisa_error *why) {
  const struct fpk_batch *b = x->batch;
  uint32_t start[FPK_WIDTH];
  const struct fpk_places places = {start, b->end_pc};
  struct fpk_verdict v = {0};
  struct fcuda_run run = {.program = &x->packed, .places = &places,
                          .cost_bound = UINT64_MAX, .out = &v};
  struct fcuda_work w = {.batch = b, .count = b->lanes, .run_count = 1,
                         .run = &run};

  fpk_places_start(&x->packed, b->begin_pc, b->begin_count, start);
  fcuda_submit(x->cuda, &w);
  fcuda_wait(x->cuda, &w);
  if (run.status == FCUDA_REFUSED)
    return fail(x, why, fcuda_refusal(x->cuda));
  if (run.status != FCUDA_DONE)
    return fail(x, why, "the device failed");
  if (v.good != b->lanes || v.instructions != x->instructions ||
      v.cost != x->cost)
    return fail(x, why, "the device does not agree with the ir engine");
  fpk_batch_free(x->batch);
  x->batch = fpk_batch_new(x->task->ir->dialect);
  x->instructions = x->cost = 0;
  x->no_memory = !x->batch;
  return x->batch ? 0 : fail(x, why, "");
}

/* Runs the next task on the ir engine and lays it beside the others. Returns
 * 1: there is another, 0: that was the last, -1. */
static int next_task(struct exec *x, struct fir_lane *lane,
                     struct fisa_error *why) {
  struct fcuda_task *t = x->task;
  const struct fir_io io = {take, give, x};
  const struct fir_limits limits = {t->fuel - t->result.instructions, true};
  struct fir_result r;
  struct fpk_episode e = {.begin = x->begin, .end = t->state, .counts = true,
                          .view = &x->view};

  x->in.count = x->out.count = 0;
  fisa_state_copy(x->begin, t->state);
  r = fir_run(t->ir, lane, t->state, &io, limits);
  t->result.starved = r.starved;
  t->result.instructions += r.instructions;
  t->result.cost += r.cost;
  if (r.starved)
    return fail(x, why, "it asks for what there is none of");
  if (t->state->status == FISA_RUN_FUEL)
    return 0; /* no end that a lane could be held to */
  e.in = x->in.events;
  e.out = x->out.events;
  e.in_count = x->in.count;
  e.out_count = x->out.count;
  e.fuel = r.instructions * 2 + 64;
  x->instructions += r.instructions;
  x->cost += r.cost;
  x->no_memory = fpk_batch_add(x->batch, &e) != 0;
  if (x->no_memory)
    return fail(x, why, "");
  return t->state->status == FISA_RUN_YIELD;
}

static int run_tasks(struct exec *x, struct fir_lane *lane,
                     struct fisa_error *why) {
  int rc = 1;

  while (rc > 0) {
    rc = next_task(x, lane, why);
    if (rc >= 0 && x->batch->lanes > 0 &&
        (rc == 0 || x->batch->lanes == FPK_WIDTH) && check(x, why) != 0)
      rc = -1;
  }
  return rc;
}

int fcuda_exec(struct fcuda *c, struct fcuda_task *t, struct fisa_error *why) {
  struct exec x = {.cuda = c, .task = t};
  const struct fisa_dialect *d = t->ir->dialect;
  struct fir_lane *lane = fir_lane_new();
  int rc;

  assert(c && t->state);
  memset(&t->result, 0, sizeof(t->result));
  x.begin = fisa_state_new(d);
  x.batch = fpk_batch_new(d);
  x.no_memory = !lane || !x.begin || !x.batch || !look_at_all(&x.view, d);
  rc = x.no_memory ? -1 : fpk_program_make(t->ir, NULL, &x.packed, why);
  if (rc == 0)
    rc = run_tasks(&x, lane, why);
  else if (rc < 0)
    fisa_fail(why, "out of memory");
  fpk_program_done(&x.packed);
  fpk_batch_free(x.batch);
  free(x.view.cell);
  free(x.view.is_float);
  fisa_state_free(x.begin);
  fisa_trace_done(&x.in);
  fisa_trace_done(&x.out);
  fir_lane_free(lane);
  return rc == 0 ? 0 : -1;
}
