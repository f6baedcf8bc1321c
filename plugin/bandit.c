/*
 * plugin/bandit.c - which kinds of edits are worth trying.
 */
#include "plugin/bandit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What is believed of a kind before anything is known: of so many tries, one
 * was taken. It takes as many to change that. */
#define PRIOR_TRIED 8.0
#define PRIOR_TAKEN 4.0

/* An accepted patch says more than a step of a search: it counts as so many. */
#define ACCEPTED_COUNTS 8u

void fse_bandit_tried(struct fse_bandit *b, uint32_t kind) {
  assert(kind < fse_kind_count);
  b->tried[kind]++;
}

void fse_bandit_taken(struct fse_bandit *b, uint32_t kind) {
  assert(kind < fse_kind_count);
  b->taken[kind]++;
}

/* The kind of a name of `length` bytes, or fse_kind_count. */
static uint32_t kind_of(const char *name, size_t length) {
  uint32_t k = 0;
  for (; k < fse_kind_count; k++)
    if (strlen(fse_kinds[k].name) == length &&
        memcmp(fse_kinds[k].name, name, length) == 0)
      break;
  return k;
}

void fse_bandit_accepted(struct fse_bandit *b, const char *kinds) {
  assert(b != NULL && kinds != NULL);
  while (*kinds != '\0') {
    size_t length = strcspn(kinds, ", ");
    uint32_t k = kind_of(kinds, length);
    unsigned long times = 1;
    kinds += length;
    if (strncmp(kinds, " x", 2) == 0) {
      char *end;
      times = strtoul(kinds + 2, &end, 10);
      kinds = end;
    }
    if (times > 1000) times = 1000;
    if (k < fse_kind_count) {
      b->tried[k] += times * ACCEPTED_COUNTS;
      b->taken[k] += times * ACCEPTED_COUNTS;
    }
    kinds += strspn(kinds, ", ");
  }
}

static double share(const struct fse_bandit *b, uint32_t k) {
  assert(b->taken[k] <= b->tried[k] + b->taken[k]);
  return ((double)b->taken[k] + PRIOR_TAKEN) /
         ((double)b->tried[k] + PRIOR_TRIED);
}

void fse_bandit_weights(const struct fse_bandit *b,
                        const struct fse_policy *policy,
                        double out[FSE_KINDS_MAX]) {
  double best = 0;
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (policy->weight[k] > 0 && share(b, k) > best) best = share(b, k);
  for (uint32_t k = 0; k < FSE_KINDS_MAX; k++) {
    double learned = k < fse_kind_count && best > 0 ? share(b, k) / best : 1;
    out[k] = policy->weight[k] *
             (learned > FSE_BANDIT_FLOOR ? learned : FSE_BANDIT_FLOOR);
  }
}
