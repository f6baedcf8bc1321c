/*
 * plugin/prove_wire.c - questions and answers as text.
 *
 * A message is lines of words and ends in the line "end". Ops go by name, so
 * that two builds that number them in different ways mean the same. Both
 * sides read what the other wrote as if it were hostile: what is read has
 * passed prove_check, or is refused.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "plugin/prove_impl.h"

#define MOST_SPANS 4096u
#define MOST_VALUES 65536u

/* ---- questions that are one --------------------------------------------- */

bool prove_stack_cell(const struct fisa_dialect *d, uint32_t cell) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].kind == FISA_FILE_STACK && cell >= d->files[f].first &&
        cell - d->files[f].first < d->files[f].count)
      return true;
  return false;
}

bool prove_asked(const struct fisa_dialect *d, const struct fisa_set *s,
                 uint32_t cell) {
  return cell == d->sp_cell || cell == d->calls_cell || prove_in(s, cell);
}

/* Ops that a piece may hold; what a prover makes of each is its own. */
bool prove_allowed(unsigned op) {
#define CASE(ID, meaning) case FLUX_OP_##ID:
#define GUARD(ID, meaning) case FIR_G_##ID:
  switch (op) {
    FSEM_VALUES(CASE)
    FSEM_LOADS(CASE)
    FSEM_STORES(CASE)
    FSEM_BRANCHES(CASE)
    FSEM_GUARDS(GUARD)
    case FLUX_OP_NOP:
    case FLUX_OP_SWAP:
    case FLUX_OP_DIV:
    case FLUX_OP_CHECK:
    case FLUX_OP_PUSH:
    case FLUX_OP_POP:
    case FLUX_OP_POPZ:
    case FLUX_OP_DROP:
    case FLUX_OP_FOLD:
    case FLUX_OP_INPUT:
    case FLUX_OP_EMIT:
    case FLUX_OP_JUMP:
    case FLUX_OP_BR_DEC_GTZ:
    case FLUX_OP_BR_GTZ_DEC:
    case FLUX_OP_HALT:
    case FLUX_OP_TRAP:
    case FIR_GOTO:
    case FIR_END:
    case FIR_FAULT:
    case FIR_TICK:
    case FIR_PEEK:
    case FIR_SIGNS:
    case FIR_ADD_SIGNS:
    case FIR_SUB_SIGNS:
    case FIR_G_STACK_FULL:
    case FIR_G_STACK_EMPTY:
    case FIR_G_STACK_FEW:
      return true;
    default:
      return false;
  }
#undef CASE
#undef GUARD
}

bool prove_jumps(unsigned op) {
#define CASE(ID, meaning) case FLUX_OP_##ID:
  switch (op) {
    FSEM_BRANCHES(CASE)
    case FLUX_OP_JUMP:
    case FLUX_OP_BR_DEC_GTZ:
    case FLUX_OP_BR_GTZ_DEC:
    case FIR_GOTO:
      return true;
    default:
      return false;
  }
#undef CASE
}

bool prove_goes_on(unsigned op) {
  switch (op) {
    case FLUX_OP_JUMP:
    case FLUX_OP_CALL:
    case FLUX_OP_RET:
    case FLUX_OP_HALT:
    case FLUX_OP_TRAP:
    case FIR_GOTO:
    case FIR_END:
    case FIR_FAULT:
    case FIR_JUMP_REG:
      return false;
    default:
      return true;
  }
}

static bool readable(const struct fir_program *p, int64_t cell) {
  return cell >= 0 && cell < p->cell_count &&
         (cell >= p->state_cells || !prove_stack_cell(p->dialect,
                                                      (uint32_t)cell));
}

static bool writable(const struct fir_program *p, int64_t cell) {
  return readable(p, cell) && cell != p->zero && cell < p->pool_first;
}

/* The cells of an op; nothing but these is ever touched by it. */
static bool cells_fit(const struct fir_program *p, const struct fir_ins *n) {
  bool fit = readable(p, n->a) && readable(p, n->b) &&
             n->c < p->cell_count && n->d < p->cell_count;
  const uint16_t cell[4] = {n->d, n->a, n->b, n->c};
  switch (n->op) {
    case FIR_G_STACK_FEW:
      return fit;
    case FIR_TICK:
    case FIR_PEEK:
      return fit && writable(p, n->d);
    case FIR_ADD_SIGNS:
    case FIR_SUB_SIGNS:
      return fit && writable(p, n->d) && writable(p, n->c) &&
             writable(p, n->imm);
    case FIR_SIGNS:
      return fit && writable(p, n->d) && writable(p, n->c);
    default:
      break;
  }
  for (unsigned i = 0; i < 4 && n->op < FLUX_OP_COUNT; i++) {
    char use = fisa_semop_use(n->op, i);
    if (use == 'R' && !readable(p, cell[i])) return false;
    if ((use == 'W' || use == 'M') && !writable(p, cell[i])) return false;
  }
  return fit;
}

static int check_piece(const struct fse_question *q, int side,
                       struct fisa_error *err) {
  const struct fir_program *p = q->piece[side];
  const struct fisa_dialect *d = p->dialect;
  if (p->count == 0 || p->count > FSE_PIECE_OPS)
    return fisa_fail(err, "a piece of %u ops", p->count);
  if (p->state_cells != d->cell_count || p->zero < p->state_cells ||
      p->zero >= p->pool_first || p->pool_first > p->cell_count ||
      p->cell_count - p->pool_first != p->pool_count)
    return fisa_fail(err, "cells in an order that is not one");
  for (uint32_t i = 0; i < p->count; i++) {
    const struct fir_ins *n = &p->ins[i];
    if (!prove_allowed(n->op))
      return fisa_fail(err, "%s has no term", fir_op_name(n->op));
    if (!cells_fit(p, n)) return fisa_fail(err, "op %u: a cell", i);
    if ((prove_goes_on(n->op) && i + 1 == p->count) ||
        (prove_jumps(n->op) && (n->target <= i || n->target >= p->count)))
      return fisa_fail(err, "op %u: where it goes on", i);
    if (n->op == FLUX_OP_HALT && n->imm >= FSE_EXIT &&
        (uint32_t)(n->imm - FSE_EXIT) >= q->exit_count)
      return fisa_fail(err, "op %u: no such exit", i);
    if (n->op == FLUX_OP_EMIT && ((uint32_t)n->imm >> 16) > FISA_MAX_ARGS)
      return fisa_fail(err, "op %u: arguments", i);
    if ((n->op == FIR_PEEK || n->op == FLUX_OP_DROP ||
         n->op == FLUX_OP_FOLD) && (n->imm < 0 || n->imm > 255))
      return fisa_fail(err, "op %u: a count", i);
  }
  return 0;
}

static bool spans_fit(const struct fisa_dialect *d,
                      const struct fse_span *span, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (span[i].count > d->mem_size ||
        span[i].first > d->mem_size - span[i].count)
      return false;
  return count <= MOST_SPANS;
}

int prove_check(const struct fse_question *q, struct fisa_error *err) {
  const struct fisa_dialect *d = q->piece[0]->dialect;
  if (d != q->piece[1]->dialect) return fisa_fail(err, "two dialects");
  if (q->exit_count > FSE_EXITS_MAX) return fisa_fail(err, "too many exits");
  if (!spans_fit(d, q->span, q->span_count) ||
      !spans_fit(d, q->end_span, q->end_span_count))
    return fisa_fail(err, "memory outside the machine's");
  for (uint32_t i = 0; i < q->known_count; i++)
    if (q->known[i].cell >= d->cell_count || q->known[i].lo > q->known[i].hi ||
        prove_stack_cell(d, q->known[i].cell))
      return fisa_fail(err, "what is known of no cell");
  if (check_piece(q, 0, err) != 0) return -1;
  return check_piece(q, 1, err);
}

/* ---- a question written ------------------------------------------------- */

static void put_set(struct isa_buf *b, const char *word,
                    const struct fisa_set *s) {
  isa_buf_str(b, word);
  for (int w = 0; w < FISA_SET_WORDS; w++)
    isa_buf_printf(b, " %" PRIx64, s->w[w]);
  isa_buf_char(b, '\n');
}

static void put_spans(struct isa_buf *b, const char *word,
                      const struct fse_span *span, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    isa_buf_printf(b, "%s %u %u\n", word, span[i].first, span[i].count);
}

static void put_machine(struct isa_buf *b, const struct fisa_dialect *d) {
  isa_buf_printf(b, "machine %u %u %u %u %u\n", d->mem_size, d->cell_count,
                 d->file_count, d->sp_cell, d->calls_cell);
  isa_buf_printf(b, "stacks %u %u\n", d->stack_file, d->calls_file);
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *x = &d->files[f];
    isa_buf_printf(b, "file %u %u %u %u %u\n", x->kind, x->first, x->count,
                   x->tick, x->down);
  }
}

static void put_piece(struct isa_buf *b, const struct fir_program *p) {
  isa_buf_printf(b, "piece %u %u %u %u %u %u\n", p->count, p->cell_count,
                 p->zero, p->pool_first, p->ticks, p->stack);
  for (uint32_t i = 0; i < p->pool_count; i++)
    isa_buf_printf(b, "pool %d\n", p->pool[i]);
  for (uint32_t i = 0; i < p->count; i++) {
    const struct fir_ins *n = &p->ins[i];
    isa_buf_printf(b, "op %s %u %u %u %u %d %u %u\n", fir_op_name(n->op),
                   n->d, n->a, n->b, n->c, n->imm, n->target, n->row >> 31);
  }
}

void prove_write_question(struct isa_buf *b, const struct fse_question *q,
                          uint64_t id, uint64_t work) {
  isa_buf_printf(b, "flux-prove %d ask %" PRIu64 " %" PRIu64 "\n",
                 PROVE_VERSION, id, work);
  put_machine(b, q->piece[0]->dialect);
  put_set(b, "live", &q->live);
  put_set(b, "observed", &q->observed);
  isa_buf_printf(b, "endstack %d\n", q->end_stack);
  for (uint32_t i = 0; i < q->known_count; i++)
    isa_buf_printf(b, "known %u %d %d\n", q->known[i].cell, q->known[i].lo,
                   q->known[i].hi);
  put_spans(b, "span", q->span, q->span_count);
  put_spans(b, "endspan", q->end_span, q->end_span_count);
  for (uint32_t i = 0; i < q->exit_count; i++)
    put_set(b, "exit", &q->exit_live[i]);
  put_piece(b, q->piece[0]);
  put_piece(b, q->piece[1]);
  isa_buf_str(b, "end\n");
}

/* ---- lines and words ---------------------------------------------------- */

struct reader {
  const char *at;           /* behind the line being read */
  char line[PROVE_LINE];
  char *word;               /* rest of it */
  bool bad;
};

static bool next_line(struct reader *r) {
  size_t n = strcspn(r->at, "\n");
  if (r->at[n] != '\n' || n >= sizeof r->line) {
    r->bad = true;
    return false;
  }
  memcpy(r->line, r->at, n);
  r->line[n] = '\0';
  r->at += n + 1;
  r->word = r->line;
  return true;
}

/* The next word of the line, "" at its end. */
static const char *next_word(struct reader *r) {
  char *w = r->word;
  size_t n = strcspn(w, " ");
  r->word = w[n] == ' ' ? w + n + 1 : w + n;
  w[n] = '\0';
  return w;
}

static bool digits(const char *w, const char *set) {
  return *w != '\0' && strlen(w) <= 20 && w[strspn(w, set)] == '\0';
}

static uint64_t next_u64(struct reader *r) {
  const char *w = next_word(r);
  if (!digits(w, "0123456789")) r->bad = true;
  return r->bad ? 0 : strtoull(w, NULL, 10);
}

static uint64_t next_hex(struct reader *r) {
  const char *w = next_word(r);
  if (!digits(w, "0123456789abcdef") || strlen(w) > 16) r->bad = true;
  return r->bad ? 0 : strtoull(w, NULL, 16);
}

static uint32_t next_u32(struct reader *r, uint32_t most) {
  uint64_t v = next_u64(r);
  if (v > most) r->bad = true;
  return r->bad ? 0 : (uint32_t)v;
}

static int32_t next_i32(struct reader *r) {
  const char *w = next_word(r);
  bool minus = *w == '-';
  long long v;
  if (!digits(w + minus, "0123456789") || strlen(w) > 11) r->bad = true;
  v = r->bad ? 0 : strtoll(w, NULL, 10);
  if (v < INT32_MIN || v > INT32_MAX) r->bad = true;
  return r->bad ? 0 : (int32_t)v;
}

static bool line_is(struct reader *r, const char *word) {
  const char *w = next_word(r);
  if (strcmp(w, word) != 0) r->bad = true;
  return !r->bad;
}

/* Whether the line that comes next begins with a word. */
static bool comes(const struct reader *r, const char *word) {
  size_t n = strlen(word);
  return strncmp(r->at, word, n) == 0 && (r->at[n] == ' ' || r->at[n] == '\n');
}

static bool line_ends(struct reader *r) {
  if (*r->word != '\0') r->bad = true;
  return !r->bad;
}

/* ---- a question read ---------------------------------------------------- */

static void take_set(struct reader *r, const char *word, struct fisa_set *s) {
  if (!next_line(r) || !line_is(r, word)) return;
  for (int w = 0; w < FISA_SET_WORDS; w++) s->w[w] = next_hex(r);
  line_ends(r);
}

/* All lines "word first count" that come. */
static void take_spans(struct reader *r, const char *word,
                       struct fse_span **out, uint32_t *count) {
  while (!r->bad && comes(r, word)) {
    struct fse_span *more = realloc(*out, (*count + 1) * sizeof *more);
    if (more == NULL || *count == MOST_SPANS) r->bad = true;
    if (more != NULL) *out = more;
    if (r->bad || !next_line(r)) return;
    next_word(r);
    more[*count].first = next_u32(r, FISA_MAX_MEM);
    more[*count].count = next_u32(r, FISA_MAX_MEM);
    (*count)++;
    line_ends(r);
  }
}

static void take_known(struct reader *r, struct prove_asked_for *a) {
  while (!r->bad && comes(r, "known")) {
    uint32_t n = a->q.known_count;
    struct fse_known *more = realloc(a->known, (n + 1) * sizeof *more);
    if (more == NULL || n == FISA_MAX_CELLS) r->bad = true;
    if (more != NULL) a->known = more;
    if (r->bad || !next_line(r)) return;
    next_word(r);
    more[n].cell = (uint16_t)next_u32(r, UINT16_MAX);
    more[n].lo = next_i32(r);
    more[n].hi = next_i32(r);
    a->q.known_count++;
    line_ends(r);
  }
}

static void take_exits(struct reader *r, struct prove_asked_for *a) {
  a->exit_live = calloc(FSE_EXITS_MAX, sizeof *a->exit_live);
  if (a->exit_live == NULL) r->bad = true;
  while (!r->bad && comes(r, "exit")) {
    if (a->q.exit_count == FSE_EXITS_MAX) {
      r->bad = true;
      return;
    }
    take_set(r, "exit", &a->exit_live[a->q.exit_count++]);
  }
}

static void take_file(struct reader *r, struct fisa_file *f, uint32_t cells) {
  if (!next_line(r) || !line_is(r, "file")) return;
  f->kind = (uint8_t)next_u32(r, FISA_FILE_STACK);
  f->first = (uint16_t)next_u32(r, cells);
  f->count = (uint16_t)next_u32(r, cells);
  f->tick = next_u32(r, 1);
  f->down = next_u32(r, 1);
  if (f->count > cells - f->first) r->bad = true;
  line_ends(r);
}

static void take_machine(struct reader *r, struct fisa_dialect *d) {
  if (!next_line(r) || !line_is(r, "machine")) return;
  d->mem_size = next_u32(r, FISA_MAX_MEM);
  d->cell_count = next_u32(r, FISA_MAX_CELLS);
  d->file_count = next_u32(r, FISA_MAX_FILES);
  d->sp_cell = (uint16_t)next_u32(r, UINT16_MAX);
  d->calls_cell = (uint16_t)next_u32(r, UINT16_MAX);
  if (!line_ends(r) || !next_line(r) || !line_is(r, "stacks")) return;
  d->stack_file = (uint16_t)next_u32(r, UINT16_MAX);
  d->calls_file = (uint16_t)next_u32(r, UINT16_MAX);
  line_ends(r);
  for (uint32_t f = 0; f < d->file_count && !r->bad; f++)
    take_file(r, &d->files[f], d->cell_count);
  if ((d->mem_size & (d->mem_size - 1)) != 0 ||
      (d->stack_file < d->file_count && d->sp_cell >= d->cell_count) ||
      (d->calls_file < d->file_count && d->calls_cell >= d->cell_count))
    r->bad = true;
}

/* The op of a name, or FIR_OP_COUNT. */
static unsigned op_named(const char *name) {
  unsigned op = 0;
  while (op < FIR_OP_COUNT && strcmp(fir_op_name(op), name) != 0) op++;
  return op;
}

static void take_op(struct reader *r, struct fir_ins *n) {
  unsigned op;
  if (!next_line(r) || !line_is(r, "op")) return;
  op = op_named(next_word(r));
  if (op == FIR_OP_COUNT) {
    r->bad = true;
    return;
  }
  n->op = (uint16_t)op;
  n->d = (uint16_t)next_u32(r, UINT16_MAX);
  n->a = (uint16_t)next_u32(r, UINT16_MAX);
  n->b = (uint16_t)next_u32(r, UINT16_MAX);
  n->c = (uint16_t)next_u32(r, UINT16_MAX);
  n->imm = next_i32(r);
  n->target = next_u32(r, UINT32_MAX);
  n->row = next_u32(r, 1) ? FIR_FIRST : 0;
  line_ends(r);
}

static void take_piece(struct reader *r, struct fir_program *p) {
  if (!next_line(r) || !line_is(r, "piece")) return;
  p->count = next_u32(r, FSE_PIECE_OPS);
  p->cell_count = next_u32(r, UINT16_MAX);
  p->zero = (uint16_t)next_u32(r, UINT16_MAX);
  p->pool_first = next_u32(r, UINT16_MAX);
  p->ticks = next_u32(r, 1);
  p->stack = next_u32(r, 1);
  p->state_cells = p->dialect->cell_count;
  if (!line_ends(r) || p->pool_first > p->cell_count) {
    r->bad = true;
    return;
  }
  p->pool_count = p->cell_count - p->pool_first;
  p->pool = calloc(p->pool_count + 1, sizeof *p->pool);
  p->ins = calloc(p->count + 1, sizeof *p->ins);
  if (p->pool == NULL || p->ins == NULL) r->bad = true;
  for (uint32_t i = 0; i < p->pool_count && !r->bad; i++) {
    if (!next_line(r) || !line_is(r, "pool")) return;
    p->pool[i] = next_i32(r);
    line_ends(r);
  }
  for (uint32_t i = 0; i < p->count && !r->bad; i++) take_op(r, &p->ins[i]);
}

void prove_asked_for_done(struct prove_asked_for *a) {
  for (int side = 0; side < 2; side++) {
    free(a->piece[side].pool);
    free(a->piece[side].ins);
  }
  free(a->exit_live);
  free(a->known);
  free(a->span);
  free(a->end_span);
  free(a->dialect);
  memset(a, 0, sizeof *a);
}

static void take_question(struct reader *r, struct prove_asked_for *a) {
  take_machine(r, a->dialect);
  take_set(r, "live", &a->q.live);
  take_set(r, "observed", &a->q.observed);
  if (r->bad || !next_line(r) || !line_is(r, "endstack")) return;
  a->q.end_stack = next_u32(r, 1);
  line_ends(r);
  take_known(r, a);
  take_spans(r, "span", &a->span, &a->q.span_count);
  take_spans(r, "endspan", &a->end_span, &a->q.end_span_count);
  take_exits(r, a);
  for (int side = 0; side < 2 && !r->bad; side++) {
    a->piece[side].dialect = a->dialect;
    a->q.piece[side] = &a->piece[side];
    take_piece(r, &a->piece[side]);
  }
  if (r->bad || !next_line(r) || !line_is(r, "end")) return;
  line_ends(r);
}

int prove_read_question(const char *text, struct prove_asked_for *out,
                        struct fisa_error *err) {
  struct reader *r = calloc(1, sizeof *r);
  memset(out, 0, sizeof *out);
  out->dialect = calloc(1, sizeof *out->dialect);
  if (r == NULL || out->dialect == NULL) {
    free(r);
    prove_asked_for_done(out);
    return fisa_fail(err, "out of memory");
  }
  r->at = text;
  if (next_line(r) && line_is(r, "flux-prove") &&
      next_u32(r, 1000) == PROVE_VERSION && line_is(r, "ask")) {
    out->id = next_u64(r);
    out->work = next_u64(r);
    if (line_ends(r)) take_question(r, out);
    out->q.exit_live = out->exit_live;
    out->q.known = out->known;
    out->q.span = out->span;
    out->q.end_span = out->end_span;
  } else {
    r->bad = true;
  }
  int rc = 0;
  if (r->bad)
    rc = fisa_fail(err, "a question that cannot be read");
  else if (prove_check(&out->q, err) != 0)
    rc = -1;
  free(r);
  if (rc != 0) {
    uint64_t id = out->id; /* it is answered all the same */
    prove_asked_for_done(out);
    out->id = id;
  }
  return rc;
}

/* ---- answers ------------------------------------------------------------ */

static const char *const proofs[] = {"proved", "refuted", "unproved"};
static const char *const whats[] = {"cell", "byte", "input"};

void prove_write_answer(struct isa_buf *b, const struct prove_said *said) {
  assert((unsigned)said->proof < 3);
  isa_buf_printf(b, "flux-prove %d answer %" PRIu64 " %s %" PRIu64 "\n",
                 PROVE_VERSION, said->id, proofs[said->proof], said->work);
  if (said->proof == FSE_UNPROVED)
    isa_buf_printf(b, "reason %.120s\n", said->reason);
  for (uint32_t i = 0; i < said->count; i++) {
    const struct prove_value *v = &said->value[i];
    isa_buf_printf(b, "%s %u %u %d\n", whats[v->what], v->side, v->at,
                   v->value);
  }
  isa_buf_str(b, "end\n");
}

static void take_values(struct reader *r, struct prove_said *out) {
  while (!r->bad && !comes(r, "end")) {
    struct prove_value v = {0};
    const char *word;
    if (!next_line(r)) return;
    word = next_word(r);
    while (v.what < 3 && strcmp(word, whats[v.what]) != 0) v.what++;
    v.side = (uint8_t)next_u32(r, 2);
    v.at = next_u32(r, UINT32_MAX);
    v.value = next_i32(r);
    if (v.what == 3 || out->count == MOST_VALUES || !line_ends(r)) {
      r->bad = true;
      return;
    }
    if ((out->count & (out->count - 1)) == 0) {
      size_t room = out->count ? out->count * 2 : 1;
      struct prove_value *more = realloc(out->value, room * sizeof *more);
      if (more == NULL) r->bad = true;
      if (more == NULL) return;
      out->value = more;
    }
    out->value[out->count++] = v;
  }
}

static void take_reason(struct reader *r, struct prove_said *out) {
  if (!next_line(r) || !line_is(r, "reason")) return;
  snprintf(out->reason, sizeof out->reason, "%.120s", r->word);
  /* It is shown to people. */
  for (char *c = out->reason; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || (unsigned char)*c > '~') *c = '?';
}

int prove_read_answer(const char *text, uint64_t id, struct prove_said *out,
                      struct fisa_error *err) {
  struct reader *r = calloc(1, sizeof *r);
  const char *word;
  memset(out, 0, sizeof *out);
  if (r == NULL) return fisa_fail(err, "out of memory");
  r->at = text;
  if (!next_line(r) || !line_is(r, "flux-prove") ||
      next_u32(r, 1000) != PROVE_VERSION || !line_is(r, "answer"))
    r->bad = true;
  out->id = r->bad ? 0 : next_u64(r);
  word = r->bad ? "" : next_word(r);
  while (out->proof < 3 && strcmp(word, proofs[out->proof]) != 0)
    out->proof++;
  if (out->proof == 3 || out->id != id) r->bad = true;
  if (!r->bad) out->work = next_u64(r);
  if (!r->bad) line_ends(r);
  if (!r->bad && out->proof == FSE_UNPROVED) take_reason(r, out);
  if (!r->bad && out->proof == FSE_REFUTED) take_values(r, out);
  if (!r->bad && (!next_line(r) || !line_is(r, "end") || !line_ends(r)))
    r->bad = true;
  int rc = r->bad ? fisa_fail(err, "the solver's answer cannot be read") : 0;
  if (r->bad) {
    free(out->value);
    memset(out, 0, sizeof *out);
  }
  free(r);
  return rc;
}
