/*
 * plugin/journal_read.c - everything that reads.
 *
 * What stands in the file is data from outside: lengths, ranges and hashes
 * are checked before a value is used, and what does not fit is damage.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/bytes.h"
#include "plugin/journal_impl.h"

static int damaged(struct fse_journal *j, const char *what,
                   struct fisa_error *err) {
  return fisa_fail(err, "journal \"%s\" is damaged: %s", j->name, what);
}

/* ---- columns ------------------------------------------------------------ */

static bool column_u32(sqlite3_stmt *s, int i, uint32_t *out) {
  int64_t v = sqlite3_column_int64(s, i);
  if (sqlite3_column_type(s, i) != SQLITE_INTEGER || v < 0 || v > UINT32_MAX)
    return false;
  *out = (uint32_t)v;
  return true;
}

static bool column_hash(sqlite3_stmt *s, int i, uint8_t out[32]) {
  const void *p = sqlite3_column_blob(s, i);
  if (p == NULL || sqlite3_column_bytes(s, i) != 32) return false;
  memcpy(out, p, 32);
  return true;
}

static bool column_text(sqlite3_stmt *s, int i, char *out, size_t capacity) {
  const unsigned char *p = sqlite3_column_text(s, i);
  if (p == NULL) return false;
  snprintf(out, capacity, "%s", (const char *)p);
  return true;
}

/* ---- what a program owes ------------------------------------------------ */

static int read_uses(struct fse_journal *j, const uint8_t program[32],
                     struct fse_uses *out, struct fisa_error *err) {
  static const uint8_t any[32];
  uint8_t name[32];
  sqlite3_stmt *s = fse_journal__prepare(
      j, "SELECT rule FROM uses WHERE program = ? ORDER BY rule", err);
  int step;
  if (s == NULL) return -1;
  sqlite3_bind_blob(s, 1, program, 32, SQLITE_STATIC);
  while ((step = sqlite3_step(s)) == SQLITE_ROW) {
    /* What cannot be read may be any. */
    if (!column_hash(s, 0, name) || memcmp(name, any, sizeof any) == 0)
      out->more = true;
    else
      fse_uses_add(out, name);
  }
  sqlite3_finalize(s);
  return step == SQLITE_DONE ? 0 : fse_journal__fail(j, "cannot be read", err);
}

/* ---- the live version --------------------------------------------------- */

/* Places that ascend and lie in both programs, or nothing. */
static int read_places(sqlite3_stmt *s, int i, const struct fisa_program *root,
                       struct fse_stored *out) {
  const uint8_t *blob = sqlite3_column_blob(s, i);
  int size = sqlite3_column_bytes(s, i);
  uint32_t n = (uint32_t)size / 8;
  if (size < 0 || size % 8 != 0 || n > root->size ||
      (n > 0 && blob == NULL))
    return 1;
  out->places = malloc((n + 1) * sizeof *out->places);
  if (out->places == NULL) return -1;
  if (n > 0) {
    struct fse_reader r = {blob, blob + size, false};
    fse_get_places(&r, out->places, n, root->size, out->program->size);
    if (!fse_get_ended(&r)) return 1;
  }
  out->place_count = n;
  return 0;
}

/* Columns: code, entry, boundary, hash, places, generation, patch, tuned. */
static int read_version(struct fse_journal *j, sqlite3_stmt *s,
                        const struct fisa_program *original,
                        struct fse_stored *out, struct fisa_error *err) {
  const void *code = sqlite3_column_blob(s, 0);
  int size = sqlite3_column_bytes(s, 0), rc;
  uint32_t entry, boundary;
  uint8_t hash[32];
  if (code == NULL || size <= 0 || size > (int)FISA_MAX_CODE ||
      !column_u32(s, 1, &entry) || !column_u32(s, 2, &boundary) ||
      entry >= (uint32_t)size || !column_hash(s, 3, hash) ||
      !column_u32(s, 5, &out->generation) ||
      sqlite3_column_int64(s, 6) < 0)
    return damaged(j, "a version's program", err);
  if (original->manifest.boundary.kind == FISA_BOUNDARY_PC &&
      boundary >= (uint32_t)size)
    return damaged(j, "a version's boundary", err);
  out->patch = (uint64_t)sqlite3_column_int64(s, 6);
  out->tuned = sqlite3_column_int(s, 7) != 0;
  out->program = fisa_program_derive(original, code, (size_t)size, entry,
                                     boundary);
  if (out->program == NULL) return fisa_fail(err, "out of memory");
  if (memcmp(out->program->hash, hash, 32) != 0)
    return damaged(j, "a stored program has another hash", err);
  rc = read_places(s, 4, original, out);
  if (rc < 0) return fisa_fail(err, "out of memory");
  return rc == 0 ? 0 : damaged(j, "the places of a version", err);
}

int fse_journal_version(struct fse_journal *j, const char *agent,
                        const struct fisa_program *original,
                        struct fse_stored *out, struct fisa_error *err) {
  sqlite3_stmt *s;
  int rc = -1;
  assert(j != NULL && agent != NULL && original != NULL && out != NULL);
  memset(out, 0, sizeof *out);
  pthread_mutex_lock(&j->lock);
  s = fse_journal__prepare(
      j, "SELECT p.code, p.entry, p.boundary, p.hash, v.places,"
         " v.generation, v.patch, v.tuned FROM versions v JOIN programs p"
         " ON p.hash = v.program"
         " WHERE v.agent = ? AND v.root = ? AND v.live = 1", err);
  if (s == NULL) goto done;
  sqlite3_bind_text(s, 1, agent, -1, SQLITE_STATIC);
  sqlite3_bind_blob(s, 2, original->hash, 32, SQLITE_STATIC);
  switch (sqlite3_step(s)) {
    case SQLITE_ROW:
      rc = read_version(j, s, original, out, err) == 0 &&
                   read_uses(j, out->program->hash, &out->uses, err) == 0
               ? 1
               : -1;
      break;
    case SQLITE_DONE:
      rc = 0;
      break;
    default:
      fse_journal__fail(j, "cannot be read", err);
      break;
  }
done:
  sqlite3_finalize(s);
  pthread_mutex_unlock(&j->lock);
  if (rc < 0) {
    fisa_program_free(out->program);
    free(out->places);
    memset(out, 0, sizeof *out);
  }
  return rc;
}

/* ---- lists -------------------------------------------------------------- */

/* Steps a query and hands each row to `row`, which returns 0 to go on, 1 to
 * stop, -1 for damage. Ends the statement. */
struct reader {
  struct fse_journal *j;
  sqlite3_stmt *s;
  int (*row)(struct reader *r, struct fisa_error *err);
  union {
    int (*record)(const struct fse_record *r, void *user);
    int (*blob)(const void *blob, size_t size, void *user);
    int (*version)(const char *agent, uint32_t generation,
                   const uint8_t *code, uint32_t size, uint32_t entry,
                   void *user);
    int (*rule)(const struct fse_stored_rule *r, void *user);
  } each;
  void *user;
};

static int read_all(struct reader *r, struct fisa_error *err) {
  int rc, answer = 0;
  while ((rc = sqlite3_step(r->s)) == SQLITE_ROW && answer == 0)
    answer = r->row(r, err);
  if (answer == 0 && rc != SQLITE_DONE)
    answer = fse_journal__fail(r->j, "cannot be read", err);
  sqlite3_finalize(r->s);
  return answer < 0 ? -1 : 0;
}

static int record_row(struct reader *r, struct fisa_error *err) {
  struct fse_record out;
  sqlite3_stmt *s = r->s;
  int outcome = sqlite3_column_int(s, 8), assurance = sqlite3_column_int(s, 9);
  memset(&out, 0, sizeof out);
  if (!column_text(s, 0, out.agent, sizeof out.agent) ||
      !column_u32(s, 2, &out.generation) ||
      !column_text(s, 3, out.kind, sizeof out.kind) ||
      !column_text(s, 10, out.reason, sizeof out.reason) ||
      !column_hash(s, 11, out.parent) || !column_hash(s, 12, out.child) ||
      outcome < 0 || outcome > FSE_WITHDRAWN || assurance < 0 ||
      assurance > FSE_ASSURE_PROOF)
    return damaged(r->j, "a record", err);
  out.patch = (uint64_t)sqlite3_column_int64(s, 1);
  out.fitness_before = sqlite3_column_double(s, 4);
  out.fitness_after = sqlite3_column_double(s, 5);
  out.cost_before = sqlite3_column_double(s, 6);
  out.cost_after = sqlite3_column_double(s, 7);
  out.outcome = (enum fse_outcome)outcome;
  out.assurance = (enum fse_assurance)assurance;
  out.time_ms = sqlite3_column_int64(s, 13);
  return r->each.record(&out, r->user) != 0;
}

int fse_journal_records(struct fse_journal *j, const char *agent,
                        int (*each)(const struct fse_record *r, void *user),
                        struct fisa_error *err, void *user) {
  struct reader r = {.j = j, .row = record_row, .user = user};
  int rc = -1;
  assert(j != NULL && each != NULL);
  r.each.record = each;
  pthread_mutex_lock(&j->lock);
  r.s = fse_journal__prepare(
      j, "SELECT agent, patch, generation, kind, fitness_before,"
         " fitness_after, cost_before, cost_after, outcome, assurance,"
         " reason, parent, child, time_ms FROM records"
         " WHERE ?1 IS NULL OR agent = ?1 ORDER BY id", err);
  if (r.s != NULL) {
    if (agent != NULL) sqlite3_bind_text(r.s, 1, agent, -1, SQLITE_STATIC);
    rc = read_all(&r, err);
  }
  pthread_mutex_unlock(&j->lock);
  return rc;
}

static int blob_row(struct reader *r, struct fisa_error *err) {
  const void *blob = sqlite3_column_blob(r->s, 0);
  int size = sqlite3_column_bytes(r->s, 0);
  if (sqlite3_column_type(r->s, 0) != SQLITE_BLOB || size < 0)
    return damaged(r->j, "a counterexample", err);
  return r->each.blob(blob, (size_t)size, r->user) != 0;
}

int fse_journal_counters(struct fse_journal *j, const uint8_t root[32],
                         int (*each)(const void *blob, size_t size,
                                     void *user),
                         struct fisa_error *err, void *user) {
  struct reader r = {.j = j, .row = blob_row, .user = user};
  int rc = -1;
  assert(j != NULL && each != NULL);
  r.each.blob = each;
  pthread_mutex_lock(&j->lock);
  r.s = fse_journal__prepare(
      j, "SELECT state FROM counterexamples WHERE root = ? ORDER BY id", err);
  if (r.s != NULL) {
    sqlite3_bind_blob(r.s, 1, root, 32, SQLITE_STATIC);
    rc = read_all(&r, err);
  }
  pthread_mutex_unlock(&j->lock);
  return rc;
}

static int version_row(struct reader *r, struct fisa_error *err) {
  const uint8_t *code = sqlite3_column_blob(r->s, 2);
  int size = sqlite3_column_bytes(r->s, 2);
  uint32_t generation, entry;
  char agent[64];
  if (!column_text(r->s, 0, agent, sizeof agent) ||
      !column_u32(r->s, 1, &generation) || code == NULL || size <= 0 ||
      size > (int)FISA_MAX_CODE || !column_u32(r->s, 3, &entry) ||
      entry >= (uint32_t)size)
    return damaged(r->j, "a version", err);
  return r->each.version(agent, generation, code, (uint32_t)size, entry,
                         r->user) != 0;
}

int fse_journal_versions(struct fse_journal *j,
                         int (*each)(const char *agent, uint32_t generation,
                                     const uint8_t *code, uint32_t size,
                                     uint32_t entry, void *user),
                         struct fisa_error *err, void *user) {
  struct reader r = {.j = j, .row = version_row, .user = user};
  int rc = -1;
  assert(j != NULL && each != NULL);
  r.each.version = each;
  pthread_mutex_lock(&j->lock);
  r.s = fse_journal__prepare(
      j, "SELECT v.agent, v.generation, p.code, p.entry FROM versions v"
         " JOIN programs p ON p.hash = v.program WHERE v.live = 1"
         " ORDER BY v.agent, v.id", err);
  if (r.s != NULL) rc = read_all(&r, err);
  pthread_mutex_unlock(&j->lock);
  return rc;
}

/* A row that holds no rule is as good as none, and passed over. */
static int rule_row(struct reader *r, struct fisa_error *err) {
  struct fse_stored_rule rule = {
      .bytes = sqlite3_column_blob(r->s, 2),
      .size = (size_t)sqlite3_column_bytes(r->s, 2),
      .revoked = sqlite3_column_int(r->s, 3) != 0};
  uint8_t name[32], build[32];
  (void)err;
  if (!column_hash(r->s, 0, name) || !column_hash(r->s, 1, build) ||
      rule.bytes == NULL)
    return 0;
  rule.name = name;
  rule.build = build;
  return r->each.rule(&rule, r->user) != 0;
}

int fse_journal_rules(struct fse_journal *j,
                      int (*each)(const struct fse_stored_rule *r,
                                  void *user),
                      struct fisa_error *err, void *user) {
  struct reader r = {.j = j, .row = rule_row, .user = user};
  int rc = -1;
  assert(j != NULL && each != NULL);
  r.each.rule = each;
  pthread_mutex_lock(&j->lock);
  r.s = fse_journal__prepare(
      j, "SELECT name, build, rule, revoked FROM rules ORDER BY id", err);
  if (r.s != NULL) rc = read_all(&r, err);
  pthread_mutex_unlock(&j->lock);
  return rc;
}

/* ---- shelves ------------------------------------------------------------ */

/* Copies a column of bytes. 1 or -1. */
static int copy_blob(struct fse_journal *j, sqlite3_stmt *s, int i,
                     uint8_t **blob, size_t *size, struct fisa_error *err) {
  const void *bytes = sqlite3_column_blob(s, i);
  int n = sqlite3_column_bytes(s, i);
  if (sqlite3_column_type(s, i) != SQLITE_BLOB || n <= 0 || bytes == NULL)
    return damaged(j, "a value", err);
  *blob = malloc((size_t)n);
  if (*blob == NULL) return fisa_fail(err, "out of memory");
  memcpy(*blob, bytes, (size_t)n);
  *size = (size_t)n;
  return 1;
}

int fse_journal_get(struct fse_journal *j, enum fse_shelf shelf,
                    const uint8_t key[32], uint8_t **blob, size_t *size,
                    struct fisa_error *err) {
  static const char *const sql[] = {
      "SELECT verdict FROM calibrations WHERE key = ?",
      "SELECT answer FROM answers WHERE key = ?",
      "SELECT scenes FROM scenes WHERE key = ?",
  };
  sqlite3_stmt *s;
  int rc = -1;
  assert(j != NULL && blob != NULL && size != NULL);
  assert((unsigned)shelf < sizeof sql / sizeof sql[0]);
  pthread_mutex_lock(&j->lock);
  s = fse_journal__prepare(j, sql[shelf], err);
  if (s == NULL) goto done;
  sqlite3_bind_blob(s, 1, key, 32, SQLITE_STATIC);
  switch (sqlite3_step(s)) {
    case SQLITE_ROW:
      rc = copy_blob(j, s, 0, blob, size, err);
      break;
    case SQLITE_DONE:
      rc = 0;
      break;
    default:
      fse_journal__fail(j, "cannot be read", err);
      break;
  }
done:
  sqlite3_finalize(s);
  pthread_mutex_unlock(&j->lock);
  return rc;
}
