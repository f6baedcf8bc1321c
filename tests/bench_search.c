/*
 * tests/bench_search.c - what judging costs.
 *
 *   verify     microseconds for a full verify of 64 instructions
 *   variants   complete variants judged a second on one core, 32 episodes
 *   search.enum, search.rate   in bench_window.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "isa/asm.h"
#include "plugin/search.h"
#include "tests/bench.h"
#include "tests/bench_set.h"

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct fisa_program *assemble(const struct fisa_dialect *d,
                                     const char *text) {
  struct fisa_program *p = NULL;
  struct fisa_error err = {""};
  if (fisa_assemble(d, text, strlen(text), "bench", &p, &err) != 0)
    bench_fail(&err);
  return p;
}

/* Sixty-four instructions: a loop with branches, memory and a call. */
static struct fisa_program *sixty_four(const struct fisa_dialect *d) {
  static const char body[] =
      "        MUL R3, R1, R2\n        XOR R4, R4, R3\n"
      "        SHRI R4, 1\n        STOREI R4, R10, 8\n"
      "        LOADI R5, R10, 8\n        CMP_LT R6, R5, R3\n";
  char text[4096];
  size_t n = (size_t)snprintf(text, sizeof text,
                              ".dialect unified\n.in R1 1..100\n.out R4\n"
                              ".scratch mem 0x100 16\n"
                              "        MOVI16 R10, 0x100\nturn:\n");
  for (int i = 0; i < 9; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, "%s", body);
  snprintf(text + n, sizeof text - n,
           "        JEQ R6, over\n        ADDI R7, 1\nover:\n"
           "        CALL R0, sub\n        NOP\n        DEC R1\n"
           "        JNE R1, turn\n        HALT\nsub:    PUSH R4\n"
           "        POP R12\n        RET\n");
  return assemble(d, text);
}

static void verify_group(const struct fisa_dialect *d) {
  enum { TIMES = 20000 };
  struct fisa_program *p = sixty_four(d);
  struct fisa_verify_scratch *s = fisa_verify_scratch_new();
  struct fisa_finding f;
  struct fisa_facts *facts = NULL;
  double begin;
  if (s == NULL || fisa_facts_make(p, &facts, NULL) != 0 ||
      facts->count != 64 || fisa_verify_child(p, p, s, &f, 1) != 0) {
    fprintf(stderr, "bench: the program to verify is not as told (%u)\n",
            facts ? facts->count : 0);
    exit(1);
  }
  begin = now_s();
  for (int i = 0; i < TIMES; i++) (void)fisa_verify_child(p, p, s, &f, 1);
  bench_figure("verify", (now_s() - begin) * 1e6 / TIMES, "us");
  fisa_facts_free(facts);
  fisa_verify_scratch_free(s);
  fisa_program_free(p);
}

/* The plain sum a compiler emits without optimising. */
static const char plain[] =
    ".dialect unified\n.in R1 0..40\n.out R3\n.scratch mem 0x100 12\n"
    "        STOREI R1, R0, 0x100\n        MOVI R10, 0\n"
    "        STOREI R10, R0, 0x104\n        MOVI R10, 1\n"
    "        STOREI R10, R0, 0x108\n"
    "cond:   LOADI R10, R0, 0x108\n        LOADI R11, R0, 0x100\n"
    "        CMP_GT R12, R10, R11\n        JNE R12, done\n"
    "        LOADI R10, R0, 0x104\n        LOADI R11, R0, 0x108\n"
    "        ADD R10, R10, R11\n        STOREI R10, R0, 0x104\n"
    "        LOADI R10, R0, 0x108\n        MOVI R11, 1\n"
    "        ADD R10, R10, R11\n        STOREI R10, R0, 0x108\n"
    "        JMP cond\n"
    "done:   LOADI R10, R0, 0x104\n        MOV R3, R10\n        HALT\n";

static void variants_group(const struct fisa_dialect *d) {
  struct fisa_program *p = assemble(d, plain);
  struct ftrial_set *set = bench_set(p, 32);
  struct fse_policy *policy = malloc(sizeof *policy);
  struct fse_search_result r;
  struct fisa_error err = {""};
  double begin;
  if (policy == NULL) bench_fail(&err);
  fse_policy_init(policy);
  /* Candidates alone: the search of windows has figures of its own. */
  for (uint32_t k = 0; k < fse_kind_count; k++)
    if (strcmp(fse_kinds[k].name, "FindSequence") == 0) policy->weight[k] = 0;
  struct fse_search_request q = {.root = p,
                                 .parent = p,
                                 .set = set,
                                 .policy = policy,
                                 .seed = 1,
                                 .assurance = FSE_ASSURE_REPLAY,
                                 .threads = 1,
                                 .budget = 20000};
  begin = now_s();
  if (fse_search(&q, &r, &err) != 0) bench_fail(&err);
  bench_figure("variants", (double)r.variants / (now_s() - begin),
               "variants/s");
  fse_search_result_done(&r);
  free(policy);
  ftrial_set_free(set);
  fisa_program_free(p);
}

static void bench_search(void) {
  struct fisa_dialect *d = NULL;
  struct fisa_error err = {""};
  if (fisa_dialect_builtin("unified", true, &d, &err) != 0) bench_fail(&err);
  verify_group(d);
  variants_group(d);
  bench_window();
  fisa_dialect_free(d);
}

const struct bench_group bench_groups[] = {{"search", bench_search},
                                           {NULL, NULL}};
