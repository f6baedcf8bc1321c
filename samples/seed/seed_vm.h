/*
 * seed_vm.h - a very small stack machine for the seed encoding.
 *
 *   PUSH 42, ADD, HALT     leaves 42: what is not on the stack counts as 0
 *
 * 256 cells of stack, 256 cells of memory, a pc and a cycle counter. Cells
 * are 32-bit integers that wrap. No allocation, no global state: a VM is a
 * struct that may be read, written and copied between calls.
 */
#ifndef SEED_VM_H
#define SEED_VM_H

#include <stdint.h>

#define SEED_STACK 256
#define SEED_MEMORY 256

/* What a step came to. */
enum seed_event {
  SEED_RAN,                    /* an ordinary instruction; go on */
  SEED_YIELD,                  /* YIELD ran: the end of a task */
  SEED_HALT,                   /* HALT ran */
  SEED_END,                    /* nothing ran: the pc is past the end */
  SEED_FAULTED                 /* vm->fault says why */
};

enum seed_fault {
  SEED_NO_FAULT = 0,
  SEED_TRUNCATED = 1,          /* pc stays, the cycle is not counted */
  SEED_DIV_ZERO = 2,           /* pc past it, both operands still there */
  SEED_UNKNOWN = 3,            /* pc stays */
  SEED_STACK_FULL = 4          /* pc past it, nothing else done */
};

/* The next value of a source. */
typedef int32_t (*seed_sense_fn)(uint8_t source, void *user);

/* A value that the program emits. */
typedef void (*seed_act_fn)(uint8_t channel, int32_t value, void *user);

struct seed_vm {
  int32_t pc;                  /* offset in the code */
  uint32_t depth;              /* cells in use; the top is stack[depth - 1] */
  int32_t stack[SEED_STACK];
  int32_t memory[SEED_MEMORY];
  uint64_t cycles;             /* one an instruction, HALT and faults 2-4 too */
  enum seed_fault fault;       /* of the last step */

  seed_sense_fn sense;
  seed_act_fn act;
  void *user;
};

/* All zero, nothing bound. There is nothing to free. */
void seed_init(struct seed_vm *vm);

/* As seed_init, but what seed_bind set is kept. */
void seed_reset(struct seed_vm *vm);

/*
 * Binds SENSE and ACT. Called from seed_step with `user`; must not step the
 * same VM. With NULL in its place, every source reads 0, or values are lost.
 */
void seed_bind(struct seed_vm *vm, seed_sense_fn sense, seed_act_fn act,
               void *user);

/*
 * Runs the instruction at vm->pc and says what came of it. The pc is past the
 * instruction afterwards, or at the target of its jump, HALT and YIELD
 * included; for the faults see above. A step after HALT, YIELD or a fault
 * goes on from there.
 *
 * A pc at or past `length` gives SEED_END and changes nothing. A negative pc,
 * which only a jump or the caller can make, is not looked for: the caller
 * must not step such a VM. Length is at most INT32_MAX; depth at most 256.
 */
enum seed_event seed_step(struct seed_vm *vm, const uint8_t *code,
                          uint32_t length);

/*
 * Steps while SEED_RAN is the answer, `limit` times at most. Returns the last
 * answer: SEED_RAN when the limit ended it, also for a limit of 0.
 */
enum seed_event seed_run(struct seed_vm *vm, const uint8_t *code,
                         uint32_t length, uint64_t limit);

#endif /* SEED_VM_H */
