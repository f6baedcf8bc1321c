/*
 * rig.c - agents under test.
 */
#include "tests/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum { BROKEN_RIG = 99 };

struct flux_plugin {
  struct rig *rig;
};

static void *must(void *p) {
  if (p == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(BROKEN_RIG);
  }
  return p;
}

/* ---- programs ----------------------------------------------------------- */

const struct fisa_dialect *rig_dialect(void) {
  static struct fisa_dialect *d;
  struct fisa_error err;
  if (d == NULL && fisa_dialect_builtin("unified", true, &d, &err) != 0) {
    fprintf(stderr, "%s\n", err.text);
    exit(BROKEN_RIG);
  }
  return d;
}

struct fisa_program *rig_program(const char *text) {
  struct fisa_program *p = NULL;
  struct fisa_error err;
  if (fisa_assemble(rig_dialect(), text, strlen(text), "t", &p, &err) != 0) {
    fprintf(stderr, "%s in:\n%s\n", err.text, text);
    exit(BROKEN_RIG);
  }
  return p;
}

static const struct fisa_label *label(const struct fisa_program *p,
                                      const char *name) {
  for (uint32_t i = 0; i < p->label_count; i++)
    if (strcmp(p->labels[i].name, name) == 0) return &p->labels[i];
  return NULL;
}

uint32_t rig_label(const struct fisa_program *p, const char *name) {
  const struct fisa_label *l = label(p, name);
  if (l == NULL) {
    fprintf(stderr, "there is no label %s\n", name);
    exit(BROKEN_RIG);
  }
  return l->pc;
}

uint16_t rig_channel(const char *name) {
  const struct fisa_dialect *d = rig_dialect();
  for (uint32_t i = 0; i < d->channel_count; i++)
    if (strcmp(d->channels[i], name) == 0) return (uint16_t)i;
  fprintf(stderr, "there is no channel %s\n", name);
  exit(BROKEN_RIG);
}

/* ---- the world ---------------------------------------------------------- */

int32_t rig_feed(uint64_t task) { return (int32_t)(task * 7 % 100); }

int32_t rig_sense(uint64_t task) { return (int32_t)(task * 31 % 1000 + 1); }

static void world_begin(uint64_t task, struct fisa_state *s, void *user) {
  struct rig_agent *a = user;
  a->begins++;
  if (a->on_begin != NULL) a->on_begin(task, a);
  s->cells[1] = rig_feed(task) + a->shift;
  s->cells[2] = a->r2;
  if (a->byte == 0) return;
  s->mem[RIG_MEM] = (uint8_t)a->byte;
  fisa_state_mark(s, RIG_MEM, 1);
}

static int32_t world_input(uint64_t task, uint16_t source, const int32_t *arg,
                           unsigned argc, void *user) {
  struct rig_agent *a = user;
  (void)source, (void)arg, (void)argc;
  a->inputs++;
  return a->stream ? (int32_t)a->inputs : rig_sense(task);
}

static void world_output(uint64_t task, uint16_t channel, const int32_t *arg,
                         unsigned argc, void *user) {
  struct rig_agent *a = user;
  struct rig_output o = {task, channel, {0, 0, 0}};
  memcpy(o.arg, arg, argc * sizeof *arg);
  if (a->output_count == a->output_capacity) {
    a->output_capacity = a->output_capacity * 2 + 1024;
    a->outputs =
        must(realloc(a->outputs, a->output_capacity * sizeof *a->outputs));
  }
  a->outputs[a->output_count++] = o;
}

static void world_end(uint64_t task, const struct fisa_state *s, void *user) {
  struct rig_agent *a = user;
  a->ended = task;
  a->ended_r3 = s->cells[3];
  a->ends++;
}

static double world_trust(void *user) {
  const struct rig_agent *a = user;
  return a->trust;
}

/* ---- the evolver -------------------------------------------------------- */

static flux_status evolver_attach(flux_plugin *plugin,
                                  const flux_agent_info *info,
                                  flux_evolved **out, char *message,
                                  size_t capacity) {
  struct rig *r = plugin->rig;
  r->info = *info;
  if (r->on_attach != NULL) r->on_attach(r, info->id);
  if (r->attach_status != FLUX_OK) {
    snprintf(message, capacity, "the rig says no");
    return r->attach_status;
  }
  *out = &r->agents[info->id - 1].evolved;
  (*out)->rig = r;
  (*out)->id = info->id;
  (*out)->records = must(calloc(RIG_RECORDS, sizeof *(*out)->records));
  return FLUX_OK;
}

static void evolver_detach(flux_plugin *plugin, flux_evolved *e) {
  plugin->rig->detached++;
  free(e->records);
  e->records = NULL;
}

static uint8_t byte_at(const flux_state *s, uint32_t address) {
  for (uint32_t i = 0; i < s->page_count; i++)
    if (s->page[i] == address / FLUX_PAGE_SIZE)
      return s->page_bytes[i * FLUX_PAGE_SIZE + address % FLUX_PAGE_SIZE];
  return 0;
}

static void evolver_task_end(flux_evolved *e, const flux_task *task) {
  struct rig_record *r = &e->records[e->count++ % RIG_RECORDS];
  memset(r, 0, sizeof *r);
  r->task = *task;
  if (task->flags & FLUX_TASK_RECORDED) {
    uint32_t n = task->event_count < RIG_EVENTS ? task->event_count
                                                : RIG_EVENTS;
    memcpy(r->events, task->events, n * sizeof *r->events);
    r->begin = *task->begin;
    r->end = *task->end;
    memcpy(r->begin_cells, task->begin->cells, sizeof r->begin_cells);
    memcpy(r->end_cells, task->end->cells, sizeof r->end_cells);
    for (uint32_t i = 0; i < sizeof r->end_mem; i++)
      r->end_mem[i] = byte_at(task->end, RIG_MEM + i);
  }
  r->task.events = NULL;
  r->task.begin = r->task.end = NULL;
}

static const flux_evolver evolver = {sizeof evolver, 0, evolver_attach,
                                     evolver_detach, evolver_task_end};

/* ---- the rig ------------------------------------------------------------ */

void rig_open(struct rig *r) {
  memset(r, 0, sizeof *r);
  r->runtime = must(fhost_runtime_new());
  r->live = fhost_runtime_live(r->runtime);
}

void rig_close(struct rig *r) {
  fhost_runtime_free(r->runtime);
  for (uint32_t i = 0; i < r->count; i++) {
    if (!r->agents[i].shared) fisa_program_free(r->agents[i].program);
    free(r->agents[i].outputs);
  }
  memset(r, 0, sizeof *r);
}

static int attach(struct rig *r, struct rig_agent *a) {
  static struct flux_plugin plugin;
  const struct fhost_evolver e = {&plugin, &evolver};
  struct fhost_texts texts = {"", NULL, 0, 0};
  struct fisa_error err;
  plugin.rig = r;
  return fhost_agent_attach(a->agent, &e, &texts, &err);
}

struct rig_agent *rig_add(struct rig *r, const struct rig_options *o) {
  struct rig_agent *a = &r->agents[r->count++];
  struct fisa_error err = {""};
  char name[16];
  struct fhost_agent_options options = {
      .name = name,
      .vm = &fhost_vm_reference,
      .world = {o->no_begin ? NULL : world_begin, world_input, world_output,
                world_end, world_trust, a},
      .fresh_start = !o->continuing,
      .confidence_cell = o->confidence_cell > 0 ? o->confidence_cell : -1,
      .confidence_scale = 100,
      .trust = 0.5,
      .max_task_fuel = o->fuel > 0 ? o->fuel : 10000,
      .max_events = o->max_events,
      .worker = o->worker};
  snprintf(name, sizeof name, "agent%u", r->count);
  memset(a, 0, sizeof *a);
  a->rig = r;
  a->trust = 0.9;
  a->options = *o;
  a->shared = o->like != NULL;
  a->program = a->shared ? o->like->program : rig_program(o->text);
  options.program = a->program;
  a->agent = fhost_agent_add(r->runtime, &options, &err);
  if (a->agent == NULL) {
    fprintf(stderr, "%s\n", err.text);
    exit(BROKEN_RIG);
  }
  a->id = r->count;
  if (!o->unattached) (void)attach(r, a);
  return a;
}

/* ---- running ------------------------------------------------------------ */

enum fhost_step rig_step(struct rig_agent *a) {
  return fhost_agent_task(a->agent);
}

void rig_run(struct rig_agent *a, unsigned tasks) {
  for (unsigned i = 0; i < tasks; i++)
    if (!UNIT_EQ(rig_step(a), FHOST_RAN)) return;
}

static const struct rig_record *record(const struct rig_agent *a,
                                       uint64_t back) {
  if (a->evolved.records == NULL || a->evolved.count < back) return NULL;
  return &a->evolved.records[(a->evolved.count - back) % RIG_RECORDS];
}

const struct rig_record *rig_last(const struct rig_agent *a) {
  return record(a, 1);
}

const struct rig_record *rig_before_last(const struct rig_agent *a) {
  return record(a, 2);
}

struct fhost_agent_stats rig_stats(const struct rig_agent *a) {
  struct fhost_agent_stats s;
  fhost_agent_stats(a->agent, &s);
  return s;
}

bool rig_as_control(const struct rig_agent *a, uint64_t tasks) {
  struct rig_options o = a->options;
  struct rig_agent *control;
  struct rig r;
  bool same;
  rig_open(&r);
  o.unattached = true;
  control = rig_add(&r, &o);
  control->stream = a->stream;
  control->shift = a->shift;
  rig_run(control, (unsigned)tasks);
  same = UNIT_EQ(a->output_count, control->output_count);
  for (size_t i = 0; i < control->output_count && same; i++) {
    const struct rig_output *x = &a->outputs[i], *y = &control->outputs[i];
    same = UNIT_TRUE(x->task == y->task && x->channel == y->channel &&
                         memcmp(x->arg, y->arg, sizeof x->arg) == 0,
                     "output %zu: task %llu %d %d, control: task %llu %d %d",
                     i, (unsigned long long)x->task, x->arg[0], x->arg[1],
                     (unsigned long long)y->task, y->arg[0], y->arg[1]);
  }
  rig_close(&r);
  return same;
}

/* ---- playing the evolver ------------------------------------------------ */

/* Pairs of the labels that two programs share. */
static uint32_t pairs(const struct fisa_program *from,
                      const struct fisa_program *to, bool entry,
                      flux_transfer *out) {
  uint32_t n = 0;
  if (entry) out[n++] = (flux_transfer){from->entry, to->entry};
  for (uint32_t i = 0; i < from->label_count; i++) {
    const struct fisa_label *l = label(to, from->labels[i].name);
    if (l != NULL && strncmp(l->name, "at", 2) == 0)
      out[n++] = (flux_transfer){from->labels[i].pc, l->pc};
  }
  return n;
}

flux_status rig_offer(struct rig_agent *a, const struct rig_patch *p) {
  flux_transfer there[32], back[32];
  uint32_t count = pairs(p->from, p->to, !p->no_entry, there);
  uint32_t back_count = pairs(p->to, p->from, true, back);
  const flux_patch patch = {.struct_size = sizeof patch,
                            .id = p->id,
                            .base = p->base,
                            .code = p->to->code,
                            .code_size = p->to->size,
                            .entry = p->to->entry,
                            .manifest = "",
                            .transfer_count = count,
                            .back_count = p->no_back ? 1 : back_count,
                            .transfer = there,
                            .back = back,
                            .deadline_tasks = p->deadline ? p->deadline : 3,
                            .flags = p->flags,
                            .hold_ms = p->hold_ms ? p->hold_ms : 60000,
                            .boundary_pc = p->to->manifest.boundary.pc};
  return a->rig->live->offer(a->id, &patch, a->rig->runtime);
}

flux_status rig_observe(struct rig_agent *a, uint32_t what, uint32_t period) {
  return a->rig->live->observe(a->id, what, period, a->rig->runtime);
}

flux_status rig_agree(struct rig_agent *a, uint64_t number) {
  return a->rig->live->agree(a->id, number, a->rig->runtime);
}

flux_status rig_agree_last(struct rig_agent *a) {
  const struct rig_record *r = rig_last(a);
  return r == NULL ? FLUX_E_NOT_FOUND : rig_agree(a, r->task.number);
}

flux_status rig_accept(struct rig_agent *a, uint64_t id) {
  return a->rig->live->accept(a->id, id, a->rig->runtime);
}

flux_status rig_take_back(struct rig_agent *a, uint64_t id, uint32_t how) {
  return a->rig->live->take_back(a->id, id, how, a->rig->runtime);
}

flux_status rig_withdraw(struct rig_agent *a, uint64_t id) {
  return a->rig->live->withdraw(a->id, id, a->rig->runtime);
}
