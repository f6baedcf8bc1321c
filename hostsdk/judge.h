/*
 * hostsdk/judge.h - the scorer and the models of an agent: flux.judge/1 made of
 * native calls. Private to libfluxhost.
 *
 *   call = NATIVE "(" [ARG {"," ARG}] ")"
 *   ARG  = integer | ["before"] NAME [":" integer] | NATIVE "(" integers ")"
 *
 * NAME is a source, and means its last value, or a channel, and means the last
 * argument of its last output; with ":" only of those whose first argument is
 * that. `before` means what it was when the task began. A call inside is made
 * when a course is opened, and keeps its value.
 */
#ifndef FLUX_HOSTSDK_JUDGE_H
#define FLUX_HOSTSDK_JUDGE_H

#include "hostsdk/callexpr.h"
#include "hostsdk/config.h"

#pragma GCC visibility push(hidden)

enum {
  FHOST_JUDGE_NAMES = 16,    /* sources and channels that are followed */
  FHOST_JUDGE_CALLS = 8,     /* calls inside, and models */
};

enum fhost_judge_word {
  FHOST_JUDGE_INT, FHOST_JUDGE_NOW, FHOST_JUDGE_BEFORE, FHOST_JUDGE_INSIDE
};

/* A source or channel that is followed. */
struct fhost_followed {
  bool out, has_first;
  uint16_t name;
  int32_t first;
};

struct fhost_judge_call {
  const struct fhost_native *native;  /* NULL: there is none */
  uint32_t argc;
  struct {
    uint8_t word;          /* enum fhost_judge_word */
    uint8_t index;         /* of what is followed, or of the call inside */
    int64_t value;
  } arg[FHOST_MAX_NATIVE_ARGS];
};

/* All that is said of one agent. Plain data. */
struct fhost_judging {
  uint32_t name_count, inside_count, model_count;
  struct fhost_followed names[FHOST_JUDGE_NAMES];
  struct fhost_call inside[FHOST_JUDGE_CALLS];
  struct fhost_judge_call scorer;
  struct {
    struct fhost_followed source;
    uint32_t index;        /* of it among what is followed */
    struct fhost_judge_call call;
  } models[FHOST_JUDGE_CALLS];
};

/* Compiles an agent's scorer and models. 0, or -1 with err. */
int fhost_judging_make(const struct fhost_agent_config *config,
                       const struct fisa_dialect *d,
                       const struct fhost_natives *natives,
                       struct fhost_judging *out, struct fisa_error *err);

/* Checks one such call without the dialect; "" is none. 0, or -1 with err. */
int fhost_judge_form(const char *text, const struct fhost_natives *natives,
                     struct fisa_error *err);

/* What flux.judge/1 says of a judging, and a course by it, to be closed with
 * the table's close. NULL: no memory. */
uint32_t fhost_judging_offers(const struct fhost_judging *j);
flux_course *fhost_course_new(const struct fhost_judging *j);

/*
 * Whether a scorer or a model of this process is inside its native. A plugin
 * that waits too long for one gives it up, and ends before it comes back; what
 * it comes back to, its native and judging, must then outlive the host.
 */
bool fhost_judge_is_away(void);

/* flux.judge/1 of all but offers and open, which are whoever's that has the
 * agents. */
extern const flux_judge fhost_judge_courses;

#pragma GCC visibility pop

#endif /* FLUX_HOSTSDK_JUDGE_H */
