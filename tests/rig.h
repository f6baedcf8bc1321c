/*
 * rig.h - agents under test: an evolver that only notes what it is told, a
 * world that is a pure function, and short words for programs and patches.
 *
 * The rig runs no thread of its own: a test steps an agent with rig_step()
 * and plays the evolver in between.
 */
#ifndef FLUX_TESTS_RIG_H
#define FLUX_TESTS_RIG_H

#include "hostsdk/runtime.h"
#include "isa/asm.h"

enum { RIG_EVENTS = 64, RIG_RECORDS = 256 };

/* What task_end told, with what it pointed to. */
struct rig_record {
  flux_task task;                  /* events, begin, end: see below */
  flux_event events[RIG_EVENTS];
  flux_state begin, end;           /* cells: below; memory: a few bytes */
  int32_t begin_cells[16], end_cells[16];
  uint8_t end_mem[16];             /* from RIG_MEM on */
};

#define RIG_MEM 0x200u             /* where records look at the memory */

/* A released output. */
struct rig_output {
  uint64_t task;
  uint16_t channel;
  int32_t arg[3];
};

struct flux_evolved {
  struct rig *rig;
  uint64_t id;
  struct rig_record *records;      /* ring of the last RIG_RECORDS */
  uint64_t count;                  /* in all */
};

struct rig_agent;

/* Options of rig_add() that are not the usual. */
struct rig_options {
  const char *text;                /* of the program */
  bool continuing;                 /* no fresh start */
  bool no_begin;                   /* fresh tasks get no R1 */
  bool unattached;
  const struct rig_agent *like;    /* shares this one's program */
  uint32_t max_events, worker;
  uint64_t fuel;                   /* 0: 10,000 */
  int32_t confidence_cell;         /* 0: none */
};

struct rig_agent {
  struct rig *rig;
  struct fhost_agent *agent;
  struct flux_evolved evolved;
  uint64_t id;
  struct fisa_program *program;
  bool shared;                     /* the program is another's */
  struct rig_options options;
  /* The world. */
  bool stream;                     /* inputs are numbered, not functions */
  uint64_t inputs, begins;         /* values consumed, tasks begun */
  int32_t shift;                   /* added to R1 of a fresh task */
  int32_t r2, byte;                /* R2 and the byte at RIG_MEM, too */
  double trust;
  /* Called when a fresh task begins. */
  void (*on_begin)(uint64_t task, struct rig_agent *a);
  uint64_t ends, ended;            /* how often, the last task */
  int32_t ended_r3;
  struct rig_output *outputs;
  size_t output_count, output_capacity;
};

struct rig {
  struct fhost_runtime *runtime;
  const flux_live *live;
  flux_status attach_status;       /* what attach answers */
  flux_agent_info info;            /* of the last attach, texts gone */
  unsigned detached;
  void (*on_attach)(struct rig *r, uint64_t id);
  uint32_t count;
  struct rig_agent agents[8];
};

/* Ends the program when something has no memory. */
void rig_open(struct rig *r);
void rig_close(struct rig *r);

/* Adds an agent and attaches it; R1 of a fresh task is rig_feed(task). */
struct rig_agent *rig_add(struct rig *r, const struct rig_options *o);

/* The dialect of all programs. */
const struct fisa_dialect *rig_dialect(void);
struct fisa_program *rig_program(const char *text);
uint32_t rig_label(const struct fisa_program *p, const char *name);
uint16_t rig_channel(const char *name);

/* The world: R1 of a task, and the value of a source. */
int32_t rig_feed(uint64_t task);
int32_t rig_sense(uint64_t task);

enum fhost_step rig_step(struct rig_agent *a);
/* Steps until that many tasks ran; fails the test when one does not. */
void rig_run(struct rig_agent *a, unsigned tasks);

/* The last record; the one before it. NULL: there is none. */
const struct rig_record *rig_last(const struct rig_agent *a);
const struct rig_record *rig_before_last(const struct rig_agent *a);

struct fhost_agent_stats rig_stats(const struct rig_agent *a);

/* Whether the agent released what one that is never evolved releases in
 * `tasks` tasks, in the same world. */
bool rig_as_control(const struct rig_agent *a, uint64_t tasks);

/*
 * Offers a patch: pairs between the entries, and between equal labels that
 * both programs have and whose name begins with "at" (at1, at2...).
 */
struct rig_patch {
  const struct fisa_program *from, *to;
  uint64_t id, base;
  uint32_t flags, deadline, hold_ms;
  bool no_entry;                   /* leave the pair of entries out */
  bool no_back;                    /* leave all pairs back out but the entry */
};
flux_status rig_offer(struct rig_agent *a, const struct rig_patch *p);

flux_status rig_observe(struct rig_agent *a, uint32_t what, uint32_t period);
flux_status rig_agree(struct rig_agent *a, uint64_t number);
/* The last record's number. */
flux_status rig_agree_last(struct rig_agent *a);
flux_status rig_accept(struct rig_agent *a, uint64_t id);
flux_status rig_take_back(struct rig_agent *a, uint64_t id, uint32_t how);
flux_status rig_withdraw(struct rig_agent *a, uint64_t id);

#endif /* FLUX_TESTS_RIG_H */
