/*
 * plugin/lexicon.h - a dialect's rows by meaning, and selection of a row for
 * a wanted operation. Private to the proposers.
 */
#ifndef FLUX_PLUGIN_LEXICON_H
#define FLUX_PLUGIN_LEXICON_H

#include "plugin/mutate.h"

/* How a row uses its register operands; one bit an operand. */
struct fse_usage {
  uint8_t reads, writes;
  uint8_t shared;         /* reaches more than one file, or past its mask:
                             never renamed */
  uint8_t file[FISA_MAX_OPERANDS];
};

/* A row whose first step is its meaning; further steps write flags only. */
struct fse_form {
  const struct fisa_row *row;
  const struct fisa_step *step;
};

struct fse_lexicon {
  const struct fisa_dialect *dialect;
  const struct fse_policy *policy;
  struct fse_usage usage[256];  /* by opcode */
  bool denied[256];
  bool usable[256];             /* new instructions may be made of the row */
  uint32_t form_count;
  struct fse_form form[256];
  const struct fisa_row *nop;   /* cheapest row of role nop, or NULL */
  uint64_t key;                 /* of the table, and which of it may be used */
};

/* An operand as wanted: a register of a file, or a constant. */
struct fse_arg {
  bool constant;
  uint8_t file;
  int32_t value;   /* the constant, or the register byte */
};

/* An operation as wanted: `op d, a, b`; unused ones are ignored. */
struct fse_want {
  unsigned op;
  struct fse_arg d, a, b;
  int32_t imm;     /* of the op's own #imm: a displacement, ...; else 0 */
};

/*
 * The cheapest, then shortest row that does what is wanted; fills value[].
 * NULL if the dialect has none. Constant registers (the zero register) serve
 * as the constant 0. Branch rows qualify only with a static target.
 */
const struct fisa_row *fse_select(const struct fse_lexicon *l,
                                  const struct fse_want *w,
                                  int32_t value[FISA_MAX_OPERANDS]);

/*
 * What an instruction does, as a want: true if its row is a form whose
 * operands are registers and constants.
 */
bool fse_meaning(const struct fse_lexicon *l, const struct fisa_insn *in,
                 struct fse_want *out);

/* The operand through which an instruction writes its one register, or -1. */
int fse_def_operand(const struct fse_lexicon *l, const struct fisa_row *row);

/* A register byte of `file` that no node of the draft names, or -1. */
int32_t fse_unused_register(const struct fse_view *v,
                            const struct fse_draft *d, unsigned file);

/* ---- profile ------------------------------------------------------------ */

/* Facts of one operand of one instruction, over all times it ran. */
struct fse_fact {
  bool constant;     /* always `value` */
  int32_t value;
  uint64_t equal;    /* bit r: register byte r of the operand's file held the
                        same value, every time (its own bit included) */
};

#define FSE_SAMPLES 5u  /* states kept of those an instruction was met in */

struct fse_profile {
  const struct fisa_program *program;
  uint32_t count;             /* instructions */
  uint64_t *runs;             /* [count] */
  struct fse_fact (*operand)[FISA_MAX_OPERANDS]; /* [count], before it ran */
  struct fse_fact *result;    /* [count], of the defined register, after */
  struct fisa_state *(*sample)[FSE_SAMPLES]; /* [count], before it ran; the
                                 first so many are there, then NULL */
};

/* The states kept of an instruction; *count of them. */
struct fisa_state *const *fse_profile_samples(const struct fse_profile *p,
                                              uint32_t insn,
                                              unsigned *count);

/* Whether a cell is one of a stack's, which only its index makes live. */
bool fse_stack_cell(const struct fisa_dialect *d, uint32_t cell);

/* Whether an op gives the same with a and b the other way round. */
bool fse_op_commutes(unsigned op);

#endif /* FLUX_PLUGIN_LEXICON_H */
