/*
 * plugin/agree.h - do two programs always do the same? Assurance 4.
 *
 * Places of both are paired: where the instructions are the same, and where
 * runs begin. Between pairs lie windows. An instruction that is the same in
 * both and goes on at pairs needs no proof; every other window is a question
 * for the prover, about all states that agree on what is live at its pair. If
 * all windows agree, so do the programs, for as long as they run: loops are
 * never proved, but what happens between two places in one is.
 *
 * What cannot be followed is unproved, with the reason: a program whose layout
 * is frozen, that reads the cycle counter, or that has opaque rows.
 */
#ifndef FLUX_PLUGIN_AGREE_H
#define FLUX_PLUGIN_AGREE_H

#include "plugin/edit.h"
#include "plugin/prove.h"

struct fse_agree_request {
  const struct fisa_program *root;      /* whose behaviour is the truth */
  const struct fisa_facts *root_facts;
  const struct fisa_program *a, *b;     /* versions of it: does b do as a? */
};

struct fse_agreement {
  enum fse_proof proof;       /* refuted: the counter says so */
  uint32_t windows;           /* asked about */
  uint32_t asked;             /* questions, those included that were too
                                 narrow */
  uint32_t by[FSE_RUNG_EXHAUSTIVE + 1]; /* windows proved, by rung */
  uint64_t work;              /* of solvers */
  struct fse_counter counter; /* begin[0] is of the program's own begin, where
                                 the first window differs; else NULL */
  uint32_t pair_count;        /* places of a and b that correspond, by pc */
  uint32_t (*pair)[2];
  bool differs;               /* unproved, and the widest windows do differ on
                                 states: it rests on what comes before them */
  char reason[160];           /* why it is unproved */
};

/* `out` is for fse_agreement_done. Out of memory is unproved. */
void fse_agree(struct fse_prover *p, const struct fse_agree_request *r,
              struct fse_agreement *out);
void fse_agreement_done(struct fse_agreement *a);

#endif /* FLUX_PLUGIN_AGREE_H */
