/*
 * gpu/cuda.c - trials on a CUDA device: work sent, work awaited, errors.
 */
#include "gpu/cuda.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu/cuda_impl.h"

#define HOST_MOST ((uint64_t)64 << 20)
#define WAIT_MS 10000u

/* ---- errors ------------------------------------------------------------- */

static void tell(const struct fcuda *c, const struct fcu_failure *f,
                 const char *then) {
  char text[96], line[256];

  if (!c->options.log)
    return;
  fcu_result_text(&c->driver, f->result, text, sizeof(text));
  if (f->hangs)
    snprintf(text, sizeof(text), "the launch does not end");
  snprintf(line, sizeof(line), "cuda: %s: %s: %s; its trials run on the CPU%s",
           c->choice.about, f->call, text, then);
  c->options.log(true, line, c->options.user);
}

/* Nothing of what a slot has under way will come. */
static void abandon(struct fcu_slot *slot) {
  struct fcuda_work *w = slot->work;

  if (!w)
    return;
  for (uint32_t i = 0; i < slot->part_count; i++)
    w->run[slot->part[i].run].status = FCUDA_FAILED;
  w->pending--;
  slot->work = NULL;
}

/* The driver failed, or (no call) this machine is out of memory. */
static void fail(struct fcuda *c, const struct fcu_failure *f) {
  fcu_context mine;

  for (uint32_t i = 0; i < FCU_SLOTS; i++)
    abandon(&c->s.slot[i]);
  if (f->hangs && c->s.pushed) /* this does not wait */
    c->driver.cuCtxPopCurrent_v2(&mine);
  fcu_close(c, !f->hangs);
  if (!f->call)
    return;
  c->counts.errors++;
  c->retired = f->hangs || c->counts.errors >= FCUDA_ERRORS;
  tell(c, f, c->retired ? ", and the device is used no more" : "");
}

/* ---- entering ----------------------------------------------------------- */

/* Has the device open and its context current. */
static bool enter(struct fcuda *c) {
  struct fcu_failure f = {NULL, 0, false};

  if (c->retired)
    return false;
  if (!c->s.open && fcu_open(c, &f) != 0) {
    fail(c, &f);
    return false;
  }
  assert(!c->s.pushed);
  f.call = "cuCtxPushCurrent_v2";
  f.result = c->driver.cuCtxPushCurrent_v2(c->s.context);
  c->s.pushed = f.result == FCU_SUCCESS;
  if (!c->s.pushed)
    fail(c, &f);
  return c->s.pushed;
}

/* Makes the thread's own context current again. */
static void leave(struct fcuda *c) {
  struct fcu_failure f = {"cuCtxPopCurrent_v2", 0, false};
  fcu_context mine;

  if (!c->s.open)
    return;
  assert(c->s.pushed);
  f.result = c->driver.cuCtxPopCurrent_v2(&mine);
  c->s.pushed = f.result != FCU_SUCCESS;
  if (c->s.pushed)
    fail(c, &f);
}

/* ---- the outside -------------------------------------------------------- */

static uint64_t clock_ns(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void heed_environment(struct fcuda_options *o) {
  const char *image = secure_getenv("FLUX_TRIAL_IMAGE");
  char line[160];

  if (!image || !image[0])
    return;
  if (strcmp(image, "ptx") == 0) {
    o->ptx = true;
    return;
  }
  if (!o->log)
    return;
  snprintf(line, sizeof(line), "trials: FLUX_TRIAL_IMAGE=%.40s is not ptx; the "
           "best image is taken", image);
  o->log(true, line, o->user);
}

int fcuda_new(const struct fcuda_options *o, struct fcuda **out,
              struct fisa_error *why) {
  struct fcuda *c = calloc(1, sizeof(*c));
  struct fcu_failure f = {NULL, 0, false};
  char text[96] = "out of memory";

  assert(o && out);
  if (!c)
    return fisa_fail(why, "out of memory");
  c->options = *o;
  heed_environment(&c->options);
  if (!c->options.host_max)
    c->options.host_max = HOST_MOST;
  if (!c->options.now_ns)
    c->options.now_ns = clock_ns;
  if (!c->options.wait_ms)
    c->options.wait_ms = WAIT_MS;
  if (fcu_driver_open(&c->driver, FCU_OLDEST, why) != 0 ||
      fcu_choose(c, why) != 0) {
    free(c);
    return -1;
  }
  if (fcu_open(c, &f) != 0) {
    if (f.call)
      fcu_result_text(&c->driver, f.result, text, sizeof(text));
    fisa_fail(why, "%s%s%s", f.call ? f.call : "", f.call ? ": " : "", text);
    fcu_close(c, true);
    free(c);
    return -1;
  }
  *out = c;
  return 0;
}

/* Waits for a slot and reads what came. False: the device has failed. */
static bool settle(struct fcuda *c, struct fcu_slot *slot, bool now) {
  struct fcu_failure f = {NULL, 0, false};
  int rc;

  if (!slot->work)
    return true;
  rc = fcu_await(c, slot, now, &f);
  if (rc < 0)
    fail(c, &f);
  else if (rc == 0)
    fcu_collect(c, slot);
  return rc >= 0;
}

static bool settle_all(struct fcuda *c) {
  for (uint32_t i = 0; i < FCU_SLOTS; i++)
    if (!settle(c, &c->s.slot[(c->next + i) % FCU_SLOTS], false))
      return false;
  return true;
}

void fcuda_free(struct fcuda *c) {
  if (!c)
    return;
  if (c->s.open && enter(c)) {
    settle_all(c);
    leave(c);
  }
  fcu_close(c, true);
  free(c);
}

/* Runs that were not sent will not be. */
static void set_unsent(struct fcuda_work *w, enum fcuda_status status) {
  for (uint32_t i = 0; i < w->run_count; i++)
    if (w->run[i].status == FCUDA_SENT)
      w->run[i].status = status;
}

/* Nothing to run: all of that is good. */
static void answer_empty(struct fcuda_work *w) {
  for (uint32_t i = 0; i < w->run_count; i++) {
    memset(w->run[i].out, 0, sizeof(*w->run[i].out));
    w->run[i].status = FCUDA_DONE;
  }
}

/* Sends all launches of a plan. False: not all of it could be. */
static bool send_all(struct fcuda *c, struct fcu_plan *p) {
  struct fcu_failure f = {NULL, 0, false};

  while (p->left > 0) {
    struct fcu_slot *slot = &c->s.slot[c->next];
    int rc;

    if (!settle(c, slot, false))
      return false;
    rc = fcu_launch(c, p, slot, &f);
    if (rc == 1)
      return true;
    if (rc != 0) {
      fail(c, &f);
      return false;
    }
    c->next = (c->next + 1) % FCU_SLOTS;
  }
  return true;
}

/* Lanes that lie on the device together, or can: the launches. */
static void submit_lanes(struct fcuda *c, struct fcuda_work *w,
                         struct fkn_lanes lanes) {
  struct fcu_plan p = {.work = w, .lanes = lanes};
  struct fcu_failure f = {NULL, 0, false};
  int rc;

  if (!fcu_batch_there(c, w->batch, lanes) && !settle_all(c)) {
    set_unsent(w, FCUDA_FAILED);
    return;
  }
  rc = fcu_batch_have(c, w->batch, lanes, &p.batch_at, &f);
  if (rc < 0 && f.call)
    fail(c, &f);
  if (rc != 0) {
    set_unsent(w, rc < 0 ? FCUDA_FAILED : FCUDA_REFUSED);
    return;
  }
  p.needs = calloc(w->run_count, sizeof(*p.needs));
  if (!p.needs) {
    set_unsent(w, FCUDA_FAILED);
    return;
  }
  fcu_plan_needs(c, &p);
  if (!send_all(c, &p))
    set_unsent(w, FCUDA_FAILED);
  free(p.needs);
}

/* ---- batches that are too large ----------------------------------------- */

/* Runs of a work that go through its parts. */
struct parts {
  struct fcuda_work *work;
  struct fpk_verdict *sum;       /* [run_count] */
  uint32_t count;                /* that are to go on */
  uint32_t *which;               /* [count] of the work's runs */
  struct fcuda_run *run;         /* [count] of the present part */
  struct fpk_verdict *out;
};

/* What came of a part is added to what came of those before it. Returns
 * whether the run is to go on. */
static bool add_part(struct parts *p, uint32_t i) {
  struct fpk_verdict *v = &p->sum[p->which[i]];
  const struct fpk_verdict *part = &p->out[i];

  p->work->run[p->which[i]].status = p->run[i].status;
  if (p->run[i].status != FCUDA_DONE)
    return false;
  v->good += part->good;
  v->cost += part->cost;
  v->instructions += part->instructions;
  v->wrong = part->wrong;
  v->dear = part->dear;
  return !v->wrong && !v->dear;
}

/* Runs one part and waits for it. */
static void do_part(struct fcuda *c, struct parts *p, struct fcuda_work *part) {
  struct fkn_lanes lanes;
  uint32_t left = 0;

  for (uint32_t i = 0; i < p->count; i++) {
    const struct fcuda_run *run = &p->work->run[p->which[i]];

    p->run[i] = (struct fcuda_run){run->program, run->places,
                                   run->cost_bound -
                                       p->sum[p->which[i]].cost,
                                   &p->out[i], FCUDA_SENT};
  }
  part->run = p->run;
  part->run_count = p->count;
  if (!c->s.open) {
    set_unsent(part, FCUDA_FAILED);
  } else if (fcu_batch_part(c, part->batch, part->first, &lanes) != 0) {
    set_unsent(part, FCUDA_REFUSED);
  } else {
    if (part->count > lanes.first + lanes.count - part->first)
      part->count = lanes.first + lanes.count - part->first;
    submit_lanes(c, part, lanes);
    if (c->s.open)
      settle_all(c);
  }
  assert(part->pending == 0);
  for (uint32_t i = 0; i < p->count; i++)
    if (add_part(p, i))
      p->which[left++] = p->which[i];
  p->count = left;
}

/* Part after part: what the next is run for depends on what came of the
 * last. */
static void do_parts(struct fcuda *c, struct parts *p) {
  const struct fcuda_work *w = p->work;
  uint32_t from = w->first, end = w->first + w->count;

  while (from < end && p->count > 0) {
    struct fcuda_work part = {.batch = w->batch, .first = from,
                              .count = end - from};

    do_part(c, p, &part);
    from += part.count;
  }
  for (uint32_t i = 0; i < w->run_count; i++)
    if (w->run[i].status == FCUDA_DONE)
      *w->run[i].out = p->sum[i];
}

static void submit_parts(struct fcuda *c, struct fcuda_work *w) {
  struct parts p = {.work = w, .count = w->run_count};

  p.sum = calloc(w->run_count, sizeof(*p.sum));
  p.which = calloc(w->run_count, sizeof(*p.which));
  p.run = calloc(w->run_count, sizeof(*p.run));
  p.out = calloc(w->run_count, sizeof(*p.out));
  if (p.sum && p.which && p.run && p.out) {
    for (uint32_t i = 0; i < w->run_count; i++)
      p.which[i] = i;
    do_parts(c, &p);
  } else {
    set_unsent(w, FCUDA_FAILED);
  }
  free(p.sum);
  free(p.which);
  free(p.run);
  free(p.out);
}

/* With the device open. */
static void submit(struct fcuda *c, struct fcuda_work *w) {
  struct fkn_lanes lanes;

  if (fcu_batch_part(c, w->batch, w->first, &lanes) != 0)
    set_unsent(w, FCUDA_REFUSED);
  else if (w->first + w->count <= lanes.first + lanes.count)
    submit_lanes(c, w, lanes);
  else
    submit_parts(c, w);
}

bool fcuda_submit(struct fcuda *c, struct fcuda_work *w) {
  assert(c && w && w->batch && w->first + w->count <= w->batch->lanes);
  w->pending = 0;
  if (w->count == 0 || w->run_count == 0) {
    answer_empty(w);
    return false;
  }
  for (uint32_t i = 0; i < w->run_count; i++)
    w->run[i].status = FCUDA_SENT;
  if (!enter(c)) {
    set_unsent(w, FCUDA_FAILED);
    return false;
  }
  submit(c, w);
  leave(c);
  return w->pending > 0;
}

/* Settles slots of a work, in the order they were sent. */
static bool bring(struct fcuda *c, struct fcuda_work *w, bool now) {
  if (w->pending > 0 && enter(c)) {
    for (uint32_t i = 0; i < FCU_SLOTS; i++) {
      struct fcu_slot *slot = &c->s.slot[(c->next + i) % FCU_SLOTS];

      if (slot->work == w && !settle(c, slot, now))
        break;
    }
    leave(c);
  }
  return w->pending == 0;
}

bool fcuda_wait(struct fcuda *c, struct fcuda_work *w) {
  bool all = bring(c, w, false);

  assert(all);
  for (uint32_t i = 0; i < w->run_count; i++)
    all &= w->run[i].status == FCUDA_DONE;
  return all;
}

bool fcuda_poll(struct fcuda *c, struct fcuda_work *w) {
  assert(c && w);
  return bring(c, w, true);
}

bool fcuda_alive(const struct fcuda *c) {
  return !c->retired;
}

const char *fcuda_about(const struct fcuda *c) {
  return c->choice.about;
}

const char *fcuda_refusal(const struct fcuda *c) {
  return c->refusal.text;
}

struct fcuda_counts fcuda_counts(const struct fcuda *c) {
  return c->counts;
}
