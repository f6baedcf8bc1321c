/*
 * test_edit.c - drafts: laid out unchanged they are the program again, edits
 * move every target along, and what cannot be laid out is refused.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "plugin/edit.h"
#include "tests/gen.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* ---- a draft with all that belongs to it -------------------------------- */

struct rig {
  struct fisa_program *p;
  struct fisa_facts *f;
  struct fse_draft *d;
  struct fse_child c;
};

static void rig_take(struct rig *r, struct fisa_program *p) {
  struct fisa_error err = {""};
  memset(r, 0, sizeof *r);
  CU_ASSERT_FATAL(p != NULL);
  r->p = p;
  CU_ASSERT_FATAL(fisa_facts_make(p, &r->f, &err) == 0);
  UNIT_TRUE(fse_draft_make(p, r->f, &r->d, &err) == 0, "%s", err.text);
  CU_ASSERT_FATAL(r->d != NULL);
}

static void rig_text(struct rig *r, const char *text) {
  rig_take(r, isa_program(isa_unified(), text));
}

static void rig_done(struct rig *r) {
  fse_child_done(&r->c);
  fse_draft_free(r->d);
  fisa_facts_free(r->f);
  fisa_program_free(r->p);
}

static void finish(struct rig *r) {
  struct fisa_error err = {""};
  fse_child_done(&r->c);
  UNIT_TRUE(fse_draft_finish(r->d, FISA_MAX_CODE, &r->c, &err) == 0, "%s",
            err.text);
  CU_ASSERT_FATAL(r->c.program != NULL);
}

/* The draft cannot be laid out, for this reason. */
static void refused(struct rig *r, uint32_t max_size, const char *why) {
  struct fse_child c;
  struct fisa_error err = {""};
  UNIT_EQ(fse_draft_finish(r->d, max_size, &c, &err), -1);
  UNIT_TRUE(strstr(err.text, why) != NULL, "\"%s\", not \"%s\"", err.text,
            why);
  UNIT_TRUE(c.program == NULL && c.places == NULL && c.address == NULL,
            "nothing is given");
}

/* The child as text that was written by hand. */
static void child_is(const struct rig *r, const char *text) {
  struct fisa_program *want = isa_program(isa_unified(), text);
  CU_ASSERT_FATAL(want != NULL);
  UNIT_EQ(r->c.program->size, want->size);
  if (r->c.program->size == want->size)
    UNIT_TRUE(memcmp(r->c.program->code, want->code, want->size) == 0,
              "%s, not %s", isa_hex(r->c.program->code, want->size),
              isa_hex(want->code, want->size));
  UNIT_EQ(r->c.program->entry, want->entry);
  fisa_program_free(want);
}

static const struct fisa_row *row(const char *name) {
  const struct fisa_row *r = fisa_row_by_name(isa_unified(), name,
                                              strlen(name));
  CU_ASSERT_FATAL(r != NULL);
  return r;
}

static const int32_t none[FISA_MAX_OPERANDS];

/* ---- identity ----------------------------------------------------------- */

/* What a node says in the child is what it said in the parent. */
static void check_node(const struct rig *r, uint32_t i) {
  const struct fse_node *n = &r->d->nodes[i];
  struct fisa_insn in;
  UNIT_EQ(fisa_decode(r->p->dialect, r->c.program->code, r->c.program->size,
                      r->c.address[i], &in), FISA_DECODED);
  UNIT_TRUE(in.row == n->insn.row, "%s, not %s", in.row->name,
            n->insn.row->name);
  for (unsigned k = 0; k < in.row->operand_count; k++)
    if (k != in.row->target)
      UNIT_EQ(in.value[k], n->insn.value[k]);
  if (n->target != FSE_NO_NODE)
    UNIT_EQ(in.target, r->c.address[r->d->nodes[n->target].lead]);
}

/* Laid out as it is, a draft is the parent without what nothing reaches. */
static void identity(struct fisa_program *p) {
  struct rig r;
  uint32_t reached = 0;
  rig_take(&r, p);
  finish(&r);
  UNIT_EQ(r.d->count, r.f->count);
  UNIT_EQ(r.c.place_count, r.f->count);
  for (uint32_t i = 0; i < r.f->count; i++) {
    check_node(&r, i);
    UNIT_EQ(r.c.places[i].from_pc, r.f->insn[i].pc);
    UNIT_EQ(r.c.places[i].to_pc, r.c.address[i]);
    UNIT_EQ(fse_child_place(&r.c, r.f->insn[i].pc), r.c.address[i]);
    UNIT_EQ(fse_draft_at(r.d, r.f->insn[i].pc), i);
    reached += r.f->insn[i].length + r.f->insn[i].row->filler;
  }
  UNIT_EQ(r.c.program->entry, fse_child_place(&r.c, p->entry));
  if (reached == p->size || r.d->frozen) {
    UNIT_MEM_EQ(r.c.program->code, p->code, p->size);
    UNIT_MEM_EQ(r.c.program->hash, p->hash, 32);
  }
  rig_done(&r);
}

static const char *const samples[] = {
    "alarm", "average", "checksum", "crc8", "fibonacci", "gcd", "hash",
    "sieve", "sort",    "sum",      "thermostat"};

#define SAMPLES (sizeof samples / sizeof samples[0])

static struct fisa_program *sample(const char *name, const char *suffix) {
  static char text[65536];
  char path[128];
  size_t n = 0;
  FILE *f;
  snprintf(path, sizeof path, "samples/agents/%s%s.flx", name, suffix);
  f = fopen(unit_src(path), "rb");
  UNIT_TRUE(f != NULL, "%s", path);
  if (f != NULL) {
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
  }
  text[n] = '\0';
  return isa_program(isa_unified(), text);
}

static void identity_of_samples(void) {
  for (unsigned i = 0; i < SAMPLES; i++) {
    identity(sample(samples[i], ""));
    identity(sample(samples[i], "_tuned"));
  }
}

/* Whether a program can be made a draft: nothing malformed is reached. */
static bool draftable(const struct fisa_program *p) {
  struct fisa_facts *f = NULL;
  struct fse_draft *d = NULL;
  struct fisa_error err = {""};
  bool can;
  if (fisa_facts_make(p, &f, NULL) != 0) return false;
  can = fse_draft_make(p, f, &d, &err) == 0;
  UNIT_TRUE(can == (d != NULL) && can == (err.text[0] == '\0'), "%s",
            err.text);
  fse_draft_free(d);
  fisa_facts_free(f);
  return can;
}

static void identity_of_random_programs(void) {
  static struct gen_table table;
  unsigned drafts = 0;
  gen_table_init(&table, isa_unified());
  for (uint64_t n = 0; n < unit_scale(2000); n++) {
    struct fisa_program *p = gen_program(&table, 21, n);
    CU_ASSERT_FATAL(p != NULL);
    if (draftable(p)) {
      drafts++;
      identity(p);
    } else {
      fisa_program_free(p);
    }
  }
  UNIT_TRUE(drafts > unit_scale(2000) / 4, "%u drafts", drafts);
}

/* Bytes without a plan: a draft or a sentence. */
static void noise(void) {
  static struct gen_table table;
  gen_table_init(&table, isa_unified());
  for (uint64_t n = 0; n < unit_scale(5000); n++) {
    struct fisa_program *p = gen_noise(&table, 22, n);
    CU_ASSERT_FATAL(p != NULL);
    if (draftable(p)) identity(p);
    else fisa_program_free(p);
  }
}

/* Jumps from the end of the instruction, payload rows. */
static void identity_of_another_dialect(void) {
  static const char *const texts[] = {
      "LI A1, 5\nGO L\nL: SAY 1, \"hello\"\nSTOP\n",
      "NOP\nA: SAY\nLI A2, -3\nAT A\n",
      "PUSH A1\nVADD V0, V1, V0\nGO B\nC: STOP\nB: GO C\n"};
  for (unsigned i = 0; i < 3; i++)
    identity(isa_program(isa_tiny(), texts[i]));
}

/* A machine that wants to see more bytes than it takes keeps them. */
static void room_at_the_end(void) {
  struct rig r;
  rig_text(&r, "NOP\nDUMP\nHALT\n.byte 0, 0, 0\n");
  UNIT_EQ(fse_draft_remove(r.d, 0), 0);
  finish(&r);
  child_is(&r, "DUMP\nHALT\n.byte 0, 0, 0\n");
  rig_done(&r);
}

/* What nothing reaches is left out; a CALL keeps its filler. */
static void unreached_bytes(void) {
  struct rig r;
  rig_text(&r, "JMP L\n.byte 1, 2, 3, 0xFF\nL: CALL R0, F\n.byte 0x5A\nHALT\n"
               ".byte 7\nF: INC R1\nRET\n");
  finish(&r);
  child_is(&r, "JMP L\nL: CALL R0, F\n.byte 0x5A\nHALT\nF: INC R1\nRET\n");
  rig_done(&r);
}

static void an_entry_inside(void) {
  struct rig r;
  rig_text(&r, ".entry M\nF: INC R1\nRET\nM: CALL R0, F\nNOP\nHALT\n");
  finish(&r);
  UNIT_MEM_EQ(r.c.program->hash, r.p->hash, 32);
  rig_done(&r);
}

static void malformed_parents(void) {
  static const char *const texts[] = {
      "MOVI R1, 1\n.byte 0x4D\n", "JMP L\n.byte 0x18\nL: .byte 0x18, 1\n"};
  for (unsigned i = 0; i < 2; i++) {
    struct fisa_program *p = isa_program(isa_unified(), texts[i]);
    UNIT_TRUE(!draftable(p), "%s", texts[i]);
    fisa_program_free(p);
  }
}

/* ---- removing ----------------------------------------------------------- */

static void a_removed_target(void) {
  struct rig r;
  rig_text(&r, "MOVI R1, 3\nA: NOP\nDEC R1\nJNE R1, A\nHALT\n");
  UNIT_EQ(fse_draft_remove(r.d, 1), 0);
  finish(&r);
  child_is(&r, "MOVI R1, 3\nA: DEC R1\nJNE R1, A\nHALT\n");
  UNIT_EQ(fse_child_place(&r.c, r.f->insn[1].pc),
          fse_child_place(&r.c, r.f->insn[2].pc));
  UNIT_EQ(fse_draft_next(r.d, 0), 2);
  UNIT_EQ(fse_draft_next(r.d, 4), FSE_NO_NODE);
  rig_done(&r);
}

static void a_removed_entry(void) {
  struct rig r;
  rig_text(&r, "NOP\nMOVI R1, 3\nHALT\n");
  UNIT_EQ(fse_draft_remove(r.d, 0), 0);
  finish(&r);
  child_is(&r, "MOVI R1, 3\nHALT\n");
  rig_done(&r);
}

static void the_end_cannot_go(void) {
  struct rig r;
  rig_text(&r, "INC R1\nHALT\n");
  UNIT_EQ(fse_draft_remove(r.d, 1), 0);
  refused(&r, FISA_MAX_CODE, "run off the end");
  UNIT_EQ(fse_draft_remove(r.d, 0), 0);
  refused(&r, FISA_MAX_CODE, "run off the end");
  rig_done(&r);
}

/* Every instruction of every sample that can go, alone. */
static void any_one_removed(void) {
  for (unsigned k = 0; k < SAMPLES; k++) {
    struct rig r;
    struct fse_draft *work;
    rig_take(&r, sample(samples[k], ""));
    work = fse_draft_copy(r.d);
    CU_ASSERT_FATAL(work != NULL);
    for (uint32_t i = 0; i < r.f->count; i++) {
      struct fse_child c;
      UNIT_EQ(fse_draft_assign(work, r.d), 0);
      if (fse_draft_remove(work, i) != 0) {
        UNIT_TRUE(r.d->nodes[i].pinned, "%s: %u", samples[k], i);
        continue;
      }
      if (fse_draft_finish(work, FISA_MAX_CODE, &c, NULL) != 0) {
        UNIT_EQ(i, r.f->count - 1);
        continue;
      }
      UNIT_EQ(c.address[i] + (i + 1 < r.f->count ? 0u : 1u),
              i + 1 < r.f->count ? c.address[i + 1] : 0u);
      fse_child_done(&c);
    }
    fse_draft_free(work);
    rig_done(&r);
  }
}

/* ---- inserting ---------------------------------------------------------- */

static void before_a_target(void) {
  struct rig r;
  for (int take = 0; take < 2; take++) {
    rig_text(&r, "MOVI R1, 3\nA: DEC R1\nJNE R1, A\nHALT\n");
    UNIT_EQ(fse_draft_insert(r.d, 1, take, row("NOP"), none, FSE_NO_NODE), 4);
    finish(&r);
    child_is(&r, take ? "MOVI R1, 3\nA: NOP\nDEC R1\nJNE R1, A\nHALT\n"
                      : "MOVI R1, 3\nNOP\nA: DEC R1\nJNE R1, A\nHALT\n");
    UNIT_EQ(fse_child_place(&r.c, r.f->insn[1].pc), take ? 3 : 4);
    rig_done(&r);
  }
}

/* Several before one: in the order of the calls, jumps by the first. */
static void several(void) {
  struct rig r;
  int32_t one[FISA_MAX_OPERANDS] = {5};
  rig_text(&r, "MOVI R1, 3\nA: DEC R1\nJNE R1, A\nHALT\n");
  fse_draft_insert(r.d, 1, true, row("NOP"), none, FSE_NO_NODE);
  fse_draft_insert(r.d, 1, true, row("INC"), one, FSE_NO_NODE);
  finish(&r);
  child_is(&r, "MOVI R1, 3\nA: NOP\nINC R5\nDEC R1\nJNE R1, A\nHALT\n");
  rig_done(&r);
}

static void a_jump_of_ones_own(void) {
  struct rig r;
  rig_text(&r, "INC R1\nINC R2\nHALT\n");
  UNIT_TRUE(fse_draft_insert(r.d, 0, false, row("JMP"), none, 2) !=
                FSE_NO_NODE, "inserted");
  finish(&r);
  child_is(&r, ".entry E\nJMP H\nE: INC R1\nINC R2\nH: HALT\n");
  UNIT_EQ(r.c.program->entry, 4);
  rig_done(&r);
}

static void before_the_entry(void) {
  struct rig r;
  rig_text(&r, ".entry E\nINC R2\nE: INC R1\nHALT\n");
  UNIT_EQ(r.d->count, 2);
  fse_draft_insert(r.d, 0, true, row("NOP"), none, FSE_NO_NODE);
  finish(&r);
  child_is(&r, "NOP\nINC R1\nHALT\n");
  rig_done(&r);
}

/* Branches reach as far as their operand and no farther. */
static void out_of_reach(void) {
  struct rig r;
  rig_text(&r, "A: INC R1\nJNE R1, A\nHALT\n");
  int64_t lo = r.f->insn[1].row->operands[r.f->insn[1].row->target].lo;
  for (int64_t n = 0; n < -lo - 4 && n < 70000; n++)
    fse_draft_insert(r.d, 1, false, row("NOP"), none, FSE_NO_NODE);
  if (-lo < 60000) {
    finish(&r);
    for (int n = 0; n < 8; n++)
      fse_draft_insert(r.d, 1, false, row("NOP"), none, FSE_NO_NODE);
    refused(&r, FISA_MAX_CODE, "out of reach");
  }
  refused(&r, 100, "at most 100 allowed");
  rig_done(&r);
}

/* ---- replacing ---------------------------------------------------------- */

static void a_longer_row(void) {
  struct rig r;
  int32_t value[FISA_MAX_OPERANDS] = {1, 1, 0};
  rig_text(&r, "MOVI R1, 3\nA: DEC R1\nJNE R1, A\nHALT\n");
  UNIT_EQ(fse_draft_replace(r.d, 1, row("ADDI16"), value, FSE_NO_NODE), 0);
  finish(&r);
  child_is(&r, "MOVI R1, 3\nA: ADDI16 R1, 1\nJNE R1, A\nHALT\n");
  rig_done(&r);
}

static void another_target(void) {
  struct rig r;
  rig_text(&r, "A: DEC R1\nJNE R1, A\nINC R2\nHALT\n");
  UNIT_EQ(fse_draft_replace(r.d, 1, row("JEQ"), r.f->insn[1].value, 3), 0);
  finish(&r);
  child_is(&r, "A: DEC R1\nJEQ R1, H\nINC R2\nH: HALT\n");
  rig_done(&r);
}

/* Rows that no edit may make, and places where none may stand. */
static void rows_that_may_not(void) {
  struct rig r;
  static const char *const names[] = {"STRIPCF", "CYCLE_READ", "DBG", "ASK"};
  rig_text(&r, "INC R1\nDBG R1\nHALT\n");
  for (unsigned i = 0; i < 4; i++) {
    UNIT_TRUE(fse_draft_replace(r.d, 0, row(names[i]), none, FSE_NO_NODE) ==
                  -1, "%s", names[i]);
    UNIT_TRUE(fse_draft_insert(r.d, 0, true, row(names[i]), none,
                               FSE_NO_NODE) == FSE_NO_NODE, "%s", names[i]);
  }
  UNIT_EQ(r.d->nodes[1].pinned, true);
  UNIT_EQ(fse_draft_remove(r.d, 1), -1);
  UNIT_EQ(fse_draft_replace(r.d, 1, row("NOP"), none, FSE_NO_NODE), -1);
  UNIT_EQ(fse_draft_remove(r.d, 0), 0);
  UNIT_EQ(fse_draft_replace(r.d, 0, row("NOP"), none, FSE_NO_NODE), -1);
  finish(&r);
  child_is(&r, "DBG R1\nHALT\n");
  rig_done(&r);
}

/* A value outside its operand's range is found when the code is laid out. */
static void values_out_of_range(void) {
  struct rig r;
  int32_t value[FISA_MAX_OPERANDS] = {1, 128};
  rig_text(&r, "INC R1\nHALT\n");
  UNIT_EQ(fse_draft_replace(r.d, 0, row("MOVI"), value, FSE_NO_NODE), 0);
  refused(&r, FISA_MAX_CODE, "MOVI: an operand is out of reach");
  rig_done(&r);
}

/* ---- frozen layout ------------------------------------------------------ */

static void frozen(void) {
  struct rig r;
  int32_t inc[FISA_MAX_OPERANDS] = {2}, movi[FISA_MAX_OPERANDS] = {2, 5};
  rig_text(&r, ".out R9\n.out R2\nJAL R9, L\n.byte 1, 2\nL: DEC R2\n"
               "MOV R3, R9\nHALT\n");
  UNIT_TRUE(r.f->layout_frozen && r.d->frozen, "%s", r.f->frozen_reason);
  uint32_t dec = fse_draft_at(r.d, 6);
  UNIT_TRUE(dec != FSE_NO_NODE, "DEC");
  UNIT_EQ(fse_draft_remove(r.d, dec), -1);
  UNIT_EQ(fse_draft_insert(r.d, dec, true, row("NOP"), none, FSE_NO_NODE),
          FSE_NO_NODE);
  UNIT_EQ(fse_draft_replace(r.d, dec, row("MOVI"), movi, FSE_NO_NODE), -1);
  UNIT_EQ(fse_draft_replace(r.d, dec, row("INC"), inc, FSE_NO_NODE), 0);
  UNIT_EQ(fse_draft_sweep(r.d, FISA_MAX_CODE), 0);
  finish(&r);
  UNIT_EQ(r.c.program->size, r.p->size);
  for (uint32_t i = 0; i < r.p->size; i++)
    if (i != 6)
      UNIT_EQ(r.c.program->code[i], r.p->code[i]);
  UNIT_EQ(r.c.program->code[6], row("INC")->opcode);
  rig_done(&r);
}

/* ---- boundaries --------------------------------------------------------- */

static void a_boundary_moves(void) {
  struct rig r;
  rig_text(&r, ".in R1\n.boundary pc:B\nA: NOP\nINC R1\nB: DEC R2\nJMP A\n");
  UNIT_TRUE(r.d->boundary != FSE_NO_NODE, "a boundary");
  UNIT_EQ(fse_draft_remove(r.d, 0), 0);
  finish(&r);
  UNIT_EQ(r.c.program->manifest.boundary.pc, 2);
  fse_draft_insert(r.d, 2, true, row("NOP"), none, FSE_NO_NODE);
  finish(&r);
  UNIT_EQ(r.c.program->manifest.boundary.pc, 2);
  UNIT_EQ(r.c.program->code[2], row("NOP")->opcode);
  rig_done(&r);
}

/* ---- copies ------------------------------------------------------------- */

static void copies_are_apart(void) {
  struct rig r;
  struct fse_draft *copy;
  struct fse_child c;
  rig_text(&r, "NOP\nINC R1\nHALT\n");
  copy = fse_draft_copy(r.d);
  CU_ASSERT_FATAL(copy != NULL);
  for (int i = 0; i < 100; i++)
    fse_draft_insert(copy, 1, true, row("NOP"), none, FSE_NO_NODE);
  finish(&r);
  UNIT_MEM_EQ(r.c.program->hash, r.p->hash, 32);
  UNIT_EQ(fse_draft_finish(copy, FISA_MAX_CODE, &c, NULL), 0);
  UNIT_EQ(c.program->size, r.p->size + 100);
  fse_child_done(&c);
  UNIT_EQ(fse_draft_assign(copy, r.d), 0);
  UNIT_EQ(fse_draft_finish(copy, FISA_MAX_CODE, &c, NULL), 0);
  UNIT_MEM_EQ(c.program->hash, r.p->hash, 32);
  fse_child_done(&c);
  fse_draft_free(copy);
  fse_draft_free(NULL);
  rig_done(&r);
}

static void places_that_are_none(void) {
  struct rig r;
  rig_text(&r, "MOVI R1, 3\nHALT\n");
  finish(&r);
  UNIT_EQ(fse_child_place(&r.c, 1), UINT32_MAX);
  UNIT_EQ(fse_child_place(&r.c, 99), UINT32_MAX);
  UNIT_EQ(fse_draft_at(r.d, 1), FSE_NO_NODE);
  UNIT_EQ(fse_draft_at(r.d, 99), FSE_NO_NODE);
  rig_done(&r);
}

/* ---- the sweep ---------------------------------------------------------- */

static void swept(const char *text, int count, const char *want) {
  struct rig r;
  rig_text(&r, text);
  UNIT_EQ(fse_draft_sweep(r.d, FISA_MAX_CODE), count);
  finish(&r);
  child_is(&r, want);
  rig_done(&r);
}

static void sweeps(void) {
  swept(".out R1\nMOVI R1, 1\nHALT\n", 0, "MOVI R1, 1\nHALT\n");
  swept(".out R1\nMOVI R2, 1\nMOVI R1, 1\nHALT\n", 1, "MOVI R1, 1\nHALT\n");
  swept(".out R1\nMOVI R2, 1\nMOV R3, R2\nMOV R4, R3\nMOVI R1, 1\nHALT\n", 3,
        "MOVI R1, 1\nHALT\n");
  swept(".out R1\nMOVI R1, 1\nMOVI R1, 2\nHALT\n", 1, "MOVI R1, 2\nHALT\n");
  swept("MOVI R2, 1\nHALT\n", 0, "MOVI R2, 1\nHALT\n");
  /* What others see stays. */
  swept(".out R1\nSENSE R2\nSTOREI R2, R0, 16\nTELL R1, R2, R3\nDBG R1\n"
        "PUSH R1\nDIV R4, R5, R6\nHALT\n", 0,
        "SENSE R2\nSTOREI R2, R0, 16\nTELL R1, R2, R3\nDBG R1\nPUSH R1\n"
        "DIV R4, R5, R6\nHALT\n");
}

/* ---- behaviour ---------------------------------------------------------- */

struct feed {
  uint64_t seed;
  uint32_t at;
};

static int feed_input(uint16_t source, const int32_t *arg, unsigned argc,
                      int32_t *value, void *user) {
  struct feed *f = user;
  (void)source, (void)arg, (void)argc;
  *value = gen_input(f->seed, 1, f->at++);
  return 0;
}

static void run(const struct fisa_program *p, struct fir_lane *lane,
                struct fisa_state *s, uint64_t seed) {
  struct fir_program *ir = NULL;
  struct feed feed = {seed, 0};
  const struct fir_io io = {feed_input, NULL, &feed};
  CU_ASSERT_FATAL(fir_lower(p, &ir, NULL) == 0);
  s->pc = p->entry;
  fir_run(ir, lane, s, &io, (struct fir_limits){20000, false});
  fir_free(ir);
}

/* Whether fuel, cycles or addresses show in what a program does. */
static bool shows_layout(const struct rig *r) {
  if (r->d->frozen || r->f->count_frozen || r->f->has_dynamic) return true;
  for (uint32_t i = 0; i < r->d->count; i++)
    if (r->d->nodes[i].pinned || r->d->nodes[i].fixed_target != FISA_NO_TARGET)
      return true;
  return false;
}

/* A begin in which nothing counts instructions. */
static void begin(const struct gen_table *t, const struct fisa_program *p,
                  uint64_t number, struct fisa_state *s) {
  gen_begin(t, p, 31, number, s);
  for (uint32_t f = 0; f < t->d->file_count; f++)
    if (t->d->files[f].tick) s->cells[t->d->files[f].first] = 0;
}

/* NOPs anywhere change neither registers nor memory, however many. */
static void nops_change_nothing(void) {
  static struct gen_table table;
  struct fir_lane *lane = fir_lane_new();
  struct fisa_state *a = fisa_state_new(isa_unified());
  struct fisa_state *b = fisa_state_new(isa_unified());
  unsigned tried = 0;
  uint64_t random = 9;
  CU_ASSERT_FATAL(lane && a && b);
  gen_table_init(&table, isa_unified());
  for (uint64_t n = 0; n < unit_scale(3000); n++) {
    struct fisa_program *p = gen_program(&table, 31, n);
    struct rig r;
    char what[120];
    CU_ASSERT_FATAL(p != NULL);
    if (!draftable(p)) {
      fisa_program_free(p);
      continue;
    }
    rig_take(&r, p);
    if (!shows_layout(&r)) {
      for (uint32_t k = 1 + gen_below(&random, 20); k > 0; k--)
        fse_draft_insert(r.d, gen_below(&random, r.d->base_count),
                         gen_below(&random, 2), row("NOP"), none,
                         FSE_NO_NODE);
      finish(&r);
      begin(&table, p, n, a);
      fisa_state_copy(b, a);
      run(p, lane, a, n);
      run(r.c.program, lane, b, n);
      if (a->status != FISA_RUN_FUEL && b->status != FISA_RUN_FUEL) {
        tried++;
        UNIT_TRUE(fisa_observe_equal(p, a, b, what, sizeof what),
                  "program %d: %s", (int)n, what);
      }
    }
    rig_done(&r);
  }
  UNIT_TRUE(tried > unit_scale(3000) / 50, "%u tried", tried);
  fisa_state_free(a);
  fisa_state_free(b);
  fir_lane_free(lane);
}

/* What the sweep takes out changes nothing either. */
static void sweeping_changes_nothing(void) {
  static struct gen_table table;
  struct fir_lane *lane = fir_lane_new();
  struct fisa_state *a = fisa_state_new(isa_unified());
  struct fisa_state *b = fisa_state_new(isa_unified());
  unsigned swept_some = 0;
  CU_ASSERT_FATAL(lane && a && b);
  gen_table_init(&table, isa_unified());
  for (uint64_t n = 0; n < unit_scale(3000); n++) {
    struct fisa_program *p = gen_program(&table, 41, n);
    struct rig r;
    char what[120];
    CU_ASSERT_FATAL(p != NULL);
    p->manifest.out[p->manifest.out_count++] =
        (struct fisa_cells){FISA_CELLS_FILE, 1, 4, INT32_MIN, INT32_MAX};
    if (!draftable(p)) {
      fisa_program_free(p);
      continue;
    }
    rig_take(&r, p);
    if (!shows_layout(&r) && fse_draft_sweep(r.d, FISA_MAX_CODE) > 0) {
      finish(&r);
      begin(&table, p, n, a);
      fisa_state_copy(b, a);
      run(p, lane, a, n);
      run(r.c.program, lane, b, n);
      if (a->status != FISA_RUN_FUEL && b->status != FISA_RUN_FUEL) {
        swept_some++;
        UNIT_TRUE(fisa_observe_equal(p, a, b, what, sizeof what),
                  "program %d: %s", (int)n, what);
      }
    }
    rig_done(&r);
  }
  UNIT_TRUE(swept_some > 0, "%u swept", swept_some);
  fisa_state_free(a);
  fisa_state_free(b);
  fir_lane_free(lane);
}

static const struct unit_test tests[] = {
    {"identity", "samples", identity_of_samples},
    {"identity", "random programs", identity_of_random_programs},
    {"identity", "noise", noise},
    {"identity", "another dialect", identity_of_another_dialect},
    {"identity", "room at the end", room_at_the_end},
    {"identity", "unreached", unreached_bytes},
    {"identity", "entry", an_entry_inside},
    {"identity", "malformed", malformed_parents},
    {"remove", "a target", a_removed_target},
    {"remove", "the entry", a_removed_entry},
    {"remove", "the end", the_end_cannot_go},
    {"remove", "any one", any_one_removed},
    {"insert", "before a target", before_a_target},
    {"insert", "several", several},
    {"insert", "a jump", a_jump_of_ones_own},
    {"insert", "before the entry", before_the_entry},
    {"insert", "out of reach", out_of_reach},
    {"replace", "a longer row", a_longer_row},
    {"replace", "another target", another_target},
    {"replace", "may not", rows_that_may_not},
    {"replace", "out of range", values_out_of_range},
    {"frozen", "addresses stay", frozen},
    {"boundary", "moves", a_boundary_moves},
    {"copies", "are apart", copies_are_apart},
    {"copies", "no places", places_that_are_none},
    {"sweep", "dead code", sweeps},
    {"behaviour", "NOPs", nops_change_nothing},
    {"behaviour", "sweep", sweeping_changes_nothing},
};

UNIT_MAIN(tests)
