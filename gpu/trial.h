/*
 * gpu/trial.h - trials: one variant on a set of episodes.
 *
 * An episode set is prepared once for a root program: for each episode the
 * begin state, the outside values in order, and what the root did with them
 * (status, fault, digest of the observables, outputs, cycles, cost). A trial
 * runs a variant over the set in order and stops as soon as it is known to be
 * wrong or dearer than a bound. No journal, no policy in here.
 */
#ifndef FLUX_GPU_TRIAL_H
#define FLUX_GPU_TRIAL_H

#include <stdatomic.h>

#include "gpu/ir.h"

enum ftrial_origin {
  FTRIAL_RECORDED,  /* from a live task */
  FTRIAL_FUZZED,    /* generated from the manifest or a perturbed boundary */
  FTRIAL_COUNTER    /* a counterexample, kept for ever and tried first */
};

/* One episode as given. Pointers are copied. */
struct ftrial_episode {
  enum ftrial_origin origin;
  const struct fisa_state *begin;  /* pc, cells, memory at task begin */
  const struct fisa_event *events; /* inputs of the task, in order; events
                                      with out = 1 are ignored */
  uint32_t event_count;
  double confidence;               /* of the root's task, 0..1 */
};

/* What the root did on an episode. */
struct ftrial_expect {
  int32_t status, fault;
  uint64_t cycles, cost, instructions;
  struct fisa_digest digest, outputs;
  uint32_t inputs_used;
  uint32_t end_pc;
};

struct ftrial_set;

/*
 * A set for `root`, empty. `root` must outlive it. `max_fuel` bounds the
 * root's instructions a task; an episode on which the root needs more is
 * refused (FTRIAL_REFUSED).
 */
struct ftrial_set *ftrial_set_new(const struct fisa_program *root,
                                  uint64_t max_fuel, struct fisa_error *err);
void ftrial_set_free(struct ftrial_set *set);

enum ftrial_add { FTRIAL_ADDED, FTRIAL_REFUSED, FTRIAL_NO_MEMORY = -1 };

/* Runs the root on the episode and adds it. Counterexamples go first. */
enum ftrial_add ftrial_set_add(struct ftrial_set *set,
                               const struct ftrial_episode *e);
uint32_t ftrial_set_count(const struct ftrial_set *set);
const struct ftrial_expect *ftrial_set_expect(const struct ftrial_set *set,
                                              uint32_t i);
/* Copies begin state and inputs of episode i out again (caller-owned state
 * of the same dialect; the events stay the set's). */
void ftrial_set_get(const struct ftrial_set *set, uint32_t i,
                    struct fisa_state *begin,
                    const struct fisa_event **events, uint32_t *count);

/*
 * How a variant's boundary pcs relate to the root's: pairs (root pc, variant
 * pc) of the points behind yields and of the entry. With NULL, equal pcs are
 * assumed.
 */
struct ftrial_pc_map {
  uint32_t count;
  const uint32_t (*pair)[2];
};

/* The variant's pc for one of the root, in *pc; false: it has none. */
bool ftrial_map_pc(const struct ftrial_pc_map *map, uint32_t root,
                   uint32_t *pc);

enum ftrial_verdict {
  FTRIAL_SAME,         /* equal on all episodes tried */
  FTRIAL_WRONG,        /* differs; `episode` says where */
  FTRIAL_DEARER,       /* cost bound exceeded */
  FTRIAL_INCONCLUSIVE  /* cannot be lowered, or holds opaque rows */
};

struct ftrial_result {
  enum ftrial_verdict verdict;
  uint32_t tried;      /* episodes run to their end */
  uint32_t episode;    /* the first wrong one */
  uint64_t cost;       /* of the recorded episodes tried: fuzzed ones and
                          counterexamples are asked for truth, not for cost.
                          DEARER: one more than the bound */
  uint64_t instructions; /* of the episodes tried */
  char what[96];       /* first difference, when wrong */
};

/*
 * Tries a variant on episodes first..first+count-1 of the set. Stops at the
 * first on which it is wrong, or by whose end its accumulated cost exceeds
 * `cost_bound` (UINT64_MAX: no bound); where it does both it is dearer. Fuel of
 * each episode is the root's x 2 + 64. Where there are many episodes they are
 * run side by side, with the same result. The lane is the calling thread's.
 * Deterministic.
 */
struct ftrial_result ftrial_run(const struct ftrial_set *set,
                                const struct fir_program *variant,
                                const struct ftrial_pc_map *map,
                                struct fir_lane *lane, uint32_t first,
                                uint32_t count, uint64_t cost_bound);

/* The same on all episodes, without a word of what was wrong: for those who
 * try thousands. */
struct ftrial_result ftrial_judge(const struct ftrial_set *set,
                                  const struct fir_program *variant,
                                  const struct ftrial_pc_map *map,
                                  struct fir_lane *lane, uint64_t cost_bound);

/* ---- many variants at once ---------------------------------------------- */

/*
 * To a device the first variant of a launch is dear and each more is cheap. So
 * variants are gathered: a group is filled and begun, and taken on step by
 * step, while others are filled. Of each comes what ftrial_judge says of it, on
 * any back end. The set and what was added stay as they are until the results
 * were taken or the group is cleared. One thread, whose lane it is; several
 * may have groups on one set.
 */
struct ftrial_many;
#define FTRIAL_MANY 2048u   /* variants of a group, at most */

/* Whether it is worth it on this set: there is a device. It is looked for, if
 * nobody did yet. */
bool ftrial_wants_many(const struct ftrial_set *set);

/* NULL: out of memory. */
struct ftrial_many *ftrial_many_new(const struct ftrial_set *set,
                                    struct fir_lane *lane);
/* Waits for what is under way. NULL is fine. */
void ftrial_many_free(struct ftrial_many *m);

/* Adds a variant to a group that is not full and not begun. Returns its
 * number, from 0; or -1, out of memory. */
int ftrial_many_add(struct ftrial_many *m, const struct fir_program *variant,
                    const struct ftrial_pc_map *map, uint64_t cost_bound);
bool ftrial_many_full(const struct ftrial_many *m);

/* Sends the first part of the episodes to the back end. */
void ftrial_many_begin(struct ftrial_many *m);

/* Takes what came of a part, and sends the next for those that are still good.
 * False: there is none, all results are there. */
bool ftrial_many_step(struct ftrial_many *m);

/* Looks without waiting: whether a step would not wait for a device. */
bool ftrial_many_look(struct ftrial_many *m);

struct ftrial_result ftrial_many_result(const struct ftrial_many *m,
                                        uint32_t i);

/* Empty again, for others; waits as ftrial_many_free does. */
void ftrial_many_clear(struct ftrial_many *m);

/* ---- the set ------------------------------------------------------------ */

/*
 * Lays the episodes anew, so that those that are run at once run alike: by how
 * long the root took on each, behind the first that are tried, which are a
 * sample of all but the longest. Counterexamples stay where they are, before
 * all others. This is the order of the set from then on, whichever engine runs
 * it: for who has added all that there is.
 */
void ftrial_set_lay(struct ftrial_set *set);

/* How many episodes of origin FTRIAL_RECORDED the set holds, and how many
 * counterexamples: those are its first. */
uint32_t ftrial_set_recorded(const struct ftrial_set *set);
uint32_t ftrial_set_counters(const struct ftrial_set *set);

/*
 * Who runs many episodes at once: the back end outlives the set, or is taken
 * off. NULL, and at first: the lanes of the calling thread.
 */
struct fbackend;
void ftrial_set_backend(struct ftrial_set *set, struct fbackend *backend);

/* A flag that ends a fuzzing under way as inconclusive once it is set by
 * another thread; NULL: none. It outlives the set, or is taken off. */
void ftrial_set_stop(struct ftrial_set *set, const atomic_bool *stop);

/* A question put before each state of a fuzzing that is made, those included
 * that are only replaced, and before each few hundred that are tried at once,
 * on the thread that fuzzes; true ends it in the same way. NULL: none. */
void ftrial_set_ask(struct ftrial_set *set, bool (*ask)(void *user),
                    void *user);

/* Cost of the root on the recorded ones of episodes first..first+count-1. */
uint64_t ftrial_root_cost(const struct ftrial_set *set, uint32_t first,
                          uint32_t count);

/* ---- fuzzing ------------------------------------------------------------ */

/*
 * Counter-based random numbers: word i of stream (seed, a, b). Pure function
 * (Philox-style mixing), so that any thread can draw any number.
 */
uint64_t ftrial_random(uint64_t seed, uint64_t a, uint64_t b, uint64_t i);

/*
 * Makes fuzz state number n for a program into *s (a state of its dialect)
 * and its input values into *trace (cleared first). From the manifest's
 * inputs, edge-biased; for agents that continue, by perturbing one of the
 * set's recorded boundaries in cells live there. Equal (seed, n) give equal
 * states.
 */
int ftrial_fuzz_state(const struct ftrial_set *set, uint64_t seed, uint64_t n,
                      struct fisa_state *s, struct fisa_trace *trace);
/* The same with the buffers of a lane, for many in a row. */
int ftrial_fuzz_state_on(const struct ftrial_set *set, struct fir_lane *lane,
                         uint64_t seed, uint64_t n, struct fisa_state *s,
                         struct fisa_trace *trace);

#define FTRIAL_TOLD 64u

/*
 * Tells the set of values that matter to its root, such as what it compares
 * with: begins are made of them, too, from then on. They take the place of
 * those told before; what is past FTRIAL_TOLD is dropped.
 */
void ftrial_set_tell(struct ftrial_set *set, const int32_t *values,
                     uint32_t count);

/*
 * Fuzzes a variant: `states` counted states; a state on which the root runs
 * out of fuel is replaced by the next number. That fuel is 4 x the longest
 * recorded task, at least 10,000, at most max_fuel. Where most numbers have to
 * be replaced the result is inconclusive. Expected values of the root are
 * cached in the set. On a difference the state joins the set as a
 * counterexample, and `episode` is its place there. Where no state can differ
 * from another (no inputs are declared, none are taken) one stands for all.
 */
struct ftrial_result ftrial_fuzz(struct ftrial_set *set,
                                 const struct fir_program *variant,
                                 const struct ftrial_pc_map *map,
                                 struct fir_lane *lane, uint64_t seed,
                                 uint32_t states);

#endif /* FLUX_GPU_TRIAL_H */
