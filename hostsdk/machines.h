/*
 * hostsdk/machines.h - the dialects and VMs of a host, by name.
 *
 * A host may run agents of several dialects. Dialects are built in, or read
 * from a file; the VM of a dialect is built in (unified), the program's own,
 * or a shared object with an adapter (hostsdk/adapt.h): flux_vm_NAME.so, where
 * plugins are looked for and under the same rules about who may write there.
 *
 * What is added is added on one thread; others may look beside it.
 */
#ifndef FLUX_HOSTSDK_MACHINES_H
#define FLUX_HOSTSDK_MACHINES_H

#include "hostsdk/runtime.h"

#define FHOST_MAX_MACHINES 32u

struct fhost_machines;

/* `folder`: where relative paths of shared objects are looked for first, or
 * NULL; copied. NULL when out of memory. */
struct fhost_machines *fhost_machines_new(const char *folder);

/* Unloads the shared objects: no code that their VMs loaded may be left. NULL
 * is fine. */
void fhost_machines_free(struct fhost_machines *m);

/*
 * Reads a dialect from a file, and an overlay (NULL or "": none). It takes
 * the place of a built-in one of its name. Returns 0, or -1 with err: cannot
 * be read, is no dialect, is there already. Main thread.
 */
int fhost_machines_add_dialect(struct fhost_machines *m, const char *path,
                               const char *bindings, struct fisa_error *err);

/* A VM of the program itself, which outlives m; in the place of a built-in
 * one. Returns 0, or -1 with err. Main thread. */
int fhost_machines_add_vm(struct fhost_machines *m, const struct fhost_vm *vm,
                          struct fisa_error *err);

/* Opens a shared object by its path (see fhost_plugin_find) as the VM of a
 * dialect. Returns 0, or -1 with err. Main thread. */
int fhost_machines_add_module(struct fhost_machines *m, const char *dialect,
                              const char *path, struct fisa_error *err);

/* The VM of a dialect; opens flux_vm_NAME.so where none is there yet, and reads
 * the dialect. NULL with err. It lives as long as m. Main thread. */
const struct fhost_vm *fhost_machines_vm(struct fhost_machines *m,
                                         const char *dialect,
                                         struct fisa_error *err);

/* The same of those that are there: opens nothing, takes no lock. Any
 * thread, beside one that adds. */
const struct fhost_vm *fhost_machines_find(const struct fhost_machines *m,
                                           const char *dialect);

/* The dialect of a VM that fhost_machines_vm gave or that was added, read
 * once; NULL: it was not. Lives as long as m; no lock. Any thread. */
const struct fisa_dialect *
fhost_machines_spoken(const struct fhost_machines *m, const char *dialect);

/* VM i of those that are there, or NULL past the last. Any thread. */
const struct fhost_vm *fhost_machines_at(const struct fhost_machines *m,
                                         uint32_t i);

/* A dialect by name, with its overlay: a new one, the caller's. Returns 0, or
 * -1 with err. Any thread. */
int fhost_machines_dialect(const struct fhost_machines *m, const char *name,
                           struct fisa_dialect **out, struct fisa_error *err);

/* Its texts, as they cross the border; they live as long as m. Any thread. */
void fhost_machines_texts(const struct fhost_machines *m, const char *name,
                          struct fhost_texts *out);

/* The build ids of all VMs that are there as one, for flux_host.build_id:
 * whatever is remembered of a VM holds for them alone. The caller's, to be
 * freed; NULL: out of memory. */
char *fhost_machines_build_id(const struct fhost_machines *m);

#endif /* FLUX_HOSTSDK_MACHINES_H */
