/*
 * plugin/window_menu.h - the rows that replacements are made of.
 *
 * For one task: every allowed row of the dialect that computes one register
 * from registers and a constant and does nothing else (flags it sets are let
 * go where they are dead), cheap and plain ones first, those that say no more
 * than an earlier one left out. Constants are 0 1 -1 2 31 and those of the
 * task. Rows are run on columns, through their templates.
 */
#ifndef FLUX_PLUGIN_WINDOW_MENU_H
#define FLUX_PLUGIN_WINDOW_MENU_H

#include "plugin/window.h"
#include "plugin/window_column.h"

enum {
  FSE_MENU_READS = 3,       /* registers that a row reads, at most */
  FSE_MENU_CONSTS = FSE_WINDOW_CONSTS + 5,
  FSE_MENU_POOL = 64,       /* those, and the constants of templates */
  /* Places of a row: what it reads, its constant, its temporaries, what it
   * makes, nothing, and constants of the template. */
  FSE_PLACE_IMM = FSE_MENU_READS,
  FSE_PLACE_TEMP,
  FSE_PLACE_RESULT = FSE_PLACE_TEMP + FISA_TEMPS,
  FSE_PLACE_NONE,
  FSE_PLACE_CONST,
  FSE_PLACES = FSE_PLACE_CONST + 6
};

struct fse_menu_step {
  uint16_t op;
  uint8_t d, a, b, c;       /* places */
  bool keeps;               /* reads the old d */
  bool imm_operand;         /* the op's own number is the row's constant */
  int32_t imm;
};

struct fse_menu_row {
  const struct fisa_row *row;
  uint32_t cost;
  uint8_t read_count;
  uint8_t read[FSE_MENU_READS];       /* operands; the one written first */
  uint8_t read_file[FSE_MENU_READS];
  uint8_t result, result_file;        /* operand */
  uint8_t imm;                        /* operand, or FSE_NOTHING */
  bool destroys;                      /* read[0] is the operand written */
  bool commutes;
  bool simple;                        /* one step: op(place a, place b) */
  bool plain;                         /* one op, and no role of its own */
  bool sets_flags;
  bool keeps;                         /* a step reads the old result */
  uint8_t step_count, const_count;
  struct fse_menu_step step[FISA_MAX_TEMPLATE];
  uint8_t pool[FSE_PLACES - FSE_PLACE_CONST]; /* of place CONST + i */
  uint8_t imm_count;
  uint8_t imm_pool[FSE_MENU_CONSTS];  /* constants it can take */
  struct fse_glance imm_glance[FSE_MENU_CONSTS]; /* of a simple row: what
                                         stands at b, one after another */
};

struct fse_menu {
  const struct fse_kernels *kernels;
  uint32_t cost_min, cost_max;
  unsigned reads_max;
  unsigned pool_count;
  int32_t constant[FSE_MENU_POOL];
  struct fse_column column[FSE_MENU_POOL];
  uint8_t by_opcode[256];             /* row, or FSE_NOTHING */
  unsigned row_count;
  struct fse_menu_row row[254];
};

/* The menu of a task, or NULL: memory. */
struct fse_menu *fse_menu_new(const struct fse_lexicon *l,
                              const struct fse_task *t);
void fse_menu_free(struct fse_menu *m);
/* Whether all of its rows are plain. */
bool fse_menu_plain(const struct fse_menu *m);

/* What a row reads, as columns, and which constant of the pool it is given. */
struct fse_menu_args {
  const struct fse_column *read[FSE_MENU_READS];
  uint8_t pool;
};
void fse_menu_eval(const struct fse_menu *m, const struct fse_menu_row *r,
                   const struct fse_menu_args *args, struct fse_column *out,
                   struct fse_stretch lanes);

#endif /* FLUX_PLUGIN_WINDOW_MENU_H */
