/*
 * cli/plugin.c - the plugin as the commands use it: over dlopen, through
 * flux.control/1. fluxevolve is a host like any other, without agents.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <flux/control.h>

#include "hostsdk/cli/cli.h"
#include "hostsdk/plugin.h"
#include "hostsdk/services.h"

#define PLUGIN_FILE "flux_self_evolve.so"

struct cli_plugin {
  flux_setting journal;   /* .s NULL: none */
  struct fhost_machines *machines;
  struct fhost_services *services;
  struct fhost_plugin *plugin;
  const flux_control *control;
};

/* ---- finding it --------------------------------------------------------- */

/* Where an installed tree has plugins, seen from this program: ../lib/flux.
 * False if that cannot be told. */
static bool folder_beside(char out[PATH_MAX]) {
  static const char relative[] = "/../lib/flux";
  ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - sizeof relative);
  char *slash;

  if (n <= 0)
    return false;
  out[n] = '\0';
  slash = strrchr(out, '/');
  if (!slash)
    return false;
  strcpy(slash, relative);
  return true;
}

/* --plugin is a path as the user sees it; else the file is looked for in
 * $FLUX_PLUGIN_DIR, beside this program, and where plugins are installed. */
static int find(const struct cli_options *o, char out[FHOST_PATH_MAX],
                struct fisa_error *err) {
  const char *named = secure_getenv("FLUX_PLUGIN_DIR");
  char beside[PATH_MAX], given[PATH_MAX];
  char candidate[PATH_MAX];

  if (o->plugin) {
    if (!realpath(o->plugin, given))
      return fisa_fail(err, "%.200s: %s", o->plugin, strerror(errno));
    return fhost_plugin_find(given, NULL, out, err);
  }
  if (named && *named &&
      snprintf(candidate, sizeof candidate, "%s/%s", named, PLUGIN_FILE)
      < (int)sizeof candidate &&
      access(candidate, F_OK) == 0)
    return fhost_plugin_find(PLUGIN_FILE, named, out, err);
  return fhost_plugin_find(PLUGIN_FILE,
                           folder_beside(beside) ? beside : NULL, out, err);
}

struct fhost_machines *cli_machines(void) {
  char beside[PATH_MAX];

  return fhost_machines_new(folder_beside(beside) ? beside : NULL);
}

/* ---- life --------------------------------------------------------------- */

static int create(struct cli_plugin *p, struct fisa_error *err) {
  struct fhost_services_options options = {
    .name = "fluxevolve", .version = PACKAGE_VERSION,
    .log_level = FLUX_LOG_WARNING,
    .settings = &p->journal,
    .setting_count = p->journal.s != NULL,
  };
  const char *name;

  assert(p->plugin && !p->services);
  p->machines = cli_machines();
  if (!p->machines)
    return fisa_fail(err, "out of memory");
  /* A dialect without a VM here is one that the plugin cannot step. */
  for (unsigned i = 0; (name = fisa_builtin_name(i)); i++)
    (void)fhost_machines_vm(p->machines, name, NULL);
  options.machines = p->machines;
  p->services = fhost_services_new(&options);
  if (!p->services)
    return fisa_fail(err, "out of memory");
  return fhost_plugin_create(p->plugin, fhost_services_host(p->services),
                             err);
}

int cli_plugin_open(const struct cli_options *o, struct cli_plugin **out,
                    struct fisa_error *err) {
  struct cli_plugin *p = calloc(1, sizeof *p);
  char path[FHOST_PATH_MAX];

  if (!p)
    return fisa_fail(err, "out of memory");
  p->journal = (flux_setting){.struct_size = sizeof p->journal,
                              .type = FLUX_SETTING_STRING, .name = "journal",
                              .s = o->journal, .file = "--journal"};
  if (find(o, path, err) != 0 ||
      fhost_plugin_open(path, &p->plugin, err) != 0 || create(p, err) != 0)
    goto fail;
  p->control = fhost_plugin_extension(p->plugin, FLUX_EXT_CONTROL);
  if (!p->control || !FLUX_HAS(p->control, request) || !p->control->request) {
    fisa_fail(err, "plugin %.40s has no %s",
              fhost_plugin_about(p->plugin)->id, FLUX_EXT_CONTROL);
    goto fail;
  }
  *out = p;
  return 0;
fail:
  cli_plugin_close(p);
  return -1;
}

void cli_plugin_close(struct cli_plugin *p) {
  if (!p)
    return;
  fhost_plugin_close(p->plugin, false);
  fhost_services_free(p->services);
  fhost_machines_free(p->machines);
  free(p);
}

/* ---- requests ----------------------------------------------------------- */

int cli_plugin_request(struct cli_plugin *p, const json_t *request,
                       int32_t (*line)(const char *text, size_t size,
                                       void *user),
                       void *user, struct fisa_error *err) {
  char message[200] = "";
  flux_status status;
  char *text;

  assert(p && line);
  text = request ? json_dumps(request, JSON_COMPACT) : NULL;
  if (!text)
    return fisa_fail(err, "out of memory");
  status = p->control->request(fhost_plugin_instance(p->plugin), text,
                               strlen(text), line, message, sizeof message,
                               user);
  free(text);
  message[sizeof message - 1] = '\0';
  if (status != FLUX_OK)
    return fisa_fail(err, "%s", *message ? message
                                         : fhost_status_text(status));
  return 0;
}

json_t *cli_program_json(const struct fisa_program *p) {
  char *hex = cli_hex(p->code, p->size);
  char *manifest = fisa_manifest_text(p);
  json_t *j = NULL;

  assert(p->size > 0);
  if (hex && manifest)
    j = json_pack("{s:s, s:s, s:I, s:s}", "dialect", p->dialect->name, "code",
                  hex, "entry", (json_int_t)p->entry, "manifest", manifest);
  free(hex);
  free(manifest);
  return j;
}
