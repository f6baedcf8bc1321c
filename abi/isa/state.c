/*
 * isa/state.c - states and lists of outside values.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/state.h"

enum { WORD_BITS = 64 };

#define PAGE_WORDS (FISA_PAGE / WORD_BITS)  /* of the bitmap `written` */

/* Words of the bitmap `dirty`. A memory is a whole number of pages. */
static uint32_t dirty_words(const struct fisa_state *s)
{
	assert(s->mem_size % FISA_PAGE == 0);
	return (s->mem_size / FISA_PAGE + WORD_BITS - 1) / WORD_BITS;
}

static void set_bit(uint64_t *set, uint32_t i)
{
	set[i / WORD_BITS] |= UINT64_C(1) << (i % WORD_BITS);
}

static void initial_cells(const struct fisa_dialect *d, int32_t *cells)
{
	for (uint32_t f = 0; f < d->file_count; f++) {
		const struct fisa_file *file = &d->files[f];

		for (uint32_t i = 0; i < file->count; i++)
			cells[file->first + i] = file->init;
	}
	for (uint32_t i = 0; i < d->start_count; i++)
		cells[d->starts[i].cell] = d->starts[i].value;
	if (d->stack_file < d->file_count && d->sp_cell < d->cell_count) {
		const struct fisa_file *stack = &d->files[d->stack_file];

		cells[d->sp_cell] = stack->down ? stack->count : 0;
	}
}

static void clear_run(struct fisa_state *s)
{
	s->pc = 0;
	s->status = FISA_RUN_HALT;
	s->fault = 0;
	s->cycles = 0;
}

struct fisa_state *fisa_state_new(const struct fisa_dialect *d)
{
	struct fisa_state *s = calloc(1, sizeof(*s));

	assert(d->cell_count <= FISA_MAX_CELLS);
	assert(d->mem_size <= FISA_MAX_MEM);
	if (!s)
		return NULL;
	s->cell_count = d->cell_count;
	s->mem_size = d->mem_size;
	/* The engines' zero cell and sink stand behind the last. */
	s->cells = calloc((size_t)d->cell_count + 2, sizeof(*s->cells));
	/* One more of the others: a part that is empty is no NULL. */
	s->mem = calloc((size_t)d->mem_size + 1, 1);
	s->written = calloc(d->mem_size / WORD_BITS + 1, sizeof(*s->written));
	s->dirty = calloc(dirty_words(s) + 1, sizeof(*s->dirty));
	if (!s->cells || !s->mem || !s->written || !s->dirty) {
		fisa_state_free(s);
		return NULL;
	}
	initial_cells(d, s->cells);
	clear_run(s);
	return s;
}

void fisa_state_free(struct fisa_state *s)
{
	if (!s)
		return;
	free(s->cells);
	free(s->mem);
	free(s->written);
	free(s->dirty);
	free(s);
}

void fisa_state_reset(const struct fisa_dialect *d, struct fisa_state *s)
{
	uint32_t words = dirty_words(s);

	assert(s->cell_count == d->cell_count && s->mem_size == d->mem_size);
	for (uint32_t w = 0; w < words; w++) {
		for (uint64_t bits = s->dirty[w]; bits; bits &= bits - 1) {
			uint32_t page = w * WORD_BITS +
					(uint32_t)__builtin_ctzll(bits);
			uint32_t first = page * FISA_PAGE;

			memset(s->mem + first, 0, FISA_PAGE);
			memset(s->written + first / WORD_BITS, 0,
			       PAGE_WORDS * sizeof(*s->written));
		}
		s->dirty[w] = 0;
	}
	initial_cells(d, s->cells);
	clear_run(s);
}

/* Marks pages, and not bytes: what was there before the run. */
static void mark_dirty(struct fisa_state *s, uint32_t first, uint32_t n)
{
	assert(n > 0 && first + n <= s->mem_size);
	for (uint32_t page = first / FISA_PAGE;
	     page <= (first + n - 1) / FISA_PAGE; page++)
		set_bit(s->dirty, page);
}

void fisa_state_start(const struct fisa_program *p, struct fisa_state *s)
{
	const struct fisa_manifest *m = &p->manifest;

	fisa_state_reset(p->dialect, s);
	s->pc = p->entry;
	if (m->data_size == 0)
		return;
	assert(m->data_first + m->data_size <= s->mem_size);
	for (uint32_t i = 0; i < m->data_size; i++)
		if (m->data_mask[i])
			s->mem[m->data_first + i] = m->data[i];
	mark_dirty(s, m->data_first, m->data_size);
}

void fisa_state_copy(struct fisa_state *dst, const struct fisa_state *src)
{
	uint32_t words = dirty_words(src);

	assert(dst->cell_count == src->cell_count);
	assert(dst->mem_size == src->mem_size);
	if (dst == src)
		return;
	for (uint32_t w = 0; w < words; w++) {
		uint64_t bits = dst->dirty[w] | src->dirty[w];

		for (; bits; bits &= bits - 1) {
			uint32_t page = w * WORD_BITS +
					(uint32_t)__builtin_ctzll(bits);
			uint32_t first = page * FISA_PAGE;

			memcpy(dst->mem + first, src->mem + first, FISA_PAGE);
			memcpy(dst->written + first / WORD_BITS,
			       src->written + first / WORD_BITS,
			       PAGE_WORDS * sizeof(*src->written));
		}
		dst->dirty[w] = src->dirty[w];
	}
	memcpy(dst->cells, src->cells,
	       src->cell_count * sizeof(*src->cells));
	dst->pc = src->pc;
	dst->status = src->status;
	dst->fault = src->fault;
	dst->cycles = src->cycles;
}

void fisa_state_mark(struct fisa_state *s, uint32_t address, uint32_t n)
{
	if (s->mem_size == 0)
		return;
	assert((s->mem_size & (s->mem_size - 1)) == 0);
	if (n > s->mem_size)
		n = s->mem_size;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = (address + i) & (s->mem_size - 1);

		set_bit(s->written, at);
		set_bit(s->dirty, at / FISA_PAGE);
	}
}

uint32_t fisa_stack_depth(const struct fisa_dialect *d,
			  const struct fisa_state *s)
{
	const struct fisa_file *stack;
	int32_t sp;

	if (d->stack_file >= d->file_count || d->sp_cell >= d->cell_count)
		return 0;
	stack = &d->files[d->stack_file];
	sp = s->cells[d->sp_cell];
	/* The index is a cell like any other: a host may hand in nonsense. */
	if (sp < 0)
		sp = 0;
	if (sp > stack->count)
		sp = stack->count;
	return (uint32_t)(stack->down ? stack->count - sp : sp);
}

int32_t *fisa_stack_cell(const struct fisa_dialect *d, struct fisa_state *s,
			 uint32_t i)
{
	const struct fisa_file *stack;

	assert(d->stack_file < d->file_count);
	stack = &d->files[d->stack_file];
	assert(i < stack->count);
	return &s->cells[stack->first + (stack->down ? stack->count - 1 - i
						     : i)];
}

/* ---- outside values ----------------------------------------------------- */

int fisa_trace_add(struct fisa_trace *t, const struct fisa_event *e)
{
	assert(e->argc <= FISA_MAX_ARGS);
	if (t->count == t->capacity) {
		uint32_t n = t->capacity ? t->capacity * 2 : 16;
		struct fisa_event *grown;

		if (n < t->capacity)
			return -1;
		grown = reallocarray(t->events, n, sizeof(*grown));
		if (!grown)
			return -1;
		t->events = grown;
		t->capacity = n;
	}
	t->events[t->count++] = *e;
	return 0;
}

void fisa_trace_done(struct fisa_trace *t)
{
	free(t->events);
	memset(t, 0, sizeof(*t));
}

bool fisa_event_equal(const struct fisa_event *a, const struct fisa_event *b)
{
	if (a->out != b->out || a->name != b->name || a->argc != b->argc)
		return false;
	assert(a->argc <= FISA_MAX_ARGS);
	for (unsigned i = 0; i < a->argc; i++)
		if (a->arg[i] != b->arg[i])
			return false;
	return a->out || a->value == b->value;
}
