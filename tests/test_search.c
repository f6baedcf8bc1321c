/*
 * test_search.c - the search: the sample agents get better and stay right,
 * the same question has the same answer, limits hold.
 *
 * What is right is decided by VMs, which share no meaning of a row with the
 * engine that the search tries its variants on.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/candidate.h"
#include "plugin/offline.h"
#include "plugin/search.h"
#include "tests/gen.h"
#include "tests/isa_util.h"
#include "tests/unit.h"
#include "tests/vms.h"

#define TASKS 6u    /* in a row, of an agent that continues */
#define FUEL 200000u

/* ---- programs ----------------------------------------------------------- */

static struct fisa_program *sample(const char *name) {
  struct fisa_program *p = isa_sample(name);
  CU_ASSERT_FATAL(p != NULL);
  return p;
}

static struct fisa_program *program(const char *text) {
  struct fisa_program *p = isa_program(isa_unified(), text);
  CU_ASSERT_FATAL(p != NULL);
  return p;
}

/* Where everything runs several times slower, a few of many that go the same
 * ways: the first of them. */
static bool scaled(void) {
  return unit_scale(2) < 2;
}

static unsigned few(unsigned all) {
  unsigned long n = unit_scale(all);
  return !scaled() ? all : n < 1 ? 1 : (unsigned)n;
}

static struct fse_policy policy(void) {
  struct fse_policy p;
  fse_policy_init(&p);
  p.fuzz_states = (uint32_t)unit_scale(10000);
  return p;
}

/* ---- two programs on a VM ----------------------------------------------- */

/* A world that gives both the same values and keeps what they say. */
struct world {
  uint64_t seed;
  uint32_t asked;
  struct fisa_trace said;
};

static int32_t world_input(uint16_t source, const int32_t *arg, unsigned argc,
                           void *user) {
  struct world *w = user;
  uint64_t r = ftrial_random(w->seed, source, argc ? (uint32_t)arg[0] : 0,
                             w->asked++);
  return r % 4 ? (int32_t)((r >> 8) % 1000) : (int32_t)(r >> 32);
}

static void world_output(uint16_t channel, const int32_t *arg, unsigned argc,
                         void *user) {
  struct world *w = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};
  if (argc > 0) memcpy(e.arg, arg, argc * sizeof *arg);
  fisa_trace_add(&w->said, &e);
}

/* Some tasks in a row, of so many instructions; false: one has more. */
static bool live(const struct fhost_vm *vm, void *code, struct fisa_state *s,
                 struct world *w, uint64_t fuel) {
  const struct fhost_vm_io io = {world_input, world_output, w, NULL};
  for (unsigned i = 0; i < TASKS; i++) {
    int status = vm->run(code, s, &io, fuel, NULL);
    if (status == FISA_RUN_FUEL) return false;
    if (status != FISA_RUN_YIELD) break;
  }
  return true;
}

static bool same_words(const struct fisa_trace *a, const struct fisa_trace *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++)
    if (!fisa_event_equal(&a->events[i], &b->events[i])) return false;
  return true;
}

struct pair {
  const struct fisa_program *root, *best;
  const struct fhost_vm *vm;
  void *root_code, *best_code;
  struct fisa_state *a, *b;
  uint64_t fuel;
};

/* One fresh state: outputs, ends and observables agree. */
static bool same_life(struct pair *p, const struct fisa_state *begin,
                      uint64_t seed, char *what, size_t capacity) {
  struct world x = {.seed = seed}, y = {.seed = seed};
  bool same = true;
  fisa_state_copy(p->a, begin);
  fisa_state_copy(p->b, begin);
  p->b->pc = p->best->entry;
  what[0] = '\0';
  if (live(p->vm, p->root_code, p->a, &x, p->fuel)) {
    same = live(p->vm, p->best_code, p->b, &y, 2 * p->fuel + 64) &&
           same_words(&x.said, &y.said) && x.asked == y.asked &&
           p->a->status == p->b->status && p->a->fault == p->b->fault;
    if (!same) snprintf(what, capacity, "outputs or end");
    else if (p->a->status == FISA_RUN_HALT)
      same = fisa_observe_equal(p->root, p->a, p->b, what, capacity);
  }
  fisa_trace_done(&x.said);
  fisa_trace_done(&y.said);
  return same;
}

/* Whether best does what root does on fresh states from the manifest, where
 * root's tasks have no more instructions than `fuel`. */
static void check_within(const struct fisa_program *root,
                         const struct fisa_program *best,
                         unsigned long states, uint64_t fuel) {
  struct pair p = {.root = root, .best = best, .vm = vm_of(root->dialect->name),
                   .a = fisa_state_new(root->dialect),
                   .b = fisa_state_new(root->dialect), .fuel = fuel};
  struct fisa_state *begin = fisa_state_new(root->dialect);
  struct ftrial_set *set = ftrial_set_new(root, FUEL, NULL);
  struct fisa_trace trace = {0};
  char what[160];
  p.root_code = p.vm->load(p.vm, root, 0, NULL);
  p.best_code = p.vm->load(p.vm, best, 0, NULL);
  CU_ASSERT_FATAL(p.root_code && p.best_code && p.a && p.b && begin && set);
  for (unsigned long n = 0; n < states; n++) {
    if (ftrial_fuzz_state(set, 987654321, n, begin, &trace) != 0) break;
    if (same_life(&p, begin, n, what, sizeof what)) continue;
    UNIT_TRUE(0, "state %lu: %s", n, what);
    break;
  }
  fisa_trace_done(&trace);
  ftrial_set_free(set);
  fisa_state_free(begin);
  fisa_state_free(p.a);
  fisa_state_free(p.b);
  p.vm->unload(p.root_code);
  p.vm->unload(p.best_code);
}

static void check_same(const struct fisa_program *root,
                       const struct fisa_program *best, unsigned long states) {
  check_within(root, best, states, FUEL);
}

/* ---- the samples -------------------------------------------------------- */

/* The share of its cycles that is left of each, at most. */
static void improve(const char *name, double share, uint32_t budget,
                    unsigned long states) {
  struct fisa_program *root = sample(name);
  struct fse_policy pol = policy();
  struct fse_offline o = {.name = name, .program = root, .policy = &pol};
  struct fse_offline_result r;
  struct fisa_error err = {""};
  struct fisa_finding f;
  /* Enough for what is asked for; what is left of it where all is slower is
   * less, and so is that. */
  pol.budget = budget;
  if (scaled()) {
    pol.budget = 120;
    share = 0.999;
  }
  UNIT_TRUE(fse_offline_run(&o, &r, &err) == 0, "%s: %s", name, err.text);
  UNIT_TRUE(r.improved && r.assurance == FSE_ASSURE_FUZZ, "%s: %s", name,
            r.reason);
  UNIT_TRUE(r.cycles_after <= share * r.cycles_before, "%s: %.2f of %.2f",
            name, r.cycles_after, r.cycles_before);
  /* What is cheaper is shorter, but for loops that were unrolled. */
  UNIT_TRUE(r.instructions_after < r.instructions_before ||
                strstr(r.records[0].kind, "UnrollLoop") != NULL,
            "%s: %u of %u", name, r.instructions_after,
            r.instructions_before);
  UNIT_TRUE(fisa_verify(r.best, &f, 1) == 0, "%s is well-formed", name);
  UNIT_TRUE(fisa_verify_child(r.best, root, NULL, &f, 1) == 0, "%s: child",
            name);
  check_same(root, r.best, states);
  fse_offline_result_done(&r);
  fisa_program_free(root);
}

#define SAMPLE(name, share, budget, states) \
  static void sample_##name(void) { \
    improve(#name, share, budget, unit_scale(states)); \
  }
SAMPLE(alarm, 0.40, 3000, 10000)
SAMPLE(average, 0.55, 3000, 10000)
SAMPLE(checksum, 0.40, 3000, 10000)
SAMPLE(collatz, 0.55, 3000, 10000)
SAMPLE(crc8, 0.42, 6000, 10000)
SAMPLE(fibonacci, 0.35, 3000, 10000)
SAMPLE(gcd, 0.45, 3000, 10000)
SAMPLE(hash, 0.42, 3000, 10000)
SAMPLE(polynomial, 0.40, 3000, 10000)
SAMPLE(power, 0.65, 3000, 10000)
SAMPLE(sieve, 0.42, 3000, 1000)
SAMPLE(sort, 0.40, 3000, 10000)
SAMPLE(sum, 0.35, 3000, 10000)
SAMPLE(thermostat, 0.35, 3000, 10000)

/* What was written by hand is not made worse. */
static void hand_tuned(void) {
  static const char *const names[] = {"sum_tuned", "gcd_tuned", "crc8_tuned",
                                      "hash_tuned", "sort_tuned",
                                      "average_tuned"};
  for (unsigned i = 0; i < few(sizeof names / sizeof names[0]); i++) {
    struct fisa_program *root = sample(names[i]);
    struct fse_policy pol = policy();
    struct fse_offline o = {.name = "t", .program = root, .policy = &pol};
    struct fse_offline_result r;
    UNIT_EQ(fse_offline_run(&o, &r, NULL), 0);
    UNIT_TRUE(r.cycles_after <= r.cycles_before, "%s", names[i]);
    check_same(root, r.best, unit_scale(2000));
    fse_offline_result_done(&r);
    fisa_program_free(root);
  }
}

/* ---- single searches ---------------------------------------------------- */

struct rig {
  struct fisa_program *root;
  struct fse_policy policy;
  struct ftrial_set *set;
  struct fse_search_request q;
};

static void add_states(struct rig *r, uint64_t seed, uint32_t count) {
  struct fisa_state *s = fisa_state_new(r->root->dialect);
  struct fisa_trace trace = {0};
  for (uint32_t n = 0; n < count; n++) {
    CU_ASSERT_FATAL(ftrial_fuzz_state(r->set, seed, n, s, &trace) == 0);
    struct ftrial_episode e = {FTRIAL_RECORDED, s, trace.events, trace.count,
                               1.0};
    UNIT_TRUE(ftrial_set_add(r->set, &e) >= 0, "episode %u", n);
  }
  fisa_trace_done(&trace);
  fisa_state_free(s);
}

static void rig_init(struct rig *r, struct fisa_program *root,
                     uint32_t episodes) {
  memset(r, 0, sizeof *r);
  r->root = root;
  r->policy = policy();
  r->set = ftrial_set_new(root, FUEL, NULL);
  CU_ASSERT_FATAL(r->set != NULL);
  add_states(r, 5, episodes);
  r->q = (struct fse_search_request){.root = root,
                                     .parent = root,
                                     .set = r->set,
                                     .policy = &r->policy,
                                     .seed = 77,
                                     .assurance = FSE_ASSURE_FUZZ,
                                     .threads = 1,
                                     .budget = scaled() ? 150 : 2500};
}

static void rig_done(struct rig *r) {
  ftrial_set_free(r->set);
  fisa_program_free(r->root);
}

static struct fse_search_result search(struct rig *r) {
  struct fse_search_result out;
  struct fisa_error err = {""};
  UNIT_TRUE(fse_search(&r->q, &out, &err) == 0, "%s", err.text);
  return out;
}

/* ---- determinism -------------------------------------------------------- */

static void same_for_any_threads(const char *name, uint64_t seed) {
  struct fse_search_result first = {0};
  for (uint32_t threads = 1; threads <= 4; threads += 3) {
    struct rig r;
    rig_init(&r, sample(name), 24);
    r.q.threads = threads;
    r.q.seed = seed;
    struct fse_search_result out = search(&r);
    UNIT_TRUE(out.improved, "%s", name);
    if (threads == 1) {
      first = out;
      rig_done(&r);
      /* The program is only looked at; its dialect is static. */
      continue;
    }
    UNIT_EQ(out.variants, first.variants);
    UNIT_EQ(out.rejected, first.rejected);
    UNIT_TRUE(out.cost_before == first.cost_before &&
                  out.cost_after == first.cost_after, "costs");
    UNIT_STR_EQ(out.kinds, first.kinds);
    UNIT_STR_EQ(out.reason, first.reason);
    UNIT_MEM_EQ(out.best->hash, first.best->hash, 32);
    UNIT_EQ(out.place_count, first.place_count);
    UNIT_MEM_EQ(out.places, first.places,
                out.place_count * sizeof *out.places);
    fse_search_result_done(&out);
    rig_done(&r);
  }
  fse_search_result_done(&first);
}

static void determined(void) {
  static const char *const names[] = {"sum", "crc8", "hash", "sort"};
  for (unsigned i = 0; i < few(4); i++)
    same_for_any_threads(names[i], i == 3 ? UINT64_MAX : i + 1);
}

/* A budget that ends in the middle of a round ends it for all alike. */
static void determined_when_cut(void) {
  struct fse_search_result first = {0};
  for (uint32_t threads = 1; threads <= 3; threads++) {
    struct rig r;
    rig_init(&r, sample("crc8"), 24);
    r.q.threads = threads;
    r.q.budget = 61;
    struct fse_search_result out = search(&r);
    UNIT_TRUE(out.variants <= 61, "%llu", (unsigned long long)out.variants);
    if (threads == 1) first = out;
    else {
      UNIT_EQ(out.variants, first.variants);
      UNIT_EQ(out.improved, first.improved);
      if (out.improved && first.improved)
        UNIT_MEM_EQ(out.best->hash, first.best->hash, 32);
      fse_search_result_done(&out);
    }
    rig_done(&r);
  }
  fse_search_result_done(&first);
}

/* Other seeds may find other programs; all of them are right. */
static void any_seed_is_right(void) {
  for (uint64_t seed = 100; seed < 100 + unit_scale(8); seed++) {
    struct rig r;
    rig_init(&r, sample(seed % 2 ? "gcd" : "checksum"), 24);
    r.q.seed = seed;
    struct fse_search_result out = search(&r);
    UNIT_TRUE(out.improved, "seed %d", (int)seed);
    if (out.improved) check_same(r.root, out.best, unit_scale(3000));
    fse_search_result_done(&out);
    rig_done(&r);
  }
}

/* ---- limits ------------------------------------------------------------- */

static void budgets(void) {
  const uint64_t most = scaled() ? 150 : 400;
  for (uint64_t budget = 0; budget < most;
       budget += (scaled() ? 2 * budget : budget / 2) + 1) {
    struct rig r;
    rig_init(&r, sample("sum"), 16);
    r.q.seed = 1;
    r.q.budget = budget;
    struct fse_search_result out = search(&r);
    UNIT_TRUE(out.variants <= budget, "%llu of %llu",
              (unsigned long long)out.variants, (unsigned long long)budget);
    UNIT_TRUE(out.rejected <= out.variants, "rejected");
    UNIT_TRUE(out.improved == (out.cost_after < out.cost_before), "improved");
    UNIT_TRUE(out.improved == (out.best != NULL), "best");
    fse_search_result_done(&out);
    rig_done(&r);
  }
}

/* Steps are greedy, and a round that the budget cuts short takes what it has:
 * of one seed, a larger budget may well find less. Of many it does not. */
static void more_finds_more(void) {
  static const uint64_t budget[] = {10, 40, 160, 640};
  double before = HUGE_VAL;
  for (size_t b = 0; b < sizeof budget / sizeof *budget; b++) {
    double sum = 0;
    for (uint64_t seed = 1; seed <= (scaled() ? 4 : 12); seed++) {
      struct rig r;
      rig_init(&r, sample("sum"), 16);
      r.q.seed = seed;
      r.q.budget = budget[b];
      struct fse_search_result out = search(&r);
      sum += log(out.cost_after);
      fse_search_result_done(&out);
      rig_done(&r);
    }
    UNIT_TRUE(sum < before, "%llu variants: %g, fewer: %g",
              (unsigned long long)budget[b], sum, before);
    before = sum;
  }
}

static uint64_t late(void *user) {
  (void)user;
  return 1000;
}

static void deadlines(void) {
  struct rig r;
  struct fse_search_result out;
  rig_init(&r, sample("sum"), 16);
  r.q.now_ns = late;
  r.q.deadline_ns = 1000;
  out = search(&r);
  UNIT_TRUE(!out.improved && out.variants == 0, "too late");
  fse_search_result_done(&out);
  r.q.deadline_ns = 1001;
  out = search(&r);
  UNIT_TRUE(out.improved, "in time");
  fse_search_result_done(&out);
  rig_done(&r);
}

static int stop_after(uint64_t variants, double now, double best,
                      void *user) {
  unsigned *calls = user;
  UNIT_TRUE(variants > 0 && best <= now, "%g, best %g", now, best);
  return --*calls == 0;
}

static void progress_may_stop(void) {
  double costs[2];
  for (unsigned i = 0; i < 2; i++) {
    struct rig r;
    unsigned calls = i ? 1 : 1000;
    rig_init(&r, sample("crc8"), 16);
    r.q.progress = stop_after;
    r.q.user = &calls;
    struct fse_search_result out = search(&r);
    UNIT_TRUE(out.improved, "improved");
    if (i) UNIT_EQ(calls, 0);
    costs[i] = out.cost_after;
    check_same(r.root, out.best, unit_scale(1000));
    fse_search_result_done(&out);
    rig_done(&r);
  }
  UNIT_TRUE(costs[1] > costs[0], "stopped early: %g, %g", costs[1], costs[0]);
}

static bool has_row(const struct fisa_program *p, const char *name) {
  struct fisa_facts *f = NULL;
  bool found = false;
  UNIT_EQ(fisa_facts_make(p, &f, NULL), 0);
  for (uint32_t i = 0; i < f->count; i++)
    found |= strcmp(f->insn[i].row->name, name) == 0;
  fisa_facts_free(f);
  return found;
}

/* Every row that the search made is denied in turn. */
static void denied_rows(void) {
  static const char *const samples[] = {"sum", "crc8", "sieve"};
  for (unsigned i = 0; i < few(3); i++) {
    struct rig r;
    rig_init(&r, sample(samples[i]), 8);
    r.q.once = true;
    for (unsigned round = 0; round < (scaled() ? 2u : 4u); round++) {
      struct fse_search_result out = search(&r);
      const char *made = NULL;
      struct fisa_facts *f = NULL;
      UNIT_TRUE(out.improved, "%s", samples[i]);
      if (!out.improved) break;
      for (uint32_t k = 0; k < r.policy.deny_count; k++)
        UNIT_TRUE(!has_row(out.best, r.policy.deny[k]), "%s: %s", samples[i],
                  r.policy.deny[k]);
      UNIT_EQ(fisa_facts_make(out.best, &f, NULL), 0);
      for (uint32_t k = 0; k < f->count; k++)
        if (!has_row(r.root, f->insn[k].row->name))
          made = f->insn[k].row->name;
      if (made != NULL)
        snprintf(r.policy.deny[r.policy.deny_count++], FISA_MAX_NAME, "%s",
                 made);
      fisa_facts_free(f);
      fse_search_result_done(&out);
    }
    rig_done(&r);
  }
}

/* Sizes: a variant stays within policy.max_size and max_growth. */
static void sizes(void) {
  struct rig r;
  rig_init(&r, sample("sort"), 8);
  r.policy.max_size = r.root->size;
  r.policy.max_growth = 1.0;
  struct fse_search_result out = search(&r);
  UNIT_TRUE(out.improved && out.best->size <= r.root->size, "size");
  fse_search_result_done(&out);
  rig_done(&r);
}

/* Weight 0: the kind is never used. */
static void weights(void) {
  for (uint32_t k = 0; k < fse_kind_count; k += scaled() ? 4 : 1) {
    struct rig r;
    rig_init(&r, sample("crc8"), 8);
    r.policy.weight[k] = 0;
    r.q.once = k % 16 != 0;  /* some with all climbs */
    struct fse_search_result out = search(&r);
    UNIT_TRUE(strstr(out.kinds, fse_kinds[k].name) == NULL, "%s in %s",
              fse_kinds[k].name, out.kinds);
    fse_search_result_done(&out);
    rig_done(&r);
  }
}

/* ---- truth -------------------------------------------------------------- */

/* Episodes that show one side of a branch only: replay believes the other is
 * never taken, fuzz finds out and keeps the counterexample. */
static const char one_sided[] =
    ".in R1 0..1000\n.out R3\nMOVI R3, 1\nMOVI16 R2, 900\n"
    "CMP_GT R4, R1, R2\nJEQ R4, SMALL\nADD R3, R3, R1\nMUL R3, R3, R1\n"
    "SMALL: MOV R5, R3\nMOV R6, R5\nMOV R3, R6\nHALT\n";

static void rig_one_sided(struct rig *r, enum fse_assurance assurance) {
  struct fisa_state *s = fisa_state_new(isa_unified());
  rig_init(r, program(one_sided), 0);
  for (int32_t v = 0; v < 20; v++) {
    fisa_state_start(r->root, s);
    s->cells[1] = v;
    struct ftrial_episode e = {.origin = FTRIAL_RECORDED, .begin = s,
                               .confidence = 1};
    UNIT_EQ(ftrial_set_add(r->set, &e), FTRIAL_ADDED);
  }
  r->q.assurance = assurance;
  fisa_state_free(s);
}

static void counterexamples(void) {
  struct rig r;
  struct fse_search_result out;
  uint32_t before;
  rig_one_sided(&r, FSE_ASSURE_FUZZ);
  before = ftrial_set_count(r.set);
  out = search(&r);
  UNIT_TRUE(out.improved, "the copies go");
  UNIT_TRUE(ftrial_set_count(r.set) > before, "counterexamples are kept");
  UNIT_EQ(ftrial_set_recorded(r.set), 20);
  if (out.improved) check_same(r.root, out.best, unit_scale(10000));
  fse_search_result_done(&out);
  /* They are met first in the next search. */
  out = search(&r);
  UNIT_TRUE(out.improved, "again");
  fse_search_result_done(&out);
  rig_done(&r);
}

/* The assurance that was asked for is what the result names. */
static void assurances(void) {
  for (int a = FSE_ASSURE_STATIC; a <= FSE_ASSURE_FUZZ; a++) {
    struct rig r;
    rig_one_sided(&r, (enum fse_assurance)a);
    struct fse_search_result out = search(&r);
    UNIT_TRUE(out.improved, "%s", fse_assurance_name((enum fse_assurance)a));
    UNIT_EQ(out.assurance, a);
    fse_search_result_done(&out);
    rig_done(&r);
  }
}

/* From the best of one search, the next; places lead from the root. */
static void from_a_parent(void) {
  struct rig r;
  struct fse_search_result one, two;
  rig_init(&r, sample("crc8"), 16);
  r.q.budget = 120;
  one = search(&r);
  UNIT_TRUE(one.improved, "first");
  if (!one.improved) return;
  r.q.parent = one.best;
  r.q.parent_places = one.places;
  r.q.parent_place_count = one.place_count;
  r.q.budget = scaled() ? 150 : 5000;
  two = search(&r);
  UNIT_TRUE(two.improved, "second");
  UNIT_TRUE(two.cost_before == one.cost_after, "%g, %g", two.cost_before,
            one.cost_after);
  if (two.improved) check_same(r.root, two.best, unit_scale(10000));
  for (uint32_t i = 0; i < two.place_count; i++)
    UNIT_TRUE(two.places[i].to_pc < two.best->size &&
                  (i == 0 || two.places[i].from_pc > two.places[i - 1].from_pc),
              "place %u", i);
  fse_search_result_done(&two);
  fse_search_result_done(&one);
  rig_done(&r);
}

/* A parent that is wrong on an episode is no parent, and that is told. */
static void a_wrong_parent(void) {
  struct rig r;
  struct fse_search_result out;
  struct fisa_error err = {""};
  struct fse_place place = {0, 0};
  struct fisa_program *other;
  rig_init(&r, program(".in R1\n.out R3\nMOV R3, R1\nHALT\n"), 8);
  uint8_t code[] = {0, 0, 0, 0, 0};
  other = fisa_program_derive(r.root, code, sizeof code, 0, 0);
  r.q.parent = other;
  r.q.parent_places = &place;
  r.q.parent_place_count = 1;
  UNIT_EQ(fse_search(&r.q, &out, &err), 0);
  UNIT_TRUE(out.parent_refuted && !out.improved, "refuted");
  UNIT_TRUE(strstr(out.reason, "R3") != NULL, "%s", out.reason);
  fse_search_result_done(&out);
  fisa_program_free(other);
  rig_done(&r);
}

/* Where layout may not change, addresses stay. */
static void frozen(void) {
  struct rig r;
  rig_init(&r, program(".in R1\n.out R3\n.out R9\nJAL R9, NEXT\n"
                       "NEXT: MOVI R2, 0\nADD R3, R1, R2\nHALT\n"), 8);
  struct fse_search_result out = search(&r);
  if (out.improved) {
    UNIT_EQ(out.best->size, r.root->size);
    check_same(r.root, out.best, unit_scale(1000));
  }
  fse_search_result_done(&out);
  rig_done(&r);
}

/* An agent whose tasks end in its middle, with two boundaries. */
static void two_boundaries(void) {
  static const char text[] =
      ".in R8\n.scratch mem 0x100 8\n"
      "A: SENSE R1\nSTOREI R1, R0, 0x100\nLOADI R2, R0, 0x100\n"
      "ADD R8, R8, R2\nTELL R0, R8, R2\nYIELD 0\n"
      "MOVI R5, 0\nADD R6, R8, R5\nMOV R7, R6\nTELL R0, R7, R0\nYIELD 0\n"
      "JMP A\n";
  struct fisa_program *root = program(text);
  struct fse_policy pol = policy();
  struct fse_offline o = {.name = "two", .program = root, .policy = &pol};
  struct fse_offline_result r;
  UNIT_EQ(fse_offline_run(&o, &r, NULL), 0);
  UNIT_TRUE(r.improved, "improved");
  UNIT_TRUE(r.cycles_after < 0.8 * r.cycles_before, "%g of %g",
            r.cycles_after, r.cycles_before);
  check_same(root, r.best, unit_scale(5000));
  fse_offline_result_done(&r);
  fisa_program_free(root);
}

/* A confidence source is kept although no .out names it. */
static void the_confidence_source(void) {
  static const char text[] =
      ".in R1 0..100\n.out R3\nMOV R2, R1\nCONF_ST R2\nMOV R4, R1\n"
      "MOV R3, R4\nHALT\n";
  const struct fisa_dialect *d = isa_unified();
  int file = fisa_file_by_name(d, "C", 1);
  CU_ASSERT_FATAL(file >= 0);
  for (int watched = 0; watched < 2; watched++) {
    struct fisa_program *root = program(text);
    struct rig r;
    if (watched)
      UNIT_EQ(fisa_program_watch(root, d->files[file].first + 2u, NULL), 0);
    rig_init(&r, root, 8);
    struct fse_search_result out = search(&r);
    UNIT_TRUE(out.improved, "improved");
    if (out.improved)
      UNIT_EQ(has_row(out.best, "CONF_ST") || has_row(out.best, "CONF_SET"),
              watched);
    fse_search_result_done(&out);
    rig_done(&r);
  }
}

static void fitness(void) {
  UNIT_TRUE(fse_fitness(4, 1, 1) == 0.25, "one result in 4");
  UNIT_TRUE(fse_fitness(4, 0.5, 0.5) == 0.0625, "confidence and trust");
  UNIT_TRUE(fse_fitness(0, 1, 1) == 0, "no result");
  UNIT_TRUE(fse_fitness(-1, 1, 1) == 0, "nonsense");
  UNIT_TRUE(fse_fitness(10, 1, 0) == 0, "no trust");
}

/* ---- random programs ---------------------------------------------------- */

/* What a program that nobody wrote takes in: some registers, or memory. */
static void take_in(const struct gen_table *t, struct fisa_program *p) {
  struct fisa_cells *in = &p->manifest.in[p->manifest.in_count++];
  *in = (struct fisa_cells){FISA_CELLS_MEM, 0, 32, 0, 255};
  if (t->load >= 0)
    *in = (struct fisa_cells){FISA_CELLS_FILE, t->d->files[t->file].first + 1u,
                              6, INT32_MIN, INT32_MAX};
}

/* Searches for a better one, and whether it is the same. */
static bool search_for(const struct fisa_program *root, uint64_t n) {
  struct fse_policy pol = policy();
  struct fse_offline o = {.name = "r", .program = root, .policy = &pol};
  struct fse_offline_result r;
  struct fisa_error err = {""};
  bool improved;
  pol.budget = scaled() ? 100 : 300;
  pol.seed = n;
  pol.max_task_cycles = 20000;
  UNIT_TRUE(fse_offline_run(&o, &r, &err) == 0, "%s %d: %s",
            root->dialect->name, (int)n, err.text);
  improved = r.improved;
  if (improved) {
    unsigned failed = CU_get_number_of_failures();
    check_within(root, r.best, 300, pol.max_task_cycles);
    UNIT_TRUE(CU_get_number_of_failures() == failed, "%s %d",
              root->dialect->name, (int)n);
  }
  fse_offline_result_done(&r);
  return improved;
}

/* Programs nobody wrote, every register observed: whatever the search does to
 * them, they stay what they are. */
static void random_of(const char *dialect) {
  static struct gen_table table;
  struct fisa_dialect *d = NULL;
  unsigned improved = 0;
  UNIT_EQ(fisa_dialect_builtin(dialect, true, &d, NULL), 0);
  gen_table_init(&table, d);
  for (uint64_t n = 0; n < unit_scale(20); n++) {
    struct fisa_program *p = gen_program(&table, 11, n), *root;
    CU_ASSERT_FATAL(p != NULL);
    take_in(&table, p);
    root = fisa_program_derive(p, p->code, p->size, p->entry, 0);
    CU_ASSERT_FATAL(root != NULL);
    improved += search_for(root, n);
    fisa_program_free(root);
    fisa_program_free(p);
  }
  printf(" %u improved", improved);
  /* Of a few none may be one that can be made better. */
  if (!scaled()) UNIT_TRUE(improved > 0, "%u improved", improved);
  fisa_dialect_free(d);
}

static void random_unified(void) {
  random_of("unified");
}

static void random_classic(void) {
  random_of("classic");
}

static void random_seed(void) {
  random_of("seed");
}

static const struct unit_test tests[] = {
    {"samples", "alarm", sample_alarm},
    {"samples", "average", sample_average},
    {"samples", "checksum", sample_checksum},
    {"samples", "collatz", sample_collatz},
    {"samples", "crc8", sample_crc8},
    {"samples", "fibonacci", sample_fibonacci},
    {"samples", "gcd", sample_gcd},
    {"samples", "hash", sample_hash},
    {"samples", "polynomial", sample_polynomial},
    {"samples", "power", sample_power},
    {"samples", "sieve", sample_sieve},
    {"samples", "sort", sample_sort},
    {"samples", "sum", sample_sum},
    {"samples", "thermostat", sample_thermostat},
    {"samples", "by hand", hand_tuned},
    {"determined", "threads", determined},
    {"determined", "cut", determined_when_cut},
    {"determined", "seeds", any_seed_is_right},
    {"limits", "budgets", budgets},
    {"limits", "more finds more", more_finds_more},
    {"limits", "deadlines", deadlines},
    {"limits", "progress", progress_may_stop},
    {"limits", "denied", denied_rows},
    {"limits", "sizes", sizes},
    {"limits", "weights", weights},
    {"truth", "counterexamples", counterexamples},
    {"truth", "assurances", assurances},
    {"truth", "from a parent", from_a_parent},
    {"truth", "a wrong parent", a_wrong_parent},
    {"truth", "frozen", frozen},
    {"truth", "two boundaries", two_boundaries},
    {"truth", "confidence", the_confidence_source},
    {"truth", "fitness", fitness},
    {"random programs", "unified", random_unified},
    {"random programs", "classic", random_classic},
    {"random programs", "seed", random_seed},
};

int main(int argc, char **argv) {
  unsigned count = sizeof(tests) / sizeof(tests[0]);
#ifdef __SANITIZE_THREAD__
  /* Only what has threads tells anything there. */
  char *threads[] = {argv[0], (char[]){"determined"}, NULL};
  if (argc == 1) return unit_main(2, threads, tests, count);
#endif
  return unit_main(argc, argv, tests, count);
}
