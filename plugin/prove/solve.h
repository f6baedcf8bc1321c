/*
 * plugin/prove/solve.h - one question put to Z3. Part of flux-prove.
 */
#ifndef FLUX_PLUGIN_PROVE_SOLVE_H
#define FLUX_PLUGIN_PROVE_SOLVE_H

#include "plugin/prove/terms.h"
#include "plugin/prove_impl.h"

/* ---- paths.c: a piece as paths of terms --------------------------------- */

/* Something that crossed the border, the newest first. */
struct event {
  const struct event *before;
  bool out;
  uint16_t name;
  unsigned argc;
  Z3_ast arg[FISA_MAX_ARGS];
};

enum leave { LEAVE_HALT, LEAVE_END, LEAVE_FAULT };

/* A condition that holds on a way. */
struct assumed {
  const struct assumed *before;
  Z3_ast when;
  bool holds;
};
#define MOST_ASSUMED 8192u

/* One way through a piece, from its begin to where it leaves. */
struct path {
  Z3_ast when;              /* Bool: this way is taken */
  const struct assumed *assumed; /* the same, in parts */
  Z3_ast *cell;             /* [cells of the program] */
  struct term_array mem, stack;
  const struct event *events;
  uint32_t event_count, inputs;
  enum leave leave;
  int32_t code;             /* of HALT and FAULT */
};

/* Bytes and stack cells of the begin that somebody asked for. */
struct asked {
  Z3_ast at, value;
  bool stack;
  int side;                 /* 2: both */
};

#define MOST_ASKED 4096u
#define MOST_EVENTS 4096u

struct paths {
  struct terms t;
  const struct fse_question *q;
  Z3_ast *begin[2];         /* [cells]: what they hold where it begins */
  uint32_t count[2];
  struct path *path[2];     /* [FSE_PATHS_MAX] */
  uint32_t asked_count;
  struct asked *asked;      /* [MOST_ASKED] */
  uint32_t input_count;     /* most that a path takes */
  uint32_t event_count;     /* of all paths */
  struct event *event;      /* [MOST_EVENTS] */
  uint32_t assumed_count;
  struct assumed *assumed;  /* [MOST_ASSUMED] */
  char reason[120];         /* why there is no answer, or "" */
};

/* Both pieces. With `open`, what is hard to multiply out stays a function of
 * its arguments. Returns 0, or -1 with p->reason. */
int paths_make(struct paths *p, const struct fse_question *q, Z3_context z,
               bool open);
void paths_done(struct paths *p);

/* The Bool that an address lies in one of the spans. */
Z3_ast paths_in_spans(struct paths *p, const struct fse_span *span,
                      uint32_t count, Z3_ast at);
/* What input number n gives. */
Z3_ast paths_input(struct paths *p, uint32_t n);

/* ---- solve.c ------------------------------------------------------------ */

/* Fills said; said->value is malloc'ed. */
void solve(const struct fse_question *q, uint64_t work,
           struct prove_said *said);

#endif /* FLUX_PLUGIN_PROVE_SOLVE_H */
