/*
 * plugin/calibrate_example.c - the smallest state that still differs, as a
 * sentence.
 *
 * What is not needed is set to what machines begin with, in halves: most of a
 * state is never needed, so most questions are about a great deal of it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "isa/asm.h"
#include "plugin/calibrate_impl.h"

#define SIMPLIFIED 6u      /* values made small, and named in a sentence */

void cal_case_copy(const struct cal_bench *b, struct cal_case *to,
                   const struct cal_case *from) {
  int32_t *cells = to->cells;
  uint8_t *mem = to->mem;
  memcpy(cells, from->cells, b->d->cell_count * sizeof *cells);
  memcpy(mem, from->mem, b->d->mem_size);
  *to = *from;
  to->cells = cells;
  to->mem = mem;
}

/* ---- reducing ----------------------------------------------------------- */

/* A reduction: of a copy of b->drawn. */
struct reducing {
  struct cal_bench *b;
  struct cal_case *c;
  struct cal_diff *diff;
  uint32_t left;           /* states that may be asked about */
  cal_still still;
  void *user;
};

static bool still(struct reducing *q) {
  struct cal_diff diff;
  if (q->left == 0) return false;
  q->left--;
  if (!q->still(q->c, &diff, q->user)) return false;
  *q->diff = diff;
  return true;
}

static void reduce_memory(struct reducing *q, uint32_t first, uint32_t count) {
  uint8_t *at = q->c->mem + first;
  const uint8_t *from = q->b->drawn.mem + first;
  uint32_t i = 0;
  while (i < count && from[i] == 0) i++;
  if (i == count || q->left == 0) return;
  memset(at, 0, count);
  if (still(q)) return;
  memcpy(at, from, count);
  if (count == 1) return;
  reduce_memory(q, first, count / 2);
  reduce_memory(q, first + count / 2, count - count / 2);
}

static void reduce_cells(struct reducing *q, uint32_t first, uint32_t count) {
  size_t size = count * sizeof *q->c->cells;
  int32_t *at = q->c->cells + first;
  const int32_t *from = q->b->drawn.cells + first;
  const int32_t *init = q->b->init + first;
  if (memcmp(from, init, size) == 0 || q->left == 0) return;
  memcpy(at, init, size);
  if (still(q)) return;
  memcpy(at, from, size);
  if (count == 1) return;
  reduce_cells(q, first, count / 2);
  reduce_cells(q, first + count / 2, count - count / 2);
}

/* All of it at once: many bugs show in any state. */
static bool reduce_all(struct reducing *q) {
  const struct cal_bench *b = q->b;
  size_t size = b->d->cell_count * sizeof *b->init;
  struct cal_case *c = q->c;
  uint64_t cycles = c->cycles;
  int32_t input[CAL_INPUTS];
  memcpy(input, c->input, sizeof input);
  memcpy(c->cells, b->init, size);
  memset(c->mem, 0, b->d->mem_size);
  memset(c->input, 0, sizeof c->input);
  c->cycles = 0;
  if (still(q)) return true;
  memcpy(c->cells, b->drawn.cells, size);
  memcpy(c->mem, b->drawn.mem, b->d->mem_size);
  memcpy(c->input, input, sizeof input);
  c->cycles = cycles;
  return false;
}

static void reduce_rest(struct reducing *q) {
  uint64_t cycles = q->c->cycles;
  q->c->cycles = 0;
  if (cycles != 0 && !still(q)) q->c->cycles = cycles;
  for (unsigned i = 0; i < CAL_INPUTS; i++) {
    int32_t v = q->c->input[i];
    q->c->input[i] = 0;
    if (v != 0 && !still(q)) q->c->input[i] = v;
  }
}

/* The file whose depth a cell says, or the number of files. */
static uint32_t stack_of(const struct fisa_dialect *d, uint32_t cell) {
  uint32_t f = 0;
  while (f < d->file_count && cal_index_cell(d, f) != (int32_t)cell) f++;
  return f;
}

/* A stack with a single cell. */
static void simplify_depth(struct reducing *q, uint32_t file, uint32_t cell) {
  int32_t *at = &q->c->cells[cell], was = *at;
  *at = q->b->init[cell] + (q->b->d->files[file].down ? -1 : 1);
  if (*at != was && !still(q)) *at = was;
}

/* A number that says the same and is easier to read. */
static void simplify(struct reducing *q, int32_t *at) {
  static const int32_t small[] = {1, 2, -1, 3, 4, 5, 7, 8, 10, 100};
  const int32_t was = *at;
  for (unsigned i = 0; i < sizeof small / sizeof small[0]; i++) {
    *at = small[i];
    if (was == small[i] || still(q)) return;
  }
  *at = was;
  for (;;) {
    int32_t v = *at;
    *at = v / 2;
    if (v / 2 != 0 && still(q)) continue;
    *at = v;
    return;
  }
}

static void simplify_cells(struct reducing *q) {
  const struct fisa_dialect *d = q->b->d;
  uint32_t n = 0;
  for (uint32_t cell = 0; cell < d->cell_count && n < SIMPLIFIED; cell++) {
    const struct fisa_file *f = cal_file_of(d, cell);
    uint32_t stack;
    if (q->c->cells[cell] == q->b->init[cell]) continue;
    n++;
    stack = stack_of(d, cell);
    if (stack < d->file_count)
      simplify_depth(q, stack, cell);
    else if (f != NULL && f->type == FISA_I32 && f->kind != FISA_FILE_FLAG)
      simplify(q, &q->c->cells[cell]);
  }
}

void cal_reduce(struct cal_bench *b, struct cal_case *c,
                struct cal_diff *diff, uint32_t most, cal_still how,
                void *user) {
  struct reducing q = {b, c, diff, most, how, user};
  /* What does not show again by itself is no smaller for being cut. */
  if (!still(&q) || reduce_all(&q)) return;
  reduce_memory(&q, 0, b->d->mem_size);
  reduce_cells(&q, 0, b->d->cell_count);
  reduce_rest(&q);
  simplify_cells(&q);
}

/* ---- in words ----------------------------------------------------------- */

/* Text that grows up to a limit. */
struct text {
  char *at;
  size_t length, capacity;
  uint32_t items;          /* of the list behind "with" */
};

static void put(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...) {
  va_list ap;
  int n;
  va_start(ap, format);
  n = vsnprintf(t->at + t->length, t->capacity - t->length, format, ap);
  va_end(ap);
  t->length += n > 0 ? (size_t)n : 0;
  if (t->length >= t->capacity) t->length = t->capacity - 1;
}

/* Begins an item of the list; false: there are too many. */
static bool item(struct text *t) {
  if (t->items++ == SIMPLIFIED) put(t, ", ...");
  if (t->items > SIMPLIFIED) return false;
  put(t, t->items == 1 ? ", with " : ", ");
  return true;
}

static void put_state(const struct cal_bench *b, const struct cal_case *c,
                      struct text *t) {
  const struct fisa_dialect *d = b->d;
  char name[40], value[24];
  for (uint32_t i = 0; i < d->cell_count; i++) {
    const struct fisa_file *f = cal_file_of(d, i);
    if (c->cells[i] == b->init[i] || f == NULL || !item(t)) continue;
    cal_cell_name(d, i, name, sizeof name);
    cal_cell_value(f, c->cells[i], value, sizeof value);
    put(t, "%s=%s", name, value);
  }
  for (uint32_t i = 0; i < d->mem_size; i++)
    if (c->mem[i] != 0 && item(t)) put(t, "byte 0x%04x=%u", i, c->mem[i]);
  if (c->cycles != 0 && item(t))
    put(t, "cycles=%llu", (unsigned long long)c->cycles);
  for (unsigned i = 0; i < CAL_INPUTS; i++)
    if (c->input[i] != 0 && item(t)) put(t, "input %d", (int)c->input[i]);
}

/* The instruction, without the columns of a listing. */
static void put_instruction(const struct cal_bench *b,
                            const struct fisa_insn *in, struct text *t) {
  char text[80];
  const char *from = text;
  fisa_insn_text(b->d, in, text, sizeof text);
  put(t, " (");
  for (; *from != '\0'; from++)
    if (*from != ' ' || from[1] != ' ') put(t, "%c", *from);
  put(t, " at %u)", in->pc);
}

void cal_sentence(const struct cal_bench *b, const struct cal_row *r,
                  const struct cal_case *c, const struct cal_diff *diff,
                  char *out, size_t capacity) {
  struct text t = {.at = out, .capacity = capacity};
  put(&t, "%s (0x%02X): %s", r->row->name, r->row->opcode, diff->text);
  put_state(b, c, &t);
  put_instruction(b, &r->in[c->index], &t);
}
