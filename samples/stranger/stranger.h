/*
 * stranger.h - a small register machine for the classic FLUX encoding.
 *
 * A VM is a plain struct: look at it and poke it as you like between calls.
 * Code is separate from memory and is handed to each call. The machine is
 * fast and trusting: it does not check register indexes, the pc against the
 * length, jump targets, shift counts, the inner lengths of payloads, nor
 * INT_MIN / -1. Bad code does bad things; valid code is safe.
 *
 * A VM belongs to one thread at a time. Two VMs share nothing; a struct that
 * was copied by assignment shares the memory of its original.
 */
#ifndef STRANGER_H
#define STRANGER_H

#include <stdint.h>

#define STRANGER_MEMORY 65536u       /* bytes of stack, and of heap */
#define STRANGER_FRAMES 256
#define STRANGER_BOXES 64
#define STRANGER_REGIONS 256         /* "stack" and "heap" included */
#define STRANGER_MAX_CYCLES 10000000u

/* What stranger_step returns and last_error holds. */
enum stranger_error {
  STRANGER_OK = 0,
  STRANGER_HALTED = 1,         /* HALT or EMERGENCY_STOP */
  STRANGER_BAD_OPCODE = 2,     /* pc stays on the opcode */
  STRANGER_DIV_ZERO = 3,
  STRANGER_OVERFLOW = 4,       /* frame stack full, or sp below 4 */
  STRANGER_UNDERFLOW = 5,      /* frame stack empty */
  STRANGER_BAD_BOX = 6,
  STRANGER_OUT_OF_CYCLES = 11,
  STRANGER_BOXES_FULL = 12
};

/*
 * Called by the rows 0x60-0x6C and 0x70-0x7A. The payload lies in the code
 * and may be read during the call only; length is what the row says. The pc
 * is past the row by then. The VM must not be stepped or freed from inside.
 */
typedef void (*stranger_message_fn)(uint8_t opcode, const uint8_t *payload,
                                    uint16_t length);

/* Called by YIELD, which does nothing else. Same rules. */
typedef void (*stranger_yield_fn)(void);

struct stranger_box {
  uint8_t tag;                 /* 0 int, 1 float, other: true or false */
  uint8_t raw[4];              /* little-endian */
};

/* A named piece of memory. The names need not be printable. */
struct stranger_region {
  uint8_t *bytes;
  uint32_t size;
  uint32_t name_length;
  uint8_t name[255];
};

/*
 * gp to sp lie in this order without gaps, because the rows do not check
 * register indexes: integer register 16-31 is the bits of a float register,
 * 32-95 are the vectors, 96 is pc and 97 is sp. Do not rearrange.
 */
struct stranger_vm {
  int32_t gp[16];
  float fp[16];
  uint8_t vec[16][16];         /* four little-endian lanes each */
  uint32_t pc;                 /* offset in the code */
  uint32_t sp;                 /* offset in the stack; grows down */

  /* Owned. stack and heap point into the regions of these names; NULL and
   * of size 0 while a program has destroyed them. */
  struct stranger_region *regions;
  uint32_t region_count;
  uint8_t *stack, *heap;
  uint32_t stack_size, heap_size;

  uint8_t flag_z, flag_s;      /* 0 or 1 */
  uint8_t flag_c, flag_o;      /* there, but no row ever sets them */

  uint32_t frame[STRANGER_FRAMES]; /* CALL and ENTER share it */
  uint32_t frame_depth;

  struct stranger_box box[STRANGER_BOXES];
  uint32_t box_count;
  uint8_t resource[256];       /* 1 = held */

  uint64_t cycles;             /* one an opcode fetched, ever since reset */
  uint64_t max_cycles;         /* stranger_execute stops when it is reached */
  uint8_t halted;
  int last_error;              /* enum stranger_error */

  stranger_message_fn on_message;
  stranger_yield_fn on_yield;
};

/*
 * Makes *vm, whatever it held, a fresh machine: all zero, but sp and gp[11]
 * are STRANGER_MEMORY and max_cycles is STRANGER_MAX_CYCLES. Returns 0, or
 * -1 when out of memory; then stranger_free is allowed but not needed.
 */
int stranger_init(struct stranger_vm *vm);

/*
 * Back to the state that stranger_init left; callbacks and max_cycles are
 * kept. The addresses of stack and heap change. Returns 0, or -1 when out of
 * memory: the VM is as after stranger_free then.
 */
int stranger_reset(struct stranger_vm *vm);

/* Frees what the VM owns. Twice is harmless. Only init makes it whole. */
void stranger_free(struct stranger_vm *vm);

/* NULL (the default) drops the messages, or does not tell of YIELD. */
void stranger_set_message(struct stranger_vm *vm, stranger_message_fn fn);
void stranger_set_yield(struct stranger_vm *vm, stranger_yield_fn fn);

/*
 * Runs the one instruction at vm->pc, after clearing halted. max_cycles is
 * not looked at. Returns:
 *
 *   0   it ran; last_error is 11 then, as if a budget of one were used up
 *   1   it was HALT or EMERGENCY_STOP: halted is set, pc is past it
 *   2.. an enum stranger_error. Nothing but cycles, pc and last_error has
 *       changed, and sp if it had run over: a DUP that finds no room has
 *       popped. pc is past the instruction, for error 2 still on it.
 *
 * Stepping on after any of these is allowed. The length of the code is for
 * the reader's eye: the machine runs off the end if the code lets it.
 */
int stranger_step(struct stranger_vm *vm, const uint8_t *code,
                  uint32_t length);

/*
 * Steps until an error or HALT, or until cycles has reached max_cycles.
 * Returns cycles after a HALT (last_error 1) and when out of cycles
 * (last_error 11, halted clear); otherwise minus the error.
 */
int64_t stranger_execute(struct stranger_vm *vm, const uint8_t *code,
                         uint32_t length);

/* A sentence for an error number; never NULL. */
const char *stranger_error_string(int error);

/* The region of that name, or NULL. Valid until the next row 0x30-0x32. */
const struct stranger_region *
stranger_find_region(const struct stranger_vm *vm, const void *name,
                     uint32_t name_length);

#endif /* STRANGER_H */
