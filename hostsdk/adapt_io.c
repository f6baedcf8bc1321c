/*
 * hostsdk/adapt_io.c - the callbacks of an adapted VM.
 *
 * What a callback is handed is the VM object's own struct fhost_io, the first
 * member of struct fhost_adapted. A VM whose callbacks carry nothing gets
 * functions made by libffi, which know whose they are.
 */
#include <assert.h>
#include <string.h>

#include "hostsdk/adapt_impl.h"

/* ---- values ------------------------------------------------------------- */

uint16_t fhost_name_find(const char (*names)[FISA_MAX_NAME], uint32_t count,
                         const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0)
      return (uint16_t)i;
  return FHOST_NO_NAME;
}

static uint16_t source_of(const struct fhost_adapted *c, const char *name) {
  if (name)
    return fhost_name_find(c->d->sources, c->d->source_count, name);
  return c->running ? c->running->row->source : FHOST_NO_NAME;
}

static uint16_t channel_of(const struct fhost_adapted *c, const char *name) {
  if (name)
    return fhost_name_find(c->d->channels, c->d->channel_count, name);
  return c->running ? c->running->row->channel : FHOST_NO_NAME;
}

static int32_t take(struct fhost_io *io, const char *source,
                    const int32_t *arg, unsigned argc) {
  struct fhost_adapted *c = (struct fhost_adapted *)io;
  uint16_t name = source_of(c, source);

  if (name == FHOST_NO_NAME || argc > FISA_MAX_ARGS || !c->out ||
      !c->out->input)
    return 0;
  return c->out->input(name, arg, argc, c->out->user);
}

/* Notes that a task ends behind the instruction, if it does. */
static void note(struct fhost_adapted *c, uint16_t channel) {
  c->gave |= c->boundary.kind == FISA_BOUNDARY_OUT &&
             c->boundary.channel == channel;
}

static void give(struct fhost_io *io, const char *channel,
                 const int32_t *arg, unsigned argc) {
  struct fhost_adapted *c = (struct fhost_adapted *)io;
  uint16_t name = channel_of(c, channel);

  if (name == FHOST_NO_NAME || argc > FISA_MAX_ARGS)
    return;
  note(c, name);
  if (c->out && c->out->output)
    c->out->output(name, arg, argc, c->out->user);
}

struct payload {
  const struct fhost_vm_io *out;
  uint16_t channel;
};

static int give_chunk(const int32_t *arg, unsigned argc, void *user) {
  const struct payload *p = user;

  p->out->output(p->channel, arg, argc, p->out->user);
  return 0;
}

static void give_payload(struct fhost_io *io, const char *channel,
                         const uint8_t *bytes, uint32_t size) {
  struct fhost_adapted *c = (struct fhost_adapted *)io;
  struct payload p = {c->out, channel_of(c, channel)};

  if (p.channel == FHOST_NO_NAME || size > UINT16_MAX || (!bytes && size > 0))
    return;
  note(c, p.channel);
  if (c->out && c->out->output)
    (void)fisa_payload_outputs(bytes, size, give_chunk, &p);
}

/* ---- functions of its own ----------------------------------------------- */

/* What a closure does when it is called. */
static void called(const flux_value *args, uint32_t count,
                   flux_value *result, void *user) {
  const struct fhost_hooked *h = user;
  int32_t arg[FHOST_MAX_NATIVE_ARGS];

  assert(count <= FHOST_MAX_NATIVE_ARGS);
  if (h->hook->handle) {
    h->hook->handle(&h->c->io, args, count, result);
    return;
  }
  for (uint32_t i = 0; i < count; i++)
    arg[i] = fhost_value_i32(&args[i]);
  if (h->hook->kind == FHOST_GIVES) {
    give(&h->c->io, h->hook->name, arg, count);
    return;
  }
  arg[0] = take(&h->c->io, h->hook->name, arg, count);
  if (result->type == 'f' || result->type == 'd')
    result->as.d = arg[0];
  else
    result->as.i = arg[0];
}

int fhost_io_make(struct fhost_adapted *c, struct fisa_error *err) {
  const struct fhost_adapter *a = c->a;

  c->io = (struct fhost_io){take, give, give_payload};
  for (uint32_t i = 0; i < a->hook_count; i++) {
    struct fhost_hooked *h = &c->hooked[i];

    h->c = c;
    h->hook = &a->hooks[i];
    if (fhost_closure_new(h->hook->types, called, h, &h->fn, err) != 0)
      return -1;
  }
  return 0;
}

void fhost_io_done(struct fhost_adapted *c) {
  for (uint32_t i = 0; i < FHOST_MAX_HOOKS; i++)
    fhost_closure_free(c->hooked[i].fn);
}

void fhost_io_install(struct fhost_adapted *c) {
  if (c->a->connect)
    c->a->connect(c->vm, &c->io);
  for (uint32_t i = 0; i < c->a->hook_count; i++) {
    const struct fhost_hooked *h = &c->hooked[i];
    void (*fn)(void) = fhost_closure_function(h->fn);

    if (h->hook->install)
      h->hook->install(c->vm, fn);
    else
      memcpy((char *)c->vm + h->hook->offset, &fn, sizeof fn);
  }
}
