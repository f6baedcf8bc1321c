/*
 * test_control.c - requests and replies of flux.control/1, through the
 * plugin's one entry, as a tool without agents uses it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <flux/control.h>
#include <flux/services.h>

#include "gpu/ir.h"
#include "plugin/journal.h"
#include "plugin/mutate.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* ---- a host ------------------------------------------------------------- */

const flux_plugin_descriptor *flux_plugin_entry(void);

static flux_setting settings[8];
static uint32_t setting_count;

static const flux_setting *setting_at(uint32_t i, void *ctx) {
  (void)ctx;
  return i < setting_count ? &settings[i] : NULL;
}

static flux_config config = {.struct_size = sizeof config, .at = setting_at};

static const void *host_extension(const char *id, void *ctx) {
  (void)ctx;
  return strcmp(id, FLUX_EXT_CONFIG) == 0 ? &config : NULL;
}

static const flux_host host = {
    .struct_size = sizeof host,
    .abi_version = FLUX_ABI_VERSION,
    .name = "test",
    .version = "0",
    .extension = host_extension,
};

static flux_plugin *plugin_new(void) {
  flux_plugin *p = NULL;
  char message[256] = "";
  config.count = setting_count;
  UNIT_TRUE(flux_plugin_entry()->create(&host, &p, message,
                                        sizeof message) == FLUX_OK,
            "%s", message);
  return p;
}

static void plugin_done(flux_plugin *p) {
  flux_plugin_entry()->destroy(p);
  setting_count = 0;
}

static void set_journal(const char *path) {
  settings[0] = (flux_setting){.struct_size = sizeof settings[0],
                               .type = FLUX_SETTING_STRING,
                               .name = "journal",
                               .s = path,
                               .file = "t.conf",
                               .line = 1};
  setting_count = 1;
}

/* ---- requests ----------------------------------------------------------- */

#define MAX_LINES 4096

static struct {
  unsigned count, stop_at;
  json_t *line[MAX_LINES];
  char message[256];
} reply;

static void forget(void) {
  for (unsigned i = 0; i < reply.count; i++) json_decref(reply.line[i]);
  reply.count = 0;
}

static int32_t take_line(const char *text, size_t size, void *user) {
  UNIT_TRUE(user == &reply, "the user pointer");
  UNIT_EQ(strlen(text), size);
  UNIT_TRUE(strchr(text, '\n') == NULL, "one line");
  if (reply.count == MAX_LINES) return 1;
  reply.line[reply.count] = json_loadb(text, size, 0, NULL);
  UNIT_TRUE(json_is_object(reply.line[reply.count]), "%.200s", text);
  reply.count++;
  return reply.stop_at != 0 && reply.count >= reply.stop_at;
}

static flux_status ask_text(flux_plugin *p, const char *text, size_t size) {
  const flux_control *c =
      flux_plugin_entry()->extension(p, FLUX_EXT_CONTROL);
  forget();
  memset(reply.message, 'x', sizeof reply.message);
  return c->request(p, text, size, take_line, reply.message,
                    sizeof reply.message, &reply);
}

/* Sends an object; takes it. */
static flux_status ask(flux_plugin *p, json_t *request) {
  char *text = json_dumps(request, JSON_COMPACT);
  flux_status rc;
  UNIT_TRUE(text != NULL, "a request");
  rc = ask_text(p, text != NULL ? text : "", text ? strlen(text) : 0);
  if (rc == FLUX_OK) UNIT_STR_EQ(reply.message, "");
  else UNIT_TRUE(reply.message[0] != '\0', "a sentence");
  free(text);
  json_decref(request);
  return rc;
}

static json_t *program_json(const struct fisa_program *p) {
  char *manifest = fisa_manifest_text(p), *hex = malloc(p->size * 2 + 1);
  json_t *o;
  for (uint32_t i = 0; i < p->size; i++)
    snprintf(hex + i * 2, 3, "%02x", p->code[i]);
  o = json_pack("{s:s, s:s, s:I, s:s}", "dialect", "unified", "code", hex,
                "entry", (json_int_t)p->entry, "manifest", manifest);
  free(manifest);
  free(hex);
  return o;
}

static json_t *text_json(const char *text) {
  struct fisa_program *p = isa_program(isa_unified(), text);
  json_t *o = program_json(p);
  fisa_program_free(p);
  return o;
}

static json_t *sample_json(const char *name) {
  static char text[65536];
  char path[128];
  size_t n;
  FILE *f;
  snprintf(path, sizeof path, "samples/agents/%s.flx", name);
  f = fopen(unit_src(path), "rb");
  UNIT_TRUE(f != NULL, "%s", path);
  if (f == NULL) return NULL;
  n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[n] = '\0';
  return text_json(text);
}

static const char *string_of(const json_t *o, const char *key) {
  const char *s = json_string_value(json_object_get(o, key));
  return s != NULL ? s : "(none)";
}

static json_int_t integer_of(const json_t *o, const char *key) {
  return json_integer_value(json_object_get(o, key));
}

static double number_of(const json_t *o, const char *key) {
  return json_number_value(json_object_get(o, key));
}

/* ---- exec --------------------------------------------------------------- */

static void exec_runs(void) {
  flux_plugin *p = plugin_new();
  UNIT_EQ(ask(p, json_pack("{s:s, s:o}", "cmd", "exec", "program",
                           text_json("MOVI R1, 5\nADD R2, R1, R1\nHALT\n"))),
          FLUX_OK);
  UNIT_EQ(reply.count, 1);
  UNIT_STR_EQ(string_of(reply.line[0], "status"), "halt");
  UNIT_EQ(integer_of(reply.line[0], "cycles"), 3);
  UNIT_EQ(json_integer_value(json_array_get(
              json_object_get(reply.line[0], "regs"), 2)), 10);
  plugin_done(p);
}

static void exec_takes_a_state(void) {
  flux_plugin *p = plugin_new();
  json_t *state = json_pack("{s:[i,i,i], s:[[s,i],[s,i]]}", "regs", 0, 7, 8,
                            "in", "SENSE", 42, "SENSE", 43);
  UNIT_EQ(ask(p, json_pack("{s:s, s:s, s:o, s:o}", "cmd", "exec", "engine",
                           "ir", "program",
                           text_json("SENSE R3\nSENSE R4\nSENSE R5\n"
                                     "TELL R1, R2, R3\nHALT\n"),
                           "state", state)),
          FLUX_OK);
  json_t *regs = json_object_get(reply.line[0], "regs");
  UNIT_EQ(json_integer_value(json_array_get(regs, 3)), 42);
  UNIT_EQ(json_integer_value(json_array_get(regs, 4)), 43);
  UNIT_EQ(json_integer_value(json_array_get(regs, 5)), 0);
  char *out = json_dumps(json_object_get(reply.line[0], "out"), JSON_COMPACT);
  UNIT_STR_EQ(out, "[[\"TELL\",7,8,42]]");
  free(out);
  plugin_done(p);
}

/* YIELD does not stop exec; fuel does, and an endless loop needs it. */
static void exec_has_fuel(void) {
  flux_plugin *p = plugin_new();
  const char *loop = "AGAIN: YIELD 0\nINC R1\nJMP AGAIN\n";
  UNIT_EQ(ask(p, json_pack("{s:s, s:o, s:i}", "cmd", "exec", "program",
                           text_json(loop), "fuel", 31)),
          FLUX_OK);
  UNIT_STR_EQ(string_of(reply.line[0], "status"), "fuel");
  UNIT_EQ(integer_of(reply.line[0], "cycles"), 31);
  UNIT_EQ(ask(p, json_pack("{s:s, s:o, s:i}", "cmd", "exec", "program",
                           text_json(loop), "fuel", 0)),
          FLUX_OK);
  UNIT_EQ(integer_of(reply.line[0], "cycles"), 0);
  UNIT_EQ(ask(p, json_pack("{s:s, s:o}", "cmd", "exec", "program",
                           text_json(loop))),
          FLUX_OK);
  UNIT_EQ(integer_of(reply.line[0], "cycles"), 10000000);
  plugin_done(p);
}

/* Data is laid first, any pc may begin, faults are a result. */
static void exec_corners(void) {
  flux_plugin *p = plugin_new();
  UNIT_EQ(ask(p, json_pack("{s:s, s:o}", "cmd", "exec", "program",
                           text_json(".data 0x10 word 77\nLOADI R1, R0, 16\n"
                                     "DIV R2, R1, R0\nHALT\n"))),
          FLUX_OK);
  UNIT_STR_EQ(string_of(reply.line[0], "status"), "fault");
  UNIT_EQ(integer_of(reply.line[0], "fault"), 2);
  UNIT_EQ(json_integer_value(json_array_get(
              json_object_get(reply.line[0], "regs"), 1)), 77);
  UNIT_EQ(ask(p, json_pack("{s:s, s:o, s:{s:i}}", "cmd", "exec", "program",
                           text_json("HALT\nMOVI R1, 9\nHALT\n"), "state",
                           "pc", 1)),
          FLUX_OK);
  UNIT_EQ(json_integer_value(json_array_get(
              json_object_get(reply.line[0], "regs"), 1)), 9);
  UNIT_EQ(ask(p, json_pack("{s:s, s:{s:s, s:s}}", "cmd", "exec", "program",
                           "dialect", "unified", "code", "FFee")),
          FLUX_OK);
  UNIT_STR_EQ(string_of(reply.line[0], "status"), "fault");
  plugin_done(p);
}

static void exec_with_a_table(void) {
  flux_plugin *p = plugin_new();
  size_t n, m;
  const char *text = fisa_builtin_text("unified.fluxisa", &n);
  const char *bind = fisa_builtin_text("unified.bindings", &m);
  json_t *program = text_json("SENSE R1\nHALT\n");
  json_object_set_new(program, "text", json_stringn(text, n));
  UNIT_EQ(ask(p, json_pack("{s:s, s:O}", "cmd", "exec", "program", program)),
          FLUX_OK);
  json_object_set_new(program, "bindings", json_stringn(bind, m));
  UNIT_EQ(ask(p, json_pack("{s:s, s:O, s:{s:[[s,i]]}}", "cmd", "exec",
                           "program", program, "state", "in", "SENSE", 5)),
          FLUX_OK);
  UNIT_EQ(json_integer_value(json_array_get(
              json_object_get(reply.line[0], "regs"), 1)), 5);
  json_object_set_new(program, "text", json_string("fluxisa 1\nnonsense\n"));
  UNIT_EQ(ask(p, json_pack("{s:s, s:O}", "cmd", "exec", "program", program)),
          FLUX_E_MALFORMED);
  json_decref(program);
  plugin_done(p);
}

/* ---- bad requests ------------------------------------------------------- */

/* Requests, and a part of the sentence that refuses each. */
static const struct {
  const char *text, *want;
} bad[] = {
    {"", "no JSON"},
    {"{", "no JSON"},
    {"[]", "\"cmd\""},
    {"7", "no JSON"},
    {"{}", "\"cmd\""},
    {"{\"cmd\":5}", "\"cmd\""},
    {"{\"cmd\":\"fly\"}", "unknown request \"fly\""},
    {"{\"cmd\":\"policy\",\"cmd\":\"policy\"}", "no JSON"},
    {"{\"cmd\":\"policy\",\"colour\":1}", "unknown key \"colour\""},
    {"{\"cmd\":\"exec\"}", "\"program\" must be an object"},
    {"{\"cmd\":\"exec\",\"program\":{}}", "program"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\"}}", "code"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"nix\",\"code\":\"00\"}}",
     "nix"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"0\"}}", "hex"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"zz\"}}", "hex"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"\"}}", "hex"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\",\"entry\":1}}", "entry 1"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\",\"entry\":-1}}", "entry -1"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\",\"manifest\":\".in Q9\"}}", "manifest"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\",\"extra\":1}}", "extra"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"fuel\":-1}", "\"fuel\""},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"fuel\":1.5}", "\"fuel\""},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"engine\":\"cuda\"}", "engine cuda"},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"engine\":7}", "\"engine\""},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"state\":[]}", "\"state\""},
    {"{\"cmd\":\"exec\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"state\":{\"rags\":[]}}", "rags"},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"seed\":\"x\"}", "\"seed\""},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"threads\":0}", "\"threads\""},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"time_limit\":0}", "\"time_limit\""},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"time_limit\":\"1\"}", "\"time_limit\""},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"min_assurance\":\"luck\"}", "min_assurance"},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"deny\":[\"FLY\"]}", "FLY"},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"deny\":[1]}", "deny"},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"deny\":\"MUL\"}", "deny"},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"episodes\":[]}", "episodes"},
    {"{\"cmd\":\"run\",\"program\":{\"dialect\":\"unified\","
     "\"code\":\"00\"},\"episodes\":[{},{\"pc\":\"x\"}]}", "pc"},
    {"{\"cmd\":\"history\"}", "no journal"},
    {"{\"cmd\":\"programs\"}", "no journal"},
    {"{\"cmd\":\"history\",\"journal\":\"/nonexistent/x.db\"}", "x.db"},
    {"{\"cmd\":\"history\",\"agent\":1}", "\"agent\""},
};

static void bad_json(void) {
  flux_plugin *p = plugin_new();
  for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    flux_status rc = ask_text(p, bad[i].text, strlen(bad[i].text));
    UNIT_TRUE(rc != FLUX_OK, "%s", bad[i].text);
    UNIT_TRUE(strstr(reply.message, bad[i].want) != NULL, "%s: \"%s\"",
              bad[i].text, reply.message);
    UNIT_EQ(reply.count, 0);
  }
  plugin_done(p);
}

/* Requests with bytes changed: an answer or a sentence, and no harm. */
static void garbled_requests(void) {
  flux_plugin *p = plugin_new();
  json_t *request = json_pack(
      "{s:s, s:o, s:i, s:{s:[i,i], s:[[s,i]]}}", "cmd", "exec", "program",
      text_json("SENSE R2\nADD R2, R1, R2\nHALT\n"), "fuel", 100, "state",
      "regs", 0, 1, "in", "SENSE", 3);
  char *text = json_dumps(request, 0), *copy = strdup(text);
  uint64_t random = 3;
  size_t n = strlen(text);
  for (unsigned long i = 0; i < unit_scale(3000); i++) {
    memcpy(copy, text, n);
    for (uint32_t k = 1 + isa_below(&random, 4); k > 0; k--)
      copy[isa_below(&random, (uint32_t)n)] = (char)isa_random(&random);
    flux_status rc = ask_text(p, copy, isa_below(&random, 8) ? n : n / 2);
    UNIT_TRUE((rc == FLUX_OK) == (reply.count == 1), "%d, %u lines", (int)rc,
              reply.count);
  }
  free(text);
  free(copy);
  json_decref(request);
  plugin_done(p);
}

static void null_arguments(void) {
  flux_plugin *p = plugin_new();
  const flux_control *c =
      flux_plugin_entry()->extension(p, FLUX_EXT_CONTROL);
  char message[8];
  UNIT_EQ(c->request(NULL, "{}", 2, take_line, message, 8, &reply),
          FLUX_E_INVALID);
  UNIT_EQ(c->request(p, NULL, 2, take_line, message, 8, &reply),
          FLUX_E_INVALID);
  UNIT_EQ(c->request(p, "{}", 2, NULL, message, 8, &reply), FLUX_E_INVALID);
  UNIT_EQ(c->request(p, "{}", 2, take_line, NULL, 0, &reply),
          FLUX_E_INVALID);
  UNIT_EQ(c->request(p, "{}", 2, take_line, message, 8, &reply),
          FLUX_E_INVALID);
  UNIT_EQ(strlen(message), 7);
  plugin_done(p);
}

/* ---- run ---------------------------------------------------------------- */

static const json_t *last_line(void) {
  UNIT_TRUE(reply.count > 0, "a reply");
  return reply.count > 0 ? reply.line[reply.count - 1] : NULL;
}

/* The best program of the last reply. */
static struct fisa_program *best_of(const struct fisa_program *p,
                                    const json_t *final) {
  const char *hex = string_of(final, "code");
  uint8_t code[4096];
  size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n && i < sizeof code; i++) {
    unsigned v = 0;
    sscanf(hex + i * 2, "%2x", &v);
    code[i] = (uint8_t)v;
  }
  return fisa_program_derive(p, code, n,
                             (uint32_t)integer_of(final, "entry"),
                             (uint32_t)integer_of(final, "boundary_pc"));
}

static const char loop_text[] =
    ".in R1 0..20\n.out R3\n.scratch mem 0x100 8\nSTOREI R1, R0, 0x100\n"
    "MOVI R3, 0\nAGAIN: LOADI R2, R0, 0x100\nJEQ R2, DONE\n"
    "MOVI R4, 8\nMUL R5, R2, R4\nADD R3, R3, R5\nDEC R2\n"
    "STOREI R2, R0, 0x100\nJMP AGAIN\nDONE: HALT\n";

/* As much as is needed to find something, and no more where all is slow. */
static json_t *run_request(const char *text, unsigned seed) {
  return json_pack("{s:s, s:o, s:i, s:s, s:i}", "cmd", "run", "program",
                   text_json(text), "seed", (int)seed, "name", "loop",
                   "variants", unit_scale(2) < 2 ? 300 : 2000);
}

static void run_improves(void) {
  flux_plugin *p = plugin_new();
  struct fisa_program *root = isa_program(isa_unified(), loop_text), *best;
  const json_t *final, *r, *records;
  struct fisa_finding f;
  json_t *q = run_request(loop_text, 5);
  json_object_set_new(q, "variants", json_integer(2000));
  UNIT_EQ(ask(p, q), FLUX_OK);
  final = last_line();
  r = json_object_get(final, "result");
  UNIT_STR_EQ(string_of(r, "program"), "loop");
  UNIT_STR_EQ(string_of(r, "dialect"), "unified");
  UNIT_STR_EQ(string_of(r, "assurance"), "fuzz");
  UNIT_STR_EQ(string_of(r, "reason"), "");
  UNIT_EQ(integer_of(r, "seed"), 5);
  UNIT_EQ(integer_of(r, "episodes"), 64);
  UNIT_TRUE(number_of(r, "cycles_after") < 0.7 * number_of(r, "cycles_before"),
            "%g -> %g", number_of(r, "cycles_before"),
            number_of(r, "cycles_after"));
  UNIT_EQ(integer_of(r, "instructions_before"), 11);
  UNIT_TRUE(integer_of(r, "instructions_after") < 11, "smaller");
  UNIT_TRUE(integer_of(r, "variants") > 0, "variants");
  UNIT_TRUE(number_of(r, "seconds") >= 0, "seconds");
  best = best_of(root, final);
  UNIT_TRUE(best != NULL && fisa_verify(best, &f, 1) == 0, "well-formed");
  records = json_object_get(final, "records");
  UNIT_TRUE(json_array_size(records) >= 2, "records");
  UNIT_TRUE(json_is_true(json_object_get(json_array_get(records, 0),
                                         "accepted")), "accepted");
  UNIT_TRUE(json_object_get(json_array_get(records, 0), "time_ms") == NULL,
            "no times");
  fisa_program_free(best);
  fisa_program_free(root);
  plugin_done(p);
}

/* What two runs say, but for the seconds. */
static char *without_time(const json_t *final) {
  json_t *copy = json_deep_copy(final);
  char *text;
  json_object_del(json_object_get(copy, "result"), "seconds");
  text = json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT);
  json_decref(copy);
  return text;
}

static void run_is_determined(void) {
  flux_plugin *p = plugin_new();
  char *first = NULL;
  for (int threads = 1; threads <= 3; threads++) {
    json_t *q = run_request(loop_text, 9);
    char *text;
    json_object_set_new(q, "threads", json_integer(threads));
    UNIT_EQ(ask(p, q), FLUX_OK);
    text = without_time(last_line());
    if (first == NULL) first = text;
    else {
      UNIT_STR_EQ(text, first);
      free(text);
    }
  }
  free(first);
  plugin_done(p);
}

static void run_keeps_the_budget(void) {
  static const int budgets[] = {0, 1, 2, 10, 50, 100, 200};
  flux_plugin *p = plugin_new();
  double before = INFINITY;
  for (unsigned i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
    json_t *q = run_request(loop_text, 1);
    const json_t *r;
    json_object_set_new(q, "variants", json_integer(budgets[i]));
    UNIT_EQ(ask(p, q), FLUX_OK);
    r = json_object_get(last_line(), "result");
    UNIT_TRUE(integer_of(r, "variants") <= budgets[i], "%d, not %d",
              (int)integer_of(r, "variants"), budgets[i]);
    if (budgets[i] == 0)
      UNIT_STR_EQ(string_of(r, "assurance"), "none");
    if (budgets[i] == 100)
      UNIT_TRUE(number_of(r, "cycles_after") < number_of(r, "cycles_before"),
                "100 variants find something");
    UNIT_TRUE(number_of(r, "cycles_after") <= before, "more finds more");
  }
  plugin_done(p);
}

/* Whether the code of a reply has an opcode of this name among its rows. */
static bool uses(const json_t *final, const struct fisa_program *root,
                 const char *name) {
  struct fisa_program *best = best_of(root, final);
  struct fisa_facts *f = NULL;
  bool found = false;
  UNIT_EQ(fisa_facts_make(best, &f, NULL), 0);
  for (uint32_t i = 0; i < f->count; i++)
    found |= strcmp(f->insn[i].row->name, name) == 0;
  fisa_facts_free(f);
  fisa_program_free(best);
  return found;
}

static void run_denies(void) {
  flux_plugin *p = plugin_new();
  struct fisa_program *root = isa_program(isa_unified(), loop_text);
  json_t *q = run_request(loop_text, 1);
  bool loop, shift;
  UNIT_EQ(ask(p, q), FLUX_OK);
  loop = uses(last_line(), root, "LOOP");
  shift = uses(last_line(), root, "SHLI");
  UNIT_TRUE(loop || shift, "new rows are made");
  q = run_request(loop_text, 1);
  json_object_set_new(q, "deny", json_pack("[s, s]", "loop", "SHLI"));
  UNIT_EQ(ask(p, q), FLUX_OK);
  UNIT_TRUE(!uses(last_line(), root, "LOOP"), "LOOP is denied");
  UNIT_TRUE(!uses(last_line(), root, "SHLI"), "SHLI is denied");
  fisa_program_free(root);
  plugin_done(p);
}

/* Given episodes decide what is counted. */
static void run_on_episodes(void) {
  flux_plugin *p = plugin_new();
  json_t *q = run_request(loop_text, 1), *r;
  json_object_set_new(q, "episodes",
                      json_pack("[{s:[i,i]}, {s:[i,i]}]", "regs", 0, 3,
                                "regs", 0, 5));
  UNIT_EQ(ask(p, q), FLUX_OK);
  r = json_object_get(last_line(), "result");
  /* 3 + 8 instructions a round + 2 to leave, and R2 tested once more. */
  UNIT_EQ(integer_of(r, "episodes"), 2);
  UNIT_TRUE(number_of(r, "cycles_before") == (2 + 3 * 8 + 3 + 2 + 5 * 8 + 3) /
            2.0, "%g", number_of(r, "cycles_before"));
  plugin_done(p);
}

static bool was_told(const char *text) {
  for (unsigned i = 0; i < reply.count; i++) {
    const char *s = json_string_value(json_object_get(reply.line[i],
                                                      "progress"));
    if (s != NULL && strstr(s, text) != NULL) return true;
  }
  return false;
}

/* One of three never ends: it is told and left out. */
static void run_on_episodes_without_an_end(void) {
  flux_plugin *p = plugin_new();
  json_t *q = run_request(".in R1 1..50\n.out R3\nagain: NOP\nINC R3\nDEC R1\n"
                          "JNE R1, again\nHALT\n", 1), *r;
  json_object_set_new(q, "episodes",
                      json_pack("[{s:[i,i]}, {s:[i,i]}, {s:[i,i]}]", "regs",
                                0, 3, "regs", 0, 0, "regs", 0, 5));
  UNIT_EQ(ask(p, q), FLUX_OK);
  r = json_object_get(last_line(), "result");
  UNIT_EQ(integer_of(r, "episodes"), 2);
  UNIT_TRUE(was_told("1 of 3 episodes are not used: episode 2 does not end "
                     "within the fuel"), "told");
  plugin_done(p);
}

/* A task that faults ends as it ends: its variant must do the same. */
static void run_with_a_fault(void) {
  flux_plugin *p = plugin_new();
  const char *text = ".in R1 0..3\n.out R3\nMOVI R2, 12\nMOVI R4, 0\n"
                     "ADD R2, R2, R4\nDIV R3, R2, R1\nHALT\n";
  json_t *q = run_request(text, 1), *r;
  json_object_set_new(q, "episodes",
                      json_pack("[{s:[i,i]}, {s:[i,i]}]", "regs", 0, 0,
                                "regs", 0, 3));
  UNIT_EQ(ask(p, q), FLUX_OK);
  r = json_object_get(last_line(), "result");
  UNIT_EQ(integer_of(r, "episodes"), 2);
  UNIT_TRUE(number_of(r, "cycles_before") == 4.5, "%g",
            number_of(r, "cycles_before"));
  UNIT_TRUE(number_of(r, "cycles_after") == 2.5, "%g",
            number_of(r, "cycles_after"));
  plugin_done(p);
}

/* Programs that may not change: the original comes back, and why. */
static void run_leaves_alone(void) {
  static const struct {
    const char *text, *reason;
  } cases[] = {
      {".out R1\nMOVI R1, 1\nJMP 100\nHALT\n", "malformed"},
      {".out R1\nCYCLE_READ R1\nMOVI R2, 3\nHALT\n", "cycle"},
      {".out R1\nASK R1, R2, R3\nHALT\n", "offline meaning"},
      {".out R1\nA: JMP A\nHALT\n", "malformed"},
      {".out R1\nMOVI R1, 1\nHALT\n", ""},
  };
  flux_plugin *p = plugin_new();
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct fisa_program *root = isa_program(isa_unified(), cases[i].text);
    struct fisa_program *best;
    const json_t *r;
    UNIT_EQ(ask(p, run_request(cases[i].text, 1)), FLUX_OK);
    r = json_object_get(last_line(), "result");
    UNIT_TRUE(strstr(string_of(r, "reason"), cases[i].reason) != NULL,
              "%s: %s", cases[i].text, string_of(r, "reason"));
    UNIT_STR_EQ(string_of(r, "assurance"), "none");
    UNIT_TRUE(number_of(r, "cycles_after") == number_of(r, "cycles_before"),
              "unchanged");
    best = best_of(root, last_line());
    UNIT_MEM_EQ(best->hash, root->hash, 32);
    fisa_program_free(best);
    fisa_program_free(root);
  }
  plugin_done(p);
}

/* Progress ends with the figures of the result. */
static void run_tells_progress(void) {
  flux_plugin *p = plugin_new();
  const json_t *told = NULL, *r;
  double least = 1e9;
  json_t *q = json_pack("{s:s, s:o, s:i}", "cmd", "run", "program",
                        sample_json("sort"), "variants", 500);
  UNIT_EQ(ask(p, q), FLUX_OK);
  r = json_object_get(last_line(), "result");
  for (unsigned i = 0; i < reply.count; i++) {
    const json_t *l = json_object_get(reply.line[i], "progress");
    if (!json_is_object(l)) continue;
    told = l;
    UNIT_TRUE(number_of(l, "cost_best") <= number_of(l, "cost_now"), "best");
    UNIT_TRUE(number_of(l, "cost_best") <= least, "it never gets worse");
    UNIT_TRUE(integer_of(l, "variants_per_s") > 0, "rate");
    least = number_of(l, "cost_best");
  }
  UNIT_TRUE(told != NULL, "told");
  if (told != NULL) {
    UNIT_TRUE(integer_of(told, "variants") <= integer_of(r, "variants"),
              "variants");
    UNIT_TRUE(least < number_of(r, "cycles_before"), "less than before");
  }
  plugin_done(p);
}

static void run_finishes_early(void) {
  flux_plugin *p = plugin_new();
  const json_t *r;
  reply.stop_at = 1;
  UNIT_EQ(ask(p, json_pack("{s:s, s:o}", "cmd", "run", "program",
                           sample_json("sort"))),
          FLUX_OK);
  reply.stop_at = 0;
  UNIT_TRUE(json_object_get(reply.line[0], "progress") != NULL, "progress");
  r = json_object_get(last_line(), "result");
  UNIT_TRUE(integer_of(r, "variants") < 2000, "early");
  UNIT_STR_EQ(string_of(r, "assurance"), "fuzz");
  plugin_done(p);
}

static void run_has_a_time_limit(void) {
  flux_plugin *p = plugin_new();
  json_t *q = json_pack("{s:s, s:o, s:f}", "cmd", "run", "program",
                        sample_json("sieve"), "time_limit", 0.05);
  UNIT_EQ(ask(p, q), FLUX_OK);
  UNIT_TRUE(number_of(json_object_get(last_line(), "result"), "seconds") < 30,
            "%g", number_of(json_object_get(last_line(), "result"),
                            "seconds"));
  plugin_done(p);
}

/* Most tasks of this one do not end, so that the states to fuzz it on have to
 * be looked for. */
static void run_with_long_tasks_has_one(void) {
  static const char endless[] = ".dialect unified\n.in R1\n.out R3\n"
      "MOVI R3, 0\nagain: ADD R3, R3, R1\nMOV R4, R4\nDEC R1\n"
      "JNE R1, again\nHALT\n";
  flux_plugin *p = plugin_new();
  json_t *q = run_request(endless, 1);
  double seconds;
  json_object_set_new(q, "variants", json_integer(1000000));
  json_object_set_new(q, "time_limit", json_real(2));
  UNIT_EQ(ask(p, q), FLUX_OK);
  seconds = number_of(json_object_get(last_line(), "result"), "seconds");
  UNIT_TRUE(seconds < 12, "%g", seconds);
  plugin_done(p);
}

/* Weaker assurances are what they say. */
static void run_names_its_assurance(void) {
  flux_plugin *p = plugin_new();
  static const char *const names[] = {"static", "replay", "fuzz"};
  for (unsigned i = 0; i < 3; i++) {
    json_t *q = run_request(loop_text, 1);
    json_object_set_new(q, "min_assurance", json_string(names[i]));
    UNIT_EQ(ask(p, q), FLUX_OK);
    const char *got = string_of(json_object_get(last_line(), "result"),
                                "assurance");
    /* What was fuzzed may have been proved, too. */
    if (i < 2 || strcmp(got, "proof") != 0) UNIT_STR_EQ(got, names[i]);
  }
  plugin_done(p);
}

/* An agent that goes on: what it leaves in memory meets its next task. */
static void run_of_an_agent_that_continues(void) {
  flux_plugin *p = plugin_new();
  const char *text =
      ".in R8 0..100\n.scratch mem 0x100 8\n"
      "TASK: SENSE R1\nMOVI R2, 0\nSTOREI R2, R0, 0x100\n"
      "LOADI R2, R0, 0x100\nADD R2, R2, R1\nSTOREI R2, R0, 0x100\n"
      "LOADI R3, R0, 0x100\nADD R8, R8, R3\nTELL R0, R8, R3\nYIELD 0\n"
      "JMP TASK\n";
  struct fisa_program *root = isa_program(isa_unified(), text), *best;
  struct fir_program *ir = NULL;
  struct fir_lane *lane = fir_lane_new();
  struct fisa_state *s = fisa_state_new(isa_unified());
  const json_t *final;
  UNIT_EQ(ask(p, run_request(text, 1)), FLUX_OK);
  final = last_line();
  UNIT_TRUE(number_of(json_object_get(final, "result"), "cycles_after") <
            number_of(json_object_get(final, "result"), "cycles_before"),
            "better");
  best = best_of(root, final);
  UNIT_EQ(fir_lower(best, &ir, NULL), 0);
  /* Two tasks without input: a variable that is kept by mistake would show
   * in memory or registers, and 0 + 0 does not; so inputs are all 7. */
  fisa_state_start(best, s);
  s->cells[8] = 1;
  json_t *state = json_pack("{s:[i,i,i,i,i,i,i,i,i], s:[[s,i],[s,i],[s,i]]}",
                            "regs", 0, 0, 0, 0, 0, 0, 0, 0, 1, "in", "SENSE",
                            7, "SENSE", 7, "SENSE", 7);
  char *out[2];
  for (int i = 0; i < 2; i++) {
    UNIT_EQ(ask(p, json_pack("{s:s, s:o, s:O, s:i}", "cmd", "exec", "program",
                             program_json(i ? best : root), "state", state,
                             "fuel", i ? 17 : 33)),
            FLUX_OK);
    json_t *list = json_object_get(reply.line[0], "out");
    UNIT_TRUE(json_array_size(list) >= 2, "two tasks");
    json_t *two = json_pack("[O, O]", json_array_get(list, 0),
                            json_array_get(list, 1));
    out[i] = json_dumps(two, JSON_COMPACT);
    json_decref(two);
  }
  UNIT_STR_EQ(out[1], out[0]);
  free(out[0]);
  free(out[1]);
  json_decref(state);
  fir_free(ir);
  fir_lane_free(lane);
  fisa_state_free(s);
  fisa_program_free(best);
  fisa_program_free(root);
  plugin_done(p);
}

/* ---- what is shown ------------------------------------------------------ */

static void policy_lines(void) {
  flux_plugin *p = plugin_new();
  struct fse_policy_row row;
  unsigned n = 0;
  UNIT_EQ(ask(p, json_pack("{s:s}", "cmd", "policy")), FLUX_OK);
  while (fse_policy_row(n, &row)) {
    UNIT_STR_EQ(string_of(reply.line[n], "key"), row.key);
    UNIT_STR_EQ(string_of(reply.line[n], "default"), row.def);
    n++;
  }
  UNIT_EQ(reply.count, n);
  plugin_done(p);
}

/* A kind a line, and every dialect on one side or the other. */
static void kind_lines(void) {
  flux_plugin *p = plugin_new();
  unsigned dialects = 0;
  while (fisa_builtin_name(dialects) != NULL) dialects++;
  UNIT_EQ(ask(p, json_pack("{s:s}", "cmd", "kinds")), FLUX_OK);
  UNIT_EQ(reply.count, fse_kind_count);
  for (uint32_t k = 0; k < fse_kind_count && k < reply.count; k++) {
    const json_t *o = reply.line[k];
    UNIT_STR_EQ(string_of(o, "kind"), fse_kinds[k].name);
    UNIT_STR_EQ(string_of(o, "family"), fse_kinds[k].family);
    UNIT_EQ(json_array_size(json_object_get(o, "available")) +
                json_array_size(json_object_get(o, "unavailable")),
            dialects);
  }
  UNIT_EQ(ask(p, json_pack("{s:s, s:i}", "cmd", "kinds", "k", 1)),
          FLUX_E_INVALID);
  plugin_done(p);
}

static void status_without_agents(void) {
  flux_plugin *p = plugin_new();
  UNIT_EQ(ask(p, json_pack("{s:s}", "cmd", "status")), FLUX_OK);
  UNIT_EQ(reply.count, 0);
  plugin_done(p);
}

/* A journal with two records and a version. */
static void write_journal(const char *path) {
  struct fisa_program *root = isa_program(isa_unified(), loop_text);
  struct fisa_program *child = isa_program(isa_unified(), "HALT\n");
  struct fse_journal *j = NULL;
  const struct fse_place place = {0, 0};
  const struct fse_version v = {child, root, &place, 1, false, NULL};
  struct fse_record r = {.agent = "one", .kind = "RemoveDead", .patch = 3,
                         .generation = 2, .outcome = FSE_ACCEPTED,
                         .assurance = FSE_ASSURE_FUZZ, .time_ms = 99};
  UNIT_EQ(fse_journal_open(path, &j, NULL), 0);
  UNIT_EQ(fse_journal_record(j, &r, &v, NULL), 0);
  snprintf(r.agent, sizeof r.agent, "two");
  r.outcome = FSE_RECOVERED;
  UNIT_EQ(fse_journal_record(j, &r, NULL, NULL), 0);
  fse_journal_close(j);
  fisa_program_free(root);
  fisa_program_free(child);
}

static void check_history(flux_plugin *p, const char *journal) {
  json_t *q = json_pack("{s:s}", "cmd", "history");
  if (journal != NULL)
    json_object_set_new(q, "journal", json_string(journal));
  UNIT_EQ(ask(p, json_incref(q)), FLUX_OK);
  UNIT_EQ(reply.count, 2);
  UNIT_STR_EQ(string_of(reply.line[0], "kind"), "RemoveDead");
  UNIT_EQ(integer_of(reply.line[0], "time_ms"), 99);
  UNIT_STR_EQ(string_of(reply.line[1], "outcome"), "recovered");
  json_object_set_new(q, "agent", json_string("two"));
  UNIT_EQ(ask(p, json_incref(q)), FLUX_OK);
  UNIT_EQ(reply.count, 1);
  json_object_set_new(q, "agent", json_string("three"));
  UNIT_EQ(ask(p, json_incref(q)), FLUX_OK);
  UNIT_EQ(reply.count, 0);
  json_object_del(q, "agent");
  json_object_set_new(q, "cmd", json_string("programs"));
  UNIT_EQ(ask(p, q), FLUX_OK);
  UNIT_EQ(reply.count, 1);
  UNIT_STR_EQ(string_of(reply.line[0], "agent"), "one");
  UNIT_STR_EQ(string_of(reply.line[0], "code"), "00");
  UNIT_EQ(integer_of(reply.line[0], "generation"), 2);
}

static void history_of_a_journal(void) {
  char path[512];
  flux_plugin *p;
  snprintf(path, sizeof path, "%s/history.db", unit_tmpdir());
  write_journal(path);
  set_journal(path);
  p = plugin_new();
  check_history(p, NULL);
  plugin_done(p);
  p = plugin_new();
  check_history(p, path);
  plugin_done(p);
}

/* A journal that cannot be used does not stop the plugin. */
static void a_journal_that_is_none(void) {
  char path[512];
  FILE *f;
  flux_plugin *p;
  snprintf(path, sizeof path, "%s/none.db", unit_tmpdir());
  f = fopen(path, "wb");
  fputs("this is no journal, and long enough to be looked at", f);
  fclose(f);
  set_journal(path);
  p = plugin_new();
  UNIT_EQ(ask(p, json_pack("{s:s}", "cmd", "history")), FLUX_E_NOT_FOUND);
  plugin_done(p);
}

/* ---- the descriptor ----------------------------------------------------- */

static void descriptor(void) {
  const flux_plugin_descriptor *d = flux_plugin_entry();
  flux_plugin *p = plugin_new();
  char message[256];
  UNIT_EQ(d->negotiate(1, 1), 1);
  UNIT_EQ(d->negotiate(1, 99), 1);
  UNIT_EQ(d->negotiate(2, 9), 0);
  UNIT_TRUE(d->extension(p, "flux.nothing/1") == NULL, "unknown");
  UNIT_TRUE(d->extension(p, "flux.evolver/1") == NULL, "no live host");
  plugin_done(p);
  set_journal("x");
  settings[0].name = "jurnal";
  config.count = setting_count;
  UNIT_EQ(d->check(&host, message, sizeof message), FLUX_E_CONFIG);
  UNIT_STR_EQ(message, "t.conf:1: unknown setting \"jurnal\" (did you mean "
                       "\"journal\"?)");
  UNIT_EQ(d->create(&host, &p, message, sizeof message), FLUX_E_CONFIG);
  d->destroy(NULL);
  setting_count = config.count = 0;
  UNIT_EQ(d->check(&host, message, sizeof message), FLUX_OK);
}

static const struct unit_test tests[] = {
    {"exec", "runs", exec_runs},
    {"exec", "state", exec_takes_a_state},
    {"exec", "fuel", exec_has_fuel},
    {"exec", "corners", exec_corners},
    {"exec", "table", exec_with_a_table},
    {"bad", "requests", bad_json},
    {"bad", "garbled", garbled_requests},
    {"bad", "arguments", null_arguments},
    {"run", "improves", run_improves},
    {"run", "determined", run_is_determined},
    {"run", "budget", run_keeps_the_budget},
    {"run", "deny", run_denies},
    {"run", "episodes", run_on_episodes},
    {"run", "endless episodes", run_on_episodes_without_an_end},
    {"run", "fault", run_with_a_fault},
    {"run", "left alone", run_leaves_alone},
    {"run", "progress", run_tells_progress},
    {"run", "early", run_finishes_early},
    {"run", "time limit", run_has_a_time_limit},
    {"run", "time limit, long tasks", run_with_long_tasks_has_one},
    {"run", "assurance", run_names_its_assurance},
    {"run", "continues", run_of_an_agent_that_continues},
    {"show", "policy", policy_lines},
    {"show", "kinds", kind_lines},
    {"show", "status", status_without_agents},
    {"show", "history", history_of_a_journal},
    {"show", "no journal", a_journal_that_is_none},
    {"plugin", "descriptor", descriptor},
};

UNIT_MAIN(tests)
