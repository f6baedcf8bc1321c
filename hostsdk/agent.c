/*
 * hostsdk/agent.c - agents: made, attached, saved, counted, freed.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/runtime_internal.h"
#include "isa/asm.h"

#define DEFAULT_EVENTS 4096u

/* ---- versions and logs -------------------------------------------------- */

struct fhost_version *fhost_version_new(const struct fhost_agent *a,
                                        struct fisa_program *program,
                                        uint64_t id, struct fisa_error *err) {
  struct fhost_version *v = calloc(1, sizeof *v);
  assert(program != NULL && program->size > 0);
  fisa_fail(err, "out of memory");
  if (v == NULL) return NULL;
  v->id = id;
  v->program = program;
  v->counts = calloc(program->size + 1, sizeof *v->counts);
  if (v->counts != NULL)
    v->code = a->o.vm->load(a->o.vm, program, 0, err);
  if (v->code != NULL) return v;
  v->program = NULL; /* stays the caller's */
  fhost_version_free(a, v);
  return NULL;
}

void fhost_version_free(const struct fhost_agent *a,
                        struct fhost_version *v) {
  if (v == NULL) return;
  if (v->code != NULL) a->o.vm->unload(v->code);
  if (v->program != NULL && v->program != a->o.program)
    fisa_program_free(v->program);
  free((void *)(uintptr_t)v->counts);
  free(v->transfer.at);
  free(v->back.at);
  free(v->resume.at);
  free(v->suspend.at);
  free(v);
}

struct fhost_log *fhost_log_new(const struct fhost_agent *a,
                                uint32_t capacity) {
  struct fhost_log *l = calloc(1, sizeof *l);
  assert(capacity > 0);
  if (l == NULL) return NULL;
  l->capacity = capacity;
  l->tasks = calloc(capacity, sizeof *l->tasks);
  if (l->tasks == NULL) {
    free(l);
    return NULL;
  }
  for (uint32_t i = 0; i < capacity; i++) {
    l->tasks[i].begin = fisa_state_new(a->o.program->dialect);
    l->tasks[i].events = calloc(a->o.max_events, sizeof(struct fisa_event));
    if (l->tasks[i].begin == NULL || l->tasks[i].events == NULL) {
      fhost_log_free(l);
      return NULL;
    }
  }
  return l;
}

void fhost_log_free(struct fhost_log *l) {
  if (l == NULL) return;
  for (uint32_t i = 0; i < l->capacity; i++) {
    fisa_state_free(l->tasks[i].begin);
    free(l->tasks[i].events);
  }
  free(l->tasks);
  free(l);
}

void fhost_sweep(struct fhost_agent *a) {
  struct fhost_version *v =
      atomic_exchange_explicit(&a->retired, NULL, memory_order_acquire);
  struct fhost_log *l =
      atomic_exchange_explicit(&a->retired_log, NULL, memory_order_acquire);
  while (v != NULL) {
    struct fhost_version *next = v->next;
    fhost_version_free(a, v);
    v = next;
  }
  while (l != NULL) {
    struct fhost_log *next = l->next;
    fhost_log_free(l);
    l = next;
  }
}

/* ---- making and freeing ------------------------------------------------- */

static void detach(struct fhost_agent *a) {
  if (a->evolved != NULL)
    a->evolver.api->detach(a->evolver.plugin, a->evolved);
  a->evolved = NULL;
}

static void free_versions(struct fhost_agent *a) {
  struct fhost_version *live = atomic_load(&a->live);
  fhost_version_free(a, a->offer.version);
  if (live != a->original) fhost_version_free(a, live);
  if (a->base != a->original) fhost_version_free(a, a->base);
  fhost_version_free(a, a->original);
}

static void agent_free(struct fhost_agent *a) {
  if (a == NULL) return;
  assert(a->evolved == NULL);
  fhost_sweep(a);
  free_versions(a);
  fhost_log_free(a->offer.log);
  fhost_log_free(a->log);
  fhost_log_free(a->replay.log);
  fhost_promise_done(&a->promise);
  fisa_state_free(a->state);
  fisa_state_free(a->begin);
  free(a->events);
  free(a->replay.used);
  for (unsigned i = 0; i < 2; i++) {
    free(a->page[i]);
    free(a->page_bytes[i]);
  }
  pthread_mutex_destroy(&a->lock);
  free(a);
}

/* Everything the agent's thread will need. */
static int make_buffers(struct fhost_agent *a, struct fisa_error *err) {
  const struct fisa_dialect *d = a->o.program->dialect;
  size_t pages = d->mem_size / FISA_PAGE + 1;
  fisa_fail(err, "out of memory");
  a->state = fisa_state_new(d);
  a->begin = fisa_state_new(d);
  a->events = calloc(a->o.max_events, sizeof *a->events);
  a->replay.used = calloc(a->o.max_events, 1);
  for (unsigned i = 0; i < 2; i++) {
    a->page[i] = calloc(pages, sizeof *a->page[i]);
    a->page_bytes[i] = calloc(pages, FISA_PAGE);
    if (a->page[i] == NULL || a->page_bytes[i] == NULL) return -1;
  }
  if (a->state == NULL || a->begin == NULL || a->events == NULL ||
      a->replay.used == NULL ||
      fhost_promise_make(&a->promise, a->o.program) != 0)
    return -1;
  a->original = fhost_version_new(a, (struct fisa_program *)(uintptr_t)
                                         a->o.program, 0, err);
  return a->original == NULL ? -1 : 0;
}

/* An agent that runs its original from the entry on. */
static struct fhost_agent *agent_new(struct fhost_runtime *rt,
                                     const struct fhost_agent_options *o,
                                     struct fisa_error *err) {
  struct fhost_agent *a = calloc(1, sizeof *a);
  if (a == NULL) {
    fisa_fail(err, "out of memory");
    return NULL;
  }
  pthread_mutex_init(&a->lock, NULL);
  a->runtime = rt;
  a->o = *o;
  if (a->o.max_events == 0) a->o.max_events = DEFAULT_EVENTS;
  if (!(a->o.confidence_scale > 0)) a->o.confidence_scale = 1;
  snprintf(a->name, sizeof a->name, "%s", o->name);
  a->o.name = a->name;
  if (make_buffers(a, err) != 0) {
    agent_free(a);
    return NULL;
  }
  atomic_store(&a->live, a->original);
  atomic_store(&a->tuned_from, UINT64_MAX);
  fisa_state_start(a->o.program, a->state);
  a->fresh = true;
  return a;
}

struct fhost_agent *fhost_agent_add(struct fhost_runtime *rt,
                                    const struct fhost_agent_options *o,
                                    struct fisa_error *err) {
  struct fisa_error why = {""};
  struct fhost_agent *a;
  assert(o->program != NULL && o->vm != NULL && o->name != NULL);
  if (strcmp(o->vm->dialect, o->program->dialect->name) != 0) {
    fisa_fail(err, "agent \"%s\": its program is of dialect %s, the VM runs "
                   "%s", o->name, o->program->dialect->name, o->vm->dialect);
    return NULL;
  }
  if (o->confidence_cell >= (int32_t)o->program->dialect->cell_count) {
    fisa_fail(err, "agent \"%s\": the state has no cell %d", o->name,
              (int)o->confidence_cell);
    return NULL;
  }
  a = agent_new(rt, o, &why);
  if (a == NULL) {
    fisa_fail(err, "agent \"%s\": %s", o->name, why.text);
    return NULL;
  }
  a->id = ++rt->next_id;
  /* Evolution threads may be walking the list. */
  atomic_store_explicit(rt->last, a, memory_order_release);
  rt->last = &a->next;
  rt->count++;
  return a;
}

struct fhost_runtime *fhost_runtime_new(void) {
  struct fhost_runtime *rt = calloc(1, sizeof *rt);
  if (rt == NULL) return NULL;
  rt->last = &rt->agents;
  fhost_live_init(rt);
  return rt;
}

void fhost_runtime_free(struct fhost_runtime *rt) {
  struct fhost_agent *a;
  if (rt == NULL) return;
  /* Nobody calls about any agent once all are detached. */
  for (a = rt->agents; a != NULL; a = a->next) detach(a);
  a = rt->agents;
  while (a != NULL) {
    struct fhost_agent *next = a->next;
    agent_free(a);
    a = next;
  }
  free(rt);
}

const flux_live *fhost_runtime_live(struct fhost_runtime *rt) {
  assert(rt != NULL);
  return &rt->live;
}

struct fhost_agent *fhost_agent_find(struct fhost_runtime *rt, uint64_t id) {
  struct fhost_agent *a =
      atomic_load_explicit(&rt->agents, memory_order_acquire);
  while (a != NULL && a->id != id)
    a = atomic_load_explicit(&a->next, memory_order_acquire);
  return a;
}

/* ---- attaching ---------------------------------------------------------- */

/* The agent runs unevolved; an operator sees why. */
static int refused(struct fhost_agent *a, const char *why,
                   struct fisa_error *err) {
  assert(a->evolved == NULL);
  pthread_mutex_lock(&a->lock);
  snprintf(a->explanation, sizeof a->explanation, "%.159s", why);
  pthread_mutex_unlock(&a->lock);
  fisa_fail(err, "%s", why);
  return 1;
}

/* What an evolver offered that then refused. No worker runs yet. */
static void drop_offer(struct fhost_agent *a) {
  pthread_mutex_lock(&a->lock);
  fhost_version_free(a, a->offer.version);
  a->offer.version = NULL;
  atomic_store(&a->offer.state, FHOST_OFFER_EMPTY);
  pthread_mutex_unlock(&a->lock);
}

/* Where a VM that stops at HALT alone would run past the end of a task. */
static bool halt_is_boundary(const struct fisa_program *p) {
  struct fisa_facts *facts = NULL;
  bool good = p->manifest.boundary.kind == FISA_BOUNDARY_DEFAULT &&
              fisa_facts_make(p, &facts, NULL) == 0;
  for (uint32_t i = 0; good && i < facts->count; i++)
    good = !(facts->insn[i].row->roles & FISA_ROLE_YIELD);
  fisa_facts_free(facts);
  return good;
}

int fhost_agent_attach(struct fhost_agent *a, const struct fhost_evolver *e,
                       const struct fhost_texts *texts,
                       struct fisa_error *err) {
  const struct fisa_program *p = a->o.program;
  char message[sizeof a->explanation] = "";
  char *manifest;
  flux_status rc = FLUX_E_MEMORY;
  flux_agent_info info = {
      .struct_size = sizeof info,
      .flags = (a->o.fresh_start ? FLUX_AGENT_FRESH_START : 0u) |
               (a->o.vm->flags & FHOST_VM_COUNTS_ALL ? FLUX_AGENT_COUNTS_ALL
                                                     : 0u),
      .id = a->id,
      .name = a->name,
      .dialect = p->dialect->name,
      .dialect_text = texts->dialect,
      .dialect_size = texts->dialect_size,
      .bindings_text = texts->bindings,
      .bindings_size = texts->bindings_size,
      .code = p->code,
      .code_size = p->size,
      .entry = p->entry,
      .trust = a->o.trust,
      .confidence_cell = a->o.confidence_cell,
      .confidence_scale = a->o.confidence_scale,
      .max_task_fuel = a->o.max_task_fuel};
  assert(e->plugin != NULL && e->api != NULL);
  if (a->evolved != NULL) {
    fisa_fail(err, "agent \"%s\" has an evolver already", a->name);
    return 1;
  }
  if (e->api->struct_size < sizeof *e->api)
    return refused(a, "the evolver is of an older ABI", err);
  if (a->o.vm->flags & FHOST_VM_HALT_ONLY && !halt_is_boundary(p))
    return refused(a, "its VM stops at HALT alone, and the program has other "
                      "task boundaries", err);
  manifest = fisa_manifest_text(p);
  info.manifest = manifest;
  a->evolver = *e;
  if (manifest != NULL)
    rc = e->api->attach(e->plugin, &info, &a->evolved, message,
                        sizeof message);
  free(manifest);
  if (rc == FLUX_OK) return 0;
  a->evolved = NULL;
  drop_offer(a);
  message[sizeof message - 1] = '\0';
  return refused(a, message[0] ? message : "the evolver refused the agent",
                 err);
}

/* ---- reports ------------------------------------------------------------ */

static uint64_t get(const _Atomic uint64_t *n) {
  return atomic_load_explicit(n, memory_order_relaxed);
}

void fhost_agent_stats(const struct fhost_agent *a,
                       struct fhost_agent_stats *out) {
  assert(a != NULL && out != NULL);
  *out = (struct fhost_agent_stats){
      .tasks = get(&a->n_tasks),
      .results = get(&a->n_results),
      .cycles = get(&a->n_cycles),
      .faults = get(&a->n_faults),
      .outputs = get(&a->n_outputs),
      .wrong = get(&a->n_wrong),
      .suspended = get(&a->n_suspended),
      .installed = get(&a->n_installed),
      .accepted = get(&a->n_accepted),
      .reverted = get(&a->n_reverted),
      .recovered = get(&a->n_recovered),
      .withdrawn = get(&a->n_withdrawn),
      .version = get(&a->live_id),
      .tuned_from = get(&a->tuned_from)};
}

const char *fhost_agent_name(const struct fhost_agent *a) { return a->name; }

bool fhost_agent_stopped(const struct fhost_agent *a,
                         struct fhost_agent_stop *out) {
  const struct fisa_state *s = a->state;
  bool fault = s->status == FISA_RUN_FAULT;
  const char *name;
  assert(out != NULL);
  if (!a->stopped || (!fault && s->status != FISA_RUN_FUEL)) return false;
  name = fault ? fisa_fault_name(a->o.program->dialect, s->fault) : NULL;
  *out = (struct fhost_agent_stop){.task = a->task > 0 ? a->task - 1 : 0,
                                   .fault = fault ? s->fault : 0,
                                   .fault_name = name != NULL ? name : "",
                                   .pc = s->pc,
                                   .version = get(&a->live_id),
                                   .max_task_fuel = a->o.max_task_fuel};
  return true;
}

void fhost_agent_stop_text(const struct fhost_agent *a, char *out,
                           size_t capacity) {
  struct fhost_agent_stop s;
  assert(out != NULL && capacity > 0);
  out[0] = '\0';
  if (!fhost_agent_stopped(a, &s)) return;
  if (s.fault == 0)
    snprintf(out, capacity,
             "stopped in task %llu: not done within max_task_fuel = %llu, "
             "at pc %u", (unsigned long long)s.task,
             (unsigned long long)s.max_task_fuel, (unsigned)s.pc);
  else
    snprintf(out, capacity, "stopped in task %llu: fault %d%s%s at pc %u",
             (unsigned long long)s.task, (int)s.fault,
             s.fault_name[0] ? " " : "", s.fault_name, (unsigned)s.pc);
}

void fhost_agent_explanation(struct fhost_agent *a, char *out,
                             size_t capacity) {
  assert(out != NULL && capacity > 0);
  pthread_mutex_lock(&a->lock);
  snprintf(out, capacity, "%s", a->explanation);
  pthread_mutex_unlock(&a->lock);
}

/* ---- save and restore --------------------------------------------------- */

struct fhost_snapshot {
  struct fisa_state *state;
  uint64_t task, version;
  bool fresh, suspended, stopped;
};

struct fhost_snapshot *fhost_agent_save(struct fhost_agent *a) {
  struct fhost_snapshot *s;
  if (a->held || a->replay.log != NULL) return NULL;
  s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  s->state = fisa_state_new(a->o.program->dialect);
  if (s->state == NULL) {
    free(s);
    return NULL;
  }
  fisa_state_copy(s->state, a->state);
  s->task = a->task;
  s->version = get(&a->live_id);
  s->fresh = a->fresh;
  s->suspended = a->suspended;
  s->stopped = a->stopped;
  return s;
}

int fhost_agent_restore(struct fhost_agent *a,
                        const struct fhost_snapshot *s) {
  assert(s != NULL && s->state->cell_count == a->state->cell_count);
  /* A pc is a place of one version only. */
  if (a->held || a->replay.log != NULL || a->probation != 0 ||
      s->version != get(&a->live_id))
    return -1;
  fisa_state_copy(a->state, s->state);
  a->task = s->task;
  a->fresh = s->fresh;
  a->suspended = s->suspended;
  a->stopped = s->stopped;
  return 0;
}

void fhost_snapshot_free(struct fhost_snapshot *s) {
  if (s == NULL) return;
  fisa_state_free(s->state);
  free(s);
}
