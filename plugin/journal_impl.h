/*
 * plugin/journal_impl.h - what the files of the journal share. Private.
 */
#ifndef FLUX_PLUGIN_JOURNAL_IMPL_H
#define FLUX_PLUGIN_JOURNAL_IMPL_H

#include <pthread.h>
#include <sys/types.h>

#include <sqlite3.h>

#include "plugin/journal.h"

#define FSE_JOURNAL_APPLICATION 0x464C5558  /* "FLUX" */
#define FSE_JOURNAL_NAME 112  /* bytes of a path in a sentence, at most */

struct fse_journal {
  sqlite3 *db;
  pthread_mutex_t lock;        /* around every use of db */
  int lock_fd;                 /* the side file; -1: read-only */
  struct fse_journal *next;    /* held by this process */
  char *path;                  /* where it was opened; NULL: read-only */
  dev_t device;                /* the file that was opened there */
  ino_t inode;
  char name[FSE_JOURNAL_NAME]; /* the path, or its end, for sentences */
};

/* The sentence for what SQLite just reported. Always returns -1. */
int fse_journal__fail(struct fse_journal *j, const char *what,
                      struct fisa_error *err);

/* Runs statements without results. 0 or -1. */
int fse_journal__exec(struct fse_journal *j, const char *sql,
                      struct fisa_error *err);

/* Prepares; on failure returns NULL with err. */
sqlite3_stmt *fse_journal__prepare(struct fse_journal *j, const char *sql,
                                   struct fisa_error *err);

/* The one number a query gives. 0 or -1. */
int fse_journal__number(struct fse_journal *j, const char *sql, int64_t *out,
                        struct fisa_error *err);

/* A transaction: holds the lock where it began. `rc` says whether to commit;
 * it is what is returned, or -1. */
int fse_journal__begin(struct fse_journal *j, struct fisa_error *err);
int fse_journal__end(struct fse_journal *j, int rc, struct fisa_error *err);

/* Steps a statement that gives no rows, and ends it. */
int fse_journal__run(struct fse_journal *j, sqlite3_stmt *s,
                     struct fisa_error *err);

/* ---- journal_rules.c ---------------------------------------------------- */

/* Notes what a program owes, within a transaction. */
int fse_journal__uses_put(struct fse_journal *j, const uint8_t program[32],
                          const struct fse_uses *uses,
                          struct fisa_error *err);

/* ---- journal_schema.c --------------------------------------------------- */

/* Whether this is a journal, or an empty file, and undamaged. 0 or -1. */
int fse_journal__check(struct fse_journal *j, struct fisa_error *err);

/* Brings a checked file to FSE_JOURNAL_SCHEMA. 0 or -1, then unchanged. */
int fse_journal__migrate(struct fse_journal *j, struct fisa_error *err);

#endif /* FLUX_PLUGIN_JOURNAL_IMPL_H */
