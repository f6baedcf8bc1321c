/*
 * test_dialect.c - the unified table, its bindings, what is built in.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/unified_gen.h"
#include "tests/dialect_help.h"
#include "tests/unit.h"

/* ---- helpers ------------------------------------------------------------ */

static const struct fisa_row *row_of(const struct fisa_dialect *d,
                                     const char *name) {
  const struct fisa_row *row = fisa_row_by_name(d, name, strlen(name));

  UNIT_TRUE(row, "no row %s", name);
  return row;
}

/* Takes the part before `sep` off a line, in place. */
static char *cut(char **rest, char sep) {
  char *part = *rest;
  char *end = strchr(part, sep);

  if (end)
    *end = '\0';
  *rest = end ? end + 1 : part + strlen(part);
  return part;
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

/* ---- the unified table against the fact table --------------------------- */

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
    const char *name = cut(&list, ';');
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
static unsigned expected_roles(const char *mnemonic, char *list) {
  if (strcmp(mnemonic, "YIELD") == 0)
    return FISA_ROLE_YIELD;
  if (strncmp(mnemonic, "ATP_", 4) == 0)
    return 0;
  return role_bits(list);
}

enum { CSV_OPCODE, CSV_NAME, CSV_LENGTH, CSV_OPS, CSV_READS, CSV_WRITES,
       CSV_FLOW, CSV_SEMANTICS, CSV_PURE, CSV_ROLE, CSV_COLUMNS };

static void compare_row(const struct fisa_dialect *d,
                        char *column[CSV_COLUMNS]) {
  unsigned opcode = (unsigned)strtoul(column[CSV_OPCODE], NULL, 16);
  const struct fisa_row *row = &d->rows[opcode & 255];
  const char *name = column[CSV_NAME];
  struct text ops = {"", 0};

  UNIT_TRUE(row->defined && opcode < 256, "%s is not defined", name);
  UNIT_STR_EQ(row->name, name);
  UNIT_TRUE(row_of(d, name) == row, "%s is found by name", name);
  UNIT_TRUE(row->length == atoi(column[CSV_LENGTH]), "%s: length %d", name,
            row->length);
  for (unsigned i = 0; i < row->operand_count; i++)
    put(&ops, "%s%s", i ? ";" : "", row->operands[i].name);
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
  UNIT_TRUE(row->roles == expected_roles(name, column[CSV_ROLE]),
            "%s: roles 0x%X", name, row->roles);
}

static void equals_fact_table(void) {
  struct fisa_dialect *d = dialect_unified(false);
  char *csv = dialect_slurp("tests/data/unified.csv", NULL);
  char *rest = csv;
  unsigned rows = 0;

  cut(&rest, '\n');
  while (*rest) {
    char *line = cut(&rest, '\n');
    char *column[CSV_COLUMNS];

    for (int i = 0; i < CSV_COLUMNS; i++)
      column[i] = cut(&line, ',');
    compare_row(d, column);
    rows++;
  }
  UNIT_EQ(rows, 186);
  UNIT_EQ(d->row_count, 186);
  free(csv);
  fisa_dialect_free(d);
}

/* What the columns of the fact table do not hold, from its text. */
static void equals_fact_text(void) {
  struct fisa_dialect *d = dialect_unified(false);

  for (unsigned i = 0; i < 256; i++) {
    const struct fisa_row *row = &d->rows[i];
    unsigned check = row->length;

    if (!row->defined) {
      bool five = (i >= 0x52 && i <= 0x5F) || (i >= 0xD5 && i <= 0xD7) ||
                  i >= 0xF3;
      UNIT_TRUE(row->check == (five ? 5 : 4), "0x%02X checks %d", i,
                row->check);
      continue;
    }
    if (i == UNI_ATOMIC_CAS)
      check = 2;
    if (i == UNI_MEMFILL || i == UNI_DUMP || i == UNI_PROFILE ||
        i == UNI_WATCH)
      check = 5;
    UNIT_TRUE(row->check == check, "%s checks %d", row->name, row->check);
    UNIT_TRUE(!!(row->sensitive & FISA_SENS_BOUNDS) ==
              (check != row->length), "%s: bounds", row->name);
    UNIT_TRUE(row->cycles == (i == UNI_FORK ? 11 : i == UNI_JOIN ? 6 : 1) &&
              row->cost == row->cycles, "%s: cycles", row->name);
    UNIT_TRUE(row->opaque == (i == UNI_HEAP_ALLOC), "%s: opaque", row->name);
    UNIT_TRUE(row->keep == (i == UNI_DBG), "%s: keep", row->name);
    UNIT_TRUE(!row->base_end, "%s: base", row->name);
  }
  UNIT_EQ(d->rows[UNI_CALL].link, 4);
  UNIT_EQ(d->rows[UNI_CALL].filler, 1);
  UNIT_EQ(d->rows[UNI_RET].bias, 1);
  UNIT_EQ(d->rows[UNI_STRIPCF].sensitive, FISA_SENS_STRIP);
  UNIT_EQ(d->rows[UNI_CYCLE_READ].sensitive, FISA_SENS_CYCLES);
  UNIT_EQ(d->rows[UNI_JAL].sensitive, FISA_SENS_LINK);
  UNIT_EQ(d->rows[UNI_CALL].sensitive, 0);
  UNIT_EQ(d->rows[UNI_FORK].sensitive, FISA_SENS_AGENT);
  UNIT_EQ(d->rows[UNI_JOIN].sensitive, FISA_SENS_AGENT);
  fisa_dialect_free(d);
}

/* Which operands hold the target, by the shape of the flow. */
static void finds_targets(void) {
  static const struct {
    int opcode, target, target_reg;
  } want[] = {
    {UNI_JMP, 1, 0xFF}, {UNI_JAL, 1, 0xFF}, {UNI_CALL, 1, 0},
    {UNI_LOOP, 1, 0xFF}, {UNI_JEQ, 1, 0xFF}, {UNI_JNE, 1, 0xFF},
    {UNI_JLE, 1, 0xFF}, {UNI_JGE, 1, 0xFF}, {UNI_JZ, 0xFF, 1},
    {UNI_JNZ, 0xFF, 1}, {UNI_JLT, 0xFF, 1}, {UNI_JGT, 0xFF, 1},
    {UNI_ISTINCT_REFLEX, 1, 0xFF}, {UNI_RET, 0xFF, 0xFF},
    {UNI_ADD, 0xFF, 0xFF}, {UNI_HALT, 0xFF, 0xFF}
  };
  struct fisa_dialect *d = dialect_unified(false);

  for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
    const struct fisa_row *row = &d->rows[want[i].opcode];
    UNIT_TRUE(row->target == want[i].target, "%s: target %d", row->name,
              row->target);
    UNIT_TRUE(row->target_reg == want[i].target_reg, "%s: register %d",
              row->name, row->target_reg);
  }
  UNIT_EQ(d->rows[UNI_CALL].operands[0].files, 1u << 0);
  UNIT_EQ(d->rows[UNI_JZ].operands[1].files, 1u << 0);
  fisa_dialect_free(d);
}

static void reaches_files(void) {
  struct fisa_dialect *d = dialect_unified(false);
  unsigned r = 1u << fisa_file_by_name(d, "R", 1);
  unsigned f = 1u << fisa_file_by_name(d, "f", 1);
  unsigned c = 1u << fisa_file_by_name(d, "C", 1);

  UNIT_EQ(d->rows[UNI_ADD].operands[0].files, r);
  UNIT_EQ(d->rows[UNI_FADD].operands[2].files, f);
  UNIT_EQ(d->rows[UNI_FTOI].operands[0].files, r);
  UNIT_EQ(d->rows[UNI_FTOI].operands[1].files, f);
  UNIT_EQ(d->rows[UNI_CONF_ADD].operands[1].files, r | c);
  UNIT_EQ(d->rows[UNI_CONF_SET].operands[0].files, c);
  UNIT_EQ(d->rows[UNI_TELL].operands[0].files, 0);
  UNIT_EQ(d->rows[UNI_STACKFRAME].operands[0].files, r);
  UNIT_EQ(d->rows[UNI_ISTINCT_CONVERGE].operands[0].files, r);
  UNIT_EQ(d->rows[UNI_ADDI].operands[1].lo, -128);
  UNIT_EQ(d->rows[UNI_ORI].operands[1].hi, 255);
  UNIT_EQ(d->rows[UNI_LDI8].operands[1].hi, 65535);
  UNIT_EQ(d->rows[UNI_LOADI].operands[2].offset, 3);
  UNIT_EQ(d->rows[UNI_LOADI].operands[2].lo, -32768);
  fisa_dialect_free(d);
}

static void lists_state(void) {
  static const struct {
    const char *name;
    int kind, type, count, init;
    bool zero, tick;
  } want[] = {
    {"R", FISA_FILE_REGS, FISA_I32, 64, 0, true, false},
    {"F", FISA_FILE_REGS, FISA_F32, 64, 0, false, false},
    {"C", FISA_FILE_REGS, FISA_I32, 64, 0, false, false},
    {"Z", FISA_FILE_FLAG, FISA_I32, 1, 0, false, false},
    {"N", FISA_FILE_FLAG, FISA_I32, 1, 0, false, false},
    {"STRIP", FISA_FILE_CELL, FISA_I32, 1, 0, false, true},
    {"AGENT", FISA_FILE_CELL, FISA_I32, 1, -1, false, false},
    {"HEAP", FISA_FILE_CELL, FISA_I32, 1, 32768, false, false},
    {"SP", FISA_FILE_CELL, FISA_I32, 1, 256, false, false},
    {"STK", FISA_FILE_STACK, FISA_I32, 256, 0, false, false}
  };
  struct fisa_dialect *d = dialect_unified(false);

  UNIT_EQ(d->file_count, 10);
  for (uint32_t i = 0; i < d->file_count && i < 10; i++) {
    const struct fisa_file *f = &d->files[i];
    UNIT_STR_EQ(f->name, want[i].name);
    UNIT_TRUE(f->kind == want[i].kind && f->type == want[i].type &&
              f->count == want[i].count && f->init == want[i].init &&
              f->zero == want[i].zero && f->tick == want[i].tick, "%s",
              f->name);
  }
  UNIT_EQ(d->sp_cell, d->files[8].first);
  UNIT_EQ(d->stack_file, 9);
  UNIT_TRUE(d->files[9].down, "the stack grows down");
  UNIT_EQ(d->mem_size, 65536);
  UNIT_EQ(d->fuel, 10000000);
  UNIT_EQ(d->truncated_fault, 1);
  UNIT_EQ(d->unknown_fault, 3);
  UNIT_TRUE(dialect_sound(d), "unified is sound");
  fisa_dialect_free(d);
}

/* ---- templates, printed back -------------------------------------------- */

static void put_ref(struct text *t, const struct fisa_dialect *d,
                    const struct fisa_row *row, const struct fisa_ref *r) {
  const char *file = d->files[r->file].name;
  const char *operand = row->operands[r->operand].name;

  switch (r->kind) {
  case FISA_REF_REG:
    put(t, " %s[%s]", file, operand);
    break;
  case FISA_REF_RAW:
    put(t, " %s![%s]", file, operand);
    break;
  case FISA_REF_FIXED:
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
  for (unsigned i = 0; i < row->guard_count; i++) {
    const struct fisa_guard *g = &row->guards[i];
    struct text a = {"", 0}, b = {"", 0};

    put_ref(&a, d, row, &g->a);
    put_ref(&b, d, row, &g->b);
    put(t, "%s%s", i ? ";" : "",
        fisa_fault_name(d, d->lethal_code[g->lethal]));
    if (a.n > 0)
      put(t, b.n > 0 ? "(%s,%s)" : "(%s)", a.s + 1, b.n > 0 ? b.s + 1 : "");
  }
}

/* Each row of the text says what was loaded from it, character for
 * character. */
static void prints_back(void) {
  struct fisa_dialect *d = dialect_unified(false);
  char *text = dialect_slurp("abi/isa/dialects/unified.fluxisa", NULL);
  char *rest = text;
  unsigned rows = 0;

  while (*rest) {
    char *line = cut(&rest, '\n');
    char *does = strstr(line, " does=");
    char *lethal = strstr(line, " lethal=");
    const struct fisa_row *row;
    struct text t = {"", 0}, g = {"", 0};

    if (strncmp(line, "row 0x", 6) != 0)
      continue;
    row = &d->rows[strtoul(line + 4, NULL, 16) & 255];
    put_template(&t, d, row);
    UNIT_TRUE(strcmp(t.s, does ? does + 6 : "") == 0, "%s: %s", row->name,
              t.s);
    put_guards(&g, d, row);
    UNIT_TRUE(lethal ? strncmp(g.s, lethal + 8, g.n) == 0 && g.n > 0 &&
              lethal[8 + g.n] == ' ' : g.n == 0, "%s: %s", row->name, g.s);
    rows++;
  }
  UNIT_EQ(rows, 186);
  free(text);
  fisa_dialect_free(d);
}

/* ---- bindings ----------------------------------------------------------- */

static bool is_bound_row(const char *name) {
  static const char *const bound[] = {
    "SENSE", "GPS", "ACCEL", "GYRO", "TEMP", "VOLT", "SYS", "TELL",
    "DELEGATE", "BROADCAST", "REPLY", "FORWARD", "SIGNAL", "ASK", "LISTEN",
    "REDUCE"
  };

  for (size_t i = 0; i < sizeof bound / sizeof bound[0]; i++)
    if (strcmp(name, bound[i]) == 0)
      return true;
  return false;
}

/* Rows without a binding are as before, but for the numbers of sources. */
static void binds_only_named_rows(void) {
  struct fisa_dialect *plain = dialect_unified(false);
  struct fisa_dialect *bound = dialect_unified(true);

  for (unsigned i = 0; i < 256; i++) {
    struct fisa_row a = plain->rows[i], b = bound->rows[i];
    bool same;

    a.source = b.source = 0;
    same = memcmp(&a, &b, sizeof a) == 0;
    UNIT_TRUE(same != is_bound_row(a.name), "%s", a.name);
  }
  UNIT_TRUE(dialect_sound(bound), "the bound dialect is sound");
  UNIT_TRUE(memcmp(plain->hash, bound->hash, 32) != 0, "hashes differ");
  UNIT_EQ(plain->source_count, 1);
  UNIT_EQ(plain->channel_count, 0);
  UNIT_STR_EQ(plain->sources[0], "RAND");
  fisa_dialect_free(plain);
  fisa_dialect_free(bound);
}

static void binds_senses_and_messages(void) {
  static const char *const senses[] = {"SENSE", "GPS", "ACCEL", "GYRO",
                                       "TEMP", "VOLT"};
  static const char *const messages[] = {"TELL", "DELEGATE", "BROADCAST",
                                         "REPLY", "FORWARD", "SIGNAL"};
  static const char *const opaque[] = {"ASK", "LISTEN", "REDUCE"};
  struct fisa_dialect *d = dialect_unified(true);

  for (int i = 0; i < 6; i++) {
    const struct fisa_row *row = row_of(d, senses[i]);
    UNIT_EQ(row->steps[0].op, FLUX_OP_INPUT);
    UNIT_STR_EQ(d->sources[row->source], senses[i]);
    UNIT_TRUE(row->roles & FISA_ROLE_SENSE && !row->pure, "%s", row->name);
    row = row_of(d, messages[i]);
    UNIT_EQ(row->steps[0].op, FLUX_OP_EMIT);
    UNIT_EQ(row->steps[0].imm.value, 3);
    UNIT_EQ(row->operands[2].files, 1u << 0);
    UNIT_STR_EQ(d->channels[row->channel], messages[i]);
    UNIT_TRUE(row->roles & FISA_ROLE_ACT && !row->pure, "%s", row->name);
  }
  for (int i = 0; i < 3; i++)
    UNIT_TRUE(row_of(d, opaque[i])->opaque &&
              row_of(d, opaque[i])->step_count == 0, "%s", opaque[i]);
  UNIT_EQ(d->rows[UNI_SYS].steps[0].imm.value, 2);
  UNIT_EQ(d->rows[UNI_SYS].steps[0].b.kind, FISA_REF_FIXED);
  UNIT_EQ(d->rows[UNI_SYS].steps[0].b.value, 1);
  UNIT_EQ(d->rows[UNI_RAND].source, d->rows[UNI_TRUST_SEED].source);
  UNIT_EQ(d->rows[UNI_RAND].source, d->rows[UNI_RAND_WEIGHTED].source);
  fisa_dialect_free(d);
}

/* The enumeration made for the reference VM is of the bound table. */
static void generates_enum(void) {
  struct fisa_dialect *d = dialect_unified(true);

  UNIT_EQ(row_of(d, "ADD")->opcode, UNI_ADD);
  UNIT_EQ(row_of(d, "WATCH")->opcode, UNI_WATCH);
  UNIT_EQ(d->row_count, UNI_ROWS);
  UNIT_EQ(d->cell_count, UNI_CELL_COUNT);
  UNIT_EQ(d->sp_cell, UNI_CELL_SP);
  UNIT_EQ(d->files[d->stack_file].first, UNI_CELL_STK);
  UNIT_EQ(d->lethal_code[FLUX_LETHAL_OPAQUE], UNI_LETHAL_OPAQUE);
  UNIT_EQ(d->lethal_code[FLUX_LETHAL_STACK_FULL], UNI_LETHAL_STACK_FULL);
  UNIT_STR_EQ(fisa_fault_name(d, UNI_FAULT_APOPTOSIS), "apoptosis");
  UNIT_STR_EQ(d->channels[UNI_CHANNEL_TELL], "TELL");
  UNIT_STR_EQ(d->sources[UNI_SOURCE_SENSE], "SENSE");
  UNIT_STR_EQ(d->sources[UNI_SOURCE_RAND], "RAND");
  fisa_dialect_free(d);
}

/* The embedded texts are the files, byte for byte. */
static void embeds_texts(void) {
  static const char *const files[] = {"unified.fluxisa", "unified.bindings"};
  struct fisa_dialect *d = NULL;
  struct fisa_error err;

  for (int i = 0; i < 2; i++) {
    char path[64];
    size_t want = 0, got = 0;
    const char *text = fisa_builtin_text(files[i], &got);
    char *file;

    snprintf(path, sizeof path, "abi/isa/dialects/%s", files[i]);
    file = dialect_slurp(path, &want);
    if (UNIT_TRUE(text && got == want, "%s: %zu bytes", files[i], got))
      UNIT_MEM_EQ(text, file, want);
    free(file);
  }
  UNIT_STR_EQ(fisa_builtin_name(0), "unified");
  UNIT_TRUE(fisa_builtin_text("nothing", &(size_t){0}) == NULL, "nothing");
  UNIT_EQ(fisa_dialect_builtin("nothing", true, &d, &err), -1);
  UNIT_TRUE(d == NULL && strstr(err.text, "nothing"), "%s", err.text);
}

/* ---- semantic ops ------------------------------------------------------- */

static void names_semops(void) {
  for (unsigned op = 0; op < FLUX_OP_COUNT; op++) {
    const char *name = fisa_semop_name(op);

    UNIT_EQ(fisa_semop_by_name(name, strlen(name)), (int)op);
    for (unsigned i = 0; i < 4; i++)
      UNIT_TRUE(strchr("NRWM", fisa_semop_use(op, i)), "%s", name);
  }
  UNIT_EQ(fisa_semop_by_name("ad", 2), -1);
  UNIT_EQ(fisa_semop_by_name("ADD", 3), -1);
  UNIT_EQ(fisa_semop_by_name("", 0), -1);
  UNIT_EQ(fisa_semop_use(FLUX_OP_SWAP, 1), 'W');
  UNIT_EQ(fisa_semop_use(FLUX_OP_REM, 0), 'M');
  UNIT_EQ(fisa_semop_use(FLUX_OP_STORE8, 0), 'R');
  UNIT_EQ(fisa_semop_effect(FLUX_OP_CAS8), FISA_EFFECT_COPY);
  UNIT_EQ(fisa_semop_effect(FLUX_OP_ADD), FISA_EFFECT_NONE);
  UNIT_EQ(fisa_semop_effect(FLUX_OP_CYCLE), FISA_EFFECT_CYC);
}

static const struct unit_test tests[] = {
  {"unified", "equals the fact table", equals_fact_table},
  {"unified", "equals the fact text", equals_fact_text},
  {"unified", "finds targets", finds_targets},
  {"unified", "reaches files", reaches_files},
  {"unified", "lists the state", lists_state},
  {"unified", "prints back", prints_back},
  {"bindings", "bind only named rows", binds_only_named_rows},
  {"bindings", "senses and messages", binds_senses_and_messages},
  {"built-in", "enum", generates_enum},
  {"built-in", "texts", embeds_texts},
  {"semops", "names", names_semops},
};
UNIT_MAIN(tests)
