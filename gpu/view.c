/*
 * gpu/view.c - the observables at the end of a task, made quick to digest.
 *
 * What is observed is the same for every state that ends at one place, so the
 * list of cells is worked out once. Memory is looked at by dirty pages; a
 * page of zeros counts as one never touched.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "gpu/trial_impl.h"

enum {
  PAGE_WORDS = FISA_PAGE / 8,
  CHUNK = 64, /* words hashed at a time */
  LANES = 4
};

/* ---- hashing ------------------------------------------------------------ */

/* Four lanes side by side: a multiplication has not to wait for the last. */
struct hash {
  uint64_t lane[LANES];
};

static const uint64_t odd[LANES] = {
    UINT64_C(0x9E3779B97F4A7C15), UINT64_C(0xD6E8FEB86659FD93),
    UINT64_C(0xA0761D6478BD642F), UINT64_C(0xE7037ED1A0B428DB)};

static uint64_t turn(uint64_t v, unsigned n) { return v << n | v >> (64 - n); }

/* n is a multiple of LANES. Written out, so that the lanes stay in registers
 * and their multiplications overlap. */
static void hash_words(struct hash *h, const uint64_t *w, size_t n) {
  uint64_t a = h->lane[0], b = h->lane[1], c = h->lane[2], d = h->lane[3];

  assert(n % LANES == 0);
  for (size_t i = 0; i < n; i += LANES) {
    a = turn(a ^ w[i], 29) * odd[0];
    b = turn(b ^ w[i + 1], 29) * odd[1];
    c = turn(c ^ w[i + 2], 29) * odd[2];
    d = turn(d ^ w[i + 3], 29) * odd[3];
  }
  *h = (struct hash){{a, b, c, d}};
}

static void hash_word(struct hash *h, uint64_t w) {
  uint64_t words[LANES] = {w, ~w, w, ~w};

  hash_words(h, words, LANES);
}

static struct fisa_digest hash_done(const struct hash *h) {
  struct fisa_digest d = {{0, 0}};

  for (size_t k = 0; k < LANES; k++) {
    d.w[0] = turn(d.w[0] ^ h->lane[k], 31) * odd[k];
    d.w[1] = (turn(d.w[1], 27) + h->lane[k]) * odd[LANES - 1 - k];
    d.w[0] ^= d.w[0] >> 32;
    d.w[1] ^= d.w[1] >> 29;
  }
  return d;
}

/* ---- cells -------------------------------------------------------------- */

/* Cells on their way into the hash, a chunk at a time. */
struct feed {
  struct hash *h;
  uint32_t count; /* cells in the chunk */
  uint64_t words[CHUNK];
};

static void feed_flush(struct feed *f) {
  size_t n = (f->count + 2 * LANES - 1) / (2 * LANES) * LANES;
  char *end = (char *)f->words + f->count * sizeof(int32_t);

  memset(end, 0, n * sizeof(f->words[0]) - f->count * sizeof(int32_t));
  hash_words(f->h, f->words, n);
  f->count = 0;
}

static void feed_ints(struct feed *f, const int32_t *cells, uint32_t count) {
  while (count > 0) {
    uint32_t n = CHUNK * 2 - f->count;

    assert(n > 0); /* a full chunk was flushed */
    n = n < count ? n : count;
    memcpy((char *)f->words + f->count * sizeof(*cells), cells,
           n * sizeof(*cells));
    f->count += n;
    cells += n;
    count -= n;
    if (f->count == CHUNK * 2)
      feed_flush(f);
  }
}

static void feed_floats(struct feed *f, const int32_t *cells, uint32_t count) {
  int32_t canonical[CHUNK];

  while (count > 0) {
    uint32_t n = count < CHUNK ? count : CHUNK;

    for (uint32_t i = 0; i < n; i++)
      canonical[i] = fsem_canon(cells[i]);
    feed_ints(f, canonical, n);
    cells += n;
    count -= n;
  }
}

static void feed_stack(const struct fisa_dialect *d, struct feed *f,
                       const struct fisa_state *s) {
  uint32_t n = fisa_stack_depth(d, s);
  int32_t depth = (int32_t)n;
  const struct fisa_file *stack;
  const int32_t *live;

  feed_ints(f, &depth, 1);
  if (n == 0)
    return;
  stack = &d->files[d->stack_file];
  live = &s->cells[stack->first + (stack->down ? stack->count - n : 0)];
  if (stack->type == FISA_F32)
    feed_floats(f, live, n);
  else
    feed_ints(f, live, n);
}

/* ---- memory ------------------------------------------------------------- */

/* The part of a clause that lies in a page: first and end, within it. */
static bool clause_in_page(const struct fisa_cells *c, uint32_t page,
                           uint32_t *first, uint32_t *end) {
  uint64_t lo = c->first, hi = (uint64_t)c->first + c->count;
  uint64_t start = (uint64_t)page * FISA_PAGE;

  if (c->kind != FISA_CELLS_MEM || hi <= start || lo >= start + FISA_PAGE)
    return false;
  *first = lo > start ? (uint32_t)(lo - start) : 0;
  *end = hi < start + FISA_PAGE ? (uint32_t)(hi - start) : FISA_PAGE;
  return true;
}

/* The observed bytes of a page, zero where nobody looks. */
static void observed_page(const struct ftrial_view *v,
                          const struct fisa_state *s, uint32_t page,
                          uint64_t words[PAGE_WORDS]) {
  const struct fisa_manifest *m = &v->root->manifest;
  const uint8_t *mem = s->mem + (size_t)page * FISA_PAGE;
  uint8_t *bytes = (uint8_t *)words;
  uint32_t first, end;

  if (v->memory) {
    memcpy(bytes, mem, FISA_PAGE);
    for (uint32_t i = 0; i < m->scratch_count; i++)
      if (clause_in_page(&m->scratch[i], page, &first, &end))
        memset(bytes + first, 0, end - first);
    return;
  }
  memset(bytes, 0, FISA_PAGE);
  for (uint32_t i = 0; i < m->out_count; i++)
    if (clause_in_page(&m->out[i], page, &first, &end))
      memcpy(bytes + first, mem + first, end - first);
}

static bool sees_memory(const struct ftrial_view *v) {
  const struct fisa_manifest *m = &v->root->manifest;

  for (uint32_t i = 0; !v->memory && i < m->out_count; i++)
    if (m->out[i].kind == FISA_CELLS_MEM)
      return true;
  return v->memory;
}

static void hash_memory(const struct ftrial_view *v, struct hash *h,
                        const struct fisa_state *s) {
  uint32_t pages = s->mem_size / FISA_PAGE;

  for (uint32_t w = 0; w * 64 < pages; w++)
    for (uint64_t bits = s->dirty[w]; bits; bits &= bits - 1) {
      uint32_t page = w * 64 + (uint32_t)__builtin_ctzll(bits);
      uint64_t words[PAGE_WORDS], any = 0;

      observed_page(v, s, page, words);
      for (unsigned i = 0; i < PAGE_WORDS; i++)
        any |= words[i];
      if (!any)
        continue;
      hash_word(h, page);
      hash_words(h, words, PAGE_WORDS);
    }
}

/* ---- views -------------------------------------------------------------- */

static bool in_set(const struct fisa_set *set, uint32_t cell) {
  return cell < FISA_SET_WORDS * 64u && (set->w[cell / 64] >> cell % 64 & 1);
}

/* Lists the observed cells, those side by side as one run. */
static void list_runs(struct ftrial_view *v, const struct fisa_set *set) {
  const struct fisa_dialect *d = v->root->dialect;

  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    struct ftrial_cells *run = NULL;

    for (uint32_t i = 0; i < file->count; i++) {
      uint32_t cell = (uint32_t)file->first + i;

      if (file->kind == FISA_FILE_STACK || cell == d->sp_cell ||
          cell == d->calls_cell || !in_set(set, cell)) {
        run = NULL;
      } else if (run) {
        run->count++;
      } else {
        run = &v->runs[v->run_count++];
        run->first = (uint16_t)cell;
        run->count = 1;
        run->floats = file->type == FISA_F32;
      }
    }
  }
}

/* What memory a view looks at, or does not. */
static bool pack_ranges(struct ftrial_view *v) {
  const struct fisa_manifest *m = &v->root->manifest;
  const struct fisa_cells *clause = v->memory ? m->scratch : m->out;
  uint32_t count = v->memory ? m->scratch_count : m->out_count;

  v->pack.range = calloc(count + 1u, sizeof(*v->pack.range));
  for (uint32_t i = 0; v->pack.range && i < count; i++)
    if (clause[i].kind == FISA_CELLS_MEM)
      v->pack.range[v->pack.range_count++] =
          (struct fpk_range){clause[i].first, clause[i].count};
  return v->pack.range != NULL;
}

/* The same view as wide engines take it. */
static bool pack_view(struct ftrial_view *v) {
  struct fpk_view *pack = &v->pack;
  uint32_t cells = v->root->dialect->cell_count + 1u;

  pack->cell = calloc(cells, sizeof(*pack->cell));
  pack->is_float = calloc(cells, sizeof(*pack->is_float));
  if (!pack->cell || !pack->is_float || !pack_ranges(v))
    return false;
  for (uint32_t i = 0; i < v->run_count; i++)
    for (uint32_t k = 0; k < v->runs[i].count; k++) {
      pack->cell[pack->cell_count] = (uint16_t)(v->runs[i].first + k);
      pack->is_float[pack->cell_count++] = v->runs[i].floats;
    }
  pack->stack = v->stack;
  pack->memory = v->memory;
  return true;
}

struct ftrial_view *ftrial__view_new(const struct fisa_program *root,
                                     uint32_t pc, const struct fisa_set *live) {
  const struct fisa_manifest *m = &root->manifest;
  bool named = m->out_none || m->out_count > 0;
  struct ftrial_view *v = calloc(1, sizeof(*v));
  struct fisa_set set;

  assert((live == NULL) == (pc == FTRIAL_FRESH));
  if (!v)
    return NULL;
  v->runs = calloc(root->dialect->cell_count + 1u, sizeof(*v->runs));
  if (!v->runs) {
    free(v);
    return NULL;
  }
  v->root = root;
  v->pc = pc;
  if (live)
    v->live = set = *live;
  else
    fisa_observed_cells(root, &set);
  list_runs(v, &set);
  v->stack = v->memory = live || !named;
  for (uint32_t i = 0; i < m->out_count; i++)
    v->stack |= m->out[i].kind == FISA_CELLS_STACK;
  if (!pack_view(v)) {
    ftrial__view_free(v);
    return NULL;
  }
  return v;
}

void ftrial__view_free(struct ftrial_view *v) {
  if (!v)
    return;
  free(v->pack.cell);
  free(v->pack.is_float);
  free(v->pack.range);
  free(v->runs);
  free(v);
}

struct fisa_digest ftrial__view_digest(const struct ftrial_view *v,
                                       const struct fisa_state *s) {
  struct hash h = {{1, 2, 3, 4}};
  struct feed feed;

  assert(s->cell_count == v->root->dialect->cell_count);
  feed.h = &h;
  feed.count = 0;
  for (uint32_t i = 0; i < v->run_count; i++) {
    const struct ftrial_cells *run = &v->runs[i];
    if (run->floats)
      feed_floats(&feed, s->cells + run->first, run->count);
    else
      feed_ints(&feed, s->cells + run->first, run->count);
  }
  if (v->stack)
    feed_stack(v->root->dialect, &feed, s);
  feed_flush(&feed);
  if (sees_memory(v))
    hash_memory(v, &h, s);
  return hash_done(&h);
}

void ftrial__view_tell(const struct ftrial_view *v, const struct fisa_state *s,
                       const struct fisa_state *root, char *what,
                       size_t capacity) {
  assert(what && capacity > 0);
  if (v->pc == FTRIAL_FRESH)
    fisa_observe_equal(v->root, s, root, what, capacity);
  else
    fisa_observe_live(v->root, &v->live, s, root, what, capacity);
}
