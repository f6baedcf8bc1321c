/*
 * plugin/control_run.c - the request "run".
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/control_impl.h"
#include "plugin/offline.h"

#define MAX_EPISODES 65536u

struct run {
  struct fse_control *c;
  struct fse_policy policy;
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  uint32_t count;
  struct fse_given *given;
  double time_limit;
  const char *name;
};

/* ---- reading ------------------------------------------------------------ */

/* The policy of the instance with what the request says. */
static flux_status read_work(struct run *r) {
  struct fse_control *c = r->c;
  int64_t seed = (int64_t)r->policy.seed, threads = r->policy.threads;
  int64_t variants = (int64_t)r->policy.budget;
  const json_t *limit = json_object_get(c->request, "time_limit");
  flux_status rc = fse_control__integer(
      c, "seed", (struct fse_range){0, INT64_MAX}, &seed);
  if (rc == FLUX_OK)
    rc = fse_control__integer(
        c, "variants", (struct fse_range){0, 1000000000}, &variants);
  if (rc == FLUX_OK)
    rc = fse_control__integer(c, "threads", (struct fse_range){1, 64},
                              &threads);
  if (rc != FLUX_OK) return rc;
  r->policy.seed = (uint64_t)seed;
  r->policy.budget = (uint64_t)variants;
  r->policy.threads = (uint32_t)threads;
  if (limit == NULL) return FLUX_OK;
  r->time_limit = json_number_value(limit);
  if (!json_is_number(limit) || !(r->time_limit > 0 && r->time_limit <= 1e6))
    return fse_control__fail(c, FLUX_E_INVALID,
                             "\"time_limit\" must be seconds above 0, up to "
                             "1000000");
  return FLUX_OK;
}

static flux_status read_assurance(struct run *r) {
  const char *name = NULL;
  flux_status rc = fse_control__string(r->c, "min_assurance", &name);
  int a;
  if (rc != FLUX_OK || name == NULL) return rc;
  a = fse_assurance_by_name(name);
  if (a < FSE_ASSURE_STATIC || a > FSE_ASSURE_PROOF)
    return fse_control__fail(
        r->c, FLUX_E_INVALID,
        "\"min_assurance\" must be \"static\", \"replay\", \"fuzz\" or "
        "\"proof\"");
  r->policy.min_assurance = (enum fse_assurance)a;
  return FLUX_OK;
}

static flux_status read_deny(struct run *r) {
  const json_t *list = json_object_get(r->c->request, "deny"), *item;
  size_t i;
  if (list == NULL) return FLUX_OK;
  if (!json_is_array(list))
    return fse_control__fail(r->c, FLUX_E_INVALID,
                             "\"deny\" must be a list of mnemonics");
  json_array_foreach(list, i, item) {
    const char *name = json_string_value(item);
    struct fisa_error why;
    if (name == NULL)
      return fse_control__fail(r->c, FLUX_E_INVALID,
                               "\"deny\" must be a list of mnemonics");
    if (fse_policy_opcode(r->dialect, name, &why) != 0)
      return fse_control__fail(r->c, FLUX_E_INVALID, "\"deny\": %s",
                               why.text);
    if (r->policy.deny_count == FSE_MAX_DENY)
      return fse_control__fail(r->c, FLUX_E_LIMIT,
                               "\"deny\": at most %d mnemonics",
                               FSE_MAX_DENY);
    snprintf(r->policy.deny[r->policy.deny_count++], FISA_MAX_NAME, "%s",
             name);
  }
  return FLUX_OK;
}

static flux_status read_episode(struct run *r, const json_t *state) {
  struct fse_given *g = &r->given[r->count];
  g->begin = fisa_state_new(r->dialect);
  if (g->begin == NULL)
    return fse_control__fail(r->c, FLUX_E_MEMORY, "out of memory");
  r->count++;
  fisa_state_start(r->program, g->begin);
  return fse_control__state(r->c, state, r->program, g->begin, &g->in);
}

static flux_status read_episodes(struct run *r) {
  const json_t *list = json_object_get(r->c->request, "episodes"), *item;
  flux_status rc = FLUX_OK;
  size_t i, n = json_array_size(list);
  if (list == NULL) return FLUX_OK;
  if (!json_is_array(list) || n == 0 || n > MAX_EPISODES)
    return fse_control__fail(r->c, FLUX_E_INVALID,
                             "\"episodes\" must be a list of 1 to %u states",
                             MAX_EPISODES);
  r->given = calloc(n, sizeof *r->given);
  if (r->given == NULL)
    return fse_control__fail(r->c, FLUX_E_MEMORY, "out of memory");
  json_array_foreach(list, i, item) {
    rc = read_episode(r, item);
    if (rc != FLUX_OK) break;
  }
  return rc;
}

/* Who gave a journal wants it used. */
static flux_status check_journal(struct run *r) {
  const struct fse_instance *in = r->c->in;
  if (in->policy.journal[0] == '\0' || in->journal != NULL) return FLUX_OK;
  return fse_control__fail(r->c, FLUX_E_IO,
                           "the journal \"%.100s\" cannot be used",
                           in->policy.journal);
}

static flux_status read_run(struct run *r) {
  static const char *const keys[] = {
      "cmd",  "program",       "name",    "seed", "variants", "time_limit",
      "deny", "min_assurance", "threads", "episodes", NULL};
  flux_status rc = fse_control__keys(r->c, keys);
  if (rc == FLUX_OK)
    rc = fse_control__program(r->c, &r->dialect, &r->program);
  if (rc == FLUX_OK) rc = check_journal(r);
  if (rc == FLUX_OK) rc = fse_control__string(r->c, "name", &r->name);
  if (rc == FLUX_OK) rc = read_work(r);
  if (rc == FLUX_OK) rc = read_assurance(r);
  if (rc == FLUX_OK &&
      fse_policy_opcodes(&r->policy, r->dialect, &r->c->err) != 0)
    rc = FLUX_E_INVALID;
  if (rc == FLUX_OK) rc = read_deny(r);
  if (rc == FLUX_OK) rc = read_episodes(r);
  return rc;
}

/* What the user should know beside the figures. */
static void send_notes(const struct run *r,
                       const struct fse_offline_result *out) {
  if (out->unused > 0)
    (void)fse_control__send(
        r->c, json_pack("{s:o}", "progress",
                        json_sprintf("%u of %u episodes are not used: %s",
                                     out->unused, r->count,
                                     out->unused_reason)));
  if (out->reason[0] != '\0')
    (void)fse_control__send(r->c, json_pack("{s:s}", "progress",
                                            out->reason));
}

/* ---- answering ---------------------------------------------------------- */

static int on_progress(const struct fse_progress *p, void *user) {
  struct run *r = user;
  json_t *line;
  if (p->cost_best > 0)
    line = json_pack("{s:{s:f, s:f, s:I, s:I}}", "progress", "cost_now",
                     p->cost_now, "cost_best", p->cost_best, "variants",
                     (json_int_t)p->variants, "variants_per_s",
                     (json_int_t)(p->seconds > 0
                                      ? (double)p->variants / p->seconds
                                      : 0));
  else
    line = json_pack("{s:s}", "progress", "making episodes");
  (void)fse_control__send(r->c, line);
  return r->c->finish;
}

static json_t *records_json(const struct fse_offline_result *out) {
  json_t *list = json_array();
  for (uint32_t i = 0; list != NULL && i < out->record_count; i++) {
    if (json_array_append_new(list,
                              fse_record_json(&out->records[i], false)) == 0)
      continue;
    json_decref(list);
    return NULL;
  }
  return list;
}

static json_t *figures_json(const struct run *r,
                            const struct fse_offline_result *out) {
  return json_pack(
      "{s:s, s:s, s:I, s:f, s:I, s:f, s:f, s:I, s:I, s:s, s:I, s:b, s:s}",
      "program", r->name, "dialect", r->dialect->name, "seed",
      (json_int_t)r->policy.seed, "seconds", out->seconds, "variants",
      (json_int_t)out->variants, "cycles_before", out->cycles_before,
      "cycles_after", out->cycles_after, "instructions_before",
      (json_int_t)out->instructions_before, "instructions_after",
      (json_int_t)out->instructions_after, "assurance",
      fse_assurance_name(out->assurance), "episodes",
      (json_int_t)out->episodes, "recalled", (int)out->recalled, "reason",
      out->reason);
}

static flux_status answer(const struct run *r,
                          const struct fse_offline_result *out) {
  json_t *figures = figures_json(r, out), *records = records_json(out);
  json_t *code = fse_control__hex(out->best->code, out->best->size);
  if (figures == NULL || records == NULL || code == NULL) {
    json_decref(figures);
    json_decref(records);
    json_decref(code);
    return fse_control__fail(r->c, FLUX_E_MEMORY, "out of memory");
  }
  return fse_control__send(
      r->c, json_pack("{s:o, s:o, s:I, s:I, s:o}", "result", figures, "code",
                      code, "entry", (json_int_t)out->best->entry,
                      "boundary_pc",
                      (json_int_t)out->best->manifest.boundary.pc, "records",
                      records));
}

flux_status fse_control_run(struct fse_control *c) {
  struct run r = {.c = c, .policy = c->in->policy, .name = "program"};
  struct fse_offline_result out;
  flux_status rc = read_run(&r);
  struct fse_offline o = {.name = r.name,
                          .program = r.program,
                          .policy = &r.policy,
                          .count = r.count,
                          .given = r.given,
                          .time_limit = r.time_limit,
                          .backend = c->in->backend,
                          .journal = c->in->journal,
                          .progress = on_progress,
                          .user = &r};
  if (rc == FLUX_OK && fse_offline_run(&o, &out, &c->err) != 0)
    rc = FLUX_E_MEMORY;
  else if (rc == FLUX_OK) {
    send_notes(&r, &out);
    rc = answer(&r, &out);
    fse_offline_result_done(&out);
  }
  for (uint32_t i = 0; i < r.count; i++) {
    fisa_state_free(r.given[i].begin);
    fisa_trace_done(&r.given[i].in);
  }
  free(r.given);
  fisa_program_free(r.program);
  fisa_dialect_free(r.dialect);
  return rc;
}
