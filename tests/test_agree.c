/*
 * test_agree.c - pairs of programs that always agree, and pairs that do not.
 *
 * Of the second kind each differs in something that a careless proof
 * forgets: a fault, a byte of memory, a flag, a stack cell, what is live
 * behind a loop. None may ever be proved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/agree.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

struct couple {
  const char *name, *a, *b;
  enum fse_proof proof;     /* FSE_REFUTED: anything but proved */
};

static struct fse_prover *prover(void) {
  struct fse_prover *p =
      fse_prover_new(unit_built("lib/flux/flux-prove"), NULL);
  CU_ASSERT_FATAL(p != NULL);
  return p;
}

static void agree(struct fse_prover *p, const struct fisa_dialect *d,
                  const struct couple *c, struct fse_agreement *out) {
  struct fisa_program *a = isa_program(d, c->a), *b = isa_program(d, c->b);
  struct fisa_facts *facts = NULL;
  CU_ASSERT_FATAL(a != NULL && b != NULL);
  CU_ASSERT_FATAL(fisa_facts_make(a, &facts, NULL) == 0);
  const struct fse_agree_request r = {a, facts, a, b};
  fse_agree(p, &r, out);
  fisa_facts_free(facts);
  fisa_program_free(a);
  fisa_program_free(b);
}

#define IN ".in R1\n.in R2\n.out R3\n"

static const struct couple couples[] = {
    {"nothing", IN "ADD R3, R1, R2\nHALT\n", IN "ADD R3, R1, R2\nHALT\n",
     FSE_PROVED},
    {"changed places", IN "ADD R3, R1, R2\nHALT\n",
     IN "ADD R3, R2, R1\nHALT\n", FSE_PROVED},
    {"a sum is no difference", IN "ADD R3, R1, R2\nHALT\n",
     IN "SUB R3, R1, R2\nHALT\n", FSE_REFUTED},
    {"lowest bit", IN "NEG R4, R1\nAND R3, R1, R4\nHALT\n",
     IN "MOVI R4, 0\nSUB R4, R4, R1\nAND R3, R4, R1\nHALT\n", FSE_PROVED},
    {"one value in 2^32",
     IN "MOV R3, R1\nHALT\n",
     IN "MOVI16 R4, 0x1234\nMOVI16 R5, 0x6789\nSHLI R4, 16\n"
        "OR R4, R4, R5\nCMP_EQ R5, R1, R4\nADD R3, R1, R5\nHALT\n",
     FSE_REFUTED},
};

static void decides(void) {
  struct fse_prover *p = prover();
  for (size_t i = 0; i < sizeof couples / sizeof couples[0]; i++) {
    const struct couple *c = &couples[i];
    struct fse_agreement out;
    agree(p, isa_unified(), c, &out);
    UNIT_TRUE((c->proof == FSE_PROVED) == (out.proof == FSE_PROVED),
              "%s: proof %d (%s)", c->name, (int)out.proof, out.reason);
    printf("%s: %d windows %u asked %u canon %u solver %u: %s\n", c->name,
           out.proof, out.windows, out.asked, out.by[1], out.by[3],
           out.reason);
    fse_agreement_done(&out);
  }
  fse_prover_free(p);
}

static const struct unit_test tests[] = {
    {"agree", "decides", decides},
};
UNIT_MAIN(tests)
