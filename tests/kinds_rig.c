/*
 * tests/kinds_rig.c - a program with all that a proposer may look at.
 */
#include "tests/kinds_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/isa_util.h"
#include "tests/unit.h"

#define FUEL 100000u
#define EPISODES 12u

static void add_episodes(struct rig *r) {
  struct fisa_state *s = fisa_state_new(r->p->dialect);
  struct fisa_trace trace = {0};
  for (uint32_t n = 0; n < EPISODES; n++) {
    CU_ASSERT_FATAL(ftrial_fuzz_state(r->set, 3, n, s, &trace) == 0);
    struct ftrial_episode e = {FTRIAL_RECORDED, s, trace.events, trace.count,
                               1.0};
    UNIT_TRUE(ftrial_set_add(r->set, &e) >= 0, "episode %u", n);
  }
  fisa_trace_done(&trace);
  fisa_state_free(s);
}

void rig_take(struct rig *r, struct fisa_program *p) {
  const uint32_t entry[1][2] = {{p->entry, p->entry}};
  struct fse_profile_source from = {.episodes = EPISODES, .map = {1, entry}};
  memset(r, 0, sizeof *r);
  r->p = p;
  fse_policy_init(&r->policy);
  r->set = ftrial_set_new(p, FUEL, NULL);
  r->lane = fir_lane_new();
  CU_ASSERT_FATAL(r->set != NULL && r->lane != NULL);
  add_episodes(r);
  CU_ASSERT_FATAL(fisa_facts_make(p, &r->facts, NULL) == 0);
  CU_ASSERT_FATAL(fse_draft_make(p, r->facts, &r->draft, NULL) == 0);
  r->work = fse_draft_copy(r->draft);
  r->lexicon = fse_lexicon_new(p->dialect, &r->policy);
  from.set = r->set;
  from.lane = r->lane;
  r->profile = fse_profile_new(p, r->facts, &from);
  CU_ASSERT_FATAL(r->work && r->lexicon && r->profile);
  r->view = (struct fse_view){.program = p,
                              .facts = r->facts,
                              .draft = r->draft,
                              .lexicon = r->lexicon,
                              .profile = r->profile,
                              .policy = &r->policy};
}

void rig_text_in(struct rig *r, const struct fisa_dialect *d,
                 const char *text) {
  struct fisa_program *p = isa_program(d, text);
  CU_ASSERT_FATAL(p != NULL);
  rig_take(r, p);
}

void rig_text(struct rig *r, const char *text) {
  rig_text_in(r, isa_unified(), text);
}

void rig_done(struct rig *r) {
  fse_profile_free(r->profile);
  fse_lexicon_free(r->lexicon);
  fse_draft_free(r->work);
  fse_draft_free(r->draft);
  fisa_facts_free(r->facts);
  ftrial_set_free(r->set);
  fir_lane_free(r->lane);
  fisa_program_free(r->p);
}

uint32_t kind_of(const char *name) {
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (strcmp(fse_kinds[k].name, name) == 0) return k;
  UNIT_TRUE(0, "no kind %s", name);
  return 0;
}

bool propose(struct rig *r, uint32_t kind, uint32_t site, struct fse_child *c,
             struct fse_proposal *out) {
  char reason[FSE_REASON] = "";
  memset(out, 0, sizeof *out);
  UNIT_EQ(fse_draft_assign(r->work, r->draft), 0);
  if (fse_kinds[kind].apply(&r->view, site, r->work, out) != 0) return false;
  out->kind = kind;
  fse_kinds[kind].describe(out, reason);
  UNIT_TRUE(reason[0] != '\0', "%s: a reason", fse_kinds[kind].name);
  return fse_draft_finish(r->work, FISA_MAX_CODE, c, NULL) == 0;
}

bool makes(struct rig *r, const char *name, const char *after) {
  struct fisa_program *want = isa_program(r->p->dialect, after);
  uint32_t kind = kind_of(name), n = fse_kinds[kind].sites(&r->view);
  bool found = false;
  CU_ASSERT_FATAL(want != NULL);
  for (uint32_t i = 0; i < n && !found; i++) {
    struct fse_child c;
    struct fse_proposal p;
    if (!propose(r, kind, i, &c, &p)) continue;
    found = c.program->size == want->size && c.program->entry == want->entry &&
            memcmp(c.program->code, want->code, want->size) == 0;
    fse_child_done(&c);
  }
  fisa_program_free(want);
  return found;
}

void shows_in(const struct fisa_dialect *d, const char *kind,
              const char *before, const char *after) {
  struct rig r;
  rig_text_in(&r, d, before);
  UNIT_TRUE(makes(&r, kind, after), "%s does not make\n%sof\n%s", kind, after,
            before);
  rig_done(&r);
}

void shows(const char *kind, const char *before, const char *after) {
  shows_in(isa_unified(), kind, before, after);
}

void never(const char *kind, const char *before, const char *after) {
  struct rig r;
  rig_text(&r, before);
  UNIT_TRUE(!makes(&r, kind, after), "%s makes\n%sof\n%s", kind, after,
            before);
  rig_done(&r);
}
