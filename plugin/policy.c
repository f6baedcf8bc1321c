/*
 * plugin/policy.c - EvolutionPolicy: the table, its defaults, its settings.
 *
 * Every setting is a row. Plain rows write a member of the policy and come
 * from FSE_POLICY; the others (a word, lists, a path) have a function.
 */
#include "plugin/policy.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plugin/mutate.h"

#define MAX_WEIGHT 100.0
#define NEAR_MAX 64     /* longest key that is compared for a suggestion */

/* How a plain value is stored. */
enum member { MEMBER_U32, MEMBER_U64, MEMBER_DOUBLE, MEMBER_BOOL };

enum kind { KIND_INT, KIND_FLOAT, KIND_BOOL, KIND_WORD, KIND_LIST };

static const char *const kind_names[] = {"integer", "number", "boolean",
                                         "string", "list of strings"};

/* A bound or default, as both of what a setting can be. */
struct number {
  int64_t i;
  double f;
};

struct row {
  const char *key;
  enum kind kind;
  enum member member;
  size_t offset;
  struct number def, lo, hi;
  const char *meaning;
};

#define MEMBER_OF(type) \
  _Generic((type)0, uint32_t: MEMBER_U32, uint64_t: MEMBER_U64, \
           double: MEMBER_DOUBLE, bool: MEMBER_BOOL)
#define NUMBER(x) {(int64_t)(x), (double)(x)}

static const struct row rows[] = {
#define ROW(m, type, key, kind, def, lo, hi, text) \
  {"policy." key, KIND_##kind, MEMBER_OF(type), \
   offsetof(struct fse_policy, m), NUMBER(def), NUMBER(lo), NUMBER(hi), text},
    FSE_POLICY(ROW)
#undef ROW
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* ---- settings that are more than a number ------------------------------- */

static const char *const assurances[] = {"none", "static", "replay", "fuzz",
                                         "proof"};

const char *fse_assurance_name(enum fse_assurance a) {
  assert((unsigned)a < sizeof assurances / sizeof assurances[0]);
  return assurances[a];
}

int fse_assurance_by_name(const char *name) {
  assert(name != NULL);
  for (unsigned i = 0; i < sizeof assurances / sizeof assurances[0]; i++)
    if (strcmp(assurances[i], name) == 0) return (int)i;
  return -1;
}

/* Each takes one value; -1 with what is wrong with it in `why`. */
typedef int (*take_word)(struct fse_policy *p, const char *s,
                         struct fisa_error *why);

static int take_assurance(struct fse_policy *p, const char *s,
                          struct fisa_error *why) {
  int a = fse_assurance_by_name(s);
  if (a < FSE_ASSURE_STATIC || a > FSE_ASSURE_PROOF)
    return fisa_fail(why, "it must be \"static\", \"replay\", \"fuzz\" or "
                     "\"proof\"");
  p->min_assurance = (enum fse_assurance)a;
  return 0;
}

static int take_backend(struct fse_policy *p, const char *s,
                        struct fisa_error *why) {
  int b = fbackend_by_word(s);
  if (b < 0)
    return fisa_fail(why, "it must be \"auto\", \"lanes\", \"cuda\" or "
                          "\"ir\"");
  p->backend = (enum fbackend_choice)b;
  return 0;
}

static int take_mnemonic(char list[][FISA_MAX_NAME], uint32_t *count,
                         const char *s, struct fisa_error *why) {
  size_t n = strlen(s);
  if (n == 0 || n >= FISA_MAX_NAME)
    return fisa_fail(why, "it must be a mnemonic");
  if (*count == FSE_MAX_DENY)
    return fisa_fail(why, "at most %d can be listed", FSE_MAX_DENY);
  memcpy(list[(*count)++], s, n + 1);
  return 0;
}

static int take_deny(struct fse_policy *p, const char *s,
                     struct fisa_error *why) {
  return take_mnemonic(p->deny, &p->deny_count, s, why);
}

static int take_allow(struct fse_policy *p, const char *s,
                      struct fisa_error *why) {
  return take_mnemonic(p->allow, &p->allow_count, s, why);
}

static int take_instinct(struct fse_policy *p, const char *s,
                         struct fisa_error *why) {
  size_t n = strlen(s);
  if (n == 0 || n >= FISA_MAX_NAME)
    return fisa_fail(why, "it must be the name of a source or a channel");
  if (p->instinct_count == FSE_MAX_INSTINCTS)
    return fisa_fail(why, "at most %d can be listed", FSE_MAX_INSTINCTS);
  memcpy(p->instinct[p->instinct_count++], s, n + 1);
  return 0;
}

static int take_journal(struct fse_policy *p, const char *s,
                        struct fisa_error *why) {
  if (strlen(s) >= sizeof p->journal)
    return fisa_fail(why, "it must be a path of at most %zu bytes",
                     sizeof p->journal - 1);
  memcpy(p->journal, s, strlen(s) + 1);
  return 0;
}

static int take_plant(struct fse_policy *p, const char *s,
                      struct fisa_error *why) {
  const char *colon = strrchr(s, ':');
  const char *what = colon != NULL ? colon + 1 : s;
  size_t agent = colon != NULL ? (size_t)(colon - s) : 0;
  uint32_t i = p->plant_count;
  if ((strcmp(what, "fault") != 0 && strcmp(what, "wrong") != 0 &&
       strcmp(what, "slow") != 0) ||
      agent >= sizeof p->plant_agent[0])
    return fisa_fail(why, "it must be \"fault\", \"wrong\" or \"slow\", or "
                          "that behind \"AGENT:\"");
  if (i == sizeof p->plant / sizeof p->plant[0])
    return fisa_fail(why, "at most %u can be listed", i);
  memcpy(p->plant[i], what, strlen(what) + 1);
  memcpy(p->plant_agent[i], s, agent);
  p->plant_agent[i][agent] = '\0';
  p->plant_count++;
  return 0;
}

static const struct word {
  const char *key;
  enum kind kind;
  take_word take;
  const char *def, *range, *meaning;
} words[] = {
    {"policy.min_assurance", KIND_WORD, take_assurance, "fuzz",
     "static, replay, fuzz, proof",
     "what a variant must have passed to be offered"},
    {"policy.deny_opcodes", KIND_LIST, take_deny, "none", "mnemonics",
     "rows no new instruction is made of"},
    {"policy.allow_opcodes", KIND_LIST, take_allow, "all", "mnemonics",
     "the only rows new instructions are made of"},
    {"trial.backend", KIND_WORD, take_backend, "auto",
     "auto, lanes, cuda, ir",
     "which engine runs trials; results are the same"},
    {"policy.instincts", KIND_LIST, take_instinct, "none",
     "sources, channels",
     "what a new instinct may read and put out beside the agent's own"},
    {"journal", KIND_WORD, take_journal, "none", "a path",
     "the file that remembers what was found and accepted; none: nothing is"},
    {"test_plant", KIND_LIST, take_plant, "none",
     "fault, wrong, slow, AGENT:fault, ...",
     "test switch: bad patches offered past every check"},
};

#define WORD_COUNT (sizeof words / sizeof words[0])
#define WEIGHTS "policy.weights."

/* ---- defaults ----------------------------------------------------------- */

/* Writes a number to the member of a row. */
static void put(struct fse_policy *p, const struct row *r,
                const struct number *n) {
  char *at = (char *)p + r->offset;
  assert(r->offset < sizeof *p);
  switch (r->member) {
    case MEMBER_U32: *(uint32_t *)(void *)at = (uint32_t)n->i; break;
    case MEMBER_U64: *(uint64_t *)(void *)at = (uint64_t)n->i; break;
    case MEMBER_DOUBLE: *(double *)(void *)at = n->f; break;
    case MEMBER_BOOL: *(bool *)(void *)at = n->i != 0; break;
  }
}

void fse_policy_init(struct fse_policy *p) {
  assert(p != NULL);
  memset(p, 0, sizeof *p);
  for (size_t i = 0; i < ROW_COUNT; i++) put(p, &rows[i], &rows[i].def);
  p->min_assurance = FSE_ASSURE_FUZZ;
  p->backend = FBACKEND_AUTO;
  for (unsigned k = 0; k < FSE_KINDS_MAX; k++) p->weight[k] = 1.0;
}

/* ---- error sentences ---------------------------------------------------- */

/* The end of a long path says more than its start. */
static const char *short_file(const flux_setting *s) {
  const char *file = s->file != NULL ? s->file : "config";
  size_t n = strlen(file);
  return n > 100 ? file + n - 100 : file;
}

static int fail_setting(const flux_setting *s, struct fisa_error *err,
                        const char *what) {
  return fisa_fail(err, "%s:%u: setting \"%.60s\": %s", short_file(s),
                   (unsigned)s->line, s->name, what);
}

/* Edits between two words: a letter in, out or another, two exchanged. */
static unsigned distance(const char *a, const char *b) {
  unsigned d[3][NEAR_MAX + 1];
  size_t n = strlen(a), m = strlen(b);
  if (n > NEAR_MAX || m > NEAR_MAX) return NEAR_MAX;
  for (size_t j = 0; j <= m; j++) d[0][j] = (unsigned)j;
  for (size_t i = 1; i <= n; i++) {
    unsigned *now = d[i % 3], *up = d[(i + 2) % 3], *far = d[(i + 1) % 3];
    now[0] = (unsigned)i;
    for (size_t j = 1; j <= m; j++) {
      unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
      if (up[j] + 1 < best) best = up[j] + 1;
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
          far[j - 2] + 1 < best)
        best = far[j - 2] + 1;
      now[j] = best;
    }
  }
  return d[n % 3][m];
}

/* The key an operator probably meant. */
struct nearest {
  const char *name;
  char key[NEAR_MAX];
  unsigned distance;
};

static void consider(struct nearest *n, const char *key) {
  unsigned d = distance(n->name, key);
  if (d >= n->distance) return;
  n->distance = d;
  snprintf(n->key, sizeof n->key, "%s", key);
}

static int fail_unknown(const flux_setting *s, struct fisa_error *err) {
  struct nearest n = {.name = s->name, .distance = NEAR_MAX};
  size_t length = strlen(s->name);
  for (size_t i = 0; i < ROW_COUNT; i++) consider(&n, rows[i].key);
  for (size_t i = 0; i < WORD_COUNT; i++) consider(&n, words[i].key);
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    char key[NEAR_MAX];
    snprintf(key, sizeof key, WEIGHTS "%s", fse_kinds[k].name);
    consider(&n, key);
  }
  if (n.distance > 2 && n.distance > length / 3)
    return fisa_fail(err, "%s:%u: unknown setting \"%.60s\"", short_file(s),
                     (unsigned)s->line, s->name);
  return fisa_fail(err,
                   "%s:%u: unknown setting \"%.60s\" (did you mean \"%s\"?)",
                   short_file(s), (unsigned)s->line, s->name, n.key);
}

static int fail_type(const flux_setting *s, enum kind want,
                     struct fisa_error *err) {
  static const char *const got[] = {"something else", "an integer",
                                    "a number", "a boolean", "a string"};
  static const char *const wants[] = {"an integer", "a number",
                                      "true or false", "a string", "strings"};
  char what[64];
  unsigned type = s->type <= FLUX_SETTING_STRING ? s->type : 0;
  snprintf(what, sizeof what, "it must be %s, not %s", wants[want],
           got[type]);
  return fail_setting(s, err, what);
}

/* ---- reading ------------------------------------------------------------ */

static void number_text(const struct row *r, const struct number *n,
                        char out[32]) {
  if (r->kind == KIND_INT) snprintf(out, 32, "%lld", (long long)n->i);
  else if (r->kind == KIND_FLOAT) snprintf(out, 32, "%g", n->f);
  else snprintf(out, 32, "%s", n->i ? "true" : "false");
}

static int fail_range(const flux_setting *s, const struct row *r,
                      struct fisa_error *err) {
  char what[96], lo[32], hi[32];
  number_text(r, &r->lo, lo);
  number_text(r, &r->hi, hi);
  snprintf(what, sizeof what, "it must be from %s to %s", lo, hi);
  return fail_setting(s, err, what);
}

static int read_row(struct fse_policy *p, const struct row *r,
                    const flux_setting *s, struct fisa_error *err) {
  struct number n = {s->i, s->f};
  switch (r->kind) {
    case KIND_INT:
      if (s->type != FLUX_SETTING_INT) return fail_type(s, r->kind, err);
      if (n.i < r->lo.i || n.i > r->hi.i) return fail_range(s, r, err);
      break;
    case KIND_FLOAT:
      if (s->type != FLUX_SETTING_INT && s->type != FLUX_SETTING_FLOAT)
        return fail_type(s, r->kind, err);
      if (!(n.f >= r->lo.f && n.f <= r->hi.f)) return fail_range(s, r, err);
      break;
    default:
      if (s->type != FLUX_SETTING_BOOL) return fail_type(s, r->kind, err);
      break;
  }
  put(p, r, &n);
  return 0;
}

static int read_word(struct fse_policy *p, const struct word *w,
                     const flux_setting *s, struct fisa_error *err) {
  struct fisa_error why = {""};
  if (s->type != FLUX_SETTING_STRING || s->s == NULL)
    return fail_type(s, w->kind, err);
  if (w->take(p, s->s, &why) != 0) return fail_setting(s, err, why.text);
  return 0;
}

/* policy.weights.KIND; 1: it is none. */
static int read_weight(struct fse_policy *p, const flux_setting *s,
                       struct fisa_error *err) {
  const char *name = s->name + sizeof WEIGHTS - 1;
  if (strncmp(s->name, WEIGHTS, sizeof WEIGHTS - 1) != 0) return 1;
  assert(fse_kind_count <= FSE_KINDS_MAX);
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    if (strcmp(fse_kinds[k].name, name) != 0) continue;
    if (s->type != FLUX_SETTING_INT && s->type != FLUX_SETTING_FLOAT)
      return fail_type(s, KIND_FLOAT, err);
    if (!(s->f >= 0 && s->f <= MAX_WEIGHT))
      return fail_setting(s, err, "it must be from 0 to 100");
    p->weight[k] = s->f;
    return 0;
  }
  return 1;
}

static int read_setting(struct fse_policy *p, const flux_setting *s,
                        struct fisa_error *err) {
  int rc;
  for (size_t i = 0; i < ROW_COUNT; i++)
    if (strcmp(rows[i].key, s->name) == 0) return read_row(p, &rows[i], s, err);
  for (size_t i = 0; i < WORD_COUNT; i++)
    if (strcmp(words[i].key, s->name) == 0)
      return read_word(p, &words[i], s, err);
  rc = read_weight(p, s, err);
  return rc == 1 ? fail_unknown(s, err) : rc;
}

static bool is_list(const char *name) {
  for (size_t i = 0; i < WORD_COUNT; i++)
    if (words[i].kind == KIND_LIST && strcmp(words[i].key, name) == 0)
      return true;
  return false;
}

/* Whether an earlier setting has the name of setting i. */
static bool repeated(const flux_config *config, void *ctx, uint32_t i,
                     const char *name) {
  for (uint32_t k = 0; k < i; k++) {
    const flux_setting *s = config->at(k, ctx);
    if (s != NULL && s->name != NULL && strcmp(s->name, name) == 0)
      return true;
  }
  return false;
}

int fse_policy_read(struct fse_policy *p, const flux_config *config,
                    void *ctx, struct fisa_error *err) {
  assert(p != NULL && config != NULL);
  if (!FLUX_HAS(config, at) || config->at == NULL)
    return fisa_fail(err, "the host's config service has no settings");
  for (uint32_t i = 0; i < config->count; i++) {
    const flux_setting *s = config->at(i, ctx);
    if (s == NULL || !FLUX_HAS(s, line) || s->name == NULL)
      return fisa_fail(err, "the host gave no setting %u", (unsigned)i);
    if (!is_list(s->name) && repeated(config, ctx, i, s->name))
      return fail_setting(s, err, "it is given twice, or as a list");
    if (read_setting(p, s, err) != 0) return -1;
  }
  return 0;
}

/* ---- mnemonics ---------------------------------------------------------- */

int fse_policy_opcode(const struct fisa_dialect *d, const char *name,
                      struct fisa_error *err) {
  char upper[NEAR_MAX];
  struct nearest n = {.name = upper, .distance = NEAR_MAX};
  size_t i = 0;
  assert(d != NULL && name != NULL);
  if (fisa_row_by_name(d, name, strlen(name)) != NULL) return 0;
  for (; name[i] != '\0' && i + 1 < sizeof upper; i++)
    upper[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32)
                                                : name[i];
  upper[i] = '\0';
  for (i = 0; i < 256; i++)
    if (d->rows[i].defined) consider(&n, d->rows[i].name);
  return fisa_fail(err, "dialect %s has no \"%.40s\"; the nearest is \"%s\"",
                   d->name, name, n.key);
}

/* Whether a built-in dialect has such a row. A policy is for all agents of a
 * host, which may speak several. */
static bool is_elsewhere(const char *name) {
  bool found = false;
  const char *dialect;
  for (unsigned i = 0; !found && (dialect = fisa_builtin_name(i)); i++) {
    struct fisa_dialect *d = NULL;
    if (fisa_dialect_builtin(dialect, false, &d, NULL) != 0) continue;
    found = fisa_row_by_name(d, name, strlen(name)) != NULL;
    fisa_dialect_free(d);
  }
  return found;
}

static int judge_list(const char (*list)[FISA_MAX_NAME], uint32_t count,
                      const char *key, const struct fisa_dialect *d,
                      struct fisa_error *err) {
  struct fisa_error why;
  for (uint32_t i = 0; i < count; i++)
    if (fse_policy_opcode(d, list[i], &why) != 0 && !is_elsewhere(list[i]))
      return fisa_fail(err, "policy.%s: %s", key, why.text);
  return 0;
}

int fse_policy_opcodes(const struct fse_policy *p,
                       const struct fisa_dialect *d, struct fisa_error *err) {
  assert(p != NULL && d != NULL);
  if (judge_list(p->deny, p->deny_count, "deny_opcodes", d, err) != 0)
    return -1;
  return judge_list(p->allow, p->allow_count, "allow_opcodes", d, err);
}

/* ---- the table for help and docs ---------------------------------------- */

bool fse_policy_row(unsigned i, struct fse_policy_row *out) {
  assert(out != NULL);
  memset(out, 0, sizeof *out);
  if (i < ROW_COUNT) {
    const struct row *r = &rows[i];
    out->key = r->key;
    out->kind = kind_names[r->kind];
    out->meaning = r->meaning;
    number_text(r, &r->def, out->def);
    number_text(r, &r->lo, out->lo);
    number_text(r, &r->hi, out->hi);
    return true;
  }
  i -= (unsigned)ROW_COUNT;
  if (i == 0) {
    *out = (struct fse_policy_row){
        WEIGHTS "KIND", kind_names[KIND_FLOAT],
        "how early edits of a kind are tried; 0: never", "1", "0", "100"};
    return true;
  }
  if (--i >= WORD_COUNT) return false;
  out->key = words[i].key;
  out->kind = kind_names[words[i].kind];
  out->meaning = words[i].meaning;
  snprintf(out->def, sizeof out->def, "%s", words[i].def);
  snprintf(out->lo, sizeof out->lo, "%s", words[i].range);
  return true;
}
