/*
 * gpu/lanes.h - the CPU lanes: one packed program on many episodes at once.
 *
 * Each slot of the program is a column, an element a lane, and each op is
 * carried out for all lanes before the next one. Where a branch leads lanes
 * apart they go on as groups under a mask, the one least far first, until
 * they meet again; a group that stays small for long is finished lane by lane
 * by the `ir` engine. Memory and stacks are columns, too, of which only what a
 * run touched is put back for the next one.
 *
 * The same source is built for AVX-512, for AVX2 and for any machine; the
 * best one that this processor has is taken at run time. All give the results
 * of the `ir` engine to the bit.
 */
#ifndef FLUX_GPU_LANES_H
#define FLUX_GPU_LANES_H

#include "gpu/pack.h"

struct flanes; /* an engine with its buffers; of one thread */

/* NULL: out of memory. `build` names one of flanes_builds, NULL: the best; of
 * one that this processor lacks there is none (NULL). */
struct flanes *flanes_new(const char *build);
void flanes_free(struct flanes *e);

/* The builds that run here, best first: "avx512", "avx2", "portable". Returns
 * name i, or NULL behind the last. */
const char *flanes_builds(unsigned i);

/* Which of them an engine is. */
const char *flanes_build(const struct flanes *e);

/* Whether the lanes, in any build, have something for an op of the IR. What
 * they do not know is not packed. */
bool flanes_knows(unsigned op);

/*
 * Runs a packed program on lanes first..first+count-1 of a batch (first is a
 * multiple of 16) and says how far it does what the root did, within a bound
 * for the cost. Returns 0; 1: not for these lanes, ask the ir engine; or -1,
 * out of memory. The same for any build and any division of a batch.
 */
int flanes_run(struct flanes *e, const struct fpk_program *p,
               const struct fpk_batch *b, const struct fpk_places *places,
               uint32_t first, uint32_t count, uint64_t cost_bound,
               struct fpk_verdict *out);

/* A state that is to be run as it is, and what came of it. */
struct flanes_task {
  struct fisa_state *state;     /* in: the begin; out: the end */
  const struct fir_io *io;      /* of this task; NULL: nothing to take */
  struct fir_result result;     /* out */
};

/*
 * Runs a program, packed with ends == NULL, on up to FPK_WIDTH states, as
 * fir_run does on each. Returns as flanes_run.
 */
int flanes_exec(struct flanes *e, const struct fpk_program *p,
                struct flanes_task *tasks, uint32_t count,
                struct fir_limits limits);

#endif /* FLUX_GPU_LANES_H */
