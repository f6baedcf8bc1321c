/*
 * plugin/window_tests.c - what a task gives, and whether a patch gives it.
 */
#include "plugin/window_tests.h"

#include <assert.h>
#include <string.h>

#include "gpu/semantics.h"
#include "gpu/trial.h"

/* ---- drawing ------------------------------------------------------------ */

static const int32_t telling[] = {
    0, 1, -1, 2, -2, 3, -3, 4, 5, 7, 8, -8, 10, 12, 15, 16, 31, 32, 33, 63,
    100, 127, 128, -128, -129, 255, 256, 1000, 0x7FFF, 0x8000, -0x8000, 0xFFFF,
    0x10000, 0x00FF00FF, 0x0F0F0F0F, 0x33333333, 0x55555555, -0x55555556,
    0x12345678, -0x12345678, 0x3FFFFFFF, 0x40000000, -0x40000000, 0x7FFFFFFE,
    0x7FFFFFFF, -0x7FFFFFFF, FSEM_INT_MIN, 0x00800000, 0x3F800000};
#define TELLING (sizeof telling / sizeof telling[0])

/* A stream of numbers of its own for every test. */
struct stream {
  uint64_t state;
};

static uint32_t draw(struct stream *s) {
  uint64_t v = s->state += UINT64_C(0x9E3779B97F4A7C15);
  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return (uint32_t)(v >> 32);
}

/* A constant of the task is where it changes its mind; so is what lies beside
 * it. */
static int32_t draw_value(const struct fse_wform *f, struct stream *s) {
  uint32_t how = draw(s), v = draw(s);
  if (f->const_count > 0 && how >> 29 == 0)
    return fsem_add(f->constant[v % f->const_count],
                    (int32_t)((v >> 8) % 3) - 1);
  switch (how % 8) {
    case 0: case 1:
      return telling[v % TELLING];
    case 2: /* a power of two, or beside one */
      v = ((uint32_t)1 << (v >> 27)) + (how >> 8) % 3 - 1;
      return fsem_wrap(how >> 16 & 1 ? v : 0u - v);
    case 3:
      return (int32_t)(v % 512) - 256;
    case 4: /* any number of significant bits */
      return fsem_wrap(v >> (how >> 8) % 32);
    case 5: /* ... or of zeros behind */
      return fsem_wrap(v << (how >> 8) % 32);
    default:
      return fsem_wrap(v);
  }
}

/* Inputs are often equal, neighbours, or the opposite of each other. */
static int32_t draw_beside(const struct fse_wform *f, struct stream *s,
                           int32_t first) {
  uint32_t how = draw(s);
  switch (how % 16) {
    case 0: return first;
    case 1: return fsem_add(first, (int32_t)(how >> 8) % 3 - 1);
    case 2: return ~first;
    case 3: return fsem_sub(0, first);
    case 4: return fsem_wrap((uint32_t)first ^ (uint32_t)1 << (how >> 27));
    default: return draw_value(f, s);
  }
}

static void draw_point(uint64_t seed, uint64_t number,
                       const struct fse_wform *f, struct fse_point *p) {
  struct stream s = {seed + number * UINT64_C(0xD1B54A32D192ED03)};
  p->in[0] = draw_value(f, &s);
  for (unsigned i = 1; i < f->in_count; i++)
    p->in[i] = draw_beside(f, &s, p->in[draw(&s) % i]);
}

/* Test number n of those that are drawn: all pairs of telling values (of the
 * first two inputs), then whatever comes. */
static void drawn(const struct fse_tests *t, uint64_t n, struct fse_point *p) {
  unsigned in_count = t->task->form.in_count;
  draw_point(t->seed, n, &t->task->form, p);
  if (n >= TELLING * TELLING) return;
  p->in[0] = telling[n % TELLING];
  if (in_count > 1) p->in[1] = telling[n / TELLING];
}

static void put_point(struct fse_column *in, unsigned lane, unsigned in_count,
                      const struct fse_point *p) {
  for (unsigned i = 0; i < in_count; i++) in[i].lane[lane] = p->in[i];
}

void fse_tests_sample(const struct fse_tests *t, uint64_t number,
                      struct fse_column in[FSE_WINDOW_INS]) {
  struct fse_wform f = t->task->form;
  f.in_count = FSE_WINDOW_INS;
  for (unsigned lane = 0; lane < FSE_LANES; lane++) {
    struct fse_point p;
    draw_point(t->seed, (UINT64_C(1) << 48) + number * FSE_LANES + lane, &f,
               &p);
    put_point(in, lane, f.in_count, &p);
  }
}

/* ---- running ------------------------------------------------------------ */

void fse_form_eval(const struct fse_wform *f, const struct fse_column *in,
                   struct fse_column *out) {
  struct fse_column value[FSE_WINDOW_INS + FSE_WINDOW_CONSTS +
                          FSE_WINDOW_OPS];
  static const struct fse_column zero;
  const struct fse_kernels *k = fse_kernels();
  unsigned n = 0;
  for (; n < f->in_count; n++) value[n] = in[n];
  for (unsigned i = 0; i < f->const_count; i++, n++)
    for (unsigned lane = 0; lane < FSE_LANES; lane++)
      value[n].lane[lane] = f->constant[i];
  for (unsigned i = 0; i < f->node_count; i++, n++) {
    const struct fse_wnode *x = &f->node[i];
    const struct fse_column *a = x->a == FSE_NOTHING ? &zero : &value[x->a];
    const struct fse_column *b = x->b == FSE_NOTHING ? &zero : &value[x->b];
    const struct fse_column *c = x->c == FSE_NOTHING ? &zero : &value[x->c];
    assert(n < sizeof value / sizeof value[0]);
    if (x->d != FSE_NOTHING) value[n] = value[x->d];
    k->run[x->op](&value[n], a, b, c, fse_all_lanes(x->imm));
  }
  for (unsigned i = 0; i < f->out_count; i++) out[i] = value[f->out[i]];
}

int fse_patch_eval(const struct fse_menu *m, const struct fse_task *t,
                   const struct fse_patch *p, struct fse_column *role) {
  for (unsigned i = 0; i < p->count; i++) {
    const struct fse_winsn *in = &p->insn[i];
    uint8_t at = m->by_opcode[in->row->opcode];
    struct fse_menu_args args = {{NULL, NULL, NULL}, 0};
    const struct fse_menu_row *r;
    if (at == FSE_NOTHING) return -1;
    r = &m->row[at];
    for (unsigned k = 0; k < r->read_count; k++) {
      int32_t from = in->value[r->read[k]];
      args.read[k] = from < t->role_count ? &role[from] : &m->column[0];
    }
    if (r->imm != FSE_NOTHING)
      while (args.pool < m->pool_count &&
             m->constant[args.pool] != in->value[r->imm])
        args.pool++;
    if (args.pool == m->pool_count || in->value[r->result] >= t->role_count)
      return -1;
    fse_menu_eval(m, r, &args, &role[in->value[r->result]],
                  fse_all_lanes(0));
  }
  return 0;
}

/* ---- the first column --------------------------------------------------- */

#define POOL_COLUMNS 16u  /* drawn, of which one is chosen */

/* What was seen of a point, which is one of them. */
static uint32_t seen_at(const struct fse_tests *t, const struct fse_point *p) {
  size_t size = t->task->form.in_count * sizeof p->in[0];
  uint32_t i = 0;
  while (i + 1 < t->seen->count &&
         memcmp(t->seen->point[i].in, p->in, size) != 0)
    i++;
  return i;
}

/* Puts a point that was seen into a lane, with what it gave. */
static void put_seen(const struct fse_tests *t, uint32_t at, unsigned lane,
                     struct fse_column *in, struct fse_column *out) {
  const struct fse_wform *f = &t->task->form;
  put_point(in, lane, f->in_count, &t->seen->point[at]);
  for (unsigned k = 0; k < f->out_count; k++)
    out[k].lane[lane] = t->seen->out[at][k];
}

/* Points to choose from, by what the task gives for them. */
struct choosing {
  struct fse_column in[POOL_COLUMNS][FSE_WINDOW_INS];
  uint64_t gives[POOL_COLUMNS * FSE_LANES];
  bool taken[POOL_COLUMNS * FSE_LANES];
  unsigned at;
};

static void draw_pool(const struct fse_tests *t, struct choosing *c) {
  const struct fse_wform *f = &t->task->form;
  struct fse_column out[FSE_WINDOW_OUTS];
  uint64_t number = UINT64_C(1) << 32;
  memset(c->taken, 0, sizeof c->taken);
  for (unsigned n = 0; n < POOL_COLUMNS; n++) {
    for (unsigned lane = 0; lane < FSE_LANES; lane++) {
      struct fse_point p;
      draw_point(t->seed, number++, f, &p);
      put_point(c->in[n], lane, f->in_count, &p);
    }
    fse_form_eval(f, c->in[n], out);
    for (unsigned lane = 0; lane < FSE_LANES; lane++) {
      uint64_t h = 0;
      for (unsigned k = 0; k < f->out_count; k++)
        h = (h ^ (uint32_t)out[k].lane[lane]) * UINT64_C(0x100000001B3);
      c->gives[n * FSE_LANES + lane] = h;
    }
  }
}

/* The next point whose result none of the last few had; any, if all did. */
static unsigned choose(struct choosing *c, const uint64_t *last,
                       unsigned last_count) {
  unsigned count = POOL_COLUMNS * FSE_LANES;
  assert(last_count <= 3);
  for (unsigned most = last_count;; most = most > 0 ? most - 1 : 0)
    for (unsigned n = 0; n < count; n++) {
      unsigned i = (c->at + n) % count;
      bool seen = c->taken[i];
      for (unsigned k = 0; k < most && !seen; k++)
        seen = last[k] == c->gives[i];
      if (seen) continue;
      c->taken[i] = true;
      c->at = i + 1;
      return i;
    }
}

/*
 * Counters and drawn tests in turn, the latest counter foremost, since scans
 * look at the first lanes alone; of the drawn ones such that what the task
 * gives differs from one to the next, even if it is but 0 or 1.
 */
static void fill_drawn(struct fse_tests *t) {
  unsigned in_count = t->task->form.in_count, left = t->counter_count;
  struct choosing c;
  uint64_t last[3] = {0};
  unsigned last_count = 0;
  c.at = 0;
  draw_pool(t, &c);
  for (unsigned lane = 0; lane < FSE_LANES; lane++) {
    unsigned i;
    if (lane % 2 == 0 && left > 0) {
      put_point(t->in, lane, in_count, &t->counter[--left]);
      continue;
    }
    i = choose(&c, last, last_count);
    last[2] = last[1];
    last[1] = last[0];
    last[0] = c.gives[i];
    if (last_count < 3) last_count++;
    for (unsigned k = 0; k < in_count; k++)
      t->in[k].lane[lane] = c.in[i / FSE_LANES][k].lane[i % FSE_LANES];
  }
  fse_form_eval(&t->task->form, t->in, t->out);
}

/* Of what was seen: counters and others in turn, again and again if there are
 * few. */
static void fill_seen(struct fse_tests *t) {
  unsigned left = t->counter_count, n = 0;
  for (unsigned lane = 0; lane < FSE_LANES; lane++) {
    uint32_t at = lane % 2 == 0 && left > 0 ? seen_at(t, &t->counter[--left])
                                            : n++ % t->seen->count;
    put_seen(t, at, lane, t->in, t->out);
  }
}

static void fill(struct fse_tests *t) {
  if (t->seen != NULL) fill_seen(t);
  else fill_drawn(t);
}

void fse_tests_make(struct fse_tests *t, const struct fse_task *task,
                    uint64_t seed) {
  assert(task->form.in_count <= FSE_WINDOW_INS);
  t->task = task;
  t->seed = ftrial_random(seed, task->key, 0, 0);
  fill(t);
}

bool fse_tests_add(struct fse_tests *t, const struct fse_point *p) {
  size_t size = t->task->form.in_count * sizeof p->in[0];
  for (unsigned i = 0; i < t->counter_count; i++)
    if (memcmp(t->counter[i].in, p->in, size) == 0) return false;
  if (t->counter_count == FSE_COUNTERS_MAX) {
    memmove(&t->counter[0], &t->counter[1],
            (FSE_COUNTERS_MAX - 1) * sizeof t->counter[0]);
    t->counter_count--;
  }
  t->counter[t->counter_count++] = *p;
  fill(t);
  return true;
}

/* ---- agreeing ----------------------------------------------------------- */

/* Lane on which the patch differs from what the task gives, or FSE_LANES. */
static unsigned differs(const struct fse_task *t, const struct fse_menu *m,
                        const struct fse_patch *p,
                        const struct fse_column *in,
                        const struct fse_column *out) {
  const struct fse_wform *f = &t->form;
  struct fse_column role[FSE_WINDOW_ROLES];
  memset(role, 0x5A, sizeof role);
  for (unsigned i = 0; i < f->in_count; i++) role[p->in_role[i]] = in[i];
  if (fse_patch_eval(m, t, p, role) != 0) return 0;
  for (unsigned k = 0; k < f->out_count; k++)
    for (unsigned lane = 0; lane < FSE_LANES; lane++)
      if (role[p->out_role[k]].lane[lane] != out[k].lane[lane]) return lane;
  for (unsigned i = 0; i < f->in_count; i++)
    if (t->in_kept[i] &&
        memcmp(&role[p->in_role[i]], &in[i], sizeof in[i]) != 0)
      return 0;
  return FSE_LANES;
}

bool fse_tests_tell(const struct fse_task *t, const struct fse_menu *m,
                    const struct fse_patch *p,
                    const struct fse_point *point) {
  struct fse_column in[FSE_WINDOW_INS], out[FSE_WINDOW_OUTS];
  for (unsigned lane = 0; lane < FSE_LANES; lane++)
    put_point(in, lane, t->form.in_count, point);
  fse_form_eval(&t->form, in, out);
  return differs(t, m, p, in, out) != FSE_LANES;
}

/* Columns that a patch is tried on, and what it differed on. */
struct trying {
  const struct fse_tests *t;
  const struct fse_menu *m;
  const struct fse_patch *p;
  struct fse_column in[FSE_WINDOW_INS], out[FSE_WINDOW_OUTS];
  struct fse_point *counter;
};

/* Whether it gives on a column what the task does. */
static bool try_column(const struct trying *x, const struct fse_column *in,
                       const struct fse_column *out) {
  const struct fse_task *task = x->t->task;
  unsigned lane = differs(task, x->m, x->p, in, out);
  if (lane == FSE_LANES) return true;
  for (unsigned i = 0; i < task->form.in_count; i++)
    x->counter->in[i] = in[i].lane[lane];
  return false;
}

/* The same on inputs alone. */
static bool try_inputs(struct trying *x) {
  fse_form_eval(&x->t->task->form, x->in, x->out);
  return try_column(x, x->in, x->out);
}

/* The same on all that was seen. */
static bool agree_as_seen(struct trying *x) {
  for (uint32_t from = 0; from < x->t->seen->count; from += FSE_LANES) {
    for (unsigned lane = 0; lane < FSE_LANES; lane++)
      put_seen(x->t, (from + lane) % x->t->seen->count, lane, x->in, x->out);
    if (!try_column(x, x->in, x->out)) return false;
  }
  return true;
}

bool fse_tests_agree(const struct fse_tests *t, const struct fse_menu *m,
                     const struct fse_patch *p, uint32_t states,
                     struct fse_point *counter) {
  struct trying x = {.t = t, .m = m, .p = p, .counter = counter};
  unsigned in_count = t->task->form.in_count;
  assert(in_count <= FSE_WINDOW_INS);
  if (!try_column(&x, t->in, t->out)) return false;
  if (in_count == 0) return true;
  if (t->seen != NULL) return agree_as_seen(&x);
  for (unsigned from = 0; from < t->counter_count; from += FSE_LANES) {
    for (unsigned lane = 0; lane < FSE_LANES; lane++)
      put_point(x.in, lane, in_count,
                &t->counter[(from + lane) % t->counter_count]);
    if (!try_inputs(&x)) return false;
  }
  for (uint32_t from = 0; from < states; from += FSE_LANES) {
    for (unsigned lane = 0; lane < FSE_LANES; lane++) {
      struct fse_point point;
      drawn(t, from + lane, &point);
      put_point(x.in, lane, in_count, &point);
    }
    if (!try_inputs(&x)) return false;
  }
  return true;
}
