/*
 * dialect_help.c - what the tests of dialects share.
 */
#include "tests/dialect_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

char *dialect_slurp(const char *relative, size_t *length) {
  FILE *f = fopen(unit_src(relative), "rb");
  char *text = NULL;
  size_t n = 0;

  if (f) {
    text = calloc(1, FISA_MAX_TEXT);
    if (text)
      n = fread(text, 1, FISA_MAX_TEXT - 1, f);
    fclose(f);
  }
  UNIT_TRUE(n > 0, "%s cannot be read", relative);
  if (length)
    *length = n;
  return text;
}

struct fisa_dialect *dialect_builtin(const char *name, bool bound) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  fisa_dialect_builtin(name, bound, &d, &err);
  UNIT_TRUE(d, "%s: %s", name, err.text);
  return d;
}

struct fisa_dialect *dialect_unified(bool bound) {
  return dialect_builtin("unified", bound);
}

char *dialect_cut(char **rest, char sep) {
  char *part = *rest;
  char *end = strchr(part, sep);

  if (end)
    *end = '\0';
  *rest = end ? end + 1 : part + strlen(part);
  return part;
}

static bool ref_sound(const struct fisa_dialect *d,
                      const struct fisa_row *row, const struct fisa_ref *r) {
  unsigned kind = r->kind;

  if (kind == FISA_REF_NONE || kind == FISA_REF_CONST ||
      kind == FISA_REF_NEXT)
    return true;
  if (kind == FISA_REF_TEMP)
    return r->value >= 0 && r->value < FISA_TEMPS;
  if (kind == FISA_REF_IMM)
    return r->operand < row->operand_count &&
           row->operands[r->operand].kind >= FISA_OPERAND_IMM8U &&
           row->operands[r->operand].kind <= FISA_OPERAND_ADDR16U;
  if (kind == FISA_REF_RAWNUM)
    return r->operand < row->operand_count &&
           row->operands[r->operand].kind == FISA_OPERAND_REG;
  if (r->file >= d->file_count)
    return false;
  if (kind == FISA_REF_CELL)
    return d->files[r->file].count == 1;
  if (kind == FISA_REF_STACK)
    return r->file == d->stack_file && r->value >= 0 &&
           r->value < d->files[r->file].count;
  if (d->files[r->file].kind != FISA_FILE_REGS)
    return false;
  if (kind == FISA_REF_FIXED)
    return r->value >= 0 && r->value < d->files[r->file].count;
  if (kind == FISA_REF_FILE)
    return true;
  return (kind == FISA_REF_REG || kind == FISA_REF_RAW) &&
         r->value >= 0 && r->value < d->files[r->file].width &&
         r->operand < row->operand_count &&
         row->operands[r->operand].kind == FISA_OPERAND_REG &&
         (row->operands[r->operand].files >> r->file & 1);
}

static bool guards_sound(const struct fisa_dialect *d,
                         const struct fisa_row *row) {
  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *g = &row->guards[i];

    if (g->lethal >= FLUX_LETHAL_COUNT || d->lethal_code[g->lethal] <= 0 ||
        fisa_fault_name(d, d->lethal_code[g->lethal])[0] == '\0' ||
        !ref_sound(d, row, &g->a) || !ref_sound(d, row, &g->b))
      return false;
  }
  return true;
}

static bool row_sound(const struct fisa_dialect *d,
                      const struct fisa_row *row) {
  unsigned length = 1;

  if (row->operand_count > FISA_MAX_OPERANDS ||
      row->step_count > FISA_MAX_TEMPLATE ||
      row->guard_count > FISA_MAX_LETHAL || row->length > 8 ||
      row->check < 1 || row->check > 8 || row->cycles < 1)
    return false;
  if (row->opaque != (row->step_count == 0))
    return false;
  for (unsigned i = 0; i < row->operand_count; i++) {
    if (!row->payload && row->operands[i].offset != length)
      return false;
    length += row->operands[i].width;
  }
  if (length != row->length && !row->payload)
    return false;
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];
    if (s->op >= FLUX_OP_COUNT || !ref_sound(d, row, &s->d) ||
        !ref_sound(d, row, &s->a) || !ref_sound(d, row, &s->b) ||
        !ref_sound(d, row, &s->c) || !ref_sound(d, row, &s->imm))
      return false;
  }
  return guards_sound(d, row) &&
         (row->target == 0xFF || row->target < row->operand_count) &&
         (row->target_reg == 0xFF || row->target_reg < row->operand_count) &&
         (row->channel == 0xFFFF || row->channel < d->channel_count) &&
         (row->source == 0xFFFF || row->source < d->source_count);
}

/* The register files, and what the head says of them. */
static bool registers_sound(const struct fisa_dialect *d) {
  for (uint32_t i = 0; i < d->file_count; i++) {
    const struct fisa_file *f = &d->files[i];
    uint32_t n = fisa_registers(f);
    if (f->width < 1 || f->width > 16 ||
        (f->kind != FISA_FILE_REGS && (f->width > 1 || f->checked)) ||
        (f->kind == FISA_FILE_REGS &&
         (n == 0 || (n & (n - 1)) != 0 || n * f->width != f->count)))
      return false;
  }
  for (uint32_t i = 0; i < d->start_count; i++)
    if (d->starts[i].cell >= d->cell_count)
      return false;
  for (uint32_t i = 0; i < d->key_count; i++)
    if (d->keys[i].file >= d->file_count ||
        d->files[d->keys[i].file].kind !=
            (d->keys[i].form == FISA_KEY_HEX ? FISA_FILE_REGS
                                             : FISA_FILE_CELL))
      return false;
  return d->start_count <= FISA_MAX_STARTS && d->key_count <= FISA_MAX_KEYS;
}

static bool head_sound(const struct fisa_dialect *d) {
  uint32_t cells = 0;

  if (d->file_count > FISA_MAX_FILES || d->cell_count > FISA_MAX_CELLS ||
      d->mem_size > FISA_MAX_MEM || (d->mem_size & (d->mem_size - 1)) != 0)
    return false;
  for (uint32_t i = 0; i < d->file_count; i++) {
    const struct fisa_file *f = &d->files[i];
    if (f->first != cells || f->count == 0 || strlen(f->name) == 0)
      return false;
    cells += f->count;
  }
  if ((d->stack_file == 0xFFFF) != (d->sp_cell == 0xFFFF) ||
      (d->calls_file == 0xFFFF) != (d->calls_cell == 0xFFFF) ||
      !registers_sound(d))
    return false;
  return cells == d->cell_count;
}

bool dialect_sound(const struct fisa_dialect *d) {
  unsigned rows = 0;

  if (!head_sound(d))
    return false;
  for (unsigned i = 0; i < 256; i++) {
    if (d->rows[i].opcode != i || d->rows[i].check < 1)
      return false;
    rows += d->rows[i].defined;
    if (d->rows[i].defined && !row_sound(d, &d->rows[i]))
      return false;
  }
  return rows == d->row_count;
}
