/*
 * cli/cli.h - what the commands of fluxevolve share.
 *
 * A command returns 0, or 1 after one sentence on stderr. stdout carries the
 * result and nothing else.
 */
#ifndef FLUX_CLI_CLI_H
#define FLUX_CLI_CLI_H

#include <jansson.h>

#include "hostsdk/cli/options.h"
#include "hostsdk/machines.h"
#include "isa/asm.h"
#include "isa/state.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* ---- commands ----------------------------------------------------------- */

int cli_asm(const struct cli_options *o);
int cli_disasm(const struct cli_options *o);
int cli_verify(const struct cli_options *o);
int cli_exec(const struct cli_options *o);
int cli_run(const struct cli_options *o);
int cli_dialect(const struct cli_options *o);
int cli_policy(const struct cli_options *o);
int cli_calibrate(const struct cli_options *o);
int cli_bench(const struct cli_options *o);

/* exec on the VM of the dialect; *line receives the JSON line, to be freed. */
int cli_exec_ref(const struct cli_options *o, const struct fisa_program *p,
                 char **line, struct fisa_error *err);

/* ---- input and output --------------------------------------------------- */

/* Prints "fluxevolve: sentence" to stderr. Returns CLI_FAILED. */
int cli_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* The program that the command's first word names. */
int cli_load(const struct cli_options *o, struct fisa_dialect **d,
             struct fisa_program **p, struct fisa_error *err);

/* Writes a whole file. A regular file that could not be completed is
 * removed. Returns 0, or -1 with err. */
int cli_write_file(const char *path, const void *bytes, size_t length,
                   struct fisa_error *err);

/* Lower-case hex of bytes, to be freed, or NULL. */
char *cli_hex(const uint8_t *bytes, size_t length);

/* Bytes of hex, to be freed; NULL if it is none or there is no memory. */
uint8_t *cli_unhex(const char *hex, size_t *length);

/* A text of unknown encoding as a JSON string, or NULL (memory): bytes that
 * are no UTF-8 become \xNN. */
json_t *cli_text_json(const char *text);

/* ---- VMs and the plugin ------------------------------------------------- */

/* The dialects and VMs of this program: what is built in, and the modules
 * where plugins are. The caller's, or NULL. */
struct fhost_machines *cli_machines(void);

struct cli_plugin;

/* Loads the plugin and makes an instance. Returns 0, or -1 with err. */
int cli_plugin_open(const struct cli_options *o, struct cli_plugin **out,
                    struct fisa_error *err);
void cli_plugin_close(struct cli_plugin *p);  /* NULL is fine */

/* Sends a request over flux.control/1; `line` as there. 0, or -1 with err. */
int cli_plugin_request(struct cli_plugin *p, const json_t *request,
                       int32_t (*line)(const char *text, size_t size,
                                       void *user),
                       void *user, struct fisa_error *err);

/* A program as requests hold it, or NULL. */
json_t *cli_program_json(const struct fisa_program *p);

#endif /* FLUX_CLI_CLI_H */
