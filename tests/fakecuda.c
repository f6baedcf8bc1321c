/*
 * tests/fakecuda.c - a double of libcuda.so.1, see fakecuda.h.
 *
 * Memory of the device is memory of the process, each allocation its own, so
 * that the address sanitizer sees a kernel that leaves it.
 */
#include "tests/fakecuda.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda_driver.h"
#include "gpu/kernel_host.h"

#define API __attribute__((visibility("default")))

/* ---- what there is ------------------------------------------------------ */

/* Memory of the device or the host. */
struct block {
  struct block *next;
  unsigned char *at;
  size_t size;
  bool host;
};

enum op_kind { OP_COPY, OP_LAUNCH, OP_EVENT };

/* What waits in a stream. */
struct op {
  struct op *next;
  enum op_kind kind;
  void *to;
  const void *from;
  size_t size;
  bool fails;             /* a launch */
  unsigned grid, threads, shared;
  struct fkn_launch launch;
  struct fcu_event_ *event;
};

/* Streams, events, modules: whatever a context holds, in one list. */
struct handle {
  struct handle *next;
  char kind;              /* 's', 'e', 'm' */
};

struct fcu_stream_ {
  struct handle handle;
  struct op *first, *last;
};

struct fcu_event_ {
  struct handle handle;
  struct fcu_stream_ *stream;
  bool pending;
  unsigned asked;
};

struct fcu_function_ {
  struct fcu_module_ *module;
  bool far;               /* the kernel for programs that are */
};

struct fcu_module_ {
  struct handle handle;
  struct fcu_function_ kernel, far;
};

struct fcu_context_ {
  int device;
};

static struct {
  struct fakecuda told;
  struct fcu_context_ context; /* there can be one */
  bool alive, ready;
  struct block *blocks;
  struct handle *handles;
  int sticky;             /* result of all calls, once a launch has failed */
} fake;

static void wrong(const char *name, const char *what) {
  if (fake.told.wrong++ == 0)
    snprintf(fake.told.what, sizeof(fake.told.what), "%s: %s", name, what);
}

/* ---- each call ---------------------------------------------------------- */

enum needs { NOTHING, INIT, CONTEXT };

/* Counts a call; whether it fails, and with what. */
static int enter(const char *name, enum needs needs) {
  struct fakecuda *t = &fake.told;
  bool ends = strstr(name, "Destroy") || strstr(name, "Free");

  t->calls++;
  if (t->gone_call != 0 && t->calls >= t->gone_call)
    return FAKE_ILLEGAL_ADDRESS;
  if (t->calls == t->fail_call)
    return t->fail_result;
  if (t->fail_name && strcmp(t->fail_name, name) == 0)
    return t->fail_result;
  if (needs >= INIT && !fake.ready)
    wrong(name, "before cuInit");
  if (needs >= CONTEXT && (!fake.alive || t->pushed == 0)) {
    wrong(name, "without a context");
    return FAKE_INVALID_CONTEXT;
  }
  return needs == CONTEXT && !ends ? fake.sticky : 0;
}

#define ENTER(needs) \
  do { \
    int result_ = enter(__func__, needs); \
    if (result_ != 0) \
      return result_; \
  } while (0)

/* ---- memory ------------------------------------------------------------- */

static struct block *block_of(const void *at, size_t size) {
  const unsigned char *p = at;

  for (struct block *b = fake.blocks; b; b = b->next)
    if (p >= b->at && p <= b->at + b->size && size <= b->size &&
        p + size <= b->at + b->size)
      return b;
  return NULL;
}

static size_t in_use(bool host) {
  size_t n = 0;

  for (struct block *b = fake.blocks; b; b = b->next)
    n += b->host == host ? b->size : 0;
  return n;
}

static int take_memory(void **at, size_t size, bool host) {
  struct fakecuda *t = &fake.told;
  size_t limit = host ? t->host_memory : t->device[fake.context.device].memory;
  struct block *b;

  if (size == 0)
    return FAKE_INVALID_VALUE;
  if (++t->allocations == t->fail_memory)
    return FAKE_OUT_OF_MEMORY;
  if ((limit != 0 || !host) && in_use(host) + size > limit)
    return FAKE_OUT_OF_MEMORY;
  b = malloc(sizeof(*b));
  if (!b)
    return FAKE_OUT_OF_MEMORY;
  b->at = aligned_alloc(256, (size + 255) / 256 * 256);
  if (!b->at) {
    free(b);
    return FAKE_OUT_OF_MEMORY;
  }
  memset(b->at, 0xA5, size);
  b->size = size;
  b->host = host;
  b->next = fake.blocks;
  fake.blocks = b;
  t->blocks++;
  *at = b->at;
  return 0;
}

static int give_memory(const char *name, const void *at, bool host) {
  for (struct block **b = &fake.blocks; *b; b = &(*b)->next)
    if ((*b)->at == at && (*b)->host == host) {
      struct block *gone = *b;
      *b = gone->next;
      free(gone->at);
      free(gone);
      fake.told.blocks--;
      return 0;
    }
  wrong(name, "no such memory");
  return FAKE_INVALID_VALUE;
}

static void *pointer(fcu_memory at) {
  return (void *)(uintptr_t)at;
}

/* ---- streams ------------------------------------------------------------ */

/* A thread does what those of a block would: nothing else is started. */
static void launch(const struct op *op) {
  const struct fkn_host_shape alone = {1, 1};

  if (fkn_host_run(&op->launch, op->grid, alone) != 0)
    abort();
}

static void run_op(struct op *op) {
  switch (op->kind) {
  case OP_COPY:
    if (fake.sticky == 0)
      memcpy(op->to, op->from, op->size);
    break;
  case OP_LAUNCH:
    if (op->fails)
      fake.sticky = FAKE_ILLEGAL_ADDRESS;
    else if (fake.sticky == 0)
      launch(op);
    break;
  case OP_EVENT:
    op->event->pending = false;
    break;
  }
}

/* Does what waits in a stream up to an event. */
static void run_until(struct fcu_stream_ *s, const struct fcu_event_ *e) {
  while (s->first && e->pending) {
    struct op *op = s->first;

    s->first = op->next;
    if (!s->first)
      s->last = NULL;
    run_op(op);
    free(op);
  }
}

/* A place at the end of a stream. */
static struct op *put(struct fcu_stream_ *s, enum op_kind kind) {
  struct op *op = calloc(1, sizeof(*op));

  assert(s && s->handle.kind == 's');
  if (!op)
    abort();
  op->kind = kind;
  if (s->last)
    s->last->next = op;
  else
    s->first = op;
  s->last = op;
  return op;
}

static bool has_launch(const struct fcu_stream_ *s) {
  for (const struct op *op = s->first; op; op = op->next)
    if (op->kind == OP_LAUNCH)
      return true;
  return false;
}

/* ---- handles ------------------------------------------------------------ */

static void keep(struct handle *h, char kind) {
  h->kind = kind;
  h->next = fake.handles;
  fake.handles = h;
  fake.told.handles++;
}

static void drop(struct handle *h) {
  struct handle **at = &fake.handles;

  while (*at && *at != h)
    at = &(*at)->next;
  if (!*at) {
    wrong("a handle", "freed twice");
    return;
  }
  *at = h->next;
  if (h->kind == 's') {
    struct fcu_stream_ *s = (struct fcu_stream_ *)h;
    while (s->first) {
      struct op *op = s->first;
      s->first = op->next;
      free(op);
    }
  }
  fake.told.handles--;
  free(h);
}

static void drop_context(void) {
  while (fake.handles)
    drop(fake.handles);
  while (fake.blocks)
    give_memory("cuCtxDestroy_v2", fake.blocks->at, fake.blocks->host);
  fake.alive = false;
  fake.sticky = 0;
}

/* ---- for the test ------------------------------------------------------- */

API struct fakecuda *fakecuda(void) {
  return &fake.told;
}

API void fakecuda_reset(void) {
  drop_context();
  memset(&fake.told, 0, sizeof(fake.told));
  fake.ready = false;
  fake.told.version = 13000;
  fake.told.devices = 1;
  for (int i = 0; i < FAKE_MAX_DEVICES; i++)
    fake.told.device[i] = (struct fakecuda_device){
        .cc = 90, .processors = 2, .memory = (size_t)64 << 20};
}

/* Found by the loader in the place of a driver, with nobody to set it up, it
 * has memory enough for anything. */
__attribute__((constructor)) static void begin(void) {
  fakecuda_reset();
  fake.told.device[0].memory = (size_t)512 << 20;
}

/* ---- the driver: devices and contexts ----------------------------------- */

#define DEFINE(name, parameters) API int name parameters;
FCU_MUST(DEFINE)
FCU_MAY(DEFINE)
#undef DEFINE

API int cuInit(unsigned flags) {
  ENTER(NOTHING);
  if (flags != 0)
    wrong(__func__, "flags");
  if (fake.told.devices == 0)
    return FAKE_NO_DEVICE;
  fake.ready = true;
  return 0;
}

API int cuDriverGetVersion(int *version) {
  ENTER(NOTHING);
  *version = fake.told.version;
  return 0;
}

API int cuDeviceGetCount(int *count) {
  ENTER(INIT);
  *count = fake.told.devices;
  return 0;
}

API int cuDeviceGet(fcu_device *device, int ordinal) {
  ENTER(INIT);
  if (ordinal < 0 || ordinal >= fake.told.devices)
    return FAKE_INVALID_DEVICE;
  *device = ordinal;
  return 0;
}

API int cuDeviceGetAttribute(int *value, int attribute, fcu_device device) {
  const struct fakecuda_device *d = &fake.told.device[device];

  ENTER(INIT);
  switch (attribute) {
  case FCU_DEVICE_MAJOR: *value = d->cc / 10; break;
  case FCU_DEVICE_MINOR: *value = d->cc % 10; break;
  case FCU_DEVICE_PROCESSORS: *value = d->processors; break;
  case FCU_DEVICE_COMPUTE_MODE: *value = d->compute_mode; break;
  case FCU_DEVICE_SHARED_BLOCK: *value = 65536; break;
  default: return FAKE_INVALID_VALUE;
  }
  return 0;
}

API int cuDeviceGetName(char *name, int capacity, fcu_device device) {
  ENTER(INIT);
  snprintf(name, (size_t)capacity, "Double %d", device);
  return 0;
}

API int cuCtxCreate_v2(fcu_context *context, unsigned flags,
                       fcu_device device) {
  ENTER(INIT);
  (void)flags;
  if (fake.alive) {
    wrong(__func__, "a second context");
    return FAKE_OUT_OF_MEMORY;
  }
  if (fake.told.device[device].compute_mode == FCU_COMPUTE_PROHIBITED)
    return FAKE_INVALID_DEVICE;
  fake.context.device = fake.told.used_device = device;
  fake.alive = true;
  fake.told.contexts++;
  fake.told.pushed++;
  *context = &fake.context;
  return 0;
}

/* An error here is one of what ran before; the context is gone all the same,
 * but for that of a device that is gone itself. */
API int cuCtxDestroy_v2(fcu_context context) {
  int result = enter(__func__, INIT);

  if (context != &fake.context || !fake.alive) {
    wrong(__func__, "no such context");
    return FAKE_INVALID_CONTEXT;
  }
  if (fake.told.hang)
    wrong(__func__, "waits for a launch that does not end");
  if (fake.told.pushed > 0)
    fake.told.pushed--;
  drop_context();
  fake.told.contexts--;
  return result;
}

API int cuCtxPushCurrent_v2(fcu_context context) {
  ENTER(INIT);
  if (context != &fake.context || !fake.alive)
    return FAKE_INVALID_CONTEXT;
  fake.told.pushed++;
  return 0;
}

API int cuCtxPopCurrent_v2(fcu_context *context) {
  ENTER(INIT);
  if (fake.told.pushed == 0)
    return FAKE_INVALID_CONTEXT;
  fake.told.pushed--;
  *context = &fake.context;
  return 0;
}

/* ---- modules ------------------------------------------------------------ */

/* An image as a compiler makes it: an ELF file or PTX text. */
static bool is_real(const char *image) {
  return memcmp(image, "\177ELF", 4) == 0 || strstr(image, ".version") != NULL;
}

/* An image of these tests, "cubin CC" or "ptx CC", or a real one. */
API int cuModuleLoadData(fcu_module *module, const void *image) {
  int cc = fake.told.device[fake.context.device].cc;
  struct fcu_module_ *m;
  int made = 0;

  ENTER(CONTEXT);
  snprintf(fake.told.image, sizeof(fake.told.image), "%.31s",
           (const char *)image);
  if (sscanf(image, "cubin %d", &made) == 1) {
    if (made / 10 != cc / 10 || made > cc)
      return FAKE_NO_BINARY;
  } else if (sscanf(image, "ptx %d", &made) == 1) {
    if (made > cc)
      return FAKE_INVALID_PTX;
  } else if (!is_real(image)) {
    return FAKE_INVALID_IMAGE;
  }
  m = calloc(1, sizeof(*m));
  if (!m)
    return FAKE_OUT_OF_MEMORY;
  keep(&m->handle, 'm');
  m->kernel.module = m->far.module = m;
  m->far.far = true;
  *module = m;
  return 0;
}

API int cuModuleGetFunction(fcu_function *function, fcu_module module,
                            const char *name) {
  ENTER(CONTEXT);
  if (strcmp(name, FKN_NAME) == 0)
    *function = &module->kernel;
  else if (strcmp(name, FKN_NAME_FAR) == 0)
    *function = &module->far;
  else
    return FAKE_NOT_FOUND;
  return 0;
}

/* ---- memory and copies -------------------------------------------------- */

API int cuMemGetInfo_v2(size_t *free_size, size_t *total) {
  ENTER(CONTEXT);
  *total = fake.told.device[fake.context.device].memory;
  *free_size = *total - in_use(false);
  return 0;
}

API int cuMemAlloc_v2(fcu_memory *at, size_t size) {
  void *p = NULL;
  int result;

  ENTER(CONTEXT);
  result = take_memory(&p, size, false);
  if (result == 0)
    *at = (uintptr_t)p;
  return result;
}

API int cuMemFree_v2(fcu_memory at) {
  ENTER(CONTEXT);
  return give_memory(__func__, pointer(at), false);
}

API int cuMemAllocHost_v2(void **at, size_t size) {
  ENTER(CONTEXT);
  return take_memory(at, size, true);
}

API int cuMemFreeHost(void *at) {
  ENTER(CONTEXT);
  return give_memory(__func__, at, true);
}

/* Whether a stretch of the device is one, or of the host's pinned memory: a
 * copy from elsewhere is not asynchronous, so there is none of these. */
static bool is_block(const char *name, const void *at, size_t size,
                     bool host) {
  struct block *b = block_of(at, size);

  if (b && b->host == host)
    return true;
  wrong(name, host ? "not pinned" : "outside of the device");
  return false;
}

static void put_copy(fcu_stream stream, void *to, const void *from,
                     size_t size) {
  struct op *op = put(stream, OP_COPY);

  op->to = to;
  op->from = from;
  op->size = size;
}

API int cuMemcpyHtoDAsync_v2(fcu_memory to, const void *from, size_t size,
                             fcu_stream stream) {
  ENTER(CONTEXT);
  fake.told.bytes_in += size;
  if (!is_block(__func__, pointer(to), size, false) ||
      !is_block(__func__, from, size, true))
    return FAKE_INVALID_VALUE;
  put_copy(stream, pointer(to), from, size);
  return 0;
}

API int cuMemcpyDtoHAsync_v2(void *to, fcu_memory from, size_t size,
                             fcu_stream stream) {
  ENTER(CONTEXT);
  fake.told.bytes_out += size;
  if (!is_block(__func__, to, size, true) ||
      !is_block(__func__, pointer(from), size, false))
    return FAKE_INVALID_VALUE;
  put_copy(stream, to, pointer(from), size);
  return 0;
}

/* ---- streams and events ------------------------------------------------- */

API int cuStreamCreate(fcu_stream *stream, unsigned flags) {
  struct fcu_stream_ *s;

  ENTER(CONTEXT);
  (void)flags;
  s = calloc(1, sizeof(*s));
  if (!s)
    return FAKE_OUT_OF_MEMORY;
  keep(&s->handle, 's');
  *stream = s;
  return 0;
}

API int cuStreamDestroy_v2(fcu_stream stream) {
  ENTER(CONTEXT);
  drop(&stream->handle);
  return 0;
}

API int cuEventCreate(fcu_event *event, unsigned flags) {
  struct fcu_event_ *e;

  ENTER(CONTEXT);
  (void)flags;
  e = calloc(1, sizeof(*e));
  if (!e)
    return FAKE_OUT_OF_MEMORY;
  keep(&e->handle, 'e');
  *event = e;
  return 0;
}

API int cuEventDestroy_v2(fcu_event event) {
  ENTER(CONTEXT);
  drop(&event->handle);
  return 0;
}

API int cuEventRecord(fcu_event event, fcu_stream stream) {
  ENTER(CONTEXT);
  event->stream = stream;
  event->pending = true;
  event->asked = 0;
  put(stream, OP_EVENT)->event = event;
  return 0;
}

API int cuEventQuery(fcu_event event) {
  ENTER(CONTEXT);
  if (!event->pending)
    return 0;
  if (fake.told.hang && has_launch(event->stream))
    return FAKE_NOT_READY;
  if (event->asked++ < fake.told.patience)
    return FAKE_NOT_READY;
  run_until(event->stream, event);
  return fake.sticky;
}

API int cuGetErrorName(int result, const char **name) {
  static char text[32];

  snprintf(text, sizeof(text), "FAKE_ERROR_%d", result);
  *name = text;
  return 0;
}

/* ---- launches ----------------------------------------------------------- */

API int cuLaunchKernel(fcu_function function, unsigned grid_x,
                       unsigned grid_y, unsigned grid_z, unsigned block_x,
                       unsigned block_y, unsigned block_z, unsigned shared,
                       fcu_stream stream, void **parameters, void **extra) {
  struct op *op;

  ENTER(CONTEXT);
  if (!function || extra || !parameters || grid_x == 0 || grid_y != 1 ||
      grid_z != 1 || block_x == 0 || block_x > FKN_THREADS_MOST ||
      block_y != 1 || block_z != 1 || shared > FKN_SHARED_MOST) {
    wrong(__func__, "shape");
    return FAKE_INVALID_VALUE;
  }
  op = put(stream, OP_LAUNCH);
  op->grid = grid_x;
  op->threads = block_x;
  op->shared = shared;
  memcpy(&op->launch, parameters[0], sizeof(op->launch));
  if (function->far != (op->launch.far != 0) ||
      (function->far && op->launch.far != block_x))
    wrong(__func__, "a launch of the other kind");
  fake.told.far_launches += function->far;
  op->fails = ++fake.told.launches == fake.told.fail_launch;
  return 0;
}
