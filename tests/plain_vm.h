/*
 * tests/plain_vm.h - the unified dialect as a plain interpreter: a switch on
 * the opcode byte, one call a step, every check made when it is due.
 *
 * It is what a VM without predecoding looks like. The benchmark measures the
 * reference VM against it, and the tests run random code on both. It makes
 * the same checks; it has no bindings, and leaves out the rows that take
 * values from outside (plain_has tells).
 */
#ifndef FLUX_TESTS_PLAIN_VM_H
#define FLUX_TESTS_PLAIN_VM_H

#include "isa/state.h"

struct plain_vm {
  const uint8_t *code;
  uint32_t size;
  struct fisa_state *s;
};

/* Whether the machine has the row of an opcode byte (undefined: yes). */
bool plain_has(uint8_t opcode);

/* One step; true if the machine goes on. Status and fault are in the state. */
bool plain_step(struct plain_vm *vm);

/* Steps until it stops or the fuel is used up; returns the fuel left. */
uint64_t plain_run(struct plain_vm *vm, uint64_t fuel);

#endif /* FLUX_TESTS_PLAIN_VM_H */
