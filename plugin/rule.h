/*
 * plugin/rule.h - a window and what may stand for it, wherever it is found.
 *
 * A rule says that two forms give the same for all inputs: `left`, what a
 * window computes, and `right`, what the rows of its replacement compute,
 * grouped row by row. It names no register, no opcode and no dialect: rows are
 * found again by what they mean, in any lexicon that has them, and registers
 * are given out for the window at hand. Constants of `left` may be any, where
 * that was proved; those of `right` follow them. A zero register is the
 * constant 0.
 *
 * A rule is believed once it was proved by this very build (fse_rule_prove);
 * and where it is used, what comes of it is tried on the window's tests, and
 * then verified, tried and fuzzed as any candidate.
 */
#ifndef FLUX_PLUGIN_RULE_H
#define FLUX_PLUGIN_RULE_H

#include "plugin/prove.h"
#include "plugin/window_enum.h"

#define FSE_RULE_ROWS 8u   /* of a replacement */

struct fse_rule {
  struct fse_wform left, right;  /* of the same inputs and results */
  uint16_t any;                  /* constants of left that may be anything: a
                                    bit each */
  uint8_t from[FSE_WINDOW_CONSTS]; /* constants of right: the one of left they
                                    are, FSE_NOTHING: their own value */
  uint8_t row_count;
  uint8_t row_end[FSE_RULE_ROWS]; /* nodes of right up to the end of a row */
};

/* The rule of one find as it is, proved or not: no constant may be anything
 * else. `m` is a menu of the task. -1: it is too long for one. */
int fse_rule_make(const struct fse_task *t, const struct fse_menu *m,
                  const struct fse_patch *p, struct fse_rule *out);

/*
 * A rule as bytes, and its name, which is their hash. Bytes are not trusted:
 * what is read is a rule, but may be a wrong one. Writing: false: memory.
 * Reading: -1: they are none.
 */
struct fse_writer;
bool fse_rule_put(struct fse_writer *w, const struct fse_rule *r);
int fse_rule_get(const uint8_t *bytes, size_t size, struct fse_rule *out);

/*
 * Proves a rule as it stands; then, if `widen`, frees its constants one by
 * one, as far as that can be proved. The machine of `d` lends its cells; no
 * rule depends on it. Returns what is known of the rule as it came; of one
 * that is FSE_PROVED all that it was widened by is proved, too.
 */
enum fse_proof fse_rule_prove(struct fse_rule *r, struct fse_prover *p,
                              const struct fisa_dialect *d, bool widen);

/* A number equal for all forms that differ in constants, the order of operands
 * and names alone: only such can match. */
uint64_t fse_form_kind(const struct fse_wform *f);

/* What of a form stands for what of a rule's left side. */
struct fse_match {
  uint8_t input[FSE_WINDOW_INS];       /* input of the form */
  int32_t constant[FSE_WINDOW_CONSTS]; /* values of left's constants */
  uint8_t out[FSE_WINDOW_OUTS];        /* result of the form */
};
bool fse_rule_matches(const struct fse_rule *r, const struct fse_wform *f,
                      struct fse_match *out);

/*
 * A rule put to a task that it matches so, with its menu and tests
 * (fse_enum_request: task, menu, tests; the rest is not looked at). 1: *patch
 * does it; 0: a row is missing here, or registers are; -1: it is wrong, by a
 * counter that joined the tests; -2: memory.
 */
int fse_rule_apply(const struct fse_rule *r, const struct fse_match *match,
                   const struct fse_enum_request *q, struct fse_patch *patch);

#endif /* FLUX_PLUGIN_RULE_H */
