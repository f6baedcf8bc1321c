/*
 * gpu/kernel_body.h - the kernel: what a block of threads does with its jobs.
 *
 * The text is C that a CUDA compiler takes too. gpu/kernel.cu includes it for
 * devices, gpu/kernel_host.c for this machine, a POSIX thread in the place of
 * a CUDA thread. Whoever includes it has defined before:
 *
 *   FKN_FN                     what stands before a function
 *   FKN_ADDRESS(u64)           an address of the launch as a pointer
 *   fkn_thread() fkn_threads() this thread of how many in the block
 *   fkn_block() fkn_blocks()   this block of how many in the grid
 *   fkn_warp()                 threads that go in step: a power of two
 *   fkn_shared()               the block's shared memory, as bytes
 *   struct fkn_quad            four uint32_t x y z w, aligned to 16
 *   fkn_sync()                 all threads of the block are here
 *   fkn_vote(group, b)         the threads of a group of a warp for which b
 *                              holds; all of the group are here
 *   fkn_least(v)               the least v of the warp; all of it are here
 *   fkn_same(group, v)         whether v is the same in the group; all are here
 *   fkn_look(p)                *p, which others may change meanwhile
 *   fkn_lower(p, v)            *p = the lesser of both, at once
 *   fkn_add(p, v)              adds the v of each thread of the warp to *p, at
 *                              once; all of the warp are here
 *
 * Threads of a warp run in step. A group of them stands at one record; it runs
 * on while all of it go the same way. When they part, the lanes that are at
 * the lowest record go first, up to where others wait: so they meet again
 * where the paths of a branch join. Within a group all threads load the same
 * record and take the same case of the dispatch.
 *
 * A block of ops is paid for at its head, in fuel and cost. A lane that stops
 * in the middle gets back what is behind; one that had not the fuel for all
 * of it is found where it stops or comes to the next head, and has ended where
 * the fuel did: what it did behind that is of no account.
 */
#ifndef FLUX_GPU_KERNEL_BODY_H
#define FLUX_GPU_KERNEL_BODY_H

#include "gpu/kernel_loop.h"

/* ---- begins ------------------------------------------------------------- */

FKN_FN int32_t fkn_depth(int32_t sp, uint32_t count, bool down) {
  int32_t size = (int32_t)count;

  sp = sp < 0 ? 0 : sp > size ? size : sp;
  return down ? size - sp : sp;
}

/* Lays the live cells of a stack, or all of it. */
FKN_FN void fkn_lay_stack(const struct fkn_self *me, uint32_t at,
                          uint32_t cell, int32_t sp, uint32_t count,
                          bool down) {
  bool whole = (FKN_PROGRAM(me)->flags & FKN_WHOLE) != 0;
  uint32_t n = whole ? count : (uint32_t)fkn_depth(sp, count, down);
  uint32_t first = down ? count - n : 0;

  for (uint32_t i = first; i < first + n; i++)
    FKN_STACK_CELL(at + i) = (uint32_t)fkn_begin_cell(me, cell + i);
}

/* Makes the slots and stacks of a lane what they are at its begin. */
FKN_FN void fkn_lay(const struct fkn_self *me) {
  const struct fkn_program *p = FKN_PROGRAM(me);
  const struct fkn_slot *slot = FKN_AT(me->program, p->slots, struct fkn_slot);

  for (uint32_t i = 0; i < p->slot_count; i++) {
    uint32_t kind = slot[i].kind;
    FKN_SLOT(i) = kind == FPK_SLOT_CONST  ? slot[i].value
                  : kind == FPK_SLOT_WORK ? 0
                                          : fkn_begin_cell(me, slot[i].cell);
  }
  if (!(p->flags & FKN_STACK))
    return;
  fkn_lay_stack(me, 0, p->data_first, FKN_SLOT(p->data_sp), p->data_count,
                p->data_down != 0);
  if (p->flags & FKN_APART)
    fkn_lay_stack(me, p->calls_at, p->calls_first, FKN_SLOT(p->calls_sp),
                  p->calls_count, false);
}

/* A lane of the job begins; one that is not of it, or has no place in the
 * program, has stopped. */
FKN_FN void fkn_begin(const struct fkn_self *me, struct fkn_run *r,
                      bool runs) {
  const struct fkn_program *p = FKN_PROGRAM(me);

  r->cost = 0;
  r->at = FKN_NONE;
  r->last = FKN_SHARED_FIXED;
  r->fuel = 0;
  r->cycles = 0;
  FKN_OWN(FKN_HOW) = FISA_RUN_FUEL | FKN_NOWHERE;
  FKN_OWN(FKN_USED) = FKN_OWN(FKN_GIVEN) = FKN_OWN(FKN_STORED) = 0;
  if (!runs)
    return;
  r->at = FKN_AT(me->program, p->starts, uint32_t)[FKN_LANE(me, at)];
  if (r->at == FKN_NONE)
    return;
  r->fuel = (int32_t)FKN_LANE(me, fuel);
  r->cycles = FKN_LANE(me, cycles);
  fkn_lay(me);
}

/* ---- ends --------------------------------------------------------------- */

/* What a lane cost and did, from what it paid for. */
FKN_FN uint32_t fkn_settle(const struct fkn_self *me, struct fkn_run *r) {
  const struct fkn_program *p = FKN_PROGRAM(me);
  const struct fkn_head *h = &FKN_ROOT(r->last);
  uint32_t how = (uint32_t)FKN_OWN(FKN_HOW);
  uint32_t stop = (uint32_t)FKN_OWN(FKN_STOP_AT);
  uint32_t fuel, left, asks, cost;

  if (how & FKN_NOWHERE)
    return 0;
  fuel = (uint32_t)r->fuel + h->asks; /* at the head */
  asks = h->asks;
  cost = 0;
  if (stop != FKN_NONE) {
    stop = (stop - FKN_SHARED_FIXED) / FKN_RECORD_BYTES;
    asks = FKN_AT(me->program, p->sums, struct fkn_sum)[stop].asks;
    cost = FKN_AT(me->program, p->sums, struct fkn_sum)[stop].cost;
  }
  if (fuel < asks) {
    cost = FKN_AT(me->program, p->dues, uint32_t)[h->dues + fuel];
    asks = fuel;
    how = FISA_RUN_FUEL;
  }
  r->cost = r->cost - h->cost + cost;
  left = fuel - asks;
  if ((how & FKN_DYNAMIC) && left == 0)
    how = FISA_RUN_FUEL;
  FKN_OWN(FKN_HOW) = (int32_t)how;
  return FKN_LANE(me, fuel) - left - ((how & FKN_REBATE) != 0);
}

/* Whether a lane ended as the root did, but for what is looked at. */
FKN_FN bool fkn_ended_right(const struct fkn_self *me) {
  uint32_t how = (uint32_t)FKN_OWN(FKN_HOW), status = how & FKN_STATUS;
  bool fault = status == FISA_RUN_FAULT || status == FISA_RUN_HALT;
  uint32_t stop;

  if ((how & (FKN_STARVED | FKN_NOWHERE)) ||
      (int32_t)FKN_LANE(me, status) != (int32_t)status ||
      (int32_t)FKN_LANE(me, fault) != (fault ? FKN_OWN(FKN_X) : 0) ||
      FKN_LANE(me, in_count) != (uint32_t)FKN_OWN(FKN_USED) ||
      FKN_LANE(me, out_count) != (uint32_t)FKN_OWN(FKN_GIVEN))
    return false;
  if (status != FISA_RUN_YIELD)
    return true;
  stop = FKN_LANE(me, stop);
  if (stop == FKN_NONE)
    return false;
  stop = FKN_AT(me->program, FKN_PROGRAM(me)->stops, uint32_t)[stop];
  return stop != FKN_NONE && stop == (uint32_t)FKN_OWN(FKN_X);
}

/* Whether a cell's value is what it should be; seen: as in struct fkn_view. */
FKN_FN bool fkn_alike(uint32_t seen, int32_t a, int32_t b) {
  return a == b || (seen == 2 && fsem_isnan(a) && fsem_isnan(b));
}

FKN_FN bool fkn_same_cells(const struct fkn_self *me,
                           const struct fkn_view *v) {
  const struct fkn_program *p = FKN_PROGRAM(me);
  const struct fkn_written *w =
      FKN_AT(me->program, p->written, struct fkn_written);
  const uint16_t *changed = FKN_AT(me->batch, v->changed, uint16_t);

  for (uint32_t i = 0; i < p->written_count; i++) {
    uint32_t seen = FKN_AT(me->batch, v->seen, uint8_t)[w[i].cell];
    if (seen && !fkn_alike(seen, FKN_SLOT(w[i].slot),
                           fkn_end_cell(me, w[i].cell)))
      return false;
  }
  for (uint32_t i = 0; i < v->changed_count; i++) {
    uint32_t cell = changed[i];
    if (FKN_AT(me->program, p->slot_of, uint16_t)[cell] == 0xFFFFu &&
        !fkn_alike(FKN_AT(me->batch, v->seen, uint8_t)[cell],
                   fkn_begin_cell(me, cell), fkn_end_cell(me, cell)))
      return false;
  }
  return true;
}

FKN_FN bool fkn_same_stack(const struct fkn_self *me,
                           const struct fkn_view *v) {
  const struct fkn_program *p = FKN_PROGRAM(me);
  const struct fkn_batch *b = FKN_BATCH(me);
  bool uses = (p->flags & FKN_STACK) != 0, down = b->stack_down != 0;
  int32_t sp, n;
  uint32_t first;

  if (b->stack_count == 0)
    return true;
  first = FKN_AT(me->program, p->slot_of, uint16_t)[b->stack_sp];
  sp = first == 0xFFFFu ? fkn_begin_cell(me, b->stack_sp) : FKN_SLOT(first);
  n = fkn_depth(sp, b->stack_count, down);
  if (n != fkn_depth(fkn_end_cell(me, b->stack_sp), b->stack_count, down))
    return false;
  first = down ? b->stack_count - (uint32_t)n : 0;
  for (uint32_t i = first; i < first + (uint32_t)n; i++) {
    int32_t have = uses ? (int32_t)FKN_STACK_CELL(i)
                        : fkn_begin_cell(me, b->stack_first + i);
    if (!fkn_alike(v->stack, have, fkn_end_cell(me, b->stack_first + i)))
      return false;
  }
  return true;
}

/* Four bits, a byte each, as the mask of a word. */
FKN_FN uint32_t fkn_bytes(uint32_t bits) {
  return (bits * 0x00204081u & 0x01010101u) * 255u;
}

/* A word at the root's end, of its entry of the batch. */
FKN_FN uint32_t fkn_end_word(const struct fkn_self *me,
                             const struct fkn_word *w) {
  if (w->end != FKN_NONE)
    return (uint32_t)fkn_column(me, w->end);
  return w->begin == FKN_NONE ? 0 : (uint32_t)fkn_column(me, w->begin);
}

/* What was stored, then what the root changed and was not stored to. */
FKN_FN bool fkn_same_memory(const struct fkn_self *me,
                            const struct fkn_memory *m,
                            const struct fkn_view *v) {
  const struct fkn_batch *b = FKN_BATCH(me);
  const struct fkn_word *words = FKN_AT(me->batch, b->words, struct fkn_word);
  const uint32_t size = 1u << m->bits;
  const uint32_t stored = (uint32_t)FKN_OWN(FKN_STORED);

  if (v->bytes == 0)
    return true;
  for (uint32_t i = 0; i < stored; i++) {
    uint32_t place = m->table[(2u * size + i) * me->threads];
    uint32_t word = m->table[place * me->threads] - 1u;
    uint32_t entry = FKN_AT(me->batch, b->word_at, uint16_t)[word];
    uint32_t want = entry ? fkn_end_word(me, &words[entry - 1u]) : 0;
    if ((m->table[(size + place) * me->threads] ^ want) &
        fkn_bytes(FKN_AT(me->batch, v->bytes, uint8_t)[word]))
      return false;
  }
  for (uint32_t i = 0; i < b->turned_count; i++) {
    const struct fkn_word *w =
        &words[FKN_AT(me->batch, b->turned, uint32_t)[i]];
    if ((fkn_load(m, w->word) ^ fkn_end_word(me, w)) &
        fkn_bytes(FKN_AT(me->batch, v->bytes, uint8_t)[w->word]))
      return false;
  }
  return true;
}

FKN_FN bool fkn_looks_right(const struct fkn_self *me,
                            const struct fkn_run *r) {
  const struct fkn_view *v =
      FKN_AT(me->batch, FKN_BATCH(me)->views, struct fkn_view) +
      FKN_LANE(me, looks);

  return fkn_same_cells(me, v) && (!v->stack || fkn_same_stack(me, v)) &&
         fkn_same_memory(me, &r->mem, v);
}

/* ---- jobs --------------------------------------------------------------- */

/* What a wave leaves in a thread's registers. */
struct fkn_paid {
  uint64_t cost;         /* if it counts */
  uint32_t instructions;
};

/* Runs a lane and says how it ended; all of the block are here. */
FKN_FN struct fkn_paid fkn_wave(const struct fkn_self *me, struct fkn_run *r,
                                bool runs) {
  struct fkn_paid paid = {0, 0};

  fkn_begin(me, r, runs);
  fkn_run_warp(me, r);
  if (!runs || fkn_passed(me))
    return paid;
  paid.instructions = fkn_settle(me, r);
  if (FKN_LANE(me, counts))
    paid.cost = r->cost;
  if ((uint32_t)FKN_OWN(FKN_STORED) & FKN_FULL) {
    paid.cost = 0;
    fkn_lower(&FKN_HERE->ended, me->number << 2 | FKN_NOT_RUN);
  } else if (!fkn_ended_right(me) || !fkn_looks_right(me, r)) {
    fkn_lower(&FKN_HERE->ended, me->number << 2 | FKN_WRONG);
  }
  return paid;
}

/* The overlay of a lane is empty again. */
FKN_FN void fkn_clear(const struct fkn_self *me, const struct fkn_memory *m) {
  const uint32_t stored = (uint32_t)FKN_OWN(FKN_STORED) & ~FKN_FULL;

  for (uint32_t i = 0; i < stored; i++) {
    uint32_t place = m->table[((2u << m->bits) + i) * me->threads];
    m->table[place * me->threads] = 0;
  }
}

/* What is left over from a wave whose costs are above the bound: all costs lie
 * where the slots were, and one thread looks for the lane that was too dear. */
FKN_FN void fkn_find_dear(const struct fkn_job *job, const uint64_t *costs,
                          uint64_t before, uint32_t first) {
  uint64_t all = before, cost = 0;
  uint32_t i;

  for (i = 0; i < fkn_threads(); i++) {
    cost = costs[i];
    if (all + cost > job->bound)
      break;
    all += cost;
  }
  FKN_HERE->ended = (first + i) << 2 | FKN_DEAR;
  FKN_HERE->last = cost;
}

FKN_FN unsigned char *fkn_behind_records(const struct fkn_launch *launch) {
  return fkn_shared() + FKN_SHARED_FIXED + launch->records * FKN_RECORD_BYTES;
}

/* Sums up the good lanes of a wave. */
FKN_FN void fkn_sum_up(const struct fkn_paid *paid, bool good) {
  fkn_add(&FKN_HERE->cost, good ? paid->cost : 0);
  fkn_add(&FKN_HERE->instructions, good ? paid->instructions : 0);
}

/* Whether the job goes on behind a wave; all of the block are here. */
FKN_FN bool fkn_account(const struct fkn_launch *launch,
                        const struct fkn_job *job, const struct fkn_self *me,
                        const struct fkn_paid *paid, bool runs) {
  uint64_t *costs =
      (uint64_t *)(void *)fkn_behind_records(launch) + fkn_thread();
  uint64_t cost = FKN_HERE->cost, instructions = FKN_HERE->instructions;
  uint32_t stop;

  fkn_sync();
  stop = FKN_HERE->ended >> 2;
  if (runs && me->number == stop)
    FKN_HERE->last = paid->cost;
  if (runs && launch->costs && job->costs != FKN_NONE) {
    struct fkn_cost *to = (struct fkn_cost *)FKN_ADDRESS(launch->costs) +
                          job->costs + me->number;
    bool done = me->number <= stop;
    to->cost = done ? paid->cost : 0;
    to->instructions = done ? paid->instructions : 0;
  }
  fkn_sync();
  fkn_sum_up(paid, runs && me->number < stop);
  fkn_sync();
  if (FKN_HERE->cost + FKN_HERE->last <= job->bound)
    return stop == FKN_NONE >> 2;
  *costs = runs && me->number <= stop ? paid->cost : 0;
  fkn_sync();
  if (fkn_thread() == 0) {
    FKN_HERE->cost = cost;
    FKN_HERE->instructions = instructions;
    fkn_find_dear(job, costs, cost, me->number);
  }
  fkn_sync();
  fkn_sum_up(paid, runs && me->number < FKN_HERE->ended >> 2);
  return false;
}

/* Lays a job's program where all threads can reach it, or leaves it there. */
FKN_FN void fkn_open(const struct fkn_self *me, const bool far) {
  const struct fkn_program *p = FKN_PROGRAM(me);
  const struct fkn_record *from =
      FKN_AT(me->program, p->records, struct fkn_record);
  const uint32_t size = me->threads * 4u;
  struct fkn_here *here = FKN_HERE;

  for (uint32_t i = fkn_thread(); !far && i < p->record_count;
       i += fkn_threads()) {
    struct fkn_record *to =
        (struct fkn_record *)(void *)(fkn_shared() + FKN_SHARED_FIXED) + i;
    *to = from[i];
    if (to->op == FKN_HEAD)
      continue;
    to->d *= size;
    to->a *= size;
    to->b *= size;
    to->c *= size;
    to->e *= size;
  }
  if (fkn_thread() == 0) {
    here->cost = here->instructions = here->last = 0;
    here->ended = FKN_NONE;
    here->data_sp = p->data_sp;
    here->data_count = p->data_count;
    here->data_down = p->data_down;
    here->calls_sp = p->calls_sp;
    here->calls_count = p->calls_count;
    here->calls_at = p->calls_at;
    here->calls_down = p->flags & FKN_APART ? 0 : p->data_down;
  }
  fkn_sync();
}

FKN_FN void fkn_do_job(const struct fkn_launch *launch, uint32_t number,
                       struct fkn_self *me, struct fkn_run *r,
                       const bool far) {
  const struct fkn_job *job =
      (const struct fkn_job *)FKN_ADDRESS(launch->jobs) + number;
  struct fkn_result *result =
      (struct fkn_result *)FKN_ADDRESS(launch->results) + number;

  me->program =
      (const unsigned char *)FKN_ADDRESS(launch->programs) + job->program;
  me->code = far ? me->program + FKN_PROGRAM(me)->records - FKN_SHARED_FIXED
                 : fkn_shared();
  fkn_open(me, far);
  r->mem.bits =
      FKN_PROGRAM(me)->flags & FKN_STORES ? launch->overlay_bits : 0;
  for (uint32_t first = 0; first < job->count; first += fkn_threads()) {
    struct fkn_paid paid;
    bool runs;
    me->number = first + fkn_thread();
    runs = me->number < job->count;
    me->lane = job->first + (runs ? me->number : 0);
    paid = fkn_wave(me, r, runs);
    fkn_clear(me, &r->mem);
    if (!fkn_account(launch, job, me, &paid, runs))
      break;
  }
  fkn_sync();
  if (fkn_thread() == 0) {
    uint32_t ended = FKN_HERE->ended;
    result->good = ended == FKN_NONE ? job->count : ended >> 2;
    result->why = ended == FKN_NONE ? FKN_GOOD : ended & 3u;
    result->cost = FKN_HERE->cost;
    result->instructions = FKN_HERE->instructions;
    result->last = FKN_HERE->last;
  }
  fkn_sync();
}

/* What a thread does; far: whether the programs of the launch are. Both kinds
 * are compiled apart, so that one that is not far has no address for it. */
FKN_FN void fkn_main(const struct fkn_launch *launch, const bool far) {
  const uint32_t bits = launch->overlay_bits;
  const uint32_t threads = far ? launch->far : fkn_threads();
  struct fkn_self me;
  struct fkn_run r;

  me.threads = threads;
  me.batch = (const unsigned char *)FKN_ADDRESS(launch->batch);
  me.scratch = (uint32_t *)FKN_ADDRESS(launch->scratch) +
               (uint64_t)FKN_SCRATCH_WORDS(launch->stack_cells, bits) *
                   threads * fkn_block() +
               fkn_thread();
  me.slots = fkn_behind_records(launch) + fkn_thread() * 4u;
  me.own = me.slots + launch->slots * threads * 4u;
  r.mem.me = &me;
  r.mem.table = me.scratch + launch->stack_cells * threads;
  for (uint32_t i = 0; bits && i < 1u << bits; i++)
    r.mem.table[i * threads] = 0;
  for (uint32_t j = fkn_block(); j < launch->job_count; j += fkn_blocks())
    fkn_do_job(launch, j, &me, &r, far);
}

#endif /* FLUX_GPU_KERNEL_BODY_H */
