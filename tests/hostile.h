/*
 * hostile.h - nonsense by the thousand: texts and bytes with their parts cut,
 * doubled, swapped and replaced, the same ones every time.
 */
#ifndef FLUX_TESTS_HOSTILE_H
#define FLUX_TESTS_HOSTILE_H

#include <stddef.h>
#include <stdint.h>

enum { HOSTILE_MAX = 1 << 17 };

/* A text, or bytes: size of them, and a NUL behind. */
struct hostile {
  size_t size;
  char text[HOSTILE_MAX];
};

/* Lays a copy; what does not fit is left out. */
void hostile_lay(struct hostile *h, const char *text, size_t size);

/* Lays a file of the source tree. */
void hostile_file(struct hostile *h, const char *relative);

/* Draws one to eight edits from *random, of bytes, lines and numbers. The
 * text has no zero byte afterwards unless `zeros`. */
void hostile_mutate(struct hostile *h, uint64_t *random, int zeros);

/* A number that hides at an edge, and one that is anything. */
uint64_t hostile_number(uint64_t *random);

#endif
