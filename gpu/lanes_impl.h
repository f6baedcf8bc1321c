/*
 * gpu/lanes_impl.h - what the parts of the lanes share. Private.
 *
 *   lanes.c         engines, memory images, lanes finished one by one
 *   lanes_run.h     control and the loop: built once a kind of processor, with
 *   lanes_ops.h     the ops that compute, column by column
 *   lanes_group.h   lanes that go together
 *   lanes_end.h     lanes that come to an end
 *   lanes_memory.h  memory and stacks
 *   lanes_base.c, lanes_avx2.c, lanes_avx512.c   the builds
 */
#ifndef FLUX_GPU_LANES_IMPL_H
#define FLUX_GPU_LANES_IMPL_H

#include "gpu/lane.h"
#include "gpu/lanes.h"

enum {
  LANES_BLOCK = 16,     /* lanes that are handled together at least */
  /* From column to column of an engine: not a power of two, or all columns
   * would meet in the same lines of the cache. */
  LANES_STRIDE = FPK_WIDTH + LANES_BLOCK,
  LANES_GROUPS = 24,    /* that wait, at most */
  LANES_MASKS = LANES_GROUPS + 8,
  LANES_LONE = 64,      /* instructions that a sparse group goes alone */
  LANES_MEMORY = 1 << 20 /* bytes of memory a lane may have */
};

/* Lanes that stand at one op. Counters: what all of them did since their own
 * counters were written. */
struct lanes_group {
  uint32_t at;          /* the op: a head */
  uint32_t lo, hi;      /* all of them are among these, which are blocks */
  uint32_t active;      /* lanes */
  int32_t *mask;        /* [lo..hi): -1 in each of them, else 0; NULL: these
                           are the group */
  bool loose;           /* lanes came or went since lo and hi were tightened */
  uint32_t left;        /* fuel that each of them has at least */
  uint32_t rows, cost, cycles;
  uint32_t lone;        /* instructions done while sparse */
};

/* Columns that outlive a run, and what of them it changed: memory by words,
 * a stack by cells. Between runs they show the begin of a batch. */
struct lanes_image {
  uint32_t count;       /* columns */
  int32_t *v;           /* [count * FPK_WIDTH], aligned, in base */
  void *base;
  uint8_t *touched;     /* [count] */
  uint32_t *list;       /* [count]: those touched */
  uint32_t touched_count;
  uint32_t *shown;      /* [count]: those that are not 0 in all lanes, of the
                           first shown_lanes; behind them all is 0 */
  uint32_t shown_count, shown_lanes;
  uint64_t version;     /* of the batch; 0: of none, all is 0 */
};

/* How lanes that part go on, in all runs so far: for tests. */
struct lanes_ways {
  uint64_t narrowed;        /* groups that were made narrower */
  uint64_t sparse, crowded; /* lanes that were finished one by one: their group
                               stayed sparse, too many groups waited */
};

struct lanes_run;

/* A build. */
struct lanes_isa {
  const char *name;
  void (*run)(struct lanes_run *r);
  bool (*knows)(unsigned op);
  /* Ends a lane that has stopped: see lanes_end.h. */
  void (*stop)(struct lanes_run *r, uint32_t lane,
               const struct fisa_state *end);
  /* What the lanes came to, in their order. */
  void (*reduce)(const struct lanes_run *r, uint64_t bound,
                 struct fpk_verdict *out);
};

struct flanes {
  const struct lanes_isa *isa;
  const struct fisa_dialect *dialect;   /* of the images */
  uint32_t slot_capacity;
  int32_t *own;          /* [slot_capacity * LANES_STRIDE] */
  int32_t **col;         /* [slot_capacity]: where a slot's column is now */
  struct lanes_image memory, data, calls;
  int32_t *masks;        /* [LANES_MASKS * FPK_WIDTH] */
  int32_t *every;        /* [FPK_WIDTH]: a mask of all lanes */
  uint32_t *rows, *cost, *cycles; /* [FPK_WIDTH]: done by each lane */
  uint32_t *used, *given; /* [FPK_WIDTH]: inputs and outputs */
  int32_t *bad;          /* [FPK_WIDTH] */
  int32_t *target;       /* [FPK_WIDTH]: addresses that lanes go to */
  struct fir_lane *lane; /* for lanes that are finished one by one */
  struct fpk_batch *exec; /* of flanes_exec */
  struct lanes_ways ways;
};

/* One program on some lanes. */
struct lanes_run {
  struct flanes *e;
  const struct fpk_program *p;
  const struct fpk_batch *b;
  const struct fpk_places *places;
  uint32_t lo, hi;       /* lanes of the run, blocks filled up */
  uint32_t end;          /* first lane that is not of the run */
  uint32_t wrong;        /* first lane known to be wrong, else `end` */
  uint32_t most;         /* fuel with which any lane is above the bound */
  bool counted;          /* rows, cost and cycles of the lanes are in use */
  bool uniform;          /* they are not: every lane did the same */
  uint32_t uniform_rows, uniform_cost;
  bool no_memory;

  struct lanes_group now;
  uint32_t base_rows, base_cost, base_cycles; /* sums before its run */
  uint32_t waiting_count;
  struct lanes_group waiting[LANES_GROUPS];
  uint32_t waiting_at;   /* no group waits at an op before this one */
  uint32_t fresh_masks;  /* that were never taken, */
  uint32_t free_count;   /* and those that were given back */
  int32_t *free_mask[LANES_MASKS];

  /* flanes_exec: no verdict, but every state as it ends. */
  struct flanes_task *tasks;
  bool stop_at_yield;
};

/* ---- lanes.c ------------------------------------------------------------ */

int32_t *lanes_mask_take(struct lanes_run *r); /* NULL: none is left */
void lanes_mask_give(struct lanes_run *r, int32_t *mask);

/* Notes that a run changes column i of an image. */
static inline void lanes_touch(struct lanes_image *m, uint32_t i) {
  if (m->touched[i])
    return;
  m->touched[i] = 1;
  m->list[m->touched_count++] = i;
}

/* The next input of a lane, or the next output: false if the lane goes wrong
 * by it. */
bool lanes_take(struct lanes_run *r, uint32_t lane, uint32_t source,
                const int32_t *arg, int32_t *value);
bool lanes_give(struct lanes_run *r, uint32_t lane, uint16_t channel,
                const int32_t *arg, unsigned argc);

/* A lane has come to an end: of flanes_exec. Its counters are up to date. */
void lanes_exec_end(struct lanes_run *r, uint32_t lane,
                    const struct fisa_state *end);

/* Gives the payload of a row. */
bool lanes_give_payload(struct lanes_run *r, uint32_t lane,
                        const struct fpk_op *o);

/* Finishes lane after lane of a mask, which stand at the head `at`, with the
 * ir engine; their counters are up to date. */
void lanes_finish(struct lanes_run *r, const int32_t *mask, uint32_t at);

/* Fuel that a lane has in all. */
static inline uint32_t lanes_fuel(const struct lanes_run *r, uint32_t lane) {
  uint32_t fuel = r->b->fuel[lane];

  return r->b->counts[lane] && r->most < fuel ? r->most : fuel;
}

extern const struct lanes_isa lanes_portable;
#ifdef FLUX_LANES_X86
extern const struct lanes_isa lanes_avx2, lanes_avx512;
#endif

#endif /* FLUX_GPU_LANES_IMPL_H */
