/*
 * gpu/pack.h - programs and episodes as the wide engines take them.
 *
 * The lanes (gpu/lanes.h) and the CUDA kernel run one program on many
 * episodes at once. Both read the same two things: a packed program, whose
 * operands are slots instead of cells, and batches of episodes, which hold
 * each cell as a column, an element a lane. A batch also holds what the root
 * came to, so an engine says of each lane whether it did the same.
 *
 * Nothing here runs anything, and everything is immutable to the engines.
 */
#ifndef FLUX_GPU_PACK_H
#define FLUX_GPU_PACK_H

#include "gpu/ir.h"

#define FPK_WIDTH 512u          /* lanes of a batch: elements of a column */
#define FPK_NONE UINT32_MAX
#define FPK_MAX_FUEL (1u << 30) /* of a lane */

/* ---- programs ----------------------------------------------------------- */

enum fpk_op_flags {
  FPK_HEAD = 1,     /* control may come here from elsewhere, or the op before
                       this one may send it elsewhere: a block begins */
  FPK_START = 2,    /* a run may begin here: slots that are loaded suffice */
  FPK_NO_D = 4,     /* SIGNS and the like: nobody looks at the result in d, */
  FPK_NO_C = 8,     /* the flag in c, the flag in imm any more. Other ops */
  FPK_NO_IMM = 16,  /* without a result that counts are left out, or NOPs */
  FPK_A_CONST = 32, /* the operand is a constant, the same in all lanes; */
  FPK_B_CONST = 64  /* only of FPK_CONSTANT_OPS */
};

/* Ops for which engines are expected to have forms with a constant in a or b,
 * or in both; X(ID). All others read constants from columns, too. */
#define FPK_CONSTANT_OPS(X) \
  X(MOV) X(ADD) X(SUB) X(MUL) X(AND) X(OR) X(XOR) X(SHL) X(SAR) X(MIN) X(MAX) \
  X(EQ) X(NE) X(LT) X(LE) X(GT) X(GE)

/*
 * One op: as fir_ins, which says what imm and target hold, but for this: d a
 * b c, and imm where it names a cell, are slots; a target is an index into
 * the packed ops. rows, cycles and cost are running sums over the program,
 * this op included, so that a straight run from head i up to and with op k
 * did op[k].rows - (op[i].rows - op[i].own_rows) instructions. An END, and a
 * FAULT without cycles, are no instruction although they ask for fuel.
 */
struct fpk_op {
  uint16_t op;
  uint16_t flags;
  uint16_t d, a, b, c;
  int32_t imm;
  uint32_t target;
  uint32_t row;         /* FIR_FIRST and the pc */
  uint32_t rows, cycles, cost;
  uint16_t own_rows, own_cycles, own_cost; /* of these, this op's */
  uint16_t reserved;
  uint32_t ir;          /* its index in the IR */
  uint32_t block;       /* times that this op and those behind it ask for fuel
                           before the next head */
};

/* Where the value of a slot comes from at begin. */
enum fpk_slot_kind {
  FPK_SLOT_CELL,   /* a state cell that the program may write */
  FPK_SLOT_READ,   /* a state cell that it only reads: used in place */
  FPK_SLOT_CONST,  /* `value`, never written */
  FPK_SLOT_WORK    /* 0 at begin: temporaries, and what swallows writes */
};

struct fpk_slot {
  uint16_t kind;
  uint16_t cell;   /* of CELL and READ: of the state; else of the engine */
  bool column;     /* CONST: an op without a form for it reads it */
  bool loaded;     /* CELL: from an op that has FPK_START some path reads it,
                      or ends, before it is written; else its value at begin
                      does not matter */
  int32_t value;
};

/* A stack: cells first.. of the state, which are no slots but a region of
 * their own, with its index cell in a slot. */
struct fpk_stack {
  uint16_t first, count;
  uint16_t sp;     /* slot of the index */
  bool down;
};

struct fpk_program {
  const struct fir_program *ir;  /* not owned; outlives this */
  uint32_t count;
  struct fpk_op *op;             /* [count] */
  uint32_t slot_count;
  struct fpk_slot *slot;         /* CELL and WORK, READ, CONST, in this order */
  uint32_t written_count;        /* that may be written: CELL and WORK */
  uint32_t read_end;             /* they and READ */
  uint32_t load_count;           /* slots that are filled at begin: CELL and */
  uint16_t *load;                /* WORK that are loaded, CONST in columns */
  uint16_t *slot_of;             /* [state cells]: slot of a cell, or
                                    UINT16_MAX: not touched */
  uint32_t *at;                  /* [ir->count]: where an op of the IR is; one
                                    that was left out: what stands behind */
  bool memory;                   /* has ops that reach memory */
  bool stores;                   /* has ops that write it */
  bool outside;                  /* takes or gives values */
  bool cycle;                    /* reads the cycle counter */
  bool stack;                    /* uses a stack or links */
  bool straight;                 /* one run from begin to end: no op leads
                                    elsewhere than to the next, but to stop */
  uint16_t most_cost;            /* of an op, those left out included: what it
                                    costs or its cycles */
  struct fpk_stack data, calls;  /* the same region where links are not apart:
                                    then calls.first == data.first */
  struct fpk_room *room;         /* private: buffers */
};

/*
 * Packs a lowered program. `ends` holds the cells that may be looked at where
 * a run stops; NULL: all of them. Writes whose value nobody sees are marked.
 * `out` is reused: zero-initialise it, and give it to fpk_program_done at
 * last. Returns 0; 1: this program is not for the wide engines, with the
 * reason in err; or -1, out of memory.
 */
int fpk_program_make(const struct fir_program *ir, const struct fisa_set *ends,
                     struct fpk_program *out, struct fisa_error *err);
void fpk_program_done(struct fpk_program *p);

/* Where runs that begin at some pcs of the program begin: op indexes, or
 * FPK_NONE where no run can. With ends == NULL they may begin anywhere. */
void fpk_places_start(const struct fpk_program *p, const uint32_t *pc,
                      uint32_t count, uint32_t *start);

/* ---- batches ------------------------------------------------------------ */

/* A column: FPK_WIDTH values, a lane each, 64-byte aligned. */
struct fpk_column {
  int32_t *v;
};

/* A word of memory, little-endian, that is not 0 in all lanes at begin and at
 * the root's end. Columns by number. */
struct fpk_word {
  uint32_t word;       /* address / 4 */
  uint32_t begin;      /* column, or FPK_NONE: 0 in all lanes */
  uint32_t end;        /* column of the root's end, or FPK_NONE: as begin */
};

/* Bytes of memory. */
struct fpk_range {
  uint32_t first, count;
};

/* Cells that are looked at at one kind of end, and how. */
struct fpk_view {
  uint32_t cell_count;
  uint16_t *cell;      /* [cell_count] */
  uint8_t *is_float;   /* [cell_count]: a NaN equals a NaN */
  bool stack;          /* depth and live cells of the data stack */
  bool memory;         /* all memory but ranges; else the ranges alone */
  uint32_t range_count;
  struct fpk_range *range;
};

struct fpk_batch {
  const struct fisa_dialect *dialect;
  uint32_t lanes;            /* used: 0..lanes-1 */
  uint32_t column_count, column_capacity;
  uint32_t columns_made;     /* so many of `column` have memory, used or not */
  struct fpk_column *column;

  /* [cell count]: value of each cell at begin where `begin` is FPK_NONE; the
   * column at begin; that of the root's end, or FPK_NONE: as at begin. The
   * cells of stacks are among them. */
  int32_t *uniform;
  uint32_t *begin, *end;
  bool *mixed;           /* a block of cells has a column at begin */
  uint32_t ended_count;
  uint16_t *ended;       /* the cells with a column at end */
  uint32_t varying;          /* cells that have a column at begin */

  uint32_t word_count, word_capacity;
  struct fpk_word *word;     /* ascending */

  uint32_t view_count;
  const struct fpk_view **view; /* not owned */
  uint32_t begin_count, end_count;
  uint32_t *begin_pc, *end_pc; /* the pcs there are, of the root */

  /* [FPK_WIDTH], lane by lane */
  uint32_t *at;              /* index into begin_pc */
  uint32_t *stop;            /* index into end_pc; FPK_NONE: no yield */
  uint32_t *looks;           /* index into view */
  int32_t *status, *fault;   /* the root's */
  uint32_t *fuel;            /* of a variant: root's x 2 + 64 */
  uint32_t *cycles;          /* low word of the counter at begin */
  int32_t *counts;           /* -1: its cost counts, 0: it does not; */
  uint32_t counting;         /* it does of so many lanes */
  uint32_t *in, *in_count;   /* its inputs: event[in].. */
  uint32_t *out, *out_count; /* its outputs; value: inputs taken before */
  uint32_t event_count, event_capacity;
  struct fisa_event *event;

  uint32_t least_fuel, most_fuel; /* of a lane */
  uint32_t most_stored;      /* words of memory that the root stored to on a
                                lane, at most */
  bool alike;                /* all lanes end with the same status, fault and
                                pc, and nothing crosses the border */
  bool slow;                 /* a lane's fuel is above FPK_MAX_FUEL: only the
                                ir engine runs these */
  bool ticking;              /* a cell that counts down by itself begins above
                                0: only programs with tick ops run */
  uint64_t version;          /* changes with every lane added; never the same
                                for two batches of a process */
};

struct fpk_batch *fpk_batch_new(const struct fisa_dialect *d);
void fpk_batch_free(struct fpk_batch *b);
/* Makes a batch as it was when new; its memory stays for those to come. */
void fpk_batch_clear(struct fpk_batch *b);

/* One lane to be: how the root begins and ends, and what crossed the border. */
struct fpk_episode {
  const struct fisa_state *begin, *end;  /* end: memory by its dirty pages */
  const struct fisa_event *in, *out;
  uint32_t in_count, out_count;
  uint64_t fuel;                         /* of a variant */
  bool counts;
  const struct fpk_view *view;
};

/* Adds a lane to a batch that has room. Returns 0 or -1 (out of memory: the
 * batch is as it was). */
int fpk_batch_add(struct fpk_batch *b, const struct fpk_episode *e);

/* Lays lanes first..first+count-1 anew: lane first + i becomes what lane
 * first + from[i] was. Lanes side by side that run alike cost less. */
void fpk_batch_lay(struct fpk_batch *b, uint32_t first, uint32_t count,
                   const uint32_t *from);

/* Bytes a batch takes. */
size_t fpk_batch_bytes(const struct fpk_batch *b);

/* Entry of a word in b->word, or FPK_NONE. */
uint32_t fpk_batch_word(const struct fpk_batch *b, uint32_t word);

/* A word of a state's memory. */
int32_t fpk_state_word(const struct fisa_state *s, uint32_t word);

/* The bits of a word that a view looks at. */
uint32_t fpk_view_mask(const struct fpk_view *v, uint32_t word);

/* ---- verdicts ----------------------------------------------------------- */

/* How a variant's pcs relate to the root's boundaries, for one batch. */
struct fpk_places {
  const uint32_t *start;  /* [begin_count]: op index a lane begins at, or
                             FPK_NONE: no such place in the variant */
  const uint32_t *stop;   /* [end_count]: the variant's pc, or FPK_NONE */
};

/* What came of lanes first..first + count - 1, in their order. */
struct fpk_verdict {
  uint32_t good;          /* lanes before the first that was wrong or by whose
                             end the cost was above the bound */
  bool wrong, dear;       /* which of it; both false: all were good. A lane
                             that is both is dear */
  uint64_t cost;          /* of the good lanes that count */
  uint64_t instructions;  /* of the good lanes */
};

#endif /* FLUX_GPU_PACK_H */
