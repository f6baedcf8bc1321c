/*
 * hostsdk/scan.c - a scanner for the one-line texts of a config.
 */
#include "hostsdk/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Not <ctype.h>: a config means the same in every locale. */
static bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static void skip_blanks(struct fhost_scan *s) {
  assert(s->text);
  while (s->text[s->at] == ' ' || s->text[s->at] == '\t')
    s->at++;
}

bool fhost_scan_take(struct fhost_scan *s, const char *what) {
  size_t n = strlen(what);

  assert(n > 0);
  skip_blanks(s);
  if (strncmp(s->text + s->at, what, n) != 0)
    return false;
  s->at += n;
  return true;
}

bool fhost_scan_word(struct fhost_scan *s, struct fhost_word *out) {
  size_t end;

  skip_blanks(s);
  end = s->at;
  if (!is_word_start(s->text[end]))
    return false;
  while (is_word_start(s->text[end]) || is_digit(s->text[end]))
    end++;
  out->start = s->text + s->at;
  out->length = end - s->at;
  s->at = end;
  return true;
}

bool fhost_scan_int(struct fhost_scan *s, int64_t *out) {
  const char *start, *digits;
  char *end;
  bool hex;
  long long v;

  skip_blanks(s);
  start = s->text + s->at;
  digits = *start == '-' ? start + 1 : start;
  if (!is_digit(*digits))
    return false;
  hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  errno = 0;
  v = strtoll(start, &end, hex ? 16 : 10);
  /* "12ab" is no number followed by a word, and "0x" is no number. */
  if (errno != 0 || is_word_start(*end) || is_digit(*end))
    return false;
  s->at += (size_t)(end - start);
  *out = v;
  return true;
}

bool fhost_scan_end(struct fhost_scan *s) {
  skip_blanks(s);
  return s->text[s->at] == '\0';
}

int fhost_scan_fail(struct fhost_scan *s, const char *expected,
                    struct fisa_error *err) {
  assert(expected && *expected);
  skip_blanks(s);
  return fisa_fail(err, "expected %s at position %zu of \"%.80s\"", expected,
                   s->at + 1, s->text);
}

bool fhost_word_is(const struct fhost_word *w, const char *text) {
  return strlen(text) == w->length && memcmp(text, w->start, w->length) == 0;
}

bool fhost_word_copy(const struct fhost_word *w, char *out, size_t capacity) {
  assert(capacity > 0);
  if (w->length >= capacity)
    return false;
  memcpy(out, w->start, w->length);
  out[w->length] = '\0';
  return true;
}
