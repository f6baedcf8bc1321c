/*
 * samples/flux_host.c - a FLUX host: the program to copy.
 *
 *   flux-host -c FILE [--check-config] [--no-plugins] [--tasks N]
 *             [--variant NAME] [--outputs FILE] [--control FILE]
 *             [--report FILE]
 *
 * Everything it does is libfluxhost's: load the config, open the host, run,
 * tell what came of it.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/host.h"
#include "hostsdk/services.h"

struct arguments {
  const char *config, *outputs, *control, *report, *variant;
  bool check, plugins;
  uint64_t tasks;
};

static atomic_int stop_asked;

static void on_signal(int number) {
  (void)number;
  atomic_store(&stop_asked, 1);
}

static int usage(FILE *to) {
  fputs("usage: flux-host -c FILE [--check-config] [--no-plugins]\n"
        "                 [--tasks N] [--variant NAME] [--outputs FILE]\n"
        "                 [--control FILE] [--report FILE]\n"
        "  -c FILE         the host's config\n"
        "  --check-config  check everything, run nothing\n"
        "  --no-plugins    run the agents alone\n"
        "  --tasks N       tasks every agent runs (0: until stopped)\n"
        "  --variant NAME  run AGENT_NAME.flx where there is one\n"
        "  --outputs FILE  write every released output\n"
        "  --control FILE  count outputs that differ from such a file\n"
        "  --report FILE   write the numbers of each agent, tab-separated\n",
        to);
  if (to != stdout) return 2;
  return fflush(to) == 0 ? 0 : 1;
}

/* A whole number; false if it is none. */
static bool number(const char *text, uint64_t *out) {
  char *end;
  if (text[0] < '0' || text[0] > '9') return false;
  errno = 0;
  *out = strtoull(text, &end, 10);
  return *end == '\0' && errno == 0;
}

static int parse(int argc, char **argv, struct arguments *a) {
  static const struct option options[] = {
      {"config", required_argument, NULL, 'c'},
      {"check-config", no_argument, NULL, 'k'},
      {"no-plugins", no_argument, NULL, 'n'},
      {"tasks", required_argument, NULL, 't'},
      {"variant", required_argument, NULL, 'v'},
      {"outputs", required_argument, NULL, 'o'},
      {"control", required_argument, NULL, 'C'},
      {"report", required_argument, NULL, 'r'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0}};
  int c;
  *a = (struct arguments){.plugins = true};
  while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
    switch (c) {
      case 'c': a->config = optarg; break;
      case 'k': a->check = true; break;
      case 'n': a->plugins = false; break;
      case 'v': a->variant = optarg; break;
      case 'o': a->outputs = optarg; break;
      case 'C': a->control = optarg; break;
      case 'r': a->report = optarg; break;
      case 'h': exit(usage(stdout));
      case 't':
        if (number(optarg, &a->tasks)) break;
        fprintf(stderr, "flux-host: --tasks %s: not a number\n", optarg);
        return 2;
      default: return usage(stderr);
    }
  }
  return a->config != NULL && optind == argc ? 0 : usage(stderr);
}

/* Lines of the host and its plugins, as they happen. */
static void log_line(uint32_t level, const char *text, void *user) {
  (void)user;
  if (level == FLUX_LOG_EVENT) {
    printf("%s\n", text);
    fflush(stdout);
  } else {
    fprintf(stderr, "flux-host: %s: %s\n", fhost_log_level_name(level), text);
  }
}

static void print_table(const struct fhost *h, const uint64_t *wrong) {
  printf("%-14s %9s %9s %12s %8s %8s %8s %8s %6s\n", "agent", "tasks",
         "results", "cycles/res", "version", "accepted", "reverted",
         "recover", "wrong");
  for (uint32_t i = 0; i < fhost_agent_count(h); i++) {
    struct fhost_agent *a = fhost_agent_at(h, i);
    struct fhost_agent_stats s;
    char why[200];
    fhost_agent_stats(a, &s);
    printf("%-14s %9llu %9llu %12.2f %8llu %8llu %8llu %8llu %6llu\n",
           fhost_agent_name(a), (unsigned long long)s.tasks,
           (unsigned long long)s.results,
           s.results ? (double)s.cycles / (double)s.results : 0.0,
           (unsigned long long)s.version, (unsigned long long)s.accepted,
           (unsigned long long)s.reverted, (unsigned long long)s.recovered,
           (unsigned long long)(s.wrong + wrong[i]));
    fhost_agent_explanation(a, why, sizeof why);
    if (why[0] != '\0') printf("  %s\n", why);
    fhost_agent_stop_text(a, why, sizeof why);
    if (why[0] != '\0') printf("  %s\n", why);
  }
}

/* Whether all agents ran for as long as they were asked to. */
static bool all_ran(const struct fhost *h) {
  struct fhost_agent_stop s;
  for (uint32_t i = 0; i < fhost_agent_count(h); i++)
    if (fhost_agent_stopped(fhost_agent_at(h, i), &s)) return false;
  return true;
}

static int write_report(const struct fhost *h, const char *path,
                        const uint64_t *wrong) {
  FILE *f = fopen(path, "w");
  if (f == NULL) {
    fprintf(stderr, "flux-host: %s: cannot write the report\n", path);
    return 1;
  }
  for (uint32_t i = 0; i < fhost_agent_count(h); i++) {
    struct fhost_agent *a = fhost_agent_at(h, i);
    struct fhost_agent_stats s;
    fhost_agent_stats(a, &s);
    fprintf(f, "%s\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\n",
            fhost_agent_name(a), (unsigned long long)s.results,
            (unsigned long long)s.cycles, (unsigned long long)s.version,
            (unsigned long long)s.accepted, (unsigned long long)s.reverted,
            (unsigned long long)s.recovered,
            (unsigned long long)(s.wrong + wrong[i]));
  }
  bool written = !ferror(f);
  if (fclose(f) == 0 && written) return 0;
  fprintf(stderr, "flux-host: %s: %s\n", path, strerror(errno));
  return 1;
}

/* Runs an open host and tells what came of it. Returns the exit code. */
static int run(struct fhost *h, const struct arguments *a) {
  struct fisa_error err = {""};
  uint64_t *wrong = calloc(fhost_agent_count(h) + 1, sizeof *wrong);
  int rc = 1;
  if (wrong == NULL) return 1;
  if (fhost_run(h, a->tasks, &stop_asked, &err) == 0 &&
      (a->outputs == NULL || fhost_outputs_write(h, a->outputs, &err) == 0) &&
      (a->control == NULL ||
       fhost_outputs_compare(h, a->control, wrong, &err) == 0)) {
    print_table(h, wrong);
    rc = a->report != NULL ? write_report(h, a->report, wrong) : 0;
    if (!all_ran(h)) rc = 1;
  } else {
    fprintf(stderr, "flux-host: %s\n", err.text);
  }
  free(wrong);
  return rc;
}

int main(int argc, char **argv) {
  struct arguments a;
  struct fhost_config *config = NULL;
  struct fhost *host = NULL;
  struct fisa_error err = {""};
  struct sigaction act = {.sa_handler = on_signal};
  int rc = parse(argc, argv, &a);
  if (rc != 0) return rc;
  sigaction(SIGINT, &act, NULL);
  sigaction(SIGTERM, &act, NULL);
  rc = 1;
  if (fhost_config_load(a.config, &config, &err) == 0) {
    struct fhost_open_options o = {
        .plugins = a.plugins,
        .keep_outputs = a.outputs != NULL || a.control != NULL,
        .variant = a.variant,
        .log = log_line};
    if (a.outputs == NULL && config->outputs[0] != '\0') {
      a.outputs = config->outputs;
      o.keep_outputs = true;
    }
    if (a.check) rc = fhost_check(config, &err);
    else if (fhost_open(config, &o, &host, &err) == 0) rc = run(host, &a);
  }
  if (err.text[0] != '\0') fprintf(stderr, "flux-host: %s\n", err.text);
  else if (a.check) printf("%s: ok\n", a.config);
  fhost_close(host);
  fhost_config_free(config);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "flux-host: cannot write the output: %s\n",
            strerror(errno));
    rc = 1;
  }
  return rc == 0 ? 0 : 1;
}
