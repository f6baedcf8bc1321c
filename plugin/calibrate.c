/*
 * plugin/calibrate.c - the whole table: which rows, where, and what of it.
 */
#include "plugin/calibrate.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/calibrate_impl.h"

/* A row takes well below a millisecond; most of these is for machines that
 * are slow, watched by a sanitizer, or busy with something else. */
const struct fse_calibrate_limits fse_calibrate_limits = {500, 5000, 30000};

const char *fse_row_verdict_name(enum fse_row_verdict v) {
  static const char *const names[] = {"unseen", "fine", "opaque", "unfit"};
  assert((unsigned)v < sizeof names / sizeof names[0]);
  return names[v];
}

bool cal_is_stepped(const struct fisa_row *row) {
  return row->defined && !row->opaque && !fisa_row_is_shared(row);
}

/* ---- results ------------------------------------------------------------ */

struct taking {
  struct fse_calibration *out;
  bool no_memory, no_vm;
};

static void note_finding(struct fse_calibration *c,
                         const struct cal_result *r) {
  struct fse_row_finding *f = &c->finding[c->finding_count++];
  f->opcode = (uint8_t)r->opcode;
  f->verdict = c->verdict[r->opcode];
  snprintf(f->text, sizeof f->text, "%s", r->text);
  c->opaque += f->verdict == FSE_ROW_OPAQUE;
  c->unfit += f->verdict == FSE_ROW_UNFIT;
}

static int take(const struct cal_result *r, void *user) {
  struct taking *t = user;
  struct fse_calibration *c = t->out;
  enum fse_row_verdict v = cal_verdict((enum cal_kind)r->kind);
  t->no_memory |= r->kind == CAL_NO_MEMORY;
  /* Without a VM for the first row there is none for the dialect. */
  t->no_vm |= r->kind == CAL_NO_VM && c->stepped == 0;
  if (t->no_memory || t->no_vm) return 1;
  if (r->kind == CAL_NO_VM) v = FSE_ROW_UNFIT;
  if (v == FSE_ROW_FINE && r->states == 0) return 0; /* lethal everywhere */
  c->partial |= r->kind == CAL_UNREACHED;
  c->verdict[r->opcode] = (uint8_t)v;
  c->stepped++;
  c->states += r->states;
  if (v > FSE_ROW_FINE) note_finding(c, r);
  return 0;
}

static void look_here(struct cal_bench *b, struct taking *t) {
  struct cal_result r;
  for (unsigned i = 0; i < 256; i++) {
    if (!cal_is_stepped(&b->d->rows[i])) continue;
    (void)cal_look(b, (uint8_t)i, &r);
    if (take(&r, t) != 0) break;
  }
}

/* ---- the table ---------------------------------------------------------- */

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool is_usable(const flux_step *step) {
  return step != NULL && FLUX_HAS(step, close) && step->open != NULL &&
         step->run != NULL && step->close != NULL;
}

static void count_never(const struct fisa_dialect *d,
                        struct fse_calibration *c) {
  for (unsigned i = 0; i < 256; i++)
    c->never += d->rows[i].defined && c->verdict[i] == FSE_ROW_UNSEEN;
}

int fse_calibrate(const struct fisa_dialect *d, const flux_step *step,
                  void *ctx, const struct fse_calibrate_limits *limits,
                  struct fse_calibration *out, struct fisa_error *err) {
  struct cal_place place = {0};
  struct cal_bench *b;
  struct taking t = {out, false, false};
  double begin = now_ms();
  int rc = -1;
  memset(out, 0, sizeof *out);
  if (!is_usable(step)) return 0;
  b = calloc(1, sizeof *b);
  if (b == NULL) return fisa_fail(err, "out of memory");
  b->d = d;
  b->step = step;
  b->ctx = ctx;
  b->place = &place;
  if (limits == NULL) limits = &fse_calibrate_limits;
  out->forked = (step->flags & FLUX_STEP_MAY_FORK) != 0;
  if (cal_bench_open(b) != 0) {
    fisa_fail(err, "out of memory");
  } else if (out->forked) {
    rc = cal_look_forked(b, limits, take, err, &t);
  } else {
    look_here(b, &t);
    rc = 0;
  }
  if (t.no_memory) rc = fisa_fail(err, "out of memory");
  if (t.no_vm) memset(out, 0, sizeof *out);
  out->proven = rc == 0 && !t.no_vm;
  if (out->proven) count_never(d, out);
  out->ms = now_ms() - begin;
  cal_bench_close(b);
  free(b);
  return rc;
}

void fse_calibration_apply(const struct fse_calibration *c,
                           struct fisa_dialect *d) {
  for (uint32_t i = 0; i < c->finding_count; i++)
    fisa_dialect_demote(d, c->finding[i].opcode);
}

const struct fse_row_finding *
fse_calibration_finding(const struct fse_calibration *c, uint8_t opcode) {
  for (uint32_t i = 0; i < c->finding_count; i++)
    if (c->finding[i].opcode == opcode) return &c->finding[i];
  return NULL;
}
