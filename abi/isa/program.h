/*
 * isa/program.h - a program: immutable bytes, dialect, entry, manifest; its
 * decoding, control flow and liveness facts, and the verifier.
 */
#ifndef FLUX_ISA_PROGRAM_H
#define FLUX_ISA_PROGRAM_H

#include "isa/dialect.h"

/* ---- manifest ----------------------------------------------------------- */

enum fisa_cells_kind {
  FISA_CELLS_FILE,   /* cells first..first+count-1 of a state (a register,
                        a flag, a single cell) */
  FISA_CELLS_MEM,    /* memory bytes first..first+count-1 */
  FISA_CELLS_STACK   /* in: count live cells on top; out: all live cells */
};

struct fisa_cells {
  uint8_t kind;      /* enum fisa_cells_kind */
  uint32_t first, count;
  int32_t lo, hi;    /* range of each cell's value (.in), inclusive; any
                        value: all of int32, 0..255 for memory, 0..1 for a
                        flag. Floats have no other range than any */
};

enum fisa_boundary_kind {
  FISA_BOUNDARY_DEFAULT, /* HALT and rows of role yield */
  FISA_BOUNDARY_OUT,     /* after an output on a channel */
  FISA_BOUNDARY_PC       /* before the instruction at pc */
};

struct fisa_boundary {
  uint8_t kind;        /* enum fisa_boundary_kind */
  uint16_t channel;    /* OUT: index among the dialect's channels */
  uint32_t pc;         /* PC */
};

#define FISA_MAX_CLAUSES 64

/* What `.in .out .scratch .boundary .data` said. Owned by its program. */
struct fisa_manifest {
  uint32_t in_count, out_count, scratch_count;
  bool out_none;       /* `.out none` */
  struct fisa_cells in[FISA_MAX_CLAUSES];
  struct fisa_cells out[FISA_MAX_CLAUSES];
  struct fisa_cells scratch[FISA_MAX_CLAUSES];
  struct fisa_boundary boundary;
  uint32_t data_size;  /* bytes of `data`; 0: no .data */
  uint32_t data_first; /* address of data[0] */
  uint8_t *data;       /* one run from the lowest to the highest byte laid */
  uint8_t *data_mask;  /* 1 where a directive laid the byte */
  uint32_t watched;    /* the source of the confidence signal as a cell + 1,
                          live everywhere; 0: none. Not a directive: see
                          fisa_program_watch */
};

struct fisa_label {
  char *name;
  uint32_t pc;
};

struct fisa_program {
  const struct fisa_dialect *dialect; /* not owned; outlives the program */
  uint8_t *code;
  uint32_t size;
  uint32_t entry;
  struct fisa_manifest manifest;
  uint32_t label_count;
  struct fisa_label *labels;  /* of the assembly text, ascending pc */
  uint8_t hash[32];           /* of dialect hash, entry, code and manifest */
};

/*
 * Makes a program of raw bytes with an empty manifest (everything is an
 * input of its initial value, default observables). Copies code. Returns 0,
 * or -1 with err filled (empty, over FISA_MAX_CODE).
 */
int fisa_program_from_bytes(const struct fisa_dialect *d, const uint8_t *code,
                            size_t size, struct fisa_program **out,
                            struct fisa_error *err);

/*
 * A copy of `p` with other code bytes and entry: manifest kept (a pc boundary
 * moves to `boundary_pc`), labels dropped. NULL only when out of memory.
 */
struct fisa_program *fisa_program_derive(const struct fisa_program *p,
                                         const uint8_t *code, size_t size,
                                         uint32_t entry, uint32_t boundary_pc);

/*
 * Makes a cell the source of the confidence signal: an observable at every
 * boundary, whatever .out names. Returns 0, or -1 with err (no such cell, no
 * room for one more clause).
 */
int fisa_program_watch(struct fisa_program *p, uint32_t cell,
                       struct fisa_error *err);

void fisa_program_free(struct fisa_program *p);  /* NULL is fine */

/* ---- decoding ----------------------------------------------------------- */

enum fisa_decode_status {
  FISA_DECODED,
  FISA_DECODE_END,        /* pc is at or past the end */
  FISA_DECODE_UNKNOWN,    /* undefined opcode */
  FISA_DECODE_TRUNCATED,  /* the VM's bounds check fails: fault truncated */
  FISA_DECODE_PAST        /* check passes but the instruction ends outside */
};

#define FISA_NO_TARGET INT64_MIN

/* One instruction. */
struct fisa_insn {
  const struct fisa_row *row;  /* the 256-entry table's row, never NULL
                                  unless status is END */
  uint32_t pc;
  uint32_t length;             /* bytes advanced */
  int32_t value[FISA_MAX_OPERANDS]; /* register bytes 0..255, immediates */
  int64_t target;              /* static target address, may be negative or
                                  past the end; FISA_NO_TARGET: dynamic or
                                  none. CALL through a register byte that is
                                  not the zero register is dynamic */
};

enum fisa_decode_status fisa_decode(const struct fisa_dialect *d,
                                    const uint8_t *code, uint32_t size,
                                    uint32_t pc, struct fisa_insn *out);

/* The file that the register of a held target is of: its row's target_reg is
 * an operand, which reaches one file alone. */
unsigned fisa_operand_file(const struct fisa_operand *op);

/* Where a jump goes but for its register, whose value is to be added: the
 * place a relative one counts from, and its immediate operand. */
uint32_t fisa_target_base(const struct fisa_insn *in);

/*
 * Writes an instruction's bytes from row and operand values; the target, for
 * rows with a static target, is taken from in->target, in->pc being its
 * address. Returns the length, or -1 if a value does not fit.
 */
int fisa_encode(const struct fisa_insn *in, uint8_t out[8]);

/* ---- effects and facts -------------------------------------------------- */

#define FISA_SET_WORDS 8  /* room for 512 cells that are not stack cells */

/* A set of cells (stack cells are not in it: they are one thing, `stack`). */
struct fisa_set {
  uint64_t w[FISA_SET_WORDS];
};

/* What one instruction does, from its template; opaque rows: everything. */
struct fisa_effects {
  struct fisa_set reads;   /* cells whose value matters */
  struct fisa_set kills;   /* cells surely overwritten */
  struct fisa_set writes;  /* cells possibly written (kills included) */
  bool mem_read, mem_write, stack_read, stack_write;
  bool input, output;      /* takes from or gives to the outside */
  bool may_fault;          /* can end in a fault (lethal included) */
  bool pinned;             /* keep, sensitive, opaque: may not be edited */
};

void fisa_effects(const struct fisa_dialect *d, const struct fisa_insn *in,
                  struct fisa_effects *out);

/* The cell a register byte reaches for reading in a file, or -1 for the zero
 * register; likewise for writing (-1: discarded). */
int fisa_reg_cell(const struct fisa_dialect *d, unsigned file, int32_t raw);

/* Whether a register byte lies past the end of a file that is checked. */
bool fisa_past_file(const struct fisa_dialect *d, const struct fisa_insn *in);

/* Facts about the instructions reached from the entry. Immutable. */
struct fisa_facts {
  uint32_t count;           /* instructions reached, ascending pc */
  struct fisa_insn *insn;
  uint32_t *index;          /* [code size + 1]: pc -> instruction, or ~0u */
  uint8_t *is_head;         /* [count]: first instruction of a basic block */
  struct fisa_set *live_in; /* [count]: live before, given the observables */
  struct fisa_depth {
    int32_t lo, hi;
  } *depth;                 /* [count]: live stack cells before; what is not
                               known is 0 to the size of the stack */
  bool has_dynamic;         /* a jump or call through a register */
  bool has_call;            /* CALL or RET rows are reached */
  bool layout_frozen;       /* code addresses may be observed or computed
                               with: only edits that keep every address */
  bool count_frozen;        /* cycle counts may be observed */
  bool has_boundary;        /* HALT, a yield row, or the named point */
  char frozen_reason[96];
};

/*
 * Computes the facts. `malformed` parts (undefined, truncated, jumps into an
 * instruction) are left to the verifier: such instructions are listed with
 * their row, and end their block. Returns 0, or -1 (memory).
 */
int fisa_facts_make(const struct fisa_program *p, struct fisa_facts **out,
                    struct fisa_error *err);
void fisa_facts_free(struct fisa_facts *f);

/* Cells observable at a task boundary of this program (manifest or default:
 * all register files, confidence; no flags). */
void fisa_observed_cells(const struct fisa_program *p, struct fisa_set *out);

/*
 * `.scratch` is memory whose contents do not matter once a task is over. A
 * byte of it that a task of an agent that continues may read, at an address
 * that is written in the program, before it surely stored to it does matter.
 * Whether there is such a byte: 1, 0, -1 (memory).
 */
int fisa_scratch_lives(const struct fisa_program *p,
                       const struct fisa_facts *f);
/* Takes such bytes out of the program's clauses, which gives it another hash.
 * Returns 0, or -1 with err (memory). */
int fisa_program_settle_scratch(struct fisa_program *p,
                                struct fisa_error *err);

/* ---- verifier ----------------------------------------------------------- */

enum fisa_verdict {
  FISA_OK,
  FISA_BAD_EMPTY, FISA_BAD_SIZE, FISA_BAD_OPCODE, FISA_BAD_TRUNCATED,
  FISA_BAD_OPERAND,       /* a register byte or value out of range */
  FISA_BAD_TARGET,        /* jump outside the code */
  FISA_BAD_OVERLAP,       /* jump into an instruction */
  FISA_BAD_FALL_OFF,      /* control can run off the end */
  FISA_BAD_STACK_LOW, FISA_BAD_STACK_HIGH,  /* underflow, overflow for sure */
  FISA_BAD_CALL,          /* RET without CALL, unmatched frames */
  FISA_BAD_LOOP,          /* a cycle that is no natural loop */
  FISA_BAD_ENDLESS,       /* a loop whose exit can never be taken, without a
                             task boundary on every path round it */
  FISA_BAD_BOUNDARY,      /* no task boundary can be reached */
  FISA_BAD_OBSERVABLE,    /* `.out none` in a program without outputs */
  FISA_BAD_LETHAL,        /* newly reaches a lethal input */
  FISA_BAD_FROZEN,        /* moves code that may not move */
  FISA_VERDICT_COUNT
};

struct fisa_finding {
  uint32_t pc;
  enum fisa_verdict verdict;
  char text[120];         /* the reason, without pc */
};

/*
 * Full verification of a program by itself. Writes at most `capacity`
 * findings, ascending pc, and returns how many there are in all (0: ok), or
 * -1 when out of memory. Thread-safe; no global state.
 */
int fisa_verify(const struct fisa_program *p, struct fisa_finding *out,
                int capacity);

/*
 * Verification relative to a parent: findings that stand unchanged in the
 * parent (same verdict on the same instruction bytes) are allowed. Lethal
 * rows of the child must be matched by the parent's same instruction with
 * equal operands, or be unreachable by value ranges. `scratch` keeps buffers
 * between calls of one thread (NULL: none); see fisa_verify_scratch_new.
 */
struct fisa_verify_scratch;
struct fisa_verify_scratch *fisa_verify_scratch_new(void);
void fisa_verify_scratch_free(struct fisa_verify_scratch *s);
int fisa_verify_child(const struct fisa_program *child,
                      const struct fisa_program *parent,
                      struct fisa_verify_scratch *scratch,
                      struct fisa_finding *out, int capacity);

const char *fisa_verdict_name(enum fisa_verdict v);

#endif /* FLUX_ISA_PROGRAM_H */
