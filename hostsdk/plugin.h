/*
 * hostsdk/plugin.h - loading plugins, in the order flux/abi.h asks for.
 *
 * A plugin is refused at the first thing that does not fit, each with a
 * sentence of its own, before any code of it runs that need not.
 */
#ifndef FLUX_HOSTSDK_PLUGIN_H
#define FLUX_HOSTSDK_PLUGIN_H

#include <flux/abi.h>

#include "isa/dialect.h"

#define FHOST_PATH_MAX 4096

/* The range of ABI versions this host speaks. */
#define FHOST_ABI_MIN 1u
#define FHOST_ABI_MAX FLUX_ABI_VERSION

/*
 * Finds a shared object: an absolute path, or a relative one without ".."
 * looked for in `folder` (NULL: none), in $FLUX_PLUGIN_DIR, and in the
 * installed plugin folder. `out` receives an absolute path. The file and the
 * folder it lies in, and those a link leads to, must belong to root or the
 * user and be writable by nobody else. Returns 0, or -1 with err.
 */
int fhost_plugin_find(const char *path, const char *folder,
                      char out[FHOST_PATH_MAX], struct fisa_error *err);

/* A loaded plugin with at most one instance. All calls [main-thread] but
 * fhost_plugin_extension, which is [any-thread] while the instance lives. */
struct fhost_plugin;

/*
 * Opens a file that fhost_plugin_find gave: dlopen, entry symbol, descriptor
 * size, build signature, negotiation. Returns 0, or -1 with err.
 */
int fhost_plugin_open(const char *path, struct fhost_plugin **out,
                      struct fisa_error *err);

/* The descriptor; `version` is what was negotiated. */
const flux_plugin_descriptor *fhost_plugin_about(const struct fhost_plugin *p);
uint32_t fhost_plugin_version(const struct fhost_plugin *p);

/* Has the plugin check its settings; makes nothing. 0, or -1 with err. */
int fhost_plugin_check(struct fhost_plugin *p, const flux_host *host,
                       struct fisa_error *err);

/* Makes the instance. `host` must live until fhost_plugin_close. 0 or -1. */
int fhost_plugin_create(struct fhost_plugin *p, const flux_host *host,
                        struct fisa_error *err);

/* The instance, or NULL before create. */
flux_plugin *fhost_plugin_instance(const struct fhost_plugin *p);

/* A plugin extension, or NULL. Needs the instance. */
const void *fhost_plugin_extension(const struct fhost_plugin *p,
                                   const char *id);

/* A status in words, static: "busy" for FLUX_E_BUSY. */
const char *fhost_status_text(flux_status status);

/* Destroys the instance and unloads the file. With `keep_mapped` the code
 * stays in the process: for when a thread of the plugin may still be in it.
 * NULL is fine. */
void fhost_plugin_close(struct fhost_plugin *p, bool keep_mapped);

#endif /* FLUX_HOSTSDK_PLUGIN_H */
