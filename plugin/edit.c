/*
 * plugin/edit.c - a program as a list that can be edited, and back.
 */
#include "plugin/edit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- making drafts ------------------------------------------------------ */

static int reserve(struct fse_draft *d, uint32_t nodes, uint32_t order) {
  if (nodes > d->capacity) {
    uint32_t n = nodes + nodes / 2 + 16;
    struct fse_node *p = realloc(d->nodes, n * sizeof *p);
    if (p == NULL) return -1;
    d->nodes = p;
    d->capacity = n;
  }
  if (order > d->order_capacity) {
    uint32_t n = order + order / 2 + 16;
    uint32_t *p = realloc(d->order, n * sizeof *p);
    if (p == NULL) return -1;
    d->order = p;
    d->order_capacity = n;
  }
  return 0;
}

uint32_t fse_draft_at(const struct fse_draft *d, uint32_t pc) {
  uint32_t lo = 0, hi = d->base_count;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (d->nodes[mid].insn.pc < pc) lo = mid + 1;
    else hi = mid;
  }
  return lo < d->base_count && d->nodes[lo].insn.pc == pc ? lo : FSE_NO_NODE;
}

/* One instruction of the parent as a node; -1 with err if malformed. */
static int node_make(struct fse_draft *d, const struct fisa_facts *f,
                     uint32_t i, struct fisa_error *err) {
  const struct fisa_program *p = d->parent;
  struct fse_node *n = &d->nodes[i];
  struct fisa_effects fx;
  uint32_t end;
  memset(n, 0, sizeof *n);
  if (fisa_decode(p->dialect, p->code, p->size, f->insn[i].pc, &n->insn) !=
      FISA_DECODED)
    return fisa_fail(err, "%u: malformed instruction", f->insn[i].pc);
  end = n->insn.pc + n->insn.length;
  if (i + 1 < f->count && f->insn[i + 1].pc < end + n->insn.row->filler &&
      !d->frozen)
    return fisa_fail(err, "%u: instructions overlap", f->insn[i + 1].pc);
  fisa_effects(p->dialect, &n->insn, &fx);
  n->pinned = fx.pinned;
  n->target = FSE_NO_NODE;
  n->fixed_target = FISA_NO_TARGET;
  n->lead = i;
  for (uint32_t k = 0; k < n->insn.row->filler; k++)
    if (end + k < p->size) n->filler[k] = p->code[end + k];
  return 0;
}

/* Targets as nodes, once all nodes are there. */
static void link_targets(struct fse_draft *d) {
  for (uint32_t i = 0; i < d->count; i++) {
    struct fse_node *n = &d->nodes[i];
    if (n->insn.target == FISA_NO_TARGET) continue;
    if (n->insn.target >= 0 && n->insn.target < d->parent->size)
      n->target = fse_draft_at(d, (uint32_t)n->insn.target);
    if (n->target == FSE_NO_NODE) n->fixed_target = n->insn.target;
  }
}

int fse_draft_make(const struct fisa_program *p, const struct fisa_facts *f,
                   struct fse_draft **out, struct fisa_error *err) {
  struct fse_draft *d = calloc(1, sizeof *d);
  assert(p != NULL && f != NULL && out != NULL);
  if (d == NULL || reserve(d, f->count, f->count) != 0) {
    fse_draft_free(d);
    return fisa_fail(err, "out of memory");
  }
  d->parent = p;
  d->frozen = f->layout_frozen;
  d->count = d->base_count = d->order_count = f->count;
  for (uint32_t i = 0; i < f->count; i++) {
    if (node_make(d, f, i, err) != 0) {
      fse_draft_free(d);
      return -1;
    }
    d->order[i] = i;
  }
  link_targets(d);
  d->entry = fse_draft_at(d, p->entry);
  d->boundary = p->manifest.boundary.kind == FISA_BOUNDARY_PC
                    ? fse_draft_at(d, p->manifest.boundary.pc)
                    : FSE_NO_NODE;
  if (d->entry == FSE_NO_NODE) {
    fse_draft_free(d);
    return fisa_fail(err, "%u: the entry is no instruction", p->entry);
  }
  *out = d;
  return 0;
}

int fse_draft_assign(struct fse_draft *dst, const struct fse_draft *src) {
  assert(dst != NULL && src != NULL);
  if (reserve(dst, src->count, src->order_count) != 0) return -1;
  dst->parent = src->parent;
  dst->count = src->count;
  dst->base_count = src->base_count;
  dst->entry = src->entry;
  dst->boundary = src->boundary;
  dst->frozen = src->frozen;
  dst->order_count = src->order_count;
  memcpy(dst->nodes, src->nodes, src->count * sizeof *src->nodes);
  memcpy(dst->order, src->order, src->order_count * sizeof *src->order);
  return 0;
}

struct fse_draft *fse_draft_copy(const struct fse_draft *d) {
  struct fse_draft *copy = calloc(1, sizeof *copy);
  if (copy != NULL && fse_draft_assign(copy, d) != 0) {
    fse_draft_free(copy);
    return NULL;
  }
  return copy;
}

void fse_draft_free(struct fse_draft *d) {
  if (d == NULL) return;
  free(d->nodes);
  free(d->order);
  free(d);
}

/* ---- editing ------------------------------------------------------------ */

static uint32_t order_of(const struct fse_draft *d, uint32_t node) {
  for (uint32_t i = 0; i < d->order_count; i++)
    if (d->order[i] == node) return i;
  return d->order_count;
}

uint32_t fse_draft_next(const struct fse_draft *d, uint32_t node) {
  for (uint32_t i = order_of(d, node) + 1; i < d->order_count; i++)
    if (!d->nodes[d->order[i]].dead) return d->order[i];
  return FSE_NO_NODE;
}

int fse_draft_remove(struct fse_draft *d, uint32_t node) {
  assert(node < d->count);
  if (d->nodes[node].pinned || d->frozen) return -1;
  d->nodes[node].dead = true;
  return 0;
}

/* Sets row, values and target; -1 if the row cannot stand there. */
static int node_set(struct fse_draft *d, struct fse_node *n,
                    const struct fisa_row *row,
                    const int32_t value[FISA_MAX_OPERANDS], uint32_t target) {
  if (row->payload || row->opaque || row->keep || row->sensitive ||
      row->filler > sizeof n->filler)
    return -1;
  if (d->frozen && row->length != n->insn.length) return -1;
  n->insn.row = row;
  n->insn.length = row->length;
  memcpy(n->insn.value, value, sizeof n->insn.value);
  n->target = target;
  n->fixed_target = FISA_NO_TARGET;
  n->insn.target = FISA_NO_TARGET;
  return 0;
}

int fse_draft_replace(struct fse_draft *d, uint32_t node,
                      const struct fisa_row *row,
                      const int32_t value[FISA_MAX_OPERANDS],
                      uint32_t target) {
  assert(node < d->count && row != NULL);
  if (d->nodes[node].pinned || d->nodes[node].dead) return -1;
  return node_set(d, &d->nodes[node], row, value, target);
}

/* A new node at place `at` of the list. */
static uint32_t node_new(struct fse_draft *d, uint32_t at,
                         const struct fisa_row *row,
                         const int32_t value[FISA_MAX_OPERANDS],
                         uint32_t target) {
  uint32_t fresh = d->count;
  assert(at <= d->order_count && row != NULL);
  if (d->frozen || reserve(d, d->count + 1, d->order_count + 1) != 0)
    return FSE_NO_NODE;
  struct fse_node *n = &d->nodes[fresh];
  memset(n, 0, sizeof *n);
  if (node_set(d, n, row, value, target) != 0) return FSE_NO_NODE;
  n->insn.pc = UINT32_MAX;
  n->lead = fresh;
  memmove(&d->order[at + 1], &d->order[at],
          (d->order_count - at) * sizeof *d->order);
  d->order[at] = fresh;
  d->order_count++;
  d->count++;
  return fresh;
}

uint32_t fse_draft_insert(struct fse_draft *d, uint32_t node, bool take_jumps,
                          const struct fisa_row *row,
                          const int32_t value[FISA_MAX_OPERANDS],
                          uint32_t target) {
  uint32_t at, fresh;
  assert(node < d->count);
  at = order_of(d, node);
  if (at == d->order_count) return FSE_NO_NODE;
  fresh = node_new(d, at, row, value, target);
  if (fresh != FSE_NO_NODE && take_jumps && d->nodes[node].lead == node)
    d->nodes[node].lead = fresh;
  return fresh;
}

uint32_t fse_draft_append(struct fse_draft *d, const struct fisa_row *row,
                          const int32_t value[FISA_MAX_OPERANDS],
                          uint32_t target) {
  return node_new(d, d->order_count, row, value, target);
}

/* ---- finishing ---------------------------------------------------------- */

/* Bytes the machine wants to see behind the last instructions, although they
 * are no part of them: as many as there were in the parent. */
static uint32_t room_behind(const struct fse_draft *d, const uint32_t *address,
                            uint32_t size) {
  for (uint32_t i = 0; i < d->base_count; i++) {
    const struct fse_node *n = &d->nodes[i];
    uint32_t want = n->insn.row->check;
    if (!n->dead && n->insn.pc + want <= d->parent->size &&
        address[i] + want > size)
      size = address[i] + want;
  }
  return size;
}

/* Addresses of all nodes; a dead one has that of the next alive. Returns the
 * size, or UINT32_MAX if control would run off a removed end. */
static uint32_t lay_out(const struct fse_draft *d, uint32_t *address) {
  uint32_t pc = 0;
  bool alive_after = false;
  for (uint32_t i = 0; i < d->order_count; i++) {
    const struct fse_node *n = &d->nodes[d->order[i]];
    address[d->order[i]] = pc;
    if (!n->dead) pc += n->insn.length + n->insn.row->filler;
  }
  for (uint32_t i = d->order_count; i-- > 0;) {
    if (!d->nodes[d->order[i]].dead) alive_after = true;
    else if (!alive_after) return UINT32_MAX;
  }
  return room_behind(d, address, pc);
}

/* Where a node's static target is in the child. */
static int64_t child_target(const struct fse_draft *d, const struct fse_node *n,
                            const uint32_t *address, uint32_t size) {
  if (n->target != FSE_NO_NODE) return address[d->nodes[n->target].lead];
  if (n->fixed_target == FISA_NO_TARGET) return FISA_NO_TARGET;
  /* Past the end stays past the end, where code grew over it too. */
  return n->fixed_target >= d->parent->size && n->fixed_target < size
             ? size
             : n->fixed_target;
}

static int encode_nodes(const struct fse_draft *d, const uint32_t *address,
                        uint8_t *code, uint32_t size, struct fisa_error *err) {
  for (uint32_t i = 0; i < d->count; i++) {
    const struct fse_node *n = &d->nodes[i];
    struct fisa_insn in = n->insn;
    uint8_t bytes[8] = {0};
    int length;
    if (n->dead) continue;
    if (n->insn.row->payload) {
      memcpy(code + address[i], d->parent->code + n->insn.pc, n->insn.length);
      continue;
    }
    in.pc = address[i];
    in.target = child_target(d, n, address, size);
    length = fisa_encode(&in, bytes);
    if (length < 0 || (uint32_t)length != n->insn.length)
      return fisa_fail(err, "%u: %s: an operand is out of reach", address[i],
                       n->insn.row->name);
    memcpy(code + address[i], bytes, (size_t)length);
    /* Frozen code has its fillers already, or ends without. */
    if (!d->frozen)
      memcpy(code + address[i] + length, n->filler, n->insn.row->filler);
  }
  return 0;
}

/* The parent's places, where jumps to them go in the child. */
static int map_places(const struct fse_draft *d, const uint32_t *address,
                      struct fse_child *out) {
  out->places = malloc((d->base_count + 1) * sizeof *out->places);
  if (out->places == NULL) return -1;
  out->place_count = d->base_count;
  for (uint32_t i = 0; i < d->base_count; i++)
    out->places[i] = (struct fse_place){d->nodes[i].insn.pc,
                                        address[d->nodes[i].lead]};
  return 0;
}

/* Frozen layout: every node at its address, all other bytes as they were. */
static void keep_addresses(const struct fse_draft *d, uint32_t *address,
                           uint8_t *code) {
  for (uint32_t i = 0; i < d->count; i++) address[i] = d->nodes[i].insn.pc;
  memcpy(code, d->parent->code, d->parent->size);
}

int fse_draft_finish(const struct fse_draft *d, uint32_t max_size,
                     struct fse_child *out, struct fisa_error *err) {
  uint32_t *address = malloc((d->count + 1) * sizeof *address);
  uint8_t *code = NULL;
  uint32_t size, boundary = 0;
  int rc = -1;
  memset(out, 0, sizeof *out);
  if (address == NULL) return fisa_fail(err, "out of memory");
  size = d->frozen ? d->parent->size : lay_out(d, address);
  if (size == UINT32_MAX) {
    fisa_fail(err, "control would run off the end");
    goto done;
  }
  if (size == 0 || size > max_size) {
    fisa_fail(err, "%u bytes, at most %u allowed", size, max_size);
    goto done;
  }
  code = calloc(1, size);
  if (code == NULL) goto memory;
  if (d->frozen) keep_addresses(d, address, code);
  if (encode_nodes(d, address, code, size, err) != 0) goto done;
  if (d->boundary != FSE_NO_NODE)
    boundary = address[d->nodes[d->boundary].lead];
  out->program = fisa_program_derive(
      d->parent, code, size, address[d->nodes[d->entry].lead], boundary);
  if (out->program == NULL || map_places(d, address, out) != 0) goto memory;
  out->address = address;
  address = NULL;
  rc = 0;
  goto done;
memory:
  fisa_fail(err, "out of memory");
  fse_child_done(out);
done:
  free(code);
  free(address);
  return rc;
}

void fse_child_done(struct fse_child *c) {
  fisa_program_free(c->program);
  free(c->places);
  free(c->address);
  memset(c, 0, sizeof *c);
}

uint32_t fse_child_place(const struct fse_child *c, uint32_t from_pc) {
  uint32_t lo = 0, hi = c->place_count;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (c->places[mid].from_pc < from_pc) lo = mid + 1;
    else hi = mid;
  }
  return lo < c->place_count && c->places[lo].from_pc == from_pc
             ? c->places[lo].to_pc
             : UINT32_MAX;
}

uint32_t fse_place_of(const struct fse_place *places, uint32_t count,
                      uint32_t pc) {
  uint32_t lo = 0, hi = count;
  while (lo < hi) {
    uint32_t mid = lo + (hi - lo) / 2;
    if (places[mid].from_pc < pc) lo = mid + 1;
    else hi = mid;
  }
  return lo < count && places[lo].from_pc == pc ? places[lo].to_pc
                                                : UINT32_MAX;
}
