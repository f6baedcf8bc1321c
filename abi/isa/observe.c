/*
 * isa/observe.c - what must stay the same: states compared and digested by
 * their observables.
 *
 * Both walk the same list: cells, live stack, memory. Memory is visited by
 * dirty pages; a page that is not dirty holds what it held at the start, which
 * is zero but for .data, and laying .data makes its pages dirty. So every byte
 * that is not zero lies in a dirty page, and a digest leaves out pages that
 * are all zero: it depends on the contents alone.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "isa/state.h"

enum { WORD_BITS = 64 };

#define CANONICAL_NAN 0x7FC00000

/* Where a difference is told; text may be NULL. */
struct what {
	char *text;
	size_t capacity;
};

static bool differ(const struct what *what, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool differ(const struct what *what, const char *format, ...)
{
	va_list ap;

	if (!what->text || what->capacity == 0)
		return false;
	va_start(ap, format);
	vsnprintf(what->text, what->capacity, format, ap);
	va_end(ap);
	return false;
}

/* The bits of a cell, all NaNs made one. */
static int32_t canonical(int32_t bits, uint8_t type)
{
	if (type == FISA_F32 && (bits & 0x7FFFFFFF) > 0x7F800000)
		return CANONICAL_NAN;
	return bits;
}

/* ---- which cells -------------------------------------------------------- */

/* Calls for each observed cell, in an order that is the program's. */
struct cell_visitor {
	bool (*visit)(const struct fisa_file *file, uint32_t cell, void *user);
	void *user;
};

static bool visit_run(const struct fisa_dialect *d, uint32_t first,
		      uint32_t count, const struct cell_visitor *v)
{
	for (uint32_t f = 0; f < d->file_count; f++) {
		const struct fisa_file *file = &d->files[f];
		uint32_t end = (uint32_t)file->first + file->count;
		uint32_t c = first > file->first ? first : file->first;

		for (; c < end && c - first < count; c++)
			if (!v->visit(file, c, v->user))
				return false;
	}
	return true;
}

static bool visit_set(const struct fisa_dialect *d,
		      const struct fisa_set *live,
		      const struct cell_visitor *v)
{
	for (uint32_t f = 0; f < d->file_count; f++) {
		const struct fisa_file *file = &d->files[f];

		if (file->kind == FISA_FILE_STACK ||
		    file->first == d->sp_cell ||
		    file->first == d->calls_cell)
			continue;
		for (uint32_t i = 0; i < file->count; i++) {
			uint32_t c = (uint32_t)file->first + i;

			if (c < FISA_SET_WORDS * WORD_BITS &&
			    (live->w[c / WORD_BITS] >> (c % WORD_BITS) & 1) &&
			    !v->visit(file, c, v->user))
				return false;
		}
	}
	return true;
}

static bool has_out(const struct fisa_program *p)
{
	return p->manifest.out_none || p->manifest.out_count > 0;
}

static bool visit_cells(const struct fisa_program *p,
			const struct fisa_set *live,
			const struct cell_visitor *v)
{
	const struct fisa_dialect *d = p->dialect;
	const struct fisa_manifest *m = &p->manifest;

	assert(!m->out_none || m->out_count == 0);
	if (live)
		return visit_set(d, live, v);
	for (uint32_t i = 0; i < m->out_count; i++)
		if (m->out[i].kind == FISA_CELLS_FILE &&
		    !visit_run(d, m->out[i].first, m->out[i].count, v))
			return false;
	if (has_out(p))
		return true;
	for (uint32_t f = 0; f < d->file_count; f++)
		if (fisa_observed_file(&d->files[f]) &&
		    !visit_run(d, d->files[f].first, d->files[f].count, v))
			return false;
	return true;
}

static bool sees_stack(const struct fisa_program *p,
		       const struct fisa_set *live)
{
	const struct fisa_manifest *m = &p->manifest;

	if (live || !has_out(p))
		return true;
	for (uint32_t i = 0; i < m->out_count; i++)
		if (m->out[i].kind == FISA_CELLS_STACK)
			return true;
	return false;
}

/* ---- which memory ------------------------------------------------------- */

/* Copies the part of a page that lies in one of the clauses. */
static void keep_clauses(const struct fisa_cells *cells, uint32_t count,
			 uint32_t first, const uint8_t *mem, uint8_t *page)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t lo = cells[i].first;
		uint32_t hi = cells[i].first + cells[i].count;

		if (cells[i].kind != FISA_CELLS_MEM)
			continue;
		assert(hi > lo);
		lo = lo > first ? lo : first;
		hi = hi < first + FISA_PAGE ? hi : first + FISA_PAGE;
		if (lo < hi)
			memcpy(page + (lo - first), mem + lo, hi - lo);
	}
}

static void drop_clauses(const struct fisa_cells *cells, uint32_t count,
			 uint32_t first, uint8_t *page)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t lo = cells[i].first;
		uint32_t hi = cells[i].first + cells[i].count;

		lo = lo > first ? lo : first;
		hi = hi < first + FISA_PAGE ? hi : first + FISA_PAGE;
		if (lo < hi)
			memset(page + (lo - first), 0, hi - lo);
	}
}

/* The observed bytes of a page, zero where nobody looks. */
static void observed_page(const struct fisa_program *p,
			  const struct fisa_set *live,
			  const struct fisa_state *s, uint32_t number,
			  uint8_t page[FISA_PAGE])
{
	const struct fisa_manifest *m = &p->manifest;
	uint32_t first = number * FISA_PAGE;

	assert(first + FISA_PAGE <= s->mem_size);
	if (!live && has_out(p)) {
		memset(page, 0, FISA_PAGE);
		keep_clauses(m->out, m->out_count, first, s->mem, page);
		return;
	}
	memcpy(page, s->mem + first, FISA_PAGE);
	drop_clauses(m->scratch, m->scratch_count, first, page);
}

static bool sees_memory(const struct fisa_program *p,
			const struct fisa_set *live)
{
	const struct fisa_manifest *m = &p->manifest;

	if (live || !has_out(p))
		return true;
	for (uint32_t i = 0; i < m->out_count; i++)
		if (m->out[i].kind == FISA_CELLS_MEM)
			return true;
	return false;
}

static uint32_t dirty_words(const struct fisa_state *s)
{
	assert(s->mem_size % FISA_PAGE == 0);
	return (s->mem_size / FISA_PAGE + WORD_BITS - 1) / WORD_BITS;
}

/* ---- comparing ---------------------------------------------------------- */

struct compare {
	const struct fisa_state *a, *b;
	struct what what;
};

static bool same_cell(const struct fisa_file *file, uint32_t cell, void *user)
{
	const struct compare *c = user;
	int32_t x = canonical(c->a->cells[cell], file->type);
	int32_t y = canonical(c->b->cells[cell], file->type);

	if (x == y)
		return true;
	if (file->kind == FISA_FILE_REGS && file->type == FISA_F32)
		return differ(&c->what, "%s%u: bits 0x%08x, not 0x%08x",
			      file->name, cell - file->first, (unsigned)x,
			      (unsigned)y);
	if (file->kind == FISA_FILE_REGS)
		return differ(&c->what, "%s%u: %d, not %d", file->name,
			      cell - file->first, x, y);
	return differ(&c->what, "%s: %d, not %d", file->name, x, y);
}

static bool same_stack(const struct fisa_dialect *d, const struct compare *c)
{
	uint32_t n = fisa_stack_depth(d, c->a);
	uint32_t m = fisa_stack_depth(d, c->b);
	const struct fisa_file *stack;

	if (n != m)
		return differ(&c->what, "stack: %u cells, not %u", n, m);
	if (n == 0)
		return true;
	assert(d->stack_file < d->file_count);
	stack = &d->files[d->stack_file];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = stack->first + (stack->down
			? stack->count - 1u - i : i);
		int32_t x = canonical(c->a->cells[at], stack->type);
		int32_t y = canonical(c->b->cells[at], stack->type);

		if (x != y)
			return differ(&c->what, "stack cell %u: %d, not %d",
				      i, x, y);
	}
	return true;
}

static bool same_memory(const struct fisa_program *p,
			const struct fisa_set *live, const struct compare *c)
{
	uint8_t x[FISA_PAGE], y[FISA_PAGE];

	for (uint32_t w = 0; w < dirty_words(c->a); w++) {
		uint64_t bits = c->a->dirty[w] | c->b->dirty[w];

		for (; bits; bits &= bits - 1) {
			uint32_t page = w * WORD_BITS +
					(uint32_t)__builtin_ctzll(bits);
			uint32_t i = 0;

			observed_page(p, live, c->a, page, x);
			observed_page(p, live, c->b, page, y);
			if (memcmp(x, y, FISA_PAGE) == 0)
				continue;
			while (x[i] == y[i])
				i++;
			return differ(&c->what, "mem[0x%x]: %u, not %u",
				      page * FISA_PAGE + i, x[i], y[i]);
		}
	}
	return true;
}

static bool same(const struct fisa_program *p, const struct fisa_set *live,
		 struct compare *c)
{
	const struct cell_visitor v = { same_cell, c };
	const struct fisa_state *a = c->a, *b = c->b;

	assert(a->cell_count == b->cell_count && a->mem_size == b->mem_size);
	if (c->what.text && c->what.capacity)
		c->what.text[0] = '\0';
	if (a->status != b->status)
		return differ(&c->what, "status: %d, not %d", a->status,
			      b->status);
	if (a->fault != b->fault)
		return differ(&c->what, "fault: %d, not %d", a->fault,
			      b->fault);
	return visit_cells(p, live, &v) &&
	       (!sees_stack(p, live) || same_stack(p->dialect, c)) &&
	       (!sees_memory(p, live) || same_memory(p, live, c));
}

bool fisa_observe_equal(const struct fisa_program *p,
			const struct fisa_state *a, const struct fisa_state *b,
			char *what, size_t capacity)
{
	struct compare c = { a, b, { what, capacity } };

	return same(p, NULL, &c);
}

bool fisa_observe_live(const struct fisa_program *p,
		       const struct fisa_set *live,
		       const struct fisa_state *a, const struct fisa_state *b,
		       char *what, size_t capacity)
{
	struct compare c = { a, b, { what, capacity } };

	assert(live);
	return same(p, live, &c);
}

/* ---- digests ------------------------------------------------------------ */

/*
 * Two lanes of 64 bits. Every word goes into both: into one by exclusive-or
 * and a multiplication, into the other by addition and a rotation of what was
 * there, so that no swap or repetition of words leaves both unchanged. Not
 * cryptographic: it keeps equal things together, not enemies out.
 */
static uint64_t rotate(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void absorb(struct fisa_digest *h, uint64_t v)
{
	h->w[0] = rotate(h->w[0] ^ v, 29) * UINT64_C(0x9E3779B97F4A7C15);
	h->w[0] ^= h->w[0] >> 32;
	h->w[1] = (rotate(h->w[1], 31) + v) * UINT64_C(0xD6E8FEB86659FD93);
	h->w[1] ^= h->w[1] >> 29;
}

static void finish(struct fisa_digest *h)
{
	uint64_t a = h->w[0], b = h->w[1];

	absorb(h, b);
	absorb(h, a);
	h->w[0] ^= rotate(h->w[1], 17);
	h->w[1] += rotate(h->w[0], 41);
}

struct digest_cells {
	struct fisa_digest *h;
	const struct fisa_state *s;
};

static bool absorb_cell(const struct fisa_file *file, uint32_t cell,
			void *user)
{
	const struct digest_cells *d = user;

	absorb(d->h, (uint32_t)canonical(d->s->cells[cell], file->type));
	return true;
}

static void absorb_stack(const struct fisa_dialect *d,
			 const struct fisa_state *s, struct fisa_digest *h)
{
	uint32_t n = fisa_stack_depth(d, s);
	const struct fisa_file *stack;

	absorb(h, n);
	if (n == 0)
		return;
	assert(d->stack_file < d->file_count);
	stack = &d->files[d->stack_file];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = stack->first + (stack->down
			? stack->count - 1u - i : i);

		absorb(h, (uint32_t)canonical(s->cells[at], stack->type));
	}
}

static void absorb_page(struct fisa_digest *h, uint32_t number,
			const uint8_t page[FISA_PAGE])
{
	uint64_t words[FISA_PAGE / sizeof(uint64_t)], any = 0;

	/* A digest never leaves the machine; byte order does not matter. */
	memcpy(words, page, FISA_PAGE);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		any |= words[i];
	if (!any)
		return;
	absorb(h, UINT64_C(1) << 32 | number);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		absorb(h, words[i]);
}

struct fisa_digest fisa_observe_digest(const struct fisa_program *p,
				       const struct fisa_set *live,
				       const struct fisa_state *s)
{
	struct fisa_digest h = { { UINT64_C(0x243F6A8885A308D3),
				   UINT64_C(0x13198A2E03707344) } };
	struct digest_cells cells = { &h, s };
	const struct cell_visitor v = { absorb_cell, &cells };
	uint8_t page[FISA_PAGE];

	assert(s->cell_count == p->dialect->cell_count);
	absorb(&h, (uint64_t)(uint32_t)s->status << 32 | (uint32_t)s->fault);
	(void)visit_cells(p, live, &v);
	if (sees_stack(p, live))
		absorb_stack(p->dialect, s, &h);
	for (uint32_t w = 0; sees_memory(p, live) && w < dirty_words(s); w++) {
		for (uint64_t bits = s->dirty[w]; bits; bits &= bits - 1) {
			uint32_t number = w * WORD_BITS +
					  (uint32_t)__builtin_ctzll(bits);

			observed_page(p, live, s, number, page);
			absorb_page(&h, number, page);
		}
	}
	finish(&h);
	return h;
}
