/*
 * tests/agents.h - two forms of an agent, held to each other.
 *
 * Forms run on the VM of their dialect from the same states, drawn from the
 * manifest, and take the same readings. What they leave where it can be seen,
 * what they say and how often they ask has to be equal after every task.
 */
#ifndef FLUX_TESTS_AGENTS_H
#define FLUX_TESTS_AGENTS_H

#include "hostsdk/runtime.h"
#include "isa/state.h"

enum { AGENT_FORMS = 2, AGENT_FUEL = 100000, AGENT_TASKS = 40 };

/* One form of an agent, loaded. */
struct agent_form {
  struct fisa_dialect *dialect;
  struct fisa_program *program;
  const struct fhost_vm *vm;
  void *code;
  struct fisa_state *state;
  struct fisa_trace out;     /* all it said since its inputs were drawn */
  bool continues;            /* it has a row that yields */
};

/* What a form draws readings from and writes to. */
struct agent_world {
  struct agent_form *form;
  int32_t seed, reads;
  int32_t reading, earlier;  /* the last, and the one before */
};

/* Returns 0, or -1 with err and nothing to be given back. */
int agent_load(struct agent_form *f, const char *path, struct fisa_error *err);
void agent_done(struct agent_form *f);

/* Cell n of a file, which is there. */
int32_t *agent_reg(struct agent_form *f, const char *file, unsigned n);

/* The state begins anew, with inputs of the manifest: one value in five is an
 * end of its range. */
void agent_draw(struct agent_form *f, int32_t seed);

/* Runs to the end, or the next yield of one that continues; gives the
 * cycles, or 0 where the task ended otherwise, which is told in `what`. */
uint64_t agent_task(struct agent_world *w, char *what, size_t capacity);

/* Called after each task of each form: the state before it, and how many
 * outputs there were. */
typedef void agent_check(const struct agent_world *w,
                         const struct fisa_state *before, uint32_t said,
                         void *user);

/* A comparison of two forms of one agent. */
struct agent_pair {
  struct agent_form form[AGENT_FORMS];
  uint64_t cycles[AGENT_FORMS];      /* of all tasks so far */
  bool confidence;                   /* C1 is its source: that lives, too */
  agent_check *check;                /* may be NULL */
  void *user;
  char what[160];                    /* how they differ */
};

int agent_pair_load(struct agent_pair *p, const char *first,
                    const char *second, struct fisa_error *err);
void agent_pair_done(struct agent_pair *p);

/* Runs both from the state that a seed draws: one task, or AGENT_TASKS of an
 * agent that continues. 0, or -1 where they differ. */
int agent_pair_compare(struct agent_pair *p, int32_t seed);

/* The agents of samples/agents, one line each: name, dialect. */
enum { AGENTS_MAX = 64 };
struct agents_list {
  unsigned count;
  char name[AGENTS_MAX][32], dialect[AGENTS_MAX][FISA_MAX_NAME];
};

int agents_read(const char *path, struct agents_list *list,
                struct fisa_error *err);

#endif /* FLUX_TESTS_AGENTS_H */
