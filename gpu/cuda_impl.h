/*
 * gpu/cuda_impl.h - what the files of the CUDA back end share. Private.
 *
 * cuda.c is the outside and what happens on errors, cuda_open.c opens and
 * closes a device, cuda_launch.c lays launches out and reads what came back,
 * cuda_batch.c keeps batches on the device.
 */
#ifndef FLUX_GPU_CUDA_IMPL_H
#define FLUX_GPU_CUDA_IMPL_H

#include "gpu/cuda.h"
#include "gpu/cuda_arena.h"
#include "gpu/cuda_driver.h"
#include "gpu/flat.h"

#define FCU_OLDEST 12000         /* of drivers: what it takes for the images */
#define FCU_SLOTS 2u
#define FCU_BATCHES 32u          /* kept on a device */
#define FCU_JOBS_MOST 8192u      /* of a launch */

/* A device and how it is used. */
struct fcu_device_choice {
  fcu_device device;
  unsigned cc;                   /* 90: 9.0 */
  uint32_t processors;
  const struct fkn_image *image; /* the one that was loaded */
  char about[96];
};

/* The jobs of one run in a launch. */
struct fcu_part {
  uint32_t run, first_job, job_count;
};

/* One of two sets of buffers. Those of the host are pinned. */
struct fcu_slot {
  fcu_stream stream;
  fcu_event done;
  unsigned char *in, *out;       /* of the host */
  uint64_t in_at, out_at, scratch_at; /* in the arena */
  struct fcuda_work *work;       /* under way; NULL: idle */
  uint32_t part_count, job_count;
  struct fcu_part *part;         /* [FCU_JOBS_MOST] */
  struct fkn_job *job;           /* [FCU_JOBS_MOST]: a copy that can be read
                                    while the device has the other */
  uint64_t out_size;             /* of what comes back */
  uint64_t until_ns;
};

struct fcu_batch {
  uint64_t version;              /* 0: none */
  struct fkn_lanes lanes;        /* of it */
  uint64_t at, used;             /* in the arena; when */
};

/* All that goes when a device is closed. */
struct fcu_session {
  bool open;
  bool pushed;                   /* the context is current, by us */
  fcu_context context;
  fcu_module module;
  fcu_function kernel, far;      /* for programs that fit a block; for others */
  fcu_memory memory;
  struct fcu_arena arena;
  uint64_t batch_most;           /* room for batches */
  uint32_t in_size, out_size;    /* of a slot */
  uint64_t scratch_size;
  struct fcu_slot slot[FCU_SLOTS];
  struct fcu_batch batch[FCU_BATCHES];
  uint64_t tick;                 /* of uses of batches */
};

struct fcuda {
  struct fcu_driver driver;
  struct fcuda_options options;
  struct fcu_device_choice choice;
  struct fcu_session s;
  uint32_t next;                 /* slot to be filled next */
  bool retired;
  struct fcuda_counts counts;
  struct fisa_error refusal;
};

/* A call of the driver that failed: its name and result; no name: memory of
 * this machine. */
struct fcu_failure {
  const char *call;
  int result;
  bool hangs;                    /* it says that a launch has not ended, and
                                    that has had its time */
};

/* Calls a function of the driver and goes to `failed` if it fails. */
#define FCU_TRY(c, f, name, ...) \
  do { \
    (f)->result = (c)->driver.name(__VA_ARGS__); \
    (f)->call = #name; \
    if ((f)->result != FCU_SUCCESS) \
      return -1; \
  } while (0)

/* ---- cuda_open.c -------------------------------------------------------- */

/* Chooses a device that there is an image for. 0, or -1 with why. */
int fcu_choose(struct fcuda *c, struct fisa_error *why);

/* Opens the device chosen: context, module, memory, streams. 0, or -1 with
 * the call that failed; what was opened until then stays for fcu_close. */
int fcu_open(struct fcuda *c, struct fcu_failure *f);

/* Closes what is open of it, whatever the driver says to that; without
 * `driver` it is not asked, and what it holds stays where it is. */
void fcu_close(struct fcuda *c, bool driver);

/* ---- cuda_batch.c ------------------------------------------------------- */

/* Lanes of a batch that can be had on the device together: all of them, or,
 * where these are too many, as many from `first` on. 0, or 1: it is not for
 * the device, why in c->refusal. */
int fcu_batch_part(struct fcuda *c, const struct fpk_batch *b, uint32_t first,
                   struct fkn_lanes *out);

/*
 * Has these lanes of a batch on the device. Both slots are idle if they are
 * not there yet. 0 and their place in the arena; 1: there is no room, why in
 * c->refusal; or -1 with the call that failed (or none: no memory on the
 * host).
 */
int fcu_batch_have(struct fcuda *c, const struct fpk_batch *b,
                   struct fkn_lanes lanes, uint64_t *at,
                   struct fcu_failure *f);
bool fcu_batch_there(struct fcuda *c, const struct fpk_batch *b,
                     struct fkn_lanes lanes);

/* ---- cuda_launch.c ------------------------------------------------------ */

/* What a run needs, and how it goes into launches: with others like it. */
struct fcu_needs {
  struct fkn_needs program;
  uint32_t threads;              /* of a block */
  bool far;                      /* its records are not in shared memory */
};

/* What is left to be sent of a work. */
struct fcu_plan {
  struct fcuda_work *work;
  struct fkn_lanes lanes;        /* of the batch, which are at batch_at */
  uint64_t batch_at;
  struct fcu_needs *needs;       /* [run_count] */
  uint32_t threads;              /* of the runs that are sent now, */
  bool far;                      /* which are far, or are not */
  uint32_t next;                 /* run to be looked at */
  uint32_t left;                 /* runs that are neither sent nor refused */
};

/* Notes what each run needs, in blocks no wider than there are lanes for; those
 * that are not for the device are REFUSED. */
void fcu_plan_needs(struct fcuda *c, struct fcu_plan *p);

/*
 * Lays the next launch of a plan out in an idle slot and sends it. 0; 1:
 * nothing is left; or -1 with the call that failed.
 */
int fcu_launch(struct fcuda *c, struct fcu_plan *p, struct fcu_slot *slot,
               struct fcu_failure *f);

/* Milliseconds that a launch of so many steps behind one another may take: one
 * for each thousand, FKN_WARP times that if lanes of a warp may part and go one
 * behind the other, and wait_ms. */
uint64_t fcu_allowance_ms(uint32_t wait_ms, uint64_t depth, bool apart);

/* Sets the time by which what a slot has just been sent must have ended: what
 * the other one has under way may be run before it. */
void fcu_set_limit(struct fcuda *c, struct fcu_slot *slot,
                   uint64_t allowance_ms);

/* Reads what came back of a slot whose launch has ended; idle then. */
void fcu_collect(struct fcuda *c, struct fcu_slot *slot);

/* Waits for the end of what a slot has under way. 0; 1: it is not there yet
 * (if `now`); or -1 with the call that failed. */
int fcu_await(struct fcuda *c, struct fcu_slot *slot, bool now,
              struct fcu_failure *f);

#endif /* FLUX_GPU_CUDA_IMPL_H */
