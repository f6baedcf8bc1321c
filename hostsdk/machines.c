/*
 * hostsdk/machines.c - dialects and VMs by name.
 */
#include "hostsdk/machines.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/adapt_impl.h"
#include "hostsdk/plugin.h"
#include "isa/asm.h"

/* A dialect that was read from files. */
struct told {
  char name[FISA_MAX_NAME];
  char *text, *bindings;       /* bindings may be NULL */
  size_t text_size, bindings_size;
};

struct machine {
  const struct fhost_vm *vm;   /* `own`, the program's, or the built-in one */
  struct fisa_dialect *dialect;
  struct fhost_vm own;
  void *object;                /* of dlopen; NULL: linked in */
};

/* Entries of `vms` are never changed once they are counted. */
struct fhost_machines {
  char folder[FHOST_PATH_MAX];
  uint32_t told_count;
  struct told told[FHOST_MAX_MACHINES];
  _Atomic uint32_t count;
  struct machine vms[FHOST_MAX_MACHINES];
};

struct fhost_machines *fhost_machines_new(const char *folder) {
  struct fhost_machines *m = calloc(1, sizeof *m);

  if (!m)
    return NULL;
  if (folder)
    snprintf(m->folder, sizeof m->folder, "%s", folder);
  return m;
}

void fhost_machines_free(struct fhost_machines *m) {
  if (!m)
    return;
  for (uint32_t i = 0; i < m->count; i++) {
    fisa_dialect_free(m->vms[i].dialect);
    if (m->vms[i].object)
      dlclose(m->vms[i].object);
  }
  for (uint32_t i = 0; i < m->told_count; i++) {
    free(m->told[i].text);
    free(m->told[i].bindings);
  }
  free(m);
}

/* ---- dialects ----------------------------------------------------------- */

static int make(const struct told *t, const char *path, const char *bindings,
                struct fisa_dialect **out, struct fisa_error *err) {
  struct fisa_dialect *d = NULL;

  if (fisa_dialect_parse(t->text, t->text_size, path, &d, err) != 0)
    return -1;
  if (t->bindings && fisa_dialect_bind(d, t->bindings, t->bindings_size,
                                       bindings, err) != 0) {
    fisa_dialect_free(d);
    return -1;
  }
  *out = d;
  return 0;
}

static const struct told *find_told(const struct fhost_machines *m,
                                    const char *name) {
  for (uint32_t i = 0; i < m->told_count; i++)
    if (strcmp(m->told[i].name, name) == 0)
      return &m->told[i];
  return NULL;
}

int fhost_machines_add_dialect(struct fhost_machines *m, const char *path,
                               const char *bindings, struct fisa_error *err) {
  struct told t = {.name = ""};
  struct fisa_dialect *d = NULL;

  assert(m && path);
  if (m->told_count == FHOST_MAX_MACHINES)
    return fisa_fail(err, "more than %u dialects", FHOST_MAX_MACHINES);
  if (fisa_read_file(path, FISA_MAX_TEXT, &t.text, &t.text_size, err) != 0)
    return -1;
  if (bindings && *bindings &&
      fisa_read_file(bindings, FISA_MAX_TEXT, &t.bindings, &t.bindings_size,
                     err) != 0)
    goto fail;
  if (make(&t, path, bindings, &d, err) != 0)
    goto fail;
  memcpy(t.name, d->name, sizeof t.name);
  fisa_dialect_free(d);
  if (find_told(m, t.name)) {
    fisa_fail(err, "%.150s: dialect %s is there already", path, t.name);
    goto fail;
  }
  m->told[m->told_count++] = t;
  return 0;
fail:
  free(t.text);
  free(t.bindings);
  return -1;
}

int fhost_machines_dialect(const struct fhost_machines *m, const char *name,
                           struct fisa_dialect **out,
                           struct fisa_error *err) {
  const struct told *t = find_told(m, name);

  if (t)
    return make(t, name, name, out, err);
  return fisa_dialect_builtin(name, true, out, err);
}

void fhost_machines_texts(const struct fhost_machines *m, const char *name,
                          struct fhost_texts *out) {
  const struct told *t = find_told(m, name);
  char file[FISA_MAX_NAME + 16];

  *out = (struct fhost_texts){NULL, NULL, 0, 0};
  if (t) {
    *out = (struct fhost_texts){t->text, t->bindings, t->text_size,
                                t->bindings_size};
    return;
  }
  snprintf(file, sizeof file, "%.24s.fluxisa", name);
  out->dialect = fisa_builtin_text(file, &out->dialect_size);
  snprintf(file, sizeof file, "%.24s.bindings", name);
  out->bindings = fisa_builtin_text(file, &out->bindings_size);
}

/* ---- VMs ---------------------------------------------------------------- */

const struct fhost_vm *fhost_machines_at(const struct fhost_machines *m,
                                         uint32_t i) {
  uint32_t n = atomic_load_explicit(&m->count, memory_order_acquire);

  if (i < n)
    return m->vms[i].vm;
  /* The built-in one, unless another has its dialect. */
  for (uint32_t k = 0; k < n; k++)
    if (strcmp(m->vms[k].vm->dialect, fhost_vm_reference.dialect) == 0)
      return NULL;
  return i == n ? &fhost_vm_reference : NULL;
}

const struct fhost_vm *fhost_machines_find(const struct fhost_machines *m,
                                           const char *dialect) {
  const struct fhost_vm *vm;

  for (uint32_t i = 0; (vm = fhost_machines_at(m, i)) != NULL; i++)
    if (strcmp(vm->dialect, dialect) == 0)
      return vm;
  return NULL;
}

/* The entry of a dialect, or NULL. */
static const struct machine *entry_of(const struct fhost_machines *m,
                                      const char *dialect) {
  uint32_t n = atomic_load_explicit(&m->count, memory_order_acquire);

  for (uint32_t i = 0; i < n; i++)
    if (strcmp(m->vms[i].vm->dialect, dialect) == 0)
      return &m->vms[i];
  return NULL;
}

const struct fisa_dialect *
fhost_machines_spoken(const struct fhost_machines *m, const char *dialect) {
  const struct machine *e = entry_of(m, dialect);

  return e ? e->dialect : NULL;
}

/* The built-in VM may be replaced until it is used, none that was added. */
static int check_room(const struct fhost_machines *m, const char *dialect,
                      struct fisa_error *err) {
  if (m->count == FHOST_MAX_MACHINES)
    return fisa_fail(err, "more than %u VMs", FHOST_MAX_MACHINES);
  if (entry_of(m, dialect))
    return fisa_fail(err, "dialect %.24s has a VM already", dialect);
  return 0;
}

/* The entry behind the last is complete. */
static void publish(struct fhost_machines *m) {
  assert(m->vms[m->count].dialect);
  atomic_store_explicit(&m->count, m->count + 1, memory_order_release);
}

int fhost_machines_add_vm(struct fhost_machines *m, const struct fhost_vm *vm,
                          struct fisa_error *err) {
  assert(m && vm && vm->dialect);
  if (check_room(m, vm->dialect, err) != 0)
    return -1;
  m->vms[m->count] = (struct machine){.vm = vm};
  if (fhost_machines_dialect(m, vm->dialect, &m->vms[m->count].dialect,
                             err) != 0)
    return -1;
  publish(m);
  return 0;
}

/* ---- shared objects ----------------------------------------------------- */

/* The adapter in a file that fhost_plugin_find gave, and its dialect. */
static int open_module(const struct fhost_machines *m, struct machine *out,
                       const char *path, const char *dialect,
                       struct fisa_error *err) {
  const struct fhost_adapter *a = NULL;
  fhost_adapter_entry_fn entry = NULL;
  struct fisa_error why = {""};

  out->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!out->object)
    return fisa_fail(err, "cannot load \"%.60s\": %.160s", path, dlerror());
  *(void **)(void *)&entry = dlsym(out->object, FHOST_ADAPTER_ENTRY);
  if (!entry)
    return fisa_fail(err, "\"%.150s\" has no %s: it is no VM module", path,
                     FHOST_ADAPTER_ENTRY);
  a = entry();
  if (!a)
    return fisa_fail(err, "\"%.150s\" gives no adapter", path);
  if (fhost_adapt(a, &out->own, &why) != 0)
    return fisa_fail(err, "\"%.100s\": %.140s", path, why.text);
  if (strcmp(a->dialect, dialect) != 0)
    return fisa_fail(err, "\"%.100s\" has a VM of dialect %.24s, not %.24s",
                     path, a->dialect, dialect);
  if (fhost_machines_dialect(m, a->dialect, &out->dialect, err) != 0)
    return -1;
  if (fhost_adapter_usable(a, out->dialect, &why) != 0)
    return fisa_fail(err, "\"%.80s\": the adapter is wrong: %.120s", path,
                     why.text);
  return 0;
}

int fhost_machines_add_module(struct fhost_machines *m, const char *dialect,
                              const char *path, struct fisa_error *err) {
  struct machine *out;
  char found[FHOST_PATH_MAX];

  assert(m && dialect && path);
  if (check_room(m, dialect, err) != 0 ||
      fhost_plugin_find(path, *m->folder ? m->folder : NULL, found, err) != 0)
    return -1;
  out = &m->vms[m->count];
  *out = (struct machine){.vm = &out->own};
  if (open_module(m, out, found, dialect, err) != 0) {
    fisa_dialect_free(out->dialect);
    if (out->object)
      dlclose(out->object);
    return -1;
  }
  publish(m);
  return 0;
}

const struct fhost_vm *fhost_machines_vm(struct fhost_machines *m,
                                         const char *dialect,
                                         struct fisa_error *err) {
  const struct machine *e = entry_of(m, dialect);
  char file[FISA_MAX_NAME + 16];

  if (e)
    return e->vm;
  if (strcmp(dialect, fhost_vm_reference.dialect) == 0)
    return fhost_machines_add_vm(m, &fhost_vm_reference, err) == 0
               ? &fhost_vm_reference : NULL;
  if (strchr(dialect, '/') || strlen(dialect) >= FISA_MAX_NAME) {
    fisa_fail(err, "\"%.60s\" is no name of a dialect", dialect);
    return NULL;
  }
  snprintf(file, sizeof file, "flux_vm_%s.so", dialect);
  if (fhost_machines_add_module(m, dialect, file, err) != 0)
    return NULL;
  return fhost_machines_find(m, dialect);
}

char *fhost_machines_build_id(const struct fhost_machines *m) {
  const struct fhost_vm *vm;
  size_t size = 1, n = 0;
  char *out;

  for (uint32_t i = 0; (vm = fhost_machines_at(m, i)) != NULL; i++)
    size += strlen(vm->build_id) + 1;
  out = calloc(size, 1);
  for (uint32_t i = 0; out && (vm = fhost_machines_at(m, i)) != NULL; i++)
    n += (size_t)snprintf(out + n, size - n, "%s%s", i ? "+" : "",
                          vm->build_id);
  return out;
}
