/*
 * isa/semop.c - what the table of semantic ops says of each op.
 */
#include <assert.h>
#include <string.h>

#include "isa/dialect.h"

struct semop {
  const char *name;
  char use[5];  /* d a b c */
  uint8_t effect;
};

static const struct semop semops[] = {
#define SEMOP_ROW(ID, name, d, a, b, c, effect) \
  {name, #d #a #b #c, FISA_EFFECT_##effect},
  FLUX_SEMOPS(SEMOP_ROW)
#undef SEMOP_ROW
};

_Static_assert(sizeof semops / sizeof semops[0] == FLUX_OP_COUNT,
               "one entry an op");

const char *fisa_semop_name(unsigned op) {
  assert(op < FLUX_OP_COUNT);
  return semops[op].name;
}

int fisa_semop_by_name(const char *name, size_t length) {
  assert(name || length == 0);
  for (unsigned op = 0; op < FLUX_OP_COUNT; op++)
    if (strlen(semops[op].name) == length &&
        memcmp(semops[op].name, name, length) == 0)
      return (int)op;
  return -1;
}

char fisa_semop_use(unsigned op, unsigned operand) {
  assert(op < FLUX_OP_COUNT);
  assert(operand < 4);
  return semops[op].use[operand];
}

enum fisa_effect fisa_semop_effect(unsigned op) {
  assert(op < FLUX_OP_COUNT);
  return (enum fisa_effect)semops[op].effect;
}

bool fisa_step_acts(const struct fisa_step *s) {
  const struct fisa_ref *refs[4] = {&s->d, &s->a, &s->b, &s->c};
  enum fisa_effect effect = fisa_semop_effect(s->op);

  if (s->op == FLUX_OP_CHECK ||
      (effect != FISA_EFFECT_NONE && effect != FISA_EFFECT_LOAD &&
       effect != FISA_EFFECT_CYC))
    return true;
  for (unsigned i = 0; i < 4; i++) {
    char use = fisa_semop_use(s->op, i);
    if ((use == 'W' || use == 'M') && refs[i]->kind != FISA_REF_TEMP)
      return true;
  }
  return false;
}
