/*
 * plugin/assure.h - assurance 4: what the search asks of the prover.
 *
 * A version is proved step by step: each adopted edit against what stood
 * before it, which leaves windows of a few instructions.
 */
#ifndef FLUX_PLUGIN_ASSURE_H
#define FLUX_PLUGIN_ASSURE_H

#include "plugin/agree.h"
#include "plugin/candidate.h"

struct fse_step_request {
  const struct fisa_program *root;
  const struct fisa_facts *root_facts;
  const struct fse_made *a, *b;  /* from, to; `a` NULL: the root itself */
};

/*
 * Does b do as a, for every state? Places at which agents are handed over
 * have to be those of the proof. When refuted, *counter may be filled
 * (begin[0] is not NULL), for fse_counter_done.
 */
enum fse_proof fse_prove_step(struct fse_prover *p,
                              const struct fse_step_request *r,
                              struct fse_counter *counter, char reason[160]);

/*
 * A counterexample of the place where runs begin, if it is one for a whole
 * run: then it joins the set for ever. Returns 1: it did, 0: no run begins so,
 * or it shows nothing, -1: memory.
 */
int fse_counter_keep(struct ftrial_set *set, const struct fisa_program *root,
                     const struct fse_made *child,
                     const struct ftrial_pc_map *map, uint64_t max_fuel,
                     const struct fse_counter *c);

#endif /* FLUX_PLUGIN_ASSURE_H */
