/*
 * hostsdk/native.c - the table of natives and calls into them.
 */
#include "hostsdk/native.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/config.h"
#include "hostsdk/ffi_types.h"
#include "hostsdk/plugin.h"

struct fhost_native {
  char *name;
  struct fhost_signature sig;
  struct fhost_ffi ffi;
  void *library;        /* of dlopen; NULL for a function of the process */
  void (*fn)(void);     /* NULL until opened */
};

struct fhost_natives {
  char *folder;         /* or NULL */
  uint32_t count;
  /* Pointers, since a call interface must stay where it was prepared. */
  struct fhost_native *list[FHOST_MAX_NATIVES];
};

struct fhost_natives *fhost_natives_new(const char *folder) {
  struct fhost_natives *t = calloc(1, sizeof *t);

  if (!t)
    return NULL;
  if (folder && !(t->folder = strdup(folder))) {
    free(t);
    return NULL;
  }
  return t;
}

static void native_free(struct fhost_native *n) {
  if (!n)
    return;
  if (n->library)
    dlclose(n->library);
  free(n->name);
  free(n);
}

void fhost_natives_free(struct fhost_natives *t) {
  if (!t)
    return;
  for (uint32_t i = 0; i < t->count; i++)
    native_free(t->list[i]);
  free(t->folder);
  free(t);
}

/* ---- building the table ------------------------------------------------- */

static int add(struct fhost_natives *t, const char *name, const char *spec,
               unsigned parts, struct fhost_native **out,
               struct fisa_error *err) {
  struct fhost_native *n = NULL;

  assert(t && name && spec);
  if (fhost_natives_find(t, name))
    return fisa_fail(err, "native \"%.64s\" is there twice", name);
  if (t->count == FHOST_MAX_NATIVES)
    return fisa_fail(err, "more than %d natives", FHOST_MAX_NATIVES);
  n = calloc(1, sizeof *n);
  if (!n || !(n->name = strdup(name))) {
    fisa_fail(err, "out of memory");
    goto fail;
  }
  if (fhost_signature_parse_parts(spec, parts, &n->sig, err) != 0 ||
      fhost_ffi_prepare(&n->ffi, &n->sig, err) != 0)
    goto fail;
  t->list[t->count++] = n;
  *out = n;
  return 0;
fail:
  native_free(n);
  return -1;
}

int fhost_natives_add(struct fhost_natives *t, const char *name,
                      const char *spec, struct fisa_error *err) {
  struct fhost_native *n;

  return add(t, name, spec, FHOST_SIG_LIBRARY | FHOST_SIG_SYMBOL, &n, err);
}

int fhost_natives_add_function(struct fhost_natives *t, const char *name,
                               const char *spec, void (*fn)(void),
                               struct fisa_error *err) {
  struct fhost_native *n;

  assert(fn);
  if (add(t, name, spec, FHOST_SIG_SYMBOL, &n, err) != 0)
    return -1;
  n->fn = fn;
  return 0;
}

static int open_one(const struct fhost_natives *t, struct fhost_native *n,
                    struct fisa_error *err) {
  char path[FHOST_PATH_MAX];
  struct fisa_error why;
  void *address;

  assert(!n->fn && !n->library);
  if (fhost_plugin_find(n->sig.library, t->folder, path, &why) != 0)
    return fisa_fail(err, "native \"%.40s\": %s", n->name, why.text);
  n->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!n->library)
    return fisa_fail(err, "native \"%.40s\": library cannot be loaded: %s",
                     n->name, dlerror());
  address = dlsym(n->library, n->sig.symbol);
  if (!address)
    return fisa_fail(err, "native \"%.40s\": \"%.100s\" has no function "
                     "\"%.60s\"", n->name, n->sig.library, n->sig.symbol);
  /* ISO C has no cast from object to function pointer; POSIX promises that
   * the bytes are the same. */
  memcpy(&n->fn, &address, sizeof n->fn);
  return 0;
}

int fhost_natives_open(struct fhost_natives *t, struct fisa_error *err) {
  assert(t);
  for (uint32_t i = 0; i < t->count; i++)
    if (!t->list[i]->fn && open_one(t, t->list[i], err) != 0)
      return -1;
  return 0;
}

const struct fhost_native *fhost_natives_find(const struct fhost_natives *t,
                                              const char *name) {
  for (uint32_t i = 0; i < t->count; i++)
    if (strcmp(t->list[i]->name, name) == 0)
      return t->list[i];
  return NULL;
}

const char *fhost_natives_name(const struct fhost_natives *t, uint32_t i) {
  return i < t->count ? t->list[i]->name : NULL;
}

const struct fhost_signature *
fhost_native_signature(const struct fhost_native *n) {
  return &n->sig;
}

/* ---- calls -------------------------------------------------------------- */

flux_status fhost_native_call(const struct fhost_native *n,
                              const flux_value *args, uint32_t count,
                              flux_value *result) {
  union fhost_ffi_slot slots[FHOST_MAX_NATIVE_ARGS], out;
  char type;
  void *pointers[FHOST_MAX_NATIVE_ARGS];
  ffi_cif *cif;

  assert(n && result);
  if (!n->fn)
    return FLUX_E_UNSUPPORTED;
  if (count != n->sig.argc)
    return FLUX_E_INVALID;
  type = n->sig.result;
  for (uint32_t i = 0; i < count; i++) {
    if (!fhost_value_valid(&args[i]))
      return FLUX_E_INVALID;
    fhost_value_store(&args[i], n->sig.arg[i], &slots[i]);
    pointers[i] = &slots[i];
  }
  memset(&out, 0, sizeof out);
  /* libffi reads the interface only; its prototype forgot the const. */
  memcpy(&cif, &(const ffi_cif *){&n->ffi.cif}, sizeof cif);
  ffi_call(cif, n->fn, &out, pointers);
  /* What came back late finds no table any more. */
  if (type == 'i')
    out.i32 = (int32_t)out.word;
  fhost_value_load(type, &out, result);
  return FLUX_OK;
}
