/*
 * plugin/kinds_tune.c - kinds that change what a program does: TuneThreshold,
 * AdjustDecay, AddInstinct.
 *
 * They are of the other family: the preserving search never asks for them, and
 * what they propose is judged by what the host thinks of the behaviour.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/kinds.h"

/* ---- constants that matter ---------------------------------------------- */

/* How a constant is changed: by one, by two, by an eighth and by a half. */
static const struct delta {
  int32_t plus, part; /* value + plus, or value +- value / part */
} deltas[] = {{1, 0}, {-1, 0}, {2, 0}, {-2, 0},
              {0, 8}, {0, -8}, {0, 2}, {0, -2}};

#define DELTAS ((uint32_t)(sizeof deltas / sizeof deltas[0]))

/* False: the change is none, or a number has no room for it. */
static bool changed(int32_t value, uint32_t way, int32_t *out) {
  const struct delta *by = &deltas[way % DELTAS];
  int64_t to = (int64_t)value + by->plus;
  if (by->part != 0) to += value / by->part;
  if (to == value || to < INT32_MIN || to > INT32_MAX) return false;
  *out = (int32_t)to;
  return true;
}

/* Whether a row compares: by its role, or by what it does. Flags that hold a
 * result against a constant of the table are no comparison. */
static bool compares(const struct fisa_row *row) {
  if (row->roles & FISA_ROLE_THRESHOLD) return true;
  for (unsigned k = 0; k < row->step_count; k++) {
    if (row->steps[k].b.kind == FISA_REF_CONST) continue;
    switch (row->steps[k].op) {
      case FLUX_OP_EQ: case FLUX_OP_NE: case FLUX_OP_LT: case FLUX_OP_LE:
      case FLUX_OP_GT: case FLUX_OP_GE: case FLUX_OP_LTU:
        return true;
      default:
        break;
    }
  }
  return false;
}

static bool decays(const struct fisa_row *row) {
  return (row->roles & FISA_ROLE_DECAY) != 0;
}

/* An immediate operand of a row that is no target, or -1. */
static int immediate(const struct fisa_row *row) {
  for (unsigned k = 0; k < row->operand_count; k++) {
    uint8_t kind = row->operands[k].kind;
    if (kind != FISA_OPERAND_REG && kind != FISA_OPERAND_UNUSED &&
        kind != FISA_OPERAND_PAYLOAD && k != row->target)
      return (int)k;
  }
  return -1;
}

/* A search for a use that is of interest, at once or in a sum. */
struct wanted {
  const struct fse_view *v;
  bool (*of_interest)(const struct fisa_row *row);
  unsigned sums;
  bool found;
};

#define SUMS_MOST 2u  /* "t < 210 - 5": what is compared may be made of two */

static bool is_sum(const struct fisa_row *row) {
  return row->step_count > 0 && (row->steps[0].op == FLUX_OP_ADD ||
                                 row->steps[0].op == FLUX_OP_SUB);
}

static bool look_at(uint32_t node, unsigned operand, void *user) {
  struct wanted *w = user;
  const struct fisa_row *row = w->v->facts->insn[node].row;
  (void)operand;
  w->found = w->of_interest(row);
  if (!w->found && is_sum(row) && w->sums < SUMS_MOST) {
    w->sums++;
    (void)fse_each_use(w->v, node, look_at, w);
    w->sums--;
  }
  return !w->found;
}

/* Whether an instruction's constant is what such a row goes by: its own
 * immediate, or one that it loads for such a row. */
static bool matters(const struct fse_view *v, uint32_t i,
                    bool (*of_interest)(const struct fisa_row *row)) {
  const struct fisa_insn *in = &v->facts->insn[i];
  struct wanted w = {v, of_interest, 0, false};
  struct fse_want load;
  if (!fse_plain(v, i) || immediate(in->row) < 0) return false;
  if (of_interest(in->row)) return true;
  return fse_meaning(v->lexicon, in, &load) && load.op == FLUX_OP_MOV &&
         load.a.constant &&
         v->program->dialect->files[load.d.file].type == FISA_I32 &&
         fse_each_use(v, i, look_at, &w) == 0 && w.found;
}

/* Changes the immediate of instruction i; 0 or -1. */
static int tune(const struct fse_view *v, uint32_t i, uint32_t way,
                struct fse_draft *d, struct fse_proposal *out) {
  const struct fse_node *n = &d->nodes[i];
  int k = immediate(n->insn.row);
  int32_t value[FISA_MAX_OPERANDS], to;
  if (n->dead || k < 0 || !changed(n->insn.value[k], way, &to) ||
      to < n->insn.row->operands[k].lo || to > n->insn.row->operands[k].hi)
    return -1;
  memcpy(value, n->insn.value, sizeof value);
  value[k] = to;
  if (fse_draft_replace(d, i, n->insn.row, value, n->target) != 0) return -1;
  out->pc = v->facts->insn[i].pc;
  out->way = way;
  out->value = to;
  return 0;
}

/* Whether a dialect has such rows, or can load a constant for one. */
static bool has_rows(const struct fse_lexicon *l,
                     bool (*of_interest)(const struct fisa_row *row)) {
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &l->dialect->rows[i];
    if (row->defined && !row->opaque && of_interest(row) &&
        (immediate(row) >= 0 ||
         (fse_can(l, FLUX_OP_MOV) && row->operand_count > 0)))
      return true;
  }
  return false;
}

/* ---- TuneThreshold ------------------------------------------------------ */

bool fse_threshold_available(const struct fse_lexicon *l) {
  return has_rows(l, compares);
}

uint32_t fse_threshold_sites(const struct fse_view *v) {
  return v->facts->count * DELTAS;
}

int fse_threshold_apply(const struct fse_view *v, uint32_t site,
                        struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / DELTAS;
  if (!matters(v, i, compares)) return -1;
  return tune(v, i, site % DELTAS, d, out);
}

void fse_threshold_describe(const struct fse_proposal *p,
                            char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "the threshold at %u becomes %d", p->pc,
           p->value);
}

/* ---- AdjustDecay -------------------------------------------------------- */

/* Beside a factor that is a constant: another row that decays, which has its
 * factor built in. */
#define DECAY_WAYS (DELTAS + 2u)

bool fse_decay_available(const struct fse_lexicon *l) {
  return has_rows(l, decays);
}

uint32_t fse_decay_sites(const struct fse_view *v) {
  return v->facts->count * DECAY_WAYS;
}

/* Whether two rows take the same operands and lie as well in the code. */
static bool alike(const struct fisa_row *a, const struct fisa_row *b) {
  if (a->operand_count != b->operand_count || a->length != b->length ||
      a->flow != b->flow)
    return false;
  for (unsigned k = 0; k < a->operand_count; k++)
    if (a->operands[k].kind != b->operands[k].kind ||
        a->operands[k].files != b->operands[k].files)
      return false;
  return true;
}

/* The nth other row that decays and takes what this one does, or NULL. */
static const struct fisa_row *other_decay(const struct fse_lexicon *l,
                                          const struct fisa_row *row,
                                          unsigned nth) {
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *other = &l->dialect->rows[i];
    if (l->usable[i] && !l->denied[i] && other != row && decays(other) &&
        alike(other, row) && nth-- == 0)
      return other;
  }
  return NULL;
}

int fse_decay_apply(const struct fse_view *v, uint32_t site,
                    struct fse_draft *d, struct fse_proposal *out) {
  uint32_t i = site / DECAY_WAYS, way = site % DECAY_WAYS;
  const struct fisa_row *row = v->facts->insn[i].row;
  if (way < DELTAS)
    return matters(v, i, decays) ? tune(v, i, way, d, out) : -1;
  if (!fse_plain(v, i) || !decays(row)) return -1;
  row = other_decay(v->lexicon, row, way - DELTAS);
  if (row == NULL || fse_draft_replace(d, i, row, d->nodes[i].insn.value,
                                       FSE_NO_NODE) != 0)
    return -1;
  out->pc = v->facts->insn[i].pc;
  out->way = way;
  return 0;
}

void fse_decay_describe(const struct fse_proposal *p, char out[FSE_REASON]) {
  if (p->way < DELTAS)
    snprintf(out, FSE_REASON, "the decay at %u by %d", p->pc, p->value);
  else
    snprintf(out, FSE_REASON, "what decays at %u does so at another rate",
             p->pc);
}

/* ---- AddInstinct -------------------------------------------------------- */

enum {
  SENSES_MAX = 4,      /* sources that are tried, */
  PAIRS_MAX = 16,      /* and pairs of one and a channel */
  LEVELS_MAX = 6,      /* thresholds of a new instinct */
  INSTINCT_WAYS = 2    /* above it, or below */
};

#define NOWHERE 0xFFFF /* of a row: no source, no channel */

static bool listed(const struct fse_policy *p, const char *name) {
  for (uint32_t i = 0; i < p->instinct_count; i++)
    if (strcmp(p->instinct[i], name) == 0) return true;
  return false;
}

/* Rows that sense, and those that act, as a new instinct may use them. */
static bool senses(const struct fse_lexicon *l, const struct fisa_row *row) {
  return row->defined && l->usable[row->opcode] && !l->denied[row->opcode] &&
         (row->roles & FISA_ROLE_SENSE) && row->source != NOWHERE &&
         row->flow == FISA_FLOW_NEXT && fse_def_operand(l, row) >= 0;
}

static bool acts(const struct fse_lexicon *l, const struct fisa_row *row) {
  bool reads = false;
  for (unsigned k = 0; k < row->operand_count; k++)
    reads |= row->operands[k].kind == FISA_OPERAND_REG;
  return reads && row->defined && l->usable[row->opcode] &&
         !l->denied[row->opcode] && (row->roles & FISA_ROLE_ACT) &&
         row->channel != NOWHERE && row->flow == FISA_FLOW_NEXT;
}

bool fse_may_touch(const struct fisa_facts *facts, const struct fse_policy *p,
                   const struct fisa_dialect *d, const struct fisa_row *row) {
  for (uint32_t i = 0; i < facts->count; i++)
    if (facts->insn[i].row == row) return true;
  return (row->source == NOWHERE || listed(p, d->sources[row->source])) &&
         (row->channel == NOWHERE || listed(p, d->channels[row->channel]));
}

static const struct fisa_row *nth_row(
    const struct fse_view *v, unsigned nth,
    bool (*good)(const struct fse_lexicon *l, const struct fisa_row *row)) {
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &v->program->dialect->rows[i];
    if (good(v->lexicon, row) &&
        fse_may_touch(v->facts, v->policy, v->program->dialect, row) &&
        nth-- == 0)
      return row;
  }
  return NULL;
}

static bool any(const struct fse_lexicon *l,
                bool (*good)(const struct fse_lexicon *l,
                             const struct fisa_row *row)) {
  for (unsigned i = 0; i < 256; i++)
    if (good(l, &l->dialect->rows[i])) return true;
  return false;
}

bool fse_instinct_available(const struct fse_lexicon *l) {
  return any(l, senses) && any(l, acts) && fse_can(l, FLUX_OP_MOV) &&
         fse_can(l, FLUX_OP_GT) && fse_can(l, FLUX_OP_LT) &&
         fse_can(l, FLUX_OP_BR_EQZ);
}

uint32_t fse_instinct_sites(const struct fse_view *v) {
  return fse_instinct_available(v->lexicon)
             ? PAIRS_MAX * LEVELS_MAX * INSTINCT_WAYS
             : 0;
}

/* The nth level that the program compares with; before those, 0. */
static bool level(const struct fse_view *v, unsigned nth, int32_t *out) {
  *out = 0;
  if (nth == 0) return true;
  for (uint32_t i = 0; i < v->facts->count; i++) {
    const struct fisa_insn *in = &v->facts->insn[i];
    int k = immediate(in->row);
    if (k < 0 || in->value[k] == *out || !matters(v, i, compares)) continue;
    *out = in->value[k];
    if (--nth == 0) return true;
  }
  return false;
}

/* What a new instinct is made of. */
struct instinct {
  const struct fisa_row *sense, *act;
  struct fse_arg seen, is; /* the value, and whether it is so */
  int32_t level;
  unsigned op;
};

/* Puts a row before the entry. Returns its node. */
static uint32_t put_row(struct fse_draft *d, uint32_t at,
                        const struct fisa_row *row,
                        const int32_t value[FISA_MAX_OPERANDS],
                        uint32_t target) {
  return fse_draft_insert(d, at, false, row, value, target);
}

static int put_want(const struct fse_view *v, struct fse_draft *d, uint32_t at,
                    const struct fse_want *w, uint32_t target) {
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_row *row = fse_select(v->lexicon, w, value);
  return row == NULL || put_row(d, at, row, value, target) == FSE_NO_NODE
             ? -1
             : 0;
}

/* Reads, compares, and acts on what was read unless it is not so, then goes on
 * at `at`, where tasks began before. Returns the first node. */
static uint32_t put_instinct(const struct fse_view *v, struct fse_draft *d,
                             struct instinct *x, uint32_t at) {
  int32_t value[FISA_MAX_OPERANDS] = {0};
  uint32_t first;
  value[fse_def_operand(v->lexicon, x->sense)] = x->seen.value;
  first = put_row(d, at, x->sense, value, FSE_NO_NODE);
  x->is.value = fse_unused_register(v, d, x->is.file);
  if (first == FSE_NO_NODE || x->is.value < 0) return FSE_NO_NODE;
  const struct fse_want load = {.op = FLUX_OP_MOV, .d = x->is,
                                .a = {.constant = true, .value = x->level}};
  const struct fse_want test = {.op = x->op, .d = x->is, .a = x->seen,
                                .b = x->is};
  const struct fse_want skip = {.op = FLUX_OP_BR_EQZ, .a = x->is};
  if (put_want(v, d, at, &load, FSE_NO_NODE) != 0 ||
      put_want(v, d, at, &test, FSE_NO_NODE) != 0 ||
      put_want(v, d, at, &skip, at) != 0)
    return FSE_NO_NODE;
  memset(value, 0, sizeof value);
  for (unsigned k = 0; k < x->act->operand_count; k++)
    if (x->act->operands[k].kind == FISA_OPERAND_REG)
      value[k] = x->seen.value;
  return put_row(d, at, x->act, value, FSE_NO_NODE) == FSE_NO_NODE
             ? FSE_NO_NODE
             : first;
}

int fse_instinct_apply(const struct fse_view *v, uint32_t site,
                       struct fse_draft *d, struct fse_proposal *out) {
  unsigned way = site % INSTINCT_WAYS, pair;
  struct instinct x = {.op = way ? FLUX_OP_LT : FLUX_OP_GT};
  uint32_t entry = d->entry, first;
  site /= INSTINCT_WAYS;
  pair = site / LEVELS_MAX;
  x.sense = nth_row(v, pair % SENSES_MAX, senses);
  x.act = nth_row(v, pair / SENSES_MAX, acts);
  if (x.sense == NULL || x.act == NULL ||
      !level(v, site % LEVELS_MAX, &x.level) || d->nodes[entry].dead)
    return -1;
  x.seen.file = v->lexicon->usage[x.sense->opcode]
                    .file[fse_def_operand(v->lexicon, x.sense)];
  x.is.file = x.seen.file;
  x.seen.value = fse_unused_register(v, d, x.seen.file);
  if (x.seen.value < 0) return -1;
  first = put_instinct(v, d, &x, entry);
  if (first == FSE_NO_NODE) return -1;
  /* Every task passes it, those that begin by a jump, too. */
  for (uint32_t i = 0; i < d->base_count; i++)
    if (d->nodes[i].target == entry) d->nodes[i].target = first;
  if (d->boundary == entry) d->boundary = first;
  d->entry = first;
  out->pc = v->facts->insn[entry].pc;
  out->way = way;
  out->value = x.level;
  return 0;
}

void fse_instinct_describe(const struct fse_proposal *p,
                           char out[FSE_REASON]) {
  snprintf(out, FSE_REASON, "an instinct before %u: an output where what is "
                            "read is %s %d", p->pc,
           p->way ? "below" : "above", p->value);
}
