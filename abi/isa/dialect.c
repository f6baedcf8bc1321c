/*
 * isa/dialect.c - questions to a loaded dialect.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "isa/dialect.h"

int fisa_fail(struct fisa_error *err, const char *format, ...) {
  va_list ap;

  assert(format);
  if (err) {
    va_start(ap, format);
    vsnprintf(err->text, sizeof err->text, format, ap);
    va_end(ap);
    /* Sentences quote what came from outside; they stay one line. */
    for (char *c = err->text; *c; c++)
      if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
  }
  return -1;
}

void fisa_dialect_free(struct fisa_dialect *d) {
  free(d);  /* one block: a dialect holds no pointers */
}

static bool same_name(const char *have, const char *name, size_t length) {
  return strlen(have) == length && strncasecmp(have, name, length) == 0;
}

const struct fisa_row *fisa_row_by_name(const struct fisa_dialect *d,
                                        const char *name, size_t length) {
  assert(d && name);
  for (unsigned i = 0; i < 256; i++)
    if (d->rows[i].defined && same_name(d->rows[i].name, name, length))
      return &d->rows[i];
  return NULL;
}

int fisa_file_by_name(const struct fisa_dialect *d, const char *name,
                      size_t length) {
  assert(d && name);
  for (uint32_t i = 0; i < d->file_count; i++)
    if (same_name(d->files[i].name, name, length))
      return (int)i;
  return -1;
}

bool fisa_list_has(const char *list, const char *word, const char *ends) {
  size_t n = strlen(word);

  assert(n > 0 && *ends);
  for (const char *p = list; *p;) {
    if (strncmp(p, word, n) == 0 && strchr(ends, p[n] ? p[n] : ';'))
      return true;
    p += strcspn(p, ";");
    p += *p == ';';
  }
  return false;
}

bool fisa_observed_file(const struct fisa_file *f) {
  return f->kind == FISA_FILE_REGS ||
         (f->kind == FISA_FILE_CELL && f->type == FISA_F32 &&
          strcasecmp(f->name, "CONF") == 0);
}

bool fisa_channel_payload(const struct fisa_dialect *d, uint16_t channel) {
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &d->rows[i];
    if (!row->defined || row->channel != channel)
      continue;
    return row->step_count > 0 &&
           row->steps[row->step_count - 1].op == FLUX_OP_EMIT_PAYLOAD;
  }
  return false;
}

int fisa_payload_outputs(const uint8_t *bytes, uint32_t size,
                         int (*give)(const int32_t *arg, unsigned argc,
                                     void *user),
                         void *user) {
  int32_t arg[3] = {(int32_t)size, 0, 0};
  int rc = give(arg, 1, user);

  for (uint32_t at = 0; rc == 0 && at < size; at += FLUX_PAYLOAD_CHUNK) {
    uint32_t word[3] = {0, 0, 0};
    for (uint32_t k = 0; k < FLUX_PAYLOAD_CHUNK && at + k < size; k++)
      word[k / 4] |= (uint32_t)bytes[at + k] << (8 * (k % 4));
    for (unsigned i = 0; i < 3; i++)
      arg[i] = (int32_t)word[i];
    rc = give(arg, 3, user);
  }
  return rc;
}

int32_t fisa_cell_init(const struct fisa_dialect *d, const struct fisa_file *f,
                       uint32_t cell) {
  assert(cell >= f->first && cell - f->first < f->count);
  for (uint32_t i = d->start_count; i-- > 0;)
    if (d->starts[i].cell == cell)
      return d->starts[i].value;
  return f->init;
}

/* A code nobody named: the name must outlive the call without an owner, so
 * the usual codes have static strings and the rest share one. */
static const char *unnamed_fault(int32_t code) {
  static const char *const small[] = {
    "fault_0", "fault_1", "fault_2", "fault_3", "fault_4", "fault_5",
    "fault_6", "fault_7", "fault_8", "fault_9", "fault_10", "fault_11",
    "fault_12", "fault_13", "fault_14", "fault_15"
  };

  if (code >= 0 && code < (int32_t)(sizeof small / sizeof small[0]))
    return small[code];
  return "fault_N";
}

const char *fisa_fault_name(const struct fisa_dialect *d, int32_t code) {
  assert(d);
  if (code == 0)
    return "";
  for (uint32_t i = 0; i < d->fault_count; i++)
    if (d->faults[i].code == code)
      return d->faults[i].name;
  for (unsigned i = 0; i < FLUX_LETHAL_COUNT; i++)
    if (d->lethal_code[i] == code && d->lethal_name[i][0])
      return d->lethal_name[i];
  return unnamed_fault(code);
}
