/*
 * gpu/cuda_open.c - which device, which image, and all that a device is
 * opened with.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda_impl.h"

enum {
  MEMORY_LEAST = 8 << 20,     /* of the device: below, it is left alone */
  BUFFER_LEAST = 64 << 10,    /* of a slot, in and out */
  BUFFER_MOST = 8 << 20,      /* some thousand programs */
  CC_LEAST = 75               /* what the images begin with */
};
#define MEMORY_MOST ((uint64_t)2 << 30)

/* ---- choosing ----------------------------------------------------------- */

static const struct fkn_image *images(const struct fcuda *c,
                                      uint32_t *count) {
  *count = c->options.images ? c->options.image_count : fkn_image_count;
  return c->options.images ? c->options.images : fkn_images;
}

/*
 * How well an image is made for a device; 0: it does not run there. The code
 * of a device runs on those of its major number that are no older; PTX text
 * is compiled by the driver of any that is no older.
 */
static unsigned fits(const struct fcuda *c, const struct fkn_image *image,
                     unsigned cc) {
  assert(image->cc > 0);
  if (image->cc > cc)
    return 0;
  if (image->ptx)
    return image->cc;
  if (c->options.ptx || image->cc / 10 != cc / 10)
    return 0;
  return 1000 + image->cc;
}

/* The best image for a device among those worse than `below`; NULL: none. */
static const struct fkn_image *next_image(const struct fcuda *c, unsigned cc,
                                          unsigned below) {
  const struct fkn_image *best = NULL;
  unsigned most = 0;
  uint32_t count;
  const struct fkn_image *all = images(c, &count);

  for (uint32_t i = 0; i < count; i++) {
    unsigned n = fits(c, &all[i], cc);

    if (n > most && n < below) {
      most = n;
      best = &all[i];
    }
  }
  return best;
}

static bool ask(const struct fcuda *c, int attribute, fcu_device device,
                int *value) {
  return c->driver.cuDeviceGetAttribute(value, attribute, device) ==
         FCU_SUCCESS;
}

/* What a device is, if it can be used. */
static bool look_at(const struct fcuda *c, int ordinal,
                    struct fcu_device_choice *out) {
  int major = 0, minor = 0, processors = 0, mode = 0;

  if (c->driver.cuDeviceGet(&out->device, ordinal) != FCU_SUCCESS ||
      !ask(c, FCU_DEVICE_MAJOR, out->device, &major) ||
      !ask(c, FCU_DEVICE_MINOR, out->device, &minor) ||
      !ask(c, FCU_DEVICE_PROCESSORS, out->device, &processors) ||
      !ask(c, FCU_DEVICE_COMPUTE_MODE, out->device, &mode) ||
      major < 1 || minor < 0 || processors < 1 ||
      mode == FCU_COMPUTE_PROHIBITED)
    return false;
  out->cc = (unsigned)(major * 10 + minor);
  out->processors = (uint32_t)processors;
  out->image = next_image(c, out->cc, UINT32_MAX);
  return out->image != NULL;
}

int fcu_choose(struct fcuda *c, struct fisa_error *why) {
  struct fcu_device_choice best = {.processors = 0}, d = {.processors = 0};
  uint32_t image_count;
  int count = 0, result = c->driver.cuDeviceGetCount(&count);
  char text[96];

  (void)images(c, &image_count);
  if (image_count == 0)
    return fisa_fail(why, "this build has no kernel for a device: there was "
                     "no nvcc");
  if (result != FCU_SUCCESS) {
    fcu_result_text(&c->driver, result, text, sizeof(text));
    return fisa_fail(why, "cuDeviceGetCount: %s", text);
  }
  /* The one with the most processors; of equals the first. */
  for (int i = 0; i < count; i++)
    if (look_at(c, i, &d) && d.processors > best.processors)
      best = d;
  if (best.processors == 0)
    return fisa_fail(why, "none of %d CUDA devices can be used: no image for "
                     "it (%u.%u is the oldest), or it is in no mode for that",
                     count, CC_LEAST / 10, CC_LEAST % 10);
  c->choice = best;
  return 0;
}

/* ---- opening ------------------------------------------------------------ */

/* Whether a result says that an image is not for this device and driver. */
static bool is_of_image(int result) {
  static const int of_image[] = {200, 209, 218, 221, 222, 223, 300};

  for (size_t i = 0; i < sizeof(of_image) / sizeof(of_image[0]); i++)
    if (result == of_image[i])
      return true;
  return false;
}

/* Loads the best image that the driver takes. */
static int load_image(struct fcuda *c, struct fcu_failure *f) {
  const struct fkn_image *image;
  unsigned below = UINT32_MAX;

  while ((image = next_image(c, c->choice.cc, below)) != NULL) {
    below = fits(c, image, c->choice.cc);
    c->choice.image = image;
    f->call = "cuModuleLoadData";
    f->result = c->driver.cuModuleLoadData(&c->s.module, image->data);
    if (f->result == FCU_SUCCESS) {
      FCU_TRY(c, f, cuModuleGetFunction, &c->s.kernel, c->s.module, FKN_NAME);
      FCU_TRY(c, f, cuModuleGetFunction, &c->s.far, c->s.module, FKN_NAME_FAR);
      return 0;
    }
    c->s.module = NULL;
    if (!is_of_image(f->result))
      break;
  }
  return -1;
}

static void write_about(struct fcuda *c) {
  struct fcu_device_choice *d = &c->choice;
  char name[48] = "";

  if (!c->driver.cuDeviceGetName ||
      c->driver.cuDeviceGetName(name, sizeof(name), d->device) != FCU_SUCCESS)
    strcpy(name, "a CUDA device");
  name[sizeof(name) - 1] = '\0';
  snprintf(d->about, sizeof(d->about), "%s (%u.%u), image %s_%u", name,
           d->cc / 10, d->cc % 10, d->image->ptx ? "compute" : "sm",
           d->image->cc);
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* One stretch of memory for all; less than wished for where others have it. */
static int take_memory(struct fcuda *c, struct fcu_failure *f) {
  uint64_t most = c->options.device_max ? c->options.device_max : MEMORY_MOST;
  size_t free_size = 0, total = 0;
  uint64_t size;

  FCU_TRY(c, f, cuMemGetInfo_v2, &free_size, &total);
  size = least(most, free_size / 2) / FCU_ALIGN * FCU_ALIGN;
  f->call = "cuMemAlloc_v2";
  f->result = 2; /* out of memory, as the driver would say */
  for (; size >= MEMORY_LEAST; size = size / 2 / FCU_ALIGN * FCU_ALIGN) {
    f->result = c->driver.cuMemAlloc_v2(&c->s.memory, size);
    if (f->result == FCU_SUCCESS) {
      c->s.arena.size = size;
      return 0;
    }
    c->s.memory = 0;
    if (f->result != 2)
      return -1;
  }
  return -1;
}

static int open_slot(struct fcuda *c, struct fcu_slot *slot,
                     struct fcu_failure *f) {
  struct fcu_session *s = &c->s;

  FCU_TRY(c, f, cuStreamCreate, &slot->stream, FCU_STREAM_NON_BLOCKING);
  FCU_TRY(c, f, cuEventCreate, &slot->done, 0);
  FCU_TRY(c, f, cuMemAllocHost_v2, (void **)&slot->in, s->in_size);
  FCU_TRY(c, f, cuMemAllocHost_v2, (void **)&slot->out, s->out_size);
  slot->in_at = fcu_arena_take(&s->arena, s->in_size);
  slot->out_at = fcu_arena_take(&s->arena, s->out_size);
  slot->scratch_at = fcu_arena_take(&s->arena, s->scratch_size);
  slot->part = calloc(FCU_JOBS_MOST, sizeof(*slot->part));
  slot->job = calloc(FCU_JOBS_MOST, sizeof(*slot->job));
  if (slot->part && slot->job && slot->in_at != FCU_NOWHERE &&
      slot->out_at != FCU_NOWHERE && slot->scratch_at != FCU_NOWHERE)
    return 0;
  f->call = NULL;
  return -1;
}

/* How the arena is divided: a quarter is scratch memory of each slot, little
 * is their buffers, the rest is for batches. */
static void divide(struct fcuda *c) {
  struct fcu_session *s = &c->s;
  uint64_t buffer = least(s->arena.size / 32,
                          c->options.host_max / (4 * FCU_SLOTS));

  if (buffer > BUFFER_MOST)
    buffer = BUFFER_MOST;
  if (buffer < BUFFER_LEAST)
    buffer = BUFFER_LEAST;
  s->in_size = s->out_size = (uint32_t)(buffer / FCU_ALIGN * FCU_ALIGN);
  s->scratch_size = s->arena.size / 4 / FCU_ALIGN * FCU_ALIGN;
}

int fcu_open(struct fcuda *c, struct fcu_failure *f) {
  struct fcu_session *s = &c->s;
  fcu_context mine;

  assert(!s->open);
  memset(s, 0, sizeof(*s));
  s->open = true;
  FCU_TRY(c, f, cuCtxCreate_v2, &s->context, FCU_CONTEXT_BLOCKING,
          c->choice.device);
  s->pushed = true;
  if (load_image(c, f) != 0 || take_memory(c, f) != 0)
    return -1;
  divide(c);
  for (uint32_t i = 0; i < FCU_SLOTS; i++)
    if (open_slot(c, &s->slot[i], f) != 0)
      return -1;
  s->batch_most = fcu_arena_room(&s->arena);
  write_about(c);
  FCU_TRY(c, f, cuCtxPopCurrent_v2, &mine);
  s->pushed = false;
  return 0;
}

/* ---- closing ------------------------------------------------------------ */

static void close_slot(struct fcuda *c, struct fcu_slot *slot, bool driver) {
  if (driver) {
    if (slot->done)
      c->driver.cuEventDestroy_v2(slot->done);
    if (slot->stream)
      c->driver.cuStreamDestroy_v2(slot->stream);
    if (slot->in)
      c->driver.cuMemFreeHost(slot->in);
    if (slot->out)
      c->driver.cuMemFreeHost(slot->out);
  }
  free(slot->part);
  free(slot->job);
}

void fcu_close(struct fcuda *c, bool driver) {
  struct fcu_session *s = &c->s;
  fcu_context mine;
  bool current;

  if (!s->open)
    return;
  current = driver && s->context &&
            (s->pushed ||
             c->driver.cuCtxPushCurrent_v2(s->context) == FCU_SUCCESS);
  for (uint32_t i = 0; i < FCU_SLOTS; i++)
    close_slot(c, &s->slot[i], current);
  if (current && s->memory)
    c->driver.cuMemFree_v2(s->memory);
  if (current)
    c->driver.cuCtxPopCurrent_v2(&mine);
  /* With it goes whatever could not be freed one by one. */
  if (driver && s->context)
    c->driver.cuCtxDestroy_v2(s->context);
  fcu_arena_done(&s->arena);
  memset(s, 0, sizeof(*s));
}
