/*
 * gpu/cuda_launch.c - launches: which jobs go into one, what they are sent
 * as, what came back.
 *
 * A launch holds runs whose blocks have as many threads each, as long as
 * there is room for their bytes on both sides and as their blocks stay within
 * what shared memory, scratch memory and the bound on time allow. With few
 * runs for a device the lanes of each are divided into jobs.
 */
#include <assert.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "gpu/cuda_impl.h"

enum {
  BLOCKS_EACH = 8,          /* of 128 threads a processor: wished for */
  OVERLAY_LEAST = 6,        /* bits of an overlay */
  OVERLAY_MOST = 15,
  NEAR_LEAST = 64,          /* threads that should share records in a block */
  JOB_ALIGN = 16
};

static uint64_t aligned(uint64_t n) {
  return (n + JOB_ALIGN - 1) / JOB_ALIGN * JOB_ALIGN;
}

/* ---- what a run needs --------------------------------------------------- */

/* Whether each begin of a batch is a place in a program. One that is not is
 * no difference to the root, so the kernel may not be asked. */
static bool begins_everywhere(const struct fcuda_run *r,
                              const struct fpk_batch *b) {
  for (uint32_t i = 0; i < b->begin_count; i++)
    if (r->places->start[i] == FPK_NONE)
      return false;
  return true;
}

/* Threads of a block that there are lanes for. */
static uint32_t threads_for(uint32_t lanes) {
  uint32_t threads = FKN_THREADS_MOST;

  while (threads > FKN_WARP && threads / 2 >= lanes)
    threads /= 2;
  return threads;
}

/* The kind of block for a program: as wide as there are lanes for, since its
 * threads share the records. Where few of them would have room beside these,
 * they are far. False: there is no such block. */
static bool choose_block(const struct fcuda *c, struct fcu_needs *needs,
                         uint32_t lanes) {
  const struct fkn_needs *p = &needs->program;
  uint32_t most = threads_for(lanes);
  uint32_t near = fkn_threads_for(p->records, p->slots);

  needs->far = c->options.far ||
               near < (most < NEAR_LEAST ? most : NEAR_LEAST);
  needs->threads = needs->far ? fkn_threads_for(0, p->slots) : near;
  if (needs->threads > most)
    needs->threads = most;
  return needs->threads > 0;
}

/* Whether a run is for the device, and what it needs there. */
static int plan_run(const struct fcuda *c, const struct fcuda_work *w,
                    uint32_t i, struct fcu_needs *needs,
                    struct fisa_error *why) {
  const struct fcuda_run *r = &w->run[i];

  if (fkn_program_needs(r->program, w->batch, &needs->program, why) != 0)
    return -1;
  if (!begins_everywhere(r, w->batch))
    return fisa_fail(why, "an episode begins where the program has no place");
  if (choose_block(c, needs, w->count))
    return 0;
  return fisa_fail(why, "a program that uses %u cells has too many for a block",
                   needs->program.slots);
}

/* From the widest blocks on. */
static void begin_kind(struct fcu_plan *p, bool far) {
  p->threads = threads_for(p->work->count);
  p->far = far;
  p->next = 0;
}

void fcu_plan_needs(struct fcuda *c, struct fcu_plan *p) {
  struct fcuda_work *w = p->work;

  for (uint32_t i = 0; i < w->run_count; i++) {
    struct fisa_error why = {""};
    bool fits = plan_run(c, w, i, &p->needs[i], &why) == 0;

    w->run[i].status = fits ? FCUDA_SENT : FCUDA_REFUSED;
    p->left += fits;
    if (!fits)
      c->refusal = why;
  }
  begin_kind(p, false);
}

/* ---- the shape of a launch ---------------------------------------------- */

/* What a launch comes to with the runs it has so far. */
struct shape {
  uint32_t jobs, parts;
  uint64_t programs;        /* bytes */
  uint64_t costs;           /* of lanes */
  uint32_t records, slots, stack_cells;
  uint32_t overlay_bits;
  uint32_t chunk;           /* lanes of a job */
  uint32_t threads, grid;
  bool far;
  uint32_t weight;          /* steps of an instruction */
  bool apart;               /* lanes of a warp may go one by one */
  uint64_t depth;           /* steps behind one another */
};

/* Bits of an overlay that holds what runs like the root write, and more. */
static uint32_t overlay_for(const struct fpk_batch *b) {
  uint32_t words = b->most_stored + b->most_stored / 4 + 48;
  uint32_t bits = OVERLAY_LEAST;

  while (bits < OVERLAY_MOST && (UINT32_C(3) << bits) / 4 < words)
    bits++;
  return bits;
}

/* Lanes of a job: all of them if there are runs enough for the device. */
static uint32_t chunk_for(const struct fcuda *c, const struct fcuda_work *w,
                          uint32_t threads) {
  uint64_t blocks = (uint64_t)c->choice.processors * BLOCKS_EACH *
                    (FKN_THREADS_MOST / threads);
  uint64_t lanes = w->count;

  if (w->run_count < blocks)
    lanes = lanes * w->run_count / blocks;
  lanes = (lanes + threads - 1) / threads * threads;
  if (lanes < threads)
    lanes = threads;
  return lanes < w->count ? (uint32_t)lanes : w->count;
}

static uint32_t most(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

/* Adds a run to a shape. */
static void add(struct shape *s, const struct fcu_plan *p,
                const struct fkn_needs *needs) {
  uint32_t count = p->work->count;
  uint32_t jobs = (count + s->chunk - 1) / s->chunk;

  s->parts++;
  s->jobs += jobs;
  s->programs += aligned(needs->bytes);
  s->costs += jobs > 1 ? count : 0;
  s->records = s->far ? 0 : most(s->records, needs->records);
  s->slots = most(s->slots, needs->slots);
  s->stack_cells = most(s->stack_cells, needs->stack_cells);
  s->weight = most(s->weight, needs->weight);
  s->apart |= needs->apart;
  if (needs->stores)
    s->overlay_bits = overlay_for(p->work->batch);
}

static uint64_t in_bytes(const struct shape *s) {
  return aligned((uint64_t)s->jobs * sizeof(struct fkn_job)) + s->programs;
}

static uint64_t out_bytes(const struct shape *s) {
  return (uint64_t)s->jobs * sizeof(struct fkn_result) +
         s->costs * sizeof(struct fkn_cost);
}

/* Works out the grid; whether a launch of that shape is possible. */
static bool is_possible(const struct fcuda *c, const struct fcuda_work *w,
                        struct shape *s) {
  uint64_t steps = (uint64_t)w->batch->most_fuel * s->weight;
  uint64_t each, blocks, waves, turns;

  each = fkn_scratch_bytes(s->stack_cells, s->overlay_bits, s->threads);
  blocks = each ? c->s.scratch_size / each : s->jobs;
  if (s->jobs > FCU_JOBS_MOST || in_bytes(s) > c->s.in_size ||
      out_bytes(s) > c->s.out_size || blocks == 0 || steps > FCUDA_DEPTH ||
      fkn_shared_bytes(s->records, s->slots, s->threads) > FKN_SHARED_MOST)
    return false;
  s->grid = blocks < s->jobs ? (uint32_t)blocks : s->jobs;
  waves = (s->chunk + s->threads - 1) / s->threads;
  turns = (s->jobs + s->grid - 1) / s->grid;
  s->depth = waves * turns * steps;
  return s->depth <= FCUDA_DEPTH;
}

/* Whether run i is to be sent with the present kind of blocks. */
static bool is_next(const struct fcu_plan *p, uint32_t i) {
  return p->work->run[i].status == FCUDA_SENT &&
         p->needs[i].threads == p->threads && p->needs[i].far == p->far;
}

/* A run that does not even fit a launch of its own may fit one with narrower
 * blocks, which have less scratch memory. */
static void narrow_or_refuse(struct fcuda *c, struct fcu_plan *p,
                             uint32_t i) {
  struct fcu_needs *needs = &p->needs[i];

  if (needs->threads > FKN_WARP) {
    needs->threads /= 2;
    return;
  }
  p->work->run[i].status = FCUDA_REFUSED;
  p->left--;
  fisa_fail(&c->refusal, "a program of %u bytes with fuel %u, each for up to "
            "%u steps, that stores to %u words is too large for one launch",
            needs->program.bytes, p->work->batch->most_fuel,
            needs->program.weight,
            needs->program.stores ? p->work->batch->most_stored : 0);
}

/* Takes runs into a launch, from p->next on, as many as it can hold. */
static struct shape take_runs(struct fcuda *c, struct fcu_plan *p,
                              struct fcu_slot *slot) {
  struct shape s = {.threads = p->threads,
                    .chunk = chunk_for(c, p->work, p->threads),
                    .far = p->far};

  for (; p->next < p->work->run_count; p->next++) {
    struct shape with = s;

    if (!is_next(p, p->next))
      continue;
    add(&with, p, &p->needs[p->next].program);
    if (is_possible(c, p->work, &with)) {
      slot->part[s.parts] = (struct fcu_part){p->next, s.jobs,
                                              with.jobs - s.jobs};
      s = with;
    } else if (s.parts == 0) {
      narrow_or_refuse(c, p, p->next);
    } else {
      break;
    }
  }
  return s;
}

/* ---- sending ------------------------------------------------------------ */

/* Writes the jobs of a launch and its programs behind them. */
static void write_in(struct fcu_plan *p, struct fcu_slot *slot,
                     const struct shape *s) {
  const struct fcuda_work *w = p->work;
  uint32_t programs = (uint32_t)aligned(s->jobs * sizeof(struct fkn_job));
  uint32_t at = 0, costs = 0;

  for (uint32_t i = 0; i < s->parts; i++) {
    const struct fcu_part *part = &slot->part[i];
    const struct fcuda_run *r = &w->run[part->run];

    fkn_program_write(r->program, w->batch, r->places,
                      slot->in + programs + at);
    if (s->far)
      fkn_program_place(slot->in + programs + at, s->threads);
    for (uint32_t j = 0; j < part->job_count; j++) {
      uint32_t from = j * s->chunk;
      struct fkn_job *job = &slot->job[part->first_job + j];

      memset(job, 0, sizeof(*job));
      job->bound = r->cost_bound;
      job->program = at;
      job->first = w->first - p->lanes.first + from;
      job->count = w->count - from < s->chunk ? w->count - from : s->chunk;
      job->costs = part->job_count > 1 ? costs : FKN_NONE;
      costs += part->job_count > 1 ? job->count : 0;
    }
    at += (uint32_t)aligned(p->needs[part->run].program.bytes);
  }
  assert(at == s->programs && costs == s->costs);
  memcpy(slot->in, slot->job, s->jobs * sizeof(struct fkn_job));
}

static struct fkn_launch launch_of(const struct fcuda *c,
                                   const struct fcu_plan *p,
                                   const struct fcu_slot *slot,
                                   const struct shape *s) {
  struct fkn_launch l;

  memset(&l, 0, sizeof(l));
  l.jobs = c->s.memory + slot->in_at;
  l.programs = l.jobs + aligned(s->jobs * sizeof(struct fkn_job));
  l.batch = c->s.memory + p->batch_at;
  l.results = c->s.memory + slot->out_at;
  if (s->costs > 0)
    l.costs = l.results + s->jobs * sizeof(struct fkn_result);
  l.scratch = c->s.memory + slot->scratch_at;
  l.job_count = s->jobs;
  l.records = s->records;
  l.slots = s->slots;
  l.stack_cells = s->stack_cells;
  l.overlay_bits = s->overlay_bits;
  l.far = s->far ? s->threads : 0;
  return l;
}

static int send(struct fcuda *c, struct fcu_plan *p, struct fcu_slot *slot,
                const struct shape *s, struct fcu_failure *f) {
  struct fkn_launch l = launch_of(c, p, slot, s);
  void *parameters[] = {&l};
  uint32_t shared = fkn_shared_bytes(s->records, s->slots, s->threads);

  FCU_TRY(c, f, cuMemcpyHtoDAsync_v2, c->s.memory + slot->in_at, slot->in,
          in_bytes(s), slot->stream);
  FCU_TRY(c, f, cuLaunchKernel, s->far ? c->s.far : c->s.kernel, s->grid, 1, 1,
          s->threads, 1, 1, shared, slot->stream, parameters, NULL);
  FCU_TRY(c, f, cuMemcpyDtoHAsync_v2, slot->out,
          c->s.memory + slot->out_at, out_bytes(s), slot->stream);
  FCU_TRY(c, f, cuEventRecord, slot->done, slot->stream);
  fcu_set_limit(c, slot, fcu_allowance_ms(c->options.wait_ms, s->depth,
                                          s->apart));
  c->counts.bytes_in += in_bytes(s);
  c->counts.bytes_out += out_bytes(s);
  c->counts.jobs += s->jobs;
  c->counts.runs += s->parts;
  c->counts.launches++;
  return 0;
}

int fcu_launch(struct fcuda *c, struct fcu_plan *p, struct fcu_slot *slot,
               struct fcu_failure *f) {
  struct shape s;

  assert(!slot->work && p->work->count > 0);
  for (;;) {
    s = take_runs(c, p, slot);
    if (s.parts > 0)
      break;
    if (p->threads > FKN_WARP) {
      p->threads /= 2;
      p->next = 0;
    } else if (!p->far) {
      begin_kind(p, true);
    } else {
      return 1;
    }
  }
  write_in(p, slot, &s);
  if (send(c, p, slot, &s, f) != 0)
    return -1;
  p->left -= s.parts;
  slot->work = p->work;
  slot->part_count = s.parts;
  slot->job_count = s.jobs;
  p->work->pending++;
  return 0;
}

/* ---- what came back ----------------------------------------------------- */

static void join(const struct fcu_slot *slot, const struct fcu_part *part,
                 struct fcuda_run *run) {
  const struct fkn_result *results = (const void *)slot->out;
  const struct fkn_cost *costs = (const void *)(results + slot->job_count);
  struct fpk_verdict v;

  memset(&v, 0, sizeof(v));
  run->status = FCUDA_DONE;
  for (uint32_t i = 0; i < part->job_count; i++) {
    const struct fkn_job *job = &slot->job[part->first_job + i];
    const struct fkn_result *r = &results[part->first_job + i];

    if (r->why == FKN_NOT_RUN && !fkn_join_asks(&v, job, r)) {
      run->status = FCUDA_REFUSED;
      return;
    }
    if (!fkn_join(&v, job, r,
                  job->costs == FKN_NONE ? NULL : costs + job->costs))
      break;
  }
  *run->out = v;
}

void fcu_collect(struct fcuda *c, struct fcu_slot *slot) {
  struct fcuda_work *w = slot->work;

  assert(w && w->pending > 0);
  for (uint32_t i = 0; i < slot->part_count; i++) {
    struct fcuda_run *run = &w->run[slot->part[i].run];

    join(slot, &slot->part[i], run);
    if (run->status == FCUDA_REFUSED)
      fisa_fail(&c->refusal, "a run writes more memory than the device has "
                "room for beside it");
  }
  w->pending--;
  slot->work = NULL;
}

/* ---- waiting ------------------------------------------------------------ */

uint64_t fcu_allowance_ms(uint32_t wait_ms, uint64_t depth, bool apart) {
  return wait_ms + depth * (apart ? FKN_WARP : 1) / 1000;
}

void fcu_set_limit(struct fcuda *c, struct fcu_slot *slot,
                   uint64_t allowance_ms) {
  uint64_t from = c->options.now_ns();

  for (uint32_t i = 0; i < FCU_SLOTS; i++)
    if (c->s.slot[i].work && c->s.slot[i].until_ns > from)
      from = c->s.slot[i].until_ns;
  slot->until_ns = from + allowance_ms * 1000000u;
}

int fcu_await(struct fcuda *c, struct fcu_slot *slot, bool now,
              struct fcu_failure *f) {
  /* The first looks come at once: short launches end within them. */
  enum { LOOKS = 64, NAP_LEAST = 20000, NAP_MOST = 500000 };
  struct timespec nap = {0, NAP_LEAST};

  for (unsigned i = 0;; i++) {
    f->call = "cuEventQuery";
    f->result = c->driver.cuEventQuery(slot->done);
    if (f->result == FCU_SUCCESS)
      return 0;
    if (f->result != FCU_NOT_READY)
      return -1;
    f->hangs = c->options.now_ns() >= slot->until_ns;
    if (f->hangs)
      return -1;
    if (now)
      return 1;
    if (i < LOOKS) {
      sched_yield();
      continue;
    }
    nanosleep(&nap, NULL);
    nap.tv_nsec = nap.tv_nsec * 2 < NAP_MOST ? nap.tv_nsec * 2 : NAP_MOST;
  }
}
