/*
 * isa_util.h - what the tests of the isa library share: dialects to work on,
 * programs from text, numbers drawn from a counter.
 */
#ifndef FLUX_TESTS_ISA_UTIL_H
#define FLUX_TESTS_ISA_UTIL_H

#include "isa/asm.h"
#include "isa/state.h"

/* The built-in unified dialect with its bindings; lives until the end. */
const struct fisa_dialect *isa_unified(void);

/* A made-up dialect with what unified lacks: jumps from the end of the
 * instruction, payload rows, a stack that grows up, a single page of
 * memory, register files of other letters. */
const struct fisa_dialect *isa_tiny(void);

/* A made-up stack machine that is most things the others are not: its links
 * lie apart, it finds a 0 where there is no cell, it makes tests of its own;
 * registers that are checked, with a width, with values to begin with; keys
 * of its own, confidence in a cell, jumps that count instructions. */
const struct fisa_dialect *isa_mill(void);

/* A made-up dialect that has nothing but two rows. */
const struct fisa_dialect *isa_bare(void);

/* Assembles; a failure is told and fails the test; NULL then. */
struct fisa_program *isa_program(const struct fisa_dialect *d,
				 const char *text);

/* A program of samples/agents, in the dialect that its text names. A failure
 * is told as above. */
struct fisa_program *isa_sample(const char *name);

/* Disassembles, assembles that again and compares everything that a text can
 * say; of bytes as of a program. False after the first difference was told. */
bool isa_comes_back(const struct fisa_program *p);
bool isa_bytes_come_back(const struct fisa_dialect *d, const uint8_t *code,
			 size_t n);

/* Lower-case hex of bytes, in one of a few static buffers. */
const char *isa_hex(const uint8_t *bytes, size_t n);

/* splitmix64: the next of a sequence that the start value names. */
uint64_t isa_random(uint64_t *state);

/* A number below n > 0. */
uint32_t isa_below(uint64_t *state, uint32_t n);

#endif
