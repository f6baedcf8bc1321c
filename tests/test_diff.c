/*
 * test_diff.c - the reference VM against the ir engine: two writings of every
 * row, held to each other on random programs. Everything that can be seen of
 * a run is compared: cells, memory, marks of stores, traffic with the
 * outside, pc, status, fault, cycles, fuel.
 *
 * FLUX_SOAK_PROGRAMS sets the number of programs, FLUX_SOAK_SEED the seed.
 */
#include "tests/gen.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "hostsdk/vm.h"
#include "isa/asm.h"

enum {
  PROGRAMS = 20000,
  NOISE = 6000,
  FUEL = 3000,
  SEGMENTS = 6,    /* runs of a task that stops at boundaries */
  FAILURES = 5     /* told before the test gives up */
};

/* What one engine saw of the outside. */
struct outside {
  uint64_t seed, number;
  uint32_t taken;
  struct fisa_trace trace;
};

static int32_t take(struct outside *o, uint16_t source, const int32_t *arg,
                    unsigned argc) {
  struct fisa_event e = {.argc = (uint8_t)argc, .name = source};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  e.value = gen_input(o->seed, o->number, o->taken++);
  if (fisa_trace_add(&o->trace, &e))
    abort();
  return e.value;
}

static void give(struct outside *o, uint16_t channel, const int32_t *arg,
                 unsigned argc) {
  struct fisa_event e = {.out = 1, .argc = (uint8_t)argc, .name = channel};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  if (fisa_trace_add(&o->trace, &e))
    abort();
}

static int32_t vm_input(uint16_t source, const int32_t *arg, unsigned argc,
                        void *user) {
  return take(user, source, arg, argc);
}

static void vm_output(uint16_t channel, const int32_t *arg, unsigned argc,
                      void *user) {
  give(user, channel, arg, argc);
}

static int ir_input(uint16_t source, const int32_t *arg, unsigned argc,
                    int32_t *value, void *user) {
  *value = take(user, source, arg, argc);
  return 0;
}

static int ir_output(uint16_t channel, const int32_t *arg, unsigned argc,
                     void *user) {
  give(user, channel, arg, argc);
  return 0;
}

/* ---- comparing ---------------------------------------------------------- */

/* Two engines side by side. */
struct pair {
  struct gen_table table;
  struct fisa_dialect *d;
  struct fir_lane *lane;
  struct fisa_state *vm, *ir;
  struct outside vm_side, ir_side;
  uint64_t seed;
  unsigned failures;
  unsigned segments, opaque, statuses[FISA_RUN_YIELD + 1];
  char what[160];
};

static bool differ(struct pair *t, const char *name, long long vm,
                   long long ir) {
  snprintf(t->what, sizeof(t->what), "%s: vm %lld, ir %lld", name, vm, ir);
  return false;
}

static bool same_cells(struct pair *t) {
  char name[FISA_MAX_NAME + 16];

  for (uint32_t f = 0; f < t->d->file_count; f++)
    for (uint32_t i = 0; i < t->d->files[f].count; i++) {
      uint32_t c = t->d->files[f].first + i;
      if (t->vm->cells[c] == t->ir->cells[c])
        continue;
      snprintf(name, sizeof(name), "%s%u", t->d->files[f].name, i);
      return differ(t, name, t->vm->cells[c], t->ir->cells[c]);
    }
  return true;
}

static bool same_memory(struct pair *t) {
  uint32_t size = t->d->mem_size;

  if (memcmp(t->vm->mem, t->ir->mem, size) != 0)
    for (uint32_t i = 0; i < size; i++)
      if (t->vm->mem[i] != t->ir->mem[i]) {
        snprintf(t->what, sizeof(t->what), "mem %u: vm %u, ir %u", i,
                 t->vm->mem[i], t->ir->mem[i]);
        return false;
      }
  if (memcmp(t->vm->written, t->ir->written, size / 8) != 0)
    return differ(t, "written", 0, 0);
  if (memcmp(t->vm->dirty, t->ir->dirty, size / FISA_PAGE / 8) != 0)
    return differ(t, "dirty", 0, 0);
  return true;
}

static bool same_traffic(struct pair *t) {
  const struct fisa_trace *vm = &t->vm_side.trace, *ir = &t->ir_side.trace;

  if (vm->count != ir->count)
    return differ(t, "events", vm->count, ir->count);
  for (uint32_t i = 0; i < vm->count; i++)
    if (!fisa_event_equal(&vm->events[i], &ir->events[i]))
      return differ(t, "event", i, i);
  return true;
}

static bool same(struct pair *t) {
  if (t->vm->status != t->ir->status)
    return differ(t, "status", t->vm->status, t->ir->status);
  if (t->vm->fault != t->ir->fault)
    return differ(t, "fault", t->vm->fault, t->ir->fault);
  if (t->vm->pc != t->ir->pc)
    return differ(t, "pc", t->vm->pc, t->ir->pc);
  if (t->vm->cycles != t->ir->cycles)
    return differ(t, "cycles", (long long)t->vm->cycles,
                  (long long)t->ir->cycles);
  return same_traffic(t) && same_cells(t) && same_memory(t);
}

static void tell(struct pair *t, const struct fisa_program *p,
                 uint64_t number, bool noise) {
  char *text = fisa_disassemble(p);

  UNIT_TRUE(0, "seed %llu %s %llu: %s", (unsigned long long)t->seed,
            noise ? "noise" : "program", (unsigned long long)number, t->what);
  if (t->failures++ < FAILURES)
    printf("%s\n", text ? text : "(no memory)");
  free(text);
}

/* ---- running ------------------------------------------------------------ */

static bool is_opaque(const struct pair *t) {
  return t->ir->status == FISA_RUN_FAULT &&
         t->ir->fault == t->d->lethal_code[FLUX_LETHAL_OPAQUE];
}

/* One stretch on both engines from equal states. */
static bool run_both(struct pair *t, const struct fvm_code *code,
                     const struct fir_program *ir, struct fir_limits limits) {
  const struct fvm_io vm_io = {vm_input, vm_output, &t->vm_side};
  const struct fir_io ir_io = {ir_input, ir_output, &t->ir_side};
  struct fvm_run run = {.fuel = limits.fuel,
                        .stop_at_yield = limits.stop_at_yield};
  struct fir_result r;

  fvm_exec(code, t->vm, &vm_io, &run);
  r = fir_run(ir, t->lane, t->ir, &ir_io, limits);
  if (is_opaque(t)) {
    t->opaque++;
    return true;
  }
  t->segments++;
  t->statuses[t->ir->status]++;
  if (!same(t))
    return false;
  if (r.instructions != limits.fuel - run.fuel)
    return differ(t, "fuel", (long long)(limits.fuel - run.fuel),
                  (long long)r.instructions);
  return true;
}

/* A boundary of a program of the differential: by its number. */
static void set_boundary(const struct pair *t, struct fisa_program *p,
                         uint64_t number) {
  struct fisa_boundary *b = &p->manifest.boundary;

  if (number % 8 == 0) {
    b->kind = FISA_BOUNDARY_PC;
    b->pc = (uint32_t)(number / 8 % p->size);
  } else if (number % 8 == 1 && t->d->channel_count > 0) {
    b->kind = FISA_BOUNDARY_OUT;
    b->channel = (uint16_t)(number / 8 % t->d->channel_count);
  }
}

static uint64_t fuel_of(uint64_t number) {
  return number % 16 == 5 ? number / 16 % 40 : FUEL;
}

static void compare(struct pair *t, uint64_t number, bool noise) {
  struct fisa_program *p = noise ? gen_noise(&t->table, t->seed, number)
                                 : gen_program(&t->table, t->seed, number);
  struct fir_limits limits = {fuel_of(number), number % 3 == 0};
  struct fir_program *ir = NULL;
  struct fvm_code *code = NULL;
  struct fisa_error err = {""};

  if (!p) {
    UNIT_TRUE(0, "out of memory");
    return;
  }
  set_boundary(t, p, number);
  gen_begin(&t->table, p, t->seed, number, t->vm);
  fisa_state_copy(t->ir, t->vm);
  t->vm_side.number = t->ir_side.number = number;
  t->vm_side.taken = t->ir_side.taken = 0;
  t->vm_side.trace.count = t->ir_side.trace.count = 0;
  code = fvm_code_new(p, true);
  if (!code || fir_lower(p, &ir, &err)) {
    UNIT_TRUE(0, "program %llu: %s", (unsigned long long)number, err.text);
  } else {
    for (int i = 0; i < SEGMENTS; i++) {
      if (!run_both(t, code, ir, limits)) {
        tell(t, p, number, noise);
        break;
      }
      if (t->ir->status != FISA_RUN_YIELD)
        break;
    }
  }
  fir_free(ir);
  fvm_code_free(code);
  fisa_program_free(p);
}

static uint64_t env_number(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);

  return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void differential(uint64_t programs, bool noise) {
  struct pair t = {.seed = env_number("FLUX_SOAK_SEED", 20260101)};
  struct fisa_error err;

  if (!UNIT_EQ(fisa_dialect_builtin("unified", true, &t.d, &err), 0))
    return;
  gen_table_init(&t.table, t.d);
  t.lane = fir_lane_new();
  t.vm = fisa_state_new(t.d);
  t.ir = fisa_state_new(t.d);
  t.vm_side.seed = t.ir_side.seed = t.seed;
  for (uint64_t n = 0; n < programs && t.failures < FAILURES; n++)
    compare(&t, n, noise);
  printf(" seed %llu, %llu programs, %u runs (halt %u end %u fault %u fuel %u "
         "yield %u, opaque %u)",
         (unsigned long long)t.seed, (unsigned long long)programs, t.segments,
         t.statuses[0], t.statuses[1], t.statuses[2], t.statuses[3],
         t.statuses[4], t.opaque);
  fisa_trace_done(&t.vm_side.trace);
  fisa_trace_done(&t.ir_side.trace);
  fisa_state_free(t.vm);
  fisa_state_free(t.ir);
  fir_lane_free(t.lane);
  fisa_dialect_free(t.d);
}

static void programs(void) {
  differential(env_number("FLUX_SOAK_PROGRAMS", unit_scale(PROGRAMS)), false);
}

static void noise(void) {
  differential(env_number("FLUX_SOAK_PROGRAMS", unit_scale(NOISE)), true);
}

static const struct unit_test tests[] = {
    {"vm against ir", "programs", programs},
    {"vm against ir", "noise", noise},
};

UNIT_MAIN(tests)
