/*
 * isa/relative.c - is a child as sound as its parent?
 *
 * What the parent already does is allowed if it is unchanged. On top of the
 * findings of the child by itself there are two rules: an instruction that
 * can end in a fault must have been there, with the same operands, as often
 * as now; and what counts or places instructions must still count and place
 * the same (sensitive.c).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/relative.h"

/* ---- instructions by content -------------------------------------------- */

/* Ignores the bytes the machine ignores, and static targets: those follow
 * the code when it moves. */
void fisa__key_make(const struct fisa__node *n, uint32_t index,
                    struct fisa__key *k) {
  const struct fisa_row *row = n->insn.row;

  assert(row && row->operand_count <= FISA_MAX_OPERANDS);
  memset(k, 0, sizeof(*k));
  k->node = index;
  k->opcode = row->opcode;
  k->status = n->status;
  for (unsigned i = 0; i < row->operand_count; i++) {
    if (row->operands[i].kind == FISA_OPERAND_UNUSED)
      continue;
    if (i == row->target && n->insn.target != FISA_NO_TARGET)
      continue;
    k->value[i] = n->insn.value[i];
  }
}

static int compare_content(const struct fisa__key *a,
                           const struct fisa__key *b) {
  if (a->opcode != b->opcode)
    return a->opcode < b->opcode ? -1 : 1;
  if (a->status != b->status)
    return a->status < b->status ? -1 : 1;
  for (int i = 0; i < FISA_MAX_OPERANDS; i++)
    if (a->value[i] != b->value[i])
      return a->value[i] < b->value[i] ? -1 : 1;
  return 0;
}

bool fisa__same_content(const struct fisa__node *a,
                        const struct fisa__node *b) {
  struct fisa__key ka, kb;

  fisa__key_make(a, 0, &ka);
  fisa__key_make(b, 0, &kb);
  return compare_content(&ka, &kb) == 0;
}

static int compare_keys(const void *pa, const void *pb) {
  const struct fisa__key *a = pa, *b = pb;
  int c = compare_content(a, b);

  return c != 0 ? c : a->node < b->node ? -1 : a->node > b->node;
}

static int add_key(struct fisa__keys *keys, const struct fisa__node *n,
                   uint32_t index) {
  if (fisa__room(&keys->list, &keys->room, keys->count + 1,
                 sizeof(*keys->list)))
    return -1;
  fisa__key_make(n, index, &keys->list[keys->count++]);
  return 0;
}

/* Collects what is matched between the two: rows that may fault, rows to be
 * kept, and rows that set the instruction counter. */
int fisa__side_index(struct fisa__side *s) {
  struct fisa__flow *g = &s->flow;

  s->risky.count = s->kept.count = s->strips.count = 0;
  s->reads_cycles = false;
  for (uint32_t i = 0; i < g->count; i++) {
    const struct fisa__node *n = &g->node[i];
    unsigned flags;
    if (n->status != FISA_DECODED)
      continue; /* a finding by itself */
    flags = n->row;
    if (flags & FISA__ROW_CYCLE)
      s->reads_cycles = true;
    if ((flags & FISA__ROW_STRIP) && add_key(&s->strips, n, i) != 0)
      return -1;
    if ((flags & FISA__ROW_KEEP) && add_key(&s->kept, n, i) != 0)
      return -1;
    if (fisa__may_fault(g, i, NULL) && add_key(&s->risky, n, i) != 0)
      return -1;
  }
  if (s->risky.count > 1)
    qsort(s->risky.list, s->risky.count, sizeof(*s->risky.list), compare_keys);
  if (s->kept.count > 1)
    qsort(s->kept.list, s->kept.count, sizeof(*s->kept.list), compare_keys);
  return 0;
}

/* Number of keys equal to list[from], from there on. */
static uint32_t run_of(const struct fisa__keys *keys, uint32_t from) {
  uint32_t n = 1;

  assert(from < keys->count);
  while (from + n < keys->count &&
         compare_content(&keys->list[from], &keys->list[from + n]) == 0)
    n++;
  return n;
}

/* How many keys of a sorted list equal k; *at moves up to them. */
static uint32_t matches(const struct fisa__keys *keys, uint32_t *at,
                        const struct fisa__key *k) {
  while (*at < keys->count && compare_content(&keys->list[*at], k) < 0)
    ++*at;
  if (*at == keys->count || compare_content(&keys->list[*at], k) != 0)
    return 0;
  return run_of(keys, *at);
}

/* ---- lethal inputs ------------------------------------------------------ */

/*
 * More instructions of one content than the parent has: as many as can be
 * shown to be harmless may stay. Value intervals are made on first need.
 */
static void check_excess(struct fisa_verify_scratch *s, uint32_t from,
                         uint32_t have, uint32_t allowed) {
  const struct fisa__key *keys = &s->child.risky.list[from];
  struct fisa__flow *g = &s->child.flow;

  assert(have > allowed);
  if (!s->ranges && !s->ranges_tried) {
    s->ranges = fisa__ranges_make(g);
    s->ranges_tried = true;
  }
  for (uint32_t i = 0; i < have; i++) {
    const struct fisa__node *n = &g->node[keys[i].node];
    if (s->ranges && !fisa__may_fault(g, keys[i].node, s->ranges))
      continue;
    if (allowed > 0) {
      allowed--;
      continue;
    }
    fisa__found(&s->child.report, n->insn.pc, FISA_BAD_LETHAL,
                "%s may end in a fault that the parent cannot have",
                n->insn.row->name);
  }
}

static void check_lethal(struct fisa_verify_scratch *s) {
  const struct fisa__keys *mine = &s->child.risky;
  uint32_t at = 0, have;

  for (uint32_t i = 0; i < mine->count; i += have) {
    uint32_t allowed = matches(&s->parent.risky, &at, &mine->list[i]);
    have = run_of(mine, i);
    if (have > allowed)
      check_excess(s, i, have, allowed);
  }
  fisa__ranges_free(s->ranges);
  s->ranges = NULL;
  s->ranges_tried = false;
}

/* Rows to be kept: the same ones, as often. */
static void check_kept(struct fisa_verify_scratch *s) {
  const struct fisa__keys *a = &s->parent.kept, *b = &s->child.kept;
  uint32_t i = 0;

  while (i < a->count && i < b->count &&
         compare_content(&a->list[i], &b->list[i]) == 0)
    i++;
  if (i == a->count && i == b->count)
    return;
  if (i < b->count) {
    const struct fisa__node *n = &s->child.flow.node[b->list[i].node];
    fisa__found(&s->child.report, n->insn.pc, FISA_BAD_FROZEN,
                "%s must be kept as often as the parent has it",
                n->insn.row->name);
  } else {
    const struct fisa__node *n = &s->parent.flow.node[a->list[i].node];
    fisa__found(&s->child.report, s->child.flow.p->entry, FISA_BAD_FROZEN,
                "%s, at %u in the parent, is missing", n->insn.row->name,
                n->insn.pc);
  }
}

/* ---- findings that the parent has, too ---------------------------------- */

static const struct fisa__node *node_at(const struct fisa__flow *g,
                                        uint32_t pc) {
  if (g->count == 0 || pc >= g->p->size || g->index[pc] == FISA__NONE)
    return NULL;
  return &g->node[g->index[pc]];
}

static bool unchanged(const struct fisa_verify_scratch *s,
                      const struct fisa_finding *child,
                      const struct fisa_finding *parent) {
  const struct fisa__node *a = node_at(&s->child.flow, child->pc);
  const struct fisa__node *b = node_at(&s->parent.flow, parent->pc);

  if (child->verdict != parent->verdict)
    return false;
  switch (child->verdict) {
  case FISA_BAD_EMPTY:
  case FISA_BAD_SIZE:
    return false;
  case FISA_BAD_BOUNDARY:
  case FISA_BAD_OBSERVABLE:
    return true;
  default:
    break;
  }
  if (!a || !b)
    return !a && !b && child->pc == parent->pc;
  if (!fisa__same_content(a, b))
    return false;
  switch (child->verdict) {
  case FISA_BAD_TARGET: /* the target is what is bad */
    return a->insn.row->target >= FISA_MAX_OPERANDS ||
           a->insn.value[a->insn.row->target] ==
               b->insn.value[b->insn.row->target];
  case FISA_BAD_OVERLAP:
    return a->insn.pc == b->insn.pc && a->to == b->to;
  default:
    return true;
  }
}

/* Removes from the child's report what stands in the parent's; each finding
 * of the parent excuses one. */
static int excuse(struct fisa_verify_scratch *s) {
  struct fisa__report *mine = &s->child.report;
  const struct fisa__report *theirs = &s->parent.report;
  uint32_t kept = 0;
  bool *used;

  if (mine->count == 0 || theirs->count == 0)
    return 0;
  used = calloc(theirs->count, sizeof(*used));
  if (!used)
    return -1;
  for (uint32_t i = 0; i < mine->count; i++) {
    uint32_t k = 0;
    while (k < theirs->count &&
           (used[k] || !unchanged(s, &mine->list[i], &theirs->list[k])))
      k++;
    if (k < theirs->count)
      used[k] = true;
    else
      mine->list[kept++] = mine->list[i];
  }
  mine->count = kept;
  free(used);
  return 0;
}

/* ---- the two sides ------------------------------------------------------ */

/* Program hashes name programs; one without a hash was never sealed. */
static bool is_cached(const struct fisa_verify_scratch *s,
                      const struct fisa_program *parent) {
  static const uint8_t none[32];

  return s->parent_dialect == parent->dialect &&
         memcmp(parent->hash, none, sizeof(none)) != 0 &&
         memcmp(parent->hash, s->parent_hash, sizeof(none)) == 0;
}

static int load_parent(struct fisa_verify_scratch *s,
                       const struct fisa_program *parent) {
  struct fisa_facts *facts = NULL;

  if (is_cached(s, parent)) {
    s->parent.flow.p = parent;
    return 0;
  }
  s->parent_dialect = NULL;
  if (fisa__verify_program(parent, &s->parent.flow, &s->parent.report) != 0 ||
      fisa__side_index(&s->parent) != 0)
    return -1;
  s->layout_frozen = s->count_frozen = false;
  if (parent->size > 0 && parent->size <= FISA_MAX_CODE) {
    if (fisa_facts_make(parent, &facts, NULL) != 0)
      return -1;
    s->layout_frozen = facts->layout_frozen;
    s->count_frozen = facts->count_frozen;
    memcpy(s->frozen_reason, facts->frozen_reason, sizeof(s->frozen_reason));
    fisa_facts_free(facts);
  }
  memcpy(s->parent_hash, parent->hash, sizeof(s->parent_hash));
  s->parent_dialect = parent->dialect;
  return 0;
}

static int compare_findings(const void *pa, const void *pb) {
  const struct fisa_finding *a = pa, *b = pb;

  if (a->pc != b->pc)
    return a->pc < b->pc ? -1 : 1;
  return a->verdict < b->verdict ? -1 : a->verdict > b->verdict;
}

static int verify_child(struct fisa_verify_scratch *s,
                        const struct fisa_program *child,
                        const struct fisa_program *parent) {
  struct fisa__report *r = &s->child.report;

  if (load_parent(s, parent) != 0 ||
      fisa__verify_program(child, &s->child.flow, r) != 0 || excuse(s) != 0 ||
      fisa__side_index(&s->child) != 0)
    return -1;
  if (s->child.flow.count > 0 && s->parent.flow.count > 0) {
    check_lethal(s);
    check_kept(s);
    if (fisa__check_sensitive(s) != 0)
      return -1;
  }
  if (r->count > 1)
    qsort(r->list, r->count, sizeof(*r->list), compare_findings);
  return r->failed ? -1 : 0;
}

struct fisa_verify_scratch *fisa_verify_scratch_new(void) {
  return calloc(1, sizeof(struct fisa_verify_scratch));
}

static void side_done(struct fisa__side *s) {
  fisa__flow_done(&s->flow);
  free(s->report.list);
  free(s->risky.list);
  free(s->kept.list);
  free(s->strips.list);
}

void fisa_verify_scratch_free(struct fisa_verify_scratch *s) {
  if (!s)
    return;
  free(s->words);
  side_done(&s->child);
  side_done(&s->parent);
  free(s);
}

int fisa_verify_child(const struct fisa_program *child,
                      const struct fisa_program *parent,
                      struct fisa_verify_scratch *scratch,
                      struct fisa_finding *out, int capacity) {
  struct fisa_verify_scratch *s = scratch ? scratch : fisa_verify_scratch_new();
  int rc = -1;

  assert(child && parent && child->dialect == parent->dialect);
  if (!s)
    return -1;
  if (verify_child(s, child, parent) == 0) {
    rc = (int)s->child.report.count;
    for (int i = 0; i < rc && i < capacity; i++)
      out[i] = s->child.report.list[i];
  } else {
    s->parent_dialect = NULL; /* half made */
  }
  if (!scratch)
    fisa_verify_scratch_free(s);
  return rc;
}
