/*
 * plugin/genome_child.c - children of genomes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/genome.h"

/* ---- children of one ---------------------------------------------------- */

/* Copies a gene's rows before node `at`, or to the end; jumps within it stay
 * within the copy. Returns 0, or -1: a row that may be there once only. */
static int copy_gene(struct fse_draft *d, const struct fse_gene *gene,
                     uint32_t at, bool take_jumps) {
  uint32_t *fresh = malloc((gene->count + 1) * sizeof *fresh);
  int rc = fresh == NULL ? -1 : 0;
  for (uint32_t k = 0; rc == 0 && k < gene->count; k++) {
    const struct fse_node n = d->nodes[gene->first + k];
    if (n.pinned || n.fixed_target != FISA_NO_TARGET)
      fresh[k] = FSE_NO_NODE;
    else if (at < d->base_count)
      fresh[k] = fse_draft_insert(d, at, take_jumps && k == 0, n.insn.row,
                                  n.insn.value, n.target);
    else
      fresh[k] = fse_draft_append(d, n.insn.row, n.insn.value, n.target);
    if (fresh[k] == FSE_NO_NODE) rc = -1;
    else
      memcpy(d->nodes[fresh[k]].filler, n.filler, sizeof n.filler);
  }
  for (uint32_t k = 0; rc == 0 && k < gene->count; k++) {
    uint32_t to = d->nodes[fresh[k]].target;
    if (to != FSE_NO_NODE && to >= gene->first &&
        to - gene->first < gene->count)
      d->nodes[fresh[k]].target = fresh[to - gene->first];
  }
  free(fresh);
  return rc;
}

static int remove_gene(struct fse_draft *d, const struct fse_gene *gene) {
  for (uint32_t k = 0; k < gene->count; k++)
    if (fse_draft_remove(d, gene->first + k) != 0) return -1;
  return 0;
}

/* Edits a draft of the normal form. 0 or -1. */
static int mutate(const struct fse_genome *g, enum fse_how how, uint64_t r,
                  struct fse_draft *d) {
  const struct fse_gene *gene = &g->genes[r % g->count];
  const struct fse_gene *other = &g->genes[(r >> 32) % g->count];
  switch (how) {
    case FSE_SUBSTITUTE:
      /* One that lies within the other has no place to go to. */
      if (other == gene || (other->first < gene->first + gene->count &&
                            gene->first < other->first + other->count))
        return -1;
      return copy_gene(d, other, gene->first, true) != 0
                 ? -1
                 : remove_gene(d, gene);
    case FSE_AMPLIFY:
      /* Behind itself: whoever jumps into what follows passes it by. */
      return copy_gene(d, gene, gene->first + gene->count, false);
    default:
      return remove_gene(d, gene);
  }
}

/* Lays a draft out and verifies it against its parent. */
static int child_of(const struct fse_draft *d,
                    const struct fisa_program *parent,
                    struct fisa_verify_scratch *scratch,
                    struct fisa_program **out, struct fisa_error *err) {
  struct fse_child c = {0};
  struct fisa_finding finding;
  int n;
  if (fse_draft_finish(d, FISA_MAX_CODE, &c, err) != 0) return -1;
  n = fisa_verify_child(c.program, parent, scratch, &finding, 1);
  if (n > 0)
    fisa_fail(err, "%u: %s", finding.pc, finding.text);
  else if (n < 0)
    fisa_fail(err, "out of memory");
  else if (memcmp(c.program->hash, parent->hash, 32) == 0)
    n = fisa_fail(err, "the child is its parent");
  if (n == 0) {
    *out = c.program;
    c.program = NULL;
  }
  fse_child_done(&c);
  return n == 0 ? 0 : -1;
}

int fse_genome_mutate(const struct fse_genome *g, enum fse_how how, uint64_t r,
                      struct fisa_verify_scratch *scratch,
                      struct fisa_program **out, struct fisa_error *err) {
  struct fse_draft *d;
  int rc;
  assert(how < FSE_HOW_COUNT);
  if (g->draft == NULL || g->draft->frozen || g->count == 0)
    return fisa_fail(err, "the program cannot be edited");
  d = fse_draft_copy(g->draft);
  if (d == NULL) return fisa_fail(err, "out of memory");
  if (mutate(g, how, r, d) != 0)
    rc = fisa_fail(err, "the gene has rows that stay as they are");
  else
    rc = child_of(d, g->program, scratch, out, err);
  fse_draft_free(d);
  return rc;
}

/* ---- children of two ---------------------------------------------------- */

/* What stands between two parents. */
struct crossing {
  const struct fse_mate *a, *b;
  uint32_t cut_a, cut_b;   /* instructions: from here on it is b */
  uint32_t *fresh;         /* node of each instruction of b from the cut on */
};

/* The place of the root that an address of a mate is: the last of those that
 * lead there, since the others' rows are gone. UINT32_MAX: none. */
static uint32_t place_in_root(const struct fse_mate *m, uint32_t pc) {
  uint32_t found = UINT32_MAX;
  for (uint32_t i = 0; i < m->place_count; i++)
    if (m->places[i].to_pc == pc) found = m->places[i].from_pc;
  return found;
}

/* The instruction of mate `to` that stands where `pc` of mate `from` does, or
 * UINT32_MAX. */
static uint32_t counterpart(const struct fse_mate *from, uint32_t pc,
                            const struct fse_mate *to) {
  uint32_t root = place_in_root(from, pc), there;
  if (root == UINT32_MAX) return UINT32_MAX;
  there = fse_place_of(to->places, to->place_count, root);
  return there < to->program->size ? to->facts->index[there] : UINT32_MAX;
}

/* The rows of b from the cut on, behind all of a. Targets come later. */
static int bring(struct crossing *x, const struct fse_draft *from,
                 struct fse_draft *d) {
  for (uint32_t j = x->cut_b; j < x->b->facts->count; j++) {
    const struct fse_node *n = &from->nodes[j];
    uint32_t node = n->pinned ? FSE_NO_NODE
                              : fse_draft_append(d, n->insn.row,
                                                 n->insn.value, FSE_NO_NODE);
    if (node == FSE_NO_NODE) return -1;
    memcpy(d->nodes[node].filler, n->filler, sizeof n->filler);
    d->nodes[node].fixed_target = n->fixed_target;
    x->fresh[j - x->cut_b] = node;
  }
  return 0;
}

/* Where a jump of b goes: within what was brought, or to where a stands for
 * it. */
static int link_brought(const struct crossing *x,
                        const struct fse_draft *from, struct fse_draft *d) {
  for (uint32_t j = x->cut_b; j < x->b->facts->count; j++) {
    uint32_t t = from->nodes[j].target, to;
    if (t == FSE_NO_NODE) continue;
    if (t >= x->cut_b) {
      to = x->fresh[t - x->cut_b];
    } else {
      to = counterpart(x->b, x->b->facts->insn[t].pc, x->a);
      if (to == UINT32_MAX || to >= x->cut_a || d->nodes[to].dead) return -1;
    }
    d->nodes[x->fresh[j - x->cut_b]].target = to;
  }
  return 0;
}

/* Whether something needs to know what stands for node i of a. */
static bool wanted(const struct crossing *x, const struct fse_draft *d,
                   uint32_t i) {
  bool any = d->entry == i || d->boundary == i ||
             place_in_root(x->a, x->a->facts->insn[i].pc) != UINT32_MAX;
  for (uint32_t k = 0; k < x->cut_a && !any; k++)
    any = !d->nodes[k].dead && d->nodes[k].target == i;
  return any;
}

/* Whoever went to a row of a behind the cut goes to b's in its place. */
static int link_kept(const struct crossing *x, struct fse_draft *d) {
  for (uint32_t i = x->cut_a; i < x->a->facts->count; i++) {
    uint32_t to = counterpart(x->a, x->a->facts->insn[i].pc, x->b);
    if (to != UINT32_MAX && to >= x->cut_b)
      d->nodes[i].lead = x->fresh[to - x->cut_b];
    else if (wanted(x, d, i))
      return -1;
  }
  return 0;
}

/* The rows of a from the cut on give way to those of b. */
static int cross(struct crossing *x, const struct fse_draft *from,
                 struct fse_draft *d) {
  for (uint32_t i = x->cut_a; i < x->a->facts->count; i++)
    if (fse_draft_remove(d, i) != 0) return -1;
  return bring(x, from, d) != 0 || link_brought(x, from, d) != 0 ||
                 link_kept(x, d) != 0
             ? -1
             : 0;
}

int fse_breed(const struct fse_mate *a, const struct fse_mate *b, uint32_t cut,
              struct fse_draft *d) {
  uint32_t pa = fse_place_of(a->places, a->place_count, cut);
  uint32_t pb = fse_place_of(b->places, b->place_count, cut);
  struct crossing x = {.a = a, .b = b};
  struct fse_draft *from = NULL;
  int rc = -1;
  if (pa >= a->program->size || pb >= b->program->size || d->frozen)
    return -1;
  x.cut_a = a->facts->index[pa];
  x.cut_b = b->facts->index[pb];
  if (x.cut_a == UINT32_MAX || x.cut_b == UINT32_MAX || x.cut_a == 0 ||
      fse_draft_make(b->program, b->facts, &from, NULL) != 0)
    return -1;
  x.fresh = malloc(b->facts->count * sizeof *x.fresh);
  if (x.fresh != NULL && !from->frozen) rc = cross(&x, from, d);
  free(x.fresh);
  fse_draft_free(from);
  return rc;
}

uint32_t fse_breed_cut(const struct fse_mate *a, const struct fse_mate *b,
                       uint64_t r) {
  uint32_t first = a->place_count > 0 ? (uint32_t)(r % a->place_count) : 0;
  for (uint32_t n = 0; n < a->place_count; n++) {
    const struct fse_place *p = &a->places[(first + n) % a->place_count];
    uint32_t pb = fse_place_of(b->places, b->place_count, p->from_pc);
    if (p->to_pc < a->program->size && pb < b->program->size &&
        a->facts->index[p->to_pc] != UINT32_MAX &&
        a->facts->index[p->to_pc] > 0 &&
        b->facts->index[pb] != UINT32_MAX)
      return p->from_pc;
  }
  return UINT32_MAX;
}

int fse_breed_child(const struct fisa_program *root, const struct fse_mate *a,
                    const struct fse_mate *b, uint64_t r,
                    struct fisa_verify_scratch *scratch,
                    struct fisa_program **out, struct fisa_error *err) {
  uint32_t cut = fse_breed_cut(a, b, r);
  struct fisa_program *child = NULL;
  struct fse_draft *d = NULL;
  int rc = -1;
  if (cut == UINT32_MAX)
    return fisa_fail(err, "the parents have no place in common");
  if (fse_draft_make(a->program, a->facts, &d, err) != 0) return -1;
  if (d->frozen)
    fisa_fail(err, "the parents cannot be edited");
  else if (fse_breed(a, b, cut, d) != 0)
    fisa_fail(err, "%u: the parents cannot be joined there", cut);
  else
    rc = child_of(d, root, scratch, &child, err);
  if (rc == 0 && (memcmp(child->hash, a->program->hash, 32) == 0 ||
                  memcmp(child->hash, b->program->hash, 32) == 0)) {
    rc = fisa_fail(err, "the child is one of its parents");
    fisa_program_free(child);
  } else if (rc == 0) {
    *out = child;
  }
  fse_draft_free(d);
  return rc;
}
