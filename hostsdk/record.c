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

/* ---- replay: tasks run again after a recovery ------------------------------- */

void fhost_replay_start(struct fhost_agent *a) {
  struct fhost_replay *r = &a->replay;
  const struct fhost_log *log = a->log;
  r->in_count = r->out_count = r->out_at = 0;
  for (uint32_t i = 0; i < log->count; i++) {
    const struct fhost_logged *t =
        &log->tasks[(log->first + i) % log->capacity];
    for (uint32_t k = 0; k < t->event_count; k++) {
      if (!t->events[k].out) {
        r->used[r->in_count] = 0;
        r->in[r->in_count++] = t->events[k];
      } else if (!(a->probation_flags & FLUX_PATCH_HOLD)) {
        r->out[r->out_count++] = t->events[k];
      }
    }
    r->until = t->number;
  }
  r->on = true;
}

/* What was released and did not come again is wrong too. */
void fhost_replay_end(struct fhost_agent *a) {
  struct fhost_replay *r = &a->replay;
  fhost_add(&a->n_wrong, r->out_count - r->out_at);
  r->on = false;
}

/* The next value consumed before from this source with these arguments. */
static bool replay_take(struct fhost_replay *r, const struct fisa_event *want,
                        int32_t *value) {
  for (uint32_t i = 0; i < r->in_count; i++) {
    if (r->used[i] || r->in[i].name != want->name ||
        memcmp(r->in[i].arg, want->arg, sizeof want->arg) != 0)
      continue;
    r->used[i] = 1;
    *value = r->in[i].value;
    return true;
  }
  return false;
}

/* ---- the two ways across ------------------------------------------------------- */

/* Notes an event of the running task; too many make it unrecordable. */
static void note(struct fhost_agent *a, const struct fisa_event *e) {
  if (a->event_count == a->o.max_events) {
    a->overflow = true;
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
  if (!a->replay.on || !replay_take(&a->replay, &e, &e.value))
    e.value = a->o.world.input == NULL
                  ? 0
                  : a->o.world.input(a->task, source, arg, argc,
                                     a->o.world.user);
  if (a->recording) note(a, &e);
  return e.value;
}

void fhost_release(struct fhost_agent *a, const struct fisa_event *e) {
  struct fhost_replay *r = &a->replay;
  if (r->on && r->out_at < r->out_count) {
    /* Sent before: matched, not sent again. */
    if (!fisa_event_equal(&r->out[r->out_at++], e)) fhost_add(&a->n_wrong, 1);
    return;
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

const struct fhost_vm_io fhost_io = {take_input, give_output, NULL};

/* ---- records -------------------------------------------------------------------- */

void fhost_record_begin(struct fhost_agent *a) {
  a->event_count = 0;
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

void fhost_record_end(struct fhost_agent *a, uint32_t flags) {
  flux_state begin, end;
  const struct fhost_version *v =
      atomic_load_explicit(&a->live, memory_order_relaxed);
  flux_task t = {.struct_size = sizeof t,
                 .flags = flags,
                 .number = a->task,
                 .version = v->id,
                 .cycles = a->state->cycles - a->begin_cycles,
                 .status = a->state->status,
                 .fault = a->state->fault,
                 .begin_pc = a->begin_pc,
                 .end_pc = a->state->pc,
                 .confidence = confidence(a),
                 .trust = trust(a)};
  if (a->evolved == NULL) return;
  if (a->recording && a->overflow) t.flags |= FLUX_TASK_LOST;
  if (a->recording) {
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
