/*
 * hostsdk/adapt_check.c - what is wrong with an adapter, and what it leaves
 * out, in sentences.
 */
#include <assert.h>
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hostsdk/adapt_impl.h"
#include "hostsdk/ffi_types.h"

struct check {
  const struct fhost_adapter *a;
  const struct fisa_dialect *d;
  void (*say)(bool wrong, const char *text, void *user);
  void *user;
  unsigned wrong;
};

static void tell(struct check *k, bool wrong, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(struct check *k, bool wrong, const char *format, ...) {
  char text[240];
  va_list ap;

  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  k->wrong += wrong;
  if (k->say)
    k->say(wrong, text, k->user);
}

#define WRONG(...) tell(k, true, __VA_ARGS__)
#define MISSING(...) tell(k, false, __VA_ARGS__)

/* ---- the VM ------------------------------------------------------------- */

static bool is_integer(uint8_t type) {
  return type >= FHOST_I8 && type <= FHOST_U64;
}

static void check_number(struct check *k, const char *name,
                         const struct fhost_vm_number *n) {
  if (n->type && !is_integer(n->type))
    WRONG("%s is no integer", name);
}

static void check_vm(struct check *k) {
  const struct fhost_adapter *a = k->a;

  if (strcmp(a->dialect, k->d->name) != 0)
    WRONG("it is for dialect %.24s, not %s", a->dialect, k->d->name);
  if (a->size == 0 && !a->create)
    WRONG("it has neither a size nor a create function: there is no VM");
  if (a->size > 0 && a->create)
    WRONG("it has both a size and a create function");
  if (!a->step && !a->run)
    WRONG("it has neither step nor run: the VM cannot be run");
  if (a->step && a->run)
    WRONG("it has both step and run: leave one out");
  if (!a->pc.type)
    WRONG("it has no pc");
  check_number(k, "pc", &a->pc);
  check_number(k, "cycles", &a->cycles);
  check_number(k, "halted", &a->halted);
  check_number(k, "faulted", &a->faulted);
  check_number(k, "fault", &a->fault);
  if (!a->build_id || !*a->build_id)
    MISSING("it has no build id: nobody can tell when the VM changes");
  if (!a->cycles.type)
    MISSING("it has no cycles: they are counted by the table");
}

static void check_codes(struct check *k) {
  for (uint32_t i = 0; i < k->a->code_count; i++) {
    const struct fhost_vm_code *c = &k->a->codes[i];

    if (c->status < FHOST_RUNS || c->status > FISA_RUN_FUEL)
      WRONG("code %d: %d is no status", (int)c->code, (int)c->status);
    if (c->status == FISA_RUN_FAULT && c->fault == 0)
      WRONG("code %d: a fault has a number that is not 0", (int)c->code);
    for (uint32_t j = 0; j < i; j++)
      if (k->a->codes[j].code == c->code)
        WRONG("code %d is there twice", (int)c->code);
  }
}

/* ---- cells -------------------------------------------------------------- */

/* How many elements a file's cells are. */
static uint32_t wanted(const struct fisa_file *file,
                       const struct fhost_vm_field *f) {
  return f->type == FHOST_BYTES ? file->count * 4u : file->count;
}

/* Whether elements of a type hold what the cells hold. */
static bool holds(const struct fisa_file *file, uint8_t type) {
  size_t size = fhost_ctype_size(type);

  if (file->kind == FISA_FILE_FLAG || file->count == 1)
    return file->type == FISA_I32 ? is_integer(type) : size == 4;
  return size == 4 || (size == 8 && file->type == FISA_I32);
}

static void check_file(struct check *k, const struct fisa_file *file,
                       const struct fhost_vm_field *f) {
  bool flag = file->kind == FISA_FILE_FLAG;

  if (f->count != wanted(file, f))
    WRONG("field \"%s\" has %u elements, %s in the state list has %u",
          f->name, (unsigned)f->count, file->name,
          (unsigned)wanted(file, f));
  if (file->type == FISA_I32 && f->type == FHOST_F32)
    WRONG("field \"%s\" is a float; the state list has integers", f->name);
  else if (!holds(file, f->type))
    WRONG("field \"%s\": elements of this type do not hold the cells of %s",
          f->name, file->name);
  if (f->mask && (!flag || !is_integer(f->type)))
    WRONG("field \"%s\" has a mask and is no flag in an integer", f->name);
  if (f->flags & FHOST_BOTTOM_UP && file->kind != FISA_FILE_STACK)
    WRONG("field \"%s\" is no stack: it has no bottom", f->name);
  if (f->flags & FHOST_DEPTH &&
      (file->count != 1 || !fhost_index_of(k->d, file->first)))
    WRONG("field \"%s\" is no index of a stack: it has no depth", f->name);
}

/* ---- memory ------------------------------------------------------------- */

static void check_region(struct check *k, const struct fhost_vm_field *f) {
  bool bytes = f->type == FHOST_BYTES || f->type == FHOST_U8 ||
               f->type == FHOST_I8;
  bool words = f->type == FHOST_I32 || f->type == FHOST_U32;

  if (k->d->mem_size == 0)
    WRONG("it has memory, and dialect %s has none", k->d->name);
  else if (f->count == 0 || f->address >= k->d->mem_size ||
           f->count > FISA_MAX_MEM ||
           fhost_region_size(f) > k->d->mem_size - f->address)
    WRONG("memory of %u elements at %u does not lie in the %u bytes there "
          "are", (unsigned)f->count, (unsigned)f->address,
          (unsigned)k->d->mem_size);
  if (!bytes && !words)
    WRONG("memory at %u is neither bytes nor words of 32 bits",
          (unsigned)f->address);
  if (words && BYTE_ORDER != LITTLE_ENDIAN)
    WRONG("memory at %u: words are taken as they are on machines with "
          "little-endian ones only", (unsigned)f->address);
}

static void check_overlap(struct check *k, uint32_t i) {
  const struct fhost_vm_field *f = &k->a->fields[i];

  for (uint32_t j = 0; j < i; j++) {
    const struct fhost_vm_field *g = &k->a->fields[j];

    if (fhost_field_file(k->d, g) == FHOST_IS_MEM &&
        f->address < g->address + (uint64_t)fhost_region_size(g) &&
        g->address < f->address + (uint64_t)fhost_region_size(f))
      WRONG("memory at %u and memory at %u overlap", (unsigned)g->address,
            (unsigned)f->address);
  }
}

/* The first byte from `from` on that no field has. */
static uint32_t uncovered(const struct check *k, uint32_t from) {
  for (uint32_t i = 0; i < k->a->field_count; i++) {
    const struct fhost_vm_field *f = &k->a->fields[i];

    if (fhost_field_file(k->d, f) == FHOST_IS_MEM && from >= f->address &&
        from - f->address < fhost_region_size(f)) {
      from = f->address + fhost_region_size(f);
      i = UINT32_MAX; /* from the first again */
    }
  }
  return from;
}

/* ---- fields ------------------------------------------------------------- */

static void check_field(struct check *k, uint32_t i) {
  const struct fhost_vm_field *f = &k->a->fields[i];
  int file = fhost_field_file(k->d, f);

  if (file == FHOST_IS_NOTHING) {
    WRONG("field \"%.40s\" is not in the state list of dialect %s",
          f->name ? f->name : "", k->d->name);
    return;
  }
  if (f->type == FHOST_NOT_THERE || f->type > FHOST_BYTES)
    WRONG("field \"%s\" has no type", f->name);
  else if (file == FHOST_IS_MEM)
    check_region(k, f);
  else
    check_file(k, &k->d->files[file], f);
  if (f->where && (f->flags & FHOST_POINTER || f->offset))
    WRONG("field \"%s\" has both a function and an offset that tell where",
          f->name);
  if (file == FHOST_IS_MEM) {
    check_overlap(k, i);
    return;
  }
  for (uint32_t j = 0; j < i; j++)
    if (fhost_field_file(k->d, &k->a->fields[j]) == file)
      WRONG("field \"%s\" is there twice", f->name);
}

static void check_fields(struct check *k) {
  uint32_t regions = 0, shown = 0;

  for (uint32_t i = 0; i < k->a->field_count; i++) {
    int file = fhost_field_file(k->d, &k->a->fields[i]);

    check_field(k, i);
    regions += file == FHOST_IS_MEM;
    if (file >= 0)
      shown |= 1u << file;
  }
  if (regions > FHOST_MAX_REGIONS)
    WRONG("memory is in %u pieces; %d is the most", (unsigned)regions,
          FHOST_MAX_REGIONS);
  for (uint32_t f = 0; f < k->d->file_count; f++)
    if (!(shown >> f & 1))
      MISSING("it does not show %s: what rows do to it is not seen",
              k->d->files[f].name);
  if (k->wrong == 0 && uncovered(k, 0) < k->d->mem_size)
    MISSING("it does not show memory from %u on: what rows do to it is not "
            "seen", (unsigned)uncovered(k, 0));
}

/* ---- the outside -------------------------------------------------------- */

static void check_hook_name(struct check *k, const struct fhost_vm_hook *h) {
  const struct fisa_dialect *d = k->d;

  if (!h->name) {
    if (!k->a->step)
      WRONG("a hook names neither source nor channel, and without a step "
            "function nobody knows which row runs");
  } else if (h->kind == FHOST_TAKES &&
             fhost_name_find(d->sources, d->source_count, h->name) ==
                 FHOST_NO_NAME) {
    WRONG("dialect %s has no source \"%.40s\"", d->name, h->name);
  } else if (h->kind == FHOST_GIVES &&
             fhost_name_find(d->channels, d->channel_count, h->name) ==
                 FHOST_NO_NAME) {
    WRONG("dialect %s has no channel \"%.40s\"", d->name, h->name);
  }
}

static void check_hook(struct check *k, const struct fhost_vm_hook *h) {
  struct fhost_signature sig = {.symbol = ""};
  struct fisa_error why = {""};

  if (!h->types ||
      fhost_signature_parse_parts(h->types, 0, &sig, &why) != 0) {
    WRONG("the types of a hook: %s", h->types ? why.text : "there are none");
    return;
  }
  if (h->kind != FHOST_TAKES && h->kind != FHOST_GIVES)
    WRONG("hook %s neither takes nor gives", h->types);
  else if (!h->handle)
    check_hook_name(k, h);
  if (!h->handle && sig.argc > FISA_MAX_ARGS)
    WRONG("hook %s has more than %d arguments", h->types, FISA_MAX_ARGS);
  if (!h->handle && h->kind == FHOST_TAKES && sig.result == 'v')
    WRONG("hook %s takes a value and has no result", h->types);
}

static void check_outside(struct check *k) {
  bool takes = k->a->connect != NULL, gives = takes;

  if (k->a->hook_count > FHOST_MAX_HOOKS)
    WRONG("it has %u hooks; %d is the most", (unsigned)k->a->hook_count,
          FHOST_MAX_HOOKS);
  for (uint32_t i = 0; i < k->a->hook_count; i++) {
    check_hook(k, &k->a->hooks[i]);
    takes |= k->a->hooks[i].kind == FHOST_TAKES || k->a->hooks[i].handle;
    gives |= k->a->hooks[i].kind == FHOST_GIVES || k->a->hooks[i].handle;
  }
  if (!takes && k->d->source_count > 0)
    MISSING("it takes no values from outside");
  if (!gives && k->d->channel_count > 0)
    MISSING("it gives no outputs to the outside");
}

static void check_run(struct check *k) {
  if (k->a->step)
    return;
  MISSING("without a step function a task ends at HALT and nowhere else");
  MISSING("without a step function no instruction is counted, so that all "
          "code is as hot");
  MISSING("without a step function lethal inputs are not kept from the VM");
  MISSING("without a step function a store of what was there before is not "
          "seen");
  if (!fhost_filler(k->d))
    MISSING("without a step function, and a halt of one byte in dialect %s, "
            "there are no single steps", k->d->name);
}

unsigned fhost_adapter_check(const struct fhost_adapter *a,
                             const struct fisa_dialect *d,
                             void (*say)(bool wrong, const char *text,
                                         void *user),
                             void *user) {
  struct check k = {a, d, say, user, 0};

  assert(a && a->dialect && d);
  check_vm(&k);
  check_codes(&k);
  check_fields(&k);
  check_outside(&k);
  check_run(&k);
  return k.wrong;
}
