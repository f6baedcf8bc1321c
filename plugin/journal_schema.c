/*
 * plugin/journal_schema.c - the journal's tables, how old files become new
 * ones, and what is no journal.
 */
#include <assert.h>
#include <string.h>

#include "plugin/journal_impl.h"

/* Machine steps of SQLite that the check of a file may take: a damaged file
 * of any size is looked at for a second or so. */
#define CHECK_SLICE 1000
#define CHECK_SLICES 50000

/* ---- migrations --------------------------------------------------------- */

static const char schema_1[] =
    "CREATE TABLE programs("
    " hash BLOB PRIMARY KEY NOT NULL CHECK(length(hash) = 32),"
    " code BLOB NOT NULL, entry INTEGER NOT NULL,"
    " boundary INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE versions("
    " id INTEGER PRIMARY KEY, agent TEXT NOT NULL,"
    " root BLOB NOT NULL REFERENCES programs(hash),"
    " program BLOB NOT NULL REFERENCES programs(hash),"
    " places BLOB NOT NULL, generation INTEGER NOT NULL,"
    " patch INTEGER NOT NULL, live INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX versions_live ON versions(agent, root)"
    " WHERE live = 1;"
    "CREATE TABLE records("
    " id INTEGER PRIMARY KEY, agent TEXT NOT NULL, patch INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, kind TEXT NOT NULL,"
    " fitness_before REAL, fitness_after REAL,"
    " cost_before REAL, cost_after REAL, outcome INTEGER NOT NULL,"
    " assurance INTEGER NOT NULL, reason TEXT NOT NULL,"
    " parent BLOB NOT NULL, child BLOB NOT NULL,"
    " time_ms INTEGER NOT NULL);"
    "CREATE INDEX records_agent ON records(agent);"
    "CREATE TABLE counterexamples("
    " id INTEGER PRIMARY KEY, root BLOB NOT NULL, state BLOB NOT NULL,"
    " UNIQUE(root, state));"
    "CREATE TABLE episodes("
    " id INTEGER PRIMARY KEY, root BLOB NOT NULL, state BLOB NOT NULL);"
    "CREATE TABLE rules("
    " id INTEGER PRIMARY KEY, dialect BLOB NOT NULL, rule TEXT NOT NULL);"
    "CREATE TABLE calibrations("
    " key BLOB PRIMARY KEY NOT NULL, verdict BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE faults("
    " id INTEGER PRIMARY KEY, agent TEXT NOT NULL,"
    " version INTEGER NOT NULL, code INTEGER NOT NULL, pc INTEGER NOT NULL,"
    " time_ms INTEGER NOT NULL);";

static int to_1(struct fse_journal *j, struct fisa_error *err) {
  return fse_journal__exec(j, schema_1, err);
}

/* What searches found. */
static int to_2(struct fse_journal *j, struct fisa_error *err) {
  return fse_journal__exec(
      j, "CREATE TABLE answers("
         " id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,"
         " answer BLOB NOT NULL);", err);
}

/* Versions that do other things than their root. */
static int to_3(struct fse_journal *j, struct fisa_error *err) {
  return fse_journal__exec(j, "ALTER TABLE versions ADD COLUMN"
                              " tuned INTEGER NOT NULL DEFAULT 0;", err);
}

/* Rules, which no file has had yet, and what owes them something. */
static int to_4(struct fse_journal *j, struct fisa_error *err) {
  return fse_journal__exec(
      j, "DROP TABLE rules;"
         "CREATE TABLE rules("
         " id INTEGER PRIMARY KEY,"
         " name BLOB NOT NULL UNIQUE CHECK(length(name) = 32),"
         " build BLOB NOT NULL CHECK(length(build) = 32),"
         " rule BLOB NOT NULL, revoked INTEGER NOT NULL);"
         "CREATE TABLE uses("
         " program BLOB NOT NULL, rule BLOB NOT NULL,"
         " PRIMARY KEY(program, rule)) WITHOUT ROWID;", err);
}

/* What tunings were found on. */
static int to_5(struct fse_journal *j, struct fisa_error *err) {
  return fse_journal__exec(j, "CREATE TABLE scenes("
                              " id INTEGER PRIMARY KEY,"
                              " key BLOB NOT NULL UNIQUE,"
                              " scenes BLOB NOT NULL);", err);
}

/* migrations[v] brings schema v to v + 1. */
static int (*const migrations[])(struct fse_journal *j,
                                 struct fisa_error *err) = {
    to_1, to_2, to_3, to_4, to_5};

_Static_assert(sizeof migrations / sizeof migrations[0] ==
                   FSE_JOURNAL_SCHEMA,
               "a migration a schema");

static int stamp(struct fse_journal *j, struct fisa_error *err) {
  char sql[128];
  sqlite3_snprintf(sizeof sql, sql,
                   "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                   FSE_JOURNAL_APPLICATION, FSE_JOURNAL_SCHEMA);
  return fse_journal__exec(j, sql, err);
}

int fse_journal__migrate(struct fse_journal *j, struct fisa_error *err) {
  int64_t version;
  if (fse_journal__number(j, "PRAGMA user_version", &version, err) != 0)
    return -1;
  assert(version >= 0 && version <= FSE_JOURNAL_SCHEMA);
  if (version == FSE_JOURNAL_SCHEMA) return 0;
  if (fse_journal__exec(j, "BEGIN IMMEDIATE", err) != 0) return -1;
  for (; version < FSE_JOURNAL_SCHEMA; version++)
    if (migrations[version](j, err) != 0) goto fail;
  if (stamp(j, err) == 0 && fse_journal__exec(j, "COMMIT", err) == 0)
    return 0;
fail:
  (void)sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
  return -1;
}

/* ---- checks ------------------------------------------------------------- */

static int no_more(void *left) {
  return --*(int *)left <= 0;
}

/* SQLite's own check. One that takes too long has found nothing so far. */
static int undamaged(struct fse_journal *j, struct fisa_error *err) {
  int left = CHECK_SLICES, rc;
  bool good = true;
  sqlite3_stmt *s = fse_journal__prepare(j, "PRAGMA quick_check(1)", err);
  if (s == NULL) return -1;
  sqlite3_progress_handler(j->db, CHECK_SLICE, no_more, &left);
  rc = sqlite3_step(s);
  sqlite3_progress_handler(j->db, 0, NULL, NULL);
  if (rc == SQLITE_ROW) {
    const unsigned char *text = sqlite3_column_text(s, 0);
    good = text != NULL && strcmp((const char *)text, "ok") == 0;
  }
  sqlite3_finalize(s);
  if (rc != SQLITE_ROW && rc != SQLITE_INTERRUPT)
    return fse_journal__fail(j, "cannot be read", err);
  return good ? 0 : fisa_fail(err, "journal \"%s\" is damaged", j->name);
}

/* Code that runs by itself in a file that came from elsewhere: none. */
static int no_triggers(struct fse_journal *j, struct fisa_error *err) {
  int64_t n;
  if (fse_journal__number(j,
                          "SELECT count(*) FROM sqlite_master"
                          " WHERE type IN ('trigger', 'view')",
                          &n, err) != 0)
    return -1;
  return n == 0 ? 0
                : fisa_fail(err, "journal \"%s\" holds triggers or views, "
                                 "which no journal does", j->name);
}

int fse_journal__check(struct fse_journal *j, struct fisa_error *err) {
  int64_t application, version, objects;
  if (fse_journal__number(j, "PRAGMA application_id", &application, err) ||
      fse_journal__number(j, "PRAGMA user_version", &version, err) ||
      fse_journal__number(j, "SELECT count(*) FROM sqlite_master", &objects,
                          err))
    return -1;
  if (application == 0 && version == 0 && objects == 0) return 0;
  if (application != FSE_JOURNAL_APPLICATION)
    return fisa_fail(err, "\"%s\" is no journal: another program's database",
                     j->name);
  if (version > FSE_JOURNAL_SCHEMA)
    return fisa_fail(err, "journal \"%s\" has schema %lld; this version knows "
                          "%d at most: it was written by a newer one",
                     j->name, (long long)version, FSE_JOURNAL_SCHEMA);
  if (version < 0 || (version > 0 && objects == 0))
    return fisa_fail(err, "journal \"%s\" is damaged", j->name);
  if (no_triggers(j, err) != 0) return -1;
  return undamaged(j, err);
}
