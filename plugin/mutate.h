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
};
struct fse_profile *fse_profile_new(const struct fisa_program *p,
                                    const struct fisa_facts *f,
                                    const struct fse_profile_source *from);
void fse_profile_free(struct fse_profile *p);
uint64_t fse_profile_count(const struct fse_profile *p, uint32_t insn);

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
};

/* One proposal: an edited draft, its kind and reason. */
struct fse_proposal {
  uint32_t kind;        /* index into the table */
  char reason[96];      /* "R5 is always R3 here" ... */
};

/*
 * The mutation table. `sites` says how many directed proposals the kind has
 * for a view (0: none, or unavailable in the dialect); proposal i of kind k
 * is a pure function of (view, i). Beyond them, `random` draws one from the
 * counter-based generator.
 */
struct fse_kind {
  const char *name;        /* "OptimizeOpcode", ... */
  const char *family;      /* "preserving" */
  const char *summary;
  bool (*available)(const struct fse_lexicon *l);
  uint32_t (*sites)(const struct fse_view *v);
  int (*apply)(const struct fse_view *v, uint32_t site, struct fse_draft *d,
               struct fse_proposal *out);   /* 0, or -1: nothing there */
  int (*random)(const struct fse_view *v, uint64_t seed, uint64_t round,
                uint64_t index, struct fse_draft *d,
                struct fse_proposal *out);  /* NULL: directed only */
};

extern const struct fse_kind fse_kinds[];
extern const uint32_t fse_kind_count;

/* All directed proposals of a view, hot blocks first, in an order that is a
 * pure function of the view. */
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
