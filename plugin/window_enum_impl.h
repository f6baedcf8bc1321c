/*
 * plugin/window_enum_impl.h - what the parts of the enumeration share.
 *
 *   window_enum.c    prefixes: sets of values, cost by cost
 *   window_last.c    the last row of a sequence, or rows that give results
 *   window_batch.c   prefixes that wait, and what their ends may be
 *   window_tail.c    the last rows of many sequences at once
 *   window_uses.c    in how many ways a row can use a value
 *   window_assign.c  registers for a sequence of values
 */
#ifndef FLUX_PLUGIN_WINDOW_ENUM_IMPL_H
#define FLUX_PLUGIN_WINDOW_ENUM_IMPL_H

#include "plugin/window_enum.h"

enum {
  FSE_ENUM_DEPTH = 8,      /* rows of a sequence at most */
  FSE_ENUM_BASE = FSE_WINDOW_INS + FISA_MAX_FILES, /* inputs, zeros */
  FSE_ENUM_VALUES = FSE_ENUM_BASE + FSE_ENUM_DEPTH
};

/* Where a value is: a role, or one of these. */
enum {
  FSE_WHERE_FREE = 254,    /* a register yet to be given out */
  FSE_WHERE_ZERO = 253     /* the zero register */
};

struct fse_evalue {
  struct fse_column col;
  uint64_t hash;
  uint64_t share;          /* of the hash of a set that it is in */
  uint8_t file, where;
  bool kept;               /* may not be overwritten */
};

/* One row of the sequence so far: operands are values. */
struct fse_erow {
  const struct fse_menu_row *row;
  uint8_t read[FSE_MENU_READS];
  uint8_t pool;            /* its constant */
  uint8_t made;            /* the value */
};

/* A set of values, after some rows. */
struct fse_level {
  unsigned count;
  uint8_t id[FSE_ENUM_VALUES];
  uint32_t unused;         /* a bit a value that nothing has read yet */
  uint64_t sum;            /* of the values' shares */
};

/*
 * A row with operands put behind a level whose end is near. Such ones wait, so
 * that the rows behind them are tried for many at once, and so that two of
 * them can meet in a last row.
 */
struct fse_candidate {
  struct fse_erow row;
  uint32_t unused;         /* of the level, with what it reads taken out */
  uint32_t left;           /* cost */
  uint8_t gone;            /* what it overwrites, or FSE_NOTHING */
  bool prefix;             /* what comes behind it is tried; if not, it was
                              somewhere else, or it leads nowhere */
  int32_t first[FSE_SIFTED];   /* of its value */
};

/* Ways in which a row reads a value: see window_uses.c. */
enum { FSE_SLOT_NEW, FSE_SLOT_OTHER, FSE_SLOT_THIRD, FSE_SLOT_ZERO,
       FSE_SLOT_CONST, FSE_SLOTS };
struct fse_use {
  const struct fse_menu_row *row;
  uint8_t pool;
  uint8_t slot[FSE_MENU_READS];   /* what stands at each operand */
  uint64_t gives;                 /* hash */
  fse_sifter sift;                /* NULL: not a row of one op */
  uint8_t a, b;                   /* slots of the op */
  const struct fse_column *constant;
};
struct fse_uses {
  unsigned count, capacity;
  struct fse_use *use;
};

struct fse_enum {
  const struct fse_enum_request *q;
  const struct fse_task *task;
  const struct fse_menu *menu;
  unsigned base;           /* values before the first row */
  struct fse_evalue value[FSE_ENUM_VALUES];
  unsigned depth;          /* rows so far */
  struct fse_erow seq[FSE_ENUM_DEPTH];
  struct fse_evalue target[FSE_WINDOW_OUTS];
  uint64_t *visited;       /* hashes of sets, direct-mapped, */
  uint64_t marks;          /* as many */
  uint64_t salt;           /* of this pass: older marks are none */
  uint64_t work, ask_at;   /* when to ask whether to stop */
  bool stopped, found;
  bool misled;             /* a wrong one passed: the tests tell more now, and
                              the cost has to be enumerated anew, */
  bool again;              /* at once */
  uint32_t wrong;          /* how bad that is, in this pass */
  uint64_t pass_from;      /* work before it */
  bool failed;             /* memory */
  bool gathers;            /* ends are tried for many prefixes at once */
  uint8_t zero;            /* the value of the zero register, or FSE_NOTHING */
  unsigned reads_max;      /* of rows that take part */
  struct fse_patch patch;
  struct fse_uses uses[FSE_MENU_READS];  /* by how many other values */
  uint32_t candidate_count, candidate_capacity;
  struct fse_candidate *candidate;       /* of all levels that are open */
  /* What prefixes have in common, a value in all lanes. */
  struct fse_block common[FSE_ENUM_VALUES];
};

/* Whether result k may be in `where`. */
static inline bool fse_enum_fits(const struct fse_task *t, unsigned k,
                                 uint8_t where) {
  if (where == FSE_WHERE_ZERO) return false;
  return t->out_role[k] == FSE_NOTHING || where == FSE_WHERE_FREE ||
         where == t->out_role[k];
}

/* Whether rows of a kind take part. */
static inline bool fse_enum_uses(const struct fse_enum *e,
                                 const struct fse_menu_row *r) {
  return r->plain || !e->q->plain;
}

/* How many results no value of the level gives; `gone` is a value that does
 * not count. */
unsigned fse_enum_missing(const struct fse_enum *e, const struct fse_level *l,
                          unsigned gone);
/* Whether result k is one of them. */
bool fse_enum_lacks(const struct fse_enum *e, const struct fse_level *l,
                    unsigned k);

/* Tries every row that gives a result, where each that is still to come has to
 * give one: the last, of cost `left`, or one of as many as results are
 * missing. */
void fse_enum_give(struct fse_enum *e, const struct fse_level *l,
                   uint32_t left);

/* Goes on behind a row that gives result k, if it does on all tests. */
void fse_enum_forward(struct fse_enum *e, const struct fse_level *l,
                      const struct fse_erow *row, uint32_t left, unsigned k);

/* Makes and frees the table of uses. -1: memory. */
int fse_enum_uses_make(struct fse_enum *e);
void fse_enum_uses_done(struct fse_enum *e);

/* Whether nothing more is to be tried. */
static inline bool fse_enum_over(const struct fse_enum *e) {
  return e->found || e->again || e->stopped || e->failed;
}

/* Asks now and then whether to stop, and whether the work is used up. */
void fse_enum_ask(struct fse_enum *e);

/* Puts a row behind the sequence, and its value at base + depth. */
void fse_enum_push(struct fse_enum *e, const struct fse_erow *row);

/* One more candidate of a level; then the ends of all from `from` on, which
 * are gone thereafter. For tasks of one result and one file of registers. */
void fse_enum_wait(struct fse_enum *e, const struct fse_candidate *c);
void fse_enum_flush(struct fse_enum *e, const struct fse_level *l,
                    uint32_t from);

/* Prefixes of one level that are alike in what is left and not read yet. */
struct fse_group {
  const struct fse_level *level;
  uint32_t unused, left;
  bool destroys;               /* one of them overwrites something */
  uint32_t from, to;           /* the level's candidates */
  unsigned count;
  uint32_t index[FSE_LANES];   /* the prefixes, ascending */
  struct fse_block newest;     /* their latest values */
};

/* Tries all ends of a group's prefixes. */
void fse_enum_end(struct fse_enum *e, const struct fse_group *g);

/* A row as the last, whose first lanes give result k: is it so on all tests? */
void fse_enum_try(struct fse_enum *e, const struct fse_menu_row *r,
                  const uint8_t *read, uint8_t pool, unsigned k);

/* The sequence is complete: registers, proof, and what comes of it. */
void fse_enum_complete(struct fse_enum *e);

/* Gives out registers. -1: there is no way. */
int fse_enum_assign(const struct fse_enum *e, struct fse_patch *p);

#endif /* FLUX_PLUGIN_WINDOW_ENUM_IMPL_H */
