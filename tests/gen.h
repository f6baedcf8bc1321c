/*
 * tests/gen.h - random programs and states for any dialect.
 *
 * The generator knows rows by what their templates and columns say and never
 * by name: which load a constant, which branch, which call and return, which
 * guard what. Program `number` of a seed is always the same.
 */
#ifndef FLUX_TESTS_GEN_H
#define FLUX_TESTS_GEN_H

#include "isa/state.h"

/* Some rows of a dialect, by opcode. */
struct gen_rows {
  unsigned count;
  uint8_t opcode[256];
};

/* The rows of a dialect by what they are good for. */
struct gen_table {
  const struct fisa_dialect *d;
  struct gen_rows plain;   /* go on behind themselves */
  struct gen_rows jump;    /* always, to a static target */
  struct gen_rows cond;    /* branches to a static target */
  struct gen_rows cond_reg; /* branches by an offset in a register */
  struct gen_rows call;    /* push a link */
  struct gen_rows link;    /* jump, and keep the link in a register */
  struct gen_rows ret;
  struct gen_rows stop;    /* halt or trap */
  struct gen_rows any;     /* all of them: rows with a meaning */
  int load;                /* opcode that loads an immediate, or -1 */
  int less;                /* opcode that takes one off a register, or -1 */
  int push;                /* opcode that pushes a register, or -1 */
  int to_float;            /* opcode that makes a float of an int, or -1 */
  unsigned file;           /* the register file that `load` fills */
};

void gen_table_init(struct gen_table *t, const struct fisa_dialect *d);

/* A program that is well-formed but for lethal inputs it may meet: loops are
 * bounded as far as their counters are left alone. NULL: out of memory. */
struct fisa_program *gen_program(const struct gen_table *t, uint64_t seed,
                                 uint64_t number);

/* Bytes without plan: any, or known opcodes with any operands. */
struct fisa_program *gen_noise(const struct gen_table *t, uint64_t seed,
                               uint64_t number);

/* Makes *s a begin: pc at the entry, cells and some memory filled. */
void gen_begin(const struct gen_table *t, const struct fisa_program *p,
               uint64_t seed, uint64_t number, struct fisa_state *s);

/* The i-th value from outside of a run: small as often as not. */
int32_t gen_input(uint64_t seed, uint64_t number, uint32_t i);

/* splitmix64 */
uint64_t gen_random(uint64_t *state);
uint32_t gen_below(uint64_t *state, uint32_t n);

#endif /* FLUX_TESTS_GEN_H */
