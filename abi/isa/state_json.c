/*
 * isa/state_json.c - the one-line JSON object that says how a run ended.
 *
 * Written by hand: the order of the keys and the form of the numbers are part
 * of the contract with the scripts that read it.
 */
#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "isa/buf.h"
#include "isa/state.h"
#include "isa/state_impl.h"

enum { WORD_BITS = 64 };

static const char *const status_names[] = {
	[FISA_RUN_HALT] = "halt",   [FISA_RUN_END] = "end",
	[FISA_RUN_FAULT] = "fault", [FISA_RUN_FUEL] = "fuel",
	[FISA_RUN_YIELD] = "yield",
};

static void put_string(struct fisa__buf *b, const char *text)
{
	fisa__buf_char(b, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fisa__buf_printf(b, "\\%c", c);
		else if (c < ' ')
			fisa__buf_printf(b, "\\u%04x", c);
		else
			fisa__buf_char(b, (char)c);
	}
	fisa__buf_char(b, '"');
}

static void put_float(struct fisa__buf *b, int32_t bits)
{
	float v;

	memcpy(&v, &bits, sizeof(v));
	if (isnan(v))
		fisa__buf_str(b, "\"nan\"");
	else if (isinf(v))
		fisa__buf_str(b, v > 0 ? "\"inf\"" : "\"-inf\"");
	else
		fisa__buf_printf(b, "\"%.9g\"", (double)v);
}

static void put_file(struct fisa__buf *b, const struct fisa_dialect *d,
		     const struct fisa_state *s, const struct state_key *key)
{
	int f = state_file(d, key);

	fisa__buf_printf(b, ",\"%s\":[", key->name);
	for (uint32_t i = 0; f >= 0 && i < d->files[f].count; i++) {
		int32_t cell = s->cells[d->files[f].first + i];

		if (i)
			fisa__buf_char(b, ',');
		if (key->type == FISA_F32)
			put_float(b, cell);
		else
			fisa__buf_printf(b, "%d", cell);
	}
	fisa__buf_char(b, ']');
}

static void put_stack(struct fisa__buf *b, const struct fisa_dialect *d,
		      const struct fisa_state *s)
{
	uint32_t n = fisa_stack_depth(d, s);
	const struct fisa_file *stack = n ? &d->files[d->stack_file] : NULL;

	fisa__buf_str(b, ",\"stack\":[");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = stack->down ? stack->count - 1u - i : i;

		fisa__buf_printf(b, "%s%d", i ? "," : "",
				 s->cells[stack->first + at]);
	}
	fisa__buf_char(b, ']');
}

static void put_flags(struct fisa__buf *b, const struct fisa_dialect *d,
		      const struct fisa_state *s)
{
	bool any = false;

	fisa__buf_str(b, ",\"flags\":{");
	for (uint32_t f = 0; f < d->file_count; f++) {
		char name[FISA_MAX_NAME];

		if (d->files[f].kind != FISA_FILE_FLAG)
			continue;
		state_flag_name(&d->files[f], name);
		if (any)
			fisa__buf_char(b, ',');
		any = true;
		put_string(b, name);
		fisa__buf_printf(b, ":%d", s->cells[d->files[f].first]);
	}
	fisa__buf_char(b, '}');
}

static bool is_written(const struct fisa_state *s, uint32_t at)
{
	return s->written[at / WORD_BITS] >> (at % WORD_BITS) & 1;
}

/* The first byte stored to from `at` on, or the end of memory. */
static uint32_t next_written(const struct fisa_state *s, uint32_t at)
{
	while (at < s->mem_size) {
		uint64_t word = s->written[at / WORD_BITS] >> (at % WORD_BITS);

		if (word)
			return at + (uint32_t)__builtin_ctzll(word);
		at = (at / WORD_BITS + 1) * WORD_BITS;
	}
	return s->mem_size;
}

static void put_memory(struct fisa__buf *b, const struct fisa_state *s)
{
	uint32_t at = next_written(s, 0);
	bool any = false;

	fisa__buf_str(b, ",\"mem\":[");
	while (at < s->mem_size) {
		uint32_t end = at;

		while (end < s->mem_size && is_written(s, end))
			end++;
		fisa__buf_printf(b, "%s[%u,\"", any ? "," : "", at);
		fisa__buf_hex(b, s->mem + at, end - at);
		fisa__buf_str(b, "\"]");
		any = true;
		at = next_written(s, end);
	}
	fisa__buf_char(b, ']');
}

static void put_outputs(struct fisa__buf *b, const struct fisa_dialect *d,
			const struct fisa_trace *trace)
{
	bool any = false;

	fisa__buf_str(b, ",\"out\":[");
	for (uint32_t i = 0; trace && i < trace->count; i++) {
		const struct fisa_event *e = &trace->events[i];

		if (!e->out)
			continue;
		assert(e->name < d->channel_count);
		assert(e->argc <= FISA_MAX_ARGS);
		fisa__buf_str(b, any ? ",[" : "[");
		any = true;
		put_string(b, d->channels[e->name]);
		for (unsigned k = 0; k < e->argc; k++)
			fisa__buf_printf(b, ",%d", e->arg[k]);
		fisa__buf_char(b, ']');
	}
	fisa__buf_char(b, ']');
}

char *fisa_state_to_json(const struct fisa_dialect *d,
			 const struct fisa_state *s,
			 const struct fisa_trace *trace)
{
	/* A decimal comma of the process's locale would be no JSON number
	 * for anybody. */
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	struct fisa__buf b = { 0 };
	locale_t old;

	assert(s->cell_count == d->cell_count);
	assert(s->status >= FISA_RUN_HALT && s->status <= FISA_RUN_YIELD);
	if (!c)
		return NULL;
	old = uselocale(c);
	fisa__buf_printf(&b, "{\"status\":\"%s\",\"fault\":%d,\"fault_name\":",
			 status_names[s->status], s->fault);
	put_string(&b, fisa_fault_name(d, s->fault));
	fisa__buf_printf(&b, ",\"cycles\":%llu,\"pc\":%u",
			 (unsigned long long)s->cycles, s->pc);
	for (size_t i = 0; i < STATE_KEYS; i++)
		put_file(&b, d, s, &state_keys[i]);
	put_stack(&b, d, s);
	put_flags(&b, d, s);
	put_memory(&b, s);
	put_outputs(&b, d, trace);
	fisa__buf_char(&b, '}');
	uselocale(old);
	freelocale(c);
	return fisa__buf_take(&b);
}
