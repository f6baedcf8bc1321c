/*
 * tests/hd_form.h - programs for the problems of tests/hd.h on the reference
 * VM, and the shortest ones known, from tests/data/hd/best.tsv.
 */
#ifndef FLUX_TESTS_HD_FORM_H
#define FLUX_TESTS_HD_FORM_H

#include "hostsdk/vm.h"
#include "tests/hd.h"

/* A program, loaded. */
struct hd_form {
  struct fisa_dialect *dialect;  /* NULL: somebody else's */
  struct fisa_program *program;
  struct fvm_code *code;
  struct fisa_state *state;
  uint32_t first;                /* cell of R0 */
};

/* Loads a file, assembles text, or takes a program over. Returns 0, or -1
 * with err and nothing to be given back. */
int hd_form_load(struct hd_form *f, const char *path, struct fisa_error *err);
int hd_form_text(struct hd_form *f, const char *text, struct fisa_error *err);
int hd_form_take(struct hd_form *f, struct fisa_program *p,
                 struct fisa_error *err);
void hd_form_done(struct hd_form *f);

/* Runs it on an input; 0 and R3, or -1 where it does not halt. */
int hd_form_run(struct hd_form *f, const struct hd_problem *p,
                const int32_t in[HD_INPUTS], int32_t *result);

/* The first of inputs from..to-1 that it gets wrong; `to` if there is none. */
uint64_t hd_form_wrong(struct hd_form *f, const struct hd_problem *p,
                       uint64_t from, uint64_t to);

/* Instructions of a program in a straight line, without its HALT. */
unsigned hd_form_length(const struct hd_form *f);

/* ---- the shortest known -------------------------------------------------- */

enum { HD_RULES = 2 };
extern const char *const hd_rules[HD_RULES];  /* "all", "plain" */

/* The rows of the plain rules, with blanks between. */
extern const char hd_plain_rows[];

/* Whether a list with blanks between has a name, case ignored. */
bool hd_in_list(const char *list, const char *name);

/* A line of the file. */
struct hd_best {
  char verdict[16];       /* "proved": there is no shorter one; or "known" */
  unsigned length;
  char program[512];      /* a line for each instruction */
};

/* Reads the line of a problem and rules. Returns 0, or -1 if there is none. */
int hd_best_read(const char *path, const char *problem, const char *rules,
                 struct hd_best *best);

#endif /* FLUX_TESTS_HD_FORM_H */
