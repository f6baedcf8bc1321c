/*
 * hostsdk/promise.c - what a manifest promises of the begin of a task.
 *
 * Versions are searched and proved for states in which inputs are in their
 * ranges and, where a task begins anew, everything else is as the state list
 * and .data say. Whether a task begins in such a state is looked at before a
 * version runs it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hostsdk/runtime_internal.h"

/* Marks the cells that the manifest lets differ. */
static void mark_inputs(const struct fisa_program *p, uint8_t *given) {
  const struct fisa_dialect *d = p->dialect;
  for (uint32_t i = 0; i < p->manifest.in_count; i++) {
    const struct fisa_cells *c = &p->manifest.in[i];
    if (c->kind == FISA_CELLS_FILE) {
      memset(given + c->first, 1, c->count);
    } else if (c->kind == FISA_CELLS_STACK) {
      const struct fisa_file *stack = &d->files[d->stack_file];
      memset(given + stack->first, 1, stack->count);
      given[d->sp_cell] = 1;
    }
  }
}

int fhost_promise_make(struct fhost_promise *m,
                       const struct fisa_program *p) {
  const uint32_t cells = p->dialect->cell_count;
  uint8_t *given = calloc(cells + 1, 1);
  assert(m->initial == NULL);
  m->initial = fisa_state_new(p->dialect);
  if (given == NULL || m->initial == NULL) {
    free(given);
    return -1;
  }
  fisa_state_start(p, m->initial);
  mark_inputs(p, given);
  m->span_count = 0;
  for (uint32_t i = 0; i < cells; i++) {
    uint32_t first = i;
    if (given[i]) continue;
    while (i < cells && !given[i]) i++;
    /* Clauses part the cells into at most one run more than there are. */
    assert(m->span_count < sizeof m->span / sizeof m->span[0]);
    m->span[m->span_count].first = first;
    m->span[m->span_count++].count = i - first;
  }
  free(given);
  return 0;
}

void fhost_promise_done(struct fhost_promise *m) {
  fisa_state_free(m->initial);
  memset(m, 0, sizeof *m);
}

static bool cells_in_range(const struct fisa_cells *c,
                           const struct fisa_state *s) {
  assert(c->first + c->count <= s->cell_count);
  for (uint32_t k = 0; k < c->count; k++)
    if (s->cells[c->first + k] < c->lo || s->cells[c->first + k] > c->hi)
      return false;
  return true;
}

static bool bytes_in_range(const struct fisa_cells *c,
                           const struct fisa_state *s) {
  if (c->lo <= 0 && c->hi >= UINT8_MAX) return true;
  for (uint32_t k = 0; k < c->count; k++) {
    int32_t x = s->mem[(c->first + k) & (s->mem_size - 1)];
    if (x < c->lo || x > c->hi) return false;
  }
  return true;
}

/* The cells on top of the stack; a fresh task finds no others. */
static bool stack_in_range(const struct fisa_dialect *d,
                           const struct fisa_cells *c,
                           const struct fisa_state *s, bool fresh) {
  const struct fisa_file *stack = &d->files[d->stack_file];
  uint32_t depth = fisa_stack_depth(d, s);
  if (depth < c->count || (fresh && depth > c->count)) return false;
  for (uint32_t i = depth - c->count; i < depth; i++) {
    uint32_t at = stack->down ? stack->count - 1 - i : i;
    int32_t x = s->cells[stack->first + at];
    if (x < c->lo || x > c->hi) return false;
  }
  return true;
}

static bool is_input_byte(const struct fisa_manifest *m, uint32_t at,
                          uint32_t mem_size) {
  for (uint32_t i = 0; i < m->in_count; i++)
    if (m->in[i].kind == FISA_CELLS_MEM &&
        ((at - m->in[i].first) & (mem_size - 1)) < m->in[i].count)
      return true;
  return false;
}

/* Memory that is no input is as it was laid. Pages that neither state dirtied
 * are zero in both. */
static bool memory_kept(const struct fhost_promise *m,
                        const struct fisa_manifest *manifest,
                        const struct fisa_state *s) {
  for (uint32_t page = 0; page < s->mem_size / FISA_PAGE; page++) {
    uint64_t dirty = s->dirty[page / 64] | m->initial->dirty[page / 64];
    uint32_t at = page * FISA_PAGE;
    if (!(dirty >> (page % 64) & 1u) ||
        memcmp(s->mem + at, m->initial->mem + at, FISA_PAGE) == 0)
      continue;
    for (uint32_t i = at; i < at + FISA_PAGE; i++)
      if (s->mem[i] != m->initial->mem[i] &&
          !is_input_byte(manifest, i, s->mem_size))
        return false;
  }
  return true;
}

bool fhost_promise_kept(const struct fhost_promise *m,
                        const struct fisa_program *p,
                        const struct fisa_state *s, bool fresh) {
  const struct fisa_manifest *manifest = &p->manifest;
  assert(s->cell_count == m->initial->cell_count);
  for (uint32_t i = 0; fresh && i < m->span_count; i++)
    if (memcmp(s->cells + m->span[i].first,
               m->initial->cells + m->span[i].first,
               m->span[i].count * sizeof *s->cells) != 0)
      return false;
  for (uint32_t i = 0; i < manifest->in_count; i++) {
    const struct fisa_cells *c = &manifest->in[i];
    bool good = c->kind == FISA_CELLS_FILE  ? cells_in_range(c, s)
                : c->kind == FISA_CELLS_MEM ? bytes_in_range(c, s)
                                            : stack_in_range(p->dialect, c, s,
                                                             fresh);
    if (!good) return false;
  }
  return !fresh || memory_kept(m, manifest, s);
}
