/*
 * hostsdk/scan.h - a scanner for the one-line texts of a config: signatures,
 * calls, places. Blanks separate and mean nothing. Positions in sentences
 * count from 1. Private to libfluxhost.
 */
#ifndef FLUX_HOSTSDK_SCAN_H
#define FLUX_HOSTSDK_SCAN_H

#include "isa/dialect.h"

#pragma GCC visibility push(hidden)

struct fhost_scan {
  const char *text;
  size_t at;
};

/* A run of characters inside the text. */
struct fhost_word {
  const char *start;
  size_t length;
};

/* Consumes `what` if it comes next. */
bool fhost_scan_take(struct fhost_scan *s, const char *what);

/* Consumes an identifier ([A-Za-z_][A-Za-z0-9_]*), if one comes next. */
bool fhost_scan_word(struct fhost_scan *s, struct fhost_word *out);

/* Consumes an integer, decimal or 0x hex, with an optional minus. Returns
 * false, nothing consumed, if none comes next or it does not fit. */
bool fhost_scan_int(struct fhost_scan *s, int64_t *out);

/* Whether nothing but blanks is left. */
bool fhost_scan_end(struct fhost_scan *s);

/* Fails with "... expected EXPECTED at position N of "TEXT"". Returns -1. */
int fhost_scan_fail(struct fhost_scan *s, const char *expected,
                    struct fisa_error *err);

bool fhost_word_is(const struct fhost_word *w, const char *text);

/* Copies a word with its NUL; false if it does not fit. */
bool fhost_word_copy(const struct fhost_word *w, char *out, size_t capacity);

#pragma GCC visibility pop

#endif /* FLUX_HOSTSDK_SCAN_H */
