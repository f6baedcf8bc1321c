/*
 * plugin/genome.h - a program's encoded form, and children made from it.
 *
 * Encoding makes the normal form first: NOPs out, targets re-fixed,
 * unreached bytes gone; where that cannot be (the layout is frozen, counts may
 * be seen, the verifier objects) the program is its own normal form. That is
 * cut into genes: a row, a run of rows that stood before (folded: where, how
 * many), a loop (extracted: its rows, and the jump back without a target, which
 * is its own begin). The bytes say the same; they are stored as they are where
 * that would be longer, so that a genome has never more than FSE_GENOME_SLACK
 * bytes more than its program.
 *
 * Children are made of genes: one replaced by another, one twice, one less; or
 * of two parents, cut at an instruction. Targets are re-fixed. A child is
 * verified against its parent or refused with the reason, never repaired, and
 * never a copy.
 */
#ifndef FLUX_PLUGIN_GENOME_H
#define FLUX_PLUGIN_GENOME_H

#include "plugin/mutate.h"

#define FSE_GENOME_SLACK 16u

enum fse_gene_kind { FSE_GENE_ROW, FSE_GENE_FOLD, FSE_GENE_LOOP };

/* Instructions first..first+count-1 of the normal form. Loops come before the
 * genes that they hold. */
struct fse_gene {
  enum fse_gene_kind kind;
  uint32_t first, count;
  uint32_t from;                /* FOLD: where they stood before */
};

struct fse_genome {
  struct fisa_program *program; /* the normal form */
  struct fisa_facts *facts;     /* of it; insn[i]: what genes count */
  struct fse_draft *draft;      /* of it; NULL: it cannot be edited */
  uint32_t count;
  struct fse_gene *genes;
  uint32_t size;
  uint8_t *bytes;
};

/* Returns 0, or -1 with err (memory, a malformed program). */
int fse_genome_encode(const struct fisa_program *p, struct fse_genome *out,
                      struct fisa_error *err);
void fse_genome_done(struct fse_genome *g);

/* The program that bytes say, with the dialect and manifest of `like`. Bytes
 * may come from anywhere. Returns 0, or -1 with err. */
int fse_genome_decode(const uint8_t *bytes, uint32_t size,
                      const struct fisa_program *like,
                      struct fisa_program **out, struct fisa_error *err);

enum fse_how { FSE_SUBSTITUTE, FSE_AMPLIFY, FSE_PRUNE, FSE_HOW_COUNT };

/*
 * A child of a genome: gene and place drawn from the word `r`. 0 and *out, or
 * -1 with err: refused, and why.
 */
int fse_genome_mutate(const struct fse_genome *g, enum fse_how how, uint64_t r,
                      struct fisa_verify_scratch *scratch,
                      struct fisa_program **out, struct fisa_error *err);

/* ---- two parents -------------------------------------------------------- */

/* A version of a root, with its map from it. */
struct fse_mate {
  const struct fisa_program *program;
  const struct fisa_facts *facts;
  const struct fse_place *places;  /* root -> program, ascending */
  uint32_t place_count;
};

/*
 * Edits a draft of a: from the place of the root's `cut` on it is b. Jumps
 * across go to where the other has the place of the root that they meant. 0, or
 * -1: one of them has no such place, or rows that cannot be moved.
 */
int fse_breed(const struct fse_mate *a, const struct fse_mate *b, uint32_t cut,
              struct fse_draft *d);

/* The places that both parents have, as a cut may lie there: the nth from the
 * word `r`; UINT32_MAX: there is none. */
uint32_t fse_breed_cut(const struct fse_mate *a, const struct fse_mate *b,
                       uint64_t r);

/* A child of two versions of a root, verified against that. As above. */
int fse_breed_child(const struct fisa_program *root, const struct fse_mate *a,
                    const struct fse_mate *b, uint64_t r,
                    struct fisa_verify_scratch *scratch,
                    struct fisa_program **out, struct fisa_error *err);

/* ---- who wins ----------------------------------------------------------- */

/* One of a population. */
struct fse_contender {
  double fitness;    /* fse_fitness; what is no number counts as 0 */
  uint32_t size;     /* bytes */
  uint64_t born;     /* lower is older */
};

/* The fittest; of equals the smaller, then the older. The index, or count if
 * there is none. */
uint32_t fse_compete(const struct fse_contender *all, uint32_t count);

#endif /* FLUX_PLUGIN_GENOME_H */
