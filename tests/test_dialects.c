/*
 * test_dialects.c - what holds of every built-in table: it says what its fact
 * table says, it is sound, it prints back, and bytes come back through text.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/dialect_help.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* What the columns of a fact table do not hold. Lists are words with a blank
 * on both sides. */
struct about {
  const char *name;
  unsigned rows;
  uint32_t mem, cells;
  char base;               /* of relative targets: start, end, insn, none */
  int truncated, unknown;
  unsigned channels, sources;  /* bound */
  bool mostly_opaque;      /* the list is of the rows with a meaning */
  const char *opaque;
};

static const struct about dialects[] = {
  {"unified", 186, 65536, 454, 's', 1, 3, 7, 7, false, " HEAP_ALLOC "},
  {"classic", 115, 131072, 358, 'e', 1010, 2, 24, 0, false,
   " REGION_CREATE REGION_DESTROY REGION_TRANSFER MEMCOPY MEMSET BOX UNBOX "
   "CHECK_TYPE VLOAD VSTORE RESOURCE_ACQUIRE RESOURCE_RELEASE "},
  {"seed", 28, 1024, 257, 'e', 1, 3, 1, 1, false, " "},
  {"stack", 48, 65536, 1287, '-', 1, 3, 2, 0, false, " LISTEN "},
  {"cis", 128, 0, 449, 'i', 1, 3, 0, 0, true, " NOP YIELD NOP_SYS "},
};

enum { DIALECTS = sizeof dialects / sizeof dialects[0] };

static bool in_list(const char *list, const char *name) {
  char word[FISA_MAX_NAME + 2];

  snprintf(word, sizeof word, " %s ", name);
  return strstr(list, word) != NULL;
}

/* Runs a check on each dialect without its bindings. */
static void each(void (*check)(const struct about *a,
                               const struct fisa_dialect *d)) {
  for (int i = 0; i < DIALECTS; i++) {
    struct fisa_dialect *d = dialect_builtin(dialects[i].name, false);

    if (d)
      check(&dialects[i], d);
    fisa_dialect_free(d);
  }
}

/* Text that grows; enough for a row. */
struct text {
  char s[1024];
  size_t n;
};

static void put(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...) {
  va_list ap;
  int n;

  va_start(ap, format);
  n = vsnprintf(t->s + t->n, sizeof t->s - t->n, format, ap);
  va_end(ap);
  if (n > 0)
    t->n += (size_t)n < sizeof t->s - t->n ? (size_t)n : 0;
}

/* ---- against the fact tables -------------------------------------------- */

static const char *const flow_names[] = {
  "next", "halt", "trap", "jump_rel", "jump_abs", "cond_rel", "cond_abs",
  "cond_rel_reg", "call_rel", "call_abs", "ret", "indirect"
};

static const struct {
  unsigned bit;
  const char *name;
} role_names[] = {
  {FISA_ROLE_NOP, "nop"}, {FISA_ROLE_HALT, "halt"},
  {FISA_ROLE_YIELD, "yield"}, {FISA_ROLE_SENSE, "sense"},
  {FISA_ROLE_ACT, "act"}, {FISA_ROLE_DECAY, "decay"},
  {FISA_ROLE_THRESHOLD, "threshold"}, {FISA_ROLE_CONFIDENCE, "confidence"},
  {FISA_ROLE_TRUST, "trust"}, {FISA_ROLE_TIME, "time"},
  {FISA_ROLE_MEMORY, "memory"}, {FISA_ROLE_RANDOM, "random"},
  {FISA_ROLE_A2A, "a2a"}, {FISA_ROLE_DEBUG, "debug"}
};

static unsigned role_bits(char *list) {
  unsigned bits = 0;

  while (*list) {
    const char *name = dialect_cut(&list, ';');
    unsigned found = strcmp(name, "none") == 0;

    for (size_t i = 0; i < sizeof role_names / sizeof role_names[0]; i++)
      if (strcmp(role_names[i].name, name) == 0) {
        bits |= role_names[i].bit;
        found = 1;
      }
    UNIT_TRUE(found, "role %s", name);
  }
  return bits;
}

/* The roles of the project where they differ from the fact table's hint. */
static unsigned expected_roles(const struct about *a, const char *mnemonic,
                               char *list) {
  if (strcmp(mnemonic, "YIELD") == 0)
    return FISA_ROLE_YIELD;
  if (strcmp(a->name, "unified") == 0 && strncmp(mnemonic, "ATP_", 4) == 0)
    return 0;
  return role_bits(list);
}

/* The operands in the fact table's words: it has no two names for two bytes
 * of one kind, and counts the length of a payload as an operand. */
static void put_operands(struct text *t, const struct fisa_row *row) {
  for (unsigned i = 0; i < row->operand_count; i++) {
    const char *name = row->operands[i].name;

    if (row->operands[i].kind == FISA_OPERAND_PAYLOAD)
      name = "len16;payload";
    else if (strcmp(name, "imm8u2") == 0)
      name = "imm8u";
    put(t, "%s%s", i ? ";" : "", name);
  }
}

enum { CSV_OPCODE, CSV_NAME, CSV_LENGTH, CSV_OPS, CSV_READS, CSV_WRITES,
       CSV_FLOW, CSV_SEMANTICS, CSV_PURE, CSV_ROLE, CSV_COLUMNS };

static void compare_row(const struct about *a, const struct fisa_dialect *d,
                        char *column[CSV_COLUMNS]) {
  unsigned opcode = (unsigned)strtoul(column[CSV_OPCODE], NULL, 16);
  const struct fisa_row *row = &d->rows[opcode & 255];
  const char *name = column[CSV_NAME];
  struct text ops = {"", 0}, length = {"", 0};

  UNIT_TRUE(row->defined && opcode < 256, "%s %s is not defined", a->name,
            name);
  UNIT_STR_EQ(row->name, name);
  UNIT_TRUE(fisa_row_by_name(d, name, strlen(name)) == row,
            "%s %s is found by name", a->name, name);
  if (row->payload)
    put(&length, "var:u16len@%d", row->length - 2);
  else
    put(&length, "%d", row->length);
  UNIT_TRUE(strcmp(length.s, column[CSV_LENGTH]) == 0, "%s: length %s", name,
            length.s);
  put_operands(&ops, row);
  UNIT_TRUE(strcmp(ops.s, column[CSV_OPS]) == 0, "%s: operands %s", name,
            ops.s);
  UNIT_TRUE(strcmp(row->reads, column[CSV_READS]) == 0, "%s: reads %s", name,
            row->reads);
  UNIT_TRUE(strcmp(row->writes, column[CSV_WRITES]) == 0, "%s: writes %s",
            name, row->writes);
  UNIT_TRUE(strcmp(flow_names[row->flow], column[CSV_FLOW]) == 0,
            "%s: flow %s", name, flow_names[row->flow]);
  UNIT_TRUE(row->pure == (strcmp(column[CSV_PURE], "yes") == 0), "%s: pure",
            name);
  UNIT_TRUE(row->roles == expected_roles(a, name, column[CSV_ROLE]),
            "%s: roles 0x%X", name, row->roles);
}

static void equals_table(const struct about *a,
                         const struct fisa_dialect *d) {
  char path[64];
  char *csv, *rest;
  unsigned rows = 0;

  snprintf(path, sizeof path, "tests/data/%s.csv", a->name);
  rest = csv = dialect_slurp(path, NULL);
  dialect_cut(&rest, '\n');
  while (*rest) {
    char *line = dialect_cut(&rest, '\n');
    char *column[CSV_COLUMNS];

    for (int i = 0; i < CSV_COLUMNS; i++)
      column[i] = dialect_cut(&line, ',');
    compare_row(a, d, column);
    rows++;
  }
  UNIT_EQ(rows, a->rows);
  UNIT_EQ(d->row_count, a->rows);
  free(csv);
}

static void equals_fact_table(void) { each(equals_table); }

/* ---- every row ---------------------------------------------------------- */

static bool is_relative(const struct fisa_row *row) {
  return row->flow == FISA_FLOW_JUMP_REL || row->flow == FISA_FLOW_COND_REL ||
         row->flow == FISA_FLOW_COND_REL_REG ||
         row->flow == FISA_FLOW_CALL_REL;
}

/* Where a jump, a branch or a call goes is said in just one place. */
static bool has_one_target(const struct fisa_row *row) {
  switch (row->flow) {
  case FISA_FLOW_NEXT: case FISA_FLOW_HALT: case FISA_FLOW_TRAP:
  case FISA_FLOW_RET:
    return row->target == 0xFF && row->target_reg == 0xFF;
  case FISA_FLOW_COND_REL_REG: case FISA_FLOW_INDIRECT:
    return row->target == 0xFF && row->target_reg != 0xFF;
  default:
    return row->target != 0xFF;
  }
}

static void walk_row(const struct about *a, const struct fisa_row *row) {
  bool listed = in_list(a->opaque, row->name);
  char base = row->base_insn ? 'i' : row->base_end ? 'e' : 's';

  UNIT_TRUE(row->opaque == (listed != a->mostly_opaque), "%s %s: opaque",
            a->name, row->name);
  UNIT_TRUE(row->base_insn + row->base_end <= is_relative(row),
            "%s %s: a base", a->name, row->name);
  UNIT_TRUE(!is_relative(row) || base == a->base, "%s %s: base %c", a->name,
            row->name, base);
  UNIT_TRUE(has_one_target(row), "%s %s: target", a->name, row->name);
  UNIT_TRUE(row->cycles >= 1 && row->cost == row->cycles, "%s %s: cost",
            a->name, row->name);
  if (strcmp(a->name, "unified") == 0)
    return;  /* tests/test_dialect.c knows its quirks */
  UNIT_TRUE(row->cycles == 1 && row->check == row->length && !row->keep &&
            row->sensitive == 0 && row->bias == 0 && row->filler == 0,
            "%s %s: a quirk", a->name, row->name);
}

static void walk(const struct about *a, const struct fisa_dialect *d) {
  UNIT_TRUE(dialect_sound(d), "%s is sound", a->name);
  for (unsigned i = 0; i < 256; i++)
    if (d->rows[i].defined)
      walk_row(a, &d->rows[i]);
    else if (strcmp(a->name, "unified") != 0)
      UNIT_TRUE(d->rows[i].check == 1, "%s: byte %02x checks %d", a->name, i,
                d->rows[i].check);
  UNIT_EQ(d->mem_size, a->mem);
  UNIT_EQ(d->cell_count, a->cells);
  UNIT_EQ(d->truncated_fault, a->truncated);
  UNIT_EQ(d->unknown_fault, a->unknown);
  UNIT_EQ(d->fuel, 10000000);
  UNIT_EQ(d->no_machine, a->mostly_opaque);
  UNIT_STR_EQ(d->name, a->name);
}

static void walks_rows(void) { each(walk); }

/* Numbers of faults are shared by all dialects where they are lethal, so a
 * script may know them. */
static void shares_lethal_numbers(void) {
  int32_t code[FLUX_LETHAL_COUNT] = {0};

  for (int i = 0; i < DIALECTS; i++) {
    struct fisa_dialect *d = dialect_builtin(dialects[i].name, true);

    for (int k = 0; k < FLUX_LETHAL_COUNT; k++) {
      int32_t n = d->lethal_code[k];

      if (n < 1000 || strcmp(fisa_fault_name(d, n), "unrepresentable") == 0)
        continue;
      UNIT_TRUE(code[k] == 0 || code[k] == n, "%s: %s is %d, not %d",
                d->name, fisa_fault_name(d, n), (int)n, (int)code[k]);
      code[k] = n;
    }
    fisa_dialect_free(d);
  }
}

/* ---- templates, printed back -------------------------------------------- */

static void put_register(struct text *t, const struct fisa_dialect *d,
                         const struct fisa_row *row,
                         const struct fisa_ref *r) {
  const char *raw = r->kind == FISA_REF_RAW ? "!" : "";

  put(t, " %s%s[%s]", d->files[r->file].name, raw,
      row->operands[r->operand].name);
  if (r->value > 0)
    put(t, "+%d", (int)r->value);
}

static void put_ref(struct text *t, const struct fisa_dialect *d,
                    const struct fisa_row *row, const struct fisa_ref *r) {
  const char *file = d->files[r->file].name;
  const char *operand = row->operands[r->operand].name;

  switch (r->kind) {
  case FISA_REF_REG:
  case FISA_REF_RAW:
    put_register(t, d, row, r);
    break;
  case FISA_REF_FIXED:
  case FISA_REF_STACK:
    put(t, " %s.%d", file, (int)r->value);
    break;
  case FISA_REF_CELL:
  case FISA_REF_FILE:
    put(t, " %s", file);
    break;
  case FISA_REF_TEMP:
    put(t, " t%d", (int)r->value);
    break;
  case FISA_REF_CONST:  /* the one kind of constant written in hex */
    put(t, r->value > 0xFFFFFF ? " #0x%08X" : " #%d", (int)r->value);
    break;
  case FISA_REF_IMM:
    put(t, " #%s", operand);
    break;
  case FISA_REF_RAWNUM:
    put(t, " #raw:%s", operand);
    break;
  case FISA_REF_NEXT:
    put(t, " #next");
    break;
  default:
    break;
  }
}

static void put_template(struct text *t, const struct fisa_dialect *d,
                         const struct fisa_row *row) {
  for (unsigned i = 0; i < row->step_count; i++) {
    const struct fisa_step *s = &row->steps[i];

    put(t, "%s%s", i ? " ; " : "", fisa_semop_name(s->op));
    put_ref(t, d, row, &s->d);
    put_ref(t, d, row, &s->a);
    put_ref(t, d, row, &s->b);
    put_ref(t, d, row, &s->c);
    put_ref(t, d, row, &s->imm);
  }
}

static void put_guards(struct text *t, const struct fisa_dialect *d,
                       const struct fisa_row *row) {
#define LETHAL_NAME(ID, text) text,
  static const char *const names[] = { FLUX_LETHALS(LETHAL_NAME) };
#undef LETHAL_NAME

  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *g = &row->guards[i];
    struct text a = {"", 0}, b = {"", 0};

    put_ref(&a, d, row, &g->a);
    put_ref(&b, d, row, &g->b);
    put(t, "%s%s", i ? ";" : "", names[g->lethal]);
    if (a.n > 0)
      put(t, b.n > 0 ? "(%s,%s)" : "(%s)", a.s + 1, b.n > 0 ? b.s + 1 : "");
  }
}

static void print_row(const struct fisa_dialect *d, const char *line) {
  const char *does = strstr(line, " does=");
  const char *lethal = strstr(line, " lethal=");
  const struct fisa_row *row = &d->rows[strtoul(line + 4, NULL, 16) & 255];
  struct text t = {"", 0}, g = {"", 0};

  put_template(&t, d, row);
  UNIT_TRUE(strcmp(t.s, does ? does + 6 : "") == 0, "%s %s: %s", d->name,
            row->name, t.s);
  put_guards(&g, d, row);
  UNIT_TRUE(lethal ? strncmp(g.s, lethal + 8, g.n) == 0 && g.n > 0 &&
            lethal[8 + g.n] == ' ' : g.n == 0, "%s %s: %s", d->name,
            row->name, g.s);
}

/* Each row of the text says what was loaded from it, character for
 * character. */
static void print_back(const struct about *a, const struct fisa_dialect *d) {
  char path[64];
  char *text, *rest;
  unsigned rows = 0;

  snprintf(path, sizeof path, "abi/isa/dialects/%s.fluxisa", a->name);
  rest = text = dialect_slurp(path, NULL);
  while (*rest) {
    char *line = dialect_cut(&rest, '\n');

    if (strncmp(line, "row 0x", 6) != 0)
      continue;
    print_row(d, line);
    rows++;
  }
  UNIT_EQ(rows, a->rows);
  free(text);
}

static void prints_back(void) { each(print_back); }

/* ---- heads -------------------------------------------------------------- */

struct file_about {
  const char *name;
  int kind, type, count, width, init;
  bool checked;
};

static void check_files(const struct fisa_dialect *d,
                        const struct file_about *want, uint32_t count) {
  UNIT_EQ(d->file_count, count);
  for (uint32_t i = 0; i < count && i < d->file_count; i++) {
    const struct fisa_file *f = &d->files[i];

    UNIT_STR_EQ(f->name, want[i].name);
    UNIT_TRUE(f->kind == want[i].kind && f->type == want[i].type &&
              f->count == want[i].count && f->width == want[i].width &&
              f->init == want[i].init && f->checked == want[i].checked &&
              !f->zero && !f->tick && !f->down, "%s: %s", d->name, f->name);
  }
}

static int32_t lethal_code(const struct fisa_dialect *d, int lethal) {
  return d->lethal_code[lethal];
}

static void classic_head(void) {
  static const struct file_about files[] = {
    {"R", FISA_FILE_REGS, FISA_I32, 16, 1, 0, true},
    {"F", FISA_FILE_REGS, FISA_F32, 16, 1, 0, true},
    {"V", FISA_FILE_REGS, FISA_I32, 64, 4, 0, true},
    {"Z", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"S", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"C", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"O", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"SP", FISA_FILE_CELL, FISA_I32, 1, 1, 65536, false},
    {"FSP", FISA_FILE_CELL, FISA_I32, 1, 1, 0, false},
    {"FRM", FISA_FILE_STACK, FISA_I32, 256, 1, 0, false},
  };
  struct fisa_dialect *d = dialect_builtin("classic", false);
  struct fisa_state *s = fisa_state_new(d);

  check_files(d, files, sizeof files / sizeof files[0]);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_ZERO), 3);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_STACK_FULL), 4);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_STACK_EMPTY), 5);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_REGISTER_RANGE), 1008);
  UNIT_STR_EQ(fisa_fault_name(d, 2), "unknown_opcode");
  UNIT_STR_EQ(fisa_fault_name(d, 1010), "past_code");
  UNIT_EQ(d->rows[0x07].link, 4);  /* CALL */
  UNIT_EQ(d->rows[0x29].link, 2);  /* CALL_IND */
  UNIT_EQ(d->key_count, 2);
  CU_ASSERT_PTR_NOT_NULL_FATAL(s);
  for (int i = 0; i < 16; i++)
    UNIT_EQ(s->cells[i], i == 11 ? 65536 : 0);
  UNIT_EQ(s->cells[d->files[7].first], 65536);
  fisa_state_free(s);
  fisa_dialect_free(d);
}

static void seed_head(void) {
  static const struct file_about files[] = {
    {"TOP", FISA_FILE_CELL, FISA_I32, 1, 1, 0, false},
    {"STK", FISA_FILE_STACK, FISA_I32, 256, 1, 0, false},
  };
  struct fisa_dialect *d = dialect_builtin("seed", false);

  check_files(d, files, sizeof files / sizeof files[0]);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_ZERO), 2);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_STACK_FULL), 4);
  UNIT_STR_EQ(d->sources[0], "SENSE");
  UNIT_STR_EQ(d->channels[0], "ACT");
  fisa_dialect_free(d);
}

static void stack_head(void) {
  static const struct file_about files[] = {
    {"Z", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"S", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"C", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"O", FISA_FILE_FLAG, FISA_I32, 1, 1, 0, false},
    {"CONF", FISA_FILE_CELL, FISA_F32, 1, 1, 0x3F800000, false},
    {"CSP", FISA_FILE_CELL, FISA_I32, 1, 1, 0, false},
    {"CALLSTK", FISA_FILE_STACK, FISA_I32, 256, 1, 0, false},
    {"TOP", FISA_FILE_CELL, FISA_I32, 1, 1, 0, false},
    {"STK", FISA_FILE_STACK, FISA_I32, 1024, 1, 0, false},
  };
  static const int unrepresentable[] = {
    FLUX_LETHAL_DIV_OVERFLOW, FLUX_LETHAL_ADD_OVERFLOW,
    FLUX_LETHAL_SUB_OVERFLOW, FLUX_LETHAL_MUL_OVERFLOW,
    FLUX_LETHAL_SHL_OVERFLOW, FLUX_LETHAL_ALWAYS
  };
  struct fisa_dialect *d = dialect_builtin("stack", false);

  check_files(d, files, sizeof files / sizeof files[0]);
  UNIT_EQ(d->stack_file, 8);
  UNIT_EQ(d->calls_file, 6);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_ZERO), 2);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_STACK_FEW), 4);
  UNIT_EQ(lethal_code(d, FLUX_LETHAL_CALLS_EMPTY), 5);
  UNIT_STR_EQ(fisa_fault_name(d, 6), "memory_range");
  for (size_t i = 0; i < sizeof unrepresentable / sizeof(int); i++)
    UNIT_STR_EQ(fisa_fault_name(d, lethal_code(d, unrepresentable[i])),
                "unrepresentable");
  UNIT_EQ(d->rows[0x53].link, 3);  /* CALL */
  fisa_dialect_free(d);
}

/* ---- bindings of classic ------------------------------------------------ */

/* Every row of role a2a, and no other, becomes an output with its payload and
 * keeps its other roles. */
static void binds_messages(void) {
  struct fisa_dialect *plain = dialect_builtin("classic", false);
  struct fisa_dialect *bound = dialect_builtin("classic", true);
  unsigned messages = 0;

  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *a = &plain->rows[i], *b = &bound->rows[i];

    if (!(a->roles & FISA_ROLE_A2A)) {
      UNIT_TRUE(memcmp(a, b, sizeof *a) == 0, "%s", a->name);
      continue;
    }
    messages++;
    UNIT_TRUE(a->payload && a->steps[0].op == FLUX_OP_NOP, "%s", a->name);
    UNIT_TRUE(b->step_count == 1 && b->steps[0].op == FLUX_OP_EMIT_PAYLOAD,
              "%s", b->name);
    UNIT_TRUE(b->roles == (a->roles | FISA_ROLE_ACT), "%s", b->name);
    UNIT_STR_EQ(bound->channels[b->channel], b->name);
    UNIT_TRUE(fisa_channel_payload(bound, b->channel), "%s", b->name);
  }
  UNIT_EQ(messages, 24);
  UNIT_EQ(plain->channel_count, 0);
  UNIT_TRUE(dialect_sound(bound), "the bound dialect is sound");
  UNIT_TRUE(memcmp(plain->hash, bound->hash, 32) != 0, "hashes differ");
  fisa_dialect_free(plain);
  fisa_dialect_free(bound);
}

/* The outside that a bound dialect speaks of. */
static void counts_outside(void) {
  for (int i = 0; i < DIALECTS; i++) {
    struct fisa_dialect *d = dialect_builtin(dialects[i].name, true);

    UNIT_TRUE(d->channel_count == dialects[i].channels &&
              d->source_count == dialects[i].sources,
              "%s: %u channels, %u sources", d->name, d->channel_count,
              d->source_count);
    fisa_dialect_free(d);
  }
}

/* ---- text and back ------------------------------------------------------ */

/* Every opcode, cut at each place. */
static void cut(const struct about *a, const struct fisa_dialect *d) {
  (void)a;
  for (int op = 0; op < 256; op++) {
    uint8_t code[8] = {(uint8_t)op, 1, 0, 1, 0, 1, 0, 1};

    for (size_t n = 1; n <= sizeof code; n++)
      if (!isa_bytes_come_back(d, code, n))
        return;
  }
}

static void every_cut(void) { each(cut); }

/* Bytes as they come, and bytes of which many are opcodes, small operands and
 * lengths that fit. */
static void random_code(const struct about *a, const struct fisa_dialect *d) {
  unsigned long count = unit_scale(20000);
  uint64_t seed = a->rows;

  for (unsigned long i = 0; i < count; i++) {
    uint8_t code[64];
    size_t n = 1 + isa_below(&seed, sizeof code);

    for (size_t k = 0; k < n; k++) {
      code[k] = (uint8_t)isa_random(&seed);
      if (i % 2 && isa_below(&seed, 3))
        code[k] %= isa_below(&seed, 2) ? 8 : 0x90;
    }
    if (!isa_bytes_come_back(d, code, n))
      return;
  }
}

static void random_bytes(void) { each(random_code); }

/* A program of every row, one behind the other, with operands at random. */
static void all_rows(const struct about *a, const struct fisa_dialect *d) {
  static uint8_t code[256 * 16];
  unsigned long count = unit_scale(200);
  uint64_t seed = a->rows + 1;

  for (unsigned long i = 0; i < count; i++) {
    size_t n = 0;

    for (unsigned op = 0; op < 256; op++) {
      const struct fisa_row *row = &d->rows[op];
      size_t more = row->payload ? isa_below(&seed, 9) : 0;

      if (!row->defined)
        continue;
      code[n] = (uint8_t)op;
      for (size_t k = 1; k < row->length + more; k++)
        code[n + k] = (uint8_t)isa_random(&seed);
      if (row->payload) {
        code[n + 1] = (uint8_t)more;
        code[n + 2] = 0;
      }
      n += row->length + more;
    }
    if (!isa_bytes_come_back(d, code, n))
      return;
  }
}

static void programs_of_all_rows(void) { each(all_rows); }

/* ---- the verifier reads them all ---------------------------------------- */

/* Programs, and what is found in them; NULL: nothing. */
static const struct {
  const char *dialect, *text, *found;
} programs[] = {
  {"classic", "MOVI R1, 3\nagain: DEC R1\nJNZ R1, again\nCALL f\nHALT\n"
   "f: ENTER 2\nPUSH R1\nPOP R2\nLEAVE 0\nRET\n", NULL},
  {"classic", "TELL \"hello\", half 7\nCMP R1, R2\nJG out\nNOP\n"
   "out: EMERGENCY_STOP\n", NULL},
  {"classic", "here: JMP here\nHALT\n", "never be left"},
  {"classic", "NOP\nCMP R1, R2\n", "off the end"},
  {"classic", "ROT\nHALT\n", "always faults"},
  {"classic", "HALT\n.byte 0x2B, 1\n", NULL},
  {"classic", "NOP\n.byte 0x2B, 1\n", "MOVI"},
  {"classic", "NOP\n.byte 0x60, 9, 0, 1\n", "TELL"},
  {"seed", "PUSH 42\nADD\nHALT\n", NULL},
  {"seed", "again: SENSE 1\nTHRESHOLD 10\nJZ out\nPUSH 1\nACT 2\n"
   "out: YIELD\nJMP again\n", NULL},
  {"seed", "PUSH 1\nSWAP\n", "off the end"},
  {"seed", ".byte 0x99\n", "0x99"},
  {"stack", "PUSH 5\nCALL f\nPOP\nHALT\nf: DUP\nMUL\nRET\n", NULL},
  {"stack", "PUSH 3\nagain: DEC\nJNZ again\nBREAK\n", NULL},
  {"stack", "DEC\nHALT\n", "a stack of at most 0"},
  {"stack", "again: JMP again\n", "never be left"},
  {"cis", "MOVI R1, 9\nagain: CADD R2, R1\nCDEC R1, R1\nJNZ R1, again\n"
   "CALL f\nTELL \"hi\"\nHALT\nf: PUSH R1\nPOP R2\nRET\n", NULL},
  {"cis", "NOP\nJMP 5\nHALT\n", "outside the code"},
  {"cis", "CALL f\nf: NOP\n", "off the end"},
  {"cis", "again: NOP\nJMP again\nHALT\n", "never be left"},
};

static void verifies_programs(void) {
  for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
    struct fisa_dialect *d = dialect_builtin(programs[i].dialect, true);
    struct fisa_program *p = isa_program(d, programs[i].text);
    struct fisa_finding f[8] = {{.pc = 0}};
    int n = p ? fisa_verify(p, f, 8) : -1;

    UNIT_TRUE(programs[i].found ? n > 0 : n == 0, "%s: %d findings in:\n%s%s",
              programs[i].dialect, n, programs[i].text, f[0].text);
    if (programs[i].found)
      UNIT_TRUE(strstr(f[0].text, programs[i].found), "%s: %s",
                programs[i].dialect, f[0].text);
    if (p)
      isa_comes_back(p);
    fisa_program_free(p);
    fisa_dialect_free(d);
  }
}

static const struct unit_test tests[] = {
  {"tables", "equal the fact tables", equals_fact_table},
  {"tables", "every row", walks_rows},
  {"tables", "lethal numbers", shares_lethal_numbers},
  {"tables", "print back", prints_back},
  {"heads", "classic", classic_head},
  {"heads", "seed", seed_head},
  {"heads", "stack", stack_head},
  {"outside", "messages of classic", binds_messages},
  {"outside", "channels and sources", counts_outside},
  {"text", "every cut", every_cut},
  {"text", "random bytes", random_bytes},
  {"text", "programs of all rows", programs_of_all_rows},
  {"verifier", "a program or two of each", verifies_programs},
};
UNIT_MAIN(tests)
