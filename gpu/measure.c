/*
 * gpu/measure.c - how fast an engine is.
 */
#include "gpu/measure.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu/cuda.h"
#include "gpu/trial_impl.h"

enum { RUNS = 1024 };    /* of a work for a device */

static const char *const words[] = {"ir", "lanes", "cuda"};

int fmeasure_by_word(const char *word) {
  assert(word);
  for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (strcmp(words[i], word) == 0)
      return (int)i;
  return -1;
}

static double now_s(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A stretch of work that is measured. */
struct stretch {
  double begin, seconds, instructions, trials;
};

/* Adds what was done; whether it is long enough. */
static bool is_over(struct stretch *s, double instructions, double trials,
                    double least) {
  s->instructions += instructions;
  s->trials += trials;
  s->seconds = now_s() - s->begin;
  return s->seconds >= least && s->seconds > 0;
}

static void sum_up(const struct stretch *s, struct fmeasure *out) {
  assert(s->seconds > 0);
  out->per_launch = 0;
  out->instructions = s->instructions / s->seconds;
  out->trials = s->trials / s->seconds;
}

/* ---- on this machine ---------------------------------------------------- */

/* Episode after episode on the ir engine. Returns whether they are all right,
 * as all of these do. */
static bool pass_ir(struct ftrial_set *set, struct fir_lane *lane,
                    double *instructions) {
  const bool was = set->narrow;
  struct ftrial_result r;

  set->narrow = true;
  r = ftrial_judge(set, set->ir, NULL, lane, UINT64_MAX);
  set->narrow = was;
  *instructions = (double)r.instructions;
  return r.verdict == FTRIAL_SAME;
}

/* Few lanes of a batch, then all others, as a trial does. */
static bool pass_batch(const struct ftrial_set *set, struct fir_lane *lane,
                       const struct fpk_batch *b, double *instructions) {
  struct ftrial_part part = {b, 0, 0};
  struct fpk_verdict v;

  while (ftrial__next_part(&part, b->lanes)) {
    if (ftrial__wide_run(set, NULL, lane, part, UINT64_MAX, &v) != 0 ||
        v.good != part.count)
      return false;
    *instructions += (double)v.instructions;
  }
  return true;
}

static bool pass_lanes(const struct ftrial_set *set, struct fir_lane *lane,
                       double *instructions) {
  *instructions = 0;
  for (unsigned k = 0; k < 2; k++)
    for (uint32_t i = 0; i < set->packs[k].count; i++)
      if (!pass_batch(set, lane, set->packs[k].batch[i], instructions))
        return false;
  return true;
}

static int on_cpu(struct ftrial_set *set, bool narrow, double seconds,
                  struct fmeasure *out, struct fisa_error *err) {
  struct fir_lane *lane = fir_lane_new();
  struct stretch s = {0};
  double instructions;
  bool fine, over = false;

  fine = lane && (narrow || ftrial__wide_begin(set, set->ir, lane) == 0);
  /* The first makes buffers. */
  for (unsigned i = 0; fine && !over; i++) {
    if (i == 1)
      s.begin = now_s();
    fine = narrow ? pass_ir(set, lane, &instructions)
                  : pass_lanes(set, lane, &instructions);
    over = i > 0 && is_over(&s, instructions, set->count, seconds);
  }
  fir_lane_free(lane);
  if (!fine)
    return fisa_fail(err, "the program is not for this engine");
  sum_up(&s, out);
  return 0;
}

/* ---- on a device -------------------------------------------------------- */

/* Two works of one batch, which are under way in turn. */
struct twin {
  struct fcuda *cuda;
  struct fpk_program packed;
  struct fpk_places places;
  struct fcuda_work work[2];
  struct fcuda_run run[2][RUNS];
  struct fpk_verdict verdict[2][RUNS];
  uint32_t start[FPK_WIDTH];
};

static void prepare(struct twin *t, const struct fpk_batch *b) {
  fpk_places_start(&t->packed, b->begin_pc, b->begin_count, t->start);
  t->places = (struct fpk_places){t->start, b->end_pc};
  for (unsigned k = 0; k < 2; k++) {
    for (unsigned i = 0; i < RUNS; i++)
      t->run[k][i] = (struct fcuda_run){&t->packed, &t->places, UINT64_MAX,
                                        &t->verdict[k][i], FCUDA_SENT};
    t->work[k] = (struct fcuda_work){b, 0, b->lanes, RUNS, t->run[k], 0};
  }
}

/* Waits for a work and sums it up; false: not all of it came, or it is no
 * good. */
static bool receive(struct twin *t, unsigned k, double *instructions) {
  *instructions = 0;
  if (!fcuda_wait(t->cuda, &t->work[k]))
    return false;
  for (unsigned i = 0; i < RUNS; i++) {
    if (t->verdict[k][i].good != t->work[k].count)
      return false;
    *instructions += (double)t->verdict[k][i].instructions;
  }
  return true;
}

static int on_twin(struct twin *t, const struct fpk_batch *b, double seconds,
                   struct fmeasure *out, struct fisa_error *err) {
  const double trials = (double)b->lanes * RUNS;
  struct fcuda_counts counts;
  struct stretch s = {0};
  double instructions;
  bool over = false;

  prepare(t, b);
  fcuda_submit(t->cuda, &t->work[0]);
  /* The first sends the batch. */
  for (unsigned i = 0; !over; i++) {
    if (i == 1)
      s.begin = now_s();
    fcuda_submit(t->cuda, &t->work[(i + 1) % 2]);
    if (!receive(t, i % 2, &instructions))
      return fisa_fail(err, "%s", fcuda_refusal(t->cuda)[0]
                                      ? fcuda_refusal(t->cuda)
                                      : "the device failed");
    over = i > 0 && is_over(&s, instructions, trials, seconds);
  }
  sum_up(&s, out);
  counts = fcuda_counts(t->cuda);
  out->per_launch = (double)counts.runs / (double)counts.launches;
  return 0;
}

static int on_device(const struct ftrial_set *set, double seconds,
                     struct fmeasure *out, struct fisa_error *err) {
  const struct fcuda_options o = {.wait_ms = 0};
  struct fisa_error why = {""};
  struct twin *t;
  int rc;

  if (set->packs[1].count == 0)
    return fisa_fail(err, "there is no episode");
  t = calloc(1, sizeof(*t));
  if (!t)
    return fisa_fail(err, "out of memory");
  fisa_fail(&why, "out of memory");
  rc = fpk_program_make(set->ir, &set->ends, &t->packed, &why);
  if (rc != 0)
    rc = fisa_fail(err, "%s", why.text);
  else if (fcuda_new(&o, &t->cuda, &why) != 0)
    rc = fisa_fail(err, "there is no device: %.200s", why.text);
  else
    rc = on_twin(t, set->packs[1].batch[0], seconds, out, err);
  fcuda_free(t->cuda);
  fpk_program_done(&t->packed);
  free(t);
  return rc;
}

int fmeasure_set(struct ftrial_set *set, enum fmeasure_engine engine,
                 double seconds, struct fmeasure *out,
                 struct fisa_error *err) {
  assert(set && out && seconds >= 0);
  if (ftrial_set_count(set) == 0)
    return fisa_fail(err, "there is no episode");
  if (engine == FMEASURE_CUDA)
    return on_device(set, seconds, out, err);
  return on_cpu(set, engine == FMEASURE_IR, seconds, out, err);
}
