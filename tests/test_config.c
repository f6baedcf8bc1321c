/*
 * test_config.c - the host's config: what it becomes, and the sentence for
 * everything that is wrong with one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostsdk/config.h"
#include "isa/asm.h"
#include "tests/unit.h"

/* libconfig 1.5 loses a buffer when a text ends inside a string. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default")))
const char *__lsan_default_suppressions(void) {
  return "leak:libconfig";
}

static struct fhost_config *parse(const char *text, struct fisa_error *err) {
  struct fhost_config *c = NULL;

  err->text[0] = '\0';
  if (fhost_config_parse(text, "t.conf", "/etc/flux", &c, err) != 0)
    return NULL;
  return c;
}

/* ---- what a config becomes ---------------------------------------------- */

static const char full[] =
  "host = { name = \"demo\"; threads = 2; seed = 7; tasks = 2000;\n"
  "         outputs = \"out.txt\"; log = \"debug\"; };\n"
  "natives = {\n"
  "  temp = \"libroom.so:room_temp(i32)->i32\";\n"
  "  heat = \"libroom.so:room_heat(i32,i32)->i32\";\n"
  "  range = \"libroom.so:feed_range(i32,i32,i32)->i32\";\n"
  "  byte_at = \"libroom.so:feed_byte(i64,i32)->i32\";\n"
  "};\n"
  "plugins = ( { name = \"flux_self_evolve\"; path = \"p.so\";\n"
  "  journal = \"x.db\";\n"
  "  policy = { seed = 1; big = 9000000000L; share = 0.5; on = true;\n"
  "             weights = { InsertNOP = 0.0; }; deny = [ \"MUL\", \"DIV\" ];\n"
  "             mixed = ( 1, \"two\", { three = 3; } ); };\n"
  "}, { name = \"second\"; path = \"/abs/q.so\"; enabled = false; } );\n"
  "agents = ( {\n"
  "  name = \"thermostat\"; program = \"agents/t.flx\";\n"
  "  dialect = \"unified\"; manifest = \"/abs/m.flx\";\n"
  "  sources = ( { name = \"TEMP\"; call = \"temp(0)\"; } );\n"
  "  channels = ( { name = \"SYS\"; arg = 1; call = \"heat(0, arg1)\"; },\n"
  "               { name = \"TELL\"; call = \"heat(arg0, arg2)\"; } );\n"
  "  inputs = ( { to = \"R1\"; call = \"range(task, 1, 200)\"; },\n"
  "             { to = \"mem 0x100 64\"; call = \"byte_at(task,index)\"; } );\n"
  "  boundary = \"out:SYS\"; fresh_start = false;\n"
  "  confidence = \"C1/100\"; trust = 0.9; thread = 1;\n"
  "  max_task_fuel = 500;\n"
  "}, { name = \"plain\"; program = \"/abs/p.fxb\"; } );\n";

static void host_values(void) {
  struct fisa_error err;
  struct fhost_config *c = parse(full, &err);

  if (!UNIT_TRUE(c != NULL, "%s", err.text))
    return;
  UNIT_STR_EQ(c->file, "t.conf");
  UNIT_STR_EQ(c->folder, "/etc/flux");
  UNIT_STR_EQ(c->name, "demo");
  UNIT_EQ(c->threads, 2);
  UNIT_EQ(c->seed, 7);
  UNIT_EQ(c->tasks, 2000);
  UNIT_STR_EQ(c->outputs, "/etc/flux/out.txt");
  UNIT_EQ(c->log_level, FLUX_LOG_DEBUG);
  if (UNIT_EQ(c->native_count, 4)) {
    UNIT_STR_EQ(c->natives[0].name, "temp");
    UNIT_STR_EQ(c->natives[1].spec, "libroom.so:room_heat(i32,i32)->i32");
    UNIT_EQ(c->natives[0].line, 4);
  }
  fhost_config_free(c);
}

static void agent_values(void) {
  struct fisa_error err;
  struct fhost_config *c = parse(full, &err);
  const struct fhost_agent_config *a;

  if (!UNIT_TRUE(c != NULL, "%s", err.text))
    return;
  if (!UNIT_EQ(c->agent_count, 2))
    goto done;
  a = &c->agents[0];
  UNIT_STR_EQ(a->name, "thermostat");
  UNIT_STR_EQ(a->program, "/etc/flux/agents/t.flx");
  UNIT_STR_EQ(a->dialect, "unified");
  UNIT_STR_EQ(a->manifest, "/abs/m.flx");
  UNIT_STR_EQ(a->boundary, "out:SYS");
  UNIT_STR_EQ(a->confidence, "C1/100");
  UNIT_EQ(a->fresh_start, false);
  UNIT_TRUE(a->trust > 0.89 && a->trust < 0.91, "trust %g", a->trust);
  UNIT_EQ(a->thread, 1);
  UNIT_EQ(a->max_task_fuel, 500);
  UNIT_EQ(a->line, 15);
  if (UNIT_EQ(a->source_count, 1) && UNIT_EQ(a->channel_count, 2) &&
      UNIT_EQ(a->input_count, 2)) {
    UNIT_STR_EQ(a->sources[0].name, "TEMP");
    UNIT_EQ(a->sources[0].has_arg, false);
    UNIT_STR_EQ(a->channels[0].call, "heat(0, arg1)");
    UNIT_EQ(a->channels[0].has_arg, true);
    UNIT_EQ(a->channels[0].arg, 1);
    UNIT_EQ(a->channels[1].has_arg, false);
    UNIT_STR_EQ(a->inputs[1].to, "mem 0x100 64");
    UNIT_STR_EQ(a->inputs[1].call, "byte_at(task,index)");
  }
done:
  fhost_config_free(c);
}

static void defaults(void) {
  struct fisa_error err;
  struct fhost_config *c = parse("agents = ( { name = \"a\"; "
                                 "program = \"a.flx\"; } );", &err);
  const struct fhost_agent_config *a;

  if (!UNIT_TRUE(c != NULL, "%s", err.text))
    return;
  UNIT_STR_EQ(c->name, "flux-host");
  UNIT_EQ(c->threads, 1);
  UNIT_EQ(c->seed, 1);
  UNIT_EQ(c->tasks, 0);
  UNIT_STR_EQ(c->outputs, "");
  UNIT_EQ(c->log_level, FLUX_LOG_INFO);
  UNIT_EQ(c->native_count, 0);
  UNIT_EQ(c->plugin_count, 0);
  a = &c->agents[0];
  UNIT_STR_EQ(a->dialect, "");
  UNIT_STR_EQ(a->manifest, "");
  UNIT_STR_EQ(a->boundary, "");
  UNIT_STR_EQ(a->confidence, "");
  UNIT_EQ(a->fresh_start, true);
  UNIT_TRUE(a->trust == 0, "no trust is no evolution");
  UNIT_EQ(a->thread, -1);
  UNIT_EQ(a->max_task_fuel, 1000000);
  UNIT_EQ(a->source_count + a->channel_count + a->input_count, 0);
  fhost_config_free(c);
}

static void dialects_and_vms(void) {
  static const char text[] =
    "dialects = ( { path = \"mine.fluxisa\"; bindings = \"b/mine.bindings\"; "
    "},\n  { path = \"/abs/other.fluxisa\"; } );\n"
    "vms = ( { dialect = \"mine\"; path = \"libmine.so\"; } );\n";
  struct fisa_error err;
  struct fhost_config *c = parse(text, &err);

  if (!UNIT_TRUE(c != NULL, "%s", err.text))
    return;
  if (UNIT_EQ(c->dialect_count, 2)) {
    UNIT_STR_EQ(c->dialects[0].path, "/etc/flux/mine.fluxisa");
    UNIT_STR_EQ(c->dialects[0].bindings, "/etc/flux/b/mine.bindings");
    UNIT_EQ(c->dialects[0].line, 1);
    UNIT_STR_EQ(c->dialects[1].path, "/abs/other.fluxisa");
    UNIT_STR_EQ(c->dialects[1].bindings, "");
    UNIT_EQ(c->dialects[1].line, 2);
  }
  if (UNIT_EQ(c->vm_count, 1)) {
    UNIT_STR_EQ(c->vms[0].dialect, "mine");
    /* As written: it is looked for where plugins are, too. */
    UNIT_STR_EQ(c->vms[0].path, "libmine.so");
    UNIT_EQ(c->vms[0].line, 3);
  }
  fhost_config_free(c);
}

static void nothing_at_all(void) {
  struct fisa_error err;
  struct fhost_config *c = parse("", &err);

  if (!UNIT_TRUE(c != NULL, "%s", err.text))
    return;
  UNIT_EQ(c->agent_count, 0);
  UNIT_EQ(c->dialect_count, 0);
  UNIT_EQ(c->vm_count, 0);
  fhost_config_free(c);
}

static void plugin_block(void) {
  static const struct {
    const char *name;
    uint32_t type;
    int64_t i;
    double f;
    const char *s;
  } want[] = {
    {"journal", FLUX_SETTING_STRING, 0, 0, "x.db"},
    {"policy.seed", FLUX_SETTING_INT, 1, 1, NULL},
    {"policy.big", FLUX_SETTING_INT, 9000000000, 9e9, NULL},
    {"policy.share", FLUX_SETTING_FLOAT, 0, 0.5, NULL},
    {"policy.on", FLUX_SETTING_BOOL, 1, 0, NULL},
    {"policy.weights.InsertNOP", FLUX_SETTING_FLOAT, 0, 0, NULL},
    {"policy.deny", FLUX_SETTING_STRING, 0, 0, "MUL"},
    {"policy.deny", FLUX_SETTING_STRING, 0, 0, "DIV"},
    {"policy.mixed", FLUX_SETTING_INT, 1, 1, NULL},
    {"policy.mixed", FLUX_SETTING_STRING, 0, 0, "two"},
    {"policy.mixed.three", FLUX_SETTING_INT, 3, 3, NULL},
  };
  const uint32_t n = sizeof want / sizeof want[0];
  struct fisa_error err;
  struct fhost_config *c = parse(full, &err);

  if (!UNIT_TRUE(c != NULL, "%s", err.text))
    return;
  UNIT_EQ(c->plugin_count, 2);
  UNIT_STR_EQ(c->plugins[0].path, "p.so");
  UNIT_EQ(c->plugins[0].enabled, true);
  UNIT_EQ(c->plugins[1].enabled, false);
  UNIT_EQ(c->plugins[1].setting_count, 0);
  UNIT_EQ(c->plugins[0].setting_count, n);
  for (uint32_t i = 0; i < n && i < c->plugins[0].setting_count; i++) {
    const flux_setting *s = &c->plugins[0].settings[i];
    UNIT_EQ(s->struct_size, sizeof *s);
    UNIT_STR_EQ(s->name, want[i].name);
    UNIT_EQ(s->type, want[i].type);
    UNIT_EQ(s->i, want[i].i);
    UNIT_TRUE(s->f == want[i].f, "%s: %g", s->name, s->f);
    UNIT_STR_EQ(s->s, want[i].s);
    UNIT_STR_EQ(s->file, "t.conf");
    UNIT_EQ(s->reserved, 0);
  }
  UNIT_EQ(c->plugins[0].settings[0].line, 10);
  fhost_config_free(c);
}

/* ---- what is wrong with a config ---------------------------------------- */

#define AGENT(more) "agents = ( { name = \"a\"; program = \"p\"; " more " } );"
#define NATIVES \
  "natives = { one = \"l.so:f(i32)->i32\"; nil = \"l.so:g()->void\"; };\n"

static const struct {
  const char *text, *want;
} bad[] = {
  /* syntax */
  {"host = { threads = ; };", "t.conf:1: syntax error"},
  {"host = {\n  threads = 1\n  threads = 2\n};",
   "t.conf:3: duplicate setting name"},
  /* unknown keys, nearest named */
  {"hots = { };", "t.conf:1: unknown key \"hots\" in the config; the nearest "
   "is \"host\""},
  {"\nhost = { thraeds = 2; };", "t.conf:2: unknown key \"thraeds\" in host; "
   "the nearest is \"threads\""},
  {AGENT("chanels = ();"), "t.conf:1: unknown key \"chanels\" in an agent; "
   "the nearest is \"channels\""},
  {AGENT("\n sources = ( { nam = \"X\"; } );"), "t.conf:2: unknown key "
   "\"nam\" in a source; the nearest is \"name\""},
  {AGENT("inputs = ( { two = \"X\"; } );"), "t.conf:1: unknown key \"two\" "
   "in an input; the nearest is \"to\""},
  /* types */
  {"host = 1;", "t.conf:1: \"host\" must be a group { }, not an integer"},
  {"host = { threads = \"2\"; };",
   "t.conf:1: \"threads\" must be an integer, not a string"},
  {"host = { threads = 2.0; };",
   "t.conf:1: \"threads\" must be an integer, not a number with a point"},
  {"host = { name = 5; };",
   "t.conf:1: \"name\" must be a string, not an integer"},
  {"host = { log = 1; };",
   "t.conf:1: \"log\" must be a string, not an integer"},
  {"natives = ();", "t.conf:1: \"natives\" must be a group { }, not a list"},
  {"natives = { a = 1; };", "t.conf:1: native \"a\" must be a string "
   "\"LIBRARY:SYMBOL(TYPE,...)->TYPE\", not an integer"},
  {"agents = { };",
   "t.conf:1: \"agents\" must be a list ( ) of groups, not a group"},
  {"agents = [ 1 ];",
   "t.conf:1: \"agents\" must be a list ( ) of groups, not an array"},
  {"agents = ( 1 );", "t.conf:1: an element of \"agents\" must be a group, "
   "not an integer"},
  {AGENT("fresh_start = 1;"),
   "t.conf:1: \"fresh_start\" must be true or false, not an integer"},
  {AGENT("trust = \"high\";"),
   "t.conf:1: \"trust\" must be a number, not a string"},
  {AGENT("trust = true;"),
   "t.conf:1: \"trust\" must be a number, not true or false"},
  /* ranges */
  {"host = { threads = 0; };", "t.conf:1: \"threads\" must be 1..64, not 0"},
  {"host = { threads = 65; };",
   "t.conf:1: \"threads\" must be 1..64, not 65"},
  {"host = { seed = -1; };",
   "t.conf:1: \"seed\" must be 0..9223372036854775807, not -1"},
  {"host = { tasks = -5; };",
   "t.conf:1: \"tasks\" must be 0..9223372036854775807, not -5"},
  {"host = { log = \"loud\"; };", "t.conf:1: \"log\" must be debug, info, "
   "event, warning or error, not \"loud\""},
  {AGENT("trust = 1.5;"), "t.conf:1: \"trust\" must be 0..1, not 1.5"},
  {AGENT("trust = -1;"), "t.conf:1: \"trust\" must be 0..1, not -1"},
  {AGENT("max_task_fuel = 0;"),
   "t.conf:1: \"max_task_fuel\" must be 1..1000000000000, not 0"},
  {AGENT("thread = 64;"), "t.conf:1: \"thread\" must be -1..63, not 64"},
  {AGENT("thread = 1;"), "t.conf:1: agent \"a\" wants thread 1, but "
   "\"threads\" is 1"},
  {NATIVES AGENT("channels = ( { name = \"SYS\"; arg = 9000000000L; "
   "call = \"one(1)\"; } );"), "t.conf:2: \"arg\" must be "
   "-2147483648..2147483647, not 9000000000"},
  /* what has to be there */
  {"agents = ( { } );", "t.conf:1: an agent has no \"name\""},
  {"agents = ( {\n name = \"a\"; } );",
   "t.conf:1: an agent has no \"program\""},
  {"plugins = ( { name = \"p\"; } );", "t.conf:1: a plugin has no \"path\""},
  {"dialects = ( { } );", "t.conf:1: a dialect has no \"path\""},
  {"dialects = ( { path = \"\"; } );",
   "t.conf:1: \"path\" must not be empty"},
  {"dialects = ( { path = \"a\"; binding = \"b\"; } );", "t.conf:1: unknown "
   "key \"binding\" in a dialect; the nearest is \"bindings\""},
  {"dialects = { };",
   "t.conf:1: \"dialects\" must be a list ( ) of groups, not a group"},
  {"vms = ( { path = \"p.so\"; } );", "t.conf:1: a VM has no \"dialect\""},
  {"vms = ( { dialect = \"d\"; } );", "t.conf:1: a VM has no \"path\""},
  {"vms = ( { dialect = \"d\"; path = \"\"; } );",
   "t.conf:1: \"path\" must not be empty"},
  {"vms = ( { dialect = \"a/b\"; path = \"p\"; } );", "t.conf:1: "
   "\"dialect\": \"a/b\" may hold letters, digits, _ . and - only"},
  {"vms = ( { dialects = \"d\"; path = \"p\"; } );", "t.conf:1: unknown key "
   "\"dialects\" in a VM; the nearest is \"dialect\""},
  {"vms = ( { dialect = \"d\"; path = \"p\"; },\n"
   "  { dialect = \"d\"; path = \"q\"; } );",
   "t.conf:2: the VM of dialect \"d\" is there twice"},
  {AGENT("sources = ( { name = \"T\"; } );"),
   "t.conf:1: a source has no \"call\""},
  {AGENT("inputs = ( { to = \"R1\"; } );"),
   "t.conf:1: an input has no \"call\""},
  {"agents = ( { name = \"\"; program = \"p\"; } );",
   "t.conf:1: \"name\" must not be empty"},
  {"plugins = ( { name = \"p\"; path = \"\"; } );",
   "t.conf:1: \"path\" must not be empty"},
  /* names */
  {"agents = ( { name = \"a b\"; program = \"p\"; } );", "t.conf:1: "
   "\"name\": \"a b\" may hold letters, digits, _ . and - only"},
  {"host = { name = \"0123456789012345678901234567890123456789"
   "012345678901234567890123\"; };",
   "t.conf:1: \"name\" is longer than 63 bytes"},
  {"agents = ( { name = \"a\"; program = \"p\"; },\n"
   "  { name = \"a\"; program = \"q\"; } );",
   "t.conf:2: agent \"a\" is there twice"},
  {"plugins = ( { name = \"a\"; path = \"p\"; },\n"
   "  { name = \"a\"; path = \"q\"; } );",
   "t.conf:2: plugin \"a\" is there twice"},
  /* natives */
  {"natives = { a = \"f(i32)->i32\"; };", "t.conf:1: native \"a\": expected "
   "\"LIBRARY:\" at position 1 of \"f(i32)->i32\""},
  {"natives = {\n a = \"l.so:f(int)->i32\"; };", "t.conf:2: native \"a\": "
   "expected a type (i32, i64, f32, f64) at position 8 of "
   "\"l.so:f(int)->i32\""},
  /* calls */
  {NATIVES AGENT("sources = ( { name = \"T\"; call = \"oen(1)\"; } );"),
   "t.conf:2: \"call\": unknown native \"oen\"; did you mean \"one\"?"},
  {NATIVES AGENT("sources = ( { name = \"T\"; call = \"frobnicate(1)\"; } );"),
   "t.conf:2: \"call\": unknown native \"frobnicate\""},
  {NATIVES AGENT("sources = ( { name = \"T\"; call = \"nil()\"; } );"),
   "t.conf:2: \"call\": \"nil()\" gives no value: the native is void"},
  {NATIVES AGENT("sources = ( { name = \"T\"; call = \"one(index)\"; } );"),
   "t.conf:2: \"call\": expected an integer, task or arg0..arg2 at position "
   "5 of \"one(index)\""},
  {NATIVES AGENT("inputs = ( { to = \"R1\"; call = \"one(arg0)\"; } );"),
   "t.conf:2: \"call\": expected an integer, task or index at position 5 of "
   "\"one(arg0)\""},
  /* places, boundaries, confidence */
  {NATIVES AGENT("inputs = ( { to = \"mem 64\"; call = \"one(1)\"; } );"),
   "t.conf:2: \"to\": expected a number of bytes at position 7 of \"mem 64\""},
  {NATIVES AGENT("inputs = ( { to = \"R1 R2\"; call = \"one(1)\"; } );"),
   "t.conf:2: \"to\": expected the end at position 4 of \"R1 R2\""},
  {AGENT("boundary = \"halt\";"), "t.conf:1: \"boundary\": \"halt\" is none "
   "of default, yield, out:CHANNEL and pc:LABEL"},
  {AGENT("boundary = \"out:\";"), "t.conf:1: \"boundary\": a channel's name "
   "is missing after \"out:\""},
  {AGENT("confidence = \"C1\";"), "t.conf:1: \"confidence\": expected \"/\" "
   "at position 3 of \"C1\""},
  {AGENT("confidence = \"C1/0\";"), "t.conf:1: \"confidence\": expected a "
   "scale above 0 at position 4 of \"C1/0\""},
};

static void every_sentence(void) {
  for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct fisa_error err;
    struct fhost_config *c = parse(bad[i].text, &err);

    UNIT_TRUE(c == NULL, "accepted: %s", bad[i].text);
    UNIT_TRUE(strcmp(err.text, bad[i].want) == 0, "%s\n  gives \"%s\"\n"
              "  not   \"%s\"", bad[i].text, err.text, bad[i].want);
    fhost_config_free(c);
  }
}

/* A text that is cut anywhere is refused or is a config; it never crashes.
 * Sanitizer builds make this worth its time. */
static void any_prefix(void) {
  char *copy = strdup(full);

  for (size_t n = strlen(full); n > 0; n--) {
    struct fisa_error err;
    struct fhost_config *c;

    copy[n] = '\0';
    c = parse(copy, &err);
    if (!c)
      UNIT_TRUE(strncmp(err.text, "t.conf:", 7) == 0, "%s", err.text);
    fhost_config_free(c);
  }
  free(copy);
}

/* Every byte replaced by one that means something to the syntax. */
static void any_byte(void) {
  static const char bytes[] = "{}();=\"0-a\n,[";
  char *copy = strdup(full);
  unsigned long step = 1 + 12 / unit_scale(12);

  for (size_t i = 0; i < sizeof full - 1; i += step) {
    struct fisa_error err;

    copy[i] = bytes[i % (sizeof bytes - 1)];
    fhost_config_free(parse(copy, &err));
    copy[i] = full[i];
  }
  free(copy);
}

static void too_many_agents(void) {
  enum { N = FHOST_MAX_AGENTS + 1, EACH = 64 };
  char *text = malloc(N * EACH + 64), *at = text;
  struct fisa_error err;

  at += sprintf(at, "agents = (");
  for (unsigned i = 0; i < N; i++)
    at += sprintf(at, "%s{ name = \"a%u\"; program = \"p\"; }", i ? "," : "",
                  i);
  sprintf(at, ");");
  UNIT_TRUE(parse(text, &err) == NULL, "accepted");
  UNIT_STR_EQ(err.text, "t.conf:1: \"agents\" has 1025 elements; at most "
              "1024 are allowed");
  free(text);
}

static void deep_settings(void) {
  enum { DEPTH = 400 };
  char text[DEPTH * 8 + 128] = "plugins = ( { name = \"p\"; path = \"p\"; ";
  struct fisa_error err;

  for (int i = 0; i < DEPTH; i++)
    strcat(text, "g = { ");
  strcat(text, "x = 1; ");
  for (int i = 0; i < DEPTH; i++)
    strcat(text, "};");
  strcat(text, "} );");
  UNIT_TRUE(parse(text, &err) == NULL, "accepted");
  UNIT_STR_EQ(err.text, "t.conf:1: the setting's name is longer than 255 "
              "bytes");
}

/* ---- files -------------------------------------------------------------- */

static void put_file(const char *path, const char *text, size_t n) {
  FILE *f = fopen(path, "wb");

  if (!UNIT_TRUE(f != NULL, "%s", path))
    return;
  fwrite(text, 1, n, f);
  fclose(f);
}

static void loads_file(void) {
  char path[4200], real[4096], want[4200];
  struct fhost_config *c = NULL;
  struct fisa_error err;

  snprintf(path, sizeof path, "%s/host.conf", unit_tmpdir());
  put_file(path, full, strlen(full));
  if (!UNIT_TRUE(fhost_config_load(path, &c, &err) == 0, "%s", err.text))
    return;
  UNIT_STR_EQ(c->file, path);
  UNIT_TRUE(realpath(unit_tmpdir(), real) != NULL, "realpath");
  UNIT_STR_EQ(c->folder, real);
  snprintf(want, sizeof want, "%s/agents/t.flx", real);
  UNIT_STR_EQ(c->agents[0].program, want);
  fhost_config_free(c);
}

/* The sentence about an included file names that file. */
static void names_included_file(void) {
  static const char outer[] = "@include \"inner.conf\"\n";
  static const char inner[] = "\n\nhost = { threads = 0; };\n";
  char path[4200], want[4300];
  struct fhost_config *c = NULL;
  struct fisa_error err;

  snprintf(path, sizeof path, "%s/inner.conf", unit_tmpdir());
  put_file(path, inner, strlen(inner));
  snprintf(path, sizeof path, "%s/outer.conf", unit_tmpdir());
  put_file(path, outer, strlen(outer));
  UNIT_EQ(fhost_config_load(path, &c, &err), -1);
  snprintf(want, sizeof want, "inner.conf:3: \"threads\" must be 1..64, not "
           "0");
  UNIT_TRUE(strstr(err.text, want) != NULL, "%s", err.text);
}

static void refuses_files(void) {
  char path[4200], big[FHOST_MAX_CONFIG + 1];
  struct fhost_config *c = NULL;
  struct fisa_error err;

  snprintf(path, sizeof path, "%s/none.conf", unit_tmpdir());
  UNIT_EQ(fhost_config_load(path, &c, &err), -1);
  UNIT_TRUE(strstr(err.text, "none.conf: No such file") != NULL, "%s",
            err.text);
  UNIT_EQ(fhost_config_load(unit_tmpdir(), &c, &err), -1);
  UNIT_TRUE(strstr(err.text, ": Is a directory") != NULL, "%s", err.text);
  put_file(path, "host = {\0};", 11);
  UNIT_EQ(fhost_config_load(path, &c, &err), -1);
  UNIT_TRUE(strstr(err.text, "holds a zero byte") != NULL, "%s", err.text);
  memset(big, ' ', sizeof big);
  put_file(path, big, sizeof big);
  UNIT_EQ(fhost_config_load(path, &c, &err), -1);
  UNIT_TRUE(strstr(err.text, "more than 1048576 bytes") != NULL, "%s",
            err.text);
  put_file(path, big, sizeof big - 1);
  if (UNIT_TRUE(fhost_config_load(path, &c, &err) == 0, "%s", err.text))
    fhost_config_free(c);
  fhost_config_free(NULL);
}

/* ---- the schema --------------------------------------------------------- */

static void rows(void) {
  struct fhost_config_row row;
  unsigned n = 0, found = 0;

  for (; fhost_config_row(n, &row); n++) {
    UNIT_TRUE(row.key[0] && row.type && row.meaning && row.def[0] != '?',
              "row %u", n);
    UNIT_TRUE(strlen(row.meaning) > 8, "%s: %s", row.key, row.meaning);
    if (strcmp(row.key, "host.threads") == 0) {
      UNIT_STR_EQ(row.def, "1");
      UNIT_STR_EQ(row.range, "1..64");
      UNIT_STR_EQ(row.type, "an integer");
      found++;
    }
    if (strcmp(row.key, "agents.sources.call") == 0) {
      UNIT_STR_EQ(row.def, "required");
      found++;
    }
    if (strcmp(row.key, "dialects.path") == 0 ||
        strcmp(row.key, "vms.dialect") == 0) {
      UNIT_STR_EQ(row.def, "required");
      found++;
    }
    if (strcmp(row.key, "agents") == 0) {
      UNIT_STR_EQ(row.range, "at most 1024");
      found++;
    }
  }
  UNIT_EQ(found, 5);
  UNIT_TRUE(n > 30, "%u rows", n);
}

/* docs/config.md, as the schema says it. */
static size_t document(char *out, size_t capacity) {
  struct fhost_config_row row;
  size_t n = (size_t)snprintf(
      out, capacity,
      "# Host config\n\n"
      "The keys of a host's config, in libconfig's syntax. Names with dots "
      "are members\nof groups, and of the groups in a list. A plugin's block "
      "holds its own settings\ntoo: `docs/policy.md`. A test keeps this page "
      "equal to the schema.\n\n"
      "| Key | It is | Default | Range | Meaning |\n"
      "| --- | --- | --- | --- | --- |\n");

  for (unsigned i = 0; fhost_config_row(i, &row); i++)
    n += (size_t)snprintf(out + n, capacity - n,
                          "| `%s` | %s | %s | %s | %s |\n", row.key,
                          row.type, row.def, row.range, row.meaning);
  return n;
}

static void the_document_is_the_schema(void) {
  static char want[32768], have[32768];
  size_t n = document(want, sizeof want), got;
  FILE *f = fopen(unit_src("docs/config.md"), "rb");

  UNIT_TRUE(f != NULL, "docs/config.md");
  got = f ? fread(have, 1, sizeof have - 1, f) : 0;
  if (f)
    fclose(f);
  have[got] = '\0';
  UNIT_EQ(got, n);
  if (strcmp(have, want) == 0)
    return;
  UNIT_TRUE(0, "docs/config.md is not the schema, which follows");
  fputs(want, stderr);
}

static void distances(void) {
  static const struct {
    const char *a, *b;
    unsigned want;
  } cases[] = {
    {"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"host", "host", 0},
    {"host", "hots", 2}, {"threads", "thraeds", 2}, {"kitten", "sitting", 3},
    {"agent", "agents", 1}, {"flaw", "lawn", 2},
  };

  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    unsigned n = fhost_edit_distance(cases[i].a, cases[i].b);
    UNIT_TRUE(n == cases[i].want, "%s %s: %u", cases[i].a, cases[i].b, n);
    n = fhost_edit_distance(cases[i].b, cases[i].a);
    UNIT_TRUE(n == cases[i].want, "%s %s: %u", cases[i].b, cases[i].a, n);
  }
  UNIT_EQ(fhost_edit_distance("a", "0123456789012345678901234567890123456789"
                              "012345678901234567890123"), 64);
}

/* ---- words in a dialect ------------------------------------------------- */

static struct fisa_dialect *unified(void) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err;

  UNIT_TRUE(fisa_dialect_builtin("unified", true, &d, &err) == 0, "%s",
            err.text);
  return d;
}

static void places(void) {
  static const struct {
    const char *text;
    int kind;             /* -1: refused */
    const char *file;
    uint32_t first, count;
  } cases[] = {
    {"R1", FISA_CELLS_FILE, "R", 1, 1},
    {"r63", FISA_CELLS_FILE, "R", 63, 1},
    {"C5", FISA_CELLS_FILE, "C", 5, 1},
    {"F0", FISA_CELLS_FILE, "F", 0, 1},
    {"Z", FISA_CELLS_FILE, "Z", 0, 1},
    {" mem  0x100  64 ", FISA_CELLS_MEM, NULL, 256, 64},
    {"mem 65535 1", FISA_CELLS_MEM, NULL, 65535, 1},
    {"mem 65535 2", -1, NULL, 0, 0},
    {"mem -1 2", -1, NULL, 0, 0},
    {"mem 0 0", -1, NULL, 0, 0},
    {"mem 0 1 2", -1, NULL, 0, 0},
    {"R64", -1, NULL, 0, 0},
    {"R", -1, NULL, 0, 0},
    {"Q1", -1, NULL, 0, 0},
    {"Z1", -1, NULL, 0, 0},
    {"R999999", -1, NULL, 0, 0},
    {"1", -1, NULL, 0, 0},
    {"", -1, NULL, 0, 0},
  };
  struct fisa_dialect *d = unified();

  for (unsigned i = 0; d && i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_error err = {""};
    struct fisa_cells c;
    int rc = fhost_place_resolve(d, cases[i].text, &c, &err);
    int file = cases[i].file ? fisa_file_by_name(d, cases[i].file, 1) : -1;
    uint32_t base = file >= 0 ? d->files[file].first : 0;

    if (!UNIT_TRUE((rc == 0) == (cases[i].kind >= 0), "\"%s\": %d %s",
                   cases[i].text, rc, err.text))
      continue;
    if (rc != 0) {
      UNIT_TRUE(err.text[0], "\"%s\" without a sentence", cases[i].text);
      continue;
    }
    UNIT_EQ(c.kind, cases[i].kind);
    UNIT_EQ(c.first, base + cases[i].first);
    UNIT_EQ(c.count, cases[i].count);
  }
  fisa_dialect_free(d);
}

static void confidences(void) {
  struct fisa_dialect *d = unified();
  struct fisa_error err;
  int32_t cell = 5;
  double scale = 5;
  int file;

  if (!d)
    return;
  file = fisa_file_by_name(d, "C", 1);
  UNIT_EQ(fhost_confidence_resolve(d, "", &cell, &scale, &err), 0);
  UNIT_EQ(cell, -1);
  UNIT_TRUE(scale == 1.0, "%g", scale);
  UNIT_EQ(fhost_confidence_resolve(d, "C1/100", &cell, &scale, &err), 0);
  UNIT_EQ(cell, d->files[file].first + 1);
  UNIT_TRUE(scale == 100.0, "%g", scale);
  UNIT_EQ(fhost_confidence_resolve(d, "C1 / 0.5", &cell, &scale, &err), 0);
  UNIT_TRUE(scale == 0.5, "%g", scale);
  for (unsigned i = 0; i < 6; i++) {
    static const char *const texts[] = {"C64/100", "C1/nan", "C1/inf",
                                        "C1/-1", "C1/1x", "/1"};
    UNIT_TRUE(fhost_confidence_resolve(d, texts[i], &cell, &scale, &err) != 0,
              "accepted %s", texts[i]);
  }
  UNIT_TRUE(scale == 0.5, "written on failure");
  fisa_dialect_free(d);
}

static void boundaries(void) {
  static const char text[] =
    ".dialect unified\n.boundary pc:b\n"
    "a: SYS 1\nb: DEC R1\n JNE R1, a\n HALT\n";
  struct fisa_dialect *d = unified();
  struct fisa_program *p = NULL;
  struct fisa_error err;
  uint8_t hash[32];

  if (!d)
    return;
  if (!UNIT_TRUE(fisa_assemble(d, text, strlen(text), "t", &p, &err) == 0,
                 "%s", err.text))
    goto done;
  memcpy(hash, p->hash, sizeof hash);
  UNIT_EQ(fhost_boundary_set(p, "", &err), 0);
  UNIT_EQ(p->manifest.boundary.kind, FISA_BOUNDARY_PC);
  UNIT_TRUE(memcmp(hash, p->hash, sizeof hash) == 0, "hash changed");
  UNIT_EQ(fhost_boundary_set(p, "yield", &err), 0);
  UNIT_EQ(p->manifest.boundary.kind, FISA_BOUNDARY_DEFAULT);
  UNIT_TRUE(memcmp(hash, p->hash, sizeof hash) != 0, "hash did not change");
  UNIT_EQ(fhost_boundary_set(p, "out:SYS", &err), 0);
  UNIT_EQ(p->manifest.boundary.kind, FISA_BOUNDARY_OUT);
  UNIT_STR_EQ(d->channels[p->manifest.boundary.channel], "SYS");
  UNIT_EQ(fhost_boundary_set(p, "pc:a", &err), 0);
  UNIT_EQ(p->manifest.boundary.pc, 0);
  UNIT_EQ(fhost_boundary_set(p, "pc:b", &err), 0);
  UNIT_TRUE(memcmp(hash, p->hash, sizeof hash) == 0, "the same again");
  UNIT_EQ(fhost_boundary_set(p, "pc:0", &err), 0);
  UNIT_EQ(fhost_boundary_set(p, "pc:nowhere", &err), -1);
  UNIT_STR_EQ(err.text, "the program has no label \"nowhere\"");
  UNIT_EQ(fhost_boundary_set(p, "pc:9999", &err), -1);
  UNIT_EQ(fhost_boundary_set(p, "out:NONE", &err), -1);
  UNIT_STR_EQ(err.text, "dialect unified has no channel \"NONE\"");
  UNIT_EQ(fhost_boundary_set(p, "default", &err), 0);
done:
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* The same with every libconfig: 1.5 would keep the low 32 bits. */
static void numbers_are_not_cut(void) {
  static const struct {
    const char *value, *sentence;
  } cases[] = {
    {"4294967297", "t.conf:2: 4294967297 does not fit into 32 bits; with an L "
     "behind it, it may have 64"},
    {"-2147483649", "t.conf:2: -2147483649 does not fit into 32 bits; with an "
     "L behind it, it may have 64"},
    {"0xFFFFFFFF", "t.conf:2: 0xFFFFFFFF does not fit into 32 bits; with an L "
     "behind it, it may have 64"},
    {"9223372036854775808L", "t.conf:2: 9223372036854775808L does not fit "
     "into 64 bits"},
    {"99999999999999999999999", "t.conf:2: 99999999999999999999999 does not "
     "fit into 64 bits"},
    {"2147483647", NULL}, {"4294967297L", NULL}, {"7 # 4294967297\n", NULL},
    {"7 /* 4294967297\n */", NULL}, {"0x7fffffff", NULL},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[128];
    struct fisa_error err;
    struct fhost_config *c;

    snprintf(text, sizeof text, "host = { name = \"4294967297\";\n  %s = %s; "
             "};", cases[i].value[0] == '-' ? "seed" : "tasks",
             cases[i].value);
    c = parse(text, &err);
    UNIT_STR_EQ(err.text, cases[i].sentence ? cases[i].sentence : "");
    fhost_config_free(c);
  }
}

static const struct unit_test tests[] = {
  {"good", "host", host_values},
  {"good", "agents", agent_values},
  {"good", "defaults", defaults},
  {"good", "dialects and vms", dialects_and_vms},
  {"good", "empty", nothing_at_all},
  {"good", "plugin_block", plugin_block},
  {"bad", "sentences", every_sentence},
  {"bad", "numbers", numbers_are_not_cut},
  {"bad", "any_prefix", any_prefix},
  {"bad", "any_byte", any_byte},
  {"bad", "too_many_agents", too_many_agents},
  {"bad", "deep_settings", deep_settings},
  {"files", "loads", loads_file},
  {"files", "included", names_included_file},
  {"files", "refused", refuses_files},
  {"schema", "rows", rows},
  {"schema", "document", the_document_is_the_schema},
  {"schema", "distances", distances},
  {"words", "places", places},
  {"words", "confidence", confidences},
  {"words", "boundary", boundaries},
};

UNIT_MAIN(tests)
