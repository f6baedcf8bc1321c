/*
 * cli/options.c - commands and options as tables.
 *
 * Written by hand since getopt stops at the first word that is no option when
 * the environment says POSIXLY_CORRECT, and abbreviates long names.
 */
#include "hostsdk/cli/options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  enum cli_command bit;
  int least, most;   /* words behind it */
  const char *usage;
  const char *meaning;
} commands[] = {
  {"asm", CLI_ASM, 1, 1, "asm IN [-o OUT.fxb]",
   "assemble; without -o one line of hex"},
  {"disasm", CLI_DISASM, 1, 1, "disasm P", "print assembly text"},
  {"verify", CLI_VERIFY, 1, 1, "verify P",
   "print ok, or what is not well-formed"},
  {"exec", CLI_EXEC, 1, 1, "exec P", "run a program on an engine"},
  {"run", CLI_RUN, 1, 1, "run P -o BEST.flx", "evolve a program offline"},
  {"dialect", CLI_DIALECT, 1, 2, "dialect list | show NAME | check FILE",
   "the tables"},
  {"policy", CLI_POLICY, 0, 0, "policy", "the settings of the plugin"},
  {"calibrate", CLI_CALIBRATE, 0, 0, "calibrate -c HOSTCONFIG",
   "hold the tables against a host's VM"},
  {"bench", CLI_BENCH, 1, 1, "bench trial", "how fast an engine runs trials"},
};

enum kind { FLAG, TEXT, NUMBER, SECONDS, ASSURANCE };

enum { ANY = ~0 };

#define AT(member) offsetof(struct cli_options, member)

static const struct option {
  const char *name;
  char letter;       /* or 0 */
  enum kind kind;
  int commands;      /* that take it */
  size_t offset;
  size_t has;        /* NUMBER, SECONDS: of its bool */
  int64_t lo, hi;    /* NUMBER, SECONDS */
  const char *value, *meaning;
} options[] = {
  {"output", 'o', TEXT, CLI_ASM | CLI_RUN, AT(output), 0, 0, 0, "FILE",
   "where the result goes"},
  {"config", 'c', TEXT, CLI_CALIBRATE, AT(config), 0, 0, 0, "HOSTCONFIG",
   "the config of the host"},
  {"dialect", 0, TEXT, ~(CLI_DIALECT | CLI_POLICY | CLI_CALIBRATE | CLI_BENCH),
   AT(dialect), 0, 0, 0, "NAME", "dialect of the program"},
  {"manifest", 0, TEXT, CLI_DISASM | CLI_VERIFY | CLI_EXEC | CLI_RUN,
   AT(manifest), 0, 0, 0, "FILE.flx", "directives for .fxb and hex:"},
  {"engine", 0, TEXT, CLI_EXEC | CLI_BENCH, AT(engine), 0, 0, 0, "NAME",
   "ref (exec without it), ir, lanes (bench), cuda"},
  {"state", 0, TEXT, CLI_EXEC, AT(state), 0, 0, 0, "IN.json",
   "state to start from, and outside values"},
  {"fuel", 0, NUMBER, CLI_EXEC, AT(fuel), AT(has_fuel), 0, INT64_MAX, "N",
   "instructions at most"},
  {"seed", 0, NUMBER, CLI_RUN, AT(seed), AT(has_seed), 0, INT64_MAX, "N",
   "of all random draws"},
  {"variants", 0, NUMBER, CLI_RUN, AT(variants), AT(has_variants), 0,
   1000000000, "N", "variants to try"},
  {"time-limit", 0, SECONDS, CLI_RUN | CLI_BENCH, AT(time_limit),
   AT(has_time_limit), 0, 1000000, "S", "seconds after which to stop"},
  {"episodes", 0, TEXT, CLI_RUN, AT(episodes), 0, 0, 0, "FILE",
   "states to run from, one JSON object a line"},
  {"min-assurance", 0, ASSURANCE, CLI_RUN, AT(min_assurance), 0, 0, 0, "A",
   "static, replay, fuzz or proof"},
  {"deny-op", 0, TEXT, CLI_RUN, AT(deny), 0, 0, 0, "LIST",
   "mnemonics with commas that no variant may hold anew"},
  {"journal", 0, TEXT, CLI_RUN, AT(journal), 0, 0, 0, "FILE",
   "remembers what was found, for the next run"},
  {"threads", 0, NUMBER, CLI_RUN, AT(threads), AT(has_threads), 1, 64, "N",
   "threads that search"},
  {"plugin", 0, TEXT, CLI_EXEC | CLI_RUN | CLI_POLICY | CLI_BENCH, AT(plugin),
   0, 0, 0, "PATH", "the plugin's file"},
  {"json", 0, FLAG, CLI_EXEC | CLI_RUN | CLI_CALIBRATE | CLI_BENCH, AT(json),
   0, 0, 0, NULL,
   "print the result as one line of JSON"},
  {"help", 'h', FLAG, ANY, AT(help), 0, 0, 0, NULL, "this text"},
  {"version", 0, FLAG, ANY, AT(version), 0, 0, 0, NULL, "print the version"},
};

enum {
  COMMANDS = sizeof commands / sizeof commands[0],
  OPTIONS = sizeof options / sizeof options[0]
};

/* A command line being read. */
struct line {
  int argc, at;
  char **argv;
  struct cli_options *out;
  const struct option *given[OPTIONS * 2];
  unsigned given_count;
  char *message;
  size_t capacity;
};

static int fail(struct line *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(struct line *l, const char *format, ...) {
  va_list ap;

  va_start(ap, format);
  vsnprintf(l->message, l->capacity, format, ap);
  va_end(ap);
  return -1;
}

/* ---- values ------------------------------------------------------------- */

static int set_number(struct line *l, const struct option *o, char *to,
                      const char *value) {
  char *end;
  long long v;

  errno = 0;
  v = strtoll(value, &end, 10);
  /* strtoll would skip blanks, and take a plus. */
  if (errno || value[0] < '0' || value[0] > '9' || *end || v < o->lo ||
      v > o->hi)
    return fail(l, "--%s: \"%.40s\" is no whole number of %lld..%lld",
                o->name, value, (long long)o->lo, (long long)o->hi);
  *(uint64_t *)(void *)(to + o->offset) = (uint64_t)v;
  *(bool *)(void *)(to + o->has) = true;
  return 0;
}

static int set_seconds(struct line *l, const struct option *o, char *to,
                       const char *value) {
  char *end;
  double v;

  v = strtod(value, &end);
  if (end == value || *end || strspn(value, "0123456789.eE+-") !=
      strlen(value) || !isfinite(v) || v <= (double)o->lo ||
      v > (double)o->hi)
    return fail(l, "--%s: \"%.40s\" is no number of seconds above 0, up to "
                "%lld", o->name, value, (long long)o->hi);
  *(double *)(void *)(to + o->offset) = v;
  *(bool *)(void *)(to + o->has) = true;
  return 0;
}

static int set(struct line *l, const struct option *o, const char *value) {
  static const char *const levels[] = {"static", "replay", "fuzz", "proof"};
  char *to = (char *)l->out;

  assert(o->kind == FLAG || value);
  if (l->given_count == sizeof l->given / sizeof l->given[0])
    return fail(l, "too many options");
  l->given[l->given_count++] = o;
  switch (o->kind) {
  case FLAG:
    *(bool *)(void *)(to + o->offset) = true;
    return 0;
  case NUMBER:
    return set_number(l, o, to, value);
  case SECONDS:
    return set_seconds(l, o, to, value);
  case ASSURANCE:
    for (unsigned i = 0; ; i++) {
      if (i == sizeof levels / sizeof levels[0])
        return fail(l, "--%s: \"%.40s\" is none of static, replay, "
                    "fuzz and proof", o->name, value);
      if (strcmp(value, levels[i]) == 0)
        break;
    }
    break;
  case TEXT:
    if (!*value)
      return fail(l, "--%s: the %s is missing", o->name, o->value);
    break;
  }
  *(const char **)(void *)(to + o->offset) = value;
  return 0;
}

/* ---- words -------------------------------------------------------------- */

/* The option of "--name" or "--name=value", or NULL. */
static const struct option *long_option(const char *text) {
  size_t n = strcspn(text, "=");

  for (unsigned i = 0; i < OPTIONS; i++)
    if (strlen(options[i].name) == n &&
        memcmp(options[i].name, text, n) == 0)
      return &options[i];
  return NULL;
}

static const struct option *letter_option(char letter) {
  for (unsigned i = 0; i < OPTIONS; i++)
    if (options[i].letter == letter)
      return &options[i];
  return NULL;
}

/* Reads the option at l->at, and its value. */
static int read_option(struct line *l) {
  const char *text = l->argv[l->at++];
  bool is_long = text[1] == '-';
  const struct option *o = is_long ? long_option(text + 2)
                                   : letter_option(text[1]);
  const char *value = is_long ? strchr(text, '=') : text + 2;

  if (!o)
    return fail(l, "unknown option %.60s", text);
  if (is_long && value)
    value++;
  else if (!is_long && !*value)
    value = NULL;
  if (o->kind == FLAG && value)
    return fail(l, "--%s takes no value", o->name);
  if (o->kind != FLAG && !value) {
    if (l->at == l->argc)
      return fail(l, "--%s needs a value: %s", o->name, o->value);
    value = l->argv[l->at++];
  }
  return set(l, o, value);
}

static int read_word(struct line *l, int *position) {
  const char *word = l->argv[l->at++];

  assert(*position >= l->out->words);
  if ((*position)++ == 0) {
    for (unsigned i = 0; i < COMMANDS; i++)
      if (strcmp(commands[i].name, word) == 0) {
        l->out->command = commands[i].bit;
        return 0;
      }
    return fail(l, "unknown command \"%.60s\"", word);
  }
  if (l->out->words == CLI_MAX_WORDS)
    return fail(l, "too many words");
  l->out->word[l->out->words++] = word;
  return 0;
}

/* What can only be told with the whole line read. */
static int check(struct line *l) {
  struct cli_options *o = l->out;

  if (!o->command)
    return fail(l, "a command is missing");
  for (unsigned i = 0; i < l->given_count; i++)
    if (!(l->given[i]->commands & (int)o->command))
      return fail(l, "--%s is no option of this command", l->given[i]->name);
  for (unsigned i = 0; i < COMMANDS; i++) {
    if (commands[i].bit != o->command)
      continue;
    if (o->words < commands[i].least || o->words > commands[i].most)
      return fail(l, "too %s words; usage: fluxevolve %s",
                  o->words < commands[i].least ? "few" : "many",
                  commands[i].usage);
  }
  if (o->command == CLI_RUN && !o->output)
    return fail(l, "run needs -o BEST.flx");
  if (o->command == CLI_CALIBRATE && !o->config)
    return fail(l, "calibrate needs -c HOSTCONFIG");
  return 0;
}

int cli_parse(int argc, char **argv, struct cli_options *out, char *message,
              size_t capacity) {
  struct line l = {
    .argc = argc, .at = 1, .argv = argv, .out = out, .message = message,
    .capacity = capacity,
  };
  bool only_words = false;
  int position = 0, failed = 0;

  assert(argc >= 1 && out && message && capacity > 0);
  memset(out, 0, sizeof *out);
  while (l.at < argc && !failed) {
    const char *text = argv[l.at];

    if (!only_words && strcmp(text, "--") == 0) {
      only_words = true;
      l.at++;
    } else if (!only_words && text[0] == '-' && text[1]) {
      failed = read_option(&l);
    } else {
      failed = read_word(&l, &position);
    }
  }
  if (out->help || out->version)
    return 0;
  return failed ? -1 : check(&l);
}

/* ---- help --------------------------------------------------------------- */

static void print_option(const struct option *o, FILE *to) {
  char name[48];
  char letter[5] = "    ";

  assert(o->name && o->meaning);
  if (o->letter)
    snprintf(letter, sizeof letter, "-%c, ", o->letter);
  snprintf(name, sizeof name, "%s--%s%s%s", letter, o->name,
           o->value ? " " : "", o->value ? o->value : "");
  fprintf(to, "  %-26s %s", name, o->meaning);
  if (o->kind == NUMBER && o->hi < INT64_MAX)
    fprintf(to, ", %lld..%lld", (long long)o->lo, (long long)o->hi);
  if (o->kind == SECONDS)
    fprintf(to, ", up to %lld", (long long)o->hi);
  fputc('\n', to);
}

void cli_help(const struct cli_options *o, FILE *to) {
  fputs("usage:\n", to);
  for (unsigned i = 0; i < COMMANDS; i++)
    if (!o->command || commands[i].bit == o->command)
      fprintf(to, "  fluxevolve %-40s %s\n", commands[i].usage,
              commands[i].meaning);
  fputs("\nP is a .flx, a .fxb or hex:0011..\n\noptions:\n", to);
  for (unsigned i = 0; i < OPTIONS; i++)
    if (!o->command || (options[i].commands & (int)o->command))
      print_option(&options[i], to);
}
