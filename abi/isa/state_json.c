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

static void put_string(struct isa_buf *b, const char *text)
{
	isa_buf_char(b, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			isa_buf_printf(b, "\\%c", c);
		else if (c < ' ')
			isa_buf_printf(b, "\\u%04x", c);
		else
			isa_buf_char(b, (char)c);
	}
	isa_buf_char(b, '"');
}

static void put_float(struct isa_buf *b, int32_t bits)
{
	float v;

	memcpy(&v, &bits, sizeof(v));
	if (isnan(v))
		isa_buf_str(b, "\"nan\"");
	else if (isinf(v))
		isa_buf_str(b, v > 0 ? "\"inf\"" : "\"-inf\"");
	else
		isa_buf_printf(b, "\"%.9g\"", (double)v);
}

static void put_file(struct isa_buf *b, const struct fisa_dialect *d,
		     const struct fisa_state *s, const struct state_key *key)
{
	int f = isa_state_file(d, key);

	isa_buf_printf(b, ",\"%s\":[", key->name);
	for (uint32_t i = 0; f >= 0 && i < d->files[f].count; i++) {
		int32_t cell = s->cells[d->files[f].first + i];

		if (i)
			isa_buf_char(b, ',');
		if (key->type == FISA_F32)
			put_float(b, cell);
		else
			isa_buf_printf(b, "%d", cell);
	}
	isa_buf_char(b, ']');
}

/* `n` live cells of a stack, bottom first. */
static void put_stack(struct isa_buf *b, const struct fisa_state *s,
		      const struct fisa_file *stack, uint32_t n)
{
	isa_buf_char(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = stack->down ? stack->count - 1u - i : i;

		isa_buf_printf(b, "%s%d", i ? "," : "",
				 s->cells[stack->first + at]);
	}
	isa_buf_char(b, ']');
}

/* The links, whose index may be anything, too. */
static void put_calls(struct isa_buf *b, const struct fisa_dialect *d,
		      const struct fisa_state *s)
{
	const struct fisa_file *calls = &d->files[d->calls_file];
	int32_t n = s->cells[d->calls_cell];

	if (n < 0)
		n = 0;
	if (n > calls->count)
		n = calls->count;
	isa_buf_str(b, ",\"calls\":");
	put_stack(b, s, calls, (uint32_t)n);
}

/* Keys that the dialect's head brings along. */
static void put_own_keys(struct isa_buf *b, const struct fisa_dialect *d,
			 const struct fisa_state *s)
{
	for (uint32_t k = 0; k < d->key_count; k++) {
		const struct fisa_file *f = &d->files[d->keys[k].file];
		const int32_t *cell = &s->cells[f->first];

		isa_buf_printf(b, ",\"%s\":", d->keys[k].name);
		if (d->keys[k].form == FISA_KEY_I32) {
			isa_buf_printf(b, "%d", *cell);
			continue;
		}
		if (d->keys[k].form == FISA_KEY_U32) {
			isa_buf_printf(b, "%u", (unsigned)*cell);
			continue;
		}
		for (uint32_t i = 0; i < f->count; i++) {
			uint32_t v = (uint32_t)cell[i];
			uint8_t bytes[4] = { (uint8_t)v, (uint8_t)(v >> 8),
					     (uint8_t)(v >> 16),
					     (uint8_t)(v >> 24) };

			if (i % f->width == 0)
				isa_buf_str(b, i ? "\",\"" : "[\"");
			isa_buf_hex(b, bytes, sizeof(bytes));
		}
		isa_buf_str(b, "\"]");
	}
}

static void put_flags(struct isa_buf *b, const struct fisa_dialect *d,
		      const struct fisa_state *s)
{
	bool any = false;

	isa_buf_str(b, ",\"flags\":{");
	for (uint32_t f = 0; f < d->file_count; f++) {
		char name[FISA_MAX_NAME];

		if (d->files[f].kind != FISA_FILE_FLAG)
			continue;
		isa_state_flag_name(&d->files[f], name);
		if (any)
			isa_buf_char(b, ',');
		any = true;
		put_string(b, name);
		isa_buf_printf(b, ":%d", s->cells[d->files[f].first]);
	}
	isa_buf_char(b, '}');
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

static void put_memory(struct isa_buf *b, const struct fisa_state *s)
{
	uint32_t at = next_written(s, 0);
	bool any = false;

	isa_buf_str(b, ",\"mem\":[");
	while (at < s->mem_size) {
		uint32_t end = at;

		while (end < s->mem_size && is_written(s, end))
			end++;
		isa_buf_printf(b, "%s[%u,\"", any ? "," : "", at);
		isa_buf_hex(b, s->mem + at, end - at);
		isa_buf_str(b, "\"]");
		any = true;
		at = next_written(s, end);
	}
	isa_buf_char(b, ']');
}

/* The chain of outputs that a payload is, from its first at `i`. Returns the
 * last of the chain. */
static uint32_t put_payload(struct isa_buf *b, const struct fisa_trace *trace,
			    uint32_t i)
{
	const struct fisa_event *head = &trace->events[i];
	uint32_t left = (uint32_t)head->arg[0];

	isa_buf_str(b, ",\"");
	while (left > 0 && i + 1 < trace->count) {
		const struct fisa_event *e = &trace->events[i + 1];
		uint8_t bytes[FLUX_PAYLOAD_CHUNK];
		uint32_t n = left < sizeof(bytes) ? left : sizeof(bytes);

		if (!e->out || e->name != head->name)
			break;
		for (unsigned k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)((uint32_t)e->arg[k / 4] >>
					     (8 * (k % 4)));
		isa_buf_hex(b, bytes, n);
		left -= n;
		i++;
	}
	isa_buf_char(b, '"');
	return i;
}

static void put_outputs(struct isa_buf *b, const struct fisa_dialect *d,
			const struct fisa_trace *trace)
{
	bool any = false;

	isa_buf_str(b, ",\"out\":[");
	for (uint32_t i = 0; trace && i < trace->count; i++) {
		const struct fisa_event *e = &trace->events[i];

		if (!e->out)
			continue;
		assert(e->name < d->channel_count);
		assert(e->argc <= FISA_MAX_ARGS);
		isa_buf_str(b, any ? ",[" : "[");
		any = true;
		put_string(b, d->channels[e->name]);
		if (fisa_channel_payload(d, e->name))
			i = put_payload(b, trace, i);
		else
			for (unsigned k = 0; k < e->argc; k++)
				isa_buf_printf(b, ",%d", e->arg[k]);
		isa_buf_char(b, ']');
	}
	isa_buf_char(b, ']');
}

char *fisa_state_to_json(const struct fisa_dialect *d,
			 const struct fisa_state *s,
			 const struct fisa_trace *trace)
{
	/* A decimal comma of the process's locale would be no JSON number
	 * for anybody. */
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	struct isa_buf b = { 0 };
	locale_t old;

	assert(s->cell_count == d->cell_count);
	assert(s->status >= FISA_RUN_HALT && s->status <= FISA_RUN_YIELD);
	if (!c)
		return NULL;
	old = uselocale(c);
	isa_buf_printf(&b, "{\"status\":\"%s\",\"fault\":%d,\"fault_name\":",
			 status_names[s->status], s->fault);
	put_string(&b, fisa_fault_name(d, s->fault));
	isa_buf_printf(&b, ",\"cycles\":%llu,\"pc\":%u",
			 (unsigned long long)s->cycles, s->pc);
	for (size_t i = 0; i < STATE_KEYS; i++)
		if (isa_state_key(d, isa_state_keys[i].name) ==
		    &isa_state_keys[i])
			put_file(&b, d, s, &isa_state_keys[i]);
	isa_buf_str(&b, ",\"stack\":");
	put_stack(&b, s, fisa_stack_depth(d, s) ? &d->files[d->stack_file]
						: NULL,
		  fisa_stack_depth(d, s));
	put_flags(&b, d, s);
	put_memory(&b, s);
	if (fisa_links_apart(d))
		put_calls(&b, d, s);
	put_own_keys(&b, d, s);
	put_outputs(&b, d, trace);
	isa_buf_char(&b, '}');
	uselocale(old);
	freelocale(c);
	return isa_buf_take(&b);
}
