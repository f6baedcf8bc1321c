/*
 * plugin/uses.h - the rules that a program owes something to.
 */
#ifndef FLUX_PLUGIN_USES_H
#define FLUX_PLUGIN_USES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FSE_RULE_NAME 32u  /* bytes: the hash of a rule */
#define FSE_USES_MAX 64u

struct fse_uses {
  uint32_t count;
  bool more;               /* than fit: it may be any */
  uint8_t name[FSE_USES_MAX][FSE_RULE_NAME];
};

/* Whether a rule is among those that are named. */
static inline bool fse_uses_names(const struct fse_uses *u,
                                  const uint8_t name[FSE_RULE_NAME]) {
  for (uint32_t i = 0; i < u->count; i++)
    if (memcmp(u->name[i], name, FSE_RULE_NAME) == 0) return true;
  return false;
}

/* Whether a rule is among them, as far as is known. */
static inline bool fse_uses_has(const struct fse_uses *u,
                                const uint8_t name[FSE_RULE_NAME]) {
  return u->more || fse_uses_names(u, name);
}

static inline void fse_uses_add(struct fse_uses *u,
                                const uint8_t name[FSE_RULE_NAME]) {
  if (fse_uses_names(u, name)) return;
  if (u->count == FSE_USES_MAX) u->more = true;
  else memcpy(u->name[u->count++], name, FSE_RULE_NAME);
}

static inline void fse_uses_add_all(struct fse_uses *u,
                                    const struct fse_uses *other) {
  for (uint32_t i = 0; i < other->count; i++) fse_uses_add(u, other->name[i]);
  u->more |= other->more;
}

#endif /* FLUX_PLUGIN_USES_H */
