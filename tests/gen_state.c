/*
 * tests/gen_state.c - random numbers, states to begin with, an outside.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/gen.h"

uint64_t gen_random(uint64_t *state) {
  uint64_t v = *state += UINT64_C(0x9E3779B97F4A7C15);

  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v = (v ^ v >> 27) * UINT64_C(0x94D049BB133111EB);
  return v ^ v >> 31;
}

uint32_t gen_below(uint64_t *state, uint32_t n) {
  assert(n > 0);
  return (uint32_t)((gen_random(state) >> 32) * n >> 32);
}

uint64_t gen_stream(uint64_t seed, uint64_t number, uint64_t which) {
  uint64_t s = seed ^ number * UINT64_C(0xA0761D6478BD642F) ^ which << 60;

  gen_random(&s);
  return s;
}

int32_t gen_telling(uint64_t *r) {
  static const int32_t edges[] = {0, 1, -1, 2, INT32_MIN, INT32_MAX, 100,
                                  -100, 255, 256, 32767, -32768, 65535};
  uint32_t any;

  switch (gen_below(r, 6)) {
  case 0:
    return edges[gen_below(r, sizeof(edges) / sizeof(edges[0]))];
  case 1:
    return (int32_t)gen_random(r);
  case 2:
    any = (uint32_t)gen_random(r);
    return (int32_t)(any >> gen_below(r, 32));
  default:
    return (int32_t)gen_below(r, 140) - 20;
  }
}

int32_t gen_input(uint64_t seed, uint64_t number, uint32_t i) {
  uint64_t r = gen_stream(seed, number, 3) + i;

  return gen_telling(&r);
}

static int32_t float_bits(uint64_t *r) {
  static const uint32_t edges[] = {0, 0x80000000, 0x3F800000, 0x7F800000,
                                   0xFF800000, 0x7FC00000, 1, 0x7F7FFFFF};
  float f = ((float)gen_below(r, 4001) - 2000) / 16;
  int32_t bits;

  memcpy(&bits, &f, sizeof(bits));
  switch (gen_below(r, 5)) {
  case 0:
    return (int32_t)edges[gen_below(r, sizeof(edges) / sizeof(edges[0]))];
  case 1:
    bits = (int32_t)gen_random(r);
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC00000 : bits;
  default:
    return bits;
  }
}

static void fill_run(uint64_t *r, struct fisa_state *s, uint32_t at) {
  uint32_t n = 1 + gen_below(r, 600);
  uint32_t mask = gen_below(r, 2) ? 255 : 3;

  for (uint32_t i = 0; i < n; i++) {
    uint32_t a = (at + i) & (s->mem_size - 1);
    s->mem[a] = (uint8_t)(gen_random(r) & mask);
    s->dirty[a / FISA_PAGE / 64] |= UINT64_C(1) << a / FISA_PAGE % 64;
  }
}

static void fill_memory(const struct gen_table *t, uint64_t *r,
                        struct fisa_state *s) {
  uint32_t runs = s->mem_size ? gen_below(r, 4) : 0;

  for (; runs > 0; runs--)
    fill_run(r, s, gen_below(r, gen_below(r, 2) ? s->mem_size : 256));
  if (t->pointer < t->d->file_count && gen_below(r, 2))
    fill_run(r, s, t->region + t->region_size - gen_below(r, 600));
}

/* Mostly few are live, and sometimes nearly all. */
static void fill_stack(const struct gen_table *t, uint64_t *r, uint32_t stack,
                       int32_t *index) {
  const struct fisa_file *file = &t->d->files[stack];
  uint32_t size = file->count;
  uint32_t depth = gen_below(r, 8) ? gen_below(r, 6) : size - gen_below(r, 6);

  *index = (int32_t)(file->down ? size - depth : depth);
}

/* Mostly inside its region, and sometimes around either end of it. */
static int32_t pointer_value(const struct gen_table *t, uint64_t *r) {
  uint32_t size = t->region_size;

  switch (gen_below(r, 32)) {
  case 0:
    return gen_telling(r);
  case 1:
    return (int32_t)gen_below(r, 24) - 12;
  case 2:
    return (int32_t)(size + gen_below(r, 24)) - 12;
  default:
    return (int32_t)(size - 4 * gen_below(r, 100));
  }
}

static int32_t begin_value(const struct gen_table *t, uint64_t *r, uint32_t f) {
  const struct fisa_file *file = &t->d->files[f];

  if (file->kind == FISA_FILE_FLAG)
    return (int32_t)gen_below(r, 2);
  if (file->tick)
    return gen_below(r, 4) ? 0 : (int32_t)gen_below(r, 9);
  if (f == t->pointer)
    return pointer_value(t, r);
  if (t->limit != 0 && f == t->file && gen_below(r, 16) == 0)
    return t->limit - 4 + (int32_t)gen_below(r, 8);
  if (file->type == FISA_F32 || (t->floats >> f & 1 && gen_below(r, 2)))
    return float_bits(r);
  return gen_telling(r);
}

void gen_begin(const struct gen_table *t, const struct fisa_program *p,
               uint64_t seed, uint64_t number, struct fisa_state *s) {
  uint64_t r = gen_stream(seed, number, 4);
  const struct fisa_dialect *d = t->d;

  fisa_state_start(p, s);
  for (uint32_t f = 0; f < d->file_count; f++)
    for (uint32_t i = 0; i < d->files[f].count; i++) {
      uint32_t cell = d->files[f].first + i;
      if (cell != d->sp_cell && cell != d->calls_cell)
        s->cells[cell] = begin_value(t, &r, f);
    }
  if (d->stack_file < d->file_count)
    fill_stack(t, &r, d->stack_file, &s->cells[d->sp_cell]);
  if (fisa_links_apart(d))
    fill_stack(t, &r, d->calls_file, &s->cells[d->calls_cell]);
  fill_memory(t, &r, s);
}

/* ---- the outside -------------------------------------------------------- */

int32_t gen_take(uint16_t source, const int32_t *arg, unsigned argc,
                 void *user) {
  struct gen_outside *o = user;
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  e.value = gen_input(o->seed, o->number, o->taken++);
  if (fisa_trace_add(&o->trace, &e))
    abort();
  return e.value;
}

void gen_give(uint16_t channel, const int32_t *arg, unsigned argc,
              void *user) {
  struct gen_outside *o = user;
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  if (fisa_trace_add(&o->trace, &e))
    abort();
}

int gen_ir_take(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user) {
  *value = gen_take(source, arg, argc, user);
  return 0;
}

int gen_ir_give(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user) {
  gen_give(channel, arg, argc, user);
  return 0;
}
