/*
 * hostsdk/adapt_fields.c - the state between the codec's layout and the
 * members of a VM object.
 */
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/adapt_impl.h"

#define PAGES_A_WORD 64u

/* ---- numbers ------------------------------------------------------------ */

size_t fhost_ctype_size(uint8_t type) {
  switch (type) {
  case FHOST_I8: case FHOST_U8:
    return 1;
  case FHOST_I16: case FHOST_U16:
    return 2;
  case FHOST_I64: case FHOST_U64:
    return 8;
  default:
    return 4;
  }
}

/* A VM object may be packed: nothing is said of alignment. */
static int64_t get(const void *at, uint8_t type) {
  uint8_t u8;
  uint16_t u16;
  uint32_t u32;
  uint64_t u64;

  switch (type) {
  case FHOST_I8: memcpy(&u8, at, 1); return (int8_t)u8;
  case FHOST_U8: memcpy(&u8, at, 1); return u8;
  case FHOST_I16: memcpy(&u16, at, 2); return (int16_t)u16;
  case FHOST_U16: memcpy(&u16, at, 2); return u16;
  case FHOST_U32: memcpy(&u32, at, 4); return u32;
  case FHOST_I64:
  case FHOST_U64: memcpy(&u64, at, 8); return (int64_t)u64;
  case FHOST_BYTES: memcpy(&u32, at, 4); return (int32_t)le32toh(u32);
  default: memcpy(&u32, at, 4); return (int32_t)u32;
  }
}

static void put(void *at, uint8_t type, int64_t v) {
  uint8_t u8 = (uint8_t)v;
  uint16_t u16 = (uint16_t)v;
  uint32_t u32 = (uint32_t)v;

  switch (type) {
  case FHOST_I8: case FHOST_U8: memcpy(at, &u8, 1); break;
  case FHOST_I16: case FHOST_U16: memcpy(at, &u16, 2); break;
  case FHOST_I64: case FHOST_U64: memcpy(at, &v, 8); break;
  case FHOST_BYTES: u32 = htole32(u32); memcpy(at, &u32, 4); break;
  default: memcpy(at, &u32, 4); break;
  }
}

int64_t fhost_number_get(const void *vm, const struct fhost_vm_number *n) {
  return n->type ? get((const char *)vm + n->offset, n->type) : 0;
}

void fhost_number_put(void *vm, const struct fhost_vm_number *n, int64_t v) {
  if (n->type)
    put((char *)vm + n->offset, n->type, v);
}

/* ---- places ------------------------------------------------------------- */

uint32_t fhost_region_size(const struct fhost_vm_field *f) {
  return f->count * (uint32_t)(f->type == FHOST_BYTES
                                   ? 1 : fhost_ctype_size(f->type));
}

int fhost_field_file(const struct fisa_dialect *d,
                     const struct fhost_vm_field *f) {
  int file;

  if (!f->name || !*f->name)
    return FHOST_IS_NOTHING;
  if (strcmp(f->name, "mem") == 0)
    return FHOST_IS_MEM;
  file = fisa_file_by_name(d, f->name, strlen(f->name));
  return file < 0 ? FHOST_IS_NOTHING : file;
}

const struct fisa_file *fhost_index_of(const struct fisa_dialect *d,
                                       uint32_t cell) {
  if (d->stack_file < d->file_count && cell == d->sp_cell)
    return &d->files[d->stack_file];
  if (fisa_links_apart(d) && cell == d->calls_cell)
    return &d->files[d->calls_file];
  return NULL;
}

int fhost_places_make(struct fhost_adapted *c) {
  const struct fisa_dialect *d = c->d;

  c->file_of = calloc(d->cell_count + 1, 1);
  c->held = calloc(d->mem_size / FISA_PAGE / PAGES_A_WORD + 1,
                   sizeof *c->held);
  if (!c->file_of || !c->held)
    return -1;
  /* What a new VM object has in its memory is not known. */
  memset(c->held, 0xFF, (d->mem_size / FISA_PAGE / PAGES_A_WORD + 1) *
                            sizeof *c->held);
  for (uint32_t f = 0; f < d->file_count; f++)
    memset(c->file_of + d->files[f].first, (int)f, d->files[f].count);
  for (uint32_t i = 0; i < c->a->field_count; i++) {
    const struct fhost_vm_field *field = &c->a->fields[i];
    int file = fhost_field_file(d, field);

    if (file >= 0)
      c->files[file] = field;
    else if (file == FHOST_IS_MEM && c->region_count < FHOST_MAX_REGIONS)
      c->regions[c->region_count++] = field;
  }
  return 0;
}

/* The address of a field's elements now, or NULL: there are none. */
static char *elements(const struct fhost_adapted *c,
                      const struct fhost_vm_field *f) {
  char *at = (char *)c->vm + f->offset;

  if (f->where)
    return f->where(c->vm);
  if (f->flags & FHOST_POINTER)
    memcpy(&at, at, sizeof at);
  return at;
}

/* ---- cells -------------------------------------------------------------- */

static char *element(const struct fisa_file *file,
                     const struct fhost_vm_field *f, char *base,
                     uint32_t i) {
  assert(i < file->count);
  if (f->flags & FHOST_BOTTOM_UP && file->down)
    i = file->count - 1u - i;
  return base + i * fhost_ctype_size(f->type);
}

/* What a cell of the state list is, given what the member holds. */
static int32_t shown(const struct fhost_adapted *c,
                     const struct fisa_file *file,
                     const struct fhost_vm_field *f, int64_t v) {
  const struct fisa_file *stack;

  if (f->mask)
    return (v & f->mask) != 0;
  if (file->kind == FISA_FILE_FLAG)
    return v != 0;
  if (f->flags & FHOST_DEPTH) {
    stack = fhost_index_of(c->d, file->first);
    if (stack && stack->down)
      v = stack->count - v;
  }
  return (int32_t)(uint32_t)(uint64_t)v;
}

static int32_t canonical(const struct fisa_file *file, int32_t v) {
  return file->type == FISA_F32 ? fhost_canonical(v) : v;
}

static void show(const struct fhost_adapted *c, const struct fisa_file *file,
                 const struct fhost_vm_field *f, char *at, int32_t value) {
  const struct fisa_file *stack;
  int64_t v = value;

  if (f->mask) {
    v = get(at, f->type);
    v = value ? v | f->mask : v & ~(int64_t)f->mask;
  } else if (f->flags & FHOST_DEPTH) {
    stack = fhost_index_of(c->d, file->first);
    if (stack && stack->down)
      v = stack->count - v;
  }
  put(at, f->type, v);
}

int32_t fhost_cell_get(const struct fhost_adapted *c, uint32_t cell) {
  const struct fisa_file *file = &c->d->files[c->file_of[cell]];
  const struct fhost_vm_field *f = c->files[c->file_of[cell]];
  char *base = f ? elements(c, f) : NULL;

  if (!base)
    return c->s->cells[cell];
  return canonical(file, shown(c, file, f,
                               get(element(file, f, base,
                                           cell - file->first), f->type)));
}

void fhost_cell_put(struct fhost_adapted *c, uint32_t cell, int32_t value) {
  const struct fisa_file *file = &c->d->files[c->file_of[cell]];
  const struct fhost_vm_field *f = c->files[c->file_of[cell]];
  char *base = f ? elements(c, f) : NULL;

  c->s->cells[cell] = value;
  if (base)
    show(c, file, f, element(file, f, base, cell - file->first), value);
}

/* Whether the elements are the cells, byte for byte. */
static bool is_plain(const struct fisa_file *file,
                     const struct fhost_vm_field *f) {
  return (f->type == FHOST_I32 || f->type == FHOST_U32 ||
          f->type == FHOST_F32) &&
         f->mask == 0 && file->kind != FISA_FILE_FLAG &&
         !(f->flags & (FHOST_BOTTOM_UP | FHOST_DEPTH));
}

static void file_in(struct fhost_adapted *c, const struct fisa_file *file,
                    const struct fhost_vm_field *f) {
  const int32_t *cells = &c->s->cells[file->first];
  char *base = elements(c, f);

  if (!base)
    return;
  if (is_plain(file, f)) {
    memcpy(base, cells, file->count * sizeof *cells);
    return;
  }
  for (uint32_t i = 0; i < file->count; i++)
    show(c, file, f, element(file, f, base, i), cells[i]);
}

static void file_out(struct fhost_adapted *c, const struct fisa_file *file,
                     const struct fhost_vm_field *f) {
  int32_t *cells = &c->s->cells[file->first];
  char *base = elements(c, f);

  if (!base)
    return;
  if (is_plain(file, f))
    memcpy(cells, base, file->count * sizeof *cells);
  else
    for (uint32_t i = 0; i < file->count; i++)
      cells[i] = shown(c, file, f, get(element(file, f, base, i), f->type));
  for (uint32_t i = 0; file->type == FISA_F32 && i < file->count; i++)
    cells[i] = canonical(file, cells[i]);
}

/* ---- memory ------------------------------------------------------------- */

/* The VM's own bytes from an address on, and how many lie side by side; NULL
 * where it shows none. */
static char *bytes_at(const struct fhost_adapted *c, uint32_t address,
                      uint32_t *run) {
  *run = c->d->mem_size - address;
  for (uint32_t i = 0; i < c->region_count; i++) {
    const struct fhost_vm_field *f = c->regions[i];
    uint32_t size = fhost_region_size(f);
    char *base;

    if (address - f->address < size) {
      *run = size - (address - f->address);
      base = elements(c, f);
      return base ? base + (address - f->address) : NULL;
    }
    if (f->address > address && f->address - address < *run)
      *run = f->address - address; /* up to where it begins */
  }
  return NULL;
}

uint8_t fhost_byte_get(const struct fhost_adapted *c, uint32_t address) {
  uint32_t run;
  const char *at = bytes_at(c, address, &run);

  return at ? (uint8_t)*at : c->s->mem[address];
}

static void page_in(struct fhost_adapted *c, uint32_t page) {
  uint32_t at = page * FISA_PAGE, end = at + FISA_PAGE, run;

  for (; at < end; at += run) {
    char *to = bytes_at(c, at, &run);
    if (run > end - at)
      run = end - at;
    if (to)
      memcpy(to, c->s->mem + at, run);
  }
}

/* A page that is clean on both sides is zero on both. */
static void memory_in(struct fhost_adapted *c) {
  uint32_t pages = c->d->mem_size / FISA_PAGE;

  for (uint32_t w = 0; w * PAGES_A_WORD < pages; w++) {
    uint64_t bits = c->held[w] | c->s->dirty[w];

    for (; bits; bits &= bits - 1) {
      uint32_t page = w * PAGES_A_WORD + (uint32_t)__builtin_ctzll(bits);
      if (page < pages)
        page_in(c, page);
    }
    c->held[w] = c->s->dirty[w];
  }
}

void fhost_take_over(struct fhost_adapted *c, uint32_t first,
                     uint32_t count) {
  struct fisa_state *s = c->s;
  uint32_t mask = s->mem_size - 1, run;

  if (s->mem_size == 0)
    return;
  if (count > s->mem_size)
    count = s->mem_size;
  fisa_state_mark(s, first, count);
  while (count > 0) {
    uint32_t at = first & mask;
    const char *from = bytes_at(c, at, &run);
    if (run > count)
      run = count;
    if (from)
      memcpy(s->mem + at, from, run);
    first += run;
    count -= run;
  }
}

/* Bytes of one page or less that differ. */
static void sweep_run(struct fisa_state *s, uint32_t at, const char *from,
                      uint32_t n) {
  if (memcmp(s->mem + at, from, n) == 0)
    return;
  for (uint32_t i = 0; i < n; i++)
    if (s->mem[at + i] != (uint8_t)from[i]) {
      s->mem[at + i] = (uint8_t)from[i];
      fisa_state_mark(s, at + i, 1);
    }
}

void fhost_sweep_memory(struct fhost_adapted *c) {
  uint32_t run;

  for (uint32_t at = 0; at < c->d->mem_size; at += run) {
    const char *from = bytes_at(c, at, &run);
    for (uint32_t n = 0; from && n < run; n += FISA_PAGE)
      sweep_run(c->s, at + n, from + n,
                run - n < FISA_PAGE ? run - n : FISA_PAGE);
  }
}

/* ---- the whole ---------------------------------------------------------- */

void fhost_state_in(struct fhost_adapted *c) {
  assert(c->s && c->s->cell_count == c->d->cell_count);
  for (uint32_t f = 0; f < c->d->file_count; f++)
    if (c->files[f])
      file_in(c, &c->d->files[f], c->files[f]);
  memory_in(c);
  fhost_number_put(c->vm, &c->a->pc, (int32_t)c->s->pc);
  fhost_number_put(c->vm, &c->a->cycles, (int64_t)c->s->cycles);
  fhost_number_put(c->vm, &c->a->halted, 0);
  fhost_number_put(c->vm, &c->a->faulted, 0);
  fhost_number_put(c->vm, &c->a->fault, 0);
}

void fhost_state_out(struct fhost_adapted *c) {
  for (uint32_t f = 0; f < c->d->file_count; f++)
    if (c->files[f])
      file_out(c, &c->d->files[f], c->files[f]);
  for (uint32_t w = 0;
       w * PAGES_A_WORD < c->d->mem_size / FISA_PAGE; w++)
    c->held[w] |= c->s->dirty[w];
}
