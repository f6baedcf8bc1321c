/*
 * gpu/cuda_batch.c - batches on the device.
 *
 * A batch is sent once and stays, by its version, until others need its room;
 * those not used for longest go first. One that is too large as a whole goes
 * in parts, lane by lane. Sending waits for its end: it is rare,
 * and the buffer it goes through is free again behind it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda_impl.h"

static struct fcu_batch *find(struct fcuda *c, const struct fpk_batch *b,
                              struct fkn_lanes lanes) {
  struct fcu_session *s = &c->s;

  assert(b->version != 0);
  for (uint32_t i = 0; i < FCU_BATCHES; i++)
    if (s->batch[i].version == b->version &&
        s->batch[i].lanes.first == lanes.first &&
        s->batch[i].lanes.count == lanes.count)
      return &s->batch[i];
  return NULL;
}

bool fcu_batch_there(struct fcuda *c, const struct fpk_batch *b,
                     struct fkn_lanes lanes) {
  return find(c, b, lanes) != NULL;
}

/* The one not used for longest; NULL: there is none. */
static struct fcu_batch *oldest(struct fcu_session *s) {
  struct fcu_batch *old = NULL;

  for (uint32_t i = 0; i < FCU_BATCHES; i++)
    if (s->batch[i].version != 0 && (!old || s->batch[i].used < old->used))
      old = &s->batch[i];
  return old;
}

static struct fcu_batch *free_place(struct fcu_session *s) {
  for (uint32_t i = 0; i < FCU_BATCHES; i++)
    if (s->batch[i].version == 0)
      return &s->batch[i];
  return NULL;
}

static void evict(struct fcu_session *s, struct fcu_batch *b) {
  fcu_arena_give(&s->arena, b->at);
  memset(b, 0, sizeof(*b));
}

/* Makes room for a batch; NULL: not even with all others gone. */
static struct fcu_batch *make_room(struct fcu_session *s, uint64_t size) {
  struct fcu_batch *place, *old;
  uint64_t at;

  while (!(place = free_place(s)))
    evict(s, oldest(s));
  while ((at = fcu_arena_take(&s->arena, size)) == FCU_NOWHERE) {
    old = oldest(s);
    if (!old)
      return NULL;
    evict(s, old);
  }
  place->at = at;
  return place;
}

/* Sends bytes that need not be pinned, piece by piece. */
static int send(struct fcuda *c, uint64_t at, const unsigned char *bytes,
                uint64_t size, struct fcu_failure *f) {
  struct fcu_slot *slot = &c->s.slot[0];

  assert(!slot->work);
  for (uint64_t n = 0, piece; n < size; n += piece) {
    piece = size - n < c->s.in_size ? size - n : c->s.in_size;
    if (bytes)
      memcpy(slot->in, bytes + n, piece);
    FCU_TRY(c, f, cuMemcpyHtoDAsync_v2, c->s.memory + at + n, slot->in,
            piece, slot->stream);
    FCU_TRY(c, f, cuEventRecord, slot->done, slot->stream);
    fcu_set_limit(c, slot, fcu_allowance_ms(c->options.wait_ms, 0, false));
    if (fcu_await(c, slot, false, f) != 0)
      return -1;
    c->counts.bytes_in += piece;
  }
  return 0;
}

/* What the slots leave of the host's memory for a batch on its way. */
static uint64_t host_most(const struct fcuda *c) {
  uint64_t slots = (uint64_t)FCU_SLOTS * (c->s.in_size + c->s.out_size);

  return c->options.host_max > slots + c->s.in_size
             ? c->options.host_max - slots
             : c->s.in_size;
}

/* Lays lanes of a batch out, in the pinned buffer if they are no larger, and
 * sends them. */
static int lay_out(struct fcuda *c, const struct fpk_batch *b,
                   const struct fcu_batch *place, uint32_t size,
                   struct fcu_failure *f) {
  unsigned char *bytes;
  int rc;

  if (size <= c->s.in_size) {
    fkn_batch_write(b, place->lanes, c->s.slot[0].in);
    return send(c, place->at, NULL, size, f);
  }
  bytes = aligned_alloc(64, ((size_t)size + 63) / 64 * 64);
  if (!bytes) {
    f->call = NULL;
    return -1;
  }
  fkn_batch_write(b, place->lanes, bytes);
  rc = send(c, place->at, bytes, size, f);
  free(bytes);
  return rc;
}

/* Whether so many bytes of a batch can be had, all others gone. */
static bool has_room(const struct fcuda *c, uint32_t size) {
  return size <= host_most(c) && size <= c->s.batch_most;
}

int fcu_batch_part(struct fcuda *c, const struct fpk_batch *b, uint32_t first,
                   struct fkn_lanes *out) {
  struct fkn_lanes lanes = {0, b->lanes};
  uint32_t size;

  assert(first < b->lanes);
  for (uint32_t most = FPK_WIDTH;; most /= 2) {
    if (fkn_batch_size(b, lanes, &size, &c->refusal) != 0)
      return 1;
    if (has_room(c, size))
      break;
    if (most == FKN_WARP) {
      fisa_fail(&c->refusal, "%u lanes of a batch, %u bytes, are too large for "
                "the %s", lanes.count, size,
                size > host_most(c) ? "host" : "device");
      return 1;
    }
    /* The same parts for whoever asks. */
    lanes.first = first / (most / 2) * (most / 2);
    lanes.count = most / 2;
    if (lanes.count > b->lanes - lanes.first)
      lanes.count = b->lanes - lanes.first;
  }
  *out = lanes;
  return 0;
}

int fcu_batch_have(struct fcuda *c, const struct fpk_batch *b,
                   struct fkn_lanes lanes, uint64_t *at,
                   struct fcu_failure *f) {
  struct fcu_batch *place = find(c, b, lanes);
  uint32_t size;

  if (!place) {
    if (fkn_batch_size(b, lanes, &size, &c->refusal) != 0)
      return 1;
    place = make_room(&c->s, size);
    if (!place) {
      fisa_fail(&c->refusal, "a batch of %u bytes is too large for the device",
                size);
      return 1;
    }
    c->counts.uploads++;
    place->lanes = lanes;
    if (lay_out(c, b, place, size, f) != 0) {
      fcu_arena_give(&c->s.arena, place->at);
      place->at = 0;
      return -1;
    }
    place->version = b->version;
  }
  place->used = ++c->s.tick;
  *at = place->at;
  return 0;
}
