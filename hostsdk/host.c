/*
 * hostsdk/host.c - a whole host from a config.
 */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostsdk/host_impl.h"
#include "hostsdk/runtime_internal.h"
#include "isa/asm.h"

static void say(const struct fhost *h, uint32_t level, const char *text) {
  if (level < h->config->log_level) return;
  if (h->o.log != NULL) h->o.log(level, text, h->o.log_user);
  else fprintf(stderr, "%s: %s\n", fhost_log_level_name(level), text);
}

/* ---- natives ------------------------------------------------------------ */

static int open_natives(struct fhost *h, struct fisa_error *err) {
  const struct fhost_config *c = h->config;
  assert(h->natives == NULL);
  h->natives = fhost_natives_new(c->folder);
  if (h->natives == NULL) return fisa_fail(err, "out of memory");
  for (uint32_t i = 0; i < c->native_count; i++)
    if (fhost_natives_add(h->natives, c->natives[i].name, c->natives[i].spec,
                          err) != 0)
      return -1;
  return fhost_natives_open(h->natives, err);
}

/* ---- dialects and VMs --------------------------------------------------- */

static int open_machines(struct fhost *h, struct fisa_error *err) {
  const struct fhost_config *c = h->config;
  struct fisa_error why = {""};
  h->machines = fhost_machines_new(c->folder);
  if (h->machines == NULL) return fisa_fail(err, "out of memory");
  for (uint32_t i = 0; i < c->dialect_count; i++)
    if (fhost_machines_add_dialect(h->machines, c->dialects[i].path,
                                   c->dialects[i].bindings, &why) != 0)
      return fisa_fail(err, "%s:%u: %s", c->file,
                       (unsigned)c->dialects[i].line, why.text);
  for (uint32_t i = 0; i < c->vm_count; i++)
    if (fhost_machines_add_module(h->machines, c->vms[i].dialect,
                                  c->vms[i].path, &why) != 0)
      return fisa_fail(err, "%s:%u: %s", c->file, (unsigned)c->vms[i].line,
                       why.text);
  return 0;
}

static int find_dialect(const char *name, struct fisa_dialect **out,
                        struct fisa_error *err, const void *user) {
  return fhost_machines_dialect(user, name, out, err);
}

/* ---- agents ------------------------------------------------------------- */

/* "NAME.flx" as "NAME_VARIANT.flx" if that exists. */
static void program_path(const struct fhost *h,
                         const struct fhost_agent_config *c, char *out,
                         size_t capacity) {
  size_t n = strlen(c->program);
  snprintf(out, capacity, "%s", c->program);
  if (h->o.variant == NULL || n < 4 || strcmp(c->program + n - 4, ".flx"))
    return;
  snprintf(out, capacity, "%.*s_%s.flx", (int)(n - 4), c->program,
           h->o.variant);
  if (access(out, R_OK) != 0) snprintf(out, capacity, "%s", c->program);
}

static int load_program(const struct fhost *h, struct fhost_member *m,
                        struct fisa_error *err) {
  const struct fhost_agent_config *c = m->config;
  char path[FHOST_PATH_MAX];
  program_path(h, c, path, sizeof path);
  if (fisa_load_with(path, c->dialect[0] ? c->dialect : NULL,
                     c->manifest[0] ? c->manifest : NULL, find_dialect,
                     h->machines, &m->dialect, &m->program, err) != 0)
    return -1;
  return fhost_boundary_set(m->program, c->boundary, err);
}

static void member_done(struct fhost_member *m) {
  fhost_world_done(m);
  fisa_program_free(m->program);
  fisa_dialect_free(m->dialect);
  memset(m, 0, sizeof *m);
}

static int make_member(struct fhost *h, struct fhost_member *m,
                       struct fisa_error *err) {
  const struct fhost_agent_config *c = m->config;
  struct fhost_agent_options o = {.name = c->name,
                                  .fresh_start = c->fresh_start,
                                  .trust = c->trust,
                                  .max_task_fuel = c->max_task_fuel,
                                  .worker = (uint32_t)(c->thread + 1)};
  assert(m->agent == NULL);
  m->keep = h->o.keep_outputs;
  if (load_program(h, m, err) != 0 ||
      fhost_confidence_resolve(m->dialect, c->confidence, &o.confidence_cell,
                               &o.confidence_scale, err) != 0 ||
      fhost_world_make(m, h->natives, h->config->seed, &o.world, err) != 0 ||
      fhost_judging_make(c, m->dialect, h->natives, &m->judging, err) != 0)
    return -1;
  o.vm = fhost_machines_vm(h->machines, m->dialect->name, err);
  if (o.vm == NULL) return -1;
  m->vm = o.vm;
  o.program = m->program;
  m->agent = fhost_agent_add(h->runtime, &o, err);
  return m->agent == NULL ? -1 : 0;
}

/* An agent whose tasks all begin outside of the manifest's promise runs its
 * original for ever: somebody should know. */
static void warn_undeclared(const struct fhost *h,
                            const struct fhost_member *m) {
  const char *input = fhost_world_undeclared(m);
  char line[200];
  if (input == NULL || !h->o.plugins || !(m->config->trust > 0)) return;
  snprintf(line, sizeof line,
           "agent \"%.64s\": the program declares no .in %.32s; tasks that "
           "find it changed run the original",
           m->config->name, input);
  say(h, FLUX_LOG_WARNING, line);
}

/* Agents whose program cannot be loaded are left out, with a line. */
static int make_members(struct fhost *h, bool strict,
                        struct fisa_error *err) {
  const struct fhost_config *c = h->config;
  h->members = calloc(c->agent_count + 1, sizeof *h->members);
  if (h->members == NULL) return fisa_fail(err, "out of memory");
  for (uint32_t i = 0; i < c->agent_count; i++) {
    struct fhost_member *m = &h->members[h->member_count];
    struct fisa_error why = {""};
    char line[400];
    m->config = &c->agents[i];
    if (make_member(h, m, &why) == 0) {
      warn_undeclared(h, m);
      h->member_count++;
      continue;
    }
    snprintf(line, sizeof line, "agent \"%s\" does not run: %s",
             c->agents[i].name, why.text);
    member_done(m);
    if (strict) return fisa_fail(err, "%s", line);
    say(h, FLUX_LOG_ERROR, line);
  }
  return 0;
}

/* ---- judging ------------------------------------------------------------ */

static const struct fhost_judging *judging_of(const struct fhost *h,
                                              uint64_t agent) {
  const struct fhost_agent *a = fhost_agent_find(h->runtime, agent);
  for (uint32_t i = 0; a != NULL && i < h->member_count; i++)
    if (h->members[i].agent == a) return &h->members[i].judging;
  return NULL;
}

static uint32_t judge_offers(uint64_t agent, void *ctx) {
  const struct fhost_judging *j = judging_of(ctx, agent);
  return j != NULL ? fhost_judging_offers(j) : 0;
}

static flux_status judge_open(uint64_t agent, flux_course **out, void *ctx) {
  const struct fhost_judging *j = judging_of(ctx, agent);
  if (j == NULL || out == NULL)
    return j == NULL ? FLUX_E_NOT_FOUND : FLUX_E_INVALID;
  *out = fhost_course_new(j);
  return *out != NULL ? FLUX_OK : FLUX_E_MEMORY;
}

static void make_judge(struct fhost *h) {
  h->judge = fhost_judge_courses;
  h->judge.offers = judge_offers;
  h->judge.open = judge_open;
}

/* ---- plugins ------------------------------------------------------------ */

static int load_plugin(struct fhost *h, const struct fhost_plugin_config *pc,
                       struct fhost_loaded *l, bool check_only,
                       struct fisa_error *err) {
  struct fhost_services_options o = {
      .name = h->config->name,
      .version = "1",
      .settings = pc->settings,
      .setting_count = pc->setting_count,
      .log = h->o.log,
      .log_user = h->o.log_user,
      .log_level = h->config->log_level,
      .natives = h->natives,
      .machines = h->machines,
      .live = fhost_runtime_live(h->runtime),
      .live_ctx = h->runtime,
      .judge = &h->judge,
      .judge_ctx = h};
  char path[FHOST_PATH_MAX];
  l->services = fhost_services_new(&o);
  if (l->services == NULL) return fisa_fail(err, "out of memory");
  if (fhost_plugin_find(pc->path, h->config->folder, path, err) != 0 ||
      fhost_plugin_open(path, &l->plugin, err) != 0)
    return -1;
  return check_only
             ? fhost_plugin_check(l->plugin, fhost_services_host(l->services),
                                  err)
             : fhost_plugin_create(l->plugin,
                                   fhost_services_host(l->services), err);
}

static int load_plugins(struct fhost *h, bool check_only,
                        struct fisa_error *err) {
  const struct fhost_config *c = h->config;
  h->plugins = calloc(c->plugin_count + 1, sizeof *h->plugins);
  if (h->plugins == NULL) return fisa_fail(err, "out of memory");
  for (uint32_t i = 0; i < c->plugin_count; i++) {
    struct fhost_loaded *l = &h->plugins[h->plugin_count];
    if (!c->plugins[i].enabled) continue;
    h->plugin_count++;
    l->name = c->plugins[i].name;
    if (load_plugin(h, &c->plugins[i], l, check_only, err) != 0) return -1;
  }
  return 0;
}

/* ---- attaching ---------------------------------------------------------- */

struct teller {
  const struct fhost *h;
  const char *dialect;
};

static void tell_missing(const char *text, void *user) {
  const struct teller *t = user;
  char line[300];
  snprintf(line, sizeof line, "the VM of dialect %s: %s", t->dialect, text);
  say(t->h, FLUX_LOG_WARNING, line);
}

/* What the VM of a member leaves out, once a VM. */
static void warn_missing(const struct fhost *h, uint32_t member) {
  const struct fhost_member *m = &h->members[member];
  struct teller t = {h, m->dialect->name};
  for (uint32_t i = 0; i < member; i++)
    if (h->members[i].vm == m->vm) return;
  if (m->vm->missing != NULL)
    m->vm->missing(m->vm, m->dialect, tell_missing, &t);
}

const void *fhost_extension(const struct fhost *h, const char *id,
                            flux_plugin **plugin) {
  const void *api = NULL;
  for (uint32_t i = 0; i < h->plugin_count && api == NULL; i++) {
    api = fhost_plugin_extension(h->plugins[i].plugin, id);
    if (api != NULL) *plugin = fhost_plugin_instance(h->plugins[i].plugin);
  }
  return api;
}

/* An agent has one evolver; whoever configured two should know which. */
static void warn_second(const struct fhost *h, const void *first) {
  const char *name = NULL;
  char line[300];
  for (uint32_t i = 0; i < h->plugin_count; i++) {
    const struct fhost_loaded *l = &h->plugins[i];
    const void *api = fhost_plugin_extension(l->plugin, FLUX_EXT_EVOLVER);
    if (api == NULL) continue;
    assert(name != NULL || api == first);
    if (name == NULL) {
      name = l->name;
      continue;
    }
    snprintf(line, sizeof line,
             "plugin \"%.64s\" evolves nothing: every agent has the evolver "
             "of plugin \"%.64s\" already", l->name, name);
    say(h, FLUX_LOG_WARNING, line);
  }
}

/* Every agent goes to the first plugin that evolves agents. */
static void attach_members(struct fhost *h) {
  struct fhost_evolver e = {0};
  e.api = fhost_extension(h, FLUX_EXT_EVOLVER, &e.plugin);
  if (e.api == NULL) return;
  warn_second(h, e.api);
  for (uint32_t i = 0; i < h->member_count; i++) {
    struct fhost_member *m = &h->members[i];
    struct fhost_texts texts;
    struct fisa_error why = {""};
    warn_missing(h, i);
    fhost_machines_texts(h->machines, m->dialect->name, &texts);
    if (fhost_agent_attach(m->agent, &e, &texts, &why) != 0)
      say(h, FLUX_LOG_WARNING, why.text);
  }
}

/* ---- the host ----------------------------------------------------------- */

static int open_host(struct fhost *h, bool check_only,
                     struct fisa_error *err) {
  h->runtime = fhost_runtime_new();
  if (h->runtime == NULL) return fisa_fail(err, "out of memory");
  make_judge(h);
  if (open_natives(h, err) != 0 || open_machines(h, err) != 0 ||
      make_members(h, check_only, err) != 0)
    return -1;
  if (h->o.plugins && load_plugins(h, check_only, err) != 0) return -1;
  if (!check_only) attach_members(h);
  return 0;
}

int fhost_open(const struct fhost_config *config,
               const struct fhost_open_options *o, struct fhost **out,
               struct fisa_error *err) {
  struct fhost *h = calloc(1, sizeof *h);
  assert(config != NULL && o != NULL);
  if (h == NULL) return fisa_fail(err, "out of memory");
  h->config = config;
  h->o = *o;
  if (open_host(h, false, err) != 0) {
    fhost_close(h);
    return -1;
  }
  *out = h;
  return 0;
}

/* It would run, but not be evolved: the time to say so is now. */
static int check_programs(const struct fhost *h, struct fisa_error *err) {
  for (uint32_t i = 0; i < h->member_count; i++) {
    const struct fhost_member *m = &h->members[i];
    struct fisa_finding f;
    if (fisa_verify(m->program, &f, 1) != 0)
      return fisa_fail(err, "agent \"%.64s\": its program is malformed at "
                            "%u: %s", m->config->name, (unsigned)f.pc,
                       f.text);
  }
  return 0;
}

int fhost_check(const struct fhost_config *config, struct fisa_error *err) {
  struct fhost *h = calloc(1, sizeof *h);
  int rc;
  assert(config != NULL);
  if (h == NULL) return fisa_fail(err, "out of memory");
  h->config = config;
  h->o.plugins = true;
  rc = open_host(h, true, err);
  if (rc == 0) rc = check_programs(h, err);
  fhost_close(h);
  return rc;
}

/* An agent's own thread may not log; now that none runs, somebody should. */
static void tell_stopped(const struct fhost *h) {
  for (uint32_t i = 0; i < h->member_count; i++) {
    char why[200], line[300];
    fhost_agent_stop_text(h->members[i].agent, why, sizeof why);
    if (why[0] == '\0') continue;
    snprintf(line, sizeof line, "agent \"%.64s\" %s",
             h->members[i].config->name, why);
    say(h, FLUX_LOG_WARNING, line);
  }
}

int fhost_run(struct fhost *h, uint64_t tasks, const _Atomic int *stop,
              struct fisa_error *err) {
  const struct fhost_run_options o = {
      .threads = h->config->threads,
      .tasks = tasks > 0 ? tasks : h->config->tasks,
      .pace_us = h->config->pace_us,
      .stop = stop};
  const int rc = fhost_runtime_run(h->runtime, &o, err);
  if (rc == 0) tell_stopped(h);
  return rc;
}

/* Of hosts that were closed while a scorer or a model was inside its native:
 * for good, since nobody tells when it comes back. */
struct left {
  struct fhost_member *members;
  struct fhost_natives *natives;
  struct left *next;
};

/* False: no memory. */
static bool leave_behind(const struct fhost *h) {
  static _Atomic(struct left *) all;
  struct left *l = malloc(sizeof *l);
  if (l == NULL) return false;
  *l = (struct left){h->members, h->natives, atomic_load(&all)};
  while (!atomic_compare_exchange_weak(&all, &l->next, l)) continue;
  return true;
}

void fhost_close(struct fhost *h) {
  if (h == NULL) return;
  /* Agents detach from plugins, so they go first. */
  fhost_runtime_free(h->runtime);
  for (uint32_t i = 0; i < h->plugin_count; i++) {
    fhost_plugin_close(h->plugins[i].plugin, false);
    fhost_services_free(h->plugins[i].services);
  }
  /* What a call that was given up comes back to stays. */
  if (!fhost_judge_is_away() || !leave_behind(h)) {
    for (uint32_t i = 0; i < h->member_count; i++) member_done(&h->members[i]);
    fhost_natives_free(h->natives);
    free(h->members);
  }
  fhost_machines_free(h->machines);
  free(h->plugins);
  free(h);
}

uint32_t fhost_agent_count(const struct fhost *h) { return h->member_count; }

struct fhost_agent *fhost_agent_at(const struct fhost *h, uint32_t i) {
  return i < h->member_count ? h->members[i].agent : NULL;
}
