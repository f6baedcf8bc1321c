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

static const char *const lethal_names[] = {
#define LETHAL_NAME(ID, name) name,
  FLUX_LETHALS(LETHAL_NAME)
#undef LETHAL_NAME
};

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
    if (d->lethal_code[i] == code)
      return lethal_names[i];
  return unnamed_fault(code);
}
