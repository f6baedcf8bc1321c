/*
 * plugin/bytes.c - values as bytes, and back.
 */
#include "plugin/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 65535u

/* ---- writing ------------------------------------------------------------ */

void fse_put_bytes(struct fse_writer *w, const void *bytes, size_t n) {
  if (w->failed) return;
  if (w->size + n > w->capacity) {
    size_t capacity = (w->size + n) * 2;
    uint8_t *p = realloc(w->bytes, capacity);
    w->failed = p == NULL;
    if (w->failed) return;
    w->bytes = p;
    w->capacity = capacity;
  }
  if (n > 0) memcpy(w->bytes + w->size, bytes, n);
  w->size += n;
}

void fse_put(struct fse_writer *w, uint32_t v) {
  uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                  (uint8_t)(v >> 24)};
  fse_put_bytes(w, b, sizeof b);
}

void fse_put_text(struct fse_writer *w, const char *text) {
  size_t n = strlen(text);
  assert(n <= TEXT_MAX);
  fse_put(w, (uint32_t)n);
  fse_put_bytes(w, text, n);
}

void fse_put_places(struct fse_writer *w, const struct fse_place *places,
                    uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    fse_put(w, places[i].from_pc);
    fse_put(w, places[i].to_pc);
  }
}

/* ---- reading ------------------------------------------------------------ */

uint32_t fse_get(struct fse_reader *r) {
  const uint8_t *b = r->at;
  if (r->failed || r->end - b < 4) {
    r->failed = true;
    return 0;
  }
  r->at += 4;
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
         (uint32_t)b[3] << 24;
}

uint32_t fse_get_count(struct fse_reader *r, size_t words) {
  uint32_t n = fse_get(r);
  assert(words > 0);
  if (n > (size_t)(r->end - r->at) / (words * 4)) r->failed = true;
  return r->failed ? 0 : n;
}

void fse_get_bytes(struct fse_reader *r, void *out, size_t n) {
  if (r->failed || (size_t)(r->end - r->at) < n) {
    r->failed = true;
    memset(out, 0, n);
    return;
  }
  if (n > 0) memcpy(out, r->at, n);
  r->at += n;
}

void fse_get_text(struct fse_reader *r, char *out, size_t capacity) {
  uint32_t n = fse_get(r);
  assert(capacity > 0);
  if (n >= capacity) r->failed = true;
  if (r->failed) n = 0;
  fse_get_bytes(r, out, n);
  out[n] = '\0';
  for (uint32_t i = 0; i < n; i++)
    if ((unsigned char)out[i] < ' ' || out[i] == 0x7f) r->failed = true;
  if (r->failed) out[0] = '\0';
}

void fse_get_places(struct fse_reader *r, struct fse_place *places,
                    uint32_t count, uint32_t from_size, uint32_t to_size) {
  for (uint32_t i = 0; i < count && !r->failed; i++) {
    struct fse_place *p = &places[i];
    p->from_pc = fse_get(r);
    p->to_pc = fse_get(r);
    if (p->from_pc >= from_size || p->to_pc >= to_size ||
        (i > 0 && p->from_pc <= p[-1].from_pc))
      r->failed = true;
  }
}

bool fse_get_ended(const struct fse_reader *r) {
  return !r->failed && r->at == r->end;
}
