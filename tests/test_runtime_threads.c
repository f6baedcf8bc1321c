/*
 * test_runtime_threads.c - workers run agents while other threads offer
 * patches that are right, wrong or faulty, and agree, accept, take back and
 * withdraw as they come. With hold, what is released is what agents release
 * that are never evolved.
 *
 * Checks belong to the main thread; the others count what went wrong.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/rig.h"
#include "tests/unit.h"

enum { AGENTS = 6, KINDS = 6, RIGHT = 3, SLOTS = 64, MAX_IDS = 1 << 16 };

/* Kinds 0..2 do the same, the others do not. */
static const char *const fresh_texts[KINDS] = {
    ".dialect unified\n.in R1 0..99\n MOV R3, R1\n ADD R3, R3, R1\n SENSE R2\n"
    "TELL R3, R2, R0\n TELL R2, R3, R1\n HALT\n",
    ".dialect unified\n.in R1 0..99\n SENSE R2\n ADD R3, R1, R1\n"
    "TELL R3, R2, R0\n TELL R2, R3, R1\n HALT\n",
    ".dialect unified\n.in R1 0..99\n.entry go\n NOP\n NOP\n"
    "go: SENSE R2\n NOP\n ADD R3, R1, R1\n TELL R3, R2, R0\n"
    "TELL R2, R3, R1\n HALT\n",
    ".dialect unified\n.in R1 0..99\n SENSE R2\n ADD R3, R1, R1\n INC R3\n"
    "TELL R3, R2, R0\n HALT\n",
    ".dialect unified\n.in R1 0..99\n SENSE R2\n ADD R3, R1, R1\n"
    "TELL R3, R2, R0\n DIV R3, R1, R0\n HALT\n",
    ".dialect unified\n.in R1 0..99\n TELL R1, R1, R0\n again: JMP again\n"};

static const char *const endless_texts[KINDS] = {
    ".dialect unified\n next: SENSE R2\n ADD R5, R5, R2\n TELL R5, R2, R6\n"
    "STI8 R5, 0x300\n YIELD 0\n at1: INC R6\n JMP next\n",
    ".dialect unified\n NOP\n next: SENSE R2\n ADD R5, R2, R5\n"
    "TELL R5, R2, R6\n STI8 R5, 0x300\n YIELD 0\n at1: INC R6\n JMP next\n",
    ".dialect unified\n NOP\n NOP\n next: SENSE R2\n ADD R5, R5, R2\n NOP\n"
    "STI8 R5, 0x300\n TELL R5, R2, R6\n YIELD 0\n at1: NOP\n INC R6\n"
    "JMP next\n",
    ".dialect unified\n next: SENSE R2\n ADD R5, R5, R2\n INC R5\n"
    "TELL R5, R2, R6\n STI8 R6, 0x301\n YIELD 0\n at1: INC R6\n JMP next\n",
    ".dialect unified\n next: SENSE R2\n ADD R5, R5, R5\n TELL R5, R2, R6\n"
    "DIV R5, R2, R0\n YIELD 0\n at1: INC R6\n JMP next\n",
    ".dialect unified\n next: SENSE R2\n TELL R5, R2, R6\n again: JMP again\n"
    "YIELD 0\n at1: INC R6\n JMP next\n"};

/* What a record tells, on its way to the evolver. */
struct slot {
  uint64_t number, version;
  uint32_t flags;
};

/* An agent as its evolver sees it. */
struct subject {
  struct rig_agent *a;
  struct fisa_program *programs[KINDS];
  /* From the agent's thread to the evolver's. */
  struct slot ring[SLOTS];
  _Atomic unsigned head, tail;
  /* The evolver's. */
  uint64_t last_id;         /* offered */
  uint64_t patch;           /* on its way or on probation; 0: none */
  uint64_t accepted;        /* the last one, and how many tasks had */
  uint64_t accepted_at;     /* begun by then */
  unsigned agreed;
  uint8_t kind[MAX_IDS];
  _Atomic uint64_t shown;   /* `patch`, for the meddler */
};

struct scene {
  struct rig rig;
  struct subject subjects[AGENTS];
  bool hold;
  uint64_t seed;
  atomic_int stop;
  _Atomic uint64_t broken;  /* promises of the host that it broke */
  _Atomic uint64_t accepts, reverts, recovers, withdrawals, waits;
};

static uint64_t draw(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

static bool one_in(uint64_t *state, unsigned n) {
  return draw(state) % n == 0;
}

/* ---- the plugin's side -------------------------------------------------- */

static flux_status attach(flux_plugin *plugin, const flux_agent_info *info,
                          flux_evolved **out, char *message,
                          size_t capacity) {
  struct scene *s = (struct scene *)(void *)plugin;
  (void)message, (void)capacity;
  *out = (flux_evolved *)(void *)&s->subjects[info->id - 1];
  return FLUX_OK;
}

static void detach(flux_plugin *plugin, flux_evolved *e) {
  (void)plugin, (void)e;
}

static void task_end(flux_evolved *e, const flux_task *t) {
  struct subject *u = (struct subject *)(void *)e;
  unsigned head = atomic_load_explicit(&u->head, memory_order_relaxed);
  if (head - atomic_load_explicit(&u->tail, memory_order_acquire) == SLOTS)
    return;
  u->ring[head % SLOTS] = (struct slot){t->number, t->version, t->flags};
  atomic_store_explicit(&u->head, head + 1, memory_order_release);
}

static const flux_evolver evolver = {sizeof evolver, 0, attach, detach,
                                     task_end};

static void count(_Atomic uint64_t *n) {
  atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

static void offer(struct scene *s, struct subject *u, uint64_t live,
                  uint64_t *random) {
  unsigned kinds = s->hold ? KINDS : RIGHT;
  unsigned kind = (unsigned)(draw(random) % kinds);
  uint64_t id = u->last_id + 1;
  struct rig_patch p = {.from = u->programs[u->kind[live]],
                        .to = u->programs[kind],
                        .id = id,
                        .base = live,
                        .flags = s->hold ? FLUX_PATCH_HOLD : 0,
                        .deadline = (uint32_t)(draw(random) % 4),
                        .hold_ms = 1 + (uint32_t)(draw(random) % 8)};
  if (id == MAX_IDS) return;
  /* Now and then one that fits nowhere. */
  if (one_in(random, 16)) p.from = u->programs[(u->kind[live] + 1) % RIGHT];
  if (p.from != u->programs[u->kind[live]]) p.no_entry = true;
  if (p.no_entry && s->hold) return;
  u->kind[id] = (uint8_t)kind;
  if (rig_offer(u->a, &p) != FLUX_OK) return;
  u->last_id = u->patch = id;
  u->agreed = 0;
  atomic_store(&u->shown, id);
  if (one_in(random, 8) && rig_withdraw(u->a, id) == FLUX_OK) {
    u->patch = 0;
    count(&s->withdrawals);
  }
}

static void take_back(struct scene *s, struct subject *u, uint32_t how) {
  if (rig_take_back(u->a, u->patch, how) == FLUX_OK)
    count(how == FLUX_REVERT ? &s->reverts : &s->recovers);
}

/* A task of the patch: a verdict, or none. */
static void judge(struct scene *s, struct subject *u, const struct slot *t,
                  uint64_t *random) {
  bool right = u->kind[u->patch] < RIGHT;
  if (one_in(random, 20)) {
    count(&s->waits);  /* the host shall help itself */
  } else if (!right || one_in(random, 12)) {
    take_back(s, u, one_in(random, 2) ? FLUX_REVERT : FLUX_RECOVER);
  } else if (u->agreed > 0 && one_in(random, 4)) {
    /* What was accepted cannot be taken back by anybody. */
    if (rig_accept(u->a, u->patch) == FLUX_OK) {
      u->accepted = u->patch;
      u->accepted_at = t->number + 1;
      u->patch = 0;
      count(&s->accepts);
    }
  } else if (rig_agree(u->a, t->number) == FLUX_OK) {
    u->agreed++;
  }
}

static void on_task(struct scene *s, struct subject *u, const struct slot *t,
                    uint64_t *random) {
  /* Versions before the one accepted last never run again. */
  if (t->version < u->accepted && t->number > u->accepted_at)
    count(&s->broken);
  if (u->patch != 0 && t->version == u->patch) {
    judge(s, u, t, random);
    return;
  }
  /* Records get lost, so whether one is in flight is for the host to say. */
  offer(s, u, t->version, random);
}

static void *evolve(void *arg) {
  struct scene *s = arg;
  uint64_t random = s->seed;
  while (!atomic_load(&s->stop)) {
    bool any = false;
    for (unsigned i = 0; i < AGENTS; i++) {
      struct subject *u = &s->subjects[i];
      unsigned tail = atomic_load_explicit(&u->tail, memory_order_relaxed);
      while (tail != atomic_load_explicit(&u->head, memory_order_acquire)) {
        on_task(s, u, &u->ring[tail % SLOTS], &random);
        atomic_store_explicit(&u->tail, ++tail, memory_order_release);
        any = true;
      }
    }
    if (!any) sched_yield();
  }
  return NULL;
}

/* Calls that are allowed at any time by anybody, and verdicts that cross
 * those of the evolver. */
static void *meddle(void *arg) {
  struct scene *s = arg;
  uint64_t random = s->seed ^ 77;
  const struct timespec rest = {0, 20000};
  while (!atomic_load(&s->stop)) {
    struct subject *u = &s->subjects[draw(&random) % AGENTS];
    uint64_t slots[64], version, id = atomic_load(&u->shown);
    uint8_t heads[8];
    uint32_t size;
    struct fhost_agent_stats stats;
    switch (draw(&random) % 8) {
      case 0: rig_take_back(u->a, id, (uint32_t)(draw(&random) % 2)); break;
      case 1: rig_withdraw(u->a, id); break;
      case 2: rig_agree(u->a, UINT64_MAX); break;
      case 3:
        if (s->rig.live->counts(u->a->id, slots, heads, 64, &size, &version,
                                s->rig.runtime) != FLUX_OK || size > 64)
          count(&s->broken);
        break;
      case 4: s->rig.live->explain(u->a->id, "why", s->rig.runtime); break;
      case 5: rig_observe(u->a, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD, 1);
        break;
      case 6: rig_observe(u->a, FLUX_OBSERVE_RECORD, 1); break;
      default: fhost_agent_stats(u->a->agent, &stats); break;
    }
    nanosleep(&rest, NULL);
  }
  return NULL;
}

/* ---- the scene ---------------------------------------------------------- */

static void open_scene(struct scene *s, bool hold, uint64_t seed) {
  const struct fhost_evolver e = {(flux_plugin *)(void *)s, &evolver};
  struct fhost_texts texts = {"", NULL, 0, 0};
  struct fisa_error err;
  memset(s, 0, sizeof *s);
  rig_open(&s->rig);
  s->hold = hold;
  s->seed = seed;
  for (unsigned i = 0; i < AGENTS; i++) {
    struct subject *u = &s->subjects[i];
    const char *const *texts_of = i % 2 ? endless_texts : fresh_texts;
    for (unsigned k = 0; k < KINDS; k++)
      u->programs[k] = rig_program(texts_of[k]);
    u->a = rig_add(&s->rig, &(struct rig_options){.text = texts_of[0],
                                                  .continuing = i % 2,
                                                  .no_begin = i % 2,
                                                  .unattached = true,
                                                  .fuel = 500});
    UNIT_EQ(fhost_agent_attach(u->a->agent, &e, &texts, &err), 0);
    rig_observe(u->a, FLUX_OBSERVE_RECORD, 1);
  }
}

static void close_scene(struct scene *s) {
  rig_close(&s->rig);
  for (unsigned i = 0; i < AGENTS; i++)
    for (unsigned k = 0; k < KINDS; k++)
      fisa_program_free(s->subjects[i].programs[k]);
}

static uint64_t installed(const struct scene *s) {
  uint64_t n = 0;
  for (unsigned i = 0; i < AGENTS; i++)
    n += rig_stats(s->subjects[i].a).installed;
  return n;
}

/*
 * Runs so many tasks, and again as many while nothing has been installed: on
 * a loaded machine the evolver may come late. Returns the tasks of an agent.
 */
static uint64_t run_scene(struct scene *s, uint64_t tasks, unsigned threads) {
  struct fhost_run_options o = {
      .threads = threads, .tasks = tasks, .pace_us = 10};
  struct fisa_error err;
  pthread_t a, b;
  bool started = pthread_create(&a, NULL, evolve, s) == 0 &&
                 pthread_create(&b, NULL, meddle, s) == 0;
  if (!UNIT_TRUE(started, "no threads")) return 0;
  UNIT_EQ(fhost_runtime_run(s->rig.runtime, &o, &err), 0);
  while (installed(s) == 0 && o.tasks < 100 * tasks) {
    o.tasks += tasks;
    UNIT_EQ(fhost_runtime_run(s->rig.runtime, &o, &err), 0);
  }
  atomic_store(&s->stop, 1);
  pthread_join(a, NULL);
  pthread_join(b, NULL);
  return o.tasks;
}

static void print_scene(const struct scene *s) {
  struct fhost_agent_stats all = {0};
  for (unsigned i = 0; i < AGENTS; i++) {
    struct fhost_agent_stats n = rig_stats(s->subjects[i].a);
    all.installed += n.installed;
    all.accepted += n.accepted;
    all.reverted += n.reverted;
    all.recovered += n.recovered;
    all.withdrawn += n.withdrawn;
    all.faults += n.faults;
  }
  printf("    %llu installed, %llu accepted, %llu reverted, %llu recovered, "
         "%llu withdrawn, %llu faults\n",
         (unsigned long long)all.installed, (unsigned long long)all.accepted,
         (unsigned long long)all.reverted, (unsigned long long)all.recovered,
         (unsigned long long)all.withdrawn, (unsigned long long)all.faults);
}

static struct scene scene;

static void as_if_nothing_happened(bool hold, unsigned threads,
                                   uint64_t seed) {
  struct scene *s = &scene;
  uint64_t tasks;
  open_scene(s, hold, seed);
  tasks = run_scene(s, unit_scale(4000), threads);
  UNIT_EQ(s->broken, 0);
  print_scene(s);
  for (unsigned i = 0; i < AGENTS; i++) {
    struct fhost_agent_stats n = rig_stats(s->subjects[i].a);
    UNIT_EQ(n.tasks, tasks);
    UNIT_EQ(n.results, tasks);
    UNIT_EQ(n.wrong, 0);
    UNIT_EQ(n.suspended, 0);
    UNIT_EQ(s->subjects[i].a->ends, tasks);
    rig_as_control(s->subjects[i].a, tasks);
  }
  UNIT_TRUE(installed(s) > 0, "nothing was installed");
  close_scene(s);
}

static void held_one_worker(void) { as_if_nothing_happened(true, 1, 1); }
static void held_some_workers(void) { as_if_nothing_happened(true, 3, 2); }
static void held_a_worker_each(void) { as_if_nothing_happened(true, 6, 3); }
static void released_some_workers(void) {
  as_if_nothing_happened(false, 3, 4);
}

static const struct unit_test tests[] = {
    {"hold", "one", held_one_worker},
    {"hold", "some", held_some_workers},
    {"hold", "each", held_a_worker_each},
    {"released", "some", released_some_workers},
};

UNIT_MAIN(tests)
