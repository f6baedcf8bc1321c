/*
 * isa/builtin.c - the dialects that are compiled in.
 *
 * The texts come from isa/dialects/ by way of fluxisa-gen, and are loaded like
 * any other: there is one way in.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "isa/dialect.h"

struct builtin_text {
  const char *file;
  const char *text;
  size_t length;
};

/* builtin_texts[], ended by a NULL file. */
#include "isa/dialects_gen.inc"

static const char *const names[] = {
  "unified", "classic", "seed", "stack", "cis"
};

const char *fisa_builtin_name(unsigned i) {
  return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

const char *fisa_builtin_text(const char *file, size_t *length) {
  assert(file && length);
  for (const struct builtin_text *t = builtin_texts; t->file; t++)
    if (strcmp(t->file, file) == 0) {
      *length = t->length;
      return t->text;
    }
  return NULL;
}

int fisa_dialect_builtin(const char *name, bool bound,
                         struct fisa_dialect **out, struct fisa_error *err) {
  char file[FISA_MAX_NAME + 16];
  struct fisa_dialect *d;
  const char *text;
  size_t length;

  assert(name && out);
  snprintf(file, sizeof file, "%.*s.fluxisa", FISA_MAX_NAME, name);
  text = fisa_builtin_text(file, &length);
  if (!text)
    return fisa_fail(err, "there is no built-in dialect \"%.32s\"", name);
  if (fisa_dialect_parse(text, length, file, &d, err))
    return -1;
  snprintf(file, sizeof file, "%.*s.bindings", FISA_MAX_NAME, name);
  text = fisa_builtin_text(file, &length);
  if (bound && text && fisa_dialect_bind(d, text, length, file, err)) {
    fisa_dialect_free(d);
    return -1;
  }
  *out = d;
  return 0;
}
