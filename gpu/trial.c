/*
 * gpu/trial.c - trials.
 *
 * A trial loads the begin of an episode, runs the variant while every value
 * that crosses the border is held against what the root did there, and
 * compares a digest of the observables at the end. The first thing that
 * differs ends it.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial_impl.h"

enum {
  WHAT = sizeof(((struct ftrial_result *)0)->what),
  TELL_INSTRUCTIONS = 1000000 /* of the root, to be run again for a report */
};

/* ---- one run of a variant ----------------------------------------------- */

/* Holds what a variant asks and gives against what the root did. */
struct replay {
  const struct ftrial_want *want;
  const struct fisa_dialect *d;
  uint32_t used, given;
  char *what;
};

static int wrong(struct replay *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int wrong(struct replay *r, const char *format, ...) {
  va_list ap;

  va_start(ap, format);
  vsnprintf(r->what, WHAT, format, ap);
  va_end(ap);
  return 1;
}

static int replayed_input(uint16_t source, const int32_t *arg, unsigned argc,
                          int32_t *value, void *user) {
  struct replay *r = user;
  const struct ftrial_want *w = r->want;

  assert(source < r->d->source_count && argc <= FISA_MAX_ARGS);
  if (r->used == w->in_count)
    return wrong(r, "input %u (%.20s): the root took %u", r->used,
                 r->d->sources[source], w->in_count);
  if (!ftrial__asks_for(&w->in[r->used], source, arg, argc))
    return wrong(r, "input %u: %.20s, not %.20s or other arguments", r->used,
                 r->d->sources[source], r->d->sources[w->in[r->used].name]);
  *value = w->in[r->used++].value;
  return 0;
}

static int replayed_output(uint16_t channel, const int32_t *arg, unsigned argc,
                           void *user) {
  struct replay *r = user;
  const struct ftrial_want *w = r->want;
  const struct fisa_event *e;

  assert(channel < r->d->channel_count && argc <= FISA_MAX_ARGS);
  if (r->given == w->out_count)
    return wrong(r, "output %u (%.20s): the root gave %u", r->given,
                 r->d->channels[channel], w->out_count);
  e = &w->out[r->given];
  if (e->name != channel || e->argc != argc)
    return wrong(r, "output %u: %.20s, not %.20s", r->given,
                 r->d->channels[channel], r->d->channels[e->name]);
  for (unsigned i = 0; i < argc; i++)
    if (e->arg[i] != arg[i])
      return wrong(r, "output %u (%.20s): value %u is %ld, not %ld", r->given,
                   r->d->channels[channel], i, (long)arg[i], (long)e->arg[i]);
  /* What the world answers may depend on what it was told before. */
  if ((uint32_t)e->value != r->used)
    return wrong(r, "output %u (%.20s): behind %u inputs, not %ld", r->given,
                 r->d->channels[channel], r->used, (long)e->value);
  r->given++;
  return 0;
}

/* The variant's pc of a boundary of the root; false: it has none. */
bool ftrial_map_pc(const struct ftrial_pc_map *map, uint32_t root,
                   uint32_t *pc) {
  *pc = root;
  if (!map)
    return true;
  for (uint32_t i = 0; i < map->count; i++)
    if (map->pair[i][0] == root) {
      *pc = map->pair[i][1];
      return true;
    }
  return false;
}

static const char *status_name(int32_t status) {
  static const char *const names[] = {"halt", "end", "fault", "fuel", "yield"};

  return status >= 0 && status <= FISA_RUN_YIELD ? names[status] : "?";
}

/* Whether the run ended as the root's; *r says what was wrong. */
static bool same_end(struct replay *r, const struct ftrial_pc_map *map,
                     const struct fisa_state *s) {
  const struct ftrial_expect *e = r->want->expect;
  uint32_t pc;

  if (s->status != e->status || s->fault != e->fault)
    return !wrong(r, "%s %ld, not %s %ld", status_name(s->status),
                  (long)s->fault, status_name(e->status), (long)e->fault);
  if (r->used != r->want->in_count)
    return !wrong(r, "%u inputs, not %u", r->used, r->want->in_count);
  if (r->given != r->want->out_count)
    return !wrong(r, "%u outputs, not %u", r->given, r->want->out_count);
  if (s->status == FISA_RUN_YIELD &&
      (!ftrial_map_pc(map, e->end_pc, &pc) || pc != s->pc))
    return !wrong(r, "at boundary %u, not the root's %u", s->pc, e->end_pc);
  return true;
}

struct ftrial_one ftrial__try(const struct fir_program *variant,
                              const struct ftrial_pc_map *map,
                              struct fir_lane *lane, struct fisa_state *s,
                              const struct ftrial_want *want, uint64_t fuel,
                              char *what) {
  struct replay r = {.want = want, .d = variant->dialect, .what = what};
  const struct fir_io io = {replayed_input, replayed_output, &r};
  struct ftrial_one one = {.verdict = FTRIAL_WRONG};
  struct fir_limits limits = {fuel, true};
  struct fisa_digest digest;
  struct fir_result run;

  assert(want->expect && want->view);
  what[0] = '\0';
  if (!ftrial_map_pc(map, s->pc, &s->pc) || s->pc > variant->source->size ||
      variant->at[s->pc] == FIR_NONE) {
    wrong(&r, "no place in the variant for the root's pc");
    one.verdict = FTRIAL_INCONCLUSIVE;
    return one;
  }
  run = fir_run(variant, lane, s, &io, limits);
  one.cost = run.cost;
  one.instructions = run.instructions;
  one.out_of_fuel = s->status == FISA_RUN_FUEL && !run.starved;
  if (run.starved || !same_end(&r, map, s))
    return one;
  digest = ftrial__view_digest(want->view, s);
  if (digest.w[0] == want->expect->digest.w[0] &&
      digest.w[1] == want->expect->digest.w[1])
    one.verdict = FTRIAL_SAME;
  return one;
}

uint64_t ftrial__fuel(const struct ftrial_expect *expect) {
  uint64_t n = expect->instructions;

  return n > (UINT64_MAX - 64) / 2 ? UINT64_MAX : n * 2 + 64;
}

/* ---- trials ------------------------------------------------------------- */

/* Names the observable that differs, by running the root once more. */
static void tell(const struct ftrial_set *set, const struct ftrial_stored *e,
                 struct fir_lane *lane, char *what) {
  struct ftrial_recording r = {.in = e->events, .in_count = e->in_count};
  const struct fir_io io = {ftrial__recorded_input, NULL, &r};
  const struct fir_limits limits = {set->max_fuel, true};
  struct fisa_state *other = fir_lane_other(lane);

  snprintf(what, WHAT, "an observable");
  if (!other || e->expect.instructions > TELL_INSTRUCTIONS ||
      !fir_lane_reserve(lane, set->ir))
    return;
  ftrial__load(set, e, other);
  fir_run(set->ir, lane, other, &io, limits);
  ftrial__view_tell(e->view, lane->work, other, what, WHAT);
}

/*
 * The fuel with which a run surely costs more than is left. Whatever a
 * variant would do behind that, it has lost.
 */
static uint64_t fuel_left(const struct fir_program *variant, uint64_t left) {
  uint64_t most = variant->cost_min ? left / variant->cost_min : UINT64_MAX;

  return most < UINT64_MAX ? most + 1 : most;
}

/* One episode; returns whether to go on. */
static bool try_stored(const struct ftrial_set *set, uint32_t i,
                       const struct fir_program *variant,
                       const struct ftrial_pc_map *map, struct fir_lane *lane,
                       uint64_t cost_bound, struct ftrial_result *result) {
  const struct ftrial_stored *e = set->episodes[i];
  const struct ftrial_want want = {e->events,   e->events + e->in_count,
                                   e->in_count, e->out_count,
                                   &e->expect,  e->view};
  uint64_t fuel = ftrial__fuel(&e->expect);
  uint64_t most = UINT64_MAX;
  struct ftrial_one one;

  assert(result->cost <= cost_bound);
  if (e->origin == FTRIAL_RECORDED)
    most = fuel_left(variant, cost_bound - result->cost);
  ftrial__load(set, e, lane->work);
  one = ftrial__try(variant, map, lane, lane->work, &want,
                    fuel < most ? fuel : most, result->what);
  if (e->origin == FTRIAL_RECORDED && one.cost > cost_bound - result->cost) {
    result->verdict = FTRIAL_DEARER;
    result->cost = cost_bound + 1;
    result->what[0] = '\0';
    return false;
  }
  result->verdict = one.verdict;
  if (one.verdict != FTRIAL_SAME) {
    result->episode = i;
    if (result->what[0] == '\0')
      tell(set, e, lane, result->what);
    return false;
  }
  result->instructions += one.instructions;
  if (e->origin == FTRIAL_RECORDED)
    result->cost += one.cost;
  result->tried++;
  return true;
}

bool ftrial__ready(const struct ftrial_set *set,
                   const struct fir_program *variant, struct fir_lane *lane,
                   struct ftrial_result *result) {
  if (!variant || variant->opaque || variant->dialect != set->root->dialect)
    snprintf(result->what, WHAT, "cannot be run offline");
  else if (!fir_lane_state(lane, set->root->dialect) ||
           !fir_lane_reserve(lane, variant))
    snprintf(result->what, WHAT, "out of memory");
  else
    return true;
  result->verdict = FTRIAL_INCONCLUSIVE;
  return false;
}

/* ---- many episodes at once ---------------------------------------------- */

bool ftrial__sweep_narrow(const struct ftrial_sweep *w, uint32_t first,
                          uint32_t count) {
  for (uint32_t i = first; i < first + count; i++)
    if (!try_stored(w->set, i, w->variant, w->map, w->lane, w->cost_bound,
                    w->result))
      return false;
  return true;
}

bool ftrial__sweep_add(const struct ftrial_sweep *w, uint32_t first,
                       const struct fpk_verdict *v) {
  struct ftrial_result *r = w->result;

  r->tried += v->good;
  r->cost += v->cost;
  r->instructions += v->instructions;
  if (v->dear) {
    r->verdict = FTRIAL_DEARER;
    r->cost = w->cost_bound + 1;
    return false;
  }
  if (!v->wrong)
    return true;
  r->verdict = FTRIAL_WRONG;
  r->episode = first + v->good;
  /* A device may be broken; nobody's host ends for that. */
  if (w->words && ftrial__sweep_narrow(w, r->episode, 1)) {
    r->verdict = FTRIAL_INCONCLUSIVE;
    snprintf(r->what, WHAT, "the engines do not agree");
  }
  return false;
}

bool ftrial__next_part(struct ftrial_part *part, uint32_t lanes) {
  uint32_t left;

  part->first += part->count;
  assert(part->first <= lanes);
  left = lanes - part->first;
  part->count = part->first == 0 && left > FTRIAL_FIRST ? FTRIAL_FIRST : left;
  return left > 0;
}

/* The first `count` lanes of a batch, of which the first is episode `first`. */
static bool sweep_batch(const struct ftrial_sweep *w,
                        const struct fpk_batch *b, uint32_t first,
                        uint32_t count) {
  struct ftrial_part part = {b, 0, 0};
  struct fpk_verdict v;

  while (ftrial__next_part(&part, count)) {
    if (ftrial__wide_run(w->set, w->map, w->lane, part,
                         w->cost_bound - w->result->cost, &v) != 0) {
      if (!ftrial__sweep_narrow(w, first + part.first, part.count))
        return false;
    } else if (!ftrial__sweep_add(w, first + part.first, &v)) {
      return false;
    }
  }
  return true;
}

/* The first `count` episodes of the set. */
static void sweep_set(const struct ftrial_sweep *w, uint32_t count) {
  uint32_t first = 0;

  for (unsigned k = 0; k < 2; k++)
    for (uint32_t i = 0; i < w->set->packs[k].count && first < count; i++) {
      const struct fpk_batch *b = w->set->packs[k].batch[i];
      uint32_t n = b->lanes < count - first ? b->lanes : count - first;
      if (!sweep_batch(w, b, first, n))
        return;
      first += n;
    }
}

static struct ftrial_result run(const struct ftrial_sweep *w, uint32_t first,
                                uint32_t count) {
  const struct ftrial_set *set = w->set;

  assert(set && w->lane);
  if (!ftrial__ready(set, w->variant, w->lane, w->result))
    return *w->result;
  if (first >= set->count)
    return *w->result;
  if (count > set->count - first)
    count = set->count - first;
  if (first == 0 && count >= FTRIAL_FEW &&
      ftrial__wide_begin(set, w->variant, w->lane) == 0)
    sweep_set(w, count);
  else
    ftrial__sweep_narrow(w, first, count);
  return *w->result;
}

struct ftrial_result ftrial_run(const struct ftrial_set *set,
                                const struct fir_program *variant,
                                const struct ftrial_pc_map *map,
                                struct fir_lane *lane, uint32_t first,
                                uint32_t count, uint64_t cost_bound) {
  struct ftrial_result result = {.verdict = FTRIAL_SAME};
  const struct ftrial_sweep w = {set,        variant, map,    lane,
                                 cost_bound, true,    &result};

  return run(&w, first, count);
}

struct ftrial_result ftrial_judge(const struct ftrial_set *set,
                                  const struct fir_program *variant,
                                  const struct ftrial_pc_map *map,
                                  struct fir_lane *lane, uint64_t cost_bound) {
  struct ftrial_result result = {.verdict = FTRIAL_SAME};
  const struct ftrial_sweep w = {set,        variant, map,    lane,
                                 cost_bound, false,   &result};

  return run(&w, 0, UINT32_MAX);
}
