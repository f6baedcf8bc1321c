/*
 * hostsdk/config_numbers.c - the whole numbers of a config, as written.
 *
 * libconfig before 1.7 keeps the low 32 bits of a number without an L and
 * says nothing, so the text is looked at before it is parsed. What is refused
 * here is refused with any libconfig: a config means the same everywhere.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/config_schema.h"

enum { INCLUDE_DEPTH = 10 };  /* libconfig's own limit */

struct text {
  const char *where, *folder;
  const char *at;
  unsigned line, depth;
  struct fisa_error *err;
};

static int check_text(const char *text, const char *where, const char *folder,
                      unsigned depth, struct fisa_error *err);

static bool in_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '*' ||
         c == '-';
}

/* Past a string; `into`, if any, gets what fits. */
static void skip_string(struct text *t, char *into, size_t capacity) {
  size_t n = 0;

  assert(*t->at == '"');
  for (t->at++; *t->at && *t->at != '"'; t->at++) {
    if (*t->at == '\\' && t->at[1])
      t->at++;
    if (*t->at == '\n')
      t->line++;
    if (into && n + 1 < capacity)
      into[n++] = *t->at;
  }
  if (into)
    into[n] = '\0';
  if (*t->at)
    t->at++;
}

/* Past a comment; false: none begins here. */
static bool skip_comment(struct text *t) {
  if (*t->at == '#' || (t->at[0] == '/' && t->at[1] == '/')) {
    t->at += strcspn(t->at, "\n");
    return true;
  }
  if (t->at[0] != '/' || t->at[1] != '*')
    return false;
  for (t->at += 2; *t->at && (t->at[0] != '*' || t->at[1] != '/'); t->at++)
    if (*t->at == '\n')
      t->line++;
  t->at += *t->at ? 2 : 0;
  return true;
}

/* Judges a word that begins with a digit. */
static int check_number(struct text *t, const char *word, size_t length,
                        bool minus) {
  bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
  bool is_long;
  const char *sign = minus ? "-" : "";
  unsigned long long v, most;
  char *end;

  if (length == 0 || *word < '0' || *word > '9')
    return 0;
  errno = 0;
  v = strtoull(word, &end, hex ? 16 : 10);
  is_long = *end == 'L';
  end += strspn(end, "L");
  if (end != word + length)
    return 0; /* with a point or an exponent, or no number */
  most = (is_long ? INT64_MAX : INT32_MAX) + (unsigned long long)minus;
  if (errno == 0 && v <= most)
    return 0;
  if (is_long || errno != 0 || v > (unsigned long long)INT64_MAX + minus)
    return fisa_fail(t->err, "%s:%u: %s%.*s does not fit into 64 bits",
                     t->where, t->line, sign, (int)(length < 60 ? length : 60),
                     word);
  return fisa_fail(t->err, "%s:%u: %s%.*s does not fit into 32 bits; with an "
                   "L behind it, it may have 64", t->where, t->line, sign,
                   (int)length, word);
}

/* A file that cannot be read is left to libconfig. */
static int check_include(struct text *t) {
  char name[PATH_MAX], path[PATH_MAX];
  char *text;
  FILE *f;
  size_t n;
  int rc = 0;

  t->at += strspn(t->at, " \t");
  if (*t->at != '"' || t->depth == INCLUDE_DEPTH)
    return 0;
  skip_string(t, name, sizeof name);
  if (snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : t->folder,
               name[0] == '/' ? "" : "/", name) >= (int)sizeof path)
    return 0;
  f = fopen(path, "rbe");
  text = malloc(FHOST_MAX_CONFIG + 1);
  if (f && text) {
    n = fread(text, 1, FHOST_MAX_CONFIG, f);
    text[n] = '\0';
    rc = check_text(text, path, t->folder, t->depth + 1, t->err);
  }
  free(text);
  if (f)
    fclose(f);
  return rc;
}

static int check_text(const char *text, const char *where, const char *folder,
                      unsigned depth, struct fisa_error *err) {
  struct text t = {where, folder, text, 1, depth, err};
  int rc = 0;

  while (rc == 0 && *t.at) {
    const char *word = t.at;
    size_t n = 0;

    if (skip_comment(&t))
      continue;
    if (*t.at == '"') {
      skip_string(&t, NULL, 0);
      continue;
    }
    while (in_word(word[n]))
      n++;
    if (n == 0) {
      t.line += *word == '\n';
      t.at++;
      if (strncmp(word, "@include", 8) == 0) {
        t.at = word + 8;
        rc = check_include(&t);
      }
      continue;
    }
    t.at = word + n;
    rc = *word == '-' ? check_number(&t, word + 1, n - 1, true)
                      : check_number(&t, word, n, false);
  }
  return rc;
}

int fhost_config_numbers(const char *text, const char *where,
                         const char *folder, struct fisa_error *err) {
  assert(text && where && folder && err);
  return check_text(text, where, folder, 0, err);
}
