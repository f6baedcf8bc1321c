/*
 * test_strangers.c - the two VMs of samples/ that know nothing of us, as
 * modules: each row against the oracle of its dialect, and random programs
 * against the ir engine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "hostsdk/machines.h"
#include "isa/asm.h"
#include "tests/gen.h"
#include "tests/oracle.h"
#include "tests/unit.h"

enum { CASES_A_ROW = 6, PROGRAMS = 5000, FUEL = 300, SEGMENTS = 4,
       FAILURES = 3 };

static struct fhost_machines *machines;

/* The VM of a dialect, from its module. */
static const struct fhost_vm *module(const char *dialect) {
  struct fisa_error err = {""};
  const struct fhost_vm *vm;

  if (!machines)
    machines = fhost_machines_new(unit_built("lib/flux"));
  vm = fhost_machines_vm(machines, dialect, &err);
  if (!vm) {
    printf("%s\n", err.text);
    exit(1);
  }
  return vm;
}

static struct fisa_dialect *builtin(const char *name) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};

  if (fisa_dialect_builtin(name, true, &d, &err) != 0) {
    printf("%s\n", err.text);
    exit(1);
  }
  return d;
}

/* ---- the oracle --------------------------------------------------------- */

static int32_t port_input(uint16_t source, const int32_t *arg, unsigned argc,
                          void *user) {
  int32_t value;

  oracle_input(user, source, arg, argc, &value);
  return value;
}

static void port_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  oracle_output(user, channel, arg, argc);
}

static int step(const struct fisa_program *p, struct fisa_state *s,
                struct oracle_port *port, void *user) {
  const struct fhost_vm_io io = {port_input, port_output, port};
  const struct fhost_vm *vm = user;
  struct fisa_error err = {""};
  void *code = vm->load(vm, p, FHOST_LOAD_THROUGH, &err);

  if (!code) {
    printf("%s\n", err.text);
    return -1;
  }
  vm->run(code, s, &io, 1, NULL);
  vm->unload(code);
  return 0;
}

static void every_row(const char *name) {
  const struct oracle_engine vm = {
    name, step, (void *)(uintptr_t)module(name), false,
  };
  struct fisa_dialect *d = builtin(name);
  struct oracle_tally tally;

  oracle_run(&vm, name, &tally);
  printf(" %u cases", tally.cases);
  for (int i = 0; i < 256; i++)
    if (d->rows[i].defined && !d->rows[i].opaque)
      UNIT_TRUE(tally.of_opcode[i] >= CASES_A_ROW, "%s has %u cases",
                d->rows[i].name, tally.of_opcode[i]);
  fisa_dialect_free(d);
}

static void classic_rows(void) {
  every_row("classic");
}

static void seed_rows(void) {
  every_row("seed");
}

/* ---- random programs ---------------------------------------------------- */

struct duel {
  struct gen_table table;
  struct fisa_dialect *d;
  const struct fhost_vm *vm;
  struct fir_lane *lane;
  struct fisa_state *real, *ir;
  struct fisa_trace real_trace, ir_trace;
  uint64_t number;
  uint32_t real_taken, ir_taken;
  unsigned failures, runs, untold, statuses[FISA_RUN_YIELD + 1];
};

static void note(struct fisa_trace *t, bool out, uint16_t name,
                 const int32_t *arg, unsigned argc, int32_t value) {
  struct fisa_event e = {.out = out, .argc = (uint8_t)argc, .name = name,
                         .value = value};

  for (unsigned i = 0; i < argc; i++)
    e.arg[i] = arg[i];
  if (fisa_trace_add(t, &e) != 0)
    abort();
}

static int32_t real_input(uint16_t source, const int32_t *arg, unsigned argc,
                          void *user) {
  struct duel *t = user;
  int32_t v = gen_input(1, t->number, t->real_taken++);

  note(&t->real_trace, false, source, arg, argc, v);
  return v;
}

static void real_output(uint16_t channel, const int32_t *arg, unsigned argc,
                        void *user) {
  note(&((struct duel *)user)->real_trace, true, channel, arg, argc, 0);
}

static int ir_input(uint16_t source, const int32_t *arg, unsigned argc,
                    int32_t *value, void *user) {
  struct duel *t = user;

  *value = gen_input(1, t->number, t->ir_taken++);
  note(&t->ir_trace, false, source, arg, argc, *value);
  return 0;
}

static int ir_output(uint16_t channel, const int32_t *arg, unsigned argc,
                     void *user) {
  note(&((struct duel *)user)->ir_trace, true, channel, arg, argc, 0);
  return 0;
}

static const char *difference(const struct duel *t) {
  const struct fisa_state *a = t->real, *b = t->ir;

  if (a->status != b->status) return "status";
  if (a->fault != b->fault) return "fault";
  if (a->pc != b->pc) return "pc";
  if (a->cycles != b->cycles) return "cycles";
  for (uint32_t i = 0; i < a->cell_count; i++)
    if (a->cells[i] != b->cells[i]) {
      printf("cell %u: %d and %d\n", i, a->cells[i], b->cells[i]);
      return "cells";
    }
  if (memcmp(a->mem, b->mem, a->mem_size) != 0) return "memory";
  if (memcmp(a->written, b->written, a->mem_size / 8) != 0) return "marks";
  if (t->real_trace.count != t->ir_trace.count) return "number of events";
  for (uint32_t i = 0; i < t->real_trace.count; i++)
    if (!fisa_event_equal(&t->real_trace.events[i], &t->ir_trace.events[i]))
      return "event";
  return NULL;
}

/* Whether the table has nothing to say of where the run came. */
static bool is_untold(const struct duel *t) {
  return t->ir->status == FISA_RUN_FAULT &&
         (t->ir->fault == t->d->lethal_code[FLUX_LETHAL_OPAQUE] ||
          t->ir->fault == t->d->lethal_code[FLUX_LETHAL_ALWAYS]);
}

static bool run_both(struct duel *t, void *code, const struct fir_program *ir,
                     const struct fisa_program *p) {
  const struct fhost_vm_io real_io = {real_input, real_output, t};
  const struct fir_io ir_io = {ir_input, ir_output, t};
  const char *what;
  char *text;

  t->vm->run(code, t->real, &real_io, FUEL, NULL);
  fir_run(ir, t->lane, t->ir, &ir_io, (struct fir_limits){FUEL, true});
  if (is_untold(t)) {
    t->untold++;
    return false;
  }
  t->runs++;
  t->statuses[t->ir->status]++;
  what = difference(t);
  if (what && t->failures++ < FAILURES) {
    text = fisa_disassemble(p);
    UNIT_TRUE(0, "program %d: %s", (int)t->number, what);
    printf("%s pc %u and %u, status %d and %d, fault %d and %d\n",
           text ? text : "", t->real->pc, t->ir->pc, t->real->status,
           t->ir->status, t->real->fault, t->ir->fault);
    free(text);
  }
  return !what && t->ir->status == FISA_RUN_YIELD;
}

static void compare(struct duel *t, bool noise) {
  struct fisa_program *p = noise ? gen_noise(&t->table, 1, t->number)
                                 : gen_program(&t->table, 1, t->number);
  struct fir_program *ir = NULL;
  struct fisa_error err = {""};
  void *code;

  gen_begin(&t->table, p, 1, t->number, t->real);
  fisa_state_copy(t->ir, t->real);
  t->real_trace.count = t->ir_trace.count = 0;
  t->real_taken = t->ir_taken = 0;
  code = t->vm->load(t->vm, p, 0, &err);
  if (UNIT_TRUE(code && fir_lower(p, &ir, &err) == 0, "%s", err.text))
    for (int i = 0; i < SEGMENTS; i++)
      if (!run_both(t, code, ir, p))
        break;
  if (code)
    t->vm->unload(code);
  fir_free(ir);
  fisa_program_free(p);
}

static void against_ir(const char *name, bool noise) {
  struct duel t = {.d = builtin(name), .vm = module(name)};

  gen_table_init(&t.table, t.d);
  t.lane = fir_lane_new();
  t.real = fisa_state_new(t.d);
  t.ir = fisa_state_new(t.d);
  for (; t.number < unit_scale(PROGRAMS) && t.failures < FAILURES; t.number++)
    compare(&t, noise);
  printf(" %u runs (halt %u end %u fault %u fuel %u yield %u, untold %u)",
         t.runs, t.statuses[0], t.statuses[1], t.statuses[2], t.statuses[3],
         t.statuses[4], t.untold);
  UNIT_TRUE(t.runs > unit_scale(PROGRAMS) / 4, "%u runs are few", t.runs);
  fisa_trace_done(&t.real_trace);
  fisa_trace_done(&t.ir_trace);
  fisa_state_free(t.real);
  fisa_state_free(t.ir);
  fir_lane_free(t.lane);
  fisa_dialect_free(t.d);
}

static void classic_programs(void) {
  against_ir("classic", false);
}

static void classic_noise(void) {
  against_ir("classic", true);
}

static void seed_programs(void) {
  against_ir("seed", false);
}

static void seed_noise(void) {
  against_ir("seed", true);
}

static const struct unit_test tests[] = {
  {"every row", "classic", classic_rows},
  {"every row", "seed", seed_rows},
  {"random", "classic programs", classic_programs},
  {"random", "classic noise", classic_noise},
  {"random", "seed programs", seed_programs},
  {"random", "seed noise", seed_noise},
};

UNIT_MAIN(tests)
