/*
 * tests/bench_live.c - what evolution costs a live agent.
 *
 *   hook.off, hook.on     callgrind instructions inside the agent's tasks,
 *                         against no plugin; the time stands beside
 *   patch.pause.p50, p99  microseconds at the boundary that installs
 *   rollback.pause.p99    at the boundary that takes back
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostsdk/runtime_internal.h"
#include "isa/asm.h"
#include "tests/bench.h"

/* ---- hook --------------------------------------------------------------- */

#define CALLGRIND_TASKS "4096"
#define TIMED_TASKS "200000"
#define TIMED_RUNS 9

static const char *build_dir(void) {
  const char *dir = getenv("FLUX_BUILDDIR");
  return dir != NULL && *dir != '\0' ? dir : ".";
}

/* The first number behind `word` in what a command prints, or -1. */
static double number_from(const char *command, const char *word) {
  FILE *p = popen(command, "r");
  char line[512];
  double value = -1;
  if (p == NULL) return -1;
  while (fgets(line, sizeof line, p) != NULL) {
    const char *at = strstr(line, word);
    if (at != NULL && value < 0) value = strtod(at + strlen(word), NULL);
  }
  return pclose(p) == 0 ? value : -1;
}

static double instructions(const char *mode) {
  char command[1024];
  snprintf(command, sizeof command,
           "valgrind --tool=callgrind --callgrind-out-file=/dev/null "
           "--collect-atstart=no --toggle-collect=fhost_agent_task "
           "'%s/tests/bench_hook' %s %s 2>&1",
           build_dir(), mode, CALLGRIND_TASKS);
  return number_from(command, "Collected :");
}

static int ascending(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static double run_once(const char *mode) {
  char command[1024];
  snprintf(command, sizeof command, "'%s/tests/bench_hook' %s %s",
           build_dir(), mode, TIMED_TASKS);
  return number_from(command, "");
}

/* Median of interleaved pairs: time with the plugin over time without. */
static double time_ratio(const char *mode) {
  double ratio[TIMED_RUNS];
  for (int i = 0; i < TIMED_RUNS; i++) {
    double with = run_once(mode), without = run_once("none");
    if (with <= 0 || without <= 0) return -1;
    ratio[i] = with / without;
  }
  qsort(ratio, TIMED_RUNS, sizeof ratio[0], ascending);
  return ratio[TIMED_RUNS / 2];
}

static void hook(const char *name, const char *mode, double none) {
  double n = instructions(mode), time;
  char timed[32];
  if (n <= 0 || none <= 0) {
    fprintf(stderr, "%s: callgrind gave no count\n", name);
    return;
  }
  bench_ratio(name, n / none, "instructions", "no plugin");
  snprintf(timed, sizeof timed, "%s.time", name);
  time = time_ratio(mode);
  if (time > 0) bench_ratio(timed, time, "time", "no plugin");
}

static void bench_hook(void) {
  double none = instructions("none");
  hook("hook.off", "off", none);
  hook("hook.on", "on", none);
}

/* ---- patch -------------------------------------------------------------- */

#define PATCHES 4000

static const char counter[] =
    ".dialect unified\n.in R8\n"
    "task:   ADDI R8, 1\n        YIELD 0\n        JMP task\n";

struct rig {
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  struct fhost_runtime *runtime;
  struct fhost_agent *agent;
};

static void rig_make(struct rig *r) {
  struct fisa_error err = {""};
  struct fhost_agent_options o = {.name = "counter",
                                  .vm = &fhost_vm_reference,
                                  .confidence_cell = -1,
                                  .trust = 1,
                                  .max_task_fuel = 100000};
  memset(r, 0, sizeof *r);
  r->runtime = fhost_runtime_new();
  if (fisa_dialect_builtin("unified", true, &r->dialect, &err) == 0 &&
      fisa_assemble(r->dialect, counter, sizeof counter - 1, "counter",
                    &r->program, &err) == 0 &&
      r->runtime != NULL) {
    o.program = r->program;
    r->agent = fhost_agent_add(r->runtime, &o, &err);
  }
  if (r->agent != NULL) return;
  fprintf(stderr, "bench: %s\n", err.text);
  exit(1);
}

static void rig_done(struct rig *r) {
  fhost_runtime_free(r->runtime);
  fisa_program_free(r->program);
  fisa_dialect_free(r->dialect);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(flux_status rc, const char *what) {
  if (rc == FLUX_OK) return;
  fprintf(stderr, "bench: %s: status %d\n", what, (int)rc);
  exit(1);
}

/* One offer, installed and taken back; the two boundaries timed. */
static void there_and_back(struct rig *r, uint64_t id, double *in,
                           double *out) {
  const flux_live *live = fhost_runtime_live(r->runtime);
  const struct fisa_program *p = r->program;
  /* Behind the YIELD, and the entry: where a task may begin. */
  const flux_transfer pairs[] = {{0, 0}, {5, 5}};
  const flux_patch patch = {.struct_size = sizeof patch,
                            .id = id,
                            .code = p->code,
                            .code_size = p->size,
                            .entry = p->entry,
                            .transfer = pairs,
                            .back = pairs,
                            .transfer_count = 2,
                            .back_count = 2,
                            .deadline_tasks = 10,
                            .hold_ms = 1000};
  double begin;
  must(live->offer(1, &patch, r->runtime), "offer");
  begin = now_us();
  fhost_boundary(r->agent);
  *in = now_us() - begin;
  (void)fhost_agent_task(r->agent);
  must(live->take_back(1, id, FLUX_REVERT, r->runtime), "take back");
  begin = now_us();
  fhost_boundary(r->agent);
  *out = now_us() - begin;
  (void)fhost_agent_task(r->agent);
}

static void bench_patch(void) {
  static double in[PATCHES], out[PATCHES];
  struct rig r;
  struct fhost_agent_stats s;
  rig_make(&r);
  (void)fhost_agent_task(r.agent);
  for (int i = 0; i < PATCHES; i++)
    there_and_back(&r, (uint64_t)i + 1, &in[i], &out[i]);
  fhost_agent_stats(r.agent, &s);
  if (s.installed != PATCHES || s.reverted != PATCHES) {
    fprintf(stderr, "bench: %llu installed, %llu reverted of %d\n",
            (unsigned long long)s.installed, (unsigned long long)s.reverted,
            PATCHES);
    exit(1);
  }
  qsort(in, PATCHES, sizeof in[0], ascending);
  qsort(out, PATCHES, sizeof out[0], ascending);
  bench_figure("patch.pause.p50", in[PATCHES / 2], "us");
  bench_figure("patch.pause.p99", in[PATCHES / 100 * 99], "us");
  bench_figure("rollback.pause.p99", out[PATCHES / 100 * 99], "us");
  rig_done(&r);
}

const struct bench_group bench_groups[] = {{"vm", bench_vm},
                                           {"hook", bench_hook},
                                           {"patch", bench_patch},
                                           {NULL, NULL}};
