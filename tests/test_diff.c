/*
 * test_diff.c - machines against the ir engine: two writings of every row,
 * held to each other on random programs. The reference VM of unified, and the
 * VMs of samples/ behind their adapters. Everything that can be seen of a run
 * is compared: cells, memory, marks of stores, traffic with the outside, pc,
 * status, fault, cycles, fuel.
 *
 * FLUX_SOAK_PROGRAMS sets the number of programs of each dialect,
 * FLUX_SOAK_SEED the seed. An argument names a dialect.
 */
#include "tests/gen.h"
#include "tests/unit.h"
#include "tests/vms.h"

#include <stdatomic.h>
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

/* ---- comparing ---------------------------------------------------------- */

/* Two engines side by side, and a program in them. */
struct pair {
  struct gen_table table;
  struct fisa_dialect *d;
  const struct fhost_vm *adapted; /* NULL: the reference VM */
  struct fir_lane *lane;
  struct fisa_state *vm, *ir;
  struct gen_outside vm_side, ir_side;
  uint64_t seed;
  unsigned failures;
  unsigned segments, opaque, nans, statuses[FISA_RUN_YIELD + 1];
  char what[160];

  const struct fisa_program *p;
  struct fir_program *lowered;
  struct fvm_code *code;        /* of the reference VM */
  void *loaded;                 /* of an adapted one */
  _Atomic uint64_t *counts;     /* of its instructions, by pc */
  bool stop_at_yield;

  bool bare_floats;             /* see watch */
  uint32_t last_pc;
  uint64_t steps, nan_step;
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
  uint32_t pages = size / FISA_PAGE;

  if (memcmp(t->vm->mem, t->ir->mem, size) != 0)
    for (uint32_t i = 0; i < size; i++)
      if (t->vm->mem[i] != t->ir->mem[i]) {
        snprintf(t->what, sizeof(t->what), "mem %u: vm %u, ir %u", i,
                 t->vm->mem[i], t->ir->mem[i]);
        return false;
      }
  if (memcmp(t->vm->written, t->ir->written, size / 8) != 0)
    return differ(t, "written", 0, 0);
  if (memcmp(t->vm->dirty, t->ir->dirty, (pages + 63) / 64 * 8) != 0)
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

static void tell(struct pair *t, uint64_t number, bool noise) {
  char *text = fisa_disassemble(t->p);

  UNIT_TRUE(0, "%s seed %llu %s %llu: %s", t->d->name,
            (unsigned long long)t->seed, noise ? "noise" : "program",
            (unsigned long long)number, t->what);
  if (t->failures++ < FAILURES)
    printf("%s\n", text ? text : "(no memory)");
  free(text);
}

/* ---- where bits are the host's ------------------------------------------ */

/* The cell of an integer file into which a step writes a float, or -1. A NaN
 * there has the bits that the machine's host gives it, and other rows see
 * them; in a file of floats they stay out of sight. */
static int float_cell(const struct pair *t, const struct fisa_insn *in,
                      const struct fisa_step *s) {
  bool makes_float = s->op == FLUX_OP_FADD || s->op == FLUX_OP_FSUB ||
                     s->op == FLUX_OP_FMUL || s->op == FLUX_OP_FDIV;

  if (!makes_float || s->d.kind != FISA_REF_REG ||
      t->d->files[s->d.file].type != FISA_I32)
    return -1;
  return fisa_reg_cell(t->d, s->d.file, in->value[s->d.operand]) + s->d.value;
}

static bool is_nan(int32_t bits) {
  return (bits & 0x7FFFFFFF) > 0x7F800000;
}

/* Looks at what the instruction at last_pc, which has run, wrote. */
static void look_back(struct pair *t, const int32_t *cells) {
  struct fisa_insn in;

  if (t->nan_step != 0 || t->last_pc == UINT32_MAX ||
      fisa_decode(t->d, t->p->code, t->p->size, t->last_pc, &in) !=
          FISA_DECODED)
    return;
  for (unsigned i = 0; i < in.row->step_count; i++) {
    int cell = float_cell(t, &in, &in.row->steps[i]);
    if (cell >= 0 && is_nan(cells[cell]))
      t->nan_step = t->steps;
  }
}

static void watch(uint32_t pc, const int32_t *cells, void *user) {
  struct pair *t = user;

  look_back(t, cells);
  t->last_pc = pc;
  t->steps++;
}

static bool has_bare_floats(const struct pair *t) {
  const struct fisa_insn none = {0};

  for (int i = 0; i < 256; i++)
    for (unsigned k = 0; k < t->d->rows[i].step_count; k++)
      if (float_cell(t, &none, &t->d->rows[i].steps[k]) >= 0)
        return true;
  return false;
}

/* ---- running ------------------------------------------------------------ */

static struct fir_result run_ir(struct pair *t, uint64_t fuel) {
  const struct fir_io io = {gen_ir_take, gen_ir_give, &t->ir_side};
  const struct fir_limits limits = {fuel, t->stop_at_yield};
  struct fir_result r;

  if (!t->bare_floats)
    return fir_run(t->lowered, t->lane, t->ir, &io, limits);
  t->last_pc = UINT32_MAX;
  t->steps = t->nan_step = 0;
  r = fir_run_visit(t->lowered, t->lane, t->ir, &io, limits, watch, t);
  look_back(t, t->ir->cells);
  return r;
}

/* Whether a run came to an instruction that the code ends in, which is none
 * and yet counted by pc. */
static bool ended_in_a_cut_one(const struct pair *t) {
  struct fisa_insn in;

  return t->vm->status == FISA_RUN_FAULT &&
         t->vm->fault == t->d->truncated_fault &&
         fisa_decode(t->d, t->p->code, t->p->size, t->vm->pc, &in) ==
             FISA_DECODE_TRUNCATED;
}

/* Returns how many instructions it took. */
static uint64_t run_vm(struct pair *t, uint64_t fuel) {
  const struct fvm_io vm_io = {gen_take, gen_give, &t->vm_side};
  const struct fhost_vm_io io = {gen_take, gen_give, &t->vm_side, NULL};
  struct fvm_run run = {.fuel = fuel, .stop_at_yield = t->stop_at_yield};
  uint64_t n = 0;

  if (t->code) {
    fvm_exec(t->code, t->vm, &vm_io, &run);
    return fuel - run.fuel;
  }
  for (uint32_t i = 0; i < t->p->size; i++)
    atomic_store_explicit(&t->counts[i], 0, memory_order_relaxed);
  t->adapted->run(t->loaded, t->vm, &io, fuel, t->counts);
  for (uint32_t i = 0; i < t->p->size; i++)
    n += atomic_load_explicit(&t->counts[i], memory_order_relaxed);
  return n - ended_in_a_cut_one(t);
}

/* How far two runs from here can be compared, if not to their end: up to a
 * row without offline meaning, or a float that shows its NaN. */
static bool cut(struct pair *t, struct fir_result r, uint64_t *fuel) {
  bool opaque = t->ir->status == FISA_RUN_FAULT &&
                t->ir->fault == t->d->lethal_code[FLUX_LETHAL_OPAQUE];

  if (t->bare_floats && t->nan_step != 0)
    *fuel = t->nan_step - 1;
  else if (opaque)
    *fuel = r.instructions - 1;
  else
    return false;
  t->nans += t->bare_floats && t->nan_step != 0;
  t->opaque += !(t->bare_floats && t->nan_step != 0);
  return true;
}

/* One stretch on both engines from equal states. */
static bool run_both(struct pair *t, uint64_t fuel, bool *last) {
  struct fir_result r = run_ir(t, fuel);
  uint64_t used;

  *last = cut(t, r, &fuel);
  if (*last) { /* once more, up to there */
    fisa_state_copy(t->ir, t->vm);
    t->ir_side.trace.count = t->vm_side.trace.count;
    t->ir_side.taken = t->vm_side.taken;
    r = run_ir(t, fuel);
  }
  used = run_vm(t, fuel);
  t->segments++;
  t->statuses[t->ir->status]++;
  if (!same(t))
    return false;
  if (r.instructions != used)
    return differ(t, "fuel", (long long)used, (long long)r.instructions);
  *last |= t->ir->status != FISA_RUN_YIELD;
  return true;
}

static bool load(struct pair *t, struct fisa_error *err) {
  if (fir_lower(t->p, &t->lowered, err))
    return false;
  if (!t->adapted) {
    t->code = fvm_code_new(t->p, true);
    return t->code != NULL;
  }
  t->loaded = t->adapted->load(t->adapted, t->p,
                               t->stop_at_yield ? 0 : FHOST_LOAD_THROUGH, err);
  return t->loaded != NULL;
}

static void unload(struct pair *t) {
  fir_free(t->lowered);
  fvm_code_free(t->code);
  if (t->loaded)
    t->adapted->unload(t->loaded);
  t->lowered = NULL;
  t->code = NULL;
  t->loaded = NULL;
}

static uint64_t fuel_of(uint64_t number) {
  return number % 16 == 5 ? number / 16 % 40 : FUEL;
}

static void compare(struct pair *t, uint64_t number, bool noise) {
  struct fisa_program *p = noise ? gen_noise(&t->table, t->seed, number)
                                 : gen_program(&t->table, t->seed, number);
  struct fisa_error err = {""};
  bool last = false;

  if (!p) {
    UNIT_TRUE(0, "out of memory");
    return;
  }
  gen_boundary(&t->table, p, number);
  t->p = p;
  t->stop_at_yield = number % 3 == 0;
  gen_begin(&t->table, p, t->seed, number, t->vm);
  fisa_state_copy(t->ir, t->vm);
  t->vm_side.number = t->ir_side.number = number;
  t->vm_side.taken = t->ir_side.taken = 0;
  t->vm_side.trace.count = t->ir_side.trace.count = 0;
  if (!load(t, &err))
    UNIT_TRUE(0, "program %llu: %s", (unsigned long long)number, err.text);
  else
    for (int i = 0; i < SEGMENTS && !last; i++)
      if (!run_both(t, fuel_of(number), &last)) {
        tell(t, number, noise);
        break;
      }
  unload(t);
  fisa_program_free(p);
}

static bool open_pair(struct pair *t, const char *dialect) {
  const struct fhost_vm *vm = vm_of(dialect);
  struct fisa_error err = {""};

  memset(t, 0, sizeof(*t));
  t->adapted = vm == &fhost_vm_reference ? NULL : vm;
  t->seed = unit_number("FLUX_SOAK_SEED", 20260101);
  if (!UNIT_EQ(fisa_dialect_builtin(dialect, true, &t->d, &err), 0))
    return false;
  gen_table_init(&t->table, t->d);
  t->bare_floats = has_bare_floats(t);
  t->lane = fir_lane_new();
  t->vm = fisa_state_new(t->d);
  t->ir = fisa_state_new(t->d);
  t->counts = calloc(FISA_MAX_CODE, sizeof(*t->counts));
  t->vm_side.seed = t->ir_side.seed = t->seed;
  CU_ASSERT_FATAL(t->lane && t->vm && t->ir && t->counts);
  return true;
}

static void close_pair(struct pair *t) {
  fisa_trace_done(&t->vm_side.trace);
  fisa_trace_done(&t->ir_side.trace);
  fisa_state_free(t->vm);
  fisa_state_free(t->ir);
  fir_lane_free(t->lane);
  fisa_dialect_free(t->d);
  free((void *)(uintptr_t)t->counts);
}

static void differential(const char *dialect, uint64_t programs,
                         bool noise) {
  struct pair t;

  if (open_pair(&t, dialect)) {
    for (uint64_t n = 0; n < programs && t.failures < FAILURES; n++)
      compare(&t, n, noise);
    printf(" seed %llu, %llu programs, %u runs (halt %u end %u fault %u fuel "
           "%u yield %u; up to an opaque row %u, up to a NaN %u)",
           (unsigned long long)t.seed, (unsigned long long)programs,
           t.segments, t.statuses[0], t.statuses[1], t.statuses[2],
           t.statuses[3], t.statuses[4], t.opaque, t.nans);
    for (int i = 0; i <= FISA_RUN_YIELD; i++)
      UNIT_TRUE(programs < 1000 || t.statuses[i] > 0, "no run of status %d",
                i);
  }
  close_pair(&t);
}

static void programs_of(const char *dialect) {
  differential(dialect, unit_number("FLUX_SOAK_PROGRAMS", unit_scale(PROGRAMS)),
               false);
}

static void noise_of(const char *dialect) {
  differential(dialect, unit_number("FLUX_SOAK_PROGRAMS", unit_scale(NOISE)),
               true);
}

#define DIALECT(name) \
  static void name##_programs(void) { programs_of(#name); } \
  static void name##_noise(void) { noise_of(#name); }
DIALECT(unified)
DIALECT(classic)
DIALECT(seed)

static const struct unit_test tests[] = {
    {"unified", "programs", unified_programs},
    {"unified", "noise", unified_noise},
    {"classic", "programs", classic_programs},
    {"classic", "noise", classic_noise},
    {"seed", "programs", seed_programs},
    {"seed", "noise", seed_noise},
};

UNIT_MAIN(tests)
