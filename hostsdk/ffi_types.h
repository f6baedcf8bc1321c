/*
 * hostsdk/ffi_types.h - what natives and closures share: signatures as
 * libffi takes them, and values to C and back. Private to libfluxhost.
 */
#ifndef FLUX_HOSTSDK_FFI_TYPES_H
#define FLUX_HOSTSDK_FFI_TYPES_H

#include <ffi.h>

#include "hostsdk/native.h"

#pragma GCC visibility push(hidden)

/* Room for one C value of any type libffi may store there; an integer result
 * narrower than ffi_arg comes back widened to it. */
union fhost_ffi_slot {
  ffi_arg word;
  int32_t i32;
  int64_t i64;
  float f32;
  double f64;
};

/* A call interface. Refers to itself: it must not be moved. */
struct fhost_ffi {
  ffi_cif cif;
  ffi_type *types[FHOST_MAX_NATIVE_ARGS];
};

/* Parses "[LIBRARY:SYMBOL](TYPE,...)->TYPE"; which parts must be there is
 * told by the flags. */
enum { FHOST_SIG_LIBRARY = 1, FHOST_SIG_SYMBOL = 2 };
int fhost_signature_parse_parts(const char *spec, unsigned parts,
                                struct fhost_signature *out,
                                struct fisa_error *err);

/* Prepares the call interface of a signature. 0, or -1 with err. */
int fhost_ffi_prepare(struct fhost_ffi *f, const struct fhost_signature *sig,
                      struct fisa_error *err);

/* Whether a type letter is one a value may have. */
bool fhost_value_valid(const flux_value *v);

/* Stores a value as C type `type`. */
void fhost_value_store(const flux_value *v, char type,
                       union fhost_ffi_slot *out);

/* Reads an argument of C type `type`. */
void fhost_value_load(char type, const void *from, flux_value *out);

#pragma GCC visibility pop

#endif /* FLUX_HOSTSDK_FFI_TYPES_H */
