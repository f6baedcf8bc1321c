/*
 * isa/asm_manifest.c - the directives that say what a program is for: its
 * inputs, its observables, its task boundary, its data, its entry.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "isa/asm_internal.h"

/* One of the lists .in .out .scratch. */
struct clause_list {
	struct fisa_cells *cells;
	uint32_t *count;
	bool ranges;  /* a range may follow, and nothing is named twice */
};

void asm_natural_range(const struct fisa_dialect *d,
		       const struct fisa_cells *c, int32_t *lo, int32_t *hi)
{
	*lo = INT32_MIN;
	*hi = INT32_MAX;
	if (c->kind == FISA_CELLS_MEM) {
		*lo = 0;
		*hi = UINT8_MAX;
		return;
	}
	for (uint32_t f = 0; f < d->file_count; f++) {
		const struct fisa_file *file = &d->files[f];

		if (c->kind == FISA_CELLS_FILE &&
		    file->kind == FISA_FILE_FLAG && c->first == file->first) {
			*lo = 0;
			*hi = 1;
		}
	}
}

static bool is_float(const struct fisa_dialect *d, const struct fisa_cells *c)
{
	for (uint32_t f = 0; f < d->file_count; f++) {
		const struct fisa_file *file = &d->files[f];

		if (c->kind == FISA_CELLS_FILE && c->first >= file->first &&
		    c->first < (uint32_t)file->first + file->count)
			return file->type == FISA_F32;
	}
	return false;
}

static bool overlap(const struct fisa_cells *a, const struct fisa_cells *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == FISA_CELLS_STACK ||
	       (a->first < b->first + b->count &&
		b->first < a->first + a->count);
}

/* Adds a clause; neighbours with the same range become one. */
static int add_clause(struct asm_work *w, const struct clause_list *list,
		      const struct fisa_cells *c, const char *at)
{
	struct fisa_cells *last;

	assert(*list->count <= FISA_MAX_CLAUSES);
	for (uint32_t i = 0; list->ranges && i < *list->count; i++)
		if (overlap(&list->cells[i], c))
			return asm_fail(w, at, "named before as an input");
	last = *list->count ? &list->cells[*list->count - 1] : NULL;
	if (last && last->kind == c->kind && c->kind != FISA_CELLS_STACK &&
	    last->lo == c->lo && last->hi == c->hi &&
	    last->first + last->count == c->first) {
		last->count += c->count;
		return 0;
	}
	if (*list->count == FISA_MAX_CLAUSES)
		return asm_fail(w, at, "more than %d clauses",
				FISA_MAX_CLAUSES);
	list->cells[(*list->count)++] = *c;
	return 0;
}

/* A number that the range of the clause may follow. */
static int clause_count(struct asm_work *w, const char *what, int64_t most,
			uint32_t *out)
{
	int64_t count;
	int rc;

	assert(!w->before_range && most >= 1);
	w->before_range = true;
	rc = asm_number(w, what, 1, most, &count);
	w->before_range = false;
	if (rc == 0)
		*out = (uint32_t)count;
	return rc;
}

/* ADDRESS SIZE */
static int memory_cells(struct asm_work *w, struct fisa_cells *c)
{
	int64_t first;

	if (w->d->mem_size == 0)
		return asm_fail(w, w->token.at, "%s has no memory",
				w->d->name);
	if (asm_next(w) < 0 ||
	    asm_number(w, "address", 0, (int64_t)w->d->mem_size - 1,
		       &first) < 0)
		return -1;
	c->kind = FISA_CELLS_MEM;
	c->first = (uint32_t)first;
	return clause_count(w, "size", (int64_t)w->d->mem_size - first,
			    &c->count);
}

/* For an input how many cells; for an observable all there are. */
static int stack_cells(struct asm_work *w, bool input, struct fisa_cells *c)
{
	if (w->d->stack_file >= w->d->file_count)
		return asm_fail(w, w->token.at, "%s has no stack", w->d->name);
	c->kind = FISA_CELLS_STACK;
	if (asm_next(w) < 0)
		return -1;
	return !input ? 0 : clause_count(w, "stack cells",
		w->d->files[w->d->stack_file].count, &c->count);
}

/* A register, a flag or a single cell by name. */
static int named_cell(struct asm_work *w, struct fisa_cells *c)
{
	const struct asm_token *t = &w->token;
	const struct fisa_dialect *d = w->d;
	int f, n;

	if (t->kind != ASM_WORD)
		return asm_wanted(w, "a register, flag, mem or stack");
	c->kind = FISA_CELLS_FILE;
	c->count = 1;
	f = fisa_file_by_name(d, t->at, t->length);
	if (f >= 0 && (d->files[f].kind == FISA_FILE_FLAG ||
		       d->files[f].kind == FISA_FILE_CELL)) {
		if (d->files[f].first == d->sp_cell ||
		    d->files[f].first == d->calls_cell)
			return asm_fail(w, t->at, "name the stack, not its "
					"index");
		c->first = d->files[f].first;
		return asm_next(w);
	}
	for (f = 0; f < (int)d->file_count; f++) {
		if (d->files[f].kind != FISA_FILE_REGS)
			continue;
		n = asm_register(d, (uint16_t)(1u << f), t->at, t->length);
		/* R reaches through every file; here each goes by its own
		 * name. */
		if (n == -1 || strncasecmp(t->at, d->files[f].name,
					   strlen(d->files[f].name)) != 0)
			continue;
		if (n < 0 || n >= (int)fisa_registers(&d->files[f]))
			return asm_fail(w, t->at, "file %s has registers "
					"0..%d", d->files[f].name,
					(int)fisa_registers(&d->files[f]) - 1);
		c->count = d->files[f].width;
		c->first = d->files[f].first + (uint32_t)n * c->count;
		return asm_next(w);
	}
	return asm_wanted(w, "a register, flag, mem or stack");
}

/* LO..HI, or nothing. */
static int clause_range(struct asm_work *w, struct fisa_cells *c)
{
	const char *at = w->token.at;
	int32_t lo, hi;
	int64_t from, to;

	assert(c->count > 0);
	asm_natural_range(w->d, c, &lo, &hi);
	c->lo = lo;
	c->hi = hi;
	if (w->token.kind == ASM_EOL || asm_is_mark(w, ','))
		return 0;
	if (is_float(w->d, c))
		return asm_fail(w, at, "a range is for integers");
	if (asm_number(w, "range", lo, hi, &from) < 0)
		return -1;
	if (w->token.kind != ASM_RANGE)
		return asm_wanted(w, "..");
	if (asm_next(w) < 0 || asm_number(w, "range", lo, hi, &to) < 0)
		return -1;
	if (from > to)
		return asm_fail(w, at, "an empty range");
	c->lo = (int32_t)from;
	c->hi = (int32_t)to;
	return 0;
}

/* All flags at once. */
static int flag_clauses(struct asm_work *w, const struct clause_list *list)
{
	const char *at = w->token.at;
	struct fisa_cells range = { 0 };
	bool any = false;

	for (uint32_t f = 0; f < w->d->file_count; f++) {
		if (w->d->files[f].kind != FISA_FILE_FLAG)
			continue;
		any = true;
		range.kind = FISA_CELLS_FILE;
		range.first = w->d->files[f].first;
		range.count = 1;
	}
	if (!any)
		return asm_fail(w, at, "%s has no flags", w->d->name);
	if (asm_next(w) < 0 ||
	    (list->ranges && clause_range(w, &range) < 0))
		return -1;
	for (uint32_t f = 0; f < w->d->file_count; f++) {
		if (w->d->files[f].kind != FISA_FILE_FLAG)
			continue;
		range.first = w->d->files[f].first;
		if (add_clause(w, list, &range, at) < 0)
			return -1;
	}
	return 0;
}

static int clause(struct asm_work *w, const struct clause_list *list)
{
	const char *at = w->token.at;
	struct fisa_cells c = { 0 };
	int rc;

	if (asm_is_word(w, "flags"))
		return flag_clauses(w, list);
	if (asm_is_word(w, "mem"))
		rc = memory_cells(w, &c);
	else if (asm_is_word(w, "stack"))
		rc = stack_cells(w, list->ranges, &c);
	else
		rc = named_cell(w, &c);
	if (rc < 0 || (list->ranges && clause_range(w, &c) < 0))
		return -1;
	return add_clause(w, list, &c, at);
}

static int clauses(struct asm_work *w, const struct clause_list *list)
{
	for (;;) {
		if (clause(w, list) < 0)
			return -1;
		if (!asm_is_mark(w, ','))
			return 0;
		if (asm_next(w) < 0)
			return -1;
	}
}

static int directive_in(struct asm_work *w)
{
	struct fisa_manifest *m = &w->manifest;
	struct clause_list list = { m->in, &m->in_count, true };

	return clauses(w, &list);
}

static int directive_out(struct asm_work *w)
{
	struct fisa_manifest *m = &w->manifest;
	struct clause_list list = { m->out, &m->out_count, false };
	bool none = asm_is_word(w, "none");

	if (m->out_none || (none && m->out_count))
		return asm_fail(w, w->token.at, ".out none stands alone");
	if (!none)
		return clauses(w, &list);
	m->out_none = true;
	return asm_next(w);
}

static int directive_scratch(struct asm_work *w)
{
	struct fisa_manifest *m = &w->manifest;
	struct clause_list list = { m->scratch, &m->scratch_count, false };

	if (!asm_is_word(w, "mem"))
		return asm_wanted(w, "mem");
	return clauses(w, &list);
}

/* ---- .boundary .entry .dialect ------------------------------------------ */

static int boundary_channel(struct asm_work *w)
{
	const struct asm_token *t = &w->token;

	assert(w->d->channel_count <= 64);
	if (t->kind != ASM_WORD)
		return asm_wanted(w, "a channel");
	for (uint32_t i = 0; i < w->d->channel_count; i++) {
		if (!asm_is_word(w, w->d->channels[i]))
			continue;
		w->manifest.boundary.kind = FISA_BOUNDARY_OUT;
		w->manifest.boundary.channel = (uint16_t)i;
		return asm_next(w);
	}
	return asm_wanted(w, "the name of a row that emits");
}

/* The address of a byte of the code. A text without code is told at its end,
 * which is why there is a byte 0 here in any case. */
static int code_place(struct asm_work *w, const char *what, uint32_t *out)
{
	int64_t last = w->size ? (int64_t)w->size - 1 : 0;
	int64_t pc;

	if (asm_number(w, what, 0, last, &pc) < 0)
		return -1;
	*out = (uint32_t)pc;
	return 0;
}

static int directive_boundary(struct asm_work *w)
{
	bool out = asm_is_word(w, "out");

	if (w->has_boundary)
		return asm_fail(w, w->token.at, "a second .boundary");
	w->has_boundary = true;
	if (asm_is_word(w, "yield")) {
		w->manifest.boundary.kind = FISA_BOUNDARY_DEFAULT;
		return asm_next(w);
	}
	if (!out && !asm_is_word(w, "pc"))
		return asm_wanted(w, "yield, out:CHANNEL or pc:LABEL");
	if (asm_next(w) < 0)
		return -1;
	if (!asm_is_mark(w, ':'))
		return asm_wanted(w, ":");
	if (asm_next(w) < 0)
		return -1;
	if (out)
		return boundary_channel(w);
	w->manifest.boundary.kind = FISA_BOUNDARY_PC;
	return code_place(w, "pc", &w->manifest.boundary.pc);
}

static int directive_entry(struct asm_work *w)
{
	if (w->has_entry)
		return asm_fail(w, w->token.at, "a second .entry");
	w->has_entry = true;
	return code_place(w, "entry", &w->entry);
}

static int directive_dialect(struct asm_work *w)
{
	const struct asm_token *t = &w->token;

	if (t->kind != ASM_WORD)
		return asm_wanted(w, "a name");
	if (w->has_dialect)
		return asm_fail(w, t->at, "a second .dialect");
	w->has_dialect = true;
	if (t->length != strlen(w->d->name) ||
	    memcmp(t->at, w->d->name, t->length) != 0)
		return asm_fail(w, t->at, "the text is not for %s",
				w->d->name);
	return asm_next(w);
}

/* ---- .data -------------------------------------------------------------- */

static int lay(struct asm_work *w, int64_t address, uint8_t byte,
	       const char *at)
{
	assert(address >= 0 && w->data && w->data_mask);
	if (address >= w->d->mem_size)
		return asm_fail(w, at, "data past the end of memory (%u)",
				w->d->mem_size);
	if (w->data_mask[address])
		return asm_fail(w, at, "data laid before at address 0x%x",
				(unsigned)address);
	w->data_mask[address] = 1;
	w->data[address] = byte;
	if (address < w->data_lo)
		w->data_lo = (uint32_t)address;
	if (address > w->data_hi)
		w->data_hi = (uint32_t)address;
	return 0;
}

static int data_string(struct asm_work *w, int64_t *address)
{
	struct asm_token t = w->token;
	uint8_t *bytes;
	size_t n;
	int rc = 0;

	if (t.kind != ASM_STRING)
		return asm_wanted(w, "a string");
	bytes = malloc(t.length);
	if (!bytes)
		return asm_fail(w, t.at, "out of memory");
	n = asm_string(&t, bytes);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = lay(w, (*address)++, bytes[i], t.at);
	free(bytes);
	return rc < 0 ? rc : asm_next(w);
}

/* One number of `width` bytes, signed or unsigned as it comes. */
static int data_number(struct asm_work *w, unsigned width, int64_t *address)
{
	static const char *const names[] = { "", "byte", "half", "", "word" };
	const char *at = w->token.at;
	int64_t range = INT64_C(1) << (8 * width);
	int64_t v;

	assert(width == 1 || width == 2 || width == 4);
	if (asm_number(w, names[width], -range / 2, range - 1, &v) < 0)
		return -1;
	for (unsigned i = 0; i < width; i++)
		if (lay(w, (*address)++, (uint8_t)((uint64_t)v >> (8 * i)),
			at) < 0)
			return -1;
	return 0;
}

static int data_width(const struct asm_work *w)
{
	return asm_is_word(w, "byte") ? 1 : asm_is_word(w, "half") ? 2 :
	       asm_is_word(w, "word") ? 4 : asm_is_word(w, "ascii") ? 0 : -1;
}

static int directive_data(struct asm_work *w)
{
	int64_t address;
	int width;

	if (w->d->mem_size == 0)
		return asm_fail(w, w->token.at, "%s has no memory",
				w->d->name);
	if (!w->data) {
		w->data = calloc(w->d->mem_size, 1);
		w->data_mask = calloc(w->d->mem_size, 1);
		if (!w->data || !w->data_mask)
			return asm_fail(w, w->token.at, "out of memory");
		w->data_lo = UINT32_MAX;
		w->data_hi = 0;
	}
	if (asm_number(w, "address", 0, (int64_t)w->d->mem_size - 1,
		       &address) < 0)
		return -1;
	width = data_width(w);
	if (width < 0)
		return asm_wanted(w, "byte, half, word or ascii");
	do {
		if (asm_next(w) < 0)
			return -1;
		if (width == 0 ? data_string(w, &address) < 0
			       : data_number(w, (unsigned)width, &address) < 0)
			return -1;
	} while (asm_is_mark(w, ','));
	return 0;
}

int asm_manifest_finish(struct asm_work *w)
{
	struct fisa_manifest *m = &w->manifest;

	if (!w->data || w->data_lo > w->data_hi)
		return 0;
	assert(w->data_hi < w->d->mem_size && !m->data);
	m->data_first = w->data_lo;
	m->data_size = w->data_hi - w->data_lo + 1;
	m->data = malloc(m->data_size);
	m->data_mask = malloc(m->data_size);
	if (!m->data || !m->data_mask)
		return fisa_fail(w->err, "out of memory");
	memcpy(m->data, w->data + w->data_lo, m->data_size);
	memcpy(m->data_mask, w->data_mask + w->data_lo, m->data_size);
	return 0;
}

/* ---- dispatch ----------------------------------------------------------- */

int asm_directive(struct asm_work *w)
{
	static const struct {
		const char *name;
		int (*run)(struct asm_work *w);
	} table[] = {
		{ ".dialect", directive_dialect },
		{ ".in", directive_in },
		{ ".out", directive_out },
		{ ".scratch", directive_scratch },
		{ ".boundary", directive_boundary },
		{ ".data", directive_data },
		{ ".entry", directive_entry },
	};
	const struct asm_token *t = &w->token;

	assert(t->kind == ASM_DIRECTIVE && w->working);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (t->length != strlen(table[i].name) ||
		    strncasecmp(t->at, table[i].name, t->length) != 0)
			continue;
		if (asm_next(w) < 0 || table[i].run(w) < 0)
			return -1;
		return asm_expect_eol(w);
	}
	return asm_wanted(w, "a directive");
}
