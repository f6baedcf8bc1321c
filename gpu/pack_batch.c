/*
 * gpu/pack_batch.c - episodes side by side.
 *
 * Most of a state is the same in every episode of a root, and most of it the
 * root leaves alone. So a cell gets a column only once two lanes differ, or
 * once the root changed it where somebody looks; the same for a word of
 * memory.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/pack.h"
#include "gpu/semantics.h"

enum {
  WORDS_OF_PAGE = FISA_PAGE / 4,
  BLOCK = 32  /* cells that are looked at together */
};

static uint64_t next_version(void) {
  static atomic_uint_fast64_t last;

  return atomic_fetch_add(&last, 1) + 1;
}

/* ---- making and freeing ------------------------------------------------- */

static bool new_array(void *where, size_t count, size_t size) {
  void **p = where;

  *p = calloc(count, size);
  return *p != NULL;
}

struct fpk_batch *fpk_batch_new(const struct fisa_dialect *d) {
  struct fpk_batch *b = calloc(1, sizeof(*b));
  uint32_t cells = d->cell_count + 1u;

  if (!b)
    return NULL;
  b->dialect = d;
  if (!new_array(&b->uniform, cells, sizeof(*b->uniform)) ||
      !new_array(&b->begin, cells, sizeof(*b->begin)) ||
      !new_array(&b->end, cells, sizeof(*b->end)) ||
      !new_array(&b->mixed, cells / BLOCK + 1, sizeof(*b->mixed)) ||
      !new_array(&b->ended, cells, sizeof(*b->ended)) ||
      !new_array(&b->view, FPK_WIDTH, sizeof(struct fpk_view *)) ||
      !new_array(&b->begin_pc, FPK_WIDTH, sizeof(*b->begin_pc)) ||
      !new_array(&b->end_pc, FPK_WIDTH, sizeof(*b->end_pc)) ||
      !new_array(&b->at, FPK_WIDTH, sizeof(*b->at)) ||
      !new_array(&b->stop, FPK_WIDTH, sizeof(*b->stop)) ||
      !new_array(&b->looks, FPK_WIDTH, sizeof(*b->looks)) ||
      !new_array(&b->status, FPK_WIDTH, sizeof(*b->status)) ||
      !new_array(&b->fault, FPK_WIDTH, sizeof(*b->fault)) ||
      !new_array(&b->fuel, FPK_WIDTH, sizeof(*b->fuel)) ||
      !new_array(&b->cycles, FPK_WIDTH, sizeof(*b->cycles)) ||
      !new_array(&b->counts, FPK_WIDTH, sizeof(*b->counts)) ||
      !new_array(&b->in, FPK_WIDTH, sizeof(*b->in)) ||
      !new_array(&b->in_count, FPK_WIDTH, sizeof(*b->in_count)) ||
      !new_array(&b->out, FPK_WIDTH, sizeof(*b->out)) ||
      !new_array(&b->out_count, FPK_WIDTH, sizeof(*b->out_count))) {
    fpk_batch_free(b);
    return NULL;
  }
  fpk_batch_clear(b);
  return b;
}

void fpk_batch_clear(struct fpk_batch *b) {
  uint32_t cells = b->dialect->cell_count + 1u;

  memset(b->begin, 0xFF, cells * sizeof(*b->begin));
  memset(b->end, 0xFF, cells * sizeof(*b->end));
  memset(b->mixed, 0, (cells / BLOCK + 1) * sizeof(*b->mixed));
  b->lanes = b->column_count = b->word_count = b->event_count = 0;
  b->ended_count = b->varying = b->counting = 0;
  b->view_count = b->begin_count = b->end_count = 0;
  b->least_fuel = b->most_fuel = b->most_stored = 0;
  b->alike = b->slow = b->ticking = false;
  b->version = next_version();
}

void fpk_batch_free(struct fpk_batch *b) {
  if (!b)
    return;
  for (uint32_t i = 0; i < b->columns_made; i++)
    free(b->column[i].v);
  free(b->column);
  free(b->word);
  free(b->event);
  free(b->uniform);
  free(b->begin);
  free(b->end);
  free(b->mixed);
  free(b->ended);
  free(b->view);
  free(b->begin_pc);
  free(b->end_pc);
  free(b->at);
  free(b->stop);
  free(b->looks);
  free(b->status);
  free(b->fault);
  free(b->fuel);
  free(b->cycles);
  free(b->counts);
  free(b->in);
  free(b->in_count);
  free(b->out);
  free(b->out_count);
  free(b);
}

size_t fpk_batch_bytes(const struct fpk_batch *b) {
  return sizeof(*b) +
         b->columns_made * (FPK_WIDTH * sizeof(int32_t) + sizeof(*b->column)) +
         b->word_capacity * sizeof(*b->word) +
         b->event_capacity * sizeof(*b->event) +
         b->dialect->cell_count * 3u * sizeof(int32_t) +
         FPK_WIDTH * 16u * sizeof(int32_t);
}

/* ---- columns ------------------------------------------------------------ */

/* Memory for one column more; false: there is none. */
static bool make_column(struct fpk_batch *b) {
  int32_t *column;

  if (b->columns_made == b->column_capacity) {
    uint32_t capacity = b->column_capacity ? b->column_capacity * 2 : 16;
    struct fpk_column *grown = realloc(b->column, capacity * sizeof(*grown));
    if (!grown)
      return false;
    b->column = grown;
    b->column_capacity = capacity;
  }
  column = aligned_alloc(64, FPK_WIDTH * sizeof(*column));
  if (!column)
    return false;
  b->column[b->columns_made++].v = column;
  return true;
}

/* A new column that holds v in all lanes; FPK_NONE: out of memory. */
static uint32_t add_column(struct fpk_batch *b, int32_t v) {
  int32_t *column;

  assert(b->column_count <= b->columns_made);
  if (b->column_count == b->columns_made && !make_column(b))
    return FPK_NONE;
  column = b->column[b->column_count].v;
  for (uint32_t i = 0; i < FPK_WIDTH; i++)
    column[i] = v;
  return b->column_count++;
}

/* Sets a lane of a column that may not be there yet, in which case `other` is
 * what all lanes hold. */
static bool set_lane(struct fpk_batch *b, uint32_t *column, int32_t other,
                     int32_t v) {
  assert(b->lanes < FPK_WIDTH);
  if (*column == FPK_NONE) {
    if (v == other)
      return true;
    *column = add_column(b, other);
    if (*column == FPK_NONE)
      return false;
  }
  b->column[*column].v[b->lanes] = v;
  return true;
}

/* The same for what a root ended with: other lanes ended as they began. */
static bool set_end(struct fpk_batch *b, uint32_t *column, uint32_t begin,
                    int32_t uniform, int32_t v) {
  int32_t was = begin == FPK_NONE ? uniform : b->column[begin].v[b->lanes];

  if (*column == FPK_NONE) {
    if (v == was)
      return true;
    *column = add_column(b, uniform);
    if (*column == FPK_NONE)
      return false;
    if (begin != FPK_NONE)
      memcpy(b->column[*column].v, b->column[begin].v,
             FPK_WIDTH * sizeof(int32_t));
  }
  b->column[*column].v[b->lanes] = v;
  return true;
}

/* ---- cells -------------------------------------------------------------- */

static bool add_begin_cell(struct fpk_batch *b, uint32_t c, int32_t v) {
  if (b->begin[c] == FPK_NONE) {
    if (v == b->uniform[c])
      return true;
    b->varying++;
    b->mixed[c / BLOCK] = true;
  }
  return set_lane(b, &b->begin[c], b->uniform[c], v);
}

static bool add_begin_cells(struct fpk_batch *b, const struct fisa_state *s) {
  if (b->lanes == 0)
    memcpy(b->uniform, s->cells, s->cell_count * sizeof(*s->cells));
  for (uint32_t from = 0; from < s->cell_count; from += BLOCK) {
    uint32_t n = s->cell_count - from < BLOCK ? s->cell_count - from : BLOCK;

    if (!b->mixed[from / BLOCK] &&
        memcmp(s->cells + from, b->uniform + from, n * sizeof(*s->cells)) == 0)
      continue;
    for (uint32_t c = from; c < from + n; c++)
      if (!add_begin_cell(b, c, s->cells[c]))
        return false;
  }
  return true;
}

static bool add_end_cell(struct fpk_batch *b, uint32_t c,
                         const struct fisa_state *s) {
  bool is_new = b->end[c] == FPK_NONE;

  assert(c < s->cell_count);
  if (!set_end(b, &b->end[c], b->begin[c], b->uniform[c], s->cells[c]))
    return false;
  if (is_new && b->end[c] != FPK_NONE)
    b->ended[b->ended_count++] = (uint16_t)c;
  return true;
}

/* Columns at the end exist for cells that no view of this lane shows, too:
 * there they hold what the lane began with. */
static void fill_end_cells(struct fpk_batch *b, const struct fisa_state *s) {
  for (uint32_t i = 0; i < b->ended_count; i++) {
    uint32_t c = b->ended[i];

    b->column[b->end[c]].v[b->lanes] = s->cells[c];
  }
}

static bool add_end_cells(struct fpk_batch *b, const struct fpk_view *v,
                          const struct fpk_episode *e) {
  const struct fisa_dialect *d = b->dialect;

  fill_end_cells(b, e->begin);
  for (uint32_t i = 0; i < v->cell_count; i++)
    if (!add_end_cell(b, v->cell[i], e->end))
      return false;
  if (!v->stack || d->stack_file >= d->file_count)
    return true;
  if (!add_end_cell(b, d->sp_cell, e->end))
    return false;
  for (uint32_t i = 0; i < d->files[d->stack_file].count; i++)
    if (!add_end_cell(b, d->files[d->stack_file].first + i, e->end))
      return false;
  return true;
}

/* ---- memory ------------------------------------------------------------- */

uint32_t fpk_view_mask(const struct fpk_view *v, uint32_t word) {
  uint64_t at = (uint64_t)word * 4;
  uint32_t mask = 0;

  for (unsigned i = 0; i < 4; i++)
    for (uint32_t k = 0; k < v->range_count; k++)
      if (at + i >= v->range[k].first &&
          at + i - v->range[k].first < v->range[k].count)
        mask |= 255u << 8 * i;
  return v->memory ? ~mask : mask;
}

/* The first entry that is not below a word. */
static uint32_t word_place(const struct fpk_batch *b, uint32_t word) {
  uint32_t lo = 0, hi = b->word_count;

  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (b->word[mid].word < word)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

uint32_t fpk_batch_word(const struct fpk_batch *b, uint32_t word) {
  uint32_t i = word_place(b, word);

  return i < b->word_count && b->word[i].word == word ? i : FPK_NONE;
}

/* The entry of a word, made if need be; NULL: out of memory. */
static struct fpk_word *word_entry(struct fpk_batch *b, uint32_t word) {
  uint32_t i = word_place(b, word);

  if (i < b->word_count && b->word[i].word == word)
    return &b->word[i];
  if (b->word_count == b->word_capacity) {
    uint32_t capacity = b->word_capacity ? b->word_capacity * 2 : 16;
    struct fpk_word *grown = realloc(b->word, capacity * sizeof(*grown));
    if (!grown)
      return NULL;
    b->word = grown;
    b->word_capacity = capacity;
  }
  memmove(b->word + i + 1, b->word + i,
          (b->word_count - i) * sizeof(*b->word));
  b->word_count++;
  b->word[i] = (struct fpk_word){word, FPK_NONE, FPK_NONE};
  return &b->word[i];
}

int32_t fpk_state_word(const struct fisa_state *s, uint32_t word) {
  const uint8_t *p = s->mem + (size_t)word * 4;

  assert(word < s->mem_size / 4);
  return fsem_wrap((uint32_t)p[0] | (uint32_t)p[1] << 8 |
                   (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

static bool add_page(struct fpk_batch *b, const struct fpk_episode *e,
                     uint32_t page) {
  for (uint32_t w = page * WORDS_OF_PAGE; w < (page + 1) * WORDS_OF_PAGE; w++) {
    int32_t begin = fpk_state_word(e->begin, w);
    int32_t end = fpk_state_word(e->end, w);
    uint32_t seen = (uint32_t)(begin ^ end);
    struct fpk_word *entry;

    if (seen)
      seen &= fpk_view_mask(e->view, w);
    if (begin == 0 && !seen)
      continue;
    entry = word_entry(b, w);
    if (!entry || !set_lane(b, &entry->begin, 0, begin))
      return false;
    end = fsem_wrap((uint32_t)begin ^ seen);
    if (!set_end(b, &entry->end, entry->begin, 0, end))
      return false;
  }
  return true;
}

/* Words of a page that were stored to. */
static uint32_t stored_words(const struct fisa_state *s, uint32_t page) {
  uint32_t n = 0;

  for (uint32_t i = 0; i < WORDS_OF_PAGE; i++) {
    uint32_t at = page * FISA_PAGE + i * 4;
    n += (s->written[at / 64] >> at % 64 & 15) != 0;
  }
  return n;
}

/* Lanes hold what all others hold until they are told otherwise; a column at
 * the end holds what the lane began with. */
static bool add_memory(struct fpk_batch *b, const struct fpk_episode *e) {
  uint32_t pages = e->begin->mem_size / FISA_PAGE, stored = 0;

  for (uint32_t w = 0; w * 64 < pages; w++)
    for (uint64_t bits = e->begin->dirty[w] | e->end->dirty[w]; bits;
         bits &= bits - 1) {
      uint32_t page = w * 64 + (uint32_t)__builtin_ctzll(bits);
      if (!add_page(b, e, page))
        return false;
      stored += stored_words(e->end, page);
    }
  if (stored > b->most_stored)
    b->most_stored = stored;
  return true;
}

/* A lane of columns that was begun and could not be finished. */
static void clear_lane(struct fpk_batch *b) {
  for (uint32_t c = 0; c < b->dialect->cell_count; c++) {
    if (b->begin[c] != FPK_NONE)
      b->column[b->begin[c]].v[b->lanes] = b->uniform[c];
    if (b->end[c] != FPK_NONE)
      b->column[b->end[c]].v[b->lanes] = b->uniform[c];
  }
  for (uint32_t i = 0; i < b->word_count; i++) {
    if (b->word[i].begin != FPK_NONE)
      b->column[b->word[i].begin].v[b->lanes] = 0;
    if (b->word[i].end != FPK_NONE)
      b->column[b->word[i].end].v[b->lanes] = 0;
  }
}

/* ---- the rest ----------------------------------------------------------- */

static bool add_events(struct fpk_batch *b, const struct fpk_episode *e) {
  uint32_t need = b->event_count + e->in_count + e->out_count;
  uint32_t lane = b->lanes;

  if (need > b->event_capacity || !b->event) {
    uint32_t capacity = need < 64 ? 64 : need * 2;
    struct fisa_event *grown = realloc(b->event, capacity * sizeof(*grown));
    if (!grown)
      return false;
    b->event = grown;
    b->event_capacity = capacity;
  }
  b->in[lane] = b->event_count;
  b->in_count[lane] = e->in_count;
  b->out[lane] = b->event_count + e->in_count;
  b->out_count[lane] = e->out_count;
  if (e->in_count)
    memcpy(b->event + b->in[lane], e->in, e->in_count * sizeof(*e->in));
  if (e->out_count)
    memcpy(b->event + b->out[lane], e->out, e->out_count * sizeof(*e->out));
  return true;
}

/* The index of a pc in a list, added if need be. */
static uint32_t pc_index(uint32_t *list, uint32_t *count, uint32_t pc) {
  uint32_t i = 0;

  while (i < *count && list[i] != pc)
    i++;
  if (i == *count) {
    assert(i < FPK_WIDTH);
    list[(*count)++] = pc;
  }
  return i;
}

static uint32_t view_index(struct fpk_batch *b, const struct fpk_view *v) {
  uint32_t i = 0;

  while (i < b->view_count && b->view[i] != v)
    i++;
  if (i == b->view_count)
    b->view[b->view_count++] = v;
  return i;
}

static void add_facts(struct fpk_batch *b, const struct fpk_episode *e) {
  const struct fisa_dialect *d = b->dialect;
  uint32_t lane = b->lanes;

  b->at[lane] = pc_index(b->begin_pc, &b->begin_count, e->begin->pc);
  b->stop[lane] = FPK_NONE;
  if (e->end->status == FISA_RUN_YIELD)
    b->stop[lane] = pc_index(b->end_pc, &b->end_count, e->end->pc);
  b->looks[lane] = view_index(b, e->view);
  b->status[lane] = e->end->status;
  b->fault[lane] = e->end->fault;
  b->fuel[lane] = e->fuel > FPK_MAX_FUEL ? FPK_MAX_FUEL : (uint32_t)e->fuel;
  if (b->fuel[lane] > b->most_fuel)
    b->most_fuel = b->fuel[lane];
  if (lane == 0 || b->fuel[lane] < b->least_fuel)
    b->least_fuel = b->fuel[lane];
  if (lane == 0)
    b->alike = true;
  b->alike &= b->status[lane] == b->status[0] && e->in_count == 0 &&
              b->fault[lane] == b->fault[0] && e->out_count == 0 &&
              b->stop[lane] == b->stop[0];
  b->slow |= e->fuel > FPK_MAX_FUEL;
  b->cycles[lane] = (uint32_t)e->begin->cycles;
  b->counts[lane] = e->counts ? -1 : 0;
  b->counting += e->counts;
  for (uint32_t f = 0; f < d->file_count; f++)
    b->ticking |= d->files[f].tick && e->begin->cells[d->files[f].first] > 0;
}

int fpk_batch_add(struct fpk_batch *b, const struct fpk_episode *e) {
  assert(b->lanes < FPK_WIDTH && e->view);
  assert(e->begin->cell_count == b->dialect->cell_count);
  if (!add_begin_cells(b, e->begin) || !add_end_cells(b, e->view, e) ||
      !add_memory(b, e) || !add_events(b, e)) {
    clear_lane(b);
    return -1;
  }
  b->event_count += e->in_count + e->out_count;
  add_facts(b, e);
  b->lanes++;
  b->version = next_version();
  return 0;
}

/* ---- another order ------------------------------------------------------ */

/* v is at its first lane. */
static void lay_values(void *v, uint32_t count, const uint32_t *from) {
  uint32_t *to = v, was[FPK_WIDTH];

  memcpy(was, to, count * sizeof(*was));
  for (uint32_t i = 0; i < count; i++) {
    assert(from[i] < count);
    to[i] = was[from[i]];
  }
}

void fpk_batch_lay(struct fpk_batch *b, uint32_t first, uint32_t count,
                   const uint32_t *from) {
  void *const facts[] = {b->at,     b->stop,   b->looks, b->status,
                         b->fault,  b->fuel,   b->cycles, b->counts,
                         b->in,     b->in_count, b->out, b->out_count};

  assert(first <= b->lanes && count <= b->lanes - first);
  for (uint32_t i = 0; i < b->column_count; i++)
    lay_values(b->column[i].v + first, count, from);
  for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
    lay_values((uint32_t *)facts[i] + first, count, from);
  b->version = next_version();
}
