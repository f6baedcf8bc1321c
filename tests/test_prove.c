/*
 * test_prove.c - the prover: each rung by itself, and solvers that crash,
 * hang, eat memory or talk rubbish, of which none may hurt who asks.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/prove_impl.h"
#include "tests/isa_util.h"
#include "tests/unit.h"

/* ---- questions ---------------------------------------------------------- */

/* Two programs from begin to end as one question. */
struct asking {
  struct fisa_program *program[2];
  struct fir_program *ir[2], piece[2];
  struct fisa_set exit_live;
  struct fse_question q;
};

/* R1 and R2 are equal where they begin, R3 has to be at the end. */
static void asking_make(struct asking *a, const char *one, const char *two) {
  const char *text[2] = {one, two};
  const struct fisa_dialect *d = isa_unified();
  int cell = fisa_reg_cell(d, 0, 1), out = fisa_reg_cell(d, 0, 3);
  memset(a, 0, sizeof *a);
  for (int side = 0; side < 2; side++) {
    uint32_t *exit_of;
    struct fisa_error err = {""};
    a->program[side] = isa_program(d, text[side]);
    CU_ASSERT_FATAL(a->program[side] != NULL);
    CU_ASSERT_FATAL(fir_lower(a->program[side], &a->ir[side], &err) == 0);
    exit_of = malloc(a->ir[side]->count * sizeof *exit_of);
    CU_ASSERT_FATAL(exit_of != NULL);
    for (uint32_t i = 0; i < a->ir[side]->count; i++)
      exit_of[i] = a->ir[side]->ins[i].op == FLUX_OP_HALT ? 0 : FIR_NONE;
    UNIT_TRUE(fse_piece_make(a->ir[side], a->ir[side]->entry, exit_of,
                             &a->piece[side], &err) == 0, "%s", err.text);
    a->q.piece[side] = &a->piece[side];
    free(exit_of);
  }
  CU_ASSERT_FATAL(cell > 0 && out > 0);
  a->q.live.w[cell / 64] |= UINT64_C(1) << cell % 64;
  cell = fisa_reg_cell(d, 0, 2);
  a->q.live.w[cell / 64] |= UINT64_C(1) << cell % 64;
  a->exit_live.w[out / 64] |= UINT64_C(1) << out % 64;
  a->q.exit_live = &a->exit_live;
  a->q.exit_count = 1;
  a->q.observed = a->exit_live;
}

static void asking_done(struct asking *a) {
  for (int side = 0; side < 2; side++) {
    fse_piece_done(&a->piece[side]);
    fir_free(a->ir[side]);
    fisa_program_free(a->program[side]);
  }
}

/* What only a solver can tell: no two expressions, no single cell. */
static const char hard_one[] = "XOR R4, R1, R2\nAND R5, R1, R2\n"
                               "ADD R5, R5, R5\nADD R3, R4, R5\nHALT\n";
static const char hard_two[] = "ADD R3, R1, R2\nHALT\n";

/* Of one cell, with the known counter that holds nothing. */
static const char single_one[] = "ADD R4, R1, R1\nADD R3, R4, R1\nHALT\n";
static const char single_two[] = "MOVI R4, 3\nMUL R3, R1, R4\nHALT\n";

static const char *real(void) { return unit_built("lib/flux/flux-prove"); }

static bool have_solver(void) { return access(real(), X_OK) == 0; }

/* ---- rungs -------------------------------------------------------------- */

static void expressions(void) {
  struct fse_prover *p = fse_prover_new("/nowhere/at/all", NULL);
  struct asking a;
  struct fse_answer answer;
  asking_make(&a, "ADD R3, R1, R2\nMOV R9, R3\nHALT\n",
              "MOV R4, R2\nADD R3, R4, R1\nHALT\n");
  answer = fse_prove(p, &a.q, NULL);
  UNIT_EQ(answer.proof, FSE_PROVED);
  UNIT_EQ(answer.rung, FSE_RUNG_CANONICAL);
  UNIT_STR_EQ(fse_rung_name(answer.rung), "canonical");
  asking_done(&a);
  fse_prover_free(p);
}

static void states(void) {
  struct fse_prover *p = fse_prover_new("/nowhere/at/all", NULL);
  struct asking a;
  struct fse_counter c;
  struct fse_answer answer;
  char what[64];
  asking_make(&a, "ADD R3, R1, R2\nHALT\n", "SUB R3, R1, R2\nHALT\n");
  answer = fse_prove(p, &a.q, &c);
  UNIT_EQ(answer.proof, FSE_REFUTED);
  UNIT_EQ(answer.rung, FSE_RUNG_RUN);
  UNIT_EQ(prove_differ(p, &a.q, &c, what, sizeof what), 1);
  fse_counter_done(&c);
  asking_done(&a);
  fse_prover_free(p);
}

/* R1 from lo to hi, and no strip to count. */
static void know(struct asking *a, struct fse_known known[2], int32_t lo,
                 int32_t hi) {
  const struct fisa_dialect *d = isa_unified();
  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].tick)
      known[0] = (struct fse_known){d->files[f].first, 0, 0};
  known[1] = (struct fse_known){(uint16_t)fisa_reg_cell(d, 0, 1), lo, hi};
  a->q.known = known;
  a->q.known_count = 2;
}

/* Without a solver one cell can be tried in full; two cannot. */
static void all_values(void) {
  const struct fse_prover_limits much = {.exhaust = UINT64_C(1) << 35};
  const struct fse_prover_limits little = {.exhaust = 1000};
  struct fse_prover *p = fse_prover_new("/nowhere/at/all", &much);
  struct fse_prover *q = fse_prover_new("/nowhere/at/all", &little);
  struct fse_known known[2];
  struct fse_answer answer;
  struct asking a;
  asking_make(&a, single_one, single_two);
  know(&a, known, -1000000, INT32_MIN + 100000000);
  known[1].lo = INT32_MIN;
  answer = fse_prove(p, &a.q, NULL);
  UNIT_EQ(answer.proof, FSE_PROVED);
  UNIT_EQ(answer.rung, FSE_RUNG_EXHAUSTIVE);
  answer = fse_prove(q, &a.q, NULL);
  UNIT_EQ(answer.proof, FSE_UNPROVED);
  UNIT_TRUE(strncmp(answer.reason, "there is no solver", 18) == 0, "%s",
            answer.reason);
  asking_done(&a);
  asking_make(&a, hard_one, hard_two);
  know(&a, known, 0, 1000);
  answer = fse_prove(p, &a.q, NULL);
  UNIT_EQ(answer.proof, FSE_UNPROVED);
  asking_done(&a);
  fse_prover_free(p);
  fse_prover_free(q);
}

/* The one value of many that differs is found, or is not among them. */
static void one_value(void) {
  struct fse_prover *p = fse_prover_new("/nowhere/at/all", NULL);
  struct fse_known known[2];
  struct fse_counter c;
  struct fse_answer answer;
  struct asking a;
  asking_make(&a, "MOV R3, R1\nHALT\n",
              "MOVI16 R4, 12345\nSHLI R4, 11\nADDI16 R4, 678\n"
              "CMP_EQ R5, R1, R4\nADD R3, R1, R5\nHALT\n");
  know(&a, known, 20000000, (12345 << 11) + 678);
  answer = fse_prove(p, &a.q, &c);
  if (UNIT_EQ(answer.proof, FSE_REFUTED))
    UNIT_EQ(c.begin[0]->cells[fisa_reg_cell(isa_unified(), 0, 1)],
            (12345 << 11) + 678);
  UNIT_EQ(answer.rung, FSE_RUNG_EXHAUSTIVE);
  fse_counter_done(&c);
  known[1].hi--;
  answer = fse_prove(p, &a.q, &c);
  UNIT_EQ(answer.proof, FSE_PROVED);
  asking_done(&a);
  fse_prover_free(p);
}

static void a_solver(void) {
  struct fse_prover *p;
  struct fse_answer answer, again;
  struct fse_counter c;
  struct asking a;
  if (!have_solver()) {
    unit_skip("there is no flux-prove");
    return;
  }
  p = fse_prover_new(real(), NULL);
  UNIT_TRUE(fse_prover_absent(p) == NULL, "%s", fse_prover_absent(p));
  asking_make(&a, hard_one, hard_two);
  answer = fse_prove(p, &a.q, NULL);
  again = fse_prove(p, &a.q, NULL);
  UNIT_TRUE(answer.proof == FSE_PROVED, "%s", answer.reason);
  UNIT_EQ(answer.rung, FSE_RUNG_SOLVER);
  UNIT_EQ(again.proof, FSE_PROVED);
  UNIT_EQ(again.work, answer.work);
  asking_done(&a);
  /* A pair of values that no state finds. */
  asking_make(&a, "XOR R3, R1, R2\nHALT\n",
              "MOVI16 R6, 31337\nMUL R4, R1, R6\nMUL R5, R2, R6\n"
              "SUBI16 R4, 4711\nSUBI16 R5, 1147\nOR R4, R4, R5\n"
              "CMP_EQ R4, R4, R0\nXOR R3, R1, R2\nADD R3, R3, R4\nHALT\n");
  answer = fse_prove(p, &a.q, &c);
  UNIT_TRUE(answer.proof == FSE_REFUTED, "%s", answer.reason);
  UNIT_EQ(answer.rung, FSE_RUNG_SOLVER);
  fse_counter_done(&c);
  asking_done(&a);
  fse_prover_free(p);
}

/* The limit of work decides, and always in the same way. */
static void a_limit(void) {
  const struct fse_prover_limits limits = {.solver = 20000};
  struct fse_prover *p;
  struct fse_answer answer, again;
  struct asking a;
  if (!have_solver()) {
    unit_skip("there is no flux-prove");
    return;
  }
  p = fse_prover_new(real(), &limits);
  asking_make(&a, "MUL R3, R1, R2\nHALT\n",
              "OR R4, R1, R2\nAND R5, R1, R2\nMUL R4, R4, R5\n"
              "XOR R6, R1, R5\nXOR R7, R2, R5\nMUL R6, R6, R7\n"
              "ADD R3, R4, R6\nHALT\n");
  answer = fse_prove(p, &a.q, NULL);
  again = fse_prove(p, &a.q, NULL);
  UNIT_EQ(answer.proof, FSE_UNPROVED);
  UNIT_STR_EQ(answer.reason, again.reason);
  UNIT_EQ(answer.work, again.work);
  asking_done(&a);
  fse_prover_free(p);
}

/* ---- solvers that are wrong --------------------------------------------- */

static unsigned descriptors(void) {
  DIR *d = opendir("/proc/self/fd");
  unsigned n = 0;
  if (d == NULL) return 0;
  while (readdir(d) != NULL) n++;
  closedir(d);
  return n;
}

static bool no_child(void) {
  return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static const char *fake(const char *name) {
  static char path[512], whole[4096];
  snprintf(path, sizeof path, "%s/%s", unit_tmpdir(), name);
  unlink(path);
  CU_ASSERT_FATAL(realpath(unit_built("tests/fakeprover"), whole) != NULL);
  UNIT_TRUE(symlink(whole, path) == 0, "%s", name);
  return path;
}

static void wrong_solvers(void) {
  static const char *const names[] = {
      "gone", "deaf", "early", "crash", "killed", "stopped", "leaves",
      "hang", "spin", "eat", "flood", "half", "nul", "rubbish", "version",
      "other", "maybe", "more", "negative", "liar", "outside", "empty",
      "words"};
  const struct fse_prover_limits limits = {.wall_ms = 400, .memory_mb = 64};
  char folder[4096];
  struct asking a;
  asking_make(&a, hard_one, hard_two);
  /* A link into the build folder is looked at where it ends. */
  CU_ASSERT_FATAL(realpath(unit_built("tests/fakeprover"), folder) != NULL);
  CU_ASSERT_FATAL(chmod(folder, 0755) == 0);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    unsigned before = descriptors();
    struct fse_prover *p = fse_prover_new(fake(names[i]), &limits);
    UNIT_TRUE(fse_prover_absent(p) == NULL, "%s", fse_prover_absent(p));
    for (int times = 0; times < 2; times++) {
      struct fse_answer answer = fse_prove(p, &a.q, NULL);
      UNIT_TRUE(answer.proof == FSE_UNPROVED, "%s: %d", names[i],
                (int)answer.proof);
      UNIT_TRUE(answer.reason[0] != '\0' &&
                strchr(answer.reason, '\033') == NULL, "%s: %s", names[i],
                answer.reason);
    }
    fse_prover_free(p);
    UNIT_TRUE(descriptors() == before, "%s: %u descriptors, not %u",
              names[i], descriptors(), before);
    UNIT_TRUE(no_child(), "%s left a child", names[i]);
  }
  asking_done(&a);
}

/* Eight times, and then it is left alone. */
static void given_up(void) {
  const struct fse_prover_limits limits = {.wall_ms = 400, .memory_mb = 64};
  struct fse_prover *p = fse_prover_new(fake("crash"), &limits);
  struct fse_answer answer = {.proof = FSE_PROVED};
  struct asking a;
  asking_make(&a, hard_one, hard_two);
  for (int i = 0; i < 9; i++) answer = fse_prove(p, &a.q, NULL);
  UNIT_EQ(answer.proof, FSE_UNPROVED);
  UNIT_STR_EQ(answer.reason, "the solver failed 8 times and is left alone");
  asking_done(&a);
  fse_prover_free(p);
}

/* ---- answers that nobody waits for -------------------------------------- */

enum { AN_HOUR = 3600000 };

/* A file comes into being once the solver has the question. */
static bool is_asked(void *path) { return access(path, F_OK) == 0; }

/* Nobody waits any more when a solver hangs: it is ended, without having done
 * anything wrong, and the next is started. Its own time would be an hour. */
static void nobody_waits(void) {
  static char asked[512];
  const struct fse_prover_limits limits = {
      .wall_ms = AN_HOUR, .memory_mb = 64, .stop = is_asked, .user = asked};
  struct fse_prover *p = fse_prover_new(fake("hang"), &limits);
  unsigned before = descriptors();
  struct fse_answer answer;
  struct asking a;
  snprintf(asked, sizeof asked, "%s/hang.asked", unit_tmpdir());
  asking_make(&a, hard_one, hard_two);
  for (int i = 0; i < 10; i++) {
    unlink(asked);
    answer = fse_prove(p, &a.q, NULL);
    UNIT_TRUE(is_asked(asked), "round %d: the solver was not asked", i);
    UNIT_EQ(answer.proof, FSE_UNPROVED);
    UNIT_STR_EQ(answer.reason, "nobody waited for a proof");
    UNIT_TRUE(no_child(), "it was left behind");
    UNIT_EQ(descriptors(), before);
  }
  /* What is not waited for from the first is not asked. */
  answer = fse_prove(p, &a.q, NULL);
  UNIT_STR_EQ(answer.reason, "nobody waited for a proof");
  UNIT_TRUE(no_child(), "a solver runs for nobody");
  asking_done(&a);
  fse_prover_free(p);
  unlink(asked);
}

/* True once it was asked so often. */
struct patience {
  unsigned asked, most;
};

static bool run_out(void *user) {
  struct patience *p = user;
  return ++p->asked > p->most;
}

/* Nor are all values of a cell tried for nobody. */
static void nobody_counts(void) {
  struct patience few = {0, 5}, many = {0, UINT32_MAX};
  struct fse_prover_limits limits = {
      .exhaust = UINT64_C(1) << 35, .stop = run_out, .user = &few};
  struct fse_prover *p = fse_prover_new("/nowhere/at/all", &limits);
  struct fse_known known[2];
  struct fse_answer answer;
  struct asking a;
  asking_make(&a, single_one, single_two);
  know(&a, known, 0, 1 << 20);
  answer = fse_prove(p, &a.q, NULL);
  UNIT_EQ(answer.proof, FSE_UNPROVED);
  UNIT_EQ(few.asked, few.most + 1);
  fse_prover_free(p);
  limits.user = &many;
  p = fse_prover_new("/nowhere/at/all", &limits);
  UNIT_EQ(fse_prove(p, &a.q, NULL).proof, FSE_PROVED);
  UNIT_TRUE(many.asked > few.asked, "%u times", many.asked);
  asking_done(&a);
  fse_prover_free(p);
}

/* A host that reaps its children itself, or has no use for SIGPIPE. */
static void hosts_of_their_own_mind(void) {
  const struct fse_prover_limits limits = {.wall_ms = 400, .memory_mb = 64};
  void (*before)(int) = signal(SIGCHLD, SIG_IGN);
  void (*pipe_before)(int) = signal(SIGPIPE, SIG_DFL);
  struct fse_prover *p = fse_prover_new(fake("leaves"), &limits);
  struct asking a;
  asking_make(&a, hard_one, hard_two);
  for (int i = 0; i < 3; i++)
    UNIT_EQ(fse_prove(p, &a.q, NULL).proof, FSE_UNPROVED);
  fse_prover_free(p);
  signal(SIGCHLD, before);
  signal(SIGPIPE, pipe_before);
  asking_done(&a);
}

/* Whoever may write the program may run code as the host. */
static void whose_program(void) {
  char path[512];
  struct fse_prover *p;
  FILE *f;
  snprintf(path, sizeof path, "%s/open", unit_tmpdir());
  f = fopen(path, "w");
  CU_ASSERT_FATAL(f != NULL);
  fputs("#!/bin/sh\n", f);
  fclose(f);
  p = fse_prover_new(path, NULL);
  UNIT_TRUE(strstr(fse_prover_absent(p), "is no program") != NULL, "%s",
            fse_prover_absent(p));
  fse_prover_free(p);
  chmod(path, 0777);
  p = fse_prover_new(path, NULL);
  UNIT_TRUE(strstr(fse_prover_absent(p), "others may write") != NULL, "%s",
            fse_prover_absent(p));
  fse_prover_free(p);
  p = fse_prover_new(unit_tmpdir(), NULL);
  UNIT_TRUE(fse_prover_absent(p) != NULL, "a folder");
  fse_prover_free(p);
}

/* ---- the border --------------------------------------------------------- */

static char *message_of(const struct asking *a) {
  struct isa_buf b = {0};
  char *text;
  prove_write_question(&b, &a->q, 7, 1000);
  text = isa_buf_take(&b);
  CU_ASSERT_FATAL(text != NULL);
  return text;
}

static void questions_come_back(void) {
  struct prove_asked_for got;
  struct fisa_error err = {""};
  struct isa_buf b = {0};
  struct asking a;
  char *text, *again;
  asking_make(&a, hard_one, hard_two);
  text = message_of(&a);
  UNIT_TRUE(prove_read_question(text, &got, &err) == 0, "%s", err.text);
  UNIT_EQ(got.id, 7);
  UNIT_EQ(got.work, 1000);
  prove_write_question(&b, &got.q, got.id, got.work);
  again = isa_buf_take(&b);
  CU_ASSERT_FATAL(again != NULL);
  UNIT_STR_EQ(again, text);
  free(again);
  free(text);
  prove_asked_for_done(&got);
  asking_done(&a);
}

/* Whatever is read is a question that holds, or none. */
static void hostile_questions(void) {
  static const char set[] = "0123456789 -\nxend";
  unsigned long n = unit_scale(20000);
  uint64_t r = 3;
  struct asking a;
  char *text;
  size_t length;
  asking_make(&a, hard_one, hard_two);
  text = message_of(&a);
  length = strlen(text);
  for (unsigned long i = 0; i < n; i++) {
    struct prove_asked_for got;
    char *copy = strdup(text);
    CU_ASSERT_FATAL(copy != NULL);
    for (uint32_t k = isa_below(&r, 3) + 1; k > 0; k--)
      copy[isa_below(&r, (uint32_t)length)] =
          set[isa_below(&r, sizeof set - 1)];
    if (isa_below(&r, 8) == 0) copy[isa_below(&r, (uint32_t)length)] = '\0';
    if (prove_read_question(copy, &got, NULL) == 0) {
      UNIT_EQ(prove_check(&got.q, NULL), 0);
      prove_asked_for_done(&got);
    }
    free(copy);
  }
  free(text);
  asking_done(&a);
}

static void hostile_answers(void) {
  static const char text[] =
      "flux-prove 1 answer 7 refuted 12\ncell 0 1 -5\nbyte 2 256 1\n"
      "input 2 0 7\nend\n";
  static const char set[] = "0123456789 -\nxend";
  unsigned long n = unit_scale(50000);
  uint64_t r = 4;
  struct prove_said said;
  UNIT_EQ(prove_read_answer(text, 7, &said, NULL), 0);
  UNIT_EQ(said.count, 3);
  UNIT_EQ(said.value[0].value, -5);
  free(said.value);
  UNIT_EQ(prove_read_answer(text, 8, &said, NULL), -1);
  for (unsigned long i = 0; i < n; i++) {
    char copy[sizeof text];
    memcpy(copy, text, sizeof text);
    for (uint32_t k = isa_below(&r, 3) + 1; k > 0; k--)
      copy[isa_below(&r, sizeof text - 1)] = set[isa_below(&r,
                                                           sizeof set - 1)];
    if (prove_read_answer(copy, 7, &said, NULL) == 0) free(said.value);
  }
}

/* A program that is asked nonsense says so and takes the next question. */
static void nonsense_is_answered(void) {
  const struct fse_prover_limits limits = {
      .solver = 1000, .wall_ms = 5000, .memory_mb = 512};
  struct fse_helper *h;
  struct isa_buf b = {0};
  struct fisa_error err = {""};
  char why[160] = "", *text;
  if (!have_solver()) {
    unit_skip("there is no flux-prove");
    return;
  }
  h = prove_helper_new(real(), &limits, why, sizeof why);
  CU_ASSERT_FATAL(h != NULL);
  isa_buf_str(&b, "flux-prove 1 ask 9 10\nmachine\nend\n");
  for (int i = 0; i < 3; i++) {
    text = prove_helper_ask(h, &b, &err);
    CU_ASSERT_FATAL(text != NULL);
    UNIT_STR_EQ(text, "flux-prove 1 answer 9 unproved 0\n"
                      "reason a question that cannot be read\nend\n");
    free(text);
  }
  isa_buf_done(&b);
  prove_helper_free(h);
}

/* ---- pieces ------------------------------------------------------------- */

static void pieces(void) {
  struct fisa_program *p =
      isa_program(isa_unified(), ".in R1\n.out R3\nagain: ADD R3, R3, R1\n"
                                 "DEC R1\nJNE R1, again\nHALT\n");
  struct fir_program *ir = NULL, piece;
  struct fisa_error err = {""};
  uint32_t *exit_of;
  CU_ASSERT_FATAL(p != NULL && fir_lower(p, &ir, &err) == 0);
  exit_of = malloc(ir->count * sizeof *exit_of);
  CU_ASSERT_FATAL(exit_of != NULL);
  memset(exit_of, 0xFF, ir->count * sizeof *exit_of);
  UNIT_EQ(fse_piece_make(ir, ir->entry, exit_of, &piece, &err), -1);
  UNIT_STR_EQ(err.text, "a loop");
  exit_of[ir->entry] = 3;
  UNIT_EQ(fse_piece_make(ir, ir->entry, exit_of, &piece, &err), 0);
  UNIT_TRUE(piece.count > 3 && piece.count < 12, "%u", piece.count);
  fse_piece_done(&piece);
  free(exit_of);
  fir_free(ir);
  fisa_program_free(p);
}

static const struct unit_test tests[] = {
    {"rungs", "expressions", expressions},
    {"rungs", "states", states},
    {"rungs", "all_values", all_values},
    {"rungs", "one_value", one_value},
    {"rungs", "a_solver", a_solver},
    {"rungs", "a_limit", a_limit},
    {"solvers", "wrong_solvers", wrong_solvers},
    {"solvers", "given_up", given_up},
    {"solvers", "nobody_waits", nobody_waits},
    {"solvers", "nobody_counts", nobody_counts},
    {"solvers", "hosts_of_their_own_mind", hosts_of_their_own_mind},
    {"solvers", "whose_program", whose_program},
    {"border", "questions_come_back", questions_come_back},
    {"border", "hostile_questions", hostile_questions},
    {"border", "hostile_answers", hostile_answers},
    {"border", "nonsense_is_answered", nonsense_is_answered},
    {"pieces", "pieces", pieces},
};
UNIT_MAIN(tests)
