/*
 * hostsdk/plugin.c - loading plugins in the order flux/abi.h asks for.
 */
#include "hostsdk/plugin.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct fhost_plugin {
  void *library;
  const flux_plugin_descriptor *about;
  uint32_t version;
  flux_plugin *instance;
};

enum { MESSAGE_SIZE = 200 };

const char *fhost_status_text(flux_status status) {
  static const char *const texts[] = {
    "ok", "invalid argument", "out of memory", "versions do not meet",
    "unsupported", "busy", "stale", "not found", "over a limit", "malformed",
    "denied", "file or journal failed", "closed", "bad setting",
  };
  enum { TEXTS = sizeof texts / sizeof texts[0] };

  /* Not -status: a plugin may return INT32_MIN. */
  return status <= 0 && status > -(int)TEXTS ? texts[-status]
                                             : "unknown status";
}

/* ---- what a descriptor must be ------------------------------------------ */

/* Names the field of two build signatures that differs. */
static int check_signature(uint32_t theirs, struct fisa_error *err) {
  const uint32_t ours = FLUX_BUILD_SIGNATURE;

  if ((theirs & 0xFF) != (ours & 0xFF))
    return fisa_fail(err, "build signature: the plugin's pointers have %u "
                     "bytes, the host's %u", (unsigned)(theirs & 0xFF),
                     (unsigned)(ours & 0xFF));
  if ((theirs >> 8 & 0xFF) != (ours >> 8 & 0xFF))
    return fisa_fail(err, "build signature: the plugin's byte order is %u, "
                     "the host's %u (1 little, 2 big)",
                     (unsigned)(theirs >> 8 & 0xFF),
                     (unsigned)(ours >> 8 & 0xFF));
  if (theirs != ours)
    return fisa_fail(err, "build signature: the plugin's upper bits are %#x, "
                     "the host's %#x", (unsigned)(theirs >> 16),
                     (unsigned)(ours >> 16));
  return 0;
}

static int check_descriptor(const flux_plugin_descriptor *d,
                            struct fisa_error *err) {
  if (!d)
    return fisa_fail(err, "the plugin says it cannot work in this process");
  if (!FLUX_HAS(d, extension))
    return fisa_fail(err, "the plugin's descriptor has %u bytes, this host "
                     "needs %zu", (unsigned)d->struct_size, sizeof *d);
  if (check_signature(d->build_signature, err) != 0)
    return -1;
  if (!d->id || !d->name || !d->version)
    return fisa_fail(err, "the plugin does not say its id, name and version");
  if (!d->negotiate || !d->check || !d->create || !d->destroy ||
      !d->extension)
    return fisa_fail(err, "plugin %.40s leaves out a function of the core",
                     d->id);
  return 0;
}

static int negotiate(struct fhost_plugin *p, struct fisa_error *err) {
  uint32_t v = p->about->negotiate(FHOST_ABI_MIN, FHOST_ABI_MAX);

  if (v == 0)
    return fisa_fail(err, "plugin %.40s speaks none of the ABI versions "
                     "%u..%u of this host", p->about->id, FHOST_ABI_MIN,
                     FHOST_ABI_MAX);
  if (v < FHOST_ABI_MIN || v > FHOST_ABI_MAX)
    return fisa_fail(err, "plugin %.40s speaks ABI version %u, this host "
                     "%u..%u", p->about->id, (unsigned)v, FHOST_ABI_MIN,
                     FHOST_ABI_MAX);
  p->version = v;
  return 0;
}

/* ---- life --------------------------------------------------------------- */

int fhost_plugin_open(const char *path, struct fhost_plugin **out,
                      struct fisa_error *err) {
  struct fhost_plugin *p = calloc(1, sizeof *p);
  flux_plugin_entry_fn entry;
  void *address;

  assert(path && *path == '/' && out);
  if (!p)
    return fisa_fail(err, "out of memory");
  p->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!p->library) {
    fisa_fail(err, "cannot be loaded: %s", dlerror());
    goto fail;
  }
  address = dlsym(p->library, FLUX_PLUGIN_ENTRY);
  if (!address) {
    fisa_fail(err, "\"%.150s\" is no plugin: it has no symbol %s", path,
              FLUX_PLUGIN_ENTRY);
    goto fail;
  }
  /* ISO C has no cast from object to function pointer; POSIX promises that
   * the bytes are the same. */
  memcpy(&entry, &address, sizeof entry);
  p->about = entry();
  if (check_descriptor(p->about, err) != 0 || negotiate(p, err) != 0)
    goto fail;
  *out = p;
  return 0;
fail:
  fhost_plugin_close(p, false);
  return -1;
}

const flux_plugin_descriptor *
fhost_plugin_about(const struct fhost_plugin *p) {
  return p->about;
}

uint32_t fhost_plugin_version(const struct fhost_plugin *p) {
  return p->version;
}

/* Passes on what a plugin said; its text is as foreign as its file. */
static int fail_said(const struct fhost_plugin *p, flux_status status,
                     char message[MESSAGE_SIZE], struct fisa_error *err) {
  message[MESSAGE_SIZE - 1] = '\0';
  for (char *c = message; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7F)
      *c = ' ';
  return fisa_fail(err, "plugin %.40s: %s", p->about->id,
                   *message ? message : fhost_status_text(status));
}

int fhost_plugin_check(struct fhost_plugin *p, const flux_host *host,
                       struct fisa_error *err) {
  char message[MESSAGE_SIZE] = "";
  flux_status status;

  assert(p && host);
  status = p->about->check(host, message, sizeof message);
  return status == FLUX_OK ? 0 : fail_said(p, status, message, err);
}

int fhost_plugin_create(struct fhost_plugin *p, const flux_host *host,
                        struct fisa_error *err) {
  char message[MESSAGE_SIZE] = "";
  flux_plugin *instance = NULL;
  flux_status status;

  assert(p && host && !p->instance);
  status = p->about->create(host, &instance, message, sizeof message);
  /* After a failure there is nothing to destroy, whatever was written. */
  if (status != FLUX_OK)
    return fail_said(p, status, message, err);
  if (!instance)
    return fisa_fail(err, "plugin %.40s made no instance and no complaint",
                     p->about->id);
  p->instance = instance;
  return 0;
}

flux_plugin *fhost_plugin_instance(const struct fhost_plugin *p) {
  return p->instance;
}

const void *fhost_plugin_extension(const struct fhost_plugin *p,
                                   const char *id) {
  assert(p->instance && id);
  return p->about->extension(p->instance, id);
}

void fhost_plugin_close(struct fhost_plugin *p, bool keep_mapped) {
  if (!p)
    return;
  if (p->instance)
    p->about->destroy(p->instance);
  if (p->library && !keep_mapped)
    dlclose(p->library);
  free(p);
}
