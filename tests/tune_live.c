/*
 * tune_live.c - a host of the live loop whose agent is tuned.
 */
#include "tests/tune_live.h"

#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

enum { AT_ONCE = 16, ENOUGH = 20000 };

void tune_open(struct livehost *h, const char *text, const flux_judge *judge,
               uint32_t canary_tasks) {
  livehost_open(h, text);
  h->judge = judge;
  livehost_set(h, "policy.episodes", 16);
  livehost_set(h, "policy.canary_tasks", canary_tasks);
  livehost_set(h, "policy.fuzz_states", 100);
  livehost_set(h, "policy.record_period", 8);
}

bool tune_run_to(struct livehost *h, enum fse_phase phase) {
  for (int n = 0; n < ENOUGH && livehost_phase(h) != phase; n++) {
    livehost_task(h, NULL);
    if (n % AT_ONCE == 0) livehost_settle(h);
    if (livehost_phase(h) == FSE_SEARCHING || livehost_phase(h) == FSE_READY)
      livehost_settle(h);
  }
  livehost_settle(h);
  return livehost_phase(h) == phase;
}

bool tune_is_offered(struct livehost *h) {
  bool offered;
  pthread_mutex_lock(&h->lock);
  offered = h->offered;
  pthread_mutex_unlock(&h->lock);
  return offered;
}

void tune_run_to_offer(struct livehost *h) {
  UNIT_TRUE(tune_run_to(h, FSE_OFFERED), "phase %d", (int)livehost_phase(h));
  while (livehost_phase(h) == FSE_OFFERED && !tune_is_offered(h))
    livehost_settle(h);
}

void tune_run_to_tuning(struct livehost *h) {
  UNIT_TRUE(tune_run_to(h, FSE_CONTROL), "phase %d", (int)livehost_phase(h));
  tune_run_to_offer(h);
}

void tune_install(struct livehost *h, const struct livehost_lie *lie) {
  struct livehost_lie l = {.cell = -1};
  if (lie != NULL) l = *lie;
  UNIT_TRUE(h->patch.flags & FLUX_PATCH_TUNING, "the host is told");
  l.flags |= livehost_install(h);
  livehost_task(h, &l);
  livehost_settle(h);
}

void tune_probation(struct livehost *h) {
  const struct livehost_lie on = {.cell = -1, .flags = FLUX_TASK_PROBATION};
  for (int n = 0; n < ENOUGH && livehost_phase(h) == FSE_PROBATION; n++) {
    livehost_task(h, &on);
    if (n % AT_ONCE == 0) livehost_settle(h);
  }
  livehost_settle(h);
}

void tune_accepted(struct livehost *h) {
  tune_run_to_tuning(h);
  tune_install(h, NULL);
  tune_probation(h);
  UNIT_EQ(h->accepted, h->version);
}

void tune_leave(struct livehost *h) {
  struct livehost_lie l = {.cell = -1};
  UNIT_EQ(livehost_phase(h), FSE_LEAVING);
  l.flags = livehost_leave(h);
  livehost_task(h, &l);
  livehost_settle(h);
}

void tune_give(struct livehost *h, const char *text) {
  struct flux_evolved *a = h->evolved;
  struct fse_made *gift = &a->tuning.gift;
  const struct fisa_facts *f = a->root_facts;
  struct fisa_program *p = isa_program(isa_unified(), text);
  CU_ASSERT_FATAL(p != NULL);
  pthread_mutex_lock(&a->instance->lock);
  gift->program = fisa_program_derive(a->root, p->code, p->size, p->entry,
                                      p->manifest.boundary.pc);
  gift->places = malloc(((size_t)f->count + 1) * sizeof *gift->places);
  CU_ASSERT_FATAL(gift->program != NULL && gift->places != NULL);
  for (uint32_t i = 0; i < f->count; i++)
    gift->places[i] = (struct fse_place){f->insn[i].pc, f->insn[i].pc};
  gift->place_count = f->count;
  memcpy(a->tuning.gift_root, a->root->hash, 32);
  pthread_mutex_unlock(&a->instance->lock);
  fisa_program_free(p);
}
