/*
 * gpu/cuda.h - trials on a CUDA device.
 *
 * Packed programs and batches go to the device and verdicts come back; what
 * the device has no answer for (see the statuses) its caller gets elsewhere,
 * so that a device can only make trials faster, never other. Work is sent in
 * launches: while one runs the next is laid out, in two sets of buffers with
 * a stream each. Batches stay on the device until room is needed.
 *
 * An error of the driver loses what was sent and closes the device; the next
 * work opens it again. After FCUDA_ERRORS it is retired. Each of that is told
 * in one line.
 *
 * A launch always ends: each lane has fuel (FPK_MAX_FUEL at most) which every
 * loop takes from, and a launch has no more blocks behind one another than
 * FCUDA_DEPTH steps allow: an instruction is one, and one more for each byte
 * that a row of the program may go through. One that does not end within the
 * time for that (fcu_allowance_ms, counted from when the launch before it has
 * to have ended) is a device that does not work: it is retired at once and left
 * as it is, since whatever would free its memory waits for it first.
 *
 * Thread: any one at a time; a struct fcuda has no lock. The thread's own
 * context, if it has one, is current again behind each call.
 */
#ifndef FLUX_GPU_CUDA_H
#define FLUX_GPU_CUDA_H

#include "gpu/images.h"
#include "gpu/pack.h"

#define FCUDA_ERRORS 3u
#define FCUDA_DEPTH (1u << 26)  /* steps of a launch behind one another */

struct fcuda_options {
  const struct fkn_image *images; /* in place of those that were built in; for
                                     tests; NULL: those */
  uint32_t image_count;
  bool ptx;              /* only PTX text; also FLUX_TRIAL_IMAGE=ptx */
  uint64_t device_max;   /* bytes of the device; 0: half of what is free, at
                            most 2 GiB */
  uint64_t host_max;     /* bytes of the host that it may copy from and to;
                            0: 64 MiB */
  bool far;              /* take all programs for too long for a block, as
                            some are; for tests */
  uint32_t wait_ms;      /* for a launch, besides what it has to do;
                            0: 10000 */
  uint64_t (*now_ns)(void); /* NULL: the clock */
  /* NULL: nobody reads it. failed: the device did, which it should not. */
  void (*log)(bool failed, const char *line, void *user);
  void *user;
};

enum fcuda_status {
  FCUDA_DONE,            /* the verdict is there */
  FCUDA_REFUSED,         /* not for the device: run it elsewhere */
  FCUDA_FAILED,          /* the device failed: run it elsewhere */
  FCUDA_SENT             /* under way: ask fcuda_wait */
};

/* One program on the lanes of some work. */
struct fcuda_run {
  const struct fpk_program *program;
  const struct fpk_places *places;  /* of the work's batch */
  uint64_t cost_bound;
  struct fpk_verdict *out;          /* written if DONE, and not else */
  enum fcuda_status status;
};

/* Programs on lanes first..first + count - 1 of a batch. The caller keeps all
 * of it as it is until fcuda_wait or fcuda_free. */
struct fcuda_work {
  const struct fpk_batch *batch;
  uint32_t first, count;
  uint32_t run_count;
  struct fcuda_run *run;
  uint32_t pending;                 /* launches; not the caller's */
};

struct fcuda;

/*
 * Finds a device that there is an image for and opens it. Returns 0, or -1
 * with one sentence why there is none: no library, no device, no image, ...
 */
int fcuda_new(const struct fcuda_options *o, struct fcuda **out,
              struct fisa_error *why);

/* Waits for what is under way; verdicts of that are still written. */
void fcuda_free(struct fcuda *c);

/*
 * Sends work. It waits only where both sets of buffers are under way, or where
 * a batch is too large and goes in parts, each of which is waited for. Each
 * run has a status behind it. Returns whether any was sent.
 */
bool fcuda_submit(struct fcuda *c, struct fcuda_work *w);

/* Waits until no run of a work is SENT. Returns whether all are DONE. */
bool fcuda_wait(struct fcuda *c, struct fcuda_work *w);

/* Looks without waiting; whether no run of a work is SENT. */
bool fcuda_poll(struct fcuda *c, struct fcuda_work *w);

/* A state that is to be run as it is, and what came of it. */
struct fcuda_task {
  const struct fir_program *ir;
  struct fisa_state *state;         /* in: the begin; out: the end */
  const struct fir_io *io;          /* NULL: nothing to take */
  uint64_t fuel;                    /* of all tasks */
  struct fir_result result;         /* out */
};

/*
 * Runs a program through all of its tasks, as fir_run does that does not stop
 * at boundaries, on the ir engine and on the device, which has to come to the
 * same in every task that does not end for want of fuel. Returns 0, or -1
 * with one sentence: the device refuses, fails or does not agree.
 */
int fcuda_exec(struct fcuda *c, struct fcuda_task *t, struct fisa_error *why);

/* False: it is retired, and everything sent FAILED. */
bool fcuda_alive(const struct fcuda *c);

/* Name and image of the device: "NVIDIA H100 (9.0), image sm_90". */
const char *fcuda_about(const struct fcuda *c);

/* Why the last run was REFUSED; "": none was. */
const char *fcuda_refusal(const struct fcuda *c);

struct fcuda_counts {
  uint64_t launches, jobs, uploads;
  uint64_t runs;         /* of the launches, all together */
  uint64_t bytes_in, bytes_out;
  uint32_t errors;
};
struct fcuda_counts fcuda_counts(const struct fcuda *c);

#endif /* FLUX_GPU_CUDA_H */
