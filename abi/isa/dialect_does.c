/*
 * isa/dialect_does.c - templates and lethal guards: text to steps.
 *
 * Here only the form is read. What an op may do with its operands is checked
 * in dialect_check.c, once the row is complete.
 */
#include <assert.h>
#include <string.h>

#include "isa/dialect_impl.h"

static const struct lethal_form {
  const char *name;
  int args;  /* -1: implied, never written in a row */
} lethal_forms[] = {
  [FLUX_LETHAL_DIV_OVERFLOW] = {"div_overflow", 2},
  [FLUX_LETHAL_SHIFT_RANGE] = {"shift_range", 1},
  [FLUX_LETHAL_FTOI_RANGE] = {"ftoi_range", 1},
  [FLUX_LETHAL_POW_RANGE] = {"pow_range", 2},
  [FLUX_LETHAL_LOG_ZERO] = {"log_zero", 1},
  [FLUX_LETHAL_STACK_FULL] = {"stack_full", 0},
  [FLUX_LETHAL_STACK_EMPTY] = {"stack_empty", 0},
  [FLUX_LETHAL_NEGATIVE_TARGET] = {"negative_target", -1},
  [FLUX_LETHAL_REGISTER_RANGE] = {"register_range", 1},
  [FLUX_LETHAL_VARINT_NEGATIVE] = {"varint_negative", 1},
  [FLUX_LETHAL_PAST_CODE] = {"past_code", -1},
  [FLUX_LETHAL_OPAQUE] = {"opaque", -1},
  [FLUX_LETHAL_STACK_FEW] = {"stack_few", 1},
  [FLUX_LETHAL_CALLS_FULL] = {"calls_full", 0},
  [FLUX_LETHAL_CALLS_EMPTY] = {"calls_empty", 0},
  [FLUX_LETHAL_ADD_OVERFLOW] = {"add_overflow", 2},
  [FLUX_LETHAL_SUB_OVERFLOW] = {"sub_overflow", 2},
  [FLUX_LETHAL_MUL_OVERFLOW] = {"mul_overflow", 2},
  [FLUX_LETHAL_SHL_OVERFLOW] = {"shl_overflow", 2},
  [FLUX_LETHAL_CAST_RANGE] = {"cast_range", 2},
  [FLUX_LETHAL_BEFORE_MEMORY] = {"before_memory", 1},
  [FLUX_LETHAL_ZERO] = {"zero", 1},
  [FLUX_LETHAL_ALWAYS] = {"always", 0},
};

_Static_assert(sizeof lethal_forms / sizeof lethal_forms[0] ==
               FLUX_LETHAL_COUNT, "one form a predicate");

int fisa__lethal_by_name(struct fisa_span s) {
  for (int i = 0; i < FLUX_LETHAL_COUNT; i++)
    if (fisa__is(s, lethal_forms[i].name))
      return i;
  return -1;
}

const char *fisa__lethal_name(unsigned lethal) {
  assert(lethal < FLUX_LETHAL_COUNT);
  return lethal_forms[lethal].name;
}

enum fisa_imm_rule fisa__imm_rule(unsigned op) {
  switch (op) {
  case FLUX_OP_DIV: case FLUX_OP_MULDIV: case FLUX_OP_FSCALE:
  case FLUX_OP_MSET: case FLUX_OP_MCPY: case FLUX_OP_MEQ: case FLUX_OP_MHAS:
  case FLUX_OP_MFIND: case FLUX_OP_MSUM: case FLUX_OP_MMIN:
  case FLUX_OP_MMAX: case FLUX_OP_MCRC: case FLUX_OP_VENC: case FLUX_OP_VDEC:
  case FLUX_OP_CONVERGE: case FLUX_OP_DIFFUSE: case FLUX_OP_EMIT:
  case FLUX_OP_TRAP: case FLUX_OP_MULSAR: case FLUX_OP_BLOAD32:
  case FLUX_OP_BLOAD8: case FLUX_OP_BSTORE32: case FLUX_OP_BSTORE8:
  case FLUX_OP_DROP: case FLUX_OP_FOLD: case FLUX_OP_CHECK:
    return FISA_IMM_MUST;
  case FLUX_OP_LOAD32: case FLUX_OP_LOAD8: case FLUX_OP_STORE32:
  case FLUX_OP_STORE8: case FLUX_OP_INPUT: case FLUX_OP_HALT:
    return FISA_IMM_MAY;
  default:
    return FISA_IMM_NO;
  }
}

/* ---- references --------------------------------------------------------- */

static int operand_by_name(const struct fisa_row *row, struct fisa_span s) {
  for (int i = 0; i < row->operand_count; i++)
    if (fisa__is(s, row->operands[i].name))
      return i;
  return -1;
}

static int parse_register_operand(struct fisa_loader *l, struct fisa_span s,
                                  const struct fisa_row *row,
                                  struct fisa_ref *out) {
  int i = operand_by_name(row, s);

  if (i < 0)
    return fisa__bad(l, "the row has no operand %.*s", FISA_QUOTE(s));
  if (row->operands[i].kind != FISA_OPERAND_REG)
    return fisa__bad(l, "%.*s is no register byte", FISA_QUOTE(s));
  out->operand = (uint8_t)i;
  return 0;
}

/* #next #raw:rd #12 #imm8s; `s` is what stands behind the #. */
static int parse_value(struct fisa_loader *l, struct fisa_span s,
                       const struct fisa_row *row, struct fisa_ref *out) {
  int64_t n;
  int i;

  if (fisa__is(s, "next")) {
    out->kind = FISA_REF_NEXT;
    return 0;
  }
  if (s.n > 4 && memcmp(s.p, "raw:", 4) == 0) {
    out->kind = FISA_REF_RAWNUM;
    return parse_register_operand(l, (struct fisa_span){s.p + 4, s.n - 4},
                                  row, out);
  }
  if (s.n > 0 && (*s.p == '-' || (*s.p >= '0' && *s.p <= '9'))) {
    if (fisa__number(l, s, INT32_MIN, UINT32_MAX, &n))
      return -1;
    out->kind = FISA_REF_CONST;
    out->value = (int32_t)(uint32_t)n;
    return 0;
  }
  i = operand_by_name(row, s);
  if (i < 0)
    return fisa__bad(l, "the row has no operand %.*s", FISA_QUOTE(s));
  switch (row->operands[i].kind) {
  case FISA_OPERAND_IMM8U: case FISA_OPERAND_IMM8S:
  case FISA_OPERAND_IMM16S: case FISA_OPERAND_IMM32S:
  case FISA_OPERAND_ADDR16U:
    break;
  default:
    return fisa__bad(l, "%.*s is no immediate operand", FISA_QUOTE(s));
  }
  out->kind = FISA_REF_IMM;
  out->operand = (uint8_t)i;
  return 0;
}

static int file_ref(struct fisa_loader *l, struct fisa_span name,
                    struct fisa_ref *out) {
  int f = fisa_file_by_name(l->d, name.p, name.n);

  if (f < 0 || name.n == 0)
    return fisa__bad(l, "\"%.*s\" is not in the state list", FISA_QUOTE(name));
  out->file = (uint8_t)f;
  return l->d->files[f].kind;
}

/* +k behind V[rd] */
static int parse_lane(struct fisa_loader *l, struct fisa_span *s,
                      struct fisa_ref *out) {
  const char *plus = memchr(s->p, '+', s->n);
  struct fisa_span k;
  int64_t n;

  if (!plus)
    return 0;
  k.p = plus + 1;
  k.n = s->n - (size_t)(k.p - s->p);
  if (fisa__number(l, k, 0, l->d->files[out->file].width - 1, &n))
    return -1;
  s->n = (size_t)(plus - s->p);
  out->value = (int32_t)n;
  return 0;
}

/* R[rd], R![rd] or V[rd]+k */
static int parse_indexed(struct fisa_loader *l, struct fisa_span s,
                         const struct fisa_row *row, struct fisa_ref *out) {
  struct fisa_span rest = s;
  struct fisa_span name = fisa__until(&rest, '[');
  bool raw = name.n > 0 && name.p[name.n - 1] == '!';
  int kind;

  name.n -= raw;
  kind = file_ref(l, name, out);
  if (kind < 0)
    return -1;
  if (kind != FISA_FILE_REGS)
    return fisa__bad(l, "%.*s is no register file", FISA_QUOTE(name));
  if (raw && l->d->files[out->file].width > 1)
    return fisa__bad(l, "%.*s has a width and no raw form", FISA_QUOTE(name));
  if (parse_lane(l, &rest, out))
    return -1;
  if (rest.n < 2 || rest.p[rest.n - 1] != ']')
    return fisa__bad(l, "\"%.*s\" is no operand of an op", FISA_QUOTE(s));
  rest.n--;
  out->kind = raw ? FISA_REF_RAW : FISA_REF_REG;
  return parse_register_operand(l, rest, row, out);
}

static bool is_data_stack(const struct fisa_dialect *d, unsigned file) {
  return file == d->stack_file;
}

/* R.n, STK.n */
static int parse_fixed(struct fisa_loader *l, struct fisa_span s,
                       struct fisa_ref *out) {
  struct fisa_span rest = s;
  struct fisa_span name = fisa__until(&rest, '.');
  int kind = file_ref(l, name, out);
  int64_t n;

  if (kind < 0)
    return -1;
  if (kind != FISA_FILE_REGS && !is_data_stack(l->d, out->file))
    return fisa__bad(l, "%.*s is no register file, nor the stack",
                     FISA_QUOTE(name));
  if (fisa__number(l, rest, 0, l->d->files[out->file].count - 1, &n))
    return -1;
  out->kind = kind == FISA_FILE_REGS ? FISA_REF_FIXED : FISA_REF_STACK;
  out->value = (int32_t)n;
  return 0;
}

static int parse_ref(struct fisa_loader *l, struct fisa_span s,
                     const struct fisa_row *row, struct fisa_ref *out) {
  int kind;

  assert(s.n > 0);
  memset(out, 0, sizeof *out);
  if (*s.p == '#')
    return parse_value(l, (struct fisa_span){s.p + 1, s.n - 1}, row, out);
  if (memchr(s.p, '[', s.n))
    return parse_indexed(l, s, row, out);
  if (memchr(s.p, '.', s.n))
    return parse_fixed(l, s, out);
  if (s.n == 2 && *s.p == 't' && s.p[1] >= '0' && s.p[1] < '0' + FISA_TEMPS) {
    out->kind = FISA_REF_TEMP;
    out->value = s.p[1] - '0';
    return 0;
  }
  kind = file_ref(l, s, out);
  if (kind < 0)
    return -1;
  if (kind == FISA_FILE_STACK)
    return fisa__bad(l, "%.*s is reached by push and pop only", FISA_QUOTE(s));
  out->kind = kind == FISA_FILE_REGS ? FISA_REF_FILE : FISA_REF_CELL;
  return 0;
}

/* ---- templates ---------------------------------------------------------- */

/* The places of a step in the order in which they are written. */
static int step_places(struct fisa_step *step, struct fisa_ref *out[5]) {
  struct fisa_ref *all[4] = {&step->d, &step->a, &step->b, &step->c};
  int n = 0;

  if (fisa_semop_effect(step->op) == FISA_EFFECT_FILE)
    out[n++] = &step->d;  /* the file's name */
  for (unsigned i = 0; i < 4; i++)
    if (fisa_semop_use(step->op, i) != 'N')
      out[n++] = all[i];
  return n;
}

static int parse_step(struct fisa_loader *l, struct fisa_span s,
                      const struct fisa_row *row, struct fisa_step *step) {
  struct fisa_ref *places[6];
  struct fisa_span word = fisa__word(&s);
  int op = fisa_semop_by_name(word.p, word.n);
  enum fisa_imm_rule rule;
  int n, got = 0;

  if (op < 0)
    return fisa__bad(l, "\"%.*s\" is no semantic op", FISA_QUOTE(word));
  memset(step, 0, sizeof *step);
  step->op = (uint16_t)op;
  rule = fisa__imm_rule((unsigned)op);
  n = step_places(step, places);
  if (rule != FISA_IMM_NO)
    places[n++] = &step->imm;
  while ((word = fisa__word(&s)).n > 0) {
    if (got == n)
      return fisa__bad(l, "%s has too many operands: \"%.*s\"",
                       fisa_semop_name((unsigned)op), FISA_QUOTE(word));
    if (parse_ref(l, word, row, places[got++]))
      return -1;
  }
  if (got < n - (rule == FISA_IMM_MAY))
    return fisa__bad(l, "%s has %d operands, not %d",
                     fisa_semop_name((unsigned)op),
                     n - (rule == FISA_IMM_MAY), got);
  return 0;
}

int fisa__parse_does(struct fisa_loader *l, struct fisa_span s,
                     struct fisa_row *row) {
  assert(l && row);
  row->step_count = 0;
  memset(row->steps, 0, sizeof row->steps);
  do {
    struct fisa_span part = fisa__until(&s, ';');

    if (part.n == 0)
      return fisa__bad(l, "an empty step");
    if (row->step_count == FISA_MAX_TEMPLATE)
      return fisa__bad(l, "more than %d ops", FISA_MAX_TEMPLATE);
    if (parse_step(l, part, row, &row->steps[row->step_count]))
      return -1;
    row->step_count++;
  } while (s.n > 0);
  return 0;
}

/* ---- lethal guards ------------------------------------------------------ */

/* The file whose end a register_range guard speaks of: the one that the
 * template reaches unmasked through the same operand. */
static void guard_file(const struct fisa_row *row, struct fisa_guard *g) {
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *st = &row->steps[i];
    const struct fisa_ref *refs[4] = {&st->d, &st->a, &st->b, &st->c};

    for (unsigned k = 0; k < 4; k++)
      if (refs[k]->kind == FISA_REF_RAW && refs[k]->operand == g->a.operand)
        g->a.file = refs[k]->file;
  }
}

static int parse_guard(struct fisa_loader *l, struct fisa_span s,
                       const struct fisa_row *row, struct fisa_guard *g) {
  struct fisa_span rest = s;
  struct fisa_span name = fisa__until(&rest, '(');
  struct fisa_ref *places[2] = {&g->a, &g->b};
  int lethal = fisa__lethal_by_name(name);
  int got = 0;

  if (lethal < 0)
    return fisa__bad(l, "\"%.*s\" is no lethal predicate", FISA_QUOTE(name));
  if (lethal_forms[lethal].args < 0)
    return fisa__bad(l, "%s is implied and not written",
                     lethal_forms[lethal].name);
  memset(g, 0, sizeof *g);
  g->lethal = (uint8_t)lethal;
  if (name.n < s.n) {
    if (rest.n == 0 || rest.p[rest.n - 1] != ')')
      return fisa__bad(l, "\"%.*s\" is not closed", FISA_QUOTE(s));
    rest.n--;
  }
  while (rest.n > 0) {
    struct fisa_span arg = fisa__until(&rest, ',');

    if (got == lethal_forms[lethal].args || arg.n == 0)
      return fisa__bad(l, "%s takes %d arguments", lethal_forms[lethal].name,
                       lethal_forms[lethal].args);
    if (parse_ref(l, arg, row, places[got++]))
      return -1;
  }
  if (got != lethal_forms[lethal].args)
    return fisa__bad(l, "%s takes %d arguments", lethal_forms[lethal].name,
                     lethal_forms[lethal].args);
  return 0;
}

int fisa__parse_lethal(struct fisa_loader *l, struct fisa_span s,
                       struct fisa_row *row) {
  assert(l && row);
  row->guard_count = 0;
  memset(row->guards, 0, sizeof row->guards);
  do {
    struct fisa_span part = fisa__until(&s, ';');
    struct fisa_guard *g = &row->guards[row->guard_count];

    if (row->guard_count == FISA_MAX_LETHAL)
      return fisa__bad(l, "more than %d predicates", FISA_MAX_LETHAL);
    if (parse_guard(l, part, row, g))
      return -1;
    row->guard_count++;
  } while (s.n > 0);
  return 0;
}

void fisa__place_guards(struct fisa_row *row) {
  for (unsigned i = 0; i < row->guard_count; i++)
    if (row->guards[i].lethal == FLUX_LETHAL_REGISTER_RANGE)
      guard_file(row, &row->guards[i]);
}
