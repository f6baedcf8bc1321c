/*
 * isa/concrete.h - private to libfluxisa: the steps of a row followed on the
 * values that a machine holds, without changing it.
 *
 * What the steps set is kept beside the machine. An op whose result is not
 * calculated here (floats, runs of memory, values from outside) leaves its
 * cells unknown, and so does all that depends on them.
 */
#ifndef FLUX_ISA_CONCRETE_H
#define FLUX_ISA_CONCRETE_H

#include "isa/lethal.h"

#define FISA__SET_MAX (2 * FISA_MAX_TEMPLATE) /* cells that steps can set */

struct fisa__known {
  bool known;
  int32_t value;
};

struct fisa__walk {
  const struct fisa_view *v;
  const struct fisa_insn *in;
  struct fisa__known temp[FISA_TEMPS];
  struct { int cell; struct fisa__known now; } set[FISA__SET_MAX];
  unsigned set_count;
  uint16_t lost;   /* files of which nothing is known any more, a bit each */
  bool stored;     /* memory is no longer as the machine has it */
  bool ended;      /* the row faults here: later steps do not happen */
  bool unsure;     /* it may have */
};

void fisa__walk_begin(struct fisa__walk *w, const struct fisa_view *v,
                      const struct fisa_insn *in);

/* The value of an operand where the walk stands. */
struct fisa__known fisa__walk_value(const struct fisa__walk *w,
                                    const struct fisa_ref *ref);

/* The value of a cell there. */
struct fisa__known fisa__walk_cell(const struct fisa__walk *w, int cell);

/* Goes past a step. */
void fisa__walk_step(struct fisa__walk *w, const struct fisa_step *s);

/* Whether bytes from `at` on, unsigned, lie below a limit. */
bool fisa__in_region(int32_t at, uint32_t bytes, int32_t limit);

/* Stacks, by the value of their index cell, whatever it is: no room, fewer
 * than n cells, none. `file` is NULL where the dialect has no such stack. */
struct fisa__stack {
  const struct fisa_file *file;
  uint32_t index_cell;
};
struct fisa__stack fisa__data_stack(const struct fisa_dialect *d);
struct fisa__stack fisa__link_stack(const struct fisa_dialect *d);
bool fisa__stack_full(const struct fisa__stack *s, int32_t index);
bool fisa__stack_few(const struct fisa__stack *s, int32_t index, int32_t n);
bool fisa__stack_empty(const struct fisa__stack *s, int32_t index);
/* The cell n from the top, which is there. */
uint32_t fisa__stack_at(const struct fisa__stack *s, int32_t index, int32_t n);

#endif /* FLUX_ISA_CONCRETE_H */
