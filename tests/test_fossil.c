/*
 * test_fossil.c - a plugin built with the first headers in today's host.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <flux/control.h>

#include "hostsdk/host.h"
#include "hostsdk/plugin.h"
#include "hostsdk/services.h"
#include "tests/unit.h"

#define FOSSIL "tests/fossil/.libs/libfossil_plugin.so"

enum { TASKS = 400 };

static void put_file(const char *name, const char *text) {
  char path[4200];
  FILE *f;

  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  f = fopen(path, "w");
  if (!UNIT_TRUE(f != NULL, "%s", path))
    return;
  fputs(text, f);
  fclose(f);
}

/* An absolute path: the build folder may be given relative to here. A build
 * under a generous umask is tightened: what others may write is refused. */
static const char *absolute(const char *relative, char out[4096]) {
  char folder[4096];

  UNIT_TRUE(realpath(unit_built(relative), out) != NULL, "%s", relative);
  chmod(out, 0755);
  strcpy(folder, out);
  chmod(dirname(folder), 0755);
  return out;
}

static struct fhost_config *write_and_load(void) {
  char plugin[4096], probe[4096], text[12000], path[4200];
  struct fhost_config *c = NULL;
  struct fisa_error err;

  put_file("sum.flx", ".dialect unified\n.in R1\n.out R3\n"
           "MOVI R3, 0\nagain: ADD R3, R3, R1\nDEC R1\nJNE R1, again\n"
           "HALT\n");
  snprintf(text, sizeof text,
           "host = { tasks = %d; pace_us = 500; };\n"
           "natives = { add = \"%s:probe_add(i32,i32)->i32\"; };\n"
           "plugins = ( { name = \"fossil\"; path = \"%s\"; } );\n"
           "agents = ( { name = \"sum\"; program = \"sum.flx\"; trust = 1.0;\n"
           "  inputs = ( { to = \"R1\"; call = \"add(task, 1)\"; } ); } );\n",
           TASKS, absolute("tests/.libs/libprobe.so", probe),
           absolute(FOSSIL, plugin));
  put_file("host.conf", text);
  snprintf(path, sizeof path, "%s/host.conf", unit_tmpdir());
  UNIT_TRUE(fhost_config_load(path, &c, &err) == 0, "%s", err.text);
  return c;
}

/* Watched, offered, installed, held, agreed, accepted; nothing wrong. */
static void goes_round_the_loop(void) {
  const struct fhost_open_options options = {.plugins = true};
  struct fhost_config *config = write_and_load();
  struct fhost_agent_stats stats;
  struct fhost *host = NULL;
  struct fisa_error err = {""};
  char why[200];

  if (!config)
    return;
  if (!UNIT_TRUE(fhost_open(config, &options, &host, &err) == 0, "%s",
                 err.text))
    goto done;
  UNIT_TRUE(fhost_run(host, 0, NULL, &err) == 0, "%s", err.text);
  if (!UNIT_EQ(fhost_agent_count(host), 1))
    goto done;
  fhost_agent_stats(fhost_agent_at(host, 0), &stats);
  UNIT_EQ(stats.tasks, TASKS);
  UNIT_EQ(stats.results, TASKS);
  UNIT_EQ(stats.faults, 0);
  UNIT_EQ(stats.wrong, 0);
  UNIT_EQ(stats.installed, 1);
  UNIT_EQ(stats.accepted, 1);
  UNIT_EQ(stats.reverted + stats.recovered + stats.withdrawn, 0);
  UNIT_EQ(stats.version, 1);
  fhost_agent_explanation(fhost_agent_at(host, 0), why, sizeof why);
  UNIT_STR_EQ(why, "accepted by a fossil");
done:
  fhost_close(host);
  fhost_config_free(config);
}

static struct fhost_plugin *open_fossil(struct fisa_error *err) {
  char found[FHOST_PATH_MAX], path[4096];
  struct fhost_plugin *p = NULL;

  err->text[0] = '\0';
  if (fhost_plugin_find(absolute(FOSSIL, path), NULL, found, err) != 0 ||
      fhost_plugin_open(found, &p, err) != 0)
    UNIT_TRUE(0, "%s", err->text);
  return p;
}

/* What it lacks it says, in its own words. */
static void without_live(void) {
  const struct fhost_services_options o = {.name = "h", .version = "1"};
  struct fhost_services *s = fhost_services_new(&o);
  struct fisa_error err;
  struct fhost_plugin *p = open_fossil(&err);

  if (p) {
    UNIT_STR_EQ(fhost_plugin_about(p)->id, "org.example.fossil");
    UNIT_EQ(fhost_plugin_version(p), 1);
    UNIT_EQ(fhost_plugin_check(p, fhost_services_host(s), &err), -1);
    UNIT_STR_EQ(err.text, "plugin org.example.fossil: this host has no "
                "flux.live/1");
    UNIT_EQ(fhost_plugin_create(p, fhost_services_host(s), &err), -1);
  }
  fhost_plugin_close(p, false);
  fhost_services_free(s);
}

static int32_t take(const char *text, size_t size, void *user) {
  (void)size;
  snprintf(user, 300, "%s", text);
  return 0;
}

static void control(void) {
  struct fhost_runtime *rt = fhost_runtime_new();
  const struct fhost_services_options o = {
    .name = "h", .version = "1", .live = fhost_runtime_live(rt),
    .live_ctx = rt,
  };
  struct fhost_services *s = fhost_services_new(&o);
  struct fisa_error err;
  struct fhost_plugin *p = open_fossil(&err);
  const flux_control *c;
  char line[300] = "", message[100] = "";

  if (!p || !UNIT_TRUE(fhost_plugin_create(p, fhost_services_host(s), &err)
                       == 0, "%s", err.text))
    goto done;
  c = fhost_plugin_extension(p, FLUX_EXT_CONTROL);
  UNIT_EQ(c->request(fhost_plugin_instance(p), "{\"cmd\":\"status\"}", 16,
                     take, message, sizeof message, line), FLUX_OK);
  UNIT_STR_EQ(line, "{\"tasks\":0,\"recorded\":0,\"counted\":0,\"counts\":0,"
              "\"offered\":0,\"installed\":0,\"agreed\":0,\"accepted\":0}");
  UNIT_EQ(c->request(fhost_plugin_instance(p), "{}", 2, take, message,
                     sizeof message, line), FLUX_E_UNSUPPORTED);
  UNIT_STR_EQ(message, "a fossil knows status only");
done:
  fhost_plugin_close(p, false);
  fhost_services_free(s);
  fhost_runtime_free(rt);
}

static const struct unit_test tests[] = {
  {"fossil", "goes_round_the_loop", goes_round_the_loop},
  {"fossil", "without_live", without_live},
  {"fossil", "control", control},
};

UNIT_MAIN(tests)
