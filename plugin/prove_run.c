/*
 * plugin/prove_run.c - both pieces of a question on states, and what has to
 * be equal then.
 *
 * The engine that runs the trials runs the pieces: there is no other reading
 * of an op in here.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/prove_impl.h"

enum {
  FILLED = 65536, /* bytes of memory that a drawn state fills at most */
  REFILL = 16,    /* states between two contents of memory */
  EDGES = 24
};

/* ---- states ------------------------------------------------------------- */

void fse_counter_done(struct fse_counter *c) {
  fisa_state_free(c->begin[0]);
  fisa_state_free(c->begin[1]);
  fisa_trace_done(&c->input);
  memset(c, 0, sizeof *c);
}

int prove_counter_new(const struct fse_question *q, struct fse_counter *c) {
  const struct fisa_dialect *d = q->piece[0]->dialect;
  memset(c, 0, sizeof *c);
  for (int side = 0; side < 2; side++) {
    c->begin[side] = fisa_state_new(d);
    if (c->begin[side] == NULL) {
      fse_counter_done(c);
      return -1;
    }
  }
  return 0;
}

/* Values at which ops behave in another way than beside them. */
static int32_t draw_value(const struct fse_question *q, uint64_t r) {
  static const int32_t edge[EDGES] = {
      0, 1, -1, 2, -2, 3, 7, 8, 31, 32, 33, 100, 127, 128, 255, 256, 32767,
      65535, 65536, INT32_MAX, INT32_MIN, INT32_MIN + 1, 0x3F800000,
      0x7FC00000};
  const struct fir_program *p = q->piece[r >> 8 & 1];
  uint32_t v = (uint32_t)(r >> 32);
  switch (r % 8) {
    case 0:
    case 1: return edge[v % EDGES];
    case 2: return (int32_t)(v % 256) - 128;
    case 3: return (int32_t)(v % 2000);
    case 4: return (int32_t)(UINT32_C(1) << v % 32);
    case 5:
      if (p->pool_count > 0)
        return p->pool[v % p->pool_count] + (int32_t)(r >> 16 & 3) % 3 - 1;
      return edge[v % EDGES];
    default: return (int32_t)v;
  }
}

static void draw_memory(const struct fse_question *q, uint64_t n,
                        struct fse_counter *c) {
  uint32_t size = c->begin[0]->mem_size;
  if (size > FILLED) size = FILLED;
  for (uint32_t at = 0; at + 8 <= size; at += 8) {
    uint64_t w = n / REFILL % 2 ? ftrial_random(n, at, 0, 1) : 0;
    memcpy(c->begin[0]->mem + at, &w, sizeof w);
    w = n / REFILL % 4 == 1 ? ~w : w;
    memcpy(c->begin[1]->mem + at, &w, sizeof w);
  }
  for (uint32_t i = 0; i < q->span_count; i++)
    memcpy(c->begin[1]->mem + q->span[i].first,
           c->begin[0]->mem + q->span[i].first, q->span[i].count);
  fisa_state_mark(c->begin[0], 0, size);
  fisa_state_mark(c->begin[1], 0, size);
}

/* An index of a stack that is neither empty nor full as a rule. */
static int32_t draw_index(int32_t count, uint64_t r) {
  switch (r % 8) {
    case 0: return 0;
    case 1: return count;
    case 2: return 1;
    case 3: return count - 1;
    default: return (int32_t)((r >> 8) % ((uint64_t)count + 1));
  }
}

static int draw_inputs(const struct fse_question *q, uint64_t n,
                       struct fse_counter *c) {
  c->input.count = 0;
  for (uint32_t i = 0; i < 16; i++) {
    struct fisa_event e = {.value = draw_value(q, ftrial_random(n, i, 1, 2))};
    if (fisa_trace_add(&c->input, &e) != 0) return -1;
  }
  return 0;
}

int prove_counter_draw(const struct fse_question *q, uint64_t n,
                       struct fse_counter *c) {
  const struct fisa_dialect *d = q->piece[0]->dialect;
  assert(c->begin[0] != NULL && c->begin[1] != NULL);
  for (uint32_t i = 0; i < d->cell_count; i++) {
    int32_t v = draw_value(q, ftrial_random(n, i, 0, 0));
    c->begin[0]->cells[i] = c->begin[1]->cells[i] = v;
    if (!prove_asked(d, &q->live, i) && !prove_stack_cell(d, i))
      c->begin[1]->cells[i] = draw_value(q, ftrial_random(n, i, 0, 1));
  }
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    if (file->kind != FISA_FILE_STACK) continue;
    uint32_t sp = f == d->calls_file ? d->calls_cell : d->sp_cell;
    c->begin[0]->cells[sp] = c->begin[1]->cells[sp] =
        draw_index(file->count, ftrial_random(n, sp, 1, 0));
  }
  for (uint32_t k = 0; k < q->known_count; k++) {
    const struct fse_known *w = &q->known[k];
    uint64_t wide = (uint64_t)((int64_t)w->hi - w->lo) + 1;
    for (int side = 0; side < 2; side++) {
      int32_t *cell = &c->begin[side]->cells[w->cell];
      if (*cell < w->lo || *cell > w->hi)
        *cell = (int32_t)(w->lo + (int64_t)((uint32_t)*cell % wide));
    }
  }
  if (d->mem_size > 0 && n % REFILL == 0) draw_memory(q, n, c);
  return draw_inputs(q, n, c);
}

/* ---- running ------------------------------------------------------------ */

/* The outside of one piece: values by number, all that passes noted. */
struct outside {
  const struct fisa_trace *input;
  uint32_t taken;
  struct fisa_trace said;
  bool no_memory;
};

static int give(struct outside *o, bool out, uint16_t name, const int32_t *arg,
                unsigned argc) {
  struct fisa_event e = {.out = out, .argc = (uint8_t)argc, .name = name};
  assert(argc <= FISA_MAX_ARGS);
  for (unsigned i = 0; i < argc; i++) e.arg[i] = arg[i];
  o->no_memory |= fisa_trace_add(&o->said, &e) != 0;
  return o->no_memory;
}

static int outside_input(uint16_t source, const int32_t *arg, unsigned argc,
                         int32_t *value, void *user) {
  struct outside *o = user;
  *value = o->taken < o->input->count ? o->input->events[o->taken].value : 0;
  o->taken++;
  return give(o, false, source, arg, argc);
}

static int outside_output(uint16_t channel, const int32_t *arg, unsigned argc,
                          void *user) {
  return give(user, true, channel, arg, argc);
}

static bool same_events(const struct fisa_trace *a,
                        const struct fisa_trace *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!fisa_event_equal(&a->events[i], &b->events[i])) return false;
  return true;
}

static bool same_spans(const struct fisa_state *a, const struct fisa_state *b,
                       const struct fse_span *span, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (memcmp(a->mem + span[i].first, b->mem + span[i].first,
               span[i].count) != 0)
      return false;
  return true;
}

static bool same_stack(const struct fisa_dialect *d, struct fisa_state *a,
                       struct fisa_state *b) {
  uint32_t n = fisa_stack_depth(d, a);
  if (n != fisa_stack_depth(d, b)) return false;
  for (uint32_t i = 0; i < n; i++)
    if (*fisa_stack_cell(d, a, i) != *fisa_stack_cell(d, b, i)) return false;
  return true;
}

/* What differs where both ended in the same way; NULL: nothing. */
static const char *same_state(const struct fse_question *q,
                              struct fisa_state *a, struct fisa_state *b) {
  const struct fisa_dialect *d = q->piece[0]->dialect;
  bool leaves = a->status == FISA_RUN_HALT && a->fault >= FSE_EXIT;
  const struct fisa_set *set = &q->observed;
  if (leaves) set = &q->exit_live[a->fault - FSE_EXIT];
  for (uint32_t i = 0; i < d->cell_count; i++)
    if (a->cells[i] != b->cells[i] && !prove_stack_cell(d, i) &&
        (leaves ? prove_asked(d, set, i) : prove_in(set, i)))
      return "a cell";
  if ((leaves || q->end_stack) && !same_stack(d, a, b)) return "the stack";
  if (!same_spans(a, b, leaves ? q->span : q->end_span,
                  leaves ? q->span_count : q->end_span_count))
    return "memory";
  return NULL;
}

static int work_ready(struct fse_prover *p, const struct fisa_dialect *d) {
  for (int side = 0; side < 2; side++) {
    struct fisa_state *s = p->work[side];
    if (s != NULL && p->dialect == d && s->cell_count == d->cell_count &&
        s->mem_size == d->mem_size)
      continue;
    fisa_state_free(s);
    p->work[side] = fisa_state_new(d);
    if (p->work[side] == NULL) return -1;
  }
  p->dialect = d;
  return 0;
}

int prove_differ(struct fse_prover *p, const struct fse_question *q,
                 const struct fse_counter *c, char *what, size_t capacity) {
  struct outside o[2] = {{.input = &c->input}, {.input = &c->input}};
  const struct fir_limits limits = {FSE_PIECE_OPS * 2, true};
  struct fisa_state **s = p->work;
  const char *differs = NULL;
  int rc = -1;
  if (work_ready(p, q->piece[0]->dialect) != 0) return -1;
  for (int side = 0; side < 2; side++) {
    const struct fir_io io = {outside_input, outside_output, &o[side]};
    fisa_state_copy(s[side], c->begin[side]);
    s[side]->pc = 0;
    struct fir_result r = fir_run(q->piece[side], p->lane, s[side], &io,
                                  limits);
    if (r.starved || s[side]->status == FISA_RUN_FUEL) goto done;
  }
  if (s[0]->status != s[1]->status || s[0]->fault != s[1]->fault)
    differs = "where they end";
  else if (!same_events(&o[0].said, &o[1].said))
    differs = "what crosses the border";
  else
    differs = same_state(q, s[0], s[1]);
  rc = differs != NULL;
  if (rc == 1) snprintf(what, capacity, "%s differs", differs);
done:
  fisa_trace_done(&o[0].said);
  fisa_trace_done(&o[1].said);
  return rc;
}
