/*
 * plugin/window.h - windows of a program, and what they compute.
 *
 * A window is a straight run of instructions that only compute. What it does
 * is written down as a task: a form (a graph of semantic ops over its inputs
 * and constants, in which copies, dead code and the names of registers are
 * gone), and the roles that registers play for it: where the inputs are, which
 * must stay, where the results belong, what is free. Two windows with equal
 * tasks have equal replacements, in whatever registers, program or order of
 * operands they were found; a task has a key by which verdicts are kept.
 *
 * Memory at constant addresses is taken for cells (see window_slots.h), so
 * that code which stores and reloads every value is seen as what it computes:
 * an input that is in memory is loaded before a replacement begins and a
 * result that belongs there is stored behind it. Any other row that reaches
 * memory, the outside, a stack or control, or that may fault, ends a window.
 *
 * Everything here proposes: replacements are laid out, verified, tried and
 * fuzzed as any candidate is (candidate.h).
 */
#ifndef FLUX_PLUGIN_WINDOW_H
#define FLUX_PLUGIN_WINDOW_H

#include "plugin/kinds.h"
#include "plugin/vain.h"
#include "plugin/window_slots.h"

enum {
  FSE_WINDOW_OPS = 16,    /* ops of a form, and rows of a replacement */
  FSE_WINDOW_SPAN = 96,   /* instructions that it may span in the code */
  FSE_WINDOW_INS = 4,
  FSE_WINDOW_OUTS = 4,
  FSE_WINDOW_CONSTS = 12, /* constants of a form */
  FSE_WINDOW_TEMPS = 4,   /* free registers told to a search */
  FSE_WINDOW_ROLES = FSE_WINDOW_INS + FSE_WINDOW_OUTS + FSE_WINDOW_TEMPS,
  FSE_NOTHING = 255       /* no value, no role */
};

/* One op of a form. Operands are values: inputs first, then constants, then
 * ops in order; FSE_NOTHING where the op has none. `d` is the old d. */
struct fse_wnode {
  uint16_t op;
  uint8_t d, a, b, c;
  int32_t imm;
};

struct fse_wform {
  uint8_t in_count, const_count, node_count, out_count;
  int32_t constant[FSE_WINDOW_CONSTS];
  struct fse_wnode node[FSE_WINDOW_OPS];
  uint8_t out[FSE_WINDOW_OUTS];    /* values */
};

/* What a replacement has to do. */
struct fse_task {
  struct fse_wform form;
  uint8_t role_count;
  uint8_t role_file[FSE_WINDOW_ROLES];
  uint8_t in_role[FSE_WINDOW_INS];   /* FSE_NOTHING: loaded by a row of ours,
                                        into a free register */
  bool in_kept[FSE_WINDOW_INS];      /* read behind the window, too */
  uint8_t in_file[FSE_WINDOW_INS], out_file[FSE_WINDOW_OUTS];
  uint8_t out_role[FSE_WINDOW_OUTS]; /* FSE_NOTHING: wherever it is, a row of
                                        ours stores it */
  uint16_t zero_files;               /* files with a zero register, a bit
                                        each */
  bool flags_kept;                   /* no row that sets flags will do */
  uint64_t key;                      /* of all this and the lexicon */
};

/* A register by file and byte. */
struct fse_wreg {
  uint8_t file;
  int32_t byte;
};

struct fse_window {
  uint32_t first, length;   /* instructions of the view */
  uint32_t cost;            /* of their rows */
  uint32_t frame;           /* of that: loads and stores any replacement has */
  uint64_t heat;            /* times it ran */
  struct fse_task task;
  struct fse_wreg reg[FSE_WINDOW_ROLES];  /* by role */
  struct fse_winsn_frame {
    const struct fisa_row *row;   /* NULL: no memory here */
    int32_t value[FISA_MAX_OPERANDS];
    uint8_t operand;              /* the register's */
    uint32_t address;
  } load[FSE_WINDOW_INS], store[FSE_WINDOW_OUTS];
};

/* One row of a replacement; register operands hold roles. */
struct fse_winsn {
  const struct fisa_row *row;
  int32_t value[FISA_MAX_OPERANDS];
};

/* A replacement, in roles. */
struct fse_patch {
  uint8_t count;
  uint32_t cost;
  uint8_t in_role[FSE_WINDOW_INS];   /* where loaded inputs go */
  uint8_t out_role[FSE_WINDOW_OUTS]; /* where results are stored from */
  struct fse_winsn insn[FSE_WINDOW_OPS];
};

/*
 * Reads `length` instructions from `first` as a window. Returns 0, or -1 where
 * there is none: a row in it that does more than compute, too many inputs,
 * results or ops.
 */
int fse_window_read(const struct fse_view *v, const struct fse_slots *slots,
                    uint32_t first, uint32_t length, struct fse_window *out);

/*
 * Reads a region as a window: instructions that computing enters at the first
 * and leaves behind the last, in whatever order it goes through them. What
 * such a region does is no form: the task has inputs, results and constants,
 * and no ops. Returns 0, or -1: too many of them, or some are no registers.
 */
int fse_window_region(const struct fse_view *v, uint32_t first,
                      uint32_t length, struct fse_window *out);

/* Times that windows which begin at an instruction ran. */
uint64_t fse_window_heat(const struct fse_view *v, uint32_t first);

/* The longest run from `first` on of which a window may be part. */
uint32_t fse_window_run(const struct fse_view *v,
                        const struct fse_slots *slots, uint32_t first);

/* Puts a patch in a window's place in a draft of the view's program. 0 or -1:
 * it does not fit there. */
int fse_window_splice(const struct fse_window *w, const struct fse_patch *p,
                      struct fse_draft *d);

/* Whether an op is a value of gpu/semantics.h's table: all that forms and
 * replacements are made of. */
bool fse_is_value(unsigned op);

#endif /* FLUX_PLUGIN_WINDOW_H */
