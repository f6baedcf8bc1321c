/*
 * test_ptx.c - the kernel's PTX, run through the real host path, against the
 * ir engine, on random programs: for a machine with a driver, or with a
 * libcuda that runs PTX text on the CPU. tests/test_ptx.sh runs it, several
 * times, on the latter.
 *
 * The arguments: how many programs of each dialect, the seed, a file of PTX
 * text in place of the images that are built in, and which of the two tests,
 * if not both. What the warps did is printed by the driver; this prints what
 * that is to be divided by.
 */
#include "tests/kernel_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda.h"
#include "tests/unit.h"

enum { LANES = 40 };

static const struct {
  const char *dialect;
  bool noise;
} kinds[] = {{"unified", false}, {"classic", false}, {"seed", false},
             {"stack", false},   {"classic", true},  {"stack", true}};

struct device {
  struct fcuda *cuda;
  uint64_t refused, failed;
};

static int run_there(struct krig_work *w, void *user) {
  struct fcuda_run run[KRIG_VARIANTS];
  struct device *d = user;
  struct fcuda_work work = {.batch = w->batch,
                            .count = w->batch->lanes,
                            .run_count = w->count,
                            .run = run};

  for (uint32_t i = 0; i < w->count; i++) {
    struct krig_variant *v = &w->variant[i];
    run[i] = (struct fcuda_run){.program = &v->packed,
                                .places = &v->places,
                                .cost_bound = v->bound,
                                .out = &v->verdict};
  }
  if (fcuda_submit(d->cuda, &work))
    fcuda_wait(d->cuda, &work);
  for (uint32_t i = 0; i < w->count; i++) {
    w->variant[i].how =
        run[i].status == FCUDA_DONE ? KRIG_DONE : KRIG_NOT_RUN;
    d->refused += run[i].status == FCUDA_REFUSED;
    d->failed += run[i].status == FCUDA_FAILED;
  }
  return 0;
}

static void tell(const char *line, void *user) {
  (void)user;
  fprintf(stderr, "%s\n", line);
}

/* A file as text that ends in a NUL; NULL: it cannot be read. */
static char *read_text(const char *name, size_t *size) {
  FILE *f = fopen(name, "rb");
  char *text = NULL;
  long n;

  if (f && fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) > 0) {
    rewind(f);
    text = calloc(1, (size_t)n + 1);
    if (text && fread(text, 1, (size_t)n, f) != (size_t)n) {
      free(text);
      text = NULL;
    }
    *size = (size_t)n;
  }
  if (f)
    fclose(f);
  return text;
}

static struct {
  uint64_t programs, seed;
  const char *file;
} asked = {200, 20260404, NULL};

static void compare(struct device *d, unsigned kind, uint64_t programs) {
  struct krig_plan plan = {.dialect = kinds[kind].dialect,
                           .noise = kinds[kind].noise,
                           .seed = asked.seed,
                           .count = (programs + 3) / 4,
                           .lanes = LANES};
  struct krig_seen seen = {0};

  krig_compare(&plan, run_there, d, &seen);
  printf("%s%s: %llu programs, %llu lanes, %llu good %llu wrong %llu dear, "
         "%llu not run, %llu instructions\n",
         plan.dialect, plan.noise ? " noise" : "",
         (unsigned long long)seen.programs, (unsigned long long)seen.lanes,
         (unsigned long long)seen.good, (unsigned long long)seen.wrong,
         (unsigned long long)seen.dear, (unsigned long long)seen.not_run,
         (unsigned long long)seen.instructions);
  UNIT_TRUE(seen.programs * 2 >= programs, "%llu programs were run",
            (unsigned long long)seen.programs);
}

/* So many of each kind; far: as if all of them were long. */
static void run_all(uint64_t count, bool far) {
  struct fkn_image image = {75, true, NULL, 0};
  struct fcuda_options o = {.ptx = true, .far = far, .log = tell};
  struct device d = {0};
  struct fisa_error why = {""};
  char *text = NULL;

  if (asked.file) {
    text = read_text(asked.file, &image.size);
    CU_ASSERT_FATAL(text != NULL);
    image.data = text;
    o.images = &image;
    o.image_count = 1;
  }
  if (fcuda_new(&o, &d.cuda, &why) != 0) {
    UNIT_TRUE(0, "no device: %s", why.text);
  } else {
    printf("%s\n", fcuda_about(d.cuda));
    for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
      compare(&d, k, count);
    UNIT_EQ(d.failed, 0);
    UNIT_TRUE(fcuda_alive(d.cuda), "the device was retired");
  }
  fcuda_free(d.cuda);
  free(text);
}

static void programs(void) {
  run_all(asked.programs, false);
}

static void far_programs(void) {
  run_all(asked.programs / 4 + 4, true);
}

static const struct unit_test tests[] = {{"ptx", "programs", programs},
                                         {"ptx", "far", far_programs}};

int main(int argc, char **argv) {
  size_t first = 0, count = sizeof(tests) / sizeof(tests[0]);

  if (argc > 1)
    asked.programs = strtoull(argv[1], NULL, 10);
  if (argc > 2)
    asked.seed = strtoull(argv[2], NULL, 10);
  if (argc > 3)
    asked.file = argv[3];
  if (argc > 4) {
    first = strcmp(argv[4], "far") == 0;
    count = 1;
  }
  return unit_main(1, argv, tests + first, count);
}
