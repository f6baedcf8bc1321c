/*
 * test_cuda.c - the CUDA back end on a double of the driver that runs the
 * kernel as compiled for the host: finding a device and an image, verdicts
 * equal to those of the ir engine for every way of dividing work, batches that
 * stay, work that the device cannot take.
 *
 * Linked with --wrap for dlopen and dlsym, see cudarig.h. What is injected is
 * in test_cuda_faults.c.
 */
#include "tests/cudarig.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda_driver.h"

/* ---- finding the driver ------------------------------------------------- */

/* There is no device, and the sentence says why. */
static void no_device(const struct fcuda_options *o, const char *why) {
  struct fisa_error err = {""};
  struct fcuda *c = NULL;

  if (UNIT_EQ(fcuda_new(o, &c, &err), -1))
    UNIT_TRUE(strstr(err.text, why) != NULL, "\"%s\" says nothing of \"%s\"",
              err.text, why);
  else
    fcuda_free(c);
  UNIT_TRUE(c == NULL, "something was opened");
  rig_clean(why);
}

static void absent(void) {
  struct fcuda_options o = rig_options();

  rig_fake();
  rig_absent = true;
  no_device(&o, "no CUDA driver: libcuda-that-is-not-there.so.1");
  UNIT_EQ(rig_lines, 0);
}

static void none_of_them(void) {
  struct fcuda_options o = rig_options();

  rig_fake()->devices = 0;
  no_device(&o, "the CUDA driver finds no device");
}

static void old(void) {
  struct fcuda_options o = rig_options();

  rig_fake()->version = 11080;
  no_device(&o, "the CUDA driver is version 11.8; 12.0 is needed");
}

static void no_image(void) {
  struct fcuda_options o = rig_options();

  rig_fake();
  o.image_count = 0;
  no_device(&o, "this build has no kernel");
  rig_fake()->device[0].cc = 70;
  o.image_count = 2;
  no_device(&o, "none of 1 CUDA devices can be used");
  rig_fake()->device[0].compute_mode = FCU_COMPUTE_PROHIBITED;
  no_device(&o, "none of 1 CUDA devices can be used");
}

/* A sample agent, whose episodes are small, and mutants of it. */
static bool agent_case(struct wide_case *k, uint32_t lanes) {
  return wide_file_open(k, unit_src("samples/agents/collatz.flx"), lanes);
}

/* Runs something small; whether it went through. */
static bool runs(const struct fcuda_options *o, const char *who) {
  struct fcuda *c = rig_open(o);
  struct wide_case k;
  struct cuda_work w;
  bool ok = false;

  if (c && agent_case(&k, 40)) {
    if (cuda_work_open(&w, &k, 1, 0, k.wide.batch->lanes)) {
      fcuda_submit(c, &w.work);
      ok = fcuda_wait(c, &w.work) &&
           cuda_work_check(&w, who) == w.work.run_count;
      cuda_work_close(&w);
    }
    wide_case_close(&k);
  }
  fcuda_free(c);
  return UNIT_TRUE(ok, "%s: it did not run", who) && rig_clean(who);
}

static void missing_functions(void) {
  static const char *const must[] = {
#define NAME(name, parameters) #name,
      FCU_MUST(NAME)
  };
  static const char *const may[] = {
      FCU_MAY(NAME)
#undef NAME
  };
  struct fcuda_options o = rig_options();
  char why[96];

  for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
    rig_fake();
    rig_hidden = must[i];
    snprintf(why, sizeof(why), "libcuda.so.1 has no %s", must[i]);
    no_device(&o, why);
  }
  for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++) {
    rig_fake();
    rig_hidden = may[i];
    runs(&o, may[i]);
  }
}

/* ---- choosing ----------------------------------------------------------- */

static const struct fkn_image many[] = {
    {75, false, "cubin 75", 9}, {80, false, "cubin 80", 9},
    {86, false, "cubin 86", 9}, {90, false, "cubin 90", 9},
    {75, true, "ptx 75", 7},    {90, true, "ptx 90", 7}};

static void images(void) {
  static const struct { int cc; bool ptx; const char *image; } cases[] = {
      {75, false, "cubin 75"}, {80, false, "cubin 80"},
      {86, false, "cubin 86"}, {87, false, "cubin 86"},
      {89, false, "cubin 86"}, {90, false, "cubin 90"},
      {100, false, "ptx 90"},  {120, false, "ptx 90"},
      {90, true, "ptx 90"},    {89, true, "ptx 75"}};
  struct fcuda_options o = rig_options();

  o.images = many;
  o.image_count = sizeof(many) / sizeof(many[0]);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct fakecuda *f = rig_fake();
    struct fcuda *c;

    f->device[0].cc = cases[i].cc;
    o.ptx = cases[i].ptx;
    c = rig_open(&o);
    UNIT_STR_EQ(f->image, cases[i].image);
    fcuda_free(c);
  }
}

static void ptx_by_environment(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c;

  setenv("FLUX_TRIAL_IMAGE", "ptx", 1);
  c = rig_open(&o);
  unsetenv("FLUX_TRIAL_IMAGE");
  UNIT_STR_EQ(f->image, "ptx 75");
  if (c)
    UNIT_STR_EQ(fcuda_about(c), "Double 0 (9.0), image compute_75");
  fcuda_free(c);
  c = rig_open(&o);
  UNIT_STR_EQ(f->image, "cubin 90");
  if (c)
    UNIT_STR_EQ(fcuda_about(c), "Double 0 (9.0), image sm_90");
  fcuda_free(c);
  UNIT_EQ(rig_lines, 0);
  setenv("FLUX_TRIAL_IMAGE", "sm_90", 1);
  c = rig_open(&o);
  unsetenv("FLUX_TRIAL_IMAGE");
  UNIT_STR_EQ(f->image, "cubin 90");
  UNIT_EQ(rig_lines, 1);
  UNIT_EQ(rig_failures, 1);
  UNIT_STR_EQ(rig_line, "trials: FLUX_TRIAL_IMAGE=sm_90 is not ptx; the best "
                        "image is taken");
  fcuda_free(c);
}

/* The driver knows better what runs on its device. */
static void an_image_refused(void) {
  static const struct fkn_image odd[] = {
      {90, false, "cubin 80", 9}, {86, true, "nothing known", 14},
      {80, true, "ptx 80", 7}};
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c;

  o.images = odd;
  o.image_count = 3;
  c = rig_open(&o);
  UNIT_STR_EQ(f->image, "ptx 80");
  fcuda_free(c);
  o.image_count = 2;
  no_device(&o, "cuModuleLoadData: FAKE_ERROR_200 (200)");
}

static void the_largest_device(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c;

  f->devices = 4;
  f->device[0].processors = 9;
  f->device[1].processors = 40;
  f->device[1].compute_mode = FCU_COMPUTE_PROHIBITED;
  f->device[2].processors = 20;
  f->device[3].processors = 20;
  c = rig_open(&o);
  UNIT_EQ(f->used_device, 2);
  fcuda_free(c);
  f->device[3].processors = 30;
  f->device[3].cc = 70;   /* too old */
  c = rig_open(&o);
  UNIT_EQ(f->used_device, 2);
  fcuda_free(c);
}

/* ---- verdicts ----------------------------------------------------------- */

/* One case, its variants so many times, on all its lanes but the first few.
 * Returns how many runs the device refused. */
static uint32_t agree_or_refuse(struct fcuda *c, const struct wide_case *k,
                                uint32_t times, uint32_t first,
                                const char *who) {
  uint32_t lanes = k->wide.batch->lanes;
  struct cuda_work w;
  uint32_t refused = 0;

  if (first > lanes)
    first = lanes;

  if (!cuda_work_open(&w, k, times, first, lanes - first))
    return 0;
  fcuda_submit(c, &w.work);
  fcuda_wait(c, &w.work);
  for (uint32_t i = 0; i < w.work.run_count; i++)
    refused += w.work.run[i].status == FCUDA_REFUSED;
  UNIT_EQ(cuda_work_check(&w, who), w.work.run_count - refused);
  cuda_work_close(&w);
  return refused;
}

static void agree(struct fcuda *c, const struct wide_case *k, uint32_t times,
                  uint32_t first, const char *who) {
  uint32_t refused = agree_or_refuse(c, k, times, first, who);

  UNIT_TRUE(refused == 0, "%s: %u refused: %s", who, refused,
            fcuda_refusal(c));
}

static void dialect_agrees(const char *dialect) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c;
  unsigned cases = 0, refused = 0, runs = 0;
  char who[64];

  f->patience = 2;
  f->device[0].memory = (size_t)1 << 30;
  c = rig_open(&o);
  for (uint64_t n = 0; c && n < unit_scale(60); n++) {
    struct wide_case k;

    if (!wide_case_open(&k, dialect, n, 1 + (uint32_t)(n * 37 % 300)))
      continue;
    cases++;
    snprintf(who, sizeof(who), "%s %llu", dialect, (unsigned long long)n);
    runs += k.count * (1 + (uint32_t)(n % 3));
    refused += agree_or_refuse(c, &k, 1 + (uint32_t)(n % 3),
                               (uint32_t)(n % 5) * 16, who);
    wide_case_close(&k);
  }
  UNIT_TRUE(cases >= unit_scale(60) / 3, "%u cases", cases);
  UNIT_TRUE(refused * (cases < 20 ? 2 : 4) < runs, "%u of %u refused",
            refused, runs);
  printf(" %u cases, %u of %u refused", cases, refused, runs);
  if (c)
    UNIT_EQ(fcuda_counts(c).errors, 0);
  fcuda_free(c);
  rig_clean(dialect);
}

static void unified(void) { dialect_agrees("unified"); }
static void classic(void) { dialect_agrees("classic"); }
static void seed(void) { dialect_agrees("seed"); }

static void nothing_and_one(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c = rig_open(&o);
  struct wide_case k;
  struct cuda_work w;

  if (c && agent_case(&k, 5)) {
    agree(c, &k, 0, 0, "no run");
    agree(c, &k, 1, 512, "no episode");
    UNIT_EQ(f->launches, 0);
    if (cuda_work_open(&w, &k, 1, 2, 1)) {
      w.work.run_count = 1;
      fcuda_submit(c, &w.work);
      UNIT_TRUE(fcuda_wait(c, &w.work), "one run of one episode");
      UNIT_EQ(cuda_work_check(&w, "one"), 1);
      UNIT_EQ(f->launches, 1);
      cuda_work_close(&w);
    }
    wide_case_close(&k);
  }
  fcuda_free(c);
  rig_clean("nothing and one");
}

/* More than fits the device, and more than the host may pin. */
static void divided(void) {
  struct fcuda_options o = rig_options();
  struct wide_case k;

  if (!agent_case(&k, 300))
    return;
  for (int i = 0; i < 3; i++) {
    struct fcuda *c;

    rig_fake();
    o.device_max = i == 1 ? 8 << 20 : 0;
    o.host_max = i == 2 ? 512 << 10 : 0;
    c = rig_open(&o);
    if (!c)
      continue;
    agree(c, &k, 150, 0, "divided");
    printf(" %llu launches", (unsigned long long)fcuda_counts(c).launches);
    UNIT_TRUE(i == 0 || fcuda_counts(c).launches > 2, "all in %llu launches",
              (unsigned long long)fcuda_counts(c).launches);
    fcuda_free(c);
    rig_clean("divided");
  }
  wide_case_close(&k);
}

/* A device whose processors want more blocks than there are runs: the lanes
 * of a run are divided, and its verdict joined. */
static void few_runs(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c;
  struct wide_case k;

  f->device[0].processors = 132;
  f->device[0].memory = (size_t)1 << 30;
  c = rig_open(&o);
  for (uint64_t n = 0; c && n < unit_scale(20); n++) {
    uint64_t before = fcuda_counts(c).jobs;

    if (n % 16 == 1 || !wide_case_open(&k, "unified", n, 500))
      continue;
    agree_or_refuse(c, &k, 1, 0, "few runs");
    UNIT_TRUE(k.wide.batch->lanes <= 128 ||
                  fcuda_counts(c).jobs - before > k.count,
              "%u lanes were not divided", k.wide.batch->lanes);
    wide_case_close(&k);
  }
  fcuda_free(c);
  rig_clean("few runs");
}

/* ---- batches ------------------------------------------------------------ */

static void batches_stay(void) {
  enum { BATCHES = 40 };     /* more than are kept */
  static struct wide_case k[BATCHES];
  struct fcuda_options o = rig_options();
  struct fcuda *c;
  unsigned n = 0;

  rig_fake();
  c = rig_open(&o);
  while (c && n < BATCHES && agent_case(&k[n], 20))
    n++;
  UNIT_EQ(n, BATCHES);
  for (unsigned round = 0; c && round < 3; round++)
    agree(c, &k[0], 1, 0, "again");
  if (c)
    UNIT_EQ(fcuda_counts(c).uploads, 1);
  for (unsigned i = 0; c && i < n; i++) {
    agree(c, &k[i], 1, 0, "another");
    agree(c, &k[0], 1, 0, "the first");
  }
  if (c)
    UNIT_EQ(fcuda_counts(c).uploads, n);
  if (c && n > 5)
    agree(c, &k[5], 1, 0, "gone by now");
  if (c)
    UNIT_EQ(fcuda_counts(c).uploads, n + 1);
  while (n > 0)
    wide_case_close(&k[--n]);
  fcuda_free(c);
  rig_clean("batches");
}

/* Each lane stores other words, as many as R5 says. */
static const char *const stores[] = {
    "  MOVI16 R2, 0x4000\n  MOVI R4, 4\n"
    "again:  STOREI R1, R2, 0\n  ADD R2, R2, R4\n  DEC R5\n"
    "  JNE R5, again\n  HALT\n", NULL};

/* A register by its letter. */
static int32_t *reg(const struct fisa_program *p, struct fisa_state *s,
                    char letter, unsigned n) {
  const struct fisa_dialect *d = p->dialect;

  for (uint32_t f = 0; f < d->file_count; f++)
    if (d->files[f].name[0] == letter && d->files[f].name[1] == '\0')
      return &s->cells[d->files[f].first + n];
  abort();
}

static void few_words(const struct fisa_program *p, uint32_t i,
                      struct fisa_state *s) {
  fisa_state_start(p, s);
  *reg(p, s, 'R', 1) = (int32_t)i + 1;
  *reg(p, s, 'R', 5) = 600;
}

static void many_words(const struct fisa_program *p, uint32_t i,
                       struct fisa_state *s) {
  few_words(p, i, s);
  *reg(p, s, 'R', 5) = 2000;
}

/* Little memory: batches leave for others. */
static void batches_leave(void) {
  enum { BATCHES = 4, ROUNDS = 2 };
  struct fcuda_options o = rig_options();
  struct wide_case k[BATCHES];
  struct fcuda *c;
  unsigned n = 0;

  rig_fake();
  o.device_max = 8 << 20;
  c = rig_open(&o);
  while (c && n < BATCHES && wide_text_open(&k[n], stores, 512, few_words))
    n++;
  for (unsigned round = 0; c && round < ROUNDS; round++)
    for (unsigned i = 0; i < n; i++)
      agree(c, &k[i], 1, 0, "in turn");
  if (c)
    UNIT_EQ(fcuda_counts(c).uploads, BATCHES * ROUNDS);
  while (n > 0)
    wide_case_close(&k[--n]);
  UNIT_EQ(rig_lines, 0);
  fcuda_free(c);
  rig_clean("batches leave");
}

/* The same, and variants that are wrong in one lane. */
#define WRONG_AT(lane) \
  "  MOVI16 R2, 0x4000\n  MOVI R4, 4\n  MOVI16 R6, " lane "\n" \
  "  CMP_EQ R6, R6, R1\n" \
  "again:  STOREI R1, R2, 0\n  ADD R2, R2, R4\n  DEC R5\n" \
  "  JNE R5, again\n  JEQ R6, end\n  STOREI R4, R0, 0x4000\n" \
  "end:  MOV R6, R0\n  HALT\n"

/* A batch that is too large, for the device or for this machine, goes in parts:
 * verdicts are those of the whole, wherever the parts meet. */
static void batches_split(void) {
  static const char *const texts[] = {
      "  MOVI16 R2, 0x4000\n  MOVI R4, 4\n"
      "again:  STOREI R1, R2, 0\n  ADD R2, R2, R4\n  DEC R5\n"
      "  JNE R5, again\n  MOV R6, R0\n  HALT\n",
      WRONG_AT("256"), WRONG_AT("257"), WRONG_AT("512"), NULL};
  static const struct {
    size_t device, host;
  } most[] = {{8 << 20, 0}, {0, 6 << 20}};
  struct wide_case k;
  struct fcuda *c;

  for (unsigned i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
    struct fcuda_options o = rig_options();
    rig_fake();
    o.device_max = most[i].device;
    o.host_max = most[i].host;
    c = rig_open(&o);
    if (c && wide_text_open(&k, texts, 512, many_words)) {
      UNIT_EQ(k.count, 4);
      agree(c, &k, 2, 0, "halves");
      UNIT_EQ(fcuda_counts(c).uploads, 2);
      agree(c, &k, 1, 32, "from 32 on");
      agree(c, &k, 1, 256, "the second half");
      agree(c, &k, 1, 480, "the last");
      wide_case_close(&k);
    }
    UNIT_EQ(rig_lines, 0);
    fcuda_free(c);
    rig_clean("batches split");
  }
}

/* Parts that fail: nothing was told of a run that is not done. */
static void parts_fail(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct wide_case k;
  struct cuda_work w;
  struct fcuda *c;
  uint64_t launches;

  o.device_max = 8 << 20;
  c = rig_open(&o);
  if (c && wide_text_open(&k, stores, 512, many_words)) {
    for (unsigned i = 1; i <= 2; i++) {
      launches = f->launches;
      f->fail_launch = launches + i;
      if (!cuda_work_open(&w, &k, 1, 0, 512))
        continue;
      UNIT_TRUE(!fcuda_submit(c, &w.work), "part of it was sent");
      UNIT_EQ(w.work.run[0].status, FCUDA_FAILED);
      UNIT_EQ(w.got[0].good, 0xEEEEEEEE);
      cuda_work_close(&w);
      UNIT_EQ(f->launches, launches + i);
    }
    f->fail_launch = 0;
    agree(c, &k, 1, 0, "open again");
    wide_case_close(&k);
  }
  UNIT_EQ(rig_lines, 2);
  fcuda_free(c);
  rig_clean("parts fail");
}

/* Not even a few lanes of it: refused, as what this machine has not is. */
static void too_large_in_parts(void) {
  struct fcuda_options o = rig_options();
  struct wide_case k;
  struct cuda_work w;
  struct fcuda *c;

  rig_fake();
  o.host_max = 128 << 10;
  c = rig_open(&o);
  if (c && wide_text_open(&k, stores, 512, many_words)) {
    if (cuda_work_open(&w, &k, 1, 0, 512)) {
      UNIT_TRUE(!fcuda_submit(c, &w.work), "it was sent");
      UNIT_EQ(w.work.run[0].status, FCUDA_REFUSED);
      UNIT_TRUE(strstr(fcuda_refusal(c), "are too large for the host"),
                "it says \"%s\"", fcuda_refusal(c));
      cuda_work_close(&w);
    }
    wide_case_close(&k);
  }
  fcuda_free(c);
  rig_clean("too large");
}

/* ---- programs and values that are hard -------------------------------- */

static void hard(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct wide_case k;
  struct fcuda *c;

  f->device[0].memory = (size_t)256 << 20;
  c = rig_open(&o);
  if (c && wide_hard_open(&k, WIDE_TURNS, 512)) {
    UNIT_EQ(k.count, 8);
    UNIT_EQ(k.wide.batch->lanes, 512);
    /* All but the one that stores everywhere. */
    UNIT_TRUE(agree_or_refuse(c, &k, 4, 0, "hard") <= 8, "many refused");
    UNIT_TRUE(agree_or_refuse(c, &k, 1, 480, "hard, the last") <= 2,
              "many refused");
    wide_case_close(&k);
  }
  if (c && wide_hard_open(&k, WIDE_JUMPS, 512)) {
    UNIT_EQ(k.count, 3);
    UNIT_EQ(agree_or_refuse(c, &k, 4, 0, "hard, jumps"), 0);
    wide_case_close(&k);
  }
  fcuda_free(c);
  rig_clean("hard");
}

/* Variants that store to all memory: more than there is room for beside a
 * batch. They are refused, not wrong, in these words. */
static void all_memory(const char *const *texts, const char *why) {
  struct fcuda_options o = rig_options();
  struct wide_case k;
  struct cuda_work w;
  struct fcuda *c;

  rig_fake();
  c = rig_open(&o);
  if (c && wide_text_open(&k, texts, 40, wide_odd_values)) {
    if (cuda_work_open(&w, &k, 4, 0, k.wide.batch->lanes)) {
      fcuda_submit(c, &w.work);
      fcuda_wait(c, &w.work);
      UNIT_TRUE(cuda_work_check(&w, "all memory") < w.work.run_count,
                "it had room");
      for (uint32_t i = 0; i < w.work.run_count; i++)
        UNIT_TRUE(w.work.run[i].status != FCUDA_FAILED, "it failed");
      UNIT_TRUE(strstr(fcuda_refusal(c), why) != NULL, "it says \"%s\"",
                fcuda_refusal(c));
      cuda_work_close(&w);
    }
    wide_case_close(&k);
  }
  UNIT_EQ(rig_lines, 0);
  fcuda_free(c);
  rig_clean("all memory");
}

#define STORES_ALL \
  ".scratch mem 0 65536\n  MOVI R4, 4\n  MOVI16 R5, 16384\n" \
  "again:  STOREI R1, R6, 0\n  ADD R6, R6, R4\n  DEC R5\n" \
  "  JNE R5, again\n  MOV R3, R1\n  HALT\n"

/* What the root stores is known before anything is sent. */
static void as_the_root(void) {
  static const char *const texts[] = {STORES_ALL, NULL};

  all_memory(texts, "stores to 16384 words is too large");
}

static void unlike_the_root(void) {
  static const char *const texts[] = {
      ".scratch mem 0 65536\n  MOVI16 R5, 32767\n  MOVI R7, 3\n"
      "again:  DEC R5\n  JNE R5, again\n  MOV R3, R1\n  HALT\n",
      STORES_ALL, NULL};

  all_memory(texts, "writes more memory");
}

/* Scratch memory that a root fills, and nobody looks at: there is room for it
 * although none of it is in the batch. */
static void scratch_memory(void) {
  static const char *const texts[] = {
      ".scratch mem 0x400 2048\n.out R3\n  MOVI16 R10, 0x400\n"
      "  MOV R11, R1\n  MEMSET R11, R10, 2048\n  LOADI R3, R10, 516\n"
      "  HALT\n", NULL};
  struct fcuda_options o = rig_options();
  struct wide_case k;
  struct fcuda *c;

  rig_fake();
  c = rig_open(&o);
  if (c && wide_text_open(&k, texts, 40, wide_odd_values)) {
    UNIT_EQ(k.wide.batch->word_count, 0);
    UNIT_EQ(k.wide.batch->most_stored, 512);
    agree(c, &k, 4, 0, "scratch memory");
    wide_case_close(&k);
  }
  fcuda_free(c);
  rig_clean("scratch memory");
}

/* ---- long programs ------------------------------------------------------ */

enum { TEXT_MOST = 200000 };

/* A sum in so many rows, in which nothing can be left out; with `wrong` it
 * is another in one lane. */
static char *long_text(unsigned rows, bool wrong) {
  static const char *const row[] = {"ADD R3, R3, R1\n", "XOR R4, R4, R3\n",
                                    "MUL R3, R3, R2\n", "SUB R5, R3, R4\n"};
  char *text = malloc(TEXT_MOST), *at = text;

  CU_ASSERT_FATAL(text != NULL && rows * 16 + 200 < TEXT_MOST);
  if (wrong)
    at += sprintf(at, "  MOVI R6, 40\n  CMP_EQ R6, R6, R1\n"
                  "  JEQ R6, right\n  INC R3\nright:\n");
  for (unsigned i = 0; i < rows; i++)
    at += sprintf(at, "  %s", row[i % 4]);
  strcpy(at, "  MOV R6, R0\n  HALT\n");
  return text;
}

/* A case whose root has so many rows, with two variants that are as long. */
static bool long_case(struct wide_case *k, unsigned rows) {
  char *right = long_text(rows, false), *wrong = long_text(rows, true);
  const char *const texts[] = {right, wrong, NULL};
  bool ok = wide_text_open(k, texts, 300, wide_odd_values);

  free(right);
  free(wrong);
  return UNIT_TRUE(ok && k->count == 2, "%u rows: no case", rows);
}

/* Programs of any length: those that a block has no room for are read where
 * they lie, on many lanes and on few. */
static void long_programs(void) {
  static const unsigned rows[] = {20, 450, 600, 680, 830, 3000, 7000};

  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct fcuda_options o = rig_options();
    struct fakecuda *f = rig_fake();
    struct wide_case k;
    struct fcuda *c;

    c = rig_open(&o);
    if (c && long_case(&k, rows[i])) {
      UNIT_TRUE(k.variant[0].packed.count > rows[i], "%u ops",
                k.variant[0].packed.count);
      agree(c, &k, 3, 0, "a long program");
      UNIT_EQ(f->far_launches == f->launches, rows[i] > 600);
      UNIT_EQ(f->far_launches > 0, rows[i] > 600);
      agree(c, &k, 1, 288, "a long program, the last lanes");
      wide_case_close(&k);
    }
    fcuda_free(c);
    rig_clean("long programs");
  }
}

/* Long and short ones in one work: each kind in launches of its own. */
static void long_and_short(void) {
  char *longer = long_text(700, false), *shorter = long_text(20, false);
  const char *const texts[] = {shorter, longer, shorter, longer, NULL};
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct wide_case k;
  struct fcuda *c;

  f->device[0].memory = (size_t)512 << 20;
  c = rig_open(&o);
  if (c && wide_text_open(&k, texts, 100, wide_odd_values)) {
    agree(c, &k, 20, 0, "long and short");
    UNIT_TRUE(f->far_launches > 0 && f->far_launches < f->launches,
              "%llu of %llu launches", (unsigned long long)f->far_launches,
              (unsigned long long)f->launches);
    UNIT_TRUE(f->launches <= 8, "%llu launches",
              (unsigned long long)f->launches);
    wide_case_close(&k);
  }
  fcuda_free(c);
  free(longer);
  free(shorter);
  rig_clean("long and short");
}

/* All programs as if they were long, of two dialects: calculated jumps, stacks,
 * payloads and all. */
static void all_far(void) {
  static const char *const dialects[] = {"classic", "stack", "unified"};

  for (unsigned i = 0; i < 3; i++) {
    struct fcuda_options o = rig_options();
    struct fakecuda *f = rig_fake();
    struct fcuda *c;
    unsigned cases = 0;

    f->device[0].memory = (size_t)1 << 30;
    o.far = true;
    c = rig_open(&o);
    for (uint64_t n = 0; c && n < unit_scale(20); n++) {
      struct wide_case k;
      if (n % 16 == 1 || !wide_case_open(&k, dialects[i], n, 100))
        continue;
      agree_or_refuse(c, &k, 2, (uint32_t)(n % 3) * 16, "far");
      wide_case_close(&k);
      cases++;
    }
    UNIT_TRUE(cases >= unit_scale(20) / 3, "%u cases", cases);
    UNIT_EQ(f->far_launches, f->launches);
    UNIT_TRUE(f->launches > 0, "nothing was launched");
    fcuda_free(c);
    rig_clean("far");
  }
}

/* What has no room even so is refused: by its cells, or because it is longer
 * than what is copied at a time. The sentence says which. */
static void too_long(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct wide_case k;
  struct cuda_work w;
  struct fcuda *c;

  o.device_max = 8 << 20;
  c = rig_open(&o);
  if (c && long_case(&k, 7000)) {
    for (unsigned i = 0; i < 2; i++) {
      if (i == 1)
        k.variant[0].packed.slot_count = 400;
      if (!cuda_work_open(&w, &k, 1, 0, 100))
        break;
      w.work.run_count = 1;
      UNIT_TRUE(!fcuda_submit(c, &w.work), "it was sent");
      UNIT_EQ(w.work.run[0].status, FCUDA_REFUSED);
      UNIT_TRUE(strstr(fcuda_refusal(c), i ? "uses 400 cells has too many"
                                           : "too large for one launch"),
                "it says \"%s\"", fcuda_refusal(c));
      cuda_work_close(&w);
    }
    UNIT_EQ(f->launches, 0);
    wide_case_close(&k);
  }
  UNIT_EQ(rig_lines, 0);
  fcuda_free(c);
  rig_clean("too long");
}

/* Ops that the kernel has nothing for, refused before anything is sent: one
 * that is none, and, by its name, one that this program has no stack for. */
static void unknown_ops(void) {
  static const struct { uint16_t op; const char *why; } ops[] = {
      {1000, "an op that nobody knows, number 1000"}, {FIR_PEEK, "peek"}};

  for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
    struct fcuda_options o = rig_options();
    struct fakecuda *f = rig_fake();
    struct fcuda *c = rig_open(&o);
    struct wide_case k;
    struct cuda_work w;

    if (c && agent_case(&k, 16)) {
      k.variant[0].packed.op[1].op = ops[i].op;
      if (cuda_work_open(&w, &k, 1, 0, k.wide.batch->lanes)) {
        w.work.run_count = 1;
        UNIT_TRUE(!fcuda_submit(c, &w.work), "it was sent");
        UNIT_EQ(w.work.run[0].status, FCUDA_REFUSED);
        UNIT_TRUE(strstr(fcuda_refusal(c), ops[i].why) != NULL,
                  "it says \"%s\"", fcuda_refusal(c));
        UNIT_EQ(f->launches, 0);
        cuda_work_close(&w);
      }
      wide_case_close(&k);
    }
    fcuda_free(c);
    rig_clean("an unknown op");
  }
}

/* Tasks with more fuel than a launch may have. */
static void too_much_fuel(void) {
  struct fcuda_options o = rig_options();
  struct fcuda *c;
  struct wide_case k;
  struct cuda_work w;

  rig_fake();
  c = rig_open(&o);
  if (c && agent_case(&k, 120)) {
    k.wide.batch->most_fuel = FCUDA_DEPTH + 1;
    if (cuda_work_open(&w, &k, 1, 0, k.wide.batch->lanes)) {
      UNIT_TRUE(!fcuda_submit(c, &w.work), "it was sent");
      for (uint32_t i = 0; i < w.work.run_count; i++)
        UNIT_EQ(w.work.run[i].status, FCUDA_REFUSED);
      cuda_work_close(&w);
    }
    k.wide.batch->most_fuel = FCUDA_DEPTH / 4;
    agree(c, &k, 30, 0, "much fuel");
    UNIT_TRUE(fcuda_counts(c).launches > 2, "all in %llu launches",
              (unsigned long long)fcuda_counts(c).launches);
    wide_case_close(&k);
  }
  fcuda_free(c);
  rig_clean("fuel");
}

/* An instruction that goes through many bytes counts as so many: a launch has
 * no room for as many of them. */
static void long_instructions(void) {
  static const char *const texts[] = {
      "  MEMSET R3, R1, 4095\n  MOV R1, R0\n  HALT\n", NULL};
  struct fcuda_options o = rig_options();
  struct wide_case k;
  struct cuda_work w;
  struct fcuda *c;

  rig_fake();
  c = rig_open(&o);
  if (c && wide_text_open(&k, texts, 16, NULL)) {
    k.wide.batch->most_fuel = FCUDA_DEPTH / 4096 + 1;
    if (cuda_work_open(&w, &k, 1, 0, k.wide.batch->lanes)) {
      UNIT_TRUE(!fcuda_submit(c, &w.work), "it was sent");
      UNIT_EQ(w.work.run[0].status, FCUDA_REFUSED);
      UNIT_TRUE(strstr(fcuda_refusal(c), "with fuel 16385, each for up to 4096 "
                       "steps") != NULL, "it says \"%s\"", fcuda_refusal(c));
      cuda_work_close(&w);
    }
    k.wide.batch->most_fuel = FCUDA_DEPTH / 4096 / 3;
    agree(c, &k, 40, 0, "long instructions");
    UNIT_TRUE(fcuda_counts(c).launches > 1, "all in one launch");
    wide_case_close(&k);
  }
  fcuda_free(c);
  rig_clean("long instructions");
}

/* ---- several works ------------------------------------------------------ */

static void in_flight(void) {
  enum { WORKS = 6 };
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct wide_case a, b;
  struct cuda_work w[WORKS];
  struct fcuda *c;
  unsigned polls = 0;

  f->patience = 3;
  c = rig_open(&o);
  if (!c || !agent_case(&a, 200) || !agent_case(&b, 100))
    return;
  for (unsigned i = 0; i < WORKS; i++) {
    const struct wide_case *k = i % 2 ? &b : &a;
    if (cuda_work_open(&w[i], k, 2, 0, k->wide.batch->lanes))
      fcuda_submit(c, &w[i].work);
  }
  /* Their ends are asked for out of order. */
  while (!fcuda_poll(c, &w[5].work) && polls < 100)
    polls++;
  UNIT_TRUE(polls > 0 && polls < 100, "it was there after %u questions",
            polls);
  for (unsigned i = WORKS; i-- > 0;) {
    UNIT_TRUE(fcuda_wait(c, &w[i].work), "work %u", i);
    UNIT_EQ(cuda_work_check(&w[i], "in flight"), w[i].work.run_count);
    cuda_work_close(&w[i]);
  }
  UNIT_EQ(f->pushed, 0);
  fcuda_free(c);
  wide_case_close(&a);
  wide_case_close(&b);
  rig_clean("in flight");
}

/* Whoever frees the back end still gets what was under way. */
static void freed_in_flight(void) {
  struct fcuda_options o = rig_options();
  struct fakecuda *f = rig_fake();
  struct wide_case k;
  struct cuda_work w;
  struct fcuda *c;

  f->patience = 5;
  c = rig_open(&o);
  if (!c || !agent_case(&k, 100))
    return;
  if (cuda_work_open(&w, &k, 1, 0, k.wide.batch->lanes)) {
    UNIT_TRUE(fcuda_submit(c, &w.work), "nothing was sent");
    fcuda_free(c);
    UNIT_EQ(cuda_work_check(&w, "freed"), w.work.run_count);
    cuda_work_close(&w);
  }
  wide_case_close(&k);
  rig_clean("freed in flight");
}

static const struct unit_test tests[] = {
    {"driver", "absent", absent},
    {"driver", "no_device", none_of_them},
    {"driver", "old", old},
    {"driver", "missing_functions", missing_functions},
    {"choice", "no_image", no_image},
    {"choice", "images", images},
    {"choice", "ptx_by_environment", ptx_by_environment},
    {"choice", "an_image_refused", an_image_refused},
    {"choice", "the_largest_device", the_largest_device},
    {"verdicts", "unified", unified},
    {"verdicts", "classic", classic},
    {"verdicts", "seed", seed},
    {"verdicts", "nothing_and_one", nothing_and_one},
    {"verdicts", "divided", divided},
    {"verdicts", "few_runs", few_runs},
    {"batches", "stay", batches_stay},
    {"batches", "leave", batches_leave},
    {"batches", "split", batches_split},
    {"batches", "parts_fail", parts_fail},
    {"batches", "too_large_in_parts", too_large_in_parts},
    {"hard", "programs_and_values", hard},
    {"hard", "as_the_root", as_the_root},
    {"hard", "unlike_the_root", unlike_the_root},
    {"hard", "scratch_memory", scratch_memory},
    {"long", "programs", long_programs},
    {"long", "and_short", long_and_short},
    {"long", "all_far", all_far},
    {"long", "too_long", too_long},
    {"hard", "unknown_ops", unknown_ops},
    {"hard", "too_much_fuel", too_much_fuel},
    {"hard", "long_instructions", long_instructions},
    {"works", "in_flight", in_flight},
    {"works", "freed_in_flight", freed_in_flight},
};

UNIT_MAIN(tests)
