/*
 * test_lexicon.c - rows by meaning: what is selected for a meaning does the
 * same when it is run; and the profile, what held whenever code ran.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/ir.h"
#include "plugin/lexicon.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

#define FUEL 10000u

static struct fse_lexicon *lexicon_of(const struct fisa_dialect *d,
                                      const char *denied) {
  static struct fse_policy policy; /* a lexicon keeps it */
  struct fse_lexicon *l;
  fse_policy_init(&policy);
  if (denied != NULL)
    snprintf(policy.deny[policy.deny_count++], FISA_MAX_NAME, "%s", denied);
  l = fse_lexicon_new(d, &policy);
  CU_ASSERT_FATAL(l != NULL);
  return l;
}

static const struct fisa_row *row_of(const struct fisa_dialect *d,
                                     const char *name) {
  const struct fisa_row *row = fisa_row_by_name(d, name, strlen(name));
  UNIT_TRUE(row != NULL, "no row %s", name);
  CU_ASSERT_FATAL(row != NULL);
  return row;
}

static unsigned file_of(const char *name) {
  int file = fisa_file_by_name(isa_unified(), name, strlen(name));
  CU_ASSERT_FATAL(file >= 0);
  return (unsigned)file;
}

/* ---- how rows use their operands ---------------------------------------- */

static void usage(void) {
  static const struct {
    const char *row;
    uint8_t reads, writes, shared; /* a bit an operand */
    int def;
  } cases[] = {
      {"NOP", 0, 0, 0, -1},
      {"MOVI", 0, 1, 0, 0},
      {"INC", 1, 1, 0, 0},
      {"ADD", 6, 1, 0, 0},
      {"MOV", 2, 1, 0, 0},
      {"PUSH", 1, 0, 0, -1},
      {"POP", 0, 1, 0, 0},
      {"LOAD", 6, 1, 0, 0},
      {"STORE", 7, 0, 0, -1},
      {"LOADI", 2, 1, 0, 0},
      {"SWP", 3, 3, 0, -1},      /* two registers: not one */
      {"FADD", 6, 1, 0, 0},
      {"FTOI", 2, 1, 0, 0},
      {"ITOF", 2, 1, 0, 0},
      {"JNE", 1, 0, 0, -1},
      {"LOOP", 1, 1, 0, 0},
      {"CONF_LD", 1, 1, 1, -1},  /* one byte, a register of two files */
      {"CONF_ST", 1, 1, 1, -1},
      {"STACKFRAME", 1, 1, 1, -1}, /* past its mask */
  };
  struct fse_lexicon *l = lexicon_of(isa_unified(), NULL);
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct fisa_row *row = row_of(isa_unified(), cases[i].row);
    const struct fse_usage *u = &l->usage[row->opcode];
    UNIT_TRUE(u->reads == cases[i].reads, "%s reads %x", row->name, u->reads);
    UNIT_TRUE(u->writes == cases[i].writes, "%s writes %x", row->name,
              u->writes);
    UNIT_TRUE(u->shared == cases[i].shared, "%s shares %x", row->name,
              u->shared);
    UNIT_TRUE(fse_def_operand(l, row) == cases[i].def, "%s defines %d",
              row->name, fse_def_operand(l, row));
  }
  UNIT_EQ(l->usage[row_of(isa_unified(), "FTOI")->opcode].file[0],
          file_of("R"));
  UNIT_EQ(l->usage[row_of(isa_unified(), "FTOI")->opcode].file[1],
          file_of("F"));
  fse_lexicon_free(l);
}

/* Of what is never made anew: what others see, what may end the program. */
static void no_forms(void) {
  static const char *const names[] = {
      "DIV", "MOD",  "PUSH",    "POP",        "CALL", "DBG",
      "JAL", "FTOI", "STRIPCF", "STACKFRAME", "HEAP_ALLOC"};
  struct fse_lexicon *l = lexicon_of(isa_unified(), NULL);
  for (uint32_t i = 0; i < l->form_count; i++) {
    const struct fse_form *f = &l->form[i];
    UNIT_TRUE(f->step == &f->row->steps[0], "%s", f->row->name);
    for (unsigned k = 0; k < sizeof names / sizeof names[0]; k++)
      UNIT_TRUE(strcmp(f->row->name, names[k]) != 0, "%s is a form",
                names[k]);
  }
  UNIT_TRUE(l->form_count > 60, "%u forms", l->form_count);
  UNIT_STR_EQ(l->nop->name, "NOP");
  fse_lexicon_free(l);
}

/* A denied row is in no form, whatever the case it is written in. */
static void denied_rows(void) {
  struct fse_lexicon *l = lexicon_of(isa_unified(), "mOvI");
  const struct fisa_row *movi = row_of(isa_unified(), "MOVI");
  UNIT_TRUE(l->denied[movi->opcode], "MOVI is denied");
  for (uint32_t i = 0; i < l->form_count; i++)
    UNIT_TRUE(l->form[i].row != movi, "MOVI is a form");
  /* Its meaning is known all the same: it may be there, or go. */
  UNIT_EQ(l->usage[movi->opcode].writes, 1);
  fse_lexicon_free(l);
}

static void other_dialects(void) {
  struct fse_lexicon *l = lexicon_of(isa_bare(), NULL);
  UNIT_STR_EQ(l->nop->name, "NOP");
  fse_lexicon_free(l);
  l = lexicon_of(isa_tiny(), NULL);
  UNIT_EQ(fse_def_operand(l, row_of(isa_tiny(), "LI")), 0);
  UNIT_EQ(l->usage[row_of(isa_tiny(), "VADD")->opcode].reads, 6);
  fse_lexicon_free(l);
}

/* ---- selection ---------------------------------------------------------- */

static struct fse_arg reg(int32_t byte) {
  return (struct fse_arg){false, (uint8_t)file_of("R"), byte};
}

static struct fse_arg number(int32_t value) {
  return (struct fse_arg){true, 0, value};
}

/* The selected row with its values, as "NAME 1 2 3"; "none". */
static const char *selected(const struct fse_lexicon *l, struct fse_want w) {
  static char text[80];
  int32_t value[FISA_MAX_OPERANDS];
  const struct fisa_row *row = fse_select(l, &w, value);
  size_t n;
  if (row == NULL) return "none";
  n = (size_t)snprintf(text, sizeof text, "%s", row->name);
  for (unsigned k = 0; k < row->operand_count; k++)
    if (row->operands[k].kind != FISA_OPERAND_UNUSED)
      n += (size_t)snprintf(text + n, sizeof text - n, " %d", value[k]);
  return text;
}

#define WANT(name, to, x, y)                                        \
  selected(l, (struct fse_want){.op = FLUX_OP_##name, .d = (to),    \
                                .a = (x), .b = (y)})

static void selection(void) {
  struct fse_lexicon *l = lexicon_of(isa_unified(), NULL);
  const struct fse_arg none = {0};
  /* The shortest that has room. */
  UNIT_STR_EQ(WANT(MOV, reg(1), number(5), none), "MOVI 1 5");
  UNIT_STR_EQ(WANT(MOV, reg(1), number(-128), none), "MOVI 1 -128");
  UNIT_STR_EQ(WANT(MOV, reg(1), number(-129), none), "MOVI16 1 -129");
  UNIT_STR_EQ(WANT(MOV, reg(1), number(32768), none), "none");
  UNIT_STR_EQ(WANT(MOV, reg(1), reg(2), none), "MOV 1 2");
  /* In place. */
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(1), number(1)), "INC 1");
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(1), number(2)), "ADDI 1 2");
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(1), number(200)), "ADDI16 1 200");
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(2), reg(3)), "ADD 1 2 3");
  UNIT_STR_EQ(WANT(AND, reg(1), reg(1), number(255)), "ANDI 1 255");
  UNIT_STR_EQ(WANT(AND, reg(1), reg(1), number(256)), "none");
  /* Not in place: no row says it. */
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(2), number(2)), "none");
  /* The zero register is the constant 0. */
  UNIT_STR_EQ(WANT(SUB, reg(1), number(0), reg(2)), "SUB 1 0 2");
  UNIT_STR_EQ(WANT(SUB, reg(1), number(1), reg(2)), "none");
  fse_lexicon_free(l);
}

/* The same operation said otherwise. */
static void rewording(void) {
  struct fse_lexicon *l = lexicon_of(isa_unified(), NULL);
  UNIT_STR_EQ(WANT(ADD, reg(1), number(1), reg(1)), "INC 1");
  UNIT_STR_EQ(WANT(MUL, reg(1), number(0), reg(2)), "MUL 1 0 2");
  UNIT_STR_EQ(WANT(XOR, reg(4), number(9), reg(4)), "XORI 4 9");
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(1), number(-1)), "DEC 1");
  UNIT_STR_EQ(WANT(SUB, reg(1), reg(1), number(-1)), "INC 1");
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(1), number(128)), "SUBI 1 -128");
  UNIT_STR_EQ(WANT(SUB, reg(1), reg(1), number(128)), "ADDI 1 -128");
  UNIT_STR_EQ(WANT(ADD, reg(1), reg(1), number(32768)), "SUBI16 1 -32768");
  /* Its negative is itself: nothing is said with it. */
  UNIT_STR_EQ(WANT(SUB, reg(1), reg(1), number(INT32_MIN)), "none");
  /* These do not commute. */
  UNIT_STR_EQ(WANT(SUB, reg(1), number(5), reg(1)), "none");
  UNIT_STR_EQ(WANT(SHL, reg(1), number(5), reg(1)), "none");
  fse_lexicon_free(l);
}

/* No row is selected for what it may not be able to do. */
static void lethal_values(void) {
  struct fse_lexicon *l = lexicon_of(isa_unified(), NULL);
  UNIT_STR_EQ(WANT(SHL, reg(1), reg(1), number(31)), "SHLI 1 31");
  UNIT_STR_EQ(WANT(SHL, reg(1), reg(1), number(32)), "none");
  UNIT_STR_EQ(WANT(SHL, reg(1), reg(1), number(-1)), "none");
  UNIT_STR_EQ(WANT(REM, reg(1), reg(2), reg(3)), "none");
  fse_lexicon_free(l);
}

/* ---- meaning and selection, run ----------------------------------------- */

/* What crossed the border of a run. */
struct border {
  uint64_t random;
  uint32_t count;
  int32_t word[16];
};

static void note(struct border *b, uint16_t name, const int32_t *arg,
                 unsigned argc) {
  if (b->count + argc + 1 > 16) return;
  b->word[b->count++] = name;
  for (unsigned i = 0; i < argc; i++) b->word[b->count++] = arg[i];
}

static int give(uint16_t source, const int32_t *arg, unsigned argc,
                int32_t *value, void *user) {
  struct border *b = user;
  note(b, source, arg, argc);
  *value = (int32_t)isa_random(&b->random);
  return 0;
}

static int take(uint16_t channel, const int32_t *arg, unsigned argc,
                void *user) {
  note(user, channel, arg, argc);
  return 0;
}

struct bench {
  struct fir_lane *lane;
  struct fisa_state *begin, *one, *two;
};

/* Runs one instruction from the begin state; false: it cannot be encoded. */
static bool run_one(struct bench *b, const struct fisa_insn *in,
                    struct fisa_state *s, struct border *border) {
  const struct fir_io io = {give, take, border};
  const struct fir_limits limits = {1, false};
  struct fisa_program *p = NULL;
  struct fir_program *ir = NULL;
  uint8_t code[16] = {0};  /* HALT behind it */
  int n = fisa_encode(in, code);
  if (n < 0) return false;
  UNIT_EQ(fisa_program_from_bytes(isa_unified(), code, (size_t)n + 1, &p,
                                  NULL), 0);
  UNIT_EQ(fir_lower(p, &ir, NULL), 0);
  fisa_state_copy(s, b->begin);
  fir_run(ir, b->lane, s, &io, limits);
  fir_free(ir);
  fisa_program_free(p);
  return true;
}

/* Registers that differ behind two runs. Flags may. */
static uint32_t differing(const struct bench *b) {
  const struct fisa_dialect *d = isa_unified();
  uint32_t count = 0;
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    if (file->kind == FISA_FILE_FLAG) continue;
    for (uint32_t c = file->first; c < (uint32_t)file->first + file->count;
         c++)
      count += b->one->cells[c] != b->two->cells[c];
  }
  return count + (memcmp(b->one->mem, b->two->mem, d->mem_size) != 0);
}

/* Any value, and often a small one: addresses that are some. */
static void random_begin(struct bench *b, uint64_t *random) {
  const struct fisa_dialect *d = isa_unified();
  for (uint32_t f = 0; f < d->file_count; f++) {
    const struct fisa_file *file = &d->files[f];
    if (file->kind != FISA_FILE_REGS) continue;
    for (uint32_t c = 0; c < file->count; c++)
      b->begin->cells[file->first + c] =
          isa_below(random, 2) ? (int32_t)isa_below(random, 2000)
                               : (int32_t)isa_random(random);
  }
}

static void draw(const struct fisa_row *row, uint64_t *random,
                 struct fisa_insn *in) {
  memset(in, 0, sizeof *in);
  in->row = row;
  in->length = row->length;
  in->target = FISA_NO_TARGET;
  for (unsigned k = 0; k < row->operand_count; k++) {
    const struct fisa_operand *o = &row->operands[k];
    uint32_t span = (uint32_t)o->hi - (uint32_t)o->lo + 1u;
    if (o->kind == FISA_OPERAND_UNUSED) continue;
    if (o->kind == FISA_OPERAND_REG) span = 4;
    in->value[k] = o->lo + (int32_t)isa_below(random, span ? span : 1);
  }
}

static void selected_does_the_same(void) {
  struct fse_lexicon *l = lexicon_of(isa_unified(), NULL);
  struct bench b = {fir_lane_new(), fisa_state_new(isa_unified()),
                    fisa_state_new(isa_unified()),
                    fisa_state_new(isa_unified())};
  unsigned long tried = 0, other = 0, n = unit_scale(200);
  uint64_t random = 11;
  CU_ASSERT_FATAL(b.lane && b.begin && b.one && b.two);
  for (unsigned long i = 0; i < 256 * n; i++) {
    const struct fisa_row *row = &isa_unified()->rows[i % 256];
    struct border x = {i, 0, {0}}, y = {i, 0, {0}};
    struct fisa_insn in, made = {.target = FISA_NO_TARGET};
    struct fse_want w;
    /* A want does not name a source, so rows that have one are left out. */
    if (!row->defined || row->flow != FISA_FLOW_NEXT ||
        row->source != 0xFFFF)
      continue;
    draw(row, &random, &in);
    random_begin(&b, &random);
    memset(&w, 0, sizeof w);
    if (!fse_meaning(l, &in, &w)) continue;
    made.row = fse_select(l, &w, made.value);
    if (made.row == NULL) continue;
    made.length = made.row->length;
    if (!run_one(&b, &in, b.one, &x) || b.one->status == FISA_RUN_FAULT)
      continue;
    UNIT_TRUE(run_one(&b, &made, b.two, &y), "%s: no code", made.row->name);
    UNIT_TRUE(differing(&b) == 0 && b.one->status == b.two->status,
              "%s %d %d %d is not %s %d %d %d", row->name, in.value[0],
              in.value[1], in.value[2], made.row->name, made.value[0],
              made.value[1], made.value[2]);
    UNIT_TRUE(memcmp(&x, &y, sizeof x) == 0, "%s for %s: the outside",
              made.row->name, row->name);
    tried++;
    other += made.row != row;
  }
  UNIT_TRUE(tried > 30 * n && other > 0, "%lu tried, %lu others", tried,
            other);
  fisa_state_free(b.begin);
  fisa_state_free(b.one);
  fisa_state_free(b.two);
  fir_lane_free(b.lane);
  fse_lexicon_free(l);
}

/* ---- registers nobody uses ---------------------------------------------- */

struct code {
  struct fisa_program *p;
  struct fisa_facts *facts;
  struct fse_draft *draft;
};

static void code_of(struct code *c, const char *text) {
  c->p = isa_program(isa_unified(), text);
  CU_ASSERT_FATAL(c->p != NULL);
  CU_ASSERT_FATAL(fisa_facts_make(c->p, &c->facts, NULL) == 0);
  CU_ASSERT_FATAL(fse_draft_make(c->p, c->facts, &c->draft, NULL) == 0);
}

static void code_done(struct code *c) {
  fse_draft_free(c->draft);
  fisa_facts_free(c->facts);
  fisa_program_free(c->p);
}

static void unused_registers(void) {
  static const struct {
    const char *text, *file;
    int32_t want;
  } cases[] = {
      {"HALT\n", "R", 63},
      {"MOVI R63, 1\nHALT\n", "R", 62},
      {"ADD R61, R62, R63\nHALT\n", "R", 60},
      /* 127 is register 63 again. */
      {"MOVI R127, 1\nHALT\n", "R", 62},
      {".in R62\n.in R63\nHALT\n", "R", 61},
      {".in R1 0..9\nHALT\n", "R", 63},
      {"FADD F1, F2, F3\nHALT\n", "F", 63},
      {"HALT\n", "Z", -1},
  };
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct code c;
    struct fse_view v = {0};
    code_of(&c, cases[i].text);
    v.program = c.p;
    UNIT_TRUE(fse_unused_register(&v, c.draft, file_of(cases[i].file)) ==
                  cases[i].want, "%s: %d", cases[i].text,
              fse_unused_register(&v, c.draft, file_of(cases[i].file)));
    code_done(&c);
  }
}

/* All are in use: there is none, and none is made up. */
static void no_register_left(void) {
  char text[64 * 16] = "";
  struct code c;
  struct fse_view v = {0};
  for (unsigned r = 1, n = 0; r < 64; r++)
    n += (unsigned)snprintf(text + n, sizeof text - n, "INC R%u\n", r);
  strcat(text, "HALT\n");
  code_of(&c, text);
  v.program = c.p;
  UNIT_EQ(fse_unused_register(&v, c.draft, file_of("R")), -1);
  code_done(&c);
}

/* ---- the profile -------------------------------------------------------- */

struct watched {
  struct code code;
  struct ftrial_set *set;
  struct fir_lane *lane;
};

static void watched_open(struct watched *w, const char *text, uint32_t n) {
  struct fisa_trace trace = {0};
  struct fisa_state *s = fisa_state_new(isa_unified());
  code_of(&w->code, text);
  w->set = ftrial_set_new(w->code.p, FUEL, NULL);
  w->lane = fir_lane_new();
  CU_ASSERT_FATAL(s != NULL && w->set != NULL && w->lane != NULL);
  for (uint32_t i = 0; i < n; i++) {
    CU_ASSERT_FATAL(ftrial_fuzz_state(w->set, 5, i, s, &trace) == 0);
    struct ftrial_episode e = {FTRIAL_RECORDED, s, trace.events, trace.count,
                               1.0};
    UNIT_EQ(ftrial_set_add(w->set, &e), FTRIAL_ADDED);
  }
  fisa_trace_done(&trace);
  fisa_state_free(s);
}

static void watched_close(struct watched *w) {
  ftrial_set_free(w->set);
  fir_lane_free(w->lane);
  code_done(&w->code);
}

/* The profile of `episodes`, where the entry is at `to`. */
static struct fse_profile *profile_of(struct watched *w, uint32_t episodes,
                                      uint32_t from, uint32_t to) {
  const uint32_t pair[1][2] = {{from, to}};
  const struct fse_profile_source source = {w->set, {1, pair}, episodes,
                                            w->lane,
                                            NULL, NULL};
  struct fse_profile *p =
      fse_profile_new(w->code.p, w->code.facts, &source);
  CU_ASSERT_FATAL(p != NULL);
  UNIT_EQ(p->count, w->code.facts->count);
  return p;
}

static void facts_of_operands(void) {
  struct watched w;
  struct fse_profile *p;
  watched_open(&w, ".in R1 10..90\n.in R2 4..4\n.out R3\n"
                   "MOV R5, R1\nADD R3, R1, R2\nMOVI R4, 7\nHALT\n", 20);
  p = profile_of(&w, 20, 0, 0);
  /* Before it ran: R1 varies, R5 is it, R2 does not. */
  UNIT_TRUE(!p->operand[1][1].constant, "R1 varies");
  UNIT_TRUE(p->operand[1][1].equal >> 5 & 1u, "R5 is R1");
  UNIT_TRUE(p->operand[1][1].equal >> 1 & 1u, "R1 is R1");
  UNIT_TRUE(!(p->operand[1][1].equal >> 2 & 1u), "R2 is not R1");
  UNIT_TRUE(p->operand[1][2].constant, "R2 is always the same");
  UNIT_EQ(p->operand[1][2].value, 4);
  /* After it ran. */
  UNIT_TRUE(p->result[0].equal >> 1 & 1u, "R5 becomes R1");
  UNIT_TRUE(!p->result[1].constant, "the sum varies");
  UNIT_TRUE(p->result[2].constant && p->result[2].value == 7, "R4 is 7");
  fse_profile_free(p);
  watched_close(&w);
}

/* Outside values are those of the record, outputs go nowhere. */
static void replayed(void) {
  struct watched w;
  struct fse_profile *p;
  watched_open(&w, ".out R2\nSENSE R1\nSENSE R2\nTELL R3, R1, R2\n"
                   "JEQ R0, A\nINC R9\nA: HALT\n", 12);
  p = profile_of(&w, 12, 0, 0);
  for (uint32_t i = 0; i < 4; i++) UNIT_EQ(fse_profile_count(p, i), 12);
  UNIT_EQ(fse_profile_count(p, w.code.facts->index[w.code.p->size - 1]), 12);
  UNIT_TRUE(!p->result[0].constant, "what is sensed varies");
  UNIT_TRUE(!(p->result[1].equal >> 1 & 1u), "each time anew");
  fse_profile_free(p);
  watched_close(&w);
}

static void limits_of_a_profile(void) {
  struct watched w;
  struct fse_profile *p;
  watched_open(&w, ".in R1 1..3\n.out R1\nINC R1\nHALT\n", 9);
  p = profile_of(&w, 4, 0, 0);
  UNIT_EQ(fse_profile_count(p, 0), 4);
  fse_profile_free(p);
  p = profile_of(&w, 1000, 0, 0);
  UNIT_EQ(fse_profile_count(p, 0), 9);
  fse_profile_free(p);
  p = profile_of(&w, 0, 0, 0);
  UNIT_EQ(fse_profile_count(p, 0), 0);
  UNIT_TRUE(!p->result[0].constant, "nothing was seen");
  fse_profile_free(p);
  /* A place the program has not, and another that it has. */
  p = profile_of(&w, 9, 1, 0);
  UNIT_EQ(fse_profile_count(p, 0), 0);
  fse_profile_free(p);
  p = profile_of(&w, 9, 0, 2);
  UNIT_EQ(fse_profile_count(p, 0), 0);
  UNIT_EQ(fse_profile_count(p, 1), 9);
  fse_profile_free(p);
  fse_profile_free(NULL);
  watched_close(&w);
}

static const struct unit_test tests[] = {
    {"rows", "usage", usage},
    {"rows", "not made anew", no_forms},
    {"rows", "denied", denied_rows},
    {"rows", "other dialects", other_dialects},
    {"selection", "shortest", selection},
    {"selection", "said otherwise", rewording},
    {"selection", "lethal values", lethal_values},
    {"selection", "run", selected_does_the_same},
    {"registers", "unused", unused_registers},
    {"registers", "none left", no_register_left},
    {"profile", "operands", facts_of_operands},
    {"profile", "replayed", replayed},
    {"profile", "limits", limits_of_a_profile},
};

UNIT_MAIN(tests)
