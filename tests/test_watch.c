/*
 * test_watch.c - the live loop: what becomes of an offer, whatever the agent,
 * the host, the journal and trust do meanwhile.
 */
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "plugin/control.h"
#include "plugin/recall.h"
#include "tests/livehost.h"
#include "tests/unit.h"

/* A program with something to gain: a NOP in its loop. */
static const char sum[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n MOVI R3, 0\n"
    "again: ADD R3, R3, R1\n NOP\n DEC R1\n JNE R1, again\n"
    " TELL R3, R1, R0\n HALT\n";

/* The same without an end of its tasks; R4 lives from one to the next. */
static const char counter[] =
    ".dialect unified\n.in R4\n.boundary yield\n"
    "task: SENSE R5\n NOP\n ADD R4, R4, R5\n NOP\n TELL R4, R5, R0\n"
    " YIELD 0\n JMP task\n";

static const struct livehost_lie honest = {.cell = -1};

static void open_sum(struct livehost *h) {
  livehost_open_small(h, sum);
  UNIT_TRUE(livehost_start(h), "%s", h->explanation);
}

/* A file for a journal, new each time. */
static const char *journal_path(void) {
  static char path[512];
  static unsigned n;
  snprintf(path, sizeof path, "%s/watch%u.db", unit_tmpdir(), n++);
  return path;
}

/* ---- records ------------------------------------------------------------ */

struct last {
  uint32_t count;
  struct fse_record r;
};

static int keep_last(const struct fse_record *r, void *user) {
  struct last *l = user;
  l->r = *r;
  l->count++;
  return 0;
}

/* The last record in the journal. */
static struct last last_record(struct livehost *h) {
  struct last l = {0};
  UNIT_EQ(fse_journal_records(h->evolved->instance->journal, "agent",
                              keep_last, NULL, &l), 0);
  return l;
}

/* Whether the journal has a live version of the agent. */
static bool has_version(struct livehost *h) {
  struct fse_stored s;
  struct fisa_error err = {""};
  int found = fse_journal_version(h->evolved->instance->journal, "agent",
                                  h->root, &s, &err);
  UNIT_TRUE(found >= 0, "%s", err.text);
  if (found <= 0) return false;
  fisa_program_free(s.program);
  free(s.places);
  return true;
}

/* ---- probation ---------------------------------------------------------- */

/* The first task behind the way back. */
static void leave(struct livehost *h) {
  struct livehost_lie l = honest;
  l.flags = livehost_leave(h);
  livehost_task(h, &l);
  livehost_settle(h);
}

static void accepts(void) {
  struct livehost h;
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", journal_path());
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  livehost_accept(&h);
  UNIT_TRUE(h.patch.flags & FLUX_PATCH_HOLD, "outputs are held");
  UNIT_EQ(h.agreed_count, LIVEHOST_PROBATION);
  UNIT_TRUE(!h.out_of_order, "agreed in order");
  UNIT_EQ(h.takes, 0);
  UNIT_TRUE(h.counted > 0, "counts were asked for");
  UNIT_EQ(livehost_said(&h, "accepted patch"), 1);
  UNIT_EQ(last_record(&h).r.outcome, FSE_ACCEPTED);
  UNIT_TRUE(last_record(&h).r.cost_after < last_record(&h).r.cost_before,
            "cheaper");
  UNIT_TRUE(has_version(&h), "committed");
  UNIT_EQ(h.evolved->live.id, h.version);
  UNIT_EQ(h.evolved->generation, 1);
  livehost_close(&h);
}

/* An agent that continues: places behind the yield, both ways. */
static void accepts_between_yields(void) {
  struct livehost h;
  livehost_open_small(&h, counter);
  h.continues = true;
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  livehost_accept(&h);
  UNIT_EQ(h.patch.transfers, 2);
  UNIT_EQ(h.patch.backs, 2);
  UNIT_TRUE(livehost_run_to(&h, FSE_SETTLED), "until nothing is left");
  UNIT_TRUE(!livehost_said(&h, "not evolved"), "no difference is seen");
  livehost_close(&h);
}

/* Probations that end in a way back: what the records said, and how. */
static void goes(const struct livehost_lie *lie, uint32_t how,
                 enum fse_outcome outcome, const char *why) {
  struct livehost h;
  uint8_t bad[32];
  uint32_t flags;
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", journal_path());
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  flags = livehost_offer(&h);
  memcpy(bad, h.program->hash, 32);
  livehost_probation(&h, flags,
                     how == FLUX_RECOVER ? 1 : LIVEHOST_PROBATION, lie);
  UNIT_EQ(livehost_phase(&h), FSE_LEAVING);
  UNIT_EQ(h.taken_back, h.version);
  UNIT_EQ(h.how, how);
  UNIT_EQ(h.accepted, 0);
  leave(&h);
  UNIT_EQ(last_record(&h).r.outcome, outcome);
  UNIT_TRUE(strstr(last_record(&h).r.reason, why) != NULL, "\"%s\" in \"%s\"",
            why, last_record(&h).r.reason);
  UNIT_TRUE(!has_version(&h), "nothing was committed");
  UNIT_TRUE(livehost_phase(&h) != FSE_LEAVING, "it is gone");
  if (lie->flags & FLUX_TASK_LOST) {
    /* No fault of its own: it may come again. */
    UNIT_TRUE(!fse_banned(h.evolved, h.patch.program), "forgiven");
  } else {
    UNIT_TRUE(fse_banned(h.evolved, h.patch.program), "banned");
    if (livehost_run_to(&h, FSE_OFFERED))
      UNIT_TRUE(memcmp(h.patch.program->hash, bad, 32) != 0, "another one");
  }
  livehost_close(&h);
}

static void reverts_the_dear(void) {
  const struct livehost_lie l = {.cell = -1, .times_cycles = 3};
  goes(&l, FLUX_REVERT, FSE_REVERTED, "dearer than its root");
}

static void reverts_the_unsure(void) {
  const struct livehost_lie l = {.cell = -1, .confidence = true,
                                 .confidence_is = 0.5};
  goes(&l, FLUX_REVERT, FSE_REVERTED, "confidence fell");
}

static void reverts_the_unmeasured(void) {
  const struct livehost_lie l = {.cell = -1, .confidence = true,
                                 .confidence_is = NAN};
  goes(&l, FLUX_REVERT, FSE_REVERTED, "without confidence");
}

static void recovers_the_wrong(void) {
  const struct livehost_lie l = {.cell = 3, .add = 1};
  goes(&l, FLUX_RECOVER, FSE_RECOVERED, "R3");
}

static void recovers_the_faulty(void) {
  const struct livehost_lie l = {.cell = -1, .fault = true};
  goes(&l, FLUX_RECOVER, FSE_RECOVERED, "faulted");
}

static void recovers_the_unrecorded(void) {
  const struct livehost_lie l = {.cell = -1, .flags = FLUX_TASK_LOST};
  goes(&l, FLUX_RECOVER, FSE_RECOVERED, "could not be recorded");
}

/* Confidence that wavers about what is asked for is not below it. */
static void noise_is_no_drop(void) {
  struct livehost h;
  uint32_t flags;
  open_sum(&h);
  flags = livehost_offer(&h);
  for (unsigned i = 0; i < LIVEHOST_PROBATION; i++) {
    struct livehost_lie l = {.cell = -1, .confidence = true,
                             .confidence_is = i % 2 ? 0.99 : 0.79};
    livehost_probation(&h, i == 0 ? flags : 0, 1, &l);
  }
  UNIT_EQ(h.accepted, h.version);
  livehost_close(&h);
}

/* The host has a will of its own: it took the patch back. */
static void host_takes_back(void) {
  struct livehost h;
  uint32_t flags;
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", journal_path());
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  flags = livehost_offer(&h);
  livehost_probation(&h, flags, 1, NULL);
  UNIT_EQ(livehost_phase(&h), FSE_PROBATION);
  leave(&h);
  UNIT_TRUE(livehost_phase(&h) != FSE_PROBATION, "it is gone");
  UNIT_EQ(last_record(&h).r.outcome, FSE_RECOVERED);
  UNIT_EQ(h.takes, 0);
  livehost_close(&h);
}

/* What is committed and then not accepted by the host is not kept. */
static void host_refuses_acceptance(void) {
  struct livehost h;
  uint32_t flags;
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", journal_path());
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  h.accept_answer = FLUX_E_STALE;
  flags = livehost_offer(&h);
  livehost_probation(&h, flags, LIVEHOST_PROBATION, NULL);
  UNIT_EQ(livehost_phase(&h), FSE_LEAVING);
  UNIT_TRUE(!has_version(&h), "the journal forgot it");
  UNIT_EQ(last_record(&h).r.outcome, FSE_RECOVERED);
  leave(&h);
  UNIT_EQ(h.evolved->live.id, 0);
  UNIT_EQ(h.evolved->generation, 0);
  livehost_close(&h);
}

/* Tasks of the patch that still come while it leaves are looked at, too. */
static void watched_to_the_door(void) {
  const struct livehost_lie dear = {.cell = -1, .times_cycles = 3};
  const struct livehost_lie wrong = {.cell = 3, .add = 1};
  struct livehost h;
  uint32_t flags;
  open_sum(&h);
  flags = livehost_offer(&h);
  livehost_probation(&h, flags, LIVEHOST_PROBATION, &dear);
  UNIT_EQ(h.how, FLUX_REVERT);
  livehost_probation(&h, 0, 1, NULL);
  UNIT_EQ(h.agreed_count, LIVEHOST_PROBATION + 1);
  livehost_probation(&h, 0, 1, &wrong);
  UNIT_EQ(h.agreed_count, LIVEHOST_PROBATION + 1);
  UNIT_EQ(h.how, FLUX_RECOVER);
  UNIT_EQ(livehost_phase(&h), FSE_LEAVING);
  leave(&h);
  livehost_close(&h);
}

/* ---- offers that are not taken ------------------------------------------ */

static void deadlines(void) {
  struct livehost_lie l = honest;
  struct livehost h;
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", journal_path());
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(livehost_run_to(&h, FSE_OFFERED), "an offer");
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_OFFERED);
  h.offered = false;
  l.flags = FLUX_TASK_WITHDRAWN;
  livehost_task(&h, &l);
  livehost_settle(&h);
  UNIT_EQ(last_record(&h).r.outcome, FSE_WITHDRAWN);
  UNIT_TRUE(livehost_explains(&h, "no place to install it"), "%s",
            h.explanation);
  UNIT_TRUE(livehost_run_to(&h, FSE_SETTLED), "it is not offered again");
  UNIT_EQ(h.offers, 1);
  livehost_close(&h);
}

static void refusals(void) {
  struct livehost h;
  livehost_open_small(&h, sum);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  h.busy_offers = UINT32_MAX;
  UNIT_TRUE(livehost_run_to(&h, FSE_SETTLED), "it gives up");
  UNIT_TRUE(livehost_said(&h, "refused patch") >= 1, "and says so");
  livehost_close(&h);
}

static void pausing(void) {
  struct livehost h;
  uint32_t offers;
  open_sum(&h);
  UNIT_TRUE(livehost_run_to(&h, FSE_OFFERED), "an offer");
  while (h.withdrawn == 0) {
    fse_pause(h.evolved->instance, true);
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_TRUE(livehost_phase(&h) != FSE_OFFERED, "withdrawn");
  offers = h.offers;
  for (int i = 0; i < 20; i++) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_EQ(h.offers, offers);
  fse_pause(h.evolved->instance, false);
  UNIT_TRUE(livehost_run_to(&h, FSE_OFFERED), "and again");
  livehost_close(&h);
}

/* ---- trust -------------------------------------------------------------- */

static void trust_falls_before(void) {
  struct livehost h;
  open_sum(&h);
  UNIT_TRUE(livehost_run_to(&h, FSE_OFFERED), "an offer");
  (void)livehost_wait(&h, FSE_OFFERED);
  h.trust = 0.2;
  while (livehost_phase(&h) != FSE_FROZEN) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_EQ(h.withdrawn, 1);
  UNIT_TRUE(livehost_explains(&h, "trust"), "%s", h.explanation);
  h.trust = NAN;
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  h.trust = 0.9;
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_TRUE(livehost_phase(&h) != FSE_FROZEN, "it goes on");
  UNIT_TRUE(livehost_explains(&h, NULL), "%s", h.explanation);
  livehost_close(&h);
}

static void trust_falls_on_probation(void) {
  struct livehost h;
  uint32_t flags;
  open_sum(&h);
  flags = livehost_offer(&h);
  livehost_probation(&h, flags, LIVEHOST_PROBATION - 1, NULL);
  h.trust = 0.2;
  livehost_probation(&h, 0, 1, NULL);
  UNIT_EQ(h.accepted, 0);
  UNIT_EQ(h.how, FLUX_REVERT);
  UNIT_EQ(h.agreed_count, LIVEHOST_PROBATION);
  leave(&h);
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  livehost_close(&h);
}

/* ---- where it is going -------------------------------------------------- */

/* A journal in which the agent's fitness fell with each generation, far above
 * what it is now. */
static void write_decline(const char *path) {
  struct fse_journal *j = NULL;
  UNIT_EQ(fse_journal_open(path, &j, NULL), 0);
  for (unsigned n = 0; n < 5; n++) {
    struct fse_record r = {.agent = "agent", .kind = "RemoveDead x2",
                           .patch = n + 1, .generation = n + 1,
                           .fitness_before = 10 - n, .fitness_after = 9 - n,
                           .outcome = FSE_ACCEPTED};
    UNIT_EQ(fse_journal_record(j, &r, NULL, NULL), 0);
  }
  fse_journal_close(j);
}

/* The line of the status that is about the agent. */
static int32_t keep_line(const char *text, size_t size, void *user) {
  UNIT_TRUE(size < 1024, "%zu bytes", size);
  snprintf(user, 1024, "%s", text);
  return 0;
}

static void status_says(struct livehost *h, const char *what) {
  static const char request[] = "{\"cmd\":\"status\"}";
  char line[1024] = "", message[256];
  UNIT_EQ(fse_control.request((flux_plugin *)h->evolved->instance, request,
                              sizeof request - 1, keep_line, message,
                              sizeof message, line), FLUX_OK);
  UNIT_TRUE(strstr(line, what) != NULL, "%s in %s", what, line);
}

static void decline_freezes(void) {
  const char *path = journal_path();
  uint32_t dead = 0;
  struct livehost h;
  while (strcmp(fse_kinds[dead].name, "RemoveDead") != 0) dead++;
  write_decline(path);
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", path);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  /* What is written is known, and whoever starts it wants it to go on. */
  UNIT_EQ(h.evolved->trend.direction, FSE_DECLINING);
  UNIT_EQ(h.evolved->trend.points, 5);
  status_says(&h, "\"trend\":\"declining\",\"points\":5,\"slope\":-1.0");
  UNIT_EQ(h.evolved->learned.taken[dead], 5 * 2 * 8);
  livehost_accept(&h);
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  UNIT_TRUE(livehost_explains(&h, "frozen: fitness falls by"), "%s",
            h.explanation);
  UNIT_EQ(livehost_said(&h, "frozen: fitness falls by"), 1);
  UNIT_STR_EQ(last_record(&h).r.kind, "trend");
  UNIT_EQ(last_record(&h).r.outcome, FSE_REJECTED);
  UNIT_TRUE(last_record(&h).r.fitness_after <
                last_record(&h).r.fitness_before, "it fell");
  /* Trust is no reason to go on; the operator is. */
  for (unsigned i = 0; i < 3; i++) livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  UNIT_EQ(livehost_said(&h, "frozen: fitness falls by"), 1);
  fse_pause(h.evolved->instance, false);
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_TRUE(livehost_phase(&h) != FSE_FROZEN, "it goes on");
  livehost_close(&h);
}

/* A search that finds nothing is a point of the same height. */
static void nothing_found_is_a_point(void) {
  struct livehost h;
  open_sum(&h);
  livehost_accept(&h);
  UNIT_EQ(h.evolved->history.count, 1);
  while (livehost_phase(&h) != FSE_SETTLED) {
    if (h.offered && livehost_phase(&h) == FSE_OFFERED) break;
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  if (livehost_phase(&h) == FSE_SETTLED) {
    UNIT_EQ(h.evolved->history.count, 1 + h.evolved->dry);
    UNIT_TRUE(h.evolved->history.fitness[0] ==
                  h.evolved->history.fitness[h.evolved->dry], "the same");
  }
  livehost_close(&h);
}

static void no_trust_no_evolution(void) {
  struct livehost h;
  livehost_open_small(&h, sum);
  h.trust = 0;
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  for (int i = 0; i < 30; i++) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  UNIT_EQ(h.offers, 0);
  livehost_close(&h);
}

/* ---- the journal -------------------------------------------------------- */

static void sql(const char *path, const char *text) {
  sqlite3 *db = NULL;
  UNIT_EQ(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  UNIT_EQ(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

/* What cannot be committed is not accepted; one line, and nothing more. */
static void journal_fails(void) {
  const char *path = journal_path();
  struct livehost h;
  uint32_t flags, offers;
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", path);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  flags = livehost_offer(&h);
  sql(path, "ALTER TABLE records RENAME TO lost");
  livehost_probation(&h, flags, LIVEHOST_PROBATION, NULL);
  UNIT_EQ(h.accepted, 0);
  UNIT_EQ(h.how, FLUX_REVERT);
  UNIT_EQ(livehost_said(&h, "accepted patch"), 0);
  UNIT_EQ(livehost_said(&h, "evolution is paused"), 1);
  leave(&h);
  offers = h.offers;
  for (int i = 0; i < 20; i++) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_EQ(h.offers, offers);
  UNIT_EQ(livehost_said(&h, "evolution is paused"), 1);
  livehost_close(&h);
}

/* Another agent of the same root has at once what the first one got. */
static void journal_answers(void) {
  struct livehost h;
  struct fse_found f;
  uint8_t hash[32];
  char kinds[FSE_KINDS_TEXT];
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", journal_path());
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(!fse_answer_known(h.evolved, &f), "nothing yet");
  livehost_accept(&h);
  memcpy(hash, h.program->hash, 32);
  snprintf(kinds, sizeof kinds, "%s", last_record(&h).r.kind);
  livehost_stop(&h);
  h.name = "other";
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(!h.offered, "no version of its own");
  CU_ASSERT_FATAL(fse_answer_known(h.evolved, &f));
  UNIT_MEM_EQ(f.program->hash, hash, 32);
  fse_found_done(&f);
  (void)livehost_offer(&h);
  UNIT_TRUE(strncmp(h.evolved->next_patch.record.kind, kinds,
                    strlen(kinds)) == 0, "%s begins with %s",
            h.evolved->next_patch.record.kind, kinds);
  fse_answer_forget(h.evolved);
  UNIT_TRUE(!fse_answer_known(h.evolved, &f), "forgotten");
  livehost_close(&h);
}

static void journal_resumes(void) {
  const char *path = journal_path();
  uint8_t hash[32];
  struct livehost h;
  uint64_t id;
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", path);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  livehost_accept(&h);
  memcpy(hash, h.program->hash, 32);
  id = h.version;
  livehost_stop(&h);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(h.offered && h.patch.flags & FLUX_PATCH_ACCEPTED, "offered");
  UNIT_EQ(h.patch.id, id);
  UNIT_MEM_EQ(h.patch.program->hash, hash, 32);
  (void)livehost_install(&h);
  UNIT_TRUE(livehost_run_to(&h, FSE_SETTLED) ||
            livehost_phase(&h) == FSE_OFFERED, "it goes on");
  if (h.offered) UNIT_TRUE(h.patch.id > id, "a new number");
  livehost_stop(&h);
  /* Without trust nothing changes. */
  h.trust = 0.1;
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(!h.offered, "the original");
  livehost_close(&h);
}

/* A version whose program does otherwise is not used, whatever the file says
 * of it. */
static void journal_lies(void) {
  static const char wrong[] =
      ".dialect unified\n.in R1 1..40\n.out R3\n MOVI R3, 1\n"
      "again: ADD R3, R3, R1\n NOP\n DEC R1\n JNE R1, again\n"
      " TELL R3, R1, R0\n HALT\n";
  const char *path = journal_path();
  struct fse_record r = {.agent = "agent", .patch = 3, .kind = "x"};
  struct fse_version v = {0};
  struct fisa_program *p;
  struct fisa_error err = {""};
  struct fse_journal *j = NULL;
  struct fse_place place = {0, 0};
  struct livehost h, other;
  livehost_open_small(&h, sum);
  livehost_open(&other, wrong);
  p = fisa_program_derive(h.root, other.root->code, other.root->size,
                          other.root->entry, 0);
  UNIT_EQ(fse_journal_open(path, &j, &err), 0);
  v = (struct fse_version){.program = p, .root = h.root, .places = &place,
                           .place_count = 1};
  UNIT_EQ(fse_journal_record(j, &r, &v, &err), 0);
  fse_journal_close(j);
  fisa_program_free(p);
  livehost_set_text(&h, "journal", path);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(!h.offered, "not used");
  UNIT_EQ(livehost_said(&h, "runs its original"), 1);
  livehost_accept(&h);
  UNIT_TRUE(h.version > 3, "%llu", (unsigned long long)h.version);
  livehost_close(&h);
  UNIT_TRUE(livehost_start(&other), "%s", other.explanation);
  livehost_close(&other);
}

/* ---- after acceptance --------------------------------------------------- */

/* Wrong once, and it is gone for good: the root comes back, although the
 * host needs to be asked twice. */
static void contradictions(void) {
  const struct livehost_lie wrong = {.cell = 3, .add = 1};
  struct livehost_lie l = honest;
  struct fse_found found;
  struct livehost h;
  uint8_t bad[32];
  livehost_open_small(&h, sum);
  livehost_set_text(&h, "journal", journal_path());
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  livehost_accept(&h);
  memcpy(bad, h.program->hash, 32);
  UNIT_TRUE(has_version(&h), "committed");
  h.busy_offers = 1;
  livehost_task(&h, &wrong);
  livehost_settle(&h);
  UNIT_TRUE(!has_version(&h), "the journal forgot it at once");
  UNIT_TRUE(!fse_answer_known(h.evolved, &found), "for all agents");
  while (!h.offered) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  UNIT_TRUE(h.patch.flags & FLUX_PATCH_ACCEPTED, "no probation");
  UNIT_MEM_EQ(h.patch.program->code, h.root->code, h.root->size);
  UNIT_EQ(h.patch.program->size, h.root->size);
  l.flags = livehost_install(&h);
  livehost_task(&h, &l);
  livehost_settle(&h);
  UNIT_EQ(h.evolved->live.id, h.version);
  UNIT_TRUE(h.evolved->live.program == NULL, "the root");
  UNIT_EQ(last_record(&h).r.outcome, FSE_REVERTED);
  UNIT_TRUE(fse_banned(h.evolved, h.patch.program) == false, "but not it");
  /* Whatever comes now is something else. */
  if (livehost_run_to(&h, FSE_OFFERED))
    UNIT_TRUE(memcmp(h.patch.program->hash, bad, 32) != 0, "another one");
  livehost_close(&h);
}

/* The root's offer is made again when it was not installed in time. */
static void contradiction_waits(void) {
  const struct livehost_lie wrong = {.cell = 3, .add = 1};
  struct livehost_lie l = honest;
  struct livehost h;
  uint32_t offers;
  open_sum(&h);
  livehost_accept(&h);
  livehost_task(&h, &wrong);
  livehost_settle(&h);
  while (!h.offered) {
    livehost_task(&h, NULL);
    livehost_settle(&h);
  }
  offers = h.offers;
  h.offered = false;
  l.flags = FLUX_TASK_WITHDRAWN;
  livehost_task(&h, &l);
  livehost_settle(&h);
  UNIT_EQ(h.offers, offers + 1);
  /* Neither a fall of trust nor a pause keeps the wrong version. */
  h.trust = 0.1;
  fse_pause(h.evolved->instance, true);
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_TRUE(h.offered, "still offered");
  l.flags = livehost_install(&h);
  livehost_task(&h, &l);
  livehost_settle(&h);
  UNIT_TRUE(h.evolved->live.program == NULL, "the root");
  livehost_close(&h);
}

/* ---- agents that are not evolved ---------------------------------------- */

/* Feeds tasks; nothing may be offered, and a reason is shown. */
static void never_offers(struct livehost *h, const struct livehost_lie *lie,
                         const char *why) {
  for (int i = 0; i < 30; i++) {
    livehost_task(h, lie);
    livehost_settle(h);
  }
  UNIT_EQ(livehost_phase(h), FSE_SETTLED);
  UNIT_EQ(h->offers, 0);
  UNIT_TRUE(livehost_explains(h, why), "\"%s\" in \"%s\"", why,
            h->explanation);
}

static void foreign_machines(void) {
  const struct livehost_lie lies[] = {{.cell = 3, .add = 1},
                                      {.cell = -1, .times_cycles = 2},
                                      {.cell = -1, .fault = true}};
  for (unsigned i = 0; i < 3; i++) {
    struct livehost h;
    open_sum(&h);
    never_offers(&h, &lies[i], "not as the dialect's table");
    livehost_close(&h);
  }
}

static void endless_tasks(void) {
  struct livehost h;
  livehost_open_small(&h, sum);
  livehost_set(&h, "policy.max_task_cycles", 4);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  never_offers(&h, NULL, "no task boundary within policy.max_task_cycles");
  livehost_close(&h);
}

static void tasks_without_record(void) {
  const struct livehost_lie lost = {.cell = -1, .flags = FLUX_TASK_LOST};
  const struct livehost_lie bare = {.cell = -1,
                                    .drop_flags = FLUX_TASK_RECORDED};
  struct livehost h;
  open_sum(&h);
  never_offers(&h, &lost, "too large to be recorded");
  never_offers(&h, &bare, "too large to be recorded");
  /* One that can be read changes that. */
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_TRUE(livehost_explains(&h, NULL), "%s", h.explanation);
  UNIT_TRUE(livehost_run_to(&h, FSE_OFFERED), "an offer");
  livehost_close(&h);
}

/* A second time the same agent, or the name of one. */
static void one_evolver(void) {
  struct livehost h;
  flux_evolved *other = NULL;
  flux_agent_info i = {.struct_size = sizeof i, .name = "agent", .id = 8};
  char message[256] = "";
  open_sum(&h);
  UNIT_EQ(h.evolver->attach(h.plugin, &i, &other, message, sizeof message),
          FLUX_E_BUSY);
  i.name = "another";
  i.id = 7;
  UNIT_EQ(h.evolver->attach(h.plugin, &i, &other, message, sizeof message),
          FLUX_E_BUSY);
  UNIT_TRUE(other == NULL && message[0], "%s", message);
  livehost_close(&h);
}

/* ---- full rings --------------------------------------------------------- */

/* While the watcher is held up more tasks end than the ring has room for:
 * one of the patch went by unseen, so it goes. */
static void tasks_unseen(void) {
  struct livehost_lie l = honest;
  struct livehost h;
  livehost_open_small(&h, sum);
  livehost_set(&h, "policy.probation_hold", 0);
  livehost_set(&h, "policy.probation_tasks", 1000);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  l.flags = livehost_offer(&h);
  UNIT_TRUE(!(h.patch.flags & FLUX_PATCH_HOLD), "not held");
  atomic_store(&h.block, true);
  livehost_task(&h, &l);
  for (unsigned i = 0; i < FSE_RING_SLOTS + 5; i++) {
    livehost_task(&h, &honest);
  }
  atomic_store(&h.block, false);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_PROBATION);
  livehost_task(&h, &honest);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_LEAVING);
  UNIT_EQ(h.how, FLUX_RECOVER);
  UNIT_TRUE(livehost_said(&h, "unseen") == 1, "and says so");
  livehost_close(&h);
}

/* The record that says that an offer is withdrawn was dropped. */
static void flags_unseen(void) {
  struct livehost_lie l = honest;
  struct livehost h;
  uint32_t flags;
  livehost_open_small(&h, sum);
  livehost_set(&h, "policy.probation_tasks", 1000);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  flags = livehost_offer(&h);
  atomic_store(&h.block, true);
  l.flags = flags;
  livehost_task(&h, &l);
  for (unsigned i = 0; i < FSE_RING_SLOTS + 2; i++) livehost_task(&h, &honest);
  l.flags = livehost_leave(&h);
  livehost_task(&h, &l); /* dropped */
  atomic_store(&h.block, false);
  livehost_settle(&h);
  livehost_task(&h, &honest);
  livehost_settle(&h);
  UNIT_TRUE(livehost_phase(&h) != FSE_PROBATION, "it is gone");
  UNIT_TRUE(livehost_phase(&h) != FSE_LEAVING, "for good");
  livehost_close(&h);
}

/* ---- detaching ---------------------------------------------------------- */

/* Detaches, and nothing is asked of the host any more. */
static void detach(struct livehost *h) {
  const struct timespec pause = {0, 5000000};
  livehost_detach(h);
  nanosleep(&pause, NULL);
  livehost_close(h);
}

static void detach_while_observed(void) {
  struct livehost h;
  open_sum(&h);
  detach(&h);
  open_sum(&h);
  livehost_task(&h, NULL);
  UNIT_EQ(h.observed_what, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD);
  livehost_detach(&h);
  UNIT_EQ(h.observed_what, 0);
  livehost_close(&h);
}

static void detach_from_a_search(void) {
  struct livehost h;
  struct timespec a, b;
  livehost_open(&h, sum);
  livehost_set(&h, "policy.episodes", 2);
  livehost_set(&h, "policy.budget", 100000000);
  livehost_set(&h, "policy.population", 65536);
  livehost_set(&h, "policy.fuzz_states", 100000000);
  UNIT_TRUE(livehost_start(&h), "%s", h.explanation);
  UNIT_TRUE(livehost_run_to(&h, FSE_SEARCHING), "a search");
  clock_gettime(CLOCK_MONOTONIC, &a);
  detach(&h);
  clock_gettime(CLOCK_MONOTONIC, &b);
  UNIT_TRUE(b.tv_sec - a.tv_sec < 20, "%d s", (int)(b.tv_sec - a.tv_sec));
}

static void detach_from_an_offer(void) {
  struct livehost h;
  open_sum(&h);
  UNIT_TRUE(livehost_run_to(&h, FSE_OFFERED), "an offer");
  livehost_detach(&h);
  UNIT_EQ(h.withdrawn, 1);
  UNIT_EQ(h.takes, 0);
  livehost_close(&h);
}

/* Nobody would watch what is on probation. */
static void detach_from_probation(void) {
  struct livehost h;
  uint32_t flags;
  open_sum(&h);
  flags = livehost_offer(&h);
  livehost_probation(&h, flags, 1, NULL);
  livehost_detach(&h);
  UNIT_EQ(h.taken_back, h.version);
  UNIT_EQ(h.how, FLUX_RECOVER);
  livehost_close(&h);
  /* Installed, but no task of it has come. */
  open_sum(&h);
  (void)livehost_offer(&h);
  livehost_detach(&h);
  UNIT_EQ(h.taken_back, h.version);
  UNIT_EQ(h.how, FLUX_RECOVER);
  livehost_close(&h);
}

static void detach_from_the_rest(void) {
  const struct livehost_lie wrong = {.cell = 3, .add = 1};
  struct livehost h;
  uint32_t flags;
  open_sum(&h);
  flags = livehost_offer(&h);
  livehost_probation(&h, flags, 1, &wrong);
  UNIT_EQ(livehost_phase(&h), FSE_LEAVING);
  detach(&h);
  open_sum(&h);
  h.trust = 0.1;
  livehost_task(&h, NULL);
  livehost_settle(&h);
  UNIT_EQ(livehost_phase(&h), FSE_FROZEN);
  detach(&h);
  open_sum(&h);
  h.busy_offers = UINT32_MAX;
  UNIT_TRUE(livehost_run_to(&h, FSE_SETTLED), "settled");
  detach(&h);
}

static const struct unit_test tests[] = {
    {"probation", "accepted", accepts},
    {"probation", "between yields", accepts_between_yields},
    {"probation", "dear", reverts_the_dear},
    {"probation", "unsure", reverts_the_unsure},
    {"probation", "unmeasured", reverts_the_unmeasured},
    {"probation", "wrong", recovers_the_wrong},
    {"probation", "faulty", recovers_the_faulty},
    {"probation", "unrecorded", recovers_the_unrecorded},
    {"probation", "noise", noise_is_no_drop},
    {"probation", "the host's will", host_takes_back},
    {"probation", "the host's refusal", host_refuses_acceptance},
    {"probation", "leaving", watched_to_the_door},
    {"offers", "deadlines", deadlines},
    {"offers", "refusals", refusals},
    {"offers", "pauses", pausing},
    {"trust", "before", trust_falls_before},
    {"trust", "on probation", trust_falls_on_probation},
    {"trust", "never", no_trust_no_evolution},
    {"trend", "a decline", decline_freezes},
    {"trend", "nothing found", nothing_found_is_a_point},
    {"journal", "fails", journal_fails},
    {"journal", "answers", journal_answers},
    {"journal", "resumes", journal_resumes},
    {"journal", "lies", journal_lies},
    {"contradicted", "at once", contradictions},
    {"contradicted", "waiting", contradiction_waits},
    {"not evolved", "foreign machines", foreign_machines},
    {"not evolved", "endless tasks", endless_tasks},
    {"not evolved", "no record", tasks_without_record},
    {"not evolved", "twice", one_evolver},
    {"full ring", "tasks", tasks_unseen},
    {"full ring", "flags", flags_unseen},
    {"detached", "observed", detach_while_observed},
    {"detached", "searching", detach_from_a_search},
    {"detached", "offered", detach_from_an_offer},
    {"detached", "probation", detach_from_probation},
    {"detached", "other phases", detach_from_the_rest},
};

UNIT_MAIN(tests)
