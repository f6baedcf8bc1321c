/*
 * isa/disasm.c - programs to assembly text that assembles to the same bytes.
 *
 * The code is walked once from its start. What does not come back as it was
 * when written as an instruction is written as bytes.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm_internal.h"
#include "isa/buf.h"

enum {
	BYTES_A_LINE = 8,
	DATA_A_LINE = 16,
	COMMENT_COLUMN = 40
};

#define GENERATED "L_"  /* how names of our own making begin */

/* A disassembly under way. */
struct disasm {
	const struct fisa_program *p;
	struct isa_buf *buf;
	uint8_t *start;     /* [size + 1]: a statement begins here */
	uint8_t *wanted;    /* [size + 1]: a label is needed here */
	uint32_t next_label; /* of the program's, not yet written */
	bool may_generate;
};

/* ---- one instruction ---------------------------------------------------- */

static void put_register(struct isa_buf *b, const struct fisa_dialect *d,
			 uint16_t files, int32_t raw)
{
	const char *name = "R";

	for (uint32_t f = 0; f < d->file_count; f++) {
		if (!(files >> f & 1))
			continue;
		name = d->files[f].name;
		break;
	}
	isa_buf_printf(b, "%s%d", name, raw);
}

/* Mnemonic and operands. `target`: text for the target operand, or NULL. */
static void put_insn(struct isa_buf *b, const struct fisa_dialect *d,
		     const struct fisa_insn *in, const char *target)
{
	const struct fisa_row *row = in->row;
	bool first = true;

	assert(row->defined && row->operand_count <= FISA_MAX_OPERANDS);
	for (unsigned i = 0; i < row->operand_count; i++) {
		const struct fisa_operand *op = &row->operands[i];

		if (op->kind == FISA_OPERAND_UNUSED ||
		    op->kind == FISA_OPERAND_PAYLOAD)
			continue;
		if (first)
			isa_buf_printf(b, "%-6s ", row->name);
		else
			isa_buf_str(b, ", ");
		first = false;
		if (op->kind == FISA_OPERAND_REG)
			put_register(b, d, op->files, in->value[i]);
		else if (target && i == row->target)
			isa_buf_str(b, target);
		else
			isa_buf_printf(b, "%d", in->value[i]);
	}
	if (first)
		isa_buf_str(b, row->name);
}

void fisa_insn_text(const struct fisa_dialect *d, const struct fisa_insn *in,
		    char *out, size_t capacity)
{
	struct isa_buf b = { 0 };
	char *text;

	assert(d && in && out);
	if (capacity == 0)
		return;
	if (!in->row)
		isa_buf_str(&b, "(end)");
	else if (!in->row->defined)
		isa_buf_printf(&b, ".byte  0x%02x", in->row->opcode);
	else if (in->row->payload)
		isa_buf_printf(&b, "%s (%u bytes)", in->row->name,
				 in->length);
	else
		put_insn(&b, d, in, NULL);
	text = isa_buf_take(&b);
	snprintf(out, capacity, "%s", text ? text : "");
	free(text);
}

/* Whether the instruction's bytes are what its text assembles to. */
static bool round_trips(const struct fisa_program *p,
			const struct fisa_insn *in)
{
	const struct fisa_row *row = in->row;
	struct fisa_insn plain = *in;
	uint8_t bytes[8];
	int n;

	/* A label stands for the number that it is here. */
	plain.target = FISA_NO_TARGET;
	if (row->payload)
		return row->operand_count == 1 && row->length == 3;
	for (unsigned i = 0; i < row->operand_count; i++) {
		const struct fisa_operand *op = &row->operands[i];

		if (op->kind == FISA_OPERAND_UNUSED)
			plain.value[i] = 0;
		else if (in->value[i] < op->lo || in->value[i] > op->hi)
			return false;
	}
	n = fisa_encode(&plain, bytes);
	return n > 0 && (uint32_t)n == in->length &&
	       memcmp(bytes, p->code + in->pc, (size_t)n) == 0;
}

/*
 * The statement at pc: how many bytes it takes, and whether it is an
 * instruction. `filler`: bytes here that the instruction before claims, which
 * an instruction of its own must not reach across.
 */
static uint32_t step(const struct fisa_program *p, uint32_t pc,
		     uint32_t filler, struct fisa_insn *in, bool *is_insn)
{
	enum fisa_decode_status status;
	uint32_t left = p->size - pc;

	status = fisa_decode(p->dialect, p->code, p->size, pc, in);
	assert(status != FISA_DECODE_END && in->length >= 1);
	*is_insn = status == FISA_DECODED && round_trips(p, in) &&
		   (filler == 0 || in->length <= filler);
	if (*is_insn)
		return in->length;
	if (filler)
		return filler < left ? filler : left;
	if (status == FISA_DECODE_UNKNOWN)
		return 1;
	if (!in->row->defined)
		return left;
	/* A cut instruction has no length of its own. */
	if (status == FISA_DECODE_TRUNCATED)
		return in->row->length < left ? in->row->length : left;
	return in->length < left ? in->length : left;
}

/* ---- labels ------------------------------------------------------------- */

/* Whether the target operand can be written as a label: the value it comes
 * to must be the very one encoded. */
static bool label_target(const struct fisa_program *p,
			 const struct fisa_insn *in, uint32_t *out)
{
	const struct fisa_row *row = in->row;
	int64_t target;

	/* What counts instructions is written as the number it is. */
	if (row->payload || row->base_insn)
		return false;
	if (asm_flow_relative(row))
		target = (int64_t)in->pc + in->value[row->target] +
			 (row->base_end ? row->length : 0);
	else if (asm_flow_absolute(row) && in->target != FISA_NO_TARGET)
		target = in->value[row->target];
	else
		return false;
	if (target < 0 || target > p->size)
		return false;
	*out = (uint32_t)target;
	return true;
}

/* The name of a place: the program's own, or one made of the address. False
 * where no label can stand. */
static bool name_at(const struct disasm *d, uint32_t pc, char *out,
		    size_t capacity)
{
	const struct fisa_program *p = d->p;
	uint32_t lo = 0, hi = p->label_count;

	assert(capacity > ASM_MAX_LABEL);
	if (!d->start[pc])
		return false;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->labels[mid].pc < pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < p->label_count && p->labels[lo].pc == pc)
		snprintf(out, capacity, "%s", p->labels[lo].name);
	else if (d->may_generate)
		snprintf(out, capacity, GENERATED "%04x", pc);
	else
		return false;
	return true;
}

/* Finds the statements and the places that jumps, the entry and the boundary
 * name. */
static void find_labels(struct disasm *d)
{
	const struct fisa_program *p = d->p;
	uint32_t pc = 0, filler = 0, target;
	struct fisa_insn in;
	bool is_insn;

	while (pc < p->size) {
		uint32_t n = step(p, pc, filler, &in, &is_insn);

		d->start[pc] = 1;
		if (is_insn && label_target(p, &in, &target))
			d->wanted[target] = 1;
		filler = is_insn ? in.row->filler : 0;
		pc += n;
	}
	d->start[p->size] = 1;
	if (p->entry)
		d->wanted[p->entry] = 1;
	if (p->manifest.boundary.kind == FISA_BOUNDARY_PC &&
	    p->manifest.boundary.pc < p->size)
		d->wanted[p->manifest.boundary.pc] = 1;
}

static void put_labels(struct disasm *d, uint32_t pc)
{
	const struct fisa_program *p = d->p;
	char name[ASM_MAX_LABEL + 1];
	bool any = false;

	assert(d->start[pc]);
	/* Those passed over stand inside a statement and have no place. */
	while (d->next_label < p->label_count &&
	       p->labels[d->next_label].pc <= pc) {
		const struct fisa_label *l = &p->labels[d->next_label++];

		if (l->pc != pc)
			continue;
		isa_buf_str(d->buf, l->name);
		isa_buf_str(d->buf, ":\n");
		any = true;
	}
	if (!any && d->wanted[pc] && name_at(d, pc, name, sizeof(name))) {
		isa_buf_str(d->buf, name);
		isa_buf_str(d->buf, ":\n");
	}
}

/* ---- statements --------------------------------------------------------- */

/* The address as a comment behind a line that began at `from`. */
static void end_line(struct disasm *d, size_t from, uint32_t pc)
{
	size_t column = d->buf->length > from ? d->buf->length - from : 0;

	do
		isa_buf_char(d->buf, ' ');
	while (++column < COMMENT_COLUMN);
	isa_buf_printf(d->buf, "; %u\n", pc);
}

static void put_raw(struct disasm *d, uint32_t pc, uint32_t n)
{
	const uint8_t *code = d->p->code + pc;

	for (uint32_t i = 0; i < n; i += BYTES_A_LINE) {
		size_t from = d->buf->length;

		isa_buf_str(d->buf, "        .byte  ");
		for (uint32_t k = i; k < n && k < i + BYTES_A_LINE; k++)
			isa_buf_printf(d->buf, "%s0x%02x",
					 k > i ? ", " : "", code[k]);
		end_line(d, from, pc + i);
	}
}

static void put_payload(struct disasm *d, const struct fisa_insn *in)
{
	const uint8_t *code = d->p->code + in->pc + in->row->length;

	isa_buf_printf(d->buf, "%-6s", in->row->name);
	for (uint32_t i = 0; i + in->row->length < in->length; i++)
		isa_buf_printf(d->buf, "%s0x%02x", i ? ", " : " ", code[i]);
}

static void put_statement(struct disasm *d, const struct fisa_insn *in)
{
	char name[ASM_MAX_LABEL + 1];
	const char *target = NULL;
	size_t from = d->buf->length;
	uint32_t pc;

	isa_buf_str(d->buf, "        ");
	if (in->row->payload) {
		put_payload(d, in);
	} else {
		if (label_target(d->p, in, &pc) &&
		    name_at(d, pc, name, sizeof(name)))
			target = name;
		put_insn(d->buf, d->p->dialect, in, target);
	}
	end_line(d, from, in->pc);
}

static void put_code(struct disasm *d)
{
	const struct fisa_program *p = d->p;
	uint32_t pc = 0, filler = 0;
	struct fisa_insn in;
	bool is_insn;

	while (pc < p->size) {
		uint32_t n = step(p, pc, filler, &in, &is_insn);

		assert(n > 0 && n <= p->size - pc);
		put_labels(d, pc);
		if (is_insn)
			put_statement(d, &in);
		else
			put_raw(d, pc, n);
		filler = is_insn ? in.row->filler : 0;
		pc += n;
	}
	put_labels(d, p->size);
}

/* ---- manifest ----------------------------------------------------------- */

/* Returns how many cells the name speaks of. */
static uint32_t put_cell_name(struct disasm *d, uint32_t cell)
{
	const struct fisa_dialect *dialect = d->p->dialect;

	for (uint32_t f = 0; f < dialect->file_count; f++) {
		const struct fisa_file *file = &dialect->files[f];

		if (cell < file->first ||
		    cell >= (uint32_t)file->first + file->count)
			continue;
		isa_buf_str(d->buf, file->name);
		if (file->kind == FISA_FILE_REGS)
			isa_buf_printf(d->buf, "%u",
				       (cell - file->first) / file->width);
		return file->width - (cell - file->first) % file->width;
	}
	return 1;
}

static void put_range(struct disasm *d, const struct fisa_cells *c)
{
	int32_t lo, hi;

	asm_natural_range(d->p->dialect, c, &lo, &hi);
	if (c->lo != lo || c->hi != hi)
		isa_buf_printf(d->buf, " %d..%d", c->lo, c->hi);
}

/* One clause a line, but a clause of several registers as many. */
static void put_clauses(struct disasm *d, const char *directive,
			const struct fisa_cells *cells, uint32_t count)
{
	bool ranges = strcmp(directive, ".in") == 0;

	for (uint32_t i = 0; i < count; i++) {
		struct fisa_cells c = cells[i];
		uint32_t n = c.kind == FISA_CELLS_FILE ? c.count : 1;
		uint32_t step;

		for (uint32_t k = 0; k < n; k += step, c.first += step) {
			step = 1;
			isa_buf_printf(d->buf, "%-9s ", directive);
			if (c.kind == FISA_CELLS_MEM)
				isa_buf_printf(d->buf, "mem 0x%x %u",
						 c.first, c.count);
			else if (c.kind == FISA_CELLS_FILE)
				step = put_cell_name(d, c.first);
			else if (ranges)
				isa_buf_printf(d->buf, "stack %u", c.count);
			else
				isa_buf_str(d->buf, "stack");
			if (ranges)
				put_range(d, &c);
			isa_buf_char(d->buf, '\n');
		}
	}
}

static void put_data(struct disasm *d)
{
	const struct fisa_manifest *m = &d->p->manifest;
	uint32_t run = 0;

	for (uint32_t i = 0; i < m->data_size; i++) {
		if (!m->data_mask[i]) {
			if (run)
				isa_buf_char(d->buf, '\n');
			run = 0;
			continue;
		}
		if (run == 0)
			isa_buf_printf(d->buf, ".data     0x%x byte %u",
					 m->data_first + i, m->data[i]);
		else
			isa_buf_printf(d->buf, ",%u", m->data[i]);
		if (++run == DATA_A_LINE) {
			isa_buf_char(d->buf, '\n');
			run = 0;
		}
	}
	if (run)
		isa_buf_char(d->buf, '\n');
}

/* A place as a directive's argument: label or number. */
static void put_place(struct disasm *d, const char *before, uint32_t pc)
{
	char name[ASM_MAX_LABEL + 1];

	isa_buf_str(d->buf, before);
	if (d->start && pc < d->p->size && name_at(d, pc, name, sizeof(name)))
		isa_buf_str(d->buf, name);
	else
		isa_buf_printf(d->buf, "%u", pc);
	isa_buf_char(d->buf, '\n');
}

static void put_manifest(struct disasm *d)
{
	const struct fisa_manifest *m = &d->p->manifest;

	isa_buf_printf(d->buf, ".dialect  %s\n", d->p->dialect->name);
	put_clauses(d, ".in", m->in, m->in_count);
	put_clauses(d, ".out", m->out, m->out_count);
	if (m->out_none)
		isa_buf_str(d->buf, ".out      none\n");
	put_clauses(d, ".scratch", m->scratch, m->scratch_count);
	if (m->boundary.kind == FISA_BOUNDARY_OUT)
		isa_buf_printf(d->buf, ".boundary out:%s\n",
			d->p->dialect->channels[m->boundary.channel]);
	if (m->boundary.kind == FISA_BOUNDARY_PC)
		put_place(d, ".boundary pc:", m->boundary.pc);
	put_data(d);
	if (d->p->entry)
		put_place(d, ".entry    ", d->p->entry);
}

char *fisa_manifest_text(const struct fisa_program *p)
{
	struct isa_buf buf = { 0 };
	struct disasm d = { .p = p, .buf = &buf };  /* no places: no labels */

	assert(p && p->size > 0);
	put_manifest(&d);
	return isa_buf_take(&buf);
}

char *fisa_disassemble(const struct fisa_program *p)
{
	struct isa_buf buf = { 0 };
	struct disasm d = { .p = p, .buf = &buf, .may_generate = true };
	char *text = NULL;

	assert(p && p->size > 0);
	d.start = calloc(p->size + 1, 1);
	d.wanted = calloc(p->size + 1, 1);
	if (!d.start || !d.wanted)
		goto done;
	/* Made names must not meet a name of the program's own. */
	for (uint32_t i = 0; i < p->label_count; i++)
		if (strncmp(p->labels[i].name, GENERATED,
			    strlen(GENERATED)) == 0)
			d.may_generate = false;
	find_labels(&d);
	put_manifest(&d);
	put_code(&d);
	text = isa_buf_take(&buf);
done:
	free(d.start);
	free(d.wanted);
	return text;
}
