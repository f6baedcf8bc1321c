/*
 * plugin/rule.c - rules made of finds, matched, and put to other windows.
 */
#include "plugin/rule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/kinds.h"
#include "plugin/rule_impl.h"

enum {
  MATCH_STEPS = 4096, /* of one match: operands may be tried both ways */
  OPEN = 254,         /* an operand that nothing is known of yet */
  RAW_CONST = 64,     /* numbers of values while the right side is made */
  RAW_NODE = 128
};

/* ---- a find as a rule --------------------------------------------------- */

/* The right side as it is made: what each register holds, row by row. */
struct making {
  const struct fse_task *t;
  const struct fse_menu *m;
  struct fse_wform *f;
  uint8_t holds[FSE_WINDOW_ROLES]; /* raw values */
  bool failed;
};

static uint8_t raw_constant(struct making *x, int32_t value) {
  struct fse_wform *f = x->f;
  for (unsigned i = 0; i < f->const_count; i++)
    if (f->constant[i] == value) return (uint8_t)(RAW_CONST + i);
  if (f->const_count == FSE_WINDOW_CONSTS) {
    x->failed = true;
    return RAW_CONST;
  }
  f->constant[f->const_count] = value;
  return (uint8_t)(RAW_CONST + f->const_count++);
}

/* One instruction under reading: what its places hold. */
struct insn {
  const struct fse_winsn *in;
  const struct fse_menu_row *row;
  uint8_t temp[FISA_TEMPS], result;
};

static uint8_t raw_read(struct making *x, const struct insn *i, unsigned k) {
  int32_t role = i->in->value[i->row->read[k]];
  uint8_t value;
  if (role >= x->t->role_count) return raw_constant(x, 0);
  value = x->holds[role];
  if (value == FSE_NOTHING) x->failed = true;
  return value;
}

static uint8_t raw_place(struct making *x, const struct insn *i,
                         uint8_t place) {
  if (place < FSE_MENU_READS) return raw_read(x, i, place);
  if (place == FSE_PLACE_IMM)
    return raw_constant(x, i->in->value[i->row->imm]);
  if (place < FSE_PLACE_RESULT) return i->temp[place - FSE_PLACE_TEMP];
  if (place == FSE_PLACE_RESULT) return i->result;
  if (place == FSE_PLACE_NONE) return FSE_NOTHING;
  return raw_constant(
      x, x->m->constant[i->row->pool[place - FSE_PLACE_CONST]]);
}

static void put_insn(struct making *x, const struct fse_winsn *in) {
  uint8_t at = x->m->by_opcode[in->row->opcode];
  struct insn i = {.in = in, .result = FSE_NOTHING};
  int32_t role;
  if (at == FSE_NOTHING) {
    x->failed = true;
    return;
  }
  i.row = &x->m->row[at];
  memset(i.temp, FSE_NOTHING, sizeof i.temp);
  if (i.row->keeps) i.result = raw_read(x, &i, 0);
  for (unsigned k = 0; k < i.row->step_count && !x->failed; k++) {
    const struct fse_menu_step *s = &i.row->step[k];
    struct fse_wnode n = {.op = s->op, .d = FSE_NOTHING};
    uint8_t made = (uint8_t)(RAW_NODE + x->f->node_count);
    if (x->f->node_count == FSE_WINDOW_OPS) {
      x->failed = true;
      return;
    }
    if (s->keeps) n.d = i.result;
    n.a = raw_place(x, &i, s->a);
    n.b = raw_place(x, &i, s->b);
    n.c = raw_place(x, &i, s->c);
    n.imm = s->imm_operand ? in->value[i.row->imm] : s->imm;
    x->f->node[x->f->node_count++] = n;
    if (s->d == FSE_PLACE_RESULT) i.result = made;
    else i.temp[s->d - FSE_PLACE_TEMP] = made;
  }
  role = in->value[i.row->result];
  if (role >= x->t->role_count) x->failed = true;
  else x->holds[role] = i.result;
}

/* Raw numbers become those of a form. */
static uint8_t number(const struct fse_wform *f, uint8_t raw) {
  if (raw == FSE_NOTHING || raw < RAW_CONST) return raw;
  if (raw < RAW_NODE) return (uint8_t)(f->in_count + raw - RAW_CONST);
  return (uint8_t)(f->in_count + f->const_count + raw - RAW_NODE);
}

static void number_all(struct fse_wform *f) {
  for (unsigned i = 0; i < f->node_count; i++) {
    struct fse_wnode *n = &f->node[i];
    n->d = number(f, n->d);
    n->a = number(f, n->a);
    n->b = number(f, n->b);
    n->c = number(f, n->c);
  }
  for (unsigned k = 0; k < f->out_count; k++) f->out[k] = number(f, f->out[k]);
}

int fse_rule_make(const struct fse_task *t, const struct fse_menu *m,
                  const struct fse_patch *p, struct fse_rule *out) {
  struct making x = {.t = t, .m = m, .f = &out->right};
  memset(out, 0, sizeof *out);
  if (p->count > FSE_RULE_ROWS) return -1;
  memset(x.holds, FSE_NOTHING, sizeof x.holds);
  out->left = t->form;
  out->right.in_count = t->form.in_count;
  out->right.out_count = t->form.out_count;
  for (unsigned i = 0; i < t->form.in_count; i++)
    x.holds[p->in_role[i]] = (uint8_t)i;
  for (unsigned i = 0; i < p->count && !x.failed; i++) {
    put_insn(&x, &p->insn[i]);
    out->row_end[i] = out->right.node_count;
  }
  out->row_count = p->count;
  for (unsigned k = 0; k < t->form.out_count && !x.failed; k++) {
    out->right.out[k] = x.holds[p->out_role[k]];
    if (out->right.out[k] == FSE_NOTHING) x.failed = true;
  }
  if (x.failed) return -1;
  number_all(&out->right);
  /* What stands on the left as well may have come from there. */
  memset(out->from, FSE_NOTHING, sizeof out->from);
  for (unsigned i = 0; i < out->right.const_count; i++)
    for (unsigned k = 0; k < out->left.const_count; k++)
      if (out->left.constant[k] == out->right.constant[i])
        out->from[i] = (uint8_t)k;
  return 0;
}

/* ---- matching ----------------------------------------------------------- */

uint64_t fse_form_kind(const struct fse_wform *f) {
  uint64_t sum = fse_mix(fse_mix(f->in_count, f->out_count), f->node_count);
  for (unsigned i = 0; i < f->node_count; i++)
    sum += fse_mix(f->node[i].op, (uint32_t)f->node[i].imm);
  return sum;
}

enum sort { SORT_INPUT, SORT_CONST, SORT_NODE };

static enum sort sort_of(const struct fse_wform *f, uint8_t value) {
  assert(value < f->in_count + f->const_count + f->node_count);
  if (value < f->in_count) return SORT_INPUT;
  return value < f->in_count + f->const_count ? SORT_CONST : SORT_NODE;
}

/* Values yet to be matched, and those that are. */
struct matching {
  const struct fse_rule *r;
  const struct fse_wform *f;
  uint8_t bound[RULE_VALUES];       /* value of the form, FSE_NOTHING: none */
  unsigned todo_count;
  uint8_t todo[4 * RULE_VALUES][2]; /* of left, of the form */
};

static int32_t constant_of(const struct fse_wform *f, uint8_t value) {
  return f->constant[value - f->in_count];
}

static void want(struct matching *m, uint8_t left, uint8_t value) {
  assert(m->todo_count < sizeof m->todo / sizeof m->todo[0]);
  m->todo[m->todo_count][0] = left;
  m->todo[m->todo_count++][1] = value;
}

/* Whether two values that are no nodes may be the same. */
static bool leaf_matches(const struct matching *m, uint8_t left,
                         uint8_t value) {
  unsigned c = left - m->r->left.in_count;
  if (sort_of(&m->r->left, left) == SORT_INPUT) return true;
  return (m->r->any >> c & 1) ||
         constant_of(&m->r->left, left) == constant_of(m->f, value);
}

static bool solve(struct matching *m, unsigned *steps);

/* Two nodes: their operands in order, or, where that makes no difference, the
 * other way round. */
static bool solve_node(struct matching *m, const struct fse_wnode *l,
                       const struct fse_wnode *n, unsigned *steps) {
  const uint8_t left[4] = {l->d, l->a, l->b, l->c};
  const uint8_t value[4] = {n->d, n->a, n->b, n->c};
  unsigned ways = fse_op_commutes(l->op) ? 2 : 1;
  const struct matching before = *m;
  if (l->op != n->op || l->imm != n->imm) return false;
  for (unsigned way = 0; way < ways; way++) {
    bool fits = true;
    *m = before;
    for (unsigned k = 0; k < 4; k++) {
      unsigned other = way == 1 && k == 1 ? 2 : way == 1 && k == 2 ? 1 : k;
      if ((left[k] == FSE_NOTHING) != (value[other] == FSE_NOTHING))
        fits = false;
      else if (left[k] != FSE_NOTHING)
        want(m, left[k], value[other]);
    }
    if (fits && solve(m, steps)) return true;
  }
  return false;
}

static bool solve(struct matching *m, unsigned *steps) {
  const struct fse_wform *left = &m->r->left;
  while (m->todo_count > 0) {
    uint8_t l = m->todo[--m->todo_count][0], v = m->todo[m->todo_count][1];
    if (m->bound[l] == v) continue;
    if (m->bound[l] != FSE_NOTHING || ++*steps > MATCH_STEPS ||
        sort_of(left, l) != sort_of(m->f, v))
      return false;
    m->bound[l] = v;
    if (sort_of(left, l) == SORT_NODE)
      return solve_node(
          m, &left->node[l - left->in_count - left->const_count],
          &m->f->node[v - m->f->in_count - m->f->const_count], steps);
    if (!leaf_matches(m, l, v)) return false;
  }
  return true;
}

/* Results may come in another order: out[k] of left is that of the form. */
static bool solve_outs(struct matching *m, struct fse_match *out, unsigned k,
                       unsigned *steps) {
  const struct matching before = *m;
  bool used = false;
  if (k == m->f->out_count) {
    for (unsigned i = 0; i < k; i++)
      want(m, m->r->left.out[i], m->f->out[out->out[i]]);
    return solve(m, steps);
  }
  for (unsigned i = 0; i < m->f->out_count; i++) {
    used = false;
    for (unsigned n = 0; n < k; n++) used |= out->out[n] == i;
    if (used) continue;
    out->out[k] = (uint8_t)i;
    *m = before;
    if (solve_outs(m, out, k + 1, steps)) return true;
  }
  return false;
}

bool fse_rule_matches(const struct fse_rule *r, const struct fse_wform *f,
                      struct fse_match *out) {
  struct matching m = {.r = r, .f = f};
  unsigned steps = 0;
  if (r->left.in_count != f->in_count || r->left.out_count != f->out_count ||
      r->left.node_count != f->node_count)
    return false;
  memset(out, 0, sizeof *out);
  memset(m.bound, FSE_NOTHING, sizeof m.bound);
  if (!solve_outs(&m, out, 0, &steps)) return false;
  for (unsigned i = 0; i < f->in_count; i++) out->input[i] = m.bound[i];
  for (unsigned c = 0; c < r->left.const_count; c++) {
    uint8_t v = m.bound[r->left.in_count + c];
    if (v == FSE_NOTHING) return false;
    out->constant[c] = constant_of(f, v);
  }
  /* Every input is read by something, so all were come to. */
  for (unsigned i = 0; i < f->in_count; i++)
    if (out->input[i] == FSE_NOTHING) return false;
  return true;
}

/* ---- rows by what they mean --------------------------------------------- */

/* A rule being put to a task: the sequence so far. */
struct meaning {
  const struct fse_rule *r;
  const struct fse_enum_request *q;
  const struct fse_match *match;
  bool spare;                           /* inputs are copied, not overwritten */
  unsigned row;                         /* of the rule */
  unsigned count;
  struct fse_enum_row rows[FSE_RULE_ROWS];
  uint8_t made[FSE_RULE_ROWS];          /* row of the sequence, by the rule's */
};

/* A row of the menu, as far as it is known to mean the same. */
struct reading {
  const struct fse_menu_row *row;
  bool turned;                          /* its operands, which commute */
  uint8_t read[FSE_MENU_READS];         /* values of right, or OPEN */
  uint8_t pool;                         /* constant, or OPEN */
  uint8_t temp[FISA_TEMPS], result;     /* values of right */
};

static int32_t right_constant(const struct meaning *x, uint8_t value) {
  unsigned c = value - x->r->right.in_count;
  uint8_t from = x->r->from[c];
  return from == FSE_NOTHING ? x->r->right.constant[c]
                             : x->match->constant[from];
}

static bool give_pool(const struct meaning *x, struct reading *y,
                      int32_t value) {
  const struct fse_menu *m = x->q->menu;
  if (y->pool != OPEN) return m->constant[y->pool] == value;
  for (unsigned i = 0; i < y->row->imm_count; i++)
    if (m->constant[y->row->imm_pool[i]] == value) {
      y->pool = y->row->imm_pool[i];
      return true;
    }
  return false;
}

/* Whether a register operand can be that value: 0 may be a zero register. */
static bool give_read(const struct meaning *x, struct reading *y, unsigned k,
                      uint8_t value) {
  enum sort sort = sort_of(&x->r->right, value);
  if (sort == SORT_CONST &&
      (right_constant(x, value) != 0 ||
       !(x->q->task->zero_files >> y->row->read_file[k] & 1)))
    return false;
  if (y->read[k] != OPEN) return y->read[k] == value;
  y->read[k] = value;
  return true;
}

static bool place_means(const struct meaning *x, struct reading *y,
                        uint8_t place, uint8_t value) {
  const struct fse_wform *f = &x->r->right;
  bool constant = value != FSE_NOTHING && sort_of(f, value) == SORT_CONST;
  if (place == FSE_PLACE_NONE || value == FSE_NOTHING)
    return place == FSE_PLACE_NONE && value == FSE_NOTHING;
  if (place < FSE_MENU_READS) return give_read(x, y, place, value);
  if (place == FSE_PLACE_IMM)
    return constant && give_pool(x, y, right_constant(x, value));
  if (place < FSE_PLACE_RESULT)
    return y->temp[place - FSE_PLACE_TEMP] == value;
  if (place == FSE_PLACE_RESULT) return y->result == value;
  return constant &&
         x->q->menu->constant[y->row->pool[place - FSE_PLACE_CONST]] ==
             right_constant(x, value);
}

static bool step_means(const struct meaning *x, struct reading *y,
                       const struct fse_menu_step *s, unsigned node) {
  const struct fse_wform *f = &x->r->right;
  const struct fse_wnode *n = &f->node[node];
  uint8_t made = (uint8_t)(f->in_count + f->const_count + node);
  if (s->op != n->op || s->keeps != (n->d != FSE_NOTHING)) return false;
  if (s->keeps && y->result == OPEN && !give_read(x, y, 0, n->d))
    return false;
  if (s->keeps && y->result != OPEN && y->result != n->d) return false;
  if (s->imm_operand ? !give_pool(x, y, n->imm) : s->imm != n->imm)
    return false;
  if (!place_means(x, y, s->a, y->turned ? n->b : n->a) ||
      !place_means(x, y, s->b, y->turned ? n->a : n->b) ||
      !place_means(x, y, s->c, n->c))
    return false;
  if (s->d == FSE_PLACE_RESULT) y->result = made;
  else y->temp[s->d - FSE_PLACE_TEMP] = made;
  return true;
}

/* A value as an operand of the sequence. */
static uint8_t operand_of(const struct meaning *x, uint8_t value) {
  const struct fse_wform *f = &x->r->right;
  unsigned row = 0;
  if (value < f->in_count) return x->match->input[value];
  if (sort_of(f, value) == SORT_CONST) return FSE_NOTHING;
  while (x->r->row_end[row] <= value - f->in_count - f->const_count) row++;
  return FSE_ENUM_MADE(x->made[row]);
}

/* Whether a value is read behind the row, or a result. */
static bool needed_behind(const struct meaning *x, uint8_t value) {
  const struct fse_wform *f = &x->r->right;
  for (unsigned i = x->r->row_end[x->row]; i < f->node_count; i++)
    if (f->node[i].d == value || f->node[i].a == value ||
        f->node[i].b == value || f->node[i].c == value)
      return true;
  for (unsigned k = 0; k < f->out_count; k++)
    if (f->out[k] == value) return true;
  return false;
}

/* Whether a row overwrites what it should not. */
static bool overwrites(const struct meaning *x, const struct reading *y) {
  return y->row->destroys &&
         (needed_behind(x, y->read[0]) ||
          (x->spare && y->read[0] < x->r->right.in_count));
}

/* Puts a copy of an operand behind the sequence; -1: no row copies it. */
static int put_copy(struct meaning *x, uint8_t operand, uint8_t file) {
  const struct fse_menu *m = x->q->menu;
  for (unsigned i = 0; i < m->row_count; i++) {
    const struct fse_menu_row *r = &m->row[i];
    if (!r->simple || r->step[0].op != FLUX_OP_MOV || r->read_count != 1 ||
        r->destroys || r->read_file[0] != file || r->result_file != file)
      continue;
    x->rows[x->count] = (struct fse_enum_row){.row = r, .read = {operand}};
    if (!fse_enum_may(x->q->task, x->rows, &x->rows[x->count])) return -1;
    x->count++;
    return 0;
  }
  return -1;
}

/* Puts a row with its operands behind the sequence. What it overwrites is
 * copied first, if it is needed. */
static int put_row(struct meaning *x, const struct reading *y) {
  struct fse_enum_row row = {.row = y->row, .pool = y->pool};
  bool copy = overwrites(x, y);
  for (unsigned k = 0; k < y->row->read_count; k++)
    row.read[k] = operand_of(x, y->read[k]);
  if (x->count + copy >= FSE_RULE_ROWS) return -1;
  if (copy) {
    if (put_copy(x, row.read[0], y->row->read_file[0]) != 0) return -1;
    row.read[0] = FSE_ENUM_MADE(x->count - 1);
  }
  if (!fse_enum_may(x->q->task, x->rows, &row)) {
    x->count -= copy;
    return -1;
  }
  x->made[x->row] = (uint8_t)x->count;
  x->rows[x->count++] = row;
  return 0;
}

static bool row_means(const struct meaning *x, const struct fse_menu_row *row,
                      bool turned, struct reading *y) {
  unsigned from = x->row > 0 ? x->r->row_end[x->row - 1] : 0;
  unsigned to = x->r->row_end[x->row];
  memset(y, 0, sizeof *y);
  *y = (struct reading){.row = row, .turned = turned, .pool = OPEN,
                        .result = OPEN};
  if (row->step_count != to - from ||
      (turned && (row->step_count > 1 || !fse_op_commutes(row->step[0].op))))
    return false;
  memset(y->read, OPEN, sizeof y->read);
  memset(y->temp, OPEN, sizeof y->temp);
  for (unsigned k = 0; k < row->step_count; k++)
    if (!step_means(x, y, &row->step[k], from + k)) return false;
  if (row->imm == FSE_NOTHING) y->pool = 0;
  else if (y->pool == OPEN) return false;
  for (unsigned k = 0; k < row->read_count; k++)
    if (y->read[k] == OPEN) return false;
  return true;
}

/* Finds a row of the menu for the next of the rule: first such as overwrite
 * nothing that is needed. */
static int find_row(struct meaning *x) {
  const struct fse_menu *m = x->q->menu;
  struct reading y;
  for (unsigned pass = 0; pass < 2; pass++)
    for (unsigned i = 0; i < 2 * m->row_count; i++) {
      if (row_means(x, &m->row[i / 2], i % 2 != 0, &y) &&
          overwrites(x, &y) == (pass == 1) && put_row(x, &y) == 0)
        return 0;
    }
  return -1;
}

/* The sequence of a rule for the task; -1: there is none. */
static int lay_out(struct meaning *x, bool spare) {
  x->spare = spare;
  x->count = 0;
  for (x->row = 0; x->row < x->r->row_count; x->row++)
    if (find_row(x) != 0) return -1;
  return 0;
}

/* Whether both sides differ on the tests; one that shows it joins them. */
static bool is_wrong(const struct fse_rule *r, const struct fse_match *match,
                     struct fse_tests *t) {
  struct fse_wform left = r->left, right = r->right;
  struct fse_column in[FSE_WINDOW_INS], a[FSE_WINDOW_OUTS],
      b[FSE_WINDOW_OUTS];
  struct fse_point p = {{0}};
  unsigned lane = 0;
  for (unsigned i = 0; i < left.in_count; i++) in[i] = t->in[match->input[i]];
  for (unsigned c = 0; c < left.const_count; c++)
    left.constant[c] = match->constant[c];
  for (unsigned c = 0; c < right.const_count; c++)
    if (r->from[c] != FSE_NOTHING)
      right.constant[c] = match->constant[r->from[c]];
  fse_form_eval(&left, in, a);
  fse_form_eval(&right, in, b);
  for (; lane < FSE_LANES; lane++)
    for (unsigned k = 0; k < left.out_count; k++)
      if (a[k].lane[lane] != b[k].lane[lane]) goto differ;
  return false;
differ:
  for (unsigned i = 0; i < left.in_count; i++) p.in[i] = t->in[i].lane[lane];
  (void)fse_tests_add(t, &p);
  return true;
}

int fse_rule_apply(const struct fse_rule *r, const struct fse_match *match,
                   const struct fse_enum_request *q, struct fse_patch *patch) {
  struct meaning x = {.r = r, .q = q, .match = match};
  int rc = 0;
  /* As it stands; if registers do not come out, with inputs copied. */
  for (unsigned spare = 0; spare < 2 && rc == 0; spare++)
    if (lay_out(&x, spare != 0) == 0)
      rc = fse_enum_given(q, x.rows, x.count, patch);
  if (rc < 0) return -2;
  return rc == 0 && is_wrong(r, match, q->tests) ? -1 : rc;
}
