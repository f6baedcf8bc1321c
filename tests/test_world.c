/*
 * test_world.c - a host from a config: worlds made of native calls, outputs
 * kept, written and compared, plugins loaded and agents attached.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostsdk/host_impl.h"
#include "tests/unit.h"

/* libconfig 1.5 loses a buffer when a text ends inside a string. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default")))
const char *__lsan_default_suppressions(void) {
  return "leak:libconfig";
}

/* ---- folders, files, hosts ---------------------------------------------- */

/* The folder of the modules, which only we may write to. */
static const char *modules(void) {
  static const char *const files[] = {
      "tests/.libs", "tests/.libs/libprobe.so", "tests/.libs/libfake_good.so",
      "tests/.libs/libevolver.so"};
  for (unsigned i = 0; i < sizeof files / sizeof files[0]; i++)
    chmod(unit_built(files[i]), 0755);
  return unit_built("tests/.libs");
}

/* A file in the test's folder. */
static const char *put(const char *name, const char *text) {
  static char path[512];
  FILE *f;
  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  f = fopen(path, "w");
  if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) exit(99);
  return path;
}

static const char *get(const char *name) {
  static char text[8192];
  char path[512];
  FILE *f;
  size_t n = 0;
  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  f = fopen(path, "r");
  if (f != NULL) {
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
  }
  text[n] = '\0';
  return text;
}

static char log_text[4096];

static void log_line(uint32_t level, const char *text, void *user) {
  size_t n = strlen(log_text);
  UNIT_TRUE(user == log_text, "the user pointer");
  snprintf(log_text + n, sizeof log_text - n, "%u %s\n", (unsigned)level,
           text);
}

/* A host and all that belongs to it. */
struct scene {
  struct fhost_config *config;
  struct fhost *host;
  struct fisa_error err;
};

static const char natives[] =
    "natives = {\n"
    "  add = \"%s/libprobe.so:probe_add(i32,i32)->i32\";\n"
    "  long_add = \"%s/libprobe.so:probe_add64(i64,i64)->i64\";\n"
    "  half = \"%s/libprobe.so:probe_half(f32)->f32\";\n"
    "  eight = \"%s/libprobe.so:probe_eight(i32,i32,i32,i32,i32,i32,i32,i32)"
    "->i32\";\n"
    "  minus_one = \"%s/libprobe.so:probe_minus_one()->i32\";\n"
    "  set = \"%s/libprobe.so:probe_set(i32)->void\";\n"
    "  get = \"%s/libprobe.so:probe_get()->i32\";\n"
    "};\n";

/* The config that `text` makes with the natives before it. */
static bool parse(struct scene *s, const char *text) {
  static char all[16384];
  const char *m = modules();
  int n = snprintf(all, sizeof all, natives, m, m, m, m, m, m, m);
  memset(s, 0, sizeof *s);
  log_text[0] = '\0';
  snprintf(all + n, sizeof all - (size_t)n, "%s", text);
  return UNIT_TRUE(fhost_config_parse(all, "t.conf", unit_tmpdir(),
                                      &s->config, &s->err) == 0,
                   "%s", s->err.text);
}

static bool open_with(struct scene *s, const char *text,
                      struct fhost_open_options o) {
  o.log = log_line;
  o.log_user = log_text;
  return parse(s, text) &&
         fhost_open(s->config, &o, &s->host, &s->err) == 0;
}

static bool open_scene(struct scene *s, const char *text) {
  return UNIT_TRUE(
      open_with(s, text, (struct fhost_open_options){.keep_outputs = true}),
      "%s", s->err.text);
}

static void close_scene(struct scene *s) {
  fhost_close(s->host);
  fhost_config_free(s->config);
}

static void run(struct scene *s, uint64_t tasks) {
  UNIT_TRUE(fhost_run(s->host, tasks, NULL, &s->err) == 0, "%s", s->err.text);
}

/* Output k of agent i as a line; "" where there is none. */
static const char *line(const struct scene *s, uint32_t i, size_t k) {
  static char text[128];
  size_t n;
  const struct fhost_output *o = fhost_outputs(s->host, i, &n);
  text[0] = '\0';
  if (k < n)
    snprintf(text, sizeof text, "%llu:%u %d %d %d",
             (unsigned long long)o[k].task, o[k].argc, o[k].arg[0],
             o[k].arg[1], o[k].arg[2]);
  return text;
}

static size_t output_count(const struct scene *s, uint32_t i) {
  size_t n;
  (void)fhost_outputs(s->host, i, &n);
  return n;
}

/* ---- worlds ------------------------------------------------------------- */

static void inputs_are_laid(void) {
  struct scene s;
  put("in.flx", ".dialect unified\n.in R1\n.in R2\n.in mem 0x100 3\n"
                "LDI8 R3, 0x100\n LDI8 R4, 0x102\n"
                "TELL R1, R2, R3\n TELL R4, R0, R0\n HALT\n");
  if (!open_scene(&s,
          "agents = ( { name = \"a\"; program = \"in.flx\";\n"
          "  fresh_start = true;\n"
          "  inputs = ( { to = \"R1\"; call = \"add(task, 100)\"; },\n"
          "             { to = \"R2\"; call = \"minus_one()\"; },\n"
          "             { to = \"mem 0x100 3\";\n"
          "               call = \"eight(0,0,0,0,0,0,task,index)\"; } );\n"
          "} );\n"))
    return;
  run(&s, 3);
  UNIT_EQ(output_count(&s, 0), 9);  /* two and a result each */
  UNIT_STR_EQ(line(&s, 0, 0), "0:3 100 -1 0");
  UNIT_STR_EQ(line(&s, 0, 1), "0:3 2 0 0");
  UNIT_STR_EQ(line(&s, 0, 3), "1:3 101 -1 10");
  UNIT_STR_EQ(line(&s, 0, 4), "1:3 12 0 0");
  UNIT_STR_EQ(line(&s, 0, 6), "2:3 102 -1 20");
  close_scene(&s);
}

/* Inputs of an agent that goes on are laid once. */
static void inputs_of_the_first_task(void) {
  struct scene s;
  put("on.flx", ".dialect unified\n.in R1\n"
                "next: TELL R1, R0, R0\n INC R1\n YIELD 0\n JMP next\n");
  if (!open_scene(&s,
          "agents = ( { name = \"a\"; program = \"on.flx\";\n"
          "  inputs = ( { to = \"R1\"; call = \"add(task, 50)\"; } );\n"
          "} );\n"))
    return;
  run(&s, 3);
  UNIT_STR_EQ(line(&s, 0, 0), "0:3 50 0 0");
  UNIT_STR_EQ(line(&s, 0, 2), "2:3 52 0 0");
  UNIT_EQ(output_count(&s, 0), 3);  /* no results without a halt */
  close_scene(&s);
}

static void sources_and_channels(void) {
  struct scene s;
  put("io.flx", ".dialect unified\n"
                "SENSE R2\n TEMP R3\n VOLT R4\n MOVI R1, 7\n"
                "TELL R2, R3, R4\n SYS 1\n SYS 2\n HALT\n");
  if (!open_scene(&s,
          "agents = ( { name = \"a\"; program = \"io.flx\";\n"
          "  fresh_start = true;\n"
          "  sources = ( { name = \"sense\"; call = \"add(task, 5)\"; },\n"
          "              { name = \"TEMP\"; call = \"get()\"; } );\n"
          "  channels = ( { name = \"SYS\"; arg = 2;\n"
          "                 call = \"set(arg1)\"; } );\n"
          "} );\n"))
    return;
  run(&s, 2);
  /* VOLT is bound to nothing. TEMP is what SYS 2 set in the task before. */
  UNIT_STR_EQ(line(&s, 0, 0), "0:3 5 0 0");
  UNIT_STR_EQ(line(&s, 0, 1), "0:2 1 7 0");
  UNIT_STR_EQ(line(&s, 0, 2), "0:2 2 7 0");
  UNIT_STR_EQ(line(&s, 0, 4), "1:3 6 7 0");
  close_scene(&s);
}

/* Of several bindings of a name the first that fits is called. */
static void bindings_by_argument(void) {
  struct scene s;
  static const int32_t want[] = {1, 20, 300};
  for (int k = 0; k < 3; k++) {
    char text[128];
    snprintf(text, sizeof text,
             ".dialect unified\n MOVI R1, 0\n SYS %d\n TEMP R2\n"
             "TELL R2, R0, R0\n HALT\n", k);
    put("by.flx", text);
    if (!open_scene(&s,
            "agents = ( { name = \"a\"; program = \"by.flx\";\n"
            "  fresh_start = true;\n"
            "  sources = ( { name = \"TEMP\"; call = \"get()\"; } );\n"
            "  channels = ( { name = \"SYS\"; arg = 0; call = \"set(1)\"; },\n"
            "               { name = \"SYS\"; arg = 1; call = \"set(20)\"; },"
            "\n               { name = \"SYS\"; call = \"set(300)\"; } );\n"
            "} );\n"))
      return;
    run(&s, 1);
    {
      char told[64];
      snprintf(told, sizeof told, "0:3 %d 0 0", (int)want[k]);
      UNIT_STR_EQ(line(&s, 0, 1), told);
    }
    close_scene(&s);
  }
}

/* RAND where nothing is bound to it: a stream of the agent's own. */
static void random_numbers(void) {
  static const char config[] =
      "host = { seed = %d; };\n"
      "agents = ( { name = \"%s\"; program = \"r.flx\";\n"
      "  fresh_start = true; },\n"
      "  { name = \"b\"; program = \"r.flx\"; fresh_start = true; } );\n";
  int32_t drawn[4][16];
  put("r.flx", ".dialect unified\n RAND R1\n TELL R1, R0, R0\n HALT\n");
  for (int k = 0; k < 3; k++) {
    struct scene s;
    char text[512];
    snprintf(text, sizeof text, config, k == 2 ? 2 : 1, "a");
    if (!open_scene(&s, text)) return;
    run(&s, 16);
    for (uint32_t i = 0; i < 2; i++)
      for (size_t n = 0; n < 16; n++) {
        int32_t x = fhost_outputs(s.host, i, &(size_t){0})[2 * n].arg[0];
        UNIT_TRUE(x >= 0, "%d is no rand()", x);
        if (i == 0) drawn[k][n] = x;
        else if (k == 0) drawn[3][n] = x;
      }
    close_scene(&s);
  }
  UNIT_MEM_EQ(drawn[0], drawn[1], sizeof drawn[0]);
  UNIT_TRUE(memcmp(drawn[0], drawn[2], sizeof drawn[0]) != 0,
            "another seed draws the same");
  UNIT_TRUE(memcmp(drawn[0], drawn[3], sizeof drawn[0]) != 0,
            "another agent draws the same");
}

static void random_numbers_bound(void) {
  struct scene s;
  put("r.flx", ".dialect unified\n RAND R1\n TELL R1, R0, R0\n HALT\n");
  if (!open_scene(&s,
          "agents = ( { name = \"a\"; program = \"r.flx\";\n"
          "  fresh_start = true;\n"
          "  sources = ( { name = \"RAND\"; call = \"add(task, 9)\"; } );\n"
          "} );\n"))
    return;
  run(&s, 2);
  UNIT_STR_EQ(line(&s, 0, 2), "1:3 10 0 0");
  close_scene(&s);
}

/* What a config says of an agent gets to where it belongs. */
static void agents_as_configured(void) {
  struct scene s;
  struct fhost_agent_stats n;
  put("c.flx", ".dialect unified\n top: SENSE R2\n INC R3\n JMP top\n");
  put("m.flx", ".in R1 0..9\n.out R3\n");
  if (!open_scene(&s,
          "host = { name = \"h\"; threads = 3; tasks = 4; };\n"
          "agents = ( { name = \"bounded\"; program = \"c.flx\";\n"
          "    boundary = \"pc:top\"; thread = 2; },\n"
          "  { name = \"fuelled\"; program = \"c.flx\";\n"
          "    max_task_fuel = 300; } );\n"))
    return;
  UNIT_EQ(fhost_agent_count(s.host), 2);
  UNIT_TRUE(fhost_agent_at(s.host, 2) == NULL, "a third");
  UNIT_STR_EQ(fhost_agent_name(fhost_agent_at(s.host, 1)), "fuelled");
  run(&s, 0);
  fhost_agent_stats(fhost_agent_at(s.host, 0), &n);
  UNIT_EQ(n.tasks, 4);
  UNIT_EQ(n.cycles, 12);
  fhost_agent_stats(fhost_agent_at(s.host, 1), &n);
  UNIT_EQ(n.tasks, 1);
  UNIT_EQ(n.results, 0);
  UNIT_EQ(n.cycles, 300);
  run(&s, 6);  /* two more */
  fhost_agent_stats(fhost_agent_at(s.host, 0), &n);
  UNIT_EQ(n.tasks, 6);
  close_scene(&s);
}

static void variants_of_programs(void) {
  struct scene s;
  static const char config[] =
      "agents = ( { name = \"a\"; program = \"v.flx\"; fresh_start = true; },\n"
      "  { name = \"b\"; program = \"w.flx\"; fresh_start = true; } );\n";
  put("v.flx", ".dialect unified\n MOVI R1, 1\n TELL R1, R0, R0\n HALT\n");
  put("v_two.flx", ".dialect unified\n MOVI R1, 2\n TELL R1, R0, R0\n HALT\n");
  put("w.flx", ".dialect unified\n MOVI R1, 3\n TELL R1, R0, R0\n HALT\n");
  if (!UNIT_TRUE(open_with(&s, config, (struct fhost_open_options){
                                           .keep_outputs = true,
                                           .variant = "two"}),
                 "%s", s.err.text))
    return;
  run(&s, 1);
  UNIT_STR_EQ(line(&s, 0, 0), "0:3 2 0 0");
  UNIT_STR_EQ(line(&s, 1, 0), "0:3 3 0 0");
  close_scene(&s);
}

/* ---- what is wrong ------------------------------------------------------ */

/* A config whose agent does not run; what is said of it. */
static void refused_agent(const char *agent, const char *why) {
  struct scene s;
  char text[1024];
  snprintf(text, sizeof text,
           "agents = ( { name = \"bad\"; %s },\n"
           "  { name = \"good\"; program = \"w.flx\"; } );\n", agent);
  put("w.flx", ".dialect unified\n MOVI R1, 3\n TELL R1, R0, R0\n HALT\n");
  if (open_scene(&s, text)) {
    UNIT_TRUE(strstr(log_text, "4 agent \"bad\" does not run: ") == log_text,
              "%s", log_text);
    UNIT_TRUE(strstr(log_text, why) != NULL, "%s lacks %s", log_text, why);
    if (UNIT_EQ(fhost_agent_count(s.host), 1)) {
      UNIT_STR_EQ(fhost_agent_name(fhost_agent_at(s.host, 0)), "good");
      run(&s, 1);
      UNIT_STR_EQ(line(&s, 0, 0), "0:3 3 0 0");
    }
    /* A check is strict. */
    UNIT_EQ(fhost_check(s.config, &s.err), -1);
    UNIT_TRUE(strstr(s.err.text, why) != NULL, "%s", s.err.text);
  }
  close_scene(&s);
}

static void agents_that_do_not_run(void) {
  put("syntax.flx", ".dialect unified\n FROB R1\n");
  refused_agent("program = \"missing.flx\";", "missing.flx");
  refused_agent("program = \"syntax.flx\";", "FROB");
  refused_agent("program = \"w.flx\"; boundary = \"pc:nowhere\";", "nowhere");
  refused_agent("program = \"w.flx\"; confidence = \"Q1/100\";", "Q1");
  refused_agent("program = \"w.flx\"; sources = ( { name = \"SMELL\"; "
                "call = \"get()\"; } );",
                "the dialect has no source \"SMELL\"");
  refused_agent("program = \"w.flx\"; channels = ( { name = \"WHISPER\"; "
                "call = \"set(arg0)\"; } );",
                "the dialect has no channel \"WHISPER\"");
  refused_agent("program = \"w.flx\"; inputs = ( { to = \"R99\"; "
                "call = \"get()\"; } );", "R99");
}

static void a_native_that_is_not_there(void) {
  struct scene s;
  memset(&s, 0, sizeof s);
  if (!UNIT_EQ(fhost_config_parse(
                   "natives = { x = \"libno.so:x()->i32\"; };", "t.conf",
                   unit_tmpdir(), &s.config, &s.err), 0))
    return;
  UNIT_EQ(fhost_open(s.config, &(struct fhost_open_options){0}, &s.host,
                     &s.err), -1);
  UNIT_TRUE(s.host == NULL, "written on failure");
  UNIT_TRUE(strstr(s.err.text, "libno.so") != NULL, "%s", s.err.text);
  UNIT_EQ(fhost_check(s.config, &s.err), -1);
  close_scene(&s);
}

/* ---- outputs ------------------------------------------------------------ */

static const char two_agents[] =
    "agents = ( { name = \"one\"; program = \"o.flx\"; fresh_start = true;\n"
    "    inputs = ( { to = \"R1\"; call = \"add(task, %d)\"; } ); },\n"
    "  { name = \"on\"; program = \"o.flx\"; fresh_start = true; } );\n";

static bool open_two(struct scene *s, int add) {
  char text[512];
  put("o.flx", ".dialect unified\n.in R1\n.out R1\n TELL R1, R0, R0\n HALT\n");
  snprintf(text, sizeof text, two_agents, add);
  return open_scene(s, text);
}

static int write_to(const struct scene *s, const char *name,
                    struct fisa_error *err) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  return fhost_outputs_write(s->host, path, err);
}

static int compare_to(const struct scene *s, const char *name,
                      uint64_t *wrong, struct fisa_error *err) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  return fhost_outputs_compare(s->host, path, wrong, err);
}

static void outputs_written(void) {
  struct scene s;
  if (!open_two(&s, 10)) return;
  run(&s, 2);
  UNIT_EQ(write_to(&s, "out.txt", &s.err), 0);
  UNIT_TRUE(strncmp(get("out.txt"), "one 0 TELL 10 0 0\none 0 RESULT ", 31)
                == 0, "%s", get("out.txt"));
  UNIT_TRUE(strstr(get("out.txt"), "\none 1 TELL 11 0 0\n") != NULL, "%s",
            get("out.txt"));
  UNIT_TRUE(strstr(get("out.txt"), "\non 1 TELL 0 0 0\n") != NULL, "%s",
            get("out.txt"));
  UNIT_EQ(write_to(&s, "no/folder", &s.err), -1);
  UNIT_TRUE(strstr(s.err.text, "cannot write outputs") != NULL, "%s",
            s.err.text);
  close_scene(&s);
}

static void outputs_compared(void) {
  struct scene s;
  uint64_t wrong[2] = {9, 9};
  if (!open_two(&s, 10)) return;
  run(&s, 5);
  UNIT_EQ(write_to(&s, "control.txt", &s.err), 0);
  UNIT_EQ(compare_to(&s, "control.txt", wrong, &s.err), 0);
  UNIT_EQ(wrong[0], 0);
  UNIT_EQ(wrong[1], 0);
  UNIT_EQ(compare_to(&s, "none.txt", wrong, &s.err), -1);
  UNIT_TRUE(strstr(s.err.text, "cannot read outputs") != NULL, "%s",
            s.err.text);
  UNIT_EQ(compare_to(&s, ".", wrong, &s.err), -1);  /* a folder */
  close_scene(&s);
  /* Other values of one agent: the output and the result of each task. */
  if (!open_two(&s, 11)) return;
  run(&s, 5);
  UNIT_EQ(compare_to(&s, "control.txt", wrong, &s.err), 0);
  UNIT_EQ(wrong[0], 10);
  UNIT_EQ(wrong[1], 0);
  close_scene(&s);
  /* Too few, too many. */
  for (uint64_t tasks = 3; tasks <= 7; tasks += 4) {
    if (!open_two(&s, 10)) return;
    run(&s, tasks);
    UNIT_EQ(compare_to(&s, "control.txt", wrong, &s.err), 0);
    UNIT_EQ(wrong[0], 4);
    UNIT_EQ(wrong[1], 4);
    close_scene(&s);
  }
}

/* A file that is anything but a control run's. */
static void foreign_files(void) {
  struct scene s;
  uint64_t wrong[2];
  if (!open_two(&s, 10)) return;
  run(&s, 1);
  put("foreign.txt", "one\n\n \nsomebody 0 TELL 1\non 0 TELL 0 0 0\n"
                     "one 0 TELL 10 0 0 and more of it, and more\n");
  UNIT_EQ(compare_to(&s, "foreign.txt", wrong, &s.err), 0);
  UNIT_EQ(wrong[0], 2);
  UNIT_EQ(wrong[1], 1);
  put("foreign.txt", "");
  UNIT_EQ(compare_to(&s, "foreign.txt", wrong, &s.err), 0);
  UNIT_EQ(wrong[0], 2);
  close_scene(&s);
}

static void outputs_not_kept(void) {
  struct scene s;
  size_t n = 7;
  put("w.flx", ".dialect unified\n TELL R1, R0, R0\n HALT\n");
  if (!UNIT_TRUE(open_with(&s, "agents = ( { name = \"a\"; "
                               "program = \"w.flx\"; } );",
                           (struct fhost_open_options){0}),
                 "%s", s.err.text))
    return;
  run(&s, 1);
  UNIT_TRUE(fhost_outputs(s.host, 0, &n) == NULL, "kept");
  UNIT_EQ(n, 0);
  UNIT_TRUE(fhost_outputs(s.host, 5, &n) == NULL, "there is no such agent");
  close_scene(&s);
}

/* Outputs that found no memory are no outputs to compare. */
static void outputs_lost(void) {
  struct scene s;
  uint64_t wrong[2];
  if (!open_two(&s, 10)) return;
  run(&s, 1);
  s.host->members[1].lost = true;
  UNIT_EQ(write_to(&s, "lost.txt", &s.err), -1);
  UNIT_STR_EQ(s.err.text, "agent \"on\": no memory to keep its outputs");
  UNIT_EQ(compare_to(&s, "control.txt", wrong, &s.err), -1);
  close_scene(&s);
}

/* Many: the list grows, and stays in order. */
static void many_outputs(void) {
  struct scene s;
  const struct fhost_output *o;
  size_t n;
  if (!open_two(&s, 0)) return;
  run(&s, 3000);
  o = fhost_outputs(s.host, 0, &n);
  if (UNIT_EQ(n, 6000))
    for (size_t i = 0; i < n; i += 2) {
      UNIT_EQ(o[i].task, i / 2);
      UNIT_EQ(o[i].arg[0], (int32_t)(i / 2));
      UNIT_EQ(o[i + 1].channel, FHOST_RESULT);
    }
  close_scene(&s);
}

/* ---- plugins ------------------------------------------------------------ */

static const char evolved[] =
    "plugins = ( { name = \"e\"; path = \"%s/libevolver.so\"; %s } );\n"
    "agents = ( { name = \"trusted\"; program = \"p.flx\"; trust = 0.5;\n"
    "    fresh_start = true;\n"
    "    inputs = ( { to = \"%s\"; call = \"get()\"; } ); },\n"
    "  { name = \"untrusted\"; program = \"p.flx\"; } );\n";

static bool open_evolved(struct scene *s, const char *settings,
                         const char *input) {
  char text[2048];
  put("p.flx", ".dialect unified\n.in R1\n TELL R1, R0, R0\n HALT\n");
  snprintf(text, sizeof text, evolved, modules(), settings, input);
  return open_with(s, text, (struct fhost_open_options){.plugins = true});
}

static void agents_are_attached(void) {
  struct scene s;
  char why[160];
  if (!UNIT_TRUE(open_evolved(&s, "", "R1"), "%s", s.err.text)) return;
  UNIT_STR_EQ(log_text, "3 agent \"untrusted\" has no trust\n");
  fhost_agent_explanation(fhost_agent_at(s.host, 0), why, sizeof why);
  UNIT_STR_EQ(why, "unified, table given, bindings given, 5 bytes, .in");
  fhost_agent_explanation(fhost_agent_at(s.host, 1), why, sizeof why);
  UNIT_STR_EQ(why, "agent \"untrusted\" has no trust");
  log_text[0] = '\0';
  run(&s, 5);
  close_scene(&s);
  /* Detached before the plugin goes. */
  UNIT_STR_EQ(log_text, "2 agent 1: 5 tasks\n");
}

static void undeclared_inputs_are_told(void) {
  struct scene s;
  if (UNIT_TRUE(open_evolved(&s, "", "R2"), "%s", s.err.text))
    UNIT_TRUE(strstr(log_text, "3 agent \"trusted\": the program declares no "
                               ".in R2;") == log_text, "%s", log_text);
  close_scene(&s);
  if (UNIT_TRUE(open_evolved(&s, "", "mem 0x100 4"), "%s", s.err.text))
    UNIT_TRUE(strstr(log_text, "declares no .in mem 0x100 4;") != NULL, "%s",
              log_text);
  close_scene(&s);
}

static void settings_are_checked(void) {
  struct scene s;
  UNIT_TRUE(!open_evolved(&s, "speed = 3;", "R1"), "opened");
  UNIT_TRUE(strstr(s.err.text, "this plugin knows no settings") != NULL,
            "%s", s.err.text);
  UNIT_TRUE(s.host == NULL, "written on failure");
  UNIT_EQ(fhost_check(s.config, &s.err), -1);
  UNIT_TRUE(strstr(s.err.text, "this plugin knows no settings") != NULL,
            "%s", s.err.text);
  close_scene(&s);
  /* A check makes no instance, and prints nothing on a good config. */
  if (UNIT_TRUE(open_evolved(&s, "", "R1"), "%s", s.err.text))
    UNIT_TRUE(fhost_check(s.config, &s.err) == 0, "%s", s.err.text);
  close_scene(&s);
}

static void plugins_that_are_off(void) {
  struct scene s;
  char why[160];
  if (!UNIT_TRUE(open_evolved(&s, "enabled = false; speed = 3;", "R1"), "%s",
                 s.err.text))
    return;
  UNIT_STR_EQ(log_text, "");
  fhost_agent_explanation(fhost_agent_at(s.host, 0), why, sizeof why);
  UNIT_STR_EQ(why, "");
  run(&s, 2);
  close_scene(&s);
  UNIT_STR_EQ(log_text, "");
}

/* A plugin that evolves nothing is passed over; order is kept to the end. */
static void plugins_side_by_side(void) {
  struct scene s;
  char text[1024];
  put("p.flx", ".dialect unified\n.in R1\n TELL R1, R0, R0\n HALT\n");
  snprintf(text, sizeof text,
           "plugins = ( { name = \"g\"; path = \"%s/libfake_good.so\"; },\n"
           "  { name = \"e\"; path = \"%s/libevolver.so\"; } );\n"
           "agents = ( { name = \"a\"; program = \"p.flx\"; trust = 1.0; } );",
           modules(), modules());
  unsetenv("FLUX_FAKE_CALLS");
  if (!UNIT_TRUE(open_with(&s, text,
                           (struct fhost_open_options){.plugins = true}),
                 "%s", s.err.text))
    return;
  run(&s, 1);
  close_scene(&s);
  UNIT_STR_EQ(getenv("FLUX_FAKE_CALLS"), "ncd");
  UNIT_STR_EQ(log_text, "2 agent 1: 1 tasks\n");
  /* The second cannot be found: the first is closed again. */
  snprintf(text, sizeof text,
           "plugins = ( { name = \"g\"; path = \"%s/libfake_good.so\"; },\n"
           "  { name = \"n\"; path = \"%s/libnone.so\"; } );\n",
           modules(), modules());
  unsetenv("FLUX_FAKE_CALLS");
  UNIT_TRUE(!open_with(&s, text, (struct fhost_open_options){.plugins = true}),
            "opened");
  UNIT_TRUE(strstr(s.err.text, "libnone.so") != NULL, "%s", s.err.text);
  UNIT_STR_EQ(getenv("FLUX_FAKE_CALLS"), "ncd");
  close_scene(&s);
}

static void quiet_hosts(void) {
  struct scene s;
  if (UNIT_TRUE(open_with(&s, "host = { log = \"error\"; };\n"
                              "agents = ();\n",
                          (struct fhost_open_options){0}),
                "%s", s.err.text)) {
    UNIT_EQ(fhost_agent_count(s.host), 0);
    run(&s, 3);
  }
  close_scene(&s);
  fhost_close(NULL);
}

static const struct unit_test tests[] = {
    {"world", "inputs", inputs_are_laid},
    {"world", "once", inputs_of_the_first_task},
    {"world", "io", sources_and_channels},
    {"world", "arguments", bindings_by_argument},
    {"world", "random", random_numbers},
    {"world", "bound", random_numbers_bound},
    {"world", "agents", agents_as_configured},
    {"world", "variants", variants_of_programs},
    {"wrong", "agents", agents_that_do_not_run},
    {"wrong", "native", a_native_that_is_not_there},
    {"outputs", "written", outputs_written},
    {"outputs", "compared", outputs_compared},
    {"outputs", "foreign", foreign_files},
    {"outputs", "off", outputs_not_kept},
    {"outputs", "lost", outputs_lost},
    {"outputs", "many", many_outputs},
    {"plugins", "attach", agents_are_attached},
    {"plugins", "undeclared", undeclared_inputs_are_told},
    {"plugins", "settings", settings_are_checked},
    {"plugins", "off", plugins_that_are_off},
    {"plugins", "several", plugins_side_by_side},
    {"plugins", "quiet", quiet_hosts},
};

UNIT_MAIN(tests)
