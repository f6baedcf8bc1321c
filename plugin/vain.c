/*
 * plugin/vain.c - what was looked for in vain, so that it is not again.
 */
#include "plugin/vain.h"

#include <string.h>

static _Atomic uint64_t *place(struct fse_vain *v, uint64_t key) {
  return &v->key[(key >> 32) % FSE_VAIN_KEYS];
}

/* 0 is no key: it stands where none was noted. */
static uint64_t not_zero(uint64_t key) { return key != 0 ? key : 1; }

bool fse_vain_known(struct fse_vain *v, uint64_t key) {
  key = not_zero(key);
  if (v == NULL ||
      atomic_load_explicit(place(v, key), memory_order_relaxed) != key)
    return false;
  atomic_fetch_add_explicit(&v->spared, 1, memory_order_relaxed);
  return true;
}

void fse_vain_note(struct fse_vain *v, uint64_t key) {
  key = not_zero(key);
  if (v != NULL)
    atomic_store_explicit(place(v, key), key, memory_order_relaxed);
}

/* The same number on every machine. */
static uint64_t word_of(const unsigned char p[8]) {
  uint64_t word = 0;
  for (unsigned i = 0; i < 8; i++) word |= (uint64_t)p[i] << 8 * i;
  return word;
}

uint64_t fse_mix_bytes(uint64_t h, const void *bytes, size_t size) {
  const unsigned char *p = bytes;
  for (; size >= 8; p += 8, size -= 8) h = fse_mix(h, word_of(p));
  if (size == 0) return h;
  unsigned char rest[8] = {0};
  memcpy(rest, p, size);
  return fse_mix(h, word_of(rest));
}

uint64_t fse_mix_rows(uint64_t h, const struct fisa_program *p,
                      const struct fisa_insn *in, uint32_t count) {
  for (; count > 0; in++, count--) {
    h = fse_mix(h, (uint64_t)(in->row - p->dialect->rows));
    h = fse_mix_bytes(h, in->value, sizeof in->value);
    h = fse_mix(h, in->target == FISA_NO_TARGET
                       ? 0
                       : (uint64_t)in->target - in->pc + 1);
  }
  return h;
}

uint64_t fse_mix_state(uint64_t h, const struct fisa_state *s) {
  h = fse_mix_bytes(h, s->cells, s->cell_count * sizeof s->cells[0]);
  for (uint32_t page = 0; page < s->mem_size / FISA_PAGE; page++)
    if (s->dirty[page / 64] >> page % 64 & 1) {
      h = fse_mix(h, page);
      h = fse_mix_bytes(h, s->mem + page * FISA_PAGE, FISA_PAGE);
    }
  return h;
}
