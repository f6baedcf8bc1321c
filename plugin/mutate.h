/*
 * plugin/mutate.h - proposals: the mutation table and what it draws on.
 *
 * A proposal is one typed edit of a draft with its reason. Proposers may be
 * wrong: what they propose is verified and tried before it counts. They know
 * no opcode: rows are found in the dialect by the meaning of their template
 * (fse_lexicon), values by watching the root on its episodes (fse_profile).
 */
#ifndef FLUX_PLUGIN_MUTATE_H
#define FLUX_PLUGIN_MUTATE_H

#include "gpu/trial.h"
#include "plugin/edit.h"
#include "plugin/policy.h"

/*
 * Rows of a dialect by meaning, built once per dialect and lists of allowed
 * and denied rows. A form
 * is a row whose template's first step is `op` and whose operands are all
 * register operands or immediates of the row (flag writes may follow).
 */
struct fse_lexicon;
struct fse_lexicon *fse_lexicon_new(const struct fisa_dialect *d,
                                    const struct fse_policy *policy);
void fse_lexicon_free(struct fse_lexicon *l);

/*
 * What was seen of the current program on the set's episodes: how often each
 * instruction ran, and facts that held every time it did. Facts are hints.
 */
struct fse_profile;
struct fse_profile_source {
  const struct ftrial_set *set;
  struct ftrial_pc_map map;   /* root's boundaries in the program */
  uint32_t episodes;          /* of the set, from the first, at most */
  struct fir_lane *lane;
  /* Called before every instruction, with the cells and the run's state, of
   * which the memory alone is up to date. May be NULL. */
  void (*also)(uint32_t pc, const int32_t *cells, const struct fisa_state *s,
               void *user);
  void *user;
};
struct fse_profile *fse_profile_new(const struct fisa_program *p,
                                    const struct fisa_facts *f,
                                    const struct fse_profile_source *from);
void fse_profile_free(struct fse_profile *p);
uint64_t fse_profile_count(const struct fse_profile *p, uint32_t insn);

struct fse_mate;
struct fse_windows;  /* window_book.h */

/* Everything a proposer may look at; immutable during a round. */
struct fse_view {
  const struct fisa_program *program;   /* the current best */
  const struct fisa_facts *facts;
  const struct fse_draft *draft;        /* of program; node i = facts->insn[i]
                                           for i < facts->count */
  const struct fse_lexicon *lexicon;
  const struct fse_profile *profile;
  const struct fse_policy *policy;
  const uint64_t *heat;                 /* runs by pc, of program, as the host
                                           counted; NULL: the profile's */
  const double *weight;                 /* of each kind, as learned; NULL: the
                                           policy's */
  const struct fse_mate *mates;         /* versions of the same root to breed
                                           with: the first is `program` */
  uint32_t mate_count;
  const struct fse_windows *windows;    /* what their search found, or NULL */
  struct fse_vain *vain;                /* sought in vain so far, or NULL */
};

/*
 * One proposal, as plain data: its kind and what the kind needs to say in
 * words what it did. The words are made when somebody asks.
 */
struct fse_proposal {
  uint32_t kind;        /* index into the table */
  uint32_t pc;          /* of the instruction it is about, in the view */
  uint32_t way;         /* which of the kind's ways */
  int32_t value;        /* a register, a constant, a count: the way says */
};

#define FSE_REASON 96   /* bytes of a description, NUL included */

/* An edit that was made, and what takes it back: see undo.c. */
struct fse_change {
  struct fse_proposal what;
  uint8_t parent[32], child[32];  /* hashes */
  uint32_t entry, boundary;       /* of the parent */
  uint32_t at, added, removed;    /* child's bytes at..at+added stand where the
                                     parent had `removed` others */
  uint8_t *old;                   /* those; owned */
};
int fse_change_make(const struct fisa_program *parent,
                    const struct fisa_program *child,
                    const struct fse_proposal *what, struct fse_change *out);
void fse_change_done(struct fse_change *c);

/*
 * The mutation table, whose rows are in kinds_table.h. `available` says whether
 * a dialect has what the kind needs. `sites` says how many directed proposals
 * there are for a view (0: none); proposal i of kind k is a pure function of
 * (view, i). Beyond them, `random` draws one from the counter-based generator.
 * `describe` says what a proposal did; `undo` makes the parent of a child
 * again, to the byte, or says why it cannot.
 */
struct fse_kind {
  const char *name;        /* "OptimizeOpcode", ... */
  const char *family;      /* "preserving", "tuning" */
  const char *summary;
  bool (*available)(const struct fse_lexicon *l);
  uint32_t (*sites)(const struct fse_view *v);
  int (*apply)(const struct fse_view *v, uint32_t site, struct fse_draft *d,
               struct fse_proposal *out);   /* 0, or -1: nothing there */
  void (*describe)(const struct fse_proposal *p, char out[FSE_REASON]);
  int (*undo)(const struct fse_change *c, const struct fisa_program *child,
              struct fisa_program **parent, struct fisa_error *err);
  int (*random)(const struct fse_view *v, uint64_t seed, uint64_t round,
                uint64_t index, struct fse_draft *d,
                struct fse_proposal *out);  /* NULL: directed only */
};

extern const struct fse_kind fse_kinds[];
extern const uint32_t fse_kind_count;

/* Whether the preserving search may use a kind: the families never mix. */
bool fse_kind_preserves(uint32_t kind);

/* A kind's weight for a view: how early its edits are tried; 0: never. */
double fse_kind_weight(const struct fse_view *v, uint32_t kind);

/*
 * Draws a proposal for candidate `index` of a round: a kind by weight, then
 * one of its random edits, or, for a kind without, one of its sites behind a
 * neutral edit that may open the way to it. 0, or -1: nothing there.
 */
int fse_draw(const struct fse_view *v, uint64_t seed, uint64_t round,
             uint64_t index, struct fse_draft *d, struct fse_proposal *out);

/* All directed proposals of a view that preserve, hot blocks first, in an order
 * that is a pure function of the view. */
struct fse_site {
  uint32_t kind, site;
};
struct fse_sites {
  uint32_t count;
  struct fse_site *items;
};
int fse_sites_make(const struct fse_view *v, struct fse_sites *out);
void fse_sites_done(struct fse_sites *s);

#endif /* FLUX_PLUGIN_MUTATE_H */
