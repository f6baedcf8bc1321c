/*
 * plugin/agree.c - windows, and what is asked about them.
 *
 * Windows are narrow at first: from a pair to the pairs next to it. What a
 * narrow one leaves open, because something is made in front of it or used
 * behind it, is asked again with the pairs around it given up.
 */
#include "plugin/agree.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/agree_impl.h"

#define MOST_WIDENINGS 64u
#define MOST_RADIUS 200u

/* ---- both programs ------------------------------------------------------ */

static int side_make(struct agree *g, int side, const struct fisa_program *p) {
  struct agree_side *s = &g->side[side];
  struct fisa_error err = {""};
  s->program = p;
  if (fisa_facts_make(p, &s->facts, &err) != 0 ||
      fir_lower(p, &s->ir, &err) != 0)
    return agree_no(g, "%s", err.text);
  if (s->facts->has_dynamic || s->facts->layout_frozen)
    return agree_no(g, "its layout is frozen: %s",
                    s->facts->frozen_reason[0] != '\0'
                        ? s->facts->frozen_reason
                        : "a jump to where a register says");
  if (s->facts->count_frozen)
    return agree_no(g, "the cycle counter is read");
  if (s->ir->opaque) return agree_no(g, "it has opaque rows");
  s->exit_of = malloc((s->ir->count + 1) * sizeof *s->exit_of);
  if (s->exit_of == NULL) return agree_no(g, "out of memory");
  return 0;
}

static bool shows_stack(const struct fisa_program *p) {
  const struct fisa_manifest *m = &p->manifest;
  for (uint32_t i = 0; i < m->out_count; i++)
    if (m->out[i].kind == FISA_CELLS_STACK) return true;
  return m->out_count == 0 && !m->out_none;
}

/* A link is not the same in both; where it faults it would be seen. */
static int check_links(struct agree *g) {
  const struct agree_side *b = &g->side[1];
  if ((b->facts->has_call || g->side[0].facts->has_call) &&
      shows_stack(b->program) && !fisa_links_apart(b->program->dialect))
    return agree_no(g, "a return address may be seen where it faults");
  return 0;
}

static void agree_free(struct agree *g) {
  for (int side = 0; side < 2; side++) {
    struct agree_side *s = &g->side[side];
    fisa_facts_free(s->facts);
    fir_free(s->ir);
    free(s->pair_of);
    free(s->exit_of);
  }
  free(g->pair);
  free(g->live);
  free(g->span);
  free(g->end_span);
  free(g->known);
}

/* ---- a window ----------------------------------------------------------- */

/* Every kept pair is an exit, by its number. */
static void exits_of(struct agree *g, int side) {
  struct agree_side *s = &g->side[side];
  memset(s->exit_of, 0xFF, (s->ir->count + 1) * sizeof *s->exit_of);
  for (uint32_t p = 0; p < g->count; p++) {
    uint32_t at;
    if (!g->pair[p].kept) continue;
    at = s->ir->at[s->facts->insn[g->pair[p].at[side]].pc];
    if (at != FIR_NONE) s->exit_of[at] = p;
  }
}

/* Exits are numbered by pair; a question numbers those it has. */
static int number_exits(struct agree_pair *pair, struct fir_program *piece) {
  for (uint32_t i = 0; i < piece->count; i++) {
    struct fir_ins *n = &piece->ins[i];
    uint32_t k = 0, p;
    if (n->op != FLUX_OP_HALT || n->imm < FSE_EXIT) continue;
    p = (uint32_t)(n->imm - FSE_EXIT);
    while (k < pair->exit_count && pair->exit[k] != p) k++;
    if (k == FSE_EXITS_MAX) return -1;
    if (k == pair->exit_count) pair->exit[pair->exit_count++] = p;
    n->imm = (int32_t)(FSE_EXIT + k);
  }
  return 0;
}

/* A boundary before the instruction: a run that begins there passes it. */
static uint32_t begin_of(const struct agree_side *s, uint32_t insn) {
  uint32_t at = s->ir->at[s->facts->insn[insn].pc];
  if (at != FIR_NONE && s->ir->ins[at].op == FIR_BOUNDARY) at++;
  return at;
}

/* Whether control comes to an instruction only where runs begin. */
static bool only_begin(const struct agree *g, int side) {
  const struct agree_side *s = &g->side[side];
  uint32_t entry = g->pair[g->entry].at[side];
  for (uint32_t i = 0; i < s->facts->count; i++) {
    uint32_t next[AGREE_NEXTS];
    bool odd;
    unsigned n = agree_next(s, i, next, &odd);
    for (unsigned k = 0; k < n; k++)
      if (next[k] == entry) return false;
    if (agree_has_op(s, entry, FIR_BOUNDARY)) return false;
  }
  return true;
}

/* How much is on the stack, as far as both programs say. Behind what is known
 * everywhere there is room: what is known where runs begin comes again. */
static void know_depth(struct agree *g, uint32_t p, struct fse_question *q) {
  const struct fisa_dialect *d = g->side[0].program->dialect;
  const struct fisa_depth *a = &g->side[0].facts->depth[g->pair[p].at[0]];
  const struct fisa_depth *b = &g->side[1].facts->depth[g->pair[p].at[1]];
  int32_t lo = a->lo > b->lo ? a->lo : b->lo;
  int32_t hi = a->hi < b->hi ? a->hi : b->hi;
  int32_t size;
  if (d->stack_file >= d->file_count || lo > hi) return;
  size = d->files[d->stack_file].count;
  if (lo == 0 && hi == size) return;
  memcpy(g->here, g->known, g->ticks_known * sizeof *g->here);
  g->here[q->known_count++] =
      d->files[d->stack_file].down
          ? (struct fse_known){d->sp_cell, size - hi, size - lo}
          : (struct fse_known){d->sp_cell, lo, hi};
  q->known = g->here;
}

static struct fse_answer put(struct agree *g, uint32_t p,
                             const struct fir_program piece[2],
                             struct fse_counter *counter) {
  struct agree_pair *pair = &g->pair[p];
  struct fisa_set live[FSE_EXITS_MAX];
  bool begins = p == g->entry && only_begin(g, 0) && only_begin(g, 1);
  struct fse_question q = {.piece = {&piece[0], &piece[1]},
                           .live = g->live[pair->at[1]],
                           .known = g->known,
                           .exit_live = live,
                           .exit_count = pair->exit_count,
                           .span = g->span,
                           .span_count = g->span_count,
                           .observed = g->observed,
                           .end_stack = shows_stack(g->side[1].program),
                           .end_span = g->end_span,
                           .end_span_count = g->end_span_count};
  q.known_count = begins ? g->known_count : g->ticks_known;
  if (!begins) know_depth(g, p, &q);
  for (uint32_t k = 0; k < pair->exit_count; k++)
    live[k] = g->live[g->pair[pair->exit[k]].at[1]];
  g->out->asked++;
  return fse_prove(g->prover, &q, counter);
}

/* Asks about the window of a pair. `counter` may be filled. */
static struct fse_answer ask(struct agree *g, uint32_t p,
                             struct fse_counter *counter) {
  struct fse_answer a = {.proof = FSE_UNPROVED};
  struct fir_program piece[2] = {{.count = 0}, {.count = 0}};
  struct agree_pair *pair = &g->pair[p];
  struct fisa_error err = {""};
  int rc = 0;
  pair->exit_count = 0;
  for (int side = 0; side < 2 && rc == 0; side++) {
    uint32_t begin = begin_of(&g->side[side], pair->at[side]);
    exits_of(g, side);
    if (begin == FIR_NONE)
      rc = fisa_fail(&err, "an instruction that is not lowered");
    else
      rc = fse_piece_make(g->side[side].ir, begin, g->side[side].exit_of,
                          &piece[side], &err);
    if (rc == 0 && number_exits(pair, &piece[side]) != 0)
      rc = fisa_fail(&err, "too many exits");
  }
  if (rc == 0)
    a = put(g, p, piece, counter);
  else
    snprintf(a.reason, sizeof a.reason, "%s", err.text);
  fse_piece_done(&piece[0]);
  fse_piece_done(&piece[1]);
  return a;
}

/* ---- widening ----------------------------------------------------------- */

/* Marks the instructions next to marked ones, not past what is fixed. */
static bool step_out(struct agree *g, uint8_t *mark, uint8_t round) {
  const struct agree_side *s = &g->side[0];
  bool any = false;
  for (uint32_t i = 0; i < s->facts->count; i++) {
    uint32_t next[AGREE_NEXTS];
    bool odd;
    unsigned n = agree_next(s, i, next, &odd);
    for (unsigned k = 0; k < n; k++) {
      uint32_t j = next[k], pi, pj;
      if (j == AGREE_NONE) continue;
      pi = s->pair_of[i];
      pj = s->pair_of[j];
      if (mark[i] && mark[i] < round && mark[j] == 0 &&
          (mark[i] == 1 || pi == AGREE_NONE || !g->pair[pi].fixed)) {
        mark[j] = round;
        any = true;
      }
      if (mark[j] && mark[j] < round && mark[i] == 0 &&
          (pj == AGREE_NONE || !g->pair[pj].fixed)) {
        mark[i] = round;
        any = true;
      }
    }
  }
  return any;
}

/* Gives up a pair, and what was proved up to it. */
static void give_up(struct agree *g, uint32_t p) {
  g->pair[p].kept = false;
  for (uint32_t o = 0; o < g->count; o++) {
    struct agree_pair *other = &g->pair[o];
    for (uint32_t k = 0; k < other->exit_count; k++)
      if (other->exit[k] == p) other->proved = false;
  }
}

/* Gives up pairs around one, twice as far as the last time. Returns whether
 * there were any, or -1: memory. */
static int widen(struct agree *g, uint32_t p) {
  const struct agree_side *s = &g->side[0];
  uint8_t *mark = calloc(s->facts->count + 1u, 1);
  uint32_t radius = g->pair[p].radius ? g->pair[p].radius * 2 : 1;
  int given = 0;
  if (mark == NULL) return -1;
  mark[g->pair[p].at[0]] = 1;
  for (uint32_t r = 0; r < MOST_RADIUS; r++) {
    bool grew = step_out(g, mark, (uint8_t)(r + 2));
    if (grew && r + 1 < radius) continue;
    for (uint32_t i = 0; i < s->facts->count; i++) {
      uint32_t q = s->pair_of[i];
      if (!mark[i] || q == AGREE_NONE || g->pair[q].fixed || !g->pair[q].kept)
        continue;
      give_up(g, q);
      given++;
    }
    if (given > 0 || !grew) break;
  }
  g->pair[p].radius = radius < MOST_RADIUS ? radius : MOST_RADIUS;
  free(mark);
  return given;
}

/* Whether a pair needs no proof: all it goes on to is kept. */
static bool stands(const struct agree *g, uint32_t p) {
  const struct agree_side *s = &g->side[0];
  uint32_t next[AGREE_NEXTS];
  bool odd;
  if (!g->pair[p].same) return false;
  unsigned n = agree_next(s, g->pair[p].at[0], next, &odd);
  for (unsigned k = 0; k < n; k++)
    if (!g->pair[s->pair_of[next[k]]].kept) return false;
  return true;
}

/* The first pair that nothing has been said about, or count. */
static uint32_t open_pair(const struct agree *g) {
  uint32_t p = 0;
  while (p < g->count &&
         (!g->pair[p].kept || g->pair[p].proved || stands(g, p)))
    p++;
  return p;
}

static int prove_all(struct agree *g) {
  uint32_t widenings = 0, p;
  while ((p = open_pair(g)) < g->count) {
    struct fse_counter counter = {{NULL, NULL}, {NULL, 0, 0}};
    struct fse_answer a = ask(g, p, &counter);
    g->out->work += a.work;
    if (a.proof == FSE_PROVED) {
      g->pair[p].proved = true;
      g->pair[p].rung = a.rung;
      continue;
    }
    int given = widenings++ < MOST_WIDENINGS ? widen(g, p) : 0;
    if (given > 0) {
      fse_counter_done(&counter);
      continue;
    }
    g->out->differs = a.proof == FSE_REFUTED;
    if (a.proof == FSE_REFUTED && p == g->entry) {
      g->out->proof = FSE_REFUTED;
      g->out->counter = counter;
    } else {
      fse_counter_done(&counter);
    }
    return agree_no(g, "%u: %s", g->side[0].facts->insn[g->pair[p].at[0]].pc,
                    a.reason);
  }
  return 0;
}

static int tell_pairs(struct agree *g) {
  struct fse_agreement *out = g->out;
  out->pair = malloc((g->count + 1) * sizeof *out->pair);
  if (out->pair == NULL) return agree_no(g, "out of memory");
  for (uint32_t p = 0; p < g->count; p++) {
    const struct agree_pair *pair = &g->pair[p];
    if (!pair->kept) continue;
    for (int side = 0; side < 2; side++)
      out->pair[out->pair_count][side] =
          g->side[side].facts->insn[pair->at[side]].pc;
    out->pair_count++;
    if (pair->proved && !stands(g, p)) {
      out->windows++;
      out->by[pair->rung]++;
    }
  }
  return 0;
}

void fse_agree(struct fse_prover *p, const struct fse_agree_request *r,
               struct fse_agreement *out) {
  struct agree g = {.r = r, .prover = p, .out = out};
  memset(out, 0, sizeof *out);
  out->proof = FSE_UNPROVED;
  assert(r->root != NULL && r->a != NULL && r->b != NULL);
  if (r->a->dialect != r->b->dialect)
    agree_no(&g, "two dialects");
  else if (side_make(&g, 0, r->a) == 0 && side_make(&g, 1, r->b) == 0 &&
           check_links(&g) == 0 && agree_pairs_make(&g) == 0 &&
           agree_live_make(&g) == 0 && prove_all(&g) == 0 &&
           tell_pairs(&g) == 0)
    out->proof = FSE_PROVED;
  agree_free(&g);
}

void fse_agreement_done(struct fse_agreement *a) {
  fse_counter_done(&a->counter);
  free(a->pair);
  memset(a, 0, sizeof *a);
}
