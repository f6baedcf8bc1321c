/*
 * livehost.c - a host for the plugin's live loop that a test plays itself.
 */
#include "tests/livehost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hostsdk/runtime.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

enum { AGENT = 7, BROKEN = 99, PATIENCE_MS = 60000, FUEL = 20000 };

const flux_plugin_descriptor *flux_plugin_entry(void);

static void *must(void *p) {
  if (p != NULL) return p;
  fprintf(stderr, "out of memory\n");
  exit(BROKEN);
}

static void nap(void) {
  const struct timespec t = {0, 500000};
  nanosleep(&t, NULL);
}

/* ---- flux.live/1 -------------------------------------------------------- */

/* Every call names the agent, and none comes after it is gone. */
static struct livehost *enter(uint64_t agent, void *ctx) {
  struct livehost *h = ctx;
  if (agent != AGENT || atomic_load(&h->gone)) {
    fprintf(stderr, "a call about an agent that is not there\n");
    exit(BROKEN);
  }
  pthread_mutex_lock(&h->lock);
  return h;
}

static flux_status leave(struct livehost *h, flux_status rc) {
  pthread_mutex_unlock(&h->lock);
  return rc;
}

static flux_status observe(uint64_t agent, uint32_t what, uint32_t period,
                           void *ctx) {
  struct livehost *h = enter(agent, ctx);
  h->observed_what = what;
  return leave(h, period > 0 ? FLUX_OK : FLUX_E_INVALID);
}

/* The first instruction is the one head, and ran often. */
static flux_status counts(uint64_t agent, uint64_t *slots, uint8_t *heads,
                          uint32_t capacity, uint32_t *size,
                          uint64_t *version, void *ctx) {
  struct livehost *h = enter(agent, ctx);
  *size = h->program->size;
  *version = h->version;
  h->counted++;
  if (capacity < h->program->size) return leave(h, FLUX_E_LIMIT);
  memset(slots, 0, capacity * sizeof *slots);
  memset(heads, 0, (capacity + 7) / 8);
  slots[0] = 1000;
  heads[0] = 1;
  return leave(h, FLUX_OK);
}

static void copy_pairs(flux_transfer to[16], uint32_t *count,
                       const flux_transfer *from, uint32_t n) {
  *count = n < 16 ? n : 16;
  memcpy(to, from, *count * sizeof *to);
}

static flux_status offer(uint64_t agent, const flux_patch *p, void *ctx) {
  struct livehost *h = enter(agent, ctx);
  struct livehost_patch *to = &h->patch;
  h->offers++;
  if (h->busy_offers > 0) {
    h->busy_offers--;
    return leave(h, FLUX_E_BUSY);
  }
  if (h->offered) return leave(h, FLUX_E_BUSY);
  if (p->base != h->version) return leave(h, FLUX_E_STALE);
  fisa_program_free(to->program);
  to->id = p->id;
  to->base = p->base;
  to->flags = p->flags;
  copy_pairs(to->transfer, &to->transfers, p->transfer, p->transfer_count);
  copy_pairs(to->back, &to->backs, p->back, p->back_count);
  to->program = must(fisa_program_derive(h->root, p->code, p->code_size,
                                         p->entry, p->boundary_pc));
  h->offered = true;
  return leave(h, FLUX_OK);
}

static flux_status withdraw(uint64_t agent, uint64_t patch, void *ctx) {
  struct livehost *h = enter(agent, ctx);
  if (!h->offered || h->patch.id != patch) return leave(h, FLUX_E_STALE);
  h->offered = false;
  h->withdrawn++;
  return leave(h, FLUX_OK);
}

static flux_status agree(uint64_t agent, uint64_t task, void *ctx) {
  struct livehost *h = enter(agent, ctx);
  h->out_of_order |= h->agreed_count > 0 && task <= h->agreed_last;
  h->agreed_last = task;
  h->agreed_count++;
  pthread_mutex_unlock(&h->lock);
  while (atomic_load(&h->block)) nap();
  return FLUX_OK;
}

static flux_status accept_patch(uint64_t agent, uint64_t patch, void *ctx) {
  struct livehost *h = enter(agent, ctx);
  if (h->accept_answer == FLUX_OK) h->accepted = patch;
  return leave(h, h->accept_answer);
}

static flux_status take_back(uint64_t agent, uint64_t patch, uint32_t how,
                             void *ctx) {
  struct livehost *h = enter(agent, ctx);
  h->taken_back = patch;
  h->how = (int32_t)how;
  h->takes++;
  return leave(h, h->version == patch ? FLUX_OK : FLUX_E_STALE);
}

static void explain(uint64_t agent, const char *text, void *ctx) {
  struct livehost *h = enter(agent, ctx);
  snprintf(h->explanation, sizeof h->explanation, "%s", text ? text : "");
  pthread_mutex_unlock(&h->lock);
}

/* ---- the other services ------------------------------------------------- */

static void log_line(uint32_t level, const char *text, void *ctx) {
  struct livehost *h = ctx;
  (void)level;
  pthread_mutex_lock(&h->lock);
  if (getenv("LIVEHOST_LOG") != NULL) fprintf(stderr, "    %s\n", text);
  snprintf(h->lines[h->line_count++ % LIVEHOST_LINES], sizeof h->lines[0],
           "%s", text);
  pthread_mutex_unlock(&h->lock);
}

static const flux_setting *setting_at(uint32_t i, void *ctx) {
  struct livehost *h = ctx;
  return i < h->setting_count ? &h->settings[i] : NULL;
}

static const void *extension(const char *id, void *ctx) {
  struct livehost *h = ctx;
  if (strcmp(id, FLUX_EXT_LIVE) == 0) return &h->live;
  if (strcmp(id, FLUX_EXT_CONFIG) == 0) return &h->config;
  if (strcmp(id, FLUX_EXT_LOG) == 0) return &h->log;
  if (strcmp(id, FLUX_EXT_STEP) == 0 && h->steps) return &h->step;
  if (strcmp(id, FLUX_EXT_JUDGE) == 0) return h->judge;
  return NULL;
}

static flux_setting *setting_new(struct livehost *h, const char *name) {
  flux_setting *s = &h->settings[h->setting_count];
  for (uint32_t i = 0; i < h->setting_count; i++)
    if (strcmp(h->settings[i].name, name) == 0) return &h->settings[i];
  if (h->setting_count == LIVEHOST_SETTINGS) exit(BROKEN);
  *s = (flux_setting){.struct_size = sizeof *s, .name = name, .file = "t",
                      .line = ++h->setting_count};
  return s;
}

void livehost_set(struct livehost *h, const char *name, double value) {
  flux_setting *s = setting_new(h, name);
  bool whole = value == (double)(int64_t)value;
  s->type = whole ? FLUX_SETTING_INT : FLUX_SETTING_FLOAT;
  if (strcmp(name, "policy.probation_hold") == 0 ||
      strcmp(name, "policy.paused") == 0)
    s->type = FLUX_SETTING_BOOL;
  s->i = whole ? (int64_t)value : 0;
  s->f = value;
}

void livehost_set_text(struct livehost *h, const char *name,
                       const char *value) {
  flux_setting *s = setting_new(h, name);
  s->type = FLUX_SETTING_STRING;
  s->s = value;
}

/* ---- life --------------------------------------------------------------- */

static int32_t usual_feed(uint64_t task) { return 1 + (int32_t)(task % 9); }

static void load(struct livehost *h, struct fisa_program *p) {
  struct fisa_error err = {""};
  fir_free(h->ir);
  if (h->program != h->root) fisa_program_free(h->program);
  h->program = p;
  if (fir_lower(p, &h->ir, &err) == 0) return;
  fprintf(stderr, "%s\n", err.text);
  exit(BROKEN);
}

void livehost_open(struct livehost *h, const char *program_text) {
  memset(h, 0, sizeof *h);
  pthread_mutex_init(&h->lock, NULL);
  h->host = (flux_host){.struct_size = sizeof h->host,
                        .abi_version = FLUX_ABI_VERSION,
                        .name = "test",
                        .version = "0",
                        .build_id = "0",
                        .ctx = h,
                        .extension = extension};
  h->config = (flux_config){sizeof h->config, 0, setting_at};
  h->live = (flux_live){sizeof h->live, 0, observe, counts, offer, withdraw,
                        agree, accept_patch, take_back, explain};
  h->log = (flux_log){sizeof h->log, FLUX_LOG_INFO, log_line};
  h->root = must(isa_program(isa_unified(), program_text));
  h->lane = must(fir_lane_new());
  h->begin = must(fisa_state_new(h->root->dialect));
  h->end = must(fisa_state_new(h->root->dialect));
  h->feed = usual_feed;
  h->trust = 0.9;
  h->how = -1;
  h->name = "agent";
  /* They have tests of their own, and take their time where all is slow. */
  if (unit_scale(2) < 2) {
    livehost_set(h, "policy.weights.FindSequence", 0);
    livehost_set(h, "policy.weights.FoldLoop", 0);
  }
  livehost_set(h, "policy.seed", 1);
  livehost_set(h, "policy.record_period", 1);
  livehost_set(h, "policy.cpu_share", 1);
}

void livehost_open_small(struct livehost *h, const char *program_text) {
  livehost_open(h, program_text);
  livehost_set(h, "policy.episodes", 4);
  livehost_set(h, "policy.budget", 300);
  livehost_set(h, "policy.population", 32);
  livehost_set(h, "policy.fuzz_states", 200);
  livehost_set(h, "policy.probation_tasks", LIVEHOST_PROBATION);
  /* What comes of an offer is looked at, not how good one can be. */
  livehost_set(h, "policy.weights.FoldLoop", 0);
}

static bool attach(struct livehost *h) {
  char *manifest = must(fisa_manifest_text(h->root));
  flux_agent_info i = {.struct_size = sizeof i,
                       .flags = h->continues ? 0u : FLUX_AGENT_FRESH_START,
                       .id = AGENT,
                       .name = h->name,
                       .dialect = "unified",
                       .code = h->root->code,
                       .code_size = h->root->size,
                       .entry = h->root->entry,
                       .manifest = manifest,
                       .trust = h->trust,
                       .confidence_cell = -1,
                       .max_task_fuel = FUEL,
                       .confidence_scale = 1};
  flux_status rc;
  i.dialect_text = fisa_builtin_text("unified.fluxisa", &i.dialect_size);
  i.bindings_text = fisa_builtin_text("unified.bindings", &i.bindings_size);
  rc = h->evolver->attach(h->plugin, &i, &h->evolved, h->explanation,
                          sizeof h->explanation);
  free(manifest);
  return rc == FLUX_OK;
}

bool livehost_start(struct livehost *h) {
  char message[256] = "";
  h->config.count = h->setting_count;
  atomic_store(&h->gone, false);
  load(h, h->root);
  h->version = 0;
  h->fresh = true;
  h->offered = false;
  if (flux_plugin_entry()->create(&h->host, &h->plugin, message,
                                  sizeof message) != FLUX_OK) {
    fprintf(stderr, "no plugin: %s\n", message);
    exit(BROKEN);
  }
  h->evolver = flux_plugin_entry()->extension(h->plugin, FLUX_EXT_EVOLVER);
  fisa_state_start(h->root, h->end);
  return attach(h);
}

void livehost_detach(struct livehost *h) {
  atomic_store(&h->block, false);
  if (h->evolved != NULL) h->evolver->detach(h->plugin, h->evolved);
  h->evolved = NULL;
  atomic_store(&h->gone, true);
}

void livehost_stop(struct livehost *h) {
  livehost_detach(h);
  flux_plugin_entry()->destroy(h->plugin);
  h->plugin = NULL;
}

void livehost_close(struct livehost *h) {
  livehost_stop(h);
  load(h, h->root);
  fir_free(h->ir);
  fisa_program_free(h->patch.program);
  fisa_program_free(h->root);
  fir_lane_free(h->lane);
  fisa_state_free(h->begin);
  fisa_state_free(h->end);
  fisa_trace_done(&h->events);
  pthread_mutex_destroy(&h->lock);
}

/* ---- tasks -------------------------------------------------------------- */

static int task_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct livehost *h = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};
  for (unsigned i = 0; i < argc; i++) e.arg[i] = arg[i];
  e.value = h->sense != NULL ? h->sense()
                             : (int32_t)(h->number * 7 % 50) +
                                   (int32_t)h->events.count;
  *value = e.value;
  return fisa_trace_add(&h->events, &e);
}

static int task_output(uint16_t channel, const int32_t *arg, unsigned argc,
                       void *user) {
  struct livehost *h = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  for (unsigned i = 0; i < argc; i++) e.arg[i] = arg[i];
  if (h->act != NULL) h->act(arg, argc);
  return fisa_trace_add(&h->events, &e);
}

/* A state as the ABI gives it; all pages that are not zero. */
struct seen {
  flux_state s;
  uint32_t page[FISA_MAX_MEM / FISA_PAGE];
  uint8_t *bytes;
};

static void see(const struct fisa_state *from, struct seen *to) {
  uint32_t n = 0;
  to->bytes = must(malloc(from->mem_size + 1));
  for (uint32_t i = 0; i < from->mem_size / FISA_PAGE; i++) {
    if (!(from->dirty[i / 64] >> (i % 64) & 1u)) continue;
    to->page[n] = i;
    memcpy(to->bytes + (size_t)n++ * FISA_PAGE,
           from->mem + (size_t)i * FISA_PAGE, FISA_PAGE);
  }
  to->s = (flux_state){.struct_size = sizeof to->s,
                       .cell_count = from->cell_count,
                       .mem_size = from->mem_size,
                       .pc = from->pc,
                       .status = from->status,
                       .fault = from->fault,
                       .cycles = from->cycles,
                       .cells = from->cells,
                       .page_count = n,
                       .page = to->page,
                       .page_bytes = to->bytes};
}

static void tell_lie(const struct livehost_lie *lie, flux_task *t,
                     flux_state *end) {
  if (lie == NULL) return;
  t->flags = (t->flags | lie->flags) & ~lie->drop_flags;
  if (lie->cell >= 0) end->cells[lie->cell] += lie->add;
  if (lie->times_cycles > 0)
    t->cycles = (uint64_t)((double)t->cycles * lie->times_cycles);
  if (lie->fault) {
    t->status = end->status = FLUX_RUN_FAULT;
    t->fault = end->fault = 3;
  }
  if (lie->confidence) t->confidence = lie->confidence_is;
  if (lie->trust) t->trust = lie->trust_is;
}

void livehost_task(struct livehost *h, const struct livehost_lie *lie) {
  const struct fir_io io = {task_input, task_output, h};
  const struct fir_limits limits = {FUEL, true};
  static struct seen begin, end;
  flux_task t = {.struct_size = sizeof t,
                 .flags = FLUX_TASK_RECORDED,
                 .number = h->number,
                 .version = h->version,
                 .confidence = 1,
                 .trust = h->trust};
  if (h->fresh) {
    fisa_state_start(h->program, h->end);
    h->end->cells[1] = h->feed(h->number);
    t.flags |= FLUX_TASK_FRESH;
  }
  fisa_state_copy(h->begin, h->end);
  h->events.count = 0;
  fir_run(h->ir, h->lane, h->end, &io, limits);
  h->fresh = h->end->status != FISA_RUN_YIELD && !h->continues;
  see(h->begin, &begin);
  see(h->end, &end);
  t.cycles = h->end->cycles - h->begin->cycles;
  t.status = h->end->status;
  t.fault = h->end->fault;
  t.begin_pc = h->begin->pc;
  t.end_pc = h->end->pc;
  t.events = (const flux_event *)(const void *)h->events.events;
  t.event_count = h->events.count;
  t.begin = &begin.s;
  t.end = &end.s;
  tell_lie(lie, &t, &end.s);
  h->evolver->task_end(h->evolved, &t);
  if (lie != NULL && lie->cell >= 0) h->end->cells[lie->cell] -= lie->add;
  free(begin.bytes);
  free(end.bytes);
  h->number++;
}

/* The pc behind a swap; the test fails where there is no pair for it. */
static void move_pc(struct livehost *h, const flux_transfer *t, uint32_t n) {
  if (h->fresh) return;
  for (uint32_t i = 0; i < n; i++) {
    if (t[i].from_pc != h->end->pc) continue;
    h->end->pc = t[i].to_pc;
    return;
  }
  UNIT_TRUE(false, "no way from %u", h->end->pc);
}

uint32_t livehost_install(struct livehost *h) {
  struct fisa_program *p;
  pthread_mutex_lock(&h->lock);
  UNIT_TRUE(h->offered, "something to install");
  p = must(fisa_program_derive(h->root, h->patch.program->code,
                               h->patch.program->size,
                               h->patch.program->entry,
                               h->patch.program->manifest.boundary.pc));
  move_pc(h, h->patch.transfer, h->patch.transfers);
  load(h, p);
  h->version = h->patch.id;
  h->offered = false;
  pthread_mutex_unlock(&h->lock);
  return FLUX_TASK_SWAPPED |
         (h->patch.flags & FLUX_PATCH_ACCEPTED ? 0u : FLUX_TASK_PROBATION);
}

uint32_t livehost_leave(struct livehost *h) {
  pthread_mutex_lock(&h->lock);
  UNIT_EQ(h->patch.base, 0);
  move_pc(h, h->patch.back, h->patch.backs);
  load(h, h->root);
  h->version = h->patch.base;
  pthread_mutex_unlock(&h->lock);
  return FLUX_TASK_SWAPPED | FLUX_TASK_TAKEN_BACK;
}

/* ---- waiting ------------------------------------------------------------ */

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum fse_phase livehost_phase(struct livehost *h) {
  return fse_phase_get(h->evolved);
}

static bool is_empty(struct livehost *h) {
  return atomic_load(&h->evolved->ring.head) ==
         atomic_load(&h->evolved->ring.tail);
}

bool livehost_wait(struct livehost *h, enum fse_phase phase) {
  uint64_t end = now_ms() + PATIENCE_MS;
  while (livehost_phase(h) != phase && now_ms() < end) nap();
  return livehost_phase(h) == phase;
}

/* What is due behind a task has come when the watcher let go of the agent. */
static bool at_rest(struct livehost *h) {
  struct fse_instance *in = h->evolved->instance;
  bool rest;
  pthread_mutex_lock(&in->lock);
  rest = h->evolved->busy == 0;
  pthread_mutex_unlock(&in->lock);
  return rest;
}

void livehost_settle(struct livehost *h) {
  uint64_t end = now_ms() + PATIENCE_MS;
  while (!is_empty(h) && now_ms() < end) nap();
  UNIT_TRUE(is_empty(h), "the watcher is at work");
  while (livehost_phase(h) != FSE_SEARCHING && !at_rest(h) && now_ms() < end)
    nap();
}

bool livehost_run_to(struct livehost *h, enum fse_phase phase) {
  uint64_t end = now_ms() + PATIENCE_MS;
  /* Nothing comes of one that settled. */
  while (livehost_phase(h) != phase && livehost_phase(h) != FSE_SETTLED &&
         now_ms() < end) {
    livehost_task(h, NULL);
    livehost_settle(h);
    if (livehost_phase(h) == FSE_SEARCHING ||
        livehost_phase(h) == FSE_READY)
      nap();
  }
  return livehost_phase(h) == phase;
}

uint32_t livehost_offer(struct livehost *h) {
  uint64_t end = now_ms() + PATIENCE_MS;
  bool offered = false;
  UNIT_TRUE(livehost_run_to(h, FSE_OFFERED), "nothing is offered");
  /* The phase comes before the offer itself. */
  while (!offered && now_ms() < end) {
    pthread_mutex_lock(&h->lock);
    offered = h->offered;
    pthread_mutex_unlock(&h->lock);
    if (!offered) nap();
  }
  return livehost_install(h);
}

void livehost_probation(struct livehost *h, uint32_t flags, unsigned n,
                        const struct livehost_lie *lie) {
  for (unsigned i = 0; i < n; i++) {
    struct livehost_lie l = {.cell = -1};
    if (lie != NULL) l = *lie;
    l.flags |= FLUX_TASK_PROBATION | (i == 0 ? flags : 0);
    livehost_task(h, &l);
    livehost_settle(h);
  }
}

void livehost_accept(struct livehost *h) {
  uint32_t flags = livehost_offer(h);
  livehost_probation(h, flags, LIVEHOST_PROBATION, NULL);
  UNIT_EQ(h->accepted, h->version);
}

uint32_t livehost_said(struct livehost *h, const char *text) {
  uint32_t n = 0;
  pthread_mutex_lock(&h->lock);
  for (uint32_t i = 0; i < LIVEHOST_LINES; i++)
    n += strstr(h->lines[i], text) != NULL;
  pthread_mutex_unlock(&h->lock);
  return n;
}

bool livehost_explains(struct livehost *h, const char *text) {
  bool found;
  pthread_mutex_lock(&h->lock);
  found = text == NULL ? h->explanation[0] == '\0'
                       : strstr(h->explanation, text) != NULL;
  pthread_mutex_unlock(&h->lock);
  return found;
}
