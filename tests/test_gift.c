/*
 * test_gift.c - tunings that come from elsewhere: from another agent of the
 * program, or out of the journal. They are tried where they arrive.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/journal.h"
#include "samples/room/room.h"
#include "tests/isa_util.h"
#include "tests/tune_live.h"
#include "tests/tune_rig.h"
#include "tests/unit.h"

/* FULL: four days, long enough to tell what is better. */
enum { ROOM = 7, TRIAL = 64, FULL = 1152, MANY = 2000, PATCH = 5, ITS_OWN = 5 };

/* What a trial holds that is given up is lost with its thread, on purpose. */
__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:try_job\n"; }

static int32_t sense(void) { return room_temp(ROOM); }

static void act(const int32_t *arg, unsigned argc) {
  if (argc == 2 && arg[0] == 1) room_heat(ROOM, arg[1]);
}

static const char *thermostat(int deadband) {
  static char text[1024];
  tune_thermostat(deadband, text, sizeof text);
  return text;
}

/* The thermostat with one instruction instead of another of the same size. */
static const char *changed(const char *from, const char *to) {
  static char text[1024];
  const char *plain = thermostat(ITS_OWN), *at = strstr(plain, from);
  CU_ASSERT_FATAL(at != NULL);
  snprintf(text, sizeof text, "%.*s%s%s", (int)(at - plain), plain, to,
           at + strlen(from));
  return text;
}

/* Reads what the agent never read; divides by a heater that is off; does not
 * come to an end where it is cold, which nobody can tell by its form. */
static const char *stranger(void) { return changed("TEMP R2", "GPS R2"); }
static const char *divides(void) {
  return changed("SUB R3, R2, R3", "DIV R3, R2, R8");
}
static const char *spins(void) {
  return changed("TEMP R2\n MOVI16 R3, 205\n CMP_LT R3, R2, R3\n JNE R3, on",
                 "TEMP R2\nme: MOVI16 R3, 205\n CMP_LT R3, R2, R3\n"
                 " JNE R3, me");
}

static void open_room(struct livehost *h) {
  tune_lie(TUNE_HONEST);
  room_reset(ROOM);
  tune_open(h, thermostat(ITS_OWN), &tune_judge, TRIAL);
  h->sense = sense;
  h->act = act;
}

static void start(struct livehost *h) {
  open_room(h);
  UNIT_TRUE(livehost_start(h), "%s", h->explanation);
}

static void finish(struct livehost *h) {
  livehost_close(h);
  UNIT_EQ(tune_open_courses(), 0);
}

/* Runs tasks until a line is said; false: it never is. */
static bool hears(struct livehost *h, const char *line) {
  for (int n = 0; n < MANY && livehost_said(h, line) == 0; n++) {
    livehost_task(h, NULL);
    livehost_settle(h);
  }
  return livehost_said(h, line) > 0;
}

/* ---- from another agent ------------------------------------------------- */

/* What is better here, too, is offered as any patch, accepted by its
 * probation, and told to the host. */
static void is_tried_and_counted(void) {
  struct livehost h;
  start(&h);
  tune_give(&h, thermostat(2));
  tune_run_to_offer(&h);
  UNIT_TRUE(h.patch.flags & FLUX_PATCH_HOLD, "%u", h.patch.flags);
  UNIT_TRUE(!(h.patch.flags & FLUX_PATCH_ACCEPTED), "before it was tried");
  tune_install(&h, NULL);
  UNIT_EQ(livehost_phase(&h), FSE_PROBATION);
  UNIT_EQ(h.accepted, 0);
  tune_probation(&h);
  UNIT_EQ(h.accepted, h.version);
  UNIT_TRUE(h.agreed_count >= h.evolved->instance->policy.probation_tasks,
            "after %u tasks", (unsigned)h.agreed_count);
  UNIT_MEM_EQ(h.evolved->root->hash, h.program->hash, 32);
  if (UNIT_TRUE(h.evolved->origin != NULL, "an origin"))
    UNIT_MEM_EQ(h.evolved->origin->hash, h.root->hash, 32);
  UNIT_TRUE(h.evolved->tuning.gift.program == NULL, "it has arrived");
  UNIT_EQ(livehost_said(&h, "as another agent of the program: score"), 1);
  for (int n = 0; n < 50; n++) livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_TRUE(!livehost_explains(&h, "not evolved"), "%s", h.explanation);
  finish(&h);
}

/* What was better elsewhere may be worse here. */
static void is_worse_here(void) {
  struct livehost h;
  start(&h);
  tune_give(&h, thermostat(60));
  UNIT_TRUE(hears(&h, "is not offered: it is worse here"), "it is taken");
  UNIT_EQ(h.offers, 0);
  UNIT_TRUE(h.evolved->tuning.gift.program == NULL, "it is tried once");
  finish(&h);
}

/* Nor may it read or break what the agent does not. */
static void does_not_fit(void) {
  struct livehost h;
  start(&h);
  tune_give(&h, stranger());
  UNIT_TRUE(hears(&h, "GPS is no source or channel of this agent"), "taken");
  UNIT_EQ(h.offers, 0);
  finish(&h);
  start(&h);
  tune_give(&h, spins());
  UNIT_TRUE(hears(&h, "is not offered: it faults, or does not end"), "taken");
  UNIT_EQ(h.offers, 0);
  finish(&h);
}

/* One that faults is taken back, and does not come again. */
static void faults(void) {
  const struct livehost_lie fault = {.cell = -1, .fault = true};
  struct livehost h;
  start(&h);
  tune_give(&h, thermostat(2));
  tune_run_to_offer(&h);
  tune_install(&h, NULL);
  livehost_task(&h, &fault);
  livehost_settle(&h);
  UNIT_EQ(h.how, FLUX_RECOVER);
  UNIT_TRUE(fse_banned(h.evolved, h.patch.program), "never again");
  tune_leave(&h);
  UNIT_TRUE(h.evolved->origin == NULL && !h.evolved->next_patch.gift &&
                h.evolved->tuning.gift.program == NULL, "as it was");
  UNIT_EQ(h.accepted, 0);
  tune_give(&h, thermostat(2));
  UNIT_TRUE(hears(&h, "it was tried here before"), "tried again");
  finish(&h);
}

/* Without trust it waits, and what was taken back for that comes again. */
static void waits_for_trust(void) {
  const struct livehost_lie low = {.cell = -1, .trust = true, .trust_is = 0.1};
  struct livehost h;
  start(&h);
  tune_give(&h, thermostat(2));
  for (int n = 0; n < 40; n++) {
    livehost_task(&h, &low);
    livehost_settle(&h);
  }
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  UNIT_TRUE(h.evolved->tuning.gift.program != NULL && h.offers == 0,
            "nothing is lost");
  tune_run_to_offer(&h);
  tune_install(&h, NULL);
  livehost_task(&h, &low);
  livehost_settle(&h);
  UNIT_EQ(h.how, FLUX_REVERT);
  tune_leave(&h);
  UNIT_EQ(h.accepted, 0);
  tune_run_to_offer(&h);
  tune_install(&h, NULL);
  tune_probation(&h);
  UNIT_EQ(h.accepted, h.version);
  UNIT_EQ(livehost_said(&h, "as another agent of the program: score"), 1);
  finish(&h);
}

/* An agent may go with a gift that it never got. */
static void goes_before(void) {
  struct livehost h;
  start(&h);
  tune_give(&h, thermostat(2));
  finish(&h);
  start(&h);
  tune_give(&h, thermostat(2));
  tune_run_to_offer(&h);
  tune_install(&h, NULL);
  finish(&h);
}

/* ---- out of the journal ------------------------------------------------- */

/* A journal in which a program is what the thermostat was tuned to. */
static const char *stored(const char *text) {
  static char path[512];
  static unsigned n;
  struct fisa_program *root = isa_program(isa_unified(), thermostat(ITS_OWN));
  struct fisa_program *p = NULL;
  struct fisa_facts *f = NULL;
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  struct fse_record r = {.agent = "agent", .patch = PATCH, .generation = 1,
                         .kind = "TuneThreshold", .outcome = FSE_ACCEPTED};
  struct fse_place *places;
  snprintf(path, sizeof path, "%s/gift%u.db", unit_tmpdir(), n++);
  p = isa_program(isa_unified(), text);
  CU_ASSERT_FATAL(root != NULL && p != NULL);
  CU_ASSERT_FATAL(fisa_facts_make(root, &f, &err) == 0);
  places = calloc(f->count, sizeof *places);
  CU_ASSERT_FATAL(places != NULL);
  for (uint32_t i = 0; i < f->count; i++)
    places[i] = (struct fse_place){f->insn[i].pc, f->insn[i].pc};
  const struct fse_version v = {.program = p, .root = root, .places = places,
                                .place_count = f->count, .tuned = true};
  memcpy(r.parent, root->hash, 32);
  memcpy(r.child, p->hash, 32);
  UNIT_TRUE(fse_journal_open(path, &j, &err) == 0 &&
                fse_journal_record(j, &r, &v, &err) == 0, "%s", err.text);
  fse_journal_close(j);
  free(places);
  fisa_facts_free(f);
  fisa_program_free(p);
  fisa_program_free(root);
  return path;
}

/* Starts with what is stored; whether it is used. */
static bool is_used(const char *text, const char *why) {
  struct livehost h;
  bool used;
  open_room(&h);
  livehost_set_text(&h, "journal", stored(text));
  livehost_set(&h, "policy.paused", 1);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  used = h.offered;
  UNIT_EQ(h.evolved->origin != NULL, used);
  if (used) UNIT_EQ(h.patch.flags, FLUX_PATCH_TUNING | FLUX_PATCH_ACCEPTED);
  else UNIT_EQ(livehost_said(&h, why), 1);
  for (int n = 0; n < 20; n++) livehost_task(&h, NULL);
  livehost_settle(&h);
  finish(&h);
  return used;
}

/* It is tried beside its original before it runs, as far as that goes; what
 * does not pass is not used, and the agent runs its original. */
static void is_tried_again(void) {
  UNIT_TRUE(is_used(thermostat(2), ""), "what was accepted");
  UNIT_TRUE(!is_used(spins(), "runs its original: the stored version is not "
                              "used: it faults, or does not end"),
            "it does not end");
  UNIT_TRUE(!is_used(divides(), "DIV may end in a fault"), "it faults");
  UNIT_TRUE(!is_used(stranger(), "GPS is no source or channel of this agent"),
            "it reads what is not its own");
  UNIT_TRUE(!is_used(changed("JMP task", "JMP keep"), "not used: "),
            "it is malformed");
}

/* A journal with what a trial accepted. */
static const char *accepted(uint8_t hash[32]) {
  static char path[512];
  static unsigned n;
  struct livehost h;
  snprintf(path, sizeof path, "%s/scenes%u.db", unit_tmpdir(), n++);
  open_room(&h);
  livehost_set(&h, "policy.canary_tasks", FULL);
  livehost_set_text(&h, "journal", path);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  tune_accepted(&h);
  memcpy(hash, h.program->hash, 32);
  finish(&h);
  return path;
}

/* Starts once more with that journal, for another judge. */
static void again(struct livehost *h, const char *path, enum tune_lie lie) {
  open_room(h);
  tune_lie(lie);
  livehost_set_text(h, "journal", path);
  livehost_set(h, "policy.paused", 1);
  livehost_set(h, "policy.scorer_ms", 20);
  UNIT_TRUE(livehost_start(h), "%s", h->explanation);
}

/* What was accepted is scored once more, on the scenes it was found on: if it
 * is worse by now, the agent starts from its original. */
static void is_scored_again(void) {
  struct livehost h;
  uint8_t hash[32];
  const char *path = accepted(hash);
  again(&h, path, TUNE_HONEST);
  if (UNIT_TRUE(h.offered, "it is not used"))
    UNIT_MEM_EQ(h.patch.program->hash, hash, 32);
  finish(&h);
  again(&h, path, TUNE_LAZY);
  UNIT_TRUE(!h.offered && h.evolved->origin == NULL, "it is used");
  UNIT_EQ(livehost_said(&h, "runs its original: the stored version is not "
                            "used: it is worse here: score"), 1);
  for (int n = 0; n < 20; n++) livehost_task(&h, NULL);
  livehost_settle(&h);
  finish(&h);
  again(&h, path, TUNE_NAN);
  UNIT_TRUE(!h.offered, "nobody can say what it is worth");
  UNIT_EQ(livehost_said(&h, "used: its scorer or model gives no number"), 1);
  finish(&h);
  /* It is there still. */
  again(&h, path, TUNE_HONEST);
  UNIT_TRUE(h.offered, "it is gone");
  finish(&h);
}

/* What a journal says of scenes is no more than data. */
static void hostile_scenes(void) {
  struct fisa_error err = {""};
  struct livehost h;
  uint8_t hash[32], key[32], *blob = NULL;
  uint64_t r = 5;
  size_t size = 0;
  const char *path = accepted(hash);
  unsigned long n = unit_scale(40);
  fisa_sha256((const uint8_t *)"agent", 5, key);
  for (unsigned long i = 0; i < n; i++) {
    struct fse_journal *j = NULL;
    CU_ASSERT_FATAL(fse_journal_open(path, &j, &err) == 0);
    if (i == 0)
      CU_ASSERT_FATAL(fse_journal_get(j, FSE_SHELF_SCENES, key, &blob, &size,
                                      &err) == 1);
    uint8_t *bad = malloc(size);
    CU_ASSERT_FATAL(bad != NULL);
    memcpy(bad, blob, size);
    for (uint32_t k = isa_below(&r, 8); k > 0; k--)
      bad[36 + isa_below(&r, (uint32_t)size - 36)] =
          (uint8_t)isa_below(&r, 256);
    UNIT_EQ(fse_journal_put(j, FSE_SHELF_SCENES, key, bad,
                            i % 4 ? size : isa_below(&r, (uint32_t)size),
                            &err), 0);
    free(bad);
    fse_journal_close(j);
    again(&h, path, TUNE_HONEST);
    UNIT_TRUE(h.offered || livehost_said(&h, "the stored version is not used"),
              "round %lu", i);
    finish(&h);
  }
  free(blob);
}

/* A scorer that does not come back does not keep the agent from running. */
static void nobody_answers(void) {
  const struct timespec nap = {0, 1000000};
  struct livehost h;
  uint8_t hash[32];
  again(&h, accepted(hash), TUNE_HANGS);
  UNIT_TRUE(!h.offered, "it is used");
  UNIT_EQ(livehost_said(&h, "its scorer or model did not come back"), 2);
  for (int n = 0; n < 20; n++) livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  tune_let_go();
  while (tune_hanging() > 0) nanosleep(&nap, NULL);
  livehost_close(&h);
}

static const struct unit_test tests[] = {
    {"agent", "is tried and counted", is_tried_and_counted},
    {"agent", "is worse here", is_worse_here},
    {"agent", "does not fit", does_not_fit},
    {"agent", "faults", faults},
    {"agent", "waits for trust", waits_for_trust},
    {"agent", "goes before", goes_before},
    {"journal", "is tried again", is_tried_again},
    {"journal", "is scored again", is_scored_again},
    {"journal", "hostile scenes", hostile_scenes},
    {"journal", "nobody answers", nobody_answers},
};

UNIT_MAIN(tests)
