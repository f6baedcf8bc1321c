/*
 * hostsdk/runtime_internal.h - the insides of an agent that runs. Private.
 *
 * WHO TOUCHES WHAT. Everything in an agent belongs to the thread that runs
 * it, but for the mailbox, which evolution threads write and it reads at task
 * boundaries:
 *
 *   offer      a prepared patch, in one slot that is never freed. Its state
 *              says whose it is: EMPTY evolution's, READY anybody's who swings
 *              it, TAKEN the agent's while it looks (a few instructions;
 *              withdraw() waits that long).
 *   verdict    the patch on probation, with what shall become of it; 0: none.
 *              The agent opens and closes it; in between each side may only
 *              swing it from one word to the next, so that a verdict given by
 *              a plugin and one of the host's own cannot both stand.
 *   agreed     one past the last task that agreed; only grows.
 *   numbers    one past the last task that began; the agent's.
 *   observe    what and period, in one word.
 *   retired    versions and logs the agent let go of: it pushes, offer(),
 *              counts() and detach take the whole list and free it. Nothing
 *              is ever freed on the agent's thread.
 *
 * Evolution threads exclude each other by `lock`, which the agent's thread
 * never takes.
 *
 * THE WAY BACK. On probation every task is logged with its begin, until it
 * agreed. The pc of a logged begin is where the base would begin that task.
 * The oldest task in the log always has such a place; a task that agreed is
 * kept as long as the one behind it has none. So an agent that shall recover
 * always can.
 */
#ifndef FLUX_HOSTSDK_RUNTIME_INTERNAL_H
#define FLUX_HOSTSDK_RUNTIME_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "hostsdk/runtime.h"

#define FHOST_LOG_TASKS 64u   /* tasks kept for recovery without hold, */
#define FHOST_LOG_HELD 4u     /* and with: one, and what has no way back */

struct fhost_pairs {
  uint32_t count;
  flux_transfer *at;
};

static inline bool fhost_map_pc(const struct fhost_pairs *p, uint32_t *pc) {
  for (uint32_t i = 0; i < p->count; i++) {
    if (p->at[i].from_pc != *pc) continue;
    *pc = p->at[i].to_pc;
    return true;
  }
  return false;
}

/* A program made runnable. Immutable but for the counts. */
struct fhost_version {
  struct fhost_version *next;       /* in the retired list */
  uint64_t id;
  struct fisa_program *program;     /* owned, but of version 0 */
  void *code;                       /* of the VM */
  _Atomic uint64_t *counts;         /* [program->size] */
  /* From the base to this version and back; from the original and back. */
  struct fhost_pairs transfer, back, resume, suspend;
};

enum { FHOST_OFFER_EMPTY, FHOST_OFFER_READY, FHOST_OFFER_TAKEN };

/* A patch on its way in. */
struct fhost_offer {
  _Atomic int state;
  struct fhost_version *version;
  uint64_t base;
  uint32_t flags, deadline, waited, hold_ms;
  struct fhost_log *log;            /* buffers for its probation */
};

/* What a verdict says: the low bits of its word. Above: the patch. */
enum { FHOST_OPEN, FHOST_ACCEPTED, FHOST_REVERTED, FHOST_RECOVERED };

#define FHOST_MAX_PATCH ((uint64_t)1 << 62)

static inline uint64_t fhost_verdict_word(uint64_t patch, unsigned what) {
  return patch << 2 | what;
}

/* A task of a probation: what recovery needs. */
struct fhost_logged {
  struct fisa_state *begin;   /* pc: the base's */
  uint64_t number, task, cycles;
  uint32_t own_pc;            /* where it began in the patch */
  bool way_back;              /* begin->pc is one */
  bool fresh, suspended;      /* of the agent there */
  bool patched;               /* run by the patch: wants a verdict */
  bool released;              /* its outputs are out */
  bool counted, result;
  struct fisa_event *events;
  uint32_t event_count;
  uint32_t unseen;            /* outputs that found no room in events */
};

/* A ring of tasks, oldest first. */
struct fhost_log {
  struct fhost_log *next;     /* in the retired list */
  uint32_t capacity, first, count;
  struct fhost_logged *tasks;
};

static inline struct fhost_logged *fhost_logged_at(const struct fhost_log *l,
                                                   uint32_t i) {
  return &l->tasks[(l->first + i) % l->capacity];
}

/* Logged tasks being run again. */
struct fhost_replay {
  struct fhost_log *log;      /* NULL: none is */
  uint32_t index;             /* of the task that runs */
  uint32_t in_at, out_at;     /* of its events: all before are used */
  uint32_t unseen;
  uint8_t *used;              /* [max_events] */
};

/* What the manifest promises of the states in which tasks begin. */
struct fhost_promise {
  struct fisa_state *initial;
  uint32_t span_count;        /* runs of cells that are no input */
  struct { uint32_t first, count; } span[FISA_MAX_CLAUSES + 4];
};

struct fhost_agent {
  struct fhost_runtime *runtime;
  _Atomic(struct fhost_agent *) next;
  uint64_t id;
  struct fhost_agent_options o;
  char name[64];
  struct fhost_evolver evolver;
  flux_evolved *evolved;

  /* The agent's thread. */
  struct fisa_state *state;
  struct fhost_promise promise;
  bool fresh;                  /* the next task begins anew */
  bool suspended;              /* the pc is in the original's code */
  bool stopped, held, swapped, taken_back, withdrawn;
  bool recording, holding;     /* this task */
  bool waiting;                /* held: the task itself wants a verdict */
  bool spoiled;                /* held: not all of it was recorded */
  uint64_t task;               /* number of the next or running task */
  uint64_t number;             /* the same, but never used twice */
  struct fhost_version *original;
  struct fhost_version *base;  /* during probation: the version before */
  uint64_t probation;          /* patch id, or 0 */
  uint32_t probation_flags, hold_ms;
  uint64_t held_since;
  uint32_t base_pc;            /* where the base would begin this task, */
  bool base_suspended;         /* in the original's code, */
  bool way_back;               /* if there is such a place */
  struct fhost_log *log;
  struct fhost_replay replay;
  struct fisa_state *begin;    /* of a recorded task */
  struct fisa_event *events;   /* of the running task */
  uint32_t event_count;
  uint32_t unseen;             /* outputs that found no room there */
  bool overflow;               /* something found none */
  uint64_t begin_cycles;
  uint32_t begin_pc;
  /* Buffers a record is made in. */
  uint32_t *page[2];
  uint8_t *page_bytes[2];

  /* Mailbox. */
  _Atomic(struct fhost_version *) live;
  struct fhost_offer offer;
  _Atomic(struct fhost_version *) retired;
  _Atomic(struct fhost_log *) retired_log;
  _Atomic uint64_t live_id, verdict, agreed, numbers;
  _Atomic uint64_t tuned_from;  /* task; written by the agent's thread */
  _Atomic uint64_t observe;    /* what << 32 | period */

  /* Evolution threads. */
  pthread_mutex_t lock;
  char explanation[160];

  /* Numbers; written by the agent's thread, relaxed. */
  _Atomic uint64_t n_tasks, n_results, n_cycles, n_faults, n_outputs, n_wrong,
      n_suspended, n_installed, n_accepted, n_reverted, n_recovered,
      n_withdrawn;
};

struct fhost_runtime {
  /* Grows at its end on the main thread, shrinks only when freed. */
  _Atomic(struct fhost_agent *) agents;
  _Atomic(struct fhost_agent *) *last;
  uint32_t count;
  uint64_t next_id;
  flux_live live;
};

/* Adds n to a number of which this thread is the only writer. */
static inline void fhost_add(_Atomic uint64_t *number, uint64_t n) {
  atomic_store_explicit(
      number, atomic_load_explicit(number, memory_order_relaxed) + n,
      memory_order_relaxed);
}

/* agent.c */
struct fhost_agent *fhost_agent_find(struct fhost_runtime *rt, uint64_t id);
struct fhost_version *fhost_version_new(const struct fhost_agent *a,
                                        struct fisa_program *program,
                                        uint64_t id, struct fisa_error *err);
void fhost_version_free(const struct fhost_agent *a, struct fhost_version *v);
struct fhost_log *fhost_log_new(const struct fhost_agent *a,
                                uint32_t capacity);
void fhost_log_free(struct fhost_log *l);
/* Frees what the agent's thread retired. Not on the agent's thread. */
void fhost_sweep(struct fhost_agent *a);

/* promise.c */
int fhost_promise_make(struct fhost_promise *m, const struct fisa_program *p);
void fhost_promise_done(struct fhost_promise *m);
bool fhost_promise_kept(const struct fhost_promise *m,
                        const struct fisa_program *p,
                        const struct fisa_state *s, bool fresh);

/* install.c: what is due at a boundary. Agent's thread. */
void fhost_boundary(struct fhost_agent *a);
/* Fills way_back and base_pc for the task that begins here on probation. */
void fhost_note_way_back(struct fhost_agent *a);
/* The host's own verdict: recover. False: the patch is accepted already. */
bool fhost_give_up(struct fhost_agent *a);
/* A held task: true when it is resolved, false while it waits. */
bool fhost_held_poll(struct fhost_agent *a);
void fhost_log_task(struct fhost_agent *a, const struct fhost_version *by);
/* Leaves a log to be freed by another thread. */
void fhost_log_retire(struct fhost_agent *a, struct fhost_log *log);

/* task.c: the task stands: whether and how the agent goes on. */
void fhost_settle(struct fhost_agent *a);

/* record.c: agent's thread. */
extern const struct fhost_vm_io fhost_io;
void fhost_release(struct fhost_agent *a, const struct fisa_event *e);
void fhost_record_begin(struct fhost_agent *a);
void fhost_record_end(struct fhost_agent *a, const struct fhost_version *by,
                      uint32_t flags);
/* Replay: the log's tasks are run again, from its first on. */
void fhost_replay_start(struct fhost_agent *a, struct fhost_log *log);
/* Of the task that runs now; NULL where none is run again. */
const struct fhost_logged *fhost_replay_task(const struct fhost_agent *a);
/* It is done: on to the next, if there is one and the agent goes on. */
void fhost_replay_next(struct fhost_agent *a);

/* live.c */
void fhost_live_init(struct fhost_runtime *rt);

#endif /* FLUX_HOSTSDK_RUNTIME_INTERNAL_H */
