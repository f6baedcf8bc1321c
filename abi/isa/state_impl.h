/*
 * isa/state_impl.h - what reading and writing states as JSON share.
 */
#ifndef FLUX_ISA_STATE_IMPL_H
#define FLUX_ISA_STATE_IMPL_H

#include "isa/state.h"

/* A register file and the key it goes by. */
struct state_key {
  const char *name;  /* of the key */
  const char *file;  /* of the file in the state list */
  uint8_t type;      /* enum fisa_type: F32 values are strings */
};

/* Several files may go by one key, of which a dialect has one. */
#define STATE_KEYS 4
extern const struct state_key isa_state_keys[STATE_KEYS];

/* Index of the key's file, or -1: the dialect has none of that type. */
int isa_state_file(const struct fisa_dialect *d, const struct state_key *key);

/* The last of the keys of that name whose file the dialect has, or the first:
 * then the key is an empty list. */
const struct state_key *isa_state_key(const struct fisa_dialect *d,
				      const char *name);

/* A flag's key: its name in lower case. */
void isa_state_flag_name(const struct fisa_file *file, char out[FISA_MAX_NAME]);

#endif /* FLUX_ISA_STATE_IMPL_H */
