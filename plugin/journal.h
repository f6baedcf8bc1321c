/*
 * plugin/journal.h - what is remembered: SQLite in WAL mode, a file a host.
 *
 * Accepted means committed. A journal that cannot be opened or written never
 * stops an agent: the caller pauses evolution and says the one sentence.
 * Stored code is data: whoever reads a program verifies it again.
 */
#ifndef FLUX_PLUGIN_JOURNAL_H
#define FLUX_PLUGIN_JOURNAL_H

#include "plugin/edit.h"
#include "plugin/policy.h"
#include "plugin/uses.h"

#define FSE_JOURNAL_SCHEMA 5

/* What became of a proposal that reached the end of its search or life. */
enum fse_outcome {
  FSE_ACCEPTED, FSE_REJECTED, FSE_REVERTED, FSE_RECOVERED, FSE_WITHDRAWN
};
const char *fse_outcome_name(enum fse_outcome o);

/* One EvolutionRecord. */
struct fse_record {
  char agent[64];
  uint64_t patch;             /* its version number */
  uint32_t generation;        /* of the agent after it */
  char kind[224];             /* kinds of the edits, "RemoveDead x3, ..." */
  double fitness_before, fitness_after;
  double cost_before, cost_after;  /* per result */
  enum fse_outcome outcome;
  enum fse_assurance assurance;
  char reason[160];
  uint8_t parent[32], child[32];   /* program hashes */
  int64_t time_ms;            /* wall clock; no part of determinism */
};

struct fse_journal;

/*
 * Opens or creates. On failure returns -1 with one sentence that names the
 * file: unreadable, not SQLite, damaged, another schema (newer), disk full.
 * An older schema is migrated. One process at a time holds it.
 */
int fse_journal_open(const char *path, struct fse_journal **out,
                     struct fisa_error *err);
/* Whether a file may be opened there, as far as can be told without making
 * it. Returns 0, or -1 with err. */
int fse_journal_place(const char *path, struct fisa_error *err);
/* Read-only, for reports; may be open elsewhere. */
int fse_journal_open_ro(const char *path, struct fse_journal **out,
                        struct fisa_error *err);
void fse_journal_close(struct fse_journal *j);   /* NULL is fine */

/* All calls below are thread-safe and return 0, or -1 with err. */

/* Stores a program (by hash; once). */
int fse_journal_program(struct fse_journal *j, const struct fisa_program *p,
                        struct fisa_error *err);
/*
 * Appends a record; with `version` not NULL also makes it the agent's live
 * version, in one transaction (the acceptance itself).
 */
struct fse_version {
  const struct fisa_program *program, *root;
  const struct fse_place *places;  /* root -> program, ascending */
  uint32_t place_count;
  bool tuned;                      /* it does other things than its root, and
                                      is the root of what comes behind it */
  const struct fse_uses *uses;     /* NULL: it owes nothing */
};
int fse_journal_record(struct fse_journal *j, const struct fse_record *r,
                       const struct fse_version *version,
                       struct fisa_error *err);
/* Takes the agent's live version back to its root (contradicted after it was
 * accepted), with the record of it, in one transaction. */
int fse_journal_demote(struct fse_journal *j, const struct fse_record *r,
                       struct fisa_error *err);
/*
 * The last accepted version of an agent whose original has `root` as hash:
 * program, places, generation and patch number. Returns 1 and fills *out (a
 * program derived from `original`, its hash checked against the stored one;
 * both owned by the caller), 0 if there is none, -1 with err if damaged.
 */
struct fse_stored {
  struct fisa_program *program;
  struct fse_place *places;
  uint32_t place_count, generation;
  uint64_t patch;
  bool tuned;                      /* its own versions have it as original */
  struct fse_uses uses;
};
int fse_journal_version(struct fse_journal *j, const char *agent,
                        const struct fisa_program *original,
                        struct fse_stored *out, struct fisa_error *err);
/* Counterexamples of a root: opaque blobs, oldest first. A function that is
 * called for each row may not call the journal; non-zero ends the list. */
int fse_journal_counter_add(struct fse_journal *j, const uint8_t root[32],
                            const void *blob, size_t size,
                            struct fisa_error *err);
int fse_journal_counters(struct fse_journal *j, const uint8_t root[32],
                         int (*each)(const void *blob, size_t size,
                                     void *user),
                         struct fisa_error *err, void *user);
/*
 * Bytes by a key, on one shelf for each use. Putting replaces what the key had;
 * reading returns 1 and *blob, to be freed, 0 if there is nothing, -1 with err;
 * taking away what is not there is no error.
 */
enum fse_shelf {
  FSE_SHELF_CALIBRATIONS,  /* what calibration found (calibrate.h) */
  FSE_SHELF_ANSWERS,       /* what searches found (recall.h) */
  FSE_SHELF_SCENES         /* on what tunings were found (scenes.c) */
};
int fse_journal_put(struct fse_journal *j, enum fse_shelf shelf,
                    const uint8_t key[32], const void *blob, size_t size,
                    struct fisa_error *err);
int fse_journal_get(struct fse_journal *j, enum fse_shelf shelf,
                    const uint8_t key[32], uint8_t **blob, size_t *size,
                    struct fisa_error *err);
int fse_journal_take(struct fse_journal *j, enum fse_shelf shelf,
                     const uint8_t key[32], struct fisa_error *err);
/*
 * Rules (rules.h): bytes by name, with the build that proved them. Putting one
 * that is there says who proved it last; one that was revoked stays as it is.
 * Revoking needs no rule to be there: it will never be. Those of the list come
 * oldest first; a function that is called may not call the journal.
 */
struct fse_stored_rule {
  const uint8_t *name, *build;     /* 32 bytes each */
  const uint8_t *bytes;
  size_t size;
  bool revoked;
};
int fse_journal_rule_put(struct fse_journal *j,
                         const struct fse_stored_rule *r,
                         struct fisa_error *err);
int fse_journal_rule_revoke(struct fse_journal *j, const uint8_t name[32],
                            struct fisa_error *err);
int fse_journal_rules(struct fse_journal *j,
                      int (*each)(const struct fse_stored_rule *r,
                                  void *user),
                      struct fisa_error *err, void *user);

/* A fault of a live task, for the report. */
int fse_journal_fault(struct fse_journal *j, const char *agent,
                      uint64_t version, int32_t code, uint32_t pc,
                      struct fisa_error *err);
/* Records of an agent (NULL: of all), oldest first. */
int fse_journal_records(struct fse_journal *j, const char *agent,
                        int (*each)(const struct fse_record *r, void *user),
                        struct fisa_error *err, void *user);
/* Agents with an accepted version: name, code, entry. */
int fse_journal_versions(struct fse_journal *j,
                         int (*each)(const char *agent, uint32_t generation,
                                     const uint8_t *code, uint32_t size,
                                     uint32_t entry, void *user),
                         struct fisa_error *err, void *user);

/*
 * Keeps the newest `keep` records, faults, counterexamples, answers and rules,
 * and what any version needs, however old: its programs, its record, its
 * counterexamples, the rules it owes something to. A revoked rule is never
 * forgotten.
 */
int fse_journal_prune(struct fse_journal *j, uint32_t keep,
                      struct fisa_error *err);

#endif /* FLUX_PLUGIN_JOURNAL_H */
