/*
 * hostsdk/record.c - what crosses the border of a task: values, outputs,
 * the record.
 */
#include <assert.h>
#include <string.h>

#include "hostsdk/runtime_internal.h"

/* The event of the ABI and that of the state codec are one thing. */
_Static_assert(sizeof(struct fisa_event) == sizeof(flux_event), "event");
_Static_assert(offsetof(struct fisa_event, value) ==
                   offsetof(flux_event, value), "event");

/* ---- replay: tasks run again after a recovery --------------------------- */

/* Makes ready for the task at r->index. */
static void replay_open(struct fhost_agent *a) {
  struct fhost_replay *r = &a->replay;
  const struct fhost_logged *t = fhost_logged_at(r->log, r->index);
  assert(r->index < r->log->count && t->event_count <= a->o.max_events);
  r->in_at = r->out_at = 0;
  r->unseen = t->unseen;
  memset(r->used, 0, t->event_count);
}

void fhost_replay_start(struct fhost_agent *a, struct fhost_log *log) {
  assert(a->replay.log == NULL && log->count > 0);
  a->replay.log = log;
  a->replay.index = 0;
  replay_open(a);
}

const struct fhost_logged *fhost_replay_task(const struct fhost_agent *a) {
  const struct fhost_replay *r = &a->replay;
  return r->log == NULL ? NULL : fhost_logged_at(r->log, r->index);
}

/* The next output that was released by the task, or NULL. */
static const struct fisa_event *next_released(struct fhost_replay *r) {
  const struct fhost_logged *t = fhost_logged_at(r->log, r->index);
  if (!t->released) return NULL;
  while (r->out_at < t->event_count && !t->events[r->out_at].out) r->out_at++;
  return r->out_at < t->event_count ? &t->events[r->out_at++] : NULL;
}

void fhost_replay_next(struct fhost_agent *a) {
  struct fhost_replay *r = &a->replay;
  assert(r->log != NULL);
  do {
    /* What was released and did not come again is wrong too. */
    while (next_released(r) != NULL) fhost_add(&a->n_wrong, 1);
    if (++r->index == r->log->count) {
      fhost_log_retire(a, r->log);
      r->log = NULL;
      return;
    }
    replay_open(a);
  } while (a->stopped);
}

/* The next value that the task consumed from this source with these
 * arguments when it ran before. */
static bool replay_take(struct fhost_replay *r, const struct fisa_event *want,
                        int32_t *value) {
  const struct fhost_logged *t = fhost_logged_at(r->log, r->index);
  while (r->in_at < t->event_count &&
         (r->used[r->in_at] || t->events[r->in_at].out))
    r->in_at++;
  for (uint32_t i = r->in_at; i < t->event_count; i++) {
    const struct fisa_event *e = &t->events[i];
    if (e->out || r->used[i] || e->name != want->name ||
        e->argc != want->argc ||
        memcmp(e->arg, want->arg, sizeof want->arg) != 0)
      continue;
    r->used[i] = 1;
    *value = e->value;
    return true;
  }
  return false;
}

/* ---- the two ways across ------------------------------------------------ */

/* Notes an event of the running task; too many make it unrecordable. */
static void note(struct fhost_agent *a, const struct fisa_event *e) {
  if (a->event_count == a->o.max_events) {
    a->overflow = true;
    a->unseen += e->out;
    return;
  }
  a->events[a->event_count++] = *e;
}

static struct fisa_event event_of(uint8_t out, uint16_t name,
                                  const int32_t *arg, unsigned argc) {
  struct fisa_event e = {.out = out, .argc = (uint8_t)argc, .name = name};
  assert(argc <= FISA_MAX_ARGS);
  for (unsigned i = 0; i < argc; i++) e.arg[i] = arg[i];
  return e;
}

static int32_t take_input(uint16_t source, const int32_t *arg, unsigned argc,
                          void *user) {
  struct fhost_agent *a = user;
  struct fisa_event e = event_of(0, source, arg, argc);
  if (a->replay.log == NULL || !replay_take(&a->replay, &e, &e.value))
    e.value = a->o.world.input == NULL
                  ? 0
                  : a->o.world.input(a->task, source, arg, argc,
                                     a->o.world.user);
  if (a->recording) note(a, &e);
  return e.value;
}

void fhost_release(struct fhost_agent *a, const struct fisa_event *e) {
  struct fhost_replay *r = &a->replay;
  assert(e->out);
  if (r->log != NULL) {
    /* Sent before: matched, not sent again. */
    const struct fisa_event *before = next_released(r);
    if (before != NULL) {
      if (!fisa_event_equal(before, e)) fhost_add(&a->n_wrong, 1);
      return;
    }
    if (fhost_replay_task(a)->released && r->unseen > 0) {
      r->unseen--;
      return;
    }
  }
  fhost_add(&a->n_outputs, 1);
  if (a->o.world.output != NULL)
    a->o.world.output(a->task, e->name, e->arg, e->argc, a->o.world.user);
}

static void give_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  struct fhost_agent *a = user;
  struct fisa_event e = event_of(1, channel, arg, argc);
  if (a->recording) note(a, &e);
  if (!a->holding) fhost_release(a, &e);
}

const struct fhost_vm_io fhost_io = {take_input, give_output, NULL, NULL};

/* ---- records ------------------------------------------------------------ */

void fhost_record_begin(struct fhost_agent *a) {
  a->event_count = a->unseen = 0;
  a->overflow = false;
  if (a->recording) fisa_state_copy(a->begin, a->state);
}

/* A state as the ABI gives it: cells as they are, memory by pages. */
static void state_view(const struct fhost_agent *a, struct fisa_state *s,
                       unsigned which, flux_state *out) {
  uint32_t pages = s->mem_size / FISA_PAGE, n = 0;
  *out = (flux_state){.struct_size = sizeof *out,
                      .cell_count = s->cell_count,
                      .mem_size = s->mem_size,
                      .pc = s->pc,
                      .status = s->status,
                      .fault = s->fault,
                      .cycles = s->cycles,
                      .cells = s->cells,
                      .page = a->page[which],
                      .page_bytes = a->page_bytes[which]};
  for (uint32_t p = 0; p < pages; p++) {
    if (!(s->dirty[p / 64] >> (p % 64) & 1u)) continue;
    a->page[which][n] = p;
    memcpy(a->page_bytes[which] + (size_t)n * FISA_PAGE,
           s->mem + (size_t)p * FISA_PAGE, FISA_PAGE);
    n++;
  }
  out->page_count = n;
}

static double share(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

static double confidence(const struct fhost_agent *a) {
  if (a->o.confidence_cell < 0) return 1.0;
  return share(a->state->cells[a->o.confidence_cell] /
               a->o.confidence_scale);
}

static double trust(const struct fhost_agent *a) {
  return share(a->o.world.trust != NULL ? a->o.world.trust(a->o.world.user)
                                        : a->o.trust);
}

void fhost_record_end(struct fhost_agent *a, const struct fhost_version *by,
                      uint32_t flags) {
  flux_state begin, end;
  flux_task t = {.struct_size = sizeof t,
                 .flags = flags,
                 .number = a->number,
                 .version = by->id,
                 .cycles = a->state->cycles - a->begin_cycles,
                 .status = a->state->status,
                 .fault = a->state->fault,
                 .begin_pc = a->begin_pc,
                 .end_pc = a->state->pc};
  if (a->evolved == NULL) return;
  t.confidence = confidence(a);
  t.trust = trust(a);
  if (a->recording && a->overflow) {
    t.flags |= FLUX_TASK_LOST;
  } else if (a->recording) {
    t.flags |= FLUX_TASK_RECORDED;
    t.event_count = a->event_count;
    t.events = (const flux_event *)(const void *)a->events;
    state_view(a, a->begin, 0, &begin);
    state_view(a, a->state, 1, &end);
    t.begin = &begin;
    t.end = &end;
  }
  a->evolver.api->task_end(a->evolved, &t);
}
