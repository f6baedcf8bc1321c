/*
 * livehost.h - a host for the plugin's live loop that a test plays itself.
 *
 * The host has one agent. The test runs its tasks one by one, on the `ir`
 * engine and on the test's own thread, installs or withdraws what was
 * offered, and may lie in a record about what happened. What the plugin asks
 * for is noted; its threads are the only others.
 */
#ifndef FLUX_TESTS_LIVEHOST_H
#define FLUX_TESTS_LIVEHOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "gpu/ir.h"
#include "plugin/instance.h"

enum { LIVEHOST_SETTINGS = 64, LIVEHOST_LINES = 64,
       LIVEHOST_PROBATION = 4 };

/* A patch as it was offered. */
struct livehost_patch {
  uint64_t id, base;
  uint32_t flags, transfers, backs;
  flux_transfer transfer[16], back[16];
  struct fisa_program *program;
};

/* What a record says otherwise than what happened. */
struct livehost_lie {
  uint32_t flags;        /* added */
  uint32_t drop_flags;   /* and taken out */
  int32_t cell, add;     /* of the end: cell < 0: none */
  double times_cycles;   /* 0: as they are */
  bool fault;            /* the task ended in one */
  bool confidence, trust;/* not 1, not what it was */
  double confidence_is, trust_is;
};

struct livehost {
  pthread_mutex_t lock;
  flux_host host;
  flux_config config;
  flux_live live;
  flux_log log;
  flux_step step;
  bool steps;                     /* there is a step service */
  uint32_t setting_count;
  flux_setting settings[LIVEHOST_SETTINGS];
  flux_plugin *plugin;
  const flux_evolver *evolver;
  struct flux_evolved *evolved;

  /* The agent; the test's thread. */
  const char *name;
  struct fisa_program *root, *program;
  struct fir_program *ir;
  struct fir_lane *lane;
  struct fisa_state *begin, *end;
  struct fisa_trace events;
  bool continues;                 /* no fresh start */
  bool fresh;                     /* the next task begins anew */
  uint64_t version, number;
  double trust;
  int32_t (*feed)(uint64_t task); /* R1 of a fresh task */
  int32_t (*sense)(void);         /* value of any source; NULL: the usual */
  void (*act)(const int32_t *arg, unsigned argc); /* output; NULL: nowhere */
  const flux_judge *judge;        /* NULL: there is none */

  /* What the plugin asked for; under the lock. */
  bool offered;
  struct livehost_patch patch;    /* the last offer */
  uint32_t offers, withdrawn, observed_what;
  uint64_t agreed_count, agreed_last;
  bool out_of_order;
  uint64_t accepted, taken_back;
  int32_t how;                    /* of the last take_back; -1: none */
  uint32_t takes;
  char explanation[256];
  uint32_t line_count;
  char lines[LIVEHOST_LINES][512];
  uint32_t counted;
  atomic_bool gone;               /* nothing may be asked any more */
  /* How it answers. */
  uint32_t busy_offers;           /* so many offers are refused */
  flux_status accept_answer;
  atomic_bool block;              /* agree() does not return */
};

void livehost_open(struct livehost *h, const char *program_text);
/* The same with small numbers: few episodes, a short search, LIVEHOST_PROBATION
 * tasks of probation. */
void livehost_open_small(struct livehost *h, const char *program_text);
/* Settings of the plugin's block, before livehost_start. */
void livehost_set(struct livehost *h, const char *name, double value);
void livehost_set_text(struct livehost *h, const char *name,
                       const char *value);
/* Creates the plugin and attaches the agent; false: it was refused, and
 * explanation says why. */
bool livehost_start(struct livehost *h);
void livehost_detach(struct livehost *h);
/* Detaches, destroys the plugin and frees all. */
void livehost_close(struct livehost *h);
/* The same, without freeing: livehost_start may follow. */
void livehost_stop(struct livehost *h);

/* Runs a task on what is installed and reports it. NULL: no lie. */
void livehost_task(struct livehost *h, const struct livehost_lie *lie);

/* Installs what was offered, or goes back to the version before it: the
 * flags of the next task's record. */
uint32_t livehost_install(struct livehost *h);
uint32_t livehost_leave(struct livehost *h);

/* The phase, as the plugin has it. */
enum fse_phase livehost_phase(struct livehost *h);

/* Runs tasks until the phase is reached; false: it was not in time, or the
 * agent settled before. */
bool livehost_run_to(struct livehost *h, enum fse_phase phase);
/* Waits for it without running any. */
bool livehost_wait(struct livehost *h, enum fse_phase phase);
/* Waits until the watcher has seen every task; that it did not in time fails
 * the test. */
void livehost_settle(struct livehost *h);
/* Evolves until something is offered, and installs it. */
uint32_t livehost_offer(struct livehost *h);
/* n tasks of the patch, the first with flags; each waits for its verdict. */
void livehost_probation(struct livehost *h, uint32_t flags, unsigned n,
                        const struct livehost_lie *lie);
/* Both, up to the acceptance; of who was opened small. */
void livehost_accept(struct livehost *h);

/* Whether a line of the log contains a text; how many do. */
uint32_t livehost_said(struct livehost *h, const char *text);
bool livehost_explains(struct livehost *h, const char *text);

#endif /* FLUX_TESTS_LIVEHOST_H */
