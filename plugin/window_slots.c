/*
 * plugin/window_slots.c - words of memory that can be taken for cells.
 */
#include "plugin/window_slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_SLOT 255u

/* ---- which words -------------------------------------------------------- */

/* Where an instruction reaches memory. */
struct access {
  bool any;       /* it does */
  bool known;     /* one word or byte, at a constant address */
  bool store;
  uint32_t address, size;
};

static struct access access_of(const struct fse_lexicon *l,
                               const struct fisa_insn *in) {
  struct access a = {0};
  struct fisa_effects fx;
  struct fse_want w;
  fisa_effects(l->dialect, in, &fx);
  a.any = fx.mem_read || fx.mem_write;
  if (!a.any || fx.pinned || !fse_meaning(l, in, &w) || !w.a.constant ||
      !w.b.constant)
    return a;
  switch (w.op) {
    case FLUX_OP_LOAD32: a.size = 4; break;
    case FLUX_OP_LOAD8: a.size = 1; break;
    case FLUX_OP_STORE32: a.size = 4; a.store = true; break;
    case FLUX_OP_STORE8: a.size = 1; a.store = true; break;
    default: return a;
  }
  a.address = ((uint32_t)w.a.value + (uint32_t)w.b.value + (uint32_t)w.imm) &
              (l->dialect->mem_size - 1);
  a.known = a.address + a.size <= l->dialect->mem_size;
  return a;
}

static bool overlaps(const struct access *a, uint32_t address) {
  return a->address < address + 4 && address < a->address + a->size;
}

static uint8_t slot_at(const struct fse_slots *s, uint32_t address) {
  for (uint32_t k = 0; k < s->count; k++)
    if (s->address[k] == address) return (uint8_t)k;
  return NO_SLOT;
}

/* Collects the words; false: an access could be anywhere. */
static bool collect(struct fse_slots *s, const struct fse_lexicon *l,
                    const struct fisa_facts *f) {
  for (uint32_t i = 0; i < f->count; i++) {
    struct access a = access_of(l, &f->insn[i]);
    s->of[i] = NO_SLOT;
    if (!a.any) continue;
    if (!a.known) return false;
    if (a.size != 4) continue;
    s->of[i] = slot_at(s, a.address);
    s->stores[i] = a.store;
    if (s->of[i] != NO_SLOT || s->count == FSE_SLOTS_MAX) continue;
    s->of[i] = (uint8_t)s->count;
    s->address[s->count++] = a.address;
  }
  return true;
}

/* Words that are reached in parts, too, are none. */
static void drop_parts(struct fse_slots *s, const struct fse_lexicon *l,
                       const struct fisa_facts *f) {
  for (uint32_t i = 0; i < f->count; i++) {
    struct access a = access_of(l, &f->insn[i]);
    if (!a.any) continue;
    for (uint32_t k = 0; k < s->count; k++) {
      if (!overlaps(&a, s->address[k]) ||
          (a.size == 4 && a.address == s->address[k]))
        continue;
      for (uint32_t n = 0; n < f->count; n++)
        if (s->of[n] == k) s->of[n] = NO_SLOT;
    }
  }
}

/* ---- who looks at them -------------------------------------------------- */

static bool within(const struct fisa_cells *c, uint32_t count,
                   uint32_t address, bool whole) {
  for (uint32_t i = 0; i < count; i++) {
    if (c[i].kind != FISA_CELLS_MEM) continue;
    if (whole && address >= c[i].first &&
        address + 4 <= c[i].first + c[i].count)
      return true;
    if (!whole && address < c[i].first + c[i].count &&
        c[i].first < address + 4)
      return true;
  }
  return false;
}

/* Whether every task begins anew: nothing is carried over in memory. */
static bool begins_anew(const struct fisa_program *p,
                        const struct fisa_facts *f) {
  if (p->manifest.boundary.kind != FISA_BOUNDARY_DEFAULT) return false;
  for (uint32_t i = 0; i < f->count; i++)
    if (f->insn[i].row->roles & FISA_ROLE_YIELD) return false;
  return true;
}

static bool is_private(const struct fisa_program *p, uint32_t address,
                       bool anew) {
  const struct fisa_manifest *m = &p->manifest;
  if (within(m->out, m->out_count, address, false)) return false;
  if (within(m->scratch, m->scratch_count, address, true)) return true;
  return anew && (m->out_count > 0 || m->out_none);
}

/* ---- where they are live ------------------------------------------------ */

static uint64_t next_live(const struct fse_slots *s,
                          const struct fisa_facts *f, int64_t pc,
                          uint32_t size) {
  uint32_t i;
  if (pc < 0 || pc >= size) return ~s->private_mask;
  i = f->index[pc];
  return i == UINT32_MAX ? UINT64_MAX : s->live_in[i];
}

/* Slots live behind an instruction, wherever it goes. */
static uint64_t behind(const struct fse_slots *s, const struct fisa_facts *f,
                       const struct fisa_program *p, uint32_t i) {
  const struct fisa_insn *in = &f->insn[i];
  uint64_t live = ~s->private_mask;
  switch (in->row->flow) {
    case FISA_FLOW_HALT: case FISA_FLOW_TRAP:
      return live;
    case FISA_FLOW_RET: case FISA_FLOW_INDIRECT:
      return UINT64_MAX;
    case FISA_FLOW_JUMP_REL: case FISA_FLOW_JUMP_ABS:
      break;
    default:
      live |= next_live(s, f, (int64_t)in->pc + in->length + in->row->filler,
                        p->size);
      break;
  }
  if (in->row->flow == FISA_FLOW_NEXT) return live;
  if (in->target == FISA_NO_TARGET) return UINT64_MAX;
  return live | next_live(s, f, in->target, p->size);
}

/* A fixed point, backwards; a scratch word begins a task as anything. */
static void find_live(struct fse_slots *s, const struct fisa_facts *f,
                      const struct fisa_program *p, bool anew) {
  bool again = true;
  while (again) {
    again = false;
    for (uint32_t i = f->count; i-- > 0;) {
      uint64_t live = behind(s, f, p, i);
      uint64_t bit = s->of[i] == NO_SLOT ? 0 : UINT64_C(1) << s->of[i];
      /* What a task leaves in .scratch, the next may still read. */
      if (!anew && (f->insn[i].row->roles & FISA_ROLE_YIELD))
        live = UINT64_MAX;
      live = s->stores[i] ? live & ~bit : live | bit;
      if (live == s->live_in[i]) continue;
      s->live_in[i] = live;
      again = true;
    }
  }
}

/* ---- making ------------------------------------------------------------- */

struct fse_slots *fse_slots_make(const struct fse_lexicon *l,
                                 const struct fisa_program *p,
                                 const struct fisa_facts *f) {
  struct fse_slots *s = calloc(1, sizeof *s);
  bool anew;
  assert(l != NULL && p != NULL && f != NULL);
  if (s == NULL) return NULL;
  s->insn_count = f->count;
  s->of = malloc(f->count + 1);
  s->stores = calloc(f->count + 1, sizeof *s->stores);
  s->live_in = calloc(f->count + 1, sizeof *s->live_in);
  if (s->of == NULL || s->stores == NULL || s->live_in == NULL) {
    fse_slots_free(s);
    return NULL;
  }
  memset(s->of, (int)NO_SLOT, f->count + 1);
  if (!collect(s, l, f)) {
    memset(s->of, (int)NO_SLOT, f->count + 1);
    s->count = 0;
    return s;
  }
  drop_parts(s, l, f);
  anew = begins_anew(p, f);
  for (uint32_t k = 0; k < s->count; k++)
    if (is_private(p, s->address[k], anew)) s->private_mask |= UINT64_C(1) << k;
  find_live(s, f, p, anew);
  return s;
}

void fse_slots_free(struct fse_slots *s) {
  if (s == NULL) return;
  free(s->of);
  free(s->stores);
  free(s->live_in);
  free(s);
}

uint64_t fse_slots_behind(const struct fse_slots *s,
                          const struct fisa_facts *f, uint32_t i) {
  uint32_t next = f->insn[i].pc + f->insn[i].length;
  assert(i < s->insn_count);
  return f->index[next] == UINT32_MAX ? UINT64_MAX
                                      : s->live_in[f->index[next]];
}
