/*
 * gpu/cuda_driver.c - the CUDA driver as a table of functions.
 */
#include "gpu/cuda_driver.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libcuda.so.1"

struct symbol {
  const char *name;
  size_t offset;     /* of the member of fcu_driver */
  bool must;
};

static const struct symbol symbols[] = {
#define MUST(name, parameters) \
  {#name, offsetof(struct fcu_driver, name), true},
#define MAY(name, parameters) \
  {#name, offsetof(struct fcu_driver, name), false},
    FCU_MUST(MUST)
    FCU_MAY(MAY)
#undef MUST
#undef MAY
};

/* dlsym gives objects and functions alike as void *, and POSIX promises that
 * such a pointer has the bits of the function's. */
static_assert(sizeof(void *) == sizeof(int (*)(unsigned)),
              "functions and objects have pointers of one size");

static int look_up(struct fcu_driver *out, void *library,
                   struct fisa_error *why) {
  for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
    void *at = dlsym(library, symbols[i].name);

    if (!at && symbols[i].must)
      return fisa_fail(why, LIBRARY " has no %s", symbols[i].name);
    memcpy((char *)out + symbols[i].offset, &at, sizeof(at));
  }
  return 0;
}

void fcu_result_text(const struct fcu_driver *d, int result, char *out,
                     size_t capacity) {
  const char *name = NULL;

  assert(d && out && capacity > 0);
  if (!d->cuGetErrorName || d->cuGetErrorName(result, &name) != FCU_SUCCESS ||
      !name)
    name = "CUDA error";
  snprintf(out, capacity, "%.60s (%d)", name, result);
}

static int fail_result(const struct fcu_driver *d, const char *what,
                       int result, struct fisa_error *why) {
  char text[96];

  fcu_result_text(d, result, text, sizeof(text));
  return fisa_fail(why, "%s: %s", what, text);
}

/* Initialises what was looked up. */
static int begin(struct fcu_driver *d, int oldest, struct fisa_error *why) {
  int result = d->cuDriverGetVersion(&d->version);

  if (result != FCU_SUCCESS)
    return fail_result(d, "cuDriverGetVersion", result, why);
  if (d->version < oldest)
    return fisa_fail(why, "the CUDA driver is version %d.%d; %d.%d is needed",
                     d->version / 1000, d->version % 1000 / 10, oldest / 1000,
                     oldest % 1000 / 10);
  result = d->cuInit(0);
  if (result == FCU_NO_DEVICE)
    return fisa_fail(why, "the CUDA driver finds no device");
  if (result != FCU_SUCCESS)
    return fail_result(d, "cuInit", result, why);
  return 0;
}

int fcu_driver_open(struct fcu_driver *out, int oldest,
                    struct fisa_error *why) {
  struct fcu_driver d = {.version = 0};
  void *library;

  assert(out && oldest >= 0);
  library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *text = dlerror();

    return fisa_fail(why, "no CUDA driver: %.200s", text ? text : LIBRARY);
  }
  if (look_up(&d, library, why) != 0 || begin(&d, oldest, why) != 0)
    return -1;
  *out = d;
  return 0;
}
