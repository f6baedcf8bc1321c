/*
 * test_journal.c - the journal: what is kept, what survives, what is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "plugin/journal.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* ---- what the tests store ----------------------------------------------- */

static const char root_text[] =
    ".in R1\n.out R3\nMOVI R3, 0\nAGAIN: ADD R3, R3, R1\nDEC R1\n"
    "JNE R1, AGAIN\nHALT\n";

static struct fisa_program *root(void) {
  static struct fisa_program *p;
  if (p == NULL) p = isa_program(isa_unified(), root_text);
  return p;
}

/* A child that can be told from others by its constant. */
static struct fisa_program *child(uint32_t number) {
  uint8_t code[64];
  memcpy(code, root()->code, root()->size);
  code[2] = (uint8_t)(number % 128);
  return fisa_program_derive(root(), code, root()->size, root()->entry, 0);
}

static struct fse_record record_of(const char *agent, uint32_t number,
                                   const struct fisa_program *p) {
  struct fse_record r = {.patch = number,
                         .generation = number,
                         .cost_before = 10.5,
                         .cost_after = 7.25,
                         .fitness_before = 0.1,
                         .fitness_after = 0.125,
                         .outcome = FSE_ACCEPTED,
                         .assurance = FSE_ASSURE_FUZZ,
                         .time_ms = 1234567890123};
  snprintf(r.agent, sizeof r.agent, "%s", agent);
  snprintf(r.kind, sizeof r.kind, "PatchJump x%u", number);
  snprintf(r.reason, sizeof r.reason, "test %u", number);
  memcpy(r.parent, root()->hash, 32);
  memcpy(r.child, p->hash, 32);
  return r;
}

static const struct fse_place places[] = {{0, 0}, {3, 3}, {7, 7}, {9, 9}};

/* Accepts child `number`; 0 or -1. */
static int accept_child(struct fse_journal *j, const char *agent,
                        uint32_t number, struct fisa_error *err) {
  struct fisa_program *p = child(number);
  struct fse_version v = {p, root(), places, 4, false, NULL};
  struct fse_record r = record_of(agent, number, p);
  int rc = fse_journal_record(j, &r, &v, err);
  fisa_program_free(p);
  return rc;
}

static const char *path_of(const char *name) {
  static char path[4][512];
  static unsigned at;
  char *p = path[at++ % 4];
  snprintf(p, sizeof path[0], "%s/%s", unit_tmpdir(), name);
  return p;
}

static struct fse_journal *must_open(const char *path) {
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  UNIT_TRUE(fse_journal_open(path, &j, &err) == 0, "%s: %s", path, err.text);
  return j;
}

/* Opening fails with a sentence that holds `want` and the file's name. */
static void refused(const char *path, const char *want) {
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  const char *name = strrchr(path, '/') + 1;
  UNIT_TRUE(fse_journal_open(path, &j, &err) != 0, "%s opens", path);
  UNIT_TRUE(strstr(err.text, want) != NULL, "\"%s\" has no \"%s\"", err.text,
            want);
  UNIT_TRUE(strstr(err.text, name) != NULL, "\"%s\" names no %s", err.text,
            name);
  UNIT_TRUE(strchr(err.text, '\n') == NULL, "one sentence");
  fse_journal_close(j);
}

static void stored_done(struct fse_stored *s) {
  fisa_program_free(s->program);
  free(s->places);
}

/* The live version of an agent is child `number`; 0: there is none. */
static void version_is(struct fse_journal *j, const char *agent,
                       uint32_t number) {
  struct fse_stored s;
  struct fisa_error err = {""};
  int rc = fse_journal_version(j, agent, root(), &s, &err);
  UNIT_TRUE(rc == (number > 0), "%s: %d, %s", agent, rc, err.text);
  if (rc != 1) return;
  struct fisa_program *p = child(number);
  UNIT_MEM_EQ(s.program->hash, p->hash, 32);
  UNIT_EQ(s.patch, number);
  UNIT_EQ(s.generation, number);
  UNIT_EQ(s.place_count, 4);
  UNIT_MEM_EQ(s.places, places, sizeof places);
  fisa_program_free(p);
  stored_done(&s);
}

/* ---- keeping ------------------------------------------------------------ */

static void an_empty_one(void) {
  const char *path = path_of("empty.db");
  struct stat st;
  struct fse_journal *j = must_open(path);
  version_is(j, "a", 0);
  fse_journal_close(j);
  UNIT_EQ(stat(path, &st), 0);
  UNIT_EQ(st.st_mode & 0777, 0600);
  j = must_open(path);
  version_is(j, "a", 0);
  fse_journal_close(j);
  fse_journal_close(NULL);
}

static void versions_come_back(void) {
  const char *path = path_of("versions.db");
  struct fisa_error err = {""};
  struct fse_journal *j = must_open(path);
  UNIT_EQ(accept_child(j, "a", 1, &err), 0);
  UNIT_EQ(accept_child(j, "b", 7, &err), 0);
  version_is(j, "a", 1);
  version_is(j, "b", 7);
  UNIT_EQ(accept_child(j, "a", 2, &err), 0);
  version_is(j, "a", 2);
  fse_journal_close(j);
  j = must_open(path);
  version_is(j, "a", 2);
  version_is(j, "b", 7);
  version_is(j, "c", 0);
  fse_journal_close(j);
}

/* A version belongs to its root: another program of that name has none. */
static void versions_belong_to_roots(void) {
  struct fse_journal *j = must_open(path_of("roots.db"));
  struct fisa_program *other = isa_program(isa_unified(), "HALT\n");
  struct fse_stored s;
  struct fisa_error err = {""};
  UNIT_EQ(accept_child(j, "a", 1, &err), 0);
  UNIT_EQ(fse_journal_version(j, "a", other, &s, &err), 0);
  version_is(j, "a", 1);
  fisa_program_free(other);
  fse_journal_close(j);
}

static void demoted(void) {
  const char *path = path_of("demoted.db");
  struct fisa_error err = {""};
  struct fse_journal *j = must_open(path);
  struct fisa_program *p = child(3);
  struct fse_record r = record_of("a", 3, p);
  UNIT_EQ(accept_child(j, "a", 3, &err), 0);
  UNIT_EQ(accept_child(j, "b", 4, &err), 0);
  r.outcome = FSE_REVERTED;
  UNIT_EQ(fse_journal_demote(j, &r, &err), 0);
  version_is(j, "a", 0);
  version_is(j, "b", 4);
  fse_journal_close(j);
  j = must_open(path);
  version_is(j, "a", 0);
  UNIT_EQ(accept_child(j, "a", 5, &err), 0);
  version_is(j, "a", 5);
  fisa_program_free(p);
  fse_journal_close(j);
}

/* ---- lists -------------------------------------------------------------- */

struct seen {
  unsigned count, stop_at;
  struct fse_record last;
  char text[256];
};

static int see_record(const struct fse_record *r, void *user) {
  struct seen *s = user;
  s->last = *r;
  return ++s->count == s->stop_at;
}

static void records_come_back(void) {
  struct fse_journal *j = must_open(path_of("records.db"));
  struct fisa_error err = {""};
  struct fisa_program *p = child(1);
  struct seen s = {0};
  struct fse_record r = record_of("a", 9, p);
  for (uint32_t i = 1; i <= 9; i++) {
    r = record_of(i % 3 ? "a" : "b", i, p);
    r.outcome = (enum fse_outcome)(i % 5);
    UNIT_EQ(fse_journal_record(j, &r, NULL, &err), 0);
  }
  UNIT_EQ(fse_journal_records(j, NULL, see_record, &err, &s), 0);
  UNIT_EQ(s.count, 9);
  UNIT_STR_EQ(s.last.agent, "b");
  UNIT_STR_EQ(s.last.kind, r.kind);
  UNIT_STR_EQ(s.last.reason, r.reason);
  UNIT_TRUE(s.last.fitness_before == 0.1 && s.last.fitness_after == 0.125 &&
            s.last.cost_before == 10.5 && s.last.cost_after == 7.25,
            "figures");
  UNIT_EQ(s.last.outcome, r.outcome);
  UNIT_EQ(s.last.assurance, FSE_ASSURE_FUZZ);
  UNIT_EQ(s.last.time_ms, r.time_ms);
  UNIT_MEM_EQ(s.last.parent, r.parent, 32);
  UNIT_MEM_EQ(s.last.child, r.child, 32);
  memset(&s, 0, sizeof s);
  UNIT_EQ(fse_journal_records(j, "a", see_record, &err, &s), 0);
  UNIT_EQ(s.count, 6);
  memset(&s, 0, sizeof s);
  s.stop_at = 2;
  UNIT_EQ(fse_journal_records(j, "a", see_record, &err, &s), 0);
  UNIT_EQ(s.count, 2);
  fisa_program_free(p);
  fse_journal_close(j);
}

static int see_blob(const void *blob, size_t size, void *user) {
  struct seen *s = user;
  size_t n = strlen(s->text);
  snprintf(s->text + n, sizeof s->text - n, "%zu:%.*s ", size, (int)size,
           size > 0 ? (const char *)blob : "");
  s->count++;
  return 0;
}

static void counterexamples(void) {
  struct fse_journal *j = must_open(path_of("counter.db"));
  struct fisa_error err = {""};
  uint8_t other[32] = {1};
  struct seen s = {0};
  const uint8_t *hash = root()->hash;
  UNIT_EQ(fse_journal_counter_add(j, hash, "first", 5, &err), 0);
  UNIT_EQ(fse_journal_counter_add(j, other, "other", 5, &err), 0);
  UNIT_EQ(fse_journal_counter_add(j, hash, "a second", 8, &err), 0);
  UNIT_EQ(fse_journal_counter_add(j, hash, "first", 5, &err), 0);
  UNIT_EQ(fse_journal_counter_add(j, hash, NULL, 0, &err), 0);
  UNIT_EQ(fse_journal_counters(j, hash, see_blob, &err, &s), 0);
  UNIT_STR_EQ(s.text, "5:first 8:a second 0: ");
  UNIT_EQ(fse_journal_counter_add(j, hash, "x", (size_t)1 << 40, &err), -1);
  fse_journal_close(j);
}

static int see_version(const char *agent, uint32_t generation,
                       const uint8_t *code, uint32_t size, uint32_t entry,
                       void *user) {
  struct seen *s = user;
  size_t n = strlen(s->text);
  UNIT_EQ(size, root()->size);
  UNIT_EQ(entry, root()->entry);
  snprintf(s->text + n, sizeof s->text - n, "%s %u %u;", agent, generation,
           code[2]);
  s->count++;
  return 0;
}

/* Bytes by key: the last that were put, or none. */
static void shelf_is(struct fse_journal *j, enum fse_shelf shelf,
                     const uint8_t key[32], const char *want) {
  struct fisa_error err = {""};
  uint8_t *blob = NULL;
  size_t size = 0;
  int found = fse_journal_get(j, shelf, key, &blob, &size, &err);
  UNIT_TRUE(found == (want != NULL), "%s", err.text);
  if (found > 0 && want != NULL) {
    UNIT_EQ(size, strlen(want));
    UNIT_MEM_EQ(blob, want, size);
  }
  free(blob);
}

static void on_a_shelf(enum fse_shelf shelf, bool pruned) {
  const char *path = path_of(shelf == FSE_SHELF_ANSWERS   ? "answers.db"
                             : shelf == FSE_SHELF_SCENES ? "scenes.db"
                                                         : "calibrated.db");
  struct fse_journal *j = must_open(path);
  struct fisa_error err = {""};
  uint8_t one[32] = {1}, two[32] = {2};
  shelf_is(j, shelf, one, NULL);
  UNIT_EQ(fse_journal_put(j, shelf, one, "fine", 4, &err), 0);
  shelf_is(j, shelf, one, "fine");
  shelf_is(j, shelf, two, NULL);
  UNIT_EQ(fse_journal_put(j, shelf, two, "other", 5, &err), 0);
  UNIT_EQ(fse_journal_put(j, shelf, one, "opaque", 6, &err), 0);
  UNIT_EQ(fse_journal_prune(j, 2, &err), 0);
  fse_journal_close(j);
  j = must_open(path);
  shelf_is(j, shelf, one, "opaque");
  shelf_is(j, shelf, two, "other");
  UNIT_EQ(fse_journal_put(j, shelf, one, "x", (size_t)1 << 40, &err), -1);
  shelf_is(j, shelf, one, "opaque");
  UNIT_EQ(fse_journal_take(j, shelf, two, &err), 0);
  UNIT_EQ(fse_journal_take(j, shelf, two, &err), 0);
  shelf_is(j, shelf, two, NULL);
  shelf_is(j, shelf, one, "opaque");
  UNIT_EQ(fse_journal_prune(j, 0, &err), 0);
  shelf_is(j, shelf, one, pruned ? NULL : "opaque");
  fse_journal_close(j);
}

static void calibrations(void) {
  on_a_shelf(FSE_SHELF_CALIBRATIONS, false);
}

static void answers(void) {
  on_a_shelf(FSE_SHELF_ANSWERS, true);
}

static void scenes(void) {
  on_a_shelf(FSE_SHELF_SCENES, false);
}

static void versions_are_listed(void) {
  struct fse_journal *j = must_open(path_of("list.db"));
  struct fisa_error err = {""};
  struct seen s = {0};
  UNIT_EQ(accept_child(j, "b", 3, &err), 0);
  UNIT_EQ(accept_child(j, "a", 1, &err), 0);
  UNIT_EQ(accept_child(j, "a", 2, &err), 0);
  UNIT_EQ(fse_journal_versions(j, see_version, &err, &s), 0);
  UNIT_STR_EQ(s.text, "a 2 2;b 3 3;");
  fse_journal_close(j);
}

static void faults_and_programs(void) {
  struct fse_journal *j = must_open(path_of("faults.db"));
  struct fisa_error err = {""};
  UNIT_EQ(fse_journal_fault(j, "a", 3, 1004, 77, &err), 0);
  UNIT_EQ(fse_journal_fault(j, "a", UINT64_MAX, INT32_MIN, UINT32_MAX, NULL),
          0);
  UNIT_EQ(fse_journal_program(j, root(), &err), 0);
  UNIT_EQ(fse_journal_program(j, root(), &err), 0);
  fse_journal_close(j);
}

static void outcomes_have_names(void) {
  UNIT_STR_EQ(fse_outcome_name(FSE_ACCEPTED), "accepted");
  UNIT_STR_EQ(fse_outcome_name(FSE_WITHDRAWN), "withdrawn");
}

/* ---- one writer --------------------------------------------------------- */

static void a_second_opener(void) {
  const char *path = path_of("second.db");
  struct fse_journal *j = must_open(path), *ro = NULL;
  struct fisa_error err = {""};
  UNIT_EQ(accept_child(j, "a", 1, &err), 0);
  refused(path, "in use by another plugin of this process");
  version_is(j, "a", 1);
  UNIT_TRUE(fse_journal_open_ro(path, &ro, &err) == 0, "%s", err.text);
  if (ro != NULL) version_is(ro, "a", 1);
  UNIT_EQ(accept_child(j, "a", 2, &err), 0);
  if (ro != NULL) {
    version_is(ro, "a", 2);
    UNIT_EQ(accept_child(ro, "a", 3, &err), -1);
    UNIT_TRUE(strstr(err.text, "second.db") != NULL, "%s", err.text);
  }
  fse_journal_close(ro);
  fse_journal_close(j);
  j = must_open(path);
  fse_journal_close(j);
}

/* A name that means no file any more, or another one: nothing is accepted. */
static void a_lost_name(void) {
  const char *path = path_of("lost.db");
  char other[512];
  struct fse_journal *j = must_open(path);
  struct fisa_error err = {""};
  int fd;
  UNIT_EQ(accept_child(j, "a", 1, &err), 0);
  snprintf(other, sizeof other, "%s.away", path);
  UNIT_EQ(rename(path, other), 0);
  UNIT_EQ(accept_child(j, "a", 2, &err), -1);
  UNIT_TRUE(strstr(err.text, "lost.db\": the file is gone") != NULL, "%s",
            err.text);
  fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  UNIT_TRUE(fd >= 0, "made again");
  close(fd);
  UNIT_EQ(accept_child(j, "a", 2, &err), -1);
  UNIT_TRUE(strstr(err.text, "lost.db\": the file was replaced") != NULL,
            "%s", err.text);
  UNIT_EQ(rename(other, path), 0);
  UNIT_EQ(accept_child(j, "a", 2, &err), 0);
  fse_journal_close(j);
}

/* Another process; after it is killed the journal is free. */
static void a_second_process(void) {
  const char *path = path_of("process.db");
  int ready[2], status;
  char c = 0;
  pid_t pid;
  UNIT_EQ(pipe(ready), 0);
  pid = fork();
  if (pid == 0) {
    struct fse_journal *j = NULL;
    if (fse_journal_open(path, &j, NULL) != 0) _exit(1);
    (void)!write(ready[1], "x", 1);
    for (;;) pause();
  }
  UNIT_EQ(read(ready[0], &c, 1), 1);
  refused(path, "in use by another process");
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  close(ready[0]);
  close(ready[1]);
  fse_journal_close(must_open(path));
}

#define THREADS 4
#define EACH 25

static struct fse_journal *shared;

static void *many_writes(void *arg) {
  const char *agent = arg;
  for (uint32_t i = 1; i <= EACH; i++)
    if (accept_child(shared, agent, i, NULL) != 0) return arg;
  return NULL;
}

static void threads_share_one(void) {
  static char names[THREADS][4] = {"t0", "t1", "t2", "t3"};
  pthread_t id[THREADS];
  struct seen s = {0};
  struct fisa_error err = {""};
  root();
  shared = must_open(path_of("threads.db"));
  for (int i = 0; i < THREADS; i++)
    pthread_create(&id[i], NULL, many_writes, names[i]);
  for (int i = 0; i < THREADS; i++) {
    void *failed;
    pthread_join(id[i], &failed);
    UNIT_TRUE(failed == NULL, "thread %d", i);
  }
  for (int i = 0; i < THREADS; i++) version_is(shared, names[i], EACH);
  UNIT_EQ(fse_journal_records(shared, NULL, see_record, &err, &s), 0);
  UNIT_EQ(s.count, THREADS * EACH);
  fse_journal_close(shared);
}

/* ---- kill -9 ------------------------------------------------------------ */

/* Accepts versions for ever. Tells each number after it is committed, and
 * writes records of trials between, as a host does. */
static void writer(const char *path, int told) {
  struct fse_journal *j = NULL;
  if (fse_journal_open(path, &j, NULL) != 0) _exit(1);
  for (uint32_t i = 1;; i++) {
    struct fisa_program *p = child(i + 1);
    struct fse_record r = record_of("a", i, p);
    r.outcome = FSE_REVERTED;
    if (fse_journal_program(j, p, NULL) != 0 ||
        fse_journal_record(j, &r, NULL, NULL) != 0)
      _exit(1);
    fisa_program_free(p);
    if (accept_child(j, "a", i, NULL) != 0) _exit(1);
    if (write(told, &i, sizeof i) != (ssize_t)sizeof i) _exit(1);
  }
}

/* What is live after the kill: the last one told, or the one after it, whose
 * commit nobody heard of. Never one that was only tried. */
static void check_survivor(const char *path, uint32_t last) {
  struct fse_journal *j = must_open(path);
  struct fisa_error err = {""};
  struct fse_stored s;
  struct seen seen = {0};
  int rc;
  if (j == NULL) return;
  rc = fse_journal_version(j, "a", root(), &s, &err);
  UNIT_TRUE(rc == 1 || (rc == 0 && last == 0), "%d: %s", rc, err.text);
  if (rc == 1) {
    struct fisa_program *p = child((uint32_t)s.patch);
    UNIT_TRUE(s.patch == last || s.patch == last + 1, "version %llu, not %u",
              (unsigned long long)s.patch, last);
    UNIT_MEM_EQ(s.program->hash, p->hash, 32);
    fisa_program_free(p);
    stored_done(&s);
  }
  UNIT_EQ(fse_journal_records(j, "a", see_record, &err, &seen), 0);
  UNIT_TRUE(seen.count >= 2 * last && seen.count <= 2 * last + 2,
            "%u records after %u", seen.count, last);
  fse_journal_close(j);
}

static void killed_at_any_moment(void) {
  unsigned long rounds = unit_scale(50);
  uint64_t random = 42;
  root();
  for (unsigned long n = 0; n < rounds; n++) {
    char name[32];
    const char *path;
    int told[2], status;
    uint32_t last = 0, v;
    pid_t pid;
    snprintf(name, sizeof name, "kill%lu.db", n);
    path = path_of(name);
    if (pipe(told) != 0) return;
    pid = fork();
    if (pid == 0) {
      close(told[0]);
      writer(path, told[1]);
    }
    close(told[1]);
    usleep((useconds_t)isa_below(&random, 60000));
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    UNIT_TRUE(WIFSIGNALED(status), "the writer failed by itself");
    while (read(told[0], &v, sizeof v) == (ssize_t)sizeof v) last = v;
    close(told[0]);
    check_survivor(path, last);
  }
}

/* ---- no journals -------------------------------------------------------- */

static void put_file(const char *path, const void *bytes, size_t n) {
  FILE *f = fopen(path, "wb");
  UNIT_TRUE(f != NULL, "%s", path);
  if (f == NULL) return;
  UNIT_EQ(fwrite(bytes, 1, n, f), n);
  fclose(f);
}

static void not_sqlite(void) {
  static char text[8192];
  memset(text, 'x', sizeof text);
  put_file(path_of("text.db"), text, sizeof text);
  refused(path_of("text.db"), "not a SQLite database");
  put_file(path_of("short.db"), "hello", 5);
  refused(path_of("short.db"), "not a SQLite database");
  memcpy(text, "SQLite format 3", 16);
  put_file(path_of("head.db"), text, sizeof text);
  refused(path_of("head.db"), "head.db");
}

/* Runs SQL on a file behind the journal's back. */
static void sql(const char *path, const char *text) {
  sqlite3 *db = NULL;
  char *why = NULL;
  UNIT_EQ(sqlite3_open(path, &db), SQLITE_OK);
  UNIT_TRUE(sqlite3_exec(db, text, NULL, NULL, &why) == SQLITE_OK, "%s", why);
  sqlite3_free(why);
  sqlite3_close(db);
}

static void foreign_databases(void) {
  const char *path = path_of("foreign.db");
  sql(path, "CREATE TABLE t(a); PRAGMA application_id = 1234;");
  refused(path, "another program's database");
  path = path_of("plain.db");
  sql(path, "CREATE TABLE t(a)");
  refused(path, "another program's database");
  path = path_of("versioned.db");
  sql(path, "PRAGMA user_version = 1");
  refused(path, "another program's database");
}

static void set_schema(const char *path, int schema) {
  char text[64];
  snprintf(text, sizeof text, "PRAGMA user_version = %d", schema);
  sql(path, text);
}

static void a_newer_schema(void) {
  const char *path = path_of("newer.db");
  char want[80];
  fse_journal_close(must_open(path));
  set_schema(path, FSE_JOURNAL_SCHEMA + 1);
  snprintf(want, sizeof want, "has schema %d; this version knows %d at most",
           FSE_JOURNAL_SCHEMA + 1, FSE_JOURNAL_SCHEMA);
  refused(path, want);
  set_schema(path, FSE_JOURNAL_SCHEMA);
  fse_journal_close(must_open(path));
}

/* ---- rules -------------------------------------------------------------- */

/* What a list of rules holds: names' first bytes, builds', who is revoked. */
struct listed {
  unsigned count, most;
  uint8_t name[4], build[4];
  bool revoked[4];
};

static int list_rule(const struct fse_stored_rule *r, void *user) {
  struct listed *l = user;
  if (l->count == 4) return 1;
  l->name[l->count] = r->name[0];
  l->build[l->count] = r->build[0];
  l->revoked[l->count++] = r->revoked;
  return l->count == l->most;
}

static void put_rule(struct fse_journal *j, uint8_t name, uint8_t build) {
  const uint8_t n[32] = {name}, b[32] = {build};
  const struct fse_stored_rule r = {n, b, (const uint8_t *)"rule", 4, false};
  UNIT_EQ(fse_journal_rule_put(j, &r, NULL), 0);
}

/* Rules are listed in the order of their coming, with who proved them last;
 * one that was revoked stays that, whether it was there or not. */
static void rules_are_kept(struct fse_journal *j) {
  const uint8_t two[32] = {2}, nine[32] = {9};
  struct listed l = {0};
  for (uint8_t i = 1; i <= 3; i++) put_rule(j, i, 50);
  put_rule(j, 1, 51);
  UNIT_EQ(fse_journal_rule_revoke(j, two, NULL), 0);
  UNIT_EQ(fse_journal_rule_revoke(j, nine, NULL), 0);
  put_rule(j, 2, 52);
  put_rule(j, 9, 52);
  UNIT_EQ(fse_journal_rules(j, list_rule, NULL, &l), 0);
  UNIT_EQ(l.count, 4);
  UNIT_TRUE(l.name[0] == 1 && l.name[1] == 2 && l.name[2] == 3 &&
                l.name[3] == 9, "in order");
  UNIT_TRUE(l.build[0] == 51 && l.build[2] == 50, "who proved it");
  UNIT_TRUE(!l.revoked[0] && l.revoked[1] && !l.revoked[2] && l.revoked[3],
            "revoked for good");
  l = (struct listed){.most = 2};
  UNIT_EQ(fse_journal_rules(j, list_rule, NULL, &l), 0);
  UNIT_EQ(l.count, 2);
}

static void rules(void) {
  struct fse_journal *j = must_open(path_of("rules.db"));
  rules_are_kept(j);
  fse_journal_close(j);
}

/* What a version owes comes back with it, and pruning leaves its rules. */
static void versions_owe(void) {
  struct fse_journal *j = must_open(path_of("owe.db"));
  struct fisa_program *p = child(5);
  struct fse_uses uses = {.count = 2, .name = {{3}, {1}}};
  const struct fse_version v = {p, root(), places, 4, false, &uses};
  const struct fse_record r = record_of("a", 5, p);
  struct fse_stored s = {0};
  struct listed l = {0};
  const uint8_t one[32] = {1}, three[32] = {3};
  for (uint8_t i = 1; i <= 4; i++) put_rule(j, i, 50);
  UNIT_EQ(fse_journal_record(j, &r, &v, NULL), 0);
  UNIT_EQ(fse_journal_version(j, "a", root(), &s, NULL), 1);
  UNIT_TRUE(s.uses.count == 2 && !s.uses.more && fse_uses_has(&s.uses, one) &&
                fse_uses_has(&s.uses, three), "both");
  stored_done(&s);
  UNIT_EQ(fse_journal_prune(j, 1, NULL), 0);
  UNIT_EQ(fse_journal_rules(j, list_rule, NULL, &l), 0);
  UNIT_TRUE(l.count == 3 && l.name[0] == 1 && l.name[1] == 3 &&
                l.name[2] == 4, "what is owed, and the newest");
  uses.more = true;
  UNIT_EQ(fse_journal_record(j, &r, &v, NULL), 0);
  UNIT_EQ(fse_journal_version(j, "a", root(), &s, NULL), 1);
  UNIT_TRUE(s.uses.count == 2 && s.uses.more, "and maybe others");
  stored_done(&s);
  fse_journal_close(j);
  fisa_program_free(p);
}

/* A file of the first schema gets what came since, and keeps what it has. */
static void an_older_schema(void) {
  const char *path = path_of("older.db");
  struct fisa_error err = {""};
  struct fse_journal *j = must_open(path);
  uint8_t key[32] = {7};
  UNIT_EQ(fse_journal_put(j, FSE_SHELF_CALIBRATIONS, key, "old", 3, &err), 0);
  UNIT_EQ(accept_child(j, "a", 3, &err), 0);
  fse_journal_close(j);
  sql(path, "DROP TABLE answers; DROP TABLE scenes;"
            "ALTER TABLE versions DROP COLUMN tuned;"
            "DROP TABLE uses; DROP TABLE rules;"
            "CREATE TABLE rules(id INTEGER PRIMARY KEY,"
            " dialect BLOB NOT NULL, rule TEXT NOT NULL)");
  set_schema(path, 1);
  j = must_open(path);
  shelf_is(j, FSE_SHELF_CALIBRATIONS, key, "old");
  UNIT_EQ(fse_journal_put(j, FSE_SHELF_ANSWERS, key, "new", 3, &err), 0);
  shelf_is(j, FSE_SHELF_ANSWERS, key, "new");
  version_is(j, "a", 3);
  UNIT_EQ(accept_child(j, "a", 4, &err), 0);
  version_is(j, "a", 4);
  rules_are_kept(j);
  fse_journal_close(j);
}

/* A tuned version is told from others, is the root of its own versions, and
 * the next one ends what it had of those. */
static void tuned_versions(void) {
  struct fse_journal *j = must_open(path_of("tuned.db"));
  struct fisa_error err = {""};
  struct fse_stored s = {0};
  struct fisa_program *tuned = child(7), *better = child(8);
  struct fse_version v = {tuned, root(), places, 4, true, NULL};
  struct fse_record r = record_of("a", 7, tuned);
  UNIT_EQ(accept_child(j, "a", 3, &err), 0);
  UNIT_EQ(fse_journal_record(j, &r, &v, &err), 0);
  UNIT_EQ(fse_journal_version(j, "a", root(), &s, &err), 1);
  UNIT_TRUE(s.tuned && s.patch == r.patch, "patch %llu",
            (unsigned long long)s.patch);
  stored_done(&s);
  /* A version of the new root beside it. */
  UNIT_EQ(fse_journal_version(j, "a", tuned, &s, &err), 0);
  v = (struct fse_version){better, tuned, places, 4, false, NULL};
  r = record_of("a", 8, better);
  UNIT_EQ(fse_journal_record(j, &r, &v, &err), 0);
  UNIT_EQ(fse_journal_version(j, "a", tuned, &s, &err), 1);
  UNIT_TRUE(!s.tuned, "what preserves is not tuned");
  stored_done(&s);
  /* Tuned to the same again: it begins without them. */
  v = (struct fse_version){tuned, root(), places, 4, true, NULL};
  r = record_of("a", 9, tuned);
  UNIT_EQ(fse_journal_record(j, &r, &v, &err), 0);
  UNIT_EQ(fse_journal_version(j, "a", tuned, &s, &err), 0);
  UNIT_EQ(fse_journal_version(j, "a", root(), &s, &err), 1);
  UNIT_TRUE(s.tuned && s.patch == r.patch, "patch %llu",
            (unsigned long long)s.patch);
  stored_done(&s);
  fisa_program_free(tuned);
  fisa_program_free(better);
  fse_journal_close(j);
}

static void triggers_are_refused(void) {
  const char *path = path_of("trigger.db");
  fse_journal_close(must_open(path));
  sql(path, "CREATE TRIGGER t AFTER INSERT ON records BEGIN"
            " DELETE FROM versions; END");
  refused(path, "triggers or views");
}

static void a_table_is_missing(void) {
  const char *path = path_of("table.db");
  struct fse_journal *j;
  struct fisa_error err = {""};
  fse_journal_close(must_open(path));
  sql(path, "DROP TABLE versions");
  j = must_open(path);
  UNIT_EQ(accept_child(j, "a", 1, &err), -1);
  UNIT_TRUE(strstr(err.text, "table.db") != NULL, "%s", err.text);
  UNIT_EQ(fse_journal_version(j, "a", root(), &(struct fse_stored){0}, &err),
          -1);
  fse_journal_close(j);
}

static void no_files(void) {
  char path[600];
  UNIT_EQ(mkdir(path_of("folder.db"), 0700), 0);
  refused(path_of("folder.db"), "is a folder");
  UNIT_EQ(mkfifo(path_of("fifo.db"), 0600), 0);
  refused(path_of("fifo.db"), "no plain file");
  snprintf(path, sizeof path, "%s/nowhere/x.db", unit_tmpdir());
  refused(path, "No such file");
  snprintf(path, sizeof path, "%s/empty.db/x.db", unit_tmpdir());
  put_file(path_of("empty.db"), "", 0);
  refused(path, "x.db");
}

static void long_paths_show_their_end(void) {
  static char path[4000];
  size_t n = (size_t)snprintf(path, sizeof path, "%s/", unit_tmpdir());
  memset(path + n, 'a', sizeof path - n - 12);
  snprintf(path + sizeof path - 12, 12, "/the_end.db");
  refused(path, "...");
}

static void unreadable(void) {
  const char *path = path_of("unreadable.db");
  if (geteuid() == 0) {
    unit_skip("root reads everything");
    return;
  }
  fse_journal_close(must_open(path));
  UNIT_EQ(chmod(path, 0), 0);
  refused(path, "Permission denied");
  UNIT_EQ(chmod(path, 0600), 0);
}

/* ---- damage ------------------------------------------------------------- */

static size_t read_file(const char *path, uint8_t *out, size_t capacity) {
  FILE *f = fopen(path, "rb");
  size_t n = f != NULL ? fread(out, 1, capacity, f) : 0;
  if (f != NULL) fclose(f);
  return n;
}

/* Opens a file of any content and asks it everything. Whatever it says, it
 * says a sentence and comes back. */
static void interrogate(const char *path) {
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  struct fse_stored s;
  struct seen seen = {0};
  uint8_t *blob = NULL;
  size_t size;
  int rc;
  if (fse_journal_open(path, &j, &err) != 0) {
    UNIT_TRUE(err.text[0] != '\0', "a sentence");
    return;
  }
  rc = fse_journal_version(j, "a", root(), &s, &err);
  if (rc == 1) {
    struct fisa_program *p = child((uint32_t)s.patch);
    UNIT_MEM_EQ(s.program->hash, p->hash, 32);
    fisa_program_free(p);
    stored_done(&s);
  }
  (void)fse_journal_records(j, NULL, see_record, &err, &seen);
  (void)fse_journal_counters(j, root()->hash, see_blob, &err, &seen);
  (void)fse_journal_get(j, FSE_SHELF_CALIBRATIONS, root()->hash, &blob, &size,
                        &err);
  free(blob);
  (void)accept_child(j, "z", 1, &err);
  fse_journal_close(j);
}

static uint8_t image[1 << 18], broken[1 << 18];

/* A journal with something in it, as bytes. */
static size_t make_image(const char *name) {
  const char *path = path_of(name);
  struct fisa_error err = {""};
  struct fse_journal *j = must_open(path);
  for (uint32_t i = 1; i <= 20; i++)
    UNIT_EQ(accept_child(j, i % 2 ? "a" : "b", i, &err), 0);
  UNIT_EQ(fse_journal_counter_add(j, root()->hash, "xyz", 3, &err), 0);
  UNIT_EQ(fse_journal_put(j, FSE_SHELF_CALIBRATIONS, root()->hash, "abc", 3,
                          &err), 0);
  fse_journal_close(j);
  return read_file(path, image, sizeof image);
}

static void write_case(const char *path, size_t n) {
  char wal[560];
  snprintf(wal, sizeof wal, "%s-wal", path);
  unlink(wal);
  snprintf(wal, sizeof wal, "%s-shm", path);
  unlink(wal);
  put_file(path, broken, n);
}

static void truncated(void) {
  size_t n = make_image("whole1.db");
  const char *path = path_of("cut.db");
  UNIT_TRUE(n > 4096, "%zu bytes", n);
  for (size_t cut = 1; cut < n; cut += n / unit_scale(40) + 1) {
    memcpy(broken, image, n);
    write_case(path, cut);
    interrogate(path);
  }
}

static void garbled(void) {
  size_t n = make_image("whole2.db");
  const char *path = path_of("garbled.db");
  uint64_t random = 7;
  for (unsigned long i = 0; i < unit_scale(300); i++) {
    uint32_t bytes = 1 + isa_below(&random, 40);
    memcpy(broken, image, n);
    while (bytes-- > 0)
      broken[isa_below(&random, (uint32_t)n)] =
          (uint8_t)isa_random(&random);
    write_case(path, n);
    interrogate(path);
  }
}

/* Values that no journal would write, each found when it is read. */
static void impossible_values(void) {
  static const char *const changes[] = {
      "UPDATE programs SET code = zeroblob(10)",
      "UPDATE programs SET code = zeroblob(0)",
      "UPDATE programs SET code = zeroblob(70000)",
      "UPDATE programs SET code = 'text'",
      "UPDATE programs SET entry = 9999",
      "UPDATE programs SET entry = -1",
      "UPDATE programs SET entry = 'x'",
      "UPDATE programs SET entry = 1",
      "UPDATE versions SET places = zeroblob(7)",
      "UPDATE versions SET places = zeroblob(16)",
      "UPDATE versions SET places = x'ffffffffffffffff'",
      "UPDATE versions SET places = zeroblob(800000)",
      "UPDATE versions SET generation = -1",
      "UPDATE versions SET patch = -1",
      "UPDATE versions SET generation = 99999999999",
  };
  for (unsigned i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    const char *path = path_of("impossible.db");
    struct fisa_error err = {""};
    struct fse_stored s;
    struct fse_journal *j;
    unlink(path);
    j = must_open(path);
    UNIT_EQ(accept_child(j, "a", 5, &err), 0);
    fse_journal_close(j);
    sql(path, changes[i]);
    j = must_open(path);
    UNIT_TRUE(fse_journal_version(j, "a", root(), &s, &err) == -1, "%s",
              changes[i]);
    UNIT_TRUE(strstr(err.text, "impossible.db") != NULL &&
                  strstr(err.text, "damaged") != NULL,
              "%s: %s", changes[i], err.text);
    UNIT_TRUE(s.program == NULL && s.places == NULL, "nothing is given");
    fse_journal_close(j);
  }
}

static void impossible_records(void) {
  static const char *const changes[] = {
      "UPDATE records SET outcome = 5",
      "UPDATE records SET outcome = -1",
      "UPDATE records SET assurance = 77",
      "UPDATE records SET parent = zeroblob(31)",
      "UPDATE records SET child = zeroblob(64)",
      "UPDATE records SET generation = -5",
  };
  for (unsigned i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    const char *path = path_of("impossible2.db");
    struct fisa_error err = {""};
    struct seen seen = {0};
    struct fse_journal *j;
    unlink(path);
    j = must_open(path);
    UNIT_EQ(accept_child(j, "a", 5, &err), 0);
    fse_journal_close(j);
    sql(path, changes[i]);
    j = must_open(path);
    UNIT_TRUE(fse_journal_records(j, NULL, see_record, &err, &seen) == -1,
              "%s", changes[i]);
    UNIT_TRUE(strstr(err.text, "a record") != NULL, "%s", err.text);
    fse_journal_close(j);
  }
}

/* ---- a full disk -------------------------------------------------------- */

/* In a child: no file may grow over a limit. Accepts until it cannot, then
 * looks whether the last accepted version is still the live one. */
static int fill_disk(const char *path) {
  struct rlimit limit = {150000, 150000};
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  struct fse_stored s;
  uint32_t i = 0;
  int rc;
  signal(SIGXFSZ, SIG_IGN);
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  if (fse_journal_open(path, &j, NULL) != 0) return 3;
  while (accept_child(j, "a", i + 1, &err) == 0)
    if (++i == 100000) return 4;
  if (strstr(err.text, "full.db") == NULL) return 5;
  rc = fse_journal_version(j, "a", root(), &s, &err);
  if (rc != 1 || s.patch != i) return 6;
  stored_done(&s);
  fse_journal_close(j);
  j = NULL;
  if (fse_journal_open_ro(path, &j, &err) != 0) return 7;
  rc = fse_journal_version(j, "a", root(), &s, &err);
  if (rc != 1 || s.patch != i) return 8;
  stored_done(&s);
  fse_journal_close(j);
  return 0;
}

static void a_full_disk(void) {
  const char *path = path_of("full.db");
  int status = 0;
  pid_t pid;
  root();
  pid = fork();
  if (pid == 0) _exit(fill_disk(path));
  waitpid(pid, &status, 0);
  UNIT_TRUE(WIFEXITED(status), "status %d", status);
  UNIT_EQ(WEXITSTATUS(status), 0);
  fse_journal_close(must_open(path));
}

static void full_from_the_start(void) {
  const char *path = path_of("none.db");
  int status = 0;
  pid_t pid = fork();
  if (pid == 0) {
    struct rlimit limit = {2000, 2000};
    struct fse_journal *j = NULL;
    struct fisa_error err = {""};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    if (fse_journal_open(path, &j, &err) == 0) _exit(1);
    _exit(strstr(err.text, "none.db") == NULL ? 2 : 0);
  }
  waitpid(pid, &status, 0);
  UNIT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d",
            status);
  fse_journal_close(must_open(path));
}

/* ---- pruning ------------------------------------------------------------ */

static void pruned(void) {
  const char *path = path_of("pruned.db");
  struct fse_journal *j = must_open(path);
  struct fisa_error err = {""};
  struct seen s = {0};
  UNIT_EQ(accept_child(j, "old", 1, &err), 0);
  UNIT_EQ(fse_journal_counter_add(j, root()->hash, "kept", 4, &err), 0);
  for (uint32_t i = 2; i <= 60; i++) {
    struct fisa_program *p = child(i);
    struct fse_record r = record_of("a", i, p);
    uint8_t other[32] = {(uint8_t)i};
    r.outcome = FSE_REJECTED;
    UNIT_EQ(fse_journal_program(j, p, &err), 0);
    UNIT_EQ(fse_journal_record(j, &r, NULL, &err), 0);
    UNIT_EQ(fse_journal_fault(j, "a", i, 2, 0, &err), 0);
    UNIT_EQ(fse_journal_counter_add(j, other, "gone", 4, &err), 0);
    fisa_program_free(p);
  }
  UNIT_EQ(fse_journal_prune(j, 5, &err), 0);
  UNIT_EQ(fse_journal_records(j, NULL, see_record, &err, &s), 0);
  UNIT_EQ(s.count, 6);
  UNIT_EQ(s.last.patch, 60);
  memset(&s, 0, sizeof s);
  UNIT_EQ(fse_journal_records(j, "old", see_record, &err, &s), 0);
  UNIT_EQ(s.count, 1);
  s.text[0] = '\0';
  UNIT_EQ(fse_journal_counters(j, root()->hash, see_blob, &err, &s), 0);
  UNIT_STR_EQ(s.text, "4:kept ");
  version_is(j, "old", 1);
  UNIT_EQ(fse_journal_prune(j, 0, &err), 0);
  version_is(j, "old", 1);
  fse_journal_close(j);
  j = must_open(path);
  version_is(j, "old", 1);
  fse_journal_close(j);
}

static void read_only_needs_a_journal(void) {
  struct fse_journal *j = NULL;
  struct fisa_error err = {""};
  UNIT_EQ(fse_journal_open_ro(path_of("absent.db"), &j, &err), -1);
  UNIT_TRUE(strstr(err.text, "absent.db") != NULL, "%s", err.text);
  put_file(path_of("void.db"), "", 0);
  UNIT_EQ(fse_journal_open_ro(path_of("void.db"), &j, &err), -1);
  UNIT_TRUE(strstr(err.text, "is empty") != NULL, "%s", err.text);
}

static const struct unit_test tests[] = {
    {"keeping", "an empty one", an_empty_one},
    {"keeping", "versions", versions_come_back},
    {"keeping", "roots", versions_belong_to_roots},
    {"keeping", "demoted", demoted},
    {"lists", "records", records_come_back},
    {"lists", "counterexamples", counterexamples},
    {"lists", "calibrations", calibrations},
    {"lists", "answers", answers},
    {"lists", "scenes", scenes},
    {"lists", "versions", versions_are_listed},
    {"lists", "faults and programs", faults_and_programs},
    {"lists", "outcomes", outcomes_have_names},
    {"writer", "second opener", a_second_opener},
    {"writer", "second process", a_second_process},
    {"writer", "lost name", a_lost_name},
    {"writer", "threads", threads_share_one},
    {"writer", "read-only", read_only_needs_a_journal},
    {"kill", "at any moment", killed_at_any_moment},
    {"refused", "not SQLite", not_sqlite},
    {"refused", "foreign", foreign_databases},
    {"refused", "newer", a_newer_schema},
    {"rules", "kept", rules},
    {"rules", "owed", versions_owe},
    {"migrations", "older", an_older_schema},
    {"refused", "triggers", triggers_are_refused},
    {"refused", "missing table", a_table_is_missing},
    {"refused", "no files", no_files},
    {"refused", "long paths", long_paths_show_their_end},
    {"refused", "unreadable", unreadable},
    {"damage", "truncated", truncated},
    {"damage", "garbled", garbled},
    {"damage", "versions", impossible_values},
    {"damage", "records", impossible_records},
    {"full disk", "while running", a_full_disk},
    {"full disk", "from the start", full_from_the_start},
    {"pruning", "keeps versions", pruned},
    {"tuned", "tuned", tuned_versions},
};

UNIT_MAIN(tests)
