/*
 * cli/cmd_run.c - run: evolves a program offline, in the plugin.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hostsdk/cli/cli.h"
#include "hostsdk/config.h"

enum { EPISODES_MAX = 256 << 20 };  /* bytes of an --episodes file */
#define PLAIN_EVERY 1.0             /* seconds between lines of progress */

/* Set by Ctrl-C: the plugin is asked to finish with what it has. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  interrupted = 1;
}

static double now(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One Ctrl-C ends the search, a second one the program. */
static void watch_interrupt(void) {
  struct sigaction action = {.sa_handler = on_interrupt,
                             .sa_flags = (int)SA_RESETHAND};

  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

/* ---- the request -------------------------------------------------------- */

/* One line of --episodes, checked as a state, appended to the list. */
static int add_episode(const struct fisa_program *p, const char *line,
                       size_t length, json_t *list, struct fisa_error *why) {
  struct fisa_trace inputs = {0};
  struct fisa_state *s = fisa_state_new(p->dialect);
  int rc = -1;

  assert(json_is_array(list));
  if (!s) {
    fisa_fail(why, "out of memory");
    goto done;
  }
  fisa_state_start(p, s);
  if (fisa_state_from_json(p->dialect, line, length, s, &inputs, why) != 0)
    goto done;
  if (json_array_append_new(list, json_loadb(line, length, 0, NULL)) != 0) {
    fisa_fail(why, "out of memory");
    goto done;
  }
  rc = 0;
done:
  fisa_trace_done(&inputs);
  fisa_state_free(s);
  return rc;
}

static int load_episodes(const char *path, const struct fisa_program *p,
                         json_t *list, struct fisa_error *err) {
  struct fisa_error why;
  unsigned number = 0;
  size_t length;
  char *text;
  int rc = 0;

  if (fisa_read_file(path, EPISODES_MAX, &text, &length, err) != 0)
    return -1;
  for (const char *at = text, *end = text + length; at < end && rc == 0;) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t n = (size_t)((stop ? stop : end) - at);

    number++;
    if (strspn(at, " \t\r") < n) {
      rc = add_episode(p, at, n, list, &why);
      if (rc != 0)
        fisa_fail(err, "%.80s:%u: %s", path, number, why.text);
    }
    at += n + 1;
  }
  free(text);
  if (rc == 0 && json_array_size(list) == 0)
    return fisa_fail(err, "%.150s: no episodes", path);
  return rc;
}

static int no_row(const struct fisa_dialect *d, const char *name,
                  size_t length, struct fisa_error *err) {
  char text[41];
  unsigned best = UINT_MAX;
  const char *near = "";

  assert(d);
  snprintf(text, sizeof text, "%.*s", (int)(length < 40 ? length : 40), name);
  for (char *c = text; *c; c++)
    *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
  for (unsigned i = 0; i < 256; i++) {
    unsigned k = d->rows[i].defined
                     ? fhost_edit_distance(text, d->rows[i].name) : UINT_MAX;

    if (k < best) {
      best = k;
      near = d->rows[i].name;
    }
  }
  return fisa_fail(err, "--deny-op: dialect %s has no \"%.*s\"; the nearest "
                   "is \"%s\"", d->name, (int)(length < 40 ? length : 40),
                   name, near);
}

static int deny_list(const char *names, const struct fisa_dialect *d,
                     json_t *list, struct fisa_error *err) {
  assert(names && json_is_array(list));
  for (const char *at = names;; at++) {
    size_t n = strcspn(at, ",");
    const struct fisa_row *row = fisa_row_by_name(d, at, n);

    if (!row)
      return no_row(d, at, n, err);
    if (json_array_append_new(list, json_string(row->name)) != 0)
      return fisa_fail(err, "out of memory");
    at += n;
    if (!*at)
      return 0;
  }
}

static int set_options(const struct cli_options *o, json_t *request) {
  int failed = 0;

  assert(json_is_object(request));
  if (o->has_seed)
    failed |= json_object_set_new(request, "seed",
                                  json_integer((json_int_t)o->seed));
  if (o->has_variants)
    failed |= json_object_set_new(request, "variants",
                                  json_integer((json_int_t)o->variants));
  if (o->has_time_limit)
    failed |= json_object_set_new(request, "time_limit",
                                  json_real(o->time_limit));
  if (o->has_threads)
    failed |= json_object_set_new(request, "threads",
                                  json_integer((json_int_t)o->threads));
  if (o->min_assurance)
    failed |= json_object_set_new(request, "min_assurance",
                                  json_string(o->min_assurance));
  return failed;
}

static json_t *run_request(const struct cli_options *o,
                           const struct fisa_program *p,
                           struct fisa_error *err) {
  json_t *request = json_pack("{s:s, s:o}", "cmd", "run", "program",
                              cli_program_json(p));
  json_t *episodes = json_array(), *deny = json_array();

  if (!request || set_options(o, request) != 0) {
    fisa_fail(err, "out of memory");
    goto fail;
  }
  if (o->episodes && (load_episodes(o->episodes, p, episodes, err) != 0 ||
                      json_object_set(request, "episodes", episodes) != 0))
    goto fail;
  if (o->deny && (deny_list(o->deny, p->dialect, deny, err) != 0 ||
                  json_object_set(request, "deny", deny) != 0))
    goto fail;
  json_decref(episodes);
  json_decref(deny);
  return request;
fail:
  json_decref(episodes);
  json_decref(deny);
  json_decref(request);
  return NULL;
}

/* ---- the reply ---------------------------------------------------------- */

struct reply {
  bool terminal;       /* progress is one line that changes */
  bool line_open;
  double told;         /* when a line of figures was last printed, or 0 */
  json_t *final;       /* the object with "result" */
};

/* "key value, key value" of whatever the plugin tells. */
static void print_progress(struct reply *r, json_t *progress) {
  const char *key, *before = "";
  json_t *value;

  fputs(r->terminal ? "\r\033[K" : "", stderr);
  if (json_is_string(progress))
    fputs(json_string_value(progress), stderr);
  json_object_foreach(progress, key, value) {
    char *text = json_is_string(value)
                     ? strdup(json_string_value(value))
                     : json_dumps(value, JSON_ENCODE_ANY |
                                  JSON_REAL_PRECISION(6));
    fprintf(stderr, "%s%s %s", before, key, text ? text : "");
    before = ", ";
    free(text);
  }
  if (!r->terminal)
    fputc('\n', stderr);
  fflush(stderr);
  r->line_open = r->terminal;
}

/* A line that stays is worth its place once in a while. */
static bool is_time(struct reply *r, const json_t *progress) {
  double t = now();

  if (!json_is_object(progress) || r->terminal)
    return true;
  if (r->told > 0 && t - r->told < PLAIN_EVERY)
    return false;
  r->told = t;
  return true;
}

static int32_t take_line(const char *text, size_t size, void *user) {
  struct reply *r = user;
  json_t *line = json_loadb(text, size, 0, NULL);
  json_t *progress = json_object_get(line, "progress");

  if (progress && is_time(r, progress))
    print_progress(r, progress);
  if (json_object_get(line, "result") && !r->final)
    r->final = json_incref(line);
  json_decref(line);
  return interrupted;
}

/* The best program: the original if its code is unchanged. */
static struct fisa_program *best_program(const struct fisa_program *p,
                                         const json_t *final) {
  const char *hex = json_string_value(json_object_get(final, "code"));
  const json_t *entry = json_object_get(final, "entry");
  const json_t *boundary = json_object_get(final, "boundary_pc");
  struct fisa_program *best = NULL;
  uint8_t *code;
  size_t size;

  assert(json_is_object(final));
  code = hex ? cli_unhex(hex, &size) : NULL;
  if (code && size > 0 && size <= FISA_MAX_CODE)
    best = fisa_program_derive(
        p, code, size,
        entry ? (uint32_t)json_integer_value(entry) : p->entry,
        boundary ? (uint32_t)json_integer_value(boundary)
                 : p->manifest.boundary.pc);
  free(code);
  return best;
}

static bool is_raw(const char *path) {
  size_t n = strlen(path);

  return n >= 4 && strcmp(path + n - 4, ".fxb") == 0;
}

/* Raw code, as every .fxb is, and a word on what is not in it. */
static int write_raw(const char *path, const struct fisa_program *best,
                     struct fisa_error *err) {
  if (cli_write_file(path, best->code, best->size, err) != 0)
    return -1;
  fprintf(stderr, "fluxevolve: %s is code alone: its dialect, its manifest "
          "and its entry %u are not in it\n", path, (unsigned)best->entry);
  return 0;
}

/* Writes BEST, after it was read back as the program it is meant to be. */
static int write_best(const struct cli_options *o,
                      const struct fisa_program *p, const json_t *final,
                      struct fisa_error *err) {
  struct fisa_program *best = best_program(p, final), *back = NULL;
  bool same;
  char *text;
  int rc = -1;

  if (!best)
    return fisa_fail(err, "the plugin's program cannot be read");
  assert(best->dialect == p->dialect);
  same = memcmp(best->hash, p->hash, sizeof p->hash) == 0;
  /* The original keeps its labels. */
  text = fisa_disassemble(same ? p : best);
  if (!text) {
    fisa_fail(err, "out of memory");
    goto done;
  }
  if (fisa_assemble(p->dialect, text, strlen(text), o->output, &back, err)
      != 0)
    goto done;
  if (memcmp(back->hash, best->hash, sizeof back->hash) != 0) {
    fisa_fail(err, "the result does not assemble to itself");
    goto done;
  }
  rc = is_raw(o->output)
           ? write_raw(o->output, best, err)
           : cli_write_file(o->output, text, strlen(text), err);
done:
  free(text);
  fisa_program_free(back);
  fisa_program_free(best);
  return rc;
}

/* ---- the result --------------------------------------------------------- */

/* The result object with its keys in their order, whatever the plugin's. */
static json_t *result_json(const struct cli_options *o,
                           const struct fisa_program *p,
                           const json_t *final, double seconds) {
  static const char *const keys[] = {
    "variants", "cycles_before", "cycles_after", "instructions_before",
    "instructions_after", "assurance",
  };
  const json_t *from = json_object_get(final, "result");
  json_t *seed = json_object_get(from, "seed");
  json_t *out = json_pack(
      "{s:o, s:s, s:o, s:o}", "program", cli_text_json(o->word[0]), "dialect",
      p->dialect->name, "seed",
      seed ? json_incref(seed) : json_integer((json_int_t)o->seed),
      "seconds", json_real(seconds));
  int failed = !out;

  for (unsigned i = 0; !failed && i < sizeof keys / sizeof keys[0]; i++) {
    json_t *value = json_object_get(from, keys[i]);
    failed = json_object_set_new(out, keys[i],
                                 value ? json_incref(value) : json_null());
  }
  if (!failed && json_object_set_new(out, "output", cli_text_json(o->output))
                 == 0)
    return out;
  json_decref(out);
  return NULL;
}

static double number(const json_t *result, const char *key) {
  return json_number_value(json_object_get(result, key));
}

static void print_result(const struct cli_options *o, const json_t *r) {
  const char *assurance = json_string_value(json_object_get(r, "assurance"));
  double before = number(r, "cycles_before"), after = number(r,
                                                             "cycles_after");

  printf("%s: %.6g -> %.6g cycles a task", o->output, before, after);
  if (before > 0)
    printf(" (%+.1f%%)", (after / before - 1) * 100);
  printf(", %.0f -> %.0f instructions, assurance %s; %.0f variants in "
         "%.1f s\n", number(r, "instructions_before"),
         number(r, "instructions_after"), assurance ? assurance : "none",
         number(r, "variants"), number(r, "seconds"));
}

static int show_result(const struct cli_options *o,
                       const struct fisa_program *p, const json_t *final,
                       double seconds, struct fisa_error *err) {
  json_t *result = result_json(o, p, final, seconds);
  char *text = result ? json_dumps(result, JSON_COMPACT |
                                   JSON_REAL_PRECISION(12)) : NULL;

  if (text && o->json)
    puts(text);
  else if (text)
    print_result(o, result);
  json_decref(result);
  free(text);
  return text ? 0 : fisa_fail(err, "out of memory");
}

static int evolve(const struct cli_options *o, const struct fisa_program *p,
                  struct fisa_error *err) {
  struct reply reply = {.terminal = isatty(STDERR_FILENO)};
  struct cli_plugin *plugin = NULL;
  json_t *request = run_request(o, p, err);
  double start;
  int rc = -1;

  if (!request)
    return -1;
  assert(o->output);
  watch_interrupt();
  if (cli_plugin_open(o, &plugin, err) != 0)
    goto done;
  start = now();
  rc = cli_plugin_request(plugin, request, take_line, &reply, err);
  if (reply.line_open)
    fputc('\n', stderr);
  if (rc != 0)
    goto done;
  if (!reply.final)
    rc = fisa_fail(err, "the plugin gave no result");
  else if ((rc = write_best(o, p, reply.final, err)) == 0)
    rc = show_result(o, p, reply.final, now() - start, err);
done:
  cli_plugin_close(plugin);
  json_decref(reply.final);
  json_decref(request);
  return rc;
}

/* Told before the search and not after it. The file is not touched. */
static int check_output(const char *path, struct fisa_error *err) {
  char folder[4096];
  const char *slash = strrchr(path, '/');
  int n = !slash ? snprintf(folder, sizeof folder, ".")
                 : snprintf(folder, sizeof folder, "%.*s",
                            (int)(slash - path) + 1, path);

  if (n < 0 || n >= (int)sizeof folder)
    return fisa_fail(err, "%.100s: the path is too long", path);
  if (access(access(path, F_OK) == 0 ? path : folder, W_OK) == 0)
    return 0;
  return fisa_fail(err, "%.200s: %s", path, strerror(errno));
}

int cli_run(const struct cli_options *o) {
  struct fisa_dialect *dialect = NULL;
  struct fisa_program *program = NULL;
  struct fisa_error err;
  int rc = CLI_OK;

  if (cli_load(o, &dialect, &program, &err) != 0 ||
      check_output(o->output, &err) != 0 ||
      evolve(o, program, &err) != 0)
    rc = cli_fail("%s", err.text);
  fisa_program_free(program);
  fisa_dialect_free(dialect);
  return rc;
}
