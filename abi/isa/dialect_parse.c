/*
 * isa/dialect_parse.c - a whole dialect text: its head, and each row handed
 * on to dialect_row.c.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "isa/dialect_impl.h"
#include "isa/program.h"

enum {
  MAX_REGS = 256,   /* registers of a file: a byte names them */
  MIN_MEM = 256,    /* bytes: the grain of dirty tracking */
  FIRST_LETHAL = 1000,
  LAST_LETHAL = 32767,
  MAX_CHECK = 8,    /* bytes, of an instruction */
  MAX_WIDTH = 16    /* cells, of a register */
};

#define DEFAULT_FUEL 10000000u

typedef int (*statement_fn)(struct fisa_loader *l, struct fisa_span rest);

/* ---- the state list ----------------------------------------------------- */

/* A free place in the state list under a name nothing else has. */
static struct fisa_file *new_file(struct fisa_loader *l, struct fisa_span s) {
  /* Words with a meaning of their own in templates and in reads=, writes=. */
  static const char *const taken[] = {
    "MEM", "PC", "CYC", "HOST", "HALT", "FAULT", "RNG", "CHAN",
    "t0", "t1", "t2", "t3"
  };
  struct fisa_dialect *d = l->d;
  struct fisa_file *f = &d->files[d->file_count];

  if (d->file_count == FISA_MAX_FILES) {
    fisa__bad(l, "the state list has more than %d entries", FISA_MAX_FILES);
    return NULL;
  }
  if (fisa__name(l, s, f->name))
    return NULL;
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
    if (strcasecmp(taken[i], f->name) == 0) {
      fisa__bad(l, "the name %s is reserved", f->name);
      return NULL;
    }
  if (fisa_file_by_name(d, f->name, s.n) >= 0) {
    fisa__bad(l, "the name %s is used twice in the state list", f->name);
    return NULL;
  }
  f->kind = FISA_FILE_CELL;
  f->type = FISA_I32;
  f->count = 1;
  f->width = 1;
  return f;
}

/* Gives a filled entry its cells. */
static int place_file(struct fisa_loader *l, struct fisa_file *f) {
  struct fisa_dialect *d = l->d;

  assert(f == &d->files[d->file_count] && f->count > 0);
  if (d->cell_count + f->count > FISA_MAX_CELLS)
    return fisa__bad(l, "the state has more than %d cells", FISA_MAX_CELLS);
  if (f->kind != FISA_FILE_STACK &&
      d->cell_count + f->count > FISA_SET_WORDS * 64)
    return fisa__bad(l, "cells other than the stack's lie beyond cell %d",
                     FISA_SET_WORDS * 64);
  f->first = (uint16_t)d->cell_count;
  d->cell_count += f->count;
  d->file_count++;
  return 0;
}

static int no_more(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_span word = fisa__word(&rest);

  if (word.n > 0)
    return fisa__bad(l, "\"%.*s\" is too much", FISA_QUOTE(word));
  return 0;
}

static int parse_type(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_file *f) {
  if (fisa__is(s, "i32"))
    f->type = FISA_I32;
  else if (fisa__is(s, "f32"))
    f->type = FISA_F32;
  else
    return fisa__bad(l, "\"%.*s\" is no cell type; i32 or f32", FISA_QUOTE(s));
  return 0;
}

static int parse_file_words(struct fisa_loader *l, struct fisa_span rest,
                            struct fisa_file *f) {
  struct fisa_span word;
  int64_t n;

  while ((word = fisa__word(&rest)).n > 0) {
    if (fisa__is(word, "zero") && !f->zero) {
      f->zero = true;
    } else if (fisa__is(word, "checked") && !f->checked) {
      f->checked = true;
    } else if (fisa__is(word, "width") && f->width == 1) {
      if (fisa__number(l, fisa__word(&rest), 2, MAX_WIDTH, &n))
        return -1;
      f->width = (uint8_t)n;
    } else {
      return fisa__bad(l, "\"%.*s\" is out of place; zero, checked or width N",
                       FISA_QUOTE(word));
    }
  }
  return 0;
}

static int parse_file(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_file *f = new_file(l, fisa__word(&rest));
  uint32_t registers;
  int64_t n;

  if (!f || parse_type(l, fisa__word(&rest), f) ||
      fisa__number(l, fisa__word(&rest), 1, MAX_REGS, &n) ||
      parse_file_words(l, rest, f))
    return -1;
  f->kind = FISA_FILE_REGS;
  f->count = (uint16_t)n;
  registers = fisa_registers(f);
  if (registers * f->width != f->count || registers & (registers - 1) ||
      registers == 0)
    return fisa__bad(l, "%d registers are not a power of two", (int)n);
  if (f->zero && f->width > 1)
    return fisa__bad(l, "a zero register has no width");
  return place_file(l, f);
}

/* start FILE N VALUE */
static int parse_start(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_dialect *d = l->d;
  struct fisa_span name = fisa__word(&rest);
  int f = fisa_file_by_name(d, name.p, name.n);
  int64_t n, v;
  struct fisa_start *s;

  if (name.n == 0 || f < 0 || d->files[f].kind != FISA_FILE_REGS)
    return fisa__bad(l, "\"%.*s\" is no register file", FISA_QUOTE(name));
  if (fisa__number(l, fisa__word(&rest), 0, d->files[f].count - 1, &n) ||
      fisa__number(l, fisa__word(&rest), INT32_MIN, UINT32_MAX, &v))
    return -1;
  for (uint32_t i = 0; i < d->start_count; i++)
    if (d->starts[i].cell == d->files[f].first + n)
      return fisa__bad(l, "cell %d of %s has a start already", (int)n,
                       d->files[f].name);
  if (d->start_count == FISA_MAX_STARTS)
    return fisa__bad(l, "more than %d starts", FISA_MAX_STARTS);
  s = &d->starts[d->start_count++];
  s->cell = (uint16_t)(d->files[f].first + n);
  s->value = (int32_t)(uint32_t)v;
  return no_more(l, rest);
}

static int key_form(struct fisa_loader *l, struct fisa_span s,
                    struct fisa_key *k) {
  const struct fisa_file *f = &l->d->files[k->file];
  bool cell = f->kind == FISA_FILE_CELL && f->type == FISA_I32;

  if (fisa__is(s, "i32") && cell)
    k->form = FISA_KEY_I32;
  else if (fisa__is(s, "u32") && cell)
    k->form = FISA_KEY_U32;
  else if (fisa__is(s, "hex") && f->kind == FISA_FILE_REGS)
    k->form = FISA_KEY_HEX;
  else
    return fisa__bad(l, "\"%.*s\" is no form; i32 or u32 of a cell, hex of a"
                     " file", FISA_QUOTE(s));
  return 0;
}

/* key KEY CELL i32|u32, key KEY FILE hex */
static int parse_key(struct fisa_loader *l, struct fisa_span rest) {
  /* Keys that every state has. */
  static const char *const taken[] = {
    "status", "fault", "fault_name", "cycles", "pc", "regs", "fregs", "conf",
    "stack", "flags", "mem", "out", "in", "calls"
  };
  struct fisa_dialect *d = l->d;
  struct fisa_key *k = &d->keys[d->key_count];
  struct fisa_span name;
  int f;

  if (d->key_count == FISA_MAX_KEYS)
    return fisa__bad(l, "more than %d keys", FISA_MAX_KEYS);
  if (fisa__name(l, fisa__word(&rest), k->name))
    return -1;
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
    if (strcmp(taken[i], k->name) == 0)
      return fisa__bad(l, "the key %s is reserved", k->name);
  for (uint32_t i = 0; i < d->key_count; i++)
    if (strcmp(d->keys[i].name, k->name) == 0)
      return fisa__bad(l, "the key %s is there already", k->name);
  name = fisa__word(&rest);
  f = fisa_file_by_name(d, name.p, name.n);
  if (name.n == 0 || f < 0)
    return fisa__bad(l, "\"%.*s\" is not in the state list",
                     FISA_QUOTE(name));
  k->file = (uint8_t)f;
  if (key_form(l, fisa__word(&rest), k))
    return -1;
  d->key_count++;
  return no_more(l, rest);
}

static int parse_flag(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_file *f = new_file(l, fisa__word(&rest));

  if (!f || no_more(l, rest))
    return -1;
  f->kind = FISA_FILE_FLAG;
  return place_file(l, f);
}

static int parse_cell(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_file *f = new_file(l, fisa__word(&rest));
  struct fisa_span word;
  bool has_init = false;
  int64_t n = 0;

  if (!f || parse_type(l, fisa__word(&rest), f))
    return -1;
  while ((word = fisa__word(&rest)).n > 0) {
    if (fisa__is(word, "init") && !has_init) {
      if (fisa__number(l, fisa__word(&rest), INT32_MIN, UINT32_MAX, &n))
        return -1;
      has_init = true;
    } else if (fisa__is(word, "tick") && !f->tick && f->type == FISA_I32) {
      f->tick = true;
    } else {
      return fisa__bad(l, "\"%.*s\" is out of place", FISA_QUOTE(word));
    }
  }
  f->init = (int32_t)(uint32_t)n;
  return place_file(l, f);
}

/* A stack to be: what its line says. */
struct stack_line {
  struct fisa_span name, index;
  int64_t size;
  bool down;
};

/* [index NAME] at the end of a line. */
static int parse_index(struct fisa_loader *l, struct fisa_span rest,
                       struct fisa_span *index) {
  struct fisa_span word = fisa__word(&rest);

  if (word.n == 0)
    return 0;
  if (!fisa__is(word, "index"))
    return fisa__bad(l, "\"%.*s\" is not \"index\"", FISA_QUOTE(word));
  *index = fisa__word(&rest);
  return no_more(l, rest);
}

/* The index cell comes first, so that the cells that sets can name lie below
 * those of the stack. Returns the index of the stack's file, or -1. */
static int place_stack(struct fisa_loader *l, const struct stack_line *s) {
  struct fisa_file *sp = new_file(l, s->index), *f;

  if (!sp)
    return -1;
  sp->init = s->down ? (int32_t)s->size : 0;
  if (place_file(l, sp) || !(f = new_file(l, s->name)))
    return -1;
  f->kind = FISA_FILE_STACK;
  f->down = s->down;
  f->count = (uint16_t)s->size;
  if (place_file(l, f))
    return -1;
  return (int)l->d->file_count - 1;
}

static int parse_stack(struct fisa_loader *l, struct fisa_span rest) {
  struct stack_line s = {.index = {"SP", 2}};
  struct fisa_span way;
  int f;

  s.name = fisa__word(&rest);
  way = fisa__word(&rest);
  if (l->d->stack_file != 0xFFFF)
    return fisa__bad(l, "a second stack");
  if (fisa__number(l, way, 1, FISA_MAX_CELLS, &s.size))
    return -1;
  way = fisa__word(&rest);
  s.down = fisa__is(way, "down");
  if (!s.down && !fisa__is(way, "up"))
    return fisa__bad(l, "a stack grows up or down, not \"%.*s\"",
                     FISA_QUOTE(way));
  if (parse_index(l, rest, &s.index))
    return -1;
  f = place_stack(l, &s);
  if (f < 0)
    return -1;
  l->d->stack_file = (uint16_t)f;
  l->d->sp_cell = (uint16_t)l->d->files[f - 1].first;
  return 0;
}

static int parse_calls(struct fisa_loader *l, struct fisa_span rest) {
  struct stack_line s = {.index = {"CSP", 3}};
  int f;

  s.name = fisa__word(&rest);
  if (fisa__number(l, fisa__word(&rest), 1, FISA_MAX_CELLS, &s.size) ||
      parse_index(l, rest, &s.index))
    return -1;
  f = place_stack(l, &s);
  if (f < 0)
    return -1;
  l->d->calls_file = (uint16_t)f;
  l->d->calls_cell = (uint16_t)l->d->files[f - 1].first;
  return 0;
}

/* ---- single values of the head ------------------------------------------ */

static int parse_version(struct fisa_loader *l, struct fisa_span rest) {
  (void)rest;
  return fisa__bad(l, "fluxisa stands in the first line alone");
}

static int parse_dialect(struct fisa_loader *l, struct fisa_span rest) {
  if (fisa__name(l, fisa__word(&rest), l->d->name))
    return -1;
  return no_more(l, rest);
}

static int parse_mem(struct fisa_loader *l, struct fisa_span rest) {
  int64_t n;

  if (fisa__number(l, fisa__word(&rest), 0, FISA_MAX_MEM, &n))
    return -1;
  if (n & (n - 1) || (n > 0 && n < MIN_MEM))
    return fisa__bad(l, "%d bytes of memory: not 0, and no power of two from"
                     " %d", (int)n, MIN_MEM);
  l->d->mem_size = (uint32_t)n;
  return no_more(l, rest);
}

/* machine none */
static int parse_machine(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_span word = fisa__word(&rest);

  if (!fisa__is(word, "none"))
    return fisa__bad(l, "\"%.*s\" is not \"none\"", FISA_QUOTE(word));
  l->d->no_machine = true;
  return no_more(l, rest);
}

static int parse_fuel(struct fisa_loader *l, struct fisa_span rest) {
  int64_t n;

  if (fisa__number(l, fisa__word(&rest), 1, INT64_C(1) << 40, &n))
    return -1;
  l->d->fuel = (uint64_t)n;
  return no_more(l, rest);
}

/* Lethal to a machine that does not look where its code ends. */
static int parse_truncated(struct fisa_loader *l, struct fisa_span rest) {
  int64_t n;

  if (fisa__number(l, fisa__word(&rest), 1, LAST_LETHAL, &n))
    return -1;
  l->d->truncated_fault = (int32_t)n;
  return no_more(l, rest);
}

static int parse_unknown(struct fisa_loader *l, struct fisa_span rest) {
  int64_t n;

  if (fisa__number(l, fisa__word(&rest), 1, FIRST_LETHAL - 1, &n))
    return -1;
  l->d->unknown_fault = (int32_t)n;
  return no_more(l, rest);
}

static int parse_fault(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_dialect *d = l->d;
  struct fisa_fault *f = &d->faults[d->fault_count];
  int64_t n;

  if (d->fault_count == sizeof d->faults / sizeof d->faults[0])
    return fisa__bad(l, "more than %d faults", (int)d->fault_count);
  if (fisa__number(l, fisa__word(&rest), 1, FIRST_LETHAL - 1, &n) ||
      fisa__name(l, fisa__word(&rest), f->name))
    return -1;
  f->code = (int32_t)n;
  for (uint32_t i = 0; i < d->fault_count; i++)
    if (d->faults[i].code == f->code ||
        strcasecmp(d->faults[i].name, f->name) == 0)
      return fisa__bad(l, "fault %d or the name %s is there already",
                       (int)n, f->name);
  d->fault_count++;
  return no_more(l, rest);
}

/* The predicate that a word names, none of which has a number yet. */
static int new_lethal(struct fisa_loader *l, struct fisa_span name) {
  int lethal = fisa__lethal_by_name(name);

  if (lethal < 0)
    return fisa__bad(l, "\"%.*s\" is no lethal predicate", FISA_QUOTE(name));
  if (l->d->lethal_code[lethal])
    return fisa__bad(l, "lethal %s is there already",
                     fisa__lethal_name((unsigned)lethal));
  return lethal;
}

/* Two predicates with one number are one fault to whoever meets it, so they
 * have one name. */
static int parse_lethal(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_dialect *d = l->d;
  struct fisa_span name;
  char fault[FISA_MAX_NAME];
  int64_t n;
  int lethal;

  if (fisa__number(l, fisa__word(&rest), FIRST_LETHAL, LAST_LETHAL, &n))
    return -1;
  lethal = new_lethal(l, fisa__word(&rest));
  if (lethal < 0)
    return -1;
  name = fisa__word(&rest);
  if (name.n == 0)
    snprintf(fault, sizeof fault, "%s", fisa__lethal_name((unsigned)lethal));
  else if (fisa__name(l, name, fault))
    return -1;
  for (int i = 0; i < FLUX_LETHAL_COUNT; i++)
    if (d->lethal_code[i] &&
        (d->lethal_code[i] == n) != (strcmp(d->lethal_name[i], fault) == 0))
      return fisa__bad(l, "lethal %d or the name %s is there already", (int)n,
                       fault);
  d->lethal_code[lethal] = (int32_t)n;
  memcpy(d->lethal_name[lethal], fault, sizeof fault);
  return no_more(l, rest);
}

/* guard N PREDICATE */
static int parse_guard(struct fisa_loader *l, struct fisa_span rest) {
  int64_t n;
  int lethal;

  if (fisa__number(l, fisa__word(&rest), 1, FIRST_LETHAL - 1, &n))
    return -1;
  lethal = new_lethal(l, fisa__word(&rest));
  if (lethal < 0)
    return -1;
  switch (lethal) {
  case FLUX_LETHAL_OPAQUE: case FLUX_LETHAL_PAST_CODE:
  case FLUX_LETHAL_NEGATIVE_TARGET: case FLUX_LETHAL_REGISTER_RANGE:
    return fisa__bad(l, "no machine tests %s by itself",
                     fisa__lethal_name((unsigned)lethal));
  default:
    l->d->lethal_code[lethal] = (int32_t)n;
    return no_more(l, rest);
  }
}

/* ---- rows --------------------------------------------------------------- */

/* undefined LO..HI len N */
static int parse_undefined(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_span range = fisa__word(&rest);
  struct fisa_span low, high;
  int64_t lo, hi, n;

  low = fisa__until(&range, '.');
  if (range.n == 0 || *range.p != '.')
    return fisa__bad(l, "a range is written LO..HI");
  high = (struct fisa_span){range.p + 1, range.n - 1};
  if (fisa__number(l, low, 0, 255, &lo) ||
      fisa__number(l, high, lo, 255, &hi))
    return -1;
  if (!fisa__is(fisa__word(&rest), "len"))
    return fisa__bad(l, "\"len\" is missing");
  if (fisa__number(l, fisa__word(&rest), 1, MAX_CHECK, &n))
    return -1;
  for (int64_t i = lo; i <= hi; i++) {
    if (l->d->rows[i].check)
      return fisa__bad(l, "opcode 0x%02X has a row or a length already",
                       (unsigned)i);
    l->d->rows[i].check = (uint8_t)n;
  }
  return no_more(l, rest);
}

static int parse_row(struct fisa_loader *l, struct fisa_span rest) {
  struct fisa_dialect *d = l->d;
  struct fisa_row row;
  int64_t n;

  memset(&row, 0, sizeof row);
  if (fisa__number(l, fisa__word(&rest), 0, INT32_MAX, &n) ||
      fisa__name(l, fisa__word(&rest), row.name))
    return -1;
  l->row = row.name;
  if (n > 255)
    return fisa__bad(l, "opcode %d does not fit in a byte", (int)n);
  if (d->rows[n].check)
    return fisa__bad(l, "opcode 0x%02X has a row or a length already",
                     (unsigned)n);
  if (fisa_row_by_name(d, row.name, strlen(row.name)))
    return fisa__bad(l, "there is a row of this name already");
  row.opcode = (uint8_t)n;
  row.defined = true;
  if (fisa__row_fields(l, rest, &row, false))
    return -1;
  d->rows[n] = row;
  d->row_count++;
  l->row = NULL;
  return 0;
}

/* ---- the whole ---------------------------------------------------------- */

/* once: at most one line of it. */
static const struct statement {
  const char *name;
  statement_fn parse;
  bool head, once, must;
} statements[] = {
  {"fluxisa", parse_version, true, false, false},
  {"dialect", parse_dialect, true, true, true},
  {"mem", parse_mem, true, true, false},
  {"file", parse_file, true, false, false},
  {"flag", parse_flag, true, false, false},
  {"cell", parse_cell, true, false, false},
  {"stack", parse_stack, true, false, false},
  {"calls", parse_calls, true, true, false},
  {"start", parse_start, true, false, false},
  {"key", parse_key, true, false, false},
  {"guard", parse_guard, true, false, false},
  {"machine", parse_machine, true, true, false},
  {"fuel", parse_fuel, true, true, false},
  {"fault", parse_fault, true, false, false},
  {"lethal", parse_lethal, true, false, false},
  {"truncated", parse_truncated, true, true, true},
  {"unknown", parse_unknown, true, true, true},
  {"undefined", parse_undefined, false, false, false},
  {"row", parse_row, false, false, true},
};

enum { STATEMENTS = sizeof statements / sizeof statements[0] };

static int parse_statement(struct fisa_loader *l, struct fisa_span line) {
  struct fisa_span word = fisa__word(&line);
  unsigned i;

  for (i = 0; i < STATEMENTS; i++)
    if (fisa__is(word, statements[i].name))
      break;
  if (i == STATEMENTS)
    return fisa__bad(l, "\"%.*s\" is no statement", FISA_QUOTE(word));
  /* Rows are checked as they come, against a head that is complete. */
  if (statements[i].head && l->d->row_count > 0)
    return fisa__bad(l, "%s stands behind a row", statements[i].name);
  if (statements[i].once && l->seen >> i & 1)
    return fisa__bad(l, "a second %s", statements[i].name);
  l->seen |= 1u << i;
  return statements[i].parse(l, line);
}

static int parse_lines(struct fisa_loader *l) {
  struct fisa_span line;

  if (!fisa__line(l, &line) || !fisa__is(fisa__word(&line), "fluxisa"))
    return fisa__bad(l, "the text does not start with \"fluxisa 1\"");
  if (!fisa__is(fisa__word(&line), "1") || line.n > 0)
    return fisa__bad(l, "the form is not version 1");
  while (fisa__line(l, &line))
    if (parse_statement(l, line))
      return -1;
  for (unsigned i = 0; i < STATEMENTS; i++)
    if (statements[i].must && !(l->seen >> i & 1))
      return fisa__bad(l, "the text has no %s", statements[i].name);
  return fisa__finish(l);
}

static void init_dialect(struct fisa_dialect *d) {
  d->sp_cell = 0xFFFF;
  d->stack_file = 0xFFFF;
  d->calls_cell = d->calls_file = 0xFFFF;
  d->fuel = DEFAULT_FUEL;
}

int fisa_dialect_parse(const char *text, size_t length, const char *where,
                       struct fisa_dialect **out, struct fisa_error *err) {
  struct fisa_loader *l;
  int rc = -1;

  assert(text && out);
  l = calloc(1, sizeof *l);
  if (!l)
    return fisa_fail(err, "out of memory");
  l->d = calloc(1, sizeof *l->d);
  l->where = where ? where : "dialect";
  l->err = err;
  if (!l->d) {
    rc = fisa_fail(err, "out of memory");
    goto out_loader;
  }
  init_dialect(l->d);
  if (fisa__text_begin(l, text, length) || parse_lines(l))
    goto out_dialect;
  fisa_sha256(text, length, l->d->hash);
  *out = l->d;
  l->d = NULL;
  rc = 0;
out_dialect:
  fisa_dialect_free(l->d);
out_loader:
  free(l);
  return rc;
}
