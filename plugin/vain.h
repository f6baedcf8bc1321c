/*
 * plugin/vain.h - what was looked for in vain, so that it is not again.
 *
 * Kinds that search for what does the same as some code ask that code again in
 * every round, most of it as it was. A key says all that such a search depends
 * on; where it found nothing, the key is noted, and the next search of that key
 * is none. So a memo changes no result, only how soon it comes. It forgets:
 * a newer key may take the place of an older one.
 *
 * Any number of threads at once. A key is 64 bits of a hash: two questions with
 * one key would cost a proposal, nothing else.
 */
#ifndef FLUX_PLUGIN_VAIN_H
#define FLUX_PLUGIN_VAIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <isa/program.h>
#include <isa/state.h>

#define FSE_VAIN_KEYS 8192u   /* kept; a power of two */

/* All zero: nothing was looked for. */
struct fse_vain {
  _Atomic uint64_t key[FSE_VAIN_KEYS];
  _Atomic uint64_t spared;    /* searches that were none */
};

/* NULL for v: there is no memo, nothing is known, nothing is kept. */
bool fse_vain_known(struct fse_vain *v, uint64_t key);
void fse_vain_note(struct fse_vain *v, uint64_t key);

/* A number of one and another, for keys of what is equal. */
static inline uint64_t fse_mix(uint64_t h, uint64_t v) {
  h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
  return h ^ h >> 29;
}
uint64_t fse_mix_bytes(uint64_t h, const void *bytes, size_t size);

/* Instructions of a program: rows, operands, and how far each branch goes. */
uint64_t fse_mix_rows(uint64_t h, const struct fisa_program *p,
                      const struct fisa_insn *in, uint32_t count);

/* The cells and the memory of a state. */
uint64_t fse_mix_state(uint64_t h, const struct fisa_state *s);

#endif /* FLUX_PLUGIN_VAIN_H */
