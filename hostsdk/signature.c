/*
 * hostsdk/signature.c - signatures of natives, and values across them.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "hostsdk/ffi_types.h"
#include "hostsdk/scan.h"

/* The one table of types. */
static const struct {
  const char *name;
  char letter;
  ffi_type *ffi;
} types[] = {
  {"i32", 'i', &ffi_type_sint32},
  {"i64", 'I', &ffi_type_sint64},
  {"f32", 'f', &ffi_type_float},
  {"f64", 'd', &ffi_type_double},
  {"void", 'v', &ffi_type_void},
};

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

static char letter_of(const struct fhost_word *w) {
  for (unsigned i = 0; i < TYPE_COUNT; i++)
    if (fhost_word_is(w, types[i].name))
      return types[i].letter;
  return '\0';
}

static ffi_type *ffi_of(char letter) {
  for (unsigned i = 0; i < TYPE_COUNT; i++)
    if (types[i].letter == letter)
      return types[i].ffi;
  assert(!"a type letter of the table");
  return &ffi_type_void;
}

/* ---- parsing ------------------------------------------------------------ */

/* Consumes a type; *out is 'v' for void. */
static int parse_type(struct fhost_scan *s, const char *expected, char *out,
                      struct fisa_error *err) {
  struct fhost_scan before = *s;
  struct fhost_word w;

  if (fhost_scan_word(s, &w) && (*out = letter_of(&w)) != '\0')
    return 0;
  return fhost_scan_fail(&before, expected, err);
}

/* Consumes "(TYPE,...)". "(void)" is the empty list, as in C. */
static int parse_arguments(struct fhost_scan *s, struct fhost_signature *out,
                           struct fisa_error *err) {
  static const char arg_type[] = "a type (i32, i64, f32, f64)";

  if (!fhost_scan_take(s, "("))
    return fhost_scan_fail(s, "\"(\"", err);
  if (fhost_scan_take(s, ")"))
    return 0;
  for (;;) {
    struct fhost_scan before = *s;
    char letter;

    if (out->argc == FHOST_MAX_NATIVE_ARGS)
      return fisa_fail(err, "more than %d arguments in \"%.80s\"",
                       FHOST_MAX_NATIVE_ARGS, s->text);
    if (parse_type(s, arg_type, &letter, err) != 0)
      return -1;
    if (letter == 'v') {
      if (out->argc == 0 && fhost_scan_take(s, ")"))
        return 0;
      return fhost_scan_fail(&before, arg_type, err);
    }
    out->arg[out->argc++] = letter;
    if (fhost_scan_take(s, ")"))
      return 0;
    if (!fhost_scan_take(s, ","))
      return fhost_scan_fail(s, "\",\" or \")\"", err);
  }
}

/* Consumes "LIBRARY:". A path may hold colons itself, so the last one before
 * the argument list ends it. */
static int parse_library(struct fhost_scan *s, struct fhost_signature *out,
                         struct fisa_error *err) {
  size_t stop = strcspn(s->text, "(");
  size_t colon = stop;
  struct fhost_word w;

  while (colon > 0 && s->text[colon - 1] != ':')
    colon--;
  if (colon <= 1)
    return fhost_scan_fail(s, "\"LIBRARY:\"", err);
  w.start = s->text;
  w.length = colon - 1;
  if (!fhost_word_copy(&w, out->library, sizeof out->library))
    return fisa_fail(err, "the library's name is longer than %zu bytes",
                     sizeof out->library - 1);
  s->at = colon;
  return 0;
}

static int parse_symbol(struct fhost_scan *s, struct fhost_signature *out,
                        struct fisa_error *err) {
  struct fhost_word w;

  if (!fhost_scan_word(s, &w))
    return fhost_scan_fail(s, "a function's name", err);
  if (!fhost_word_copy(&w, out->symbol, sizeof out->symbol))
    return fisa_fail(err, "the function's name is longer than %zu bytes",
                     sizeof out->symbol - 1);
  return 0;
}

int fhost_signature_parse_parts(const char *spec, unsigned parts,
                                struct fhost_signature *out,
                                struct fisa_error *err) {
  struct fhost_signature sig = {0};
  struct fhost_scan s = {spec, 0};

  assert(spec && out);
  if ((parts & FHOST_SIG_LIBRARY) && parse_library(&s, &sig, err) != 0)
    return -1;
  if ((parts & FHOST_SIG_SYMBOL) && parse_symbol(&s, &sig, err) != 0)
    return -1;
  if (parse_arguments(&s, &sig, err) != 0)
    return -1;
  if (!fhost_scan_take(&s, "->"))
    return fhost_scan_fail(&s, "\"->\"", err);
  if (parse_type(&s, "a type (i32, i64, f32, f64, void)", &sig.result, err)
      != 0)
    return -1;
  if (!fhost_scan_end(&s))
    return fhost_scan_fail(&s, "the end", err);
  *out = sig;
  return 0;
}

int fhost_signature_parse(const char *spec, struct fhost_signature *out,
                          struct fisa_error *err) {
  return fhost_signature_parse_parts(
      spec, FHOST_SIG_LIBRARY | FHOST_SIG_SYMBOL, out, err);
}

int fhost_ffi_prepare(struct fhost_ffi *f, const struct fhost_signature *sig,
                      struct fisa_error *err) {
  ffi_status status;

  assert(sig->argc <= FHOST_MAX_NATIVE_ARGS);
  for (unsigned i = 0; i < sig->argc; i++)
    f->types[i] = ffi_of(sig->arg[i]);
  status = ffi_prep_cif(&f->cif, FFI_DEFAULT_ABI, sig->argc,
                        ffi_of(sig->result), f->types);
  if (status != FFI_OK)
    return fisa_fail(err, "this machine's calling convention cannot be "
                     "prepared (libffi status %d)", (int)status);
  return 0;
}

/* ---- values ------------------------------------------------------------- */

/* Saturating conversions: the plain cast of a double that is out of range is
 * undefined in C. The limits are exact powers of two. */
static int64_t to_i64(double d) {
  if (isnan(d))
    return 0;
  if (d >= 0x1p63)
    return INT64_MAX;
  if (d < -0x1p63)
    return INT64_MIN;
  return (int64_t)d;
}

static int32_t narrow(int64_t i) {
  return i > INT32_MAX ? INT32_MAX : i < INT32_MIN ? INT32_MIN : (int32_t)i;
}

static bool is_float(uint32_t type) {
  return type == 'f' || type == 'd';
}

static int64_t value_i64(const flux_value *v) {
  return is_float(v->type) ? to_i64(v->as.d) : v->as.i;
}

static double value_f64(const flux_value *v) {
  return is_float(v->type) ? v->as.d : (double)v->as.i;
}

int32_t fhost_value_i32(const flux_value *v) {
  assert(fhost_value_valid(v));
  return narrow(value_i64(v));
}

bool fhost_value_valid(const flux_value *v) {
  return v->type == 'i' || v->type == 'I' || is_float(v->type);
}

void fhost_value_store(const flux_value *v, char type,
                       union fhost_ffi_slot *out) {
  assert(fhost_value_valid(v));
  memset(out, 0, sizeof *out);
  switch (type) {
  case 'i':
    out->i32 = narrow(value_i64(v));
    break;
  case 'I':
    out->i64 = value_i64(v);
    break;
  case 'f':
    out->f32 = (float)value_f64(v);
    break;
  case 'd':
    out->f64 = value_f64(v);
    break;
  default:
    assert(!"an argument type");
  }
}

void fhost_value_load(char type, const void *from, flux_value *out) {
  union fhost_ffi_slot slot;

  memset(out, 0, sizeof *out);
  out->type = (uint32_t)type;
  switch (type) {
  case 'i':
    memcpy(&slot.i32, from, sizeof slot.i32);
    out->as.i = slot.i32;
    break;
  case 'I':
    memcpy(&slot.i64, from, sizeof slot.i64);
    out->as.i = slot.i64;
    break;
  case 'f':
    memcpy(&slot.f32, from, sizeof slot.f32);
    out->as.d = slot.f32;
    break;
  case 'd':
    memcpy(&slot.f64, from, sizeof slot.f64);
    out->as.d = slot.f64;
    break;
  default:
    out->type = 'i';  /* void reads as the integer 0 */
  }
}
