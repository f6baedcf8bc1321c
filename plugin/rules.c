/*
 * plugin/rules.c - the store of rules.
 */
#include "plugin/rules.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/build.h"
#include "plugin/bytes.h"

/* One rule; its entry stays where it is. */
struct entry {
  uint8_t name[FSE_RULE_NAME];
  uint64_t kind;              /* of its left side */
  bool held;                  /* there is a rule: a revoked one needs none */
  atomic_bool proved;         /* by this build */
  atomic_bool refused;        /* it could not be */
  atomic_bool revoked;
  struct fse_rule rule;
};

struct fse_rules {
  pthread_mutex_t lock;       /* around what follows */
  struct fse_journal *journal;
  bool has_build;
  uint8_t build[32];
  uint32_t count, capacity;
  struct entry **entry;       /* oldest first */
  atomic_uint revoked;        /* how many are */
};

/* ---- entries ------------------------------------------------------------ */

static struct entry *find(const struct fse_rules *rs, const uint8_t *name) {
  for (uint32_t i = 0; i < rs->count; i++)
    if (memcmp(rs->entry[i]->name, name, FSE_RULE_NAME) == 0)
      return rs->entry[i];
  return NULL;
}

static struct entry *enter(struct fse_rules *rs, const uint8_t *name) {
  struct entry *e;
  if (rs->count == rs->capacity) {
    uint32_t n = rs->capacity ? rs->capacity * 2 : 64;
    struct entry **p = realloc(rs->entry, n * sizeof *p);
    if (p == NULL) return NULL;
    rs->entry = p;
    rs->capacity = n;
  }
  e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  memcpy(e->name, name, FSE_RULE_NAME);
  rs->entry[rs->count++] = e;
  return e;
}

/* Entry i, or NULL: there are not so many. */
static struct entry *nth(struct fse_rules *rs, uint32_t i) {
  struct entry *e;
  pthread_mutex_lock(&rs->lock);
  e = i < rs->count ? rs->entry[i] : NULL;
  pthread_mutex_unlock(&rs->lock);
  return e;
}

/* Rules of the journal on their way in. */
struct loading {
  struct fse_rules *rs;
  bool no_memory;
};

/* A rule of the journal. Its name is the hash of its bytes, or it is none. */
static int load(const struct fse_stored_rule *r, void *user) {
  struct loading *l = user;
  struct fse_rules *rs = l->rs;
  struct fse_rule rule;
  uint8_t name[FSE_RULE_NAME];
  struct entry *e;
  bool held = fse_rule_get(r->bytes, r->size, &rule) == 0;
  fisa_sha256(r->bytes, r->size, name);
  held = held && memcmp(name, r->name, sizeof name) == 0;
  if (!held && !r->revoked) return 0;
  e = enter(rs, r->name);
  l->no_memory = e == NULL;
  if (e == NULL) return 1;
  e->held = held;
  if (held) {
    e->rule = rule;
    e->kind = fse_form_kind(&rule.left);
  }
  e->proved = rs->has_build && memcmp(r->build, rs->build, 32) == 0;
  e->revoked = r->revoked;
  rs->revoked += r->revoked;
  return 0;
}

/* Leaves out the oldest of too many, which come first; revoked ones take part
 * no more. */
static void thin(struct fse_rules *rs) {
  uint32_t live = fse_rules_count(rs);
  for (uint32_t i = 0; i < rs->count && live > FSE_RULES_MAX; i++) {
    if (rs->entry[i]->revoked) continue;
    rs->entry[i]->held = false;
    live--;
  }
}

struct fse_rules *fse_rules_new(struct fse_journal *j,
                                struct fisa_error *err) {
  struct fse_rules *rs = calloc(1, sizeof *rs);
  struct loading l = {rs, false};
  if (rs == NULL || pthread_mutex_init(&rs->lock, NULL) != 0) {
    free(rs);
    fisa_fail(err, "out of memory");
    return NULL;
  }
  rs->journal = j;
  rs->has_build = fse_build_id(rs->build);
  if (j != NULL && (fse_journal_rules(j, load, err, &l) != 0 || l.no_memory)) {
    if (l.no_memory) fisa_fail(err, "out of memory");
    fse_rules_free(rs);
    return NULL;
  }
  thin(rs);
  return rs;
}

void fse_rules_free(struct fse_rules *rs) {
  if (rs == NULL) return;
  for (uint32_t i = 0; i < rs->count; i++) free(rs->entry[i]);
  free(rs->entry);
  pthread_mutex_destroy(&rs->lock);
  free(rs);
}

static bool usable(const struct entry *e) {
  return e->held && !e->revoked && !e->refused;
}

uint32_t fse_rules_count(struct fse_rules *rs) {
  uint32_t n = 0;
  pthread_mutex_lock(&rs->lock);
  for (uint32_t i = 0; i < rs->count; i++) n += usable(rs->entry[i]);
  pthread_mutex_unlock(&rs->lock);
  return n;
}

/* ---- coming and going --------------------------------------------------- */

/* Tells the journal that this build has proved a rule. */
static void keep(const struct fse_rules *rs, const uint8_t *name,
                 const struct fse_writer *w) {
  const struct fse_stored_rule r = {name, rs->build, w->bytes, w->size,
                                    false};
  if (rs->journal != NULL)
    (void)fse_journal_rule_put(rs->journal, &r, NULL);
}

const uint8_t *fse_rules_add(struct fse_rules *rs, const struct fse_rule *r) {
  struct fse_writer w = {0};
  uint8_t name[FSE_RULE_NAME];
  struct entry *e = NULL;
  if (fse_rule_put(&w, r)) {
    fisa_sha256(w.bytes, w.size, name);
    pthread_mutex_lock(&rs->lock);
    e = find(rs, name);
    if (e == NULL && (e = enter(rs, name)) != NULL) {
      e->rule = *r;
      e->kind = fse_form_kind(&r->left);
      e->held = true;
    }
    if (e != NULL && e->revoked) e = NULL;
    if (e != NULL) e->proved = true;
    pthread_mutex_unlock(&rs->lock);
    if (e != NULL) keep(rs, e->name, &w);
  }
  free(w.bytes);
  return e == NULL ? NULL : e->name;
}

void fse_rules_revoke(struct fse_rules *rs,
                      const uint8_t name[FSE_RULE_NAME]) {
  struct entry *e;
  bool was = true;
  pthread_mutex_lock(&rs->lock);
  e = find(rs, name);
  if (e == NULL) e = enter(rs, name);
  if (e != NULL) was = atomic_exchange(&e->revoked, true);
  if (!was) atomic_fetch_add(&rs->revoked, 1);
  pthread_mutex_unlock(&rs->lock);
  if (!was && rs->journal != NULL)
    (void)fse_journal_rule_revoke(rs->journal, name, NULL);
}

bool fse_rules_tainted(struct fse_rules *rs, const struct fse_uses *uses) {
  bool tainted = false;
  if (atomic_load(&rs->revoked) == 0) return false;
  if (uses->more) return true;
  pthread_mutex_lock(&rs->lock);
  for (uint32_t i = 0; i < uses->count && !tainted; i++) {
    const struct entry *e = find(rs, uses->name[i]);
    tainted = e != NULL && e->revoked;
  }
  pthread_mutex_unlock(&rs->lock);
  return tainted;
}

/* ---- use ---------------------------------------------------------------- */

bool fse_rules_may(struct fse_rules *rs, const struct fse_wform *f) {
  uint64_t kind = fse_form_kind(f);
  bool may = false;
  pthread_mutex_lock(&rs->lock);
  for (uint32_t i = 0; i < rs->count && !may; i++)
    may = rs->entry[i]->kind == kind && usable(rs->entry[i]);
  pthread_mutex_unlock(&rs->lock);
  return may;
}

/* Whether this build stands for a rule: it has proved it, or does so now. */
static bool stands(struct fse_rules *rs, struct entry *e,
                   const struct fse_rules_use *u) {
  struct fse_writer w = {0};
  struct fse_rule rule = e->rule;
  if (e->proved) return true;
  if (u->prover == NULL) return false;
  switch (fse_rule_prove(&rule, u->prover, u->dialect, false)) {
    case FSE_PROVED:
      e->proved = true;
      if (fse_rule_put(&w, &rule)) keep(rs, e->name, &w);
      free(w.bytes);
      return true;
    case FSE_REFUTED:
      fse_rules_revoke(rs, e->name);
      return false;
    default:
      /* Who is gone does not speak for the others. */
      e->refused = !fse_prover_stopped(u->prover);
      return false;
  }
}

int fse_rules_apply(struct fse_rules *rs, const struct fse_rules_use *u,
                    struct fse_patch *patch, const uint8_t **name) {
  uint64_t kind = fse_form_kind(&u->q->task->form);
  struct fse_match match;
  struct fse_patch p;
  struct entry *e;
  int found = 0;
  for (uint32_t i = 0; (e = nth(rs, i)) != NULL; i++) {
    int rc;
    if (e->kind != kind || !usable(e) ||
        !fse_rule_matches(&e->rule, &u->q->task->form, &match) ||
        !stands(rs, e, u))
      continue;
    rc = fse_rule_apply(&e->rule, &match, u->q, &p);
    if (rc == -2) return -1;
    if (rc == -1) fse_rules_revoke(rs, e->name);
    if (rc != 1 || (found && p.cost >= patch->cost)) continue;
    *patch = p;
    *name = e->name;
    found = 1;
  }
  return found;
}
