/*
 * gpu/kernel.h - what the host and the CUDA kernel say to each other.
 *
 * Fixed-size numbers only: no pointers, no bool, no enum in a struct, so that
 * host and device, 32 and 64 bits, C and CUDA agree on every byte. A buffer
 * is one run of bytes; what is in it is found by offsets from its begin, all
 * multiples of 16 at the begin of an array. gpu/flat.h makes these bytes,
 * gpu/kernel_body.h reads them.
 *
 * A launch does jobs: a job is one program on lanes first..first + count - 1
 * of one batch, by one block of threads, a thread a lane; more lanes than
 * threads are done in waves, and a wave that holds a lane that ends the job is
 * the last. Blocks take jobs in strides of the grid, so a launch has no more
 * blocks than the scratch memory it was given allows, and any number of jobs.
 *
 * A block copies the records of its program to shared memory. Those of a
 * program that is too long for that are far: they are read where they lie, by
 * a kernel of its own, since it knows an address more. A launch has programs
 * of one kind.
 */
#ifndef FLUX_GPU_KERNEL_H
#define FLUX_GPU_KERNEL_H

#include <stdint.h>

#include "gpu/ir.h"

#define FKN_NAME "flux_trial"    /* the kernel, as a module names it, */
#define FKN_NAME_FAR "flux_trial_far" /* and for programs that are far */
#define FKN_VERSION 3u           /* of these structures */

#define FKN_WARP 32u
#define FKN_THREADS_MOST 128u    /* of a block; 128, 64 or 32 */
#define FKN_SHARED_MOST 49152u   /* bytes of shared memory of a block: what
                                    every device gives without being asked */
#define FKN_SHARED_FIXED 64u     /* of these, the kernel's own */
#define FKN_OWN_SLOTS 6u         /* of a lane, the kernel's own */
#define FKN_MEMORY_MOST (1u << 20) /* bytes of a state's memory */
#define FKN_COLUMNS_MOST 32768u  /* columns of a batch */
#define FKN_NONE 0xFFFFFFFFu

/* ---- programs ----------------------------------------------------------- */

/*
 * A record: one op. `op` is one of flux/semops.h or gpu/ir.h, or FKN_HEAD. In
 * a program d a b c e are slots; a block that copies them to shared memory
 * makes of them where the slots are; in a far program the host did. Records
 * are told apart by where they are in shared memory, or would be:
 * FKN_SHARED_FIXED, and FKN_RECORD_BYTES more each.
 */
struct fkn_record {
  uint32_t op, d, a, b;
  int32_t x;             /* imm; the fault of an op that may stop; the record
                            of a target; the pc that stays of a boundary; the
                            cycles of the block behind CYCLE; where in the
                            program the payload of EMIT_PAYLOAD is */
  uint32_t c;
  uint32_t e;            /* the slot that ADD_SIGNS names by its imm */
  uint32_t n;            /* how many: what b of CONVERGE, c of DIFFUSE and of
                            G_STACK_FEW say; the channel of EMIT_PAYLOAD;
                            FAULT: 1 if it has no cycles */
};
#define FKN_RECORD_BYTES 32u

/* The op number of a head: a block of ops that are all run begins. Laid over a
 * record, it says what the block asks for. */
#define FKN_HEAD FIR_OP_COUNT
struct fkn_head {
  uint32_t op;
  uint32_t asks;         /* fuel */
  uint32_t cost, cycles; /* of the whole block */
  uint32_t dues;         /* first of the block's costs in the table of dues */
  uint32_t reserved[3];
};

/* What a block has asked for and cost when it stops in a record of it. */
struct fkn_sum {
  uint32_t asks, cost;   /* the record included */
};

/* How slot i begins. */
struct fkn_slot {
  uint16_t kind, cell;   /* enum fpk_slot_kind; a CELL that need not be loaded
                            is a WORK here */
  int32_t value;
};

struct fkn_written { uint16_t slot, cell; };

/* A payload: how many outputs, and these as events without a value. */
struct fkn_payload {
  uint32_t count, reserved[3];
};

enum fkn_program_flags {
  FKN_MEMORY = 1,        /* reaches memory */
  FKN_STORES = 2,        /* writes it */
  FKN_STACK = 4,         /* has a data stack */
  FKN_APART = 8,         /* and one of links that is another */
  FKN_WHOLE = 16,        /* cells of a stack above its live ones may come
                            alive: all are laid */
  FKN_ANYWHERE = 32      /* has targets that only a run knows */
};

/* A program for one batch, at the begin of its bytes. */
struct fkn_program {
  uint32_t bytes;        /* of all */
  uint32_t flags;
  uint32_t record_count, slot_count, written_count;
  uint32_t records;      /* offsets: struct fkn_record [record_count] */
  uint32_t sums;         /* struct fkn_sum [record_count] */
  uint32_t dues;         /* uint32_t: cost of a block up to what asks for the
                            n-th time, without it */
  uint32_t slots;        /* struct fkn_slot [slot_count] */
  uint32_t written;      /* struct fkn_written [written_count]: slots of cells
                            of the state that the program may write */
  uint32_t slot_of;      /* uint16_t [cells]: slot of a cell it may write, or
                            0xFFFF */
  uint32_t at;           /* uint32_t [code_size]: record of a pc, or NONE;
                            there if ANYWHERE is */
  uint32_t starts;       /* uint32_t [begin_count]: record, or NONE */
  uint32_t stops;        /* uint32_t [end_count]: pc, or NONE */
  uint32_t code_size;
  /* Stacks: cells, slot of the index, whether it grows down. `calls` is the
   * data stack again where links are not APART. */
  uint32_t data_first, data_count, data_sp, data_down;
  uint32_t calls_first, calls_count, calls_sp;
  uint32_t calls_at;     /* where its cells are in scratch memory, in cells */
  uint32_t payloads;     /* struct fkn_payload, each with its events */
  uint32_t places;       /* uint32_t: record of each op; the host's own */
};

/* ---- batches ------------------------------------------------------------ */

/* Lane l of column c is the int32_t at columns + (c * width + l) * 4. A batch
 * may be a part of the host's, whose lanes are counted from 0 here. */
struct fkn_word { uint32_t word, begin, end; };

/* An event that crossed: its name and the number of its arguments. */
struct fkn_event {
  uint16_t name, argc;
  int32_t arg[3];
  int32_t value;
  int32_t reserved[3];
};

/* What is looked at at one kind of end. */
struct fkn_view {
  uint32_t seen;         /* offset: uint8_t [cells]: 0 no, 1 yes, 2 a float */
  uint32_t changed;      /* offset: uint16_t [changed_count]: cells seen that
                            did not end as they began in all lanes */
  uint32_t changed_count;
  uint32_t stack;        /* 0, 1: the data stack, 2: as floats */
  uint32_t bytes;        /* offset: uint8_t [words of memory]: bit i: byte i of
                            the word is seen; 0: no memory is */
  uint32_t reserved[3];
};

/* A lane, and what the root did on it. */
struct fkn_lane {
  uint32_t at, stop;     /* indexes into starts and stops of a program */
  uint32_t looks;        /* index into views */
  int32_t status, fault;
  uint32_t fuel, cycles, counts; /* counts: 0 or 1 */
  uint32_t in, in_count, out, out_count;
};
#define FKN_LANE_WORDS 12u

struct fkn_batch {
  uint32_t bytes;
  uint32_t width;        /* values of a column */
  uint32_t lanes, cell_count, column_count, view_count, word_count;
  uint32_t memory;       /* bytes - 1; 0: none */
  uint32_t columns, uniform, begin, end; /* offsets; the last three [cells] */
  uint32_t word_at;      /* uint16_t [words of memory]: entry + 1, or 0 */
  uint32_t words;        /* struct fkn_word [word_count] */
  uint32_t turned;       /* uint32_t [turned_count]: entries that did not end
                            as they began */
  uint32_t turned_count;
  uint32_t views;        /* struct fkn_view [view_count] */
  uint32_t lane;         /* struct fkn_lane as FKN_LANE_WORDS columns */
  uint32_t events;       /* struct fkn_event [event_count] */
  uint32_t stack_first, stack_count, stack_sp; /* of the dialect: cells */
  uint32_t stack_down;
};

/* ---- launches ----------------------------------------------------------- */

struct fkn_job {
  uint64_t bound;        /* cost that may not be exceeded */
  uint32_t program;      /* offset in the programs' buffer */
  uint32_t first, count; /* lanes */
  uint32_t costs;        /* index of the first lane's cost in `costs`; NONE */
};

/* What a lane that was run to its end cost, if it counts, and did. */
struct fkn_cost {
  uint64_t cost, instructions;
};

enum fkn_why {
  FKN_GOOD,              /* all lanes */
  FKN_WRONG,             /* lane `good` is */
  FKN_DEAR,              /* by the end of lane `good` the cost is above bound */
  FKN_NOT_RUN            /* lane `good` needs more overlay than there is: run
                            the job elsewhere */
};

/* What came of lanes first..first + count - 1 of a job, in their order. */
struct fkn_result {
  uint32_t good;         /* lanes before the one that ended it */
  uint32_t why;
  uint64_t cost;         /* of the good lanes that count */
  uint64_t instructions; /* of the good lanes */
  uint64_t last;         /* cost of the lane that ended it, if it counts */
};

/*
 * The one parameter of the kernel, by value. Addresses are the device's. A
 * launch is one-dimensional: `grid` blocks of `threads`, with
 * fkn_shared_bytes() of dynamic shared memory.
 */
struct fkn_launch {
  uint64_t jobs;         /* struct fkn_job [job_count] */
  uint64_t programs, batch;
  uint64_t results;      /* struct fkn_result [job_count] */
  uint64_t costs;        /* struct fkn_cost, a lane each; those behind the one
                            that ended a job are 0; or no address: 0 */
  uint64_t scratch;      /* fkn_scratch_bytes() a block; what is in it at the
                            begin does not matter */
  uint32_t job_count;
  uint32_t records, slots; /* most that any program of the launch has; far:
                              no records */
  uint32_t stack_cells;  /* most cells of stacks that any program has */
  uint32_t overlay_bits; /* an overlay has 1 << overlay_bits words, of which
                            three quarters are used; 0: no program stores */
  uint32_t far;          /* threads of a block that the programs' slots were
                            placed for; 0: they are not far */
};

/* Words of scratch memory that a thread needs. */
#define FKN_SCRATCH_WORDS(stack_cells, overlay_bits) \
  ((stack_cells) + ((overlay_bits) ? 3u << (overlay_bits) : 0u))

/* Bytes of shared memory of a block, and of scratch memory. */
static inline uint32_t fkn_shared_bytes(uint32_t records, uint32_t slots,
                                        uint32_t threads) {
  return FKN_SHARED_FIXED + records * FKN_RECORD_BYTES +
         (slots + FKN_OWN_SLOTS) * threads * 4u;
}

static inline uint64_t fkn_scratch_bytes(uint32_t stack_cells,
                                         uint32_t overlay_bits,
                                         uint32_t threads) {
  return (uint64_t)FKN_SCRATCH_WORDS(stack_cells, overlay_bits) * threads * 4u;
}

#endif /* FLUX_GPU_KERNEL_H */
