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

#include "gpu/kernel.h"
#include "gpu/pack.h"

/* ---- the thread's places ------------------------------------------------ */

/* At the begin of shared memory. */
struct fkn_here {
  uint64_t cost, instructions; /* of the good lanes of the job, so far */
  uint64_t last;         /* cost of the lane that ended it */
  uint32_t ended;        /* lane * 4 + why of the first lane that ends the job;
                            NONE */
  uint32_t data_sp, data_count, data_down;
  uint32_t calls_sp, calls_count, calls_at, calls_down;
};

#define FKN_HERE ((struct fkn_here *)fkn_shared())
/* A record, by its offset from the first: op d a b, and one of the rest. */
#define FKN_RECORDS (fkn_shared() + FKN_SHARED_FIXED)
#define FKN_FRONT(i) (*(const struct fkn_quad *)(const void *)(FKN_RECORDS + (i)))
#define FKN_REST(i, member) \
  (((const struct fkn_record *)(const void *)(FKN_RECORDS + (i)))->member)
#define FKN_ROOT(i) (*(const struct fkn_head *)(const void *)(FKN_RECORDS + (i)))
#define FKN_AT(base, offset, type) \
  ((const type *)(const void *)((base) + (offset)))

/* What a thread knows of its job: kept in registers. */
struct fkn_self {
  const unsigned char *program, *batch;
  uint32_t *scratch;     /* element i at [i * threads] */
  unsigned char *slots;  /* slot i at i * threads * 4 bytes */
  uint32_t threads;
  uint32_t lane;         /* of the batch */
  uint32_t number;       /* of the job: from 0 */
};

#define FKN_PROGRAM(me) FKN_AT((me)->program, 0, struct fkn_program)
#define FKN_BATCH(me) FKN_AT((me)->batch, 0, struct fkn_batch)

FKN_FN int32_t fkn_column(const struct fkn_self *me, uint32_t column) {
  const struct fkn_batch *b = FKN_BATCH(me);

  return FKN_AT(me->batch, b->columns,
                int32_t)[column * FKN_WIDTH + me->lane];
}

/* A cell at begin, and at the root's end. */
FKN_FN int32_t fkn_begin_cell(const struct fkn_self *me, uint32_t cell) {
  const struct fkn_batch *b = FKN_BATCH(me);
  uint32_t column = FKN_AT(me->batch, b->begin, uint32_t)[cell];

  if (column == FKN_NONE)
    return FKN_AT(me->batch, b->uniform, int32_t)[cell];
  return fkn_column(me, column);
}

FKN_FN int32_t fkn_end_cell(const struct fkn_self *me, uint32_t cell) {
  uint32_t column = FKN_AT(me->batch, FKN_BATCH(me)->end, uint32_t)[cell];

  return column == FKN_NONE ? fkn_begin_cell(me, cell)
                            : fkn_column(me, column);
}

/* A member of struct fkn_lane, by its place there. */
#define FKN_LANE(me, member) \
  (FKN_AT((me)->batch, FKN_BATCH(me)->lane, \
          uint32_t)[(uint32_t)(offsetof(struct fkn_lane, member) / 4u) * \
                        FKN_WIDTH + (me)->lane])

/* Slots of the kernel's own, for what changes seldom. */
enum fkn_own {
  FKN_STOP_AT,           /* the record a lane stopped in; NONE: at a head, for
                            want of fuel */
  FKN_HOW,               /* it stopped: a status of isa/state.h, and see below */
  FKN_X,                 /* the fault, or the pc of a boundary */
  FKN_USED, FKN_GIVEN,   /* values taken and given */
  FKN_STORED             /* words in the overlay, and FULL if one found no
                            room: then what followed is of no account */
};
#define FKN_FULL 0x40000000u

/* A slot by its number; by where it is, as records in shared memory say. */
#define FKN_SLOT(i) FKN_CELL(((i) + FKN_OWN_SLOTS) * me->threads * 4u)
#define FKN_CELL(at) (*(int32_t *)(void *)(me->slots + (at)))
#define FKN_OWN(i) FKN_CELL((uint32_t)(i) * me->threads * 4u)

/* ---- memory ------------------------------------------------------------- */

/*
 * A lane's memory: what it began with, under what it stored: an open-addressed
 * table of words, and the places of the table in the order they were taken.
 */
struct fkn_memory {
  const struct fkn_self *me;
  uint32_t *table;       /* keys, then values, then places; [i * threads] */
  uint32_t bits;         /* of the number of each; 0: there is none */
};
#define FSEM_MEM struct fkn_memory

/* The place of a word, or where it would be. There is always one free. */
FKN_FN uint32_t fkn_place(const FSEM_MEM *m, uint32_t word) {
  uint32_t i = word * 0x9E3779B1u >> (32u - m->bits);

  for (;;) {
    uint32_t key = m->table[i * m->me->threads];
    if (key == word + 1u || key == 0)
      return i;
    i = (i + 1u) & ((1u << m->bits) - 1u);
  }
}

FKN_FN uint32_t fkn_begin_word(const FSEM_MEM *m, uint32_t word) {
  const struct fkn_batch *b = FKN_BATCH(m->me);
  uint32_t entry = FKN_AT(m->me->batch, b->word_at, uint16_t)[word];
  uint32_t column;

  if (entry == 0)
    return 0;
  column = FKN_AT(m->me->batch, b->words, struct fkn_word)[entry - 1u].begin;
  return column == FKN_NONE ? 0 : (uint32_t)fkn_column(m->me, column);
}

FKN_FN uint32_t fkn_load(const FSEM_MEM *m, uint32_t word) {
  if (m->bits) {
    uint32_t i = fkn_place(m, word);
    if (m->table[i * m->me->threads])
      return m->table[(i + (1u << m->bits)) * m->me->threads];
  }
  return fkn_begin_word(m, word);
}

/* Bits of `mask` of a word become those of v. */
FKN_FN void fkn_store(FSEM_MEM *m, uint32_t word, uint32_t v, uint32_t mask) {
  const struct fkn_self *me = m->me;
  const uint32_t threads = me->threads, size = 1u << m->bits;
  uint32_t i = fkn_place(m, word);
  uint32_t *value = &m->table[(i + size) * threads];
  uint32_t old;

  if (m->table[i * threads]) {
    old = *value;
  } else {
    uint32_t count = (uint32_t)FKN_OWN(FKN_STORED);
    if (count >= size / 4u * 3u) {
      FKN_OWN(FKN_STORED) |= (int32_t)FKN_FULL;
      return;
    }
    old = fkn_begin_word(m, word);
    m->table[i * threads] = word + 1u;
    m->table[(2u * size + count) * threads] = i;
    FKN_OWN(FKN_STORED) = (int32_t)count + 1;
  }
  *value = (old & ~mask) | (v & mask);
}

FKN_FN uint32_t fkn_memory_mask(const FSEM_MEM *m) {
  return FKN_BATCH(m->me)->memory;
}

FKN_FN int32_t fsem_get(const FSEM_MEM *m, uint32_t at) {
  at &= fkn_memory_mask(m);
  return (int32_t)(fkn_load(m, at >> 2) >> (at & 3u) * 8u & 255u);
}

FKN_FN void fsem_put(FSEM_MEM *m, uint32_t at, int32_t v) {
  uint32_t shift = (at & 3u) * 8u;

  fkn_store(m, (at & fkn_memory_mask(m)) >> 2, (uint32_t)v << shift,
            255u << shift);
}

/* The word behind an address's own, round the end. */
FKN_FN uint32_t fkn_word_behind(const FSEM_MEM *m, uint32_t at) {
  return ((at + 4u) & fkn_memory_mask(m)) >> 2;
}

FKN_FN int32_t fsem_load32(const FSEM_MEM *m, int32_t address) {
  uint32_t at = (uint32_t)address & fkn_memory_mask(m);
  uint32_t shift = (at & 3u) * 8u;
  uint32_t v = fkn_load(m, at >> 2);

  if (shift)
    v = v >> shift | fkn_load(m, fkn_word_behind(m, at)) << (32u - shift);
  return (int32_t)v;
}

FKN_FN void fsem_store32(FSEM_MEM *m, int32_t address, int32_t value) {
  uint32_t at = (uint32_t)address & fkn_memory_mask(m);
  uint32_t shift = (at & 3u) * 8u;
  uint32_t v = (uint32_t)value;

  fkn_store(m, at >> 2, v << shift, 0xFFFFFFFFu << shift);
  if (shift)
    fkn_store(m, fkn_word_behind(m, at), v >> (32u - shift),
              0xFFFFFFFFu >> (32u - shift));
}

#include "gpu/semantics.h"

/* ---- a run -------------------------------------------------------------- */

/* How a lane stopped: a status of isa/state.h, and what goes with it. */
enum {
  FKN_STATUS = 7,
  FKN_REBATE = 8,        /* the record asked for fuel and was no instruction */
  FKN_DYNAMIC = 16,      /* beyond the code: an end, unless the fuel is all
                            used up */
  FKN_STARVED = 32,      /* it asked for or gave what the root did not */
  FKN_NOWHERE = 64       /* there is no place for it to begin */
};

/* A lane's run: what is in registers. */
struct fkn_run {
  struct fkn_memory mem;
  uint64_t cost;         /* of all blocks it entered */
  uint32_t at;           /* record it stands at; NONE: it has stopped */
  uint32_t last;         /* the head of the block it is or stopped in */
  int32_t fuel;          /* behind that block; below 0: not enough */
  uint32_t cycles;       /* counter, behind that block */
};

/* Takes the next value the root took; false: this is another question. */
FKN_FN bool fkn_take(const struct fkn_self *me, uint32_t what, int32_t arg,
                     int32_t *value) {
  uint32_t i = (uint32_t)FKN_OWN(FKN_USED);
  const struct fkn_event *e;

  *value = 0;
  if (i >= FKN_LANE(me, in_count))
    return false;
  e = FKN_AT(me->batch, FKN_BATCH(me)->events, struct fkn_event) +
      FKN_LANE(me, in) + i;
  if (e->name != (what & 0xFFFFu) || e->argc != what >> 16 ||
      (e->argc > 0 && e->arg[0] != arg))
    return false;
  FKN_OWN(FKN_USED)++;
  *value = e->value;
  return true;
}

/* Holds an output, name + (number of arguments << 16), against the root's. */
FKN_FN bool fkn_give(const struct fkn_self *me, uint32_t what, int32_t a,
                     int32_t b, int32_t c) {
  const struct fkn_event *e;
  uint32_t i = (uint32_t)FKN_OWN(FKN_GIVEN);

  if (i >= FKN_LANE(me, out_count))
    return false;
  e = FKN_AT(me->batch, FKN_BATCH(me)->events, struct fkn_event) +
      FKN_LANE(me, out) + i;
  if (e->name != (what & 0xFFFFu) || e->argc != what >> 16 ||
      (e->argc > 0 && e->arg[0] != a) || (e->argc > 1 && e->arg[1] != b) ||
      (e->argc > 2 && e->arg[2] != c) || e->value != FKN_OWN(FKN_USED))
    return false;
  FKN_OWN(FKN_GIVEN)++;
  return true;
}

FKN_FN bool fkn_give_payload(const struct fkn_self *me, uint32_t offset,
                             uint32_t channel) {
  const struct fkn_payload *p = FKN_AT(me->program, offset, struct fkn_payload);
  const struct fkn_event *e = (const struct fkn_event *)(const void *)(p + 1);

  for (uint32_t i = 0; i < p->count; i++)
    if (!fkn_give(me, channel | (uint32_t)e[i].argc << 16, e[i].arg[0],
                  e[i].arg[1], e[i].arg[2]))
      return false;
  return true;
}

/* A draw with weights in memory; false: it is not what the root asked for. */
FKN_FN bool fkn_draw_weighted(const struct fkn_self *me, const FSEM_MEM *m,
                              uint32_t source, int32_t at, int32_t n,
                              int32_t *d) {
  uint64_t size = (uint64_t)fkn_memory_mask(m) + 1u;
  int32_t sum = fsem_wrap((uint32_t)fsem_weights(m, size, at, n));
  int32_t value;

  if (sum <= 0)
    return true;
  if (!fkn_take(me, source & 0xFFFFu, 0, &value))
    return false;
  *d = fsem_pick(m, size, at, value % sum);
  return true;
}

/* ---- stacks ------------------------------------------------------------- */

#define FKN_STACK_CELL(i) (me->scratch[(uint32_t)(i) * me->threads])

/* A test of gpu/semantics.h of the data stack, and of that of links. */
#define FKN_DATA(test) \
  test(FKN_SLOT(FKN_HERE->data_sp), (int32_t)FKN_HERE->data_count, \
       FKN_HERE->data_down != 0)
#define FKN_LINKS(test) \
  test(FKN_SLOT(FKN_HERE->calls_sp), (int32_t)FKN_HERE->calls_count, \
       FKN_HERE->calls_down != 0)

FKN_FN void fkn_push(const struct fkn_self *me, int32_t value) {
  bool down = FKN_HERE->data_down != 0;
  int32_t *sp = &FKN_SLOT(FKN_HERE->data_sp);

  if (FKN_DATA(fsem_full))
    return;
  FKN_STACK_CELL(down ? *sp - 1 : *sp) = (uint32_t)value;
  *sp += down ? -1 : 1;
}

/* The cell taken off, or 0; false: there was none. */
FKN_FN bool fkn_pop(const struct fkn_self *me, int32_t *value) {
  bool down = FKN_HERE->data_down != 0;
  int32_t *sp = &FKN_SLOT(FKN_HERE->data_sp);

  *value = 0;
  if (FKN_DATA(fsem_empty))
    return false;
  *value = (int32_t)FKN_STACK_CELL(down ? *sp : *sp - 1);
  *sp += down ? 1 : -1;
  return true;
}

FKN_FN bool fkn_few(const struct fkn_self *me, int32_t n) {
  return fsem_few(FKN_SLOT(FKN_HERE->data_sp), (int32_t)FKN_HERE->data_count,
                  FKN_HERE->data_down != 0, n);
}

FKN_FN int32_t fkn_peek(const struct fkn_self *me, int32_t i) {
  int32_t sp = FKN_SLOT(FKN_HERE->data_sp);

  if (fkn_few(me, i + 1))
    return 0;
  return (int32_t)FKN_STACK_CELL(FKN_HERE->data_down ? sp + i : sp - 1 - i);
}

FKN_FN void fkn_drop(const struct fkn_self *me, int32_t n) {
  int32_t sp = FKN_SLOT(FKN_HERE->data_sp);

  fsem_drop(&sp, (int32_t)FKN_HERE->data_count, FKN_HERE->data_down != 0, n);
  FKN_SLOT(FKN_HERE->data_sp) = sp;
}

FKN_FN void fkn_push_link(const struct fkn_self *me, int32_t value) {
  bool down = FKN_HERE->calls_down != 0;
  int32_t *sp = &FKN_SLOT(FKN_HERE->calls_sp);

  if (FKN_LINKS(fsem_full))
    return;
  FKN_STACK_CELL((int32_t)FKN_HERE->calls_at + (down ? *sp - 1 : *sp)) =
      (uint32_t)value;
  *sp += down ? -1 : 1;
}

/* The top link; there is one. */
FKN_FN int32_t fkn_link(const struct fkn_self *me) {
  int32_t sp = FKN_SLOT(FKN_HERE->calls_sp);

  return (int32_t)FKN_STACK_CELL((int32_t)FKN_HERE->calls_at +
                                 (FKN_HERE->calls_down ? sp : sp - 1));
}

FKN_FN void fkn_pop_link(const struct fkn_self *me) {
  FKN_SLOT(FKN_HERE->calls_sp) += FKN_HERE->calls_down ? 1 : -1;
}

/* The record of a pc that only the run knew; NONE: it is beyond the code. */
FKN_FN uint32_t fkn_record_of(const struct fkn_self *me, int32_t pc) {
  const struct fkn_program *p = FKN_PROGRAM(me);

  if ((uint32_t)pc >= p->code_size)
    return FKN_NONE;
  return FKN_AT(me->program, p->at, uint32_t)[pc];
}

/* ---- the loop ----------------------------------------------------------- */

/* Whether a lane before this one has ended the job. */
FKN_FN bool fkn_passed(const struct fkn_self *me) {
  return fkn_look(&FKN_HERE->ended) >> 2 < me->number;
}

#define FA FKN_CELL(w.z)
#define FB FKN_CELL(w.w)
#define FC FKN_CELL(FKN_MORE(c))
#define FD FKN_CELL(w.y)
#define FIMM FKN_MORE(x)
#define FKN_MORE(member) FKN_REST(ip - FKN_RECORD_BYTES, member)
#define FMEM (&r->mem)

/* Those for which it holds stop; the group goes on without them. */
#define FKN_STOP_IF(condition, how_, x_) \
  do { \
    bool stops = (condition); \
    uint32_t gone = fkn_vote(group, stops); \
    if (gone) { \
      if (stops) { \
        fkn_stop(me, r, ip - FKN_RECORD_BYTES, how_, x_); \
        return; \
      } \
      group &= ~gone; \
    } \
  } while (0)

/* All of the group stop. */
#define FKN_STOP(how_, x_) \
  do { \
    fkn_stop(me, r, ip - FKN_RECORD_BYTES, how_, x_); \
    return; \
  } while (0)

#define FKN_BRANCH_IF(condition) \
  do { \
    bool goes = (condition); \
    uint32_t went = fkn_vote(group, goes); \
    if (went == 0) \
      goto head; \
    to = (uint32_t)FIMM; \
    if (went == group) { \
      ip = to; \
      goto head; \
    } \
    r->at = goes ? to : ip; \
    return; \
  } while (0)

/* Where each lane of the group knows for itself. */
#define FKN_GO_TO(record) \
  do { \
    FKN_STOP_IF((record) == FKN_NONE, FISA_RUN_END | FKN_DYNAMIC, 0); \
    if (fkn_same(group, record)) { \
      ip = (record); \
      goto head; \
    } \
    r->at = (record); \
    return; \
  } while (0)

#define VALUE_OP(ID, expression) \
  case FLUX_OP_##ID: \
    FD = (expression); \
    continue;
#define STORE_OP(ID, statement) \
  case FLUX_OP_##ID: \
    statement; \
    continue;
#define BRANCH_OP(ID, condition) \
  case FLUX_OP_##ID: \
    FKN_BRANCH_IF(condition);
#define GUARD_OP(ID, condition) \
  case FIR_G_##ID: \
    FKN_STOP_IF(condition, FISA_RUN_FAULT, FIMM); \
    continue;

FKN_FN void fkn_stop(const struct fkn_self *me, struct fkn_run *r,
                     uint32_t record, uint32_t how, int32_t x) {
  r->at = FKN_NONE;
  FKN_OWN(FKN_STOP_AT) = (int32_t)record;
  FKN_OWN(FKN_HOW) = (int32_t)how;
  FKN_OWN(FKN_X) = x;
}

/* Runs a group that stands at r->at until it parts, stops, or comes to where
 * others wait. */
FKN_FN void fkn_group(const struct fkn_self *me, struct fkn_run *r,
                      uint32_t group, uint32_t limit) {
  uint32_t ip = r->at, to, left;
  struct fkn_quad w;
  int32_t value;

  for (;;) {
    w = FKN_FRONT(ip);
    ip += FKN_RECORD_BYTES;
    /* The commonest come first, since a dispatch is a tree of comparisons;
     * a compiler leaves out of each tree what cannot get there. */
    if (w.x <= FLUX_OP_SAR) {
      switch (w.x) {
        FSEM_VALUES(VALUE_OP)
      case FLUX_OP_SWAP:
        value = FC;
        FD = FB;
        FA = value;
        continue;
      case FLUX_OP_DIV:
        FKN_STOP_IF(FB == 0, FISA_RUN_FAULT, FIMM);
        FD = fsem_quo(FA, FB);
        continue;
      default:
        continue; /* NOP */
      }
    }
    switch (w.x) {
    default: /* there is no other */
    case FKN_HEAD:
      ip -= FKN_RECORD_BYTES;
    head:
      if (ip >= limit) {
        r->at = ip;
        return;
      }
      left = fkn_vote(group, r->fuel < 0 || fkn_passed(me));
      if (left) {
        if (r->fuel < 0)
          fkn_stop(me, r, FKN_NONE, FISA_RUN_FUEL, 0);
        if (r->fuel < 0 || (left >> fkn_thread() % fkn_warp() & 1u)) {
          r->at = FKN_NONE;
          return;
        }
        group &= ~left;
      }
      w = FKN_FRONT(ip);
      r->last = ip;
      r->fuel -= (int32_t)w.y;
      r->cost += w.z;
      r->cycles += w.w;
      ip += FKN_RECORD_BYTES;
      continue;

      FSEM_VALUES(VALUE_OP)
      FSEM_LOADS(VALUE_OP)
      FSEM_STORES(STORE_OP)
      FSEM_BRANCHES(BRANCH_OP)
      FSEM_GUARDS(GUARD_OP)

    case FIR_SIGNS:
      value = FA;
      FD = value == 0;
      FC = value < 0;
      continue;
    case FIR_ADD_SIGNS:
      value = fsem_add(FA, FB);
    signs:
      FD = value;
      FC = value == 0;
      FKN_CELL(FKN_MORE(e)) = value < 0;
      continue;
    case FIR_SUB_SIGNS:
      value = fsem_sub(FA, FB);
      goto signs;
    case FLUX_OP_CHECK:
      FKN_STOP_IF(FA != 0, FISA_RUN_FAULT, FIMM);
      continue;

    case FLUX_OP_PUSH:
      fkn_push(me, FA);
      continue;
    case FLUX_OP_FOLD:
      value = FA;
      fkn_drop(me, FIMM);
      fkn_push(me, value);
      continue;
    case FLUX_OP_DROP:
      fkn_drop(me, FIMM);
      continue;
    case FLUX_OP_POPZ:
      fkn_pop(me, &value);
      FD = value;
      continue;
    case FLUX_OP_POP:
      if (fkn_pop(me, &value))
        FD = value;
      continue;
    case FIR_PEEK:
      value = fkn_peek(me, FIMM);
      FD = value;
      continue;
    case FLUX_OP_CALL:
      fkn_push_link(me, FA);
      ip = (uint32_t)FIMM;
      goto head;
    case FLUX_OP_RET:
      to = FKN_LINKS(fsem_empty); /* then it goes on behind itself */
      value = to ? 0 : fsem_add(fkn_link(me), FA);
      FKN_STOP_IF(value < 0, FISA_RUN_FAULT, FIMM);
      if (!to)
        fkn_pop_link(me);
      to = to ? ip : fkn_record_of(me, value);
      FKN_GO_TO(to);
    case FIR_JUMP_REG:
      to = fkn_record_of(me, FA);
      FKN_GO_TO(to);
    case FIR_G_STACK_FULL:
      FKN_STOP_IF(FKN_DATA(fsem_full), FISA_RUN_FAULT, FIMM);
      continue;
    case FIR_G_STACK_EMPTY:
      FKN_STOP_IF(FKN_DATA(fsem_empty), FISA_RUN_FAULT, FIMM);
      continue;
    case FIR_G_STACK_FEW:
      FKN_STOP_IF(fkn_few(me, (int32_t)FKN_MORE(n)), FISA_RUN_FAULT, FIMM);
      continue;
    case FIR_G_CALLS_FULL:
      FKN_STOP_IF(FKN_LINKS(fsem_full), FISA_RUN_FAULT, FIMM);
      continue;
    case FIR_G_CALLS_EMPTY:
      FKN_STOP_IF(FKN_LINKS(fsem_empty), FISA_RUN_FAULT, FIMM);
      continue;

    case FLUX_OP_FILE_ZERO:
      for (int32_t i = 0; i < FIMM; i++)
        FKN_CELL(w.y + (uint32_t)i * me->threads * 4u) = 0;
      continue;
    case FLUX_OP_CONVERGE:
      fsem_converge(&FD, me->threads, (int32_t)FKN_MORE(n), FIMM);
      continue;
    case FLUX_OP_DIFFUSE:
      value = fsem_diffuse(&FD, me->threads, (int32_t)FKN_MORE(n), FA, FIMM);
      FB = value;
      continue;

    case FLUX_OP_INPUT: {
      bool took = fkn_take(me, (uint32_t)FIMM, FA, &value);
      FKN_STOP_IF(!took, FISA_RUN_FUEL | FKN_STARVED, 0);
      FD = value;
      continue;
    }
    case FLUX_OP_DRAW: {
      int32_t modulus = FA;
      bool took = modulus <= 0 || fkn_take(me, (uint32_t)FIMM & 0xFFFFu, 0, &value);
      FKN_STOP_IF(!took, FISA_RUN_FUEL | FKN_STARVED, 0);
      FD = modulus > 0 ? value % modulus : 0;
      continue;
    }
    case FLUX_OP_DRAW_W: {
      bool took;
      value = FD;
      took = fkn_draw_weighted(me, FMEM, (uint32_t)FIMM, FA, FB, &value);
      FKN_STOP_IF(!took, FISA_RUN_FUEL | FKN_STARVED, 0);
      FD = value;
      continue;
    }
    case FLUX_OP_EMIT: {
      bool same = fkn_give(me, (uint32_t)FIMM, FA, FB, FC);
      FKN_STOP_IF(!same, FISA_RUN_FUEL | FKN_STARVED, 0);
      continue;
    }
    case FLUX_OP_EMIT_PAYLOAD: {
      bool same = fkn_give_payload(me, (uint32_t)FIMM, FKN_MORE(n));
      FKN_STOP_IF(!same, FISA_RUN_FUEL | FKN_STARVED, 0);
      continue;
    }
    case FLUX_OP_CYCLE:
      FD = fsem_wrap(r->cycles - (uint32_t)FIMM);
      continue;
    case FIR_TICK:
      value = FD;
      FD = value - (value > 0);
      continue;

    case FLUX_OP_JUMP:
    case FIR_GOTO:
      ip = (uint32_t)FIMM;
      goto head;
    case FLUX_OP_BR_DEC_GTZ:
      value = fsem_sub(FA, 1);
      FD = value;
      FKN_BRANCH_IF(value > 0);
    case FLUX_OP_BR_GTZ_DEC:
      value = FA;
      if (value > 0)
        FD = value - 1;
      FKN_BRANCH_IF(value > 0);

    case FLUX_OP_HALT:
      FKN_STOP(FISA_RUN_HALT, FIMM);
    case FLUX_OP_YIELD:
    case FIR_BOUNDARY:
      FKN_STOP(FISA_RUN_YIELD, FIMM);
    case FLUX_OP_TRAP:
      FKN_STOP(FISA_RUN_FAULT, FIMM);
    case FIR_FAULT:
      FKN_STOP(FISA_RUN_FAULT | (FKN_MORE(n) ? FKN_REBATE : 0u), FIMM);
    case FIR_END:
      FKN_STOP(FISA_RUN_END | FKN_REBATE, 0);
    }
  }
}

/* Runs the lanes of a warp from where they stand. All of the warp are here. */
FKN_FN void fkn_run_warp(const struct fkn_self *me, struct fkn_run *r) {
  for (;;) {
    uint32_t here, limit, group;

    if (fkn_passed(me))
      r->at = FKN_NONE;
    here = fkn_least(r->at);
    if (here == FKN_NONE)
      break;
    limit = fkn_least(r->at == here ? FKN_NONE : r->at);
    group = fkn_vote(fkn_everyone(), r->at == here);
    if (r->at == here)
      fkn_group(me, r, group, limit);
  }
}

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
  r->last = 0;
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
  uint32_t stop = (uint32_t)FKN_OWN(FKN_STOP_AT) / FKN_RECORD_BYTES;
  uint32_t fuel, left, asks, cost;

  if (how & FKN_NOWHERE)
    return 0;
  fuel = (uint32_t)r->fuel + h->asks; /* at the head */
  asks = h->asks;
  cost = 0;
  if (stop != FKN_NONE / FKN_RECORD_BYTES) {
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
      (uint64_t *)(void *)(FKN_RECORDS + launch->records * FKN_RECORD_BYTES) +
      fkn_thread();
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

/* Lays a job's program where all threads can reach it. */
FKN_FN void fkn_open(const struct fkn_self *me) {
  const struct fkn_program *p = FKN_PROGRAM(me);
  const struct fkn_record *from =
      FKN_AT(me->program, p->records, struct fkn_record);
  const uint32_t size = me->threads * 4u;
  struct fkn_here *here = FKN_HERE;

  for (uint32_t i = fkn_thread(); i < p->record_count; i += fkn_threads()) {
    struct fkn_record *to =
        (struct fkn_record *)(void *)(FKN_RECORDS + i * FKN_RECORD_BYTES);
    *to = from[i];
    if (to->op == FKN_HEAD)
      continue;
    to->d = (to->d + FKN_OWN_SLOTS) * size;
    to->a = (to->a + FKN_OWN_SLOTS) * size;
    to->b = (to->b + FKN_OWN_SLOTS) * size;
    to->c = (to->c + FKN_OWN_SLOTS) * size;
    to->e = (to->e + FKN_OWN_SLOTS) * size;
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
                       struct fkn_self *me, struct fkn_run *r) {
  const struct fkn_job *job =
      (const struct fkn_job *)FKN_ADDRESS(launch->jobs) + number;
  struct fkn_result *result =
      (struct fkn_result *)FKN_ADDRESS(launch->results) + number;

  me->program =
      (const unsigned char *)FKN_ADDRESS(launch->programs) + job->program;
  fkn_open(me);
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

/* What a thread does. */
FKN_FN void fkn_main(const struct fkn_launch *launch) {
  const uint32_t bits = launch->overlay_bits, threads = fkn_threads();
  struct fkn_self me;
  struct fkn_run r;

  me.threads = threads;
  me.batch = (const unsigned char *)FKN_ADDRESS(launch->batch);
  me.scratch = (uint32_t *)FKN_ADDRESS(launch->scratch) +
               (uint64_t)FKN_SCRATCH_WORDS(launch->stack_cells, bits) *
                   threads * fkn_block() +
               fkn_thread();
  me.slots = FKN_RECORDS + launch->records * FKN_RECORD_BYTES +
             fkn_thread() * 4u;
  r.mem.me = &me;
  r.mem.table = me.scratch + launch->stack_cells * threads;
  for (uint32_t i = 0; bits && i < 1u << bits; i++)
    r.mem.table[i * threads] = 0;
  for (uint32_t j = fkn_block(); j < launch->job_count; j += fkn_blocks())
    fkn_do_job(launch, j, &me, &r);
}

#endif /* FLUX_GPU_KERNEL_BODY_H */
