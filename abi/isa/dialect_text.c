/*
 * isa/dialect_text.c - lines, words, numbers and error sentences.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "isa/dialect_impl.h"

int fisa__bad(struct fisa_loader *l, const char *format, ...) {
  char reason[160];
  va_list ap;

  assert(l && format);
  va_start(ap, format);
  vsnprintf(reason, sizeof reason, format, ap);
  va_end(ap);
  return fisa_fail(l->err, "%.60s:%u: %s%s%s%s%s%s", l->where, l->line,
                   l->row ? "row " : "", l->row ? l->row : "",
                   l->row ? ": " : "", l->field ? l->field : "",
                   l->field ? ": " : "", reason);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool is_text(const char *p, const char *end) {
  unsigned char c = (unsigned char)*p;

  if (c == '\r')
    return p + 1 < end && p[1] == '\n';
  return (c >= 0x20 && c < 0x7F) || c == '\t' || c == '\n';
}

int fisa__text_begin(struct fisa_loader *l, const char *text, size_t length) {
  assert(l && l->where);
  l->line = 1;
  if (length > FISA_MAX_TEXT)
    return fisa__bad(l, "the text is longer than %u bytes", FISA_MAX_TEXT);
  if (length == 0)
    return fisa__bad(l, "the text is empty");
  for (const char *p = text; p < text + length; p++) {
    if (!is_text(p, text + length))
      return fisa__bad(l, "byte 0x%02X is not text", (unsigned char)*p);
    l->line += *p == '\n';
  }
  l->line = 0;
  l->next = text;
  l->end = text + length;
  return 0;
}

/* A # is a comment at the start of a line, or where blanks (or the line's
 * end) stand on both sides: templates have their own # in front of values. */
static size_t comment_at(const char *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (p[i] == '#' &&
        (i == 0 || (is_blank(p[i - 1]) &&
                    (i + 1 == n || is_blank(p[i + 1]) || p[i + 1] == '\r'))))
      return i;
  return n;
}

static struct fisa_span trim(struct fisa_span s) {
  while (s.n > 0 && is_blank(*s.p))
    s.p++, s.n--;
  while (s.n > 0 && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r'))
    s.n--;
  return s;
}

bool fisa__line(struct fisa_loader *l, struct fisa_span *line) {
  assert(l && line);
  while (l->next < l->end) {
    const char *p = l->next;
    const char *nl = memchr(p, '\n', (size_t)(l->end - p));
    size_t n = nl ? (size_t)(nl - p) : (size_t)(l->end - p);

    l->next = nl ? nl + 1 : l->end;
    l->line++;
    *line = trim((struct fisa_span){p, n});
    line->n = comment_at(line->p, line->n);
    *line = trim(*line);
    if (line->n > 0)
      return true;
  }
  return false;
}

struct fisa_span fisa__word(struct fisa_span *rest) {
  struct fisa_span word;

  assert(rest);
  *rest = trim(*rest);
  word.p = rest->p;
  word.n = 0;
  while (word.n < rest->n && !is_blank(rest->p[word.n]))
    word.n++;
  rest->p += word.n;
  rest->n -= word.n;
  return word;
}

struct fisa_span fisa__until(struct fisa_span *rest, char sep) {
  struct fisa_span part = {rest->p, 0};
  size_t taken;

  while (part.n < rest->n && rest->p[part.n] != sep)
    part.n++;
  taken = part.n < rest->n ? part.n + 1 : part.n;
  rest->p += taken;
  rest->n -= taken;
  return trim(part);
}

bool fisa__is(struct fisa_span s, const char *text) {
  assert(text);
  return strlen(text) == s.n && memcmp(s.p, text, s.n) == 0;
}

static int digit_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return 99;
}

int fisa__number(struct fisa_loader *l, struct fisa_span s, int64_t lo,
                 int64_t hi, int64_t *out) {
  bool minus = s.n > 0 && *s.p == '-';
  size_t i = minus ? 1 : 0;
  int base = 10;
  int64_t v = 0;

  assert(lo <= hi && out);
  if (s.n - i > 2 && s.p[i] == '0' && (s.p[i + 1] == 'x' || s.p[i + 1] == 'X'))
    base = 16, i += 2;
  if (i >= s.n)
    return fisa__bad(l, "a number is missing");
  for (; i < s.n; i++) {
    int digit = digit_value(s.p[i]);
    if (digit >= base)
      return fisa__bad(l, "\"%.*s\" is not a number", FISA_QUOTE(s));
    if (v > INT64_C(0xFFFFFFFFFFFF))
      return fisa__bad(l, "%.*s is out of range", FISA_QUOTE(s));
    v = v * base + digit;
  }
  if (minus)
    v = -v;
  if (v < lo || v > hi)
    return fisa__bad(l, "%.*s is not within %lld..%lld", FISA_QUOTE(s),
                     (long long)lo, (long long)hi);
  *out = v;
  return 0;
}

static bool is_name_char(char c, bool first) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
    return true;
  return !first && c >= '0' && c <= '9';
}

int fisa__name(struct fisa_loader *l, struct fisa_span s,
               char out[FISA_MAX_NAME]) {
  assert(out);
  if (s.n == 0)
    return fisa__bad(l, "a name is missing");
  if (s.n >= FISA_MAX_NAME)
    return fisa__bad(l, "the name \"%.*s\" is longer than %d characters",
                     FISA_QUOTE(s), FISA_MAX_NAME - 1);
  for (size_t i = 0; i < s.n; i++)
    if (!is_name_char(s.p[i], i == 0))
      return fisa__bad(l, "\"%.*s\" is no name", FISA_QUOTE(s));
  memcpy(out, s.p, s.n);
  out[s.n] = '\0';
  return 0;
}
