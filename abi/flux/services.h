/*
 * flux/services.h - what a host offers a plugin beside live agents.
 *
 * Each table is a host extension, fetched with flux_host.extension by its id.
 * A host may leave any of them out; a plugin says what it then cannot do:
 *
 *   flux.config/1  left out: every setting has its default
 *   flux.log/1     left out: nothing is told
 *   flux.clock/1   left out: the plugin reads the system's clock
 *   flux.step/1    left out: the table is believed as it is, and a winner is
 *                  not re-run on the host's own VM
 *   flux.native/1  left out: no function of the host is called by name
 *   flux.judge/1   left out: nobody scores tasks, and no value is foretold
 *
 * `ctx` is flux_host.ctx in every call, last as all user pointers are.
 */
#ifndef FLUX_SERVICES_H
#define FLUX_SERVICES_H

#include <flux/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- settings ------------------------------------------------------------ */

#define FLUX_EXT_CONFIG "flux.config/1"

/* Types of a setting. */
enum {
  FLUX_SETTING_INT = 1,
  FLUX_SETTING_FLOAT = 2,
  FLUX_SETTING_BOOL = 3,
  FLUX_SETTING_STRING = 4
};

/*
 * One setting of the plugin's own block. Groups are flattened with dots
 * ("weights.InsertNOP"); a list gives one setting an element, all of the same
 * name. Lives as long as the host table.
 */
typedef struct flux_setting {
  uint32_t struct_size;
  uint32_t type;        /* FLUX_SETTING_* */
  const char *name;
  int64_t i;            /* INT; BOOL: 0 or 1 */
  double f;             /* FLOAT; also set for INT */
  const char *s;        /* STRING; else NULL */
  const char *file;     /* where it stands, for messages */
  uint32_t line;
  uint32_t reserved;    /* 0 */
} flux_setting;

typedef struct flux_config {
  uint32_t struct_size;
  uint32_t count;       /* settings in the block */

  /* Setting number i (0 .. count-1) in file order, or NULL. [any-thread] */
  const flux_setting *(*at)(uint32_t i, void *ctx);
} flux_config;

/*
 * Who checks what: the host checks the form of the file and its own blocks,
 * the plugin the names, types and ranges of its settings (check, create). A
 * sentence about a setting begins with its file and line.
 */

/* ---- log ---------------------------------------------------------------- */

#define FLUX_EXT_LOG "flux.log/1"

/* Levels. EVENT is what an operator wants to see as it happens: a mutation
 * accepted, reverted, recovered. */
enum {
  FLUX_LOG_DEBUG = 0,
  FLUX_LOG_INFO = 1,
  FLUX_LOG_EVENT = 2,
  FLUX_LOG_WARNING = 3,
  FLUX_LOG_ERROR = 4
};

typedef struct flux_log {
  uint32_t struct_size;
  uint32_t level;       /* lowest level the host wants */

  /* One line, no newline; copied. May block: never from [agent-thread].
   * [main-thread | evolution-thread] */
  void (*line)(uint32_t level, const char *text, void *ctx);
} flux_log;

/* ---- clock -------------------------------------------------------------- */

#define FLUX_EXT_CLOCK "flux.clock/1"

typedef struct flux_clock {
  uint32_t struct_size;
  uint32_t reserved;    /* 0 */

  /* Nanoseconds of a monotonic clock. [any-thread] */
  uint64_t (*now_ns)(void *ctx);
} flux_clock;

/* ---- the single-step service -------------------------------------------- */

#define FLUX_EXT_STEP "flux.step/1"

/*
 * The service runs instructions of the host's real VM on states the plugin
 * makes up, apart from every live agent. It is what a winner is re-run on
 * before it is offered, and what calibration compares tables with. A host
 * whose VM has process-wide state says so in its dialect table; such rows are
 * never stepped.
 *
 * Calibration makes up states at random, and a table that is wrong may lead a
 * VM astray. A host that says FLUX_STEP_MAY_FORK has that done in a child
 * process: forked on the thread that attaches, with no other thread in it,
 * output to nowhere, and killed when it does not come back. open, run and
 * close then take no lock that another thread of the host may hold, and reach
 * nothing that the host shares with other processes.
 */

/* Flags of the service. */
enum {
  FLUX_STEP_MAY_FORK = 1u << 0  /* it works in a forked child as well */
};

/* Opaque to the plugin: a program loaded into the host's VM for stepping.
 * From open until close; one thread at a time. */
typedef struct flux_stepper flux_stepper;

/* Where a stepped instruction gets values from and gives outputs to. A
 * non-zero return ends the step with status FLUX_RUN_FUEL. */
typedef struct flux_step_io {
  uint32_t struct_size;
  uint32_t reserved;    /* 0 */

  /* The next value of a source. [evolution-thread] */
  int32_t (*input)(uint16_t source, const int32_t *arg, uint32_t argc,
                   int32_t *value, void *user);

  /* A value on a channel. [evolution-thread] */
  int32_t (*output)(uint16_t channel, const int32_t *arg, uint32_t argc,
                    void *user);

  void *user;
} flux_step_io;

typedef struct flux_step {
  uint32_t struct_size;
  uint32_t flags;       /* FLUX_STEP_*; hosts of old left it 0 */

  /*
   * Loads code of a dialect into a VM of the host that serves nothing else.
   * On success *out is owned by the plugin until close. FLUX_E_UNSUPPORTED:
   * no VM for that dialect. [evolution-thread]
   */
  flux_status (*open)(const char *dialect, const uint8_t *code, uint32_t size,
                      flux_stepper **out, void *ctx);

  /*
   * Runs up to `count` instructions (>= 1) on a given state, in place: cells,
   * mem (a full run of mem_size bytes), pc, status, fault, cycles. Stops
   * early where the machine stops, and behind a yield row (status
   * FLUX_RUN_YIELD); FLUX_RUN_FUEL means count was used up.
   * [evolution-thread]
   */
  flux_status (*run)(flux_stepper *stepper, flux_state *state, uint64_t count,
                     const flux_step_io *io);

  /* Destroys a stepper; NULL is allowed. [evolution-thread] */
  void (*close)(flux_stepper *stepper);
} flux_step;

/* ---- natives ------------------------------------------------------------ */

#define FLUX_EXT_NATIVE "flux.native/1"

/*
 * Natives are C functions of shared objects that the host's config names with
 * a signature, such as "libroom.so:room_temp(i32)->f32". The host converts
 * arguments as C would, but never undefined: out of range saturates, NaN
 * becomes 0.
 */

/* A value of a native call. */
typedef struct flux_value {
  uint32_t type;   /* 'i' int32, 'I' int64, 'f' binary32, 'd' binary64 */
  uint32_t reserved;
  union {
    int64_t i;     /* 'i', 'I' */
    double d;      /* 'f', 'd' */
  } as;
} flux_value;

typedef struct flux_native {
  uint32_t struct_size;
  uint32_t reserved;    /* 0 */

  /*
   * Calls a native named in the host's config. Arguments are converted to
   * its signature; FLUX_E_INVALID if their number differs. May take as long
   * as the native takes: never from [agent-thread]. [evolution-thread]
   */
  flux_status (*call)(const char *name, const flux_value *args,
                      uint32_t count, flux_value *result, void *ctx);
} flux_native;

/* ---- judging what is done differently ------------------------------------ */

#define FLUX_EXT_JUDGE "flux.judge/1"

/*
 * Edits that change what an agent does are tried on courses: runs of its tasks
 * that are told to the host and not lived. The host says what each task was
 * worth, and what a source would have given.
 *
 * Scorers and models are code that the host's operator named. A call may never
 * come back: the plugin then gives up the thread it was made on, and calls
 * neither about that course nor about that agent again.
 */

/* What a host can say of an agent. */
enum {
  FLUX_JUDGE_SCORES = 1u << 0,  /* end() gives a score of its own; without,
                                   confidence is the score */
  FLUX_JUDGE_MODELS = 1u << 1   /* value() knows at least one source */
};

/* Opaque to the plugin: a course, from open until close; one thread at a
 * time. */
typedef struct flux_course flux_course;

typedef struct flux_judge {
  uint32_t struct_size;
  uint32_t reserved;    /* 0 */

  /* FLUX_JUDGE_* of an agent; 0: nothing, or no such agent. [any-thread] */
  uint32_t (*offers)(uint64_t agent, void *ctx);

  /*
   * Opens a course that sets out from the agent's world as it is now. On
   * success *out is owned by the plugin until close. [evolution-thread]
   */
  flux_status (*open)(uint64_t agent, flux_course **out, void *ctx);

  /* Sets out once more from the same: forgets all it was told since it was
   * opened. [evolution-thread] */
  void (*begin)(flux_course *course);

  /* What crossed the border, in order: values that were consumed and outputs.
   * [evolution-thread] */
  void (*event)(flux_course *course, const flux_event *event);

  /*
   * The value that a source would give next, after what the course was told.
   * It counts as consumed: event() is not told of it. FLUX_E_NOT_FOUND: there
   * is no model; FLUX_E_INVALID: the model gave no number.
   * [evolution-thread]
   */
  flux_status (*value)(flux_course *course, uint16_t source,
                       const int32_t *arg, uint32_t argc, int32_t *value);

  /*
   * A task ended. With FLUX_JUDGE_SCORES *score receives what it was worth, 0
   * (bad) to 1. FLUX_E_INVALID: the scorer gave no number.
   * [evolution-thread]
   */
  flux_status (*end)(flux_course *course, double *score);

  /* Ends a course; NULL is allowed. [evolution-thread] */
  void (*close)(flux_course *course);
} flux_judge;

#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu
FLUX_STATIC_ASSERT(sizeof(flux_judge) == 64, "flux_judge");
FLUX_STATIC_ASSERT(sizeof(flux_setting) == 56, "flux_setting");
FLUX_STATIC_ASSERT(sizeof(flux_config) == 16, "flux_config");
FLUX_STATIC_ASSERT(sizeof(flux_log) == 16, "flux_log");
FLUX_STATIC_ASSERT(sizeof(flux_clock) == 16, "flux_clock");
FLUX_STATIC_ASSERT(sizeof(flux_step_io) == 32, "flux_step_io");
FLUX_STATIC_ASSERT(sizeof(flux_step) == 32, "flux_step");
FLUX_STATIC_ASSERT(sizeof(flux_value) == 16, "flux_value");
FLUX_STATIC_ASSERT(sizeof(flux_native) == 16, "flux_native");
#endif

#ifdef __cplusplus
}
#endif

#endif /* FLUX_SERVICES_H */
