/*
 * plugin/plant.c - test switch: bad patches, offered past every check, so
 * that what watches a live agent can be seen at work.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/candidate.h"
#include "plugin/instance.h"
#include "plugin/lexicon.h"

/* Everything a plant is made from. */
struct garden {
  struct fisa_facts *facts;
  struct fse_draft *draft;
  struct fse_profile *profile;
  struct fse_lexicon *lexicon;
  struct fse_view view;
};

static void garden_done(struct garden *g) {
  fse_profile_free(g->profile);
  fse_lexicon_free(g->lexicon);
  fse_draft_free(g->draft);
  fisa_facts_free(g->facts);
}

static bool garden_make(struct flux_evolved *a, struct garden *g) {
  const struct fisa_program *p = a->root;
  struct fse_profile_source from = {.set = a->set, .episodes = 8,
                                    .lane = a->search_lane};
  uint32_t(*pair)[2];
  memset(g, 0, sizeof *g);
  if (fisa_facts_make(p, &g->facts, NULL) != 0 ||
      fse_draft_make(p, g->facts, &g->draft, NULL) != 0)
    return false;
  struct fse_place *same = malloc((g->facts->count + 1) * sizeof *same);
  if (same == NULL) return false;
  for (uint32_t i = 0; i < g->facts->count; i++)
    same[i] = (struct fse_place){g->facts->insn[i].pc, g->facts->insn[i].pc};
  pair = fse_boundary_pairs(a->root_facts, p, p, same, g->facts->count,
                            &from.map.count);
  free(same);
  from.map.pair = (const uint32_t(*)[2])pair;
  g->lexicon = fse_lexicon_new(a->dialect, &a->instance->policy);
  if (pair != NULL) g->profile = fse_profile_new(p, g->facts, &from);
  free(pair);
  g->view = (struct fse_view){.program = p, .facts = g->facts,
                              .draft = g->draft, .lexicon = g->lexicon,
                              .profile = g->profile,
                              .policy = &a->instance->policy};
  return g->lexicon != NULL && g->profile != NULL;
}

/* The instruction that ran most often. */
static uint32_t hottest(const struct garden *g) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < g->facts->count; i++)
    if (g->profile->runs[i] > g->profile->runs[best]) best = i;
  return best;
}

/* Code that ends in the fault of an undefined opcode where it is hottest. */
static bool plant_fault(struct garden *g, struct fse_child *c) {
  unsigned op = 0;
  while (op < 256 && g->view.program->dialect->rows[op].defined) op++;
  if (op == 256 || fse_draft_finish(g->draft, FISA_MAX_CODE, c, NULL) != 0)
    return false;
  c->program->code[c->address[hottest(g)]] = (uint8_t)op;
  return true;
}

/* At least 30 % dearer: NOPs where it is hottest. */
static bool plant_slow(struct flux_evolved *a, struct garden *g,
                       struct fse_child *c) {
  const int32_t value[FISA_MAX_OPERANDS] = {0};
  uint32_t hot = hottest(g), n = 0, per_task, tasks = 8;
  uint64_t runs = g->profile->runs[hot], cost;
  if (tasks > ftrial_set_count(a->set)) tasks = ftrial_set_count(a->set);
  if (g->lexicon->nop == NULL || runs == 0 || tasks == 0) return false;
  cost = ftrial_root_cost(a->set, 0, tasks);
  per_task = (uint32_t)(cost * 3 / 10 / runs) + 1;
  while (n++ < per_task)
    if (fse_draft_insert(g->draft, hot, true, g->lexicon->nop, value,
                         FSE_NO_NODE) == FSE_NO_NODE)
      return false;
  return fse_draft_finish(g->draft, FISA_MAX_CODE, c, NULL) == 0;
}

/* Whether a child is wrong on most episodes. */
static bool mostly_wrong(struct flux_evolved *a, const struct fse_child *c) {
  struct fir_program *ir = NULL;
  uint32_t count = 0, wrong = 0, n = ftrial_set_count(a->set);
  uint32_t(*pair)[2] = fse_boundary_pairs(a->root_facts, a->root, c->program,
                                          c->places, c->place_count, &count);
  struct ftrial_pc_map map = {count, (const uint32_t(*)[2])pair};
  if (pair != NULL && fir_lower(c->program, &ir, NULL) == 0) {
    for (uint32_t i = 0; i < n; i++)
      wrong += ftrial_run(a->set, ir, &map, a->search_lane, i, 1, UINT64_MAX)
                   .verdict == FTRIAL_WRONG;
  }
  fir_free(ir);
  free(pair);
  return n > 0 && wrong * 4 >= n * 3;
}

/* One instruction less, and another result. */
static bool plant_wrong(struct flux_evolved *a, struct garden *g,
                        struct fse_child *c) {
  for (uint32_t i = g->facts->count; i-- > 0;) {
    struct fse_draft *d;
    struct fisa_finding f;
    bool good = false;
    if (g->facts->insn[i].row->flow != FISA_FLOW_NEXT ||
        g->profile->runs[i] == 0)
      continue;
    d = fse_draft_copy(g->draft);
    if (d != NULL && fse_draft_remove(d, i) == 0 &&
        fse_draft_finish(d, FISA_MAX_CODE, c, NULL) == 0) {
      good = fisa_verify_child(c->program, a->root, NULL, &f, 1) == 0 &&
             mostly_wrong(a, c);
      if (!good) fse_child_done(c);
    }
    fse_draft_free(d);
    if (good) return true;
  }
  return false;
}

static bool grow(struct flux_evolved *a, const char *what,
                 struct fse_child *c) {
  struct garden g;
  bool grown = garden_make(a, &g) &&
               (strcmp(what, "fault") == 0   ? plant_fault(&g, c)
                : strcmp(what, "wrong") == 0 ? plant_wrong(a, &g, c)
                                             : plant_slow(a, &g, c));
  garden_done(&g);
  return grown;
}

/* The plant that is due for this agent, or -1. Each is offered once. */
static int due(struct flux_evolved *a) {
  const struct fse_policy *p = &a->instance->policy;
  for (uint32_t i = 0; i < p->plant_count; i++) {
    if (a->instance->plants_done >> i & 1u) continue;
    if (p->plant_agent[i][0] == '\0' ||
        strcmp(p->plant_agent[i], a->name) == 0)
      return (int)i;
  }
  return -1;
}

bool fse_plant(struct flux_evolved *a) {
  struct fse_record *r = &a->next_patch.record;
  struct fse_child c = {0};
  int i = a->live.program == NULL ? due(a) : -1;
  const char *what;
  bool grown;
  if (i < 0) return false;
  what = a->instance->policy.plant[i];
  grown = grow(a, what, &c);
  free(c.address);
  c.address = NULL;
  if (!grown ||
      fse_live_make(a, c.program, c.places, c.place_count, a->patches + 1,
                    &a->next_patch.live) != 0) {
    fse_say(a->instance, FLUX_LOG_INFO,
            "agent \"%s\": no \"%s\" patch can be planted", a->name, what);
    return false; /* another agent's turn */
  }
  a->instance->plants_done |= 1u << i;
  a->patches++;
  a->next_patch.tasks = 0;
  memset(r, 0, sizeof *r);
  snprintf(r->agent, sizeof r->agent, "%s", a->name);
  snprintf(r->kind, sizeof r->kind, "planted %s", what);
  r->patch = a->patches;
  r->generation = a->generation;
  memcpy(r->parent, a->root->hash, 32);
  memcpy(r->child, a->next_patch.live.program->hash, 32);
  return true;
}

void fse_plants_meet(struct fse_instance *in, const char *agent) {
  const struct fse_policy *p = &in->policy;
  for (uint32_t i = 0; i < p->plant_count; i++)
    if (p->plant_agent[i][0] == '\0' || strcmp(p->plant_agent[i], agent) == 0)
      in->plants_met |= 1u << i;
}

void fse_plants_unmet(struct fse_instance *in) {
  const struct fse_policy *p = &in->policy;
  for (uint32_t i = 0; in->live != NULL && i < p->plant_count; i++)
    if (!(in->plants_met >> i & 1u))
      fse_say(in, FLUX_LOG_WARNING,
              "test_plant \"%s:%s\": no agent \"%s\" was there to evolve",
              p->plant_agent[i], p->plant[i], p->plant_agent[i]);
}
