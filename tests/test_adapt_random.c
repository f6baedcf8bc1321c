/*
 * test_adapt_random.c - adapted VMs against the reference VM and the ir
 * engine, on random programs: everything that can be seen of a run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "isa/asm.h"
#include "tests/adapt_help.h"
#include "tests/gen.h"
#include "tests/plain_vm.h"
#include "tests/toy_vm.h"
#include "tests/unit.h"

enum { PROGRAMS = 6000, NOISE = 6000, SEGMENTS = 6, FAILURES = 3, FUEL = 400 };

/* ---- the ir engine as a VM ---------------------------------------------- */

struct ir_code {
  struct fir_program *ir;
  struct fir_lane *lane;
};

static void *ir_load(const struct fhost_vm *vm, const struct fisa_program *p,
                     uint32_t how, struct fisa_error *err) {
  struct ir_code *c = calloc(1, sizeof *c);

  (void)vm, (void)how;
  if (!c || fir_lower(p, &c->ir, err) != 0)
    abort();
  c->lane = fir_lane_new();
  return c;
}

static void ir_unload(void *code) {
  struct ir_code *c = code;

  fir_free(c->ir);
  fir_lane_free(c->lane);
  free(c);
}

static int ir_run(void *code, struct fisa_state *s,
                  const struct fhost_vm_io *io, uint64_t fuel,
                  _Atomic uint64_t *counts) {
  const struct fir_io ir_io = {gen_ir_take, gen_ir_give, io->user};
  struct ir_code *c = code;

  (void)counts;
  fir_run(c->ir, c->lane, s, &ir_io, (struct fir_limits){fuel, true});
  return s->status;
}

static const struct fhost_vm ir_vm = {
  .dialect = "any", .build_id = "ir", .flags = FHOST_VM_NO_COUNTS,
  .load = ir_load, .unload = ir_unload, .run = ir_run,
};

/* ---- two VMs side by side ----------------------------------------------- */

struct pair {
  struct gen_table table;
  struct fisa_dialect *d;
  const struct fhost_vm *vm[2];
  void *code[2];
  struct fisa_state *state[2];
  struct gen_outside side[2];
  _Atomic uint64_t *counts[2];
  uint64_t seed;
  unsigned failures, segments, left_out, statuses[FISA_RUN_YIELD + 1];
  char what[160];
};

/* Without the rows that the plain interpreter does not have. */
static void keep_plain(struct gen_rows *rows) {
  unsigned n = 0;

  for (unsigned i = 0; i < rows->count; i++)
    if (plain_has(rows->opcode[i]))
      rows->opcode[n++] = rows->opcode[i];
  rows->count = n;
}

static void pair_open(struct pair *t, const char *name,
                      const struct fhost_vm *a, const struct fhost_vm *b) {
  memset(t, 0, sizeof *t);
  t->d = adapt_dialect(name);
  gen_table_init(&t->table, t->d);
  if (strcmp(name, "unified") == 0) {
    keep_plain(&t->table.plain);
    keep_plain(&t->table.any);
  }
  t->vm[0] = a;
  t->vm[1] = b;
  t->seed = 20260303;
  for (int i = 0; i < 2; i++) {
    t->state[i] = fisa_state_new(t->d);
    t->side[i].seed = t->seed;
    t->counts[i] = calloc(FISA_MAX_CODE, sizeof *t->counts[i]);
  }
}

static void pair_close(struct pair *t) {
  printf(" %u runs (halt %u end %u fault %u fuel %u yield %u, left out %u)",
         t->segments, t->statuses[0], t->statuses[1], t->statuses[2],
         t->statuses[3], t->statuses[4], t->left_out);
  for (int i = 0; i < 2; i++) {
    fisa_state_free(t->state[i]);
    fisa_trace_done(&t->side[i].trace);
    free((void *)(uintptr_t)t->counts[i]);
  }
  fisa_dialect_free(t->d);
}

static bool differ(struct pair *t, const char *what, long long a,
                   long long b) {
  snprintf(t->what, sizeof t->what, "%s: %lld and %lld", what, a, b);
  return false;
}

static bool same_traffic(struct pair *t) {
  const struct fisa_trace *a = &t->side[0].trace, *b = &t->side[1].trace;

  if (a->count != b->count)
    return differ(t, "events", a->count, b->count);
  for (uint32_t i = 0; i < a->count; i++)
    if (!fisa_event_equal(&a->events[i], &b->events[i]))
      return differ(t, "event", i, i);
  return true;
}

static bool same_state(struct pair *t) {
  const struct fisa_state *a = t->state[0], *b = t->state[1];

  if (a->status != b->status)
    return differ(t, "status", a->status, b->status);
  if (a->fault != b->fault)
    return differ(t, "fault", a->fault, b->fault);
  if (a->pc != b->pc)
    return differ(t, "pc", a->pc, b->pc);
  if (a->cycles != b->cycles)
    return differ(t, "cycles", (long long)a->cycles, (long long)b->cycles);
  for (uint32_t i = 0; i < a->cell_count; i++)
    if (a->cells[i] != b->cells[i]) {
      snprintf(t->what, sizeof t->what, "cell %u: %d and %d", i, a->cells[i],
               b->cells[i]);
      return false;
    }
  for (uint32_t i = 0; i < a->mem_size; i++)
    if (a->mem[i] != b->mem[i])
      return differ(t, "memory at", i, i);
  for (uint32_t i = 0; i < a->mem_size / 64; i++)
    if (a->written[i] != b->written[i])
      return differ(t, "marks near", i * 64, i * 64);
  return memcmp(a->dirty, b->dirty, (a->mem_size / FISA_PAGE + 63) / 64 * 8)
             == 0 || differ(t, "dirty pages", 0, 0);
}

/* Where the first counts heads alone, the second has the same there. */
static bool same_counts(struct pair *t, uint32_t size) {
  const uint8_t *heads = t->vm[0]->heads ? t->vm[0]->heads(t->code[0]) : NULL;

  for (uint32_t i = 0; heads && i < size; i++)
    if (heads[i / 8] >> (i % 8) & 1 && t->counts[0][i] != t->counts[1][i])
      return differ(t, "counts", (long long)t->counts[0][i],
                    (long long)t->counts[1][i]);
  return true;
}

/* Rows that one of the two does not have. */
static bool is_left_out(const struct pair *t) {
  return t->state[0]->fault == t->d->lethal_code[FLUX_LETHAL_OPAQUE] ||
         t->state[1]->fault == TOY_NO_ROW;
}

static bool run_both(struct pair *t, uint64_t fuel) {
  for (int i = 0; i < 2; i++) {
    const struct fhost_vm_io io = {gen_take, gen_give, &t->side[i],
                                   NULL};
    int status = t->vm[i]->run(t->code[i], t->state[i], &io, fuel,
                               t->counts[i]);
    if (status != t->state[i]->status)
      return differ(t, "answer", status, t->state[i]->status);
  }
  if (is_left_out(t)) {
    t->left_out++;
    t->state[0]->status = FISA_RUN_FAULT;
    return true;
  }
  t->segments++;
  t->statuses[t->state[0]->status]++;
  return same_state(t) && same_traffic(t);
}

static void compare(struct pair *t, uint64_t number, bool noise) {
  struct fisa_program *p = noise ? gen_noise(&t->table, t->seed, number)
                                 : gen_program(&t->table, t->seed, number);
  uint64_t fuel = number % 16 == 5 ? number / 16 % 40 : FUEL;
  unsigned left_out = t->left_out;
  bool good = true;
  char *text;

  if (!p)
    abort();
  gen_boundary(&t->table, p, number);
  gen_begin(&t->table, p, t->seed, number, t->state[0]);
  fisa_state_copy(t->state[1], t->state[0]);
  for (int i = 0; i < 2; i++) {
    struct fisa_error err = {""};
    t->side[i].number = number;
    t->side[i].taken = t->side[i].trace.count = 0;
    memset((void *)(uintptr_t)t->counts[i], 0,
           p->size * sizeof *t->counts[i]);
    t->code[i] = t->vm[i]->load(t->vm[i], p, 0, &err);
    if (!t->code[i]) {
      printf("%s\n", err.text);
      abort();
    }
  }
  for (int i = 0; i < SEGMENTS && good; i++) {
    good = run_both(t, fuel);
    if (t->state[0]->status != FISA_RUN_YIELD)
      break;
  }
  if (good && t->left_out == left_out)
    good = same_counts(t, p->size);
  if (!good && t->failures++ < FAILURES) {
    text = fisa_disassemble(p);
    UNIT_TRUE(0, "%s %llu: %s", noise ? "noise" : "program",
              (unsigned long long)number, t->what);
    printf("%s\n", text ? text : "");
    free(text);
  }
  for (int i = 0; i < 2; i++)
    t->vm[i]->unload(t->code[i]);
  fisa_program_free(p);
}

static void differential(const char *name, const struct fhost_vm *a,
                         const struct fhost_vm *b, unsigned long programs,
                         bool noise) {
  struct pair t;

  pair_open(&t, name, a, b);
  for (uint64_t n = 0; n < programs && t.failures < FAILURES; n++)
    compare(&t, n, noise);
  UNIT_TRUE(t.segments > programs / 4, "%u runs are few", t.segments);
  for (int i = 0; i <= FISA_RUN_YIELD; i++)
    UNIT_TRUE(t.statuses[i] > 0, "no run with status %d", i);
  pair_close(&t);
}

static void unified_programs(void) {
  struct fhost_vm vm = adapt_vm(&toy_unified_adapter);

  differential("unified", &fhost_vm_reference, &vm, unit_scale(PROGRAMS),
               false);
  /* Whatever is lethal was kept from it, and so was the end of the code. */
  UNIT_EQ(toy_unified_lethal, 0);
}

static void unified_noise(void) {
  struct fhost_vm vm = adapt_vm(&toy_unified_adapter);

  differential("unified", &fhost_vm_reference, &vm, unit_scale(NOISE), true);
  UNIT_EQ(toy_unified_lethal, 0);
}

static void toy_programs(void) {
  struct fhost_vm vm = adapt_vm(&toy_adapter);

  toy_hurt = 0;
  differential("toy", &ir_vm, &vm, unit_scale(PROGRAMS), false);
  UNIT_EQ(toy_hurt, 0);
}

static void toy_noise(void) {
  struct fhost_vm vm = adapt_vm(&toy_adapter);

  toy_hurt = 0;
  differential("toy", &ir_vm, &vm, unit_scale(NOISE), true);
  UNIT_EQ(toy_hurt, 0);
}

/* ---- single steps ------------------------------------------------------- */

/* Stepped, it is as good as one with a step function: random programs, an
 * instruction at a time. */
static void steps_like(const struct fhost_adapter *runner, bool noise) {
  const struct fhost_vm vms[] = {adapt_vm(&toy_adapter), adapt_vm(runner)};
  unsigned long programs = unit_scale(600);
  struct pair t;

  toy_hurt = 0;
  pair_open(&t, "toy", &vms[0], &vms[1]);
  for (uint64_t n = 0; n < programs && t.failures == 0; n++) {
    struct fisa_program *p = noise ? gen_noise(&t.table, t.seed, n)
                                   : gen_program(&t.table, t.seed, n);
    gen_begin(&t.table, p, t.seed, n, t.state[0]);
    fisa_state_copy(t.state[1], t.state[0]);
    for (int i = 0; i < 2; i++) {
      t.side[i].number = n;
      t.side[i].taken = t.side[i].trace.count = 0;
      t.code[i] = vms[i].load(&vms[i], p, FHOST_LOAD_STEP, NULL);
    }
    for (int step = 0; step < 100; step++) {
      if (!run_both(&t, 1)) {
        t.failures++;
        UNIT_TRUE(0, "program %d, step %d: %s", (int)n, step, t.what);
      }
      if (t.failures > 0 || t.state[0]->status == FISA_RUN_HALT ||
          t.state[0]->status == FISA_RUN_END ||
          t.state[0]->status == FISA_RUN_FAULT)
        break;
    }
    for (int i = 0; i < 2; i++)
      vms[i].unload(t.code[i]);
    fisa_program_free(p);
  }
  pair_close(&t);
  UNIT_EQ(toy_hurt, 0);
}

static void steps_of_a_runner(void) {
  steps_like(&toy_run_adapter, false);
  steps_like(&toy_run_adapter, true);
}

static void steps_of_a_coarse_runner(void) {
  steps_like(&toy_coarse_adapter, false);
}

static const struct unit_test tests[] = {
  {"unified", "programs", unified_programs},
  {"unified", "noise", unified_noise},
  {"toy", "programs", toy_programs},
  {"toy", "noise", toy_noise},
  {"run alone", "steps", steps_of_a_runner},
  {"run alone", "coarse steps", steps_of_a_coarse_runner},
};

UNIT_MAIN(tests)
