/*
 * test_ptx.c - the kernel's PTX, run through the real host path, against the
 * ir engine, on random programs, on some that are hard and on the sample
 * agents: for a machine with a driver, or with a libcuda that runs PTX text on
 * the CPU. tests/test_ptx.sh runs it, several times, on the latter.
 *
 * The arguments: how many programs of each dialect, the seed, a file of PTX
 * text in place of the images that are built in (or an empty word), and which
 * of the tests, if not all. What the warps did is printed by the driver; this
 * prints what that is to be divided by.
 */
#include "tests/kernel_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda.h"
#include "tests/unit.h"

enum { LANES = 40, AGENT_LANES = 6 };

static const struct {
  const char *name, *dialect;
  bool noise;
} kinds[] = {{"unified", "unified", false}, {"classic", "classic", false},
             {"seed", "seed", false},       {"stack", "stack", false},
             {"classic noise", "classic", true},
             {"stack noise", "stack", true}};

struct device {
  struct fcuda *cuda;
  struct fkn_image image; /* in place of those that are built in */
  char *text;             /* of it */
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

static void tell(bool failed, const char *line, void *user) {
  (void)failed, (void)user;
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

static void tell_seen(const char *what, const struct krig_seen *seen) {
  printf("%s: %llu programs, %llu lanes, %llu good %llu wrong %llu dear, "
         "%llu not run, %llu instructions\n", what,
         (unsigned long long)seen->programs, (unsigned long long)seen->lanes,
         (unsigned long long)seen->good, (unsigned long long)seen->wrong,
         (unsigned long long)seen->dear, (unsigned long long)seen->not_run,
         (unsigned long long)seen->instructions);
}

static void compare(struct device *d, unsigned kind, uint64_t programs) {
  struct krig_plan plan = {.dialect = kinds[kind].dialect,
                           .noise = kinds[kind].noise,
                           .seed = asked.seed,
                           .count = (programs + 3) / 4,
                           .lanes = LANES};
  struct krig_seen seen = {0};

  krig_compare(&plan, run_there, d, &seen);
  tell_seen(kinds[kind].name, &seen);
  UNIT_TRUE(seen.programs * 2 >= programs, "%llu programs were run",
            (unsigned long long)seen.programs);
}

/* ---- the tests ---------------------------------------------------------- */

/* Opens the device; false: there is none, which is a failure. far: programs
 * are run as if all of them were long. */
static bool open_device(struct device *d, bool far) {
  struct fcuda_options o = {.ptx = true, .far = far, .log = tell};
  struct fisa_error why = {""};

  *d = (struct device){.image = {75, true, NULL, 0}};
  if (asked.file) {
    d->text = read_text(asked.file, &d->image.size);
    CU_ASSERT_FATAL(d->text != NULL);
    d->image.data = d->text;
    o.images = &d->image;
    o.image_count = 1;
  }
  if (fcuda_new(&o, &d->cuda, &why) == 0) {
    printf("%s\n", fcuda_about(d->cuda));
    return true;
  }
  free(d->text);
  return UNIT_TRUE(0, "no device: %s", why.text);
}

static void close_device(struct device *d) {
  if (!d->cuda)
    return;
  fcuda_free(d->cuda);
  free(d->text);
  d->cuda = NULL;
}

/* The device that all tests but the far one have in common, since it takes
 * seconds to read the text. */
static struct device near;

/* NULL: there is none, which is a failure. */
static struct device *near_device(void) {
  return near.cuda || open_device(&near, false) ? &near : NULL;
}

static void check_device(const struct device *d) {
  UNIT_EQ(d->failed, 0);
  UNIT_TRUE(fcuda_alive(d->cuda), "the device was retired");
}

/* So many of each kind. */
static void run_all(struct device *d, uint64_t count) {
  for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
    compare(d, k, count);
  check_device(d);
}

static void programs(void) {
  struct device *d = near_device();

  if (d)
    run_all(d, asked.programs);
}

/* Few lanes, for it is slow; a warp of them where each goes elsewhere. */
static void hard(void) {
  static const uint32_t lanes[] = {
      [WIDE_TURNS] = 16, [WIDE_JUMPS] = 32, [WIDE_MEMORY] = 2};
  struct device *d = near_device();
  struct krig_seen seen = {0};

  for (unsigned k = 0; d && k < WIDE_HARD; k++) {
    struct wide_case c;
    if (!wide_hard_open(&c, k, lanes[k]))
      continue;
    krig_case(&c, "hard", false, run_there, d, &seen);
    wide_case_close(&c);
  }
  if (!d)
    return;
  tell_seen("hard", &seen);
  UNIT_EQ(seen.not_run, 0);
  check_device(d);
}

/* The device, and what came of the agents on it. */
struct on_agents {
  struct device *device;
  struct krig_seen seen;
};

static void one_agent(const struct wide_case *c, const char *path,
                      void *user) {
  struct on_agents *o = user;

  krig_case(c, path, true, run_there, o->device, &o->seen);
}

static void agents(void) {
  struct on_agents o = {.device = near_device()};

  if (!o.device)
    return;
  wide_agents(AGENT_LANES, one_agent, &o);
  tell_seen("agents", &o.seen);
  UNIT_TRUE(o.seen.not_run * 20 < o.seen.programs, "%llu of %llu not run",
            (unsigned long long)o.seen.not_run,
            (unsigned long long)o.seen.programs);
  check_device(o.device);
}

/* The last one: a device of its own, in place of the near one. */
static void far_programs(void) {
  struct device d;

  close_device(&near);
  if (open_device(&d, true))
    run_all(&d, asked.programs / 4 + 4);
  close_device(&d);
}

static const struct unit_test tests[] = {{"ptx", "programs", programs},
                                         {"ptx", "hard", hard},
                                         {"ptx", "agents", agents},
                                         {"ptx", "far", far_programs}};

int main(int argc, char **argv) {
  int names = argc > 3 ? 3 : argc - 1; /* argv[names] is before the names */
  int rc;

  if (argc > 1)
    asked.programs = strtoull(argv[1], NULL, 10);
  if (argc > 2)
    asked.seed = strtoull(argv[2], NULL, 10);
  if (argc > 3 && argv[3][0] != '\0')
    asked.file = argv[3];
  rc = unit_main(argc - names, argv + names, tests,
                 sizeof(tests) / sizeof(tests[0]));
  close_device(&near);
  return rc;
}
