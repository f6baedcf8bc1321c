/*
 * plugin/edit.h - a program as a list that can be edited, and back.
 *
 * A draft lists the instructions that control can reach, with jump targets as
 * list positions; editing inserts, removes and replaces; finishing lays the
 * code out anew, re-fixes every target and maps the old places to the new
 * ones, or refuses with the reason. It never repairs silently. In a layout-
 * frozen program every instruction must keep its address.
 */
#ifndef FLUX_PLUGIN_EDIT_H
#define FLUX_PLUGIN_EDIT_H

#include "isa/program.h"

#define FSE_NO_NODE UINT32_MAX

/* One instruction of a draft. */
struct fse_node {
  struct fisa_insn insn;  /* row and values; pc: address in the parent, or
                             UINT32_MAX for a new one */
  uint32_t target;        /* node a static target goes to, or FSE_NO_NODE */
  int64_t fixed_target;   /* static target that is no instruction (end of the
                             code): kept as it is; else FISA_NO_TARGET */
  uint8_t filler[4];      /* bytes glued behind (row.filler) */
  uint32_t lead;          /* node that jumps to this one enter by: itself, or
                             one inserted before it */
  bool pinned;            /* may not be edited, moved or removed */
  bool dead;              /* removed: control passes to the next node */
};

struct fse_draft {
  const struct fisa_program *parent; /* not owned */
  uint32_t count, capacity;
  uint32_t base_count;    /* nodes 0..base_count-1 are the parent's
                             instructions, ascending pc */
  struct fse_node *nodes;
  uint32_t entry;         /* node */
  uint32_t boundary;      /* node of a pc boundary, or FSE_NO_NODE */
  bool frozen;            /* layout frozen */
  uint32_t order_count, order_capacity;
  uint32_t *order;        /* list order: nodes[order[0]], ...; nodes are never
                             renumbered, order is */
};

/* A draft of a program. Unreached bytes are left out unless frozen. Returns
 * 0 or -1 with err (malformed parents are refused). */
int fse_draft_make(const struct fisa_program *p, const struct fisa_facts *f,
                   struct fse_draft **out, struct fisa_error *err);
struct fse_draft *fse_draft_copy(const struct fse_draft *d); /* NULL: memory */
/* dst becomes a copy of src, reusing dst's memory. Returns 0 or -1. */
int fse_draft_assign(struct fse_draft *dst, const struct fse_draft *src);
void fse_draft_free(struct fse_draft *d);

/* The node of an address of the parent, or FSE_NO_NODE. */
uint32_t fse_draft_at(const struct fse_draft *d, uint32_t pc);

/* Removes a node; jumps to it go to the next. 0, or -1: pinned. */
int fse_draft_remove(struct fse_draft *d, uint32_t node);

/* Overwrites row and values of a node (target kept as given). 0 or -1. */
int fse_draft_replace(struct fse_draft *d, uint32_t node,
                      const struct fisa_row *row,
                      const int32_t value[FISA_MAX_OPERANDS],
                      uint32_t target);

/* Inserts a new node before `node` in list order; jumps to `node` go to the
 * new one iff `take_jumps`. Returns the new node, or FSE_NO_NODE (memory). */
uint32_t fse_draft_insert(struct fse_draft *d, uint32_t node, bool take_jumps,
                          const struct fisa_row *row,
                          const int32_t value[FISA_MAX_OPERANDS],
                          uint32_t target);

/* Puts a new node behind all others. The same. */
uint32_t fse_draft_append(struct fse_draft *d, const struct fisa_row *row,
                          const int32_t value[FISA_MAX_OPERANDS],
                          uint32_t target);

/* The next node in list order that is not dead, or FSE_NO_NODE. */
uint32_t fse_draft_next(const struct fse_draft *d, uint32_t node);

/* Where a place of the parent is in the finished child. */
struct fse_place {
  uint32_t from_pc, to_pc;
};

/* Where from_pc `pc` is in `count` ascending places, or UINT32_MAX. */
uint32_t fse_place_of(const struct fse_place *places, uint32_t count,
                      uint32_t pc);

/* A finished child: the program and its map of all places that both have. */
struct fse_child {
  struct fisa_program *program;
  uint32_t place_count;       /* ascending from_pc */
  struct fse_place *places;   /* every instruction of the parent, where its
                                 execution goes on in the child */
  uint32_t *address;          /* of every node of the draft, in the child */
};

/*
 * Lays the draft out. Returns 0, or -1 with err: a target out of its
 * operand's reach, an address that moved although frozen, over max_size.
 */
int fse_draft_finish(const struct fse_draft *d, uint32_t max_size,
                     struct fse_child *out, struct fisa_error *err);
void fse_child_done(struct fse_child *c);

/* to_pc of a from_pc, or UINT32_MAX. */
uint32_t fse_child_place(const struct fse_child *c, uint32_t from_pc);

/*
 * Removes instructions that can have no effect: those not reached any more,
 * and those whose every result is dead, until none is left. Whether what is
 * left is right is for the trials to say. Returns how many, or -1 (the draft
 * cannot be laid out, or memory).
 */
int fse_draft_sweep(struct fse_draft *d, uint32_t max_size);

#endif /* FLUX_PLUGIN_EDIT_H */
