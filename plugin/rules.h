/*
 * plugin/rules.h - all rules that are known, and what they are worth.
 *
 * A rule comes of a find that was proved (rule.h), is there for every search
 * from then on, of any agent and dialect, and is kept in the journal if there
 * is one. One that another build proved is proved again before it is used.
 * Contradicted once, by a search or by an agent that runs what it made, it is
 * revoked: nobody uses it again, nor learns it, and all versions that owe it
 * something go back to their roots (watch.c).
 *
 * All calls are thread-safe; a name that is handed out lives as long as the
 * store.
 */
#ifndef FLUX_PLUGIN_RULES_H
#define FLUX_PLUGIN_RULES_H

#include "plugin/journal.h"
#include "plugin/rule.h"

#define FSE_RULES_MAX 4096u  /* in memory; the newest are */

struct fse_rules;

/* With those of a journal, which is not owned, outlives the store and gets
 * what comes to it; NULL: there is none. Returns NULL with err: memory, or the
 * journal cannot be read. */
struct fse_rules *fse_rules_new(struct fse_journal *j,
                                struct fisa_error *err);
void fse_rules_free(struct fse_rules *rs);      /* NULL is fine */
uint32_t fse_rules_count(struct fse_rules *rs); /* those not revoked */

/*
 * Puts all rules that match to a task: 1, the cheapest patch, and the name of
 * its rule; 0: there is none; -1: memory. Rules of another build are proved
 * with `p`, for which the machine of `d` lends its cells; if it is NULL they
 * are passed over. A rule that proves wrong is revoked.
 */
struct fse_rules_use {
  const struct fse_enum_request *q;  /* task, menu, tests */
  struct fse_prover *prover;
  const struct fisa_dialect *dialect;
};
int fse_rules_apply(struct fse_rules *rs, const struct fse_rules_use *u,
                    struct fse_patch *patch, const uint8_t **name);

/* Whether any rule may match a form: what is quickly said. */
bool fse_rules_may(struct fse_rules *rs, const struct fse_wform *f);

/* Adds a rule that this build has proved; returns its name, or NULL: it was
 * revoked, or there is no memory. If it is there already it is that one. What
 * the journal cannot keep is there all the same. */
const uint8_t *fse_rules_add(struct fse_rules *rs, const struct fse_rule *r);

void fse_rules_revoke(struct fse_rules *rs,
                      const uint8_t name[FSE_RULE_NAME]);

/* Whether one of these rules was revoked. */
bool fse_rules_tainted(struct fse_rules *rs, const struct fse_uses *uses);

#endif /* FLUX_PLUGIN_RULES_H */
