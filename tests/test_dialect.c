/*
 * test_dialect.c - the unified table, its bindings, what is built in.
 */
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

/* ---- the unified table -------------------------------------------------- */

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
  static const char *const files[] = {
    "unified.fluxisa", "unified.bindings", "classic.fluxisa",
    "classic.bindings", "seed.fluxisa", "stack.fluxisa", "cis.fluxisa"
  };
  enum { FILES = sizeof files / sizeof files[0] };
  struct fisa_dialect *d = NULL;
  struct fisa_error err;

  for (int i = 0; i < FILES; i++) {
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

/* Where a word of a row's list may end is the asker's choice. */
static void finds_words(void) {
  static const char list[] = "R[rd];MEM.heap;SP;RNG";

  UNIT_TRUE(fisa_list_has(list, "SP", ";"), "in the middle");
  UNIT_TRUE(fisa_list_has(list, "RNG", ";"), "at the end");
  UNIT_TRUE(!fisa_list_has(list, "RN", ";"), "a part");
  UNIT_TRUE(!fisa_list_has(list, "NG", ";"), "a tail");
  UNIT_TRUE(!fisa_list_has(list, "R", ";"), "an index is no end");
  UNIT_TRUE(fisa_list_has(list, "R", "["), "an index is one");
  UNIT_TRUE(!fisa_list_has(list, "RNG", "["), "no index");
  UNIT_TRUE(!fisa_list_has(list, "MEM", ";["), "a dot is no end");
  UNIT_TRUE(fisa_list_has(list, "MEM", ";[."), "a dot is one");
  UNIT_TRUE(!fisa_list_has("", "R", ";"), "an empty list");
}

/* Steps that a row could leave undone, and those that are seen. */
static void steps_act(void) {
  struct fisa_step s = {.op = FLUX_OP_ADD, .d = {.kind = FISA_REF_TEMP}};

  UNIT_TRUE(!fisa_step_acts(&s), "fills a temporary");
  s.d.kind = FISA_REF_REG;
  UNIT_TRUE(fisa_step_acts(&s), "writes a register");
  s = (struct fisa_step){.op = FLUX_OP_LOAD32, .d = {.kind = FISA_REF_TEMP}};
  UNIT_TRUE(!fisa_step_acts(&s), "loads into a temporary");
  s.op = FLUX_OP_STORE8;
  UNIT_TRUE(fisa_step_acts(&s), "stores");
  s.op = FLUX_OP_CHECK;
  UNIT_TRUE(fisa_step_acts(&s), "faults");
}

static const struct unit_test tests[] = {
  {"unified", "equals the fact text", equals_fact_text},
  {"unified", "finds targets", finds_targets},
  {"unified", "reaches files", reaches_files},
  {"unified", "lists the state", lists_state},
  {"bindings", "bind only named rows", binds_only_named_rows},
  {"bindings", "senses and messages", binds_senses_and_messages},
  {"built-in", "enum", generates_enum},
  {"built-in", "texts", embeds_texts},
  {"semops", "names", names_semops},
  {"semops", "act", steps_act},
  {"words", "found", finds_words},
};
UNIT_MAIN(tests)
