/*
 * isa/dialect_impl.h - what the files of the dialect loader share. Private.
 *
 *   dialect_text.c   lines, words, numbers, names, error sentences
 *   dialect_parse.c  the head of a table and the whole of it
 *   dialect_row.c    the fields of a row
 *   dialect_does.c   templates and lethal guards
 *   dialect_check.c  what must hold of a complete row, and what follows
 *   dialect_bind.c   overlays
 */
#ifndef FLUX_ISA_DIALECT_IMPL_H
#define FLUX_ISA_DIALECT_IMPL_H

#include "isa/dialect.h"

/* A piece of the text. Not terminated. */
struct fisa_span {
  const char *p;
  size_t n;
};

/* Arguments for a "%.*s" that quotes a span, cut to a bearable length. */
#define FISA_QUOTE(s) (int)((s).n < 32 ? (s).n : 32), (s).p

/* The loader's state: a dialect in the making and where the text stands. */
struct fisa_loader {
  struct fisa_dialect *d;
  const char *where;      /* name of the text, for error sentences */
  unsigned line;
  const char *row;        /* mnemonic under work, or NULL */
  const char *field;      /* field under work, or NULL */
  struct fisa_error *err;
  const char *next, *end; /* the rest of the text */
  uint32_t seen;          /* head statements that were there */
  char source[256][FISA_MAX_NAME]; /* each row's source name, "": none */
};

/* ---- dialect_text.c ----------------------------------------------------- */

/* Fails with "WHERE:LINE: row NAME: FIELD: reason". Always returns -1. */
int fisa__bad(struct fisa_loader *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes `l` ready to read a text; refuses one too long or not text. */
int fisa__text_begin(struct fisa_loader *l, const char *text, size_t length);

/* The next line that says something, comment removed; false: no more. */
bool fisa__line(struct fisa_loader *l, struct fisa_span *line);

/* Takes the first blank-separated word off `rest`; n = 0: none left. */
struct fisa_span fisa__word(struct fisa_span *rest);

/* Takes what stands before `sep` off `rest`, blanks trimmed, and the `sep`
 * with it. */
struct fisa_span fisa__until(struct fisa_span *rest, char sep);

bool fisa__is(struct fisa_span s, const char *text);

/* A decimal or 0x number within lo..hi. */
int fisa__number(struct fisa_loader *l, struct fisa_span s, int64_t lo,
                 int64_t hi, int64_t *out);

/* A name: a letter or _, then letters, digits and _, below FISA_MAX_NAME. */
int fisa__name(struct fisa_loader *l, struct fisa_span s,
               char out[FISA_MAX_NAME]);

/* ---- dialect_row.c ------------------------------------------------------ */

/*
 * Reads `field=value ...` into a row and completes it. `overlay`: fields
 * replace those the row has, and those of its outer shape are refused.
 */
int fisa__row_fields(struct fisa_loader *l, struct fisa_span rest,
                     struct fisa_row *row, bool overlay);

/* ---- dialect_does.c ----------------------------------------------------- */

int fisa__parse_does(struct fisa_loader *l, struct fisa_span s,
                     struct fisa_row *row);
int fisa__parse_lethal(struct fisa_loader *l, struct fisa_span s,
                       struct fisa_row *row);
/* Gives register_range guards their file, once the template is read. */
void fisa__place_guards(struct fisa_row *row);
int fisa__lethal_by_name(struct fisa_span s);
const char *fisa__lethal_name(unsigned lethal);

/* How an op takes its trailing #value. */
enum fisa_imm_rule { FISA_IMM_NO, FISA_IMM_MAY, FISA_IMM_MUST };
enum fisa_imm_rule fisa__imm_rule(unsigned op);

/* ---- dialect_check.c ---------------------------------------------------- */

/* Checks a complete row against the dialect's head and fills what is derived:
 * the files of its operands, the target operands. */
int fisa__check_row(struct fisa_loader *l, struct fisa_row *row);

/* After all rows: channels and sources, in the order of the opcodes, and the
 * numbers that the rows' lethal predicates need. */
int fisa__finish(struct fisa_loader *l);

#endif /* FLUX_ISA_DIALECT_IMPL_H */
