/*
 * flux/agent.h - agents across the border: attach, watch, patch, take back.
 *
 * Two extensions meet here. The plugin provides FLUX_EXT_EVOLVER, the hooks
 * the host calls; the host provides FLUX_EXT_LIVE, what the plugin may do to
 * a live agent. Words are those of the project: a task runs between two task
 * boundaries; a version is a program an agent runs; a patch offers a new one.
 *
 * LIFE OF A PATCH
 *
 *   offer      [evolution-thread] the host prepares the code beside the live
 *              one and publishes it. One patch in flight per agent.
 *   install    [agent-thread] at a task boundary whose pc is the first of a
 *              transfer pair: the version check, the map, one pointer store.
 *              The plugin is not called; it learns from the next task record,
 *              which carries the new version. A patch not installed within
 *              deadline_tasks boundaries withdraws itself: the next record
 *              has FLUX_TASK_WITHDRAWN.
 *   probation  every task is recorded. With hold, its outputs wait and the
 *              agent's next task does not begin until agree() or take_back().
 *   accept()   the patch stays; the version before it is freed.
 *   take_back  revert: back to the version before at the next boundary, state
 *              kept. recover: back to the begin of the oldest task that was
 *              not agreed, and that version re-run on the outside values
 *              already consumed.
 */
#ifndef FLUX_AGENT_H
#define FLUX_AGENT_H

#include <flux/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUX_EXT_EVOLVER "flux.evolver/1"
#define FLUX_EXT_LIVE "flux.live/1"

/* Bytes of a memory page: the grain of recorded memory. */
#define FLUX_PAGE_SIZE 256u

/* Most arguments of a source or channel. */
#define FLUX_MAX_ARGS 3u

/* How a run of an agent stopped. Frozen. */
enum {
  FLUX_RUN_HALT = 0,  /* a halt row */
  FLUX_RUN_END = 1,   /* ran off the end */
  FLUX_RUN_FAULT = 2, /* see fault */
  FLUX_RUN_FUEL = 3,  /* fuel used up */
  FLUX_RUN_YIELD = 4  /* a task boundary that is no halt */
};

/*
 * One value that crossed the border of a task. Names are indexes into the
 * dialect's sources (in) or channels (out), in the order of its table. No
 * struct_size: arrays of it have the layout asserted below.
 */
typedef struct flux_event {
  uint8_t out;                 /* 0: consumed, 1: produced */
  uint8_t argc;                /* arguments used */
  uint16_t name;
  int32_t arg[FLUX_MAX_ARGS];  /* unused ones are 0 */
  int32_t value;               /* consumed: the value; produced: 0 */
} flux_event;

/*
 * A state: cells in the order of the dialect's state list (f32 cells hold
 * their bits) and memory. In a record the memory is given by pages; in a step
 * request as one run of mem_size bytes.
 */
typedef struct flux_state {
  uint32_t struct_size;
  uint32_t cell_count;
  uint32_t mem_size;       /* of the machine */
  uint32_t pc;
  int32_t status;          /* FLUX_RUN_* */
  int32_t fault;           /* fault code; lethal ones from 1000 */
  uint64_t cycles;         /* the machine's counter */
  int32_t *cells;          /* [cell_count] */
  uint8_t *mem;            /* [mem_size], or NULL where pages are given */
  uint32_t page_count;     /* pages that are not all zero, or changed */
  uint32_t reserved;       /* 0 */
  const uint32_t *page;    /* [page_count]: page numbers, ascending */
  const uint8_t *page_bytes; /* [page_count * FLUX_PAGE_SIZE] */
} flux_state;

/* Flags of a task record. */
enum {
  FLUX_TASK_RECORDED = 1u << 0,  /* begin, end and events are given */
  FLUX_TASK_COUNTED = 1u << 1,   /* counts were on */
  FLUX_TASK_PROBATION = 1u << 2, /* run by a patch that is not accepted */
  FLUX_TASK_FRESH = 1u << 3,     /* began from the declared initial state */
  FLUX_TASK_SWAPPED = 1u << 4,   /* first task of its version */
  FLUX_TASK_WITHDRAWN = 1u << 5, /* the offered patch missed its deadline */
  FLUX_TASK_TAKEN_BACK = 1u << 6,/* first task after a take-back */
  FLUX_TASK_LOST = 1u << 7,      /* the recorder's limits were exceeded: not
                                    recorded; on probation, taken back */
  FLUX_TASK_HELD = 1u << 8       /* outputs wait for agree or take_back */
};

/*
 * A finished task. Made by the host; valid during the hook. A task that
 * ended in a fault or out of fuel is always reported, others as asked for
 * with observe().
 */
typedef struct flux_task {
  uint32_t struct_size;
  uint32_t flags;          /* FLUX_TASK_* */
  uint64_t number;         /* of this agent, from 0, never reused */
  uint64_t version;        /* that ran it: 0 the original, else a patch id */
  uint64_t cycles;         /* of this task */
  int32_t status, fault;   /* FLUX_RUN_*, fault code */
  uint32_t begin_pc, end_pc;
  double confidence;       /* 0..1 after the task; 1 if there is no source */
  double trust;            /* 0..1 now */
  uint32_t event_count;    /* of events */
  uint32_t reserved;       /* 0 */
  const flux_event *events;/* in order, consumed and produced */
  const flux_state *begin; /* at task begin */
  const flux_state *end;   /* at its end */
} flux_task;

/* Flags of an agent. */
enum {
  FLUX_AGENT_FRESH_START = 1u << 0, /* tasks begin anew after HALT */
  FLUX_AGENT_COUNTS_ALL = 1u << 1   /* counts every instruction, not heads */
};

/*
 * An agent as attached. Borrowed during attach. The same id is used in all
 * later calls.
 *
 * Execution counts are the host's: one array per agent and version, one slot
 * per code byte, written by the agent's thread alone with relaxed atomics,
 * read through counts() of FLUX_EXT_LIVE. A new version starts at zero.
 */
typedef struct flux_agent_info {
  uint32_t struct_size;
  uint32_t flags;              /* FLUX_AGENT_* */
  uint64_t id;                 /* of the host, unique in it, never reused */
  const char *name;            /* unique in the host; names it in the journal */
  const char *dialect;         /* name */
  const char *dialect_text;    /* the table, dialect_size bytes */
  size_t dialect_size;
  const char *bindings_text;   /* the overlay, or NULL */
  size_t bindings_size;
  const uint8_t *code;         /* code_size bytes */
  uint32_t code_size;
  uint32_t entry;
  const char *manifest;        /* directives, as assembly text */
  double trust;                /* now */
  int32_t confidence_cell;     /* cell that is the confidence source, or -1 */
  uint32_t reserved;           /* 0 */
  uint64_t max_task_fuel;      /* instructions the host grants a task */
  double confidence_scale;     /* cell value that means 1.0 */
} flux_agent_info;

/* Opaque to the host: an attached agent, from attach until detach. */
typedef struct flux_evolved flux_evolved;

/* FLUX_EXT_EVOLVER: what the plugin does for the host. */
typedef struct flux_evolver {
  uint32_t struct_size;
  uint32_t reserved;  /* 0 */

  /*
   * An agent starts. On success *out is owned by the host until detach. A
   * refusal is no error of the host: the agent runs unevolved, and `message`
   * says why. FLUX_E_BUSY: another evolver has it. [main-thread]
   */
  flux_status (*attach)(flux_plugin *plugin, const flux_agent_info *info,
                        flux_evolved **out, char *message, size_t capacity);

  /*
   * The agent stops. Its offers are withdrawn, and no call about it comes
   * into the host after this returns. May block. [main-thread]
   */
  void (*detach)(flux_plugin *plugin, flux_evolved *agent);

  /*
   * A task ended. Copies what it needs; wait-free. [agent-thread]
   */
  void (*task_end)(flux_evolved *agent, const flux_task *task);
} flux_evolver;

/* A pair of places: where the old code stands and where the new goes on. */
typedef struct flux_transfer {
  uint32_t from_pc;
  uint32_t to_pc;
} flux_transfer;

/* A patch. Made by the plugin; copied by the host during offer. */
typedef struct flux_patch {
  uint32_t struct_size;
  uint32_t reserved;        /* 0 */
  uint64_t id;              /* becomes the version; > 0, unique per agent */
  uint64_t base;            /* the version it replaces */
  const uint8_t *code;      /* code_size bytes */
  uint32_t code_size;
  uint32_t entry;
  const char *manifest;     /* directives of the new code */
  uint32_t transfer_count;  /* places at task boundaries, old to new */
  uint32_t back_count;      /* and new to old, for the way back */
  const flux_transfer *transfer;
  const flux_transfer *back;
  uint32_t deadline_tasks;  /* boundaries after which it withdraws itself */
  uint32_t flags;           /* FLUX_PATCH_* */
  uint32_t hold_ms;         /* with hold: longest wait for a verdict, after
                               which the host recovers by itself; 1..60000 */
  uint32_t boundary_pc;     /* of a pc boundary, in the new code; else 0 */
} flux_patch;

enum {
  FLUX_PATCH_HOLD = 1u << 0,     /* outputs wait for the verdict */
  FLUX_PATCH_ACCEPTED = 1u << 1, /* a version accepted earlier (from the
                                    journal): no probation */
  FLUX_PATCH_TUNING = 1u << 2    /* it does other things, on purpose: from its
                                    install on, outputs are not to be held
                                    against what the program did before */
};

/* How to take a patch back. */
enum { FLUX_REVERT = 0, FLUX_RECOVER = 1 };

/* What to observe of an agent, for observe(). */
enum {
  FLUX_OBSERVE_COUNT = 1u << 0,  /* count block heads */
  FLUX_OBSERVE_RECORD = 1u << 1  /* record begin, events and end */
};

/* FLUX_EXT_LIVE: what the host does for the plugin. `agent` is info.id. */
typedef struct flux_live {
  uint32_t struct_size;
  uint32_t reserved;  /* 0 */

  /*
   * From the next boundary on: of every `period` tasks (>= 1) observe the
   * first as `what` says and report it; what = 0: report nothing but faults.
   * Probation overrides this. [any-thread]
   */
  flux_status (*observe)(uint64_t agent, uint32_t what, uint32_t period,
                         void *ctx);

  /*
   * Copies the execution counts of the live version: slots[i] for code byte
   * i, and heads, a bit per code byte. `capacity` in slots; *size receives
   * the code size (also when FLUX_E_LIMIT says it did not fit), *version the
   * version they belong to. [evolution-thread]
   */
  flux_status (*counts)(uint64_t agent, uint64_t *slots, uint8_t *heads,
                        uint32_t capacity, uint32_t *size, uint64_t *version,
                        void *ctx);

  /*
   * Offers a patch. FLUX_E_BUSY: one is in flight; FLUX_E_STALE: base is not
   * the live version; FLUX_E_MALFORMED; FLUX_E_LIMIT. Inside attach() it may
   * be called too, with FLUX_PATCH_ACCEPTED: the version is then live before
   * the first task. [evolution-thread | main-thread in attach]
   */
  flux_status (*offer)(uint64_t agent, const flux_patch *patch, void *ctx);

  /*
   * Withdraws an offer that is not installed yet. FLUX_E_STALE: it is
   * installed (take it back) or gone. [any-thread]
   */
  flux_status (*withdraw)(uint64_t agent, uint64_t patch, void *ctx);

  /*
   * The task agreed with its shadow run: its outputs may go, its begin state
   * is forgotten. Tasks are agreed in order; one that agrees speaks for those
   * before it. FLUX_E_INVALID: it has not begun; FLUX_E_STALE: it agreed
   * before, or nothing is on probation. [evolution-thread]
   */
  flux_status (*agree)(uint64_t agent, uint64_t task, void *ctx);

  /*
   * Ends probation: the patch stays, and what it ran so far agrees.
   * FLUX_E_STALE: it is not on probation, or is being taken back, which the
   * host may do by itself; after FLUX_OK nobody can. [evolution-thread]
   */
  flux_status (*accept)(uint64_t agent, uint64_t patch, void *ctx);

  /*
   * Asks for the patch to be taken back, FLUX_REVERT or FLUX_RECOVER.
   * Returns at once; the record of the next task has FLUX_TASK_TAKEN_BACK.
   * A task that is held is run again either way. FLUX_E_STALE: it is not on
   * probation, or has its verdict; a revert that still waits for its place
   * may become a recovery. [evolution-thread]
   */
  flux_status (*take_back)(uint64_t agent, uint64_t patch, uint32_t how,
                           void *ctx);

  /*
   * One line an operator sees beside the agent: why it is not evolved, what
   * held an offer. NULL clears it. [any-thread]
   */
  void (*explain)(uint64_t agent, const char *text, void *ctx);
} flux_live;

#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu
FLUX_STATIC_ASSERT(sizeof(flux_event) == 20, "flux_event");
FLUX_STATIC_ASSERT(sizeof(flux_state) == 72, "flux_state");
FLUX_STATIC_ASSERT(offsetof(flux_state, cells) == 32, "flux_state.cells");
FLUX_STATIC_ASSERT(sizeof(flux_task) == 96, "flux_task");
FLUX_STATIC_ASSERT(offsetof(flux_task, events) == 72, "flux_task.events");
FLUX_STATIC_ASSERT(sizeof(flux_agent_info) == 120, "flux_agent_info");
FLUX_STATIC_ASSERT(sizeof(flux_evolver) == 32, "flux_evolver");
FLUX_STATIC_ASSERT(sizeof(flux_transfer) == 8, "flux_transfer");
FLUX_STATIC_ASSERT(sizeof(flux_patch) == 88, "flux_patch");
FLUX_STATIC_ASSERT(sizeof(flux_live) == 72, "flux_live");
#endif

#ifdef __cplusplus
}
#endif

#endif /* FLUX_AGENT_H */
