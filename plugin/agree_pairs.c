/*
 * plugin/agree_pairs.c - which places of two programs correspond.
 *
 * The longest common subsequence of their instructions, targets left out, and
 * beside it the places that have to be pairs: where runs begin, behind task
 * boundaries and calls, and one in each loop. A pair is a guess; what is
 * wrongly paired is not proved.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/agree_impl.h"

#define MOST_PRODUCT (16u << 20)   /* of the lengths that are compared */

int agree_no(struct agree *g, const char *format, ...) {
  va_list ap;
  if (g->out->reason[0] != '\0') return -1;
  va_start(ap, format);
  vsnprintf(g->out->reason, sizeof g->out->reason, format, ap);
  va_end(ap);
  return -1;
}

/* ---- one program -------------------------------------------------------- */

static bool goes_behind(const struct fisa_row *row) {
  switch (row->flow) {
    case FISA_FLOW_HALT:
    case FISA_FLOW_TRAP:
    case FISA_FLOW_JUMP_REL:
    case FISA_FLOW_JUMP_ABS:
    case FISA_FLOW_INDIRECT:
      return false;
    default:
      return true;
  }
}

static bool is_call(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_CALL_REL || row->flow == FISA_FLOW_CALL_ABS;
}

static uint32_t insn_at(const struct agree_side *s, int64_t pc) {
  if (pc < 0 || pc >= s->program->size) return AGREE_NONE;
  return s->facts->index[pc];
}

/* Behind a RET control goes on where there is no link. */
unsigned agree_next(const struct agree_side *s, uint32_t i,
                    uint32_t next[AGREE_NEXTS], bool *odd) {
  const struct fisa_insn *in = &s->facts->insn[i];
  unsigned n = 0;
  *odd = false;
  if (in->row == NULL || !in->row->defined) return 0;
  if (in->target != FISA_NO_TARGET) {
    next[n] = insn_at(s, in->target);
    *odd |= next[n++] == AGREE_NONE;
  }
  if (!goes_behind(in->row)) return n;
  next[n] = insn_at(s, (int64_t)in->pc + in->length +
                           (is_call(in->row) ? in->row->filler : 0));
  if (next[n] == AGREE_NONE && in->row->flow == FISA_FLOW_RET) return n;
  *odd |= next[n++] == AGREE_NONE;
  return n;
}

/* The ops of an instruction, from first to behind the last. */
static uint32_t ops_of(const struct agree_side *s, uint32_t i,
                       uint32_t *behind) {
  uint32_t pc = s->facts->insn[i].pc, at = s->ir->at[pc], n = at;
  if (at == FIR_NONE) return *behind = 0;
  while (n < s->ir->count && (s->ir->ins[n].row & ~FIR_FIRST) == pc) n++;
  *behind = n;
  return at;
}

bool agree_has_op(const struct agree_side *s, uint32_t i, unsigned op) {
  uint32_t behind, at = ops_of(s, i, &behind);
  for (; at < behind; at++)
    if (s->ir->ins[at].op == op) return true;
  return false;
}

bool agree_is_barrier(const struct agree_side *s, uint32_t i) {
  uint32_t behind, at = ops_of(s, i, &behind);
  for (; at < behind; at++)
    if (!prove_allowed(s->ir->ins[at].op)) return true;
  return false;
}

/* ---- the same instructions ---------------------------------------------- */

static bool same_text(const struct fisa_insn *a, const struct fisa_insn *b) {
  if (a->row != b->row || a->length != b->length) return false;
  for (unsigned o = 0; o < a->row->operand_count; o++) {
    bool target = o == a->row->target && a->target != FISA_NO_TARGET &&
                  o != a->row->target_reg;
    if (!target && a->value[o] != b->value[o]) return false;
  }
  return (a->target == FISA_NO_TARGET) == (b->target == FISA_NO_TARGET);
}

static bool equal(const struct agree *g, uint32_t i, uint32_t j) {
  const struct fisa_insn *a = &g->side[0].facts->insn[i];
  const struct fisa_insn *b = &g->side[1].facts->insn[j];
  if (!same_text(a, b)) return false;
  return !a->row->payload ||
         memcmp(g->side[0].program->code + a->pc,
                g->side[1].program->code + b->pc, a->length) == 0;
}

static void match(struct agree *g, uint32_t i, uint32_t j) {
  struct agree_pair *p = &g->pair[g->count];
  *p = (struct agree_pair){.at = {i, j}, .kept = true};
  g->side[0].pair_of[i] = g->side[1].pair_of[j] = g->count++;
}

/* Pairs instructions i.. and j.. of the middle that both do not share. */
static int align(struct agree *g, uint32_t i, uint32_t j, uint32_t n,
                 uint32_t m) {
  uint16_t *best;
  uint32_t w = m + 1;
  if (n == 0 || m == 0) return 0;
  if ((uint64_t)(n + 1) * w > MOST_PRODUCT || n > UINT16_MAX ||
      m > UINT16_MAX)
    return agree_no(g, "the programs are too long to be compared");
  best = calloc((size_t)(n + 1) * w, sizeof *best);
  if (best == NULL) return agree_no(g, "out of memory");
  for (uint32_t x = n; x-- > 0;)
    for (uint32_t y = m; y-- > 0;) {
      uint16_t a = best[(x + 1) * w + y], b = best[x * w + y + 1];
      uint16_t both = best[(x + 1) * w + y + 1];
      if (equal(g, i + x, j + y))
        best[x * w + y] = (uint16_t)(both + 1);
      else
        best[x * w + y] = a > b ? a : b;
    }
  for (uint32_t x = 0, y = 0; x < n && y < m;) {
    if (equal(g, i + x, j + y) &&
        best[x * w + y] == best[(x + 1) * w + y + 1] + 1)
      match(g, i + x++, j + y++);
    else if (best[(x + 1) * w + y] >= best[x * w + y + 1])
      x++;
    else
      y++;
  }
  free(best);
  return 0;
}

static int match_all(struct agree *g) {
  uint32_t n = g->side[0].facts->count, m = g->side[1].facts->count;
  uint32_t head = 0, tail = 0;
  while (head < n && head < m && equal(g, head, head)) {
    match(g, head, head);
    head++;
  }
  while (tail < n - head && tail < m - head &&
         equal(g, n - 1 - tail, m - 1 - tail))
    tail++;
  if (align(g, head, head, n - head - tail, m - head - tail) != 0) return -1;
  for (uint32_t k = tail; k > 0; k--) match(g, n - k, m - k);
  return 0;
}

/* ---- places that have to be pairs --------------------------------------- */

/* A pair of any two places; pairs that either was in are given up. */
static uint32_t force(struct agree *g, uint32_t i, uint32_t j) {
  struct agree_side *a = &g->side[0], *b = &g->side[1];
  uint32_t p = a->pair_of[i];
  assert(i < a->facts->count && j < b->facts->count);
  if (p != AGREE_NONE && b->pair_of[j] == p) {
    g->pair[p].fixed = true;
    return p;
  }
  if ((p != AGREE_NONE && g->pair[p].fixed) ||
      (b->pair_of[j] != AGREE_NONE && g->pair[b->pair_of[j]].fixed))
    return AGREE_NONE;
  if (p != AGREE_NONE) {
    b->pair_of[g->pair[p].at[1]] = AGREE_NONE;
    g->pair[p].kept = false;
  }
  if (b->pair_of[j] != AGREE_NONE) {
    a->pair_of[g->pair[b->pair_of[j]].at[0]] = AGREE_NONE;
    g->pair[b->pair_of[j]].kept = false;
  }
  match(g, i, j);
  g->pair[g->count - 1].fixed = true;
  return g->count - 1;
}

/* What follows a pair that no window may hold is a pair. */
static int force_next(struct agree *g, uint32_t p) {
  uint32_t a[AGREE_NEXTS], b[AGREE_NEXTS];
  bool odd_a, odd_b;
  unsigned n = agree_next(&g->side[0], g->pair[p].at[0], a, &odd_a);
  unsigned m = agree_next(&g->side[1], g->pair[p].at[1], b, &odd_b);
  if (n != m || odd_a || odd_b) return 0; /* it will not be the same */
  for (unsigned k = 0; k < n; k++)
    if (force(g, a[k], b[k]) == AGREE_NONE)
      return agree_no(g, "%u: two ways lead to one place",
                      g->side[0].facts->insn[a[k]].pc);
  return 0;
}

static int force_barriers(struct agree *g) {
  for (uint32_t p = 0; p < g->count; p++) {
    const struct agree_pair *pair = &g->pair[p];
    if (!pair->kept || !agree_is_barrier(&g->side[0], pair->at[0]) ||
        !equal(g, pair->at[0], pair->at[1]))
      continue;
    g->pair[p].fixed = true;
    if (force_next(g, p) != 0) return -1;
  }
  return 0;
}

/* The place of the other side where control is once it is at `i` and the
 * instructions without a partner are behind it. */
static uint32_t partner(const struct agree *g, int side, uint32_t i) {
  const struct agree_side *s = &g->side[side];
  for (; i < s->facts->count; i++)
    if (s->pair_of[i] != AGREE_NONE) return g->pair[s->pair_of[i]].at[!side];
  return AGREE_NONE;
}

/* Where jump `i` of a side goes back to, way k, has to be a pair: with where
 * the same jump of the other side goes, or else with what comes next. */
static void force_head(struct agree *g, int side, uint32_t i, unsigned k,
                       uint32_t head) {
  const struct agree_side *s = &g->side[side], *o = &g->side[!side];
  uint32_t p = s->pair_of[i], next[AGREE_NEXTS], other = AGREE_NONE;
  bool odd;
  if (s->pair_of[head] != AGREE_NONE && p == AGREE_NONE) {
    g->pair[s->pair_of[head]].fixed = true;
    return;
  }
  if (p != AGREE_NONE && k < agree_next(o, g->pair[p].at[!side], next, &odd))
    other = next[k];
  if (other != AGREE_NONE &&
      force(g, side ? other : head, side ? head : other) != AGREE_NONE)
    return;
  if (s->pair_of[head] != AGREE_NONE) {
    g->pair[s->pair_of[head]].fixed = true;
    return;
  }
  other = partner(g, side, head);
  if (other != AGREE_NONE)
    force(g, side ? other : head, side ? head : other);
}

/* Where a jump goes back there is a loop, which has to have a pair. */
static void force_heads(struct agree *g) {
  for (int side = 0; side < 2; side++) {
    const struct agree_side *s = &g->side[side];
    for (uint32_t i = 0; i < s->facts->count; i++) {
      uint32_t next[AGREE_NEXTS];
      bool odd;
      unsigned n = agree_next(s, i, next, &odd);
      for (unsigned k = 0; k < n; k++)
        if (next[k] != AGREE_NONE && next[k] <= i)
          force_head(g, side, i, k, next[k]);
    }
  }
}

static int force_entry(struct agree *g) {
  uint32_t i = insn_at(&g->side[0], g->side[0].program->entry);
  uint32_t j = insn_at(&g->side[1], g->side[1].program->entry);
  if (i == AGREE_NONE || j == AGREE_NONE)
    return agree_no(g, "it begins at no instruction");
  g->entry = force(g, i, j);
  if (g->entry == AGREE_NONE) return agree_no(g, "where it begins");
  return 0;
}

/* ---- which pairs are the same ------------------------------------------- */

static bool boundary_at(const struct agree_side *s, uint32_t i) {
  const struct fisa_boundary *b = &s->program->manifest.boundary;
  return b->kind == FISA_BOUNDARY_PC && b->pc == s->facts->insn[i].pc;
}

static int pc_boundary(struct agree *g) {
  uint32_t i = AGREE_NONE, j = AGREE_NONE;
  const struct fisa_boundary *a = &g->side[0].program->manifest.boundary;
  const struct fisa_boundary *b = &g->side[1].program->manifest.boundary;
  if (a->kind != b->kind) return agree_no(g, "other boundaries");
  if (a->kind != FISA_BOUNDARY_PC) return 0;
  i = insn_at(&g->side[0], a->pc);
  j = insn_at(&g->side[1], b->pc);
  if (i == AGREE_NONE && j == AGREE_NONE) return 0;
  if (i == AGREE_NONE || j == AGREE_NONE || force(g, i, j) == AGREE_NONE)
    return agree_no(g, "its boundary has no place");
  return 0;
}

static bool follows(const struct agree *g, uint32_t p) {
  uint32_t a[AGREE_NEXTS], b[AGREE_NEXTS];
  bool odd_a, odd_b;
  uint32_t i = g->pair[p].at[0], j = g->pair[p].at[1];
  unsigned n = agree_next(&g->side[0], i, a, &odd_a);
  unsigned m = agree_next(&g->side[1], j, b, &odd_b);
  if (n != m || !equal(g, i, j) ||
      boundary_at(&g->side[0], i) != boundary_at(&g->side[1], j))
    return false;
  for (unsigned k = 0; k < n; k++) {
    if (a[k] == AGREE_NONE || b[k] == AGREE_NONE ||
        g->side[0].pair_of[a[k]] == AGREE_NONE ||
        g->side[0].pair_of[a[k]] != g->side[1].pair_of[b[k]])
      return false;
  }
  return true;
}

int agree_pairs_make(struct agree *g) {
  uint32_t n = g->side[0].facts->count + g->side[1].facts->count;
  for (int side = 0; side < 2; side++) {
    struct agree_side *s = &g->side[side];
    s->pair_of = malloc((s->facts->count + 1) * sizeof *s->pair_of);
    if (s->pair_of == NULL) return agree_no(g, "out of memory");
    memset(s->pair_of, 0xFF, (s->facts->count + 1) * sizeof *s->pair_of);
  }
  /* Each instruction is forced into a pair once at most for each way that
   * leads to it. */
  g->pair = calloc(n * 4u + 8, sizeof *g->pair);
  if (g->pair == NULL) return agree_no(g, "out of memory");
  if (match_all(g) != 0 || force_entry(g) != 0 || pc_boundary(g) != 0 ||
      force_barriers(g) != 0)
    return -1;
  force_heads(g);
  for (uint32_t p = 0; p < g->count; p++)
    g->pair[p].same = g->pair[p].kept && follows(g, p);
  return 0;
}
