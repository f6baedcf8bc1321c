/*
 * isa/scratch.c - memory that nobody looks at, and where a program does.
 *
 * `.scratch` says that what a task leaves there is of no interest. An agent
 * that continues may prove that wrong: a byte that a task may read before it
 * surely stored to it lives from one task to the next. A backward dataflow
 * finds such bytes. Only stores and loads of one address count here: of a read
 * through a computed one the declaration is believed, and whoever evolves the
 * agent tries whether what the scratch holds at a begin makes a difference.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isa/asm_internal.h"
#include "isa/flow.h"

enum { MOST_WORDS = 1 << 20 };  /* of the dataflow: 8 MiB */

/* Scratch bytes are numbered in the order of the clauses. */
struct scratch {
  const struct fisa_program *p;
  const struct fisa_facts *f;
  uint32_t bytes, words; /* of scratch; of a set of them */
  uint64_t *in;          /* [instructions][words]: read before stored to */
};

static uint32_t scratch_bytes(const struct fisa_program *p) {
  uint64_t n = 0;

  for (uint32_t i = 0; i < p->manifest.scratch_count; i++)
    n += p->manifest.scratch[i].count;
  return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* ---- instructions ------------------------------------------------------- */

/* The one address that a load or store has; its width. */
static bool fixed_access(const struct scratch *s, const struct fisa_insn *in,
                         const struct fisa_step *step, uint32_t *address,
                         uint32_t *width) {
  int32_t a = 0, b = 0, imm = 0;

  if (!fisa__ref_const(s->p->dialect, in, &step->a, &a) ||
      !fisa__ref_const(s->p->dialect, in, &step->b, &b) ||
      (step->imm.kind != FISA_REF_NONE &&
       !fisa__ref_const(s->p->dialect, in, &step->imm, &imm)))
    return false;
  *width = step->op == FLUX_OP_LOAD8 || step->op == FLUX_OP_STORE8 ? 1 : 4;
  *address = ((uint32_t)a + (uint32_t)b + (uint32_t)imm) &
             (s->p->dialect->mem_size - 1);
  return true;
}

/* Sets or clears the numbers of the scratch bytes of an access. */
static void mark(const struct scratch *s, uint64_t *set, uint32_t address,
                 bool on) {
  uint32_t first = 0;

  for (uint32_t i = 0; i < s->p->manifest.scratch_count; i++) {
    const struct fisa_cells *c = &s->p->manifest.scratch[i];
    uint32_t n = first + (address - c->first);
    if (address >= c->first && address - c->first < c->count) {
      if (on)
        set[n / 64] |= UINT64_C(1) << n % 64;
      else
        set[n / 64] &= ~(UINT64_C(1) << n % 64);
    }
    first += c->count;
  }
}

/* Goes back over one step: what it stores to is not read from outside, what
 * it reads is. */
static void step_back(const struct scratch *s, const struct fisa_insn *in,
                      const struct fisa_step *step, uint64_t *set) {
  bool load = step->op == FLUX_OP_LOAD32 || step->op == FLUX_OP_LOAD8;
  bool store = step->op == FLUX_OP_STORE32 || step->op == FLUX_OP_STORE8;
  uint32_t address, width;

  if ((load || store) && fixed_access(s, in, step, &address, &width)) {
    for (uint32_t k = 0; k < width; k++)
      mark(s, set, (address + k) & (s->p->dialect->mem_size - 1), load);
  }
}

/* ---- the dataflow ------------------------------------------------------- */

/* Joins what may be read from `pc` on. */
static void join(const struct scratch *s, int64_t pc, uint64_t *set) {
  uint32_t i;

  if (pc < 0 || pc >= s->p->size)
    return;
  i = s->f->index[pc];
  for (uint32_t w = 0; i < s->f->count && w < s->words; w++)
    set[w] |= s->in[(size_t)i * s->words + w];
}

/* Where control goes: no calls, no registers. */
static void join_behind(const struct scratch *s, const struct fisa_insn *in,
                        uint64_t *set) {
  uint8_t flow = in->row->flow;

  memset(set, 0, s->words * sizeof(*set));
  if (in->target != FISA_NO_TARGET)
    join(s, in->target, set);
  if (flow != FISA_FLOW_JUMP_REL && flow != FISA_FLOW_JUMP_ABS &&
      flow != FISA_FLOW_HALT && flow != FISA_FLOW_TRAP)
    join(s, (int64_t)in->pc + in->length, set);
}

static int solve(struct scratch *s) {
  uint64_t *set = calloc(s->words, sizeof(*set));
  bool changed = set != NULL;

  while (changed) {
    changed = false;
    for (uint32_t i = s->f->count; i-- > 0;) {
      const struct fisa_insn *in = &s->f->insn[i];
      uint64_t *old = &s->in[(size_t)i * s->words];
      join_behind(s, in, set);
      for (unsigned k = in->row->step_count; k-- > 0;)
        step_back(s, in, &in->row->steps[k], set);
      changed |= memcmp(old, set, s->words * sizeof(*set)) != 0;
      memcpy(old, set, s->words * sizeof(*set));
    }
  }
  if (!set)
    return -1;
  free(set);
  return 0;
}

/* ---- boundaries --------------------------------------------------------- */

/* Whether an agent continues behind an instruction. */
static bool continues_behind(const struct fisa_program *p,
                             const struct fisa_insn *in) {
  const struct fisa_boundary *b = &p->manifest.boundary;

  return (in->row->roles & FISA_ROLE_YIELD) ||
         (b->kind == FISA_BOUNDARY_OUT && in->row->channel == b->channel);
}

/* Whether an agent may continue at all. */
static bool continues(const struct fisa_program *p,
                      const struct fisa_facts *f) {
  bool any = p->manifest.boundary.kind == FISA_BOUNDARY_PC;

  for (uint32_t i = 0; i < f->count && !any; i++)
    any = continues_behind(p, &f->insn[i]);
  return any;
}

/* What is live at any boundary. */
static void at_boundaries(const struct scratch *s, uint64_t *set) {
  const struct fisa_boundary *b = &s->p->manifest.boundary;

  if (b->kind == FISA_BOUNDARY_PC)
    join(s, b->pc, set);
  for (uint32_t i = 0; i < s->f->count; i++)
    if (continues_behind(s->p, &s->f->insn[i]))
      join(s, (int64_t)s->f->insn[i].pc + s->f->insn[i].length, set);
}

/* Where control cannot be followed: whatever is read anywhere. */
static void any_read(const struct scratch *s, uint64_t *set) {
  for (uint32_t i = 0; i < s->f->count; i++) {
    const struct fisa_insn *in = &s->f->insn[i];
    for (unsigned k = 0; k < in->row->step_count; k++) {
      const struct fisa_step *step = &in->row->steps[k];
      if (step->op == FLUX_OP_LOAD32 || step->op == FLUX_OP_LOAD8)
        step_back(s, in, step, set);
    }
  }
}

/* Fills set, of `words` words, in which every bit is 0. 1: some byte lives
 * from task to task, 0: none does, -1: memory. */
static int live_bytes(struct scratch *s, uint64_t *set) {
  size_t n = (size_t)s->f->count * s->words;
  bool any = false;
  int rc = 0;

  if (!continues(s->p, s->f))
    return 0;
  if (s->f->has_call || s->f->has_dynamic || n > MOST_WORDS) {
    any_read(s, set);
  } else {
    s->in = calloc(n + 1, sizeof(*s->in));
    if (!s->in || solve(s) != 0)
      rc = -1;
    else
      at_boundaries(s, set);
    free(s->in);
    s->in = NULL;
  }
  for (uint32_t i = 0; rc == 0 && i < s->bytes; i++)
    any |= set[i / 64] >> i % 64 & 1;
  return rc == 0 ? any : rc;
}

int fisa_scratch_lives(const struct fisa_program *p,
                       const struct fisa_facts *f) {
  struct scratch s = {.p = p, .f = f, .bytes = scratch_bytes(p)};
  uint64_t *set;
  int rc;

  if (s.bytes == 0)
    return 0;
  s.words = s.bytes / 64 + 1;
  set = calloc(s.words, sizeof(*set));
  rc = set ? live_bytes(&s, set) : -1;
  free(set);
  return rc;
}

/* ---- clauses ------------------------------------------------------------ */

/* Leaves of the clauses what is not in the set; what finds no room is taken
 * out, too. */
static void cut(struct fisa_manifest *m, const uint64_t *set) {
  struct fisa_cells kept[FISA_MAX_CLAUSES];
  uint32_t count = 0, n = 0;

  for (uint32_t i = 0; i < m->scratch_count; i++) {
    struct fisa_cells run = m->scratch[i];
    run.count = 0;
    for (uint32_t k = 0; k < m->scratch[i].count; k++, n++) {
      bool lives = set[n / 64] >> n % 64 & 1;
      if (!lives && run.count++ == 0)
        run.first = m->scratch[i].first + k;
      if (run.count > 0 && (lives || k + 1 == m->scratch[i].count)) {
        if (count < FISA_MAX_CLAUSES)
          kept[count++] = run;
        run.count = 0;
      }
    }
  }
  memcpy(m->scratch, kept, count * sizeof(*kept));
  m->scratch_count = count;
}

int fisa_program_settle_scratch(struct fisa_program *p,
                                struct fisa_error *err) {
  struct scratch s = {.p = p, .bytes = scratch_bytes(p)};
  struct fisa_facts *f = NULL;
  uint64_t *set = NULL;
  int rc = 0;

  if (s.bytes == 0)
    return 0;
  if (fisa_facts_make(p, &f, err) != 0)
    return -1;
  s.f = f;
  s.words = s.bytes / 64 + 1;
  set = calloc(s.words, sizeof(*set));
  rc = set ? live_bytes(&s, set) : -1;
  if (rc > 0)
    cut(&p->manifest, set);
  if (rc < 0 || isa_program_seal(p) < 0)
    rc = fisa_fail(err, "out of memory");
  fisa_facts_free(f);
  free(set);
  return rc < 0 ? -1 : 0;
}
