/*
 * plugin/window_slots.h - words of memory that can be taken for cells.
 *
 * Where every access of a program to memory names its address as a constant,
 * each word that is only ever reached as a whole is a slot: a cell under
 * another name. Private slots are those that nothing but the program itself
 * looks at; of these is known where they are live. All others always are.
 */
#ifndef FLUX_PLUGIN_WINDOW_SLOTS_H
#define FLUX_PLUGIN_WINDOW_SLOTS_H

#include "plugin/lexicon.h"

#define FSE_SLOTS_MAX 64u

struct fse_slots {
  uint32_t count;
  uint32_t address[FSE_SLOTS_MAX];
  uint64_t private_mask;    /* a bit a slot */
  uint32_t insn_count;
  uint8_t *of;              /* [insn_count]: slot it reaches, or 255 */
  bool *stores;             /* [insn_count]: or loads it */
  uint64_t *live_in;        /* [insn_count]: slots live before it */
};

/* The slots of a program; none where an address is not known. NULL: memory. */
struct fse_slots *fse_slots_make(const struct fse_lexicon *l,
                                 const struct fisa_program *p,
                                 const struct fisa_facts *f);
void fse_slots_free(struct fse_slots *s);

/* Slots live behind instruction i, which goes on to the next. */
uint64_t fse_slots_behind(const struct fse_slots *s,
                          const struct fisa_facts *f, uint32_t i);

#endif /* FLUX_PLUGIN_WINDOW_SLOTS_H */
