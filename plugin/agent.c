/*
 * plugin/agent.c - attaching and detaching agents; the hook.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/candidate.h"
#include "plugin/instance.h"
#include "isa/asm.h"

#define RESUME_STATES 1000u  /* fuzz states a stored version must pass */

void fse_live_done(struct fse_live *l) {
  fir_free(l->ir);
  fisa_program_free(l->program);
  free(l->places);
  free(l->pair);
  memset(l, 0, sizeof *l);
}

const struct fisa_program *fse_live_program(const struct flux_evolved *a) {
  return a->live.program != NULL ? a->live.program : a->root;
}

int fse_live_make(const struct flux_evolved *a, struct fisa_program *program,
                  struct fse_place *places, uint32_t count, uint64_t id,
                  struct fse_live *out) {
  assert(program != NULL);
  assert(a->root_facts != NULL && program != NULL);
  memset(out, 0, sizeof *out);
  out->program = program;
  out->places = places;
  out->place_count = count;
  out->id = id;
  out->pair = fse_boundary_pairs(a->root_facts, a->root, program, places,
                                 count, &out->pair_count);
  if (out->pair != NULL && fir_lower(program, &out->ir, NULL) == 0) return 0;
  fse_live_done(out);
  return -1;
}

bool fse_trusted(const struct flux_evolved *a) {
  /* A trust that is no number is none. */
  return atomic_load(&a->trust) >= a->instance->policy.min_trust;
}

/* ---- making an agent ---------------------------------------------------- */

static void agent_free(struct flux_evolved *a) {
  if (a == NULL) return;
  fse_tuning_close(a);
  fse_live_done(&a->next_patch.live);
  fse_live_done(&a->live);
  ftrial_set_free(a->set);
  fisa_state_free(a->begin);
  fisa_state_free(a->end);
  fir_lane_free(a->lane);
  fisa_state_free(a->search_begin);
  fisa_state_free(a->search_end);
  fir_lane_free(a->search_lane);
  free(a->vain);
  fir_free(a->root_ir);
  fisa_facts_free(a->root_facts);
  fisa_program_free(a->root);
  fisa_program_free(a->origin);
  free(a->origin_places);
  fisa_dialect_free(a->dialect);
  fse_ring_done(&a->ring);
  free(a);
}

/* The dialect as the host tells it, without the meaning of rows that its VM
 * does not run so. That is part of the hash by which programs are stored. */
static int read_dialect(struct flux_evolved *a, const flux_agent_info *info,
                        struct fisa_error *err) {
  const char *where = info->dialect ? info->dialect : "dialect";
  if (fisa_dialect_parse(info->dialect_text, info->dialect_size, where,
                         &a->dialect, err) != 0)
    return -1;
  if (info->bindings_text != NULL &&
      fisa_dialect_bind(a->dialect, info->bindings_text, info->bindings_size,
                        where, err) != 0)
    return -1;
  a->calibration = fse_calibrated(a->instance, a->dialect, false, err);
  if (a->calibration == NULL) return -1;
  fse_calibration_apply(a->calibration, a->dialect);
  return 0;
}

/* Dialect and program. Nothing of it is trusted. */
static int read_program(struct flux_evolved *a, const flux_agent_info *info,
                        struct fisa_error *err) {
  if (info->dialect_text == NULL || info->code == NULL)
    return fisa_fail(err, "agent \"%s\": no dialect table or no code",
                     a->name);
  if (read_dialect(a, info, err) != 0) return -1;
  if (fisa_program_from_bytes(a->dialect, info->code, info->code_size,
                              &a->root, err) != 0)
    return -1;
  if (info->manifest != NULL && info->manifest[0] != '\0' &&
      fisa_manifest_apply(a->root, info->manifest, strlen(info->manifest),
                          a->name, err) != 0)
    return -1;
  if (info->entry >= info->code_size)
    return fisa_fail(err, "agent \"%s\": entry %u is outside its %u bytes",
                     a->name, info->entry, info->code_size);
  a->root->entry = info->entry;
  if (fisa_program_settle_scratch(a->root, err) != 0) return -1;
  if (info->confidence_cell < 0) return 0;
  return fisa_program_watch(a->root, (uint32_t)info->confidence_cell, err);
}

/* The first row of the original that this host's VM does not run as the table
 * says, of that verdict; NULL: none. */
static const struct fse_row_finding *
foreign_row(const struct flux_evolved *a, enum fse_row_verdict verdict) {
  const struct fisa_facts *facts = a->root_facts;
  for (uint32_t i = 0; i < facts->count; i++) {
    const struct fse_row_finding *f = fse_calibration_finding(
        a->calibration, facts->insn[i].row->opcode);
    if (f != NULL && f->verdict == verdict) return f;
  }
  return NULL;
}

/* Rows that are not what the table says keep the original from being evolved,
 * as rows without a meaning do. */
static int judge_rows(struct flux_evolved *a, struct fisa_error *err) {
  const struct fse_row_finding *f = foreign_row(a, FSE_ROW_UNFIT);
  if (f != NULL)
    return fisa_fail(err, "agent \"%s\" is not evolved: the host's VM is not "
                          "as the table says: %s", a->name, f->text);
  f = foreign_row(a, FSE_ROW_OPAQUE);
  if (f != NULL)
    return fisa_fail(err, "agent \"%s\" is not evolved: it uses a row "
                          "without offline meaning here: %s", a->name, f->text);
  return 0;
}

/* Whether the original may be evolved at all; the reason if not. */
static int judge_root(struct flux_evolved *a, struct fisa_error *err) {
  const struct fse_policy *p = &a->instance->policy;
  struct fisa_finding f;
  struct fisa_error why;
  if (fse_policy_opcodes(p, a->dialect, &why) != 0)
    return fisa_fail(err, "agent \"%s\" is not evolved: %s", a->name,
                     why.text);
  if (a->root->size > p->max_size)
    return fisa_fail(err, "agent \"%s\" is not evolved: %u bytes, "
                          "policy.max_size is %u", a->name, a->root->size,
                     p->max_size);
  if (fisa_facts_make(a->root, &a->root_facts, err) != 0 ||
      judge_rows(a, err) != 0)
    return -1;
  if (fisa_verify(a->root, &f, 1) != 0)
    return fisa_fail(err, "agent \"%s\" is not evolved: its program is "
                          "malformed at %u: %s", a->name, f.pc, f.text);
  if (!a->root_facts->has_boundary)
    return fisa_fail(err, "agent \"%s\" is not evolved: it has no task "
                          "boundary", a->name);
  if (a->root_facts->count_frozen)
    return fisa_fail(err, "agent \"%s\" is not evolved: %s", a->name,
                     a->root_facts->frozen_reason);
  if (fir_lower(a->root, &a->root_ir, err) != 0) return -1;
  if (a->root_ir->opaque)
    return fisa_fail(err, "agent \"%s\" is not evolved: it uses a row "
                          "without offline meaning", a->name);
  return 0;
}

static int make_buffers(struct flux_evolved *a, struct fisa_error *err) {
  a->lane = fir_lane_new();
  a->begin = fisa_state_new(a->dialect);
  a->end = fisa_state_new(a->dialect);
  a->search_lane = fir_lane_new();
  a->search_begin = fisa_state_new(a->dialect);
  a->search_end = fisa_state_new(a->dialect);
  if (a->lane == NULL || a->begin == NULL || a->end == NULL ||
      a->search_lane == NULL || a->search_begin == NULL ||
      a->search_end == NULL || fse_ring_init(&a->ring, a->dialect) != 0)
    return fisa_fail(err, "out of memory");
  a->set = ftrial_set_new(a->root, a->fuel, err);
  if (a->set == NULL) return -1;
  ftrial_set_backend(a->set, a->instance->backend);
  ftrial_set_stop(a->set, &a->cancel);
  return 0;
}

/* ---- the version of the journal ----------------------------------------- */

/* Stored code is data: verified and tried again before it is used. */
static bool still_good(struct flux_evolved *a, const struct fse_live *v,
                       struct fisa_error *err) {
  struct fisa_finding f;
  struct ftrial_pc_map map = {v->pair_count,
                              (const uint32_t(*)[2])v->pair};
  struct ftrial_result t;
  if (fisa_verify_child(v->program, a->root, NULL, &f, 1) != 0) {
    fisa_fail(err, "%u: %s", f.pc, f.text);
    return false;
  }
  fisa_fail(err, "it differs from its root");
  if (!fse_boundaries_carry(a->root, a->root_facts, v->program, &map))
    return false;
  t = ftrial_run(a->set, v->ir, &map, a->lane, 0, ftrial_set_count(a->set),
                 UINT64_MAX);
  if (t.verdict == FTRIAL_SAME)
    t = ftrial_fuzz(a->set, v->ir, &map, a->lane, a->instance->policy.seed,
                    RESUME_STATES);
  /* Where states cannot be made the tasks to come will have to say. */
  return t.verdict == FTRIAL_SAME ||
         (t.verdict == FTRIAL_INCONCLUSIVE &&
          a->instance->policy.min_assurance < FSE_ASSURE_FUZZ);
}

/* What the agent's records say of it: the last patch number, since versions are
 * never named twice; what kinds of edits were good for; how it went. */
static int note_patch(const struct fse_record *r, void *user) {
  struct flux_evolved *a = user;
  if (r->outcome == FSE_ACCEPTED) {
    fse_bandit_accepted(&a->learned, r->kind);
    fse_history_note(a, r->fitness_after);
  } else if (strcmp(r->kind, "trend") == 0) {
    a->history.count = 0;
  }
  if (r->patch > a->patches) a->patches = r->patch;
  return 0;
}

static void not_used(struct flux_evolved *a, const struct fisa_error *err) {
  fse_say(a->instance, FLUX_LOG_WARNING,
          "agent \"%s\" runs %s: the stored version is not used: %s", a->name,
          a->origin != NULL ? "what it was tuned to" : "its original",
          err->text);
}

/* The last accepted version of the root; false: there is none, or it is not
 * to be used. */
static bool find_stored(struct flux_evolved *a, struct fse_stored *stored) {
  struct fisa_error err = {""};
  int found = fse_journal_version(a->instance->journal, a->name, a->root,
                                  stored, &err);
  if (found < 0) not_used(a, &err);
  if (found <= 0) return false;
  if (stored->patch > a->patches) a->patches = stored->patch;
  if (stored->patch > 0 && fse_trusted(a)) return true;
  fisa_program_free(stored->program);
  free(stored->places);
  memset(stored, 0, sizeof *stored);
  return false;
}

/* Makes a stored version of the root live before the first task. */
static void resume_version(struct flux_evolved *a, struct fse_stored *stored) {
  struct fisa_error err = {"out of memory"};
  struct fse_live v = {0};
  bool made = fse_live_make(a, stored->program, stored->places,
                            stored->place_count, stored->patch, &v) == 0;
  if (made && fse_rules_tainted(a->instance->rules, &stored->uses)) {
    fisa_fail(&err, "it owes something to a rule that was revoked");
    made = false;
  }
  if (!made || !still_good(a, &v, &err)) {
    not_used(a, &err);
    fse_live_done(&v);
    return;
  }
  a->next_patch.live = v;
  a->next_patch.live.uses = stored->uses;
  fse_offer_accepted(a);
  if (a->live.program != NULL) a->generation = stored->generation;
}

/* Makes the last accepted version live before the first task. 0, or -1: the
 * root is another than what the host would run. */
static int resume(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  struct fse_stored stored = {0};
  struct fisa_error err = {""};
  uint64_t tuned;
  if (in->journal == NULL) return 0;
  (void)fse_journal_records(in->journal, a->name, note_patch, NULL, a);
  /* Whoever starts it again wants it to go on. */
  atomic_store(&a->declined, false);
  fse_counters_load(a);
  if (!find_stored(a, &stored)) return 0;
  if (!stored.tuned) {
    resume_version(a, &stored);
    return 0;
  }
  tuned = stored.patch;
  if (fse_reroot_stored(a, &stored, &err) != 0) {
    not_used(a, &err);
    return 0;
  }
  if (find_stored(a, &stored)) resume_version(a, &stored);
  return a->live.program != NULL ? 0 : fse_reroot_offer(a, tuned);
}

/* ---- the ABI ------------------------------------------------------------ */

static flux_status refuse(struct flux_evolved *a, const struct fisa_error *err,
                          char *message, size_t capacity) {
  if (capacity > 0) snprintf(message, capacity, "%s", err->text);
  agent_free(a);
  return FLUX_E_MALFORMED;
}

/* Whether an agent of that id or name is attached. */
static bool is_attached(struct fse_instance *in, uint64_t id,
                        const char *name) {
  bool found = false;
  pthread_mutex_lock(&in->lock);
  for (struct flux_evolved *a = in->agents; a != NULL; a = a->next)
    found |= a->id == id || strcmp(a->name, name) == 0;
  pthread_mutex_unlock(&in->lock);
  return found;
}

/* Copies the host's struct into one of our size. What the host does not know
 * of is zero, or says that there is none; half a member is none. */
static void take_info(flux_agent_info *to, const flux_agent_info *from) {
  size_t n = from->struct_size < sizeof *to ? from->struct_size : sizeof *to;
  n -= n % sizeof(void *);
  memset(to, 0, sizeof *to);
  memcpy(to, from, n);
  if (!FLUX_HAS(from, confidence_cell)) to->confidence_cell = -1;
  if (!(to->confidence_scale > 0)) to->confidence_scale = 1;
  if (!(to->trust >= 0)) to->trust = 0;
}

/* The numbers and the name of an agent; false: no task of it could ever end,
 * or the name does not fit. */
static bool take_numbers(struct flux_evolved *a, const flux_agent_info *info,
                         struct fisa_error *err) {
  uint64_t most = a->instance->policy.max_task_cycles;
  a->id = info->id;
  a->trust = info->trust;
  a->fresh_start = (info->flags & FLUX_AGENT_FRESH_START) != 0;
  a->counts_all = (info->flags & FLUX_AGENT_COUNTS_ALL) != 0;
  a->confidence_cell = info->confidence_cell;
  a->confidence_scale = info->confidence_scale;
  a->host_fuel = info->max_task_fuel;
  a->fuel = info->max_task_fuel < most ? info->max_task_fuel : most;
  snprintf(a->name, sizeof a->name, "%s", info->name);
  if (strlen(info->name) >= sizeof a->name)
    fisa_fail(err, "agent \"%s...\": a name has at most %zu bytes", a->name,
              sizeof a->name - 1);
  else if (a->fuel == 0)
    fisa_fail(err, "agent \"%s\": its tasks get no fuel", a->name);
  else
    return true;
  return false;
}

/* Nothing is watched of an agent that is not to be evolved. */
static void start_observing(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  a->phase = FSE_OBSERVING;
  if (in->paused && a->live.program == NULL) return;
  (void)in->live->observe(a->id, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD,
                          in->policy.record_period, in->host->ctx);
}

flux_status fse_attach(flux_plugin *plugin, const flux_agent_info *theirs,
                       flux_evolved **out, char *message, size_t capacity) {
  struct fse_instance *in = (struct fse_instance *)plugin;
  struct fisa_error err = {"out of memory"};
  struct flux_evolved *a;
  flux_agent_info info;
  if (theirs == NULL || out == NULL || (message == NULL && capacity > 0) ||
      in->live == NULL)
    return FLUX_E_INVALID;
  take_info(&info, theirs);
  if (info.name == NULL) return FLUX_E_INVALID;
  if (is_attached(in, info.id, info.name)) {
    fisa_fail(&err, "agent \"%.63s\" has this evolver already", info.name);
    if (capacity > 0) snprintf(message, capacity, "%s", err.text);
    return FLUX_E_BUSY;
  }
  a = calloc(1, sizeof *a);
  if (a == NULL) return FLUX_E_MEMORY;
  a->instance = in;
  if (!take_numbers(a, &info, &err) || read_program(a, &info, &err) != 0 ||
      judge_root(a, &err) != 0 || make_buffers(a, &err) != 0)
    return refuse(a, &err, message, capacity);
  fse_tuning_open(a);
  if (resume(a) != 0) {
    fisa_fail(&err, "agent \"%s\" is not evolved: the host does not take the "
                    "stored version", a->name);
    return refuse(a, &err, message, capacity);
  }
  start_observing(a);
  pthread_mutex_lock(&in->lock);
  a->next = in->agents;
  in->agents = a;
  fse_plants_meet(in, a->name);
  pthread_mutex_unlock(&in->lock);
  *out = a;
  return FLUX_OK;
}

/* What is on its way does not stay: nobody will watch it any more. */
static void withdraw_all(struct flux_evolved *a) {
  struct fse_instance *in = a->instance;
  uint64_t id = a->next_patch.live.id;
  (void)in->live->observe(a->id, 0, 1, in->host->ctx);
  if (a->next_patch.live.program == NULL) return;
  if (a->phase == FSE_OFFERED &&
      in->live->withdraw(a->id, id, in->host->ctx) == FLUX_OK) {
    fse_part(a, FSE_WITHDRAWN, "the agent was detached");
  } else if (a->phase == FSE_OFFERED || a->phase == FSE_PROBATION) {
    bool taken = in->live->take_back(a->id, id, FLUX_RECOVER,
                                     in->host->ctx) == FLUX_OK;
    fse_part(a, taken ? FSE_RECOVERED : FSE_WITHDRAWN,
             "the agent was detached");
  }
}

void fse_detach(flux_plugin *plugin, flux_evolved *agent) {
  struct fse_instance *in = (struct fse_instance *)plugin;
  struct flux_evolved **at;
  if (agent == NULL) return;
  assert(agent->instance == in);
  pthread_mutex_lock(&in->lock);
  atomic_store(&agent->leaving, true);
  atomic_store(&agent->cancel, true);
  /* Both threads let go of an agent that is leaving; neither picks it up. */
  while (agent->busy) pthread_cond_wait(&in->changed, &in->lock);
  for (at = &in->agents; *at != NULL; at = &(*at)->next) {
    if (*at != agent) continue;
    *at = agent->next;
    break;
  }
  pthread_mutex_unlock(&in->lock);
  withdraw_all(agent);
  agent_free(agent);
}

void fse_task_end(flux_evolved *agent, const flux_task *task) {
  if (agent != NULL && task != NULL) fse_ring_put(&agent->ring, task);
}
