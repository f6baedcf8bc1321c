/*
 * plugin/kinds_window.c - ReplaceWindow: a run of rows by nothing, or by one.
 *
 * What a window does is seen, not derived: it is run on states that were met
 * where it begins, and so is every row that could stand in its place, with
 * operands that the window or its results name. A row that leaves what is live
 * as the window left it is proposed. So this needs to know of rows only what
 * they may write, and works for machines with registers, flags, stacks or all
 * of them. What holds
 * on a few states may be wrong on others: verifier and trials decide.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/kinds.h"
#include "plugin/vain.h"

enum {
  WINDOW_MAX = 5,    /* rows of a window */
  DUE_SAMPLES = 2,   /* that tell at least what a window changes */
  CELLS = 64,        /* compared at a time */
  NAMED_MAX = 12,    /* registers, or immediates, that it names */
  TRIED_MAX = 1024,  /* rows tried in its place */
  INSN_BYTES = 8,
  CODE_MAX = (WINDOW_MAX + TRIED_MAX) * INSN_BYTES
};

/* The values that operands of a new row are drawn from. */
struct named {
  unsigned count;
  int32_t value[NAMED_MAX];
};

/* Rows of the code that was laid, one behind the other. */
struct part {
  uint32_t rows, pc, end;
};

/* One try: the window laid out, and behind it the rows tried. */
struct try {
  const struct fse_view *v;
  uint32_t first, length;      /* instructions of the view */
  struct part window;          /* the same, laid out */
  const struct fisa_set *live; /* behind the window; NULL: everything */
  struct named registers, immediates;
  unsigned samples;
  struct fisa_state *const *before;      /* [samples] */
  struct fisa_state *after[FSE_SAMPLES]; /* what the window makes of them;
                                            NULL: not asked yet */
  bool lost;                   /* from some sample it does not get through, */
  bool failed;                 /* or no memory */
  struct fisa_set due;         /* live cells that it changes in any of them, */
  bool due_memory, due_stack;  /* and whether it changes these */
  uint64_t key;                /* of all this, for what is in vain */
  struct fisa_state *now;
  uint32_t size, count;        /* code bytes; rows tried */
  uint8_t *code;               /* [CODE_MAX] */
  struct fisa_insn *tried;     /* [TRIED_MAX], pc: in the code */
  struct fisa_program *program;
  struct fir_program *ir;
  struct fir_lane *lane;
};

/* ---- the window --------------------------------------------------------- */

bool fse_computes(const struct fisa_row *row) {
  if (!row->defined || row->opaque || row->keep || row->payload ||
      row->sensitive || row->flow != FISA_FLOW_NEXT ||
      (row->roles & (FISA_ROLE_YIELD | FISA_ROLE_HALT)))
    return false;
  for (unsigned k = 0; k < row->step_count; k++) {
    enum fisa_effect e = fisa_semop_effect(row->steps[k].op);
    if (e == FISA_EFFECT_IN || e == FISA_EFFECT_OUT || e == FISA_EFFECT_CYC)
      return false;
  }
  return true;
}

/* Whether `length` instructions from `first` are one straight run. */
static bool straight(const struct fse_view *v, uint32_t first,
                     uint32_t length) {
  for (uint32_t i = first; i < first + length; i++) {
    if (!fse_plain(v, i) || !fse_computes(v->facts->insn[i].row) ||
        (i > first && (v->facts->is_head[i] ||
                       v->facts->insn[i - 1].pc + v->facts->insn[i - 1].length
                           != v->facts->insn[i].pc)))
      return false;
  }
  return true;
}

static const struct fisa_set *live_behind(const struct fse_view *v,
                                          uint32_t i) {
  uint32_t pc = v->facts->insn[i].pc + v->facts->insn[i].length;
  uint32_t next = pc < v->program->size ? v->facts->index[pc] : UINT32_MAX;
  return next == UINT32_MAX ? NULL : &v->facts->live_in[next];
}

static void name(struct named *n, int32_t value) {
  for (unsigned i = 0; i < n->count; i++)
    if (n->value[i] == value) return;
  if (n->count < NAMED_MAX) n->value[n->count++] = value;
}

static void name_operands(struct try *t) {
  for (uint32_t i = t->first; i < t->first + t->length; i++) {
    const struct fisa_insn *in = &t->v->facts->insn[i];
    for (unsigned k = 0; k < in->row->operand_count; k++) {
      uint8_t kind = in->row->operands[k].kind;
      if (kind == FISA_OPERAND_REG) name(&t->registers, in->value[k]);
      else if (kind != FISA_OPERAND_UNUSED)
        name(&t->immediates, in->value[k]);
    }
  }
}

/* What the window makes: the cells it changes, the top of its stack. */
static void name_results(struct try *t) {
  const struct fisa_dialect *d = t->v->program->dialect;
  const struct fisa_state *a = t->before[0];
  struct fisa_state *b = t->after[0];
  uint32_t depth = fisa_stack_depth(d, b);
  if (depth > 0 && d->stack_file < d->file_count)
    name(&t->immediates, *fisa_stack_cell(d, b, depth - 1));
  for (uint32_t f = 0; f < d->file_count; f++) {
    if (d->files[f].kind != FISA_FILE_REGS) continue;
    for (uint32_t k = 0; k < d->files[f].count; k++) {
      uint32_t cell = d->files[f].first + k;
      if (a->cells[cell] != b->cells[cell])
        name(&t->immediates, b->cells[cell]);
    }
  }
  name(&t->immediates, 0);
  name(&t->immediates, 1);
}

/* ---- rows in its place -------------------------------------------------- */

/* Puts an instruction behind those tried so far. */
static void put(struct try *t, const struct fisa_insn *in) {
  struct fisa_insn laid = *in;
  int length;
  if (t->size + INSN_BYTES > CODE_MAX) return;
  laid.pc = t->size;
  length = fisa_encode(&laid, t->code + t->size);
  if (length <= 0) return;
  if (t->count < TRIED_MAX) t->tried[t->count++] = laid;
  t->size += (uint32_t)length;
}

static const struct named *drawn_from(const struct try *t,
                                      const struct fisa_operand *o) {
  static const struct named nothing = {1, {0}};
  if (o->kind == FISA_OPERAND_REG) return &t->registers;
  return o->kind == FISA_OPERAND_UNUSED ? &nothing : &t->immediates;
}

/* Whether what a row writes depends on an operand. */
static bool writes_operand(const struct fisa_row *row, unsigned k) {
  for (unsigned n = 0; n < row->step_count; n++) {
    const struct fisa_step *s = &row->steps[n];
    const struct fisa_ref *ref[] = {&s->d, &s->a, &s->b, &s->c};
    if (fisa_semop_effect(s->op) == FISA_EFFECT_FILE) return true;
    for (unsigned i = 0; i < 4; i++) {
      const char use = fisa_semop_use(s->op, i);
      if ((use == 'W' || use == 'M') && ref[i]->operand == k &&
          (ref[i]->kind == FISA_REF_REG || ref[i]->kind == FISA_REF_RAW))
        return true;
    }
  }
  return false;
}

/* Whether an instruction may write all that the window changes. */
static bool covers(const struct try *t, const struct fisa_insn *in) {
  struct fisa_effects e;
  uint64_t left;
  fisa_effects(t->v->program->dialect, in, &e);
  left = (t->due_memory && !e.mem_write) || (t->due_stack && !e.stack_write);
  for (unsigned w = 0; w < FISA_SET_WORDS; w++)
    left |= t->due.w[w] & ~e.writes.w[w];
  return left == 0;
}

/* Draws the operands of a row from what is named, one after the other: those
 * that it writes last, and no others for any that do not cover the window. */
struct drawing {
  const struct fisa_row *row;
  const struct named *from[FISA_MAX_OPERANDS];
  unsigned order[FISA_MAX_OPERANDS], reads;
  unsigned at[FISA_MAX_OPERANDS];
};

static bool drawing_begin(const struct try *t, const struct fisa_row *row,
                          struct drawing *d) {
  unsigned n = 0;
  memset(d, 0, sizeof *d);
  d->row = row;
  for (unsigned writes = 0; writes < 2; writes++) {
    for (unsigned k = 0; k < row->operand_count; k++) {
      if (writes_operand(row, k) != (writes > 0)) continue;
      d->order[n++] = k;
      d->from[k] = drawn_from(t, &row->operands[k]);
      if (d->from[k]->count == 0) return false;
    }
    if (writes == 0) d->reads = n;
  }
  return true;
}

/* The next operands from order[from] on; those before begin anew. False: there
 * are no more. *place: the last that changed. */
static bool drawing_next(struct drawing *d, unsigned from, unsigned *place) {
  for (unsigned n = 0; n < from; n++) d->at[d->order[n]] = 0;
  for (unsigned n = from; n < d->row->operand_count; n++) {
    const unsigned k = d->order[n];
    *place = n;
    if (++d->at[k] < d->from[k]->count) return true;
    d->at[k] = 0;
  }
  return false;
}

/* A row with all its operands drawn from what is named. */
static void put_row(struct try *t, const struct fisa_row *row) {
  struct fisa_insn in = {.row = row, .length = row->length,
                         .target = FISA_NO_TARGET};
  struct drawing d;
  unsigned place = FISA_MAX_OPERANDS, from = 0;
  if (!drawing_begin(t, row, &d)) return;
  do {
    bool fits = true;
    for (unsigned k = 0; k < row->operand_count; k++) {
      in.value[k] = d.from[k]->value[d.at[k]];
      fits = fits && in.value[k] >= row->operands[k].lo &&
             in.value[k] <= row->operands[k].hi;
    }
    from = place >= d.reads && !covers(t, &in) ? d.reads : 0;
    if (fits && from == 0) put(t, &in);
  } while (t->count < TRIED_MAX && drawing_next(&d, from, &place));
}

/* Cells that a row pushes less those it pops; what it finds empty counts. */
static int depth_change(const struct fisa_row *row) {
  int n = 0;
  for (unsigned k = 0; k < row->step_count; k++) {
    if (fisa_semop_effect(row->steps[k].op) != FISA_EFFECT_STACK) continue;
    n += fisa_semop_use(row->steps[k].op, 0) == 'W' ? -1 : 1;
  }
  return n;
}

/* How many operands of a row say something. */
static unsigned telling(const struct fisa_row *row) {
  unsigned n = 0;
  for (unsigned k = 0; k < row->operand_count; k++)
    n += row->operands[k].kind != FISA_OPERAND_UNUSED;
  return n;
}

/* All rows that cost less than the window and move the stack as it does, the
 * plainest first: a copy before an OR of a register with itself. */
static void put_rows(struct try *t) {
  const struct fse_lexicon *l = t->v->lexicon;
  const struct fisa_dialect *d = l->dialect;
  uint32_t cost = 0;
  int depth = (int)fisa_stack_depth(d, t->after[0]) -
              (int)fisa_stack_depth(d, t->before[0]);
  for (uint32_t i = t->first; i < t->first + t->length; i++)
    cost += t->v->facts->insn[i].row->cost;
  for (unsigned n = 0; n <= FISA_MAX_OPERANDS; n++)
    for (unsigned i = 0; i < 256; i++) {
      const struct fisa_row *row = &d->rows[i];
      if (l->usable[i] && !l->denied[i] && telling(row) == n &&
          fse_computes(row) && !(row->roles & FISA_ROLE_NOP) &&
          row->cost < cost && depth_change(row) == depth)
        put_row(t, row);
    }
}

/* ---- running ------------------------------------------------------------ */

/* Runs rows from a state. False: they do not get through. */
static bool run(struct try *t, const struct fisa_state *from,
                const struct part *part, struct fisa_state *s) {
  struct fir_limits limits = {.fuel = part->rows, .stop_at_yield = true};
  fisa_state_copy(s, from);
  s->pc = part->pc;
  s->cycles = 0;
  fir_run(t->ir, t->lane, s, NULL, limits);
  return s->pc == part->end && s->status != FISA_RUN_FAULT;
}

static bool scratch_byte(const struct fisa_manifest *m, uint32_t at) {
  for (uint32_t i = 0; i < m->scratch_count; i++)
    if (at >= m->scratch[i].first &&
        at - m->scratch[i].first < m->scratch[i].count)
      return true;
  return false;
}

static bool same_memory(const struct try *t, const struct fisa_state *a,
                        const struct fisa_state *b) {
  const struct fisa_manifest *m = &t->v->program->manifest;
  for (uint32_t p = 0; p < a->mem_size / FISA_PAGE; p++) {
    const uint8_t *x = a->mem + p * FISA_PAGE, *y = b->mem + p * FISA_PAGE;
    if (!((a->dirty[p / 64] | b->dirty[p / 64]) >> p % 64 & 1) ||
        memcmp(x, y, FISA_PAGE) == 0)
      continue;
    for (uint32_t k = 0; k < FISA_PAGE; k++)
      if (x[k] != y[k] && !scratch_byte(m, p * FISA_PAGE + k)) return false;
  }
  return true;
}

/* Whether a cell counts behind the window; those of stacks do by depth. */
static bool counts(const struct try *t, uint32_t cell) {
  bool live = t->live == NULL ||
              (cell < FISA_SET_WORDS * 64u &&
               (t->live->w[cell / 64] >> cell % 64 & 1));
  return live && !fse_stack_cell(t->v->program->dialect, cell);
}

static bool same_stack(const struct try *t, struct fisa_state *a,
                       struct fisa_state *b) {
  const struct fisa_dialect *d = t->v->program->dialect;
  uint32_t depth = fisa_stack_depth(d, a);
  if (depth != fisa_stack_depth(d, b)) return false;
  for (uint32_t k = 0; k < depth; k++)
    if (*fisa_stack_cell(d, a, k) != *fisa_stack_cell(d, b, k)) return false;
  return true;
}

/* The first cell from c on that counts and is not the same, or how many there
 * are. */
static uint32_t other_cell(const struct try *t, const struct fisa_state *a,
                           const struct fisa_state *b, uint32_t c) {
  while (c < a->cell_count) {
    uint32_t end = (c / CELLS + 1) * CELLS;
    if (end > a->cell_count) end = a->cell_count;
    if (memcmp(&a->cells[c], &b->cells[c],
               (end - c) * sizeof a->cells[0]) == 0) {
      c = end;
      continue;
    }
    for (; c < end; c++)
      if (a->cells[c] != b->cells[c] && counts(t, c)) return c;
  }
  return a->cell_count;
}

/* Whether two states agree in all that is live behind the window. */
static bool agree(const struct try *t, struct fisa_state *a,
                  struct fisa_state *b) {
  return same_stack(t, a, b) && other_cell(t, a, b, 0) == a->cell_count &&
         same_memory(t, a, b);
}

/* Notes what the window changes, a to b. */
static void note_due(struct try *t, struct fisa_state *a,
                     struct fisa_state *b) {
  const struct fisa_dialect *d = t->v->program->dialect;
  const uint32_t most = FISA_SET_WORDS * 64u;
  for (uint32_t c = other_cell(t, a, b, 0); c < a->cell_count && c < most;
       c = other_cell(t, a, b, c + 1))
    t->due.w[c / 64] |= UINT64_C(1) << c % 64;
  t->due_memory |= !same_memory(t, a, b);
  t->due_stack |= fisa_stack_depth(d, a) == fisa_stack_depth(d, b) &&
                  !same_stack(t, a, b);
}

/* Whether the window gets through from sample k; then after[k] is there. */
static bool has_after(struct try *t, unsigned k) {
  struct fisa_state *s;
  if (t->lost || t->after[k] != NULL) return !t->lost;
  s = fisa_state_new(t->v->program->dialect);
  t->failed = s == NULL;
  t->lost = s == NULL || !run(t, t->before[k], &t->window, s);
  if (t->lost) fisa_state_free(s);
  else t->after[k] = s;
  return !t->lost;
}

static bool changes_nothing(struct try *t) {
  for (unsigned k = 0; k < t->samples; k++)
    if (!has_after(t, k) || !agree(t, t->before[k], t->after[k])) return false;
  return true;
}

/* Whether rows do what the window does. */
static bool serves(struct try *t, const struct part *part) {
  for (unsigned k = 0; k < t->samples; k++)
    if (!has_after(t, k) || !run(t, t->before[k], part, t->now) ||
        !agree(t, t->after[k], t->now))
      return false;
  return true;
}

/* ---- one site ----------------------------------------------------------- */

static void try_done(struct try *t) {
  for (unsigned k = 0; k < FSE_SAMPLES; k++) fisa_state_free(t->after[k]);
  fisa_state_free(t->now);
  fir_free(t->ir);
  fisa_program_free(t->program);
  fir_lane_free(t->lane);
  free(t->tried);
  free(t->code);
}

static bool lower(struct try *t) {
  fir_free(t->ir);
  fisa_program_free(t->program);
  t->ir = NULL;
  t->program = NULL;
  return fisa_program_from_bytes(t->v->program->dialect, t->code, t->size,
                                 &t->program, NULL) == 0 &&
         fir_lower(t->program, &t->ir, NULL) == 0;
}

/* The rows that there are, the window, what counts behind it, and the states
 * that it is run from. */
static uint64_t key_of(const struct try *t) {
  const struct fisa_manifest *m = &t->v->program->manifest;
  uint64_t h = fse_mix_bytes(t->v->lexicon->key, m->scratch,
                             m->scratch_count * sizeof m->scratch[0]);
  h = fse_mix_rows(h, t->v->program, &t->v->facts->insn[t->first], t->length);
  h = fse_mix(h, t->live != NULL);
  if (t->live != NULL) h = fse_mix_bytes(h, t->live, sizeof *t->live);
  for (unsigned k = 0; k < t->samples; k++)
    h = fse_mix_state(h, t->before[k]);
  return h;
}

/* Lays the window out and runs it on the samples. */
static bool begin(struct try *t) {
  const struct fisa_dialect *d = t->v->program->dialect;
  t->before = fse_profile_samples(t->v->profile, t->first, &t->samples);
  if (t->samples == 0) return false;
  t->live = live_behind(t->v, t->first + t->length - 1);
  t->key = key_of(t);
  if (fse_vain_known(t->v->vain, t->key)) return false;
  t->code = malloc(CODE_MAX);
  t->tried = malloc(TRIED_MAX * sizeof *t->tried);
  t->lane = fir_lane_new();
  t->now = fisa_state_new(d);
  if (!t->code || !t->tried || !t->lane || !t->now) return false;
  for (uint32_t i = 0; i < t->length; i++)
    put(t, &t->v->facts->insn[t->first + i]);
  if (t->count != t->length || !lower(t)) return false;
  t->window = (struct part){t->length, 0, t->size};
  for (unsigned k = 0; k < t->samples && k < DUE_SAMPLES; k++) {
    if (!has_after(t, k)) return false;
    note_due(t, t->before[k], t->after[k]);
  }
  return true;
}

/* Finds what serves in place of the window: 0 nothing is needed, 1 *found
 * does, -1 neither. */
static int look(struct try *t, struct fisa_insn *found) {
  uint32_t first = t->count;
  if (changes_nothing(t)) return 0;
  name_operands(t);
  name_results(t);
  put_rows(t);
  if (t->count > first && !lower(t)) return -1;
  for (uint32_t i = first; i < t->count && !t->lost; i++) {
    const struct fisa_insn *in = &t->tried[i];
    const struct part one = {1, in->pc, in->pc + in->length};
    if (!serves(t, &one)) continue;
    *found = t->tried[i];
    return 1;
  }
  if (!t->failed) fse_vain_note(t->v->vain, t->key);
  return -1;
}

uint32_t fse_window_sites(const struct fse_view *v) {
  return v->facts->count * WINDOW_MAX;
}

int fse_window_apply(const struct fse_view *v, uint32_t site,
                     struct fse_draft *d, struct fse_proposal *out) {
  struct try t = {.v = v, .first = site / WINDOW_MAX,
                  .length = site % WINDOW_MAX + 1};
  struct fisa_insn found;
  int rows = -1;
  assert(t.first < v->facts->count);
  if (t.first + t.length > v->facts->count ||
      !straight(v, t.first, t.length))
    return -1;
  if (begin(&t)) rows = look(&t, &found);
  try_done(&t);
  if (rows < 0 ||
      (rows == 1 && fse_draft_replace(d, t.first, found.row, found.value,
                                      FSE_NO_NODE) != 0))
    return -1;
  for (uint32_t i = t.first + (uint32_t)rows; i < t.first + t.length; i++)
    if (fse_draft_remove(d, i) != 0) return -1;
  out->value = (int32_t)t.length;
  return fse_propose(d, v, out, (uint32_t)rows, v->facts->insn[t.first].pc);
}

/* What it needs is rows that can be run; a dialect has those or none. */
bool fse_window_available(const struct fse_lexicon *l) {
  return fse_can_edit(l);
}

void fse_window_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the run of rows at %u is %s", p->pc,
           p->way == 0 ? "not needed" : "one row");
}
