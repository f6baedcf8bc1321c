/*
 * gpu/ir.h - the intermediate representation of a program, and its lowering.
 *
 * Fixed width, targets resolved, dialect quirks lowered away, cycles on the
 * first op of a row. An operand is the index of a 32-bit cell: the cells of
 * the state (isa/state.h), then engine cells: one that is always 0, one that
 * swallows writes (the zero register), four temporaries, and a pool of
 * constants. So an engine sees no registers, no immediates and no dialect.
 *
 * An IR program is immutable and may be run by any number of threads.
 */
#ifndef FLUX_GPU_IR_H
#define FLUX_GPU_IR_H

#include "isa/state.h"

/* Engine-only ops, numbered after the semantic ops. */
enum fir_op {
  FIR_GOTO = FLUX_OP_COUNT, /* continue at target, no cycle */
  FIR_END,                  /* off the end: pc = imm */
  FIR_FAULT,                /* fault imm, pc of the row stays; no cycle of its
                               own (the row's cycles stand on it if counted) */
  FIR_TICK,                 /* if cell d > 0: cell d -= 1 */
  FIR_BOUNDARY,             /* task boundary before the row (pc boundary) */
  /* Guards: fault imm if the predicate holds, before any effect. */
  FIR_G_DIV_OVERFLOW, FIR_G_SHIFT_RANGE, FIR_G_FTOI_RANGE, FIR_G_POW_RANGE,
  FIR_G_LOG_ZERO, FIR_G_STACK_FULL, FIR_G_STACK_EMPTY, FIR_G_NEGATIVE,
  FIR_G_EQZ, FIR_G_NEZ, FIR_G_LTZ, FIR_G_LEZ, FIR_G_GTZ, FIR_G_GEZ,
  FIR_G_DEC_GTZ,            /* guards of branches to negative targets */
  FIR_JUMP_REG,             /* pc = wrap(row pc + base + cell a): dynamic */
  FIR_OP_COUNT
};

#define FIR_DYNAMIC UINT32_MAX

/* One op: 24 bytes. */
struct fir_ins {
  uint16_t op;      /* enum flux_semop or enum fir_op */
  uint16_t cycles;  /* added before the op acts; 0 but on a row's first op */
  uint16_t d, a, b, c; /* cell indexes */
  int32_t imm;
  uint32_t target;  /* IR index, or FIR_DYNAMIC */
  uint32_t row;     /* bit 31: first op of a row; bits 0..30: pc of the row */
};

struct fir_program {
  const struct fisa_program *source; /* not owned; outlives this */
  const struct fisa_dialect *dialect;
  uint32_t count;
  struct fir_ins *ins;
  uint32_t entry;            /* IR index */
  uint32_t *at;              /* [code size + 1]: pc -> IR index, or ~0u */
  uint32_t state_cells;      /* cells of the dialect's state */
  uint32_t cell_count;       /* all cells an engine holds */
  uint16_t zero, sink, temp; /* indexes of the engine cells */
  uint32_t pool_first, pool_count;
  int32_t *pool;             /* constants of cells pool_first.. */
  bool all_offsets;          /* every pc is lowered (dynamic flow) */
  bool ticks;                /* tick ops are in */
  bool opaque;               /* holds a row without meaning */
};

/*
 * Lowers every instruction that control can reach (every offset of the code
 * when a target is dynamic). Malformed programs lower to their faults.
 * Returns 0 and a new program, or -1 with err filled. Thread-safe.
 */
int fir_lower(const struct fisa_program *p, struct fir_program **out,
              struct fisa_error *err);
void fir_free(struct fir_program *p);

/* Name of an op for dumps; a one-line dump of an op. */
const char *fir_op_name(unsigned op);
void fir_dump(const struct fir_program *p, uint32_t i, char *out,
              size_t capacity);

/* ---- running ------------------------------------------------------------ */

/*
 * Where outside values come from and outputs go. `input` returns 0 and the
 * value, or non-zero to end the run with status FISA_RUN_FUEL and
 * `starved` set (a replay that asks for a value that was not recorded).
 * `output` returns non-zero to end the run the same way (a replay that
 * produced something else).
 */
struct fir_io {
  int (*input)(uint16_t source, const int32_t *arg, unsigned argc,
               int32_t *value, void *user);
  int (*output)(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user);
  void *user;
};

struct fir_limits {
  uint64_t fuel;       /* instructions, tested before fetch */
  bool stop_at_yield;  /* stop at task boundaries (yield rows, the program's
                          boundary); false: exec semantics */
};

struct fir_result {
  uint64_t instructions;
  uint64_t cost;       /* sum of the rows' cost, when fir_run_profile */
  bool starved;        /* an io call ended the run */
};

/*
 * The `ir` engine: one lane. Runs from s->pc until halt, end, fault, fuel or
 * boundary and leaves the final state in *s. All accesses are checked.
 * Allocates nothing once `cells` has been used for a program of that size.
 */
struct fir_lane;                      /* buffers of one thread */
struct fir_lane *fir_lane_new(void);
void fir_lane_free(struct fir_lane *lane);
struct fir_result fir_run(const struct fir_program *p, struct fir_lane *lane,
                          struct fisa_state *s, const struct fir_io *io,
                          struct fir_limits limits);

/*
 * As fir_run, and calls `visit` before each instruction with its pc and the
 * cells of the lane (state cells first): value profiles and counts.
 */
typedef void (*fir_visit)(uint32_t pc, const int32_t *cells, void *user);
struct fir_result fir_run_visit(const struct fir_program *p,
                                struct fir_lane *lane, struct fisa_state *s,
                                const struct fir_io *io,
                                struct fir_limits limits, fir_visit visit,
                                void *user);

#endif /* FLUX_GPU_IR_H */
