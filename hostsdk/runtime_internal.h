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
 *   agreed     one past the last task that agreed; only grows.
 *   accepted   the patch whose probation is over.
 *   take_back  a patch id * 2 + how, or 0. Cleared by the agent when done.
 *   observe    what and period, in one word.
 *   retired    versions and logs the agent let go of: it pushes, offer() and
 *              detach take the whole list and free it. Nothing is ever freed
 *              on the agent's thread.
 *
 * Evolution threads exclude each other by `lock`, which the agent's thread
 * never takes.
 */
#ifndef FLUX_HOSTSDK_RUNTIME_INTERNAL_H
#define FLUX_HOSTSDK_RUNTIME_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "hostsdk/runtime.h"

#define FHOST_LOG_TASKS 64u   /* tasks kept for recovery without hold */

/* A program made runnable. Immutable but for the counts. */
struct fhost_version {
  struct fhost_version *next;       /* in the retired list */
  uint64_t id;
  struct fisa_program *program;     /* owned, but of version 0 */
  void *code;                       /* of the VM */
  _Atomic uint64_t *counts;         /* [program->size] */
  uint32_t transfer_count, back_count;
  flux_transfer *transfer, *back;
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

/* A task of a probation: what recovery needs. */
struct fhost_logged {
  struct fisa_state *begin;
  uint64_t number;
  bool fresh;
  struct fisa_event *events;
  uint32_t event_count;
};

/* A ring of tasks that are not agreed, oldest first. */
struct fhost_log {
  struct fhost_log *next;           /* in the retired list */
  uint32_t capacity, first, count;
  struct fhost_logged *tasks;
};

/* Outside values and outputs of tasks being run again. */
struct fhost_replay {
  struct fisa_event *in, *out;      /* capacity: all events of a log */
  uint8_t *used;                    /* of in */
  uint32_t in_count, out_count, out_at;
  uint64_t until;                   /* task number at which it ends */
  bool on;
};

struct fhost_agent {
  struct fhost_runtime *runtime;
  struct fhost_agent *next;
  uint64_t id;
  struct fhost_agent_options o;
  char name[64];
  struct fhost_evolver evolver;
  flux_evolved *evolved;

  /* The agent's thread. */
  struct fisa_state *state;
  bool begun;                  /* the task's begin is done already */
  bool fresh;                  /* the next task begins anew */
  bool stopped, held, swapped, taken_back, withdrawn, overflow;
  bool recording, holding;     /* this task */
  uint64_t task;               /* number of the next or running task */
  struct fhost_version *original;
  struct fhost_version *base;  /* during probation: the version before */
  uint64_t probation;          /* patch id, or 0 */
  uint32_t probation_flags, hold_ms;
  uint64_t held_since;
  struct fhost_log *log;
  struct fhost_replay replay;
  struct fisa_state *begin;    /* of a recorded task */
  struct fisa_event *events;   /* of the running task */
  uint32_t event_count;
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
  _Atomic uint64_t live_id, in_probation, agreed, accepted, take_back;
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
  struct fhost_agent *agents, **last;
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
                                        uint64_t id);
void fhost_version_free(const struct fhost_agent *a, struct fhost_version *v);
struct fhost_log *fhost_log_new(const struct fhost_agent *a,
                                uint32_t capacity);
void fhost_log_free(struct fhost_log *l);
/* Frees what the agent's thread retired. Not on the agent's thread. */
void fhost_sweep(struct fhost_agent *a);

/* install.c: what is due at a boundary. Agent's thread. */
void fhost_boundary(struct fhost_agent *a);
/* A held task: true when it may go on, false while it waits. */
bool fhost_held_poll(struct fhost_agent *a);

/* record.c: agent's thread. */
extern const struct fhost_vm_io fhost_io;
void fhost_release(struct fhost_agent *a, const struct fisa_event *e);
void fhost_record_begin(struct fhost_agent *a);
void fhost_record_end(struct fhost_agent *a, uint32_t flags);
void fhost_replay_start(struct fhost_agent *a);
void fhost_replay_end(struct fhost_agent *a);

/* live.c */
void fhost_live_init(struct fhost_runtime *rt);

#endif /* FLUX_HOSTSDK_RUNTIME_INTERNAL_H */
