/*
 * test_window.c - windows: columns compute what the table says, runs of rows
 * have forms without copies and names, memory slots are cells, and a patch
 * goes where the window was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/semantics.h"
#include "plugin/window_tests.h"
#include "tests/unit.h"
#include "tests/window_help.h"

/* ---- columns ------------------------------------------------------------ */

static uint64_t state = 1;

static int32_t drawn(void) {
  static const int32_t edges[] = {0, 1, -1, 2, 31, 32, INT32_MIN, INT32_MAX};
  uint64_t v = state += UINT64_C(0x9E3779B97F4A7C15);
  v = (v ^ v >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  v ^= v >> 27;
  return v & 1 ? edges[v >> 1 & 7] : (int32_t)(uint32_t)(v >> 20);
}

static void fill(struct fse_column *c) {
  for (unsigned i = 0; i < FSE_LANES; i++) c->lane[i] = drawn();
}

/* What one lane of an op gives, by the scalar expressions of the table. */
static int32_t scalar(unsigned op, const int32_t v[4], int32_t imm) {
  switch (op) {
#define FD v[0]
#define FA v[1]
#define FB v[2]
#define FC v[3]
#define FIMM imm
#define SCALAR(ID, expression) \
  case FLUX_OP_##ID: return (expression);
    FSEM_VALUES(SCALAR)
    default: return 0;
  }
}

static void columns_are_the_table(void) {
  const struct fse_kernels *kernels[] = {fse_kernels(), fse_kernels_plain()};
  struct fse_column in[4], out;
  unsigned values = 0;
  for (unsigned op = 0; op < FLUX_OP_COUNT; op++) {
    UNIT_EQ(fse_is_value(op), kernels[1]->run[op] != NULL);
    if (!fse_is_value(op)) continue;
    values++;
    for (unsigned n = 0; n < 40; n++) {
      const int32_t imm = (int32_t)n % 31 + 1;
      for (unsigned k = 0; k < 4; k++) fill(&in[k]);
      for (unsigned which = 0; which < 2; which++) {
        out = in[0];
        kernels[which]->run[op](&out, &in[1], &in[2], &in[3],
                                fse_all_lanes(imm));
        for (unsigned i = 0; i < FSE_LANES; i++) {
          int32_t v[4] = {in[0].lane[i], in[1].lane[i], in[2].lane[i],
                          in[3].lane[i]};
          if (!UNIT_EQ(out.lane[i], scalar(op, v, imm))) return;
        }
      }
    }
  }
  UNIT_TRUE(values > 50, "%u values", values);
}

/* Ops that are said to commute do, on odd floats as well. */
static void ops_commute(void) {
  const struct fse_kernels *k = fse_kernels();
  struct fse_column in[4], one, other;
  for (unsigned op = 0; op < FLUX_OP_COUNT; op++)
    for (unsigned n = 0; fse_op_commutes(op) && n < 40; n++) {
      if (!UNIT_TRUE(fse_is_value(op), "op %u", op)) return;
      for (unsigned i = 0; i < 4; i++) fill(&in[i]);
      in[1].lane[n] = (int32_t)0xFFC00001;  /* a NaN, */
      in[2].lane[n] = (int32_t)0x7F800001;  /* another, */
      in[1].lane[n + 1] = INT32_MIN;        /* zeros */
      in[2].lane[n + 1] = 0;
      k->run[op](&one, &in[1], &in[2], &in[3], fse_all_lanes(0));
      k->run[op](&other, &in[2], &in[1], &in[3], fse_all_lanes(0));
      UNIT_TRUE(memcmp(&one, &other, sizeof one) == 0, "op %u", op);
    }
}

static void bits_are_counted(void) {
  const struct fse_kernels *kernels[] = {fse_kernels(), fse_kernels_plain()};
  struct fse_column a, b;
  fill(&a);
  b = a;
  b.lane[3] ^= 5;
  b.lane[20] ^= 1;
  for (unsigned which = 0; which < 2; which++) {
    fse_differ bits = kernels[which]->bits;
    UNIT_EQ(bits(a.lane, a.lane, FSE_LANES), 0);
    UNIT_EQ(bits(a.lane, b.lane, FSE_STRIPE), 2);
    UNIT_EQ(bits(a.lane, b.lane, FSE_LANES), 3);
    UNIT_EQ(bits(&a.lane[16], &b.lane[16], 48), 1);
    UNIT_EQ(bits(&a.lane[32], &b.lane[32], FSE_STRIPE), 0);
  }
  /* What is always the same is not nearly right: unless it is right. */
  memset(&a, 0, sizeof a);
  b = a;
  b.lane[0] = 1;
  UNIT_EQ(kernels[0]->bits(a.lane, b.lane, FSE_LANES), 1 + FSE_LANES / 2);
  UNIT_EQ(kernels[0]->bits(b.lane, a.lane, FSE_LANES), 1);
  UNIT_EQ(kernels[0]->bits(a.lane, a.lane, FSE_LANES), 0);
  /* Lane by lane, as all that this processor runs count them. */
  fill(&b);
  for (unsigned n = 0; n < 2000; n++) {
    unsigned lanes = FSE_STRIPE * (1 + n % 4), want = 0;
    for (unsigned i = 0; i < FSE_LANES; i++) {
      a.lane[i] = (int32_t)((uint32_t)(n % 5 == 0 ? 7 : b.lane[i]) * (n | 1));
      if (i < lanes)
        want += (unsigned)__builtin_popcount((uint32_t)a.lane[i] ^
                                             (uint32_t)b.lane[i]);
    }
    if (n % 5 == 0 && want > 0) want += lanes / 2;
    for (unsigned which = 0; which < 2; which++)
      UNIT_TRUE(kernels[which]->bits(a.lane, b.lane, lanes) == want,
                "%u lanes, %u: not %u", lanes, n, want);
  }
}

/* Stripes are what the whole column has there; an operand that does not go on
 * is the same for all of them. */
static void stripes_of(const struct fse_kernels *k, unsigned op) {
  enum { COUNT = FSE_LANES / FSE_STRIPE };
  struct fse_column in[3], wide[3], all, got;
  for (unsigned n = 0; n < 3; n++) fill(&in[n]);
  for (unsigned still = 0; still < 8; still++) {
    struct fse_stripes s = {.d = got.lane, .a = in[0].lane, .b = in[1].lane,
                            .c = in[2].lane, .count = COUNT, .imm = 3};
    unsigned *step[] = {&s.a_step, &s.b_step, &s.c_step};
    for (unsigned n = 0; n < 3; n++) {
      *step[n] = still >> n & 1 ? 0 : FSE_STRIPE;
      for (unsigned i = 0; i < FSE_LANES; i++)
        wide[n].lane[i] = in[n].lane[*step[n] == 0 ? i % FSE_STRIPE : i];
    }
    k->run[op](&all, &wide[0], &wide[1], &wide[2], fse_all_lanes(3));
    k->stripe[op](&s);
    UNIT_TRUE(memcmp(&got, &all, sizeof got) == 0, "op %u, %u", op, still);
    memset(&got, 0x55, sizeof got);
    all = got;
    s.count = 1;
    k->stripe[op](&s);
    UNIT_TRUE(memcmp(&got.lane[FSE_STRIPE], &all.lane[FSE_STRIPE],
                     sizeof got - FSE_STRIPE * sizeof got.lane[0]) == 0,
              "op %u: no more than it was told", op);
  }
}

static void stripes_are_columns(void) {
  const struct fse_kernels *kernels[] = {fse_kernels(), fse_kernels_plain()};
  for (unsigned op = 0; op < FLUX_OP_COUNT; op++)
    for (unsigned which = 0; which < 2; which++)
      if (fse_is_value(op) && fisa_semop_use((uint16_t)op, 0) != 'M')
        stripes_of(kernels[which], op);
}

/* Each stripe's bits are those it has alone. */
static void bits_of_each(void) {
  const struct fse_kernels *kernels[] = {fse_kernels(), fse_kernels_plain()};
  struct fse_column a, b;
  fill(&a);
  fill(&b);
  memset(&a.lane[FSE_STRIPE], 0, FSE_STRIPE * sizeof a.lane[0]);
  memcpy(&a.lane[2 * FSE_STRIPE], b.lane, FSE_STRIPE * sizeof a.lane[0]);
  for (unsigned which = 0; which < 2; which++) {
    uint16_t bits[4] = {9, 9, 9, 9};
    kernels[which]->bits_each(bits, a.lane, b.lane, 3);
    for (unsigned n = 0; n < 3; n++)
      UNIT_EQ(bits[n], kernels[which]->bits(&a.lane[n * FSE_STRIPE], b.lane,
                                            FSE_STRIPE));
    UNIT_EQ(bits[2], 0);
    UNIT_EQ(bits[3], 9);
  }
}

/* The tests of one side vary from lane to lane, the other side is the same in
 * all of them, or for all tests, too. */
static void sift_one(const struct fse_kernels *k, unsigned op, unsigned lane) {
  struct fse_block a, b;
  struct fse_column out, none = {{0}};
  int32_t target[FSE_SIFTED];
  struct fse_sift s = {.a = a.test, .b = b.test, .a_step = 1, .b_step = 1,
                       .lanes = FSE_LANES, .imm = 3, .target = target};
  uint64_t right = UINT64_MAX, got;
  for (unsigned t = 0; t < FSE_SIFTED; t++) {
    fill(&a.test[t]);
    fill(&b.test[t]);
    k->run[op](&out, &a.test[t], &b.test[t], &none, fse_all_lanes(3));
    target[t] = out.lane[lane];
    for (unsigned i = 0; i < FSE_LANES; i++)
      if (out.lane[i] != target[t]) right &= ~(UINT64_C(1) << i);
  }
  got = k->sift[op](&s);
  UNIT_TRUE(got == right && (got >> lane & 1), "op %u lane %u", op, lane);
  target[FSE_SIFTED - 1] ^= 1;
  got = k->sift[op](&s);
  UNIT_TRUE(!(got >> lane & 1), "op %u: the last test is asked, too", op);
  target[FSE_SIFTED - 1] ^= 1;
  s.lanes = lane + 1;
  got = k->sift[op](&s);
  UNIT_TRUE(got >> lane & 1, "op %u: some lanes alone", op);
}

static void sifts_are_columns(void) {
  const struct fse_kernels *kernels[] = {fse_kernels(), fse_kernels_plain()};
  for (unsigned op = 0; op < FLUX_OP_COUNT; op++)
    for (unsigned which = 0; which < 2; which++)
      if (fse_is_value(op) && fisa_semop_use((uint16_t)op, 0) != 'M' &&
          fisa_semop_use((uint16_t)op, 3) == 'N')
        for (unsigned lane = 0; lane < FSE_LANES; lane += 21)
          sift_one(kernels[which], op, lane);
}

/* An operand that is the same for all tests stands there once. */
static void sifts_take_constants(void) {
  struct fse_block a;
  struct fse_column two;
  int32_t target[FSE_SIFTED];
  struct fse_sift s = {.a = a.test, .a_step = 1, .b = &two, .b_step = 0,
                       .lanes = FSE_LANES, .target = target};
  for (unsigned i = 0; i < FSE_LANES; i++) two.lane[i] = 2;
  for (unsigned t = 0; t < FSE_SIFTED; t++) {
    for (unsigned i = 0; i < FSE_LANES; i++)
      a.test[t].lane[i] = (int32_t)(100 * t + i);
    target[t] = (int32_t)(100 * t + 40 + 2);
  }
  UNIT_EQ(fse_kernels()->sift[FLUX_OP_ADD](&s), UINT64_C(1) << 40);
  UNIT_EQ(fse_kernels_plain()->sift[FLUX_OP_ADD](&s), UINT64_C(1) << 40);
  UNIT_EQ(fse_kernels()->sift[FLUX_OP_SUB](&s), UINT64_C(1) << 44);
}

static void stretches_leave_the_rest(void) {
  const struct fse_kernels *k = fse_kernels();
  struct fse_column a, b, out;
  fill(&a);
  fill(&b);
  out = b;
  k->run[FLUX_OP_ADD](&out, &a, &b, &b, (struct fse_stretch){16, 48, 0});
  for (unsigned i = 0; i < FSE_LANES; i++)
    UNIT_EQ(out.lane[i], i < 16 || i >= 48
                             ? b.lane[i]
                             : fsem_add(a.lane[i], b.lane[i]));
}

/* Scans find exactly the pairs that a run finds. */
static void scans_find_pairs(void) {
  const struct fse_kernels *kernels[] = {fse_kernels(), fse_kernels_plain()};
  struct fse_glance a[5], b[7], target;
  struct fse_hit hit[FSE_HITS];
  for (unsigned i = 0; i < FSE_GLANCE; i++) {
    for (unsigned k = 0; k < 5; k++) a[k].lane[i] = drawn();
    for (unsigned k = 0; k < 7; k++) b[k].lane[i] = drawn();
  }
  b[6] = b[2];
  for (unsigned i = 0; i < FSE_GLANCE; i++)
    target.lane[i] = fsem_sub(a[3].lane[i], b[2].lane[i]);
  for (unsigned which = 0; which < 2; which++) {
    struct fse_scan s = {.a = a, .b = b, .target = &target, .a_count = 5,
                         .b_count = 7};
    UNIT_EQ(kernels[which]->scan[FLUX_OP_SUB](&s, hit), 2);
    UNIT_EQ(hit[0].a, 3);
    UNIT_EQ(hit[0].b, 2);
    UNIT_EQ(hit[1].b, 6);
    s.diagonal = true;
    UNIT_EQ(kernels[which]->scan[FLUX_OP_SUB](&s, hit), 0);
    memset(&target, 0, sizeof target);
    UNIT_EQ(kernels[which]->scan[FLUX_OP_SUB](&s, hit), 5);
    for (unsigned i = 0; i < FSE_GLANCE; i++)
      target.lane[i] = fsem_sub(a[3].lane[i], b[2].lane[i]);
  }
}

/* ---- forms -------------------------------------------------------------- */

#define HEAD ".dialect unified\n.in R1\n.in R2\n.out R3\n" \
             ".scratch mem 0x100 64\n"

static bool read_all(struct window_rig *r, const char *text,
                     struct fse_window *w) {
  uint32_t n;
  window_rig_make(r, text, NULL, NULL);
  n = fse_window_run(&r->view, r->slots, 0);
  return n > 0 && fse_window_read(&r->view, r->slots, 0, n, w) == 0;
}

static uint64_t key_of(const char *text) {
  struct window_rig r;
  struct fse_window w;
  CU_ASSERT_FATAL(read_all(&r, text, &w));
  window_rig_done(&r);
  return w.task.key;
}

/* Copies, dead code, the order of operands, other registers for what lies
 * between, and memory make no difference. */
static void equal_tasks_have_one_key(void) {
  uint64_t key = key_of(HEAD "MOVI R4, 1\nSUB R5, R1, R4\nAND R3, R1, R5\n"
                             "HALT\n");
  static const char *const same[] = {
      HEAD "MOVI R7, 1\nMOV R9, R1\nSUB R8, R9, R7\nAND R3, R8, R1\nHALT\n",
      HEAD "MUL R20, R1, R2\nMOVI R4, 1\nSUB R5, R1, R4\nAND R3, R1, R5\n"
           "HALT\n",
      HEAD "STOREI R1, R0, 0x100\nMOVI R10, 1\nSTOREI R10, R0, 0x104\n"
           "LOADI R10, R0, 0x100\nLOADI R11, R0, 0x104\nSUB R10, R10, R11\n"
           "STOREI R10, R0, 0x108\nLOADI R10, R0, 0x100\n"
           "LOADI R11, R0, 0x108\nAND R10, R11, R10\nMOV R3, R10\nHALT\n"};
  static const char *const other[] = {
      HEAD "MOVI R4, 2\nSUB R5, R1, R4\nAND R3, R1, R5\nHALT\n",
      HEAD "MOVI R4, 1\nSUB R5, R4, R1\nAND R3, R1, R5\nHALT\n",
      HEAD "MOVI R4, 1\nSUB R5, R1, R4\nAND R3, R2, R5\nHALT\n"};
  for (unsigned i = 0; i < sizeof same / sizeof same[0]; i++)
    UNIT_TRUE(key_of(same[i]) == key, "the same, written in way %u", i);
  for (unsigned i = 0; i < sizeof other / sizeof other[0]; i++)
    UNIT_TRUE(key_of(other[i]) != key, "another, %u", i);
  UNIT_TRUE(key_of(HEAD "MOVI R4, 1\nSUB R5, R2, R4\nAND R3, R2, R5\nHALT\n")
                == key, "the other input alone");
}

/* A form gives what the program gives. */
static void forms_compute(void) {
  struct window_rig r;
  struct fse_window w;
  struct fse_column in[FSE_WINDOW_INS], out[FSE_WINDOW_OUTS];
  CU_ASSERT_FATAL(read_all(&r, HEAD
      "STOREI R1, R0, 0x100\nMOVI R4, 7\nMUL R5, R1, R4\nSWP R5, R2\n"
      "XOR R6, R2, R5\nCLAMP R6, R4, R2\nBITCOUNT R6\nLOADI R7, R0, 0x100\n"
      "SUB R3, R6, R7\nHALT\n", &w));
  UNIT_EQ(w.task.form.in_count, 2);
  UNIT_EQ(w.task.form.out_count, 1);
  fill(&in[0]);
  fill(&in[1]);
  fse_form_eval(&w.task.form, in, out);
  for (unsigned i = 0; i < FSE_LANES; i++) {
    /* Inputs are numbered as the result leads to them. */
    bool first = w.reg[w.task.in_role[0]].byte == 1;
    int32_t r1 = in[first ? 0 : 1].lane[i], r2 = in[first ? 1 : 0].lane[i];
    int32_t r5 = r2, x = fsem_mul(r1, 7), r6 = x ^ r5;
    r6 = r6 < 7 ? 7 : r6 < x ? r6 : x;
    UNIT_EQ(out[0].lane[i], fsem_sub(fsem_popcnt(r6), r1));
  }
  window_rig_done(&r);
}

/* What a window may not hold ends it. */
static void windows_end(void) {
  static const struct {
    const char *text;
    uint32_t run;
  } cases[] = {
      {HEAD "ADD R3, R1, R2\nHALT\n", 1},
      {HEAD "ADD R3, R1, R2\nDIV R3, R3, R1\nHALT\n", 1},
      {HEAD "ADD R3, R1, R2\nTELL R3, R1, R2\nHALT\n", 1},
      {HEAD "ADD R3, R1, R2\nRAND R4\nHALT\n", 1},
      {HEAD "ADD R3, R1, R2\nLOADI R4, R3, 0\nADD R3, R3, R4\nHALT\n", 1},
      {HEAD "ADD R3, R1, R2\nPUSH R3\nPOP R3\nHALT\n", 1},
      {HEAD "ADD R3, R1, R2\nSUB R3, R3, R1\nNOP\nHALT\n", 3},
      {HEAD "again: ADD R3, R3, R2\nDEC R1\nJNE R1, again\nHALT\n", 2}};
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct window_rig r;
    window_rig_make(&r, cases[i].text, NULL, NULL);
    UNIT_EQ(fse_window_run(&r.view, r.slots, 0), cases[i].run);
    window_rig_done(&r);
  }
}

/* ---- slots -------------------------------------------------------------- */

static void slots_are_cells(void) {
  struct window_rig r;
  struct fse_window w;
  CU_ASSERT_FATAL(read_all(&r, HEAD "STOREI R1, R0, 0x100\n"
      "STOREI R2, R0, 0x104\nLOADI R10, R0, 0x104\nADD R3, R10, R1\nHALT\n",
      &w));
  UNIT_EQ(r.slots->count, 2);
  UNIT_EQ(r.slots->private_mask, 3);
  UNIT_EQ(w.task.form.node_count, 1);
  UNIT_EQ(w.task.form.out_count, 1);
  UNIT_EQ(w.frame, 0);
  window_rig_done(&r);
  /* Somebody looks at one of them. */
  CU_ASSERT_FATAL(read_all(&r, ".dialect unified\n.in R1\n.out R3\n"
      ".out mem 0x104 4\nSTOREI R1, R0, 0x100\nSTOREI R1, R0, 0x104\n"
      "LOADI R3, R0, 0x104\nHALT\n", &w));
  UNIT_EQ(r.slots->private_mask, 1);
  UNIT_EQ(w.task.form.out_count, 2);
  UNIT_EQ(w.frame, 1);
  window_rig_done(&r);
  /* A part of one is reached. */
  window_rig_make(&r, HEAD "STOREI R1, R0, 0x100\nLDI8 R3, 0x102\nHALT\n",
                  NULL, NULL);
  UNIT_EQ(fse_window_run(&r.view, r.slots, 0), 0);
  window_rig_done(&r);
}

/* A slot that is read in the next block is a result; one that a block begins
 * with, an input that is loaded. */
static void slots_live_on(void) {
  struct window_rig r;
  struct fse_window w;
  window_rig_make(&r, HEAD "STOREI R1, R0, 0x100\nJEQ R2, out\n"
      "LOADI R4, R0, 0x100\nADD R4, R4, R2\nSTOREI R4, R0, 0x100\n"
      "out: LOADI R3, R0, 0x100\nHALT\n", NULL, NULL);
  CU_ASSERT_FATAL(fse_window_read(&r.view, r.slots, 0, 1, &w) == 0);
  UNIT_EQ(w.task.form.out_count, 1);
  UNIT_EQ(w.task.out_role[0], FSE_NOTHING);
  UNIT_EQ(fse_window_run(&r.view, r.slots, 2), 3);
  CU_ASSERT_FATAL(fse_window_read(&r.view, r.slots, 2, 3, &w) == 0);
  UNIT_EQ(w.task.form.in_count, 2);
  UNIT_EQ(w.task.form.node_count, 1);
  UNIT_EQ(w.frame, 2);
  window_rig_done(&r);
}

/* ---- splicing ----------------------------------------------------------- */

/* A patch by hand in the place of a window, run on drawn states. */
static void patches_go_in(void) {
  struct window_rig r;
  struct fse_window w;
  struct fse_child child;
  struct fisa_error err = {""};
  struct fir_program *ir = NULL;
  CU_ASSERT_FATAL(read_all(&r, HEAD "STOREI R1, R0, 0x100\n"
      "LOADI R4, R0, 0x100\nMOV R5, R2\nSUB R3, R4, R5\nHALT\n", &w));
  struct fse_patch p = {.count = 1, .cost = 1};
  p.insn[0].row = fisa_row_by_name(r.dialect, "SUB", 3);
  p.insn[0].value[0] = w.task.out_role[0];
  for (unsigned i = 0; i < 2; i++) {
    p.in_role[i] = w.task.in_role[i];
    p.insn[0].value[w.reg[w.task.in_role[i]].byte == 1 ? 1 : 2] =
        w.task.in_role[i];
  }
  p.out_role[0] = w.task.out_role[0];
  UNIT_EQ(fse_window_splice(&w, &p, r.draft), 0);
  CU_ASSERT_FATAL(fse_draft_finish(r.draft, 65536, &child, &err) == 0);
  UNIT_EQ(child.program->size, 5);
  CU_ASSERT_FATAL(fir_lower(child.program, &ir, &err) == 0);
  UNIT_EQ(ftrial_fuzz(r.set, ir, NULL, r.lane, 3, 2000).verdict,
          FTRIAL_SAME);
  fir_free(ir);
  fse_child_done(&child);
  window_rig_done(&r);
}

static const struct unit_test tests[] = {
    {"columns", "columns_are_the_table", columns_are_the_table},
    {"columns", "ops_commute", ops_commute},
    {"columns", "bits_are_counted", bits_are_counted},
    {"columns", "stretches_leave_the_rest", stretches_leave_the_rest},
    {"columns", "scans_find_pairs", scans_find_pairs},
    {"columns", "stripes_are_columns", stripes_are_columns},
    {"columns", "bits_of_each", bits_of_each},
    {"columns", "sifts_are_columns", sifts_are_columns},
    {"columns", "sifts_take_constants", sifts_take_constants},
    {"forms", "equal_tasks_have_one_key", equal_tasks_have_one_key},
    {"forms", "forms_compute", forms_compute},
    {"forms", "windows_end", windows_end},
    {"slots", "slots_are_cells", slots_are_cells},
    {"slots", "slots_live_on", slots_live_on},
    {"splice", "patches_go_in", patches_go_in},
};
UNIT_MAIN(tests)
