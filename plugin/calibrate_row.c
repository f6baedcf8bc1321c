/*
 * plugin/calibrate_row.c - one row: all its states, its verdict.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/calibrate_impl.h"

#define ATTEMPTS 4u        /* states drawn until one is not lethal */
#define ROUNDS 8u          /* over the instructions, while states are few */
#define REDUCE_MOST 4000u  /* states asked about for one example */
#define PLAIN_TRIES 32u    /* of the first instruction, for one */

enum fse_row_verdict cal_verdict(enum cal_kind kind) {
  switch (kind) {
    case CAL_SAME: return FSE_ROW_FINE;
    case CAL_VALUE:
    case CAL_FAULT: return FSE_ROW_OPAQUE;
    case CAL_LEFT_OUT:
    case CAL_NO_MEMORY:
    case CAL_NO_VM: return FSE_ROW_UNSEEN;
    default: return FSE_ROW_UNFIT;
  }
}

/* Looking at a row. */
struct look {
  struct cal_bench *b;
  struct cal_row row;
  flux_stepper *stepper;
  bool all;                /* all of memory is compared */
  uint32_t states;
  struct cal_diff worst;   /* CAL_SAME: nothing so far */
  uint32_t index, attempt; /* of its state */
};

/* Draws a state that is not lethal, and steps on it. */
static void look_at(struct look *l, uint32_t index, uint32_t first) {
  struct cal_bench *b = l->b;
  struct cal_diff diff = {CAL_LEFT_OUT, ""};
  uint32_t attempt = first;
  atomic_store_explicit(&b->place->index, index, memory_order_relaxed);
  for (; attempt < first + ATTEMPTS && diff.kind == CAL_LEFT_OUT; attempt++) {
    atomic_store_explicit(&b->place->attempt, attempt, memory_order_relaxed);
    cal_draw(b, &l->row, index, attempt, &b->drawn);
    cal_check(b, &l->row, l->stepper, &b->drawn, l->all, &diff);
  }
  if (diff.kind == CAL_LEFT_OUT) return;
  l->states++;
  if (cal_verdict(diff.kind) <= cal_verdict(l->worst.kind)) return;
  l->worst = diff;
  l->index = index;
  l->attempt = attempt - 1;
}

/* All instructions, again while there were few states; not on from one that
 * shows the worst. */
static void look_at_all(struct look *l) {
  uint32_t round = 0;
  l->states = 0;
  do {
    for (uint32_t i = 0; i < l->row.count; i++) {
      look_at(l, i, round * ATTEMPTS);
      if (cal_verdict(l->worst.kind) == FSE_ROW_UNFIT) return;
    }
  } while (l->states < CAL_LEAST && ++round < ROUNDS);
}

/* Whether a reduced state is still of the verdict it is an example for. */
static bool still_differs(const struct cal_case *c, struct cal_diff *out,
                          void *user) {
  struct look *l = user;
  cal_check(l->b, &l->row, l->stepper, c, true, out);
  return cal_verdict(out->kind) == cal_verdict(l->worst.kind);
}

/* The first instruction names a register for each operand and is the easiest
 * to read: if it differs as well, it is the example. */
static void draw_example(struct look *l) {
  struct cal_bench *b = l->b;
  struct cal_diff diff;
  for (uint32_t i = 0; i < PLAIN_TRIES && l->index != 0; i++) {
    cal_draw(b, &l->row, 0, i, &b->drawn);
    cal_check(b, &l->row, l->stepper, &b->drawn, true, &diff);
    if (cal_verdict(diff.kind) != cal_verdict(l->worst.kind)) continue;
    l->worst = diff;
    l->index = 0;
    l->attempt = i;
  }
  cal_draw(b, &l->row, l->index, l->attempt, &b->drawn);
}

static void make_example(struct look *l, struct cal_result *out) {
  struct cal_bench *b = l->b;
  draw_example(l);
  cal_case_copy(b, &b->example, &b->drawn);
  cal_reduce(b, &b->example, &l->worst, REDUCE_MOST, still_differs,
             l);
  cal_sentence(b, &l->row, &b->example, &l->worst, out->text,
               sizeof out->text);
}

int cal_look(struct cal_bench *b, uint8_t opcode, struct cal_result *out) {
  struct look l = {.b = b};
  struct fisa_error err = {""};
  flux_status rc;
  memset(out, 0, sizeof *out);
  out->opcode = opcode;
  atomic_store(&b->place->opcode, opcode);
  atomic_store(&b->place->index, CAL_LOADING);
  out->kind = CAL_NO_MEMORY;
  if (cal_row_make(b, opcode, &l.row, &err) != 0) goto done;
  rc = b->step->open(b->d->name, l.row.program->code, l.row.program->size,
                     &l.stepper, b->ctx);
  if (rc == FLUX_E_MEMORY) goto done;
  if (rc != FLUX_OK) {
    out->kind = rc == FLUX_E_UNSUPPORTED ? CAL_NO_VM : CAL_REFUSED;
    snprintf(out->text, sizeof out->text,
             "%s (0x%02X): the host does not load it (status %d)",
             l.row.row->name, opcode, (int)rc);
    goto done;
  }
  look_at_all(&l);
  if (cal_strayed(b) && cal_verdict(l.worst.kind) < FSE_ROW_OPAQUE) {
    l.all = true;
    look_at_all(&l);
  }
  out->states = l.states;
  out->kind = l.worst.kind;
  if (cal_verdict(l.worst.kind) > FSE_ROW_FINE) make_example(&l, out);
done:
  if (l.stepper != NULL) b->step->close(l.stepper);
  cal_row_done(&l.row);
  return out->kind == CAL_NO_MEMORY ? -1 : 0;
}
