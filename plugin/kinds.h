/*
 * plugin/kinds.h - what the files of the mutation table share.
 */
#ifndef FLUX_PLUGIN_KINDS_H
#define FLUX_PLUGIN_KINDS_H

#include "plugin/kinds_table.h"
#include "plugin/lexicon.h"

#define FSE_MAX_RENAME 1024u  /* instructions of a program renamed in */

/* Register byte `from` of a file becomes `to`. */
struct fse_rename {
  unsigned file;
  int32_t from, to;
};

/* Ends a proposal about the instruction at pc: what it did, and the sweep. Its
 * value is set already, where the way has one. */
int fse_propose(struct fse_draft *d, const struct fse_view *v,
                struct fse_proposal *out, uint32_t way, uint32_t pc);

/* Whether new instructions of some row of a dialect mean `op`. */
bool fse_can(const struct fse_lexicon *l, unsigned op);
/* Whether some row of the dialect does `op`, if among other things. */
bool fse_does(const struct fse_lexicon *l, unsigned op);

/* Kinds that need nothing but rows that an edit can be made of, and those that
 * are drawn alone. */
bool fse_can_edit(const struct fse_lexicon *l);
uint32_t fse_one_each(const struct fse_view *v);

/* Overwrites a node by the best row for a want. -1: none, or no change. */
int fse_rewrite(const struct fse_view *v, struct fse_draft *d, uint32_t node,
                const struct fse_want *w, uint32_t target);

/* Whether a node is an instruction of the view that may be edited. */
bool fse_plain(const struct fse_view *v, uint32_t node);

/* Loads and stores of one value, and their address put in order: a part that
 * is a constant belongs to the displacement. */
bool fse_reaches_memory(unsigned op);
void fse_displace(struct fse_want *w);

/* Renames the reads that the definition at node `def` reaches. Returns how
 * many instructions changed, or -1. */
int fse_rename_uses(const struct fse_view *v, struct fse_draft *d,
                    uint32_t def, const struct fse_rename *r);

/* Calls `use` with each operand that reads the register which the instruction
 * `def` of the view writes, as far as that value reaches. False ends it. */
typedef bool (*fse_use)(uint32_t node, unsigned operand, void *user);
int fse_each_use(const struct fse_view *v, uint32_t def, fse_use use,
                 void *user);

/* Whether a program may read and emit what a row does: it has the row already,
 * or policy lists its source and its channel as instincts. */
bool fse_may_touch(const struct fisa_facts *facts, const struct fse_policy *p,
                   const struct fisa_dialect *d, const struct fisa_row *row);

/* ---- control ------------------------------------------------------------ */

/* Rows that always jump, and that may, to a static target. */
bool fse_is_jump(const struct fisa_row *row);
bool fse_is_branch(const struct fisa_row *row);
/* The instruction that follows i in the code, or UINT32_MAX. */
uint32_t fse_follower(const struct fse_view *v, uint32_t i);
/* Whether some instruction jumps to node i. */
bool fse_jumped_to(const struct fse_view *v, uint32_t i);
/* Instructions head..back of a view, of which the last jumps to the first. */
struct fse_loop {
  uint32_t head, back;
};
/* The loop that instruction `back` closes; false: it closes none. */
bool fse_loop_at(const struct fse_view *v, uint32_t back,
                 struct fse_loop *out);
/* The branch that is taken where `op` is not, or FLUX_OP_NOP. */
unsigned fse_inverse(unsigned op);

/* ---- values ------------------------------------------------------------- */

/* Whether a row does nothing but compute: it may be run apart. */
bool fse_computes(const struct fisa_row *row);
/* Whether an instruction leaves everything but cells and memory alone, and
 * ends no run. */
static inline bool fse_only_cells(const struct fisa_effects *e) {
  return !e->pinned && !e->may_fault && !e->stack_read && !e->stack_write &&
         !e->input && !e->output;
}
bool fse_same_register(const struct fse_arg *a, const struct fse_arg *b);
/* The value an argument always has at instruction i. */
bool fse_known_value(const struct fse_view *v, uint32_t i,
                     const struct fse_arg *a, int32_t *value);
/* Makes one row at j of those at i and j, i first. 0, or -1: it cannot be. */
int fse_fuse(const struct fse_view *v, uint32_t i, uint32_t j, unsigned way,
             struct fse_draft *d, struct fse_proposal *out);
#define FSE_FUSE_WAYS 3u

/* ---- the functions of the table ----------------------------------------- */

#define FSE_KIND_DECLARE(NAME, f, family, random, summary) \
  bool fse_##f##_available(const struct fse_lexicon *l); \
  uint32_t fse_##f##_sites(const struct fse_view *v); \
  int fse_##f##_apply(const struct fse_view *v, uint32_t site, \
                      struct fse_draft *d, struct fse_proposal *out); \
  void fse_##f##_describe(const struct fse_proposal *p, \
                          char out[FSE_REASON]); \
  int fse_##f##_random(const struct fse_view *v, uint64_t seed, \
                       uint64_t round, uint64_t index, struct fse_draft *d, \
                       struct fse_proposal *out);
FSE_KIND_TABLE(FSE_KIND_DECLARE)
#undef FSE_KIND_DECLARE

/* The find that a proposal made use of; NULL: it is of another kind. */
struct fse_find;
const struct fse_find *fse_find_of(const struct fse_view *v,
                                   const struct fse_proposal *p);

/* Takes back any edit of a program's code. */
int fse_undo(const struct fse_change *c, const struct fisa_program *child,
             struct fisa_program **parent, struct fisa_error *err);

#endif /* FLUX_PLUGIN_KINDS_H */
