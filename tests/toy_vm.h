/*
 * toy_vm.h - two VMs to be adapted in tests, as strangers wrote them.
 *
 * toy_unified is the plain interpreter of tests/plain_vm.h in an object of
 * another layout than the codec's: flags in one byte, the stack from its
 * bottom up with a depth, memory behind a pointer, pc and cycles of odd types.
 *
 * toy is a machine of its own, with a dialect text of its own, that checks
 * nothing at all and counts how often that would have hurt. Its callbacks
 * carry no user pointer.
 */
#ifndef FLUX_TESTS_TOY_VM_H
#define FLUX_TESTS_TOY_VM_H

#include "hostsdk/adapt.h"

/* The code with which toy_unified leaves rows alone that it does not have. */
#define TOY_NO_ROW 77

extern const struct fhost_adapter toy_unified_adapter;
/* How often its own checks found something lethal: the layer was asleep. */
extern unsigned toy_unified_lethal;

/* ---- toy ---------------------------------------------------------------- */

enum { TOY_STACK = 16, TOY_MEMORY = 1024 };

struct toy_vm {
  int32_t reg[32];
  uint8_t zero;
  int32_t index;              /* of the stack, which grows down */
  int32_t stack[TOY_STACK];
  uint8_t memory[TOY_MEMORY];
  int32_t pc;
  uint32_t ticks;             /* cycles */
  bool stopped;
  int32_t error;
  int32_t (*eye)(int32_t which);
  void (*say)(int32_t a, int32_t b);
  void (*text)(const uint8_t *bytes, uint16_t size);
};

extern const char toy_dialect_text[];

/* Runs the instruction at pc; what the code holds is believed. */
void toy_step(struct toy_vm *vm, const uint8_t *code);

/* Steps until it stops or has taken that many. */
void toy_run(struct toy_vm *vm, const uint8_t *code, uint32_t length,
             uint64_t steps);

/* Rows that met what they do not stand, ever. */
extern _Atomic unsigned toy_hurt;

/* With a step function, with run alone, and with a run that takes its budget
 * by the dozen. */
extern const struct fhost_adapter toy_adapter;
extern const struct fhost_adapter toy_run_adapter;
extern const struct fhost_adapter toy_coarse_adapter;

#endif /* FLUX_TESTS_TOY_VM_H */
