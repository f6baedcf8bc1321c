/*
 * gpu/uses.h - what an op of the IR does with its operands, and where control
 * may go from it: what whoever looks at IR without running it wants to know.
 * For the semantic ops this is flux/semops.h, but where an op of the IR holds
 * something else in its fields, or leaves a cell alone where it faults.
 */
#ifndef FLUX_GPU_USES_H
#define FLUX_GPU_USES_H

#include "gpu/ir.h"

/* The operands d a b c, and the cell whose index is in imm: each 'R' read, 'W'
 * always written, 'M' perhaps written, or 'N': no cell. Of ops on a whole file
 * d is the first cell of it. */
struct fir_uses {
  char of[5];
};

/* `imm` of the op tells how many arguments it has, where they differ. */
struct fir_uses fir_uses_of(unsigned op, int32_t imm);

/* Whether its target is the index of an op; whether it goes on at an address
 * that is known only when it runs. */
bool fir_has_target(unsigned op);
bool fir_goes_anywhere(unsigned op);

#endif /* FLUX_GPU_USES_H */
