/*
 * plugin/instance.h - the plugin instance and its agents. Private.
 *
 * THREADS. Agents' threads only fill their task ring (agent.c). One watcher
 * thread (watch.c) drains the rings, runs shadows and judges probations. One
 * searcher thread (searcher.c) runs searches, one agent at a time, on
 * policy.threads threads. The instance lock guards the list of agents and
 * each agent's phase; who owns the rest of an agent follows from its phase:
 *
 *   phase       owner of the episode set   left by
 *   OBSERVING   watcher                    watcher, enough episodes
 *   READY       searcher                   searcher
 *   SEARCHING   searcher                   searcher
 *   OFFERED     watcher                    watcher: installed or withdrawn
 *   PROBATION   watcher                    watcher: verdict
 *   LEAVING     watcher                    watcher: taken back
 *   SETTLED     watcher                    watcher: trust, a new root
 *   FROZEN      watcher                    watcher: trust
 */
#ifndef FLUX_PLUGIN_INSTANCE_H
#define FLUX_PLUGIN_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>

#include <flux/agent.h>
#include <flux/services.h>

#include "plugin/journal.h"
#include "plugin/ring.h"
#include "plugin/search.h"

enum fse_phase {
  FSE_OBSERVING, FSE_READY, FSE_SEARCHING, FSE_OFFERED, FSE_PROBATION,
  FSE_LEAVING, FSE_SETTLED, FSE_FROZEN
};

/* A version: a program and how its places relate to the root's. */
struct fse_live {
  struct fisa_program *program;
  struct fse_place *places;     /* root -> program, ascending from_pc */
  uint32_t place_count;
  uint32_t (*pair)[2];          /* task boundaries (root pc, program pc) */
  uint32_t pair_count;
  uint64_t id;                  /* version number; 0: the original */
};
void fse_live_done(struct fse_live *l);

/* What is known of a patch on its way. */
struct fse_trialled {
  struct fse_live live;
  struct fse_record record;
  uint64_t base;
  uint32_t tasks;               /* agreed on probation */
  double cost, root_cost;       /* sums over them, cycles */
  double confidence, root_confidence;
  bool planted;
};

struct flux_evolved {
  struct fse_instance *instance;
  struct flux_evolved *next;
  uint64_t id;
  char name[64];
  bool fresh_start;
  double confidence_scale;
  int32_t confidence_cell;
  uint64_t fuel;
  struct fisa_dialect *dialect;
  struct fisa_program *root;
  struct fisa_facts *root_facts;
  struct fir_program *root_ir;
  struct fir_lane *lane;        /* the watcher's */
  struct fisa_state *begin, *end; /* the watcher's */
  struct ftrial_set *set;
  struct fse_ring ring;
  enum fse_phase phase;         /* instance lock */
  atomic_bool leaving;          /* detach waits: stop what is going on */
  uint32_t busy;                /* threads at work on it; instance lock */
  struct fse_live live;         /* what runs now; program NULL: the root */
  struct fse_trialled next_patch;
  /* Status is asked for on other threads. */
  _Atomic uint32_t generation;
  _Atomic uint64_t patches;     /* last patch number used */
  uint32_t dry;                 /* searches without a find */
  uint32_t plant_next;          /* test switch: next plant to offer */
  double trust;
};

struct fse_instance {
  const flux_host *host;
  const flux_live *live;
  const flux_log *log;
  const flux_clock *clock;
  const flux_step *step;
  const flux_native *native;
  struct fse_policy policy;
  struct fse_journal *journal;
  bool paused;                  /* the journal failed, or policy.paused */
  pthread_mutex_t lock;
  pthread_cond_t changed;       /* a phase changed */
  pthread_t watcher, searcher;
  bool threads_on;
  atomic_bool stop;
  struct flux_evolved *agents;
  uint32_t plants_done;
};

/* ---- instance.c --------------------------------------------------------- */

void fse_say(struct fse_instance *in, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fse_phase_set(struct flux_evolved *a, enum fse_phase phase);
enum fse_phase fse_phase_get(struct flux_evolved *a);
uint64_t fse_now_ns(void *instance);

/* ---- agent.c ------------------------------------------------------------ */

flux_status fse_attach(flux_plugin *plugin, const flux_agent_info *info,
                       flux_evolved **out, char *message, size_t capacity);
void fse_detach(flux_plugin *plugin, flux_evolved *agent);
void fse_task_end(flux_evolved *agent, const flux_task *task);

/* The program that runs now, and its boundaries. */
const struct fisa_program *fse_live_program(const struct flux_evolved *a);

/* Makes *out of a program and its places; takes both over. 0 or -1. */
int fse_live_make(const struct flux_evolved *a, struct fisa_program *program,
                  struct fse_place *places, uint32_t count, uint64_t id,
                  struct fse_live *out);

/* Maps a boundary pc of a version to the root's, or UINT32_MAX. */
uint32_t fse_root_pc(const struct fse_live *l, uint32_t pc);

/* ---- shadow.c ----------------------------------------------------------- */

/* The outcome of a shadow run: the root on a task just recorded. */
struct fse_shadow {
  bool same;
  double cost, confidence;   /* of the root: cycles, 0..1 */
  char what[128];            /* first difference */
};

/* Runs the root on a slot's task, which version `by` ran. */
void fse_shadow_run(struct flux_evolved *a, const struct fse_slot *slot,
                    const struct fse_live *by, struct fse_shadow *out);

/* Adds a slot's task to the set as an episode of the root. */
void fse_episode_add(struct flux_evolved *a, const struct fse_slot *slot,
                     const struct fse_live *by);

/* Runs a version on the host's own step service over the recorded episodes
 * (at most `most`). True if it does what the root did; else `what`. Without
 * the service: true. */
bool fse_rehearse(struct flux_evolved *a, const struct fse_live *version,
                  uint32_t most, char *what, size_t capacity);

/* ---- watch.c, searcher.c, plant.c --------------------------------------- */

void *fse_watcher(void *instance);
void *fse_searcher(void *instance);

/* Offers a->next_patch; phase OFFERED on success, else OBSERVING. */
void fse_offer(struct flux_evolved *a);

/* Offers a->next_patch as accepted earlier: it is live when this returns
 * without leaving it in next_patch. */
void fse_offer_accepted(struct flux_evolved *a);

/* Test switch: makes the next planted bad patch of this agent into
 * a->next_patch. True if there was one. */
bool fse_plant(struct flux_evolved *a);

#endif /* FLUX_PLUGIN_INSTANCE_H */
