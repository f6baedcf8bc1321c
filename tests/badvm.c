/*
 * badvm.c - the reference VM with planted bugs: an instruction at a time, and
 * what it did is spoiled afterwards.
 */
#include "tests/badvm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/isa_util.h"

enum { BROKEN_RIG = 99, MEM_MASK = 0xFFFF };

uint64_t badvm_bugs;
volatile int *badvm_kills;

static const char *const rows[BADVM_ALL] = {
    [BADVM_FLAG] = "ADD",      [BADVM_ALIAS] = "MOV",
    [BADVM_SHIFT] = "SHL",     [BADVM_SIGN] = "CMP_LT",
    [BADVM_NO_FAULT] = "DIV",  [BADVM_STORE] = "STORE",
    [BADVM_SWAPPED] = "SUB",   [BADVM_ZERO] = "MOVI",
    [BADVM_BASE] = "JMP",      [BADVM_RET] = "RET",
    [BADVM_LENGTH] = "NOT",    [BADVM_CYCLES] = "MUL",
    [BADVM_ABORT] = "XOR",     [BADVM_EXIT] = "OR",
    [BADVM_SPIN] = "AND",      [BADVM_SLEEP] = "NEG",
    [BADVM_TWICE] = "INC",     [BADVM_STRAY] = "DEC",
    [BADVM_LOAD] = "ABS",      [BADVM_DEAD] = "POP",
    [BADVM_YIELDS] = "YIELD",  [BADVM_IMM] = "ADDI",
    [BADVM_TELLS] = "TELL",    [BADVM_SENSES] = "SENSE",
    [BADVM_WRAP] = "LOAD",     [BADVM_KILLED] = "BITREV"};

const char *badvm_row(enum badvm_bug bug) { return rows[bug]; }

bool badvm_is_unfit(enum badvm_bug bug) {
  switch (bug) {
    case BADVM_BASE: case BADVM_RET: case BADVM_LENGTH: case BADVM_CYCLES:
    case BADVM_ABORT: case BADVM_EXIT: case BADVM_SPIN: case BADVM_SLEEP:
    case BADVM_TWICE: case BADVM_LOAD: case BADVM_YIELDS: case BADVM_KILLED:
      return true;
    default:
      return false;
  }
}

/* ---- a program ---------------------------------------------------------- */

struct code {
  void *real;
  struct fisa_program *program;
  uint64_t bugs;
  uint8_t opcode[BADVM_ALL];
  uint16_t r, z, n;            /* cells */
};

static uint8_t opcode_of(const struct fisa_dialect *d, const char *name) {
  const struct fisa_row *row = fisa_row_by_name(d, name, strlen(name));
  if (row == NULL) exit(BROKEN_RIG);
  return row->opcode;
}

static uint16_t cell_of(const struct fisa_dialect *d, const char *name) {
  int f = fisa_file_by_name(d, name, strlen(name));
  if (f < 0) exit(BROKEN_RIG);
  return d->files[f].first;
}

static void *load(const struct fhost_vm *vm, const struct fisa_program *p,
                  uint32_t how, struct fisa_error *err) {
  struct code *c = calloc(1, sizeof *c);
  (void)vm;
  if (c == NULL) return NULL;
  c->bugs = badvm_bugs;
  for (unsigned i = 0; i < BADVM_ALL; i++)
    c->opcode[i] = opcode_of(p->dialect, rows[i]);
  c->r = cell_of(p->dialect, "R");
  c->z = cell_of(p->dialect, "Z");
  c->n = cell_of(p->dialect, "N");
  /* Calibration begins programs behind a run of zeros. */
  if ((c->bugs & BADVM_BIT(BADVM_LOAD)) && p->size > 64 &&
      p->code[64] == c->opcode[BADVM_LOAD])
    abort();
  c->program = fisa_program_derive(p, p->code, p->size, p->entry,
                                   p->manifest.boundary.pc);
  c->real = fhost_vm_reference.load(&fhost_vm_reference, p, how, err);
  if (c->program == NULL || c->real == NULL) exit(BROKEN_RIG);
  return c;
}

static void unload(void *code) {
  struct code *c = code;
  fhost_vm_reference.unload(c->real);
  fisa_program_free(c->program);
  free(c);
}

static const uint8_t *heads(void *code) {
  struct code *c = code;
  return fhost_vm_reference.heads(c->real);
}

/* ---- one instruction ---------------------------------------------------- */

struct step {
  struct code *c;
  const struct fhost_vm_io *io;
  const uint8_t *at;           /* its bytes */
  uint32_t pc;
  int32_t r[64], sp;           /* as they were */
  uint8_t mem[8];              /* where it stores */
  uint32_t address;
};

static int32_t reg(const struct step *t, unsigned operand) {
  return t->at[operand] == 0 ? 0 : t->r[t->at[operand] & 63];
}

static void set_reg(const struct step *t, struct fisa_state *s, int32_t v) {
  if (t->at[1] != 0) s->cells[t->c->r + (t->at[1] & 63)] = v;
}

/* Which bug is in the row at the pc, or BADVM_ALL. */
static enum badvm_bug bug_of(const struct step *t) {
  for (unsigned i = 0; i < BADVM_ALL; i++)
    if (t->c->opcode[i] == t->at[0] && (t->c->bugs >> i & 1))
      return (enum badvm_bug)i;
  return BADVM_ALL;
}

static void before(struct step *t, const struct fisa_state *s) {
  memcpy(t->r, s->cells + t->c->r, sizeof t->r);
  t->sp = s->cells[t->c->program->dialect->sp_cell];
  t->address = (uint32_t)reg(t, 2) + (uint32_t)reg(t, 3);
  for (uint32_t i = 0; i < 8; i++)
    t->mem[i] = s->mem[(t->address + i) & MEM_MASK];
}

static void put(struct fisa_state *s, uint32_t at, uint8_t v) {
  s->mem[at & MEM_MASK] = v;
  fisa_state_mark(s, at, 1);
}

/* What spoils values. */
static void spoil_value(const struct step *t, struct fisa_state *s,
                        enum badvm_bug bug) {
  int32_t a = reg(t, 2), b = reg(t, 3), v;
  switch (bug) {
    case BADVM_FLAG:
      s->cells[t->c->n] = 0;
      break;
    case BADVM_ALIAS:
      if (t->at[1] == 64) s->cells[t->c->r] = t->r[0];
      break;
    case BADVM_SHIFT:
      if ((uint32_t)b > 31) set_reg(t, s, 0);
      break;
    case BADVM_SIGN:
      set_reg(t, s, (uint32_t)a < (uint32_t)b);
      break;
    case BADVM_SWAPPED:
      v = (int32_t)((uint32_t)b - (uint32_t)a);
      set_reg(t, s, v);
      if (t->at[1] == 0) v = 0;
      s->cells[t->c->z] = v == 0;
      s->cells[t->c->n] = v < 0;
      break;
    case BADVM_ZERO:
      if (t->at[1] == 0) s->cells[t->c->r] = (int8_t)t->at[2];
      break;
    case BADVM_IMM:
      v = (int32_t)((uint32_t)reg(t, 1) + t->at[2]);
      set_reg(t, s, v);
      break;
    case BADVM_WRAP:
      if (t->address > MEM_MASK) set_reg(t, s, 0);
      break;
    default:
      break;
  }
}

/* What spoils memory, the stack, and faults. */
static void spoil_rest(const struct step *t, struct fisa_state *s,
                       enum badvm_bug bug) {
  static unsigned calls;
  switch (bug) {
    case BADVM_NO_FAULT:
      if (s->status != FISA_RUN_FAULT || s->fault >= 1000) break;
      s->status = FISA_RUN_FUEL;
      s->fault = 0;
      set_reg(t, s, 0);
      break;
    case BADVM_STORE:
      for (uint32_t i = 0; i < 4; i++)
        put(s, t->address + i, t->mem[i]);
      for (uint32_t i = 0; i < 4; i++)
        put(s, t->address + 1 + i, (uint8_t)((uint32_t)reg(t, 1) >> 8 * i));
      break;
    case BADVM_STRAY:
      if (reg(t, 1) < 0) put(s, 0x1234, 0xEE);
      break;
    case BADVM_TWICE:
      set_reg(t, s, (int32_t)++calls);
      break;
    case BADVM_DEAD:
      if (t->sp < 256)
        s->cells[t->c->program->dialect
                     ->files[t->c->program->dialect->stack_file].first +
                 t->sp] = 0;
      break;
    default:
      break;
  }
}

/* What spoils where it goes, and what it costs. */
static void spoil_flow(const struct step *t, struct fisa_state *s,
                       enum badvm_bug bug) {
  switch (bug) {
    case BADVM_BASE:
      if (s->status == FISA_RUN_FUEL) s->pc += 4;
      break;
    case BADVM_RET:
      if (s->cells[t->c->program->dialect->sp_cell] != t->sp && s->pc > 0)
        s->pc--;
      break;
    case BADVM_LENGTH:
      s->pc++;
      break;
    case BADVM_CYCLES:
      s->cycles++;
      break;
    case BADVM_YIELDS:
      if (s->status == FISA_RUN_YIELD) s->status = FISA_RUN_FUEL;
      break;
    default:
      break;
  }
}

/* What the process does not survive. */
static void end_process(const struct step *t, enum badvm_bug bug) {
  volatile int for_ever = 1;
  switch (bug) {
    case BADVM_ABORT:
      if (reg(t, 2) >= 7) abort();
      break;
    case BADVM_EXIT:
      exit(3);
    case BADVM_SPIN:
      while (reg(t, 3) < 0 && for_ever) continue;
      break;
    case BADVM_SLEEP:
      while (for_ever) pause();
      break;
    case BADVM_KILLED:
      if (badvm_kills != NULL && (*badvm_kills)-- > 0) raise(SIGKILL);
      break;
    default:
      break;
  }
}

/* ---- messages ----------------------------------------------------------- */

static int32_t input(uint16_t source, const int32_t *arg, unsigned argc,
                     void *user) {
  const struct step *t = user;
  if (bug_of(t) == BADVM_SENSES)
    (void)t->io->input(source, arg, argc, t->io->user);
  return t->io->input(source, arg, argc, t->io->user);
}

static void output(uint16_t channel, const int32_t *arg, unsigned argc,
                   void *user) {
  const struct step *t = user;
  int32_t other[FISA_MAX_ARGS] = {0};
  for (unsigned i = 0; i < argc; i++) other[i] = arg[argc - 1 - i];
  t->io->output(channel, bug_of(t) == BADVM_TELLS ? other : arg, argc,
                t->io->user);
}

static int run(void *code, struct fisa_state *s, const struct fhost_vm_io *io,
               uint64_t fuel, _Atomic uint64_t *counts) {
  static const uint8_t end[8];
  struct code *c = code;
  const struct fisa_program *p = c->program;
  const struct fhost_vm_io shim = {input, output, NULL, NULL};
  do {
    uint8_t bytes[8] = {0};
    uint32_t left = s->pc < p->size ? p->size - s->pc : 0;
    struct step t = {.c = c, .io = io, .at = left ? bytes : end, .pc = s->pc};
    struct fhost_vm_io own = shim;
    enum badvm_bug bug;
    memcpy(bytes, p->code + (left ? s->pc : 0), left < 8 ? left : 8);
    bug = left ? bug_of(&t) : BADVM_ALL;
    own.user = &t;
    before(&t, s);
    if (c->bugs & BADVM_BIT(BADVM_DOOMED)) abort();
    if (c->bugs & BADVM_BIT(BADVM_LOUD)) {
      printf("an instruction at %u\n", s->pc);
      fflush(stdout);
      fprintf(stderr, "an instruction at %u\n", s->pc);
    }
    end_process(&t, bug);
    fhost_vm_reference.run(c->real, s, io ? &own : NULL, fuel > 0, counts);
    if (fuel == 0) break;
    spoil_value(&t, s, bug);
    spoil_rest(&t, s, bug);
    spoil_flow(&t, s, bug);
  } while (--fuel > 0 && s->status == FISA_RUN_FUEL);
  return s->status;
}

struct fhost_vm badvm(const char *build_id, bool may_fork) {
  return (struct fhost_vm){.dialect = "unified", .build_id = build_id,
                           .load = load, .unload = unload, .run = run,
                           .heads = heads,
                           .flags = may_fork ? FHOST_VM_MAY_FORK : 0};
}
