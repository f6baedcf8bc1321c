/*
 * isa/dialect_row.c - the fields of a row, or of a binding.
 *
 * The fields of a line are first told apart, then read in the order of the
 * enumeration below: the operands before what speaks of them.
 */
#include <assert.h>
#include <string.h>

#include "isa/dialect_impl.h"

enum field {
  FIELD_LEN, FIELD_CHECK, FIELD_OPS, FIELD_FLOW, FIELD_BASE, FIELD_LINK,
  FIELD_BIAS, FIELD_FILLER, FIELD_READS, FIELD_WRITES, FIELD_ROLES,
  FIELD_CYCLES, FIELD_COST, FIELD_SENSITIVE, FIELD_PURE, FIELD_KEEP,
  FIELD_SOURCE, FIELD_OPAQUE, FIELD_LETHAL, FIELD_DOES, FIELD_COUNT
};

typedef int (*field_fn)(struct fisa_loader *l, struct fisa_span s,
                        struct fisa_row *row);

/* A word and what it stands for. */
struct word {
  const char *name;
  unsigned value;
};

static const struct word flows[] = {
  {"next", FISA_FLOW_NEXT}, {"halt", FISA_FLOW_HALT},
  {"trap", FISA_FLOW_TRAP}, {"jump_rel", FISA_FLOW_JUMP_REL},
  {"jump_abs", FISA_FLOW_JUMP_ABS}, {"cond_rel", FISA_FLOW_COND_REL},
  {"cond_abs", FISA_FLOW_COND_ABS},
  {"cond_rel_reg", FISA_FLOW_COND_REL_REG},
  {"call_rel", FISA_FLOW_CALL_REL}, {"call_abs", FISA_FLOW_CALL_ABS},
  {"ret", FISA_FLOW_RET}, {"indirect", FISA_FLOW_INDIRECT}, {NULL, 0}
};

static const struct word roles[] = {
  {"none", 0}, {"nop", FISA_ROLE_NOP}, {"halt", FISA_ROLE_HALT},
  {"yield", FISA_ROLE_YIELD}, {"sense", FISA_ROLE_SENSE},
  {"act", FISA_ROLE_ACT}, {"decay", FISA_ROLE_DECAY},
  {"threshold", FISA_ROLE_THRESHOLD}, {"confidence", FISA_ROLE_CONFIDENCE},
  {"trust", FISA_ROLE_TRUST}, {"time", FISA_ROLE_TIME},
  {"memory", FISA_ROLE_MEMORY}, {"random", FISA_ROLE_RANDOM},
  {"a2a", FISA_ROLE_A2A}, {"debug", FISA_ROLE_DEBUG}, {NULL, 0}
};

static const struct word sensitives[] = {
  {"strip", FISA_SENS_STRIP}, {"cycles", FISA_SENS_CYCLES},
  {"link", FISA_SENS_LINK}, {"bounds", FISA_SENS_BOUNDS},
  {"agent", FISA_SENS_AGENT}, {NULL, 0}
};

static const struct word yes_no[] = {{"no", 0}, {"yes", 1}, {NULL, 0}};
static const struct word bases[] = {
  {"start", 0}, {"end", 1}, {"insn", 2}, {NULL, 0}
};

static int lookup(struct fisa_loader *l, struct fisa_span s,
                  const struct word *words, unsigned *out) {
  for (; words->name; words++)
    if (fisa__is(s, words->name)) {
      *out = words->value;
      return 0;
    }
  return fisa__bad(l, "\"%.*s\" is unknown", FISA_QUOTE(s));
}

/* Words separated by `;`, as bits. A word twice is refused. */
static int lookup_bits(struct fisa_loader *l, struct fisa_span s,
                       const struct word *words, unsigned *out) {
  unsigned bits = 0;
  bool none = false;

  do {
    struct fisa_span part = fisa__until(&s, ';');
    unsigned bit = 0;

    if (lookup(l, part, words, &bit))
      return -1;
    if (bits & bit || none || (bit == 0 && bits))
      return fisa__bad(l, "\"%.*s\" is out of place", FISA_QUOTE(part));
    none = bit == 0;
    bits |= bit;
  } while (s.n > 0);
  *out = bits;
  return 0;
}

static int small(struct fisa_loader *l, struct fisa_span s, int lo, int hi) {
  int64_t n;

  if (fisa__number(l, s, lo, hi, &n))
    return -1;
  return (int)n;
}

/* ---- shape -------------------------------------------------------------- */

static int field_len(struct fisa_loader *l, struct fisa_span s,
                     struct fisa_row *row) {
  int n;

  if (fisa__is(s, "len16@1")) {
    row->payload = true;
    row->length = 3;
  } else {
    n = small(l, s, 1, 8);
    if (n < 0)
      return -1;
    row->length = (uint8_t)n;
  }
  row->check = row->length;
  return 0;
}

static int field_check(struct fisa_loader *l, struct fisa_span s,
                       struct fisa_row *row) {
  int n = small(l, s, 1, 8);

  if (n < 0)
    return -1;
  row->check = (uint8_t)n;
  return 0;
}

static const struct operand_form {
  const char *name;
  uint8_t kind, width;
  int32_t lo, hi;
} operand_forms[] = {
  {"rd", FISA_OPERAND_REG, 1, 0, 255},
  {"rs1", FISA_OPERAND_REG, 1, 0, 255},
  {"rs2", FISA_OPERAND_REG, 1, 0, 255},
  {"imm8u", FISA_OPERAND_IMM8U, 1, 0, 255},
  {"imm8u2", FISA_OPERAND_IMM8U, 1, 0, 255},
  {"imm8s", FISA_OPERAND_IMM8S, 1, -128, 127},
  {"imm16le_s", FISA_OPERAND_IMM16S, 2, -32768, 32767},
  {"imm32le_s", FISA_OPERAND_IMM32S, 4, INT32_MIN, INT32_MAX},
  {"addr16le_u", FISA_OPERAND_ADDR16U, 2, 0, 65535},
  {"unused", FISA_OPERAND_UNUSED, 1, 0, 255},
  {"payload", FISA_OPERAND_PAYLOAD, 0, 0, 65535},
};

static const struct operand_form *find_form(struct fisa_span s) {
  for (size_t i = 0; i < sizeof operand_forms / sizeof operand_forms[0]; i++)
    if (fisa__is(s, operand_forms[i].name))
      return &operand_forms[i];
  return NULL;
}

static int add_operand(struct fisa_loader *l, struct fisa_row *row,
                       struct fisa_span s, uint8_t offset) {
  const struct operand_form *form = find_form(s);
  struct fisa_operand *op = &row->operands[row->operand_count];

  if (!form)
    return fisa__bad(l, "\"%.*s\" is no operand", FISA_QUOTE(s));
  if (row->operand_count == FISA_MAX_OPERANDS)
    return fisa__bad(l, "more than %d operands", FISA_MAX_OPERANDS);
  for (unsigned i = 0; i < row->operand_count; i++)
    if (form->kind != FISA_OPERAND_UNUSED &&
        strcmp(row->operands[i].name, form->name) == 0)
      return fisa__bad(l, "the operand %s stands there twice", form->name);
  memset(op, 0, sizeof *op);
  memcpy(op->name, form->name, strlen(form->name));
  op->kind = form->kind;
  op->offset = offset;
  op->width = form->width;
  op->lo = form->lo;
  op->hi = form->hi;
  row->operand_count++;
  return 0;
}

static int field_ops(struct fisa_loader *l, struct fisa_span s,
                     struct fisa_row *row) {
  unsigned offset = 1;

  do {
    struct fisa_span part = fisa__until(&s, ',');

    if (add_operand(l, row, part, (uint8_t)offset))
      return -1;
    offset += row->operands[row->operand_count - 1].width;
  } while (s.n > 0);
  return 0;
}

static int field_flow(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  unsigned v = 0;

  if (lookup(l, s, flows, &v))
    return -1;
  row->flow = (uint8_t)v;
  return 0;
}

static int field_base(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  unsigned v = 0;

  if (lookup(l, s, bases, &v))
    return -1;
  if (row->flow != FISA_FLOW_JUMP_REL && row->flow != FISA_FLOW_COND_REL &&
      row->flow != FISA_FLOW_COND_REL_REG && row->flow != FISA_FLOW_CALL_REL)
    return fisa__bad(l, "only relative flow has a base");
  if (v == 2 && row->flow == FISA_FLOW_COND_REL_REG)
    return fisa__bad(l, "a register counts no instructions");
  row->base_end = v == 1;
  row->base_insn = v == 2;
  return 0;
}

static bool may_call(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_CALL_REL || row->flow == FISA_FLOW_CALL_ABS ||
         row->flow == FISA_FLOW_INDIRECT;
}

static int field_link(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  int n = small(l, s, 1, 8);

  if (n < 0)
    return -1;
  if (!may_call(row))
    return fisa__bad(l, "only a call has a link");
  row->link = (uint8_t)n;
  return 0;
}

static int field_bias(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  int n = small(l, s, 0, 8);

  if (n < 0)
    return -1;
  if (row->flow != FISA_FLOW_RET)
    return fisa__bad(l, "only a return has a bias");
  row->bias = (uint8_t)n;
  return 0;
}

static int field_filler(struct fisa_loader *l, struct fisa_span s,
                        struct fisa_row *row) {
  int n = small(l, s, 0, 8);

  if (n < 0)
    return -1;
  if (!may_call(row))
    return fisa__bad(l, "only a call has filler");
  row->filler = (uint8_t)n;
  return 0;
}

/* ---- meaning ------------------------------------------------------------ */

static bool is_list_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || strchr("_.[]()?;", c) != NULL;
}

/* The words of reads= and writes=: kept as they are, for people and for the
 * check that they cover the template. */
static int copy_list(struct fisa_loader *l, struct fisa_span s,
                     char out[96]) {
  struct fisa_span rest = s;

  if (s.n >= 96)
    return fisa__bad(l, "the list is longer than 95 characters");
  for (size_t i = 0; i < s.n; i++)
    if (!is_list_char(s.p[i]))
      return fisa__bad(l, "\"%.*s\" is no list of names", FISA_QUOTE(s));
  while (rest.n > 0)
    if (fisa__until(&rest, ';').n == 0)
      return fisa__bad(l, "an empty name");
  memset(out, 0, 96);
  memcpy(out, s.p, s.n);
  return 0;
}

static int field_reads(struct fisa_loader *l, struct fisa_span s,
                       struct fisa_row *row) {
  return copy_list(l, s, row->reads);
}

static int field_writes(struct fisa_loader *l, struct fisa_span s,
                        struct fisa_row *row) {
  return copy_list(l, s, row->writes);
}

static int field_roles(struct fisa_loader *l, struct fisa_span s,
                       struct fisa_row *row) {
  unsigned v = 0;

  if (lookup_bits(l, s, roles, &v))
    return -1;
  row->roles = (uint16_t)v;
  return 0;
}

static int field_cycles(struct fisa_loader *l, struct fisa_span s,
                        struct fisa_row *row) {
  int n = small(l, s, 1, 65535);

  if (n < 0)
    return -1;
  if (row->cost == row->cycles)
    row->cost = (uint16_t)n;
  row->cycles = (uint16_t)n;
  return 0;
}

static int field_cost(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  int n = small(l, s, 0, 65535);

  if (n < 0)
    return -1;
  row->cost = (uint16_t)n;
  return 0;
}

static int field_sensitive(struct fisa_loader *l, struct fisa_span s,
                           struct fisa_row *row) {
  unsigned v = 0;

  if (lookup_bits(l, s, sensitives, &v))
    return -1;
  row->sensitive = (uint8_t)v;
  return 0;
}

static int field_pure(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  unsigned v = 0;

  if (lookup(l, s, yes_no, &v))
    return -1;
  row->pure = v != 0;
  return 0;
}

static int field_keep(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  (void)l, (void)s;
  row->keep = true;
  return 0;
}

static int field_source(struct fisa_loader *l, struct fisa_span s,
                        struct fisa_row *row) {
  return fisa__name(l, s, l->source[row->opcode]);
}

static int field_opaque(struct fisa_loader *l, struct fisa_span s,
                        struct fisa_row *row) {
  (void)l, (void)s;
  row->opaque = true;
  row->step_count = 0;
  row->guard_count = 0;
  memset(row->steps, 0, sizeof row->steps);
  memset(row->guards, 0, sizeof row->guards);
  return 0;
}

static int field_does(struct fisa_loader *l, struct fisa_span s,
                      struct fisa_row *row) {
  /* To move such a jump is to count anew, which nobody does. */
  if (row->base_insn) {
    l->field = "base";
    return fisa__bad(l, "only an opaque row counts instructions");
  }
  row->opaque = false;
  return fisa__parse_does(l, s, row);
}

/* ---- the fields of a line ----------------------------------------------- */

/* shape: how the bytes are read, which an overlay may not change. */
static const struct field_form {
  const char *name;
  field_fn parse;
  bool shape, bare;
} fields[FIELD_COUNT] = {
  [FIELD_LEN] = {"len", field_len, true, false},
  [FIELD_CHECK] = {"check", field_check, true, false},
  [FIELD_OPS] = {"ops", field_ops, true, false},
  [FIELD_FLOW] = {"flow", field_flow, true, false},
  [FIELD_BASE] = {"base", field_base, true, false},
  [FIELD_LINK] = {"link", field_link, true, false},
  [FIELD_BIAS] = {"bias", field_bias, true, false},
  [FIELD_FILLER] = {"filler", field_filler, true, false},
  [FIELD_READS] = {"reads", field_reads, false, false},
  [FIELD_WRITES] = {"writes", field_writes, false, false},
  [FIELD_ROLES] = {"roles", field_roles, false, false},
  [FIELD_CYCLES] = {"cycles", field_cycles, false, false},
  [FIELD_COST] = {"cost", field_cost, false, false},
  [FIELD_SENSITIVE] = {"sensitive", field_sensitive, false, false},
  [FIELD_PURE] = {"pure", field_pure, false, false},
  [FIELD_KEEP] = {"keep", field_keep, false, true},
  [FIELD_SOURCE] = {"source", field_source, false, false},
  [FIELD_OPAQUE] = {"opaque", field_opaque, false, true},
  [FIELD_LETHAL] = {"lethal", fisa__parse_lethal, false, false},
  [FIELD_DOES] = {"does", field_does, false, false},
};

/* What a line says: each field's text; `p` is NULL where it is not there. */
struct line_fields {
  struct fisa_span value[FIELD_COUNT];
};

static int split_field(struct fisa_loader *l, struct fisa_span *rest,
                       struct line_fields *out) {
  struct fisa_span whole = *rest;
  struct fisa_span word = fisa__word(rest);
  struct fisa_span value = word;
  struct fisa_span name = fisa__until(&value, '=');
  unsigned i;

  for (i = 0; i < FIELD_COUNT; i++)
    if (fisa__is(name, fields[i].name))
      break;
  if (i == FIELD_COUNT)
    return fisa__bad(l, "\"%.*s\" is no field", FISA_QUOTE(name));
  if (out->value[i].p)
    return fisa__bad(l, "the field %s stands there twice", fields[i].name);
  if (fields[i].bare != (name.n == word.n))
    return fisa__bad(l, fields[i].bare ? "the field %s takes no value"
                     : "the field %s has no value", fields[i].name);
  if (i == FIELD_DOES) {  /* to the end of the line */
    value.p = name.p + name.n + 1;
    value.n = whole.n - (size_t)(value.p - whole.p);
    rest->n = 0;
  }
  if (value.n == 0 && !fields[i].bare)
    return fisa__bad(l, "the field %s is empty", fields[i].name);
  if (value.n > 0 && strchr(",;", value.p[value.n - 1]))
    return fisa__bad(l, "the field %s ends in a separator", fields[i].name);
  out->value[i] = value;
  return 0;
}

static int require_fields(struct fisa_loader *l, const struct line_fields *f,
                          const struct fisa_row *row, bool overlay) {
  assert(row);
  if (!overlay && !f->value[FIELD_LEN].p)
    return fisa__bad(l, "the field len is missing");
  if (f->value[FIELD_DOES].p && f->value[FIELD_OPAQUE].p)
    return fisa__bad(l, "the fields does and opaque exclude each other");
  if (!overlay && !f->value[FIELD_DOES].p && !f->value[FIELD_OPAQUE].p)
    return fisa__bad(l, "the fields does and opaque are both missing");
  for (unsigned i = 0; i < FIELD_COUNT; i++)
    if (overlay && f->value[i].p && fields[i].shape)
      return fisa__bad(l, "an overlay cannot change the field %s",
                       fields[i].name);
  return 0;
}

int fisa__row_fields(struct fisa_loader *l, struct fisa_span rest,
                     struct fisa_row *row, bool overlay) {
  struct line_fields f;
  int rc = 0;

  assert(l && row && row->defined);
  memset(&f, 0, sizeof f);
  while (rc == 0 && rest.n > 0)
    rc = split_field(l, &rest, &f);
  if (rc == 0)
    rc = require_fields(l, &f, row, overlay);
  if (rc)
    return rc;
  if (!overlay) {
    row->pure = true;
    row->cycles = row->cost = 1;
  }
  for (unsigned i = 0; i < FIELD_COUNT && rc == 0; i++) {
    if (!f.value[i].p)
      continue;
    l->field = fields[i].name;
    rc = fields[i].parse(l, f.value[i], row);
  }
  if (rc == 0) {
    l->field = NULL;
    rc = fisa__check_row(l, row);
  }
  return rc;
}
