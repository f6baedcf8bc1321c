/*
 * plugin/window_menu.c - the rows that replacements are made of.
 */
#include "plugin/window_menu.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/window_impl.h"

/* Rows of these roles say more than they compute. */
#define TELLING_ROLES                                                       \
  (FISA_ROLE_NOP | FISA_ROLE_HALT | FISA_ROLE_YIELD | FISA_ROLE_SENSE |     \
   FISA_ROLE_ACT | FISA_ROLE_TIME | FISA_ROLE_MEMORY | FISA_ROLE_RANDOM |   \
   FISA_ROLE_A2A | FISA_ROLE_DEBUG)

/* ---- constants ---------------------------------------------------------- */

static uint8_t pool(struct fse_menu *m, int32_t value) {
  for (unsigned i = 0; i < m->pool_count; i++)
    if (m->constant[i] == value) return (uint8_t)i;
  if (m->pool_count == FSE_MENU_POOL) return FSE_NOTHING;
  m->constant[m->pool_count] = value;
  for (unsigned i = 0; i < FSE_LANES; i++)
    m->column[m->pool_count].lane[i] = value;
  return (uint8_t)m->pool_count++;
}

static void pool_begin(struct fse_menu *m, const struct fse_wform *f) {
  static const int32_t always[] = {0, 1, -1, 2, 31};
  for (unsigned i = 0; i < sizeof always / sizeof always[0]; i++)
    (void)pool(m, always[i]);
  for (unsigned i = 0; i < f->const_count; i++) (void)pool(m, f->constant[i]);
}

/* ---- one row ------------------------------------------------------------ */

/* A row of the dialect under reading. */
struct reading {
  struct fse_menu *m;
  const struct fisa_dialect *d;
  const struct fisa_row *row;
  struct fse_menu_row *out;
  bool made;        /* the result is there: it is read from its place */
  uint8_t temps;    /* written so far */
};

/* The place of a register operand that is read, or FSE_NOTHING. */
static uint8_t read_operand(struct reading *x, const struct fisa_ref *r) {
  struct fse_menu_row *o = x->out;
  assert(r->kind == FISA_REF_REG && o->read_count <= FSE_MENU_READS);
  if (x->d->files[r->file].width > 1) return FSE_NOTHING;
  if (r->operand == o->result) {
    if (r->file != o->result_file) return FSE_NOTHING;
    if (x->made) return FSE_PLACE_RESULT;
  } else if (x->made) {
    return FSE_NOTHING; /* it may be the register just written */
  }
  for (unsigned i = 0; i < o->read_count; i++)
    if (o->read[i] == r->operand)
      return o->read_file[i] == r->file ? (uint8_t)i : FSE_NOTHING;
  if (o->read_count == FSE_MENU_READS) return FSE_NOTHING;
  o->read[o->read_count] = r->operand;
  o->read_file[o->read_count] = r->file;
  return o->read_count++;
}

static uint8_t constant_place(struct reading *x, int32_t value) {
  struct fse_menu_row *o = x->out;
  uint8_t at = pool(x->m, value);
  if (at == FSE_NOTHING) return FSE_NOTHING;
  for (unsigned i = 0; i < o->const_count; i++)
    if (o->pool[i] == at) return (uint8_t)(FSE_PLACE_CONST + i);
  if (FSE_PLACE_CONST + o->const_count == FSE_PLACES) return FSE_NOTHING;
  o->pool[o->const_count] = at;
  return (uint8_t)(FSE_PLACE_CONST + o->const_count++);
}

static uint8_t read_place(struct reading *x, const struct fisa_ref *r) {
  switch (r->kind) {
    case FISA_REF_REG:
      return read_operand(x, r);
    case FISA_REF_TEMP:
      return x->temps >> r->value & 1 ? (uint8_t)(FSE_PLACE_TEMP + r->value)
                                      : FSE_NOTHING;
    case FISA_REF_CONST:
      return constant_place(x, r->value);
    case FISA_REF_IMM:
      if (x->out->imm != FSE_NOTHING && x->out->imm != r->operand)
        return FSE_NOTHING;
      x->out->imm = r->operand;
      return FSE_PLACE_IMM;
    default:
      return FSE_NOTHING;
  }
}

static bool writes_flag(const struct fisa_dialect *d,
                        const struct fisa_step *s) {
  return s->d.kind == FISA_REF_CELL &&
         d->files[s->d.file].kind == FISA_FILE_FLAG;
}

static bool read_number(struct reading *x, const struct fisa_step *s,
                        struct fse_menu_step *out) {
  switch (s->imm.kind) {
    case FISA_REF_NONE:
      return true;
    case FISA_REF_CONST:
      out->imm = s->imm.value;
      return true;
    case FISA_REF_IMM:
      if (read_place(x, &s->imm) != FSE_PLACE_IMM) return false;
      out->imm_operand = true;
      return true;
    default:
      return false;
  }
}

static bool read_step(struct reading *x, const struct fisa_step *s) {
  const struct fisa_ref *ref[4] = {&s->d, &s->a, &s->b, &s->c};
  struct fse_menu_step *out = &x->out->step[x->out->step_count];
  uint8_t place[4];
  if (writes_flag(x->d, s)) {
    x->out->sets_flags = true;
    return true;
  }
  if (!fse_is_value(s->op) || !read_number(x, s, out)) return false;
  for (unsigned k = 1; k < 4; k++) {
    place[k] = FSE_PLACE_NONE;
    if (fisa_semop_use(s->op, k) == 'N') continue;
    place[k] = read_place(x, ref[k]);
    if (place[k] == FSE_NOTHING) return false;
  }
  out->op = s->op;
  out->a = place[1];
  out->b = place[2];
  out->c = place[3];
  if (s->d.kind == FISA_REF_TEMP) {
    out->d = (uint8_t)(FSE_PLACE_TEMP + s->d.value);
    if (fisa_semop_use(s->op, 0) == 'M') return false;
    x->temps |= (uint8_t)(1u << s->d.value);
  } else {
    if (s->d.kind != FISA_REF_REG || s->d.operand != x->out->result)
      return false;
    out->keeps = fisa_semop_use(s->op, 0) == 'M';
    if (out->keeps && read_operand(x, &s->d) == FSE_NOTHING) return false;
    x->out->keeps |= out->keeps;
    out->d = FSE_PLACE_RESULT;
    x->made = true;
  }
  x->out->step_count++;
  return true;
}

/* The one register operand that a row writes; false: none, or not one. */
static bool find_result(const struct fisa_dialect *d,
                        const struct fisa_row *row, struct fse_menu_row *out) {
  out->result = FSE_NOTHING;
  for (unsigned k = 0; k < row->step_count; k++) {
    const struct fisa_ref *r = &row->steps[k].d;
    if (writes_flag(d, &row->steps[k]) || r->kind == FISA_REF_TEMP) continue;
    if (r->kind != FISA_REF_REG || d->files[r->file].kind != FISA_FILE_REGS ||
        d->files[r->file].width > 1 ||
        (out->result != FSE_NOTHING &&
         (out->result != r->operand || out->result_file != r->file)))
      return false;
    out->result = r->operand;
    out->result_file = r->file;
  }
  return out->result != FSE_NOTHING;
}

/* The operand that is read and written comes first. */
static void destroyed_first(struct fse_menu_row *o) {
  for (unsigned i = 0; i < o->read_count; i++) {
    if (o->read[i] != o->result) continue;
    o->destroys = true;
    if (i == 0) return;
    for (unsigned k = 0; k < o->step_count; k++) {
      uint8_t *place[] = {&o->step[k].a, &o->step[k].b, &o->step[k].c};
      for (unsigned n = 0; n < 3; n++)
        if (*place[n] == 0) *place[n] = (uint8_t)i;
        else if (*place[n] == i) *place[n] = 0;
    }
    o->read[i] = o->read[0];
    o->read[0] = o->result;
    uint8_t file = o->read_file[i];
    o->read_file[i] = o->read_file[0];
    o->read_file[0] = file;
    return;
  }
}

/* Whether scans can run the row: op(read 0, read 1, or a constant). */
static void note_simple(struct fse_menu_row *o) {
  const struct fse_menu_step *s = &o->step[0];
  bool second = s->b == FSE_PLACE_NONE || s->b == FSE_PLACE_IMM ||
                s->b >= FSE_PLACE_CONST || s->b == 1;
  o->simple = o->step_count == 1 && s->d == FSE_PLACE_RESULT && !s->keeps &&
              !s->imm_operand && s->a == 0 && second &&
              s->c == FSE_PLACE_NONE && o->read_count == 1u + (s->b == 1);
  o->commutes = o->simple && s->b == 1 && !o->destroys &&
                fse_op_commutes(s->op);
}

/* A constant the row can be given: no guard of it can hold then. */
static bool takes(const struct fse_menu_row *o, int32_t value) {
  const struct fisa_operand *operand = &o->row->operands[o->imm];
  if (value < operand->lo || value > operand->hi) return false;
  for (unsigned i = 0; i < o->row->guard_count; i++)
    if (o->row->guards[i].lethal == FLUX_LETHAL_SHIFT_RANGE &&
        (value < 0 || value > 31))
      return false;
  return true;
}

static void find_constants(const struct fse_menu *m, struct fse_menu_row *o,
                           unsigned candidates) {
  for (unsigned i = 0; i < candidates && o->imm != FSE_NOTHING; i++)
    if (takes(o, m->constant[i])) o->imm_pool[o->imm_count++] = (uint8_t)i;
}

static bool read_row(struct reading *x, unsigned candidates) {
  const struct fisa_row *row = x->row;
  struct fse_menu_row *o = x->out;
  memset(o, 0, sizeof *o);
  o->row = row;
  o->cost = row->cost;
  o->imm = FSE_NOTHING;
  if ((row->roles & TELLING_ROLES) || !find_result(x->d, row, o))
    return false;
  for (unsigned i = 0; i < row->guard_count; i++)
    if (row->guards[i].lethal != FLUX_LETHAL_SHIFT_RANGE ||
        row->guards[i].a.kind != FISA_REF_IMM)
      return false;
  for (unsigned k = 0; k < row->step_count; k++)
    if (!read_step(x, &row->steps[k])) return false;
  if (!x->made || o->cost == 0) return false;
  destroyed_first(o);
  note_simple(o);
  o->plain = o->step_count == 1 && row->roles == 0;
  find_constants(x->m, o, candidates);
  return o->imm == FSE_NOTHING || o->imm_count > 0;
}

/* ---- all rows ----------------------------------------------------------- */

/* Cheap before dear, plain before special, those that spare what they read. */
static int rank(const void *x, const void *y) {
  const struct fse_menu_row *a = x, *b = y;
  const int key[][2] = {{(int)a->cost, (int)b->cost},
                        {a->row->roles != 0, b->row->roles != 0},
                        {a->destroys, b->destroys},
                        {a->read_count, b->read_count},
                        {!a->simple, !b->simple},
                        {a->row->length, b->row->length},
                        {a->row->opcode, b->row->opcode}};
  for (unsigned i = 0; i < sizeof key / sizeof key[0]; i++)
    if (key[i][0] != key[i][1]) return key[i][0] < key[i][1] ? -1 : 1;
  return 0;
}

/* What a simple row has at b, if it is a constant: pool entry i of it. */
static uint8_t second_constant(const struct fse_menu_row *o, unsigned i) {
  uint8_t place = o->step[0].b;
  assert(i < FSE_MENU_CONSTS);
  return place == FSE_PLACE_IMM ? o->imm_pool[i]
                                : o->pool[place - FSE_PLACE_CONST];
}

static bool has_constant(const struct fse_menu_row *o) {
  return o->step[0].b == FSE_PLACE_IMM || o->step[0].b >= FSE_PLACE_CONST;
}

static unsigned constants_of(const struct fse_menu_row *o) {
  return o->step[0].b == FSE_PLACE_IMM ? o->imm_count : 1;
}

/* Whether an earlier simple row does what `o` does with pool entry `c` (if it
 * has a constant), and spares at least what `o` does. */
static bool covered(const struct fse_menu *m, const struct fse_menu_row *o,
                    uint8_t c) {
  for (unsigned i = 0; i < m->row_count; i++) {
    const struct fse_menu_row *e = &m->row[i];
    if (!e->simple || e->step[0].op != o->step[0].op ||
        e->read_file[0] != o->read_file[0] ||
        e->result_file != o->result_file || (e->destroys && !o->destroys) ||
        has_constant(e) != has_constant(o) ||
        e->read_count != o->read_count)
      continue;
    if (!has_constant(o))
      return e->read_count < 2 || e->read_file[1] == o->read_file[1];
    for (unsigned k = 0; k < constants_of(e); k++)
      if (second_constant(e, k) == c) return true;
  }
  return false;
}

/* Loads of constants: what earlier rows load already goes. */
static bool loaded(const struct fse_menu *m, const struct fse_menu_row *o,
                   uint8_t c) {
  for (unsigned i = 0; i < m->row_count; i++) {
    const struct fse_menu_row *e = &m->row[i];
    if (e->read_count > 0 || e->step_count != 1 ||
        e->step[0].op != o->step[0].op || e->result_file != o->result_file)
      continue;
    for (unsigned k = 0; k < e->imm_count; k++)
      if (e->imm_pool[k] == c) return true;
  }
  return false;
}

/* Takes out of a row's constants what earlier rows do with them. */
static bool adds_something(const struct fse_menu *m, struct fse_menu_row *o) {
  bool loads = o->read_count == 0 && o->step_count == 1 &&
               o->imm != FSE_NOTHING;
  unsigned kept = 0;
  if (o->simple && !has_constant(o)) return !covered(m, o, 0);
  if (o->simple && o->step[0].b != FSE_PLACE_IMM)
    return !covered(m, o, second_constant(o, 0));
  if (!o->simple && !loads) return true;
  for (unsigned i = 0; i < o->imm_count; i++) {
    uint8_t c = o->imm_pool[i];
    if (loads ? loaded(m, o, c) : covered(m, o, c)) continue;
    o->imm_pool[kept++] = c;
  }
  o->imm_count = (uint8_t)kept;
  return kept > 0;
}

static void take_glances(const struct fse_menu *m, struct fse_menu_row *o) {
  if (!o->simple || !has_constant(o)) return;
  for (unsigned i = 0; i < constants_of(o); i++)
    memcpy(&o->imm_glance[i], &m->column[second_constant(o, i)],
           sizeof o->imm_glance[i]);
}

/* Whether the task has registers of the files that a row reaches. */
static bool has_files(const struct fse_task *t, const struct fse_menu_row *o) {
  uint32_t files = 0;
  for (unsigned i = 0; i < t->role_count; i++) files |= 1u << t->role_file[i];
  for (unsigned i = 0; i < o->read_count; i++)
    if (!((files | t->zero_files) >> o->read_file[i] & 1)) return false;
  return files >> o->result_file & 1;
}

static void find_rows(struct fse_menu *m, const struct fse_lexicon *l,
                      const struct fse_task *t, struct fse_menu_row *all) {
  unsigned candidates = m->pool_count, n = 0;
  for (unsigned i = 0; i < 256; i++) {
    struct reading x = {.m = m, .d = l->dialect, .row = &l->dialect->rows[i],
                        .out = &all[n]};
    if (!l->usable[i] || l->denied[i] ||
        !fse_graph_row(l->dialect, x.row, false) || !read_row(&x, candidates))
      continue;
    if ((t->flags_kept && all[n].sets_flags) || !has_files(t, &all[n]))
      continue;
    n++;
  }
  qsort(all, n, sizeof *all, rank);
  memset(m->by_opcode, FSE_NOTHING, sizeof m->by_opcode);
  for (unsigned i = 0; i < n && m->row_count < 254; i++) {
    struct fse_menu_row *o = &m->row[m->row_count];
    if (!adds_something(m, &all[i])) continue;
    *o = all[i];
    take_glances(m, o);
    m->by_opcode[o->row->opcode] = (uint8_t)m->row_count++;
    if (o->cost < m->cost_min) m->cost_min = o->cost;
    if (o->cost > m->cost_max) m->cost_max = o->cost;
    if (o->read_count > m->reads_max) m->reads_max = o->read_count;
  }
}

struct fse_menu *fse_menu_new(const struct fse_lexicon *l,
                              const struct fse_task *t) {
  struct fse_menu *m = fse_column_alloc(sizeof *m);
  struct fse_menu_row *all = fse_column_alloc(256 * sizeof *all);
  assert(l != NULL && t != NULL);
  if (m == NULL || all == NULL) {
    free(m);
    free(all);
    return NULL;
  }
  m->kernels = fse_kernels();
  m->cost_min = UINT32_MAX;
  pool_begin(m, &t->form);
  find_rows(m, l, t, all);
  free(all);
  return m;
}

void fse_menu_free(struct fse_menu *m) { free(m); }

bool fse_menu_plain(const struct fse_menu *m) {
  bool plain = true;
  for (unsigned i = 0; i < m->row_count; i++) plain &= m->row[i].plain;
  return plain;
}

/* Step by step. */
static void eval_steps(const struct fse_menu *m, const struct fse_menu_row *r,
                       const struct fse_menu_args *args,
                       struct fse_column *out, struct fse_stretch lanes) {
  struct fse_column temp[FISA_TEMPS], result;
  const struct fse_column *place[FSE_PLACES];
  for (unsigned i = 0; i < FSE_MENU_READS; i++) place[i] = args->read[i];
  place[FSE_PLACE_IMM] = &m->column[r->imm == FSE_NOTHING ? 0 : args->pool];
  for (unsigned i = 0; i < FISA_TEMPS; i++)
    place[FSE_PLACE_TEMP + i] = &temp[i];
  place[FSE_PLACE_RESULT] = &result;
  place[FSE_PLACE_NONE] = &m->column[0];
  for (unsigned i = 0; i < r->const_count; i++)
    place[FSE_PLACE_CONST + i] = &m->column[r->pool[i]];
  if (r->keeps) result = *args->read[0];
  for (unsigned k = 0; k < r->step_count; k++) {
    const struct fse_menu_step *s = &r->step[k];
    struct fse_column *d = s->d == FSE_PLACE_RESULT
                               ? k + 1u == r->step_count && !s->keeps ? out
                                                                      : &result
                               : &temp[s->d - FSE_PLACE_TEMP];
    lanes.imm = s->imm_operand ? m->constant[args->pool] : s->imm;
    m->kernels->run[s->op](d, place[s->a], place[s->b], place[s->c], lanes);
    if (k + 1u == r->step_count && d != out)
      memcpy(&out->lane[lanes.from], &d->lane[lanes.from],
             (lanes.to - lanes.from) * sizeof out->lane[0]);
  }
}

/* What a row without temporaries has at a place. */
static const struct fse_column *column_at(const struct fse_menu *m,
                                          const struct fse_menu_row *r,
                                          const struct fse_menu_args *args,
                                          uint8_t place) {
  if (place < FSE_MENU_READS) return args->read[place];
  if (place == FSE_PLACE_IMM) return &m->column[args->pool];
  return &m->column[place < FSE_PLACE_CONST ? 0
                                            : r->pool[place - FSE_PLACE_CONST]];
}

void fse_menu_eval(const struct fse_menu *m, const struct fse_menu_row *r,
                   const struct fse_menu_args *args, struct fse_column *out,
                   struct fse_stretch lanes) {
  const struct fse_menu_step *only = &r->step[0];
  assert(r->step_count > 0);
  if (r->step_count > 1 || r->keeps) {
    eval_steps(m, r, args, out, lanes);
    return;
  }
  lanes.imm = only->imm_operand ? m->constant[args->pool] : only->imm;
  m->kernels->run[only->op](out, column_at(m, r, args, only->a),
                            column_at(m, r, args, only->b),
                            column_at(m, r, args, only->c), lanes);
}
