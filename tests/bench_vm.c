/*
 * tests/bench_vm.c - the reference VM against a plain interpreter.
 *
 *   vm.sum       a counted sum, three instructions a turn
 *   vm.mixed     arithmetic, memory, calls, confidence, branches
 *   vm.short     tasks of some thirty instructions: the price of entering
 *   vm.counting  vm.mixed with counting on, against the same with it off
 */
#include "tests/bench.h"
#include "tests/plain_vm.h"

#include "hostsdk/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/unified_gen.h"

#define LE(v) (uint8_t)((v) & 255), (uint8_t)((v) >> 8 & 255)

enum { SUM_TURNS = 20000, MIXED_TURNS = 2000, SHORT_TASKS = 2000 };

static const uint8_t sum_code[] = {
  UNI_MOVI16, 1, LE(SUM_TURNS),
  UNI_ADD, 3, 3, 1,
  UNI_DEC, 1,
  UNI_JNE, 1, LE(-6),
  UNI_HALT
};

static const uint8_t mixed_code[] = {
  UNI_MOVI16, 1, LE(MIXED_TURNS),
  UNI_MOVI, 2, 7,                 /*  4 */
  UNI_MOVI16, 10, LE(0x100),      /*  7 */
  UNI_MUL, 3, 1, 2,               /* 11: a turn begins */
  UNI_XOR, 4, 4, 3,               /* 15 */
  UNI_SHRI, 4, 1,                 /* 19 */
  UNI_ADDI, 4, 13,                /* 22 */
  UNI_STOREI, 4, 10, LE(8),       /* 25 */
  UNI_LOADI, 5, 10, LE(8),        /* 30 */
  UNI_CMP_LT, 6, 5, 3,            /* 35 */
  UNI_JEQ, 6, LE(7),              /* 39: over the next */
  UNI_ADDI, 7, 1,                 /* 43 */
  UNI_CALL, 0, LE(72),            /* 46 */
  UNI_NOP,                        /* 50: what RET skips */
  UNI_CONF_ADD, 8, 7, 2,          /* 51 */
  UNI_ISTINCT_DECAY, 9,           /* 55 */
  UNI_FADD, 1, 1, 2,              /* 57 */
  UNI_MAX, 9, 9, 8,               /* 61 */
  UNI_DEC, 1,                     /* 65 */
  UNI_JNE, 1, LE(-56),            /* 67: to 11 */
  UNI_HALT,                       /* 71 */
  UNI_PUSH, 4,                    /* 72 */
  UNI_SUB, 11, 4, 5,              /* 74 */
  UNI_POP, 12,                    /* 78 */
  UNI_RET                         /* 80 */
};

static const uint8_t short_code[] = {
  UNI_MOVI, 1, 6,
  UNI_MOVI, 3, 0,
  UNI_ADD, 3, 3, 1,
  UNI_XORI, 3, 5,
  UNI_DEC, 1,
  UNI_JNE, 1, LE(-9),
  UNI_TRUST_RESTRICT, 3, LE(100),
  UNI_HALT
};

struct bench {
  struct fisa_dialect *d;
  struct fisa_program *p;
  struct fvm_code *code;
  struct fisa_state *s;
  _Atomic uint64_t *counts;
  uint64_t instructions; /* of one task */
  unsigned tasks;        /* in one run */
};

static void run_vm(struct bench *b, _Atomic uint64_t *counts) {
  for (unsigned i = 0; i < b->tasks; i++) {
    struct fvm_run run = { .fuel = UINT64_MAX, .counts = counts };

    b->s->pc = 0;
    fvm_exec(b->code, b->s, NULL, &run);
  }
}

static void ours(void *user) {
  run_vm(user, NULL);
}

static void ours_counting(void *user) {
  struct bench *b = user;

  run_vm(b, b->counts);
}

static void theirs(void *user) {
  struct bench *b = user;

  for (unsigned i = 0; i < b->tasks; i++) {
    struct plain_vm vm = { b->p->code, b->p->size, b->s };

    b->s->pc = 0;
    plain_run(&vm, UINT64_MAX);
  }
}

static void out_of_memory(void) {
  fprintf(stderr, "bench_vm: out of memory\n");
  exit(1);
}

/* Both must come to the same, or the comparison is of two things. */
static void check_alike(struct bench *b) {
  struct fisa_state *other = fisa_state_new(b->d);
  struct fisa_state *mine = b->s;
  unsigned tasks = b->tasks;

  if (!other)
    out_of_memory();
  b->tasks = 1;
  ours(b);
  b->instructions = b->s->cycles;
  b->s = other;
  theirs(b);
  b->s = mine;
  b->tasks = tasks;
  if (mine->cycles != other->cycles || mine->status != other->status ||
      memcmp(mine->cells, other->cells,
             UNI_CELL_COUNT * sizeof *mine->cells)) {
    fprintf(stderr, "bench_vm: the two machines differ\n");
    exit(1);
  }
  fisa_state_free(other);
}

static void make(struct bench *b, const uint8_t *code, size_t size,
                 unsigned tasks) {
  struct fisa_error err;

  memset(b, 0, sizeof *b);
  b->tasks = tasks;
  if (fisa_dialect_builtin("unified", false, &b->d, &err) ||
      fisa_program_from_bytes(b->d, code, size, &b->p, &err)) {
    fprintf(stderr, "bench_vm: %s\n", err.text);
    exit(1);
  }
  b->code = fvm_code_new(b->p, true);
  b->s = fisa_state_new(b->d);
  b->counts = calloc(size, sizeof *b->counts);
  if (!b->code || !b->s || !b->counts)
    out_of_memory();
  check_alike(b);
}

static void done(struct bench *b) {
  free(b->counts);
  fisa_state_free(b->s);
  fvm_code_free(b->code);
  fisa_program_free(b->p);
  fisa_dialect_free(b->d);
}

static void measure(const char *name, struct bench *b) {
  struct bench_pair pair = {
    .name = name, .against = "plain step-per-call switch",
    .unit = "ns/instruction", .pairs = 101, .ours = ours, .theirs = theirs,
    .user = b, .items = (double)b->instructions * b->tasks
  };

  bench_pair(&pair);
}

void bench_vm(void) {
  struct bench b;
  struct bench_pair counting = {
    .name = "vm.counting", .against = "counting off",
    .unit = "ns/instruction", .pairs = 101, .ours = ours_counting,
    .theirs = ours, .user = &b
  };

  make(&b, sum_code, sizeof sum_code, 5);
  measure("vm.sum", &b);
  done(&b);
  make(&b, mixed_code, sizeof mixed_code, 5);
  measure("vm.mixed", &b);
  counting.items = (double)b.instructions * b.tasks;
  bench_pair(&counting);
  done(&b);
  make(&b, short_code, sizeof short_code, SHORT_TASKS);
  measure("vm.short", &b);
  done(&b);
}
