/*
 * isa/buf.h - a growing byte buffer; private to the isa library.
 *
 * A buffer that runs out of memory once stays empty and keeps nothing more,
 * so that writers need no checks: only fisa__buf_take tells.
 */
#ifndef FLUX_ISA_BUF_H
#define FLUX_ISA_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct fisa__buf {
  char *data;
  size_t length, capacity;
  bool failed;
};

void fisa__buf_put(struct fisa__buf *b, const void *bytes, size_t n);
void fisa__buf_str(struct fisa__buf *b, const char *text);
void fisa__buf_char(struct fisa__buf *b, char c);

/* Appends at most 255 formatted bytes. */
void fisa__buf_printf(struct fisa__buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Little-endian numbers, for hashing. */
void fisa__buf_u32(struct fisa__buf *b, uint32_t v);

/* Two lower-case hex digits a byte. */
void fisa__buf_hex(struct fisa__buf *b, const uint8_t *bytes, size_t n);

/* The contents with a NUL behind them, to be given to free(); the buffer is
 * empty afterwards. NULL: memory ran out on the way. */
char *fisa__buf_take(struct fisa__buf *b);

void fisa__buf_done(struct fisa__buf *b);

#endif /* FLUX_ISA_BUF_H */
