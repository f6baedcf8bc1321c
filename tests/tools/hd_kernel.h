/*
 * tests/tools/hd_kernel.h - rows of a dialect as functions of columns.
 *
 * A column holds one value for each of many tests. A kernel is one row with
 * its immediates: the IR ops that the row lowers to, run on columns by the
 * one table of gpu/semantics.h. So an enumeration of programs knows no row.
 */
#ifndef FLUX_TESTS_HD_KERNEL_H
#define FLUX_TESTS_HD_KERNEL_H

#include "isa/program.h"

enum {
  HD_CHUNK = 8,          /* tests that are computed at once */
  HD_STEPS = 16,         /* IR ops of a row */
  HD_PLACES = 40,        /* operands, constants and results of a row */
  HD_KERNELS = 1024,
  HD_NOWHERE = 255
};

/* The three registers a row may name, and so the first three places. */
enum { HD_D, HD_A, HD_B, HD_REGS };

struct hd_step {
  uint16_t op;
  uint8_t d, a, b, c, old;  /* places; old: d before it is written */
  int32_t imm;
};

struct hd_kernel {
  struct fisa_insn insn;    /* registers to be filled in */
  uint8_t operand[HD_REGS]; /* operand of the row, or HD_NOWHERE */
  bool reads[HD_REGS];
  uint8_t writes[HD_REGS];  /* the place of the new value, or HD_NOWHERE */
  bool commutes;            /* A and B may change places */
  unsigned places, steps;
  bool is_constant[HD_PLACES];
  int32_t constant[HD_PLACES][HD_CHUNK];  /* of the places that are constants */
  struct hd_step step[HD_STEPS];
};

struct hd_kernels {
  struct fisa_dialect *dialect;
  uint32_t count;
  struct hd_kernel k[HD_KERNELS];
};

/*
 * All rows that compute in the registers of file R alone and go on to the
 * next row, once for each of the constants where they take an immediate.
 * `only` is a list of mnemonics with blanks, or NULL: all. Rows that lower to
 * the same ops as one before are left out. Exits where memory is out.
 */
struct hd_kernels *hd_kernels_new(const char *only, const int32_t *constants,
                                  unsigned count);
void hd_kernels_free(struct hd_kernels *ks);

/*
 * Runs a kernel on one chunk. in[] are the registers' values (those not read
 * may be NULL), out[] the values of those written. False: a fault.
 */
bool hd_kernel_run(const struct hd_kernel *k, const int32_t *const in[HD_REGS],
                   int32_t out[HD_REGS][HD_CHUNK]);

#endif /* FLUX_TESTS_HD_KERNEL_H */
