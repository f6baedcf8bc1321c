/*
 * test_adapt.c - what the layer does for a VM, one by one.
 */
#include "hostsdk/adapt.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/services.h"
#include "tests/adapt_help.h"
#include "tests/gen.h"
#include "tests/toy_vm.h"
#include "tests/unit.h"

/* ---- a program in a VM -------------------------------------------------- */

struct bench {
  struct fhost_vm vm;
  struct fisa_dialect *d;
  struct fisa_program *p;
  void *code;
  struct fisa_state *s;
  struct gen_outside side;
  _Atomic uint64_t counts[256];
};

static bool open_on(struct bench *b, const struct fhost_adapter *a,
                    uint32_t how, const char *text) {
  struct fisa_error err = {""};

  memset(b, 0, sizeof *b);
  b->vm = adapt_vm(a);
  b->d = adapt_dialect(a->dialect);
  b->p = adapt_program(b->d, text);
  b->s = fisa_state_new(b->d);
  b->code = b->vm.load(&b->vm, b->p, how, &err);
  fisa_state_start(b->p, b->s);
  return UNIT_TRUE(b->code, "%s", err.text);
}

static bool open_toy(struct bench *b, const char *text) {
  return open_on(b, &toy_adapter, 0, text);
}

static void done(struct bench *b) {
  b->vm.unload(b->code);
  fisa_state_free(b->s);
  fisa_trace_done(&b->side.trace);
  fisa_program_free(b->p);
  fisa_dialect_free(b->d);
}

static int run(struct bench *b, uint64_t fuel) {
  const struct fhost_vm_io io = {gen_take, gen_give, &b->side, NULL};

  return b->vm.run(b->code, b->s, &io, fuel, b->counts);
}

static int32_t *cell(struct bench *b, const char *name, unsigned i) {
  return &b->s->cells[b->d->files[fisa_file_by_name(b->d, name,
                                                    strlen(name))].first + i];
}

static uint32_t label(const struct bench *b, const char *name) {
  for (uint32_t i = 0; i < b->p->label_count; i++)
    if (strcmp(b->p->labels[i].name, name) == 0)
      return b->p->labels[i].pc;
  UNIT_TRUE(0, "no label %s", name);
  return 0;
}

/* ---- lethal ------------------------------------------------------------- */

/* The instruction under test stands at `here`; R1 and R2 and the stack's
 * depth are given. */
static const struct {
  const char *text;
  int32_t r1, r2, depth;
  int32_t fault;
  uint32_t cycles;
} lethals[] = {
  {"NOP\nhere: DIV R1, R2\nHALT\n", INT32_MIN, -1, 0, 1000, 5},
  {"NOP\nhere: SHL R1, R2\nHALT\n", 1, 32, 0, 1001, 2},
  {"NOP\nhere: SHL R1, R2\nHALT\n", 1, -1, 0, 1001, 2},
  {"NOP\nhere: PUSH R1\nHALT\n", 1, 1, 16, 1005, 2},
  {"NOP\nhere: CALL here\nHALT\n", 1, 1, 16, 1005, 2},
  {"NOP\nhere: POP R1\nHALT\n", 1, 1, 0, 1006, 2},
  {"NOP\nhere: JMP here-100\nHALT\n", 1, 1, 0, 1007, 2},
  {"NOP\nhere: JNZ R1, here-100\nHALT\n", 1, 1, 0, 1007, 2},
  {"NOP\nhere: CALL here-100\nHALT\n", 1, 1, 1, 1007, 2},
  {"NOP\nhere: JR R1\nHALT\n", -1, 1, 0, 1007, 2},
  {"NOP\nhere: RET\nHALT\n", 1, 1, 1, 1007, 2},  /* -5 is on top */
  {"NOP\nhere: .byte 3, 1, 32\nHALT\n", 1, 1, 0, 1008, 2},
  {"NOP\nhere: .byte 3, 255, 1\nHALT\n", 1, 1, 0, 1008, 2},
  {"NOP\nhere: .byte 17, 9, 0\nHALT\n", 1, 1, 0, 1010, 2},
  {"NOP\nhere: .byte 2, 1\n", 1, 1, 0, 1, 1},     /* truncated */
  {"NOP\nhere: .byte 99\nHALT\n", 1, 1, 0, 3, 2}, /* unknown */
  {"NOP\nhere: ODD\nHALT\n", 1, 1, 0, 3, 2},
};

static void never_called(void) {
  for (unsigned i = 0; i < sizeof lethals / sizeof lethals[0]; i++) {
    struct fisa_state *before;
    struct bench b;

    toy_hurt = 0;
    if (!open_toy(&b, lethals[i].text))
      return;
    *cell(&b, "R", 1) = lethals[i].r1;
    *cell(&b, "R", 2) = lethals[i].r2;
    *cell(&b, "SP", 0) = TOY_STACK - lethals[i].depth;
    if (lethals[i].depth > 0)
      *fisa_stack_cell(b.d, b.s, (uint32_t)lethals[i].depth - 1) = -5;
    before = fisa_state_new(b.d);
    fisa_state_copy(before, b.s);
    UNIT_TRUE(run(&b, 9) == FISA_RUN_FAULT, "case %u: %d", i, b.s->status);
    UNIT_TRUE(b.s->fault == lethals[i].fault, "case %u: %d", i, b.s->fault);
    UNIT_TRUE(b.s->cycles == lethals[i].cycles, "case %u: %d cycles", i,
              (int)b.s->cycles);
    UNIT_TRUE(b.s->pc == label(&b, "here"), "case %u: pc %u", i, b.s->pc);
    UNIT_TRUE(memcmp(before->cells, b.s->cells,
                     b.s->cell_count * sizeof(int32_t)) == 0,
              "case %u has had effects", i);
    UNIT_EQ(toy_hurt, 0);
    fisa_state_free(before);
    done(&b);
  }
}

/* A fault of the VM's own leaves the pc where the VM has it. */
static void own_faults(void) {
  struct bench b;

  if (!open_toy(&b, "LDI R1, 5\nDIV R1, R2\nlater: HALT\n"))
    return;
  UNIT_EQ(run(&b, 9), FISA_RUN_FAULT);
  UNIT_EQ(b.s->fault, 2);
  UNIT_EQ(b.s->pc, label(&b, "later"));
  UNIT_EQ(b.s->cycles, 5);
  UNIT_EQ(*cell(&b, "R", 1), 5);
  /* And what it left in its object is gone in the next run. */
  UNIT_EQ(run(&b, 9), FISA_RUN_HALT);
  UNIT_EQ(b.s->fault, 0);
  done(&b);
}

/* An instruction that the VM is not called for counts down all the same. */
static void ticks_without_the_vm(void) {
  struct bench b;

  if (!open_on(&b, &toy_unified_adapter, 0, "NOP\nPOP R1\nHALT\n"))
    return;
  *cell(&b, "STRIP", 0) = 5;
  UNIT_EQ(run(&b, 9), FISA_RUN_FAULT);
  UNIT_EQ(b.s->fault, 1006);
  UNIT_EQ(*cell(&b, "STRIP", 0), 3);
  UNIT_EQ(b.s->cycles, 2);
  done(&b);
}

/* ---- boundaries and fuel ------------------------------------------------ */

static void yields(void) {
  struct bench b;

  if (!open_toy(&b, "YIELD\nLDI R1, 1\nYIELD\nHALT\n"))
    return;
  UNIT_EQ(run(&b, 99), FISA_RUN_YIELD);
  UNIT_EQ(b.s->pc, 1);
  UNIT_EQ(b.s->cycles, 1);
  UNIT_EQ(run(&b, 99), FISA_RUN_YIELD);
  UNIT_EQ(*cell(&b, "R", 1), 1);
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(b.s->cycles, 4);
  done(&b);
  if (!open_on(&b, &toy_adapter, FHOST_LOAD_THROUGH,
               ".boundary pc:mid\nYIELD\nmid: LDI R1, 1\nYIELD\nHALT\n"))
    return;
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(b.s->cycles, 4);
  done(&b);
}

static void boundary_pc(void) {
  struct bench b;

  if (!open_toy(&b, ".boundary pc:top\n.entry first\n"
                    "top: SUB1 R1\nJNZ R1, top\nHALT\n"
                    "first: LDI R1, 2\nJMP top\n"))
    return;
  UNIT_EQ(run(&b, 99), FISA_RUN_YIELD);
  UNIT_EQ(b.s->pc, 0);
  UNIT_EQ(b.s->cycles, 2);
  UNIT_EQ(b.counts[0], 0);
  /* A run that begins there passes it. */
  UNIT_EQ(run(&b, 99), FISA_RUN_YIELD);
  UNIT_EQ(b.s->cycles, 4);
  UNIT_EQ(b.counts[0], 1);
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(b.s->cycles, 7);
  done(&b);
}

static void boundary_out(void) {
  struct bench b;

  if (!open_toy(&b, ".boundary out:TEXT\nSAY R1, R2\nTEXT \"hi\"\n"
                    "LDI R1, 4\nSAY R1, R1\nHALT\n"))
    return;
  UNIT_EQ(run(&b, 99), FISA_RUN_YIELD);
  UNIT_EQ(b.s->cycles, 2);
  UNIT_EQ(b.s->pc, 8);
  UNIT_EQ(b.side.trace.count, 3); /* SAY, and the length and bytes of TEXT */
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(b.side.trace.count, 4);
  done(&b);
}

static void fuel(void) {
  struct bench b;

  if (!open_toy(&b, "NOP\nNOP\nNOP\n"))
    return;
  UNIT_EQ(run(&b, 0), FISA_RUN_FUEL);
  UNIT_EQ(b.s->pc, 0);
  UNIT_EQ(run(&b, 2), FISA_RUN_FUEL);
  UNIT_EQ(b.s->pc, 2);
  UNIT_EQ(b.s->cycles, 2);
  /* The end is found where the next instruction would be fetched. */
  UNIT_EQ(run(&b, 1), FISA_RUN_FUEL);
  UNIT_EQ(run(&b, 0), FISA_RUN_FUEL);
  UNIT_EQ(run(&b, 1), FISA_RUN_END);
  UNIT_EQ(b.s->pc, 3);
  UNIT_EQ(b.s->cycles, 3);
  b.s->pc = 77;
  UNIT_EQ(run(&b, 1), FISA_RUN_END);
  UNIT_EQ(b.s->pc, 77);
  done(&b);
}

static void counts(void) {
  struct bench b;

  if (!open_toy(&b, "LDI R1, 5\ntop: SUB1 R1\nJNZ R1, top\nHALT\n"))
    return;
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(b.counts[0], 1);
  UNIT_EQ(b.counts[4], 5);
  UNIT_EQ(b.counts[6], 5);
  UNIT_EQ(b.counts[10], 1);
  UNIT_EQ(b.counts[5], 0);
  for (uint32_t i = 0; i < b.p->size; i++)
    UNIT_TRUE(b.vm.heads(b.code)[i / 8] >> (i % 8) & 1, "%u", i);
  UNIT_EQ(b.vm.flags,
          FHOST_VM_COUNTS_ALL | FHOST_VM_MAY_FORK | FHOST_VM_TOLD_END);
  done(&b);
}

/* ---- memory ------------------------------------------------------------- */

static bool is_written(const struct bench *b, uint32_t at) {
  return b->s->written[at / 64] >> (at % 64) & 1;
}

static void marks(void) {
  struct bench b;

  /* Zero over zero counts as a store; an opaque row shows by what changed. */
  if (!open_toy(&b, "LDI R1, 1022\nST R0, R1\nLDI R2, 600\nBLUR R2\nHALT\n"))
    return;
  b.s->mem[602] = 0xFF; /* becomes 0 */
  b.s->dirty[0] |= 1u << 2;
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  for (uint32_t i = 0; i < 1024; i++)
    UNIT_TRUE(is_written(&b, i) == (i >= 1022 || i < 2 ||
                                    (i >= 600 && i < 608)), "byte %u", i);
  UNIT_EQ(b.s->dirty[0], 1u | 1u << 2 | 1u << 3);
  UNIT_EQ(b.s->mem[600], 1);
  UNIT_EQ(b.s->mem[602], 0);
  done(&b);
}

/* The state is the whole truth: what a run left in the VM's memory does not
 * come back, and what came in from elsewhere is there. */
static void memory_comes_and_goes(void) {
  struct bench b;

  if (!open_toy(&b, "LDI R1, 300\nLD R2, R1\nLDI R3, 7\nST R3, R1\nHALT\n"))
    return;
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(*cell(&b, "R", 2), 0);
  UNIT_EQ(b.s->mem[300], 7);
  fisa_state_start(b.p, b.s);
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(*cell(&b, "R", 2), 0);
  fisa_state_start(b.p, b.s);
  b.s->mem[301] = 2;
  fisa_state_mark(b.s, 301, 1);
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(*cell(&b, "R", 2), 512);
  done(&b);
}

/* A state that another VM object has run in between. */
static void two_objects_one_state(void) {
  static const char text[] = "LDI R1, 300\nLD R2, R1\nADD R2, R1\n"
                             "ST R2, R1\nYIELD\nHALT\n";
  struct bench a, b;

  if (!open_toy(&a, text) || !open_toy(&b, text))
    return;
  for (int i = 1; i <= 6; i++) {
    void *code = a.code;
    UNIT_EQ(run(&a, 99), FISA_RUN_YIELD);
    UNIT_EQ(a.s->mem[300] | a.s->mem[301] << 8, 300 * i);
    a.code = b.code;
    b.code = code;
    a.s->pc = 0;
  }
  done(&a);
  done(&b);
}

/* ---- cells -------------------------------------------------------------- */

static void canonical_nans(void) {
  static const uint32_t nans[] = {0x7FC00000, 0xFFC00000, 0x7F800001,
                                  0xFFFFFFFF};
  struct bench b;

  if (!open_on(&b, &toy_unified_adapter, 0,
               "FADD F1, F2, F3\nSTORE R5, R0, R0\nHALT\n"))
    return;
  for (unsigned i = 0; i < 4; i++) {
    memcpy(cell(&b, "F", 20), &nans[i], 4);
    b.s->pc = 0;
    UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
    UNIT_EQ(*cell(&b, "F", 20), 0x7FC00000);
  }
  done(&b);
}

/* A flag is 0 or 1, whatever the VM thinks is true. */
static void flags_are_bits(void) {
  struct bench b;

  if (!open_toy(&b, "ADD R1, R2\nHALT\n"))
    return;
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(*cell(&b, "Z", 0), 1);
  done(&b);
}

/* ---- callbacks ---------------------------------------------------------- */

/* Each VM object has functions of its own, although the VM's carry nothing:
 * two of them, run in turns. */
static void callbacks_know_their_agent(void) {
  static const char text[] = "top: EYE R1, 9\nSAY R1, R2\nTEXT \"abc\"\n"
                             "YIELD\nJMP top\n";
  struct bench b[2];
  const struct fisa_event *e;

  if (!open_toy(&b[0], text) || !open_toy(&b[1], text))
    return;
  for (int i = 0; i < 2; i++) {
    b[i].side.seed = 7;
    b[i].side.number = (uint64_t)i;
    *cell(&b[i], "R", 2) = 100 + i;
  }
  for (int turn = 0; turn < 4; turn++)
    for (int i = 0; i < 2; i++)
      UNIT_EQ(run(&b[i], 99), FISA_RUN_YIELD);
  for (int i = 0; i < 2; i++) {
    UNIT_EQ(b[i].side.trace.count, 16);
    for (uint32_t k = 0; k < b[i].side.trace.count; k += 4) {
      e = &b[i].side.trace.events[k];
      UNIT_STR_EQ(b[i].d->sources[e[0].name], "EYE");
      UNIT_EQ(e[0].argc, 1);
      UNIT_EQ(e[0].arg[0], 9);
      UNIT_EQ(e[0].value, gen_input(7, (uint64_t)i, k / 4));
      UNIT_STR_EQ(b[i].d->channels[e[1].name], "SAY");
      UNIT_EQ(e[1].argc, 2);
      UNIT_EQ(e[1].arg[0], e[0].value);
      UNIT_EQ(e[1].arg[1], 100 + i);
      UNIT_STR_EQ(b[i].d->channels[e[2].name], "TEXT");
      UNIT_EQ(e[2].arg[0], 3);
      UNIT_EQ(e[3].arg[0], 'a' | 'b' << 8 | 'c' << 16);
    }
    done(&b[i]);
  }
}

/* Without anybody outside values are 0 and outputs are dropped. */
static void nobody_outside(void) {
  const struct fhost_vm_io nobody = {NULL, NULL, NULL, NULL};
  struct bench b;

  if (!open_toy(&b, "LDI R1, 5\nEYE R1, 9\nSAY R1, R2\nTEXT 1\nHALT\n"))
    return;
  UNIT_EQ(b.vm.run(b.code, b.s, &nobody, 99, NULL), FISA_RUN_HALT);
  UNIT_EQ(*cell(&b, "R", 1), 0);
  done(&b);
}

/* ---- a VM that only runs ------------------------------------------------ */

static void runs_whole(void) {
  static const char text[] = "LDI R1, 5\ntop: ADD R2, R1\nSUB1 R1\n"
                             "EYE R3, 1\nSAY R3, R2\nST R2, R1\n"
                             "JNZ R1, top\nHALT\n";
  struct bench a, b;

  if (!open_toy(&a, text) ||
      !open_on(&b, &toy_run_adapter, 0, text))
    return;
  UNIT_EQ(b.vm.flags, FHOST_VM_NO_COUNTS | FHOST_VM_HALT_ONLY |
                           FHOST_VM_MAY_FORK | FHOST_VM_TOLD_END);
  UNIT_EQ(run(&a, 99), FISA_RUN_HALT);
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_MEM_EQ(a.s->cells, b.s->cells, a.s->cell_count * sizeof(int32_t));
  UNIT_MEM_EQ(a.s->mem, b.s->mem, a.s->mem_size);
  UNIT_EQ(a.s->pc, b.s->pc);
  UNIT_EQ(a.s->cycles, b.s->cycles);
  UNIT_EQ(a.side.trace.count, b.side.trace.count);
  for (uint32_t i = 0; i < a.side.trace.count; i++)
    UNIT_TRUE(fisa_event_equal(&a.side.trace.events[i],
                               &b.side.trace.events[i]), "event %u", i);
  for (uint32_t i = 0; i < b.p->size; i++)
    UNIT_EQ(b.counts[i], 0);
  UNIT_EQ(b.vm.heads(b.code)[0], 0);
  done(&a);
  done(&b);
}

static void run_whole_ends(void) {
  struct bench b;

  if (!open_on(&b, &toy_run_adapter, 0, "top: NOP\nJMP top\n"))
    return;
  UNIT_EQ(run(&b, 100), FISA_RUN_FUEL);
  UNIT_EQ(b.s->cycles, 100);
  UNIT_EQ(run(&b, 0), FISA_RUN_FUEL);
  done(&b);
  if (!open_on(&b, &toy_run_adapter, 0, "NOP\nYIELD\nNOP\n"))
    return;
  UNIT_EQ(run(&b, 100), FISA_RUN_END); /* YIELD is no boundary to it */
  UNIT_EQ(b.s->pc, 3);
  UNIT_EQ(run(&b, 100), FISA_RUN_END);
  done(&b);
  if (!open_on(&b, &toy_run_adapter, 0, "DIV R1, R2\nHALT\n"))
    return;
  UNIT_EQ(run(&b, 100), FISA_RUN_FAULT);
  UNIT_EQ(b.s->fault, 2);
  UNIT_EQ(b.s->pc, 3);
  done(&b);
}

/* ---- how a VM tells that it stops --------------------------------------- */

/* A VM that answers what it is told to. */
struct teller {
  int32_t pc;
  uint8_t halted, faulted;
  int32_t fault;
  uint8_t memory[TOY_MEMORY];
};

static struct {
  int32_t answer, fault;
  uint8_t halted, faulted;
} told;

static int32_t tell(void *vm, const uint8_t *code, uint32_t length) {
  struct teller *t = vm;

  (void)code, (void)length;
  t->pc++;
  t->halted = told.halted;
  t->faulted = told.faulted;
  t->fault = told.fault;
  return told.answer;
}

static const struct fhost_vm_code tell_codes[] = {
  {.code = 1, .status = FISA_RUN_HALT},
  {.code = 11, .status = FHOST_RUNS},
  {.code = 12, .status = FISA_RUN_FUEL},
  {.code = 13, .status = FISA_RUN_END},
  {.code = 14, .status = FISA_RUN_FAULT, .fault = 3},
};

static const struct fhost_vm_field tell_fields[] = {
  FHOST_ARRAY("mem", struct teller, memory, FHOST_BYTES),
};

static const struct {
  int32_t answer, fault;
  uint8_t halted, faulted;
  bool has_faulted;
  int status, code;
} tales[] = {
  {FHOST_GOES_ON, 0, 0, 0, false, FISA_RUN_FUEL, 0},
  {FHOST_GOES_ON, 0, 1, 0, false, FISA_RUN_HALT, 0},
  {FHOST_GOES_ON, 9, 0, 0, false, FISA_RUN_FAULT, 9},
  {FHOST_GOES_ON, 14, 0, 0, false, FISA_RUN_FAULT, 3},
  {FHOST_GOES_ON, 11, 0, 0, false, FISA_RUN_FUEL, 0},
  {FHOST_GOES_ON, 1, 0, 0, false, FISA_RUN_HALT, 0},
  {FHOST_GOES_ON, 12, 0, 0, false, FISA_RUN_FUEL, 0},
  {FHOST_GOES_ON, 13, 0, 0, false, FISA_RUN_END, 0},
  {FHOST_GOES_ON, 99, 1, 0, false, FISA_RUN_HALT, 99},
  {FHOST_GOES_ON, 99, 1, 0, true, FISA_RUN_HALT, 99},
  {FHOST_GOES_ON, 99, 0, 1, true, FISA_RUN_FAULT, 99},
  {FHOST_GOES_ON, 99, 1, 1, true, FISA_RUN_FAULT, 99},
  {FHOST_GOES_ON, 99, 0, 0, true, FISA_RUN_FUEL, 0},
  {FHOST_GOES_ON, 14, 0, 1, true, FISA_RUN_FAULT, 3},
  {FHOST_HALTED, 0, 0, 0, false, FISA_RUN_HALT, 0},
  {FHOST_HALTED, 99, 0, 0, false, FISA_RUN_HALT, 99},
  {FHOST_RAN_OFF, 0, 0, 0, false, FISA_RUN_END, 0},
  {FHOST_OUT_OF_BUDGET, 0, 0, 0, false, FISA_RUN_FUEL, 0},
  {1, 0, 0, 0, false, FISA_RUN_HALT, 0},
  {11, 0, 0, 0, false, FISA_RUN_FUEL, 0},
  {14, 0, 0, 0, false, FISA_RUN_FAULT, 3},
  {5, 0, 0, 0, false, FISA_RUN_FAULT, 5},
  {-5, 0, 0, 0, true, FISA_RUN_FAULT, -5},
};

static void tellers(void) {
  for (unsigned i = 0; i < sizeof tales / sizeof tales[0]; i++) {
    struct fhost_adapter a = {
      .struct_size = sizeof a, .dialect = "toy", .build_id = "teller",
      .size = sizeof(struct teller), .fields = tell_fields, .field_count = 1,
      .pc = FHOST_NUMBER(struct teller, pc, FHOST_I32), .step = tell,
      .halted = FHOST_NUMBER(struct teller, halted, FHOST_U8),
      .fault = FHOST_NUMBER(struct teller, fault, FHOST_I32),
      .codes = tell_codes, .code_count = 5,
    };
    struct bench b;

    if (tales[i].has_faulted)
      a.faulted = (struct fhost_vm_number)
                  FHOST_NUMBER(struct teller, faulted, FHOST_U8);
    told.answer = tales[i].answer;
    told.fault = tales[i].fault;
    told.halted = tales[i].halted;
    told.faulted = tales[i].faulted;
    if (!open_on(&b, &a, 0, "NOP\nNOP\nNOP\nNOP\n"))
      return;
    UNIT_TRUE(run(&b, 2) == tales[i].status && b.s->fault == tales[i].code,
              "tale %u: status %d, fault %d", i, b.s->status, b.s->fault);
    /* No member counts cycles: the table does. */
    UNIT_EQ(b.s->cycles, b.s->pc);
    done(&b);
  }
}

/* A VM that jumps where its table sees no jump is stopped behind it. */
static int32_t run_wild(void *vm, const uint8_t *code, uint32_t length) {
  struct teller *t = vm;

  (void)code, (void)length;
  t->pc = t->pc == 1 ? -7 : t->pc + 1;
  return FHOST_GOES_ON;
}

static void below_the_code(void) {
  const struct fhost_adapter a = {
    .struct_size = sizeof a, .dialect = "toy", .build_id = "wild",
    .size = sizeof(struct teller), .fields = tell_fields, .field_count = 1,
    .pc = FHOST_NUMBER(struct teller, pc, FHOST_I32), .step = run_wild,
  };
  struct bench b;

  if (!open_on(&b, &a, 0, "NOP\nNOP\nNOP\n"))
    return;
  UNIT_EQ(run(&b, 9), FISA_RUN_FAULT);
  UNIT_EQ(b.s->fault, 1007);
  UNIT_EQ(b.s->pc, 1);
  UNIT_EQ(b.s->cycles, 2);
  done(&b);
}

/* ---- odd objects -------------------------------------------------------- */

/* Memory in three pieces: bytes, a pointer that may be NULL, words. */
struct pieces {
  uint32_t pc;
  uint8_t low[256];
  uint8_t *middle;
  int32_t high[64];
  bool halted;
};

static unsigned made, unmade, begun;

static void *make_pieces(void) {
  struct pieces *p = calloc(1, sizeof *p);

  made++;
  p->middle = calloc(1, 512);
  return p;
}

static void unmake_pieces(void *vm) {
  struct pieces *p = vm;

  unmade++;
  free(p->middle);
  free(p);
}

static void begin_pieces(void *vm) {
  (void)vm;
  begun++;
}

/* NOP writes; JMP takes the middle away; everything else stops. */
static int32_t step_pieces(void *vm, const uint8_t *code, uint32_t length) {
  struct pieces *p = vm;

  (void)length;
  switch (code[p->pc++]) {
  case 1:
    p->low[255]++;
    if (p->middle)
      p->middle[0] += 2;
    p->high[0] += 0x01020304;
    return FHOST_GOES_ON;
  case 19:
    p->pc++;
    free(p->middle);
    p->middle = NULL;
    return FHOST_GOES_ON;
  default:
    return FHOST_HALTED;
  }
}

static const struct fhost_vm_field piece_fields[] = {
  FHOST_ARRAY("mem", struct pieces, low, FHOST_U8),
  FHOST_BEHIND("mem", struct pieces, middle, FHOST_BYTES, 512, 256),
  {.name = "mem", .offset = offsetof(struct pieces, high), .type = FHOST_I32,
   .count = 64, .address = 768},
};

static const struct fhost_adapter piece_adapter = {
  .struct_size = sizeof piece_adapter, .dialect = "toy", .build_id = "p",
  .create = make_pieces, .destroy = unmake_pieces, .begin = begin_pieces,
  .fields = piece_fields, .field_count = 3,
  .pc = FHOST_NUMBER(struct pieces, pc, FHOST_U32), .step = step_pieces,
};

static void memory_in_pieces(void) {
  struct bench b;

  made = unmade = begun = 0;
  if (!open_on(&b, &piece_adapter, 0, ".data 255 byte 1,2\n"
               ".data 768 byte 1,0,0,0\nNOP\nBLUR R1\nNOP\nHALT\n"))
    return;
  /* The table says that NOP stores nothing; what it does comes out at the
   * end of the run all the same. */
  UNIT_EQ(run(&b, 1), FISA_RUN_FUEL);
  UNIT_EQ(b.s->mem[255], 2);
  UNIT_EQ(b.s->mem[256], 4);
  UNIT_EQ(b.s->mem[768], 5);
  UNIT_EQ(b.s->mem[771], 1);
  UNIT_EQ(is_written(&b, 256), 1);
  UNIT_EQ(is_written(&b, 257), 0);
  /* Where the VM has nothing the state keeps what it has. */
  UNIT_EQ(run(&b, 99), FISA_RUN_HALT);
  UNIT_EQ(b.s->mem[255], 3);
  UNIT_EQ(b.s->mem[256], 4);
  UNIT_EQ(b.s->mem[768], 9);
  UNIT_EQ(made, 1);
  UNIT_EQ(begun, 2);
  UNIT_EQ(unmade, 0);
  done(&b);
  UNIT_EQ(unmade, 1);
}

static void *no_vm(void) {
  return NULL;
}

static int cannot(void *vm) {
  (void)vm;
  return -1;
}

static void cannot_be_made(void) {
  struct fisa_dialect *d = adapt_dialect("toy");
  struct fisa_program *p = adapt_program(d, "HALT\n");
  struct fhost_adapter a = piece_adapter;
  struct fisa_error err = {""};
  struct fhost_vm vm;

  a.create = no_vm;
  vm = adapt_vm(&a);
  UNIT_TRUE(vm.load(&vm, p, 0, &err) == NULL, "made of nothing");
  UNIT_STR_EQ(err.text, "out of memory");
  a = toy_adapter;
  a.init = cannot;
  vm = adapt_vm(&a);
  UNIT_TRUE(vm.load(&vm, p, 0, &err) == NULL, "made of nothing");
  a = toy_adapter;
  a.pc.type = FHOST_NOT_THERE;
  vm = adapt_vm(&a);
  UNIT_TRUE(vm.load(&vm, p, 0, &err) == NULL, "no pc");
  UNIT_STR_EQ(err.text, "it has no pc");
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* ---- agents ------------------------------------------------------------- */

static int32_t world_input(uint64_t task, uint16_t source, const int32_t *arg,
                           unsigned argc, void *user) {
  (void)source, (void)arg, (void)argc, (void)user;
  return (int32_t)task;
}

struct heard {
  unsigned count;
  int64_t sum;
};

static void world_output(uint64_t task, uint16_t channel, const int32_t *arg,
                         unsigned argc, void *user) {
  struct heard *h = user;

  (void)task, (void)channel;
  h->count++;
  for (unsigned i = 0; i < argc; i++)
    h->sum += arg[i];
}

/* An evolver that only looks at what it is told. */
static struct {
  unsigned attached;
  _Atomic unsigned ended;
  _Atomic uint32_t task_flags;
  uint32_t flags;
} seen;

struct flux_evolved {
  int nothing;
};

struct flux_plugin {
  int nothing;
};

static flux_status attach(flux_plugin *plugin, const flux_agent_info *info,
                          flux_evolved **out, char *message,
                          size_t capacity) {
  static flux_evolved evolved;

  (void)plugin, (void)message, (void)capacity;
  seen.attached++;
  seen.flags = info->flags;
  *out = &evolved;
  return FLUX_OK;
}

static void detach(flux_plugin *plugin, flux_evolved *agent) {
  (void)plugin, (void)agent;
}

static void task_end(flux_evolved *agent, const flux_task *task) {
  (void)agent;
  seen.ended++;
  seen.task_flags = task->flags;
}

static const flux_evolver evolver = {
  .struct_size = sizeof evolver, .attach = attach, .detach = detach,
  .task_end = task_end,
};

static int attach_to(struct fhost_agent *a, struct fisa_error *err) {
  static flux_plugin plugin;
  const struct fhost_evolver e = {&plugin, &evolver};
  const struct fhost_texts texts = {toy_dialect_text, NULL,
                                    strlen(toy_dialect_text), 0};

  return fhost_agent_attach(a, &e, &texts, err);
}

/* Two adapted VMs in one runtime, on two workers. */
static void agents(void) {
  static const char text[] = "top: EYE R1, 1\nSAY R1, R2\nLDI R3, 3\n"
                             "again: SUB1 R3\nJNZ R3, again\nHALT\n";
  const struct fhost_vm vm = adapt_vm(&toy_adapter);
  struct fhost_runtime *rt = fhost_runtime_new();
  struct fhost_run_options run_options = {.threads = 2, .tasks = 500};
  struct fisa_dialect *d = adapt_dialect("toy");
  struct fisa_program *p = adapt_program(d, text);
  struct heard heard[2] = {{0, 0}, {0, 0}};
  struct fisa_error err = {""};
  struct fhost_agent *last = NULL;
  struct fhost_agent_stats stats;
  uint64_t slots[64], version;
  uint8_t heads[8];
  uint32_t size;

  memset(&seen, 0, sizeof seen);
  for (int i = 0; i < 2; i++) {
    struct fhost_agent_options o = {
      .name = i ? "b" : "a", .program = p, .vm = &vm,
      .world = {.input = world_input, .output = world_output,
                .user = &heard[i]},
      .fresh_start = true, .confidence_cell = -1, .max_task_fuel = 1000,
    };
    struct fhost_agent *a = fhost_agent_add(rt, &o, &err);
    if (!UNIT_TRUE(a, "%s", err.text))
      return;
    last = a;
    UNIT_EQ(attach_to(a, &err), 0);
    UNIT_EQ(seen.flags, FLUX_AGENT_FRESH_START | FLUX_AGENT_COUNTS_ALL);
    UNIT_EQ(fhost_runtime_live(rt)->observe(
                (uint64_t)i + 1, FLUX_OBSERVE_COUNT | FLUX_OBSERVE_RECORD, 5,
                rt), FLUX_OK);
  }
  UNIT_EQ(fhost_runtime_run(rt, &run_options, &err), 0);
  for (int i = 0; i < 2; i++) {
    UNIT_EQ(heard[i].count, 500);
    UNIT_EQ(heard[i].sum, 499 * 500 / 2);
    UNIT_EQ(fhost_runtime_live(rt)->counts((uint64_t)i + 1, slots, heads, 64,
                                           &size, &version, rt), FLUX_OK);
    UNIT_EQ(slots[0], 100);
    UNIT_EQ(slots[label(&(struct bench){.p = p}, "again")], 300);
  }
  UNIT_EQ(seen.attached, 2);
  UNIT_EQ(seen.ended, 200);
  fhost_agent_stats(last, &stats);
  UNIT_EQ(stats.results, 500);
  UNIT_EQ(stats.cycles, 500 * 10);
  fhost_runtime_free(rt);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* An agent on a VM that stops at HALT alone is evolved where that is all. */
static void halt_alone(void) {
  static const struct {
    const char *text;
    int refused;
  } given[] = {
    {"NOP\nHALT\n", 0},
    {"JMP on\nYIELD\non: HALT\n", 0},        /* never reached */
    {"NOP\nYIELD\nHALT\n", 1},
    {".boundary out:SAY\nSAY R1, R2\nHALT\n", 1},
    {".boundary pc:on\nNOP\non: HALT\n", 1},
  };
  const struct fhost_vm vm = adapt_vm(&toy_run_adapter);
  struct fisa_dialect *d = adapt_dialect("toy");

  memset(&seen, 0, sizeof seen);
  for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++) {
    struct fhost_runtime *rt = fhost_runtime_new();
    struct fisa_program *p = adapt_program(d, given[i].text);
    struct fhost_agent_options o = {
      .name = "a", .program = p, .vm = &vm, .fresh_start = true,
      .confidence_cell = -1, .max_task_fuel = 1000,
    };
    struct fisa_error err = {""};
    struct fhost_agent *a = fhost_agent_add(rt, &o, &err);

    if (UNIT_TRUE(a, "%s", err.text)) {
      UNIT_TRUE(attach_to(a, &err) == given[i].refused, "%s", given[i].text);
      if (given[i].refused)
        UNIT_STR_EQ(err.text, "its VM stops at HALT alone, and the program "
                    "has other task boundaries");
      UNIT_EQ(seen.flags & FLUX_AGENT_COUNTS_ALL, 0);
    }
    fhost_runtime_free(rt);
    fisa_program_free(p);
  }
  fisa_dialect_free(d);
}

/* Nothing is counted, and who asks is told so. */
static void uncounted(void) {
  const struct fhost_vm vm = adapt_vm(&toy_run_adapter);
  struct fhost_runtime *rt = fhost_runtime_new();
  struct fisa_dialect *d = adapt_dialect("toy");
  struct fisa_program *p = adapt_program(d, "NOP\nHALT\n");
  struct fhost_agent_options o = {
    .name = "a", .program = p, .vm = &vm, .fresh_start = true,
    .confidence_cell = -1, .max_task_fuel = 1000,
  };
  struct fisa_error err = {""};
  struct fhost_agent *a = fhost_agent_add(rt, &o, &err);
  uint64_t slots[8], version;
  uint8_t heads[8];
  uint32_t size;

  memset(&seen, 0, sizeof seen);
  if (UNIT_TRUE(a, "%s", err.text)) {
    UNIT_EQ(attach_to(a, &err), 0);
    UNIT_EQ(fhost_runtime_live(rt)->observe(1, FLUX_OBSERVE_COUNT, 1, rt),
            FLUX_OK);
    UNIT_EQ(fhost_agent_task(a), FHOST_RAN);
    UNIT_EQ(seen.ended, 1);
    UNIT_EQ(seen.task_flags & FLUX_TASK_COUNTED, 0);
    UNIT_EQ(fhost_runtime_live(rt)->counts(1, slots, heads, 8, &size,
                                           &version, rt),
            FLUX_E_UNSUPPORTED);
  }
  fhost_runtime_free(rt);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* A VM that cannot be loaded costs its agent, with the reason. */
static void no_agent(void) {
  struct fhost_adapter a = toy_adapter;
  struct fhost_runtime *rt = fhost_runtime_new();
  struct fisa_dialect *d = adapt_dialect("toy");
  struct fisa_program *p = adapt_program(d, "HALT\n");
  struct fisa_error err = {""};
  struct fhost_agent_options o = {
    .name = "a", .program = p, .fresh_start = true, .confidence_cell = -1,
    .max_task_fuel = 1000,
  };
  struct fhost_vm vm;

  a.field_count = 0;
  a.pc.type = FHOST_F32;
  vm = adapt_vm(&a);
  o.vm = &vm;
  UNIT_TRUE(fhost_agent_add(rt, &o, &err) == NULL, "it was added");
  UNIT_STR_EQ(err.text, "agent \"a\": pc is no integer");
  fhost_runtime_free(rt);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* ---- single steps ------------------------------------------------------- */

static const flux_step *step_service(struct fhost_services *s) {
  const flux_host *h = fhost_services_host(s);

  return h->extension(FLUX_EXT_STEP, h->ctx);
}

/* Any state may be stepped, and nothing of it stays. */
static void step_any_state(const struct fhost_adapter *a) {
  const struct fhost_vm vm = adapt_vm(a);
  struct fisa_dialect *d = adapt_dialect("toy");
  struct fisa_program *p = adapt_program(d, "LD R1, R2\nST R1, R3\nBLUR R2\n"
                                      "YIELD\nHALT\n");
  const struct fhost_services_options o = {
    .name = "h", .version = "1", .vm = &vm, .dialect = d,
  };
  struct fhost_services *services = fhost_services_new(&o);
  const flux_step *step = step_service(services);
  void *ctx = fhost_services_host(services)->ctx;
  struct fisa_state *s = fisa_state_new(d);
  flux_stepper *st = NULL;
  flux_state given = {
    .struct_size = sizeof given, .cell_count = d->cell_count,
    .mem_size = d->mem_size, .cells = s->cells, .mem = s->mem,
  };

  if (UNIT_EQ(step->open("toy", p->code, p->size, &st, ctx), FLUX_OK)) {
    for (int i = 1; i <= 3; i++) {
      memset(given.mem, 0, d->mem_size);
      given.mem[700] = (uint8_t)i;
      given.pc = 0;
      given.cells[2] = 700;
      given.cells[3] = 100;
      UNIT_EQ(step->run(st, &given, 2, NULL), FLUX_OK);
      UNIT_EQ(given.status, FLUX_RUN_FUEL);
      UNIT_EQ(given.cells[1], i);
      UNIT_EQ(given.mem[100], i);
      UNIT_EQ(given.mem[700], i);
      UNIT_EQ(step->run(st, &given, 1, NULL), FLUX_OK);
      UNIT_EQ(given.mem[700], i + 1);
      UNIT_EQ(given.mem[707], 1);
      UNIT_EQ(step->run(st, &given, 1, NULL), FLUX_OK);
      UNIT_EQ(given.status, FLUX_RUN_YIELD);
      UNIT_EQ(step->run(st, &given, 1, NULL), FLUX_OK);
      UNIT_EQ(given.status, FLUX_RUN_HALT);
      UNIT_EQ(given.pc, p->size);
      UNIT_EQ(given.cycles, (uint64_t)(5 * i));
    }
    step->close(st);
  }
  fhost_services_free(services);
  fisa_state_free(s);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

static void step_service_steps(void) {
  step_any_state(&toy_adapter);
}

static void step_service_runs_one(void) {
  step_any_state(&toy_run_adapter);
}

/* Answers `left` questions with what it is asked, and ends at the last. */
static int ask_some(uint16_t source, const int32_t *arg, uint32_t argc,
                    int32_t *value, void *user) {
  uint32_t *left = user;

  (void)source;
  (void)argc;
  *value = arg[0];
  return --*left == 0;
}

/* The end of a step that a callback asks for comes behind the instruction
 * that called it, whatever the count, and no later. */
static void callback_ends_steps(void) {
  const struct fhost_vm vm = adapt_vm(&toy_adapter);
  struct fisa_dialect *d = adapt_dialect("toy");
  struct fisa_program *p = adapt_program(d, "EYE R1, 7\nEYE R2, 8\n"
                                            "EYE R3, 9\nHALT\n");
  const struct fhost_services_options o = {
    .name = "h", .version = "1", .vm = &vm, .dialect = d,
  };
  struct fhost_services *services = fhost_services_new(&o);
  const flux_step *step = step_service(services);
  void *ctx = fhost_services_host(services)->ctx;
  flux_stepper *st = NULL;

  if (UNIT_EQ(step->open("toy", p->code, p->size, &st, ctx), FLUX_OK)) {
    for (uint32_t asked = 1; asked <= 4; asked++) {
      struct fisa_state *s = fisa_state_new(d);
      uint32_t left = asked;
      const flux_step_io io = {.struct_size = sizeof io, .input = ask_some,
                               .user = &left};
      flux_state given = {
        .struct_size = sizeof given, .cell_count = d->cell_count,
        .mem_size = d->mem_size, .cells = s->cells, .mem = s->mem,
      };

      UNIT_EQ(step->run(st, &given, 100, &io), FLUX_OK);
      UNIT_EQ(given.status, asked < 4 ? FLUX_RUN_FUEL : FLUX_RUN_HALT);
      UNIT_EQ(given.cycles, asked);
      for (uint32_t r = 1; r <= 3; r++)
        UNIT_EQ(given.cells[r], r <= asked ? (int32_t)r + 6 : 0);
      fisa_state_free(s);
    }
    step->close(st);
  }
  fhost_services_free(services);
  fisa_program_free(p);
  fisa_dialect_free(d);
}

/* ---- adapters of other times -------------------------------------------- */

static void other_sizes(void) {
  struct fhost_adapter a = toy_adapter;
  struct fisa_error err = {""};
  struct fhost_vm vm = {.dialect = "untouched"};

  a.struct_size--;
  UNIT_EQ(fhost_adapt(&a, &vm, &err), -1);
  UNIT_TRUE(strstr(err.text, "another libfluxhost"), "%s", err.text);
  a = toy_adapter;
  a.dialect = "";
  UNIT_EQ(fhost_adapt(&a, &vm, &err), -1);
  UNIT_STR_EQ(err.text, "the adapter names no dialect");
  UNIT_STR_EQ(vm.dialect, "untouched");
  a.dialect = "x";
  a.build_id = NULL;
  UNIT_EQ(fhost_adapt(&a, &vm, &err), 0);
  UNIT_STR_EQ(vm.build_id, "");
}

static const struct unit_test tests[] = {
  {"lethal", "never called", never_called},
  {"lethal", "own faults", own_faults},
  {"lethal", "ticks", ticks_without_the_vm},
  {"boundaries", "yields", yields},
  {"boundaries", "pc", boundary_pc},
  {"boundaries", "out", boundary_out},
  {"boundaries", "fuel", fuel},
  {"boundaries", "counts", counts},
  {"state", "marks", marks},
  {"state", "memory comes and goes", memory_comes_and_goes},
  {"state", "two objects, one state", two_objects_one_state},
  {"state", "canonical nans", canonical_nans},
  {"state", "flags are bits", flags_are_bits},
  {"state", "memory in pieces", memory_in_pieces},
  {"callbacks", "know their agent", callbacks_know_their_agent},
  {"callbacks", "nobody outside", nobody_outside},
  {"run alone", "whole", runs_whole},
  {"run alone", "ends", run_whole_ends},
  {"ends", "tellers", tellers},
  {"ends", "below the code", below_the_code},
  {"ends", "cannot be made", cannot_be_made},
  {"agents", "two", agents},
  {"agents", "halt alone", halt_alone},
  {"agents", "uncounted", uncounted},
  {"agents", "none", no_agent},
  {"steps", "of a stepper", step_service_steps},
  {"steps", "of a runner", step_service_runs_one},
  {"steps", "a callback ends them", callback_ends_steps},
  {"steps", "a callback ends them", callback_ends_steps},
  {"form", "other sizes", other_sizes},
};

UNIT_MAIN(tests)
