/*
 * isa/dialect_bind.c - bindings overlays.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/dialect_impl.h"

static int bind_row(struct fisa_loader *l, struct fisa_span rest,
                    bool bound[256]) {
  struct fisa_span name = fisa__word(&rest);
  const struct fisa_row *old = fisa_row_by_name(l->d, name.p, name.n);
  struct fisa_row row;

  if (!old)
    return fisa__bad(l, "the dialect has no row \"%.*s\"", FISA_QUOTE(name));
  row = *old;
  l->row = row.name;
  if (bound[row.opcode])
    return fisa__bad(l, "a second binding of this row");
  bound[row.opcode] = true;
  if (fisa__row_fields(l, rest, &row, true))
    return -1;
  l->d->rows[row.opcode] = row;
  l->row = NULL;
  return 0;
}

static int bind_head(struct fisa_loader *l) {
  struct fisa_span line, name;

  if (!fisa__line(l, &line) || !fisa__is(fisa__word(&line), "bindings"))
    return fisa__bad(l, "the text does not start with \"bindings 1\"");
  if (!fisa__is(fisa__word(&line), "1") || fisa__word(&line).n > 0)
    return fisa__bad(l, "the form is not version 1");
  if (!fisa__line(l, &line) || !fisa__is(fisa__word(&line), "dialect"))
    return fisa__bad(l, "the text has no dialect");
  name = fisa__word(&line);
  if (!fisa__is(name, l->d->name))
    return fisa__bad(l, "bindings of %.*s for the dialect %s",
                     FISA_QUOTE(name), l->d->name);
  if (fisa__word(&line).n > 0)
    return fisa__bad(l, "something behind the dialect's name");
  return 0;
}

static int bind_lines(struct fisa_loader *l) {
  bool bound[256] = {false};
  struct fisa_span line;

  if (bind_head(l))
    return -1;
  while (fisa__line(l, &line)) {
    struct fisa_span word = fisa__word(&line);

    if (!fisa__is(word, "bind"))
      return fisa__bad(l, "\"%.*s\" is no statement", FISA_QUOTE(word));
    if (bind_row(l, line, bound))
      return -1;
  }
  return fisa__finish(l);
}

/* The dialect is named by all the texts that made it, in order. */
static void chain_hash(struct fisa_dialect *d, const char *text,
                       size_t length) {
  uint8_t both[64];

  memcpy(both, d->hash, 32);
  fisa_sha256(text, length, both + 32);
  fisa_sha256(both, sizeof both, d->hash);
}

int fisa_dialect_bind(struct fisa_dialect *d, const char *text, size_t length,
                      const char *where, struct fisa_error *err) {
  struct fisa_loader *l;
  int rc = -1;

  assert(d && text);
  l = calloc(1, sizeof *l);
  if (!l)
    return fisa_fail(err, "out of memory");
  l->d = malloc(sizeof *l->d);
  if (!l->d) {
    rc = fisa_fail(err, "out of memory");
    goto out_loader;
  }
  *l->d = *d;
  l->where = where ? where : "bindings";
  l->err = err;
  for (unsigned i = 0; i < 256; i++)
    if (d->rows[i].defined && d->rows[i].source != 0xFFFF)
      memcpy(l->source[i], d->sources[d->rows[i].source], FISA_MAX_NAME);
  if (fisa__text_begin(l, text, length) || bind_lines(l))
    goto out_dialect;
  chain_hash(l->d, text, length);
  *d = *l->d;
  rc = 0;
out_dialect:
  free(l->d);
out_loader:
  free(l);
  return rc;
}
