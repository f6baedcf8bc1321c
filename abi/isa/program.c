/*
 * isa/program.c - programs: made, copied, hashed, freed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm_internal.h"
#include "isa/buf.h"

void isa_manifest_done(struct fisa_manifest *m)
{
	free(m->data);
	free(m->data_mask);
	memset(m, 0, sizeof(*m));
}

static int compare_cells(const void *pa, const void *pb)
{
	const struct fisa_cells *a = pa, *b = pb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->hi < b->hi ? -1 : a->hi > b->hi;
}

/*
 * The clauses in an order that does not depend on how they were written:
 * ascending, and those that touch or overlap made one.
 */
static void put_cells(struct isa_buf *b, const struct fisa_cells *cells,
		      uint32_t count)
{
	struct fisa_cells sorted[FISA_MAX_CLAUSES];
	uint32_t n = 0;

	assert(count <= FISA_MAX_CLAUSES);
	if (count)
		memcpy(sorted, cells, count * sizeof(*cells));
	qsort(sorted, count, sizeof(sorted[0]), compare_cells);
	for (uint32_t i = 0; i < count; i++) {
		struct fisa_cells *c = &sorted[i];
		struct fisa_cells *last = n ? &sorted[n - 1] : NULL;

		if (last && last->kind == c->kind && last->lo == c->lo &&
		    last->hi == c->hi && c->kind != FISA_CELLS_STACK &&
		    c->first <= last->first + last->count) {
			uint32_t end = c->first + c->count;
			if (end > last->first + last->count)
				last->count = end - last->first;
			continue;
		}
		sorted[n++] = *c;
	}
	isa_buf_u32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		isa_buf_u32(b, sorted[i].kind);
		isa_buf_u32(b, sorted[i].first);
		isa_buf_u32(b, sorted[i].count);
		isa_buf_u32(b, (uint32_t)sorted[i].lo);
		isa_buf_u32(b, (uint32_t)sorted[i].hi);
	}
}

int isa_program_seal(struct fisa_program *p)
{
	static const char form[] = "flux program 1";
	const struct fisa_manifest *m = &p->manifest;
	struct isa_buf b = { 0 };

	assert(p->size > 0 && p->entry < FISA_MAX_CODE);
	/* The form's name keeps these hashes apart from those of texts. */
	isa_buf_put(&b, form, sizeof(form));
	isa_buf_put(&b, p->dialect->hash, sizeof(p->dialect->hash));
	isa_buf_u32(&b, p->entry);
	isa_buf_u32(&b, p->size);
	isa_buf_put(&b, p->code, p->size);
	put_cells(&b, m->in, m->in_count);
	put_cells(&b, m->out, m->out_count);
	put_cells(&b, m->scratch, m->scratch_count);
	isa_buf_u32(&b, m->out_none);
	isa_buf_u32(&b, m->boundary.kind);
	isa_buf_u32(&b, m->boundary.channel);
	isa_buf_u32(&b, m->boundary.pc);
	isa_buf_u32(&b, m->data_first);
	isa_buf_u32(&b, m->data_size);
	isa_buf_put(&b, m->data, m->data_size);
	isa_buf_put(&b, m->data_mask, m->data_size);
	if (m->watched)
		isa_buf_u32(&b, m->watched);
	if (b.failed)
		return -1;
	fisa_sha256(b.data, b.length, p->hash);
	isa_buf_done(&b);
	return 0;
}

/* n bytes of their own, or NULL. */
static uint8_t *copy_bytes(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (copy && n)
		memcpy(copy, bytes, n);
	return copy;
}

int fisa_program_from_bytes(const struct fisa_dialect *d, const uint8_t *code,
			    size_t size, struct fisa_program **out,
			    struct fisa_error *err)
{
	struct fisa_program *p;

	assert(d && out);
	if (size == 0)
		return fisa_fail(err, "the program is empty");
	if (size > FISA_MAX_CODE)
		return fisa_fail(err, "a program of %zu bytes; %u is the most",
				 size, FISA_MAX_CODE);
	p = calloc(1, sizeof(*p));
	if (!p)
		goto fail;
	p->dialect = d;
	p->size = (uint32_t)size;
	p->code = copy_bytes(code, size);
	if (!p->code || isa_program_seal(p) < 0)
		goto fail;
	*out = p;
	return 0;
fail:
	fisa_program_free(p);
	return fisa_fail(err, "out of memory");
}

struct fisa_program *fisa_program_derive(const struct fisa_program *p,
					 const uint8_t *code, size_t size,
					 uint32_t entry, uint32_t boundary_pc)
{
	const struct fisa_manifest *m = &p->manifest;
	struct fisa_program *q = calloc(1, sizeof(*q));

	assert(size > 0 && size <= FISA_MAX_CODE && entry < size);
	if (!q)
		return NULL;
	q->dialect = p->dialect;
	q->size = (uint32_t)size;
	q->entry = entry;
	q->manifest = *m;
	q->manifest.data = q->manifest.data_mask = NULL;
	if (m->boundary.kind == FISA_BOUNDARY_PC)
		q->manifest.boundary.pc = boundary_pc;
	q->code = copy_bytes(code, size);
	if (m->data_size) {
		q->manifest.data = copy_bytes(m->data, m->data_size);
		q->manifest.data_mask = copy_bytes(m->data_mask, m->data_size);
		if (!q->manifest.data || !q->manifest.data_mask)
			goto fail;
	}
	if (!q->code || isa_program_seal(q) < 0)
		goto fail;
	return q;
fail:
	fisa_program_free(q);
	return NULL;
}

int fisa_program_watch(struct fisa_program *p, uint32_t cell,
		       struct fisa_error *err)
{
	struct fisa_manifest *m = &p->manifest;

	if (cell >= p->dialect->cell_count || cell >= FISA_SET_WORDS * 64u)
		return fisa_fail(err, "confidence cell %u is outside the state",
				 (unsigned)cell);
	/* By default all registers are observed; what .out names is not. */
	if (m->out_count > 0 || m->out_none) {
		if (m->out_count == FISA_MAX_CLAUSES)
			return fisa_fail(err, "too many .out directives");
		m->out[m->out_count++] = (struct fisa_cells){
			.kind = FISA_CELLS_FILE,
			.first = cell,
			.count = 1,
		};
		m->out_none = false;
	}
	m->watched = cell + 1;
	return isa_program_seal(p) == 0 ? 0 : fisa_fail(err, "out of memory");
}

void fisa_program_free(struct fisa_program *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->label_count; i++)
		free(p->labels[i].name);
	free(p->labels);
	isa_manifest_done(&p->manifest);
	free(p->code);
	free(p);
}
