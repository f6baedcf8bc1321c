/*
 * plugin/policy.h - EvolutionPolicy: one table of what an operator may set.
 *
 * The table gives key, type, default, range and meaning; the settings of the
 * host config, docs/policy.md and `fluxevolve policy` come from it.
 */
#ifndef FLUX_PLUGIN_POLICY_H
#define FLUX_PLUGIN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <flux/services.h>

#include "gpu/backend.h"

enum fse_assurance {
  FSE_ASSURE_NONE, FSE_ASSURE_STATIC, FSE_ASSURE_REPLAY, FSE_ASSURE_FUZZ,
  FSE_ASSURE_PROOF
};

#define FSE_MAX_DENY 256
#define FSE_KINDS_MAX 32
#define FSE_MAX_INSTINCTS 32

/*
 * X(member, C type, key, kind, default, lo, hi, meaning); kind INT, FLOAT,
 * BOOL. Assurance, opcode lists, weights and the journal path are strings,
 * handled beside the table (see policy.c).
 */
#define FSE_POLICY(X) \
  X(min_trust, double, "min_trust", FLOAT, 0.5, 0.0, 1.0, \
    "trust an agent needs to be evolved") \
  X(rollback_fraction, double, "rollback_fraction", FLOAT, 1.0, 0.1, 10.0, \
    "revert when the cost on probation exceeds this share of the root's") \
  X(confidence_drop, double, "confidence_drop", FLOAT, 0.9, 0.0, 1.0, \
    "revert when mean confidence falls below this share of the root's") \
  X(probation_tasks, uint32_t, "probation_tasks", INT, 16, 1, 4096, \
    "tasks a patch is watched for") \
  X(probation_hold, bool, "probation_hold", BOOL, 1, 0, 1, \
    "outputs on probation wait until the shadow run agrees") \
  X(hold_ms, uint32_t, "hold_ms", INT, 2000, 1, 60000, \
    "longest wait for a shadow run before the host recovers by itself") \
  X(deadline_tasks, uint32_t, "deadline_tasks", INT, 1000, 1, 1000000, \
    "boundaries after which an offer withdraws itself") \
  X(max_size, uint32_t, "max_size", INT, 65536, 1, 65536, \
    "bytes a program may have to be evolved, and a variant at most") \
  X(max_growth, double, "max_growth", FLOAT, 1.5, 1.0, 16.0, \
    "size of a variant against the original") \
  X(max_task_cycles, uint64_t, "max_task_cycles", INT, 1000000, 1, \
    1000000000, "cycles within which a task boundary must come") \
  X(max_generations, uint32_t, "max_generations", INT, 64, 0, 1000000, \
    "accepted patches an agent may have") \
  X(population, uint32_t, "population", INT, 256, 1, 65536, \
    "candidates a round") \
  X(budget, uint64_t, "budget", INT, 200000, 1, 1000000000, \
    "variants tried for one offer") \
  X(fuzz_states, uint32_t, "fuzz_states", INT, 100000, 100, 100000000, \
    "counted states of assurance fuzz") \
  X(episodes, uint32_t, "episodes", INT, 32, 1, 4096, \
    "recorded tasks before a search begins, and kept for replay") \
  X(record_period, uint32_t, "record_period", INT, 32, 1, 1000000, \
    "of so many tasks one is counted and recorded") \
  X(threads, uint32_t, "threads", INT, 1, 1, 64, \
    "evolution threads; no more run than cores that the host may use") \
  X(cpu_share, double, "cpu_share", FLOAT, 0.5, 0.01, 1.0, \
    "share of one core an evolution thread may use") \
  X(paused, bool, "paused", BOOL, 0, 0, 1, \
    "install accepted versions of the journal, search for nothing new") \
  X(tuning, bool, "tuning", BOOL, 1, 0, 1, \
    "edits that change behaviour, where the host can judge it") \
  X(tune_gain, double, "tune_gain", FLOAT, 0.002, 0.0, 1.0, \
    "score of a task that such an edit has to gain, beyond noise") \
  X(canary_tasks, uint32_t, "canary_tasks", INT, 512, 16, 1000000, \
    "tasks it is tried for live, beside a control") \
  X(scorer_ms, uint32_t, "scorer_ms", INT, 1000, 1, 60000, \
    "longest call of a scorer or model before it is given up") \
  X(seed, uint64_t, "seed", INT, 1, 0, INT64_MAX, \
    "of all random draws")

struct fse_policy {
#define FSE_POLICY_MEMBER(m, type, key, kind, def, lo, hi, text) type m;
  FSE_POLICY(FSE_POLICY_MEMBER)
#undef FSE_POLICY_MEMBER
  enum fse_assurance min_assurance;    /* "min_assurance": static replay fuzz
                                          proof */
  enum fbackend_choice backend;        /* "trial.backend": auto lanes cuda ir */
  uint32_t deny_count;                 /* "deny_opcodes": mnemonics */
  char deny[FSE_MAX_DENY][FISA_MAX_NAME];
  uint32_t allow_count;                /* "allow_opcodes": these alone; none:
                                          all but the denied */
  char allow[FSE_MAX_DENY][FISA_MAX_NAME];
  uint32_t instinct_count;             /* "instincts": sources and channels */
  char instinct[FSE_MAX_INSTINCTS][FISA_MAX_NAME]; /* beside the agent's own */
  double weight[FSE_KINDS_MAX];        /* "weights.KIND": 0..100, default 1 */
  char journal[1024];                  /* "journal": path; "": none kept */
  uint32_t plant_count;                /* "test_plant": fault wrong slow; a */
  char plant[8][16];                   /* test switch: bad patches offered */
  char plant_agent[8][64];             /* "AGENT:fault", "": the first */
};

/* The defaults. */
void fse_policy_init(struct fse_policy *p);

/*
 * Sets the policy from the plugin's block (policy.* and journal, test_plant).
 * Returns 0, or -1 with err: FILE:LINE: the setting, what is wrong with it,
 * its range or the nearest key.
 */
int fse_policy_read(struct fse_policy *p, const flux_config *config,
                    void *ctx, struct fisa_error *err);

/* Whether a dialect has a mnemonic; if not, err says the nearest it has. Case
 * is ignored. */
int fse_policy_opcode(const struct fisa_dialect *d, const char *name,
                      struct fisa_error *err);
/* The same of every mnemonic of deny_opcodes and allow_opcodes. */
int fse_policy_opcodes(const struct fse_policy *p,
                       const struct fisa_dialect *d, struct fisa_error *err);

/* Row i of the table for help and docs; false past the last. */
struct fse_policy_row {
  const char *key, *kind, *meaning;
  char def[32], lo[32], hi[32];
};
bool fse_policy_row(unsigned i, struct fse_policy_row *out);

const char *fse_assurance_name(enum fse_assurance a);
int fse_assurance_by_name(const char *name);  /* -1: unknown */

#endif /* FLUX_PLUGIN_POLICY_H */
