/*
 * cli/cmd_bench.c - bench trial: how fast an engine runs trials.
 *
 * A few programs of the unified dialect, each on as many episodes as engines
 * that are wide take at once. The reference VM is run here, all others are the
 * plugin's. Figures are for this machine, as it is at the moment.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostsdk/cli/cli.h"

enum { EPISODES = 512 };

#define SECONDS 0.5  /* for a program, unless told */

/* Straight code, a loop of another length in each episode, and memory. */
static const struct {
  const char *name, *text;
} programs[] = {
  {"straight",
   ".dialect unified\n.in R1\n.in R2\n.out R3\n"
   "  ADD R3, R1, R2\n  XOR R4, R3, R1\n  SUB R5, R4, R2\n"
   "  AND R6, R5, R3\n  OR R7, R6, R4\n  ADDI R7, 7\n  SHLI R5, 3\n"
   "  MUL R8, R5, R7\n  SUB R3, R8, R6\n  MIN R4, R3, R8\n"
   "  MAX R6, R4, R1\n  ADD R9, R6, R3\n  XOR R9, R9, R2\n"
   "  CMP_LT R10, R9, R1\n  ADD R3, R9, R10\n  HALT\n"},
  {"branchy",
   ".dialect unified\n.in R1 1..1000\n.in R2 1..1000\n.out R1\n"
   "loop: CMP_EQ R3, R1, R2\n  JNE R3, done\n  CMP_LT R3, R1, R2\n"
   "  JNE R3, less\n  SUB R1, R1, R2\n  JMP loop\n"
   "less: SUB R2, R2, R1\n  JMP loop\ndone: HALT\n"},
  {"memory",
   ".dialect unified\n.in R1 1..100\n.in R2\n.out R3\n"
   ".scratch mem 0x400 512\n"
   "  MOV R4, R1\n  MOVI R6, 4\n  MOVI R5, 0\n"
   "fill: STOREI R2, R5, 0x400\n  ADD R5, R5, R6\n  ADD R2, R2, R4\n"
   "  DEC R4\n  JNE R4, fill\n  MOVI R3, 0\n"
   "sum: SUB R5, R5, R6\n  LOADI R7, R5, 0x400\n  ADD R3, R3, R7\n"
   "  DEC R1\n  JNE R1, sum\n  HALT\n"},
};

struct figures {
  double instructions, trials; /* a second */
  double per_launch;           /* variants, on a device; else 0 */
};

/* ---- episodes ----------------------------------------------------------- */

/* Begin i, within what all of the programs declare. */
static json_t *episode(uint32_t i) {
  uint32_t a = 1 + i * 2654435761u % 100, b = 1 + i * 40503u % 1000;

  return json_pack("{s:[i,i,i]}", "regs", 0, (int)a, (int)b);
}

static json_t *episodes(void) {
  json_t *list = json_array();

  for (uint32_t i = 0; list && i < EPISODES; i++)
    if (json_array_append_new(list, episode(i)) != 0) {
      json_decref(list);
      list = NULL;
    }
  return list;
}

/* ---- the reference VM --------------------------------------------------- */

static double now_s(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int32_t no_input(uint16_t source, const int32_t *arg, unsigned argc,
                        void *user) {
  (void)source, (void)arg, (void)argc, (void)user;
  return 0;
}

static void no_output(uint16_t channel, const int32_t *arg, unsigned argc,
                      void *user) {
  (void)channel, (void)arg, (void)argc, (void)user;
}

/* The begins as states; false: no memory. */
static bool make_begins(const struct fisa_program *p,
                        struct fisa_state *begin[EPISODES]) {
  struct fisa_trace in = {0};
  bool ok = true;

  for (uint32_t i = 0; ok && i < EPISODES; i++) {
    json_t *j = episode(i);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

    begin[i] = fisa_state_new(p->dialect);
    ok = text && begin[i];
    if (ok) {
      fisa_state_start(p, begin[i]);
      ok = fisa_state_from_json(p->dialect, text, strlen(text), begin[i], &in,
                                NULL) == 0;
    }
    free(text);
    json_decref(j);
  }
  fisa_trace_done(&in);
  return ok;
}

/* All episodes, again and again. A cycle is an instruction here: no row of
 * the programs takes more. */
static void measure_vm(const struct fhost_vm *vm, void *code,
                       struct fisa_state *const *begin, struct fisa_state *s,
                       double seconds, struct figures *out) {
  const struct fhost_vm_io io = {no_input, no_output, NULL, NULL};
  double start = now_s(), cycles = 0, trials = 0, took;

  do {
    for (uint32_t i = 0; i < EPISODES; i++) {
      fisa_state_copy(s, begin[i]);
      vm->run(code, s, &io, UINT32_MAX, NULL);
      cycles += (double)s->cycles;
    }
    trials += EPISODES;
    took = now_s() - start;
  } while (took < seconds);
  out->instructions = cycles / took;
  out->trials = trials / took;
}

static int on_vm(const struct fisa_program *p, double seconds,
                 struct figures *out, struct fisa_error *err) {
  struct fhost_machines *machines = cli_machines();
  struct fisa_state *begin[EPISODES] = {NULL}, *s;
  const struct fhost_vm *vm = NULL;
  void *code = NULL;
  int rc = fisa_fail(err, "out of memory");

  s = fisa_state_new(p->dialect);
  if (machines && s && make_begins(p, begin))
    vm = fhost_machines_vm(machines, p->dialect->name, err);
  if (vm)
    code = vm->load(vm, p, FHOST_LOAD_THROUGH, err);
  if (code) {
    measure_vm(vm, code, begin, s, seconds, out);
    vm->unload(code);
    rc = 0;
  }
  for (uint32_t i = 0; i < EPISODES; i++)
    fisa_state_free(begin[i]);
  fisa_state_free(s);
  fhost_machines_free(machines);
  return rc;
}

/* ---- the plugin --------------------------------------------------------- */

static int32_t take_figures(const char *text, size_t size, void *user) {
  json_t *o = json_loadb(text, size, 0, NULL);
  struct figures *f = user;

  assert(f);
  f->instructions = json_number_value(json_object_get(o, "instructions"));
  f->trials = json_number_value(json_object_get(o, "trials"));
  f->per_launch = json_number_value(json_object_get(o, "per_launch"));
  json_decref(o);
  return 0;
}

static int on_plugin(struct cli_plugin *plugin, const struct cli_options *o,
                     const struct fisa_program *p, double seconds,
                     struct figures *out, struct fisa_error *err) {
  json_t *request =
      json_pack("{s:s, s:s, s:o, s:o, s:f}", "cmd", "bench", "engine",
                o->engine ? o->engine : "lanes", "program",
                cli_program_json(p), "episodes", episodes(), "seconds",
                seconds);
  int rc = cli_plugin_request(plugin, request, take_figures, out, err);

  json_decref(request);
  if (rc == 0 && !(out->trials > 0))
    rc = fisa_fail(err, "the plugin gave no figures");
  return rc;
}

/* ---- the command -------------------------------------------------------- */

static int measure(const struct cli_options *o, struct cli_plugin *plugin,
                   const char *text, struct figures *out,
                   struct fisa_error *err) {
  double seconds = o->has_time_limit ? o->time_limit : SECONDS;
  struct fisa_dialect *d = NULL;
  struct fisa_program *p = NULL;
  int rc = -1;

  if (fisa_dialect_builtin("unified", true, &d, err) == 0 &&
      fisa_assemble(d, text, strlen(text), "bench", &p, err) == 0)
    rc = plugin ? on_plugin(plugin, o, p, seconds, out, err)
                : on_vm(p, seconds, out, err);
  fisa_program_free(p);
  fisa_dialect_free(d);
  return rc;
}

static int add_figures(json_t *list, const char *name,
                       const struct figures *f) {
  json_t *o = json_pack("{s:s, s:f, s:f}", "name", name,
                        "instructions_per_second", f->instructions,
                        "trials_per_second", f->trials);

  if (o && f->per_launch > 0 &&
      json_object_set_new(o, "variants_per_launch",
                          json_real(f->per_launch)) != 0) {
    json_decref(o);
    o = NULL;
  }
  return json_array_append_new(list, o);
}

static void print_figures(const char *name, const struct figures *f) {
  printf("%-10s %8.2f M instructions/s %8.2f M trials/s", name,
         f->instructions / 1e6, f->trials / 1e6);
  if (f->per_launch > 0)
    printf(" %8.0f variants/launch", f->per_launch);
  putchar('\n');
}

static int measure_all(const struct cli_options *o, struct cli_plugin *plugin,
                       json_t *list, struct fisa_error *err) {
  for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
    struct figures f = {0};

    if (measure(o, plugin, programs[i].text, &f, err) != 0)
      return -1;
    if (add_figures(list, programs[i].name, &f) != 0)
      return fisa_fail(err, "out of memory");
    if (!o->json)
      print_figures(programs[i].name, &f);
  }
  return 0;
}

static int print_json(const char *engine, const json_t *list) {
  json_t *all = json_pack("{s:s, s:i, s:O}", "engine", engine, "episodes",
                          EPISODES, "figures", list);
  char *text = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6))
                   : NULL;

  json_decref(all);
  if (!text)
    return cli_fail("out of memory");
  puts(text);
  free(text);
  return CLI_OK;
}

int cli_bench(const struct cli_options *o) {
  const char *engine = o->engine ? o->engine : "lanes";
  struct cli_plugin *plugin = NULL;
  json_t *list = json_array();
  struct fisa_error err = {"out of memory"};
  int rc = CLI_OK;

  assert(o->words == 1);
  if (strcmp(o->word[0], "trial") != 0) {
    cli_fail("bench: there is no \"%.40s\"; there is: trial", o->word[0]);
    rc = CLI_USAGE;
  } else if (!list ||
             (strcmp(engine, "ref") != 0 &&
              cli_plugin_open(o, &plugin, &err) != 0) ||
             measure_all(o, plugin, list, &err) != 0) {
    rc = cli_fail("%s", err.text);
  } else if (o->json) {
    rc = print_json(engine, list);
  }
  cli_plugin_close(plugin);
  json_decref(list);
  return rc;
}
