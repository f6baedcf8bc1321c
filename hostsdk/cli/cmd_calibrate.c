/*
 * cli/cmd_calibrate.c - calibrate: what the tables are worth on a host's VM.
 *
 * The host is the config's, with its plugins and agents, none of which runs a
 * task. Its plugin is asked to step every row now, whatever it remembers.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <flux/control.h>

#include "hostsdk/cli/cli.h"
#include "hostsdk/host.h"

/* What came so far. */
struct told {
  json_t *rows;       /* not fine, of the dialect that comes */
  json_t *dialects;   /* complete */
  bool fine;          /* all rows of all of them */
  bool failed;
};

/* ---- replies ------------------------------------------------------------ */

static json_int_t number(const json_t *o, const char *key) {
  return json_integer_value(json_object_get(o, key));
}

static int take_dialect(struct told *t, json_t *sum) {
  bool fine = json_object_get(sum, "unproven") == NULL &&
              json_array_size(t->rows) == 0;

  t->fine &= fine;
  if (json_object_set_new(sum, "rows", t->rows) != 0) {
    t->rows = NULL;
    return -1;
  }
  t->rows = json_array();
  return t->rows ? json_array_append(t->dialects, sum) : -1;
}

/* A row, or the sum that ends the rows of a dialect. */
static int32_t take_line(const char *text, size_t size, void *user) {
  json_t *o = json_loadb(text, size, 0, NULL);
  struct told *t = user;

  assert(text && t);
  if (!json_is_object(o))
    t->failed = true;
  else if (json_object_get(o, "row"))
    t->failed |= json_array_append(t->rows, o) != 0;
  else
    t->failed |= take_dialect(t, o) != 0;
  json_decref(o);
  return t->failed;
}

/* ---- for people --------------------------------------------------------- */

static void print_dialect(const json_t *d) {
  const char *name = json_string_value(json_object_get(d, "dialect"));
  const char *unproven = json_string_value(json_object_get(d, "unproven"));
  const json_t *row;
  size_t i;

  json_array_foreach(json_object_get(d, "rows"), i, row) {
    const char *verdict = json_string_value(json_object_get(row, "verdict"));
    const char *what = json_string_value(json_object_get(row, "what"));

    printf("%s: %s\n", verdict ? verdict : "?", what ? what : "?");
  }
  if (unproven)
    printf("%s: not calibrated: %s\n", name ? name : "?", unproven);
  else
    printf("%s: %lld rows stepped, %lld opaque, %lld unfit, %lld never "
           "stepped, %.1f ms\n", name ? name : "?",
           (long long)number(d, "stepped"), (long long)number(d, "opaque"),
           (long long)number(d, "unfit"), (long long)number(d, "never"),
           json_number_value(json_object_get(d, "ms")));
}

static int print_all(const struct told *t, bool as_json) {
  const json_t *d;
  size_t i;
  json_t *all;
  int rc;

  if (!as_json) {
    json_array_foreach(t->dialects, i, d)
      print_dialect(d);
    return 0;
  }
  all = json_pack("{s:b, s:O}", "fine", t->fine, "dialects", t->dialects);
  rc = all ? json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6))
           : -1;
  if (rc == 0)
    putchar('\n');
  json_decref(all);
  return rc;
}

/* ---- the host ----------------------------------------------------------- */

/* What the host has to say beside the result: what does not work at all. */
static void log_line(uint32_t level, const char *text, void *user) {
  (void)user;
  if (level >= FLUX_LOG_ERROR)
    (void)cli_fail("%s", text);
}

static int ask(const struct fhost *h, struct told *t, struct fisa_error *err) {
  static const char request[] = "{\"cmd\":\"calibrate\",\"again\":true}";
  flux_plugin *plugin = NULL;
  const flux_control *c = fhost_extension(h, FLUX_EXT_CONTROL, &plugin);
  char message[200] = "";

  if (!c || !FLUX_HAS(c, request) || !c->request)
    return fisa_fail(err, "no plugin of this config has %s",
                     FLUX_EXT_CONTROL);
  if (c->request(plugin, request, sizeof request - 1, take_line, message,
                 sizeof message, t) == FLUX_OK && !t->failed)
    return 0;
  message[sizeof message - 1] = '\0';
  return fisa_fail(err, "%s", *message ? message
                                       : "the plugin's answer is none");
}

int cli_calibrate(const struct cli_options *o) {
  const struct fhost_open_options options = {.plugins = true,
                                             .log = log_line};
  struct told t = {json_array(), json_array(), true, false};
  struct fhost_config *config = NULL;
  struct fhost *host = NULL;
  struct fisa_error err = {"out of memory"};
  int rc = CLI_FAILED;

  assert(o->config);
  if (!t.rows || !t.dialects ||
      fhost_config_load(o->config, &config, &err) != 0 ||
      fhost_open(config, &options, &host, &err) != 0 ||
      ask(host, &t, &err) != 0 || print_all(&t, o->json) != 0)
    (void)cli_fail("%s", err.text);
  else if (t.fine)
    rc = CLI_OK;
  fhost_close(host);
  fhost_config_free(config);
  json_decref(t.rows);
  json_decref(t.dialects);
  return rc;
}
