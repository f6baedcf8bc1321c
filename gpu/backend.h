/*
 * gpu/backend.h - which engine runs trials: CPU lanes, a CUDA device, both.
 *
 * The engines agree to the bit, so the choice is a matter of speed alone. It
 * is measured by the shape of the work (gpu/tune.h): where there is a device
 * the work of one call is divided, the lanes run their part while the device
 * runs its own, and whatever the device has no answer for the lanes run, too.
 *
 * Thread: any, each with lanes of its own. What several threads begin goes to
 * the device in turn. With FBACKEND_AUTO it takes no more works than it has
 * buffers for; whoever begins more of them runs these on the lanes.
 */
#ifndef FLUX_GPU_BACKEND_H
#define FLUX_GPU_BACKEND_H

#include "gpu/cuda.h"
#include "gpu/lanes.h"

enum fbackend_choice {
  FBACKEND_AUTO,         /* both, as measured */
  FBACKEND_LANES,
  FBACKEND_CUDA,         /* the device, as far as it can */
  FBACKEND_IR,           /* nothing here: the caller runs the ir engine */
  FBACKEND_CHOICES
};

/* "auto", "lanes", "cuda", "ir"; -1: no such word. */
const char *fbackend_word(enum fbackend_choice c);
int fbackend_by_word(const char *word);

struct fbackend_options {
  enum fbackend_choice choice;
  struct fcuda_options cuda;    /* its log is this one's, too */
  uint64_t (*now_ns)(void);     /* NULL: the clock */
};

struct fbackend;

/*
 * NULL: out of memory. The device is looked for with the first work, and told
 * of in one line of the log: what it is, or why there is none. The environment
 * may say other than the choice: FLUX_TRIAL_BACKEND, one of the words.
 */
struct fbackend *fbackend_new(const struct fbackend_options *o);

/* No call is under way. */
void fbackend_free(struct fbackend *b);

enum fbackend_status {
  FBACKEND_DONE,         /* the verdict is there */
  FBACKEND_ASK_IR,       /* not for wide engines */
  FBACKEND_NO_MEMORY
};

/* One program on lanes of a batch. */
struct fbackend_run {
  const struct fpk_program *program;
  const struct fpk_places *places;
  uint64_t cost_bound;
  struct fpk_verdict *out;      /* written if DONE */
  enum fbackend_status status;  /* out */
};

/* Programs on lanes first..first + count - 1 of a batch; first is a multiple
 * of 16. Zero what is not said here. */
struct fbackend_work {
  const struct fpk_batch *batch;
  uint32_t first, count;
  uint32_t run_count;
  struct fbackend_run *run;
  struct fbackend_sent {         /* private: what the device has of it */
    struct fcuda *cuda;
    struct fcuda_work work;
    uint64_t begin_ns, end_ns;
  } sent;
};

/*
 * Whether there is a device that this back end uses. It is looked for, if
 * nobody did yet.
 */
bool fbackend_has_device(struct fbackend *b);

/* Runs all of it; every run has its status behind it. */
void fbackend_do(struct fbackend *b, struct flanes *lanes,
                 struct fbackend_work *w);

/*
 * The same in two steps, so that the next work can be lowered and packed while
 * the device is busy with this one: begin sends what the device gets, end runs
 * the rest on the lanes and waits. Both on one thread, which may have begun
 * several works; each begun one is ended, in any order.
 */
void fbackend_begin(struct fbackend *b, struct fbackend_work *w);
void fbackend_end(struct fbackend *b, struct flanes *lanes,
                  struct fbackend_work *w);

/* Between both, as often as one likes: looks, without waiting, whether the
 * device is through. So it is known how long that took. */
bool fbackend_look(struct fbackend *b, struct fbackend_work *w);

/* What it runs on, in words, as far as is known yet. */
void fbackend_about(struct fbackend *b, char *out, size_t capacity);

#endif /* FLUX_GPU_BACKEND_H */
