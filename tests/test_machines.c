/*
 * test_machines.c - dialects and VMs by name: what is built in, what is read
 * and opened, the sentence for each refusal; and hosts whose agents are of
 * several dialects.
 */
#include "hostsdk/machines.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostsdk/host.h"
#include "hostsdk/plugin.h"
#include "hostsdk/services.h"
#include "tests/toy_vm.h"
#include "tests/unit.h"

/* libconfig 1.5 loses a buffer when a text ends inside a string. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default")))
const char *__lsan_default_suppressions(void) {
  return "leak:libconfig";
}

/* ---- files -------------------------------------------------------------- */

/* A module of the tests. A build under a generous umask is tightened. */
static const char *fake(const char *file) {
  static char path[4200];

  chmod(unit_built("tests/.libs"), 0755);
  snprintf(path, sizeof path, "%s/%s", unit_built("tests/.libs"), file);
  chmod(path, 0755);
  return path;
}

static const char *put(const char *name, const char *text) {
  static char path[4][512];
  static unsigned next;
  char *p = path[next++ % 4];
  FILE *f;

  snprintf(p, sizeof path[0], "%s/%s", unit_tmpdir(), name);
  f = fopen(p, "w");
  if (!f || fputs(text, f) < 0 || fclose(f) != 0)
    exit(99);
  return p;
}

static const char toy_bindings[] =
  "bindings 1\n"
  "dialect toy\n"
  "bind NOP does=nop\n";

static struct fhost_machines *with_toy(void) {
  struct fhost_machines *m = fhost_machines_new(unit_tmpdir());
  struct fisa_error err = {""};

  UNIT_TRUE(fhost_machines_add_dialect(m, put("toy.fluxisa",
                                              toy_dialect_text),
                                       NULL, &err) == 0, "%s", err.text);
  return m;
}

/* ---- dialects ----------------------------------------------------------- */

static void built_in(void) {
  struct fhost_machines *m = fhost_machines_new(NULL);
  struct fisa_error err = {""};
  struct fisa_dialect *d = NULL;
  struct fhost_texts texts;
  size_t size;

  UNIT_TRUE(fhost_machines_find(m, "unified") == &fhost_vm_reference,
            "not the reference VM");
  UNIT_TRUE(fhost_machines_at(m, 0) == &fhost_vm_reference, "first");
  UNIT_TRUE(fhost_machines_at(m, 1) == NULL, "second");
  UNIT_TRUE(fhost_machines_find(m, "toy") == NULL, "toy");
  UNIT_TRUE(fhost_machines_spoken(m, "unified") == NULL, "read unasked");
  UNIT_TRUE(fhost_machines_vm(m, "unified", &err) == &fhost_vm_reference,
            "%s", err.text);
  UNIT_TRUE(fhost_machines_spoken(m, "unified") != NULL, "not read");
  UNIT_TRUE(fhost_machines_at(m, 1) == NULL, "twice");
  UNIT_EQ(fhost_machines_dialect(m, "unified", &d, &err), 0);
  UNIT_STR_EQ(d->name, "unified");
  fisa_dialect_free(d);
  UNIT_EQ(fhost_machines_dialect(m, "toy", &d, &err), -1);
  fhost_machines_texts(m, "unified", &texts);
  UNIT_TRUE(texts.dialect == fisa_builtin_text("unified.fluxisa", &size),
            "another text");
  UNIT_EQ(texts.dialect_size, size);
  UNIT_TRUE(texts.bindings == fisa_builtin_text("unified.bindings", &size),
            "another overlay");
  fhost_machines_texts(m, "toy", &texts);
  UNIT_TRUE(!texts.dialect && !texts.bindings, "texts of nothing");
  fhost_machines_free(m);
  fhost_machines_free(NULL);
}

static void read_from_files(void) {
  struct fhost_machines *m = fhost_machines_new(NULL);
  struct fisa_error err = {""};
  struct fisa_dialect *d = NULL, *plain = NULL;
  struct fhost_texts texts;

  UNIT_EQ(fisa_dialect_parse(toy_dialect_text, strlen(toy_dialect_text), "t",
                             &plain, &err), 0);
  UNIT_TRUE(fhost_machines_add_dialect(m, put("toy.fluxisa",
                                              toy_dialect_text),
                                       put("toy.bindings", toy_bindings),
                                       &err) == 0, "%s", err.text);
  if (UNIT_EQ(fhost_machines_dialect(m, "toy", &d, &err), 0)) {
    UNIT_STR_EQ(d->name, "toy");
    /* The overlay is in it. */
    UNIT_TRUE(memcmp(d->hash, plain->hash, 32) != 0, "no overlay");
    fisa_dialect_free(d);
  }
  fhost_machines_texts(m, "toy", &texts);
  UNIT_EQ(texts.dialect_size, strlen(toy_dialect_text));
  UNIT_MEM_EQ(texts.dialect, toy_dialect_text, texts.dialect_size);
  UNIT_EQ(texts.bindings_size, strlen(toy_bindings));
  fisa_dialect_free(plain);
  fhost_machines_free(m);
}

static void dialects_refused(void) {
  static const struct {
    const char *text, *bindings, *want;
  } cases[] = {
    {"fluxisa 2\n", NULL, "x.fluxisa:1: "},
    {"", NULL, "x.fluxisa"},
    {NULL, "bindings 1\ndialect unified\n", "x.bindings:2: "},
    {NULL, "nonsense\n", "x.bindings:1: "},
  };
  struct fhost_machines *m = with_toy();
  struct fisa_error err = {""};
  char none[600];

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *text = put("x.fluxisa", cases[i].text ? cases[i].text
                                                      : toy_dialect_text);
    const char *over = cases[i].bindings
                           ? put("x.bindings", cases[i].bindings) : "";
    UNIT_EQ(fhost_machines_add_dialect(m, text, over, &err), -1);
    UNIT_TRUE(strstr(err.text, cases[i].want), "%s, not %s", err.text,
              cases[i].want);
  }
  snprintf(none, sizeof none, "%s/none", unit_tmpdir());
  UNIT_EQ(fhost_machines_add_dialect(m, none, NULL, &err), -1);
  UNIT_TRUE(strstr(err.text, "No such file"), "%s", err.text);
  UNIT_EQ(fhost_machines_add_dialect(m, put("y.fluxisa", toy_dialect_text),
                                     none, &err), -1);
  UNIT_TRUE(strstr(err.text, "No such file"), "%s", err.text);
  UNIT_EQ(fhost_machines_add_dialect(m, unit_tmpdir(), NULL, &err), -1);
  UNIT_EQ(fhost_machines_add_dialect(m, put("y.fluxisa", toy_dialect_text),
                                     NULL, &err), -1);
  UNIT_TRUE(strstr(err.text, "y.fluxisa: dialect toy is there already"),
            "%s", err.text);
  fhost_machines_free(m);
}

/* One's own table of a dialect that is built in is the one that counts. */
static void in_the_place_of(void) {
  struct fhost_machines *m = fhost_machines_new(NULL);
  struct fisa_error err = {""};
  struct fisa_dialect *d = NULL;
  size_t size;
  const char *text = fisa_builtin_text("unified.fluxisa", &size);
  char *mine = malloc(size + 64);

  snprintf(mine, size + 64, "%.*s\n# ours\n", (int)size, text);
  UNIT_TRUE(fhost_machines_add_dialect(m, put("u.fluxisa", mine), NULL,
                                       &err) == 0, "%s", err.text);
  if (UNIT_EQ(fhost_machines_dialect(m, "unified", &d, &err), 0)) {
    struct fisa_dialect *theirs = NULL;
    UNIT_EQ(fisa_dialect_builtin("unified", false, &theirs, &err), 0);
    UNIT_TRUE(memcmp(d->hash, theirs->hash, 32) != 0, "the built-in one");
    fisa_dialect_free(theirs);
  }
  fisa_dialect_free(d);
  free(mine);
  fhost_machines_free(m);
}

static void too_many_dialects(void) {
  struct fhost_machines *m = fhost_machines_new(NULL);
  struct fisa_error err = {""};
  char text[sizeof "fluxisa 1"  + 4096];

  for (unsigned i = 0; i <= FHOST_MAX_MACHINES; i++) {
    snprintf(text, sizeof text,
             "fluxisa 1\ndialect d%u\nmem 0\nfile R i32 2\nfuel 9\n"
             "unknown 3\ntruncated 1\n"
             "row 0 HALT len=1 flow=halt writes=HALT pure=no does=halt\n", i);
    if (i < FHOST_MAX_MACHINES)
      UNIT_TRUE(fhost_machines_add_dialect(m, put("d.fluxisa", text), NULL,
                                           &err) == 0, "%s", err.text);
    else
      UNIT_EQ(fhost_machines_add_dialect(m, put("d.fluxisa", text), NULL,
                                         &err), -1);
  }
  UNIT_STR_EQ(err.text, "more than 32 dialects");
  fhost_machines_free(m);
}

/* ---- modules ------------------------------------------------------------ */

static void opens_by_path(void) {
  struct fhost_machines *m = with_toy();
  struct fisa_error err = {""};
  const struct fhost_vm *vm;

  UNIT_TRUE(fhost_machines_add_module(m, "toy", fake("fakevm_toy.so"),
                                      &err) == 0, "%s", err.text);
  vm = fhost_machines_find(m, "toy");
  if (UNIT_TRUE(vm, "not there")) {
    UNIT_STR_EQ(vm->build_id, "toy-1");
    UNIT_TRUE(fhost_machines_vm(m, "toy", &err) == vm, "another");
    UNIT_TRUE(fhost_machines_at(m, 0) == vm, "not the first");
    UNIT_TRUE(fhost_machines_at(m, 1) == &fhost_vm_reference, "not beside");
    UNIT_TRUE(fhost_machines_at(m, 2) == NULL, "a third");
    UNIT_STR_EQ(fhost_machines_spoken(m, "toy")->name, "toy");
  }
  UNIT_EQ(fhost_machines_add_module(m, "toy", fake("fakevm_toy.so"), &err),
          -1);
  UNIT_STR_EQ(err.text, "dialect toy has a VM already");
  fhost_machines_free(m);
}

/* Copies a file into the test's folder. */
static void copy(const char *from, const char *name, mode_t mode) {
  char path[600], bytes[4096];
  FILE *in = fopen(from, "rb"), *out;
  size_t n;

  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  out = fopen(path, "wb");
  if (!UNIT_TRUE(in && out, "%s to %s", from, path))
    exit(99);
  while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
    fwrite(bytes, 1, n, out);
  fclose(in);
  fclose(out);
  chmod(path, mode);
}

/* By the name of its dialect, in the folder, then where plugins are. */
static void opens_by_name(void) {
  struct fhost_machines *m = with_toy();
  struct fisa_error err = {""};

  unsetenv("FLUX_PLUGIN_DIR");
  UNIT_TRUE(fhost_machines_vm(m, "toy", &err) == NULL, "there");
  UNIT_TRUE(strstr(err.text, "\"flux_vm_toy.so\" not found in "), "%s",
            err.text);
  copy(fake("fakevm_toy.so"), "flux_vm_toy.so", 0755);
  UNIT_TRUE(fhost_machines_vm(m, "toy", &err) != NULL, "%s", err.text);
  fhost_machines_free(m);
  /* Another user could have written it: it is no VM of ours. */
  m = with_toy();
  copy(fake("fakevm_toy.so"), "flux_vm_toy.so", 0777);
  UNIT_TRUE(fhost_machines_vm(m, "toy", &err) == NULL, "opened");
  UNIT_TRUE(strstr(err.text, "is writable by others"), "%s", err.text);
  fhost_machines_free(m);
  m = fhost_machines_new(NULL);
  UNIT_TRUE(fhost_machines_vm(m, "../toy", &err) == NULL, "opened");
  UNIT_STR_EQ(err.text, "\"../toy\" is no name of a dialect");
  fhost_machines_free(m);
}

static void modules_refused(void) {
  static const struct {
    const char *file, *dialect, *want;
  } cases[] = {
    {"libprobe.so", "toy", "has no flux_host_adapter: it is no VM module"},
    {"fakevm_null.so", "toy", "gives no adapter"},
    {"fakevm_size.so", "toy", "was built against another libfluxhost"},
    {"fakevm_nopc.so", "toy", "the adapter is wrong: it has no pc"},
    {"fakevm_nodialect.so", "toy",
     "has a VM of dialect nowhere, not toy"},
    {"fakevm_nodialect.so", "nowhere", "nowhere"},
    {"fakevm_toy.so", "classic", "has a VM of dialect toy, not classic"},
    {"none.so", "toy", "none.so\" not found"},
  };
  struct fhost_machines *m = with_toy();

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_error err = {""};

    UNIT_EQ(fhost_machines_add_module(m, cases[i].dialect,
                                      fake(cases[i].file), &err), -1);
    UNIT_TRUE(strstr(err.text, cases[i].want), "%s: %s", cases[i].file,
              err.text);
  }
  UNIT_TRUE(fhost_machines_at(m, 0) == &fhost_vm_reference &&
            fhost_machines_at(m, 1) == NULL, "something stayed");
  fhost_machines_free(m);
}

static void own_vms(void) {
  struct fhost_machines *m = fhost_machines_new(NULL);
  struct fhost_vm vm = fhost_vm_reference;
  struct fisa_error err = {""};
  char *id;

  vm.build_id = "mine";
  UNIT_EQ(fhost_machines_add_vm(m, &vm, &err), 0);
  UNIT_TRUE(fhost_machines_find(m, "unified") == &vm, "not ours");
  UNIT_TRUE(fhost_machines_at(m, 1) == NULL, "two of one dialect");
  id = fhost_machines_build_id(m);
  UNIT_STR_EQ(id, "mine");
  free(id);
  UNIT_EQ(fhost_machines_add_vm(m, &vm, &err), -1);
  UNIT_STR_EQ(err.text, "dialect unified has a VM already");
  fhost_machines_free(m);
  /* A module may stand in for the built-in one as well. */
  m = fhost_machines_new(NULL);
  UNIT_TRUE(fhost_machines_add_module(m, "unified", fake("fakevm_unified.so"),
                                      &err) == 0, "%s", err.text);
  UNIT_STR_EQ(fhost_machines_find(m, "unified")->build_id, "fake-unified");
  fhost_machines_free(m);
}

static void build_ids(void) {
  struct fhost_machines *m = with_toy();
  struct fisa_error err = {""};
  struct fhost_vm vm = fhost_vm_reference;
  char *id = fhost_machines_build_id(m), text[2001];

  UNIT_STR_EQ(id, fhost_vm_reference.build_id);
  free(id);
  UNIT_EQ(fhost_machines_add_module(m, "toy", fake("fakevm_toy.so"), &err),
          0);
  id = fhost_machines_build_id(m);
  UNIT_STR_EQ(id, "toy-1+fluxhost-reference-1");
  free(id);
  /* However long: what is cut off would be what has changed. */
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  vm.build_id = text;
  UNIT_EQ(fhost_machines_add_vm(m, &vm, &err), 0);
  id = fhost_machines_build_id(m);
  UNIT_EQ(strlen(id), 6 + 2000);
  free(id);
  fhost_machines_free(m);
}

/* Looking is for any thread, while the one that adds adds. */
struct looker {
  struct fhost_machines *m;
  _Atomic bool stop;
  unsigned long seen;
};

static void *look(void *user) {
  struct looker *l = user;

  while (!l->stop) {
    const struct fhost_vm *vm = fhost_machines_find(l->m, "toy");
    if (vm)
      l->seen += strcmp(vm->build_id, "toy-1") == 0;
  }
  return NULL;
}

static void looked_at_beside(void) {
  struct looker l = {.m = with_toy()};
  struct fisa_error err = {""};
  pthread_t thread;

  pthread_create(&thread, NULL, look, &l);
  UNIT_EQ(fhost_machines_add_module(l.m, "toy", fake("fakevm_toy.so"), &err),
          0);
  usleep(2000);
  l.stop = true;
  pthread_join(thread, NULL);
  fhost_machines_free(l.m);
}

/* ---- the step service --------------------------------------------------- */

/* Every VM of the host, by the name of its dialect. */
static void steps_by_dialect(void) {
  struct fhost_machines *m = with_toy();
  const struct fhost_services_options o = {
    .name = "h", .version = "1", .machines = m,
  };
  const uint8_t halt[1] = {0};
  struct fisa_error err = {""};
  struct fhost_services *s;
  const flux_host *host;
  const flux_step *step;
  flux_stepper *st[3] = {NULL, NULL, NULL};

  UNIT_EQ(fhost_machines_add_module(m, "toy", fake("fakevm_toy.so"), &err),
          0);
  UNIT_TRUE(fhost_machines_vm(m, "unified", &err) != NULL, "%s", err.text);
  s = fhost_services_new(&o);
  host = fhost_services_host(s);
  UNIT_STR_EQ(host->build_id, "toy-1+fluxhost-reference-1");
  step = host->extension(FLUX_EXT_STEP, host->ctx);
  if (UNIT_TRUE(step, "no steps")) {
    UNIT_EQ(step->open("toy", halt, 1, &st[0], host->ctx), FLUX_OK);
    UNIT_EQ(step->open("unified", halt, 1, &st[1], host->ctx), FLUX_OK);
    UNIT_EQ(step->open("classic", halt, 1, &st[2], host->ctx),
            FLUX_E_UNSUPPORTED);
    UNIT_TRUE(st[2] == NULL, "written on failure");
    UNIT_EQ(step->flags, FLUX_STEP_MAY_FORK);
    step->close(st[0]);
    step->close(st[1]);
  }
  fhost_services_free(s);
  fhost_machines_free(m);
}

/* ---- hosts -------------------------------------------------------------- */

static char log_text[4096];

static void log_line(uint32_t level, const char *text, void *user) {
  size_t n = strlen(log_text);

  (void)user;
  snprintf(log_text + n, sizeof log_text - n, "%u %s\n", (unsigned)level,
           text);
}

struct scene {
  struct fhost_config *config;
  struct fhost *host;
  struct fisa_error err;
};

static bool open_host(struct scene *s, const char *text, bool plugins) {
  const struct fhost_open_options o = {
    .plugins = plugins, .keep_outputs = true, .log = log_line,
  };

  memset(s, 0, sizeof *s);
  log_text[0] = '\0';
  if (!UNIT_TRUE(fhost_config_parse(text, "t.conf", unit_tmpdir(),
                                    &s->config, &s->err) == 0, "%s",
                 s->err.text))
    return false;
  return fhost_open(s->config, &o, &s->host, &s->err) == 0;
}

static void close_host(struct scene *s) {
  fhost_close(s->host);
  fhost_config_free(s->config);
}

#define TOY_CONFIG \
  "dialects = ( { path = \"toy.fluxisa\"; } );\n" \
  "vms = ( { dialect = \"toy\"; path = \"%s\"; } );\n"

/* One process, agents of two dialects, each on the VM of its own. */
static void two_dialects(void) {
  char text[2000], why[160];
  const struct fhost_output *o;
  struct scene s;
  size_t n;

  put("toy.fluxisa", toy_dialect_text);
  put("toy.flx", ".dialect toy\nLDI R1, 5\nSAY R1, R2\nHALT\n");
  put("uni.flx", ".dialect unified\nMOVI R1, 7\nTELL R1, R0, R0\nHALT\n");
  snprintf(text, sizeof text, TOY_CONFIG
           "plugins = ( { name = \"e\"; path = \"%s/libevolver.so\"; } );\n"
           "agents = ( { name = \"t\"; program = \"toy.flx\"; trust = 0.5; "
           "},\n  { name = \"u\"; program = \"uni.flx\"; trust = 0.5; } );",
           fake("fakevm_toy.so"), unit_built("tests/.libs"));
  fake("libevolver.so");
  if (UNIT_TRUE(open_host(&s, text, true), "%s", s.err.text) &&
      UNIT_EQ(fhost_agent_count(s.host), 2)) {
    UNIT_TRUE(fhost_run(s.host, 20, NULL, &s.err) == 0, "%s", s.err.text);
    o = fhost_outputs(s.host, 0, &n);
    if (UNIT_EQ(n, 40)) /* an output and a result each */
      UNIT_EQ(o[0].arg[0], 5);
    o = fhost_outputs(s.host, 1, &n);
    if (UNIT_EQ(n, 40))
      UNIT_EQ(o[0].arg[0], 7);
    fhost_agent_explanation(fhost_agent_at(s.host, 0), why, sizeof why);
    UNIT_TRUE(strstr(why, "toy, table given, ") == why, "%s", why);
    fhost_agent_explanation(fhost_agent_at(s.host, 1), why, sizeof why);
    UNIT_TRUE(strstr(why, "unified, table given, bindings given, ") == why,
              "%s", why);
    UNIT_TRUE(fhost_check(s.config, &s.err) == 0, "%s", s.err.text);
  }
  close_host(&s);
}

/* What a VM leaves out is told when its first agent is attached. */
static void gaps_are_told(void) {
  char text[2000];
  struct scene s;

  put("uni.flx", ".dialect unified\nHALT\n");
  snprintf(text, sizeof text,
           "vms = ( { dialect = \"unified\"; path = \"%s\"; } );\n"
           "plugins = ( { name = \"e\"; path = \"%s/libevolver.so\"; } );\n"
           "agents = ( { name = \"a\"; program = \"uni.flx\"; },\n"
           "           { name = \"b\"; program = \"uni.flx\"; } );",
           fake("fakevm_unified.so"), unit_built("tests/.libs"));
  fake("libevolver.so");
  if (UNIT_TRUE(open_host(&s, text, true), "%s", s.err.text)) {
    const char *first = strstr(log_text, "3 the VM of dialect unified: it "
                                         "does not show R: ");
    UNIT_TRUE(first, "%s", log_text);
    UNIT_TRUE(first && !strstr(first + 50, "does not show R: "), "twice: %s",
              log_text);
    UNIT_TRUE(strstr(log_text, "it takes no values from outside"), "%s",
              log_text);
  }
  close_host(&s);
}

static void hosts_refused(void) {
  static const struct {
    const char *text, *want;
  } cases[] = {
    {"dialects = ( { path = \"none.fluxisa\"; } );", "t.conf:1: "},
    {"\ndialects = ( { path = \"bad.fluxisa\"; } );", "t.conf:2: "},
    {"vms = ( { dialect = \"toy\"; path = \"none.so\"; } );",
     "t.conf:1: \"none.so\" not found"},
  };
  struct scene s;

  put("bad.fluxisa", "nonsense\n");
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    UNIT_TRUE(!open_host(&s, cases[i].text, false), "opened");
    UNIT_TRUE(strstr(s.err.text, cases[i].want) == s.err.text, "%s",
              s.err.text);
    UNIT_EQ(fhost_check(s.config, &s.err), -1);
    close_host(&s);
  }
  /* An agent whose dialect has no VM is left out; the others run. */
  put("toy.fluxisa", toy_dialect_text);
  put("toy.flx", ".dialect toy\nHALT\n");
  put("uni.flx", ".dialect unified\nHALT\n");
  unsetenv("FLUX_PLUGIN_DIR");
  unlink(put("flux_vm_toy.so", ""));
  if (UNIT_TRUE(open_host(&s, "dialects = ( { path = \"toy.fluxisa\"; } );\n"
                          "agents = ( { name = \"t\"; "
                          "program = \"toy.flx\"; },\n"
                          "{ name = \"u\"; program = \"uni.flx\"; } );",
                          false), "%s", s.err.text)) {
    UNIT_EQ(fhost_agent_count(s.host), 1);
    UNIT_TRUE(strstr(log_text, "agent \"t\" does not run: "
                               "\"flux_vm_toy.so\" not found in "), "%s",
              log_text);
  }
  close_host(&s);
}

static const struct unit_test tests[] = {
  {"dialects", "built in", built_in},
  {"dialects", "from files", read_from_files},
  {"dialects", "refused", dialects_refused},
  {"dialects", "in the place of", in_the_place_of},
  {"dialects", "too many", too_many_dialects},
  {"modules", "by path", opens_by_path},
  {"modules", "by name", opens_by_name},
  {"modules", "refused", modules_refused},
  {"modules", "own", own_vms},
  {"modules", "build ids", build_ids},
  {"modules", "beside", looked_at_beside},
  {"steps", "by dialect", steps_by_dialect},
  {"hosts", "two dialects", two_dialects},
  {"hosts", "gaps", gaps_are_told},
  {"hosts", "refused", hosts_refused},
};

UNIT_MAIN(tests)
