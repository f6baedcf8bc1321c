/*
 * isa/asm_lex.c - the assembler's scanner and its sums.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "isa/asm_internal.h"

enum { SHOWN = 40 };  /* bytes of the text that an error repeats */

/* The text is bytes, whatever the locale says of them. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c)
{
	return is_word_start(c) || is_digit(c);
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void asm_rewind(struct asm_work *w, const char *text, size_t length)
{
	w->at = w->line_start = text;
	w->end = text + length;
	w->line = 1;
	w->pc = 0;
}

bool asm_next_line(struct asm_work *w)
{
	const char *nl = memchr(w->at, '\n', (size_t)(w->end - w->at));

	if (!nl)
		return false;
	w->at = w->line_start = nl + 1;
	w->line++;
	return true;
}

int asm_fail(struct asm_work *w, const char *at, const char *format, ...)
{
	char reason[192];
	va_list ap;

	assert(at >= w->line_start && at <= w->end);
	if (!w->working)
		return -1;
	va_start(ap, format);
	vsnprintf(reason, sizeof(reason), format, ap);
	va_end(ap);
	return fisa_fail(w->err, "%s:%u:%zu: %s", w->where, w->line,
			 (size_t)(at - w->line_start) + 1, reason);
}

int asm_wanted(struct asm_work *w, const char *what)
{
	const struct asm_token *t = &w->token;
	int shown = t->length < SHOWN ? (int)t->length : SHOWN;

	if (t->kind == ASM_EOL)
		return asm_fail(w, t->at, "%s is wanted", what);
	return asm_fail(w, t->at, "%s is wanted, not %.*s%s", what, shown,
			t->at, t->length > SHOWN ? "..." : "");
}

bool asm_is_mark(const struct asm_work *w, char c)
{
	return w->token.kind == ASM_MARK && *w->token.at == c;
}

bool asm_is_word(const struct asm_work *w, const char *word)
{
	const struct asm_token *t = &w->token;

	return t->kind == ASM_WORD && t->length == strlen(word) &&
	       strncasecmp(t->at, word, t->length) == 0;
}

int asm_expect_eol(struct asm_work *w)
{
	return w->token.kind == ASM_EOL ? 0
					: asm_wanted(w, "the end of the line");
}

/* ---- tokens ------------------------------------------------------------- */

static int lex_number(struct asm_work *w, struct asm_token *t)
{
	const char *p = t->at;
	uint64_t v = 0;
	unsigned base = 10;
	bool any = false;

	assert(p < w->end && is_digit(*p));
	if (*p == '0' && p + 1 < w->end && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	for (; p < w->end && is_word(*p); p++) {
		int digit = hex_digit(*p);
		if (digit < 0 || (unsigned)digit >= base)
			return asm_fail(w, t->at, "malformed number");
		any = true;
		v = v * base + (unsigned)digit;
		if (v > UINT32_MAX)
			return asm_fail(w, t->at,
					"a number over 4294967295");
	}
	if (!any)
		return asm_fail(w, t->at, "malformed number");
	t->kind = ASM_NUMBER;
	t->number = (uint32_t)v;
	t->length = (size_t)(p - t->at);
	w->at = p;
	return 0;
}

/* The character behind a backslash, and the bytes that the escape takes with
 * its backslash; 0 for what is no escape. */
static unsigned escape(const char *p, const char *end, uint8_t *out)
{
	static const char from[] = "nt0\\\"", to[] = "\n\t\0\\\"";
	const char *found;

	assert(p < end && *p == '\\');
	if (p + 1 >= end || p[1] == '\0')
		return 0;
	if (p[1] == 'x') {
		if (p + 3 >= end || hex_digit(p[2]) < 0 || hex_digit(p[3]) < 0)
			return 0;
		*out = (uint8_t)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
		return 4;
	}
	found = strchr(from, p[1]);
	if (!found)
		return 0;
	*out = (uint8_t)to[found - from];
	return 2;
}

static int lex_string(struct asm_work *w, struct asm_token *t)
{
	const char *p = t->at + 1;
	uint8_t byte;

	assert(t->at < w->end && *t->at == '"');
	while (p < w->end && *p != '"' && *p != '\n') {
		if (*p == '\\') {
			unsigned n = escape(p, w->end, &byte);
			if (n == 0)
				return asm_fail(w, p, "unknown escape in a "
						"string");
			p += n;
		} else if ((unsigned char)*p < ' ' && *p != '\t') {
			return asm_fail(w, p, "byte 0x%02X in a string",
					(unsigned char)*p);
		} else {
			p++;
		}
	}
	if (p >= w->end || *p != '"')
		return asm_fail(w, t->at, "a string without end");
	t->kind = ASM_STRING;
	t->length = (size_t)(p + 1 - t->at);
	w->at = p + 1;
	return 0;
}

size_t asm_string(const struct asm_token *t, uint8_t *out)
{
	const char *p = t->at + 1, *end = t->at + t->length - 1;
	size_t n = 0;

	assert(t->kind == ASM_STRING && t->length >= 2);
	while (p < end) {
		uint8_t byte = (uint8_t)*p;
		unsigned step = 1;

		if (*p == '\\') {
			step = escape(p, end, &byte);
			assert(step > 0);
		}
		if (out)
			out[n] = byte;
		n++;
		p += step;
	}
	return n;
}

/* Words and directives. */
static int lex_word(struct asm_work *w, struct asm_token *t, uint8_t kind)
{
	const char *p = t->at + 1;

	while (p < w->end && is_word(*p))
		p++;
	t->kind = kind;
	t->length = (size_t)(p - t->at);
	w->at = p;
	return 0;
}

int asm_next(struct asm_work *w)
{
	struct asm_token *t = &w->token;
	const char *p = w->at;

	while (p < w->end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	memset(t, 0, sizeof(*t));
	t->at = w->at = p;
	if (p == w->end || *p == '\n' || *p == ';') {
		t->kind = ASM_EOL;
		return 0;
	}
	if (is_digit(*p))
		return lex_number(w, t);
	if (is_word_start(*p))
		return lex_word(w, t, ASM_WORD);
	if (*p == '"')
		return lex_string(w, t);
	t->length = 1;
	if (*p == '.' && p + 1 < w->end) {
		if (is_word_start(p[1]))
			return lex_word(w, t, ASM_DIRECTIVE);
		if (p[1] == '.') {
			t->kind = ASM_RANGE;
			t->length = 2;
			w->at = p + 2;
			return 0;
		}
	}
	if (*p && strchr(",:+-", *p)) {
		t->kind = ASM_MARK;
		w->at = p + 1;
		return 0;
	}
	if (*p > ' ' && *p < 0x7F)
		return asm_fail(w, p, "unexpected %c", *p);
	return asm_fail(w, p, "unexpected byte 0x%02X", (unsigned char)*p);
}

/* ---- sums --------------------------------------------------------------- */

/* A number or a label's address. */
static int term(struct asm_work *w, int sign, struct asm_value *out)
{
	const struct asm_token *t = &w->token;
	const struct asm_label *label;

	if (t->kind == ASM_NUMBER) {
		out->v += sign * (int64_t)t->number;
		return asm_next(w);
	}
	if (t->kind != ASM_WORD)
		return asm_wanted(w, "a number or a label");
	if (w->working) {
		label = asm_label_find(w, t->at, t->length);
		if (!label)
			return asm_fail(w, t->at, "no label %.*s%s",
					t->length < SHOWN ? (int)t->length
							  : SHOWN,
					t->at, t->length > SHOWN ? "..." : "");
		out->v += sign * (int64_t)label->pc;
	}
	out->weight += sign;
	return asm_next(w);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Whether the sum goes on: at a sign. Where a range may follow, one with a
 * blank before it and none behind it is the sign of the range. */
static bool goes_on(const struct asm_work *w)
{
	const char *at = w->token.at;

	if (!asm_is_mark(w, '-') && !asm_is_mark(w, '+'))
		return false;
	return !w->before_range || !is_blank(at[-1]) ||
	       (at + 1 < w->end && is_blank(at[1]));
}

/*
 * A text of FISA_MAX_TEXT bytes has at most that many terms of 32 bits each,
 * so a sum stays far inside 64 bits.
 */
int asm_expr(struct asm_work *w, struct asm_value *out)
{
	int sign = 1;

	memset(out, 0, sizeof(*out));
	out->at = w->token.at;
	for (;;) {
		while (asm_is_mark(w, '-') || asm_is_mark(w, '+')) {
			if (*w->token.at == '-')
				sign = -sign;
			if (asm_next(w) < 0)
				return -1;
		}
		if (term(w, sign, out) < 0)
			return -1;
		if (!goes_on(w))
			return 0;
		sign = 1;
	}
}

int asm_number(struct asm_work *w, const char *what, int64_t lo, int64_t hi,
	       int64_t *out)
{
	struct asm_value value;

	assert(lo <= hi);
	if (asm_expr(w, &value) < 0)
		return -1;
	if (value.v < lo || value.v > hi)
		return asm_fail(w, value.at, "%s: %lld is outside %lld..%lld",
				what, (long long)value.v, (long long)lo,
				(long long)hi);
	*out = value.v;
	return 0;
}
