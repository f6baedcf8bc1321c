/*
 * plugin/offline.c - evolution without a host.
 */
#include "plugin/offline.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/candidate.h"
#include "plugin/queue.h"
#include "plugin/recall.h"
#include "plugin/rules.h"
#include "plugin/search.h"
#include "plugin/window_book.h"

#define PROBES 48u          /* generated states every candidate meets */
#define FOLLOWED 4u         /* tasks of a chain behind yields */
#define GATHER_SHARE 0.25   /* of a time limit: for the making of episodes, */
#define SEARCH_SHARE 0.6    /* to its end for the search, */
#define FUZZ_SHARE 0.9      /* to its end for the fuzzing of the best */
#define GRACE_NS 5000000000u /* for the fuzzing, once asked to finish */
#define ASK_EVERY_NS 250000000u /* progress, where a step takes long */
#define STREAM_CHAIN 0x51u  /* of ftrial_random */

struct offline {
  const struct fse_offline *o;
  struct fse_offline_result *out;
  uint64_t began_ns, deadline_ns;
  uint64_t asked_ns;        /* when progress was last told */
  struct fse_progress told; /* last */
  uint64_t finish_ns;       /* when progress said so, or 0 */
  struct fisa_facts *facts;
  struct fir_program *ir;
  struct fir_lane *lane;
  struct fisa_state *work;
  struct ftrial_set *set;
  uint64_t searched;        /* variants of the generations before */
  struct fse_book *book;    /* of windows: for all generations, */
  struct fse_rules *rules;  /* and so are they */
};

static uint64_t now_ns(void *user) {
  struct timespec t;
  (void)user;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether that share of the time limit is over. */
static bool spent(const struct offline *f, double share) {
  double limit = f->o->time_limit;
  assert(share > 0 && share <= 1);
  return limit > 0 &&
         (double)(now_ns(NULL) - f->began_ns) >= limit * share * 1e9;
}

/* Tells what `told` has, as of now. */
static int tell(struct offline *f) {
  f->asked_ns = now_ns(NULL);
  f->told.seconds = (double)(f->asked_ns - f->began_ns) * 1e-9;
  if (f->o->progress != NULL && f->o->progress(&f->told, f->o->user) != 0 &&
      f->finish_ns == 0)
    f->finish_ns = f->asked_ns;
  return f->finish_ns != 0;
}

/* Asked where a step may take long: whether somebody wants it to end. */
static bool unwanted(void *user) {
  struct offline *f = user;
  if (f->finish_ns == 0 && now_ns(NULL) - f->asked_ns >= ASK_EVERY_NS)
    tell(f);
  return f->finish_ns != 0;
}

/* What was found is of no use unfuzzed, so some time is left for that. */
static bool fuzz_no_more(void *user) {
  struct offline *f = user;
  if (spent(f, FUZZ_SHARE)) return true;
  return unwanted(f) && now_ns(NULL) - f->finish_ns >= GRACE_NS;
}

/* The tasks that count in the figures: all that go into the set but probes
 * and counterexamples. */
static uint32_t tasks(const struct offline *f) {
  return f->set != NULL ? ftrial_set_recorded(f->set) : 0;
}

/* Whether to go on making episodes; one is needed for anything. */
static bool gather_more(struct offline *f) {
  return !unwanted(f) && (tasks(f) == 0 || !spent(f, GATHER_SHARE)) &&
         !spent(f, SEARCH_SHARE);
}

/* ---- running a task ----------------------------------------------------- */

/* Outside values made up for chains, noted as taken. */
struct making {
  uint64_t seed, task;
  struct fisa_trace *taken;
  bool no_memory;
};

/* Mostly such numbers as sensors give. */
static int32_t made_value(const struct making *m) {
  uint64_t r = ftrial_random(m->seed, STREAM_CHAIN, m->task, m->taken->count);
  uint32_t v = (uint32_t)(r >> 32);
  switch (r % 4) {
    case 0: return (int32_t)(v % 101);
    case 1: return (int32_t)(v % 1024);
    case 2: return (int32_t)(v % 8192) - 4096;
    default: return (int32_t)(v >> 1) * (v & 1 ? 1 : -1);
  }
}

static int made_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct making *m = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};
  assert(argc <= FISA_MAX_ARGS);
  if (argc > 0) memcpy(e.arg, arg, argc * sizeof *arg);
  *value = e.value = made_value(m);
  m->no_memory |= fisa_trace_add(m->taken, &e) != 0;
  return m->no_memory;
}

/* Runs the root on a task; its end is in f->work. Values come in the order in
 * which it takes them. 0 or -1 (memory). */
static int run_task(struct offline *f, const struct fisa_state *begin,
                    const struct fisa_trace *in) {
  struct fir_limits limits = {f->o->program->dialect->fuel, true};
  struct fse_queue q;
  if (fse_queue_init(&q, in) != 0) return -1;
  struct fir_io io = fse_queue_io(&q);
  fisa_state_copy(f->work, begin);
  fir_run(f->ir, f->lane, f->work, &io, limits);
  fse_queue_done(&q);
  return 0;
}

/* ---- episodes ----------------------------------------------------------- */

static int add_episode(struct offline *f, enum ftrial_origin origin,
                       const struct fisa_state *begin,
                       const struct fisa_trace *in) {
  struct ftrial_episode e = {.origin = origin,
                             .begin = begin,
                             .events = in->events,
                             .event_count = in->count,
                             .confidence = 1};
  return (int)ftrial_set_add(f->set, &e);
}

/*
 * Goes on from the state in f->work, which stands behind a yield, with made
 * up values: what a program leaves in memory meets its next task.
 */
static int follow(struct offline *f, uint64_t number, uint32_t most) {
  struct fisa_state *begin = fisa_state_new(f->o->program->dialect);
  int rc = begin != NULL ? 0 : -1;
  for (uint32_t i = 0; i < most && rc == 0; i++) {
    struct fisa_trace in = {0};
    struct making m = {f->o->policy->seed, number + i, &in, false};
    struct fir_io io = {made_input, NULL, &m};
    struct fir_limits limits = {f->o->policy->max_task_cycles, true};
    fisa_state_copy(begin, f->work);
    if (begin->status != FISA_RUN_YIELD) break;
    struct fir_result r = fir_run(f->ir, f->lane, f->work, &io, limits);
    rc = m.no_memory ? -1 : 0;
    if (rc == 0 && !r.starved && f->work->status != FISA_RUN_FUEL)
      rc = add_episode(f, FTRIAL_RECORDED, begin, &in);
    fisa_trace_done(&in);
    if (rc > 0) break;  /* refused: the chain ends */
  }
  fisa_state_free(begin);
  return rc < 0 ? -1 : 0;
}

/* A given state that shows nothing of the root. */
static void leave_out(struct offline *f, uint32_t number, const char *why) {
  if (f->out->unused++ == 0)
    snprintf(f->out->unused_reason, sizeof f->out->unused_reason,
             "episode %u %s", number + 1, why);
}

/* One given state: its values in the order in which the root takes them. */
static int add_given(struct offline *f, const struct fse_given *g,
                     uint32_t number) {
  struct fir_program *from = NULL;
  struct fir_limits limits = {f->o->program->dialect->fuel, true};
  struct fse_queue q;
  int rc = -1;
  if (fse_queue_init(&q, &g->in) != 0) return -1;
  if (fir_lower_from(f->o->program, g->begin->pc, &from, NULL) != 0)
    goto done;
  struct fir_io io = fse_queue_io(&q);
  fisa_state_copy(f->work, g->begin);
  struct fir_result r = fir_run(from, f->lane, f->work, &io, limits);
  if (q.no_memory) goto done;
  rc = 0;
  if (r.starved || f->work->status == FISA_RUN_FUEL) {
    leave_out(f, number, "does not end within the fuel");
    goto done;
  }
  rc = add_episode(f, FTRIAL_RECORDED, g->begin, &q.taken);
  if (rc == FTRIAL_REFUSED)
    leave_out(f, number, "does not go the same way twice");
  if (rc == FTRIAL_ADDED) rc = follow(f, (uint64_t)number * FOLLOWED, 1);
done:
  fir_free(from);
  fse_queue_done(&q);
  return rc < 0 ? -1 : 0;
}

/* Whether the root yielded on the episode that was added last. */
static bool last_yielded(const struct offline *f) {
  uint32_t last = ftrial_set_count(f->set) - 1;
  return ftrial_set_expect(f->set, last)->status == FISA_RUN_YIELD;
}

/* Made-up episodes; those that yield go on for some tasks. */
static int make_episodes(struct offline *f) {
  struct fisa_state *s = fisa_state_new(f->o->program->dialect);
  struct fisa_trace in = {0};
  int rc = s != NULL ? 0 : -1;
  for (uint32_t n = 0; rc == 0 && n < FSE_OFFLINE_EPISODES * 4 &&
                       tasks(f) < FSE_OFFLINE_EPISODES && gather_more(f);
       n++) {
    /* Begins from the entry only: the set does not know of chains yet. */
    if (ftrial_fuzz_state_on(f->set, f->lane, f->o->policy->seed, n, s,
                             &in) != 0) {
      rc = -1;
      break;
    }
    rc = add_episode(f, FTRIAL_RECORDED, s, &in);
    if (rc == FTRIAL_REFUSED) {
      rc = 0;
      continue;
    }
    if (rc == 0 && last_yielded(f)) {
      rc = run_task(f, s, &in);
      if (rc == 0) rc = follow(f, (uint64_t)n * FOLLOWED, FOLLOWED - 1);
    }
  }
  fisa_trace_done(&in);
  fisa_state_free(s);
  return rc;
}

/* States beside them, so that a lucky edit dies early. */
static int add_probes(struct offline *f) {
  struct fisa_trace in = {0};
  int rc = 0;
  for (uint32_t n = 0; n < PROBES && rc >= 0 && gather_more(f); n++) {
    if (ftrial_fuzz_state_on(f->set, f->lane, f->o->policy->seed ^ 0x9e37u, n,
                             f->work, &in) != 0)
      rc = -1;
    else
      rc = add_episode(f, FTRIAL_FUZZED, f->work, &in);
  }
  fisa_trace_done(&in);
  return rc < 0 ? -1 : 0;
}

/* ---- whether it may be evolved ------------------------------------------ */

static bool no(struct offline *f, const char *why) {
  snprintf(f->out->reason, sizeof f->out->reason, "not evolved: %s", why);
  return false;
}

static bool may_evolve(struct offline *f) {
  const struct fisa_program *p = f->o->program;
  struct fisa_finding finding;
  char why[192];
  if (fisa_verify(p, &finding, 1) != 0) {
    snprintf(why, sizeof why, "the program is malformed at %u: %s",
             finding.pc, finding.text);
    return no(f, why);
  }
  if (p->size > f->o->policy->max_size)
    return no(f, "the program is over policy.max_size");
  if (!f->facts->has_boundary) return no(f, "no task boundary is reached");
  if (f->facts->count_frozen) return no(f, f->facts->frozen_reason);
  if (f->ir->opaque)
    return no(f, "the program uses a row without offline meaning");
  return true;
}

/* The figures of the original, and what is needed to run it. */
static int prepare(struct offline *f, struct fisa_error *err) {
  const struct fisa_program *p = f->o->program;
  if (fisa_facts_make(p, &f->facts, err) != 0 ||
      fir_lower(p, &f->ir, err) != 0)
    return -1;
  f->out->instructions_before = f->facts->count;
  f->lane = fir_lane_new();
  f->work = fisa_state_new(p->dialect);
  f->book = fse_book_new();
  f->rules = fse_rules_new(f->o->journal, err);
  if (f->rules == NULL) return -1;
  if (f->lane != NULL && f->work != NULL && f->book != NULL) return 0;
  return fisa_fail(err, "out of memory");
}

static int gather(struct offline *f, struct fisa_error *err) {
  const struct fisa_program *p = f->o->program;
  int rc = 0;
  f->set = ftrial_set_new(p, f->o->count > 0 ? p->dialect->fuel
                                             : f->o->policy->max_task_cycles,
                          err);
  if (f->set == NULL) return -1;
  ftrial_set_backend(f->set, f->o->backend);
  ftrial_set_ask(f->set, fuzz_no_more, f);
  for (uint32_t i = 0; i < f->o->count && rc == 0 && gather_more(f); i++)
    rc = add_given(f, &f->o->given[i], i);
  if (f->o->count == 0) rc = make_episodes(f);
  if (rc == 0) rc = add_probes(f);
  ftrial_set_lay(f->set);
  return rc == 0 ? 0 : fisa_fail(err, "out of memory");
}

/* ---- generations -------------------------------------------------------- */

static int on_progress(uint64_t variants, double now, double best,
                       void *user) {
  struct offline *f = user;
  f->told.variants = f->searched + variants;
  f->told.cost_now = now;
  f->told.cost_best = best;
  return tell(f);
}

/* Cycles of all tasks under a program, whose map from the root is `places`;
 * false: it does not do on all of them what the root does. */
static bool sum_cycles(struct offline *f, const struct fisa_program *p,
                       const struct fse_place *places, uint32_t count,
                       uint64_t *cycles) {
  struct fir_program *ir = NULL;
  struct ftrial_pc_map map = {0};
  struct ftrial_result r = {.verdict = FTRIAL_INCONCLUSIVE};
  map.pair = (const uint32_t(*)[2])fse_boundary_pairs(
      f->facts, f->o->program, p, places, count, &map.count);
  if (map.pair != NULL && fir_lower(p, &ir, NULL) == 0)
    r = ftrial_judge(f->set, ir, &map, f->lane, UINT64_MAX);
  fir_free(ir);
  free((void *)(uintptr_t)map.pair);
  *cycles = r.cost;
  return r.verdict == FTRIAL_SAME;
}

/* The record of a generation. */
static int put_record(struct offline *f, const struct fisa_program *parent,
                      const struct fse_search_result *r) {
  struct fse_offline_result *out = f->out;
  struct fse_record *rec;
  rec = realloc(out->records, (out->record_count + 1) * sizeof *rec);
  if (rec == NULL) return -1;
  out->records = rec;
  rec += out->record_count;
  memset(rec, 0, sizeof *rec);
  snprintf(rec->agent, sizeof rec->agent, "%s", f->o->name);
  snprintf(rec->kind, sizeof rec->kind, "%s", r->kinds);
  snprintf(rec->reason, sizeof rec->reason, "%s", r->reason);
  rec->outcome = r->improved         ? FSE_ACCEPTED
                 : r->parent_refuted ? FSE_REVERTED
                                     : FSE_REJECTED;
  rec->patch = rec->generation = ++out->record_count;
  rec->cost_before = r->cost_before;
  rec->cost_after = r->cost_after;
  rec->fitness_before = fse_fitness(r->cost_before, 1, 1);
  rec->fitness_after = fse_fitness(r->cost_after, 1, 1);
  rec->assurance = r->assurance;
  memcpy(rec->parent, parent->hash, 32);
  memcpy(rec->child, r->improved ? r->best->hash : parent->hash, 32);
  if (rec->outcome == FSE_REJECTED)
    snprintf(rec->reason, sizeof rec->reason,
             "none of %llu variants was better",
             (unsigned long long)r->variants);
  return 0;
}

/* The best so far, with its map. */
struct best {
  struct fisa_program *program;  /* NULL: the root */
  struct fse_place *places;
  uint32_t place_count;
  enum fse_assurance assurance;
  char kinds[FSE_KINDS_TEXT];
  struct fse_uses uses;
  bool complete;                 /* no search was cut short */
  bool answered;                 /* it was known, and all there is */
};

static void best_done(struct best *b) {
  fisa_program_free(b->program);
  free(b->places);
  b->program = NULL;
  b->places = NULL;
  b->place_count = 0;
  b->assurance = FSE_ASSURE_NONE;
  b->kinds[0] = '\0';
  memset(&b->uses, 0, sizeof b->uses);
}

/* Takes over what a search found. */
static void best_take(struct best *b, struct fse_search_result *r) {
  char kinds[FSE_KINDS_TEXT];
  struct fse_uses uses = b->uses;
  size_t n = strlen(b->kinds);
  memcpy(kinds, b->kinds, n + 1);
  snprintf(kinds + n, sizeof kinds - n, "%s%.200s", n > 0 ? ", " : "",
           r->kinds);
  best_done(b);
  memcpy(b->kinds, kinds, sizeof kinds);
  b->uses = uses;
  fse_uses_add_all(&b->uses, &r->uses);
  b->program = r->best;
  b->places = r->places;
  b->place_count = r->place_count;
  b->assurance = r->assurance;
  r->best = NULL;
  r->places = NULL;
}

/* One search from the best. 1: better, or the best was refuted and it goes on
 * from the root; 0: no more; -1. */
static int generation(struct offline *f, struct best *b,
                      const struct fse_found *known, uint32_t number,
                      struct fisa_error *err) {
  const struct fse_policy *policy = f->o->policy;
  struct fse_search_result r;
  struct fse_search_request q = {
      .root = f->o->program,
      .parent = b->program != NULL ? b->program : f->o->program,
      .parent_places = b->places,
      .parent_place_count = b->place_count,
      .parent_assurance = b->assurance,
      .set = f->set,
      .policy = policy,
      .seed = ftrial_random(policy->seed, number, 0, 0),
      .known = known,
      .assurance = policy->min_assurance,
      .threads = policy->threads,
      .budget = policy->budget - f->searched,
      .book = f->book,
      .rules = f->rules,
      .deep = true,
      .deadline_ns = f->deadline_ns,
      .now_ns = now_ns,
      .progress = on_progress,
      .enough = unwanted,
      .user = f};
  int rc;
  if (fse_search(&q, &r, err) != 0) return -1;
  f->searched += r.variants;
  b->complete = b->complete && r.complete;
  b->answered = r.answered;
  rc = r.improved;
  if (put_record(f, q.parent, &r) != 0)
    rc = fisa_fail(err, "out of memory");
  if (rc > 0) {
    best_take(b, &r);
  } else if (rc == 0 && r.parent_refuted && b->program != NULL) {
    best_done(b);
    rc = 1;
  }
  fse_search_result_done(&r);
  return rc;
}

static bool time_left(const struct offline *f) {
  if (f->finish_ns != 0) return false;
  return f->deadline_ns == 0 || now_ns(NULL) < f->deadline_ns;
}

/* Generations until one finds nothing. */
static int search_on(struct offline *f, struct best *b,
                     const struct fse_found *known, struct fisa_error *err) {
  const struct fse_policy *p = f->o->policy;
  int rc = 1;
  b->complete = true;
  for (uint32_t n = 0; rc > 0 && !b->answered && n < p->max_generations &&
                       f->searched < p->budget && time_left(f);
       n++)
    rc = generation(f, b, n == 0 ? known : NULL, n, err);
  b->complete = b->complete && time_left(f);
  return rc < 0 ? -1 : 0;
}

/* The same, with what an earlier run found, and for the next. */
static int evolve(struct offline *f, struct best *b, struct fisa_error *err) {
  const struct fse_policy *p = f->o->policy;
  struct fse_found known = {.program = NULL};
  struct fse_version found;
  struct fse_finding how;
  uint8_t key[32];
  bool knows;
  int rc;
  if (f->o->journal == NULL) return search_on(f, b, NULL, err);
  fse_found_key(f->o->program, p, p->min_assurance, key);
  knows = fse_found_recall(f->o->journal, key, f->o->program, &known) > 0 &&
          !fse_rules_tainted(f->rules, &known.how.uses);
  rc = search_on(f, b, knows ? &known : NULL, err);
  f->out->recalled = b->answered;
  found = (struct fse_version){.program = b->program, .places = b->places,
                               .root = f->o->program,
                               .place_count = b->place_count};
  how = (struct fse_finding){.assurance = b->assurance, .seed = p->seed,
                             .budget = p->budget, .complete = b->complete,
                             .uses = b->uses};
  memcpy(how.kinds, b->kinds, sizeof how.kinds);
  /* What another build found is this one's now. */
  if (rc == 0 && (!b->answered || !known.by_this_build) &&
      fse_found_keep(f->o->journal, key, &found, &how, err) != 0)
    snprintf(f->out->reason, sizeof f->out->reason, "not remembered: %.200s",
             err->text);
  fse_found_done(&known);
  return rc;
}

/* What is shown of the best; it counts only if its tasks got cheaper. */
static int conclude(struct offline *f, struct best *b,
                    struct fisa_error *err) {
  const struct fisa_program *p = f->o->program;
  struct fse_offline_result *out = f->out;
  struct fisa_facts *facts = NULL;
  uint64_t before = 0, after;
  uint32_t n = tasks(f);
  if (n > 0) before = ftrial_root_cost(f->set, 0, ftrial_set_count(f->set));
  out->cycles_before = out->cycles_after = n > 0 ? (double)before / n : 0;
  out->instructions_after = out->instructions_before;
  out->variants = f->searched;
  out->episodes = n;
  if (b->program != NULL &&
      sum_cycles(f, b->program, b->places, b->place_count, &after) &&
      after < before) {
    if (fisa_facts_make(b->program, &facts, err) != 0) return -1;
    out->instructions_after = facts->count;
    fisa_facts_free(facts);
    out->cycles_after = (double)after / n;
    out->assurance = b->assurance;
    out->improved = true;
    out->best = b->program;
    b->program = NULL;
    return 0;
  }
  out->best = fisa_program_derive(p, p->code, p->size, p->entry,
                                  p->manifest.boundary.pc);
  return out->best != NULL ? 0 : fisa_fail(err, "out of memory");
}

static void offline_done(struct offline *f) {
  fse_book_free(f->book);
  fse_rules_free(f->rules);
  ftrial_set_free(f->set);
  fisa_state_free(f->work);
  fir_lane_free(f->lane);
  fir_free(f->ir);
  fisa_facts_free(f->facts);
}

int fse_offline_run(const struct fse_offline *o,
                    struct fse_offline_result *out, struct fisa_error *err) {
  struct offline f = {.o = o, .out = out, .began_ns = now_ns(NULL)};
  f.asked_ns = f.began_ns;
  struct best best = {0};
  int rc = -1;
  assert(o->program != NULL && o->policy != NULL && o->name != NULL);
  memset(out, 0, sizeof *out);
  if (o->time_limit > 0)
    f.deadline_ns =
        f.began_ns + (uint64_t)(o->time_limit * SEARCH_SHARE * 1e9);
  if (prepare(&f, err) != 0) goto done;
  if (may_evolve(&f)) {
    if (gather(&f, err) != 0) goto done;
    if (tasks(&f) == 0) no(&f, "no episode ends within the fuel");
    else if (evolve(&f, &best, err) != 0) goto done;
  }
  rc = conclude(&f, &best, err);
  out->seconds = (double)(now_ns(NULL) - f.began_ns) * 1e-9;
done:
  best_done(&best);
  offline_done(&f);
  if (rc != 0) fse_offline_result_done(out);
  return rc;
}

void fse_offline_result_done(struct fse_offline_result *r) {
  fisa_program_free(r->best);
  free(r->records);
  memset(r, 0, sizeof *r);
}
