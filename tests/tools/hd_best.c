/*
 * tests/tools/hd_best.c - the shortest straight-line unified programs for the
 * problems of Hacker's Delight, by enumeration.
 *
 *     hd_best [--rules all|plain] [--length N] [--known FILE] [PROBLEM...]
 *
 * A program here is a sequence of value rows: rows that read and write
 * registers R alone and go on to the next. It ends with its result in R3;
 * HALT is not counted, a constant that has to be loaded is. Immediates are
 * 0, 1, -1, 2, 31 and those of the problem's source. The rules are "all" of
 * the value rows, or the "plain" ones that the literature counts with.
 *
 * All programs of length 1, then 2, and so on to N (4) are tried on a number
 * of tests, and what passes them is run on the reference VM for a million
 * inputs. If it is wrong there, the input becomes one more test and the
 * length is done again. Two prefixes whose registers hold equal values in all
 * tests are one: what completes the one completes the other, as far as tests
 * tell. So "no program of this length passes the tests" is a proof, and the
 * first program that is right is a shortest.
 *
 * For each problem it prints, with tabs between: its name, the rules,
 * "proved" or "known", the length, the program. Where there is none to that
 * length, the program is that of FILE, whose lines look the same, and which
 * is held to a million inputs as well; it is proved if it is one longer.
 * Nothing is drawn by chance, so the output is the same each time.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"
#include "tests/hd_form.h"
#include "tests/tools/hd_kernel.h"

enum {
  LANES = 32,            /* tests to begin with */
  LANES_MAX = 128,
  SLOTS = 14,
  LENGTH_MAX = 6,
  STORED = 2,            /* prefixes to this length are kept, each once */
  INPUTS = 1000000       /* that a program is held to */
};

/* One instruction of a sequence: a kernel and the slots of D, A and B. */
struct instr {
  uint16_t kernel;
  uint8_t slot[HD_REGS];
};

/* What a sequence has led to. Slot 0 is the zero register, then come the
 * inputs, then registers in the order of their first use. */
struct state {
  const int32_t *col[SLOTS];
  uint64_t key[SLOTS];       /* of stored ones: columns in order */
  uint8_t slots, depth, result; /* result: the slot, of a whole program */
  uint16_t unused;           /* slots with values that nothing has read */
  struct instr path[LENGTH_MAX];
};

/* A growing list of states, each once. */
struct level {
  struct state *s;
  uint32_t count, room;
  uint32_t *table, mask;     /* by key: index + 1 */
};

/* Columns, each once. */
struct pool {
  int32_t **col;
  uint32_t count, room, *table, mask;
};

/* The children of one state that is not stored. */
struct brood {
  int32_t *values;           /* [room][2 columns] */
  struct state *s;
  uint32_t count, room, *table, mask, *stamp, now;
};

struct search {
  const struct hd_problem *problem;
  const struct hd_kernels *kernels;
  unsigned reads_most;       /* registers that one row reads at most */
  unsigned lanes;            /* a multiple of HD_CHUNK */
  int32_t in[LANES_MAX][HD_INPUTS];
  int32_t zero[LANES_MAX], want[LANES_MAX], given[HD_INPUTS][LANES_MAX];
  struct pool pool;
  struct level level[STORED + 1];
  struct brood brood[LENGTH_MAX];
  struct state found;        /* a right program, if `done` */
  bool done, again;          /* again: there is one more test */
};

static void fail(const char *what) {
  fprintf(stderr, "hd_best: %s\n", what);
  exit(1);
}

static void *grown(void *old, size_t n, size_t size) {
  void *p = realloc(old, n * size);

  if (!p)
    fail("out of memory");
  return p;
}

static uint64_t hashed(const void *bytes, size_t n, uint64_t h) {
  const uint32_t *w = bytes;

  for (size_t i = 0; i < n / 4; i++)
    h = (h ^ w[i]) * 0x9E3779B97F4A7C15u;
  return h ^ h >> 29;
}

/* ---- programs ------------------------------------------------------------ */

static bool is_input(const struct search *s, unsigned slot) {
  return slot >= 1 && slot <= s->problem->count;
}

/* Registers: inputs have theirs, the result is R3, others from R6 on. */
static int32_t register_of(const struct search *s, unsigned slot,
                           unsigned result) {
  if (slot == 0)
    return 0;
  if (is_input(s, slot))
    return (int32_t)s->problem->in[slot - 1].reg;
  return slot == result ? 3 : (int32_t)slot + 6;
}

static struct fisa_insn insn_of(const struct search *s, const struct state *t,
                                unsigned i) {
  const struct instr *at = &t->path[i];
  const struct hd_kernel *k = &s->kernels->k[at->kernel];
  struct fisa_insn in = k->insn;

  for (unsigned r = 0; r < HD_REGS; r++)
    if (k->operand[r] != HD_NOWHERE)
      in.value[k->operand[r]] = register_of(s, at->slot[r], t->result);
  return in;
}

static void print_program(const struct search *s, const struct state *t) {
  char text[128];

  for (unsigned i = 0; i < t->depth; i++) {
    struct fisa_insn in = insn_of(s, t, i);

    fisa_insn_text(s->kernels->dialect, &in, text, sizeof text);
    printf("%s%s", i == 0 ? "" : " / ", text);
  }
}

static struct fisa_program *program_of(const struct search *s,
                                       const struct state *t) {
  const struct fisa_dialect *d = s->kernels->dialect;
  struct fisa_insn halt = {.row = fisa_row_by_name(d, "HALT", 4)};
  struct fisa_program *p = NULL;
  uint8_t code[8 * (LENGTH_MAX + 1)];
  int n = 0;

  for (unsigned i = 0; i < t->depth; i++) {
    struct fisa_insn in = insn_of(s, t, i);
    int length = fisa_encode(&in, code + n);

    assert(length > 0);
    n += length;
  }
  n += fisa_encode(&halt, code + n);
  if (fisa_program_from_bytes(d, code, (size_t)n, &p, NULL) != 0)
    fail("out of memory");
  return p;
}

/* A program passes the tests: it is right, or there is one more test. */
static void candidate(struct search *s, const struct state *t) {
  struct hd_form f;
  struct fisa_error err = {""};
  uint64_t wrong;

  if (hd_form_take(&f, program_of(s, t), &err) != 0)
    fail(err.text);
  wrong = hd_form_wrong(&f, s->problem, 0, INPUTS);
  hd_form_done(&f);

  if (wrong == INPUTS) {
    s->found = *t;
    s->done = true;
    return;
  }
  if (s->lanes + HD_CHUNK > LANES_MAX)
    fail("too many tests");
  /* A chunk of them: the next that are drawn are as good as any. */
  for (unsigned i = 0; i < HD_CHUNK; i++)
    hd_draw(s->problem, wrong + i, s->in[s->lanes + i]);
  s->lanes += HD_CHUNK;
  s->again = true;
}

/* ---- steps --------------------------------------------------------------- */

/* Computes an instruction on all lanes; false: it faults on one. */
static bool compute(const struct search *s, const struct state *t,
                    const struct instr *at, int32_t *const out[HD_REGS]) {
  const struct hd_kernel *k = &s->kernels->k[at->kernel];
  int32_t chunk[HD_REGS][HD_CHUNK];

  for (unsigned lane = 0; lane < s->lanes; lane += HD_CHUNK) {
    const int32_t *in[HD_REGS];

    for (unsigned r = 0; r < HD_REGS; r++)
      in[r] = (at->slot[r] < t->slots ? t->col[at->slot[r]] : s->zero) + lane;
    if (!hd_kernel_run(k, in, chunk))
      return false;
    for (unsigned r = 0; r < HD_REGS; r++)
      if (k->writes[r] != HD_NOWHERE)
        memcpy(out[r] + lane, chunk[r], sizeof chunk[r]);
  }
  return true;
}

/* The state behind an instruction, with the columns it has written. */
static struct state stepped(const struct search *s, const struct state *t,
                            const struct instr *at,
                            int32_t *const out[HD_REGS]) {
  const struct hd_kernel *k = &s->kernels->k[at->kernel];
  struct state next = *t;

  for (unsigned r = 0; r < HD_REGS; r++)
    if (k->reads[r])
      next.unused &= (uint16_t)~(1u << at->slot[r]);
  for (unsigned r = 0; r < HD_REGS; r++)
    if (k->writes[r] != HD_NOWHERE) {
      if (at->slot[r] >= next.slots)
        next.slots = (uint8_t)(at->slot[r] + 1);
      next.col[at->slot[r]] = out[r];
      next.unused |= (uint16_t)(1u << at->slot[r]);
    }
  assert(next.slots <= SLOTS);
  next.path[next.depth++] = *at;
  return next;
}

/* Whether `left` more instructions can read all that is unread. */
static bool can_be_read(const struct search *s, const struct state *t,
                        unsigned left) {
  unsigned n = (unsigned)__builtin_popcount(t->unused);

  return n <= (s->reads_most - 1) * left + 1;
}

typedef void visit_fn(struct search *s, const struct state *t,
                      const struct instr *at, void *user);

/* The slots that D may be: those it changes, a fresh one, or, if it is only
 * read, any. Returns how many. */
static unsigned slots_of_d(const struct search *s, const struct state *t,
                           const struct hd_kernel *k, uint8_t d[SLOTS + 1]) {
  unsigned n = 0;

  (void)s;
  if (k->writes[HD_D] == HD_NOWHERE)
    d[n++] = 0;
  if (k->reads[HD_D] || k->writes[HD_D] == HD_NOWHERE)
    for (unsigned i = 1; i < t->slots; i++)
      d[n++] = (uint8_t)i;
  if (k->writes[HD_D] != HD_NOWHERE)
    d[n++] = t->slots;
  return n;
}

/*
 * Visits the instructions that may follow. With `all` they have to read every
 * value that is still unread: they are the last.
 */
static void each_instr(struct search *s, const struct state *t, bool all,
                       visit_fn *visit, void *user) {
  for (uint32_t n = 0; n < s->kernels->count && !s->done && !s->again; n++) {
    const struct hd_kernel *k = &s->kernels->k[n];
    struct instr at = {.kernel = (uint16_t)n};
    uint8_t d[SLOTS + 1];
    unsigned ds = slots_of_d(s, t, k, d);
    unsigned as = k->reads[HD_A] ? t->slots : 1;
    unsigned bs = k->reads[HD_B] ? t->slots : 1;

    for (unsigned i = 0; i < ds; i++) {
      unsigned need = all ? t->unused : 0;

      at.slot[HD_D] = d[i];
      if (k->reads[HD_D])
        need &= ~(1u << d[i]);
      for (unsigned a = 0; a < as; a++) {
        unsigned rest = k->reads[HD_A] ? need & ~(1u << a) : need;

        if (k->writes[HD_A] != HD_NOWHERE && (a == 0 || a == d[i]))
          continue;
        at.slot[HD_A] = (uint8_t)a;
        for (unsigned b = k->commutes ? a : 0; b < bs; b++) {
          if (k->reads[HD_B] ? rest & ~(1u << b) : rest)
            continue;
          at.slot[HD_B] = (uint8_t)b;
          visit(s, t, &at, user);
        }
      }
    }
  }
}

/* ---- the last instruction ------------------------------------------------ */

/* Whether an output that may be R3 is what is wanted. */
static bool hits(const struct search *s, const struct hd_kernel *k,
                 const struct instr *at, unsigned lane,
                 int32_t chunk[HD_REGS][HD_CHUNK], bool is[HD_REGS]) {
  bool any = false;

  for (unsigned r = 0; r < HD_REGS; r++) {
    is[r] = is[r] && k->writes[r] != HD_NOWHERE && !is_input(s, at->slot[r]) &&
            memcmp(chunk[r], s->want + lane, sizeof chunk[r]) == 0;
    any |= is[r];
  }
  return any;
}

static void try_last(struct search *s, const struct state *t,
                     const struct instr *at, void *user) {
  const struct hd_kernel *k = &s->kernels->k[at->kernel];
  int32_t chunk[HD_REGS][HD_CHUNK], values[HD_REGS][LANES_MAX];
  int32_t *const out[HD_REGS] = {values[0], values[1], values[2]};
  bool is[HD_REGS] = {true, true, true};
  struct state end;

  (void)user;
  if (s->done || s->again)
    return;
  if (k->writes[HD_A] == HD_NOWHERE && is_input(s, at->slot[HD_D]))
    return;
  for (unsigned lane = 0; lane < s->lanes; lane += HD_CHUNK) {
    const int32_t *in[HD_REGS];

    for (unsigned r = 0; r < HD_REGS; r++)
      in[r] = (at->slot[r] < t->slots ? t->col[at->slot[r]] : s->zero) + lane;
    if (!hd_kernel_run(k, in, chunk) || !hits(s, k, at, lane, chunk, is))
      return;
  }
  if (!compute(s, t, at, out))
    fail("a last instruction that differs from itself");
  end = stepped(s, t, at, out);
  for (unsigned r = 0; r < HD_REGS; r++)
    if (is[r])
      end.result = at->slot[r];
  candidate(s, &end);
}

/* ---- prefixes that are not stored ---------------------------------------- */

static void brood_clear(struct brood *b) {
  enum { ROOM = 1 << 14 };

  if (!b->room) {
    b->room = ROOM;
    b->mask = 4 * ROOM - 1;
    b->values = grown(NULL, (size_t)ROOM * 2 * LANES_MAX, sizeof(int32_t));
    b->s = grown(NULL, ROOM, sizeof *b->s);
    b->table = grown(NULL, b->mask + 1, sizeof *b->table);
    b->stamp = grown(NULL, b->mask + 1, sizeof *b->stamp);
    memset(b->stamp, 0, (b->mask + 1) * sizeof *b->stamp);
  }
  b->count = 0;
  b->now++;
}

/* Whether two children of a state hold equal values in the same slots. */
static bool twins(const struct search *s, const struct state *x,
                  const struct state *y) {
  if (x->slots != y->slots)
    return false;
  for (unsigned i = 0; i < x->slots; i++)
    if (x->col[i] != y->col[i] &&
        memcmp(x->col[i], y->col[i], s->lanes * sizeof(int32_t)) != 0)
      return false;
  return true;
}

static void add_child(struct search *s, const struct state *t,
                      const struct instr *at, void *user) {
  struct brood *b = user;
  const struct hd_kernel *k = &s->kernels->k[at->kernel];
  int32_t *values = b->values + (size_t)b->count * 2 * LANES_MAX;
  int32_t *const out[HD_REGS] = {values, values + LANES_MAX, NULL};
  struct state next;
  uint64_t h = 0;
  uint32_t i;

  if (!compute(s, t, at, out))
    return;
  next = stepped(s, t, at, out);
  for (unsigned r = 0; r < HD_REGS; r++)
    if (k->writes[r] != HD_NOWHERE)
      h += hashed(out[r], s->lanes * sizeof(int32_t), at->slot[r]);
  for (i = (uint32_t)h & b->mask; b->stamp[i] == b->now; i = (i + 1) & b->mask)
    if (twins(s, &b->s[b->table[i]], &next))
      return;
  b->stamp[i] = b->now;
  b->table[i] = b->count;
  b->s[b->count++] = next;
  if (b->count == b->room)
    fail("too many children");
}

/* Completes a prefix to `left` more instructions in all ways. */
static void complete(struct search *s, const struct state *t, unsigned left) {
  struct brood *b = &s->brood[t->depth];

  if (left == 1) {
    each_instr(s, t, true, try_last, NULL);
    return;
  }
  brood_clear(b);
  each_instr(s, t, false, add_child, b);
  for (uint32_t i = 0; i < b->count && !s->done && !s->again; i++)
    if (can_be_read(s, &b->s[i], left - 1))
      complete(s, &b->s[i], left - 1);
}

/* ---- prefixes that are stored -------------------------------------------- */

static void table_grow(uint32_t **table, uint32_t *mask, uint32_t count) {
  if (*table && count * 2 <= *mask)
    return;
  *mask = *table ? *mask * 2 + 1 : 1023;
  *table = grown(*table, *mask + 1, sizeof **table);
  memset(*table, 0, (*mask + 1) * sizeof **table);
}

/* The one copy of a column. */
static const int32_t *interned(struct search *s, const int32_t *col) {
  struct pool *p = &s->pool;
  size_t size = s->lanes * sizeof(int32_t);
  uint32_t i, old = p->mask;

  table_grow(&p->table, &p->mask, p->count);
  for (uint32_t c = 0; old != p->mask && c < p->count; c++) {
    i = (uint32_t)hashed(p->col[c], size, 1) & p->mask;
    while (p->table[i])
      i = (i + 1) & p->mask;
    p->table[i] = c + 1;
  }
  i = (uint32_t)hashed(col, size, 1) & p->mask;
  for (; p->table[i]; i = (i + 1) & p->mask)
    if (memcmp(p->col[p->table[i] - 1], col, size) == 0)
      return p->col[p->table[i] - 1];
  if (p->count == p->room) {
    p->room = p->room ? 2 * p->room : 1024;
    p->col = grown(p->col, p->room, sizeof *p->col);
  }
  p->col[p->count] = grown(NULL, s->lanes, sizeof(int32_t));
  memcpy(p->col[p->count], col, size);
  p->table[i] = ++p->count;
  return p->col[p->count - 1];
}

static int ascending(const void *x, const void *y) {
  uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

  return (a > b) - (a < b);
}

/* What registers hold, whichever they are, but for those of inputs, which
 * the result cannot be in. Columns are aligned, so the last bit is free. */
static void make_key(const struct search *s, struct state *t) {
  memset(t->key, 0, sizeof t->key);
  for (unsigned i = 1; i < t->slots; i++)
    t->key[i] = (uint64_t)(uintptr_t)t->col[i] | is_input(s, i);
  qsort(t->key, SLOTS, sizeof t->key[0], ascending);
}

static uint32_t key_place(const struct level *l, const struct state *t) {
  uint32_t i = (uint32_t)hashed(t->key, sizeof t->key, 2) & l->mask;

  while (l->table[i] &&
         memcmp(l->s[l->table[i] - 1].key, t->key, sizeof t->key) != 0)
    i = (i + 1) & l->mask;
  return i;
}

static void add_to_level(struct level *l, const struct state *t) {
  uint32_t i, old = l->mask;

  table_grow(&l->table, &l->mask, l->count);
  for (uint32_t c = 0; old != l->mask && c < l->count; c++)
    l->table[key_place(l, &l->s[c])] = c + 1;
  i = key_place(l, t);
  if (l->table[i])
    return;
  if (l->count == l->room) {
    l->room = l->room ? 2 * l->room : 1024;
    l->s = grown(l->s, l->room, sizeof *l->s);
  }
  l->s[l->count++] = *t;
  l->table[i] = l->count;
}

static void store_child(struct search *s, const struct state *t,
                        const struct instr *at, void *user) {
  int32_t values[HD_REGS][LANES_MAX];
  int32_t *const out[HD_REGS] = {values[0], values[1], values[2]};
  const struct hd_kernel *k = &s->kernels->k[at->kernel];
  struct state next;

  if (!compute(s, t, at, out))
    return;
  next = stepped(s, t, at, out);
  for (unsigned r = 0; r < HD_REGS; r++)
    if (k->writes[r] != HD_NOWHERE)
      next.col[at->slot[r]] = interned(s, out[r]);
  make_key(s, &next);
  add_to_level(user, &next);
}

/* ---- one problem --------------------------------------------------------- */

static void level_clear(struct level *l) {
  free(l->s);
  free(l->table);
  memset(l, 0, sizeof *l);
}

static void forget(struct search *s) {
  for (uint32_t i = 0; i < s->pool.count; i++)
    free(s->pool.col[i]);
  free(s->pool.col);
  free(s->pool.table);
  memset(&s->pool, 0, sizeof s->pool);
  for (unsigned i = 0; i <= STORED; i++)
    level_clear(&s->level[i]);
}

/* Columns of the tests, and the empty sequence. */
static void begin(struct search *s) {
  struct state t = {.slots = (uint8_t)(s->problem->count + 1)};

  forget(s);
  for (unsigned lane = 0; lane < s->lanes; lane++) {
    s->want[lane] = s->problem->fn(s->in[lane]);
    for (unsigned i = 0; i < s->problem->count; i++)
      s->given[i][lane] = s->in[lane][i];
  }
  t.col[0] = s->zero;
  for (unsigned i = 0; i < s->problem->count; i++)
    t.col[i + 1] = interned(s, s->given[i]);
  make_key(s, &t);
  add_to_level(&s->level[0], &t);
}

/* Makes the prefixes of a length that is stored, if they are not yet. */
static void make_level(struct search *s, unsigned n) {
  if (s->level[n].count > 0)
    return;
  for (uint32_t i = 0; i < s->level[n - 1].count; i++)
    each_instr(s, &s->level[n - 1].s[i], false, store_child, &s->level[n]);
  fprintf(stderr, "%s: %u prefixes of %u\n", s->problem->name,
          s->level[n].count, n);
}

/* Tries all programs of a length; leaves `done` or `again` set, or neither. */
static void try_length(struct search *s, unsigned length) {
  unsigned stored = length - 1 < STORED ? length - 1 : STORED;

  for (unsigned n = 1; n <= stored; n++)
    make_level(s, n);
  for (uint32_t i = 0; i < s->level[stored].count; i++) {
    const struct state *t = &s->level[stored].s[i];

    if (can_be_read(s, t, length - stored))
      complete(s, t, length - stored);
    if (s->done || s->again)
      return;
  }
}

static void first_tests(struct search *s) {
  uint64_t edges = hd_edges(s->problem);

  s->lanes = LANES;
  for (uint64_t i = 0; i < LANES; i++)
    hd_draw(s->problem, i % 2 ? i * 1000003 % edges : edges + i, s->in[i]);
}

/* Returns the length found, or 0. */
static unsigned shortest(struct search *s, unsigned most) {
  first_tests(s);
  begin(s);
  for (unsigned length = 1; length <= most; length++) {
    do {
      s->again = false;
      try_length(s, length);
      if (s->again)
        begin(s);
    } while (s->again);
    fprintf(stderr, "%s: length %u: %s\n", s->problem->name, length,
            s->done ? "found" : "none");
    if (s->done)
      return length;
  }
  return 0;
}

/* ---- constants ----------------------------------------------------------- */

static bool add_constant(int32_t *constant, unsigned *count, unsigned room,
                         int32_t v) {
  for (unsigned i = 0; i < *count; i++)
    if (constant[i] == v)
      return true;
  if (*count == room)
    return false;
  constant[(*count)++] = v;
  return true;
}

/* The five, and the immediates of the source but for its addresses: rows
 * that reach memory have no others. */
static unsigned constants_of(const char *name, int32_t *constant,
                             unsigned room) {
  static const int32_t five[] = {0, 1, -1, 2, 31};
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};
  struct fisa_insn in;
  char path[512];
  const char *top = getenv("FLUX_SRCDIR");
  unsigned count = 0;

  for (unsigned i = 0; i < 5; i++)
    add_constant(constant, &count, room, five[i]);
  snprintf(path, sizeof path, "%s/tests/data/hd/%s.flx", top ? top : ".", name);
  if (fisa_load(path, NULL, NULL, &d, &p, &err) != 0)
    fail(err.text);
  for (uint32_t pc = 0; fisa_decode(d, p->code, p->size, pc, &in) ==
                        FISA_DECODED; pc += in.length)
    for (unsigned i = 0; i < in.row->operand_count; i++) {
      unsigned kind = in.row->operands[i].kind;

      if (kind != FISA_OPERAND_REG && kind != FISA_OPERAND_UNUSED &&
          !(in.row->roles & FISA_ROLE_MEMORY) &&
          !add_constant(constant, &count, room, in.value[i]))
        fail("too many constants");
    }
  fisa_program_free(p);
  fisa_dialect_free(d);
  return count;
}

/* ---- main ---------------------------------------------------------------- */

static unsigned reads_most(const struct hd_kernels *ks) {
  unsigned most = 0;

  for (uint32_t i = 0; i < ks->count; i++) {
    unsigned n = 0;

    for (unsigned r = 0; r < HD_REGS; r++)
      n += ks->k[i].reads[r];
    most = n > most ? n : most;
  }
  return most;
}

/* What the enumeration did not reach: a program somebody knows. */
static void print_known(const struct search *s, const char *rules,
                        unsigned most, const char *known) {
  struct hd_best best;
  struct hd_form f;
  struct fisa_error err = {""};
  char text[sizeof best.program + 8];

  if (!known ||
      hd_best_read(known, s->problem->name, rules, &best) != 0) {
    printf("none\t%u\t-\n", most);
    return;
  }
  snprintf(text, sizeof text, "%s\nHALT\n", best.program);
  if (hd_form_text(&f, text, &err) != 0)
    fail(err.text);
  if (hd_form_wrong(&f, s->problem, 0, INPUTS) != INPUTS)
    fail("a known program is wrong");
  printf("%s\t%u\t", hd_form_length(&f) == most + 1 ? "proved" : "known",
         hd_form_length(&f));
  for (const char *at = best.program; *at != '\0'; at++)
    putchar(*at == '\n' ? '/' : *at);
  printf("\n");
  hd_form_done(&f);
}

static void solve(const struct hd_problem *p, const char *rules,
                  unsigned most, const char *known) {
  enum { CONSTANTS = 32 };
  static struct search search;
  struct search *s = &search;
  int32_t constant[CONSTANTS];
  unsigned count = constants_of(p->name, constant, CONSTANTS), length;
  struct hd_kernels *ks = hd_kernels_new(
      strcmp(rules, "plain") == 0 ? hd_plain_rows : NULL, constant, count);

  fprintf(stderr, "%s %s: %u rows with %u constants\n", p->name, rules,
          ks->count, count);
  s->problem = p;
  s->kernels = ks;
  s->reads_most = reads_most(ks);
  s->done = s->again = false;
  length = shortest(s, most);
  printf("%s\t%s\t", p->name, rules);
  if (length) {
    printf("proved\t%u\t", length);
    print_program(s, &s->found);
    printf("\n");
  } else {
    print_known(s, rules, most, known);
  }
  fflush(stdout);
  forget(s);
  hd_kernels_free(ks);
}

static bool wanted(const char *name, char **names, int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0)
      return true;
  return count == 0;
}

int main(int argc, char **argv) {
  const char *rules = NULL, *known = NULL;
  unsigned most = 4;
  int i = 1;

  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    if (strcmp(argv[i], "--rules") == 0)
      rules = argv[i + 1];
    else if (strcmp(argv[i], "--length") == 0)
      most = (unsigned)atoi(argv[i + 1]);
    else if (strcmp(argv[i], "--known") == 0)
      known = argv[i + 1];
    else
      fail("options are --rules, --length and --known");
  }
  if (most < 1 || most > LENGTH_MAX)
    fail("--length is 1 to 6");
  for (unsigned n = 0; n < HD_PROBLEMS; n++)
    for (unsigned r = 0; r < HD_RULES; r++)
      if (wanted(hd_problems[n].name, argv + i, argc - i) &&
          (!rules || strcmp(rules, hd_rules[r]) == 0))
        solve(&hd_problems[n], hd_rules[r], most, known);
  return 0;
}
