/*
 * test_cuda_faults.c - a driver that fails: every error at every call, a
 * device that vanishes, memory that is not there, launches that fail or do not
 * end. Whatever happens, each run is answered, an answer is the ir engine's,
 * what is told is one line, nothing is left behind, and who fails too often is
 * not asked again.
 *
 * Linked with --wrap for dlopen and dlsym, see cudarig.h, and for malloc and
 * its like.
 */
#include "tests/cudarig.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda_driver.h"

/* Every error there is in CUDA 13, and numbers that are none of them. */
static const int errors[] = {
    1,   2,   3,   4,   5,   6,   7,   8,   34,  36,  46,  100, 101, 102,
    200, 201, 202, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215,
    216, 217, 218, 219, 220, 221, 222, 223, 224, 225, 226, 300, 301, 302,
    303, 304, 400, 401, 402, 500, 600, 700, 701, 702, 703, 704, 705, 708,
    709, 710, 711, 712, 713, 714, 715, 716, 717, 718, 719, 720, 721, 800,
    801, 802, 803, 804, 805, 806, 807, 808, 809, 810, 811, 812, 900, 901,
    902, 903, 904, 905, 906, 907, 908, 909, 910, 911, 912, 913, 914, 915,
    916, 999, -1,  77777, INT32_MAX};

enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

/* ---- memory of this machine --------------------------------------------- */

static long countdown = -1;   /* allocations until one fails; < 0: none */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool fails(void) {
  return countdown >= 0 && countdown-- == 0;
}

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
  return fails() ? NULL : __real_realloc(p, size);
}

/* ---- one pass ----------------------------------------------------------- */

/* What a pass came to. */
struct pass {
  bool opened;
  unsigned done, failed, refused, lines;
  bool alive;
  uint64_t calls;
};

static struct wide_case small;   /* the same case for all of them */

/* Little memory, since all of it is filled each time. */
static struct fcuda_options options(void) {
  struct fcuda_options o = rig_options();

  o.device_max = 8 << 20;
  return o;
}

static void count(const struct cuda_work *w, struct pass *p) {
  for (uint32_t i = 0; i < w->work.run_count; i++) {
    p->done += w->work.run[i].status == FCUDA_DONE;
    p->failed += w->work.run[i].status == FCUDA_FAILED;
    p->refused += w->work.run[i].status == FCUDA_REFUSED;
  }
}

/* Opens, runs two works at once, and closes; the double is as the test set it
 * up behind rig_fake. Checks what holds in any case. */
static struct pass go(const struct fcuda_options *o, const char *who) {
  struct pass p = {.opened = false};
  struct fisa_error why = {""};
  struct fcuda *c = NULL;
  struct cuda_work w[2];

  for (int i = 0; i < 2; i++)
    cuda_work_open(&w[i], &small, 1, 0, small.wide.batch->lanes);
  p.opened = fcuda_new(o, &c, &why) == 0;
  if (p.opened) {
    fcuda_submit(c, &w[0].work);
    fcuda_submit(c, &w[1].work);
    for (int i = 0; i < 2; i++) {
      fcuda_wait(c, &w[i].work);
      cuda_work_check(&w[i], who);
      count(&w[i], &p);
    }
    p.alive = fcuda_alive(c);
    UNIT_EQ(p.done + p.failed + p.refused,
            w[0].work.run_count + w[1].work.run_count);
    UNIT_TRUE(rig_lines == fcuda_counts(c).errors, "%s: %u lines, %u errors",
              who, rig_lines, fcuda_counts(c).errors);
    fcuda_free(c);
  } else {
    UNIT_TRUE(why.text[0] != '\0' && !strchr(why.text, '\n'),
              "%s: \"%s\" is no sentence", who, why.text);
  }
  p.lines = rig_lines;
  for (int i = 0; i < 2; i++)
    cuda_work_close(&w[i]);
  return p;
}

/* ---- errors at calls ---------------------------------------------------- */

/* Every call, every error. One failing call costs what was under way at most,
 * and is told once unless it only meant that an image was no good. */
static void every_error(void) {
  struct fcuda_options o = options();
  uint64_t calls, step = 10 / unit_scale(10);
  struct pass all;
  char who[64];

  rig_fake();
  all = go(&o, "no error");
  UNIT_TRUE(all.opened && all.failed + all.refused == 0,
            "%u failed, %u refused", all.failed, all.refused);
  calls = rig_fake_now()->calls;
  UNIT_TRUE(calls > 20, "%llu calls", (unsigned long long)calls);
  printf(" %llu calls", (unsigned long long)calls);
  for (uint64_t n = 1; n <= calls; n++)
    for (unsigned e = 0; e < ERRORS; e++) {
      struct fakecuda *f = rig_fake();
      struct pass p;

      if ((n + e) % step != 0)
        continue;
      f->fail_call = n;
      f->fail_result = errors[e];
      snprintf(who, sizeof(who), "call %llu, error %d",
               (unsigned long long)n, errors[e]);
      p = go(&o, who);
      UNIT_TRUE(p.lines <= 1, "%s: %u lines", who, p.lines);
      if (!rig_clean(who))
        return;
    }
}

/* From one call on, nothing works any more: a device that fell off. */
static void gone(void) {
  struct fcuda_options o = options();
  uint64_t calls;
  char who[64];

  rig_fake();
  go(&o, "there");
  calls = rig_fake_now()->calls;
  for (uint64_t n = 1; n <= calls; n++) {
    struct fakecuda *f = rig_fake();
    struct pass p;

    f->gone_call = n;
    snprintf(who, sizeof(who), "gone at call %llu", (unsigned long long)n);
    p = go(&o, who);
    UNIT_TRUE(p.lines <= FCUDA_ERRORS, "%s: %u lines", who, p.lines);
    UNIT_EQ(f->wrong, 0);
  }
  rig_fake();
}

static void no_memory_on_the_device(void) {
  struct fcuda_options o = options();
  struct fakecuda *f;
  uint64_t allocations;
  struct pass p;

  o.device_max = 32 << 20;
  rig_fake();
  go(&o, "enough");
  allocations = rig_fake_now()->allocations;
  UNIT_TRUE(allocations >= 5, "%llu allocations",
            (unsigned long long)allocations);
  for (uint64_t n = 1; n <= allocations; n++) {
    f = rig_fake();
    f->fail_memory = n;
    p = go(&o, "an allocation fails");
    /* Of the arena there may be less. */
    UNIT_TRUE(p.opened == (n == 1), "allocation %llu",
              (unsigned long long)n);
    rig_clean("an allocation fails");
  }
  f = rig_fake();
  f->device[0].memory = 4 << 20;
  p = go(&o, "a small device");
  UNIT_TRUE(!p.opened, "a device without memory was opened");
  f = rig_fake();
  f->host_memory = 100 << 10;
  p = go(&o, "little to pin");
  UNIT_TRUE(!p.opened, "there was no memory to pin");
  rig_clean("little memory");
}

static void no_memory_here(void) {
  struct fcuda_options o = options();
  unsigned failed = 0;

  for (long n = 0; n < 400; n++) {
    struct fcuda *c = NULL;
    struct cuda_work w;
    bool used;

    rig_fake();
    if (!cuda_work_open(&w, &small, 1, 0, small.wide.batch->lanes))
      break;
    countdown = n;
    if (fcuda_new(&o, &c, NULL) == 0) {
      fcuda_submit(c, &w.work);
      fcuda_wait(c, &w.work);
      countdown = -1;
      cuda_work_check(&w, "no memory");
      UNIT_EQ(rig_lines, fcuda_counts(c).errors);
    }
    used = countdown < 0;
    countdown = -1;
    fcuda_free(c);
    cuda_work_close(&w);
    rig_clean("no memory");
    failed++;
    if (!used)
      break;
  }
  UNIT_TRUE(failed > 3, "only %u allocations", failed);
  countdown = -1;
}

/* ---- launches ----------------------------------------------------------- */

static void a_launch_fails(void) {
  struct fcuda_options o = options();
  struct fakecuda *f = rig_fake();
  struct pass p;

  f->fail_launch = 1;
  p = go(&o, "the first launch fails");
  UNIT_TRUE(p.opened && p.alive, "one error retired it");
  UNIT_TRUE(p.failed >= small.count, "%u failed", p.failed);
  UNIT_EQ(p.lines, 1);
  UNIT_TRUE(strstr(rig_line, "FAKE_ERROR_700 (700)") != NULL &&
                strstr(rig_line, "run on the CPU") != NULL,
            "it says \"%s\"", rig_line);
  rig_clean("a launch fails");
}

/* Three errors are enough. */
static void retired(void) {
  struct fcuda_options o = options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c = rig_open(&o);
  struct cuda_work w;
  uint64_t calls;

  if (!c || !cuda_work_open(&w, &small, 1, 0, small.wide.batch->lanes))
    return;
  for (unsigned i = 1; i <= 6; i++) {
    f->fail_launch = f->launches + 1;
    calls = f->calls;
    fcuda_submit(c, &w.work);
    UNIT_TRUE(!fcuda_wait(c, &w.work), "it ran");
    for (uint32_t k = 0; k < w.work.run_count; k++)
      UNIT_EQ(w.work.run[k].status, FCUDA_FAILED);
    UNIT_EQ(rig_lines, i < 3 ? i : 3);
    UNIT_EQ(fcuda_alive(c), i < 3);
    UNIT_TRUE(i <= 3 || f->calls == calls, "it was asked again");
    UNIT_EQ(strstr(rig_line, "used no more") != NULL, i >= 3);
  }
  cuda_work_close(&w);
  fcuda_free(c);
  rig_clean("retired");
}

/* It works again after an error. */
static void recovers(void) {
  struct fcuda_options o = options();
  struct fakecuda *f = rig_fake();
  struct fcuda *c = rig_open(&o);
  struct cuda_work w;

  if (!c || !cuda_work_open(&w, &small, 1, 0, small.wide.batch->lanes))
    return;
  for (unsigned i = 0; i < 2; i++) {
    f->fail_launch = f->launches + 1;
    fcuda_submit(c, &w.work);
    UNIT_TRUE(!fcuda_wait(c, &w.work), "it ran");
    for (unsigned k = 0; k < 3; k++) {
      fcuda_submit(c, &w.work);
      UNIT_TRUE(fcuda_wait(c, &w.work), "it did not run");
      UNIT_EQ(cuda_work_check(&w, "again"), w.work.run_count);
    }
  }
  UNIT_EQ(fcuda_counts(c).errors, 2);
  cuda_work_close(&w);
  fcuda_free(c);
  rig_clean("recovers");
}

/* What a launch that never ends holds is never freed: whoever would wait for
 * it waits for ever. The double counts that as against the rules. */
static void hangs(void) {
  struct fcuda_options o = options();
  struct fakecuda *f = rig_fake();
  struct cuda_work w[2];
  struct fcuda *c;
  uint64_t calls;

  o.wait_ms = 1;
  c = rig_open(&o);
  if (!c)
    return;
  f->hang = true;
  for (int i = 0; i < 2; i++) {
    cuda_work_open(&w[i], &small, 1, 0, small.wide.batch->lanes);
    fcuda_submit(c, &w[i].work);
  }
  for (int i = 0; i < 2; i++) {
    UNIT_TRUE(!fcuda_wait(c, &w[i].work), "it ended");
    for (uint32_t k = 0; k < w[i].work.run_count; k++)
      UNIT_EQ(w[i].work.run[k].status, FCUDA_FAILED);
  }
  UNIT_TRUE(!fcuda_alive(c), "it is asked again");
  UNIT_EQ(f->pushed, 0);
  UNIT_EQ(rig_lines, 1);
  UNIT_TRUE(strstr(rig_line, "the launch does not end") != NULL &&
                strstr(rig_line, "used no more") != NULL,
            "it says \"%s\"", rig_line);
  calls = f->calls;
  fcuda_submit(c, &w[0].work);
  fcuda_free(c);
  UNIT_EQ(f->calls, calls);
  UNIT_EQ(f->wrong, 0);
  UNIT_EQ(f->contexts, 1);
  for (int i = 0; i < 2; i++)
    cuda_work_close(&w[i]);
  rig_fake();
}

/* ---- time --------------------------------------------------------------- */

/* A clock that stands still but for what a test says. */
static uint64_t time_ns;

static uint64_t told_ns(void) {
  return time_ns;
}

enum { MS = 1000000, WAIT_MS = 7 };

/* Two works of one run each on a device that does not end them: each has its
 * time, the second behind the first, and not a moment more. */
static void allowed(const char *text, uint64_t weight, uint64_t warp) {
  const char *const texts[] = {text, NULL};
  struct fcuda_options o = options();
  struct fakecuda *f = rig_fake();
  struct wide_case k;
  struct cuda_work w[2];
  struct fcuda *c;
  uint64_t each;

  o.wait_ms = WAIT_MS;
  o.now_ns = told_ns;
  time_ns = MS;
  c = rig_open(&o);
  if (!c || !wide_text_open(&k, texts, 16, NULL))
    return;
  k.wide.batch->most_fuel = 2001;
  each = MS * (WAIT_MS + 2001 * weight * warp / 1000);
  for (int i = 0; i < 2; i++) {
    cuda_work_open(&w[i], &k, 1, 0, k.wide.batch->lanes);
    w[i].work.batch = k.wide.batch;
    UNIT_TRUE(fcuda_submit(c, &w[i].work), "%s", fcuda_refusal(c));
    f->hang = true;
  }
  time_ns = MS + each - 1;
  UNIT_TRUE(!fcuda_poll(c, &w[0].work), "it ended");
  f->hang = false;
  UNIT_TRUE(fcuda_poll(c, &w[0].work), "%s: slow, and within its time", text);
  UNIT_EQ(cuda_work_check(&w[0], "slow"), 1);
  f->hang = true;
  time_ns = MS + 2 * each - 1;
  UNIT_TRUE(!fcuda_poll(c, &w[1].work), "%s: the second ended", text);
  UNIT_TRUE(fcuda_alive(c) && rig_lines == 0, "%s: %s", text, rig_line);
  time_ns++;
  UNIT_TRUE(fcuda_poll(c, &w[1].work), "it may go on");
  UNIT_EQ(w[1].work.run[0].status, FCUDA_FAILED);
  UNIT_TRUE(!fcuda_alive(c) && rig_lines == 1, "%s: it is not stuck", text);
  fcuda_free(c);
  for (int i = 0; i < 2; i++)
    cuda_work_close(&w[i]);
  wide_case_close(&k);
  rig_fake();
}

/* By what an instruction goes through at most, and by whether lanes part. */
static void slow(void) {
  allowed("  ADD R3, R1, R2\n  HALT\n", 1, 1);
  allowed("  ADD R3, R1, R2\n  JEQ R3, over\n  INC R3\nover:  HALT\n", 1, 32);
  allowed("  MEMSUM R3, R1, 32767\n  MEMSUM R3, R1, 5\n  HALT\n", 32768, 1);
  allowed("  MEMSET R3, R1, 999\nagain:  CRC32 R3, R1, 4999\n"
          "  JEQ R3, again\n  HALT\n", 5000, 32);
}

/* All the cases use one root with variants. */
static void begin(void) {
  wide_file_open(&small, unit_src("samples/agents/collatz.flx"), 24);
}

static void end(void) {
  wide_case_close(&small);
  rig_fake();
}

static const struct unit_test tests[] = {
    {"faults", "begin", begin},
    {"faults", "every_error", every_error},
    {"faults", "gone", gone},
    {"faults", "no_memory_on_the_device", no_memory_on_the_device},
    {"faults", "no_memory_here", no_memory_here},
    {"faults", "a_launch_fails", a_launch_fails},
    {"faults", "retired", retired},
    {"faults", "recovers", recovers},
    {"faults", "hangs", hangs},
    {"faults", "slow", slow},
    {"faults", "end", end},
};

UNIT_MAIN(tests)
