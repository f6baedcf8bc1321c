/*
 * plugin/window_enum_impl.h - what the parts of the enumeration share.
 *
 *   window_enum.c    prefixes: sets of values, cost by cost
 *   window_last.c    the last row of a sequence
 *   window_batch.c   the last row of many sequences at once
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

/* Prefixes of a level that differ in their latest value, and are alike in
 * where it is, what it overwrote, and what else is not read yet. */
enum { FSE_GROUPS = 24, FSE_GROUP_SIZE = 64 };
struct fse_group {
  uint32_t unused, cost;   /* of the last row */
  uint8_t gone, where, file;
  unsigned count;
  struct fse_glance glance[FSE_GROUP_SIZE];
  uint64_t hash[FSE_GROUP_SIZE];
  struct fse_erow row[FSE_GROUP_SIZE];
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
  uint64_t *visited;       /* hashes of sets, direct-mapped */
  uint64_t salt;           /* of this pass: older marks are none */
  uint64_t work, ask_at;   /* when to ask whether to stop */
  bool stopped, found, again; /* again: the tests changed */
  bool gathers;            /* last rows are tried for many prefixes at once */
  struct fse_patch patch;
  unsigned group_count;
  struct fse_group group[FSE_GROUPS];
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

/* The result that no value of the level gives: its number, -1: more than one,
 * -2: there is none. `gone` is a value that does not count. */
int fse_enum_missing(const struct fse_enum *e, const struct fse_level *l,
                     unsigned gone);

/* Tries every row of cost `cost` as the last. */
void fse_enum_last(struct fse_enum *e, const struct fse_level *l,
                   uint32_t cost);

/* Puts a prefix of level l into its group, for a last row of this cost; the
 * groups are empty once flushed. See window_batch.c for which tasks. */
void fse_enum_gather(struct fse_enum *e, const struct fse_level *l,
                     const struct fse_level *next, const struct fse_erow *row,
                     uint32_t cost);
void fse_enum_flush(struct fse_enum *e, const struct fse_level *l,
                    struct fse_group *g);

/* A row as the last, whose first lanes give result k: is it so on all tests? */
void fse_enum_try(struct fse_enum *e, const struct fse_menu_row *r,
                  const uint8_t *read, uint8_t pool, unsigned k);

/* Sets of operands of one row side by side in columns, as many as there is
 * room for. Zero count to begin with. */
enum { FSE_PACK = FSE_LANES / FSE_GLANCE };
struct fse_pack {
  uint8_t pool;            /* the constant, the same for all */
  unsigned count;
  uint8_t read[FSE_PACK][FSE_MENU_READS];
  struct fse_column col[FSE_MENU_READS];
};

/* What a row gives for all of a pack, which is not empty. It is work. */
void fse_enum_pack(struct fse_enum *e, const struct fse_menu_row *row,
                   struct fse_pack *p, struct fse_column *out);

/* The sequence is complete: registers, proof, and what comes of it. */
void fse_enum_complete(struct fse_enum *e);

/* Gives out registers. -1: there is no way. */
int fse_enum_assign(const struct fse_enum *e, struct fse_patch *p);

#endif /* FLUX_PLUGIN_WINDOW_ENUM_IMPL_H */
