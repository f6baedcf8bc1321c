/*
 * tests/cudarig.c - the CUDA back end on the double of the driver.
 */
#include "tests/cudarig.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

bool rig_absent;
const char *rig_hidden;
unsigned rig_lines, rig_failures;
char rig_line[512];

/* ---- the library -------------------------------------------------------- */

void *__real_dlopen(const char *name, int flags);
void *__wrap_dlopen(const char *name, int flags);
void *__real_dlsym(void *library, const char *name);
void *__wrap_dlsym(void *library, const char *name);

void *__wrap_dlopen(const char *name, int flags) {
  if (strcmp(name, "libcuda.so.1") != 0)
    return __real_dlopen(name, flags);
  if (rig_absent)
    return __real_dlopen("libcuda-that-is-not-there.so.1", flags);
  return __real_dlopen(unit_built("tests/.libs/fakecuda.so"), flags);
}

void *__wrap_dlsym(void *library, const char *name) {
  if (rig_hidden && strcmp(name, rig_hidden) == 0)
    return NULL;
  return __real_dlsym(library, name);
}

/* A function of the double. */
static void find(const char *name, void *function) {
  void *library = __real_dlopen(unit_built("tests/.libs/fakecuda.so"),
                                RTLD_NOW | RTLD_LOCAL);
  void *at = library ? __real_dlsym(library, name) : NULL;

  if (!at) {
    fprintf(stderr, "%s\n", dlerror());
    exit(99);
  }
  memcpy(function, &at, sizeof(at));
}

struct fakecuda *rig_fake_now(void) {
  static fakecuda_get get;

  if (!get)
    find("fakecuda", &get);
  return get();
}

struct fakecuda *rig_fake(void) {
  static fakecuda_do reset;

  if (!reset)
    find("fakecuda_reset", &reset);
  reset();
  rig_absent = false;
  rig_hidden = NULL;
  rig_lines = rig_failures = 0;
  rig_line[0] = '\0';
  return rig_fake_now();
}

/* ---- the back end ------------------------------------------------------- */

static void note(bool failed, const char *line, void *user) {
  (void)user;
  rig_lines++;
  rig_failures += failed;
  snprintf(rig_line, sizeof(rig_line), "%s", line);
}

struct fcuda_options rig_options(void) {
  static const struct fkn_image images[] = {
      {90, false, "cubin 90", 9}, {75, true, "ptx 75", 7}};

  return (struct fcuda_options){.images = images, .image_count = 2,
                                .wait_ms = 5000, .log = note};
}

struct fcuda *rig_open(const struct fcuda_options *o) {
  struct fisa_error why = {""};
  struct fcuda *c = NULL;

  if (fcuda_new(o, &c, &why) == 0)
    return c;
  UNIT_TRUE(0, "no device: %s", why.text);
  return NULL;
}

bool rig_clean(const char *who) {
  const struct fakecuda *f = rig_fake_now();

  return UNIT_TRUE(f->wrong == 0, "%s: %u wrong calls: %s", who, f->wrong,
                   f->what) &&
         UNIT_TRUE(f->contexts == 0 && f->blocks == 0 && f->handles == 0 &&
                       f->pushed == 0,
                   "%s: left: %u contexts, %u blocks, %u handles, %u pushed",
                   who, f->contexts, f->blocks, f->handles, f->pushed);
}
