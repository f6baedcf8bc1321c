/*
 * isa/buf.h - a growing byte buffer; private to the isa library.
 *
 * A buffer that runs out of memory once stays empty and keeps nothing more,
 * so that writers need no checks: only isa_buf_take tells.
 */
#ifndef FLUX_ISA_BUF_H
#define FLUX_ISA_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct isa_buf {
  char *data;
  size_t length, capacity;
  bool failed;
};

void isa_buf_put(struct isa_buf *b, const void *bytes, size_t n);
void isa_buf_str(struct isa_buf *b, const char *text);
void isa_buf_char(struct isa_buf *b, char c);

/* Appends at most 255 formatted bytes. */
void isa_buf_printf(struct isa_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Little-endian numbers, for hashing. */
void isa_buf_u32(struct isa_buf *b, uint32_t v);

/* Two lower-case hex digits a byte. */
void isa_buf_hex(struct isa_buf *b, const uint8_t *bytes, size_t n);

/* The contents with a NUL behind them, to be given to free(); the buffer is
 * empty afterwards. NULL: memory ran out on the way. */
char *isa_buf_take(struct isa_buf *b);

void isa_buf_done(struct isa_buf *b);

#endif /* FLUX_ISA_BUF_H */
