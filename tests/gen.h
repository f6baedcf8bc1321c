/*
 * tests/gen.h - random programs and states for any dialect.
 *
 * The generator knows rows by what their templates and columns say and never
 * by name: which load a constant, which branch and on what, which call and
 * return, which guard what, which take from a stack and put there. Program
 * `number` of a seed is always the same.
 */
#ifndef FLUX_TESTS_GEN_H
#define FLUX_TESTS_GEN_H

#include "isa/state.h"

/* Some rows of a dialect, by opcode. */
struct gen_rows {
  unsigned count;
  uint8_t opcode[256];
};

/* What a branch looks at. */
enum gen_looks {
  GEN_LOOKS_AT_REGISTER, GEN_LOOKS_AT_FLAGS, GEN_LOOKS_AT_STACK
};

/* The rows of a dialect by what they are good for. Opcodes that there need
 * not be are -1 then. */
struct gen_table {
  const struct fisa_dialect *d;
  struct gen_rows plain;   /* go on behind themselves */
  struct gen_rows jump;    /* always, to a static target */
  struct gen_rows jump_reg; /* always, to an address in a register */
  struct gen_rows cond;    /* branches to a static target */
  struct gen_rows cond_reg; /* branches by an offset in a register */
  struct gen_rows call;    /* push a link */
  struct gen_rows link;    /* jump, and keep the link in a register */
  struct gen_rows ret;
  struct gen_rows stop;    /* halt, trap, or fault always */
  struct gen_rows test;    /* plain, and set flags that branches look at */
  struct gen_rows any;     /* all of them: rows with a meaning */

  /* Machines with registers. */
  int load;                /* loads an immediate */
  int less;                /* takes one off a register */
  int push;                /* pushes a register, or else anything */
  int to_float;            /* makes a float of an int */
  unsigned file;           /* the register file that `load` fills */
  bool zero;               /* its register 0 is the constant */
  int32_t common;          /* rows use registers below this one mostly */
  int32_t counter;         /* the first for counters of loops, by depth */
  int32_t target;          /* the first for offsets and addresses, by depth */
  int32_t links;           /* the one for links */

  /* Machines that calculate on their stack. */
  bool on_stack;
  int number;              /* pushes an immediate */
  int pop;                 /* drops a cell, and that is all */
  int dup;                 /* pushes the top once more */
  int dec;                 /* takes one off the top */
  int sub;                 /* takes the top off the cell below it */
  int fetch, keep;         /* memory at an immediate to the stack, and back */
  uint8_t need[256];       /* cells that a row looks at or takes */
  uint8_t takes[256], gives[256]; /* cells that it pops, then pushes */

  uint32_t floats;         /* bit f: file f of integers holds floats as well */

  /* The cell that points into a region of memory; file_count: none. */
  uint32_t pointer;
  uint32_t region, region_size;
  int32_t limit;           /* size of one that registers point into, or 0 */
};

void gen_table_init(struct gen_table *t, const struct fisa_dialect *d);

enum gen_looks gen_looks_at(const struct fisa_row *row);

/* Whether a row pushes a link: it is called through the stack. */
bool gen_pushes_link(const struct fisa_row *row);

/* A program that is well-formed but for lethal inputs it may meet: loops are
 * bounded as far as their counters are left alone. NULL: out of memory. */
struct fisa_program *gen_program(const struct gen_table *t, uint64_t seed,
                                 uint64_t number);

/* Bytes without plan: any, or known opcodes with any operands. */
struct fisa_program *gen_noise(const struct gen_table *t, uint64_t seed,
                               uint64_t number);

/* Gives one program in eight a boundary at a pc, and one in eight, where the
 * dialect has channels, one behind an output; by its number. */
void gen_boundary(const struct gen_table *t, struct fisa_program *p,
                  uint64_t number);

/* Makes *s a begin: pc at the entry, cells and some memory filled. */
void gen_begin(const struct gen_table *t, const struct fisa_program *p,
               uint64_t seed, uint64_t number, struct fisa_state *s);

/* The i-th value from outside of a run: small as often as not. */
int32_t gen_input(uint64_t seed, uint64_t number, uint32_t i);

/* What a run saw of the outside, which gives it those values. */
struct gen_outside {
  uint64_t seed, number;
  uint32_t taken;
  struct fisa_trace trace;
};

/* Callbacks of the VMs, and of the ir engine, whose user is one of these. */
int32_t gen_take(uint16_t source, const int32_t *arg, unsigned argc,
                 void *user);
void gen_give(uint16_t channel, const int32_t *arg, unsigned argc,
              void *user);
int gen_ir_take(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user);
int gen_ir_give(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user);

/* splitmix64; the state of a stream of a program's own */
uint64_t gen_random(uint64_t *state);
uint32_t gen_below(uint64_t *state, uint32_t n);
uint64_t gen_stream(uint64_t seed, uint64_t number, uint64_t which);

/* A number that tells: an edge, small, or any. */
int32_t gen_telling(uint64_t *r);

#endif /* FLUX_TESTS_GEN_H */
