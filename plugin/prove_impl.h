/*
 * plugin/prove_impl.h - what the parts of the prover share. Private.
 *
 *   prove.c          rungs in order
 *   prove_piece.c    a piece cut out of a program
 *   prove_run.c      both pieces on states, and what is equal then
 *   prove_canon.c    both as expressions
 *   prove_exhaust.c  all values of one cell
 *   prove_wire.c     questions and answers as text, for both sides
 *   prove_helper.c   the process that holds the solver
 */
#ifndef FLUX_PLUGIN_PROVE_IMPL_H
#define FLUX_PLUGIN_PROVE_IMPL_H

#include "gpu/trial.h"
#include "isa/buf.h"
#include "plugin/prove.h"

struct fse_prover {
  struct fse_prover_limits limits;
  struct fir_lane *lane;
  const struct fisa_dialect *dialect; /* of work */
  struct fisa_state *work[2];
  struct fse_helper *helper;     /* NULL: absent */
  char absent[160];
  uint64_t asked;                /* questions; each has its number */
};

static inline bool prove_in(const struct fisa_set *s, uint32_t cell) {
  return cell >= FISA_SET_WORDS * 64u || (s->w[cell / 64] >> cell % 64 & 1);
}

/* Whether a cell is one of a stack, that of the links included. */
bool prove_stack_cell(const struct fisa_dialect *d, uint32_t cell);

/* Whether a piece may hold an op. */
bool prove_allowed(unsigned op);
/* Whether an op may go to its target; whether it may go on behind itself. */
bool prove_jumps(unsigned op);
bool prove_goes_on(unsigned op);

/* Whether a cell has to be equal at an exit: the indexes of stacks always. */
bool prove_asked(const struct fisa_dialect *d, const struct fisa_set *s,
                 uint32_t cell);

/* Whether a question is one: ops, cells and targets within bounds. Returns
 * 0, or -1 with the reason. */
int prove_check(const struct fse_question *q, struct fisa_error *err);

/* ---- prove_run.c -------------------------------------------------------- */

/* Runs both pieces on the counter's states, which stay as they are. Returns
 * 0: they agree, 1: they differ, as `what` says, -1: memory, or it cannot be
 * run. Inputs past the counter's are 0. */
int prove_differ(struct fse_prover *p, const struct fse_question *q,
                 const struct fse_counter *c, char *what, size_t capacity);

/* States for a question; 0, or -1: memory. */
int prove_counter_new(const struct fse_question *q, struct fse_counter *c);
/* Makes state number n of them, within what is known. */
int prove_counter_draw(const struct fse_question *q, uint64_t n,
                       struct fse_counter *c);

/* The value of an op of FSEM_VALUES on known operands; false: it is none. */
bool prove_fold(unsigned op, const int32_t dabc[4], int32_t imm,
                int32_t *out);

/* ---- the other rungs ---------------------------------------------------- */

/* 1: equal expressions; 0: it cannot be said. */
int prove_canonical(const struct fse_question *q);

#define PROVE_UNWANTED "nobody waited for a proof"

/* Whether whoever asked has no use for an answer any more. */
static inline bool prove_stopped(const struct fse_prover_limits *l) {
  return l->stop != NULL && l->stop(l->user);
}

/* All values of the one cell that is read. Returns FSE_PROVED,
 * FSE_REFUTED with `value`, or FSE_UNPROVED: it is no such question, more
 * operations than the limits allow, or nobody waits. */
enum fse_proof prove_exhaust(const struct fse_question *q,
                             const struct fse_prover_limits *limits,
                             uint16_t *cell, int32_t *value);

/* ---- prove_wire.c ------------------------------------------------------- */

#define PROVE_VERSION 1
#define PROVE_LINE 4096u           /* bytes of a line at most */
#define PROVE_MESSAGE (4u << 20)   /* of a message */

/* A question as it travels. */
void prove_write_question(struct isa_buf *b, const struct fse_question *q,
                          uint64_t id, uint64_t work);

/* A question that came; everything in it is owned by it. */
struct prove_asked_for {
  struct fse_question q;
  struct fir_program piece[2];
  struct fisa_dialect *dialect;
  struct fisa_program source;
  struct fisa_set *exit_live;
  struct fse_known *known;
  struct fse_span *span, *end_span;
  uint64_t id, work;
};
/* Reads a message (NUL-terminated, from first line to "end"). Returns 0, or
 * -1 with err. Hostile input. */
int prove_read_question(const char *text, struct prove_asked_for *out,
                        struct fisa_error *err);
void prove_asked_for_done(struct prove_asked_for *a);

/* One value of a counterexample. */
enum prove_what { PROVE_CELL, PROVE_BYTE, PROVE_INPUT };
struct prove_value {
  uint8_t what, side;        /* side 2: both */
  uint32_t at;               /* cell, address, number */
  int32_t value;
};

struct prove_said {
  enum fse_proof proof;
  uint64_t id, work;
  char reason[128];
  uint32_t count;
  struct prove_value *value;   /* owned */
};
void prove_write_answer(struct isa_buf *b, const struct prove_said *said);
/* Reads an answer to question `id`; 0, or -1 with err. Hostile input. */
int prove_read_answer(const char *text, uint64_t id, struct prove_said *out,
                      struct fisa_error *err);

/* ---- prove_helper.c ----------------------------------------------------- */

struct fse_helper;
/* NULL with the reason: there is no such program, or it may be another's. */
struct fse_helper *prove_helper_new(const char *path,
                                    const struct fse_prover_limits *limits,
                                    char *why, size_t capacity);
void prove_helper_free(struct fse_helper *h);
/* Sends a message and takes the answer, up to its "end" line. Returns a
 * malloc'ed text, or NULL with err: the solver was ended, or is out of use. One
 * that nobody waited for did nothing wrong, and is started again. */
char *prove_helper_ask(struct fse_helper *h, const struct isa_buf *message,
                       struct fisa_error *err);
/* What it said is no answer: it is ended, as for any other failure. */
void prove_helper_distrust(struct fse_helper *h);

#endif /* FLUX_PLUGIN_PROVE_IMPL_H */
