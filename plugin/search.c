/*
 * plugin/search.c - rounds of candidates, reduced in index order.
 *
 * The current program only ever gets better in (cost, size); each adopted
 * step is kept, so that a counterexample found late takes back exactly the
 * steps it refutes.
 */
#include "plugin/search.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/assure.h"
#include "plugin/crew.h"
#include "plugin/genome.h"
#include "plugin/kinds.h"
#include "plugin/recall.h"
#include "plugin/rules_learn.h"
#include "plugin/settle.h"
#include "plugin/window_book.h"

#define SMOKE_STATES 256u  /* fuzz states each adopted step must pass */
#define PROFILE_EPISODES 16u
#define MAX_STEPS 512u
#define STALE_ROUNDS 2u

#define POOL_MAX 8u  /* ends of climbs that later ones breed with */

/* Ends of earlier climbs. */
struct pool {
  uint32_t count;
  struct fse_made made[POOL_MAX];
  struct fisa_facts *facts[POOL_MAX];
};

/* One adopted step. */
struct step {
  struct fse_made made;
  struct fse_proposal what;
  struct fse_worth worth;
  struct fse_find *find;    /* that it took; NULL: another kind of edit */
  bool asked;               /* for a proof against the step before it; of the
                               first step, against the root */
  enum fse_proof proof;
};

/* How far windows are searched. */
enum depth {
  QUICK,  /* what takes no time */
  SOME,   /* with a small part of what is left to do */
  DEEP    /* as far as it goes */
};

struct search {
  const struct fse_search_request *q;
  const struct fse_unseen *unseen; /* of the root: shared by all climbs */
  struct fse_prover *prover;       /* so is this one; NULL: no proofs */
  struct fse_book *book;           /* of windows: so is this */
  const struct pool *pool;  /* to breed with; NULL: nothing yet */
  struct fse_lexicon *lexicon;
  struct fse_bandit bandit; /* what this climb has learned of kinds */
  double weight[FSE_KINDS_MAX];
  const struct fisa_facts *root_facts;
  struct fir_lane *lane;
  const struct fse_made *base; /* of this round's candidates */
  uint32_t first;           /* steps[0]: the parent itself */
  uint32_t step_count;
  uint32_t assured;         /* steps that have what is asked for */
  struct step steps[MAX_STEPS];
  uint64_t *seen;           /* hashes of candidates of earlier rounds */
  uint32_t seen_count, seen_capacity;
  uint64_t variants, rejected, round;
  bool settled;             /* the last round took nothing */
  enum depth depth;         /* of the search of windows */
  uint64_t worth;           /* only what costs less is asked for assurance */
  uint64_t before;          /* variants of earlier climbs */
  bool stopped;             /* time is up, or progress() said so */
  bool recalled;            /* steps[1] is what was known */
  bool vouched;             /* and was fuzzed by this build */
  bool answered;            /* and nothing more is to be found */
  bool known_refuted;
  bool refuted;             /* the parent is not as the root */
  char refutation[96];      /* how, or why nothing can be offered */
  char unproved[160];       /* why the last step asked about is not proved */
};

double fse_fitness(double cost_per_result, double confidence, double trust) {
  if (!(cost_per_result > 0)) return 0;
  return 1.0 / cost_per_result * confidence * trust;
}

double fse_confidence(const struct fisa_state *s, int32_t cell, double scale) {
  if (cell < 0) return 1.0;
  double c = s->cells[cell] / scale;
  return c < 0 ? 0 : c > 1 ? 1 : c;
}

/* ---- the cache of codes seen -------------------------------------------- */

static bool seen_has(uint64_t hash, const void *user) {
  const struct search *s = user;
  if (s->seen_capacity == 0) return false;
  uint32_t mask = s->seen_capacity - 1;
  for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
    if (s->seen[i] == 0) return false;
    if (s->seen[i] == hash) return true;
  }
}

static void seen_put(uint64_t *table, uint32_t capacity, uint64_t hash) {
  uint32_t mask = capacity - 1, i = (uint32_t)hash & mask;
  while (table[i] != 0 && table[i] != hash) i = (i + 1) & mask;
  table[i] = hash;
}

static int seen_add(struct search *s, uint64_t hash) {
  if (hash == 0 || seen_has(hash, s)) return 0;
  if ((s->seen_count + 1) * 2 > s->seen_capacity) {
    uint32_t capacity = s->seen_capacity ? s->seen_capacity * 2 : 1024;
    uint64_t *table = calloc(capacity, sizeof *table);
    if (table == NULL) return -1;
    for (uint32_t i = 0; i < s->seen_capacity; i++)
      if (s->seen[i] != 0) seen_put(table, capacity, s->seen[i]);
    free(s->seen);
    s->seen = table;
    s->seen_capacity = capacity;
  }
  seen_put(s->seen, s->seen_capacity, hash);
  s->seen_count++;
  return 0;
}

/* ---- a round ------------------------------------------------------------ */

static bool cancelled(const struct fse_search_request *q) {
  return q->cancel != NULL &&
         atomic_load_explicit(q->cancel, memory_order_relaxed);
}

static bool too_late(const struct fse_search_request *q) {
  if (cancelled(q)) return true;
  return q->deadline_ns != 0 && q->now_ns != NULL &&
         q->now_ns(q->user) >= q->deadline_ns;
}

/* Nobody waits for a proof any more. */
static bool no_proof(void *user) {
  const struct fse_search_request *q = user;
  return too_late(q) || (q->enough != NULL && q->enough(q->user));
}

static bool crew_late(const void *user) {
  const struct search *s = user;
  return too_late(s->q);
}

static struct step *current(struct search *s) {
  assert(s->step_count > 0);
  return &s->steps[s->step_count - 1];
}

static bool time_is_up(struct search *s) {
  const struct fse_search_request *q = s->q;
  uint32_t n = ftrial_set_recorded(q->set);
  double per = n ? 1.0 / n : 1.0;
  uint64_t cost = current(s)->worth.cost;
  uint64_t best = cost < s->worth ? cost : s->worth;
  if (q->progress != NULL &&
      q->progress(s->before + s->variants, (double)cost * per,
                  (double)best * per, q->user) != 0)
    return true;
  return too_late(q);
}

/* The order in which passing candidates are taken: worth more, older. */
struct pick {
  struct fse_worth worth;
  uint32_t index;
};

static int pick_order(const void *x, const void *y) {
  const struct pick *a = x, *b = y;
  int c = fse_worth_order(&a->worth, &b->worth);
  return c != 0 ? c : a->index < b->index ? -1 : a->index > b->index;
}

/* Where the root's boundaries are in a made program; false: no memory. */
static bool made_map(const struct search *s, const struct fse_made *m,
                     struct ftrial_pc_map *map) {
  map->pair = (const uint32_t(*)[2])fse_boundary_pairs(
      s->root_facts, s->q->root, m->program, m->places, m->place_count,
      &map->count);
  return map->pair != NULL;
}

static void made_map_done(struct ftrial_pc_map *map) {
  free((void *)(uintptr_t)map->pair);
  map->pair = NULL;
}

/* A made program as it is tried. */
struct tried {
  struct fir_program *ir;
  struct ftrial_pc_map map;
};

static bool tried_make(const struct search *s, const struct fse_made *m,
                       struct tried *t) {
  t->ir = NULL;
  if (!made_map(s, m, &t->map)) return false;
  if (fir_lower(m->program, &t->ir, NULL) == 0) return true;
  made_map_done(&t->map);
  return false;
}

static void tried_done(struct tried *t) {
  made_map_done(&t->map);
  fir_free(t->ir);
}

/* Fuzzes a made program; 0: passed, 1: refuted, -1: memory, or it cannot be
 * said. */
static int fuzz_made(struct search *s, const struct fse_made *m,
                     uint32_t states) {
  struct tried p;
  if (!tried_make(s, m, &p)) return -1;
  struct ftrial_result t = ftrial_fuzz(s->q->set, p.ir, &p.map, s->lane,
                                       s->q->seed, states);
  int rc = t.verdict == FTRIAL_SAME ? 0 : t.verdict == FTRIAL_WRONG ? 1 : -1;
  if (rc == 0 && s->unseen->count > 0) {
    const struct fse_unseen_child child = {m->program, m->places,
                                           m->place_count, p.map};
    int agree = fse_unseen_agree(s->unseen, s->q->set, &child, s->q->seed,
                                 states);
    rc = agree < 0 ? -1 : !agree;
  }
  tried_done(&p);
  return rc;
}

static void drop_step(struct search *s) {
  assert(s->step_count > 1);
  fse_made_done(&current(s)->made);
  free(current(s)->find);
  s->step_count--;
  if (s->assured > s->step_count) s->assured = s->step_count;
  if (s->step_count > 1 || !s->recalled) return;
  s->recalled = s->answered = false;
  s->known_refuted = true;
}

/* A counterexample to a step may be one to the whole program, and then joins
 * the set. */
static void keep_counter(struct search *s, const struct fse_made *m,
                         const struct fse_counter *c) {
  struct ftrial_pc_map map;
  if (c->begin[0] == NULL || !made_map(s, m, &map)) return;
  (void)fse_counter_keep(s->q->set, s->q->root, m, &map,
                         s->q->policy->max_task_cycles, c);
  made_map_done(&map);
}

/* Whether step i is proved: it always does what the one before it does. */
static bool step_proved(struct search *s, uint32_t i) {
  struct step *step = &s->steps[i];
  const struct fse_step_request r = {s->q->root, s->root_facts,
                                     i > 0 ? &s->steps[i - 1].made : NULL,
                                     &step->made};
  struct fse_counter counter;
  assert(i < s->step_count);
  if (s->prover == NULL) return false;
  if (!step->asked) {
    step->proof = fse_prove_step(s->prover, &r, &counter, s->unproved);
    step->asked = true;
    if (step->proof == FSE_REFUTED) keep_counter(s, &step->made, &counter);
    fse_counter_done(&counter);
  }
  return step->proof == FSE_PROVED;
}

/* Whether all steps are, and so the current program does what the root does.
 * The first that is not ends it: one is enough. */
static bool all_proved(struct search *s) {
  for (uint32_t i = 0; i < s->step_count; i++)
    if (too_late(s->q) || !step_proved(s, i)) return false;
  return true;
}

/* A candidate was wrong; if the search of windows found it, that learns. */
static int learn(struct search *s, const struct fse_round *r,
                 const struct fse_proposal *p) {
  struct fse_profile_source from = {.set = s->q->set,
                                    .episodes = PROFILE_EPISODES,
                                    .lane = s->lane};
  const struct fse_find *f = fse_find_of(&r->view, p);
  int told;
  if (f == NULL) return 0;
  if (!made_map(s, s->base, &from.map)) return -1;
  told = fse_windows_learn(s->book, &r->view, &from, f);
  made_map_done(&from.map);
  if (told > 0 && f->rule != NULL) fse_rules_revoke(s->q->rules, f->rule);
  return told < 0 ? -1 : 0;
}

/* Takes one passing candidate onto what was taken before it this round. */
static int take(struct search *s, const struct fse_round *r,
                struct fse_bench *b, struct fse_draft *base,
                const struct pick *p) {
  struct fse_proposal proposal = {0};
  struct fse_made made = {0};
  struct step *now = current(s);
  if (s->step_count == MAX_STEPS || s->variants >= s->q->budget ||
      fse_candidate_edit(r, b, base, p->index, &proposal) != 0)
    return 0;
  struct fse_verdict v = fse_candidate_judge(r, b, now->worth.cost, &made);
  s->variants++;
  if (v.fate != FSE_FATE_SAME) return 0;
  if (fse_worth_order(&v.worth, &now->worth) >= 0) {
    fse_made_done(&made);
    return 0;
  }
  int wrong = fuzz_made(s, &made, SMOKE_STATES);
  if (wrong != 0) {
    fse_made_done(&made);
    return wrong > 0 ? learn(s, r, &proposal) : 0;
  }
  struct step *next = &s->steps[s->step_count++];
  next->made = made;
  next->what = proposal;
  fse_bandit_taken(&s->bandit, proposal.kind);
  next->worth = v.worth;
  next->asked = false;
  next->find = fse_find_keep(&r->view, b->draft, &proposal);
  if (s->q->assurance >= FSE_ASSURE_PROOF &&
      !step_proved(s, s->step_count - 1)) {
    drop_step(s);
    return 0;
  }
  return fse_draft_assign(base, b->draft) != 0 ? -1 : 1;
}

/* Takes the passing candidates in order. Returns how many, or -1. */
static int reduce(struct search *s, const struct fse_round *r,
                  const struct fse_verdict *v, uint32_t count,
                  struct fse_draft *base) {
  struct fse_bench bench = {0};
  struct pick *pick = malloc((count + 1) * sizeof *pick);
  uint32_t n = 0;
  int taken = 0;
  if (pick == NULL || fse_bench_init(&bench, base) != 0) {
    free(pick);
    return -1;
  }
  for (uint32_t i = 0; i < count; i++) {
    if (v[i].fate == FSE_FATE_NONE) continue;
    s->variants++;
    fse_bandit_tried(&s->bandit, v[i].proposal.kind);
    if (v[i].fate != FSE_FATE_SAME) s->rejected++;
    if (v[i].fate == FSE_FATE_WRONG && learn(s, r, &v[i].proposal) != 0)
      taken = -1;
    if (v[i].fate == FSE_FATE_SAME &&
        fse_worth_order(&v[i].worth, &r->worth) < 0)
      pick[n++] = (struct pick){v[i].worth, i};
    if (v[i].fate != FSE_FATE_SAME && seen_add(s, v[i].code_hash) != 0)
      taken = -1;
  }
  qsort(pick, n, sizeof *pick, pick_order);
  for (uint32_t i = 0; i < n && taken >= 0; i++) {
    int t = take(s, r, &bench, base, &pick[i]);
    taken = t < 0 ? -1 : taken + t;
  }
  fse_bench_done(&bench);
  free(pick);
  return taken;
}

/* The parts of a view that belong to one round. */
struct round_parts {
  struct fisa_facts *facts;
  struct fse_draft *draft;
  struct fse_profile *profile;
  struct fse_mate mates[POOL_MAX + 1];
  struct fse_windows windows;
};

static void round_parts_done(struct round_parts *p, struct fse_round *r) {
  fse_sites_done(&r->sites);
  fse_windows_done(&p->windows);
  fse_profile_free(p->profile);
  fse_draft_free(p->draft);
  fisa_facts_free(p->facts);
}

/* The program at hand, then the pool. */
static void add_mates(const struct search *s, struct round_parts *p,
                      struct fse_round *r) {
  const struct fse_made *now = &s->steps[s->step_count - 1].made;
  if (s->pool == NULL) return;
  p->mates[0] = (struct fse_mate){now->program, p->facts, now->places,
                                  now->place_count};
  for (uint32_t i = 0; i < s->pool->count; i++)
    p->mates[i + 1] =
        (struct fse_mate){s->pool->made[i].program, s->pool->facts[i],
                          s->pool->made[i].places,
                          s->pool->made[i].place_count};
  r->view.mates = p->mates;
  r->view.mate_count = s->pool->count + 1;
}

/* Whether what the search of windows finds would be tried. */
static bool finds_wanted(const struct fse_policy *policy) {
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (fse_kinds[k].apply == fse_find_apply) return policy->weight[k] > 0;
  return false;
}

/* A search of windows, and who asks of it. */
struct asking {
  struct search *s;
  pthread_t self;           /* alone tells progress, and rests if it is told */
  uint32_t asked;
  atomic_bool over;
};

#define TELL_EVERY 8u       /* questions */

static bool stop_windows(void *user) {
  struct asking *a = user;
  bool mine = pthread_equal(a->self, pthread_self()) != 0;
  if (mine && ++a->asked % TELL_EVERY == 0) a->s->stopped = time_is_up(a->s);
  if ((mine && a->s->stopped) || too_late(a->s->q))
    atomic_store(&a->over, true);
  return atomic_load(&a->over);
}

/* Whether a round searches windows: once the other kinds find nothing more to
 * do; before they do anything, if there are rules. */
static bool wants_windows(const struct search *s) {
  bool ruled = s->q->rules != NULL && s->round == 0 && s->before == 0 &&
               fse_rules_count(s->q->rules) > 0;
  return (s->settled || ruled) && finds_wanted(s->q->policy);
}

/* The windows of the round's program, for at most a share of what is left of
 * the budget. */
static int find_windows(struct search *s, struct round_parts *p,
                        struct fse_round *r) {
  static const uint64_t share[] = {[QUICK] = 256, [SOME] = 16, [DEEP] = 4};
  uint64_t left = s->q->budget - s->variants;
  struct asking asking = {.s = s, .self = pthread_self()};
  struct fse_windows_request q = {.view = &r->view, .book = s->book,
                                  .seed = s->q->seed,
                                  .threads = s->q->threads,
                                  .work = left / share[s->depth] *
                                          FSE_WINDOW_UNIT,
                                  .shallow = s->depth == QUICK,
                                  .rules = s->q->rules, .prover = s->prover,
                                  .rules_only = !s->settled,
                                  .stop = stop_windows, .user = &asking};
  if (fse_windows_search(&q, &p->windows) != 0) return -1;
  s->variants += (p->windows.work + FSE_WINDOW_UNIT - 1) / FSE_WINDOW_UNIT;
  r->view.windows = &p->windows;
  return 0;
}

static int round_make(struct search *s, struct round_parts *p,
                      struct fse_round *r, struct fisa_error *err) {
  const struct step *now = current(s);
  const struct fisa_program *program = now->made.program;
  memset(p, 0, sizeof *p);
  memset(r, 0, sizeof *r);
  s->base = &now->made;
  if (fisa_facts_make(program, &p->facts, err) != 0 ||
      fse_draft_make(program, p->facts, &p->draft, err) != 0)
    return -1;
  struct fse_profile_source from = {.set = s->q->set,
                                    .episodes = PROFILE_EPISODES,
                                    .lane = s->lane};
  if (made_map(s, &now->made, &from.map))
    p->profile = fse_profile_new(program, p->facts, &from);
  made_map_done(&from.map);
  if (p->profile == NULL) return fisa_fail(err, "out of memory");
  r->view = (struct fse_view){.program = program, .facts = p->facts,
                              .draft = p->draft, .lexicon = s->lexicon,
                              .profile = p->profile, .policy = s->q->policy};
  fse_bandit_weights(&s->bandit, s->q->policy, s->weight);
  r->view.weight = s->weight;
  r->view.vain = s->q->vain != NULL ? s->q->vain : fse_book_vain(s->book);
  add_mates(s, p, r);
  /* The host's counts are those of the parent. */
  if (s->step_count == 1) r->view.heat = s->q->heat;
  r->root = s->q->root;
  r->root_facts = s->root_facts;
  r->set = s->q->set;
  r->unseen = s->unseen;
  r->seed = s->q->seed;
  r->number = s->round;
  r->places = now->made.places;
  r->place_count = now->made.place_count;
  r->worth = now->worth;
  r->known = seen_has;
  r->known_user = s;
  if (wants_windows(s) && find_windows(s, p, r) != 0)
    return fisa_fail(err, "out of memory");
  if (fse_sites_make(&r->view, &r->sites) != 0)
    return fisa_fail(err, "out of memory");
  return 0;
}

/* One round. Returns steps taken, or -1. */
static int run_round(struct search *s, struct fisa_error *err) {
  struct round_parts parts;
  struct fse_round round;
  struct fse_crew crew = {.round = &round, .threads = s->q->threads,
                          .late = crew_late, .user = s};
  struct fse_verdict *verdict = NULL;
  struct fse_draft *base = NULL;
  int64_t judged = -1;
  int taken = -1;
  uint32_t all;
  uint64_t left;
  if (round_make(s, &parts, &round, err) != 0) goto done;
  left = s->q->budget - s->variants;
  all = round.sites.count + s->q->policy->population;
  crew.base = parts.draft;
  crew.bound = round.worth.cost;
  verdict = calloc(all + 1, sizeof *verdict);
  base = fse_draft_copy(parts.draft);
  /* What passes is judged once more where it is taken: a quarter is kept. */
  if (verdict != NULL && base != NULL)
    judged = fse_crew_run(&crew, all, left - left / 4, verdict);
  if (judged >= 0)
    taken = reduce(s, &round, verdict, (uint32_t)judged, base);
  if (taken < 0) fisa_fail(err, "out of memory");
done:
  fse_draft_free(base);
  free(verdict);
  round_parts_done(&parts, &round);
  s->round++;
  return taken;
}

/* ---- the whole search --------------------------------------------------- */

/* Tries a made program on every episode of the set. */
static struct ftrial_result try_set(struct search *s,
                                    const struct fse_made *m) {
  struct ftrial_result t = {.verdict = FTRIAL_INCONCLUSIVE};
  struct tried p;
  if (!tried_make(s, m, &p)) return t;
  t = ftrial_run(s->q->set, p.ir, &p.map, s->lane, 0,
                 ftrial_set_count(s->q->set), UINT64_MAX);
  tried_done(&p);
  return t;
}

/* Drops the steps that a new counterexample refutes; the one it was found
 * with in any case. It may be the parent's, too. */
static void back_to_truth(struct search *s) {
  struct ftrial_result t;
  do {
    drop_step(s);
    t = try_set(s, &current(s)->made);
  } while (s->step_count > 1 && t.verdict != FTRIAL_SAME);
  if (t.verdict == FTRIAL_WRONG) {
    s->refuted = true;
    snprintf(s->refutation, sizeof s->refutation, "%s", t.what);
  }
}

/* Asks for proofs beyond what was asked for: true if all is said. A
 * counterexample that came of it is like one of the fuzzing. */
static bool prove(struct search *s) {
  uint32_t before = ftrial_set_counters(s->q->set);
  if (all_proved(s) || ftrial_set_counters(s->q->set) == before) return true;
  if (try_set(s, &current(s)->made).verdict == FTRIAL_SAME) return true;
  back_to_truth(s);
  return false;
}

/* Fuzzes what was found by now: whatever else comes of the time, that is what
 * can be handed out. What cannot be fuzzed, or no more before the time is up,
 * is not offered; what was before it is. False if it was refuted. */
static bool make_safe(struct search *s) {
  int rc;
  if (s->assured < s->step_count && s->q->assurance >= FSE_ASSURE_FUZZ) {
    rc = fuzz_made(s, &current(s)->made, s->q->policy->fuzz_states);
    if (rc > 0) {
      back_to_truth(s);
      return s->refuted;
    }
    while (rc < 0 && s->step_count > s->assured) drop_step(s);
    if (rc < 0 && s->step_count == 1)
      snprintf(s->refutation, sizeof s->refutation,
               "states to fuzz it with cannot be made");
  }
  s->assured = s->step_count;
  return true;
}

/* Whether proofs are of use: not for nothing, and not for what is known. */
static bool wants_proof(const struct search *s) {
  return s->q->assurance >= FSE_ASSURE_FUZZ && s->step_count > 1 &&
         !(s->step_count == 2 && s->recalled && s->vouched);
}

/* Asks for the assurance, and for proofs, until all is said. */
static void assure(struct search *s) {
  while (!s->refuted && !cancelled(s->q) &&
         (!make_safe(s) || (wants_proof(s) && !prove(s)))) {
  }
}

/* Searches until nothing more is found, and that is safe; what turns out to be
 * wrong is dropped and the search goes on. */
static int search_loop(struct search *s, struct fisa_error *err) {
  uint32_t stale = 0, most = s->q->patience;
  if (most == 0) most = STALE_ROUNDS;
  for (;;) {
    while (!s->stopped && !s->answered && stale < most &&
           s->variants < s->q->budget && !cancelled(s->q)) {
      int taken = run_round(s, err);
      if (taken < 0) return -1;
      stale = taken > 0 ? 0 : stale + 1;
      s->stopped = time_is_up(s);
      if (stale == 1 && !s->stopped && current(s)->worth.cost < s->worth &&
          !make_safe(s))
        stale = 0;
      s->settled = stale > 0;
    }
    if (cancelled(s->q) || current(s)->worth.cost >= s->worth || make_safe(s))
      return 0;
    stale = 0;
  }
}

/* "RemoveDead x3, PatchJump": the kinds of the steps, first seen first. */
static void name_kinds(const struct search *s, char *out, size_t capacity) {
  uint32_t count[FSE_KINDS_MAX] = {0};
  size_t used = 0;
  snprintf(out, capacity, "%s", s->recalled ? s->q->known->how.kinds : "");
  used = strlen(out);
  for (uint32_t i = s->recalled ? 2 : 1; i < s->step_count; i++)
    if (s->steps[i].what.kind < FSE_KINDS_MAX)
      count[s->steps[i].what.kind]++;
  for (uint32_t k = 0; k < fse_kind_count && used < capacity; k++) {
    if (count[k] == 0) continue;
    int n = snprintf(out + used, capacity - used,
                     count[k] > 1 ? "%s%s x%u" : "%s%s",
                     used ? ", " : "", fse_kinds[k].name, count[k]);
    used += n > 0 ? (size_t)n : 0;
  }
}

/* What is known of the parent's worth beside its cost. */
static int weigh(struct step *st, struct fisa_error *err) {
  struct fisa_facts *f = NULL;
  struct fse_draft *d = NULL;
  int rc = fisa_facts_make(st->made.program, &f, err);
  if (rc == 0) rc = fse_draft_make(st->made.program, f, &d, err);
  if (rc == 0) {
    st->worth.size = st->made.program->size;
    st->worth.memory = fse_memory_rows(d);
  }
  fse_draft_free(d);
  fisa_facts_free(f);
  return rc;
}

/* steps[0]: the parent, with its map from the root. */
static int start(struct search *s, struct fisa_error *err) {
  const struct fse_search_request *q = s->q;
  struct step *st = &s->steps[0];
  const struct fisa_facts *f = s->root_facts;
  uint32_t n = q->parent_place_count;
  assert(q->root != NULL && q->parent != NULL && q->set != NULL);
  s->step_count = s->assured = 1;
  st->asked = q->parent == q->root || q->parent_assurance >= FSE_ASSURE_PROOF;
  st->proof = st->asked ? FSE_PROVED : FSE_UNPROVED;
  if (q->parent == q->root) n = f->count;
  st->made.program = fisa_program_derive(
      q->parent, q->parent->code, q->parent->size, q->parent->entry,
      q->parent->manifest.boundary.pc);
  st->made.places = malloc((n + 1) * sizeof *st->made.places);
  if (st->made.program == NULL || st->made.places == NULL)
    return fisa_fail(err, "out of memory");
  st->made.place_count = n;
  for (uint32_t i = 0; i < n; i++)
    st->made.places[i] =
        q->parent == q->root
            ? (struct fse_place){f->insn[i].pc, f->insn[i].pc}
            : q->parent_places[i];
  struct ftrial_result t = try_set(s, &st->made);
  st->worth.cost = t.cost;
  if (t.verdict == FTRIAL_SAME) return weigh(st, err);
  if (t.verdict != FTRIAL_WRONG)
    return fisa_fail(err, "the running version cannot be tried: %s", t.what);
  s->refuted = true;
  snprintf(s->refutation, sizeof s->refutation, "%s", t.what);
  return 0;
}

/* What refuted candidates may refute the parent, too. */
static void doubt_parent(struct search *s) {
  struct ftrial_result t;
  if (s->refuted || s->q->parent == s->q->root || cancelled(s->q)) return;
  t = try_set(s, &s->steps[0].made);
  if (t.verdict != FTRIAL_WRONG) return;
  s->refuted = true;
  snprintf(s->refutation, sizeof s->refutation, "%s", t.what);
}

/* The assurance that was reached, and what stands in the way of more. */
static void say_proof(struct search *s, struct fse_search_result *out) {
  bool proved = s->q->assurance >= FSE_ASSURE_FUZZ && all_proved(s);
  const struct step *best = current(s);
  char last[FSE_REASON] = "none";
  int n;
  if (s->step_count > 2 || (s->step_count > 1 && !s->recalled))
    fse_kinds[best->what.kind].describe(&best->what, last);
  else if (s->recalled)
    snprintf(last, sizeof last, "what an earlier search found");
  n = snprintf(out->reason, sizeof out->reason,
               "%u edits, cost %.2f -> %.2f a result; the last: %s",
               s->step_count - 1, out->cost_before, out->cost_after, last);
  if (proved) out->assurance = FSE_ASSURE_PROOF;
  if (n <= 0 || (size_t)n >= sizeof out->reason || s->prover == NULL) return;
  if (proved)
    snprintf(out->reason + n, sizeof out->reason - (size_t)n, ", proved");
  else if (s->unproved[0] != '\0')
    snprintf(out->reason + n, sizeof out->reason - (size_t)n,
             ", unproved: %.80s", s->unproved);
}

/* The rules that the edits owe something to, new ones among them. */
static void note_rules(struct search *s, struct fse_uses *uses) {
  const struct fse_lesson lesson = {s->lexicon, s->prover};
  if (s->recalled) fse_uses_add_all(uses, &s->q->known->how.uses);
  for (uint32_t i = 1; i < s->step_count && s->q->rules != NULL; i++)
    if (s->steps[i].find != NULL && !too_late(s->q))
      fse_rules_learn(s->q->rules, &lesson, s->steps[i].find, uses);
}

/* Hands out the best of all climbs, of which the first began at the parent. */
static void finish(struct search *s, const struct search *first,
                   struct fse_search_result *out) {
  uint32_t n = ftrial_set_recorded(s->q->set);
  struct step *best = current(s);
  uint64_t parent_cost = first->steps[0].worth.cost;
  double per = n ? 1.0 / n : 1.0;
  out->variants = s->variants;
  out->rejected = s->rejected;
  out->cost_before = (double)parent_cost * per;
  out->parent_refuted = first->refuted;
  out->complete = !first->stopped && !s->stopped && !too_late(s->q);
  out->answered = first->answered;
  out->known_refuted = first->known_refuted;
  if (first->refutation[0] != '\0')
    snprintf(out->reason, sizeof out->reason, "%s", first->refutation);
  out->improved = best->worth.cost < parent_cost && !s->refuted &&
                  !first->refuted && !cancelled(s->q);
  out->cost_after = out->improved ? (double)best->worth.cost * per
                                  : out->cost_before;
  if (!out->improved) return;
  out->assurance = s->q->assurance;
  name_kinds(s, out->kinds, sizeof out->kinds);
  note_rules(s, &out->uses);
  say_proof(s, out);
  for (uint32_t i = 1; i < s->step_count && s->q->edit != NULL; i++)
    s->q->edit(s->steps[i - 1].made.program, s->steps[i].made.program,
               s->q->user);
  out->best = best->made.program;
  out->places = best->made.places;
  out->place_count = best->made.place_count;
  best->made.program = NULL;
  best->made.places = NULL;
}

static void search_close(struct search *s) {
  if (s == NULL) return;
  for (uint32_t i = 0; i < s->step_count; i++) {
    fse_made_done(&s->steps[i].made);
    free(s->steps[i].find);
  }
  free(s->seen);
  fir_lane_free(s->lane);
  fse_lexicon_free(s->lexicon);
  free(s);
}

/* What all climbs of a search share, beside the request. */
struct ground {
  struct fisa_facts *root_facts;
  struct fse_unseen *unseen;
  struct fse_prover *prover;
  struct fse_book *book;
  struct pool pool;
};

/* Where proof is asked for, what is climbed from has to be proved itself. */
static bool stands_proved(struct search *s) {
  if (s->q->assurance < FSE_ASSURE_PROOF || step_proved(s, 0)) return true;
  snprintf(s->refutation, sizeof s->refutation,
           "the running version is not proved: %.56s", s->unproved);
  return false;
}

/* ---- what is known ------------------------------------------------------ */

/* Whether the search that gave an answer looked as far as this one would. */
static bool answers(const struct fse_found *a, const struct fse_policy *p) {
  const struct fse_finding *how = &a->how;
  return how->complete && how->seed == p->seed && how->budget >= p->budget;
}

static int made_copy(const struct fse_found *a, struct fse_made *m) {
  const struct fisa_program *p = a->program;
  uint32_t n = a->place_count;
  m->program = fisa_program_derive(p, p->code, p->size, p->entry,
                                   p->manifest.boundary.pc);
  m->places = malloc((n + 1) * sizeof *m->places);
  m->place_count = n;
  if (m->program != NULL && m->places != NULL) {
    memcpy(m->places, a->places, n * sizeof *m->places);
    return 0;
  }
  fse_made_done(m);
  return -1;
}

/* Judges a program that is known as any candidate. */
static bool known_passes(struct search *s, const struct fse_made *m,
                         uint64_t *cost) {
  struct fse_round round = {.root = s->q->root, .root_facts = s->root_facts,
                            .set = s->q->set, .unseen = s->unseen,
                            .view = {.policy = s->q->policy}};
  struct fse_bench bench = {.lane = s->lane,
                            .scratch = fisa_verify_scratch_new()};
  struct fse_verdict v = {.fate = FSE_FATE_REFUSED};
  if (bench.scratch != NULL)
    v = fse_candidate_try(&round, &bench, UINT64_MAX, m);
  fisa_verify_scratch_free(bench.scratch);
  *cost = v.worth.cost;
  return v.fate == FSE_FATE_SAME && fuzz_made(s, m, SMOKE_STATES) == 0;
}

/* The first step is what is known, if it is right, and cheaper here. */
static int recall(struct search *s, struct fisa_error *err) {
  const struct fse_found *a = s->q->known;
  struct step *st = &s->steps[1];
  if (a == NULL || s->q->parent != s->q->root) return 0;
  s->answered = answers(a, s->q->policy);
  if (a->program == NULL) return 0;
  if (made_copy(a, &st->made) != 0) return fisa_fail(err, "out of memory");
  s->variants++;
  if (!known_passes(s, &st->made, &st->worth.cost)) {
    s->known_refuted = true;
    s->rejected++;
  } else if (st->worth.cost < s->steps[0].worth.cost) {
    s->vouched = a->by_this_build && a->how.assurance >= FSE_ASSURE_FUZZ;
    st->asked = s->vouched && a->how.assurance >= FSE_ASSURE_PROOF;
    st->proof = st->asked ? FSE_PROVED : FSE_UNPROVED;
    s->step_count = 2;
    if (s->vouched) s->assured = 2;
    s->recalled = true;
    return weigh(st, err);
  }
  s->answered = false;
  fse_made_done(&st->made);
  return 0;
}

/* One climb from the parent. NULL: err says why. */
static struct search *climb(const struct fse_search_request *q,
                            const struct ground *ground, uint64_t worth,
                            uint64_t before, struct fisa_error *err) {
  struct search *s = calloc(1, sizeof *s);
  if (s == NULL) {
    fisa_fail(err, "out of memory");
    return NULL;
  }
  s->q = q;
  s->unseen = ground->unseen;
  s->prover = ground->prover;
  s->book = ground->book;
  s->root_facts = ground->root_facts;
  s->worth = worth;
  s->before = before;
  if (q->learned != NULL) s->bandit = *q->learned;
  s->lexicon = fse_lexicon_new(q->root->dialect, q->policy);
  s->lane = fir_lane_new();
  if (s->lexicon == NULL || s->lane == NULL) {
    fisa_fail(err, "out of memory");
    goto fail;
  }
  if (start(s, err) != 0 || (before == 0 && recall(s, err) != 0) ||
      (!s->refuted && stands_proved(s) && search_loop(s, err) != 0))
    goto fail;
  return s;
fail:
  search_close(s);
  return NULL;
}

/* Keeps where a climb ended for later ones; without memory it is not kept. */
static void pool_add(struct pool *pool, const struct search *s) {
  const struct fse_made *end = &s->steps[s->step_count - 1].made;
  struct fse_made *m = &pool->made[pool->count];
  uint32_t n = end->place_count;
  if (pool->count == POOL_MAX || s->step_count == 1 || s->refuted) return;
  for (uint32_t i = 0; i < pool->count; i++)
    if (memcmp(pool->made[i].program->hash, end->program->hash, 32) == 0)
      return;
  m->program = fisa_program_derive(end->program, end->program->code,
                                   end->program->size, end->program->entry,
                                   end->program->manifest.boundary.pc);
  m->places = malloc((n + 1) * sizeof *m->places);
  m->place_count = n;
  if (m->program == NULL || m->places == NULL ||
      fisa_facts_make(m->program, &pool->facts[pool->count], NULL) != 0) {
    fse_made_done(m);
    return;
  }
  memcpy(m->places, end->places, n * sizeof *m->places);
  pool->count++;
}

/* What was found since may refute what was found before. */
static void look_back(struct search *s) {
  if (s->refuted) return;
  if (s->step_count > 1 &&
      try_set(s, &current(s)->made).verdict != FTRIAL_SAME)
    back_to_truth(s);
  assure(s);
}

/* Whether a search may go on from where it ended. */
static bool goes_on(const struct search *s) {
  return !s->refuted && !s->stopped && s->variants < s->q->budget;
}

/* Goes on with the windows, searched that far. 0, or -1 with err. */
static int deepen(struct search *s, enum depth depth, struct fisa_error *err) {
  if (!s->q->deep || !finds_wanted(s->q->policy) || !goes_on(s)) return 0;
  s->depth = depth;
  s->settled = true;
  s->worth = current(s)->worth.cost;
  return search_loop(s, err);
}

/*
 * The best goes on with what all climbs found to breed with. Not sooner: one
 * that can have the end of another ends there, too. Then its windows are
 * searched for as far as time and budget go, since nothing else is left to do.
 * 0, or -1 with err.
 */
static int go_on(struct search *s, const struct pool *pool,
                 const struct fse_search_request *q, struct fisa_error *err) {
  const struct fse_search_request *own = s->q;
  int rc = 0;
  s->q = q;
  s->worth = current(s)->worth.cost;
  if (pool->count >= 2 && goes_on(s)) {
    s->pool = pool;
    rc = search_loop(s, err);
    s->pool = NULL;
  }
  if (rc == 0) assure(s);
  if (rc == 0) rc = deepen(s, DEEP, err);
  s->q = own;
  return rc;
}

/* The kinds that a climb without them may do better than. */
static void kinds_used(const struct search *first, bool used[FSE_KINDS_MAX]) {
  bool from_root = first->q->parent == first->q->root;
  for (uint32_t k = 0; k < fse_kind_count; k++)
    used[k] = (!from_root || first->recalled) && fse_kind_preserves(k) &&
              first->q->policy->weight[k] > 0;
  for (uint32_t i = first->recalled ? 2 : 1;
       from_root && i < first->step_count; i++)
    used[first->steps[i].what.kind % FSE_KINDS_MAX] = true;
}

/* Whether the end of a climb is fitter than that of an older one. All that
 * climbs come to behaves as the root: one confidence and one trust for all. */
static bool wins(const struct search *s, const struct search *older) {
  const struct search *all[] = {older, s};
  struct fse_contender c[2];
  for (unsigned i = 0; i < 2; i++) {
    const struct fse_worth *w = &all[i]->steps[all[i]->step_count - 1].worth;
    c[i] = (struct fse_contender){fse_fitness(w->cost, 1, 1), w->size, i};
  }
  return fse_compete(c, 2) == 1;
}

/*
 * Steps are taken greedily, so a kind that finds something early may close the
 * way to more. Climbs once more, from the root, without each kind in turn;
 * *best is the first or what came out fitter. Returns 0, or -1 with err.
 */
static int climb_again(struct search *first, struct search **best,
                       struct ground *ground, struct fse_policy *policy,
                       struct fisa_error *err) {
  const struct fse_search_request *q = first->q;
  bool used[FSE_KINDS_MAX] = {false};
  uint64_t variants, rejected;
  struct fse_search_request again = *q;
  bool stopped;
  if (q->parent != q->root) again.heat = NULL; /* the parent's */
  again.parent = q->root;
  again.parent_assurance = FSE_ASSURE_PROOF;
  again.policy = policy;
  if (deepen(first, SOME, err) != 0) return -1;
  variants = first->variants;
  rejected = first->rejected;
  stopped = first->stopped;
  kinds_used(first, used);
  pool_add(&ground->pool, first);
  for (uint32_t k = 0; k < fse_kind_count; k++) {
    struct search *s;
    if (!used[k] || variants >= q->budget || stopped) continue;
    again.budget = q->budget - variants;
    *policy = *q->policy;
    policy->weight[k] = 0;
    s = climb(&again, ground, current(*best)->worth.cost, variants, err);
    if (s == NULL) return -1;
    variants += s->variants;
    rejected += s->rejected;
    pool_add(&ground->pool, s);
    s->q = q;
    stopped = s->stopped || too_late(q);
    if (!s->refuted && wins(s, *best)) {
      struct search *worse = *best;
      *best = s;
      s = worse;
    }
    if (s != first) search_close(s);
  }
  again = *q;
  again.budget = (*best)->variants + (q->budget - variants);
  variants -= (*best)->variants;
  rejected -= (*best)->rejected;
  if (!stopped && go_on(*best, &ground->pool, &again, err) != 0) return -1;
  (*best)->variants += variants;
  (*best)->rejected += rejected;
  look_back(*best);
  return 0;
}

static void ground_done(struct ground *g, bool own_book) {
  fse_prover_free(g->prover);
  for (uint32_t i = 0; i < g->pool.count; i++) {
    fse_made_done(&g->pool.made[i]);
    fisa_facts_free(g->pool.facts[i]);
  }
  fse_unseen_free(g->unseen);
  if (own_book) fse_book_free(g->book);
  fisa_facts_free(g->root_facts);
}

/* What is said of scratch memory has to hold before anything builds on it.
 * Returns 0, 1: it does not, or -1 with err. */
static int ground_make(const struct fse_search_request *q, struct ground *g,
                       char what[96], struct fisa_error *err) {
  const struct fse_prover_limits limits = {
      .wall_ms = q->prover_ms, .stop = no_proof,
      .user = (void *)(uintptr_t)q};
  int rc = fse_scratch_matters(q->set, q->root, q->policy->max_task_cycles,
                               q->seed, what);
  if (rc != 0) return rc > 0 ? 1 : fisa_fail(err, "out of memory");
  if (fisa_facts_make(q->root, &g->root_facts, err) != 0) return -1;
  g->book = q->book != NULL ? q->book : fse_book_new();
  if (g->book == NULL) return fisa_fail(err, "out of memory");
  if (fse_unseen_make(q->set, q->root, g->root_facts, q->seed, &g->unseen) != 0)
    return fisa_fail(err, "what was not seen cannot be found out: no memory");
  if (q->assurance < FSE_ASSURE_FUZZ) return 0;
  g->prover = fse_prover_new(q->prover, &limits);
  return g->prover != NULL ? 0 : fisa_fail(err, "out of memory");
}

int fse_search(const struct fse_search_request *q,
               struct fse_search_result *out, struct fisa_error *err) {
  struct ground ground = {.root_facts = NULL};
  struct fse_policy *policy = NULL;
  struct search *first = NULL, *best = NULL;
  int rc;
  memset(out, 0, sizeof *out);
  rc = ground_make(q, &ground, out->reason, err);
  if (rc != 0) goto done;
  first = best = climb(q, &ground, UINT64_MAX, 0, err);
  policy = malloc(sizeof *policy);
  rc = first == NULL ? -1 : 0;
  if (rc == 0 && policy == NULL) rc = fisa_fail(err, "out of memory");
  if (rc == 0 && !first->refuted && !q->once && !first->answered)
    rc = climb_again(first, &best, &ground, policy, err);
  if (rc == 0 && (q->once || first->answered)) assure(first);
  if (rc == 0) {
    doubt_parent(first);
    finish(best, first, out);
  }
done:
  free(policy);
  if (best != first) search_close(best);
  search_close(first);
  ground_done(&ground, q->book == NULL);
  return rc < 0 ? -1 : 0;
}

void fse_search_result_done(struct fse_search_result *r) {
  fisa_program_free(r->best);
  free(r->places);
  memset(r, 0, sizeof *r);
}
