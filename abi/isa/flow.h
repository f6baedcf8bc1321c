/*
 * isa/flow.h - private to libfluxisa: where control can go in one program.
 *
 * Facts, liveness and the verifier all start from one walk over the code from
 * its entry. The walk follows every edge that an execution can take and keeps
 * for each instruction how deep the data stack is, counted from the entry of
 * the function that control is in. That depth is what makes RET an ordinary
 * edge: a RET at depth 0 of a function whose link nobody touched goes to
 * behind the calls of that function and nowhere else.
 *
 * What the walk cannot follow (a jump through a register with no single
 * constant behind it, a RET that may pop data) makes the graph `wild`: then
 * control may enter anywhere and only what is sure may be concluded.
 */
#ifndef FLUX_ISA_FLOW_H
#define FLUX_ISA_FLOW_H

#include "isa/program.h"

#define FISA__NONE UINT32_MAX
#define FISA__MIXED (UINT32_MAX - 1) /* reached within more than one function */

/* What a row's template says about flow and stack; made once a row. */
enum fisa__rowflag {
  FISA__ROW_READY = 1 << 0,
  FISA__ROW_CALL = 1 << 1, /* pushes a link and jumps */
  FISA__ROW_RET = 1 << 2,
  FISA__ROW_YIELD = 1 << 3,
  FISA__ROW_EMIT = 1 << 4,   /* may give something to the outside */
  FISA__ROW_CYCLE = 1 << 5,  /* reads the cycle counter */
  FISA__ROW_LINK = 1 << 6,   /* #next: makes a code address in a cell */
  FISA__ROW_STACK = 1 << 7,  /* changes the stack in a way not followed */
  FISA__ROW_COND = 1 << 8,   /* may or may not jump */
  FISA__ROW_JUMP = 1 << 9,   /* jumps or may jump (calls included) */
  FISA__ROW_FAULT = 1 << 10, /* has guards, DIV, TRAP, a register of a checked
                                file, or is opaque */
  FISA__ROW_STRIP = 1 << 11, /* sets a counter of the instructions behind */
  FISA__ROW_KEEP = 1 << 12,  /* as often in a child as in its parent */
  FISA__ROW_TESTS = 1 << 13, /* a RET that does not go on without a link */
  FISA__ROW_FULL = 1 << 14,  /* faults on a full data stack */
  FISA__ROW_LINKS = 1 << 15, /* changes links apart in a way not followed */
  FISA__ROW_NARROW = 1 << 16 /* not all that an operand can say is legal */
};

/* What a row does to the depth of the data stack: it becomes depth + push -
 * pop - soft; where cells are taken that need not be there (soft), no less
 * than `keep`. A link is not counted. */
struct fisa__rowinfo {
  uint32_t flags;    /* enum fisa__rowflag */
  uint8_t pop, push; /* cells */
  uint8_t soft;      /* pops that take what there is */
  uint8_t keep;      /* what there is behind the row at least */
  uint8_t need;      /* with fewer cells before it, it faults */
  uint8_t reach;     /* cells from the top that it looks at */
};

enum fisa__nodeflag {
  FISA__HEAD = 1 << 0,     /* first of a basic block */
  FISA__BOUNDARY = 1 << 1, /* passing it passes a task boundary */
  FISA__BROKEN = 1 << 2,   /* the link of the function may be gone */
  FISA__QUEUED = 1 << 3,
  FISA__OFF_END = 1 << 4,  /* control can run off the end behind it */
  FISA__BAD_JUMP = 1 << 5, /* its target lies outside the code */
  FISA__DYNAMIC = 1 << 6,  /* its target is not known */
  FISA__INSIDE = 1 << 7    /* starts inside another reached instruction */
};

/* One reached instruction. */
struct fisa__node {
  struct fisa_insn insn;
  int64_t to;        /* static or resolved target, or FISA_NO_TARGET */
  uint32_t next;     /* node behind: fall through, return site */
  uint32_t jump;     /* node of the target, callee of a call */
  uint32_t func;     /* function it is in, or FISA__MIXED */
  uint32_t entry_of; /* function it is the entry of */
  uint32_t call;     /* its call record */
  int16_t lo, hi;    /* stack cells above the function's entry, before */
  uint32_t row;      /* enum fisa__rowflag; 0 if it is not decoded */
  uint8_t pop, push, soft, keep, need, reach; /* as in its rowinfo */
  uint8_t status;    /* enum fisa_decode_status */
  uint8_t flags;     /* enum fisa__nodeflag */
  uint8_t visits;
};

struct fisa__call {
  uint32_t node; /* the CALL */
  uint32_t func; /* the function called */
  uint32_t more; /* next call of that function */
};

/* Function 0 is what starts at the program's entry. */
struct fisa__func {
  uint32_t entry; /* node */
  uint32_t calls; /* first call of it */
  int32_t lo, hi; /* live stack cells at its entry, its link included */
  bool returns;
  uint8_t bias; /* of its RET rows */
};

struct fisa__block {
  uint32_t first, last; /* nodes */
  uint32_t next, jump;  /* blocks */
};

/* A register-held target with one constant behind it. */
struct fisa__held {
  uint32_t pc;     /* of the jump */
  uint32_t def_pc; /* of the instruction that sets the register */
  int64_t target;
  bool given_up;
};

struct fisa__flow {
  const struct fisa_program *p;
  const struct fisa_dialect *d;
  struct fisa__node *node; /* ascending pc once built */
  uint32_t count, node_room;
  struct fisa__node *spare; /* the other half of renumbering */
  uint32_t spare_room;
  uint32_t *index; /* [size + 1]: pc -> node */
  uint32_t index_room;
  uint32_t *insn_at; /* where instructions begin, once a jump counts them */
  uint32_t insn_count, insn_room;
  uint32_t *work; /* nodes to visit; later scratch */
  uint32_t work_count, work_room;
  struct fisa__call *call;
  uint32_t call_count, call_room;
  struct fisa__func *func;
  uint32_t func_count, func_room;
  struct fisa__block *block;
  uint32_t block_count, block_room;
  uint32_t *block_of; /* node -> block */
  uint32_t block_of_room;
  struct fisa__held *held;
  uint32_t held_count, held_room;
  int32_t start_depth;    /* live stack cells at the entry */
  int32_t stack_size;     /* 0: no stack */
  bool links_apart;       /* calls do not use the data stack */
  uint32_t dynamic_count; /* rows with a register-held target */
  bool all_return;        /* a RET in shared code: any function */
  uint8_t all_bias;       /* its bias */
  bool wild;
  uint32_t wild_pc;
  const char *wild_why;
  bool failed; /* out of memory */
  /* Made on first need; kept while builds are of this dialect. */
  struct fisa__rowinfo info[256];
  const struct fisa_dialect *info_of;
  uint8_t info_hash[32]; /* demotion changes a dialect in its place */
};

/* Zero-initialise a flow; build as often as wanted; done once. */
int fisa__flow_build(struct fisa__flow *g, const struct fisa_program *p);
int fisa__flow_blocks(struct fisa__flow *g); /* after build */
void fisa__flow_done(struct fisa__flow *g);

/* One walk with the register-held targets of g->held; see held.c. */
int fisa__flow_trace(struct fisa__flow *g);
int fisa__held_resolve(struct fisa__flow *g);

/* Interval of live stack cells before a node; what is not known is
 * 0..size. */
struct fisa__depth {
  int32_t lo, hi;
};
void fisa__depth_solve(struct fisa__flow *g);
struct fisa__depth fisa__depth_at(const struct fisa__flow *g,
                                  const struct fisa__node *n);

/* Makes room for `need` items; contents are kept. 0, or -1: memory. */
int fisa__room_grow(void *array, uint32_t *room, uint32_t need, size_t item);

static inline int fisa__room(void *array, uint32_t *room, uint32_t need,
                             size_t item) {
  return need <= *room ? 0 : fisa__room_grow(array, room, need, item);
}

/* Cells live before each node, into live[nodes]; needs blocks and depth.
 * Returns 0, or -1: memory. */
int fisa__live_solve(struct fisa__flow *g, struct fisa_set *live);

/* Whether the live stack is an observable where the run ends. */
bool fisa__observes_stack(const struct fisa_program *p);

/* ---- effects.c ---------------------------------------------------------- */

/* Cell of a template operand when read or written: -1 for constants,
 * temporaries and the zero register. */
int fisa__ref_cell(const struct fisa_dialect *d, const struct fisa_insn *in,
                   const struct fisa_ref *ref);

/* Value of a template operand that is the same at every execution. */
bool fisa__ref_const(const struct fisa_dialect *d, const struct fisa_insn *in,
                     const struct fisa_ref *ref, int32_t *value);

/* Whether an instruction may write a cell. */
bool fisa__writes_cell(const struct fisa_dialect *d, const struct fisa_insn *in,
                       int cell);

/* In decode.c: where instructions begin, as a walk from the first byte finds
 * them; at[] has room for size + 1. Returns how many; behind them stands the
 * size. */
uint32_t fisa__insn_list(const struct fisa_dialect *d, const uint8_t *code,
                         uint32_t size, uint32_t *at);

/* Which of them an address is, the end being one more; -1: none. */
int64_t fisa__insn_number(const uint32_t *at, uint32_t count, uint32_t pc);

/* The target of a jump that counts them; -1: below the first, or from inside
 * another. */
int64_t fisa__insn_target(const uint32_t *at, uint32_t count,
                          const struct fisa_insn *in);

/* Whether a branch is taken by its operands alone: 1 always, 0 never,
 * -1 it depends. */
int fisa__branch_fixed(const struct fisa_dialect *d,
                       const struct fisa_insn *in);

/* Whether the op of a branch jumps on a condition value. */
bool fisa__branch_taken(unsigned op, int32_t value);

/* Bounds of an operand's value, for guards. */
struct fisa__range {
  int32_t lo, hi;
  bool nonzero;
};
typedef struct fisa__range (*fisa__range_of)(const struct fisa_insn *in,
                                             const struct fisa_ref *ref,
                                             const void *user);

enum fisa__guard_state {
  FISA__GUARD_NEVER,
  FISA__GUARD_MAYBE,
  FISA__GUARD_SURE
};

/* Where a guard finds the values it looks at. */
struct fisa__guard_view {
  const struct fisa_dialect *d;
  fisa__range_of range_of;
  const void *user;
};

/* Whether a lethal predicate can hold (the stack's: maybe). */
enum fisa__guard_state fisa__guard(const struct fisa__guard_view *v,
                                   const struct fisa_insn *in,
                                   const struct fisa_guard *g);

/* Ranges from constants alone; user is the dialect. */
struct fisa__range fisa__range_const(const struct fisa_insn *in,
                                     const struct fisa_ref *ref,
                                     const void *user);

static inline void fisa__set_add(struct fisa_set *s, uint32_t cell) {
  if (cell < FISA_SET_WORDS * 64)
    s->w[cell / 64] |= 1ull << (cell % 64);
}

static inline bool fisa__set_has(const struct fisa_set *s, uint32_t cell) {
  /* A cell without a bit is never known to be dead. */
  return cell >= FISA_SET_WORDS * 64 || (s->w[cell / 64] >> (cell % 64) & 1);
}

#endif /* FLUX_ISA_FLOW_H */
