/*
 * test_calibrated.c - agents on hosts whose VM is not quite what the table
 * says: what is evolved, what is left alone, what is remembered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <jansson.h>
#include <sqlite3.h>

#include <flux/control.h>

#include "hostsdk/services.h"
#include "plugin/instance.h"
#include "tests/badvm.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

const flux_plugin_descriptor *flux_plugin_entry(void);

enum { LINES = 64, OUTPUTS = 60000 };

/* ---- a world ------------------------------------------------------------ */

struct agent {
  struct fhost_agent *agent;
  struct fisa_program *program;
  uint32_t output_count;
  int32_t output[OUTPUTS];
  bool attached;
  char why[300];
};

static void world_begin(uint64_t task, struct fisa_state *s, void *user) {
  (void)user;
  s->cells[1] = (int32_t)(task * 7 % 23) + 1;
}

static int32_t world_input(uint64_t task, uint16_t source, const int32_t *arg,
                           unsigned argc, void *user) {
  (void)source, (void)arg, (void)argc, (void)user;
  return (int32_t)(task % 50);
}

static void world_output(uint64_t task, uint16_t channel, const int32_t *arg,
                         unsigned argc, void *user) {
  struct agent *a = user;
  (void)channel;
  for (unsigned i = 0; i < argc && a->output_count + 1 < OUTPUTS; i++)
    a->output[a->output_count++] = arg[i];
  if (a->output_count < OUTPUTS) a->output[a->output_count++] = (int32_t)task;
}

/* ---- a host ------------------------------------------------------------- */

struct host {
  struct fhost_vm vm;
  struct fhost_services *services;
  struct fhost_runtime *runtime;
  flux_plugin *plugin;
  const flux_evolver *evolver;
  const flux_control *control;
  flux_setting settings[16];
  uint32_t setting_count;
  uint32_t agent_count;
  struct agent *agents[8];
  pthread_mutex_t lock;
  unsigned line_count;
  char lines[LINES][400];
};

static void on_line(uint32_t level, const char *text, void *user) {
  struct host *h = user;
  (void)level;
  pthread_mutex_lock(&h->lock);
  snprintf(h->lines[h->line_count++ % LINES], sizeof h->lines[0], "%s", text);
  pthread_mutex_unlock(&h->lock);
}

static unsigned said(struct host *h, const char *text) {
  unsigned n = 0;
  pthread_mutex_lock(&h->lock);
  for (unsigned i = 0; i < LINES; i++)
    n += strstr(h->lines[i], text) != NULL;
  pthread_mutex_unlock(&h->lock);
  return n;
}

static void set(struct host *h, const char *name, int64_t v) {
  h->settings[h->setting_count++] =
      (flux_setting){.struct_size = sizeof h->settings[0],
                     .type = FLUX_SETTING_INT, .name = name, .i = v,
                     .f = (double)v, .file = "t"};
}

static void set_text(struct host *h, const char *name, const char *v) {
  h->settings[h->setting_count++] =
      (flux_setting){.struct_size = sizeof h->settings[0],
                     .type = FLUX_SETTING_STRING, .name = name, .s = v,
                     .file = "t"};
}

/* A host whose VM has these bugs, with the plugin; `journal` may be NULL. */
static struct host *host_open(uint64_t bugs, const char *build,
                              const char *journal) {
  struct host *h = calloc(1, sizeof *h);
  struct fhost_services_options o = {.name = "t", .version = "0",
                                     .log = on_line, .log_user = h};
  char message[256] = "";
  const flux_host *host;
  pthread_mutex_init(&h->lock, NULL);
  badvm_bugs = bugs;
  h->vm = badvm(build, true);
  h->runtime = fhost_runtime_new();
  set(h, "policy.seed", 1);
  set(h, "policy.record_period", 1);
  set(h, "policy.cpu_share", 1);
  set(h, "policy.episodes", 8);
  set(h, "policy.budget", 2000);
  /* They have tests of their own, and take their time where all is slow. */
  if (unit_scale(2) < 2) {
    set(h, "policy.weights.FindSequence", 0);
    set(h, "policy.weights.FoldLoop", 0);
  }
  set(h, "policy.fuzz_states", 1000);
  set(h, "policy.probation_tasks", 8);
  if (journal != NULL) set_text(h, "journal", journal);
  o.vm = &h->vm;
  o.settings = h->settings;
  o.setting_count = h->setting_count;
  o.live = fhost_runtime_live(h->runtime);
  o.live_ctx = h->runtime;
  h->services = fhost_services_new(&o);
  host = fhost_services_host(h->services);
  UNIT_TRUE(flux_plugin_entry()->create(host, &h->plugin, message,
                                        sizeof message) == FLUX_OK, "%s",
            message);
  h->evolver = flux_plugin_entry()->extension(h->plugin, FLUX_EXT_EVOLVER);
  h->control = flux_plugin_entry()->extension(h->plugin, FLUX_EXT_CONTROL);
  return h;
}

static struct agent *add(struct host *h, const char *text, bool attach) {
  struct agent *a = calloc(1, sizeof *a);
  const struct fhost_evolver e = {h->plugin, h->evolver};
  struct fhost_texts texts;
  struct fisa_error err = {""};
  char name[16];
  struct fhost_agent_options o = {
      .name = name,
      .vm = &h->vm,
      .world = {world_begin, world_input, world_output, NULL, NULL, a},
      .fresh_start = true,
      .confidence_cell = -1,
      .trust = 0.9,
      .max_task_fuel = 10000};
  snprintf(name, sizeof name, "agent%u", h->agent_count);
  h->agents[h->agent_count++] = a;
  a->program = isa_program(isa_unified(), text);
  o.program = a->program;
  a->agent = fhost_agent_add(h->runtime, &o, &err);
  UNIT_TRUE(a->agent != NULL, "%s", err.text);
  if (!attach) return a;
  texts.dialect = fisa_builtin_text("unified.fluxisa", &texts.dialect_size);
  texts.bindings = fisa_builtin_text("unified.bindings",
                                     &texts.bindings_size);
  a->attached = fhost_agent_attach(a->agent, &e, &texts, &err) == 0;
  snprintf(a->why, sizeof a->why, "%s", a->attached ? "" : err.text);
  return a;
}

static void host_close(struct host *h) {
  fhost_runtime_free(h->runtime);
  flux_plugin_entry()->destroy(h->plugin);
  fhost_services_free(h->services);
  for (uint32_t i = 0; i < h->agent_count; i++) {
    fisa_program_free(h->agents[i]->program);
    free(h->agents[i]);
  }
  pthread_mutex_destroy(&h->lock);
  free(h);
  badvm_bugs = 0;
}

static void nap(void) {
  const struct timespec t = {0, 3000000};
  nanosleep(&t, NULL);
}

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct fhost_agent_stats stats_of(const struct agent *a) {
  struct fhost_agent_stats s;
  fhost_agent_stats(a->agent, &s);
  return s;
}

/* Runs tasks until a patch is accepted and some more have run, or the time is
 * over. How many it were. */
static uint64_t run_to_accepted(struct agent *a) {
  uint64_t end = now_ms() + 60000, more = 50;
  while (now_ms() < end && more > 0 && stats_of(a).tasks < 4000) {
    switch (fhost_agent_task(a->agent)) {
      case FHOST_HELD:
        nap();
        break;
      case FHOST_STOPPED:
        UNIT_TRUE(false, "the agent stopped");
        return stats_of(a).tasks;
      default:
        if (stats_of(a).accepted > 0) more--;
        else nap();
        break;
    }
  }
  return stats_of(a).tasks;
}

static void run_tasks(struct agent *a, uint64_t tasks) {
  while (stats_of(a).tasks < tasks)
    if (fhost_agent_task(a->agent) == FHOST_STOPPED) {
      UNIT_TRUE(false, "the agent stopped");
      return;
    }
}

/* Outputs are those of an agent that nobody evolves, on the same VM. */
static void as_control(struct host *h, const struct agent *a,
                       const char *text) {
  struct agent *control = add(h, text, false);
  run_tasks(control, stats_of(a).tasks);
  UNIT_EQ(a->output_count, control->output_count);
  UNIT_TRUE(a->output_count > 0, "something was told");
  UNIT_MEM_EQ(a->output, control->output,
              control->output_count * sizeof control->output[0]);
}

/* ---- programs ----------------------------------------------------------- */

/* Rows that all VMs here share, with something to gain. */
static const char sum[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n MOVI16 R3, 0\n"
    "again: ISTINCT_SUM R3, R1\n NOP\n DEC R1\n JNE R1, again\n"
    " TELL R3, R1, R0\n HALT\n";

/* What search would make of this with a table it may believe in: constants
 * by MOVI, moves, additions. Here none of these rows is what it says. */
static const char constants[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n MOVI16 R4, 3\n"
    " MOVI16 R5, 4\n ISTINCT_SUM R5, R4\n MOVI16 R3, 0\n"
    "again: MOVI16 R6, 2\n ISTINCT_SUM R6, R5\n ISTINCT_SUM R3, R6\n"
    " DEC R1\n JNE R1, again\n TELL R3, R5, R6\n HALT\n";

static const char with_add[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n MOVI16 R3, 0\n"
    "again: ADD R3, R3, R1\n NOP\n DEC R1\n JNE R1, again\n"
    " TELL R3, R1, R0\n HALT\n";

static const char with_jump[] =
    ".dialect unified\n.in R1 1..40\n.out R3\n MOVI16 R3, 0\n"
    "again: ISTINCT_SUM R3, R1\n DEC R1\n JEQ R1, over\n JMP again\n"
    "over: TELL R3, R1, R0\n HALT\n";

/* ---- evolving ----------------------------------------------------------- */

/* Whether the live version of the only attached agent has rows of a bug. */
static void check_rows(struct host *h, uint64_t bugs) {
  const struct fse_instance *in = (const struct fse_instance *)h->plugin;
  const struct fisa_program *p = fse_live_program(in->agents);
  struct fisa_facts *f = NULL;
  UNIT_EQ(fisa_facts_make(p, &f, NULL), 0);
  for (uint32_t i = 0; i < f->count; i++)
    for (unsigned b = 0; b < BADVM_ALL; b++)
      if (bugs >> b & 1)
        UNIT_TRUE(strcmp(f->insn[i].row->name,
                         badvm_row((enum badvm_bug)b)) != 0,
                  "%s is used", f->insn[i].row->name);
  fisa_facts_free(f);
}

static void evolves(const char *text, uint64_t bugs) {
  struct host *h = host_open(bugs, "vm", NULL);
  struct agent *a = add(h, text, true);
  if (UNIT_TRUE(a->attached, "%s", a->why)) {
    run_to_accepted(a);
    UNIT_TRUE(stats_of(a).accepted > 0, "something is accepted");
    UNIT_EQ(stats_of(a).wrong, 0);
    UNIT_EQ(stats_of(a).recovered, 0);
    check_rows(h, bugs);
    as_control(h, a, text);
  }
  host_close(h);
}

static void evolves_on_a_clean_vm(void) { evolves(sum, 0); }

static void evolves_beside_bugs(void) {
  evolves(sum, BADVM_ONLY_SEMANTIC);
  evolves(constants, BADVM_ONLY_SEMANTIC);
}

/* Bugs of flow in other rows than the program's matter no more. */
static void evolves_beside_all(void) { evolves(constants, BADVM_TWELVE); }

static void left_alone(const char *text, uint64_t bugs, const char *why,
                       const char *row) {
  struct host *h = host_open(bugs, "vm", NULL);
  struct agent *a = add(h, text, true);
  UNIT_TRUE(!a->attached && strstr(a->why, why) != NULL &&
                strstr(a->why, row) != NULL,
            "\"%s\" and \"%s\" in \"%s\"", why, row, a->why);
  /* It runs all the same. */
  run_tasks(a, 200);
  UNIT_EQ(stats_of(a).results, 200);
  UNIT_EQ(stats_of(a).installed, 0);
  host_close(h);
}

static void leaves_the_foreign_alone(void) {
  static const char with_not[] =
      ".dialect unified\n.in R1 1..40\n.out R3\n NOT R1\n .byte 1\n"
      " TELL R1, R1, R0\n HALT\n";
  static const char with_mul[] =
      ".dialect unified\n.in R1 1..40\n.out R3\n NOP\n MUL R3, R1, R1\n"
      " TELL R3, R1, R0\n HALT\n";
  left_alone(with_add, BADVM_BIT(BADVM_FLAG),
             "it uses a row without offline meaning here: ADD (0x20): N is 1",
             "agent0");
  left_alone(with_mul, BADVM_BIT(BADVM_CYCLES),
             "the host's VM is not as the table says: MUL (0x22): it costs 1",
             "agent0");
  left_alone(with_not, BADVM_BIT(BADVM_LENGTH),
             "the host's VM is not as the table says: NOT (0x0A): it goes to",
             "on the host");
  left_alone(with_jump, BADVM_BIT(BADVM_BASE),
             "the host's VM is not as the table says: JMP (0x43): it goes to",
             "agent0");
}

/* A row that nothing reaches is in no one's way. */
static void unreached_rows(void) {
  static const char text[] =
      ".dialect unified\n.in R1 1..40\n.out R3\n MOVI16 R3, 0\n"
      "again: ISTINCT_SUM R3, R1\n NOP\n DEC R1\n JNE R1, again\n"
      " TELL R3, R1, R0\n HALT\n MUL R3, R1, R1\n HALT\n";
  struct host *h = host_open(BADVM_BIT(BADVM_CYCLES), "vm", NULL);
  struct agent *a = add(h, text, true);
  UNIT_TRUE(a->attached, "%s", a->why);
  host_close(h);
}

/* The VM dies of a row: the process of the host does not. */
static void survives(void) {
  struct host *h = host_open(BADVM_BIT(BADVM_ABORT) | BADVM_BIT(BADVM_SPIN),
                             "vm", NULL);
  struct agent *a = add(h, sum, true);
  struct agent *b = add(h, ".dialect unified\n.in R1\n.out R3\n NOP\n"
                           " XOR R3, R1, R0\n TELL R3, R1, R0\n HALT\n", true);
  UNIT_TRUE(a->attached, "%s", a->why);
  UNIT_TRUE(!b->attached && strstr(b->why, "XOR (0x27): it kills the VM"),
            "%s", b->why);
  UNIT_EQ(said(h, "programs with this row are not evolved on this host: "), 2);
  UNIT_EQ(said(h, "178 rows stepped on the host's VM, 0 opaque, 2 unfit"), 1);
  run_to_accepted(a);
  UNIT_TRUE(stats_of(a).accepted > 0, "something is accepted");
  as_control(h, a, sum);
  host_close(h);
}

/* ---- requests ----------------------------------------------------------- */

static struct {
  unsigned count, stop_at;
  json_t *line[300];
} reply;

static int32_t on_reply(const char *text, size_t size, void *user) {
  (void)user;
  reply.line[reply.count++] = json_loadb(text, size, 0, NULL);
  return reply.count == reply.stop_at;
}

static flux_status ask(struct host *h, const char *request,
                       char message[200]) {
  message[0] = '\0';
  while (reply.count > 0) json_decref(reply.line[--reply.count]);
  return h->control->request(h->plugin, request, strlen(request), on_reply,
                             message, 200, NULL);
}

static const char *text_at(unsigned i, const char *key) {
  const char *s = json_string_value(json_object_get(reply.line[i], key));
  return s != NULL ? s : "";
}

static int number_at(unsigned i, const char *key) {
  return (int)json_integer_value(json_object_get(reply.line[i], key));
}

static void requests(void) {
  struct host *h = host_open(BADVM_BIT(BADVM_SWAPPED) |
                             BADVM_BIT(BADVM_LENGTH), "vm", NULL);
  char message[200];
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\"}", message), FLUX_E_NOT_FOUND);
  UNIT_STR_EQ(message, "no agent has brought a dialect yet");
  (void)add(h, sum, true);
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\"}", message), FLUX_OK);
  UNIT_EQ(reply.count, 3);
  UNIT_STR_EQ(text_at(0, "row"), "NOT");
  UNIT_STR_EQ(text_at(0, "verdict"), "unfit");
  UNIT_STR_EQ(text_at(1, "row"), "SUB");
  UNIT_STR_EQ(text_at(1, "verdict"), "opaque");
  UNIT_STR_EQ(text_at(1, "dialect"), "unified");
  UNIT_TRUE(strstr(text_at(1, "what"), "SUB (0x21): R[3] is ") != NULL, "%s",
            text_at(1, "what"));
  UNIT_EQ(number_at(2, "stepped"), 178);
  UNIT_EQ(number_at(2, "opaque"), 1);
  UNIT_EQ(number_at(2, "unfit"), 1);
  UNIT_EQ(number_at(2, "never"), 8);
  UNIT_TRUE(json_is_true(json_object_get(reply.line[2], "forked")), "forked");
  UNIT_TRUE(json_real_value(json_object_get(reply.line[2], "ms")) > 0, "ms");
  reply.stop_at = 1;
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\",\"again\":false}", message), FLUX_OK);
  reply.stop_at = 0;
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\",\"again\":1}", message),
          FLUX_E_INVALID);
  UNIT_STR_EQ(message, "\"again\" must be true or false");
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\",\"agian\":true}", message),
          FLUX_E_INVALID);
  host_close(h);
  while (reply.count > 0) json_decref(reply.line[--reply.count]);
}

/* The VM changed under the same build id: who asks again is told. */
static void asked_again(void) {
  struct host *h = host_open(0, "vm", NULL);
  char message[200];
  (void)add(h, sum, true);
  badvm_bugs = BADVM_BIT(BADVM_SWAPPED);
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\"}", message), FLUX_OK);
  UNIT_EQ(reply.count, 1);
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\",\"again\":true}", message), FLUX_OK);
  UNIT_EQ(reply.count, 2);
  UNIT_STR_EQ(text_at(0, "row"), "SUB");
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\"}", message), FLUX_OK);
  UNIT_EQ(reply.count, 2);
  host_close(h);
  while (reply.count > 0) json_decref(reply.line[--reply.count]);
}

/* ---- what is remembered ------------------------------------------------- */

static const char *journal_path(void) {
  static char path[512];
  static unsigned n;
  snprintf(path, sizeof path, "%s/known%u.db", unit_tmpdir(), n++);
  return path;
}

static int64_t count_rows(const char *path, const char *table) {
  sqlite3 *db = NULL;
  sqlite3_stmt *s = NULL;
  char sql[80];
  int64_t n = -1;
  snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
  UNIT_EQ(sqlite3_open(path, &db), SQLITE_OK);
  UNIT_EQ(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
  if (sqlite3_step(s) == SQLITE_ROW) n = sqlite3_column_int64(s, 0);
  sqlite3_finalize(s);
  sqlite3_close(db);
  return n;
}

static void damage(const char *path, const char *sql) {
  sqlite3 *db = NULL;
  UNIT_EQ(sqlite3_open(path, &db), SQLITE_OK);
  UNIT_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

/* How many times the rows were stepped when these agents came. */
static unsigned stepped(uint64_t bugs, const char *build, const char *journal,
                        unsigned agents, unsigned opaque) {
  struct host *h = host_open(bugs, build, journal);
  char sum_line[80];
  unsigned all, recalled;
  for (unsigned i = 0; i < agents; i++) {
    struct agent *a = add(h, sum, true);
    UNIT_TRUE(a->attached, "%s", a->why);
  }
  snprintf(sum_line, sizeof sum_line, "VM, %u opaque, 0 unfit", opaque);
  all = said(h, sum_line);
  recalled = said(h, "as the journal knows");
  UNIT_EQ(all, 1);
  host_close(h);
  return all - recalled;
}

static void remembered(void) {
  const char *path = journal_path();
  /* Once an instance, however many agents. */
  UNIT_EQ(stepped(0, "vm 1", NULL, 3, 0), 1);
  UNIT_EQ(stepped(0, "vm 1", path, 2, 0), 1);
  UNIT_EQ(count_rows(path, "calibrations"), 1);
  UNIT_EQ(stepped(0, "vm 1", path, 2, 0), 0);
  /* The build says what the VM is: this one lies, and is believed. */
  UNIT_EQ(stepped(BADVM_BIT(BADVM_SHIFT), "vm 1", path, 1, 0), 0);
  UNIT_EQ(stepped(BADVM_BIT(BADVM_SHIFT), "vm 2", path, 1, 1), 1);
  UNIT_EQ(count_rows(path, "calibrations"), 2);
  UNIT_EQ(stepped(0, "vm 2", path, 1, 1), 0);
  /* Damage is looked at anew, and mended. */
  damage(path, "UPDATE calibrations SET verdict = x'0102'");
  UNIT_EQ(stepped(0, "vm 1", path, 1, 0), 1);
  UNIT_EQ(stepped(0, "vm 1", path, 1, 0), 0);
  damage(path, "UPDATE calibrations SET verdict = 'text'");
  UNIT_EQ(stepped(0, "vm 1", path, 1, 0), 1);
  damage(path, "DELETE FROM calibrations");
  UNIT_EQ(stepped(0, "vm 1", path, 1, 0), 1);
}

/* An accepted version under one verdict, then a restart under another. */
static void versions_and_verdicts(void) {
  const char *path = journal_path();
  struct host *h = host_open(0, "vm 1", path);
  struct agent *a = add(h, sum, true);
  uint64_t version;
  run_to_accepted(a);
  version = stats_of(a).version;
  UNIT_TRUE(version > 0, "accepted");
  host_close(h);
  /* The same verdict of another build: it is tried again, and runs on. */
  h = host_open(0, "vm 2", path);
  a = add(h, sum, true);
  run_tasks(a, 5);
  UNIT_TRUE(stats_of(a).version > 0, "version %llu",
            (unsigned long long)stats_of(a).version);
  as_control(h, a, sum);
  host_close(h);
  /* Another verdict, whatever the row: it is not used. */
  h = host_open(BADVM_BIT(BADVM_SHIFT), "vm 3", path);
  a = add(h, sum, true);
  UNIT_TRUE(a->attached, "%s", a->why);
  UNIT_EQ(fhost_agent_task(a->agent), FHOST_RAN);
  UNIT_EQ(stats_of(a).version, 0);
  host_close(h);
  /* And again under the first. */
  h = host_open(0, "vm 1", path);
  a = add(h, sum, true);
  run_tasks(a, 1);
  UNIT_EQ(stats_of(a).version, version);
  host_close(h);
}

/* ---- hosts without steps ------------------------------------------------ */

static const void *no_steps(const char *id, void *ctx) {
  const struct fhost_services *s = ctx;
  const flux_host *h = fhost_services_host(s);
  return strcmp(id, FLUX_EXT_STEP) == 0 ? NULL : h->extension(id, ctx);
}

static void without_steps(void) {
  struct host *h = host_open(0, "vm", NULL);
  const flux_host *full = fhost_services_host(h->services);
  flux_host less = *full;
  struct agent *a;
  char message[256] = "";
  flux_plugin_entry()->destroy(h->plugin);
  less.extension = no_steps;
  UNIT_EQ(flux_plugin_entry()->create(&less, &h->plugin, message,
                                      sizeof message), FLUX_OK);
  h->evolver = flux_plugin_entry()->extension(h->plugin, FLUX_EXT_EVOLVER);
  a = add(h, sum, true);
  (void)add(h, sum, true);
  UNIT_TRUE(a->attached, "%s", a->why);
  UNIT_EQ(said(h, "dialect unified is taken as its table says: the host "
                  "offers no flux.step/1"), 1);
  UNIT_EQ(ask(h, "{\"cmd\":\"calibrate\"}", message), FLUX_OK);
  UNIT_EQ(reply.count, 1);
  UNIT_STR_EQ(text_at(0, "unproven"), "the host offers no flux.step/1");
  run_to_accepted(a);
  UNIT_TRUE(stats_of(a).accepted > 0, "it is evolved as ever");
  host_close(h);
  while (reply.count > 0) json_decref(reply.line[--reply.count]);
}

static const struct unit_test tests[] = {
    {"evolves", "clean", evolves_on_a_clean_vm},
    {"evolves", "semantic", evolves_beside_bugs},
    {"evolves", "all", evolves_beside_all},
    {"evolves", "survives", survives},
    {"alone", "rows", leaves_the_foreign_alone},
    {"alone", "unreached", unreached_rows},
    {"request", "lines", requests},
    {"request", "again", asked_again},
    {"known", "remembered", remembered},
    {"known", "versions", versions_and_verdicts},
    {"known", "no steps", without_steps},
};

UNIT_MAIN(tests)
