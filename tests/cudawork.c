/*
 * tests/cudawork.c - work for the CUDA back end, and what has to come back.
 */
#include "tests/cudawork.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

bool cuda_work_open(struct cuda_work *w, const struct wide_case *c,
                   uint32_t times, uint32_t first, uint32_t count) {
  uint32_t n = times * c->count;

  memset(w, 0, sizeof(*w));
  w->work.batch = c->wide.batch;
  w->work.first = first;
  w->work.count = count;
  w->work.run_count = n;
  w->work.run = calloc(n + 1, sizeof(*w->work.run));
  w->want = calloc(n + 1, sizeof(*w->want));
  w->got = calloc(n + 1, sizeof(*w->got));
  if (!w->work.run || !w->want || !w->got) {
    cuda_work_close(w);
    return UNIT_TRUE(0, "out of memory");
  }
  for (uint32_t i = 0; i < n; i++) {
    const struct wide_variant *v = &c->variant[i % c->count];
    uint64_t bound = wide_bound(&c->wide, v, i, first, count);

    w->want[i] = wide_verdict(&c->wide, v, first, count, bound);
    memset(&w->got[i], 0xEE, sizeof(w->got[i]));
    w->work.run[i] = (struct fcuda_run){&v->packed, &v->places, bound,
                                        &w->got[i], FCUDA_REFUSED};
  }
  return true;
}

uint32_t cuda_work_check(const struct cuda_work *w, const char *who) {
  uint32_t done = 0;

  for (uint32_t i = 0; i < w->work.run_count; i++) {
    UNIT_TRUE(w->work.run[i].status != FCUDA_SENT, "%s: run %u is not there",
              who, i);
    if (w->work.run[i].status != FCUDA_DONE)
      continue;
    done++;
    if (!wide_same(&w->got[i], &w->want[i], who))
      break;
  }
  return done;
}

void cuda_work_close(struct cuda_work *w) {
  free(w->work.run);
  free(w->want);
  free(w->got);
  memset(w, 0, sizeof(*w));
}
