/*
 * plugin/settle.c - tries what is in scratch memory at the begin of a task.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/settle.h"

enum { EPISODES = 16, FILLS = 2, STREAM_SETTLE = 7 };

/* A scratch byte that is an input too, or that the program lays out, is not
 * drawn: the agent may rely on it. */
static bool relied_on(const struct fisa_manifest *m, uint32_t at) {
  for (uint32_t i = 0; i < m->in_count; i++)
    if (m->in[i].kind == FISA_CELLS_MEM && at >= m->in[i].first &&
        at - m->in[i].first < m->in[i].count)
      return true;
  return false;
}

static void fill(const struct fisa_program *root, uint64_t seed, uint64_t n,
                 struct fisa_state *s) {
  const struct fisa_manifest *m = &root->manifest;
  uint64_t word = 0, drawn = 0;

  for (uint32_t i = 0; i < m->scratch_count; i++)
    for (uint32_t k = 0; k < m->scratch[i].count; k++) {
      uint32_t at = (m->scratch[i].first + k) & (s->mem_size - 1);
      if (relied_on(m, at)) continue;
      if (drawn++ % 8 == 0)
        word = ftrial_random(seed, STREAM_SETTLE, n, drawn);
      s->mem[at] = (uint8_t)word;
      s->dirty[at / FISA_PAGE / 64] |= UINT64_C(1) << at / FISA_PAGE % 64;
      word >>= 8;
    }
}

static bool same(const struct ftrial_expect *a, const struct ftrial_expect *b) {
  return a->status == b->status && a->fault == b->fault &&
         a->cycles == b->cycles && a->inputs_used == b->inputs_used &&
         a->end_pc == b->end_pc &&
         memcmp(&a->digest, &b->digest, sizeof a->digest) == 0 &&
         memcmp(&a->outputs, &b->outputs, sizeof a->outputs) == 0;
}

/* One task with one fill: 1 it differs, 0 it does not, -1 memory. */
static int try_fill(struct ftrial_set *other, const struct ftrial_expect *want,
                    const struct ftrial_episode *e) {
  uint32_t before = ftrial_set_count(other);

  switch (ftrial_set_add(other, e)) {
  case FTRIAL_ADDED:
    assert(ftrial_set_count(other) == before + 1);
    return !same(ftrial_set_expect(other, before), want);
  case FTRIAL_REFUSED:
    return 1;
  default:
    return -1;
  }
}

static int try_episode(const struct ftrial_set *set, struct ftrial_set *other,
                       const struct fisa_program *root, uint32_t i,
                       uint64_t seed, struct fisa_state *begin) {
  struct ftrial_episode e = {.origin = FTRIAL_RECORDED, .begin = begin};
  int rc = 0;

  assert(i < ftrial_set_count(set));
  for (unsigned k = 0; k < FILLS && rc == 0; k++) {
    ftrial_set_get(set, i, begin, &e.events, &e.event_count);
    if (begin->pc == root->entry &&
        root->manifest.boundary.kind != FISA_BOUNDARY_PC)
      return 0;
    fill(root, seed, (uint64_t)i * FILLS + k, begin);
    rc = try_fill(other, ftrial_set_expect(set, i), &e);
  }
  return rc;
}

int fse_scratch_matters(const struct ftrial_set *set,
                        const struct fisa_program *root, uint64_t max_fuel,
                        uint64_t seed, char what[96]) {
  uint32_t i = ftrial_set_counters(set), end = ftrial_set_count(set);
  struct ftrial_set *other = NULL;
  struct fisa_state *begin = NULL;
  int rc = 0;

  if (root->manifest.scratch_count == 0 || root->dialect->mem_size == 0)
    return 0;
  other = ftrial_set_new(root, max_fuel, NULL);
  begin = fisa_state_new(root->dialect);
  if (other == NULL || begin == NULL) rc = -1;
  if (end - i > EPISODES) end = i + EPISODES;
  for (; rc == 0 && i < end; i++)
    rc = try_episode(set, other, root, i, seed, begin);
  if (rc > 0)
    snprintf(what, 96, "a task reads what an earlier one left in .scratch;"
             " declare less of it");
  fisa_state_free(begin);
  ftrial_set_free(other);
  return rc;
}
