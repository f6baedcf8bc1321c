/*
 * plugin/window.c - a run of instructions as a window.
 */
#include "plugin/window.h"

#include <assert.h>
#include <string.h>

#include "plugin/window_impl.h"

#define NO_SLOT 255u

/* ---- which instructions ------------------------------------------------- */

/* Whether an instruction may be part of a window. */
static bool fits(const struct fse_view *v, const struct fse_slots *s,
                 uint32_t i) {
  const struct fisa_insn *in = &v->facts->insn[i];
  struct fisa_effects fx;
  bool slot = s->of[i] != NO_SLOT;
  if (!fse_plain(v, i) ||
      !fse_graph_row(v->program->dialect, in->row, slot))
    return false;
  fisa_effects(v->program->dialect, in, &fx);
  if ((fx.mem_read || fx.mem_write) && !slot) return false;
  return fse_only_cells(&fx);
}

/* Whether instruction i stands right behind i - 1 and is reached from there
 * alone. */
static bool goes_on(const struct fse_view *v, uint32_t i) {
  const struct fisa_insn *before = &v->facts->insn[i - 1];
  return i < v->facts->count && !v->facts->is_head[i] &&
         before->pc + before->length == v->facts->insn[i].pc;
}

uint32_t fse_window_run(const struct fse_view *v,
                        const struct fse_slots *slots, uint32_t first) {
  uint32_t n = 0;
  while (n < FSE_WINDOW_SPAN && first + n < v->facts->count &&
         (n == 0 || goes_on(v, first + n)) && fits(v, slots, first + n))
    n++;
  return n;
}

/* ---- what is live behind ------------------------------------------------ */

struct behind {
  const struct fisa_set *cells;   /* NULL: everything */
  uint64_t slots;
};

static const struct fisa_set *live_at(const struct fisa_facts *f,
                                      uint32_t pc) {
  return f->index[pc] == UINT32_MAX ? NULL : &f->live_in[f->index[pc]];
}

static struct behind live_behind(const struct fse_view *v,
                                 const struct fse_slots *slots, uint32_t i) {
  const struct fisa_facts *f = v->facts;
  uint32_t pc = f->insn[i].pc + f->insn[i].length;
  assert(pc <= v->program->size);
  return (struct behind){live_at(f, pc), fse_slots_behind(slots, f, i)};
}

static bool holds(const struct fisa_set *s, uint32_t cell) {
  return cell < FISA_SET_WORDS * 64u && (s->w[cell / 64] >> cell % 64 & 1);
}

static bool is_live(const struct behind *b, uint32_t cell) {
  if (cell >= FSE_SLOT_CELL(0))
    return b->slots >> (cell - FSE_SLOT_CELL(0)) & 1;
  if (b->cells == NULL || cell >= FISA_SET_WORDS * 64u) return true;
  return holds(b->cells, cell);
}

static const struct fisa_file *file_of(const struct fisa_dialect *d,
                                       uint32_t cell, uint8_t *index) {
  for (uint32_t f = 0; f < d->file_count; f++)
    if (cell >= d->files[f].first && cell - d->files[f].first <
                                         d->files[f].count) {
      *index = (uint8_t)f;
      return &d->files[f];
    }
  return NULL;
}

/* The register of a cell: false if it is none that a row can name. */
static bool register_of(const struct fisa_dialect *d, uint32_t cell,
                        struct fse_wreg *out) {
  const struct fisa_file *f = file_of(d, cell, &out->file);
  if (f == NULL || f->kind != FISA_FILE_REGS || f->width > 1) return false;
  out->byte = (int32_t)(cell - f->first);
  /* Cell 0 behind a zero register is reached by other bytes; not by ours. */
  return !(f->zero && out->byte == 0) && out->byte <= 255;
}

/* ---- roles -------------------------------------------------------------- */

static uint8_t role_of(struct fse_window *w, const struct fse_wreg *r) {
  struct fse_task *t = &w->task;
  for (unsigned i = 0; i < t->role_count; i++)
    if (w->reg[i].file == r->file && w->reg[i].byte == r->byte)
      return (uint8_t)i;
  if (t->role_count == FSE_WINDOW_ROLES) return FSE_NOTHING;
  w->reg[t->role_count] = *r;
  t->role_file[t->role_count] = r->file;
  return t->role_count++;
}

/* The row of the window that loads, or last stores, a slot, as it stands. */
static int find_frame(const struct fse_view *v, const struct fse_slots *s,
                      const struct fse_window *w, uint32_t cell, bool store,
                      struct fse_winsn_frame *out) {
  uint32_t slot = cell - FSE_SLOT_CELL(0);
  out->row = NULL;
  for (uint32_t i = w->first; i < w->first + w->length; i++) {
    const struct fisa_insn *in = &v->facts->insn[i];
    if (s->of[i] != slot || s->stores[i] != store) continue;
    for (unsigned k = 0; k < in->row->step_count; k++) {
      const struct fisa_step *st = &in->row->steps[k];
      if (st->op != (store ? FLUX_OP_STORE32 : FLUX_OP_LOAD32) ||
          st->d.kind != FISA_REF_REG)
        continue;
      out->row = in->row;
      out->operand = st->d.operand;
      out->address = s->address[slot];
      memcpy(out->value, in->value, sizeof out->value);
    }
    if (!store && out->row != NULL) break;
  }
  return out->row == NULL ? -1 : 0;
}

static uint8_t frame_file(const struct fse_winsn_frame *f) {
  for (unsigned k = 0; k < f->row->step_count; k++)
    if (f->row->steps[k].d.kind == FISA_REF_REG &&
        f->row->steps[k].d.operand == f->operand)
      return f->row->steps[k].d.file;
  return 0;
}

/* One window being read. */
struct reading {
  const struct fse_view *v;
  const struct fse_slots *slots;
  struct fse_window *w;
  struct fse_graph *g;
  struct behind behind;
  uint8_t out[FSE_WINDOW_OUTS];         /* values of the graph */
  uint32_t out_cell[FSE_WINDOW_OUTS];
  uint32_t in_cell[FSE_WINDOW_INS];
  unsigned out_count;
  struct fisa_set written;              /* by the window */
};

/* Cells whose value changes and is read behind the window, ascending. */
static int find_results(struct reading *x) {
  struct fse_graph *g = x->g;
  for (uint32_t i = 0; i < g->held_count; i++) {
    const struct fse_held *h = &g->held[i];
    const struct fse_vertex *n = &g->vertex[h->value];
    unsigned at = x->out_count;
    if (!h->written || !is_live(&x->behind, h->cell) ||
        (n->kind == FSE_VERTEX_INPUT && n->cell == h->cell))
      continue;
    if (x->out_count == FSE_WINDOW_OUTS) return -1;
    for (; at > 0 && x->out_cell[at - 1] > h->cell; at--) {
      x->out_cell[at] = x->out_cell[at - 1];
      x->out[at] = x->out[at - 1];
    }
    x->out_cell[at] = h->cell;
    x->out[at] = h->value;
    x->out_count++;
  }
  return 0;
}

static bool is_result(const struct reading *x, uint32_t cell) {
  for (unsigned k = 0; k < x->out_count; k++)
    if (x->out_cell[k] == cell) return true;
  return false;
}

static int place_input(struct reading *x, unsigned i) {
  struct fse_task *t = &x->w->task;
  uint32_t cell = x->in_cell[i];
  struct fse_wreg reg;
  if (cell >= FSE_SLOT_CELL(0)) {
    if (find_frame(x->v, x->slots, x->w, cell, false, &x->w->load[i]) != 0)
      return -1;
    t->in_file[i] = frame_file(&x->w->load[i]);
    t->in_role[i] = FSE_NOTHING;
    x->w->frame += x->w->load[i].row->cost;
    return 0;
  }
  if (!register_of(x->v->program->dialect, cell, &reg)) return -1;
  t->in_file[i] = reg.file;
  t->in_role[i] = role_of(x->w, &reg);
  t->in_kept[i] = is_live(&x->behind, cell) && !is_result(x, cell);
  return t->in_role[i] == FSE_NOTHING ? -1 : 0;
}

static int place_result(struct reading *x, unsigned k) {
  struct fse_task *t = &x->w->task;
  uint32_t cell = x->out_cell[k];
  struct fse_wreg reg;
  if (cell >= FSE_SLOT_CELL(0)) {
    if (find_frame(x->v, x->slots, x->w, cell, true, &x->w->store[k]) != 0)
      return -1;
    t->out_file[k] = frame_file(&x->w->store[k]);
    t->out_role[k] = FSE_NOTHING;
    x->w->frame += x->w->store[k].row->cost;
    return 0;
  }
  if (!register_of(x->v->program->dialect, cell, &reg)) return -1;
  t->out_file[k] = reg.file;
  t->out_role[k] = role_of(x->w, &reg);
  return t->out_role[k] == FSE_NOTHING ? -1 : 0;
}

/* Free registers of a file: first those the window itself writes. */
static void find_free(struct reading *x, uint8_t file, unsigned most) {
  const struct fisa_file *f = &x->v->program->dialect->files[file];
  unsigned found = 0;
  for (unsigned pass = 0; pass < 2; pass++)
    for (uint32_t k = f->zero ? 1 : 0; k < f->count && k < 256; k++) {
      struct fse_wreg reg = {file, (int32_t)k};
      uint32_t cell = f->first + k;
      bool written = holds(&x->written, cell);
      uint8_t before = x->w->task.role_count;
      if (written != (pass == 0) || is_live(&x->behind, cell)) continue;
      if (found == most || role_of(x->w, &reg) == FSE_NOTHING) return;
      found += x->w->task.role_count > before;
    }
}

static void find_all_free(struct reading *x) {
  const struct fse_task *t = &x->w->task;
  uint32_t files = 0;
  unsigned n = 0;
  for (unsigned i = 0; i < t->form.in_count; i++) files |= 1u << t->in_file[i];
  for (unsigned k = 0; k < t->form.out_count; k++)
    files |= 1u << t->out_file[k];
  for (uint32_t f = files; f != 0; f &= f - 1) n++;
  for (uint8_t f = 0; f < FISA_MAX_FILES; f++) {
    if (!(files >> f & 1)) continue;
    if (x->v->program->dialect->files[f].zero)
      x->w->task.zero_files |= (uint16_t)(1u << f);
    find_free(x, f, FSE_WINDOW_TEMPS / n);
  }
}

/* Flags are no registers: live ones stay as they are, or there is no task. */
static int keep_flags(struct reading *x) {
  const struct fisa_dialect *d = x->v->program->dialect;
  for (uint32_t f = 0; f < d->file_count; f++) {
    if (d->files[f].kind != FISA_FILE_FLAG ||
        !is_live(&x->behind, d->files[f].first))
      continue;
    if (is_result(x, d->files[f].first)) return -1;
    x->w->task.flags_kept = true;
  }
  return 0;
}

/* Roles for all that goes in and comes out. */
static int place_all(struct reading *x) {
  struct fse_task *t = &x->w->task;
  if (keep_flags(x) != 0) return -1;
  for (unsigned i = 0; i < t->form.in_count; i++)
    if (place_input(x, i) != 0) return -1;
  for (unsigned k = 0; k < x->out_count; k++)
    if (place_result(x, k) != 0) return -1;
  find_all_free(x);
  return 0;
}

static int read_window(struct reading *x) {
  struct fse_window *w = x->w;
  for (uint32_t i = w->first; i < w->first + w->length; i++) {
    const struct fisa_insn *in = &x->v->facts->insn[i];
    if (fse_graph_add(x->g, in, x->slots->of[i], x->slots->stores[i]) != 0)
      return -1;
    w->cost += in->row->cost;
  }
  x->behind = live_behind(x->v, x->slots, w->first + w->length - 1);
  for (uint32_t i = 0; i < x->g->held_count; i++) {
    const struct fse_held *h = &x->g->held[i];
    if (h->written && h->cell < FISA_SET_WORDS * 64u)
      x->written.w[h->cell / 64] |= UINT64_C(1) << h->cell % 64;
  }
  if (find_results(x) != 0 ||
      fse_form_make(x->g, x->out, x->out_count, &w->task.form,
                    x->in_cell) != 0)
    return -1;
  return place_all(x);
}

/* Cells of a set, ascending, at most `most`; -1: there are more. */
static int cells_of(const struct fisa_set *s, uint32_t *cell, unsigned most) {
  unsigned n = 0;
  for (uint32_t c = 0; c < FISA_SET_WORDS * 64u; c++) {
    if (!holds(s, c)) continue;
    if (n == most) return -1;
    cell[n++] = c;
  }
  return (int)n;
}

/* What a row names is a constant of the task. */
static void name_constants(struct fse_wform *f, const struct fisa_insn *in) {
  for (unsigned k = 0; k < in->row->operand_count; k++) {
    uint8_t kind = in->row->operands[k].kind;
    unsigned n = 0;
    if (kind == FISA_OPERAND_REG || kind == FISA_OPERAND_UNUSED ||
        k == in->row->target)
      continue;
    while (n < f->const_count && f->constant[n] != in->value[k]) n++;
    if (n == f->const_count && n < FSE_WINDOW_CONSTS)
      f->constant[f->const_count++] = in->value[k];
  }
}

static int read_region(struct reading *x) {
  struct fse_window *w = x->w;
  const struct fisa_facts *f = x->v->facts;
  const struct fisa_insn *last = &f->insn[w->first + w->length - 1];
  struct fisa_set reads = {{0}}, ins, outs;
  int in_count, out_count;
  x->behind.cells = live_at(f, last->pc + last->length);
  if (x->behind.cells == NULL) return -1;
  for (uint32_t i = w->first; i < w->first + w->length; i++) {
    struct fisa_effects e;
    fisa_effects(x->v->program->dialect, &f->insn[i], &e);
    w->cost += f->insn[i].row->cost;
    name_constants(&w->task.form, &f->insn[i]);
    for (unsigned k = 0; k < FISA_SET_WORDS; k++) {
      reads.w[k] |= e.reads.w[k];
      x->written.w[k] |= e.writes.w[k];
    }
  }
  /* What is written on some way alone is what it was on the others. */
  for (unsigned k = 0; k < FISA_SET_WORDS; k++) {
    ins.w[k] = (reads.w[k] | x->written.w[k]) & f->live_in[w->first].w[k];
    outs.w[k] = x->written.w[k] & x->behind.cells->w[k];
  }
  in_count = cells_of(&ins, x->in_cell, FSE_WINDOW_INS);
  out_count = cells_of(&outs, x->out_cell, FSE_WINDOW_OUTS);
  if (in_count < 0 || out_count < 0) return -1;
  w->task.form.in_count = (uint8_t)in_count;
  w->task.form.out_count = (uint8_t)out_count;
  x->out_count = (unsigned)out_count;
  return place_all(x);
}

uint64_t fse_window_heat(const struct fse_view *v, uint32_t first) {
  assert(first < v->facts->count);
  return v->heat != NULL ? v->heat[v->facts->insn[first].pc]
                         : fse_profile_count(v->profile, first);
}

/* Reads instructions in one of the two ways, into x->w. */
static int read_as(struct reading *x, uint32_t first, uint32_t length,
                   int (*read)(struct reading *x)) {
  struct fse_window *w = x->w;
  assert(first + length <= x->v->facts->count && length > 0);
  memset(w, 0, sizeof *w);
  w->first = first;
  w->length = length;
  w->heat = fse_window_heat(x->v, first);
  if (read(x) != 0) return -1;
  w->task.key = fse_task_key(&w->task, x->v->lexicon);
  return 0;
}

int fse_window_read(const struct fse_view *v, const struct fse_slots *slots,
                    uint32_t first, uint32_t length, struct fse_window *out) {
  struct fse_graph g;
  struct reading x = {.v = v, .slots = slots, .w = out, .g = &g};
  g.v = v;
  g.count = g.held_count = 0;
  return read_as(&x, first, length, read_window);
}

int fse_window_region(const struct fse_view *v, uint32_t first,
                      uint32_t length, struct fse_window *out) {
  struct reading x = {.v = v, .w = out};
  return read_as(&x, first, length, read_region);
}
