/*
 * gpu/ir.h - the intermediate representation of a program, and its lowering.
 *
 * Fixed width, targets resolved, dialect quirks lowered away, cycles on the
 * first op of a row. An operand is the index of a 32-bit cell: the cells of
 * the state (isa/state.h), then engine cells: one that is always 0, one that
 * swallows writes (the zero register), temporaries, and a pool of constants.
 * So an engine sees no registers, no immediates and no opcodes; of the dialect
 * it needs the layout of the stack alone.
 *
 * An IR program is immutable and may be run by any number of threads.
 */
#ifndef FLUX_GPU_IR_H
#define FLUX_GPU_IR_H

#include "isa/state.h"

/*
 * Engine-only ops, numbered after the semantic ops. What an op does stands in
 * gpu/semantics.h; where the fields of fir_ins hold something else than the
 * cells that flux/semops.h names, it is this:
 *
 *   DIV                 imm the fault, target the pc that stays if it faults
 *   STORE*, LOAD*       imm what is added to the address
 *   PUSH, POP           never without a guard, and yet checked
 *   DROP, FOLD          imm how many cells
 *   CHECK               imm the fault, target the pc that stays if it faults
 *   PEEK                imm how far from the top
 *   EMIT_PAYLOAD        imm the channel; the bytes are those of the row
 *   G_*                 imm the fault; target the pc that stays where that is
 *                       not the row's; G_STACK_FEW: c how many
 *   FILE_ZERO           d first cell, imm number of cells
 *   CONVERGE            d first cell, b number of cells, imm register
 *   DIFFUSE             d first cell, c number of cells, a the value, b the
 *                       cell of what is left, imm how many
 *   INPUT, DRAW, DRAW_W imm the source; INPUT: bit 16 set if it has argument a
 *   EMIT                imm the channel + (number of arguments << 16)
 *   JUMP, BR_*, CALL    target the IR index; CALL: a holds the link
 *   RET                 a holds the bias, imm the fault of a negative target
 *   HALT, YIELD         target the pc that stays; HALT: imm the fault
 */
#define FIR_OPS(X) \
  X(GOTO, "goto")           /* continue at target, no cycle */ \
  X(END, "end")             /* off the end: pc = that of row */ \
  X(FAULT, "fault")         /* no instruction: fault imm, pc stays */ \
  X(TICK, "tick")           /* if cell d > 0: cell d -= 1 */ \
  X(BOUNDARY, "boundary")   /* task boundary before the row (pc boundary); */ \
                            /* a run that begins here passes it */ \
  X(PEEK, "peek")           /* d = stack cell imm from the top, or 0 */ \
  X(JUMP_REG, "jump_reg")   /* pc = cell a, not negative: dynamic */ \
  /* Arithmetic and the two flags of its result, which most such rows set. */ \
  X(SIGNS, "signs")         /* d = a == 0, cell c = a < 0; d first */ \
  X(ADD_SIGNS, "add_signs") /* d = a + b, cell c = d == 0, */ \
                            /* cell imm = d < 0, in this order */ \
  X(SUB_SIGNS, "sub_signs") /* d = a - b, and so on */ \
  /* Guards: fault imm if the predicate holds, before any effect. Those */ \
  /* named after a branch: if it would be taken and cell b, its target, */ \
  /* is below 0. */ \
  X(G_STACK_FULL, "g_stack_full") \
  X(G_STACK_EMPTY, "g_stack_empty") \
  X(G_STACK_FEW, "g_stack_few") \
  X(G_CALLS_FULL, "g_calls_full") \
  X(G_CALLS_EMPTY, "g_calls_empty") \
  X(G_ADD_OVERFLOW, "g_add_overflow") \
  X(G_SUB_OVERFLOW, "g_sub_overflow") \
  X(G_MUL_OVERFLOW, "g_mul_overflow") \
  X(G_SHL_OVERFLOW, "g_shl_overflow") \
  X(G_CAST_RANGE, "g_cast_range") \
  X(G_BEFORE_MEMORY, "g_before_memory") \
  X(G_ALWAYS, "g_always") \
  X(G_DIV_OVERFLOW, "g_div_overflow") \
  X(G_SHIFT_RANGE, "g_shift_range") \
  X(G_FTOI_RANGE, "g_ftoi_range") \
  X(G_POW_RANGE, "g_pow_range") \
  X(G_LOG_ZERO, "g_log_zero") \
  X(G_NEGATIVE, "g_negative") \
  X(G_EQZ, "g_eqz") \
  X(G_NEZ, "g_nez") \
  X(G_LTZ, "g_ltz") \
  X(G_LEZ, "g_lez") \
  X(G_GTZ, "g_gtz") \
  X(G_GEZ, "g_gez") \
  X(G_DEC_GTZ, "g_dec_gtz")

enum fir_op {
  FIR_BEFORE_FIRST = FLUX_OP_COUNT - 1,
#define FIR_ENUM(ID, name) FIR_##ID,
  FIR_OPS(FIR_ENUM)
#undef FIR_ENUM
  FIR_OP_COUNT
};

#define FIR_FIRST 0x80000000u     /* of fir_ins.row: first op of a row */
#define FIR_NONE UINT32_MAX       /* no IR index */
#define FIR_PEEKS 4                /* stack cells that an op can read */
/* A template's, a dynamic target, stack cells on their way to an op. */
#define FIR_TEMPS (FISA_TEMPS + 1 + FIR_PEEKS)

/* One op: 24 bytes. */
struct fir_ins {
  uint16_t op;      /* enum flux_semop or enum fir_op */
  uint16_t cycles;  /* added before the op acts; 0 but on a row's first op */
  uint16_t d, a, b, c; /* cell indexes */
  int32_t imm;
  uint32_t target;  /* IR index of a jump; else see above */
  uint32_t row;     /* FIR_FIRST: a fetch, which fuel counts; bits 0..30: pc */
};

struct fir_program {
  const struct fisa_program *source; /* not owned; outlives this */
  const struct fisa_dialect *dialect;
  uint32_t count;
  struct fir_ins *ins;
  uint32_t entry;            /* IR index */
  uint32_t *at;              /* [code size + 1]: pc -> IR index or FIR_NONE */
  uint32_t state_cells;      /* cells of the dialect's state */
  uint32_t cell_count;       /* all cells an engine holds */
  uint16_t zero, sink, temp; /* indexes of the engine cells */
  uint32_t pool_first, pool_count;
  int32_t *pool;             /* constants of cells pool_first.. */
  uint16_t *cost;            /* [count]: cost of the row on its first op; NULL:
                                the same as its cycles, everywhere */
  uint32_t cost_min;         /* least cost of an instruction it may run */
  bool all_offsets;          /* every pc is lowered (dynamic flow) */
  bool ticks;                /* tick ops are in; without them an engine counts
                                down itself when a tick cell begins > 0 */
  bool opaque;               /* reaches a row without meaning */
  bool stack;                /* uses the stack */
};

/*
 * Lowers every instruction that control can reach (every offset of the code
 * when a target is dynamic). Malformed programs lower to their faults.
 * Returns 0 and a new program, or -1 with err filled. Thread-safe.
 */
int fir_lower(const struct fisa_program *p, struct fir_program **out,
              struct fisa_error *err);
void fir_free(struct fir_program *p);

/* As fir_lower, for runs that may also begin at `pc` (at p->entry: the same).
 * A pc that no run reaches from entry or pc is not lowered; see at[]. */
int fir_lower_from(const struct fisa_program *p, uint32_t pc,
                   struct fir_program **out, struct fisa_error *err);

/* As fir_lower, for runs that begin at any of `count` places, and at p->entry
 * if that is one of them. */
int fir_lower_places(const struct fisa_program *p, const uint32_t *pc,
                     uint32_t count, struct fir_program **out,
                     struct fisa_error *err);

/* Name of an op for dumps; a one-line dump of an op. */
const char *fir_op_name(unsigned op);
/* The words for an op that an engine has nothing for: its name, or number. */
void fir_unknown_op(unsigned op, char *out, size_t capacity);
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
}; /* no io, or no such function: nothing to take; outputs go nowhere */

struct fir_limits {
  uint64_t fuel;       /* instructions, tested before fetch */
  bool stop_at_yield;  /* stop at task boundaries (yield rows, the program's
                          boundary); false: exec semantics */
};

struct fir_result {
  uint64_t instructions;
  uint64_t cost;       /* sum of the rows' cost */
  bool starved;        /* an io call ended the run */
};

/*
 * The `ir` engine: one lane. Runs from s->pc until halt, end, fault, fuel or
 * boundary and leaves the final state in *s. All accesses are checked.
 * Allocates nothing once the lane has been used for a program of that size;
 * out of memory, or a pc that is not lowered, ends the run before its first
 * instruction as a starved one does.
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
