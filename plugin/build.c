/*
 * plugin/build.c - which build of the plugin this is, by its linker's note.
 */
#include "plugin/build.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "isa/program.h"

#define ID_MAX 64u

/* What the linker says of this library, or the program it is part of. */
struct id {
  uint32_t size;
  uint8_t bytes[ID_MAX];
};

static void read_notes(const uint8_t *at, size_t size, struct id *out) {
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) n;
    size_t name, all;
    memcpy(&n, at, sizeof n);
    name = sizeof n + ((size_t)n.n_namesz + 3) / 4 * 4;
    all = name + ((size_t)n.n_descsz + 3) / 4 * 4;
    if (all > size) return;
    if (n.n_type == NT_GNU_BUILD_ID && n.n_descsz <= ID_MAX) {
      out->size = n.n_descsz;
      memcpy(out->bytes, at + name, n.n_descsz);
      return;
    }
    at += all;
    size -= all;
  }
}

static int find_id(struct dl_phdr_info *info, size_t size, void *out) {
  static const char inside;
  bool ours = false;
  (void)size;
  for (unsigned i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    ours |= p->p_type == PT_LOAD &&
            (uintptr_t)&inside - info->dlpi_addr - p->p_vaddr < p->p_memsz;
  }
  for (unsigned i = 0; ours && i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type == PT_NOTE)
      read_notes((const uint8_t *)(info->dlpi_addr + p->p_vaddr), p->p_memsz,
                 out);
  }
  return ours;
}

bool fse_build_id(uint8_t out[32]) {
  struct id id = {.size = 0};
  dl_iterate_phdr(find_id, &id);
  fisa_sha256(id.bytes, id.size, out);
  return id.size > 0;
}
