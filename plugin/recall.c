/*
 * plugin/recall.c - answers of searches, as bytes in the journal.
 */
#include "plugin/recall.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/build.h"
#include "plugin/bytes.h"

#define FORM 2u  /* of keys and answers; changes with what a search can do */

/*
 * An answer:
 *
 *   FORM, the build's id (32 bytes), assurance, complete, seed and budget (two
 *   words each), kinds, rules it owes something to (how many, whether there
 *   are more, names), whether there is a program;
 *   then entry, boundary pc, its code, its places
 */

void fse_found_done(struct fse_found *a) {
  fisa_program_free(a->program);
  free(a->places);
  memset(a, 0, sizeof *a);
}

/* ---- the key ------------------------------------------------------------ */

static void put_names(struct fse_writer *w, uint32_t count,
                      const char (*name)[FISA_MAX_NAME]) {
  fse_put(w, count);
  for (uint32_t i = 0; i < count; i++) fse_put_text(w, name[i]);
}

static void put_long(struct fse_writer *w, uint64_t v) {
  fse_put(w, (uint32_t)v);
  fse_put(w, (uint32_t)(v >> 32));
}

static void put_double(struct fse_writer *w, double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  put_long(w, bits);
}

void fse_found_key(const struct fisa_program *root,
                   const struct fse_policy *policy,
                   enum fse_assurance assurance, uint8_t key[32]) {
  struct fse_writer w = {0};
  fse_put(&w, FORM);
  fse_put_bytes(&w, root->hash, sizeof root->hash);
  fse_put(&w, (uint32_t)assurance);
  fse_put(&w, policy->max_size);
  put_double(&w, policy->max_growth);
  fse_put(&w, (uint32_t)policy->max_task_cycles);
  fse_put(&w, policy->fuzz_states);
  put_names(&w, policy->deny_count, policy->deny);
  put_names(&w, policy->allow_count, policy->allow);
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    fse_put_text(&w, fse_kinds[k].name);
    put_double(&w, policy->weight[k]);
  }
  /* Without memory it is a key that nobody has. */
  fisa_sha256(w.failed ? (const uint8_t *)"" : w.bytes, w.failed ? 0 : w.size,
              key);
  free(w.bytes);
}

/* ---- there -------------------------------------------------------------- */

static void put_program(struct fse_writer *w, const struct fse_version *v) {
  const struct fisa_program *p = v->program;
  fse_put(w, p->entry);
  fse_put(w, p->manifest.boundary.pc);
  fse_put(w, p->size);
  fse_put_bytes(w, p->code, p->size);
  fse_put(w, v->place_count);
  fse_put_places(w, v->places, v->place_count);
}

int fse_found_keep(struct fse_journal *j, const uint8_t key[32],
                   const struct fse_version *v, const struct fse_finding *how,
                   struct fisa_error *err) {
  struct fse_writer w = {0};
  uint8_t id[32];
  int rc;
  (void)fse_build_id(id);
  fse_put(&w, FORM);
  fse_put_bytes(&w, id, sizeof id);
  fse_put(&w, (uint32_t)how->assurance);
  fse_put(&w, how->complete);
  put_long(&w, how->seed);
  put_long(&w, how->budget);
  fse_put_text(&w, how->kinds);
  fse_put(&w, how->uses.count);
  fse_put(&w, how->uses.more);
  for (uint32_t i = 0; i < how->uses.count; i++)
    fse_put_bytes(&w, how->uses.name[i], FSE_RULE_NAME);
  fse_put(&w, v->program != NULL);
  if (v->program != NULL) put_program(&w, v);
  rc = w.failed ? fisa_fail(err, "out of memory")
                : fse_journal_put(j, FSE_SHELF_ANSWERS, key, w.bytes, w.size,
                                  err);
  free(w.bytes);
  return rc;
}

int fse_found_forget(struct fse_journal *j, const uint8_t key[32],
                     struct fisa_error *err) {
  return fse_journal_take(j, FSE_SHELF_ANSWERS, key, err);
}

/* ---- and back ----------------------------------------------------------- */

/* Places that lead from the root to the program, in order. */
static void get_places(struct fse_reader *r, const struct fisa_program *root,
                       struct fse_found *a) {
  uint32_t n = fse_get_count(r, 2);
  a->places = malloc((n + 1) * sizeof *a->places);
  if (a->places == NULL) r->failed = true;
  else fse_get_places(r, a->places, n, root->size, a->program->size);
  a->place_count = r->failed ? 0 : n;
}

static void get_program(struct fse_reader *r, const struct fisa_program *root,
                        struct fse_found *a) {
  uint32_t entry = fse_get(r), boundary = fse_get(r), size = fse_get(r);
  uint8_t *code;
  if (r->failed || size == 0 || size > FISA_MAX_CODE || entry >= size ||
      boundary > size) {
    r->failed = true;
    return;
  }
  code = malloc(size);
  if (code != NULL) {
    fse_get_bytes(r, code, size);
    if (!r->failed)
      a->program = fisa_program_derive(root, code, size, entry, boundary);
    free(code);
  }
  if (a->program == NULL) r->failed = true;
  else get_places(r, root, a);
}

static uint64_t get_long(struct fse_reader *r) {
  uint64_t low = fse_get(r);
  return low | (uint64_t)fse_get(r) << 32;
}

static void get_uses(struct fse_reader *r, struct fse_uses *u) {
  u->count = fse_get_count(r, FSE_RULE_NAME / 4);
  if (u->count > FSE_USES_MAX) r->failed = true;
  if (r->failed) u->count = 0;
  u->more = fse_get(r) != 0;
  for (uint32_t i = 0; i < u->count; i++)
    fse_get_bytes(r, u->name[i], FSE_RULE_NAME);
}

static void get_finding(struct fse_reader *r, struct fse_finding *how) {
  uint32_t assurance = fse_get(r);
  if (assurance > FSE_ASSURE_PROOF) r->failed = true;
  else how->assurance = (enum fse_assurance)assurance;
  how->complete = fse_get(r) != 0;
  how->seed = get_long(r);
  how->budget = get_long(r);
  fse_get_text(r, how->kinds, sizeof how->kinds);
  get_uses(r, &how->uses);
}

int fse_found_recall(struct fse_journal *j, const uint8_t key[32],
                     const struct fisa_program *root, struct fse_found *out) {
  struct fse_found f = {.program = NULL};
  struct fse_reader r = {NULL, NULL, false};
  uint8_t *blob = NULL, id[32], own[32];
  size_t size = 0;
  assert(j != NULL && root != NULL);
  if (fse_journal_get(j, FSE_SHELF_ANSWERS, key, &blob, &size, NULL) <= 0)
    return 0;
  r.at = blob;
  r.end = blob + size;
  if (fse_get(&r) != FORM) r.failed = true;
  fse_get_bytes(&r, id, sizeof id);
  f.by_this_build = fse_build_id(own) && memcmp(id, own, sizeof id) == 0;
  get_finding(&r, &f.how);
  if (fse_get(&r) != 0) get_program(&r, root, &f);
  free(blob);
  if (fse_get_ended(&r)) {
    *out = f;
    return 1;
  }
  fse_found_done(&f);
  return 0;
}
