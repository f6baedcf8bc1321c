/*
 * isa/state.h - the state codec: what a machine of a dialect holds, as one
 * flat layout that every engine, snapshot and episode shares, and its JSON.
 *
 * A state is `cell_count` 32-bit cells in the order of the dialect's state
 * list (f32 cells hold their bits) and `mem_size` bytes. The live part of a
 * stack that grows down is cells[stack.first + SP .. stack.first + size - 1],
 * of one that grows up cells[stack.first .. stack.first + SP - 1].
 */
#ifndef FLUX_ISA_STATE_H
#define FLUX_ISA_STATE_H

#include "isa/program.h"

enum fisa_status {
  FISA_RUN_HALT,   /* halt row; also the state before a run */
  FISA_RUN_END,    /* ran off the end */
  FISA_RUN_FAULT,
  FISA_RUN_FUEL,
  FISA_RUN_YIELD   /* stopped at a task boundary that is no halt */
};

#define FISA_PAGE 256u  /* bytes; the grain of dirty tracking */

struct fisa_state {
  uint32_t cell_count, mem_size;
  uint32_t pc;
  int32_t status;      /* enum fisa_status */
  int32_t fault;
  uint64_t cycles;
  int32_t *cells;      /* [cell_count + 2]: behind the state's cells one that
                          is always 0 and one that swallows writes, for
                          engines that run the zero register through them;
                          they belong to no state, nobody copies or compares
                          them, and nobody writes the first */
  uint8_t *mem;        /* [mem_size] */
  uint64_t *written;   /* [mem_size / 64]: bit per byte stored to */
  uint64_t *dirty;     /* [mem_size / FISA_PAGE / 64, rounded up]: bit per
                          page stored to since it was last cleared */
};

/* A state with all parts allocated, in the dialect's initial values, memory
 * zero. NULL: out of memory. */
struct fisa_state *fisa_state_new(const struct fisa_dialect *d);
void fisa_state_free(struct fisa_state *s);

/* Back to initial values. Memory is cleared by dirty pages only: whoever
 * stores to mem marks dirty, and nobody clears dirty while the page holds
 * anything: reset, copy and the observables below rely on it. */
void fisa_state_reset(const struct fisa_dialect *d, struct fisa_state *s);

/* Reset, lay the program's .data (marked dirty, not written), pc = entry. */
void fisa_state_start(const struct fisa_program *p, struct fisa_state *s);

/* dst becomes equal to src; same dialect; memory by dirty pages of both. */
void fisa_state_copy(struct fisa_state *dst, const struct fisa_state *src);

/* Marks n bytes from address as dirty and written; addresses wrap. */
void fisa_state_mark(struct fisa_state *s, uint32_t address, uint32_t n);

/* Number of live stack cells; the i-th from the bottom. */
uint32_t fisa_stack_depth(const struct fisa_dialect *d,
                          const struct fisa_state *s);
int32_t *fisa_stack_cell(const struct fisa_dialect *d, struct fisa_state *s,
                         uint32_t i);

/*
 * Whether two final states agree on every observable at a fresh-start
 * boundary of the program: what .out names, or by default all register files,
 * confidence, live stack cells, and memory outside .scratch. Status and fault
 * must agree always. NaN equals NaN. Returns true, or false with the first
 * difference described in `what` (may be NULL). A continuing boundary compares
 * `live` cells instead of the manifest (see fisa_observe_live).
 */
bool fisa_observe_equal(const struct fisa_program *p,
                        const struct fisa_state *a, const struct fisa_state *b,
                        char *what, size_t capacity);

/* As above at a continuing boundary: the cells of `live`, the live stack, and
 * memory outside .scratch; pc is compared by the caller through its map. */
bool fisa_observe_live(const struct fisa_program *p,
                       const struct fisa_set *live,
                       const struct fisa_state *a, const struct fisa_state *b,
                       char *what, size_t capacity);

/*
 * 128-bit digest of what fisa_observe_equal compares (live == NULL) or
 * fisa_observe_live compares; equal states have equal digests, whichever
 * pages are dirty in them. Not cryptographic, not stable across builds: for
 * trials.
 */
struct fisa_digest { uint64_t w[2]; };
struct fisa_digest fisa_observe_digest(const struct fisa_program *p,
                                       const struct fisa_set *live,
                                       const struct fisa_state *s);

/* ---- outside values ----------------------------------------------------- */

#define FISA_MAX_ARGS 3

/* One value that crossed the border of a task, in order. */
struct fisa_event {
  uint8_t out;             /* 0: consumed from a source, 1: produced */
  uint8_t argc;            /* arguments used */
  uint16_t name;           /* index among sources (in) or channels (out) */
  int32_t arg[FISA_MAX_ARGS];
  int32_t value;           /* in: the value consumed */
};

/* A growable list of events. Zero-initialise. */
struct fisa_trace {
  struct fisa_event *events;
  uint32_t count, capacity;
};

/* Appends; returns 0, or -1 when out of memory. */
int fisa_trace_add(struct fisa_trace *t, const struct fisa_event *e);
void fisa_trace_done(struct fisa_trace *t);   /* frees the list, zeroes t */

/* Whether two events are the same value in the same place. */
bool fisa_event_equal(const struct fisa_event *a, const struct fisa_event *b);

/* ---- JSON --------------------------------------------------------------- */

/*
 * Reads a `--state` object over a state that fisa_state_start made: regs,
 * fregs, conf, stack, flags, mem, pc, cycles; status, fault, fault_name and
 * out are accepted and ignored; `in` fills `inputs` (argument arrays [name,
 * arguments..., value]). A missing key leaves the initial value; an unknown
 * key or wrong type or range is an error. Bytes of mem are marked dirty, not
 * written. Arrays may be shorter than the file; its other cells stay. Returns
 * 0, or -1 with err filled, `inputs` as it was and the state of no use.
 */
int fisa_state_from_json(const struct fisa_dialect *d, const char *text,
                         size_t length, struct fisa_state *s,
                         struct fisa_trace *inputs, struct fisa_error *err);

/* The one-line result object of `exec` (no newline), to be freed with
 * free(). `trace` gives `out`. NULL: out of memory. */
char *fisa_state_to_json(const struct fisa_dialect *d,
                         const struct fisa_state *s,
                         const struct fisa_trace *trace);

#endif /* FLUX_ISA_STATE_H */
