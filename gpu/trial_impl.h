/*
 * gpu/trial_impl.h - what trial.c, many.c, fuzz.c and view.c share. Private.
 */
#ifndef FLUX_GPU_TRIAL_IMPL_H
#define FLUX_GPU_TRIAL_IMPL_H

#include "gpu/lane.h"
#include "gpu/pack.h"
#include "gpu/trial.h"

/* ---- view.c: what is looked at where a task ends ------------------------ */

#define FTRIAL_FRESH UINT32_MAX /* a view's pc: a fresh start follows */

/* Observed cells side by side. */
struct ftrial_cells {
  uint16_t first, count;
  bool floats;
};

/* The observables at one kind of end, worked out once. */
struct ftrial_view {
  uint32_t pc;          /* of a continuing boundary, or FTRIAL_FRESH */
  const struct fisa_program *root;
  struct fisa_set live; /* of a continuing boundary */
  uint32_t run_count;
  struct ftrial_cells *runs;
  bool stack;
  bool memory;          /* all of it but .scratch */
  struct fpk_view pack; /* the same, as the wide engines take it */
};

/* NULL: out of memory. `live` is NULL for FTRIAL_FRESH. */
struct ftrial_view *ftrial__view_new(const struct fisa_program *root,
                                     uint32_t pc,
                                     const struct fisa_set *live);
void ftrial__view_free(struct ftrial_view *v);

/* A digest of the observables. States that fisa_observe_equal (or _live) says
 * are equal have equal digests. Status and fault are left to the caller. */
struct fisa_digest ftrial__view_digest(const struct ftrial_view *v,
                                       const struct fisa_state *s);

/* Tells the first difference between a variant's state and the root's. */
void ftrial__view_tell(const struct ftrial_view *v, const struct fisa_state *s,
                       const struct fisa_state *root, char *what,
                       size_t capacity);

/* ---- set.c: the set ----------------------------------------------------- */

/* One episode as kept: how its begin differs from an initial state, the
 * events of the root in one list, inputs first, and what came of it. */
struct ftrial_stored {
  enum ftrial_origin origin;
  uint32_t pc;
  uint64_t cycles;
  double confidence;
  uint32_t cell_count;
  uint16_t *cells;
  int32_t *values;
  uint32_t page_count;
  uint32_t *pages;
  uint8_t *bytes;       /* page_count pages */
  struct fisa_event *events;
  uint32_t in_count, out_count;
  struct ftrial_expect expect;
  const struct ftrial_view *view;
};

/* Distinct values that a source was seen to give. */
struct ftrial_seen {
  uint32_t count;
  int32_t values[64];
};

/* Episodes side by side, in the order they came: all batches but the last are
 * full. */
struct ftrial_packs {
  uint32_t count, capacity;
  struct fpk_batch **batch;
  size_t bytes;
};

/* A fuzz state whose expected values are known. */
struct ftrial_fuzzed {
  uint64_t number;
  size_t first_event;   /* in the cache's list; inputs, then outputs */
  uint32_t in_count, out_count;
  struct ftrial_expect expect;
  const struct ftrial_view *view;
};

struct ftrial_cache {
  bool valid;           /* for this seed and the present recorded episodes */
  uint64_t seed;
  uint32_t count, capacity;
  struct ftrial_fuzzed *states;
  struct fisa_trace events;
  struct ftrial_packs packs;  /* of the same states */
  uint32_t laid;        /* of these batches so many are laid by length */
};

struct ftrial_set {
  const struct fisa_program *root;
  struct fir_program *ir;
  struct fisa_facts *facts;
  struct fir_lane *lane;      /* for the root; only where the set changes */
  struct fisa_state *initial; /* never changed */
  struct ftrial_stored *start; /* the declared begin; no events */
  uint64_t max_fuel;
  uint32_t count, capacity, counters;
  struct ftrial_stored **episodes; /* counterexamples first */
  uint32_t recorded_count;
  struct ftrial_stored **recorded; /* [capacity], in the order they came */
  bool continues;             /* a recorded task began behind a boundary */
  uint64_t longest;           /* instructions of a recorded task */
  uint32_t view_count, view_capacity;
  struct ftrial_view **views;
  struct ftrial_seen *seen;   /* [source_count + 1] */
  uint32_t told_count;
  int32_t told[FTRIAL_TOLD];  /* values that begins are made of, too */
  struct fisa_set ends;       /* cells that a view looks at */
  struct ftrial_packs packs[2]; /* counterexamples, all others */
  bool narrow;                /* only the ir engine runs trials: what the
                                 others are held against */
  struct fbackend *backend;   /* or NULL */
  const atomic_bool *stop;    /* set from outside: fuzz no more; or NULL */
  bool (*ask)(void *user);    /* the same as a question; or NULL */
  void *ask_user;
  struct ftrial_cache cache;
};

/* What a run has to do to be the same: borrowed from whatever holds it. */
struct ftrial_want {
  const struct fisa_event *in, *out;
  uint32_t in_count, out_count;
  const struct ftrial_expect *expect;
  const struct ftrial_view *view;
};

/* Makes *s the begin state of an episode. */
void ftrial__load(const struct ftrial_set *set, const struct ftrial_stored *e,
                  struct fisa_state *s);

/*
 * Runs the root on *s and fills expect and view; inputs and outputs are noted
 * by the io. Returns 0, 1 if the root has no result (fuel, opaque row,
 * starved), or -1 (memory).
 */
int ftrial__expect(struct ftrial_set *set, struct fisa_state *s,
                   const struct fir_io *io, uint64_t fuel,
                   struct ftrial_expect *expect,
                   const struct ftrial_view **view);

/* Feeds a root with what was recorded and notes what it gives. */
struct ftrial_recording {
  const struct fisa_event *in;
  uint32_t in_count, used;
  uint32_t taken;         /* inputs among those used */
  struct fisa_trace out;
  bool no_memory;
};

/* The input of a fir_io whose user is a recording: the next recorded value,
 * if it is of that source and those arguments. */
int ftrial__recorded_input(uint16_t source, const int32_t *arg, unsigned argc,
                           int32_t *value, void *user);

/* Whether a recorded input is what is asked for. */
bool ftrial__asks_for(const struct fisa_event *e, uint16_t source,
                      const int32_t *arg, unsigned argc);

/* Drops what is known of fuzz states. */
void ftrial__cache_drop(struct ftrial_cache *cache);

/* ---- trial.c: one run --------------------------------------------------- */

/* How one run of a variant went. */
struct ftrial_one {
  enum ftrial_verdict verdict; /* SAME, WRONG, INCONCLUSIVE */
  bool out_of_fuel;
  uint64_t cost, instructions;
};

/*
 * Runs a variant on *s, which stands at the root's begin. `what` (96 bytes)
 * tells what was wrong but for the observables.
 */
struct ftrial_one ftrial__try(const struct fir_program *variant,
                              const struct ftrial_pc_map *map,
                              struct fir_lane *lane, struct fisa_state *s,
                              const struct ftrial_want *want, uint64_t fuel,
                              char *what);

/* Whether a variant can be tried on a lane; else result says why not. */
bool ftrial__ready(const struct ftrial_set *set,
                   const struct fir_program *variant, struct fir_lane *lane,
                   struct ftrial_result *result);

/* The fuel of a variant, of the root's instructions. */
uint64_t ftrial__fuel(const struct ftrial_expect *expect);

/* A trial that goes through the episodes of a set. */
struct ftrial_sweep {
  const struct ftrial_set *set;
  const struct fir_program *variant;
  const struct ftrial_pc_map *map;
  struct fir_lane *lane;
  uint64_t cost_bound;
  bool words;             /* say what was wrong */
  struct ftrial_result *result;
};

/* The next so many episodes, one by one on the ir engine; or what a wide
 * engine says of them. Both add to the result; false: it is over. */
bool ftrial__sweep_narrow(const struct ftrial_sweep *w, uint32_t first,
                          uint32_t count);
bool ftrial__sweep_add(const struct ftrial_sweep *w, uint32_t first,
                       const struct fpk_verdict *v);

/* ---- wide.c: many episodes at once -------------------------------------- */

/* Adds an episode; `end` is what the root made of `begin`. 0 or -1. */
int ftrial__packs_add(struct ftrial_packs *packs, const struct fisa_dialect *d,
                      const struct fpk_episode *e);
void ftrial__packs_done(struct ftrial_packs *packs);

/* The order in which lanes that run alike lie together: by the root's
 * instructions, which it reads from each of them; equal ones as they were. */
struct ftrial_length {
  uint64_t instructions;
  uint32_t at;           /* set by the function */
};
void ftrial__by_length(struct ftrial_length *lane, uint32_t count,
                       uint32_t *from);

#define FTRIAL_FIRST 32u /* episodes that are run first, to reject */
#define FTRIAL_FEW 4u    /* fewer are run one by one */

/* Takes such an order and puts FTRIAL_FIRST before all others, a sample of the
 * shorter three quarters: what is wrong is wrong in them nearly as often as in
 * a sample of all, and lanes that are run at once wait for the longest. They
 * stay in the order in which they came: the first few are a sample, too. */
void ftrial__sample_first(uint32_t *from, uint32_t count);

/* What a root did, as an episode of a pack. */
struct fpk_episode ftrial__episode(const struct ftrial_want *want,
                                   const struct fisa_state *begin,
                                   const struct fisa_state *end, bool counts);

/* Makes a lane ready for a variant. 0; 1: it is not for the wide engines; -1:
 * out of memory. */
int ftrial__wide_begin(const struct ftrial_set *set,
                       const struct fir_program *variant,
                       struct fir_lane *lane);

/* Part of a batch. */
struct ftrial_part {
  const struct fpk_batch *batch;
  uint32_t first, count;
};

/* Goes on to the next part of the first `lanes` lanes of a batch, from one of
 * no lanes at their begin; false: there is none. What is wrong is mostly wrong
 * soon: few lanes are run before all. */
bool ftrial__next_part(struct ftrial_part *part, uint32_t lanes);

/* The variant's pcs of boundaries of the root; FPK_NONE: it has none. */
void ftrial__map_all(const struct ftrial_pc_map *map, const uint32_t *root,
                     uint32_t count, uint32_t *out);

/* Runs that variant on a part of a batch of the set. Returns as above; but for
 * 0 the ir engine has to. */
int ftrial__wide_run(const struct ftrial_set *set,
                     const struct ftrial_pc_map *map, struct fir_lane *lane,
                     struct ftrial_part part, uint64_t cost_bound,
                     struct fpk_verdict *out);

/* ---- begins.c: begins and outside values that nobody recorded ----------- */

/* Makes *s begin number n of a seed. */
void ftrial__fuzz_begin(const struct ftrial_set *set, uint64_t seed,
                        uint64_t n, struct fisa_state *s);

/* A fast stream of numbers, begun by one counter-based draw. */
struct ftrial_stream {
  uint64_t state;
  const int32_t *own;   /* constants of the root, [own_count] */
  uint32_t own_count;
  const int32_t *told;  /* values that matter to it, [told_count] */
  uint32_t told_count;
};

/* Makes up inputs and notes them, and outputs, as they come. */
struct ftrial_making {
  const struct ftrial_set *set;
  struct ftrial_stream r;
  uint32_t how;
  struct fisa_trace *in, *out;
  bool no_memory;
};

struct ftrial_making ftrial__making(const struct ftrial_set *set,
                                    uint64_t seed, uint64_t n);
int ftrial__made_input(uint16_t source, const int32_t *arg, unsigned argc,
                       int32_t *value, void *user);
int ftrial__made_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user);

#endif /* FLUX_GPU_TRIAL_IMPL_H */
