/*
 * isa/asm.c - assembly text to programs: labels, instructions, raw bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "isa/asm_internal.h"
#include "isa/flow.h"

/* ---- labels ------------------------------------------------------------- */

static int compare_names(const char *a, size_t an, const char *b, size_t bn)
{
	int c = memcmp(a, b, an < bn ? an : bn);

	return c ? c : an < bn ? -1 : an > bn;
}

/* By name; of one name the first of the text first. */
static int compare_labels(const void *pa, const void *pb)
{
	const struct asm_label *a = pa, *b = pb;
	int c = compare_names(a->name, a->length, b->name, b->length);

	return c ? c : a->name < b->name ? -1 : a->name > b->name;
}

static int compare_addresses(const void *pa, const void *pb)
{
	const struct fisa_label *a = pa, *b = pb;

	if (a->pc != b->pc)
		return a->pc < b->pc ? -1 : 1;
	return strcmp(a->name, b->name);
}

const struct asm_label *asm_label_find(const struct asm_work *w,
				       const char *name, size_t length)
{
	size_t lo = 0, hi = w->label_count;

	assert(w->working);
	/* The first entry that is not smaller: the first of its name. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct asm_label *l = &w->labels[mid];

		if (compare_names(l->name, l->length, name, length) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == w->label_count ||
	    compare_names(w->labels[lo].name, w->labels[lo].length, name,
			  length) != 0)
		return NULL;
	return &w->labels[lo];
}

/* Walk one: remembers. */
static int remember_label(struct asm_work *w, const struct asm_token *t)
{
	struct asm_label *grown;

	assert(!w->working && t->kind == ASM_WORD);
	if (w->label_count == w->label_capacity) {
		size_t n = w->label_capacity ? w->label_capacity * 2 : 64;

		grown = realloc(w->labels, n * sizeof(*grown));
		if (!grown) {
			w->no_memory = true;
			return -1;
		}
		w->labels = grown;
		w->label_capacity = n;
	}
	w->labels[w->label_count].name = t->at;
	w->labels[w->label_count].length = t->length;
	w->labels[w->label_count++].pc = w->pc;
	return 0;
}

static int only_directives(struct asm_work *w, const char *at)
{
	return asm_fail(w, at, "only directives may stand here");
}

/* Walk two: checks. */
static int define_label(struct asm_work *w, const struct asm_token *t)
{
	const struct asm_label *label;

	if (w->directives_only)
		return only_directives(w, t->at);
	if (!w->working)
		return remember_label(w, t);
	if (t->length > ASM_MAX_LABEL)
		return asm_fail(w, t->at, "a label of %zu bytes; %d is the "
				"most", t->length, ASM_MAX_LABEL);
	label = asm_label_find(w, t->at, t->length);
	assert(label);
	if (label->name != t->at)
		return asm_fail(w, t->at, "label %.*s stands at %u already",
				(int)t->length, t->at, label->pc);
	return 0;
}

/* ---- bytes -------------------------------------------------------------- */

/* Walk one only counts; it may count past the end, walk two says so. */
static int put_bytes(struct asm_work *w, const uint8_t *bytes, size_t n,
		     const char *at)
{
	if (!w->working) {
		w->pc += (uint32_t)n;
		return 0;
	}
	assert(w->pc <= FISA_MAX_CODE);
	if (n > FISA_MAX_CODE - w->pc)
		return asm_fail(w, at, "the program is over %u bytes",
				FISA_MAX_CODE);
	if (n)
		memcpy(w->code + w->pc, bytes, n);
	w->pc += (uint32_t)n;
	return 0;
}

static int put_number(struct asm_work *w, const char *what, unsigned width)
{
	const char *at = w->token.at;
	int64_t range = INT64_C(1) << (8 * width);
	uint8_t bytes[4];
	int64_t v = 0;

	assert(width <= sizeof(bytes));
	if (!w->working) {
		struct asm_value ignored;
		if (asm_expr(w, &ignored) < 0)
			return -1;
	} else if (asm_number(w, what, -range / 2, range - 1, &v) < 0) {
		return -1;
	}
	for (unsigned i = 0; i < width; i++)
		bytes[i] = (uint8_t)((uint64_t)v >> (8 * i));
	return put_bytes(w, bytes, width, at);
}

static int put_string(struct asm_work *w)
{
	struct asm_token t = w->token;
	size_t n = asm_string(&t, NULL);
	uint8_t *bytes;
	int rc;

	if (!w->working) {
		w->pc += (uint32_t)n;
		return asm_next(w);
	}
	bytes = malloc(t.length);
	if (!bytes)
		return asm_fail(w, t.at, "out of memory");
	n = asm_string(&t, bytes);
	rc = put_bytes(w, bytes, n, t.at);
	free(bytes);
	return rc < 0 ? rc : asm_next(w);
}

/* item, item, ...: bytes and strings; `sized`: half and word too. */
static int put_items(struct asm_work *w, bool sized)
{
	for (;;) {
		unsigned width = 1;

		if (sized && (asm_is_word(w, "half") ||
			      asm_is_word(w, "word"))) {
			width = asm_is_word(w, "half") ? 2 : 4;
			if (asm_next(w) < 0)
				return -1;
		}
		if (width == 1 && w->token.kind == ASM_STRING) {
			if (put_string(w) < 0)
				return -1;
		} else if (put_number(w, width == 1 ? "byte" :
				      width == 2 ? "half" : "word",
				      width) < 0) {
			return -1;
		}
		if (!asm_is_mark(w, ','))
			return 0;
		if (asm_next(w) < 0)
			return -1;
	}
}

/* ---- instructions ------------------------------------------------------- */

int asm_register(const struct fisa_dialect *d, uint16_t files,
		 const char *word, size_t length)
{
	for (uint32_t f = 0; f <= d->file_count; f++) {
		/* One more than there are files: R reaches them all. */
		const char *name = f < d->file_count ? d->files[f].name : "R";
		size_t n = strlen(name), i = n;
		int number = 0;

		if (f < d->file_count && !(files >> f & 1))
			continue;
		if (length <= n || strncasecmp(word, name, n) != 0)
			continue;
		while (i < length && word[i] >= '0' && word[i] <= '9' &&
		       number <= UINT8_MAX)
			number = number * 10 + (word[i++] - '0');
		if (number > UINT8_MAX)
			return -2;
		if (i == length)
			return number;
	}
	return -1;
}

bool asm_flow_relative(const struct fisa_row *row)
{
	return row->target < row->operand_count &&
	       (row->flow == FISA_FLOW_JUMP_REL ||
		row->flow == FISA_FLOW_COND_REL ||
		row->flow == FISA_FLOW_CALL_REL);
}

bool asm_flow_absolute(const struct fisa_row *row)
{
	return row->target < row->operand_count &&
	       (row->flow == FISA_FLOW_JUMP_ABS ||
		row->flow == FISA_FLOW_COND_ABS ||
		row->flow == FISA_FLOW_CALL_ABS);
}

static int register_operand(struct asm_work *w, const struct fisa_operand *op,
			    int64_t *out)
{
	const struct asm_token *t = &w->token;
	char letters[96] = "register ";
	size_t n = strlen(letters);
	int reg = -1;

	if (t->kind == ASM_WORD)
		reg = asm_register(w->d, op->files, t->at, t->length);
	if (reg == -2 || (reg >= 0 && (reg < op->lo || reg > op->hi)))
		return asm_fail(w, t->at, "%s: registers are %d..%d",
				op->name, op->lo, op->hi);
	*out = reg;
	if (reg >= 0)
		return asm_next(w);
	letters[n++] = 'R';
	for (uint32_t f = 0; f < w->d->file_count; f++) {
		const char *name = w->d->files[f].name;
		if (!(op->files >> f & 1) || strcasecmp(name, "R") == 0 ||
		    n + strlen(name) + 2 > sizeof(letters))
			continue;
		letters[n++] = '/';
		memcpy(letters + n, name, strlen(name));
		n += strlen(name);
	}
	letters[n] = '\0';
	return asm_wanted(w, letters);
}

/* Remembers a jump that counts the instructions up to an address. */
static int count_later(struct asm_work *w, const struct asm_value *to)
{
	struct asm_counted *c;

	assert(w->working && w->counted_count <= w->counted_capacity);
	if (w->counted_count == w->counted_capacity) {
		size_t n = w->counted_capacity ? w->counted_capacity * 2 : 64;

		c = realloc(w->counted, n * sizeof(*c));
		if (!c)
			return asm_fail(w, to->at, "out of memory");
		w->counted = c;
		w->counted_capacity = n;
	}
	c = &w->counted[w->counted_count++];
	c->pc = w->pc;
	c->to = to->v;
	c->at = to->at;
	c->line_start = w->line_start;
	c->line = w->line;
	return 0;
}

/* Writes the number of instructions from a jump to its target. */
static int write_count(struct asm_work *w, const struct asm_counted *c,
		       const uint32_t *at, uint32_t count)
{
	int64_t from = fisa__insn_number(at, count, c->pc), to = -1;
	const struct fisa_operand *op;
	struct fisa_insn in;
	uint8_t bytes[8];

	w->line = c->line;
	w->line_start = c->line_start;
	if (c->to >= 0 && c->to <= w->pc)
		to = fisa__insn_number(at, count, (uint32_t)c->to);
	if (from < 0 || to < 0)
		return asm_fail(w, c->at, "no instruction begins at %lld, "
				"counted from the first byte",
				(long long)(from < 0 ? c->pc : c->to));
	(void)fisa_decode(w->d, w->code, w->pc, c->pc, &in);
	op = &in.row->operands[in.row->target];
	if (to - from < op->lo || to - from > op->hi)
		return asm_fail(w, c->at, "%s: %lld is outside %d..%d",
				op->name, (long long)(to - from), op->lo,
				op->hi);
	in.value[in.row->target] = (int32_t)(to - from);
	if (fisa_encode(&in, bytes) != (int)in.length)
		return asm_fail(w, c->at, "%s has no such form", in.row->name);
	memcpy(w->code + c->pc, bytes, in.length);
	return 0;
}

/* What was put off until the bytes are there. */
static int write_counts(struct asm_work *w)
{
	uint32_t *at, count;
	int rc = 0;

	if (w->counted_count == 0)
		return 0;
	at = malloc((w->pc + 1u) * sizeof(*at));
	if (!at)
		return fisa_fail(w->err, "out of memory");
	count = fisa__insn_list(w->d, w->code, w->pc, at);
	for (size_t i = 0; rc == 0 && i < w->counted_count; i++)
		rc = write_count(w, &w->counted[i], at, count);
	free(at);
	return rc;
}

/* A target: an address becomes the distance from the jump base in rows of
 * relative flow; a plain number is the value as it is encoded. */
static int immediate_operand(struct asm_work *w, const struct fisa_row *row,
			     const struct fisa_operand *op, int64_t *out)
{
	struct asm_value value;
	int64_t base = w->pc + (row->base_end ? row->length : 0u);

	assert(w->working && op->lo <= op->hi);
	if (asm_expr(w, &value) < 0)
		return -1;
	if (asm_flow_relative(row) && op == &row->operands[row->target]) {
		if (value.weight != 0 && value.weight != 1)
			return asm_fail(w, value.at, "neither an address nor "
					"a number");
		if (value.weight == 1 && row->base_insn) {
			if (count_later(w, &value) < 0)
				return -1;
			value.v = 0;
		} else if (value.weight == 1) {
			value.v -= base;
		}
	}
	if (value.v < op->lo || value.v > op->hi)
		return asm_fail(w, value.at, "%s: %lld is outside %d..%d",
				op->name, (long long)value.v, op->lo, op->hi);
	*out = value.v;
	return 0;
}

static int operands(struct asm_work *w, const struct fisa_row *row,
		    struct fisa_insn *in)
{
	bool first = true;

	assert(row->operand_count <= FISA_MAX_OPERANDS);
	for (unsigned i = 0; i < row->operand_count; i++) {
		const struct fisa_operand *op = &row->operands[i];
		int64_t v = 0;
		int rc;

		if (op->kind == FISA_OPERAND_UNUSED ||
		    op->kind == FISA_OPERAND_PAYLOAD)
			continue;
		if (!first) {
			if (!asm_is_mark(w, ','))
				return asm_wanted(w, ",");
			if (asm_next(w) < 0)
				return -1;
		}
		first = false;
		rc = op->kind == FISA_OPERAND_REG
			? register_operand(w, op, &v)
			: immediate_operand(w, row, op, &v);
		if (rc < 0)
			return -1;
		in->value[i] = (int32_t)v;
	}
	return 0;
}

/*
 * Rows with a payload: opcode, length, items. They have no other operands.
 */
static int payload_instruction(struct asm_work *w, const struct fisa_row *row,
			       const char *at)
{
	uint8_t head[3] = { row->opcode, 0, 0 };
	uint32_t start = w->pc;
	size_t n;

	assert(row->length == sizeof(head));
	if (put_bytes(w, head, sizeof(head), at) < 0)
		return -1;
	if (w->token.kind != ASM_EOL && put_items(w, true) < 0)
		return -1;
	n = w->pc - start - sizeof(head);
	if (!w->working)
		return 0;
	if (asm_expect_eol(w) < 0)
		return -1;
	if (n > UINT16_MAX)
		return asm_fail(w, at, "a payload of %zu bytes", n);
	w->code[start + 1] = (uint8_t)n;
	w->code[start + 2] = (uint8_t)(n >> 8);
	return 0;
}

static int instruction(struct asm_work *w)
{
	const struct asm_token t = w->token;
	const struct fisa_row *row = fisa_row_by_name(w->d, t.at, t.length);
	struct fisa_insn in = { 0 };
	uint8_t bytes[8];
	int n;

	if (!row)
		return asm_wanted(w, "a mnemonic");
	if (asm_next(w) < 0) {
		w->pc += w->working ? 0 : row->length;
		return -1;
	}
	if (row->payload)
		return payload_instruction(w, row, t.at);
	if (!w->working) {
		/* Sizes do not depend on operands. */
		w->pc += row->length;
		return 0;
	}
	in.row = row;
	in.pc = w->pc;
	in.length = row->length;
	in.target = FISA_NO_TARGET;
	if (operands(w, row, &in) < 0)
		return -1;
	n = fisa_encode(&in, bytes);
	if (n < 0)
		return asm_fail(w, t.at, "%s has no such form", row->name);
	if (put_bytes(w, bytes, (size_t)n, t.at) < 0)
		return -1;
	return asm_expect_eol(w);
}

/* ---- lines -------------------------------------------------------------- */

/* One statement; the present token is its first. */
static int statement(struct asm_work *w)
{
	const struct asm_token *t = &w->token;

	if (t->kind == ASM_EOL)
		return 0;
	if (t->kind == ASM_DIRECTIVE) {
		bool raw = t->length == 5 &&
			   strncasecmp(t->at, ".byte", 5) == 0;
		if (!raw)
			return w->working ? asm_directive(w) : 0;
		if (w->directives_only)
			return only_directives(w, t->at);
		if (asm_next(w) < 0 || put_items(w, false) < 0)
			return -1;
		return asm_expect_eol(w);
	}
	if (t->kind != ASM_WORD)
		return asm_wanted(w, "a label, mnemonic or directive");
	if (w->directives_only)
		return only_directives(w, t->at);
	return instruction(w);
}

/* Whether the present token is a word with a colon behind it. */
static bool at_label(const struct asm_work *w)
{
	const char *p = w->at;

	while (p < w->end && (*p == ' ' || *p == '\t'))
		p++;
	return w->token.kind == ASM_WORD && p < w->end && *p == ':';
}

/* Labels and a statement. */
static int line(struct asm_work *w)
{
	struct asm_token name;

	if (asm_next(w) < 0)
		return -1;
	while (at_label(w)) {
		name = w->token;
		if (asm_next(w) < 0 || define_label(w, &name) < 0 ||
		    asm_next(w) < 0)
			return -1;
	}
	return statement(w);
}

/* Both walks over the text. Returns 0 or -1 with the error told. */
static int walk(struct asm_work *w, const char *text, size_t length)
{
	asm_rewind(w, text, length);
	do
		(void)line(w);
	while (asm_next_line(w));

	if (w->no_memory)
		return fisa_fail(w->err, "out of memory");
	if (!w->directives_only)
		w->size = w->pc < FISA_MAX_CODE ? w->pc : FISA_MAX_CODE;
	if (w->label_count)
		qsort(w->labels, w->label_count, sizeof(*w->labels),
		      compare_labels);
	w->working = true;
	asm_rewind(w, text, length);
	do {
		if (line(w) < 0)
			return -1;
	} while (asm_next_line(w));

	if (!w->directives_only && w->pc == 0)
		return asm_fail(w, w->end, "the program is empty");
	return write_counts(w) < 0 ? -1 : asm_manifest_finish(w);
}

static int copy_labels(const struct asm_work *w, struct fisa_program *p)
{
	assert(!p->labels && p->label_count == 0);
	if (w->label_count == 0)
		return 0;
	p->labels = calloc(w->label_count, sizeof(*p->labels));
	if (!p->labels)
		return -1;
	for (size_t i = 0; i < w->label_count; i++) {
		p->labels[i].pc = w->labels[i].pc;
		p->labels[i].name = strndup(w->labels[i].name,
					    w->labels[i].length);
		if (!p->labels[i].name)
			return -1;
		p->label_count++;
	}
	qsort(p->labels, p->label_count, sizeof(*p->labels),
	      compare_addresses);
	return 0;
}

static void work_free(struct asm_work *w)
{
	if (!w)
		return;
	isa_manifest_done(&w->manifest);
	free(w->data);
	free(w->data_mask);
	free(w->labels);
	free(w->counted);
	free(w);
}

static struct asm_work *work_new(const struct fisa_dialect *d,
				 const char *where, struct fisa_error *err)
{
	struct asm_work *w = calloc(1, sizeof(*w));

	if (!w) {
		fisa_fail(err, "out of memory");
		return NULL;
	}
	w->d = d;
	w->err = err;
	w->where = where ? where : "-";
	return w;
}

static int check_length(size_t length, const char *where,
			struct fisa_error *err)
{
	if (length <= FISA_MAX_TEXT)
		return 0;
	return fisa_fail(err, "%s:1:1: a text of %zu bytes; %u is the most",
			 where ? where : "-", length, FISA_MAX_TEXT);
}

int fisa_assemble(const struct fisa_dialect *d, const char *text,
		  size_t length, const char *where, struct fisa_program **out,
		  struct fisa_error *err)
{
	struct fisa_program *p = NULL;
	struct asm_work *w;

	assert(d && out && (text || length == 0));
	if (check_length(length, where, err) < 0)
		return -1;
	w = work_new(d, where, err);
	if (!w || walk(w, text ? text : "", length) < 0)
		goto fail;
	if (fisa_program_from_bytes(d, w->code, w->pc, &p, err) < 0)
		goto fail;
	p->entry = w->entry;
	p->manifest = w->manifest;
	memset(&w->manifest, 0, sizeof(w->manifest));
	if (copy_labels(w, p) < 0 || isa_program_seal(p) < 0) {
		fisa_fail(err, "out of memory");
		goto fail;
	}
	work_free(w);
	*out = p;
	return 0;
fail:
	fisa_program_free(p);
	work_free(w);
	return -1;
}

int fisa_manifest_apply(struct fisa_program *p, const char *text,
			size_t length, const char *where,
			struct fisa_error *err)
{
	struct fisa_manifest old = p->manifest;
	uint32_t old_entry = p->entry;
	struct asm_work *w;
	int rc = -1;

	assert(p->size > 0 && (text || length == 0));
	if (check_length(length, where, err) < 0)
		return -1;
	w = work_new(p->dialect, where, err);
	if (!w)
		return -1;
	w->directives_only = true;
	w->size = p->size;
	w->entry = p->entry;
	if (walk(w, text ? text : "", length) < 0)
		goto done;
	p->manifest = w->manifest;
	p->entry = w->entry;
	if (isa_program_seal(p) < 0) {
		p->manifest = old;
		p->entry = old_entry;
		fisa_fail(err, "out of memory");
		goto done;
	}
	w->manifest = old;  /* freed with the assembler */
	rc = 0;
done:
	work_free(w);
	return rc;
}

/* The name behind .dialect, if the present line says one. */
static bool names_dialect(struct asm_work *w)
{
	const struct asm_token *t = &w->token;

	if (asm_next(w) < 0)
		return false;
	while (at_label(w))
		if (asm_next(w) < 0 || asm_next(w) < 0)
			return false;
	if (t->kind != ASM_DIRECTIVE || t->length != strlen(".dialect") ||
	    strncasecmp(t->at, ".dialect", t->length) != 0)
		return false;
	return asm_next(w) == 0 && t->kind == ASM_WORD &&
	       t->length < FISA_MAX_NAME;
}

int fisa_asm_dialect(const char *text, size_t length, char *name)
{
	struct asm_work *w;
	int found = 0;

	assert(name && (text || length == 0));
	if (length == 0 || length > FISA_MAX_TEXT)
		return 0;
	w = work_new(NULL, NULL, NULL);
	if (!w)
		return 0;
	asm_rewind(w, text, length);
	do {
		if (!names_dialect(w))
			continue;
		memcpy(name, w->token.at, w->token.length);
		name[w->token.length] = '\0';
		found = 1;
		break;
	} while (asm_next_line(w));
	work_free(w);
	return found;
}
