/*
 * gpu/dump.c - IR as text, for people.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gpu/ir.h"

const char *fir_op_name(unsigned op) {
  static const char *const names[] = {
#define ENGINE_NAME(ID, name) name,
      FIR_OPS(ENGINE_NAME)
#undef ENGINE_NAME
  };

  _Static_assert(sizeof(names) / sizeof(names[0]) ==
                     FIR_OP_COUNT - FLUX_OP_COUNT,
                 "a name for each engine op");
  if (op < FLUX_OP_COUNT)
    return fisa_semop_name(op);
  return op < FIR_OP_COUNT ? names[op - FLUX_OP_COUNT] : "?";
}

void fir_unknown_op(unsigned op, char *out, size_t capacity) {
  if (op < FIR_OP_COUNT)
    snprintf(out, capacity, "an op that it does not know, %s",
             fir_op_name(op));
  else
    snprintf(out, capacity, "an op that nobody knows, number %u", op);
}

/* Register n of a file, a single cell, an engine cell or a constant. */
static void cell_text(const struct fir_program *p, uint16_t cell, char *out,
                      size_t capacity) {
  const struct fisa_dialect *d = p->dialect;

  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    if (cell < file->first || cell - file->first >= file->count)
      continue;
    if (file->kind == FISA_FILE_REGS || file->kind == FISA_FILE_STACK)
      snprintf(out, capacity, "%s%u", file->name, cell - file->first);
    else
      snprintf(out, capacity, "%s", file->name);
    return;
  }
  if (cell == p->zero)
    snprintf(out, capacity, "#0");
  else if (cell == p->sink)
    snprintf(out, capacity, "_");
  else if (cell >= p->temp && cell < p->temp + FIR_TEMPS)
    snprintf(out, capacity, "t%d", cell - p->temp);
  else if (cell >= p->pool_first && cell < p->pool_first + p->pool_count)
    snprintf(out, capacity, "#%ld", (long)p->pool[cell - p->pool_first]);
  else if (cell == d->sp_cell)
    snprintf(out, capacity, "SP");
  else
    snprintf(out, capacity, "cell%u", cell);
}

void fir_dump(const struct fir_program *p, uint32_t i, char *out,
              size_t capacity) {
  const struct fir_ins *ins;
  char d[FISA_MAX_NAME + 8], a[sizeof(d)], b[sizeof(d)], c[sizeof(d)];
  char target[16] = "";

  assert(p && out && capacity > 0);
  if (i >= p->count) {
    snprintf(out, capacity, "%u ?", i);
    return;
  }
  ins = &p->ins[i];
  cell_text(p, ins->d, d, sizeof(d));
  cell_text(p, ins->a, a, sizeof(a));
  cell_text(p, ins->b, b, sizeof(b));
  cell_text(p, ins->c, c, sizeof(c));
  if (ins->target != FIR_NONE)
    snprintf(target, sizeof(target), " ->%u", ins->target);
  snprintf(out, capacity, "%u %c%u %s %s, %s, %s, %s imm %ld%s cycles %u", i,
           ins->row & FIR_FIRST ? '*' : '.', ins->row & ~FIR_FIRST,
           fir_op_name(ins->op), d, a, b, c, (long)ins->imm, target,
           ins->cycles);
}
