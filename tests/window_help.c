/*
 * tests/window_help.c - a program as the window search sees it.
 */
#include "tests/window_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm.h"

const char window_plain_ops[] =
    "ADD,SUB,AND,OR,XOR,SHL,SHR,NEG,NOT,MUL,CMP_EQ,CMP_LT,CMP_GT,CMP_NE,"
    "ADDI,SUBI,ANDI,ORI,XORI,SHLI,SHRI,INC,DEC,MOV,MOVI,MOVI16,ADDI16,SUBI16,"
    "LOADI,STOREI,HALT";

static void must(int rc, const struct fisa_error *err) {
  if (rc == 0) return;
  fprintf(stderr, "window rig: %s\n", err->text);
  abort();
}

static uint32_t list(const char *names, char out[][FISA_MAX_NAME]) {
  uint32_t n = 0;
  for (const char *at = names; at != NULL && *at != '\0'; n++) {
    size_t length = strcspn(at, ",");
    snprintf(out[n], FISA_MAX_NAME, "%.*s", (int)length, at);
    at += length + (at[length] == ',');
  }
  return n;
}

/* A few tasks, so that there is a profile. */
static void add_tasks(struct window_rig *r) {
  struct fisa_trace trace = {0};
  struct fisa_state *s = fisa_state_new(r->dialect);
  for (uint64_t i = 0; i < 8; i++) {
    struct ftrial_episode e = {.origin = FTRIAL_RECORDED, .begin = s,
                               .confidence = 1};
    if (s == NULL || ftrial_fuzz_state(r->set, 7, i, s, &trace) != 0) abort();
    e.events = trace.events;
    e.event_count = trace.count;
    (void)ftrial_set_add(r->set, &e);
  }
  fisa_trace_done(&trace);
  fisa_state_free(s);
}

void window_rig_make(struct window_rig *r, const char *text, const char *deny,
                     const char *only) {
  struct fisa_error err = {""};
  struct fse_profile_source from = {.episodes = 8};
  memset(r, 0, sizeof *r);
  r->policy = malloc(sizeof *r->policy);
  if (r->policy == NULL) abort();
  fse_policy_init(r->policy);
  r->policy->deny_count = list(deny, r->policy->deny);
  r->policy->allow_count = list(only, r->policy->allow);
  const char *name = strstr(text, ".dialect");
  char dialect[32] = "unified";
  if (name != NULL) sscanf(name, ".dialect %31s", dialect);
  must(fisa_dialect_builtin(dialect, true, &r->dialect, &err), &err);
  must(fisa_assemble(r->dialect, text, strlen(text), "rig", &r->program, &err),
       &err);
  must(fisa_facts_make(r->program, &r->facts, &err), &err);
  must(fse_draft_make(r->program, r->facts, &r->draft, &err), &err);
  r->lexicon = fse_lexicon_new(r->dialect, r->policy);
  r->set = ftrial_set_new(r->program, 1000000, &err);
  r->lane = fir_lane_new();
  if (r->lexicon == NULL || r->set == NULL || r->lane == NULL) abort();
  add_tasks(r);
  const uint32_t begins[1][2] = {{r->program->entry, r->program->entry}};
  from.set = r->set;
  from.map = (struct ftrial_pc_map){1, begins};
  from.lane = r->lane;
  r->profile = fse_profile_new(r->program, r->facts, &from);
  r->slots = fse_slots_make(r->lexicon, r->program, r->facts);
  if (r->profile == NULL || r->slots == NULL) abort();
  r->view = (struct fse_view){.program = r->program, .facts = r->facts,
                              .draft = r->draft, .lexicon = r->lexicon,
                              .profile = r->profile, .policy = r->policy};
}

void window_rig_done(struct window_rig *r) {
  fse_slots_free(r->slots);
  fse_profile_free(r->profile);
  fir_lane_free(r->lane);
  ftrial_set_free(r->set);
  fse_lexicon_free(r->lexicon);
  fse_draft_free(r->draft);
  fisa_facts_free(r->facts);
  fisa_program_free(r->program);
  fisa_dialect_free(r->dialect);
  free(r->policy);
}

void hunt_make(struct hunt *h, const char *text, const char *deny,
               const char *only) {
  uint32_t n;
  memset(h, 0, sizeof *h);
  window_rig_make(&h->rig, text, deny, only);
  n = fse_window_run(&h->rig.view, h->rig.slots, 0);
  if (fse_window_read(&h->rig.view, h->rig.slots, 0, n, &h->window) != 0)
    abort();
  h->menu = fse_menu_new(h->rig.lexicon, &h->window.task);
  if (h->menu == NULL) abort();
  fse_tests_make(&h->tests, &h->window.task, 1);
}

void hunt_done(struct hunt *h) {
  fse_menu_free(h->menu);
  window_rig_done(&h->rig);
}

struct fse_enum_result hunt_enum(struct hunt *h, uint32_t to, uint64_t work) {
  struct fse_enum_result out;
  const struct fse_enum_request q = {.task = &h->window.task, .menu = h->menu,
                                     .tests = &h->tests, .cost_to = to,
                                     .work = work};
  if (fse_enum_run(&q, &out) != 0) abort();
  return out;
}

bool hunt_holds(struct hunt *h, const struct fse_patch *p, uint32_t states) {
  struct fse_draft *d = fse_draft_copy(h->rig.draft);
  struct fse_child child = {0};
  struct fir_program *ir = NULL;
  bool same = d != NULL && fse_window_splice(&h->window, p, d) == 0 &&
              fse_draft_finish(d, 65536, &child, NULL) == 0 &&
              fir_lower(child.program, &ir, NULL) == 0 &&
              ftrial_fuzz(h->rig.set, ir, NULL, h->rig.lane, 99, states)
                      .verdict == FTRIAL_SAME;
  fir_free(ir);
  fse_child_done(&child);
  fse_draft_free(d);
  return same;
}
