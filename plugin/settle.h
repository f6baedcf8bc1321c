/*
 * plugin/settle.h - whether what a manifest says of memory is so.
 *
 * `.scratch` says that nobody looks at what a task leaves there, so a variant
 * need not leave the same. Where a task of the agent itself looks, through an
 * address that it computes, only trying it shows (isa/scratch.c finds the
 * rest by reading the program).
 */
#ifndef FLUX_PLUGIN_SETTLE_H
#define FLUX_PLUGIN_SETTLE_H

#include "gpu/trial.h"

/*
 * Runs the root of a set again on begins of recorded tasks that continue an
 * earlier one, with other bytes in its scratch memory, drawn from `seed`.
 * Returns 1 where that made a difference, which `what` names; 0 where not; -1
 * when out of memory. The set is not changed. Pure function of its arguments.
 */
int fse_scratch_matters(const struct ftrial_set *set,
                        const struct fisa_program *root, uint64_t max_fuel,
                        uint64_t seed, char what[96]);

#endif /* FLUX_PLUGIN_SETTLE_H */
