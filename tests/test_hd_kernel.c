/*
 * test_hd_kernel.c - the rows that hd_best enumerates compute what they do on
 * the reference VM, also where two of their registers are one; and they are
 * all that are meant. A row computed wrongly, or left out, would make its
 * proofs worthless.
 */
#include "hostsdk/vm.h"
#include "tests/hd_form.h"
#include "tests/tools/hd_kernel.h"
#include "tests/unit.h"

#include <stdlib.h>
#include <string.h>

enum { CONSTANTS = 8, CHUNKS = 40 };

static const int32_t constants[CONSTANTS] = {
  0, 1, -1, 2, 31, 16, 255, -32768,
};

/* Which registers D, A and B are: apart, and two or three of them one. */
static const int32_t places[][HD_REGS] = {
  { 3, 1, 2 }, { 3, 3, 2 }, { 3, 1, 3 }, { 3, 1, 1 }, { 3, 3, 3 },
  { 3, 0, 2 }, { 3, 1, 0 },
};

/* The instruction of a kernel on the VM. */
struct machine {
  struct fisa_program *program;
  struct fvm_code *code;
  struct fisa_state *state;
  int32_t *r;              /* register 0 */
};

static void machine_done(struct machine *m)
{
  fisa_state_free(m->state);
  fvm_code_free(m->code);
  fisa_program_free(m->program);
}

static void machine_make(struct machine *m, const struct hd_kernels *ks,
                         const struct hd_kernel *k, const int32_t *reg)
{
  struct fisa_insn in = k->insn, halt = { 0 };
  uint8_t code[16];
  unsigned i;
  int n;

  halt.row = fisa_row_by_name(ks->dialect, "HALT", 4);
  for (i = 0; i < HD_REGS; i++)
    if (k->operand[i] != HD_NOWHERE)
      in.value[k->operand[i]] = reg[i];
  n = fisa_encode(&in, code);
  n += fisa_encode(&halt, code + n);
  if (fisa_program_from_bytes(ks->dialect, code, (size_t)n, &m->program,
                              NULL) != 0)
    abort();
  m->code = fvm_code_new(m->program, false);
  m->state = fisa_state_new(ks->dialect);
  if (!m->code || !m->state)
    abort();
  m->r = &m->state->cells[
      ks->dialect->files[fisa_file_by_name(ks->dialect, "R", 1)].first];
}

/* Runs one chunk on the VM; false where a lane faults. */
static bool machine_run(struct machine *m, const struct hd_kernel *k,
                        const int32_t *reg,
                        int32_t column[4][HD_CHUNK],
                        int32_t out[HD_REGS][HD_CHUNK])
{
  unsigned lane, i;

  for (lane = 0; lane < HD_CHUNK; lane++) {
    struct fvm_run run = { 10, false, NULL };

    fisa_state_start(m->program, m->state);
    for (i = 1; i < 4; i++)
      m->r[i] = column[i][lane];
    if (fvm_exec(m->code, m->state, NULL, &run) != FISA_RUN_HALT)
      return false;
    for (i = 0; i < HD_REGS; i++)
      if (k->writes[i] != HD_NOWHERE)
        out[i][lane] = m->r[reg[i]];
  }
  return true;
}

static void draw(int32_t column[4][HD_CHUNK], unsigned chunk)
{
  const struct hd_problem *p = &hd_problems[9]; /* two inputs, any value */
  unsigned lane;

  for (lane = 0; lane < HD_CHUNK; lane++) {
    int32_t in[HD_INPUTS], more[HD_INPUTS];

    hd_draw(p, hd_edges(p) + chunk * HD_CHUNK + lane, in);
    hd_draw(p, (chunk * HD_CHUNK + lane) * 97, more);
    column[0][lane] = 0;
    column[1][lane] = chunk % 2 ? in[0] : more[0] % 40;
    column[2][lane] = chunk % 3 ? in[1] : more[1] % 40;
    column[3][lane] = more[0];
  }
}

/* Whether kernel and VM agree on the chunks; how many were free of faults. */
static int agree(const struct hd_kernels *ks, const struct hd_kernel *k,
                 const int32_t *reg, unsigned *whole)
{
  struct machine m;
  unsigned chunk, i;
  int same = 1;

  machine_make(&m, ks, k, reg);
  for (chunk = 0; chunk < CHUNKS && same; chunk++) {
    int32_t column[4][HD_CHUNK], got[HD_REGS][HD_CHUNK];
    int32_t want[HD_REGS][HD_CHUNK];
    const int32_t *in[HD_REGS];
    bool fine;

    draw(column, chunk);
    for (i = 0; i < HD_REGS; i++)
      in[i] = column[reg[i]];
    fine = machine_run(&m, k, reg, column, want);
    same = hd_kernel_run(k, in, got) == fine;
    for (i = 0; i < HD_REGS && same && fine; i++)
      same = k->writes[i] == HD_NOWHERE ||
             memcmp(got[i], want[i], sizeof got[i]) == 0;
    *whole += fine;
  }
  machine_done(&m);
  return same;
}

static void kernels_are_rows(void)
{
  struct hd_kernels *ks = hd_kernels_new(NULL, constants, CONSTANTS);
  uint32_t i;
  size_t n;

  for (i = 0; i < ks->count; i++) {
    const struct hd_kernel *k = &ks->k[i];
    unsigned whole = 0;

    for (n = 0; n < sizeof places / sizeof places[0]; n++) {
      /* Rows that write two registers are never given the same twice, nor
       * the zero register to be written. */
      if (k->writes[HD_A] != HD_NOWHERE && n != 0)
        continue;
      UNIT_TRUE(agree(ks, k, places[n], &whole), "%s, registers %zu",
                k->insn.row->name, n);
    }
    /* SHLI and SHRI by more than 31 fault always. */
    UNIT_TRUE(whole > 0 || strncmp(k->insn.row->name, "SH", 2) == 0,
              "%s faults always", k->insn.row->name);
  }
  hd_kernels_free(ks);
}

static int has(const struct hd_kernels *ks, const char *name)
{
  uint32_t i;

  for (i = 0; i < ks->count; i++)
    if (strcmp(ks->k[i].insn.row->name, name) == 0)
      return 1;
  return 0;
}

/* Rows that compute in registers are in; whatever else there is, is not. */
static void rows_are_those_meant(void)
{
  static const char *const in[] = {
    "INC", "DEC", "NOT", "NEG", "MOVI", "ADDI", "ANDI", "ORI", "XORI", "SHLI",
    "SHRI", "ADD", "SUB", "MUL", "DIV", "MOD", "AND", "OR", "XOR", "SHL",
    "SHR", "MIN", "MAX", "CMP_EQ", "CMP_LT", "CMP_GT", "CMP_NE", "MOV", "SWP",
    "ABS", "SQRT", "POW", "LOG", "CLAMP", "LERP", "HASH", "ISTINCT_DECAY",
    "ISTINCT_MODULATE", "ISTINCT_THRESHOLD", "ISTINCT_INHIBIT",
    "ISTINCT_GENERALIZE", "TRUST_UPDATE", "TRUST_SCORE", "TRUST_RESTRICT",
    "BITCOUNT", "BITSCAN", "BITREV", "ROTL", "ROTR",
  };
  static const char *const out[] = {
    "HALT", "NOP", "RET", "PUSH", "POP", "LOAD", "STORE", "LOADI", "STOREI",
    "JMP", "JEQ", "CALL", "FADD", "FTOI", "CONF_ADD", "CONF_LD", "SENSE",
    "TELL", "RAND", "CYCLE_READ", "FORK", "MEMSUM", "DBG", "BEXTR", "RESET",
    "ISTINCT_CONVERGE", "ISTINCT_DIFFUSE", "TRUST_SEED", "HEAP_ALLOC",
  };
  struct hd_kernels *ks = hd_kernels_new(NULL, constants, CONSTANTS);
  size_t i;

  for (i = 0; i < sizeof in / sizeof in[0]; i++)
    UNIT_TRUE(has(ks, in[i]), "%s is missing", in[i]);
  for (i = 0; i < sizeof out / sizeof out[0]; i++)
    UNIT_TRUE(!has(ks, out[i]), "%s is a value row", out[i]);
  hd_kernels_free(ks);
}

/* Every row that the plain rules name is there; aliases stand for some. */
static void plain_rows(void)
{
  struct hd_kernels *ks = hd_kernels_new(hd_plain_rows, constants, CONSTANTS);
  uint32_t i;

  for (i = 0; i < ks->count; i++)
    UNIT_TRUE(hd_in_list(hd_plain_rows, ks->k[i].insn.row->name), "%s",
              ks->k[i].insn.row->name);
  UNIT_TRUE(has(ks, "SHR") && has(ks, "CMP_LT") && has(ks, "MUL") &&
            has(ks, "MOV") && !has(ks, "MAX") && !has(ks, "ABS"), "plain");
  hd_kernels_free(ks);
}

static void shapes(void)
{
  struct hd_kernels *ks = hd_kernels_new("ADD SUB INC MOVI SWP", constants, 2);
  uint32_t i;

  UNIT_EQ(ks->count, 6);
  for (i = 0; i < ks->count; i++) {
    const struct hd_kernel *k = &ks->k[i];
    const char *name = k->insn.row->name;
    int three = strcmp(name, "ADD") == 0 || strcmp(name, "SUB") == 0;

    UNIT_EQ(k->commutes, strcmp(name, "ADD") == 0);
    UNIT_EQ(k->reads[HD_A], three || strcmp(name, "SWP") == 0);
    UNIT_EQ(k->reads[HD_B], three);
    UNIT_EQ(k->reads[HD_D], strcmp(name, "INC") == 0 ||
                            strcmp(name, "SWP") == 0);
    UNIT_TRUE(k->writes[HD_D] != HD_NOWHERE, "%s writes", name);
    UNIT_EQ(k->writes[HD_A] != HD_NOWHERE, strcmp(name, "SWP") == 0);
    UNIT_EQ(k->writes[HD_B], HD_NOWHERE);
  }
  hd_kernels_free(ks);
}

static const struct unit_test tests[] = {
  { "rows", "those meant", rows_are_those_meant },
  { "rows", "plain", plain_rows },
  { "kernels", "shapes", shapes },
  { "kernels", "are rows", kernels_are_rows },
};

UNIT_MAIN(tests)
