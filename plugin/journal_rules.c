/*
 * plugin/journal_rules.c - rules, and which programs owe them something.
 */
#include <assert.h>
#include <string.h>

#include "plugin/journal_impl.h"

/* ---- writing ------------------------------------------------------------ */

int fse_journal_rule_put(struct fse_journal *j,
                         const struct fse_stored_rule *r,
                         struct fisa_error *err) {
  sqlite3_stmt *s;
  assert(j != NULL && r->bytes != NULL && !r->revoked);
  if (fse_journal__begin(j, err) != 0) return -1;
  s = fse_journal__prepare(
      j, "INSERT INTO rules VALUES(NULL, ?1, ?2, ?3, 0)"
         " ON CONFLICT(name) DO UPDATE SET build = ?2 WHERE revoked = 0", err);
  if (s == NULL) return fse_journal__end(j, -1, err);
  sqlite3_bind_blob(s, 1, r->name, 32, SQLITE_STATIC);
  sqlite3_bind_blob(s, 2, r->build, 32, SQLITE_STATIC);
  sqlite3_bind_blob(s, 3, r->bytes, (int)r->size, SQLITE_STATIC);
  return fse_journal__end(j, fse_journal__run(j, s, err), err);
}

int fse_journal_rule_revoke(struct fse_journal *j, const uint8_t name[32],
                            struct fisa_error *err) {
  sqlite3_stmt *s;
  assert(j != NULL && name != NULL);
  if (fse_journal__begin(j, err) != 0) return -1;
  s = fse_journal__prepare(
      j, "INSERT INTO rules VALUES(NULL, ?1, zeroblob(32), zeroblob(1), 1)"
         " ON CONFLICT(name) DO UPDATE SET revoked = 1", err);
  if (s == NULL) return fse_journal__end(j, -1, err);
  sqlite3_bind_blob(s, 1, name, 32, SQLITE_STATIC);
  return fse_journal__end(j, fse_journal__run(j, s, err), err);
}

int fse_journal__uses_put(struct fse_journal *j, const uint8_t program[32],
                          const struct fse_uses *uses,
                          struct fisa_error *err) {
  /* More than fit: nobody's name stands for that. */
  static const uint8_t any[32];
  for (uint32_t i = 0; i < uses->count + uses->more; i++) {
    sqlite3_stmt *s = fse_journal__prepare(
        j, "INSERT OR IGNORE INTO uses VALUES(?, ?)", err);
    if (s == NULL) return -1;
    sqlite3_bind_blob(s, 1, program, 32, SQLITE_STATIC);
    sqlite3_bind_blob(s, 2, i < uses->count ? uses->name[i] : any, 32,
                      SQLITE_STATIC);
    if (fse_journal__run(j, s, err) != 0) return -1;
  }
  return 0;
}

/* ---- reading ------------------------------------------------------------ */

/* The bytes of a column, or NULL: it holds something else. */
static const uint8_t *column(sqlite3_stmt *s, int i, int size) {
  if (sqlite3_column_type(s, i) != SQLITE_BLOB ||
      (size > 0 && sqlite3_column_bytes(s, i) != size))
    return NULL;
  return sqlite3_column_blob(s, i);
}

/* Rows that hold no rule are passed over: they are as good as none. */
int fse_journal_rules(struct fse_journal *j,
                      int (*each)(const struct fse_stored_rule *r,
                                  void *user),
                      struct fisa_error *err, void *user) {
  sqlite3_stmt *s;
  int rc = -1, step, ended = 0;
  assert(j != NULL && each != NULL);
  pthread_mutex_lock(&j->lock);
  s = fse_journal__prepare(
      j, "SELECT name, build, rule, revoked FROM rules ORDER BY id", err);
  if (s == NULL) goto done;
  while ((step = sqlite3_step(s)) == SQLITE_ROW && !ended) {
    const struct fse_stored_rule r = {
        column(s, 0, 32), column(s, 1, 32), column(s, 2, 0),
        (size_t)sqlite3_column_bytes(s, 2), sqlite3_column_int(s, 3) != 0};
    if (r.name != NULL && r.build != NULL && r.bytes != NULL)
      ended = each(&r, user);
  }
  rc = ended || step == SQLITE_DONE
           ? 0
           : fse_journal__fail(j, "cannot be read", err);
  sqlite3_finalize(s);
done:
  pthread_mutex_unlock(&j->lock);
  return rc;
}

int fse_journal__uses_get(struct fse_journal *j, const uint8_t program[32],
                          struct fse_uses *out, struct fisa_error *err) {
  static const uint8_t any[32];
  sqlite3_stmt *s = fse_journal__prepare(
      j, "SELECT rule FROM uses WHERE program = ? ORDER BY rule", err);
  int step;
  memset(out, 0, sizeof *out);
  if (s == NULL) return -1;
  sqlite3_bind_blob(s, 1, program, 32, SQLITE_STATIC);
  while ((step = sqlite3_step(s)) == SQLITE_ROW) {
    const uint8_t *name = column(s, 0, 32);
    /* What cannot be read may be any. */
    if (name == NULL || memcmp(name, any, sizeof any) == 0) out->more = true;
    else fse_uses_add(out, name);
  }
  sqlite3_finalize(s);
  return step == SQLITE_DONE ? 0 : fse_journal__fail(j, "cannot be read", err);
}
