/*
 * tests/bench_cuda.c - the CUDA back end on a device, where there is one.
 *
 *   cuda.device  instructions a second of tasks of 10,000, end to end: laid
 *                out, sent, run, verdicts back; against the lanes on all cores
 *                of the machine, in the same run
 *   cuda.short   the same of tasks of 25, where sending is what counts
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gpu/cuda.h"
#include "gpu/lanes.h"
#include "isa/asm.h"
#include "tests/bench.h"
#include "tests/widerig.h"

enum { RUNS = 4096, WORKS = 4, SECONDS = 2, MOST_THREADS = 256 };

static const char loop[] =
    ".dialect unified\n.in R1\n.in R2\n.out R4\n"
    "       MOVI16 R5, 2000\n"
    "turn:  ADD R3, R3, R1\n       XOR R4, R4, R3\n       SUB R3, R3, R2\n"
    "       DEC R5\n       JNE R5, turn\n       HALT\n";

static const char line[] =
    ".dialect unified\n.in R1\n.in R2\n.out R4\n"
    "       ADD R3, R1, R2\n       XOR R4, R3, R1\n       SUB R5, R4, R2\n"
    "       ADD R3, R3, R5\n       XOR R4, R4, R3\n       SUB R5, R5, R1\n"
    "       ADD R3, R3, R5\n       XOR R4, R4, R3\n       SUB R5, R5, R1\n"
    "       ADD R3, R3, R5\n       XOR R4, R4, R3\n       SUB R5, R5, R1\n"
    "       ADD R3, R3, R5\n       XOR R4, R4, R3\n       SUB R5, R5, R1\n"
    "       ADD R3, R3, R5\n       XOR R4, R4, R3\n       SUB R5, R5, R1\n"
    "       ADD R3, R3, R5\n       XOR R4, R4, R3\n       SUB R5, R5, R1\n"
    "       ADD R3, R3, R5\n       XOR R4, R4, R3\n       SUB R5, R5, R1\n"
    "       HALT\n";

static double now_s(void) {
  struct timespec t;

  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "bench: %s\n", what);
  exit(1);
}

/* A program and 512 episodes of it. */
struct subject {
  struct fisa_dialect *d;
  struct gen_table table;
  struct wide wide;
  struct wide_variant v;
};

static void open_subject(struct subject *s, const char *text) {
  struct wide_make m = {.table = &s->table, .seed = 1, .lanes = FPK_WIDTH,
                        .fuel = 100000, .fuzz = true};
  struct fisa_program *root = NULL, *same = NULL;

  if (fisa_dialect_builtin("unified", true, &s->d, NULL) != 0 ||
      fisa_assemble(s->d, text, strlen(text), "bench", &root, NULL) != 0 ||
      fisa_assemble(s->d, text, strlen(text), "bench", &same, NULL) != 0)
    fail("the program is none");
  gen_table_init(&s->table, s->d);
  if (!wide_open(&s->wide, &m, root) ||
      !wide_variant_open(&s->wide, same, &s->v))
    fail("the program has no episodes");
}

static void close_subject(struct subject *s) {
  wide_variant_close(&s->v);
  wide_close(&s->wide);
  fisa_dialect_free(s->d);
}

/* ---- the device --------------------------------------------------------- */

/* Works of RUNS runs each, two under way at any time; instructions a second. */
static double on_device(struct fcuda *c, const struct subject *s) {
  static struct fcuda_run run[WORKS][RUNS];
  static struct fpk_verdict out[WORKS][RUNS];
  struct fcuda_work work[WORKS];
  double begin = 0, instructions = 0, seconds = 0;

  for (unsigned w = 0; w < WORKS; w++) {
    for (unsigned i = 0; i < RUNS; i++)
      run[w][i] = (struct fcuda_run){&s->v.packed, &s->v.places, UINT64_MAX,
                                     &out[w][i], FCUDA_SENT};
    work[w] = (struct fcuda_work){s->wide.batch, 0, s->wide.batch->lanes,
                                  RUNS, run[w], 0};
  }
  /* The first round uploads the batch and warms up. */
  for (unsigned round = 0; seconds < SECONDS; round++) {
    if (round == 1)
      begin = now_s();
    for (unsigned w = 0; w < WORKS; w++)
      fcuda_submit(c, &work[w]);
    for (unsigned w = 0; w < WORKS; w++) {
      if (!fcuda_wait(c, &work[w]))
        fail(fcuda_refusal(c));
      for (unsigned i = 0; round > 0 && i < RUNS; i++)
        instructions += (double)out[w][i].instructions;
    }
    seconds = round > 0 ? now_s() - begin : 0;
  }
  return instructions / seconds;
}

/* ---- the lanes ---------------------------------------------------------- */

struct worker {
  pthread_t id;
  const struct subject *s;
  double rate;
};

static void *work(void *user) {
  struct worker *w = user;
  const struct subject *s = w->s;
  struct flanes *lanes = flanes_new(NULL);
  double begin = now_s(), instructions = 0;
  struct fpk_verdict v;

  if (!lanes)
    fail("out of memory");
  while (now_s() - begin < SECONDS)
    for (unsigned i = 0; i < 16; i++) {
      if (flanes_run(lanes, &s->v.packed, s->wide.batch, &s->v.places, 0,
                     s->wide.batch->lanes, UINT64_MAX, &v) != 0)
        fail("the lanes refuse");
      instructions += (double)v.instructions;
    }
  w->rate = instructions / (now_s() - begin);
  flanes_free(lanes);
  return NULL;
}

static double on_lanes(const struct subject *s, unsigned cores) {
  static struct worker worker[MOST_THREADS];
  double rate = 0;

  for (unsigned i = 0; i < cores; i++) {
    worker[i].s = s;
    if (pthread_create(&worker[i].id, NULL, work, &worker[i]) != 0)
      fail("no thread");
  }
  for (unsigned i = 0; i < cores; i++) {
    pthread_join(worker[i].id, NULL);
    rate += worker[i].rate;
  }
  return rate;
}

/* ---- the group ---------------------------------------------------------- */

static void compare(struct fcuda *c, const char *name, const char *text) {
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  unsigned cores = online < 1 ? 1 : (unsigned)online;
  struct subject s;
  double device, lanes;
  char against[64];

  cores = cores < MOST_THREADS ? cores : MOST_THREADS;
  open_subject(&s, text);
  device = on_device(c, &s);
  lanes = on_lanes(&s, cores);
  snprintf(against, sizeof(against), "lanes on %u cores", cores);
  bench_against(name, device, "instructions/s", device / lanes, against);
  close_subject(&s);
}

static void bench_cuda(void) {
  struct fcuda_options o = {.wait_ms = 0};
  struct fisa_error why = {""};
  struct fcuda *c;

  if (fcuda_new(&o, &c, &why) != 0) {
    printf("cuda: no device: %s\n", why.text);
    return;
  }
  printf("cuda: %s\n", fcuda_about(c));
  compare(c, "cuda.device", loop);
  compare(c, "cuda.short", line);
  fcuda_free(c);
}

const struct bench_group bench_groups[] = {{"cuda", bench_cuda}, {NULL, NULL}};
