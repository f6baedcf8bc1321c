/*
 * plugin/prove/terms.h - what each op computes, as a term of bit vectors.
 *
 * This is written apart from gpu/semantics.h, in the words of SMT-LIB, and
 * held against it by samples (tests/test_prove_terms.c). A term is exact, or
 * it is a function of which no more is known than that equal arguments give
 * equal results: such are the float operations that round.
 */
#ifndef FLUX_PLUGIN_PROVE_TERMS_H
#define FLUX_PLUGIN_PROVE_TERMS_H

#include <stdbool.h>
#include <stdint.h>
#include <z3.h>

#define TERM_RUN_MAX 32   /* bytes of a run that is written out */

/* All ASTs live as long as the context. */
struct terms {
  Z3_context z;
  Z3_sort word, byte;
  uint32_t mask;          /* memory size - 1 */
  bool open;              /* products and quotients of what is not known are
                             functions of their arguments, no more */
};
void terms_init(struct terms *t, Z3_context z, uint32_t mem_size);

/* What was written, newest first. Immutable, so that paths share it. */
struct term_write {
  const struct term_write *before;
  Z3_ast when;            /* NULL: always */
  Z3_ast at, value;
};

/* An array as it is at one place of a path: memory, or a stack. */
struct term_array {
  const struct term_write *last;
  /* What it held at the begin at a place. */
  Z3_ast (*base)(Z3_ast at, void *user);
  void *user;
};
Z3_ast term_read(struct terms *t, const struct term_array *m, Z3_ast at);
/* 0, or -1: memory. Writes are freed with terms_done. */
int term_write(struct terms *t, struct term_array *m, Z3_ast when, Z3_ast at,
               Z3_ast value);
void terms_done(void);

/* What an op works on: the old d, a, b, c, the immediate, memory. */
struct term_in {
  Z3_ast d, a, b, c;
  int32_t imm;
  struct term_array *mem;
};

enum term_kind {
  TERM_NONE,     /* there is no term */
  TERM_EXACT,
  TERM_OPEN      /* a function of its arguments */
};

/*
 * The value that an op of FSEM_VALUES or FSEM_LOADS gives d, or the Bool that
 * is the condition of one of FSEM_BRANCHES or FSEM_GUARDS; memory is changed
 * by those that change it, for FSEM_STORES *out stays. `op` is of enum
 * flux_semop and enum fir_op.
 */
enum term_kind term_of(struct terms *t, unsigned op, const struct term_in *in,
                       Z3_ast *out);

/* ---- building blocks ---------------------------------------------------- */

Z3_ast term_word(struct terms *t, int64_t v);
Z3_ast term_ite(struct terms *t, Z3_ast c, Z3_ast a, Z3_ast b);
Z3_ast term_eq(struct terms *t, Z3_ast a, Z3_ast b);
Z3_ast term_and(struct terms *t, Z3_ast a, Z3_ast b);
Z3_ast term_or(struct terms *t, Z3_ast a, Z3_ast b);
Z3_ast term_not(struct terms *t, Z3_ast a);
/* 1 or 0. */
Z3_ast term_bit(struct terms *t, Z3_ast c);
/* A fresh function symbol's value: words in, a word out. */
Z3_ast term_function(struct terms *t, const char *name, unsigned count,
                     const Z3_ast *args, Z3_sort range);

#endif /* FLUX_PLUGIN_PROVE_TERMS_H */
