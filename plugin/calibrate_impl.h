/*
 * plugin/calibrate_impl.h - what the files of calibration share. Private.
 *
 *   calibrate.c          the whole table, in a child or here
 *   calibrate_draw.c     a row's instructions and the states they meet
 *   calibrate_step.c     one state on both machines, and what differs
 *   calibrate_row.c      one row: all its states, its verdict
 *   calibrate_example.c  the smallest state that still differs, as a sentence
 *   calibrate_child.c    processes: rows in one that may die
 *   calibrate_known.c    verdicts remembered, by the instance and the journal
 */
#ifndef FLUX_PLUGIN_CALIBRATE_IMPL_H
#define FLUX_PLUGIN_CALIBRATE_IMPL_H

#include <stdatomic.h>

#include "gpu/trial.h"
#include "plugin/calibrate.h"

#define CAL_FORM 1u      /* of how rows are looked at; part of the key */
#define CAL_CASES 72u    /* instructions of a row, a state each */
#define CAL_LEAST 32u    /* states a row is stepped on, if there are so many */
#define CAL_LEAD 64u     /* bytes before the first instruction */
#define CAL_INPUTS 4u    /* made-up outside values of a state */
#define CAL_EVENTS 16u   /* of one instruction, at most */

/* How a step on the host compares with the table. */
enum cal_kind {
  CAL_SAME,
  CAL_LEFT_OUT,  /* lethal: the real machine would do anything */
  CAL_NO_MEMORY,
  CAL_NO_VM,     /* the host has none for the dialect */
  /* Wrong in what it computes. */
  CAL_VALUE,     /* cells, memory, what is taken and given */
  CAL_FAULT,     /* that does not come, or comes extra, or another one */
  /* Wrong in more than that. */
  CAL_FLOW,      /* pc, status */
  CAL_CYCLES,
  CAL_TWICE,     /* two answers to one question */
  CAL_REFUSED,   /* the service fails */
  CAL_DIES,
  CAL_HANGS,
  CAL_UNREACHED  /* time ran out before */
};
enum fse_row_verdict cal_verdict(enum cal_kind kind);

/* What differs, as a clause. */
struct cal_diff {
  enum cal_kind kind;
  char text[112];
};

/* What crosses the border during a step. */
struct cal_io {
  const int32_t *input;      /* [CAL_INPUTS]; then again from the first */
  uint32_t taken;
  uint32_t count;            /* of events; more than CAL_EVENTS: not kept */
  struct fisa_event event[CAL_EVENTS];
};

/* A state to step on. */
struct cal_case {
  uint32_t index;            /* instruction of the row's program */
  uint64_t cycles;
  int32_t input[CAL_INPUTS];
  int32_t *cells;
  uint8_t *mem;              /* the bench's, or its own */
};

/* A machine behind a step. */
struct cal_end {
  uint32_t pc;
  int32_t status, fault;
  uint64_t cycles;           /* of the step */
  int32_t *cells;
  uint8_t *mem;
  struct cal_io io;
};

/* A row's program: instructions one behind the other. */
struct cal_row {
  const struct fisa_row *row;
  struct fisa_program *program;
  struct fir_program *ir;
  uint32_t count;
  struct fisa_insn in[CAL_CASES];
  uint32_t own_count;        /* constants that the row speaks of */
  int32_t own[FISA_MAX_TEMPLATE * 5];
};

/* All buffers, made once for a table. */
struct cal_bench {
  const struct fisa_dialect *d;
  const flux_step *step;
  void *ctx;
  struct fir_lane *lane;
  /* Memory of all three is `mem` between steps. */
  struct fisa_state *table;
  struct cal_end by_table, host[2];
  int32_t *init;             /* cells that are as the state list says */
  int32_t *cells;            /* and such as states begin with */
  uint8_t *mem;              /* the memory they all begin with */
  struct cal_case drawn, example;
  bool fixed[FISA_MAX_FILES];/* files that stay as the state list says */
  /* Where it stands, for who watches; its own or shared with a parent. */
  struct cal_place *place;
};

struct cal_place {
  _Atomic uint32_t opcode, index, attempt;
};
#define CAL_LOADING UINT32_MAX  /* index: while the row's program is loaded */

/* What came of a row. As it crosses a pipe. */
struct cal_result {
  uint32_t opcode;
  uint32_t kind;             /* enum cal_kind */
  uint32_t states;
  char text[200];
};

/* ---- calibrate.c -------------------------------------------------------- */

/* Whether a row is stepped at all. */
bool cal_is_stepped(const struct fisa_row *row);

/* ---- calibrate_draw.c --------------------------------------------------- */

/* Cells and memory that all states begin with. */
void cal_draw_common(struct cal_bench *b);
/* Makes a row's program. 0 or -1; cal_row_done in both cases. */
int cal_row_make(const struct cal_bench *b, uint8_t opcode,
                 struct cal_row *out, struct fisa_error *err);
void cal_row_done(struct cal_row *r);
/* Draws a state for instruction `index`, the `attempt`-th. */
void cal_draw(const struct cal_bench *b, const struct cal_row *r,
              uint32_t index, uint32_t attempt, struct cal_case *out);

/* ---- calibrate_step.c --------------------------------------------------- */

int cal_bench_open(struct cal_bench *b);
void cal_bench_close(struct cal_bench *b);

/* Steps both machines on a state, and the host's a second time. `all`: the
 * whole memory is compared, not only what the table touches. */
void cal_check(struct cal_bench *b, const struct cal_row *r, flux_stepper *s,
               const struct cal_case *c, bool all, struct cal_diff *out);
/* Whether the table has no answer, or another machine need not have it. */
bool cal_left_out(struct cal_bench *b, const struct cal_row *r,
                  const struct cal_case *c);
/* Whether the host wrote where the table does not: undoes it. */
bool cal_strayed(struct cal_bench *b);
/* The same state in the host's machine alone. */
flux_status cal_step_host(struct cal_bench *b, flux_stepper *s, uint32_t pc,
                          const struct cal_case *c, struct cal_end *out);

/* The cell that says how deep a stack is, or -1 for any other file. */
int32_t cal_index_cell(const struct fisa_dialect *d, uint32_t file);
/* The file of a cell. */
const struct fisa_file *cal_file_of(const struct fisa_dialect *d,
                                    uint32_t cell);
/* A cell's name, "R[3]", "Z"; its value. */
void cal_cell_name(const struct fisa_dialect *d, uint32_t cell, char *out,
                   size_t capacity);
void cal_cell_value(const struct fisa_file *f, int32_t v, char *out,
                    size_t capacity);

/* ---- calibrate_row.c ---------------------------------------------------- */

/* Looks at one row, in this process. 0, or -1 (memory). */
int cal_look(struct cal_bench *b, uint8_t opcode, struct cal_result *out);

/* ---- calibrate_example.c ------------------------------------------------ */

/* Whether a state still shows what it showed; then what, in *out. */
typedef bool (*cal_still)(const struct cal_case *c, struct cal_diff *out,
                          void *user);

/* Sets all of *c to what machines begin with that need not be otherwise. The
 * diff is that of what is left. At most `most` states are asked about. */
void cal_reduce(struct cal_bench *b, struct cal_case *c,
                struct cal_diff *diff, uint32_t most, cal_still still,
                void *user);
/* "NAME (0xNN): what, with R[1]=3 (instruction at pc)" */
void cal_sentence(const struct cal_bench *b, const struct cal_row *r,
                  const struct cal_case *c, const struct cal_diff *diff,
                  char *out, size_t capacity);
/* *to becomes equal to *from, whose memory is copied into that of *to. */
void cal_case_copy(const struct cal_bench *b, struct cal_case *to,
                   const struct cal_case *from);

/* ---- calibrate_child.c -------------------------------------------------- */

/* Looks at all rows in child processes. Gives each row's result to `take`,
 * in order; non-zero ends it. 0, or -1 with err. */
int cal_look_forked(struct cal_bench *b,
                    const struct fse_calibrate_limits *limits,
                    int (*take)(const struct cal_result *r, void *user),
                    struct fisa_error *err, void *user);

#endif /* FLUX_PLUGIN_CALIBRATE_IMPL_H */
