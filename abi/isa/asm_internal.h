/*
 * isa/asm_internal.h - what the parts of the assembler share: the scanner,
 * expressions, the label table, and the program under construction.
 *
 * The text is walked twice. The first walk is silent: it finds labels and the
 * sizes of statements and steps over whatever it does not understand. The
 * second does the work, in text order, so that the error it stops at is the
 * first one of the text.
 */
#ifndef FLUX_ISA_ASM_INTERNAL_H
#define FLUX_ISA_ASM_INTERNAL_H

#include "isa/asm.h"

#define ASM_MAX_LABEL 127  /* bytes of a label's name */

enum asm_token_kind {
  ASM_EOL,        /* end of the line, a comment included */
  ASM_WORD,       /* letters, digits, _ */
  ASM_DIRECTIVE,  /* .word */
  ASM_NUMBER,
  ASM_STRING,     /* with its quotes; escapes are checked */
  ASM_RANGE,      /* .. */
  ASM_MARK        /* one of , : + - */
};

struct asm_token {
  uint8_t kind;   /* enum asm_token_kind */
  const char *at;
  size_t length;
  uint32_t number;
};

struct asm_label {
  const char *name;  /* into the text */
  size_t length;
  uint32_t pc;
};

/* A jump to an address that is to be a number of instructions: known when all
 * bytes are. */
struct asm_counted {
  uint32_t pc;
  int64_t to;
  const char *at, *line_start; /* for an error */
  uint32_t line;
};

/* An assembler at work. */
struct asm_work {
  const struct fisa_dialect *d;
  struct fisa_error *err;
  const char *where;

  const char *at, *end;      /* the rest of the text */
  const char *line_start;
  uint32_t line;
  struct asm_token token;    /* the next one, not yet consumed */

  bool working;              /* the second walk: errors count */
  bool directives_only;
  bool no_memory;            /* in the silent walk */
  bool before_range;         /* " -5..5" may follow the sum being read */
  bool has_dialect, has_entry, has_boundary;

  struct asm_label *labels;  /* by name, then text order, after walk one */
  size_t label_count, label_capacity;

  struct asm_counted *counted; /* jumps that count instructions, by pc */
  size_t counted_count, counted_capacity;
  uint8_t code[FISA_MAX_CODE];
  uint32_t pc;               /* bytes so far */
  uint32_t size;             /* bytes in all, after walk one */
  uint32_t entry;
  struct fisa_manifest manifest;
  uint8_t *data, *data_mask; /* [mem_size] once a .data was seen */
  uint32_t data_lo, data_hi; /* what it laid */
};

/* A number of the text. weight: labels added minus labels taken away; 0 is a
 * plain number, 1 an address. */
struct asm_value {
  int64_t v;
  int weight;
  const char *at;
};

/* ---- asm_lex.c ---------------------------------------------------------- */

void asm_rewind(struct asm_work *w, const char *text, size_t length);

/* Reads the next token of the line into w->token; 0, or -1 on bytes that are
 * no token. */
int asm_next(struct asm_work *w);

/* Leaves the line; false at the end of the text. */
bool asm_next_line(struct asm_work *w);

/* "WHERE:LINE:COLUMN: reason" for a place in the present line; returns -1. */
int asm_fail(struct asm_work *w, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "... is wanted, not TOKEN" at the present token. */
int asm_wanted(struct asm_work *w, const char *what);

bool asm_is_mark(const struct asm_work *w, char c);

/* Whether the present token is this word, case ignored. */
bool asm_is_word(const struct asm_work *w, const char *word);

/* Nothing may follow in this line. */
int asm_expect_eol(struct asm_work *w);

/* A sum of numbers and labels. */
int asm_expr(struct asm_work *w, struct asm_value *out);

/* A sum that must lie in lo..hi; `what` names it in the error. */
int asm_number(struct asm_work *w, const char *what, int64_t lo, int64_t hi,
               int64_t *out);

/* The bytes of a string token; at most token.length of them. Returns how
 * many; out may be NULL. */
size_t asm_string(const struct asm_token *t, uint8_t *out);

/* ---- asm.c -------------------------------------------------------------- */

/* The label of a name, or NULL. */
const struct asm_label *asm_label_find(const struct asm_work *w,
                                       const char *name, size_t length);

/* ---- asm_manifest.c ----------------------------------------------------- */

/* One directive other than .byte; the present token is it. */
int asm_directive(struct asm_work *w);

/* Moves what .data laid into the manifest. Returns 0, or -1 (memory). */
int asm_manifest_finish(struct asm_work *w);

/* ---- operands, shared with the disassembler ----------------------------- */

/* The register byte that a word names in a place of these files: R or the
 * name of one of them, then a number. -1: it names none; -2: its number is
 * over 255. */
int asm_register(const struct fisa_dialect *d, uint16_t files,
                 const char *word, size_t length);

/* Whether the row's target operand is written as a target. */
bool asm_flow_relative(const struct fisa_row *row);
bool asm_flow_absolute(const struct fisa_row *row);

/* Any value of a cell of this clause: what `.in` without a range means. */
void asm_natural_range(const struct fisa_dialect *d,
                       const struct fisa_cells *c, int32_t *lo, int32_t *hi);

/* ---- program.c ---------------------------------------------------------- */

/* Sets the hash after code, entry or manifest were filled; -1: memory. */
int isa_program_seal(struct fisa_program *p);
void isa_manifest_done(struct fisa_manifest *m);

#endif /* FLUX_ISA_ASM_INTERNAL_H */
