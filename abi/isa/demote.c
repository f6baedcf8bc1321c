/*
 * isa/demote.c - rows that are not what their table says: taken out of a
 * dialect's meaning, not of its shape.
 */
#include <assert.h>
#include <string.h>

#include "isa/dialect.h"

bool fisa_row_is_shared(const struct fisa_row *row) {
  static const char *const shared[] = {"RNG", "HEAP"};

  for (unsigned i = 0; i < sizeof shared / sizeof shared[0]; i++)
    if (fisa_list_has(row->reads, shared[i], ";[") ||
        fisa_list_has(row->writes, shared[i], ";["))
      return true;
  return false;
}

/* A table without opaque rows need not number what running one is. */
static void number_opaque(struct fisa_dialect *d) {
  int32_t last = 999;

  if (d->lethal_code[FLUX_LETHAL_OPAQUE])
    return;
  for (unsigned i = 0; i < FLUX_LETHAL_COUNT; i++)
    if (d->lethal_code[i] > last)
      last = d->lethal_code[i];
  d->lethal_code[FLUX_LETHAL_OPAQUE] = last + 1;
}

void fisa_dialect_demote(struct fisa_dialect *d, uint8_t opcode) {
  static const char form[] = "opaque";
  struct fisa_row *row = &d->rows[opcode];
  uint8_t bytes[32 + sizeof form];

  assert(row->defined && row->opcode == opcode);
  if (row->opaque)
    return;
  number_opaque(d);
  row->opaque = true;
  row->pure = false;
  row->roles &= (uint16_t)~FISA_ROLE_NOP;
  row->step_count = row->guard_count = 0;
  memset(row->steps, 0, sizeof row->steps);
  memset(row->guards, 0, sizeof row->guards);
  row->channel = row->source = 0xFFFF;
  memcpy(bytes, d->hash, 32);
  memcpy(bytes + 32, form, sizeof form - 1);
  bytes[sizeof bytes - 1] = opcode;
  fisa_sha256(bytes, sizeof bytes, d->hash);
}
