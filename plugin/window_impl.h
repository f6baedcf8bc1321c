/*
 * plugin/window_impl.h - what the parts of the window search share. Private.
 *
 *   window.c         a run of instructions as a window
 *   window_graph.c   what its rows compute, as a graph
 *   window_form.c    the graph in its canonical form, and its key
 *   window_splice.c  a patch into a draft
 */
#ifndef FLUX_PLUGIN_WINDOW_IMPL_H
#define FLUX_PLUGIN_WINDOW_IMPL_H

#include "plugin/window.h"

#define FSE_GRAPH_VALUES 160u  /* inputs, constants and ops of a graph */
#define FSE_GRAPH_CELLS 64u    /* cells and slots that a window reaches */

enum fse_vertex_kind { FSE_VERTEX_INPUT, FSE_VERTEX_CONST, FSE_VERTEX_OP };

/* A value: what a cell holds at first, a constant, or an op. */
struct fse_vertex {
  uint8_t kind;         /* enum fse_vertex_kind */
  uint16_t op;
  uint8_t arg[4];       /* d a b c; FSE_NOTHING */
  int32_t imm;          /* of the op; the constant */
  uint32_t cell;        /* INPUT */
  uint64_t shape;       /* hash of what it computes, whatever the inputs */
};

/* Slots are numbered behind the cells of a state. */
#define FSE_SLOT_CELL(slot) (FISA_MAX_CELLS + (uint32_t)(slot))

/* A cell as the window goes along. */
struct fse_held {
  uint32_t cell;
  uint8_t value;
  bool written;
};

struct fse_graph {
  const struct fse_view *v;
  uint32_t count;
  struct fse_vertex vertex[FSE_GRAPH_VALUES];
  uint32_t held_count;
  struct fse_held held[FSE_GRAPH_CELLS];
};

/* Whether a row may be part of a window; `slot`: it is a slot's load or
 * store. */
bool fse_graph_row(const struct fisa_dialect *d, const struct fisa_row *row,
                   bool slot);

/* Takes one more instruction in; slot 255: it reaches no memory. -1: it does
 * not fit. */
int fse_graph_add(struct fse_graph *g, const struct fisa_insn *in,
                  unsigned slot, bool store);

/* The value a cell holds, as an input where nothing is known of it yet, or
 * FSE_NOTHING: no room. */
uint8_t fse_graph_value(struct fse_graph *g, uint32_t cell);

/*
 * The canonical form of the values out[0..out_count-1] of a graph; cell[i]
 * becomes the cell of input i. -1: too large.
 */
int fse_form_make(const struct fse_graph *g, const uint8_t *out,
                  unsigned out_count, struct fse_wform *form,
                  uint32_t cell[FSE_WINDOW_INS]);

uint64_t fse_task_key(const struct fse_task *t, const struct fse_lexicon *l);

#endif /* FLUX_PLUGIN_WINDOW_IMPL_H */
