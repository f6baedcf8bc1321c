/*
 * tests/widerig.h - a root with its episodes side by side, variants of it, and
 * what the `ir` engine says of them: what wide engines are held against.
 */
#ifndef FLUX_TESTS_WIDERIG_H
#define FLUX_TESTS_WIDERIG_H

#include "gpu/pack.h"
#include "gpu/trial.h"
#include "tests/gen.h"

/* What came of one lane. */
struct wide_lane {
  bool same;
  uint64_t cost, instructions;
};

struct wide {
  struct fisa_program *root;   /* owned */
  struct ftrial_set *set;
  struct fpk_batch *batch;
  struct fir_lane *lane;
};

/* How episodes come about. */
struct wide_make {
  const struct gen_table *table;
  uint64_t seed, number;
  uint32_t lanes;
  uint64_t fuel;               /* of the root */
  /* Makes begin i, in place of the generator; may be NULL. */
  void (*begin)(const struct fisa_program *p, uint32_t i,
                struct fisa_state *s);
  bool fuzz;                   /* begins and inputs by what the root declares */
};

/*
 * Takes a root over and makes up to so many lanes of it: those on which it
 * comes to an end within its fuel. False: there is none, or no memory; nothing
 * is open then, and the root is freed.
 */
bool wide_open(struct wide *w, const struct wide_make *m,
               struct fisa_program *root);
void wide_close(struct wide *w);

/* A program ready for wide engines. */
struct wide_variant {
  struct fisa_program *program; /* owned */
  struct fir_program *ir;
  struct fpk_program packed;
  struct fpk_places places;
  uint32_t *start, *stop;
  struct wide_lane *lane;       /* [lanes of the batch]: what ir says */
};

/* Takes a program over. False: it is not for wide engines; it is freed. */
bool wide_variant_open(const struct wide *w, struct fisa_program *p,
                       struct wide_variant *out);
void wide_variant_close(struct wide_variant *v);

/* The root with so many bytes of it changed; NULL: out of memory. */
struct fisa_program *wide_mutant(const struct wide *w, uint64_t seed,
                                 uint32_t bytes);

/* The verdict that any engine has to give. */
struct fpk_verdict wide_verdict(const struct wide *w,
                                const struct wide_variant *v, uint32_t first,
                                uint32_t count, uint64_t bound);

/* The bound of a variant's run i on these lanes: by i none, one within what
 * it costs, just what it costs, none or one of 0. */
uint64_t wide_bound(const struct wide *w, const struct wide_variant *v,
                    uint32_t i, uint32_t first, uint32_t count);

bool wide_equal(const struct fpk_verdict *a, const struct fpk_verdict *b);

/* Tells how a verdict differs, and fails the test; `who` says whose. */
bool wide_same(const struct fpk_verdict *got, const struct fpk_verdict *want,
               const char *who);

/* A root of a dialect with episodes, the root itself and mutants of it. */
#define WIDE_VARIANTS 12
struct wide_case {
  struct fisa_dialect *d;
  struct gen_table table;
  struct wide wide;
  uint32_t count;
  struct wide_variant variant[WIDE_VARIANTS];
};
/* False: this number makes no case. */
bool wide_case_open(struct wide_case *c, const char *dialect, uint64_t number,
                   uint32_t lanes);
/* The same of noise in place of a program. */
bool wide_noise_open(struct wide_case *c, const char *dialect, uint64_t number,
                    uint32_t lanes);
/* The same of a program in assembly text; variants are more programs; a begin
 * function as in wide_make or NULL. */
bool wide_text_open(struct wide_case *c, const char *const *texts,
                   uint32_t lanes,
                   void (*begin)(const struct fisa_program *p, uint32_t i,
                                 struct fisa_state *s));
/* The same of a file of assembly text, with mutants; begins by what it
 * declares. */
bool wide_file_open(struct wide_case *c, const char *path, uint32_t lanes);

/* A begin function: counters that differ in every lane; floats that are no
 * numbers, none that are normal, none that are finite. */
void wide_odd_values(const struct fisa_program *p, uint32_t i,
                     struct fisa_state *s);

/* Programs that are hard, on odd values. */
enum wide_hard {
  WIDE_TURNS,  /* as many turns as the lane says, never halt, fault, overflow
                  stacks, store wherever the lane leads */
  WIDE_JUMPS,  /* 32 lanes side by side jump to 32 places; 16 to each; into
                  the midst of rows */
  WIDE_MEMORY, /* store to all of memory */
  WIDE_HARD
};
bool wide_hard_open(struct wide_case *c, enum wide_hard which,
                    uint32_t lanes);

/* The same of each of the sample agents, one after the other, on which `run`
 * is called. Returns how many there were. */
unsigned wide_agents(uint32_t lanes,
                     void (*run)(const struct wide_case *c, const char *path,
                                 void *user),
                     void *user);
void wide_case_close(struct wide_case *c);

#endif /* FLUX_TESTS_WIDERIG_H */
