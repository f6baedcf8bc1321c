/*
 * plugin/bytes.h - values as bytes, for the journal, and back.
 *
 * Little-endian words, one behind the other. A writer or reader that failed
 * once stays failed and does nothing more, so that only the end has to ask:
 * a reader gives zeros from then on.
 */
#ifndef FLUX_PLUGIN_BYTES_H
#define FLUX_PLUGIN_BYTES_H

#include "plugin/edit.h"

/* Zero-initialise; `bytes` is to be freed. */
struct fse_writer {
  uint8_t *bytes;
  size_t size, capacity;
  bool failed;           /* out of memory */
};

void fse_put(struct fse_writer *w, uint32_t v);
void fse_put_bytes(struct fse_writer *w, const void *bytes, size_t n);
/* A string of at most 65535 bytes: its length, then its bytes. */
void fse_put_text(struct fse_writer *w, const char *text);

/* Places, two words each; their number is not written. */
void fse_put_places(struct fse_writer *w, const struct fse_place *places,
                    uint32_t count);

/* What is read is not trusted: it may end anywhere. */
struct fse_reader {
  const uint8_t *at, *end;
  bool failed;           /* there was less than was asked for */
};

uint32_t fse_get(struct fse_reader *r);
/* A count of things of `words` words each, which must all be there; or 0. */
uint32_t fse_get_count(struct fse_reader *r, size_t words);
/* Copies n bytes, or zeros. */
void fse_get_bytes(struct fse_reader *r, void *out, size_t n);
/* A string with its NUL, of printable bytes; what does not fit is a failure. */
void fse_get_text(struct fse_reader *r, char *out, size_t capacity);
/* Reads `count` places that ascend and lie in programs of so many bytes; any
 * that do not are a failure. */
void fse_get_places(struct fse_reader *r, struct fse_place *places,
                    uint32_t count, uint32_t from_size, uint32_t to_size);
/* Whether all was there, and nothing more is. */
bool fse_get_ended(const struct fse_reader *r);

#endif /* FLUX_PLUGIN_BYTES_H */
