/*
 * test_canary.c - a tuning patch live: one agent that is its own control, and
 * what the host, the scorer and trust do meanwhile. Two agents beside each
 * other are test_tuned.sh's.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "samples/room/room.h"
#include "tests/isa_util.h"
#include "tests/tune_live.h"
#include "tests/tune_rig.h"
#include "tests/unit.h"

/* FULL: four days, long enough to tell what is better. */
enum { ROOM = 7, ENOUGH = 20000, FULL = 1152, SHORT = 64 };

/* What a search holds that is given up is lost with its thread, on purpose. */
__attribute__((visibility("default"))) const char *
__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:search_job\n"; }

static int32_t sense(void) { return room_temp(ROOM); }

static void act(const int32_t *arg, unsigned argc) {
  if (argc == 2 && arg[0] == 1) room_heat(ROOM, arg[1]);
}

static const char *journal_path(void) {
  static char path[512];
  static unsigned n;
  snprintf(path, sizeof path, "%s/canary%u.db", unit_tmpdir(), n++);
  return path;
}

/* A thermostat in its room, and a judge. */
static void open_room(struct livehost *h, enum tune_lie lie,
                      uint32_t canary_tasks) {
  static char text[1024];
  tune_thermostat(5, text, sizeof text);
  tune_lie(lie);
  room_reset(ROOM);
  tune_open(h, text, &tune_judge, canary_tasks);
  h->sense = sense;
  h->act = act;
}

/* ---- accepted ----------------------------------------------------------- */

/* Better than what it did before: the root from then on, and no task of it is
 * held to what was right before. */
static void becomes_the_root(void) {
  const char *path = journal_path();
  struct fse_stored stored = {0};
  struct fisa_error err = {""};
  struct livehost h;
  open_room(&h, TUNE_HONEST, FULL);
  livehost_set_text(&h, "journal", path);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  tune_accepted(&h);
  if (UNIT_TRUE(h.evolved->origin != NULL, "an origin")) {
    UNIT_MEM_EQ(h.evolved->origin->hash, h.root->hash, 32);
    UNIT_MEM_EQ(h.evolved->root->hash, h.program->hash, 32);
  }
  UNIT_EQ(h.evolved->live.id, h.version);
  UNIT_TRUE(h.evolved->live.program == NULL, "it is the root");
  UNIT_EQ(livehost_said(&h, "score"), 1);
  for (int n = 0; n < 200; n++) livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_TRUE(!livehost_explains(&h, "not evolved"), "%s", h.explanation);
  UNIT_EQ(fse_journal_version(h.evolved->instance->journal, "agent", h.root,
                              &stored, &err), 1);
  UNIT_TRUE(stored.tuned, "the journal knows");
  fisa_program_free(stored.program);
  free(stored.places);
  livehost_close(&h);
  UNIT_EQ(tune_open_courses(), 0);
}

/* After a restart the host is given what was accepted, and it is the root. */
static void comes_back(void) {
  const char *path = journal_path();
  struct livehost h;
  uint8_t hash[32];
  open_room(&h, TUNE_HONEST, FULL);
  livehost_set_text(&h, "journal", path);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  tune_accepted(&h);
  memcpy(hash, h.program->hash, 32);
  livehost_stop(&h);
  livehost_set(&h, "policy.paused", 1);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  if (UNIT_TRUE(h.offered, "nothing is offered")) {
    UNIT_EQ(h.patch.flags, FLUX_PATCH_TUNING | FLUX_PATCH_ACCEPTED);
    UNIT_MEM_EQ(h.patch.program->hash, hash, 32);
    UNIT_TRUE(h.patch.transfers > 0 &&
                  h.patch.transfer[h.patch.transfers - 1].from_pc ==
                      h.root->entry, "from the entry");
    tune_install(&h, NULL);
    UNIT_MEM_EQ(h.evolved->root->hash, hash, 32);
    for (int n = 0; n < 100; n++) livehost_task(&h, NULL);
    livehost_settle(&h);
    UNIT_TRUE(!livehost_explains(&h, "not evolved"), "%s", h.explanation);
  }
  livehost_close(&h);
}

/* ---- taken back --------------------------------------------------------- */

static void faults(void) {
  const struct livehost_lie fault = {.cell = -1, .fault = true};
  struct livehost h;
  open_room(&h, TUNE_HONEST, SHORT);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  tune_run_to_tuning(&h);
  tune_install(&h, NULL);
  UNIT_EQ(livehost_phase(&h), FSE_PROBATION);
  livehost_task(&h, &fault);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_LEAVING);
  UNIT_EQ(h.how, FLUX_RECOVER);
  UNIT_TRUE(fse_banned(h.evolved, h.patch.program), "never again");
  tune_leave(&h);
  UNIT_TRUE(h.evolved->origin == NULL && !h.evolved->next_patch.tuning,
            "as it was");
  UNIT_EQ(livehost_said(&h, "recovered patch"), 1);
  livehost_close(&h);
}

/* Praised where nobody lives, and worse in the room. */
static void no_better(void) {
  struct livehost h;
  open_room(&h, TUNE_LIES, FULL);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  tune_run_to_tuning(&h);
  tune_install(&h, NULL);
  tune_probation(&h);
  UNIT_EQ(livehost_phase(&h), FSE_LEAVING);
  UNIT_EQ(h.how, FLUX_REVERT);
  UNIT_EQ(h.accepted, 0);
  UNIT_EQ(livehost_said(&h, "is no better"), 1);
  tune_leave(&h);
  UNIT_TRUE(h.evolved->origin == NULL, "the root is what it was");
  livehost_close(&h);
}

/* Without trust nothing is tried, and nothing stays on trial. */
static void distrusted(void) {
  const struct livehost_lie low = {.cell = -1, .trust = true, .trust_is = 0.1};
  struct livehost h;
  open_room(&h, TUNE_HONEST, SHORT);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(tune_run_to(&h, FSE_CONTROL), "phase %d", (int)livehost_phase(&h));
  livehost_task(&h, &low);
  livehost_settle(&h);
  livehost_task(&h, &low);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  UNIT_TRUE(h.evolved->next_patch.live.program == NULL, "the patch is gone");
  UNIT_TRUE(!tune_is_offered(&h), "nothing was offered");
  livehost_close(&h);
}

/* The agent may go at any moment. */
static void detached(void) {
  struct livehost h;
  open_room(&h, TUNE_HONEST, SHORT);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(tune_run_to(&h, FSE_CONTROL), "phase %d", (int)livehost_phase(&h));
  livehost_close(&h);
  open_room(&h, TUNE_HONEST, SHORT);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  tune_run_to_tuning(&h);
  tune_install(&h, NULL);
  livehost_close(&h);
  UNIT_EQ(tune_open_courses(), 0);
}

/* ---- judges that are none ----------------------------------------------- */

/* A scorer that hangs in a trial: given up, and the agent is frozen, but runs;
 * trust does not thaw it. */
static void hangs(void) {
  const struct timespec nap = {0, 1000000};
  struct livehost h;
  open_room(&h, TUNE_HANGS, SHORT);
  livehost_set(&h, "policy.scorer_ms", 20);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  for (int n = 0; n < ENOUGH && livehost_phase(&h) != FSE_FROZEN; n++) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  UNIT_TRUE(livehost_explains(&h, "did not come back"), "%s", h.explanation);
  for (int n = 0; n < 20; n++) livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  UNIT_EQ(tune_hanging(), 1);
  tune_let_go();
  while (tune_hanging() > 0) nanosleep(&nap, NULL);
  livehost_close(&h);
}

static void says_nothing(void) {
  struct livehost h;
  open_room(&h, TUNE_NAN, SHORT);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  for (int n = 0; n < ENOUGH && !livehost_said(&h, "not tuned any more"); n++) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_EQ(livehost_said(&h, "gives no number"), 1);
  UNIT_TRUE(livehost_phase(&h) != FSE_FROZEN, "it is evolved nevertheless");
  livehost_close(&h);
}

static void nobody_judges(void) {
  struct livehost h;
  open_room(&h, TUNE_HONEST, SHORT);
  h.judge = NULL;
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(!h.evolved->tuning.on, "tuned by nobody's word");
  livehost_close(&h);
  open_room(&h, TUNE_HONEST, SHORT);
  livehost_set(&h, "policy.weights.TuneThreshold", 0);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(h.evolved->tuning.on, "judged");
  livehost_close(&h);
}

static const struct unit_test tests[] = {
    {"accepted", "becomes the root", becomes_the_root},
    {"accepted", "comes back", comes_back},
    {"back", "faults", faults},
    {"back", "no better", no_better},
    {"back", "distrusted", distrusted},
    {"back", "detached", detached},
    {"judges", "hangs", hangs},
    {"judges", "says nothing", says_nothing},
    {"judges", "nobody", nobody_judges},
};

UNIT_MAIN(tests)
