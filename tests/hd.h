/*
 * tests/hd.h - the 25 problems of Gulwani et al. (PLDI 2011): what each one
 * means, written from its definition, and inputs to hold a program to it.
 *
 * The programs are tests/data/hd/p01.flx to p25.flx. They and whatever a
 * search makes of them are right if they give hd_problem.fn for all inputs
 * in range; lists in circulation are wrong in several places, so nothing here
 * was taken from one.
 */
#ifndef FLUX_TESTS_HD_H
#define FLUX_TESTS_HD_H

#include <stdint.h>

enum { HD_PROBLEMS = 25, HD_INPUTS = 4 };

/* An input: the register that holds it, and its range. */
struct hd_input {
  unsigned reg;
  int32_t lo, hi;
};

struct hd_problem {
  const char *name;                  /* "p01" */
  unsigned count;                    /* inputs */
  struct hd_input in[HD_INPUTS];
  int32_t (*fn)(const int32_t *in);  /* the result, which is R3 */
};

extern const struct hd_problem hd_problems[HD_PROBLEMS];

/*
 * Input number n of a problem, a pure function of both. The first numbers are
 * edges: powers of two and their neighbours, for the first two inputs in all
 * pairs; then come random values of all lengths, often akin to an input
 * before them.
 */
void hd_draw(const struct hd_problem *p, uint64_t n, int32_t in[HD_INPUTS]);

/* How many numbers are edges. */
uint64_t hd_edges(const struct hd_problem *p);

#endif /* FLUX_TESTS_HD_H */
