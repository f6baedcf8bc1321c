/*
 * isa/relative.h - private: a child and its parent, side by side.
 */
#ifndef FLUX_ISA_RELATIVE_H
#define FLUX_ISA_RELATIVE_H

#include "isa/verify_impl.h"

/* An instruction by its content. */
struct fisa__key {
  uint32_t node;
  uint8_t opcode, status;
  int32_t value[FISA_MAX_OPERANDS];
};

struct fisa__keys {
  struct fisa__key *list;
  uint32_t count, room;
};

/* One of the two programs. */
struct fisa__side {
  struct fisa__flow flow;
  struct fisa__report report;
  struct fisa__keys risky;  /* may fault; by content */
  struct fisa__keys kept;   /* may not come or go; by content */
  struct fisa__keys strips; /* set the instruction counter; ascending pc */
  bool reads_cycles;
};

struct fisa_verify_scratch {
  struct fisa__side child, parent;
  /* The parent's side is kept for the next child. */
  const struct fisa_dialect *parent_dialect; /* NULL: nothing kept */
  uint8_t parent_hash[32];
  bool layout_frozen, count_frozen;
  char frozen_reason[96];
  struct fisa__ranges *ranges;
  bool ranges_tried;
  uint32_t *words; /* room for sensitive.c */
  uint32_t words_room;
};

void fisa__key_make(const struct fisa__node *n, uint32_t index,
                    struct fisa__key *k);
bool fisa__same_content(const struct fisa__node *a, const struct fisa__node *b);
int fisa__side_index(struct fisa__side *s);

/* Findings of verdict frozen. Returns 0, or -1: memory. */
int fisa__check_sensitive(struct fisa_verify_scratch *s);

#endif /* FLUX_ISA_RELATIVE_H */
