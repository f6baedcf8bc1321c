/*
 * cli/cmd_policy.c - the settings of the plugin and its kinds of edits, as the
 * plugin tells them.
 */
#include <assert.h>
#include <stdio.h>

#include "hostsdk/cli/cli.h"

/* "KEY  TYPE  DEFAULT  LO..HI  MEANING" */
static int32_t print_row(const char *text, size_t size, void *user) {
  json_t *row = json_loadb(text, size, 0, NULL);
  const char *key, *type, *def, *lo, *hi, *meaning;
  int *bad = user;
  char range[80];

  assert(text != NULL && bad != NULL);
  if (row == NULL ||
      json_unpack(row, "{s:s, s:s, s:s, s:s, s:s, s:s}", "key", &key, "type",
                  &type, "default", &def, "min", &lo, "max", &hi, "meaning",
                  &meaning) != 0) {
    *bad = 1;
    json_decref(row);
    return 1;
  }
  snprintf(range, sizeof range, hi[0] != '\0' ? "%s..%s" : "%s%s", lo, hi);
  printf("%-26s %-15s %-9s %-22s %s\n", key, type, def, range, meaning);
  json_decref(row);
  return 0;
}

/* A word for each name of a list, with blanks between them. */
static void print_names(const json_t *list, const char *none) {
  size_t i;
  json_t *name;

  if (json_array_size(list) == 0) printf("%s", none);
  json_array_foreach(list, i, name)
    printf("%s%s", i > 0 ? " " : "", json_string_value(name));
}

/* "KIND  FAMILY  available in DIALECTS; not in DIALECTS" */
static int32_t print_kind(const char *text, size_t size, void *user) {
  json_t *row = json_loadb(text, size, 0, NULL);
  json_t *in, *out;
  const char *kind, *family;
  int *bad = user;

  assert(text != NULL && bad != NULL);
  if (row == NULL ||
      json_unpack(row, "{s:s, s:s, s:o, s:o}", "kind", &kind, "family",
                  &family, "available", &in, "unavailable", &out) != 0) {
    *bad = 1;
    json_decref(row);
    return 1;
  }
  printf("%-16s %-10s available in ", kind, family);
  print_names(in, "none");
  if (json_array_size(out) > 0) printf("; unavailable in ");
  print_names(out, "");
  printf("\n");
  json_decref(row);
  return 0;
}

int cli_policy(const struct cli_options *o) {
  struct cli_plugin *plugin = NULL;
  struct fisa_error err = {""};
  json_t *request = json_pack("{s:s}", "cmd", "policy");
  json_t *kinds = json_pack("{s:s}", "cmd", "kinds");
  int bad = 0, rc = CLI_OK;

  if (request == NULL || kinds == NULL ||
      cli_plugin_open(o, &plugin, &err) != 0 ||
      cli_plugin_request(plugin, request, print_row, &bad, &err) != 0 ||
      cli_plugin_request(plugin, kinds, print_kind, &bad, &err) != 0)
    rc = cli_fail("%s", err.text[0] != '\0' ? err.text : "out of memory");
  else if (bad)
    rc = cli_fail("the plugin's policy table cannot be read");
  cli_plugin_close(plugin);
  json_decref(kinds);
  json_decref(request);
  return rc;
}
