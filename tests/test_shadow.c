/*
 * test_shadow.c - the root beside a task just recorded, a version on the
 * host's own VM, counterexamples in the journal, places of versions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/services.h"
#include "plugin/candidate.h"
#include "tests/isa_util.h"
#include "tests/livehost.h"
#include "tests/unit.h"

static const char sum[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n MOVI R3, 0\n"
    "again: ADD R3, R3, R1\n NOP\n DEC R1\n JNE R1, again\n"
    " TELL R3, R1, R0\n HALT\n";

/* Takes, tells, takes; R4 lives behind the yield, R5 does not. */
static const char talk[] =
    ".dialect unified\n.in R4\n.boundary yield\n"
    "task: SENSE R5\n ADD R4, R4, R5\n TELL R4, R5, R0\n SENSE R5\n"
    " ADD R4, R4, R5\n YIELD 0\n JMP task\n";

/* ---- recorded tasks ----------------------------------------------------- */

/* Records go here and not to the plugin. */
static struct fse_ring *caught;

static void catch_task(flux_evolved *agent, const flux_task *task) {
  (void)agent;
  fse_ring_put(caught, task);
}

struct rig {
  struct livehost h;
  struct fse_ring ring;
  flux_evolver catcher;
  struct flux_evolved *a;
};

static void rig_open(struct rig *r, const char *text, bool continues) {
  livehost_open(&r->h, text);
  r->h.continues = continues;
  livehost_set(&r->h, "policy.paused", 1);
  UNIT_TRUE(livehost_start(&r->h), "%s", r->h.explanation);
  r->a = r->h.evolved;
  UNIT_EQ(fse_ring_init(&r->ring, r->a->dialect), 0);
  r->catcher = *r->h.evolver;
  r->catcher.task_end = catch_task;
}

/* Runs a task and gives its record; it stays until the next. */
static struct fse_slot *record(struct rig *r, const struct livehost_lie *lie) {
  const flux_evolver *real = r->h.evolver;
  if (fse_ring_peek(&r->ring) != NULL) fse_ring_drop(&r->ring);
  caught = &r->ring;
  r->h.evolver = &r->catcher;
  livehost_task(&r->h, lie);
  r->h.evolver = real;
  return (struct fse_slot *)(uintptr_t)fse_ring_peek(&r->ring);
}

static void rig_close(struct rig *r) {
  fse_ring_done(&r->ring);
  livehost_close(&r->h);
}

/* The shadow of a slot, as a task of the root. */
static struct fse_shadow shadow(struct rig *r, const struct fse_slot *s) {
  struct fse_shadow out;
  fse_shadow_run(r->a, s, &r->a->live, &out);
  return out;
}

/* It differs, and that is told so. */
static void differs(struct rig *r, const struct fse_slot *s,
                    const char *what) {
  struct fse_shadow out = shadow(r, s);
  UNIT_TRUE(!out.same && strstr(out.what, what) != NULL, "\"%s\" in \"%s\"",
            what, out.what);
}

/* ---- the shadow run ----------------------------------------------------- */

static void honest_tasks(void) {
  struct rig r;
  rig_open(&r, sum, false);
  for (int i = 0; i < 20; i++) {
    const struct fse_slot *s = record(&r, NULL);
    struct fse_shadow out = shadow(&r, s);
    UNIT_TRUE(out.same, "%s", out.what);
    UNIT_EQ((uint64_t)out.cost, s->task.cycles);
    UNIT_TRUE(out.confidence == 1, "%f", out.confidence);
  }
  rig_close(&r);
  rig_open(&r, talk, true);
  for (int i = 0; i < 20; i++) {
    struct fse_shadow out = shadow(&r, record(&r, NULL));
    UNIT_TRUE(out.same, "%s", out.what);
  }
  rig_close(&r);
}

static void other_ends(void) {
  struct rig r;
  struct fse_slot *s;
  rig_open(&r, sum, false);
  s = record(&r, NULL);
  s->end.cells[3]++;
  differs(&r, s, "R3");
  s = record(&r, NULL);
  s->end.cells[9]++; /* nobody looks */
  UNIT_TRUE(shadow(&r, s).same, "R9");
  s->end.status = FISA_RUN_FAULT;
  differs(&r, s, "the root halted");
  s->end.status = FISA_RUN_FUEL;
  differs(&r, s, "ran out of fuel");
  s->end.status = 1000;
  differs(&r, s, "ended");
  s = record(&r, NULL);
  s->begin.pc = 1u << 20;
  differs(&r, s, "unknown place");
  rig_close(&r);
}

/* Behind a yield all that lives counts, and the place. */
static void other_boundaries(void) {
  struct rig r;
  struct fse_slot *s;
  rig_open(&r, talk, true);
  s = record(&r, NULL);
  s->end.cells[5]++;
  UNIT_TRUE(shadow(&r, s).same, "R5 is dead there");
  s->end.cells[4]++;
  differs(&r, s, "R4");
  s = record(&r, NULL);
  s->end.pc++;
  differs(&r, s, "another place");
  rig_close(&r);
}

/* Values and outputs: one more, one less, others, in another order. */
static void other_events(void) {
  struct rig r;
  struct fse_slot *s;
  struct fisa_event swap;
  rig_open(&r, talk, true);
  s = record(&r, NULL);
  UNIT_EQ(s->event_count, 3);
  s->event_count = 2;
  differs(&r, s, "output 2");
  s->event_count = 3;
  s->events[1].arg[0]++;
  differs(&r, s, "output 1");
  s->events[1].arg[0]--;
  s->events[0].name++;
  differs(&r, s, "output 0");
  s->events[0].name--;
  UNIT_TRUE(shadow(&r, s).same, "as it was");
  swap = s->events[1];
  s->events[1] = s->events[2];
  s->events[2] = swap;
  differs(&r, s, "output 1");
  s = record(&r, NULL);
  s->events[3] = s->events[2];
  s->event_count = 4;
  differs(&r, s, "output 3");
  rig_close(&r);
}

/* A root that needs all its fuel is not known to come to an end. */
static void endless_roots(void) {
  struct rig r;
  struct fse_slot *s;
  rig_open(&r, sum, false);
  r.a->host_fuel = 3;
  s = record(&r, NULL);
  s->event_count = 0;
  differs(&r, s, "the root ran out of fuel");
  s->end.status = s->task.status = FISA_RUN_FUEL;
  differs(&r, s, "ran out of fuel");
  rig_close(&r);
}

/* ---- versions ----------------------------------------------------------- */

/* A version of the agent from text, with pairs of equal labels as places. */
static void version_of(struct rig *r, const char *text, struct fse_live *out) {
  struct fisa_program *root = isa_program(isa_unified(), r->h.continues
                                                             ? talk : sum);
  struct fisa_program *p = isa_program(isa_unified(), text);
  struct fse_place *places = calloc(r->a->root_facts->count + 1,
                                    sizeof *places);
  struct fisa_program *v;
  uint32_t n = 0;
  if (root == NULL || p == NULL || places == NULL) exit(99);
  v = fisa_program_derive(r->a->root, p->code, p->size, p->entry, 0);
  for (uint32_t i = 0; i < root->label_count; i++)
    for (uint32_t k = 0; k < p->label_count; k++)
      if (strcmp(root->labels[i].name, p->labels[k].name) == 0)
        places[n++] = (struct fse_place){root->labels[i].pc,
                                         p->labels[k].pc};
  UNIT_EQ(fse_live_make(r->a, v, places, n, 1, out), 0);
  fisa_program_free(p);
  fisa_program_free(root);
}

static const char shorter[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n MOVI R3, 0\n"
    "again: ADD R3, R3, R1\n DEC R1\n JNE R1, again\n"
    " TELL R3, R1, R0\n HALT\n";

static void costs_of_others(void) {
  struct rig r;
  struct fse_live v;
  double cost = 0;
  const struct fse_slot *s;
  rig_open(&r, sum, false);
  version_of(&r, shorter, &v);
  s = record(&r, NULL);
  UNIT_TRUE(fse_shadow_cost(r.a, s, &r.a->live, &v, &cost), "it can");
  UNIT_TRUE(cost < (double)s->task.cycles, "%f", cost);
  fse_live_done(&v);
  version_of(&r, ".dialect unified\n.in R1\n.out R3\n HALT\n", &v);
  UNIT_TRUE(!fse_shadow_cost(r.a, s, &r.a->live, &v, &cost),
            "it does not tell");
  fse_live_done(&v);
  rig_close(&r);
}

/* Where a version begins and goes on at one place, its tasks tell which. */
static void one_place_for_two(void) {
  uint32_t pair[3][2] = {{0, 0}, {8, 0}, {20, 12}};
  struct fisa_program p = {.size = 40};
  struct fse_live v = {.program = &p, .pair = pair, .pair_count = 3};
  struct fse_live root = {.program = NULL};
  UNIT_EQ(fse_root_pc(&v, 0, true), 0);
  UNIT_EQ(fse_root_pc(&v, 0, false), 8);
  UNIT_EQ(fse_root_pc(&v, 12, false), 20);
  UNIT_EQ(fse_root_pc(&v, 12, true), 20);
  UNIT_EQ(fse_root_pc(&v, 13, false), UINT32_MAX);
  UNIT_EQ(fse_version_pc(&v, 8), 0);
  UNIT_EQ(fse_version_pc(&v, 20), 12);
  UNIT_EQ(fse_version_pc(&v, 21), UINT32_MAX);
  UNIT_EQ(fse_root_pc(&root, 5, true), 5);
  UNIT_EQ(fse_version_pc(&root, 5), 5);
}

/* Nothing may live into a version that the root does not keep. */
static void boundaries_carry(void) {
  static const char more[] =
      ".dialect unified\n.in R4\n.boundary yield\n"
      " MOVI R7, 0\ntask: SENSE R5\n ADD R4, R4, R5\n ADD R4, R4, R7\n"
      " TELL R4, R5, R0\n SENSE R5\n ADD R4, R4, R5\n YIELD 0\nback:"
      " JMP task\n";
  struct rig r;
  struct fse_live v;
  struct ftrial_pc_map map;
  uint32_t pair[2][2];
  rig_open(&r, talk, true);
  version_of(&r, talk, &v);
  UNIT_EQ(v.pair_count, 1); /* the place behind the yield has no label */
  pair[0][0] = pair[0][1] = r.a->root->entry;
  pair[1][0] = r.a->root->size - 4;
  map = (struct ftrial_pc_map){2, (const uint32_t(*)[2])pair};
  for (uint32_t pc = 0; pc < r.a->root->size; pc++)
    if (r.a->root_facts->index[pc] == r.a->root_facts->count - 1)
      pair[1][0] = pair[1][1] = pc;
  UNIT_TRUE(fse_boundaries_carry(r.a->root, r.a->root_facts, r.a->root,
                                 &map), "itself");
  pair[1][1] = UINT32_MAX;
  UNIT_TRUE(!fse_boundaries_carry(r.a->root, r.a->root_facts, r.a->root,
                                  &map), "outside");
  pair[1][1] = r.a->root->size;
  UNIT_TRUE(!fse_boundaries_carry(r.a->root, r.a->root_facts, r.a->root,
                                  &map), "at the end");
  fse_live_done(&v);
  version_of(&r, more, &v);
  pair[0][1] = v.program->entry;
  pair[1][1] = v.program->size;
  for (uint32_t pc = 0; pc < v.program->size; pc++) {
    struct fisa_insn in;
    if (fisa_decode(r.a->dialect, v.program->code, v.program->size, pc,
                    &in) == FISA_DECODED && in.row->roles & FISA_ROLE_YIELD)
      pair[1][1] = pc + in.length;
  }
  UNIT_TRUE(!fse_boundaries_carry(r.a->root, r.a->root_facts, v.program,
                                  &map), "R7 is not kept by the root");
  fse_live_done(&v);
  rig_close(&r);
}

/* ---- rehearsal ---------------------------------------------------------- */

/* Whether a version passes on the reference VM, and what is said if not. */
static void rehearse(const char *text, bool same, const char *why) {
  struct fhost_services_options o = {.name = "t", .version = "0",
                                     .vm = &fhost_vm_reference,
                                     .log_level = FLUX_LOG_ERROR};
  struct fhost_services *services = fhost_services_new(&o);
  const flux_host *vm_host = fhost_services_host(services);
  flux_host mine;
  char what[128] = "";
  struct rig r;
  struct fse_live v;
  rig_open(&r, sum, false);
  for (int i = 0; i < 8; i++)
    fse_episode_add(r.a, record(&r, NULL), &r.a->live, FTRIAL_RECORDED);
  UNIT_EQ(ftrial_set_recorded(r.a->set), 8);
  version_of(&r, text, &v);
  /* The step service alone is the other host's. */
  mine = *r.a->instance->host;
  r.a->instance->step = vm_host->extension(FLUX_EXT_STEP, vm_host->ctx);
  r.a->instance->host = vm_host;
  UNIT_TRUE(fse_rehearse(r.a, &v, 16, what) == same, "%s: %s", text, what);
  UNIT_TRUE(strstr(what, why) != NULL, "\"%s\" in \"%s\"", why, what);
  r.a->instance->host = &r.h.host;
  r.a->instance->step = NULL;
  UNIT_EQ(mine.struct_size, sizeof mine);
  fse_live_done(&v);
  rig_close(&r);
  fhost_services_free(services);
}

static void rehearsals(void) {
  rehearse(sum, true, "");
  rehearse(shorter, true, "");
  rehearse(".dialect unified\n.in R1\n.out R3\n MOVI R3, 1\n"
           "again: ADD R3, R3, R1\n DEC R1\n JNE R1, again\n"
           " TELL R3, R1, R0\n HALT\n", false, "R3");
  rehearse(".dialect unified\n.in R1\n.out R3\n MOVI R3, 0\n"
           "again: ADD R3, R3, R1\n DEC R1\n JNE R1, again\n"
           " TELL R3, R3, R0\n HALT\n", false, "outputs differ");
  rehearse(".dialect unified\n.in R1\n.out R3\n MOVI R3, 0\n"
           "again: ADD R3, R3, R1\n DEC R1\n JMP again\n", false, "fuel");
}

/* ---- counterexamples ---------------------------------------------------- */

static uint32_t counters_of(struct livehost *h) {
  return ftrial_set_counters(h->evolved->set);
}

/* What was found once is known after a restart; damage is left out. */
static void counterexamples_stay(void) {
  static const uint8_t junk[][12] = {{1}, {2, 0, 0, 0}, {1, 0, 0, 0, 0xff}};
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  char path[512];
  uint8_t hash[32];
  struct rig r;
  snprintf(path, sizeof path, "%s/counters.db", unit_tmpdir());
  livehost_open(&r.h, talk);
  r.h.continues = true;
  livehost_set(&r.h, "policy.paused", 1);
  livehost_set_text(&r.h, "journal", path);
  UNIT_TRUE(livehost_start(&r.h), "%s", r.h.explanation);
  r.a = r.h.evolved;
  UNIT_EQ(fse_ring_init(&r.ring, r.a->dialect), 0);
  r.catcher = *r.h.evolver;
  r.catcher.task_end = catch_task;
  for (int i = 0; i < 3; i++)
    fse_episode_add(r.a, record(&r, NULL), &r.a->live, FTRIAL_COUNTER);
  UNIT_EQ(counters_of(&r.h), 3);
  memcpy(hash, r.a->root->hash, 32);
  livehost_stop(&r.h);
  UNIT_EQ(fse_journal_open(path, &j, &err), 0);
  for (unsigned i = 0; i < 3; i++)
    UNIT_EQ(fse_journal_counter_add(j, hash, junk[i], sizeof junk[i], &err),
            0);
  UNIT_EQ(fse_journal_counter_add(j, hash, NULL, 0, &err), 0);
  fse_journal_close(j);
  UNIT_TRUE(livehost_start(&r.h), "%s", r.h.explanation);
  UNIT_EQ(counters_of(&r.h), 3);
  rig_close(&r);
}

/* Every byte of a blob changed: it is read as something else or left out. */
static int keep_blob(const void *blob, size_t size, void *user) {
  struct fisa_trace *t = user; /* a buffer that frees itself */
  for (size_t i = 0; i < size; i++) {
    struct fisa_event e = {.value = ((const uint8_t *)blob)[i]};
    if (fisa_trace_add(t, &e) != 0) exit(99);
  }
  return 1;
}

static void damaged_counterexamples(void) {
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  struct fisa_trace blob = {0};
  uint64_t random = 5;
  char path[512];
  struct rig r;
  uint8_t *copy;
  snprintf(path, sizeof path, "%s/damaged.db", unit_tmpdir());
  livehost_open(&r.h, talk);
  r.h.continues = true;
  livehost_set(&r.h, "policy.paused", 1);
  livehost_set_text(&r.h, "journal", path);
  UNIT_TRUE(livehost_start(&r.h), "%s", r.h.explanation);
  r.a = r.h.evolved;
  UNIT_EQ(fse_ring_init(&r.ring, r.a->dialect), 0);
  r.catcher = *r.h.evolver;
  r.catcher.task_end = catch_task;
  fse_episode_add(r.a, record(&r, NULL), &r.a->live, FTRIAL_COUNTER);
  j = r.a->instance->journal;
  UNIT_EQ(fse_journal_counters(j, r.a->root->hash, keep_blob, &err, &blob),
          0);
  UNIT_TRUE(blob.count > 40, "%u bytes", blob.count);
  copy = malloc(blob.count);
  for (unsigned long n = unit_scale(600); n > 0; n--) {
    uint32_t size = isa_below(&random, blob.count) + 1;
    for (uint32_t i = 0; i < blob.count; i++)
      copy[i] = (uint8_t)blob.events[i].value;
    for (unsigned k = 1 + isa_below(&random, 3); k > 0; k--)
      copy[isa_below(&random, size)] = (uint8_t)isa_random(&random);
    if (n % 2) size = blob.count;
    (void)fse_journal_counter_add(j, r.a->root->hash, copy, size, &err);
  }
  free(copy);
  fisa_trace_done(&blob);
  livehost_stop(&r.h);
  UNIT_TRUE(livehost_start(&r.h), "%s", r.h.explanation);
  UNIT_TRUE(counters_of(&r.h) >= 1, "%u", counters_of(&r.h));
  rig_close(&r);
}

static const struct unit_test tests[] = {
    {"shadow", "honest", honest_tasks},
    {"shadow", "ends", other_ends},
    {"shadow", "boundaries", other_boundaries},
    {"shadow", "events", other_events},
    {"shadow", "endless", endless_roots},
    {"versions", "costs", costs_of_others},
    {"versions", "places", one_place_for_two},
    {"versions", "boundaries", boundaries_carry},
    {"rehearsal", "versions", rehearsals},
    {"counterexamples", "stay", counterexamples_stay},
    {"counterexamples", "damaged", damaged_counterexamples},
};

UNIT_MAIN(tests)
