/*
 * plugin/offer.c - patches on their way to the host.
 *
 * The phase is OFFERED before the host is told: the agent may install the
 * patch and end a task on it before the call returns, and that task is the
 * first of the probation. From then on the patch is the watcher's.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"

/* The boundary of the root in a version. Before its first task the host may
 * run what the root was made of. */
static uint32_t pc_in(const struct flux_evolved *a, const struct fse_live *l,
                      uint32_t root_pc) {
  return l != &a->live || l->id != 0 ? fse_version_pc(l, root_pc)
                                     : fse_origin_pc(a, root_pc);
}

/* Two versions, from the first of which an agent goes to the second. */
struct way {
  const struct flux_evolved *a;
  const struct fse_live *from, *to;
};

/* Adds the pair of a root's boundary, if both versions have a place for it. */
static void add_pair(const struct way *w, uint32_t root_pc, flux_transfer *t,
                     uint32_t *count) {
  uint32_t x = pc_in(w->a, w->from, root_pc), y = pc_in(w->a, w->to, root_pc);
  if (x == UINT32_MAX || y == UINT32_MAX) return;
  t[(*count)++] = (flux_transfer){x, y};
}

/*
 * Pairs as the ABI wants them: from the boundaries of one version to those of
 * another. The first that fits is taken: where a version's entry is a place
 * to continue at as well, that pair comes before the pair of the entries.
 */
static flux_transfer *transfers(const struct way *w, uint32_t *count) {
  const struct fse_live *known = w->to->program != NULL ? w->to : w->from;
  flux_transfer *t = malloc((known->pair_count + 1) * sizeof *t);
  assert(known->program != NULL && known->pair_count > 0);
  *count = 0;
  if (t == NULL) return NULL;
  for (uint32_t i = 1; i < known->pair_count; i++)
    add_pair(w, known->pair[i][0], t, count);
  add_pair(w, known->pair[0][0], t, count);
  return t;
}

/* Hands a->next_patch.live to the host. It may be the root (program NULL). */
static flux_status offer(struct flux_evolved *a, uint32_t flags) {
  const struct fse_instance *in = a->instance;
  const struct fse_live *next = &a->next_patch.live;
  const struct fisa_program *p =
      next->program != NULL ? next->program : a->root;
  flux_patch patch = {.struct_size = sizeof patch,
                      .id = next->id,
                      .base = a->live.id,
                      .code = p->code,
                      .code_size = p->size,
                      .entry = p->entry,
                      .boundary_pc = p->manifest.boundary.pc,
                      /* Whoever was tuned stays so. */
                      .flags = flags | (a->next_patch.tuning ||
                                                a->origin != NULL
                                            ? FLUX_PATCH_TUNING
                                            : 0u),
                      .deadline_tasks = in->policy.deadline_tasks,
                      .hold_ms = in->policy.hold_ms};
  const struct way out = {a, &a->live, next}, home = {a, next, &a->live};
  flux_transfer *there = transfers(&out, &patch.transfer_count);
  flux_transfer *back = transfers(&home, &patch.back_count);
  flux_status rc = FLUX_E_MEMORY;
  assert(next->id > 0 && next->id != a->live.id);
  patch.transfer = there;
  patch.back = back;
  if (there != NULL && back != NULL)
    rc = in->live->offer(a->id, &patch, in->host->ctx);
  free(there);
  free(back);
  return rc;
}

void fse_offer(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  uint64_t id = a->next_patch.live.id;
  flux_status rc;
  assert(a->next_patch.live.program != NULL && !a->next_patch.to_root);
  fse_phase_set(a, FSE_OFFERED);
  rc = offer(a, in->policy.probation_hold ? FLUX_PATCH_HOLD : 0);
  if (rc == FLUX_OK) return;
  if (!fse_phase_move(a, FSE_OFFERED, FSE_SEARCHING)) return;
  fse_say(in, FLUX_LOG_WARNING, "agent \"%s\": the host refused patch %llu "
          "(status %d)", a->name, (unsigned long long)id, (int)rc);
  fse_forgive(a);
  fse_live_done(&a->next_patch.live);
  a->next_patch.tuning = a->next_patch.gift = false;
  fse_phase_set(a, FSE_OBSERVING);
}

void fse_offer_accepted(struct flux_evolved *a) {
  assert(a->live.program == NULL && a->next_patch.live.program != NULL);
  if (offer(a, FLUX_PATCH_ACCEPTED) == FLUX_OK) {
    a->live = a->next_patch.live;
    memset(&a->next_patch.live, 0, sizeof a->next_patch.live);
  } else {
    fse_live_done(&a->next_patch.live);
  }
}

bool fse_offer_root(struct flux_evolved *a) {
  assert(a->live.program != NULL && a->next_patch.live.program == NULL);
  a->next_patch.live.id = ++a->patches;
  a->next_patch.to_root = true;
  fse_phase_set(a, FSE_OFFERED);
  if (offer(a, FLUX_PATCH_ACCEPTED) == FLUX_OK) return true;
  a->next_patch.to_root = false;
  fse_phase_set(a, FSE_SETTLED);
  return false;
}
