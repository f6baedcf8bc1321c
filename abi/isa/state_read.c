/*
 * isa/state_read.c - states from JSON.
 *
 * The text is not trusted: every key, type, range and size is checked, and
 * the error says which value it was.
 */
#include <assert.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isa/state_impl.h"

#define MAX_JSON (64u << 20)  /* bytes: twice the largest memory in hex */

const struct state_key isa_state_keys[STATE_KEYS] = {
	{ "regs", "R", FISA_I32 },
	{ "fregs", "F", FISA_F32 },
	{ "conf", "C", FISA_I32 },
	{ "conf", "CONF", FISA_F32 },
};

/* A reading under way. */
struct reader {
	const struct fisa_dialect *d;
	struct fisa_state *s;
	struct fisa_trace *inputs;
	locale_t locale;       /* C: a decimal point is a point */
	struct fisa_error *err;
};

int isa_state_file(const struct fisa_dialect *d, const struct state_key *key)
{
	int f = fisa_file_by_name(d, key->file, strlen(key->file));

	if (f < 0 || d->files[f].type != key->type ||
	    (d->files[f].kind != FISA_FILE_REGS &&
	     d->files[f].kind != FISA_FILE_CELL))
		return -1;
	return f;
}

const struct state_key *isa_state_key(const struct fisa_dialect *d,
				      const char *name)
{
	const struct state_key *found = NULL;

	for (size_t i = 0; i < STATE_KEYS; i++) {
		const struct state_key *key = &isa_state_keys[i];

		if (strcmp(key->name, name) != 0)
			continue;
		if (!found || isa_state_file(d, key) >= 0)
			found = key;
	}
	return found;
}

void isa_state_flag_name(const struct fisa_file *file, char out[FISA_MAX_NAME])
{
	size_t i = 0;

	for (; i + 1 < FISA_MAX_NAME && file->name[i]; i++) {
		char c = file->name[i];

		out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	out[i] = '\0';
}

/* ---- values ------------------------------------------------------------- */

static int read_int(struct reader *r, const json_t *v, const char *what,
		    size_t index, int32_t *out)
{
	json_int_t n;

	if (!json_is_integer(v))
		return fisa_fail(r->err, "state: %s[%zu]: a whole number is "
				 "wanted", what, index);
	n = json_integer_value(v);
	if (n < INT32_MIN || n > INT32_MAX)
		return fisa_fail(r->err, "state: %s[%zu]: %lld is outside "
				 "%d..%d", what, index, (long long)n,
				 INT32_MIN, INT32_MAX);
	*out = (int32_t)n;
	return 0;
}

/* -digits.digits e-digits; what strtof takes besides is refused. */
static bool is_decimal(const char *text)
{
	static const char digits[] = "0123456789";
	size_t n;

	text += *text == '-';
	n = strspn(text, digits);
	if (n == 0)
		return false;
	text += n;
	if (*text == '.') {
		n = strspn(text + 1, digits);
		if (n == 0)
			return false;
		text += 1 + n;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '-' || *text == '+';
		n = strspn(text, digits);
		if (n == 0)
			return false;
		text += n;
	}
	return *text == '\0';
}

static int read_float(struct reader *r, const json_t *v, const char *what,
		      size_t index, int32_t *out)
{
	const char *text = json_string_value(v);
	float f;

	assert(r->locale);
	if (!text)
		return fisa_fail(r->err, "state: %s[%zu]: a number as a "
				 "string is wanted", what, index);
	if (strcmp(text, "nan") == 0) {
		*out = 0x7FC00000;
		return 0;
	}
	if (strcmp(text, "inf") == 0)
		f = INFINITY;
	else if (strcmp(text, "-inf") == 0)
		f = -INFINITY;
	else if (!is_decimal(text))
		return fisa_fail(r->err, "state: %s[%zu]: \"%.40s\" is no "
				 "number", what, index, text);
	else
		f = strtof_l(text, NULL, r->locale);
	if (isinf(f) && strchr(text, 'i') == NULL)
		return fisa_fail(r->err, "state: %s[%zu]: %.40s is too large",
				 what, index, text);
	memcpy(out, &f, sizeof(f));
	return 0;
}

/* ---- keys --------------------------------------------------------------- */

/* An array of at most `most` elements. */
static int want_array(struct reader *r, const char *key, const json_t *v,
		      size_t most)
{
	if (!json_is_array(v))
		return fisa_fail(r->err, "state: %s: an array is wanted",
				 key);
	if (json_array_size(v) > most)
		return fisa_fail(r->err, "state: %s: %zu values; %zu is the "
				 "most", key, json_array_size(v), most);
	return 0;
}

/* A shorter array leaves the rest as it is. */
static int read_file_key(struct reader *r, const struct state_key *key,
			 const json_t *v)
{
	int f = isa_state_file(r->d, key);
	size_t count = f < 0 ? 0 : r->d->files[f].count;

	if (want_array(r, key->name, v, count) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *item = json_array_get(v, i);
		int32_t *cell = &r->s->cells[r->d->files[f].first + i];
		int rc = key->type == FISA_F32
			? read_float(r, item, key->name, i, cell)
			: read_int(r, item, key->name, i, cell);

		if (rc < 0)
			return -1;
	}
	return 0;
}

static int read_stack(struct reader *r, const char *key, const json_t *v)
{
	bool calls = strcmp(key, "calls") == 0;
	uint16_t file = calls ? r->d->calls_file : r->d->stack_file;
	const struct fisa_file *stack = NULL;
	size_t n;

	if (file < r->d->file_count)
		stack = &r->d->files[file];
	if (want_array(r, key, v, stack ? stack->count : 0) < 0)
		return -1;
	n = json_array_size(v);
	for (size_t i = 0; i < n; i++) {
		size_t at = stack->down ? stack->count - 1u - i : i;

		if (read_int(r, json_array_get(v, i), key, i,
			     &r->s->cells[stack->first + at]) < 0)
			return -1;
	}
	if (stack)
		r->s->cells[calls ? r->d->calls_cell : r->d->sp_cell] =
			(int32_t)(stack->down ? stack->count - n : n);
	return 0;
}

static int read_flags(struct reader *r, const char *key, json_t *v)
{
	const char *name;
	json_t *value;

	if (!json_is_object(v))
		return fisa_fail(r->err, "state: %s: an object is wanted",
				 key);
	json_object_foreach(v, name, value) {
		char flag[FISA_MAX_NAME];
		uint32_t f = 0;

		for (; f < r->d->file_count; f++) {
			if (r->d->files[f].kind != FISA_FILE_FLAG)
				continue;
			isa_state_flag_name(&r->d->files[f], flag);
			if (strcmp(flag, name) == 0)
				break;
		}
		if (f == r->d->file_count)
			return fisa_fail(r->err, "state: %s: no flag "
					 "\"%.40s\"", key, name);
		if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		    json_integer_value(value) > 1)
			return fisa_fail(r->err, "state: %s: %s: 0 or 1 is "
					 "wanted", key, flag);
		r->s->cells[r->d->files[f].first] =
			(int32_t)json_integer_value(value);
	}
	return 0;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) % 16 : -1;
}

/* A register as hex digits, its cells little-endian. */
static int read_hex_register(struct reader *r, const char *key, size_t index,
			     const json_t *v, int32_t *cells, uint32_t width)
{
	const char *hex = json_string_value(v);

	if (!hex || json_string_length(v) != (size_t)width * 8)
		return fisa_fail(r->err, "state: %s[%zu]: %u hex digits are "
				 "wanted", key, index, width * 8);
	for (uint32_t c = 0; c < width; c++) {
		uint32_t value = 0;

		for (unsigned i = 0; i < 8; i += 2) {
			int high = hex_digit(hex[c * 8 + i]);
			int low = hex_digit(hex[c * 8 + i + 1]);

			if (high < 0 || low < 0)
				return fisa_fail(r->err, "state: %s[%zu]: no "
						 "hex digit", key, index);
			value |= (uint32_t)(high << 4 | low) << (4 * i);
		}
		cells[c] = (int32_t)value;
	}
	return 0;
}

/* A key that the dialect's head brings along. */
static int read_own_key(struct reader *r, const struct fisa_key *key,
			const json_t *v)
{
	const struct fisa_file *f = &r->d->files[key->file];
	int32_t *cell = &r->s->cells[f->first];

	if (key->form == FISA_KEY_I32)
		return read_int(r, v, key->name, 0, cell);
	if (key->form == FISA_KEY_U32) {
		json_int_t n = json_integer_value(v);

		if (!json_is_integer(v) || n < 0 || n > UINT32_MAX)
			return fisa_fail(r->err, "state: %s: a number of "
					 "0..%u is wanted", key->name,
					 UINT32_MAX);
		*cell = (int32_t)(uint32_t)n;
		return 0;
	}
	if (want_array(r, key->name, v, fisa_registers(f)) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(v); i++)
		if (read_hex_register(r, key->name, i, json_array_get(v, i),
				      cell + i * f->width, f->width) < 0)
			return -1;
	return 0;
}

/* Bytes that were there before the run: dirty, not written. */
static int read_run(struct reader *r, size_t index, uint32_t first,
		    const json_t *v)
{
	const char *hex = json_string_value(v);
	size_t n = json_string_length(v);

	assert(hex && first < r->s->mem_size);
	if (n % 2)
		return fisa_fail(r->err, "state: mem[%zu]: an odd number of "
				 "hex digits", index);
	if (n / 2 > r->s->mem_size - first)
		return fisa_fail(r->err, "state: mem[%zu]: past the end of "
				 "memory (%u)", index, r->s->mem_size);
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
		uint32_t at = first + (uint32_t)(i / 2);
		uint32_t page = at / FISA_PAGE;

		if (high < 0 || low < 0)
			return fisa_fail(r->err, "state: mem[%zu]: no hex "
					 "digit at %zu", index,
					 high < 0 ? i : i + 1);
		r->s->mem[at] = (uint8_t)(high << 4 | low);
		r->s->dirty[page / 64] |= UINT64_C(1) << (page % 64);
	}
	return 0;
}

static int read_memory(struct reader *r, const char *key, const json_t *v)
{
	if (want_array(r, key, v, FISA_MAX_MEM) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *pair = json_array_get(v, i);
		const json_t *first = json_array_get(pair, 0);
		const json_t *bytes = json_array_get(pair, 1);
		json_int_t at = json_integer_value(first);

		if (json_array_size(pair) != 2 || !json_is_integer(first) ||
		    !json_is_string(bytes))
			return fisa_fail(r->err, "state: %s[%zu]: [address, "
					 "\"hex\"] is wanted", key, i);
		if (at < 0 || at >= r->s->mem_size)
			return fisa_fail(r->err, "state: %s[%zu]: address "
					 "%lld is outside memory (%u)", key,
					 i, (long long)at, r->s->mem_size);
		if (read_run(r, i, (uint32_t)at, bytes) < 0)
			return -1;
	}
	return 0;
}

/* [name, arguments..., value] */
static int read_input(struct reader *r, const json_t *v, size_t index)
{
	const char *name = json_string_value(json_array_get(v, 0));
	size_t n = json_array_size(v);
	struct fisa_event e = { 0 };
	uint32_t source = 0;

	if (!name || n < 2 || n > 2 + FISA_MAX_ARGS)
		return fisa_fail(r->err, "state: in[%zu]: [name, arguments, "
				 "value] is wanted", index);
	while (source < r->d->source_count &&
	       strcmp(r->d->sources[source], name) != 0)
		source++;
	if (source == r->d->source_count)
		return fisa_fail(r->err, "state: in[%zu]: no source \"%.40s\"",
				 index, name);
	e.name = (uint16_t)source;
	e.argc = (uint8_t)(n - 2);
	for (size_t i = 1; i + 1 < n; i++)
		if (read_int(r, json_array_get(v, i), "in", index,
			     &e.arg[i - 1]) < 0)
			return -1;
	if (read_int(r, json_array_get(v, n - 1), "in", index, &e.value) < 0)
		return -1;
	if (r->inputs && fisa_trace_add(r->inputs, &e) < 0)
		return fisa_fail(r->err, "out of memory");
	return 0;
}

static int read_inputs(struct reader *r, const char *key, const json_t *v)
{
	if (want_array(r, key, v, MAX_JSON) < 0)
		return -1;
	for (size_t i = 0; i < json_array_size(v); i++)
		if (read_input(r, json_array_get(v, i), i) < 0)
			return -1;
	return 0;
}

static int read_count(struct reader *r, const char *key, const json_t *v,
		      int64_t most, uint64_t *out)
{
	assert(most > 0);
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > most)
		return fisa_fail(r->err, "state: %s: a whole number in "
				 "0..%lld is wanted", key, (long long)most);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

/* What a result says of its run; a run to come has nothing of it. */
static int skip_result(struct reader *r, const char *key, const json_t *v,
		       bool *known)
{
	static const struct {
		const char *name;
		json_type type;
	} keys[] = {
		{ "status", JSON_STRING },
		{ "fault", JSON_INTEGER },
		{ "fault_name", JSON_STRING },
		{ "out", JSON_ARRAY },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].name) != 0)
			continue;
		*known = true;
		if (json_typeof(v) != keys[i].type)
			return fisa_fail(r->err, "state: %s: wrong type",
					 key);
		return 0;
	}
	return 0;
}

static int read_key(struct reader *r, const char *key, json_t *v)
{
	bool known = false;
	uint64_t n = 0;

	if (isa_state_key(r->d, key))
		return read_file_key(r, isa_state_key(r->d, key), v);
	for (uint32_t i = 0; i < r->d->key_count; i++)
		if (strcmp(key, r->d->keys[i].name) == 0)
			return read_own_key(r, &r->d->keys[i], v);
	if (strcmp(key, "stack") == 0 ||
	    (strcmp(key, "calls") == 0 && fisa_links_apart(r->d)))
		return read_stack(r, key, v);
	if (strcmp(key, "flags") == 0)
		return read_flags(r, key, v);
	if (strcmp(key, "mem") == 0)
		return read_memory(r, key, v);
	if (strcmp(key, "in") == 0)
		return read_inputs(r, key, v);
	if (strcmp(key, "cycles") == 0)
		return read_count(r, key, v, INT64_MAX, &r->s->cycles);
	if (strcmp(key, "pc") == 0) {
		if (read_count(r, key, v, UINT32_MAX, &n) < 0)
			return -1;
		r->s->pc = (uint32_t)n;
		return 0;
	}
	if (skip_result(r, key, v, &known) < 0)
		return -1;
	if (!known)
		return fisa_fail(r->err, "state: unknown key \"%.60s\"", key);
	return 0;
}

static json_t *parse(const char *text, size_t length, struct fisa_error *err)
{
	json_error_t where;
	json_t *root;

	if (length > MAX_JSON) {
		fisa_fail(err, "state: %zu bytes; %u is the most", length,
			  MAX_JSON);
		return NULL;
	}
	root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
	if (!root) {
		fisa_fail(err, "state:%d:%d: %.160s", where.line,
			  where.column, where.text);
		return NULL;
	}
	if (!json_is_object(root)) {
		fisa_fail(err, "state: an object is wanted");
		json_decref(root);
		return NULL;
	}
	return root;
}

int fisa_state_from_json(const struct fisa_dialect *d, const char *text,
			 size_t length, struct fisa_state *s,
			 struct fisa_trace *inputs, struct fisa_error *err)
{
	struct reader r = { d, s, inputs, (locale_t)0, err };
	uint32_t old_count = inputs ? inputs->count : 0;
	const char *key;
	json_t *root, *v;
	int rc = -1;

	assert(d && s && (text || length == 0));
	assert(s->cell_count == d->cell_count && s->mem_size == d->mem_size);
	root = parse(text ? text : "", length, err);
	if (!root)
		return -1;
	r.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!r.locale) {
		fisa_fail(err, "out of memory");
		goto done;
	}
	json_object_foreach(root, key, v)
		if (read_key(&r, key, v) < 0)
			goto done;
	rc = 0;
done:
	if (rc < 0 && inputs)
		inputs->count = old_count;
	if (r.locale)
		freelocale(r.locale);
	json_decref(root);
	return rc;
}
