/*
 * cli/cmd_policy.c - the settings of the plugin, as the plugin tells them.
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

int cli_policy(const struct cli_options *o) {
  struct cli_plugin *plugin = NULL;
  struct fisa_error err = {""};
  json_t *request = json_pack("{s:s}", "cmd", "policy");
  int bad = 0, rc = CLI_OK;

  if (request == NULL || cli_plugin_open(o, &plugin, &err) != 0 ||
      cli_plugin_request(plugin, request, print_row, &bad, &err) != 0)
    rc = cli_fail("%s", err.text[0] != '\0' ? err.text : "out of memory");
  else if (bad)
    rc = cli_fail("the plugin's policy table cannot be read");
  cli_plugin_close(plugin);
  json_decref(request);
  return rc;
}
