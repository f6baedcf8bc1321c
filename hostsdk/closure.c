/*
 * hostsdk/closure.c - C function pointers that carry a user pointer.
 */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/ffi_types.h"

struct fhost_closure {
  struct fhost_signature sig;
  struct fhost_ffi ffi;
  fhost_closure_fn handler;
  void *user;
  ffi_closure *code;   /* writable side of the pages libffi keeps for us */
  void *entry;         /* executable side */
};

/* What libffi calls when the function is called. */
static void enter(ffi_cif *cif, void *result, void **args, void *user) {
  const struct fhost_closure *c = user;
  flux_value values[FHOST_MAX_NATIVE_ARGS], out = {0};
  union fhost_ffi_slot slot;

  assert(cif == &c->ffi.cif);
  (void)cif;
  for (unsigned i = 0; i < c->sig.argc; i++)
    fhost_value_load(c->sig.arg[i], args[i], &values[i]);
  out.type = c->sig.result == 'v' ? 'i' : (uint32_t)c->sig.result;
  c->handler(values, c->sig.argc, &out, c->user);
  if (c->sig.result == 'v')
    return;
  if (!fhost_value_valid(&out))
    out = (flux_value){.type = 'i'};
  fhost_value_store(&out, c->sig.result, &slot);
  switch (c->sig.result) {
  case 'i':
    /* libffi wants small integers widened to a whole register. */
    *(ffi_sarg *)result = slot.i32;
    break;
  case 'I':
    memcpy(result, &slot.i64, sizeof slot.i64);
    break;
  case 'f':
    memcpy(result, &slot.f32, sizeof slot.f32);
    break;
  default:
    memcpy(result, &slot.f64, sizeof slot.f64);
  }
}

/*
 * libffi hands out closures under locks of its own. A child process that was
 * forked while another thread held one could never make any, so all of ours
 * are made and freed under one lock that nobody else holds during a fork.
 */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t forks_told = PTHREAD_ONCE_INIT;

static void lock(void) {
  pthread_mutex_lock(&making);
}

static void unlock(void) {
  pthread_mutex_unlock(&making);
}

static void tell_forks(void) {
  (void)pthread_atfork(lock, unlock, unlock);
}

int fhost_closure_new(const char *types, fhost_closure_fn handler, void *user,
                      struct fhost_closure **out, struct fisa_error *err) {
  struct fhost_closure *c = calloc(1, sizeof *c);

  assert(types && handler && out);
  if (!c)
    return fisa_fail(err, "out of memory");
  c->handler = handler;
  c->user = user;
  if (fhost_signature_parse_parts(types, 0, &c->sig, err) != 0 ||
      fhost_ffi_prepare(&c->ffi, &c->sig, err) != 0)
    goto fail;
  (void)pthread_once(&forks_told, tell_forks);
  lock();
  c->code = ffi_closure_alloc(sizeof *c->code, &c->entry);
  unlock();
  if (!c->code) {
    fisa_fail(err, "no memory that may be executed for a closure");
    goto fail;
  }
  if (ffi_prep_closure_loc(c->code, &c->ffi.cif, enter, c, c->entry)
      != FFI_OK) {
    fisa_fail(err, "this machine's closures cannot be prepared");
    goto fail;
  }
  *out = c;
  return 0;
fail:
  fhost_closure_free(c);
  return -1;
}

void (*fhost_closure_function(const struct fhost_closure *c))(void) {
  void (*fn)(void);

  assert(c->entry);
  memcpy(&fn, &c->entry, sizeof fn);
  return fn;
}

void fhost_closure_free(struct fhost_closure *c) {
  if (!c)
    return;
  if (c->code) {
    lock();
    ffi_closure_free(c->code);
    unlock();
  }
  free(c);
}
