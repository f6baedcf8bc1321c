/*
 * plugin/journal.c - opening, and everything that writes.
 *
 * Each call is one transaction, committed with the file synced, so that what
 * was accepted is still accepted after the process, or the machine, stops at
 * any moment. A side file, PATH.lock, keeps a second process out: it is taken
 * before the database is touched.
 */
#include "plugin/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "plugin/bytes.h"
#include "plugin/journal_impl.h"

#define BUSY_MS 2000       /* for readers of the file that are in the way */
#define MAX_VALUE (1 << 24)/* bytes of a value in a file that is not trusted */

const char *fse_outcome_name(enum fse_outcome o) {
  static const char *const names[] = {"accepted", "rejected", "reverted",
                                      "recovered", "withdrawn"};
  assert((unsigned)o < sizeof names / sizeof names[0]);
  return names[o];
}

/* ---- SQLite ------------------------------------------------------------- */

int fse_journal__fail(struct fse_journal *j, const char *what,
                      struct fisa_error *err) {
  int code = sqlite3_errcode(j->db) & 0xFF;
  if (code == SQLITE_NOTADB)
    return fisa_fail(err, "\"%s\" is no journal: not a SQLite database",
                     j->name);
  if (code == SQLITE_CORRUPT)
    return fisa_fail(err, "journal \"%s\" is damaged", j->name);
  return fisa_fail(err, "journal \"%s\" %s: %s", j->name, what,
                   sqlite3_errmsg(j->db));
}

int fse_journal__exec(struct fse_journal *j, const char *sql,
                      struct fisa_error *err) {
  if (sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK) return 0;
  return fse_journal__fail(j, "cannot be written", err);
}

sqlite3_stmt *fse_journal__prepare(struct fse_journal *j, const char *sql,
                                   struct fisa_error *err) {
  sqlite3_stmt *s = NULL;
  assert(j->db != NULL);
  if (sqlite3_prepare_v2(j->db, sql, -1, &s, NULL) == SQLITE_OK) return s;
  fse_journal__fail(j, "cannot be read", err);
  return NULL;
}

int fse_journal__number(struct fse_journal *j, const char *sql, int64_t *out,
                        struct fisa_error *err) {
  sqlite3_stmt *s = fse_journal__prepare(j, sql, err);
  int rc = -1;
  if (s == NULL) return -1;
  if (sqlite3_step(s) == SQLITE_ROW) {
    *out = sqlite3_column_int64(s, 0);
    rc = 0;
  } else {
    fse_journal__fail(j, "cannot be read", err);
  }
  sqlite3_finalize(s);
  return rc;
}

/* ---- opening ------------------------------------------------------------ */

/* The end of a long path says more than its start. */
static void name_journal(struct fse_journal *j, const char *path) {
  size_t n = strlen(path);
  if (n < sizeof j->name) memcpy(j->name, path, n + 1);
  else snprintf(j->name, sizeof j->name, "...%s",
                path + n - (sizeof j->name - 4));
}

static struct fse_journal *journal_new(const char *path) {
  struct fse_journal *j = calloc(1, sizeof *j);
  if (j == NULL) return NULL;
  j->lock_fd = -1;
  pthread_mutex_init(&j->lock, NULL);
  name_journal(j, path);
  return j;
}

/* Only a plain file may become a journal. */
static int check_path(struct fse_journal *j, const char *path,
                      struct fisa_error *err) {
  struct stat st;
  if (stat(path, &st) != 0)
    return errno == ENOENT ? 0
                           : fisa_fail(err, "journal \"%s\": %s", j->name,
                                       strerror(errno));
  if (S_ISREG(st.st_mode)) return 0;
  return fisa_fail(err, "journal \"%s\" is %s", j->name,
                   S_ISDIR(st.st_mode) ? "a folder" : "no plain file");
}

/* The journals of this process: an flock does not say who has it. */
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fse_journal *held;

static void hold(struct fse_journal *j) {
  pthread_mutex_lock(&held_lock);
  j->next = held;
  held = j;
  pthread_mutex_unlock(&held_lock);
}

static void let_go(const struct fse_journal *j) {
  struct fse_journal **at = &held;
  pthread_mutex_lock(&held_lock);
  while (*at != NULL && *at != j) at = &(*at)->next;
  if (*at != NULL) *at = j->next;
  pthread_mutex_unlock(&held_lock);
}

static bool held_here(const struct fse_journal *j) {
  struct stat mine, other;
  bool found = false;
  assert(j->lock_fd >= 0);
  if (fstat(j->lock_fd, &mine) != 0) return false;
  pthread_mutex_lock(&held_lock);
  for (struct fse_journal *k = held; k != NULL; k = k->next)
    found |= fstat(k->lock_fd, &other) == 0 && other.st_dev == mine.st_dev &&
             other.st_ino == mine.st_ino;
  pthread_mutex_unlock(&held_lock);
  return found;
}

static int fail_lock(struct fse_journal *j, int why, struct fisa_error *err) {
  if (why != EWOULDBLOCK)
    return fisa_fail(err, "journal \"%s\" cannot be locked", j->name);
  return fisa_fail(err, "journal \"%s\" is in use by another %s", j->name,
                   held_here(j) ? "plugin of this process" : "process");
}

/* Takes the side file; it stays behind, and the lock goes with the process. */
static int take_lock(struct fse_journal *j, const char *path,
                     struct fisa_error *err) {
  char *side = sqlite3_mprintf("%s.lock", path);
  int rc = 0;
  if (side == NULL) return fisa_fail(err, "out of memory");
  j->lock_fd = open(side, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (j->lock_fd < 0)
    rc = fisa_fail(err, "journal \"%s\": its lock file cannot be opened: %s",
                   j->name, strerror(errno));
  else if (flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0)
    rc = fail_lock(j, errno, err);
  else
    hold(j);
  sqlite3_free(side);
  return rc;
}

/* The file exists before SQLite opens it, so that only its owner reads it. */
static int touch_file(struct fse_journal *j, const char *path,
                      struct fisa_error *err) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) {
    fisa_fail(err, "journal \"%s\": %s", j->name, strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
  }
  close(fd);
  j->device = st.st_dev;
  j->inode = st.st_ino;
  j->path = strdup(path);
  return j->path != NULL ? 0 : fisa_fail(err, "out of memory");
}

/* What is written to a file that has lost its name is gone with the process,
 * and SQLite does not look. */
static int still_there(const struct fse_journal *j, struct fisa_error *err) {
  struct stat st;
  if (j->path == NULL) return 0;
  if (stat(j->path, &st) != 0)
    return fisa_fail(err, "journal \"%s\": the file is gone: %s", j->name,
                     strerror(errno));
  if (st.st_dev == j->device && st.st_ino == j->inode) return 0;
  return fisa_fail(err, "journal \"%s\": the file was replaced", j->name);
}

static int open_db(struct fse_journal *j, const char *path, int flags,
                   struct fisa_error *err) {
  if (sqlite3_open_v2(path, &j->db, flags | SQLITE_OPEN_FULLMUTEX, NULL) !=
      SQLITE_OK) {
    if (j->db == NULL) return fisa_fail(err, "out of memory");
    return fse_journal__fail(j, "cannot be opened", err);
  }
  sqlite3_extended_result_codes(j->db, 1);
  sqlite3_busy_timeout(j->db, BUSY_MS);
  sqlite3_limit(j->db, SQLITE_LIMIT_LENGTH, MAX_VALUE);
  sqlite3_db_config(j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
#ifdef SQLITE_DBCONFIG_TRUSTED_SCHEMA
  sqlite3_db_config(j->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
#endif
  return 0;
}

int fse_journal_open(const char *path, struct fse_journal **out,
                     struct fisa_error *err) {
  struct fse_journal *j;
  assert(path != NULL && out != NULL);
  j = journal_new(path);
  if (j == NULL) return fisa_fail(err, "out of memory");
  if (check_path(j, path, err) != 0 || take_lock(j, path, err) != 0 ||
      touch_file(j, path, err) != 0 ||
      open_db(j, path, SQLITE_OPEN_READWRITE, err) != 0 ||
      fse_journal__check(j, err) != 0 ||
      fse_journal__exec(j,
                        "PRAGMA journal_mode = WAL;"
                        "PRAGMA synchronous = FULL;"
                        "PRAGMA foreign_keys = ON;", err) != 0 ||
      fse_journal__migrate(j, err) != 0) {
    fse_journal_close(j);
    return -1;
  }
  *out = j;
  return 0;
}

int fse_journal_place(const char *path, struct fisa_error *err) {
  struct fse_journal j;
  const char *slash = strrchr(path, '/');
  char *folder = NULL;
  int rc;
  name_journal(&j, path);
  if (check_path(&j, path, err) != 0) return -1;
  folder = slash == NULL ? strdup(".")
                         : strndup(path, (size_t)(slash - path) + 1);
  if (folder == NULL) return fisa_fail(err, "out of memory");
  rc = access(folder, R_OK | W_OK | X_OK);
  free(folder);
  if (rc == 0 && access(path, F_OK) == 0) rc = access(path, R_OK | W_OK);
  return rc == 0 ? 0 : fisa_fail(err, "journal \"%s\": %s", j.name,
                                 strerror(errno));
}

int fse_journal_open_ro(const char *path, struct fse_journal **out,
                        struct fisa_error *err) {
  struct fse_journal *j;
  int64_t version = 0;
  assert(path != NULL && out != NULL);
  j = journal_new(path);
  if (j == NULL) return fisa_fail(err, "out of memory");
  if (check_path(j, path, err) != 0 ||
      open_db(j, path, SQLITE_OPEN_READONLY, err) != 0 ||
      fse_journal__check(j, err) != 0 ||
      fse_journal__number(j, "PRAGMA user_version", &version, err) != 0)
    goto fail;
  if (version != FSE_JOURNAL_SCHEMA) {
    fisa_fail(err, "journal \"%s\" is empty, or of an older schema",
              j->name);
    goto fail;
  }
  *out = j;
  return 0;
fail:
  fse_journal_close(j);
  return -1;
}

void fse_journal_close(struct fse_journal *j) {
  if (j == NULL) return;
  sqlite3_close(j->db);
  let_go(j);
  free(j->path);
  if (j->lock_fd >= 0) close(j->lock_fd);
  pthread_mutex_destroy(&j->lock);
  free(j);
}

/* ---- writing ------------------------------------------------------------ */

int fse_journal__begin(struct fse_journal *j, struct fisa_error *err) {
  pthread_mutex_lock(&j->lock);
  if (still_there(j, err) == 0 &&
      fse_journal__exec(j, "BEGIN IMMEDIATE", err) == 0)
    return 0;
  pthread_mutex_unlock(&j->lock);
  return -1;
}

int fse_journal__end(struct fse_journal *j, int rc, struct fisa_error *err) {
  if (rc == 0) rc = fse_journal__exec(j, "COMMIT", err);
  if (rc == 0) rc = still_there(j, err);
  if (rc != 0 && !sqlite3_get_autocommit(j->db))
    (void)sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
  pthread_mutex_unlock(&j->lock);
  return rc;
}

int fse_journal__run(struct fse_journal *j, sqlite3_stmt *s,
               struct fisa_error *err) {
  int rc = 0;
  if (sqlite3_step(s) != SQLITE_DONE)
    rc = fse_journal__fail(j, "cannot be written", err);
  sqlite3_finalize(s);
  return rc;
}

static int put_program(struct fse_journal *j, const struct fisa_program *p,
                       struct fisa_error *err) {
  sqlite3_stmt *s = fse_journal__prepare(
      j, "INSERT OR IGNORE INTO programs VALUES(?, ?, ?, ?)", err);
  if (s == NULL) return -1;
  sqlite3_bind_blob(s, 1, p->hash, 32, SQLITE_STATIC);
  sqlite3_bind_blob(s, 2, p->code, (int)p->size, SQLITE_STATIC);
  sqlite3_bind_int64(s, 3, p->entry);
  sqlite3_bind_int64(s, 4, p->manifest.boundary.pc);
  return fse_journal__run(j, s, err);
}

static int put_record(struct fse_journal *j, const struct fse_record *r,
                      struct fisa_error *err) {
  sqlite3_stmt *s = fse_journal__prepare(
      j, "INSERT INTO records VALUES"
         "(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", err);
  if (s == NULL) return -1;
  sqlite3_bind_text(s, 1, r->agent, -1, SQLITE_STATIC);
  sqlite3_bind_int64(s, 2, (sqlite3_int64)r->patch);
  sqlite3_bind_int64(s, 3, r->generation);
  sqlite3_bind_text(s, 4, r->kind, -1, SQLITE_STATIC);
  sqlite3_bind_double(s, 5, r->fitness_before);
  sqlite3_bind_double(s, 6, r->fitness_after);
  sqlite3_bind_double(s, 7, r->cost_before);
  sqlite3_bind_double(s, 8, r->cost_after);
  sqlite3_bind_int(s, 9, (int)r->outcome);
  sqlite3_bind_int(s, 10, (int)r->assurance);
  sqlite3_bind_text(s, 11, r->reason, -1, SQLITE_STATIC);
  sqlite3_bind_blob(s, 12, r->parent, 32, SQLITE_STATIC);
  sqlite3_bind_blob(s, 13, r->child, 32, SQLITE_STATIC);
  sqlite3_bind_int64(s, 14, r->time_ms);
  return fse_journal__run(j, s, err);
}

/* No version of (agent, root) is live any more. */
static int end_live(struct fse_journal *j, const char *agent,
                    const uint8_t root[32], struct fisa_error *err) {
  sqlite3_stmt *s = fse_journal__prepare(
      j, "UPDATE versions SET live = 0 WHERE agent = ? AND root = ?"
         " AND live = 1", err);
  if (s == NULL) return -1;
  sqlite3_bind_text(s, 1, agent, -1, SQLITE_STATIC);
  sqlite3_bind_blob(s, 2, root, 32, SQLITE_STATIC);
  return fse_journal__run(j, s, err);
}

static int put_version(struct fse_journal *j, const struct fse_record *r,
                       const struct fse_version *v, struct fisa_error *err) {
  struct fse_writer places = {0};
  sqlite3_stmt *s;
  assert(v->program != NULL && v->root != NULL);
  if (put_program(j, v->root, err) != 0 ||
      put_program(j, v->program, err) != 0 ||
      end_live(j, r->agent, v->root->hash, err) != 0 ||
      /* What it had as a root before is over. */
      (v->tuned && end_live(j, r->agent, v->program->hash, err) != 0))
    return -1;
  fse_put_places(&places, v->places, v->place_count);
  if (places.failed) {
    free(places.bytes);
    return fisa_fail(err, "out of memory");
  }
  s = fse_journal__prepare(
      j, "INSERT INTO versions VALUES(NULL, ?, ?, ?, ?, ?, ?, 1, ?)", err);
  if (s == NULL) {
    free(places.bytes);
    return -1;
  }
  sqlite3_bind_text(s, 1, r->agent, -1, SQLITE_STATIC);
  sqlite3_bind_blob(s, 2, v->root->hash, 32, SQLITE_STATIC);
  sqlite3_bind_blob(s, 3, v->program->hash, 32, SQLITE_STATIC);
  if (places.size > 0)
    sqlite3_bind_blob(s, 4, places.bytes, (int)places.size, free);
  else
    sqlite3_bind_zeroblob(s, 4, 0);
  sqlite3_bind_int64(s, 5, r->generation);
  sqlite3_bind_int64(s, 6, (sqlite3_int64)r->patch);
  sqlite3_bind_int(s, 7, v->tuned);
  if (fse_journal__run(j, s, err) != 0) return -1;
  return v->uses == NULL
             ? 0
             : fse_journal__uses_put(j, v->program->hash, v->uses, err);
}

int fse_journal_program(struct fse_journal *j, const struct fisa_program *p,
                        struct fisa_error *err) {
  assert(j != NULL && p != NULL);
  if (fse_journal__begin(j, err) != 0) return -1;
  return fse_journal__end(j, put_program(j, p, err), err);
}

int fse_journal_record(struct fse_journal *j, const struct fse_record *r,
                       const struct fse_version *version,
                       struct fisa_error *err) {
  int rc;
  assert(j != NULL && r != NULL);
  if (fse_journal__begin(j, err) != 0) return -1;
  rc = version != NULL ? put_version(j, r, version, err) : 0;
  if (rc == 0) rc = put_record(j, r, err);
  return fse_journal__end(j, rc, err);
}

int fse_journal_demote(struct fse_journal *j, const struct fse_record *r,
                       struct fisa_error *err) {
  int rc;
  assert(j != NULL && r != NULL);
  if (fse_journal__begin(j, err) != 0) return -1;
  rc = end_live(j, r->agent, r->parent, err);
  if (rc == 0) rc = put_record(j, r, err);
  return fse_journal__end(j, rc, err);
}

int fse_journal_counter_add(struct fse_journal *j, const uint8_t root[32],
                            const void *blob, size_t size,
                            struct fisa_error *err) {
  sqlite3_stmt *s;
  assert(j != NULL && (blob != NULL || size == 0));
  if (size > MAX_VALUE)
    return fisa_fail(err, "journal \"%s\": a counterexample of %zu bytes",
                     j->name, size);
  if (fse_journal__begin(j, err) != 0) return -1;
  s = fse_journal__prepare(
      j, "INSERT OR IGNORE INTO counterexamples VALUES(NULL, ?, ?)", err);
  if (s == NULL) return fse_journal__end(j, -1, err);
  sqlite3_bind_blob(s, 1, root, 32, SQLITE_STATIC);
  if (size > 0) sqlite3_bind_blob(s, 2, blob, (int)size, SQLITE_STATIC);
  else sqlite3_bind_zeroblob(s, 2, 0);
  return fse_journal__end(j, fse_journal__run(j, s, err), err);
}

/* ---- shelves ------------------------------------------------------------ */

int fse_journal_put(struct fse_journal *j, enum fse_shelf shelf,
                    const uint8_t key[32], const void *blob, size_t size,
                    struct fisa_error *err) {
  static const char *const sql[] = {
      "INSERT OR REPLACE INTO calibrations(key, verdict) VALUES(?, ?)",
      "INSERT OR REPLACE INTO answers(key, answer) VALUES(?, ?)",
      "INSERT OR REPLACE INTO scenes(key, scenes) VALUES(?, ?)",
  };
  sqlite3_stmt *s;
  assert(j != NULL && blob != NULL);
  assert((unsigned)shelf < sizeof sql / sizeof sql[0]);
  if (size > MAX_VALUE)
    return fisa_fail(err, "journal \"%s\": a value of %zu bytes", j->name,
                     size);
  if (fse_journal__begin(j, err) != 0) return -1;
  s = fse_journal__prepare(j, sql[shelf], err);
  if (s == NULL) return fse_journal__end(j, -1, err);
  sqlite3_bind_blob(s, 1, key, 32, SQLITE_STATIC);
  sqlite3_bind_blob(s, 2, blob, (int)size, SQLITE_STATIC);
  return fse_journal__end(j, fse_journal__run(j, s, err), err);
}

int fse_journal_take(struct fse_journal *j, enum fse_shelf shelf,
                     const uint8_t key[32], struct fisa_error *err) {
  static const char *const sql[] = {"DELETE FROM calibrations WHERE key = ?",
                                    "DELETE FROM answers WHERE key = ?",
                                    "DELETE FROM scenes WHERE key = ?"};
  sqlite3_stmt *s;
  assert((unsigned)shelf < sizeof sql / sizeof sql[0]);
  if (fse_journal__begin(j, err) != 0) return -1;
  s = fse_journal__prepare(j, sql[shelf], err);
  if (s == NULL) return fse_journal__end(j, -1, err);
  sqlite3_bind_blob(s, 1, key, 32, SQLITE_STATIC);
  return fse_journal__end(j, fse_journal__run(j, s, err), err);
}

static int64_t wall_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int fse_journal_fault(struct fse_journal *j, const char *agent,
                      uint64_t version, int32_t code, uint32_t pc,
                      struct fisa_error *err) {
  sqlite3_stmt *s;
  assert(j != NULL && agent != NULL);
  if (fse_journal__begin(j, err) != 0) return -1;
  s = fse_journal__prepare(
      j, "INSERT INTO faults VALUES(NULL, ?, ?, ?, ?, ?)", err);
  if (s == NULL) return fse_journal__end(j, -1, err);
  sqlite3_bind_text(s, 1, agent, -1, SQLITE_STATIC);
  sqlite3_bind_int64(s, 2, (sqlite3_int64)version);
  sqlite3_bind_int(s, 3, code);
  sqlite3_bind_int64(s, 4, pc);
  sqlite3_bind_int64(s, 5, wall_ms());
  return fse_journal__end(j, fse_journal__run(j, s, err), err);
}

/* ---- pruning ------------------------------------------------------------ */

int fse_journal_prune(struct fse_journal *j, uint32_t keep,
                      struct fisa_error *err) {
  static const char *const prunes[] = {
      "DELETE FROM records WHERE id NOT IN"
      " (SELECT id FROM records ORDER BY id DESC LIMIT ?1)"
      " AND child NOT IN (SELECT program FROM versions)",
      "DELETE FROM faults WHERE id NOT IN"
      " (SELECT id FROM faults ORDER BY id DESC LIMIT ?1)",
      "DELETE FROM counterexamples WHERE root NOT IN"
      " (SELECT root FROM versions) AND id NOT IN"
      " (SELECT id FROM counterexamples ORDER BY id DESC LIMIT ?1)",
      "DELETE FROM answers WHERE id NOT IN"
      " (SELECT id FROM answers ORDER BY id DESC LIMIT ?1)",
      "DELETE FROM uses WHERE ?1 >= 0"
      " AND program NOT IN (SELECT program FROM versions)",
      /* A rule that was revoked stays, lest it be learned again. */
      "DELETE FROM rules WHERE revoked = 0"
      " AND name NOT IN (SELECT rule FROM uses) AND id NOT IN"
      " (SELECT id FROM rules ORDER BY id DESC LIMIT ?1)",
      "DELETE FROM programs WHERE ?1 >= 0"
      " AND hash NOT IN (SELECT root FROM versions)"
      " AND hash NOT IN (SELECT program FROM versions)"
      " AND hash NOT IN (SELECT parent FROM records)"
      " AND hash NOT IN (SELECT child FROM records)",
  };
  int rc = 0;
  assert(j != NULL);
  if (fse_journal__begin(j, err) != 0) return -1;
  for (unsigned i = 0; i < sizeof prunes / sizeof prunes[0] && rc == 0; i++) {
    sqlite3_stmt *s = fse_journal__prepare(j, prunes[i], err);
    if (s == NULL) return fse_journal__end(j, -1, err);
    sqlite3_bind_int64(s, 1, keep);
    rc = fse_journal__run(j, s, err);
  }
  return fse_journal__end(j, rc, err);
}
