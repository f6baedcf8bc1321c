/*
 * isa/buf.c - a growing byte buffer.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/buf.h"

enum { BUF_FIRST = 256, BUF_FORMATTED = 256 };

/* Makes room for n more bytes and a NUL. */
static bool buf_room(struct isa_buf *b, size_t n)
{
	size_t want, capacity = b->capacity ? b->capacity : BUF_FIRST;
	char *data;

	if (b->failed || n > SIZE_MAX / 4 - b->length)
		goto fail;
	want = b->length + n + 1;
	if (want <= b->capacity)
		return true;
	while (capacity < want)
		capacity *= 2;
	data = realloc(b->data, capacity);
	if (!data)
		goto fail;
	b->data = data;
	b->capacity = capacity;
	return true;
fail:
	isa_buf_done(b);
	b->failed = true;
	return false;
}

void isa_buf_put(struct isa_buf *b, const void *bytes, size_t n)
{
	if (n == 0 || !buf_room(b, n))
		return;
	assert(b->length + n < b->capacity);
	memcpy(b->data + b->length, bytes, n);
	b->length += n;
}

void isa_buf_str(struct isa_buf *b, const char *text)
{
	isa_buf_put(b, text, strlen(text));
}

void isa_buf_char(struct isa_buf *b, char c)
{
	isa_buf_put(b, &c, 1);
}

void isa_buf_printf(struct isa_buf *b, const char *format, ...)
{
	char text[BUF_FORMATTED];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	assert(n >= 0 && n < BUF_FORMATTED);
	isa_buf_put(b, text, (size_t)n);
}

void isa_buf_u32(struct isa_buf *b, uint32_t v)
{
	uint8_t bytes[4] = { (uint8_t)v, (uint8_t)(v >> 8),
			     (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	isa_buf_put(b, bytes, sizeof(bytes));
}

void isa_buf_hex(struct isa_buf *b, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	if (n > SIZE_MAX / 8 || !buf_room(b, 2 * n))
		return;
	for (size_t i = 0; i < n; i++) {
		b->data[b->length++] = digits[bytes[i] >> 4];
		b->data[b->length++] = digits[bytes[i] & 15];
	}
	assert(b->length < b->capacity);
}

char *isa_buf_take(struct isa_buf *b)
{
	char *data;

	if (!buf_room(b, 0))
		return NULL;
	data = b->data;
	data[b->length] = '\0';
	memset(b, 0, sizeof(*b));
	return data;
}

void isa_buf_done(struct isa_buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
