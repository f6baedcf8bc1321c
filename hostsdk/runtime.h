/*
 * hostsdk/runtime.h - agents that run: tasks, boundaries, versions.
 *
 * A runtime owns agents. Each is run by one worker thread, a task at a time.
 * Here live counting, recording, installing, holding of outputs, reverting
 * and recovering: everything of flux/agent.h that is the host's.
 *
 * On an agent's thread nothing here locks, allocates or calls the system
 * between two task boundaries, nor at a boundary that does not end a held
 * task; buffers are made when the agent is, and when a patch is offered.
 */
#ifndef FLUX_HOSTSDK_RUNTIME_H
#define FLUX_HOSTSDK_RUNTIME_H

#include <flux/agent.h>

#include "isa/state.h"

/* What a VM asks of the outside; called on the thread that runs it. */
struct fhost_vm_io;

/* What a VM leaves out, or does more of. */
enum {
  FHOST_VM_COUNTS_ALL = 1u << 0,  /* counts every instruction, not heads */
  FHOST_VM_NO_COUNTS = 1u << 1,   /* counts nothing */
  FHOST_VM_HALT_ONLY = 1u << 2,   /* a run ends at HALT and at no other task
                                     boundary */
  FHOST_VM_MAY_FORK = 1u << 3,    /* runs in a child process, too, that was
                                     forked beside other threads */
  FHOST_VM_TOLD_END = 1u << 4     /* code loaded for steps looks at io->ended
                                     behind each instruction */
};

/* How code is loaded. */
enum {
  FHOST_LOAD_THROUGH = 1u << 0,   /* no task boundary stops it but HALT */
  FHOST_LOAD_STEP = 1u << 1       /* for single steps on any state */
};

/*
 * A VM the runtime can drive. The reference VM is one (fhost_vm_reference);
 * fhost_adapt of hostsdk/adapt.h makes one of any VM. `code` is what load
 * made of a version; one thread at a time runs it.
 */
struct fhost_vm {
  const char *dialect;    /* name of the dialect it runs */
  const char *build_id;
  uint32_t flags;         /* FHOST_VM_* */
  const void *context;    /* the VM's own */
  /* Makes runnable code of a program, which outlives it; `how` is of
   * FHOST_LOAD_*. NULL with err: no memory, or not of this VM. Any thread. */
  void *(*load)(const struct fhost_vm *vm, const struct fisa_program *p,
                uint32_t how, struct fisa_error *err);
  void (*unload)(void *code);
  /* Runs from s->pc to the next task boundary, halt, end, fault or fuel;
   * counts block heads into counts unless NULL. Returns s->status. */
  int (*run)(void *code, struct fisa_state *s, const struct fhost_vm_io *io,
             uint64_t fuel, _Atomic uint64_t *counts);
  const uint8_t *(*heads)(void *code);  /* bit per code byte */
  /* Says in sentences what it leaves out of a dialect; NULL: nothing. Any
   * thread. */
  void (*missing)(const struct fhost_vm *vm, const struct fisa_dialect *d,
                  void (*say)(const char *text, void *user), void *user);
};

struct fhost_vm_io {
  int32_t (*input)(uint16_t source, const int32_t *arg, unsigned argc,
                   void *user);
  void (*output)(uint16_t channel, const int32_t *arg, unsigned argc,
                 void *user);
  void *user;
  const bool *ended;      /* set by one of these: the run is out of fuel behind
                             this instruction (FHOST_VM_TOLD_END); or NULL */
};

extern const struct fhost_vm fhost_vm_reference;

/* What the world does for an agent; called on the agent's thread. */
struct fhost_world {
  /* A fresh task begins: lay its inputs into the state. NULL: none. */
  void (*begin)(uint64_t task, struct fisa_state *s, void *user);
  /* The next value of a source. */
  int32_t (*input)(uint64_t task, uint16_t source, const int32_t *arg,
                   unsigned argc, void *user);
  /* An output that is released (in order, once each). */
  void (*output)(uint64_t task, uint16_t channel, const int32_t *arg,
                 unsigned argc, void *user);
  /* A task's results are released: its state at the boundary, once its
   * outputs are out, once each. NULL: nobody looks. */
  void (*end)(uint64_t task, const struct fisa_state *s, void *user);
  /* Trust now, 0..1. NULL: the constant of the agent. */
  double (*trust)(void *user);
  void *user;
};

struct fhost_agent_options {
  const char *name;
  const struct fisa_program *program;  /* outlives the agent */
  const struct fhost_vm *vm;
  struct fhost_world world;
  bool fresh_start;
  int32_t confidence_cell;             /* -1: none */
  double confidence_scale;
  double trust;
  uint64_t max_task_fuel;
  uint32_t max_events;                 /* of a recorded task; 0: 4096 */
  uint32_t worker;                     /* 1 + the worker that runs it; 0: any */
};

struct fhost_runtime;
struct fhost_agent;

/* A plugin's evolver as the runtime sees it; all NULL: none. */
struct fhost_evolver {
  flux_plugin *plugin;
  const flux_evolver *api;
};

struct fhost_runtime *fhost_runtime_new(void);
/* Detaches and frees all agents. No worker may run. NULL is fine. */
void fhost_runtime_free(struct fhost_runtime *rt);

/* The flux.live/1 table of this runtime; ctx is the runtime. */
const flux_live *fhost_runtime_live(struct fhost_runtime *rt);

/* Adds an agent. Returns it (owned by the runtime), or NULL with err. */
struct fhost_agent *fhost_agent_add(struct fhost_runtime *rt,
                                    const struct fhost_agent_options *o,
                                    struct fisa_error *err);

/* The dialect's table and overlay as text, as they cross the border. */
struct fhost_texts {
  const char *dialect, *bindings;   /* bindings may be NULL */
  size_t dialect_size, bindings_size;
};

/* Attaches an agent to an evolver. A refusal is told in err and the agent
 * runs unevolved: returns 0 attached, 1 refused. */
int fhost_agent_attach(struct fhost_agent *a, const struct fhost_evolver *e,
                       const struct fhost_texts *texts,
                       struct fisa_error *err);

enum fhost_step { FHOST_RAN, FHOST_HELD, FHOST_RESOLVED, FHOST_STOPPED };

/*
 * Runs one task, with everything due at its boundary. FHOST_HELD: the last
 * task waits for a verdict, nothing was run, try again later. FHOST_RESOLVED:
 * the verdict came: outputs are released, or the task was taken back and is
 * due again; nothing was run. FHOST_STOPPED: the agent ended (FAULT, FUEL, or
 * HALT or END without fresh start). Agent's thread.
 */
enum fhost_step fhost_agent_task(struct fhost_agent *a);

/* Numbers of an agent, for reports. Any thread, relaxed. Tasks that a recovery
 * took back are no longer among the first three. */
struct fhost_agent_stats {
  uint64_t tasks, results, cycles;
  uint64_t faults;           /* all that happened, those taken back too */
  uint64_t outputs;          /* released */
  uint64_t wrong;            /* released outputs a recovery did not match */
  uint64_t suspended;        /* tasks run on the original: inputs out of the
                                manifest's range */
  uint64_t installed, accepted, reverted, recovered, withdrawn;
  uint64_t version;
  uint64_t tuned_from;       /* the first task that may do other things than
                                the original, on purpose; UINT64_MAX: none */
};
void fhost_agent_stats(const struct fhost_agent *a,
                       struct fhost_agent_stats *out);

/* Why an agent runs no more, where nobody asked for that. */
struct fhost_agent_stop {
  uint64_t task;             /* of the agent, from 0 */
  int32_t fault;             /* 0: the fuel was used up */
  const char *fault_name;    /* "" where the dialect has none */
  uint32_t pc;               /* in the code that ran */
  uint64_t version, max_task_fuel;
};
/* False: it did not stop with a fault or without fuel. Once no worker runs. */
bool fhost_agent_stopped(const struct fhost_agent *a,
                         struct fhost_agent_stop *out);
/* The same as a sentence; "" where there is none. */
void fhost_agent_stop_text(const struct fhost_agent *a, char *out,
                           size_t capacity);
const char *fhost_agent_name(const struct fhost_agent *a);
/* Copies the explanation of explain(), "" if none. */
void fhost_agent_explanation(struct fhost_agent *a, char *out,
                             size_t capacity);

/* How fhost_runtime_run runs. */
struct fhost_run_options {
  unsigned threads;         /* workers; agent i on worker i % threads, or as
                               its options say */
  uint64_t tasks;           /* each agent does so many; 0: until stop is set */
  uint32_t pace_us;         /* pause of a worker after a round of its agents */
  const _Atomic int *stop;  /* set: finish soon; NULL: never */
};

/*
 * Runs all agents until each has done its tasks or stopped. Tasks that are
 * held at the end are waited for. Returns 0, or -1 with err.
 */
int fhost_runtime_run(struct fhost_runtime *rt,
                      const struct fhost_run_options *o,
                      struct fisa_error *err);

/*
 * Save and restore of an agent at a boundary, when no worker runs it: a
 * snapshot owned by the caller. Restoring puts state, pc and task number
 * back; it fails (-1) where the snapshot's version is not the live one, or a
 * patch is on probation. Save gives NULL while a task is held or run again.
 */
struct fhost_snapshot;
struct fhost_snapshot *fhost_agent_save(struct fhost_agent *a);
int fhost_agent_restore(struct fhost_agent *a,
                        const struct fhost_snapshot *s);
void fhost_snapshot_free(struct fhost_snapshot *s);

#endif /* FLUX_HOSTSDK_RUNTIME_H */
