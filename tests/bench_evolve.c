/*
 * tests/bench_evolve.c - what fluxevolve run makes of programs, offline.
 *
 *   hd       problems p01 to p12, twice: with all rows, and with those of the
 *            plain rules alone; how many came out as short as the shortest
 *            known, and the seconds of each
 *   hd_rest  the same for p13 to p25
 *   cache    problems p01 to p12 with a journal, twice: the milliseconds of
 *            the second run, from the request to the program
 *   agents   the sample agents as compiled and as tuned by hand: cost after
 *            over cost before
 *
 * Each run may take BENCH_SECONDS (10), or whatever the search needs less.
 * What comes out is run again here: problems for a million inputs each,
 * agents for 100,000 tasks. A result that is wrong counts, and is told.
 */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/agents.h"
#include "tests/bench.h"
#include "tests/hd_form.h"

enum { TWELVE = 12, INPUTS = 1000000, STATES = 1000000, PATH = 512 };

extern char **environ;

static char folder[PATH];      /* of ours, removed at the end */
static unsigned wrong;

static void die(const char *what, const char *which) {
  fprintf(stderr, "bench: %s: %s\n", which, what);
  exit(1);
}

static const char *setting(const char *name, const char *without) {
  const char *s = getenv(name);

  return s && *s ? s : without;
}

static void remove_folder(void) {
  static const char *const files[] = {"best.flx", "journal.db",
                                      "journal.db-wal", "journal.db-shm",
                                      "journal.db.lock"};
  char path[PATH + 32];

  for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, files[i]);
    unlink(path);
  }
  rmdir(folder);
}

static void make_folder(void) {
  if (folder[0] != '\0')
    return;
  snprintf(folder, sizeof folder, "%s/flux-bench-XXXXXX",
           setting("TMPDIR", "/tmp"));
  if (!mkdtemp(folder))
    die(strerror(errno), folder);
  atexit(remove_folder);
}

/* ---- fluxevolve run ------------------------------------------------------ */

/* What a run said. */
struct outcome {
  double seconds, before, after;  /* cycles */
  char best[PATH + 16];           /* the file with the program */
};

/* Starts it with its stdout in a pipe. */
static FILE *start(const char *const *argv, pid_t *child) {
  posix_spawn_file_actions_t actions;
  int ends[2];

  if (pipe(ends) != 0 || posix_spawn_file_actions_init(&actions) != 0)
    die(strerror(errno), argv[0]);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);
  /* It takes them as they are and changes none. */
  if (posix_spawn(child, argv[0], &actions, NULL,
                  (char *const *)(uintptr_t)argv, environ) != 0)
    die("cannot be started", argv[0]);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  return fdopen(ends[0], "r");
}

/* The last line of a run is one object. */
static void take(const char *line, const char *what, struct outcome *o) {
  json_t *j = json_loads(line, 0, NULL);

  if (!j || json_unpack(j, "{s:F, s:F, s:F}", "seconds", &o->seconds,
                        "cycles_before", &o->before, "cycles_after",
                        &o->after) != 0)
    die("no result", what);
  json_decref(j);
}

/* Evolves a file, with up to two more options and their values. */
static void evolve(const char *path, const char *const more[4],
                   struct outcome *o) {
  char bin[PATH], *line = NULL, *last = NULL;
  const char *argv[] = {bin, "run", path, "-o", o->best, "--json",
                        "--time-limit", setting("BENCH_SECONDS", "10"),
                        more[0], more[1], more[2], more[3], NULL};
  size_t room = 0;
  int status;
  pid_t child;
  FILE *out;

  make_folder();
  snprintf(bin, sizeof bin, "%s/bin/fluxevolve", setting("FLUX_BUILDDIR", "."));
  snprintf(o->best, sizeof o->best, "%s/best.flx", folder);
  out = start(argv, &child);
  while (out && getline(&line, &room, out) > 0) {
    free(last);
    last = line;
    line = NULL;
  }
  if (!out || waitpid(child, &status, 0) != child || status != 0 || !last)
    die("the run failed", path);
  take(last, path, o);
  fclose(out);
  free(last);
  free(line);
}

static void tell_wrong(const char *what) {
  printf("WRONG: %s\n", what);
  wrong++;
}

/* ---- Hacker's Delight ---------------------------------------------------- */

/* All rows but those of the plain rules, and what is no operation: moves
 * through memory, doing nothing, the end. */
static char *denied(void) {
  static const char also[] = "LOADI STOREI NOP HALT";
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  char *list = calloc(256, FISA_MAX_NAME + 1);

  if (!list || fisa_dialect_builtin("unified", true, &d, &err) != 0)
    die(err.text, "unified");
  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &d->rows[i];

    if (row->defined && !hd_in_list(hd_plain_rows, row->name) &&
        !hd_in_list(also, row->name)) {
      if (list[0] != '\0')
        strcat(list, ",");
      strcat(list, row->name);
    }
  }
  fisa_dialect_free(d);
  return list;
}

static const char *source_path(const char *format, const char *name) {
  static char path[2 * PATH];
  int n = snprintf(path, sizeof path, "%s/", setting("FLUX_SRCDIR", "."));

  snprintf(path + n, sizeof path - (size_t)n, format, name);
  return path;
}

/* Evolves a problem; whether it came out as short as is known. */
static int problem(const struct hd_problem *p, const char *rules,
                   const char *deny) {
  char path[2 * PATH], name[64];
  struct outcome o;
  struct hd_form f;
  struct hd_best best;
  struct fisa_error err = {""};
  unsigned length;
  int known;

  snprintf(path, sizeof path, "%s",
           source_path("tests/data/hd/%s.flx", p->name));
  const char *const more[4] = {deny ? "--deny-op" : NULL, deny};
  evolve(path, more, &o);
  if (hd_form_load(&f, o.best, &err) != 0)
    die(err.text, p->name);
  if (hd_form_wrong(&f, p, 0, INPUTS) != INPUTS)
    tell_wrong(p->name);
  length = hd_form_length(&f);
  hd_form_done(&f);
  known = hd_best_read(source_path("tests/data/hd/%s", "best.tsv"), p->name,
                       rules, &best) == 0 && strcmp(best.verdict, "none") != 0;
  if (!known)
    best.length = 0;
  printf("%-4s %-6s %5.0f -> %3u   %s %u\n", p->name, rules, o.before - 1,
         length, known ? best.verdict : "none known", best.length);
  snprintf(name, sizeof name, "search.hd.%s.%s", p->name, rules);
  bench_figure(name, o.seconds, "s");
  return known && length <= best.length;
}

static void problems(const char *figure, unsigned from, unsigned to) {
  char *deny = denied(), name[64], unit[32];

  assert(to <= HD_PROBLEMS);
  snprintf(unit, sizeof unit, "of %u", to - from);
  wrong = 0;
  for (unsigned r = 0; r < HD_RULES; r++) {
    unsigned solved = 0;

    for (unsigned i = from; i < to; i++)
      solved += (unsigned)problem(&hd_problems[i], hd_rules[r],
                                  r == 0 ? NULL : deny);
    snprintf(name, sizeof name, "%s%s", figure, r == 0 ? "" : ".plain");
    bench_figure(name, solved, unit);
  }
  snprintf(name, sizeof name, "%s.wrong", figure);
  bench_figure(name, wrong, "results");
  free(deny);
}

static void bench_hd(void) {
  problems("search.hd", 0, TWELVE);
}

static void bench_hd_rest(void) {
  problems("search.hd_rest", TWELVE, HD_PROBLEMS);
}

/* ---- what is remembered -------------------------------------------------- */

static int by_value(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;

  return a < b ? -1 : a > b;
}

/* The first run searches for so many variants that it comes to its end. */
static void bench_cache(void) {
  double ms[TWELVE];
  char journal[PATH + 16];
  const char *const more[4] = {"--journal", journal, "--variants", "2000"};

  make_folder();
  snprintf(journal, sizeof journal, "%s/journal.db", folder);
  for (unsigned i = 0; i < TWELVE; i++) {
    char path[2 * PATH];
    struct outcome first, second;

    snprintf(path, sizeof path, "%s",
             source_path("tests/data/hd/%s.flx", hd_problems[i].name));
    evolve(path, more, &first);
    evolve(path, more, &second);
    if (second.after != first.after)
      die("the second run has another result", path);
    ms[i] = second.seconds * 1e3;
    printf("%-4s %8.0f ms, then %6.1f ms\n", hd_problems[i].name,
           first.seconds * 1e3, ms[i]);
  }
  qsort(ms, TWELVE, sizeof *ms, by_value);
  bench_figure("cache.second_run", (ms[TWELVE / 2 - 1] + ms[TWELVE / 2]) / 2,
               "ms");
  bench_figure("cache.second_run.worst", ms[TWELVE - 1], "ms");
}

/* ---- agents -------------------------------------------------------------- */

/* Whether what came out is the agent it was, from many states. Offline there
 * is no source of confidence, so none is held to. */
static void hold(const char *path, const struct outcome *o) {
  struct agent_pair p;
  struct fisa_error err = {""};
  int32_t seed = 0, states;

  if (agent_pair_load(&p, path, o->best, &err) != 0)
    die(err.text, path);
  states = p.form[0].continues ? STATES / AGENT_TASKS : STATES;
  while (seed < states && agent_pair_compare(&p, seed) == 0)
    seed++;
  if (seed < states) {
    tell_wrong(path);
    printf("  from state %d: %s\n", seed, p.what);
  }
  agent_pair_done(&p);
}

static const char *const none[4];

/* Evolves an agent; the logarithm of after / before. */
static double agent(const char *name, const char *form) {
  struct outcome o;
  char path[2 * PATH], stem[64];

  snprintf(stem, sizeof stem, "%s%s", name, form);
  snprintf(path, sizeof path, "%s",
           source_path("samples/agents/%s.flx", stem));
  evolve(path, none, &o);
  hold(path, &o);
  printf("%-18s %10.1f -> %10.1f   %5.3f   %5.1f s\n", stem, o.before,
         o.after, o.after / o.before, o.seconds);
  return log(o.after / o.before);
}

static void bench_agents(void) {
  static const char *const form[] = {"", "_tuned"};
  static const char *const figure[] = {"search.naive", "search.tuned"};
  struct agents_list list;
  struct fisa_error err = {""};

  if (agents_read(source_path("samples/agents/%s", "list"), &list, &err) != 0)
    die(err.text, "agents");
  wrong = 0;
  for (int k = 0; k < 2; k++) {
    double sum = 0;

    for (unsigned i = 0; i < list.count; i++)
      sum += agent(list.name[i], form[k]);
    bench_ratio(figure[k], exp(sum / list.count), "cost", "before");
  }
  bench_figure("search.agents.wrong", wrong, "results");
}

const struct bench_group bench_groups[] = {{"hd", bench_hd},
                                           {"hd_rest", bench_hd_rest},
                                           {"cache", bench_cache},
                                           {"agents", bench_agents},
                                           {NULL, NULL}};
