/*
 * gpu/flat_batch.c - a batch of episodes as the bytes of gpu/kernel.h, and
 * what came of the parts of a job joined again.
 */
#include <assert.h>
#include <string.h>

#include "gpu/flat.h"

enum { ALIGN = 16, MOST_BYTES = 1 << 30, WORD = 4 };

static uint32_t place(uint32_t *end, size_t count, size_t size) {
  uint32_t at = *end;
  uint64_t behind = (uint64_t)at + count * size;

  behind = (behind + ALIGN - 1) / ALIGN * ALIGN;
  *end = behind < MOST_BYTES ? (uint32_t)behind : MOST_BYTES;
  return at;
}

static bool sees_memory(const struct fpk_view *v, const struct fpk_batch *b) {
  return b->dialect->mem_size > 0 && (v->memory || v->range_count > 0);
}

/* The parts of a view behind `end`. */
static struct fkn_view view_layout(const struct fpk_batch *b,
                                   const struct fpk_view *v, uint32_t *end) {
  const struct fisa_dialect *d = b->dialect;
  bool stack = v->stack && d->stack_file < d->file_count;
  struct fkn_view f = {0};

  for (uint32_t i = 0; i < v->cell_count; i++)
    f.changed_count += b->end[v->cell[i]] != FPK_NONE;
  f.seen = place(end, d->cell_count, 1);
  f.changed = place(end, f.changed_count, sizeof(uint16_t));
  if (stack)
    f.stack = d->files[d->stack_file].type == FISA_F32 ? 2 : 1;
  if (sees_memory(v, b))
    f.bytes = place(end, d->mem_size / WORD, 1);
  return f;
}

static uint32_t turned_count(const struct fpk_batch *b) {
  uint32_t n = 0;

  for (uint32_t i = 0; i < b->word_count; i++)
    n += b->word[i].end != FPK_NONE;
  return n;
}

static uint32_t event_count(const struct fpk_batch *b,
                            struct fkn_lanes lanes) {
  uint32_t n = 0;

  for (uint32_t i = lanes.first; i < lanes.first + lanes.count; i++)
    n += b->in_count[i] + b->out_count[i];
  return n;
}

/* Where the parts of a batch lie; views: those of the views, or NULL. */
static struct fkn_batch layout_of(const struct fpk_batch *b,
                                  struct fkn_lanes lanes,
                                  struct fkn_view *views) {
  const struct fisa_dialect *d = b->dialect;
  uint32_t end = (sizeof(struct fkn_batch) + ALIGN - 1) / ALIGN * ALIGN;
  struct fkn_batch h = {.width = (lanes.count + FKN_WARP - 1) / FKN_WARP *
                                 FKN_WARP,
                        .lanes = lanes.count,
                        .cell_count = d->cell_count,
                        .column_count = b->column_count,
                        .view_count = b->view_count,
                        .word_count = b->word_count,
                        .memory = d->mem_size ? d->mem_size - 1 : 0};

  h.columns = place(&end, b->column_count, h.width * sizeof(int32_t));
  h.uniform = place(&end, d->cell_count, sizeof(int32_t));
  h.begin = place(&end, d->cell_count, sizeof(uint32_t));
  h.end = place(&end, d->cell_count, sizeof(uint32_t));
  h.word_at = place(&end, d->mem_size / WORD, sizeof(uint16_t));
  h.words = place(&end, b->word_count, sizeof(struct fkn_word));
  h.turned_count = turned_count(b);
  h.turned = place(&end, h.turned_count, sizeof(uint32_t));
  h.lane = place(&end, FKN_LANE_WORDS, h.width * sizeof(uint32_t));
  h.events = place(&end, event_count(b, lanes), sizeof(struct fkn_event));
  h.views = place(&end, b->view_count, sizeof(struct fkn_view));
  for (uint32_t i = 0; i < b->view_count; i++) {
    struct fkn_view v = view_layout(b, b->view[i], &end);
    if (views)
      views[i] = v;
  }
  if (d->stack_file < d->file_count) {
    h.stack_first = d->files[d->stack_file].first;
    h.stack_count = d->files[d->stack_file].count;
    h.stack_down = d->files[d->stack_file].down;
    h.stack_sp = d->sp_cell;
  }
  h.bytes = end;
  return h;
}

static int unfit(struct fisa_error *err, const char *why) {
  fisa_fail(err, "not for the kernel: %s", why);
  return 1;
}

int fkn_batch_size(const struct fpk_batch *b, struct fkn_lanes lanes,
                   uint32_t *bytes, struct fisa_error *err) {
  assert(b->dialect && lanes.count <= b->lanes - lanes.first);
  if (b->slow)
    return unfit(err, "an episode needs too much fuel");
  for (uint32_t i = 0; i < b->lanes; i++)
    if (b->status[i] == FISA_RUN_FUEL)
      return unfit(err, "the root has no end on an episode");
  if (b->column_count > FKN_COLUMNS_MOST)
    return unfit(err, "too many columns");
  if (b->dialect->mem_size > FKN_MEMORY_MOST)
    return unfit(err, "a state has too much memory");
  if (b->word_count >= UINT16_MAX)
    return unfit(err, "too many words of memory begin or end as not 0");
  *bytes = layout_of(b, lanes, NULL).bytes;
  if (*bytes >= MOST_BYTES)
    return unfit(err, "the batch takes too many bytes");
  return 0;
}

/* ---- writing ------------------------------------------------------------ */

static void set_bytes(uint8_t *bits, uint32_t mem_size,
                      const struct fpk_range *r, bool seen) {
  for (uint64_t at = r->first;
       at < (uint64_t)r->first + r->count && at < mem_size; at++) {
    uint8_t bit = (uint8_t)(1u << at % WORD);
    if (seen)
      bits[at / WORD] |= bit;
    else
      bits[at / WORD] &= (uint8_t)~bit;
  }
}

static void write_view(const struct fpk_batch *b, const struct fpk_view *v,
                       const struct fkn_view *f, unsigned char *out) {
  const uint32_t size = b->dialect->mem_size;
  uint16_t *changed = (uint16_t *)(void *)(out + f->changed);

  for (uint32_t i = 0; i < v->cell_count; i++) {
    out[f->seen + v->cell[i]] = v->is_float[i] ? 2 : 1;
    if (b->end[v->cell[i]] != FPK_NONE)
      *changed++ = v->cell[i];
  }
  if (f->bytes == 0)
    return;
  memset(out + f->bytes, v->memory ? 15 : 0, size / WORD);
  for (uint32_t i = 0; i < v->range_count; i++)
    set_bytes(out + f->bytes, size, &v->range[i], !v->memory);
}

static void write_words(const struct fpk_batch *b, const struct fkn_batch *h,
                        unsigned char *out) {
  struct fkn_word *word = (struct fkn_word *)(void *)(out + h->words);
  uint16_t *word_at = (uint16_t *)(void *)(out + h->word_at);
  uint32_t *turned = (uint32_t *)(void *)(out + h->turned);

  for (uint32_t i = 0; i < b->word_count; i++) {
    assert(b->word[i].word < b->dialect->mem_size / WORD);
    word[i] = (struct fkn_word){b->word[i].word, b->word[i].begin,
                                b->word[i].end};
    word_at[b->word[i].word] = (uint16_t)(i + 1);
    if (b->word[i].end != FPK_NONE)
      *turned++ = i;
  }
}

static void write_event(const struct fisa_event *e, struct fkn_event *out) {
  *out = (struct fkn_event){.name = e->name,
                            .argc = e->argc,
                            .value = e->value};
  memcpy(out->arg, e->arg, sizeof(e->arg));
}

/* What is known of each lane, and its events behind those of the others. */
static void write_lanes(const struct fpk_batch *b, struct fkn_lanes lanes,
                        const struct fkn_batch *h, unsigned char *out) {
  struct fkn_event *event = (struct fkn_event *)(void *)(out + h->events);
  uint32_t *word = (uint32_t *)(void *)(out + h->lane), at = 0;

  for (uint32_t i = 0; i < lanes.count; i++) {
    uint32_t l = lanes.first + i;
    struct fkn_lane f = {.at = b->at[l],
                         .stop = b->stop[l],
                         .looks = b->looks[l],
                         .status = b->status[l],
                         .fault = b->fault[l],
                         .fuel = b->fuel[l],
                         .cycles = b->cycles[l],
                         .counts = b->counts[l] != 0,
                         .in = at,
                         .in_count = b->in_count[l],
                         .out = at + b->in_count[l],
                         .out_count = b->out_count[l]};
    uint32_t words[FKN_LANE_WORDS];

    for (uint32_t k = 0; k < f.in_count; k++)
      write_event(&b->event[b->in[l] + k], &event[at++]);
    for (uint32_t k = 0; k < f.out_count; k++)
      write_event(&b->event[b->out[l] + k], &event[at++]);
    memcpy(words, &f, sizeof(words));
    for (uint32_t k = 0; k < FKN_LANE_WORDS; k++)
      word[k * h->width + i] = words[k];
  }
}

void fkn_batch_write(const struct fpk_batch *b, struct fkn_lanes lanes,
                     void *where) {
  struct fkn_batch h = layout_of(b, lanes, NULL);
  unsigned char *out = where;
  struct fkn_view *views = (struct fkn_view *)(void *)(out + h.views);

  assert((uintptr_t)where % ALIGN == 0);
  memset(out, 0, h.bytes);
  memcpy(out, &h, sizeof(h));
  layout_of(b, lanes, views);
  for (uint32_t i = 0; i < b->column_count; i++)
    memcpy(out + h.columns + (size_t)i * h.width * sizeof(int32_t),
           b->column[i].v + lanes.first, lanes.count * sizeof(int32_t));
  memcpy(out + h.uniform, b->uniform, h.cell_count * sizeof(int32_t));
  memcpy(out + h.begin, b->begin, h.cell_count * sizeof(uint32_t));
  memcpy(out + h.end, b->end, h.cell_count * sizeof(uint32_t));
  write_words(b, &h, out);
  write_lanes(b, lanes, &h, out);
  for (uint32_t i = 0; i < b->view_count; i++)
    write_view(b, b->view[i], &views[i], out);
}

/* ---- results ------------------------------------------------------------ */

bool fkn_join_asks(const struct fpk_verdict *v, const struct fkn_job *job,
                   const struct fkn_result *r) {
  return v->cost + r->cost > job->bound;
}

bool fkn_join(struct fpk_verdict *v, const struct fkn_job *job,
              const struct fkn_result *r, const struct fkn_cost *costs) {
  uint64_t left = job->bound - v->cost;

  assert(!v->wrong && !v->dear);
  assert(r->why != FKN_NOT_RUN || fkn_join_asks(v, job, r));
  assert(v->cost <= job->bound && r->good <= job->count);
  if (r->cost > left) { /* one of its good lanes is too dear behind others */
    uint32_t i = 0;
    assert(costs);
    for (; costs[i].cost <= left; i++) {
      left -= costs[i].cost;
      v->instructions += costs[i].instructions;
    }
    v->cost = job->bound - left;
    v->good += i;
    v->dear = true;
    return false;
  }
  v->good += r->good;
  v->cost += r->cost;
  v->instructions += r->instructions;
  v->dear = r->why == FKN_DEAR ||
            (r->why == FKN_WRONG && r->last > left - r->cost);
  v->wrong = r->why == FKN_WRONG && !v->dear;
  return r->why == FKN_GOOD;
}
