/*
 * plugin/instance.h - the plugin instance and its agents. Private.
 *
 * THREADS. Agents' threads only fill their task ring (agent.c). One watcher
 * thread (watch.c) drains the rings, runs shadows and judges probations. One
 * searcher thread (searcher.c) runs searches, one agent at a time, on
 * policy.threads threads. One tuner thread (searcher.c, too) looks for better
 * behaviour, one agent at a time, and is what "searcher" means below for an
 * agent that it has. Scorers and models are called on threads of their own
 * (errand.h). The instance lock guards the list of agents and each agent's
 * phase; who owns the rest of an agent follows from its phase:
 *
 *   phase       owner of the episode set   left by
 *   OBSERVING   watcher                    watcher, enough episodes
 *   READY       nobody                     whoever is first: the searcher
 *                                          picks it, the watcher freezes it
 *   SEARCHING   searcher                   searcher
 *   OFFERED     watcher                    watcher: installed or withdrawn
 *   PROBATION   watcher                    watcher: verdict
 *   LEAVING     watcher                    watcher: taken back
 *   SETTLED     watcher                    watcher: a task says otherwise
 *   FROZEN      watcher                    watcher: trust
 *   CONTROL     watcher                    watcher: what it is compared with
 *                                          is over
 *
 * An agent in CONTROL runs what it ran while its tasks are scored: beside the
 * canary of a tuning patch, or by itself, with the patch waiting.
 *
 * In SEARCHING the watcher still runs shadows of the live version, with
 * buffers of its own, and may ask for an end with `cancel`. Detaching waits
 * until neither thread is at work on the agent; then it owns it all.
 */
#ifndef FLUX_PLUGIN_INSTANCE_H
#define FLUX_PLUGIN_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>

#include <flux/agent.h>
#include <flux/services.h>

#include "plugin/calibrate.h"
#include "plugin/journal.h"
#include "plugin/ring.h"
#include "plugin/rules.h"
#include "plugin/search.h"
#include "plugin/trend.h"
#include "plugin/tune.h"

enum fse_phase {
  FSE_OBSERVING, FSE_READY, FSE_SEARCHING, FSE_OFFERED, FSE_PROBATION,
  FSE_LEAVING, FSE_SETTLED, FSE_FROZEN, FSE_CONTROL
};

/* A version: a program and how its places relate to the root's. */
struct fse_live {
  struct fisa_program *program; /* NULL: the root */
  struct fir_program *ir;
  struct fse_place *places;     /* root -> program, ascending from_pc */
  uint32_t place_count;
  uint32_t (*pair)[2];          /* task boundaries (root pc, program pc) */
  uint32_t pair_count;
  uint64_t id;                  /* version number; 0: the original */
  enum fse_assurance assurance; /* of the search that found it; a version of
                                   the journal: none */
  struct fse_uses uses;         /* rules that it owes something to */
};
void fse_live_done(struct fse_live *l);

/* What is known of a patch on its way. */
struct fse_trialled {
  struct fse_live live;
  struct fse_record record;
  uint64_t base;
  bool to_root;                 /* no find: the way back to the root */
  bool tuning;                  /* it does other things, on purpose */
  bool gift;                    /* and was tried live by another agent: */
  double gift_score;            /* on its own courses, of what it did before */
  uint32_t tasks;               /* agreed on probation */
  double cost, root_cost;       /* sums over them, cycles, */
  double base_cost;             /* and of the version before it */
  double confidence, root_confidence;
  double drop, drop_squares;    /* of confidence against what is asked */
  bool unmeasured;              /* a task came without confidence */
};

#define FSE_BATCHES 8u          /* of a live trial; the first does not count */

/* Scores of live tasks in a row. */
struct fse_tally {
  uint32_t tasks;
  double sum[FSE_BATCHES];
};

/* What tuning knows of an agent. The watcher's, but for what a search reads
 * while SEARCHING. */
struct fse_tuning {
  atomic_bool on;               /* the host can judge it */
  atomic_bool hung;             /* its scorer or model did not come back */
  bool scores, models;          /* FLUX_JUDGE_* */
  struct fse_errand *errand;    /* for calls of the judge; NULL: none yet */
  uint32_t recorded, tried_at;  /* scenes so far; at the last search */
  struct fse_scene scenes[FSE_SCENES];
  flux_course *course;          /* of live tasks under trial */
  uint64_t beside;              /* the agent compared with, by id; 0: none */
  struct fse_tally own, control;/* of a canary. The control adds to the second,
                                   under the instance lock */
  uint8_t refused[32];          /* the program that was no better last time, */
  uint32_t refused_for;         /* and for how many searches it stays that */
  struct fse_made gift;         /* what another agent's trial accepted: places
                                   from the origin on. Instance lock, but for
                                   the watcher while nobody searches */
  uint8_t gift_root[32];        /* and of which root it is made */
};

#define FSE_BANNED 32u          /* programs not to be offered again */

struct flux_evolved {
  struct fse_instance *instance;
  struct flux_evolved *next;
  uint64_t id;
  char name[64];
  bool fresh_start, counts_all;
  double confidence_scale;
  int32_t confidence_cell;
  uint64_t fuel;                /* of a task, at most, in trials */
  uint64_t host_fuel;           /* and on the host */
  struct fisa_dialect *dialect; /* as far as it holds on this host */
  const struct fse_calibration *calibration;
  struct fisa_program *root;    /* the truth: what the host attached, or the
                                   last accepted tuning of it */
  struct fisa_facts *root_facts;
  struct fir_program *root_ir;
  struct fir_lane *lane;        /* the watcher's */
  struct fisa_state *begin, *end; /* the watcher's */
  struct fir_lane *search_lane; /* the searcher's */
  struct fse_vain *vain;        /* the searcher's; NULL: no search yet */
  struct fisa_state *search_begin, *search_end; /* the searcher's */
  struct ftrial_set *set;
  uint32_t counters_kept;       /* of the set, in the journal */
  struct fse_ring ring;
  enum fse_phase phase;         /* instance lock */
  atomic_bool leaving;          /* detach waits: stop what is going on */
  atomic_bool cancel;           /* the search under way is of no use */
  uint32_t busy;                /* threads at work on it; instance lock */
  struct fisa_program *origin;  /* what the host attached; NULL: the root */
  struct fse_place *origin_places; /* origin -> root */
  uint32_t origin_place_count;
  struct fse_live live;         /* what runs now; program NULL: the root */
  struct fse_trialled next_patch;
  /* Status is asked for on other threads. */
  _Atomic uint32_t generation;
  _Atomic uint64_t patches;     /* last patch number used */
  uint32_t dry;                 /* searches without a find */
  struct fse_history history;   /* fitness of what was committed */
  struct fse_bandit learned;    /* of kinds of edits, by what was accepted */
  struct fse_trend trend;       /* of the history; instance lock */
  atomic_bool declined;         /* and it falls: to be frozen, or frozen */
  bool told_decline;            /* the operator knows; the watcher's */
  uint32_t late;                /* patches the host took back by itself */
  uint32_t ban_count;           /* in all; the last FSE_BANNED are kept */
  uint8_t banned[FSE_BANNED][32];
  _Atomic double trust;
  /* The watcher's. */
  uint32_t unfit;               /* tasks in a row that cannot be learned of */
  bool unevolved;               /* settled for that, or for a foreign VM */
  bool demoted;                 /* and the journal knows */
  bool demote_due;              /* the journal could not be told: */
  struct fse_record owed;
  char contradiction[128];      /* what the live version did wrong */
  /* The searcher's while SEARCHING, then the watcher's. */
  char refuted[128];            /* the same, found by a search */
  struct fse_tuning tuning;
};

struct fse_instance {
  const flux_host *host;
  const flux_live *live;
  const flux_log *log;
  const flux_clock *clock;
  const flux_step *step;
  const flux_judge *judge;
  struct fse_policy policy;
  struct fbackend *backend;     /* runs the trials of all agents */
  struct fse_journal *journal;
  struct fse_rules *rules;      /* of all agents */
  atomic_bool paused;           /* the journal failed, or policy.paused */
  pthread_mutex_t lock;
  pthread_cond_t changed;       /* a phase changed */
  pthread_t watcher, searcher, tuner;
  bool threads_on;
  atomic_bool stop;
  struct flux_evolved *agents;
  uint32_t plants_done;
  uint32_t plants_met;          /* those whose agent was attached */
  pthread_mutex_t calibrating;
  struct fse_judged *known;      /* verdicts on dialects, newest first */
};

/* ---- instance.c --------------------------------------------------------- */

void fse_say(struct fse_instance *in, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fse_phase_set(struct flux_evolved *a, enum fse_phase phase);
enum fse_phase fse_phase_get(struct flux_evolved *a);
/* Sets the phase if it is `from`; whether it was. */
bool fse_phase_move(struct flux_evolved *a, enum fse_phase from,
                    enum fse_phase to);
/* Stops and resumes proposing; offers under way are withdrawn. */
void fse_pause(struct fse_instance *in, bool on);
/* The reason an operator sees beside the agent; NULL clears it. */
void fse_explain(struct flux_evolved *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint64_t fse_now_ns(void *instance);

/* ---- agent.c ------------------------------------------------------------ */

flux_status fse_attach(flux_plugin *plugin, const flux_agent_info *info,
                       flux_evolved **out, char *message, size_t capacity);
void fse_detach(flux_plugin *plugin, flux_evolved *agent);
void fse_task_end(flux_evolved *agent, const flux_task *task);

/* The program that runs now, and its boundaries. */
const struct fisa_program *fse_live_program(const struct flux_evolved *a);

/* Whether trust is enough for changes. */
bool fse_trusted(const struct flux_evolved *a);

/* Makes *out of a program and its places; takes both over. 0 or -1. */
int fse_live_make(const struct flux_evolved *a, struct fisa_program *program,
                  struct fse_place *places, uint32_t count, uint64_t id,
                  struct fse_live *out);

/* Maps a boundary pc of a version to the root's, or UINT32_MAX. Where the
 * entry is such a place as well, a task that began anew is at the entry. */
uint32_t fse_root_pc(const struct fse_live *l, uint32_t pc, bool fresh);
/* The other way. */
uint32_t fse_version_pc(const struct fse_live *l, uint32_t root_pc);

/* ---- shadow.c ----------------------------------------------------------- */

/* The outcome of a shadow run: the root on a task just recorded. */
struct fse_shadow {
  bool same;
  double cost, confidence;   /* of the root: cycles, 0..1 */
  char what[128];            /* first difference */
};

/* Runs the root on a whole slot's task, which version `by` ran. */
void fse_shadow_run(struct flux_evolved *a, const struct fse_slot *slot,
                    const struct fse_live *by, struct fse_shadow *out);

/* Cycles of another version on the task that `by` ran; false: it goes
 * another way there. */
bool fse_shadow_cost(struct flux_evolved *a, const struct fse_slot *slot,
                     const struct fse_live *by, const struct fse_live *other,
                     double *cost);

/* Adds a slot's task to the set as an episode of the root; a counterexample
 * is kept in the journal, too. */
void fse_episode_add(struct flux_evolved *a, const struct fse_slot *slot,
                     const struct fse_live *by, enum ftrial_origin origin);

/* Compares two ends of a task, the root's and that of version `by`. */
bool fse_same_end(const struct flux_evolved *a, const struct fisa_state *root,
                  const struct fisa_state *other, const struct fse_live *by,
                  char what[128]);

/* ---- calibrate_known.c -------------------------------------------------- */

/* The verdict on a dialect with its bindings on this host: what the instance
 * or the journal knows, or else (and if `again`) of stepping its rows now. It
 * lives as long as the instance. NULL with err: no verdict can be had. */
const struct fse_calibration *fse_calibrated(struct fse_instance *in,
                                             const struct fisa_dialect *d,
                                             bool again,
                                             struct fisa_error *err);
/* The newest verdict on each dialect; non-zero ends it and is returned. */
int fse_known_each(struct fse_instance *in,
                   int (*each)(const struct fisa_dialect *d,
                               const struct fse_calibration *c, void *user),
                   void *user);
/* Why a verdict is not proven. */
const char *fse_unproven(const struct fse_instance *in);
void fse_known_done(struct fse_instance *in);

/* ---- tuning.c ----------------------------------------------------------- */

void fse_tuning_open(struct flux_evolved *a);
void fse_tuning_close(struct flux_evolved *a);
/* Keeps a task of the live version as a scene. [watcher] */
void fse_tuning_scene(struct flux_evolved *a, const struct fse_slot *slot);
/* All scenes go: they are of another root. */
void fse_tuning_forget(struct flux_evolved *a);
/* Whether there is enough that is new to look for something better, or a gift
 * to be tried. */
bool fse_tuning_due(const struct flux_evolved *a);
/* What a search of the agent is asked. */
void fse_tuning_request(struct flux_evolved *a, struct fse_tune_request *q);
/* Looks, or tries the gift; true: a->next_patch is to be tried. [searcher] */
bool fse_tune(struct flux_evolved *a);
/* What a live task was worth; false: nobody can say, and the agent is tuned no
 * more. [watcher] */
bool fse_tuning_score(struct flux_evolved *a, const struct fse_slot *slot,
                      double *score);
/* A course of the live tasks to come. */
void fse_tuning_course(struct flux_evolved *a);
/* A course from now on; NULL: there is none to be had. Ends one. */
flux_course *fse_tuning_course_new(struct flux_evolved *a);
void fse_tuning_course_done(struct flux_evolved *a, flux_course **course);
/* The scorer or a model did not come back, or gave no number. */
void fse_tuning_end(struct flux_evolved *a, bool hung);

/* ---- canary.c ----------------------------------------------------------- */

/* a->next_patch is to be tried live: finds it a control. [searcher] */
void fse_canary_offer(struct flux_evolved *a);
/* It is tried no more. The control finds out with its next task. */
void fse_canary_part(struct flux_evolved *a);
/* It is installed. */
void fse_canary_begin(struct flux_evolved *a);
/* A task that it ran; a task of a control. */
void fse_canary_probe(struct flux_evolved *a, const struct fse_slot *slot);
void fse_control_task(struct flux_evolved *a, const struct fse_slot *slot);
/* The agent is observed as usual again. */
void fse_control_done(struct flux_evolved *a);

/* ---- reroot.c ----------------------------------------------------------- */

/* All that a new root needs; made first, so that it cannot fail later. */
struct fse_rooting {
  struct fisa_facts *facts;
  struct fir_program *ir;
  struct ftrial_set *set;
  struct fse_place *places;     /* origin -> root */
  uint32_t place_count;
};
/* For a->next_patch.live; 0 or -1. */
int fse_rooting_make(struct flux_evolved *a, struct fse_rooting *r);
void fse_rooting_done(struct fse_rooting *r);
/* What the journal is told of it. */
struct fse_version fse_rooting_version(const struct flux_evolved *a,
                                       const struct fse_rooting *r);
/* a->next_patch.live is the root from now on, and live. */
void fse_reroot(struct flux_evolved *a, struct fse_rooting *r);
/* The stored tuning of what the host attached becomes the root, and is taken
 * over; the host is offered nothing yet. 0, or -1 with err. */
int fse_reroot_stored(struct flux_evolved *a, struct fse_stored *stored,
                      struct fisa_error *err);
/* Offers it as accepted earlier. 0, or -1: the host did not take it. */
int fse_reroot_offer(struct flux_evolved *a, uint64_t id);
/* Where a boundary of the root is in the origin, or UINT32_MAX. */
uint32_t fse_origin_pc(const struct flux_evolved *a, uint32_t root_pc);

/* ---- scenes.c ----------------------------------------------------------- */

/* Keeps the scenes in the journal, with the tuning that was found on them. */
void fse_scenes_save(const struct flux_evolved *a,
                     const struct fisa_program *tuned);
/* Tries the stored tuning of what the host attached beside it (tune.h): on its
 * scenes, where they were kept and the host can judge. 0, or -1 with err. */
int fse_scenes_try(struct flux_evolved *a, struct fse_made *given,
                   struct fse_tune_result *out, struct fisa_error *err);

/* ---- gift.c ------------------------------------------------------------- */

/* What was accepted as the root goes to other agents of the old one. */
void fse_spread(struct flux_evolved *a, const uint8_t old_root[32]);
/* Gets an agent at rest ready for the trial of its gift. [watcher] */
void fse_mind_gift(struct flux_evolved *a);
/* Whether there is one that can be tried. */
bool fse_gift_due(const struct flux_evolved *a);
/* A copy of it, root -> gift; false: there is none. [searcher] */
bool fse_gift_copy(struct flux_evolved *a, struct fse_made *out);
/* It is of no use here, and goes unless another came. */
void fse_gift_drop(struct flux_evolved *a, const uint8_t hash[32]);

/* ---- rehearse.c --------------------------------------------------------- */

/* The same for a version that does other things: whether the host's VM does
 * with it what the lane does. */
bool fse_rehearse_tuning(struct flux_evolved *a,
                         const struct fse_live *version, uint32_t most,
                         char what[128]);

/* Runs a version on the host's own step service over the recorded episodes
 * (at most `most`). True if it does what the root did; else `what`. Without
 * the service: true. The searcher's buffers are used. */
bool fse_rehearse(struct flux_evolved *a, const struct fse_live *version,
                  uint32_t most, char what[128]);

/* ---- offer.c ------------------------------------------------------------ */

/* Offers a->next_patch; phase OFFERED on success, else OBSERVING. */
void fse_offer(struct flux_evolved *a);

/* Offers a->next_patch as accepted earlier: it is live when this returns
 * without leaving it in next_patch. */
void fse_offer_accepted(struct flux_evolved *a);

/* Offers the root in the place of the live version; phase OFFERED and true
 * on success, else SETTLED. */
bool fse_offer_root(struct flux_evolved *a);

/* ---- remember.c --------------------------------------------------------- */

/* Completes the record of the patch on its way. */
void fse_complete(struct flux_evolved *a, enum fse_outcome outcome,
                  const char *why);
/* Tells the operator of it. */
void fse_tell(struct flux_evolved *a);
/* Writes it; a failure pauses evolution with one line. 0 or -1. */
int fse_remember(struct flux_evolved *a, const struct fse_version *v);
/* What an earlier search of the agent's root found (recall.h), for one that
 * runs its root; and that this turned out wrong. */
struct fse_found;
/* A version was wrong: so may be each rule it owes something to, unless it was
 * in what `before` owes, which agreed so far. */
void fse_rules_doubt(struct flux_evolved *a, const struct fse_uses *uses,
                     const struct fse_uses *before);
bool fse_answer_known(const struct flux_evolved *a, struct fse_found *out);
void fse_answer_forget(const struct flux_evolved *a);
/* The patch on its way is gone: complete, tell, remember, free. */
void fse_part(struct flux_evolved *a, enum fse_outcome outcome,
              const char *why);
/* The journal forgets the live version; once more if it could not. */
void fse_demote(struct flux_evolved *a, const char *why);
void fse_demote_again(struct flux_evolved *a);
/* The host took back what the journal calls live: it was `a->live`. */
void fse_unaccept(struct flux_evolved *a, const char *why);
/* A point of the agent's history, by the thread that owns it now; and one of
 * the same height, for a search that found nothing. */
void fse_history_note(struct flux_evolved *a, double fitness);
void fse_history_same(struct flux_evolved *a);
/* Freezes an agent whose fitness falls, with the record of it. [watcher] */
void fse_mind_decline(struct flux_evolved *a);
void fse_ban(struct flux_evolved *a, const struct fisa_program *p);
/* Asks the host to take the patch back, and says so. */
void fse_take_back(struct flux_evolved *a, uint32_t how, const char *why);
bool fse_banned(const struct flux_evolved *a, const struct fisa_program *p);

/* ---- counter.c ---------------------------------------------------------- */

/* A task as words, and back. `initial` is as the state list says. What is read
 * is not trusted: what does not fit the dialect is a failure. */
struct fse_writer;
struct fse_reader;
void fse_put_task(struct fse_writer *w, const struct ftrial_episode *e,
                  const struct fisa_state *initial);
void fse_get_task(struct fse_reader *r, const struct fisa_dialect *d,
                  struct fisa_state *begin, struct fisa_trace *events);

/* Writes counterexamples of the set that the journal has not seen. */
void fse_counters_save(struct flux_evolved *a);
/* Reads those of earlier runs into the set. */
void fse_counters_load(struct flux_evolved *a);

/* ---- probation.c -------------------------------------------------------- */

void fse_probation_begin(struct flux_evolved *a);
/* A task that the patch ran on probation; also its last, while it leaves. */
void fse_probe(struct flux_evolved *a, const struct fse_slot *slot);
void fse_probe_leaving(struct flux_evolved *a, const struct fse_slot *slot);
/* It goes, and by no fault of its own that was seen: it may come again a few
 * times. */
void fse_forgive(struct flux_evolved *a);
/* The host took the patch back by itself. */
void fse_taken_back(struct flux_evolved *a);

/* ---- watch.c, searcher.c, plant.c --------------------------------------- */

void *fse_watcher(void *instance);
void *fse_searcher(void *instance);
void *fse_tuner(void *instance);
/* How long a thread rests that worked so long, to have worked for a share of
 * the time, 0 < share; from 1 on not at all. */
uint64_t fse_pause_ns(uint64_t worked, double share);

/* Notes the plants that are for an agent; names those that met none. */
void fse_plants_meet(struct fse_instance *in, const char *agent);
void fse_plants_unmet(struct fse_instance *in);
/* Test switch: makes the next planted bad patch of this agent into
 * a->next_patch. True if there was one. */
bool fse_plant(struct flux_evolved *a);

#endif /* FLUX_PLUGIN_INSTANCE_H */
