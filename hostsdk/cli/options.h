/*
 * cli/options.h - the command line of fluxevolve: one table of options, each
 * with the commands that take it. Options may stand anywhere.
 */
#ifndef FLUX_CLI_OPTIONS_H
#define FLUX_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CLI_MAX_WORDS = 4 };

/* Commands, a bit each. */
enum cli_command {
  CLI_ASM = 1 << 0, CLI_DISASM = 1 << 1, CLI_VERIFY = 1 << 2,
  CLI_EXEC = 1 << 3, CLI_RUN = 1 << 4, CLI_DIALECT = 1 << 5,
  CLI_POLICY = 1 << 6, CLI_CALIBRATE = 1 << 7, CLI_BENCH = 1 << 8
};

/* What was asked for. Texts are those of argv; NULL: not given. */
struct cli_options {
  enum cli_command command;
  const char *word[CLI_MAX_WORDS];  /* behind the command */
  int words;
  const char *output, *dialect, *manifest, *engine, *state, *plugin;
  const char *episodes, *min_assurance, *deny, *config, *journal;
  bool json, help, version;
  bool has_fuel, has_seed, has_variants, has_time_limit, has_threads;
  uint64_t fuel, seed, variants, threads;
  double time_limit;
};

/*
 * Parses a command line. Returns 0, or -1 with a sentence in `message`: a
 * usage error. With help or version nothing else is checked.
 */
int cli_parse(int argc, char **argv, struct cli_options *out, char *message,
              size_t capacity);

/* Prints the commands, or the options of the command in `o`. */
void cli_help(const struct cli_options *o, FILE *to);

#endif /* FLUX_CLI_OPTIONS_H */
