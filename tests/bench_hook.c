/*
 * tests/bench_hook.c - what the plugin costs an agent: runs `mixed` tasks on
 * the runtime, with no plugin, with one that is loaded but idle, or with
 * counting and recording at the shipped duty cycle. bench_live.c runs it
 * under callgrind, which collects inside fhost_agent_task alone.
 *
 *   bench_hook none|off|on TASKS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostsdk/plugin.h"
#include "hostsdk/services.h"
#include "isa/asm.h"

/* A task of some six hundred instructions: arithmetic, memory, a call, a
 * branch, confidence. */
static const char mixed[] =
    ".dialect unified\n.out R4\n.out R9\n.scratch mem 0x100 16\n"
    "        MOVI   R1, 30\n        MOVI   R2, 7\n"
    "        MOVI16 R10, 0x100\n"
    "turn:   MUL    R3, R1, R2\n        XOR    R4, R4, R3\n"
    "        SHRI   R4, 1\n        ADDI   R4, 13\n"
    "        STOREI R4, R10, 8\n        LOADI  R5, R10, 8\n"
    "        CMP_LT R6, R5, R3\n        JEQ    R6, over\n"
    "        ADDI   R7, 1\n"
    "over:   CALL   R0, sub\n        NOP\n"
    "        CONF_ADD R8, R7, R2\n        FADD   F1, F1, F2\n"
    "        MAX    R9, R9, R8\n        DEC    R1\n"
    "        JNE    R1, turn\n        HALT\n"
    "sub:    PUSH   R4\n        SUB    R11, R4, R5\n"
    "        POP    R12\n        RET\n";

static void fail(const struct fisa_error *err) {
  fprintf(stderr, "bench_hook: %s\n", err->text);
  exit(1);
}

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct rig {
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  struct fhost_runtime *runtime;
  struct fhost_agent *agent;
  struct fhost_services *services;
  struct fhost_plugin *plugin;
};

/* The real plugin: idle when paused; else counting and recording, but with
 * no generation allowed, so that the code measured stays what it is. */
static void load_plugin(struct rig *r, bool on) {
  static flux_setting settings[] = {
      {sizeof(flux_setting), FLUX_SETTING_BOOL, "policy.paused", 1, 1, NULL,
       "bench", 1, 0},
      {sizeof(flux_setting), FLUX_SETTING_INT, "policy.max_generations", 0, 0,
       NULL, "bench", 2, 0}};
  struct fhost_services_options o = {
      .name = "bench",
      .version = "1",
      .settings = on ? settings + 1 : settings,
      .setting_count = 1,
      .log_level = FLUX_LOG_WARNING,
      .vm = &fhost_vm_reference,
      .live = fhost_runtime_live(r->runtime),
      .live_ctx = r->runtime};
  struct fhost_evolver e;
  struct fhost_texts texts = {0};
  struct fisa_error err = {""};
  char path[FHOST_PATH_MAX];
  r->services = fhost_services_new(&o);
  if (r->services == NULL ||
      fhost_plugin_find("flux_self_evolve.so", NULL, path, &err) != 0 ||
      fhost_plugin_open(path, &r->plugin, &err) != 0 ||
      fhost_plugin_create(r->plugin, fhost_services_host(r->services),
                          &err) != 0)
    fail(&err);
  e.plugin = fhost_plugin_instance(r->plugin);
  e.api = fhost_plugin_extension(r->plugin, FLUX_EXT_EVOLVER);
  texts.dialect = fisa_builtin_text("unified.fluxisa", &texts.dialect_size);
  texts.bindings =
      fisa_builtin_text("unified.bindings", &texts.bindings_size);
  if (fhost_agent_attach(r->agent, &e, &texts, &err) != 0) fail(&err);
}

static void make(struct rig *r, const char *mode) {
  struct fisa_error err = {""};
  struct fhost_agent_options o = {.name = "mixed",
                                  .vm = &fhost_vm_reference,
                                  .fresh_start = true,
                                  .confidence_cell = -1,
                                  .trust = 1,
                                  .max_task_fuel = 1000000};
  memset(r, 0, sizeof *r);
  if (fisa_dialect_builtin("unified", true, &r->dialect, &err) != 0 ||
      fisa_assemble(r->dialect, mixed, sizeof mixed - 1, "mixed",
                    &r->program, &err) != 0)
    fail(&err);
  o.program = r->program;
  r->runtime = fhost_runtime_new();
  if (r->runtime == NULL) fail(&err);
  r->agent = fhost_agent_add(r->runtime, &o, &err);
  if (r->agent == NULL) fail(&err);
  if (strcmp(mode, "none") != 0) load_plugin(r, strcmp(mode, "on") == 0);
}

static void done(struct rig *r) {
  fhost_runtime_free(r->runtime);
  fhost_plugin_close(r->plugin, false);
  fhost_services_free(r->services);
  fisa_program_free(r->program);
  fisa_dialect_free(r->dialect);
}

int main(int argc, char **argv) {
  struct rig r;
  unsigned long tasks;
  double begin;
  if (argc != 3) {
    fputs("usage: bench_hook none|off|on TASKS\n", stderr);
    return 2;
  }
  tasks = strtoul(argv[2], NULL, 10);
  make(&r, argv[1]);
  begin = now_s();
  for (unsigned long i = 0; i < tasks; i++) (void)fhost_agent_task(r.agent);
  printf("%.9f\n", now_s() - begin);
  done(&r);
  return 0;
}
