/*
 * test_policy.c - EvolutionPolicy: defaults, settings, sentences, docs.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/instance.h"
#include "plugin/mutate.h"
#include "plugin/policy.h"
#include "tests/unit.h"

/* ---- a block of settings as a host would give it ------------------------ */

#define MAX_SETTINGS (FSE_MAX_DENY + 16)

static struct {
  flux_setting item[MAX_SETTINGS];
  uint32_t count;
} block;

static const flux_setting *setting_at(uint32_t i, void *ctx) {
  (void)ctx;
  return i < block.count ? &block.item[i] : NULL;
}

static flux_config config = {.struct_size = sizeof config, .at = setting_at};

static flux_setting *add(const char *name, uint32_t type) {
  flux_setting *s = &block.item[block.count];
  assert(block.count < MAX_SETTINGS);
  memset(s, 0, sizeof *s);
  s->struct_size = sizeof *s;
  s->type = type;
  s->name = name;
  s->file = "host.conf";
  s->line = 10 + block.count;
  config.count = ++block.count;
  return s;
}

static void clear(void) {
  block.count = config.count = 0;
}

static void add_int(const char *name, int64_t v) {
  flux_setting *s = add(name, FLUX_SETTING_INT);
  s->i = v;
  s->f = (double)v;
}

static void add_float(const char *name, double v) {
  add(name, FLUX_SETTING_FLOAT)->f = v;
}

static void add_bool(const char *name, bool v) {
  add(name, FLUX_SETTING_BOOL)->i = v;
}

static void add_string(const char *name, const char *v) {
  add(name, FLUX_SETTING_STRING)->s = v;
}

static struct fse_policy policy;

static int read_block(struct fisa_error *err) {
  fse_policy_init(&policy);
  err->text[0] = '\0';
  return fse_policy_read(&policy, &config, NULL, err);
}

/* The one setting is refused with this sentence. */
static void refused(const char *sentence) {
  struct fisa_error err;
  UNIT_EQ(read_block(&err), -1);
  UNIT_STR_EQ(err.text, sentence);
  clear();
}

static void taken(void) {
  struct fisa_error err;
  UNIT_TRUE(read_block(&err) == 0, "%s", err.text);
  clear();
}

/* ---- defaults ----------------------------------------------------------- */

static void defaults(void) {
  fse_policy_init(&policy);
  UNIT_TRUE(policy.min_trust == 0.5, "min_trust");
  UNIT_TRUE(policy.rollback_fraction == 1.0, "rollback_fraction");
  UNIT_TRUE(policy.confidence_drop == 0.9, "confidence_drop");
  UNIT_EQ(policy.probation_tasks, 16);
  UNIT_EQ(policy.probation_hold, true);
  UNIT_EQ(policy.hold_ms, 2000);
  UNIT_EQ(policy.max_size, 65536);
  UNIT_EQ(policy.budget, 200000);
  UNIT_EQ(policy.fuzz_states, 100000);
  UNIT_EQ(policy.paused, false);
  UNIT_EQ(policy.seed, 1);
  UNIT_EQ(policy.min_assurance, FSE_ASSURE_FUZZ);
  UNIT_EQ(policy.backend, FBACKEND_AUTO);
  UNIT_EQ(policy.deny_count, 0);
  UNIT_EQ(policy.plant_count, 0);
  UNIT_STR_EQ(policy.journal, "");
  for (unsigned k = 0; k < FSE_KINDS_MAX; k++)
    UNIT_TRUE(policy.weight[k] == 1.0, "weight %u", k);
}

/* Every default lies in its range, and can be given as a setting. */
static void defaults_are_legal(void) {
#define IN_RANGE(m, type, key, kind, def, lo, hi, text) \
  UNIT_TRUE((double)(def) >= (double)(lo) && (double)(def) <= (double)(hi), \
            "%s", key);
  FSE_POLICY(IN_RANGE)
#undef IN_RANGE
#define GIVE_INT(key, v) add_int("policy." key, (int64_t)(v));
#define GIVE_FLOAT(key, v) add_float("policy." key, (double)(v));
#define GIVE_BOOL(key, v) add_bool("policy." key, (v) != 0);
#define GIVE(m, type, key, kind, def, lo, hi, text) GIVE_##kind(key, def)
  FSE_POLICY(GIVE)
#undef GIVE
  taken();
}

/* ---- settings ----------------------------------------------------------- */

/* Both ends of each range are legal, what lies beyond is not. */
static void ends_of_ranges(void) {
  struct fisa_error err;
#define ENDS_INT(key, lo, hi) \
  clear(); \
  add_int("policy." key, (int64_t)(lo)); \
  UNIT_TRUE(read_block(&err) == 0, "%s", err.text); \
  clear(); \
  add_int("policy." key, (int64_t)(hi)); \
  UNIT_TRUE(read_block(&err) == 0, "%s", err.text); \
  if ((int64_t)(hi) < INT64_MAX) { \
    clear(); \
    add_int("policy." key, (int64_t)(hi) + ((int64_t)(hi) < INT64_MAX)); \
    UNIT_TRUE(read_block(&err) != 0, "%s", key); \
  } \
  clear(); \
  add_int("policy." key, (int64_t)(lo) - 1); \
  UNIT_TRUE(read_block(&err) != 0, "%s", key);
#define ENDS_FLOAT(key, lo, hi) \
  clear(); \
  add_float("policy." key, (lo)); \
  UNIT_TRUE(read_block(&err) == 0, "%s", err.text); \
  clear(); \
  add_float("policy." key, (hi)); \
  UNIT_TRUE(read_block(&err) == 0, "%s", err.text); \
  clear(); \
  add_float("policy." key, (hi) + 0.001); \
  UNIT_TRUE(read_block(&err) != 0, "%s", key); \
  clear(); \
  add_float("policy." key, (lo) - 0.001); \
  UNIT_TRUE(read_block(&err) != 0, "%s", key); \
  clear(); \
  add_float("policy." key, NAN); \
  UNIT_TRUE(read_block(&err) != 0, "%s: NaN", key);
#define ENDS_BOOL(key, lo, hi)
#define ENDS(m, type, key, kind, def, lo, hi, text) ENDS_##kind(key, lo, hi)
  FSE_POLICY(ENDS)
#undef ENDS
  clear();
}

static void values_arrive(void) {
  add_float("policy.min_trust", 0.25);
  add_int("policy.population", 77);
  add_int("policy.budget", 123456789);
  add_bool("policy.probation_hold", false);
  add_bool("policy.paused", true);
  add_int("policy.seed", INT64_MAX);
  add_string("policy.min_assurance", "replay");
  add_string("journal", "/var/lib/flux/journal.db");
  taken();
  UNIT_TRUE(policy.min_trust == 0.25, "min_trust");
  UNIT_EQ(policy.population, 77);
  UNIT_EQ(policy.budget, 123456789);
  UNIT_EQ(policy.probation_hold, false);
  UNIT_EQ(policy.paused, true);
  UNIT_TRUE(policy.seed == (uint64_t)INT64_MAX, "seed");
  UNIT_EQ(policy.min_assurance, FSE_ASSURE_REPLAY);
  UNIT_STR_EQ(policy.journal, "/var/lib/flux/journal.db");
}

static void backends_by_word(void) {
  for (unsigned i = 0; i < FBACKEND_CHOICES; i++) {
    const char *word = fbackend_word((enum fbackend_choice)i);

    UNIT_EQ(fbackend_by_word(word), i);
    add_string("trial.backend", word);
    taken();
    UNIT_EQ(policy.backend, i);
  }
  UNIT_EQ(fbackend_by_word("Lanes"), -1);
  UNIT_EQ(fbackend_by_word(""), -1);
}

static void a_number_may_be_whole(void) {
  add_int("policy.min_trust", 1);
  add_int("policy.weights.InsertNOP", 3);
  taken();
  UNIT_TRUE(policy.min_trust == 1.0, "min_trust");
}

static void weights(void) {
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    char name[64];
    snprintf(name, sizeof name, "policy.weights.%s", fse_kinds[k].name);
    add_float(name, 0.5 + k);
    taken();
    for (uint32_t i = 0; i < fse_kind_count; i++)
      UNIT_TRUE(policy.weight[i] == (i == k ? 0.5 + k : 1.0), "%s", name);
  }
  UNIT_TRUE(fse_kind_count <= FSE_KINDS_MAX, "%u kinds", fse_kind_count);
  add_float("policy.weights.InsertNOP", 100.5);
  refused("host.conf:10: setting \"policy.weights.InsertNOP\": it must be "
          "from 0 to 100");
  add_float("policy.weights.InsertNOP", -1);
  refused("host.conf:10: setting \"policy.weights.InsertNOP\": it must be "
          "from 0 to 100");
  add_string("policy.weights.InsertNOP", "much");
  refused("host.conf:10: setting \"policy.weights.InsertNOP\": it must be a "
          "number, not a string");
  add_float("policy.weights.InsertNop", 1);
  refused("host.conf:10: unknown setting \"policy.weights.InsertNop\" (did "
          "you mean \"policy.weights.InsertNOP\"?)");
}

static void lists(void) {
  add_string("policy.deny_opcodes", "MUL");
  add_string("policy.deny_opcodes", "DIV");
  add_string("policy.allow_opcodes", "ADD");
  add_string("test_plant", "fault");
  add_string("test_plant", "sum:slow");
  add_string("test_plant", "a:b:wrong");
  taken();
  UNIT_EQ(policy.deny_count, 2);
  UNIT_STR_EQ(policy.deny[0], "MUL");
  UNIT_STR_EQ(policy.deny[1], "DIV");
  UNIT_EQ(policy.allow_count, 1);
  UNIT_STR_EQ(policy.allow[0], "ADD");
  UNIT_EQ(policy.plant_count, 3);
  UNIT_STR_EQ(policy.plant[0], "fault");
  UNIT_STR_EQ(policy.plant_agent[0], "");
  UNIT_STR_EQ(policy.plant[1], "slow");
  UNIT_STR_EQ(policy.plant_agent[1], "sum");
  UNIT_STR_EQ(policy.plant[2], "wrong");
  UNIT_STR_EQ(policy.plant_agent[2], "a:b");
}

/* A dialect is known once an agent attaches. */
static void mnemonics_exist(void) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  UNIT_EQ(fisa_dialect_builtin("unified", true, &d, &err), 0);
  add_string("policy.deny_opcodes", "mul");
  add_string("policy.allow_opcodes", "ADD");
  taken();
  UNIT_EQ(fse_policy_opcodes(&policy, d, &err), 0);
  add_string("policy.deny_opcodes", "movi61");
  taken();
  UNIT_EQ(fse_policy_opcodes(&policy, d, &err), -1);
  UNIT_STR_EQ(err.text, "policy.deny_opcodes: dialect unified has no "
              "\"movi61\"; the nearest is \"MOVI16\"");
  add_string("policy.allow_opcodes", "HULT");
  taken();
  UNIT_EQ(fse_policy_opcodes(&policy, d, &err), -1);
  UNIT_STR_EQ(err.text, "policy.allow_opcodes: dialect unified has no "
              "\"HULT\"; the nearest is \"HALT\"");
  fisa_dialect_free(d);
}

static void lists_are_limited(void) {
  for (int i = 0; i <= FSE_MAX_DENY; i++)
    add_string("policy.deny_opcodes", "MUL");
  refused("host.conf:266: setting \"policy.deny_opcodes\": at most 256 can be "
          "listed");
  for (int i = 0; i < 9; i++) add_string("test_plant", "slow");
  refused("host.conf:18: setting \"test_plant\": at most 8 can be listed");
  add_string("policy.deny_opcodes", "");
  refused("host.conf:10: setting \"policy.deny_opcodes\": it must be a "
          "mnemonic");
  add_string("policy.deny_opcodes", "ANAMELONGERTHANANYMNEMONIC");
  refused("host.conf:10: setting \"policy.deny_opcodes\": it must be a "
          "mnemonic");
}

/* ---- sentences ---------------------------------------------------------- */

static void unknown_keys(void) {
  add_int("policy.min_trsut", 1);
  refused("host.conf:10: unknown setting \"policy.min_trsut\" (did you mean "
          "\"policy.min_trust\"?)");
  add_int("policy.pobation_taks", 1);
  refused("host.conf:10: unknown setting \"policy.pobation_taks\" (did you "
          "mean \"policy.probation_tasks\"?)");
  add_string("jornal", "x");
  refused("host.conf:10: unknown setting \"jornal\" (did you mean "
          "\"journal\"?)");
  add_int("min_trust", 1);
  refused("host.conf:10: unknown setting \"min_trust\"");
  add_int("colour", 1);
  refused("host.conf:10: unknown setting \"colour\"");
  add_int("", 1);
  refused("host.conf:10: unknown setting \"\"");
  add_int("policy.weights.", 1);
  refused("host.conf:10: unknown setting \"policy.weights.\"");
}

/* Names of any length and content get a sentence and nothing else. */
static void hostile_names(void) {
  static char name[4096];
  for (size_t n = 1; n < sizeof name; n += 97) {
    struct fisa_error err;
    memset(name, "p.%s\x01\xFF"[n % 6], n);
    name[n] = '\0';
    add_int(name, 1);
    UNIT_EQ(read_block(&err), -1);
    UNIT_TRUE(strlen(err.text) > 0, "a sentence");
    clear();
  }
}

static void wrong_types(void) {
  add_string("policy.seed", "1");
  refused("host.conf:10: setting \"policy.seed\": it must be an integer, not "
          "a string");
  add_float("policy.seed", 1.0);
  refused("host.conf:10: setting \"policy.seed\": it must be an integer, not "
          "a number");
  add_bool("policy.min_trust", true);
  refused("host.conf:10: setting \"policy.min_trust\": it must be a number, "
          "not a boolean");
  add_int("policy.paused", 1);
  refused("host.conf:10: setting \"policy.paused\": it must be true or false, "
          "not an integer");
  add_int("journal", 1);
  refused("host.conf:10: setting \"journal\": it must be a string, not an "
          "integer");
  add_bool("policy.deny_opcodes", true);
  refused("host.conf:10: setting \"policy.deny_opcodes\": it must be strings, "
          "not a boolean");
  add("policy.seed", 99);
  refused("host.conf:10: setting \"policy.seed\": it must be an integer, not "
          "something else");
}

static void wrong_values(void) {
  add_float("policy.min_trust", 1.5);
  refused("host.conf:10: setting \"policy.min_trust\": it must be from 0 to "
          "1");
  add_int("policy.hold_ms", 0);
  refused("host.conf:10: setting \"policy.hold_ms\": it must be from 1 to "
          "60000");
  add_string("policy.min_assurance", "none");
  refused("host.conf:10: setting \"policy.min_assurance\": it must be "
          "\"static\", \"replay\", \"fuzz\" or \"proof\"");
  add_string("policy.min_assurance", "Fuzz");
  refused("host.conf:10: setting \"policy.min_assurance\": it must be "
          "\"static\", \"replay\", \"fuzz\" or \"proof\"");
  add_string("trial.backend", "gpu");
  refused("host.conf:10: setting \"trial.backend\": it must be \"auto\", "
          "\"lanes\", \"cuda\" or \"ir\"");
  add_int("trial.backend", 1);
  refused("host.conf:10: setting \"trial.backend\": it must be a string, not "
          "an integer");
  add_string("trial.backends", "ir");
  refused("host.conf:10: unknown setting \"trial.backends\" (did you mean "
          "\"trial.backend\"?)");
  add_string("test_plant", "sum:");
  refused("host.conf:10: setting \"test_plant\": it must be \"fault\", "
          "\"wrong\" or \"slow\", or that behind \"AGENT:\"");
}

static void paths_are_limited(void) {
  static char path[2000];
  struct fisa_error err;
  memset(path, 'a', sizeof path - 1);
  path[1023] = '\0';
  add_string("journal", path);
  UNIT_EQ(read_block(&err), 0);
  UNIT_EQ(strlen(policy.journal), 1023);
  clear();
  path[1023] = 'a';
  path[1024] = '\0';
  add_string("journal", path);
  refused("host.conf:10: setting \"journal\": it must be a path of at most "
          "1023 bytes");
}

static void repeated_keys(void) {
  add_int("policy.seed", 1);
  add_int("policy.population", 2);
  add_int("policy.seed", 3);
  refused("host.conf:12: setting \"policy.seed\": it is given twice, or as a "
          "list");
  add_string("journal", "a");
  add_string("journal", "b");
  refused("host.conf:11: setting \"journal\": it is given twice, or as a "
          "list");
}

static void long_files_show_their_end(void) {
  static char file[300];
  struct fisa_error err;
  memset(file, 'd', sizeof file - 1);
  memcpy(file + sizeof file - 11, "/host.conf", 11);
  add_int("nonsense", 1);
  block.item[0].file = file;
  UNIT_EQ(read_block(&err), -1);
  UNIT_TRUE(strstr(err.text, "/host.conf:10: unknown") != NULL, "%s",
            err.text);
  block.item[0].file = NULL;
  UNIT_EQ(read_block(&err), -1);
  UNIT_TRUE(strncmp(err.text, "config:10:", 10) == 0, "%s", err.text);
  clear();
}

/* A host that does not keep its side of the contract. */
static void broken_hosts(void) {
  struct fisa_error err;
  flux_config small = {.struct_size = 8, .count = 1};
  fse_policy_init(&policy);
  UNIT_EQ(fse_policy_read(&policy, &small, NULL, &err), -1);
  config.count = 3;
  block.count = 0;
  UNIT_EQ(read_block(&err), -1);
  UNIT_STR_EQ(err.text, "the host gave no setting 0");
  clear();
  add("policy.seed", FLUX_SETTING_INT)->name = NULL;
  UNIT_EQ(read_block(&err), -1);
  clear();
  add("journal", FLUX_SETTING_STRING);
  UNIT_EQ(read_block(&err), -1);
  clear();
}

/* ---- the CPU share ------------------------------------------------------ */

static void pauses(void) {
  static const double shares[] = {0.01, 0.1, 0.25, 0.5, 0.9, 0.99};
  UNIT_EQ(fse_pause_ns(1000, 1), 0);
  UNIT_EQ(fse_pause_ns(UINT64_MAX, 1), 0);
  UNIT_EQ(fse_pause_ns(1000, 7), 0);
  UNIT_EQ(fse_pause_ns(0, 0.01), 0);
  UNIT_EQ(fse_pause_ns(1000, 0.5), 1000);
  UNIT_EQ(fse_pause_ns(1000, 0.2), 4000);
  UNIT_EQ(fse_pause_ns(3600000000000, 0.2), 4 * UINT64_C(3600000000000));
  for (unsigned i = 0; i < sizeof shares / sizeof shares[0]; i++) {
    double worked = 1e9 + 7, rested = (double)fse_pause_ns(1000000007,
                                                           shares[i]);
    UNIT_TRUE(fabs(worked / (worked + rested) - shares[i]) < 1e-8,
              "%g rested %g", shares[i], rested);
  }
}

/* ---- assurances --------------------------------------------------------- */

static void assurance_names(void) {
  for (int a = FSE_ASSURE_NONE; a <= FSE_ASSURE_PROOF; a++)
    UNIT_EQ(fse_assurance_by_name(fse_assurance_name((enum fse_assurance)a)),
            a);
  UNIT_EQ(fse_assurance_by_name("certain"), -1);
  UNIT_EQ(fse_assurance_by_name(""), -1);
}

/* ---- the document ------------------------------------------------------- */

/* docs/policy.md, as the table says it. */
static size_t document(char *out, size_t capacity) {
  struct fse_policy_row row;
  size_t n = (size_t)snprintf(
      out, capacity,
      "# Evolution policy\n\n"
      "The settings of the plugin's block in the host config. "
      "`fluxevolve policy`\nprints the same table; a test keeps this page "
      "equal to it.\n\n"
      "| Setting | Type | Default | From | To | Meaning |\n"
      "| --- | --- | --- | --- | --- | --- |\n");
  for (unsigned i = 0; fse_policy_row(i, &row); i++)
    n += (size_t)snprintf(out + n, capacity - n,
                          "| `%s` | %s | %s | %s | %s | %s |\n", row.key,
                          row.kind, row.def, row.lo, row.hi, row.meaning);
  n += (size_t)snprintf(
      out + n, capacity - n,
      "\nKinds of edits, for `policy.weights.KIND`:\n\n"
      "| Kind | Family | What it does |\n| --- | --- | --- |\n");
  for (uint32_t k = 0; k < fse_kind_count; k++)
    n += (size_t)snprintf(out + n, capacity - n, "| %s | %s | %s |\n",
                          fse_kinds[k].name, fse_kinds[k].family,
                          fse_kinds[k].summary);
  return n;
}

static void the_document_is_the_table(void) {
  static char want[16384], have[16384];
  size_t n = document(want, sizeof want), got;
  FILE *f = fopen(unit_src("docs/policy.md"), "rb");
  UNIT_TRUE(f != NULL, "docs/policy.md");
  if (f == NULL) return;
  got = fread(have, 1, sizeof have - 1, f);
  fclose(f);
  have[got] = '\0';
  UNIT_EQ(got, n);
  if (strcmp(have, want) == 0) return;
  UNIT_TRUE(0, "docs/policy.md is not the table, which follows");
  fputs(want, stderr);
}

static void rows_are_all_there(void) {
  struct fse_policy_row row;
  unsigned n = 0, words = 0;
  while (fse_policy_row(n, &row)) {
    UNIT_TRUE(row.key[0] && row.kind[0] && row.meaning[0], "row %u", n);
    UNIT_TRUE(row.def[0] != '\0', "%s", row.key);
    words += strcmp(row.key, "journal") == 0 ||
             strcmp(row.key, "test_plant") == 0 ||
             strcmp(row.key, "policy.weights.KIND") == 0;
    n++;
  }
  UNIT_EQ(words, 3);
  UNIT_TRUE(!fse_policy_row(n + 1, &row), "past the last");
  UNIT_TRUE(!fse_policy_row(UINT32_MAX, &row), "far past the last");
}

static const struct unit_test tests[] = {
    {"defaults", "values", defaults},
    {"defaults", "legal", defaults_are_legal},
    {"settings", "ends of ranges", ends_of_ranges},
    {"settings", "values arrive", values_arrive},
    {"settings", "backends", backends_by_word},
    {"settings", "whole numbers", a_number_may_be_whole},
    {"settings", "weights", weights},
    {"settings", "lists", lists},
    {"settings", "mnemonics", mnemonics_exist},
    {"settings", "lists are limited", lists_are_limited},
    {"sentences", "unknown", unknown_keys},
    {"sentences", "hostile names", hostile_names},
    {"sentences", "types", wrong_types},
    {"sentences", "values", wrong_values},
    {"sentences", "paths", paths_are_limited},
    {"sentences", "repeated", repeated_keys},
    {"sentences", "files", long_files_show_their_end},
    {"sentences", "broken hosts", broken_hosts},
    {"share", "pauses", pauses},
    {"assurance", "names", assurance_names},
    {"document", "equal", the_document_is_the_table},
    {"document", "rows", rows_are_all_there},
};

UNIT_MAIN(tests)
