/*
 * plugin/window_walk_impl.h - what the parts of the walk share. Private.
 *
 *   window_walk.c    changes, and which are kept
 *   window_sweep.c   a place drawn anew, from many rows at once
 *   window_weigh.c   what a sequence costs, worked out from what changed
 */
#ifndef FLUX_PLUGIN_WINDOW_WALK_IMPL_H
#define FLUX_PLUGIN_WINDOW_WALK_IMPL_H

#include "plugin/window_walk.h"

enum {
  FSE_WALK_ROLES = FSE_WINDOW_ROLES + 1,  /* the last: the zero register */
  FSE_WALK_PARTS = 2,      /* of the tests: the first stripe, the others */
  FSE_WALK_MISPLACED = 8,  /* bits that a wrong register counts, a stripe */
  /* Values: two of each place, then what stands in the roles at first. */
  FSE_WALK_BEGIN = 2 * FSE_WINDOW_OPS,
  FSE_WALK_VALUES = FSE_WALK_BEGIN + FSE_WALK_ROLES,
  FSE_WALK_BITS_PER_E = 4, /* bits dearer, e times less likely */
  FSE_SWEPT_MAX = 64       /* changes of a sweep */
};

/* One place of the sequence; row FSE_NOTHING: nothing stands there. */
struct fse_walk_place {
  uint8_t row;
  uint8_t read[FSE_MENU_READS];   /* roles */
  uint8_t result;                 /* role */
  uint8_t pool;
  /* What follows of that: see fse_walk_settle. */
  bool three;                     /* the op has a third operand */
  uint8_t role[3];                /* what its operands are: a role, */
  const int32_t *fixed[3];        /* or the same on all tests */
  fse_striper run;                /* NULL: not a row of one op */
  int32_t imm;
  uint32_t reads, writes;         /* roles, a bit each */
  uint64_t at_result[2];          /* 1 at the byte of a fse_walk_roles */
};

/* What a place makes, and in how many bits that differs from results, in each
 * part of the tests: where it was asked for. */
struct fse_made {
  struct fse_column value;
  uint16_t bits[FSE_WINDOW_OUTS][FSE_WALK_PARTS];
};

/* By role, the value that stands there: a byte each. They are put together in
 * registers, since a word is slow to read behind one of its bytes. */
struct fse_walk_roles {
  uint64_t word[2];
};

struct fse_walk {
  const struct fse_walk_request *q;
  unsigned rows;
  struct fse_walk_place place[FSE_WINDOW_OPS];
  struct fse_made made[FSE_WALK_VALUES];
  uint8_t entry[FSE_WINDOW_OPS];  /* which of the two a place makes now */
  /* Before each place and at the end; and the same after a change. */
  struct fse_walk_roles now[FSE_WINDOW_OPS + 1];
  struct fse_walk_roles tried[FSE_WINDOW_OPS + 1];
  uint8_t plan_count, plan[FSE_WINDOW_OPS];   /* places a change works on */
  uint32_t written;               /* roles, by any place */
  uint32_t credit[FSE_WINDOW_OUTS]; /* roles where a result is no more than
                                       misplaced */
  uint8_t in_role[FSE_WINDOW_INS];
  uint32_t inputs;                /* those, a bit each */
  bool fixed[FSE_WINDOW_ROLES];   /* never written */
  uint32_t first, cost;           /* of `place`: on the first stripe, in all */
  unsigned used_count;
  uint8_t used[FSE_WINDOW_OPS];   /* places that results come from */
  uint64_t random;                /* never 0 */
  unsigned sweep_rows;
  uint8_t sweep_row[254];         /* of the menu, that sweeps may draw */
  /* A sweep's own: on the first stripe, what places make with each change, and
   * what stands in roles before it. */
  int32_t swept[FSE_WINDOW_OPS][FSE_SWEPT_MAX][FSE_STRIPE]
      __attribute__((aligned(32)));
  int32_t there[FSE_WALK_ROLES][FSE_STRIPE] __attribute__((aligned(32)));
  struct fse_patch patch;
};

/* A change of the sequence: one place or two, with what stood there. */
struct fse_walk_edit {
  unsigned count;
  uint8_t at[2];                  /* ascending */
  struct fse_walk_place before[2];
};

/* Works out what follows of a place's row and operands; where a row overwrites
 * what it reads first, that is its result. */
void fse_walk_settle(const struct fse_walk *w, struct fse_walk_place *p);

/* The cost of all that is there, from the beginning, with the tests as they
 * are. */
void fse_walk_weigh(struct fse_walk *w);

/* What a change costs at most. */
struct fse_walk_bound {
  uint32_t first, all;
};

/*
 * Works out a change that was made. What is read by nothing that changed is as
 * it was. The first stripe is asked first, with a bound of its own: most
 * changes go no further. True: it is within bounds, and taken.
 */
bool fse_walk_try(struct fse_walk *w, const struct fse_walk_edit *e,
                  struct fse_walk_bound bound);

/* Follows a change: what has to be run anew stands in plan[] and is turned over
 * in entry[], where values are then in tried[]. Returns the roles that hold
 * something else at the end. */
uint32_t fse_walk_follow(struct fse_walk *w, const struct fse_walk_edit *e);
/* Turns it back. */
void fse_walk_unfollow(struct fse_walk *w);

/* What result k counts above its bits on some tests, taken from a role. */
static inline uint32_t fse_walk_misplaced(const struct fse_task *t, unsigned k,
                                          unsigned role, unsigned lanes) {
  const uint8_t own = t->out_role[k];
  return own == FSE_NOTHING || role == own
             ? 0
             : FSE_WALK_MISPLACED * lanes / FSE_STRIPE;
}

/* By how many bits a role that a change left alone is not result k, on the
 * first stripe, while the change is followed. */
uint32_t fse_walk_bits(struct fse_walk *w, unsigned role, unsigned k);

/* Whether a row may stand in a place that is drawn anew by a sweep. */
bool fse_walk_sweeps(const struct fse_menu_row *r);

/* Draws what stands in a place anew, from many rows at once. Returns how many
 * changes that were, at most FSE_SWEPT_MAX; 0: the place is not swept.
 * *kept: one of them stands there now. */
unsigned fse_walk_sweep(struct fse_walk *w, unsigned at, bool *kept);

/* Draws: 32 bits; a number below n; a role of a file that may be written, or
 * FSE_NOTHING; how much dearer a change may be, e times less likely each
 * FSE_WALK_BITS_PER_E. */
uint32_t fse_walk_draw(struct fse_walk *w);
static inline unsigned fse_walk_below(struct fse_walk *w, unsigned n) {
  return (unsigned)((uint64_t)fse_walk_draw(w) * n >> 32);
}
uint8_t fse_walk_draw_result(struct fse_walk *w, uint8_t file);
uint32_t fse_walk_slack(struct fse_walk *w);

/* The value that stands in a role. */
static inline unsigned fse_walk_in_role(const struct fse_walk_roles *r,
                                        unsigned role) {
  return (unsigned)(r->word[role / 8] >> role % 8 * 8 & 255);
}

/* What stands in a role at the end. */
const struct fse_column *fse_walk_final(const struct fse_walk *w,
                                        unsigned role);

#endif /* FLUX_PLUGIN_WINDOW_WALK_IMPL_H */
