/*
 * plugin/genome.c - a program as genes and back.
 *
 * The bytes: a mode, then the size of the code, its entry and its boundary as
 * numbers of 7 bits a byte, the lowest first; then the code as it is (STORED),
 * or tokens. A token below FOLD is followed by so many bytes of code, and one;
 * FOLD by a length and a distance back, in bytes; LOOP by the length of a body
 * and the jump that closes it, without its target; the body follows.
 */
#include "plugin/genome.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/kinds.h"

enum { MODE_TOKENS = 1, MODE_STORED = 2 };
enum { FOLD = 0x80, LOOP = 0x81, LITERAL_MAX = FOLD };
enum { DEPTH_MAX = 32, FOLD_LEAST = 4, LOOK_BACK = 256 };

/* ---- bytes -------------------------------------------------------------- */

/* Bytes written; past `capacity` they are only counted. */
struct out {
  uint8_t *at;
  uint32_t size, capacity;
};

static void put(struct out *o, uint8_t byte) {
  if (o->size < o->capacity) o->at[o->size] = byte;
  o->size++;
}

static void put_number(struct out *o, uint32_t n) {
  while (n >= 0x80) {
    put(o, (uint8_t)(n | 0x80));
    n >>= 7;
  }
  put(o, (uint8_t)n);
}

static void put_bytes(struct out *o, const uint8_t *bytes, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) put(o, bytes[i]);
}

/* ---- the normal form ---------------------------------------------------- */

/* Takes the NOPs out of a draft; whether there were any. */
static bool drop_nops(struct fse_draft *d) {
  bool any = false;
  for (uint32_t i = 0; i < d->count; i++)
    if ((d->nodes[i].insn.row->roles & FISA_ROLE_NOP) &&
        !d->nodes[i].pinned && fse_draft_remove(d, i) == 0)
      any = true;
  return any;
}

/* The program that is encoded; NULL: memory. */
static struct fisa_program *normal_form(const struct fisa_program *p,
                                        const struct fisa_facts *f) {
  struct fisa_program *same = fisa_program_derive(
      p, p->code, p->size, p->entry, p->manifest.boundary.pc);
  struct fse_draft *d = NULL;
  struct fse_child c = {0};
  struct fisa_finding finding;
  if (same == NULL || f->layout_frozen || f->count_frozen || f->has_dynamic ||
      fse_draft_make(p, f, &d, NULL) != 0)
    return same;
  (void)drop_nops(d);
  if (fse_draft_finish(d, FISA_MAX_CODE, &c, NULL) == 0 &&
      c.program->size <= p->size &&
      fisa_verify_child(c.program, p, NULL, &finding, 1) == 0) {
    fisa_program_free(same);
    same = c.program;
    c.program = NULL;
  }
  fse_child_done(&c);
  fse_draft_free(d);
  return same;
}

/* ---- encoding ----------------------------------------------------------- */

struct encoder {
  struct fse_genome *g;
  struct out out;
  uint32_t literal, literal_size; /* code bytes that wait to be put */
  bool failed;
};

static const struct fisa_insn *insn(const struct encoder *e, uint32_t i) {
  assert(i < e->g->facts->count);
  return &e->g->facts->insn[i];
}

/* Where the code of instruction i ends, what is glued to it included. */
static uint32_t end_of(const struct encoder *e, uint32_t i) {
  return insn(e, i)->pc + insn(e, i)->length + insn(e, i)->row->filler;
}

static void flush(struct encoder *e) {
  while (e->literal_size > 0) {
    uint32_t n =
        e->literal_size < LITERAL_MAX ? e->literal_size : LITERAL_MAX;
    put(&e->out, (uint8_t)(n - 1));
    put_bytes(&e->out, e->g->program->code + e->literal, n);
    e->literal += n;
    e->literal_size -= n;
  }
}

static void add_gene(struct encoder *e, struct fse_gene gene) {
  struct fse_genome *g = e->g;
  struct fse_gene *more = realloc(g->genes, (g->count + 1) * sizeof *more);
  if (more == NULL) {
    e->failed = true;
    return;
  }
  g->genes = more;
  g->genes[g->count++] = gene;
}

/* How many instructions from i on, before `end`, stand from k on as well. */
static uint32_t alike(const struct encoder *e, uint32_t k, uint32_t i,
                      uint32_t end) {
  const uint8_t *code = e->g->program->code;
  uint32_t n = 0;
  for (; i + n < end && k + n < i; n++) {
    uint32_t a = insn(e, k + n)->pc, b = insn(e, i + n)->pc;
    uint32_t length = end_of(e, i + n) - b;
    if (end_of(e, k + n) - a != length ||
        memcmp(code + a, code + b, length) != 0)
      break;
  }
  return n;
}

/* The longest run from i that stood before; 0: none that pays. */
static uint32_t find_fold(const struct encoder *e, uint32_t i, uint32_t end,
                          uint32_t *from) {
  uint32_t best = 0;
  for (uint32_t k = i; k > 0 && i - k < LOOK_BACK; k--) {
    uint32_t n = alike(e, k - 1, i, end);
    if (n <= best) continue;
    best = n;
    *from = k - 1;
  }
  return best > 0 && end_of(e, i + best - 1) - insn(e, i)->pc >= FOLD_LEAST
             ? best
             : 0;
}

/* The last instruction of the largest loop that begins at i and ends before
 * `end`, or UINT32_MAX. Its jump must be one whose target can be left out. */
static uint32_t find_loop(const struct encoder *e, uint32_t i, uint32_t end) {
  for (uint32_t j = end; j-- > i;) {
    const struct fisa_insn *in = insn(e, j);
    if ((fse_is_jump(in->row) || fse_is_branch(in->row)) &&
        in->target == insn(e, i)->pc && in->row->target != 0xFF &&
        in->row->filler == 0)
      return j;
  }
  return UINT32_MAX;
}

static void put_fold(struct encoder *e, uint32_t i, uint32_t n,
                     uint32_t from) {
  flush(e);
  put(&e->out, FOLD);
  put_number(&e->out, end_of(e, i + n - 1) - insn(e, i)->pc);
  put_number(&e->out, insn(e, i)->pc - insn(e, from)->pc);
  add_gene(e, (struct fse_gene){FSE_GENE_FOLD, i, n, from});
}

/* A loop's head: the length of its body, its jump without the target. */
static void put_loop(struct encoder *e, uint32_t i, uint32_t j) {
  const struct fisa_insn *in = insn(e, j);
  const struct fisa_operand *t = &in->row->operands[in->row->target];
  flush(e);
  put(&e->out, LOOP);
  put_number(&e->out, in->pc - insn(e, i)->pc);
  for (uint32_t k = 0; k < in->length; k++)
    if (k < t->offset || k >= (uint32_t)t->offset + t->width)
      put(&e->out, e->g->program->code[in->pc + k]);
  add_gene(e, (struct fse_gene){FSE_GENE_LOOP, i, j - i + 1, 0});
}

/* One place: a loop, a fold or a row. Returns what is done with. */
static uint32_t encode_at(struct encoder *e, uint32_t i, uint32_t end,
                          unsigned depth, uint32_t *inner) {
  uint32_t from = 0, j = depth < DEPTH_MAX ? find_loop(e, i, end) : UINT32_MAX;
  uint32_t n;
  *inner = UINT32_MAX;
  if (j != UINT32_MAX) {
    put_loop(e, i, j);
    *inner = j;
    return 0;
  }
  n = find_fold(e, i, end, &from);
  if (n > 0) {
    put_fold(e, i, n, from);
    return n;
  }
  if (e->literal_size == 0) e->literal = insn(e, i)->pc;
  e->literal_size += end_of(e, i) - insn(e, i)->pc;
  add_gene(e, (struct fse_gene){FSE_GENE_ROW, i, 1, 0});
  return 1;
}

/* Instructions of the whole code; those within loops before what is behind
 * them. A stack of ends stands for recursion. */
static void encode_all(struct encoder *e) {
  uint32_t end[DEPTH_MAX + 1], i = 0;
  unsigned depth = 0;
  end[0] = e->g->facts->count;
  while (!e->failed) {
    uint32_t inner;
    if (i == end[depth]) {
      if (depth == 0) break;
      flush(e);
      depth--;
      i++; /* the jump, which was said before the body */
      continue;
    }
    i += encode_at(e, i, end[depth], depth, &inner);
    if (inner != UINT32_MAX) end[++depth] = inner;
  }
  flush(e);
}

/* Whether the code is its instructions, one behind the other. */
static bool gapless(const struct encoder *e) {
  uint32_t pc = 0;
  for (uint32_t i = 0; i < e->g->facts->count; i++) {
    if (insn(e, i)->pc != pc) return false;
    pc = end_of(e, i);
  }
  return pc == e->g->program->size;
}

static void put_head(struct out *o, uint8_t mode,
                     const struct fisa_program *p) {
  put(o, mode);
  put_number(o, p->size);
  put_number(o, p->entry);
  put_number(o, p->manifest.boundary.kind == FISA_BOUNDARY_PC
                    ? p->manifest.boundary.pc
                    : 0);
}

/* Rows alone: what cannot be said in tokens. */
static void encode_stored(struct encoder *e) {
  struct fse_genome *g = e->g;
  e->out.size = 0;
  put_head(&e->out, MODE_STORED, g->program);
  put_bytes(&e->out, g->program->code, g->program->size);
}

/* Whether the bytes say the normal form. Where a dialect has jumps that are
 * not what they seem, they may not. */
static bool comes_back(const struct encoder *e) {
  struct fisa_program *back = NULL;
  bool same = fse_genome_decode(e->g->bytes, e->out.size, e->g->program,
                                &back, NULL) == 0 &&
              memcmp(back->hash, e->g->program->hash, 32) == 0;
  fisa_program_free(back);
  return same;
}

/* Genes and, if they can be said in fewer bytes than the code has, tokens. */
static void encode_tokens(struct encoder *e) {
  struct fse_genome *g = e->g;
  uint32_t head;
  put_head(&e->out, MODE_TOKENS, g->program);
  head = e->out.size;
  if (gapless(e)) {
    encode_all(e);
    if (e->out.size - head <= g->program->size && comes_back(e)) return;
  } else {
    for (uint32_t i = 0; i < g->facts->count; i++)
      add_gene(e, (struct fse_gene){FSE_GENE_ROW, i, 1, 0});
  }
  encode_stored(e);
}

int fse_genome_encode(const struct fisa_program *p, struct fse_genome *out,
                      struct fisa_error *err) {
  struct encoder e = {.g = out};
  struct fisa_facts *f = NULL;
  memset(out, 0, sizeof *out);
  if (fisa_facts_make(p, &f, err) != 0) return -1;
  out->program = normal_form(p, f);
  fisa_facts_free(f);
  e.out.capacity = p->size + FSE_GENOME_SLACK;
  e.out.at = out->bytes = malloc(e.out.capacity);
  if (out->program == NULL || out->bytes == NULL ||
      fisa_facts_make(out->program, &out->facts, err) != 0)
    goto memory;
  /* Without a draft it is encoded all the same, and has no children. */
  (void)fse_draft_make(out->program, out->facts, &out->draft, NULL);
  encode_tokens(&e);
  if (e.failed) goto memory;
  out->size = e.out.size;
  assert(out->size <= e.out.capacity);
  return 0;
memory:
  fse_genome_done(out);
  return fisa_fail(err, "out of memory");
}

void fse_genome_done(struct fse_genome *g) {
  fisa_program_free(g->program);
  fisa_facts_free(g->facts);
  fse_draft_free(g->draft);
  free(g->genes);
  free(g->bytes);
  memset(g, 0, sizeof *g);
}

/* ---- decoding ----------------------------------------------------------- */

/* A loop whose body is under way. */
struct open_loop {
  uint32_t begin, jump;   /* addresses */
  struct fisa_insn in;    /* the jump */
  uint8_t raw[8];
};

struct decoder {
  const struct fisa_dialect *d;
  const uint8_t *at, *end;
  uint8_t *code;
  uint32_t size, made;
  unsigned depth;
  struct open_loop loops[DEPTH_MAX];
};

static bool get(struct decoder *x, uint8_t *out) {
  if (x->at == x->end) return false;
  *out = *x->at++;
  return true;
}

static bool get_number(struct decoder *x, uint32_t *out) {
  uint32_t n = 0;
  uint8_t byte;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    if (!get(x, &byte)) return false;
    n |= (uint32_t)(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *out = n;
      return true;
    }
  }
  return false;
}

/* Code bytes may not run past the jump that closes the innermost loop. */
static uint32_t room(const struct decoder *x) {
  uint32_t end = x->depth > 0 ? x->loops[x->depth - 1].jump : x->size;
  return end - x->made;
}

static bool get_fold(struct decoder *x) {
  uint32_t length, back;
  if (!get_number(x, &length) || !get_number(x, &back) || back == 0 ||
      back > x->made || length > room(x))
    return false;
  for (uint32_t i = 0; i < length; i++, x->made++)
    x->code[x->made] = x->code[x->made - back];
  return true;
}

/* The jump of a loop, whose target is where the loop begins. */
static bool get_loop(struct decoder *x) {
  struct open_loop *l = &x->loops[x->depth];
  const struct fisa_operand *t;
  uint32_t body;
  if (x->depth == DEPTH_MAX || !get_number(x, &body) || body > room(x) ||
      x->at == x->end)
    return false;
  memset(l, 0, sizeof *l);
  const struct fisa_row *row = &x->d->rows[*x->at];
  if (!row->defined || (!fse_is_jump(row) && !fse_is_branch(row)) ||
      row->target == 0xFF || row->filler != 0 || row->length > sizeof l->raw ||
      (uint32_t)row->length > room(x) - body)
    return false;
  t = &row->operands[row->target];
  for (uint32_t k = 0; k < row->length; k++)
    if ((k < t->offset || k >= (uint32_t)t->offset + t->width) &&
        !get(x, &l->raw[k]))
      return false;
  l->begin = x->made;
  l->jump = x->made + body;
  x->depth++;
  return true;
}

/* The bodies that end here get their jumps. */
static bool close_loops(struct decoder *x) {
  while (x->depth > 0 && x->loops[x->depth - 1].jump == x->made) {
    struct open_loop *l = &x->loops[--x->depth];
    uint8_t bytes[8];
    int length;
    if (fisa_decode(x->d, l->raw, sizeof l->raw, 0, &l->in) != FISA_DECODED)
      return false;
    l->in.pc = l->jump;
    l->in.target = l->begin;
    length = fisa_encode(&l->in, bytes);
    if (length <= 0 || (uint32_t)length > x->size - x->made) return false;
    memcpy(x->code + x->made, bytes, (size_t)length);
    x->made += (uint32_t)length;
  }
  return true;
}

static bool get_tokens(struct decoder *x) {
  while (close_loops(x) && x->made < x->size) {
    uint8_t token;
    if (!get(x, &token)) return false;
    if (token < FOLD) {
      uint32_t n = (uint32_t)token + 1;
      if (n > room(x) || n > (size_t)(x->end - x->at)) return false;
      memcpy(x->code + x->made, x->at, n);
      x->at += n;
      x->made += n;
    } else if (token == FOLD ? !get_fold(x) : token != LOOP || !get_loop(x)) {
      return false;
    }
  }
  return x->made == x->size && x->depth == 0;
}

int fse_genome_decode(const uint8_t *bytes, uint32_t size,
                      const struct fisa_program *like,
                      struct fisa_program **out, struct fisa_error *err) {
  struct decoder x = {.d = like->dialect, .at = bytes, .end = bytes + size};
  uint32_t entry, boundary;
  uint8_t mode;
  int rc = -1;
  if (!get(&x, &mode) || !get_number(&x, &x.size) || x.size == 0 ||
      x.size > FISA_MAX_CODE || !get_number(&x, &entry) || entry >= x.size ||
      !get_number(&x, &boundary) || boundary >= x.size ||
      (mode != MODE_TOKENS && mode != MODE_STORED))
    return fisa_fail(err, "the genome has no sound head");
  x.code = calloc(1, x.size);
  if (x.code == NULL) return fisa_fail(err, "out of memory");
  if (mode == MODE_STORED) {
    if ((size_t)(x.end - x.at) == x.size) {
      memcpy(x.code, x.at, x.size);
      x.at = x.end;
      x.made = x.size;
    }
  } else if (!get_tokens(&x)) {
    x.made = 0;
  }
  if (x.made != x.size || x.at != x.end)
    fisa_fail(err, "the genome ends at byte %u in the middle of something",
              (unsigned)(x.at - bytes));
  else if ((*out = fisa_program_derive(like, x.code, x.size, entry,
                                       boundary)) == NULL)
    fisa_fail(err, "out of memory");
  else
    rc = 0;
  free(x.code);
  return rc;
}

/* ---- who wins ----------------------------------------------------------- */

/* NaN and infinity come from no program. */
static double fitness_of(const struct fse_contender *c) {
  return isfinite(c->fitness) ? c->fitness : 0;
}

uint32_t fse_compete(const struct fse_contender *all, uint32_t count) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; i++) {
    double a = fitness_of(&all[i]), b = fitness_of(&all[best]);
    if (a > b ||
        (a == b && (all[i].size < all[best].size ||
                    (all[i].size == all[best].size &&
                     all[i].born < all[best].born))))
      best = i;
  }
  return count == 0 ? count : best;
}
