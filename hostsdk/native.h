/*
 * hostsdk/native.h - C functions called by name: sensors, actuators, models.
 *
 * A native is written "LIBRARY:SYMBOL(TYPE,...)->TYPE" with the types i32
 * i64 f32 f64, and void for a result or an empty list. Its call interface is
 * prepared once; a call allocates nothing and takes no lock of ours.
 *
 * LIBRARY is an absolute path, or a relative one that is looked for in the
 * config's folder, then where plugins are looked for (see plugin.h), under
 * the same rules about who may write there.
 */
#ifndef FLUX_HOSTSDK_NATIVE_H
#define FLUX_HOSTSDK_NATIVE_H

#include <flux/services.h>

#include "isa/dialect.h"

#define FHOST_MAX_NATIVE_ARGS 8
#define FHOST_MAX_NATIVES 256

/* A parsed spec. Types are those of flux_value: 'i' 'I' 'f' 'd'; 'v' void. */
struct fhost_signature {
  char library[512];
  char symbol[128];
  char result;
  uint8_t argc;
  char arg[FHOST_MAX_NATIVE_ARGS];
};

/*
 * Parses a spec. Returns 0, or -1 with err naming what was expected and the
 * position in the text, counted from 1.
 */
int fhost_signature_parse(const char *spec, struct fhost_signature *out,
                          struct fisa_error *err);

/* A native; owned by its table. */
struct fhost_native;

/* The natives of a host, by name. Built on one thread; after
 * fhost_natives_open any number of threads may call. */
struct fhost_natives;

/* `folder`: where relative libraries are looked for first, or NULL. NULL
 * when out of memory. */
struct fhost_natives *fhost_natives_new(const char *folder);

/* Unloads the libraries. NULL is fine. No call may be running: see
 * fhost_judge_is_away. */
void fhost_natives_free(struct fhost_natives *t);

/* Adds a native by spec; opens nothing. Returns 0, or -1 with err. */
int fhost_natives_add(struct fhost_natives *t, const char *name,
                      const char *spec, struct fisa_error *err);

/* Adds a C function of this process: `spec` without a library, as
 * "room_temp(i32)->i32". Such a native needs no opening. */
int fhost_natives_add_function(struct fhost_natives *t, const char *name,
                               const char *spec, void (*fn)(void),
                               struct fisa_error *err);

/* Opens the libraries of all natives and finds their symbols. Returns 0, or
 * -1 with err naming the native; the table can then only be freed. */
int fhost_natives_open(struct fhost_natives *t, struct fisa_error *err);

/* A native by name, or NULL; lives as long as the table. */
const struct fhost_native *fhost_natives_find(const struct fhost_natives *t,
                                              const char *name);

/* Name of native i in the order added, or NULL past the last. */
const char *fhost_natives_name(const struct fhost_natives *t, uint32_t i);

const struct fhost_signature *
fhost_native_signature(const struct fhost_native *n);

/*
 * Calls a native that is open. Each argument is converted to its type, as C
 * would but never undefined: out of range saturates, NaN becomes 0. A void
 * result is given as 'i' 0. FLUX_E_INVALID: count differs, or a type letter
 * is none; FLUX_E_UNSUPPORTED: not open. Any thread, as the native allows.
 */
flux_status fhost_native_call(const struct fhost_native *n,
                              const flux_value *args, uint32_t count,
                              flux_value *result);

/* The int32 nearest a value, as natives convert: saturating, NaN is 0. */
int32_t fhost_value_i32(const flux_value *v);

/* ---- closures ----------------------------------------------------------- */

/*
 * A plain C function pointer made at run time that carries a user pointer:
 * for VMs whose callbacks have none, so that each agent gets a function of
 * its own. `handler` gets the converted arguments and fills result->as
 * (its type is set before).
 */
struct fhost_closure;
typedef void (*fhost_closure_fn)(const flux_value *args, uint32_t count,
                                 flux_value *result, void *user);

/*
 * `types` is "(TYPE,...)->TYPE" as above. Returns 0 and a closure to be
 * given to fhost_closure_free, or -1 with err (malformed; no memory that may
 * be executed).
 */
int fhost_closure_new(const char *types, fhost_closure_fn handler, void *user,
                      struct fhost_closure **out, struct fisa_error *err);

/* The function; cast it to the type the signature says. It is valid until
 * the closure is freed. */
void (*fhost_closure_function(const struct fhost_closure *c))(void);

void fhost_closure_free(struct fhost_closure *c);  /* NULL is fine */

#endif /* FLUX_HOSTSDK_NATIVE_H */
