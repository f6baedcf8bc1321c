/*
 * gpu/lower_impl.h - what the parts of lowering share. Private.
 *
 *   lower.c        what is reached, the order of rows, targets, costs
 *   lower_row.c    one row: guards and steps
 *   lower_cells.c  cells, constants, and the list of ops
 */
#ifndef FLUX_GPU_LOWER_IMPL_H
#define FLUX_GPU_LOWER_IMPL_H

#include "gpu/ir.h"

/* In fir_ins.imm of a jump until patching: its target is an index already. */
#define FIR_IS_INDEX 1

/* A run of lowering. After a failure `failed` is set and emission idles. */
struct fir_lowering {
  const struct fisa_program *p;
  const struct fisa_dialect *d;
  struct fir_program *f;
  struct fisa_error *err;
  bool failed;
  uint32_t capacity;    /* of f->ins */
  struct fir_ins spare; /* what emission writes to after a failure */

  uint8_t *reached; /* [size] */
  uint32_t *work;   /* [size]: offsets yet to be looked at */
  uint32_t work_count;
  bool dynamic;

  uint16_t *slots;     /* hash table of pool entries + 1 */
  uint32_t slot_count; /* a power of two, at least twice the entries */

  struct fisa_insn in; /* the row being lowered */
  bool first;          /* its first op is still to come */
  unsigned peeks;      /* stack cells read so far */
};

void fir__fail(struct fir_lowering *l, const char *why);

/* ---- lower_cells.c ------------------------------------------------------ */

/* The cell that holds a constant. */
uint16_t fir__constant(struct fir_lowering *l, int32_t v);

/* The temporary of a dynamic target. */
uint16_t fir__target_temp(const struct fir_lowering *l);

/* The number that a reference denotes, for those that denote one. */
int32_t fir__number(const struct fir_lowering *l, const struct fisa_ref *r);

/* The cell of a reference to a register, or -1 for the zero register. */
int32_t fir__register_cell(const struct fir_lowering *l,
                           const struct fisa_ref *r);

/* The cell from which a reference is read. */
uint16_t fir__read_cell(struct fir_lowering *l, const struct fisa_ref *r);

/* The cell of operand 0..3 (d a b c) of a step, as the op uses it. */
uint16_t fir__operand_cell(struct fir_lowering *l, const struct fisa_step *s,
                           unsigned operand);

/* A new op of the row; valid until the next one. */
struct fir_ins *fir__emit(struct fir_lowering *l, unsigned op);
void fir__emit_goto(struct fir_lowering *l, uint32_t pc);

/* ---- lower_row.c -------------------------------------------------------- */

/* Whether an instruction's target is known only when it runs. */
bool fir__is_dynamic(const struct fisa_insn *in);

/* The address behind the row being lowered. */
uint32_t fir__next_pc(const struct fir_lowering *l);

/* The guard of a jump that could go below 0; FIR_OP_COUNT: not a jump. */
unsigned fir__target_guard_op(unsigned op);

/* Lowers what stands at pc. Returns whether control may go on behind it. */
bool fir__lower_row(struct fir_lowering *l, uint32_t pc);

#endif /* FLUX_GPU_LOWER_IMPL_H */
