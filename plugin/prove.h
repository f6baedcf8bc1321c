/*
 * plugin/prove.h - two loop-free windows of IR: do they always agree?
 *
 * A window is a piece of an IR program, itself a small IR program that begins
 * at op 0, never comes to an op twice and ends in exits: HALT ops whose fault
 * is FSE_EXIT and the number of the exit. A question puts two pieces side by
 * side and says what is equal where they begin and what has to be equal where
 * they end. An answer is about every state: cells, memory, stack, outside
 * values, and faults, which have to be the same.
 *
 * Rungs, in order; the first that decides ends it:
 *
 *   canonical   both, written as expressions, are the same expressions
 *   run         a few states that show a difference refute it
 *   solver      bit-vector terms, by a process of its own (prove/), which may
 *               crash, hang, eat memory or talk rubbish: then it is unproved
 *   exhaustive  every value of the one cell that is read, where one is
 *
 * What decides is work, so that equal questions have equal answers; time and
 * memory only end a solver, and so does whoever asked and has no use for the
 * answer any more: then it is unproved. What a solver says is a counterexample
 * is believed once both pieces were run on it.
 */
#ifndef FLUX_PLUGIN_PROVE_H
#define FLUX_PLUGIN_PROVE_H

#include "gpu/ir.h"

#define FSE_EXIT 0x40000000       /* fault of the HALT that is exit 0 */
#define FSE_EXITS_MAX 64u
#define FSE_PIECE_OPS 1024u       /* of one piece */
#define FSE_PATHS_MAX 64u         /* through one piece */

/* Bytes of memory first..first+count-1. */
struct fse_span {
  uint32_t first, count;
};

/* What a cell is known to hold where the pieces begin. */
struct fse_known {
  uint16_t cell;
  int32_t lo, hi;
};

struct fse_question {
  const struct fir_program *piece[2];  /* of one dialect */
  struct fisa_set live;       /* cells that are equal at the begin; of the
                                 others each piece has its own */
  uint32_t known_count;
  const struct fse_known *known;
  uint32_t exit_count;
  const struct fisa_set *exit_live; /* [exit_count]: cells that have to be
                                       equal there; the live stack as well */
  uint32_t span_count;        /* memory that is equal at the begin and has to */
  const struct fse_span *span; /* be at the exits */
  struct fisa_set observed;   /* where a piece ends the run itself: cells, */
  bool end_stack;             /* the live stack, */
  uint32_t end_span_count;    /* memory */
  const struct fse_span *end_span;
};

enum fse_proof {
  FSE_PROVED,
  FSE_REFUTED,    /* a state shows it */
  FSE_UNPROVED    /* nobody knows */
};

enum fse_rung {
  FSE_RUNG_NONE, FSE_RUNG_CANONICAL, FSE_RUNG_RUN, FSE_RUNG_SOLVER,
  FSE_RUNG_EXHAUSTIVE
};

/* A state for both pieces, and the outside values they ask for. */
struct fse_counter {
  struct fisa_state *begin[2];
  struct fisa_trace input;     /* value n is what input number n gives */
};

struct fse_answer {
  enum fse_proof proof;
  enum fse_rung rung;          /* that decided */
  uint64_t work;               /* of the solver */
  char reason[160];            /* unproved: why; refuted: what differs */
};

/* What a prover may use; a zero is the default. */
struct fse_prover_limits {
  uint64_t solver;             /* the solver's own unit of work */
  uint64_t exhaust;            /* operations */
  uint32_t states;             /* run before anything is asked */
  uint32_t wall_ms;            /* of one question: kills */
  uint32_t memory_mb;          /* of the solver: kills */
  /* Asked all the time that an answer takes: true: nobody waits for it. NULL:
   * somebody does. */
  bool (*stop)(void *user);
  void *user;
};

/*
 * A prover belongs to one thread. Its solver is a process that is started
 * when first needed and again after each time it had to be killed, a few
 * times. `helper` is the program; NULL: the one beside this shared object.
 * Where there is none the rung is absent. Returns NULL when out of memory.
 */
struct fse_prover;
struct fse_prover *fse_prover_new(const char *helper,
                                  const struct fse_prover_limits *limits);
void fse_prover_free(struct fse_prover *p);  /* NULL is fine */

/* NULL where there is a solver, else a sentence that says why there is none.
 * It lives as long as the prover. */
const char *fse_prover_absent(const struct fse_prover *p);

/* Whether nobody waits for its answers now: what is unproved then says nothing
 * of the question. */
bool fse_prover_stopped(const struct fse_prover *p);

/*
 * Asks. `counter` (may be NULL) is filled when the answer is FSE_REFUTED, for
 * fse_counter_done. Running out of memory is unproved. Deterministic unless
 * a solver had to be killed, or nobody waited.
 */
struct fse_answer fse_prove(struct fse_prover *p,
                            const struct fse_question *q,
                            struct fse_counter *counter);
void fse_counter_done(struct fse_counter *c);

/*
 * The piece of an IR program that begins at op `begin` and ends wherever an op
 * has an exit: exit_of[op] is its number, or FIR_NONE; `begin` is no exit where
 * it begins. Returns 0 and a piece for fse_piece_done, or -1 with err: it has
 * a loop, or is too long. Of its program it needs nothing but the dialect.
 */
int fse_piece_make(const struct fir_program *ir, uint32_t begin,
                   const uint32_t *exit_of, struct fir_program *out,
                   struct fisa_error *err);
void fse_piece_done(struct fir_program *piece);

const char *fse_rung_name(enum fse_rung r);

#endif /* FLUX_PLUGIN_PROVE_H */
