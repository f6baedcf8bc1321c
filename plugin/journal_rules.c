/*
 * plugin/journal_rules.c - rules, and which programs owe them something: what
 * is written.
 */
#include <assert.h>

#include "plugin/journal_impl.h"

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
