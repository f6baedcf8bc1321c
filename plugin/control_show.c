/*
 * plugin/control_show.c - requests that show: policy, history, status,
 * programs.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "plugin/control_impl.h"

/* ---- policy ------------------------------------------------------------- */

flux_status fse_control_policy(struct fse_control *c) {
  static const char *const keys[] = {"cmd", NULL};
  struct fse_policy_row row;
  flux_status rc = fse_control__keys(c, keys);
  for (unsigned i = 0; rc == FLUX_OK && fse_policy_row(i, &row); i++)
    rc = fse_control__send(
        c, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "key", row.key, "type",
                     row.kind, "default", row.def, "min", row.lo, "max",
                     row.hi, "meaning", row.meaning));
  return rc;
}

/* ---- kinds -------------------------------------------------------------- */

/* The built-in dialects that have rows for a kind, or those that have none;
 * NULL: memory. */
static json_t *dialects_with(const struct fse_kind *kind,
                             const struct fse_policy *policy, bool with) {
  json_t *list = json_array();
  const char *name;
  for (unsigned i = 0; list != NULL && (name = fisa_builtin_name(i)); i++) {
    struct fisa_dialect *d = NULL;
    struct fse_lexicon *l = NULL;
    if (fisa_dialect_builtin(name, true, &d, NULL) == 0)
      l = fse_lexicon_new(d, policy);
    if (l != NULL && kind->available(l) == with &&
        json_array_append_new(list, json_string(name)) != 0) {
      json_decref(list);
      list = NULL;
    }
    fse_lexicon_free(l);
    fisa_dialect_free(d);
  }
  return list;
}

flux_status fse_control_kinds(struct fse_control *c) {
  static const char *const keys[] = {"cmd", NULL};
  flux_status rc = fse_control__keys(c, keys);
  for (uint32_t k = 0; rc == FLUX_OK && k < fse_kind_count && !c->finish; k++)
    rc = fse_control__send(
        c, json_pack("{s:s, s:s, s:s, s:f, s:o*, s:o*}", "kind",
                     fse_kinds[k].name, "family", fse_kinds[k].family,
                     "meaning", fse_kinds[k].summary, "weight",
                     c->in->policy.weight[k], "available",
                     dialects_with(&fse_kinds[k], &c->in->policy, true),
                     "unavailable",
                     dialects_with(&fse_kinds[k], &c->in->policy, false)));
  return rc;
}

/* ---- the journal -------------------------------------------------------- */

/* The journal of the instance, or the one that the request names. *opened is
 * to be closed in any case. */
static flux_status find_journal(struct fse_control *c,
                                struct fse_journal **out,
                                struct fse_journal **opened) {
  const char *path = NULL;
  flux_status rc = fse_control__string(c, "journal", &path);
  *out = c->in->journal;
  *opened = NULL;
  if (rc != FLUX_OK) return rc;
  if (path != NULL) {
    if (fse_journal_open_ro(path, opened, &c->err) != 0) return FLUX_E_IO;
    *out = *opened;
  }
  if (*out != NULL) return FLUX_OK;
  return fse_control__fail(c, FLUX_E_NOT_FOUND, "no journal is kept");
}

json_t *fse_record_json(const struct fse_record *r, bool with_time) {
  char parent[65], child[65];
  json_t *o;
  assert(r != NULL);
  fisa_hex32(r->parent, parent);
  fisa_hex32(r->child, child);
  o = json_pack(
      "{s:s, s:I, s:I, s:s, s:f, s:f, s:f, s:f, s:b, s:s, s:s, s:s, s:s, s:s}",
      "agent", r->agent, "patch", (json_int_t)r->patch, "generation",
      (json_int_t)r->generation, "kind", r->kind, "fitness_before",
      r->fitness_before, "fitness_after", r->fitness_after, "cost_before",
      r->cost_before, "cost_after", r->cost_after, "accepted",
      r->outcome == FSE_ACCEPTED, "outcome", fse_outcome_name(r->outcome),
      "reason", r->reason, "assurance", fse_assurance_name(r->assurance),
      "parent", parent, "child", child);
  if (o != NULL && with_time &&
      json_object_set_new(o, "time_ms",
                          json_integer((json_int_t)r->time_ms)) != 0) {
    json_decref(o);
    return NULL;
  }
  return o;
}

/* A list that goes out line by line. */
struct sending {
  struct fse_control *c;
  flux_status rc;
};

static int send_record(const struct fse_record *r, void *user) {
  struct sending *s = user;
  s->rc = fse_control__send(s->c, fse_record_json(r, true));
  return s->rc != FLUX_OK || s->c->finish;
}

flux_status fse_control_history(struct fse_control *c) {
  static const char *const keys[] = {"cmd", "agent", "journal", NULL};
  struct fse_journal *j, *opened = NULL;
  struct sending sending = {c, FLUX_OK};
  const char *agent = NULL;
  flux_status rc = fse_control__keys(c, keys);
  if (rc == FLUX_OK) rc = fse_control__string(c, "agent", &agent);
  if (rc == FLUX_OK) rc = find_journal(c, &j, &opened);
  if (rc == FLUX_OK &&
      fse_journal_records(j, agent, send_record, &c->err, &sending) != 0)
    rc = FLUX_E_IO;
  fse_journal_close(opened);
  return rc != FLUX_OK ? rc : sending.rc;
}

static int send_version(const char *agent, uint32_t generation,
                        const uint8_t *code, uint32_t size, uint32_t entry,
                        void *user) {
  struct sending *s = user;
  json_t *hex = fse_control__hex(code, size);
  s->rc = fse_control__send(
      s->c, hex == NULL ? NULL
                        : json_pack("{s:s, s:I, s:o, s:I}", "agent", agent,
                                    "generation", (json_int_t)generation,
                                    "code", hex, "entry",
                                    (json_int_t)entry));
  return s->rc != FLUX_OK || s->c->finish;
}

flux_status fse_control_programs(struct fse_control *c) {
  static const char *const keys[] = {"cmd", "journal", NULL};
  struct fse_journal *j, *opened = NULL;
  struct sending sending = {c, FLUX_OK};
  flux_status rc = fse_control__keys(c, keys);
  if (rc == FLUX_OK) rc = find_journal(c, &j, &opened);
  if (rc == FLUX_OK &&
      fse_journal_versions(j, send_version, &c->err, &sending) != 0)
    rc = FLUX_E_IO;
  fse_journal_close(opened);
  return rc != FLUX_OK ? rc : sending.rc;
}

/* ---- status ------------------------------------------------------------- */

static const char *phase_name(enum fse_phase phase) {
  static const char *const names[] = {"observing", "ready",     "searching",
                                      "offered",   "probation", "leaving",
                                      "settled",   "frozen",    "control"};
  assert((unsigned)phase < sizeof names / sizeof names[0]);
  return names[phase];
}

/* One agent; the instance lock is held, so that it stays. */
static json_t *agent_json(const struct flux_evolved *a) {
  const struct fse_trend *t = &a->trend;
  return json_pack(
      "{s:s, s:s, s:I, s:I, s:I, s:s, s:I, s:f, s:f, s:f}", "agent", a->name,
      "phase", phase_name(a->phase), "generation", (json_int_t)a->generation,
      "patches", (json_int_t)a->patches, "dropped",
      (json_int_t)atomic_load(&a->ring.dropped), "trend",
      fse_direction_name(t->direction), "points", (json_int_t)t->points,
      "slope", t->slope, "slope_low", t->low, "slope_high", t->high);
}

flux_status fse_control_status(struct fse_control *c) {
  static const char *const keys[] = {"cmd", NULL};
  flux_status rc = fse_control__keys(c, keys);
  json_t *all = json_array(), *item;
  size_t i;
  if (rc != FLUX_OK) goto done;
  if (all == NULL) {
    rc = fse_control__fail(c, FLUX_E_MEMORY, "out of memory");
    goto done;
  }
  pthread_mutex_lock(&c->in->lock);
  for (struct flux_evolved *a = c->in->agents; a != NULL; a = a->next)
    if (json_array_append_new(all, agent_json(a)) != 0)
      rc = fse_control__fail(c, FLUX_E_MEMORY, "out of memory");
  pthread_mutex_unlock(&c->in->lock);
  json_array_foreach(all, i, item) {
    if (rc != FLUX_OK || c->finish) break;
    rc = fse_control__send(c, json_incref(item));
  }
done:
  json_decref(all);
  return rc;
}
