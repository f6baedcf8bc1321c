/*
 * gpu/many.c - many variants tried at once, for a device.
 *
 * All of a group go through the parts of the set together: what is left of
 * them is one work for the back end, part after part. So a device gets one
 * launch for hundreds of variants, and what is wrong is out of the way behind
 * the first of them. Sums, bounds and ends are those of one trial: trial.c.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/backend.h"
#include "gpu/trial_impl.h"

enum {
  BYTES_MOST = 64 << 20, /* of the packed programs of a group, about */
  BYTES_OP = 192,        /* of each: for an op of the IR, */
  BYTES_CELL = 32        /* and a cell of the state */
};

/* A variant, and what is known of it so far. */
struct one {
  const struct fir_program *variant;
  const struct ftrial_pc_map *map;
  uint64_t cost_bound;
  struct ftrial_result result;
  struct fpk_program packed;   /* a buffer as long as the group is */
  bool alone;                  /* not for wide engines: tried by itself */
};

struct ftrial_many {
  const struct ftrial_set *set;
  struct fir_lane *lane;
  uint32_t count;
  size_t bytes;                /* of all that are packed, about */
  struct one one[FTRIAL_MANY];

  /* The part of the set that is next or under way. */
  unsigned packs;              /* of the set's two */
  uint32_t batch;              /* of these */
  struct ftrial_part part;
  uint32_t episode;            /* the batch's first */

  uint32_t left_count;         /* variants that are still good */
  uint32_t left[FTRIAL_MANY];
  bool sent;                   /* the work is the back end's */
  struct fbackend_work work;
  struct fbackend_run run[FTRIAL_MANY];  /* of left[i] */
  struct fpk_verdict verdict[FTRIAL_MANY];
  struct fpk_places places[FTRIAL_MANY];
  uint32_t place_capacity;
  uint32_t *place;             /* what these point to */
};

/* ---- filling ------------------------------------------------------------ */

bool ftrial_wants_many(const struct ftrial_set *set) {
  return set->backend && !set->narrow && set->count >= FTRIAL_FEW &&
         fbackend_has_device(set->backend);
}

struct ftrial_many *ftrial_many_new(const struct ftrial_set *set,
                                    struct fir_lane *lane) {
  struct ftrial_many *m = calloc(1, sizeof(*m));

  assert(set && lane);
  if (!lane->wide)
    lane->wide = flanes_new(NULL);
  if (!m || !lane->wide) {
    free(m);
    return NULL;
  }
  m->set = set;
  m->lane = lane;
  return m;
}

/* What is under way is awaited, and forgotten. */
static void recall(struct ftrial_many *m) {
  if (m->sent)
    fbackend_end(m->set->backend, m->lane->wide, &m->work);
  m->sent = false;
}

void ftrial_many_free(struct ftrial_many *m) {
  if (!m)
    return;
  recall(m);
  for (uint32_t i = 0; i < FTRIAL_MANY; i++)
    fpk_program_done(&m->one[i].packed);
  free(m->place);
  free(m);
}

void ftrial_many_clear(struct ftrial_many *m) {
  recall(m);
  m->count = m->left_count = 0;
  m->bytes = 0;
}

bool ftrial_many_full(const struct ftrial_many *m) {
  return m->count == FTRIAL_MANY || m->bytes >= BYTES_MOST;
}

int ftrial_many_add(struct ftrial_many *m, const struct fir_program *variant,
                    const struct ftrial_pc_map *map, uint64_t cost_bound) {
  struct one *o = &m->one[m->count];
  int rc;

  assert(!ftrial_many_full(m) && !m->sent && m->left_count == 0);
  o->variant = variant;
  o->map = map;
  o->cost_bound = cost_bound;
  o->result = (struct ftrial_result){.verdict = FTRIAL_SAME};
  o->alone = !m->set->backend || m->set->narrow ||
             m->set->count < FTRIAL_FEW ||
             !ftrial__ready(m->set, variant, m->lane, &o->result);
  if (!o->alone) {
    rc = fpk_program_make(variant, &m->set->ends, &o->packed, NULL);
    if (rc < 0)
      return -1;
    o->alone = rc > 0;
  }
  if (!o->alone)
    m->bytes += (size_t)variant->count * BYTES_OP +
                (size_t)variant->state_cells * BYTES_CELL;
  return (int)m->count++;
}

/* ---- parts of the set --------------------------------------------------- */

static const struct fpk_batch *batch_of(const struct ftrial_many *m) {
  return m->set->packs[m->packs].batch[m->batch];
}

/* Goes on to the next part; false: that was all. */
static bool next_part(struct ftrial_many *m) {
  for (; m->packs < 2; m->packs++, m->batch = 0)
    for (; m->batch < m->set->packs[m->packs].count; m->batch++) {
      if (!m->part.batch)
        m->part.batch = batch_of(m);
      if (ftrial__next_part(&m->part, m->part.batch->lanes))
        return true;
      m->episode += m->part.batch->lanes;
      m->part = (struct ftrial_part){NULL, 0, 0};
    }
  return false;
}

/* Room for the places of all variants that are left, in this batch. */
static bool have_places(struct ftrial_many *m) {
  const struct fpk_batch *b = m->part.batch;
  uint32_t want = m->left_count * (b->begin_count + b->end_count);
  uint32_t *place;

  if (want <= m->place_capacity)
    return true;
  place = realloc(m->place, want * sizeof(*place));
  if (!place)
    return false;
  m->place = place;
  m->place_capacity = want;
  return true;
}

/* Where a variant begins and stops in this batch, at *at, which goes on. */
static struct fpk_places places_of(const struct ftrial_many *m,
                                   const struct one *o, uint32_t **at) {
  const struct fpk_batch *b = m->part.batch;
  uint32_t pc[FPK_WIDTH], *start = *at, *stop = start + b->begin_count;

  assert(b->begin_count <= FPK_WIDTH);
  ftrial__map_all(o->map, b->begin_pc, b->begin_count, pc);
  fpk_places_start(&o->packed, pc, b->begin_count, start);
  ftrial__map_all(o->map, b->end_pc, b->end_count, stop);
  *at = stop + b->end_count;
  return (struct fpk_places){start, stop};
}

/* Sends the part for all that are left; without memory for that it is not
 * sent. */
static void send(struct ftrial_many *m) {
  uint32_t *at;

  if (!have_places(m))
    return;
  at = m->place;
  for (uint32_t i = 0; i < m->left_count; i++) {
    const struct one *o = &m->one[m->left[i]];

    m->places[i] = places_of(m, o, &at);
    m->run[i] = (struct fbackend_run){
        .program = &o->packed,
        .places = &m->places[i],
        .cost_bound = o->cost_bound - o->result.cost,
        .out = &m->verdict[i]};
  }
  m->work = (struct fbackend_work){.batch = m->part.batch,
                                   .first = m->part.first,
                                   .count = m->part.count,
                                   .run_count = m->left_count,
                                   .run = m->run};
  fbackend_begin(m->set->backend, &m->work);
  m->sent = true;
}

/* What came of the part for left[i]; whether it goes on. */
static bool take(struct ftrial_many *m, uint32_t i, bool sent) {
  struct one *o = &m->one[m->left[i]];
  const struct ftrial_sweep w = {m->set,        o->variant, o->map, m->lane,
                                 o->cost_bound, false,      &o->result};
  uint32_t first = m->episode + m->part.first;

  if (sent && m->run[i].status == FBACKEND_DONE)
    return ftrial__sweep_add(&w, first, &m->verdict[i]);
  return ftrial__sweep_narrow(&w, first, m->part.count);
}

/* ---- the outside -------------------------------------------------------- */

void ftrial_many_begin(struct ftrial_many *m) {
  assert(!m->sent && m->left_count == 0);
  m->packs = m->batch = m->episode = 0;
  m->part = (struct ftrial_part){NULL, 0, 0};
  for (uint32_t i = 0; i < m->count; i++)
    if (!m->one[i].alone)
      m->left[m->left_count++] = i;
  if (m->left_count > 0 && next_part(m))
    send(m);
  for (uint32_t i = 0; i < m->count; i++) {
    struct one *o = &m->one[i];
    if (o->alone)
      o->result = ftrial_judge(m->set, o->variant, o->map, m->lane,
                               o->cost_bound);
  }
}

bool ftrial_many_step(struct ftrial_many *m) {
  const bool sent = m->sent;
  uint32_t left = 0;

  if (m->left_count == 0)
    return false;
  recall(m);
  for (uint32_t i = 0; i < m->left_count; i++)
    if (take(m, i, sent))
      m->left[left++] = m->left[i];
  m->left_count = left;
  if (left > 0 && next_part(m))
    send(m);
  else
    m->left_count = 0;
  return m->left_count > 0;
}

bool ftrial_many_look(struct ftrial_many *m) {
  return !m->sent || fbackend_look(m->set->backend, &m->work);
}

struct ftrial_result ftrial_many_result(const struct ftrial_many *m,
                                        uint32_t i) {
  assert(i < m->count && m->left_count == 0);
  return m->one[i].result;
}
