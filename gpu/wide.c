/*
 * gpu/wide.c - trials on many episodes at once: what lies between the sets of
 * episodes and the engines that take batches of them.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/backend.h"
#include "gpu/trial_impl.h"

/* ---- packs -------------------------------------------------------------- */

/* A batch with room for one more; NULL: out of memory. */
static struct fpk_batch *open_batch(struct ftrial_packs *packs,
                                    const struct fisa_dialect *d) {
  struct fpk_batch *last =
      packs->count ? packs->batch[packs->count - 1] : NULL;

  if (last && last->lanes < FPK_WIDTH)
    return last;
  if (packs->count == packs->capacity) {
    uint32_t capacity = packs->capacity ? packs->capacity * 2 : 4;
    struct fpk_batch **grown =
        realloc(packs->batch, capacity * sizeof(struct fpk_batch *));
    if (!grown)
      return NULL;
    packs->batch = grown;
    packs->capacity = capacity;
  }
  last = fpk_batch_new(d);
  if (last)
    packs->batch[packs->count++] = last;
  return last;
}

int ftrial__packs_add(struct ftrial_packs *packs, const struct fisa_dialect *d,
                      const struct fpk_episode *e) {
  uint32_t before = packs->count;
  struct fpk_batch *b = open_batch(packs, d);
  size_t bytes;
  int rc;

  if (!b)
    return -1;
  bytes = packs->count > before ? 0 : fpk_batch_bytes(b);
  rc = fpk_batch_add(b, e);
  packs->bytes += fpk_batch_bytes(b) - bytes;
  assert(rc || b->lanes > 0);
  return rc;
}

void ftrial__packs_done(struct ftrial_packs *packs) {
  for (uint32_t i = 0; i < packs->count; i++)
    fpk_batch_free(packs->batch[i]);
  free(packs->batch);
  memset(packs, 0, sizeof(*packs));
}

static int compare_lengths(const void *x, const void *y) {
  const struct ftrial_length *a = x, *b = y;

  if (a->instructions != b->instructions)
    return a->instructions < b->instructions ? -1 : 1;
  return a->at < b->at ? -1 : a->at > b->at;
}

void ftrial__by_length(struct ftrial_length *lane, uint32_t count,
                       uint32_t *from) {
  for (uint32_t i = 0; i < count; i++)
    lane[i].at = i;
  qsort(lane, count, sizeof(*lane), compare_lengths);
  for (uint32_t i = 0; i < count; i++)
    from[i] = lane[i].at;
}

void ftrial__sample_first(uint32_t *from, uint32_t count) {
  uint32_t part = count - count / 4, to = count;
  bool taken[FPK_WIDTH] = {false};

  assert(count <= FPK_WIDTH);
  if (count <= FTRIAL_FIRST)
    return;
  if (part < FTRIAL_FIRST)
    part = FTRIAL_FIRST;
  for (uint32_t k = 0; k < FTRIAL_FIRST; k++)
    taken[from[(2 * k + 1) * part / (2 * FTRIAL_FIRST)]] = true;
  for (uint32_t i = count; i-- > 0;)
    if (!taken[from[i]])
      from[--to] = from[i];
  for (uint32_t i = count; i-- > 0;)
    if (taken[i])
      from[--to] = i;
  assert(to == 0);
}

struct fpk_episode ftrial__episode(const struct ftrial_want *want,
                                   const struct fisa_state *begin,
                                   const struct fisa_state *end, bool counts) {
  return (struct fpk_episode){.begin = begin,
                              .end = end,
                              .in = want->in,
                              .out = want->out,
                              .in_count = want->in_count,
                              .out_count = want->out_count,
                              .fuel = ftrial__fuel(want->expect),
                              .counts = counts,
                              .view = &want->view->pack};
}

/* ---- running ------------------------------------------------------------ */

int ftrial__wide_begin(const struct ftrial_set *set,
                       const struct fir_program *variant,
                       struct fir_lane *lane) {
  if (set->narrow)
    return 1;
  if (!lane->places)
    lane->places = malloc(3 * FPK_WIDTH * sizeof(*lane->places));
  if (!lane->wide)
    lane->wide = flanes_new(NULL);
  if (!lane->places || !lane->wide)
    return -1;
  lane->packed_ends = set->ends;
  return fpk_program_make(variant, &set->ends, &lane->packed, NULL);
}

void ftrial__map_all(const struct ftrial_pc_map *map, const uint32_t *root,
                     uint32_t count, uint32_t *out) {
  for (uint32_t i = 0; i < count; i++)
    if (!ftrial_map_pc(map, root[i], &out[i]))
      out[i] = FPK_NONE;
}

static int ask_backend(const struct ftrial_set *set, struct fir_lane *lane,
                       struct ftrial_part part, struct fbackend_run *run) {
  struct fbackend_work work = {.batch = part.batch,
                               .first = part.first,
                               .count = part.count,
                               .run_count = 1,
                               .run = run};

  fbackend_do(set->backend, lane->wide, &work);
  if (run->status == FBACKEND_DONE)
    return 0;
  return run->status == FBACKEND_NO_MEMORY ? -1 : 1;
}

int ftrial__wide_run(const struct ftrial_set *set,
                     const struct ftrial_pc_map *map, struct fir_lane *lane,
                     struct ftrial_part part, uint64_t cost_bound,
                     struct fpk_verdict *out) {
  uint32_t *start = lane->places, *stop = start + FPK_WIDTH;
  uint32_t *pc = stop + FPK_WIDTH;
  const struct fpk_places places = {start, stop};

  assert(lane->wide && lane->packed.ir);
  /* A set under work may come to look at more than it did. */
  if (memcmp(&lane->packed_ends, &set->ends, sizeof(set->ends)) != 0 &&
      ftrial__wide_begin(set, lane->packed.ir, lane) != 0)
    return 1;
  ftrial__map_all(map, part.batch->begin_pc, part.batch->begin_count, pc);
  fpk_places_start(&lane->packed, pc, part.batch->begin_count, start);
  ftrial__map_all(map, part.batch->end_pc, part.batch->end_count, stop);
  if (set->backend) {
    struct fbackend_run run = {.program = &lane->packed,
                               .places = &places,
                               .cost_bound = cost_bound,
                               .out = out};
    return ask_backend(set, lane, part, &run);
  }
  return flanes_run(lane->wide, &lane->packed, part.batch, &places, part.first,
                    part.count, cost_bound, out);
}
