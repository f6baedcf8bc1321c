/*
 * hostsdk/config_words.c - what the strings of an agent's block mean: places,
 * confidence sources, boundaries; and the distance of misspelt words.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/config.h"
#include "hostsdk/scan.h"

enum { WORD_MAX = 63 };

static unsigned least(unsigned a, unsigned b) {
  return a < b ? a : b;
}

unsigned fhost_edit_distance(const char *a, const char *b) {
  unsigned row[WORD_MAX + 1];
  size_t an = strlen(a), bn = strlen(b);

  if (an > WORD_MAX || bn > WORD_MAX)
    return WORD_MAX + 1;
  for (unsigned j = 0; j <= bn; j++)
    row[j] = j;
  /* row[j] is the distance of a's first i letters to b's first j. */
  for (unsigned i = 1; i <= an; i++) {
    unsigned diagonal = row[0];
    row[0] = i;
    for (unsigned j = 1; j <= bn; j++) {
      unsigned change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = least(change, least(row[j - 1], diagonal) + 1);
    }
  }
  return row[bn];
}

/* ---- cells -------------------------------------------------------------- */

/* A cell by its written name: letters, then a number for a register file.
 * Returns its index (0 without a dialect), or -1 with err. */
static int cell_resolve(const struct fisa_dialect *d,
                        const struct fhost_word *w, uint32_t *cell,
                        struct fisa_error *err) {
  size_t letters = w->length;
  unsigned long n = 0;
  const struct fisa_file *f;
  int file;

  assert(w->length > 0);
  while (letters > 0 && w->start[letters - 1] >= '0' &&
         w->start[letters - 1] <= '9')
    letters--;
  if (letters == 0 || w->length - letters > 5)
    return fisa_fail(err, "\"%.*s\" is no cell", (int)least(40,
                     (unsigned)w->length), w->start);
  *cell = 0;
  if (!d)
    return 0;
  /* A name may end in digits itself, so the whole word is tried first. */
  file = fisa_file_by_name(d, w->start, w->length);
  if (file < 0) {
    file = fisa_file_by_name(d, w->start, letters);
    if (letters < w->length)
      n = strtoul(w->start + letters, NULL, 10);
    else if (file >= 0 && d->files[file].kind == FISA_FILE_REGS)
      file = -1;
  } else if (d->files[file].kind == FISA_FILE_REGS) {
    file = -1;
  }
  f = file >= 0 ? &d->files[file] : NULL;
  if (!f || f->kind == FISA_FILE_STACK || n >= f->count)
    return fisa_fail(err, "dialect %s has no cell \"%.*s\"", d->name,
                     (int)w->length, w->start);
  *cell = f->first + (uint32_t)n;
  return 0;
}

static int memory_resolve(const struct fisa_dialect *d, struct fhost_scan *s,
                          struct fisa_cells *out, struct fisa_error *err) {
  int64_t first, count;

  if (!fhost_scan_int(s, &first) || first < 0 || first >= FISA_MAX_MEM)
    return fhost_scan_fail(s, "an address", err);
  if (!fhost_scan_int(s, &count) || count < 1 || count > FISA_MAX_MEM)
    return fhost_scan_fail(s, "a number of bytes", err);
  if (!fhost_scan_end(s))
    return fhost_scan_fail(s, "the end", err);
  if (d && first + count > d->mem_size)
    return fisa_fail(err, "\"%.80s\" is outside the %u bytes of memory",
                     s->text, (unsigned)d->mem_size);
  out->kind = FISA_CELLS_MEM;
  out->first = (uint32_t)first;
  out->count = (uint32_t)count;
  return 0;
}

int fhost_place_resolve(const struct fisa_dialect *d, const char *text,
                        struct fisa_cells *out, struct fisa_error *err) {
  struct fisa_cells cells = {.lo = INT32_MIN, .hi = INT32_MAX};
  struct fhost_scan s = {text, 0};
  struct fhost_word w;

  assert(text && out);
  if (!fhost_scan_word(&s, &w))
    return fhost_scan_fail(&s, "a cell, or mem ADDRESS COUNT", err);
  if (fhost_word_is(&w, "mem")) {
    if (memory_resolve(d, &s, &cells, err) != 0)
      return -1;
  } else {
    if (!fhost_scan_end(&s))
      return fhost_scan_fail(&s, "the end", err);
    if (cell_resolve(d, &w, &cells.first, err) != 0)
      return -1;
    cells.kind = FISA_CELLS_FILE;
    cells.count = 1;
  }
  *out = cells;
  return 0;
}

int fhost_confidence_resolve(const struct fisa_dialect *d, const char *text,
                             int32_t *cell, double *scale,
                             struct fisa_error *err) {
  struct fhost_scan s = {text, 0};
  struct fhost_word w;
  uint32_t index;
  char *end;
  double v;

  assert(text && cell && scale);
  if (fhost_scan_end(&s)) {
    *cell = -1;
    *scale = 1.0;
    return 0;
  }
  if (!fhost_scan_word(&s, &w))
    return fhost_scan_fail(&s, "CELL/SCALE", err);
  if (!fhost_scan_take(&s, "/"))
    return fhost_scan_fail(&s, "\"/\"", err);
  v = strtod(s.text + s.at, &end);
  if (end == s.text + s.at || *end || !isfinite(v) || v <= 0)
    return fhost_scan_fail(&s, "a scale above 0", err);
  if (cell_resolve(d, &w, &index, err) != 0)
    return -1;
  *cell = (int32_t)index;
  *scale = v;
  return 0;
}

/* ---- boundaries --------------------------------------------------------- */

static int channel_boundary(const struct fisa_program *p, const char *name,
                            struct fisa_boundary *out,
                            struct fisa_error *err) {
  if (!*name)
    return fisa_fail(err, "a channel's name is missing after \"out:\"");
  out->kind = FISA_BOUNDARY_OUT;
  for (uint32_t i = 0; p && i < p->dialect->channel_count; i++) {
    if (strcmp(p->dialect->channels[i], name) == 0) {
      out->channel = (uint16_t)i;
      return 0;
    }
  }
  return p ? fisa_fail(err, "dialect %s has no channel \"%.40s\"",
                       p->dialect->name, name)
           : 0;
}

static int pc_boundary(const struct fisa_program *p, const char *where,
                       struct fisa_boundary *out, struct fisa_error *err) {
  struct fhost_scan s = {where, 0};
  int64_t n;

  if (!*where)
    return fisa_fail(err, "a label is missing after \"pc:\"");
  out->kind = FISA_BOUNDARY_PC;
  if (fhost_scan_int(&s, &n) && fhost_scan_end(&s)) {
    if (n < 0 || n >= (int64_t)(p ? p->size : FISA_MAX_CODE))
      return fisa_fail(err, "address %lld is outside the program",
                       (long long)n);
    out->pc = (uint32_t)n;
    return 0;
  }
  for (uint32_t i = 0; p && i < p->label_count; i++) {
    if (strcmp(p->labels[i].name, where) == 0) {
      out->pc = p->labels[i].pc;
      return 0;
    }
  }
  return p ? fisa_fail(err, "the program has no label \"%.60s\"", where) : 0;
}

/* Lays a boundary, and renews the hash, which covers it. */
static int lay_boundary(struct fisa_program *p, const struct fisa_boundary *b,
                        struct fisa_error *err) {
  struct fisa_boundary old = p->manifest.boundary;
  struct fisa_program *copy;

  assert(b->kind != FISA_BOUNDARY_PC || b->pc < p->size);
  p->manifest.boundary = *b;
  copy = fisa_program_derive(p, p->code, p->size, p->entry, b->pc);
  if (!copy) {
    p->manifest.boundary = old;
    return fisa_fail(err, "out of memory");
  }
  memcpy(p->hash, copy->hash, sizeof p->hash);
  fisa_program_free(copy);
  return 0;
}

int fhost_boundary_set(struct fisa_program *p, const char *text,
                       struct fisa_error *err) {
  struct fisa_boundary b = {.kind = FISA_BOUNDARY_DEFAULT};
  int failed = 0;

  assert(text);
  if (!*text)
    return 0;
  if (strncmp(text, "out:", 4) == 0)
    failed = channel_boundary(p, text + 4, &b, err);
  else if (strncmp(text, "pc:", 3) == 0)
    failed = pc_boundary(p, text + 3, &b, err);
  else if (strcmp(text, "default") != 0 && strcmp(text, "yield") != 0)
    return fisa_fail(err, "\"%.60s\" is none of default, yield, out:CHANNEL "
                     "and pc:LABEL", text);
  if (failed)
    return -1;
  return p ? lay_boundary(p, &b, err) : 0;
}
