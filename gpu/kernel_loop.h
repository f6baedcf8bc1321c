/*
 * gpu/kernel_loop.h - the kernel: a lane's memory, stacks, outside, and the
 * loop that runs the lanes of a warp. Part of gpu/kernel_body.h, which says
 * what stands before it and how lanes part and meet.
 */
#ifndef FLUX_GPU_KERNEL_LOOP_H
#define FLUX_GPU_KERNEL_LOOP_H

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

#define FKN_HERE ((struct fkn_here *)(void *)fkn_shared())
/* A record, by where it is: op d a b, and one of the rest. */
#define FKN_FRONT(i) (*FKN_AT(me->code, i, struct fkn_quad))
#define FKN_REST(i, member) (FKN_AT(me->code, i, struct fkn_record)->member)
#define FKN_ROOT(i) (*FKN_AT(me->code, i, struct fkn_head))
#define FKN_AT(base, offset, type) \
  ((const type *)(const void *)((base) + (offset)))

/* What a thread knows of its job: kept in registers. */
struct fkn_self {
  const unsigned char *program, *batch;
  const unsigned char *code; /* shared memory; or where its begin would be, if
                                far records were there */
  uint32_t *scratch;     /* element i at [i * threads] */
  unsigned char *slots;  /* slot i at i * threads * 4 bytes */
  unsigned char *own;    /* the same of the kernel's own */
  uint32_t threads;      /* of a block, as slots and scratch are laid out */
  uint32_t lane;         /* of the batch */
  uint32_t number;       /* of the job: from 0 */
};

#define FKN_PROGRAM(me) FKN_AT((me)->program, 0, struct fkn_program)
#define FKN_BATCH(me) FKN_AT((me)->batch, 0, struct fkn_batch)

FKN_FN int32_t fkn_column(const struct fkn_self *me, uint32_t column) {
  const struct fkn_batch *b = FKN_BATCH(me);

  return FKN_AT(me->batch, b->columns,
                int32_t)[column * b->width + me->lane];
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
                        FKN_BATCH(me)->width + (me)->lane])

/* Slots of the kernel's own, for what changes seldom. */
enum fkn_own {
  FKN_STOP_AT,           /* the record a lane stopped in; NONE: at a head, for
                            want of fuel */
  FKN_HOW,               /* it stopped: a status of isa/state.h, and more */
  FKN_X,                 /* the fault, or the pc of a boundary */
  FKN_USED, FKN_GIVEN,   /* values taken and given */
  FKN_STORED             /* words in the overlay, and FULL if one found no
                            room: then what followed is of no account */
};
#define FKN_FULL 0x40000000u

/* A slot by its number; by where it is, as records in shared memory say. */
#define FKN_SLOT(i) FKN_CELL((i) * me->threads * 4u)
#define FKN_CELL(at) (*(int32_t *)(void *)(me->slots + (at)))
#define FKN_OWN(i) \
  (*(int32_t *)(void *)(me->own + (uint32_t)(i) * me->threads * 4u))

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
    case FLUX_OP_NOP:
      continue;
    case FLUX_OP_SWAP:
      value = FC;
      FD = FB;
      FA = value;
      continue;
    case FLUX_OP_DIV:
      FKN_STOP_IF(FB == 0, FISA_RUN_FAULT, FIMM);
      FD = fsem_quo(FA, FB);
      continue;

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
      uint32_t what = (uint32_t)FIMM & 0xFFFFu;
      bool took = modulus <= 0 || fkn_take(me, what, 0, &value);
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

#endif /* FLUX_GPU_KERNEL_LOOP_H */
