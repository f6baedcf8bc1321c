/*
 * test_vm.c - whole programs on the reference VM: fuel, boundaries, counting,
 * jumps into instructions, malformed code, the order of faults, and random
 * code beside a plain interpreter.
 */
#include "tests/plain_vm.h"
#include "tests/unit.h"

#include "hostsdk/vm.h"
#include "isa/asm.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/unified_gen.h"

enum { MAX_EVENTS = 64, PLENTY = 100000 };

/* A program, its code and a state, and what crossed the border. */
struct rig {
  struct fisa_dialect *d;
  struct fisa_program *p;
  struct fvm_code *code;
  struct fisa_state *s;
  struct fvm_io io;
  int32_t feed[8];  /* the values that input gives, in turn */
  unsigned fed;
  struct fisa_event event[MAX_EVENTS];
  unsigned count;
};

static int32_t give(uint16_t source, const int32_t *arg, unsigned argc,
                    void *user) {
  struct rig *g = user;
  struct fisa_event *e = &g->event[g->count++ % MAX_EVENTS];

  (void)arg;
  memset(e, 0, sizeof *e);
  e->name = source;
  e->argc = (uint8_t)argc;
  e->value = g->feed[g->fed++ % 8];
  return e->value;
}

static void take(uint16_t channel, const int32_t *arg, unsigned argc,
                 void *user) {
  struct rig *g = user;
  struct fisa_event *e = &g->event[g->count++ % MAX_EVENTS];

  memset(e, 0, sizeof *e);
  e->out = 1;
  e->name = channel;
  e->argc = (uint8_t)argc;
  memcpy(e->arg, arg, argc * sizeof *arg);
}

static void rig_done(struct rig *g) {
  fisa_state_free(g->s);
  fvm_code_free(g->code);
  fisa_program_free(g->p);
  fisa_dialect_free(g->d);
}

/* 1 when all is there; else a check failed and nothing is. */
static int rig_finish(struct rig *g, int made, const struct fisa_error *err) {
  if (UNIT_TRUE(made == 0, "%s", err->text)) {
    g->code = fvm_code_new(g->p, true);
    g->s = fisa_state_new(g->d);
  }
  if (!UNIT_TRUE(g->code && g->s, "no code or no state")) {
    rig_done(g);
    return 0;
  }
  g->io = (struct fvm_io){ give, take, g };
  fisa_state_start(g->p, g->s);
  return 1;
}

static int rig_text(struct rig *g, const char *text) {
  struct fisa_error err = { "" };
  int rc;

  memset(g, 0, sizeof *g);
  rc = fisa_dialect_builtin("unified", true, &g->d, &err);
  if (rc == 0)
    rc = fisa_assemble(g->d, text, strlen(text), "test", &g->p, &err);
  return rig_finish(g, rc, &err);
}

static int rig_bytes(struct rig *g, const uint8_t *code, size_t size,
                     bool bound) {
  struct fisa_error err = { "" };
  int rc;

  memset(g, 0, sizeof *g);
  rc = fisa_dialect_builtin("unified", bound, &g->d, &err);
  if (rc == 0)
    rc = fisa_program_from_bytes(g->d, code, size, &g->p, &err);
  return rig_finish(g, rc, &err);
}

static int rig_run(struct rig *g, uint64_t fuel, bool stop) {
  struct fvm_run run = { .fuel = fuel, .stop_at_yield = stop };

  return fvm_exec(g->code, g->s, &g->io, &run);
}

#define REG(g, n) ((g)->s->cells[UNI_CELL_R + (n)])

/* ---- whole programs ----------------------------------------------------- */

static void counted_sum(void) {
  struct rig g;

  if (!rig_text(&g, "        MOVI16 R1, 1000\n"
                    "again:  ADD    R3, R3, R1\n"
                    "        DEC    R1\n"
                    "        JNE    R1, again\n"
                    "        HALT\n"))
    return;
  UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_HALT);
  UNIT_EQ(REG(&g, 3), 500500);
  UNIT_EQ(REG(&g, 1), 0);
  UNIT_EQ(g.s->cycles, 1 + 3 * 1000 + 1);
  UNIT_EQ(g.s->pc, g.p->size);
  UNIT_EQ(g.s->fault, 0);
  UNIT_EQ(g.s->cells[UNI_CELL_Z], 1);
  UNIT_EQ(g.s->cells[UNI_CELL_N], 0);
  rig_done(&g);
}

/* Recursion: each call has its filler byte, which RET skips. */
static void factorial(void) {
  struct rig g;

  if (!rig_text(&g, "        MOVI   R1, 10\n"
                    "        CALL   R0, fact\n"
                    "        .byte  0xFF\n"
                    "        HALT\n"
                    "fact:   JNE    R1, more\n"
                    "        MOVI   R2, 1\n"
                    "        RET\n"
                    "more:   PUSH   R1\n"
                    "        DEC    R1\n"
                    "        CALL   R0, fact\n"
                    "        .byte  0xFF\n"
                    "        POP    R1\n"
                    "        MUL    R2, R2, R1\n"
                    "        RET\n"))
    return;
  UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_HALT);
  UNIT_EQ(REG(&g, 2), 3628800);
  UNIT_EQ(g.s->cells[UNI_CELL_SP], 256);
  rig_done(&g);
}

static void memory_program(void) {
  struct rig g;

  if (!rig_text(&g, ".data 0x100 ascii \"flux\"\n"
                    "        MOVI16 R1, 0x100\n"
                    "        MOVI16 R2, 0x200\n"
                    "        MEMCPY R2, R1, 4\n"
                    "        MEMCMP R1, R2, 4\n"
                    "        CRC32  R3, R2, 4\n"
                    "        STOREI R3, R0, -2\n"
                    "        HALT\n"))
    return;
  UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_HALT);
  UNIT_MEM_EQ(g.s->mem + 0x200, "flux", 4);
  UNIT_EQ(g.s->cells[UNI_CELL_Z], 1);
  UNIT_EQ(g.s->written[0x100 / 64], 0);
  UNIT_EQ(g.s->written[0x200 / 64], 15);
  UNIT_EQ(g.s->written[0], 3);
  UNIT_EQ(g.s->written[1023] >> 62, 3);
  UNIT_EQ(g.s->dirty[0] & 7, 7);
  UNIT_EQ(g.s->dirty[3] >> 63, 1);
  rig_done(&g);
}

static void outside(void) {
  struct rig g;
  static const int32_t feed[] = { 21, -7, 40 };

  if (!rig_text(&g, "        SENSE  R1\n"
                    "        TEMP   R0\n"
                    "        RAND   R2\n"
                    "        TELL   R1, R2, R0\n"
                    "        SYS    7\n"
                    "        HALT\n"))
    return;
  memcpy(g.feed, feed, sizeof feed);
  UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_HALT);
  if (UNIT_EQ(g.count, 5)) {
    UNIT_STR_EQ(g.d->sources[g.event[0].name], "SENSE");
    UNIT_STR_EQ(g.d->sources[g.event[1].name], "TEMP");
    UNIT_STR_EQ(g.d->sources[g.event[2].name], "RAND");
    UNIT_STR_EQ(g.d->channels[g.event[3].name], "TELL");
    UNIT_EQ(g.event[3].argc, 3);
    UNIT_EQ(g.event[3].arg[0], 21);
    UNIT_EQ(g.event[3].arg[1], 40);
    UNIT_EQ(g.event[3].arg[2], 0);
    UNIT_STR_EQ(g.d->channels[g.event[4].name], "SYS");
    UNIT_EQ(g.event[4].argc, 2);
    UNIT_EQ(g.event[4].arg[0], 7);
    UNIT_EQ(g.event[4].arg[1], 21);
  }
  UNIT_EQ(REG(&g, 1), 21);
  UNIT_EQ(REG(&g, 2), 40);
  rig_done(&g);
}

/* Without a port values are 0 and outputs go nowhere. */
static void no_outside(void) {
  struct fvm_io empty = { NULL, NULL, NULL };
  struct fvm_run run = { .fuel = PLENTY };
  struct rig g;

  if (!rig_text(&g, "SENSE R1\nTELL R1, R1, R1\nSYS 3\nRAND R2\nHALT\n"))
    return;
  REG(&g, 1) = 9;
  UNIT_EQ(fvm_exec(g.code, g.s, NULL, &run), FISA_RUN_HALT);
  UNIT_EQ(REG(&g, 1), 0);
  fisa_state_start(g.p, g.s);
  REG(&g, 1) = 9;
  UNIT_EQ(fvm_exec(g.code, g.s, &empty, &run), FISA_RUN_HALT);
  UNIT_EQ(REG(&g, 1), 0);
  UNIT_EQ(run.fuel, PLENTY - 10);
  rig_done(&g);
}

static void two_states_one_code(void) {
  struct rig g;
  struct fisa_state *other;
  struct fvm_run run = { .fuel = PLENTY };

  if (!rig_text(&g, "again: ADDI R2, 3\nDEC R1\nJNE R1, again\nHALT\n"))
    return;
  other = fisa_state_new(g.d);
  if (UNIT_TRUE(other != NULL, "no state")) {
    REG(&g, 1) = 5;
    other->cells[UNI_CELL_R + 1] = 50;
    rig_run(&g, PLENTY, false);
    fvm_exec(g.code, other, NULL, &run);
    UNIT_EQ(REG(&g, 2), 15);
    UNIT_EQ(other->cells[UNI_CELL_R + 2], 150);
  }
  fisa_state_free(other);
  rig_done(&g);
}

static void dispatch_name(void) {
#ifdef FVM_SWITCH_DISPATCH
  UNIT_STR_EQ(fvm_dispatch_name(), "switch");
#else
  UNIT_STR_EQ(fvm_dispatch_name(), "computed-goto");
#endif
}

/* A table of another layout is not the VM's. */
static void foreign_dialect(void) {
  struct rig g;
  uint32_t cells;

  if (!rig_text(&g, "HALT\n"))
    return;
  cells = g.d->cell_count;
  g.d->cell_count--;
  UNIT_TRUE(fvm_code_new(g.p, true) == NULL, "fewer cells were taken");
  g.d->cell_count = cells;
  g.d->rows[UNI_ADD].length = 5;
  UNIT_TRUE(fvm_code_new(g.p, true) == NULL, "another length was taken");
  g.d->rows[UNI_ADD].length = 4;
  fvm_code_free(NULL);
  rig_done(&g);
}

/* ---- fuel --------------------------------------------------------------- */

static const char loop_text[] =
    "        MOVI    R1, 20\n"
    "again:  STRIPCF 3\n"
    "        CONF_ADD R2, R2, R1\n"
    "        CALL    R0, sub\n"
    "        .byte   1\n"
    "        CYCLE_READ R5\n"
    "        LOOP    R1, again\n"
    "        FORK    R6\n"
    "        HALT\n"
    "sub:    CONF_MERGE R3, R2, R1\n"
    "        STOREI  R1, R0, 0x40\n"
    "        SUBI    R4, 1\n"
    "        RET\n";

static void fuel_is_exact(void) {
  struct rig g;
  struct fvm_run run;

  if (!rig_text(&g, loop_text))
    return;
  for (uint64_t fuel = 0; fuel < 8; fuel++) {
    fisa_state_start(g.p, g.s);
    run = (struct fvm_run){ .fuel = fuel };
    UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_FUEL);
    UNIT_EQ(g.s->cycles, fuel);
    UNIT_EQ(run.fuel, 0);
  }
  fisa_state_start(g.p, g.s);
  run = (struct fvm_run){ .fuel = UINT64_MAX };
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_HALT);
  UNIT_EQ(UINT64_MAX - run.fuel, g.s->cycles - 10);
  fisa_state_start(g.p, g.s);
  run = (struct fvm_run){ .fuel = 1 + 20 * 9 + 2 };
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_HALT);
  UNIT_EQ(run.fuel, 0);
  rig_done(&g);
}

static int same_state(const struct fisa_state *a, const struct fisa_state *b) {
  return a->pc == b->pc && a->status == b->status && a->fault == b->fault &&
         a->cycles == b->cycles &&
         memcmp(a->cells, b->cells, a->cell_count * sizeof *a->cells) == 0 &&
         memcmp(a->mem, b->mem, a->mem_size) == 0 &&
         memcmp(a->written, b->written, a->mem_size / 8) == 0;
}

/* Slices of any size come to what one run comes to: STRIP, flags and all. */
static void slices(void) {
  struct rig g;
  struct fisa_state *whole;

  if (!rig_text(&g, loop_text))
    return;
  whole = fisa_state_new(g.d);
  if (!whole)
    goto out;
  rig_run(&g, PLENTY, false);
  fisa_state_copy(whole, g.s);
  for (uint64_t slice = 1; slice < 40; slice++) {
    fisa_state_start(g.p, g.s);
    memset(g.s->written, 0, g.s->mem_size / 8);
    while (rig_run(&g, slice, false) == FISA_RUN_FUEL)
      ;
    memcpy(whole->written, g.s->written, g.s->mem_size / 8);
    UNIT_TRUE(same_state(g.s, whole), "slices of %u differ",
              (unsigned)slice);
  }
  UNIT_EQ(g.s->written[1], 15);
out:
  fisa_state_free(whole);
  rig_done(&g);
}

/* ---- boundaries --------------------------------------------------------- */

static void yields(void) {
  struct rig g;

  if (!rig_text(&g, "again: INC R1\nYIELD 0\nJMP again\n"))
    return;
  for (int i = 1; i <= 3; i++) {
    UNIT_EQ(rig_run(&g, PLENTY, true), FISA_RUN_YIELD);
    UNIT_EQ(REG(&g, 1), i);
    UNIT_EQ(g.s->pc, 4);
    UNIT_EQ(g.s->cycles, 2 + 3 * (i - 1));
  }
  UNIT_EQ(rig_run(&g, 300, false), FISA_RUN_FUEL);
  UNIT_EQ(REG(&g, 1), 103);
  rig_done(&g);
}

static void boundary_out(void) {
  struct fvm_code *plain;
  struct rig g;

  if (!rig_text(&g, ".boundary out:SIGNAL\n"
                    "again: INC R1\n"
                    "       TELL R1, R1, R1\n"
                    "       SIGNAL R1, R0, R0\n"
                    "       JMP again\n"))
    return;
  UNIT_EQ(rig_run(&g, PLENTY, true), FISA_RUN_YIELD);
  UNIT_EQ(g.count, 2);
  UNIT_EQ(g.s->pc, 10);
  UNIT_EQ(rig_run(&g, PLENTY, true), FISA_RUN_YIELD);
  UNIT_EQ(REG(&g, 1), 2);
  UNIT_EQ(g.count, 4);
  UNIT_EQ(rig_run(&g, 40, false), FISA_RUN_FUEL);
  UNIT_EQ(REG(&g, 1), 12);
  plain = fvm_code_new(g.p, false); /* nothing planted */
  fvm_code_free(g.code);
  g.code = plain;
  if (UNIT_TRUE(plain != NULL, "no code"))
    UNIT_EQ(rig_run(&g, 40, true), FISA_RUN_FUEL);
  rig_done(&g);
}

static void boundary_sys(void) {
  struct rig g;

  if (!rig_text(&g, ".boundary out:SYS\nagain: INC R1\nSYS 9\nJMP again\n"))
    return;
  UNIT_EQ(rig_run(&g, PLENTY, true), FISA_RUN_YIELD);
  UNIT_EQ(g.s->pc, 4);
  UNIT_EQ(g.event[0].arg[0], 9);
  UNIT_EQ(g.event[0].arg[1], 1);
  rig_done(&g);
}

static void boundary_pc(void) {
  struct rig g;

  if (!rig_text(&g, ".boundary pc:top\n"
                    "       MOVI R1, 100\n"
                    "top:   INC R1\n"
                    "       NOP\n"
                    "       JMP top\n"))
    return;
  UNIT_EQ(rig_run(&g, PLENTY, true), FISA_RUN_YIELD);
  UNIT_EQ(g.s->pc, 3);
  UNIT_EQ(g.s->cycles, 1); /* before the instruction: it did not begin */
  UNIT_EQ(REG(&g, 1), 100);
  UNIT_EQ(rig_run(&g, PLENTY, true), FISA_RUN_YIELD);
  UNIT_EQ(g.s->pc, 3);
  UNIT_EQ(g.s->cycles, 4);
  UNIT_EQ(REG(&g, 1), 101);
  UNIT_EQ(rig_run(&g, 3, true), FISA_RUN_FUEL); /* fuel is tested first */
  UNIT_EQ(g.s->pc, 3);
  UNIT_EQ(rig_run(&g, 30, false), FISA_RUN_FUEL);
  UNIT_EQ(REG(&g, 1), 112);
  rig_done(&g);
}

/* ---- counting ----------------------------------------------------------- */

static void counts_blocks(void) {
  _Atomic uint64_t counts[64] = { 0 };
  struct fvm_run run = { .fuel = PLENTY, .counts = counts };
  struct fisa_state *plain = NULL;
  const uint8_t *heads;
  struct rig g;

  if (!rig_text(&g, loop_text))
    return;
  plain = fisa_state_new(g.d);
  rig_run(&g, PLENTY, false);
  fisa_state_copy(plain, g.s);
  fisa_state_start(g.p, g.s);
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_HALT);
  memcpy(plain->written, g.s->written, g.s->mem_size / 8);
  UNIT_TRUE(same_state(g.s, plain), "counting changes what is computed");
  heads = fvm_code_heads(g.code);
  for (uint32_t pc = 0; pc < g.p->size; pc++) {
    unsigned want = pc == 0 ? 1 : pc == 3 || pc == 14 || pc == 25 ? 20
                  : pc == 20 ? 1 : 0;

    UNIT_TRUE(counts[pc] == want, "count at %u is %u, not %u", pc,
              (unsigned)counts[pc], want);
    UNIT_TRUE((heads[pc / 8] >> (pc % 8) & 1) == (want != 0 || pc == 38),
              "pc %u: head or not", pc);
  }
  fisa_state_free(plain);
  rig_done(&g);
}

/* A task that stops before the boundary enters no block there. */
static void counts_at_boundary(void) {
  _Atomic uint64_t counts[16] = { 0 };
  struct fvm_run run = {
    .fuel = PLENTY, .stop_at_yield = true, .counts = counts
  };
  struct rig g;

  if (!rig_text(&g, ".boundary pc:mid\nINC R1\nmid: INC R2\nHALT\n"))
    return;
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_YIELD);
  UNIT_EQ(counts[0], 1);
  UNIT_EQ(counts[2], 0);
  UNIT_EQ(run.fuel, PLENTY - 1);
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_HALT);
  UNIT_EQ(counts[2], 1);
  rig_done(&g);
}

static void counts_after_yield(void) {
  _Atomic uint64_t counts[16] = { 0 };
  struct fvm_run run = {
    .fuel = PLENTY, .stop_at_yield = true, .counts = counts
  };
  struct rig g;

  if (!rig_text(&g, "INC R1\nYIELD 0\nINC R2\nHALT\n"))
    return;
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_YIELD);
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_HALT);
  UNIT_EQ(counts[0], 1);
  UNIT_EQ(counts[4], 1);
  rig_done(&g);
}

/* Every block that the facts know begins with a head, so that its count is
 * how often it was entered. */
static void heads_cover(const char *path) {
  struct fisa_facts *facts = NULL;
  struct fvm_code *code = NULL;
  struct fisa_program *p = NULL;
  struct fisa_dialect *d = NULL;
  struct fisa_error err = { "" };
  int rc = fisa_load(path, NULL, NULL, &d, &p, &err);

  if (!UNIT_TRUE(rc == 0, "%s", err.text))
    return;
  rc = fisa_facts_make(p, &facts, &err);
  code = fvm_code_new(p, true);
  if (!UNIT_TRUE(rc == 0 && code, "%s: no facts or no code", path))
    goto out;
  for (uint32_t i = 0; i < facts->count; i++) {
    uint32_t pc = facts->insn[i].pc;

    UNIT_TRUE(!facts->is_head[i] ||
              (fvm_code_heads(code)[pc / 8] >> (pc % 8) & 1),
              "%s: no head at %u", path, pc);
  }
out:
  fvm_code_free(code);
  fisa_facts_free(facts);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* A jump through a register lands on a head, too. */
static void register_held(void) {
  _Atomic uint64_t counts[32] = { 0 };
  struct fvm_run run = { .fuel = PLENTY, .counts = counts };
  struct rig g;

  if (!rig_text(&g, "        MOVI   R1, 8\n"   /*  0 */
                    "        JZ     R0, R1\n"  /*  3: to 11 */
                    "        INC    R2\n"      /*  7 */
                    "        INC    R3\n"      /*  9 */
                    "        INC    R4\n"      /* 11 */
                    "        HALT\n"))
    return;
  UNIT_EQ(fvm_exec(g.code, g.s, &g.io, &run), FISA_RUN_HALT);
  UNIT_EQ(REG(&g, 4), 1);
  UNIT_EQ(REG(&g, 3), 0);
  UNIT_EQ(counts[0], 1);
  UNIT_EQ(counts[7], 0);
  UNIT_EQ(counts[11], 1);
  rig_done(&g);
}

static void heads_cover_facts(void) {
  static const char *const agents[] = {
    "samples/agents/alarm.flx",
    "samples/agents/alarm_tuned.flx",
    "samples/agents/average.flx",
    "samples/agents/average_tuned.flx",
    "samples/agents/checksum.flx",
    "samples/agents/checksum_tuned.flx",
    "samples/agents/crc8.flx",
    "samples/agents/crc8_tuned.flx",
    "samples/agents/fibonacci.flx",
    "samples/agents/fibonacci_tuned.flx",
    "samples/agents/gcd.flx",
    "samples/agents/gcd_tuned.flx",
    "samples/agents/hash.flx",
    "samples/agents/hash_tuned.flx",
    "samples/agents/sieve.flx",
    "samples/agents/sieve_tuned.flx",
    "samples/agents/sort.flx",
    "samples/agents/sort_tuned.flx",
    "samples/agents/sum.flx",
    "samples/agents/sum_tuned.flx",
    "samples/agents/thermostat.flx",
    "samples/agents/thermostat_tuned.flx",
  };

  for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++)
    heads_cover(unit_src(agents[i]));
}

/* Who reads the counts while the VM runs sees them grow. */
struct reader {
  _Atomic uint64_t *counts;
  _Atomic bool stop;
  bool fell;
};

static void *read_counts(void *user) {
  struct reader *r = user;
  uint64_t last = 0;

  while (!atomic_load(&r->stop)) {
    uint64_t now = atomic_load_explicit(r->counts, memory_order_relaxed);

    r->fell = r->fell || now < last;
    last = now;
  }
  return NULL;
}

static void counts_read_beside(void) {
  _Atomic uint64_t counts[16] = { 0 };
  struct fvm_run run = { .fuel = unit_scale(1000000), .counts = counts };
  struct reader r = { .counts = counts };
  uint64_t fuel = run.fuel;
  pthread_t thread;
  struct rig g;

  if (!rig_text(&g, "again: INC R1\nJMP again\n"))
    return;
  if (UNIT_EQ(pthread_create(&thread, NULL, read_counts, &r), 0)) {
    UNIT_EQ(fvm_exec(g.code, g.s, NULL, &run), FISA_RUN_FUEL);
    atomic_store(&r.stop, true);
    pthread_join(thread, NULL);
    UNIT_TRUE(!r.fell, "a count fell");
    UNIT_EQ(counts[0], (fuel + 1) / 2);
  }
  rig_done(&g);
}

/* ---- odd code ----------------------------------------------------------- */

/* The immediate of the first MOVI16 is INC R9 when it is jumped into. */
static void into_an_instruction(void) {
  static const uint8_t code[] = {
    UNI_MOVI16, 1, UNI_INC, 9,      /* 0 */
    UNI_JEQ, 8, 0xFE - 4 + 4, 0xFF, /* 4: to 2 while R8 is 0 */
    UNI_HALT
  };
  struct rig g;

  if (!rig_bytes(&g, code, sizeof code, true))
    return;
  UNIT_EQ(rig_run(&g, 2, false), FISA_RUN_FUEL);
  UNIT_EQ(g.s->pc, 2);
  UNIT_EQ(REG(&g, 1), UNI_INC | 9 << 8);
  UNIT_EQ(rig_run(&g, 1, false), FISA_RUN_FUEL);
  UNIT_EQ(g.s->pc, 4);
  UNIT_EQ(REG(&g, 9), 1);
  rig_done(&g);
}

static void expect_stop(const uint8_t *code, size_t size, int status,
                        uint32_t pc) {
  struct rig g;

  if (!rig_bytes(&g, code, size, true))
    return;
  UNIT_EQ(rig_run(&g, PLENTY, false), status);
  UNIT_EQ(g.s->pc, pc);
  rig_done(&g);
}

static void ends(void) {
  static const uint8_t falls_off[] = { UNI_NOP, UNI_NOP };
  static const uint8_t jumps_far[] = { UNI_JMP, 0, 0xFF, 0x7F };
  static const uint8_t jumps_to_size[] = { UNI_JMP, 0, 4, 0 };
  static const uint8_t calls_far[] = { UNI_CALL, 0, 0xFF, 0x7F };
  static const uint8_t by_register[] = {
    UNI_MOVI16, 1, 0, 0x40, UNI_JZ, 0, 1, 0
  };

  expect_stop(falls_off, sizeof falls_off, FISA_RUN_END, 2);
  expect_stop(jumps_far, sizeof jumps_far, FISA_RUN_END, 0x7FFF);
  expect_stop(jumps_to_size, sizeof jumps_to_size, FISA_RUN_END, 4);
  expect_stop(calls_far, sizeof calls_far, FISA_RUN_END, 0x7FFF);
  expect_stop(by_register, sizeof by_register, FISA_RUN_END, 0x4004);
}

/* A run may begin anywhere, also outside. */
static void begins_outside(void) {
  struct rig g;

  if (!rig_text(&g, "INC R1\nHALT\n"))
    return;
  g.s->pc = 3;
  UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_END);
  UNIT_EQ(g.s->pc, 3);
  g.s->pc = UINT32_MAX;
  UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_END);
  UNIT_EQ(g.s->pc, UINT32_MAX);
  UNIT_EQ(rig_run(&g, 0, false), FISA_RUN_FUEL);
  UNIT_EQ(g.s->pc, UINT32_MAX);
  UNIT_EQ(g.s->cycles, 0);
  rig_done(&g);
}

/* Fuel, end, bounds, opcode, real length, guards: in this order. */
static void fault_order(void) {
  static const struct {
    uint8_t code[5];
    uint8_t size;
    uint8_t fuel;
    int32_t status, fault;
    uint32_t cycles;
  } cases[] = {
    { { UNI_ADD, 1 }, 2, 0, FISA_RUN_FUEL, 0, 0 },
    { { UNI_ADD, 1 }, 2, 1, FISA_RUN_FAULT, UNI_FAULT_TRUNCATED, 0 },
    { { 0xFF, 1, 1, 1 }, 4, 1, FISA_RUN_FAULT, UNI_FAULT_TRUNCATED, 0 },
    { { 0xFF, 1, 1, 1, 1 }, 5, 1, FISA_RUN_FAULT, UNI_FAULT_UNKNOWN_OPCODE,
      1 },
    { { 0xFF, 1, 1, 1, 1 }, 5, 0, FISA_RUN_FUEL, 0, 0 },
    { { UNI_ATOMIC_CAS, 1 }, 2, 1, FISA_RUN_FAULT, UNI_LETHAL_PAST_CODE, 1 },
    { { UNI_ATOMIC_CAS }, 1, 1, FISA_RUN_FAULT, UNI_FAULT_TRUNCATED, 0 },
    { { UNI_SHLI, 0, 32 }, 3, 1, FISA_RUN_FAULT, UNI_LETHAL_SHIFT_RANGE, 1 },
    { { UNI_SHLI, 0, 32 }, 3, 0, FISA_RUN_FUEL, 0, 0 },
    { { UNI_JMP, 0, 0, 0x80 }, 4, 1, FISA_RUN_FAULT,
      UNI_LETHAL_NEGATIVE_TARGET, 1 },
    { { UNI_DIV, 1, 1, 1 }, 4, 1, FISA_RUN_FAULT, UNI_FAULT_DIVIDE, 1 },
    { { UNI_DUMP, 1, 1, 1 }, 4, 1, FISA_RUN_FAULT, UNI_FAULT_TRUNCATED, 0 },
    { { UNI_DUMP, 1, 1, 1, 1 }, 5, 1, FISA_RUN_FUEL, 0, 1 },
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct rig g;

    if (!rig_bytes(&g, cases[i].code, cases[i].size, true))
      return;
    rig_run(&g, cases[i].fuel, false);
    UNIT_TRUE(g.s->status == cases[i].status &&
              g.s->fault == cases[i].fault &&
              g.s->cycles == cases[i].cycles,
              "case %zu: status %d fault %d cycles %d", i, (int)g.s->status,
              (int)g.s->fault, (int)g.s->cycles);
    rig_done(&g);
  }
}

/* States that no machine makes do no harm, and are kept where not touched. */
static void odd_states(void) {
  static const int32_t stack_pointers[] = {
    -1, 257, 1000, INT32_MIN, INT32_MAX
  };
  struct rig g;

  if (!rig_text(&g, "PUSH R1\nHALT\nPOP R1\nHALT\nRET\nHALT\n"))
    return;
  for (int i = 0; i < 5; i++) {
    fisa_state_start(g.p, g.s);
    g.s->cells[UNI_CELL_SP] = stack_pointers[i];
    rig_run(&g, PLENTY, false);
    UNIT_EQ(g.s->fault, UNI_LETHAL_STACK_FULL);
    UNIT_EQ(g.s->cells[UNI_CELL_SP], stack_pointers[i]);
    g.s->pc = 3;
    rig_run(&g, PLENTY, false);
    UNIT_EQ(g.s->fault, UNI_LETHAL_STACK_EMPTY);
    g.s->pc = 6;
    UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_HALT);
    UNIT_EQ(g.s->fault, 0);
  }
  fisa_state_start(g.p, g.s);
  g.s->cells[UNI_CELL_STRIP] = -5;
  rig_run(&g, PLENTY, false);
  UNIT_EQ(g.s->cells[UNI_CELL_STRIP], -5);
  rig_done(&g);
}

static void long_code(void) {
  uint8_t *code = malloc(FISA_MAX_CODE);
  struct rig g;

  if (!code)
    return;
  memset(code, UNI_NOP, FISA_MAX_CODE);
  code[FISA_MAX_CODE - 1] = UNI_HALT;
  if (rig_bytes(&g, code, FISA_MAX_CODE, true)) {
    UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_HALT);
    UNIT_EQ(g.s->cycles, FISA_MAX_CODE);
    UNIT_EQ(g.s->pc, FISA_MAX_CODE);
    rig_done(&g);
  }
  /* A far target in every place it can stand. */
  for (uint32_t i = 0; i < FISA_MAX_CODE; i++)
    code[i] = i % 4 == 0 ? UNI_JNE : i % 4 == 3 ? 0x7F : (uint8_t)i;
  if (rig_bytes(&g, code, FISA_MAX_CODE, true)) {
    UNIT_EQ(rig_run(&g, PLENTY, false), FISA_RUN_END);
    rig_done(&g);
  }
  free(code);
}

/* ---- random code -------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random_word(void) {
  random_state = random_state * UINT64_C(6364136223846793005) +
                 UINT64_C(1442695040888963407);
  return (uint32_t)(random_state >> 32);
}

static int32_t random_value(void) {
  static const int32_t edges[] = {
    0, 1, -1, 2, 4, 8, -4, 100, 255, 256, 65535, INT32_MAX, INT32_MIN
  };
  uint32_t r = random_word();

  if (r % 4 == 0)
    return (int32_t)random_word();
  if (r % 4 == 1)
    return (int32_t)(random_word() % 64) - 8;
  return edges[random_word() % 13];
}

/* Bytes that are mostly rows, with near targets and a few registers. */
static uint32_t random_code(uint8_t *code) {
  uint32_t size = 4 + random_word() % 60;

  for (uint32_t i = 0; i < size; i++) {
    uint32_t r = random_word();

    code[i] = r % 8 == 0 ? (uint8_t)(r >> 8) : (uint8_t)(r >> 8 & 7);
    if (r % 3 == 0)
      code[i] = (uint8_t)(r >> 16);
    if (r % 64 == 1)
      code[i] = (uint8_t)(0xFF - (r >> 8 & 31));
    if (!plain_has(code[i]))
      code[i] = UNI_ADD;
  }
  return size;
}

static void random_machine(struct fisa_state *s) {
  for (int i = 0; i < 64; i++) {
    s->cells[UNI_CELL_R + i] = random_value();
    s->cells[UNI_CELL_C + i] = random_value();
  }
  for (int i = 0; i < 8; i++)
    s->cells[UNI_CELL_F + i] = (int32_t)(random_word() & 0xBF7FFFFF);
  for (int i = 0; i < 256; i++)
    s->cells[UNI_CELL_STK + i] = (int32_t)(random_word() % 80) - 2;
  s->cells[UNI_CELL_SP] = (int32_t)(random_word() % 257);
  s->cells[UNI_CELL_STRIP] = (int32_t)(random_word() % 8);
  for (uint32_t i = 0; i < 512; i++)
    s->mem[(i - 256) & 0xFFFF] = (uint8_t)random_word();
  s->dirty[0] |= 1;
  s->dirty[3] |= UINT64_C(1) << 63;
}

/* One code and one state on both; any slice of fuel must come to the same. */
static int agree(struct rig *g, struct fisa_state *other) {
  struct plain_vm plain = { g->p->code, g->p->size, other };
  uint64_t fuel = random_word() % 200, left = fuel, slice;

  plain_run(&plain, fuel);
  do {
    slice = 1 + random_word() % 50;
    slice = slice < left ? slice : left;
    left -= slice;
    rig_run(g, slice, false);
  } while (left > 0 && g->s->status == FISA_RUN_FUEL);
  return same_state(g->s, other) &&
         memcmp(g->s->dirty, other->dirty, 4 * sizeof *other->dirty) == 0;
}

static void explain(const struct rig *g, const struct fisa_state *other,
                    unsigned long n) {
  char hex[160] = "";

  for (uint32_t i = 0; i < g->p->size && i < 70; i++)
    sprintf(hex + 2 * i, "%02x", g->p->code[i]);
  UNIT_TRUE(0, "code %lu differs: %s: pc %u %u status %d %d fault %d %d", n,
            hex, g->s->pc, other->pc, (int)g->s->status, (int)other->status,
            (int)g->s->fault, (int)other->fault);
}

static void random_programs(void) {
  unsigned long count = unit_scale(40000), failed = 0;
  struct fisa_state *other;
  uint8_t code[64];
  struct rig g;

  if (!rig_bytes(&g, (const uint8_t *)"", 1, false))
    return;
  other = fisa_state_new(g.d);
  random_state = 20240229;
  for (unsigned long n = 0; other && n < count && failed < 3; n++) {
    struct fisa_error err;
    uint32_t size = random_code(code);

    fvm_code_free(g.code);
    fisa_program_free(g.p);
    g.code = NULL;
    g.p = NULL;
    if (!UNIT_EQ(fisa_program_from_bytes(g.d, code, size, &g.p, &err), 0))
      break;
    g.code = fvm_code_new(g.p, true);
    if (!UNIT_TRUE(g.code != NULL, "no code"))
      break;
    memset(g.s->written, 0, g.s->mem_size / 8);
    fisa_state_reset(g.d, g.s);
    random_machine(g.s);
    g.s->pc = random_word() % (size + 2);
    fisa_state_copy(other, g.s);
    memset(g.s->written, 0, g.s->mem_size / 8);
    memset(other->written, 0, g.s->mem_size / 8);
    memcpy(other->dirty, g.s->dirty, 4 * sizeof *other->dirty);
    if (!agree(&g, other)) {
      explain(&g, other, n);
      failed++;
    }
  }
  fisa_state_free(other);
  rig_done(&g);
}

static const struct unit_test tests[] = {
  { "vm_programs", "counted_sum", counted_sum },
  { "vm_programs", "factorial", factorial },
  { "vm_programs", "memory_program", memory_program },
  { "vm_programs", "outside", outside },
  { "vm_programs", "no_outside", no_outside },
  { "vm_programs", "two_states_one_code", two_states_one_code },
  { "vm_programs", "dispatch_name", dispatch_name },
  { "vm_programs", "foreign_dialect", foreign_dialect },
  { "vm_fuel", "fuel_is_exact", fuel_is_exact },
  { "vm_fuel", "slices", slices },
  { "vm_boundary", "yields", yields },
  { "vm_boundary", "boundary_out", boundary_out },
  { "vm_boundary", "boundary_sys", boundary_sys },
  { "vm_boundary", "boundary_pc", boundary_pc },
  { "vm_counting", "counts_blocks", counts_blocks },
  { "vm_counting", "counts_at_boundary", counts_at_boundary },
  { "vm_counting", "counts_after_yield", counts_after_yield },
  { "vm_counting", "register_held", register_held },
  { "vm_counting", "heads_cover_facts", heads_cover_facts },
  { "vm_counting", "counts_read_beside", counts_read_beside },
  { "vm_code", "into_an_instruction", into_an_instruction },
  { "vm_code", "ends", ends },
  { "vm_code", "begins_outside", begins_outside },
  { "vm_code", "fault_order", fault_order },
  { "vm_code", "odd_states", odd_states },
  { "vm_code", "long_code", long_code },
  { "vm_random", "random_programs", random_programs },
};

UNIT_MAIN(tests)
