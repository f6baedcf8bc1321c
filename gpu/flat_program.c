/*
 * gpu/flat_program.c - a packed program as the bytes of gpu/kernel.h.
 *
 * Every block gets a head before its first op. The sums of a block are taken
 * from the ops of the IR, since one that was left out asks for fuel too.
 */
#include <assert.h>
#include <string.h>

#include "gpu/flat.h"
#include "gpu/uses.h"

enum {
  ALIGN = 16,
  STARTS_BLOCK = FPK_HEAD | FPK_START,
  MOST_BYTES = 1 << 30
};

/* Where the parts of a program lie; sizes before places. */
struct layout {
  uint32_t records, blocks, asks, payload, written;
  struct fkn_program h;
};

/* ---- what an op is ------------------------------------------------------ */

static bool is_slot(const struct fpk_op *o, unsigned operand) {
  assert(operand < 5);
  return fir_uses_of(o->op, o->imm).of[operand] != 'N';
}

static bool uses_stack(unsigned op) {
  switch (op) {
  case FLUX_OP_CALL:
  case FLUX_OP_RET:
  case FIR_PEEK:
  case FIR_G_STACK_FULL:
  case FIR_G_STACK_EMPTY:
  case FIR_G_STACK_FEW:
  case FIR_G_CALLS_FULL:
  case FIR_G_CALLS_EMPTY:
    return true;
  default:
    return op < FLUX_OP_COUNT && fisa_semop_effect(op) == FISA_EFFECT_STACK;
  }
}

static bool goes_anywhere(const struct fpk_program *p) {
  for (uint32_t i = 0; i < p->count; i++)
    if (fir_goes_anywhere(p->op[i].op))
      return true;
  return false;
}

/* ---- payloads ----------------------------------------------------------- */

/* Counts outputs, and writes them where there is a place for them. */
struct payload {
  uint32_t count;
  struct fkn_event *out;
};

static int note_output(const int32_t *arg, unsigned argc, void *user) {
  struct payload *p = user;

  assert(argc <= FISA_MAX_ARGS);
  if (p->out) {
    struct fkn_event e = {.argc = (uint16_t)argc};
    memcpy(e.arg, arg, argc * sizeof(*arg));
    p->out[p->count] = e;
  }
  p->count++;
  return 0;
}

/* The outputs of the payload at an op's row; returns how many. */
static uint32_t payload_of(const struct fpk_program *p, const struct fpk_op *o,
                           struct fkn_event *out) {
  const struct fisa_program *source = p->ir->source;
  uint32_t pc = o->row & ~FIR_FIRST;
  uint32_t size = source->code[pc + 1] | (uint32_t)source->code[pc + 2] << 8;
  struct payload k = {0, out};

  assert(pc + 3 + size <= source->size);
  fisa_payload_outputs(source->code + pc + 3, size, note_output, &k);
  return k.count;
}

/* ---- how long an instruction may take ----------------------------------- */

/* Bytes, cells or outputs that an op goes through one by one, at most. */
static uint32_t steps_of(const struct fpk_program *p,
                         const struct fpk_op *o) {
  switch (o->op) {
  case FLUX_OP_MSET:
  case FLUX_OP_MCPY:
  case FLUX_OP_MEQ:
  case FLUX_OP_MHAS:
  case FLUX_OP_MFIND:
  case FLUX_OP_MSUM:
  case FLUX_OP_MMIN:
  case FLUX_OP_MMAX:
  case FLUX_OP_MCRC:
  case FLUX_OP_FILE_ZERO:
  case FLUX_OP_DIFFUSE:
    return o->imm > 0 ? (uint32_t)o->imm : 0;
  case FLUX_OP_DRAW_W: /* their sum, that of all, and up to the one drawn */
    return 3 * p->ir->dialect->mem_size;
  case FLUX_OP_EMIT_PAYLOAD:
    return payload_of(p, o, NULL);
  default:
    return 0;
  }
}

static uint32_t weight_of(const struct fpk_program *p) {
  uint32_t most = 0;

  for (uint32_t i = 0; i < p->count; i++) {
    uint32_t steps = steps_of(p, &p->op[i]);
    most = steps > most ? steps : most;
  }
  return 1 + most;
}

/* ---- sizes -------------------------------------------------------------- */

static uint32_t place(uint32_t *end, size_t count, size_t size) {
  uint32_t at = *end;
  uint64_t behind = (uint64_t)at + count * size;

  behind = (behind + ALIGN - 1) / ALIGN * ALIGN;
  *end = behind < MOST_BYTES ? (uint32_t)behind : MOST_BYTES;
  return at;
}

static void count_parts(const struct fpk_program *p, struct layout *l) {
  uint32_t payload = 0;

  for (uint32_t i = 0; i < p->count; i++) {
    l->blocks += (p->op[i].flags & STARTS_BLOCK) != 0;
    if (p->op[i].op == FLUX_OP_EMIT_PAYLOAD)
      payload += (uint32_t)(sizeof(struct fkn_payload) +
                            payload_of(p, &p->op[i], NULL) *
                                sizeof(struct fkn_event));
  }
  l->payload = payload;
  l->records = p->count + l->blocks;
  for (uint32_t i = 0; i < p->ir->count; i++)
    l->asks += p->ir->ins[i].row >> 31;
  for (uint32_t i = 0; i < p->written_count; i++)
    l->written += p->slot[i].kind == FPK_SLOT_CELL;
}

static void lay_stacks(const struct fpk_program *p, struct fkn_program *h) {
  if (!p->stack)
    return;
  h->flags |= FKN_STACK;
  h->data_first = p->data.first;
  h->data_count = p->data.count;
  h->data_sp = p->data.sp;
  h->data_down = p->data.down;
  h->calls_first = p->calls.first;
  h->calls_count = p->calls.count;
  h->calls_sp = p->calls.sp;
  if (p->calls.first != p->data.first) {
    h->flags |= FKN_APART;
    h->calls_at = p->data.count;
  }
}

/* Whether something else than the ops of a stack moves its index. */
static bool index_moves(const struct fpk_program *p) {
  for (uint32_t i = 0; p->stack && i < p->count; i++) {
    const struct fpk_op *o = &p->op[i];
    uint32_t slot[5] = {o->d, o->a, o->b, o->c, (uint32_t)o->imm};
    for (unsigned k = 0; k < 5; k++)
      if (is_slot(o, k) && (slot[k] == p->data.sp || slot[k] == p->calls.sp))
        return true;
  }
  return false;
}

static struct layout layout_of(const struct fpk_program *p,
                               const struct fpk_batch *b) {
  struct layout l = {0};
  struct fkn_program *h = &l.h;
  uint32_t end = (sizeof(*h) + ALIGN - 1) / ALIGN * ALIGN;

  count_parts(p, &l);
  h->flags = (p->memory ? FKN_MEMORY : 0u) | (p->stores ? FKN_STORES : 0u);
  lay_stacks(p, h);
  if (index_moves(p))
    h->flags |= FKN_WHOLE;
  if (goes_anywhere(p))
    h->flags |= FKN_ANYWHERE;
  h->code_size = p->ir->source->size;
  h->record_count = l.records;
  h->slot_count = p->slot_count;
  h->written_count = l.written;
  h->records = place(&end, l.records, sizeof(struct fkn_record));
  h->sums = place(&end, l.records, sizeof(struct fkn_sum));
  h->dues = place(&end, l.asks, sizeof(uint32_t));
  h->slots = place(&end, p->slot_count, sizeof(struct fkn_slot));
  h->written = place(&end, l.written, sizeof(struct fkn_written));
  h->slot_of = place(&end, p->ir->state_cells, sizeof(uint16_t));
  h->at = place(&end, h->flags & FKN_ANYWHERE ? h->code_size : 0,
                sizeof(uint32_t));
  h->starts = place(&end, b->begin_count, sizeof(uint32_t));
  h->stops = place(&end, b->end_count, sizeof(uint32_t));
  h->payloads = place(&end, l.payload, 1);
  h->places = place(&end, p->count, sizeof(uint32_t));
  h->bytes = end;
  return l;
}

/* ---- whether it can be -------------------------------------------------- */

static int unfit(struct fisa_error *err, const char *why, const char *what) {
  fisa_fail(err, "not for the kernel: %s%s", why, what);
  return 1;
}

static int check_ops(const struct fpk_program *p, struct fisa_error *err) {
  const struct fir_program *ir = p->ir;
  char unknown[64];

  for (uint32_t i = 0; i < p->count; i++) {
    const struct fpk_op *o = &p->op[i];
    uint32_t slot[5] = {o->d, o->a, o->b, o->c, (uint32_t)o->imm};

    if (o->op >= FIR_OP_COUNT) {
      fir_unknown_op(o->op, unknown, sizeof(unknown));
      return unfit(err, unknown, "");
    }
    if (uses_stack(o->op) && !p->stack)
      return unfit(err, "there is no stack for ", fir_op_name(o->op));
    if (fir_has_target(o->op) && (o->target >= p->count ||
                              !(p->op[o->target].flags & STARTS_BLOCK)))
      return unfit(err, "a target amid a block of ", fir_op_name(o->op));
    for (unsigned k = 0; k < 5; k++)
      if (is_slot(o, k) && slot[k] >= p->slot_count)
        return unfit(err, "a slot that is none in ", fir_op_name(o->op));
  }
  if (p->count == 0 || !(p->op[0].flags & STARTS_BLOCK))
    return unfit(err, "it begins amid a block", "");
  for (uint32_t pc = 0; goes_anywhere(p) && pc < ir->source->size; pc++)
    if (ir->at[pc] == FIR_NONE)
      return unfit(err, "a place that control may come to was not lowered",
                   "");
  return 0;
}

int fkn_program_needs(const struct fpk_program *p, const struct fpk_batch *b,
                      struct fkn_needs *out, struct fisa_error *err) {
  struct layout l;
  int rc = check_ops(p, err);

  if (rc)
    return rc;
  if (b->ticking && !p->ir->ticks)
    return unfit(err, "a cell counts down that it does not count", "");
  l = layout_of(p, b);
  memset(out, 0, sizeof(*out));
  out->bytes = l.h.bytes;
  out->records = l.records;
  out->slots = p->slot_count;
  out->stack_cells = l.h.data_count + (l.h.flags & FKN_APART ? l.h.calls_count
                                                             : 0);
  out->weight = weight_of(p);
  out->apart = !p->straight || b->begin_count > 1;
  out->stores = p->stores;
  if (out->bytes >= MOST_BYTES)
    return unfit(err, "the program takes too many bytes", "");
  return 0;
}

uint32_t fkn_threads_for(uint32_t records, uint32_t slots) {
  uint32_t threads = FKN_THREADS_MOST;

  assert(records < MOST_BYTES / FKN_RECORD_BYTES && slots <= UINT16_MAX);
  while (threads >= FKN_WARP &&
         fkn_shared_bytes(records, slots, threads) > FKN_SHARED_MOST)
    threads /= 2;
  return threads >= FKN_WARP ? threads : 0;
}

/* ---- writing ------------------------------------------------------------ */

/* A program being written. */
struct writing {
  const struct fpk_program *p;
  unsigned char *out;
  struct fkn_program *h;
  struct fkn_record *record;
  struct fkn_sum *sum;
  uint32_t *due, *places;
  uint32_t due_count, payload_end;
};

static void *part(const struct writing *w, uint32_t offset) {
  return w->out + offset;
}

/* The record of op i; of a head, if there is one before it. */
static uint32_t record_at(const struct writing *w, uint32_t i) {
  return i == FPK_NONE
             ? FKN_NONE
             : FKN_SHARED_FIXED + w->places[i] * FKN_RECORD_BYTES;
}

static void write_places(struct writing *w) {
  uint32_t n = 0;

  for (uint32_t i = 0; i < w->p->count; i++) {
    w->places[i] = n;
    n += 1 + ((w->p->op[i].flags & STARTS_BLOCK) != 0);
  }
  assert(n == w->h->record_count);
}

/* Writes a payload and returns where. */
static int32_t write_payload(struct writing *w, const struct fpk_op *o) {
  struct fkn_payload *to = part(w, w->payload_end);
  uint32_t at = w->payload_end;

  *to = (struct fkn_payload){
      .count = payload_of(w->p, o, (struct fkn_event *)(void *)(to + 1))};
  w->payload_end += (uint32_t)(sizeof(*to) +
                               to->count * sizeof(struct fkn_event));
  return (int32_t)at;
}

static int32_t x_of(struct writing *w, const struct fpk_op *o) {
  if (fir_has_target(o->op))
    return (int32_t)record_at(w, o->target);
  switch (o->op) {
  case FLUX_OP_YIELD:
  case FIR_BOUNDARY:
    return (int32_t)o->target;
  case FLUX_OP_EMIT_PAYLOAD:
    return write_payload(w, o);
  default:
    return o->imm;
  }
}

static uint32_t n_of(const struct fpk_op *o) {
  switch (o->op) {
  case FLUX_OP_CONVERGE:
    return o->b;
  case FLUX_OP_DIFFUSE:
  case FIR_G_STACK_FEW:
    return o->c;
  case FLUX_OP_EMIT_PAYLOAD:
    return (uint32_t)o->imm & 0xFFFF;
  case FIR_FAULT:
    return o->own_cycles == 0;
  default:
    return 0;
  }
}

static void write_op(struct writing *w, const struct fpk_op *o,
                     struct fkn_record *r) {
  *r = (struct fkn_record){
      .op = o->op,
      .d = is_slot(o, 0) ? o->d : 0u,
      .a = is_slot(o, 1) ? o->a : 0u,
      .b = is_slot(o, 2) ? o->b : 0u,
      .c = is_slot(o, 3) ? o->c : 0u,
      .e = is_slot(o, 4) ? (uint32_t)o->imm : 0u,
      .x = x_of(w, o),
      .n = n_of(o),
  };
}

/* A block is complete: what it asks for, and what is behind its CYCLEs. */
static void close_block(const struct writing *w, uint32_t head, uint32_t end,
                        struct fkn_head all) {
  for (uint32_t i = head + 1; i < end; i++)
    if (w->record[i].op == FLUX_OP_CYCLE)
      w->record[i].x = (int32_t)(all.cycles - (uint32_t)w->record[i].x);
  memcpy(&w->record[head], &all, sizeof(all));
}

/* Ops in the order of the IR, those left out between those that are here. */
static void write_ops(struct writing *w) {
  const struct fpk_program *p = w->p;
  const struct fir_program *ir = p->ir;
  struct fkn_head all = {.op = FKN_HEAD};
  uint32_t n = 0, head = 0, end = 0;

  for (uint32_t i = 0; i < ir->count; i++) {
    const struct fir_ins *in = &ir->ins[i];
    const struct fpk_op *o = n < p->count ? &p->op[n] : NULL;
    bool kept = o && o->ir == i;

    if (kept && (o->flags & STARTS_BLOCK)) {
      if (end > 0)
        close_block(w, head, end, all);
      all = (struct fkn_head){.op = FKN_HEAD, .dues = w->due_count};
      head = end++;
    }
    if (in->row & FIR_FIRST) {
      w->due[w->due_count++] = all.cost;
      all.asks++;
    }
    all.cost += ir->cost ? ir->cost[i] : in->cycles;
    all.cycles += in->cycles;
    if (!kept)
      continue;
    write_op(w, o, &w->record[end]);
    if (o->op == FLUX_OP_CYCLE)
      w->record[end].x = (int32_t)all.cycles;
    w->sum[end] = (struct fkn_sum){all.asks, all.cost};
    end++;
    n++;
  }
  close_block(w, head, end, all);
  assert(n == p->count && end == w->h->record_count);
}

static void write_slots(const struct writing *w) {
  const struct fpk_program *p = w->p;
  struct fkn_slot *slot = part(w, w->h->slots);
  struct fkn_written *written = part(w, w->h->written);
  uint16_t *slot_of = part(w, w->h->slot_of);

  memset(slot_of, 0xFF, p->ir->state_cells * sizeof(*slot_of));
  for (uint32_t i = 0; i < p->slot_count; i++) {
    const struct fpk_slot *s = &p->slot[i];
    bool index = p->stack && (i == p->data.sp || i == p->calls.sp);
    bool work = s->kind == FPK_SLOT_CELL && !s->loaded && !index;

    slot[i] = (struct fkn_slot){
        .kind = work ? (uint16_t)FPK_SLOT_WORK : s->kind,
        .cell = s->cell,
        .value = s->value};
    if (s->kind != FPK_SLOT_CELL)
      continue;
    slot_of[s->cell] = (uint16_t)i;
    *written++ = (struct fkn_written){(uint16_t)i, s->cell};
  }
}

static void write_targets(const struct writing *w, const struct fpk_batch *b,
                          const struct fpk_places *places) {
  const struct fir_program *ir = w->p->ir;
  uint32_t *at = part(w, w->h->at);
  uint32_t *starts = part(w, w->h->starts);

  for (uint32_t pc = 0; (w->h->flags & FKN_ANYWHERE) && pc < ir->source->size;
       pc++)
    at[pc] = record_at(w, w->p->at[ir->at[pc]]);
  for (uint32_t i = 0; i < b->begin_count; i++) {
    uint32_t op = places->start[i];
    bool can = op < w->p->count && (w->p->op[op].flags & STARTS_BLOCK);
    starts[i] = can ? record_at(w, op) : FKN_NONE;
  }
  if (b->end_count)
    memcpy(part(w, w->h->stops), places->stop,
           b->end_count * sizeof(uint32_t));
}

void fkn_program_write(const struct fpk_program *p, const struct fpk_batch *b,
                       const struct fpk_places *places, void *out) {
  struct layout l = layout_of(p, b);
  struct writing w = {.p = p, .out = out, .h = out};

  assert((uintptr_t)out % ALIGN == 0);
  memset(out, 0, l.h.bytes);
  *w.h = l.h;
  w.record = part(&w, l.h.records);
  w.sum = part(&w, l.h.sums);
  w.due = part(&w, l.h.dues);
  w.places = part(&w, l.h.places);
  w.payload_end = l.h.payloads;
  write_places(&w);
  write_ops(&w);
  write_slots(&w);
  write_targets(&w, b, places);
}

void fkn_program_place(void *program, uint32_t threads) {
  const struct fkn_program *h = program;
  unsigned char *bytes = program;
  struct fkn_record *r = (struct fkn_record *)(void *)(bytes + h->records);
  const uint32_t size = threads * 4u;

  assert(threads >= 1 && threads <= FKN_THREADS_MOST);
  for (uint32_t i = 0; i < h->record_count; i++) {
    if (r[i].op == FKN_HEAD)
      continue;
    r[i].d *= size;
    r[i].a *= size;
    r[i].b *= size;
    r[i].c *= size;
    r[i].e *= size;
  }
}
