/*
 * test_view.c - the digest of trials against the comparison of states: what
 * fisa_observe_equal and fisa_observe_live call equal has one digest, and
 * what they tell apart has two.
 */
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/trial_impl.h"
#include "isa/asm.h"
#include "tests/isa_util.h"

enum { ROUNDS = 4000 };

static const char *const manifests[] = {
    " HALT\n",
    ".out R3\n HALT\n",
    ".out R3\n.out R5\n.out F2\n.out C9\n HALT\n",
    ".out Z\n.out stack\n HALT\n",
    ".out mem 0x1FE 5\n.out mem 0xFFF0 16\n HALT\n",
    ".scratch mem 0x100 300\n.scratch mem 0xFF00 256\n HALT\n",
    ".out none\n SYS 1\n HALT\n",
};

static void put(struct fisa_state *s, uint32_t at, uint8_t v) {
  s->mem[at] = v;
  s->dirty[at / FISA_PAGE / 64] |= UINT64_C(1) << at / FISA_PAGE % 64;
}

static uint32_t some_address(uint64_t *r) {
  static const uint32_t near[] = {0x1FC, 0x202, 0x0FE, 0x22A, 0xFEFE, 0xFFF0};

  if (isa_below(r, 3) == 0)
    return isa_below(r, 65536);
  return (near[isa_below(r, 6)] + isa_below(r, 4)) & 0xFFFF;
}

/* A small change, which may be none. */
static void change(uint64_t *r, struct fisa_state *s) {
  const struct fisa_dialect *d = isa_unified();
  uint32_t cell = isa_below(r, d->cell_count);
  uint32_t f = 0;

  switch (isa_below(r, 4)) {
  case 0:
    put(s, some_address(r), (uint8_t)isa_below(r, 3));
    break;
  case 1: /* another NaN is no other value */
    cell = d->files[1].first + isa_below(r, 4);
    s->cells[cell] = 0x7F800001 + (int32_t)isa_below(r, 5);
    break;
  case 2:
    cell = isa_below(r, 12);
    s->cells[cell] ^= (int32_t)isa_below(r, 2);
    break;
  default:
    while (f < d->file_count && !(cell >= d->files[f].first &&
                                  cell - d->files[f].first <
                                      d->files[f].count))
      f++;
    if (cell == d->sp_cell)
      s->cells[cell] = 256 - (int32_t)isa_below(r, 5);
    else
      s->cells[cell] ^= (int32_t)(1u << isa_below(r, 32));
    break;
  }
}

/* Two states with the same past and a little of their own. */
static void make_pair(uint64_t *r, const struct fisa_program *p,
                      struct fisa_state *a, struct fisa_state *b) {
  fisa_state_start(p, a);
  for (int i = 0; i < 8; i++)
    change(r, a);
  fisa_state_copy(b, a);
  for (uint32_t i = isa_below(r, 3); i > 0; i--)
    change(r, b);
}

static bool same_digest(const struct ftrial_view *v,
                        const struct fisa_state *a,
                        const struct fisa_state *b) {
  struct fisa_digest x = ftrial__view_digest(v, a);
  struct fisa_digest y = ftrial__view_digest(v, b);

  /* Both halves tell states apart, each by itself. */
  UNIT_EQ(x.w[0] == y.w[0], x.w[1] == y.w[1]);
  return x.w[0] == y.w[0];
}

static void fresh_starts(void) {
  struct fisa_state *a = fisa_state_new(isa_unified());
  struct fisa_state *b = fisa_state_new(isa_unified());
  uint64_t r = 5;

  CU_ASSERT_FATAL(a && b);
  for (size_t m = 0; m < sizeof(manifests) / sizeof(manifests[0]); m++) {
    struct fisa_program *p = isa_program(isa_unified(), manifests[m]);
    struct ftrial_view *v = ftrial__view_new(p, FTRIAL_FRESH, NULL);
    unsigned equal = 0, rounds = (unsigned)unit_scale(ROUNDS);
    CU_ASSERT_FATAL(p && v);
    for (unsigned i = 0; i < rounds; i++) {
      char what[96];
      bool same;
      make_pair(&r, p, a, b);
      same = fisa_observe_equal(p, a, b, what, sizeof(what));
      equal += same;
      if (!UNIT_TRUE(same_digest(v, a, b) == same, "%s: %s", manifests[m],
                     what))
        break;
    }
    UNIT_TRUE(equal > rounds / 10 && equal <= rounds, "%zu: %u equal", m,
              equal);
    ftrial__view_free(v);
    fisa_program_free(p);
  }
  fisa_state_free(a);
  fisa_state_free(b);
}

static void continuing(void) {
  struct fisa_program *p = isa_program(isa_unified(), manifests[5]);
  struct fisa_state *a = fisa_state_new(isa_unified());
  struct fisa_state *b = fisa_state_new(isa_unified());
  uint64_t r = 6;
  unsigned told = 0;

  CU_ASSERT_FATAL(p && a && b);
  for (unsigned k = 0; k < 40; k++) {
    struct fisa_set live = {{0}};
    struct ftrial_view *v;
    for (unsigned w = 0; w < 3; w++)
      live.w[w] = isa_random(&r) & isa_random(&r);
    v = ftrial__view_new(p, 7, &live);
    CU_ASSERT_FATAL(v != NULL);
    for (unsigned long i = 0; i < unit_scale(ROUNDS) / 10; i++) {
      char what[96], again[96];
      bool same;
      make_pair(&r, p, a, b);
      same = fisa_observe_live(p, &live, a, b, what, sizeof(what));
      UNIT_TRUE(same_digest(v, a, b) == same, "%s", what);
      if (same)
        continue;
      ftrial__view_tell(v, a, b, again, sizeof(again));
      UNIT_STR_EQ(again, what);
      told++;
    }
    ftrial__view_free(v);
  }
  UNIT_TRUE(told > 10, "%u told apart", told);
  fisa_state_free(a);
  fisa_state_free(b);
  fisa_program_free(p);
}

/* Stacks as deep as they go, and pages in another order of dirtying. */
static void corners(void) {
  struct fisa_program *p = isa_program(isa_unified(), ".out stack\n HALT\n");
  struct ftrial_view *v = ftrial__view_new(p, FTRIAL_FRESH, NULL);
  const struct fisa_dialect *d = isa_unified();
  struct fisa_state *a = fisa_state_new(d), *b = fisa_state_new(d);

  CU_ASSERT_FATAL(p && v && a && b);
  a->cells[d->sp_cell] = b->cells[d->sp_cell] = 0;
  UNIT_TRUE(same_digest(v, a, b), "full stacks of zeros");
  b->cells[d->files[d->stack_file].first] = 1;
  UNIT_TRUE(!same_digest(v, a, b), "the deepest cell");
  b->cells[d->sp_cell] = a->cells[d->sp_cell] = 1;
  UNIT_TRUE(same_digest(v, a, b), "which is dead now");
  b->cells[d->sp_cell] = 2;
  UNIT_TRUE(!same_digest(v, a, b), "another depth, zeros alone");
  b->cells[d->sp_cell] = INT32_MIN; /* from outside */
  (void)ftrial__view_digest(v, b);
  ftrial__view_free(v);
  ftrial__view_free(NULL);
  fisa_state_free(a);
  fisa_state_free(b);
  fisa_program_free(p);
}

static const struct unit_test tests[] = {
    {"digests", "fresh starts", fresh_starts},
    {"digests", "continuing", continuing},
    {"digests", "corners", corners},
};

UNIT_MAIN(tests)
