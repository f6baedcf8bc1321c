/*
 * plugin/agree_impl.h - what the parts of the agreement share. Private.
 *
 *   agree.c        windows, and what is asked about them
 *   agree_pairs.c  which places correspond
 *   agree_live.c   what has to be equal where
 */
#ifndef FLUX_PLUGIN_AGREE_IMPL_H
#define FLUX_PLUGIN_AGREE_IMPL_H

#include "plugin/agree.h"
#include "plugin/prove_impl.h"

#define AGREE_NONE UINT32_MAX
#define AGREE_NEXTS 2u

/* One of the two programs. Instructions are those of its facts. */
struct agree_side {
  const struct fisa_program *program;
  struct fisa_facts *facts;
  struct fir_program *ir;
  uint32_t *pair_of;          /* [count]: pair of an instruction, or none */
  uint32_t *exit_of;          /* [ir count]: for pieces */
};

/* A place in both. */
struct agree_pair {
  uint32_t at[2];             /* instructions */
  bool same;                  /* the same instruction, and it goes on at pairs;
                                 `next` holds them */
  bool fixed;                 /* may not be given up */
  bool kept, proved;
  enum fse_rung rung;         /* that proved it */
  uint32_t radius;            /* of the last widening around it */
  uint32_t exit_count;        /* of the question that proved it */
  uint32_t exit[FSE_EXITS_MAX];
};

struct agree {
  const struct fse_agree_request *r;
  struct fse_prover *prover;
  struct agree_side side[2];
  uint32_t count, entry;      /* pairs; the one where runs begin */
  struct agree_pair *pair;
  struct fisa_set *live;      /* [instructions of b]: what has to be equal */
  struct fisa_set observed;
  struct fse_span *span, *end_span;
  uint32_t span_count, end_span_count;
  struct fse_known *known;    /* [cells]: where runs begin */
  struct fse_known here[FISA_MAX_FILES + 1]; /* in a window */
  uint32_t known_count, ticks_known; /* of known: what always holds, first */
  struct fse_agreement *out;
};

/* Where control goes behind instruction i: instructions, or none. Returns how
 * many there are; a place that is no instruction makes *odd true. */
unsigned agree_next(const struct agree_side *s, uint32_t i,
                    uint32_t next[AGREE_NEXTS], bool *odd);

/* Whether the IR of an instruction has an op. */
bool agree_has_op(const struct agree_side *s, uint32_t i, unsigned op);
/* Whether it has one that no window may hold. */
bool agree_is_barrier(const struct agree_side *s, uint32_t i);

/* Pairs of all places. 0, or -1: memory, or a reason. */
int agree_pairs_make(struct agree *g);

/* live, observed, spans, known. 0, or -1: memory. */
int agree_live_make(struct agree *g);

/* Notes why it is unproved, if nobody did. Returns -1. */
int agree_no(struct agree *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* FLUX_PLUGIN_AGREE_IMPL_H */
